#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "base/hash.h"
#include "kern/cast.h"
#include "kern/datetime.h"
#include "kern/datetime_pattern.h"

/* Goal: the fast reader agrees with the general one.  Method: random timestamps, printed, one byte
 * changed at random in half of them; a leading blank sends the twin the general way. */
void test_timestamp_fast_path_equals_general(void **state) {
    (void)state;
    uint64_t seed = 11;
    for (int i = 0; i < 50000; i++) {
        int64_t micros = (int64_t)(sl_random_next(&seed) % UINT64_C(253402300800000000));
        if (i % 3 == 0) micros -= micros % SL_MICROS_PER_SECOND;
        char text[48] = " ";
        size_t len = 1 + sl_format_timestamp(text + 1, micros, sl_zone_utc);
        if (i % 2) text[11] = 'T';
        if (i % 5 == 0) text[len++] = 'Z';
        int64_t fast = -1, general = -1, local = -1;
        bool zulu;
        if (i % 4 == 0) {
            text[1 + sl_random_next(&seed) % (len - 1)] = (char)(sl_random_next(&seed) % 128);
        } else {
            assert_true(sl_datetime_parse_fast((struct sl_str){text + 1, len - 1}, &local, &zulu));
            assert_true(local == micros);
        }
        if (text[1] == 'T') continue; /* a bare time is one only without the blank */
        bool a = sl_parse_timestamp((struct sl_str){text + 1, len - 1}, sl_zone_utc, &fast);
        bool b = sl_parse_timestamp((struct sl_str){text, len}, sl_zone_utc, &general);
        if (a != b || fast != general) fail_msg("%.*s", (int)len, text);
    }
}

void test_date_text_round_trip(void **state) {
    (void)state;
    uint64_t seed = 13;
    for (int i = 0; i < 20000; i++) {
        int32_t days = (int32_t)(sl_random_next(&seed) % 7000000) - 3500000, back;
        char text[24];
        size_t len = sl_format_date(text, days);
        assert_true(sl_parse_date((struct sl_str){text, len}, &back));
        assert_int_equal(back, days);
    }
}

static void parse_is(const char *pattern_text, const char *text, const char *want) {
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_err err = {0};
    struct sl_pattern pattern;
    char got[200];
    if (sl_pattern_compile(&arena, sl_str(pattern_text), true, &pattern, &err) != SL_OK) {
        snprintf(got, sizeof got, "%s", err.condition);
    } else {
        struct sl_pattern_failure failure;
        int64_t micros;
        if (sl_pattern_parse(&pattern, sl_str(text), sl_zone_utc, &micros, &failure))
            got[sl_format_timestamp(got, micros, sl_zone_utc)] = 0;
        else
            snprintf(got, sizeof got, "%s", failure.why);
    }
    if (strcmp(got, want) != 0) fail_msg("%s by %s: %s, not %s", text, pattern_text, got, want);
    sl_arena_release(&arena);
}

