/* Dates and timestamps as text, as Spark's CAST reads and prints them.
 *
 * Reading has two ways: a fast one for YYYY-MM-DD[T ]HH:MM:SS[.f*][Z], which is what data holds,
 * and a general one with the grammar of SparkDateTimeUtils.parseTimestampString (short fields,
 * years of up to 6 digits, signs, bare times, zones).  The fast way only answers "yes, this value"
 * or "not mine"; both agree where it answers. */
#include <string.h>

#include "base/civil.h"
#include "base/clock.h"
#include "kern/cast.h"
#include "kern/datetime.h"
#include "kern/number.h"

static bool is_digit(char c) { return (unsigned)(c - '0') <= 9; }

static uint64_t load8(const char *p) {
    uint64_t value;
    memcpy(&value, p, 8);
    return value;
}

/* Text of 8 bytes against a template of '0' (any digit) and other bytes (exactly that): digit
 * pairs as numbers, byte i holding 10 * digit[i] + digit[i+1]; false when a byte does not fit. */
static inline bool match_digits(uint64_t text, uint64_t pattern, uint64_t digit_lanes,
                                uint64_t *pairs) {
    uint64_t x = text ^ pattern;
    /* a digit lane may hold 0..9, another must be 0: adding lifts anything else over 0x7F */
    uint64_t lift = (digit_lanes & UINT64_C(0x7676767676767676)) |
                    (~digit_lanes & UINT64_C(0x7F7F7F7F7F7F7F7F));
    if (((x + lift) | x) & UINT64_C(0x8080808080808080)) return false;
    *pairs = x * 10 + (x >> 8);
    return true;
}

static inline int32_t lane(uint64_t pairs, int i) { return (int32_t)(pairs >> (8 * i) & 0xFF); }

/* Little-endian templates; a big-endian machine takes the general way. */
#define DATE_PATTERN UINT64_C(0x2D30302D30303030) /* "0000-00-" */
#define DATE_LANES UINT64_C(0x00FFFF00FFFFFFFF)
#define TIME_PATTERN_T UINT64_C(0x30303A3030543030) /* "00T00:00" */
#define TIME_PATTERN_BLANK UINT64_C(0x30303A3030203030)
#define TIME_LANES UINT64_C(0xFFFF00FFFF00FFFF)

bool sl_datetime_parse_fast(struct sl_str text, int64_t *local_micros, bool *is_zulu) {
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    return (void)text, (void)local_micros, (void)is_zulu, false;
#endif
    const char *p = text.ptr;
    size_t len = text.len;
    if (len < 19) return false;
    *is_zulu = p[len - 1] == 'Z';
    len -= *is_zulu;
    uint64_t date, time;
    uint64_t time_pattern = p[10] == ' ' ? TIME_PATTERN_BLANK : TIME_PATTERN_T;
    if (!match_digits(load8(p), DATE_PATTERN, DATE_LANES, &date) ||
        !match_digits(load8(p + 8), time_pattern, TIME_LANES, &time))
        return false;
    if (len < 19 || p[16] != ':' || !is_digit(p[17]) || !is_digit(p[18])) return false;
    int32_t year = lane(date, 0) * 100 + lane(date, 2), month = lane(date, 5), day = lane(time, 0);
    int32_t hour = lane(time, 3), minute = lane(time, 6), second = (p[17] - '0') * 10 + p[18] - '0';
    if (hour > 23 || minute > 59 || second > 59 || !sl_civil_is_valid(year, month, day))
        return false;
    int64_t fraction = 0;
    if (len > 19) {
        if (p[19] != '.' || len == 20) return false;
        int64_t unit = 100000;
        for (size_t i = 20; i < len; i++) {
            if (!is_digit(p[i])) return false;
            fraction += (p[i] - '0') * unit;
            unit /= 10; /* 0 behind six digits: truncated */
        }
    }
    int64_t seconds = sl_days_from_civil(year, month, day) * SL_SECONDS_PER_DAY + hour * 3600 +
                      minute * 60 + second;
    *local_micros = seconds * SL_MICROS_PER_SECOND + fraction;
    return true;
}

/* What the general grammar found. */
struct parts {
    int64_t value[7]; /* year month day hour minute second micros */
    bool just_time;
    struct sl_str zone; /* "" if none */
};
enum { YEAR, MONTH, DAY, HOUR, MINUTE, SECOND, FRACTION };

