/* Compiles java.time patterns and reads texts by them: DateTimeFormatter's number parser (widths,
 * adjacent fields) and its strict resolver, with Spark's restrictions and defaults
 * (DateTimeFormatterHelper.scala). */
#include "kern/datetime_pattern.h"

#include <stdio.h>

#include "base/civil.h"
#include "kern/datetime_int.h"

const char *const sl_month_names[12] = {"January",   "February", "March",    "April",
                                        "May",       "June",     "July",     "August",
                                        "September", "October",  "November", "December"};
const char *const sl_weekday_names[7] = {"Monday", "Tuesday",  "Wednesday", "Thursday",
                                         "Friday", "Saturday", "Sunday"};

/* ---- compiling ---- */

static bool is_letter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

static enum sl_code bad_pattern(struct sl_err *err, const char *condition, const char *sqlstate,
                                const char *fmt, struct sl_str pattern, const char *detail) {
    return sl_fail_at(err, (struct sl_span){0, 0}, condition, sqlstate, fmt, SL_STR_ARG(pattern),
                      detail);
}

/* SimpleDateFormat takes the pattern: letters it knows, quotes closed. */
static bool is_legacy_pattern(struct sl_str pattern) {
    bool quoted = false;
    for (size_t i = 0; i < pattern.len; i++) {
        char c = pattern.ptr[i];
        if (c == '\'') quoted = !quoted;
        if (quoted || !is_letter(c)) continue;
        if (!strchr("GyYMLwWDdFEuaHkKhmsSzZX", c)) return false;
        if (c == 'X' && i + 3 < pattern.len && memcmp(pattern.ptr + i, "XXXX", 4) == 0)
            return false;
    }
    return !quoted;
}

enum flaw { ILLEGAL_LETTER, TOO_LONG, WEEK_BASED, NOT_JAVA };

/* Spark tells of a pattern that worked before Spark 3.0 in another way than of one that never did
 * (DateTimeFormatterHelper.checkLegacyFormatter). */
static enum sl_code refuse(struct sl_err *err, struct sl_str pattern, enum flaw flaw,
                           const char *detail) {
    if (is_legacy_pattern(pattern))
        return bad_pattern(
            err, "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION", "42K0B",
            "You may get a different result due to the upgrading to Spark >= 3.0:\nFail to "
            "recognize '%.*s' pattern in the DateTimeFormatter: form a valid datetime pattern with "
            "the guide from "
            "'https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html'.%s",
            pattern, "");
    switch (flaw) {
    case WEEK_BASED:
        return bad_pattern(
            err, "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_WEEK_BASED_PATTERN", "42K0B",
            "You may get a different result due to the upgrading to Spark >= 3.0:\nAll "
            "week-based patterns are unsupported since Spark 3.0, detected week-based character "
            "in '%.*s': %s. Please use the SQL function EXTRACT instead.",
            pattern, detail);
    case ILLEGAL_LETTER:
        return bad_pattern(err, "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER", "22007",
                           "Unrecognized datetime pattern: %.*s. Illegal pattern character found "
                           "in datetime pattern: %s. Please provide legal character.",
                           pattern, detail);
    case TOO_LONG:
        return bad_pattern(err, "INVALID_DATETIME_PATTERN.LENGTH", "22007",
                           "Unrecognized datetime pattern: %.*s. Too many letters in datetime "
                           "pattern: %s. Please reduce pattern length.",
                           pattern, detail);
    default:
        return bad_pattern(
            err, "INVALID_DATETIME_PATTERN.WITH_SUGGESTION", "22007",
            "Unrecognized datetime pattern: '%.*s'. You can form a valid datetime pattern with the "
            "guide from 'https://spark.apache.org/docs/latest/sql-ref-datetime-pattern.html'.%s",
            pattern, detail);
    }
}

/* How often java.time takes the letter in a row; 0: never. */
static int most_letters(char letter) {
    return strchr("GMLQqEzO", letter)   ? 4
           : letter == 'y'              ? 6
           : letter == 'D'              ? 3
           : letter == 'S'              ? 9
           : strchr("dHhKkmsV", letter) ? 2
           : strchr("XxZ", letter)      ? 5
           : strchr("aF", letter)       ? 1
                                        : 0;
}

