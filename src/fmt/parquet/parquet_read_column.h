/* One leaf column: its chunk's pages to values and levels (pages: parquet_read_page.c; rows:
 * parquet_read_column.c). Owner: the reader. */
#ifndef SL_FMT_PARQUET_READ_COLUMN_H
#define SL_FMT_PARQUET_READ_COLUMN_H

#include "base/budget.h"
#include "fmt/parquet/parquet_codec.h"
#include "fmt/parquet/parquet_decode_values.h"
#include "fmt/parquet/parquet_read.h"
#include "fmt/parquet/parquet_read_footer.h"

/* What all columns of a file share. */
struct sl_parquet_source {
    sl_read_fn read;
    void *read_ctx;
    uint64_t file_bytes;
    struct sl_budget *budget;
    struct sl_decompressor decompressor;
    const struct sl_parquet_footer *footer;
};

/* Bytes with SL_DECODE_PADDING behind, accounted to the budget. */
struct sl_parquet_bytes {
    uint8_t *ptr;
    size_t cap;
};

enum { SL_PARQUET_PENDING = 256 };

struct sl_parquet_column {
    struct sl_parquet_source *source;
    const struct sl_parquet_leaf *leaf;

    /* chunk */
    const struct sl_parquet_chunk *chunk;
    uint64_t pos, end;   /* file offsets: the next page header, the end of the chunk */
    int64_t values_left; /* entries in pages that are not loaded yet */
    struct sl_vec dict;
    bool has_dict;
    size_t dict_charged;

    /* window on the file */
    struct sl_parquet_bytes window, plain;
    uint64_t window_offset;
    size_t window_len;

    /* page */
    uint64_t page_offset; /* of its header, for messages */
    uint32_t page_left;   /* entries whose levels are not decoded yet */
    struct sl_hybrid rep, def;
    struct sl_parquet_values values;
    uint8_t pending_rep[SL_PARQUET_PENDING], pending_def[SL_PARQUET_PENDING];
    uint32_t pending_at, pending_count;

    /* the batch */
    struct sl_vec *out; /* where the leaf's rows go */
    uint8_t list_def;   /* of the leaf's node */
    bool keep_levels;   /* nested: the levels build lists and structs */
    bool dict_output;   /* DICT vectors may come out */
    bool started;       /* the first entry of the chunk was seen */
    struct sl_parquet_bytes levels_rep, levels_def;
    uint32_t level_count;
};

void sl_parquet_column_init(struct sl_parquet_column *column, struct sl_parquet_source *source,
                            const struct sl_parquet_node *leaf_node);
void sl_parquet_column_release(struct sl_parquet_column *column);
/* Goes to the chunk of a row group with `rows` rows. */
SL_MUST_CHECK enum sl_code sl_parquet_column_start(struct sl_parquet_column *column,
                                                   const struct sl_parquet_chunk *chunk,
                                                   int64_t rows, struct sl_err *err);
/* Loads the next data page with entries; *more false: the chunk has ended. */
SL_MUST_CHECK enum sl_code sl_parquet_column_page(struct sl_parquet_column *column, bool *more,
                                                  struct sl_err *err);
/* The next `rows` rows into column->out (cleared before by the caller) and the levels. */
SL_MUST_CHECK enum sl_code sl_parquet_column_read(struct sl_parquet_column *column, uint32_t rows,
                                                  struct sl_err *err);
/* After the last row of the group: nothing may be left over. */
SL_MUST_CHECK enum sl_code sl_parquet_column_finish(struct sl_parquet_column *column,
                                                    struct sl_err *err);
/* Room for len bytes; contents are kept. */
SL_MUST_CHECK enum sl_code sl_parquet_bytes_reserve(struct sl_parquet_source *source,
                                                    struct sl_parquet_bytes *bytes, size_t len,
                                                    struct sl_err *err);
void sl_parquet_bytes_release(struct sl_parquet_source *source, struct sl_parquet_bytes *bytes);
/* An error of this column: says which and where; returns SL_DATA. */
enum sl_code sl_parquet_column_fail(const struct sl_parquet_column *column, struct sl_err *err,
                                    const char *fmt, ...) SL_PRINTF(3, 4);

#endif
