/* UNION, INTERSECT and EXCEPT.
 *
 * Rows of both sides stand in one UNION ALL; for INTERSECT and EXCEPT each tells which side it is
 * of, and the groups of equal rows how often each side has them.  Unlike a join that needs no keys
 * that know NULL as equal. */
#include "plan/bind_int.h"

/* input, its columns in the order `order`, cast to the types of `columns`. */
static enum sl_code union_side(struct sl_binder *binder, struct sl_node *input,
                               const uint32_t *order, const struct sl_column *columns,
                               uint32_t count, struct sl_node **out, struct sl_err *err) {
    bool same = input->column_count == count;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    struct sl_column *made = SL_NEW_ARRAY(binder->arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_column *column = &input->columns[order[i]];
        exprs[i] = sl_expr_column(&binder->ctx->expr, order[i], column->type, column->nullable);
        same = same && order[i] == i && sl_type_equal(column->type, columns[i].type);
        SL_TRY(sl_coerce_column(binder, &exprs[i], columns[i].type, err));
        made[i] = columns[i];
        made[i].nullable = exprs[i]->nullable;
    }
    *out = same ? input : sl_node_project(binder->arena, input, exprs, made, count, input->span);
    return SL_OK;
}

/* Positions in `right` of the columns of `left`, by name. */
static enum sl_code order_by_name(struct sl_binder *binder, const struct sl_node *left,
                                  const struct sl_node *right, struct sl_span span, uint32_t *order,
                                  struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, right);
    for (uint32_t i = 0; i < left->column_count; i++) {
        struct sl_str part = left->columns[i].name;
        struct sl_name name = {&part, 1, span};
        struct sl_resolved at;
        SL_TRY(sl_scope_resolve(&scope, &name, &at, err));
        if (!at.found) return sl_scope_unresolved(&scope, binder->arena, &name, err);
        order[i] = at.column;
    }
    return SL_OK;
}

static enum sl_code union_columns(struct sl_binder *binder, const struct sl_node *left,
                                  const struct sl_node *right, const uint32_t *order,
                                  const char *name, struct sl_span span, struct sl_column *columns,
                                  struct sl_err *err) {
    for (uint32_t i = 0; i < left->column_count; i++) {
        const struct sl_column *a = &left->columns[i], *b = &right->columns[order[i]];
        const struct sl_type *type =
            sl_type_common(binder->arena, a->type, b->type, binder->ctx->expr.session->ansi);
        if (!type)
            return sl_fail_at(err, span, "INCOMPATIBLE_COLUMN_TYPE", "42825",
                              "%s needs compatible column types: column %u `%.*s` of the second "
                              "side is \"%s\", which is not compatible with \"%s\" of the first",
                              name, i + 1, SL_STR_ARG(b->name), sl_type_sql(binder->arena, b->type),
                              sl_type_sql(binder->arena, a->type));
        columns[i] = (struct sl_column){.name = a->name,
                                        .type = type,
                                        .nullable = a->nullable || b->nullable,
                                        .id = binder->next_id++,
                                        .watermark = a->watermark,
                                        .window = a->window};
    }
    return SL_OK;
}

static const char *set_op_name(const struct sl_urelation *relation) {
    static const char *const names[] = {"UNION", "INTERSECT", "EXCEPT"};
    return names[relation->set_op];
}

static enum sl_code bind_sides(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **sides, struct sl_err *err) {
    SL_TRY(sl_bind_node(binder, relation->input, &sides[0], err));
    SL_TRY(sl_bind_node(binder, relation->right, &sides[1], err));
    const char *name = set_op_name(relation);
    if (sides[0]->column_count != sides[1]->column_count)
        return sl_fail_at(err, relation->span, "NUM_COLUMNS_MISMATCH", "42826",
                          "%s needs the same number of columns on both sides, but the first has "
                          "%u and the second %u",
                          name, sides[0]->column_count, sides[1]->column_count);
    bool streams[2] = {sl_node_is_streaming(sides[0]), sl_node_is_streaming(sides[1])};
    if (relation->set_op == SL_SET_UNION) {
        if (streams[0] != streams[1])
            return sl_bind_refuse(err, relation->span, "UNION of a stream with a batch relation");
    } else if (streams[0] || streams[1]) {
        return sl_bind_refuse(err, relation->span, "%s of streams", name);
    }
    for (int i = 0; i < 2; i++)
        if (!relation->all || relation->set_op != SL_SET_UNION)
            SL_TRY(sl_check_set_types(sides[i], relation->span, err));
    return SL_OK;
}

static enum sl_code union_all(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node **sides, struct sl_node **out, struct sl_err *err) {
    uint32_t count = sides[0]->column_count;
    uint32_t *order = SL_NEW_ARRAY(binder->arena, uint32_t, 2 * count + 1), *same = order + count;
    for (uint32_t i = 0; i < count; i++) order[i] = same[i] = i;
    if (relation->by_name)
        SL_TRY(order_by_name(binder, sides[0], sides[1], relation->span, order, err));
    struct sl_node *node = sl_node_new(binder->arena, SL_NODE_UNION, NULL, count, relation->span);
    SL_TRY(union_columns(binder, sides[0], sides[1], order, set_op_name(relation), relation->span,
                         node->columns, err));
    node->inputs = SL_NEW_ARRAY(binder->arena, struct sl_node *, 2);
    node->input_count = 2;
    SL_TRY(union_side(binder, sides[0], same, node->columns, count, &node->inputs[0], err));
    SL_TRY(union_side(binder, sides[1], order, node->columns, count, &node->inputs[1], err));
    *out = node;
    return SL_OK;
}

/* ---- INTERSECT, EXCEPT ---- */

