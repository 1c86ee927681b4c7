/* Calendar arithmetic on dates: date_add, add_months, last_day, trunc, make_date ... */
#include <math.h>
#include <stdio.h>

#include "base/civil.h"
#include "kern/cast.h"
#include "kern/datetime_int.h"
#include "kern/datetime_pattern.h"

bool sl_days_add_months(int32_t days, int64_t months, int32_t *out) {
    int32_t year, month, day;
    sl_civil_from_days(days, &year, &month, &day);
    int64_t total = (int64_t)year * 12 + month - 1 + months;
    int64_t to_year = sl_floor_div(total, 12);
    if (to_year < -5877641 || to_year > 5881580) return false;
    int32_t to_month = (int32_t)sl_floor_mod(total, 12) + 1;
    int32_t most = sl_days_in_month((int32_t)to_year, to_month);
    *out = sl_days_from_civil((int32_t)to_year, to_month, day < most ? day : most);
    return true;
}

/* Monday = 1 .. Sunday = 7 by name, long or of 2 or 3 letters; 0 if none. */
static int weekday_by_name(struct sl_str name) {
    for (int i = 0; i < 7; i++) {
        struct sl_str full = sl_str(sl_weekday_names[i]);
        if (name.len != 2 && name.len != 3 && name.len != full.len) continue;
        if (sl_str_eq_nocase(name, sl_str_sub(full, 0, name.len))) return i + 1;
    }
    return 0;
}

static void overflow(struct sl_call *call, uint32_t row, const char *what) {
    sl_call_bad(call, row, "DATETIME_OVERFLOW", "22008", "Datetime operation overflow: %s.", what);
}

/* The date side may be a timestamp: its day in the session's time zone. */
static enum sl_code shift_days(struct sl_call *call, uint32_t date, int sign, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[date];
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t days = (int64_t)sl_local_days(in, sl_vec_pos(in, row), zone) +
                       (int64_t)sign * sl_arg_i32(call, 1 - date, row);
        call->out->i32[row] = (int32_t)days; /* wraps, as Spark's date_add does */
    }
    return SL_OK;
}

enum sl_code sl_kernel_date_add(struct sl_call *call, struct sl_err *err) {
    return shift_days(call, 0, 1, err);
}
enum sl_code sl_kernel_add_date(struct sl_call *call, struct sl_err *err) {
    return shift_days(call, 1, 1, err);
}
enum sl_code sl_kernel_date_sub(struct sl_call *call, struct sl_err *err) {
    return shift_days(call, 0, -1, err);
}

enum sl_code sl_kernel_datediff(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *end = call->args[0], *start = call->args[1];
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->i32[row] =
            (int32_t)((uint32_t)sl_local_days(end, sl_vec_pos(end, row), zone) -
                      (uint32_t)sl_local_days(start, sl_vec_pos(start, row), zone));
    return SL_OK;
}

enum sl_code sl_kernel_add_months(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        call->out->i32[row] = 0;
        if (!sl_days_add_months(sl_arg_i32(call, 0, row), sl_arg_i32(call, 1, row),
                                &call->out->i32[row]))
            overflow(call, row, "add months to a date");
    }
    return SL_OK;
}

enum sl_code sl_kernel_last_day(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        int32_t year, month, day, days = sl_arg_i32(call, 0, row);
        sl_civil_from_days(days, &year, &month, &day);
        call->out->i32[row] = days - day + sl_days_in_month(year, month);
    }
    return SL_OK;
}

enum sl_code sl_kernel_next_day(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str name = sl_arg_str(call, 1, row);
        int weekday = weekday_by_name(name);
        int32_t days = sl_arg_i32(call, 0, row);
        int32_t step = (weekday - sl_iso_weekday(days) + 7) % 7;
        call->out->i32[row] = days + (step ? step : 7);
        if (weekday) continue;
        if (call->session && !call->session->ansi)
            SL_TRY(sl_call_null(call, row, err));
        else
            sl_call_bad(call, row, "ILLEGAL_DAY_OF_WEEK", "22009",
                        "Illegal input for day of week: %.*s.", SL_STR_ARG(name));
    }
    return SL_OK;
}

/* DateTimeUtils.monthsBetween: whole months when both are the same day or both the last day of
 * their month, else 31-day months; rounded to 8 digits unless told not to. */
