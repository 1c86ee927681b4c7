/* Spark's DDL text to types: recursive descent over a small lexer of its own, since schemas also
 * come from options and checkpoints, where no SQL parser is at hand.  Grammar: dataType,
 * complexColTypeList and colTypeList of Spark's SqlBaseParser.g4; names of simple types as in
 * DataTypeAstBuilder. */
#include <stdlib.h>

#include "col/type.h"

enum { DEPTH_MAX = 100 };

enum token_kind { END, WORD, QUOTED_NAME, TEXT, NUMBER, SYMBOL, BAD };

struct token {
    enum token_kind kind;
    struct sl_str text; /* source, quotes included */
};

struct parser {
    struct sl_arena *arena;
    struct sl_str text;
    size_t pos; /* behind the current token */
    struct token token;
    int depth;
    struct sl_err *err;
};

/* ---- lexer ---- */

static bool is_word(char c) {
    return c == '_' || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (unsigned char)c >= 0x80;
}

static bool is_digits(struct sl_str str) {
    for (size_t i = 0; i < str.len; i++)
        if (str.ptr[i] < '0' || str.ptr[i] > '9') return false;
    return str.len > 0;
}

static char peek(const struct parser *p, size_t at) {
    return at < p->text.len ? p->text.ptr[at] : '\0';
}

/* Blanks and SQL comments; an unclosed block comment takes the rest. */
static size_t skip_blanks(const struct parser *p, size_t at) {
    for (;;) {
        if (at < p->text.len && (unsigned char)p->text.ptr[at] <= ' ') {
            at++;
        } else if (peek(p, at) == '-' && peek(p, at + 1) == '-') {
            while (at < p->text.len && p->text.ptr[at] != '\n') at++;
        } else if (peek(p, at) == '/' && peek(p, at + 1) == '*') {
            size_t close = sl_str_find(p->text, SL_STR("*/"), at + 2);
            at = close == SIZE_MAX ? p->text.len : close + 2;
        } else {
            return at;
        }
    }
}

/* Behind the closing quote (a doubled one is part of the text), or 0 if there is none. */
static size_t quoted_end(const struct parser *p, size_t at) {
    char quote = p->text.ptr[at];
    for (size_t i = at + 1; i < p->text.len; i++) {
        if (quote != '`' && p->text.ptr[i] == '\\') {
            i++;
        } else if (p->text.ptr[i] == quote) {
            if (peek(p, i + 1) != quote) return i + 1;
            i++;
        }
    }
    return 0;
}

static void advance(struct parser *p) {
    size_t begin = skip_blanks(p, p->pos), end = begin;
    enum token_kind kind = END;
    if (begin < p->text.len) {
        char c = p->text.ptr[begin];
        if (is_word(c)) {
            while (end < p->text.len && is_word(p->text.ptr[end])) end++;
            kind = is_digits(sl_str_sub(p->text, begin, end)) ? NUMBER : WORD;
        } else if (c == '`' || c == '\'' || c == '"') {
            end = quoted_end(p, begin);
            kind = end == 0 ? BAD : c == '`' ? QUOTED_NAME : TEXT;
            if (end == 0) end = p->text.len;
        } else {
            kind = SYMBOL;
            end = begin + 1;
        }
    }
    p->token = (struct token){kind, sl_str_sub(p->text, begin, end)};
    p->pos = end;
}

static bool at_symbol(const struct parser *p, char c) {
    return p->token.kind == SYMBOL && p->token.text.ptr[0] == c;
}

static bool at_word(const struct parser *p, const char *word) {
    return p->token.kind == WORD && sl_str_eq_nocase(p->token.text, sl_str(word));
}

static bool accept_symbol(struct parser *p, char c) {
    if (!at_symbol(p, c)) return false;
    advance(p);
    return true;
}

static bool accept_word(struct parser *p, const char *word) {
    if (!at_word(p, word)) return false;
    advance(p);
    return true;
}

