/* SQL tokens, made on demand: a token is a pure function of the text and a position, so looking
 * ahead is lexing ahead, and SET can take its value as raw text instead.
 * Source: Spark's SqlBaseLexer.g4 (comments nest, words may begin with a digit, 'it''s' is one
 * string).
 */
#ifndef SL_SQL_LEXER_H
#define SL_SQL_LEXER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

enum sl_token_kind {
    T_END,
    T_WORD,   /* unquoted name or keyword */
    T_QUOTED, /* `name` */
    T_STRING, /* '..' or "..", also r'..' */
    T_INTEGER,
    T_DECIMAL,
    T_EXPONENT, /* 1e3: a DOUBLE */
    T_TINYINT,  /* the suffixed ones: Y S L F D BD */
    T_SMALLINT,
    T_BIGINT,
    T_FLOAT,
    T_DOUBLE,
    T_BIGDECIMAL,
    T_LPAREN,
    T_RPAREN,
    T_LBRACKET,
    T_RBRACKET,
    T_COMMA,
    T_DOT,
    T_SEMICOLON,
    T_COLON,
    T_DOUBLE_COLON,
    T_QUESTION,
    T_ARROW,     /* -> */
    T_FAT_ARROW, /* => */
    T_PLUS,
    T_MINUS,
    T_STAR,
    T_SLASH,
    T_PERCENT,
    T_CONCAT, /* || */
    T_AMPERSAND,
    T_PIPE,
    T_CARET,
    T_TILDE,
    T_BANG,
    T_EQ,
    T_NULL_SAFE_EQ, /* <=> */
    T_NE,
    T_LT,
    T_LE,
    T_GT,
    T_GE,
    T_SHIFT_LEFT,
    T_SHIFT_RIGHT,
    T_SHIFT_RIGHT_UNSIGNED,
    T_BAD, /* `bad` says why */
};

enum sl_keyword {
    K_NONE,
#define KEYWORD(name, flags) K_##name,
#include "sql/keywords.def"
    K_COUNT
};

enum sl_token_fault {
    FAULT_NONE,
    FAULT_STRING,        /* no closing quote */
    FAULT_BACKQUOTE,     /* no closing backquote */
    FAULT_EMPTY_NAME,    /* `` */
    FAULT_COMMENT,       /* no closing * / */
    FAULT_CURLY_QUOTE,   /* a quote made by a word processor */
    FAULT_CHARACTER,     /* any other character SQL does not use */
    FAULT_DOLLAR_BRACES, /* ${name} that nothing replaced */
};

struct sl_token {
    enum sl_token_kind kind;
    enum sl_keyword keyword; /* of a T_WORD; K_NONE for other words */
    enum sl_token_fault fault;
    struct sl_span span;
};

/* The token at or after pos, behind blanks and comments. */
struct sl_token sl_lexer_token(struct sl_str text, uint32_t pos);
/* The position behind blanks and comments; an unclosed comment is not skipped. */
uint32_t sl_lexer_skip_blanks(struct sl_str text, uint32_t pos);

enum sl_keyword sl_keyword_find(struct sl_str word);
struct sl_str sl_keyword_name(enum sl_keyword keyword);
bool sl_keyword_begins_no_expr(enum sl_keyword keyword);
bool sl_keyword_is_no_alias(enum sl_keyword keyword);
bool sl_keyword_is_no_table_alias(enum sl_keyword keyword);
bool sl_keyword_is_unquoted(enum sl_keyword keyword); /* also for K_NONE */

#endif
