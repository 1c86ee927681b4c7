/* Parquet writer: batches in, one complete file out.  Profile `compat`, which every reader knows:
 * v1 data pages, RLE_DICTIONARY with early give-up to PLAIN, CRC, statistics, column and offset
 * index, encoding_stats, size_statistics; INT64 micros timestamps; every column OPTIONAL unless the
 * field is not nullable (Spark writes all optional in streaming).
 *
 * Memory: one column buffer set per open file, bounded by row_group_bytes; told to the budget after
 * each batch. When the budget refuses, the row group ends early; only if that is not enough the
 * batch fails with SL_NOMEM.
 *
 * A float column chunk that holds NaN gets no min/max and no column index: Spark and DuckDB order
 * NaN above all numbers, and bounds without it would let them skip rows (parquet.thrift
 * allows leaving them out). The writer produces bytes through a callback, so it does no I/O and
 * knows no paths. Owner: one thread.
 */
#ifndef SL_FMT_PARQUET_WRITE_H
#define SL_FMT_PARQUET_WRITE_H

#include "base/budget.h"
#include "col/vec.h"
#include "fmt/parquet/parquet_codec.h"

struct sl_parquet_write_options {
    enum sl_codec codec;     /* default SNAPPY */
    int zstd_level;          /* 1 */
    size_t page_bytes;       /* before compression; default 128 KiB, so that it stays in L2 */
    uint32_t page_rows;      /* 20,000 */
    size_t row_group_bytes;  /* default 128 MiB */
    uint32_t row_group_rows; /* 1 Mi */
    bool dictionary;         /* default true */
    bool statistics, page_index, crc; /* default true */
    bool adaptive_codec; /* a chunk whose first page shrinks by less than 10 % stays uncompressed;
                            default true */
};
void sl_parquet_write_options_init(struct sl_parquet_write_options *options);

/* Where bytes go: in file order. */
typedef enum sl_code (*sl_bytes_fn)(void *ctx, const void *bytes, size_t len, struct sl_err *err);

struct sl_parquet_writer;
/* schema: STRUCT of the columns in the file; borrowed until free.  Its Spark JSON goes to the
 * footer key org.apache.spark.sql.parquet.row.metadata. SL_UNSUPPORTED names a column that Parquet
 * cannot hold (VOID, a struct without fields). */
SL_MUST_CHECK enum sl_code sl_parquet_writer_new(const struct sl_type *schema,
                                                 const struct sl_parquet_write_options *options,
                                                 struct sl_budget *budget, sl_bytes_fn write,
                                                 void *write_ctx, struct sl_parquet_writer **out,
                                                 struct sl_err *err);
/* After an error of write or finish the file is lost: only reset and free may follow.
 * Appends rows idx[0..count) (NULL: rows 0..count) of columns[] (schema->field_count vectors, any
 * encoding). */
SL_MUST_CHECK enum sl_code sl_parquet_writer_write(struct sl_parquet_writer *writer,
                                                   const struct sl_vec *const *columns,
                                                   const uint32_t *idx, uint32_t count,
                                                   struct sl_err *err);
uint64_t sl_parquet_writer_rows(const struct sl_parquet_writer *writer);
/* Bytes written plus an estimate of what is buffered. */
uint64_t sl_parquet_writer_bytes(const struct sl_parquet_writer *writer);
size_t sl_parquet_writer_memory(const struct sl_parquet_writer *writer);
/* Ends the row group early and gives its memory back: for owners of many open files. */
SL_MUST_CHECK enum sl_code sl_parquet_writer_flush(struct sl_parquet_writer *writer,
                                                   struct sl_err *err);
/* Last row group, indexes, footer. */
SL_MUST_CHECK enum sl_code sl_parquet_writer_finish(struct sl_parquet_writer *writer,
                                                    struct sl_err *err);

/* File-level statistics after finish, per top-level primitive column (NULL for nested ones and
 * before finish): for Delta's stats and checks.  min/max are one-row FLAT vectors, never truncated,
 * or rows == 0 when unknown; NaN is not among them. */
struct sl_column_stats {
    uint64_t null_count;
    struct sl_vec min, max;
    bool has_nan;
};
const struct sl_column_stats *sl_parquet_writer_stats(const struct sl_parquet_writer *writer,
                                                      uint32_t column);
/* Ready for the next file with the same schema and options: buffers are kept. */
void sl_parquet_writer_reset(struct sl_parquet_writer *writer, sl_bytes_fn write, void *write_ctx);
void sl_parquet_writer_free(struct sl_parquet_writer *writer);

#endif
