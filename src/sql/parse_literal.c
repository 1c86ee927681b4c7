/* Literals: strings, numbers, typed literals and intervals.
 * Source: Spark's AstBuilder (visitTypeConstructor, numericLiteral, visitInterval),
 * SparkParserUtils.unescapeSQLString, IntervalUtils. */
#include <stdio.h>

#include "base/utf8.h"
#include "sql/parser.h"

/* ---- strings ---- */

/* The value of `count` hex digits at ptr, -1 when they are not all there. */
static int64_t hex_value(const char *ptr, const char *end, int count) {
    int64_t value = 0;
    if (end - ptr < count) return -1;
    for (int i = 0; i < count; i++) {
        int digit = sl_hex_digit(ptr[i]);
        if (digit < 0) return -1;
        value = value << 4 | digit;
    }
    return value;
}

/* \uXXXX, a pair of which may be one character; Java writes a lone surrogate as `?`. */
static size_t unescape_utf16(const char **at, const char *end, uint32_t unit, char *out) {
    if (!sl_utf16_is_surrogate(unit)) return sl_utf8_put(out, unit);
    const char *next = *at;
    int64_t low =
        end - next >= 6 && next[0] == '\\' && next[1] == 'u' ? hex_value(next + 2, end, 4) : -1;
    if (!sl_utf16_is_high(unit) || low < 0 || !sl_utf16_is_low((uint32_t)low))
        return sl_utf8_put(out, '?');
    *at = next + 6;
    return sl_utf8_put(out, sl_utf16_join(unit, (uint32_t)low));
}

/* \ooo of a byte's range, -1 when it is none. */
static int octal_value(const char *at, const char *end) {
    if (end - at < 3 || at[0] < '0' || at[0] > '1') return -1;
    for (int i = 1; i < 3; i++)
        if (at[i] < '0' || at[i] > '7') return -1;
    return (at[0] - '0') << 6 | (at[1] - '0') << 3 | (at[2] - '0');
}

static size_t unescape_letter(char c, char *out) {
    switch (c) {
    case '0':
        return out[0] = '\0', 1;
    case 'b':
        return out[0] = '\b', 1;
    case 'n':
        return out[0] = '\n', 1;
    case 'r':
        return out[0] = '\r', 1;
    case 't':
        return out[0] = '\t', 1;
    case 'Z':
        return out[0] = 0x1A, 1;
    case '%': /* the backslash stays, for LIKE */
    case '_':
        return out[0] = '\\', out[1] = c, 2;
    default:
        return out[0] = c, 1;
    }
}

enum sl_code sl_parser_unescape(struct sl_parser *parser, struct sl_span span,
                                struct sl_str *result) {
    struct sl_str text = sl_parser_text(parser, span);
    bool raw = text.ptr[0] != '\'' && text.ptr[0] != '"';
    const char *at = text.ptr + 1 + raw, *end = text.ptr + text.len - 1;
    char quote = at[-1];
    if (raw || (!memchr(at, '\\', (size_t)(end - at)) && !memchr(at, quote, (size_t)(end - at)))) {
        *result = (struct sl_str){at, (size_t)(end - at)};
        return SL_OK;
    }
    /* no escape grows: the longest results are two bytes of two and four of ten */
    char *out = sl_arena_alloc(parser->arena, text.len), *start = out;
    while (at < end) {
        if (*at != '\\' || at + 1 == end) {
            at += *at == quote; /* '' */
            *out++ = *at++;
            continue;
        }
        int64_t code;
        if (at[1] == 'u' && (code = hex_value(at + 2, end, 4)) >= 0) {
            at += 6;
            out += unescape_utf16(&at, end, (uint32_t)code, out);
        } else if (at[1] == 'U' && (code = hex_value(at + 2, end, 8)) >= 0) {
            uint32_t begin = (uint32_t)(at - parser->text.ptr);
            if (code > 0x10FFFF)
                return sl_parser_fail(parser, (struct sl_span){begin, begin + 10},
                                      "no character has the number %.8s", at + 2);
            at += 10;
            out += sl_utf8_put(out, sl_utf16_is_surrogate((uint32_t)code) ? '?' : (uint32_t)code);
        } else if ((code = octal_value(at + 1, end)) >= 0) {
            at += 4;
            out += sl_utf8_put(out, (uint32_t)code);
        } else {
            out += unescape_letter(at[1], out);
            at += 2;
        }
    }
    *result = (struct sl_str){start, (size_t)(out - start)};
    return SL_OK;
}

