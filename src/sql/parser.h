/* What the parse_*.c files share: a cursor over the tokens and the makers of nodes.
 *
 * Internal functions return a code and leave the error in parser->err; after an error the parser is
 * dead, nothing backtracks over one.  Everything recursive passes through sl_parser_enter, so depth
 * is bounded; chains of operators, joins and set operations are loops.
 */
#ifndef SL_SQL_PARSER_H
#define SL_SQL_PARSER_H

#include "sql/lexer.h"
#include "sql/parse.h"
#include "sql/tree.h"

struct sl_window_use { /* OVER name, waiting for the WINDOW clause of its SELECT */
    struct sl_uwindow *window;
    struct sl_span span;
    struct sl_window_use *next;
};

struct sl_parser {
    struct sl_arena *arena;
    struct sl_str text;
    struct sl_token token;     /* the current one */
    struct sl_span last;       /* of the token before it */
    struct sl_span alias_span; /* of the last alias without AS: a misspelt keyword looks like one */
    unsigned depth;
    size_t arena_used; /* at the start */
    struct sl_window_use *window_uses;
    struct sl_err *err;
};

/* A list that grows in the arena. */
struct sl_node_list {
    void **items;
    uint32_t count, cap;
};

enum sl_code sl_parser_init(struct sl_parser *parser, struct sl_arena *arena, struct sl_str text,
                            struct sl_err *err);
/* ---- cursor ---- */
void sl_parser_next(struct sl_parser *parser);
void sl_parser_seek(struct sl_parser *parser, uint32_t pos); /* the token at or after pos */
/* The token `ahead` tokens behind the current one. */
struct sl_token sl_parser_peek(const struct sl_parser *parser, unsigned ahead);
struct sl_str sl_parser_text(const struct sl_parser *parser, struct sl_span span);
static inline bool sl_parser_at(const struct sl_parser *parser, enum sl_token_kind kind) {
    return parser->token.kind == kind;
}
static inline bool sl_parser_at_word(const struct sl_parser *parser, enum sl_keyword keyword) {
    return parser->token.kind == T_WORD && parser->token.keyword == keyword;
}
bool sl_parser_peek_word(const struct sl_parser *parser, unsigned ahead, enum sl_keyword keyword);
/* Steps over it if it is there. */
bool sl_parser_take(struct sl_parser *parser, enum sl_token_kind kind);
bool sl_parser_take_word(struct sl_parser *parser, enum sl_keyword keyword);
bool sl_parser_take_words(struct sl_parser *parser, enum sl_keyword a, enum sl_keyword b);
enum sl_code sl_parser_expect(struct sl_parser *parser, enum sl_token_kind kind, const char *what);
enum sl_code sl_parser_expect_word(struct sl_parser *parser, enum sl_keyword keyword);
/* From begin to the end of the last token. */
struct sl_span sl_parser_span(const struct sl_parser *parser, uint32_t begin);

/* ---- errors ---- */
/* "expected <what>, found <token>"; a near one of `near` (ends with K_NONE; may be NULL) is the
 * hint. */
enum sl_code sl_parser_unexpected(struct sl_parser *parser, const char *what,
                                  const enum sl_keyword *near);
enum sl_code sl_parser_fail(struct sl_parser *parser, struct sl_span span, const char *fmt, ...)
    SL_PRINTF(3, 4);
enum sl_code sl_parser_unsupported(struct sl_parser *parser, struct sl_span span, const char *fmt,
                                   ...) SL_PRINTF(3, 4);
/* UNCLOSED_PARENTHESIS in effect: expects `)` and names the place of the opening one. */
enum sl_code sl_parser_close(struct sl_parser *parser, struct sl_span open);
enum sl_code sl_parser_enter(struct sl_parser *parser);
void sl_parser_leave(struct sl_parser *parser);

/* ---- names and texts ---- */
bool sl_parser_at_name(const struct sl_parser *parser);
enum sl_code sl_parser_name_part(struct sl_parser *parser, const char *what, struct sl_str *out);
enum sl_code sl_parser_name(struct sl_parser *parser, const char *what, struct sl_name *out);
/* (a, b, c) */
enum sl_code sl_parser_name_list(struct sl_parser *parser, struct sl_name *out);
enum sl_code sl_parser_string(struct sl_parser *parser, const char *what, struct sl_str *out);
enum sl_code sl_parser_unescape(struct sl_parser *parser, struct sl_span span, struct sl_str *out);
/* (key = value, ...) */
enum sl_code sl_parser_properties(struct sl_parser *parser, struct sl_properties *out);
/* Steps over a data type. */
enum sl_code sl_parser_type(struct sl_parser *parser, struct sl_str *text, struct sl_span *span);

