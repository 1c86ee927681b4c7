/* sum, try_sum.  Integers sum as LONG, floats as DOUBLE, decimals with ten more digits, intervals
 * as they are.  Source: Spark Sum.scala.
 *
 * The sum of a decimal that leaves its 38 digits is known only when the group ends, as in Spark,
 * which keeps it unbounded until then; 128 bits hold 1.7 times as much, and past that the overflow
 * is remembered. */
#include "kern/accumulator.h"
#include "kern/aggregates.h"
#include "kern/arith.h"
#include "kern/number.h"

enum { SEEN = 1, OVERFLOWED = 2 };

struct summer {
    struct sl_accumulator_base base;
    struct sl_group_array sums;  /* int64, double or int128 */
    struct sl_group_array flags; /* uint8: SEEN, OVERFLOWED */
    const struct sl_type *result;
    bool tries;
};

static bool is_try(const struct sl_aggregate_call *call) {
    return strncmp(call->function->name, "try_", 4) == 0;
}
static bool sums_floats(const struct sl_type *result) { return result->kind == SL_DOUBLE_KIND; }
static bool sums_decimals(const struct sl_type *result) { return result->kind == SL_DECIMAL_KIND; }

/* Whether the buffers say apart that there is no row (isEmpty) and that the sum overflowed (null).
 */
static bool tracks_empty(const struct sl_aggregate_call *call) {
    return sums_decimals(call->result) || (is_try(call) && !sums_floats(call->result));
}

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    bool tracks = tracks_empty(call);
    struct sl_field *fields = sl_buffers_new(query, call, tracks ? 2 : 1);
    call->result_nullable = true;
    fields[0] = sl_buffer("sum", call->result, true);
    if (tracks) fields[1] = sl_buffer("isEmpty", &sl_type_bool, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct summer *summer = (struct summer *)acc;
    SL_TRY(sl_group_array_grow(&summer->sums, &summer->base, count, err));
    return sl_group_array_grow(&summer->flags, &summer->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct summer *summer = (struct summer *)acc;
    sl_group_array_zero(&summer->sums, groups, count);
    sl_group_array_zero(&summer->flags, groups, count);
}

/* ---- integers and intervals ---- */

/* A sum that left its type: wraps, is remembered as null, or fails. */
static enum sl_code integer_overflow(struct summer *summer, uint32_t group,
                                     const struct sl_session *session, struct sl_err *err) {
    uint8_t *flags = summer->flags.data;
    flags[group] |= SEEN;
    if (summer->tries) {
        flags[group] |= OVERFLOWED;
        return SL_OK;
    }
    if (sl_type_is_interval(summer->result)) return sl_aggregate_interval_overflow(err);
    if (!session->ansi) return SL_OK;
    /* The message is Spark's, which names the addition's function. */
    sl_aggregate_overflow(err, "long overflow", "try_add");
    return sl_hint(err, "try_sum gives NULL for such a group"), SL_DATA;
}

static inline __attribute__((always_inline)) enum sl_code
sum_integers(struct summer *summer, const struct sl_vec *arg, uint32_t width, bool months,
             bool nulls, const uint32_t *rows, const uint32_t *groups, uint32_t count,
             const struct sl_session *session, struct sl_err *err) {
    int64_t *sums = summer->sums.data;
    uint8_t *flags = summer->flags.data;
    const void *data = arg->data;
    const uint64_t *valid = arg->valid;
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask, group = groups[i];
        if (nulls && !sl_bit_get(valid, row)) continue;
        int64_t value = sl_load_i64(data, width, row);
        bool over = __builtin_add_overflow(sums[group], value, &sums[group]);
        if (months) over |= sums[group] != (int32_t)sums[group];
        flags[group] |= SEEN;
        if (over) SL_TRY(integer_overflow(summer, group, session, err));
    }
    return SL_OK;
}

static enum sl_code update_integers(struct summer *summer, const struct sl_vec *arg,
                                    const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                    const struct sl_session *session, struct sl_err *err) {
#define SUM(width, months)                                                                         \
    (arg->valid                                                                                    \
         ? sum_integers(summer, arg, width, months, true, rows, groups, count, session, err)       \
         : sum_integers(summer, arg, width, months, false, rows, groups, count, session, err))
    switch (sl_type_width(arg->type)) {
    case 1:
        return SUM(1, false);
    case 2:
        return SUM(2, false);
    case 4:
        return arg->type->kind == SL_MONTH_INTERVAL_KIND ? SUM(4, true) : SUM(4, false);
    default:
        return SUM(8, false);
    }
#undef SUM
}

/* ---- floats ---- */

static inline __attribute__((always_inline)) void
sum_floats(struct summer *summer, const struct sl_vec *arg, uint32_t width, bool nulls,
           const uint32_t *rows, const uint32_t *groups, uint32_t count) {
    double *sums = summer->sums.data;
    uint8_t *flags = summer->flags.data;
    const void *data = arg->data;
    const uint64_t *valid = arg->valid;
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask, group = groups[i];
        if (nulls && !sl_bit_get(valid, row)) continue;
        sums[group] += sl_load_f64(data, width, row);
        flags[group] = SEEN;
    }
}

static void update_floats(struct summer *summer, const struct sl_vec *arg, const uint32_t *rows,
                          const uint32_t *groups, uint32_t count) {
    bool narrow = arg->type->kind == SL_FLOAT_KIND;
    if (narrow && arg->valid)
        sum_floats(summer, arg, 4, true, rows, groups, count);
    else if (narrow)
        sum_floats(summer, arg, 4, false, rows, groups, count);
    else if (arg->valid)
        sum_floats(summer, arg, 8, true, rows, groups, count);
    else
        sum_floats(summer, arg, 8, false, rows, groups, count);
}

