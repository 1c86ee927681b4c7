/* stddev, variance, skewness, kurtosis: central moments, updated and merged by the same operations
 * in the same order as Spark's, so that the same rows give the same doubles.
 * Source: Spark CentralMomentAgg.scala; the formulas are those of Pebay and Meng that it names. */
#include <math.h>

#include "kern/accumulator.h"
#include "kern/aggregates.h"

/* Of a group: count, mean, and the sums of the powers of the deviations; orders past the function's
 * are not stored. */
enum { N, AVG, M2, M3, M4 };

typedef bool (*result_fn)(const double *m, double *out); /* false: NULL */

struct moments {
    struct sl_accumulator_base base;
    struct sl_group_array items; /* double[order + 1] */
    uint32_t order;
    result_fn result;
};

static void describe_order(struct sl_arena *query, struct sl_aggregate_call *call, uint32_t order) {
    static const char *const names[] = {"n", "avg", "m2", "m3", "m4"};
    struct sl_field *fields = sl_buffers_new(query, call, order + 1);
    call->result_nullable = true;
    for (uint32_t i = 0; i <= order; i++) fields[i] = sl_buffer(names[i], &sl_type_double, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct moments *moments = (struct moments *)acc;
    return sl_group_array_grow(&moments->items, &moments->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_array_zero(&((struct moments *)acc)->items, groups, count);
}

#define INLINE static inline __attribute__((always_inline))

INLINE void add(double *m, double value, uint32_t order) {
    double n = m[N] + 1.0, delta = value - m[AVG], delta_n = delta / n;
    double m2 = m[M2] + delta * (delta - delta_n);
    m[N] = n;
    m[AVG] += delta_n;
    m[M2] = m2;
    if (order < 3) return;
    double delta2 = delta * delta, delta_n2 = delta_n * delta_n;
    double m3 = m[M3] - 3.0 * delta_n * m2 + delta * (delta2 - delta_n2);
    m[M3] = m3;
    if (order < 4) return;
    m[M4] = m[M4] - 4.0 * delta_n * m3 - 6.0 * delta_n2 * m2 +
            delta * (delta * delta2 - delta_n * delta_n2);
}

INLINE void add_rows(struct moments *moments, const struct sl_vec *arg, uint32_t order,
                     const uint32_t *rows, const uint32_t *groups, uint32_t count) {
    double *items = moments->items.data;
    const double *data = arg->f64;
    const uint64_t *valid = arg->valid;
    uint32_t mask = sl_row_mask(arg);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i] & mask;
        if (!valid || sl_bit_get(valid, row))
            add(items + (size_t)groups[i] * (order + 1), data[row], order);
    }
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct moments *moments = (struct moments *)acc;
    if (moments->order == 2)
        add_rows(moments, args[0], 2, rows, groups, count);
    else if (moments->order == 3)
        add_rows(moments, args[0], 3, rows, groups, count);
    else
        add_rows(moments, args[0], 4, rows, groups, count);
    return SL_OK;
}

