/* ULEB128 and zigzag: the integers of Thrift's compact protocol, of hybrid runs and delta pages. */
#ifndef SL_FMT_PARQUET_VARINT_H
#define SL_FMT_PARQUET_VARINT_H

#include "base/buf.h"

enum { SL_VARINT_BYTES_MAX = 10 };

static inline void sl_varint_put(struct sl_buf *out, uint64_t value) {
    uint8_t *to = sl_buf_reserve(out, SL_VARINT_BYTES_MAX);
    size_t len = 0;
    for (; value >= 0x80; value >>= 7) to[len++] = (uint8_t)(value | 0x80);
    to[len++] = (uint8_t)value;
    out->len += len;
}

/* False when the bytes end within it (then *pos == end) or it has more than 10. Bits beyond 64 are
 * dropped. */
static inline bool sl_varint_get(const uint8_t **pos, const uint8_t *end, uint64_t *out) {
    uint64_t value = 0;
    for (unsigned shift = 0; shift < 7 * SL_VARINT_BYTES_MAX; shift += 7) {
        if (*pos >= end) return false;
        uint8_t byte = *(*pos)++;
        if (shift < 64) value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte & 0x80) continue;
        *out = value;
        return true;
    }
    return false;
}

static inline uint64_t sl_zigzag(int64_t value) {
    return (uint64_t)value << 1 ^ (uint64_t)(value >> 63);
}
static inline int64_t sl_unzigzag(uint64_t value) {
    return (int64_t)(value >> 1 ^ (~(value & 1) + 1));
}

#endif
