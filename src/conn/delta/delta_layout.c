#include "conn/delta/delta_layout.h"

#include "base/clock.h"
#include "base/hash.h"
#include "conn/delta/delta_merge.h"
#include "conn/writing.h"
#include "lake/delta/delta_error.h"

/* ---- an existing table ---- */

/* Where the table forbids nulls below the top level, the query must have none by its type. */
static bool nulls_fit(const struct sl_type *query, const struct sl_type *table) {
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct sl_field *field = &table->fields[i];
        int at = table->kind == SL_STRUCT_KIND ? sl_type_find_field(query, field->name) : (int)i;
        if (!field->nullable && (at < 0 || query->fields[at].nullable)) return false;
        if (at >= 0 && !nulls_fit(query->fields[at].type, field->type)) return false;
    }
    return true;
}

static void put_part(struct sl_buf *out, const char *separator) {
    if (out->len) sl_buf_put_cstr(out, separator);
}

static void match_columns(struct sl_arena *arena, const struct sl_type *query, bool merges,
                          const struct sl_delta_layout *layout, struct sl_buf *wrong) {
    const struct sl_type *table = layout->schema;
    bool *used = SL_NEW_ARRAY(arena, bool, query->field_count + 1);
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct sl_field *field = &table->fields[i];
        int at = sl_type_find_field(query, field->name);
        layout->query_columns[i] = at < 0 ? -1 : at;
        if (at < 0) continue;
        used[at] = true;
        if (merges ? sl_delta_type_holds(field->type, query->fields[at].type)
                   : sl_type_equal(query->fields[at].type, field->type))
            continue;
        put_part(wrong, "; ");
        sl_buf_printf(wrong, "column `%.*s` is %s in the query, %s in the table",
                      SL_STR_ARG(field->name), sl_type_sql(arena, query->fields[at].type),
                      sl_type_sql(arena, field->type));
    }
    for (uint32_t i = 0; i < query->field_count; i++) {
        if (used[i]) continue;
        put_part(wrong, "; ");
        sl_buf_printf(wrong, "column `%.*s` (%s) is not in the table",
                      SL_STR_ARG(query->fields[i].name), sl_type_sql(arena, query->fields[i].type));
    }
}

static enum sl_code check_columns(struct sl_arena *arena, const char *table,
                                  const struct sl_type *query, bool merges,
                                  const struct sl_delta_layout *layout, struct sl_err *err) {
    struct sl_buf wrong = {0};
    match_columns(arena, query, merges, layout, &wrong);
    if (wrong.len) {
        sl_delta_fail(err, SL_USER, "DELTA_METADATA_MISMATCH", "42KDG",
                      "A schema mismatch detected when writing to the Delta table `%s`: %s", table,
                      sl_buf_cstr(&wrong));
        sl_hint(err, "select the table's columns with its types, or change the table first; "
                     "'mergeSchema' = 'true' adds columns");
    }
    bool differs = wrong.len > 0;
    sl_buf_release(&wrong);
    return differs ? SL_USER : SL_OK;
}

static enum sl_code check_nulls(const char *table, const struct sl_type *query,
                                const struct sl_delta_layout *layout, struct sl_err *err) {
    for (uint32_t i = 0; i < layout->schema->field_count; i++) {
        const struct sl_field *field = &layout->schema->fields[i];
        int32_t at = layout->query_columns[i];
        if (!field->nullable && at < 0)
            return sl_delta_fail(
                err, SL_USER, "DELTA_MISSING_NOT_NULL_COLUMN_VALUE", "23502",
                "the column `%.*s` of the Delta table `%s` is NOT NULL, and the query has none",
                SL_STR_ARG(field->name), table);
        if (at >= 0 && !nulls_fit(query->fields[at].type, field->type))
            return sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_NESTED_NOT_NULL_CONSTRAINT", "0AKDC",
                                 "the column `%.*s` of the Delta table `%s` is NOT NULL inside, "
                                 "which is not checked when writing",
                                 SL_STR_ARG(field->name), table);
    }
    return SL_OK;
}

static void put_names(struct sl_buf *out, const struct sl_str *names, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(out, "%s`%.*s`", i ? ", " : "", SL_STR_ARG(names[i]));
    if (count == 0) sl_buf_put_cstr(out, "none");
}

