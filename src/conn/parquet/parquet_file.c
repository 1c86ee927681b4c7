#include "conn/parquet/parquet_file.h"

#include <stdlib.h>

struct sl_parquet_file {
    struct sl_file_writer *bytes;
    struct sl_parquet_writer *encoder;
    struct sl_staged_file names;
};

void sl_staged_file_release(struct sl_staged_file *file) {
    free(file->staged);
    free(file->final);
    *file = (struct sl_staged_file){0};
}

static enum sl_code write_bytes(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    return sl_file_writer_write(ctx, bytes, len, err);
}

enum sl_code sl_parquet_file_open(const char *table_dir, const char *staged_name,
                                  const char *final_name, struct sl_parquet_writer *encoder,
                                  struct sl_parquet_file **out, struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_writer *bytes;
    sl_arena_init(&arena, "path");
    enum sl_code code =
        sl_file_writer_open(sl_path_join(&arena, table_dir, staged_name), &bytes, err);
    sl_arena_release(&arena);
    SL_TRY(code);
    struct sl_parquet_file *file = sl_xcalloc(1, sizeof *file);
    *file = (struct sl_parquet_file){
        .bytes = bytes,
        .encoder = encoder,
        .names = {.staged = strdup(staged_name), .final = strdup(final_name)}};
    sl_parquet_writer_reset(encoder, write_bytes, bytes);
    *out = file;
    return SL_OK;
}

enum sl_code sl_parquet_file_write(struct sl_parquet_file *file,
                                   const struct sl_vec *const *columns, const uint32_t *idx,
                                   uint32_t count, struct sl_err *err) {
    return sl_parquet_writer_write(file->encoder, columns, idx, count, err);
}

uint64_t sl_parquet_file_rows(const struct sl_parquet_file *file) {
    return sl_parquet_writer_rows(file->encoder);
}

enum sl_code sl_parquet_file_close(struct sl_parquet_file *file, struct sl_staged_file *out,
                                   struct sl_err *err) {
    enum sl_code code = sl_parquet_writer_finish(file->encoder, err);
    file->names.rows = sl_parquet_writer_rows(file->encoder);
    file->names.bytes = sl_file_writer_bytes(file->bytes);
    if (code == SL_OK)
        code = sl_file_writer_close(file->bytes, err);
    else
        sl_file_writer_abort(file->bytes);
    if (code == SL_OK)
        *out = file->names;
    else
        sl_staged_file_release(&file->names);
    free(file);
    return code;
}

void sl_parquet_file_abort(struct sl_parquet_file *file) {
    if (!file) return;
    sl_file_writer_abort(file->bytes);
    sl_staged_file_release(&file->names);
    free(file);
}
