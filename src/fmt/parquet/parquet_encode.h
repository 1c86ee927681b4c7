/* Parquet's RLE / bit-packing hybrid, writing side (Encodings.md): levels and dictionary
 * codes.  Pure functions over a byte buffer.
 */
#ifndef SL_FMT_PARQUET_ENCODE_H
#define SL_FMT_PARQUET_ENCODE_H

#include <stdint.h>

#include "base/buf.h"

/* Bits needed for the values 0..max. */
static inline uint32_t sl_bit_width(uint32_t max) {
    return max ? 32 - (uint32_t)__builtin_clz(max) : 0;
}

/* One run of `count` equal values. */
void sl_hybrid_put_run(struct sl_buf *out, uint32_t value, uint32_t count, uint32_t width);
/* values[0..count), each below 2^width, width 0..32; long runs become RLE, the rest is packed. */
void sl_hybrid_put(struct sl_buf *out, const uint32_t *values, uint32_t count, uint32_t width);

#endif
