/* Division, remainder and their kin.  A zero divisor is an error in ANSI mode (also for floating
 * point), else NULL.  Source: arithmetic.scala (DivModLike, Pmod). */
#include <math.h>

#include "kern/arith.h"
#include "kern/interval_math.h"
#include "kern/kernels.h"

static const char zero_division[] =
    "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL "
    "instead." SL_ANSI_BYPASS;
static const char zero_remainder[] =
    "Remainder by zero. Use `try_mod` to tolerate divisor being 0 and return NULL "
    "instead." SL_ANSI_BYPASS;

enum division { DIVIDE, INT_DIVIDE, REMAINDER, PMOD };

static enum sl_code by_zero(struct sl_call *call, enum division op, bool try_it, uint32_t row,
                            struct sl_err *err) {
    bool null_it = try_it || !call->session->ansi;
    if (op <= INT_DIVIDE)
        return sl_arith_null_or_bad(call, row, null_it, "DIVIDE_BY_ZERO", "22012", zero_division,
                                    err);
    return sl_arith_null_or_bad(call, row, null_it, "REMAINDER_BY_ZERO", "22012", zero_remainder,
                                err);
}

/* Java's %, whose sign is the dividend's; pmod: ((a % n) + n) % n when a % n is negative. */
static double float_of(enum division op, double a, double b) {
    if (op == DIVIDE) return a / b;
    double r = fmod(a, b);
    return op == PMOD && r < 0 ? fmod(r + b, b) : r;
}

/* Whether a divisor was 0. In blocks of a fixed length, which compilers vectorise at -O2. */
static inline __attribute__((always_inline)) bool
divide_doubles(const double *restrict a, size_t step_a, const double *restrict b, size_t step_b,
               double *restrict out, size_t rows) {
    int64_t zeros = 0;
    size_t row = 0;
    for (; row + 64 <= rows; row += 64)
        for (size_t i = 0; i < 64; i++) {
            out[row + i] = a[(row + i) * step_a] / b[(row + i) * step_b];
            zeros |= b[(row + i) * step_b] == 0;
        }
    for (; row < rows; row++) {
        out[row] = a[row * step_a] / b[row * step_b];
        zeros |= b[row * step_b] == 0;
    }
    return zeros != 0;
}

static enum sl_code floats(struct sl_call *call, enum division op, bool try_it,
                           struct sl_err *err) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    bool single = call->out->type->kind == SL_FLOAT_KIND;
    bool zero = false;
    uint32_t sa = a->enc != SL_ENC_CONST, sb = b->enc != SL_ENC_CONST;
    if (!single && op == DIVIDE) {
        double *out = call->out->f64;
        zero = sa && sb ? divide_doubles(a->f64, 1, b->f64, 1, out, call->rows)
               : sa     ? divide_doubles(a->f64, 1, b->f64, 0, out, call->rows)
                        : divide_doubles(a->f64, 0, b->f64, sb, out, call->rows);
    } else {
        for (uint32_t i = 0; i < call->rows; i++) {
            double x = single ? (double)a->f32[i * sa] : a->f64[i * sa];
            double y = single ? (double)b->f32[i * sb] : b->f64[i * sb];
            double r = float_of(op, x, y);
            zero |= y == 0;
            if (single)
                call->out->f32[i] = (float)r;
            else
                call->out->f64[i] = r;
        }
    }
    for (uint32_t i = 0; zero && i < call->rows; i++)
        if ((single ? (double)b->f32[i * sb] : b->f64[i * sb]) == 0)
            SL_TRY(by_zero(call, op, try_it, i, err));
    return SL_OK;
}

/* b is not 0. The one quotient that overflows is MIN / -1. */
static int64_t integer_of(enum division op, int64_t a, int64_t b) {
    if (b == -1) return op == INT_DIVIDE ? (int64_t)(0 - (uint64_t)a) : 0;
    if (op == INT_DIVIDE) return a / b;
    int64_t r = a % b;
    return op == PMOD && r < 0 ? (int64_t)((__int128)r + b) % b : r;
}

static enum sl_code integers(struct sl_call *call, enum division op, bool try_it,
                             struct sl_err *err) {
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t a = sl_integer_get(call->args[0], row), b = sl_integer_get(call->args[1], row);
        sl_integer_set(call->out, row, b ? integer_of(op, a, b) : 0);
        if (b == 0) SL_TRY(by_zero(call, op, try_it, row, err));
        if (op != INT_DIVIDE || b != -1 || a != INT64_MIN) continue;
        if (try_it || call->session->ansi)
            SL_TRY(sl_arith_null_or_bad(
                call, row, try_it, "ARITHMETIC_OVERFLOW", "22003",
                "Overflow in integral divide. Use 'try_divide' to tolerate overflow and return "
                "NULL instead." SL_ANSI_BYPASS,
                err));
    }
    return SL_OK;
}

static enum sl_code divide(struct sl_call *call, enum division op, bool try_it,
                           struct sl_err *err) {
    static const sl_decimal_fn decimal_fns[] = {sl_decimal_divide, sl_decimal_int_divide,
                                                sl_decimal_remainder, sl_decimal_pmod};
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    if (sl_type_is_interval(call->out->type)) return sl_interval_divide(call, try_it, err);
    if (call->args[0]->type->kind == SL_DECIMAL_KIND)
        return sl_arith_decimals(call, decimal_fns[op], try_it,
                                 op <= INT_DIVIDE ? "DIVIDE_BY_ZERO" : "REMAINDER_BY_ZERO",
                                 op <= INT_DIVIDE ? zero_division : zero_remainder, err);
    if (sl_type_is_float(call->out->type)) return floats(call, op, try_it, err);
    return integers(call, op, try_it, err);
}

enum sl_code sl_kernel_divide(struct sl_call *call, struct sl_err *err) {
    return divide(call, DIVIDE, false, err);
}
enum sl_code sl_kernel_int_divide(struct sl_call *call, struct sl_err *err) {
    return divide(call, INT_DIVIDE, false, err);
}
enum sl_code sl_kernel_remainder(struct sl_call *call, struct sl_err *err) {
    return divide(call, REMAINDER, false, err);
}
enum sl_code sl_kernel_pmod(struct sl_call *call, struct sl_err *err) {
    return divide(call, PMOD, false, err);
}
enum sl_code sl_kernel_try_divide(struct sl_call *call, struct sl_err *err) {
    return divide(call, DIVIDE, true, err);
}
enum sl_code sl_kernel_try_mod(struct sl_call *call, struct sl_err *err) {
    return divide(call, REMAINDER, true, err);
}
