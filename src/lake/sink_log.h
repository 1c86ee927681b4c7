/* Spark's file sink log: <table>/_spark_metadata/<batch> (FileStreamSinkLog,
 * CompactibleFileStreamLog). A compaction passes the entries on in pieces, so a long log is never
 * in memory; every file has Hadoop's sidecar, and is checked against it when read. Owner: one
 * thread. */
#ifndef SL_LAKE_SINK_LOG_H
#define SL_LAKE_SINK_LOG_H

#include "base/io.h"

struct sl_sink_file {
    struct sl_str path; /* relative to the table root, not encoded: "year=2025/part-..." */
    uint64_t bytes;
    int64_t modified_ms;
};

struct sl_sink_log;
SL_MUST_CHECK enum sl_code sl_sink_log_open(struct sl_arena *query, const char *table_dir,
                                            int compact_interval /*10*/, struct sl_sink_log **out,
                                            struct sl_err *err);
/* Highest batch id in the log, -1 if none. */
int64_t sl_sink_log_last(const struct sl_sink_log *log);
/* SL_DATA when the newest batch of the log is no longer there: somebody removed the table. */
SL_MUST_CHECK enum sl_code sl_sink_log_check(const struct sl_sink_log *log, struct sl_err *err);
/* Adds a batch (compacted when its turn); failpoint "manifest". SL_CONFLICT if the id exists. */
SL_MUST_CHECK enum sl_code sl_sink_log_add(struct sl_sink_log *log, int64_t batch_id,
                                           const struct sl_sink_file *files, size_t count,
                                           struct sl_err *err);
/* All live files, as a reader sees them: latest id back to its last compaction. Paths below the
 * table root come back relative. */
SL_MUST_CHECK enum sl_code sl_sink_log_files(struct sl_sink_log *log, struct sl_arena *arena,
                                             struct sl_sink_file **files, size_t *count,
                                             struct sl_err *err);
/* The file that a batch has added last; path.len 0: it added none, or is not in the log. */
SL_MUST_CHECK enum sl_code sl_sink_log_last_file(struct sl_sink_log *log, int64_t batch_id,
                                                 struct sl_arena *arena, struct sl_sink_file *out,
                                                 struct sl_err *err);
/* The newest compaction of the log: its batch (-1: there is none yet) and the files in it. Readers
 * find there all files of the batches up to it. */
SL_MUST_CHECK enum sl_code sl_sink_log_compaction(struct sl_sink_log *log, struct sl_arena *arena,
                                                  int64_t *batch_id, struct sl_sink_file **files,
                                                  size_t *count, struct sl_err *err);
/* Gives that compaction other files: what readers see changes at once. Only for who holds the
 * table's lock. Failpoint "manifest". */
SL_MUST_CHECK enum sl_code sl_sink_log_replace(struct sl_sink_log *log, int64_t batch_id,
                                               const struct sl_sink_file *files, size_t count,
                                               struct sl_err *err);
void sl_sink_log_close(struct sl_sink_log *log);

#endif
