/* covar_pop, covar_samp, corr: co-moments of pairs, updated and merged by Spark's operations in
 * Spark's order.  Source: Spark Covariance.scala, Corr.scala. */
#include <math.h>

#include "kern/accumulator.h"
#include "kern/aggregates.h"
#include "kern/arith.h"

enum { N, X_AVG, Y_AVG, CK, X_MK, Y_MK, PAIR_WIDTH }; /* covariances do without the last two */

enum outcome { IS_VALUE, IS_NULL, IS_DIVISION_BY_ZERO };
typedef enum outcome (*result_fn)(const double *m, double *out);

struct pairs {
    struct sl_accumulator_base base;
    struct sl_group_array items; /* double[width] */
    uint32_t width;
    result_fn result;
};

static void describe_width(struct sl_arena *query, struct sl_aggregate_call *call, uint32_t width) {
    static const char *const names[] = {"n", "xAvg", "yAvg", "ck", "xMk", "yMk"};
    struct sl_field *fields = sl_buffers_new(query, call, width);
    call->result_nullable = true;
    for (uint32_t i = 0; i < width; i++) fields[i] = sl_buffer(names[i], &sl_type_double, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct pairs *pairs = (struct pairs *)acc;
    return sl_group_array_grow(&pairs->items, &pairs->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_array_zero(&((struct pairs *)acc)->items, groups, count);
}

static void add(double *m, double x, double y, bool squares) {
    double n = m[N] + 1.0, dx = x - m[X_AVG], dy = y - m[Y_AVG];
    double x_avg = m[X_AVG] + dx / n, y_avg = m[Y_AVG] + dy / n;
    m[N] = n;
    m[X_AVG] = x_avg;
    m[Y_AVG] = y_avg;
    m[CK] += dx * (y - y_avg);
    if (!squares) return;
    m[X_MK] += dx * (x - x_avg);
    m[Y_MK] += dy * (y - y_avg);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct pairs *pairs = (struct pairs *)acc;
    double *items = pairs->items.data;
    bool squares = pairs->width == PAIR_WIDTH;
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = rows[i];
        if (sl_vec_is_null(args[0], row) || sl_vec_is_null(args[1], row)) continue;
        add(items + (size_t)groups[i] * pairs->width, args[0]->f64[sl_vec_pos(args[0], row)],
            args[1]->f64[sl_vec_pos(args[1], row)], squares);
    }
    return SL_OK;
}

static void combine(double *l, const double *r, bool squares) {
    double n1 = l[N], n2 = r[N], n = n1 + n2;
    double dx = r[X_AVG] - l[X_AVG], dy = r[Y_AVG] - l[Y_AVG];
    double dx_n = n == 0.0 ? 0.0 : dx / n, dy_n = n == 0.0 ? 0.0 : dy / n;
    l[N] = n;
    l[X_AVG] += dx_n * n2;
    l[Y_AVG] += dy_n * n2;
    l[CK] = l[CK] + r[CK] + dx * dy_n * n1 * n2;
    if (!squares) return;
    l[X_MK] = l[X_MK] + r[X_MK] + dx * dx_n * n1 * n2;
    l[Y_MK] = l[Y_MK] + r[Y_MK] + dy * dy_n * n1 * n2;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    struct pairs *pairs = (struct pairs *)acc;
    for (uint32_t i = 0; i < count; i++) {
        double given[PAIR_WIDTH];
        double *item = (double *)pairs->items.data + (size_t)groups[i] * pairs->width;
        for (uint32_t k = 0; k < pairs->width; k++)
            given[k] = buffers[k]->f64[sl_vec_pos(buffers[k], rows[i])];
        if (item[N] == 0.0)
            memcpy(item, given, pairs->width * sizeof *item);
        else
            combine(item, given, pairs->width == PAIR_WIDTH);
    }
    return SL_OK;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct pairs *pairs = (const struct pairs *)acc;
    const double *items = pairs->items.data;
    for (uint32_t k = 0; k < pairs->width; k++) {
        uint32_t first;
        SL_TRY(sl_rows_add(&buffers[k], count, &first, err));
        for (uint32_t i = 0; i < count; i++)
            buffers[k].f64[first + i] = items[(size_t)groups[i] * pairs->width + k];
    }
    return SL_OK;
}

/* Spark divides as SQL does: by zero an error, or NULL without ANSI. */
static enum sl_code put_outcome(enum outcome outcome, const struct sl_session *session,
                                struct sl_vec *out, uint32_t row, struct sl_err *err) {
    if (outcome == IS_VALUE) return SL_OK;
    if (outcome == IS_NULL || !session->ansi) return sl_rows_null(out, row, err);
    sl_fail_at(err, (struct sl_span){0, 0}, "DIVIDE_BY_ZERO", "22012",
               "Division by zero. Use `try_divide` to tolerate divisor being 0 and return NULL "
               "instead." SL_ANSI_BYPASS);
    if (err) err->code = SL_DATA;
    return sl_hint(err, "all values of one side of `corr` are equal in a group"), SL_DATA;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    const struct pairs *pairs = (const struct pairs *)acc;
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++) {
        const double *m = (const double *)pairs->items.data + (size_t)groups[i] * pairs->width;
        enum outcome outcome = m[N] == 0.0 ? IS_NULL : pairs->result(m, &out->f64[first + i]);
        SL_TRY(put_outcome(outcome, session, out, first + i, err));
    }
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct pairs *pairs = (struct pairs *)acc;
    sl_group_array_release(&pairs->items);
    sl_accumulator_drop(&pairs->base);
}

static struct sl_accumulator *make_width(const struct sl_aggregate_call *call,
                                         struct sl_budget *budget, uint32_t width,
                                         result_fn result) {
    struct pairs *pairs = sl_accumulator_new(sizeof *pairs, call->function->ops, call, budget);
    pairs->items.width = width * sizeof(double);
    pairs->width = width;
    pairs->result = result;
    return (struct sl_accumulator *)pairs;
}

/* ---- the functions ---- */

static enum outcome covar_pop(const double *m, double *out) {
    *out = m[CK] / m[N];
    return IS_VALUE;
}
static enum outcome covar_samp(const double *m, double *out) {
    *out = m[CK] / (m[N] - 1.0);
    return m[N] == 1.0 ? IS_NULL : IS_VALUE;
}
static enum outcome corr(const double *m, double *out) {
    double divisor = sqrt(m[X_MK] * m[Y_MK]);
    *out = m[CK] / divisor;
    return m[N] == 1.0 ? IS_NULL : divisor == 0.0 ? IS_DIVISION_BY_ZERO : IS_VALUE;
}

#define PAIR(name, width)                                                                          \
    static void describe_##name(struct sl_arena *query, struct sl_aggregate_call *call) {          \
        describe_width(query, call, width);                                                        \
    }                                                                                              \
    static struct sl_accumulator *make_##name(const struct sl_aggregate_call *call,                \
                                              struct sl_budget *budget) {                          \
        return make_width(call, budget, width, name);                                              \
    }                                                                                              \
    const struct sl_aggregate_ops sl_aggregate_##name = {                                          \
        describe_##name, make_##name, grow, reset, update, merge, store, finish, release};
PAIR(covar_pop, 4)
PAIR(covar_samp, 4)
PAIR(corr, 6)
