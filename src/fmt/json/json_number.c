/* Numbers: Clinger's exact fast path for doubles, strtod for the rest; decimals by digits. */
#include "fmt/json/json_number.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

static const double power10_f64[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                     1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                     1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};

/* exponent: 0..38 */
static sl_int128 power10(int exponent) {
    sl_int128 value = 1;
    while (exponent-- > 0) value *= 10;
    return value;
}

bool sl_json_parse_i64(struct sl_str text, int64_t *out) {
    bool negative = text.len && text.ptr[0] == '-';
    size_t i = negative;
    while (i + 1 < text.len && text.ptr[i] == '0') i++;
    if (i >= text.len || text.len - i > 19) return false;
    uint64_t value = 0;
    for (; i < text.len; i++) value = value * 10 + (uint64_t)(text.ptr[i] - '0');
    if (value > (uint64_t)INT64_MAX + negative) return false;
    *out = (int64_t)(negative ? 0 - value : value);
    return true;
}

/* Digits of a plain JSON number as mantissa * 10^exponent; false when the mantissa may not be
 * exact in 64 bits. */
static bool scan_mantissa(struct sl_str text, uint64_t *mantissa, int *exponent) {
    size_t i = text.ptr[0] == '-';
    uint64_t value = 0;
    int digits = 0, scale = 0;
    bool fraction = false;
    for (; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == '.') {
            fraction = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        if (value || c != '0') digits++;
        if (digits > 19) return false;
        value = value * 10 + (uint64_t)(c - '0');
        scale -= fraction;
    }
    if (i < text.len) { /* e or E */
        bool negative = text.ptr[++i] == '-';
        if (text.ptr[i] == '-' || text.ptr[i] == '+') i++;
        int power = 0;
        for (; i < text.len; i++)
            if (power < 100000) power = power * 10 + (text.ptr[i] - '0');
        scale += negative ? -power : power;
    }
    *mantissa = value;
    *exponent = scale;
    return true;
}

/* strtod needs a NUL; number tokens have at most a few thousand bytes. */
static double slow_f64(struct sl_str text, float *narrow) {
    char local[128], *copy = text.len < sizeof local ? local : sl_xmalloc(text.len + 1);
    memcpy(copy, text.ptr, text.len);
    copy[text.len] = 0;
    double value = 0;
    if (narrow)
        *narrow = strtof(copy, NULL);
    else
        value = strtod(copy, NULL);
    if (copy != local) free(copy);
    return value;
}

static double special_f64(enum sl_json_special special) {
    return special == SL_JSON_NAN            ? (double)NAN
           : special == SL_JSON_POSITIVE_INF ? (double)INFINITY
                                             : -(double)INFINITY;
}

double sl_json_parse_f64(const struct sl_json_number *number) {
    if (number->special != SL_JSON_FINITE) return special_f64(number->special);
    struct sl_str text = number->text;
    uint64_t mantissa;
    int exponent;
    bool negative = text.ptr[0] == '-';
    if (!scan_mantissa(text, &mantissa, &exponent)) return slow_f64(text, NULL);
    if (mantissa == 0) return negative && !number->integer ? -0.0 : 0.0; /* -0 is an int in Java */
    if (mantissa >> 53 || exponent < -22 || exponent > 22) return slow_f64(text, NULL);
    double value = (double)mantissa;
    value = exponent < 0 ? value / power10_f64[-exponent] : value * power10_f64[exponent];
    return negative ? -value : value;
}

float sl_json_parse_f32(const struct sl_json_number *number) {
    if (number->special != SL_JSON_FINITE) return (float)special_f64(number->special);
    struct sl_str text = number->text;
    uint64_t mantissa;
    int exponent;
    bool negative = text.ptr[0] == '-';
    if (scan_mantissa(text, &mantissa, &exponent)) {
        if (mantissa == 0) return negative && !number->integer ? -0.0F : 0.0F;
        if (!(mantissa >> 24) && exponent >= -10 && exponent <= 10) {
            float value = (float)mantissa, power = (float)power10_f64[abs(exponent)];
            value = exponent < 0 ? value / power : value * power;
            return negative ? -value : value;
        }
    }
    float value;
    slow_f64(text, &value);
    return value;
}

/* The parts of a BigDecimal text: digits (with one point among them) and the exponent. */
struct decimal_text {
    const char *begin, *end; /* digits and point */
    bool negative;
    int64_t exponent;
};

static bool scan_exponent(const char *p, const char *end, int64_t *out) {
    bool negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+')) p++;
    while (end - p > 10 && *p == '0') p++;
    if (p == end || end - p > 10) return false; /* BigDecimal refuses longer exponents */
    int64_t value = 0;
    for (; p < end; p++) {
        if (*p < '0' || *p > '9') return false;
        value = value * 10 + (*p - '0');
    }
    if (value > INT32_MAX) return false;
    *out = negative ? -value : value;
    return true;
}