/* 'a' 'b' is 'ab'. */
static enum sl_code string_literal(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    struct sl_str text;
    SL_TRY(sl_parser_string(parser, "a string", &text));
    if (sl_parser_at(parser, T_STRING)) {
        struct sl_buf joined = {0};
        enum sl_code code = SL_OK;
        sl_buf_put_str(&joined, text);
        while (code == SL_OK && sl_parser_at(parser, T_STRING)) {
            code = sl_parser_string(parser, "a string", &text);
            if (code == SL_OK) sl_buf_put_str(&joined, text);
        }
        text = sl_arena_str(parser->arena, sl_buf_str(&joined));
        sl_buf_release(&joined);
        if (code != SL_OK) return code;
    }
    *out = sl_parser_string_literal(parser, text, sl_parser_span(parser, begin));
    return SL_OK;
}

/* ---- numbers ---- */

static const struct {
    const char *type;
    int64_t min, max;
} ranges[] = {
    [SL_LIT_TINYINT] = {"TINYINT", INT8_MIN, INT8_MAX},
    [SL_LIT_SMALLINT] = {"SMALLINT", INT16_MIN, INT16_MAX},
    [SL_LIT_INT] = {"INT", INT32_MIN, INT32_MAX},
    [SL_LIT_BIGINT] = {"BIGINT", INT64_MIN, INT64_MAX},
};

static struct sl_str signed_text(struct sl_parser *parser, bool negative, struct sl_str digits) {
    if (!negative) return digits;
    return sl_arena_printf(parser->arena, "-%.*s", SL_STR_ARG(digits));
}

static enum sl_code suffixed_integer(struct sl_parser *parser, struct sl_uexpr *expr,
                                     enum sl_literal_kind kind, struct sl_span span) {
    expr->literal.kind = kind;
    int64_t value;
    if (sl_str_to_i64(expr->literal.text, &value) && value >= ranges[kind].min &&
        value <= ranges[kind].max) {
        expr->literal.integer = value;
        return SL_OK;
    }
    sl_fail_at(parser->err, span, "INVALID_NUMERIC_LITERAL_RANGE", "22003",
               "`%.40s` is outside the range of %s",
               sl_arena_cstr(parser->arena, expr->literal.text), ranges[kind].type);
    return sl_hint(parser->err, "%s goes from %lld to %lld", ranges[kind].type,
                   (long long)ranges[kind].min, (long long)ranges[kind].max);
}

/* Digits that count for the precision: 0.001 has 3, 00012 has 2. */
static enum sl_code decimal(struct sl_parser *parser, struct sl_uexpr *expr, struct sl_span span) {
    enum { PRECISION_MAX = 38 };
    expr->literal.kind = SL_LIT_DECIMAL;
    unsigned whole = 0, scale = 0;
    bool dot = false;
    for (size_t i = 0; i < expr->literal.text.len; i++) {
        char c = expr->literal.text.ptr[i];
        if (c == '.') dot = true;
        if ((c | 0x20) == 'e') return SL_OK; /* 1e5BD: the binder knows its scale */
        if (c < '0' || c > '9') continue;
        if (dot)
            scale++;
        else if (c != '0' || whole)
            whole++;
    }
    if (whole + scale <= PRECISION_MAX) return SL_OK;
    return sl_fail_at(parser->err, span, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "22003",
                      "a decimal literal of %u digits; the limit is %d", whole + scale,
                      PRECISION_MAX);
}

static enum sl_code plain_integer(struct sl_parser *parser, struct sl_uexpr *expr,
                                  struct sl_span span) {
    int64_t value;
    if (!sl_str_to_i64(expr->literal.text, &value)) return decimal(parser, expr, span);
    bool fits = value >= INT32_MIN && value <= INT32_MAX;
    expr->literal.kind = fits ? SL_LIT_INT : SL_LIT_BIGINT;
    expr->literal.integer = value;
    return SL_OK;
}

