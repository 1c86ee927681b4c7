/* sluice table detail|history: what the table's format tells of it and of its versions. */
#include "cli/table_cli.h"
#include "kern/cast.h"

enum { HISTORY_ROWS = 20 };

enum { NAME_WIDTH = 18, LINE_WIDTH = 100 };

/* Maps and lists break between their members where a line would be too long. */
static void put_wrapped(struct sl_buf *out, const char *name, struct sl_str text) {
    sl_buf_printf(out, "  %-*s", NAME_WIDTH, name);
    while (text.len > LINE_WIDTH) {
        size_t cut = LINE_WIDTH;
        while (cut > 0 && !(text.ptr[cut] == ' ' && text.ptr[cut - 1] == ',')) cut--;
        if (cut == 0) break;
        sl_buf_printf(out, "%.*s\n  %-*s", (int)cut, text.ptr, NAME_WIDTH, "");
        text = sl_str_sub(text, cut + 1, text.len);
    }
    sl_buf_printf(out, "%.*s\n", SL_STR_ARG(text));
}

static bool is_empty(const struct sl_vec *vec, uint32_t row) {
    bool is_list = vec->type->kind == SL_MAP_KIND || vec->type->kind == SL_ARRAY_KIND;
    return sl_vec_is_null(vec, row) || (is_list && vec->offsets[row] == vec->offsets[row + 1]);
}

/* A line for each column that says something. */
static void put_column(struct sl_table_cli *call, const struct sl_report *report, uint32_t row,
                       const char *column, const char *name) {
    const struct sl_vec *vec = sl_table_column(report, column);
    struct sl_buf cell = {0};
    if (is_empty(vec, row)) return;
    sl_cast_put_text(&cell, vec, row, &call->command.session);
    struct sl_str text = sl_buf_str(&cell);
    if (vec->type->kind == SL_MAP_KIND || vec->type->kind == SL_ARRAY_KIND)
        text = sl_str_sub(text, 1, text.len - 1);
    put_wrapped(&call->text, name, text);
    sl_buf_release(&cell);
}

enum sl_code sl_table_detail(struct sl_table_cli *call, struct sl_err *err) {
    struct sl_report report = {0};
    enum sl_code code = call->command.ops->detail(&call->command.call, &report, err);
    if (code == SL_OK && call->json) {
        code = sl_table_print_report(call, &report, err);
    } else if (code == SL_OK) {
        for (uint32_t c = 0; c < report.schema->field_count; c++) {
            const char *name = sl_arena_cstr(&call->command.arena, report.schema->fields[c].name);
            put_column(call, &report, 0, name, name);
        }
        code = sl_table_print_text(call, err);
    }
    sl_report_release(&report);
    return code;
}

static void put_version(struct sl_table_cli *call, const struct sl_report *report, uint32_t row) {
    struct sl_buf head = {0};
    static const char *const parts[] = {"version", "timestamp", "operation"};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        const struct sl_vec *vec = sl_table_column(report, parts[i]);
        if (i) sl_buf_put_cstr(&head, "  ");
        if (!sl_vec_is_null(vec, row)) sl_cast_put_text(&head, vec, row, &call->command.session);
    }
    sl_buf_printf(&call->text, "%s\n", sl_buf_cstr(&head));
    put_column(call, report, row, "operationParameters", "parameters");
    put_column(call, report, row, "operationMetrics", "metrics");
    put_column(call, report, row, "engineInfo", "engine");
    sl_buf_release(&head);
}

enum sl_code sl_table_history(struct sl_table_cli *call, struct sl_err *err) {
    struct sl_report report = {0};
    int64_t limit = HISTORY_ROWS;
    SL_TRY(sl_args_int(call->args, "limit", &limit, err));
    if (limit < 0) return sl_fail(err, SL_USAGE, "`--limit` must not be negative");
    enum sl_code code = call->command.ops->history(&call->command.call, limit, &report, err);
    if (code == SL_OK && call->json) {
        code = sl_table_print_report(call, &report, err);
    } else if (code == SL_OK) {
        for (uint32_t row = 0; row < report.batch.rows; row++) put_version(call, &report, row);
        code = sl_table_print_text(call, err);
    }
    sl_report_release(&report);
    return code;
}
