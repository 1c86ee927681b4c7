/* Rows as CSV and JSON lines, for `sluice sql`. */
#ifndef SL_CLI_ROW_TEXT_H
#define SL_CLI_ROW_TEXT_H

#include "base/buf.h"
#include "col/batch.h"
#include "kern/session.h"

/* The names of the columns, with line break. */
void sl_csv_put_header(struct sl_buf *out, const struct sl_type *schema);
/* NULL is an empty cell; nested values are Spark's text. */
void sl_csv_put_row(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                    const struct sl_session *session);
/* {"a":1,"b":[1,2],"c":null}: arrays, structs and maps are JSON too; scalars that JSON lacks are
 * Spark's text. */
void sl_json_put_row(struct sl_buf *out, const struct sl_type *schema, const struct sl_batch *batch,
                     uint32_t row, const struct sl_session *session);

#endif
