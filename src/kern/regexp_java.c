/* Java's regular expression syntax to PCRE2's. Most is the same; the differences that data jobs
 * meet are rewritten here:
 *
 *   \p{Alpha} and its kin                [[:alpha:]]
 *   \p{IsGreek}, \p{javaLetter}         \p{Greek}, \p{L}
 *   \uXXXX, \0ooo                       \x{..}
 *   flags u, d, U                         dropped, PCRE2_UCP
 *   [a-z&&[^b]], [a[bc]]                  look-ahead and alternatives around plain classes
 */
#include <stdlib.h>

#include "base/utf8.h"
#include "kern/regexp.h"
#include "kern/string_utf8.h"

struct cursor {
    struct sl_str text;
    size_t at;
    struct sl_buf *out;
    bool unicode;
    const char *why;
    int depth;
};

static bool more(const struct cursor *c) { return c->at < c->text.len; }
static char peek(const struct cursor *c, size_t ahead) {
    return c->at + ahead < c->text.len ? c->text.ptr[c->at + ahead] : 0;
}
static bool refuse(struct cursor *c, const char *why) {
    c->why = why;
    return false;
}

static const struct {
    const char *java;
    const char *posix; /* name of a POSIX class, or NULL */
    const char *property;
} properties[] = {
    {"Lower", "lower", NULL},       {"Upper", "upper", NULL},
    {"ASCII", "ascii", NULL},       {"Alpha", "alpha", NULL},
    {"Digit", "digit", NULL},       {"Alnum", "alnum", NULL},
    {"Punct", "punct", NULL},       {"Graph", "graph", NULL},
    {"Print", "print", NULL},       {"Blank", "blank", NULL},
    {"Cntrl", "cntrl", NULL},       {"XDigit", "xdigit", NULL},
    {"Space", "space", NULL},       {"javaLetter", NULL, "L"},
    {"javaDigit", NULL, "Nd"},      {"javaLetterOrDigit", NULL, "Xan"},
    {"javaLowerCase", NULL, "Ll"},  {"javaUpperCase", NULL, "Lu"},
    {"javaAlphabetic", NULL, "L"},  {"javaWhitespace", "space", NULL},
    {"IsAlphabetic", NULL, "L"},    {"IsLetter", NULL, "L"},
    {"IsDigit", NULL, "Nd"},        {"IsLowercase", NULL, "Ll"},
    {"IsUppercase", NULL, "Lu"},    {"IsPunctuation", NULL, "P"},
    {"IsWhite_Space", NULL, "Xps"}, {"IsControl", NULL, "Cc"},
};

static void put_property(struct cursor *c, struct sl_str name, bool negated, bool in_class) {
    for (size_t i = 0; i < sizeof properties / sizeof *properties; i++) {
        if (!sl_str_eq(name, sl_str(properties[i].java))) continue;
        if (properties[i].posix)
            sl_buf_printf(c->out, in_class ? "[:%s%s:]" : "[[:%s%s:]]", negated ? "^" : "",
                          properties[i].posix);
        else
            sl_buf_printf(c->out, "\\%c{%s}", negated ? 'P' : 'p', properties[i].property);
        return;
    }
    if (sl_str_starts(name, SL_STR("Is"))) name = sl_str_sub(name, 2, name.len);
    const struct sl_str script = SL_STR("script="), sc = SL_STR("sc="), gc = SL_STR("gc=");
    if (sl_str_starts(name, script)) name = sl_str_sub(name, script.len, name.len);
    if (sl_str_starts(name, sc)) name = sl_str_sub(name, sc.len, name.len);
    if (sl_str_starts(name, gc)) name = sl_str_sub(name, gc.len, name.len);
    sl_buf_printf(c->out, "\\%c{%.*s}", negated ? 'P' : 'p', SL_STR_ARG(name));
}

static bool take_property(struct cursor *c, bool in_class) {
    bool negated = peek(c, 1) == 'P';
    if (peek(c, 2) != '{') {
        put_property(c, (struct sl_str){c->text.ptr + c->at + 2, c->at + 2 < c->text.len}, negated,
                     in_class);
        c->at = c->at + 3 < c->text.len ? c->at + 3 : c->text.len;
        return true;
    }
    size_t end = sl_str_find(c->text, SL_STR("}"), c->at);
    if (end == SIZE_MAX) return refuse(c, "unclosed character family");
    struct sl_str name = sl_str_sub(c->text, c->at + 3, end);
    if (sl_str_starts(name, SL_STR("In")) || sl_str_starts(name, SL_STR("block=")) ||
        sl_str_starts(name, SL_STR("blk=")))
        return refuse(c, "Unicode blocks are not supported; use a script, \\p{IsGreek}");
    put_property(c, name, negated, in_class);
    c->at = end + 1;
    return true;
}

