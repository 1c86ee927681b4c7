#include "unit.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hash.h"
#include "kern/cast.h"
#include "kern/number.h"

static double random_double(uint64_t *state) {
    uint64_t bits = sl_random_next(state);
    double value;
    switch (sl_random_next(state) % 3) {
    case 0: /* any bit pattern */
        memcpy(&value, &bits, 8);
        return value;
    case 1: /* money */
        return (double)(int64_t)(bits % 100000000) / 100;
    default: /* powers of two and their neighbours */
        value = ldexp(1, (int)(bits % 2046) - 1022);
        return bits & 1 << 20 ? nextafter(value, 0) : value;
    }
}

/* Goal: a double's text reads back, and no shorter text does.  Method: 100,000 random doubles;
 * printf with one digit fewer must not read back. */
void test_f64_text_reads_back_and_is_shortest(void **state) {
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < 100000; i++) {
        double value = random_double(&seed), back;
        if (!isfinite(value)) continue;
        char text[40], fewer[40];
        text[sl_format_f64(text, value)] = 0;
        assert_true(strtod(text, NULL) == value);
        assert_true(sl_parse_f64(sl_str(text), &back) && back == value);
        int digits = 0;
        bool leading = true;
        for (const char *p = text; *p && *p != 'E'; p++) {
            if (*p == '-' || *p == '.') continue;
            leading = leading && *p == '0';
            digits += !leading;
        }
        while (digits > 2 && !strchr(text, 'E') && text[strlen(text) - 1] == '0') break;
        if (digits > 3 && strcmp(text + strlen(text) - 2, ".0") != 0) {
            snprintf(fewer, sizeof fewer, "%.*e", digits - 2, value);
            if (strtod(fewer, NULL) == value) fail_msg("%s is longer than %s", text, fewer);
        }
    }
}

void test_f32_text_reads_back(void **state) {
    (void)state;
    uint64_t seed = 2;
    for (int i = 0; i < 50000; i++) {
        uint32_t bits = (uint32_t)sl_random_next(&seed);
        float value, back;
        memcpy(&value, &bits, 4);
        if (!isfinite(value)) continue;
        char text[40];
        text[sl_format_f32(text, value)] = 0;
        assert_true(strtof(text, NULL) == value);
        assert_true(sl_number_parse_f32(sl_str(text), &back) && back == value);
    }
}

/* Goal: parsing equals the C library's correctly rounded one.  Method: 100,000 texts of random
 * digits, point and exponent. */
void test_f64_parse_equals_strtod(void **state) {
    (void)state;
    uint64_t seed = 3;
    for (int i = 0; i < 100000; i++) {
        uint64_t r = sl_random_next(&seed);
        char text[64];
        int whole = (int)(r % 20), fraction = (int)(r >> 8) % 12,
            exponent = (int)(r >> 20) % 60 - 30;
        size_t len = 0;
        if (r >> 62 & 1) text[len++] = '-';
        for (int k = 0; k <= whole; k++) text[len++] = (char)('0' + sl_random_next(&seed) % 10);
        if (fraction) text[len++] = '.';
        for (int k = 0; k < fraction; k++) text[len++] = (char)('0' + sl_random_next(&seed) % 10);
        if (r >> 63) len += (size_t)snprintf(text + len, 8, "e%d", exponent);
        text[len] = 0;
        double got;
        assert_true(sl_parse_f64((struct sl_str){text, len}, &got));
        if (got != strtod(text, NULL)) fail_msg("%s: %a, not %a", text, got, strtod(text, NULL));
    }
}

void test_f64_layout_is_javas(void **state) {
    (void)state;
    static const struct {
        double value;
        const char *text;
    } rows[] = {{0.0, "0.0"},
                {-0.0, "-0.0"},
                {1, "1.0"},
                {0.1, "0.1"},
                {123456.789, "123456.789"},
                {9999999, "9999999.0"},
                {1e7, "1.0E7"},
                {12345678.9, "1.23456789E7"},
                {0.001, "0.001"},
                {0.00099, "9.9E-4"},
                {1e-5, "1.0E-5"},
                {1e10, "1.0E10"},
                {4.9e-324, "4.9E-324"},
                {1.0 / 3, "0.3333333333333333"},
                {0x1p-44, "5.684341886080802E-14"},
                {2e22, "2.0E22"},
                {1.7976931348623157e308, "1.7976931348623157E308"}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[40];
        text[sl_format_f64(text, rows[i].value)] = 0;
        assert_string_equal(text, rows[i].text);
    }
}

void test_f64_grammar_is_javas(void **state) {
    (void)state;
    static const char *const good[] = {"1",   "1.",   ".5",  "+1e5",      "1d",    "1F",   " 1 ",
                                       "NaN", "+NaN", "inf", "-Infinity", "0x1p3", "1e400"};
    static const char *const bad[] = {"",    ".",    "e5",  "1e",   "1e+", "1 2", "0x1",
                                      "--1", "nanx", "1dd", "-nan", "1_0", "Inf1"};
    double value;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!sl_parse_f64(sl_str(good[i]), &value)) fail_msg("%s", good[i]);
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (sl_parse_f64(sl_str(bad[i]), &value)) fail_msg("%s", bad[i]);
}

void test_decimal_parse_rounds_half_up(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int precision, scale;
        const char *want; /* NULL: refused */
    } rows[] = {
        {"1.005", 10, 2, "1.01"},
        {"-1.005", 10, 2, "-1.01"},
        {"1.004999999999999999999999999999999999999999999", 10, 2, "1.00"},
        {"0.99999999999999999999999999999999999999999999", 38, 2, "1.00"},
        {"1e3", 10, 2, "1000.00"},
        {"12345678901234567890e-19", 10, 5, "1.23457"},
        {"99999999999999999999999999999999999999", 38, 0, "99999999999999999999999999999999999999"},
        {"99999999999999999999999999999999999999.5", 38, 0, NULL},
        {"100000000000000000000000000000000000000", 38, 0, NULL},
        {"00000000000000000000000000000000000000000000000000001.5", 3, 1, "1.5"},
        {"1e-100", 10, 2, "0.00"},
        {"1e100", 38, 0, NULL},
        {"0e100", 38, 0, "0"},
        {"999.995", 5, 2, NULL},
        {"1.2.3", 5, 2, NULL},
        {"", 5, 2, NULL},
        {"1d", 5, 2, NULL},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        sl_int128 value;
        char text[48] = "refused";
        if (sl_parse_decimal(sl_str(rows[i].text), rows[i].precision, rows[i].scale, &value))
            text[sl_format_decimal(text, value, rows[i].scale)] = 0;
        assert_string_equal(text, rows[i].want ? rows[i].want : "refused");
    }
}

/* format(parse) over random unscaled values and scales. */
void test_decimal_text_round_trip(void **state) {
    (void)state;
    uint64_t seed = 5;
    for (int i = 0; i < 20000; i++) {
        int scale = (int)(sl_random_next(&seed) % 39);
        sl_int128 value =
            (sl_int128)((unsigned __int128)sl_random_next(&seed) << 64 | sl_random_next(&seed));
        value %= sl_decimal_pow10(1 + (int)(sl_random_next(&seed) % 38));
        char text[48];
        size_t len = sl_format_decimal(text, value, scale);
        sl_int128 back;
        assert_true(sl_parse_decimal((struct sl_str){text, len}, 38, scale, &back));
        assert_true(back == value);
    }
}
