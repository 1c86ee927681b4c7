/* Civil calendar, proleptic Gregorian: days since 1970-01-01 to year, month, day and back. */
#ifndef SL_BASE_CIVIL_H
#define SL_BASE_CIVIL_H

#include <stdbool.h>
#include <stdint.h>

/* month 1..12; a day outside its month counts on into the neighbours. */
int32_t sl_days_from_civil(int32_t year, int32_t month, int32_t day);
void sl_civil_from_days(int32_t days, int32_t *year, int32_t *month, int32_t *day);
bool sl_civil_is_valid(int32_t year, int32_t month, int32_t day);
static inline bool sl_year_is_leap(int32_t year) {
    return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}
int32_t sl_days_in_month(int32_t year, int32_t month /* 1..12 */);

#endif
