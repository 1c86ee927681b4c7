#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "base/str.h"
#include "base/utf8.h"

void test_utf8_put_at_each_length(void **state) {
    (void)state;
    static const struct {
        uint32_t code;
        const char *bytes;
    } cases[] = {{0x7F, "\x7F"},
                 {0x80, "\xC2\x80"},
                 {0x7FF, "\xDF\xBF"},
                 {0x800, "\xE0\xA0\x80"},
                 {0xFFFF, "\xEF\xBF\xBF"},
                 {0x10000, "\xF0\x90\x80\x80"},
                 {0x10FFFF, "\xF4\x8F\xBF\xBF"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char bytes[4];
        assert_int_equal(sl_utf8_put(bytes, cases[i].code), strlen(cases[i].bytes));
        assert_memory_equal(bytes, cases[i].bytes, strlen(cases[i].bytes));
    }
}

void test_utf16_pairs(void **state) {
    (void)state;
    assert_int_equal(sl_utf16_join(0xD83D, 0xDE00), 0x1F600);
    assert_int_equal(sl_utf16_join(0xDBFF, 0xDFFF), 0x10FFFF);
    assert_true(sl_utf16_is_high(0xDBFF) && !sl_utf16_is_high(0xDC00));
    assert_true(sl_utf16_is_low(0xDC00) && !sl_utf16_is_low(0xE000));
    assert_true(sl_utf16_is_surrogate(0xD800) && !sl_utf16_is_surrogate(0xD7FF));
}

void test_hex_digits(void **state) {
    (void)state;
    static const char digits[] = "0123456789abcdef", upper[] = "0123456789ABCDEF";
    int found = 0;
    for (int i = 0; i < 16; i++) {
        assert_int_equal(sl_hex_digit(digits[i]), i);
        assert_int_equal(sl_hex_digit(upper[i]), i);
    }
    for (int c = -128; c < 256; c++) found += sl_hex_digit(c) >= 0;
    assert_int_equal(found, 22);
}

/* Every cut of a text with characters of each length, against the places where characters end. */
void test_cut_texts_end_with_a_whole_character(void **state) {
    (void)state;
    static const uint32_t points[] = {'a',     0xE9,    0x20AC, 0x1F600, 'b',
                                      0x1F600, 0x1F601, 0x7FF,  'c'};
    char text[64];
    size_t len = 0, ends[16] = {0}, count = 1;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        len += sl_utf8_put(text + len, points[i]);
        ends[count++] = len;
    }
    for (size_t cut = 0; cut <= len; cut++) {
        size_t want = 0;
        for (size_t i = 0; i < count; i++)
            if (ends[i] <= cut) want = ends[i];
        assert_int_equal(sl_utf8_whole(text, cut), want);
    }
    assert_int_equal(sl_utf8_whole("\x80\x80\x80\x80\x80", 5), 5); /* nothing to save */
}
