/* sluice table ls|describe|detail|files|history|compact|vacuum PATH */
#include <stdio.h>

#include "base/io.h"
#include "base/quantity.h"
#include "cli/cli.h"
#include "cli/row_text.h"
#include "conn/console/show.h"
#include "run/table_command.h"
#include "table/layout.h"

enum { ROWS_MAX = 1000000, HISTORY_ROWS = 20 };
#define SMALL_BYTES (UINT64_C(32) << 20)

/* One `sluice table` call. */
struct call {
    struct sl_cli *cli;
    const struct sl_args *args;
    struct sl_table_command command;
    struct sl_str name; /* of the table, as the user wrote it */
    bool json;
    struct sl_buf text;
};

static enum sl_code print_text(struct call *call, struct sl_err *err) {
    enum sl_code code = sl_cli_print(sl_buf_str(&call->text), err);
    sl_buf_clear(&call->text);
    return code;
}

static enum sl_code print_report(struct call *call, const struct sl_report *report,
                                 struct sl_err *err) {
    if (call->json) {
        for (uint32_t row = 0; row < report->batch.rows; row++)
            sl_json_put_row(&call->text, report->schema, &report->batch, row,
                            &call->command.session);
        return print_text(call, err);
    }
    struct sl_show *show = sl_show_new(report->schema, ROWS_MAX, 0);
    sl_show_add(show, &report->batch, &call->command.session);
    sl_show_finish(show, &call->text);
    sl_show_free(show);
    return print_text(call, err);
}

/* ---- tables below a directory ---- */

