/* GROUP BY: a table of groups and the accumulators beside it, for each shard.
 *
 * What happened since begin is kept per shard: groups that got rows (`touched`) and groups that the
 * watermark passed (`removed`).  The latter leave the table with the next batch's first use of the
 * shard: until then save can still tell their keys.
 *
 * Source of the modes and numbers: Spark's StateStoreSaveExec; of the group without keys, which is
 * there even without rows: StateStoreRestoreExec. */
#include <stdlib.h>

#include "base/clock.h"
#include "ops/aggregate_int.h"

/* ---- a shard's memory of the batch ---- */

void aggregate_begin_shard(struct aggregate *aggregate, struct aggregate_shard *shard) {
    if (shard->epoch == aggregate->epoch) return;
    shard->epoch = aggregate->epoch;
    shard->rows_updated = 0;
    sl_aggregate_set_reset(&shard->set, shard->removed, shard->removed_count);
    sl_group_table_remove(&shard->groups, shard->removed, shard->removed_count);
    shard->removed_count = 0;
    if (shard->touched_cap) sl_bits_fill(shard->touched, shard->touched_cap, false);
}

static enum sl_code take(struct aggregate *aggregate, size_t bytes, struct sl_err *err) {
    return sl_budget_take(aggregate->env.budget, bytes, "the groups of a stateful operator", err);
}

static enum sl_code reserve_touched(struct aggregate *aggregate, struct aggregate_shard *shard,
                                    struct sl_err *err) {
    uint32_t cap = shard->touched_cap ? shard->touched_cap : 512;
    if (shard->groups.limit <= shard->touched_cap) return SL_OK;
    while (cap < shard->groups.limit) cap *= 2;
    SL_TRY(take(aggregate, (cap - shard->touched_cap) / 8, err));
    shard->touched = sl_xrealloc(shard->touched, cap / 8);
    memset((char *)shard->touched + shard->touched_cap / 8, 0, (cap - shard->touched_cap) / 8);
    shard->touched_cap = cap;
    return SL_OK;
}

static enum sl_code reserve_removed(struct aggregate *aggregate, struct aggregate_shard *shard,
                                    uint32_t more, struct sl_err *err) {
    uint32_t wanted = shard->removed_count + more;
    if (wanted <= shard->removed_cap) return SL_OK;
    uint32_t cap = shard->removed_cap * 2 > wanted ? shard->removed_cap * 2 : wanted;
    SL_TRY(take(aggregate, (cap - shard->removed_cap) * sizeof *shard->removed, err));
    shard->removed = sl_xrealloc(shard->removed, cap * sizeof *shard->removed);
    shard->removed_cap = cap;
    return SL_OK;
}

void aggregate_touch(struct aggregate_shard *shard, const uint32_t *groups, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        shard->rows_updated += !sl_bit_get(shard->touched, groups[i]);
        sl_bit_set(shard->touched, groups[i]);
    }
}

enum sl_code aggregate_grow(struct aggregate *aggregate, struct aggregate_shard *shard,
                            struct sl_err *err) {
    SL_TRY(reserve_touched(aggregate, shard, err));
    return sl_aggregate_set_grow(&shard->set, shard->groups.limit, err);
}

/* ---- the end of a batch ---- */

static void begin(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    aggregate->marks = *marks;
    if (!aggregate->marks.session) aggregate->marks.session = aggregate->env.session;
    aggregate->epoch++;
    aggregate->rows_late = 0;
    aggregate->update_ns = aggregate->removal_ns = aggregate->commit_ns = 0;
}

static enum sl_code emit_groups(struct aggregate *aggregate, struct aggregate_shard *shard,
                                struct sl_emitter *emitter, const uint32_t *groups, uint32_t count,
                                struct sl_err *err) {
    uint32_t keys = aggregate->what->key_count;
    while (count) {
        uint32_t rows = sl_emitter_room(emitter) < count ? sl_emitter_room(emitter) : count;
        struct sl_vec *columns = emitter->batch.columns;
        SL_TRY(sl_group_table_append_keys(&shard->groups, groups, rows, columns, err));
        SL_TRY(sl_aggregate_set_finish(&shard->set, groups, rows, aggregate->marks.session,
                                       columns + keys, err));
        SL_TRY(sl_emitter_added(emitter, rows, err));
        groups += rows;
        count -= rows;
    }
    return SL_OK;
}

