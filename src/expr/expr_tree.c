/* Equality of bound trees: what a program computes once. */
#include "expr/expr_int.h"

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