static enum sl_code other_partitions(const char *table, const struct sl_str *wanted,
                                     uint32_t wanted_count,
                                     const struct sl_delta_metadata *metadata, struct sl_err *err) {
    struct sl_buf ours = {0}, theirs = {0};
    put_names(&ours, wanted, wanted_count);
    put_names(&theirs, metadata->partition_columns, metadata->partition_count);
    sl_delta_fail(err, SL_USER, "DELTA_METADATA_MISMATCH", "42KDG",
                  "A schema mismatch detected when writing to the Delta table `%s`: PARTITIONED BY "
                  "names %s, the table is partitioned by %s",
                  table, sl_buf_cstr(&ours), sl_buf_cstr(&theirs));
    sl_hint(err, "leave PARTITIONED BY out, or name the table's partition columns in their order");
    sl_buf_release(&ours);
    sl_buf_release(&theirs);
    return SL_USER;
}

/* No PARTITIONED BY means: as the table is. */
static enum sl_code check_partitions(struct sl_arena *arena, const char *table,
                                     const struct sl_sink_config *config,
                                     const struct sl_delta_metadata *metadata, struct sl_err *err) {
    uint32_t count = config->partition_count;
    struct sl_str *wanted = SL_NEW_ARRAY(arena, struct sl_str, count + 1);
    if (count == 0) return SL_OK;
    bool same = count == metadata->partition_count;
    for (uint32_t i = 0; i < count; i++) {
        wanted[i] = config->schema->fields[config->partition_columns[i]].name;
        same = same && sl_str_eq_nocase(wanted[i], metadata->partition_columns[i]);
    }
    return same ? SL_OK : other_partitions(table, wanted, count, metadata, err);
}

static enum sl_code find_partitions(struct sl_arena *arena, const char *table,
                                    const struct sl_delta_metadata *metadata,
                                    struct sl_delta_layout *out, struct sl_err *err) {
    out->partition_count = metadata->partition_count;
    out->partition_columns = SL_NEW_ARRAY(arena, uint32_t, metadata->partition_count + 1);
    for (uint32_t i = 0; i < metadata->partition_count; i++) {
        int at = sl_type_find_field(out->schema, metadata->partition_columns[i]);
        if (at < 0)
            return sl_delta_fail(err, SL_DATA, "DELTA_PARTITION_COLUMN_NOT_FOUND", "42703",
                                 "the Delta table `%s` is partitioned by `%.*s`, which is none of "
                                 "its columns",
                                 table, SL_STR_ARG(metadata->partition_columns[i]));
        out->partition_columns[i] = (uint32_t)at;
    }
    return SL_OK;
}

enum sl_code sl_delta_layout_make(struct sl_arena *arena, const char *table,
                                  const struct sl_sink_config *config,
                                  const struct sl_delta_metadata *metadata, bool merges,
                                  struct sl_delta_layout *out, struct sl_err *err) {
    *out = (struct sl_delta_layout){.schema = metadata->schema};
    out->query_columns = SL_NEW_ARRAY(arena, int32_t, metadata->schema->field_count + 1);
    SL_TRY(check_columns(arena, table, config->schema, merges, out, err));
    SL_TRY(check_nulls(table, config->schema, out, err));
    SL_TRY(check_partitions(arena, table, config, metadata, err));
    return find_partitions(arena, table, metadata, out, err);
}

bool sl_delta_layout_serves(const struct sl_delta_layout *layout,
                            const struct sl_delta_metadata *metadata) {
    const struct sl_type *before = layout->schema, *after = metadata->schema;
    bool serves = layout->partition_count == metadata->partition_count;
    for (uint32_t i = 0; i < layout->partition_count && serves; i++)
        serves = sl_str_eq(before->fields[layout->partition_columns[i]].name,
                           metadata->partition_columns[i]);
    for (uint32_t i = 0; i < before->field_count && serves; i++) {
        const struct sl_field *field = &before->fields[i];
        int at = sl_type_find_field(after, field->name);
        serves = at >= 0 && sl_str_eq(after->fields[at].name, field->name) &&
                 sl_type_equal(after->fields[at].type, field->type) &&
                 (after->fields[at].nullable || !field->nullable) &&
                 nulls_fit(field->type, after->fields[at].type);
    }
    for (uint32_t i = 0; i < after->field_count && serves; i++)
        serves =
            after->fields[i].nullable || sl_type_find_field(before, after->fields[i].name) >= 0;
    return serves;
}

/* ---- a new table ---- */

