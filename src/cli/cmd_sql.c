/* sluice sql: SELECTs over files and constants; sluice explain, sluice validate. */
#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "cli/cli.h"
#include "cli/row_text.h"
#include "conn/console/show.h"
#include "run/batch_query.h"
#include "run/query_target.h"
#include "run/table_command.h"

extern const struct sl_command sl_command_sql, sl_command_explain;

enum format { FORMAT_TABLE, FORMAT_CSV, FORMAT_JSON };

struct printer {
    enum format format;
    uint32_t rows_max;
    bool truncate;
    struct sl_show *show;
    const struct sl_type *schema;
    const struct sl_session *session;
    struct sl_buf text;
};

static enum sl_code begin_rows(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    (void)err;
    struct printer *printer = ctx;
    printer->schema = schema;
    printer->session = session;
    if (printer->format == FORMAT_TABLE)
        printer->show = sl_show_new(schema, printer->rows_max, printer->truncate ? 20 : 0);
    if (printer->format == FORMAT_CSV) sl_csv_put_header(&printer->text, schema);
    return SL_OK;
}

static enum sl_code flush(struct printer *printer, struct sl_err *err) {
    enum sl_code code = sl_cli_print(sl_buf_str(&printer->text), err);
    sl_buf_clear(&printer->text);
    return code;
}

static enum sl_code take_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    struct printer *printer = ctx;
    if (printer->format == FORMAT_TABLE) {
        sl_show_add(printer->show, batch, printer->session);
        return SL_OK;
    }
    for (uint32_t row = 0; row < batch->rows; row++)
        if (batch->selected && !sl_bit_get(batch->selected, row))
            continue;
        else if (printer->format == FORMAT_CSV)
            sl_csv_put_row(&printer->text, batch, row, printer->session);
        else
            sl_json_put_row(&printer->text, printer->schema, batch, row, printer->session);
    return flush(printer, err);
}

static enum sl_code print_select(struct sl_pipeline *pipeline, const struct sl_statement *statement,
                                 struct printer *printer, struct sl_err *err) {
    if (statement->kind == SL_S_EXPLAIN) {
        sl_buf_put_cstr(&printer->text, "== Optimized Logical Plan ==\n");
        SL_TRY(sl_batch_query_explain(pipeline, statement->query, NULL, &printer->text, err));
        return flush(printer, err);
    }
    enum sl_code code =
        statement->upkeep
            ? sl_table_statement_run(pipeline, statement, begin_rows, take_rows, printer, err)
            : sl_batch_query_run(pipeline, statement->query, begin_rows, take_rows, printer, err);
    if (printer->show && code == SL_OK) sl_show_finish(printer->show, &printer->text);
    sl_show_free(printer->show);
    printer->show = NULL;
    if (code == SL_OK) code = flush(printer, err);
    return code;
}

static enum sl_code read_format(const struct sl_args *args, struct printer *out,
                                struct sl_err *err) {
    *out = (struct printer){.rows_max = 1000, .truncate = sl_args_has(args, "truncate")};
    int64_t rows = 1000;
    SL_TRY(sl_args_int(args, "rows", &rows, err));
    out->rows_max = rows > INT32_MAX ? INT32_MAX : (uint32_t)rows;
    const char *format = sl_args_get(args, "format", "table");
    if (sl_args_has(args, "json") + sl_args_has(args, "csv") + sl_args_has(args, "format") > 1)
        return sl_fail(err, SL_USAGE, "give one of --format, --json and --csv");
    if (rows < 0) return sl_fail(err, SL_USAGE, "`--rows` must not be negative");
    if (sl_args_has(args, "json") || strcmp(format, "json") == 0)
        out->format = FORMAT_JSON;
    else if (sl_args_has(args, "csv") || strcmp(format, "csv") == 0)
        out->format = FORMAT_CSV;
    else if (strcmp(format, "table") != 0)
        return sl_fail(err, SL_USAGE, "`--format` is `%s`; it must be table, csv or json", format);
    return SL_OK;
}

/* `sluice sql 'SELECT 1'`: the text stands where a file is expected. */
static enum sl_code read_file(const struct sl_command *command, const char *file,
                              struct sl_buf *source, struct sl_err *err) {
    enum sl_code code = sl_cli_read(file, source, err);
    if (code == SL_IO && err->sys == ENOENT && strchr(file, ' '))
        sl_hint(err, "SQL on the command line is given with -c: sluice %s -c '..'", command->name);
    return code;
}

static bool is_given_twice(const struct sl_args *args) {
    int count = args->positional_count;
    for (int i = 0; i < args->given_count; i++)
        count += strcmp(args->given[i].flag->name, "command") == 0 ||
                 strcmp(args->given[i].flag->name, "file") == 0;
    return count > 1;
}

