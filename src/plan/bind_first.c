/* The first row of each key, as SQL has it:
 *
 *     SELECT .. FROM (SELECT *, row_number() OVER (PARTITION BY k ORDER BY ts) AS rn FROM t)
 *     WHERE rn = 1
 *
 * which is GROUP BY k with min_by(the row, ts), or max_by when the order descends.  Both know NULL
 * as the least, which is where ORDER BY puts it.  Only batch queries may say it, in Spark as here.
 * Everything else that OVER can say is refused by name. */
#include "plan/optimize_int.h"
#include "plan/select.h"

static bool is_row_number(const struct sl_uexpr *item) {
    if (item->kind != SL_U_ALIAS || item->aliases.count != 1) return false;
    const struct sl_uexpr *over = item->args[0];
    if (over->kind != SL_U_WINDOW || over->negated || !over->window->order_count ||
        over->window->frame_text.len)
        return false;
    const struct sl_uexpr *call = over->args[0];
    return call->kind == SL_U_FUNCTION && !call->arg_count && sl_is_builtin_name(&call->name) &&
           sl_str_eq_nocase(call->name.parts[call->name.count - 1], SL_STR("row_number"));
}

/* The number that says which rows are first: -1 if none or several do. */
static int find_number(const struct sl_urelation *select) {
    int found = -1;
    for (uint32_t i = 0; i < select->expr_count; i++) {
        if (!is_row_number(select->exprs[i])) continue;
        if (found >= 0) return -1;
        found = (int)i;
    }
    return found;
}

static bool is_one(const struct sl_uexpr *expr) {
    return expr->kind == SL_U_LITERAL && expr->literal.kind == SL_LIT_INT &&
           expr->literal.integer == 1;
}

static bool names(const struct sl_scope *scope, const struct sl_uexpr *expr, struct sl_str number) {
    return expr->kind == SL_U_ATTRIBUTE &&
           sl_scope_name_eq(scope, expr->name.parts[expr->name.count - 1], number);
}

/* number = 1, number <= 1, among the terms of the condition. */
static bool asks_for_first(const struct sl_scope *scope, const struct sl_uexpr *condition,
                           struct sl_str number) {
    if (condition->kind != SL_U_FUNCTION || condition->arg_count != 2 || condition->negated)
        return false;
    struct sl_str name = condition->name.parts[condition->name.count - 1];
    const struct sl_uexpr *a = condition->args[0], *b = condition->args[1];
    if (sl_str_eq_nocase(name, SL_STR("and")))
        return asks_for_first(scope, a, number) || asks_for_first(scope, b, number);
    bool equal = sl_str_eq(name, SL_STR("=")) || sl_str_eq(name, SL_STR("=="));
    if (equal && is_one(a) && names(scope, b, number)) return true;
    return (equal || sl_str_eq(name, SL_STR("<="))) && names(scope, a, number) && is_one(b);
}

static const struct sl_urelation *select_below(const struct sl_urelation *relation) {
    while (relation->kind == SL_R_SUBQUERY_ALIAS && !relation->column_names.count)
        relation = relation->input;
    return relation->kind == SL_R_PROJECT ? relation : NULL;
}

bool sl_is_first_rows(const struct sl_binder *binder, const struct sl_urelation *filter,
                      const struct sl_urelation **select) {
    struct sl_scope scope = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    *select = select_below(filter->input);
    int number = *select ? find_number(*select) : -1;
    return number >= 0 &&
           asks_for_first(&scope, filter->condition, (*select)->exprs[number]->aliases.parts[0]);
}

/* ---- the SELECT, with 1 for the number, and what the window reads behind it ---- */

static struct sl_uexpr *renamed(struct sl_arena *arena, const struct sl_uexpr *alias,
                                struct sl_uexpr *value, struct sl_str name) {
    struct sl_uexpr *out = SL_NEW(arena, struct sl_uexpr);
    *out = *alias;
    out->args = SL_NEW_ARRAY(arena, struct sl_uexpr *, 1);
    out->args[0] = value;
    out->aliases.parts = SL_NEW_ARRAY(arena, struct sl_str, 1);
    out->aliases.parts[0] = name;
    return out;
}

