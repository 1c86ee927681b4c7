#include "table/output_file.h"

#include <stdlib.h>

struct sl_output_file {
    struct sl_file_writer *bytes; /* NULL: closed */
    struct sl_parquet_writer *encoder;
    char *written, *final;
};

static enum sl_code write_bytes(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    return sl_file_writer_write(ctx, bytes, len, err);
}

static enum sl_code no_bytes_yet(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    (void)ctx, (void)bytes, (void)len;
    return sl_fail(err, SL_BUG, "an encoder without a file was asked to write");
}

enum sl_code sl_output_encoder_new(const struct sl_type *schema,
                                   const struct sl_parquet_write_options *options,
                                   struct sl_budget *budget, struct sl_parquet_writer **out,
                                   struct sl_err *err) {
    return sl_parquet_writer_new(schema, options, budget, no_bytes_yet, NULL, out, err);
}

void sl_output_file_put_name(struct sl_buf *out, const char *dir, uint32_t number, const char *uuid,
                             uint32_t counter, enum sl_codec codec) {
    sl_buf_printf(out, "%s%spart-%05u-%s%cc%03u%s.parquet", dir, *dir ? "/" : "", number, uuid,
                  *dir ? '.' : '-', counter, sl_codec_extension(codec));
}

enum sl_code sl_output_file_open(const char *table_dir, const char *written, const char *final,
                                 struct sl_parquet_writer *encoder, struct sl_output_file **out,
                                 struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_writer *bytes;
    sl_arena_init(&arena, "path");
    enum sl_code code = sl_file_writer_open(sl_path_join(&arena, table_dir, written), &bytes, err);
    sl_arena_release(&arena);
    SL_TRY(code);
    struct sl_output_file *file = sl_xcalloc(1, sizeof *file);
    *file = (struct sl_output_file){bytes, encoder, strdup(written), strdup(final)};
    sl_parquet_writer_reset(encoder, write_bytes, bytes);
    *out = file;
    return SL_OK;
}

enum sl_code sl_output_file_write(struct sl_output_file *file, const struct sl_vec *const *columns,
                                  const uint32_t *idx, uint32_t count, struct sl_err *err) {
    return sl_parquet_writer_write(file->encoder, columns, idx, count, err);
}

uint64_t sl_output_file_rows(const struct sl_output_file *file) {
    return sl_parquet_writer_rows(file->encoder);
}
uint64_t sl_output_file_bytes(const struct sl_output_file *file) {
    return sl_parquet_writer_bytes(file->encoder);
}
const char *sl_output_file_written(const struct sl_output_file *file) { return file->written; }
const char *sl_output_file_final(const struct sl_output_file *file) { return file->final; }

enum sl_code sl_output_file_close(struct sl_output_file *file, uint64_t *bytes,
                                  struct sl_err *err) {
    SL_TRY(sl_parquet_writer_finish(file->encoder, err));
    *bytes = sl_file_writer_bytes(file->bytes);
    struct sl_file_writer *writer = file->bytes;
    file->bytes = NULL;
    return sl_file_writer_close(writer, err);
}

void sl_output_file_free(struct sl_output_file *file) {
    if (!file) return;
    sl_file_writer_abort(file->bytes);
    free(file->written);
    free(file->final);
    free(file);
}
