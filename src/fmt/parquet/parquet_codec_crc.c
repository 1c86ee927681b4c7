/* CRC-32 (zlib's polynomial) of pages by carry-less multiplication: zlib's table code makes 4 GB/s,
 * which would be the largest single cost of a page that is not compressed; this makes about 20.
 * Method and constants: Gopal et al., "Fast CRC Computation for Generic Polynomials Using
 * PCLMULQDQ" (Intel, 2009), bit-reflected form. */
#include "base/hash.h"
#include "fmt/parquet/parquet_codec.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define FOLDING __attribute__((target("sse4.1,pclmul")))

FOLDING static inline __m128i load(const uint8_t *at) {
    return _mm_loadu_si128((const __m128i *)(const void *)at);
}

/* Moves x behind `by` (distances encoded in the constants) and adds next. */
FOLDING static inline __m128i fold(__m128i x, __m128i by, __m128i next) {
    __m128i low = _mm_clmulepi64_si128(x, by, 0x00), high = _mm_clmulepi64_si128(x, by, 0x11);
    return _mm_xor_si128(_mm_xor_si128(low, high), next);
}

/* The remainder of 128 bits by the polynomial (Barrett). */
FOLDING static uint32_t reduce(__m128i x, __m128i by_16) {
    const __m128i by_8 = _mm_set_epi64x(0, 0x163cd6124), words = _mm_setr_epi32(-1, 0, -1, 0);
    const __m128i divisor = _mm_set_epi64x(0x1f7011641, 0x1db710641);
    __m128i t = _mm_clmulepi64_si128(x, by_16, 0x10);
    x = _mm_xor_si128(_mm_srli_si128(x, 8), t);
    t = _mm_srli_si128(x, 4);
    x = _mm_xor_si128(_mm_clmulepi64_si128(_mm_and_si128(x, words), by_8, 0x00), t);
    t = _mm_clmulepi64_si128(_mm_and_si128(x, words), divisor, 0x10);
    t = _mm_clmulepi64_si128(_mm_and_si128(t, words), divisor, 0x00);
    return (uint32_t)_mm_extract_epi32(_mm_xor_si128(x, t), 1);
}

/* len >= 64 and a multiple of 16. */
FOLDING static uint32_t crc_folded(uint32_t crc, const uint8_t *at, size_t len) {
    const __m128i by_64 = _mm_set_epi64x(0x1c6e41596, 0x154442bd4);
    const __m128i by_16 = _mm_set_epi64x(0x0ccaa009e, 0x1751997d0);
    __m128i a = _mm_xor_si128(load(at), _mm_cvtsi32_si128((int)~crc));
    __m128i b = load(at + 16), c = load(at + 32), d = load(at + 48);
    for (at += 64, len -= 64; len >= 64; at += 64, len -= 64) {
        a = fold(a, by_64, load(at));
        b = fold(b, by_64, load(at + 16));
        c = fold(c, by_64, load(at + 32));
        d = fold(d, by_64, load(at + 48));
    }
    a = fold(fold(fold(a, by_16, b), by_16, c), by_16, d);
    for (; len >= 16; at += 16, len -= 16) a = fold(a, by_16, load(at));
    return ~reduce(a, by_16);
}

uint32_t sl_page_crc(const void *bytes, size_t len) {
    if (len < 64 || !__builtin_cpu_supports("pclmul")) return sl_crc32(0, bytes, len);
    size_t whole = len & ~(size_t)15;
    uint32_t crc = crc_folded(0, bytes, whole);
    return sl_crc32(crc, (const uint8_t *)bytes + whole, len - whole);
}
#else
uint32_t sl_page_crc(const void *bytes, size_t len) { return sl_crc32(0, bytes, len); }
#endif
