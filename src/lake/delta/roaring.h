/* 64-bit Roaring bitmaps in the portable format (RoaringFormatSpec; PROTOCOL.md "Deletion Vector
 * Format"): read in place, never changed.  Every container is checked once, when parsed: bounds,
 * order, cardinality. Owner: one thread while parsing; many may ask. */
#ifndef SL_LAKE_DELTA_ROARING_H
#define SL_LAKE_DELTA_ROARING_H

#include "base/err.h"
#include "base/str.h"

enum sl_roaring_kind { SL_ROARING_ARRAY, SL_ROARING_BITMAP, SL_ROARING_RUNS };

struct sl_roaring_container {
    uint64_t high;        /* bits 16..63 of its values */
    const uint8_t *bytes; /* u16 values; 1,024 words; or (start, length - 1) pairs */
    uint32_t count;       /* values, or runs */
    enum sl_roaring_kind kind;
};
struct sl_roaring {
    struct sl_roaring_container *containers; /* ascending */
    size_t count, cap;
    uint64_t cardinality;
};

/* `bytes` are borrowed until release. SL_DATA names the byte position. */
SL_MUST_CHECK enum sl_code sl_roaring_parse(struct sl_roaring *out, struct sl_str bytes,
                                            struct sl_err *err);
void sl_roaring_release(struct sl_roaring *roaring); /* safe on a zeroed struct */
bool sl_roaring_has(const struct sl_roaring *roaring, uint64_t value);
/* Clears, in `keep` (bit i = value first + i), the values that are in the set. */
void sl_roaring_clear(const struct sl_roaring *roaring, uint64_t first, uint32_t count,
                      uint64_t *keep);

#endif
