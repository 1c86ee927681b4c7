/* Thrift's compact protocol, as far as Parquet uses it (thrift-compact-protocol.md): a writer over
 * a byte buffer and a bounds-checked reader over bytes in memory.
 *
 * Both start inside the top-level struct: field calls may follow init at once, and the struct ends
 * with sl_thrift_end_struct (writer) or when sl_thrift_next_field returns false (reader).
 *
 * The reader never allocates and never reads past `end`. Its errors stick: after the first one
 * every call returns 0 / false / empty, so callers check `failed` once at the end of a struct.
 * Nesting is limited to SL_THRIFT_DEPTH_MAX. Owner: one thread.
 */
#ifndef SL_FMT_PARQUET_THRIFT_H
#define SL_FMT_PARQUET_THRIFT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

enum { SL_THRIFT_DEPTH_MAX = 32 };

enum sl_thrift_type {
    SL_THRIFT_STOP = 0,
    SL_THRIFT_TRUE = 1, /* as list element type: bool */
    SL_THRIFT_FALSE = 2,
    SL_THRIFT_I8 = 3,
    SL_THRIFT_I16 = 4,
    SL_THRIFT_I32 = 5,
    SL_THRIFT_I64 = 6,
    SL_THRIFT_DOUBLE = 7,
    SL_THRIFT_BINARY = 8,
    SL_THRIFT_LIST = 9,
    SL_THRIFT_SET = 10,
    SL_THRIFT_MAP = 11,
    SL_THRIFT_STRUCT = 12,
    SL_THRIFT_UUID = 13,
};

/* ---- writer ---- */

struct sl_thrift_writer {
    struct sl_buf *out; /* appended to */
    int depth;
    int16_t last_id[SL_THRIFT_DEPTH_MAX]; /* of the struct at each depth */
};
void sl_thrift_writer_init(struct sl_thrift_writer *writer, struct sl_buf *out);

/* Fields of the current struct; ids may come in any order, ascending ids are shortest. */
void sl_thrift_put_bool(struct sl_thrift_writer *writer, int16_t id, bool value);
void sl_thrift_put_i8(struct sl_thrift_writer *writer, int16_t id, int8_t value);
void sl_thrift_put_i16(struct sl_thrift_writer *writer, int16_t id, int16_t value);
void sl_thrift_put_i32(struct sl_thrift_writer *writer, int16_t id, int32_t value);
void sl_thrift_put_i64(struct sl_thrift_writer *writer, int16_t id, int64_t value);
void sl_thrift_put_str(struct sl_thrift_writer *writer, int16_t id, struct sl_str value);
/* A struct (or union) field: begin, its fields, sl_thrift_end_struct. An empty one is begin, end.
 */
void sl_thrift_begin_struct(struct sl_thrift_writer *writer, int16_t id);
/* Writes STOP and returns to the enclosing struct; also ends the top-level struct. */
void sl_thrift_end_struct(struct sl_thrift_writer *writer);
/* A list field: exactly `count` item calls of that type follow. */
void sl_thrift_begin_list(struct sl_thrift_writer *writer, int16_t id, enum sl_thrift_type item,
                          uint32_t count);
void sl_thrift_item_bool(struct sl_thrift_writer *writer, bool value); /* SL_THRIFT_TRUE */
void sl_thrift_item_i32(struct sl_thrift_writer *writer, int32_t value);
void sl_thrift_item_i64(struct sl_thrift_writer *writer, int64_t value);
void sl_thrift_item_str(struct sl_thrift_writer *writer, struct sl_str value);
void sl_thrift_item_begin_struct(struct sl_thrift_writer *writer); /* ends with end_struct */

/* ---- reader ---- */

struct sl_thrift_reader {
    const uint8_t *begin, *pos, *end;
    int depth;
    int16_t last_id[SL_THRIFT_DEPTH_MAX];
    bool failed;
    const char *why; /* static text, set with failed */
};
void sl_thrift_reader_init(struct sl_thrift_reader *reader, const void *bytes, size_t len);
static inline size_t sl_thrift_reader_used(const struct sl_thrift_reader *reader) {
    return (size_t)(reader->pos - reader->begin);
}
/* Marks the reader as failed (first reason wins); for callers that find a wrong value. */
void sl_thrift_reader_fail(struct sl_thrift_reader *reader, const char *why);

struct sl_thrift_field {
    int16_t id;
    enum sl_thrift_type type; /* a bool field has TRUE or FALSE here */
};
/* The next field of the current struct; false at its STOP (the struct is then left) or on failure.
 * Every field returned must be consumed by exactly one call below. */
bool sl_thrift_next_field(struct sl_thrift_reader *reader, struct sl_thrift_field *field);
/* Value of a field; another type than the one asked for is a failure (integers: any width). */
bool sl_thrift_get_bool(struct sl_thrift_reader *reader, const struct sl_thrift_field *field);
int64_t sl_thrift_get_i64(struct sl_thrift_reader *reader, const struct sl_thrift_field *field);
/* Out of int32's range is a failure. */
int32_t sl_thrift_get_i32(struct sl_thrift_reader *reader, const struct sl_thrift_field *field);
/* Points into the input. */
struct sl_str sl_thrift_get_str(struct sl_thrift_reader *reader,
                                const struct sl_thrift_field *field);
/* Enters a struct field: read its fields until sl_thrift_next_field returns false. False on
 * failure. */
bool sl_thrift_enter(struct sl_thrift_reader *reader, const struct sl_thrift_field *field);
/* Enters a list (or set) of items of the wanted type (SL_THRIFT_TRUE for bool); returns its count,
 * which is never more than the bytes left: each item takes at least one. An empty list passes
 * whatever its item type. 0 on failure. */
uint32_t sl_thrift_enter_list(struct sl_thrift_reader *reader, const struct sl_thrift_field *field,
                              enum sl_thrift_type item);
bool sl_thrift_item_get_bool(struct sl_thrift_reader *reader);
int64_t sl_thrift_item_get_i64(struct sl_thrift_reader *reader); /* any integer width but I8 */
struct sl_str sl_thrift_item_get_str(struct sl_thrift_reader *reader);
bool sl_thrift_item_enter(struct sl_thrift_reader *reader); /* a struct item */
/* Passes over the field's value, whatever it is. */
void sl_thrift_skip(struct sl_thrift_reader *reader, const struct sl_thrift_field *field);

#endif
