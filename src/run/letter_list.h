/* The newest dead letters of a pipeline's queries: for `sluice dlq show`. */
#ifndef SL_RUN_LETTER_LIST_H
#define SL_RUN_LETTER_LIST_H

#include "run/letter_read.h"

/* The newest letters, newest first, as at most `limit` rows in one batch of plain columns; query:
 * of this one only, "" for all. begin is called if there is a table to read. */
SL_MUST_CHECK enum sl_code sl_letters_newest(struct sl_pipeline *pipeline,
                                             const struct sl_letter_owners *owners,
                                             struct sl_str query, uint32_t limit,
                                             sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                             struct sl_err *err);

#endif
