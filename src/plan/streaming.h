/* What a streaming query may do in an output mode: Spark's UnsupportedOperationChecker with its
 * conditions and messages, and which of its state nothing ever removes. */
#ifndef SL_PLAN_STREAMING_H
#define SL_PLAN_STREAMING_H

#include "plan/node.h"

struct sl_streaming_checks {
    bool operations;  /* spark.sql.streaming.unsupportedOperationCheck */
    bool correctness; /* spark.sql.streaming.statefulOperator.checkCorrectness.enabled */
};
/* Of a plan as it was bound, before the optimizer. checks NULL: all are on. Without `operations`
 * only what this engine cannot run is refused. */
SL_MUST_CHECK enum sl_code sl_plan_check_streaming(const struct sl_node *plan,
                                                   enum sl_output_mode mode,
                                                   const struct sl_streaming_checks *checks,
                                                   struct sl_err *err);

/* Which LIMITs of a bound plan count through all batches, as in Spark: in append mode those of
 * streams, in complete mode those below the aggregation. */
void sl_plan_choose_limits(struct sl_node *plan, enum sl_output_mode mode);

/* Of an optimised plan: what is late must be told by one event time. Spark's WatermarkSupport looks
 * when the first batch runs, so at columns that something still reads, and not in complete mode. */
SL_MUST_CHECK enum sl_code sl_plan_check_event_times(const struct sl_node *plan,
                                                     enum sl_output_mode mode, struct sl_err *err);

/* Of an optimised plan: what is remembered for ever, one text each, with the node's place. */
typedef void (*sl_plan_note_fn)(void *ctx, struct sl_span span, const char *text);
void sl_plan_note_unbounded(const struct sl_node *plan, enum sl_output_mode mode,
                            sl_plan_note_fn note, void *ctx);

#endif
