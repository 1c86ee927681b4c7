/* Runs all queries of a pipeline under one trigger: materialized views once, streaming queries
 * batch by batch, in turn, until the trigger's work is done, an error, or a stop. Under a trigger
 * with an end (available now, once) a query begins when those whose tables it reads are done: so a
 * chain of tables is worked through in one run. */
#ifndef SL_RUN_RUNNER_H
#define SL_RUN_RUNNER_H

#include "run/progress.h"

struct sl_run_options {
    struct sl_trigger trigger;
    sl_report_fn report;
    void *report_ctx;
    struct sl_buf *profile; /* NULL: no profile */
};
SL_MUST_CHECK enum sl_code sl_run_pipeline(struct sl_pipeline *pipeline,
                                           const struct sl_run_options *options,
                                           struct sl_err *err);

#endif
