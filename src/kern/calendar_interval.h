/* Spark's CalendarInterval as text: "5 minutes", "interval 1 day 2 hours", "-1.5 seconds".
 * Source: IntervalUtils.stringToInterval (SparkIntervalUtils.scala). */
#ifndef SL_KERN_CALENDAR_INTERVAL_H
#define SL_KERN_CALENDAR_INTERVAL_H

#include "base/str.h"
#include "kern/zone.h"

struct sl_calendar_interval {
    int64_t months, days, micros;
};
/* False when the text is none, or out of range. */
bool sl_calendar_interval_parse(struct sl_str text, struct sl_calendar_interval *out);
/* Months and days move the wall clock of the zone, micros the instant. False on overflow. */
bool sl_calendar_interval_add(int64_t micros, const struct sl_calendar_interval *interval,
                              const struct sl_zone *zone, int64_t *out);

#endif
