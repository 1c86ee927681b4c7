/* UTF-8 as Spark's UTF8String counts it: the first byte tells the length, and nothing is checked,
 * so every byte string has characters. */
#ifndef SL_KERN_STRING_UTF8_H
#define SL_KERN_STRING_UTF8_H

#include "base/str.h"

static inline size_t sl_utf8_width(unsigned char first) {
    return first < 0xC2 ? 1 : first < 0xE0 ? 2 : first < 0xF0 ? 3 : first < 0xF5 ? 4 : 1;
}
/* Bytes of the character at `at`, never past the end. */
static inline size_t sl_utf8_step(struct sl_str s, size_t at) {
    size_t width = sl_utf8_width((unsigned char)s.ptr[at]);
    return width < s.len - at ? width : s.len - at;
}
static inline bool sl_str_is_ascii(struct sl_str s) {
    size_t i = 0;
    uint64_t high = 0, word;
    for (; i + 8 <= s.len; i += 8) {
        memcpy(&word, s.ptr + i, 8);
        high |= word;
    }
    for (; i < s.len; i++) high |= (unsigned char)s.ptr[i];
    return (high & UINT64_C(0x8080808080808080)) == 0;
}
size_t sl_utf8_count(struct sl_str s);
/* Byte position of character number `chars`, or s.len. */
size_t sl_utf8_offset(struct sl_str s, size_t chars);
/* The character at *at, which moves behind it; the byte's value when it is no UTF-8. */
int32_t sl_utf8_next(struct sl_str s, size_t *at);

#endif