/* The text comes from -c, -f, a file argument, or standard input. */
static enum sl_code read_text(const struct sl_command *command, const struct sl_args *args,
                              struct sl_buf *source, const char **file, struct sl_err *err) {
    const char *text = sl_args_get(args, "command", NULL), *named = sl_args_get(args, "file", NULL);
    if (is_given_twice(args)) {
        sl_fail(err, SL_USAGE, "the SQL is given twice");
        return sl_hint(err, "one text may hold several statements, separated by `;`"), SL_USAGE;
    }
    *file = text ? "-c" : named ? named : args->positional_count ? args->positional[0] : NULL;
    /* nobody wants to sit before a terminal that says nothing */
    if (!*file && (command != &sl_command_sql || isatty(STDIN_FILENO) == 1))
        return sl_args_expect(args, 1, 1, command->usage, err);
    if (!text) return read_file(command, *file ? *file : "-", source, err);
    sl_buf_put_cstr(source, text);
    return SL_OK;
}

typedef enum sl_code (*loaded_fn)(struct sl_cli *cli, struct sl_args *args,
                                  struct sl_pipeline *pipeline, struct sl_err *err);

/* A plan can be shown before anybody knows the brokers: an unset ${name} stands for itself. */
static bool leave_open(struct sl_cli *cli, struct sl_str source, struct sl_err *err) {
    size_t begin = err->span.begin + 2, end = err->span.end - 1; /* of the name in ${name} */
    if (strcmp(err->condition, "UNRESOLVED_VARIABLE") != 0 || begin >= end || end > source.len)
        return false;
    struct sl_str name = sl_str_sub(source, begin, end), old;
    if (sl_settings_lookup(cli->engine.settings, name, &old)) return false;
    struct sl_str text = sl_arena_printf(&cli->engine.arena, "<%.*s>", SL_STR_ARG(name));
    sl_settings_set(cli->engine.settings, name, text, SL_FROM_COMMAND_LINE);
    if (!cli->quiet)
        fprintf(stderr, "note: ${%.*s} is not set (-s %.*s=..); shown as %s\n", SL_STR_ARG(name),
                SL_STR_ARG(name), text.ptr);
    sl_err_clear(err);
    return true;
}

static enum sl_code load(struct sl_cli *cli, const struct sl_command *command, const char *file,
                         struct sl_str source, struct sl_pipeline *out, struct sl_err *err) {
    enum sl_code code = sl_pipeline_load(&cli->engine, file, source, out, err);
    while (code != SL_OK && command == &sl_command_explain && leave_open(cli, source, err)) {
        sl_pipeline_release(out);
        code = sl_pipeline_load(&cli->engine, file, source, out, err);
    }
    return code;
}

static void note_empty(const struct sl_cli *cli, const struct sl_pipeline *pipeline,
                       const char *file) {
    if (!cli->quiet && pipeline->query_count + pipeline->select_count == 0)
        fprintf(stderr, "note: %s holds no query\n", file ? file : "standard input");
}

static int with_pipeline(const struct sl_command *command, struct sl_args *args, loaded_fn fn) {
    struct sl_cli cli;
    struct sl_err err = {0};
    struct sl_buf source = {0};
    struct sl_pipeline pipeline = {0};
    const char *file = NULL;
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    enum sl_code code = sl_args_expect(args, 0, 1, command->usage, &err);
    if (code == SL_OK) code = read_text(command, args, &source, &file, &err);
    if (code == SL_OK) sl_cli_warn_unused(&cli, args, file, sl_buf_str(&source));
    if (code == SL_OK) code = load(&cli, command, file, sl_buf_str(&source), &pipeline, &err);
    if (code == SL_OK) code = sl_cli_start(&cli, args, &err);
    if (code == SL_OK) note_empty(&cli, &pipeline, file);
    if (code == SL_OK) code = fn(&cli, args, &pipeline, &err);
    if (code != SL_OK) status = sl_cli_fail(&cli, &err, file, sl_buf_str(&source));
    sl_pipeline_release(&pipeline);
    sl_buf_release(&source);
    sl_cli_close(&cli);
    return status;
}

static enum sl_code run_selects(struct sl_cli *cli, struct sl_args *args,
                                struct sl_pipeline *pipeline, struct sl_err *err) {
    struct printer printer;
    SL_TRY(read_format(args, &printer, err));
    sl_cli_catch_signals(cli);
    if (pipeline->select_count == 0 && pipeline->query_count > 0) {
        sl_fail(err, SL_USER, "the text defines tables but holds no SELECT");
        return sl_hint(err, "run a pipeline with `sluice run FILE`"), SL_USER;
    }
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < pipeline->select_count && code == SL_OK; i++)
        code = print_select(pipeline, pipeline->selects[i], &printer, err);
    sl_buf_release(&printer.text);
    return code;
}

static int run_sql(const struct sl_command *command, struct sl_args *args) {
    return with_pipeline(command, args, run_selects);
}

