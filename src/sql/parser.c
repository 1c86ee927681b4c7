#include "sql/parser.h"

#include <stdio.h>

enum { FOUND_MAX = 60 };

/* ---- cursor ---- */

enum sl_code sl_parser_init(struct sl_parser *parser, struct sl_arena *arena, struct sl_str text,
                            struct sl_err *err) {
    *parser = (struct sl_parser){
        .arena = arena, .text = text, .arena_used = arena->used_bytes, .err = err};
    if (text.len > SL_SQL_TEXT_MAX)
        return sl_fail(err, SL_USER, "the SQL text has %zu bytes; the limit is %d", text.len,
                       SL_SQL_TEXT_MAX);
    parser->token = sl_lexer_token(text, 0);
    return SL_OK;
}

void sl_parser_next(struct sl_parser *parser) {
    parser->last = parser->token.span;
    parser->token = sl_lexer_token(parser->text, parser->token.span.end);
}

void sl_parser_seek(struct sl_parser *parser, uint32_t pos) {
    parser->token = sl_lexer_token(parser->text, pos);
}

struct sl_token sl_parser_peek(const struct sl_parser *parser, unsigned ahead) {
    struct sl_token token = parser->token;
    while (ahead--) token = sl_lexer_token(parser->text, token.span.end);
    return token;
}

struct sl_str sl_parser_text(const struct sl_parser *parser, struct sl_span span) {
    return sl_str_sub(parser->text, span.begin, span.end);
}

bool sl_parser_peek_word(const struct sl_parser *parser, unsigned ahead, enum sl_keyword keyword) {
    struct sl_token token = sl_parser_peek(parser, ahead);
    return token.kind == T_WORD && token.keyword == keyword;
}

bool sl_parser_take(struct sl_parser *parser, enum sl_token_kind kind) {
    if (parser->token.kind != kind) return false;
    sl_parser_next(parser);
    return true;
}

bool sl_parser_take_word(struct sl_parser *parser, enum sl_keyword keyword) {
    if (!sl_parser_at_word(parser, keyword)) return false;
    sl_parser_next(parser);
    return true;
}

bool sl_parser_take_words(struct sl_parser *parser, enum sl_keyword a, enum sl_keyword b) {
    if (!sl_parser_at_word(parser, a) || !sl_parser_peek_word(parser, 1, b)) return false;
    sl_parser_next(parser);
    sl_parser_next(parser);
    return true;
}

struct sl_span sl_parser_span(const struct sl_parser *parser, uint32_t begin) {
    return (struct sl_span){begin, parser->last.end > begin ? parser->last.end : begin};
}

enum sl_code sl_parser_expect(struct sl_parser *parser, enum sl_token_kind kind, const char *what) {
    if (sl_parser_take(parser, kind)) return SL_OK;
    return sl_parser_unexpected(parser, what, NULL);
}

enum sl_code sl_parser_expect_word(struct sl_parser *parser, enum sl_keyword keyword) {
    if (sl_parser_take_word(parser, keyword)) return SL_OK;
    char what[40];
    snprintf(what, sizeof what, "`%.*s`", SL_STR_ARG(sl_keyword_name(keyword)));
    return sl_parser_unexpected(parser, what, (const enum sl_keyword[]){keyword, K_NONE});
}

/* ---- errors ---- */

static void line_column(struct sl_str text, uint32_t pos, unsigned *line, unsigned *column) {
    *line = *column = 1;
    for (uint32_t i = 0; i < pos && i < text.len; i++) {
        if (text.ptr[i] == '\n')
            ++*line, *column = 1;
        else if (((unsigned char)text.ptr[i] & 0xC0) != 0x80)
            ++*column;
    }
}

static enum sl_code fail_span(struct sl_parser *parser, struct sl_span span, const char *condition,
                              const char *sqlstate, const char *fmt, va_list args) {
    char msg[sizeof parser->err->msg];
    vsnprintf(msg, sizeof msg, fmt, args);
    /* begin == end would mean "nowhere" */
    if (span.end <= span.begin) span.end = span.begin + 1;
    return sl_fail_at(parser->err, span, condition, sqlstate, "%s", msg);
}