static enum sl_code number_literal(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    bool negative = sl_parser_take(parser, T_MINUS);
    enum sl_token_kind kind = parser->token.kind;
    struct sl_str digits = sl_parser_text(parser, parser->token.span);
    if (kind == T_BIGDECIMAL) digits.len -= 2;
    if (kind >= T_TINYINT && kind <= T_DOUBLE) digits.len -= 1;
    sl_parser_next(parser);
    struct sl_span span = sl_parser_span(parser, begin);
    struct sl_uexpr *expr = *out = sl_parser_expr(parser, SL_U_LITERAL, span);
    expr->literal.text = signed_text(parser, negative, digits);
    switch (kind) {
    case T_TINYINT:
        return suffixed_integer(parser, expr, SL_LIT_TINYINT, span);
    case T_SMALLINT:
        return suffixed_integer(parser, expr, SL_LIT_SMALLINT, span);
    case T_BIGINT:
        return suffixed_integer(parser, expr, SL_LIT_BIGINT, span);
    case T_INTEGER:
        return plain_integer(parser, expr, span);
    case T_DECIMAL:
    case T_BIGDECIMAL:
        return decimal(parser, expr, span);
    case T_FLOAT:
        expr->literal.kind = SL_LIT_FLOAT;
        return SL_OK;
    default:
        expr->literal.kind = SL_LIT_DOUBLE;
        return SL_OK;
    }
}

/* ---- interval units ---- */

static const struct {
    const char *name;
    bool months;
    int64_t factor; /* months or microseconds */
    uint8_t field;  /* of col/type.h's interval units */
} units[] = {
    {"year", true, 12, 0},
    {"month", true, 1, 1},
    {"week", false, INT64_C(604800000000), 0},
    {"day", false, INT64_C(86400000000), 0},
    {"hour", false, INT64_C(3600000000), 1},
    {"minute", false, INT64_C(60000000), 2},
    {"second", false, INT64_C(1000000), 3},
    {"millisecond", false, 1000, 3},
    {"microsecond", false, 1, 3},
    {"nanosecond", false, 0, 3}, /* divides by 1000 */
};
enum { UNIT_YEAR, UNIT_MONTH, UNIT_WEEK, UNIT_DAY, UNIT_HOUR, UNIT_MINUTE, UNIT_SECOND };

/* "minute" and "minutes"; -1 for anything else. */
static int find_unit(struct sl_str name) {
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        struct sl_str unit = sl_str(units[i].name);
        struct sl_str stem = name;
        if (name.len == unit.len + 1 && (name.ptr[unit.len] | 0x20) == 's') stem.len--;
        if (sl_str_eq_nocase(stem, unit)) return (int)i;
    }
    return -1;
}

/* ---- DATE '..', X'..' ---- */

/* An odd number of digits gets a zero in front, as Spark does. */
static enum sl_code binary_literal(struct sl_parser *parser, struct sl_uexpr *expr) {
    struct sl_str hex = expr->literal.text;
    char *bytes = sl_arena_alloc(parser->arena, hex.len / 2 + 1);
    size_t len = 0;
    bool high = hex.len % 2 == 0;
    unsigned value = 0;
    for (size_t i = 0; i < hex.len; i++) {
        int digit = sl_hex_digit(hex.ptr[i]);
        if (digit < 0)
            return sl_fail_at(parser->err, expr->span, "INVALID_TYPED_LITERAL", "42604",
                              "X'..' takes hexadecimal digits only");
        value = value << 4 | (unsigned)digit;
        if (!high) bytes[len++] = (char)value, value = 0;
        high = !high;
    }
    expr->literal.kind = SL_LIT_BINARY;
    expr->literal.text = (struct sl_str){bytes, len};
    return SL_OK;
}

static enum sl_code interval_text(struct sl_parser *parser, struct sl_uexpr *expr);

