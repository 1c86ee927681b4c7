/* percentile_approx, approx_percentile.  Source: Spark ApproximatePercentile.scala.
 * Buffer: bytes as Spark's PercentileDigestSerializer writes them, all numbers big-endian:
 *   int compressThreshold, double relativeError, long count, int samples, then per sample
 *   double value, long g, long delta */
#include <stdlib.h>

#include "kern/aggregates.h"
#include "kern/number.h"
#include "kern/percentages.h"
#include "kern/quantiles.h"

enum { ACCURACY_DEFAULT = 10000, HEADER_BYTES = 24, SAMPLE_BYTES = 24 };
#define COUNT_MAX (INT64_C(1) << 53) /* values of a group: what a double counts exactly */

struct digests {
    struct sl_accumulator_base base;
    struct sl_group_array items; /* struct sl_quantiles */
    const struct sl_percentages *percentages;
    double error;
};

enum sl_code sl_aggregate_bind_quantile(struct sl_arena *query, const struct sl_session *session,
                                        const struct sl_bind_arg *args, uint32_t arg_count,
                                        const struct sl_type *result, const void **state,
                                        struct sl_err *err) {
    (void)session, (void)result;
    struct sl_percentages *percentages = SL_NEW(query, struct sl_percentages);
    percentages->accuracy = ACCURACY_DEFAULT;
    if (arg_count == 3) percentages->accuracy = args[2].constant->i64[0];
    *state = percentages;
    return sl_percentages_read(query, args[1].constant, percentages, err);
}

static void describe(struct sl_arena *query, struct sl_aggregate_call *call) {
    call->result_nullable = true;
    sl_buffers_new(query, call, 1)[0] = sl_buffer("buf", &sl_type_binary, false);
}

static enum sl_code grow(struct sl_accumulator *acc, uint32_t count, struct sl_err *err) {
    struct digests *digests = (struct digests *)acc;
    return sl_group_array_grow(&digests->items, &digests->base, count, err);
}

static void reset(struct sl_accumulator *acc, const uint32_t *groups, uint32_t count) {
    struct digests *digests = (struct digests *)acc;
    struct sl_quantiles *items = digests->items.data;
    for (uint32_t i = 0; i < count; i++) sl_quantiles_release(&items[groups[i]], &digests->base);
}

static double as_double(const struct sl_vec *vec, uint32_t pos) {
    uint32_t width = sl_type_width(vec->type);
    if (sl_type_is_float(vec->type)) return sl_load_f64(vec->data, width, pos);
    if (vec->type->kind == SL_DECIMAL_KIND)
        return sl_decimal_to_f64(sl_load_i128(vec->data, width == 16, pos), vec->type->scale);
    return (double)sl_load_i64(vec->data, width, pos);
}

static enum sl_code update(struct sl_accumulator *acc, const struct sl_vec *const *args,
                           const uint32_t *rows, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct digests *digests = (struct digests *)acc;
    struct sl_quantiles *items = digests->items.data;
    for (uint32_t i = 0; i < count; i++) {
        if (sl_vec_is_null(args[0], rows[i])) continue;
        double value = as_double(args[0], sl_vec_pos(args[0], rows[i]));
        SL_TRY(sl_quantiles_add(&items[groups[i]], &digests->base, digests->error, value, err));
    }
    return SL_OK;
}

/* ---- the buffer ---- */