enum sl_code sl_parser_fail(struct sl_parser *parser, struct sl_span span, const char *fmt, ...) {
    va_list args;
    va_start(args, fmt);
    enum sl_code code = fail_span(parser, span, "PARSE_SYNTAX_ERROR", "42601", fmt, args);
    va_end(args);
    return code;
}

enum sl_code sl_parser_unsupported(struct sl_parser *parser, struct sl_span span, const char *fmt,
                                   ...) {
    va_list args;
    va_start(args, fmt);
    enum sl_code code = fail_span(parser, span, "UNSUPPORTED_FEATURE", "0A000", fmt, args);
    va_end(args);
    return code;
}

static enum sl_code fail_bad_token(struct sl_parser *parser) {
    struct sl_span span = parser->token.span;
    struct sl_str text = sl_parser_text(parser, span);
    unsigned line, column;
    line_column(parser->text, span.begin, &line, &column);
    switch (parser->token.fault) {
    case FAULT_STRING:
        sl_parser_fail(parser, span,
                       "the string that begins at line %u, column %u has no closing quote", line,
                       column);
        return sl_hint(parser->err, "close it, and write a quote inside as two: 'it''s'");
    case FAULT_BACKQUOTE:
        sl_parser_fail(parser, span,
                       "the name that begins at line %u, column %u has no closing backquote", line,
                       column);
        return sl_hint(parser->err, "close it, and write a backquote inside a name as two");
    case FAULT_EMPTY_NAME:
        return sl_parser_fail(parser, span, "a name must not be empty");
    case FAULT_COMMENT:
        sl_fail_at(parser->err, span, "UNCLOSED_BRACKETED_COMMENT", "42601",
                   "the comment that begins at line %u, column %u has no closing */", line, column);
        return sl_hint(parser->err, "comments nest: each /* needs its own */");
    case FAULT_CURLY_QUOTE:
        sl_parser_fail(parser, span, "typographic quote");
        return sl_hint(parser->err, "write straight quotes: 'text'");
    case FAULT_DOLLAR_BRACES:
        return sl_parser_fail(parser, span, "`${` has no closing `}` or was not replaced");
    default:
        break;
    }
    unsigned char c = (unsigned char)text.ptr[0];
    if (c >= 0x20 && c < 0x7F)
        return sl_parser_fail(parser, span, "unexpected character `%c`", (char)c);
    return sl_parser_fail(parser, span, "unexpected byte 0x%02X", c);
}

static void describe_token(const struct sl_parser *parser, char *out, size_t cap) {
    struct sl_str text = sl_parser_text(parser, parser->token.span);
    if (parser->token.kind == T_END) {
        snprintf(out, cap, "the end of the text");
        return;
    }
    const char *line_end = memchr(text.ptr, '\n', text.len);
    if (line_end) text.len = (size_t)(line_end - text.ptr);
    bool cut = text.len > FOUND_MAX;
    if (cut) {
        text.len = FOUND_MAX; /* not in the middle of a UTF-8 character */
        while (text.len && ((unsigned char)text.ptr[text.len] & 0xC0) == 0x80) text.len--;
    }
    bool quoted = parser->token.kind == T_QUOTED || parser->token.kind == T_STRING;
    const char *mark = quoted ? "" : "`";
    snprintf(out, cap, "%s%.*s%s%s", mark, SL_STR_ARG(text), cut || line_end ? ".." : "", mark);
}

static enum sl_keyword nearest(struct sl_str word, const enum sl_keyword *near) {
    struct sl_str names[64];
    size_t count = 0;
    while (near && near[count] != K_NONE && count < 64) {
        names[count] = sl_keyword_name(near[count]);
        count++;
    }
    int best = sl_str_nearest(word, names, count);
    if (best < 0) return K_NONE;
    /* one slip per three letters: the alias `o` is no misspelt ON */
    size_t distance = sl_str_distance(word, names[best]);
    return distance == 0 || distance * 3 > word.len ? K_NONE : near[best];
}

