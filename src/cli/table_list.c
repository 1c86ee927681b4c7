/* sluice table ls|files: what there is. */
#include "base/json.h"
#include "cli/table_cli.h"
#include "run/table_find.h"
#include "table/layout.h"

/* ---- tables below a directory ---- */

struct listing {
    struct sl_table_cli *call;
    struct sl_report report;
    struct sl_arena arena;
};

struct size {
    uint64_t files, bytes;
};

static enum sl_code add_size(void *ctx, const struct sl_table_file *file, struct sl_err *err) {
    struct size *size = ctx;
    (void)err;
    size->files++;
    if (file->bytes > 0) size->bytes += (uint64_t)file->bytes;
    return SL_OK;
}

/* A table that cannot be read is listed all the same, with the reason. */
static enum sl_code add_table(void *ctx, const char *format, const char *path, struct sl_err *err) {
    struct listing *listing = ctx;
    struct sl_table_command command;
    struct sl_err local = {0};
    struct size size = {0};
    struct sl_buf row = {0}, bytes = {0};
    enum sl_code code = sl_table_command_open(&command, &listing->call->cli->engine, sl_str(format),
                                              sl_str(path), &local);
    if (code == SL_OK) code = command.ops->files(&command.call, add_size, &size, &local);
    sl_table_command_close(&command);
    sl_layout_put_bytes(&bytes, size.bytes);
    sl_buf_printf(&row, "{\"format\":\"%s\",\"path\":", format);
    sl_json_put_string(&row, sl_str(path));
    if (code == SL_OK) {
        sl_buf_printf(&row, ",\"files\":%llu,\"bytes\":%llu,\"size\":\"%s\"",
                      (unsigned long long)size.files, (unsigned long long)size.bytes,
                      sl_buf_cstr(&bytes));
    } else {
        sl_buf_put_cstr(&row, ",\"problem\":");
        sl_json_put_string(&row, sl_str(local.msg));
    }
    sl_buf_put_byte(&row, '}');
    code = sl_report_add_text(&listing->report, sl_buf_str(&row), err);
    sl_buf_release(&row);
    sl_buf_release(&bytes);
    return code;
}

enum sl_code sl_table_ls(struct sl_table_cli *call, const char *dir, struct sl_err *err) {
    struct listing listing = {.call = call};
    sl_arena_init(&listing.arena, "tables");
    sl_report_init(&listing.report, &listing.arena,
                   call->json ? "format STRING, path STRING, files BIGINT, bytes BIGINT, problem "
                                "STRING"
                              : "format STRING, path STRING, files BIGINT, size STRING, problem "
                                "STRING");
    enum sl_code code = sl_tables_find(&listing.arena, dir, add_table, &listing, err);
    if (code == SL_OK) code = sl_table_print_report(call, &listing.report, err);
    sl_report_release(&listing.report);
    sl_arena_release(&listing.arena);
    return code;
}

/* ---- files ---- */

struct file_rows {
    struct sl_report report;
    struct sl_buf row;
    bool json;
};

static enum sl_code add_file(void *ctx, const struct sl_table_file *file, struct sl_err *err) {
    struct file_rows *rows = ctx;
    struct sl_buf *row = &rows->row;
    sl_buf_clear(row);
    sl_buf_put_cstr(row, "{\"path\":");
    sl_json_put_string(row, file->path);
    sl_buf_put_cstr(row, ",\"partition\":");
    sl_json_put_string(row, file->partition);
    sl_buf_printf(row, ",\"bytes\":%lld,\"modified\":%lld,\"deletedRows\":%lld",
                  (long long)file->bytes, (long long)file->modified_ms,
                  (long long)file->deleted_rows);
    if (file->rows >= 0) sl_buf_printf(row, ",\"rows\":%lld", (long long)file->rows);
    sl_buf_put_byte(row, '}');
    return sl_report_add_text(&rows->report, sl_buf_str(row), err);
}

enum sl_code sl_table_files(struct sl_table_cli *call, struct sl_err *err) {
    struct file_rows rows = {0};
    sl_report_init(&rows.report, &call->command.arena,
                   "path STRING, partition STRING, bytes BIGINT, rows BIGINT, deletedRows BIGINT, "
                   "modified TIMESTAMP");
    enum sl_code code = call->command.ops->files(&call->command.call, add_file, &rows, err);
    if (code == SL_OK) code = sl_table_print_report(call, &rows.report, err);
    sl_buf_release(&rows.row);
    sl_report_release(&rows.report);
    return code;
}
