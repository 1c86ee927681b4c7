/* ORDER BY: names of the SELECT list first, then what the SELECT reads, which becomes a column that
 * is dropped again above the sort.
 * Source: ResolveReferencesInSort, ResolveOrdinalInOrderByAndGroupBy, ResolveAggregateFunctions. */
#include "plan/select.h"

static bool is_ordinal(const struct sl_uexpr *expr) {
    return expr->kind == SL_U_LITERAL && expr->literal.kind == SL_LIT_INT;
}

static enum sl_code bind_ordinal(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *expr, struct sl_expr **out,
                                 struct sl_err *err) {
    int64_t ordinal = expr->literal.integer;
    if (ordinal < 1 || ordinal > scope->column_count)
        return sl_fail_at(err, expr->span, "ORDER_BY_POS_OUT_OF_RANGE", "42805",
                          "ORDER BY position %lld is not in select list (valid range is [1, %u])",
                          (long long)ordinal, scope->column_count);
    const struct sl_column *column = &scope->columns[ordinal - 1];
    *out =
        sl_expr_column(&binder->ctx->expr, (uint32_t)ordinal - 1, column->type, column->nullable);
    return SL_OK;
}

static enum sl_code check_type(struct sl_binder *binder, const struct sl_uexpr *source,
                               const struct sl_expr *expr, struct sl_err *err) {
    const struct sl_type *type = expr->type;
    while (type->kind == SL_ARRAY_KIND) type = type->fields[0].type;
    if (type->kind != SL_MAP_KIND) return SL_OK;
    return sl_fail_at(err, source->span, "DATATYPE_MISMATCH.INVALID_ORDERING_TYPE", "42K09",
                      "ORDER BY does not support ordering on type \"%s\"",
                      sl_type_sql(binder->arena, expr->type));
}

static void begin(struct sl_binder *binder, const struct sl_urelation *sort,
                  struct sl_ordering *out) {
    out->exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, sort->expr_count + 1);
    out->keys = SL_NEW_ARRAY(binder->arena, struct sl_sort_key, sort->expr_count + 1);
}

static void add(struct sl_ordering *out, const struct sl_uexpr *item, struct sl_expr *expr) {
    out->exprs[out->count] = expr;
    out->keys[out->count++] = (struct sl_sort_key){
        .descending = item->descending,
        .nulls_first = item->nulls_set ? item->nulls_first : !item->descending};
}

/* Over the columns of the list alone; what it does not have is SL_USER. */
static enum sl_code bind_over(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err) {
    if (is_ordinal(expr)) return bind_ordinal(binder, scope, expr, out, err);
    return sl_bind_uexpr(binder, scope, expr, out, err);
}

static enum sl_code refuse_local(const struct sl_urelation *sort, struct sl_err *err) {
    return sort->local_sort ? sl_bind_refuse(err, sort->span, "SORT BY") : SL_OK;
}

/* *found: whether the names of the list are enough; *why: why not. */
static enum sl_code bind_by_list(struct sl_binder *binder, const struct sl_select *select,
                                 const struct sl_uexpr *expr, struct sl_expr **out, bool *found,
                                 struct sl_err *why, struct sl_err *err) {
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, select->visible + 1);
    for (uint32_t i = 0; i < select->visible; i++) columns[i] = select->items[i].column;
    struct sl_scope list = {.columns = columns,
                            .column_count = select->visible,
                            .case_sensitive = select->case_sensitive};
    *why = (struct sl_err){0};
    enum sl_code code = bind_over(binder, &list, expr, out, why);
    *found = code == SL_OK;
    bool final = is_ordinal(expr);
    if (code == SL_OK || (code == SL_USER && !final) || code == SL_UNSUPPORTED) return SL_OK;
    if (err) *err = *why;
    return code;
}