static enum sl_code typed_literal(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_token type = parser->token;
    sl_parser_next(parser);
    struct sl_str text;
    SL_TRY(sl_parser_string(parser, "a string", &text));
    struct sl_uexpr *expr = *out =
        sl_parser_string_literal(parser, text, sl_parser_span(parser, type.span.begin));
    switch (type.keyword) {
    case K_DATE:
        expr->literal.kind = SL_LIT_DATE;
        return SL_OK;
    case K_TIMESTAMP:
    case K_TIMESTAMP_LTZ:
        expr->literal.kind = SL_LIT_TIMESTAMP;
        return SL_OK;
    case K_TIMESTAMP_NTZ:
        expr->literal.kind = SL_LIT_TIMESTAMP_NTZ;
        return SL_OK;
    case K_INTERVAL:
        return interval_text(parser, expr);
    default:
        break;
    }
    if (sl_str_eq_nocase(sl_parser_text(parser, type.span), SL_STR("x")))
        return binary_literal(parser, expr);
    sl_fail_at(parser->err, type.span, "UNSUPPORTED_TYPED_LITERAL", "0A000",
               "there are no literals of the type `%.*s`",
               SL_STR_ARG(sl_parser_text(parser, type.span)));
    return sl_hint(parser->err, "literals with a type are DATE'..', TIMESTAMP'..', "
                                "TIMESTAMP_NTZ'..', INTERVAL'..' and X'..'");
}

static enum sl_code word_literal(struct sl_parser *parser, enum sl_literal_kind kind, bool boolean,
                                 struct sl_uexpr **out) {
    *out = sl_parser_expr(parser, SL_U_LITERAL, parser->token.span);
    (*out)->literal.kind = kind;
    (*out)->literal.boolean = boolean;
    sl_parser_next(parser);
    return SL_OK;
}

static bool is_number(enum sl_token_kind kind) { return kind >= T_INTEGER && kind <= T_BIGDECIMAL; }

/* INTERVAL begins a literal when a value follows, and is a name otherwise. */
static bool at_interval(const struct sl_parser *parser) {
    if (!sl_parser_at_word(parser, K_INTERVAL)) return false;
    struct sl_token next = sl_parser_peek(parser, 1);
    if (next.kind != T_MINUS && next.kind != T_PLUS)
        return is_number(next.kind) || next.kind == T_STRING;
    /* `interval - 3` subtracts from a column, `INTERVAL - 3 DAYS` does not */
    enum sl_token_kind value = sl_parser_peek(parser, 2).kind;
    struct sl_token unit = sl_parser_peek(parser, 3);
    return (is_number(value) || value == T_STRING) && unit.kind == T_WORD &&
           find_unit(sl_parser_text(parser, unit.span)) >= 0;
}

enum sl_code sl_parse_literal(struct sl_parser *parser, struct sl_uexpr **out) {
    *out = NULL;
    enum sl_token_kind kind = parser->token.kind;
    if (kind == T_STRING) return string_literal(parser, out);
    if (is_number(kind) || (kind == T_MINUS && is_number(sl_parser_peek(parser, 1).kind)))
        return number_literal(parser, out);
    if (kind != T_WORD) return SL_OK;
    struct sl_token next = sl_parser_peek(parser, 1);
    if (next.kind == T_DOT || next.kind == T_LPAREN) return SL_OK; /* a column called `null` */
    switch (parser->token.keyword) {
    case K_NULL:
        return word_literal(parser, SL_LIT_NULL, false, out);
    case K_TRUE:
        return word_literal(parser, SL_LIT_BOOL, true, out);
    case K_FALSE:
        return word_literal(parser, SL_LIT_BOOL, false, out);
    case K_INTERVAL:
        return at_interval(parser) ? sl_parse_interval(parser, out) : SL_OK;
    default:
        break;
    }
    if (next.kind == T_STRING && !sl_keyword_begins_no_expr(parser->token.keyword) &&
        parser->token.keyword != K_CASE && parser->token.keyword != K_NOT)
        return typed_literal(parser, out);
    return SL_OK;
}

/* ---- intervals ---- */

