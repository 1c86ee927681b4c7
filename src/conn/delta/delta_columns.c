#include "conn/delta/delta_columns.h"

#include "base/json.h"

struct sl_str sl_delta_physical_name(struct sl_arena *arena, const struct sl_field *field) {
    struct sl_json metadata;
    struct sl_str name;
    if (field->metadata.len > 0 &&
        sl_json_parse(arena, field->metadata, &metadata, NULL) == SL_OK &&
        sl_json_str(sl_json_get(&metadata, SL_STR("delta.columnMapping.physicalName")), &name) &&
        name.len > 0)
        return name;
    return field->name;
}

/* Every field nullable: what other writers keep is not for us to rely on. Without metadata, which
 * is the table's own and must not reach another one. */
static const struct sl_type *copy_type(struct sl_arena *arena, const struct sl_type *type,
                                       bool physical) {
    struct sl_type *copy = SL_NEW(arena, struct sl_type);
    *copy = *type;
    if (!sl_type_is_nested(type)) return copy;
    copy->fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct sl_field *field = &type->fields[i];
        bool is_key = type->kind == SL_MAP_KIND && i == 0;
        bool is_mapped = physical && type->kind == SL_STRUCT_KIND;
        copy->fields[i] = (struct sl_field){
            .name =
                sl_arena_str(arena, is_mapped ? sl_delta_physical_name(arena, field) : field->name),
            .type = copy_type(arena, field->type, physical),
            .nullable = !is_key,
            .comment = sl_arena_str(arena, field->comment)};
    }
    return copy;
}

bool sl_delta_maps_columns(const struct sl_delta_metadata *metadata) {
    const struct sl_delta_pair *mode =
        sl_delta_map_find(&metadata->configuration, SL_STR("delta.columnMapping.mode"));
    return mode && (sl_str_eq_nocase(mode->value, SL_STR("name")) ||
                    sl_str_eq_nocase(mode->value, SL_STR("id")));
}

static const struct sl_type *permute(struct sl_arena *arena, const struct sl_type *type,
                                     const uint32_t *from) {
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) fields[i] = type->fields[from[i]];
    return sl_type_struct(arena, fields, type->field_count);
}

/* File columns in the schema's order, then partition columns in the metadata's. */
static enum sl_code order_columns(const struct sl_delta_metadata *metadata,
                                  const struct sl_type *schema, struct sl_delta_columns *out,
                                  struct sl_err *err) {
    uint32_t first = schema->field_count - metadata->partition_count, count = 0;
    for (uint32_t c = 0; c < schema->field_count; c++) out->scan_column[c] = UINT32_MAX;
    for (uint32_t p = 0; p < metadata->partition_count; p++) {
        int column = sl_type_find_field(schema, metadata->partition_columns[p]);
        if (column < 0 || out->scan_column[column] != UINT32_MAX ||
            sl_type_is_nested(schema->fields[column].type))
            return sl_fail(err, SL_DATA,
                           "the Delta table is partitioned by `%.*s`, which its schema does not "
                           "have as a column of its own and of a simple type",
                           SL_STR_ARG(metadata->partition_columns[p]));
        out->scan_column[column] = first + p;
    }
    for (uint32_t c = 0; c < schema->field_count; c++) {
        if (out->scan_column[c] == UINT32_MAX) out->scan_column[c] = count++;
        out->table_column[out->scan_column[c]] = c;
    }
    return SL_OK;
}

enum sl_code sl_delta_columns_make(struct sl_arena *arena, const struct sl_delta_metadata *metadata,
                                   struct sl_delta_columns *out, struct sl_err *err) {
    const struct sl_type *schema = metadata->schema;
    uint32_t count = schema->field_count;
    *out = (struct sl_delta_columns){.partition_count = metadata->partition_count};
    if (schema->kind != SL_STRUCT_KIND || metadata->partition_count > count)
        return sl_fail(err, SL_DATA, "the Delta table has a schema without its columns");
    out->table_column = SL_NEW_ARRAY(arena, uint32_t, count + 1);
    out->scan_column = SL_NEW_ARRAY(arena, uint32_t, count + 1);
    SL_TRY(order_columns(metadata, schema, out, err));
    out->schema = copy_type(arena, schema, false);
    out->scan = permute(arena, out->schema, out->table_column);
    out->physical = permute(arena, copy_type(arena, schema, sl_delta_maps_columns(metadata)),
                            out->table_column);
    return SL_OK;
}
