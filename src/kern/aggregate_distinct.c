/* approx_count_distinct: HyperLogLog++ (Heule, Nunkesser, Hall, "HyperLogLog in Practice", 2013) as
 * Spark's HyperLogLogPlusPlusHelper lays it out: XXH64 with seed 42, registers of 6 bits, ten to a
 * 64-bit word, and these words as buffers MS[0], MS[1] ..
 *
 * Estimates by linear counting (up to 2.5 m, of m registers) and those of 5 m and more are Spark's
 * to the digit.  Between, the raw estimate is biased; the paper takes the bias off by a table of
 * measurements, this file by the expectation of the raw estimate, computed: see expected_estimate.
 */
#include <math.h>
#include <stdlib.h>

#include "kern/accumulator.h"
#include "kern/aggregates.h"
#include "kern/hash_spark.h"
#include "kern/number.h"

enum { REGISTER_BITS = 6, REGISTERS_PER_WORD = 10, REGISTER_MASK = 63, PRECISION_MAX = 18 };

struct sketches {
    struct sl_accumulator_base base;
    struct sl_group_array words; /* uint64[word_count] */
    uint32_t precision, word_count;
    uint64_t *hashes; /* of one call's rows */
    uint32_t hashes_cap;
};

/* ---- the relative error asked for ---- */

static uint32_t words_for(uint32_t precision) {
    return (UINT32_C(1) << precision) / REGISTERS_PER_WORD + 1;
}

static bool constant_error(const struct sl_vec *value, double *out) {
    if (!value || sl_vec_is_null(value, 0)) return false;
    if (value->type->kind == SL_DOUBLE_KIND)
        *out = value->f64[0];
    else if (value->type->kind == SL_DECIMAL_KIND)
        *out = sl_decimal_to_f64(sl_load_i128(value->data, sl_type_is_wide_decimal(value->type), 0),
                                 value->type->scale);
    else
        return false;
    return true;
}

enum sl_code sl_aggregate_bind_distinct(struct sl_arena *query, const struct sl_session *session,
                                        const struct sl_bind_arg *args, uint32_t arg_count,
                                        const struct sl_type *result, const void **state,
                                        struct sl_err *err) {
    (void)session, (void)result;
    double error = 0.05;
    if (arg_count == 2 && !constant_error(args[1].constant, &error))
        return sl_fail_at(err, (struct sl_span){0, 0}, "DATATYPE_MISMATCH.NON_FOLDABLE_INPUT",
                          "42K09", "The second argument should be a double literal.");
    double precision = ceil(2.0 * log(1.106 / error) / log(2));
    if (!(precision >= 4 && precision <= PRECISION_MAX)) {
        sl_fail_at(err, (struct sl_span){0, 0}, "FAILED_FUNCTION_CALL", "38000",
                   "Failed preparing of the function `approx_count_distinct` for call: it needs 4 "
                   "to %d bits for addressing, the relative error %g asks for %g",
                   PRECISION_MAX, error, precision);
        return sl_hint(err, "give a relative error between 0.0022 and 0.39"), SL_USER;
    }
    uint32_t *bits = SL_NEW(query, uint32_t);
    *bits = (uint32_t)precision;
    *state = bits;
    return SL_OK;
}

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    uint32_t count = words_for(*(const uint32_t *)call->state);
    struct sl_field *fields = sl_buffers_new(query, call, count);
    call->result_nullable = false;
    for (uint32_t i = 0; i < count; i++) {
        fields[i] = sl_buffer("", &sl_type_long, false);
        fields[i].name = sl_arena_printf(query, "MS[%u]", i);
    }
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct sketches *sketches = (struct sketches *)acc;
    return sl_group_array_grow(&sketches->words, &sketches->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_array_zero(&((struct sketches *)acc)->words, groups, count);
}

/* ---- rows ---- */

static void raise_register(uint64_t *words, uint32_t at, uint64_t value) {
    uint64_t *word = &words[at / REGISTERS_PER_WORD];
    uint32_t shift = REGISTER_BITS * (at % REGISTERS_PER_WORD);
    if (value <= (*word >> shift & REGISTER_MASK)) return;
    *word = (*word & ~((uint64_t)REGISTER_MASK << shift)) | value << shift;
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct sketches *sketches = (struct sketches *)acc;
    uint32_t p = sketches->precision;
    if (count > sketches->hashes_cap) {
        sketches->hashes = sl_xrealloc(sketches->hashes, count * sizeof(uint64_t));
        sketches->hashes_cap = count;
    }
    sl_hash_xx64(args[0], rows, count, sketches->hashes);
    for (uint32_t i = 0; i < count; i++) {
        if (sl_vec_is_null(args[0], rows[i])) continue;
        uint64_t hash = sketches->hashes[i], padded = hash << p | UINT64_C(1) << (p - 1);
        uint64_t *words =
            (uint64_t *)sketches->words.data + (size_t)groups[i] * sketches->word_count;
        raise_register(words, (uint32_t)(hash >> (64 - p)), (uint64_t)__builtin_clzll(padded) + 1);
    }
    return SL_OK;
}

