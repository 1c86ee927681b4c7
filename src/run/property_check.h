/* Misspelt names in a pipeline's properties and SET statements, which would have no effect. */
#ifndef SL_RUN_PROPERTY_CHECK_H
#define SL_RUN_PROPERTY_CHECK_H

#include "run/pipeline.h"

/* `sluice.*` have to be known, for the format of the target; `delta.*` of a Delta table, too, as in
 * Delta. Other names belong to the sinks, which check them, or to Spark. */
SL_MUST_CHECK enum sl_code sl_property_check_target(const struct sl_pipeline *pipeline,
                                                    const struct sl_statement *target,
                                                    struct sl_err *err);
/* SET sluice.x: spark.* and pipelines.* are taken as Spark takes them, others are variables. */
SL_MUST_CHECK enum sl_code sl_property_check_setting(const struct sl_property *setting,
                                                     struct sl_err *err);

#endif
