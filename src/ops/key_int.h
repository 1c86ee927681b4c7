/* Shared by the key files: values inside lists, and which floats are equal. */
#ifndef SL_OPS_KEY_INT_H
#define SL_OPS_KEY_INT_H

#include <math.h>

#include "ops/key_block.h"

/* Appends a row of an ARRAY or MAP that is not null, FLAT all through: equal values give equal
 * bytes. */
void sl_key_put_nested(struct sl_buf *out, const struct sl_vec *vec, uint32_t row);
/* Appends the value back to a FLAT vector. */
SL_MUST_CHECK enum sl_code sl_key_get_nested(const uint8_t *bytes, struct sl_vec *out,
                                             struct sl_err *err);

/* Spark's NormalizeFloatingNumbers. */
static inline float sl_key_float(float value) {
    return value == 0 ? 0.0f : value != value ? NAN : value;
}
static inline double sl_key_double(double value) {
    return value == 0 ? 0.0 : value != value ? (double)NAN : value;
}

#endif
