#include "run/pipeline.h"

#include "conn/file_source.h"
#include "lake/place.h"
#include "plan/optimize.h"
#include "plan/streaming.h"
#include "run/declared.h"
#include "run/order.h"
#include "run/places.h"
#include "run/property_check.h"
#include "run/query_target.h"
#include "run/table_find.h"

static const struct sl_statement *find_target(const struct sl_pipeline *pipeline,
                                              struct sl_str name) {
    for (uint32_t i = 0; i < pipeline->statements.count; i++) {
        const struct sl_statement *statement = &pipeline->statements.items[i];
        bool is_target =
            statement->kind == SL_S_CREATE_TABLE || statement->kind == SL_S_CREATE_SINK;
        if (is_target && sl_str_eq_nocase(statement->name.parts[statement->name.count - 1], name))
            return statement;
    }
    return NULL;
}

static bool defines_name(const struct sl_statement *statement) {
    return statement->kind == SL_S_CREATE_TABLE || statement->kind == SL_S_CREATE_SINK ||
           statement->kind == SL_S_CREATE_VIEW;
}

static enum sl_code check_unique(const struct sl_pipeline *pipeline, uint32_t at,
                                 struct sl_err *err) {
    const struct sl_statement *statement = &pipeline->statements.items[at];
    struct sl_str name = statement->name.parts[statement->name.count - 1];
    for (uint32_t i = 0; i < at; i++) {
        const struct sl_statement *other = &pipeline->statements.items[i];
        if (defines_name(other) && sl_str_eq_nocase(other->name.parts[other->name.count - 1], name))
            return sl_fail_at(err, statement->name.span, "TABLE_OR_VIEW_ALREADY_EXISTS", "42P07",
                              "`%.*s` is defined twice in this pipeline", SL_STR_ARG(name));
    }
    return SL_OK;
}

static void add_query(struct sl_pipeline *pipeline, const struct sl_statement *statement,
                      const struct sl_statement *target) {
    bool streaming = !(target && target->kind == SL_S_CREATE_TABLE &&
                       target->table_kind == SL_MATERIALIZED_VIEW);
    pipeline->queries[pipeline->query_count++] = (struct sl_query_spec){
        .name = statement->name.parts[statement->name.count - 1],
        .relation = statement->query,
        .target = target,
        .streaming = streaming,
        .span = statement->name.span,
    };
}

static enum sl_code add_flow(struct sl_pipeline *pipeline, const struct sl_statement *statement,
                             struct sl_err *err) {
    struct sl_str name = statement->target.parts[statement->target.count - 1];
    const struct sl_statement *target = find_target(pipeline, name);
    if (!target) {
        sl_fail_at(err, statement->target.span, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
                   "flow `%.*s` inserts into `%.*s`, which this pipeline does not define",
                   SL_STR_ARG(statement->name.parts[0]), SL_STR_ARG(name));
        return sl_hint(err, "add CREATE STREAMING TABLE %.*s or CREATE SINK %.*s", SL_STR_ARG(name),
                       SL_STR_ARG(name)),
               SL_USER;
    }
    if (target->kind == SL_S_CREATE_TABLE && target->query)
        return sl_fail_at(
            err, statement->target.span, "UNSUPPORTED_FEATURE", "0A000",
            "`%.*s` is defined by AS SELECT already; a second flow into it is not supported",
            SL_STR_ARG(name));
    for (uint32_t i = 0; target->kind == SL_S_CREATE_TABLE && i < pipeline->query_count; i++)
        if (pipeline->queries[i].target == target)
            return sl_fail_at(
                err, statement->target.span, "UNSUPPORTED_FEATURE", "0A000",
                "flow `%.*s` inserts into `%.*s` already; a second flow into a table is "
                "not supported: write one query with UNION ALL",
                SL_STR_ARG(pipeline->queries[i].name), SL_STR_ARG(name));
    add_query(pipeline, statement, target);
    return SL_OK;
}

static enum sl_code refuse(const struct sl_statement *statement, struct sl_err *err) {
    struct sl_str words =
        statement->kind == SL_S_INSERT ? SL_STR("INSERT") : statement->name.parts[0];
    sl_fail_at(err, statement->span, "UNSUPPORTED_FEATURE", "0A000",
               "the statement %.*s is not supported", SL_STR_ARG(words));
    return sl_hint(err, "a pipeline file holds SET, CREATE STREAMING TABLE, CREATE MATERIALIZED "
                        "VIEW, CREATE VIEW, CREATE SINK, "
                        "CREATE FLOW, and SELECT for `sluice sql`"),
           SL_USER;
}

