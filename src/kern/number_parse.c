/* Text to numbers, as Spark's CAST(string AS ..) reads it: UTF8String.toLong, Java's
 * Double.parseDouble and BigDecimal's grammar. */
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "kern/cast.h"
#include "kern/number.h"

static bool is_blank(char c) { return (unsigned char)c <= 0x20 || c == 0x7F; }
static bool is_digit(char c) { return (unsigned)(c - '0') <= 9; }

struct sl_str sl_number_trim(struct sl_str text) {
    while (text.len && is_blank(*text.ptr)) text.ptr++, text.len--;
    while (text.len && is_blank(text.ptr[text.len - 1])) text.len--;
    return text;
}

bool sl_number_parse_i64(struct sl_str text, bool fraction_ok, int64_t *out) {
    text = sl_number_trim(text);
    const char *p = text.ptr, *end = p + text.len;
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (p == end) return false;
    uint64_t value = 0;
    const char *unchecked_end = end - p > 18 ? p + 18 : end; /* 18 digits cannot overflow */
    while (p < unchecked_end && is_digit(*p)) value = value * 10 + (uint64_t)(*p++ - '0');
    for (; p < end && is_digit(*p); p++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(*p - '0'), &value))
            return false;
    if (p < end) {
        if (!fraction_ok || *p++ != '.') return false;
        while (p < end && is_digit(*p)) p++;
        if (p < end) return false;
    }
    if (value > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - value : value);
    return true;
}

bool sl_parse_i64(struct sl_str text, int64_t *out) {
    return sl_number_parse_i64(text, false, out);
}

/* Digits, point and exponent of a number; the value is mantissa * 10^exponent, exactly so unless
 * `inexact`: then there were more than 19 significant digits. */
struct scanned {
    bool negative, inexact;
    uint64_t mantissa;
    int64_t exponent;
    const char *end;
};

static void scan_digits(struct scanned *s, const char **cursor, const char *end, int *used,
                        size_t *seen, bool behind_point) {
    const char *p = *cursor;
    for (; p < end && is_digit(*p); p++, ++*seen) {
        unsigned digit = (unsigned)(*p - '0');
        if (*used < 19) {
            s->mantissa = s->mantissa * 10 + digit;
            *used += s->mantissa != 0;
            s->exponent -= behind_point;
        } else {
            s->inexact |= digit != 0;
            s->exponent += !behind_point;
        }
    }
    *cursor = p;
}

/* [sign] digits [. digits] [e [sign] digits]; s->end is where it stopped; false when no digit. */
static bool scan_number(const char *p, const char *end, struct scanned *s) {
    *s = (struct scanned){0};
    s->negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    int used = 0;
    size_t seen = 0;
    scan_digits(s, &p, end, &used, &seen, false);
    if (p < end && *p == '.') {
        p++;
        scan_digits(s, &p, end, &used, &seen, true);
    }
    if (seen == 0) return false;
    s->end = p;
    if (p < end && (*p | 32) == 'e') {
        p++;
        bool minus = p < end && *p == '-';
        if (p < end && (*p == '-' || *p == '+')) p++;
        if (p == end || !is_digit(*p)) return true;
        int64_t exponent = 0;
        for (; p < end && is_digit(*p); p++)
            if (exponent < 1000000000) exponent = exponent * 10 + (*p - '0');
        s->exponent += minus ? -exponent : exponent;
        s->end = p;
    }
    return true;
}

static const double pow10_exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* The C library's correctly rounded conversion; the program never leaves the C locale. */
static double convert_slow(const char *p, size_t len, bool as_float) {
    char small[128], *copy = len < sizeof small ? small : sl_xmalloc(len + 1);
    memcpy(copy, p, len);
    copy[len] = 0;
    double value = as_float ? (double)strtof(copy, NULL) : strtod(copy, NULL);
    if (copy != small) free(copy);
    return value;
}

/* Clinger: mantissa and power are exact doubles, so one operation rounds once. */
static bool convert_fast(const struct scanned *s, double *out) {
    if (s->inexact || s->mantissa > (UINT64_C(1) << 53)) return false;
    double value = (double)s->mantissa;
    if (s->exponent < -22 || s->exponent > 22) {
        if (s->mantissa) return false;
    } else if (s->exponent < 0) {
        value /= pow10_exact[-s->exponent];
    } else {
        value *= pow10_exact[s->exponent];
    }
    *out = s->negative ? -value : value;
    return true;
}

/* Cast.processFloatingPointSpecialLiterals, and Java's NaN and Infinity. */
static bool parse_special(struct sl_str text, double *out) {
    bool negative = text.len && *text.ptr == '-';
    bool sign = text.len && (*text.ptr == '-' || *text.ptr == '+');
    struct sl_str word = sl_str_sub(text, sign, text.len);
    if (sl_str_eq_nocase(word, SL_STR("nan"))) {
        *out = __builtin_nan("");
        return !sign || sl_str_eq(word, SL_STR("NaN"));
    }
    if (!sl_str_eq_nocase(word, SL_STR("inf")) && !sl_str_eq_nocase(word, SL_STR("infinity")))
        return false;
    *out = negative ? -__builtin_inf() : __builtin_inf();
    return true;
}

