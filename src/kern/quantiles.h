/* A summary of many numbers that tells any quantile with a bounded error of rank: Greenwald and
 * Khanna, "Space-efficient online computation of quantile summaries" (2001), with the buffering,
 * merging and thresholds of Spark's QuantileSummaries, so that both give the same answers. */
#ifndef SL_KERN_QUANTILES_H
#define SL_KERN_QUANTILES_H

#include "kern/accumulator.h"

/* gap: how many ranks at least it is behind the sample before; delta: how uncertain its rank is. */
struct sl_quantile_sample {
    double value;
    int64_t gap, delta;
};

struct sl_quantiles {
    double *head; /* values not yet among the samples */
    struct sl_quantile_sample *samples;
    int64_t count; /* values that the samples stand for */
    uint32_t head_count, head_cap, sample_count, sample_cap;
};

enum {
    SL_QUANTILES_HEAD = 50000,              /* values are buffered */
    SL_QUANTILES_COMPRESS_THRESHOLD = 10000 /* samples, before a compression */
};

SL_MUST_CHECK enum sl_code sl_quantiles_add(struct sl_quantiles *q,
                                            struct sl_accumulator_base *base, double error,
                                            double value, struct sl_err *err);
/* Samples all values and drops what the error allows. */
SL_MUST_CHECK enum sl_code sl_quantiles_compress(struct sl_quantiles *q,
                                                 struct sl_accumulator_base *base, double error,
                                                 struct sl_err *err);
/* Adds what samples of another summary stand for; q is compressed first. */
SL_MUST_CHECK enum sl_code sl_quantiles_merge(struct sl_quantiles *q,
                                              struct sl_accumulator_base *base, double error,
                                              const struct sl_quantile_sample *samples,
                                              uint32_t sample_count, int64_t count,
                                              double other_error, struct sl_err *err);
/* Of a compressed summary with a count > 0. `out` gets the quantiles of `wanted`, in that order. */
void sl_quantiles_query(const struct sl_quantiles *q, double error, const double *wanted,
                        uint32_t wanted_count, double *out);
void sl_quantiles_release(struct sl_quantiles *q, struct sl_accumulator_base *base);

#endif
