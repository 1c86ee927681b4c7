#include "base/civil.h"
#include "unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hash.h"
#include "kern/cast.h"
#include "kern/zone.h"

/* Every day over 20,000 years, against counting. */
void test_civil_counts_days(void **state) {
    (void)state;
    int32_t days = sl_days_from_civil(-10000, 1, 1);
    for (int32_t year = -10000; year < 10000; year++)
        for (int32_t month = 1; month <= 12; month++)
            for (int32_t day = 1; day <= sl_days_in_month(year, month); day++, days++) {
                int32_t y, m, d;
                sl_civil_from_days(days, &y, &m, &d);
                if (y != year || m != month || d != day ||
                    sl_days_from_civil(year, month, day) != days)
                    fail_msg("%d-%d-%d is %d-%d-%d", year, month, day, y, m, d);
            }
    assert_int_equal(sl_days_from_civil(1970, 1, 1), 0);
}

/* Offsets against the C library's localtime_r over two centuries, the rule of the footer included.
 */
void test_zone_offsets_equal_libc(void **state) {
    (void)state;
    static const char *const names[] = {"Europe/Berlin",    "America/Los_Angeles", "Asia/Kolkata",
                                        "Australia/Sydney", "America/Sao_Paulo",   "Europe/Dublin",
                                        "Pacific/Apia",     "Africa/Casablanca"};
    uint64_t seed = 7;
    const char *before = getenv("TZ");
    char *saved = before ? strdup(before) : NULL;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const struct sl_zone *zone = sl_zone_find(sl_str(names[i]));
        if (!zone) fail_msg("%s", names[i]);
        setenv("TZ", names[i], 1);
        tzset();
        for (int k = 0; k < 3000; k++) {
            time_t at = (time_t)(sl_random_next(&seed) % 6311390400) - 2208988800; /* 1900..2100 */
            struct tm local;
            localtime_r(&at, &local);
            int32_t got = sl_zone_offset_at(zone, at * SL_MICROS_PER_SECOND);
            if (got != local.tm_gmtoff) fail_msg("%s at %lld: %d", names[i], (long long)at, got);
        }
    }
    if (saved)
        setenv("TZ", saved, 1);
    else
        unsetenv("TZ");
    tzset();
    free(saved);
}

static void local_is(const char *zone, const char *local, const char *utc) {
    int64_t micros;
    assert_true(sl_parse_timestamp(sl_str(local), sl_zone_find(sl_str(zone)), &micros));
    char text[40];
    text[sl_format_timestamp(text, micros, sl_zone_utc)] = 0;
    assert_string_equal(text, utc);
}

void test_zone_gap_shifts_and_overlap_takes_the_earlier(void **state) {
    (void)state;
    local_is("Europe/Berlin", "2024-03-31 02:30:00", "2024-03-31 01:30:00");
    local_is("Europe/Berlin", "2024-10-27 02:30:00", "2024-10-27 00:30:00");
    local_is("America/Los_Angeles", "2024-03-10 02:30:00", "2024-03-10 10:30:00");
    local_is("America/Los_Angeles", "2024-11-03 01:30:00", "2024-11-03 08:30:00");
    local_is("Europe/Berlin", "2524-07-01 12:00:00", "2524-07-01 10:00:00");
}

void test_zone_names_are_javas(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int32_t offset;
    } good[] = {{"UTC", 0},        {"Z", 0},
                {"GMT", 0},        {"UT", 0},
                {"+5", 18000},     {"+05:30", 19800},
                {"-0530", -19800}, {"+05:30:15", 19815},
                {"UTC+3", 10800},  {"GMT-08:00", -28800},
                {"+5:30", 19800},  {"+05:3", 18180},
                {"EST", -18000},   {"Asia/Tokyo", 32400},
                {"JST", 32400},    {"+18", 64800}};
    static const char *const bad[] = {
        "",       "Nowhere", "../../etc/passwd", "+19:00",   "+05:60", "/etc/localtime",
        "Europe", "utc+x",   "Europe/Berlin2",   "posix/UTC"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        const struct sl_zone *zone = sl_zone_find(sl_str(good[i].name));
        if (!zone) fail_msg("%s", good[i].name);
        assert_int_equal(sl_zone_offset_at(zone, 1700000000 * SL_MICROS_PER_SECOND),
                         good[i].offset);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sl_zone_find(sl_str(bad[i]))) fail_msg("%s", bad[i]);
    assert_ptr_equal(sl_zone_find(SL_STR("Asia/Tokyo")), sl_zone_find(SL_STR("Asia/Tokyo")));
}
