#include "table/prune.h"

#include "kern/order.h"

static const struct {
    const char *name;
    enum sl_prune_op op, mirrored; /* literal op column */
} ops[] = {
    {"=", SL_PRUNE_EQUAL, SL_PRUNE_EQUAL},
    {"<", SL_PRUNE_LESS, SL_PRUNE_GREATER},
    {"<=", SL_PRUNE_LESS_EQUAL, SL_PRUNE_GREATER_EQUAL},
    {">", SL_PRUNE_GREATER, SL_PRUNE_LESS},
    {">=", SL_PRUNE_GREATER_EQUAL, SL_PRUNE_LESS_EQUAL},
};

static bool read_term(const struct sl_expr *condition, struct sl_prune_term *out) {
    if (condition->kind != SL_EXPR_CALL || condition->arg_count != 2) return false;
    const struct sl_expr *left = condition->args[0], *right = condition->args[1];
    bool mirrored = left->kind == SL_EXPR_LITERAL;
    const struct sl_expr *column = mirrored ? right : left, *literal = mirrored ? left : right;
    if (column->kind != SL_EXPR_COLUMN || literal->kind != SL_EXPR_LITERAL) return false;
    if (!sl_type_equal(column->type, literal->type) || sl_vec_is_null(literal->literal, 0))
        return false;
    if (sl_type_is_nested(column->type)) return false;
    for (size_t i = 0; i < sizeof ops / sizeof *ops; i++) {
        if (strcmp(condition->function->name, ops[i].name) != 0) continue;
        *out = (struct sl_prune_term){column->column, mirrored ? ops[i].mirrored : ops[i].op,
                                      literal->literal};
        return true;
    }
    return false;
}

uint32_t sl_prune_terms(struct sl_arena *query, struct sl_expr *const *conditions, uint32_t count,
                        const uint32_t *columns, const struct sl_prune_term **out) {
    struct sl_prune_term *terms = SL_NEW_ARRAY(query, struct sl_prune_term, count + 1);
    uint32_t used = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (!read_term(conditions[i], &terms[used])) continue;
        terms[used].column = columns[terms[used].column];
        used++;
    }
    *out = terms;
    return used;
}

bool sl_prune_may_match(const struct sl_prune_term *term, const struct sl_vec *min,
                        const struct sl_vec *max) {
    int low = sl_order_rows(min, 0, term->literal, 0),
        high = sl_order_rows(max, 0, term->literal, 0);
    switch (term->op) {
    case SL_PRUNE_EQUAL:
        return low <= 0 && high >= 0;
    case SL_PRUNE_LESS:
        return low < 0;
    case SL_PRUNE_LESS_EQUAL:
        return low <= 0;
    case SL_PRUNE_GREATER:
        return high > 0;
    case SL_PRUNE_GREATER_EQUAL:
        return high >= 0;
    }
    return true;
}
