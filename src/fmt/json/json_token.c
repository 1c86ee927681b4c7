/* The pull parser of the strict path.  Every function mirrors one of Jackson 2.20's
 * ReaderBasedJsonParser, down to how far it has read when it refuses something; comments name it.
 * Surrogates that stand alone are kept as three bytes (ED A0..BF xx) so that the caller can write
 * them as Java would: '?' in a string, an escape in JSON text. */
#include "fmt/json/json_token.h"

#include <stdlib.h>

#include "base/utf8.h"

enum { END = -1, FAIL = -2 };

void sl_json_parser_init(struct sl_json_parser *p, const struct sl_json_options *options) {
    *p = (struct sl_json_parser){.options = options};
    /* Not zeroed: get_json_object does this once a row. */
    p->levels = sl_xmalloc(SL_JSON_DEPTH_STACK * sizeof *p->levels);
}

void sl_json_parser_release(struct sl_json_parser *p) {
    sl_buf_release(&p->text);
    sl_buf_release(&p->names);
    free(p->levels);
    p->levels = NULL;
}

void sl_json_parser_start(struct sl_json_parser *p, struct sl_str text) {
    p->cur = p->begin = text.ptr;
    p->end = text.ptr + text.len;
    p->token = p->next = SL_JSON_TOKEN_NONE;
    p->incomplete = false;
    p->depth = 0;
    p->levels[0] = (struct sl_json_level){0};
    sl_buf_clear(&p->names);
}

static bool in_array(const struct sl_json_parser *p) {
    return p->depth && !p->levels[p->depth].object;
}

static bool in_object(const struct sl_json_parser *p) {
    return p->depth && p->levels[p->depth].object;
}

/* Characters of the basic plane are one Java char: their bytes go together. */
static int take(struct sl_json_parser *p) {
    unsigned char c = (unsigned char)*p->cur++;
    if (c >= 0xC2 && c < 0xF0)
        while (p->cur < p->end && (*p->cur & 0xC0) == 0x80) p->cur++;
    return c;
}

/* Character.isJavaIdentifierPart for what the error paths meet: outside ASCII an approximation
 * (letters, not symbols, not U+FFFD). Returns the bytes of the character, 0 if it is none. */
static int identifier(const char *at, const char *end) {
    unsigned char c = (unsigned char)*at;
    if (c < 0x80)
        return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
               c == '_' || c == '$' || c < 9 || (c >= 14 && c < 28) || c == 127;
    if (c >= 0xF0 || c < 0xC2) return 0;
    if (c < 0xE0) return c > 0xC2 && end - at >= 2 ? 2 : 0;
    bool symbol = c == 0xE2 || c == 0xEF;
    return !symbol && end - at >= 3 ? 3 : 0;
}

/* _reportInvalidToken: names the rest of the word, at most 256 characters. */
static bool refuse_word(struct sl_json_parser *p) {
    for (int i = 0, step; i < 256 && p->cur < p->end; i++, p->cur += step)
        if (!(step = identifier(p->cur, p->end))) break;
    return false;
}

static bool control_allowed(const struct sl_json_parser *p) {
    return p->options->allow_unquoted_control_chars;
}

/* ---- blanks and comments ---- */

static bool blank(int c) { return c == ' ' || c == '\n' || c == '\r' || c == '\t'; }

static bool skip_line_comment(struct sl_json_parser *p) {
    while (p->cur < p->end) {
        unsigned char c = (unsigned char)*p->cur++;
        if (c == '\n' || c == '\r') return true;
        if (c < ' ' && c != '\t') return false;
    }
    return true;
}

static bool skip_block_comment(struct sl_json_parser *p) {
    while (p->cur < p->end) {
        unsigned char c = (unsigned char)*p->cur++;
        if (c == '*') {
            if (p->cur < p->end && *p->cur == '/') {
                p->cur++;
                return true;
            }
        } else if (c < ' ' && !blank(c)) {
            return false;
        }
    }
    return false;
}

/* _skipComment: behind the first slash. */
static bool skip_comment(struct sl_json_parser *p) {
    if (!p->options->allow_comments || p->cur == p->end) return false;
    int c = take(p);
    return c == '/' ? skip_line_comment(p) : c == '*' ? skip_block_comment(p) : false;
}

