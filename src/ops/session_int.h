/* What the parts of session_window aggregation share: session.c (the whole), session_op.c (the
 * operator of a task), session_rows.c (output, saving and loading). */
#ifndef SL_OPS_SESSION_INT_H
#define SL_OPS_SESSION_INT_H

#include "ops/aggregate_set.h"
#include "ops/group_table.h"
#include "ops/session_table.h"
#include "ops/shards.h"

/* A key of the saved state that is no more. */
struct sl_sessions_gone {
    uint32_t key;
    int64_t start;
};

struct sl_sessions_shard {
    pthread_mutex_t lock;
    struct sl_group_table keys; /* extra: the head of the chain, plus one */
    struct sl_session_table sessions;
    struct sl_aggregate_set set;
    struct sl_sessions_gone *gone;
    uint32_t gone_count, gone_cap;
    uint32_t *emptied, emptied_count, emptied_cap; /* keys whose last session left: dropped with the
                                                      next batch, when nobody asks for them */
    uint64_t epoch, rows_removed;
    size_t own_bytes; /* of the two lists */
};

struct sl_sessions {
    struct sl_stateful base;
    struct sl_stateful_env env;
    const struct sl_aggregation *what;
    const struct sl_type *output;
    const struct sl_key_layout *layout;
    uint32_t *others; /* positions in what->keys of the keys without the session */
    uint32_t other_count;
    struct sl_sessions_shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
    struct sl_batch_marks marks;
    uint64_t epoch;
    _Atomic uint64_t rows_late;
    _Atomic int64_t update_ns, removal_ns, commit_ns;
};

static inline bool sl_sessions_are_streamed(const struct sl_sessions *state) {
    return state->env.mode != SL_MODE_BATCH;
}

static inline uint32_t sl_sessions_head(const struct sl_sessions_shard *shard, uint32_t key) {
    uint32_t head;
    memcpy(&head, sl_group_table_extra(&shard->keys, key), sizeof head);
    return head - 1;
}

static inline void sl_sessions_set_head(struct sl_sessions_shard *shard, uint32_t key,
                                        uint32_t session) {
    uint32_t head = session + 1;
    memcpy(sl_group_table_extra(&shard->keys, key), &head, sizeof head);
}

/* before: the session ahead in the chain; SL_NO_SESSION: the head. */
static inline void sl_sessions_link(struct sl_sessions_shard *shard, uint32_t key, uint32_t before,
                                    uint32_t session) {
    if (before == SL_NO_SESSION)
        sl_sessions_set_head(shard, key, session);
    else
        shard->sessions.next[before] = session;
}

/* Of a TIMESTAMP column that is not null. */
static inline int64_t sl_sessions_time(const struct sl_vec *times, uint32_t row) {
    uint32_t at = sl_vec_pos(times, row);
    return times->enc == SL_ENC_DICT ? times->children[0].i64[times->codes[at]] : times->i64[at];
}

/* The first use of a shard in a batch: what the last one kept for its save goes. */
void sl_sessions_begin_shard(struct sl_sessions *state, struct sl_sessions_shard *shard);
/* A session that is in the saved state goes, or begins earlier now. */
SL_MUST_CHECK enum sl_code sl_sessions_add_gone(struct sl_sessions *state,
                                                struct sl_sessions_shard *shard, uint32_t session,
                                                struct sl_err *err);
/* A key that has no session any more. */
SL_MUST_CHECK enum sl_code sl_sessions_add_emptied(struct sl_sessions *state,
                                                   struct sl_sessions_shard *shard, uint32_t key,
                                                   struct sl_err *err);
/* Appends the key columns of at most SL_SESSION_CHUNK sessions to columns[0..key_count). */
SL_MUST_CHECK enum sl_code sl_sessions_append_keys(const struct sl_sessions *state,
                                                   const struct sl_sessions_shard *shard,
                                                   const uint32_t *sessions, uint32_t count,
                                                   struct sl_vec *columns, struct sl_err *err);
enum sl_code sl_sessions_attach(struct sl_stateful *stateful, uint32_t input, bool profile,
                                struct sl_op **out, struct sl_err *err);
enum sl_code sl_sessions_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                              sl_state_put_fn put, void *ctx, struct sl_err *err);
enum sl_code sl_sessions_load(struct sl_stateful *stateful, uint32_t store,
                              const struct sl_batch *keys, const struct sl_batch *values,
                              struct sl_err *err);

#endif
