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
    assert_false(sl_parse_duration_ms(SL_STR("30"), &ms));
    assert_false(sl_parse_duration_ms(SL_STR("1 fortnight"), &ms));
}
