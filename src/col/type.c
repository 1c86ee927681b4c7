#include "col/type.h"

#include "base/json.h"

static const struct {
    const char *ddl, *json;
    uint8_t width;
} kinds[] = {
#define TYPE(name, ddl, json, width) [SL_##name##_KIND] = {ddl, json, width},
#include "col/type.def"
};

const struct sl_type sl_type_null = {.kind = SL_NULL_KIND};
const struct sl_type sl_type_bool = {.kind = SL_BOOL_KIND};
const struct sl_type sl_type_byte = {.kind = SL_BYTE_KIND};
const struct sl_type sl_type_short = {.kind = SL_SHORT_KIND};
const struct sl_type sl_type_int = {.kind = SL_INT_KIND};
const struct sl_type sl_type_long = {.kind = SL_LONG_KIND};
const struct sl_type sl_type_float = {.kind = SL_FLOAT_KIND};
const struct sl_type sl_type_double = {.kind = SL_DOUBLE_KIND};
const struct sl_type sl_type_string = {.kind = SL_STRING_KIND};
const struct sl_type sl_type_binary = {.kind = SL_BINARY_KIND};
const struct sl_type sl_type_date = {.kind = SL_DATE_KIND};
const struct sl_type sl_type_timestamp = {.kind = SL_TIMESTAMP_KIND};
const struct sl_type sl_type_timestamp_ntz = {.kind = SL_TIMESTAMP_NTZ_KIND};
const struct sl_type sl_type_day_interval = {.kind = SL_DAY_INTERVAL_KIND, .interval_to = 3};
const struct sl_type sl_type_month_interval = {.kind = SL_MONTH_INTERVAL_KIND, .interval_to = 1};

const struct sl_type *sl_type_simple(enum sl_kind kind) {
    static const struct sl_type *const simple[SL_KIND_COUNT] = {
        [SL_NULL_KIND] = &sl_type_null,
        [SL_BOOL_KIND] = &sl_type_bool,
        [SL_BYTE_KIND] = &sl_type_byte,
        [SL_SHORT_KIND] = &sl_type_short,
        [SL_INT_KIND] = &sl_type_int,
        [SL_LONG_KIND] = &sl_type_long,
        [SL_FLOAT_KIND] = &sl_type_float,
        [SL_DOUBLE_KIND] = &sl_type_double,
        [SL_STRING_KIND] = &sl_type_string,
        [SL_BINARY_KIND] = &sl_type_binary,
        [SL_DATE_KIND] = &sl_type_date,
        [SL_TIMESTAMP_KIND] = &sl_type_timestamp,
        [SL_TIMESTAMP_NTZ_KIND] = &sl_type_timestamp_ntz,
        [SL_DAY_INTERVAL_KIND] = &sl_type_day_interval,
        [SL_MONTH_INTERVAL_KIND] = &sl_type_month_interval,
    };
    sl_assert(kind < SL_KIND_COUNT && simple[kind]);
    return simple[kind];
}

const struct sl_type *sl_type_decimal(struct sl_arena *arena, int precision, int scale) {
    sl_assert(precision >= 1 && precision <= 38 && scale >= 0 && scale <= precision);
    struct sl_type *type = SL_NEW(arena, struct sl_type);
    *type = (struct sl_type){
        .kind = SL_DECIMAL_KIND, .precision = (uint8_t)precision, .scale = (uint8_t)scale};
    return type;
}

static struct sl_type *new_nested(struct sl_arena *arena, enum sl_kind kind, size_t count) {
    sl_assert(count <= UINT32_MAX);
    struct sl_type *type = SL_NEW(arena, struct sl_type);
    *type = (struct sl_type){.kind = kind,
                             .field_count = (uint32_t)count,
                             .fields = SL_NEW_ARRAY(arena, struct sl_field, count)};
    return type;
}

const struct sl_type *sl_type_array(struct sl_arena *arena, const struct sl_type *element,
                                    bool contains_null) {
    struct sl_type *type = new_nested(arena, SL_ARRAY_KIND, 1);
    type->fields[0] =
        (struct sl_field){.name = SL_STR("element"), .type = element, .nullable = contains_null};
    return type;
}