/* Java's hexadecimal floats, 0x1.8p3: the exponent is not optional there. */
static bool is_hex_float(const char *p, const char *end, const char **stop) {
    if (p < end && (*p == '-' || *p == '+')) p++;
    if (end - p < 4 || p[0] != '0' || (p[1] | 32) != 'x') return false;
    size_t digits = 0;
    for (p += 2; p < end; p++) {
        bool hex = is_digit(*p) || ((*p | 32) >= 'a' && (*p | 32) <= 'f');
        if (!hex && *p != '.') break;
        digits += hex;
    }
    if (digits == 0 || p == end || (*p | 32) != 'p') return false;
    p++;
    if (p < end && (*p == '-' || *p == '+')) p++;
    const char *exponent = p;
    while (p < end && is_digit(*p)) p++;
    *stop = p;
    return p > exponent;
}

static bool parse_floating(struct sl_str text, bool as_float, double *out) {
    text = sl_number_trim(text);
    const char *p = text.ptr, *end = p + text.len, *stop;
    struct scanned s;
    if (is_hex_float(p, end, &stop)) {
        *out = convert_slow(p, (size_t)(stop - p), as_float);
    } else if (scan_number(p, end, &s)) {
        stop = s.end;
        if (as_float || !convert_fast(&s, out))
            *out = convert_slow(p, (size_t)(stop - p), as_float);
    } else {
        return parse_special(text, out);
    }
    if (stop < end && ((*stop | 32) == 'd' || (*stop | 32) == 'f')) stop++; /* Java's 1.5d */
    return stop == end;
}

bool sl_parse_f64(struct sl_str text, double *out) { return parse_floating(text, false, out); }

bool sl_number_parse_f32(struct sl_str text, float *out) {
    double value;
    if (!parse_floating(text, true, &value)) return false;
    *out = (float)value;
    return true;
}

/* A decimal literal as value * 10^exponent with at most 38 significant digits; of the digits behind
 * those only the first can matter, for rounding. */
struct wide_digits {
    sl_int128 value;
    int64_t exponent;
    unsigned next_digit;
    bool dropped;
};

static void collect_digits(const char *p, const char *end, struct wide_digits *w) {
    int used = 0;
    bool behind_point = false;
    for (; p < end && (*p | 32) != 'e'; p++) {
        if (*p == '.') behind_point = true;
        if (!is_digit(*p)) continue;
        if (used == 38) {
            if (!w->dropped) w->next_digit = (unsigned)(*p - '0');
            w->dropped = true;
            w->exponent += !behind_point;
            continue;
        }
        w->value = w->value * 10 + (*p - '0');
        used += w->value != 0;
        w->exponent -= behind_point;
    }
}

/* value / 10^drop, half up; value >= 0 */
static sl_int128 divide_half_up(sl_int128 value, int64_t drop) {
    if (drop > 38) return 0; /* value < 10^38, so at drop 39 it is under one tenth */
    sl_int128 unit = sl_decimal_pow10((int)drop), rest = value % unit;
    return value / unit + (rest >= unit - rest);
}

enum sl_number_status sl_number_parse_decimal(struct sl_str text, int precision, int scale,
                                              sl_int128 *out) {
    text = sl_number_trim(text);
    struct scanned s;
    const char *end = text.ptr + text.len;
    if (!scan_number(text.ptr, end, &s) || s.end != end) return SL_NUMBER_MALFORMED;
    struct wide_digits w = {.value = s.mantissa, .exponent = s.exponent};
    if (s.inexact) {
        struct wide_digits all = {0};
        collect_digits(text.ptr, end, &all);
        /* s.exponent counts the written exponent and the digits past its own 19 */
        struct scanned plain;
        const char *e = memchr(text.ptr, 'e', text.len);
        if (!e) e = memchr(text.ptr, 'E', text.len);
        scan_number(text.ptr, e ? e : end, &plain);
        all.exponent += s.exponent - plain.exponent;
        w = all;
    }
    int64_t shift = w.exponent + scale;
    if (shift < 0) {
        w.value = divide_half_up(w.value, -shift);
    } else if (w.value) {
        if (shift > 38 || __builtin_mul_overflow(w.value, sl_decimal_pow10((int)shift), &w.value))
            return SL_NUMBER_OVERFLOW;
        if (shift == 0 && w.dropped) w.value += w.next_digit >= 5;
    }
    *out = s.negative ? -w.value : w.value;
    return sl_decimal_fits(w.value, precision) ? SL_NUMBER_OK : SL_NUMBER_OVERFLOW;
}

bool sl_parse_decimal(struct sl_str text, int precision, int scale, sl_int128 *out) {
    return sl_number_parse_decimal(text, precision, scale, out) == SL_NUMBER_OK;
}
