#include "kern/calendar_interval.h"

#include "kern/datetime_int.h"

enum { FRACTION_DIGITS_MAX = 9 };

static bool is_blank(char c) { return (unsigned char)c <= ' '; }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }

static void skip_blanks(struct sl_str text, size_t *at) {
    while (*at < text.len && is_blank(text.ptr[*at])) (*at)++;
}

enum part { MONTHS, DAYS, MICROS };
static const struct unit {
    const char *name;
    enum part part;
    int64_t each;
} units[] = {
    {"year", MONTHS, 12},
    {"month", MONTHS, 1},
    {"week", DAYS, 7},
    {"day", DAYS, 1},
    {"hour", MICROS, INT64_C(3600000000)},
    {"minute", MICROS, 60000000},
    {"second", MICROS, 1000000},
    {"millisecond", MICROS, 1000},
    {"microsecond", MICROS, 1},
};

static const struct unit *find_unit(struct sl_str word) {
    for (size_t i = 0; i < sizeof units / sizeof *units; i++) {
        struct sl_str name = sl_str(units[i].name);
        if (sl_str_eq_nocase(word, name)) return &units[i];
        bool plural = word.len == name.len + 1 && (word.ptr[name.len] | 0x20) == 's';
        if (plural && sl_str_eq_nocase(sl_str_sub(word, 0, name.len), name)) return &units[i];
    }
    return NULL;
}

struct amount {
    bool negative, has_fraction;
    int64_t whole, nanos;
};

/* [+-] digits [. digits] */
static bool read_amount(struct sl_str text, size_t *at, struct amount *out) {
    *out = (struct amount){0};
    if (*at < text.len && (text.ptr[*at] == '-' || text.ptr[*at] == '+'))
        out->negative = text.ptr[(*at)++] == '-';
    skip_blanks(text, at);
    size_t begin = *at;
    for (; *at < text.len && is_digit(text.ptr[*at]); (*at)++)
        if (__builtin_mul_overflow(out->whole, 10, &out->whole) ||
            __builtin_add_overflow(out->whole, text.ptr[*at] - '0', &out->whole))
            return false;
    bool digits = *at > begin;
    if (*at == text.len || text.ptr[*at] != '.') return digits;
    out->has_fraction = true;
    int64_t scale = 100000000;
    begin = ++*at;
    for (; *at < text.len && is_digit(text.ptr[*at]); (*at)++, scale /= 10)
        out->nanos += (text.ptr[*at] - '0') * scale;
    return (digits || *at > begin) && *at - begin <= FRACTION_DIGITS_MAX;
}

static bool add_amount(const struct amount *amount, const struct unit *unit,
                       struct sl_calendar_interval *out) {
    if (amount->has_fraction && !(unit->part == MICROS && unit->each == 1000000)) return false;
    int64_t value, sign = amount->negative ? -1 : 1;
    if (__builtin_mul_overflow(sign * amount->whole, unit->each, &value) ||
        __builtin_add_overflow(value, sign * (amount->nanos / 1000), &value))
        return false;
    int64_t *part = unit->part == MONTHS ? &out->months
                    : unit->part == DAYS ? &out->days
                                         : &out->micros;
    if (__builtin_add_overflow(*part, value, part)) return false;
    return unit->part == MICROS || (*part >= INT32_MIN && *part <= INT32_MAX);
}

bool sl_calendar_interval_parse(struct sl_str text, struct sl_calendar_interval *out) {
    size_t at = 0;
    bool any = false;
    *out = (struct sl_calendar_interval){0};
    skip_blanks(text, &at);
    if (text.len - at > 8 && sl_str_eq_nocase(sl_str_sub(text, at, at + 8), SL_STR("interval")) &&
        is_blank(text.ptr[at + 8]))
        at += 8;
    for (skip_blanks(text, &at); at < text.len; skip_blanks(text, &at)) {
        struct amount amount;
        if (!read_amount(text, &at, &amount) || at == text.len || !is_blank(text.ptr[at]))
            return false;
        skip_blanks(text, &at);
        size_t begin = at;
        while (at < text.len && is_letter(text.ptr[at])) at++;
        const struct unit *unit = find_unit(sl_str_sub(text, begin, at));
        if (!unit || !add_amount(&amount, unit, out)) return false;
        any = true;
        if (at < text.len && !is_blank(text.ptr[at])) return false;
    }
    return any;
}

bool sl_calendar_interval_add(int64_t micros, const struct sl_calendar_interval *interval,
                              const struct sl_zone *zone, int64_t *out) {
    if (interval->months || interval->days) {
        int64_t local = sl_zone_to_local(zone, micros);
        int32_t day = (int32_t)sl_floor_div(local, SL_MICROS_PER_DAY);
        int64_t of_day = local - day * SL_MICROS_PER_DAY, moved;
        if (interval->months && !sl_days_add_months(day, interval->months, &day)) return false;
        if (__builtin_mul_overflow(day + interval->days, SL_MICROS_PER_DAY, &moved) ||
            __builtin_add_overflow(moved, of_day, &moved))
            return false;
        micros = sl_zone_to_utc(zone, moved);
    }
    return !__builtin_add_overflow(micros, interval->micros, out);
}
