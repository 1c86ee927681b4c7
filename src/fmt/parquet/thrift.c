#include "fmt/parquet/thrift.h"

#include "base/err.h"
#include "fmt/parquet/varint.h"

/* ---- writer ---- */

void sl_thrift_writer_init(struct sl_thrift_writer *writer, struct sl_buf *out) {
    *writer = (struct sl_thrift_writer){.out = out};
}

static void put_header(struct sl_thrift_writer *writer, int16_t id, enum sl_thrift_type type) {
    int16_t *last_id = &writer->last_id[writer->depth];
    int delta = id - *last_id;
    if (delta >= 1 && delta <= 15) {
        sl_buf_put_byte(writer->out, (uint8_t)(delta << 4 | (int)type));
    } else {
        sl_buf_put_byte(writer->out, (uint8_t)type);
        sl_varint_put(writer->out, sl_zigzag(id));
    }
    *last_id = id;
}

void sl_thrift_put_bool(struct sl_thrift_writer *writer, int16_t id, bool value) {
    put_header(writer, id, value ? SL_THRIFT_TRUE : SL_THRIFT_FALSE);
}

void sl_thrift_put_i8(struct sl_thrift_writer *writer, int16_t id, int8_t value) {
    put_header(writer, id, SL_THRIFT_I8);
    sl_buf_put_byte(writer->out, (uint8_t)value);
}

void sl_thrift_put_i16(struct sl_thrift_writer *writer, int16_t id, int16_t value) {
    put_header(writer, id, SL_THRIFT_I16);
    sl_varint_put(writer->out, sl_zigzag(value));
}

void sl_thrift_put_i32(struct sl_thrift_writer *writer, int16_t id, int32_t value) {
    put_header(writer, id, SL_THRIFT_I32);
    sl_varint_put(writer->out, sl_zigzag(value));
}

void sl_thrift_put_i64(struct sl_thrift_writer *writer, int16_t id, int64_t value) {
    put_header(writer, id, SL_THRIFT_I64);
    sl_varint_put(writer->out, sl_zigzag(value));
}

void sl_thrift_put_str(struct sl_thrift_writer *writer, int16_t id, struct sl_str value) {
    put_header(writer, id, SL_THRIFT_BINARY);
    sl_thrift_item_str(writer, value);
}

void sl_thrift_begin_struct(struct sl_thrift_writer *writer, int16_t id) {
    put_header(writer, id, SL_THRIFT_STRUCT);
    sl_thrift_item_begin_struct(writer);
}

void sl_thrift_end_struct(struct sl_thrift_writer *writer) {
    sl_buf_put_byte(writer->out, SL_THRIFT_STOP);
    if (writer->depth) writer->depth--;
}

void sl_thrift_begin_list(struct sl_thrift_writer *writer, int16_t id, enum sl_thrift_type item,
                          uint32_t count) {
    put_header(writer, id, SL_THRIFT_LIST);
    if (count < 15) {
        sl_buf_put_byte(writer->out, (uint8_t)(count << 4 | (uint32_t)item));
    } else {
        sl_buf_put_byte(writer->out, (uint8_t)(0xF0 | (uint32_t)item));
        sl_varint_put(writer->out, count);
    }
}

void sl_thrift_item_bool(struct sl_thrift_writer *writer, bool value) {
    sl_buf_put_byte(writer->out, value ? SL_THRIFT_TRUE : SL_THRIFT_FALSE);
}

void sl_thrift_item_i32(struct sl_thrift_writer *writer, int32_t value) {
    sl_varint_put(writer->out, sl_zigzag(value));
}

void sl_thrift_item_i64(struct sl_thrift_writer *writer, int64_t value) {
    sl_varint_put(writer->out, sl_zigzag(value));
}

void sl_thrift_item_str(struct sl_thrift_writer *writer, struct sl_str value) {
    sl_varint_put(writer->out, value.len);
    sl_buf_put_str(writer->out, value);
}

void sl_thrift_item_begin_struct(struct sl_thrift_writer *writer) {
    sl_assert(writer->depth + 1 < SL_THRIFT_DEPTH_MAX);
    writer->last_id[++writer->depth] = 0;
}

/* ---- reader ---- */

void sl_thrift_reader_init(struct sl_thrift_reader *reader, const void *bytes, size_t len) {
    *reader = (struct sl_thrift_reader){
        .begin = bytes, .pos = bytes, .end = (const uint8_t *)bytes + len, .why = ""};
}

void sl_thrift_reader_fail(struct sl_thrift_reader *reader, const char *why) {
    if (reader->failed) return;
    reader->failed = true;
    reader->why = why;
}

