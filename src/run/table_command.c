#include "run/table_command.h"

#include "base/io.h"
#include "lake/place.h"
#include "run/table_find.h"

static bool env_stopping(void *engine) { return sl_engine_is_stopping(engine); }

static enum sl_code guess_format(struct sl_table_command *command, struct sl_str path,
                                 struct sl_str *format, struct sl_err *err) {
    struct sl_file_info log;
    const char *dir = sl_arena_cstr(&command->arena, sl_place_plain(path));
    SL_TRY(sl_io_stat(sl_path_join(&command->arena, dir, "_delta_log"), &log, err));
    *format = log.is_dir ? SL_STR("delta") : SL_STR("parquet");
    return SL_OK;
}

static enum sl_code find_format(struct sl_table_command *command, struct sl_str format,
                                struct sl_err *err) {
    command->connector = sl_connector_find(format);
    if (!command->connector) {
        struct sl_str nearest = sl_connector_nearest(format);
        sl_fail_at(err, (struct sl_span){0}, "DATA_SOURCE_NOT_FOUND", "42K02",
                   "the data source `%.*s` cannot be found", SL_STR_ARG(format));
        if (nearest.len) sl_hint(err, "did you mean `%.*s`?", SL_STR_ARG(nearest));
        return SL_USER;
    }
    command->ops = command->connector->table;
    if (command->ops) return SL_OK;
    return sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE", "0A000",
                      "`%s` has no tables that could be looked after; delta and parquet have",
                      command->connector->name),
           SL_UNSUPPORTED;
}

enum sl_code sl_table_command_open(struct sl_table_command *command, struct sl_engine *engine,
                                   struct sl_str format, struct sl_str path, struct sl_err *err) {
    *command = (struct sl_table_command){.engine = engine};
    sl_arena_init(&command->arena, "table command");
    SL_TRY(sl_engine_session(engine, &command->session, err));
    command->env = (struct sl_conn_env){
        .query = &command->arena,
        .log = &engine->log,
        .budget = &engine->budget,
        .session = &command->session,
        .client_setting = sl_settings_client,
        .client_ctx = engine->settings,
        .stopping = env_stopping,
        .stop_ctx = engine,
    };
    command->call = (struct sl_table_call){
        .env = &command->env, .pool = engine->pool, .path = sl_arena_str(&command->arena, path)};
    if (format.len == 0) SL_TRY(guess_format(command, path, &format, err));
    SL_TRY(find_format(command, format, err));
    return sl_table_check_place(&command->arena, path, err);
}

void sl_table_command_close(struct sl_table_command *command) { sl_arena_release(&command->arena); }

enum sl_code sl_table_command_schema(struct sl_table_command *command, const struct sl_type **out,
                                     struct sl_err *err) {
    const struct sl_options none = {0};
    struct sl_source *source;
    SL_TRY(command->connector->open_source(&command->env, &none, command->call.path, false, &source,
                                           err));
    *out = source->ops->schema(source);
    source->ops->close(source);
    return SL_OK;
}

enum sl_code sl_table_command_condition(struct sl_table_command *command,
                                        const struct sl_uexpr *expr, struct sl_expr **out,
                                        struct sl_err *err) {
    const struct sl_type *schema;
    const struct sl_catalog nothing = {0};
    SL_TRY(sl_table_command_schema(command, &schema, err));
    struct sl_node *node =
        sl_node_new(&command->arena, SL_NODE_SCAN, NULL, schema->field_count, expr->span);
    for (uint32_t c = 0; c < schema->field_count; c++)
        node->columns[c] = (struct sl_column){.name = schema->fields[c].name,
                                              .type = schema->fields[c].type,
                                              .nullable = true,
                                              .id = c + 1};
    struct sl_bind_ctx ctx = {.expr = {&command->arena, &command->session}, .catalog = &nothing};
    SL_TRY(sl_bind_expr(&ctx, expr, node, out, err));
    if ((*out)->type->kind == SL_BOOL_KIND) return SL_OK;
    return sl_fail_at(err, expr->span, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09",
                      "the condition is not a boolean");
}

/* ---- DESCRIBE TABLE ---- */