/* A view is computed anew from all its input: its failed records have no place in a log of letters.
 */
static enum sl_code refuse_quarantine(const struct sl_statement *view, struct sl_err *err) {
    for (uint32_t i = 0; i < view->properties.count; i++) {
        const struct sl_property *property = &view->properties.items[i];
        if (sl_str_eq_nocase(property->key, SL_STR("sluice.onSchemaDrift")))
            return sl_fail_at(err, property->key_span, "UNSUPPORTED_FEATURE", "0A000",
                              "a materialized view cannot have `%.*s`: make it a streaming table",
                              SL_STR_ARG(property->key));
        if (!sl_str_starts_nocase(property->key, SL_STR("sluice.quarantine"))) continue;
        sl_fail_at(err, property->key_span, "UNSUPPORTED_FEATURE", "0A000",
                   "a materialized view cannot have a quarantine (`%.*s`)",
                   SL_STR_ARG(property->key));
        return sl_hint(err, "make it a streaming table, or drop the rows with CONSTRAINT .. EXPECT "
                            "(..) ON VIOLATION DROP ROW"),
               SL_USER;
    }
    return SL_OK;
}

static enum sl_code check_table(const struct sl_statement *statement, struct sl_err *err) {
    if (statement->table_kind == SL_MATERIALIZED_VIEW) SL_TRY(refuse_quarantine(statement, err));
    if (statement->cluster_by.count)
        return sl_fail_at(err, statement->cluster_by.span, "UNSUPPORTED_FEATURE", "0A000",
                          "CLUSTER BY is not supported");
    return SL_OK;
}

static enum sl_code collect(struct sl_pipeline *pipeline, struct sl_err *err) {
    uint32_t count = pipeline->statements.count;
    pipeline->queries = SL_NEW_ARRAY(&pipeline->arena, struct sl_query_spec, count + 1);
    pipeline->selects = SL_NEW_ARRAY(&pipeline->arena, const struct sl_statement *, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_statement *statement = &pipeline->statements.items[i];
        if (defines_name(statement)) SL_TRY(check_unique(pipeline, i, err));
        switch (statement->kind) {
        case SL_S_SET:
            for (uint32_t p = 0; p < statement->properties.count; p++) {
                SL_TRY(sl_property_check_setting(&statement->properties.items[p], err));
                sl_settings_set(pipeline->engine->settings, statement->properties.items[p].key,
                                statement->properties.items[p].value, SL_FROM_FILE);
            }
            break;
        case SL_S_CREATE_TABLE:
            SL_TRY(check_table(statement, err));
            SL_TRY(sl_property_check_target(pipeline, statement, err));
            if (statement->query) add_query(pipeline, statement, statement);
            break;
        case SL_S_CREATE_FLOW:
            SL_TRY(add_flow(pipeline, statement, err));
            break;
        case SL_S_CREATE_SINK:
            SL_TRY(sl_property_check_target(pipeline, statement, err));
            break;
        case SL_S_CREATE_VIEW:
            break;
        case SL_S_QUERY:
        case SL_S_EXPLAIN:
        case SL_S_OPTIMIZE:
        case SL_S_VACUUM:
        case SL_S_DESCRIBE:
            pipeline->selects[pipeline->select_count++] = statement;
            break;
        case SL_S_INSERT:
        case SL_S_UNSUPPORTED:
            return refuse(statement, err);
        }
    }
    return SL_OK;
}

enum sl_code sl_pipeline_load(struct sl_engine *engine, const char *file, struct sl_str source,
                              struct sl_pipeline *out, struct sl_err *err) {
    *out = (struct sl_pipeline){.engine = engine, .file = file, .source = source};
    sl_arena_init(&out->arena, "pipeline");
    SL_TRY(sl_sql_substitute(&out->arena, source, sl_settings_lookup, engine->settings, &out->text,
                             err));
    enum sl_code code = sl_sql_parse(&out->arena, out->text.text, &out->statements, err);
    if (code == SL_OK) code = collect(out, err);
    if (code == SL_OK) code = sl_pipeline_check_places(out, err);
    if (code == SL_OK) code = sl_pipeline_order(out, err);
    if (code != SL_OK && err) err->span = sl_sql_origin(&out->text, err->span);
    return code;
}

