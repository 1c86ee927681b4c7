/* Which dead letters a batch replays: <checkpoint>/.sluice/replay/N names batch ids, whose letters
 * of this query are all that batch N reads; its offsets are those of N - 1.  Written before
 * offsets/N and kept: what is named once is not replayed again. Owner: one thread. */
#ifndef SL_RUN_REPLAY_FILE_H
#define SL_RUN_REPLAY_FILE_H

#include "base/arena.h"
#include "base/err.h"

struct sl_replay_ids {
    int64_t *items; /* sorted */
    size_t count;
};
bool sl_replay_has(const struct sl_replay_ids *ids, int64_t batch_id);

/* put_atomic, failpoint "replay". */
SL_MUST_CHECK enum sl_code sl_replay_write(struct sl_str checkpoint_dir, int64_t batch_id,
                                           const struct sl_replay_ids *ids, struct sl_err *err);
/* *found false: batch_id is an ordinary batch. */
SL_MUST_CHECK enum sl_code sl_replay_read(struct sl_str checkpoint_dir, int64_t batch_id,
                                          struct sl_arena *arena, struct sl_replay_ids *out,
                                          bool *found, struct sl_err *err);
/* All that was ever replayed. */
SL_MUST_CHECK enum sl_code sl_replay_all(struct sl_str checkpoint_dir, struct sl_arena *arena,
                                         struct sl_replay_ids *out, struct sl_err *err);
/* Files of batches beyond the last planned one: a kill came before their offsets. */
SL_MUST_CHECK enum sl_code sl_replay_drop_unplanned(struct sl_str checkpoint_dir,
                                                    int64_t last_planned, struct sl_err *err);

#endif
