/* ORDER BY: rows of all tasks are kept, and sorted when they are all in.
 *
 * What is sorted are entries: the first bits of the keys (sort_key.h) and the row's number; only
 * where these are equal and not all of the keys are the columns themselves compared, and rows that
 * are equal in all keys stay in the order in which they came.  With a LIMIT, twice as many rows as
 * are wanted are cut to the first ones, and the last of these tells which rows need not be kept at
 * all. */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "kern/order.h"
#include "ops/row_blocks.h"
#include "ops/shards.h"
#include "ops/sort_key.h"

enum { BLOCK_SHIFT = 14, SLACK_ROWS = 16384 };

struct sort {
    struct sl_stateful base;
    const struct sl_sorting *what;
    const struct sl_type *schema;
    uint32_t batch_rows;
    pthread_mutex_t lock;
    /* under lock while the batch is read */
    struct sl_row_blocks rows;
    struct sl_sort_entry *entries, *merged; /* merged: the other array that merging needs */
    uint32_t count, cap;
    struct sl_sort_entry last; /* with a LIMIT, after a cut: of the last row that is wanted */
    bool is_cut;
    uint64_t seen;
};

struct sort_op {
    struct sl_op base;
    struct sort *sort;
    struct sl_batch out; /* never has rows */
    struct sl_arena arena;
    struct sl_shard_rows rows; /* the selection */
    struct sl_sort_entry *entries;
    uint32_t *numbers;
    uint32_t cap;
    bool profiled;
    int64_t ns, row_count;
};

/* ---- order ---- */

static int compare_key(const struct sort *sort, const struct sl_sort_key *key, uint32_t a,
                       uint32_t b) {
    const struct sl_vec *vec_a = &sl_row_blocks_columns(&sort->rows, a)[key->column];
    const struct sl_vec *vec_b = &sl_row_blocks_columns(&sort->rows, b)[key->column];
    uint32_t place_a = sl_row_blocks_place(&sort->rows, a);
    uint32_t place_b = sl_row_blocks_place(&sort->rows, b);
    bool null_a = sl_vec_is_null(vec_a, place_a), null_b = sl_vec_is_null(vec_b, place_b);
    if (null_a || null_b) return key->nulls_first ? null_b - null_a : null_a - null_b;
    int order = sl_order_rows(vec_a, place_a, vec_b, place_b);
    return key->descending ? -order : order;
}

/* Of rows whose bits are equal. */
static bool is_behind_by_keys(const struct sort *sort, uint32_t a, uint32_t b) {
    for (uint32_t k = 0; k < sort->what->key_count; k++) {
        int order = compare_key(sort, &sort->what->keys[k], a, b);
        if (order) return order > 0;
    }
    return a > b; /* numbers are in order of arrival */
}

static inline bool is_behind(const struct sort *sort, const struct sl_sort_entry *a,
                             const struct sl_sort_entry *b) {
    int order = sl_sort_compare_bits(a, b);
    if (order) return order > 0;
    return a->is_cut || b->is_cut ? is_behind_by_keys(sort, a->row, b->row) : a->row > b->row;
}

static void insertion_sort(const struct sort *sort, struct sl_sort_entry *entries, uint32_t count) {
    for (uint32_t i = 1; i < count; i++) {
        struct sl_sort_entry entry = entries[i];
        uint32_t at = i;
        for (; at > 0 && is_behind(sort, &entries[at - 1], &entry); at--)
            entries[at] = entries[at - 1];
        entries[at] = entry;
    }
}

static void merge(const struct sort *sort, const struct sl_sort_entry *a,
                  const struct sl_sort_entry *a_end, const struct sl_sort_entry *b,
                  const struct sl_sort_entry *b_end, struct sl_sort_entry *out) {
    while (a < a_end && b < b_end) *out++ = is_behind(sort, a, b) ? *b++ : *a++;
    memcpy(out, a, (size_t)(a_end - a) * sizeof *a);
    memcpy(out + (a_end - a), b, (size_t)(b_end - b) * sizeof *b);
}

/* Runs of 16, then merged in pairs from one array to the other. */
static void sort_entries(struct sort *sort) {
    enum { RUN = 16 };
    uint32_t count = sort->count;
    for (uint32_t i = 0; i < count; i += RUN)
        insertion_sort(sort, sort->entries + i, count - i < RUN ? count - i : RUN);
    for (uint64_t run = RUN; run < count; run *= 2) {
        for (uint64_t i = 0; i < count; i += 2 * run) {
            uint64_t middle = i + run < count ? i + run : count;
            uint64_t end = i + 2 * run < count ? i + 2 * run : count;
            merge(sort, sort->entries + i, sort->entries + middle, sort->entries + middle,
                  sort->entries + end, sort->merged + i);
        }
        struct sl_sort_entry *sorted = sort->merged;
        sort->merged = sort->entries;
        sort->entries = sorted;
    }
}

/* ---- keeping rows ---- */

