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
#include "ops/aggregate_set.h"
#include "ops/group_table.h"
#include "ops/shards.h"

struct shard {
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
    struct shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
    struct sl_batch_marks marks;
    uint64_t epoch;
    uint32_t only_shard; /* of the group without keys */
    _Atomic uint64_t rows_late;
    _Atomic int64_t update_ns, removal_ns, commit_ns;
};

/* A task's. */
struct aggregate_op {
    struct sl_op base;
    struct aggregate *aggregate;
    struct sl_arena arena;
    struct sl_batch nothing; /* what process gives */
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec **keys;
    struct sl_vec *flat_keys;
    struct sl_aggregate_input input;
    uint32_t *groups, cap;
    /* DISTINCT: per item */
    struct sl_key_block *distinct;
    struct sl_vec group_column; /* the group of each row */
    uint64_t *is_new;
    const struct sl_session *session;
    int64_t ns, rows_in;
};

static bool is_streaming(const struct aggregate *aggregate) {
    return aggregate->env.mode != SL_MODE_BATCH;
}

/* ---- a shard's memory of the batch ---- */

static void begin_shard(struct aggregate *aggregate, struct shard *shard) {
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

static enum sl_code reserve_touched(struct aggregate *aggregate, struct shard *shard,
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

static enum sl_code reserve_removed(struct aggregate *aggregate, struct shard *shard, uint32_t more,
                                    struct sl_err *err) {
    uint32_t wanted = shard->removed_count + more;
    if (wanted <= shard->removed_cap) return SL_OK;
    uint32_t cap = shard->removed_cap * 2 > wanted ? shard->removed_cap * 2 : wanted;
    SL_TRY(take(aggregate, (cap - shard->removed_cap) * sizeof *shard->removed, err));
    shard->removed = sl_xrealloc(shard->removed, cap * sizeof *shard->removed);
    shard->removed_cap = cap;
    return SL_OK;
}

static void touch(struct shard *shard, const uint32_t *groups, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        shard->rows_updated += !sl_bit_get(shard->touched, groups[i]);
        sl_bit_set(shard->touched, groups[i]);
    }
}

/* After groups were added. */
static enum sl_code grow(struct aggregate *aggregate, struct shard *shard, struct sl_err *err) {
    SL_TRY(reserve_touched(aggregate, shard, err));
    return sl_aggregate_set_grow(&shard->set, shard->groups.limit, err);
}

/* ---- rows ---- */

/* Rows whose arguments are new to their group. */
static enum sl_code keep_distinct(struct aggregate_op *op, struct shard *shard, uint32_t item,
                                  const uint32_t **rows, const uint32_t **groups, uint32_t *count,
                                  struct sl_err *err) {
    const struct sl_aggregation_item *what = &op->aggregate->what->items[item];
    struct sl_key_block *block = &op->distinct[item];
    const struct sl_vec **keys = sl_xcalloc(what->call->arg_count + 1, sizeof *keys);
    uint32_t *found = sl_xmalloc((*count ? *count : 1) * sizeof *found), kept = 0;
    for (uint32_t i = 0; i < *count; i++) op->group_column.i32[(*rows)[i]] = (int32_t)(*groups)[i];
    keys[0] = &op->group_column;
    for (uint32_t k = 0; k < what->call->arg_count; k++) keys[k + 1] = op->input.item_args[item][k];
    enum sl_code code = sl_key_block_encode(block, keys, *rows, *count, err);
    if (code == SL_OK)
        code = sl_group_table_find_or_add(&shard->distinct[item], block, 0, *count, found,
                                          op->is_new, NULL, err);
    for (uint32_t i = 0; code == SL_OK && i < *count; i++) {
        if (!sl_bit_get(op->is_new, i)) continue;
        op->input.rows[kept] = (*rows)[i];
        op->input.groups[kept++] = (*groups)[i];
    }
    *rows = op->input.rows;
    *groups = op->input.groups;
    *count = kept;
    free(found);
    free(keys);
    return code;
}

static enum sl_code update_items(struct aggregate_op *op, struct shard *shard,
                                 const uint32_t *all_rows, const uint32_t *all_groups,
                                 uint32_t all_count, struct sl_err *err) {
    for (uint32_t i = 0; i < op->aggregate->what->item_count; i++) {
        const uint32_t *rows = all_rows, *groups = all_groups;
        uint32_t count = sl_aggregate_input_filter(&op->input, i, &rows, &groups, all_count);
        if (op->aggregate->distinct[i])
            SL_TRY(keep_distinct(op, shard, i, &rows, &groups, &count, err));
        SL_TRY(sl_aggregate_input_update(&op->input, &shard->set, i, rows, groups, count,
                                         op->session, err));
    }
    return SL_OK;
}

static enum sl_code visit_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct aggregate_op *op = ctx;
    struct shard *shard = &op->aggregate->shards[number];
    uint32_t begin = op->rows.begin[number], count = op->rows.begin[number + 1] - begin;
    begin_shard(op->aggregate, shard);
    SL_TRY(sl_group_table_find_or_add(&shard->groups, &op->block, begin, count, op->groups, NULL,
                                      NULL, err));
    SL_TRY(grow(op->aggregate, shard, err));
    if (is_streaming(op->aggregate)) touch(shard, op->groups, count);
    return update_items(op, shard, op->rows.rows + begin, op->groups, count, err);
}

