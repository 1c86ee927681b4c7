/* GROUP BY and aggregate functions: keys, calls, and the node that both become.
 *
 * AGGREGATE stands over a PROJECT that computes the keys, the arguments and the FILTER conditions;
 * the projection of the SELECT list stands above it.  How expressions get there: select.h.
 * Source: Analyzer.scala (ResolveAggregateFunctions, ResolveReferencesInAggregate), CheckAnalysis,
 * ResolveGroupByAll. */
#include "plan/optimize_int.h"
#include "plan/select.h"

/* ---- calls ---- */

bool sl_is_aggregate(const struct sl_uexpr *expr) {
    size_t count = 0;
    if (expr->kind != SL_U_FUNCTION || !sl_is_builtin_name(&expr->name)) return false;
    sl_aggregate_find(expr->name.parts[expr->name.count - 1], &count);
    return count > 0;
}

bool sl_has_aggregate(const struct sl_uexpr *expr) {
    if (expr->kind == SL_U_WINDOW) return false;
    if (sl_is_aggregate(expr)) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (sl_has_aggregate(expr->args[i])) return true;
    return false;
}

static const char misplaced[] = "UNSUPPORTED_EXPR_FOR_OPERATOR";

enum sl_code sl_aggregate_misplaced(struct sl_binder *binder, const struct sl_scope *scope,
                                    const struct sl_uexpr *call, struct sl_err *err) {
    sl_fail_at(err, call->span, misplaced, "42K0E",
               "an aggregate function has no place here: \"%.*s\"",
               SL_STR_ARG(sl_pretty_text(binder, scope, call)));
    if (err)
        sl_hint(err, "aggregate functions stand in a SELECT list, in HAVING and in ORDER BY; "
                     "aggregate in a subquery and use its column here");
    return SL_USER;
}

bool sl_is_misplaced_aggregate(enum sl_code code, const struct sl_err *err) {
    return code == SL_USER && err && strcmp(err->condition, misplaced) == 0;
}

static bool is_count_star(const struct sl_uexpr *call) {
    return call->arg_count == 1 && call->args[0]->kind == SL_U_STAR && !call->args[0]->name.count &&
           !call->args[0]->aliases.count && !call->distinct &&
           sl_str_eq_nocase(call->name.parts[call->name.count - 1], SL_STR("count"));
}

static bool is_count_of_table(const struct sl_uexpr *call) {
    return call->arg_count == 1 && call->args[0]->kind == SL_U_STAR && call->args[0]->name.count &&
           sl_str_eq_nocase(call->name.parts[call->name.count - 1], SL_STR("count"));
}

static bool reads_lateral(const struct sl_scope *scope, const struct sl_uexpr *expr,
                          struct sl_str *name) {
    if (expr->kind == SL_U_ATTRIBUTE && expr->name.count) {
        *name = expr->name.parts[0];
        return sl_select_has_lateral(scope, *name);
    }
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (reads_lateral(scope, expr->args[i], name)) return true;
    return false;
}

/* Aliases of the list are made of the groups; no aggregate function can read them. */
static enum sl_code bind_call_args(struct sl_binder *binder, const struct sl_scope *scope,
                                   const struct sl_scope *inner, const struct sl_uexpr *call,
                                   struct sl_arg_list *list, struct sl_err *err) {
    enum sl_code code = sl_bind_args(binder, inner, call, list, err);
    struct sl_str name;
    bool unknown = code == SL_USER && err && strncmp(err->condition, "UNRESOLVED_COLUMN", 17) == 0;
    if (!unknown || !reads_lateral(scope, call, &name)) return code;
    struct sl_span span = err->span;
    *err = (struct sl_err){0};
    sl_fail_at(err, span, "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_AGGREGATE_FUNC", "0A000",
               "the feature is not supported: referencing a lateral column alias `%.*s` in an "
               "aggregate function",
               SL_STR_ARG(name));
    return SL_USER;
}