static char *put_number(char *to, uint64_t value, int bytes) {
    for (int i = bytes - 1; i >= 0; i--) *to++ = (char)(uint8_t)(value >> (8 * i));
    return to;
}
static char *put_double(char *to, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    return put_number(to, bits, 8);
}
static uint64_t get_number(const char **from, int bytes) {
    uint64_t value = 0;
    for (int i = 0; i < bytes; i++) value = value << 8 | (uint8_t) * (*from)++;
    return value;
}
static double get_double(const char **from) {
    uint64_t bits = get_number(from, 8);
    double value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static enum sl_code damaged(struct sl_err *err) {
    return sl_fail(err, SL_DATA, "the state of a `percentile_approx` is damaged");
}

/* What these hold keeps every sum of ranks within 64 bits. */
static bool read_samples(const char *from, uint32_t samples, int64_t count,
                         struct sl_quantile_sample *out) {
    int64_t ranks = 0;
    for (uint32_t i = 0; i < samples; i++) {
        out[i].value = get_double(&from);
        out[i].gap = (int64_t)get_number(&from, 8);
        out[i].delta = (int64_t)get_number(&from, 8);
        if (out[i].gap < 0 || out[i].gap > count - ranks || out[i].delta < 0 ||
            out[i].delta > COUNT_MAX)
            return false;
        ranks += out[i].gap;
    }
    return true;
}

static enum sl_code merge_bytes(struct digests *digests, struct sl_quantiles *item,
                                struct sl_str bytes, struct sl_err *err) {
    if (bytes.len < HEADER_BYTES || (bytes.len - HEADER_BYTES) % SAMPLE_BYTES) return damaged(err);
    const char *from = bytes.ptr + 4;
    double error = get_double(&from);
    int64_t count = (int64_t)get_number(&from, 8);
    uint32_t samples = (uint32_t)get_number(&from, 4);
    if (samples != (bytes.len - HEADER_BYTES) / SAMPLE_BYTES || count < 0 ||
        count > COUNT_MAX - item->count || !(error >= 0 && error <= 1))
        return damaged(err);
    struct sl_quantile_sample *read = sl_xmalloc(((size_t)samples + 1) * sizeof *read);
    enum sl_code code = SL_OK;
    if (!read_samples(from, samples, count, read))
        code = damaged(err);
    else
        code = sl_quantiles_merge(item, &digests->base, digests->error, read, samples,
                                  samples ? count : 0, error, err);
    free(read);
    return code;
}

static enum sl_code merge(struct sl_accumulator *acc, const struct sl_vec *const *buffers,
                          const uint32_t *rows, const uint32_t *groups, uint32_t count,
                          const struct sl_session *session, struct sl_err *err) {
    (void)session;
    struct digests *digests = (struct digests *)acc;
    struct sl_quantiles *items = digests->items.data;
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(merge_bytes(digests, &items[groups[i]], sl_vec_str(buffers[0], rows[i]), err));
    return SL_OK;
}

/* Compressing changes how the group is kept, not what it says: Spark does so when it writes, too.
 */
static enum sl_code compress(const struct digests *digests, uint32_t group,
                             struct sl_quantiles **out, struct sl_err *err) {
    struct sl_quantiles *items = digests->items.data;
    *out = &items[group];
    return sl_quantiles_compress(*out, (struct sl_accumulator_base *)&digests->base, digests->error,
                                 err);
}

static enum sl_code put_bytes(const struct digests *digests, const struct sl_quantiles *item,
                              struct sl_vec *out, struct sl_err *err) {
    size_t len = HEADER_BYTES + (size_t)item->sample_count * SAMPLE_BYTES;
    char *bytes = sl_xmalloc(len), *to = put_number(bytes, SL_QUANTILES_COMPRESS_THRESHOLD, 4);
    to = put_double(to, digests->error);
    to = put_number(to, (uint64_t)item->count, 8);
    to = put_number(to, item->sample_count, 4);
    for (uint32_t i = 0; i < item->sample_count; i++) {
        to = put_double(to, item->samples[i].value);
        to = put_number(to, (uint64_t)item->samples[i].gap, 8);
        to = put_number(to, (uint64_t)item->samples[i].delta, 8);
    }
    enum sl_code code = sl_vec_put_str(out, (struct sl_str){bytes, len}, err);
    free(bytes);
    return code;
}

static enum sl_code store(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                          struct sl_vec *buffers, struct sl_err *err) {
    const struct digests *digests = (const struct digests *)acc;
    for (uint32_t i = 0; i < count; i++) {
        struct sl_quantiles *item;
        SL_TRY(compress(digests, groups[i], &item, err));
        SL_TRY(put_bytes(digests, item, &buffers[0], err));
    }
    return SL_OK;
}

/* ---- the result ---- */

/* A double of the digest in the argument's own type, as Java's casts narrow it. */
static enum sl_code put_value(struct sl_vec *out, double value, struct sl_err *err) {
    if (sl_type_is_float(out->type)) return sl_vec_put_f64(out, value, err);
    if (out->type->kind == SL_DECIMAL_KIND) {
        sl_int128 number;
        if (!sl_decimal_from_f64(value, out->type->precision, out->type->scale, &number))
            return sl_vec_append_null(out, 1, err);
        return sl_vec_put_i128(out, number, err);
    }
    int64_t number = value >= 9223372036854775807.0    ? INT64_MAX
                     : value <= -9223372036854775808.0 ? INT64_MIN
                                                       : (int64_t)value;
    return sl_vec_put_i64(out, number, err);
}

static enum sl_code finish_group(const struct digests *digests, uint32_t group, struct sl_vec *out,
                                 struct sl_err *err) {
    const struct sl_percentages *wanted = digests->percentages;
    struct sl_quantiles *item;
    SL_TRY(compress(digests, group, &item, err));
    if (item->count == 0 || wanted->count == 0) return sl_vec_append_null(out, 1, err);
    double *found = sl_xmalloc(wanted->count * sizeof *found);
    sl_quantiles_query(item, digests->error, wanted->items, wanted->count, found);
    struct sl_vec *to = wanted->array ? &out->children[0] : out;
    enum sl_code code = SL_OK;
    uint32_t first = 0;
    if (wanted->array) code = sl_rows_add(out, 1, &first, err);
    for (uint32_t i = 0; i < wanted->count && code == SL_OK; i++)
        code = put_value(to, found[i], err);
    if (wanted->array && code == SL_OK) out->offsets[first + 1] = (int32_t)to->rows;
    free(found);
    return code;
}

static enum sl_code finish(const struct sl_accumulator *acc, const uint32_t *groups, uint32_t count,
                           const struct sl_session *session, struct sl_vec *out,
                           struct sl_err *err) {
    (void)session;
    for (uint32_t i = 0; i < count; i++)
        SL_TRY(finish_group((const struct digests *)acc, groups[i], out, err));
    return SL_OK;
}

static void release(struct sl_accumulator *acc) {
    struct digests *digests = (struct digests *)acc;
    struct sl_quantiles *items = digests->items.data;
    for (uint32_t g = 0; g < digests->items.cap; g++)
        sl_quantiles_release(&items[g], &digests->base);
    sl_group_array_release(&digests->items);
    sl_accumulator_drop(&digests->base);
}

static struct sl_accumulator *make(const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct digests *digests =
        sl_accumulator_new(sizeof *digests, call->function->ops, call, budget);
    digests->items.width = sizeof(struct sl_quantiles);
    digests->percentages = call->state;
    digests->error = 1.0 / (double)digests->percentages->accuracy;
    return (struct sl_accumulator *)digests;
}

const struct sl_aggregate_ops sl_aggregate_quantile = {describe, make,  grow,   reset,  update,
                                                       merge,    store, finish, release};
