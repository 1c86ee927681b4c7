/* percentile, median: exact, between the two nearest values.  Source: Spark percentiles.scala.
 * Buffers: the values and how often each was seen, as arrays (Spark keeps a map as bytes). */
#include <math.h>
#include <stdlib.h>

#include "kern/aggregates.h"
#include "kern/group_lists.h"
#include "kern/number.h"
#include "kern/order.h"
#include "kern/percentages.h"

struct percentile {
    struct sl_accumulator_base base;
    struct sl_group_lists values;
    const struct sl_percentages *percentages;
};

/* A value and how many values of the group are not greater. */
struct rank {
    uint32_t value;
    int64_t count;
};

static double half_item = 0.5;
static const struct sl_percentages half = {&half_item, 1, false, 0}; /* of median */

enum sl_code sl_aggregate_bind_percentile(struct sl_arena *query, const struct sl_session *session,
                                          const struct sl_bind_arg *args, uint32_t arg_count,
                                          const struct sl_type *result, const void **state,
                                          struct sl_err *err) {
    (void)session, (void)arg_count, (void)result;
    struct sl_percentages *percentages = SL_NEW(query, struct sl_percentages);
    *state = percentages;
    return sl_percentages_read(query, args[1].constant, percentages, err);
}

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    struct sl_field *fields = sl_buffers_new(query, call, 2);
    call->result_nullable = true;
    fields[0] = sl_buffer("values", sl_type_array(query, call->args[0].type, false), false);
    fields[1] = sl_buffer("counts", sl_type_array(query, &sl_type_long, false), false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    return sl_group_lists_grow(&((struct percentile *)acc)->values, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    sl_group_lists_reset(&((struct percentile *)acc)->values, groups, count);
}

static enum sl_code negative_frequency(int64_t value, struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0, 0}, "NEGATIVE_VALUES_IN_FREQUENCY_EXPRESSION", "22003",
               "Found the negative value in the frequency of `percentile`: %lldL, but expected a "
               "positive integral value.",
               (long long)value);
    if (err) err->code = SL_DATA;
    return SL_DATA;
}

/* Rows whose frequency is null or 0 do not count. */
static enum sl_code update_weighted(struct percentile *percentile, const struct sl_vec *const *args,
                                    const uint32_t *rows, const uint32_t *groups, uint32_t count,
                                    struct sl_err *err) {
    int64_t *weights = sl_xmalloc(((size_t)count + 1) * (sizeof *weights + 2 * sizeof *rows));
    uint32_t *kept = (uint32_t *)(weights + count + 1), *owners = kept + count, n = 0;
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < count && code == SL_OK; i++) {
        if (sl_vec_is_null(args[2], rows[i]) || sl_vec_is_null(args[0], rows[i])) continue;
        int64_t weight = args[2]->i64[sl_vec_pos(args[2], rows[i])];
        if (weight < 0) code = negative_frequency(weight, err);
        if (weight <= 0) continue;
        weights[n] = weight;
        kept[n] = rows[i];
        owners[n++] = groups[i];
    }
    if (code == SL_OK)
        code = sl_group_lists_add(&percentile->values, args[0], kept, owners, weights, n, err);
    free(weights);
    return code;
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct percentile *percentile = (struct percentile *)acc;
    if (percentile->base.call->arg_count == 3)
        return update_weighted(percentile, args, rows, groups, count, err);
    return sl_group_lists_add(&percentile->values, args[0], rows, groups, NULL, count, err);
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session;
    return sl_group_lists_merge(&((struct percentile *)acc)->values, buffers[0], buffers[1], rows,
                                groups, count, err);
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct percentile *percentile = (const struct percentile *)acc;
    SL_TRY(sl_group_lists_append(&percentile->values, groups, count, &buffers[0], err));
    return sl_group_lists_append_counts(&percentile->values, groups, count, &buffers[1], err);
}

/* ---- the result ---- */