static struct sl_span token_span(const struct parser *p, struct token token) {
    size_t begin = token.kind == END ? p->text.len : (size_t)(token.text.ptr - p->text.ptr);
    return (struct sl_span){(uint32_t)begin, (uint32_t)(begin + token.text.len)};
}

static enum sl_code unexpected(struct parser *p, const char *wanted) {
    struct token token = p->token;
    if (token.kind == END)
        return sl_fail_at(p->err, token_span(p, token), "PARSE_SYNTAX_ERROR", "42601",
                          "the schema text ends where %s should stand", wanted);
    if (token.kind == BAD)
        return sl_fail_at(p->err, token_span(p, token), "PARSE_SYNTAX_ERROR", "42601",
                          "a quote in the schema text is never closed");
    return sl_fail_at(p->err, token_span(p, token), "PARSE_SYNTAX_ERROR", "42601",
                      "the schema text has `%.*s` where %s should stand",
                      (int)(token.text.len > 64 ? 64 : token.text.len), token.text.ptr, wanted);
}

static enum sl_code expect_symbol(struct parser *p, char c) {
    char wanted[] = {'`', c, '`', '\0'};
    return accept_symbol(p, c) ? SL_OK : unexpected(p, wanted);
}

/* ---- values of tokens ---- */

static struct sl_str unquote_name(struct parser *p, struct sl_str source) {
    char *to = sl_arena_alloc(p->arena, source.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < source.len; i++) {
        to[len++] = source.ptr[i];
        if (source.ptr[i] == '`') i++;
    }
    return (struct sl_str){to, len};
}

static char unescape(char c) {
    switch (c) {
    case 'n':
        return '\n';
    case 't':
        return '\t';
    case 'r':
        return '\r';
    case 'b':
        return '\b';
    case '0':
        return '\0';
    default:
        return c;
    }
}

static struct sl_str unquote_text(struct parser *p, struct sl_str source) {
    char *to = sl_arena_alloc(p->arena, source.len), quote = source.ptr[0];
    size_t len = 0;
    for (size_t i = 1; i + 1 < source.len; i++) {
        char c = source.ptr[i];
        if (c == '\\' && i + 2 < source.len)
            c = unescape(source.ptr[++i]);
        else if (c == quote)
            i++;
        to[len++] = c;
    }
    return (struct sl_str){to, len};
}

static enum sl_code parse_name(struct parser *p, struct sl_str *out) {
    switch (p->token.kind) {
    case WORD:
    case NUMBER:
        *out = sl_arena_str(p->arena, p->token.text);
        break;
    case QUOTED_NAME:
        *out = unquote_name(p, p->token.text);
        break;
    default:
        return unexpected(p, "a column name");
    }
    advance(p);
    return SL_OK;
}

static enum sl_code parse_number(struct parser *p, int64_t *out) {
    if (p->token.kind != NUMBER || !sl_str_to_i64(p->token.text, out))
        return unexpected(p, "a number");
    advance(p);
    return SL_OK;
}

/* ---- types ---- */

static enum sl_code parse_type(struct parser *p, const struct sl_type **out);

static const struct simple_name {
    const char *name;
    enum sl_kind kind;
} simple_names[] = {
    {"boolean", SL_BOOL_KIND},
    {"tinyint", SL_BYTE_KIND},
    {"byte", SL_BYTE_KIND},
    {"smallint", SL_SHORT_KIND},
    {"short", SL_SHORT_KIND},
    {"int", SL_INT_KIND},
    {"integer", SL_INT_KIND},
    {"bigint", SL_LONG_KIND},
    {"long", SL_LONG_KIND},
    {"float", SL_FLOAT_KIND},
    {"real", SL_FLOAT_KIND},
    {"double", SL_DOUBLE_KIND},
    {"date", SL_DATE_KIND},
    {"timestamp", SL_TIMESTAMP_KIND},
    {"timestamp_ltz", SL_TIMESTAMP_KIND},
    {"timestamp_ntz", SL_TIMESTAMP_NTZ_KIND},
    {"string", SL_STRING_KIND},
    {"binary", SL_BINARY_KIND},
    {"void", SL_NULL_KIND},
    /* The rest only so that "did you mean" knows them: the parser takes them before. */
    {"decimal", SL_DECIMAL_KIND},
    {"numeric", SL_DECIMAL_KIND},
    {"varchar", SL_STRING_KIND},
    {"array", SL_ARRAY_KIND},
    {"map", SL_MAP_KIND},
    {"struct", SL_STRUCT_KIND},
    {"interval", SL_DAY_INTERVAL_KIND},
};
enum { NAME_COUNT = sizeof simple_names / sizeof simple_names[0], SIMPLE_COUNT = 19 };