static bool is_above_groups(const struct sl_expr *expr, const void *ctx) {
    (void)ctx;
    return expr->kind == SL_EXPR_COLUMN && expr->column >= SL_LATERAL_BASE;
}
bool sl_reads_groups(const struct sl_expr *expr) {
    return sl_expr_any(expr, is_above_groups, NULL);
}

static enum sl_code nested(const struct sl_uexpr *call, struct sl_err *err) {
    return sl_fail_at(err, call->span, "NESTED_AGGREGATE_FUNCTION", "42607",
                      "it is not allowed to use an aggregate function in the argument of another "
                      "aggregate function: use the inner one in a subquery");
}

static enum sl_code check_args(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *call, const struct sl_arg_list *list,
                               struct sl_err *err) {
    for (uint32_t i = 0; i < list->count; i++)
        if (sl_reads_groups(list->items[i])) return nested(call, err);
    for (uint32_t i = 0; i < list->count; i++)
        if (sl_expr_is_volatile(list->items[i]))
            return sl_fail_at(err, call->span,
                              "AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION", "42845",
                              "non-deterministic expression \"%.*s\" should not appear in the "
                              "arguments of an aggregate function",
                              SL_STR_ARG(sl_pretty_text(binder, scope, call)));
    return SL_OK;
}

/* Chooses the overload and casts the arguments to what it takes. */
static enum sl_code resolve_call(struct sl_binder *binder, const struct sl_uexpr *call, bool star,
                                 struct sl_arg_list *list, struct sl_aggregate_call *out,
                                 struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    struct sl_bind_arg *args = SL_NEW_ARRAY(binder->arena, struct sl_bind_arg, list->count + 1);
    const struct sl_type **targets =
        SL_NEW_ARRAY(binder->arena, const struct sl_type *, list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        const struct sl_expr *arg = list->items[i];
        struct sl_buf text = {0};
        sl_expr_put_text(&text, arg, NULL);
        args[i] = (struct sl_bind_arg){
            arg->type, arg->kind == SL_EXPR_LITERAL ? arg->literal : NULL,
            sl_arena_str(binder->arena, (struct sl_str){(const char *)text.ptr, text.len})};
        sl_buf_release(&text);
    }
    SL_TRY(sl_aggregate_resolve(binder->arena, ctx->session, call->name.parts[call->name.count - 1],
                                args, list->count, star, call->ignore_nulls, call->span, targets,
                                out, err));
    for (uint32_t i = 0; i < list->count; i++) {
        if (!targets[i] || sl_type_equal(list->items[i]->type, targets[i])) continue;
        SL_TRY(sl_expr_coerce(ctx, list->items[i], targets[i], &list->items[i], err));
    }
    return SL_OK;
}

static enum sl_code bad_filter(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *filter, const char *condition,
                               const char *why, struct sl_err *err) {
    return sl_fail_at(err, filter->span, condition, "42903",
                      "the FILTER expression \"%.*s\" in an aggregate function is invalid: %s",
                      SL_STR_ARG(sl_pretty_text(binder, scope, filter)), why);
}

static enum sl_code bind_filter(struct sl_binder *binder, const struct sl_scope *scope,
                                const struct sl_uexpr *condition, struct sl_expr **out,
                                struct sl_err *err) {
    enum sl_code code = sl_bind_uexpr(binder, scope, condition, out, err);
    if (code == SL_USER && err && strcmp(err->condition, "NESTED_AGGREGATE_FUNCTION") == 0)
        return bad_filter(binder, scope, condition, "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE",
                          "it contains an aggregate function", err);
    SL_TRY(code);
    if ((*out)->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(&binder->ctx->expr, *out, &sl_type_bool, out, err));
    if ((*out)->type->kind != SL_BOOL_KIND)
        return bad_filter(binder, scope, condition, "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN",
                          "it must be BOOLEAN", err);
    if (sl_expr_is_volatile(*out))
        return bad_filter(binder, scope, condition, "INVALID_AGGREGATE_FILTER.NON_DETERMINISTIC",
                          "it must be deterministic", err);
    return SL_OK;
}