static bool scan_decimal(struct sl_str text, struct decimal_text *out) {
    if (!text.len) return false;
    const char *p = text.ptr, *end = text.ptr + text.len;
    *out = (struct decimal_text){.negative = p < end && *p == '-'};
    if (p < end && (*p == '-' || *p == '+')) p++;
    out->begin = p;
    bool point = false, digit = false;
    for (; p < end; p++) {
        if (*p == '.' && !point)
            point = true;
        else if (*p >= '0' && *p <= '9')
            digit = true;
        else
            break;
    }
    out->end = p;
    if (!digit) return false;
    if (p == end) return true;
    return (*p == 'e' || *p == 'E') && scan_exponent(p + 1, end, &out->exponent);
}

bool sl_json_parse_decimal(struct sl_str text, int precision, int scale, sl_int128 *out) {
    struct decimal_text parts;
    if (!scan_decimal(text, &parts)) return false;
    /* value = digits * 10^exponent with `count` digits from the first that is not zero */
    int64_t count = 0, fraction = 0;
    bool point = false;
    for (const char *p = parts.begin; p < parts.end; p++) {
        if (*p == '.') {
            point = true;
            continue;
        }
        if (count || *p != '0') count++;
        fraction += point;
    }
    *out = 0;
    if (count == 0) return true;
    int64_t shift = parts.exponent - fraction + scale, keep = count + (shift < 0 ? shift : 0);
    if (keep < 0) return true;
    if (keep + (shift > 0 ? shift : 0) > 38) return false;
    sl_int128 value = 0;
    int64_t seen = 0;
    for (const char *p = parts.begin; p < parts.end && seen <= keep; p++) {
        if (*p == '.' || (!seen && *p == '0')) continue;
        if (seen < keep)
            value = value * 10 + (*p - '0');
        else
            value += *p >= '5';
        seen++;
    }
    if (shift > 0) value *= power10((int)shift);
    if (value >= power10(precision)) return false;
    *out = parts.negative ? -value : value;
    return true;
}

/* digits: "d.ddde[+-]xx" of printf, shortest; written the Java way. */
static void print_java(struct sl_buf *out, const char *text) {
    char digits[32];
    int count = 0;
    const char *p = text;
    if (*p == '-') {
        sl_buf_put_byte(out, '-');
        p++;
    }
    for (; *p && *p != 'e'; p++)
        if (*p != '.') digits[count++] = *p;
    int exponent = atoi(p + 1);
    while (count > 1 && digits[count - 1] == '0') count--;
    digits[count] = 0;
    if (exponent >= -3 && exponent < 7) {
        if (exponent < 0) {
            sl_buf_put_cstr(out, "0.");
            for (int i = -1; i > exponent; i--) sl_buf_put_byte(out, '0');
            sl_buf_put(out, digits, (size_t)count);
            return;
        }
        for (int i = 0; i <= exponent; i++)
            sl_buf_put_byte(out, (uint8_t)(i < count ? digits[i] : '0'));
        sl_buf_put_byte(out, '.');
        if (count > exponent + 1)
            sl_buf_put(out, digits + exponent + 1, (size_t)(count - exponent - 1));
        else
            sl_buf_put_byte(out, '0');
        return;
    }
    sl_buf_put_byte(out, (uint8_t)digits[0]);
    sl_buf_put_byte(out, '.');
    sl_buf_put_cstr(out, count > 1 ? digits + 1 : "0");
    sl_buf_printf(out, "E%d", exponent);
}

static bool print_special(struct sl_buf *out, double value) {
    if (isfinite(value) && value != 0) return false;
    sl_buf_put_cstr(out, isnan(value)     ? "NaN"
                         : value == 0     ? (signbit(value) ? "-0.0" : "0.0")
                         : signbit(value) ? "-Infinity"
                                          : "Infinity");
    return true;
}

void sl_json_print_f64(struct sl_buf *out, double value) {
    if (print_special(out, value)) return;
    char text[40];
    /* Below the normal range fewer digits tell a value apart. */
    for (int precision = fabs(value) < 1e-300 ? 1 : 14; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, value);
        if (strtod(text, NULL) == value) break;
    }
    print_java(out, text);
}

void sl_json_print_f32(struct sl_buf *out, float value) {
    if (print_special(out, (double)value)) return;
    char text[40];
    for (int precision = fabsf(value) < 1e-36F ? 1 : 5; precision < 9; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, (double)value);
        if (strtof(text, NULL) == value) break;
    }
    print_java(out, text);
}

void sl_json_print_number(struct sl_buf *out, const struct sl_json_number *number) {
    if (number->integer) {
        struct sl_str text = number->text;
        bool zero = text.ptr[text.len - 1] == '0' && text.len == 2 && text.ptr[0] == '-';
        sl_buf_put_str(out, zero ? SL_STR("0") : text);
        return;
    }
    double value = sl_json_parse_f64(number);
    bool quote = !isfinite(value);
    if (quote) sl_buf_put_byte(out, '"');
    sl_json_print_f64(out, value);
    if (quote) sl_buf_put_byte(out, '"');
}
