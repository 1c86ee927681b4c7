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

/* Where only the value is known, as in a checkpoint of Spark's, it stands until the least clause
 * has passed it. */
void test_without_a_record_the_clauses_are_forgotten(void **state) {
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
    struct sl_watermark_clock clock = {0};
    int64_t value = otherwise;
    bool found;
    assert_int_equal(
        sl_watermark_read(sl_str(dir), batch_id, hash, false, &clock, &value, &found, &err), SL_OK);
    return value;
}

static void write_record(const char *dir, int64_t batch_id, uint64_t hash, int64_t value) {
    struct sl_err err;
    struct sl_watermark_clock clock = {.value_ms = value};
    assert_int_equal(sl_watermark_write(sl_str(dir), batch_id, hash, &clock, NULL, NULL, &err),
                     SL_OK);
}

void test_the_record_is_of_one_batch(void **state) {
    (void)state;
    struct sl_err err;
    struct sl_watermark_clock clock = {0};
    char *dir = temp_dir_make();
    assert_int_equal(read_record(dir, 0, 1, 77), 77);
    write_record(dir, 4, 0xABCDEF0123456789, 1234567);
    assert_int_equal(read_record(dir, 4, 0xABCDEF0123456789, 77), 1234567);
    assert_int_equal(read_record(dir, 5, 0xABCDEF0123456789, 77), 77);
    assert_int_equal(read_record(dir, 4, 1, 77), 77);
    write_record(dir, 5, 1, 8);
    assert_int_equal(read_record(dir, 5, 1, 77), 8);
    temp_dir_write(dir, ".sluice/watermark", "{\"batchId\":5}", 13);
    int64_t value = 77;
    bool found;
    assert_int_equal(sl_watermark_read(sl_str(dir), 5, 1, false, &clock, &value, &found, &err),
                     SL_DATA);
    assert_non_null(strstr(err.ctx, ".sluice/watermark"));
    temp_dir_remove(dir);
}

/* A batch is recorded; then it counts as done, or as one that runs again: the clauses are those
 * behind it, or those before it. A query with another number of clauses takes none. */
void test_the_record_knows_the_clauses(void **state) {
    (void)state;
    struct sl_err err;
    struct fixture f;
    char *dir = temp_dir_make();
    int64_t next = 0, clauses[2] = {-1, -1};
    open_fixture(&f, 2);
    batch(&f, 1000, 700);
    struct sl_event_times times[2] = {{.rows = 1, .reached_ms = 5000}, {0}};
    assert_int_equal(sl_watermark_write(sl_str(dir), 1, 9, &f.clock, &f.pipes, times, &err), SL_OK);
    struct sl_watermark_clock clock = {.clause_ms = clauses, .count = 2};
    bool found;
    assert_int_equal(sl_watermark_read(sl_str(dir), 1, 9, true, &clock, &next, &found, &err),
                     SL_OK);
    assert_int_equal(next, 0);
    assert_memory_equal(clauses, f.clock.clause_ms, sizeof clauses);
    assert_int_equal(sl_watermark_read(sl_str(dir), 1, 9, false, &clock, &next, &found, &err),
                     SL_OK);
    assert_int_equal(next, 600);
    assert_true(clauses[0] > f.clock.clause_ms[0] && clauses[1] == f.clock.clause_ms[1]);
    clock = (struct sl_watermark_clock){.clause_ms = (int64_t[]){-1}, .count = 1};
    assert_int_equal(sl_watermark_read(sl_str(dir), 1, 9, false, &clock, &next, &found, &err),
                     SL_OK);
    assert_int_equal(clock.clause_ms[0], -1);
    sl_arena_release(&f.arena);
    temp_dir_remove(dir);
}

static bool wants(struct fixture *f, struct sl_node *node, enum sl_output_mode mode,
                  int64_t last_evict_ms) {
    struct sl_node below = {.kind = SL_NODE_WATERMARK, .watermark = &f->clauses[0]};
    struct sl_node *inputs[] = {&below};
    node->inputs = inputs;
    node->input_count = 1;
    struct sl_state state = {.node = node, .last_evict_ms = last_evict_ms};
    struct sl_states states = {.items = &state, .count = 1};
    return sl_watermark_wants_batch(&f->clock, &states, mode);
}

/* Goal: a watermark that moved asks for a batch as in Spark: of aggregations in append and update
 * mode and of deduplications, though none of their keys has the event time; never in complete mode,
 * nor in the first batch of a process. */
void test_a_moved_watermark_asks_for_a_batch(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 1);
    batch(&f, 1000, -1);
    struct sl_aggregation groups = {.event_time.column = -1, .session = -1};
    struct sl_deduplication keys = {.event_time.column = -1};
    struct sl_node aggregate = {.kind = SL_NODE_AGGREGATE, .aggregation = &groups};
    struct sl_node deduplicate = {.kind = SL_NODE_DEDUPLICATE, .deduplication = &keys};
    assert_true(wants(&f, &aggregate, SL_MODE_UPDATE, 0));
    assert_true(wants(&f, &aggregate, SL_MODE_APPEND, 0));
    assert_false(wants(&f, &aggregate, SL_MODE_COMPLETE, 0));
    assert_false(wants(&f, &aggregate, SL_MODE_UPDATE, 990));
    assert_false(wants(&f, &aggregate, SL_MODE_UPDATE, INT64_MIN));
    assert_true(wants(&f, &deduplicate, SL_MODE_APPEND, 0));
    assert_false(wants(&f, &deduplicate, SL_MODE_APPEND, 990));
    sl_arena_release(&f.arena);
}

/* Two aggregations side by side, as below a UNION: both get the marks. */
void test_branches_of_a_union_are_marked(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 2);
    batch(&f, 1000, 1100);
    struct sl_node below[2], nodes[2], *inputs[2] = {&below[0], &below[1]};
    struct sl_state items[2];
    for (int i = 0; i < 2; i++) {
        below[i] = (struct sl_node){.kind = SL_NODE_WATERMARK, .watermark = &f.clauses[i]};
        nodes[i] =
            (struct sl_node){.kind = SL_NODE_AGGREGATE, .inputs = &inputs[i], .input_count = 1};
        items[i] = (struct sl_state){.node = &nodes[i]};
    }
    struct sl_states states = {.items = items, .count = 2};
    sl_watermark_mark(&f.clock, &states);
    for (int i = 0; i < 2; i++) assert_int_equal(items[i].marks.evict_ms, 990);
    sl_arena_release(&f.arena);
}

/* With one clause the value of the query is the clause's; with two it could be either's. */
void test_without_a_record(void **state) {
    (void)state;
    int64_t clauses[2] = {-1, -1};
    struct sl_watermark_clock one = {.clause_ms = clauses, .count = 1, .value_ms = 900},
                              two = {.clause_ms = clauses, .count = 2, .value_ms = 900}, none = {0};
    assert_false(sl_watermark_without_record(&two));
    assert_int_equal(clauses[0], -1);
    assert_true(sl_watermark_without_record(&one));
    assert_int_equal(clauses[0], 900);
    assert_true(sl_watermark_without_record(&none));
}
