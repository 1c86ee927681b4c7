/* The quarantine that a query's target names: TBLPROPERTIES ('sluice.quarantine' = 'name'), a sink
 * or a streaming table without AS of the same file, and its limits. */
#ifndef SL_RUN_QUARANTINE_H
#define SL_RUN_QUARANTINE_H

#include "run/dead_letter.h"
#include "run/pipeline.h"

/* The statement that holds the letters of a target's query; NULL when it has no quarantine. Errors'
 * spans are places in the file. */
SL_MUST_CHECK enum sl_code sl_quarantine_find(const struct sl_pipeline *pipeline,
                                              const struct sl_statement *target,
                                              const struct sl_statement **out, struct sl_err *err);
/* Opens its sink; *out NULL when the query has none. env: the query's. */
SL_MUST_CHECK enum sl_code sl_quarantine_open(const struct sl_pipeline *pipeline,
                                              const struct sl_query_spec *spec,
                                              const struct sl_conn_env *env,
                                              struct sl_letters **out, struct sl_err *err);

#endif
