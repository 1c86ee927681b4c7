/* Inside of CAST; shared by the cast_*.c files. */
#ifndef SL_KERN_CAST_INT_H
#define SL_KERN_CAST_INT_H

#include "kern/cast.h"
#include "kern/datetime.h"
#include "kern/number.h"

/* One column being cast.  `in` is FLAT, or VIEW for strings, with `rows` rows; a CONST column runs
 * as a FLAT one of one row. */
struct sl_cast_run {
    struct sl_call *call;
    const struct sl_vec *in;
    struct sl_vec *out;
    const struct sl_type *from, *to;
    uint32_t rows;
    enum sl_cast_mode mode;
    const struct sl_zone *zone;
};
typedef enum sl_code (*sl_cast_fn)(struct sl_cast_run *run, struct sl_err *err);

static inline bool sl_cast_row_is_null(const struct sl_cast_run *run, uint32_t row) {
    return run->in->valid && !sl_bit_get(run->in->valid, row);
}
/* Row values of STRING and BINARY input, FLAT or VIEW. */
static inline struct sl_str sl_cast_str(const struct sl_vec *in, uint32_t row) {
    if (in->enc == SL_ENC_VIEW) return in->views[row];
    int32_t begin = in->offsets[row];
    return (struct sl_str){(const char *)in->bytes + begin, (size_t)(in->offsets[row + 1] - begin)};
}
static inline sl_int128 sl_cast_decimal(const struct sl_vec *in, uint32_t row) {
    return in->type->precision > 18 ? in->i128[row] : in->i64[row];
}
static inline void sl_cast_put_decimal(struct sl_vec *out, uint32_t row, sl_int128 value) {
    if (out->type->precision > 18)
        out->i128[row] = value;
    else
        out->i64[row] = (int64_t)value;
}

/* A row that cannot be cast: reported in ANSI mode, null otherwise; nothing when it was null. */
SL_MUST_CHECK enum sl_code sl_cast_malformed(struct sl_cast_run *run, uint32_t row,
                                             struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_cast_overflow(struct sl_cast_run *run, uint32_t row,
                                            struct sl_err *err);
/* The same of intervals, where it is an error without ANSI mode too. */
SL_MUST_CHECK enum sl_code sl_cast_interval_overflow(struct sl_cast_run *run, uint32_t row,
                                                     struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_cast_interval_malformed(struct sl_cast_run *run, uint32_t row,
                                                      struct sl_err *err);
/* The value does not fit the decimal `run->to`. */
SL_MUST_CHECK enum sl_code sl_cast_out_of_decimal(struct sl_cast_run *run, uint32_t row,
                                                  struct sl_err *err);

/* A text whose integer part has over 38 digits. */
SL_MUST_CHECK enum sl_code sl_cast_too_long(struct sl_cast_run *run, uint32_t row,
                                            struct sl_err *err);

/* The kernel for a pair of types, NULL when the group has none. */
sl_cast_fn sl_cast_find_number(const struct sl_type *from, const struct sl_type *to);
sl_cast_fn sl_cast_find_decimal(const struct sl_type *from, const struct sl_type *to);
sl_cast_fn sl_cast_find_string(const struct sl_type *from, const struct sl_type *to);
sl_cast_fn sl_cast_find_text(const struct sl_type *from, const struct sl_type *to);
sl_cast_fn sl_cast_find_datetime(const struct sl_type *from, const struct sl_type *to);
sl_cast_fn sl_cast_find_nested(const struct sl_type *from, const struct sl_type *to);

#endif