/* Clauses that can follow an alias: `FROM t WHRE a` reads WHRE as the alias of t. */
static const enum sl_keyword after_alias[] = {
    K_FROM,  K_WHERE,   K_GROUP,     K_HAVING, K_ORDER,  K_LIMIT,   K_OFFSET, K_UNION,
    K_INNER, K_LEFT,    K_RIGHT,     K_FULL,   K_CROSS,  K_JOIN,    K_ON,     K_USING,
    K_AND,   K_OR,      K_WATERMARK, K_EXCEPT, K_WINDOW, K_LATERAL, K_IN,     K_LIKE,
    K_IS,    K_BETWEEN, K_RLIKE,     K_REGEXP, K_ILIKE,  K_DESC,    K_NONE};

enum sl_code sl_parser_unexpected(struct sl_parser *parser, const char *what,
                                  const enum sl_keyword *near) {
    if (parser->token.kind == T_BAD) return fail_bad_token(parser);
    struct sl_span span = parser->token.span, alias = parser->alias_span;
    if (parser->token.kind == T_END) span = (struct sl_span){parser->last.end, 0};
    char found[FOUND_MAX + 16];
    describe_token(parser, found, sizeof found);
    sl_parser_fail(parser, span, "expected %s, found %s", what, found);
    enum sl_keyword suggestion = K_NONE;
    if (alias.end > alias.begin && alias.end == parser->last.end) {
        suggestion = nearest(sl_parser_text(parser, alias), after_alias);
        if (suggestion != K_NONE && parser->err) {
            sl_parser_fail(parser, alias, "unknown keyword `%.*s`",
                           SL_STR_ARG(sl_parser_text(parser, alias)));
        }
    }
    if (suggestion == K_NONE && parser->token.kind == T_WORD)
        suggestion = nearest(sl_parser_text(parser, parser->token.span), near);
    if (suggestion != K_NONE)
        sl_hint(parser->err, "did you mean `%.*s`?", SL_STR_ARG(sl_keyword_name(suggestion)));
    return SL_USER;
}

enum sl_code sl_parser_close(struct sl_parser *parser, struct sl_span open) {
    if (sl_parser_take(parser, T_RPAREN)) return SL_OK;
    unsigned line, column;
    line_column(parser->text, open.begin, &line, &column);
    char what[80];
    snprintf(what, sizeof what, "`)` for the `(` at line %u, column %u", line, column);
    return sl_parser_unexpected(parser, what, NULL);
}

enum sl_code sl_parser_enter(struct sl_parser *parser) {
    if (++parser->depth <= SL_SQL_DEPTH_MAX) return SL_OK;
    sl_parser_fail(parser, parser->token.span, "more than %d levels of nesting", SL_SQL_DEPTH_MAX);
    return sl_hint(parser->err, "name inner parts with WITH .. AS (..) or CREATE VIEW");
}

void sl_parser_leave(struct sl_parser *parser) { parser->depth--; }

/* ---- names ---- */

bool sl_parser_at_name(const struct sl_parser *parser) {
    return parser->token.kind == T_WORD || parser->token.kind == T_QUOTED;
}

static struct sl_str unquote_name(struct sl_parser *parser, struct sl_str quoted) {
    char *out = sl_arena_alloc(parser->arena, quoted.len);
    size_t len = 0;
    for (size_t i = 1; i + 1 < quoted.len; i++) {
        out[len++] = quoted.ptr[i];
        if (quoted.ptr[i] == '`') i++;
    }
    return (struct sl_str){out, len};
}

enum sl_code sl_parser_name_part(struct sl_parser *parser, const char *what, struct sl_str *out) {
    if (!sl_parser_at_name(parser)) return sl_parser_unexpected(parser, what, NULL);
    struct sl_str text = sl_parser_text(parser, parser->token.span);
    *out = parser->token.kind == T_QUOTED ? unquote_name(parser, text) : text;
    sl_parser_next(parser);
    return SL_OK;
}

void sl_name_add(struct sl_parser *parser, struct sl_name *name, struct sl_str part) {
    /* capacity is the next power of two of the count */
    if ((name->count & (name->count - 1)) == 0) {
        uint32_t cap = name->count ? name->count * 2 : 1;
        name->parts = sl_arena_grow(parser->arena, name->parts, name->count * sizeof *name->parts,
                                    cap * sizeof *name->parts);
    }
    name->parts[name->count++] = part;
}

