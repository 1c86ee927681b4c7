#include "conn/delta/delta_demand.h"

#include "base/json.h"
#include "lake/delta/delta_error.h"

struct walk {
    struct sl_arena *arena;
    const struct sl_type *query;
    struct sl_delta_demands *out;
    uint32_t cap;
    struct sl_buf path;    /* of the field at hand, quoted */
    struct sl_buf refused; /* what has no text */
};

static void add(struct walk *walk, struct sl_str name, struct sl_str text) {
    if (walk->out->count == walk->cap) {
        uint32_t cap = walk->cap ? walk->cap * 2 : 8;
        walk->out->items =
            sl_arena_grow(walk->arena, walk->out->items, walk->cap * sizeof *walk->out->items,
                          cap * sizeof *walk->out->items);
        walk->cap = cap;
    }
    walk->out->items[walk->out->count++] = (struct sl_sink_constraint){
        sl_arena_str(walk->arena, name), sl_arena_str(walk->arena, text)};
}

static void refuse(struct walk *walk, const char *what, struct sl_str column) {
    if (walk->refused.len) sl_buf_put_cstr(&walk->refused, ", ");
    sl_buf_printf(&walk->refused, "%s `%.*s`", what, SL_STR_ARG(column));
}

/* ---- a column's own ---- */

/* The text at $.expression.expression of a JSON text in the field's metadata. */
static bool read_invariant(struct sl_arena *arena, const struct sl_json *metadata,
                           struct sl_str *out) {
    struct sl_json invariant;
    struct sl_str text;
    if (!sl_json_str(sl_json_get(metadata, SL_STR("delta.invariants")), &text) ||
        sl_json_parse(arena, text, &invariant, NULL) != SL_OK)
        return false;
    const struct sl_json *outer = sl_json_get(&invariant, SL_STR("expression"));
    return outer && sl_json_str(sl_json_get(outer, SL_STR("expression")), out);
}

static void demand_invariant(struct walk *walk, const struct sl_field *field,
                             const struct sl_json *metadata, bool inside) {
    struct sl_str text;
    if (!sl_json_get(metadata, SL_STR("delta.invariants"))) return;
    if (inside || !read_invariant(walk->arena, metadata, &text))
        refuse(walk, "the invariant of column", field->name);
    else
        add(walk, field->name, text);
}

/* "varchar(5)"; Spark pads a CHAR when it reads it. */
static void demand_length(struct walk *walk, const struct sl_field *field,
                          const struct sl_json *metadata, bool inside) {
    struct sl_str type;
    int64_t length;
    if (!sl_json_str(sl_json_get(metadata, SL_STR("__CHAR_VARCHAR_TYPE_STRING")), &type)) return;
    size_t open = sl_str_find(type, SL_STR("("), 0);
    if (inside || field->type->kind != SL_STRING_KIND || open >= type.len ||
        !sl_str_to_i64(sl_str_sub(type, open + 1, type.len - 1), &length)) {
        refuse(walk, "the length of column", field->name);
        return;
    }
    struct sl_str path = sl_buf_str(&walk->path);
    add(walk, sl_arena_printf(walk->arena, "%.*s %.*s", SL_STR_ARG(field->name), SL_STR_ARG(type)),
        sl_arena_printf(walk->arena, "%.*s IS NULL OR char_length(%.*s) <= %lld", SL_STR_ARG(path),
                        SL_STR_ARG(path), (long long)length));
}

static void put_name(struct sl_buf *path, struct sl_str name) {
    if (path->len) sl_buf_put_byte(path, '.');
    sl_buf_put_byte(path, '`');
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') sl_buf_put_byte(path, '`');
        sl_buf_put_byte(path, name.ptr[i]);
    }
    sl_buf_put_byte(path, '`');
}

/* inside: an array or a map stands above, so that there is no text for one value. Types are at most
 * 100 deep: col/ddl_json.c. */
static void walk_fields(struct walk *walk, const struct sl_type *type, bool inside) {
    size_t len = walk->path.len;
    bool is_list = type->kind == SL_ARRAY_KIND || type->kind == SL_MAP_KIND;
    for (uint32_t i = 0; i < type->field_count; i++) {
        const struct sl_field *field = &type->fields[i];
        struct sl_json metadata;
        put_name(&walk->path, field->name);
        if (field->metadata.len &&
            sl_json_parse(walk->arena, field->metadata, &metadata, NULL) == SL_OK) {
            demand_invariant(walk, field, &metadata, inside || is_list);
            demand_length(walk, field, &metadata, inside || is_list);
        }
        walk_fields(walk, field->type, inside || is_list);
        walk->path.len = len;
    }
}

