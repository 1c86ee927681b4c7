/* The lookup path: well-formed records with keys in any order, blanks and unknown fields.  Whatever
 * is unusual (duplicate key, escaped key, bad value, an option's syntax, depth) is left to the
 * strict path by returning false.
 *
 * Bounds: SL_JSON_PAD bytes behind `end` are readable, so 16-byte loads are safe wherever
 * cursor <= end; every loop stops at end; the record is accepted only if the cursor stayed within.
 * A record that runs past its end into following bytes is thus refused. */
#include "base/utf8.h"
#include "fmt/json/json_int.h"
#include "fmt/json/json_plain.h"
#include "fmt/json/json_scan.h"

enum { FIELDS_MAX = 4096, NUMBER_BYTES_MAX = 300 };

struct reader {
    const char *cur, *end;
    struct sl_json_decoder *decoder;
    int depth;
};

static bool read_value(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                       uint32_t row);
static bool skip_value(struct reader *r);

static inline void skip_blanks(struct reader *r) {
    while (*r->cur <= ' ' && r->cur < r->end) {
        char c = *r->cur;
        if (c != ' ' && c != '\n' && c != '\r' && c != '\t') return;
        r->cur++;
    }
}

static inline bool take(struct reader *r, char c) {
    if (r->cur >= r->end || *r->cur != c) return false;
    r->cur++;
    return true;
}

/* ---- strings ---- */

static bool hex4(const struct reader *r, const char *p, uint32_t *unit) {
    if (r->end - p < 4) return false;
    *unit = 0;
    for (int i = 0; i < 4; i++) {
        int digit = sl_hex_digit(p[i]);
        if (digit < 0) return false;
        *unit = *unit << 4 | (uint32_t)digit;
    }
    return true;
}

/* At a backslash; *to moves on. Surrogates must come in pairs. */
static bool unescape(struct reader *r, uint8_t **to) {
    static const char from[] = "\"\\/bfnrt", into[] = "\"\\/\b\f\n\r\t";
    if (r->end - r->cur < 2) return false;
    char c = r->cur[1];
    r->cur += 2;
    if (c != 'u') {
        const char *at = c ? strchr(from, c) : NULL;
        if (!at) return false;
        *(*to)++ = (uint8_t)into[at - from];
        return true;
    }
    uint32_t unit, low;
    if (!hex4(r, r->cur, &unit)) return false;
    r->cur += 4;
    if (sl_utf16_is_surrogate(unit)) {
        if (sl_utf16_is_low(unit) || r->cur[0] != '\\' || r->cur[1] != 'u') return false;
        if (!hex4(r, r->cur + 2, &low) || !sl_utf16_is_low(low)) return false;
        r->cur += 6;
        unit = sl_utf16_join(unit, low);
    }
    *to += sl_utf8_put((char *)*to, unit);
    return true;
}

/* Behind an opening quote: copies to `to`, which has room for the rest of the record and 16 bytes;
 * *len is the length of the copy. */
static bool copy_string(struct reader *r, uint8_t *to, size_t *len) {
    uint8_t *begin = to;
    uint32_t any_high = 0;
    for (;;) {
        if (r->cur >= r->end) return false;
        uint32_t high, special = sl_json_scan16(r->cur, &high);
        sl_json_copy16(to, r->cur);
        if (!special) {
            any_high |= high;
            r->cur += 16;
            to += 16;
            continue;
        }
        uint32_t n = (uint32_t)__builtin_ctz(special);
        any_high |= high & ((1U << n) - 1);
        r->cur += n;
        to += n;
        if (r->cur >= r->end) return false;
        if (*r->cur == '"') break;
        if (*r->cur != '\\' || !unescape(r, &to)) return false;
    }
    r->cur++;
    *len = (size_t)(to - begin);
    return !any_high || sl_utf8_is_valid((const char *)begin, *len);
}

