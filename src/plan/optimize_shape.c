/* Filters move towards the scan, projections on one another become one. */
#include "plan/optimize_int.h"

/* Merged projections may repeat a cheap expression (the program computes equal ones once), but
 * trees must not explode: a1 = a0 + a0, a2 = a1 + a1 .. doubles at each level. */
enum { MERGED_SIZE_MAX = 4096 };

/* A balanced tree: generated filters have thousands of terms. */
static enum sl_code join(struct sl_expr_ctx *ctx, struct sl_expr **terms, uint32_t count,
                         struct sl_expr **out, struct sl_err *err) {
    struct sl_expr *pair[2];
    if (count == 1) {
        *out = terms[0];
        return SL_OK;
    }
    SL_TRY(join(ctx, terms, count - count / 2, &pair[0], err));
    SL_TRY(join(ctx, terms + (count - count / 2), count / 2, &pair[1], err));
    return sl_expr_call(ctx, SL_STR("and"), pair, 2, pair[0]->span, out, err);
}

enum sl_code sl_exprs_join(struct sl_expr_ctx *ctx, const struct sl_exprs *terms,
                           struct sl_expr **out, struct sl_err *err) {
    *out = NULL;
    return terms->count ? join(ctx, terms->items, terms->count, out, err) : SL_OK;
}

static bool is_true(const struct sl_expr *expr) {
    return expr->kind == SL_EXPR_LITERAL && expr->type->kind == SL_BOOL_KIND &&
           !sl_vec_is_null(expr->literal, 0) && sl_bit_get(expr->literal->bits, 0);
}

/* FILTER of the terms over input; input itself when there are none. */
static enum sl_code filter_over(struct sl_expr_ctx *ctx, struct sl_node *input,
                                const struct sl_exprs *terms, struct sl_span span,
                                struct sl_node **out, struct sl_err *err) {
    *out = input;
    if (!terms->count) return SL_OK;
    struct sl_expr *condition;
    SL_TRY(join(ctx, terms->items, terms->count, &condition, err));
    *out = sl_node_filter(ctx->query, input, condition, span);
    return SL_OK;
}

/* ---- filters ---- */

/* Costs nothing to compute twice and cannot fail. */
static bool is_cheap(const struct sl_expr *expr) {
    while (expr->kind == SL_EXPR_FIELD) expr = expr->args[0];
    return expr->kind == SL_EXPR_COLUMN || expr->kind == SL_EXPR_LITERAL;
}

static bool is_comparison(const char *name) {
    static const char *const names[] = {
        "=", "==", "<=>", "<>", "!=", "<", "<=", ">", ">=", "isnull", "isnotnull", "not", "in"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strcmp(name, names[i]) == 0) return true;
    return false;
}

static bool may_fail(const struct sl_expr *expr, const void *ctx) {
    (void)ctx;
    switch (expr->kind) {
    case SL_EXPR_COLUMN:
    case SL_EXPR_LITERAL:
    case SL_EXPR_FIELD:
    case SL_EXPR_AND:
    case SL_EXPR_OR:
    case SL_EXPR_CASE:
    case SL_EXPR_COALESCE:
        return false;
    case SL_EXPR_CALL:
        return !is_comparison(expr->function->name);
    case SL_EXPR_CAST:
    case SL_EXPR_FROM_JSON:
    case SL_EXPR_HIGHER:
        return true;
    }
    return true;
}

bool sl_expr_may_fail(const struct sl_expr *expr) { return sl_expr_any(expr, may_fail, NULL); }

static bool reads_costly(const struct sl_expr *expr, const void *ctx) {
    struct sl_expr *const *columns = ctx;
    return expr->kind == SL_EXPR_COLUMN && !is_cheap(columns[expr->column]);
}

/* A watermark sees only rows that filters below it let through, and Spark moves every filter it can
 * below: what it costs is then no reason to leave one above. */
static bool is_over_watermark(const struct sl_node *node) {
    while (node->kind == SL_NODE_PROJECT || node->kind == SL_NODE_FILTER) node = node->inputs[0];
    return node->kind == SL_NODE_WATERMARK;
}

/* Terms that go below a projection: what they read is only passed on there, so nothing is computed
 * twice.  A term stays when one before it stays, unless it cannot fail: `d <> 0 AND n / d > 1`. */
