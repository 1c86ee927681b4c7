/* Strings as Jackson's generators write them. */
#include "fmt/json/json_token.h"

static void put_u(struct sl_buf *out, uint32_t unit) { sl_buf_printf(out, "\\u%04X", unit); }

static void put_escape(struct sl_buf *out, uint8_t c) {
    static const char shorts[] = {['\b'] = 'b', ['\t'] = 't', ['\n'] = 'n', ['\f'] = 'f',
                                  ['\r'] = 'r', ['"'] = '"',  ['\\'] = '\\'};
    if (c < sizeof shorts && shorts[c]) {
        sl_buf_put_byte(out, '\\');
        sl_buf_put_byte(out, (uint8_t)shorts[c]);
    } else {
        put_u(out, c);
    }
}

static uint32_t low6(const uint8_t *p, int i) { return p[i] & 0x3FU; }

void sl_json_quote(struct sl_buf *out, struct sl_str text, bool plain) {
    const uint8_t *p = (const uint8_t *)text.ptr, *end = p + text.len, *run = p;
    sl_buf_put_byte(out, '"');
    while (p < end) {
        bool escaped = *p < ' ' || *p == '"' || *p == '\\';
        bool pair = !plain && *p >= 0xF0 && end - p >= 4;
        bool lone = !plain && *p == 0xED && end - p >= 3 && p[1] >= 0xA0;
        if (!escaped && !pair && !lone) {
            p++;
            continue;
        }
        sl_buf_put(out, run, (size_t)(p - run));
        if (escaped) {
            put_escape(out, *p);
        } else if (pair) {
            uint32_t code = (*p & 7U) << 18 | low6(p, 1) << 12 | low6(p, 2) << 6 | low6(p, 3);
            put_u(out, 0xD7C0 + (code >> 10));
            put_u(out, 0xDC00 | (code & 0x3FF));
        } else {
            put_u(out, 0xD000 | low6(p, 1) << 6 | low6(p, 2));
        }
        p += pair ? 4 : lone ? 3 : 1;
        run = p;
    }
    sl_buf_put(out, run, (size_t)(end - run));
    sl_buf_put_byte(out, '"');
}
