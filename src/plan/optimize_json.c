/* from_json is the costliest thing a pipeline does.  Where a projection and the filters below it
 * hold equal calls, they are moved into one projection below both and computed once; pruning then
 * gives that one call the fields that anyone reads. */
#include "fmt/json/json_options.h"
#include "plan/optimize_int.h"

/* Options are compared bytewise: equal texts at different places count as different, which costs
 * time only. */
static bool same_call(const struct sl_expr *a, const struct sl_expr *b) {
    return sl_expr_equal(a, b) && memcmp(a->json, b->json, sizeof *a->json) == 0;
}

struct shared {
    struct sl_exprs calls; /* distinct from_json calls */
    uint32_t *counts;
    struct sl_arena *arena;
    uint32_t first; /* column of the first shared call */
};

static void collect(struct shared *shared, struct sl_expr *expr) {
    for (uint32_t i = 0; i < expr->arg_count; i++) collect(shared, expr->args[i]);
    if (expr->kind != SL_EXPR_FROM_JSON || sl_expr_is_volatile(expr)) return;
    for (uint32_t i = 0; i < shared->calls.count; i++)
        if (same_call(shared->calls.items[i], expr)) {
            shared->counts[i]++;
            return;
        }
    uint32_t count = shared->calls.count;
    shared->counts = sl_arena_grow(shared->arena, shared->counts, count * sizeof *shared->counts,
                                   (count + 1) * sizeof *shared->counts);
    shared->counts[count] = 1;
    sl_exprs_add(shared->arena, &shared->calls, expr);
}

static void keep_repeated(struct shared *shared) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < shared->calls.count; i++)
        if (shared->counts[i] > 1) shared->calls.items[kept++] = shared->calls.items[i];
    shared->calls.count = kept;
}

static struct sl_expr *to_column(struct sl_expr *expr, void *ctx) {
    const struct shared *shared = ctx;
    if (expr->kind != SL_EXPR_FROM_JSON) return expr;
    for (uint32_t i = 0; i < shared->calls.count; i++) {
        if (!same_call(shared->calls.items[i], expr)) continue;
        struct sl_expr_ctx make = {.query = shared->arena};
        return sl_expr_column(&make, shared->first + i, shared->calls.items[i]->type,
                              expr->nullable);
    }
    return expr;
}

/* All columns of base, then the shared calls. */
static struct sl_node *compute_below(struct shared *shared, struct sl_node *base) {
    struct sl_arena *arena = shared->arena;
    struct sl_expr_ctx make = {.query = arena};
    uint32_t count = base->column_count + shared->calls.count;
    struct sl_node *node = sl_node_new(arena, SL_NODE_PROJECT, base, count, base->span);
    node->exprs = SL_NEW_ARRAY(arena, struct sl_expr *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        if (i < base->column_count) {
            const struct sl_column *column = &base->columns[i];
            node->columns[i] = *column;
            node->exprs[i] = sl_expr_column(&make, i, column->type, column->nullable);
            continue;
        }
        struct sl_expr *call = shared->calls.items[i - base->column_count];
        node->exprs[i] = call;
        node->columns[i] =
            (struct sl_column){.name = sl_arena_printf(arena, "_json%u", i - base->column_count),
                               .type = call->type,
                               .nullable = call->nullable};
    }
    return node;
}

/* Filters, and watermarks, which let rows pass as they are. */
static bool passes_on(const struct sl_node *node) {
    return node->kind == SL_NODE_FILTER || node->kind == SL_NODE_WATERMARK;
}

static struct sl_node *pass_shared(struct shared *shared, const struct sl_node *node,
                                   struct sl_node *base) {
    if (!passes_on(node)) return compute_below(shared, base);
    struct sl_node *input = pass_shared(shared, node->inputs[0], base);
    struct sl_node *above = sl_node_with_input(shared->arena, node, input);
    above->column_count = input->column_count;
    above->columns = SL_NEW_ARRAY(shared->arena, struct sl_column, input->column_count + 1);
    memcpy(above->columns, input->columns, input->column_count * sizeof *above->columns);
    memcpy(above->columns, node->columns, node->column_count * sizeof *above->columns);
    if (node->condition)
        above->condition = sl_expr_rewrite(shared->arena, node->condition, to_column, shared);
    return above;
}

static struct sl_node *share_in_project(struct sl_expr_ctx *ctx, struct sl_node *project) {
    struct sl_node *base = project->inputs[0];
    struct shared shared = {.arena = ctx->query};
    for (uint32_t i = 0; i < project->column_count; i++) collect(&shared, project->exprs[i]);
    for (; passes_on(base); base = base->inputs[0])
        if (base->condition) collect(&shared, base->condition);
    shared.first = base->column_count;
    keep_repeated(&shared);
    if (!shared.calls.count) return project;
    struct sl_node *input = pass_shared(&shared, project->inputs[0], base);
    struct sl_node *out = sl_node_with_input(ctx->query, project, input);
    out->exprs = SL_NEW_ARRAY(ctx->query, struct sl_expr *, project->column_count + 1);
    for (uint32_t i = 0; i < project->column_count; i++)
        out->exprs[i] = sl_expr_rewrite(ctx->query, project->exprs[i], to_column, &shared);
    return out;
}

struct sl_node *sl_plan_share_json(struct sl_expr_ctx *ctx, struct sl_node *node) {
    if (!node->input_count) return node;
    struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = sl_plan_share_json(ctx, node->inputs[i]);
    node = sl_node_with_inputs(ctx->query, node, inputs);
    return node->kind == SL_NODE_PROJECT ? share_in_project(ctx, node) : node;
}
