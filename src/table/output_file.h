/* One data file being written: encoder and file together. Owner: one task. */
#ifndef SL_TABLE_OUTPUT_FILE_H
#define SL_TABLE_OUTPUT_FILE_H

#include "base/io.h"
#include "fmt/parquet/parquet_write.h"

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
