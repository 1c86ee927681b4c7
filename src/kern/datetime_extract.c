/* extract(field FROM source), date_part: fields by name. */
#include "base/civil.h"
#include "kern/datetime_int.h"

enum sl_extract_field sl_extract_field_find(struct sl_str name, const struct sl_type *source) {
    static const struct {
        const char *name;
        enum sl_extract_field field;
    } names[] = {
        {"YEAR", SL_EXTRACT_YEAR},
        {"Y", SL_EXTRACT_YEAR},
        {"YEARS", SL_EXTRACT_YEAR},
        {"YR", SL_EXTRACT_YEAR},
        {"YRS", SL_EXTRACT_YEAR},
        {"YEAROFWEEK", SL_EXTRACT_YEAROFWEEK},
        {"QUARTER", SL_EXTRACT_QUARTER},
        {"QTR", SL_EXTRACT_QUARTER},
        {"MONTH", SL_EXTRACT_MONTH},
        {"MON", SL_EXTRACT_MONTH},
        {"MONS", SL_EXTRACT_MONTH},
        {"MONTHS", SL_EXTRACT_MONTH},
        {"WEEK", SL_EXTRACT_WEEK},
        {"W", SL_EXTRACT_WEEK},
        {"WEEKS", SL_EXTRACT_WEEK},
        {"DAY", SL_EXTRACT_DAY},
        {"D", SL_EXTRACT_DAY},
        {"DAYS", SL_EXTRACT_DAY},
        {"DAYOFWEEK", SL_EXTRACT_DOW},
        {"DOW", SL_EXTRACT_DOW},
        {"DAYOFWEEK_ISO", SL_EXTRACT_DOW_ISO},
        {"DOW_ISO", SL_EXTRACT_DOW_ISO},
        {"DOY", SL_EXTRACT_DOY},
        {"HOUR", SL_EXTRACT_HOUR},
        {"H", SL_EXTRACT_HOUR},
        {"HOURS", SL_EXTRACT_HOUR},
        {"HR", SL_EXTRACT_HOUR},
        {"HRS", SL_EXTRACT_HOUR},
        {"MINUTE", SL_EXTRACT_MINUTE},
        {"M", SL_EXTRACT_MINUTE},
        {"MIN", SL_EXTRACT_MINUTE},
        {"MINS", SL_EXTRACT_MINUTE},
        {"MINUTES", SL_EXTRACT_MINUTE},
        {"SECOND", SL_EXTRACT_SECOND},
        {"S", SL_EXTRACT_SECOND},
        {"SEC", SL_EXTRACT_SECOND},
        {"SECONDS", SL_EXTRACT_SECOND},
        {"SECS", SL_EXTRACT_SECOND},
    };
    enum sl_extract_field field = SL_EXTRACT_NONE;
    for (size_t i = 0; i < sizeof names / sizeof *names && field == SL_EXTRACT_NONE; i++)
        if (sl_str_eq_nocase(name, sl_str(names[i].name))) field = names[i].field;
    if (source->kind == SL_DAY_INTERVAL_KIND)
        return field == SL_EXTRACT_DAY                                  ? SL_EXTRACT_INTERVAL_DAY
               : field >= SL_EXTRACT_HOUR && field <= SL_EXTRACT_SECOND ? field
                                                                        : SL_EXTRACT_NONE;
    if (source->kind == SL_MONTH_INTERVAL_KIND)
        return field == SL_EXTRACT_YEAR || field == SL_EXTRACT_MONTH ? field : SL_EXTRACT_NONE;
    bool datetime = source->kind == SL_DATE_KIND || source->kind == SL_TIMESTAMP_KIND ||
                    source->kind == SL_TIMESTAMP_NTZ_KIND;
    return datetime ? field : SL_EXTRACT_NONE;
}

static int64_t extract_day_field(int32_t days, enum sl_extract_field field) {
    int32_t year, month, day, iso_year, week;
    sl_civil_from_days(days, &year, &month, &day);
    sl_iso_week(days, &iso_year, &week);
    switch (field) {
    case SL_EXTRACT_YEAR:
        return year;
    case SL_EXTRACT_YEAROFWEEK:
        return iso_year;
    case SL_EXTRACT_QUARTER:
        return (month + 2) / 3;
    case SL_EXTRACT_MONTH:
        return month;
    case SL_EXTRACT_WEEK:
        return week;
    case SL_EXTRACT_DAY:
        return day;
    case SL_EXTRACT_DOW:
        return sl_iso_weekday(days) % 7 + 1;
    case SL_EXTRACT_DOW_ISO:
        return sl_iso_weekday(days);
    default:
        return days - sl_days_from_civil(year, 1, 1) + 1;
    }
}

/* Of a wall clock reading, or of a day-time interval, whose fields keep the interval's sign. */
static int64_t extract_micros(int64_t micros, enum sl_extract_field field, bool interval) {
    int64_t of_day =
        interval ? micros % SL_MICROS_PER_DAY : sl_floor_mod(micros, SL_MICROS_PER_DAY);
    switch (field) {
    case SL_EXTRACT_INTERVAL_DAY:
        return micros / SL_MICROS_PER_DAY;
    case SL_EXTRACT_HOUR:
        return of_day / INT64_C(3600000000);
    case SL_EXTRACT_MINUTE:
        return of_day / 60000000 % 60;
    case SL_EXTRACT_SECOND:
        return of_day % 60000000; /* decimal(8,6) */
    default:
        return extract_day_field((int32_t)sl_floor_div(micros, SL_MICROS_PER_DAY), field);
    }
}

enum sl_code sl_kernel_extract(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[1];
    const struct sl_zone *zone = sl_call_zone(call);
    enum sl_extract_field field = sl_extract_field_find(sl_arg_str(call, 0, 0), in->type);
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t pos = sl_vec_pos(in, row);
        int64_t value;
        if (in->type->kind == SL_MONTH_INTERVAL_KIND)
            value = field == SL_EXTRACT_YEAR ? in->i32[pos] / 12 : in->i32[pos] % 12;
        else if (in->type->kind == SL_DAY_INTERVAL_KIND)
            value = extract_micros(in->i64[pos], field, true);
        else
            value = extract_micros(sl_local_micros(in, pos, zone), field, false);
        if (call->out->type->kind == SL_INT_KIND)
            call->out->i32[row] = (int32_t)value;
        else
            call->out->i64[row] = value;
    }
    return SL_OK;
}
