/* count(*), count(a, b, ..), count_if.  Source: Spark Count.scala, CountIf.scala. */
#include "kern/accumulator.h"
#include "kern/aggregates.h"

struct counter {
    struct sl_accumulator_base base;
    struct sl_group_array counts; /* int64 */
};

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = false;
    sl_buffers_new(query, call, 1)[0] = sl_buffer("count", &sl_type_long, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct counter *counter = (struct counter *)acc;
    return sl_group_array_grow(&counter->counts, &counter->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_array_zero(&((struct counter *)acc)->counts, groups, count);
}

/* Counts rows where the bitmap has a one. */
static void count_bits(int64_t *counts, const uint64_t *bits, uint32_t mask, const uint32_t *rows,
                       const uint32_t *groups, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) counts[groups[i]] += sl_bit_get(bits, rows[i] & mask);
}

static bool all_valid(const struct sl_vec *const *args, uint32_t arg_count, uint32_t row) {
    for (uint32_t a = 0; a < arg_count; a++)
        if (sl_vec_is_null(args[a], row)) return false;
    return true;
}

static enum sl_code update_count(struct sl_accumulator *acc, const struct sl_vec *const *args,
                                 const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                 const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    int64_t *counts = ((struct counter *)acc)->counts.data;
    const struct sl_vec *nullable[2] = {NULL, NULL};
    uint32_t arg_count = ((struct counter *)acc)->base.call->arg_count, many = 0;
    for (uint32_t a = 0; a < arg_count; a++)
        if (sl_vec_has_nulls(args[a])) nullable[many++ ? 1 : 0] = args[a];
    if (many == 0)
        for (uint32_t i = 0; i < count; i++) counts[groups[i]]++;
    else if (many == 1 && nullable[0]->valid)
        count_bits(counts, nullable[0]->valid, sl_row_mask(nullable[0]), rows, groups, count);
    else
        for (uint32_t i = 0; i < count; i++)
            counts[groups[i]] += all_valid(args, arg_count, rows[i]);
    return SL_OK;
}

static enum sl_code update_count_if(struct sl_accumulator *acc, const struct sl_vec *const *args,
                                    const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                    const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    int64_t *counts = ((struct counter *)acc)->counts.data;
    const struct sl_vec *arg = args[0];
    uint32_t mask = sl_row_mask(arg);
    if (arg->type->kind != SL_BOOL_KIND) return SL_OK; /* only nulls */
    if (!arg->valid)
        count_bits(counts, arg->bits, mask, rows, groups, count);
    else
        for (uint32_t i = 0; i < count; i++)
            counts[groups[i]] +=
                sl_bit_get(arg->bits, rows[i] & mask) & sl_bit_get(arg->valid, rows[i] & mask);
    return SL_OK;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    int64_t *counts = ((struct counter *)acc)->counts.data;
    uint32_t mask = sl_row_mask(buffers[0]);
    for (uint32_t i = 0; i < count; i++) counts[groups[i]] += buffers[0]->i64[rows[i] & mask];
    return SL_OK;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct counter *counter = (const struct counter *)acc;
    return sl_rows_append_i64(&buffers[0], counter->counts.data, NULL, groups, count, err);
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    return store(acc, groups, count, out, err);
}

static void release(struct sl_accumulator *acc) {
    struct counter *counter = (struct counter *)acc;
    sl_group_array_release(&counter->counts);
    sl_accumulator_drop(&counter->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct counter *counter =
        sl_accumulator_new(sizeof *counter, call->function->ops, call, budget);
    counter->counts.width = sizeof(int64_t);
    return (struct sl_accumulator *)counter;
}

const struct sl_aggregate_ops sl_aggregate_count = {describe, make,  grow,   reset,  update_count,
                                                    merge,    store, finish, release};
const struct sl_aggregate_ops sl_aggregate_count_if = {
    describe, make, grow, reset, update_count_if, merge, store, finish, release};
