/* Shapes: what a record looks like between its values.  Private to the predicted path.
 *
 *   {"id":"A1","n":5,"s":{"x":1.5}}
 *   --------            step 0: expect `{"id":"`         string into id
 *           --------    step 1: expect `","n":`          number into n
 *                       step 2: expect `,"s":{"x":`      number into s.x
 *                       tail:   expect `}}`
 * The closing quote of a string belongs to the bytes expected next, so that a field costs one
 * compare and one scan. */
#ifndef SL_FMT_JSON_JSON_SHAPE_H
#define SL_FMT_JSON_JSON_SHAPE_H

#include "fmt/json/json_predict.h"

enum {
    SL_JSON_SHAPES = 4,
    SL_JSON_STEPS_MAX = 1024,
    SL_JSON_SHAPE_BYTES_MAX = 1 << 16,
    SL_JSON_BLOCK = 32 /* expected bytes are padded to this and compared so */
};

enum sl_json_op {
    SL_JSON_OP_STRING,      /* copied into a STRING column */
    SL_JSON_OP_INTEGER,     /* BYTE .. LONG */
    SL_JSON_OP_DOUBLE,      /* DOUBLE */
    SL_JSON_OP_DECIMAL,     /* up to 18 digits */
    SL_JSON_OP_VALUE,       /* anything else, by the lookup path's reader */
    SL_JSON_OP_SKIP_STRING, /* unknown field */
    SL_JSON_OP_SKIP
};

struct sl_json_step {
    const uint8_t *expect; /* SL_JSON_BLOCK-padded */
    uint32_t len;
    enum sl_json_op op;
    uint32_t column;
    const struct sl_json_node *node;
};

struct sl_json_shape {
    struct sl_json_step *steps; /* the last is the tail: only expect and len */
    uint32_t count;             /* without the tail */
    const struct sl_json_node *
        *missing; /* columns that the record lacks, with their parents' rows */
    uint32_t missing_count;
    uint8_t *bytes; /* of all expects */
    bool suspect;   /* has unknown fields, or may have them in what is skipped */
};

struct sl_json_shapes {
    struct sl_json_shape shapes[SL_JSON_SHAPES];
    uint32_t count, last; /* last: the one that fitted last */
    uint32_t victim, misses;
    struct sl_vec **columns; /* of the running batch, by node->column */
    uint32_t column_count;
    bool usable; /* the root is a struct */
};

/* json_shape.c: false when the record is no good example. */
bool sl_json_shape_learn(struct sl_json_decoder *decoder, struct sl_str record,
                         struct sl_json_shape *out);
void sl_json_shape_release(struct sl_json_shape *shape);

#endif
