/* Spark's StreamingQueryProgress as one JSON line per batch, and the one-line status of a terminal.
 * Source: sql/api progress.scala (4.1: batchDuration, rates with one decimal). */
#ifndef SL_RUN_PROGRESS_H
#define SL_RUN_PROGRESS_H

#include "run/query.h"

void sl_progress_put_json(struct sl_buf *out,
                          const struct sl_batch_report *report); /* no newline */
/* "orders b#42 in 9.8k/s proc 31k/s rows 250 out 245" */
void sl_progress_put_status(struct sl_buf *out, const struct sl_batch_report *report);
/* 1234567 -> "1.2M" */
void sl_progress_put_short(struct sl_buf *out, double value);

#endif
