/* interval * number and interval / number, rounded half up to months or microseconds.
 * Source: intervalExpressions.scala (MultiplyYMInterval, DivideDTInterval ..), Guava's DoubleMath
 * and LongMath. */
#include "kern/interval_math.h"

#include <math.h>

#include "kern/arith.h"

enum outcome { FITS, OVERFLOWS, BY_ZERO };

typedef enum outcome (*interval_fn)(int64_t interval, const struct sl_vec *number, uint32_t row,
                                    int64_t *out);

enum sl_code sl_interval_overflow(struct sl_call *call, uint32_t row, bool try_it,
                                  struct sl_err *err) {
    return sl_arith_null_or_bad(call, row, try_it, "INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION",
                                "22015",
                                "Integer overflow while operating with intervals. Use `try_add`, "
                                "`try_multiply` or `try_divide` to tolerate overflow and return "
                                "NULL instead.",
                                err);
}

/* DoubleMath.roundToLong with HALF_UP: ties go away from zero. */
static enum outcome round_real(double value, int64_t *out) {
    double rounded = round(value);
    if (!(rounded >= -0x1p63 && rounded < 0x1p63)) return OVERFLOWS; /* NaN too */
    *out = (int64_t)rounded;
    return FITS;
}

static enum outcome take_decimal(enum sl_decimal_status status, sl_int128 value, int64_t *out) {
    if (status == SL_DECIMAL_ZERO_DIVISOR) return BY_ZERO;
    if (status != SL_DECIMAL_OK || value > INT64_MAX || value < INT64_MIN) return OVERFLOWS;
    *out = (int64_t)value;
    return FITS;
}

static enum outcome times(int64_t interval, const struct sl_vec *number, uint32_t row,
                          int64_t *out) {
    sl_int128 product = 0;
    switch (number->type->kind) {
    case SL_DOUBLE_KIND:
        return round_real((double)interval * number->f64[sl_vec_pos(number, row)], out);
    case SL_DECIMAL_KIND: {
        struct sl_decimal_shape shape = {0, number->type->scale, 38, 0};
        enum sl_decimal_status status =
            sl_decimal_multiply(&shape, interval, sl_decimal_get(number, row), &product);
        return take_decimal(status, product, out);
    }
    default:
        return __builtin_mul_overflow(interval, sl_integer_get(number, row), out) ? OVERFLOWS
                                                                                  : FITS;
    }
}

/* LongMath.divide with HALF_UP; the divisor is not 0. */
static enum outcome divide_integer(int64_t interval, int64_t by, int64_t *out) {
    sl_int128 quotient = (sl_int128)interval / by, rest = (sl_int128)interval % by;
    sl_int128 twice = rest < 0 ? -2 * rest : 2 * rest, size = by < 0 ? -(sl_int128)by : by;
    if (twice >= size) quotient += (interval < 0) == (by < 0) ? 1 : -1;
    return take_decimal(SL_DECIMAL_OK, quotient, out);
}

static enum outcome divided(int64_t interval, const struct sl_vec *number, uint32_t row,
                            int64_t *out) {
    sl_int128 quotient = 0;
    switch (number->type->kind) {
    case SL_DOUBLE_KIND: {
        double by = number->f64[sl_vec_pos(number, row)];
        return by == 0 ? BY_ZERO : round_real((double)interval / by, out);
    }
    case SL_DECIMAL_KIND: {
        struct sl_decimal_shape shape = {0, number->type->scale, 38, 0};
        enum sl_decimal_status status =
            sl_decimal_divide(&shape, interval, sl_decimal_get(number, row), &quotient);
        return take_decimal(status, quotient, out);
    }
    default: {
        int64_t by = sl_integer_get(number, row);
        return by == 0 ? BY_ZERO : divide_integer(interval, by, out);
    }
    }
}

static enum sl_code scale(struct sl_call *call, interval_fn fn, bool try_it, struct sl_err *err) {
    uint32_t at = sl_type_is_interval(call->args[0]->type) ? 0 : 1;
    const struct sl_vec *interval = call->args[at], *number = call->args[1 - at];
    bool months = call->out->type->kind == SL_MONTH_INTERVAL_KIND;
    for (uint32_t row = 0; row < call->rows; row++) {
        /* Null rows hold anything, even decimals outside their type. */
        bool live = !call->strict_valid || sl_bit_get(call->strict_valid, row);
        int64_t value = 0;
        enum outcome outcome = live ? fn(sl_integer_get(interval, row), number, row, &value) : FITS;
        if (outcome == FITS && months && value != (int32_t)value) outcome = OVERFLOWS;
        sl_integer_set(call->out, row, outcome == FITS ? value : 0);
        if (outcome == OVERFLOWS) SL_TRY(sl_interval_overflow(call, row, try_it, err));
        if (outcome == BY_ZERO)
            SL_TRY(sl_arith_null_or_bad(call, row, try_it, "INTERVAL_DIVIDED_BY_ZERO", "22012",
                                        "Division by zero. Use `try_divide` to tolerate divisor "
                                        "being 0 and return NULL instead.",
                                        err));
    }
    return SL_OK;
}

enum sl_code sl_interval_multiply(struct sl_call *call, bool try_it, struct sl_err *err) {
    return scale(call, times, try_it, err);
}

enum sl_code sl_interval_divide(struct sl_call *call, bool try_it, struct sl_err *err) {
    return scale(call, divided, try_it, err);
}
