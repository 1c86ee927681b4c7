/* OPTIMIZE, VACUUM and DESCRIBE as SQL statements. */
#include "run/table_command.h"

#define MS_PER_HOUR 3600000.0

static enum sl_code find_table(const struct sl_pipeline *pipeline, const struct sl_urelation *table,
                               struct sl_str *format, struct sl_str *path, struct sl_err *err) {
    *format = table->format;
    *path = table->path;
    if (table->kind == SL_R_READ_PATH) return SL_OK;
    struct sl_str name = table->name.parts[table->name.count - 1];
    for (uint32_t i = 0; i < pipeline->statements.count; i++) {
        const struct sl_statement *statement = &pipeline->statements.items[i];
        if (statement->kind != SL_S_CREATE_TABLE ||
            !sl_str_eq_nocase(statement->name.parts[statement->name.count - 1], name))
            continue;
        *format = statement->format.len ? statement->format : SL_STR("parquet");
        *path = statement->location;
        return SL_OK;
    }
    sl_fail_at(err, table->span, "TABLE_OR_VIEW_NOT_FOUND", "42P01",
               "the table `%.*s` cannot be found", SL_STR_ARG(name));
    return sl_hint(err, "name its directory: delta.`/path/of/the/table`"), SL_USER;
}

static enum sl_code refuse(const struct sl_table_command *command, const char *what,
                           struct sl_err *err) {
    return sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE", "0A000",
                      "a %s table has no %s", command->connector->name, what),
           SL_UNSUPPORTED;
}

static enum sl_code optimize(struct sl_pipeline *pipeline, struct sl_table_command *command,
                             const struct sl_upkeep *upkeep, struct sl_report *out,
                             struct sl_err *err) {
    struct sl_optimize what = {0};
    if (!command->ops->optimize) return refuse(command, "OPTIMIZE", err);
    if (upkeep->condition) {
        struct sl_span span = upkeep->condition->span;
        SL_TRY(sl_table_command_condition(command, upkeep->condition, &what.condition, err));
        what.condition_text = sl_str_sub(pipeline->text.text, span.begin, span.end);
    }
    return command->ops->optimize(&command->call, &what, out, err);
}

static enum sl_code vacuum(struct sl_table_command *command, const struct sl_upkeep *upkeep,
                           struct sl_report *out, struct sl_err *err) {
    struct sl_vacuum what = {.retention_ms = -1, .dry_run = upkeep->dry_run};
    if (!command->ops->vacuum) return refuse(command, "VACUUM", err);
    if (upkeep->has_retain) what.retention_ms = (int64_t)(upkeep->retain_hours * MS_PER_HOUR);
    return command->ops->vacuum(&command->call, &what, out, err);
}

static enum sl_code run(struct sl_pipeline *pipeline, struct sl_table_command *command,
                        const struct sl_statement *statement, struct sl_report *out,
                        struct sl_err *err) {
    const struct sl_upkeep *upkeep = statement->upkeep;
    if (statement->kind == SL_S_OPTIMIZE) return optimize(pipeline, command, upkeep, out, err);
    if (statement->kind == SL_S_VACUUM) return vacuum(command, upkeep, out, err);
    switch (upkeep->describe) {
    case SL_DESCRIBE_DETAIL:
        return command->ops->detail(&command->call, out, err);
    case SL_DESCRIBE_HISTORY:
        if (!command->ops->history) return refuse(command, "history", err);
        return command->ops->history(&command->call, upkeep->limit < 0 ? 0 : upkeep->limit, out,
                                     err);
    default:
        return sl_table_command_describe(command, upkeep->describe == SL_DESCRIBE_EXTENDED, out,
                                         err);
    }
}

enum sl_code sl_table_statement_run(struct sl_pipeline *pipeline,
                                    const struct sl_statement *statement, sl_report_begin_fn begin,
                                    sl_report_rows_fn fn, void *ctx, struct sl_err *err) {
    struct sl_table_command command;
    struct sl_report report = {0};
    struct sl_str format, path;
    const struct sl_urelation *table = statement->upkeep->table;
    enum sl_code code = find_table(pipeline, table, &format, &path, err);
    bool opened = code == SL_OK;
    if (opened) code = sl_table_command_open(&command, pipeline->engine, format, path, err);
    if (code == SL_OK) code = run(pipeline, &command, statement, &report, err);
    if (code == SL_OK) code = begin(ctx, report.schema, &command.session, err);
    if (code == SL_OK) code = fn(ctx, &report.batch, err);
    if (code != SL_OK && err) {
        if (err->span.begin == err->span.end) err->span = table->span;
        err->span = sl_sql_origin(&pipeline->text, err->span);
    }
    sl_report_release(&report);
    if (opened) sl_table_command_close(&command);
    return code;
}