static enum sl_code unknown_type(struct parser *p, struct token token) {
    struct sl_str names[NAME_COUNT];
    sl_fail_at(p->err, token_span(p, token), "UNSUPPORTED_DATATYPE", "0A000",
               "unsupported data type `%.*s`", (int)(token.text.len > 64 ? 64 : token.text.len),
               token.text.ptr);
    for (int i = 0; i < NAME_COUNT; i++) names[i] = sl_str(simple_names[i].name);
    int nearest = sl_str_nearest(token.text, names, NAME_COUNT);
    if (nearest >= 0) sl_hint(p->err, "did you mean `%s`?", simple_names[nearest].name);
    return SL_USER;
}

static enum sl_code refused_type(struct parser *p, struct token token, const char *why) {
    return sl_fail_at(p->err, token_span(p, token), "UNSUPPORTED_DATATYPE", "0A000",
                      "data type `%.*s` is not supported: %s", SL_STR_ARG(token.text), why);
}

static enum sl_code parse_decimal(struct parser *p, const struct sl_type **out) {
    int64_t precision = 10, scale = 0;
    struct token first = p->token;
    if (accept_symbol(p, '(')) {
        first = p->token;
        SL_TRY(parse_number(p, &precision));
        if (accept_symbol(p, ',')) SL_TRY(parse_number(p, &scale));
        SL_TRY(expect_symbol(p, ')'));
    }
    if (precision > 38)
        return sl_fail_at(p->err, token_span(p, first), "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION",
                          "22003", "decimal precision %lld is more than 38", (long long)precision);
    if (precision < 1 || scale > precision)
        return sl_fail_at(p->err, token_span(p, first), "PARSE_SYNTAX_ERROR", "42601",
                          "decimal(%lld,%lld) is not valid: precision is 1 to 38, scale at most "
                          "the precision",
                          (long long)precision, (long long)scale);
    *out = sl_type_decimal(p->arena, (int)precision, (int)scale);
    return SL_OK;
}

/* char(n) and varchar(n): Spark too reads them as strings in schemas of files and JSON. */
static enum sl_code parse_char(struct parser *p, const struct sl_type **out) {
    int64_t length;
    if (!at_symbol(p, '('))
        return sl_fail_at(p->err, token_span(p, p->token), "DATATYPE_MISSING_SIZE", "42K01",
                          "char and varchar need a length, as in varchar(20)");
    advance(p);
    SL_TRY(parse_number(p, &length));
    SL_TRY(expect_symbol(p, ')'));
    *out = &sl_type_string;
    return SL_OK;
}

static const char *const interval_units[] = {"year", "month", "day", "hour", "minute", "second"};

static enum sl_code parse_unit(struct parser *p, int *unit) {
    for (*unit = 0; *unit < 6; ++*unit)
        if (accept_word(p, interval_units[*unit])) return SL_OK;
    return unexpected(p, "an interval unit (year, month, day, hour, minute, second)");
}

