/* Time zones: offset lookup, and finding a zone by java.time's ZoneId text.
 *
 * A zone holds its transitions up to the last one the tz database lists and a POSIX rule for the
 * time after.  The list of loaded zones only grows (lock-free push), so a pointer stays good. */
#include "kern/zone.h"

#include <stdatomic.h>
#include <stdlib.h>

#include "base/civil.h"
#include "kern/zone_int.h"

static const struct sl_zone utc = {.name = "UTC", .is_fixed = true};
const struct sl_zone *const sl_zone_utc = &utc;

bool sl_zone_is_utc(const struct sl_zone *zone) {
    return zone == &utc || (zone->is_fixed && zone->fixed_offset == 0);
}

/* Days since the epoch of a rule's day in a year. */
static int64_t rule_day(const struct sl_zone_rule *rule, int32_t year) {
    int32_t first = sl_days_from_civil(year, 1, 1);
    if (rule->kind == SL_ZONE_RULE_JULIAN)
        return first + rule->day - 1 + (sl_year_is_leap(year) && rule->day >= 60);
    if (rule->kind == SL_ZONE_RULE_DAY) return first + rule->day;
    int32_t month_first = sl_days_from_civil(year, rule->month, 1);
    int32_t weekday = (int32_t)sl_floor_mod((int64_t)month_first + 4, 7); /* 1970-01-01: Thursday */
    int32_t day = (rule->day - weekday + 7) % 7 + (rule->week - 1) * 7;
    while (day >= sl_days_in_month(year, rule->month)) day -= 7;
    return month_first + day;
}

static int32_t offset_by_rule(const struct sl_zone *zone, int64_t utc_seconds) {
    if (!zone->has_dst) return zone->std_offset;
    int32_t year, month, day;
    int64_t days = sl_floor_div(utc_seconds + zone->std_offset, SL_SECONDS_PER_DAY);
    if (days > INT32_MAX || days < INT32_MIN) return zone->std_offset;
    sl_civil_from_days((int32_t)days, &year, &month, &day);
    int64_t start = rule_day(&zone->dst_start, year) * SL_SECONDS_PER_DAY +
                    zone->dst_start.seconds - zone->std_offset;
    int64_t end = rule_day(&zone->dst_end, year) * SL_SECONDS_PER_DAY + zone->dst_end.seconds -
                  zone->dst_offset;
    bool dst = start < end ? utc_seconds >= start && utc_seconds < end
                           : utc_seconds >= start || utc_seconds < end;
    return dst ? zone->dst_offset : zone->std_offset;
}

static int32_t offset_at_seconds(const struct sl_zone *zone, int64_t seconds) {
    if (zone->is_fixed) return zone->fixed_offset;
    uint32_t low = 0, high = zone->transition_count;
    if (high == 0 || seconds >= zone->at[high - 1]) {
        if (zone->has_rule) return offset_by_rule(zone, seconds);
        return high ? zone->offset_after[high - 1] : zone->first_offset;
    }
    if (seconds < zone->at[0]) return zone->first_offset;
    while (high - low > 1) {
        uint32_t middle = (low + high) / 2;
        if (zone->at[middle] <= seconds)
            low = middle;
        else
            high = middle;
    }
    return zone->offset_after[low];
}

int32_t sl_zone_offset_at(const struct sl_zone *zone, int64_t utc_micros) {
    if (zone->is_fixed) return zone->fixed_offset;
    return offset_at_seconds(zone, sl_floor_div(utc_micros, SL_MICROS_PER_SECOND));
}

/* Near the ends of the 64-bit range an offset would overflow; such values keep the range's end. */
static int64_t add_seconds(int64_t micros, int64_t seconds) {
    int64_t sum;
    if (!__builtin_add_overflow(micros, seconds * SL_MICROS_PER_SECOND, &sum)) return sum;
    return micros < 0 ? INT64_MIN : INT64_MAX;
}

int64_t sl_zone_to_local(const struct sl_zone *zone, int64_t utc_micros) {
    return add_seconds(utc_micros, sl_zone_offset_at(zone, utc_micros));
}

int64_t sl_zone_to_utc(const struct sl_zone *zone, int64_t local_micros) {
    if (zone->is_fixed) return add_seconds(local_micros, -(int64_t)zone->fixed_offset);
    int64_t seconds = sl_floor_div(local_micros, SL_MICROS_PER_SECOND);
    /* No offset is over a day, so these two bracket any transition that matters here. */
    int32_t before = offset_at_seconds(zone, seconds - SL_SECONDS_PER_DAY);
    int32_t after = offset_at_seconds(zone, seconds + SL_SECONDS_PER_DAY);
    int32_t offset = before;
    if (offset_at_seconds(zone, seconds - before) != before &&
        offset_at_seconds(zone, seconds - after) == after)
        offset = after;
    return add_seconds(local_micros, -(int64_t)offset);
}

/* java.time.ZoneId.SHORT_IDS, which Spark passes to ZoneId.of. */
static const char *const short_ids[][2] = {
    {"ACT", "Australia/Darwin"},
    {"AET", "Australia/Sydney"},
    {"AGT", "America/Argentina/Buenos_Aires"},
    {"ART", "Africa/Cairo"},
    {"AST", "America/Anchorage"},
    {"BET", "America/Sao_Paulo"},
    {"BST", "Asia/Dhaka"},
    {"CAT", "Africa/Harare"},
    {"CNT", "America/St_Johns"},
    {"CST", "America/Chicago"},
    {"CTT", "Asia/Shanghai"},
    {"EAT", "Africa/Addis_Ababa"},
    {"ECT", "Europe/Paris"},
    {"EST", "-05:00"},
    {"HST", "-10:00"},
    {"IET", "America/Indiana/Indianapolis"},
    {"IST", "Asia/Kolkata"},
    {"JST", "Asia/Tokyo"},
    {"MIT", "Pacific/Apia"},
    {"MST", "-07:00"},
    {"NET", "Asia/Yerevan"},
    {"NST", "Pacific/Auckland"},
    {"PLT", "Asia/Karachi"},
    {"PNT", "America/Phoenix"},
    {"PRT", "America/Puerto_Rico"},
    {"PST", "America/Los_Angeles"},
    {"SST", "Pacific/Guadalcanal"},
    {"VST", "Asia/Ho_Chi_Minh"},
};

