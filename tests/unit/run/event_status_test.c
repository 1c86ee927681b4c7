/* Where event time stands: the next end of a window against a naive search; what is told of clauses
 * and partitions. */
#include "unit.h"

#include <string.h>

#include "base/clock.h"
#include "base/hash.h"
#include "base/json.h"
#include "run/event_status.h"

enum { CLAUSES = 2 };

struct fixture {
    struct sl_arena arena;
    struct sl_watermark clauses[CLAUSES];
    const struct sl_watermark *listed[CLAUSES];
    struct sl_pipes pipes;
    struct sl_watermark_clock clock;
    struct sl_event_status status;
    struct sl_buf text;
    struct sl_json json;
};

static void open_fixture(struct fixture *f, uint32_t clauses) {
    *f = (struct fixture){.clauses = {{.delay_ms = 600000, .name = SL_STR("ts")},
                                      {.number = 1, .delay_ms = 1000, .name = SL_STR("other")}}};
    for (int i = 0; i < CLAUSES; i++) f->listed[i] = &f->clauses[i];
    f->pipes = (struct sl_pipes){.watermarks = f->listed, .watermark_count = clauses};
    sl_arena_init(&f->arena, "test");
    sl_watermark_init(&f->clock, &f->arena, &f->pipes);
    sl_event_status_init(&f->status, &f->arena, &f->pipes, &f->clock);
}

static void close_fixture(struct fixture *f) {
    sl_buf_release(&f->text);
    sl_arena_release(&f->arena);
}

static void note(struct fixture *f, int64_t now_ms, const char *start, const char *end,
                 int64_t first_ms, int64_t second_ms) {
    struct sl_event_times times[CLAUSES] = {{.reached_ms = first_ms, .rows = first_ms >= 0},
                                            {.reached_ms = second_ms, .rows = second_ms >= 0}};
    struct sl_str starts[1] = {sl_str(start)}, ends[1] = {sl_str(end)};
    sl_watermark_advance(&f->clock, &f->pipes, times);
    sl_event_status_note(&f->status, now_ms, starts, ends, 1, times);
}

static const struct sl_json *member(struct fixture *f, const char *name) {
    struct sl_err err;
    sl_buf_clear(&f->text);
    sl_buf_put_byte(&f->text, '{');
    sl_event_status_put_json(&f->text, &f->status, 5000000);
    sl_buf_put_byte(&f->text, '}');
    assert_int_equal(sl_json_parse(&f->arena, sl_buf_str(&f->text), &f->json, &err), SL_OK);
    return sl_json_get(&f->json, sl_str(name));
}

static void expect_text(struct fixture *f, const char *name, const char *want) {
    const struct sl_json *found = member(f, name);
    if (!want) return assert_null(found);
    assert_non_null(found);
    if (!sl_str_eq(found->text, sl_str(want)))
        fail_msg("%s is %.*s, not %s", name, SL_STR_ARG(found->text), want);
}

static void expect_words(struct fixture *f, const char *words) {
    const struct sl_json *found = member(f, "explanation");
    if (sl_str_find(found->text, sl_str(words), 0) == SIZE_MAX)
        fail_msg("`%s` is not in: %.*s", words, SL_STR_ARG(found->text));
}

/* The least end of a window start + k * slide + duration that is later than the watermark, found by
 * trying all of them. */
void test_next_end_is_that_of_a_search(void **state) {
    (void)state;
    struct fixture f;
    uint64_t random = 11;
    open_fixture(&f, 1);
    for (int i = 0; i < 2000; i++) {
        int64_t slide = 1 + (int64_t)(sl_random_next(&random) % 50),
                duration = slide + (int64_t)(sl_random_next(&random) % 120),
                start = (int64_t)(sl_random_next(&random) % (uint64_t)slide);
        f.clock.value_ms = 1 + (int64_t)(sl_random_next(&random) % 5000);
        f.status.slide_us = slide * 1000;
        f.status.duration_us = duration * 1000;
        f.status.start_us = (i % 2 ? start : -start) * 1000;
        int64_t end = f.status.start_us / 1000 + duration - 200 * slide;
        while (end <= f.clock.value_ms) end += slide;
        char want[SL_CLOCK_TEXT_SIZE];
        expect_text(&f, "nextWindowEnd", sl_clock_text(want, end));
        expect_text(&f, "nextWindowNeeds", sl_clock_text(want, end + 600000));
    }
    close_fixture(&f);
}

