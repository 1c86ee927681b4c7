/* The constant second argument of percentile and percentile_approx: one percentage or an array. */
#ifndef SL_KERN_PERCENTAGES_H
#define SL_KERN_PERCENTAGES_H

#include "kern/aggregate.h"

struct sl_percentages {
    double *items;
    uint32_t count;
    bool array;       /* the result is one, too */
    int64_t accuracy; /* of percentile_approx */
};

/* The type that a DOUBLE or ARRAY<DOUBLE> constant is cast to. */
SL_MUST_CHECK enum sl_code sl_percentages_read(struct sl_arena *query, const struct sl_vec *value,
                                               struct sl_percentages *out, struct sl_err *err);

#endif
