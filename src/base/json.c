#include "base/json.h"

#include "base/utf8.h"

enum { DEPTH_MAX = 200 };

struct parser {
    struct sl_arena *arena;
    const char *begin, *at, *end;
    int depth;
    struct sl_err *err;
};

static enum sl_code fail_here(struct parser *p, const char *what) {
    unsigned line = 1, column = 1;
    for (const char *c = p->begin; c < p->at; c++) {
        column++;
        if (*c == '\n') line++, column = 1;
    }
    return sl_fail(p->err, SL_DATA, "invalid JSON at line %u, column %u: %s", line, column, what);
}

static void skip_blanks(struct parser *p) {
    while (p->at < p->end && (*p->at == ' ' || *p->at == '\t' || *p->at == '\n' || *p->at == '\r'))
        p->at++;
}

static bool take(struct parser *p, char c) {
    skip_blanks(p);
    if (p->at == p->end || *p->at != c) return false;
    p->at++;
    return true;
}

static bool hex4(struct parser *p, uint32_t *out) {
    if (p->end - p->at < 4) return false;
    uint32_t value = 0;
    for (int i = 0; i < 4; i++) {
        int digit = sl_hex_digit(p->at[i]);
        if (digit < 0) return false;
        value = value << 4 | (uint32_t)digit;
    }
    p->at += 4;
    *out = value;
    return true;
}

/* Behind "\u": one code point, with its low surrogate if it needs one. */
static bool unicode_escape(struct parser *p, uint32_t *out) {
    uint32_t low;
    if (!hex4(p, out) || sl_utf16_is_low(*out)) return false;
    if (!sl_utf16_is_high(*out)) return true;
    if (p->end - p->at < 6 || p->at[0] != '\\' || p->at[1] != 'u') return false;
    p->at += 2;
    if (!hex4(p, &low) || !sl_utf16_is_low(low)) return false;
    *out = sl_utf16_join(*out, low);
    return true;
}