static bool same_item(const struct sl_aggregate_item *a, const struct sl_aggregate_item *b) {
    if (a->call->function != b->call->function || a->call->arg_count != b->call->arg_count ||
        a->call->ignore_nulls != b->call->ignore_nulls || a->distinct != b->distinct ||
        !a->filter != !b->filter || (a->filter && !sl_expr_equal(a->filter, b->filter)))
        return false;
    for (uint32_t i = 0; i < a->call->arg_count; i++)
        if (!sl_expr_equal(a->args[i], b->args[i])) return false;
    return true;
}

/* An equal call is computed once. */
static uint32_t add_item(struct sl_binder *binder, struct sl_grouping *grouping,
                         const struct sl_aggregate_item *item) {
    for (uint32_t i = 0; i < grouping->item_count; i++)
        if (same_item(&grouping->items[i], item)) return i;
    if (grouping->item_count == grouping->item_cap) {
        uint32_t cap = grouping->item_cap ? grouping->item_cap * 2 : 8;
        grouping->items = sl_arena_grow(binder->arena, grouping->items,
                                        grouping->item_cap * sizeof *grouping->items,
                                        cap * sizeof *grouping->items);
        grouping->item_cap = cap;
    }
    grouping->items[grouping->item_count] = *item;
    return grouping->item_count++;
}

enum sl_code sl_bind_aggregate(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *call, struct sl_expr **out,
                               struct sl_err *err) {
    if (scope->in_aggregate) return nested(call, err);
    if (!scope->grouping) return sl_aggregate_misplaced(binder, scope, call, err);
    struct sl_scope inner = *scope;
    inner.in_aggregate = true;
    inner.select = NULL;
    struct sl_arg_list list = {0};
    bool star = is_count_star(call);
    if (!star && is_count_of_table(call))
        return sl_fail_at(err, call->args[0]->span, "INVALID_USAGE_OF_STAR_OR_REGEX", "42000",
                          "count(%.*s.*) is not allowed: use count(*) or name the columns",
                          SL_STR_ARG(call->args[0]->name.parts[0]));
    if (!star) SL_TRY(bind_call_args(binder, scope, &inner, call, &list, err));
    SL_TRY(check_args(binder, scope, call, &list, err));
    struct sl_aggregate_item item = {.call = SL_NEW(binder->arena, struct sl_aggregate_call),
                                     .args = NULL};
    SL_TRY(resolve_call(binder, call, star, &list, item.call, err));
    item.args = list.items;
    item.distinct = call->distinct && !(item.call->function->flags & SL_AGG_DISTINCT_IS_SAME);
    if (call->filter) SL_TRY(bind_filter(binder, &inner, call->filter, &item.filter, err));
    if (item.filter && sl_reads_groups(item.filter)) return nested(call, err);
    uint32_t before = scope->grouping->item_count;
    uint32_t at = add_item(binder, scope->grouping, &item);
    const struct sl_aggregate_call *made = scope->grouping->items[at].call;
    *out =
        sl_expr_column(&binder->ctx->expr, SL_ITEM_BASE + at, made->result, made->result_nullable);
    (*out)->span = call->span;
    /* Only now: the text binds parts of the call, and so meets the item that it names. */
    if (at == before) scope->grouping->items[at].name = sl_pretty_text(binder, scope, call);
    return SL_OK;
}

/* ---- keys ---- */

/* 2, and -2, which is out of range. */
static bool read_ordinal(const struct sl_uexpr *expr, int64_t *out) {
    bool negative = expr->kind == SL_U_FUNCTION && expr->arg_count == 1 &&
                    sl_str_eq(expr->name.parts[0], SL_STR("negative"));
    const struct sl_uexpr *number = negative ? expr->args[0] : expr;
    if (number->kind != SL_U_LITERAL || number->literal.kind != SL_LIT_INT) return false;
    *out = negative ? -number->literal.integer : number->literal.integer;
    return true;
}

