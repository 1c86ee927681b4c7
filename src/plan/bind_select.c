/* SELECT lists: stars, default names, and lateral column aliases.
 *
 * `SELECT f(a) AS x, x + 1` may use x.  Spark computes such an x in a projection below, so that it
 * is computed once (uuid() AS u, u must be equal): a referenced item is moved into a PROJECT under
 * the list, behind the input's columns, and the list refers to that column.  The input's columns
 * keep their positions, so what is already bound stays right.
 */
#include "plan/bind_int.h"

struct item {
    struct sl_expr *expr;
    struct sl_column column;
    bool lateral;   /* later items may use its name */
    bool generated; /* made by a generator */
};

struct sl_select {
    struct sl_node *base; /* input, or projections that compute laterals over it */
    struct item *items;
    uint32_t count, cap;
    bool case_sensitive;
};

static void add_item(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                     struct sl_str name, uint32_t id, bool lateral) {
    if (select->count == select->cap) {
        uint32_t cap = select->cap ? select->cap * 2 : 16;
        select->items =
            sl_arena_grow(binder->arena, select->items, select->cap * sizeof *select->items,
                          cap * sizeof *select->items);
        select->cap = cap;
    }
    select->items[select->count++] = (struct item){
        .expr = expr,
        .column = {.name = name, .type = expr->type, .nullable = expr->nullable, .id = id},
        .lateral = lateral};
}

static bool name_eq(const struct sl_select *select, struct sl_str a, struct sl_str b) {
    return select->case_sensitive ? sl_str_eq(a, b) : sl_str_eq_nocase(a, b);
}

static const struct item *find_lateral(const struct sl_scope *scope, struct sl_str name) {
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
    const struct item *item = find_lateral(scope, name);
    return item && item->generated;
}

/* Moves an item's expression into a projection below the list. */
static void push_below(struct sl_binder *binder, struct sl_select *select, struct item *item) {
    const struct sl_node *base = select->base;
    uint32_t count = base->column_count;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = base->columns[i];
        exprs[i] =
            sl_expr_column(&binder->ctx->expr, i, base->columns[i].type, base->columns[i].nullable);
    }
    exprs[count] = item->expr;
    columns[count] = item->column;
    select->base =
        sl_node_project(binder->arena, select->base, exprs, columns, count + 1, item->expr->span);
    item->expr =
        sl_expr_column(&binder->ctx->expr, count, item->column.type, item->column.nullable);
}

enum sl_code sl_select_lateral(struct sl_binder *binder, struct sl_select *select,
                               struct sl_str name, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    struct item *found = NULL;
    unsigned matches = 0;
    for (uint32_t i = 0; i < select->count; i++) {
        struct item *item = &select->items[i];
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

static struct sl_node *finish(struct sl_binder *binder, const struct sl_select *select,
                              const struct sl_urelation *relation) {
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, select->count + 1);
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, select->count + 1);
    for (uint32_t i = 0; i < select->count; i++) {
        exprs[i] = select->items[i].expr;
        columns[i] = select->items[i].column;
    }
    if (relation->input || select->base->column_count)
        return sl_node_project(binder->arena, select->base, exprs, columns, select->count,
                               relation->span);
    struct sl_node *values =
        sl_node_new(binder->arena, SL_NODE_VALUES, NULL, select->count, relation->span);
    values->row_count = 1;
    values->exprs = exprs;
    values->columns = columns;
    return values;
}

enum sl_code sl_bind_select(struct sl_binder *binder, const struct sl_urelation *relation,
                            struct sl_node **out, struct sl_err *err) {
    struct sl_select select = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    if (relation->input) {
        SL_TRY(sl_bind_node(binder, relation->input, &select.base, err));
    } else {
        select.base = sl_node_new(binder->arena, SL_NODE_VALUES, NULL, 0, relation->span);
        select.base->row_count = 1;
    }
    struct sl_scope scope = sl_scope_of(binder, select.base);
    scope.select = &select;
    for (uint32_t i = 0; i < relation->expr_count; i++) {
        const struct sl_uexpr *expr = relation->exprs[i];
        if (expr->kind == SL_U_STAR)
            SL_TRY(add_star(binder, &scope, expr, &select, err));
        else
            SL_TRY(add_expr(binder, &scope, expr, &select, err));
    }
    *out = finish(binder, &select, relation);
    return SL_OK;
}
