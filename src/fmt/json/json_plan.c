/* Schema to nodes: what the row loop needs, without the DDL details. */
#include "fmt/json/json_int.h"

static uint32_t name_hash(const char *key, size_t len) {
    uint64_t first = 0, last = 0;
    if (len >= 8) {
        memcpy(&first, key, 8);
        memcpy(&last, key + len - 8, 8);
    } else {
        memcpy(&first, key, len);
    }
    uint64_t h = (first ^ len * UINT64_C(0x9E3779B97F4A7C15)) * UINT64_C(0xBF58476D1CE4E5B9);
    h = (h ^ h >> 29 ^ last) * UINT64_C(0x94D049BB133111EB);
    return (uint32_t)(h >> 32);
}

int sl_json_names_find(const struct sl_json_names *names, const char *key, size_t len) {
    for (uint32_t i = name_hash(key, len);; i++) {
        uint32_t slot = names->slots[i & names->mask];
        if (!slot) return -1;
        struct sl_str name = names->names[slot - 1];
        if (name.len == len && (!len || memcmp(name.ptr, key, len) == 0)) return (int)(slot - 1);
    }
}

/* Of equal names in a schema the last one counts, as in StructType.nameToIndex. */
static void plan_names(struct sl_arena *arena, struct sl_json_node *node, const int skip[2]) {
    uint32_t count = node->child_count, size = 4;
    while (size < count * 2 + 2) size *= 2;
    struct sl_str *names = sl_arena_array(arena, count ? count : 1, sizeof *names);
    uint32_t *slots = sl_arena_zalloc(arena, size * sizeof *slots);
    int *found = sl_arena_array(arena, count ? count : 1, sizeof *found);
    node->names = (struct sl_json_names){names, slots, found, size - 1};
    for (uint32_t f = 0; f < count; f++) {
        names[f] = node->type->fields[f].name;
        if ((int)f == skip[0] || (int)f == skip[1]) continue;
        uint32_t i = name_hash(names[f].ptr, names[f].len);
        while (slots[i & (size - 1)] && !sl_str_eq(names[slots[i & (size - 1)] - 1], names[f])) i++;
        slots[i & (size - 1)] = f + 1;
    }
    for (uint32_t f = 0; f < count; f++)
        found[f] = sl_json_names_find(&node->names, names[f].ptr, names[f].len);
}

static const int no_skip[2] = {-1, -1};

static enum sl_code plan_node(struct sl_arena *arena, const struct sl_type *type,
                              struct sl_json_node *node, const int skip[2], struct sl_err *err) {
    if (sl_type_is_interval(type)) {
        sl_fail(err, SL_UNSUPPORTED, "a JSON schema with interval fields is not supported");
        return sl_hint(err, "declare the field as STRING and cast it");
    }
    if (type->kind == SL_MAP_KIND && type->fields[0].type->kind != SL_STRING_KIND)
        return sl_fail_at(err, (struct sl_span){0, 0},
                          "DATATYPE_MISMATCH.INVALID_JSON_MAP_KEY_TYPE", "42K09",
                          "the keys of a map in a JSON schema must be STRING");
    *node = (struct sl_json_node){.type = type, .kind = type->kind};
    if (!sl_type_is_nested(type)) return SL_OK;
    node->child_count = type->field_count;
    node->children = SL_NEW_ARRAY(arena, struct sl_json_node, type->field_count + 1);
    node->holds_struct = type->kind == SL_STRUCT_KIND;
    for (uint32_t i = 0; i < type->field_count; i++) {
        SL_TRY(plan_node(arena, type->fields[i].type, &node->children[i], no_skip, err));
        node->holds_struct |= node->children[i].holds_struct;
    }
    if (type->kind == SL_STRUCT_KIND) plan_names(arena, node, skip);
    return SL_OK;
}

enum sl_code sl_json_plan_known(struct sl_json_decoder *decoder, const struct sl_type *declared,
                                struct sl_json_node *out, struct sl_err *err) {
    const struct sl_json_options *options = decoder->options;
    int skip[2] = {-1, -1};
    for (uint32_t i = 0; declared->kind == SL_STRUCT_KIND && i < declared->field_count; i++) {
        struct sl_str name = declared->fields[i].name;
        if (sl_str_eq(name, options->column_name_of_corrupt_record)) skip[0] = (int)i;
        if (options->rescued_data_column.len && sl_str_eq(name, options->rescued_data_column))
            skip[1] = (int)i;
    }
    return plan_node(&decoder->arena, declared, out, skip, err);
}

/* The rescued column is filled from outside the record, too. */
static enum sl_code find_rescued(struct sl_json_decoder *decoder, struct sl_err *err) {
    const struct sl_type *schema = decoder->schema;
    struct sl_str name = decoder->options->rescued_data_column;
    decoder->rescued_field = -1;
    if (schema->kind != SL_STRUCT_KIND || !name.len) return SL_OK;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (!sl_str_eq(schema->fields[i].name, name)) continue;
        if (schema->fields[i].type->kind != SL_STRING_KIND)
            return sl_fail(err, SL_USER, "the column `%.*s` for rescued data must be a STRING",
                           SL_STR_ARG(name));
        decoder->rescued_field = (int)i;
    }
    return SL_OK;
}

/* ExprUtils.verifyColumnNameOfCorruptRecord. */
static enum sl_code find_corrupt(struct sl_json_decoder *decoder, struct sl_err *err) {
    const struct sl_type *schema = decoder->schema;
    struct sl_str name = decoder->options->column_name_of_corrupt_record;
    decoder->corrupt_field = -1;
    if (schema->kind != SL_STRUCT_KIND) return SL_OK;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        if (!sl_str_eq(schema->fields[i].name, name)) continue;
        if (schema->fields[i].type->kind != SL_STRING_KIND)
            return sl_fail_at(err, (struct sl_span){0, 0}, "INVALID_CORRUPT_RECORD_TYPE", "42804",
                              "the column `%.*s` for corrupt records must be a nullable STRING",
                              SL_STR_ARG(name));
        decoder->corrupt_field = (int)i;
    }
    return SL_OK;
}

enum sl_code sl_json_plan(struct sl_json_decoder *decoder, struct sl_err *err) {
    const struct sl_type *schema = decoder->schema;
    if (!sl_type_is_nested(schema))
        return sl_fail_at(err, (struct sl_span){0, 0}, "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA",
                          "42K09", "a JSON schema must be a STRUCT, ARRAY or MAP");
    SL_TRY(find_corrupt(decoder, err));
    SL_TRY(find_rescued(decoder, err));
    const int skip[2] = {decoder->corrupt_field, decoder->rescued_field};
    SL_TRY(plan_node(&decoder->arena, schema, &decoder->root, skip, err));
    if (decoder->rescued_field >= 0) sl_json_know_own(decoder);
    return SL_OK;
}
