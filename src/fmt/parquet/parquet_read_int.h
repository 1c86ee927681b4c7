/* The reader's own struct, shared with its statistics. */
#ifndef SL_FMT_PARQUET_READ_INT_H
#define SL_FMT_PARQUET_READ_INT_H

#include "fmt/parquet/parquet_read_nested.h"

struct sl_parquet_reader {
    struct sl_arena arena; /* footer and schema */
    struct sl_parquet_source source;
    struct sl_parquet_footer footer;
    struct sl_parquet_bytes tail; /* the footer's bytes */
    size_t charged;               /* arena and columns */

    /* chosen by start */
    uint32_t *chosen; /* top-level fields */
    uint32_t chosen_count;
    struct sl_parquet_column *columns; /* the leaves of the chosen fields, in that order */
    uint32_t column_count;
    size_t columns_charged;
    bool (*keep)(void *ctx, uint32_t group);
    void *keep_ctx;

    /* position */
    uint32_t group; /* current, or the next to look at */
    bool in_group;
    int64_t group_rows_left;
    uint32_t group_step; /* rows of a batch at most, for their size in bytes */
    bool failed;         /* columns stand at different rows: nothing more can be read */
};

#endif
