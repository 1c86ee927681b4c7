/* Sinks without a disk: `memory` keeps the rows of committed batches (for tests and `sluice sql`),
 * `noop` counts and forgets them (for benchmarks). */
#ifndef SL_CONN_MEMORY_SINK_H
#define SL_CONN_MEMORY_SINK_H

#include "conn/conn.h"

/* Committed rows of a memory sink: one FLAT vector per column, in commit order; owned by the sink.
 */
const struct sl_vec *sl_memory_sink_columns(const struct sl_sink *sink, uint32_t *rows);

#endif
