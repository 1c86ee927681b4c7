#include "conn/file_schema.h"

#include "kern/cast.h"
#include "lake/partition.h"

/* ---- the schema ---- */

static int find_partition(const struct sl_listing *listing, struct sl_str name) {
    for (uint32_t p = 0; p < listing->partition_count; p++)
        if (sl_str_eq_nocase(listing->partitions[p].name, name)) return (int)p;
    return -1;
}

/* What files hold may always be missing. */
static const struct sl_type *as_nullable(struct sl_arena *arena, const struct sl_type *type) {
    struct sl_type *copy = SL_NEW(arena, struct sl_type);
    *copy = *type;
    copy->fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        copy->fields[i] = type->fields[i];
        copy->fields[i].type = as_nullable(arena, type->fields[i].type);
        copy->fields[i].nullable = !(type->kind == SL_MAP_KIND && i == 0);
    }
    return copy;
}

static enum sl_code given_schema(struct sl_file_source *source, const struct sl_type **out,
                                 struct sl_err *err) {
    struct sl_arena *query = source->env->query;
    const struct sl_option *exact = sl_options_find(source->options, SL_STR("sluice.schema")),
                           *option = sl_options_find(source->options, SL_STR("schema"));
    *out = NULL;
    if (!exact && (!option || !option->value.len)) return SL_OK;
    enum sl_code code = sl_type_parse_schema(query, exact ? exact->value : option->value, out, err);
    if (code == SL_OK && (*out)->kind != SL_STRUCT_KIND)
        code = sl_fail_at(err, (struct sl_span){0}, "INVALID_SCHEMA.NON_STRUCT_TYPE", "42K07",
                          "the schema of files is a list of columns, not %s",
                          sl_type_sql(query, *out));
    if (code != SL_OK) {
        if (err) err->span = option ? option->span : (struct sl_span){0};
        return sl_context(err, "option schema"), code;
    }
    *out = as_nullable(query, *out);
    return SL_OK;
}

static enum sl_code no_schema(const struct sl_file_source *source, struct sl_err *err) {
    sl_fail_at(err, (struct sl_span){0}, "UNABLE_TO_INFER_SCHEMA", "42KD9",
               "unable to infer schema for %s: there is no file in `%s`", source->format->name,
               source->path);
    return sl_hint(err, "name the columns: %s.`%s` WITH (schema = 'id BIGINT, ..')",
                   source->format->name, source->path),
           SL_USER;
}

/* Source: DataSource.sourceSchema, createStreamingSourceNotSpecifySchemaError. */
static enum sl_code need_schema(const struct sl_file_source *source, struct sl_err *err) {
    const struct sl_conn_env *env = source->env;
    const char *text = sl_conn_setting(env, "spark.sql.streaming.schemaInference");
    bool infer = false;
    if (!source->streaming || !source->format->needs_schema) return SL_OK;
    if (text && sl_str_to_bool(sl_str(text), &infer) && infer) return SL_OK;
    sl_fail_at(err, (struct sl_span){0}, "", "",
               "Schema must be specified when creating a streaming source. If some files already "
               "exist in the directory, a batch query over them shows what their schema would be");
    sl_hint(err, "add schema => 'id BIGINT, ..' (or WITH (schema = '..') behind a path); SET "
                 "spark.sql.streaming.schemaInference = true takes it from the files that are "
                 "there");
    return SL_USER;
}

static enum sl_code infer(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err) {
    SL_TRY(need_schema(source, err));
    SL_TRY(source->format->infer(source, out, err));
    return *out ? SL_OK : no_schema(source, err);
}

/* Where the pipeline knows what the directories' columns are. */
static enum sl_code known_types(const struct sl_file_source *source, const struct sl_type **out,
                                struct sl_err *err) {
    const struct sl_option *option = sl_options_find(source->options, SL_STR("sluice.types"));
    *out = NULL;
    return option ? sl_type_parse_schema(source->env->query, option->value, out, err) : SL_OK;
}

/* Partition columns come last; their type is the one that was asked for, else the values'. */
enum sl_code sl_file_schema_make(struct sl_file_source *source, struct sl_err *err) {
    const struct sl_listing *listing = &source->listing;
    const struct sl_type *given, *files;
    SL_TRY(given_schema(source, &given, err));
    if (given && sl_options_find(source->options, SL_STR("sluice.schema"))) {
        source->schema = given;
        source->data_count = given->field_count;
        return SL_OK;
    }
    const struct sl_type *known;
    SL_TRY(known_types(source, &known, err));
    if (given) known = given;
    files = given;
    if (!files) SL_TRY(infer(source, &files, err));
    struct sl_field *fields = SL_NEW_ARRAY(source->env->query, struct sl_field,
                                           files->field_count + listing->partition_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < files->field_count; i++)
        if (find_partition(listing, files->fields[i].name) < 0) fields[count++] = files->fields[i];
    source->data_count = count;
    for (uint32_t p = 0; p < listing->partition_count; p++) {
        fields[count] = listing->partitions[p];
        int at = known ? sl_type_find_field(known, listing->partitions[p].name) : -1;
        if (at >= 0) fields[count].type = known->fields[at].type;
        if (at >= 0 && given) fields[count].name = given->fields[at].name;
        fields[count++].nullable = true;
    }
    source->schema = sl_type_struct(source->env->query, fields, count);
    return SL_OK;
}

