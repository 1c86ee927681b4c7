/* Several queries, one read: queries of a pipeline whose only source is the same, with the same
 * options, are planned together while they are at the same offset.  Each keeps its own checkpoint,
 * batch ids, sinks and commits; a batch of all is one epoch with one feed.
 *
 * A query that is behind (after a crash between two commits, or new in the file) runs alone up to
 * where the others are, and joins them there.
 */
#ifndef SL_RUN_QUERY_SHARE_H
#define SL_RUN_QUERY_SHARE_H

#include "run/query.h"

/* May the two read together? 'sluice.sharedReads' = false says no. */
bool sl_query_can_share(const struct sl_query *a, const struct sl_query *b);
/* Like sl_query_step for each of them; steps[i] and wait_ms[i] as there. */
SL_MUST_CHECK enum sl_code sl_query_step_shared(struct sl_query **queries, uint32_t count,
                                                enum sl_step *steps, int64_t *wait_ms,
                                                struct sl_err *err);

#endif