static enum sl_code add_line(struct sl_report *out, struct sl_str name, struct sl_str type,
                             struct sl_str comment, struct sl_err *err) {
    struct sl_vec *columns = out->batch.columns;
    SL_TRY(sl_vec_put_str(&columns[0], name, err));
    SL_TRY(sl_vec_put_str(&columns[1], type, err));
    SL_TRY(comment.len ? sl_vec_put_str(&columns[2], comment, err)
                       : sl_vec_append_null(&columns[2], 1, err));
    out->batch.rows++;
    out->batch.selected_rows = out->batch.rows;
    return SL_OK;
}

static enum sl_code add_column(struct sl_report *out, const struct sl_field *field,
                               struct sl_err *err) {
    struct sl_buf type = {0};
    sl_type_put_simple(&type, field->type);
    enum sl_code code = add_line(out, field->name, sl_buf_str(&type), field->comment, err);
    sl_buf_release(&type);
    return code;
}

static enum sl_code add_partitions(struct sl_report *out, const struct sl_type *schema,
                                   const struct sl_vec *names, struct sl_err *err) {
    const struct sl_vec *items = &names->children[0];
    if (items->rows == 0) return SL_OK;
    SL_TRY(add_line(out, SL_STR("# Partition Information"), SL_STR(""), SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("# col_name"), SL_STR("data_type"), SL_STR("comment"), err));
    for (uint32_t i = 0; i < items->rows; i++) {
        int at = sl_type_find_field(schema, sl_vec_str(items, i));
        if (at >= 0) SL_TRY(add_column(out, &schema->fields[at], err));
    }
    return SL_OK;
}

static enum sl_code add_properties(struct sl_report *out, const struct sl_batch *detail,
                                   const struct sl_type *schema, struct sl_err *err) {
    int at = sl_type_find_field(schema, SL_STR("properties"));
    const struct sl_vec *map = &detail->columns[at];
    struct sl_buf text = {0};
    sl_buf_put_byte(&text, '[');
    for (uint32_t i = 0; i < map->children[0].rows; i++) {
        struct sl_str name = sl_vec_str(&map->children[0], i), value = SL_STR("null");
        if (!sl_vec_is_null(&map->children[1], i)) value = sl_vec_str(&map->children[1], i);
        sl_buf_printf(&text, "%s%.*s=%.*s", i ? "," : "", SL_STR_ARG(name), SL_STR_ARG(value));
    }
    sl_buf_put_byte(&text, ']');
    enum sl_code code =
        add_line(out, SL_STR("Table Properties"), sl_buf_str(&text), SL_STR(""), err);
    sl_buf_release(&text);
    return code;
}

static enum sl_code add_details(struct sl_table_command *command, struct sl_report *out,
                                const struct sl_report *detail, struct sl_err *err) {
    int location = sl_type_find_field(detail->schema, SL_STR("location"));
    struct sl_str path = command->call.path, format = sl_str(command->connector->name);
    struct sl_str name =
        sl_arena_printf(&command->arena, "%.*s.`%.*s`", SL_STR_ARG(format), SL_STR_ARG(path));
    SL_TRY(add_line(out, SL_STR(""), SL_STR(""), SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("# Detailed Table Information"), SL_STR(""), SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("Name"), name, SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("Type"), SL_STR("EXTERNAL"), SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("Location"), sl_vec_str(&detail->batch.columns[location], 0),
                    SL_STR(""), err));
    SL_TRY(add_line(out, SL_STR("Provider"), format, SL_STR(""), err));
    return add_properties(out, &detail->batch, detail->schema, err);
}

static enum sl_code describe(struct sl_table_command *command, bool extended,
                             const struct sl_report *detail, struct sl_report *out,
                             struct sl_err *err) {
    const struct sl_type *schema;
    SL_TRY(sl_table_command_schema(command, &schema, err));
    int partitions = sl_type_find_field(detail->schema, SL_STR("partitionColumns"));
    for (uint32_t c = 0; c < schema->field_count; c++)
        SL_TRY(add_column(out, &schema->fields[c], err));
    SL_TRY(add_partitions(out, schema, &detail->batch.columns[partitions], err));
    return extended ? add_details(command, out, detail, err) : SL_OK;
}

enum sl_code sl_table_command_describe(struct sl_table_command *command, bool extended,
                                       struct sl_report *out, struct sl_err *err) {
    struct sl_report detail = {0};
    SL_TRY(command->ops->detail(&command->call, &detail, err));
    sl_report_init(out, &command->arena, "col_name STRING, data_type STRING, comment STRING");
    enum sl_code code = describe(command, extended, &detail, out, err);
    sl_report_release(&detail);
    return code;
}
