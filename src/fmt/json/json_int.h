/* Private to fmt/json: the compiled schema, the decoder, and how values reach columns.
 *
 * Write positions.  A value of row r goes to position r of its column, and the elements of list r
 * begin at offsets[r] of the child; nothing else says where writing goes on.  So a record that
 * fails half way needs no undo: the next path writes the same positions again.
 *
 * Validity.  Bits of rows not yet written are ones.  The predicted path relies on it (it clears
 * bits only when a record has succeeded); the lookup and strict paths write every bit. */
#ifndef SL_FMT_JSON_JSON_INT_H
#define SL_FMT_JSON_JSON_INT_H

#include "base/buf.h"
#include "base/utf8.h"
#include "fmt/json/json_decode.h"
#include "fmt/json/json_token.h"

enum {
    SL_JSON_PAD = 64,       /* bytes behind a record that the fast paths may read */
    SL_JSON_FAST_DEPTH = 48 /* deeper records go to the strict path */
};

/* Field names of one struct: open addressing by length and hash; slots hold field + 1. */
struct sl_json_names {
    const struct sl_str *names;
    uint32_t *slots;
    const int *found; /* per field: what its name finds (equal names, the corrupt column) */
    uint32_t mask;
};

struct sl_json_node {
    const struct sl_type *type;
    enum sl_kind kind;
    uint32_t child_count;
    uint32_t column;               /* position in the shapes' table; below lists none */
    struct sl_json_node *children; /* STRUCT: fields; ARRAY: element; MAP: key, value */
    struct sl_json_names names;    /* STRUCT */
    bool holds_struct;             /* it is one, or there is one below */
    /* The same value in the declared schema, which may have more fields; NULL: nobody asks. */
    const struct sl_json_node *known;
};

/* What became of one value; BAD is Spark's exception, PARTIAL its PartialResultException. */
enum sl_json_result { SL_JSON_GOOD, SL_JSON_NIL, SL_JSON_PARTIAL, SL_JSON_BAD };

struct sl_json_shapes;

/* The first thing that is wrong with the running record. */
struct sl_json_trouble {
    bool set;                  /* also when nobody wants to know: then nothing is noted */
    struct sl_buf place, what; /* "items[2].qty", "INT expected, found an object" */
};

struct sl_json_decoder {
    const struct sl_type *schema;
    const struct sl_json_options *options;
    const struct sl_json_hooks *hooks;
    struct sl_arena arena;
    struct sl_json_node root;
    int corrupt_field; /* of the root struct, or -1 */
    int rescued_field; /* likewise */
    enum sl_json_paths paths;
    struct sl_json_decode_stats stats;
    struct sl_json_parser parser; /* strict path */
    struct sl_buf text;           /* repaired record */
    struct sl_buf scratch;        /* rendered values, base64 */
    struct sl_buf padded;         /* a record whose tail could leave its page */
    struct sl_json_shapes *shapes;
    sl_json_malformed_fn on_malformed; /* NULL: nobody wants to know why, but FAILFAST */
    void *malformed_ctx;
    struct sl_json_trouble trouble;
    sl_json_unknown_fn on_unknown; /* NULL: nobody wants to know */
    void *unknown_ctx;
    struct sl_json_node *known;         /* root of the declared schema; NULL: never asked */
    bool suspect;                       /* the running record may have unknown fields */
    const struct sl_json_node **marked; /* whose values are to be rescued from the running record */
    uint32_t marked_count, marked_cap;
    const struct sl_json_node *list; /* strict path: the outermost list or map around the value */
    struct sl_buf rescued;
    struct sl_buf path; /* of the field at hand, in the walk */
    enum sl_code fatal; /* out of memory while a row was written */
    struct sl_err *err; /* of the running sl_json_decode */
};

/* json_plan.c */
SL_MUST_CHECK enum sl_code sl_json_plan(struct sl_json_decoder *decoder, struct sl_err *err);
/* Nodes of the declared schema, beside those that are read. */
SL_MUST_CHECK enum sl_code sl_json_plan_known(struct sl_json_decoder *decoder,
                                              const struct sl_type *declared,
                                              struct sl_json_node *out, struct sl_err *err);