/* Behind an opening quote: a string without escapes, in place. */
static bool plain_string(struct reader *r, struct sl_str *text, bool *ascii) {
    const char *begin = r->cur;
    uint32_t any_high = 0;
    for (;;) {
        if (r->cur >= r->end) return false;
        uint32_t high, special = sl_json_scan16(r->cur, &high);
        if (!special) {
            any_high |= high;
            r->cur += 16;
            continue;
        }
        uint32_t n = (uint32_t)__builtin_ctz(special);
        any_high |= high & ((1U << n) - 1);
        r->cur += n;
        break;
    }
    if (r->cur >= r->end || *r->cur != '"') return false;
    *text = (struct sl_str){begin, (size_t)(r->cur - begin)};
    *ascii = !any_high;
    r->cur++;
    return true;
}

/* Behind an opening quote: only checks. Malformed UTF-8 does not matter: it would be replaced. */
static bool skip_string(struct reader *r) {
    for (;;) {
        if (r->cur >= r->end) return false;
        uint32_t high, special = sl_json_scan16(r->cur, &high);
        if (!special) {
            r->cur += 16;
            continue;
        }
        r->cur += __builtin_ctz(special);
        if (r->cur >= r->end) return false;
        if (*r->cur == '"') break;
        if (*r->cur != '\\' || r->end - r->cur < 2) return false;
        uint32_t unit;
        char c = r->cur[1];
        if (c == 'u') {
            if (!hex4(r, r->cur + 2, &unit)) return false;
            r->cur += 6;
        } else {
            if (!c || !strchr("\"\\/bfnrt", c)) return false;
            r->cur += 2;
        }
    }
    r->cur++;
    return true;
}

/* ---- numbers and words ---- */

static inline bool digit(char c) { return (unsigned char)(c - '0') < 10; }

static bool scan_number(struct reader *r, struct sl_json_number *number) {
    const char *p = r->cur, *end = r->end;
    if (*p == '-') p++;
    if (p >= end || !digit(*p)) return false;
    if (*p == '0')
        p++;
    else
        while (p < end && digit(*p)) p++;
    bool integer = true;
    if (p < end && *p == '.') {
        integer = false;
        const char *first = ++p;
        while (p < end && digit(*p)) p++;
        if (p == first) return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        integer = false;
        p++;
        if (p < end && (*p == '-' || *p == '+')) p++;
        const char *first = p;
        while (p < end && digit(*p)) p++;
        if (p == first) return false;
    }
    *number = (struct sl_json_number){{r->cur, (size_t)(p - r->cur)}, integer, SL_JSON_FINITE};
    r->cur = p;
    return number->text.len <= NUMBER_BYTES_MAX;
}

static bool take_word(struct reader *r, const char *word, size_t len) {
    if ((size_t)(r->end - r->cur) < len || memcmp(r->cur, word, len) != 0) return false;
    r->cur += len;
    return true;
}

/* ---- skipping ---- */

static bool skip_members(struct reader *r, bool object) {
    r->cur++;
    skip_blanks(r);
    if (take(r, object ? '}' : ']')) return true;
    for (;;) {
        if (object) {
            const char *begin = r->cur;
            if (!take(r, '"') || !skip_string(r)) return false;
            if (r->cur - begin > SL_JSON_NAME_MAX) return false;
            skip_blanks(r);
            if (!take(r, ':')) return false;
            skip_blanks(r);
        }
        if (!skip_value(r)) return false;
        skip_blanks(r);
        if (take(r, object ? '}' : ']')) return true;
        if (!take(r, ',')) return false;
        skip_blanks(r);
    }
}

static bool skip_value(struct reader *r) {
    if (r->cur >= r->end) return false;
    struct sl_json_number number;
    switch (*r->cur) {
    case '"':
        r->cur++;
        return skip_string(r);
    case '{':
    case '[': {
        if (r->depth >= SL_JSON_FAST_DEPTH) return false;
        r->depth++;
        bool good = skip_members(r, *r->cur == '{');
        r->depth--;
        return good;
    }
    case 't':
        return take_word(r, "true", 4);
    case 'f':
        return take_word(r, "false", 5);
    case 'n':
        return take_word(r, "null", 4);
    default:
        return scan_number(r, &number);
    }
}

/* ---- values ---- */

static int base64_bits(char c) {
    if (c >= 'A' && c <= 'Z') return c - 'A';
    if (c >= 'a' && c <= 'z') return c - 'a' + 26;
    if (c >= '0' && c <= '9') return c - '0' + 52;
    return c == '+' ? 62 : c == '/' ? 63 : -1;
}

