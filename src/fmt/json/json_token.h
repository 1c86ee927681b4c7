/* A pull parser that behaves as Jackson's ReaderBasedJsonParser: the same tokens, the same errors,
 * and after an error the same position, because Spark catches errors field by field and goes on
 * pulling.  Input is valid UTF-8 (repaired before). */
#ifndef SL_FMT_JSON_JSON_TOKEN_H
#define SL_FMT_JSON_JSON_TOKEN_H

#include "base/buf.h"
#include "fmt/json/json_number.h"
#include "fmt/json/json_options.h"

enum sl_json_token {
    SL_JSON_TOKEN_NONE, /* end of input */
    SL_JSON_TOKEN_START_OBJECT,
    SL_JSON_TOKEN_END_OBJECT,
    SL_JSON_TOKEN_START_ARRAY,
    SL_JSON_TOKEN_END_ARRAY,
    SL_JSON_TOKEN_NAME,
    SL_JSON_TOKEN_STRING,
    SL_JSON_TOKEN_NUMBER,
    SL_JSON_TOKEN_TRUE,
    SL_JSON_TOKEN_FALSE,
    SL_JSON_TOKEN_NULL
};

enum {
    SL_JSON_DEPTH_MAX = 1000,   /* StreamReadConstraints.DEFAULT_MAX_DEPTH */
    SL_JSON_NUMBER_MAX = 1000,  /* digits of a number */
    SL_JSON_NAME_MAX = 50000,   /* UTF-16 units of a field name */
    SL_JSON_DEPTH_STACK = 1400, /* levels that were entered although refused */
};

struct sl_json_level {
    bool object;
    bool started;    /* a member was seen: the next needs a comma */
    bool named;      /* object: has a current name */
    size_t name_end; /* of its current name in parser->names */
};

struct sl_json_parser {
    const struct sl_json_options *options;
    const char *cur, *end;
    const char *begin;              /* of the text */
    enum sl_json_token token, next; /* next: the value behind a NAME */
    bool incomplete;                /* STRING whose characters were not read yet */
    bool plain_quotes;              /* for sl_json_parser_copy */
    struct sl_json_number number;
    struct sl_buf text;   /* unescaped STRING, or number without leading zeros */
    struct sl_str string; /* STRING: in text or in the input */
    struct sl_buf names;  /* current names, outermost first */
    uint32_t depth;       /* 0 = root */
    struct sl_json_level *levels;
};

void sl_json_parser_init(struct sl_json_parser *parser, const struct sl_json_options *options);
void sl_json_parser_release(struct sl_json_parser *parser);
void sl_json_parser_start(struct sl_json_parser *parser, struct sl_str text);

/* The functions return false where Jackson throws. */
SL_MUST_CHECK bool sl_json_parser_next(struct sl_json_parser *parser);
/* Skips the rest of the object or array that begins here; nothing for other tokens. */
SL_MUST_CHECK bool sl_json_parser_skip(struct sl_json_parser *parser);
/* Completes a STRING token: parser->string. */
SL_MUST_CHECK bool sl_json_parser_text(struct sl_json_parser *parser);
/* Decodes a STRING token as base64 (MIME without line feeds, padding required). */
SL_MUST_CHECK bool sl_json_parser_base64(struct sl_json_parser *parser, struct sl_buf *out);
/* The current field name as Jackson's currentName(); false when there is none. */
bool sl_json_parser_name(const struct sl_json_parser *parser, struct sl_str *name);
/* Copies the current value, re-serialised as Jackson's generator does. */
SL_MUST_CHECK bool sl_json_parser_copy(struct sl_json_parser *parser, struct sl_buf *out);

/* json_quote.c: a string as Jackson's UTF8JsonGenerator writes it, with quotes; characters beyond
 * the basic plane as two \uXXXX.  plain: leaves them as they are (to_json writes chars). */
void sl_json_quote(struct sl_buf *out, struct sl_str text, bool plain);

#endif
