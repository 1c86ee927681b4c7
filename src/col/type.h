/* Data types: Spark's, immutable, in an arena (or static for the simple ones).
 * Equality ignores nullability flags unless said. Field names keep their case. */
#ifndef SL_COL_TYPE_H
#define SL_COL_TYPE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum sl_kind {
#define TYPE(name, ddl, json, width) SL_##name##_KIND,
#include "col/type.def"
    SL_KIND_COUNT
};

struct sl_type;

struct sl_field {
    struct sl_str name;
    const struct sl_type *type;
    bool nullable;
    struct sl_str comment;  /* "" if none */
    struct sl_str metadata; /* Spark's metadata JSON object text; "" = {} */
};

struct sl_type {
    enum sl_kind kind;
    uint8_t precision, scale; /* DECIMAL: 1..38, 0..precision */
    uint8_t interval_from,
        interval_to; /* DAY_INTERVAL 0 day..3 second; MONTH_INTERVAL 0 year, 1 month */
    uint32_t field_count;
    /* STRUCT: its fields.  ARRAY: one, "element", nullable = containsNull.
     * MAP: two, "key" and "value", nullable of value = valueContainsNull. */
    struct sl_field *fields;
};

extern const struct sl_type sl_type_null, sl_type_bool, sl_type_byte, sl_type_short, sl_type_int,
    sl_type_long, sl_type_float, sl_type_double, sl_type_string, sl_type_binary, sl_type_date,
    sl_type_timestamp, sl_type_timestamp_ntz, sl_type_day_interval, sl_type_month_interval;

const struct sl_type *sl_type_simple(enum sl_kind kind); /* not DECIMAL, ARRAY, MAP, STRUCT */
const struct sl_type *sl_type_decimal(struct sl_arena *arena, int precision, int scale);
const struct sl_type *sl_type_array(struct sl_arena *arena, const struct sl_type *element,
                                    bool contains_null);
const struct sl_type *sl_type_map(struct sl_arena *arena, const struct sl_type *key,
                                  const struct sl_type *value, bool value_contains_null);
/* Copies the field array (shallow). */
const struct sl_type *sl_type_struct(struct sl_arena *arena, const struct sl_field *fields,
                                     size_t count);

bool sl_type_equal(const struct sl_type *a,
                   const struct sl_type *b); /* names of fields count, exactly */
/* Equal but for names of fields and nullability (DataType.equalsStructurally). */
bool sl_type_equal_structure(const struct sl_type *a, const struct sl_type *b);
/* Field index by name: exact first, then ignoring case; -1 none, -2 ambiguous ignoring case. */
int sl_type_find_field(const struct sl_type *type, struct sl_str name);

/* Bytes of one value in a flat vector; 0 for BOOL, NULL, strings and nested; DECIMAL 8 or 16. */
uint32_t sl_type_width(const struct sl_type *type);
static inline bool sl_type_is_bytes(const struct sl_type *t) {
    return t->kind == SL_STRING_KIND || t->kind == SL_BINARY_KIND;
}
static inline bool sl_type_is_nested(const struct sl_type *t) {
    return t->kind == SL_ARRAY_KIND || t->kind == SL_MAP_KIND || t->kind == SL_STRUCT_KIND;
}
static inline bool sl_type_is_integer(const struct sl_type *t) {
    return t->kind >= SL_BYTE_KIND && t->kind <= SL_LONG_KIND;
}
static inline bool sl_type_is_numeric(const struct sl_type *t) {
    return t->kind >= SL_BYTE_KIND && t->kind <= SL_DECIMAL_KIND;
}
static inline bool sl_type_is_float(const struct sl_type *t) { /* FLOAT or DOUBLE */
    return t->kind == SL_FLOAT_KIND || t->kind == SL_DOUBLE_KIND;
}
static inline bool sl_type_is_datetime(const struct sl_type *t) {
    return t->kind == SL_DATE_KIND || t->kind == SL_TIMESTAMP_KIND ||
           t->kind == SL_TIMESTAMP_NTZ_KIND;
}
static inline bool sl_type_is_interval(const struct sl_type *t) {
    return t->kind == SL_DAY_INTERVAL_KIND || t->kind == SL_MONTH_INTERVAL_KIND;
}
static inline bool sl_type_is_wide_decimal(const struct sl_type *t) {
    return t->kind == SL_DECIMAL_KIND && t->precision > 18;
}

/* Spark's texts.  sql: as in error messages, upper case: DECIMAL(10,2), STRUCT<a: INT>;
 * simple: typeof() and DDL: decimal(10,2), struct<a:int>; json: schema JSON of one type. */
void sl_type_put_sql(struct sl_buf *out, const struct sl_type *type);
void sl_type_put_simple(struct sl_buf *out, const struct sl_type *type);
void sl_type_put_json(struct sl_buf *out, const struct sl_type *type);
const char *sl_type_sql(struct sl_arena *arena, const struct sl_type *type);

/* Text to type; depth limit 100.  Errors carry the span within `text` (condition
 * PARSE_SYNTAX_ERROR, 42601; UNSUPPORTED_DATATYPE, 0A000 for an unknown name, with the nearest as
 * hint). sl_type_parse: one data type: `decimal(10,2)`, `struct<a: int, b: array<string>>`, `INT
 * NOT NULL` not. sl_type_parse_schema: what from_json takes: a column list `a INT, b STRUCT<...>
 * COMMENT 'x'`, or one type (a struct), or Spark's schema JSON (text starting with `{` or `"`).
 * Blanks, line breaks,
 *   `:` optional, names in backquotes, NOT NULL, COMMENT as in Spark's DDL. */
SL_MUST_CHECK enum sl_code sl_type_parse(struct sl_arena *arena, struct sl_str text,
                                         const struct sl_type **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_type_parse_schema(struct sl_arena *arena, struct sl_str text,
                                                const struct sl_type **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_type_parse_json(struct sl_arena *arena, struct sl_str json,
                                              const struct sl_type **out, struct sl_err *err);

#endif
