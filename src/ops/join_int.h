/* What the parts of the join share: join.c (the whole), join_op.c (the operator of a task),
 * join_state.c (saving and loading). */
#ifndef SL_OPS_JOIN_INT_H
#define SL_OPS_JOIN_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "ops/join_store.h"
#include "ops/shards.h"

struct join_shard {
    pthread_mutex_t lock;
    struct sl_join_store store;
    uint64_t added, removed, late; /* in this batch */
    int64_t update_ns, removal_ns;
};

struct join {
    struct sl_stateful base;
    const struct sl_join *what;
    const struct sl_type *inputs[2], *output;
    const struct sl_type *pair; /* left's columns, then right's: what the condition reads */
    const struct sl_key_layout *layout;
    uint32_t batch_rows;
    int32_t build; /* the side that is complete before rows of the other come; -1: both are kept */
    bool emits_pairs;  /* not SEMI, ANTI */
    bool preserved[2]; /* rows without a match go out, with nulls */
    bool semi;
    bool tracks[2];     /* whether a remembered row was matched matters */
    bool probes_locked; /* a probe changes what is remembered, or others do meanwhile */
    uint32_t out_first[2], out_count[2]; /* the sides' columns in the output */
    bool *condition_reads;               /* by column of `pair` */
    atomic_uint attached;                /* operators so far */
    struct sl_batch_marks marks;
    struct join_shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
};

enum sl_code join_attach(struct sl_stateful *stateful, uint32_t input, bool profile,
                         struct sl_op **out, struct sl_err *err);

void join_describe_stores(struct join *join, struct sl_arena *query);
enum sl_code join_save(struct sl_stateful *stateful, uint32_t shard, bool whole,
                       sl_state_put_fn put, void *ctx, struct sl_err *err);
enum sl_code join_load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                       const struct sl_batch *values, struct sl_err *err);

#endif