static enum sl_code parse_interval(struct parser *p, struct token name,
                                   const struct sl_type **out) {
    int from, to;
    if (p->token.kind != WORD)
        return refused_type(p, name,
                            "say which units it has, as in `interval day to second` or `interval "
                            "year to month`");
    SL_TRY(parse_unit(p, &from));
    to = from;
    struct token last = p->token;
    if (accept_word(p, "to")) {
        last = p->token;
        SL_TRY(parse_unit(p, &to));
        if (to <= from || (from < 2) != (to < 2))
            return sl_fail_at(p->err, token_span(p, last), "PARSE_SYNTAX_ERROR", "42601",
                              "`interval %s to %s` is not an interval type", interval_units[from],
                              interval_units[to]);
    }
    int base = from < 2 ? 0 : 2;
    struct sl_type *type = SL_NEW(p->arena, struct sl_type);
    *type = (struct sl_type){.kind = from < 2 ? SL_MONTH_INTERVAL_KIND : SL_DAY_INTERVAL_KIND,
                             .interval_from = (uint8_t)(from - base),
                             .interval_to = (uint8_t)(to - base)};
    *out = type;
    return SL_OK;
}

static enum sl_code parse_array(struct parser *p, const struct sl_type **out) {
    const struct sl_type *element;
    SL_TRY(expect_symbol(p, '<'));
    SL_TRY(parse_type(p, &element));
    SL_TRY(expect_symbol(p, '>'));
    *out = sl_type_array(p->arena, element, true);
    return SL_OK;
}

static enum sl_code parse_map(struct parser *p, const struct sl_type **out) {
    const struct sl_type *key, *value;
    SL_TRY(expect_symbol(p, '<'));
    SL_TRY(parse_type(p, &key));
    SL_TRY(expect_symbol(p, ','));
    SL_TRY(parse_type(p, &value));
    SL_TRY(expect_symbol(p, '>'));
    *out = sl_type_map(p->arena, key, value, true);
    return SL_OK;
}

static enum sl_code parse_field(struct parser *p, struct sl_field *field) {
    *field = (struct sl_field){.nullable = true, .comment = SL_STR(""), .metadata = SL_STR("")};
    SL_TRY(parse_name(p, &field->name));
    accept_symbol(p, ':');
    SL_TRY(parse_type(p, &field->type));
    for (;;) {
        if (accept_word(p, "not")) {
            if (!accept_word(p, "null")) return unexpected(p, "NULL");
            field->nullable = false;
        } else if (accept_word(p, "comment")) {
            if (p->token.kind != TEXT) return unexpected(p, "the comment in quotes");
            field->comment = unquote_text(p, p->token.text);
            advance(p);
        } else {
            return SL_OK;
        }
    }
}

/* Fields up to `close`, which is taken, or up to the end of the text when close is 0. */
static enum sl_code parse_fields(struct parser *p, char close, const struct sl_type **out) {
    struct sl_field *fields = NULL;
    size_t count = 0, cap = 0;
    enum sl_code code = SL_OK;
    if (close && accept_symbol(p, close)) goto done;
    for (;;) {
        if (count == cap) {
            cap = cap ? cap * 2 : 8;
            fields = sl_xrealloc(fields, cap * sizeof *fields);
        }
        code = parse_field(p, &fields[count]);
        if (code != SL_OK) goto out;
        count++;
        if (close && accept_symbol(p, close)) break;
        if (!close && p->token.kind == END) break;
        if (!accept_symbol(p, ',')) {
            code = unexpected(p, close ? "`,` or `>`" : "`,` or the end");
            goto out;
        }
    }
done:
    *out = sl_type_struct(p->arena, fields, count);
out:
    free(fields);
    return code;
}

static enum sl_code parse_struct(struct parser *p, const struct sl_type **out) {
    SL_TRY(expect_symbol(p, '<'));
    return parse_fields(p, '>', out);
}

/* Only Spark's default collation: others change what equality means. */
static enum sl_code parse_collation(struct parser *p) {
    struct sl_str name;
    struct token token = p->token;
    SL_TRY(parse_name(p, &name));
    if (sl_str_eq_nocase(name, SL_STR("utf8_binary"))) return SL_OK;
    return sl_fail_at(p->err, token_span(p, token), "UNSUPPORTED_DATATYPE", "0A000",
                      "collation `%.*s` is not supported, only UTF8_BINARY", SL_STR_ARG(name));
}

