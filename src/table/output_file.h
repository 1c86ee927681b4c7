/* One data file being written: encoder and file together. Owner: one task. */
#ifndef SL_TABLE_OUTPUT_FILE_H
#define SL_TABLE_OUTPUT_FILE_H

#include "base/io.h"
#include "fmt/parquet/parquet_write.h"

/* An encoder that writes nowhere until a file begins with it. */
SL_MUST_CHECK enum sl_code
sl_output_encoder_new(const struct sl_type *schema, const struct sl_parquet_write_options *options,
                      struct sl_budget *budget, struct sl_parquet_writer **out, struct sl_err *err);
/* A data file's name as Spark makes it: "dir/part-00001-<uuid>.c000.snappy.parquet", without a
 * directory "part-00001-<uuid>-c000.snappy.parquet". */
void sl_output_file_put_name(struct sl_buf *out, const char *dir, uint32_t number, const char *uuid,
                             uint32_t counter, enum sl_codec codec);

struct sl_output_file;
/* Begins table_dir/written, to be known as `final` (both relative to the table, copied).
 * encoder: reset and used until close or abort; borrowed. */
SL_MUST_CHECK enum sl_code sl_output_file_open(const char *table_dir, const char *written,
                                               const char *final, struct sl_parquet_writer *encoder,
                                               struct sl_output_file **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_output_file_write(struct sl_output_file *file,
                                                const struct sl_vec *const *columns,
                                                const uint32_t *idx, uint32_t count,
                                                struct sl_err *err);
uint64_t sl_output_file_rows(const struct sl_output_file *file);
uint64_t sl_output_file_bytes(const struct sl_output_file *file); /* an estimate, until closed */
const char *sl_output_file_written(const struct sl_output_file *file);
const char *sl_output_file_final(const struct sl_output_file *file);
/* Footer, fsync, close. *bytes: of the file. The names stay until it is freed. */
SL_MUST_CHECK enum sl_code sl_output_file_close(struct sl_output_file *file, uint64_t *bytes,
                                                struct sl_err *err);
/* Removes what is not closed. NULL is fine. */
void sl_output_file_free(struct sl_output_file *file);

#endif