static enum sl_code emit_all(struct aggregate *aggregate, struct aggregate_shard *shard,
                             struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], cursor = 0, count;
    while ((count = sl_group_table_list(&shard->groups, &cursor, groups, SL_GROUP_CHUNK)))
        SL_TRY(emit_groups(aggregate, shard, emitter, groups, count, err));
    return SL_OK;
}

uint32_t aggregate_list_touched(const struct aggregate_shard *shard, size_t *word, uint32_t *groups,
                                uint32_t cap) {
    uint32_t count = 0;
    for (; *word < shard->touched_cap / 64 && count + 64 <= cap; ++*word)
        for (uint64_t bits = shard->touched[*word]; bits; bits &= bits - 1)
            groups[count++] = (uint32_t)(*word * 64) + (uint32_t)__builtin_ctzll(bits);
    return count;
}

static enum sl_code emit_touched(struct aggregate *aggregate, struct aggregate_shard *shard,
                                 struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], count;
    size_t word = 0;
    while ((count = aggregate_list_touched(shard, &word, groups, SL_GROUP_CHUNK)))
        SL_TRY(emit_groups(aggregate, shard, emitter, groups, count, err));
    return SL_OK;
}

/* Groups that the watermark passed; emitter NULL: silently. */
static enum sl_code evict(struct aggregate *aggregate, struct aggregate_shard *shard,
                          struct sl_emitter *emitter, struct sl_err *err) {
    int64_t until_us = sl_marks_us(aggregate->marks.evict_ms), start = sl_clock_mono_ns();
    uint32_t groups[SL_GROUP_CHUNK], cursor = 0, count;
    if (aggregate->what->event_time.column < 0 || aggregate->marks.evict_ms == INT64_MIN)
        return SL_OK;
    while (
        (count = sl_group_table_due(&shard->groups, until_us, &cursor, groups, SL_GROUP_CHUNK))) {
        if (emitter) SL_TRY(emit_groups(aggregate, shard, emitter, groups, count, err));
        SL_TRY(reserve_removed(aggregate, shard, count, err));
        memcpy(shard->removed + shard->removed_count, groups, count * sizeof *groups);
        shard->removed_count += count;
        for (uint32_t i = 0; i < count; i++) sl_bit_clear(shard->touched, groups[i]);
    }
    aggregate->removal_ns += sl_clock_mono_ns() - start;
    return SL_OK;
}

/* The group without keys gets no row in an empty batch, but is there, and counts as updated. */
static enum sl_code ensure_only_group(struct aggregate *aggregate, struct aggregate_shard *shard,
                                      struct sl_err *err) {
    struct sl_key_block block;
    uint32_t group = 0;
    sl_key_block_init(&block, aggregate->layout);
    enum sl_code code = sl_key_block_encode(&block, NULL, NULL, 1, err);
    if (code == SL_OK)
        code = sl_group_table_find_or_add(&shard->groups, &block, 0, 1, &group, NULL, NULL, err);
    sl_key_block_release(&block);
    if (code == SL_OK) code = aggregate_grow(aggregate, shard, err);
    if (code == SL_OK && aggregate_is_streaming(aggregate)) aggregate_touch(shard, &group, 1);
    return code;
}

static enum sl_code finish_shard(struct aggregate *aggregate, struct aggregate_shard *shard,
                                 struct sl_emitter *emitter, struct sl_err *err) {
    switch (aggregate->env.mode) {
    case SL_MODE_APPEND:
        return evict(aggregate, shard, emitter, err);
    case SL_MODE_UPDATE:
        SL_TRY(emit_touched(aggregate, shard, emitter, err));
        return evict(aggregate, shard, NULL, err);
    case SL_MODE_COMPLETE:
    case SL_MODE_BATCH:
        break;
    }
    return emit_all(aggregate, shard, emitter, err);
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t number, sl_emit_fn emit,
                           void *ctx, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct aggregate_shard *shard = &aggregate->shards[number];
    struct sl_emitter emitter;
    enum sl_code code = SL_OK;
    aggregate_begin_shard(aggregate, shard);
    if (!aggregate->what->key_count && number == aggregate->only_shard)
        code = ensure_only_group(aggregate, shard, err);
    if (code != SL_OK) return code;
    sl_emitter_init(&emitter, aggregate->output, aggregate->env.batch_rows, emit, ctx);
    code = finish_shard(aggregate, shard, &emitter, err);
    if (code == SL_OK) code = sl_emitter_flush(&emitter, err);
    sl_emitter_release(&emitter);
    return code;
}

