/* Code points as bytes, and the \uXXXX halves they come from in JSON, SQL and Java patterns. */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The UTF-8 form of a code point up to 0x10FFFF; returns its length. A surrogate is written as the
 * three bytes of its number: who must not write one checks before. */
size_t sl_utf8_put(char *to /*4*/, uint32_t code_point);

static inline bool sl_utf16_is_high(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
static inline bool sl_utf16_is_low(uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }
static inline bool sl_utf16_is_surrogate(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDFFF; }
/* The code point of a surrogate pair. */
static inline uint32_t sl_utf16_join(uint32_t high, uint32_t low) {
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

#endif
