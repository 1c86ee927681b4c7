/* Groups as rows of a store: the keys, and the buffers of the aggregates as Spark keeps them. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/aggregate_int.h"
#include "ops/state_rows.h"

/* ---- saving ---- */

static enum sl_code put_groups(struct aggregate_shard *shard, struct sl_state_out *out,
                               const uint32_t *groups, uint32_t count, bool removed,
                               struct sl_err *err) {
    sl_state_out_clear(out);
    SL_TRY(sl_group_table_append_keys(&shard->groups, groups, count, out->keys.columns, err));
    if (!removed)
        SL_TRY(sl_aggregate_set_store(&shard->set, groups, count, out->values.columns, err));
    return sl_state_out_put(out, count, removed, err);
}

static enum sl_code save_changes(struct aggregate_shard *shard, struct sl_state_out *out,
                                 struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], count;
    size_t word = 0;
    while ((count = aggregate_list_touched(shard, &word, groups, SL_GROUP_CHUNK)))
        SL_TRY(put_groups(shard, out, groups, count, false, err));
    for (uint32_t i = 0; i < shard->removed_count; i += count) {
        count =
            shard->removed_count - i < SL_GROUP_CHUNK ? shard->removed_count - i : SL_GROUP_CHUNK;
        SL_TRY(put_groups(shard, out, shard->removed + i, count, true, err));
    }
    return SL_OK;
}

/* The table without what was removed and still is in it: those get a mark for the time. */
static enum sl_code save_all(struct aggregate_shard *shard, struct sl_state_out *out,
                             struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], cursor = 0, count;
    uint64_t *gone = sl_xcalloc(SL_BIT_WORDS(shard->groups.limit) + 1, 8);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < shard->removed_count; i++) sl_bit_set(gone, shard->removed[i]);
    while (code == SL_OK &&
           (count = sl_group_table_list(&shard->groups, &cursor, groups, SL_GROUP_CHUNK))) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++)
            if (!sl_bit_get(gone, groups[i])) groups[kept++] = groups[i];
        if (kept) code = put_groups(shard, out, groups, kept, false, err);
    }
    free(gone);
    return code;
}

enum sl_code aggregate_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                            sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct aggregate_shard *shard = &aggregate->shards[number];
    struct sl_state_out out;
    int64_t start = sl_clock_mono_ns();
    aggregate_begin_shard(aggregate, shard);
    sl_state_out_init(&out, stateful, 0, put, ctx);
    enum sl_code code = whole ? save_all(shard, &out, err) : save_changes(shard, &out, err);
    sl_state_out_release(&out);
    aggregate->commit_ns += sl_clock_mono_ns() - start;
    return code;
}

/* ---- loading ---- */

struct loading {
    struct sl_state_in in;
    struct aggregate *aggregate;
    uint64_t *is_new;
};

static void load_removed(struct aggregate_shard *shard, struct sl_state_in *in, uint32_t number) {
    uint32_t count = sl_state_in_find(in, &shard->groups, number);
    sl_aggregate_set_reset(&shard->set, in->groups, count);
    sl_group_table_remove(&shard->groups, in->groups, count);
}

/* A group that is there already gets its newer value: it begins empty. */
static void reset_known(struct aggregate_shard *shard, const struct loading *loading,
                        uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!sl_bit_get(loading->is_new, i))
            sl_aggregate_set_reset(&shard->set, &loading->in.groups[i], 1);
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct loading *loading = ctx;
    struct sl_state_in *in = &loading->in;
    struct aggregate_shard *shard = &loading->aggregate->shards[number];
    uint32_t begin, count = sl_state_in_count(in, number, &begin);
    aggregate_begin_shard(loading->aggregate, shard);
    if (!in->values) {
        load_removed(shard, in, number);
        return SL_OK;
    }
    SL_TRY(sl_group_table_find_or_add(&shard->groups, &in->block, begin, count, in->groups,
                                      loading->is_new, NULL, err));
    SL_TRY(aggregate_grow(loading->aggregate, shard, err));
    reset_known(shard, loading, count);
    return sl_aggregate_set_merge(&shard->set, in->values->columns, in->rows.rows + begin,
                                  in->groups, count, loading->aggregate->env.session, err);
}

enum sl_code aggregate_load(struct sl_stateful *stateful, uint32_t store,
                            const struct sl_batch *keys, const struct sl_batch *values,
                            struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct loading loading = {.aggregate = aggregate};
    (void)store;
    loading.is_new = sl_xmalloc((SL_BIT_WORDS(keys->rows) + 1) * 8);
    enum sl_code code = sl_state_in_visit(&loading.in, aggregate->layout, keys, values,
                                          aggregate->locks, load_shard, err);
    free(loading.is_new);
    return code;
}
