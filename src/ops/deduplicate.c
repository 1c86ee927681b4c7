/* The first row of every key passes: SELECT DISTINCT, dropDuplicates,
 * dropDuplicatesWithinWatermark.
 *
 * A key is a cell of group_table.h and nothing else: what changed in a batch is two lists of
 * numbers for a shard.  Within a watermark a cell also holds the time at which its key is
 * forgotten. Keys that the watermark has passed are found in finish and leave with save (or the
 * next batch), since save needs them.
 *
 * Source: Spark's StreamingDeduplicateExec and StreamingDeduplicateWithinWatermarkExec in
 * statefulOperators.scala: the schemas of the state are theirs. */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ops/group_table.h"
#include "ops/number_list.h"
#include "ops/shards.h"

enum { TIME_BYTES = 8 };

struct shard {
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
    struct shard shards[SL_STATE_SHARDS];
    pthread_mutex_t *locks[SL_STATE_SHARDS];
};

struct dedupe_op {
    struct sl_op base;
    struct dedupe *dedupe;
    struct sl_shard_rows rows;
    struct sl_key_block block;
    const struct sl_vec **keys;
    const struct sl_batch *in; /* of this call */
    uint32_t *groups;
    uint64_t *is_new, *selected;
    uint32_t cap;
    uint32_t passed;
    bool profiled;
    int64_t ns, row_count;
};

/* ---- lists ---- */

static enum sl_code reserve_numbers(struct dedupe *dedupe, struct sl_number_list *list,
                                    uint32_t more, struct sl_err *err) {
    return sl_number_list_reserve(list, more, dedupe->base.budget, "deduplication", err);
}

static void forget_lists(struct dedupe *dedupe, struct shard *shard) {
    sl_number_list_release(&shard->added, dedupe->base.budget);
    sl_number_list_release(&shard->due, dedupe->base.budget);
}

/* ---- rows ---- */

static void reserve(struct dedupe_op *op, uint32_t rows) {
    if (rows <= op->cap) return;
    size_t words = SL_BIT_WORDS(rows) + 1;
    op->groups = sl_xrealloc(op->groups, rows * sizeof *op->groups);
    op->is_new = sl_xrealloc(op->is_new, words * sizeof *op->is_new);
    op->selected = sl_xrealloc(op->selected, words * sizeof *op->selected);
    op->cap = rows;
}

/* A NULL time is read as 0, as UnsafeRow.getLong does. */
static int64_t time_of(const struct sl_vec *column, uint32_t row) {
    const struct sl_vec *times = sl_event_time_vec(column);
    row = sl_vec_pos(times, sl_vec_pos(column, row));
    if (sl_vec_is_null(times, row)) return 0;
    return times->enc == SL_ENC_DICT ? times->children[0].i64[times->codes[row]] : times->i64[row];
}

static int64_t expiry(const struct dedupe *dedupe, const struct sl_batch *in, uint32_t row) {
    const struct sl_event_time *event_time = &dedupe->what->event_time;
    int64_t time_us = time_of(&in->columns[event_time->column], row);
    return __builtin_add_overflow(time_us, event_time->delay_us, &time_us) ? INT64_MAX : time_us;
}

/* Under the shard's lock. */
static enum sl_code visit(void *ctx, uint32_t number, struct sl_err *err) {
    struct dedupe_op *op = ctx;
    struct dedupe *dedupe = op->dedupe;
    struct shard *shard = &dedupe->shards[number];
    uint32_t begin = op->rows.begin[number], count = op->rows.begin[number + 1] - begin, added;
    SL_TRY(sl_group_table_find_or_add(&shard->keys, &op->block, begin, count, op->groups,
                                      op->is_new, &added, err));
    if (dedupe->streams) SL_TRY(reserve_numbers(dedupe, &shard->added, added, err));
    for (uint32_t w = 0; w < SL_BIT_WORDS(count); w++)
        for (uint64_t bits = op->is_new[w]; bits; bits &= bits - 1) {
            uint32_t i = w * 64 + (uint32_t)__builtin_ctzll(bits), row = op->rows.rows[begin + i];
            sl_bit_set(op->selected, row);
            if (!dedupe->streams) continue;
            shard->added.items[shard->added.count++] = op->groups[i];
            if (dedupe->what->within_watermark)
                sl_group_table_set_time(&shard->keys, op->groups[i], expiry(dedupe, op->in, row));
        }
    shard->added_count += added;
    op->passed += added;
    return SL_OK;
}

