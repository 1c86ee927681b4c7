/* upper, lower, initcap: ASCII in vectors, the rest by utf8proc with Java's one-to-many cases. */
#include <utf8proc.h>

#include "base/utf8.h"
#include "kern/string_int.h"

/* What one character becomes; at most 3 characters (Unicode SpecialCasing). */
static size_t upper_char(int32_t c, int32_t to[3]) {
    static const struct {
        int32_t from, to[3];
    } special[] = {
        {0xDF, {'S', 'S'}},
        {0x149, {0x2BC, 'N'}},
        {0x1F0, {'J', 0x30C}},
        {0x390, {0x399, 0x308, 0x301}},
        {0x3B0, {0x3A5, 0x308, 0x301}},
        {0x587, {0x535, 0x552}},
        {0x1E96, {'H', 0x331}},
        {0x1E97, {'T', 0x308}},
        {0x1E98, {'W', 0x30A}},
        {0x1E99, {'Y', 0x30A}},
        {0x1E9A, {'A', 0x2BE}},
        {0xFB00, {'F', 'F'}},
        {0xFB01, {'F', 'I'}},
        {0xFB02, {'F', 'L'}},
        {0xFB03, {'F', 'F', 'I'}},
        {0xFB04, {'F', 'F', 'L'}},
        {0xFB05, {'S', 'T'}},
        {0xFB06, {'S', 'T'}},
    };
    for (size_t i = 0; i < sizeof special / sizeof *special; i++)
        if (special[i].from == c) {
            memcpy(to, special[i].to, sizeof special[i].to);
            return special[i].to[2] ? 3 : 2;
        }
    to[0] = utf8proc_toupper(c);
    return 1;
}

static bool is_cased(int32_t c) { return utf8proc_toupper(c) != c || utf8proc_tolower(c) != c; }

/* A sigma that ends a word: a letter before it and none behind. */
static int32_t lower_sigma(struct sl_str s, size_t begin, size_t end) {
    if (begin == 0 || end > s.len) return 0x3C3;
    size_t before = begin - 1;
    while (before && ((unsigned char)s.ptr[before] & 0xC0) == 0x80) before--;
    if (!is_cased(sl_utf8_next(s, &before))) return 0x3C3;
    return end < s.len && is_cased(sl_utf8_next(s, &end)) ? 0x3C3 : 0x3C2;
}

/* What is no UTF-8 stays as it is. */
static bool is_whole(struct sl_str s, size_t begin, size_t end) {
    unsigned char first = (unsigned char)s.ptr[begin];
    if (first < 0x80) return true;
    if (end - begin < 2) return false;
    for (size_t i = begin + 1; i < end; i++)
        if (((unsigned char)s.ptr[i] & 0xC0) != 0x80) return false;
    return true;
}

enum casing { UPPER, LOWER };

static void put_cased(struct sl_buf *out, struct sl_str s, size_t begin, size_t *end,
                      enum casing casing) {
    int32_t to[3], c = sl_utf8_next(s, end);
    size_t count = 1;
    if (!is_whole(s, begin, *end)) {
        sl_buf_put(out, s.ptr + begin, *end - begin);
        return;
    }
    if (casing == UPPER) {
        count = upper_char(c, to);
    } else if (c == 0x130) { /* I with dot: i and a combining dot */
        to[0] = 'i', to[1] = 0x307, count = 2;
    } else {
        to[0] = c == 0x3A3 ? lower_sigma(s, begin, *end) : utf8proc_tolower(c);
    }
    char bytes[4];
    for (size_t i = 0; i < count; i++) sl_buf_put(out, bytes, sl_utf8_put(bytes, (uint32_t)to[i]));
}

static void put_all_cased(struct sl_buf *out, struct sl_str s, enum casing casing) {
    for (size_t at = 0; at < s.len;) put_cased(out, s, at, &at, casing);
}

void sl_str_put_lower(struct sl_buf *out, struct sl_str s) { put_all_cased(out, s, LOWER); }

/* Branch-free, so the compiler makes vectors of it. */
static void ascii_cased(char *restrict to, const char *restrict from, size_t len, char first) {
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)from[i];
        to[i] = (char)(c ^ ((unsigned char)(c - (unsigned char)first) < 26 ? 0x20 : 0));
    }
}

static enum sl_code map_case(struct sl_call *call, enum casing casing, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_buf text = {0};
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        struct sl_str s = sl_arg_str(call, 0, row);
        if (sl_str_is_ascii(s)) {
            code = sl_string_out_room(&out, s.len, err);
            if (code != SL_OK) break;
            ascii_cased(sl_string_out_at(&out), s.ptr, s.len, casing == UPPER ? 'a' : 'A');
            out.len += s.len;
        } else {
            sl_buf_clear(&text);
            put_all_cased(&text, s, casing);
            code = sl_string_out_put(&out, text.ptr, text.len, err);
        }
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_kernel_upper(struct sl_call *call, struct sl_err *err) {
    return map_case(call, UPPER, err);
}
enum sl_code sl_kernel_lower(struct sl_call *call, struct sl_err *err) {
    return map_case(call, LOWER, err);
}

/* A word begins behind a blank. */
static void build_initcap(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = sl_arg_str(call, 0, row);
    bool begin = true;
    for (size_t at = 0; at < s.len;) {
        bool blank = s.ptr[at] == ' ';
        int32_t c = (unsigned char)s.ptr[at];
        if (begin && c >= 0x80) { /* title case differs from upper case: ǆ becomes ǅ */
            size_t end = at;
            c = sl_utf8_next(s, &end);
            int32_t to[3] = {0};
            size_t count = upper_char(c, to); /* sharp s begins a word as "Ss" */
            if (count == 1) to[0] = utf8proc_totitle(c);
            for (size_t i = 1; i < count; i++) to[i] = utf8proc_tolower(to[i]);
            char bytes[4];
            for (size_t i = 0; i < count && is_whole(s, at, end); i++)
                sl_buf_put(text, bytes, sl_utf8_put(bytes, (uint32_t)to[i]));
            if (!is_whole(s, at, end)) sl_buf_put(text, s.ptr + at, end - at);
            at = end;
        } else {
            put_cased(text, s, at, &at, begin ? UPPER : LOWER);
        }
        begin = blank;
    }
}

enum sl_code sl_kernel_initcap(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_initcap, err);
}
