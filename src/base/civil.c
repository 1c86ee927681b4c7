/* Civil calendar, proleptic Gregorian: days since 1970-01-01 to year, month, day and back.
 * Years are counted from March, so that the leap day is the last of its year; eras of 400 years
 * make the arithmetic periodic (Hinnant, "chrono-compatible low-level date algorithms"). */
#include "base/civil.h"

int32_t sl_days_from_civil(int32_t year, int32_t month, int32_t day) {
    int64_t y = (int64_t)year - (month <= 2);
    int64_t era = (y >= 0 ? y : y - 399) / 400;
    int64_t year_of_era = y - era * 400;
    int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    int64_t day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return (int32_t)(era * 146097 + day_of_era - 719468);
}

void sl_civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day) {
    int64_t shifted = (int64_t)days + 719468;
    int64_t era = (shifted >= 0 ? shifted : shifted - 146096) / 146097;
    uint32_t day_of_era = (uint32_t)(shifted - era * 146097);
    uint32_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    uint32_t shifted_month = (5 * day_of_year + 2) / 153;
    *day = (int32_t)(day_of_year - (153 * shifted_month + 2) / 5 + 1);
    *month = (int32_t)(shifted_month < 10 ? shifted_month + 3 : shifted_month - 9);
    *year = (int32_t)((int64_t)year_of_era + era * 400 + (*month <= 2));
}

int32_t sl_days_in_month(int32_t year, int32_t month) {
    static const int8_t days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    return days[month - 1] + (month == 2 && sl_year_is_leap(year));
}

bool sl_civil_is_valid(int32_t year, int32_t month, int32_t day) {
    return month >= 1 && month <= 12 && day >= 1 && day <= sl_days_in_month(year, month);
}
