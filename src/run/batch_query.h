/* A query over bounded data, run once: `sluice sql`'s SELECTs, and materialized views. */
#ifndef SL_RUN_BATCH_QUERY_H
#define SL_RUN_BATCH_QUERY_H

#include "run/epoch.h"
#include "run/pipeline.h"

struct sl_batch_result {
    const struct sl_type *schema;
    struct sl_stage_times times;
    struct sl_sink_metrics sink;
};
/* Called once with the schema, before the first batch. */
typedef enum sl_code (*sl_rows_begin_fn)(void *ctx, const struct sl_type *schema,
                                         const struct sl_session *session, struct sl_err *err);
typedef enum sl_code (*sl_rows_fn)(void *ctx, const struct sl_batch *batch, struct sl_err *err);

/* Runs a relation and hands its rows to fn (one thread, source order). */
SL_MUST_CHECK enum sl_code sl_batch_query_run(struct sl_pipeline *pipeline,
                                              const struct sl_urelation *relation,
                                              sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                              struct sl_err *err);
/* Runs a materialized view: its rows replace the table. */
SL_MUST_CHECK enum sl_code sl_batch_query_write(struct sl_pipeline *pipeline,
                                                const struct sl_query_spec *spec,
                                                struct sl_batch_result *result,
                                                struct sl_buf *profile, struct sl_err *err);
/* EXPLAIN text of a relation and the expectations of its target (NULL if none), without opening
 * what needs no opening. */
SL_MUST_CHECK enum sl_code sl_batch_query_explain(struct sl_pipeline *pipeline,
                                                  const struct sl_urelation *relation,
                                                  const struct sl_statement *target,
                                                  struct sl_buf *out, struct sl_err *err);

#endif