struct interval_sum {
    int64_t months, micros;
    bool has_months, has_micros;
    uint8_t from, to;
};

static void widen_fields(struct interval_sum *sum, uint8_t field) {
    bool first = !sum->has_months && !sum->has_micros;
    if (first || field < sum->from) sum->from = field;
    if (first || field > sum->to) sum->to = field;
}

/* value * factor + fraction, where only seconds (9 digits, of which 6 count) may have a fraction.
 */
static const char *add_unit(struct interval_sum *sum, int unit, struct sl_str value) {
    bool negative = value.len && value.ptr[0] == '-';
    struct sl_str digits = value;
    if (digits.len && (digits.ptr[0] == '-' || digits.ptr[0] == '+')) digits.ptr++, digits.len--;
    size_t dot = sl_str_find(digits, SL_STR("."), 0);
    int64_t amount = 0, fraction = 0;
    struct sl_str whole = sl_str_sub(digits, 0, dot == SIZE_MAX ? digits.len : dot);
    for (size_t i = 0; i < whole.len; i++) {
        if (whole.ptr[i] < '0' || whole.ptr[i] > '9') return "is no number";
        if (__builtin_mul_overflow(amount, 10, &amount) ||
            __builtin_sub_overflow(amount, whole.ptr[i] - '0', &amount))
            return "is too large";
    }
    if (dot != SIZE_MAX) {
        if (unit != UNIT_SECOND) return "has a fraction, which only seconds may have";
        struct sl_str part = sl_str_sub(digits, dot + 1, digits.len);
        if (part.len > 9 || part.len + whole.len == 0) return "is no number of seconds";
        for (size_t i = 0; i < 6; i++)
            fraction = fraction * 10 + (i < part.len ? part.ptr[i] - '0' : 0);
        for (size_t i = 0; i < part.len; i++)
            if (part.ptr[i] < '0' || part.ptr[i] > '9') return "is no number";
    } else if (whole.len == 0) {
        return "is no number";
    }
    /* amount is negative here, so that the smallest long fits */
    if (unit == (int)(sizeof units / sizeof units[0]) - 1)
        amount /= 1000;
    else if (__builtin_mul_overflow(amount, units[unit].factor, &amount) ||
             __builtin_sub_overflow(amount, fraction, &amount))
        return "is too large";
    if (!negative && __builtin_sub_overflow(INT64_C(0), amount, &amount)) return "is too large";
    int64_t *total = units[unit].months ? &sum->months : &sum->micros;
    if (__builtin_add_overflow(*total, amount, total)) return "is too large";
    widen_fields(sum, units[unit].field);
    *(units[unit].months ? &sum->has_months : &sum->has_micros) = true;
    return NULL;
}

static enum sl_code interval_done(struct sl_parser *parser, const struct interval_sum *sum,
                                  struct sl_span span, struct sl_uexpr **out) {
    if (sum->has_months && sum->has_micros) {
        sl_parser_fail(parser, span, "an interval cannot mix years or months with smaller units");
        return sl_hint(parser->err, "add two intervals one after the other: "
                                    "ts + INTERVAL 1 MONTH + INTERVAL 2 DAYS");
    }
    if (sum->has_months && (sum->months < INT32_MIN || sum->months > INT32_MAX))
        return sl_parser_fail(parser, span, "the interval is too large");
    struct sl_uexpr *expr = *out = sl_parser_expr(parser, SL_U_INTERVAL, span);
    expr->literal.kind = sum->has_months ? SL_LIT_MONTH_INTERVAL : SL_LIT_DAY_INTERVAL;
    expr->literal.integer = sum->has_months ? sum->months : sum->micros;
    expr->literal.interval_from = sum->from;
    expr->literal.interval_to = sum->to;
    return SL_OK;
}

