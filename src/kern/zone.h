/* Time zones: java.time's ZoneId texts ("UTC", "Europe/Berlin", "+05:30", "UTC+3", "GMT"), read
 * from the system's tz database (TZif files), proleptic Gregorian civil time. Loaded zones are
 * immutable and live until the process ends; lookup is thread-safe. */
#ifndef SL_KERN_ZONE_H
#define SL_KERN_ZONE_H

#include "base/err.h"
#include "base/str.h"

struct sl_zone;
extern const struct sl_zone *const sl_zone_utc;
/* NULL when there is no such zone. */
const struct sl_zone *sl_zone_find(struct sl_str name);
bool sl_zone_is_utc(const struct sl_zone *zone);
struct sl_str sl_zone_name(const struct sl_zone *zone);
/* Offset in seconds east of UTC at an instant. */
int32_t sl_zone_offset_at(const struct sl_zone *zone, int64_t utc_micros);
/* Local civil time to instant: a gap shifts forward by its length, an overlap takes the earlier
 * offset (java.time's rule). */
int64_t sl_zone_to_utc(const struct sl_zone *zone, int64_t local_micros);

#define SL_SECONDS_PER_DAY INT64_C(86400)
#define SL_MICROS_PER_SECOND INT64_C(1000000)
#define SL_MICROS_PER_DAY (SL_SECONDS_PER_DAY * SL_MICROS_PER_SECOND)
/* Division and remainder that round towards minus infinity; divisor > 0. */
static inline int64_t sl_floor_div(int64_t a, int64_t divisor) {
    int64_t q = a / divisor;
    return q - (a % divisor < 0);
}
static inline int64_t sl_floor_mod(int64_t a, int64_t divisor) {
    int64_t r = a % divisor;
    return r < 0 ? r + divisor : r;
}
/* Wall clock reading at an instant, as micros since 1970-01-01 00:00 of that clock. */
int64_t sl_zone_to_local(const struct sl_zone *zone, int64_t utc_micros);

#endif