static enum sl_code take_keys(struct aggregate_op *op, const struct sl_batch *in,
                              struct sl_err *err) {
    const struct sl_aggregation *what = op->aggregate->what;
    for (uint32_t i = 0; i < what->key_count; i++) {
        op->keys[i] = &in->columns[what->keys[i]];
        if (op->keys[i]->enc != SL_ENC_DICT || !sl_type_is_nested(op->keys[i]->type)) continue;
        SL_TRY(sl_vec_flatten(op->keys[i], &op->flat_keys[i], err));
        op->keys[i] = &op->flat_keys[i];
    }
    return SL_OK;
}

static enum sl_code reserve_op(struct aggregate_op *op, uint32_t rows, struct sl_err *err) {
    if (rows <= op->cap) return SL_OK;
    op->groups = sl_xrealloc(op->groups, rows * sizeof *op->groups);
    op->is_new = sl_xrealloc(op->is_new, SL_BIT_WORDS(rows) * 8);
    SL_TRY(sl_vec_reserve(&op->group_column, rows, err));
    op->group_column.rows = rows;
    op->cap = rows;
    return SL_OK;
}

static enum sl_code add_batch(struct aggregate_op *op, const struct sl_batch *in,
                              struct sl_err *err) {
    struct aggregate *aggregate = op->aggregate;
    const struct sl_aggregation *what = aggregate->what;
    sl_shard_rows_begin(&op->rows, in);
    if (aggregate->env.mode == SL_MODE_APPEND || aggregate->env.mode == SL_MODE_UPDATE)
        aggregate->rows_late +=
            sl_shard_rows_drop_late(&op->rows, in, &what->event_time, &aggregate->marks);
    if (!op->rows.count) return SL_OK;
    SL_TRY(reserve_op(op, in->rows, err));
    SL_TRY(take_keys(op, in, err));
    SL_TRY(sl_aggregate_input_take(&op->input, in, err));
    sl_shard_rows_split(&op->rows, op->keys, what->key_count);
    SL_TRY(sl_key_block_encode(&op->block, op->keys, op->rows.rows, op->rows.count, err));
    return sl_shard_rows_visit(&op->rows, aggregate->locks, visit_shard, op, err);
}

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct aggregate_op *op = (struct aggregate_op *)base;
    int64_t begin = sl_clock_mono_ns();
    op->session = session;
    enum sl_code code = add_batch(op, in, err);
    int64_t ns = sl_clock_mono_ns() - begin;
    op->aggregate->update_ns += ns;
    op->ns += ns;
    op->rows_in += in->selected ? in->selected_rows : in->rows;
    *out = &op->nothing;
    return code;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct aggregate_op *op = (const struct aggregate_op *)base;
    fn(ctx, "aggregate", op->ns, op->rows_in);
}

static void free_op(struct sl_op *base) {
    struct aggregate_op *op = (struct aggregate_op *)base;
    const struct sl_aggregation *what = op->aggregate->what;
    for (uint32_t i = 0; i < what->key_count; i++) sl_vec_release(&op->flat_keys[i]);
    for (uint32_t i = 0; i < what->item_count; i++)
        if (op->aggregate->distinct[i]) sl_key_block_release(&op->distinct[i]);
    sl_shard_rows_release(&op->rows);
    sl_key_block_release(&op->block);
    sl_aggregate_input_release(&op->input);
    sl_vec_release(&op->group_column);
    sl_batch_release(&op->nothing);
    sl_arena_release(&op->arena);
    free(op->keys);
    free(op->flat_keys);
    free(op->distinct);
    free(op->groups);
    free(op->is_new);
    free(op);
}

