/* Writing checkpoints: `<v>.checkpoint.parquet` in Spark's column order, `_last_checkpoint`, the
 * version's `.crc`; and removing what the log's retention no longer needs.  All of it is a hint: a
 * failure here is the caller's warning, never the batch's. Source: PROTOCOL.md "Checkpoints"; Spark
 * Checkpoints.scala, MetadataCleanup.scala. Owner: one thread (may be another than the writer's:
 * it opens its own snapshot). */
#ifndef SL_LAKE_DELTA_CHECKPOINT_H
#define SL_LAKE_DELTA_CHECKPOINT_H

#include "lake/delta/snapshot.h"

/* Is a checkpoint due behind `version`? delta.checkpointInterval, default 10, as Spark:
 * version > 0 && version % interval == 0. */
bool sl_delta_checkpoint_due(const struct sl_delta_snapshot *snapshot, int64_t version);
/* Streams the snapshot into the file: live files, tombstones younger than
 * delta.deletedFileRetentionDuration (1 week), newest protocol, metadata, txns, domains; stats as
 * JSON and, unless delta.checkpoint.writeStatsAsStruct = false, parsed.  Then `_last_checkpoint`.
 * An existing checkpoint of the version is left alone, and a `_last_checkpoint` of a later one too.
 * The form is classic whatever delta.checkpointPolicy says: every reader knows it. Failpoint
 * "delta_checkpoint". */
SL_MUST_CHECK enum sl_code sl_delta_checkpoint_write(const struct sl_delta_snapshot *snapshot,
                                                     int64_t now_ms, struct sl_err *err);
/* Deletes commits and checkpoints that delta.logRetentionDuration (30 days) and
 * delta.enableExpiredLogCleanup allow: keeps the newest checkpoint at or before the cut, that
 * version's commit and all behind it. That checkpoint is read first; if it cannot be, all stays.
 * Files in _sidecars stay. */
SL_MUST_CHECK enum sl_code sl_delta_log_clean(const struct sl_delta_snapshot *snapshot,
                                              int64_t now_ms, uint64_t *deleted,
                                              struct sl_err *err);
/* A Delta interval property ("interval 1 week", "30 days") in milliseconds; months are SL_USER. */
SL_MUST_CHECK enum sl_code sl_delta_interval_parse(struct sl_str text, int64_t *ms,
                                                   struct sl_err *err);

#endif