void sl_pipeline_release(struct sl_pipeline *pipeline) { sl_arena_release(&pipeline->arena); }

/* ---- the catalog: names of relations ---- */

struct catalog_ctx {
    struct sl_pipeline *pipeline;
    const struct sl_conn_env *env;
    uint32_t depth;           /* of tables that are not there yet, read to make others */
    struct sl_rebind *rebind; /* NULL: the query is bound once */
};

static const struct sl_urelation *view(void *ctx, const struct sl_name *name) {
    const struct sl_pipeline *pipeline = ((struct catalog_ctx *)ctx)->pipeline;
    for (uint32_t i = 0; i < pipeline->statements.count; i++) {
        const struct sl_statement *statement = &pipeline->statements.items[i];
        if (statement->kind == SL_S_CREATE_VIEW &&
            sl_str_eq_nocase(statement->name.parts[statement->name.count - 1],
                             name->parts[name->count - 1]))
            return statement->query;
    }
    return NULL;
}

static void relation_names(void *ctx, struct sl_arena *arena, struct sl_str **names,
                           size_t *count) {
    const struct sl_pipeline *pipeline = ((struct catalog_ctx *)ctx)->pipeline;
    *names = SL_NEW_ARRAY(arena, struct sl_str, pipeline->statements.count + 1);
    *count = 0;
    for (uint32_t i = 0; i < pipeline->statements.count; i++)
        if (defines_name(&pipeline->statements.items[i]))
            (*names)[(*count)++] = pipeline->statements.items[i]
                                       .name.parts[pipeline->statements.items[i].name.count - 1];
}

/* FROM `/path`: which of the formats it is, its directory says. */
static void hint_of_path(struct sl_str path, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_err ignored;
    const char *format = NULL;
    sl_arena_init(&arena, "hint");
    if (sl_table_format_of(&arena, sl_arena_cstr(&arena, sl_place_plain(path)), &format,
                           &ignored) == SL_OK &&
        format)
        sl_hint(err, "a path is named with its format: %s.`%.*s`", format, SL_STR_ARG(path));
    else
        sl_hint(err,
                "a path is named with its format: delta.`%.*s`, parquet.`%.*s`, or "
                "read_files('%.*s', format => 'json')",
                SL_STR_ARG(path), SL_STR_ARG(path), SL_STR_ARG(path));
    sl_arena_release(&arena);
}

static enum sl_code unknown_connector(const struct sl_urelation *read, struct sl_str name,
                                      const char *what, const char *condition, const char *state,
                                      struct sl_err *err) {
    sl_fail_at(err, read->span, condition, state, "%s `%.*s` cannot be found", what,
               SL_STR_ARG(name));
    bool is_function = read->kind == SL_R_READ_FUNCTION;
    if (!is_function && memchr(name.ptr, '/', name.len)) return hint_of_path(name, err), SL_USER;
    bool reads = is_function && sl_str_starts_nocase(name, SL_STR("read_"));
    struct sl_str nearest = sl_connector_nearest(reads ? sl_str_sub(name, 5, name.len) : name);
    if (nearest.len)
        sl_hint(err, "did you mean `%s%.*s`?", is_function ? "read_" : "", SL_STR_ARG(nearest));
    return SL_USER;
}

/* read_kafka(..) -> kafka; parquet.`path` -> parquet. */
static enum sl_code choose_connector(const struct sl_urelation *read, struct sl_scan_spec *spec,
                                     struct sl_err *err) {
    if (read->kind == SL_R_READ_PATH) {
        spec->connector = sl_connector_find(read->format);
        spec->path = read->path;
        if (!spec->connector)
            return unknown_connector(read, read->format, "the data source", "DATA_SOURCE_NOT_FOUND",
                                     "42K02", err);
        return SL_OK;
    }
    struct sl_str name = read->name.parts[read->name.count - 1];
    if (read->kind == SL_R_READ_FUNCTION && sl_str_starts_nocase(name, SL_STR("read_")))
        spec->connector = sl_connector_find(sl_str_sub(name, 5, name.len));
    if (spec->connector) return SL_OK;
    return read->kind == SL_R_READ_FUNCTION
               ? unknown_connector(read, name, "the table function",
                                   "UNRESOLVABLE_TABLE_VALUED_FUNCTION", "42883", err)
               : unknown_connector(read, name, "the table or view", "TABLE_OR_VIEW_NOT_FOUND",
                                   "42P01", err);
}

