/* Sixteen bytes of a JSON string at a time.  x86-64-v2 has SSE2 always; elsewhere plain C. */
#ifndef SL_FMT_JSON_JSON_SCAN_H
#define SL_FMT_JSON_JSON_SCAN_H

#include <stdint.h>
#include <string.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* Bit i: byte i is a quote, a backslash or a control character. *high: bytes with bit 7. */
static inline uint32_t sl_json_scan16(const char *p, uint32_t *high) {
#if defined(__SSE2__)
    __m128i bytes = _mm_loadu_si128((const __m128i *)p);
    __m128i quote = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('"'));
    __m128i slash = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\\'));
    __m128i control = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1F)), bytes);
    *high = (uint32_t)_mm_movemask_epi8(bytes);
    return (uint32_t)_mm_movemask_epi8(_mm_or_si128(_mm_or_si128(quote, slash), control));
#else
    uint32_t special = 0, top = 0;
    for (uint32_t i = 0; i < 16; i++) {
        uint8_t c = (uint8_t)p[i];
        special |= (uint32_t)(c == '"' || c == '\\' || c < ' ') << i;
        top |= (uint32_t)(c >> 7) << i;
    }
    *high = top;
    return special;
#endif
}

static inline void sl_json_copy16(uint8_t *to, const char *from) { memcpy(to, from, 16); }

#endif
