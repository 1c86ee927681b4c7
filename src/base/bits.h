/* Bitmaps: Arrow's layout, bit i of word i/64, least significant first; 1 = valid, true, selected.
 * Bits past `rows` in the last word are undefined unless a function says otherwise. */
#ifndef SL_BASE_BITS_H
#define SL_BASE_BITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define SL_BIT_WORDS(rows) (((size_t)(rows) + 63) / 64)

static inline bool sl_bit_get(const uint64_t *bits, size_t i) {
    return bits[i >> 6] >> (i & 63) & 1;
}
static inline void sl_bit_set(uint64_t *bits, size_t i) { bits[i >> 6] |= UINT64_C(1) << (i & 63); }
static inline void sl_bit_clear(uint64_t *bits, size_t i) {
    bits[i >> 6] &= ~(UINT64_C(1) << (i & 63));
}
static inline void sl_bit_put(uint64_t *bits, size_t i, bool value) {
    uint64_t mask = UINT64_C(1) << (i & 63);
    bits[i >> 6] = (bits[i >> 6] & ~mask) | (value ? mask : 0);
}
/* The last word's mask of rows that exist; all ones when rows is a multiple of 64. */
static inline uint64_t sl_bits_tail(size_t rows) {
    return rows & 63 ? (UINT64_C(1) << (rows & 63)) - 1 : ~UINT64_C(0);
}
static inline void sl_bits_fill(uint64_t *bits, size_t rows, bool value) {
    memset(bits, value ? 0xFF : 0, SL_BIT_WORDS(rows) * 8);
}
static inline size_t sl_bits_count(const uint64_t *bits, size_t rows) {
    size_t words = SL_BIT_WORDS(rows), count = 0;
    for (size_t w = 0; w < words; w++)
        count +=
            (size_t)__builtin_popcountll(w + 1 == words ? bits[w] & sl_bits_tail(rows) : bits[w]);
    return count;
}
/* NULL stands for "all ones" in both inputs; out may alias either. */
static inline void sl_bits_and(const uint64_t *a, const uint64_t *b, uint64_t *out, size_t rows) {
    for (size_t w = 0, words = SL_BIT_WORDS(rows); w < words; w++)
        out[w] = (a ? a[w] : ~UINT64_C(0)) & (b ? b[w] : ~UINT64_C(0));
}

#endif