/* ---- decimals ---- */

static inline __attribute__((always_inline)) void
sum_decimals(struct summer *summer, const struct sl_vec *arg, bool wide, bool nulls,
             const uint32_t *rows, const uint32_t *groups, uint32_t count) {
    sl_int128 *sums = summer->sums.data;
    uint8_t *flags = summer->flags.data;
    const void *data = arg->data;
    const uint64_t *valid = arg->valid;
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask, group = groups[i];
        if (nulls && !sl_bit_get(valid, row)) continue;
        sl_int128 value = sl_load_i128(data, wide, row);
        bool over = __builtin_add_overflow(sums[group], value, &sums[group]);
        flags[group] |= (uint8_t)(SEEN | (over ? OVERFLOWED : 0));
    }
}

static void update_decimals(struct summer *summer, const struct sl_vec *arg, const uint32_t *rows,
                            const uint32_t *groups, uint32_t count) {
    bool wide = sl_type_is_wide_decimal(arg->type);
    if (wide && arg->valid)
        sum_decimals(summer, arg, true, true, rows, groups, count);
    else if (wide)
        sum_decimals(summer, arg, true, false, rows, groups, count);
    else if (arg->valid)
        sum_decimals(summer, arg, false, true, rows, groups, count);
    else
        sum_decimals(summer, arg, false, false, rows, groups, count);
}

/* ---- */

static enum sl_code add(struct summer *summer, const struct sl_vec *arg, const uint32_t *rows,
                        const uint32_t *groups, uint32_t count, const struct sl_session *session,
                        struct sl_err *err) {
    if (sums_decimals(summer->result))
        update_decimals(summer, arg, rows, groups, count);
    else if (sums_floats(summer->result))
        update_floats(summer, arg, rows, groups, count);
    else
        return update_integers(summer, arg, rows, groups, count, session, err);
    return SL_OK;
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    return add((struct summer *)acc, args[0], rows, groups, count, session, err);
}

/* A sum that is null though there were rows is one that overflowed. */
static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    struct summer *summer = (struct summer *)acc;
    uint8_t *flags = summer->flags.data;
    if (summer->base.call->buffer_count == 1)
        return add(summer, buffers[0], rows, groups, count, session, err);
    const struct sl_vec *sum = buffers[0], *empty = buffers[1];
    for (uint32_t i = 0; i < count; i++) {
        if (sl_bit_get(empty->bits, sl_vec_pos(empty, rows[i]))) continue;
        flags[groups[i]] |= SEEN;
        if (sl_vec_is_null(sum, rows[i]))
            flags[groups[i]] |= OVERFLOWED;
        else
            SL_TRY(add(summer, sum, &rows[i], &groups[i], 1, session, err));
    }
    return SL_OK;
}

static bool overflowed(const struct summer *summer, uint32_t group) {
    const uint8_t *flags = summer->flags.data;
    if (flags[group] & OVERFLOWED) return true;
    return sums_decimals(summer->result) &&
           !sl_decimal_fits(((const sl_int128 *)summer->sums.data)[group],
                            summer->result->precision);
}

/* The sums; of groups without rows null, or with `zero` 0; of overflowed ones null. */
static enum sl_code put_sums(const struct summer *summer, const uint32_t *groups, uint32_t count,
                             bool zero, struct sl_vec *out, struct sl_err *err) {
    const uint8_t *flags = summer->flags.data;
    const void *sums = summer->sums.data;
    uint32_t first = out->rows;
    if (sums_decimals(summer->result))
        SL_TRY(sl_rows_append_i128(out, sums, NULL, groups, count, err));
    else if (sums_floats(summer->result))
        SL_TRY(sl_rows_append_f64(out, sums, NULL, groups, count, err));
    else
        SL_TRY(sl_rows_append_i64(out, sums, NULL, groups, count, err));
    for (uint32_t i = 0; i < count; i++) {
        bool none = !flags[groups[i]] && !zero;
        if (none || overflowed(summer, groups[i])) SL_TRY(sl_rows_null(out, first + i, err));
    }
    return SL_OK;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct summer *summer = (const struct summer *)acc;
    const uint8_t *flags = summer->flags.data;
    bool tracks = summer->base.call->buffer_count == 2;
    SL_TRY(put_sums(summer, groups, count, tracks, &buffers[0], err));
    if (!tracks) return SL_OK;
    uint32_t first;
    SL_TRY(sl_rows_add(&buffers[1], count, &first, err));
    for (uint32_t i = 0; i < count; i++) sl_bit_put(buffers[1].bits, first + i, !flags[groups[i]]);
    return SL_OK;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    const struct summer *summer = (const struct summer *)acc;
    bool fails = sums_decimals(summer->result) && session->ansi && !summer->tries;
    for (uint32_t i = 0; fails && i < count; i++)
        if (overflowed(summer, groups[i])) return sl_aggregate_decimal_overflow(err, "try_sum");
    return put_sums(summer, groups, count, false, out, err);
}

static void release(struct sl_accumulator *acc) {
    struct summer *summer = (struct summer *)acc;
    sl_group_array_release(&summer->sums);
    sl_group_array_release(&summer->flags);
    sl_accumulator_drop(&summer->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct summer *summer = sl_accumulator_new(sizeof *summer, call->function->ops, call, budget);
    summer->result = call->result;
    summer->tries = is_try(call);
    summer->sums.width = sums_decimals(call->result) ? sizeof(sl_int128) : sizeof(int64_t);
    summer->flags.width = 1;
    return (struct sl_accumulator *)summer;
}

const struct sl_aggregate_ops sl_aggregate_sum = {describe, make,  grow,   reset,  update,
                                                  merge,    store, finish, release};
