/* Expressions: OR, AND, NOT, predicates, arithmetic by precedence climbing, primaries.
 * Source: Spark 4.1 SqlBaseParser.g4 booleanExpression, valueExpression, primaryExpression.
 *
 * A comparison is a value expression there, and at most one predicate (IS, IN, LIKE, BETWEEN ..)
 * follows one: `a = b IS NULL` asks whether the comparison is null. */
#include "sql/parser.h"

static enum sl_code parse_or(struct sl_parser *parser, struct sl_uexpr **out);

enum sl_code sl_parse_expression(struct sl_parser *parser, struct sl_uexpr **out) {
    SL_TRY(sl_parser_enter(parser));
    SL_TRY(parse_or(parser, out));
    sl_parser_leave(parser);
    return SL_OK;
}

static enum sl_code call1(struct sl_parser *parser, const char *name, uint32_t begin,
                          struct sl_uexpr *arg, struct sl_uexpr **out) {
    return sl_parser_call(parser, name, sl_parser_span(parser, begin), &arg, 1, out);
}

static enum sl_code call2(struct sl_parser *parser, const char *name, struct sl_uexpr *left,
                          struct sl_uexpr *right, struct sl_uexpr **out) {
    struct sl_uexpr *args[] = {left, right};
    struct sl_span span = {left->span.begin, right->span.end};
    return sl_parser_call(parser, name, span, args, 2, out);
}

/* ---- AND, OR, NOT ---- */

/* A balanced tree over the terms, as Spark builds it: generated filters have thousands of them. */
static enum sl_code balance(struct sl_parser *parser, const char *name, struct sl_uexpr **terms,
                            uint32_t count, struct sl_uexpr **out) {
    if (count == 1) {
        *out = terms[0];
        return SL_OK;
    }
    struct sl_uexpr *left, *right;
    SL_TRY(balance(parser, name, terms, count - count / 2, &left));
    SL_TRY(balance(parser, name, terms + (count - count / 2), count / 2, &right));
    return call2(parser, name, left, right, out);
}

static enum sl_code parse_predicated(struct sl_parser *parser, struct sl_uexpr **out);

static enum sl_code parse_not(struct sl_parser *parser, struct sl_uexpr **out) {
    bool not_word = sl_parser_at_word(parser, K_NOT) || sl_parser_at(parser, T_BANG);
    if (!not_word) return parse_predicated(parser, out);
    uint32_t begin = parser->token.span.begin;
    SL_TRY(sl_parser_enter(parser));
    sl_parser_next(parser);
    struct sl_uexpr *arg;
    SL_TRY(parse_not(parser, &arg));
    sl_parser_leave(parser);
    return call1(parser, "not", begin, arg, out);
}

static enum sl_code parse_and(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_node_list terms = {0};
    do {
        struct sl_uexpr *term;
        SL_TRY(parse_not(parser, &term));
        sl_node_list_add(parser, &terms, term);
    } while (sl_parser_take_word(parser, K_AND));
    return balance(parser, "and", (struct sl_uexpr **)terms.items, terms.count, out);
}

static enum sl_code parse_or(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_node_list terms = {0};
    do {
        struct sl_uexpr *term;
        SL_TRY(parse_and(parser, &term));
        sl_node_list_add(parser, &terms, term);
    } while (sl_parser_take_word(parser, K_OR));
    return balance(parser, "or", (struct sl_uexpr **)terms.items, terms.count, out);
}

/* ---- predicates ---- */

enum sl_code sl_parse_expression_list(struct sl_parser *parser, struct sl_node_list *list) {
    do {
        struct sl_uexpr *expr;
        SL_TRY(sl_parse_expression(parser, &expr));
        sl_node_list_add(parser, list, expr);
    } while (sl_parser_take(parser, T_COMMA));
    return SL_OK;
}