static bool put_base64(struct reader *r, struct sl_vec *vec, uint32_t row, struct sl_str text) {
    if (text.len % 4) return false;
    size_t pad = 0;
    while (pad < 2 && text.len > pad && text.ptr[text.len - 1 - pad] == '=') pad++;
    struct sl_buf *out = &r->decoder->scratch;
    sl_buf_clear(out);
    uint32_t data = 0;
    for (size_t i = 0; i < text.len - pad; i++) {
        int bits = base64_bits(text.ptr[i]);
        if (bits < 0) return false;
        data = data << 6 | (uint32_t)bits;
        if (i % 4) sl_buf_put_byte(out, (uint8_t)(data >> (6 - 2 * (i % 4))));
    }
    return sl_json_put_bytes(r->decoder, vec, row, out->ptr, out->len) == SL_JSON_GOOD;
}

static bool read_string(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                        uint32_t row) {
    r->cur++;
    if (node->kind == SL_STRING_KIND) {
        size_t at = (size_t)vec->offsets[row], len;
        if (!copy_string(r, vec->bytes + at, &len)) return false;
        vec->offsets[row + 1] = (int32_t)(at + len);
        sl_json_set_valid(vec, row);
        return true;
    }
    struct sl_str text;
    bool ascii;
    if (!plain_string(r, &text, &ascii) || !ascii) return false;
    if (node->kind == SL_BINARY_KIND) return put_base64(r, vec, row, text);
    return sl_json_put_text(r->decoder, node, vec, row, text) == SL_JSON_GOOD;
}

static bool read_number(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                        uint32_t row) {
    const char *cur = r->cur;
    if (sl_json_plain_kind(node) && sl_json_put_plain(node, vec, row, &cur)) {
        r->cur = cur;
        sl_json_set_valid(vec, row);
        return true;
    }
    struct sl_json_number number;
    if (!scan_number(r, &number)) return false;
    return sl_json_put_number(r->decoder, node, vec, row, &number) == SL_JSON_GOOD;
}

static bool read_key(struct reader *r, const struct sl_json_node *node, uint32_t guess,
                     int *field) {
    if (!take(r, '"')) return false;
    size_t left = (size_t)(r->end - r->cur);
    if (guess < node->child_count) { /* the order of the schema is the usual order */
        struct sl_str name = node->names.names[guess];
        if (name.len < left && r->cur[name.len] == '"' && memcmp(r->cur, name.ptr, name.len) == 0) {
            r->cur += name.len + 1;
            *field = node->names.found[guess];
            if (*field < 0) r->decoder->suspect = true;
            return true;
        }
    }
    struct sl_str key;
    bool ascii;
    if (!plain_string(r, &key, &ascii) || key.len > SL_JSON_NAME_MAX) return false;
    if (!ascii && !sl_utf8_is_valid(key.ptr, key.len)) return false;
    *field = sl_json_names_find(&node->names, key.ptr, key.len);
    if (*field < 0 && sl_json_is_suspect(node, key.ptr, key.len)) r->decoder->suspect = true;
    return true;
}

static bool read_members(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                         uint32_t row, uint64_t *seen) {
    skip_blanks(r);
    if (take(r, '}')) return true;
    uint32_t guess = 0;
    for (;;) {
        int field;
        if (!read_key(r, node, guess, &field)) return false;
        skip_blanks(r);
        if (!take(r, ':')) return false;
        skip_blanks(r);
        if (field < 0) {
            if (!skip_value(r)) return false;
        } else {
            if (sl_bit_get(seen, (size_t)field)) return false;
            sl_bit_set(seen, (size_t)field);
            guess = (uint32_t)field + 1;
            if (!read_value(r, &node->children[field], &vec->children[field], row)) return false;
        }
        skip_blanks(r);
        if (take(r, '}')) return true;
        if (!take(r, ',')) return false;
        skip_blanks(r);
    }
}

static bool read_struct(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                        uint32_t row) {
    uint64_t seen[FIELDS_MAX / 64];
    uint32_t count = node->child_count;
    if (count > FIELDS_MAX) return false;
    memset(seen, 0, SL_BIT_WORDS(count ? count : 1) * 8);
    if (!read_members(r, node, vec, row, seen)) return false;
    for (uint32_t i = 0; i < count; i++)
        if (!sl_bit_get(seen, i)) sl_json_put_null(&node->children[i], &vec->children[i], row);
    sl_json_set_valid(vec, row);
    return true;
}

