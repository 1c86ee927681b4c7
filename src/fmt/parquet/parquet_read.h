/* Parquet reader: footer, schema, row groups, columns to vectors.  Reads everything that Spark,
 * parquet-java, Arrow, DuckDB and Impala wrote (parquet-testing data/), refuses encryption by name,
 * and answers broken bytes with an error that names file position and what is wrong.  No allocation
 * is sized from an unchecked length. Reading bytes is a callback, so it does no I/O.  Owner: one
 * thread.
 */
#ifndef SL_FMT_PARQUET_READ_H
#define SL_FMT_PARQUET_READ_H

#include "base/budget.h"
#include "col/vec.h"

typedef enum sl_code (*sl_read_fn)(void *ctx, uint64_t offset, void *to, size_t len,
                                   struct sl_err *err);

struct sl_parquet_reader;
SL_MUST_CHECK enum sl_code sl_parquet_reader_open(sl_read_fn read, void *read_ctx,
                                                  uint64_t file_bytes, struct sl_budget *budget,
                                                  struct sl_parquet_reader **out,
                                                  struct sl_err *err);
void sl_parquet_reader_close(struct sl_parquet_reader *reader);

/* The file's schema as Spark's reader sees it (row.metadata key if present and consistent, else
 * converted). */
const struct sl_type *sl_parquet_reader_schema(const struct sl_parquet_reader *reader);
uint64_t sl_parquet_reader_rows(const struct sl_parquet_reader *reader);
uint32_t sl_parquet_reader_group_count(const struct sl_parquet_reader *reader);
uint64_t sl_parquet_reader_group_rows(const struct sl_parquet_reader *reader, uint32_t group);

/* Statistics of a top-level primitive column in a row group, only when they are valid by the rules
 * of parquet.thrift (column order, NaN) and no known bug of the writer spoils them. rows == 0:
 * unknown. Floats are in Spark's order, NaN above everything: max is NaN unless the file rules NaN
 * out. */
struct sl_group_stats {
    bool has_min_max, has_null_count;
    uint64_t null_count;
    struct sl_vec min, max; /* one row each, inexact bounds allowed */
};
SL_MUST_CHECK enum sl_code sl_parquet_reader_group_stats(struct sl_parquet_reader *reader,
                                                         uint32_t group, uint32_t column,
                                                         struct sl_group_stats *out,
                                                         struct sl_err *err);

/* Chooses the top-level columns to read (indexes into the schema) and starts at the first row group
 * for which keep(ctx, group) is true (NULL: all). */
SL_MUST_CHECK enum sl_code sl_parquet_reader_start(struct sl_parquet_reader *reader,
                                                   const uint32_t *columns, uint32_t count,
                                                   bool (*keep)(void *ctx, uint32_t group),
                                                   void *keep_ctx, struct sl_err *err);
/* Next rows_max rows at most into out[0..count), which were initialised with the types of the
 * chosen columns; they are cleared and filled: FLAT, or DICT for top-level strings whose pages are
 * dictionary coded (the dictionary is borrowed until the next call). *rows == 0: end. Never crosses
 * a row group; fewer rows come when they are long. After an error only start or close. */
SL_MUST_CHECK enum sl_code sl_parquet_reader_next(struct sl_parquet_reader *reader,
                                                  uint32_t rows_max, struct sl_vec *out,
                                                  uint32_t *rows, struct sl_err *err);

#endif