static enum sl_code check_letter(struct sl_str pattern, char letter, int count, bool for_parsing,
                                 struct sl_err *err) {
    char one[2] = {letter, 0}, letters[12] = {0};
    memset(letters, letter, count < 11 ? (size_t)count : 11);
    if (strchr("YWwuec", letter)) return refuse(err, pattern, WEEK_BASED, one);
    if (strchr("ABnNp", letter) || (for_parsing && strchr("EFqQ", letter)))
        return refuse(err, pattern, ILLEGAL_LETTER, one);
    if (strchr("GMLEQq", letter) && count > 4) return refuse(err, pattern, TOO_LONG, letters);
    if (count > most_letters(letter) || (letter == 'V' && count != 2) ||
        (letter == 'O' && count != 1 && count != 4))
        return refuse(err, pattern, NOT_JAVA, "");
    return SL_OK;
}

static bool is_numeric(const struct sl_pattern_op *op) {
    return strchr("ydHhKkmsDSuF", op->letter) || (strchr("ML", op->letter) && op->count <= 2);
}

static void set_widths(struct sl_pattern_op *op) {
    op->min = op->count;
    op->max = op->count;
    if (op->letter == 'S')
        op->min = 1; /* Spark reads 1 to n digits of a fraction */
    else if (op->letter == 'y')
        op->max = op->count == 2 ? 2 : 19;
    else if (op->count == 1)
        op->max = 19;
    else if (op->letter == 'D' && op->count == 2)
        op->max = 3;
}

/* A field of open width leaves the digits that fixed fields directly behind it need. */
static void set_subsequent(struct sl_pattern *pattern) {
    for (uint32_t i = 0; i < pattern->count; i++) {
        struct sl_pattern_op *op = &pattern->ops[i];
        if (!is_numeric(op) || op->letter == 'S') continue;
        for (uint32_t k = i + 1; k < pattern->count; k++) {
            const struct sl_pattern_op *next = &pattern->ops[k];
            if (!is_numeric(next) || next->letter == 'S' || next->min != next->max) break;
            op->subsequent = (uint8_t)(op->subsequent + next->min);
        }
    }
}

static enum sl_code take_quoted(struct sl_arena *arena, struct sl_str text, size_t *at,
                                struct sl_str *literal, struct sl_err *err) {
    size_t i = *at + 1, n = 0;
    char *bytes = sl_arena_alloc(arena, text.len);
    for (;; i++) {
        if (i >= text.len) return refuse(err, text, NOT_JAVA, " A quoted text is not closed.");
        if (text.ptr[i] == '\'') {
            if (i + 1 >= text.len || text.ptr[i + 1] != '\'') break;
            i++;
        }
        bytes[n++] = text.ptr[i];
    }
    if (n == 0) bytes[n++] = '\''; /* '' */
    *literal = (struct sl_str){bytes, n};
    *at = i + 1;
    return SL_OK;
}

static enum sl_code close_sections(struct sl_pattern *out, struct sl_err *err) {
    uint8_t open[SL_PATTERN_OPS_MAX];
    uint32_t depth = 0;
    for (uint32_t i = 0; i < out->count; i++) {
        if (out->ops[i].letter == '[') open[depth++] = (uint8_t)i;
        if (out->ops[i].letter != ']') continue;
        if (depth == 0) return refuse(err, out->text, NOT_JAVA, "");
        out->ops[open[--depth]].jump = (uint8_t)i;
    }
    while (depth) out->ops[open[--depth]].jump = (uint8_t)out->count;
    return SL_OK;
}

enum sl_code sl_pattern_compile(struct sl_arena *arena, struct sl_str text, bool for_parsing,
                                struct sl_pattern *out, struct sl_err *err) {
    *out = (struct sl_pattern){.text = sl_arena_str(arena, text), .for_parsing = for_parsing};
    text = out->text;
    for (size_t i = 0; i < text.len;) {
        if (out->count == SL_PATTERN_OPS_MAX)
            return bad_pattern(err, "INVALID_DATETIME_PATTERN.LENGTH", "22007",
                               "Unrecognized datetime pattern: %.*s. It has more parts than are "
                               "supported%s",
                               text, "");
        struct sl_pattern_op *op = &out->ops[out->count++];
        char c = text.ptr[i];
        *op = (struct sl_pattern_op){.letter = c, .count = 1};
        if (c == '\'') {
            SL_TRY(take_quoted(arena, text, &i, &op->text, err));
        } else if (c == '[' || c == ']') {
            i++;
        } else if (is_letter(c)) {
            size_t end = i;
            while (end < text.len && text.ptr[end] == c) end++;
            SL_TRY(check_letter(text, c, end - i > 100 ? 100 : (int)(end - i), for_parsing, err));
            op->count = (uint8_t)(end - i);
            if (c == 'G') out->has_era = true;
            set_widths(op);
            i = end;
        } else if (strchr("{}#", c)) {
            return refuse(err, text, NOT_JAVA, "");
        } else {
            op->letter = '\'';
            op->text = (struct sl_str){text.ptr + i++, 1};
        }
    }
    set_subsequent(out);
    return close_sections(out, err);
}