static double months_between(int64_t a, int64_t b, bool round_off) {
    int32_t day_a = (int32_t)sl_floor_div(a, SL_MICROS_PER_DAY), y1, m1, d1;
    int32_t day_b = (int32_t)sl_floor_div(b, SL_MICROS_PER_DAY), y2, m2, d2;
    sl_civil_from_days(day_a, &y1, &m1, &d1);
    sl_civil_from_days(day_b, &y2, &m2, &d2);
    double months = (y1 - y2) * 12.0 + (m1 - m2);
    if (d1 == d2 || (d1 == sl_days_in_month(y1, m1) && d2 == sl_days_in_month(y2, m2)))
        return months;
    int64_t seconds = (d1 - d2) * SL_SECONDS_PER_DAY +
                      sl_floor_mod(a, SL_MICROS_PER_DAY) / SL_MICROS_PER_SECOND -
                      sl_floor_mod(b, SL_MICROS_PER_DAY) / SL_MICROS_PER_SECOND;
    double exact = months + (double)seconds / (31.0 * SL_SECONDS_PER_DAY);
    return round_off ? round(exact * 1e8) / 1e8 : exact;
}

enum sl_code sl_kernel_months_between(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_zone *zone = sl_call_zone(call);
    const struct sl_vec *a = call->args[0], *b = call->args[1], *rounding = call->args[2];
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->f64[row] = months_between(sl_local_micros(a, sl_vec_pos(a, row), zone),
                                             sl_local_micros(b, sl_vec_pos(b, row), zone),
                                             sl_bit_get(rounding->bits, sl_vec_pos(rounding, row)));
    return SL_OK;
}

/* ---- truncation ---- */

enum level {
    LEVEL_NONE,
    LEVEL_MICROSECOND,
    LEVEL_MILLISECOND,
    LEVEL_SECOND,
    LEVEL_MINUTE,
    LEVEL_HOUR,
    LEVEL_DAY,
    LEVEL_WEEK,
    LEVEL_MONTH,
    LEVEL_QUARTER,
    LEVEL_YEAR
};

static enum level parse_level(struct sl_str text) {
    static const struct {
        const char *name;
        enum level level;
    } levels[] = {
        {"MICROSECOND", LEVEL_MICROSECOND},
        {"MILLISECOND", LEVEL_MILLISECOND},
        {"SECOND", LEVEL_SECOND},
        {"MINUTE", LEVEL_MINUTE},
        {"HOUR", LEVEL_HOUR},
        {"DAY", LEVEL_DAY},
        {"DD", LEVEL_DAY},
        {"WEEK", LEVEL_WEEK},
        {"MON", LEVEL_MONTH},
        {"MONTH", LEVEL_MONTH},
        {"MM", LEVEL_MONTH},
        {"QUARTER", LEVEL_QUARTER},
        {"YEAR", LEVEL_YEAR},
        {"YYYY", LEVEL_YEAR},
        {"YY", LEVEL_YEAR},
    };
    for (size_t i = 0; i < sizeof levels / sizeof *levels; i++)
        if (sl_str_eq_nocase(text, sl_str(levels[i].name))) return levels[i].level;
    return LEVEL_NONE;
}

static int32_t truncate_days(int32_t days, enum level level) {
    int32_t year, month, day;
    if (level == LEVEL_WEEK) return days - sl_iso_weekday(days) + 1;
    if (level < LEVEL_WEEK) return days;
    sl_civil_from_days(days, &year, &month, &day);
    if (level == LEVEL_QUARTER) month = (month - 1) / 3 * 3 + 1;
    if (level == LEVEL_YEAR) month = 1;
    return sl_days_from_civil(year, month, 1);
}

static int64_t truncate_local(int64_t local, enum level level) {
    static const int64_t units[] = {[LEVEL_MICROSECOND] = 1,
                                    [LEVEL_MILLISECOND] = 1000,
                                    [LEVEL_SECOND] = 1000000,
                                    [LEVEL_MINUTE] = 60000000,
                                    [LEVEL_HOUR] = 3600000000};
    if (level <= LEVEL_HOUR) return local - sl_floor_mod(local, units[level]);
    int32_t days = (int32_t)sl_floor_div(local, SL_MICROS_PER_DAY);
    return truncate_days(days, level) * SL_MICROS_PER_DAY;
}

