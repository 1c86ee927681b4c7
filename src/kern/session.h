/* What an expression may depend on besides its inputs.  Immutable while a batch runs; everything
 * that "now", "random" and "uuid" derive from is recorded in offsets/N, so that a rerun gives
 * the same rows. */
#ifndef SL_KERN_SESSION_H
#define SL_KERN_SESSION_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct sl_zone; /* kern/zone.h: a time zone with its transitions */

struct sl_session {
    bool ansi;                  /* spark.sql.ansi.enabled; default true */
    bool case_sensitive;        /* spark.sql.caseSensitive; default false */
    struct sl_str time_zone;    /* spark.sql.session.timeZone; default "UTC" */
    const struct sl_zone *zone; /* of time_zone */
    int64_t batch_timestamp_us; /* current_timestamp(): offsets/N batchTimestampMs * 1000 */
    uint64_t batch_seed;        /* uuid(), rand(): derived from query id, batch id and partition */
    int64_t batch_id;
};

#endif
