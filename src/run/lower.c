#include "run/lower.h"

#include "ops/stateful.h"

#include <stdlib.h>

enum { DEPTH_MAX = 1000 };

struct lowering {
    struct sl_arena *query;
    const struct sl_node *above[DEPTH_MAX]; /* operators on the way down */
    uint32_t inputs[DEPTH_MAX];             /* which input of each */
    uint32_t depth;
    struct sl_pipes *out;
    uint32_t pipe_cap, stateful_cap, step_cap, limit_cap, watermark_cap;
    bool alone; /* the next pipe that is read has to wait for what is planned by now */
    struct sl_err *err;
};

bool sl_node_is_stateful(const struct sl_node *node) {
    return node->kind == SL_NODE_AGGREGATE || node->kind == SL_NODE_DEDUPLICATE ||
           node->kind == SL_NODE_JOIN || node->kind == SL_NODE_SORT ||
           (node->kind == SL_NODE_LIMIT && node->limit_remembers);
}

/* A list in the query arena with room for one more. */
static void *grown(struct lowering *lowering, void *items, uint32_t count, uint32_t *cap,
                   size_t size) {
    if (count < *cap) return items;
    uint32_t more = *cap ? *cap * 2 : 4;
    items = sl_arena_grow(lowering->query, items, count * size, more * size);
    *cap = more;
    return items;
}
#define GROWN(lowering, list, count, cap)                                                          \
    ((list) = grown(lowering, (list), (count), &(lowering)->cap, sizeof *(list)))

/* ---- pipes, in the order of the query: the order of its sources in offsets/N ---- */

static void add_pipe(struct lowering *lowering, const struct sl_node *scan) {
    struct sl_pipes *out = lowering->out;
    GROWN(lowering, out->items, out->count, pipe_cap);
    struct sl_pipe *pipe = &out->items[out->count++];
    *pipe = (struct sl_pipe){.scan = scan, .operator_count = lowering->depth};
    pipe->operators = SL_NEW_ARRAY(lowering->query, const struct sl_node *, lowering->depth + 1);
    pipe->inputs = SL_NEW_ARRAY(lowering->query, uint32_t, lowering->depth + (size_t)1);
    for (uint32_t i = 0; i < lowering->depth; i++) {
        const struct sl_node *node = lowering->above[lowering->depth - 1 - i];
        pipe->operators[i] = node;
        pipe->inputs[i] = lowering->inputs[lowering->depth - 1 - i];
        pipe->ordered |= node->kind == SL_NODE_LIMIT || node->kind == SL_NODE_SORT;
    }
    if (scan->kind != SL_NODE_SCAN) return;
    pipe->wanted = SL_NEW_ARRAY(lowering->query, bool, scan->scan->schema->field_count + 1);
    for (uint32_t i = 0; i < scan->column_count; i++) pipe->wanted[scan->scan_columns[i]] = true;
}

static void note_watermark(struct lowering *lowering, const struct sl_watermark *watermark) {
    struct sl_pipes *out = lowering->out;
    while (out->watermark_count <= watermark->number) {
        GROWN(lowering, out->watermarks, out->watermark_count, watermark_cap);
        out->watermarks[out->watermark_count++] = watermark;
    }
    out->watermarks[watermark->number] = watermark;
}

static void note_node(struct lowering *lowering, const struct sl_node *node) {
    struct sl_pipes *out = lowering->out;
    if (sl_node_is_stateful(node)) {
        GROWN(lowering, out->stateful, out->stateful_count, stateful_cap);
        out->stateful[out->stateful_count++] = node;
    }
    if (node->kind == SL_NODE_LIMIT && !node->limit_remembers) {
        GROWN(lowering, out->limits, out->limit_count, limit_cap);
        out->limits[out->limit_count++] = (struct sl_limit_left){node, node->limit};
    }
    if (node->kind == SL_NODE_WATERMARK) note_watermark(lowering, node->watermark);
}

