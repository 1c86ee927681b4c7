#include "run/lower.h"

#include <stdlib.h>

enum { DEPTH_MAX = 1000 };

struct lowering {
    struct sl_arena *query;
    const struct sl_node *above[DEPTH_MAX]; /* operators on the way down */
    uint32_t depth;
    struct sl_pipes *out;
    uint32_t cap;
    struct sl_err *err;
};

static void add_pipe(struct lowering *lowering, const struct sl_node *scan) {
    struct sl_pipes *out = lowering->out;
    if (out->count == lowering->cap) {
        uint32_t more = lowering->cap ? lowering->cap * 2 : 4;
        out->items = sl_arena_grow(lowering->query, out->items, out->count * sizeof *out->items,
                                   more * sizeof *out->items);
        lowering->cap = more;
    }
    struct sl_pipe *pipe = &out->items[out->count++];
    *pipe = (struct sl_pipe){.scan = scan, .operator_count = lowering->depth};
    pipe->operators = SL_NEW_ARRAY(lowering->query, const struct sl_node *, lowering->depth + 1);
    for (uint32_t i = 0; i < lowering->depth; i++) {
        pipe->operators[i] = lowering->above[lowering->depth - 1 - i];
        pipe->limited |= pipe->operators[i]->kind == SL_NODE_LIMIT;
    }
    if (scan->kind != SL_NODE_SCAN) return;
    pipe->wanted = SL_NEW_ARRAY(lowering->query, bool, scan->scan->schema->field_count + 1);
    for (uint32_t i = 0; i < scan->column_count; i++) pipe->wanted[scan->scan_columns[i]] = true;
}

static enum sl_code walk(struct lowering *lowering, const struct sl_node *node) {
    switch (node->kind) {
    case SL_NODE_SCAN:
    case SL_NODE_VALUES:
        add_pipe(lowering, node);
        return SL_OK;
    case SL_NODE_UNION:
        for (uint32_t i = 0; i < node->input_count; i++) SL_TRY(walk(lowering, node->inputs[i]));
        return SL_OK;
    case SL_NODE_PROJECT:
    case SL_NODE_FILTER:
    case SL_NODE_LIMIT:
    case SL_NODE_EXPECT:
    case SL_NODE_GENERATE:
        break;
    }
    if (lowering->depth == DEPTH_MAX)
        return sl_fail(lowering->err, SL_USER,
                       "the query has more than %d operators above one source", DEPTH_MAX);
    lowering->above[lowering->depth++] = node;
    SL_TRY(walk(lowering, node->inputs[0]));
    lowering->depth--;
    return SL_OK;
}

static bool is_counted(const struct sl_expect *expect) { return expect->action != SL_EXPECT_TABLE; }

/* The inner ones first, as the operators of every pipe have them: all stand above the sources. */
static void collect_expectations(struct sl_arena *query, const struct sl_node *node,
                                 struct sl_pipes *out) {
    uint32_t count = 0, below;
    for (const struct sl_node *at = node; at->kind == SL_NODE_EXPECT; at = at->inputs[0])
        for (uint32_t i = 0; i < at->expect_count; i++) count += is_counted(&at->expects[i]);
    out->expectations = SL_NEW_ARRAY(query, struct sl_expectation, count + 1);
    out->expectation_count = below = count;
    for (; node->kind == SL_NODE_EXPECT; node = node->inputs[0])
        for (uint32_t i = node->expect_count; i-- > 0;) {
            const struct sl_expect *expect = &node->expects[i];
            if (is_counted(expect))
                out->expectations[--below] =
                    (struct sl_expectation){.name = expect->name, .action = expect->action};
        }
}

enum sl_code sl_lower(struct sl_arena *query, const struct sl_node *plan, struct sl_pipes *out,
                      struct sl_err *err) {
    struct lowering *lowering = SL_NEW(query, struct lowering);
    *out = (struct sl_pipes){0};
    *lowering = (struct lowering){.query = query, .out = out, .err = err};
    SL_TRY(walk(lowering, plan));
    collect_expectations(query, plan, out);
    for (uint32_t i = 0; i < out->count; i++)
        if (out->items[i].limited && out->count > 1)
            return sl_fail_at(err, plan->span, "UNSUPPORTED_FEATURE", "0A000",
                              "LIMIT above or inside UNION is not supported");
    return SL_OK;
}

/* ---- chains ---- */