static void split_terms(struct sl_arena *arena, const struct sl_exprs *terms,
                        const struct sl_node *project, struct sl_exprs *below,
                        struct sl_exprs *above) {
    bool whatever_it_costs = is_over_watermark(project);
    for (uint32_t i = 0; i < terms->count; i++) {
        struct sl_expr *term = terms->items[i];
        bool stays = sl_expr_is_volatile(term) ||
                     (!whatever_it_costs && sl_expr_any(term, reads_costly, project->exprs)) ||
                     (above->count && sl_expr_any(term, may_fail, NULL));
        if (stays)
            sl_exprs_add(arena, above, term);
        else
            sl_exprs_add(arena, below, sl_expr_inline(arena, term, project->exprs));
    }
}

static enum sl_code push(struct sl_expr_ctx *ctx, struct sl_node *input, struct sl_exprs *terms,
                         struct sl_span span, struct sl_node **out, struct sl_err *err);

static bool project_is_volatile(const struct sl_node *project) {
    for (uint32_t i = 0; i < project->column_count; i++)
        if (sl_expr_is_volatile(project->exprs[i])) return true;
    return false;
}

static enum sl_code push_below_project(struct sl_expr_ctx *ctx, struct sl_node *project,
                                       struct sl_exprs *terms, struct sl_span span,
                                       struct sl_node **out, struct sl_err *err) {
    struct sl_exprs below = {0}, above = {0};
    split_terms(ctx->query, terms, project, &below, &above);
    if (below.count) {
        struct sl_node *input;
        SL_TRY(push(ctx, project->inputs[0], &below, span, &input, err));
        project = sl_node_with_input(ctx->query, project, input);
    }
    return filter_over(ctx, project, &above, span, out, err);
}

static enum sl_code push_into_union(struct sl_expr_ctx *ctx, struct sl_node *node,
                                    const struct sl_exprs *terms, struct sl_span span,
                                    struct sl_node **out, struct sl_err *err) {
    struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++) {
        struct sl_exprs copy = {0};
        for (uint32_t t = 0; t < terms->count; t++)
            sl_exprs_add(ctx->query, &copy, terms->items[t]);
        SL_TRY(push(ctx, node->inputs[i], &copy, span, &inputs[i], err));
    }
    *out = sl_node_with_inputs(ctx->query, node, inputs);
    return SL_OK;
}

static bool reads_part(const struct sl_expr *expr, const void *ctx) {
    const struct sl_generate *generate = ctx;
    return expr->kind == SL_EXPR_COLUMN && expr->column >= generate->kept_count;
}

/* Terms that read only what the generator passes on are decided once per row, below it. */
static enum sl_code push_below_generate(struct sl_expr_ctx *ctx, struct sl_node *node,
                                        struct sl_exprs *terms, struct sl_span span,
                                        struct sl_node **out, struct sl_err *err) {
    const struct sl_generate *generate = node->generate;
    struct sl_exprs below = {0}, above = {0};
    struct sl_expr **columns = SL_NEW_ARRAY(ctx->query, struct sl_expr *, node->column_count + 1);
    for (uint32_t i = 0; i < generate->kept_count; i++)
        columns[i] = sl_expr_column(ctx, generate->kept[i], node->columns[i].type,
                                    node->columns[i].nullable);
    for (uint32_t i = 0; i < terms->count; i++) {
        struct sl_expr *term = terms->items[i];
        bool stays = sl_expr_is_volatile(term) || sl_expr_any(term, reads_part, generate) ||
                     (above.count && sl_expr_any(term, may_fail, NULL));
        if (stays)
            sl_exprs_add(ctx->query, &above, term);
        else
            sl_exprs_add(ctx->query, &below, sl_expr_inline(ctx->query, term, columns));
    }
    if (below.count) {
        struct sl_node *input;
        SL_TRY(push(ctx, node->inputs[0], &below, span, &input, err));
        node = sl_node_with_input(ctx->query, node, input);
    }
    return filter_over(ctx, node, &above, span, out, err);
}

/* ---- filters and what remembers rows ---- */

/* Terms of which `passes` holds go below the node, rewritten over its input by `columns` (NULL: as
 * they are), the others stay above. */