static void add_key(struct sl_binder *binder, struct sl_select *select, struct sl_expr *expr,
                    struct sl_str name) {
    struct sl_grouping *grouping = select->grouping;
    for (uint32_t i = 0; i < grouping->key_count; i++)
        if (sl_expr_equal(grouping->keys[i], expr)) return;
    if (grouping->key_count == grouping->key_cap) {
        uint32_t cap = grouping->key_cap ? grouping->key_cap * 2 : 8;
        grouping->keys =
            sl_arena_grow(binder->arena, grouping->keys, grouping->key_cap * sizeof *grouping->keys,
                          cap * sizeof *grouping->keys);
        grouping->key_columns = sl_arena_grow(binder->arena, grouping->key_columns,
                                              grouping->key_cap * sizeof *grouping->key_columns,
                                              cap * sizeof *grouping->key_columns);
        grouping->key_cap = cap;
    }
    struct sl_column column = {.name = name, .id = binder->next_id++};
    if (expr->kind == SL_EXPR_COLUMN) {
        column = select->base->columns[expr->column];
        column.reach = SL_REACH_ALL;
    }
    column.type = expr->type;
    column.nullable = expr->nullable;
    column.qualifier = (struct sl_str){0};
    grouping->keys[grouping->key_count] = expr;
    grouping->key_columns[grouping->key_count++] = column;
}

static enum sl_code group_by_aggregate(struct sl_binder *binder, const struct sl_scope *scope,
                                       const struct sl_uexpr *expr, int64_t ordinal,
                                       struct sl_err *err) {
    struct sl_str text = sl_pretty_text(binder, scope, expr);
    if (ordinal)
        return sl_fail_at(err, expr->span, "GROUP_BY_POS_AGGREGATE", "42903",
                          "GROUP BY %lld refers to an expression \"%.*s\" that contains an "
                          "aggregate function",
                          (long long)ordinal, SL_STR_ARG(text));
    return sl_fail_at(err, expr->span, "GROUP_BY_AGGREGATE", "42903",
                      "aggregate functions are not allowed in GROUP BY, but found \"%.*s\"",
                      SL_STR_ARG(text));
}

static const struct sl_uexpr *unaliased(const struct sl_uexpr *expr) {
    return expr->kind == SL_U_ALIAS ? expr->args[0] : expr;
}

static enum sl_code bind_key(struct sl_binder *binder, struct sl_select *select,
                             const struct sl_urelation *relation, const struct sl_uexpr *expr,
                             int64_t ordinal, struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, select->base);
    scope.windows = select;
    scope.aliases = relation;
    struct sl_expr *key;
    if (expr->kind == SL_U_FUNCTION && (sl_str_eq(expr->name.parts[0], SL_STR("grouping sets")) ||
                                        ((sl_str_eq_nocase(expr->name.parts[0], SL_STR("rollup")) ||
                                          sl_str_eq_nocase(expr->name.parts[0], SL_STR("cube"))) &&
                                         expr->name.count == 1)))
        return sl_bind_refuse(err, expr->span, "GROUPING SETS, ROLLUP and CUBE");
    enum sl_code code = sl_bind_uexpr(binder, &scope, expr, &key, err);
    if (sl_is_misplaced_aggregate(code, err))
        return group_by_aggregate(binder, &scope, expr, ordinal, err);
    SL_TRY(code);
    if (key->type->kind == SL_MAP_KIND) return sl_bind_refuse(err, expr->span, "GROUP BY of a MAP");
    /* a call binds a window or a name of the list, which changes the scope */
    scope = sl_scope_of(binder, select->base);
    scope.aliases = relation;
    add_key(binder, select, key,
            key->kind == SL_EXPR_COLUMN ? (struct sl_str){0}
                                        : sl_column_name(binder, &scope, expr));
    return SL_OK;
}

