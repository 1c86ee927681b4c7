/* What the parts of the aggregation share: aggregate.c (the whole), aggregate_op.c (the operator of
 * a task), aggregate_state.c (saving and loading). */
#ifndef SL_OPS_AGGREGATE_INT_H
#define SL_OPS_AGGREGATE_INT_H

#include <pthread.h>

#include "ops/aggregate_set.h"
#include "ops/group_table.h"
#include "ops/shards.h"

struct aggregate_shard {
    pthread_mutex_t lock;
    struct sl_group_table groups;
    struct sl_aggregate_set set;
    struct sl_group_table *distinct; /* per item: (group, arguments); layout NULL: it is not */
    uint64_t *touched;               /* bitmap of groups */
    uint32_t touched_cap;            /* bits */
    uint32_t *removed, removed_count, removed_cap;
    uint64_t epoch; /* the batch that `touched` and `removed` are of */
    uint64_t rows_updated;
};

struct aggregate {
    struct sl_stateful base;
    struct sl_stateful_env env;
    const struct sl_aggregation *what;
    const struct sl_type *output;
    const struct sl_key_layout *layout;
    const struct sl_key_layout **distinct; /* per item; NULL: it is not, or need not be */
    struct aggregate_shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
    struct sl_batch_marks marks;
    uint64_t epoch;
    uint32_t only_shard; /* of the group without keys */
    _Atomic uint64_t rows_late;
    _Atomic int64_t update_ns, removal_ns, commit_ns;
};

static inline bool aggregate_is_streaming(const struct aggregate *aggregate) {
    return aggregate->env.mode != SL_MODE_BATCH;
}

/* The first use of a shard in a batch: what the last one removed leaves the table. */
void aggregate_begin_shard(struct aggregate *aggregate, struct aggregate_shard *shard);
/* After groups were added. */
SL_MUST_CHECK enum sl_code aggregate_grow(struct aggregate *aggregate,
                                          struct aggregate_shard *shard, struct sl_err *err);
/* The groups got rows in this batch. */
void aggregate_touch(struct aggregate_shard *shard, const uint32_t *groups, uint32_t count);
/* Groups touched in this batch, from *word on; 0: that was all. */
uint32_t aggregate_list_touched(const struct aggregate_shard *shard, size_t *word, uint32_t *groups,
                                uint32_t cap);

enum sl_code aggregate_attach(struct sl_stateful *stateful, uint32_t input, bool profile,
                              struct sl_op **out, struct sl_err *err);
enum sl_code aggregate_save(struct sl_stateful *stateful, uint32_t shard, bool whole,
                            sl_state_put_fn put, void *ctx, struct sl_err *err);
enum sl_code aggregate_load(struct sl_stateful *stateful, uint32_t store,
                            const struct sl_batch *keys, const struct sl_batch *values,
                            struct sl_err *err);

#endif
