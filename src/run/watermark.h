/* The watermark of a query: how far event time has come, less the delay; and what of it reaches
 * each stateful operator.
 *
 * It is computed behind a batch from all event times that passed the WATERMARK clauses in it, those
 * of late rows too, and holds from the next batch on.  Rows of batch N are late by the watermark
 * of batch N - 1, keys go by that of batch N.  Spark's checkpoint has only the one value of the
 * query: after a restart it stands, with the policy `min` and several clauses, until each of them
 * has seen rows.  Here a record beside the checkpoint knows each clause, so that a restart changes
 * nothing. Source: Spark 4.1 WatermarkTracker.scala, WatermarkPropagator.scala.
 */
#ifndef SL_RUN_WATERMARK_H
#define SL_RUN_WATERMARK_H

#include "run/states.h"

struct sl_watermark_clock {
    int64_t *clause_ms; /* per clause; -1: nothing seen */
    uint32_t count;
    bool max_policy;  /* spark.sql.streaming.multipleWatermarkPolicy = max, as the checkpoint has it
                       */
    int64_t value_ms; /* of the next batch */
    int64_t late_ms;  /* of the batch before it */
};

void sl_watermark_init(struct sl_watermark_clock *clock, struct sl_arena *query,
                       const struct sl_pipes *pipes);
/* What the watermark is behind a batch in which clause i saw times[i]; and making it so. */
int64_t sl_watermark_next(const struct sl_watermark_clock *clock, const struct sl_pipes *pipes,
                          const struct sl_event_times *times);
void sl_watermark_advance(struct sl_watermark_clock *clock, const struct sl_pipes *pipes,
                          const struct sl_event_times *times);

/* Sets the marks of every state for the next batch. */
void sl_watermark_mark(const struct sl_watermark_clock *clock, struct sl_states *states);
/* Would a batch without new rows change anything, by a watermark that moved since the last one? */
bool sl_watermark_wants_batch(const struct sl_watermark_clock *clock,
                              const struct sl_states *states, enum sl_output_mode mode);

/* After a restart: the last batch ran with the watermark that is now `late_ms`. */
void sl_watermark_resume(const struct sl_watermark_clock *clock, struct sl_states *states);

/* What a batch found, `<checkpoint>/.sluice/watermark`: the next watermark, for the moment between
 * the sink's commit and commits/N, and each clause before and behind the batch. */
SL_MUST_CHECK enum sl_code
sl_watermark_write(struct sl_str checkpoint_dir, int64_t batch_id, uint64_t offsets_hash,
                   const struct sl_watermark_clock *clock, const struct sl_pipes *pipes,
                   const struct sl_event_times *times, struct sl_err *err);
/* The batch is done: *next_ms and the clauses behind it. It runs again (`rerun`): the clauses
 * before it. All is left as it is, and *found false, when there is none of this batch. */
SL_MUST_CHECK enum sl_code sl_watermark_read(struct sl_str checkpoint_dir, int64_t batch_id,
                                             uint64_t offsets_hash, bool rerun,
                                             struct sl_watermark_clock *clock, int64_t *next_ms,
                                             bool *found, struct sl_err *err);
/* Without the record: the value of the query is that of its only clause; of several (false) each
 * one's own is not known. */
bool sl_watermark_without_record(struct sl_watermark_clock *clock);

#endif