/* A name that several items of the list have is what the SELECT reads by it, if it reads that. */
static enum sl_code bind_by_input(struct sl_binder *binder, const struct sl_scope *scope,
                                  const struct sl_uexpr *expr, const struct sl_err *why,
                                  struct sl_expr **out, struct sl_err *err) {
    bool ambiguous = strcmp(why->condition, "AMBIGUOUS_REFERENCE") == 0;
    struct sl_scope input = *scope;
    if (ambiguous) input.outputs = NULL;
    enum sl_code code = sl_bind_uexpr(binder, &input, expr, out, err);
    if (code == SL_USER && err && ambiguous) *err = *why;
    return code;
}

enum sl_code sl_bind_ordering(struct sl_binder *binder, struct sl_select *select,
                              const struct sl_scope *scope, const struct sl_urelation *sort,
                              struct sl_ordering *out, struct sl_err *err) {
    SL_TRY(refuse_local(sort, err));
    begin(binder, sort, out);
    for (uint32_t i = 0; i < sort->expr_count; i++) {
        const struct sl_uexpr *item = sort->exprs[i], *expr = item->args[0];
        struct sl_expr *bound;
        bool found;
        struct sl_err why;
        SL_TRY(bind_by_list(binder, select, expr, &bound, &found, &why, err));
        if (!found) {
            SL_TRY(bind_by_input(binder, scope, expr, &why, &bound, err));
            uint32_t at = sl_select_item_of(binder, select, bound,
                                            sl_arena_printf(binder->arena, "_order%u", i));
            bound = sl_expr_column(&binder->ctx->expr, at, bound->type, bound->nullable);
        }
        SL_TRY(check_type(binder, expr, bound, err));
        if (bound->kind != SL_EXPR_LITERAL) add(out, item, bound);
    }
    return SL_OK;
}

/* Keys that are no columns are computed below the sort. */
static struct sl_node *compute_keys(struct sl_binder *binder, struct sl_node *node,
                                    const struct sl_ordering *ordering) {
    for (uint32_t i = 0; i < ordering->count; i++) {
        struct sl_expr *expr = ordering->exprs[i];
        if (expr->kind == SL_EXPR_COLUMN) {
            ordering->keys[i].column = expr->column;
            continue;
        }
        struct sl_column column = {.name = sl_arena_printf(binder->arena, "_order%u", i),
                                   .type = expr->type,
                                   .nullable = expr->nullable,
                                   .id = binder->next_id++};
        ordering->keys[i].column = node->column_count;
        node = sl_node_with_column(binder, node, expr, &column);
    }
    return node;
}

struct sl_node *sl_sort_over(struct sl_binder *binder, struct sl_node *node,
                             const struct sl_ordering *ordering, uint32_t visible,
                             struct sl_span span) {
    node = compute_keys(binder, node, ordering);
    struct sl_sorting *sorting = SL_NEW(binder->arena, struct sl_sorting);
    *sorting = (struct sl_sorting){ordering->keys, ordering->count, -1};
    struct sl_node *sorted =
        sl_node_new(binder->arena, SL_NODE_SORT, node, node->column_count, span);
    memcpy(sorted->columns, node->columns, node->column_count * sizeof *node->columns);
    sorted->sorting = sorting;
    return sl_node_first_columns(binder, sorted, visible);
}

enum sl_code sl_bind_sort(struct sl_binder *binder, const struct sl_urelation *sort,
                          struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    struct sl_ordering ordering = {0};
    SL_TRY(refuse_local(sort, err));
    SL_TRY(sl_bind_node(binder, sort->input, &input, err));
    struct sl_scope scope = sl_scope_of(binder, input);
    begin(binder, sort, &ordering);
    for (uint32_t i = 0; i < sort->expr_count; i++) {
        struct sl_expr *bound;
        SL_TRY(bind_over(binder, &scope, sort->exprs[i]->args[0], &bound, err));
        SL_TRY(check_type(binder, sort->exprs[i]->args[0], bound, err));
        if (bound->kind != SL_EXPR_LITERAL) add(&ordering, sort->exprs[i], bound);
    }
    *out = sl_sort_over(binder, input, &ordering, input->column_count, sort->span);
    return SL_OK;
}
