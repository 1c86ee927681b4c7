/* bit_and, bit_or, bit_xor over integers.  Source: Spark bitwiseAggregates.scala. */
#include "kern/accumulator.h"
#include "kern/aggregates.h"

enum operation { BITS_AND, BITS_OR, BITS_XOR };

struct bits {
    struct sl_accumulator_base base;
    struct sl_group_array values; /* int64 */
    struct sl_group_array seen;   /* uint8 */
    enum operation operation;
};

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = true;
    sl_buffers_new(query, call, 1)[0] = sl_buffer(call->function->name, call->result, true);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct bits *bits = (struct bits *)acc;
    SL_TRY(sl_group_array_grow(&bits->values, &bits->base, count, err));
    return sl_group_array_grow(&bits->seen, &bits->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct bits *bits = (struct bits *)acc;
    sl_group_array_zero(&bits->values, groups, count);
    sl_group_array_zero(&bits->seen, groups, count);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct bits *bits = (struct bits *)acc;
    const struct sl_vec *arg = args[0];
    int64_t *values = bits->values.data;
    uint8_t *seen = bits->seen.data;
    uint32_t mask = sl_row_mask(arg), width = sl_type_width(arg->type);
    if (arg->type->kind == SL_NULL_KIND) return SL_OK;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask, group = groups[i];
        if (arg->valid && !sl_bit_get(arg->valid, row)) continue;
        int64_t value = sl_load_i64(arg->data, width, row), old = values[group];
        values[group] = !seen[group]                  ? value
                        : bits->operation == BITS_AND ? old & value
                        : bits->operation == BITS_OR  ? old | value
                                                      : old ^ value;
        seen[group] = 1;
    }
    return SL_OK;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct bits *bits = (const struct bits *)acc;
    return sl_rows_append_i64(out, bits->values.data, bits->seen.data, groups, count, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    return finish(acc, groups, count, NULL, &buffers[0], err);
}

static void release(struct sl_accumulator *acc) {
    struct bits *bits = (struct bits *)acc;
    sl_group_array_release(&bits->values);
    sl_group_array_release(&bits->seen);
    sl_accumulator_drop(&bits->base);
}

static struct sl_accumulator *make_of(const struct sl_aggregate_call *call,
                                      struct sl_budget *budget, enum operation operation) {
    struct bits *bits = sl_accumulator_new(sizeof *bits, call->function->ops, call, budget);
    bits->values.width = sizeof(int64_t);
    bits->seen.width = 1;
    bits->operation = operation;
    return (struct sl_accumulator *)bits;
}
static struct sl_accumulator *make_and(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_of(call, budget, BITS_AND);
}
static struct sl_accumulator *make_or(const struct sl_aggregate_call *call,
                                      struct sl_budget *budget) {
    return make_of(call, budget, BITS_OR);
}
static struct sl_accumulator *make_xor(const struct sl_aggregate_call *call,
                                       struct sl_budget *budget) {
    return make_of(call, budget, BITS_XOR);
}

const struct sl_aggregate_ops sl_aggregate_bit_and = {describe, make_and, grow,   reset,  update,
                                                      update,   store,    finish, release};
const struct sl_aggregate_ops sl_aggregate_bit_or = {describe, make_or, grow,   reset,  update,
                                                     update,   store,   finish, release};
const struct sl_aggregate_ops sl_aggregate_bit_xor = {describe, make_xor, grow,   reset,  update,
                                                      update,   store,    finish, release};
