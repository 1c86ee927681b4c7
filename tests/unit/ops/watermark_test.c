/* Goal: the noted event times are those of a walk over the rows of the selection, one by one.
 * Method: random batches of every encoding against a naive twin. */
#include "unit.h"

#include <stdlib.h>

#include "base/hash.h"
#include "ops/op.h"

static struct sl_err err;
static uint64_t seed;

static uint64_t pick(uint64_t bound) { return sl_random_next(&seed) % bound; }

static void must(enum sl_code code) {
    if (code != SL_OK) fail_msg("%s", err.msg);
}

static int64_t random_time(void) {
    static const int64_t edges[] = {INT64_MIN, INT64_MAX, -1, 0, 999, 1000, -1000, -1001};
    if (pick(40) == 0) return edges[pick(8)];
    return (int64_t)pick(4000000) - 2000000;
}

static void put_time(struct sl_vec *vec) {
    must(pick(6) ? sl_vec_put_i64(vec, random_time(), &err) : sl_vec_append_null(vec, 1, &err));
}

static void put_window(struct sl_vec *vec) {
    if (pick(6) == 0) {
        must(sl_vec_append_null(vec, 1, &err));
        return;
    }
    must(sl_vec_reserve(vec, vec->rows + 1, &err));
    if (vec->valid) {
        must(sl_vec_reserve_valid(vec, vec->rows + 1, &err));
        sl_bit_set(vec->valid, vec->rows);
    }
    put_time(&vec->children[0]);
    put_time(&vec->children[1]);
    vec->rows++;
}

static void fill(struct sl_vec *vec, uint32_t rows, uint64_t shape) {
    bool window = vec->type->kind == SL_STRUCT_KIND;
    must(sl_vec_reserve(vec, 1, &err));
    if (shape == 1 && !window) {
        sl_vec_clear(vec);
        must(sl_vec_reserve_dict(vec, rows, &err));
        for (int i = 0; i < 5; i++) must(sl_vec_put_i64(&vec->children[0], random_time(), &err));
        for (uint32_t i = 0; i < rows; i++) vec->codes[i] = (int32_t)pick(5);
        if (rows) must(sl_vec_reserve_valid(vec, rows, &err));
        for (uint32_t i = 0; i < rows; i++) sl_bit_put(vec->valid, i, pick(4) != 0);
        vec->rows = rows;
        return;
    }
    bool constant = shape == 2 && rows;
    for (uint32_t i = 0; i < (constant ? 1 : rows); i++) {
        if (window)
            put_window(vec);
        else
            put_time(vec);
    }
    if (constant) vec->enc = SL_ENC_CONST;
    vec->rows = rows;
}

static int64_t floor_div(int64_t a, int64_t b) { return a / b - (a % b < 0); }

/* The time of a row as its definition says it, read through a copy of the one row. */
static int64_t time_of(const struct sl_vec *vec, uint32_t row) {
    struct sl_vec one;
    sl_vec_init(&one, vec->type);
    must(sl_vec_append(&one, vec, &row, 1, &err));
    const struct sl_vec *at = vec->type->kind == SL_STRUCT_KIND ? &one.children[1] : &one;
    int64_t us = sl_vec_is_null(at, 0) ? 0 : at->i64[0];
    sl_vec_release(&one);
    return floor_div(us, 1000);
}

static void twin(struct sl_event_times *times, const struct sl_vec *vec, uint32_t rows,
                 const uint64_t *selected) {
    for (uint32_t row = 0; row < rows; row++) {
        if (selected && !sl_bit_get(selected, row)) continue;
        int64_t ms = time_of(vec, row);
        if (!times->rows || ms > times->max_ms) times->max_ms = ms;
        if (!times->rows || ms < times->min_ms) times->min_ms = ms;
        times->sum_ms += (double)ms;
        times->rows++;
    }
}