static bool two_digits(const char *text, int *out) {
    if ((unsigned)(text[0] - '0') > 9 || (unsigned)(text[1] - '0') > 9) return false;
    *out = (text[0] - '0') * 10 + text[1] - '0';
    return true;
}

/* The digits of an offset behind its sign: h, hh, hmm?, hh:mm, hhmm, hh:mm:ss, hhmmss, and Spark's
 * h:mm and hh:m. */
static bool parse_offset_digits(struct sl_str text, int parts[3]) {
    char digits[8];
    size_t n = text.len;
    if (n >= 2 && n <= 8 && text.ptr[1] == ':') { /* h:mm... */
        digits[0] = '0';
        memcpy(digits + 1, text.ptr, n < 7 ? n : 7);
        return n <= 7 && parse_offset_digits((struct sl_str){digits, n + 1}, parts);
    }
    if (n == 4 && text.ptr[2] == ':') { /* hh:m */
        memcpy(digits, text.ptr, 3);
        digits[3] = '0', digits[4] = text.ptr[3];
        return parse_offset_digits((struct sl_str){digits, 5}, parts);
    }
    if (n == 1) return (unsigned)(*text.ptr - '0') <= 9 && (parts[0] = *text.ptr - '0', true);
    bool colons = n > 2 && text.ptr[2] == ':';
    size_t step = colons ? 3 : 2, count = (n + colons) / step;
    if ((n + colons) % step != 0 || count < 1 || count > 3) return false;
    for (size_t i = 0; i < count; i++) {
        if (!two_digits(text.ptr + i * step, &parts[i])) return false;
        if (colons && i + 1 < count && text.ptr[i * step + 2] != ':') return false;
    }
    return true;
}

/* "+05:30", "-8", "Z"; java.time allows up to 18 hours. */
static bool parse_offset(struct sl_str text, int32_t *seconds) {
    if (text.len == 1 && *text.ptr == 'Z') return *seconds = 0, true;
    if (text.len < 2 || (*text.ptr != '+' && *text.ptr != '-')) return false;
    int parts[3] = {0, 0, 0};
    if (!parse_offset_digits(sl_str_sub(text, 1, text.len), parts)) return false;
    if (parts[1] > 59 || parts[2] > 59) return false;
    *seconds = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (*seconds > 18 * 3600) return false;
    if (*text.ptr == '-') *seconds = -*seconds;
    return true;
}

/* "UTC", "GMT", "UT", each alone or with an offset behind it. */
static bool parse_prefixed(struct sl_str name, int32_t *seconds) {
    const struct sl_str prefixes[] = {SL_STR("UTC"), SL_STR("GMT"), SL_STR("UT")};
    for (size_t i = 0; i < 3; i++) {
        if (!sl_str_starts(name, prefixes[i])) continue;
        struct sl_str rest = sl_str_sub(name, prefixes[i].len, name.len);
        if (rest.len == 0) return *seconds = 0, true;
        if (*rest.ptr != 'Z' && parse_offset(rest, seconds)) return true;
    }
    return false;
}

/* Loaded zones, newest first. */
static _Atomic(struct sl_zone *) loaded;

static const struct sl_zone *find_loaded(struct sl_str name) {
    for (const struct sl_zone *zone = atomic_load(&loaded); zone; zone = zone->next)
        if (sl_str_eq(sl_str(zone->name), name)) return zone;
    return NULL;
}

/* Two threads may load the same zone at once: both copies are good, one is found later. */
static const struct sl_zone *publish(struct sl_zone *zone) {
    struct sl_zone *head = atomic_load(&loaded);
    do zone->next = head;
    while (!atomic_compare_exchange_weak(&loaded, &head, zone));
    return zone;
}

static struct sl_str resolve_short_id(struct sl_str name) {
    for (size_t i = 0; i < sizeof short_ids / sizeof *short_ids; i++)
        if (sl_str_eq(name, sl_str(short_ids[i][0]))) return sl_str(short_ids[i][1]);
    return name;
}

const struct sl_zone *sl_zone_find(struct sl_str name) {
    int32_t seconds;
    if (sl_str_eq(name, SL_STR("UTC")) || sl_str_eq(name, SL_STR("Z"))) return &utc;
    if (name.len == 0 || name.len >= sizeof utc.name) return NULL;
    const struct sl_zone *found = find_loaded(name);
    if (found) return found;
    struct sl_str full = resolve_short_id(name);
    bool fixed = parse_offset(full, &seconds) || parse_prefixed(full, &seconds);
    struct sl_zone *zone = calloc(1, sizeof *zone);
    if (!zone) return NULL;
    memcpy(zone->name, name.ptr, name.len);
    if (fixed) {
        zone->is_fixed = true;
        zone->fixed_offset = seconds;
    } else if (!sl_zone_load(full, zone)) {
        free(zone);
        return NULL;
    }
    return publish(zone);
}

struct sl_str sl_zone_name(const struct sl_zone *zone) {
    return sl_str(zone->name);
}
