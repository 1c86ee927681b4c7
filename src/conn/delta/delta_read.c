#include "conn/delta/delta_read.h"

#include <errno.h>
#include <stdlib.h>

#include "lake/delta/delta_error.h"
#include "lake/place.h"

struct reader {
    struct sl_reader base;
    const struct sl_delta_read *read;
    struct sl_scan_file file;
    struct sl_deletion_vector *deleted;
    bool *wanted; /* in the scan's order */
    struct sl_table_reader *rows;
    struct sl_arena arena;
    struct sl_batch batch; /* of the scan's columns */
};

/* ---- the table ---- */

const char *sl_delta_read_dir(struct sl_arena *query, const struct sl_options *options,
                              struct sl_str path) {
    const struct sl_option *given = sl_options_find(options, SL_STR("path"));
    if (path.len == 0 && given) path = given->value;
    return sl_arena_cstr(query, sl_place_plain(path));
}

enum sl_code sl_delta_read_no_table(const char *table_dir, struct sl_err *err) {
    struct sl_file_info info;
    SL_TRY(sl_io_stat(table_dir, &info, err));
    if (!info.exists)
        return sl_delta_fail(err, SL_USER, "DELTA_PATH_DOES_NOT_EXIST", "42K03",
                             "`%s` does not exist", table_dir);
    sl_delta_fail(err, SL_USER, "DELTA_MISSING_DELTA_TABLE", "42P01",
                  "`%s` is not a Delta table: it has no version in `_delta_log`", table_dir);
    sl_hint(err, "plain Parquet files are read with parquet.`%s`", table_dir);
    return SL_USER;
}

enum sl_code sl_delta_read_begin(struct sl_delta_read *read,
                                 const struct sl_delta_metadata *metadata, struct sl_err *err) {
    const struct sl_conn_env *env = read->env;
    SL_TRY(sl_delta_columns_make(env->query, metadata, &read->columns, err));
    read->scan = sl_table_scan_new(
        env->query, &(struct sl_table_scan_config){.schema = read->columns.scan,
                                                   .partition_count = read->columns.partition_count,
                                                   .physical = read->columns.physical,
                                                   .widen = true,
                                                   .session = env->session,
                                                   .budget = env->budget});
    return SL_OK;
}

struct sl_split *sl_delta_read_splits(struct sl_arena *epoch, const struct sl_delta_files *files) {
    struct sl_split *splits = SL_NEW_ARRAY(epoch, struct sl_split, files->count + 1);
    for (uint32_t i = 0; i < files->count; i++)
        splits[i] = (struct sl_split){.index = i,
                                      .description = sl_str(files->items[i].scan.path),
                                      .rows_estimate = files->items[i].rows_estimate,
                                      .detail = &files->items[i]};
    return splits;
}

const struct sl_type *sl_delta_read_schema(const struct sl_source *source) {
    return ((const struct sl_delta_read *)source)->columns.schema;
}

struct sl_str sl_delta_read_description(const struct sl_source *source) {
    return ((const struct sl_delta_read *)source)->description;
}

void sl_delta_read_restrict(struct sl_source *source, struct sl_expr *const *conditions,
                            uint32_t count, const uint32_t *columns) {
    struct sl_delta_read *read = (struct sl_delta_read *)source;
    sl_table_scan_restrict(read->scan, conditions, count, columns, read->columns.scan_column);
}

/* ---- reading a file ---- */

void sl_delta_reader_close(struct sl_reader *base) {
    struct reader *reader = (struct reader *)base;
    if (!reader) return;
    sl_table_reader_close(reader->rows);
    sl_batch_release(&reader->batch);
    if (reader->deleted) sl_deletion_vector_free(reader->deleted);
    sl_arena_release(&reader->arena);
    free(reader);
}

static enum sl_code lost_file(const struct reader *reader, struct sl_err *err) {
    sl_delta_fail(err, SL_DATA, "DELTA_FILE_NOT_FOUND_DETAILED", "42K03",
                  "the file `%s` is gone, but the version of the Delta table `%s` that is read "
                  "needs it",
                  reader->file.path, reader->read->table_dir);
    sl_hint(err, "files go by VACUUM, or when somebody deletes them by hand; a newer version of "
                 "the table may do without it");
    return SL_DATA;
}

static enum sl_code start_reader(struct reader *reader, const struct sl_delta_scan_file *file,
                                 const bool *wanted, struct sl_err *err) {
    const struct sl_delta_read *read = reader->read;
    uint32_t count = read->columns.scan->field_count;
    reader->file = file->scan;
    reader->wanted = SL_NEW_ARRAY(&reader->arena, bool, count + 1);
    for (uint32_t c = 0; c < count; c++) reader->wanted[c] = wanted[read->columns.table_column[c]];
    sl_batch_init(&reader->batch, read->columns.scan, &reader->arena);
    SL_TRY(sl_delta_files_hide_deleted(read->table_dir, &file->vector, &reader->file,
                                       &reader->deleted, err));
    enum sl_code code =
        sl_table_reader_open(read->scan, &reader->file, reader->wanted, &reader->rows, err);
    return code == SL_IO && err && err->sys == ENOENT ? lost_file(reader, err) : code;
}

enum sl_code sl_delta_reader_open(struct sl_source *source, const struct sl_split *split,
                                  const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    struct reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->base.ops = source->ops;
    reader->read = (const struct sl_delta_read *)source;
    sl_arena_init(&reader->arena, "Delta reader");
    enum sl_code code = start_reader(reader, split->detail, wanted, err);
    if (code != SL_OK)
        sl_delta_reader_close(&reader->base);
    else
        *out = &reader->base;
    return code;
}

enum sl_code sl_delta_reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                  struct sl_err *err) {
    struct reader *reader = (struct reader *)base;
    struct sl_batch *from = &reader->batch;
    sl_batch_clear(from);
    SL_TRY(sl_table_reader_next(reader->rows, rows_max, from, err));
    for (uint32_t c = 0; c < from->schema->field_count; c++)
        sl_vec_borrow(&batch->columns[reader->read->columns.table_column[c]], &from->columns[c]);
    batch->rows = from->rows;
    batch->selected = from->selected;
    batch->selected_rows = from->selected_rows;
    batch->origin = from->origin;
    return SL_OK;
}