static void resolve_pipeline_table(struct catalog_ctx *ctx, const struct sl_urelation *read,
                                   struct sl_scan_spec *spec) {
    struct sl_str name = read->name.parts[read->name.count - 1];
    const struct sl_statement *target = find_target(ctx->pipeline, name);
    if (!target || target->kind != SL_S_CREATE_TABLE) return;
    spec->connector = sl_connector_find(target->format.len ? target->format : SL_STR("parquet"));
    spec->path = target->location;
}

static enum sl_code bind_relation(struct catalog_ctx *ctx, const struct sl_urelation *relation,
                                  const struct sl_statement *target, struct sl_bound_query *out,
                                  struct sl_err *err);

/* As a table keeps its columns: every field may be null, but a map's keys. */
static const struct sl_type *as_stored(struct sl_arena *arena, const struct sl_type *type) {
    struct sl_type *copy = SL_NEW(arena, struct sl_type);
    *copy = *type;
    copy->fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    for (uint32_t i = 0; i < type->field_count; i++) {
        copy->fields[i] = type->fields[i];
        copy->fields[i].type = as_stored(arena, type->fields[i].type);
        copy->fields[i].nullable = !(type->kind == SL_MAP_KIND && i == 0);
    }
    return copy;
}

/* *out stays NULL where tables read each other without end. */
static enum sl_code schema_of_writer(struct catalog_ctx *ctx, const struct sl_query_spec *query,
                                     const struct sl_type **out, struct sl_err *err) {
    struct sl_bound_query bound;
    if (ctx->depth > ctx->pipeline->query_count) return SL_OK;
    struct catalog_ctx inner = {ctx->pipeline, ctx->env, ctx->depth + 1, NULL};
    SL_TRY(bind_relation(&inner, query->relation, query->target, &bound, err));
    *out = as_stored(ctx->env->query, bound.schema);
    return SL_OK;
}

/* The schema of a table of this pipeline that its query has not made yet: the query's. *out stays
 * NULL when the table is there, or nobody in this file makes it. The file may be validated, and
 * explained, before it has ever run. */
static enum sl_code schema_to_be(struct catalog_ctx *ctx, const struct sl_urelation *read,
                                 const struct sl_scan_spec *spec, const struct sl_type **out,
                                 struct sl_err *err) {
    const struct sl_query_spec *query = sl_pipeline_writer_of(ctx->pipeline, read);
    bool exists = true;
    if (!query || !spec->connector->exists) return SL_OK;
    if (sl_connector_find(sl_target_format(query->target)) != spec->connector) return SL_OK;
    SL_TRY(spec->connector->exists(spec->path, &exists, err));
    return exists ? SL_OK : schema_of_writer(ctx, query, out, err);
}

/* Hands a schema to a source; its options are the scan's own from then on. */
static void add_schema_option(struct sl_arena *arena, struct sl_scan_spec *spec, struct sl_str name,
                              const struct sl_type *schema) {
    uint32_t count = spec->options.count;
    struct sl_option *items = SL_NEW_ARRAY(arena, struct sl_option, count + 1);
    struct sl_buf json = {0};
    sl_type_put_json(&json, schema);
    for (uint32_t i = 0; i < count; i++) items[i] = spec->options.items[i];
    items[count] =
        (struct sl_option){.name = name, .value = sl_arena_str(arena, sl_buf_str(&json))};
    sl_buf_release(&json);
    spec->options = (struct sl_options){items, count + 1};
}

/* Directories `column=value` do not tell their column's type, but the query that writes them does:
 * `hour=01` may be a text. */
