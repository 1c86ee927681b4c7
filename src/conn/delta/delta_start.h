/* Where a stream of a Delta table begins, kept in the checkpoint from before its first batch is
 * planned until for ever: offsets/0 says where that batch ends, and `latest`, or a moment, would
 * mean another version when the batch runs again. Spark, which keeps no such record, leaves it
 * alone. Owner: any thread. */
#ifndef SL_CONN_DELTA_START_H
#define SL_CONN_DELTA_START_H

#include "conn/delta/delta_offset.h"

struct sl_delta_start {
    struct sl_str option;         /* startingVersion or startingTimestamp as given; "": neither */
    struct sl_delta_offset place; /* in front of the first batch */
};
/* dir: the source's in the checkpoint (sources/<i>). Texts in the arena. SL_DATA: not what was
 * written. */
SL_MUST_CHECK enum sl_code sl_delta_start_read(const char *dir, struct sl_arena *arena,
                                               struct sl_delta_start *out, bool *found,
                                               struct sl_err *err);
/* Durable when it returns. Failpoints: delta_start.* */
SL_MUST_CHECK enum sl_code sl_delta_start_write(const char *dir, const struct sl_delta_start *start,
                                                struct sl_err *err);

#endif