/* The next character that is neither blank nor comment; END; FAIL on a control character. */
static int skip_blanks(struct sl_json_parser *p) {
    while (p->cur < p->end) {
        int c = take(p);
        if (c > ' ') {
            if (c != '/') return c;
            if (!skip_comment(p)) return FAIL;
        } else if (!blank(c)) {
            return FAIL;
        }
    }
    return END;
}

/* _skipColon: from behind a name to the first character of its value. */
static int skip_colon(struct sl_json_parser *p) {
    int c = skip_blanks(p);
    if (c != ':') return FAIL;
    c = skip_blanks(p);
    return c == END ? FAIL : c;
}

/* ---- strings ---- */

static void put_unit(struct sl_buf *out, size_t begin, uint32_t unit) {
    size_t at = out->len;
    if (sl_utf16_is_low(unit) && at >= begin + 3 && out->ptr[at - 3] == 0xED &&
        out->ptr[at - 2] >= 0xA0 && out->ptr[at - 2] < 0xB0) {
        uint32_t high =
            0xD000 | (uint32_t)(out->ptr[at - 2] & 0x3F) << 6 | (out->ptr[at - 1] & 0x3F);
        unit = sl_utf16_join(high, unit);
        out->len -= 3;
    }
    char bytes[4];
    sl_buf_put(out, bytes, sl_utf8_put(bytes, unit));
}

/* _decodeEscaped: behind the backslash; the UTF-16 unit, a lead byte that was escaped for no
 * reason, or FAIL. */
static int escape(struct sl_json_parser *p) {
    if (p->cur == p->end) return FAIL;
    const char *at = p->cur;
    int c = take(p);
    switch (c) {
    case 'b':
        return '\b';
    case 't':
        return '\t';
    case 'n':
        return '\n';
    case 'f':
        return '\f';
    case 'r':
        return '\r';
    case '"':
    case '/':
    case '\\':
        return c;
    case 'u':
        break;
    default:
        if (p->options->allow_backslash_escaping_any ||
            (c == '\'' && p->options->allow_single_quotes)) {
            if (c >= 0x80) p->cur = at; /* the caller copies the bytes */
            return c < 0x80 ? c : END;
        }
        return FAIL;
    }
    int unit = 0;
    for (int i = 0; i < 4; i++) {
        if (p->cur == p->end) return FAIL;
        int digit = sl_hex_digit(take(p));
        if (digit < 0) return FAIL;
        unit = unit << 4 | digit;
    }
    return unit;
}

/* Reads to the closing quote; out may be NULL (_skipString). */
static bool read_string(struct sl_json_parser *p, char quote, struct sl_buf *out) {
    size_t begin = out ? out->len : 0;
    while (p->cur < p->end) {
        const char *run = p->cur;
        while (p->cur < p->end && *p->cur != quote && *p->cur != '\\' &&
               (unsigned char)*p->cur >= ' ')
            p->cur++;
        if (out) sl_buf_put(out, run, (size_t)(p->cur - run));
        if (p->cur == p->end) return false;
        char c = *p->cur++;
        if (c == quote) return true;
        if (c == '\\') {
            int unit = escape(p);
            if (unit == FAIL) return false;
            if (out && unit >= 0) put_unit(out, begin, (uint32_t)unit);
            if (unit == END) { /* an escaped character of several bytes */
                if (out) sl_buf_put_byte(out, (uint8_t)*p->cur);
                p->cur++;
            }
        } else if (!control_allowed(p)) {
            return false;
        } else if (out) {
            sl_buf_put_byte(out, (uint8_t)c);
        }
    }
    return false;
}

bool sl_json_parser_text(struct sl_json_parser *p) {
    if (!p->incomplete) return true;
    p->incomplete = false;
    const char *begin = p->cur;
    const char *at = begin;
    while (at < p->end && *at != '"' && *at != '\\' && (unsigned char)*at >= ' ') at++;
    if (at < p->end && *at == '"') {
        p->string = (struct sl_str){begin, (size_t)(at - begin)};
        p->cur = at + 1;
        return true;
    }
    sl_buf_clear(&p->text);
    if (!read_string(p, '"', &p->text)) return false;
    p->string = sl_buf_str(&p->text);
    return true;
}

