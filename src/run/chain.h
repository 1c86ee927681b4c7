/* One task's operators of a pipe: batches of the source go in, rows for the output come out. */
#ifndef SL_RUN_CHAIN_H
#define SL_RUN_CHAIN_H

#include "run/states.h"

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
/* states: of the query's stateful nodes; NULL when the pipes have none. */
SL_MUST_CHECK enum sl_code sl_chain_init(struct sl_chain *chain, const struct sl_pipes *pipes,
                                         const struct sl_pipe *pipe, const struct sl_states *states,
                                         bool profile, struct sl_err *err);
/* A batch of the source goes up the chain; what comes out goes to `emit`, in any number of batches.
 */
SL_MUST_CHECK enum sl_code sl_chain_push(struct sl_chain *chain, const struct sl_session *session,
                                         struct sl_batch *source, sl_emit_fn emit, void *ctx,
                                         struct sl_err *err);
/* The same for what a stateful operator finishes with: from the operator `from` upwards. Such rows
 * have no source record: one that fails, fails the batch. */
SL_MUST_CHECK enum sl_code sl_chain_push_from(struct sl_chain *chain, uint32_t from,
                                              const struct sl_session *session,
                                              struct sl_batch *batch, sl_emit_fn emit, void *ctx,
                                              struct sl_err *err);
/* Adds the event times noted since init to totals[sl_pipes.watermark_count]. */
void sl_chain_add_event_times(const struct sl_chain *chain, struct sl_event_times *totals);
/* Adds what this chain has counted since init to totals[sl_pipes.expectation_count]. */
void sl_chain_add_expectations(const struct sl_chain *chain, struct sl_expectation *totals);
/* True when no further input can change the output (a limit is reached). */
bool sl_chain_is_done(const struct sl_chain *chain);
void sl_chain_release(struct sl_chain *chain);

#endif