/* ---- life ---- */

static void release_lists(struct aggregate *aggregate, struct aggregate_shard *shard) {
    size_t own = shard->touched_cap / 8 + shard->removed_cap * sizeof *shard->removed;
    sl_budget_give(aggregate->env.budget, own);
    free(shard->touched);
    free(shard->removed);
    shard->touched = NULL;
    shard->removed = NULL;
    shard->touched_cap = shard->removed_cap = shard->removed_count = 0;
}

static void forget(struct sl_stateful *stateful, uint32_t number) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct aggregate_shard *shard = &aggregate->shards[number];
    pthread_mutex_lock(&shard->lock);
    sl_group_table_clear(&shard->groups);
    sl_aggregate_set_clear(&shard->set);
    for (uint32_t i = 0; i < aggregate->what->item_count; i++)
        if (shard->distinct[i].layout) sl_group_table_clear(&shard->distinct[i]);
    release_lists(aggregate, shard);
    shard->rows_updated = 0;
    pthread_mutex_unlock(&shard->lock);
}

static void clear(struct sl_stateful *stateful) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) forget(stateful, s);
}

static size_t shard_bytes(const struct aggregate *aggregate, const struct aggregate_shard *shard) {
    size_t bytes = sl_group_table_bytes(&shard->groups) + sl_aggregate_set_bytes(&shard->set) +
                   shard->touched_cap / 8 + shard->removed_cap * sizeof *shard->removed;
    for (uint32_t i = 0; i < aggregate->what->item_count; i++)
        bytes += sl_group_table_bytes(&shard->distinct[i]);
    return bytes;
}

static void size_of(const struct aggregate *aggregate, const struct aggregate_shard *shard,
                    struct sl_shard_size *out) {
    bool now = shard->epoch == aggregate->epoch;
    *out = (struct sl_shard_size){.rows_total = shard->groups.count - shard->removed_count,
                                  .rows_updated = now ? shard->rows_updated : 0,
                                  .rows_removed = now ? shard->removed_count : 0,
                                  .bytes = shard_bytes(aggregate, shard)};
}

static void size(struct sl_stateful *stateful, uint32_t number, struct sl_shard_size *out) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    pthread_mutex_lock(&aggregate->shards[number].lock);
    size_of(aggregate, &aggregate->shards[number], out);
    pthread_mutex_unlock(&aggregate->shards[number].lock);
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct aggregate *aggregate = (const struct aggregate *)stateful;
    *out = (struct sl_state_metrics){.rows_late = aggregate->rows_late,
                                     .update_ns = aggregate->update_ns,
                                     .removal_ns = aggregate->removal_ns,
                                     .commit_ns = aggregate->commit_ns};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct aggregate_shard *shard = &aggregate->shards[s];
        struct sl_shard_size has;
        size_of(aggregate, shard, &has);
        sl_state_metrics_add(out, &has);
    }
}

static void free_aggregate(struct sl_stateful *stateful) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct aggregate_shard *shard = &aggregate->shards[s];
        release_lists(aggregate, shard);
        sl_group_table_release(&shard->groups);
        sl_aggregate_set_release(&shard->set);
        for (uint32_t i = 0; i < aggregate->what->item_count; i++)
            if (shard->distinct[i].layout) sl_group_table_release(&shard->distinct[i]);
        free(shard->distinct);
        pthread_mutex_destroy(&shard->lock);
    }
    free(aggregate);
}

/* ---- making ---- */

static const struct sl_stateful_ops aggregate_ops = {.name = "stateStoreSave",
                                                     .attach = aggregate_attach,
                                                     .begin = begin,
                                                     .finish = finish,
                                                     .save = aggregate_save,
                                                     .load = aggregate_load,
                                                     .clear = clear,
                                                     .metrics = metrics,
                                                     .free = free_aggregate,
                                                     .size = size,
                                                     .forget = forget};
/* A batch query keeps nothing. */
static const struct sl_stateful_ops batch_ops = {
    "", aggregate_attach, begin, finish, NULL, NULL, clear, metrics, free_aggregate};