static enum sl_code bind_ordinal(struct sl_binder *binder, struct sl_select *select,
                                 const struct sl_urelation *relation, const struct sl_uexpr *expr,
                                 int64_t ordinal, struct sl_err *err) {
    for (uint32_t i = 0; i < relation->expr_count; i++)
        if (relation->exprs[i]->kind == SL_U_STAR)
            return sl_fail_at(err, expr->span, "STAR_GROUP_BY_POS", "0A000",
                              "star (*) is not allowed in a select list when GROUP BY an ordinal "
                              "position is used");
    if (ordinal < 1 || ordinal > relation->expr_count)
        return sl_fail_at(err, expr->span, "GROUP_BY_POS_OUT_OF_RANGE", "42805",
                          "GROUP BY position %lld is not in select list (valid range is [1, %u])",
                          (long long)ordinal, relation->expr_count);
    enum sl_code code =
        bind_key(binder, select, relation, unaliased(relation->exprs[ordinal - 1]), ordinal, err);
    if (code != SL_OK && err && strcmp(err->condition, "GROUP_BY_POS_AGGREGATE") == 0)
        err->span = expr->span;
    return code;
}

enum sl_code sl_grouping_alias(struct sl_binder *binder, const struct sl_scope *scope,
                               struct sl_str name, struct sl_expr **out, struct sl_err *err) {
    const struct sl_urelation *relation = scope->aliases;
    for (uint32_t i = 0; i < relation->expr_count; i++) {
        const struct sl_uexpr *item = relation->exprs[i];
        if (item->kind != SL_U_ALIAS || item->aliases.count != 1 ||
            !sl_scope_name_eq(scope, item->aliases.parts[0], name))
            continue;
        struct sl_scope inner = *scope;
        inner.aliases = NULL;
        return sl_bind_uexpr(binder, &inner, item->args[0], out, err);
    }
    return SL_OK;
}

/* A column outside of the aggregate functions of an item. */
static bool reads_outside(const struct sl_uexpr *expr) {
    if (sl_is_aggregate(expr)) return false;
    if (expr->kind == SL_U_ATTRIBUTE || expr->kind == SL_U_STAR) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (reads_outside(expr->args[i])) return true;
    return false;
}

static enum sl_code bind_all(struct sl_binder *binder, struct sl_select *select,
                             const struct sl_urelation *relation, struct sl_err *err) {
    const struct sl_uexpr *mixed = NULL;
    for (uint32_t i = 0; i < relation->expr_count; i++) {
        const struct sl_uexpr *item = unaliased(relation->exprs[i]);
        if (item->kind == SL_U_STAR) {
            struct sl_scope scope = sl_scope_of(binder, select->base);
            struct sl_star_item *items;
            uint32_t count;
            SL_TRY(sl_bind_star(binder, &scope, item, &items, &count, err));
            for (uint32_t c = 0; c < count; c++)
                add_key(binder, select, items[c].expr, items[c].name);
        } else if (!sl_has_aggregate(item)) {
            SL_TRY(bind_key(binder, select, relation, item, 0, err));
        } else if (reads_outside(item)) {
            mixed = item;
        }
    }
    if (!mixed || select->grouping->key_count) return SL_OK;
    return sl_fail_at(err, mixed->span, "UNRESOLVED_ALL_IN_GROUP_BY", "42803",
                      "cannot infer grouping columns for GROUP BY ALL based on the select clause: "
                      "name the grouping columns");
}

enum sl_code sl_bind_grouping(struct sl_binder *binder, struct sl_select *select,
                              const struct sl_urelation *relation, struct sl_err *err) {
    if (relation->all) return bind_all(binder, select, relation, err);
    for (uint32_t i = 0; i < relation->grouping_count; i++) {
        const struct sl_uexpr *expr = relation->grouping[i];
        int64_t ordinal;
        if (read_ordinal(expr, &ordinal))
            SL_TRY(bind_ordinal(binder, select, relation, expr, ordinal, err));
        else
            SL_TRY(bind_key(binder, select, relation, expr, 0, err));
    }
    return SL_OK;
}

/* ---- laterals ---- */

