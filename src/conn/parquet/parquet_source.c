/* Parquet as a file format: schema of the first file, rows by table/table_scan. */
#include "conn/parquet/parquet_source.h"

#include <stdlib.h>

#include "base/io.h"
#include "conn/file_source.h"
#include "conn/parquet/parquet_sink_int.h"
#include "conn/parquet/parquet_table.h"
#include "fmt/parquet/parquet_read.h"
#include "lake/place.h"
#include "table/table_scan.h"

struct sl_format_reader {
    struct sl_scan_file file;
    struct sl_table_reader *rows;
};

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/file_source_options.def"
};
static const char *const free_prefixes[] = {SL_FILE_SOURCE_PREFIXES, NULL};
static const struct sl_option_table option_table = {
    "the Parquet source", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

/* ---- schema ---- */

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

/* The types belong to the reader of the file: copied through their JSON. */
static enum sl_code copy_schema(struct sl_arena *query, const struct sl_type *file,
                                const struct sl_type **out, struct sl_err *err) {
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, file->field_count + 1);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < file->field_count && code == SL_OK; i++) {
        struct sl_buf type = {0};
        fields[i] =
            (struct sl_field){.name = sl_arena_str(query, file->fields[i].name), .nullable = true};
        sl_type_put_json(&type, file->fields[i].type);
        code =
            sl_type_parse_json(query, sl_arena_str(query, sl_buf_str(&type)), &fields[i].type, err);
        sl_buf_release(&type);
    }
    if (code == SL_OK) *out = sl_type_struct(query, fields, file->field_count);
    return code;
}

/* The schema of the first file, as Spark does without mergeSchema. */
static enum sl_code infer(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err) {
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    *out = NULL;
    if (source->listing.count == 0) return SL_OK;
    const char *path = source->listing.files[0].path;
    SL_TRY(sl_file_reader_open(path, &bytes, err));
    enum sl_code code = sl_parquet_reader_open(read_bytes, bytes, sl_file_reader_bytes(bytes),
                                               source->env->budget, &parquet, err);
    if (code == SL_OK) {
        code = copy_schema(source->env->query, sl_parquet_reader_schema(parquet), out, err);
        sl_parquet_reader_close(parquet);
    }
    if (code != SL_OK) sl_context(err, "file `%s`", path);
    sl_file_reader_close(bytes);
    return code;
}

/* Staged files and intents of every exchange come and go in this directory: its time tells of one
 * that has begun and ended since. */
static enum sl_code read_stamp(struct sl_arena *arena, const char *path, int64_t *stamp,
                               struct sl_err *err) {
    struct sl_file_info info;
    bool has_log;
    *stamp = 0;
    SL_TRY(sl_parquet_table_has_log(arena, path, &has_log, err));
    if (has_log) return SL_OK; /* a listing by the log is of one moment */
    SL_TRY(sl_io_stat(sl_path_join(arena, path, ".sluice-staging"), &info, err));
    if (info.exists) *stamp = info.modified_ms;
    return SL_OK;
}

static enum sl_code check_path(const struct sl_file_source *source, int64_t *stamp,
                               struct sl_err *err) {
    struct sl_arena arena; /* a stream checks again and again */
    sl_arena_init(&arena, "path");
    enum sl_code code = sl_place_check_not_delta(&arena, sl_str(source->path), err);
    if (code == SL_OK) code = read_stamp(&arena, source->path, stamp, err);
    if (code == SL_OK) code = sl_parquet_replace_check(&arena, source->path, err);
    sl_arena_release(&arena);
    return code;
}

/* ---- rows ---- */

static enum sl_code start(struct sl_file_source *source, struct sl_err *err) {
    (void)err;
    const struct sl_type *files =
        sl_type_struct(source->env->query, source->schema->fields, source->data_count);
    source->state = sl_table_scan_new(
        source->env->query,
        &(struct sl_table_scan_config){.schema = files,
                                       .widen = source->streaming ||
                                                sl_file_source_str(source, "schema").len > 0,
                                       .session = source->env->session,
                                       .budget = source->env->budget});
    return SL_OK;
}

/* What speaks of partition columns has ruled files out before. */
static void restrict_to(struct sl_file_source *source, struct sl_expr *const *conditions,
                        uint32_t count, const uint32_t *columns) {
    sl_table_scan_restrict(source->state, conditions, count, columns, NULL);
}

static void close_reader(struct sl_format_reader *reader) {
    if (!reader) return;
    sl_table_reader_close(reader->rows);
    free(reader);
}

static enum sl_code open_reader(const struct sl_file_source *source,
                                const struct sl_file_range *range, const bool *wanted,
                                struct sl_format_reader **out, struct sl_err *err) {
    struct sl_format_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->file = (struct sl_scan_file){.path = range->path, .bytes = range->bytes};
    enum sl_code code =
        sl_table_reader_open(source->state, &reader->file, wanted, &reader->rows, err);
    if (code != SL_OK)
        close_reader(reader);
    else
        *out = reader;
    return code;
}

static enum sl_code next_rows(struct sl_format_reader *reader, uint32_t rows_max,
                              struct sl_batch *batch, struct sl_err *err) {
    return sl_table_reader_next(reader->rows, rows_max, batch, err);
}

static const struct sl_file_format format = {
    .name = "parquet",
    .options = &option_table,
    .check_path = check_path,
    .infer = infer,
    .start = start,
    .restrict_to = restrict_to,
    .open = open_reader,
    .next = next_rows,
    .close = close_reader,
};

enum sl_code sl_parquet_source_open(const struct sl_conn_env *env, const struct sl_options *options,
                                    struct sl_str path, bool streaming, struct sl_source **out,
                                    struct sl_err *err) {
    return sl_file_source_open(&format, env, options, path, streaming, out, err);
}

enum sl_code sl_parquet_source_check(const struct sl_options *options, bool streaming,
                                     struct sl_err *err) {
    return sl_file_source_check(&format, options, streaming, err);
}