static enum sl_code subquery(struct sl_parser *parser, const char *kind, struct sl_uexpr *left,
                             uint32_t begin, struct sl_uexpr **out) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(`"));
    struct sl_urelation *query;
    SL_TRY(sl_parse_query(parser, &query));
    SL_TRY(sl_parser_close(parser, open));
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_SUBQUERY, sl_parser_span(parser, begin));
    sl_name_add(parser, &expr->name, sl_str(kind));
    expr->relation = query;
    if (!left) return SL_OK;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = left;
    return sl_parser_expr_done(parser, expr);
}

static enum sl_code predicate_in(struct sl_parser *parser, struct sl_uexpr *left,
                                 struct sl_uexpr **out) {
    if (sl_parser_at(parser, T_LPAREN) && sl_parse_at_query(parser, 1))
        return subquery(parser, "in", left, left->span.begin, out);
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and a list or a query"));
    struct sl_node_list args = {0};
    sl_node_list_add(parser, &args, left);
    SL_TRY(sl_parse_expression_list(parser, &args));
    SL_TRY(sl_parser_close(parser, open));
    return sl_parser_call(parser, "in", sl_parser_span(parser, left->span.begin),
                          (struct sl_uexpr **)args.items, args.count, out);
}

static enum sl_code predicate_between(struct sl_parser *parser, struct sl_uexpr *left,
                                      struct sl_uexpr **out) {
    struct sl_uexpr *low, *high, *above, *below;
    SL_TRY(sl_parse_value(parser, &low));
    SL_TRY(sl_parser_expect_word(parser, K_AND));
    SL_TRY(sl_parse_value(parser, &high));
    SL_TRY(call2(parser, ">=", left, low, &above));
    SL_TRY(call2(parser, "<=", left, high, &below));
    return call2(parser, "and", above, below, out);
}

/* x LIKE ANY (a, b) is x LIKE a OR x LIKE b, and with NOT each comparison is negated. */
static enum sl_code like_quantified(struct sl_parser *parser, const char *name, bool any,
                                    bool negated, struct sl_uexpr *left, struct sl_uexpr **out) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and patterns"));
    struct sl_node_list terms = {0};
    SL_TRY(sl_parse_expression_list(parser, &terms));
    SL_TRY(sl_parser_close(parser, open));
    for (uint32_t i = 0; i < terms.count; i++) {
        struct sl_uexpr *term;
        SL_TRY(call2(parser, name, left, terms.items[i], &term));
        if (negated) SL_TRY(call1(parser, "not", left->span.begin, term, &term));
        terms.items[i] = term;
    }
    return balance(parser, any ? "or" : "and", (struct sl_uexpr **)terms.items, terms.count, out);
}

static enum sl_code predicate_like(struct sl_parser *parser, const char *name,
                                   struct sl_uexpr *left, struct sl_uexpr **out) {
    struct sl_uexpr *args[3] = {left};
    uint32_t count = 2;
    SL_TRY(sl_parse_value(parser, &args[1]));
    if (sl_parser_take_word(parser, K_ESCAPE)) {
        struct sl_span span = parser->token.span;
        struct sl_str text;
        SL_TRY(sl_parser_string(parser, "one character in quotes", &text));
        size_t characters = 0;
        for (size_t i = 0; i < text.len; i++)
            characters += ((unsigned char)text.ptr[i] & 0xC0) != 0x80;
        if (characters != 1)
            return sl_parser_fail(parser, span, "ESCAPE takes a string of one character");
        args[count++] = sl_parser_string_literal(parser, text, span);
    }
    return sl_parser_call(parser, name, sl_parser_span(parser, left->span.begin), args, count, out);
}

static enum sl_code predicate_is(struct sl_parser *parser, struct sl_uexpr *left,
                                 struct sl_uexpr **out) {
    uint32_t begin = left->span.begin;
    bool negated = sl_parser_take_word(parser, K_NOT);
    struct sl_token token = parser->token;
    if (sl_parser_take_word(parser, K_NULL) || sl_parser_take_word(parser, K_UNKNOWN))
        return call1(parser, negated ? "isnotnull" : "isnull", begin, left, out);
    struct sl_uexpr *right, *equal;
    if (sl_parser_take_word(parser, K_TRUE) || sl_parser_take_word(parser, K_FALSE)) {
        right = sl_parser_expr(parser, SL_U_LITERAL, token.span);
        right->literal.kind = SL_LIT_BOOL;
        right->literal.boolean = token.keyword == K_TRUE;
    } else if (sl_parser_take_words(parser, K_DISTINCT, K_FROM)) {
        SL_TRY(sl_parse_value(parser, &right));
        negated = !negated;
    } else {
        return sl_parser_unexpected(parser, "NULL, TRUE, FALSE, UNKNOWN or DISTINCT FROM",
                                    (const enum sl_keyword[]){K_NULL, K_TRUE, K_FALSE, K_UNKNOWN,
                                                              K_DISTINCT, K_NOT, K_NONE});
    }
    SL_TRY(call2(parser, "<=>", left, right, &equal));
    if (!negated) return *out = equal, SL_OK;
    return call1(parser, "not", begin, equal, out);
}

static bool is_predicate(enum sl_keyword keyword) {
    return keyword == K_IN || keyword == K_LIKE || keyword == K_ILIKE || keyword == K_RLIKE ||
           keyword == K_REGEXP || keyword == K_BETWEEN;
}

static enum sl_code parse_predicated(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_uexpr *left;
    SL_TRY(sl_parse_value(parser, &left));
    if (sl_parser_take_word(parser, K_IS)) return predicate_is(parser, left, out);
    bool negated = sl_parser_at_word(parser, K_NOT) || sl_parser_at(parser, T_BANG);
    struct sl_token token = negated ? sl_parser_peek(parser, 1) : parser->token;
    if (token.kind != T_WORD || !is_predicate(token.keyword)) return *out = left, SL_OK;
    if (negated) sl_parser_next(parser);
    sl_parser_next(parser);
    switch (token.keyword) {
    case K_IN:
        SL_TRY(predicate_in(parser, left, out));
        break;
    case K_BETWEEN:
        SL_TRY(predicate_between(parser, left, out));
        break;
    case K_RLIKE:
    case K_REGEXP: {
        struct sl_uexpr *pattern;
        SL_TRY(sl_parse_value(parser, &pattern));
        SL_TRY(call2(parser, "rlike", left, pattern, out));
        break;
    }
    default: {
        const char *name = token.keyword == K_LIKE ? "like" : "ilike";
        bool any = sl_parser_at_word(parser, K_ANY) || sl_parser_at_word(parser, K_SOME);
        bool all = sl_parser_at_word(parser, K_ALL);
        if ((any || all) && sl_parser_peek(parser, 1).kind == T_LPAREN) {
            sl_parser_next(parser);
            return like_quantified(parser, name, any, negated, left, out);
        }
        SL_TRY(predicate_like(parser, name, left, out));
    }
    }
    return negated ? call1(parser, "not", left->span.begin, *out, out) : SL_OK;
}

/* ---- arithmetic and comparison ---- */

enum { LEVEL_COMPARISON = 1, LEVEL_MULTIPLY = 7 };

static int operator_level(const struct sl_parser *parser, const char **name) {
    static const struct {
        const char *name;
        int level;
    } operators[] = {
        [T_STAR] = {"*", 7},
        [T_SLASH] = {"/", 7},
        [T_PERCENT] = {"%", 7},
        [T_PLUS] = {"+", 6},
        [T_MINUS] = {"-", 6},
        [T_CONCAT] = {"||", 6},
        [T_SHIFT_LEFT] = {"shiftleft", 5},
        [T_SHIFT_RIGHT] = {"shiftright", 5},
        [T_SHIFT_RIGHT_UNSIGNED] = {"shiftrightunsigned", 5},
        [T_AMPERSAND] = {"&", 4},
        [T_CARET] = {"^", 3},
        [T_PIPE] = {"|", 2},
        [T_EQ] = {"=", 1},
        [T_NULL_SAFE_EQ] = {"<=>", 1},
        [T_NE] = {"<>", 1},
        [T_LT] = {"<", 1},
        [T_LE] = {"<=", 1},
        [T_GT] = {">", 1},
        [T_GE] = {">=", 1},
    };
    enum sl_token_kind kind = parser->token.kind;
    if (kind == T_WORD && parser->token.keyword == K_DIV) return *name = "div", LEVEL_MULTIPLY;
    if (kind >= sizeof operators / sizeof operators[0]) return 0;
    *name = operators[kind].name;
    return operators[kind].level;
}

static enum sl_code parse_unary(struct sl_parser *parser, struct sl_uexpr **out);

static enum sl_code parse_level(struct sl_parser *parser, int lowest, struct sl_uexpr **out) {
    struct sl_uexpr *left;
    SL_TRY(parse_unary(parser, &left));
    const char *name;
    for (int level; (level = operator_level(parser, &name)) >= lowest && level > 0;) {
        sl_parser_next(parser);
        struct sl_uexpr *right;
        SL_TRY(parse_level(parser, level + 1, &right));
        SL_TRY(call2(parser, name, left, right, &left));
    }
    *out = left;
    return SL_OK;
}

enum sl_code sl_parse_value(struct sl_parser *parser, struct sl_uexpr **out) {
    return parse_level(parser, LEVEL_COMPARISON, out);
}

static enum sl_code parse_postfix(struct sl_parser *parser, struct sl_uexpr **out);

static enum sl_code parse_unary(struct sl_parser *parser, struct sl_uexpr **out) {
    const char *name = sl_parser_at(parser, T_MINUS)   ? "negative"
                       : sl_parser_at(parser, T_PLUS)  ? "positive"
                       : sl_parser_at(parser, T_TILDE) ? "~"
                                                       : NULL;
    enum sl_token_kind next = name ? sl_parser_peek(parser, 1).kind : T_END;
    bool negative_number =
        sl_parser_at(parser, T_MINUS) && next >= T_INTEGER && next <= T_BIGDECIMAL;
    if (!name || negative_number) return parse_postfix(parser, out);
    uint32_t begin = parser->token.span.begin;
    SL_TRY(sl_parser_enter(parser));
    sl_parser_next(parser);
    struct sl_uexpr *arg;
    SL_TRY(parse_unary(parser, &arg));
    sl_parser_leave(parser);
    return call1(parser, name, begin, arg, out);
}

/* ---- primaries ---- */

/* (x, y) -> .. */
static bool at_lambda_parameters(const struct sl_parser *parser) {
    struct sl_token token = parser->token; /* the `(` */
    do {
        token = sl_lexer_token(parser->text, token.span.end);
        if (token.kind != T_WORD && token.kind != T_QUOTED) return false;
        token = sl_lexer_token(parser->text, token.span.end);
    } while (token.kind == T_COMMA);
    return token.kind == T_RPAREN && sl_lexer_token(parser->text, token.span.end).kind == T_ARROW;
}

static enum sl_code parse_lambda(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    struct sl_name parameters = {0};
    if (sl_parser_at(parser, T_LPAREN)) {
        SL_TRY(sl_parser_name_list(parser, &parameters));
    } else {
        struct sl_str part;
        SL_TRY(sl_parser_name_part(parser, "a parameter", &part));
        sl_name_add(parser, &parameters, part);
    }
    SL_TRY(sl_parser_expect(parser, T_ARROW, "`->`"));
    struct sl_uexpr *body;
    SL_TRY(sl_parse_expression(parser, &body));
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_LAMBDA, sl_parser_span(parser, begin));
    expr->aliases = parameters;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = body;
    return sl_parser_expr_done(parser, expr);
}

static struct sl_uexpr *strip_alias(struct sl_uexpr *expr) {
    return expr->kind == SL_U_ALIAS ? expr->args[0] : expr;
}

/* (query), (expression), or a row (a, b AS c), which is a struct. */
static enum sl_code parse_parenthesis(struct sl_parser *parser, struct sl_uexpr **out) {
    if (at_lambda_parameters(parser)) return parse_lambda(parser, out);
    struct sl_span open = parser->token.span;
    if (sl_parse_at_query(parser, 1)) return subquery(parser, "", NULL, open.begin, out);
    sl_parser_next(parser);
    struct sl_node_list items = {0};
    bool row = false;
    do {
        struct sl_uexpr *item;
        SL_TRY(sl_parse_named_expression(parser, &item));
        sl_node_list_add(parser, &items, item);
        row = row || sl_parser_at(parser, T_COMMA);
    } while (sl_parser_take(parser, T_COMMA));
    struct sl_uexpr *first = items.items[0];
    if (!row && first->kind == SL_U_SUBQUERY && first->arg_count == 0 &&
        sl_parse_at_query_rest(parser)) {
        struct sl_urelation *query;
        SL_TRY(sl_parse_query_rest(parser, first->relation, &query));
        first->relation = query;
    }
    if (!row && first->kind == SL_U_ALIAS && sl_parser_at(parser, T_RPAREN))
        return sl_parser_fail(parser, first->aliases.span,
                              "an alias has no place in parentheses around one expression");
    SL_TRY(sl_parser_close(parser, open));
    if (row)
        return sl_parser_call(parser, "struct", sl_parser_span(parser, open.begin),
                              (struct sl_uexpr **)items.items, items.count, out);
    *out = strip_alias(first);
    return SL_OK;
}

static enum sl_code parse_star(struct sl_parser *parser, struct sl_name qualifier, uint32_t begin,
                               struct sl_uexpr **out) {
    sl_parser_next(parser);
    struct sl_uexpr *star = *out = sl_parser_expr(parser, SL_U_STAR, sl_parser_span(parser, begin));
    star->name = qualifier;
    /* `SELECT * EXCEPT SELECT ..` and `* EXCEPT (SELECT ..)` are set operations */
    if (!sl_parser_at_word(parser, K_EXCEPT) || sl_parser_peek(parser, 1).kind != T_LPAREN ||
        sl_parse_at_query(parser, 2))
        return SL_OK;
    sl_parser_next(parser);
    SL_TRY(sl_parser_name_list(parser, &star->aliases));
    star->span = sl_parser_span(parser, begin);
    return SL_OK;
}

static enum sl_code parse_case(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_token begin = parser->token;
    sl_parser_next(parser);
    struct sl_uexpr *part, *expr = sl_parser_expr(parser, SL_U_CASE, begin.span);
    struct sl_node_list args = {0};
    if (!sl_parser_at_word(parser, K_WHEN)) {
        SL_TRY(sl_parse_expression(parser, &part));
        sl_node_list_add(parser, &args, part);
        expr->has_operand = true;
    }
    do {
        SL_TRY(sl_parser_expect_word(parser, K_WHEN));
        SL_TRY(sl_parse_expression(parser, &part));
        sl_node_list_add(parser, &args, part);
        SL_TRY(sl_parser_expect_word(parser, K_THEN));
        SL_TRY(sl_parse_expression(parser, &part));
        sl_node_list_add(parser, &args, part);
    } while (sl_parser_at_word(parser, K_WHEN));
    if (sl_parser_take_word(parser, K_ELSE)) {
        SL_TRY(sl_parse_expression(parser, &part));
        sl_node_list_add(parser, &args, part);
        expr->has_else = true;
    }
    if (!sl_parser_take_word(parser, K_END))
        return sl_parser_unexpected(parser,
                                    expr->has_else ? "END of CASE" : "WHEN, ELSE or END of CASE",
                                    (const enum sl_keyword[]){K_END, K_WHEN, K_ELSE, K_NONE});
    expr->span = sl_parser_span(parser, begin.span.begin);
    expr->args = (struct sl_uexpr **)args.items;
    expr->arg_count = args.count;
    *out = expr;
    return sl_parser_expr_done(parser, expr);
}

static enum sl_code make_cast(struct sl_parser *parser, struct sl_uexpr *arg, uint32_t begin,
                              bool try_cast, struct sl_uexpr **out) {
    struct sl_uexpr *expr = *out = sl_parser_expr(parser, SL_U_CAST, parser->token.span);
    SL_TRY(sl_parser_type(parser, &expr->type_text, &expr->type_span));
    expr->try_cast = try_cast;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = arg;
    expr->span = sl_parser_span(parser, begin);
    return sl_parser_expr_done(parser, expr);
}

static enum sl_code parse_cast(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_token begin = parser->token;
    sl_parser_next(parser);
    struct sl_span open = parser->token.span;
    sl_parser_next(parser);
    struct sl_uexpr *arg;
    SL_TRY(sl_parse_expression(parser, &arg));
    SL_TRY(sl_parser_expect_word(parser, K_AS));
    SL_TRY(make_cast(parser, arg, begin.span.begin, begin.keyword == K_TRY_CAST, out));
    SL_TRY(sl_parser_close(parser, open));
    (*out)->span = sl_parser_span(parser, begin.span.begin);
    return SL_OK;
}

static enum sl_code parse_parameter(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_token begin = parser->token;
    sl_parser_next(parser);
    struct sl_uexpr *expr = *out = sl_parser_expr(parser, SL_U_PARAMETER, begin.span);
    if (begin.kind == T_QUESTION) return SL_OK;
    struct sl_str part;
    SL_TRY(sl_parser_name_part(parser, "a parameter name", &part));
    sl_name_add(parser, &expr->name, part);
    expr->span = sl_parser_span(parser, begin.span.begin);
    return SL_OK;
}

/* current_timestamp and its like are functions without parentheses too.  USER is not among them:
 * as in Spark a column of that name comes first. */
bool sl_parse_is_bare_function(struct sl_str name) {
    static const char *const names[] = {"current_date", "current_timestamp", "current_time",
                                        "current_user", "session_user",      "localtimestamp"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (sl_str_eq_nocase(name, sl_str(names[i]))) return true;
    return false;
}

/* a, a.b.c, a.*, f(x), a.f(x), x -> y */
static enum sl_code parse_name(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    bool quoted = sl_parser_at(parser, T_QUOTED);
    if (sl_parser_peek(parser, 1).kind == T_ARROW) return parse_lambda(parser, out);
    struct sl_name name = {0};
    for (;;) {
        struct sl_str part;
        SL_TRY(sl_parser_name_part(parser, "a name", &part));
        sl_name_add(parser, &name, part);
        name.span = sl_parser_span(parser, begin);
        if (!sl_parser_take(parser, T_DOT)) break;
        if (sl_parser_at(parser, T_STAR)) return parse_star(parser, name, begin, out);
    }
    if (sl_parser_at(parser, T_LPAREN)) return sl_parse_function(parser, name, out);
    if (!quoted && name.count == 1 && sl_parse_is_bare_function(name.parts[0]))
        return sl_parser_call(parser, sl_arena_cstr(parser->arena, name.parts[0]), name.span, NULL,
                              0, out);
    *out = sl_parser_expr(parser, SL_U_ATTRIBUTE, name.span);
    (*out)->name = name;
    return SL_OK;
}

/* A keyword of the statement is a column only where nothing else can follow: `end = 3`. */
static bool is_misplaced_keyword(const struct sl_parser *parser) {
    if (!sl_parser_at(parser, T_WORD) || !sl_keyword_begins_no_expr(parser->token.keyword))
        return false;
    switch (sl_parser_peek(parser, 1).kind) {
    case T_LPAREN: /* like(a, b) */
        return !sl_parser_at_word(parser, K_LIKE) && !sl_parser_at_word(parser, K_ILIKE) &&
               !sl_parser_at_word(parser, K_RLIKE) && !sl_parser_at_word(parser, K_REGEXP);
    case T_DOT:
    case T_COMMA:
    case T_RPAREN:
    case T_EQ:
    case T_NULL_SAFE_EQ:
    case T_NE:
    case T_LT:
    case T_LE:
    case T_GT:
    case T_GE:
        return false;
    default:
        return true;
    }
}

static bool at_case(const struct sl_parser *parser) {
    if (!sl_parser_at_word(parser, K_CASE)) return false;
    enum sl_token_kind next = sl_parser_peek(parser, 1).kind;
    return next != T_DOT && next != T_COMMA && next != T_RPAREN && next != T_END &&
           !(next >= T_EQ && next <= T_GE);
}

static enum sl_code parse_primary(struct sl_parser *parser, struct sl_uexpr **out) {
    SL_TRY(sl_parse_literal(parser, out));
    if (*out) return SL_OK;
    switch (parser->token.kind) {
    case T_LPAREN:
        return parse_parenthesis(parser, out);
    case T_STAR:
        return parse_star(parser, (struct sl_name){0}, parser->token.span.begin, out);
    case T_QUESTION:
    case T_COLON:
        return parse_parameter(parser, out);
    case T_QUOTED:
        return parse_name(parser, out);
    case T_WORD:
        break;
    default:
        return sl_parser_unexpected(parser, "an expression", NULL);
    }
    if (is_misplaced_keyword(parser)) return sl_parser_unexpected(parser, "an expression", NULL);
    if (at_case(parser)) return parse_case(parser, out);
    bool call = sl_parser_peek(parser, 1).kind == T_LPAREN;
    if (call && (sl_parser_at_word(parser, K_CAST) || sl_parser_at_word(parser, K_TRY_CAST)))
        return parse_cast(parser, out);
    if (call && sl_parser_at_word(parser, K_EXISTS) && sl_parse_at_query(parser, 2)) {
        uint32_t begin = parser->token.span.begin;
        sl_parser_next(parser);
        return subquery(parser, "exists", NULL, begin, out);
    }
    return parse_name(parser, out);
}

static enum sl_code parse_subscript(struct sl_parser *parser, struct sl_uexpr *base,
                                    struct sl_uexpr **out) {
    sl_parser_next(parser);
    SL_TRY(sl_parser_enter(parser));
    struct sl_uexpr *index;
    SL_TRY(sl_parse_value(parser, &index));
    sl_parser_leave(parser);
    SL_TRY(sl_parser_expect(parser, T_RBRACKET, "`]`"));
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_EXTRACT_VALUE, sl_parser_span(parser, base->span.begin));
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 2);
    expr->args[0] = base;
    expr->args[1] = index;
    expr->arg_count = 2;
    return sl_parser_expr_done(parser, expr);
}

static enum sl_code parse_field(struct sl_parser *parser, struct sl_uexpr *base,
                                struct sl_uexpr **out) {
    sl_parser_next(parser);
    struct sl_uexpr *expr = *out = sl_parser_expr(parser, SL_U_FIELD, base->span);
    SL_TRY(sl_parser_name_part(parser, "a field name", &expr->field_name));
    expr->span = sl_parser_span(parser, base->span.begin);
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = base;
    return sl_parser_expr_done(parser, expr);
}

static enum sl_code parse_postfix(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    struct sl_uexpr *expr;
    SL_TRY(parse_primary(parser, &expr));
    for (;;) {
        if (sl_parser_at(parser, T_LBRACKET)) {
            SL_TRY(parse_subscript(parser, expr, &expr));
        } else if (sl_parser_at(parser, T_DOT)) {
            SL_TRY(parse_field(parser, expr, &expr));
        } else if (sl_parser_take(parser, T_DOUBLE_COLON)) {
            SL_TRY(make_cast(parser, expr, begin, false, &expr));
        } else if (sl_parser_take_word(parser, K_COLLATE)) {
            struct sl_name name;
            SL_TRY(sl_parser_name(parser, "a collation", &name));
            struct sl_str text = sl_parser_text(parser, name.span);
            SL_TRY(call2(parser, "collate", expr, sl_parser_string_literal(parser, text, name.span),
                         &expr));
        } else {
            *out = expr;
            return SL_OK;
        }
    }
}

/* ---- aliases and sort items ---- */

static enum sl_code make_alias(struct sl_parser *parser, struct sl_uexpr *arg,
                               struct sl_name aliases, struct sl_uexpr **out) {
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_ALIAS, sl_parser_span(parser, arg->span.begin));
    expr->aliases = aliases;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = arg;
    return sl_parser_expr_done(parser, expr);
}

enum sl_code sl_parse_named_expression(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_uexpr *expr;
    SL_TRY(sl_parse_expression(parser, &expr));
    struct sl_span begin = parser->token.span;
    bool as = sl_parser_take_word(parser, K_AS);
    struct sl_name aliases = {0};
    if (as && sl_parser_at(parser, T_LPAREN)) {
        SL_TRY(sl_parser_name_list(parser, &aliases));
        return make_alias(parser, expr, aliases, out);
    }
    if (as && sl_parser_at(parser, T_STRING)) {
        sl_parser_unexpected(parser, "a name", NULL);
        return sl_hint(parser->err, "a name stands in backquotes, a text in quotes");
    }
    bool bare = sl_parser_at(parser, T_QUOTED) ||
                (sl_parser_at(parser, T_WORD) && !sl_keyword_is_no_alias(parser->token.keyword));
    if (!as && !bare) return *out = expr, SL_OK;
    if (!as) parser->alias_span = begin;
    struct sl_str part;
    SL_TRY(sl_parser_name_part(parser, "a name", &part));
    sl_name_add(parser, &aliases, part);
    aliases.span = parser->last;
    return make_alias(parser, expr, aliases, out);
}

enum sl_code sl_parse_sort_item(struct sl_parser *parser, struct sl_uexpr **out) {
    struct sl_uexpr *arg;
    SL_TRY(sl_parse_expression(parser, &arg));
    bool descending = sl_parser_take_word(parser, K_DESC);
    if (!descending) sl_parser_take_word(parser, K_ASC);
    bool nulls_set = sl_parser_take_word(parser, K_NULLS), nulls_first = !descending;
    if (nulls_set) {
        nulls_first = sl_parser_take_word(parser, K_FIRST);
        if (!nulls_first) SL_TRY(sl_parser_expect_word(parser, K_LAST));
    }
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_SORT_ORDER, sl_parser_span(parser, arg->span.begin));
    expr->descending = descending;
    expr->nulls_first = nulls_first;
    expr->nulls_set = nulls_set;
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = arg;
    return sl_parser_expr_done(parser, expr);
}

enum sl_code sl_sql_parse_expr(struct sl_arena *arena, struct sl_str text, struct sl_uexpr **out,
                               struct sl_err *err) {
    struct sl_err scratch = {0};
    struct sl_parser parser;
    SL_TRY(sl_parser_init(&parser, arena, text, err ? err : &scratch));
    SL_TRY(sl_parse_named_expression(&parser, out));
    if (!sl_parser_at(&parser, T_END))
        return sl_parser_unexpected(
            &parser, "the end of the expression",
            (const enum sl_keyword[]){K_AND, K_OR, K_IN, K_LIKE, K_BETWEEN, K_IS, K_NOT, K_NONE});
    return SL_OK;
}