/* Elements of an ARRAY, or entries of a MAP. */
static bool read_list(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                      uint32_t row) {
    bool map = node->kind == SL_MAP_KIND;
    char close = map ? '}' : ']';
    uint32_t base = (uint32_t)vec->offsets[row], count = 0;
    skip_blanks(r);
    bool more = !take(r, close);
    while (more) {
        for (uint32_t i = 0; i < node->child_count; i++)
            if (!sl_json_need_rows(r->decoder, &vec->children[i], base + count + 1)) return false;
        if (map) {
            if (r->cur >= r->end || *r->cur != '"') return false;
            const char *begin = r->cur;
            if (!read_string(r, node->children, vec->children, base + count)) return false;
            if (r->cur - begin > SL_JSON_NAME_MAX) return false;
            skip_blanks(r);
            if (!take(r, ':')) return false;
            skip_blanks(r);
        }
        uint32_t value = node->child_count - 1;
        if (!read_value(r, &node->children[value], &vec->children[value], base + count))
            return false;
        count++;
        skip_blanks(r);
        more = !take(r, close);
        if (more && !take(r, ',')) return false;
        skip_blanks(r);
    }
    vec->offsets[row + 1] = (int32_t)(base + count);
    sl_json_set_valid(vec, row);
    return true;
}

static bool read_nested(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                        uint32_t row) {
    if (r->depth >= SL_JSON_FAST_DEPTH) return false;
    bool object = *r->cur++ == '{', good = false;
    r->depth++;
    if (node->kind == SL_STRUCT_KIND)
        good = object && read_struct(r, node, vec, row);
    else if (node->kind == SL_MAP_KIND || node->kind == SL_ARRAY_KIND)
        good = object == (node->kind == SL_MAP_KIND) && read_list(r, node, vec, row);
    r->depth--;
    return good;
}

static bool read_value(struct reader *r, const struct sl_json_node *node, struct sl_vec *vec,
                       uint32_t row) {
    if (r->cur >= r->end || node->kind == SL_NULL_KIND) return false;
    switch (*r->cur) {
    case '"':
        return !sl_type_is_nested(node->type) && read_string(r, node, vec, row);
    case '{':
    case '[':
        return read_nested(r, node, vec, row);
    case 'n':
        if (!take_word(r, "null", 4)) return false;
        sl_json_put_null(node, vec, row);
        return true;
    case 't':
        return take_word(r, "true", 4) &&
               sl_json_put_bool(r->decoder, node, vec, row, true) == SL_JSON_GOOD;
    case 'f':
        return take_word(r, "false", 5) &&
               sl_json_put_bool(r->decoder, node, vec, row, false) == SL_JSON_GOOD;
    default:
        return read_number(r, node, vec, row);
    }
}

bool sl_json_lookup(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                    uint32_t row) {
    struct reader r = {record.ptr, record.ptr + record.len, decoder, 0};
    skip_blanks(&r);
    if (r.cur >= r.end || (*r.cur != '{' && *r.cur != '[')) return false;
    return read_nested(&r, &decoder->root, out, row) && r.cur <= r.end;
}

bool sl_json_lookup_value(struct sl_json_decoder *decoder, const char **cur, const char *end,
                          const struct sl_json_node *node, struct sl_vec *vec, uint32_t row) {
    struct reader r = {*cur, end, decoder, 1};
    bool good = read_value(&r, node, vec, row);
    *cur = r.cur;
    return good;
}

bool sl_json_lookup_skip(struct sl_json_decoder *decoder, const char **cur, const char *end) {
    struct reader r = {*cur, end, decoder, 1};
    bool good = skip_value(&r);
    *cur = r.cur;
    return good;
}

bool sl_json_lookup_copy(struct sl_json_decoder *decoder, const char **cur, const char *end,
                         uint8_t *to, size_t *len) {
    struct reader r = {*cur, end, decoder, 1};
    bool good = copy_string(&r, to, len);
    *cur = r.cur;
    return good;
}
