/* mode: the most frequent value, of several the least (Spark's choice among them is that of its
 * hash table, unless its second argument asks for the least).  Source: Spark Mode.scala. Buffers:
 * the values and how often each was seen, as arrays (Spark keeps a map as bytes). */
#include "kern/aggregates.h"
#include "kern/group_lists.h"
#include "kern/order.h"

struct mode {
    struct sl_accumulator_base base;
    struct sl_group_lists values;
};

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    struct sl_field *fields = sl_buffers_new(query, call, 2);
    call->result_nullable = true;
    fields[0] = sl_buffer("values", sl_type_array(query, call->args[0].type, false), false);
    fields[1] = sl_buffer("counts", sl_type_array(query, &sl_type_long, false), false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    return sl_group_lists_grow(&((struct mode *)acc)->values, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_lists_reset(&((struct mode *)acc)->values, groups, count);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return sl_group_lists_add(&((struct mode *)acc)->values, args[0], rows, groups, NULL, count,
                              err);
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return sl_group_lists_merge(&((struct mode *)acc)->values, buffers[0], buffers[1], rows, groups,
                                count, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct mode *mode = (const struct mode *)acc;
    SL_TRY(sl_group_lists_append(&mode->values, groups, count, &buffers[0], err));
    return sl_group_lists_append_counts(&mode->values, groups, count, &buffers[1], err);
}

static uint32_t most_frequent(const struct sl_group_lists *values, uint32_t group) {
    uint32_t best = 0;
    int64_t most = 0;
    for (uint32_t v = sl_group_list(values, group)->first; v; v = sl_group_list_next(values, v)) {
        int64_t seen = sl_group_list_seen(values, v);
        bool equal = best && seen == most;
        if (!best || seen > most ||
            (equal && sl_order_rows(&values->values, v - 1, &values->values, best - 1) < 0))
            best = v, most = seen;
    }
    return best;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct sl_group_lists *values = &((const struct mode *)acc)->values;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t best = most_frequent(values, groups[i]), row = best - 1;
        if (best)
            SL_TRY(sl_vec_append(out, &values->values, &row, 1, err));
        else
            SL_TRY(sl_vec_append_null(out, 1, err));
    }
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct mode *mode = (struct mode *)acc;
    sl_group_lists_release(&mode->values);
    sl_accumulator_drop(&mode->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct mode *mode = sl_accumulator_new(sizeof *mode, call->function->ops, call, budget);
    sl_group_lists_init(&mode->values, &mode->base, call->args[0].type, true);
    return (struct sl_accumulator *)mode;
}

const struct sl_aggregate_ops sl_aggregate_mode = {describe, make,  grow,   reset,  update,
                                                   merge,    store, finish, release};