static enum sl_code push_some(struct sl_expr_ctx *ctx, struct sl_node *node,
                              const struct sl_exprs *terms, sl_expr_test blocks,
                              struct sl_expr *const *columns, struct sl_span span,
                              struct sl_node **out, struct sl_err *err) {
    struct sl_exprs below = {0}, above = {0};
    /* which rows a watermark sees must not hang on the order in which terms are written */
    bool overtakes = node->kind == SL_NODE_WATERMARK;
    for (uint32_t i = 0; i < terms->count; i++) {
        struct sl_expr *term = terms->items[i];
        bool stays = sl_expr_is_volatile(term) || sl_expr_any(term, blocks, node) ||
                     (!overtakes && above.count && sl_expr_any(term, may_fail, NULL));
        if (stays)
            sl_exprs_add(ctx->query, &above, term);
        else
            sl_exprs_add(ctx->query, &below,
                         columns ? sl_expr_inline(ctx->query, term, columns) : term);
    }
    if (below.count) {
        struct sl_node *input;
        SL_TRY(push(ctx, node->inputs[0], &below, span, &input, err));
        node = sl_node_with_input(ctx->query, node, input);
    }
    return filter_over(ctx, node, &above, span, out, err);
}

static bool reads_event_time(const struct sl_expr *expr, const void *ctx) {
    const struct sl_node *node = ctx;
    return expr->kind == SL_EXPR_COLUMN && expr->column == node->event_column;
}

/* A session's key is known only when its rows have met. */
static bool reads_no_key(const struct sl_expr *expr, const void *ctx) {
    const struct sl_aggregation *what = ((const struct sl_node *)ctx)->aggregation;
    return expr->kind == SL_EXPR_COLUMN &&
           (expr->column >= what->key_count || (int32_t)expr->column == what->session);
}

static enum sl_code push_below_aggregate(struct sl_expr_ctx *ctx, struct sl_node *node,
                                         const struct sl_exprs *terms, struct sl_span span,
                                         struct sl_node **out, struct sl_err *err) {
    const struct sl_aggregation *what = node->aggregation;
    struct sl_expr **columns = SL_NEW_ARRAY(ctx->query, struct sl_expr *, node->column_count + 1);
    for (uint32_t i = 0; i < what->key_count; i++) {
        const struct sl_column *column = &node->inputs[0]->columns[what->keys[i]];
        columns[i] = sl_expr_column(ctx, what->keys[i], column->type, column->nullable);
    }
    /* without keys there is a group even where no row is */
    if (!what->key_count) return filter_over(ctx, node, terms, span, out, err);
    return push_some(ctx, node, terms, reads_no_key, columns, span, out, err);
}

static bool never(const struct sl_expr *expr, const void *ctx) {
    (void)expr, (void)ctx;
    return false;
}

/* Equal rows fare equally with a filter, so it makes no difference which of them is kept: only
 * where all columns are keys. */
static bool keeps_whole_rows(const struct sl_node *node) {
    return node->deduplication->key_count == node->column_count &&
           node->deduplication->event_time.column < 0;
}

static enum sl_code push(struct sl_expr_ctx *ctx, struct sl_node *input, struct sl_exprs *terms,
                         struct sl_span span, struct sl_node **out, struct sl_err *err) {
    if (input->kind == SL_NODE_WATERMARK)
        return push_some(ctx, input, terms, reads_event_time, NULL, span, out, err);
    if (input->kind == SL_NODE_AGGREGATE)
        return push_below_aggregate(ctx, input, terms, span, out, err);
    if (input->kind == SL_NODE_DEDUPLICATE && keeps_whole_rows(input))
        return push_some(ctx, input, terms, never, NULL, span, out, err);
    if (input->kind == SL_NODE_SORT && input->sorting->limit < 0)
        return push_some(ctx, input, terms, never, NULL, span, out, err);
    if (input->kind == SL_NODE_JOIN && !input->join->key_count) {
        struct sl_exprs above = {0};
        SL_TRY(sl_join_push(ctx, input, terms, span, push, &input, &above, err));
        return filter_over(ctx, input, &above, span, out, err);
    }
    if (input->kind == SL_NODE_FILTER) { /* the inner filter's terms come first */
        struct sl_exprs all = {0};
        sl_expr_conjuncts(ctx->query, input->condition, &all);
        for (uint32_t i = 0; i < terms->count; i++) sl_exprs_add(ctx->query, &all, terms->items[i]);
        return push(ctx, input->inputs[0], &all, span, out, err);
    }
    if (input->kind == SL_NODE_PROJECT && !project_is_volatile(input))
        return push_below_project(ctx, input, terms, span, out, err);
    if (input->kind == SL_NODE_GENERATE && !sl_expr_is_volatile(input->generate->list))
        return push_below_generate(ctx, input, terms, span, out, err);
    bool fixed = true;
    for (uint32_t i = 0; i < terms->count; i++) fixed &= !sl_expr_is_volatile(terms->items[i]);
    if (input->kind == SL_NODE_UNION && fixed)
        return push_into_union(ctx, input, terms, span, out, err);
    return filter_over(ctx, input, terms, span, out, err);
}

