/* Numbers to text, in Java's layout: plain digits for 1e-3 <= |v| < 1e7, else d.dddE[-]x.
 *
 * Doubles print with the fewest digits that read back (at least two, as Java counts "1.0"), and
 * among those the nearest to the value: Double.toString of JDK 19.  Almost all numbers in data have
 * at most 15 digits; for them m / 10^k with exact m and 10^k rounds once, so comparing it with the
 * value decides.  (Any 15 digits survive the trip through a double, hence no other decimal that
 * short can equal it.)  The rest is searched with the C library's correctly rounded printf. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "kern/cast.h"
#include "kern/number.h"

static size_t put_u64(char *to, uint64_t value) {
    char digits[20];
    size_t n = 0;
    do digits[n++] = (char)('0' + value % 10);
    while (value /= 10);
    for (size_t i = 0; i < n; i++) to[i] = digits[n - 1 - i];
    return n;
}

size_t sl_number_format_i64(char *to, int64_t value) {
    size_t sign = value < 0;
    if (sign) *to = '-';
    return sign + put_u64(to + sign, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

static size_t put_text(char *to, const char *text) {
    size_t len = strlen(text);
    memcpy(to, text, len);
    return len;
}

/* digits[0..count) are d0 d1 ..., the value d0.d1... * 10^exponent; no trailing zeros. */
static size_t put_layout(char *to, const char *digits, int count, int exponent) {
    char *p = to;
    if (exponent >= -3 && exponent < 7) {
        if (exponent < 0) {
            p += put_text(p, "0.");
            for (int i = -1; i > exponent; i--) *p++ = '0';
            for (int i = 0; i < count; i++) *p++ = digits[i];
            return (size_t)(p - to);
        }
        for (int i = 0; i <= exponent; i++) *p++ = i < count ? digits[i] : '0';
        *p++ = '.';
        if (count <= exponent + 1) *p++ = '0';
        for (int i = exponent + 1; i < count; i++) *p++ = digits[i];
        return (size_t)(p - to);
    }
    *p++ = digits[0];
    *p++ = '.';
    if (count == 1) *p++ = '0';
    for (int i = 1; i < count; i++) *p++ = digits[i];
    *p++ = 'E';
    p += sl_number_format_i64(p, exponent);
    return (size_t)(p - to);
}

/* integer / 10^scale */
static size_t put_scaled(char *to, uint64_t integer, int scale) {
    char digits[20];
    int count = (int)put_u64(digits, integer), exponent = count - 1 - scale;
    while (count > 1 && digits[count - 1] == '0') count--;
    return put_layout(to, digits, count, exponent);
}

/* value > 0 with at most max_digits digits: integer / 10^scale, the smallest scale that works. */
static bool find_short(double value, double limit, bool single, uint64_t *integer, int *scale) {
    double power = 1;
    for (int k = 0; k <= 10; k++, power *= 10) {
        double scaled = value * power;
        if (scaled >= limit) return false;
        uint64_t m = (uint64_t)(scaled + 0.5);
        bool same = single ? (float)m / (float)power == (float)value : (double)m / power == value;
        if (same) {
            *integer = m, *scale = k;
            return m != 0;
        }
    }
    return false;
}

static bool reads_back(const char *text, double value, bool single) {
    return single ? strtof(text, NULL) == (float)value : strtod(text, NULL) == value;
}

/* At a power of two the gap below is half as wide as the one above, so the nearest decimal of some
 * length may miss while its upper neighbour reads back. */
static bool try_upper(char *text, double value, bool single) {
    char *e = strchr(text, 'e'), *p = e - 1;
    for (; p >= text; p--) {
        if (*p == '.') continue;
        if (*p != '9') {
            ++*p;
            return reads_back(text, value, single);
        }
        *p = '0';
    }
    return false;
}

/* text = value with so many digits; whether that is enough. */
static bool enough_digits(char *text, size_t cap, double value, int digits, bool single) {
    int exponent;
    snprintf(text, cap, "%.*e", digits - 1, value);
    if (reads_back(text, value, single)) return true;
    return frexp(value, &exponent) == 0.5 && try_upper(text, value, single);
}

static size_t put_searched(char *to, double value, bool single) {
    char text[40], digits[20];
    int least = 2, most = single ? 9 : 17;
    /* Doubles that come here mostly need 16 or 17 digits; one look tells whether fewer can do. */
    if (!single && !enough_digits(text, sizeof text, value, 15, single)) least = 16;
    for (int n = least; n <= most; n++)
        if (enough_digits(text, sizeof text, value, n, single)) break;
    int count = 0;
    const char *p = text;
    for (; *p != 'e'; p++)
        if (*p != '.') digits[count++] = *p;
    int exponent = atoi(p + 1);
    while (count > 1 && digits[count - 1] == '0') count--;
    return put_layout(to, digits, count, exponent);
}

static size_t format_floating(char *to, double value, bool single) {
    if (isnan(value)) return put_text(to, "NaN");
    size_t sign = signbit(value) != 0;
    if (sign) *to++ = '-', value = -value;
    if (isinf(value)) return sign + put_text(to, "Infinity");
    if (value == 0) return sign + put_text(to, "0.0");
    uint64_t integer;
    int scale;
    if (find_short(value, single ? 1e6 : 1e15, single, &integer, &scale))
        return sign + put_scaled(to, integer, scale);
    return sign + put_searched(to, value, single);
}

size_t sl_format_f64(char *to, double value) { return format_floating(to, value, false); }
size_t sl_format_f32(char *to, float value) { return format_floating(to, value, true); }

static size_t put_u128(char *to, unsigned __int128 value) {
    const uint64_t chunk = UINT64_C(10000000000000000000); /* 10^19 */
    if (value < chunk) return put_u64(to, (uint64_t)value);
    size_t n = put_u128(to, value / chunk);
    uint64_t low = (uint64_t)(value % chunk);
    for (int i = 18; i >= 0; i--, low /= 10) to[n + (size_t)i] = (char)('0' + low % 10);
    return n + 19;
}

/* BigDecimal.toPlainString: Spark prints decimals so. */
size_t sl_format_decimal(char *to, sl_int128 unscaled, int scale) {
    char digits[40], *p = to;
    if (unscaled < 0) *p++ = '-';
    unsigned __int128 size =
        unscaled < 0 ? -(unsigned __int128)unscaled : (unsigned __int128)unscaled;
    int count = (int)put_u128(digits, size), whole = count - scale;
    if (whole <= 0) *p++ = '0';
    for (int i = 0; i < whole; i++) *p++ = digits[i];
    if (scale > 0) *p++ = '.';
    for (int i = whole; i < 0; i++) *p++ = '0';
    for (int i = whole > 0 ? whole : 0; i < count; i++) *p++ = digits[i];
    return (size_t)(p - to);
}