enum sl_code sl_kernel_date_trunc(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[1];
    bool ntz = in->type->kind == SL_TIMESTAMP_NTZ_KIND;
    const struct sl_zone *zone = ntz ? sl_zone_utc : sl_call_zone(call);
    bool fixed = call->args[0]->enc == SL_ENC_CONST;
    enum level level = fixed ? parse_level(sl_arg_str(call, 0, 0)) : LEVEL_NONE;
    for (uint32_t row = 0; row < call->rows; row++) {
        if (!fixed) level = parse_level(sl_arg_str(call, 0, row));
        int64_t micros = in->i64[sl_vec_pos(in, row)];
        call->out->i64[row] = micros;
        if (level == LEVEL_NONE)
            SL_TRY(sl_call_null(call, row, err));
        else if (level <= LEVEL_SECOND) /* offsets are whole seconds */
            call->out->i64[row] = truncate_local(micros, level);
        else
            call->out->i64[row] =
                sl_zone_to_utc(zone, truncate_local(sl_zone_to_local(zone, micros), level));
    }
    return SL_OK;
}

enum sl_code sl_kernel_trunc(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        enum level level = parse_level(sl_arg_str(call, 1, row));
        int32_t days = sl_arg_i32(call, 0, row);
        call->out->i32[row] = level < LEVEL_WEEK ? days : truncate_days(days, level);
        if (level < LEVEL_WEEK) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}

/* ---- construction ---- */

static enum sl_code out_of_bounds(struct sl_call *call, uint32_t row, struct sl_err *err,
                                  const char *fmt, const char *text, int64_t value) {
    if (call->session && !call->session->ansi) return sl_call_null(call, row, err);
    char detail[128];
    snprintf(detail, sizeof detail, fmt, text, (long long)value);
    sl_call_bad(call, row, "DATETIME_FIELD_OUT_OF_BOUNDS.WITH_SUGGESTION", "22023",
                "%s. If necessary set \"spark.sql.ansi.enabled\" to \"false\" to bypass this "
                "error.",
                detail);
    return SL_OK;
}

static enum sl_code make_days(struct sl_call *call, uint32_t row, int32_t *days, bool *ok,
                              struct sl_err *err) {
    int32_t year = sl_arg_i32(call, 0, row), month = sl_arg_i32(call, 1, row),
            day = sl_arg_i32(call, 2, row);
    *days = 0;
    *ok = false;
    if (year < -999999999 || year > 999999999)
        return out_of_bounds(call, row, err,
                             "Invalid value for %s (valid values -999999999 - 999999999): %lld",
                             "Year", year);
    if (month < 1 || month > 12)
        return out_of_bounds(call, row, err, "Invalid value for %s (valid values 1 - 12): %lld",
                             "MonthOfYear", month);
    if (day < 1 || day > 31)
        return out_of_bounds(call, row, err, "Invalid value for %s (valid values 1 - 28/31): %lld",
                             "DayOfMonth", day);
    if (month == 2 && day == 29 && !sl_year_is_leap(year))
        return out_of_bounds(call, row, err, "Invalid date '%s 29' as '%lld' is not a leap year",
                             "February", year);
    if (day > sl_days_in_month(year, month)) {
        char name[16] = {0};
        for (size_t i = 0; sl_month_names[month - 1][i]; i++)
            name[i] = (char)(sl_month_names[month - 1][i] & ~32);
        return out_of_bounds(call, row, err, "Invalid date '%s %lld'", name, day);
    }
    if (year < -5877641 || year > 5881580) {
        overflow(call, row, "make a date of that year");
        return SL_OK;
    }
    *days = sl_days_from_civil(year, month, day);
    *ok = true;
    return SL_OK;
}

enum sl_code sl_kernel_make_date(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        bool ok;
        SL_TRY(make_days(call, row, &call->out->i32[row], &ok, err));
    }
    return SL_OK;
}

/* (year, month, day, hour, minute, second decimal(16,6) [, zone]); 60 seconds are the next minute
 * when there is no fraction. */