/* ---- the values of one file ---- */

static struct sl_str take_component(struct sl_str *path) {
    while (path->len && path->ptr[0] == '/') *path = sl_str_sub(*path, 1, path->len);
    size_t end = sl_str_find(*path, SL_STR("/"), 0);
    struct sl_str part = sl_str_sub(*path, 0, end == SIZE_MAX ? path->len : end);
    *path = sl_str_sub(*path, part.len, path->len);
    return part;
}

/* Directories below the source's path: it may be a pattern, so parts are counted. */
static struct sl_str below(const struct sl_file_source *source, const char *path) {
    struct sl_str base = sl_str(source->path), rest = sl_str(path);
    while (take_component(&base).len) take_component(&rest);
    return rest;
}

static void set_value(const struct sl_file_source *source, struct sl_arena *epoch,
                      struct sl_str directory, struct sl_str *values, bool *nulls) {
    struct sl_buf name = {0}, value = {0};
    bool is_null;
    if (sl_partition_parse(directory, &name, &value, &is_null)) {
        int at = sl_type_find_field(source->schema, sl_buf_str(&name));
        if (at >= 0) {
            nulls[at] = is_null;
            values[at] = is_null ? (struct sl_str){0} : sl_arena_str(epoch, sl_buf_str(&value));
        }
    }
    sl_buf_release(&name);
    sl_buf_release(&value);
}

static enum sl_code make_constant(const struct sl_file_source *source, struct sl_str name,
                                  struct sl_str value, const char *path, struct sl_vec *out,
                                  struct sl_err *err) {
    struct sl_vec text;
    struct sl_arena scratch;
    const struct sl_vec *args[] = {&text};
    sl_vec_init(&text, &sl_type_string);
    sl_arena_init(&scratch, "partition");
    struct sl_call call = {.args = args,
                           .arg_count = 1,
                           .out = out,
                           .rows = 1,
                           .session = source->env->session,
                           .scratch = &scratch};
    enum sl_code code = sl_vec_put_str(&text, value, err);
    if (code == SL_OK) code = sl_cast(&call, SL_CAST_TRY, err);
    out->rows = 1;
    if (code == SL_OK && sl_vec_is_null(out, 0)) {
        struct sl_str simple = sl_str(sl_type_sql(&scratch, out->type));
        code = sl_fail(err, SL_DATA,
                       "failed to cast value `%.*s` to %.*s for partition column `%.*s` of `%s`",
                       SL_STR_ARG(value), SL_STR_ARG(simple), SL_STR_ARG(name), path);
    }
    sl_vec_release(&text);
    sl_arena_release(&scratch);
    return code;
}

static enum sl_code fill_constant(const struct sl_file_source *source,
                                  const struct sl_file_range *range, uint32_t column,
                                  struct sl_vec *out, struct sl_err *err) {
    const struct sl_field *field = &source->schema->fields[column];
    struct sl_str value = range->values[column];
    sl_vec_init(out, field->type);
    enum sl_code code;
    if (!value.ptr)
        code = sl_vec_append_null(out, 1, err);
    else if (sl_type_is_bytes(out->type)) /* a cast would borrow the text */
        code = sl_vec_put_str(out, value, err);
    else
        code = make_constant(source, field->name, value, range->path, out, err);
    out->enc = SL_ENC_CONST;
    return code;
}

enum sl_code sl_file_schema_constants(const struct sl_file_source *source,
                                      const struct sl_file_range *range, struct sl_vec *constants,
                                      struct sl_err *err) {
    for (uint32_t c = 0; c < source->schema->field_count; c++)
        if (range->values[c].ptr || range->is_null[c] || c >= source->data_count)
            SL_TRY(fill_constant(source, range, c, &constants[c], err));
    return SL_OK;
}

enum sl_code sl_file_schema_values(const struct sl_file_source *source, struct sl_arena *epoch,
                                   struct sl_file_range *range, bool *may_match,
                                   struct sl_err *err) {
    uint32_t columns = source->schema->field_count;
    struct sl_str *values = SL_NEW_ARRAY(epoch, struct sl_str, columns + 1);
    bool *nulls = SL_NEW_ARRAY(epoch, bool, columns + 1);
    memset(values, 0, (columns + 1) * sizeof *values);
    memset(nulls, 0, (columns + 1) * sizeof *nulls);
    range->values = values;
    range->is_null = nulls;
    struct sl_str rest = below(source, range->path);
    for (struct sl_str part; !source->partitions_fixed && (part = take_component(&rest)).len;)
        if (rest.len) set_value(source, epoch, part, values, nulls);
    *may_match = true;
    for (uint32_t t = 0; t < source->term_count && *may_match; t++) {
        const struct sl_prune_term *term = &source->terms[t];
        if (!values[term->column].ptr && !nulls[term->column]) continue;
        struct sl_vec value = {0};
        enum sl_code code = fill_constant(source, range, term->column, &value, err);
        if (code == SL_OK)
            *may_match = !sl_vec_is_null(&value, 0) && sl_prune_may_match(term, &value, &value);
        sl_vec_release(&value);
        SL_TRY(code);
    }
    return SL_OK;
}