static enum sl_code parse_escape(struct parser *p, char *to, size_t *len) {
    static const char names[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
    if (p->at == p->end) return fail_here(p, "string is not closed");
    char c = *p->at++;
    if (c == 'u') {
        uint32_t code_point;
        if (!unicode_escape(p, &code_point)) return fail_here(p, "bad \\u escape");
        *len += sl_utf8_put(to + *len, code_point);
        return SL_OK;
    }
    const char *name = c ? strchr(names, c) : NULL;
    if (!name) return fail_here(p, "unknown escape");
    to[(*len)++] = values[name - names];
    return SL_OK;
}

static enum sl_code parse_string(struct parser *p, struct sl_str *out) {
    const char *begin = p->at;
    while (p->at < p->end && *p->at != '"' && *p->at != '\\' && (unsigned char)*p->at >= 0x20)
        p->at++;
    if (p->at < p->end && *p->at == '"') {
        *out = (struct sl_str){begin, (size_t)(p->at++ - begin)};
        return SL_OK;
    }
    /* unescaped text is never longer than its source */
    const char *close = p->at;
    while (close < p->end && *close != '"') close += *close == '\\' && close + 1 < p->end ? 2 : 1;
    char *to = sl_arena_alloc(p->arena, (size_t)(close - begin) + 1);
    size_t len = (size_t)(p->at - begin);
    memcpy(to, begin, len);
    while (p->at < p->end && *p->at != '"') {
        if ((unsigned char)*p->at < 0x20) return fail_here(p, "control character in string");
        char c = *p->at++;
        if (c != '\\')
            to[len++] = c;
        else
            SL_TRY(parse_escape(p, to, &len));
    }
    if (p->at == p->end) return fail_here(p, "string is not closed");
    p->at++;
    *out = (struct sl_str){to, len};
    return SL_OK;
}

static bool digits(struct parser *p) {
    const char *begin = p->at;
    while (p->at < p->end && *p->at >= '0' && *p->at <= '9') p->at++;
    return p->at > begin;
}

static enum sl_code parse_number(struct parser *p, struct sl_json *out) {
    const char *begin = p->at;
    if (*p->at == '-') p->at++;
    bool zero = p->at < p->end && *p->at == '0';
    const char *first = p->at;
    if (!digits(p)) return fail_here(p, "a value is expected");
    if (zero && p->at > first + 1) return fail_here(p, "number with leading zero");
    if (p->at < p->end && *p->at == '.') {
        p->at++;
        if (!digits(p)) return fail_here(p, "digits expected behind the decimal point");
    }
    if (p->at < p->end && (*p->at == 'e' || *p->at == 'E')) {
        p->at++;
        if (p->at < p->end && (*p->at == '+' || *p->at == '-')) p->at++;
        if (!digits(p)) return fail_here(p, "digits expected in the exponent");
    }
    out->kind = SL_JSON_NUMBER;
    out->text = (struct sl_str){begin, (size_t)(p->at - begin)};
    return SL_OK;
}

static enum sl_code parse_value(struct parser *p, struct sl_json *out);

static void append(struct parser *p, struct sl_json *list, size_t *cap, struct sl_str name,
                   struct sl_json item) {
    if (list->count == *cap) {
        size_t more = *cap ? *cap * 2 : 4;
        list->items = sl_arena_grow(p->arena, list->items, list->count * sizeof *list->items,
                                    more * sizeof *list->items);
        if (list->kind == SL_JSON_OBJECT)
            list->names = sl_arena_grow(p->arena, list->names, list->count * sizeof *list->names,
                                        more * sizeof *list->names);
        *cap = more;
    }
    if (list->kind == SL_JSON_OBJECT) list->names[list->count] = name;
    list->items[list->count++] = item;
}

static enum sl_code parse_list(struct parser *p, struct sl_json *out, char close) {
    size_t cap = 0;
    if (++p->depth > DEPTH_MAX) return fail_here(p, "nested too deep");
    for (bool first = true; !take(p, close); first = false) {
        if (!first && !take(p, ','))
            return fail_here(p, close == '}' ? "`,` or `}` expected" : "`,` or `]` expected");
        struct sl_str name = {0};
        struct sl_json item = {0};
        if (close == '}') {
            if (!take(p, '"')) return fail_here(p, "a member name in quotes is expected");
            SL_TRY(parse_string(p, &name));
            if (!take(p, ':')) return fail_here(p, "`:` expected");
        }
        SL_TRY(parse_value(p, &item));
        append(p, out, &cap, name, item);
    }
    p->depth--;
    return SL_OK;
}

static bool word(struct parser *p, struct sl_str text) {
    struct sl_str rest = {p->at, (size_t)(p->end - p->at)};
    if (!sl_str_starts(rest, text)) return false;
    p->at += text.len;
    return true;
}

static enum sl_code parse_value(struct parser *p, struct sl_json *out) {
    *out = (struct sl_json){0};
    if (take(p, '{')) return out->kind = SL_JSON_OBJECT, parse_list(p, out, '}');
    if (take(p, '[')) return out->kind = SL_JSON_ARRAY, parse_list(p, out, ']');
    if (take(p, '"')) return out->kind = SL_JSON_STRING, parse_string(p, &out->text);
    if (p->at == p->end) return fail_here(p, "a value is expected");
    if (word(p, SL_STR("null"))) return SL_OK;
    out->kind = SL_JSON_BOOL;
    if (word(p, SL_STR("true"))) return out->boolean = true, SL_OK;
    if (word(p, SL_STR("false"))) return SL_OK;
    return parse_number(p, out);
}

enum sl_code sl_json_parse(struct sl_arena *arena, struct sl_str text, struct sl_json *out,
                           struct sl_err *err) {
    struct parser p = {arena, text.ptr, text.ptr, text.ptr + text.len, 0, err};
    SL_TRY(parse_value(&p, out));
    skip_blanks(&p);
    return p.at == p.end ? SL_OK : fail_here(&p, "text behind the value");
}

const struct sl_json *sl_json_get(const struct sl_json *json, struct sl_str name) {
    if (!json || json->kind != SL_JSON_OBJECT) return NULL;
    for (size_t i = 0; i < json->count; i++)
        if (sl_str_eq(json->names[i], name)) return &json->items[i];
    return NULL;
}

bool sl_json_i64(const struct sl_json *json, int64_t *out) {
    return json && json->kind == SL_JSON_NUMBER && sl_str_to_i64(json->text, out);
}

bool sl_json_str(const struct sl_json *json, struct sl_str *out) {
    if (!json || json->kind != SL_JSON_STRING) return false;
    *out = json->text;
    return true;
}

void sl_json_put_string(struct sl_buf *out, struct sl_str text) {
    sl_buf_put_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        const char *short_escape = c == '"'    ? "\\\""
                                   : c == '\\' ? "\\\\"
                                   : c == '\n' ? "\\n"
                                   : c == '\r' ? "\\r"
                                   : c == '\t' ? "\\t"
                                   : c == '\b' ? "\\b"
                                   : c == '\f' ? "\\f"
                                               : NULL;
        if (short_escape)
            sl_buf_put_cstr(out, short_escape);
        else if (c < 0x20)
            sl_buf_printf(out, "\\u%04X", c);
        else
            sl_buf_put_byte(out, c);
    }
    sl_buf_put_byte(out, '"');
}

void sl_json_put(struct sl_buf *out, const struct sl_json *json) {
    switch (json->kind) {
    case SL_JSON_NULL:
        sl_buf_put_cstr(out, "null");
        return;
    case SL_JSON_BOOL:
        sl_buf_put_cstr(out, json->boolean ? "true" : "false");
        return;
    case SL_JSON_NUMBER:
        sl_buf_put_str(out, json->text);
        return;
    case SL_JSON_STRING:
        sl_json_put_string(out, json->text);
        return;
    case SL_JSON_ARRAY:
    case SL_JSON_OBJECT:
        break;
    }
    bool object = json->kind == SL_JSON_OBJECT;
    sl_buf_put_byte(out, object ? '{' : '[');
    for (size_t i = 0; i < json->count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        if (object) {
            sl_json_put_string(out, json->names[i]);
            sl_buf_put_byte(out, ':');
        }
        sl_json_put(out, &json->items[i]);
    }
    sl_buf_put_byte(out, object ? '}' : ']');
}
