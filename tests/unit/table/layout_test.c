/* The histogram against a naive count, and each verdict on both sides of its edge. */
#include "../unit.h"

#include <stdio.h>

#include "base/hash.h"
#include "table/layout.h"

#define MIB (UINT64_C(1) << 20)

static bool judge(const struct sl_layout *layout, enum sl_layout_trouble trouble,
                  const char *part) {
    struct sl_buf what = {0}, help = {0};
    bool found = sl_layout_judge(layout, trouble, SL_STR("/t"), &what, &help);
    if (found) {
        assert_non_null(strstr(sl_buf_cstr(&what), part));
        assert_true(help.len > 0);
    }
    sl_buf_release(&what);
    sl_buf_release(&help);
    return found;
}

static void add(struct sl_layout *layout, int part, uint64_t bytes, int64_t rows, int64_t deleted) {
    char name[32];
    snprintf(name, sizeof name, "p=%d", part);
    sl_layout_add(layout, sl_str(name), (int64_t)bytes, rows, deleted);
}

void test_layout_histogram(void **state) {
    (void)state;
    enum { FILES = 3000, PARTS = 300 };
    uint64_t random = 5, bytes = 0, counts[SL_LAYOUT_BUCKETS] = {0}, small = 0;
    struct sl_layout layout;
    sl_layout_init(&layout, 32 * MIB);
    for (int i = 0; i < FILES; i++) {
        uint64_t size = sl_random_next(&random) >> (30 + sl_random_next(&random) % 30);
        size_t bucket = 0;
        for (size_t b = 0; b < SL_LAYOUT_BUCKETS - 1; b++) bucket += size >= sl_layout_bounds[b];
        counts[bucket]++;
        bytes += size;
        small += size < 32 * MIB;
        add(&layout, i % PARTS, size, 10, 0);
    }
    assert_int_equal(layout.part_count, PARTS);
    assert_int_equal(layout.bytes, bytes);
    assert_int_equal(layout.small_files, small);
    assert_int_equal(layout.rows, 10 * FILES);
    assert_memory_equal(layout.counts, counts, sizeof counts);
    for (size_t i = 0; i < layout.part_count; i++)
        assert_int_equal(layout.parts[i].files, FILES / PARTS);
    sl_layout_release(&layout);
}

void test_layout_small_files(void **state) {
    (void)state;
    struct sl_layout layout;
    sl_layout_init(&layout, 32 * MIB);
    for (int i = 0; i < 19; i++) add(&layout, 0, MIB, -1, 0);
    assert_false(judge(&layout, SL_LAYOUT_SMALL_FILES, ""));
    add(&layout, 0, MIB, 1, 0);
    assert_true(judge(&layout, SL_LAYOUT_SMALL_FILES, "20 of 20 files are small, 1.0 MiB"));
    for (int i = 1; i < 100; i++) add(&layout, i, MIB, 1, 0); /* alone in their partitions */
    assert_false(judge(&layout, SL_LAYOUT_SMALL_FILES, ""));
    assert_true(judge(&layout, SL_LAYOUT_PARTITIONS, "100 partitions hold 1.2 MiB"));
    assert_false(judge(&layout, SL_LAYOUT_DELETED, ""));
    sl_layout_release(&layout);
}

void test_layout_skew_and_deleted(void **state) {
    (void)state;
    struct sl_layout layout;
    sl_layout_init(&layout, 32 * MIB);
    for (int i = 0; i < 9; i++) add(&layout, i % 3, 64 * MIB, 100, 0);
    add(&layout, 3, 2048 * MIB, 100, 112);
    assert_true(judge(&layout, SL_LAYOUT_SKEW, "p=3 holds 2.0 GiB"));
    assert_true(judge(&layout, SL_LAYOUT_DELETED, "112 of 1112 stored rows"));
    add(&layout, 2, 4096 * MIB, 100, 0);
    assert_true(judge(&layout, SL_LAYOUT_SKEW, "p=2 holds"));
    assert_false(judge(&layout, SL_LAYOUT_DELETED, ""));
    sl_layout_release(&layout);
}