/* Top-level columns that the query could fill with a null. One that it lacks is refused at once. */
static void demand_not_null(struct walk *walk, const struct sl_type *schema) {
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct sl_field *field = &schema->fields[i];
        int at = sl_type_find_field(walk->query, field->name);
        if (field->nullable || at < 0 || !walk->query->fields[at].nullable) continue;
        put_name(&walk->path, field->name);
        struct sl_str path = sl_buf_str(&walk->path);
        add(walk, sl_arena_printf(walk->arena, "NOT NULL %.*s", SL_STR_ARG(field->name)),
            sl_arena_printf(walk->arena, "%.*s IS NOT NULL", SL_STR_ARG(path)));
        sl_buf_clear(&walk->path);
    }
    walk->out->not_null_count = walk->out->count;
}

/* ---- the table's ---- */

static void demand_checks(struct walk *walk, const struct sl_delta_map *configuration) {
    const struct sl_str prefix = SL_STR("delta.constraints.");
    for (uint32_t i = 0; i < configuration->count; i++) {
        const struct sl_delta_pair *pair = &configuration->items[i];
        if (!sl_str_starts(pair->name, prefix)) continue;
        struct sl_str name = sl_str_sub(pair->name, prefix.len, pair->name.len);
        if (pair->value.ptr)
            add(walk, name, pair->value);
        else
            refuse(walk, "the constraint without a text", name);
    }
}

static enum sl_code fail_unsupported(const char *table, const char *what, struct sl_err *err) {
    sl_delta_fail(err, SL_UNSUPPORTED, "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE", "56038",
                  "the Delta table `%s` has what is not checked when writing: %s", table, what);
    sl_hint(err, "write to a table without it, or drop it there");
    return SL_UNSUPPORTED;
}

enum sl_code sl_delta_demands_of(struct sl_arena *arena, const char *table,
                                 const struct sl_delta_metadata *metadata,
                                 const struct sl_type *query, struct sl_delta_demands *out,
                                 struct sl_err *err) {
    struct walk walk = {.arena = arena, .query = query, .out = out};
    enum sl_code code = SL_OK;
    *out = (struct sl_delta_demands){0};
    demand_not_null(&walk, metadata->schema);
    walk_fields(&walk, metadata->schema, false);
    demand_checks(&walk, &metadata->configuration);
    if (walk.refused.len) code = fail_unsupported(table, sl_buf_cstr(&walk.refused), err);
    sl_buf_release(&walk.refused);
    sl_buf_release(&walk.path);
    return code;
}

/* ---- what was told ---- */

static bool is_told(const struct sl_delta_demands *told, const struct sl_sink_constraint *demand) {
    for (uint32_t i = 0; told && i < told->count; i++)
        if (sl_str_eq(told->items[i].name, demand->name) &&
            sl_str_eq(told->items[i].text, demand->text))
            return true;
    return false;
}

enum sl_code sl_delta_demands_check(const char *table, const struct sl_delta_demands *told,
                                    const struct sl_delta_demands *now, struct sl_err *err) {
    struct sl_buf untold = {0};
    enum sl_code code = SL_OK;
    for (uint32_t i = now->not_null_count; i < now->count; i++) {
        const struct sl_sink_constraint *demand = &now->items[i];
        if (is_told(told, demand)) continue;
        sl_buf_printf(&untold, "%s`%.*s` CHECK (%.*s)", untold.len ? ", " : "",
                      SL_STR_ARG(demand->name), SL_STR_ARG(demand->text));
    }
    if (untold.len && told) {
        sl_delta_fail(err, SL_CONFLICT, "DELTA_METADATA_CHANGED", "2D521",
                      "the Delta table `%s` got a constraint while the query ran: %s", table,
                      sl_buf_cstr(&untold));
        sl_hint(err, "start the query again: it then checks its rows");
        code = SL_CONFLICT;
    } else if (untold.len) {
        code = fail_unsupported(table, sl_buf_cstr(&untold), err);
    }
    sl_buf_release(&untold);
    return code;
}