static const struct sl_op_ops op_ops = {"aggregate", process, profile, free_op, NULL};

static enum sl_code attach(struct sl_stateful *stateful, uint32_t number, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    const struct sl_aggregation *what = aggregate->what;
    struct aggregate_op *op = sl_xcalloc(1, sizeof *op);
    (void)number;
    (void)profiled;
    (void)err;
    op->base.ops = &op_ops;
    op->aggregate = aggregate;
    sl_arena_init(&op->arena, "aggregate");
    sl_batch_init(&op->nothing, aggregate->output, &op->arena);
    sl_key_block_init(&op->block, aggregate->layout);
    op->keys = sl_xcalloc(what->key_count + 1, sizeof *op->keys);
    op->flat_keys = sl_xcalloc(what->key_count + 1, sizeof *op->flat_keys);
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_vec_init(&op->flat_keys[i], aggregate->layout->types[i]);
    sl_aggregate_input_init(&op->input, what);
    op->distinct = sl_xcalloc(what->item_count + 1, sizeof *op->distinct);
    for (uint32_t i = 0; i < what->item_count; i++)
        if (aggregate->distinct[i]) sl_key_block_init(&op->distinct[i], aggregate->distinct[i]);
    sl_vec_init(&op->group_column, &sl_type_int);
    *out = &op->base;
    return SL_OK;
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

static enum sl_code emit_groups(struct aggregate *aggregate, struct shard *shard,
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

static enum sl_code emit_all(struct aggregate *aggregate, struct shard *shard,
                             struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], cursor = 0, count;
    while ((count = sl_group_table_list(&shard->groups, &cursor, groups, SL_GROUP_CHUNK)))
        SL_TRY(emit_groups(aggregate, shard, emitter, groups, count, err));
    return SL_OK;
}

/* Groups touched in this batch, from *word on. */
static uint32_t list_touched(const struct shard *shard, size_t *word, uint32_t *groups,
                             uint32_t cap) {
    uint32_t count = 0;
    for (; *word < shard->touched_cap / 64 && count + 64 <= cap; ++*word)
        for (uint64_t bits = shard->touched[*word]; bits; bits &= bits - 1)
            groups[count++] = (uint32_t)(*word * 64) + (uint32_t)__builtin_ctzll(bits);
    return count;
}

static enum sl_code emit_touched(struct aggregate *aggregate, struct shard *shard,
                                 struct sl_emitter *emitter, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], count;
    size_t word = 0;
    while ((count = list_touched(shard, &word, groups, SL_GROUP_CHUNK)))
        SL_TRY(emit_groups(aggregate, shard, emitter, groups, count, err));
    return SL_OK;
}

/* Groups that the watermark passed; emitter NULL: silently. */
static enum sl_code evict(struct aggregate *aggregate, struct shard *shard,
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
static enum sl_code ensure_only_group(struct aggregate *aggregate, struct shard *shard,
                                      struct sl_err *err) {
    struct sl_key_block block;
    uint32_t group = 0;
    sl_key_block_init(&block, aggregate->layout);
    enum sl_code code = sl_key_block_encode(&block, NULL, NULL, 1, err);
    if (code == SL_OK)
        code = sl_group_table_find_or_add(&shard->groups, &block, 0, 1, &group, NULL, NULL, err);
    sl_key_block_release(&block);
    if (code == SL_OK) code = grow(aggregate, shard, err);
    if (code == SL_OK && is_streaming(aggregate)) touch(shard, &group, 1);
    return code;
}

static enum sl_code finish_shard(struct aggregate *aggregate, struct shard *shard,
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
    struct shard *shard = &aggregate->shards[number];
    struct sl_emitter emitter;
    enum sl_code code = SL_OK;
    begin_shard(aggregate, shard);
    if (!aggregate->what->key_count && number == aggregate->only_shard)
        code = ensure_only_group(aggregate, shard, err);
    if (code != SL_OK) return code;
    sl_emitter_init(&emitter, aggregate->output, aggregate->env.batch_rows, emit, ctx);
    code = finish_shard(aggregate, shard, &emitter, err);
    if (code == SL_OK) code = sl_emitter_flush(&emitter, err);
    sl_emitter_release(&emitter);
    return code;
}

/* ---- the state ---- */

/* Rows of state in the making. */
struct state_rows {
    struct sl_arena arena;
    struct sl_batch keys, values;
    sl_state_put_fn put;
    void *ctx;
};

static enum sl_code put_groups(struct shard *shard, struct state_rows *rows, const uint32_t *groups,
                               uint32_t count, bool removed, struct sl_err *err) {
    sl_batch_clear(&rows->keys);
    sl_batch_clear(&rows->values);
    SL_TRY(sl_group_table_append_keys(&shard->groups, groups, count, rows->keys.columns, err));
    rows->keys.rows = rows->keys.selected_rows = count;
    if (removed) return rows->put(rows->ctx, 0, &rows->keys, NULL, err);
    SL_TRY(sl_aggregate_set_store(&shard->set, groups, count, rows->values.columns, err));
    rows->values.rows = rows->values.selected_rows = count;
    return rows->put(rows->ctx, 0, &rows->keys, &rows->values, err);
}

static enum sl_code save_changes(struct shard *shard, struct state_rows *rows, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], count;
    size_t word = 0;
    while ((count = list_touched(shard, &word, groups, SL_GROUP_CHUNK)))
        SL_TRY(put_groups(shard, rows, groups, count, false, err));
    for (uint32_t i = 0; i < shard->removed_count; i += count) {
        count =
            shard->removed_count - i < SL_GROUP_CHUNK ? shard->removed_count - i : SL_GROUP_CHUNK;
        SL_TRY(put_groups(shard, rows, shard->removed + i, count, true, err));
    }
    return SL_OK;
}

