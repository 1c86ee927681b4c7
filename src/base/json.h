/* JSON of the control plane: checkpoints, offsets, options, schemas, progress.  A strict RFC 8259
 * reader into a tree in an arena (depth and size limited), and a writer.  Data records never pass
 * through here: that is fmt/json.
 * The tree keeps object members in source order; numbers keep their text, so nothing is rounded. */
#ifndef SL_BASE_JSON_H
#define SL_BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum sl_json_kind {
    SL_JSON_NULL,
    SL_JSON_BOOL,
    SL_JSON_NUMBER,
    SL_JSON_STRING,
    SL_JSON_ARRAY,
    SL_JSON_OBJECT
};

struct sl_json {
    enum sl_json_kind kind;
    bool boolean;
    struct sl_str text;    /* STRING: unescaped value; NUMBER: source text */
    struct sl_str *names;  /* OBJECT: count names */
    struct sl_json *items; /* ARRAY, OBJECT: count values */
    size_t count;
};

/* Depth limit 200; trailing text other than blanks is an error; errors name line and column of
 * text. */
SL_MUST_CHECK enum sl_code sl_json_parse(struct sl_arena *arena, struct sl_str text,
                                         struct sl_json *out, struct sl_err *err);
/* Member of an object by exact name (first one), or NULL; NULL too when json is not an object. */
const struct sl_json *sl_json_get(const struct sl_json *json, struct sl_str name);
bool sl_json_i64(const struct sl_json *json, int64_t *out); /* NULL-safe; integer numbers only */
bool sl_json_str(const struct sl_json *json, struct sl_str *out);

/* Writer: compact, keys in call order. */
void sl_json_put_string(struct sl_buf *out,
                        struct sl_str text); /* quoted, escaped as Jackson does */
/* Appends a tree compactly. */
void sl_json_put(struct sl_buf *out, const struct sl_json *json);

#endif
