/* Parquet files for tests, and their rows read back. */
#ifndef DATA_FILE_H
#define DATA_FILE_H

#include "fmt/parquet/parquet_write.h"
#include "temp_dir.h"
#include "unit.h"

static inline enum sl_code data_file_put(void *ctx, const void *bytes, size_t len,
                                         struct sl_err *err) {
    (void)err;
    sl_buf_put(ctx, bytes, len);
    return SL_OK;
}

static inline void check_ok(enum sl_code code, const struct sl_err *err) {
    if (code != SL_OK) fail_msg("%s: %s < %s", sl_code_name(code), err->msg, err->ctx);
}

/* dir/name with the columns; group_rows 0: one row group. */
static inline void data_file_write(const char *dir, const char *name, const struct sl_type *schema,
                                   const struct sl_vec *const *columns, uint32_t rows,
                                   uint32_t group_rows) {
    struct sl_parquet_write_options options;
    struct sl_parquet_writer *writer;
    struct sl_buf bytes = {0};
    struct sl_err err = {0};
    sl_parquet_write_options_init(&options);
    if (group_rows) options.row_group_rows = group_rows;
    check_ok(sl_parquet_writer_new(schema, &options, NULL, data_file_put, &bytes, &writer, &err),
             &err);
    check_ok(sl_parquet_writer_write(writer, columns, NULL, rows, &err), &err);
    check_ok(sl_parquet_writer_finish(writer, &err), &err);
    sl_parquet_writer_free(writer);
    temp_dir_write(dir, name, bytes.ptr, bytes.len);
    sl_buf_release(&bytes);
}

/* One column `name` of begin .. end - 1. */
static inline void data_file_range(const char *dir, const char *file, const char *name,
                                   const struct sl_type *type, int64_t begin, int64_t end,
                                   uint32_t group_rows) {
    struct sl_field field = {.name = sl_str(name), .type = type, .nullable = true};
    struct sl_type schema = {.kind = SL_STRUCT_KIND, .field_count = 1, .fields = &field};
    struct sl_vec values;
    const struct sl_vec *columns[] = {&values};
    sl_vec_init(&values, type);
    for (int64_t v = begin; v < end; v++) assert_int_equal(sl_vec_put_i64(&values, v, NULL), SL_OK);
    data_file_write(dir, file, &schema, columns, (uint32_t)(end - begin), group_rows);
    sl_vec_release(&values);
}

#endif