static size_t left(const struct sl_thrift_reader *reader) {
    return (size_t)(reader->end - reader->pos);
}

static uint8_t get_byte(struct sl_thrift_reader *reader) {
    if (reader->failed) return 0;
    if (reader->pos == reader->end) {
        sl_thrift_reader_fail(reader, "the bytes end too early");
        return 0;
    }
    return *reader->pos++;
}

static uint64_t get_varint(struct sl_thrift_reader *reader) {
    uint64_t value = 0;
    if (reader->failed) return 0;
    const uint8_t *begin = reader->pos;
    if (!sl_varint_get(&reader->pos, reader->end, &value))
        sl_thrift_reader_fail(reader, reader->pos - begin < SL_VARINT_BYTES_MAX
                                          ? "the bytes end too early"
                                          : "a number is longer than 10 bytes");
    return value;
}

static int64_t get_zigzag(struct sl_thrift_reader *reader) {
    return sl_unzigzag(get_varint(reader));
}

bool sl_thrift_next_field(struct sl_thrift_reader *reader, struct sl_thrift_field *field) {
    *field = (struct sl_thrift_field){0};
    uint8_t head = get_byte(reader);
    if (reader->failed) return false;
    if (head == SL_THRIFT_STOP) {
        if (reader->depth) reader->depth--;
        return false;
    }
    int64_t id = head >> 4 ? reader->last_id[reader->depth] + (head >> 4) : get_zigzag(reader);
    if (id < INT16_MIN || id > INT16_MAX || (head & 15) == 0 || (head & 15) > SL_THRIFT_UUID)
        sl_thrift_reader_fail(reader, "a field header is not valid");
    if (reader->failed) return false;
    reader->last_id[reader->depth] = (int16_t)id;
    *field = (struct sl_thrift_field){(int16_t)id, (enum sl_thrift_type)(head & 15)};
    return true;
}

bool sl_thrift_get_bool(struct sl_thrift_reader *reader, const struct sl_thrift_field *field) {
    if (field->type != SL_THRIFT_TRUE && field->type != SL_THRIFT_FALSE)
        sl_thrift_reader_fail(reader, "a field is not a boolean");
    return field->type == SL_THRIFT_TRUE && !reader->failed;
}

int64_t sl_thrift_get_i64(struct sl_thrift_reader *reader, const struct sl_thrift_field *field) {
    if (field->type == SL_THRIFT_I8) return (int8_t)get_byte(reader);
    if (field->type < SL_THRIFT_I16 || field->type > SL_THRIFT_I64)
        sl_thrift_reader_fail(reader, "a field is not an integer");
    return sl_thrift_item_get_i64(reader);
}

int32_t sl_thrift_get_i32(struct sl_thrift_reader *reader, const struct sl_thrift_field *field) {
    int64_t value = sl_thrift_get_i64(reader, field);
    if (value < INT32_MIN || value > INT32_MAX) {
        sl_thrift_reader_fail(reader, "a number is out of the range of 32 bits");
        return 0;
    }
    return (int32_t)value;
}

struct sl_str sl_thrift_get_str(struct sl_thrift_reader *reader,
                                const struct sl_thrift_field *field) {
    if (field->type != SL_THRIFT_BINARY) sl_thrift_reader_fail(reader, "a field is not a string");
    return sl_thrift_item_get_str(reader);
}

bool sl_thrift_enter(struct sl_thrift_reader *reader, const struct sl_thrift_field *field) {
    if (field->type != SL_THRIFT_STRUCT) sl_thrift_reader_fail(reader, "a field is not a struct");
    return sl_thrift_item_enter(reader);
}

/* Returns the count and sets *item; the count is bounded by the bytes left. */
static uint32_t list_header(struct sl_thrift_reader *reader, enum sl_thrift_type *item) {
    uint8_t head = get_byte(reader);
    uint64_t count = head >> 4;
    if (count == 15) count = get_varint(reader);
    *item = (enum sl_thrift_type)(head & 15);
    if (count > left(reader) || count > UINT32_MAX)
        sl_thrift_reader_fail(reader, "a list is longer than its bytes");
    return reader->failed ? 0 : (uint32_t)count;
}

uint32_t sl_thrift_enter_list(struct sl_thrift_reader *reader, const struct sl_thrift_field *field,
                              enum sl_thrift_type item) {
    if (field->type != SL_THRIFT_LIST && field->type != SL_THRIFT_SET) {
        sl_thrift_reader_fail(reader, "a field is not a list");
        return 0;
    }
    enum sl_thrift_type found;
    uint32_t count = list_header(reader, &found);
    /* Writers mark lists of booleans with either of the two boolean types. */
    if (found == SL_THRIFT_FALSE) found = SL_THRIFT_TRUE;
    if (count && found != item) {
        sl_thrift_reader_fail(reader, "a list holds items of another type");
        return 0;
    }
    return count;
}

