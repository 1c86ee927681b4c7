/* Columns as bytes, for files that only sluice reads: Arrow's arrays one behind the other, without
 * padding.  The reader trusts nothing: sizes, offsets and counts are checked against the type and
 * the bytes that are there, before anything is allocated. */
#ifndef SL_STATE_ROW_BYTES_H
#define SL_STATE_ROW_BYTES_H

#include "base/buf.h"
#include "col/batch.h"

/* Appends the columns' rows; FLAT or CONST, all of `batch->rows`, no selection. */
SL_MUST_CHECK enum sl_code sl_row_bytes_put(struct sl_buf *out, const struct sl_batch *batch,
                                            struct sl_err *err);
/* Fills the columns of an initialised, clear batch with `rows` rows; *bytes moves behind them.
 * SL_DATA says what does not fit. */
SL_MUST_CHECK enum sl_code sl_row_bytes_take(struct sl_str *bytes, uint32_t rows,
                                             struct sl_batch *batch, struct sl_err *err);

#endif
