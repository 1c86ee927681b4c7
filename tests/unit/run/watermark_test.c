/* The watermark of a query: Spark's WatermarkTracker, with several clauses, policies and restarts;
 * and what of it reaches operators that stand behind one another. */
#include "unit.h"

#include <string.h>

#include "run/watermark.h"
#include "temp_dir.h"

struct fixture {
    struct sl_arena arena;
    struct sl_err err;
    struct sl_watermark clauses[2];
    const struct sl_watermark *listed[2];
    struct sl_pipes pipes;
    struct sl_watermark_clock clock;
};

static void open_fixture(struct fixture *f, uint32_t clauses) {
    *f = (struct fixture){
        .clauses = {{.number = 0, .delay_ms = 10}, {.number = 1, .delay_ms = 100}}};
    f->listed[0] = &f->clauses[0];
    f->listed[1] = &f->clauses[1];
    f->pipes = (struct sl_pipes){.watermarks = f->listed, .watermark_count = clauses};
    sl_arena_init(&f->arena, "test");
    sl_watermark_init(&f->clock, &f->arena, &f->pipes);
}

/* max_ms -1: a clause without rows */
static void batch(struct fixture *f, int64_t first_ms, int64_t second_ms) {
    struct sl_event_times times[2] = {{.reached_ms = first_ms, .rows = first_ms >= 0},
                                      {.reached_ms = second_ms, .rows = second_ms >= 0}};
    sl_watermark_advance(&f->clock, &f->pipes, times);
}

void test_one_clause_never_goes_back(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 1);
    static const int64_t maxima[][3] = {/* seen, watermark behind it, late rows of the next batch */
                                        {5, 0, 0},
                                        {1000, 990, 0},
                                        {500, 990, 990},
                                        {-1, 990, 990},
                                        {1001, 991, 990}};
    for (size_t i = 0; i < sizeof maxima / sizeof *maxima; i++) {
        batch(&f, maxima[i][0], -1);
        assert_int_equal(f.clock.value_ms, maxima[i][1]);
        assert_int_equal(f.clock.late_ms, maxima[i][2]);
    }
    sl_arena_release(&f.arena);
}

void test_the_least_of_several_or_the_largest(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 2);
    batch(&f, 1000, -1); /* the second clause counts as 0 */
    assert_int_equal(f.clock.value_ms, 0);
    batch(&f, -1, 700);
    assert_int_equal(f.clock.value_ms, 600);
    batch(&f, -1, 5000);
    assert_int_equal(f.clock.value_ms, 990);
    sl_arena_release(&f.arena);
    open_fixture(&f, 2);
    f.clock.max_policy = true;
    batch(&f, 1000, -1);
    assert_int_equal(f.clock.value_ms, 990);
    batch(&f, -1, 5000);
    assert_int_equal(f.clock.value_ms, 4900);
    sl_arena_release(&f.arena);
}

/* Behind a restart only the value is known: it stands until the least clause has passed it. */
void test_a_restart_forgets_the_clauses(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 2);
    f.clock.value_ms = 900;
    batch(&f, 5000, -1);
    assert_int_equal(f.clock.value_ms, 900);
    batch(&f, -1, 2000);
    assert_int_equal(f.clock.value_ms, 1900);
    sl_arena_release(&f.arena);
}

static int64_t read_record(const char *dir, int64_t batch_id, uint64_t hash, int64_t otherwise) {
    struct sl_err err;
    int64_t value = otherwise;
    assert_int_equal(sl_watermark_read(sl_str(dir), batch_id, hash, &value, &err), SL_OK);
    return value;
}

void test_the_record_is_of_one_batch(void **state) {
    (void)state;
    struct sl_err err;
    char *dir = temp_dir_make();
    assert_int_equal(read_record(dir, 0, 1, 77), 77);
    assert_int_equal(sl_watermark_write(sl_str(dir), 4, 0xABCDEF0123456789, 1234567, &err), SL_OK);
    assert_int_equal(read_record(dir, 4, 0xABCDEF0123456789, 77), 1234567);
    assert_int_equal(read_record(dir, 5, 0xABCDEF0123456789, 77), 77);
    assert_int_equal(read_record(dir, 4, 1, 77), 77);
    assert_int_equal(sl_watermark_write(sl_str(dir), 5, 1, 8, &err), SL_OK);
    assert_int_equal(read_record(dir, 5, 1, 77), 8);
    temp_dir_write(dir, ".sluice/watermark", "{\"batchId\":5}", 13);
    int64_t value = 77;
    assert_int_equal(sl_watermark_read(sl_str(dir), 5, 1, &value, &err), SL_DATA);
    assert_non_null(strstr(err.ctx, ".sluice/watermark"));
    temp_dir_remove(dir);
}
