#include "lake/percent.h"

void sl_percent_encode(struct sl_buf *out, struct sl_str text, bool (*escape)(unsigned char c)) {
    static const char hex[] = "0123456789ABCDEF";
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (!escape(c)) {
            sl_buf_put_byte(out, c);
            continue;
        }
        uint8_t code[3] = {'%', (uint8_t)hex[c >> 4], (uint8_t)hex[c & 15]};
        sl_buf_put(out, code, sizeof code);
    }
}

void sl_percent_decode(struct sl_buf *out, struct sl_str text) {
    for (size_t i = 0; i < text.len; i++) {
        int high = i + 2 < text.len ? sl_hex_digit(text.ptr[i + 1]) : -1;
        int low = i + 2 < text.len ? sl_hex_digit(text.ptr[i + 2]) : -1;
        if (text.ptr[i] == '%' && high >= 0 && low >= 0) {
            sl_buf_put_byte(out, (uint8_t)(high << 4 | low));
            i += 2;
        } else {
            sl_buf_put_byte(out, (uint8_t)text.ptr[i]);
        }
    }
}
