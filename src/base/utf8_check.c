/* UTF-8 as Java's decoder (sun.nio.cs.UTF_8) sees it: which byte runs are malformed, and how many
 * bytes each U+FFFD stands for. */
#include <string.h>

#include "base/buf.h"
#include "base/utf8.h"

static bool continuation(uint8_t byte) { return (byte & 0xC0) == 0x80; }

/* Length of the well-formed sequence at p (1..4), or minus the bytes one U+FFFD stands for.
 * A lone surrogate (ED A0..BF xx) is one U+FFFD for three bytes; a sequence that the text cuts off
 * is one for all that is left. */
static int sequence(const uint8_t *p, size_t left) {
    uint8_t lead = p[0];
    if (lead < 0x80) return 1;
    if (lead < 0xC2 || lead > 0xF7) return -1;
    if (lead < 0xE0) return left < 2 ? -1 : continuation(p[1]) ? 2 : -1;
    if (lead < 0xF0) {
        if (left < 2) return -1;
        if ((lead == 0xE0 && (p[1] & 0xE0) == 0x80) || !continuation(p[1])) return -1;
        if (left < 3 || !continuation(p[2])) return -2;
        return lead == 0xED && p[1] >= 0xA0 ? -3 : 3;
    }
    if (lead > 0xF4) return -1;
    if (left < 2) return -1;
    if ((lead == 0xF0 && (p[1] < 0x90 || p[1] > 0xBF)) || (lead == 0xF4 && (p[1] & 0xF0) != 0x80) ||
        !continuation(p[1]))
        return -1;
    if (left < 3 || !continuation(p[2])) return -2;
    return left < 4 || !continuation(p[3]) ? -3 : 4;
}

/* Bytes of plain ASCII at p. */
static size_t ascii_run(const uint8_t *p, size_t left) {
    size_t i = 0;
    for (; i + 8 <= left; i += 8) {
        uint64_t word;
        memcpy(&word, p + i, 8);
        if (word & UINT64_C(0x8080808080808080)) break;
    }
    while (i < left && p[i] < 0x80) i++;
    return i;
}

bool sl_utf8_is_valid(const char *bytes, size_t len) {
    const uint8_t *p = (const uint8_t *)bytes;
    for (size_t i = ascii_run(p, len); i < len;) {
        int step = sequence(p + i, len - i);
        if (step < 0) return false;
        i += (size_t)step;
        if (step == 1) i += ascii_run(p + i, len - i);
    }
    return true;
}

void sl_utf8_repair(struct sl_buf *out, const char *bytes, size_t len) {
    const uint8_t *p = (const uint8_t *)bytes;
    size_t good = 0, i = 0;
    sl_buf_reserve(out, len);
    while (i < len) {
        int step = sequence(p + i, len - i);
        if (step > 0) {
            i += (size_t)step;
            continue;
        }
        sl_buf_put(out, p + good, i - good);
        sl_buf_put(out, "\xEF\xBF\xBD", 3);
        i += (size_t)-step;
        good = i;
    }
    sl_buf_put(out, p + good, len - good);
}
