/* Memory for what a query remembers, when not all of it fits into `--memory`.
 *
 * A shard of a stateful operator is in memory, or away: then its state is in the files of the
 * version that the batch began with, and its rows of the batch wait on disk (ops/spill.h).  When
 * all rows of an operator are in, its shards finish one after the other in each task: those in
 * memory first; then each that is closed gets its turn: room is made by forgetting shards that are
 * finished and saved, its state is loaded if it was away, its rows come back, it finishes and is
 * saved. As long as the two largest shards fit together, a state of any size can be worked on.
 *
 * A shard moves   in memory -> finished -> saved -> away -> (its turn in another batch) in memory.
 *
 * Threads: finish by the tasks, each shard by one; the others while no task runs.
 * Owner: run/states.h.
 */
#ifndef SL_RUN_STATE_ROOM_H
#define SL_RUN_STATE_ROOM_H

#include "ops/spill.h"
#include "run/states.h"

/* Is there room to load more before a batch? */
bool sl_state_room_is_free(const struct sl_states *states, const struct sl_state *state);
/* What was loaded of the shard goes again: it waits for its turn. @thread worker */
void sl_state_room_give_up(struct sl_state *state, uint32_t shard);

/* A batch begins, behind the operators' begin. */
void sl_state_room_begin(struct sl_states *states);
/* All rows of the operator's inputs are in. */
SL_MUST_CHECK enum sl_code sl_state_room_rows_ended(struct sl_states *states,
                                                    struct sl_state *state, struct sl_err *err);

/* What finishing calls: replay for rows that waited, which go into the operator again; emit for
 * what it finishes with. */
struct sl_finish_calls {
    sl_spill_fn replay;
    sl_emit_fn emit;
    void *ctx;
};
/* Finishes shards first, first + step, .. */
SL_MUST_CHECK enum sl_code sl_state_room_finish(struct sl_states *states, struct sl_state *state,
                                                uint32_t first, uint32_t step,
                                                const struct sl_finish_calls *calls,
                                                struct sl_err *err);
/* The batch is saved: leaves room for the next one if this one had too little. */
void sl_state_room_saved(struct sl_states *states);
/* Adds the shards that are away to the operator's metrics. */
void sl_state_room_measure(struct sl_state *state);

#endif