const struct sl_type *sl_delta_type_nullable(struct sl_arena *arena, const struct sl_type *type) {
    if (!sl_type_is_nested(type)) return type;
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count);
    for (uint32_t i = 0; i < type->field_count; i++) {
        fields[i] = type->fields[i];
        fields[i].type = sl_delta_type_nullable(arena, type->fields[i].type);
        fields[i].nullable = true;
    }
    if (type->kind == SL_ARRAY_KIND) return sl_type_array(arena, fields[0].type, true);
    if (type->kind == SL_MAP_KIND) return sl_type_map(arena, fields[0].type, fields[1].type, true);
    return sl_type_struct(arena, fields, type->field_count);
}

static enum sl_code check_name(struct sl_str name, struct sl_err *err) {
    static const char refused[] = " ,;{}()\n\t=";
    for (size_t i = 0; i < name.len; i++) {
        if (!memchr(refused, name.ptr[i], sizeof refused - 1)) continue;
        sl_delta_fail(err, SL_USER, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "42K05",
                      "the column name `%.*s` has a character of ` ,;{}()\\n\\t=`, which a Delta "
                      "table's names cannot have",
                      SL_STR_ARG(name));
        return sl_hint(err, "give the column another name with AS"), SL_USER;
    }
    return SL_OK;
}

static enum sl_code check_type(struct sl_str column, const struct sl_type *type,
                               struct sl_err *err) {
    if (type->kind == SL_NULL_KIND || sl_type_is_interval(type)) {
        struct sl_buf text = {0};
        sl_type_put_sql(&text, type);
        sl_delta_fail(err, SL_USER, "DELTA_UNSUPPORTED_DATA_TYPES", "0AKDC",
                      "column `%.*s` has the type %s, which a Delta table cannot hold",
                      SL_STR_ARG(column), sl_buf_cstr(&text));
        sl_buf_release(&text);
        return sl_hint(err, "give it another type with CAST"), SL_USER;
    }
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (type->kind == SL_STRUCT_KIND) SL_TRY(check_name(type->fields[i].name, err));
        SL_TRY(check_type(column, type->fields[i].type, err));
    }
    return SL_OK;
}

enum sl_code sl_delta_layout_check_field(const struct sl_field *field, struct sl_err *err) {
    SL_TRY(check_name(field->name, err));
    return check_type(field->name, field->type, err);
}

static enum sl_code check_new_columns(const struct sl_sink_config *config, struct sl_err *err) {
    const struct sl_type *schema = config->schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        struct sl_str name = schema->fields[i].name;
        SL_TRY(sl_delta_layout_check_field(&schema->fields[i], err));
        for (uint32_t j = 0; j < i; j++)
            if (sl_str_eq_nocase(name, schema->fields[j].name))
                return sl_delta_fail(err, SL_USER, "COLUMN_ALREADY_EXISTS", "42711",
                                     "the column `%.*s` already exists", SL_STR_ARG(name));
    }
    return sl_writing_check_partitions(config, err);
}

static struct sl_str new_uuid(struct sl_arena *arena) {
    uint64_t high, low;
    char *uuid = sl_arena_alloc(arena, 36);
    sl_random_system(&high, &low);
    sl_uuid_format(uuid, high, low);
    return (struct sl_str){uuid, 36};
}

enum sl_code sl_delta_layout_new_table(struct sl_arena *arena, const struct sl_sink_config *config,
                                       const struct sl_delta_map *configuration,
                                       struct sl_delta_metadata *out, struct sl_err *err) {
    struct sl_buf text = {0};
    SL_TRY(check_new_columns(config, err));
    const struct sl_type *schema = sl_delta_type_nullable(arena, config->schema);
    for (uint32_t i = 0; config->not_null && i < schema->field_count; i++)
        schema->fields[i].nullable = !config->not_null[i];
    *out = (struct sl_delta_metadata){.id = new_uuid(arena),
                                      .schema = schema,
                                      .configuration = *configuration,
                                      .partition_count = config->partition_count,
                                      .created_ms = sl_clock_wall_us() / 1000};
    sl_type_put_json(&text, out->schema);
    out->schema_text = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    out->partition_columns = SL_NEW_ARRAY(arena, struct sl_str, config->partition_count + 1);
    for (uint32_t i = 0; i < config->partition_count; i++)
        out->partition_columns[i] = config->schema->fields[config->partition_columns[i]].name;
    return SL_OK;
}