static enum sl_code parse_named_type(struct parser *p, struct token name,
                                     const struct sl_type **out) {
    struct sl_str text = name.text;
    for (int i = 0; i < SIMPLE_COUNT; i++) {
        if (!sl_str_eq_nocase(text, sl_str(simple_names[i].name))) continue;
        *out = sl_type_simple(simple_names[i].kind);
        if (simple_names[i].kind == SL_STRING_KIND && accept_word(p, "collate"))
            return parse_collation(p);
        return SL_OK;
    }
    if (sl_str_eq_nocase(text, SL_STR("decimal")) || sl_str_eq_nocase(text, SL_STR("dec")) ||
        sl_str_eq_nocase(text, SL_STR("numeric")))
        return parse_decimal(p, out);
    if (sl_str_eq_nocase(text, SL_STR("varchar")) || sl_str_eq_nocase(text, SL_STR("char")) ||
        sl_str_eq_nocase(text, SL_STR("character")))
        return parse_char(p, out);
    if (sl_str_eq_nocase(text, SL_STR("interval"))) return parse_interval(p, name, out);
    if (sl_str_eq_nocase(text, SL_STR("array"))) return parse_array(p, out);
    if (sl_str_eq_nocase(text, SL_STR("map"))) return parse_map(p, out);
    if (sl_str_eq_nocase(text, SL_STR("struct"))) return parse_struct(p, out);
    if (sl_str_eq_nocase(text, SL_STR("variant")))
        return refused_type(p, name, "take the column as a string and use from_json");
    if (sl_str_eq_nocase(text, SL_STR("time")))
        return refused_type(p, name, "take the column as a string");
    return unknown_type(p, name);
}

static enum sl_code parse_type(struct parser *p, const struct sl_type **out) {
    struct token name = p->token;
    if (name.kind != WORD) return unexpected(p, "a data type");
    if (p->depth == DEPTH_MAX)
        return sl_fail_at(p->err, token_span(p, name), "PARSE_SYNTAX_ERROR", "42601",
                          "data types are nested deeper than %d", DEPTH_MAX);
    p->depth++;
    advance(p);
    enum sl_code code = parse_named_type(p, name, out);
    p->depth--;
    return code;
}

/* ---- interface ---- */

static struct parser begin(struct sl_arena *arena, struct sl_str text, struct sl_err *err) {
    struct parser p = {.arena = arena, .text = text, .err = err};
    advance(&p);
    return p;
}

static enum sl_code check_size(struct sl_str text, struct sl_err *err) {
    return text.len < UINT32_MAX ? SL_OK : sl_fail(err, SL_USER, "a schema text is over 4 GB");
}

enum sl_code sl_type_parse(struct sl_arena *arena, struct sl_str text, const struct sl_type **out,
                           struct sl_err *err) {
    SL_TRY(check_size(text, err));
    struct parser p = begin(arena, text, err);
    SL_TRY(parse_type(&p, out));
    return p.token.kind == END ? SL_OK : unexpected(&p, "the end");
}

/* As Spark: first one data type, else a column list. The error is that of the column list when the
 * text begins like one: a name, then something that is not a type's bracket. */
enum sl_code sl_type_parse_schema(struct sl_arena *arena, struct sl_str text,
                                  const struct sl_type **out, struct sl_err *err) {
    SL_TRY(check_size(text, err));
    struct sl_str trimmed = sl_str_trim(text);
    if (trimmed.len && (trimmed.ptr[0] == '{' || trimmed.ptr[0] == '"'))
        return sl_type_parse_json(arena, trimmed, out, err);
    struct sl_err type_err = {0};
    if (sl_type_parse(arena, text, out, &type_err) == SL_OK) return SL_OK;
    struct parser p = begin(arena, text, err);
    bool named = p.token.kind != END;
    advance(&p);
    if (!named || p.token.kind == END || at_symbol(&p, '<') || at_symbol(&p, '(')) {
        if (err) *err = type_err;
        return SL_USER;
    }
    p = begin(arena, text, err);
    return parse_fields(&p, '\0', out);
}
