/* Fields of a date or timestamp: year, month, hour ... in the session's time zone. */
#include "base/civil.h"
#include "kern/datetime_int.h"

void sl_iso_week(int32_t days, int32_t *year, int32_t *week) {
    int32_t thursday = days - sl_iso_weekday(days) + 4, month, day;
    sl_civil_from_days(thursday, year, &month, &day);
    *week = (thursday - sl_days_from_civil(*year, 1, 1)) / 7 + 1;
}

static inline int32_t year_of(int32_t days) {
    int32_t year, month, day;
    sl_civil_from_days(days, &year, &month, &day);
    return year;
}
static inline int32_t month_of(int32_t days) {
    int32_t year, month, day;
    sl_civil_from_days(days, &year, &month, &day);
    return month;
}
static inline int32_t day_of(int32_t days) {
    int32_t year, month, day;
    sl_civil_from_days(days, &year, &month, &day);
    return day;
}
static inline int32_t quarter_of(int32_t days) { return (month_of(days) + 2) / 3; }
static inline int32_t dayofyear_of(int32_t days) {
    return days - sl_days_from_civil(year_of(days), 1, 1) + 1;
}
static inline int32_t dayofweek_of(int32_t days) { return sl_iso_weekday(days) % 7 + 1; }
static inline int32_t weekday_of(int32_t days) { return sl_iso_weekday(days) - 1; }
static inline int32_t weekofyear_of(int32_t days) {
    int32_t year, week;
    sl_iso_week(days, &year, &week);
    return week;
}

/* Neighbouring rows mostly share their day, so the last day's answer is kept. */
static inline __attribute__((always_inline)) enum sl_code
map_days(struct sl_call *call, int32_t (*field)(int32_t days), struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    const struct sl_zone *zone = sl_call_zone(call);
    int32_t *out = call->out->i32, last = 0, answer = field(0);
    bool shift = in->type->kind == SL_TIMESTAMP_KIND && !sl_zone_is_utc(zone);
    bool is_date = in->type->kind == SL_DATE_KIND;
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t pos = sl_vec_pos(in, row);
        int32_t days = is_date ? in->i32[pos]
                       : shift ? sl_local_days(in, pos, zone)
                               : (int32_t)sl_floor_div(in->i64[pos], SL_MICROS_PER_DAY);
        if (days != last) last = days, answer = field(days);
        out[row] = answer;
    }
    return SL_OK;
}

#define DAY_FIELD(name)                                                                            \
    enum sl_code sl_kernel_##name(struct sl_call *call, struct sl_err *err) {                      \
        return map_days(call, name##_of, err);                                                     \
    }
DAY_FIELD(year)
DAY_FIELD(month)
DAY_FIELD(day)
DAY_FIELD(quarter)
DAY_FIELD(dayofyear)
DAY_FIELD(dayofweek)
DAY_FIELD(weekday)
DAY_FIELD(weekofyear)

static enum sl_code map_clock(struct sl_call *call, int64_t unit, int64_t cycle,
                              struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t local = sl_local_micros(in, sl_vec_pos(in, row), zone);
        call->out->i32[row] = (int32_t)sl_floor_mod(sl_floor_div(local, unit), cycle);
    }
    return SL_OK;
}

enum sl_code sl_kernel_hour(struct sl_call *call, struct sl_err *err) {
    return map_clock(call, 3600 * SL_MICROS_PER_SECOND, 24, err);
}
enum sl_code sl_kernel_minute(struct sl_call *call, struct sl_err *err) {
    return map_clock(call, 60 * SL_MICROS_PER_SECOND, 60, err);
}
enum sl_code sl_kernel_second(struct sl_call *call, struct sl_err *err) {
    return map_clock(call, SL_MICROS_PER_SECOND, 60, err);
}
