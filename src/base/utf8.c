#include "base/utf8.h"

size_t sl_utf8_put(char *to, uint32_t code_point) {
    if (code_point < 0x80) {
        to[0] = (char)code_point;
        return 1;
    }
    size_t width = code_point < 0x800 ? 2 : code_point < 0x10000 ? 3 : 4;
    for (size_t i = width - 1; i > 0; i--, code_point >>= 6)
        to[i] = (char)(0x80 | (code_point & 0x3F));
    /* the lead byte: `width` ones and a zero, then what is left of the code point */
    to[0] = (char)((0xF00 >> width & 0xFF) | code_point);
    return width;
}

size_t sl_utf8_whole(const char *text, size_t len) {
    size_t lead = len;
    while (lead && len - lead < 3 && ((uint8_t)text[lead - 1] & 0xC0) == 0x80) lead--;
    if (!lead || ((uint8_t)text[lead - 1] & 0xC0) != 0xC0) return len;
    uint8_t first = (uint8_t)text[--lead];
    size_t whole = first >= 0xF0 ? 4 : first >= 0xE0 ? 3 : 2;
    return len - lead < whole ? lead : len;
}
