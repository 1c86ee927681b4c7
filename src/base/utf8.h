/* Code points as bytes, texts that are and are not UTF-8, and the \uXXXX halves they come from in
 * JSON, SQL and Java patterns. */
#ifndef SL_BASE_UTF8_H
#define SL_BASE_UTF8_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct sl_buf;

/* The UTF-8 form of a code point up to 0x10FFFF; returns its length. A surrogate is written as the
 * three bytes of its number: who must not write one checks before. */
size_t sl_utf8_put(char *to /*4*/, uint32_t code_point);

bool sl_utf8_is_valid(const char *bytes, size_t len);
/* Appends bytes as Java's UTF-8 decoder reads them: U+FFFD for what is malformed. */
void sl_utf8_repair(struct sl_buf *out, const char *bytes, size_t len);
/* The length of a text that was cut at `len`, without a character whose end is missing. */
size_t sl_utf8_whole(const char *text, size_t len);

static inline bool sl_utf16_is_high(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDBFF; }
static inline bool sl_utf16_is_low(uint32_t unit) { return unit >= 0xDC00 && unit <= 0xDFFF; }
static inline bool sl_utf16_is_surrogate(uint32_t unit) { return unit >= 0xD800 && unit <= 0xDFFF; }
/* The code point of a surrogate pair. */
static inline uint32_t sl_utf16_join(uint32_t high, uint32_t low) {
    return 0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00);
}

#endif
