/* Making arrays of elements that are picked from others; for the files of array functions. */
#ifndef SL_KERN_ARRAY_H
#define SL_KERN_ARRAY_H

#include "kern/call.h"

/* What the rows of one call may grow to where a number in the data says how many elements there
 * are: a number must not be able to take the memory. */
enum { SL_ARRAY_BYTES_MAX = 256 << 20 };
/* Do `count` elements more fit behind `bytes` that are taken? Else the row is marked as bad and
 * *taken stays. `each`: bytes of an element. */
bool sl_array_take(struct sl_call *call, uint32_t row, const char *function, uint64_t count,
                   uint64_t each, uint64_t *taken);
/* Bytes of one value, its parts included; a null has none. */
uint64_t sl_array_value_bytes(const struct sl_vec *vec, uint32_t row);

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

/* Marks the row as bad when two of the keys [begin, end), none of them null, are equal. */
void sl_map_check_distinct(struct sl_call *call, uint32_t row, const struct sl_vec *keys,
                           uint32_t begin, uint32_t end);

#endif