/* Field index or -1. */
int sl_json_names_find(const struct sl_json_names *names, const char *key, size_t len);

/* json_value.c: one value into row `row` of a column. The put functions for scalars leave the
 * column alone when they return SL_JSON_BAD. */
void sl_json_put_null(const struct sl_json_node *node, struct sl_vec *vec, uint32_t row);
enum sl_json_result sl_json_put_bool(struct sl_json_decoder *decoder,
                                     const struct sl_json_node *node, struct sl_vec *vec,
                                     uint32_t row, bool value);
enum sl_json_result sl_json_put_number(struct sl_json_decoder *decoder,
                                       const struct sl_json_node *node, struct sl_vec *vec,
                                       uint32_t row, const struct sl_json_number *number);
/* text: unescaped. BINARY is not handled here. */
enum sl_json_result sl_json_put_text(struct sl_json_decoder *decoder,
                                     const struct sl_json_node *node, struct sl_vec *vec,
                                     uint32_t row, struct sl_str text);
enum sl_json_result sl_json_put_bytes(struct sl_json_decoder *decoder, struct sl_vec *vec,
                                      uint32_t row, const void *bytes, size_t len);
/* Room for rows of a column below a list; false: decoder->fatal is set. */
bool sl_json_need_rows(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t rows);
bool sl_json_need_bytes(struct sl_json_decoder *decoder, struct sl_vec *vec, size_t bytes);
/* Sets rows of the column and everything below it, as they are when `rows` rows are complete. */
void sl_json_set_rows(struct sl_vec *vec, uint32_t rows);

/* json_trouble.c. The value of the parser's token does not fit the node; or the parser has refused
 * the text. */
void sl_json_trouble_begin(struct sl_json_decoder *decoder);
void sl_json_trouble_type(struct sl_json_decoder *decoder, const struct sl_json_node *node);
void sl_json_trouble_broken(struct sl_json_decoder *decoder);
void sl_json_trouble_in_field(struct sl_json_decoder *decoder, struct sl_str name);
void sl_json_trouble_in_element(struct sl_json_decoder *decoder, uint32_t index);
/* Valid until the decoder goes on. */
struct sl_str sl_json_trouble_text(struct sl_json_decoder *decoder);

/* json_unknown.c. May a key that the node does not read have unknown fields in it, or be one? */
bool sl_json_is_suspect(const struct sl_json_node *node, const char *key, size_t len);
void sl_json_unknown_walk(struct sl_json_decoder *decoder, struct sl_str record, uint32_t row);

/* json_rescue.c. The node's value in the running record does not fit, or has in it what is unknown.
 */
void sl_json_rescue_mark(struct sl_json_decoder *decoder, const struct sl_json_node *node);
/* False: there is nothing to rescue, and the column is left alone. */
bool sl_json_rescue(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                    uint32_t row);
/* json_unknown.c: the decoder's own schema is the declared one. */
void sl_json_know_own(struct sl_json_decoder *decoder);

/* The three paths.  record: raw bytes. Strict never fails: it returns GOOD, NIL (blank), PARTIAL
 * or BAD. The fast paths need SL_JSON_PAD readable bytes behind the record and return false when
 * the record is not theirs. */
enum sl_json_result sl_json_strict(struct sl_json_decoder *decoder, struct sl_str record,
                                   struct sl_vec *out, uint32_t row);
bool sl_json_lookup(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                    uint32_t row);

/* One value at *cur, by the lookup path's rules; *cur moves behind it. */
bool sl_json_lookup_value(struct sl_json_decoder *decoder, const char **cur, const char *end,
                          const struct sl_json_node *node, struct sl_vec *vec, uint32_t row);
bool sl_json_lookup_skip(struct sl_json_decoder *decoder, const char **cur, const char *end);
/* Behind an opening quote: copies the string to `to`, which has room for the rest of the record and
 * 16 bytes; *cur moves behind the closing quote. */
bool sl_json_lookup_copy(struct sl_json_decoder *decoder, const char **cur, const char *end,
                         uint8_t *to, size_t *len);

static inline void sl_json_set_valid(struct sl_vec *vec, uint32_t row) {
    sl_bit_set(vec->valid, row);
}

#endif
