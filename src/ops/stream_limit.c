/* LIMIT of a stream: the first rows of all batches together pass, so how many have passed is
 * remembered.  The readers go on: what stands below still wants its rows.
 *
 * Source: Spark's StreamingGlobalLimitExec in streamingLimits.scala; the schema of the state is
 * its. */
#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "ops/stateful.h"

struct stream_limit {
    struct sl_stateful base;
    int64_t limit;
    pthread_mutex_t lock;
    int64_t passed, before; /* in all batches; in those before this one */
    int64_t update_ns;
};

struct limit_op {
    struct sl_op base;
    struct stream_limit *limit;
    uint64_t *selected;
    uint32_t cap; /* rows of selected */
    bool profiled;
    int64_t ns, row_count;
};

/* ---- rows ---- */

/* Of the rows of the selection the first `count`. */
static void cut(struct limit_op *op, struct sl_batch *in, uint32_t count) {
    uint32_t left = count;
    if (in->rows > op->cap) {
        op->cap = in->rows;
        op->selected = sl_xrealloc(op->selected, SL_BIT_WORDS(op->cap) * sizeof *op->selected);
    }
    sl_bits_fill(op->selected, in->rows, false);
    for (uint32_t row = 0; left > 0; row++) {
        if (in->selected && !sl_bit_get(in->selected, row)) continue;
        sl_bit_set(op->selected, row);
        left--;
    }
    in->selected = op->selected;
    in->selected_rows = count;
}

static enum sl_code process(struct sl_op *base, const struct sl_session *session,
                            struct sl_batch *in, struct sl_batch **out, struct sl_err *err) {
    struct limit_op *op = (struct limit_op *)base;
    struct stream_limit *limit = op->limit;
    (void)session, (void)err;
    int64_t begin = sl_clock_thread_cpu_ns();
    uint32_t have = in->selected ? in->selected_rows : in->rows;
    pthread_mutex_lock(&limit->lock);
    int64_t left = limit->limit - limit->passed;
    uint32_t count = have;
    if (left < have) count = left > 0 ? (uint32_t)left : 0;
    limit->passed += count;
    pthread_mutex_unlock(&limit->lock);
    if (count < have) cut(op, in, count);
    *out = in;
    int64_t ns = sl_clock_thread_cpu_ns() - begin;
    op->ns += ns;
    op->row_count += have;
    pthread_mutex_lock(&limit->lock);
    limit->update_ns += ns;
    pthread_mutex_unlock(&limit->lock);
    return SL_OK;
}

static void profile(const struct sl_op *base, sl_profile_fn fn, void *ctx) {
    const struct limit_op *op = (const struct limit_op *)base;
    if (op->profiled && op->row_count) fn(ctx, "limit", op->ns, op->row_count);
}

static void free_op(struct sl_op *base) {
    free(((struct limit_op *)base)->selected);
    free(base);
}

static const struct sl_op_ops limit_op_ops = {"limit", process, profile, free_op, NULL};

static enum sl_code attach(struct sl_stateful *stateful, uint32_t input, bool profiled,
                           struct sl_op **out, struct sl_err *err) {
    struct limit_op *op = sl_xcalloc(1, sizeof *op);
    (void)input, (void)err;
    op->base.ops = &limit_op_ops;
    op->limit = (struct stream_limit *)stateful;
    op->profiled = profiled;
    *out = &op->base;
    return SL_OK;
}

/* ---- a batch ---- */

static void begin_batch(struct sl_stateful *stateful, const struct sl_batch_marks *marks) {
    struct stream_limit *limit = (struct stream_limit *)stateful;
    (void)marks;
    limit->before = limit->passed;
    limit->update_ns = 0;
}

static enum sl_code finish(struct sl_stateful *stateful, uint32_t shard, sl_emit_fn emit, void *ctx,
                           struct sl_err *err) {
    (void)stateful, (void)shard, (void)emit, (void)ctx, (void)err;
    return SL_OK;
}

