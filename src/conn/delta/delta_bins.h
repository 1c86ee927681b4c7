/* Which files of a Delta table are to become one: OPTIMIZE's bin packing.  Files below the limit,
 * or with many deleted rows, are packed partition by partition, in the order in which they came, so
 * that what lies together in time stays together and statistics stay narrow.
 * Source: Spark OptimizeTableCommand.scala (filterCandidateFileList, groupFilesIntoBins). */
#ifndef SL_CONN_DELTA_BINS_H
#define SL_CONN_DELTA_BINS_H

#include "conn/delta/delta_columns.h"
#include "conn/delta/delta_table.h"
#include "table/rewrite.h"

struct sl_delta_candidate {
    struct sl_delta_file file; /* without statistics */
    const char *path;          /* openable */
    struct sl_str partition;
};
struct sl_delta_bins {
    struct sl_delta_candidate *files;
    uint64_t considered;             /* files that were small enough */
    struct sl_rewrite_group *groups; /* ranges of files */
    uint32_t count;
    uint64_t partitions;
};
/* Everything in the arena. SL_USER: the condition names a column that is no partition column. */
SL_MUST_CHECK enum sl_code
sl_delta_bins_plan(const struct sl_table_call *call, const struct sl_delta_snapshot *snapshot,
                   const struct sl_delta_columns *columns, const struct sl_optimize *what,
                   struct sl_arena *arena, struct sl_delta_bins *out, struct sl_err *err);

#endif
