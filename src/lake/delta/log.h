/* The directory `_delta_log`: which files there are, and the one way a version comes to be.
 * Source: PROTOCOL.md "Delta Log Entries", "Checkpoints"; Spark SnapshotManagement.scala.
 * Owner: one thread. */
#ifndef SL_LAKE_DELTA_LOG_H
#define SL_LAKE_DELTA_LOG_H

#include "base/arena.h"
#include "base/io.h"

enum sl_delta_checkpoint_kind {
    SL_DELTA_CHECKPOINT_NONE,
    SL_DELTA_CHECKPOINT_CLASSIC, /* <v>.checkpoint.parquet */
    SL_DELTA_CHECKPOINT_PARTS,   /* <v>.checkpoint.<i>.<n>.parquet, all there */
    SL_DELTA_CHECKPOINT_V2       /* <v>.checkpoint.<uuid>.json | parquet, with _sidecars */
};
/* What a reader of `version` needs: a checkpoint, and the commits (first_commit .. version). */
struct sl_delta_segment {
    int64_t version;
    enum sl_delta_checkpoint_kind checkpoint;
    int64_t checkpoint_version;    /* -1: none */
    const char **checkpoint_files; /* names in _delta_log, in order */
    uint32_t checkpoint_file_count;
    int64_t first_commit; /* checkpoint_version + 1, or 0 */
    uint64_t bytes;       /* of the commits */
};

/* wanted -1: the newest. *found = false: no Delta table here (no _delta_log, or it holds no
 * version). SL_DATA (DELTA_VERSIONS_NOT_CONTIGUOUS, DELTA_LOG_FILE_NOT_FOUND ..) names the missing
 * file; SL_USER: no such version, with the range that there is. `_last_checkpoint` is a hint: what
 * it says is believed only as far as the listing confirms it. */
SL_MUST_CHECK enum sl_code sl_delta_log_segment(struct sl_arena *arena, const char *table_dir,
                                                int64_t wanted, struct sl_delta_segment *out,
                                                bool *found, struct sl_err *err);
/* Newest version that there is, starting to look behind `known` (-1: nothing is known): one stat
 * per new version, so that following a table costs nothing. Less than `known`, -1 for none:
 * somebody replaced the table. */
SL_MUST_CHECK enum sl_code sl_delta_log_newest(const char *table_dir, int64_t known, int64_t *out,
                                               struct sl_err *err);
/* The first commit that is there from `version` on, up to `newest`; newest + 1: none. */
SL_MUST_CHECK enum sl_code sl_delta_log_next(const char *table_dir, int64_t version, int64_t newest,
                                             int64_t *out, struct sl_err *err);
/* Bytes of one commit. SL_IO with ENOENT when it is not there. A last line without its newline is
 * complete only if it parses; an empty file is SL_DATA: the file system lost it. */
SL_MUST_CHECK enum sl_code sl_delta_log_read(const char *table_dir, int64_t version,
                                             struct sl_buf *out, struct sl_err *err);
/* Put-if-absent: SL_CONFLICT when the version exists. Failpoint "delta". */
SL_MUST_CHECK enum sl_code sl_delta_log_put(const char *table_dir, int64_t version,
                                            struct sl_str text, struct sl_err *err);
/* Time travel: the newest version whose commit is not later than the moment (commit file's
 * modification time, made monotonous; inCommitTimestamp where the table has it). SL_USER before the
 * first (DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION) and after the last
 * (DELTA_TIMESTAMP_GREATER_THAN_COMMIT). */
SL_MUST_CHECK enum sl_code sl_delta_log_version_at(struct sl_arena *arena, const char *table_dir,
                                                   int64_t timestamp_ms, int64_t *version,
                                                   struct sl_err *err);
/* The other way round, for streams: the first version whose commit is not earlier than the moment.
 * SL_USER after the last. */
SL_MUST_CHECK enum sl_code sl_delta_log_version_from(struct sl_arena *arena, const char *table_dir,
                                                     int64_t timestamp_ms, int64_t *version,
                                                     struct sl_err *err);

#endif
