/* Keys as rows of a store: the columns of the key, and when it is forgotten. */
#include "ops/deduplicate_int.h"
#include "ops/state_rows.h"

/* ---- saving ---- */

struct saving {
    struct dedupe *dedupe;
    struct dedupe_shard *shard;
    struct sl_state_out out;
};

static enum sl_code fill_values(struct saving *saving, const uint32_t *groups, uint32_t count,
                                struct sl_err *err) {
    struct sl_vec *vec = &saving->out.values.columns[0];
    if (!saving->dedupe->what->within_watermark) return sl_vec_append_null(vec, count, err);
    SL_TRY(sl_vec_reserve(vec, count, err));
    for (uint32_t i = 0; i < count; i++)
        vec->i64[i] = sl_group_table_time(&saving->shard->keys, groups[i]);
    vec->rows = count;
    return SL_OK;
}

static enum sl_code put_groups(struct saving *saving, const uint32_t *groups, uint32_t count,
                               bool removed, struct sl_err *err) {
    const struct sl_group_table *keys = &saving->shard->keys;
    if (!count) return SL_OK;
    sl_state_out_clear(&saving->out);
    SL_TRY(sl_group_table_append_keys(keys, groups, count, saving->out.keys.columns, err));
    if (!removed) SL_TRY(fill_values(saving, groups, count, err));
    return sl_state_out_put(&saving->out, count, removed, err);
}

static enum sl_code put_list(struct saving *saving, const struct sl_number_list *numbers,
                             bool removed, struct sl_err *err) {
    uint32_t part = saving->dedupe->batch_rows;
    for (uint32_t done = 0; done < numbers->count; done += part) {
        if (part > numbers->count - done) part = numbers->count - done;
        SL_TRY(put_groups(saving, numbers->items + done, part, removed, err));
    }
    return SL_OK;
}

/* A key that came and went in one batch is put and removed again. */
static enum sl_code save_changes(struct saving *saving, struct sl_err *err) {
    SL_TRY(put_list(saving, &saving->shard->added, false, err));
    SL_TRY(put_list(saving, &saving->shard->due, true, err));
    dedupe_remove_due(saving->shard);
    return SL_OK;
}

static enum sl_code save_all(struct saving *saving, struct sl_err *err) {
    uint32_t groups[1024], cursor = 0, count;
    dedupe_remove_due(saving->shard);
    while ((count = sl_group_table_list(&saving->shard->keys, &cursor, groups, 1024)))
        SL_TRY(put_groups(saving, groups, count, false, err));
    return SL_OK;
}

enum sl_code dedupe_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    struct saving saving = {.dedupe = dedupe, .shard = &dedupe->shards[number]};
    sl_state_out_init(&saving.out, stateful, 0, put, ctx);
    pthread_mutex_lock(&saving.shard->lock);
    enum sl_code code = whole ? save_all(&saving, err) : save_changes(&saving, err);
    pthread_mutex_unlock(&saving.shard->lock);
    sl_state_out_release(&saving.out);
    return code;
}

/* ---- loading ---- */

struct loading {
    struct sl_state_in in;
    struct dedupe *dedupe;
};

static void set_times(struct sl_group_table *keys, const struct sl_state_in *in, uint32_t begin,
                      uint32_t count) {
    const struct sl_vec *times = &in->values->columns[0];
    for (uint32_t i = 0; i < count; i++)
        sl_group_table_set_time(keys, in->groups[i],
                                times->i64[sl_vec_pos(times, in->rows.rows[begin + i])]);
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct loading *loading = ctx;
    struct sl_state_in *in = &loading->in;
    struct sl_group_table *keys = &loading->dedupe->shards[number].keys;
    uint32_t begin, count = sl_state_in_count(in, number, &begin);
    if (!in->values) {
        count = sl_state_in_find(in, keys, number);
        sl_group_table_remove(keys, in->groups, count);
        return SL_OK;
    }
    SL_TRY(sl_group_table_find_or_add(keys, &in->block, begin, count, in->groups, NULL, NULL, err));
    if (loading->dedupe->what->within_watermark) set_times(keys, in, begin, count);
    return SL_OK;
}

enum sl_code dedupe_load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct loading loading = {.dedupe = (struct dedupe *)stateful};
    (void)store;
    return sl_state_in_visit(&loading.in, loading.dedupe->layout, keys, values,
                             loading.dedupe->locks, load_shard, err);
}
