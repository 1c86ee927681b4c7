/* One staged Parquet file: encoder and file together.  Staged means: complete and durable, but
 * under a name in the staging directory that no reader lists; the sink's commit gives it its final
 * name. Owner: one task. */
#ifndef SL_CONN_PARQUET_FILE_H
#define SL_CONN_PARQUET_FILE_H

#include "base/io.h"
#include "fmt/parquet/parquet_write.h"

struct sl_staged_file {
    char *staged; /* relative to the table root */
    char *final;
    uint64_t bytes, rows;
};
void sl_staged_file_release(struct sl_staged_file *file);

struct sl_parquet_file;
/* Begins table_dir/staged_name, to become final_name (both relative to the table root, copied).
 * encoder: reset and used until close or abort; borrowed. */
SL_MUST_CHECK enum sl_code sl_parquet_file_open(const char *table_dir, const char *staged_name,
                                                const char *final_name,
                                                struct sl_parquet_writer *encoder,
                                                struct sl_parquet_file **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_parquet_file_write(struct sl_parquet_file *file,
                                                 const struct sl_vec *const *columns,
                                                 const uint32_t *idx, uint32_t count,
                                                 struct sl_err *err);
uint64_t sl_parquet_file_rows(const struct sl_parquet_file *file);
/* Footer, fsync, close. Frees the file whatever happens. */
SL_MUST_CHECK enum sl_code sl_parquet_file_close(struct sl_parquet_file *file,
                                                 struct sl_staged_file *out, struct sl_err *err);
void sl_parquet_file_abort(struct sl_parquet_file *file);

#endif