/* ---- saving and loading: one row, in the first shard ---- */

static enum sl_code fill_row(struct sl_batch *keys, struct sl_batch *values, int64_t passed,
                             struct sl_err *err) {
    SL_TRY(sl_vec_append_null(&keys->columns[0], 1, err));
    SL_TRY(sl_vec_reserve(&values->columns[0], 1, err));
    values->columns[0].i64[0] = passed;
    values->columns[0].rows = 1;
    keys->rows = keys->selected_rows = values->rows = values->selected_rows = 1;
    return SL_OK;
}

static enum sl_code save(struct sl_stateful *stateful, uint32_t shard, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err) {
    struct stream_limit *limit = (struct stream_limit *)stateful;
    if (shard || limit->passed == (whole ? 0 : limit->before)) return SL_OK;
    struct sl_arena arena;
    struct sl_batch keys, values;
    sl_arena_init(&arena, "save");
    sl_batch_init(&keys, stateful->stores[0].key, &arena);
    sl_batch_init(&values, stateful->stores[0].value, &arena);
    enum sl_code code = fill_row(&keys, &values, limit->passed, err);
    if (code == SL_OK) code = put(ctx, 0, &keys, &values, err);
    sl_batch_release(&keys);
    sl_batch_release(&values);
    sl_arena_release(&arena);
    return code;
}

static enum sl_code load(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct stream_limit *limit = (struct stream_limit *)stateful;
    (void)store, (void)err;
    if (!keys->rows || !values) return SL_OK;
    const struct sl_vec *passed = &values->columns[0];
    pthread_mutex_lock(&limit->lock);
    limit->passed = limit->before = passed->i64[sl_vec_pos(passed, keys->rows - 1)];
    pthread_mutex_unlock(&limit->lock);
    return SL_OK;
}

static void clear(struct sl_stateful *stateful) {
    struct stream_limit *limit = (struct stream_limit *)stateful;
    limit->passed = limit->before = 0;
}

static void metrics(const struct sl_stateful *stateful, struct sl_state_metrics *out) {
    const struct stream_limit *limit = (const struct stream_limit *)stateful;
    *out = (struct sl_state_metrics){.rows_total = limit->passed > 0,
                                     .rows_updated = limit->passed > limit->before,
                                     .memory_bytes = sizeof *limit,
                                     .update_ns = limit->update_ns};
}

/* ---- life ---- */

static void free_limit(struct sl_stateful *stateful) {
    pthread_mutex_destroy(&((struct stream_limit *)stateful)->lock);
    free(stateful);
}

static const struct sl_stateful_ops limit_ops = {
    "globalLimit", attach, begin_batch, finish, save, load, clear, metrics, free_limit};

static const struct sl_type *struct_of(struct sl_arena *arena, struct sl_str name,
                                       const struct sl_type *type) {
    struct sl_field *field = SL_NEW(arena, struct sl_field);
    *field = (struct sl_field){.name = name, .type = type, .nullable = true};
    return sl_type_struct(arena, field, 1);
}

struct sl_stateful *sl_stream_limit_new(const struct sl_stateful_env *env, int64_t count) {
    struct stream_limit *limit = sl_xcalloc(1, sizeof *limit);
    struct sl_state_schema *store = SL_NEW(env->query, struct sl_state_schema);
    *store = (struct sl_state_schema){SL_STR("default"),
                                      struct_of(env->query, SL_STR("key"), &sl_type_null),
                                      struct_of(env->query, SL_STR("value"), &sl_type_long)};
    limit->base = (struct sl_stateful){.ops = &limit_ops,
                                       .stores = store,
                                       .store_count = 1,
                                       .budget = env->budget,
                                       .finish_shards = 1};
    limit->limit = count;
    pthread_mutex_init(&limit->lock, NULL);
    return &limit->base;
}
