/* SELECT lists: stars, default names, and lateral column aliases.
 *
 * `SELECT f(a) AS x, x + 1` may use x.  Spark computes such an x in a projection below, so that it
 * is computed once (uuid() AS u, u must be equal): a referenced item is moved into a PROJECT under
 * the list, behind the input's columns, and the list refers to that column.  The input's columns
 * keep their positions, so what is already bound stays right.
 */
#include "plan/select.h"

#include <stdio.h>

void sl_select_add(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                   struct sl_column column, bool lateral) {
    if (select->count == select->cap) {
        uint32_t cap = select->cap ? select->cap * 2 : 16;
        select->items =
            sl_arena_grow(binder->arena, select->items, select->cap * sizeof *select->items,
                          cap * sizeof *select->items);
        select->cap = cap;
    }
    column.type = expr->type;
    column.nullable = expr->nullable;
    column.qualifier = (struct sl_str){0};
    column.reach = SL_REACH_ALL;
    select->items[select->count++] =
        (struct sl_item){.expr = expr, .column = column, .lateral = lateral};
}

/* What an item of that name is. A plain column stays an event time or a window under any name. */
static void add_item(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                     struct sl_str name, uint32_t id, bool lateral) {
    struct sl_column column = {.name = name, .id = id};
    if (expr->kind == SL_EXPR_COLUMN && expr->column < select->base->column_count) {
        column.watermark = select->base->columns[expr->column].watermark;
        column.window = select->base->columns[expr->column].window;
    }
    sl_select_add(binder, select, expr, column, lateral);
}

uint32_t sl_select_item_of(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                           struct sl_str name) {
    for (uint32_t i = 0; i < select->count; i++)
        if (sl_expr_equal(select->items[i].expr, expr)) return i;
    add_item(binder, select, expr, name, binder->next_id++, false);
    return select->count - 1;
}

static bool name_eq(const struct sl_select *select, struct sl_str a, struct sl_str b) {
    return select->case_sensitive ? sl_str_eq(a, b) : sl_str_eq_nocase(a, b);
}

static const struct sl_item *find_lateral(const struct sl_scope *scope, struct sl_str name) {
    const struct sl_select *select = scope->select;
    for (uint32_t i = 0; select && i < select->count; i++)
        if (select->items[i].lateral && name_eq(select, select->items[i].column.name, name))
            return &select->items[i];
    return NULL;
}

bool sl_select_has_lateral(const struct sl_scope *scope, struct sl_str name) {
    return find_lateral(scope, name) != NULL;
}

bool sl_select_is_generated(const struct sl_scope *scope, struct sl_str name) {
    const struct sl_item *item = find_lateral(scope, name);
    return item && item->generated;
}

struct sl_node *sl_node_with_column(struct sl_binder *binder, struct sl_node *base,
                                    struct sl_expr *expr, const struct sl_column *column) {
    uint32_t count = base->column_count;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = base->columns[i];
        exprs[i] =
            sl_expr_column(&binder->ctx->expr, i, base->columns[i].type, base->columns[i].nullable);
    }
    exprs[count] = expr;
    columns[count] = *column;
    return sl_node_project(binder->arena, base, exprs, columns, count + 1, expr->span);
}

struct sl_node *sl_node_first_columns(struct sl_binder *binder, struct sl_node *node,
                                      uint32_t count) {
    if (count == node->column_count) return node;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    for (uint32_t i = 0; i < count; i++)
        exprs[i] =
            sl_expr_column(&binder->ctx->expr, i, node->columns[i].type, node->columns[i].nullable);
    return sl_node_project(binder->arena, node, exprs, node->columns, count, node->span);
}

/* Moves an item's expression into a projection below the list. */
static void push_below(struct sl_binder *binder, struct sl_select *select, struct sl_item *item) {
    if (select->grouping) {
        item->expr = sl_grouping_lateral(binder, select->grouping, item->expr, &item->column);
        return;
    }
    uint32_t count = select->base->column_count;
    select->base = sl_node_with_column(binder, select->base, item->expr, &item->column);
    item->expr =
        sl_expr_column(&binder->ctx->expr, count, item->column.type, item->column.nullable);
}

enum sl_code sl_select_lateral(struct sl_binder *binder, struct sl_select *select,
                               struct sl_str name, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    struct sl_item *found = NULL;
    unsigned matches = 0;
    for (uint32_t i = 0; i < select->count; i++) {
        struct sl_item *item = &select->items[i];
        if (item->lateral && name_eq(select, item->column.name, name)) found = item, matches++;
    }
    if (matches > 1)
        return sl_fail_at(err, span, "AMBIGUOUS_LATERAL_COLUMN_ALIAS", "42702",
                          "lateral column alias `%.*s` is ambiguous and has %u matches",
                          SL_STR_ARG(name), matches);
    if (!found) return SL_OK;
    if (found->expr->kind != SL_EXPR_COLUMN && found->expr->kind != SL_EXPR_LITERAL)
        push_below(binder, select, found);
    *out = found->expr;
    return SL_OK;
}

