#include "kern/string_utf8.h"

size_t sl_utf8_count(struct sl_str s) {
    if (sl_str_is_ascii(s)) return s.len;
    size_t count = 0;
    for (size_t i = 0; i < s.len; i += sl_utf8_step(s, i)) count++;
    return count;
}

size_t sl_utf8_offset(struct sl_str s, size_t chars) {
    size_t i = 0;
    while (chars-- && i < s.len) i += sl_utf8_step(s, i);
    return i;
}

int32_t sl_utf8_next(struct sl_str s, size_t *at) {
    size_t i = *at, width = sl_utf8_step(s, i);
    unsigned char first = (unsigned char)s.ptr[i];
    int32_t value = first;
    *at = i + width;
    if (width != sl_utf8_width(first) || width == 1) return value;
    value = first & (0x7F >> width);
    for (size_t k = 1; k < width; k++) value = value << 6 | (s.ptr[i + k] & 0x3F);
    return value;
}
