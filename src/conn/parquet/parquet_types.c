/* Types of a stream's columns against those of the files that are there.  Parquet has no schema of
 * a table: a column that changed its type between two runs would only be noticed by readers, and by
 * some of them as wrong values. */
#include "conn/parquet/parquet_sink_int.h"
#include "fmt/parquet/parquet_read.h"

enum { BATCHES_BACK = 20, TOLD_MAX = 4 }; /* batches may have no files, and files may be removed */

/* ---- the newest file ---- */

static enum sl_code find_newest(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                const char **path, struct sl_err *err) {
    int64_t last = sl_sink_log_last(sink->log);
    *path = NULL;
    for (int64_t id = last; id >= 0 && id > last - BATCHES_BACK; id--) {
        struct sl_sink_file file;
        struct sl_file_info info;
        SL_TRY(sl_sink_log_last_file(sink->log, id, arena, &file, err));
        if (!file.path.len) continue;
        const char *found = file.path.ptr[0] == '/'
                                ? file.path.ptr
                                : sl_path_join(arena, sink->table_dir, file.path.ptr);
        SL_TRY(sl_io_stat(found, &info, err));
        if (!info.exists) continue;
        *path = found;
        return SL_OK;
    }
    return SL_OK;
}

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

/* ---- comparing ---- */

struct difference {
    const struct sl_sink_config *config;
    struct sl_buf text;
    uint32_t count;
};

/* Nullability is no difference, and neither is a field that only one of the two has. */
static bool is_same(const struct sl_type *file, const struct sl_type *query) {
    if (file->kind != query->kind) return false;
    if (!sl_type_is_nested(file)) return sl_type_equal(file, query);
    for (uint32_t i = 0; i < query->field_count; i++) {
        int at =
            file->kind == SL_STRUCT_KIND ? sl_type_find_field(file, query->fields[i].name) : (int)i;
        if (at >= 0 && !is_same(file->fields[at].type, query->fields[i].type)) return false;
    }
    return true;
}

static bool is_partition(const struct sl_sink_config *config, uint32_t column) {
    for (uint32_t i = 0; i < config->partition_count; i++)
        if (config->partition_columns[i] == column) return true;
    return false;
}

static void add_difference(struct difference *out, const struct sl_field *file,
                           const struct sl_field *query) {
    if (out->count++ >= TOLD_MAX) return;
    sl_buf_printf(&out->text, "%s`%.*s` is ", out->text.len ? "; " : "", SL_STR_ARG(query->name));
    sl_type_put_sql(&out->text, file->type);
    sl_buf_put_cstr(&out->text, " there and ");
    sl_type_put_sql(&out->text, query->type);
    sl_buf_put_cstr(&out->text, " in the query");
}

static int find_nocase(const struct sl_type *schema, struct sl_str name) {
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (sl_str_eq_nocase(schema->fields[i].name, name)) return (int)i;
    return -1;
}

static void compare(struct difference *out, const struct sl_type *file) {
    const struct sl_type *query = out->config->schema;
    for (uint32_t c = 0; c < query->field_count; c++) {
        int at = is_partition(out->config, c) ? -1 : find_nocase(file, query->fields[c].name);
        if (at >= 0 && !is_same(file->fields[at].type, query->fields[c].type))
            add_difference(out, &file->fields[at], &query->fields[c]);
    }
}

static enum sl_code refuse(const struct difference *found, const char *path, struct sl_err *err) {
    char more[32] = "";
    if (found->count > TOLD_MAX)
        snprintf(more, sizeof more, "; and %u more", found->count - TOLD_MAX);
    sl_fail(err, SL_USER, "columns would change their type: %.*s%s (newest file `%s`)",
            SL_STR_ARG(sl_buf_str(&found->text)), more, path);
    return sl_hint(err, "readers take one type for all files of a directory: CAST the column to "
                        "what it was, give it a new name, or the table a new LOCATION and "
                        "checkpoint"),
           SL_USER;
}

/* A file that cannot be read is its readers' trouble, not this batch's. */
static enum sl_code compare_file(struct sl_parquet_sink *sink, const char *path,
                                 struct sl_err *err) {
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    struct sl_err ignored;
    struct difference found = {.config = &sink->config};
    if (sl_file_reader_open(path, &bytes, &ignored) != SL_OK) return SL_OK;
    if (sl_parquet_reader_open(read_bytes, bytes, sl_file_reader_bytes(bytes), sink->env->budget,
                               &parquet, &ignored) == SL_OK) {
        compare(&found, sl_parquet_reader_schema(parquet));
        sl_parquet_reader_close(parquet);
    }
    sl_file_reader_close(bytes);
    enum sl_code code = found.count ? refuse(&found, path, err) : SL_OK;
    sl_buf_release(&found.text);
    return code;
}

enum sl_code sl_parquet_check_types(struct sl_parquet_sink *sink, struct sl_err *err) {
    struct sl_arena arena;
    const char *path;
    sl_arena_init(&arena, "types");
    enum sl_code code = find_newest(sink, &arena, &path, err);
    if (code == SL_OK && path) code = compare_file(sink, path, err);
    sl_arena_release(&arena);
    return code;
}