/* The table without what was removed and still is in it: those get a mark for the time. */
static enum sl_code save_all(struct shard *shard, struct state_rows *rows, struct sl_err *err) {
    uint32_t groups[SL_GROUP_CHUNK], cursor = 0, count;
    uint64_t *gone = sl_xcalloc(SL_BIT_WORDS(shard->groups.limit) + 1, 8);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < shard->removed_count; i++) sl_bit_set(gone, shard->removed[i]);
    while (code == SL_OK &&
           (count = sl_group_table_list(&shard->groups, &cursor, groups, SL_GROUP_CHUNK))) {
        uint32_t kept = 0;
        for (uint32_t i = 0; i < count; i++)
            if (!sl_bit_get(gone, groups[i])) groups[kept++] = groups[i];
        if (kept) code = put_groups(shard, rows, groups, kept, false, err);
    }
    free(gone);
    return code;
}

static enum sl_code save(struct sl_stateful *stateful, uint32_t number, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct shard *shard = &aggregate->shards[number];
    struct state_rows rows = {.put = put, .ctx = ctx};
    int64_t start = sl_clock_mono_ns();
    begin_shard(aggregate, shard);
    sl_arena_init(&rows.arena, "state rows");
    sl_batch_init(&rows.keys, stateful->stores[0].key, &rows.arena);
    sl_batch_init(&rows.values, stateful->stores[0].value, &rows.arena);
    enum sl_code code = whole ? save_all(shard, &rows, err) : save_changes(shard, &rows, err);
    sl_batch_release(&rows.keys);
    sl_batch_release(&rows.values);
    sl_arena_release(&rows.arena);
    aggregate->commit_ns += sl_clock_mono_ns() - start;
    return code;
}

/* A task of load: rows of the state by shard. */
struct load {
    struct aggregate *aggregate;
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_batch *values;
    uint32_t *groups;
    uint64_t *is_new;
};

static void load_removed(struct shard *shard, const struct load *load, uint32_t begin,
                         uint32_t count) {
    uint32_t kept = 0;
    sl_group_table_find(&shard->groups, &load->block, begin, count, load->groups);
    for (uint32_t i = 0; i < count; i++)
        if (load->groups[i] != SL_NO_GROUP) load->groups[kept++] = load->groups[i];
    sl_aggregate_set_reset(&shard->set, load->groups, kept);
    sl_group_table_remove(&shard->groups, load->groups, kept);
}

/* A group that is there already gets its newer value: it begins empty. */
static void reset_known(struct shard *shard, const struct load *load, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (!sl_bit_get(load->is_new, i)) sl_aggregate_set_reset(&shard->set, &load->groups[i], 1);
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct load *load = ctx;
    struct shard *shard = &load->aggregate->shards[number];
    uint32_t begin = load->rows.begin[number], count = load->rows.begin[number + 1] - begin;
    begin_shard(load->aggregate, shard);
    if (!load->values) {
        load_removed(shard, load, begin, count);
        return SL_OK;
    }
    SL_TRY(sl_group_table_find_or_add(&shard->groups, &load->block, begin, count, load->groups,
                                      load->is_new, NULL, err));
    SL_TRY(grow(load->aggregate, shard, err));
    reset_known(shard, load, count);
    return sl_aggregate_set_merge(&shard->set, load->values->columns, load->rows.rows + begin,
                                  load->groups, count, load->aggregate->env.session, err);
}

