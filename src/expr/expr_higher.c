/* Types of higher-order functions.  Source: higherOrderFunctions.scala. */
#include "expr/higher.h"

#include "expr/expr_int.h"

bool sl_higher_equal(const struct sl_higher *a, const struct sl_higher *b) {
    if (a->kind != b->kind || a->lambda_count != b->lambda_count || a->own_count != b->own_count)
        return false;
    for (uint32_t i = 0; i < a->lambda_count; i++)
        if (!sl_expr_equal(a->lambdas[i].body, b->lambdas[i].body)) return false;
    return true;
}

/* What the first body has to yield; NULL: anything. */
static const struct sl_type *body_type(const struct sl_higher *higher,
                                       struct sl_expr *const *args) {
    switch (higher->kind) {
    case SL_HIGHER_FILTER:
    case SL_HIGHER_EXISTS:
    case SL_HIGHER_FORALL:
    case SL_HIGHER_MAP_FILTER:
        return &sl_type_bool;
    case SL_HIGHER_AGGREGATE:
        return args[1]->type;
    case SL_HIGHER_ARRAY_SORT:
        return &sl_type_int;
    default:
        return NULL;
    }
}

static const struct sl_type *result_type(struct sl_arena *arena, const struct sl_higher *higher,
                                         struct sl_expr *const *args) {
    const struct sl_type *list = args[0]->type;
    const struct sl_expr *body = higher->lambdas[0].body;
    switch (higher->kind) {
    case SL_HIGHER_TRANSFORM:
    case SL_HIGHER_ZIP_WITH:
        return sl_type_array(arena, body->type, body->nullable);
    case SL_HIGHER_FILTER:
    case SL_HIGHER_MAP_FILTER:
    case SL_HIGHER_ARRAY_SORT:
        return list;
    case SL_HIGHER_EXISTS:
    case SL_HIGHER_FORALL:
        return &sl_type_bool;
    case SL_HIGHER_AGGREGATE:
        return higher->lambda_count > 1 ? higher->lambdas[1].body->type : args[1]->type;
    case SL_HIGHER_TRANSFORM_KEYS:
        return sl_type_map(arena, body->type, list->fields[1].type, list->fields[1].nullable);
    case SL_HIGHER_TRANSFORM_VALUES:
        return sl_type_map(arena, list->fields[0].type, body->type, body->nullable);
    }
    return list;
}

enum sl_code sl_expr_higher(struct sl_expr_ctx *ctx, const struct sl_higher *higher,
                            struct sl_expr *const *args, uint32_t arg_count, struct sl_span span,
                            struct sl_expr **out, const struct sl_type **wanted,
                            struct sl_err *err) {
    struct sl_higher *own = SL_NEW(ctx->query, struct sl_higher);
    *own = *higher;
    *wanted = body_type(own, args);
    struct sl_expr **body = &own->lambdas[0].body;
    bool sorts = own->kind == SL_HIGHER_ARRAY_SORT;
    if (*wanted && (*body)->type->kind == SL_NULL_KIND && !sorts)
        SL_TRY(sl_expr_coerce(ctx, *body, *wanted, body, err));
    if (*wanted && !sl_type_equal_structure((*body)->type, *wanted)) return SL_OK;
    *wanted = NULL;
    struct sl_expr *expr =
        sl_expr_new(ctx, SL_EXPR_HIGHER, result_type(ctx->query, own, args), span);
    sl_expr_set_args(ctx, expr, args, arg_count);
    expr->higher = own;
    size_t rows;
    expr->function = sl_function_find(sl_str(own->name), &rows);
    bool three_valued = own->kind == SL_HIGHER_EXISTS || own->kind == SL_HIGHER_FORALL;
    expr->nullable = args[0]->nullable || own->kind == SL_HIGHER_AGGREGATE ||
                     (three_valued && (*body)->nullable) ||
                     (own->kind == SL_HIGHER_ZIP_WITH && args[1]->nullable);
    for (uint32_t i = 0; i < own->lambda_count; i++)
        expr->deterministic &= own->lambdas[i].body->deterministic;
    return sl_expr_fold(ctx, expr, out, err);
}
