/* AND, OR, IF, CASE, COALESCE and what Spark rewrites to them.
 * Source: conditionalExpressions.scala, nullExpressions.scala, predicates.scala. */
#include "expr/expr_lazy.h"

#include "expr/expr_int.h"

static enum sl_code wrong_count(struct sl_str name, const char *expected, uint32_t count,
                                struct sl_span span, struct sl_err *err) {
    return sl_fail_at(err, span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "The `%.*s` requires %s parameters but the actual number is %u.",
                      SL_STR_ARG(name), expected, count);
}

static bool is_bool_literal(const struct sl_expr *expr, bool value) {
    return expr->kind == SL_EXPR_LITERAL && expr->type->kind == SL_BOOL_KIND &&
           !sl_vec_is_null(expr->literal, 0) && sl_bit_get(expr->literal->bits, 0) == value;
}

static enum sl_code make_logic(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                               uint32_t count, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    if (count != 2) return wrong_count(name, "2", count, span, err);
    bool and = sl_str_eq_nocase(name, SL_STR("and"));
    struct sl_expr *sides[2];
    for (int i = 0; i < 2; i++) SL_TRY(sl_expr_coerce(ctx, args[i], &sl_type_bool, &sides[i], err));
    for (int i = 0; i < 2; i++) {
        /* The neutral element vanishes; an absorbing left side hides the right one. */
        if (is_bool_literal(sides[i], and)) {
            *out = sides[1 - i];
            return SL_OK;
        }
        if (i == 0 && is_bool_literal(sides[0], !and)) {
            *out = sides[0];
            return SL_OK;
        }
    }
    struct sl_expr *expr = sl_expr_new(ctx, and? SL_EXPR_AND : SL_EXPR_OR, &sl_type_bool, span);
    sl_expr_set_args(ctx, expr, sides, 2);
    expr->nullable = sides[0]->nullable || sides[1]->nullable;
    return sl_expr_fold(ctx, expr, out, err);
}

/* One type for all values of a lazy expression. */
static enum sl_code widen(struct sl_expr_ctx *ctx, const char *name, struct sl_expr **values,
                          uint32_t count, struct sl_span span, const struct sl_type **type,
                          struct sl_err *err) {
    const struct sl_type *common = &sl_type_null;
    for (uint32_t i = 0; i < count && common; i++)
        common = sl_type_common(ctx->query, common, values[i]->type, ctx->session->ansi);
    if (!common) {
        struct sl_buf list = {0};
        for (uint32_t i = 0; i < count && list.len < 300; i++)
            sl_buf_printf(&list, "%s\"%s\"", i ? ", " : "",
                          sl_type_sql(ctx->query, values[i]->type));
        enum sl_code code =
            sl_fail_at(err, span, "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09",
                       "Cannot resolve \"%s\" due to data type mismatch: Input to `%s` should all "
                       "be the same type, but it's [%s].",
                       name, name, sl_buf_cstr(&list));
        sl_buf_release(&list);
        return code;
    }
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(sl_expr_cast_if(ctx, values[i], common, &values[i], err));
    *type = common;
    return SL_OK;
}

enum sl_code sl_expr_case(struct sl_expr_ctx *ctx, struct sl_expr **pairs, uint32_t pair_count,
                          struct sl_expr *otherwise, struct sl_span span, struct sl_expr **out,
                          struct sl_err *err) {
    struct sl_expr **values = SL_NEW_ARRAY(ctx->query, struct sl_expr *, pair_count + 1);
    for (uint32_t i = 0; i < pair_count; i++) values[i] = pairs[2 * i + 1];
    values[pair_count] = otherwise;
    const struct sl_type *type;
    uint32_t value_count = pair_count + (otherwise != NULL);
    SL_TRY(widen(ctx, "casewhen", values, value_count, span, &type, err));
    struct sl_expr **args = SL_NEW_ARRAY(ctx->query, struct sl_expr *, 2 * pair_count + 2);
    uint32_t count = 0;
    otherwise = values[pair_count];
    for (uint32_t i = 0; i < pair_count; i++) {
        struct sl_expr *condition;
        SL_TRY(sl_expr_coerce(ctx, pairs[2 * i], &sl_type_bool, &condition, err));
        if (is_bool_literal(condition, true)) {
            otherwise = values[i];
            break;
        }
        if (condition->kind == SL_EXPR_LITERAL) continue; /* false or null: never taken */
        args[count++] = condition;
        args[count++] = values[i];
    }
    if (count == 0) {
        *out = otherwise ? otherwise : sl_expr_literal_null(ctx, type);
        return SL_OK;
    }
    bool nullable = !otherwise;
    if (otherwise) args[count++] = otherwise;
    for (uint32_t i = 1; i < count; i += 2) nullable |= args[i]->nullable;
    if (otherwise) nullable |= otherwise->nullable;
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_CASE, type, span);
    sl_expr_set_args(ctx, expr, args, count);
    expr->nullable = nullable;
    *out = expr;
    return SL_OK;
}

static enum sl_code make_case(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                              uint32_t count, struct sl_span span, struct sl_expr **out,
                              struct sl_err *err) {
    if (count < 2) return wrong_count(name, "> 1", count, span, err);
    return sl_expr_case(ctx, args, count / 2, count & 1 ? args[count - 1] : NULL, span, out, err);
}

static enum sl_code make_if(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                            uint32_t count, struct sl_span span, struct sl_expr **out,
                            struct sl_err *err) {
    if (count != 3) return wrong_count(name, "3", count, span, err);
    return sl_expr_case(ctx, args, 1, args[2], span, out, err);
}