/* l: the group's, r: what is added to it. */
static void combine(double *l, const double *r, uint32_t order) {
    double n1 = l[N], n2 = r[N], n = n1 + n2, delta = r[AVG] - l[AVG];
    double delta_n = n == 0.0 ? 0.0 : delta / n;
    double m2 = l[M2] + r[M2] + delta * delta_n * n1 * n2, m3 = 0, m4 = 0;
    if (order >= 3)
        m3 = l[M3] + r[M3] + delta_n * delta_n * delta * n1 * n2 * (n1 - n2) +
             3.0 * delta_n * (n1 * r[M2] - n2 * l[M2]);
    if (order >= 4)
        m4 = l[M4] + r[M4] +
             delta_n * delta_n * delta_n * delta * n1 * n2 * (n1 * n1 - n1 * n2 + n2 * n2) +
             6.0 * delta_n * delta_n * (n1 * n1 * r[M2] + n2 * n2 * l[M2]) +
             4.0 * delta_n * (n1 * r[M3] - n2 * l[M3]);
    l[N] = n;
    l[AVG] += delta_n * n2;
    l[M2] = m2;
    if (order >= 3) l[M3] = m3;
    if (order >= 4) l[M4] = m4;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct moments *moments = (struct moments *)acc;
    uint32_t width = moments->order + 1;
    for (uint32_t i = 0; i < count; i++) {
        double given[M4 + 1], *item = (double *)moments->items.data + (size_t)groups[i] * width;
        for (uint32_t k = 0; k < width; k++)
            given[k] = buffers[k]->f64[sl_vec_pos(buffers[k], rows[i])];
        /* The formula would round the mean once more. */
        if (item[N] == 0.0)
            memcpy(item, given, width * sizeof *item);
        else
            combine(item, given, moments->order);
    }
    return SL_OK;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct moments *moments = (const struct moments *)acc;
    const double *items = moments->items.data;
    uint32_t width = moments->order + 1;
    for (uint32_t k = 0; k < width; k++) {
        uint32_t first;
        SL_TRY(sl_rows_add(&buffers[k], count, &first, err));
        for (uint32_t i = 0; i < count; i++)
            buffers[k].f64[first + i] = items[(size_t)groups[i] * width + k];
    }
    return SL_OK;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    const struct moments *moments = (const struct moments *)acc;
    const double *items = moments->items.data;
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++) {
        const double *m = items + (size_t)groups[i] * (moments->order + 1);
        bool known = m[N] != 0.0 && moments->result(m, &out->f64[first + i]);
        if (!known) SL_TRY(sl_rows_null(out, first + i, err));
    }
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct moments *moments = (struct moments *)acc;
    sl_group_array_release(&moments->items);
    sl_accumulator_drop(&moments->base);
}

static struct sl_accumulator *make_order(const struct sl_aggregate_call *call,
                                         struct sl_budget *budget, uint32_t order,
                                         result_fn result) {
    struct moments *moments =
        sl_accumulator_new(sizeof *moments, call->function->ops, call, budget);
    moments->items.width = (order + 1) * sizeof(double);
    moments->order = order;
    moments->result = result;
    return (struct sl_accumulator *)moments;
}

/* ---- the functions ---- */

static bool stddev_pop(const double *m, double *out) {
    *out = sqrt(m[M2] / m[N]);
    return true;
}
static bool stddev_samp(const double *m, double *out) {
    *out = sqrt(m[M2] / (m[N] - 1.0));
    return m[N] != 1.0;
}
static bool var_pop(const double *m, double *out) {
    *out = m[M2] / m[N];
    return true;
}
static bool var_samp(const double *m, double *out) {
    *out = m[M2] / (m[N] - 1.0);
    return m[N] != 1.0;
}
static bool skewness(const double *m, double *out) {
    *out = sqrt(m[N]) * m[M3] / sqrt(m[M2] * m[M2] * m[M2]);
    return m[M2] != 0.0;
}
static bool kurtosis(const double *m, double *out) {
    *out = m[N] * m[M4] / (m[M2] * m[M2]) - 3.0;
    return m[M2] != 0.0;
}

#define MOMENT(name, order)                                                                        \
    static void describe_##name(struct sl_arena *query, struct sl_aggregate_call *call) {          \
        describe_order(query, call, order);                                                        \
    }                                                                                              \
    static struct sl_accumulator *make_##name(const struct sl_aggregate_call *call,                \
                                              struct sl_budget *budget) {                          \
        return make_order(call, budget, order, name);                                              \
    }                                                                                              \
    const struct sl_aggregate_ops sl_aggregate_##name = {                                          \
        describe_##name, make_##name, grow, reset, update, merge, store, finish, release};
MOMENT(stddev_pop, 2)
MOMENT(stddev_samp, 2)
MOMENT(var_pop, 2)
MOMENT(var_samp, 2)
MOMENT(skewness, 3)
MOMENT(kurtosis, 4)