static void describe_state(struct aggregate *aggregate, const struct sl_type *input) {
    const struct sl_aggregation *what = aggregate->what;
    struct sl_arena *query = aggregate->env.query;
    struct sl_field *keys = SL_NEW_ARRAY(query, struct sl_field, what->key_count);
    struct sl_state_schema *store = SL_NEW(query, struct sl_state_schema);
    for (uint32_t i = 0; i < what->key_count; i++) keys[i] = input->fields[what->keys[i]];
    store->name = SL_STR("default");
    store->key = sl_type_struct(query, keys, what->key_count);
    store->value = sl_aggregate_set_type(query, what, NULL, 0);
    aggregate->base.stores = store;
    aggregate->base.store_count = aggregate_is_streaming(aggregate) ? 1 : 0;
}

static const struct sl_key_layout *make_layout(const struct aggregate *aggregate) {
    const struct sl_aggregation *what = aggregate->what;
    struct sl_arena *query = aggregate->env.query;
    const struct sl_type *key = aggregate->base.stores[0].key;
    const struct sl_type **types = SL_NEW_ARRAY(query, const struct sl_type *, what->key_count);
    int64_t timed = -1;
    for (uint32_t i = 0; i < what->key_count; i++) {
        types[i] = key->fields[i].type;
        if ((int64_t)what->keys[i] == what->event_time.column) timed = i;
    }
    if (timed < 0) return sl_key_layout_new(query, types, what->key_count, 0);
    return sl_key_layout_new_timed(query, types, what->key_count, 0, (uint32_t)timed);
}

static const struct sl_key_layout *distinct_layout(const struct aggregate *aggregate,
                                                   const struct sl_aggregation_item *item) {
    struct sl_arena *query = aggregate->env.query;
    uint32_t count = item->call->arg_count;
    if (!item->distinct || item->call->function->flags & SL_AGG_DISTINCT_IS_SAME) return NULL;
    const struct sl_type **types = SL_NEW_ARRAY(query, const struct sl_type *, count + 1);
    types[0] = &sl_type_int;
    for (uint32_t i = 0; i < count; i++) types[i + 1] = item->call->args[i].type;
    return sl_key_layout_new(query, types, count + 1, 0);
}

static void init_shard(struct aggregate *aggregate, struct aggregate_shard *shard) {
    const struct sl_aggregation *what = aggregate->what;
    pthread_mutex_init(&shard->lock, NULL);
    sl_group_table_init(&shard->groups, aggregate->layout, aggregate->env.budget);
    sl_aggregate_set_init(&shard->set, what, aggregate->env.budget);
    shard->distinct = sl_xcalloc(what->item_count + 1, sizeof *shard->distinct);
    for (uint32_t i = 0; i < what->item_count; i++)
        if (aggregate->distinct[i])
            sl_group_table_init(&shard->distinct[i], aggregate->distinct[i], aggregate->env.budget);
}

enum sl_code sl_aggregate_new(const struct sl_stateful_env *env, const struct sl_aggregation *what,
                              const struct sl_type *input, const struct sl_type *output,
                              struct sl_stateful **out, struct sl_err *err) {
    struct aggregate *aggregate = sl_xcalloc(1, sizeof *aggregate);
    (void)err;
    aggregate->env = *env;
    aggregate->what = what;
    aggregate->output = output;
    aggregate->base.ops = aggregate_is_streaming(aggregate) ? &aggregate_ops : &batch_ops;
    aggregate->base.budget = env->budget;
    aggregate->base.finish_shards = SL_STATE_SHARDS;
    describe_state(aggregate, input);
    aggregate->layout = make_layout(aggregate);
    aggregate->distinct =
        SL_NEW_ARRAY(env->query, const struct sl_key_layout *, what->item_count + 1);
    for (uint32_t i = 0; i < what->item_count; i++)
        aggregate->distinct[i] = distinct_layout(aggregate, &what->items[i]);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        init_shard(aggregate, &aggregate->shards[s]);
        aggregate->locks[s] = &aggregate->shards[s].lock;
    }
    aggregate->only_shard = 42 % SL_STATE_SHARDS; /* the hash of no columns is its seed */
    *out = &aggregate->base;
    return SL_OK;
}
