#include "run/query_target.h"

#include "lake/place.h"
#include "run/declared.h"

static const struct sl_property *find_property(const struct sl_properties *properties,
                                               const char *name) {
    for (uint32_t i = 0; i < properties->count; i++)
        if (sl_str_eq_nocase(properties->items[i].key, sl_str(name))) return &properties->items[i];
    return NULL;
}

const struct sl_property *sl_target_property(const struct sl_statement *target, const char *name) {
    const struct sl_property *found = find_property(&target->properties, name);
    return found ? found : find_property(&target->options, name);
}

struct sl_str sl_target_format(const struct sl_statement *target) {
    return target->format.len ? target->format : SL_STR("parquet");
}

struct sl_str sl_target_checkpoint(const struct sl_statement *target, struct sl_str query_name,
                                   const struct sl_settings *settings, struct sl_arena *arena) {
    const struct sl_property *own = sl_target_property(target, "sluice.checkpointLocation");
    if (!own) own = sl_target_property(target, "checkpointLocation");
    const char *base = sl_settings_get(settings, SL_STR("spark.sql.streaming.checkpointLocation"));
    struct sl_str location = own ? own->value : (struct sl_str){0};
    if (!own && base && *base)
        location = sl_arena_printf(arena, "%s/%.*s", base, SL_STR_ARG(query_name));
    return sl_place_plain(location);
}

static const char *const mode_names[] = {"append", "update", "complete"};

/* Source: Spark DataSource.createSink; V2 sinks take all modes. A format that is not known is told
 * when the sink is opened. */
static enum sl_code check_sink_mode(const struct sl_pipeline *pipeline,
                                    const struct sl_statement *target,
                                    const struct sl_property *property, enum sl_output_mode mode,
                                    struct sl_err *err) {
    const struct sl_connector *connector = sl_connector_find(sl_target_format(target));
    if (mode == SL_MODE_APPEND || !connector || !connector->open_sink ||
        connector->output_modes & 1U << mode)
        return SL_OK;
    sl_fail_at(err, sl_sql_origin(&pipeline->text, property->value_span),
               "STREAMING_OUTPUT_MODE.UNSUPPORTED_DATASOURCE", "42KDE",
               "data source %s does not support %s output mode", connector->name, mode_names[mode]);
    return sl_hint(err, "delta takes append and complete; kafka, console and memory take all"),
           SL_USER;
}

/* Source: Spark InternalOutputModes.scala, STREAMING_OUTPUT_MODE.INVALID. */
enum sl_code sl_target_mode(const struct sl_pipeline *pipeline, const struct sl_statement *target,
                            enum sl_output_mode *out, struct sl_err *err) {
    const struct sl_property *mode = sl_target_property(target, "sluice.outputMode");
    *out = SL_MODE_APPEND;
    if (!mode) return SL_OK;
    for (int i = SL_MODE_APPEND; i <= SL_MODE_COMPLETE; i++)
        if (sl_str_eq_nocase(mode->value, sl_str(mode_names[i]))) {
            *out = (enum sl_output_mode)i;
            return check_sink_mode(pipeline, target, mode, *out, err);
        }
    return sl_fail_at(err, sl_sql_origin(&pipeline->text, mode->value_span),
                      "STREAMING_OUTPUT_MODE.INVALID", "42KDE",
                      "invalid output mode: `%.*s`; accepted output modes are 'append', "
                      "'complete', 'update'",
                      SL_STR_ARG(mode->value));
}

struct opening {
    const struct sl_pipeline *pipeline;
    const struct sl_query_spec *spec;
    const struct sl_conn_env *env;
    const struct sl_type *schema;
};

static enum sl_code unknown_partition_column(const struct opening *opening, struct sl_str name,
                                             struct sl_err *err) {
    const struct sl_type *schema = opening->schema;
    struct sl_str *columns = SL_NEW_ARRAY(opening->env->query, struct sl_str, schema->field_count);
    for (uint32_t c = 0; c < schema->field_count; c++) columns[c] = schema->fields[c].name;
    sl_fail_at(err,
               sl_sql_origin(&opening->pipeline->text, opening->spec->target->partition_by.span),
               "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
               "partition column `%.*s` is not a column of the query", SL_STR_ARG(name));
    int nearest = sl_str_nearest(name, columns, schema->field_count);
    if (nearest >= 0) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(columns[nearest]));
    return SL_USER;
}

