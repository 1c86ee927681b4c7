/* What the parts of the deduplication share: deduplicate.c (the whole, and the operator of a task),
 * deduplicate_state.c (saving and loading). */
#ifndef SL_OPS_DEDUPLICATE_INT_H
#define SL_OPS_DEDUPLICATE_INT_H

#include <pthread.h>

#include "ops/group_table.h"
#include "ops/number_list.h"
#include "ops/shards.h"

struct dedupe_shard {
    pthread_mutex_t lock;
    struct sl_group_table keys;
    struct sl_number_list added, due; /* in this batch; `due` are still in the table */
    uint64_t added_count, due_count, late_count;
    int64_t update_ns, removal_ns;
};

struct dedupe {
    struct sl_stateful base;
    const struct sl_deduplication *what;
    const struct sl_type *input;
    const struct sl_key_layout *layout;
    uint32_t batch_rows;
    bool streams;
    bool evicts;
    struct sl_batch_marks marks;
    struct dedupe_shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
};

/* Keys that the watermark has passed leave the table. */
void dedupe_remove_due(struct dedupe_shard *shard);

enum sl_code dedupe_save(struct sl_stateful *stateful, uint32_t shard, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err);
enum sl_code dedupe_load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err);

#endif