static struct sl_urelation *select_with_parts(struct sl_binder *binder,
                                              const struct sl_urelation *select, uint32_t number) {
    struct sl_arena *arena = binder->arena;
    const struct sl_uexpr *alias = select->exprs[number];
    const struct sl_uwindow *window = alias->args[0]->window;
    struct sl_urelation *out = SL_NEW(arena, struct sl_urelation);
    *out = *select;
    uint32_t count = select->expr_count;
    out->exprs = SL_NEW_ARRAY(arena, struct sl_uexpr *,
                              count + window->partition_count + window->order_count + 1);
    memcpy(out->exprs, select->exprs, count * sizeof *out->exprs);
    struct sl_uexpr *one = SL_NEW(arena, struct sl_uexpr);
    *one = (struct sl_uexpr){
        .kind = SL_U_LITERAL, .span = alias->span, .literal = {.kind = SL_LIT_INT, .integer = 1}};
    out->exprs[number] = renamed(arena, alias, one, alias->aliases.parts[0]);
    for (uint32_t i = 0; i < window->partition_count; i++)
        out->exprs[count++] =
            renamed(arena, alias, window->partition[i], sl_arena_printf(arena, "_partition%u", i));
    for (uint32_t i = 0; i < window->order_count; i++)
        out->exprs[count++] =
            renamed(arena, alias, window->order[i]->args[0], sl_arena_printf(arena, "_order%u", i));
    out->expr_count = count;
    return out;
}

/* All one way, NULL where it stands by default. */
static enum sl_code order_direction(const struct sl_uwindow *window, bool *descending,
                                    struct sl_err *err) {
    *descending = window->order[0]->descending;
    for (uint32_t i = 0; i < window->order_count; i++) {
        const struct sl_uexpr *item = window->order[i];
        if (item->descending != *descending ||
            (item->nulls_set && item->nulls_first == item->descending))
            return sl_bind_refuse(err, item->span,
                                  "row_number() OVER an ORDER BY of both directions, or with NULLS "
                                  "elsewhere than by default");
    }
    return SL_OK;
}

/* ---- the groups ---- */

static enum sl_code struct_of(struct sl_binder *binder, const struct sl_node *node, uint32_t from,
                              uint32_t to, struct sl_expr **out, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    struct sl_expr **args = SL_NEW_ARRAY(binder->arena, struct sl_expr *, 2 * (to - from) + 1);
    for (uint32_t i = from; i < to; i++) {
        const struct sl_column *column = &node->columns[i];
        /* by number: two columns may have one name */
        struct sl_str name = sl_arena_printf(binder->arena, "c%u", i);
        args[2 * (i - from)] = sl_expr_literal_str(ctx, name);
        args[2 * (i - from) + 1] = sl_expr_column(ctx, i, column->type, column->nullable);
    }
    return sl_expr_call(ctx, SL_STR("named_struct"), args, 2 * (to - from), node->span, out, err);
}

struct shape {
    uint32_t visible, keys, orders; /* columns of the SELECT with parts, in this order */
};

/* Keys, the row, its order. Without PARTITION BY there is one group, but none without rows: its key
 * is a constant. */
static enum sl_code project_parts(struct sl_binder *binder, struct sl_node *input,
                                  const struct shape *shape, struct sl_node **out,
                                  struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    uint32_t keys = shape->keys ? shape->keys : 1, count = keys + 2;
    uint32_t order = shape->visible + shape->keys;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, count);
    exprs[0] = sl_expr_literal_i64(ctx, &sl_type_int, 1);
    for (uint32_t i = 0; i < shape->keys; i++) {
        const struct sl_column *key = &input->columns[shape->visible + i];
        exprs[i] = sl_expr_column(ctx, shape->visible + i, key->type, key->nullable);
    }
    SL_TRY(struct_of(binder, input, 0, shape->visible, &exprs[keys], err));
    SL_TRY(struct_of(binder, input, order, order + shape->orders, &exprs[keys + 1], err));
    for (uint32_t i = 0; i < count; i++)
        columns[i] = (struct sl_column){.name = i == keys       ? SL_STR("_row")
                                                : i == keys + 1 ? SL_STR("_order")
                                                                : SL_STR("_partition"),
                                        .type = exprs[i]->type,
                                        .nullable = exprs[i]->nullable,
                                        .id = binder->next_id++};
    *out = sl_node_project(binder->arena, input, exprs, columns, count, input->span);
    return SL_OK;
}

