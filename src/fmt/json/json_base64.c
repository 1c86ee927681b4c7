/* Base64 of binary fields as Jackson decodes it while it reads the string: variant
 * MIME_NO_LINEFEEDS, padding required, blanks and control characters allowed between groups.  When
 * it refuses, the string stays incomplete, so the parser skips the rest of it next; if the closing
 * quote was already consumed, that rest is whatever follows, as in Jackson. */
#include "fmt/json/json_token.h"

enum { PADDING = -2, OTHER = -1, LATE_END = -3 };

static int base64_bits(int c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : c == '=' ? PADDING : OTHER;
}

/* Where characters come from: the rest of the input, or a text that was already unescaped. */
struct source {
    const char *cur, *end;
    bool raw; /* input: a quote ends it, backslashes escape */
};

/* Behind a backslash; -1 on a bad escape. */
static int unescape(struct source *in, const struct sl_json_options *options) {
    if (in->cur == in->end) return -1;
    int c = (unsigned char)*in->cur++;
    switch (c) {
    case 'b':
    case 't':
    case 'n':
    case 'f':
    case 'r':
        return '\n';
    case '"':
    case '/':
    case '\\':
        return c;
    case 'u':
        break;
    default:
        return options->allow_backslash_escaping_any || (c == '\'' && options->allow_single_quotes)
                   ? c
                   : -1;
    }
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = in->cur < in->end ? sl_hex_digit(*in->cur++) : -1;
        if (digit < 0) return -1;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* The bits of character c at `place` of a group: 0..63, PADDING, OTHER = blank to skip (first place
 * only), LATE_END = refuse. */
static int group_bits(struct source *in, const struct sl_json_options *options, int c, int place) {
    int bits = base64_bits(c);
    if (bits >= 0 || (bits == PADDING && place >= 2)) return bits;
    if (!in->raw || c != '\\') return LATE_END;
    int unit = unescape(in, options);
    if (unit < 0) return LATE_END;
    if (unit <= ' ' && place == 0) return OTHER;
    bits = base64_bits(unit);
    return bits >= 0 || (bits == PADDING && place >= 2) ? bits : LATE_END;
}

static bool ended(const struct source *in, int c) { return in->raw && c == '"'; }

/* One group behind its first character; *more is false after padding's group has no more. */
static bool rest_of_group(struct source *in, const struct sl_json_options *options, int first,
                          struct sl_buf *out) {
    uint32_t data = (uint32_t)first;
    for (int place = 1; place < 4; place++) {
        if (in->cur == in->end) return false;
        int c = (unsigned char)*in->cur++;
        if (place >= 2 && ended(in, c)) { /* padding is missing */
            in->cur--;
            return false;
        }
        int bits = group_bits(in, options, c, place);
        if (bits == PADDING) {
            if (place == 2) {
                if (in->cur == in->end) return false;
                c = (unsigned char)*in->cur++;
                if (c != '=' && group_bits(in, options, c, 3) != PADDING) return false;
                sl_buf_put_byte(out, (uint8_t)(data >> 4));
            } else {
                sl_buf_put_byte(out, (uint8_t)(data >> 10));
                sl_buf_put_byte(out, (uint8_t)(data >> 2));
            }
            return true;
        }
        if (bits < 0) return false;
        data = data << 6 | (uint32_t)bits;
    }
    uint8_t bytes[3] = {(uint8_t)(data >> 16), (uint8_t)(data >> 8), (uint8_t)data};
    sl_buf_put(out, bytes, 3);
    return true;
}

static bool decode(struct source *in, const struct sl_json_options *options, struct sl_buf *out) {
    for (;;) {
        int c;
        do {
            if (in->cur == in->end) return !in->raw;
            c = (unsigned char)*in->cur++;
        } while (c <= ' ');
        if (ended(in, c)) return true;
        int bits = group_bits(in, options, c, 0);
        if (bits == OTHER) continue;
        if (bits < 0 || !rest_of_group(in, options, bits, out)) return false;
    }
}

bool sl_json_parser_base64(struct sl_json_parser *p, struct sl_buf *out) {
    struct source in = {p->cur, p->end, true};
    if (!p->incomplete) in = (struct source){p->string.ptr, p->string.ptr + p->string.len, false};
    bool good = decode(&in, p->options, out);
    if (p->incomplete) {
        p->cur = in.cur;
        p->incomplete = !good;
    }
    return good;
}
