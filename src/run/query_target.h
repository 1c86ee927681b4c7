/* What a query's target statement says: format, options, partition columns; shared by streaming and
 * batch queries. */
#ifndef SL_RUN_QUERY_TARGET_H
#define SL_RUN_QUERY_TARGET_H

#include "run/pipeline.h"

/* USING, or parquet. */
struct sl_str sl_target_format(const struct sl_statement *target);
/* TBLPROPERTIES, then OPTIONS; NULL when absent. */
const struct sl_property *sl_target_property(const struct sl_statement *target, const char *name);
/* Where the checkpoint of a target's query is to be: TBLPROPERTIES, else below the setting; "" when
 * nobody says. Source: Spark ResolveWriteToStream.scala. */
struct sl_str sl_target_checkpoint(const struct sl_statement *target, struct sl_str query_name,
                                   const struct sl_settings *settings, struct sl_arena *arena);
/* 'sluice.outputMode', append if it is not there; refused when it is no mode, or none that the sink
 * takes. */
SL_MUST_CHECK enum sl_code sl_target_mode(const struct sl_pipeline *pipeline,
                                          const struct sl_statement *target,
                                          enum sl_output_mode *out, struct sl_err *err);
/* Opens the sink of a target for rows of `schema`. Errors' spans are places in the file. */
SL_MUST_CHECK enum sl_code sl_target_open_sink(const struct sl_pipeline *pipeline,
                                               const struct sl_query_spec *spec,
                                               const struct sl_conn_env *env,
                                               const struct sl_type *schema, struct sl_sink **out,
                                               struct sl_err *err);

#endif
