/* Windows of moments: every answer is checked against the definition, which needs no division: the
 * windows [start + k * slide, + duration) for whole k that hold the moment, latest first. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>

#include "kern/calendar_interval.h"
#include "kern/kernels.h"

enum { ROWS = 200, ROUNDS = 60 };

static uint64_t seed = 7;
static int64_t pick(int64_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (int64_t)((seed >> 20) % (uint64_t)bound);
}

static struct sl_vec constant(int64_t *value) {
    struct sl_vec vec;
    sl_vec_init(&vec, &sl_type_long);
    vec.enc = SL_ENC_CONST;
    vec.rows = 1;
    vec.i64 = value;
    return vec;
}

/* The k-th window from the latest on, found by walking from a place surely behind it. */
static int64_t latest(int64_t time, int64_t slide, int64_t start) {
    int64_t at = start;
    while (at <= time) at += slide;
    while (at > time) at -= slide;
    return at;
}

static void check_row(const struct sl_vec *out, uint32_t row, int64_t time, const int64_t *spec) {
    int64_t start = latest(time, spec[1], spec[2]);
    bool list = out->type->kind == SL_ARRAY_KIND;
    const struct sl_vec *window = list ? &out->children[0] : out;
    uint32_t at = list ? (uint32_t)out->offsets[row] : row;
    for (; time < start + spec[0]; start -= spec[1], at++) {
        assert_int_equal(window->children[0].i64[at], start);
        assert_int_equal(window->children[1].i64[at], start + spec[0]);
        if (!list) return;
    }
    assert_int_equal(at, out->offsets[row + 1]);
}

static void check_windows(struct sl_arena *arena, int64_t *spec) {
    struct sl_field fields[2] = {{.name = SL_STR("start"), .type = &sl_type_timestamp},
                                 {.name = SL_STR("end"), .type = &sl_type_timestamp}};
    const struct sl_type *type = sl_type_struct(arena, fields, 2);
    if (spec[0] != spec[1]) type = sl_type_array(arena, type, false);
    struct sl_vec time, out, args[3] = {constant(&spec[0]), constant(&spec[1]), constant(&spec[2])};
    struct sl_err err;
    sl_vec_init(&time, &sl_type_timestamp);
    sl_vec_init(&out, type);
    uint64_t valid[SL_BIT_WORDS(ROWS)];
    for (int i = 0; i < ROWS; i++) {
        assert_int_equal(sl_vec_put_i64(&time, pick(4000) - 2000, &err), SL_OK);
        sl_bit_put(valid, (size_t)i, pick(7) > 0);
    }
    const struct sl_vec *inputs[4] = {&time, &args[0], &args[1], &args[2]};
    struct sl_call call = {
        .args = inputs, .arg_count = 4, .out = &out, .rows = ROWS, .strict_valid = valid};
    assert_int_equal(sl_kernel_time_window(&call, &err), SL_OK);
    out.rows = ROWS;
    for (uint32_t row = 0; row < ROWS; row++) {
        if (sl_bit_get(valid, row))
            check_row(&out, row, time.i64[row], spec);
        else if (out.type->kind == SL_ARRAY_KIND)
            assert_int_equal(out.offsets[row], out.offsets[row + 1]);
        else
            assert_true(sl_vec_is_null(&out.children[0], row));
    }
    sl_vec_release(&time);
    sl_vec_release(&out);
}

void test_windows_against_their_definition(void **state) {
    (void)state;
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    for (int i = 0; i < ROUNDS; i++) {
        int64_t slide = 1 + pick(40), times = 1 + pick(6);
        int64_t duration = slide * times + (times > 1 ? pick(slide) : 0);
        int64_t spec[3] = {i % 3 ? duration : slide, slide, pick(2 * slide - 1) - slide + 1};
        check_windows(&arena, spec);
    }
    sl_arena_release(&arena);
}

/* Source of the answers: Spark's IntervalUtils and CAST(.. AS INTERVAL) of 4.1. */
void test_calendar_interval_texts(void **state) {
    (void)state;
    static const struct {
        const char *text;
        bool ok;
        int64_t months, days, micros;
    } cases[] = {
        {"5 minutes", true, 0, 0, 300000000},
        {" INTERVAL 1 day 2 Hours ", true, 0, 1, INT64_C(7200000000)},
        {"-1.5 seconds", true, 0, 0, -1500000},
        {"1 week -1 day", true, 0, 6, 0},
        {"1 year 2 months", true, 14, 0, 0},
        {"10 milliseconds 7 microseconds", true, 0, 0, 10007},
        {"+ 1 second", true, 0, 0, 1000000},
        {".25 second", true, 0, 0, 250000},
        {"1.5 minutes", false, 0, 0, 0},
        {"5", false, 0, 0, 0},
        {"5minutes", false, 0, 0, 0},
        {"minutes", false, 0, 0, 0},
        {"5 fortnights", false, 0, 0, 0},
        {"", false, 0, 0, 0},
        {"interval", false, 0, 0, 0},
        {"9223372036854775807 hours", false, 0, 0, 0},
        {"99999999999 days", false, 0, 0, 0},
        {"1 day x", false, 0, 0, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_calendar_interval got;
        bool ok = sl_calendar_interval_parse(sl_str(cases[i].text), &got);
        if (ok != cases[i].ok) fail_msg("`%s`: %d", cases[i].text, ok);
        if (!ok) continue;
        assert_int_equal(got.months, cases[i].months);
        assert_int_equal(got.days, cases[i].days);
        assert_int_equal(got.micros, cases[i].micros);
    }
}

/* A day is the wall clock's: of 23 hours where summer time begins. */
void test_calendar_intervals_are_added_by_the_clock(void **state) {
    (void)state;
    const struct sl_zone *berlin = sl_zone_find(SL_STR("Europe/Berlin"));
    assert_non_null(berlin);
    const int64_t before = INT64_C(1711756800000000); /* 2024-03-30 00:00 UTC */
    struct sl_calendar_interval day = {0, 1, 0}, hours = {0, 0, INT64_C(86400000000)};
    int64_t out;
    assert_true(sl_calendar_interval_add(before + INT64_C(36000000000), &day, berlin, &out));
    assert_int_equal(out - before - INT64_C(36000000000), INT64_C(82800000000));
    assert_true(sl_calendar_interval_add(before, &hours, berlin, &out));
    assert_int_equal(out - before, INT64_C(86400000000));
    assert_false(sl_calendar_interval_add(INT64_MAX, &hours, berlin, &out));
}
