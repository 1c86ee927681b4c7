#include "unit.h"

#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"

void test_str_to_i64_takes_the_whole_range(void **state) {
    (void)state;
    int64_t value;
    assert_true(sl_str_to_i64(SL_STR("9223372036854775807"), &value) && value == INT64_MAX);
    assert_true(sl_str_to_i64(SL_STR("-9223372036854775808"), &value) && value == INT64_MIN);
    assert_true(sl_str_to_i64(SL_STR("+7"), &value) && value == 7);
    static const char *const bad[] = {
        "", "-", "9223372036854775808", "-9223372036854775809", "1 ", "0x1", "1.0"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_false(sl_str_to_i64(sl_str(bad[i]), &value));
}

void test_str_distance_counts_edits_and_swaps(void **state) {
    (void)state;
    assert_int_equal(sl_str_distance(SL_STR("amount"), SL_STR("amount")), 0);
    assert_int_equal(sl_str_distance(SL_STR("ammount"), SL_STR("amount")), 1);
    assert_int_equal(sl_str_distance(SL_STR("STREAMNIG"), SL_STR("streaming")), 1);
    assert_int_equal(sl_str_distance(SL_STR("kitten"), SL_STR("sitting")), 3);
}

void test_str_nearest_suggests_only_what_is_near(void **state) {
    (void)state;
    const struct sl_str names[] = {SL_STR("order_id"), SL_STR("amount"), SL_STR("customer_id")};
    assert_int_equal(sl_str_nearest(SL_STR("ammount"), names, 3), 1);
    assert_int_equal(sl_str_nearest(SL_STR("Order_Id"), names, 3), 0);
    assert_int_equal(sl_str_nearest(SL_STR("warehouse"), names, 3), -1);
}

void test_str_find_and_trim(void **state) {
    (void)state;
    assert_int_equal(sl_str_find(SL_STR("abcabc"), SL_STR("ca"), 0), 2);
    assert_int_equal(sl_str_find(SL_STR("abcabc"), SL_STR("abc"), 1), 3);
    assert_true(sl_str_find(SL_STR("abc"), SL_STR("x"), 0) == SIZE_MAX);
    assert_true(sl_str_eq(sl_str_trim(SL_STR(" \t a b\n ")), SL_STR("a b")));
}

/* Expected values: Spark's Murmur3_x86_32 and XXH64 suites (hash(..) and xxhash64(..) in SQL). */
void test_hashes_are_sparks(void **state) {
    (void)state;
    assert_int_equal(sl_murmur3_int(1, 42), -559580957);
    assert_int_equal(sl_murmur3_long(1, 42), -1712319331);
    assert_int_equal(sl_murmur3_bytes("Spark", 5, 42), 228093765);
    assert_true(sl_xxh64_long(1, 42) == (uint64_t)-7001672635703045582);
    assert_int_equal(sl_crc32(0, "123456789", 9), 0xCBF43926u);
}

void test_uuid_has_version_and_variant(void **state) {
    (void)state;
    char text[37] = {0};
    sl_uuid_format(text, UINT64_MAX, UINT64_MAX);
    assert_string_equal(text, "ffffffff-ffff-4fff-bfff-ffffffffffff");
}

void test_buf_grows_and_prints(void **state) {
    (void)state;
    struct sl_buf buf = {0};
    for (int i = 0; i < 1000; i++) sl_buf_printf(&buf, "%d,", i);
    assert_int_equal(buf.len, 10 * 2 + 90 * 3 + 900 * 4);
    assert_memory_equal(buf.ptr, "0,1,2,", 6);
    assert_string_equal(sl_buf_cstr(&buf) + buf.len - 4, "999,");
    sl_buf_release(&buf);
}