struct listing {
    struct call *call;
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
static enum sl_code add_table(struct listing *listing, const char *format, const char *path,
                              struct sl_err *err) {
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

static enum sl_code find_tables(struct listing *listing, const char *dir, int depth,
                                struct sl_err *err) {
    enum { DEPTH_MAX = 6 };
    char **names;
    size_t count;
    bool has_files = false;
    const char *format = NULL;
    SL_TRY(sl_io_list_dir(dir, &listing->arena, &names, &count, err));
    for (size_t i = 0; i < count; i++) {
        struct sl_str name = sl_str(names[i]);
        if (sl_str_eq(name, SL_STR("_delta_log"))) format = "delta";
        bool is_partition = name.ptr[0] != '_' && name.ptr[0] != '.' &&
                            sl_str_find(name, SL_STR("="), 0) != SIZE_MAX;
        has_files |= is_partition || sl_str_eq(name, SL_STR("_spark_metadata")) ||
                     (name.ptr[0] != '.' && sl_str_ends(name, SL_STR(".parquet")));
    }
    if (!format && has_files) format = "parquet";
    if (format) return add_table(listing, format, dir, err);
    for (size_t i = 0; i < count && depth < DEPTH_MAX; i++) {
        struct sl_file_info info;
        const char *child = sl_path_join(&listing->arena, dir, names[i]);
        if (names[i][0] == '_' || names[i][0] == '.') continue;
        SL_TRY(sl_io_stat(child, &info, err));
        if (info.is_dir) SL_TRY(find_tables(listing, child, depth + 1, err));
    }
    return SL_OK;
}

static enum sl_code list_tables(struct call *call, const char *dir, struct sl_err *err) {
    struct listing listing = {.call = call};
    sl_arena_init(&listing.arena, "tables");
    sl_report_init(&listing.report, &listing.arena,
                   call->json ? "format STRING, path STRING, files BIGINT, bytes BIGINT, problem "
                                "STRING"
                              : "format STRING, path STRING, files BIGINT, size STRING, problem "
                                "STRING");
    enum sl_code code = find_tables(&listing, dir, 0, err);
    if (code == SL_OK) code = print_report(call, &listing.report, err);
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

static enum sl_code print_files(struct call *call, struct sl_err *err) {
    struct file_rows rows = {0};
    sl_report_init(&rows.report, &call->command.arena,
                   "path STRING, partition STRING, bytes BIGINT, rows BIGINT, deletedRows BIGINT, "
                   "modified TIMESTAMP");
    enum sl_code code = call->command.ops->files(&call->command.call, add_file, &rows, err);
    if (code == SL_OK) code = print_report(call, &rows.report, err);
    sl_buf_release(&rows.row);
    sl_report_release(&rows.report);
    return code;
}

/* ---- describe ---- */

static enum sl_code add_to_layout(void *ctx, const struct sl_table_file *file, struct sl_err *err) {
    (void)err;
    sl_layout_add(ctx, file->partition, file->bytes, file->rows, file->deleted_rows);
    return SL_OK;
}

static void put_bar(struct sl_buf *out, uint64_t count, uint64_t most) {
    enum { WIDTH = 40 };
    uint64_t width = most ? (count * WIDTH + most - 1) / most : 0;
    for (uint64_t i = 0; i < width; i++) sl_buf_put_byte(out, '#');
}

static void put_histogram(struct sl_buf *out, const struct sl_layout *layout) {
    uint64_t most = 0;
    for (size_t i = 0; i < SL_LAYOUT_BUCKETS; i++)
        if (layout->counts[i] > most) most = layout->counts[i];
    sl_buf_put_cstr(out, "\nfile sizes\n");
    for (size_t i = 0; i < SL_LAYOUT_BUCKETS; i++) {
        sl_buf_printf(out, "  %-20s %9llu  ", sl_layout_names[i],
                      (unsigned long long)layout->counts[i]);
        put_bar(out, layout->counts[i], most);
        while (out->len && out->ptr[out->len - 1] == ' ') out->len--;
        sl_buf_put_byte(out, '\n');
    }
}

static void put_troubles(struct sl_buf *out, const struct sl_layout *layout, struct sl_str name,
                         bool json) {
    bool any = false;
    for (int i = 0; i < SL_LAYOUT_TROUBLES; i++) {
        struct sl_buf what = {0}, help = {0};
        if (sl_layout_judge(layout, (enum sl_layout_trouble)i, name, &what, &help)) {
            if (json) {
                sl_buf_put_cstr(out, any ? ",{\"warning\":" : "{\"warning\":");
                sl_json_put_string(out, sl_buf_str(&what));
                sl_buf_put_cstr(out, ",\"help\":");
                sl_json_put_string(out, sl_buf_str(&help));
                sl_buf_put_byte(out, '}');
            } else {
                sl_buf_printf(out, "\nwarning: %s\nhelp: %s\n", sl_buf_cstr(&what),
                              sl_buf_cstr(&help));
            }
            any = true;
        }
        sl_buf_release(&what);
        sl_buf_release(&help);
    }
}

static void put_size_line(struct sl_buf *out, const struct sl_layout *layout) {
    sl_buf_printf(out, "%-12s %llu files, ", "size", (unsigned long long)layout->files);
    sl_layout_put_bytes(out, layout->bytes);
    if (layout->files) {
        sl_buf_put_cstr(out, ", ");
        sl_layout_put_bytes(out, layout->bytes / layout->files);
        sl_buf_put_cstr(out, " each on the average");
    }
    if (layout->rows_known) sl_buf_printf(out, ", %llu rows", (unsigned long long)layout->rows);
    if (layout->deleted_rows)
        sl_buf_printf(out, ", %llu deleted", (unsigned long long)layout->deleted_rows);
    sl_buf_put_byte(out, '\n');
}

static struct sl_str text_of(const struct sl_report *report, const char *column) {
    int at = sl_type_find_field(report->schema, sl_str(column));
    const struct sl_vec *vec = at < 0 ? NULL : &report->batch.columns[at];
    return vec && !sl_vec_is_null(vec, 0) ? sl_vec_str(vec, 0) : SL_STR("");
}

static const struct sl_vec *column_of(const struct sl_report *report, const char *column) {
    return &report->batch.columns[sl_type_find_field(report->schema, sl_str(column))];
}

static void put_properties(struct sl_buf *out, const struct sl_report *detail) {
    const struct sl_vec *map = column_of(detail, "properties");
    for (uint32_t i = 0; i < map->children[0].rows; i++) {
        struct sl_str name = sl_vec_str(&map->children[0], i), value = SL_STR("null");
        if (!sl_vec_is_null(&map->children[1], i)) value = sl_vec_str(&map->children[1], i);
        sl_buf_printf(out, "%-12s %.*s = %.*s\n", i ? "" : "properties", SL_STR_ARG(name),
                      SL_STR_ARG(value));
    }
}

static void put_partitions(struct sl_buf *out, const struct sl_report *detail,
                           const struct sl_layout *layout) {
    const struct sl_vec *names = &column_of(detail, "partitionColumns")->children[0];
    if (names->rows == 0) return;
    sl_buf_printf(out, "%-12s ", "partitions");
    for (uint32_t i = 0; i < names->rows; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : "", SL_STR_ARG(sl_vec_str(names, i)));
    sl_buf_printf(out, ": %zu\n", layout->part_count);
}

static void put_columns(struct sl_buf *out, const struct sl_type *schema) {
    size_t width = 0;
    for (uint32_t c = 0; c < schema->field_count; c++)
        if (schema->fields[c].name.len > width) width = schema->fields[c].name.len;
    if (width > 40) width = 40;
    sl_buf_put_cstr(out, "\ncolumns\n");
    for (uint32_t c = 0; c < schema->field_count; c++) {
        const struct sl_field *field = &schema->fields[c];
        sl_buf_printf(out, "  %-*.*s  ", (int)width, SL_STR_ARG(field->name));
        sl_type_put_simple(out, field->type);
        if (field->comment.len) sl_buf_printf(out, "  -- %.*s", SL_STR_ARG(field->comment));
        sl_buf_put_byte(out, '\n');
    }
}

static void put_describe_text(struct call *call, const struct sl_report *detail,
                              const struct sl_type *schema, const struct sl_layout *layout) {
    struct sl_buf *out = &call->text;
    sl_buf_printf(out, "%-12s %.*s\n%-12s %.*s\n", "table", SL_STR_ARG(text_of(detail, "location")),
                  "format", SL_STR_ARG(text_of(detail, "format")));
    put_size_line(out, layout);
    put_partitions(out, detail, layout);
    put_properties(out, detail);
    put_columns(out, schema);
    put_histogram(out, layout);
    put_troubles(out, layout, call->name, false);
}

static void put_describe_json(struct call *call, const struct sl_report *detail,
                              const struct sl_type *schema, const struct sl_layout *layout) {
    struct sl_buf *out = &call->text;
    sl_json_put_row(out, detail->schema, &detail->batch, 0, &call->command.session);
    while (out->len && (out->ptr[out->len - 1] == '\n' || out->ptr[out->len - 1] == '}'))
        if (out->ptr[--out->len] == '}') break;
    sl_buf_put_cstr(out, ",\"schema\":");
    sl_type_put_json(out, schema);
    sl_buf_printf(out, ",\"numPartitions\":%zu,\"smallFiles\":%llu", layout->part_count,
                  (unsigned long long)layout->small_files);
    if (layout->rows_known) sl_buf_printf(out, ",\"rows\":%llu", (unsigned long long)layout->rows);
    sl_buf_printf(out, ",\"deletedRows\":%llu,\"fileSizes\":[",
                  (unsigned long long)layout->deleted_rows);
    for (size_t i = 0; i < SL_LAYOUT_BUCKETS; i++) {
        sl_buf_printf(out, "%s{\"from\":%llu", i ? "," : "",
                      (unsigned long long)(i ? sl_layout_bounds[i - 1] : 0));
        if (i + 1 < SL_LAYOUT_BUCKETS)
            sl_buf_printf(out, ",\"below\":%llu", (unsigned long long)sl_layout_bounds[i]);
        sl_buf_printf(out, ",\"files\":%llu,\"bytes\":%llu}", (unsigned long long)layout->counts[i],
                      (unsigned long long)layout->sizes[i]);
    }
    sl_buf_put_cstr(out, "],\"warnings\":[");
    put_troubles(out, layout, call->name, true);
    sl_buf_put_cstr(out, "]}\n");
}

static enum sl_code describe_with(struct call *call, struct sl_report *detail,
                                  struct sl_layout *layout, struct sl_err *err) {
    const struct sl_table_ops *ops = call->command.ops;
    const struct sl_type *schema;
    SL_TRY(ops->detail(&call->command.call, detail, err));
    SL_TRY(ops->files(&call->command.call, add_to_layout, layout, err));
    SL_TRY(sl_table_command_schema(&call->command, &schema, err));
    if (call->json)
        put_describe_json(call, detail, schema, layout);
    else
        put_describe_text(call, detail, schema, layout);
    return print_text(call, err);
}

static enum sl_code describe(struct call *call, struct sl_err *err) {
    struct sl_report detail = {0};
    struct sl_layout layout;
    sl_layout_init(&layout, SMALL_BYTES);
    enum sl_code code = describe_with(call, &detail, &layout, err);
    sl_layout_release(&layout);
    sl_report_release(&detail);
    return code;
}

/* ---- compact ---- */

static enum sl_code read_size(const struct sl_args *args, const char *name, int64_t *out,
                              struct sl_err *err) {
    const char *text = sl_args_get(args, name, NULL);
    if (!text || (sl_parse_bytes(sl_str(text), out) && *out > 0)) return SL_OK;
    return sl_fail(err, SL_USAGE, "`--%s` is `%s`; it must be a size, such as 128m", name, text);
}

static enum sl_code read_condition(struct call *call, struct sl_optimize *what,
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

static enum sl_code compact(struct call *call, struct sl_err *err) {
    struct sl_optimize what = {0};
    struct sl_report report = {0};
    SL_TRY(read_size(call->args, "target-size", &what.target_bytes, err));
    SL_TRY(read_size(call->args, "small-size", &what.small_bytes, err));
    what.writer_stopped = sl_args_has(call->args, "writer-stopped");
    SL_TRY(read_condition(call, &what, err));
    sl_cli_catch_signals(call->cli);
    enum sl_code code = call->command.ops->optimize(&call->command.call, &what, &report, err);
    if (code == SL_OK && call->json)
        code = print_report(call, &report, err);
    else if (code == SL_OK) {
        put_compaction(&call->text, &report.batch.columns[1]);
        code = print_text(call, err);
    }
    sl_report_release(&report);
    return code;
}

/* ---- vacuum ---- */

struct vacuumed {
    struct call *call;
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
    return out->len > 1 << 16 ? print_text(vacuumed->call, err) : SL_OK;
}

static enum sl_code vacuum(struct call *call, struct sl_err *err) {
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
    if (code == SL_OK) code = print_text(call, err);
    sl_report_release(&report);
    if (code == SL_OK && !call->cli->quiet)
        fprintf(stderr, "%llu file%s %s\n", (unsigned long long)vacuumed.files,
                vacuumed.files == 1 ? "" : "s", what.dry_run ? "would be removed" : "removed");
    return code;
}

/* ---- the others ---- */

static enum sl_code detail(struct call *call, struct sl_err *err) {
    struct sl_report report = {0};
    enum sl_code code = call->command.ops->detail(&call->command.call, &report, err);
    if (code == SL_OK) code = print_report(call, &report, err);
    sl_report_release(&report);
    return code;
}

static enum sl_code history(struct call *call, struct sl_err *err) {
    struct sl_report report = {0};
    int64_t limit = HISTORY_ROWS;
    SL_TRY(sl_args_int(call->args, "limit", &limit, err));
    if (limit < 0) return sl_fail(err, SL_USAGE, "`--limit` must not be negative");
    enum sl_code code = call->command.ops->history(&call->command.call, limit, &report, err);
    if (code == SL_OK && call->json) {
        code = print_report(call, &report, err);
    } else if (code == SL_OK) {
        /* the columns that say something; the others are for Delta's tools */
        static const char *const wanted[] = {"version",          "timestamp",
                                             "operation",        "operationParameters",
                                             "operationMetrics", "engineInfo"};
        enum { WANTED = sizeof wanted / sizeof *wanted };
        struct sl_field fields[WANTED];
        struct sl_vec columns[WANTED];
        for (size_t i = 0; i < WANTED; i++) {
            int at = sl_type_find_field(report.schema, sl_str(wanted[i]));
            fields[i] = report.schema->fields[at];
            columns[i] = report.batch.columns[at];
        }
        struct sl_report chosen = report;
        chosen.schema = sl_type_struct(&call->command.arena, fields, WANTED);
        chosen.batch.schema = chosen.schema;
        chosen.batch.columns = columns;
        code = print_report(call, &chosen, err);
    }
    sl_report_release(&report);
    return code;
}

/* ---- choosing ---- */

static const struct action {
    const char *name;
    enum sl_code (*run)(struct call *call, struct sl_err *err);
    size_t op; /* what the format must have */
} actions[] = {
#define OP(member) offsetof(struct sl_table_ops, member)
    {"describe", describe, OP(files)},  {"detail", detail, OP(detail)},
    {"files", print_files, OP(files)},  {"history", history, OP(history)},
    {"compact", compact, OP(optimize)}, {"optimize", compact, OP(optimize)},
    {"vacuum", vacuum, OP(vacuum)},
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

static enum sl_code run_action(struct call *call, const struct action *action, struct sl_err *err) {
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
    struct call call = {.cli = &cli, .args = args, .json = sl_args_has(args, "json")};
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
        code = is_list ? list_tables(&call, args->positional[1], &err)
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
    {"json", 0, NULL, "JSON lines instead of tables"},
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
