#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/quantity.h"

void test_quantity_bytes(void **state) {
    (void)state;
    int64_t bytes;
    assert_true(sl_parse_bytes(SL_STR("1024"), &bytes) && bytes == 1024);
    assert_true(sl_parse_bytes(SL_STR(" 64 KB "), &bytes) && bytes == 65536);
    assert_true(sl_parse_bytes(SL_STR("2gib"), &bytes) && bytes == INT64_C(2) << 30);
    assert_false(sl_parse_bytes(SL_STR("-1k"), &bytes));
    assert_false(sl_parse_bytes(SL_STR("k"), &bytes));
    assert_false(sl_parse_bytes(SL_STR("9223372036854775807g"), &bytes));
}

void test_quantity_durations(void **state) {
    (void)state;
    int64_t ms;
    assert_true(sl_parse_duration_ms(SL_STR("100ms"), &ms) && ms == 100);
    assert_true(sl_parse_duration_ms(SL_STR("Interval 5 Minutes"), &ms) && ms == 300000);
    assert_true(sl_parse_duration_ms(SL_STR("2d"), &ms) && ms == 172800000);
    assert_true(sl_parse_duration_ms(SL_STR("1h30m"), &ms) && ms == 5400000);
    assert_true(sl_parse_duration_ms(SL_STR("1 hour 30 minutes 5s"), &ms) && ms == 5405000);
    assert_true(sl_parse_duration_ms(SL_STR("0"), &ms) && ms == 0);
    assert_false(sl_parse_duration_ms(SL_STR("30"), &ms));
    assert_false(sl_parse_duration_ms(SL_STR(""), &ms));
    assert_false(sl_parse_duration_ms(SL_STR("1h30"), &ms));
    assert_false(sl_parse_duration_ms(SL_STR("9223372036854775807d"), &ms));
    assert_false(sl_parse_duration_ms(SL_STR("9223372036854775807ms 1ms"), &ms));
    assert_false(sl_parse_duration_ms(SL_STR("1 fortnight"), &ms));
}
