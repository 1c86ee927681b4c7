/* Which query of a pipeline reads what another one writes: as a table by name, through views, or by
 * the path of its LOCATION. Upstream comes first, whatever the order in the file. */
#ifndef SL_RUN_ORDER_H
#define SL_RUN_ORDER_H

#include "run/pipeline.h"

/* Sorts pipeline->queries so that each comes behind what it reads, otherwise as they are in the
 * file, and fills their `upstream`. SL_USER: tables that read each other in a circle. */
SL_MUST_CHECK enum sl_code sl_pipeline_order(struct sl_pipeline *pipeline, struct sl_err *err);
/* The query that writes the table which is read, by name or by path; NULL: none of this file. */
const struct sl_query_spec *sl_pipeline_writer_of(const struct sl_pipeline *pipeline,
                                                  const struct sl_urelation *read);

#endif
