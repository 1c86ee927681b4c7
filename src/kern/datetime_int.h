/* Reading the arguments of date and time functions. */
#ifndef SL_KERN_DATETIME_INT_H
#define SL_KERN_DATETIME_INT_H

#include "kern/args.h"
#include "kern/datetime.h"
#include "kern/kernels.h"
#include "kern/zone.h"

static inline const struct sl_zone *sl_call_zone(const struct sl_call *call) {
    return call->session && call->session->zone ? call->session->zone : sl_zone_utc;
}
/* A DATE, TIMESTAMP or TIMESTAMP_NTZ argument as days, or as micros, of the session's clock. */
static inline int32_t sl_local_days(const struct sl_vec *vec, uint32_t pos,
                                    const struct sl_zone *zone) {
    if (vec->type->kind == SL_DATE_KIND) return vec->i32[pos];
    int64_t micros = vec->i64[pos];
    if (vec->type->kind == SL_TIMESTAMP_KIND) micros = sl_zone_to_local(zone, micros);
    return (int32_t)sl_floor_div(micros, SL_MICROS_PER_DAY);
}
static inline int64_t sl_local_micros(const struct sl_vec *vec, uint32_t pos,
                                      const struct sl_zone *zone) {
    if (vec->type->kind == SL_DATE_KIND) return vec->i32[pos] * SL_MICROS_PER_DAY;
    int64_t micros = vec->i64[pos];
    return vec->type->kind == SL_TIMESTAMP_KIND ? sl_zone_to_local(zone, micros) : micros;
}
/* 1 Monday .. 7 Sunday; 1970-01-01 was a Thursday. */
static inline int32_t sl_iso_weekday(int32_t days) {
    return (int32_t)sl_floor_mod((int64_t)days + 3, 7) + 1;
}
/* ISO 8601 week of the year and the year it counts for. */
void sl_iso_week(int32_t days, int32_t *year, int32_t *week);
/* The same day of the month `months` later, or that month's last day. False out of range. */
bool sl_days_add_months(int32_t days, int64_t months, int32_t *out);
/* Fields of extract; those of a day-time interval are the clock's, and its days. */
enum sl_extract_field {
    SL_EXTRACT_NONE,
    SL_EXTRACT_YEAR,
    SL_EXTRACT_YEAROFWEEK,
    SL_EXTRACT_QUARTER,
    SL_EXTRACT_MONTH,
    SL_EXTRACT_WEEK,
    SL_EXTRACT_DAY,
    SL_EXTRACT_DOW,
    SL_EXTRACT_DOW_ISO,
    SL_EXTRACT_DOY,
    SL_EXTRACT_HOUR,
    SL_EXTRACT_MINUTE,
    SL_EXTRACT_SECOND,
    SL_EXTRACT_INTERVAL_DAY
};
/* By name, NONE when the source type has no such field. */
enum sl_extract_field sl_extract_field_find(struct sl_str name, const struct sl_type *source);

/* Used by "+" beside the rows of the table. */
enum sl_code sl_kernel_add_date(struct sl_call *call, struct sl_err *err);

#endif
