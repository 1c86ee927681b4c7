/* Addition, subtraction, multiplication, with Spark's overflow rules: an error in ANSI mode, NULL
 * in try_*, else wrap-around (NULL for decimals).  Source: arithmetic.scala, MathUtils.scala. */
#include "kern/arith.h"

#include <stdio.h>

#include "kern/interval_math.h"
#include "kern/kernels.h"
#include "kern/number.h"

enum arith { ARITH_ADD, ARITH_SUBTRACT, ARITH_MULTIPLY };

#define T int8_t
#define U uint8_t
#define WIDE int32_t
#define NAME arith_i8
#include "kern/tmpl/arith.h"
#define T int16_t
#define U uint16_t
#define WIDE int32_t
#define NAME arith_i16
#include "kern/tmpl/arith.h"
#define T int32_t
#define U uint32_t
#define WIDE int64_t
#define NAME arith_i32
#include "kern/tmpl/arith.h"
#define T int64_t
#define U uint64_t
#define NAME arith_i64
#include "kern/tmpl/arith.h"

enum sl_code sl_arith_null_or_bad(struct sl_call *call, uint32_t row, bool null_it,
                                  const char *condition, const char *sqlstate, const char *msg,
                                  struct sl_err *err) {
    if (null_it) return sl_call_null(call, row, err);
    sl_call_bad(call, row, condition, sqlstate, "%s", msg);
    return SL_OK;
}

/* ---- integers ---- */

static const char *const try_names[] = {"try_add", "try_subtract", "try_multiply"};
static const char symbols[] = "+-*";

static bool overflows(enum arith op, uint32_t width, int64_t a, int64_t b) {
    switch (width) {
    case 1:
        return arith_i8_over(op, (int8_t)a, (int8_t)b);
    case 2:
        return arith_i16_over(op, (int16_t)a, (int16_t)b);
    case 4:
        return arith_i32_over(op, (int32_t)a, (int32_t)b);
    default:
        return arith_i64_over(op, a, b);
    }
}

static void bad_integer(struct sl_call *call, enum arith op, uint32_t row, int64_t a, int64_t b) {
    enum sl_kind kind = call->out->type->kind;
    if (kind == SL_BYTE_KIND || kind == SL_SHORT_KIND) {
        char suffix = kind == SL_BYTE_KIND ? 'Y' : 'S';
        sl_call_bad(call, row, "BINARY_ARITHMETIC_OVERFLOW", "22003",
                    "%lld%c %c %lld%c caused overflow. Use `%s` to ignore overflow problem and "
                    "return NULL.",
                    (long long)a, suffix, symbols[op], (long long)b, suffix, try_names[op]);
    } else {
        sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003",
                    "%s overflow. Use '%s' to tolerate overflow and return NULL "
                    "instead." SL_ANSI_BYPASS,
                    kind == SL_INT_KIND ? "integer" : "long", try_names[op]);
    }
}

static enum sl_code report_overflows(struct sl_call *call, enum arith op, bool try_it,
                                     struct sl_err *err) {
    bool interval = sl_type_is_interval(call->out->type);
    if (!try_it && !call->session->ansi && !interval) return SL_OK; /* wraps */
    uint32_t width = sl_type_width(call->out->type);
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t a = sl_integer_get(call->args[0], row), b = sl_integer_get(call->args[1], row);
        if (!overflows(op, width, a, b)) continue;
        if (interval)
            SL_TRY(sl_interval_overflow(call, row, try_it, err));
        else if (try_it)
            SL_TRY(sl_call_null(call, row, err));
        else
            bad_integer(call, op, row, a, b);
    }
    return SL_OK;
}

static enum sl_code integers(struct sl_call *call, enum arith op, bool try_it, struct sl_err *err) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    struct sl_vec *out = call->out;
    bool ca = a->enc == SL_ENC_CONST, cb = b->enc == SL_ENC_CONST, over;
    switch (sl_type_width(out->type)) {
    case 1:
        over = arith_i8(op, a->i8, ca, b->i8, cb, out->i8, call->rows);
        break;
    case 2:
        over = arith_i16(op, a->i16, ca, b->i16, cb, out->i16, call->rows);
        break;
    case 4:
        over = arith_i32(op, a->i32, ca, b->i32, cb, out->i32, call->rows);
        break;
    default:
        over = arith_i64(op, a->i64, ca, b->i64, cb, out->i64, call->rows);
    }
    return over ? report_overflows(call, op, try_it, err) : SL_OK;
}

/* ---- floating point ---- */

#define T float
#define NAME arith_f32
#include "kern/tmpl/arith_float.h"
#define T double
#define NAME arith_f64
#include "kern/tmpl/arith_float.h"