/* The value of \uXXXX at `at` places behind the cursor; false when it is none. */
static bool unicode_at(const struct cursor *c, size_t at, uint32_t *value) {
    if (peek(c, at) != '\\' || peek(c, at + 1) != 'u') return false;
    *value = 0;
    for (size_t i = at + 2; i < at + 6; i++) {
        int digit = sl_hex_digit(peek(c, i));
        if (digit < 0) return false;
        *value = *value << 4 | (uint32_t)digit;
    }
    return true;
}

static bool take_hex4(struct cursor *c) {
    uint32_t value, low;
    if (!unicode_at(c, 0, &value)) return refuse(c, "\\u needs four hexadecimal digits");
    c->at += 6;
    if (sl_utf16_is_high(value) && unicode_at(c, 0, &low) && sl_utf16_is_low(low)) {
        value = sl_utf16_join(value, low);
        c->at += 6;
    }
    sl_buf_printf(c->out, "\\x{%X}", value);
    return true;
}

static bool take_octal(struct cursor *c) {
    uint32_t value = 0;
    size_t i = 2;
    for (; i < 5 && peek(c, i) >= '0' && peek(c, i) <= '7'; i++)
        value = value * 8 + (uint32_t)(peek(c, i) - '0');
    if (i == 2) return refuse(c, "\\0 needs octal digits");
    c->at += i;
    sl_buf_printf(c->out, "\\x{%X}", value);
    return true;
}

static bool take_quoted(struct cursor *c) {
    size_t end = sl_str_find(c->text, SL_STR("\\E"), c->at + 2);
    size_t stop = end == SIZE_MAX ? c->text.len : end;
    for (size_t i = c->at + 2; i < stop; i++) {
        char b = c->text.ptr[i];
        bool word = (b >= '0' && b <= '9') || ((b | 32) >= 'a' && (b | 32) <= 'z') || b & 0x80;
        if (!word) sl_buf_put_byte(c->out, '\\');
        sl_buf_put_byte(c->out, (uint8_t)b);
    }
    c->at = end == SIZE_MAX ? stop : end + 2;
    return true;
}

static bool take_escape(struct cursor *c, bool in_class) {
    switch (peek(c, 1)) {
    case 0:
        if (c->at + 1 >= c->text.len) return refuse(c, "a backslash at the end");
        break;
    case 'p':
    case 'P':
        return take_property(c, in_class);
    case 'u':
        return take_hex4(c);
    case '0':
        return take_octal(c);
    case 'Q':
        return take_quoted(c);
    case 'N':
    case 'X':
        if (peek(c, 1) == 'N') return refuse(c, "\\N{name} is not supported");
        break;
    default:
        break;
    }
    size_t width = 1 + sl_utf8_step(c->text, c->at + 1);
    sl_buf_put(c->out, c->text.ptr + c->at, width);
    c->at += width;
    return true;
}

/* ---- character classes ---- */

static bool take_class(struct cursor *c);

/* One operand of &&: plain items become one class, nested classes alternatives of it. */
static bool take_union(struct cursor *c, struct sl_buf *items, struct sl_buf *nested) {
    struct sl_buf *whole = c->out;
    bool ok = true;
    while (ok && more(c) && peek(c, 0) != ']' && !(peek(c, 0) == '&' && peek(c, 1) == '&')) {
        if (peek(c, 0) == '[') {
            if (nested->len) sl_buf_put_byte(nested, '|');
            c->out = nested;
            ok = take_class(c);
        } else if (peek(c, 0) == '\\') {
            c->out = items;
            ok = take_escape(c, true);
        } else {
            if (peek(c, 0) == '^' && items->len == 0) sl_buf_put_byte(items, '\\');
            sl_buf_put_byte(items, (uint8_t)c->text.ptr[c->at++]);
        }
    }
    c->out = whole;
    return ok;
}