static void run(const struct sl_type *type) {
    struct sl_op *op = sl_watermark_new(0, -1, false);
    const struct sl_event_times *noted = sl_watermark_times(op);
    struct sl_event_times expected = {0};
    struct sl_vec vec;
    sl_vec_init(&vec, type);
    for (int batches = 0; batches < 4; batches++) {
        uint32_t rows = (uint32_t)pick(pick(2) ? 5 : 300);
        uint64_t bits[8];
        bool narrowed = pick(2);
        sl_vec_clear(&vec);
        fill(&vec, rows, pick(4));
        for (int i = 0; i < 8; i++) bits[i] = pick(3) ? sl_random_next(&seed) : ~UINT64_C(0);
        struct sl_batch batch = {.rows = rows, .selected_rows = rows, .columns = &vec}, *out;
        if (narrowed) batch.selected = bits;
        if (narrowed) batch.selected_rows = (uint32_t)sl_bits_count(bits, rows);
        must(op->ops->process(op, NULL, &batch, &out, &err));
        assert_ptr_equal(out, &batch);
        twin(&expected, &vec, rows, batch.selected);
        assert_int_equal(noted->rows, expected.rows);
        if (!expected.rows) continue;
        assert_int_equal(noted->max_ms, expected.max_ms);
        assert_int_equal(noted->min_ms, expected.min_ms);
        assert_true(noted->sum_ms - expected.sum_ms <= 1e3 &&
                    expected.sum_ms - noted->sum_ms <= 1e3);
    }
    sl_vec_release(&vec);
    sl_op_free(op);
}

void test_event_times_of_every_encoding(void **state) {
    (void)state;
    const char *given = getenv("SLUICE_TEST_SEED");
    seed = given ? strtoull(given, NULL, 10) : 7;
    print_message("seed %llu\n", (unsigned long long)seed);
    struct sl_arena arena;
    const struct sl_type *window;
    sl_arena_init(&arena, "test");
    must(sl_type_parse(&arena, SL_STR("STRUCT<start: TIMESTAMP, end: TIMESTAMP>"), &window, &err));
    for (int i = 0; i < 500; i++) run(pick(2) ? &sl_type_timestamp : window);
    sl_arena_release(&arena);
}

/* NULL is time 0 for all three, as UnsafeRow.getLong gives it; only rows of the selection count. */
void test_null_is_time_zero(void **state) {
    (void)state;
    struct sl_op *op = sl_watermark_new(0, -1, false);
    const struct sl_event_times *noted = sl_watermark_times(op);
    struct sl_vec vec;
    uint64_t selected = 0x3;
    sl_vec_init(&vec, &sl_type_timestamp);
    must(sl_vec_put_i64(&vec, 5999, &err));
    must(sl_vec_append_null(&vec, 1, &err));
    must(sl_vec_put_i64(&vec, 9000, &err));
    struct sl_batch batch = {.rows = 3, .selected = &selected, .selected_rows = 2, .columns = &vec},
                    *out;
    assert_int_equal(noted->rows, 0);
    must(op->ops->process(op, NULL, &batch, &out, &err));
    assert_int_equal(noted->rows, 2);
    assert_int_equal(noted->max_ms, 5);
    assert_int_equal(noted->min_ms, 0);
    assert_true(noted->sum_ms == 5);
    int64_t left = 1;
    struct sl_op *limit = sl_limit_new(&left);
    assert_null(sl_watermark_times(limit));
    sl_op_free(limit);
    sl_op_free(op);
    sl_vec_release(&vec);
}

/* Beyond the limit a time counts for the statistics, not for the watermark. */
void test_times_far_ahead_do_not_move_the_watermark(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_batch batch, *out;
    struct sl_session session = {.batch_timestamp_us = 1000000};
    struct sl_field field = {.name = SL_STR("ts"), .type = &sl_type_timestamp};
    sl_arena_init(&arena, "test");
    sl_batch_init(&batch, sl_type_struct(&arena, &field, 1), &arena);
    static const int64_t times_ms[] = {900, 1400, 1501, 99999, 1500};
    for (int i = 0; i < 5; i++)
        assert_int_equal(sl_vec_put_i64(&batch.columns[0], times_ms[i] * 1000, &err), SL_OK);
    batch.rows = batch.selected_rows = 5;
    struct sl_op *op = sl_watermark_new(0, 500, false);
    assert_int_equal(op->ops->process(op, &session, &batch, &out, &err), SL_OK);
    const struct sl_event_times *times = sl_watermark_times(op);
    assert_int_equal(times->max_ms, 99999);
    assert_int_equal(times->reached_ms, 1500);
    assert_int_equal(times->ahead, 2);
    assert_int_equal(times->rows, 5);
    sl_op_free(op);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}
