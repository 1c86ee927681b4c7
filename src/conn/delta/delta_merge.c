#include "conn/delta/delta_merge.h"

#include "conn/delta/delta_layout.h"
#include "lake/delta/delta_error.h"

/* ---- types ---- */

bool sl_delta_type_holds(const struct sl_type *table, const struct sl_type *query) {
    if (table->kind != query->kind || !sl_type_is_nested(table)) return sl_type_equal(table, query);
    for (uint32_t i = 0; i < query->field_count; i++) {
        int at = table->kind == SL_STRUCT_KIND ? sl_type_find_field(table, query->fields[i].name)
                                               : (int)i;
        if (at < 0 || !sl_delta_type_holds(table->fields[at].type, query->fields[i].type))
            return false;
    }
    return true;
}

struct merge {
    struct sl_arena *arena;
    struct sl_str path; /* of the field at hand */
    bool changed;
    struct sl_err *err;
    const char *table;
};

static enum sl_code merge_types(struct merge *merge, const struct sl_type *table,
                                const struct sl_type *query, const struct sl_type **out);

static enum sl_code refuse(struct merge *merge, const struct sl_type *table,
                           const struct sl_type *query) {
    sl_delta_fail(merge->err, SL_USER, "DELTA_FAILED_TO_MERGE_FIELDS", "22005",
                  "the column `%.*s` of the Delta table `%s` is %s, and %s in the query: a schema "
                  "merge adds columns, it changes none",
                  SL_STR_ARG(merge->path), merge->table, sl_type_sql(merge->arena, table),
                  sl_type_sql(merge->arena, query));
    sl_hint(merge->err, "give it the table's type with CAST, or another name with AS");
    return SL_USER;
}

static enum sl_code merge_field(struct merge *merge, struct sl_field *field,
                                const struct sl_field *query) {
    struct sl_str above = merge->path;
    merge->path = above.len ? sl_arena_printf(merge->arena, "%.*s.%.*s", SL_STR_ARG(above),
                                              SL_STR_ARG(field->name))
                            : field->name;
    SL_TRY(merge_types(merge, field->type, query->type, &field->type));
    merge->path = above;
    return SL_OK;
}

static enum sl_code add_field(struct merge *merge, struct sl_field *field,
                              const struct sl_field *query) {
    *field = *query;
    field->nullable = true;
    field->type = sl_delta_type_nullable(merge->arena, query->type);
    merge->changed = true;
    return sl_delta_layout_check_field(field, merge->err);
}

static enum sl_code merge_structs(struct merge *merge, const struct sl_type *table,
                                  const struct sl_type *query, const struct sl_type **out) {
    uint32_t count = table->field_count;
    struct sl_field *fields =
        SL_NEW_ARRAY(merge->arena, struct sl_field, count + query->field_count + 1);
    for (uint32_t i = 0; i < count; i++) fields[i] = table->fields[i];
    for (uint32_t i = 0; i < query->field_count; i++) {
        int at = sl_type_find_field(table, query->fields[i].name);
        SL_TRY(at >= 0 ? merge_field(merge, &fields[at], &query->fields[i])
                       : add_field(merge, &fields[count++], &query->fields[i]));
    }
    *out = sl_type_struct(merge->arena, fields, count);
    return SL_OK;
}

static enum sl_code merge_types(struct merge *merge, const struct sl_type *table,
                                const struct sl_type *query, const struct sl_type **out) {
    *out = table;
    if (sl_delta_type_holds(table, query)) return SL_OK;
    if (table->kind != query->kind || !sl_type_is_nested(table)) return refuse(merge, table, query);
    if (table->kind == SL_STRUCT_KIND) return merge_structs(merge, table, query, out);
    struct sl_field fields[2];
    for (uint32_t i = 0; i < table->field_count; i++) {
        fields[i] = table->fields[i];
        SL_TRY(merge_field(merge, &fields[i], &query->fields[i]));
    }
    *out = table->kind == SL_ARRAY_KIND
               ? sl_type_array(merge->arena, fields[0].type, fields[0].nullable)
               : sl_type_map(merge->arena, fields[0].type, fields[1].type, fields[1].nullable);
    return SL_OK;
}

enum sl_code sl_delta_merge(struct sl_arena *arena, const char *table, const struct sl_type *query,
                            const struct sl_delta_metadata *metadata, struct sl_delta_metadata *out,
                            bool *changed, struct sl_err *err) {
    struct merge merge = {.arena = arena, .table = table, .err = err};
    struct sl_buf text = {0};
    *out = *metadata;
    *changed = false;
    SL_TRY(merge_types(&merge, metadata->schema, query, &out->schema));
    if (!merge.changed) return SL_OK;
    *changed = true;
    sl_type_put_json(&text, out->schema);
    out->schema_text = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return SL_OK;
}

/* ---- values ---- */

static enum sl_code fit_children(struct sl_vec *out, const struct sl_type *table,
                                 const struct sl_vec *from, struct sl_err *err) {
    bool is_struct = table->kind == SL_STRUCT_KIND;
    for (uint32_t i = 0; i < table->field_count; i++) {
        const struct sl_field *field = &table->fields[i];
        struct sl_vec *to = &out->children[i];
        int at = is_struct ? sl_type_find_field(from->type, field->name) : (int)i;
        if (at >= 0) {
            SL_TRY(sl_delta_vec_fit(to, field->type, &from->children[at], err));
            continue;
        }
        sl_vec_clear(to);
        SL_TRY(sl_vec_append_null(to, from->enc == SL_ENC_CONST ? 1 : from->rows, err));
        to->enc = from->enc;
        to->rows = from->rows;
    }
    return SL_OK;
}

enum sl_code sl_delta_vec_fit(struct sl_vec *out, const struct sl_type *table,
                              const struct sl_vec *from, struct sl_err *err) {
    if (!sl_type_is_nested(table) || sl_type_equal(table, from->type)) {
        sl_vec_borrow(out, from);
        return SL_OK;
    }
    sl_vec_clear(out);
    out->type = table;
    out->enc = from->enc;
    out->rows = from->rows;
    out->valid = from->valid;
    out->offsets = from->offsets;
    return fit_children(out, table, from, err);
}