static double as_double(const struct sl_vec *vec, uint32_t pos) {
    uint32_t width = sl_type_width(vec->type);
    if (sl_type_is_float(vec->type)) return sl_load_f64(vec->data, width, pos);
    if (vec->type->kind == SL_DECIMAL_KIND)
        return sl_decimal_to_f64(sl_load_i128(vec->data, width == 16, pos), vec->type->scale);
    return (double)sl_load_i64(vec->data, width, pos);
}

static int by_value(const void *a, const void *b, void *values) {
    const struct rank *x = a, *y = b;
    return sl_order_rows(values, x->value, values, y->value);
}

/* The group's values in order, with their counts summed up. */
static struct rank *rank_values(const struct sl_group_lists *values,
                                const struct sl_group_list *list) {
    struct rank *ranks = sl_xmalloc(((size_t)list->count + 1) * sizeof *ranks);
    uint32_t n = 0;
    for (uint32_t v = list->first; v; v = sl_group_list_next(values, v))
        ranks[n++] = (struct rank){v - 1, sl_group_list_seen(values, v)};
    struct sl_vec plain = values->values;
    qsort_r(ranks, n, sizeof *ranks, by_value, &plain);
    for (uint32_t i = 1; i < n; i++) ranks[i].count += ranks[i - 1].count;
    return ranks;
}

/* The value at a position from 0. */
static uint32_t value_at(const struct rank *ranks, uint32_t count, int64_t position) {
    uint32_t low = 0, high = count - 1;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ranks[middle].count > position)
            high = middle;
        else
            low = middle + 1;
    }
    return ranks[low].value;
}

static double interpolate(const struct sl_vec *values, const struct rank *ranks, uint32_t count,
                          double percentage) {
    double position = (double)(ranks[count - 1].count - 1) * percentage;
    int64_t lower = (int64_t)floor(position), higher = (int64_t)ceil(position);
    uint32_t low = value_at(ranks, count, lower), high = value_at(ranks, count, higher);
    if (low == high) return as_double(values, low);
    return ((double)higher - position) * as_double(values, low) +
           (position - (double)lower) * as_double(values, high);
}

static enum sl_code put_result(struct sl_vec *out, double value, struct sl_err *err) {
    if (out->type->kind == SL_DOUBLE_KIND) return sl_vec_put_f64(out, value, err);
    return sl_vec_put_i64(out, (int64_t)value, err);
}

static enum sl_code finish_group(const struct percentile *percentile, uint32_t group,
                                 struct sl_vec *out, struct sl_err *err) {
    const struct sl_group_list *list = sl_group_list(&percentile->values, group);
    const struct sl_percentages *wanted = percentile->percentages;
    if (!list->count || !wanted->count) return sl_vec_append_null(out, 1, err);
    struct rank *ranks = rank_values(&percentile->values, list);
    struct sl_vec *to = wanted->array ? &out->children[0] : out;
    enum sl_code code = SL_OK;
    uint32_t first = 0;
    if (wanted->array) code = sl_rows_add(out, 1, &first, err);
    for (uint32_t i = 0; i < wanted->count && code == SL_OK; i++)
        code = put_result(
            to, interpolate(&percentile->values.values, ranks, list->count, wanted->items[i]), err);
    if (wanted->array && code == SL_OK) out->offsets[first + 1] = (int32_t)to->rows;
    free(ranks);
    return code;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(finish_group((const struct percentile *)acc, groups[i], out, err));
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct percentile *percentile = (struct percentile *)acc;
    sl_group_lists_release(&percentile->values);
    sl_accumulator_drop(&percentile->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct percentile *percentile =
        sl_accumulator_new(sizeof *percentile, call->function->ops, call, budget);
    sl_group_lists_init(&percentile->values, &percentile->base, call->args[0].type, true);
    percentile->percentages = call->state ? call->state : &half;
    return (struct sl_accumulator *)percentile;
}

const struct sl_aggregate_ops sl_aggregate_percentile = {describe, make,  grow,   reset,  update,
                                                         merge,    store, finish, release};
