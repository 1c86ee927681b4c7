/* Rows as Spark's UnsafeRow keeps them, which is what its state files hold.
 *
 *   row     null bits (64-bit words), a slot of 8 bytes per field, what is of variable length
 *   slot    the value, zero-padded; or u32 size, u32 offset from the row's begin
 *   array   i64 count, null bits, the elements side by side, what is of variable length
 *
 * All little-endian; wide decimals are big-endian integers of the least number of bytes.  Equal
 * rows have equal bytes, which is how Spark looks up keys: writing is exact to the last padding
 * byte.  Maps are not read or written.  Source: UnsafeRow.java, UnsafeRowWriter.java,
 * UnsafeArrayData.java. */
#ifndef SL_STATE_UNSAFE_ROW_H
#define SL_STATE_UNSAFE_ROW_H

#include "base/buf.h"
#include "col/vec.h"

/* Whether values of the type can be read and written. */
bool sl_unsafe_row_has(const struct sl_type *type);

/* Fills the clear columns, one for each field of `type`, with `count` rows. SL_DATA says what does
 * not fit; nothing outside the rows' bytes is read. */
SL_MUST_CHECK enum sl_code sl_unsafe_rows_take(const struct sl_str *rows, uint32_t count,
                                               const struct sl_type *type, struct sl_vec *columns,
                                               struct sl_err *err);

/* Appends row `row` of the columns, which are FLAT or CONST. key: -0.0 becomes 0.0 and NaN the one
 * NaN, as in Spark's grouping keys. */
SL_MUST_CHECK enum sl_code sl_unsafe_row_put(struct sl_buf *out, const struct sl_type *type,
                                             const struct sl_vec *columns, uint32_t row, bool key,
                                             struct sl_err *err);

#endif