enum sl_code sl_select_output(const struct sl_select *select, struct sl_str name,
                              struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    *out = NULL;
    for (uint32_t i = 0; i < select->visible; i++) {
        const struct sl_item *item = &select->items[i];
        if (!name_eq(select, item->column.name, name)) continue;
        if (*out && !sl_expr_equal(*out, item->expr))
            return sl_fail_at(err, span, "AMBIGUOUS_REFERENCE", "42704",
                              "reference `%.*s` is ambiguous: several columns of the SELECT list "
                              "have that name",
                              SL_STR_ARG(name));
        *out = item->expr;
    }
    return SL_OK;
}

static enum sl_code add_star(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *star, struct sl_select *select,
                             struct sl_err *err) {
    struct sl_star_item *items;
    uint32_t count;
    SL_TRY(sl_bind_star(binder, scope, star, &items, &count, err));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t id = items[i].column ? items[i].column->id : binder->next_id++;
        add_item(binder, select, items[i].expr, items[i].name, id, !items[i].column);
    }
    return SL_OK;
}

/* The generator goes below the list, behind the base's columns. */
static enum sl_code add_generator(struct sl_binder *binder, const struct sl_scope *scope,
                                  const struct sl_uexpr *expr, struct sl_select *select,
                                  struct sl_err *err) {
    if (select->grouping)
        return sl_bind_refuse(err, expr->span, "a generator in an aggregating SELECT");
    bool named = expr->kind == SL_U_ALIAS;
    struct sl_generator_use use = {.names = named ? &expr->aliases : NULL};
    SL_TRY(
        sl_bind_generator(binder, scope, named ? expr->args[0] : expr, &use, &select->base, err));
    const struct sl_node *node = select->base;
    for (uint32_t i = node->inputs[0]->column_count; i < node->column_count; i++) {
        const struct sl_column *column = &node->columns[i];
        struct sl_expr *item =
            sl_expr_column(&binder->ctx->expr, i, column->type, column->nullable);
        item->name = column->name;
        add_item(binder, select, item, column->name, column->id, named);
        select->items[select->count - 1].generated = true;
    }
    return SL_OK;
}

static enum sl_code add_expr(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *expr, struct sl_select *select,
                             struct sl_err *err) {
    const struct sl_uexpr *value = expr->kind == SL_U_ALIAS ? expr->args[0] : expr;
    if (sl_is_generator(value)) return add_generator(binder, scope, expr, select, err);
    if (expr->kind == SL_U_ALIAS && expr->aliases.count != 1)
        return sl_fail_at(err, expr->span, "MULTI_ALIAS_WITHOUT_GENERATOR", "42K0E",
                          "several aliases are not supported with \"%.*s\", as it is not a "
                          "generator function",
                          SL_STR_ARG(sl_pretty_text(binder, scope, value)));
    struct sl_expr *bound;
    enum sl_code code = sl_bind_uexpr(binder, scope, value, &bound, err);
    SL_TRY(sl_generator_nested(binder, scope, value, code, err));
    if (expr->kind == SL_U_ALIAS) {
        add_item(binder, select, bound, expr->aliases.parts[0], binder->next_id++, true);
        return SL_OK;
    }
    /* A plain column keeps its identity; a field `o.x` is an alias x to Spark. */
    bool plain = value->kind == SL_U_ATTRIBUTE && bound->kind == SL_EXPR_COLUMN;
    uint32_t id = plain && bound->column < scope->column_count ? scope->columns[bound->column].id
                                                               : binder->next_id++;
    add_item(binder, select, bound, sl_column_name(binder, scope, value), id,
             value->kind == SL_U_ATTRIBUTE && value->name.count > 1 &&
                 bound->kind != SL_EXPR_COLUMN);
    return SL_OK;
}

/* ---- the whole SELECT ---- */

static struct sl_node *project_items(struct sl_binder *binder, const struct sl_select *select,
                                     struct sl_node *input, struct sl_span span) {
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, select->count + 1);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, select->count + 1);
    for (uint32_t i = 0; i < select->count; i++) {
        exprs[i] = select->items[i].expr;
        columns[i] = select->items[i].column;
        columns[i].nullable = exprs[i]->nullable;
    }
    if (input->kind != SL_NODE_VALUES || input->column_count)
        return sl_node_project(binder->arena, input, exprs, columns, select->count, span);
    struct sl_node *values = sl_node_new(binder->arena, SL_NODE_VALUES, NULL, select->count, span);
    values->row_count = 1;
    values->exprs = exprs;
    values->columns = columns;
    return values;
}

