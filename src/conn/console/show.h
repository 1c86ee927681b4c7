/* Rows as the text table of Spark's Dataset.show(): used by the console sink and `sluice sql`.
 * Source: Dataset.showString. */
#ifndef SL_CONN_CONSOLE_SHOW_H
#define SL_CONN_CONSOLE_SHOW_H

#include "base/buf.h"
#include "col/batch.h"
#include "kern/session.h"

struct sl_show;
/* Keeps up to rows_max rows as text; truncate: cells longer than that many characters are cut to
 * truncate - 3 and "..." and cells are right-aligned; 0: whole and left-aligned. */
struct sl_show *sl_show_new(const struct sl_type *schema, uint32_t rows_max, uint32_t truncate);
void sl_show_add(struct sl_show *show, const struct sl_batch *batch,
                 const struct sl_session *session);
/* The table, then "only showing top N rows" when more came, then an empty line; and starts anew. */
void sl_show_finish(struct sl_show *show, struct sl_buf *out);
void sl_show_free(struct sl_show *show);

#endif
