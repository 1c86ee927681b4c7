/* Which directories the tables and checkpoints of a pipeline file take: each its own, none inside
 * another one's, all on local disk. Checked without I/O. */
#ifndef SL_RUN_PLACES_H
#define SL_RUN_PLACES_H

#include "run/pipeline.h"

/* SL_USER, SL_UNSUPPORTED: the span is in pipeline->text. A checkpoint that VACUUM of its table
 * could reach is worth a warning. */
SL_MUST_CHECK enum sl_code sl_pipeline_check_places(const struct sl_pipeline *pipeline,
                                                    struct sl_err *err);

#endif
