/* sluice table describe: what a table is like. */
#include "base/json.h"
#include "cli/row_text.h"
#include "cli/table_cli.h"
#include "table/layout.h"

#define SMALL_BYTES (UINT64_C(32) << 20)

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

static void put_properties(struct sl_buf *out, const struct sl_report *detail) {
    const struct sl_vec *map = sl_table_column(detail, "properties");
    for (uint32_t i = 0; i < map->children[0].rows; i++) {
        struct sl_str name = sl_vec_str(&map->children[0], i), value = SL_STR("null");
        if (!sl_vec_is_null(&map->children[1], i)) value = sl_vec_str(&map->children[1], i);
        sl_buf_printf(out, "%-12s %.*s = %.*s\n", i ? "" : "properties", SL_STR_ARG(name),
                      SL_STR_ARG(value));
    }
}

static void put_partitions(struct sl_buf *out, const struct sl_report *detail,
                           const struct sl_layout *layout) {
    const struct sl_vec *names = &sl_table_column(detail, "partitionColumns")->children[0];
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

static void put_describe_text(struct sl_table_cli *call, const struct sl_report *detail,
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

static void put_describe_json(struct sl_table_cli *call, const struct sl_report *detail,
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

static enum sl_code describe_with(struct sl_table_cli *call, struct sl_report *detail,
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
    return sl_table_print_text(call, err);
}

enum sl_code sl_table_describe(struct sl_table_cli *call, struct sl_err *err) {
    struct sl_report detail = {0};
    struct sl_layout layout;
    sl_layout_init(&layout, SMALL_BYTES);
    enum sl_code code = describe_with(call, &detail, &layout, err);
    sl_layout_release(&layout);
    sl_report_release(&detail);
    return code;
}