static bool take_digits(struct sl_str *text, size_t least, size_t most, int64_t *out) {
    size_t n = 0;
    int64_t value = 0;
    for (; n < text->len && is_digit(text->ptr[n]); n++)
        if (n <= most) value = value * 10 + (text->ptr[n] - '0');
    *text = sl_str_sub(*text, n, text->len);
    *out = value;
    return n >= least && n <= most;
}

static bool take_char(struct sl_str *text, char c) {
    if (text->len == 0 || *text->ptr != c) return false;
    *text = sl_str_sub(*text, 1, text->len);
    return true;
}

static int64_t take_fraction(struct sl_str *text) {
    int64_t value = 0, unit = 100000;
    while (text->len && is_digit(*text->ptr)) {
        value += (*text->ptr - '0') * unit;
        unit /= 10;
        *text = sl_str_sub(*text, 1, text->len);
    }
    return value;
}

/* h[h][:m[m][:s[s][.f*][zone]]], from part `from` on. */
static bool parse_clock(struct sl_str text, struct parts *parts, int from) {
    for (int i = from; i <= SECOND; i++) {
        if (!take_digits(&text, 1, 2, &parts->value[i])) return false;
        if (text.len == 0) return true;
        if (i < SECOND && !take_char(&text, ':')) return false;
    }
    if (take_char(&text, '.')) parts->value[FRACTION] = take_fraction(&text);
    parts->zone = text;
    return true;
}

static bool parse_parts(struct sl_str text, struct parts *parts) {
    *parts = (struct parts){.value = {1, 1, 1}};
    struct sl_str trimmed = sl_number_trim(text);
    bool untrimmed_start = trimmed.ptr == text.ptr; /* Spark takes "T10:00", but not " T10:00" */
    text = trimmed;
    if (text.len == 0) return false;
    if (untrimmed_start && *text.ptr == 'T') {
        parts->just_time = true;
        return parse_clock(sl_str_sub(text, 1, text.len), parts, HOUR);
    }
    bool negative = *text.ptr == '-', sign = negative || *text.ptr == '+';
    if (sign) text = sl_str_sub(text, 1, text.len);
    size_t colon = 0;
    while (colon < text.len && is_digit(text.ptr[colon])) colon++;
    if (!sign && colon <= 2 && colon < text.len && text.ptr[colon] == ':') {
        parts->just_time = true;
        return parse_clock(text, parts, HOUR);
    }
    if (!take_digits(&text, 4, 6, &parts->value[YEAR])) return false;
    if (negative) parts->value[YEAR] = -parts->value[YEAR];
    for (int i = MONTH; i <= DAY; i++) {
        if (text.len == 0) return true;
        if (!take_char(&text, '-') || !take_digits(&text, 1, 2, &parts->value[i])) return false;
    }
    if (text.len == 0) return true;
    if (!take_char(&text, ' ') && !take_char(&text, 'T')) return false;
    return parse_clock(text, parts, HOUR);
}

/* Micros since the local epoch; false for fields out of range or past the 64-bit range. */
static bool parts_to_local(const struct parts *parts, int32_t day_number, int64_t *micros) {
    const int64_t *v = parts->value;
    if (v[HOUR] > 23 || v[MINUTE] > 59 || v[SECOND] > 59) return false;
    if (!parts->just_time) {
        if (!sl_civil_is_valid((int32_t)v[YEAR], (int32_t)v[MONTH], (int32_t)v[DAY])) return false;
        day_number = sl_days_from_civil((int32_t)v[YEAR], (int32_t)v[MONTH], (int32_t)v[DAY]);
    }
    int64_t of_day =
        ((v[HOUR] * 60 + v[MINUTE]) * 60 + v[SECOND]) * SL_MICROS_PER_SECOND + v[FRACTION];
    return !__builtin_mul_overflow((int64_t)day_number, SL_MICROS_PER_DAY, micros) &&
           !__builtin_add_overflow(*micros, of_day, micros);
}

bool sl_parse_timestamp_at(struct sl_str text, const struct sl_zone *zone, int64_t now_micros,
                           int64_t *micros) {
    int64_t local;
    bool zulu;
    if (sl_datetime_parse_fast(text, &local, &zulu)) {
        *micros = zulu ? local : sl_zone_to_utc(zone, local);
        return true;
    }
    struct parts parts;
    if (!parse_parts(text, &parts)) return false;
    if (parts.zone.len) {
        zone = sl_zone_find(sl_number_trim(parts.zone));
        if (!zone) return false;
    }
    int32_t today = 0;
    if (parts.just_time) {
        if (now_micros == INT64_MIN) now_micros = sl_clock_wall_us();
        today = (int32_t)sl_floor_div(sl_zone_to_local(zone, now_micros), SL_MICROS_PER_DAY);
    }
    if (!parts_to_local(&parts, today, &local)) return false;
    *micros = sl_zone_to_utc(zone, local);
    return true;
}

