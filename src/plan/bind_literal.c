/* Literals: typed as Spark's AstBuilder types them. */
#include "plan/bind_int.h"

#include <math.h>

static const struct sl_vec *constant(struct sl_arena *arena, const struct sl_type *type,
                                     const void *value, size_t bytes) {
    struct sl_vec *vec = SL_NEW(arena, struct sl_vec);
    sl_vec_init(vec, type);
    /* A vector's buffer may be read in whole lanes, so it is padded like any other. */
    void *data = sl_arena_zalloc(arena, bytes + 64);
    if (bytes) memcpy(data, value, bytes);
    vec->enc = SL_ENC_CONST;
    vec->rows = 1;
    if (sl_type_is_bytes(type)) {
        int32_t *offsets = sl_arena_zalloc(arena, 64);
        offsets[1] = (int32_t)bytes;
        vec->offsets = offsets;
        vec->bytes = data;
    } else {
        vec->data = data;
    }
    return vec;
}

/* "12.50" is decimal(4,2); a leading or trailing point is allowed. */
static enum sl_code decimal_literal(struct sl_binder *binder, const struct sl_uexpr *expr,
                                    struct sl_expr **out, struct sl_err *err) {
    struct sl_str text = expr->literal.text;
    int digits = 0, scale = 0, exponent = 0;
    bool point = false, significant = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == 'e' || c == 'E') {
            int64_t value;
            struct sl_str rest = sl_str_sub(text, i + 1, text.len);
            if (rest.len && rest.ptr[0] == '+') rest = sl_str_sub(rest, 1, rest.len);
            if (sl_str_to_i64(rest, &value) && value > -100 && value < 100) exponent = (int)value;
            break;
        }
        if (c == '.') point = true;
        if (c < '0' || c > '9') continue;
        significant |= c != '0';
        digits += significant;
        scale += point;
    }
    scale -= exponent;
    if (scale < 0) digits -= scale, scale = 0;
    int precision = digits > scale ? digits : scale;
    if (precision == 0) precision = 1;
    sl_int128 value;
    if (precision > 38)
        return sl_fail_at(err, expr->span, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "22003",
                          "decimal precision %d exceeds max precision 38", precision);
    if (!sl_parse_decimal(text, precision, scale, &value))
        return sl_fail_at(err, expr->span, "PARSE_SYNTAX_ERROR", "42601",
                          "`%.*s` is not a decimal number", SL_STR_ARG(text));
    *out = sl_expr_literal_decimal(&binder->ctx->expr, precision, scale, value);
    return SL_OK;
}

/* A number without suffix is the first of int, bigint, decimal that holds it. */
static enum sl_code plain_integer(struct sl_binder *binder, const struct sl_uexpr *expr,
                                  struct sl_expr **out, struct sl_err *err) {
    int64_t value = expr->literal.integer;
    if (expr->literal.text.len && !sl_str_to_i64(expr->literal.text, &value))
        return decimal_literal(binder, expr, out, err);
    bool small = value >= INT32_MIN && value <= INT32_MAX;
    *out = sl_expr_literal_i64(&binder->ctx->expr, small ? &sl_type_int : &sl_type_long, value);
    return SL_OK;
}

static enum sl_code bad_typed_literal(const struct sl_uexpr *expr, const char *type,
                                      const char *example, struct sl_err *err) {
    enum sl_code code = sl_fail_at(err, expr->span, "INVALID_TYPED_LITERAL", "42604",
                                   "the value of the typed literal \"%s\" is invalid: '%.*s'", type,
                                   SL_STR_ARG(expr->literal.text));
    if (err) sl_hint(err, "write it like %s '%s'", type, example);
    return code;
}

static enum sl_code time_literal(struct sl_binder *binder, const struct sl_uexpr *expr,
                                 struct sl_expr **out, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    struct sl_str text = expr->literal.text;
    int32_t days;
    int64_t micros;
    switch (expr->literal.kind) {
    case SL_LIT_DATE:
        if (!sl_parse_date(text, &days)) return bad_typed_literal(expr, "DATE", "2024-12-31", err);
        *out = sl_expr_literal_i64(ctx, &sl_type_date, days);
        return SL_OK;
    case SL_LIT_TIMESTAMP:
        if (!sl_parse_timestamp(text, ctx->session->zone, &micros))
            return bad_typed_literal(expr, "TIMESTAMP", "2024-12-31 23:59:59", err);
        *out = sl_expr_literal_i64(ctx, &sl_type_timestamp, micros);
        return SL_OK;
    default:
        if (!sl_parse_timestamp_ntz(text, &micros))
            return bad_typed_literal(expr, "TIMESTAMP_NTZ", "2024-12-31 23:59:59", err);
        *out = sl_expr_literal_i64(ctx, &sl_type_timestamp_ntz, micros);
        return SL_OK;
    }
}