enum sl_code sl_kernel_make_timestamp(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        int32_t days;
        bool ok;
        call->out->i64[row] = 0;
        SL_TRY(make_days(call, row, &days, &ok, err));
        if (!ok) continue;
        int32_t hour = sl_arg_i32(call, 3, row), minute = sl_arg_i32(call, 4, row);
        int64_t micros = sl_arg_i64(call, 5, row), second = sl_floor_div(micros, 1000000);
        if (micros > 60000000 && micros < 61000000) {
            if (call->session && !call->session->ansi)
                SL_TRY(sl_call_null(call, row, err));
            else
                sl_call_bad(call, row, "INVALID_FRACTION_OF_SECOND", "22023",
                            "Valid range for seconds is [0, 60] (inclusive), but the provided "
                            "value is 60.%06d. To avoid this error, use `try_cast` on a text.",
                            (int)(micros - 60000000));
            continue;
        }
        const char *field = hour < 0 || hour > 23                               ? "HourOfDay"
                            : minute < 0 || minute > 59                         ? "MinuteOfHour"
                            : second < 0 || (second > 59 && micros != 60000000) ? "SecondOfMinute"
                                                                                : NULL;
        if (field) {
            bool is_hour = *field == 'H';
            SL_TRY(out_of_bounds(call, row, err,
                                 is_hour ? "Invalid value for %s (valid values 0 - 23): %lld"
                                         : "Invalid value for %s (valid values 0 - 59): %lld",
                                 field,
                                 is_hour         ? hour
                                 : *field == 'M' ? minute
                                                 : second));
            continue;
        }
        const struct sl_zone *zone = sl_call_zone(call);
        if (call->arg_count > 6 && !(zone = sl_zone_find(sl_arg_str(call, 6, row)))) {
            sl_call_bad(call, row, "INVALID_TIMEZONE", "22009", "The timezone: %.*s is invalid.",
                        SL_STR_ARG(sl_arg_str(call, 6, row)));
            continue;
        }
        int64_t local;
        if (__builtin_mul_overflow((int64_t)days, SL_MICROS_PER_DAY, &local) ||
            __builtin_add_overflow(local, (hour * INT64_C(3600) + minute * 60) * 1000000 + micros,
                                   &local))
            overflow(call, row, "make a timestamp");
        else
            call->out->i64[row] = sl_zone_to_utc(zone, local);
    }
    return SL_OK;
}

/* ---- from_utc_timestamp, to_utc_timestamp ---- */

/* The zone functions stop at the ends of the range. */
static bool shift_micros(const struct sl_zone *zone, bool to_utc, int64_t micros, int64_t *out) {
    int64_t back;
    *out = to_utc ? sl_zone_to_utc(zone, micros) : sl_zone_to_local(zone, micros);
    if (*out != INT64_MAX && *out != INT64_MIN) return true;
    int64_t offset = sl_zone_offset_at(zone, to_utc ? *out : micros) * SL_MICROS_PER_SECOND;
    return !(to_utc ? __builtin_sub_overflow(micros, offset, &back)
                    : __builtin_add_overflow(micros, offset, &back));
}

static enum sl_code shift_zone(struct sl_call *call, bool to_utc, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_zone *zone = NULL;
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str name = sl_arg_str(call, 1, row);
        if (!zone || !sl_str_eq(sl_zone_name(zone), name)) zone = sl_zone_find(name);
        int64_t micros = sl_arg_i64(call, 0, row);
        call->out->i64[row] = micros;
        if (!zone)
            sl_call_bad(
                call, row, "INVALID_TIMEZONE", "22009",
                "The timezone: %.*s is invalid. The timezone must be either a region-based "
                "zone ID or a zone offset. Region IDs must have the form 'area/city', such "
                "as 'America/Los_Angeles'. Zone offsets must be in the format '(+|-)HH', "
                "'(+|-)HH:mm' or '(+|-)HH:mm:ss', e.g '-08', '+01:00' or '-13:33:33', and must "
                "be in the range from -18:00 to +18:00. 'Z' and 'UTC' are accepted as "
                "synonyms for '+00:00'.",
                SL_STR_ARG(name));
        else if (!shift_micros(zone, to_utc, micros, &call->out->i64[row]))
            overflow(call, row, "shift a timestamp to another time zone");
    }
    return SL_OK;
}

enum sl_code sl_kernel_to_utc_timestamp(struct sl_call *call, struct sl_err *err) {
    return shift_zone(call, true, err);
}
enum sl_code sl_kernel_from_utc_timestamp(struct sl_call *call, struct sl_err *err) {
    return shift_zone(call, false, err);
}
