/* Casts: written ones, and the implicit ones of Spark's ANSI coercion. */
#include "expr/expr_int.h"

/* Spark's three kinds of advice: a function, switching ANSI mode off, none. */
static const char *mismatch_condition(const struct sl_type *from, const struct sl_type *to,
                                      enum sl_cast_mode mode) {
    bool to_date = sl_type_is_numeric(from) && to->kind == SL_DATE_KIND;
    bool from_date = from->kind == SL_DATE_KIND && sl_type_is_numeric(to);
    if (mode != SL_CAST_LEGACY && (to_date || from_date))
        return "DATATYPE_MISMATCH.CAST_WITH_FUNC_SUGGESTION";
    if (mode == SL_CAST_ANSI && sl_cast_allowed(from, to, SL_CAST_LEGACY))
        return "DATATYPE_MISMATCH.CAST_WITH_CONF_SUGGESTION";
    return "DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION";
}

static enum sl_code cast_mismatch(struct sl_expr_ctx *ctx, const struct sl_expr *arg,
                                  const struct sl_type *to, enum sl_cast_mode mode,
                                  struct sl_span span, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_expr_put_sql(&text, arg);
    const char *target = sl_type_sql(ctx->query, to);
    const char *condition = mismatch_condition(arg->type, to, mode);
    enum sl_code code = sl_fail_at(
        err, span, condition, "42K09",
        "Cannot resolve \"%sCAST(%.*s AS %s)\" due to data type mismatch: cannot cast \"%s\" to "
        "\"%s\"%s.",
        mode == SL_CAST_TRY ? "TRY_" : "", (int)(text.len > 160 ? 160 : text.len),
        sl_buf_cstr(&text), target, sl_type_sql(ctx->query, arg->type), target,
        strstr(condition, "CONF") ? " with ANSI mode on" : "");
    if (strstr(condition, "FUNC"))
        sl_hint(err, "use the function %s instead",
                to->kind == SL_DATE_KIND ? "date_from_unix_date" : "unix_date");
    else if (strstr(condition, "CONF"))
        sl_hint(err, "SET spark.sql.ansi.enabled = false allows this cast");
    sl_buf_release(&text);
    return code;
}

/* Casts that give NULL for some non-null input even in ANSI mode do not exist; TRY and legacy ones
 * are nullable throughout. */
static enum sl_code make_cast(struct sl_expr_ctx *ctx, struct sl_expr *arg,
                              const struct sl_type *to, enum sl_cast_mode mode, struct sl_span span,
                              struct sl_expr **out, struct sl_err *err) {
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_CAST, to, span);
    sl_expr_set_args(ctx, expr, &arg, 1);
    expr->cast_mode = mode;
    expr->nullable = arg->nullable || mode != SL_CAST_ANSI || arg->type->kind == SL_NULL_KIND;
    return sl_expr_fold(ctx, expr, out, err);
}

enum sl_code sl_expr_cast(struct sl_expr_ctx *ctx, struct sl_expr *arg, const struct sl_type *to,
                          enum sl_cast_mode mode, struct sl_span span, struct sl_expr **out,
                          struct sl_err *err) {
    if (sl_type_equal(arg->type, to)) {
        *out = arg;
        return SL_OK;
    }
    if (arg->type->kind == SL_NULL_KIND) {
        *out = sl_expr_literal_null(ctx, to);
        (*out)->span = span;
        return SL_OK;
    }
    if (!sl_cast_allowed(arg->type, to, mode)) return cast_mismatch(ctx, arg, to, mode, span, err);
    return make_cast(ctx, arg, to, mode, span, out, err);
}

enum sl_code sl_expr_cast_if(struct sl_expr_ctx *ctx, struct sl_expr *arg, const struct sl_type *to,
                             struct sl_expr **out, struct sl_err *err) {
    enum sl_cast_mode mode = ctx->session->ansi ? SL_CAST_ANSI : SL_CAST_LEGACY;
    return sl_expr_cast(ctx, arg, to, mode, arg->span, out, err);
}

enum sl_code sl_expr_coerce(struct sl_expr_ctx *ctx, struct sl_expr *arg, const struct sl_type *to,
                            struct sl_expr **out, struct sl_err *err) {
    bool fits = sl_type_equal(arg->type, to) || arg->type->kind == SL_NULL_KIND ||
                sl_cast_implicit(arg->type, to);
    if (!fits) {
        struct sl_buf text = {0};
        sl_expr_put_sql(&text, arg);
        enum sl_code code = sl_fail_at(
            err, arg->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
            "Cannot resolve \"%.*s\" due to data type mismatch: the \"%s\" type is required, "
            "however it has the type \"%s\".",
            (int)(text.len > 160 ? 160 : text.len), sl_buf_cstr(&text), sl_type_sql(ctx->query, to),
            sl_type_sql(ctx->query, arg->type));
        sl_buf_release(&text);
        return code;
    }
    return sl_expr_cast_if(ctx, arg, to, out, err);
}
