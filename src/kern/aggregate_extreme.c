/* min, max, and what Spark makes of them: bool_and (every) is min, bool_or (any, some) is max.
 * Of equal values the first stays, which tells -0.0 from 0.0.
 * Source: Spark Min.scala, Max.scala, UnevaluableAggs.scala; order: kern/order.h. */
#include "kern/aggregates.h"
#include "kern/kept.h"

struct extreme {
    struct sl_accumulator_base base;
    struct sl_kept best;
    struct sl_group_array seen; /* uint8 */
    int sign;                   /* 1: max */
};

static void describe_min(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = true;
    sl_buffers_new(query, call, 1)[0] = sl_buffer("min", call->result, true);
}
static void describe_max(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = true;
    sl_buffers_new(query, call, 1)[0] = sl_buffer("max", call->result, true);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct extreme *extreme = (struct extreme *)acc;
    SL_TRY(sl_kept_grow(&extreme->best, count, err));
    return sl_group_array_grow(&extreme->seen, &extreme->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct extreme *extreme = (struct extreme *)acc;
    sl_kept_reset(&extreme->best, groups, count);
    sl_group_array_zero(&extreme->seen, groups, count);
}

struct batch {
    const struct sl_vec *arg;
    const uint32_t *rows, *groups;
    uint32_t count;
};

#define INLINE static inline __attribute__((always_inline))

INLINE void best_i64(struct extreme *extreme, const struct batch *batch, uint32_t width, bool max,
                     bool nulls) {
    int64_t *best = extreme->best.items.data;
    uint8_t *seen = extreme->seen.data;
    const struct batch b = *batch;
    const void *data = b.arg->data;
    const uint64_t *valid = b.arg->valid;
    uint32_t mask = sl_row_mask(b.arg);
    for (uint32_t i = 0; i < b.count; i++) {
        uint32_t row = b.rows[i] & mask, group = b.groups[i];
        if (nulls && !sl_bit_get(valid, row)) continue;
        int64_t value = sl_load_i64(data, width, row), old = best[group];
        bool better = max ? value > old : value < old;
        best[group] = better || !seen[group] ? value : old;
        seen[group] = 1;
    }
}

INLINE void best_f64(struct extreme *extreme, const struct batch *batch, uint32_t width, bool max,
                     bool nulls) {
    double *best = extreme->best.items.data;
    uint8_t *seen = extreme->seen.data;
    const struct batch b = *batch;
    const void *data = b.arg->data;
    const uint64_t *valid = b.arg->valid;
    uint32_t mask = sl_row_mask(b.arg);
    for (uint32_t i = 0; i < b.count; i++) {
        uint32_t row = b.rows[i] & mask, group = b.groups[i];
        if (nulls && !sl_bit_get(valid, row)) continue;
        double value = sl_load_f64(data, width, row), old = best[group];
        bool better = max ? value > old || (value != value && old == old)
                          : value < old || (value == value && old != old);
        best[group] = better || !seen[group] ? value : old;
        seen[group] = 1;
    }
}

static enum sl_code best_any(struct extreme *extreme, const struct batch *batch,
                             struct sl_err *err) {
    uint8_t *seen = extreme->seen.data;
    for (uint32_t i = 0; i < batch->count; i++) {
        uint32_t row = batch->rows[i], group = batch->groups[i];
        if (sl_vec_is_null(batch->arg, row)) continue;
        if (seen[group] &&
            extreme->sign * sl_kept_order(&extreme->best, batch->arg, row, group) <= 0)
            continue;
        SL_TRY(sl_kept_set(&extreme->best, group, batch->arg, row, err));
        seen[group] = 1;
    }
    return SL_OK;
}

#define BEST(fn, width)                                                                            \
    (max                 ? batch->arg->valid ? fn(extreme, batch, width, true, true)               \
                                             : fn(extreme, batch, width, true, false)              \
                     : batch->arg->valid ? fn(extreme, batch, width, false, true)                  \
                         : fn(extreme, batch, width, false, false))

static void best_integers(struct extreme *extreme, const struct batch *batch, bool max) {
    switch (sl_type_width(batch->arg->type)) {
    case 0:
        return BEST(best_i64, 0);
    case 1:
        return BEST(best_i64, 1);
    case 2:
        return BEST(best_i64, 2);
    case 4:
        return BEST(best_i64, 4);
    default:
        return BEST(best_i64, 8);
    }
}

static void best_floats(struct extreme *extreme, const struct batch *batch, bool max) {
    if (batch->arg->type->kind == SL_FLOAT_KIND)
        BEST(best_f64, 4);
    else
        BEST(best_f64, 8);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct extreme *extreme = (struct extreme *)acc;
    struct batch batch = {args[0], rows, groups, count};
    switch (extreme->best.shape) {
    case SL_KEPT_I64:
        best_integers(extreme, &batch, extreme->sign > 0);
        return SL_OK;
    case SL_KEPT_F64:
        best_floats(extreme, &batch, extreme->sign > 0);
        return SL_OK;
    case SL_KEPT_NOTHING:
        return SL_OK;
    default:
        return best_any(extreme, &batch, err);
    }
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct extreme *extreme = (const struct extreme *)acc;
    return sl_kept_append(&extreme->best, extreme->seen.data, 1, groups, count, out, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    return finish(acc, groups, count, NULL, &buffers[0], err);
}

static void release(struct sl_accumulator *acc) {
    struct extreme *extreme = (struct extreme *)acc;
    sl_kept_release(&extreme->best);
    sl_group_array_release(&extreme->seen);
    sl_accumulator_drop(&extreme->base);
}

static struct sl_accumulator *make_signed(const struct sl_aggregate_call *call,
                                          struct sl_budget *budget, int sign) {
    struct extreme *extreme =
        sl_accumulator_new(sizeof *extreme, call->function->ops, call, budget);
    sl_kept_init(&extreme->best, &extreme->base, call->result);
    extreme->seen.width = 1;
    extreme->sign = sign;
    return (struct sl_accumulator *)extreme;
}
static struct sl_accumulator *make_min(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_signed(call, budget, -1);
}
static struct sl_accumulator *make_max(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_signed(call, budget, 1);
}

const struct sl_aggregate_ops sl_aggregate_min = {describe_min, make_min, grow,   reset,  update,
                                                  update,       store,    finish, release};
const struct sl_aggregate_ops sl_aggregate_max = {describe_max, make_max, grow,   reset,  update,
                                                  update,       store,    finish, release};
