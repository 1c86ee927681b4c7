#include "state/spark_schema.h"

#include <errno.h>

#include "base/json.h"

enum { FILE_BYTES_MAX = 64 << 20 };

/* ---- the schema ---- */

static enum sl_code cut(struct sl_err *err) {
    return sl_fail(err, SL_DATA, "the file of schemas ends early");
}

static enum sl_code take_number(struct sl_str *bytes, uint32_t width, uint32_t *out,
                                struct sl_err *err) {
    if (bytes->len < width) return cut(err);
    *out = 0;
    for (uint32_t i = 0; i < width; i++) *out = *out << 8 | (uint8_t)bytes->ptr[i];
    *bytes = sl_str_sub(*bytes, width, bytes->len);
    return SL_OK;
}

/* Java's writeUTF; the same as UTF-8 but for NUL and letters beyond 16 bits, which JSON parsing
 * refuses. */
static enum sl_code take_utf(struct sl_str *bytes, struct sl_str *out, struct sl_err *err) {
    uint32_t length = 0;
    SL_TRY(take_number(bytes, 2, &length, err));
    if (bytes->len < length) return cut(err);
    *out = sl_str_sub(*bytes, 0, length);
    *bytes = sl_str_sub(*bytes, length, bytes->len);
    return SL_OK;
}

static enum sl_code take_schema(struct sl_str *bytes, struct sl_arena *arena,
                                const struct sl_type **out, struct sl_err *err) {
    uint32_t parts = 0;
    struct sl_buf json = {0};
    enum sl_code code = take_number(bytes, 4, &parts, err);
    for (uint32_t i = 0; code == SL_OK && i < parts; i++) {
        struct sl_str part;
        code = take_utf(bytes, &part, err);
        if (code == SL_OK && part.len == 0) code = cut(err); /* nothing would end the loop */
        if (code == SL_OK) sl_buf_put_str(&json, part);
    }
    struct sl_str text = sl_arena_str(arena, sl_buf_str(&json));
    sl_buf_release(&json);
    if (code == SL_OK) code = sl_type_parse_json(arena, text, out, err);
    if (code == SL_OK && (*out)->kind != SL_STRUCT_KIND)
        code = sl_fail(err, SL_DATA, "the schema of a store is no struct");
    return code;
}

enum sl_code sl_spark_schema_parse(struct sl_str bytes, struct sl_arena *arena,
                                   struct sl_spark_schema *out, struct sl_err *err) {
    struct sl_str version;
    SL_TRY(take_utf(&bytes, &version, err));
    if (!sl_str_eq(version, SL_STR("v2")))
        return sl_fail(err, SL_UNSUPPORTED, "the schemas of the state have format `%.*s`, not `v2`",
                       (int)(version.len > 20 ? 20 : version.len), version.ptr);
    SL_TRY(take_schema(&bytes, arena, &out->key, err));
    SL_TRY(take_schema(&bytes, arena, &out->value, err));
    return bytes.len ? sl_fail(err, SL_DATA, "bytes follow on the schemas") : SL_OK;
}

enum sl_code sl_spark_schema_read(const char *path, struct sl_arena *arena,
                                  struct sl_spark_schema *out, struct sl_err *err) {
    struct sl_buf bytes = {0};
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &bytes, err);
    if (code == SL_OK) {
        code = sl_spark_schema_parse(sl_buf_str(&bytes), arena, out, err);
        if (code != SL_OK) sl_context(err, "%s", path);
    }
    sl_buf_release(&bytes);
    return code;
}

/* ---- the operator ---- */

static enum sl_code parse_operator(struct sl_str text, struct sl_arena *arena,
                                   struct sl_spark_operator *out, struct sl_err *err) {
    struct sl_json json;
    size_t end = sl_str_find(text, SL_STR("\n"), 0);
    struct sl_str version = end == SIZE_MAX ? text : sl_str_sub(text, 0, end);
    if (!sl_str_eq(version, SL_STR("v1")))
        return sl_fail(err, SL_UNSUPPORTED, "the operator's metadata has format `%.*s`, not `v1`",
                       (int)(version.len > 20 ? 20 : version.len), version.ptr);
    SL_TRY(sl_json_parse(arena, sl_str_sub(text, end + 1, text.len), &json, err));
    const struct sl_json *info = sl_json_get(&json, SL_STR("operatorInfo"));
    const struct sl_json *stores = sl_json_get(&json, SL_STR("stateStoreInfo"));
    const struct sl_json *name = info ? sl_json_get(info, SL_STR("operatorName")) : NULL;
    if (!name || name->kind != SL_JSON_STRING || !stores || stores->kind != SL_JSON_ARRAY ||
        stores->count == 0)
        return sl_fail(err, SL_DATA, "the operator's metadata lacks its name or its stores");
    out->name = name->text;
    out->stores = (uint32_t)stores->count;
    const struct sl_json *partitions = sl_json_get(&stores->items[0], SL_STR("numPartitions"));
    if (!partitions || !sl_json_i64(partitions, &out->partitions))
        return sl_fail(err, SL_DATA, "the operator's metadata lacks `numPartitions`");
    return SL_OK;
}