const struct sl_type *sl_type_map(struct sl_arena *arena, const struct sl_type *key,
                                  const struct sl_type *value, bool value_contains_null) {
    struct sl_type *type = new_nested(arena, SL_MAP_KIND, 2);
    type->fields[0] = (struct sl_field){.name = SL_STR("key"), .type = key};
    type->fields[1] =
        (struct sl_field){.name = SL_STR("value"), .type = value, .nullable = value_contains_null};
    return type;
}

const struct sl_type *sl_type_struct(struct sl_arena *arena, const struct sl_field *fields,
                                     size_t count) {
    struct sl_type *type = new_nested(arena, SL_STRUCT_KIND, count);
    if (count) memcpy(type->fields, fields, count * sizeof *fields);
    return type;
}

bool sl_type_equal(const struct sl_type *a, const struct sl_type *b) {
    if (a == b) return true;
    if (a->kind != b->kind || a->precision != b->precision || a->scale != b->scale ||
        a->interval_from != b->interval_from || a->interval_to != b->interval_to ||
        a->field_count != b->field_count)
        return false;
    for (uint32_t i = 0; i < a->field_count; i++) {
        if (a->kind == SL_STRUCT_KIND && !sl_str_eq(a->fields[i].name, b->fields[i].name))
            return false;
        if (!sl_type_equal(a->fields[i].type, b->fields[i].type)) return false;
    }
    return true;
}

bool sl_type_equal_structure(const struct sl_type *a, const struct sl_type *b) {
    if (!sl_type_is_nested(a)) return sl_type_equal(a, b);
    if (a->kind != b->kind || a->field_count != b->field_count) return false;
    for (uint32_t i = 0; i < a->field_count; i++)
        if (!sl_type_equal_structure(a->fields[i].type, b->fields[i].type)) return false;
    return true;
}

int sl_type_find_field(const struct sl_type *type, struct sl_str name) {
    int found = -1;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (sl_str_eq(type->fields[i].name, name)) return (int)i;
        if (sl_str_eq_nocase(type->fields[i].name, name)) found = found == -1 ? (int)i : -2;
    }
    return found;
}

uint32_t sl_type_width(const struct sl_type *type) {
    if (type->kind == SL_DECIMAL_KIND) return type->precision > 18 ? 16 : 8;
    return kinds[type->kind].width;
}

/* ---- texts ---- */

static void put_case(struct sl_buf *out, const char *text, bool upper) {
    for (; *text; text++)
        sl_buf_put_byte(out, (uint8_t)(upper && *text >= 'a' && *text <= 'z' ? *text - 32 : *text));
}

/* Spark quotes a field's name unless it is a plain identifier that is not all digits. */
static bool plain_name(struct sl_str name) {
    bool digits = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        bool digit = c >= '0' && c <= '9';
        if (!digit) digits = false;
        if (!digit && c != '_' && !(c >= 'a' && c <= 'z') && !(c >= 'A' && c <= 'Z')) return false;
    }
    return !digits;
}

static void put_name(struct sl_buf *out, struct sl_str name) {
    if (plain_name(name)) {
        sl_buf_put_str(out, name);
        return;
    }
    sl_buf_put_byte(out, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') sl_buf_put_byte(out, '`');
        sl_buf_put_byte(out, (uint8_t)name.ptr[i]);
    }
    sl_buf_put_byte(out, '`');
}

static void put_quoted(struct sl_buf *out, struct sl_str text) {
    sl_buf_put_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '\'' || text.ptr[i] == '\\') sl_buf_put_byte(out, '\\');
        sl_buf_put_byte(out, (uint8_t)text.ptr[i]);
    }
    sl_buf_put_byte(out, '\'');
}

static void put_interval(struct sl_buf *out, const struct sl_type *type, bool upper) {
    static const char *const day_units[] = {"day", "hour", "minute", "second"};
    static const char *const month_units[] = {"year", "month"};
    const char *const *units = type->kind == SL_DAY_INTERVAL_KIND ? day_units : month_units;
    put_case(out, "interval ", upper);
    put_case(out, units[type->interval_from], upper);
    if (type->interval_from == type->interval_to) return;
    put_case(out, " to ", upper);
    put_case(out, units[type->interval_to], upper);
}

