#include "run/chain.h"

#include <stdlib.h>

/* What operators are made from. */
struct chain_parts {
    const struct sl_pipes *pipes;
    const struct sl_pipe *pipe;
    const struct sl_states *states;
    bool profile;
};

static enum sl_code attach(struct chain_parts *parts, uint32_t at, struct sl_op **out,
                           struct sl_err *err) {
    const struct sl_node *node = parts->pipe->operators[at];
    struct sl_stateful *stateful = sl_states_find(parts->states, node)->stateful;
    return stateful->ops->attach(stateful, parts->pipe->inputs[at], parts->profile, out, err);
}

static int64_t *limit_left(const struct sl_pipes *pipes, const struct sl_node *node) {
    uint32_t i = 0;
    while (pipes->limits[i].node != node) i++;
    return &pipes->limits[i].left;
}

static enum sl_code make_op(struct sl_chain *chain, struct chain_parts *parts, uint32_t at,
                            struct sl_op **out, struct sl_err *err) {
    const struct sl_node *node = parts->pipe->operators[at];
    bool profile = parts->profile;
    switch (node->kind) {
    case SL_NODE_FILTER:
        return sl_filter_new(node->condition, profile, out, err);
    case SL_NODE_PROJECT:
        return sl_project_new(node->exprs, sl_node_schema(&chain->arena, node), profile, out, err);
    case SL_NODE_GENERATE:
        return sl_generate_new(node->generate, sl_node_schema(&chain->arena, node), profile, out,
                               err);
    case SL_NODE_LIMIT:
        if (node->limit_remembers) return attach(parts, at, out, err);
        *out = sl_limit_new(limit_left(parts->pipes, node));
        return SL_OK;
    case SL_NODE_WATERMARK:
        *out = sl_watermark_new(node->event_column, parts->pipes->future_skew_ms, profile);
        return SL_OK;
    case SL_NODE_AGGREGATE:
    case SL_NODE_DEDUPLICATE:
    case SL_NODE_JOIN:
    case SL_NODE_SORT:
        return attach(parts, at, out, err);
    case SL_NODE_EXPECT:
        return sl_expect_new(node->expects, node->expect_count, profile, out, err);
    case SL_NODE_SCAN:
    case SL_NODE_VALUES:
    case SL_NODE_UNION:
        break;
    }
    return sl_fail(err, SL_BUG, "a plan node of kind %d is no operator", (int)node->kind);
}

enum sl_code sl_chain_init(struct sl_chain *chain, const struct sl_pipes *pipes,
                           const struct sl_pipe *pipe, const struct sl_states *states, bool profile,
                           struct sl_err *err) {
    struct chain_parts parts = {pipes, pipe, states, profile};
    *chain = (struct sl_chain){.pipe = pipe};
    sl_arena_init(&chain->arena, "chain");
    sl_batch_init(&chain->scanned, sl_node_schema(&chain->arena, pipe->scan), &chain->arena);
    chain->ops = SL_NEW_ARRAY(&chain->arena, struct sl_op *, pipe->operator_count + 1);
    for (uint32_t i = 0; i < pipe->operator_count; i++) {
        SL_TRY(make_op(chain, &parts, i, &chain->ops[i], err));
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

enum sl_code sl_chain_push_from(struct sl_chain *chain, uint32_t from,
                                const struct sl_session *session, struct sl_batch *batch,
                                sl_emit_fn emit, void *ctx, struct sl_err *err) {
    for (uint32_t i = from; i < chain->count && batch->rows; i++) {
        struct sl_op *op = chain->ops[i];
        SL_TRY(op->ops->process(op, session, batch, &batch, err));
        if (!op->ops->more) continue;
        for (struct sl_batch *part = batch; part->rows;) {
            SL_TRY(sl_chain_push_from(chain, i + 1, session, part, emit, ctx, err));
            SL_TRY(op->ops->more(op, session, &part, err));
        }
        return SL_OK;
    }
    return batch->rows ? emit(ctx, batch, err) : SL_OK;
}

enum sl_code sl_chain_push(struct sl_chain *chain, const struct sl_session *session,
                           struct sl_batch *source, sl_emit_fn emit, void *ctx,
                           struct sl_err *err) {
    struct sl_batch *batch = source;
    source->faults = chain->faults;
    source->drift = chain->drift;
    if (chain->faults) sl_faults_begin(chain->faults, source->rows);
    if (chain->pipe->scan->kind == SL_NODE_SCAN) {
        take_scan_columns(chain, source);
        batch = &chain->scanned;
    }
    if (source->malformed && chain->faults) take_malformed(chain, source->malformed, batch);
    return sl_chain_push_from(chain, 0, session, batch, emit, ctx, err);
}

void sl_chain_add_expectations(const struct sl_chain *chain, struct sl_expectation *totals) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sl_expect_count *counts = sl_expect_counts(chain->ops[i]);
        const struct sl_node *node = chain->pipe->operators[i];
        for (uint32_t k = 0; counts && k < node->expect_count; k++) {
            if (!sl_expect_is_counted(&node->expects[k])) continue;
            totals->passed += counts[k].passed;
            totals->failed += counts[k].failed;
            totals++;
        }
    }
}

void sl_chain_add_event_times(const struct sl_chain *chain, struct sl_event_times *totals) {
    for (uint32_t i = 0; i < chain->count; i++) {
        const struct sl_event_times *more = sl_watermark_times(chain->ops[i]);
        if (!more || !more->rows) continue;
        struct sl_event_times *sum = &totals[chain->pipe->operators[i]->watermark->number];
        if (!sum->rows || more->max_ms > sum->max_ms) sum->max_ms = more->max_ms;
        if (!sum->rows || more->reached_ms > sum->reached_ms) sum->reached_ms = more->reached_ms;
        sum->ahead += more->ahead;
        if (!sum->rows || more->min_ms < sum->min_ms) sum->min_ms = more->min_ms;
        sum->sum_ms += more->sum_ms;
        sum->rows += more->rows;
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