/* Where the rows go: it is the statement that says so, not the plan. */
static void put_target(struct sl_buf *out, const struct sl_statement *target) {
    if (!target) return;
    struct sl_str format = sl_target_format(target);
    const struct sl_property *checkpoint = sl_target_property(target, "sluice.checkpointLocation");
    const struct sl_property *mode = sl_target_property(target, "sluice.outputMode");
    sl_buf_printf(out, "Write %.*s", SL_STR_ARG(format));
    if (target->location.len) sl_buf_printf(out, " %.*s", SL_STR_ARG(target->location));
    for (uint32_t i = 0; i < target->partition_by.count; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : ", partitioned by ",
                      SL_STR_ARG(target->partition_by.parts[i]));
    if (checkpoint) sl_buf_printf(out, "; checkpoint %.*s", SL_STR_ARG(checkpoint->value));
    if (mode) sl_buf_printf(out, "; output mode %.*s", SL_STR_ARG(mode->value));
    sl_buf_put_byte(out, '\n');
}

static enum sl_code explain_all(struct sl_cli *cli, struct sl_args *args,
                                struct sl_pipeline *pipeline, struct sl_err *err) {
    (void)cli, (void)args;
    struct sl_buf text = {0};
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < pipeline->query_count && code == SL_OK; i++) {
        const struct sl_query_spec *spec = &pipeline->queries[i];
        sl_buf_printf(&text, "== %s %.*s ==\n",
                      spec->streaming ? "Streaming query" : "Materialized view",
                      SL_STR_ARG(spec->name));
        put_target(&text, spec->target);
        code = sl_batch_query_explain(pipeline, spec->relation, spec->target, &text, err);
    }
    for (uint32_t i = 0; i < pipeline->select_count && code == SL_OK; i++) {
        if (pipeline->selects[i]->upkeep) continue;
        sl_buf_put_cstr(&text, "== Query ==\n");
        code = sl_batch_query_explain(pipeline, pipeline->selects[i]->query, NULL, &text, err);
    }
    if (code == SL_OK) code = sl_cli_print(sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

static int run_explain(const struct sl_command *command, struct sl_args *args) {
    return with_pipeline(command, args, explain_all);
}

static enum sl_code validate_all(struct sl_cli *cli, struct sl_args *args,
                                 struct sl_pipeline *pipeline, struct sl_err *err) {
    (void)cli, (void)args;
    struct sl_buf text = {0};
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < pipeline->query_count && code == SL_OK; i++)
        code = sl_batch_query_explain(pipeline, pipeline->queries[i].relation,
                                      pipeline->queries[i].target, &text, err);
    for (uint32_t i = 0; i < pipeline->select_count && code == SL_OK; i++)
        if (!pipeline->selects[i]->upkeep)
            code = sl_batch_query_explain(pipeline, pipeline->selects[i]->query, NULL, &text, err);
    sl_buf_release(&text);
    if (code == SL_OK)
        fprintf(stderr, "ok: %u quer%s\n", pipeline->query_count + pipeline->select_count,
                pipeline->query_count + pipeline->select_count == 1 ? "y" : "ies");
    return code;
}

static int run_validate(const struct sl_command *command, struct sl_args *args) {
    return with_pipeline(command, args, validate_all);
}

static const struct sl_flag sql_flags[] = {
    {"command", 'c', "SQL", "run this text"},
    {"file", 'f', "FILE", "run this file (default: standard input)"},
    {"format", 0, "table|csv|json", "how rows are printed"},
    {"json", 0, NULL, "same as --format json"},
    {"csv", 0, NULL, "same as --format csv"},
    {"rows", 0, "N", "rows a table shows at most (default 1000)"},
    {"truncate", 0, NULL, "cut cells longer than 20 characters, as Spark's show()"},
    {NULL, 0, NULL, NULL},
};
static const struct sl_flag text_flags[] = {
    {"command", 'c', "SQL", "this text instead of a file"},
    {NULL, 0, NULL, NULL},
};

const struct sl_command sl_command_sql = {
    .name = "sql",
    .summary = "run SELECTs over tables and files; OPTIMIZE, VACUUM, DESCRIBE",
    .usage = "sql -c SQL | -f FILE | FILE | - [--format table|csv|json]",
    .flags = sql_flags,
    .examples = "  sluice sql -c 'SELECT order_id, amount FROM parquet.`/data/lake/orders` WHERE "
                "amount > 400 LIMIT 10'\n"
                "  sluice sql -c \"SELECT to_date('2025-01-15') + INTERVAL 1 DAY AS tomorrow\"\n",
    .run = run_sql,
};
const struct sl_command sl_command_explain = {
    .name = "explain",
    .summary = "show the plan of each query of a file",
    .usage = "explain FILE | - | -c SQL",
    .flags = text_flags,
    .examples =
        "  sluice explain examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake\n",
    .run = run_explain,
};
const struct sl_command sl_command_validate = {
    .name = "validate",
    .summary = "check a file without running it",
    .usage = "validate FILE | - | -c SQL",
    .flags = text_flags,
    .examples =
        "  sluice validate examples/orders.sql -s brokers=localhost:9092 -s lake=/data/lake\n",
    .run = run_validate,
};
