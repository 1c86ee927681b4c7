/* Spark's file source log: <checkpoint>/sources/<i>/<batch>, the files that each log offset of a
 * file stream stands for (FileStreamSourceLog).  Owner: one thread. */
#ifndef SL_LAKE_SOURCE_LOG_H
#define SL_LAKE_SOURCE_LOG_H

#include "lake/compact_log.h"

struct sl_source_file {
    struct sl_str path;   /* absolute, not encoded */
    int64_t timestamp_ms; /* when it was modified */
    int64_t batch_id;     /* log offset at which it came */
};

/* Removes what a killed write left. `dir` is borrowed. */
SL_MUST_CHECK enum sl_code sl_source_log_open(struct sl_compact_log *log, char *dir, int interval,
                                              struct sl_err *err);
/* Failpoint "sources". SL_CONFLICT if the offset exists: two queries use the checkpoint. */
SL_MUST_CHECK enum sl_code sl_source_log_add(struct sl_compact_log *log, int64_t batch_id,
                                             const struct sl_source_file *files, size_t count,
                                             struct sl_err *err);
/* All files that were ever read and are not too old to be remembered. */
SL_MUST_CHECK enum sl_code sl_source_log_each(const struct sl_compact_log *log,
                                              void (*fn)(void *ctx,
                                                         const struct sl_source_file *file),
                                              void *ctx, struct sl_err *err);
/* The files of the offsets from..to (both included), in the order of the log. */
SL_MUST_CHECK enum sl_code sl_source_log_read(const struct sl_compact_log *log, int64_t from,
                                              int64_t to, struct sl_arena *arena,
                                              struct sl_source_file **files, size_t *count,
                                              struct sl_err *err);

#endif
