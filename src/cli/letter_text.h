/* Dead letters and their counts as text that fits a terminal of 120 columns, and as JSON lines, for
 * `sluice dlq`. */
#ifndef SL_CLI_LETTER_TEXT_H
#define SL_CLI_LETTER_TEXT_H

#include "kern/session.h"
#include "run/letter_list.h"
#include "run/letter_stats.h"

enum sl_letter_style { SL_LETTER_SHORT, SL_LETTER_FULL, SL_LETTER_JSON };

/* One letter of a listed batch; number: from 1. */
void sl_letter_put(struct sl_buf *out, const struct sl_batch *batch, uint32_t row, uint32_t number,
                   enum sl_letter_state state, enum sl_letter_style style,
                   const struct sl_session *session);
void sl_letter_put_groups(struct sl_buf *out, const struct sl_letter_group *groups, uint32_t count,
                          enum sl_letter_style style);
/* A text in one line: what would move the cursor is escaped, and what does not fit `width`
 * characters is cut, with "..". Returns the characters written. */
size_t sl_cell_put(struct sl_buf *out, struct sl_str text, size_t width);

#endif