static enum sl_code keep_first(struct dedupe_op *op, struct sl_batch *in, uint64_t *late_count,
                               struct sl_err *err) {
    struct dedupe *dedupe = op->dedupe;
    const struct sl_deduplication *what = dedupe->what;
    reserve(op, in->rows);
    op->in = in;
    op->passed = 0;
    sl_shard_rows_begin(&op->rows, in);
    uint64_t late = sl_shard_rows_drop_late(&op->rows, in, &what->event_time, &dedupe->marks);
    for (uint32_t k = 0; k < what->key_count; k++) op->keys[k] = &in->columns[what->keys[k]];
    sl_shard_rows_split(&op->rows, op->keys, what->key_count);
    SL_TRY(sl_key_block_encode(&op->block, op->keys, op->rows.rows, op->rows.count, err));
    sl_bits_fill(op->selected, in->rows, false);
    SL_TRY(sl_shard_rows_visit(&op->rows, dedupe->locks, visit, op, err));
    in->selected = op->selected;
    in->selected_rows = op->passed;
    *late_count = late;
    return SL_OK;
}

/* What a task has done is counted in the first shard. */
static void count(struct dedupe_op *op, uint64_t late, int64_t ns, uint32_t rows) {
    struct shard *shard = &op->dedupe->shards[0];
    op->ns += ns;
    op->row_count += rows;
    pthread_mutex_lock(&shard->lock);
    shard->late_count += late;
    shard->update_ns += ns;
    pthread_mutex_unlock(&shard->lock);
}

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct dedupe_op *op = (struct dedupe_op *)base;
    (void)session;
    *out = in;
    if (!in->rows) return SL_OK;
    int64_t begin = sl_clock_thread_cpu_ns();
    uint32_t rows = in->selected ? in->selected_rows : in->rows;
    uint64_t late = 0;
    SL_TRY(keep_first(op, in, &late, err));
    count(op, late, sl_clock_thread_cpu_ns() - begin, rows);
    return SL_OK;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct dedupe_op *op = (const struct dedupe_op *)base;
    if (op->profiled && op->row_count) fn(ctx, "deduplicate", op->ns, op->row_count);
}

static void free_op(struct sl_op *base) {
    struct dedupe_op *op = (struct dedupe_op *)base;
    sl_shard_rows_release(&op->rows);
    sl_key_block_release(&op->block);
    free(op->keys);
    free(op->groups);
    free(op->is_new);
    free(op->selected);
    free(op);
}

static const struct sl_op_ops dedupe_op_ops = {"deduplicate", process, profile, free_op, NULL};

static enum sl_code attach(struct sl_stateful *stateful, uint32_t input, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct dedupe_op *op = sl_xcalloc(1, sizeof *op);
    (void)input, (void)err;
    op->base.ops = &dedupe_op_ops;
    op->dedupe = (struct dedupe *)stateful;
    op->profiled = profiled;
    op->keys = sl_xcalloc(op->dedupe->what->key_count + 1, sizeof *op->keys);
    sl_key_block_init(&op->block, op->dedupe->layout);
    *out = &op->base;
    return SL_OK;
}

/* ---- a batch ---- */

static void remove_due(struct shard *shard) {
    sl_group_table_remove(&shard->keys, shard->due.items, shard->due.count);
    shard->due.count = 0;
}

static void begin_batch(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    dedupe->marks = *marks;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct shard *shard = &dedupe->shards[s];
        remove_due(shard);
        forget_lists(dedupe, shard);
        shard->added_count = shard->due_count = shard->late_count = 0;
        shard->update_ns = shard->removal_ns = 0;
    }
}

static enum sl_code find_due(struct dedupe *dedupe, struct shard *shard, struct sl_err *err) {
    uint32_t groups[1024], cursor = 0, count;
    int64_t until_us = sl_marks_us(dedupe->marks.evict_ms);
    while ((count = sl_group_table_due(&shard->keys, until_us, &cursor, groups, 1024))) {
        SL_TRY(reserve_numbers(dedupe, &shard->due, count, err));
        memcpy(shard->due.items + shard->due.count, groups, count * sizeof *groups);
        shard->due.count += count;
        shard->due_count += count;
    }
    return SL_OK;
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t number, sl_emit_fn emit,
                           void *ctx, struct sl_err *err) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    struct shard *shard = &dedupe->shards[number];
    (void)emit, (void)ctx;
    if (!dedupe->evicts || dedupe->marks.evict_ms == INT64_MIN) return SL_OK;
    int64_t begin = sl_clock_mono_ns();
    pthread_mutex_lock(&shard->lock);
    enum sl_code code = find_due(dedupe, shard, err);
    shard->removal_ns += sl_clock_mono_ns() - begin;
    pthread_mutex_unlock(&shard->lock);
    return code;
}

/* ---- saving and loading ---- */

/* Batches that are handed to a state store. */
struct saving {
    struct dedupe *dedupe;
    struct shard *shard;
    struct sl_arena arena;
    struct sl_batch keys, values;
    sl_state_put_fn put;
    void *ctx;
};

