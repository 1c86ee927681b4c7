/* min_by, max_by: the value of the row whose other value is the least or greatest; of several such
 * rows the last one's, as Spark has it.  Source: Spark MaxByAndMinBy.scala. */
#include "kern/aggregates.h"
#include "kern/kept.h"

enum { SEEN = 1, VALUE = 2 }; /* an ordering was taken; its value is not null */

struct by {
    struct sl_accumulator_base base;
    struct sl_kept value, order;
    struct sl_group_array flags; /* uint8 */
    int sign;                    /* 1: max_by */
};

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    struct sl_field *fields = sl_buffers_new(query, call, 2);
    call->result_nullable = true;
    fields[0] = sl_buffer("valueWithExtremumOrdering", call->result, true);
    fields[1] = sl_buffer("extremumOrdering", call->args[1].type, true);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct by *by = (struct by *)acc;
    SL_TRY(sl_kept_grow(&by->value, count, err));
    SL_TRY(sl_kept_grow(&by->order, count, err));
    return sl_group_array_grow(&by->flags, &by->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct by *by = (struct by *)acc;
    sl_kept_reset(&by->value, groups, count);
    sl_kept_reset(&by->order, groups, count);
    sl_group_array_zero(&by->flags, groups, count);
}

static enum sl_code take(struct by *by, const struct sl_vec *const *args, uint32_t row,
                         uint32_t group, struct sl_err *err) {
    bool null = sl_vec_is_null(args[0], row);
    ((uint8_t *)by->flags.data)[group] = null ? SEEN : SEEN | VALUE;
    SL_TRY(sl_kept_set(&by->order, group, args[1], row, err));
    return null ? SL_OK : sl_kept_set(&by->value, group, args[0], row, err);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct by *by = (struct by *)acc;
    const uint8_t *flags = by->flags.data;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i], group = groups[i];
        if (sl_vec_is_null(args[1], row)) continue;
        if (flags[group] && by->sign * sl_kept_order(&by->order, args[1], row, group) < 0) continue;
        SL_TRY(take(by, args, row, group, err));
    }
    return SL_OK;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct by *by = (const struct by *)acc;
    return sl_kept_append(&by->value, by->flags.data, VALUE, groups, count, out, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct by *by = (const struct by *)acc;
    SL_TRY(finish(acc, groups, count, NULL, &buffers[0], err));
    return sl_kept_append(&by->order, by->flags.data, SEEN, groups, count, &buffers[1], err);
}

static void release(struct sl_accumulator *acc) {
    struct by *by = (struct by *)acc;
    sl_kept_release(&by->value);
    sl_kept_release(&by->order);
    sl_group_array_release(&by->flags);
    sl_accumulator_drop(&by->base);
}

static struct sl_accumulator *make_signed(const struct sl_aggregate_call *call,
                                          struct sl_budget *budget, int sign) {
    struct by *by = sl_accumulator_new(sizeof *by, call->function->ops, call, budget);
    sl_kept_init(&by->value, &by->base, call->result);
    sl_kept_init(&by->order, &by->base, call->args[1].type);
    by->flags.width = 1;
    by->sign = sign;
    return (struct sl_accumulator *)by;
}
static struct sl_accumulator *make_min(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_signed(call, budget, -1);
}
static struct sl_accumulator *make_max(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_signed(call, budget, 1);
}

const struct sl_aggregate_ops sl_aggregate_min_by = {describe, make_min, grow,   reset,  update,
                                                     update,   store,    finish, release};
const struct sl_aggregate_ops sl_aggregate_max_by = {describe, make_max, grow,   reset,  update,
                                                     update,   store,    finish, release};
