/* Walks over bound trees: renumbering, substitution, comparison. */
#include "expr/expr_int.h"

void sl_expr_remap(struct sl_expr *expr, const uint32_t *map) {
    if (expr->kind == SL_EXPR_COLUMN) expr->column = map[expr->column];
    for (uint32_t i = 0; i < expr->arg_count; i++) sl_expr_remap(expr->args[i], map);
}

struct sl_expr *sl_expr_substitute(struct sl_expr_ctx *ctx, const struct sl_expr *expr,
                                   struct sl_expr **columns) {
    if (expr->kind == SL_EXPR_COLUMN && columns) {
        /* Copied, so that a later remap of one use leaves the other alone. */
        return sl_expr_substitute(ctx, columns[expr->column], NULL);
    }
    struct sl_expr *copy = SL_NEW(ctx->query, struct sl_expr);
    *copy = *expr;
    copy->args = SL_NEW_ARRAY(ctx->query, struct sl_expr *, expr->arg_count + 1);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = sl_expr_substitute(ctx, expr->args[i], columns);
    return copy;
}

void sl_expr_used_columns(const struct sl_expr *expr, bool *used) {
    if (expr->kind == SL_EXPR_COLUMN) used[expr->column] = true;
    for (uint32_t i = 0; i < expr->arg_count; i++) sl_expr_used_columns(expr->args[i], used);
}

static bool equal_node(const struct sl_expr *a, const struct sl_expr *b) {
    switch (a->kind) {
    case SL_EXPR_COLUMN:
        return a->column == b->column;
    case SL_EXPR_LITERAL:
        return sl_vec_rows_equal(a->literal, 0, b->literal, 0);
    case SL_EXPR_CALL:
        return a->function == b->function;
    case SL_EXPR_CAST:
        return a->cast_mode == b->cast_mode;
    case SL_EXPR_FIELD:
        return a->field == b->field;
    case SL_EXPR_FROM_JSON:
        return sl_expr_same_json(a, b);
    default:
        return true;
    }
}

bool sl_expr_equal(const struct sl_expr *a, const struct sl_expr *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->arg_count != b->arg_count || !a->deterministic ||
        !b->deterministic || !sl_type_equal(a->type, b->type) || !equal_node(a, b))
        return false;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!sl_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}