static enum sl_code walk(struct lowering *lowering, const struct sl_node *node) {
    if (node->input_count == 0) {
        add_pipe(lowering, node);
        return SL_OK;
    }
    bool is_operator = node->kind != SL_NODE_UNION;
    if (is_operator && lowering->depth == DEPTH_MAX)
        return sl_fail(lowering->err, SL_USER,
                       "the query has more than %d operators above one source", DEPTH_MAX);
    lowering->depth += is_operator;
    for (uint32_t i = 0; i < node->input_count; i++) {
        if (is_operator) {
            lowering->above[lowering->depth - 1] = node;
            lowering->inputs[lowering->depth - 1] = i;
        }
        SL_TRY(walk(lowering, node->inputs[i]));
    }
    lowering->depth -= is_operator;
    note_node(lowering, node);
    return SL_OK;
}

/* ---- steps ---- */

static struct sl_pipe_step *add_step(struct lowering *lowering, struct sl_pipe_step step) {
    struct sl_pipes *out = lowering->out;
    GROWN(lowering, out->steps, out->step_count, step_cap);
    out->steps[out->step_count] = step;
    lowering->alone = false;
    return &out->steps[out->step_count++];
}

static uint32_t pipes_below(const struct sl_node *node) {
    uint32_t count = node->input_count == 0;
    for (uint32_t i = 0; i < node->input_count; i++) count += pipes_below(node->inputs[i]);
    return count;
}

static uint32_t stateful_number(const struct sl_pipes *pipes, const struct sl_node *node) {
    uint32_t i = 0;
    while (pipes->stateful[i] != node) i++;
    return i;
}

/* first: number of the first pipe below the node. */
static void plan_steps(struct lowering *lowering, const struct sl_node *node, uint32_t first) {
    struct sl_pipes *out = lowering->out;
    if (node->input_count == 0) {
        bool joins_last =
            out->step_count && out->steps[out->step_count - 1].reads && !lowering->alone;
        if (!joins_last) add_step(lowering, (struct sl_pipe_step){.reads = true});
        out->items[first].step = out->step_count - 1;
        return;
    }
    int build = node->kind == SL_NODE_JOIN ? sl_join_first_input(node->join) : -1;
    if (build >= 0) {
        uint32_t left = pipes_below(node->inputs[0]);
        lowering->alone = true;
        plan_steps(lowering, node->inputs[build], build ? first + left : first);
        lowering->alone = true;
        plan_steps(lowering, node->inputs[!build], build ? first : first + left);
    }
    for (uint32_t i = 0; i < node->input_count && build < 0; i++) {
        plan_steps(lowering, node->inputs[i], first);
        first += pipes_below(node->inputs[i]);
    }
    if (sl_node_is_stateful(node))
        add_step(lowering, (struct sl_pipe_step){.stateful = stateful_number(out, node)});
}

/* ---- expectations ---- */

/* The inner ones first, as the operators of every pipe have them: all stand above the sources. */
static void collect_expectations(struct sl_arena *query, const struct sl_node *node,
                                 struct sl_pipes *out) {
    uint32_t count = 0, below;
    for (const struct sl_node *at = node; at->kind == SL_NODE_EXPECT; at = at->inputs[0])
        for (uint32_t i = 0; i < at->expect_count; i++)
            count += sl_expect_is_counted(&at->expects[i]);
    out->expectations = SL_NEW_ARRAY(query, struct sl_expectation, count + 1);
    out->expectation_count = below = count;
    for (; node->kind == SL_NODE_EXPECT; node = node->inputs[0])
        for (uint32_t i = node->expect_count; i-- > 0;) {
            const struct sl_expect *expect = &node->expects[i];
            if (sl_expect_is_counted(expect))
                out->expectations[--below] =
                    (struct sl_expectation){.name = expect->name, .action = expect->action};
        }
}

enum sl_code sl_lower(struct sl_arena *query, const struct sl_node *plan, struct sl_pipes *out,
                      struct sl_err *err) {
    struct lowering *lowering = SL_NEW(query, struct lowering);
    *out = (struct sl_pipes){.future_skew_ms = -1};
    *lowering = (struct lowering){.query = query, .out = out, .err = err};
    SL_TRY(walk(lowering, plan));
    plan_steps(lowering, plan, 0);
    collect_expectations(query, plan, out);
    return SL_OK;
}

void sl_pipes_begin(struct sl_pipes *pipes) {
    for (uint32_t i = 0; i < pipes->limit_count; i++)
        pipes->limits[i].left = pipes->limits[i].node->limit;
}
