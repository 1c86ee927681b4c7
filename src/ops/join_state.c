/* The remembered rows of a stream-stream join as rows of two stores, "left" and "right":
 *
 *     key      the join keys (field0, field1, .. as Spark names them) and `index`, the row's number
 *              of arrival
 *     value    the columns of that side and `matched`
 *
 * These are Spark's left-keyWithIndexToValue and right-keyWithIndexToValue, but for the index,
 * which there counts the rows of one key without gaps, so that a third and a fourth store must say
 * how many there are, and removing one moves another. */
#include <stdlib.h>

#include "ops/join_int.h"
#include "ops/state_rows.h"

static const struct sl_type *key_type(const struct join *join, uint32_t side,
                                      struct sl_arena *query) {
    const struct sl_join *what = join->what;
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, what->key_count + 1);
    for (uint32_t k = 0; k < what->key_count; k++)
        fields[k] =
            (struct sl_field){.name = sl_arena_printf(query, "field%u", k),
                              .type = join->inputs[side]->fields[what->sides[side].keys[k]].type,
                              .nullable = true};
    fields[what->key_count] = (struct sl_field){.name = SL_STR("index"), .type = &sl_type_long};
    return sl_type_struct(query, fields, what->key_count + 1);
}

static const struct sl_type *value_type(const struct join *join, uint32_t side,
                                        struct sl_arena *query) {
    uint32_t count = join->inputs[side]->field_count;
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, count + 1);
    for (uint32_t c = 0; c < count; c++) fields[c] = join->inputs[side]->fields[c];
    fields[count] = (struct sl_field){.name = SL_STR("matched"), .type = &sl_type_bool};
    return sl_type_struct(query, fields, count + 1);
}

void join_describe_stores(struct join *join, struct sl_arena *query) {
    join->base.stores = SL_NEW_ARRAY(query, struct sl_state_schema, 2);
    join->base.store_count = 2;
    for (uint32_t side = 0; side < 2; side++)
        join->base.stores[side] =
            (struct sl_state_schema){.name = side ? SL_STR("right") : SL_STR("left"),
                                     .key = key_type(join, side, query),
                                     .value = value_type(join, side, query)};
}

/* ---- saving ---- */

enum { PART = 1024 };

struct saving {
    struct join *join;
    struct sl_join_store *store;
    uint32_t side;
    struct sl_state_out out;
    uint32_t numbers[PART];
    uint32_t count;
    bool removes;
};

static enum sl_code fill_keys(struct saving *saving, struct sl_err *err) {
    const struct sl_join *what = saving->join->what;
    const struct sl_join_rows *rows = &saving->store->sides[saving->side];
    struct sl_vec *ids = &saving->out.keys.columns[what->key_count];
    for (uint32_t k = 0; k < what->key_count; k++)
        SL_TRY(sl_row_blocks_gather(&rows->columns, what->sides[saving->side].keys[k],
                                    saving->numbers, saving->count, &saving->out.keys.columns[k],
                                    err));
    SL_TRY(sl_vec_reserve(ids, saving->count, err));
    for (uint32_t i = 0; i < saving->count; i++)
        ids->i64[i] = (int64_t)sl_join_link_of(rows, saving->numbers[i])->id;
    ids->rows = saving->count;
    return SL_OK;
}

static enum sl_code fill_values(struct saving *saving, struct sl_err *err) {
    const struct sl_join_rows *rows = &saving->store->sides[saving->side];
    uint32_t columns = rows->columns.schema->field_count;
    struct sl_vec *matched = &saving->out.values.columns[columns];
    for (uint32_t c = 0; c < columns; c++)
        SL_TRY(sl_row_blocks_gather(&rows->columns, c, saving->numbers, saving->count,
                                    &saving->out.values.columns[c], err));
    SL_TRY(sl_vec_reserve(matched, saving->count, err));
    for (uint32_t i = 0; i < saving->count; i++)
        sl_bit_put(matched->bits, i, sl_join_is_matched(rows, saving->numbers[i]));
    matched->rows = saving->count;
    return SL_OK;
}

static enum sl_code put_part(struct saving *saving, struct sl_err *err) {
    uint32_t count = saving->count;
    if (!count) return SL_OK;
    sl_state_out_clear(&saving->out);
    SL_TRY(fill_keys(saving, err));
    if (!saving->removes) SL_TRY(fill_values(saving, err));
    saving->count = 0;
    return sl_state_out_put(&saving->out, count, saving->removes, err);
}

static enum sl_code put_number(struct saving *saving, uint32_t number, struct sl_err *err) {
    saving->numbers[saving->count++] = number;
    return saving->count < PART ? SL_OK : put_part(saving, err);
}

static enum sl_code put_staying(struct saving *saving, const struct sl_number_list *list,
                                struct sl_err *err) {
    const struct sl_join_rows *rows = &saving->store->sides[saving->side];
    for (uint32_t i = 0; i < list->count; i++)
        if (!sl_join_is_due(rows, list->items[i])) SL_TRY(put_number(saving, list->items[i], err));
    return SL_OK;
}

/* Of rows that came in this batch and go nobody has to know. */
static enum sl_code put_removed(struct saving *saving, struct sl_err *err) {
    const struct sl_join_rows *rows = &saving->store->sides[saving->side];
    for (uint32_t i = 0; i < rows->due.count; i++) {
        uint32_t number = rows->due.items[i];
        if (sl_join_link_of(rows, number)->id < saving->store->first_id)
            SL_TRY(put_number(saving, number, err));
    }
    return SL_OK;
}

