/* Unary arithmetic, functions of doubles, bit operations.
 * Source: arithmetic.scala, mathExpressions.scala, bitwiseExpressions.scala. */
#include <math.h>

#include "kern/arith.h"
#include "kern/kernels.h"

/* ---- negative, positive, abs ---- */

enum unary { NEGATE, KEEP, ABSOLUTE };

static int64_t integer_min(uint32_t width) { return INT64_MIN >> (64 - 8 * width); }

static void negation_overflow(struct sl_call *call, uint32_t row) {
    static const char *const names[] = {
        [SL_BYTE_KIND] = "byte", [SL_SHORT_KIND] = "short", [SL_INT_KIND] = "integer"};
    enum sl_kind kind = call->out->type->kind;
    sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003", "%s overflow." SL_ANSI_BYPASS,
                kind <= SL_INT_KIND ? names[kind] : "long");
}

static void unary_integer(struct sl_call *call, enum unary op) {
    uint32_t width = sl_type_width(call->out->type);
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t value = sl_integer_get(call->args[0], row);
        bool flip = op == NEGATE || (op == ABSOLUTE && value < 0);
        sl_integer_set(call->out, row, flip ? (int64_t)(0 - (uint64_t)value) : value);
        if (flip && value == integer_min(width) && call->session->ansi)
            negation_overflow(call, row);
    }
}

static double unary_double(enum unary op, double value) {
    return op == NEGATE ? -value : op == ABSOLUTE ? fabs(value) : value;
}

static enum sl_code unary(struct sl_call *call, enum unary op, struct sl_err *err) {
    const struct sl_vec *arg = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    if (call->out->type->kind == SL_DECIMAL_KIND) {
        for (uint32_t row = 0; row < call->rows; row++) {
            sl_int128 value = sl_decimal_get(arg, row);
            bool flip = op == NEGATE || (op == ABSOLUTE && value < 0);
            /* unsigned, since null rows may hold the least value */
            sl_decimal_set(call->out, row,
                           flip ? (sl_int128)(0 - (unsigned __int128)value) : value);
        }
    } else if (call->out->type->kind == SL_DOUBLE_KIND) {
        for (uint32_t row = 0; row < call->rows; row++)
            call->out->f64[row] = unary_double(op, arg->f64[sl_vec_pos(arg, row)]);
    } else if (call->out->type->kind == SL_FLOAT_KIND) {
        for (uint32_t row = 0; row < call->rows; row++)
            call->out->f32[row] = (float)unary_double(op, (double)arg->f32[sl_vec_pos(arg, row)]);
    } else {
        unary_integer(call, op);
    }
    return SL_OK;
}

enum sl_code sl_kernel_negative(struct sl_call *call, struct sl_err *err) {
    return unary(call, NEGATE, err);
}
enum sl_code sl_kernel_positive(struct sl_call *call, struct sl_err *err) {
    return unary(call, KEEP, err);
}
enum sl_code sl_kernel_abs(struct sl_call *call, struct sl_err *err) {
    return unary(call, ABSOLUTE, err);
}

/* ---- functions of doubles ---- */

static enum sl_code map_doubles(struct sl_call *call, double (*fn)(double), struct sl_err *err) {
    const struct sl_vec *arg = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->f64[row] = fn(arg->f64[sl_vec_pos(arg, row)]);
    return SL_OK;
}

/* Logarithms of what has none are NULL, in ANSI mode too. */
static enum sl_code map_logarithm(struct sl_call *call, double (*fn)(double), double least,
                                  struct sl_err *err) {
    const struct sl_vec *arg = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        double value = arg->f64[sl_vec_pos(arg, row)];
        call->out->f64[row] = fn(value);
        if (value <= least) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}

static double sign_of(double x) { return x > 0 ? 1.0 : x < 0 ? -1.0 : x; }

/* The C library's cbrt(27.0) is one unit off in the last place; Java's is 3. */
static double cube_root(double x) { return (double)cbrtl((long double)x); }

#define DOUBLE_KERNEL(name, fn)                                                                    \
    enum sl_code sl_kernel_##name(struct sl_call *call, struct sl_err *err) {                      \
        return map_doubles(call, fn, err);                                                         \
    }