enum sl_code sl_parser_name(struct sl_parser *parser, const char *what, struct sl_name *out) {
    uint32_t begin = parser->token.span.begin;
    *out = (struct sl_name){0};
    do {
        struct sl_str part;
        SL_TRY(sl_parser_name_part(parser, what, &part));
        sl_name_add(parser, out, part);
    } while (sl_parser_take(parser, T_DOT));
    out->span = sl_parser_span(parser, begin);
    return SL_OK;
}

static struct sl_str join_name(struct sl_parser *parser, const struct sl_name *name) {
    if (name->count == 1) return name->parts[0];
    size_t len = 0;
    for (uint32_t i = 0; i < name->count; i++) len += name->parts[i].len + 1;
    char *out = sl_arena_alloc(parser->arena, len), *at = out;
    for (uint32_t i = 0; i < name->count; i++) {
        if (i) *at++ = '.';
        if (name->parts[i].len) memcpy(at, name->parts[i].ptr, name->parts[i].len);
        at += name->parts[i].len;
    }
    return (struct sl_str){out, (size_t)(at - out)};
}

enum sl_code sl_parser_name_list(struct sl_parser *parser, struct sl_name *out) {
    struct sl_span open = parser->token.span;
    *out = (struct sl_name){0};
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and column names"));
    do {
        struct sl_name name;
        SL_TRY(sl_parser_name(parser, "a column name", &name));
        sl_name_add(parser, out, join_name(parser, &name));
    } while (sl_parser_take(parser, T_COMMA));
    SL_TRY(sl_parser_close(parser, open));
    out->span = sl_parser_span(parser, open.begin);
    return SL_OK;
}

enum sl_code sl_parser_string(struct sl_parser *parser, const char *what, struct sl_str *out) {
    if (!sl_parser_at(parser, T_STRING)) return sl_parser_unexpected(parser, what, NULL);
    SL_TRY(sl_parser_unescape(parser, parser->token.span, out));
    sl_parser_next(parser);
    return SL_OK;
}

/* ---- properties ---- */

static enum sl_code property_key(struct sl_parser *parser, struct sl_property *property) {
    uint32_t begin = parser->token.span.begin;
    if (sl_parser_at(parser, T_STRING)) {
        SL_TRY(sl_parser_string(parser, "a property name", &property->key));
    } else {
        struct sl_name name;
        SL_TRY(sl_parser_name(parser, "a property name", &name));
        property->key = join_name(parser, &name);
    }
    property->key_span = sl_parser_span(parser, begin);
    return SL_OK;
}

static enum sl_code property_value(struct sl_parser *parser, struct sl_property *property) {
    uint32_t begin = parser->token.span.begin;
    if (sl_parser_at(parser, T_STRING)) {
        SL_TRY(sl_parser_string(parser, "a property value", &property->value));
        property->value_span = sl_parser_span(parser, begin);
        return SL_OK;
    }
    bool sign = sl_parser_at(parser, T_MINUS) || sl_parser_at(parser, T_PLUS);
    if (sign) sl_parser_next(parser);
    bool number = parser->token.kind >= T_INTEGER && parser->token.kind <= T_BIGDECIMAL;
    bool boolean = sl_parser_at_word(parser, K_TRUE) || sl_parser_at_word(parser, K_FALSE);
    if (!number && (sign || !boolean)) {
        sl_parser_unexpected(parser, "a property value: a string, a number, true or false", NULL);
        return sl_parser_at(parser, T_WORD)
                   ? sl_hint(parser->err, "write it in quotes: '%.*s'",
                             SL_STR_ARG(sl_parser_text(parser, parser->token.span)))
                   : SL_USER;
    }
    sl_parser_next(parser);
    property->value_span = sl_parser_span(parser, begin);
    property->value =
        boolean ? (sl_str_eq_nocase(sl_parser_text(parser, property->value_span), SL_STR("true"))
                       ? SL_STR("true")
                       : SL_STR("false"))
                : sl_parser_text(parser, property->value_span);
    return SL_OK;
}

