/* Rows of a batch by shard, and late ones. */
#include "random_rows.h"

#include "kern/hash_spark.h"
#include "ops/shards.h"

static struct sl_arena arena;
static struct random_rows rnd;

/* Goal: every selected row that is not late is in the shard of its hash, in order.  Method: a count
 * by hand. */
void test_shard_rows_are_complete(void **state) {
    (void)state;
    const struct sl_type *schema;
    rnd = random_rows_from(5);
    for (uint32_t round = 0; round < 100; round++) {
        struct sl_shard_rows shards = {0};
        struct sl_batch batch;
        uint64_t selected[4];
        int32_t hash;
        sl_arena_init(&arena, "test");
        random_must(
            &rnd, sl_type_parse_schema(&arena, SL_STR("a STRING, t TIMESTAMP"), &schema, &rnd.err));
        sl_batch_init(&batch, schema, &arena);
        batch.rows = random_pick(&rnd, 200);
        rnd.domain = 40;
        for (uint32_t c = 0; c < 2; c++) random_column(&rnd, &batch.columns[c], batch.rows);
        for (uint32_t i = 0; i < batch.rows; i++) sl_bit_put(selected, i, random_pick(&rnd, 3));
        batch.selected = random_pick(&rnd, 2) ? selected : NULL;
        struct sl_event_time time = {1, 0};
        struct sl_batch_marks marks = {.late_ms = random_pick(&rnd, 3) ? 0 : INT64_MIN};
        const struct sl_vec *keys[] = {&batch.columns[0], &batch.columns[1]};
        sl_shard_rows_begin(&shards, &batch);
        uint64_t late = sl_shard_rows_drop_late(&shards, &batch, &time, &marks), late_expected = 0;
        sl_shard_rows_split(&shards, keys, 1);
        uint32_t at[SL_STATE_SHARDS];
        memcpy(at, shards.begin, sizeof at);
        for (uint32_t row = 0; row < batch.rows; row++) {
            if (batch.selected && !sl_bit_get(selected, row)) continue;
            const struct sl_vec *t = keys[1];
            uint32_t p = sl_vec_pos(t, row);
            bool null = sl_vec_is_null(t, row);
            int64_t us = null                    ? 1
                         : t->enc == SL_ENC_DICT ? t->children[0].i64[t->codes[p]]
                                                 : t->i64[p];
            if (marks.late_ms != INT64_MIN && us <= 0) {
                late_expected++;
                continue;
            }
            sl_hash_spark(keys, 1, &row, 1, &hash);
            int32_t shard = (hash % SL_STATE_SHARDS + SL_STATE_SHARDS) % SL_STATE_SHARDS;
            assert_int_equal(shards.rows[at[shard]++], row);
        }
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) assert_int_equal(at[s], shards.begin[s + 1]);
        assert_int_equal(late, late_expected);
        sl_shard_rows_release(&shards);
        sl_batch_release(&batch);
        sl_arena_release(&arena);
    }
}

/* A late row is a fault of its record with the time and the watermark; a record of which another
 * row is in time is none. */
void test_late_records_become_faults(void **state) {
    (void)state;
    enum { ROWS = 5 };
    static const int64_t times[ROWS] = {1000000, 3000000, 1500000, 2000000, 2000001};
    static const uint32_t sources[ROWS] = {0, 1, 1, 2, 3};
    const struct sl_type *schema;
    struct sl_shard_rows shards = {0};
    struct sl_faults faults;
    struct sl_batch batch;
    sl_arena_init(&arena, "test");
    random_must(&rnd,
                sl_type_parse_schema(&arena, SL_STR("event_time TIMESTAMP"), &schema, &rnd.err));
    sl_batch_init(&batch, schema, &arena);
    for (uint32_t i = 0; i < ROWS; i++)
        random_must(&rnd, sl_vec_put_i64(&batch.columns[0], times[i], &rnd.err));
    batch.rows = batch.selected_rows = ROWS;
    batch.source_rows = sources;
    sl_faults_init(&faults);
    struct sl_event_time time = {0, 0};
    struct sl_batch_marks marks = {.late_ms = 2000, .keeps_late = true};
    for (int with = 0; with < 2; with++) {
        sl_faults_begin(&faults, 4);
        batch.faults = with ? &faults : NULL;
        sl_shard_rows_begin(&shards, &batch);
        assert_int_equal(sl_shard_rows_drop_late(&shards, &batch, &time, &marks), 3);
        assert_int_equal(shards.count, 2);
        assert_int_equal(shards.picked[0], 1);
        assert_int_equal(shards.picked[1], 4);
    }
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].row, 0);
    assert_int_equal(faults.items[0].kind, SL_FAULT_LATE);
    assert_true(sl_str_eq(faults.items[0].rule, SL_STR("event_time")));
    assert_true(sl_str_eq(faults.items[0].msg,
                          SL_STR("event time 1970-01-01T00:00:01.000Z is not after the watermark "
                                 "1970-01-01T00:00:02.000Z")));
    assert_int_equal(faults.items[1].row, 2);
    sl_faults_release(&faults);
    sl_shard_rows_release(&shards);
    sl_batch_release(&batch);
    sl_arena_release(&arena);
}

static enum sl_code count_batch(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    uint32_t *sizes = ctx;
    (void)err;
    sizes[sizes[0]++ + 1] = batch->rows;
    return SL_OK;
}

/* No batch is longer than asked for, none is empty. */
void test_emitter_cuts_batches(void **state) {
    (void)state;
    uint32_t sizes[8] = {0};
    const struct sl_type *schema;
    struct sl_emitter emitter;
    sl_arena_init(&arena, "test");
    random_must(&rnd, sl_type_parse_schema(&arena, SL_STR("a INT"), &schema, &rnd.err));
    sl_emitter_init(&emitter, schema, 10, count_batch, sizes);
    random_must(&rnd, sl_emitter_flush(&emitter, &rnd.err));
    for (uint32_t left = 25; left;) {
        uint32_t rows = left < 4 ? left : 4;
        if (rows > sl_emitter_room(&emitter)) rows = sl_emitter_room(&emitter);
        random_must(&rnd, sl_vec_append_null(&emitter.batch.columns[0], rows, &rnd.err));
        random_must(&rnd, sl_emitter_added(&emitter, rows, &rnd.err));
        left -= rows;
    }
    random_must(&rnd, sl_emitter_flush(&emitter, &rnd.err));
    assert_int_equal(sizes[0], 3);
    assert_int_equal(sizes[1], 10);
    assert_int_equal(sizes[2], 10);
    assert_int_equal(sizes[3], 5);
    sl_emitter_release(&emitter);
    sl_arena_release(&arena);
}