/* ---- names ---- */

static bool name_too_long(struct sl_str name) {
    if (name.len <= SL_JSON_NAME_MAX) return false;
    size_t units = 0;
    for (size_t i = 0; i < name.len; i++)
        units += (name.ptr[i] & 0xC0) != 0x80 ? 1 + ((uint8_t)name.ptr[i] >= 0xF0) : 0;
    return units > SL_JSON_NAME_MAX;
}

/* CharTypes.getInputCodeLatin1JsNames: identifier characters and @ # * - + */
static int unquoted_name_char(const struct sl_json_parser *p) {
    char c = *p->cur;
    if (c == '@' || c == '#' || c == '*' || c == '-' || c == '+') return 1;
    return (unsigned char)c > ' ' ? identifier(p->cur, p->end) : 0;
}

/* c: its first character, already read. The name goes behind those of the outer levels. */
static bool read_name(struct sl_json_parser *p, int c) {
    size_t begin = p->levels[p->depth - 1].name_end;
    p->names.len = begin;
    if (c == '"' || (c == '\'' && p->options->allow_single_quotes)) {
        if (!read_string(p, (char)c, &p->names)) return false;
    } else {
        if (!p->options->allow_unquoted_field_names) return false;
        const char *after = p->cur;
        do p->cur--;
        while ((*p->cur & 0xC0) == 0x80);
        const char *start = p->cur;
        if (!unquoted_name_char(p)) {
            p->cur = after;
            return false;
        }
        for (int step; p->cur < p->end && (step = unquoted_name_char(p)); p->cur += step) continue;
        sl_buf_put(&p->names, start, (size_t)(p->cur - start));
    }
    if (name_too_long((struct sl_str){(char *)p->names.ptr + begin, p->names.len - begin}))
        return false;
    p->levels[p->depth].name_end = p->names.len;
    p->levels[p->depth].named = true;
    return true;
}

bool sl_json_parser_name(const struct sl_json_parser *p, struct sl_str *name) {
    bool start = p->token == SL_JSON_TOKEN_START_OBJECT || p->token == SL_JSON_TOKEN_START_ARRAY;
    uint32_t depth = p->depth - (start && p->depth);
    const struct sl_json_level *level = &p->levels[depth];
    if (!level->named || !depth) return false;
    size_t begin = p->levels[depth - 1].name_end;
    *name = (struct sl_str){(const char *)p->names.ptr + begin, level->name_end - begin};
    return true;
}

/* ---- values ---- */

/* _matchToken: word[0] was read. */
static bool match_word(struct sl_json_parser *p, const char *word, size_t from) {
    for (const char *w = word + from; *w; w++, p->cur++)
        if (p->cur == p->end || *p->cur != *w) return refuse_word(p);
    if (p->cur == p->end) return true;
    unsigned char c = (unsigned char)*p->cur;
    if (c < '0' || c == ']' || c == '}') return true;
    return identifier(p->cur, p->end) ? refuse_word(p) : true;
}

static int special(struct sl_json_parser *p, enum sl_json_special value) {
    if (!p->options->allow_non_numeric_numbers) return FAIL;
    p->number = (struct sl_json_number){.special = value};
    return SL_JSON_TOKEN_NUMBER;
}

/* _handleInvalidNumberStart: c follows the sign. */
static int signed_word(struct sl_json_parser *p, int c, bool negative) {
    if (c != 'I' || p->cur == p->end) return FAIL;
    enum sl_json_special value = negative ? SL_JSON_NEGATIVE_INF : SL_JSON_POSITIVE_INF;
    c = take(p);
    if (c == 'N' && match_word(p, "-INF", 3)) return special(p, value);
    if (c == 'n' && match_word(p, "-Infinity", 3)) return special(p, value);
    return FAIL;
}