static enum sl_code shape_filter(struct sl_expr_ctx *ctx, struct sl_node *filter,
                                 struct sl_node **out, struct sl_err *err) {
    struct sl_exprs all = {0}, terms = {0};
    sl_expr_conjuncts(ctx->query, filter->condition, &all);
    for (uint32_t i = 0; i < all.count; i++)
        if (!is_true(all.items[i])) sl_exprs_add(ctx->query, &terms, all.items[i]);
    return push(ctx, filter->inputs[0], &terms, filter->span, out, err);
}

/* ---- projections ---- */

static void count_references(const struct sl_expr *expr, uint32_t *counts) {
    if (expr->kind == SL_EXPR_COLUMN) counts[expr->column]++;
    for (uint32_t i = 0; i < expr->arg_count; i++) count_references(expr->args[i], counts);
}

/* Would every costly expression of the inner projection still be computed once? */
static bool may_merge(struct sl_arena *arena, const struct sl_node *outer,
                      const struct sl_node *inner) {
    uint32_t *counts = SL_NEW_ARRAY(arena, uint32_t, inner->column_count + 1);
    memset(counts, 0, (inner->column_count + 1) * sizeof *counts);
    uint64_t size = 0;
    for (uint32_t i = 0; i < outer->column_count; i++) {
        count_references(outer->exprs[i], counts);
        size += sl_expr_size(outer->exprs[i]);
    }
    for (uint32_t i = 0; i < inner->column_count; i++) {
        const struct sl_expr *expr = inner->exprs[i];
        size += (sl_expr_size(expr) - 1) * counts[i];
        if (counts[i] > 1 && (sl_expr_has_json(expr) || sl_expr_is_volatile(expr))) return false;
    }
    return size <= MERGED_SIZE_MAX;
}

static struct sl_node *merge(struct sl_arena *arena, const struct sl_node *outer,
                             const struct sl_node *inner) {
    struct sl_node *merged = sl_node_with_inputs(arena, outer, inner->inputs);
    merged->exprs = SL_NEW_ARRAY(arena, struct sl_expr *, outer->column_count + 1);
    for (uint32_t i = 0; i < outer->column_count; i++)
        merged->exprs[i] = sl_expr_inline(arena, outer->exprs[i], inner->exprs);
    return merged;
}

/* UNION of unions of the same columns is one union. */
static struct sl_node *flatten_union(struct sl_arena *arena, struct sl_node *node) {
    uint32_t count = 0;
    for (uint32_t i = 0; i < node->input_count; i++)
        count += node->inputs[i]->kind == SL_NODE_UNION ? node->inputs[i]->input_count : 1;
    if (count == node->input_count) return node;
    struct sl_node **inputs = SL_NEW_ARRAY(arena, struct sl_node *, count);
    uint32_t at = 0;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct sl_node *input = node->inputs[i];
        if (input->kind != SL_NODE_UNION) {
            inputs[at++] = node->inputs[i];
            continue;
        }
        memcpy(inputs + at, input->inputs, input->input_count * sizeof *inputs);
        at += input->input_count;
    }
    struct sl_node *flat = sl_node_with_inputs(arena, node, inputs);
    flat->input_count = count;
    return flat;
}

/* A sort that knows its LIMIT need not keep all rows. */
static struct sl_node *limit_sort(struct sl_arena *arena, struct sl_node *limit) {
    struct sl_node *project = NULL, *sort = limit->inputs[0];
    if (limit->limit_remembers) return limit;
    if (sort->kind == SL_NODE_PROJECT && !project_is_volatile(sort))
        project = sort, sort = sort->inputs[0];
    struct sl_sorting *what = SL_NEW(arena, struct sl_sorting);
    if (sort->kind != SL_NODE_SORT && sl_node_is_streaming(limit)) {
        /* of the groups of complete mode, which are whole at the end of a batch only */
        *what = (struct sl_sorting){NULL, 0, limit->limit};
        struct sl_node *first = sl_node_with_input(arena, limit, limit->inputs[0]);
        first->kind = SL_NODE_SORT;
        first->sorting = what;
        return first;
    }
    if (sort->kind != SL_NODE_SORT) return limit;
    *what = *sort->sorting;
    if (what->limit < 0 || what->limit > limit->limit) what->limit = limit->limit;
    struct sl_node *sorted = sl_node_with_input(arena, sort, sort->inputs[0]);
    sorted->sorting = what;
    return project ? sl_node_with_input(arena, project, sorted) : sorted;
}