void test_nothing_without_a_clause_and_little_without_rows(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 0);
    sl_event_status_put_json(&f.text, &f.status, 1);
    assert_int_equal(f.text.len, 0);
    close_fixture(&f);
    open_fixture(&f, 1);
    f.status.slide_us = f.status.duration_us = 1000000;
    expect_text(&f, "newestEvent", NULL);
    expect_text(&f, "nextWindowEnd", NULL);
    expect_words(&f, "no `ts` was seen in this run");
    expect_words(&f, "all waits for later events");
    close_fixture(&f);
}

void test_the_newest_event_and_since_when(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 1);
    note(&f, 1000, "", "{\"t\":{\"0\":5}}", 1000000, -1);
    note(&f, 2000, "{\"t\":{\"0\":5}}", "{\"t\":{\"0\":9}}", 900000, -1); /* older ones only */
    expect_text(&f, "newestEvent", "1970-01-01T00:16:40.000Z");
    expect_text(&f, "newestEventSince", "1970-01-01T00:00:01.000Z");
    expect_text(&f, "nextWatermark", "1970-01-01T00:06:40.000Z");
    expect_text(&f, "watermarkLagMs", "600000");
    expect_text(&f, "newestEventAgeMs", "4000000");
    note(&f, 3000, "", "", 1000001, -1);
    expect_text(&f, "newestEventSince", "1970-01-01T00:00:03.000Z");
    close_fixture(&f);
}

void test_partitions_that_stand(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 1);
    note(&f, 1000, "{\"t\":{\"0\":5,\"1\":7}}", "{\"t\":{\"0\":6,\"1\":7}}", 1, -1);
    expect_text(&f, "partitions", "2");
    expect_text(&f, "idlePartitions", "1");
    note(&f, 2000, "{\"t\":{\"0\":6,\"1\":7}}", "{\"t\":{\"0\":6,\"1\":8,\"2\":0}}", 1, -1);
    const struct sl_json *idle = member(&f, "idle");
    assert_int_equal(idle->count, 2); /* 2 is new and empty */
    assert_true(sl_str_eq(sl_json_get(&idle->items[0], SL_STR("partition"))->text, SL_STR("t-0")));
    assert_true(sl_str_eq(sl_json_get(&idle->items[0], SL_STR("since"))->text,
                          SL_STR("1970-01-01T00:00:01.000Z")));
    expect_words(&f, "2 of 3 partitions brought no rows (they do not hold it back)");
    note(&f, 3000, "", "{\"logOffset\":3}", 1, -1); /* another kind of source has none */
    expect_text(&f, "partitions", "3");
    close_fixture(&f);
}

/* Offsets of a thousand partitions: sixteen are listed, all are counted. */
void test_many_partitions_are_counted(void **state) {
    (void)state;
    struct fixture f;
    struct sl_buf offsets = {0};
    open_fixture(&f, 1);
    for (int i = 0; i < 1000; i++) sl_buf_printf(&offsets, "%s\"%d\":1", i ? "," : "{\"t\":{", i);
    sl_buf_put_cstr(&offsets, "}}");
    note(&f, 1000, sl_buf_cstr(&offsets), sl_buf_cstr(&offsets), 1, -1);
    expect_text(&f, "idlePartitions", "1000");
    assert_int_equal(member(&f, "idle")->count, 16);
    sl_buf_release(&offsets);
    close_fixture(&f);
}

void test_the_clause_that_leads_is_named(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, 2);
    note(&f, 1000, "", "", 1000000, 2000);
    expect_words(&f, "of 2 clauses the watermark follows `other`, which is furthest behind");
    f.clock.max_policy = true;
    expect_words(&f, "of 2 clauses the watermark follows `ts`, which is furthest ahead");
    expect_text(&f, "newestEvent", "1970-01-01T00:16:40.000Z");
    close_fixture(&f);
}