bool sl_parse_timestamp(struct sl_str text, const struct sl_zone *zone, int64_t *micros) {
    return sl_parse_timestamp_at(text, zone, INT64_MIN, micros);
}

/* A zone in the text is checked and then ignored, as Spark's cast does. */
bool sl_parse_timestamp_ntz(struct sl_str text, int64_t *micros) {
    bool zulu;
    if (sl_datetime_parse_fast(text, micros, &zulu)) return true;
    struct parts parts;
    if (!parse_parts(text, &parts) || parts.just_time) return false;
    if (parts.zone.len && !sl_zone_find(sl_number_trim(parts.zone))) return false;
    return parts_to_local(&parts, 0, micros);
}

/* [+-]y{4,7}[-m[m][-d[d]]]; behind a full date anything that follows ' ' or 'T' is ignored. */
bool sl_parse_date(struct sl_str text, int32_t *days) {
    text = sl_number_trim(text);
    int64_t year, month = 1, day = 1;
    bool negative = text.len && *text.ptr == '-';
    if (text.len && (*text.ptr == '-' || *text.ptr == '+')) text = sl_str_sub(text, 1, text.len);
    if (!take_digits(&text, 4, 7, &year)) return false;
    if (text.len) {
        if (!take_char(&text, '-') || !take_digits(&text, 1, 2, &month)) return false;
        if (text.len) {
            if (!take_char(&text, '-') || !take_digits(&text, 1, 2, &day)) return false;
            if (text.len && *text.ptr != ' ' && *text.ptr != 'T') return false;
        }
    }
    if (negative) year = -year;
    if (!sl_civil_is_valid((int32_t)year, (int32_t)month, (int32_t)day)) return false;
    /* int32 days reach 5.88 million years; 7 digits may say more */
    if (year > 5881580 || year < -5877641) return false;
    *days = sl_days_from_civil((int32_t)year, (int32_t)month, (int32_t)day);
    return (*days < 0) == (year < 1970);
}

static char *put2(char *p, int32_t value) {
    *p++ = (char)('0' + value / 10);
    *p++ = (char)('0' + value % 10);
    return p;
}

/* java.time: at least four digits, a plus sign when there are more. */
static char *put_year(char *p, int32_t year) {
    if (year >= 0 && year <= 9999) return put2(put2(p, year / 100), year % 100);
    if (year > 9999) *p++ = '+';
    if (year < 0) *p++ = '-', year = -year;
    int32_t unit = 1000;
    while (year / unit >= 10) unit *= 10;
    for (; unit; unit /= 10) *p++ = (char)('0' + year / unit % 10);
    return p;
}

size_t sl_format_date(char *to, int32_t days) {
    int32_t year, month, day;
    sl_civil_from_days(days, &year, &month, &day);
    char *p = put_year(to, year);
    *p++ = '-';
    p = put2(p, month);
    *p++ = '-';
    return (size_t)(put2(p, day) - to);
}

size_t sl_format_timestamp_local(char *to, int64_t local_micros) {
    int64_t days = sl_floor_div(local_micros, SL_MICROS_PER_DAY);
    int64_t of_day = local_micros - days * SL_MICROS_PER_DAY;
    int32_t seconds = (int32_t)(of_day / SL_MICROS_PER_SECOND);
    int32_t fraction = (int32_t)(of_day % SL_MICROS_PER_SECOND);
    char *p = to + sl_format_date(to, (int32_t)days);
    *p++ = ' ';
    p = put2(p, seconds / 3600);
    *p++ = ':';
    p = put2(p, seconds / 60 % 60);
    *p++ = ':';
    p = put2(p, seconds % 60);
    if (fraction) {
        *p++ = '.';
        for (int32_t unit = 100000; fraction; fraction %= unit, unit /= 10)
            *p++ = (char)('0' + fraction / unit);
    }
    return (size_t)(p - to);
}

size_t sl_format_timestamp(char *to, int64_t micros, const struct sl_zone *zone) {
    return sl_format_timestamp_local(to, sl_zone_to_local(zone, micros));
}
