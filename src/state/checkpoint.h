/* Spark's checkpoint directory: metadata, offsets/N, commits/N, sources/i/0.  Byte for byte what
 * Spark 4.1 writes; read as Spark 3.3, 3.5 and 4.x wrote it (MetadataLog.scala,
 * OffsetSeqLog.scala).
 *
 * Every file has Hadoop's checksum sidecar (base/file_sum.h), as Spark's have, and is checked
 * against it when read: SL_USER. Beside Spark's files are two of our own, which Spark ignores:
 * `.sluice.lock` (single owner) and `.sluice/` (intents of sinks, ids of topics). Owner: one
 * thread.
 */
#ifndef SL_STATE_CHECKPOINT_H
#define SL_STATE_CHECKPOINT_H

#include "base/io.h"
#include "base/json.h"
#include "base/log.h"

/* offsets/N */
struct sl_offset_seq {
    int version;
    bool has_metadata;
    int64_t batch_watermark_ms, batch_timestamp_ms;
    struct sl_json conf;    /* object; as read */
    struct sl_str *sources; /* one JSON text per source; ptr == NULL for `-` */
    uint32_t source_count;
    uint64_t hash; /* XXH64 of the file's bytes */
};
/* commits/N */
struct sl_commit_entry {
    int version;
    int64_t next_batch_watermark_ms;
};

struct sl_checkpoint;
/* Opens or creates; takes the lock unless read_only. Refuses (SL_USER, with what to do) a directory
 * without `metadata` but with offsets, unknown versions, a hole at the end of offsets/. */
SL_MUST_CHECK enum sl_code sl_checkpoint_open(struct sl_arena *query, const char *dir,
                                              bool read_only, const struct sl_log *log,
                                              struct sl_checkpoint **out, struct sl_err *err);
void sl_checkpoint_close(struct sl_checkpoint *checkpoint);

struct sl_str sl_checkpoint_query_id(const struct sl_checkpoint *checkpoint); /* "" until created */
/* Writes `metadata` with a fresh uuid if there is none. */
SL_MUST_CHECK enum sl_code sl_checkpoint_ensure_metadata(struct sl_checkpoint *checkpoint,
                                                         struct sl_err *err);
/* Highest ids on disk, -1 if none. */
int64_t sl_checkpoint_last_offsets(const struct sl_checkpoint *checkpoint);
int64_t sl_checkpoint_last_commit(const struct sl_checkpoint *checkpoint);
/* Sorted ids present. */
SL_MUST_CHECK enum sl_code sl_checkpoint_ids(const struct sl_checkpoint *checkpoint,
                                             const char *log_name /* "offsets" | "commits" */,
                                             struct sl_arena *arena, int64_t **ids, size_t *count,
                                             struct sl_err *err);

SL_MUST_CHECK enum sl_code sl_checkpoint_read_offsets(const struct sl_checkpoint *checkpoint,
                                                      int64_t batch_id, struct sl_arena *arena,
                                                      struct sl_offset_seq *out,
                                                      struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_read_commit(const struct sl_checkpoint *checkpoint,
                                                     int64_t batch_id, struct sl_commit_entry *out,
                                                     struct sl_err *err);
/* put_atomic, failpoint "offsets"; SL_CONFLICT (CONCURRENT_STREAM_LOG_UPDATE) when N exists. Sets
 * seq->hash. */
SL_MUST_CHECK enum sl_code sl_checkpoint_write_offsets(struct sl_checkpoint *checkpoint,
                                                       int64_t batch_id, struct sl_offset_seq *seq,
                                                       struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_write_commit(struct sl_checkpoint *checkpoint,
                                                      int64_t batch_id,
                                                      const struct sl_commit_entry *entry,
                                                      struct sl_err *err);
/* sources/<index>/0, Kafka form: byte 0, "v1\n", JSON. *found = false when absent. */
SL_MUST_CHECK enum sl_code sl_checkpoint_read_initial(const struct sl_checkpoint *checkpoint,
                                                      uint32_t source, struct sl_buf *out,
                                                      bool *found, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_write_initial(struct sl_checkpoint *checkpoint,
                                                       uint32_t source, struct sl_str offset,
                                                       struct sl_err *err);
/* Deletes offsets and commits below batch_id - retain (Spark: 100), sidecars first. Failpoint
 * "purge". */
SL_MUST_CHECK enum sl_code sl_checkpoint_purge(struct sl_checkpoint *checkpoint, int64_t batch_id,
                                               int64_t retain, struct sl_err *err);

/* The settings that Spark records in every offsets/N and forces on restart, in Spark 4.1's order:
 * from `recorded` (the last batch's; a key it lacks gets the old default Spark would use), or
 * today's defaults when recorded is NULL. */
void sl_checkpoint_make_conf(struct sl_arena *arena, const struct sl_json *recorded,
                             int shuffle_partitions, struct sl_json *out);

/* `sluice checkpoint verify`: reads everything, calls report for each finding (severity 'E' or
 * 'W'). */
typedef void (*sl_checkpoint_report_fn)(void *ctx, char severity, const char *file,
                                        const char *what);
SL_MUST_CHECK enum sl_code sl_checkpoint_verify(const struct sl_checkpoint *checkpoint,
                                                sl_checkpoint_report_fn report, void *ctx,
                                                struct sl_err *err);

#endif
