#include "table/optimize_metrics.h"

#define SIZES "STRUCT<min: BIGINT, max: BIGINT, avg: DOUBLE, totalFiles: BIGINT, totalSize: BIGINT>"

static const char columns[] =
    "path STRING, metrics STRUCT<numFilesAdded: BIGINT, numFilesRemoved: BIGINT, "
    "filesAdded: " SIZES ", filesRemoved: " SIZES ", partitionsOptimized: BIGINT, "
    "numBatches: BIGINT, totalConsideredFiles: BIGINT, totalFilesSkipped: BIGINT, "
    "preserveInsertionOrder: BOOLEAN, numFilesSkippedToReduceWriteAmplification: BIGINT, "
    "numBytesSkippedToReduceWriteAmplification: BIGINT, startTimeMs: BIGINT, endTimeMs: BIGINT, "
    "deletionVectorStats: STRUCT<numDeletionVectorsRemoved: BIGINT, "
    "numDeletionVectorRowsRemoved: BIGINT>, numTableColumns: BIGINT>";

void sl_file_sizes_add(struct sl_file_sizes *sizes, uint64_t bytes) {
    if (sizes->count == 0 || bytes < sizes->min) sizes->min = bytes;
    if (bytes > sizes->max) sizes->max = bytes;
    sizes->count++;
    sizes->bytes += bytes;
}

void sl_file_sizes_merge(struct sl_file_sizes *sizes, const struct sl_file_sizes *more) {
    if (more->count == 0) return;
    if (sizes->count == 0 || more->min < sizes->min) sizes->min = more->min;
    if (more->max > sizes->max) sizes->max = more->max;
    sizes->count += more->count;
    sizes->bytes += more->bytes;
}

static void put_sizes(struct sl_buf *out, const char *name, const struct sl_file_sizes *sizes) {
    sl_buf_printf(out, ",\"%s\":{", name);
    if (sizes->count)
        sl_buf_printf(out, "\"min\":%llu,\"max\":%llu,", (unsigned long long)sizes->min,
                      (unsigned long long)sizes->max);
    sl_buf_printf(out, "\"avg\":%.1f,\"totalFiles\":%llu,\"totalSize\":%llu}",
                  sizes->count ? (double)sizes->bytes / (double)sizes->count : 0.0,
                  (unsigned long long)sizes->count, (unsigned long long)sizes->bytes);
}

static void put_row(struct sl_buf *out, const struct sl_optimize_metrics *m, struct sl_str path) {
    sl_buf_put_cstr(out, "{\"path\":");
    sl_json_put_string(out, path);
    sl_buf_printf(out, ",\"metrics\":{\"numFilesAdded\":%llu,\"numFilesRemoved\":%llu",
                  (unsigned long long)m->added.count, (unsigned long long)m->removed.count);
    put_sizes(out, "filesAdded", &m->added);
    put_sizes(out, "filesRemoved", &m->removed);
    uint64_t skipped = m->considered > m->removed.count ? m->considered - m->removed.count : 0;
    sl_buf_printf(out,
                  ",\"partitionsOptimized\":%llu,\"numBatches\":%llu,\"totalConsideredFiles\":%llu,"
                  "\"totalFilesSkipped\":%llu,\"preserveInsertionOrder\":true,"
                  "\"numFilesSkippedToReduceWriteAmplification\":0,"
                  "\"numBytesSkippedToReduceWriteAmplification\":0",
                  (unsigned long long)m->partitions, (unsigned long long)m->batches,
                  (unsigned long long)m->considered, (unsigned long long)skipped);
    sl_buf_printf(out,
                  ",\"startTimeMs\":%lld,\"endTimeMs\":%lld,\"deletionVectorStats\":{"
                  "\"numDeletionVectorsRemoved\":%llu,\"numDeletionVectorRowsRemoved\":%llu},"
                  "\"numTableColumns\":%u}}",
                  (long long)m->start_ms, (long long)m->end_ms,
                  (unsigned long long)m->vectors_removed,
                  (unsigned long long)m->vector_rows_removed, m->table_columns);
}

enum sl_code sl_optimize_report(const struct sl_optimize_metrics *metrics, struct sl_str path,
                                struct sl_arena *arena, struct sl_report *out, struct sl_err *err) {
    struct sl_buf row = {0};
    sl_report_init(out, arena, columns);
    put_row(&row, metrics, path);
    enum sl_code code = sl_report_add_text(out, sl_buf_str(&row), err);
    sl_buf_release(&row);
    return code;
}
