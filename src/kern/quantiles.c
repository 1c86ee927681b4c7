#include "kern/quantiles.h"

#include <math.h>
#include <stdlib.h>

/* ---- memory ---- */

/* Grows an array that belongs to the accumulator; `cap` items. */
static enum sl_code grow_to(void **ptr, uint32_t *cap, uint32_t count, size_t width,
                            struct sl_accumulator_base *base, struct sl_err *err) {
    if (count <= *cap) return SL_OK;
    uint32_t fresh = *cap ? *cap * 2 : 16;
    if (fresh < count) fresh = count;
    SL_TRY(sl_accumulator_take(base, (fresh - *cap) * width, err));
    *ptr = sl_xrealloc(*ptr, fresh * width);
    *cap = fresh;
    return SL_OK;
}

static enum sl_code make_samples(uint32_t count, struct sl_accumulator_base *base,
                                 struct sl_quantile_sample **out, struct sl_err *err) {
    size_t bytes = ((size_t)count + 1) * sizeof **out;
    SL_TRY(sl_accumulator_take(base, bytes, err));
    *out = sl_xmalloc(bytes);
    return SL_OK;
}

static void free_samples(struct sl_quantile_sample *samples, uint32_t cap,
                         struct sl_accumulator_base *base) {
    if (!samples) return;
    sl_accumulator_give(base, ((size_t)cap + 1) * sizeof *samples);
    free(samples);
}

static void free_head(struct sl_quantiles *q, struct sl_accumulator_base *base) {
    sl_accumulator_give(base, q->head_cap * sizeof *q->head);
    free(q->head);
    q->head = NULL;
    q->head_count = q->head_cap = 0;
}

void sl_quantiles_release(struct sl_quantiles *q, struct sl_accumulator_base *base) {
    free_head(q, base);
    free_samples(q->samples, q->sample_cap, base);
    *q = (struct sl_quantiles){0};
}

static void replace_samples(struct sl_quantiles *q, struct sl_accumulator_base *base,
                            struct sl_quantile_sample *samples, uint32_t count, uint32_t cap) {
    free_samples(q->samples, q->sample_cap, base);
    q->samples = samples;
    q->sample_count = count;
    q->sample_cap = cap;
}

/* ---- adding ---- */

/* java.lang.Double.compare: -0.0 before 0.0, NaN last. */
static int by_double(const void *a, const void *b) {
    double x, y;
    memcpy(&x, a, sizeof x);
    memcpy(&y, b, sizeof y);
    if (x < y) return -1;
    if (x > y) return 1;
    if (x != x || y != y) return (x != x) - (y != y);
    return (signbit(y) != 0) - (signbit(x) != 0);
}

/* The buffered values, sorted, become samples between the others. */
static enum sl_code sample_head(struct sl_quantiles *q, struct sl_accumulator_base *base,
                                double error, struct sl_err *err) {
    if (!q->head_count) return SL_OK;
    uint32_t cap = q->sample_count + q->head_count, n = 0, old = 0;
    struct sl_quantile_sample *samples;
    SL_TRY(make_samples(cap, base, &samples, err));
    qsort(q->head, q->head_count, sizeof *q->head, by_double);
    for (uint32_t i = 0; i < q->head_count; i++) {
        double value = q->head[i];
        while (old < q->sample_count && q->samples[old].value <= value)
            samples[n++] = q->samples[old++];
        q->count++;
        /* The least and the greatest are exact. */
        bool end = n == 0 || (old == q->sample_count && i == q->head_count - 1);
        int64_t delta = end ? 0 : (int64_t)floor(2 * error * (double)q->count);
        samples[n++] = (struct sl_quantile_sample){value, 1, delta};
    }
    while (old < q->sample_count) samples[n++] = q->samples[old++];
    replace_samples(q, base, samples, n, cap);
    free_head(q, base);
    return SL_OK;
}

/* COMPRESS of the paper, from the end, in place; the first and the last sample stay. */
static uint32_t compress(struct sl_quantile_sample *samples, uint32_t count, double threshold) {
    if (!count) return 0;
    struct sl_quantile_sample first = samples[0], head = samples[count - 1];
    uint32_t to = count; /* what is kept lies at to.. */
    for (uint32_t i = count - 1; i-- > 1;) {
        struct sl_quantile_sample sample = samples[i];
        if ((double)(sample.gap + head.gap + head.delta) < threshold) {
            head.gap += sample.gap;
        } else {
            samples[--to] = head;
            head = sample;
        }
    }
    samples[--to] = head;
    if (first.value <= head.value && count > 1) samples[--to] = first;
    memmove(samples, samples + to, (count - to) * sizeof *samples);
    return count - to;
}

enum sl_code sl_quantiles_compress(struct sl_quantiles *q, struct sl_accumulator_base *base,
                                   double error, struct sl_err *err) {
    SL_TRY(sample_head(q, base, error, err));
    uint32_t count = compress(q->samples, q->sample_count, 2 * error * (double)q->count);
    struct sl_quantile_sample *samples = NULL;
    if (count == q->sample_count) return SL_OK;
    SL_TRY(make_samples(count, base, &samples, err));
    memcpy(samples, q->samples, count * sizeof *samples);
    replace_samples(q, base, samples, count, count);
    return SL_OK;
}