static enum sl_code floats(struct sl_call *call, enum arith op) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    bool ca = a->enc == SL_ENC_CONST, cb = b->enc == SL_ENC_CONST;
    if (call->out->type->kind == SL_FLOAT_KIND)
        arith_f32(op, a->f32, ca, b->f32, cb, call->out->f32, call->rows);
    else
        arith_f64(op, a->f64, ca, b->f64, cb, call->out->f64, call->rows);
    return SL_OK;
}

/* ---- decimals ---- */

static enum sl_code bad_decimal(struct sl_call *call, uint32_t row, bool try_it,
                                struct sl_err *err) {
    if (try_it || !call->session->ansi) return sl_call_null(call, row, err);
    const struct sl_type *type = call->out->type;
    if (type->kind != SL_DECIMAL_KIND) {
        sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003",
                    "Overflow in integral divide. Use 'try_divide' to tolerate overflow and return "
                    "NULL instead." SL_ANSI_BYPASS);
        return SL_OK;
    }
    sl_call_bad(call, row, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
                "The result cannot be represented as Decimal(%d, %d). If necessary set "
                "\"spark.sql.ansi.enabled\" to \"false\" to bypass this error, and return NULL "
                "instead.",
                type->precision, type->scale);
    return SL_OK;
}

enum sl_code sl_arith_decimals(struct sl_call *call, sl_decimal_fn fn, bool try_it,
                               const char *zero_condition, const char *zero_msg,
                               struct sl_err *err) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    struct sl_vec *out = call->out;
    bool to_long = out->type->kind == SL_LONG_KIND;
    struct sl_decimal_shape shape = {a->type->scale, b->type->scale, out->type->precision,
                                     out->type->scale};
    for (uint32_t row = 0; row < call->rows; row++) {
        /* Null rows hold anything, even values outside their type. */
        bool live = !call->strict_valid || sl_bit_get(call->strict_valid, row);
        sl_int128 result = 0;
        enum sl_decimal_status status =
            live ? fn(&shape, sl_decimal_get(a, row), sl_decimal_get(b, row), &result)
                 : SL_DECIMAL_OK;
        if (to_long)
            out->i64[row] = (int64_t)result;
        else
            sl_decimal_set(out, row, result);
        if (status == SL_DECIMAL_ZERO_DIVISOR)
            SL_TRY(sl_arith_null_or_bad(call, row, try_it || !call->session->ansi, zero_condition,
                                        "22012", zero_msg, err));
        if (status == SL_DECIMAL_OVERFLOW) SL_TRY(bad_decimal(call, row, try_it, err));
    }
    return SL_OK;
}

/* Operands of up to 18 digits whose result keeps all digits fit 128 bits without a check. */
static bool narrow_decimals(struct sl_call *call, enum arith op) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    struct sl_vec *out = call->out;
    int s1 = a->type->scale, s2 = b->type->scale, scale = s1 > s2 ? s1 : s2;
    if (a->type->precision > 18 || b->type->precision > 18) return false;
    if (out->type->scale != (op == ARITH_MULTIPLY ? s1 + s2 : scale)) return false;
    sl_int128 up_a = sl_decimal_pow10(scale - s1), up_b = sl_decimal_pow10(scale - s2);
    for (uint32_t row = 0; row < call->rows; row++) {
        sl_int128 x = a->i64[sl_vec_pos(a, row)], y = b->i64[sl_vec_pos(b, row)];
        sl_int128 r = op == ARITH_MULTIPLY ? x * y
                      : op == ARITH_ADD    ? x * up_a + y * up_b
                                           : x * up_a - y * up_b;
        sl_decimal_set(out, row, r);
    }
    return true;
}

static enum sl_code arithmetic(struct sl_call *call, enum arith op, bool try_it,
                               struct sl_err *err) {
    static const sl_decimal_fn decimal_fns[] = {sl_decimal_add, sl_decimal_subtract,
                                                sl_decimal_multiply};
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    switch (call->out->type->kind) {
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        return floats(call, op);
    case SL_DECIMAL_KIND:
        if (narrow_decimals(call, op)) return SL_OK;
        return sl_arith_decimals(call, decimal_fns[op], try_it, NULL, NULL, err);
    case SL_DAY_INTERVAL_KIND:
    case SL_MONTH_INTERVAL_KIND:
        if (op == ARITH_MULTIPLY) return sl_interval_multiply(call, try_it, err);
        return integers(call, op, try_it, err);
    default:
        return integers(call, op, try_it, err);
    }
}

enum sl_code sl_kernel_add(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_ADD, false, err);
}
enum sl_code sl_kernel_subtract(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_SUBTRACT, false, err);
}
enum sl_code sl_kernel_multiply(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_MULTIPLY, false, err);
}
enum sl_code sl_kernel_try_add(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_ADD, true, err);
}
enum sl_code sl_kernel_try_subtract(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_SUBTRACT, true, err);
}
enum sl_code sl_kernel_try_multiply(struct sl_call *call, struct sl_err *err) {
    return arithmetic(call, ARITH_MULTIPLY, true, err);
}