/* ---- reading ---- */

enum {
    HAS_YEAR = 1,
    HAS_MONTH = 2,
    HAS_DAY = 4,
    HAS_YEARDAY = 8,
    HAS_HOUR = 16,
    HAS_HOUR12 = 32,
    HAS_AMPM = 64
};

struct fields {
    unsigned has;
    int64_t year, month, day, yearday, hour, hour12, ampm, minute, second, nanos;
    bool has_offset;
    int32_t offset;
    const struct sl_zone *zone;
};

static bool is_digit(char c) { return (unsigned)(c - '0') <= 9; }

static size_t count_digits(struct sl_str text, size_t at, size_t most) {
    size_t n = 0;
    while (n < most && at + n < text.len && is_digit(text.ptr[at + n])) n++;
    return n;
}

/* NumberPrinterParser.parse in strict mode. */
static bool take_number(const struct sl_pattern_op *op, struct sl_str text, size_t *at,
                        int64_t *out) {
    size_t p = *at;
    bool negative = false, positive = false;
    bool exceeds = op->letter == 'y' && op->count >= 4, normal = op->max == 19 && !exceeds;
    if (p < text.len && text.ptr[p] == '+') {
        if (!exceeds) return false;
        positive = true, p++;
    } else if (p < text.len && text.ptr[p] == '-') {
        if (!exceeds && !normal) return false;
        negative = true, p++;
    }
    size_t n = count_digits(text, p, (size_t)op->max + op->subsequent);
    if (op->subsequent) {
        size_t most = n > op->subsequent ? n - op->subsequent : 0;
        n = most > op->min ? most : n < op->min ? n : op->min;
    }
    if (n > op->max) n = op->max;
    if (n < op->min) return false;
    if (exceeds && (positive ? n <= op->min : !negative && n > op->min)) return false;
    int64_t value = 0;
    for (size_t i = 0; i < n; i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, text.ptr[p + i] - '0', &value))
            return false;
    *out = negative ? -value : value;
    *at = p + n;
    return true;
}

static bool starts_nocase(struct sl_str text, size_t at, struct sl_str word) {
    return at <= text.len && sl_str_starts_nocase(sl_str_sub(text, at, text.len), word);
}

static bool take_month_name(int count, struct sl_str text, size_t *at, int64_t *month) {
    for (int i = 0; i < 12; i++) {
        struct sl_str name = sl_str(sl_month_names[i]);
        if (count == 3) name.len = 3;
        if (!starts_nocase(text, *at, name)) continue;
        *month = i + 1;
        *at += name.len;
        return true;
    }
    return false;
}

/* X, x, Z: [+-]hh[[:]mm[[:]ss]] by the letter count; Z for zero where the letter allows it. */
static bool take_offset(const struct sl_pattern_op *op, struct sl_str text, size_t *at,
                        int32_t *offset) {
    int count = op->count;
    bool zulu = op->letter == 'X' || (op->letter == 'Z' && count == 5);
    if (op->letter == 'Z' && count < 4) count = 2;
    size_t p = *at;
    if (zulu && p < text.len && (text.ptr[p] | 32) == 'z') return *offset = 0, ++*at, true;
    if (p >= text.len || (text.ptr[p] != '+' && text.ptr[p] != '-')) return false;
    bool negative = text.ptr[p++] == '-', colon = count == 3 || count == 5;
    int parts[3] = {0, 0, 0}, most = count == 1 ? 2 : count <= 3 ? 2 : 3;
    for (int i = 0; i < most; i++) {
        size_t q = p;
        if (i && colon) {
            if (q >= text.len || text.ptr[q] != ':') {
                if (i == 1) return false;
                break;
            }
            q++;
        }
        if (count_digits(text, q, 2) < 2) {
            if (i == 0 || (i == 1 && count != 1)) return false;
            break;
        }
        parts[i] = (text.ptr[q] - '0') * 10 + text.ptr[q + 1] - '0';
        p = q + 2;
    }
    if (parts[0] > 18 || parts[1] > 59 || parts[2] > 59) return false;
    *offset = parts[0] * 3600 + parts[1] * 60 + parts[2];
    if (negative) *offset = -*offset;
    *at = p;
    return true;
}

