#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <math.h>

#include "base/hash.h"
#include "conn/kafka/kafka_plan.h"

static struct sl_arena arena;

static struct sl_kafka_offsets parse(const char *text) {
    struct sl_kafka_offsets offsets;
    assert_int_equal(sl_kafka_offsets_parse(&arena, sl_str(text), "x", &offsets, NULL), SL_OK);
    return offsets;
}
static int64_t at(const struct sl_kafka_offsets *offsets, int partition) {
    return sl_kafka_offsets_find(offsets, SL_STR("t"), partition)->offset;
}

/* Spark's rateLimit: proportional, floor above one, ceil below, never past the end. */
void test_limit_is_shared_by_backlog(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets start = parse("{\"t\":{\"0\":0,\"1\":100,\"2\":7}}");
    struct sl_kafka_offsets latest = parse("{\"t\":{\"0\":900,\"1\":200,\"2\":7}}");
    struct sl_kafka_offsets end = sl_kafka_plan_limit(&arena, 100, &start, &latest);
    assert_int_equal(at(&end, 0), 90);
    assert_int_equal(at(&end, 1), 110);
    assert_int_equal(at(&end, 2), 7);
    /* A tiny share still moves by one, so the total may exceed the limit. */
    latest = parse("{\"t\":{\"0\":1000000,\"1\":101,\"2\":8}}");
    end = sl_kafka_plan_limit(&arena, 10, &start, &latest);
    assert_int_equal(at(&end, 0), 9);
    assert_int_equal(at(&end, 1), 101);
    assert_int_equal(at(&end, 2), 8);
    sl_arena_release(&arena);
}

/* A partition that went backwards, and one the start does not know, go to their latest. */
void test_limit_leaves_odd_partitions_alone(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets start = parse("{\"t\":{\"0\":50,\"1\":0}}");
    struct sl_kafka_offsets latest = parse("{\"t\":{\"0\":20,\"1\":10,\"2\":99}}");
    struct sl_kafka_offsets end = sl_kafka_plan_limit(&arena, 5, &start, &latest);
    assert_int_equal(at(&end, 0), 20);
    assert_int_equal(at(&end, 1), 5);
    assert_int_equal(at(&end, 2), 99);
    latest = parse("{\"t\":{\"0\":50,\"1\":0}}");
    end = sl_kafka_plan_limit(&arena, 5, &start, &latest);
    assert_true(sl_kafka_offsets_equal(&end, &latest));
    sl_arena_release(&arena);
}

void test_delay_waits_for_enough_or_long_enough(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets start = parse("{\"t\":{\"0\":0}}"), few = parse("{\"t\":{\"0\":5}}");
    struct sl_kafka_offsets many = parse("{\"t\":{\"0\":10}}");
    /* The first trigger (last = 0) always runs. */
    assert_false(sl_kafka_plan_delay(10, 900000, 1700000000000, 0, &start, &few));
    assert_true(sl_kafka_plan_delay(10, 900000, 1000100, 1000000, &start, &few));
    assert_false(sl_kafka_plan_delay(10, 900000, 1000100, 1000000, &start, &many));
    assert_false(sl_kafka_plan_delay(10, 900000, 1900000, 1000000, &start, &few));
    sl_arena_release(&arena);
}

void test_ranges_skip_empty_and_unknown(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets start = parse("{\"t\":{\"0\":5,\"1\":5,\"2\":9}}");
    struct sl_kafka_offsets end = parse("{\"t\":{\"0\":5,\"1\":8,\"2\":3,\"3\":4}}");
    struct sl_kafka_ranges ranges = sl_kafka_plan_ranges(&arena, &start, &end);
    assert_int_equal(ranges.count, 1);
    assert_int_equal(ranges.items[0].partition, 1);
    assert_int_equal(ranges.items[0].begin, 5);
    assert_int_equal(ranges.items[0].end, 8);
    sl_arena_release(&arena);
}

/* KafkaOffsetRangeCalculatorSuite's cases: one partition in three; a skewed pair; small ones are
 * left whole. */
void test_cut_to_min_partitions(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_kafka_offsets start = parse("{\"t\":{\"0\":1,\"1\":1}}");
    struct sl_kafka_offsets end = parse("{\"t\":{\"0\":5,\"1\":1}}");
    struct sl_kafka_ranges ranges = sl_kafka_plan_ranges(&arena, &start, &end);
    struct sl_kafka_ranges cut = sl_kafka_plan_cut(&arena, ranges, 3, 0);
    assert_int_equal(cut.count, 3);
    assert_int_equal(cut.items[0].end, 2);
    assert_int_equal(cut.items[1].end, 3);
    assert_int_equal(cut.items[2].end, 5);

    end = parse("{\"t\":{\"0\":2,\"1\":21}}");
    ranges = sl_kafka_plan_ranges(&arena, &start, &end);
    cut = sl_kafka_plan_cut(&arena, ranges, 4, 0);
    assert_int_equal(cut.count, 4);
    assert_int_equal(cut.items[0].end - cut.items[0].begin, 1);
    assert_int_equal(cut.items[1].begin, 1);
    assert_int_equal(cut.items[1].end, 7);
    assert_int_equal(cut.items[3].end, 21);
    cut = sl_kafka_plan_cut(&arena, ranges, 2, 0);
    assert_int_equal(cut.count, 2);
    cut = sl_kafka_plan_cut(&arena, ranges, 0, 6);
    assert_int_equal(cut.count, 1 + 4);
    sl_arena_release(&arena);
}

/* Whatever is cut and dealt covers exactly the ranges, once. Random offsets, a sum as the twin. */
void test_cut_and_deal_cover_everything(void **state) {
    (void)state;
    uint64_t seed = 42;
    for (int round = 0; round < 300; round++) {
        sl_arena_init(&arena, "test");
        struct sl_kafka_range items[12];
        struct sl_kafka_ranges ranges = {items, (uint32_t)(sl_random_next(&seed) % 12)};
        int64_t total = 0;
        for (uint32_t i = 0; i < ranges.count; i++) {
            int64_t size = 1 + (int64_t)(sl_random_next(&seed) % 1000);
            items[i] = (struct sl_kafka_range){SL_STR("t"), (int32_t)i, 10, 10 + size};
            total += size;
        }
        int64_t min = (int64_t)(sl_random_next(&seed) % 40),
                max = (int64_t)(sl_random_next(&seed) % 300);
        struct sl_kafka_ranges cut = sl_kafka_plan_cut(&arena, ranges, min, max);
        uint32_t tasks = 1 + (uint32_t)(sl_random_next(&seed) % 5), count = 0;
        struct sl_kafka_split *splits = sl_kafka_plan_deal(&arena, cut, tasks, &count);
        assert_true(count <= tasks);
        assert_true(count <= cut.count);
        int64_t covered = 0;
        uint32_t pieces = 0;
        for (uint32_t s = 0; s < count; s++)
            for (uint32_t i = 0; i < splits[s].ranges.count; i++, pieces++) {
                const struct sl_kafka_range *range = &splits[s].ranges.items[i];
                assert_true(range->end > range->begin);
                assert_true(max == 0 || range->end - range->begin <= max);
                covered += range->end - range->begin;
                for (uint32_t j = 0; j < i; j++) {
                    const struct sl_kafka_range *other = &splits[s].ranges.items[j];
                    assert_true(other->partition != range->partition ||
                                other->end <= range->begin || range->end <= other->begin);
                }
            }
        assert_int_equal(covered, total);
        assert_int_equal(pieces, cut.count);
        sl_arena_release(&arena);
    }
}
