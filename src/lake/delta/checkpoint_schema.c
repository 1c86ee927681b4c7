/* The schema of a classic checkpoint, as Spark 4.1 with delta-spark 4.2 writes it: column order and
 * the order of members are kept, since readers have broken on others (Trino #18760). */
#include "base/json.h"
#include "lake/delta/checkpoint_int.h"
#include "lake/delta/stats_int.h"

enum { MEMBERS_MAX = 16 };

/* A struct type under construction. */
struct members {
    struct sl_arena *arena;
    struct sl_field *fields;
    uint32_t count;
};

static struct members members_new(struct sl_arena *arena, uint32_t cap) {
    return (struct members){arena, SL_NEW_ARRAY(arena, struct sl_field, cap + 1), 0};
}

static void add(struct members *members, struct sl_str name, const struct sl_type *type) {
    if (!type) return;
    members->fields[members->count++] =
        (struct sl_field){.name = name, .type = type, .nullable = true};
}
#define ADD(members, name, type) add(members, SL_STR(name), type)

static const struct sl_type *finish(struct members *members) {
    if (members->count == 0) return NULL; /* Parquet has no empty groups */
    return sl_type_struct(members->arena, members->fields, members->count);
}

static const struct sl_type *string_map(struct sl_arena *arena) {
    return sl_type_map(arena, &sl_type_string, &sl_type_string, true);
}

static const struct sl_type *string_list(struct sl_arena *arena) {
    return sl_type_array(arena, &sl_type_string, true);
}

static const struct sl_type *txn_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "appId", &sl_type_string);
    ADD(&m, "version", &sl_type_long);
    ADD(&m, "lastUpdated", &sl_type_long);
    return finish(&m);
}

static const struct sl_type *vector_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "storageType", &sl_type_string);
    ADD(&m, "pathOrInlineDv", &sl_type_string);
    ADD(&m, "offset", &sl_type_int);
    ADD(&m, "sizeInBytes", &sl_type_int);
    ADD(&m, "cardinality", &sl_type_long);
    ADD(&m, "maxRowIndex", &sl_type_long);
    return finish(&m);
}

static const struct sl_type *add_type(struct sl_arena *arena,
                                      const struct sl_checkpoint_shape *shape) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "path", &sl_type_string);
    ADD(&m, "partitionValues", string_map(arena));
    ADD(&m, "size", &sl_type_long);
    ADD(&m, "modificationTime", &sl_type_long);
    ADD(&m, "dataChange", &sl_type_bool);
    ADD(&m, "tags", string_map(arena));
    ADD(&m, "deletionVector", vector_type(arena));
    ADD(&m, "baseRowId", &sl_type_long);
    ADD(&m, "defaultRowCommitVersion", &sl_type_long);
    ADD(&m, "clusteringProvider", &sl_type_string);
    if (shape->has_stats) ADD(&m, "stats", &sl_type_string);
    ADD(&m, "partitionValues_parsed", shape->partition_type);
    ADD(&m, "stats_parsed", shape->stats_type);
    return finish(&m);
}

static const struct sl_type *remove_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "path", &sl_type_string);
    ADD(&m, "deletionTimestamp", &sl_type_long);
    ADD(&m, "dataChange", &sl_type_bool);
    ADD(&m, "extendedFileMetadata", &sl_type_bool);
    ADD(&m, "partitionValues", string_map(arena));
    ADD(&m, "size", &sl_type_long);
    ADD(&m, "deletionVector", vector_type(arena));
    ADD(&m, "baseRowId", &sl_type_long);
    ADD(&m, "defaultRowCommitVersion", &sl_type_long);
    return finish(&m);
}

static const struct sl_type *metadata_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX), format = members_new(arena, MEMBERS_MAX);
    ADD(&format, "provider", &sl_type_string);
    ADD(&format, "options", string_map(arena));
    ADD(&m, "id", &sl_type_string);
    ADD(&m, "name", &sl_type_string);
    ADD(&m, "description", &sl_type_string);
    ADD(&m, "format", finish(&format));
    ADD(&m, "schemaString", &sl_type_string);
    ADD(&m, "partitionColumns", string_list(arena));
    ADD(&m, "configuration", string_map(arena));
    ADD(&m, "createdTime", &sl_type_long);
    return finish(&m);
}

static const struct sl_type *protocol_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "minReaderVersion", &sl_type_int);
    ADD(&m, "minWriterVersion", &sl_type_int);
    ADD(&m, "readerFeatures", string_list(arena));
    ADD(&m, "writerFeatures", string_list(arena));
    return finish(&m);
}