/* ---- nodes ---- */
void sl_node_list_add(struct sl_parser *parser, struct sl_node_list *list, void *item);
void sl_name_add(struct sl_parser *parser, struct sl_name *name, struct sl_str part);
struct sl_uexpr *sl_parser_expr(struct sl_parser *parser, enum sl_uexpr_kind kind,
                                struct sl_span span);
/* Sets height and weight from the parts and checks the limits; call once a node is complete. */
enum sl_code sl_parser_expr_done(struct sl_parser *parser, struct sl_uexpr *expr);
enum sl_code sl_parser_call(struct sl_parser *parser, const char *name, struct sl_span span,
                            struct sl_uexpr **args, uint32_t count, struct sl_uexpr **out);
struct sl_uexpr *sl_parser_string_literal(struct sl_parser *parser, struct sl_str text,
                                          struct sl_span span);
struct sl_urelation *sl_parser_relation(struct sl_parser *parser, enum sl_urelation_kind kind,
                                        struct sl_span span);
enum sl_code sl_parser_relation_done(struct sl_parser *parser, struct sl_urelation *relation);

/* ---- grammar ---- */
enum sl_code sl_parse_expression(struct sl_parser *parser, struct sl_uexpr **out);
/* Arithmetic and comparison, without predicates, NOT, AND, OR. */
enum sl_code sl_parse_value(struct sl_parser *parser, struct sl_uexpr **out);
/* expression [[AS] alias | AS (a, b)] */
enum sl_code sl_parse_named_expression(struct sl_parser *parser, struct sl_uexpr **out);
enum sl_code sl_parse_expression_list(struct sl_parser *parser, struct sl_node_list *list);
enum sl_code sl_parse_sort_item(struct sl_parser *parser, struct sl_uexpr **out);
enum sl_code sl_parse_function(struct sl_parser *parser, struct sl_name name,
                               struct sl_uexpr **out);
/* name([args]) without what may follow, for table functions. */
enum sl_code sl_parse_arguments(struct sl_parser *parser, struct sl_uexpr *call);
enum sl_code sl_parse_window_spec(struct sl_parser *parser, struct sl_uwindow **out);
/* A function that is called without parentheses too, such as current_timestamp. */
bool sl_parse_is_bare_function(struct sl_str name);
/* *out = NULL when no literal begins here. */
enum sl_code sl_parse_literal(struct sl_parser *parser, struct sl_uexpr **out);
enum sl_code sl_parse_interval(struct sl_parser *parser, struct sl_uexpr **out);
bool sl_parse_at_query(const struct sl_parser *parser, unsigned ahead);
enum sl_code sl_parse_query(struct sl_parser *parser, struct sl_urelation **out);
/* Set operations, ORDER BY and LIMIT behind an operand that is already there. */
enum sl_code sl_parse_query_rest(struct sl_parser *parser, struct sl_urelation *left,
                                 struct sl_urelation **out);
bool sl_parse_at_query_rest(const struct sl_parser *parser);
enum sl_code sl_parse_with(struct sl_parser *parser, struct sl_urelation **out);
enum sl_code sl_parse_statement(struct sl_parser *parser, struct sl_statement *out);
enum sl_code sl_parse_create(struct sl_parser *parser, struct sl_statement *out);
/* OPTIMIZE, VACUUM, DESCRIBE of a table; *found = false: another statement begins here. */
enum sl_code sl_parse_upkeep(struct sl_parser *parser, struct sl_statement *out, bool *found);

/* Raw `SET key = value` behind the word SET: positions in text; value_begin == UINT32_MAX: no
 * value.  end is where the next token is looked for. */
struct sl_set_text {
    struct sl_span key, value;
    bool has_value, quoted_key, quoted_value;
    uint32_t end;
};
struct sl_set_text sl_scan_set(struct sl_str text, uint32_t pos);

#endif
