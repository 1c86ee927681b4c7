/* Whose directory is it?  Asked before anything writes, replaces, compacts or removes below a path:
 * a table or a checkpoint that lies there, or around it, must not be taken for a heap of files.
 * The marks: `_delta_log`, `_spark_metadata`, and a checkpoint's `metadata` beside `offsets`.
 * Thread: any. */
#ifndef SL_LAKE_PLACE_H
#define SL_LAKE_PLACE_H

#include "base/io.h"

enum sl_place_kind {
    SL_PLACE_FREE,     /* no mark here or above */
    SL_PLACE_DELTA,    /* a Delta table */
    SL_PLACE_SINK_LOG, /* the table of a streaming query, whose log names its files */
    SL_PLACE_CHECKPOINT
};
struct sl_place {
    enum sl_place_kind kind;
    struct sl_str root; /* the directory that has the mark; absolute */
    bool is_root;       /* it is the path itself */
};

/* Without `file:` and slashes at the end; borrowed. */
struct sl_str sl_place_plain(struct sl_str path);
/* A component beginning with `_` or `.` hides what is below it from a table around it. True: `path`
 * lies in `root`, and not hidden. Equal paths do not lie in each other. */
bool sl_place_is_inside(struct sl_str path, struct sl_str root);
/* The path or the nearest directory above it that has a mark; one that the path is hidden from (a
 * `_checkpoint` in a table) does not count. The path need not exist. */
SL_MUST_CHECK enum sl_code sl_place_find(struct sl_arena *arena, struct sl_str path,
                                         struct sl_place *out, struct sl_err *err);
/* May the path be, or become, a directory of Parquet files with or without a log of its own?
 * DELTA_INVALID_FORMAT, or SL_USER: it belongs to what the message names. */
SL_MUST_CHECK enum sl_code sl_place_check_parquet(struct sl_arena *arena, struct sl_str path,
                                                  struct sl_err *err);
/* The same for a Delta table. */
SL_MUST_CHECK enum sl_code sl_place_check_delta(struct sl_arena *arena, struct sl_str path,
                                                struct sl_err *err);
/* DELTA_INVALID_FORMAT when the path is, or lies in, a Delta table. */
SL_MUST_CHECK enum sl_code sl_place_check_not_delta(struct sl_arena *arena, struct sl_str path,
                                                    struct sl_err *err);
/* SL_UNSUPPORTED: s3://, hdfs:// .. : only local directories are places. */
SL_MUST_CHECK enum sl_code sl_place_check_scheme(struct sl_str path, struct sl_err *err);

#endif
