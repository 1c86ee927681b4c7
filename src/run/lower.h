/* Lowering: the plan becomes pipes.  A pipe is one scan and the chain of operators above it, up to
 * the output; a UNION or a JOIN is several pipes that share the nodes above.  Each task
 * instantiates the operators of its pipe for itself; those of a stateful node work on the memory
 * that all tasks share (run/states.h). */
#ifndef SL_RUN_LOWER_H
#define SL_RUN_LOWER_H

#include "ops/op.h"
#include "plan/node.h"

struct sl_pipe {
    const struct sl_node *scan;       /* SCAN, or VALUES */
    const struct sl_node **operators; /* from the scan upwards */
    uint32_t *inputs;                 /* per operator: which of its inputs the rows come by */
    uint32_t operator_count;
    bool *wanted;  /* per column of the scan's source */
    bool ordered;  /* a LIMIT or an ORDER BY is in the chain: needs one task */
    uint32_t step; /* of sl_pipes.steps: when it is read */
};

/* What is done one after the other in an epoch: pipes are read, then a stateful node has had all
 * its rows and finishes. The side of a join that is read whole comes before the other side. */
struct sl_pipe_step {
    bool reads;        /* the pipes of this step, side by side */
    uint32_t stateful; /* else: of sl_pipes.stateful */
};

/* Rows that a LIMIT may still let through, in one epoch; one of a stream is stateful. */
struct sl_limit_left {
    const struct sl_node *node;
    int64_t left;
};

/* How the rows of a batch fared under one expectation of the query. */
struct sl_expectation {
    struct sl_str name;
    enum sl_expect_action
        action; /* KEEP, DROP or FAIL: those of the table itself are not counted */
    uint64_t passed, failed;
};

static inline bool sl_expect_is_counted(const struct sl_expect *expect) {
    return expect->action != SL_EXPECT_TABLE;
}

struct sl_pipes {
    struct sl_pipe *items;
    uint32_t count;
    struct sl_expectation *expectations; /* in the order of the statement, counts 0: what
                                            sl_chain_add_expectations adds to is a copy of it */
    uint32_t expectation_count;
    const struct sl_node **stateful; /* from the sources upwards */
    uint32_t stateful_count;
    const struct sl_watermark **watermarks; /* clauses WATERMARK, by their number */
    uint32_t watermark_count;
    int64_t future_skew_ms; /* sluice.maxFutureSkew, set by the query; -1: no limit */
    struct sl_pipe_step *steps;
    uint32_t step_count;
    struct sl_limit_left *limits;
    uint32_t limit_count;
};

/* Everything in the query arena. */
SL_MUST_CHECK enum sl_code sl_lower(struct sl_arena *query, const struct sl_node *plan,
                                    struct sl_pipes *out, struct sl_err *err);
bool sl_node_is_stateful(const struct sl_node *node);
/* An epoch begins: limits are whole again. */
void sl_pipes_begin(struct sl_pipes *pipes);

#endif
