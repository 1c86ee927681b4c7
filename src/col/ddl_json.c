/* Spark's schema JSON to types (DataType.fromJson): simple types are strings, nested ones objects.
 */

#include "base/json.h"
#include "col/type.h"

enum { DEPTH_MAX = 100 };

static enum sl_code read_type(struct sl_arena *arena, const struct sl_json *json, int depth,
                              const struct sl_type **out, struct sl_err *err);

static enum sl_code bad(struct sl_err *err, const char *what) {
    return sl_fail_at(err, (struct sl_span){0, 0}, "INVALID_JSON_DATA_TYPE", "2203G",
                      "schema JSON: %s", what);
}

static bool member_bool(const struct sl_json *json, const char *name, bool otherwise) {
    const struct sl_json *value = sl_json_get(json, sl_str(name));
    return value && value->kind == SL_JSON_BOOL ? value->boolean : otherwise;
}

static enum sl_code member_type(struct sl_arena *arena, const struct sl_json *json,
                                const char *name, int depth, const struct sl_type **out,
                                struct sl_err *err) {
    const struct sl_json *value = sl_json_get(json, sl_str(name));
    if (value) return read_type(arena, value, depth + 1, out, err);
    return sl_fail_at(err, (struct sl_span){0, 0}, "INVALID_JSON_DATA_TYPE", "2203G",
                      "schema JSON: `%s` is missing", name);
}

static struct sl_str metadata_text(struct sl_arena *arena, const struct sl_json *metadata) {
    if (!metadata || metadata->kind != SL_JSON_OBJECT || metadata->count == 0) return SL_STR("");
    struct sl_buf buf = {0};
    sl_json_put(&buf, metadata);
    struct sl_str text = sl_arena_str(arena, sl_buf_str(&buf));
    sl_buf_release(&buf);
    return text;
}

static enum sl_code read_field(struct sl_arena *arena, const struct sl_json *json, int depth,
                               struct sl_field *field, struct sl_err *err) {
    *field = (struct sl_field){.comment = SL_STR(""), .metadata = SL_STR("")};
    struct sl_str name;
    if (!sl_json_str(sl_json_get(json, SL_STR("name")), &name))
        return bad(err, "a field has no name");
    field->name = sl_arena_str(arena, name);
    SL_TRY(member_type(arena, json, "type", depth, &field->type, err));
    field->nullable = member_bool(json, "nullable", true);
    const struct sl_json *metadata = sl_json_get(json, SL_STR("metadata"));
    field->metadata = metadata_text(arena, metadata);
    if (sl_json_str(sl_json_get(metadata, SL_STR("comment")), &field->comment))
        field->comment = sl_arena_str(arena, field->comment);
    else
        field->comment = SL_STR("");
    return SL_OK;
}

static enum sl_code read_struct(struct sl_arena *arena, const struct sl_json *json, int depth,
                                const struct sl_type **out, struct sl_err *err) {
    const struct sl_json *list = sl_json_get(json, SL_STR("fields"));
    if (!list || list->kind != SL_JSON_ARRAY) return bad(err, "a struct has no list of fields");
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, list->count);
    for (size_t i = 0; i < list->count; i++)
        SL_TRY(read_field(arena, &list->items[i], depth, &fields[i], err));
    *out = sl_type_struct(arena, fields, list->count);
    return SL_OK;
}

static enum sl_code read_nested(struct sl_arena *arena, const struct sl_json *json, int depth,
                                const struct sl_type **out, struct sl_err *err) {
    struct sl_str kind;
    if (!sl_json_str(sl_json_get(json, SL_STR("type")), &kind))
        return bad(err, "a nested type has no `type`");
    if (sl_str_eq(kind, SL_STR("struct"))) return read_struct(arena, json, depth, out, err);
    const struct sl_type *item, *value;
    if (sl_str_eq(kind, SL_STR("array"))) {
        SL_TRY(member_type(arena, json, "elementType", depth, &item, err));
        *out = sl_type_array(arena, item, member_bool(json, "containsNull", true));
        return SL_OK;
    }
    if (sl_str_eq(kind, SL_STR("map"))) {
        SL_TRY(member_type(arena, json, "keyType", depth, &item, err));
        SL_TRY(member_type(arena, json, "valueType", depth, &value, err));
        *out = sl_type_map(arena, item, value, member_bool(json, "valueContainsNull", true));
        return SL_OK;
    }
    return sl_fail_at(err, (struct sl_span){0, 0}, "UNSUPPORTED_DATATYPE", "0A000",
                      "schema JSON: data type `%.*s` is not supported",
                      (int)(kind.len > 64 ? 64 : kind.len), kind.ptr);
}

/* The names in JSON are a subset of the names in DDL. */
static enum sl_code read_type(struct sl_arena *arena, const struct sl_json *json, int depth,
                              const struct sl_type **out, struct sl_err *err) {
    if (depth >= DEPTH_MAX) return bad(err, "data types are nested too deeply");
    if (json->kind == SL_JSON_OBJECT) return read_nested(arena, json, depth, out, err);
    if (json->kind != SL_JSON_STRING) return bad(err, "a type is neither a string nor an object");
    return sl_type_parse(arena, json->text, out, err);
}

enum sl_code sl_type_parse_json(struct sl_arena *arena, struct sl_str json,
                                const struct sl_type **out, struct sl_err *err) {
    struct sl_json tree;
    SL_TRY(sl_json_parse(arena, json, &tree, err));
    return read_type(arena, &tree, 0, out, err);
}