static enum sl_code find_partition_columns(const struct opening *opening, uint32_t **out,
                                           struct sl_err *err) {
    const struct sl_name *names = &opening->spec->target->partition_by;
    *out = SL_NEW_ARRAY(opening->env->query, uint32_t, names->count);
    for (uint32_t i = 0; i < names->count; i++) {
        int at = sl_type_find_field(opening->schema, names->parts[i]);
        if (at < 0) return unknown_partition_column(opening, names->parts[i], err);
        (*out)[i] = (uint32_t)at;
    }
    return SL_OK;
}

/* The table of a query whose schema grows grows with it. */
static bool merges_schema(const struct sl_statement *target) {
    const struct sl_property *drift = sl_target_property(target, "sluice.onSchemaDrift");
    return drift && sl_str_eq_nocase(drift->value, SL_STR("evolve")) &&
           sl_str_eq_nocase(sl_target_format(target), SL_STR("delta")) &&
           !sl_target_property(target, "mergeSchema");
}

static struct sl_options collect_options(const struct opening *opening) {
    const struct sl_statement *target = opening->spec->target;
    uint32_t count = target->properties.count + target->options.count;
    struct sl_option *items = SL_NEW_ARRAY(opening->env->query, struct sl_option, count + 2);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_property *from = i < target->properties.count
                                             ? &target->properties.items[i]
                                             : &target->options.items[i - target->properties.count];
        items[i] = (struct sl_option){from->key, from->value,
                                      sl_sql_origin(&opening->pipeline->text, from->key_span)};
    }
    if (merges_schema(target))
        items[count++] = (struct sl_option){.name = SL_STR("mergeSchema"), .value = SL_STR("true")};
    return (struct sl_options){items, count};
}

static enum sl_code refuse_format(const struct opening *opening, bool exists, struct sl_err *err) {
    const struct sl_statement *target = opening->spec->target;
    struct sl_str format = sl_target_format(target), nearest = sl_connector_nearest(format);
    sl_fail_at(err, sl_sql_origin(&opening->pipeline->text, target->format_span),
               "DATA_SOURCE_NOT_FOUND", "42K02",
               exists ? "`%.*s` cannot be written, only read"
                      : "the data source `%.*s` cannot be found",
               SL_STR_ARG(format));
    if (nearest.len && !exists)
        sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(nearest));
    else
        sl_hint(err, "sinks: parquet, delta, kafka, console, memory, noop");
    return SL_USER;
}

enum sl_code sl_target_open_sink(const struct sl_pipeline *pipeline,
                                 const struct sl_query_spec *spec, const struct sl_conn_env *env,
                                 const struct sl_type *schema, struct sl_sink **out,
                                 struct sl_err *err) {
    struct opening opening = {pipeline, spec, env, schema};
    const struct sl_connector *connector = sl_connector_find(sl_target_format(spec->target));
    if (!connector || !connector->open_sink) return refuse_format(&opening, connector != NULL, err);
    struct sl_sink_config config = {.schema = schema,
                                    .path = spec->target->location,
                                    .name = spec->name,
                                    .partition_count = spec->target->partition_by.count,
                                    .options = collect_options(&opening)};
    uint32_t *partition_columns;
    SL_TRY(find_partition_columns(&opening, &partition_columns, err));
    SL_TRY(sl_target_mode(pipeline, spec->target, &config.mode, err));
    config.partition_columns = partition_columns;
    config.not_null = sl_declared_flags(env->query, spec->target, schema);
    const struct sl_option *path = sl_options_find(&config.options, SL_STR("path"));
    if (!config.path.len && path) config.path = path->value;
    return connector->open_sink(env, &config, out, err);
}
