/* Making arrays of elements that are picked from others; for the files of array functions. */
#ifndef SL_KERN_ARRAY_H
#define SL_KERN_ARRAY_H

#include "kern/call.h"

/* What one batch may make: far more than Spark's rows hold, and short of what an int32 counts. */
enum { SL_ARRAY_ITEMS_MAX = 1 << 28 };

struct sl_range {
    uint32_t begin, end;
};
/* Of a row that is not null. */
struct sl_range sl_array_range(const struct sl_vec *list, uint32_t row);
/* A row of a STRICT call that is null, as far as the kernel knows. */
bool sl_array_row_is_null(const struct sl_call *call, uint32_t row);

/* Elements for call->out, row by row: number `at` of sources[source], SL_NO_ROW for a null.
 * call->out has been reserved. */
struct sl_picks {
    struct sl_call *call;
    const struct sl_vec *const *sources;
    uint32_t *source, *at;
    uint32_t count, cap;
};
void sl_picks_begin(struct sl_picks *picks, struct sl_call *call,
                    const struct sl_vec *const *sources);
void sl_picks_add(struct sl_picks *picks, uint32_t source, uint32_t at);
void sl_picks_end_row(struct sl_picks *picks, uint32_t row);
SL_MUST_CHECK enum sl_code sl_picks_copy(const struct sl_picks *picks, struct sl_vec *to,
                                         struct sl_err *err);

#endif
