/* What an OPTIMIZE has done, in numbers, and as the row that Delta's OPTIMIZE answers with.
 * Source: Spark OptimizeStats.scala. */
#ifndef SL_TABLE_OPTIMIZE_METRICS_H
#define SL_TABLE_OPTIMIZE_METRICS_H

#include "table/report.h"

struct sl_file_sizes {
    uint64_t count, bytes, min, max;
};
void sl_file_sizes_add(struct sl_file_sizes *sizes, uint64_t bytes);
void sl_file_sizes_merge(struct sl_file_sizes *sizes, const struct sl_file_sizes *more);

struct sl_optimize_metrics {
    struct sl_file_sizes added, removed;
    uint64_t partitions, batches, considered;
    uint64_t vectors_removed, vector_rows_removed;
    int64_t start_ms, end_ms;
    uint32_t table_columns;
};
/* Begins the report and adds its one row. */
SL_MUST_CHECK enum sl_code sl_optimize_report(const struct sl_optimize_metrics *metrics,
                                              struct sl_str path, struct sl_arena *arena,
                                              struct sl_report *out, struct sl_err *err);

#endif