/* Expectations printed by Spark 4.1.1. */
void test_pattern_parses_as_spark(void **state) {
    (void)state;
    parse_is("yyyy", "2024", "2024-01-01 00:00:00");
    parse_is("d", "5", "1970-01-05 00:00:00");
    parse_is("HH:mm", "10:00", "1970-01-01 10:00:00");
    parse_is("yyyy-MM-dd hh", "2024-01-01 10", "2024-01-01 10:00:00");
    parse_is("yyyy-MM-dd hh a", "2024-01-01 10 PM", "2024-01-01 22:00:00");
    parse_is("yyyy-DDD", "2024-060", "2024-02-29 00:00:00");
    parse_is("yyyy-MM-dd'T'HH:mm:ss.SSSSSSSSSXXX", "2024-01-01T10:00:00.123456789+02:00",
             "2024-01-01 08:00:00.123456");
    parse_is("yyyy-MM-dd HH:mm:ss.SSS", "2024-01-01 10:00:00.1", "2024-01-01 10:00:00.1");
    parse_is("yyyy-MM-dd HH:mm:ss[.SSS]", "2024-01-01 10:00:00", "2024-01-01 10:00:00");
    parse_is("yy-MM-dd", "24-01-01", "2024-01-01 00:00:00");
    parse_is("d MMMM yyyy", "2 January 2024", "2024-01-02 00:00:00");
    parse_is("yyyy-MM-dd HH:mm:ss z", "2024-01-01 10:00:00 PST", "2024-01-01 18:00:00");
    parse_is("yyyy-MM-dd HH:mm:ss VV", "2024-01-01 10:00:00 America/Los_Angeles",
             "2024-01-01 18:00:00");
    parse_is("yyyy-MM-dd HH:mm:ss Z", "2024-01-01 10:00:00 +0200", "2024-01-01 08:00:00");
    parse_is("yyyyMMdd", "20240101", "2024-01-01 00:00:00");
    parse_is("yyyy-MM-dd kk", "2024-01-01 24", "2024-01-01 00:00:00");
    parse_is("yyyy/MM/dd", "2024-01-01", " at index 4");
    parse_is("SSS", "1704103200123", ", unparsed text found at index 3");
    parse_is("yyyy-MM-dd", "2024-02-30", ": Invalid date 'FEBRUARY 30'");
    parse_is("yyyy-MM-dd", "2024-01-32",
             ": Invalid value for DayOfMonth (valid values 1 - 28/31): 32");
    parse_is("yyyy-bb-dd", "x", "INVALID_DATETIME_PATTERN.WITH_SUGGESTION");
    parse_is("yyyy 'Q'q", "x", "INVALID_DATETIME_PATTERN.ILLEGAL_CHARACTER");
    parse_is("yyyy [", "2024 ", "2024-01-01 00:00:00");
    parse_is("yyyy ]", "2024 ", "INCONSISTENT_BEHAVIOR_CROSS_VERSION.DATETIME_PATTERN_RECOGNITION");
}

/* format then parse gives the value back, for patterns that name all of it. */
void test_pattern_round_trip(void **state) {
    (void)state;
    static const char *const patterns[] = {"yyyy-MM-dd HH:mm:ss.SSSSSS", "yyyyMMddHHmmss SSSSSS",
                                           "d/M/yyyy h:m:s a SSSSSS", "yyyy DDD kk mm ss SSSSSS",
                                           "dd MMM yyyy HH:mm:ss.SSSSSSXXX"};
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    uint64_t seed = 17;
    struct sl_buf text = {0};
    for (size_t p = 0; p < sizeof patterns / sizeof *patterns; p++) {
        struct sl_pattern write, read;
        assert_int_equal(sl_pattern_compile(&arena, sl_str(patterns[p]), false, &write, NULL),
                         SL_OK);
        assert_int_equal(sl_pattern_compile(&arena, sl_str(patterns[p]), true, &read, NULL), SL_OK);
        for (int i = 0; i < 2000; i++) {
            int64_t micros = (int64_t)(sl_random_next(&seed) % UINT64_C(253402300800000000)), back;
            struct sl_pattern_failure failure;
            sl_buf_clear(&text);
            sl_pattern_format(&write, micros, sl_zone_utc, &text);
            if (!sl_pattern_parse(&read, sl_buf_str(&text), sl_zone_utc, &back, &failure) ||
                back != micros)
                fail_msg("%s by %s%s", sl_buf_cstr(&text), patterns[p], failure.why);
        }
    }
    sl_buf_release(&text);
    sl_arena_release(&arena);
}

void test_pattern_formats_as_spark(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_pattern pattern;
    struct sl_buf text = {0};
    int64_t micros;
    assert_true(sl_parse_timestamp(SL_STR("2024-03-05 16:07:09.123456"), sl_zone_utc, &micros));
    assert_int_equal(sl_pattern_compile(
                         &arena,
                         SL_STR("G GGGG O OOOO x xx xxx xxxx xxxxx XX XXXX XXXXX ZZZZZ VV zzzz F"),
                         false, &pattern, NULL),
                     SL_OK);
    sl_pattern_format(&pattern, micros, sl_zone_utc, &text);
    assert_string_equal(sl_buf_cstr(&text),
                        "AD Anno Domini GMT GMT +00 +0000 +00:00 +0000 +00:00 Z Z Z Z UTC "
                        "Coordinated Universal Time 5");
    sl_buf_clear(&text);
    assert_int_equal(
        sl_pattern_compile(&arena, SL_STR("''yyyy'T''x'[ss] S SS"), false, &pattern, NULL), SL_OK);
    sl_pattern_format(&pattern, micros, sl_zone_utc, &text);
    assert_string_equal(sl_buf_cstr(&text), "'2024T'x09 1 12");
    sl_buf_release(&text);
    sl_arena_release(&arena);
}