static void forget(struct sort *sort) {
    sl_row_blocks_clear(&sort->rows);
    sl_budget_give(sort->base.budget, 2 * sort->cap * sizeof *sort->entries);
    free(sort->entries);
    free(sort->merged);
    sort->entries = sort->merged = NULL;
    sort->count = sort->cap = 0;
    sort->is_cut = false;
}

static enum sl_code reserve(struct sort *sort, uint32_t more, struct sl_err *err) {
    if (more <= sort->cap - sort->count) return SL_OK;
    if (more > UINT32_MAX / 2 - sort->count)
        return sl_fail(err, SL_DATA, "ORDER BY: more than 2^31 rows");
    uint32_t cap = sort->cap ? sort->cap * 2 : 1024;
    while (cap < sort->count + more) cap *= 2;
    SL_TRY(sl_budget_take(sort->base.budget, 2 * (size_t)(cap - sort->cap) * sizeof *sort->entries,
                          "ORDER BY", err));
    sort->entries = sl_xrealloc(sort->entries, cap * sizeof *sort->entries);
    sort->merged = sl_xrealloc(sort->merged, cap * sizeof *sort->merged);
    sort->cap = cap;
    return SL_OK;
}

static enum sl_code put_wanted(struct sort *sort, struct sl_row_blocks *fresh, uint32_t wanted,
                               struct sl_err *err) {
    enum { PART = 1024 };
    uint32_t numbers[PART], places[PART];
    struct sl_batch part;
    struct sl_arena arena;
    enum sl_code code = SL_OK;
    sl_arena_init(&arena, "cut");
    sl_batch_init(&part, sort->schema, &arena);
    for (uint32_t i = 0; i < PART; i++) places[i] = i;
    for (uint32_t done = 0, count; code == SL_OK && done < wanted; done += count) {
        count = wanted - done < PART ? wanted - done : PART;
        for (uint32_t i = 0; i < count; i++) numbers[i] = sort->entries[done + i].row;
        sl_batch_clear(&part);
        for (uint32_t c = 0; code == SL_OK && c < sort->schema->field_count; c++)
            code = sl_row_blocks_gather(&sort->rows, c, numbers, count, &part.columns[c], err);
        if (code == SL_OK)
            code = sl_row_blocks_put(fresh, part.columns, places, count, numbers, err);
        for (uint32_t i = 0; code == SL_OK && i < count; i++)
            sort->entries[done + i].row = numbers[i];
    }
    sl_batch_release(&part);
    sl_arena_release(&arena);
    return code;
}

/* Keeps the first rows only.  They are put in their order, so that a number still says which of two
 * equal rows came first; rows that come later have higher ones. */
static enum sl_code cut(struct sort *sort, struct sl_err *err) {
    struct sl_row_blocks fresh;
    uint32_t wanted = (uint32_t)sort->what->limit;
    sort_entries(sort);
    sl_row_blocks_init(&fresh, sort->schema, BLOCK_SHIFT, sort->base.budget, "ORDER BY");
    enum sl_code code = put_wanted(sort, &fresh, wanted, err);
    if (code != SL_OK) {
        sl_row_blocks_release(&fresh);
        return code;
    }
    sl_row_blocks_release(&sort->rows);
    sort->rows = fresh;
    sort->count = wanted;
    sort->last = sort->entries[wanted - 1];
    sort->is_cut = true;
    return SL_OK;
}

static bool is_cut_due(const struct sort *sort) {
    int64_t limit = sort->what->limit;
    return limit > 0 && limit < UINT32_MAX / 4 && sort->count > 2 * limit &&
           sort->count - limit > SLACK_ROWS;
}

/* Rows behind the last one that is wanted leave. */
static uint32_t narrow(const struct sort *sort, struct sort_op *op, uint32_t count) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++) {
        bool behind = sl_sort_compare_bits(&op->entries[i], &sort->last) > 0;
        op->entries[kept] = op->entries[i];
        op->rows.picked[kept] = op->rows.picked[i];
        kept += !behind;
    }
    return kept;
}

static enum sl_code keep(struct sort *sort, struct sort_op *op, const struct sl_batch *in,
                         uint32_t count, struct sl_err *err) {
    if (sort->is_cut) count = narrow(sort, op, count);
    SL_TRY(reserve(sort, count, err));
    SL_TRY(sl_row_blocks_put(&sort->rows, in->columns, op->rows.picked, count, op->numbers, err));
    for (uint32_t i = 0; i < count; i++) {
        op->entries[i].row = op->numbers[i];
        sort->entries[sort->count++] = op->entries[i];
    }
    return is_cut_due(sort) ? cut(sort, err) : SL_OK;
}

