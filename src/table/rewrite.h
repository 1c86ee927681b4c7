/* Rewrites groups of data files into few: the rows of a group's inputs, in their order, become one
 * file, or several where the target size is passed.  Deleted rows are left out.  What it writes is
 * complete and durable, and no reader knows of it: making it part of the table is the format's
 * business.
 *
 * Groups run on the pool's workers; memory per worker: one encoder of row_group_bytes, and a batch.
 */
#ifndef SL_TABLE_REWRITE_H
#define SL_TABLE_REWRITE_H

#include "base/thread.h"
#include "fmt/parquet/parquet_write.h"
#include "table/table_scan.h"
#include "table/table_writer.h"

struct sl_rewrite_group {
    uint32_t first, count; /* inputs: numbers of the caller's */
    const char *dir;       /* of the new files, relative to the table; "" = the table's own */
};

struct sl_rewrite {
    const char *table_dir;
    const char *staging; /* relative to table_dir, made by the caller: files are written there as
                            <uuid>.tmp; NULL: under their final names */
    const struct sl_table_scan *scan;  /* of the file columns alone: no partition columns */
    const struct sl_type *file_schema; /* of the new files: the scan's columns */
    struct sl_parquet_write_options encoding;
    uint64_t file_bytes_target; /* 0: one file a group */
    struct sl_budget *budget;
    /* @thread worker. The input as a scan's file; `handle` is passed to close_input. */
    enum sl_code (*open_input)(void *ctx, uint32_t input, struct sl_scan_file *out, void **handle,
                               struct sl_err *err);
    void (*close_input)(void *ctx, void *handle);
    /* @thread worker, one at a time; `keys` of the file is NULL. */
    enum sl_code (*closed)(void *ctx, uint32_t group, const struct sl_data_file *file,
                           struct sl_err *err);
    bool (*stopping)(void *ctx); /* asked between batches; may be NULL */
    void *ctx;
};

/* Sets encoding: the codec of the files there are, told by the name of one of them, unless the
 * session names one (codec_setting, may be NULL); row groups so large that those of all workers
 * take a `memory_share`th of the budget. */
void sl_rewrite_choose_encoding(struct sl_rewrite *rewrite, struct sl_str like,
                                const char *codec_setting, const struct sl_pool *pool,
                                size_t memory_share);
/* On failure files may be left under `dir` or `staging`: those that `closed` was told of are the
 * caller's to remove, an open one is removed here. */
SL_MUST_CHECK enum sl_code sl_rewrite_run(const struct sl_rewrite *rewrite, struct sl_pool *pool,
                                          const struct sl_rewrite_group *groups, uint32_t count,
                                          struct sl_err *err);

#endif