static enum sl_code check_key(struct sl_parser *parser, const struct sl_properties *properties,
                              const struct sl_property *property) {
    for (uint32_t i = 0; i < properties->count; i++)
        if (sl_str_eq(properties->items[i].key, property->key))
            return sl_fail_at(parser->err, property->key_span, "DUPLICATE_KEY", "23505",
                              "the property `%.*s` stands twice", SL_STR_ARG(property->key));
    return SL_OK;
}

enum sl_code sl_parser_properties(struct sl_parser *parser, struct sl_properties *out) {
    enum { PROPERTIES_MAX = 4096 }; /* check_key is quadratic */
    struct sl_span open = parser->token.span;
    *out = (struct sl_properties){0};
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and properties"));
    uint32_t cap = 0;
    do {
        struct sl_property property = {0};
        SL_TRY(property_key(parser, &property));
        sl_parser_take(parser, T_EQ);
        SL_TRY(property_value(parser, &property));
        SL_TRY(check_key(parser, out, &property));
        if (out->count == PROPERTIES_MAX)
            return sl_parser_fail(parser, property.key_span, "more than %d properties",
                                  PROPERTIES_MAX);
        if (out->count == cap) {
            uint32_t grown = cap ? cap * 2 : 4;
            out->items = sl_arena_grow(parser->arena, out->items, cap * sizeof *out->items,
                                       grown * sizeof *out->items);
            cap = grown;
        }
        out->items[out->count++] = property;
    } while (sl_parser_take(parser, T_COMMA));
    return sl_parser_close(parser, open);
}

/* ---- types ---- */

/* array< .. >: `>>` closes two. */
static enum sl_code skip_type_arguments(struct sl_parser *parser) {
    struct sl_span open = parser->token.span;
    int depth = 0, parentheses = 0;
    do {
        switch (parser->token.kind) {
        case T_LT:
            depth++;
            break;
        case T_GT:
            depth--;
            break;
        case T_SHIFT_RIGHT:
            depth -= 2;
            break;
        case T_SHIFT_RIGHT_UNSIGNED:
            depth -= 3;
            break;
        case T_WORD:
        case T_QUOTED:
        case T_STRING: /* COMMENT '..' */
        case T_INTEGER:
        case T_COMMA:
        case T_COLON:
        case T_NE: /* struct<> */
            break;
        case T_LPAREN:
            parentheses++;
            break;
        case T_RPAREN:
            if (--parentheses >= 0) break;
            /* fall through */
        default: {
            unsigned line, column;
            line_column(parser->text, open.begin, &line, &column);
            char what[80];
            snprintf(what, sizeof what, "`>` for the `<` at line %u, column %u", line, column);
            return sl_parser_unexpected(parser, what, NULL);
        }
        }
        sl_parser_next(parser);
    } while (depth > 0);
    return depth == 0 ? SL_OK : sl_parser_fail(parser, parser->last, "one `>` too many");
}

static enum sl_code skip_type_numbers(struct sl_parser *parser) {
    struct sl_span open = parser->token.span;
    sl_parser_next(parser);
    do {
        sl_parser_take(parser, T_MINUS); /* the type's own parser refuses it, with its range */
        SL_TRY(sl_parser_expect(parser, T_INTEGER, "a number"));
    } while (sl_parser_take(parser, T_COMMA));
    return sl_parser_close(parser, open);
}

enum sl_code sl_parser_type(struct sl_parser *parser, struct sl_str *text, struct sl_span *span) {
    uint32_t begin = parser->token.span.begin;
    if (!sl_parser_at_name(parser)) return sl_parser_unexpected(parser, "a data type", NULL);
    bool interval = sl_parser_at_word(parser, K_INTERVAL);
    sl_parser_next(parser);
    if (sl_parser_at(parser, T_LT)) {
        SL_TRY(skip_type_arguments(parser));
    } else if (sl_parser_at(parser, T_NE)) {
        sl_parser_next(parser); /* struct<> */
    } else if (sl_parser_at(parser, T_LPAREN)) {
        SL_TRY(skip_type_numbers(parser));
    } else if (interval && sl_parser_at_name(parser)) {
        sl_parser_next(parser);
        if (sl_parser_take_word(parser, K_TO)) {
            struct sl_str unit;
            SL_TRY(sl_parser_name_part(parser, "an interval unit", &unit));
        }
    }
    *span = sl_parser_span(parser, begin);
    *text = sl_parser_text(parser, *span);
    return SL_OK;
}