static int finish_number(struct sl_json_parser *p, struct sl_str text, bool integer,
                         size_t digits) {
    if (!p->depth && p->cur < p->end && !blank(*p->cur)) return FAIL; /* _verifyRootSpace */
    if (digits > SL_JSON_NUMBER_MAX) return FAIL;
    p->number = (struct sl_json_number){.text = text, .integer = integer};
    return SL_JSON_TOKEN_NUMBER;
}

static bool digit(int c) { return c >= '0' && c <= '9'; }

/* _verifyNoLeadingZeroes: behind a zero; skips further zeros if they are allowed. */
static int after_zero(struct sl_json_parser *p) {
    if (p->cur == p->end || !digit(*p->cur)) return '0';
    if (!p->options->allow_numeric_leading_zeros) return FAIL;
    int c = *p->cur++;
    if (c == '0') {
        while (p->cur < p->end) {
            c = *p->cur;
            if (!digit(c)) return '0';
            p->cur++;
            if (c != '0') break;
        }
    }
    return c;
}

/* Appends digits from c on; c becomes the first other character, END at the end. */
static size_t number_digits(struct sl_json_parser *p, int *c) {
    size_t count = 0;
    while (digit(*c)) {
        count++;
        sl_buf_put_byte(&p->text, (uint8_t)*c);
        *c = p->cur < p->end ? take(p) : END;
    }
    return count;
}

/* _parseNumber2: numbers that start with zero or end with the text, character by character. */
static int slow_number(struct sl_json_parser *p, const char *start, bool negative) {
    p->cur = start + negative;
    sl_buf_clear(&p->text);
    if (negative) sl_buf_put_byte(&p->text, '-');
    if (p->cur == p->end) return FAIL;
    int c = take(p);
    if (c == '0' && (c = after_zero(p)) == FAIL) return FAIL;
    size_t count = number_digits(p, &c);
    if (!count) return FAIL;
    bool integer = true;
    if (c == '.') {
        integer = false;
        sl_buf_put_byte(&p->text, '.');
        c = p->cur < p->end ? take(p) : END;
        size_t fraction = number_digits(p, &c);
        if (!fraction) return FAIL;
        count += fraction;
    }
    if (c == 'e' || c == 'E') {
        integer = false;
        sl_buf_put_byte(&p->text, (uint8_t)c);
        if (p->cur == p->end) return FAIL;
        c = take(p);
        if (c == '-' || c == '+') {
            sl_buf_put_byte(&p->text, (uint8_t)c);
            if (p->cur == p->end) return FAIL;
            c = take(p);
        }
        size_t exponent = number_digits(p, &c);
        if (!exponent) return FAIL;
        count += exponent;
    }
    if (c != END) /* push the character behind the number back */
        do p->cur--;
        while ((*p->cur & 0xC0) == 0x80);
    return finish_number(p, sl_buf_str(&p->text), integer, count);
}

/* _parseFloat: at is behind the point or e that ended the integer part. */
static int fraction_number(struct sl_json_parser *p, const char *start, bool negative,
                           size_t digits) {
    const char *at = p->cur, *end = p->end;
    char c = at[-1];
    if (c == '.') {
        const char *first = at;
        for (;;) {
            if (at == end) return slow_number(p, start, negative);
            c = *at++;
            if (!digit(c)) break;
            digits++;
        }
        if (at - 1 == first) return FAIL;
    }
    if (c == 'e' || c == 'E') {
        if (at == end) return slow_number(p, start, negative);
        c = *at++;
        if (c == '-' || c == '+') {
            if (at == end) return slow_number(p, start, negative);
            c = *at++;
        }
        size_t count = 0;
        for (; digit(c); count++) {
            if (at == end) return slow_number(p, start, negative);
            c = *at++;
        }
        if (!count) return FAIL;
        digits += count;
    }
    p->cur = at - 1;
    return finish_number(p, (struct sl_str){start, (size_t)(p->cur - start)}, false, digits);
}