/* VV, z, O: the longest run of zone characters that names a zone. */
static bool take_zone(struct sl_str text, size_t *at, struct fields *f) {
    size_t end = *at;
    while (end < text.len && (is_letter(text.ptr[end]) || is_digit(text.ptr[end]) ||
                              (text.ptr[end] && strchr("/_+-:", text.ptr[end]))))
        end++;
    for (; end > *at; end--) {
        f->zone = sl_zone_find(sl_str_sub(text, *at, end));
        if (!f->zone) continue;
        *at = end;
        return true;
    }
    return false;
}

static bool take_fraction(const struct sl_pattern_op *op, struct sl_str text, size_t *at,
                          int64_t *nanos) {
    size_t n = count_digits(text, *at, op->max);
    if (n < op->min) return false;
    int64_t value = 0;
    for (size_t i = 0; i < 9; i++) value = value * 10 + (i < n ? text.ptr[*at + i] - '0' : 0);
    *nanos = value;
    *at += n;
    return true;
}

static bool take_field(const struct sl_pattern_op *op, struct sl_str text, size_t *at,
                       struct fields *f) {
    int64_t value = 0;
    switch (op->letter) {
    case '\'':
        if (!starts_nocase(text, *at, op->text)) return false;
        *at += op->text.len;
        return true;
    case 'S':
        return take_fraction(op, text, at, &f->nanos);
    case 'a':
        if (!starts_nocase(text, *at, SL_STR("AM")) && !starts_nocase(text, *at, SL_STR("PM")))
            return false;
        f->ampm = (text.ptr[*at] | 32) == 'p';
        f->has |= HAS_AMPM;
        *at += 2;
        return true;
    case 'G':
        if (!starts_nocase(text, *at, SL_STR("AD"))) return false;
        *at += 2;
        return true;
    case 'X':
    case 'x':
        return f->has_offset = take_offset(op, text, at, &f->offset);
    case 'Z':
        if (op->count != 4) return f->has_offset = take_offset(op, text, at, &f->offset);
        return take_zone(text, at, f);
    case 'V':
    case 'z':
    case 'O':
        return take_zone(text, at, f);
    case 'M':
    case 'L':
        f->has |= HAS_MONTH;
        if (op->count >= 3) return take_month_name(op->count, text, at, &f->month);
        return take_number(op, text, at, &f->month);
    default:
        break;
    }
    if (!take_number(op, text, at, &value)) return false;
    switch (op->letter) {
    case 'y':
        f->year = op->count == 2 ? 2000 + value : value;
        f->has |= HAS_YEAR;
        break;
    case 'd':
        f->day = value, f->has |= HAS_DAY;
        break;
    case 'D':
        f->yearday = value, f->has |= HAS_YEARDAY;
        break;
    case 'H':
        f->hour = value, f->has |= HAS_HOUR;
        break;
    case 'k':
        f->hour = value == 24 ? 0 : value == 0 ? 24 : value, f->has |= HAS_HOUR;
        break;
    case 'h':
        f->hour12 = value == 12 ? 0 : value == 0 ? 12 : value, f->has |= HAS_HOUR12;
        break;
    case 'K':
        f->hour12 = value, f->has |= HAS_HOUR12;
        break;
    case 'm':
        f->minute = value;
        break;
    default:
        f->second = value;
    }
    return true;
}

/* *at is where reading stopped, for the message. An optional section that does not fit is skipped
 * as a whole. */
static bool take_ops(const struct sl_pattern *pattern, uint32_t from, uint32_t to,
                     struct sl_str text, size_t *at, struct fields *f) {
    for (uint32_t i = from; i < to; i++) {
        const struct sl_pattern_op *op = &pattern->ops[i];
        if (op->letter == '[') {
            struct fields attempt = *f;
            size_t reached = *at;
            if (take_ops(pattern, i + 1, op->jump, text, &reached, &attempt))
                *f = attempt, *at = reached;
            i = op->jump;
        } else if (op->letter != ']' && !take_field(op, text, at, f)) {
            return false;
        }
    }
    return true;
}

