/* Equality of bound trees: what a program computes once. */
#include "expr/expr_int.h"
#include "expr/higher.h"

static bool has_real(const struct sl_type *type) {
    if (sl_type_is_float(type)) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (has_real(type->fields[i].type)) return true;
    return false;
}

/* -0.0 and 0.0 are equal values but not the same constant: 1 / x and x + x tell them apart. */
static bool same_literal(const struct sl_vec *a, const struct sl_vec *b) {
    if (a == b) return true;
    if (!has_real(a->type) || sl_vec_is_null(a, 0) || sl_vec_is_null(b, 0))
        return sl_vec_rows_equal(a, 0, b, 0);
    if (sl_type_is_nested(a->type)) return false;
    return memcmp(a->data, b->data, sl_type_width(a->type)) == 0;
}

static bool equal_node(const struct sl_expr *a, const struct sl_expr *b) {
    switch (a->kind) {
    case SL_EXPR_COLUMN:
        return a->column == b->column;
    case SL_EXPR_LITERAL:
        return same_literal(a->literal, b->literal);
    case SL_EXPR_CALL:
        return a->function == b->function;
    case SL_EXPR_CAST:
        return a->cast_mode == b->cast_mode;
    case SL_EXPR_FIELD:
        return a->field == b->field;
    case SL_EXPR_FROM_JSON:
        return sl_expr_same_json(a, b);
    case SL_EXPR_HIGHER:
        return sl_higher_equal(a->higher, b->higher);
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