/* ---- the operator of a task ---- */

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct sort_op *op = (struct sort_op *)base;
    struct sort *sort = op->sort;
    int64_t begin = op->profiled ? sl_clock_thread_cpu_ns() : 0;
    (void)session;
    *out = &op->out;
    sl_shard_rows_begin(&op->rows, in);
    uint32_t count = op->rows.count;
    if (!count || sort->what->limit == 0) return SL_OK;
    if (count > op->cap) {
        op->entries = sl_xrealloc(op->entries, count * sizeof *op->entries);
        op->numbers = sl_xrealloc(op->numbers, count * sizeof *op->numbers);
        op->cap = count;
    }
    sl_sort_entries(sort->what, in->columns, op->rows.picked, count, op->entries);
    pthread_mutex_lock(&sort->lock);
    enum sl_code code = keep(sort, op, in, count, err);
    pthread_mutex_unlock(&sort->lock);
    op->row_count += count;
    if (op->profiled) op->ns += sl_clock_thread_cpu_ns() - begin;
    return code;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct sort_op *op = (const struct sort_op *)base;
    if (op->profiled && op->row_count) fn(ctx, "sort: keep rows", op->ns, op->row_count);
}

static void free_op(struct sl_op *base) {
    struct sort_op *op = (struct sort_op *)base;
    sl_shard_rows_release(&op->rows);
    sl_batch_release(&op->out);
    sl_arena_release(&op->arena);
    free(op->entries);
    free(op->numbers);
    free(op);
}

static const struct sl_op_ops sort_op_ops = {"sort", process, profile, free_op, NULL};

static enum sl_code attach(struct sl_stateful *stateful, uint32_t input, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct sort_op *op = sl_xcalloc(1, sizeof *op);
    (void)input, (void)err;
    op->base.ops = &sort_op_ops;
    op->sort = (struct sort *)stateful;
    op->profiled = profiled;
    sl_arena_init(&op->arena, "sort");
    sl_batch_init(&op->out, op->sort->schema, &op->arena);
    *out = &op->base;
    return SL_OK;
}

/* ---- the whole ---- */

static void begin_batch(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    (void)marks;
    forget((struct sort *)stateful);
}

static void clear(struct sl_stateful *stateful) { forget((struct sort *)stateful); }

static enum sl_code emit_rows(const struct sort *sort, uint32_t count, struct sl_emitter *emitter,
                              struct sl_err *err) {
    uint32_t *numbers = sl_xmalloc(sort->batch_rows * sizeof *numbers);
    enum sl_code code = SL_OK;
    for (uint32_t done = 0, part; code == SL_OK && done < count; done += part) {
        uint32_t room = sl_emitter_room(emitter);
        part = count - done < room ? count - done : room;
        for (uint32_t i = 0; i < part; i++) numbers[i] = sort->entries[done + i].row;
        for (uint32_t c = 0; code == SL_OK && c < sort->schema->field_count; c++)
            code = sl_row_blocks_gather(&sort->rows, c, numbers, part, &emitter->batch.columns[c],
                                        err);
        if (code == SL_OK) code = sl_emitter_added(emitter, part, err);
    }
    free(numbers);
    return code == SL_OK ? sl_emitter_flush(emitter, err) : code;
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t shard, sl_emit_fn emit, void *ctx,
                           struct sl_err *err) {
    struct sort *sort = (struct sort *)stateful;
    struct sl_emitter emitter;
    uint32_t count = sort->count;
    (void)shard;
    sort_entries(sort);
    if (sort->what->limit >= 0 && count > sort->what->limit) count = (uint32_t)sort->what->limit;
    sl_emitter_init(&emitter, sort->schema, sort->batch_rows, emit, ctx);
    enum sl_code code = emit_rows(sort, count, &emitter, err);
    sl_emitter_release(&emitter);
    forget(sort);
    return code;
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct sort *sort = (const struct sort *)stateful;
    *out = (struct sl_state_metrics){.rows_total = sort->count,
                                     .memory_bytes = sort->rows.held_bytes +
                                                     2 * sort->cap * sizeof *sort->entries};
}

static void free_sort(struct sl_stateful *stateful) {
    struct sort *sort = (struct sort *)stateful;
    forget(sort);
    sl_row_blocks_release(&sort->rows);
    pthread_mutex_destroy(&sort->lock);
    free(sort);
}

static const struct sl_stateful_ops sort_ops = {.name = "",
                                                .attach = attach,
                                                .begin = begin_batch,
                                                .finish = finish,
                                                .clear = clear,
                                                .metrics = metrics,
                                                .free = free_sort};

enum sl_code sl_sort_new(const struct sl_stateful_env *env, const struct sl_sorting *what,
                         const struct sl_type *input, struct sl_stateful **out,
                         struct sl_err *err) {
    struct sort *sort = sl_xcalloc(1, sizeof *sort);
    (void)err;
    sort->base.ops = &sort_ops;
    sort->base.budget = env->budget;
    sort->base.finish_shards = 1;
    sort->what = what;
    sort->schema = input;
    sort->batch_rows = env->batch_rows;
    pthread_mutex_init(&sort->lock, NULL);
    sl_row_blocks_init(&sort->rows, input, BLOCK_SHIFT, env->budget, "ORDER BY");
    *out = &sort->base;
    return SL_OK;
}