static enum sl_code fill_values(struct saving *saving, const uint32_t *groups, uint32_t count,
                                struct sl_err *err) {
    struct sl_vec *vec = &saving->values.columns[0];
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
    sl_batch_clear(&saving->keys);
    sl_batch_clear(&saving->values);
    SL_TRY(sl_group_table_append_keys(keys, groups, count, saving->keys.columns, err));
    saving->keys.rows = saving->keys.selected_rows = count;
    if (!removed) SL_TRY(fill_values(saving, groups, count, err));
    saving->values.rows = saving->values.selected_rows = count;
    return saving->put(saving->ctx, 0, &saving->keys, removed ? NULL : &saving->values, err);
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
    remove_due(saving->shard);
    return SL_OK;
}

static enum sl_code save_all(struct saving *saving, struct sl_err *err) {
    uint32_t groups[1024], cursor = 0, count;
    remove_due(saving->shard);
    while ((count = sl_group_table_list(&saving->shard->keys, &cursor, groups, 1024)))
        SL_TRY(put_groups(saving, groups, count, false, err));
    return SL_OK;
}

static enum sl_code save(struct sl_stateful *stateful, uint32_t number, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    struct saving saving = {
        .dedupe = dedupe, .shard = &dedupe->shards[number], .put = put, .ctx = ctx};
    sl_arena_init(&saving.arena, "save");
    sl_batch_init(&saving.keys, stateful->stores[0].key, &saving.arena);
    sl_batch_init(&saving.values, stateful->stores[0].value, &saving.arena);
    pthread_mutex_lock(&saving.shard->lock);
    enum sl_code code = whole ? save_all(&saving, err) : save_changes(&saving, err);
    pthread_mutex_unlock(&saving.shard->lock);
    sl_batch_release(&saving.keys);
    sl_batch_release(&saving.values);
    sl_arena_release(&saving.arena);
    return code;
}

struct loading {
    struct dedupe *dedupe;
    const struct sl_batch *values; /* NULL: removed */
    struct sl_shard_rows rows;
    struct sl_key_block block;
    uint32_t *groups;
};

static enum sl_code load_shard(void *ctx, uint32_t number, struct sl_err *err) {
    struct loading *loading = ctx;
    struct sl_group_table *keys = &loading->dedupe->shards[number].keys;
    uint32_t begin = loading->rows.begin[number], found = 0;
    uint32_t count = loading->rows.begin[number + 1] - begin, *groups = loading->groups;
    if (!loading->values) {
        sl_group_table_find(keys, &loading->block, begin, count, groups);
        for (uint32_t i = 0; i < count; i++)
            if (groups[i] != SL_NO_GROUP) groups[found++] = groups[i];
        sl_group_table_remove(keys, groups, found);
        return SL_OK;
    }
    SL_TRY(
        sl_group_table_find_or_add(keys, &loading->block, begin, count, groups, NULL, NULL, err));
    const struct sl_vec *times = &loading->values->columns[0];
    for (uint32_t i = 0; loading->dedupe->what->within_watermark && i < count; i++)
        sl_group_table_set_time(keys, groups[i],
                                times->i64[sl_vec_pos(times, loading->rows.rows[begin + i])]);
    return SL_OK;
}

static enum sl_code load_keys(struct loading *loading, const struct sl_batch *keys,
                              struct sl_err *err) {
    uint32_t count = loading->dedupe->layout->column_count;
    const struct sl_vec **columns = sl_xcalloc(count + 1, sizeof *columns);
    for (uint32_t c = 0; c < count; c++) columns[c] = &keys->columns[c];
    sl_shard_rows_begin(&loading->rows, keys);
    sl_shard_rows_split(&loading->rows, columns, count);
    enum sl_code code =
        sl_key_block_encode(&loading->block, columns, loading->rows.rows, loading->rows.count, err);
    free(columns);
    if (code != SL_OK) return code;
    return sl_shard_rows_visit(&loading->rows, loading->dedupe->locks, load_shard, loading, err);
}

static enum sl_code load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct loading loading = {.dedupe = (struct dedupe *)stateful, .values = values};
    (void)store;
    if (!keys->rows) return SL_OK;
    sl_key_block_init(&loading.block, loading.dedupe->layout);
    loading.groups = sl_xmalloc(keys->rows * sizeof *loading.groups);
    enum sl_code code = load_keys(&loading, keys, err);
    sl_shard_rows_release(&loading.rows);
    sl_key_block_release(&loading.block);
    free(loading.groups);
    return code;
}

/* ---- life ---- */