static enum sl_code interval_value(struct sl_parser *parser, struct sl_str *value,
                                   struct sl_span *span) {
    uint32_t begin = parser->token.span.begin;
    bool minus = sl_parser_at(parser, T_MINUS);
    if (!sl_parser_take(parser, T_MINUS)) sl_parser_take(parser, T_PLUS);
    if (sl_parser_at(parser, T_STRING)) {
        SL_TRY(sl_parser_string(parser, "a value", value));
    } else if (sl_parser_at(parser, T_INTEGER) || sl_parser_at(parser, T_DECIMAL)) {
        *value = sl_parser_text(parser, parser->token.span);
        sl_parser_next(parser);
    } else {
        return sl_parser_unexpected(parser, "a number or a string", NULL);
    }
    *span = sl_parser_span(parser, begin);
    *value = sl_str_trim(*value);
    if (!minus) return SL_OK;
    bool negated = value->len && value->ptr[0] == '-';
    *value = negated ? sl_str_sub(*value, 1, value->len)
                     : sl_arena_printf(parser->arena, "-%.*s", SL_STR_ARG(*value));
    return SL_OK;
}

static enum sl_code unit_error(struct sl_parser *parser, struct sl_span span, struct sl_str name) {
    struct sl_str names[sizeof units / sizeof units[0]];
    size_t count = sizeof units / sizeof units[0];
    for (size_t i = 0; i < count; i++) names[i] = sl_str(units[i].name);
    sl_parser_fail(parser, span, "unknown interval unit `%.40s`",
                   sl_arena_cstr(parser->arena, name));
    int near = sl_str_nearest(name, names, count);
    return near < 0 ? SL_USER : sl_hint(parser->err, "did you mean `%s`?", units[near].name);
}

/* Splits '1 02:03:04.5' at blanks, `:` and inner `-` into one part per field from..to. */
static const char *add_fields(struct interval_sum *sum, int from, int to, struct sl_str text) {
    bool negative = text.len && text.ptr[0] == '-';
    if (text.len && (text.ptr[0] == '-' || text.ptr[0] == '+')) text.ptr++, text.len--;
    size_t pos = 0;
    for (int unit = from; unit <= to; unit++) {
        size_t end = pos;
        while (end < text.len && text.ptr[end] != ':' && text.ptr[end] != '-' &&
               text.ptr[end] != ' ')
            end++;
        char divider = from == UNIT_YEAR ? '-' : unit == UNIT_DAY ? ' ' : ':';
        bool last = unit == to;
        if (last != (end == text.len) || (!last && text.ptr[end] != divider))
            return "does not have the fields";
        char part[64];
        if (end - pos > 40 || end == pos) return "does not have the fields";
        snprintf(part, sizeof part, "%s%.*s", negative ? "-" : "", (int)(end - pos),
                 text.ptr + pos);
        static const int limits[] = {
            [UNIT_MONTH] = 11, [UNIT_HOUR] = 23, [UNIT_MINUTE] = 59, [UNIT_SECOND] = 59};
        int64_t before = sum->micros + sum->months;
        const char *fault = add_unit(sum, unit, sl_str(part));
        if (fault) return fault;
        int64_t added = sum->micros + sum->months - before;
        if (unit != from && limits[unit] &&
            (added < 0 ? -added : added) >= (limits[unit] + 1) * units[unit].factor)
            return "has a field out of its range";
        pos = end + 1;
    }
    return NULL;
}

static enum sl_code unit_to_unit(struct sl_parser *parser, int from, struct sl_str value,
                                 uint32_t begin, struct sl_uexpr **out) {
    struct sl_str to_name;
    struct sl_span to_span = parser->token.span;
    SL_TRY(sl_parser_name_part(parser, "an interval unit", &to_name));
    int to = find_unit(to_name);
    if (to < 0) return unit_error(parser, to_span, to_name);
    bool months = from == UNIT_YEAR && to == UNIT_MONTH;
    bool days = from >= UNIT_DAY && to > from && to <= UNIT_SECOND;
    struct sl_span span = sl_parser_span(parser, begin);
    if (!months && !days)
        return sl_parser_fail(parser, span, "there is no interval from %s to %s", units[from].name,
                              units[to].name);
    struct interval_sum sum = {0};
    const char *fault = add_fields(&sum, from, to, value);
    if (fault)
        return sl_parser_fail(parser, span, "the interval value `%.40s` %s: %s to %s",
                              sl_arena_cstr(parser->arena, value), fault, units[from].name,
                              units[to].name);
    return interval_done(parser, &sum, span, out);
}