enum sl_code sl_quantiles_add(struct sl_quantiles *q, struct sl_accumulator_base *base,
                              double error, double value, struct sl_err *err) {
    /* Spark's second limit, of the digest around the summary. */
    uint32_t limit = (uint32_t)(1 / error > INT32_MAX / 4 ? INT32_MAX / 4 : 1 / error) * 4;
    void *head = q->head;
    SL_TRY(grow_to(&head, &q->head_cap, q->head_count + 1, sizeof *q->head, base, err));
    q->head = head;
    q->head[q->head_count++] = value;
    if (q->head_count < SL_QUANTILES_HEAD) return SL_OK;
    SL_TRY(sample_head(q, base, error, err));
    if (q->sample_count >= SL_QUANTILES_COMPRESS_THRESHOLD || q->sample_count >= limit)
        return sl_quantiles_compress(q, base, error, err);
    return SL_OK;
}

/* ---- merging ---- */

enum sl_code sl_quantiles_merge(struct sl_quantiles *q, struct sl_accumulator_base *base,
                                double error, const struct sl_quantile_sample *samples,
                                uint32_t sample_count, int64_t count, double other_error,
                                struct sl_err *err) {
    SL_TRY(sl_quantiles_compress(q, base, error, err));
    if (count == 0) return SL_OK;
    uint32_t cap = q->sample_count + sample_count, n = 0, own = 0, other = 0;
    struct sl_quantile_sample *merged;
    SL_TRY(make_samples(cap, base, &merged, err));
    bool empty = q->count == 0;
    /* A sample is as uncertain as the other side is coarse, but where the sides do not overlap. */
    int64_t own_more = (int64_t)floor(2 * other_error * (double)count);
    int64_t other_more = (int64_t)floor(2 * error * (double)q->count);
    while (own < q->sample_count && other < sample_count) {
        bool mine = q->samples[own].value < samples[other].value;
        struct sl_quantile_sample next = mine ? q->samples[own] : samples[other];
        if (mine)
            next.delta += other > 0 ? own_more : 0;
        else
            next.delta += own > 0 ? other_more : 0;
        own += mine;
        other += !mine;
        merged[n++] = next;
    }
    while (own < q->sample_count) merged[n++] = q->samples[own++];
    while (other < sample_count) merged[n++] = samples[other++];
    q->count += count;
    /* What comes into an empty summary stays as it is. */
    double worse = error > other_error ? error : other_error;
    if (!empty) n = compress(merged, n, 2 * worse * (double)q->count);
    replace_samples(q, base, merged, n, cap);
    return SL_OK;
}

/* ---- asking ---- */

struct place { /* of the search: percentages are asked in order, each goes on from the last one */
    uint32_t at;
    int64_t rank; /* the least rank of the sample there */
};

static double find(const struct sl_quantiles *q, double percentage, int64_t error,
                   struct place *place) {
    int64_t rank = (int64_t)ceil(percentage * (double)q->count);
    for (; place->at < q->sample_count - 1; place->rank += q->samples[++place->at].gap) {
        const struct sl_quantile_sample *sample = &q->samples[place->at];
        int64_t most = place->rank + sample->delta;
        if (most - error <= rank && rank <= place->rank + error) return sample->value;
    }
    *place = (struct place){q->sample_count - 1, 0};
    return q->samples[q->sample_count - 1].value;
}

struct wanted {
    double percentage;
    uint32_t to;
};

static int by_percentage(const void *a, const void *b) {
    const struct wanted *x = a, *y = b;
    int order = (x->percentage > y->percentage) - (x->percentage < y->percentage);
    return order ? order : (x->to > y->to) - (x->to < y->to);
}

void sl_quantiles_query(const struct sl_quantiles *q, double error, const double *wanted,
                        uint32_t wanted_count, double *out) {
    struct wanted *order = sl_xmalloc(((size_t)wanted_count + 1) * sizeof *order);
    for (uint32_t i = 0; i < wanted_count; i++) order[i] = (struct wanted){wanted[i], i};
    qsort(order, wanted_count, sizeof *order, by_percentage);
    int64_t most = INT64_MIN;
    for (uint32_t i = 0; i < q->sample_count; i++)
        if (q->samples[i].delta + q->samples[i].gap > most)
            most = q->samples[i].delta + q->samples[i].gap;
    struct place place = {0, q->samples[0].gap};
    for (uint32_t i = 0; i < wanted_count; i++) {
        double percentage = order[i].percentage, *to = &out[order[i].to];
        if (percentage <= error || q->sample_count == 1)
            *to = q->samples[0].value;
        else if (percentage >= 1 - error)
            *to = q->samples[q->sample_count - 1].value;
        else
            *to = find(q, percentage, most / 2, &place);
    }
    free(order);
}
