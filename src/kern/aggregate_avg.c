/* avg, mean, try_avg: a sum and a count per group.  Numbers are added as doubles, one by one, so
 * that the same order of rows gives Spark's double; decimals and intervals exactly. Source: Spark
 * Average.scala, DecimalDivideWithOverflowCheck, DivideYMInterval. */
#include "kern/accumulator.h"
#include "kern/aggregates.h"
#include "kern/arith.h"
#include "kern/number.h"

struct mean { /* of numbers */
    double sum;
    int64_t count;
};
struct exact_mean { /* of decimals and intervals */
    sl_int128 sum;
    int64_t count;
    bool overflowed; /* a decimal's sum left 128 bits */
};

struct averager {
    struct sl_accumulator_base base;
    struct sl_group_array means;
    const struct sl_type *sum_type, *result;
    bool tries;
};

static bool is_exact(const struct sl_type *result) { return result->kind != SL_DOUBLE_KIND; }

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    struct sl_field *fields = sl_buffers_new(query, call, 2);
    const struct sl_type *type = call->args[0].type, *sum = call->result;
    if (type->kind == SL_DECIMAL_KIND) {
        int precision = type->precision + 10;
        sum = sl_type_decimal(query, precision > 38 ? 38 : precision, type->scale);
    }
    call->result_nullable = true;
    fields[0] = sl_buffer("sum", sum, true);
    fields[1] = sl_buffer("count", &sl_type_long, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct averager *averager = (struct averager *)acc;
    return sl_group_array_grow(&averager->means, &averager->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_array_zero(&((struct averager *)acc)->means, groups, count);
}

/* ---- numbers ---- */

enum input { INPUT_I8, INPUT_I16, INPUT_I32, INPUT_I64, INPUT_F32, INPUT_F64 };

static inline __attribute__((always_inline)) void
add_numbers(struct mean *restrict means, const struct sl_vec *arg, enum input input, bool nulls,
            const uint32_t *rows, const uint32_t *groups, uint32_t count) {
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask;
        struct mean *mean = &means[groups[i]];
        if (nulls && !sl_bit_get(arg->valid, row)) continue;
        mean->sum += input == INPUT_I8    ? arg->i8[row]
                     : input == INPUT_I16 ? arg->i16[row]
                     : input == INPUT_I32 ? arg->i32[row]
                     : input == INPUT_I64 ? (double)arg->i64[row]
                     : input == INPUT_F32 ? (double)arg->f32[row]
                                          : arg->f64[row];
        mean->count++;
    }
}

static void update_numbers(struct averager *averager, const struct sl_vec *arg,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count) {
    struct mean *means = averager->means.data;
#define ADD(input)                                                                                 \
    (arg->valid ? add_numbers(means, arg, input, true, rows, groups, count)                        \
                : add_numbers(means, arg, input, false, rows, groups, count))
    switch (arg->type->kind) {
    case SL_BYTE_KIND:
        return ADD(INPUT_I8);
    case SL_SHORT_KIND:
        return ADD(INPUT_I16);
    case SL_INT_KIND:
        return ADD(INPUT_I32);
    case SL_LONG_KIND:
        return ADD(INPUT_I64);
    case SL_FLOAT_KIND:
        return ADD(INPUT_F32);
    default:
        return ADD(INPUT_F64);
    }
#undef ADD
}

/* ---- decimals and intervals ---- */

static bool left_interval(const struct sl_type *type, sl_int128 sum) {
    if (type->kind == SL_DAY_INTERVAL_KIND) return sum != (int64_t)sum;
    return type->kind == SL_MONTH_INTERVAL_KIND && sum != (int32_t)sum;
}

static enum sl_code add_exact(const struct averager *averager, struct exact_mean *mean,
                              sl_int128 value, int64_t count, struct sl_err *err) {
    mean->overflowed |= __builtin_add_overflow(mean->sum, value, &mean->sum);
    mean->count += count;
    if (averager->tries)
        mean->overflowed |= left_interval(averager->sum_type, mean->sum);
    else if (left_interval(averager->sum_type, mean->sum))
        return sl_aggregate_interval_overflow(err);
    return SL_OK;
}

static sl_int128 exact_value(const struct sl_vec *vec, uint32_t pos) {
    if (vec->type->kind == SL_MONTH_INTERVAL_KIND) return vec->i32[pos];
    return sl_type_is_wide_decimal(vec->type) ? vec->i128[pos] : (sl_int128)vec->i64[pos];
}

static enum sl_code update_exact(struct averager *averager, const struct sl_vec *arg,
                                 const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                 struct sl_err *err) {
    struct exact_mean *means = averager->means.data;
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask;
        if (arg->valid && !sl_bit_get(arg->valid, row)) continue;
        SL_TRY(add_exact(averager, &means[groups[i]], exact_value(arg, row), 1, err));
    }
    return SL_OK;
}