static bool out_of_range(struct sl_pattern_failure *failure, const char *field, const char *valid,
                         int64_t value) {
    snprintf(failure->why, sizeof failure->why, ": Invalid value for %s (valid values %s): %lld",
             field, valid, (long long)value);
    return false;
}

static bool resolve_date(const struct fields *f, int32_t *days,
                         struct sl_pattern_failure *failure) {
    int64_t year = f->has & HAS_YEAR ? f->year : 1970;
    if (year < -290308 || year > 294247)
        return out_of_range(failure, "Year", "-290308 - 294247", year);
    if (f->has & HAS_YEARDAY && f->has & HAS_YEAR) {
        int64_t most = sl_year_is_leap((int32_t)year) ? 366 : 365;
        if (f->yearday < 1 || f->yearday > most)
            return out_of_range(failure, "DayOfYear", "1 - 365/366", f->yearday);
        *days = sl_days_from_civil((int32_t)year, 1, 1) + (int32_t)f->yearday - 1;
        return true;
    }
    int64_t month = f->has & HAS_MONTH ? f->month : 1, day = f->has & HAS_DAY ? f->day : 1;
    if (month < 1 || month > 12) return out_of_range(failure, "MonthOfYear", "1 - 12", month);
    if (day < 1 || day > 31) return out_of_range(failure, "DayOfMonth", "1 - 28/31", day);
    if (day > sl_days_in_month((int32_t)year, (int32_t)month)) {
        char name[16];
        size_t n = 0;
        for (const char *p = sl_month_names[month - 1]; *p; p++) name[n++] = (char)(*p & ~32);
        name[n] = 0;
        if (month == 2 && day == 29)
            snprintf(failure->why, sizeof failure->why,
                     ": Invalid date 'February 29' as '%lld' is not a leap year", (long long)year);
        else
            snprintf(failure->why, sizeof failure->why, ": Invalid date '%s %lld'", name,
                     (long long)day);
        return false;
    }
    *days = sl_days_from_civil((int32_t)year, (int32_t)month, (int32_t)day);
    return true;
}

static bool resolve_time(const struct fields *f, int64_t *micros,
                         struct sl_pattern_failure *failure) {
    int64_t hour = f->hour;
    if (f->has & HAS_HOUR12 && !(f->has & HAS_HOUR)) {
        if (f->hour12 < 0 || f->hour12 > 11)
            return out_of_range(failure, "ClockHourOfAmPm", "1 - 12", f->hour12);
        hour = f->hour12 + (f->has & HAS_AMPM ? 12 * f->ampm : 0);
    }
    if (hour < 0 || hour > 23) return out_of_range(failure, "HourOfDay", "0 - 23", hour);
    if (f->minute < 0 || f->minute > 59)
        return out_of_range(failure, "MinuteOfHour", "0 - 59", f->minute);
    if (f->second < 0 || f->second > 59)
        return out_of_range(failure, "SecondOfMinute", "0 - 59", f->second);
    *micros = ((hour * 60 + f->minute) * 60 + f->second) * SL_MICROS_PER_SECOND + f->nanos / 1000;
    return true;
}

bool sl_pattern_parse(const struct sl_pattern *pattern, struct sl_str text,
                      const struct sl_zone *zone, int64_t *micros,
                      struct sl_pattern_failure *failure) {
    struct fields f = {0};
    size_t at = 0;
    failure->why[0] = 0;
    if (!take_ops(pattern, 0, pattern->count, text, &at, &f)) {
        snprintf(failure->why, sizeof failure->why, " at index %zu", at);
        return false;
    }
    if (at < text.len) {
        snprintf(failure->why, sizeof failure->why, ", unparsed text found at index %zu", at);
        return false;
    }
    int32_t days;
    int64_t of_day, local;
    if (!resolve_date(&f, &days, failure) || !resolve_time(&f, &of_day, failure)) return false;
    if (__builtin_mul_overflow((int64_t)days, SL_MICROS_PER_DAY, &local) ||
        __builtin_add_overflow(local, of_day, &local)) {
        snprintf(failure->why, sizeof failure->why, ": long overflow");
        return false;
    }
    if (f.has_offset)
        *micros = local - f.offset * SL_MICROS_PER_SECOND;
    else
        *micros = sl_zone_to_utc(f.zone ? f.zone : zone, local);
    return true;
}