/* Columns behind those of the rows: 1 in the one of the side. */
static void mark_sides(struct sl_binder *binder, struct sl_node *both) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    uint32_t count = both->column_count;
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, count + 2);
    memcpy(columns, both->columns, count * sizeof *columns);
    for (uint32_t i = 0; i < 2; i++)
        columns[count + i] = (struct sl_column){.name = i ? SL_STR("_right") : SL_STR("_left"),
                                                .type = &sl_type_long,
                                                .id = binder->next_id++};
    for (uint32_t side = 0; side < 2; side++) {
        struct sl_node *input = both->inputs[side];
        struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 2);
        for (uint32_t i = 0; i < count; i++)
            exprs[i] = sl_expr_column(ctx, i, input->columns[i].type, input->columns[i].nullable);
        for (uint32_t i = 0; i < 2; i++)
            exprs[count + i] = sl_expr_literal_i64(ctx, &sl_type_long, i == side);
        both->inputs[side] =
            sl_node_project(binder->arena, input, exprs, columns, count + 2, input->span);
    }
    both->columns = columns;
    both->column_count = count + 2;
}

/* The different rows, and how often each side has them. */
static enum sl_code count_rows(struct sl_binder *binder, struct sl_node *both, struct sl_node **out,
                               struct sl_err *err) {
    struct sl_arena *arena = binder->arena;
    uint32_t keys = both->column_count - 2;
    struct sl_aggregation *what = SL_NEW(arena, struct sl_aggregation);
    *what = (struct sl_aggregation){.keys = SL_NEW_ARRAY(arena, uint32_t, keys + 1),
                                    .key_count = keys,
                                    .items = SL_NEW_ARRAY(arena, struct sl_aggregation_item, 2),
                                    .item_count = 2,
                                    .event_time.column = -1,
                                    .session = -1};
    for (uint32_t i = 0; i < keys; i++) what->keys[i] = i;
    struct sl_node *node =
        sl_node_new(arena, SL_NODE_AGGREGATE, both, both->column_count, both->span);
    memcpy(node->columns, both->columns, both->column_count * sizeof *node->columns);
    for (uint32_t i = 0; i < 2; i++) {
        struct sl_aggregate_call *call = SL_NEW(arena, struct sl_aggregate_call);
        struct sl_bind_arg arg = {&sl_type_long, NULL};
        const struct sl_type *target;
        SL_TRY(sl_aggregate_resolve(arena, binder->ctx->expr.session, SL_STR("sum"), &arg, 1, false,
                                    false, both->span, &target, call, err));
        what->items[i] = (struct sl_aggregation_item){
            .call = call, .args = SL_NEW_ARRAY(arena, uint32_t, 1), .filter = -1};
        what->items[i].args[0] = keys + i;
        node->columns[keys + i].type = call->result;
        node->columns[keys + i].nullable = call->result_nullable;
    }
    node->aggregation = what;
    *out = node;
    return SL_OK;
}

/* How often a row stays: the fewer times of both (INTERSECT), what the right side leaves (EXCEPT);
 * without ALL once, where the left side has it and the right side has it or has it not. */
static enum sl_code times_that_stay(struct sl_binder *binder, const struct sl_urelation *relation,
                                    const struct sl_node *counted, struct sl_expr **out,
                                    struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    uint32_t keys = counted->column_count - 2;
    struct sl_expr *counts[2];
    for (uint32_t i = 0; i < 2; i++)
        counts[i] = sl_expr_column(ctx, keys + i, counted->columns[keys + i].type,
                                   counted->columns[keys + i].nullable);
    bool intersect = relation->set_op == SL_SET_INTERSECT;
    if (relation->all || intersect)
        return sl_expr_call(ctx, intersect ? SL_STR("least") : SL_STR("-"), counts, 2,
                            relation->span, out, err);
    struct sl_expr *none[2] = {counts[1], sl_expr_literal_i64(ctx, &sl_type_long, 0)}, *pair[3];
    SL_TRY(sl_expr_call(ctx, SL_STR("="), none, 2, relation->span, &pair[0], err));
    pair[1] = counts[0];
    pair[2] = none[1];
    return sl_expr_call(ctx, SL_STR("if"), pair, 3, relation->span, out, err);
}

static enum sl_code keep_rows(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node *counted, struct sl_node **out, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    uint32_t keys = counted->column_count - 2;
    struct sl_expr *times, *condition;
    SL_TRY(times_that_stay(binder, relation, counted, &times, err));
    struct sl_expr *some[2] = {times, sl_expr_literal_i64(ctx, &sl_type_long, 0)};
    SL_TRY(sl_expr_call(ctx, SL_STR(">"), some, 2, relation->span, &condition, err));
    *out = sl_node_filter(binder->arena, counted, condition, relation->span);
    if (relation->all) SL_TRY(sl_node_repeat(binder, out, times, err));
    *out = sl_node_first_columns(binder, *out, keys);
    return SL_OK;
}

enum sl_code sl_bind_set_op(struct sl_binder *binder, const struct sl_urelation *relation,
                            struct sl_node **out, struct sl_err *err) {
    struct sl_node *sides[2], *both;
    SL_TRY(bind_sides(binder, relation, sides, err));
    SL_TRY(union_all(binder, relation, sides, &both, err));
    *out = both;
    if (relation->set_op == SL_SET_UNION) {
        if (!relation->all) *out = sl_node_distinct(binder, both, relation->span);
        return SL_OK;
    }
    struct sl_node *counted;
    mark_sides(binder, both);
    SL_TRY(count_rows(binder, both, &counted, err));
    return keep_rows(binder, relation, counted, out, err);
}