static void clear(struct sl_stateful *stateful) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        forget_lists(dedupe, &dedupe->shards[s]);
        sl_group_table_clear(&dedupe->shards[s].keys);
    }
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct dedupe *dedupe = (const struct dedupe *)stateful;
    *out = (struct sl_state_metrics){0};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct shard *shard = &dedupe->shards[s];
        out->rows_total += shard->keys.count - shard->due.count;
        out->rows_updated += shard->added_count;
        out->rows_removed += shard->due_count;
        out->rows_late += shard->late_count;
        out->memory_bytes += sl_group_table_bytes(&shard->keys) +
                             sl_number_list_bytes(&shard->added) +
                             sl_number_list_bytes(&shard->due);
        out->update_ns += shard->update_ns;
        out->removal_ns += shard->removal_ns;
    }
}

static void free_dedupe(struct sl_stateful *stateful) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    clear(stateful);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        sl_group_table_release(&dedupe->shards[s].keys);
        pthread_mutex_destroy(&dedupe->shards[s].lock);
    }
    free(dedupe);
}

static const struct sl_stateful_ops dedupe_ops = {"dedupe", attach, begin_batch, finish,     save,
                                                  load,     clear,  metrics,     free_dedupe};
static const struct sl_stateful_ops within_ops = {
    "dedupeWithinWatermark", attach, begin_batch, finish, save, load, clear, metrics, free_dedupe};

static const struct sl_type *value_schema(struct sl_arena *query, bool within) {
    struct sl_field field = {.name = SL_STR("__dummy__"), .type = &sl_type_null, .nullable = true};
    if (within) field = (struct sl_field){.name = SL_STR("expiresAtMicros"), .type = &sl_type_long};
    return sl_type_struct(query, &field, 1);
}

static void describe_store(struct dedupe *dedupe, struct sl_arena *query) {
    const struct sl_deduplication *what = dedupe->what;
    struct sl_state_schema *store = SL_NEW(query, struct sl_state_schema);
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, what->key_count + 1);
    for (uint32_t k = 0; k < what->key_count; k++) fields[k] = dedupe->input->fields[what->keys[k]];
    store->name = SL_STR("default");
    store->key = sl_type_struct(query, fields, what->key_count);
    store->value = value_schema(query, what->within_watermark);
    dedupe->base.stores = store;
    dedupe->base.store_count = 1;
}

/* Which of the keys the event time is; -1: none. */
static int32_t time_key(const struct sl_deduplication *what) {
    for (uint32_t k = 0; what->event_time.column >= 0 && k < what->key_count; k++)
        if (what->keys[k] == (uint32_t)what->event_time.column) return (int32_t)k;
    return -1;
}

static void choose_layout(struct dedupe *dedupe, const struct sl_stateful_env *env) {
    const struct sl_deduplication *what = dedupe->what;
    int32_t key = dedupe->streams ? time_key(what) : -1;
    const struct sl_type **types =
        SL_NEW_ARRAY(env->query, const struct sl_type *, what->key_count + 1);
    for (uint32_t k = 0; k < what->key_count; k++)
        types[k] = dedupe->input->fields[what->keys[k]].type;
    dedupe->evicts = true;
    if (what->within_watermark) {
        dedupe->layout = sl_key_layout_new_expiring(env->query, types, what->key_count, TIME_BYTES);
    } else if (key >= 0) {
        dedupe->layout =
            sl_key_layout_new_timed(env->query, types, what->key_count, 0, (uint32_t)key);
    } else {
        dedupe->layout = sl_key_layout_new(env->query, types, what->key_count, 0);
        dedupe->evicts = false;
    }
}

enum sl_code sl_deduplicate_new(const struct sl_stateful_env *env,
                                const struct sl_deduplication *what, const struct sl_type *input,
                                struct sl_stateful **out, struct sl_err *err) {
    struct dedupe *dedupe = sl_xcalloc(1, sizeof *dedupe);
    (void)err;
    dedupe->base.ops = what->within_watermark ? &within_ops : &dedupe_ops;
    dedupe->base.budget = env->budget;
    dedupe->base.finish_shards = SL_STATE_SHARDS;
    dedupe->what = what;
    dedupe->input = input;
    dedupe->batch_rows = env->batch_rows;
    dedupe->streams = env->mode != SL_MODE_BATCH;
    dedupe->marks = (struct sl_batch_marks){.late_ms = INT64_MIN, .evict_ms = INT64_MIN};
    describe_store(dedupe, env->query);
    choose_layout(dedupe, env);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct shard *shard = &dedupe->shards[s];
        pthread_mutex_init(&shard->lock, NULL);
        sl_group_table_init(&shard->keys, dedupe->layout, env->budget);
        dedupe->locks[s] = &shard->lock;
    }
    *out = &dedupe->base;
    return SL_OK;
}