static enum sl_code add_partition_types(struct catalog_ctx *ctx, const struct sl_urelation *read,
                                        struct sl_scan_spec *spec, struct sl_err *err) {
    const struct sl_query_spec *query = sl_pipeline_writer_of(ctx->pipeline, read);
    const struct sl_type *schema = NULL;
    if (!query || !query->target->partition_by.count ||
        spec->connector->exists != sl_file_source_exists)
        return SL_OK;
    SL_TRY(schema_of_writer(ctx, query, &schema, err));
    if (schema) add_schema_option(ctx->env->query, spec, SL_STR("sluice.types"), schema);
    return SL_OK;
}

/* What EXPLAIN names: a path, or what is read of Kafka. */
static struct sl_str subject_of(const struct sl_scan_spec *spec) {
    static const char *const names[] = {"subscribe", "subscribePattern", "assign"};
    for (size_t i = 0; i < sizeof names / sizeof *names && !spec->path.len; i++) {
        const struct sl_option *option = sl_options_find(&spec->options, sl_str(names[i]));
        if (option) return option->value;
    }
    return spec->path;
}

static enum sl_code resolve_scan(struct catalog_ctx *ctx, const struct sl_urelation *read,
                                 const struct sl_properties *options, struct sl_scan *out,
                                 struct sl_err *err) {
    struct sl_arena *arena = &ctx->pipeline->arena;
    struct sl_scan_spec *spec = SL_NEW(arena, struct sl_scan_spec);
    spec->streaming = read->streaming;
    if (read->kind == SL_R_READ_TABLE) resolve_pipeline_table(ctx, read, spec);
    if (!spec->connector) SL_TRY(choose_connector(read, spec, err));
    struct sl_option *items = SL_NEW_ARRAY(arena, struct sl_option, options->count + 1);
    for (uint32_t i = 0; i < options->count; i++)
        items[i] = (struct sl_option){options->items[i].key, options->items[i].value,
                                      options->items[i].key_span};
    spec->options = (struct sl_options){items, options->count};
    const struct sl_connector *connector = spec->connector;
    if (!connector->open_source)
        return sl_fail_at(err, read->span, "UNSUPPORTED_FEATURE", "0A000",
                          "`%s` cannot be read, only written", connector->name);
    if (connector->check)
        SL_TRY(connector->check(ctx->env, &spec->options, spec->streaming, false, err));
    out->spec = spec;
    out->streaming = read->streaming;
    out->span = read->span;
    struct sl_str subject = subject_of(spec);
    out->name = sl_arena_printf(arena, "%s%s%.*s", connector->name, subject.len ? " " : "",
                                SL_STR_ARG(subject));
    SL_TRY(schema_to_be(ctx, read, spec, &out->schema, err));
    if (out->schema) return SL_OK;
    SL_TRY(add_partition_types(ctx, read, spec, err));
    if (connector->schema)
        return connector->schema(ctx->env, &spec->options, spec->path, &out->schema, err);
    enum sl_code code = connector->open_source(ctx->env, &spec->options, spec->path,
                                               spec->streaming, &spec->opened, err);
    if (code == SL_OK)
        out->schema = spec->opened->ops->schema(spec->opened);
    else if (err && err->span.begin == err->span.end)
        err->span = read->span;
    return code;
}

static void remember_scan(struct sl_rebind *rebind, const struct sl_scan *scan) {
    if (rebind->count == rebind->cap) {
        uint32_t more = rebind->cap ? rebind->cap * 2 : 4;
        rebind->scans =
            sl_arena_grow(rebind->arena, rebind->scans, rebind->count * sizeof *rebind->scans,
                          more * sizeof *rebind->scans);
        rebind->cap = more;
    }
    rebind->scans[rebind->count++] = *scan;
    rebind->next = rebind->count;
}

static enum sl_code scan(void *opaque, const struct sl_urelation *read,
                         const struct sl_properties *options, struct sl_scan *out,
                         struct sl_err *err) {
    struct catalog_ctx *ctx = opaque;
    struct sl_rebind *rebind = ctx->rebind;
    if (rebind && rebind->next < rebind->count) {
        *out = rebind->scans[rebind->next++];
        return SL_OK;
    }
    SL_TRY(resolve_scan(ctx, read, options, out, err));
    if (rebind) remember_scan(rebind, out);
    return SL_OK;
}

