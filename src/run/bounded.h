/* What a bounded source (no STREAM) holds now, as a feed of an epoch: batch queries, and the static
 * sides of a stream's joins. */
#ifndef SL_RUN_BOUNDED_H
#define SL_RUN_BOUNDED_H

#include "run/epoch.h"
#include "run/pipeline.h"

/* Opens the source of a pipe and plans all it has; VALUES need none. The caller closes
 * feed->source.
 */
SL_MUST_CHECK enum sl_code sl_bounded_open(const struct sl_conn_env *env,
                                           const struct sl_epoch *epoch, struct sl_feed *feed,
                                           struct sl_arena *arena, struct sl_err *err);

#endif