enum sl_code sl_plan_shape(struct sl_expr_ctx *ctx, struct sl_node *in, struct sl_node **out,
                           struct sl_err *err) {
    if (in->input_count) {
        struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, in->input_count);
        for (uint32_t i = 0; i < in->input_count; i++)
            SL_TRY(sl_plan_shape(ctx, in->inputs[i], &inputs[i], err));
        in = sl_node_with_inputs(ctx->query, in, inputs);
    }
    if (in->kind == SL_NODE_FILTER) return shape_filter(ctx, in, out, err);
    while (in->kind == SL_NODE_PROJECT && in->inputs[0]->kind == SL_NODE_PROJECT &&
           may_merge(ctx->query, in, in->inputs[0]))
        in = merge(ctx->query, in, in->inputs[0]);
    if (in->kind == SL_NODE_JOIN && !in->join->key_count) {
        struct sl_exprs none = {0};
        SL_TRY(sl_join_push(ctx, in, &none, in->span, push, &in, &none, err));
    }
    if (in->kind == SL_NODE_LIMIT) in = limit_sort(ctx->query, in);
    *out = in->kind == SL_NODE_UNION ? flatten_union(ctx->query, in) : in;
    return SL_OK;
}

/* ---- what is left ---- */

static bool is_trivial(const struct sl_node *project, bool root) {
    const struct sl_node *input = project->inputs[0];
    if (project->column_count != input->column_count) return false;
    for (uint32_t i = 0; i < project->column_count; i++) {
        if (project->exprs[i]->kind != SL_EXPR_COLUMN || project->exprs[i]->column != i)
            return false;
        if (root && !sl_str_eq(project->columns[i].name, input->columns[i].name)) return false;
    }
    return true;
}

struct sl_node *sl_plan_drop_trivial(struct sl_arena *arena, struct sl_node *node, bool root) {
    if (!node->input_count) return node;
    if (node->kind == SL_NODE_PROJECT && is_trivial(node, root))
        return sl_plan_drop_trivial(arena, node->inputs[0], root);
    /* The names of what passes rows on at the root are those of what is below it. */
    bool below = root && (node->kind == SL_NODE_FILTER || node->kind == SL_NODE_LIMIT ||
                          node->kind == SL_NODE_EXPECT || node->kind == SL_NODE_WATERMARK ||
                          node->kind == SL_NODE_DEDUPLICATE || node->kind == SL_NODE_SORT);
    struct sl_node **inputs = SL_NEW_ARRAY(arena, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = sl_plan_drop_trivial(arena, node->inputs[i], below);
    return sl_node_with_inputs(arena, node, inputs);
}

static bool compares_column(const struct sl_expr *expr) {
    if (expr->kind != SL_EXPR_CALL || !is_comparison(expr->function->name)) return false;
    unsigned columns = 0;
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (expr->args[i]->kind == SL_EXPR_COLUMN)
            columns++;
        else if (expr->args[i]->kind != SL_EXPR_LITERAL)
            return false;
    }
    return columns == 1;
}

struct sl_node *sl_plan_push_to_scan(struct sl_arena *arena, struct sl_node *node) {
    if (!node->input_count) return node;
    struct sl_node **inputs = SL_NEW_ARRAY(arena, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = sl_plan_push_to_scan(arena, node->inputs[i]);
    if (node->kind == SL_NODE_FILTER && inputs[0]->kind == SL_NODE_SCAN) {
        struct sl_exprs terms = {0}, useful = {0};
        sl_expr_conjuncts(arena, node->condition, &terms);
        for (uint32_t i = 0; i < terms.count; i++)
            if (compares_column(terms.items[i])) sl_exprs_add(arena, &useful, terms.items[i]);
        struct sl_node *scan = SL_NEW(arena, struct sl_node);
        *scan = *inputs[0];
        scan->pushed = useful.items;
        scan->pushed_count = useful.count;
        inputs[0] = scan;
    }
    return sl_node_with_inputs(arena, node, inputs);
}