static enum sl_code make_op(struct sl_chain *chain, const struct sl_node *node, bool profile,
                            struct sl_op **out, struct sl_err *err) {
    switch (node->kind) {
    case SL_NODE_FILTER:
        return sl_filter_new(node->condition, profile, out, err);
    case SL_NODE_PROJECT:
        return sl_project_new(node->exprs, sl_node_schema(&chain->arena, node), profile, out, err);
    case SL_NODE_GENERATE:
        return sl_generate_new(node->generate, sl_node_schema(&chain->arena, node), profile, out,
                               err);
    case SL_NODE_LIMIT:
        *out = sl_limit_new(node->limit);
        return SL_OK;
    case SL_NODE_EXPECT:
        return sl_expect_new(node->expects, node->expect_count, profile, out, err);
    case SL_NODE_SCAN:
    case SL_NODE_VALUES:
    case SL_NODE_UNION:
        break;
    }
    return sl_fail(err, SL_BUG, "a plan node of kind %d is no operator", (int)node->kind);
}

enum sl_code sl_chain_init(struct sl_chain *chain, const struct sl_pipe *pipe, bool profile,
                           struct sl_err *err) {
    *chain = (struct sl_chain){.pipe = pipe};
    sl_arena_init(&chain->arena, "chain");
    sl_batch_init(&chain->scanned, sl_node_schema(&chain->arena, pipe->scan), &chain->arena);
    chain->ops = SL_NEW_ARRAY(&chain->arena, struct sl_op *, pipe->operator_count + 1);
    for (uint32_t i = 0; i < pipe->operator_count; i++) {
        SL_TRY(make_op(chain, pipe->operators[i], profile, &chain->ops[i], err));
        chain->count++;
    }
    return SL_OK;
}

static void take_scan_columns(struct sl_chain *chain, const struct sl_batch *source) {
    const struct sl_node *scan = chain->pipe->scan;
    for (uint32_t i = 0; i < scan->column_count; i++)
        sl_vec_borrow(&chain->scanned.columns[i], &source->columns[scan->scan_columns[i]]);
    sl_batch_take_rows(&chain->scanned, source);
}

/* What the source could not read is a fault like any other, found before the first operator. */
static void take_malformed(struct sl_chain *chain, const struct sl_faults *malformed,
                           struct sl_batch *batch) {
    uint32_t words = (uint32_t)SL_BIT_WORDS(batch->rows);
    for (uint32_t i = 0; i < malformed->count; i++)
        sl_faults_add(chain->faults, &malformed->items[i]);
    if (words > chain->readable_words) {
        chain->readable = sl_xrealloc(chain->readable, words * sizeof *chain->readable);
        chain->readable_words = words;
    }
    sl_batch_drop_failed(batch, chain->readable);
}

enum sl_code sl_chain_process(struct sl_chain *chain, const struct sl_session *session,
                              struct sl_batch *source, struct sl_batch **out, struct sl_err *err) {
    struct sl_batch *batch = source;
    source->faults = chain->faults;
    source->drift = chain->drift;
    if (chain->faults) sl_faults_begin(chain->faults, source->rows);
    if (chain->pipe->scan->kind == SL_NODE_SCAN) {
        take_scan_columns(chain, source);
        batch = &chain->scanned;
    }
    if (source->malformed && chain->faults) take_malformed(chain, source->malformed, batch);
    for (uint32_t i = 0; i < chain->count; i++)
        SL_TRY(chain->ops[i]->ops->process(chain->ops[i], session, batch, &batch, err));
    *out = batch;
    return SL_OK;
}

void sl_chain_add_expectations(const struct sl_chain *chain, struct sl_expectation *totals) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sl_expect_count *counts = sl_expect_counts(chain->ops[i]);
        const struct sl_node *node = chain->pipe->operators[i];
        for (uint32_t k = 0; counts && k < node->expect_count; k++) {
            if (!is_counted(&node->expects[k])) continue;
            totals->passed += counts[k].passed;
            totals->failed += counts[k].failed;
            totals++;
        }
    }
}

bool sl_chain_is_done(const struct sl_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++)
        if (sl_limit_is_reached(chain->ops[i])) return true;
    return false;
}

void sl_chain_release(struct sl_chain *chain) {
    for (uint32_t i = 0; i < chain->count; i++) sl_op_free(chain->ops[i]);
    if (chain->pipe) sl_batch_release(&chain->scanned);
    sl_arena_release(&chain->arena);
    free(chain->readable);
    *chain = (struct sl_chain){0};
}
