/* first, last, any_value.  A null is a value unless the call ignores nulls.
 * Source: Spark First.scala, Last.scala, AnyValue.scala. */
#include "kern/aggregates.h"
#include "kern/kept.h"

enum { SET = 1, VALUE = 2 }; /* a row was taken; it was not null */

struct first {
    struct sl_accumulator_base base;
    struct sl_kept kept;
    struct sl_group_array flags;  /* uint8 */
    struct sl_group_array stamps; /* last: uint32, the update that last set the group */
    uint32_t stamp;
    bool ignore_nulls;
};

static void describe_as(struct sl_arena *query, struct sl_aggregate_call *call, const char *name) {
    struct sl_field *fields = sl_buffers_new(query, call, 2);
    call->result_nullable = true;
    fields[0] = sl_buffer(name, call->result, true);
    fields[1] = sl_buffer("valueSet", &sl_type_bool, false);
}
static void describe_first(struct sl_arena *query, struct sl_aggregate_call *call) {
    describe_as(query, call, "first");
}
static void describe_last(struct sl_arena *query, struct sl_aggregate_call *call) {
    describe_as(query, call, "last");
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct first *first = (struct first *)acc;
    SL_TRY(sl_kept_grow(&first->kept, count, err));
    SL_TRY(sl_group_array_grow(&first->stamps, &first->base, first->stamps.width ? count : 0, err));
    return sl_group_array_grow(&first->flags, &first->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct first *first = (struct first *)acc;
    sl_kept_reset(&first->kept, groups, count);
    sl_group_array_zero(&first->flags, groups, count);
    if (first->stamps.width) sl_group_array_zero(&first->stamps, groups, count);
}

static enum sl_code take(struct first *first, uint32_t group, const struct sl_vec *vec,
                         uint32_t row, struct sl_err *err) {
    bool null = sl_vec_is_null(vec, row);
    ((uint8_t *)first->flags.data)[group] = null ? SET : SET | VALUE;
    if (null) return SL_OK;
    return sl_kept_set(&first->kept, group, vec, row, err);
}

/* set: NULL, or rows where it is false are none (merging). */
static enum sl_code take_first(struct first *first, const struct sl_vec *vec,
                               const struct sl_vec *set, const uint32_t *rows,
                               const uint32_t *groups, uint32_t count, struct sl_err *err) {
    const uint8_t *flags = first->flags.data;
    bool skip_nulls = first->ignore_nulls && !set;
    for (uint32_t i = 0; i < count; i++) {
        if (flags[groups[i]]) continue;
        if (set && !sl_bit_get(set->bits, sl_vec_pos(set, rows[i]))) continue;
        if (skip_nulls && sl_vec_is_null(vec, rows[i])) continue;
        SL_TRY(take(first, groups[i], vec, rows[i], err));
    }
    return SL_OK;
}

/* From the end, so that each group copies one value only. */
static enum sl_code take_last(struct first *first, const struct sl_vec *vec,
                              const struct sl_vec *set, const uint32_t *rows,
                              const uint32_t *groups, uint32_t count, struct sl_err *err) {
    uint32_t *stamps = first->stamps.data;
    bool skip_nulls = first->ignore_nulls && !set;
    if (++first->stamp == 0) {
        memset(stamps, 0, first->stamps.cap * sizeof *stamps);
        first->stamp = 1;
    }
    for (uint32_t i = count; i-- > 0;) {
        if (stamps[groups[i]] == first->stamp) continue;
        if (set && !sl_bit_get(set->bits, sl_vec_pos(set, rows[i]))) continue;
        if (skip_nulls && sl_vec_is_null(vec, rows[i])) continue;
        stamps[groups[i]] = first->stamp;
        SL_TRY(take(first, groups[i], vec, rows[i], err));
    }
    return SL_OK;
}

static enum sl_code update_first(struct sl_accumulator *acc, const struct sl_vec *const *args,
                                 const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                 const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return take_first((struct first *)acc, args[0], NULL, rows, groups, count, err);
}
static enum sl_code update_last(struct sl_accumulator *acc, const struct sl_vec *const *args,
                                const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return take_last((struct first *)acc, args[0], NULL, rows, groups, count, err);
}
static enum sl_code merge_first(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                                const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return take_first((struct first *)acc, buffers[0], buffers[1], rows, groups, count, err);
}
static enum sl_code merge_last(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                               const uint32_t *rows, const uint32_t *groups, uint32_t count,
                               const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return take_last((struct first *)acc, buffers[0], buffers[1], rows, groups, count, err);
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct first *first = (const struct first *)acc;
    return sl_kept_append(&first->kept, first->flags.data, VALUE, groups, count, out, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const uint8_t *flags = ((const struct first *)acc)->flags.data;
    uint32_t at;
    SL_TRY(finish(acc, groups, count, NULL, &buffers[0], err));
    SL_TRY(sl_rows_add(&buffers[1], count, &at, err));
    for (uint32_t i = 0; i < count; i++)
        sl_bit_put(buffers[1].bits, at + i, flags[groups[i]] & SET);
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct first *first = (struct first *)acc;
    sl_kept_release(&first->kept);
    sl_group_array_release(&first->flags);
    sl_group_array_release(&first->stamps);
    sl_accumulator_drop(&first->base);
}

static struct sl_accumulator *make_first(const struct sl_aggregate_call *call,
                                         struct sl_budget *budget) {
    struct first *first = sl_accumulator_new(sizeof *first, call->function->ops, call, budget);
    sl_kept_init(&first->kept, &first->base, call->result);
    first->flags.width = 1;
    first->ignore_nulls = call->ignore_nulls;
    return (struct sl_accumulator *)first;
}
static struct sl_accumulator *make_last(const struct sl_aggregate_call *call,
                                        struct sl_budget *budget) {
    struct first *last = (struct first *)make_first(call, budget);
    last->stamps.width = sizeof(uint32_t);
    return (struct sl_accumulator *)last;
}

const struct sl_aggregate_ops sl_aggregate_first = {
    describe_first, make_first, grow, reset, update_first, merge_first, store, finish, release};
const struct sl_aggregate_ops sl_aggregate_last = {
    describe_last, make_last, grow, reset, update_last, merge_last, store, finish, release};