/* _parsePosNumber, _parseNegNumber: c, the first character, was read. */
static int read_number(struct sl_json_parser *p, int c) {
    const char *start = p->cur - 1;
    bool negative = c == '-';
    if (negative) {
        if (p->cur == p->end) return FAIL;
        c = take(p);
        if (!digit(c)) return signed_word(p, c, true);
    }
    if (c == '0') return slow_number(p, start, negative);
    const char *at = p->cur;
    while (at < p->end && digit(*at)) at++;
    if (at == p->end) return slow_number(p, start, negative);
    size_t digits = (size_t)(at - start) - negative;
    if (*at == '.' || *at == 'e' || *at == 'E') {
        p->cur = at + 1;
        return fraction_number(p, start, negative, digits);
    }
    p->cur = at;
    return finish_number(p, (struct sl_str){start, (size_t)(at - start)}, true, digits);
}

/* _handleOddValue. */
static int odd_value(struct sl_json_parser *p, int c) {
    switch (c) {
    case '\'':
        if (!p->options->allow_single_quotes) return FAIL;
        sl_buf_clear(&p->text);
        if (!read_string(p, '\'', &p->text)) return FAIL;
        p->string = sl_buf_str(&p->text);
        return SL_JSON_TOKEN_STRING;
    case 'N':
        return match_word(p, "NaN", 1) ? special(p, SL_JSON_NAN) : FAIL;
    case 'I':
        return match_word(p, "Infinity", 1) ? special(p, SL_JSON_POSITIVE_INF) : FAIL;
    case '+':
        return p->cur == p->end ? FAIL : signed_word(p, take(p), false);
    default:
        break;
    }
    const char *first = p->cur - 1;
    while (first > p->begin && (*first & 0xC0) == 0x80) first--;
    if (!digit(c) && identifier(first, p->end)) refuse_word(p);
    return FAIL;
}

static bool push(struct sl_json_parser *p, bool object) {
    if (p->depth + 1 >= SL_JSON_DEPTH_STACK) return false;
    size_t name_end = p->levels[p->depth].name_end;
    p->levels[++p->depth] = (struct sl_json_level){.object = object, .name_end = name_end};
    return p->depth <= SL_JSON_DEPTH_MAX;
}

static bool close_scope(struct sl_json_parser *p, int c) {
    bool object = c == '}';
    if (object ? !in_object(p) : !in_array(p)) return false;
    p->depth--;
    p->token = object ? SL_JSON_TOKEN_END_OBJECT : SL_JSON_TOKEN_END_ARRAY;
    return true;
}

/* The token that c begins; FAIL. Objects and arrays are entered by the caller. */
static int read_value(struct sl_json_parser *p, int c) {
    switch (c) {
    case '"':
        p->incomplete = true;
        return SL_JSON_TOKEN_STRING;
    case '{':
        return SL_JSON_TOKEN_START_OBJECT;
    case '[':
        return SL_JSON_TOKEN_START_ARRAY;
    case 't':
        return match_word(p, "true", 1) ? SL_JSON_TOKEN_TRUE : FAIL;
    case 'f':
        return match_word(p, "false", 1) ? SL_JSON_TOKEN_FALSE : FAIL;
    case 'n':
        return match_word(p, "null", 1) ? SL_JSON_TOKEN_NULL : FAIL;
    case '}':
        return FAIL;
    default:
        return c == '-' || digit(c) ? read_number(p, c) : odd_value(p, c);
    }
}

/* _nextAfterName: after a failed value there is none, which Spark takes for the end. */
static bool after_name(struct sl_json_parser *p) {
    enum sl_json_token token = p->next;
    p->next = SL_JSON_TOKEN_NONE;
    if (token == SL_JSON_TOKEN_START_ARRAY || token == SL_JSON_TOKEN_START_OBJECT)
        if (!push(p, token == SL_JSON_TOKEN_START_OBJECT)) return false;
    p->token = token;
    return true;
}

static bool skip_string(struct sl_json_parser *p) {
    p->incomplete = false;
    return read_string(p, '"', NULL);
}