DOUBLE_KERNEL(sign, sign_of)
DOUBLE_KERNEL(sqrt, sqrt)
DOUBLE_KERNEL(cbrt, cube_root)
DOUBLE_KERNEL(exp, exp)
DOUBLE_KERNEL(expm1, expm1)
DOUBLE_KERNEL(sin, sin)
DOUBLE_KERNEL(cos, cos)
DOUBLE_KERNEL(tan, tan)
DOUBLE_KERNEL(asin, asin)
DOUBLE_KERNEL(acos, acos)
DOUBLE_KERNEL(atan, atan)

enum sl_code sl_kernel_ln(struct sl_call *call, struct sl_err *err) {
    return map_logarithm(call, log, 0, err);
}
enum sl_code sl_kernel_log10(struct sl_call *call, struct sl_err *err) {
    return map_logarithm(call, log10, 0, err);
}
enum sl_code sl_kernel_log2(struct sl_call *call, struct sl_err *err) {
    return map_logarithm(call, log2, 0, err);
}
enum sl_code sl_kernel_log1p(struct sl_call *call, struct sl_err *err) {
    return map_logarithm(call, log1p, -1, err);
}

enum sl_code sl_kernel_log_base(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *base = call->args[0], *arg = call->args[1];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        double b = base->f64[sl_vec_pos(base, row)], x = arg->f64[sl_vec_pos(arg, row)];
        call->out->f64[row] = log(x) / log(b);
        if (b <= 0 || x <= 0) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}

/* Java's pow: a base of magnitude 1 to an infinite power is NaN, unlike C's. */
static double java_pow(double x, double y) {
    if (isnan(y) || (isinf(y) && fabs(x) == 1)) return NAN;
    return pow(x, y);
}

static enum sl_code binary_doubles(struct sl_call *call, double (*fn)(double, double),
                                   struct sl_err *err) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->f64[row] = fn(a->f64[sl_vec_pos(a, row)], b->f64[sl_vec_pos(b, row)]);
    return SL_OK;
}

enum sl_code sl_kernel_pow(struct sl_call *call, struct sl_err *err) {
    return binary_doubles(call, java_pow, err);
}
enum sl_code sl_kernel_atan2(struct sl_call *call, struct sl_err *err) {
    return binary_doubles(call, atan2, err);
}
enum sl_code sl_kernel_hypot(struct sl_call *call, struct sl_err *err) {
    return binary_doubles(call, hypot, err);
}

/* ---- bits ---- */

enum bit_op { BITS_AND, BITS_OR, BITS_XOR, BITS_LEFT, BITS_RIGHT, BITS_RIGHT_UNSIGNED };

/* Shift counts wrap at the width, as Java's do. */
static int64_t bits_of(enum bit_op op, int64_t a, int64_t b, uint32_t width) {
    unsigned count = (unsigned)b & (width * 8 - 1);
    uint64_t unsigned_a = width == 4 ? (uint32_t)a : (uint64_t)a;
    switch (op) {
    case BITS_AND:
        return a & b;
    case BITS_OR:
        return a | b;
    case BITS_XOR:
        return a ^ b;
    case BITS_LEFT:
        return (int64_t)((uint64_t)a << count);
    case BITS_RIGHT:
        return a >> count;
    default:
        return (int64_t)(unsigned_a >> count);
    }
}

static enum sl_code bits(struct sl_call *call, enum bit_op op, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    uint32_t width = sl_type_width(call->out->type);
    for (uint32_t row = 0; row < call->rows; row++)
        sl_integer_set(call->out, row,
                       bits_of(op, sl_integer_get(call->args[0], row),
                               sl_integer_get(call->args[1], row), width));
    return SL_OK;
}

enum sl_code sl_kernel_bit_and(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_AND, err);
}
enum sl_code sl_kernel_bit_or(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_OR, err);
}
enum sl_code sl_kernel_bit_xor(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_XOR, err);
}
enum sl_code sl_kernel_shiftleft(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_LEFT, err);
}
enum sl_code sl_kernel_shiftright(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_RIGHT, err);
}
enum sl_code sl_kernel_shiftrightunsigned(struct sl_call *call, struct sl_err *err) {
    return bits(call, BITS_RIGHT_UNSIGNED, err);
}

enum sl_code sl_kernel_bit_not(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        sl_integer_set(call->out, row, ~sl_integer_get(call->args[0], row));
    return SL_OK;
}

enum sl_code sl_kernel_bit_count(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->i32[row] =
            __builtin_popcountll((unsigned long long)sl_integer_get(call->args[0], row));
    return SL_OK;
}
