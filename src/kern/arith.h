/* What the arithmetic kernels share: modes of failure and loops over decimals. */
#ifndef SL_KERN_ARITH_H
#define SL_KERN_ARITH_H

#include "kern/call.h"
#include "kern/decimal_math.h"

/* A row that has no result: NULL for try_* functions and, mostly, without ANSI; else an error. */
SL_MUST_CHECK enum sl_code sl_arith_null_or_bad(struct sl_call *call, uint32_t row, bool null_it,
                                                const char *condition, const char *sqlstate,
                                                const char *msg, struct sl_err *err);
/* Applies fn to all rows of two DECIMAL arguments; the result is DECIMAL or LONG. zero: condition
 * and message of a division by zero. */
SL_MUST_CHECK enum sl_code sl_arith_decimals(struct sl_call *call, sl_decimal_fn fn, bool try_it,
                                             const char *zero_condition, const char *zero_msg,
                                             struct sl_err *err);

static inline sl_int128 sl_decimal_get(const struct sl_vec *vec, uint32_t row) {
    row = sl_vec_pos(vec, row);
    return sl_type_is_wide_decimal(vec->type) ? vec->i128[row] : (sl_int128)vec->i64[row];
}
static inline void sl_decimal_set(struct sl_vec *vec, uint32_t row, sl_int128 value) {
    if (sl_type_is_wide_decimal(vec->type))
        vec->i128[row] = value;
    else
        vec->i64[row] = (int64_t)value;
}

/* Integers, dates and intervals of any width; narrowing wraps. */
static inline int64_t sl_integer_get(const struct sl_vec *vec, uint32_t row) {
    row = sl_vec_pos(vec, row);
    switch (sl_type_width(vec->type)) {
    case 1:
        return vec->i8[row];
    case 2:
        return vec->i16[row];
    case 4:
        return vec->i32[row];
    default:
        return vec->i64[row];
    }
}
static inline void sl_integer_set(struct sl_vec *vec, uint32_t row, int64_t value) {
    switch (sl_type_width(vec->type)) {
    case 1:
        vec->i8[row] = (int8_t)value;
        break;
    case 2:
        vec->i16[row] = (int16_t)value;
        break;
    case 4:
        vec->i32[row] = (int32_t)value;
        break;
    default:
        vec->i64[row] = value;
    }
}

#define SL_ANSI_BYPASS                                                                             \
    " If necessary set \"spark.sql.ansi.enabled\" to \"false\" to bypass this error."

#endif