static struct sl_expr *interval_literal(struct sl_binder *binder,
                                        const struct sl_uliteral *literal) {
    struct sl_type *type = SL_NEW(binder->arena, struct sl_type);
    type->kind =
        literal->kind == SL_LIT_MONTH_INTERVAL ? SL_MONTH_INTERVAL_KIND : SL_DAY_INTERVAL_KIND;
    type->interval_from = literal->interval_from;
    type->interval_to = literal->interval_to;
    return sl_expr_literal_i64(&binder->ctx->expr, type, literal->integer);
}

static enum sl_code float_literal(struct sl_binder *binder, const struct sl_uexpr *expr,
                                  struct sl_expr **out, struct sl_err *err) {
    double value;
    if (!sl_parse_f64(expr->literal.text, &value))
        return sl_fail_at(err, expr->span, "PARSE_SYNTAX_ERROR", "42601", "`%.*s` is not a number",
                          SL_STR_ARG(expr->literal.text));
    bool is_double = expr->literal.kind == SL_LIT_DOUBLE;
    if (isinf(is_double ? value : (float)value))
        return sl_fail_at(err, expr->span, "INVALID_NUMERIC_LITERAL_RANGE", "22003",
                          "Numeric literal %.*s is outside the valid range for %s",
                          SL_STR_ARG(expr->literal.text), is_double ? "double" : "float");
    if (is_double) {
        *out = sl_expr_literal_f64(&binder->ctx->expr, value);
        return SL_OK;
    }
    float narrow = (float)value;
    *out = sl_expr_literal(&binder->ctx->expr,
                           constant(binder->arena, &sl_type_float, &narrow, sizeof narrow));
    return SL_OK;
}

enum sl_code sl_bind_literal(struct sl_binder *binder, const struct sl_uexpr *expr,
                             struct sl_expr **out, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    const struct sl_uliteral *literal = &expr->literal;
    switch (literal->kind) {
    case SL_LIT_NULL:
        *out = sl_expr_literal_null(ctx, &sl_type_null);
        return SL_OK;
    case SL_LIT_BOOL:
        *out = sl_expr_literal_i64(ctx, &sl_type_bool, literal->boolean);
        return SL_OK;
    case SL_LIT_TINYINT:
        *out = sl_expr_literal_i64(ctx, &sl_type_byte, literal->integer);
        return SL_OK;
    case SL_LIT_SMALLINT:
        *out = sl_expr_literal_i64(ctx, &sl_type_short, literal->integer);
        return SL_OK;
    case SL_LIT_BIGINT:
        *out = sl_expr_literal_i64(ctx, &sl_type_long, literal->integer);
        return SL_OK;
    case SL_LIT_INT:
        return plain_integer(binder, expr, out, err);
    case SL_LIT_DECIMAL:
        return decimal_literal(binder, expr, out, err);
    case SL_LIT_FLOAT:
    case SL_LIT_DOUBLE:
        return float_literal(binder, expr, out, err);
    case SL_LIT_STRING:
        *out = sl_expr_literal_str(ctx, literal->text);
        return SL_OK;
    case SL_LIT_BINARY:
        *out = sl_expr_literal(
            ctx, constant(binder->arena, &sl_type_binary, literal->text.ptr, literal->text.len));
        return SL_OK;
    case SL_LIT_DATE:
    case SL_LIT_TIMESTAMP:
    case SL_LIT_TIMESTAMP_NTZ:
        return time_literal(binder, expr, out, err);
    case SL_LIT_MONTH_INTERVAL:
    case SL_LIT_DAY_INTERVAL:
        *out = interval_literal(binder, literal);
        return SL_OK;
    }
    return sl_fail(err, SL_BUG, "unknown literal kind %d", (int)literal->kind);
}