/* 1 = true; 2, and 0 by old Go writers, = false. */
bool sl_thrift_item_get_bool(struct sl_thrift_reader *reader) { return get_byte(reader) == 1; }

int64_t sl_thrift_item_get_i64(struct sl_thrift_reader *reader) {
    int64_t value = get_zigzag(reader);
    return reader->failed ? 0 : value;
}

struct sl_str sl_thrift_item_get_str(struct sl_thrift_reader *reader) {
    uint64_t len = get_varint(reader);
    if (len > left(reader)) sl_thrift_reader_fail(reader, "a string is longer than its bytes");
    if (reader->failed) return (struct sl_str){"", 0};
    struct sl_str str = {(const char *)reader->pos, (size_t)len};
    reader->pos += len;
    return str;
}

bool sl_thrift_item_enter(struct sl_thrift_reader *reader) {
    if (reader->depth + 1 >= SL_THRIFT_DEPTH_MAX)
        sl_thrift_reader_fail(reader, "structs are nested too deeply");
    if (reader->failed) return false;
    reader->last_id[++reader->depth] = 0;
    return true;
}

static void skip_bytes(struct sl_thrift_reader *reader, size_t count) {
    if (count > left(reader)) sl_thrift_reader_fail(reader, "the bytes end too early");
    if (!reader->failed) reader->pos += count;
}

static void skip_value(struct sl_thrift_reader *reader, enum sl_thrift_type type, int depth);

static void skip_items(struct sl_thrift_reader *reader, enum sl_thrift_type type, uint32_t count,
                       int depth) {
    for (uint32_t i = 0; i < count && !reader->failed; i++) {
        /* Only inside containers does a boolean have a byte of its own. */
        if (type == SL_THRIFT_TRUE || type == SL_THRIFT_FALSE)
            skip_bytes(reader, 1);
        else
            skip_value(reader, type, depth);
    }
}

static void skip_map(struct sl_thrift_reader *reader, int depth) {
    uint64_t count = get_varint(reader);
    if (count == 0 || reader->failed) return;
    uint8_t types = get_byte(reader);
    if (count > left(reader)) sl_thrift_reader_fail(reader, "a map is longer than its bytes");
    for (uint64_t i = 0; i < count && !reader->failed; i++) {
        skip_items(reader, (enum sl_thrift_type)(types >> 4), 1, depth);
        skip_items(reader, (enum sl_thrift_type)(types & 15), 1, depth);
    }
}

static void skip_struct(struct sl_thrift_reader *reader, int depth) {
    struct sl_thrift_field field;
    if (!sl_thrift_item_enter(reader)) return;
    while (sl_thrift_next_field(reader, &field)) skip_value(reader, field.type, depth);
}

static void skip_value(struct sl_thrift_reader *reader, enum sl_thrift_type type, int depth) {
    if (depth >= SL_THRIFT_DEPTH_MAX) sl_thrift_reader_fail(reader, "values are nested too deeply");
    if (reader->failed) return;
    switch (type) {
    case SL_THRIFT_TRUE:
    case SL_THRIFT_FALSE:
        return;
    case SL_THRIFT_I8:
        skip_bytes(reader, 1);
        return;
    case SL_THRIFT_I16:
    case SL_THRIFT_I32:
    case SL_THRIFT_I64:
        get_varint(reader);
        return;
    case SL_THRIFT_DOUBLE:
        skip_bytes(reader, 8);
        return;
    case SL_THRIFT_UUID:
        skip_bytes(reader, 16);
        return;
    case SL_THRIFT_BINARY:
        sl_thrift_item_get_str(reader);
        return;
    case SL_THRIFT_LIST:
    case SL_THRIFT_SET: {
        enum sl_thrift_type item;
        uint32_t count = list_header(reader, &item);
        skip_items(reader, item, count, depth + 1);
        return;
    }
    case SL_THRIFT_MAP:
        skip_map(reader, depth + 1);
        return;
    case SL_THRIFT_STRUCT:
        skip_struct(reader, depth + 1);
        return;
    case SL_THRIFT_STOP:
        break;
    }
    sl_thrift_reader_fail(reader, "a value has an unknown type");
}

void sl_thrift_skip(struct sl_thrift_reader *reader, const struct sl_thrift_field *field) {
    skip_value(reader, field->type, 0);
}
