#include "plan/optimize_int.h"

void sl_exprs_add(struct sl_arena *arena, struct sl_exprs *list, struct sl_expr *expr) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 8;
        list->items = sl_arena_grow(arena, list->items, list->cap * sizeof *list->items,
                                    cap * sizeof *list->items);
        list->cap = cap;
    }
    list->items[list->count++] = expr;
}

bool sl_expr_any(const struct sl_expr *expr, sl_expr_test test, const void *ctx) {
    if (test(expr, ctx)) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (sl_expr_any(expr->args[i], test, ctx)) return true;
    return false;
}

struct sl_expr *sl_expr_rewrite(struct sl_arena *arena, struct sl_expr *expr,
                                sl_expr_replace replace, void *ctx) {
    struct sl_expr **args = NULL;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        struct sl_expr *arg = sl_expr_rewrite(arena, expr->args[i], replace, ctx);
        if (arg == expr->args[i] && !args) continue;
        if (!args) {
            args = SL_NEW_ARRAY(arena, struct sl_expr *, expr->arg_count);
            memcpy(args, expr->args, expr->arg_count * sizeof *args);
        }
        args[i] = arg;
    }
    if (args) {
        struct sl_expr *copy = SL_NEW(arena, struct sl_expr);
        *copy = *expr;
        copy->args = args;
        /* An equal type may be another object, and pruning goes by the objects. */
        if (copy->kind == SL_EXPR_FIELD && args[0]->type->kind == SL_STRUCT_KIND)
            copy->type = args[0]->type->fields[copy->field].type;
        expr = copy;
    }
    return replace(expr, ctx);
}

static struct sl_expr *inline_column(struct sl_expr *expr, void *ctx) {
    struct sl_expr *const *columns = ctx;
    return expr->kind == SL_EXPR_COLUMN ? columns[expr->column] : expr;
}

struct sl_expr *sl_expr_inline(struct sl_arena *arena, struct sl_expr *expr,
                               struct sl_expr *const *columns) {
    return sl_expr_rewrite(arena, expr, inline_column, (void *)columns);
}

static bool is_volatile(const struct sl_expr *expr, const void *ctx) {
    (void)ctx;
    return expr->kind == SL_EXPR_CALL && (expr->function->flags & SL_FN_NONDETERMINISTIC);
}
bool sl_expr_is_volatile(const struct sl_expr *expr) {
    return sl_expr_any(expr, is_volatile, NULL);
}

static bool is_json(const struct sl_expr *expr, const void *ctx) {
    (void)ctx;
    return expr->kind == SL_EXPR_FROM_JSON;
}
bool sl_expr_has_json(const struct sl_expr *expr) { return sl_expr_any(expr, is_json, NULL); }

uint64_t sl_expr_size(const struct sl_expr *expr) {
    uint64_t size = 1;
    for (uint32_t i = 0; i < expr->arg_count; i++) size += sl_expr_size(expr->args[i]);
    return size;
}

void sl_expr_conjuncts(struct sl_arena *arena, struct sl_expr *expr, struct sl_exprs *out) {
    if (expr->kind != SL_EXPR_AND) {
        sl_exprs_add(arena, out, expr);
        return;
    }
    for (uint32_t i = 0; i < expr->arg_count; i++) sl_expr_conjuncts(arena, expr->args[i], out);
}

struct sl_node *sl_node_with_inputs(struct sl_arena *arena, const struct sl_node *node,
                                    struct sl_node **inputs) {
    struct sl_node *copy = SL_NEW(arena, struct sl_node);
    *copy = *node;
    copy->inputs = inputs;
    return copy;
}

struct sl_node *sl_node_with_input(struct sl_arena *arena, const struct sl_node *node,
                                   struct sl_node *input) {
    struct sl_node **inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    inputs[0] = input;
    return sl_node_with_inputs(arena, node, inputs);
}
