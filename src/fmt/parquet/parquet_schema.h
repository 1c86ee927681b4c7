/* Parquet's schema and footer as structs, and how a column of it becomes a vector.
 *
 * A `node` is one field of the Spark schema with its Dremel levels (parquet-format's README, Nested
 * Encoding):
 *
 *   slot    an entry with rep <= list_rep and def >= list_def: one row of this node's vector
 *   valid   the slot has def >= max_def
 *   item    ARRAY, MAP: an entry with rep <= item_rep and def >= item_def
 *
 * where list_* are those of the innermost list around the node (0 at the top).
 * Owner: the reader; everything is in its arena and points into the footer's bytes.
 */
#ifndef SL_FMT_PARQUET_SCHEMA_H
#define SL_FMT_PARQUET_SCHEMA_H

#include "col/type.h"

enum sl_parquet_physical {
    SL_PARQUET_BOOLEAN,
    SL_PARQUET_INT32,
    SL_PARQUET_INT64,
    SL_PARQUET_INT96,
    SL_PARQUET_FLOAT,
    SL_PARQUET_DOUBLE,
    SL_PARQUET_BYTE_ARRAY,
    SL_PARQUET_FIXED,
    SL_PARQUET_PHYSICAL_COUNT
};

/* How stored values become vector values. */
enum sl_parquet_conversion {
    SL_CONVERT_NULL, /* every row is null, whatever is stored */
    SL_CONVERT_BOOL,
    SL_CONVERT_COPY_4,
    SL_CONVERT_COPY_8,
    SL_CONVERT_INT_TO_BYTE,
    SL_CONVERT_INT_TO_SHORT,
    SL_CONVERT_UBYTE_TO_SHORT,
    SL_CONVERT_USHORT_TO_INT,
    SL_CONVERT_UINT_TO_LONG,
    SL_CONVERT_ULONG_TO_DECIMAL,
    SL_CONVERT_INT_TO_LONG,
    SL_CONVERT_INT_TO_WIDE,
    SL_CONVERT_LONG_TO_WIDE,
    SL_CONVERT_MILLIS_TO_MICROS,
    SL_CONVERT_NANOS_TO_MICROS, /* rounded down */
    SL_CONVERT_INT96,
    SL_CONVERT_HALF,    /* FLOAT16 */
    SL_CONVERT_DECIMAL, /* big-endian bytes, FIXED or BYTE_ARRAY */
    SL_CONVERT_BYTES,   /* FIXED or BYTE_ARRAY */
};

enum sl_parquet_logical {
    SL_LOGICAL_NONE = 0,
    SL_LOGICAL_STRING = 1,
    SL_LOGICAL_MAP = 2,
    SL_LOGICAL_LIST = 3,
    SL_LOGICAL_ENUM = 4,
    SL_LOGICAL_DECIMAL = 5,
    SL_LOGICAL_DATE = 6,
    SL_LOGICAL_TIME = 7,
    SL_LOGICAL_TIMESTAMP = 8,
    SL_LOGICAL_INTEGER = 10,
    SL_LOGICAL_UNKNOWN = 11,
    SL_LOGICAL_JSON = 12,
    SL_LOGICAL_BSON = 13,
    SL_LOGICAL_UUID = 14,
    SL_LOGICAL_FLOAT16 = 15,
    SL_LOGICAL_INTERVAL = 100, /* only a converted type */
    SL_LOGICAL_OTHER = 101,    /* a later addition: the physical type decides */
};
enum sl_parquet_unit { SL_UNIT_MILLIS = 1, SL_UNIT_MICROS = 2, SL_UNIT_NANOS = 3 };

/* One SchemaElement; converted_type is already folded into `logical`. */
struct sl_parquet_element {
    struct sl_str name;
    int32_t physical;   /* -1: a group */
    int32_t repetition; /* 0 required, 1 optional, 2 repeated; -1 none (root) */
    int32_t type_length, child_count, converted, precision, scale;
    enum sl_parquet_logical logical;
    enum sl_parquet_unit unit; /* TIME, TIMESTAMP */
    bool utc;                  /* TIMESTAMP */
    int32_t bit_width;         /* INTEGER */
    bool is_signed;
};

struct sl_parquet_leaf {
    struct sl_str path; /* "a.b.c", for messages */
    enum sl_parquet_physical physical;
    uint32_t type_length; /* bytes of one stored value; 0: BOOLEAN and BYTE_ARRAY */
    enum sl_parquet_conversion conversion;
    bool is_unsigned; /* INTEGER without sign: order of statistics */
    bool is_interval; /* has no order */
    uint8_t max_def, max_rep;
};

struct sl_parquet_node {
    const struct sl_type *type;
    uint8_t max_def;
    uint8_t list_def, list_rep;
    uint8_t item_def, item_rep;         /* ARRAY, MAP */
    uint32_t first_leaf, leaf_count;    /* leaves below, in file order */
    struct sl_parquet_node *children;   /* type->field_count */
    const struct sl_parquet_leaf *leaf; /* not nested types */
};

struct sl_parquet_schema {
    const struct sl_type *type; /* STRUCT */
    struct sl_parquet_node root;
    struct sl_parquet_leaf *leaves;
    uint32_t leaf_count;
};

/* elements: depth first, root first. */
SL_MUST_CHECK enum sl_code sl_parquet_schema_read(struct sl_arena *arena,
                                                  const struct sl_parquet_element *elements,
                                                  size_t count, struct sl_parquet_schema *out,
                                                  struct sl_err *err);
/* Takes the types of Spark's own schema (row.metadata) where the file's can be read as them; keeps
 * what is there when the two do not fit together. */
void sl_parquet_schema_apply(struct sl_arena *arena, struct sl_parquet_schema *schema,
                             const struct sl_type *spark);

#endif
