/* round, bround, ceil, floor.  Doubles are rounded by their shortest decimal text, as Spark's
 * BigDecimal(x).setScale does: round(1.005, 2) is 1.01.  Source: mathExpressions.scala (RoundBase).
 */
#include <math.h>

#include "kern/arith.h"
#include "kern/kernels.h"
#include "kern/number.h"

enum rounding { HALF_UP, HALF_EVEN, CEILING, FLOOR };

/* value / 10^drop, rounded; drop >= 0. */
static sl_int128 drop_digits(sl_int128 value, int drop, enum rounding mode) {
    if (drop == 0) return value;
    if (drop > 38) return mode == CEILING ? value > 0 : mode == FLOOR ? -(value < 0) : 0;
    sl_int128 power = sl_decimal_pow10(drop), quotient = value / power, rest = value % power;
    if (rest == 0) return quotient;
    int away = value < 0 ? -1 : 1;
    sl_int128 half = power / 2, size = rest < 0 ? -rest : rest;
    switch (mode) {
    case HALF_UP:
        return size >= half ? quotient + away : quotient;
    case HALF_EVEN:
        return size > half || (size == half && quotient % 2) ? quotient + away : quotient;
    case CEILING:
        return value > 0 ? quotient + 1 : quotient;
    default:
        return value < 0 ? quotient - 1 : quotient;
    }
}

/* Away from ties the product with a power of ten decides, and an integer below 2^53 divided by an
 * exact power of ten is the double nearest to that decimal. */
static bool round_fast(double value, int scale, double *out) {
    static const double powers[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9};
    if (scale < 0 || scale > 9) return false;
    double scaled = value * powers[scale], size = fabs(scaled), whole = floor(size);
    if (!(size < 4503599627370496.0)) return false;
    double from_tie = size - whole - 0.5;
    if (fabs(from_tie) <= size * 1e-15) return false;
    *out = copysign((from_tie > 0 ? whole + 1 : whole) / powers[scale], value);
    return *out != 0; /* the sign of zero is left to the exact way */
}

static double round_double(double value, int scale, enum rounding mode) {
    double quick;
    if (!isfinite(value) || value == 0) return value;
    if (round_fast(value, scale, &quick)) return quick;
    int integer_digits = fabs(value) < 1 ? 1 : (int)floor(log10(fabs(value))) + 2;
    int kept = 36 - integer_digits; /* a double's text has at most 17 digits */
    if (scale >= kept) return value;
    sl_int128 unscaled;
    if (kept < 0) kept = 0;
    if (integer_digits > 37 || !sl_decimal_from_f64(value, 38, kept, &unscaled)) {
        /* An integer of that size changes only where whole groups of digits are dropped. */
        if (scale >= 0) return value;
        double power = pow(10, -scale);
        return isfinite(power) ? round(value / power) * power : 0;
    }
    sl_int128 rounded = drop_digits(unscaled, kept - scale, mode);
    if (scale >= 0) return sl_decimal_to_f64(rounded, scale);
    if (-scale > 38) return 0;
    sl_int128 whole;
    if (__builtin_mul_overflow(rounded, sl_decimal_pow10(-scale), &whole)) return value;
    return sl_decimal_to_f64(whole, 0);
}

/* False when the value does not fit. */
static bool store_integer(struct sl_vec *out, uint32_t row, int64_t value) {
    sl_integer_set(out, row, value);
    return sl_integer_get(out, row) == value;
}

static void round_integers(struct sl_call *call, int scale, enum rounding mode) {
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t value = sl_integer_get(call->args[0], row);
        sl_int128 rounded = value;
        if (scale < 0)
            rounded = -scale > 19 ? 0 : drop_digits(value, -scale, mode) * sl_decimal_pow10(-scale);
        bool fits = store_integer(call->out, row, (int64_t)rounded) &&
                    rounded == (sl_int128)(int64_t)rounded;
        if (!fits && call->session->ansi)
            sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003", "Overflow." SL_ANSI_BYPASS);
    }
}