static enum sl_code load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    struct load load = {.aggregate = aggregate, .values = values};
    uint32_t columns = aggregate->what->key_count;
    (void)store;
    if (!keys->rows) return SL_OK;
    const struct sl_vec **pointers = sl_xcalloc(columns + 1, sizeof *pointers);
    for (uint32_t i = 0; i < columns; i++) pointers[i] = &keys->columns[i];
    load.groups = sl_xmalloc(keys->rows * sizeof *load.groups);
    load.is_new = sl_xmalloc(SL_BIT_WORDS(keys->rows) * 8);
    sl_key_block_init(&load.block, aggregate->layout);
    sl_shard_rows_begin(&load.rows, keys);
    sl_shard_rows_split(&load.rows, pointers, columns);
    enum sl_code code =
        sl_key_block_encode(&load.block, pointers, load.rows.rows, load.rows.count, err);
    if (code == SL_OK)
        code = sl_shard_rows_visit(&load.rows, aggregate->locks, load_shard, &load, err);
    sl_shard_rows_release(&load.rows);
    sl_key_block_release(&load.block);
    free(load.groups);
    free(load.is_new);
    free(pointers);
    return code;
}

static void clear(struct sl_stateful *stateful) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct shard *shard = &aggregate->shards[s];
        sl_group_table_clear(&shard->groups);
        sl_aggregate_set_clear(&shard->set);
        for (uint32_t i = 0; i < aggregate->what->item_count; i++)
            if (shard->distinct[i].layout) sl_group_table_clear(&shard->distinct[i]);
        if (shard->touched_cap) sl_bits_fill(shard->touched, shard->touched_cap, false);
        shard->removed_count = 0;
        shard->rows_updated = 0;
    }
}

static size_t shard_bytes(const struct aggregate *aggregate, const struct shard *shard) {
    size_t bytes = sl_group_table_bytes(&shard->groups) + sl_aggregate_set_bytes(&shard->set) +
                   shard->touched_cap / 8 + shard->removed_cap * sizeof *shard->removed;
    for (uint32_t i = 0; i < aggregate->what->item_count; i++)
        bytes += sl_group_table_bytes(&shard->distinct[i]);
    return bytes;
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct aggregate *aggregate = (const struct aggregate *)stateful;
    *out = (struct sl_state_metrics){.rows_late = aggregate->rows_late,
                                     .update_ns = aggregate->update_ns,
                                     .removal_ns = aggregate->removal_ns,
                                     .commit_ns = aggregate->commit_ns};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct shard *shard = &aggregate->shards[s];
        bool now = shard->epoch == aggregate->epoch;
        out->rows_total += shard->groups.count - shard->removed_count;
        out->rows_updated += now ? shard->rows_updated : 0;
        out->rows_removed += now ? shard->removed_count : 0;
        out->memory_bytes += shard_bytes(aggregate, shard);
    }
}

static void free_aggregate(struct sl_stateful *stateful) {
    struct aggregate *aggregate = (struct aggregate *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct shard *shard = &aggregate->shards[s];
        size_t own = shard->touched_cap / 8 + shard->removed_cap * sizeof *shard->removed;
        sl_budget_give(aggregate->env.budget, own);
        sl_group_table_release(&shard->groups);
        sl_aggregate_set_release(&shard->set);
        for (uint32_t i = 0; i < aggregate->what->item_count; i++)
            if (shard->distinct[i].layout) sl_group_table_release(&shard->distinct[i]);
        free(shard->distinct);
        free(shard->touched);
        free(shard->removed);
        pthread_mutex_destroy(&shard->lock);
    }
    free(aggregate);
}

/* ---- making ---- */

static const struct sl_stateful_ops aggregate_ops = {
    "stateStoreSave", attach, begin, finish, save, load, clear, metrics, free_aggregate};
/* A batch query keeps nothing. */
static const struct sl_stateful_ops batch_ops = {"",   attach, begin,   finish,        NULL,
                                                 NULL, clear,  metrics, free_aggregate};

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
    aggregate->base.store_count = is_streaming(aggregate) ? 1 : 0;
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

static void init_shard(struct aggregate *aggregate, struct shard *shard) {
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
    aggregate->base.ops = is_streaming(aggregate) ? &aggregate_ops : &batch_ops;
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