static enum sl_code group_rows(struct sl_binder *binder, struct sl_node *parts, bool descending,
                               struct sl_node **out, struct sl_err *err) {
    struct sl_arena *arena = binder->arena;
    uint32_t keys = parts->column_count - 2;
    struct sl_bind_arg args[2] = {{parts->columns[keys].type, NULL},
                                  {parts->columns[keys + 1].type, NULL}};
    const struct sl_type *targets[2];
    struct sl_aggregate_call *call = SL_NEW(arena, struct sl_aggregate_call);
    SL_TRY(sl_aggregate_resolve(arena, binder->ctx->expr.session,
                                descending ? SL_STR("max_by") : SL_STR("min_by"), args, 2, false,
                                false, parts->span, targets, call, err));
    struct sl_aggregation *what = SL_NEW(arena, struct sl_aggregation);
    *what = (struct sl_aggregation){.keys = SL_NEW_ARRAY(arena, uint32_t, keys),
                                    .key_count = keys,
                                    .items = SL_NEW_ARRAY(arena, struct sl_aggregation_item, 1),
                                    .item_count = 1,
                                    .event_time.column = -1,
                                    .session = -1};
    for (uint32_t i = 0; i < keys; i++) what->keys[i] = i;
    what->items[0] = (struct sl_aggregation_item){
        .call = call, .args = SL_NEW_ARRAY(arena, uint32_t, 2), .filter = -1};
    what->items[0].args[0] = keys;
    what->items[0].args[1] = keys + 1;
    struct sl_node *node = sl_node_new(arena, SL_NODE_AGGREGATE, parts, keys + 1, parts->span);
    memcpy(node->columns, parts->columns, (keys + 1) * sizeof *node->columns);
    node->columns[keys].type = call->result;
    node->columns[keys].nullable = call->result_nullable;
    node->aggregation = what;
    *out = node;
    return SL_OK;
}

/* The columns of the SELECT out of the row. */
static struct sl_node *unpack(struct sl_binder *binder, struct sl_node *groups,
                              const struct sl_node *select, uint32_t visible) {
    uint32_t at = groups->column_count - 1;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, visible + 1);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, visible + 1);
    for (uint32_t i = 0; i < visible; i++) {
        struct sl_expr *row = sl_expr_column(&binder->ctx->expr, at, groups->columns[at].type,
                                             groups->columns[at].nullable);
        exprs[i] = sl_field_at(binder, row, i, select->span);
        columns[i] = select->columns[i];
        columns[i].type = exprs[i]->type;
        columns[i].nullable = exprs[i]->nullable;
    }
    return sl_node_project(binder->arena, groups, exprs, columns, visible, select->span);
}

enum sl_code sl_bind_first_rows(struct sl_binder *binder, const struct sl_urelation *select,
                                struct sl_node **out, struct sl_err *err) {
    uint32_t number = (uint32_t)find_number(select);
    const struct sl_uexpr *over = select->exprs[number]->args[0];
    const struct sl_uwindow *window = over->window;
    struct sl_node *rows, *parts, *groups;
    bool descending;
    SL_TRY(
        sl_bind_select(binder, select_with_parts(binder, select, number), NULL, NULL, &rows, err));
    if (sl_node_is_streaming(rows)) return sl_over_in_stream(over, err);
    SL_TRY(order_direction(window, &descending, err));
    struct shape shape = {.keys = window->partition_count, .orders = window->order_count};
    shape.visible = rows->column_count - shape.keys - shape.orders;
    SL_TRY(project_parts(binder, rows, &shape, &parts, err));
    SL_TRY(group_rows(binder, parts, descending, &groups, err));
    *out = unpack(binder, groups, rows, shape.visible);
    return SL_OK;
}