struct sl_expr *sl_grouping_lateral(struct sl_binder *binder, struct sl_grouping *grouping,
                                    struct sl_expr *expr, const struct sl_column *column) {
    if (grouping->lateral_count == grouping->lateral_cap) {
        uint32_t cap = grouping->lateral_cap ? grouping->lateral_cap * 2 : 4;
        grouping->laterals = sl_arena_grow(binder->arena, grouping->laterals,
                                           grouping->lateral_cap * sizeof *grouping->laterals,
                                           cap * sizeof *grouping->laterals);
        grouping->lateral_columns =
            sl_arena_grow(binder->arena, grouping->lateral_columns,
                          grouping->lateral_cap * sizeof *grouping->lateral_columns,
                          cap * sizeof *grouping->lateral_columns);
        grouping->lateral_cap = cap;
    }
    uint32_t at = grouping->lateral_count++;
    grouping->laterals[at] = expr;
    grouping->lateral_columns[at] = *column;
    return sl_expr_column(&binder->ctx->expr, SL_LATERAL_BASE + at, expr->type, expr->nullable);
}

/* ---- the node ---- */

struct computed {
    struct sl_binder *binder;
    const struct sl_node *base;
    struct sl_exprs exprs;
    struct sl_column *columns;
    uint32_t cap;
};

/* Position of the expression in the projection below the groups. */
static uint32_t compute(struct computed *below, struct sl_expr *expr, struct sl_str name) {
    for (uint32_t i = 0; i < below->exprs.count; i++)
        if (sl_expr_equal(below->exprs.items[i], expr)) return i;
    struct sl_arena *arena = below->binder->arena;
    uint32_t at = below->exprs.count;
    if (at == below->cap) {
        uint32_t cap = below->cap ? below->cap * 2 : 16;
        below->columns = sl_arena_grow(arena, below->columns, below->cap * sizeof *below->columns,
                                       cap * sizeof *below->columns);
        below->cap = cap;
    }
    sl_exprs_add(arena, &below->exprs, expr);
    below->columns[at] = (struct sl_column){.name = name, .id = below->binder->next_id++};
    if (expr->kind == SL_EXPR_COLUMN) below->columns[at] = below->base->columns[expr->column];
    if (!below->columns[at].name.len)
        below->columns[at].name = sl_arena_printf(arena, "_agg%u", at);
    below->columns[at].type = expr->type;
    below->columns[at].nullable = expr->nullable;
    return at;
}

static void make_items(struct computed *below, const struct sl_grouping *grouping,
                       struct sl_aggregation *out) {
    struct sl_arena *arena = below->binder->arena;
    out->items = SL_NEW_ARRAY(arena, struct sl_aggregation_item, grouping->item_count + 1);
    out->item_count = grouping->item_count;
    for (uint32_t i = 0; i < grouping->item_count; i++) {
        const struct sl_aggregate_item *item = &grouping->items[i];
        uint32_t *args = SL_NEW_ARRAY(arena, uint32_t, item->call->arg_count + 1);
        for (uint32_t a = 0; a < item->call->arg_count; a++)
            args[a] = compute(below, item->args[a], (struct sl_str){0});
        int32_t filter = -1;
        if (item->filter) filter = (int32_t)compute(below, item->filter, (struct sl_str){0});
        out->items[i] = (struct sl_aggregation_item){
            .call = item->call, .args = args, .filter = filter, .distinct = item->distinct};
    }
}

static void make_keys(struct computed *below, const struct sl_grouping *grouping,
                      struct sl_aggregation *out) {
    out->keys = SL_NEW_ARRAY(below->binder->arena, uint32_t, grouping->key_count + 1);
    out->key_count = grouping->key_count;
    out->session = -1;
    out->event_time = (struct sl_event_time){.column = -1};
    for (uint32_t i = 0; i < grouping->key_count; i++) {
        const struct sl_column *column = &grouping->key_columns[i];
        out->keys[i] = compute(below, grouping->keys[i], column->name);
        if (column->window == SL_WINDOW_SESSION) out->session = (int32_t)i;
        if (column->watermark && out->event_time.column < 0)
            out->event_time =
                (struct sl_event_time){(int32_t)out->keys[i], column->watermark->delay_ms * 1000};
    }
}

