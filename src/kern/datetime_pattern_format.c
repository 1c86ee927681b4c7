/* Writes timestamps by a compiled java.time pattern, in English (locale en-US, as Spark). */
#include <stdio.h>
#include <stdlib.h>

#include "base/civil.h"
#include "kern/datetime_int.h"
#include "kern/datetime_pattern.h"

struct moment {
    int32_t days, year, month, day;
    int32_t era_year; /* what `y` prints: the year, or that of its era where the pattern has a G */
    int32_t second_of_day, nanos;
    int32_t offset;
    const struct sl_zone *zone;
};

static void put_padded(struct sl_buf *out, int64_t value, int width) {
    if (value < 0) {
        sl_buf_put_byte(out, '-');
        value = -value;
    }
    sl_buf_printf(out, "%0*lld", width, (long long)value);
}

static void put_year(struct sl_buf *out, int32_t year, int count) {
    if (count == 2) {
        put_padded(out, abs(year) % 100, 2);
        return;
    }
    static const int32_t most[] = {[4] = 9999, [5] = 99999, [6] = 999999};
    if (count >= 4 && year > most[count]) sl_buf_put_byte(out, '+');
    put_padded(out, year, count);
}

static void put_month(struct sl_buf *out, int32_t month, int count) {
    const char *name = sl_month_names[month - 1];
    if (count <= 2)
        put_padded(out, month, count);
    else if (count == 3)
        sl_buf_put(out, name, 3);
    else
        sl_buf_put_cstr(out, name);
}

static void put_quarter(struct sl_buf *out, int32_t month, int count) {
    static const char *const names[] = {"1st quarter", "2nd quarter", "3rd quarter", "4th quarter"};
    int quarter = (month + 2) / 3;
    if (count <= 2)
        put_padded(out, quarter, count);
    else if (count == 3)
        sl_buf_printf(out, "Q%d", quarter);
    else
        sl_buf_put_cstr(out, names[quarter - 1]);
}

static void put_fraction(struct sl_buf *out, int32_t nanos, int count) {
    char digits[16];
    snprintf(digits, sizeof digits, "%09d", nanos);
    sl_buf_put(out, digits, (size_t)count);
}

/* X x Z: count 1 +hh[mm], 2 +hhmm, 3 +hh:mm, 4 +hhmm[ss], 5 +hh:mm[:ss] */
static void put_offset(struct sl_buf *out, int32_t offset, int count, const char *zero) {
    if (offset == 0) {
        sl_buf_put_cstr(out, zero);
        return;
    }
    int32_t size = abs(offset), hours = size / 3600, minutes = size / 60 % 60, seconds = size % 60;
    const char *colon = count == 3 || count == 5 ? ":" : "";
    sl_buf_printf(out, "%c%02d", offset < 0 ? '-' : '+', hours);
    if (count > 1 || minutes) sl_buf_printf(out, "%s%02d", colon, minutes);
    if (count >= 4 && seconds) sl_buf_printf(out, "%s%02d", colon, seconds);
}

/* GMT, GMT+8, GMT+5:30; the full form GMT+08:00 */
static void put_localized_offset(struct sl_buf *out, int32_t offset, bool full) {
    int32_t size = abs(offset), minutes = size / 60 % 60, seconds = size % 60;
    sl_buf_put_cstr(out, "GMT");
    if (offset == 0) return;
    sl_buf_printf(out, full ? "%c%02d" : "%c%d", offset < 0 ? '-' : '+', size / 3600);
    if (full || minutes || seconds) sl_buf_printf(out, ":%02d", minutes);
    if (seconds) sl_buf_printf(out, ":%02d", seconds);
}

static void put_zone_field(struct sl_buf *out, const struct sl_pattern_op *op,
                           const struct moment *m) {
    static const char *const zeros[] = {"+00", "+0000", "+00:00", "+0000", "+00:00"};
    int count = op->count;
    switch (op->letter) {
    case 'X':
        put_offset(out, m->offset, count, "Z");
        break;
    case 'x':
        put_offset(out, m->offset, count, zeros[count - 1]);
        break;
    case 'Z':
        if (count == 4)
            put_localized_offset(out, m->offset, true);
        else
            put_offset(out, m->offset, count == 5 ? 5 : 2, count == 5 ? "Z" : "+0000");
        break;
    case 'O':
        put_localized_offset(out, m->offset, count == 4);
        break;
    case 'z':
        if (count == 4 && sl_zone_is_utc(m->zone)) {
            sl_buf_put_cstr(out, "Coordinated Universal Time");
            break;
        }
        /* fall through */
    default:
        sl_buf_put_str(out, sl_zone_name(m->zone));
    }
}

static void put_op(struct sl_buf *out, const struct sl_pattern_op *op, const struct moment *m) {
    int32_t hour = m->second_of_day / 3600;
    int count = op->count;
    switch (op->letter) {
    case '\'':
        sl_buf_put_str(out, op->text);
        break;
    case '[':
    case ']':
        break;
    case 'y':
        put_year(out, m->era_year, count);
        break;
    case 'M':
    case 'L':
        put_month(out, m->month, count);
        break;
    case 'd':
        put_padded(out, m->day, count);
        break;
    case 'D':
        put_padded(out, m->days - sl_days_from_civil(m->year, 1, 1) + 1, count);
        break;
    case 'F':
        put_padded(out, (m->day - 1) % 7 + 1, count);
        break;
    case 'Q':
    case 'q':
        put_quarter(out, m->month, count);
        break;
    case 'E': {
        const char *name = sl_weekday_names[sl_iso_weekday(m->days) - 1];
        sl_buf_put(out, name, count == 4 ? strlen(name) : 3);
        break;
    }
    case 'G':
        sl_buf_put_cstr(out, count == 4    ? m->year > 0 ? "Anno Domini" : "Before Christ"
                             : m->year > 0 ? "AD"
                                           : "BC");
        break;
    case 'a':
        sl_buf_put_cstr(out, hour < 12 ? "AM" : "PM");
        break;
    case 'H':
        put_padded(out, hour, count);
        break;
    case 'k':
        put_padded(out, hour ? hour : 24, count);
        break;
    case 'h':
        put_padded(out, hour % 12 ? hour % 12 : 12, count);
        break;
    case 'K':
        put_padded(out, hour % 12, count);
        break;
    case 'm':
        put_padded(out, m->second_of_day / 60 % 60, count);
        break;
    case 's':
        put_padded(out, m->second_of_day % 60, count);
        break;
    case 'S':
        put_fraction(out, m->nanos, count);
        break;
    default:
        put_zone_field(out, op, m);
    }
}

void sl_pattern_format(const struct sl_pattern *pattern, int64_t micros, const struct sl_zone *zone,
                       struct sl_buf *out) {
    int64_t local = zone ? sl_zone_to_local(zone, micros) : micros;
    struct moment m = {.zone = zone ? zone : sl_zone_utc};
    m.offset = zone ? sl_zone_offset_at(zone, micros) : 0;
    m.days = (int32_t)sl_floor_div(local, SL_MICROS_PER_DAY);
    int64_t of_day = local - m.days * SL_MICROS_PER_DAY;
    m.second_of_day = (int32_t)(of_day / SL_MICROS_PER_SECOND);
    m.nanos = (int32_t)(of_day % SL_MICROS_PER_SECOND) * 1000;
    sl_civil_from_days(m.days, &m.year, &m.month, &m.day);
    m.era_year = pattern->has_era && m.year < 1 ? 1 - m.year : m.year;
    for (uint32_t i = 0; i < pattern->count; i++) put_op(out, &pattern->ops[i], &m);
}