static enum sl_code coalesce(struct sl_expr_ctx *ctx, struct sl_expr **args, uint32_t count,
                             struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    struct sl_expr **values = SL_NEW_ARRAY(ctx->query, struct sl_expr *, count + 1);
    memcpy(values, args, count * sizeof *args);
    const struct sl_type *type;
    SL_TRY(widen(ctx, "coalesce", values, count, span, &type, err));
    uint32_t kept = 0;
    bool nullable = true;
    for (uint32_t i = 0; i < count && nullable; i++) {
        if (values[i]->kind == SL_EXPR_LITERAL && sl_vec_is_null(values[i]->literal, 0)) continue;
        values[kept++] = values[i];
        nullable = values[i]->nullable; /* what follows a value that is never null is not read */
    }
    if (kept <= 1) {
        *out = kept ? values[0] : sl_expr_literal_null(ctx, type);
        return SL_OK;
    }
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_COALESCE, type, span);
    sl_expr_set_args(ctx, expr, values, kept);
    expr->nullable = nullable;
    *out = expr;
    return SL_OK;
}

static enum sl_code make_coalesce(struct sl_expr_ctx *ctx, struct sl_str name,
                                  struct sl_expr **args, uint32_t count, struct sl_span span,
                                  struct sl_expr **out, struct sl_err *err) {
    bool two = !sl_str_eq_nocase(name, SL_STR("coalesce"));
    if (two ? count != 2 : count < 1) return wrong_count(name, two ? "2" : "> 0", count, span, err);
    return coalesce(ctx, args, count, span, out, err);
}

static enum sl_code make_nvl2(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                              uint32_t count, struct sl_span span, struct sl_expr **out,
                              struct sl_err *err) {
    if (count != 3) return wrong_count(name, "3", count, span, err);
    struct sl_expr *pair[2] = {NULL, args[1]};
    SL_TRY(sl_expr_call(ctx, SL_STR("isnotnull"), args, 1, span, &pair[0], err));
    return sl_expr_case(ctx, pair, 1, args[2], span, out, err);
}

static enum sl_code make_nullif(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                                uint32_t count, struct sl_span span, struct sl_expr **out,
                                struct sl_err *err) {
    if (count != 2) return wrong_count(name, "2", count, span, err);
    struct sl_expr *pair[2] = {NULL, sl_expr_literal_null(ctx, args[0]->type)};
    SL_TRY(sl_expr_call(ctx, SL_STR("="), args, 2, span, &pair[0], err));
    return sl_expr_case(ctx, pair, 1, args[0], span, out, err);
}

/* a BETWEEN low AND high */
static enum sl_code make_between(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                                 uint32_t count, struct sl_span span, struct sl_expr **out,
                                 struct sl_err *err) {
    if (count != 3) return wrong_count(name, "3", count, span, err);
    struct sl_expr *low[2] = {args[0], args[1]}, *high[2] = {args[0], args[2]}, *both[2];
    SL_TRY(sl_expr_call(ctx, SL_STR(">="), low, 2, span, &both[0], err));
    SL_TRY(sl_expr_call(ctx, SL_STR("<="), high, 2, span, &both[1], err));
    return make_logic(ctx, SL_STR("and"), both, 2, span, out, err);
}

static enum sl_code make_from_json(struct sl_expr_ctx *ctx, struct sl_str name,
                                   struct sl_expr **args, uint32_t count, struct sl_span span,
                                   struct sl_expr **out, struct sl_err *err) {
    if (count < 2 || count > 3) return wrong_count(name, "[2, 3]", count, span, err);
    return sl_expr_from_json(ctx, args, count, span, out, err);
}

static enum sl_code make_extract(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                                 uint32_t count, struct sl_span span, struct sl_expr **out,
                                 struct sl_err *err) {
    if (count != 2) return wrong_count(name, "2", count, span, err);
    return sl_expr_extract(ctx, args[0], args[1], span, out, err);
}

/* Functions that are known by name and not executed: said so, rather than "unknown". */
static enum sl_code make_refused(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                                 uint32_t count, struct sl_span span, struct sl_expr **out,
                                 struct sl_err *err) {
    (void)ctx, (void)args, (void)count, (void)out;
    sl_fail_at(err, span, "UNSUPPORTED_FEATURE", "0A000", "the function `%.*s` is not supported",
               SL_STR_ARG(name));
    return err ? (err->code = SL_UNSUPPORTED) : SL_UNSUPPORTED;
}

sl_lazy_maker sl_lazy_find(struct sl_str name) {
    static const struct {
        const char *name;
        sl_lazy_maker make;
    } makers[] = {
        {"and", make_logic},
        {"or", make_logic},
        {"if", make_if},
        {"iff", make_if},
        {"case", make_case},
        {"when", make_case},
        {"coalesce", make_coalesce},
        {"nvl", make_coalesce},
        {"ifnull", make_coalesce},
        {"nvl2", make_nvl2},
        {"nullif", make_nullif},
        {"between", make_between},
        {"from_json", make_from_json},
        {"[]", make_extract},
        {"schema_of_json", make_refused},
        {"monotonically_increasing_id", make_refused},
    };
    for (size_t i = 0; i < sizeof makers / sizeof makers[0]; i++)
        if (sl_str_eq_nocase(name, sl_str(makers[i].name))) return makers[i].make;
    return NULL;
}