static void put_union(struct sl_buf *out, const struct sl_buf *items, const struct sl_buf *nested) {
    if (items->len && nested->len) {
        sl_buf_put_cstr(out, "(?:[");
        sl_buf_put_str(out, sl_buf_str(items));
        sl_buf_put_cstr(out, "]|");
        sl_buf_put_str(out, sl_buf_str(nested));
        sl_buf_put_byte(out, ')');
    } else if (nested->len) {
        sl_buf_put_cstr(out, "(?:");
        sl_buf_put_str(out, sl_buf_str(nested));
        sl_buf_put_byte(out, ')');
    } else {
        sl_buf_put_byte(out, '[');
        sl_buf_put_str(out, sl_buf_str(items));
        sl_buf_put_byte(out, ']');
    }
}

/* Operands joined by &&: all but the last are asked by look-ahead. */
static bool take_operands(struct cursor *c, struct sl_buf *body, bool *plain) {
    *plain = true;
    for (bool first = true;; first = false) {
        struct sl_buf items = {0}, nested = {0};
        bool ok = take_union(c, &items, &nested);
        bool last = !(peek(c, 0) == '&' && peek(c, 1) == '&');
        if (ok && items.len == 0 && nested.len == 0 && last && !first) {
            sl_buf_put_cstr(body, "(?s:.)"); /* [a&&] */
        } else if (ok && items.len == 0 && nested.len == 0) {
            ok = first && !last ? true : refuse(c, "an empty character class");
        } else if (ok) {
            if (!last) sl_buf_put_cstr(body, "(?=");
            put_union(body, &items, &nested);
            if (!last) sl_buf_put_byte(body, ')');
            *plain = *plain && first && last && nested.len == 0;
        }
        sl_buf_release(&items);
        sl_buf_release(&nested);
        if (!ok) return false;
        if (last) return true;
        c->at += 2;
    }
}

static bool take_class(struct cursor *c) {
    if (++c->depth > 50) return refuse(c, "classes nested too deep");
    c->at++;
    bool negated = peek(c, 0) == '^';
    c->at += negated;
    struct sl_buf body = {0};
    bool plain, ok = true;
    if (peek(c, 0) == ']' && c->at + 1 >= c->text.len) ok = refuse(c, "unclosed character class");
    ok = ok && take_operands(c, &body, &plain);
    if (ok && peek(c, 0) != ']') ok = refuse(c, "unclosed character class");
    if (ok && plain) {
        sl_buf_put_cstr(c->out, negated ? "[^" : "[");
        sl_buf_put(c->out, body.ptr + 1, body.len - 1);
    } else if (ok) {
        sl_buf_put_cstr(c->out, negated ? "(?:(?!" : "(?:");
        sl_buf_put_str(c->out, sl_buf_str(&body));
        sl_buf_put_cstr(c->out, negated ? ")(?s:.))" : ")");
    }
    c->at++;
    c->depth--;
    sl_buf_release(&body);
    return ok;
}

/* (?idmsux-idmsux) and (?flags:...): u and d have no counterpart, U is asked of the whole. */
static void take_flags(struct cursor *c) {
    size_t end = c->at + 2;
    while (end < c->text.len && c->text.ptr[end] && strchr("idmsuxU-", c->text.ptr[end])) end++;
    char stop = end < c->text.len ? c->text.ptr[end] : 0;
    sl_buf_put_cstr(c->out, "(?");
    c->at += 2;
    if (stop != ')' && stop != ':') return;
    for (; c->at < end; c->at++) {
        char flag = c->text.ptr[c->at];
        if (flag == 'U') c->unicode = true;
        if (!strchr("duU", flag)) sl_buf_put_byte(c->out, (uint8_t)flag);
    }
}

bool sl_regexp_translate(struct sl_str java, struct sl_buf *out, bool *unicode, const char **why) {
    struct cursor c = {.text = java, .out = out};
    bool ok = true;
    while (ok && more(&c)) {
        char b = peek(&c, 0);
        if (b == '\\')
            ok = take_escape(&c, false);
        else if (b == '[')
            ok = take_class(&c);
        else if (b == '(' && peek(&c, 1) == '*')
            ok = refuse(&c, "a * behind ("); /* verbs are PCRE2's own */
        else if (b == '(' && peek(&c, 1) == '?')
            take_flags(&c);
        else
            sl_buf_put_byte(out, (uint8_t)b), c.at++;
    }
    *unicode = c.unicode;
    *why = c.why;
    return ok;
}
