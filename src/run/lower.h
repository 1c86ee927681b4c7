/* Lowering: the plan becomes pipes.  A pipe is one scan and the chain of stateless operators above
 * it; a UNION is several pipes into the same output.  Each task instantiates the operators of its
 * pipe for itself. */
#ifndef SL_RUN_LOWER_H
#define SL_RUN_LOWER_H

#include "ops/op.h"
#include "plan/node.h"

struct sl_pipe {
    const struct sl_node *scan;       /* SCAN, or VALUES */
    const struct sl_node **operators; /* from the scan upwards */
    uint32_t operator_count;
    bool *wanted; /* per column of the scan's source */
    bool limited; /* a LIMIT is in the chain: needs one task */
};

/* How the rows of a batch fared under one expectation of the query. */
struct sl_expectation {
    struct sl_str name;
    enum sl_expect_action
        action; /* KEEP, DROP or FAIL: those of the table itself are not counted */
    uint64_t passed, failed;
};

struct sl_pipes {
    struct sl_pipe *items;
    uint32_t count;
    struct sl_expectation *expectations; /* in the order of the statement, counts 0: what
                                            sl_chain_add_expectations adds to is a copy of it */
    uint32_t expectation_count;
};

/* Everything in the query arena. */
SL_MUST_CHECK enum sl_code sl_lower(struct sl_arena *query, const struct sl_node *plan,
                                    struct sl_pipes *out, struct sl_err *err);

/* The operators of one pipe for one worker. */
struct sl_chain {
    struct sl_op **ops;
    uint32_t count;
    struct sl_arena arena;
    struct sl_batch scanned; /* the source's batch, reduced to the scan's columns */
    const struct sl_pipe *pipe;
    struct sl_faults *faults; /* set after init: where failed records are noted; emptied by every
                                 sl_chain_process; NULL: a failed record fails the batch */
    struct sl_drift *drift;   /* likewise: where unknown fields are noted; NULL: nobody asks */
    uint64_t *readable;       /* rows without those that the source could not read */
    uint32_t readable_words;
};
SL_MUST_CHECK enum sl_code sl_chain_init(struct sl_chain *chain, const struct sl_pipe *pipe,
                                         bool profile, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_chain_process(struct sl_chain *chain,
                                            const struct sl_session *session,
                                            struct sl_batch *source, struct sl_batch **out,
                                            struct sl_err *err);
/* Adds what this chain has counted since init to totals[sl_pipes.expectation_count]. */
void sl_chain_add_expectations(const struct sl_chain *chain, struct sl_expectation *totals);
/* True when no further input can change the output (a limit is reached). */
bool sl_chain_is_done(const struct sl_chain *chain);
void sl_chain_release(struct sl_chain *chain);

#endif
