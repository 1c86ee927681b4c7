/* Decoders of Parquet's encodings (Encodings.md), on bytes in memory.
 *
 * All are cursors that give the next values of a page on demand and never allocate.  They may read
 * up to 8 bytes behind `end`, so page buffers are padded; what lies there never reaches a result.
 * A false return means that the bytes are broken. Owner: one thread.
 */
#ifndef SL_FMT_PARQUET_DECODE_H
#define SL_FMT_PARQUET_DECODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SL_DECODE_PADDING = 64 };

/* RLE / bit-packed hybrid: levels, dictionary indexes, booleans. */
struct sl_hybrid {
    const uint8_t *pos, *end;
    uint32_t width;      /* bits, 0..32; 0: all values are 0 and no bytes are read */
    uint32_t left;       /* values left of the current run */
    bool packed;         /* the current run is bit-packed */
    uint32_t value;      /* of an RLE run */
    const uint8_t *bits; /* of a packed run */
    uint64_t bit;        /* position in it */
    bool msb_first;      /* legacy BIT_PACKED levels: one endless packed run */
};
void sl_hybrid_init(struct sl_hybrid *h, const uint8_t *bytes, size_t len, uint32_t width);
/* BIT_PACKED (4): most significant bit first, no runs. */
void sl_hybrid_init_legacy(struct sl_hybrid *h, const uint8_t *bytes, size_t len, uint32_t width);
bool sl_hybrid_u8(struct sl_hybrid *h, uint8_t *out, uint32_t count);
bool sl_hybrid_u32(struct sl_hybrid *h, uint32_t *out, uint32_t count);
/* If the next `count` values are one run: takes it, *value is its value. Otherwise takes nothing
 * and returns false. */
bool sl_hybrid_constant(struct sl_hybrid *h, uint32_t count, uint32_t *value);

/* DELTA_BINARY_PACKED. */
struct sl_delta {
    const uint8_t *pos, *end;
    uint64_t left; /* values not yet given */
    uint32_t block_minis, mini_values;
    uint64_t last; /* wraps around */
    bool first;
    uint64_t min_delta;
    const uint8_t *widths; /* of the current block */
    uint32_t mini;         /* the next miniblock of the block */
    uint32_t mini_left;
    const uint8_t *bits;
    uint64_t bit;
    uint32_t width;
};
bool sl_delta_init(struct sl_delta *d, const uint8_t *bytes, size_t len);
bool sl_delta_next(struct sl_delta *d, int64_t *out, uint32_t count);
/* Where the encoded values end; NULL if the bytes are broken. Does not move the cursor. */
const uint8_t *sl_delta_end(const struct sl_delta *d);

static inline uint64_t sl_load_u64(const uint8_t *from) {
    uint64_t value;
    memcpy(&value, from, 8);
    return value;
}
static inline uint32_t sl_load_u32(const uint8_t *from) {
    uint32_t value;
    memcpy(&value, from, 4);
    return value;
}

#endif