static const struct sl_type *domain_type(struct sl_arena *arena) {
    struct members m = members_new(arena, MEMBERS_MAX);
    ADD(&m, "domain", &sl_type_string);
    ADD(&m, "configuration", &sl_type_string);
    ADD(&m, "removed", &sl_type_bool);
    return finish(&m);
}

/* ---- what follows the table's own schema ---- */

/* The name in data files and in the log. */
static struct sl_str physical_name(struct sl_arena *arena, const struct sl_field *field,
                                   bool column_mapping) {
    struct sl_json json;
    struct sl_str name;
    if (!column_mapping || field->metadata.len == 0) return field->name;
    if (sl_json_parse(arena, field->metadata, &json, NULL) != SL_OK) return field->name;
    bool has = sl_json_str(sl_json_get(&json, SL_STR("delta.columnMapping.physicalName")), &name);
    return has ? name : field->name;
}

static bool is_partition(const struct sl_delta_metadata *metadata, struct sl_str name) {
    for (uint32_t i = 0; i < metadata->partition_count; i++)
        if (sl_str_eq(metadata->partition_columns[i], name)) return true;
    return false;
}

static const struct sl_type *partition_type(struct sl_arena *arena,
                                            const struct sl_delta_metadata *metadata,
                                            const struct sl_checkpoint_options *options) {
    struct members m = members_new(arena, metadata->partition_count);
    for (uint32_t i = 0; i < metadata->partition_count; i++) {
        int at = sl_type_find_field(metadata->schema, metadata->partition_columns[i]);
        if (at < 0) continue;
        const struct sl_field *field = &metadata->schema->fields[at];
        add(&m, physical_name(arena, field, options->column_mapping), field->type);
    }
    return finish(&m);
}

/* minValues (maxValues is the same) or nullCount of the first `*leaves` leaves. */
static const struct sl_type *bounds_type(struct sl_arena *arena, const struct sl_type *schema,
                                         const struct sl_checkpoint_options *options,
                                         bool null_counts, int64_t *leaves) {
    struct members m = members_new(arena, schema->field_count);
    for (uint32_t i = 0; i<schema->field_count && * leaves> 0; i++) {
        const struct sl_field *field = &schema->fields[i];
        const struct sl_type *type = NULL;
        if (field->type->kind == SL_STRUCT_KIND) {
            type = bounds_type(arena, field->type, options, null_counts, leaves);
        } else {
            (*leaves)--;
            if (null_counts)
                type = &sl_type_long;
            else if (sl_delta_stats_has_bounds(field->type))
                type = field->type;
        }
        add(&m, physical_name(arena, field, options->column_mapping), type);
    }
    return finish(&m);
}

static const struct sl_type *stats_type(struct sl_arena *arena,
                                        const struct sl_delta_metadata *metadata,
                                        const struct sl_checkpoint_options *options) {
    struct members data = members_new(arena, metadata->schema->field_count);
    struct members m = members_new(arena, MEMBERS_MAX);
    for (uint32_t i = 0; i < metadata->schema->field_count; i++)
        if (!is_partition(metadata, metadata->schema->fields[i].name))
            data.fields[data.count++] = metadata->schema->fields[i];
    ADD(&m, "numRecords", &sl_type_long);
    if (data.count > 0) {
        const struct sl_type *schema = finish(&data);
        int64_t bounds_left = options->indexed_columns, nulls_left = options->indexed_columns;
        const struct sl_type *bounds = bounds_type(arena, schema, options, false, &bounds_left);
        ADD(&m, "minValues", bounds);
        ADD(&m, "maxValues", bounds);
        ADD(&m, "nullCount", bounds_type(arena, schema, options, true, &nulls_left));
    }
    if (options->deletion_vectors) ADD(&m, "tightBounds", &sl_type_bool);
    return finish(&m);
}

const struct sl_type *sl_checkpoint_schema(struct sl_arena *arena,
                                           const struct sl_delta_metadata *metadata,
                                           const struct sl_checkpoint_options *options,
                                           struct sl_checkpoint_shape *shape) {
    struct members m = members_new(arena, SL_CHECKPOINT_COLUMNS);
    *shape = (struct sl_checkpoint_shape){.has_stats = options->stats_text};
    if (options->stats_parsed) {
        shape->partition_type = partition_type(arena, metadata, options);
        shape->stats_type = stats_type(arena, metadata, options);
    }
    ADD(&m, "txn", txn_type(arena));
    ADD(&m, "add", add_type(arena, shape));
    ADD(&m, "remove", remove_type(arena));
    ADD(&m, "metaData", metadata_type(arena));
    ADD(&m, "protocol", protocol_type(arena));
    ADD(&m, "domainMetadata", domain_type(arena));
    return finish(&m);
}
