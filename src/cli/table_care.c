/* sluice table compact|vacuum: a table's files made few, and those that nobody needs removed. */
#include <stdio.h>

#include "base/json.h"
#include "base/quantity.h"
#include "cli/table_cli.h"
#include "table/layout.h"

/* ---- compact ---- */

static enum sl_code read_size(const struct sl_args *args, const char *name, int64_t *out,
                              struct sl_err *err) {
    const char *text = sl_args_get(args, name, NULL);
    if (!text || (sl_parse_bytes(sl_str(text), out) && *out > 0)) return SL_OK;
    return sl_fail(err, SL_USAGE, "`--%s` is `%s`; it must be a size, such as 128m", name, text);
}

static enum sl_code read_condition(struct sl_table_cli *call, struct sl_optimize *what,
                                   struct sl_err *err) {
    const char *text = sl_args_get(call->args, "where", NULL);
    struct sl_uexpr *expr;
    if (!text) return SL_OK;
    SL_TRY(sl_sql_parse_expr(&call->command.arena, sl_str(text), &expr, err));
    what->condition_text = sl_str(text);
    return sl_table_command_condition(&call->command, expr, &what->condition, err);
}

static int64_t number_of(const struct sl_vec *metrics, const char *name) {
    int at = sl_type_find_field(metrics->type, sl_str(name));
    return at < 0 ? 0 : metrics->children[at].i64[0];
}

static int64_t total_of(const struct sl_vec *metrics, const char *name) {
    int at = sl_type_find_field(metrics->type, sl_str(name));
    return at < 0 ? 0 : number_of(&metrics->children[at], "totalSize");
}

static void put_compaction(struct sl_buf *out, const struct sl_vec *metrics) {
    int64_t removed = number_of(metrics, "numFilesRemoved");
    if (removed == 0) {
        sl_buf_put_cstr(out, "nothing to compact\n");
        return;
    }
    sl_buf_printf(out, "%lld files of ", (long long)removed);
    sl_layout_put_bytes(out, (uint64_t)total_of(metrics, "filesRemoved"));
    sl_buf_printf(out, " became %lld of ", (long long)number_of(metrics, "numFilesAdded"));
    sl_layout_put_bytes(out, (uint64_t)total_of(metrics, "filesAdded"));
    int64_t ms = number_of(metrics, "endTimeMs") - number_of(metrics, "startTimeMs");
    sl_buf_printf(out, " in %lld partition%s, %.1f s\n",
                  (long long)number_of(metrics, "partitionsOptimized"),
                  number_of(metrics, "partitionsOptimized") == 1 ? "" : "s", (double)ms / 1000);
}

enum sl_code sl_table_compact(struct sl_table_cli *call, struct sl_err *err) {
    struct sl_optimize what = {0};
    struct sl_report report = {0};
    SL_TRY(read_size(call->args, "target-size", &what.target_bytes, err));
    SL_TRY(read_size(call->args, "small-size", &what.small_bytes, err));
    what.writer_stopped = sl_args_has(call->args, "writer-stopped");
    SL_TRY(read_condition(call, &what, err));
    sl_cli_catch_signals(call->cli);
    enum sl_code code = call->command.ops->optimize(&call->command.call, &what, &report, err);
    if (code == SL_OK && call->json)
        code = sl_table_print_report(call, &report, err);
    else if (code == SL_OK) {
        put_compaction(&call->text, &report.batch.columns[1]);
        code = sl_table_print_text(call, err);
    }
    sl_report_release(&report);
    return code;
}

/* ---- vacuum ---- */

struct vacuumed {
    struct sl_table_cli *call;
    uint64_t files;
};

static enum sl_code tell_vacuumed(void *ctx, struct sl_str path, struct sl_err *err) {
    struct vacuumed *vacuumed = ctx;
    struct sl_buf *out = &vacuumed->call->text;
    vacuumed->files++;
    if (vacuumed->call->json) {
        sl_buf_put_cstr(out, "{\"path\":");
        sl_json_put_string(out, path);
        sl_buf_put_cstr(out, "}\n");
    } else {
        sl_buf_printf(out, "%.*s\n", SL_STR_ARG(path));
    }
    return out->len > 1 << 16 ? sl_table_print_text(vacuumed->call, err) : SL_OK;
}

enum sl_code sl_table_vacuum(struct sl_table_cli *call, struct sl_err *err) {
    struct vacuumed vacuumed = {.call = call};
    struct sl_vacuum what = {.retention_ms = -1,
                             .dry_run = sl_args_has(call->args, "dry-run"),
                             .each = tell_vacuumed,
                             .ctx = &vacuumed};
    struct sl_report report = {0};
    const char *retain = sl_args_get(call->args, "retain", NULL);
    if (retain && !sl_parse_duration_ms(sl_str(retain), &what.retention_ms))
        return sl_fail(err, SL_USAGE, "`--retain` is `%s`; it must be a time, such as 168h",
                       retain);
    enum sl_code code = call->command.ops->vacuum(&call->command.call, &what, &report, err);
    if (code == SL_OK) code = sl_table_print_text(call, err);
    sl_report_release(&report);
    if (code == SL_OK && !call->cli->quiet)
        fprintf(stderr, "%llu file%s %s\n", (unsigned long long)vacuumed.files,
                vacuumed.files == 1 ? "" : "s", what.dry_run ? "would be removed" : "removed");
    return code;
}