enum sl_code sl_grouping_node(struct sl_binder *binder, struct sl_select *select,
                              struct sl_span span, struct sl_node **out, struct sl_err *err) {
    struct sl_arena *arena = binder->arena;
    const struct sl_grouping *grouping = select->grouping;
    struct computed below = {.binder = binder, .base = select->base};
    struct sl_aggregation *aggregation = SL_NEW(arena, struct sl_aggregation);
    make_keys(&below, grouping, aggregation);
    make_items(&below, grouping, aggregation);
    struct sl_node *input = sl_node_project(arena, select->base, below.exprs.items, below.columns,
                                            below.exprs.count, span);
    struct sl_node *node = sl_node_new(arena, SL_NODE_AGGREGATE, input,
                                       grouping->key_count + grouping->item_count, span);
    node->aggregation = aggregation;
    if (grouping->key_count)
        memcpy(node->columns, grouping->key_columns, grouping->key_count * sizeof *node->columns);
    for (uint32_t i = 0; i < grouping->item_count; i++)
        node->columns[grouping->key_count + i] =
            (struct sl_column){.name = grouping->items[i].name,
                               .type = grouping->items[i].call->result,
                               .nullable = grouping->items[i].call->result_nullable,
                               .id = binder->next_id++};
    for (uint32_t i = 0; i < grouping->lateral_count; i++) {
        struct sl_expr *lateral;
        SL_TRY(sl_grouping_above(binder, select, grouping->laterals[i], &lateral, err));
        node = sl_node_with_column(binder, node, lateral, &grouping->lateral_columns[i]);
    }
    *out = node;
    return SL_OK;
}

/* ---- from rows to groups ---- */

static enum sl_code missing(const struct sl_select *select, const struct sl_expr *expr,
                            struct sl_err *err) {
    const struct sl_str name = select->base->columns[expr->column].name;
    if (!select->grouping->key_count)
        return sl_fail_at(err, expr->span, "MISSING_GROUP_BY", "42803",
                          "the query does not include a GROUP BY clause, but \"%.*s\" is not "
                          "aggregated: add GROUP BY, or aggregate it",
                          SL_STR_ARG(name));
    return sl_fail_at(err, expr->span, "MISSING_AGGREGATION", "42803",
                      "the non-aggregating expression \"%.*s\" is based on columns which are not "
                      "participating in the GROUP BY clause: add it to GROUP BY, aggregate it, or "
                      "use \"any_value(%.*s)\" if it does not matter which value of a group is "
                      "returned",
                      SL_STR_ARG(name), SL_STR_ARG(name));
}

enum sl_code sl_grouping_above(struct sl_binder *binder, const struct sl_select *select,
                               struct sl_expr *expr, struct sl_expr **out, struct sl_err *err) {
    const struct sl_grouping *grouping = select->grouping;
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    *out = expr;
    if (expr->kind == SL_EXPR_LITERAL) return SL_OK;
    for (uint32_t i = 0; i < grouping->key_count; i++)
        if (sl_expr_equal(grouping->keys[i], expr)) {
            *out = sl_expr_column(ctx, i, grouping->keys[i]->type, expr->nullable);
            (*out)->span = expr->span;
            (*out)->name = expr->name;
            return SL_OK;
        }
    if (expr->kind == SL_EXPR_COLUMN) {
        uint32_t column = expr->column;
        if (column < SL_LATERAL_BASE) return missing(select, expr, err);
        column = column >= SL_ITEM_BASE
                     ? grouping->key_count + (column - SL_ITEM_BASE)
                     : grouping->key_count + grouping->item_count + (column - SL_LATERAL_BASE);
        *out = sl_expr_column(ctx, column, expr->type, expr->nullable);
        (*out)->span = expr->span;
        return SL_OK;
    }
    if (!expr->arg_count) return SL_OK;
    struct sl_expr *copy = SL_NEW(binder->arena, struct sl_expr);
    *copy = *expr;
    copy->args = SL_NEW_ARRAY(binder->arena, struct sl_expr *, expr->arg_count);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        SL_TRY(sl_grouping_above(binder, select, expr->args[i], &copy->args[i], err));
    *out = copy;
    return SL_OK;
}