/* What ORDER BY names and neither the list nor the groups have, is unknown to Spark. */
static enum sl_code not_in_groups(struct sl_err *err) {
    if (!err || strcmp(err->condition, "MISSING_AGGREGATION")) return SL_USER;
    snprintf(err->condition, sizeof err->condition, "UNRESOLVED_COLUMN.WITH_SUGGESTION");
    snprintf(err->sqlstate, sizeof err->sqlstate, "42703");
    return SL_USER;
}

/* Makes the groups and turns the items into expressions over them. */
static enum sl_code finish_groups(struct sl_binder *binder, struct sl_select *select,
                                  struct sl_expr *having, struct sl_span span, struct sl_node **out,
                                  struct sl_err *err) {
    for (uint32_t i = 0; i < select->count; i++) {
        enum sl_code code =
            sl_grouping_above(binder, select, select->items[i].expr, &select->items[i].expr, err);
        if (code == SL_USER && i >= select->visible) code = not_in_groups(err);
        SL_TRY(code);
    }
    if (having) SL_TRY(sl_grouping_above(binder, select, having, &having, err));
    SL_TRY(sl_grouping_node(binder, select, span, out, err));
    for (uint32_t i = 0; i < select->count; i++) {
        const struct sl_expr *expr = select->items[i].expr;
        if (expr->kind != SL_EXPR_COLUMN) continue;
        select->items[i].column.watermark = (*out)->columns[expr->column].watermark;
        select->items[i].column.window = (*out)->columns[expr->column].window;
    }
    if (having) *out = sl_node_filter(binder->arena, *out, having, having->span);
    return SL_OK;
}

static const struct sl_uexpr *find_over(const struct sl_uexpr *expr) {
    if (expr->kind == SL_U_WINDOW) return expr;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        const struct sl_uexpr *found = find_over(expr->args[i]);
        if (found) return found;
    }
    return NULL;
}

enum sl_code sl_over_in_stream(const struct sl_uexpr *over, struct sl_err *err) {
    return sl_fail_at(err, over->span, "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING", "42KDE",
                      "window functions with OVER are not supported on streaming "
                      "DataFrames/Datasets: only time windows are, as in GROUP BY window(ts, '5 "
                      "minutes')");
}

static enum sl_code check_over(const struct sl_uexpr *expr, const struct sl_node *base,
                               struct sl_err *err) {
    const struct sl_uexpr *over = find_over(expr);
    return over && sl_node_is_streaming(base) ? sl_over_in_stream(over, err) : SL_OK;
}

static enum sl_code bind_items(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_urelation *relation, struct sl_select *select,
                               struct sl_err *err) {
    for (uint32_t i = 0; i < relation->expr_count; i++) {
        const struct sl_uexpr *expr = relation->exprs[i];
        SL_TRY(check_over(expr, select->base, err));
        if (expr->kind == SL_U_STAR)
            SL_TRY(add_star(binder, scope, expr, select, err));
        else
            SL_TRY(add_expr(binder, scope, expr, select, err));
    }
    select->visible = select->count;
    return SL_OK;
}

static bool is_aggregating(const struct sl_urelation *relation) {
    if (relation->kind == SL_R_AGGREGATE) return true;
    for (uint32_t i = 0; i < relation->expr_count; i++)
        if (sl_has_aggregate(relation->exprs[i])) return true;
    return false;
}

static enum sl_code bind_base(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node **out, struct sl_err *err) {
    if (relation->input) return sl_bind_node(binder, relation->input, out, err);
    *out = sl_node_new(binder->arena, SL_NODE_VALUES, NULL, 0, relation->span);
    (*out)->row_count = 1;
    return SL_OK;
}

enum sl_code sl_bind_select(struct sl_binder *binder, const struct sl_urelation *relation,
                            const struct sl_urelation *having, const struct sl_urelation *sort,
                            struct sl_node **out, struct sl_err *err) {
    struct sl_select select = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    struct sl_grouping grouping = {0};
    SL_TRY(bind_base(binder, relation, &select.base, err));
    if (is_aggregating(relation)) {
        select.grouping = &grouping;
        SL_TRY(sl_bind_grouping(binder, &select, relation, err));
    }
    struct sl_scope scope = sl_scope_of(binder, select.base);
    scope.select = &select;
    scope.windows = &select;
    scope.grouping = select.grouping;
    SL_TRY(bind_items(binder, &scope, relation, &select, err));
    scope.select = NULL;
    scope.outputs = &select;
    struct sl_expr *condition = NULL;
    if (having) SL_TRY(sl_bind_condition(binder, &scope, having->condition, &condition, err));
    struct sl_ordering ordering = {0};
    if (sort) SL_TRY(sl_bind_ordering(binder, &select, &scope, sort, &ordering, err));
    struct sl_node *input = select.base;
    if (select.grouping)
        SL_TRY(finish_groups(binder, &select, condition, relation->span, &input, err));
    *out = project_items(binder, &select, input, relation->span);
    if (sort) *out = sl_sort_over(binder, *out, &ordering, select.visible, sort->span);
    return SL_OK;
}
