/* sluice.onSchemaDrift of a query's target: what is done about fields of records that the schema of
 * from_json does not have. */
#ifndef SL_RUN_SCHEMA_DRIFT_H
#define SL_RUN_SCHEMA_DRIFT_H

#include "col/drift.h"
#include "run/pipeline.h"

/* *on = false: nothing, nobody looks for such fields. SL_USER: no such value, or `quarantine` where
 * the target has none, or `evolve` where it takes no columns. */
SL_MUST_CHECK enum sl_code sl_schema_drift_mode(const struct sl_pipeline *pipeline,
                                                const struct sl_statement *target, bool *on,
                                                enum sl_drift_mode *mode, struct sl_err *err);
/* One warning for each field from number `from` on; none of fields that become columns or tell for
 * themselves why not (run/query_evolve.h). */
void sl_schema_drift_warn(const struct sl_log *log, struct sl_str query,
                          const struct sl_drift *drift, uint32_t from);

#endif