/* ---- nodes ---- */

void sl_node_list_add(struct sl_parser *parser, struct sl_node_list *list, void *item) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        list->items = sl_arena_grow(parser->arena, list->items, list->cap * sizeof(void *),
                                    cap * sizeof(void *));
        list->cap = cap;
    }
    list->items[list->count++] = item;
}

struct sl_uexpr *sl_parser_expr(struct sl_parser *parser, enum sl_uexpr_kind kind,
                                struct sl_span span) {
    struct sl_uexpr *expr = SL_NEW(parser->arena, struct sl_uexpr);
    expr->kind = kind;
    expr->span = span;
    expr->height = expr->weight = 1;
    return expr;
}

static void weigh(struct sl_uexpr *expr, uint32_t height, uint32_t weight) {
    if (height + 1 > expr->height) expr->height = height + 1;
    if (__builtin_add_overflow(expr->weight, weight, &expr->weight)) expr->weight = UINT32_MAX;
}

enum sl_code sl_parser_expr_done(struct sl_parser *parser, struct sl_uexpr *expr) {
    expr->height = expr->weight = 1;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        weigh(expr, expr->args[i]->height, expr->args[i]->weight);
    if (expr->filter) weigh(expr, expr->filter->height, expr->filter->weight);
    if (expr->window) {
        for (uint32_t i = 0; i < expr->window->partition_count; i++)
            weigh(expr, expr->window->partition[i]->height, expr->window->partition[i]->weight);
        for (uint32_t i = 0; i < expr->window->order_count; i++)
            weigh(expr, expr->window->order[i]->height, expr->window->order[i]->weight);
    }
    if (expr->height > SL_SQL_HEIGHT_MAX)
        return sl_parser_fail(parser, expr->span, "an expression of more than %d levels",
                              SL_SQL_HEIGHT_MAX);
    if (expr->weight > SL_SQL_WEIGHT_MAX ||
        parser->arena->used_bytes - parser->arena_used > (size_t)SL_SQL_TREE_MAX)
        return sl_parser_fail(parser, expr->span, "the expression is too large");
    return SL_OK;
}

enum sl_code sl_parser_call(struct sl_parser *parser, const char *name, struct sl_span span,
                            struct sl_uexpr **args, uint32_t count, struct sl_uexpr **out) {
    struct sl_uexpr *expr = sl_parser_expr(parser, SL_U_FUNCTION, span);
    sl_name_add(parser, &expr->name, sl_str(name));
    expr->name.span = span;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, count);
    expr->arg_count = count;
    if (count) memcpy(expr->args, args, count * sizeof *args);
    *out = expr;
    return sl_parser_expr_done(parser, expr);
}

struct sl_uexpr *sl_parser_string_literal(struct sl_parser *parser, struct sl_str text,
                                          struct sl_span span) {
    struct sl_uexpr *expr = sl_parser_expr(parser, SL_U_LITERAL, span);
    expr->literal.kind = SL_LIT_STRING;
    expr->literal.text = text;
    return expr;
}

struct sl_urelation *sl_parser_relation(struct sl_parser *parser, enum sl_urelation_kind kind,
                                        struct sl_span span) {
    struct sl_urelation *relation = SL_NEW(parser->arena, struct sl_urelation);
    relation->kind = kind;
    relation->span = span;
    relation->height = 1;
    return relation;
}

enum sl_code sl_parser_relation_done(struct sl_parser *parser, struct sl_urelation *relation) {
    relation->height = 1;
    const struct sl_urelation *inputs[] = {relation->input, relation->right};
    for (int i = 0; i < 2; i++)
        if (inputs[i] && inputs[i]->height + 1 > relation->height)
            relation->height = inputs[i]->height + 1;
    if (relation->height <= SL_SQL_RELATION_HEIGHT_MAX) return SL_OK;
    return sl_parser_fail(parser, parser->last, "more than %d joins or set operations in a row",
                          SL_SQL_RELATION_HEIGHT_MAX);
}