/* ---- */

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct averager *averager = (struct averager *)acc;
    if (is_exact(averager->result))
        return update_exact(averager, args[0], rows, groups, count, err);
    update_numbers(averager, args[0], rows, groups, count);
    return SL_OK;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct averager *averager = (struct averager *)acc;
    const struct sl_vec *sums = buffers[0], *counts = buffers[1];
    bool exact = is_exact(averager->result);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = sl_vec_pos(sums, rows[i]);
        int64_t many = counts->i64[sl_vec_pos(counts, rows[i])];
        bool null = sl_vec_is_null(sums, rows[i]);
        if (!exact) {
            struct mean *mean = (struct mean *)averager->means.data + groups[i];
            if (!null) mean->sum += sums->f64[row];
            mean->count += many;
            continue;
        }
        struct exact_mean *mean = (struct exact_mean *)averager->means.data + groups[i];
        mean->overflowed |= null;
        SL_TRY(add_exact(averager, mean, null ? 0 : exact_value(sums, row), many, err));
    }
    return SL_OK;
}

static bool overflowed(const struct averager *averager, const struct exact_mean *mean) {
    return mean->overflowed || (averager->sum_type->kind == SL_DECIMAL_KIND &&
                                !sl_decimal_fits(mean->sum, averager->sum_type->precision));
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct averager *averager = (const struct averager *)acc;
    uint32_t first, first_count;
    SL_TRY(sl_rows_add(&buffers[0], count, &first, err));
    SL_TRY(sl_rows_add(&buffers[1], count, &first_count, err));
    bool exact = is_exact(averager->result);
    for (uint32_t i = 0; i < count; i++) {
        const struct mean *mean = (const struct mean *)averager->means.data + groups[i];
        const struct exact_mean *sum =
            exact ? (const struct exact_mean *)averager->means.data + groups[i] : NULL;
        buffers[1].i64[first_count + i] = exact ? sum->count : mean->count;
        if (!exact)
            buffers[0].f64[first + i] = mean->sum;
        else if (overflowed(averager, sum))
            SL_TRY(sl_rows_null(&buffers[0], first + i, err));
        else if (averager->sum_type->kind == SL_DECIMAL_KIND)
            sl_rows_put_i128(&buffers[0], first + i, sum->sum);
        else
            sl_rows_put_i64(&buffers[0], first + i, (int64_t)sum->sum);
    }
    return SL_OK;
}

/* ---- the quotient ---- */

/* Half away from zero. */
static int64_t divide_half_up(int64_t sum, int64_t count) {
    int64_t quotient = sum / count, rest = sum % count;
    uint64_t twice = 2 * (rest < 0 ? -(uint64_t)rest : (uint64_t)rest);
    if (twice >= (uint64_t)count) quotient += sum < 0 ? -1 : 1;
    return quotient;
}

static enum sl_code no_decimal(const struct averager *averager, const struct sl_session *session,
                               bool sum, struct sl_vec *out, uint32_t row, struct sl_err *err) {
    const struct sl_type *type = averager->result;
    if (averager->tries || !session->ansi) return sl_rows_null(out, row, err);
    if (sum) return sl_aggregate_decimal_overflow(err, "try_avg");
    sl_fail_at(err, (struct sl_span){0, 0}, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
               "The average cannot be represented as Decimal(%d, %d). If necessary set "
               "\"spark.sql.ansi.enabled\" to \"false\" to bypass this error, and return NULL "
               "instead.",
               type->precision, type->scale);
    if (err) err->code = SL_DATA;
    return SL_DATA;
}

static enum sl_code finish_exact(const struct averager *averager, const struct exact_mean *mean,
                                 const struct sl_session *session, struct sl_vec *out, uint32_t row,
                                 struct sl_err *err) {
    const struct sl_type *type = averager->result;
    if (mean->count <= 0) return sl_rows_null(out, row, err);
    if (type->kind != SL_DECIMAL_KIND) {
        if (mean->overflowed) return sl_rows_null(out, row, err);
        sl_rows_put_i64(out, row, divide_half_up((int64_t)mean->sum, mean->count));
        return SL_OK;
    }
    if (overflowed(averager, mean)) return no_decimal(averager, session, true, out, row, err);
    struct sl_decimal_shape shape = {averager->sum_type->scale, 0, type->precision, type->scale};
    sl_int128 quotient;
    if (sl_decimal_divide(&shape, mean->sum, mean->count, &quotient) != SL_DECIMAL_OK)
        return no_decimal(averager, session, false, out, row, err);
    sl_rows_put_i128(out, row, quotient);
    return SL_OK;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    const struct averager *averager = (const struct averager *)acc;
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++) {
        if (is_exact(averager->result)) {
            const struct exact_mean *means = averager->means.data;
            SL_TRY(finish_exact(averager, &means[groups[i]], session, out, first + i, err));
            continue;
        }
        const struct mean *mean = (const struct mean *)averager->means.data + groups[i];
        if (mean->count)
            out->f64[first + i] = mean->sum / (double)mean->count;
        else
            SL_TRY(sl_rows_null(out, first + i, err));
    }
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct averager *averager = (struct averager *)acc;
    sl_group_array_release(&averager->means);
    sl_accumulator_drop(&averager->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct averager *averager =
        sl_accumulator_new(sizeof *averager, call->function->ops, call, budget);
    averager->result = call->result;
    averager->sum_type = call->buffers[0].type;
    averager->tries = strncmp(call->function->name, "try_", 4) == 0;
    averager->means.width =
        is_exact(call->result) ? sizeof(struct exact_mean) : sizeof(struct mean);
    return (struct sl_accumulator *)averager;
}

const struct sl_aggregate_ops sl_aggregate_avg = {describe, make,  grow,   reset,  update,
                                                  merge,    store, finish, release};
