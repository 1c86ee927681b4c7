#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conn/kafka/kafka_offsets.h"

static struct sl_arena arena;

static const char *round_trip(const char *text) {
    struct sl_kafka_offsets offsets;
    struct sl_err err;
    static struct sl_buf out;
    sl_err_clear(&err);
    if (sl_kafka_offsets_parse(&arena, sl_str(text), "the test", &offsets, &err) != SL_OK)
        return err.msg[0] ? "refused" : "refused without a message";
    sl_buf_clear(&out);
    sl_kafka_offsets_put(&out, &offsets);
    return sl_buf_cstr(&out);
}

static void with_partitions(struct sl_buf *text, const char *topic, int partitions) {
    sl_buf_printf(text, "\"%s\":{", topic);
    for (int p = partitions - 1; p >= 0; p--)
        sl_buf_printf(text, "\"%d\":%d%s", p, p * 10, p ? "," : "");
    sl_buf_put_cstr(text, "}");
}

/* Any order is read, Spark 4's order is written: partitions ascending. */
void test_offsets_partitions_ascend(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_string_equal(round_trip("{\"t\":{\"2\":7,\"0\":5,\"1\":-2}}"),
                        "{\"t\":{\"0\":5,\"1\":-2,\"2\":7}}");
    assert_string_equal(round_trip(" { \"t\" : { \"1\" : 9223372036854775807 } } "),
                        "{\"t\":{\"1\":9223372036854775807}}");
    assert_string_equal(round_trip("{}"), "{}");
    sl_arena_release(&arena);
}

/* More partitions than a small table holds: the table doubles, the order stays ascending. */
void test_offsets_many_partitions(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_buf in = {0}, want = {0};
    sl_buf_put_cstr(&in, "{");
    with_partitions(&in, "big", 300);
    sl_buf_put_cstr(&in, "}");
    sl_buf_put_cstr(&want, "{\"big\":{");
    for (int p = 0; p < 300; p++) sl_buf_printf(&want, "%s\"%d\":%d", p ? "," : "", p, p * 10);
    sl_buf_put_cstr(&want, "}}");
    assert_string_equal(round_trip(sl_buf_cstr(&in)), sl_buf_cstr(&want));
    sl_buf_release(&in);
    sl_buf_release(&want);
    sl_arena_release(&arena);
}

/* Partition numbers beyond the table's length fall into buckets: 0, 16 share bucket 0 of 16, and 17
 * comes with 1, so Scala writes 0, 16, 1, 17, 5. */
void test_offsets_sparse_partitions_by_bucket(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_string_equal(round_trip("{\"t\":{\"0\":1,\"1\":1,\"5\":1,\"16\":1,\"17\":1}}"),
                        "{\"t\":{\"0\":1,\"16\":1,\"1\":1,\"17\":1,\"5\":1}}");
    sl_arena_release(&arena);
}

/* Topics by the bucket of improved String.hashCode: "a".hashCode = 97 -> bucket 1, "b" 98 -> 2,
 * "orders" = -1008770331 = 0xC3DF62E5 -> ^0xC3DF = ...A13A -> bucket 10, "p" 112 -> 0. */
void test_offsets_topics_by_bucket(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_string_equal(
        round_trip("{\"a\":{\"0\":1},\"b\":{\"0\":2},\"orders\":{\"0\":3},\"p\":{\"0\":4}}"),
        "{\"p\":{\"0\":4},\"a\":{\"0\":1},\"b\":{\"0\":2},\"orders\":{\"0\":3}}");
    sl_arena_release(&arena);
}

/* 12 one-letter topics make the table 32 long before the twelfth put: "p" (112) and "a" (97) change
 * buckets (16 and 1), so "a" comes first again. */
void test_offsets_topic_table_grows(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_buf in = {0}, want = {0};
    const char *names = "abcdefghijkp";
    sl_buf_put_cstr(&in, "{");
    for (int i = 0; names[i]; i++) sl_buf_printf(&in, "%s\"%c\":{\"0\":1}", i ? "," : "", names[i]);
    sl_buf_put_cstr(&in, "}");
    sl_buf_put_str(&want, sl_buf_str(&in)); /* 97..107 -> 1..11, 112 -> 16: as given */
    assert_string_equal(round_trip(sl_buf_cstr(&in)), sl_buf_cstr(&want));
    sl_buf_release(&in);
    sl_buf_release(&want);
    sl_arena_release(&arena);
}

void test_offsets_bad_text_is_refused(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    static const char *const bad[] = {
        "",
        "[]",
        "{\"t\":[1]}",
        "{\"t\":{\"x\":1}}",
        "{\"t\":1}",
        "{\"t\":{\"0\":\"1\"}}",
        "{\"t\":{\"0\":1.5}}",
        "{\"t\":{\"-1\":1}}",
        "{\"t\":{\"0\":1}",
        "{\"t\":{\"99999999999\":1}}",
        "null",
        "{\"t\":{\"0\":99999999999999999999}}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_string_equal(round_trip(bad[i]), "refused");
    sl_arena_release(&arena);
}

void test_assign_text(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets offsets;
    struct sl_err err;
    assert_int_equal(
        sl_kafka_assign_parse(&arena, SL_STR("{\"b\":[2,0],\"a\":[1]}"), &offsets, &err), SL_OK);
    assert_int_equal(offsets.count, 3);
    assert_string_equal(offsets.items[0].topic.ptr, "a");
    assert_int_equal(offsets.items[1].partition, 0);
    assert_int_equal(sl_kafka_assign_parse(&arena, SL_STR("{\"b\":2}"), &offsets, &err), SL_USER);
    assert_int_equal(sl_kafka_assign_parse(&arena, SL_STR("{\"b\":[-2]}"), &offsets, &err),
                     SL_USER);
    sl_arena_release(&arena);
}

void test_offsets_names_are_bounded(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets offsets;
    struct sl_buf in = {0};
    char name[64];
    sl_buf_put_cstr(&in, "{");
    with_partitions(&in, "t", 9);
    sl_buf_put_cstr(&in, "}");
    assert_int_equal(sl_kafka_offsets_parse(&arena, sl_buf_str(&in), "x", &offsets, NULL), SL_OK);
    sl_kafka_offsets_name(name, sizeof name, &offsets);
    assert_string_equal(name, "t-0, t-1, t-2, t-3, t-4 and 4 more");
    sl_kafka_offsets_name(name, 6, &offsets);
    assert_string_equal(name, "t-0, ");
    sl_buf_release(&in);
    sl_arena_release(&arena);
}