static void merge_word(uint64_t *word, uint64_t other) {
    uint64_t merged = 0;
    for (uint32_t shift = 0; shift < REGISTER_BITS * REGISTERS_PER_WORD; shift += REGISTER_BITS) {
        uint64_t a = *word >> shift & REGISTER_MASK, b = other >> shift & REGISTER_MASK;
        merged |= (a > b ? a : b) << shift;
    }
    *word = merged;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct sketches *sketches = (struct sketches *)acc;
    uint64_t *words = sketches->words.data;
    for (uint32_t w = 0; w < sketches->word_count; w++) {
        uint32_t mask = sl_row_mask(buffers[w]);
        for (uint32_t i = 0; i < count; i++)
            merge_word(&words[(size_t)groups[i] * sketches->word_count + w],
                       (uint64_t)buffers[w]->i64[rows[i] & mask]);
    }
    return SL_OK;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct sketches *sketches = (const struct sketches *)acc;
    const uint64_t *words = sketches->words.data;
    for (uint32_t w = 0; w < sketches->word_count; w++) {
        uint32_t first;
        SL_TRY(sl_rows_add(&buffers[w], count, &first, err));
        for (uint32_t i = 0; i < count; i++)
            buffers[w].i64[first + i] =
                (int64_t)words[(size_t)groups[i] * sketches->word_count + w];
    }
    return SL_OK;
}

/* ---- the estimate ---- */

static double alpha_m2(uint32_t precision) {
    double m = (double)(UINT32_C(1) << precision);
    double alpha = precision == 4   ? 0.673
                   : precision == 5 ? 0.697
                   : precision == 6 ? 0.709
                                    : 0.7213 / (1.0 + 1.079 / m);
    return alpha * m * m;
}

/* What the raw estimate alpha m^2 / sum(2^-M) is on average for n values.  A register has seen
 * about Poisson(n / m) of them, so P(M <= k) = exp(-n / m / 2^k); the mean of a reciprocal of a sum
 * of m such follows from the first three moments of one. */
static double expected_estimate(double n, uint32_t precision) {
    enum { RANKS = 64 };
    double m = (double)(UINT32_C(1) << precision), rate = n / m, below = 0;
    double first = 0, second = 0, third = 0;
    for (int k = 0; k < RANKS; k++) {
        double up_to = exp(-ldexp(rate, -k)), chance = up_to - below, value = ldexp(1, -k);
        below = up_to;
        first += chance * value;
        second += chance * value * value;
        third += chance * value * value * value;
    }
    double variance = second - first * first;
    double skew = third - 3 * first * second + 2 * first * first * first;
    double spread = variance / (m * first * first);
    double correction = 1 + spread - skew / (m * m * first * first * first) + 3 * spread * spread;
    return alpha_m2(precision) / (m * first) * correction;
}

/* The number of values whose expected raw estimate is this one. */
static double without_bias(double estimate, uint32_t precision) {
    double low = 0, high = estimate + 1;
    for (int i = 0; i < 60; i++) {
        double middle = (low + high) / 2;
        if (expected_estimate(middle, precision) < estimate)
            low = middle;
        else
            high = middle;
    }
    return (low + high) / 2;
}

/* Up to here linear counting is nearer than the estimate (section 5.2 of the paper), for m
 * registers. The paper's values, by the precision from 4. */
static double linear_limit(uint32_t precision) {
    static const double limits[] = {10,   20,   40,    80,    220,   400,    900,   1800,
                                    3100, 6500, 11500, 20000, 50000, 120000, 350000};
    return limits[precision - 4];
}

static int64_t estimate(const uint64_t *words, uint32_t precision) {
    uint32_t registers = UINT32_C(1) << precision, empty = 0;
    double sum = 0, m = (double)registers;
    for (uint32_t at = 0; at < registers; at++) {
        uint32_t shift = REGISTER_BITS * (at % REGISTERS_PER_WORD);
        uint64_t value = words[at / REGISTERS_PER_WORD] >> shift & REGISTER_MASK;
        sum += ldexp(1, -(int)value);
        empty += value == 0;
    }
    double raw = alpha_m2(precision) / sum, linear = empty ? m * log(m / empty) : 0;
    if (empty && (linear <= linear_limit(precision) || raw <= 2.5 * m))
        return (int64_t)floor(linear + 0.5);
    if (raw < 5.0 * m) raw = without_bias(raw, precision);
    return (int64_t)floor(raw + 0.5);
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct sketches *sketches = (const struct sketches *)acc;
    const uint64_t *words = sketches->words.data;
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++)
        out->i64[first + i] =
            estimate(words + (size_t)groups[i] * sketches->word_count, sketches->precision);
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct sketches *sketches = (struct sketches *)acc;
    sl_group_array_release(&sketches->words);
    free(sketches->hashes);
    sl_accumulator_drop(&sketches->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct sketches *sketches =
        sl_accumulator_new(sizeof *sketches, call->function->ops, call, budget);
    sketches->precision = *(const uint32_t *)call->state;
    sketches->word_count = words_for(sketches->precision);
    sketches->words.width = sketches->word_count * sizeof(uint64_t);
    return (struct sl_accumulator *)sketches;
}

const struct sl_aggregate_ops sl_aggregate_distinct = {describe, make,  grow,   reset,  update,
                                                       merge,    store, finish, release};
