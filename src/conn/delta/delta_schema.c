#include "conn/delta/delta_schema.h"

#include "conn/delta/delta_columns.h"

struct sl_delta_shape sl_delta_shape_of(const struct sl_delta_metadata *metadata) {
    return (struct sl_delta_shape){.table_id = metadata->id,
                                   .schema = metadata->schema,
                                   .partition_columns = metadata->partition_columns,
                                   .partition_count = metadata->partition_count,
                                   .maps_columns = sl_delta_maps_columns(metadata)};
}

enum sl_code sl_delta_shape_copy(struct sl_arena *arena, const struct sl_delta_metadata *metadata,
                                 struct sl_delta_shape *out, struct sl_err *err) {
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, metadata->partition_count + 1);
    *out = sl_delta_shape_of(metadata);
    out->table_id = sl_arena_str(arena, metadata->id);
    for (uint32_t i = 0; i < metadata->partition_count; i++)
        names[i] = sl_arena_str(arena, metadata->partition_columns[i]);
    out->partition_columns = names;
    return sl_type_parse_json(arena, sl_arena_str(arena, metadata->schema_text), &out->schema, err);
}

/* ---- comparing ---- */

struct comparison {
    struct sl_arena arena;
    bool maps_columns;
    struct sl_buf *why;
};

static bool reads_type(struct comparison *c, struct sl_str name, const struct sl_type *read,
                       const struct sl_type *data);

static bool differs(struct comparison *c, struct sl_str name, const char *what) {
    sl_buf_printf(c->why, "column `%.*s` %s", SL_STR_ARG(name), what);
    return false;
}

static bool reads_field(struct comparison *c, const struct sl_field *read,
                        const struct sl_field *data) {
    if (!sl_str_eq(read->name, data->name)) return differs(c, data->name, "has its case changed");
    if (c->maps_columns && !sl_str_eq(sl_delta_physical_name(&c->arena, read),
                                      sl_delta_physical_name(&c->arena, data)))
        return differs(c, data->name, "is another one of the same name");
    if (data->nullable && !read->nullable)
        return differs(c, data->name, "is NOT NULL in one of them only");
    return reads_type(c, data->name, read->type, data->type);
}

static bool reads_struct(struct comparison *c, const struct sl_type *read,
                         const struct sl_type *data) {
    for (uint32_t i = 0; i < data->field_count; i++) {
        int at = sl_type_find_field(read, data->fields[i].name);
        if (at < 0) return differs(c, data->fields[i].name, "is in one of them only");
        if (!reads_field(c, &read->fields[at], &data->fields[i])) return false;
    }
    return true;
}

static bool reads_type(struct comparison *c, struct sl_str name, const struct sl_type *read,
                       const struct sl_type *data) {
    if (data->kind == SL_NULL_KIND) return true;
    if (read->kind == data->kind && read->kind == SL_STRUCT_KIND)
        return reads_struct(c, read, data);
    if (read->kind == data->kind && sl_type_is_nested(read)) {
        for (uint32_t i = 0; i < read->field_count; i++)
            if (!reads_field(c, &read->fields[i], &data->fields[i])) return false;
        return true;
    }
    if (sl_type_equal(read, data)) return true;
    sl_buf_printf(c->why, "column `%.*s` is %s in one of them and %s in the other",
                  SL_STR_ARG(name), sl_type_sql(&c->arena, data), sl_type_sql(&c->arena, read));
    return false;
}

static bool same_partitioning(struct comparison *c, const struct sl_delta_shape *read,
                              const struct sl_delta_shape *data) {
    bool same = read->partition_count == data->partition_count;
    for (uint32_t i = 0; i < read->partition_count && same; i++)
        same = sl_str_eq(read->partition_columns[i], data->partition_columns[i]);
    if (!same) sl_buf_put_cstr(c->why, "the partition columns are others");
    return same;
}

bool sl_delta_shape_reads(const struct sl_delta_shape *read, const struct sl_delta_shape *data,
                          struct sl_buf *why) {
    struct comparison c = {.maps_columns = read->maps_columns && data->maps_columns, .why = why};
    sl_arena_init(&c.arena, "Delta schema");
    bool reads = same_partitioning(&c, read, data) && reads_struct(&c, read->schema, data->schema);
    sl_arena_release(&c.arena);
    return reads;
}