static void round_decimals(struct sl_call *call, int scale, enum rounding mode) {
    const struct sl_type *from = call->args[0]->type, *to = call->out->type;
    for (uint32_t row = 0; row < call->rows; row++) {
        sl_int128 value = sl_decimal_get(call->args[0], row);
        int drop = from->scale - scale;
        if (drop > 0) value = drop_digits(value, drop, mode);
        /* round(123.4, -1) is 120 at scale 0 */
        bool fits =
            scale >= 0 ||
            (-scale <= 38 && !__builtin_mul_overflow(value, sl_decimal_pow10(-scale), &value));
        if (scale < -38) value = 0;
        fits = (fits || scale < -38) && sl_decimal_fits(value, to->precision);
        sl_decimal_set(call->out, row, fits ? value : 0);
        if (fits) continue;
        sl_call_bad(call, row, "NUMERIC_VALUE_OUT_OF_RANGE.WITHOUT_SUGGESTION", "22003",
                    "The rounded value cannot be represented as Decimal(%d, %d).", to->precision,
                    to->scale);
    }
}

/* The second argument was checked to be a constant by the resolve hook. */
static int scale_of(const struct sl_call *call) {
    if (call->arg_count < 2 || sl_vec_is_null(call->args[1], 0)) return 0;
    int64_t scale = sl_integer_get(call->args[1], 0);
    return scale > 1000 ? 1000 : scale < -1000 ? -1000 : (int)scale;
}

static enum sl_code round_call(struct sl_call *call, enum rounding mode, struct sl_err *err) {
    int scale = scale_of(call);
    const struct sl_vec *arg = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    switch (call->out->type->kind) {
    case SL_DECIMAL_KIND:
        round_decimals(call, scale, mode);
        return SL_OK;
    case SL_DOUBLE_KIND:
        for (uint32_t row = 0; row < call->rows; row++)
            call->out->f64[row] = round_double(arg->f64[sl_vec_pos(arg, row)], scale, mode);
        return SL_OK;
    case SL_FLOAT_KIND:
        for (uint32_t row = 0; row < call->rows; row++)
            call->out->f32[row] =
                (float)round_double((double)arg->f32[sl_vec_pos(arg, row)], scale, mode);
        return SL_OK;
    default:
        round_integers(call, scale, mode);
        return SL_OK;
    }
}

/* Java's (long) of a double: saturating, NaN is 0. */
static int64_t long_of(double value) {
    if (isnan(value)) return 0;
    if (value >= 9223372036854775808.0) return INT64_MAX;
    return value < -9223372036854775808.0 ? INT64_MIN : (int64_t)value;
}

static enum sl_code to_whole(struct sl_call *call, enum rounding mode, struct sl_err *err) {
    const struct sl_vec *arg = call->args[0];
    if (arg->type->kind == SL_DECIMAL_KIND) {
        SL_TRY(sl_vec_reserve(call->out, call->rows, err));
        round_decimals(call, scale_of(call), mode);
        return SL_OK;
    }
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t at = sl_vec_pos(arg, row);
        if (arg->type->kind == SL_LONG_KIND)
            call->out->i64[row] = arg->i64[at];
        else
            call->out->i64[row] =
                long_of(mode == CEILING ? ceil(arg->f64[at]) : floor(arg->f64[at]));
    }
    return SL_OK;
}

enum sl_code sl_kernel_round(struct sl_call *call, struct sl_err *err) {
    return round_call(call, HALF_UP, err);
}
enum sl_code sl_kernel_bround(struct sl_call *call, struct sl_err *err) {
    return round_call(call, HALF_EVEN, err);
}
enum sl_code sl_kernel_ceil(struct sl_call *call, struct sl_err *err) {
    return to_whole(call, CEILING, err);
}
enum sl_code sl_kernel_floor(struct sl_call *call, struct sl_err *err) {
    return to_whole(call, FLOOR, err);
}