enum sl_code sl_spark_operator_read(const char *operator_dir, struct sl_arena *arena,
                                    struct sl_spark_operator *out, bool *found,
                                    struct sl_err *err) {
    struct sl_buf bytes = {0};
    struct sl_err why = {0};
    const char *path = sl_path_join(arena, operator_dir, "_metadata/metadata");
    enum sl_code code = sl_io_read_file(path, FILE_BYTES_MAX, &bytes, &why);
    *found = code == SL_OK;
    if (code == SL_OK) {
        code = parse_operator(sl_arena_str(arena, sl_buf_str(&bytes)), arena, out, err);
        if (code != SL_OK) sl_context(err, "%s", path);
    } else if (why.sys == ENOENT) {
        code = SL_OK;
    } else if (err) {
        *err = why;
    }
    sl_buf_release(&bytes);
    return code;
}

/* ---- writing ---- */

enum { UTF_BYTES_MAX = 65535 };

static void put_number(struct sl_buf *out, uint32_t width, uint32_t number) {
    for (uint32_t i = width; i-- > 0;) sl_buf_put_byte(out, (uint8_t)(number >> (8 * i)));
}

static void put_utf(struct sl_buf *out, struct sl_str text) {
    put_number(out, 2, (uint32_t)text.len);
    sl_buf_put_str(out, text);
}

/* Parts end between letters. */
static size_t part_length(struct sl_str text) {
    size_t length = text.len < UTF_BYTES_MAX ? text.len : UTF_BYTES_MAX;
    while (length < text.len && ((uint8_t)text.ptr[length] & 0xc0) == 0x80) length--;
    return length;
}

static enum sl_code put_schema(struct sl_buf *out, const struct sl_type *type, struct sl_err *err) {
    struct sl_buf json = {0};
    uint32_t parts = 0;
    sl_type_put_json(&json, type);
    size_t at = out->len;
    put_number(out, 4, 0);
    struct sl_str rest = sl_buf_str(&json);
    enum sl_code code = SL_OK;
    for (size_t i = 0; code == SL_OK && i < rest.len; i++)
        if ((uint8_t)rest.ptr[i] >= 0xf0)
            code = sl_fail(err, SL_UNSUPPORTED,
                           "a column's name has a letter that Spark's file of schemas cannot hold");
    for (; code == SL_OK && rest.len; parts++) {
        size_t length = part_length(rest);
        put_utf(out, sl_str_sub(rest, 0, length));
        rest = sl_str_sub(rest, length, rest.len);
    }
    for (uint32_t i = 0; i < 4; i++) out->ptr[at + i] = (uint8_t)(parts >> (8 * (3 - i)));
    sl_buf_release(&json);
    return code;
}

static const struct sl_type *all_nullable(struct sl_arena *arena, const struct sl_type *type) {
    if (!type->field_count) return type;
    struct sl_type *copy = SL_NEW(arena, struct sl_type);
    *copy = *type;
    copy->fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        copy->fields[i] = type->fields[i];
        copy->fields[i].nullable = true;
        copy->fields[i].metadata = SL_STR("");
        copy->fields[i].comment = SL_STR("");
        copy->fields[i].type = all_nullable(arena, type->fields[i].type);
    }
    return copy;
}

static enum sl_code publish(const char *dir, const char *name, const struct sl_buf *bytes,
                            struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "metadata");
    const char *path = sl_path_join(&arena, dir, "_metadata");
    enum sl_code code = sl_io_make_dirs(path, err);
    if (code == SL_OK)
        code = sl_io_put_atomic(path, name, sl_buf_str(bytes), SL_PUT_REPLACE | SL_PUT_SUMMED,
                                "state.metadata", err);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_spark_schema_write(const char *store_dir, const struct sl_spark_schema *schema,
                                   struct sl_err *err) {
    struct sl_arena arena;
    struct sl_buf bytes = {0};
    sl_arena_init(&arena, "schemas");
    put_utf(&bytes, SL_STR("v2"));
    enum sl_code code = put_schema(&bytes, all_nullable(&arena, schema->key), err);
    if (code == SL_OK) code = put_schema(&bytes, all_nullable(&arena, schema->value), err);
    if (code == SL_OK) code = publish(store_dir, "schema", &bytes, err);
    sl_buf_release(&bytes);
    sl_arena_release(&arena);
    return code;
}

enum sl_code sl_spark_operator_write(const char *operator_dir, uint32_t number,
                                     const struct sl_spark_operator *what, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_buf_printf(&text,
                  "v1\n{\"operatorInfo\":{\"operatorId\":%u,\"operatorName\":\"%.*s\"},"
                  "\"stateStoreInfo\":[{\"storeName\":\"default\",\"numColsPrefixKey\":%u,"
                  "\"numPartitions\":%lld}]}",
                  number, SL_STR_ARG(what->name), what->prefix_columns,
                  (long long)what->partitions);
    enum sl_code code = publish(operator_dir, "metadata", &text, err);
    sl_buf_release(&text);
    return code;
}
