/* Spark's CompactibleFileStreamLog: a directory of numbered files, one per batch, `v1` and then a
 * JSON line per entry; every interval-th is a `<batch>.compact` that also holds all entries before
 * it.  Under the file sink (<table>/_spark_metadata) and the file source
 * (<checkpoint>/sources/<i>).
 *
 * A compaction passes the entries on in pieces, so a long log is never in memory; every file has
 * Hadoop's sidecar, and is checked against it when read. Owner: one thread.
 * Source: CompactibleFileStreamLog.scala. */
#ifndef SL_LAKE_COMPACT_LOG_H
#define SL_LAKE_COMPACT_LOG_H

#include "base/io.h"

struct sl_compact_log {
    char *dir;
    const char *what;  /* "table log", "file source log": for messages */
    const char *point; /* failpoint of its writes */
    int64_t last;      /* highest batch, -1: none */
    int64_t interval;
};
/* `dir`, `what` and `point` are borrowed. A directory that is missing is an empty log. */
SL_MUST_CHECK enum sl_code sl_compact_log_open(struct sl_compact_log *log, char *dir,
                                               const char *what, const char *point, int interval,
                                               struct sl_err *err);
/* Is the file of this batch, plain or compacted, there? */
SL_MUST_CHECK enum sl_code sl_compact_log_has(const struct sl_compact_log *log, int64_t batch_id,
                                              bool *has, struct sl_err *err);
/* New entries: `put` appends the at-th of them, a newline in front. */
struct sl_log_entries {
    size_t count;
    void (*put)(const void *ctx, size_t at, struct sl_buf *out);
    const void *ctx;
};
/* Adds a batch (compacted when its turn) with its own entries. SL_CONFLICT if the id exists. */
SL_MUST_CHECK enum sl_code sl_compact_log_add(struct sl_compact_log *log, int64_t batch_id,
                                              const struct sl_log_entries *entries,
                                              struct sl_err *err);

/* The batch of the newest compaction, -1: there is none yet. */
SL_MUST_CHECK enum sl_code sl_compact_log_newest(const struct sl_compact_log *log,
                                                 int64_t *batch_id, struct sl_err *err);
/* Gives the compaction of this batch other entries. */
SL_MUST_CHECK enum sl_code sl_compact_log_replace(const struct sl_compact_log *log,
                                                  int64_t batch_id,
                                                  const struct sl_log_entries *entries,
                                                  struct sl_err *err);

/* Takes one entry: its line, without the newline. */
typedef enum sl_code (*sl_log_entry_fn)(void *ctx, struct sl_str line, struct sl_err *err);
/* All live entries: from the last compaction on. */
SL_MUST_CHECK enum sl_code sl_compact_log_each(const struct sl_compact_log *log, sl_log_entry_fn fn,
                                               void *ctx, struct sl_err *err);
/* The entries of one batch's file, which may be a compaction and hold others too; *found = false
 * when there is none. */
SL_MUST_CHECK enum sl_code sl_compact_log_read(const struct sl_compact_log *log, int64_t batch_id,
                                               bool *found, sl_log_entry_fn fn, void *ctx,
                                               struct sl_err *err);

#endif