/* Everything that is not nested; the same in all three texts but for case and names. */
static void put_scalar(struct sl_buf *out, const struct sl_type *type, const char *name,
                       bool upper) {
    if (sl_type_is_interval(type))
        put_interval(out, type, upper);
    else
        put_case(out, name, upper);
    if (type->kind == SL_DECIMAL_KIND) sl_buf_printf(out, "(%u,%u)", type->precision, type->scale);
}

static void put_sql_field(struct sl_buf *out, const struct sl_field *field) {
    put_name(out, field->name);
    sl_buf_put_cstr(out, ": ");
    sl_type_put_sql(out, field->type);
    if (!field->nullable) sl_buf_put_cstr(out, " NOT NULL");
    if (!field->comment.len) return;
    sl_buf_put_cstr(out, " COMMENT ");
    put_quoted(out, field->comment);
}

void sl_type_put_sql(struct sl_buf *out, const struct sl_type *type) {
    put_scalar(out, type, kinds[type->kind].ddl, true);
    if (!sl_type_is_nested(type)) return;
    sl_buf_put_byte(out, '<');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        if (type->kind == SL_STRUCT_KIND)
            put_sql_field(out, &type->fields[i]);
        else
            sl_type_put_sql(out, type->fields[i].type);
    }
    sl_buf_put_byte(out, '>');
}

void sl_type_put_simple(struct sl_buf *out, const struct sl_type *type) {
    put_scalar(out, type, kinds[type->kind].ddl, false);
    if (!sl_type_is_nested(type)) return;
    sl_buf_put_byte(out, '<');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        if (type->kind == SL_STRUCT_KIND) {
            sl_buf_put_str(out, type->fields[i].name);
            sl_buf_put_byte(out, ':');
        }
        sl_type_put_simple(out, type->fields[i].type);
    }
    sl_buf_put_byte(out, '>');
}

static const char *json_bool(bool value) { return value ? "true" : "false"; }

/* `metadata` as it came wins; a comment from DDL becomes Spark's metadata key for it. */
static void put_json_field(struct sl_buf *out, const struct sl_field *field) {
    sl_buf_put_cstr(out, "{\"name\":");
    sl_json_put_string(out, field->name);
    sl_buf_put_cstr(out, ",\"type\":");
    sl_type_put_json(out, field->type);
    sl_buf_printf(out, ",\"nullable\":%s,\"metadata\":", json_bool(field->nullable));
    if (field->metadata.len) {
        sl_buf_put_str(out, field->metadata);
    } else if (field->comment.len) {
        sl_buf_put_cstr(out, "{\"comment\":");
        sl_json_put_string(out, field->comment);
        sl_buf_put_byte(out, '}');
    } else {
        sl_buf_put_cstr(out, "{}");
    }
    sl_buf_put_byte(out, '}');
}

void sl_type_put_json(struct sl_buf *out, const struct sl_type *type) {
    switch (type->kind) {
    case SL_ARRAY_KIND:
        sl_buf_put_cstr(out, "{\"type\":\"array\",\"elementType\":");
        sl_type_put_json(out, type->fields[0].type);
        sl_buf_printf(out, ",\"containsNull\":%s}", json_bool(type->fields[0].nullable));
        return;
    case SL_MAP_KIND:
        sl_buf_put_cstr(out, "{\"type\":\"map\",\"keyType\":");
        sl_type_put_json(out, type->fields[0].type);
        sl_buf_put_cstr(out, ",\"valueType\":");
        sl_type_put_json(out, type->fields[1].type);
        sl_buf_printf(out, ",\"valueContainsNull\":%s}", json_bool(type->fields[1].nullable));
        return;
    case SL_STRUCT_KIND:
        sl_buf_put_cstr(out, "{\"type\":\"struct\",\"fields\":[");
        for (uint32_t i = 0; i < type->field_count; i++) {
            if (i) sl_buf_put_byte(out, ',');
            put_json_field(out, &type->fields[i]);
        }
        sl_buf_put_cstr(out, "]}");
        return;
    default:
        sl_buf_put_byte(out, '"');
        put_scalar(out, type, kinds[type->kind].json, false);
        sl_buf_put_byte(out, '"');
    }
}

const char *sl_type_sql(struct sl_arena *arena, const struct sl_type *type) {
    struct sl_buf buf = {0};
    sl_type_put_sql(&buf, type);
    char *text = sl_arena_cstr(arena, sl_buf_str(&buf));
    sl_buf_release(&buf);
    return text;
}