/* Another `value unit` of a multi-unit interval: INTERVAL 1 HOUR 30 MINUTES. */
static bool at_interval_value(const struct sl_parser *parser) {
    struct sl_token token = parser->token, next = sl_parser_peek(parser, 1);
    if (token.kind == T_MINUS || token.kind == T_PLUS) {
        token = next;
        next = sl_parser_peek(parser, 2);
    }
    bool value = token.kind == T_STRING || token.kind == T_INTEGER || token.kind == T_DECIMAL;
    return value && next.kind == T_WORD && find_unit(sl_parser_text(parser, next.span)) >= 0;
}

enum sl_code sl_parse_interval(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_token begin = parser->token;
    bool text_only = sl_parser_peek(parser, 1).kind == T_STRING;
    if (text_only) {
        struct sl_token unit = sl_parser_peek(parser, 2);
        text_only = unit.kind != T_WORD || find_unit(sl_parser_text(parser, unit.span)) < 0;
    }
    if (text_only) return typed_literal(parser, out);
    sl_parser_next(parser);
    struct interval_sum sum = {0};
    do {
        struct sl_str value, name;
        struct sl_span value_span;
        SL_TRY(interval_value(parser, &value, &value_span));
        struct sl_span unit_span = parser->token.span;
        SL_TRY(sl_parser_name_part(parser, "an interval unit", &name));
        int unit = find_unit(name);
        if (unit < 0) return unit_error(parser, unit_span, name);
        if (sl_parser_take_word(parser, K_TO))
            return unit_to_unit(parser, unit, value, begin.span.begin, out);
        const char *fault = add_unit(&sum, unit, value);
        if (fault)
            return sl_parser_fail(parser, value_span, "the interval value `%.40s` %s",
                                  sl_arena_cstr(parser->arena, value), fault);
    } while (at_interval_value(parser));
    return interval_done(parser, &sum, sl_parser_span(parser, begin.span.begin), out);
}

/* INTERVAL '1 day 2 hours' */
static enum sl_code interval_text(struct sl_parser *parser, struct sl_uexpr *expr) {
    struct sl_str rest = sl_str_trim(expr->literal.text);
    if (sl_str_starts_nocase(rest, SL_STR("interval ")))
        rest = sl_str_trim(sl_str_sub(rest, 9, rest.len));
    struct interval_sum sum = {0};
    while (rest.len) {
        struct sl_str parts[2];
        for (int i = 0; i < 2; i++) {
            size_t end = 0;
            while (end < rest.len && (unsigned char)rest.ptr[end] > ' ') end++;
            parts[i] = sl_str_sub(rest, 0, end);
            rest = sl_str_trim(sl_str_sub(rest, end, rest.len));
            bool sign = parts[i].len == 1 && (parts[i].ptr[0] == '-' || parts[i].ptr[0] == '+');
            if (i == 0 && sign && rest.len) {
                end = 0; /* '- 1 day' */
                while (end < rest.len && (unsigned char)rest.ptr[end] > ' ') end++;
                parts[0] =
                    sl_arena_printf(parser->arena, "%c%.*s", parts[0].ptr[0], (int)end, rest.ptr);
                rest = sl_str_trim(sl_str_sub(rest, end, rest.len));
            }
        }
        int unit = find_unit(parts[1]);
        const char *fault = unit < 0 ? "names no unit" : add_unit(&sum, unit, parts[0]);
        if (fault) {
            sl_parser_fail(parser, expr->span, "the interval text `%.60s` %s",
                           sl_arena_cstr(parser->arena, expr->literal.text), fault);
            return sl_hint(parser->err, "write INTERVAL '1 day 2 hours' or INTERVAL 1 DAY");
        }
    }
    if (!sum.has_months && !sum.has_micros)
        return sl_parser_fail(parser, expr->span, "the interval is empty");
    struct sl_uexpr *made;
    SL_TRY(interval_done(parser, &sum, expr->span, &made));
    *expr = *made;
    return SL_OK;
}