/* Legality goes by the plan as it was written: the optimiser may take away what is illegal. */
static enum sl_code check_streaming(const struct sl_pipeline *pipeline,
                                    const struct sl_statement *target, struct sl_node *plan,
                                    struct sl_err *err) {
    const struct sl_settings *settings = pipeline->engine->settings;
    enum sl_output_mode mode;
    struct sl_streaming_checks checks = {
        .operations = sl_settings_bool(settings, "spark.sql.streaming.unsupportedOperationCheck"),
        .correctness = sl_settings_bool(
            settings, "spark.sql.streaming.statefulOperator.checkCorrectness.enabled"),
    };
    SL_TRY(sl_target_mode(pipeline, target, &mode, err));
    SL_TRY(sl_plan_check_streaming(plan, mode, &checks, err));
    sl_plan_choose_limits(plan, mode);
    return SL_OK;
}

static enum sl_code check_event_times(const struct sl_pipeline *pipeline,
                                      const struct sl_statement *target, const struct sl_node *plan,
                                      struct sl_err *err) {
    enum sl_output_mode mode;
    SL_TRY(sl_target_mode(pipeline, target, &mode, err));
    return sl_plan_check_event_times(plan, mode, err);
}

static enum sl_code bind_relation(struct catalog_ctx *catalog_ctx,
                                  const struct sl_urelation *relation,
                                  const struct sl_statement *target, struct sl_bound_query *out,
                                  struct sl_err *err) {
    const struct sl_conn_env *env = catalog_ctx->env;
    struct sl_catalog catalog = {catalog_ctx, view, scan, relation_names};
    struct sl_bind_ctx ctx = {.expr = {env->query, env->session, NULL}, .catalog = &catalog};
    if (catalog_ctx->rebind) ctx.expr.evolution = catalog_ctx->rebind->evolution;
    enum sl_code code = sl_bind_relation(&ctx, relation, &out->plan, err);
    if (code == SL_OK && target && sl_node_is_streaming(out->plan))
        code = check_streaming(catalog_ctx->pipeline, target, out->plan, err);
    if (code == SL_OK) {
        /* the names and order of the query's columns; rewrites below keep them */
        out->schema = sl_node_schema(env->query, out->plan);
        code = sl_declared_apply(&ctx.expr, target, &out->plan, &out->schema, err);
    }
    if (code == SL_OK) code = sl_plan_optimize(&ctx.expr, out->plan, &out->plan, err);
    if (code == SL_OK && target && sl_node_is_streaming(out->plan))
        code = check_event_times(catalog_ctx->pipeline, target, out->plan, err);
    return code;
}

enum sl_code sl_pipeline_bind(struct sl_pipeline *pipeline, const struct sl_urelation *relation,
                              const struct sl_statement *target, const struct sl_conn_env *env,
                              struct sl_bound_query *out, struct sl_err *err) {
    return sl_pipeline_bind_again(pipeline, relation, target, env, NULL, out, err);
}

enum sl_code sl_pipeline_bind_again(struct sl_pipeline *pipeline,
                                    const struct sl_urelation *relation,
                                    const struct sl_statement *target,
                                    const struct sl_conn_env *env, struct sl_rebind *rebind,
                                    struct sl_bound_query *out, struct sl_err *err) {
    struct catalog_ctx ctx = {pipeline, env, 0, rebind};
    if (rebind) rebind->next = 0;
    enum sl_code code = bind_relation(&ctx, relation, target, out, err);
    if (code != SL_OK && err) err->span = sl_sql_origin(&pipeline->text, err->span);
    return code;
}

enum sl_code sl_scan_open(const struct sl_conn_env *env, const struct sl_scan *scan,
                          struct sl_source **out, struct sl_err *err) {
    struct sl_scan_spec *spec = (struct sl_scan_spec *)scan->spec;
    /* bound by the schema of the query that writes it: there may be no file to read one from */
    if (!spec->opened && !spec->connector->schema)
        add_schema_option(env->query, spec, SL_STR("sluice.schema"), scan->schema);
    if (!spec->opened)
        SL_TRY(spec->connector->open_source(env, &spec->options, spec->path, spec->streaming,
                                            &spec->opened, err));
    *out = spec->opened;
    return SL_OK;
}

void sl_scan_close(const struct sl_scan *scan) {
    struct sl_scan_spec *spec = (struct sl_scan_spec *)scan->spec;
    if (spec->opened) spec->opened->ops->close(spec->opened);
    spec->opened = NULL;
}
