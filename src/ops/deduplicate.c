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
#include <stdlib.h>

#include "base/clock.h"
#include "ops/deduplicate_int.h"
#include "ops/spill.h"

enum { TIME_BYTES = 8 };

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

static void forget_lists(struct dedupe *dedupe, struct dedupe_shard *shard) {
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
    struct dedupe_shard *shard = &dedupe->shards[number];
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
    SL_TRY(sl_spill_divert(dedupe->base.spill, 0, in, &op->rows, err));
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
    struct dedupe_shard *shard = &op->dedupe->shards[0];
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

void dedupe_remove_due(struct dedupe_shard *shard) {
    sl_group_table_remove(&shard->keys, shard->due.items, shard->due.count);
    shard->due.count = 0;
}

static void begin_batch(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    dedupe->marks = *marks;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        struct dedupe_shard *shard = &dedupe->shards[s];
        dedupe_remove_due(shard);
        forget_lists(dedupe, shard);
        shard->added_count = shard->due_count = shard->late_count = 0;
        shard->update_ns = shard->removal_ns = 0;
    }
}

static enum sl_code find_due(struct dedupe *dedupe, struct dedupe_shard *shard,
                             struct sl_err *err) {
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
    struct dedupe_shard *shard = &dedupe->shards[number];
    (void)emit, (void)ctx;
    if (!dedupe->evicts || dedupe->marks.evict_ms == INT64_MIN) return SL_OK;
    int64_t begin = sl_clock_mono_ns();
    pthread_mutex_lock(&shard->lock);
    enum sl_code code = find_due(dedupe, shard, err);
    shard->removal_ns += sl_clock_mono_ns() - begin;
    pthread_mutex_unlock(&shard->lock);
    return code;
}

/* ---- life ---- */

static void forget(struct sl_stateful *stateful, uint32_t number) {
    struct dedupe *dedupe = (struct dedupe *)stateful;
    struct dedupe_shard *shard = &dedupe->shards[number];
    pthread_mutex_lock(&shard->lock);
    forget_lists(dedupe, shard);
    sl_group_table_clear(&shard->keys);
    shard->added_count = shard->due_count = 0;
    pthread_mutex_unlock(&shard->lock);
}

static void clear(struct sl_stateful *stateful) {
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) forget(stateful, s);
}

static void size_of(const struct dedupe_shard *shard, struct sl_shard_size *out) {
    *out = (struct sl_shard_size){.rows_total = shard->keys.count - shard->due.count,
                                  .rows_updated = shard->added_count,
                                  .rows_removed = shard->due_count,
                                  .bytes = sl_group_table_bytes(&shard->keys) +
                                           sl_number_list_bytes(&shard->added) +
                                           sl_number_list_bytes(&shard->due)};
}

static void size(struct sl_stateful *stateful, uint32_t number, struct sl_shard_size *out) {
    struct dedupe_shard *shard = &((struct dedupe *)stateful)->shards[number];
    pthread_mutex_lock(&shard->lock);
    size_of(shard, out);
    pthread_mutex_unlock(&shard->lock);
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct dedupe *dedupe = (const struct dedupe *)stateful;
    *out = (struct sl_state_metrics){0};
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        const struct dedupe_shard *shard = &dedupe->shards[s];
        struct sl_shard_size has;
        size_of(shard, &has);
        sl_state_metrics_add(out, &has);
        out->rows_late += shard->late_count;
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

/* by Spark's name of the operator */
#define DEDUPE_OPS(spark_name)                                                                     \
    {                                                                                              \
        .name = (spark_name), .attach = attach, .begin = begin_batch, .finish = finish,            \
        .save = dedupe_save, .load = dedupe_load, .clear = clear, .metrics = metrics,              \
        .free = free_dedupe, .size = size, .forget = forget                                        \
    }
static const struct sl_stateful_ops dedupe_ops = DEDUPE_OPS("dedupe");
static const struct sl_stateful_ops within_ops = DEDUPE_OPS("dedupeWithinWatermark");

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
        struct dedupe_shard *shard = &dedupe->shards[s];
        pthread_mutex_init(&shard->lock, NULL);
        sl_group_table_init(&shard->keys, dedupe->layout, env->budget);
        dedupe->locks[s] = &shard->lock;
    }
    *out = &dedupe->base;
    return SL_OK;
}
