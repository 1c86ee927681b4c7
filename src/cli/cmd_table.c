/* sluice table ls|describe|detail|files|history|compact|vacuum PATH */
#include "cli/row_text.h"
#include "cli/table_cli.h"
#include "conn/console/show.h"

enum { ROWS_MAX = 1000000 };

/* ---- printing ---- */

enum sl_code sl_table_print_text(struct sl_table_cli *call, struct sl_err *err) {
    enum sl_code code = sl_cli_print(sl_buf_str(&call->text), err);
    sl_buf_clear(&call->text);
    return code;
}

enum sl_code sl_table_print_report(struct sl_table_cli *call, const struct sl_report *report,
                                   struct sl_err *err) {
    if (call->json) {
        for (uint32_t row = 0; row < report->batch.rows; row++)
            sl_json_put_row(&call->text, report->schema, &report->batch, row,
                            &call->command.session);
        return sl_table_print_text(call, err);
    }
    struct sl_show *show = sl_show_new(report->schema, ROWS_MAX, 0);
    sl_show_add(show, &report->batch, &call->command.session);
    sl_show_finish(show, &call->text);
    sl_show_free(show);
    return sl_table_print_text(call, err);
}

const struct sl_vec *sl_table_column(const struct sl_report *report, const char *name) {
    return &report->batch.columns[sl_type_find_field(report->schema, sl_str(name))];
}

/* ---- choosing ---- */

static const struct action {
    const char *name;
    enum sl_code (*run)(struct sl_table_cli *call, struct sl_err *err);
    size_t op; /* what the format must have */
} actions[] = {
#define OP(member) offsetof(struct sl_table_ops, member)
    {"describe", sl_table_describe, OP(files)},  {"detail", sl_table_detail, OP(detail)},
    {"files", sl_table_files, OP(files)},        {"history", sl_table_history, OP(history)},
    {"compact", sl_table_compact, OP(optimize)}, {"optimize", sl_table_compact, OP(optimize)},
    {"vacuum", sl_table_vacuum, OP(vacuum)},
#undef OP
};
enum { ACTION_COUNT = sizeof actions / sizeof *actions };

static const struct action *find_action(struct sl_str name) {
    for (size_t i = 0; i < ACTION_COUNT; i++)
        if (sl_str_eq(name, sl_str(actions[i].name))) return &actions[i];
    return NULL;
}

static enum sl_code unknown_action(const struct sl_command *command, const char *name,
                                   struct sl_err *err) {
    struct sl_str names[ACTION_COUNT + 1];
    for (size_t i = 0; i < ACTION_COUNT; i++) names[i] = sl_str(actions[i].name);
    names[ACTION_COUNT] = SL_STR("ls");
    int nearest = sl_str_nearest(sl_str(name), names, ACTION_COUNT + 1);
    sl_fail(err, SL_USAGE, "`table` has no `%s`", name);
    if (nearest >= 0)
        return sl_hint(err, "did you mean `sluice table %s`?", names[nearest].ptr), SL_USAGE;
    return sl_hint(err, "usage: sluice %s", command->usage), SL_USAGE;
}

/* /path, or format.`/path` */
static void split_name(struct sl_str text, struct sl_str *format, struct sl_str *path) {
    size_t dot = sl_str_find(text, SL_STR(".`"), 0);
    *format = SL_STR("");
    *path = text;
    if (dot == SIZE_MAX || !sl_str_ends(text, SL_STR("`")) || dot + 3 > text.len) return;
    *format = sl_str_sub(text, 0, dot);
    *path = sl_str_sub(text, dot + 2, text.len - 1);
}

static enum sl_code run_action(struct sl_table_cli *call, const struct action *action,
                               struct sl_err *err) {
    struct sl_str format, path;
    split_name(call->name, &format, &path);
    enum sl_code code =
        sl_table_command_open(&call->command, &call->cli->engine, format, path, err);
    void (*op)(void) = NULL;
    if (code == SL_OK) memcpy(&op, (const char *)call->command.ops + action->op, sizeof op);
    if (code == SL_OK && !op)
        code = sl_fail(err, SL_UNSUPPORTED, "a %s table has no `%s`", call->command.connector->name,
                       action->name);
    if (code == SL_OK) code = action->run(call, err);
    sl_table_command_close(&call->command);
    return code;
}

static int run(const struct sl_command *command, struct sl_args *args) {
    struct sl_cli cli;
    struct sl_err err = {0};
    int status = sl_cli_open(&cli, args);
    if (status) return status;
    struct sl_table_cli call = {.cli = &cli, .args = args, .json = sl_args_has(args, "json")};
    const struct action *action = NULL;
    bool is_list = false;
    enum sl_code code = sl_args_expect(args, 2, 2, command->usage, &err);
    if (code == SL_OK) {
        action = find_action(sl_str(args->positional[0]));
        is_list = strcmp(args->positional[0], "ls") == 0;
        call.name = sl_str(args->positional[1]);
        if (!action && !is_list) code = unknown_action(command, args->positional[0], &err);
    }
    if (code == SL_OK) code = sl_cli_start(&cli, args, &err);
    if (code == SL_OK)
        code = is_list ? sl_table_ls(&call, args->positional[1], &err)
                       : run_action(&call, action, &err);
    if (code != SL_OK)
        status = sl_cli_fail(&cli, &err, NULL,
                             err.span.end > err.span.begin && sl_args_has(args, "where")
                                 ? sl_str(sl_args_get(args, "where", ""))
                                 : SL_STR(""));
    sl_buf_release(&call.text);
    sl_cli_close(&cli);
    return status;
}

static const struct sl_flag flags[] = {
    {"where", 0, "CONDITION", "compact: only these partitions, such as \"day >= '2025-01-01'\""},
    {"target-size", 0, "SIZE", "compact: of the new files (default: the table's, else 128m)"},
    {"small-size", 0, "SIZE", "compact: files below it are taken (default: the target size)"},
    {"writer-stopped", 0, NULL,
     "compact: of a Parquet table that Spark wrote: its query does not run now"},
    {"retain", 0, "TIME", "vacuum: how long removed files stay (default: the table's, else 168h)"},
    {"dry-run", 0, NULL, "vacuum: only tell what would be removed"},
    {"limit", 0, "N", "history: the newest N versions (default 20; 0 = all)"},
    {"json", 0, NULL, "JSON lines instead of text"},
    {NULL, 0, NULL, NULL},
};

extern const struct sl_command sl_command_table; /* commands.def */
const struct sl_command sl_command_table = {
    .name = "table",
    .summary = "look after tables: sizes, history, compaction, vacuum",
    .usage = "table ls|describe|detail|files|history|compact|vacuum PATH | format.`PATH`",
    .flags = flags,
    .examples = "  sluice table describe /data/lake/orders\n"
                "  sluice table compact /data/lake/orders --where \"day >= '2025-01-01'\"\n"
                "  sluice table vacuum /data/lake/orders --dry-run\n",
    .run = run,
};