static enum sl_code put_changes(struct saving *saving, struct sl_err *err) {
    const struct sl_join_rows *rows = &saving->store->sides[saving->side];
    SL_TRY(put_staying(saving, &rows->added, err));
    SL_TRY(put_staying(saving, &rows->matched, err));
    SL_TRY(put_part(saving, err));
    saving->removes = true;
    SL_TRY(put_removed(saving, err));
    return put_part(saving, err);
}

static enum sl_code put_all(struct saving *saving, struct sl_err *err) {
    uint32_t cursor = 0;
    while ((saving->count =
                sl_join_store_list(saving->store, saving->side, &cursor, saving->numbers, PART)))
        SL_TRY(put_part(saving, err));
    return SL_OK;
}

static enum sl_code save_side(struct saving *saving, bool whole, sl_state_put_fn put, void *ctx,
                              struct sl_err *err) {
    saving->count = 0;
    saving->removes = false;
    sl_state_out_init(&saving->out, &saving->join->base, saving->side, put, ctx);
    enum sl_code code = whole ? put_all(saving, err) : put_changes(saving, err);
    sl_state_out_release(&saving->out);
    return code;
}

enum sl_code join_save(struct sl_stateful *stateful, uint32_t number, bool whole,
                       sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct join *join = (struct join *)stateful;
    struct join_shard *shard = &join->shards[number];
    struct saving saving = {.join = join, .store = &shard->store};
    enum sl_code code = SL_OK;
    pthread_mutex_lock(&shard->lock);
    if (whole) sl_join_store_sweep(&shard->store);
    for (saving.side = 0; code == SL_OK && saving.side < 2; saving.side++)
        code = save_side(&saving, whole, put, ctx, err);
    if (!whole && code == SL_OK) sl_join_store_sweep(&shard->store);
    pthread_mutex_unlock(&shard->lock);
    return code;
}

/* ---- loading ---- */

struct loading {
    struct sl_state_in in;
    struct join *join;
    uint32_t side;
    const struct sl_vec *ids;
    uint32_t *numbers;
    uint64_t *shard_ids;
};

static uint64_t id_of(const struct loading *loading, uint32_t row) {
    return (uint64_t)loading->ids->i64[sl_vec_pos(loading->ids, row)];
}

static void mark(struct sl_join_rows *rows, uint32_t number, const struct sl_vec *matched,
                 uint32_t row) {
    uint32_t at = sl_vec_pos(matched, row);
    bool value = !sl_vec_is_null(matched, row) && sl_bit_get(matched->bits, at);
    sl_bit_put(sl_join_block_of(rows, number)->matched, sl_join_place(number), value);
}

static enum sl_code remove_rows(struct loading *loading, struct sl_join_store *store,
                                uint32_t begin, uint32_t count, struct sl_err *err) {
    sl_group_table_find(&store->keys, &loading->in.block, begin, count, loading->in.groups);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = sl_join_store_find(store, loading->side, loading->in.groups[i],
                                             id_of(loading, loading->in.rows.rows[begin + i]));
        if (number != SL_NO_ROW) SL_TRY(sl_join_store_mark_due(store, loading->side, number, err));
    }
    sl_join_store_sweep(store);
    return SL_OK;
}

/* A row that is there already has been matched since. */
static enum sl_code add_rows(struct loading *loading, struct sl_join_store *store, uint32_t begin,
                             uint32_t count, struct sl_err *err) {
    struct sl_join_rows *rows = &store->sides[loading->side];
    uint32_t *idx = loading->in.rows.rows + begin, *groups = loading->in.groups, fresh = 0;
    const struct sl_vec *matched = &loading->in.values->columns[rows->columns.schema->field_count];
    SL_TRY(sl_group_table_find_or_add(&store->keys, &loading->in.block, begin, count, groups, NULL,
                                      NULL, err));
    for (uint32_t i = 0; i < count; i++) {
        uint64_t id = id_of(loading, idx[i]);
        uint32_t number = sl_join_store_find(store, loading->side, groups[i], id);
        if (number != SL_NO_ROW) {
            mark(rows, number, matched, idx[i]);
            continue;
        }
        loading->shard_ids[fresh] = id;
        groups[fresh] = groups[i];
        idx[fresh++] = idx[i];
    }
    SL_TRY(sl_join_store_put(store, loading->side, loading->in.values->columns, idx, groups, fresh,
                             loading->shard_ids, loading->numbers, err));
    for (uint32_t i = 0; i < fresh; i++) mark(rows, loading->numbers[i], matched, idx[i]);
    return SL_OK;
}

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct loading *loading = ctx;
    struct sl_join_store *store = &loading->join->shards[number].store;
    uint32_t begin, count = sl_state_in_count(&loading->in, number, &begin);
    return loading->in.values ? add_rows(loading, store, begin, count, err)
                              : remove_rows(loading, store, begin, count, err);
}

enum sl_code join_load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                       const struct sl_batch *values, struct sl_err *err) {
    struct join *join = (struct join *)stateful;
    struct loading loading = {
        .join = join, .side = store, .ids = &keys->columns[join->what->key_count]};
    loading.numbers = sl_xmalloc((keys->rows + 1) * sizeof *loading.numbers);
    loading.shard_ids = sl_xmalloc((keys->rows + 1) * sizeof *loading.shard_ids);
    enum sl_code code =
        sl_state_in_visit(&loading.in, join->layout, keys, values, join->locks, load_shard, err);
    free(loading.numbers);
    free(loading.shard_ids);
    return code;
}