bool sl_json_parser_next(struct sl_json_parser *p) {
    if (p->token == SL_JSON_TOKEN_NAME) return after_name(p);
    if (p->incomplete && !skip_string(p)) return false;
    int c = skip_blanks(p);
    if (c == FAIL || (c == END && p->depth)) return false;
    if (c == END) {
        p->token = SL_JSON_TOKEN_NONE;
        return true;
    }
    if (c == '}' || c == ']') return close_scope(p, c);
    struct sl_json_level *level = &p->levels[p->depth];
    if (p->depth && level->started) {
        if (c != ',') return false;
        c = skip_blanks(p);
        if (c < 0) return false;
    }
    level->started = true;
    bool object = in_object(p);
    if (object) {
        if (!read_name(p, c)) return false;
        p->token = SL_JSON_TOKEN_NAME;
        c = skip_colon(p);
        if (c < 0) return false;
    }
    int token = read_value(p, c);
    if (token == FAIL) return false;
    if (object) {
        p->next = (enum sl_json_token)token;
        return true;
    }
    if (token == SL_JSON_TOKEN_START_OBJECT || token == SL_JSON_TOKEN_START_ARRAY)
        if (!push(p, token == SL_JSON_TOKEN_START_OBJECT)) return false;
    p->token = (enum sl_json_token)token;
    return true;
}

bool sl_json_parser_skip(struct sl_json_parser *p) {
    if (p->token != SL_JSON_TOKEN_START_OBJECT && p->token != SL_JSON_TOKEN_START_ARRAY)
        return true;
    for (int open = 1;;) {
        if (!sl_json_parser_next(p)) return false;
        switch (p->token) {
        case SL_JSON_TOKEN_NONE:
            return p->depth == 0;
        case SL_JSON_TOKEN_START_OBJECT:
        case SL_JSON_TOKEN_START_ARRAY:
            open++;
            break;
        case SL_JSON_TOKEN_END_OBJECT:
        case SL_JSON_TOKEN_END_ARRAY:
            if (--open == 0) return true;
            break;
        default:
            break;
        }
    }
}

/* ---- copying ---- */

static void put_comma(struct sl_buf *out, size_t begin) {
    if (out->len == begin) return;
    uint8_t last = out->ptr[out->len - 1];
    if (last != '{' && last != '[' && last != ':') sl_buf_put_byte(out, ',');
}

/* copyCurrentEvent; *depth follows objects and arrays. */
static bool copy_token(struct sl_json_parser *p, struct sl_buf *out, size_t begin, int *depth) {
    struct sl_str name;
    bool close = p->token == SL_JSON_TOKEN_END_OBJECT || p->token == SL_JSON_TOKEN_END_ARRAY;
    if (close && !*depth) return false;
    if (!close) put_comma(out, begin);
    switch (p->token) {
    case SL_JSON_TOKEN_START_OBJECT:
    case SL_JSON_TOKEN_START_ARRAY:
        ++*depth;
        sl_buf_put_byte(out, p->token == SL_JSON_TOKEN_START_OBJECT ? '{' : '[');
        return true;
    case SL_JSON_TOKEN_END_OBJECT:
    case SL_JSON_TOKEN_END_ARRAY:
        --*depth;
        sl_buf_put_byte(out, p->token == SL_JSON_TOKEN_END_OBJECT ? '}' : ']');
        return true;
    case SL_JSON_TOKEN_NAME:
        if (!sl_json_parser_name(p, &name)) return false;
        sl_json_quote(out, name, p->plain_quotes);
        sl_buf_put_byte(out, ':');
        return true;
    case SL_JSON_TOKEN_STRING:
        if (!sl_json_parser_text(p)) return false;
        sl_json_quote(out, p->string, p->plain_quotes);
        return true;
    case SL_JSON_TOKEN_NUMBER:
        sl_json_print_number(out, &p->number);
        return true;
    case SL_JSON_TOKEN_TRUE:
        sl_buf_put_cstr(out, "true");
        return true;
    case SL_JSON_TOKEN_FALSE:
        sl_buf_put_cstr(out, "false");
        return true;
    case SL_JSON_TOKEN_NULL:
        sl_buf_put_cstr(out, "null");
        return true;
    case SL_JSON_TOKEN_NONE:
        break;
    }
    return false;
}

bool sl_json_parser_copy(struct sl_json_parser *p, struct sl_buf *out) {
    size_t begin = out->len;
    int depth = 0;
    if (!copy_token(p, out, begin, &depth)) return false;
    while (depth) {
        if (!sl_json_parser_next(p)) return false;
        if (!copy_token(p, out, begin, &depth)) return false;
    }
    return true;
}
