/* Rows that wait on disk for a shard, and when shards are closed. */
#include "rows_test_util.h"

#include "temp_dir.h"

#include "ops/shards.h"
#include "ops/spill.h"

static const char *const schemas[2] = {
    "k STRING, n BIGINT, d DOUBLE, t TIMESTAMP, b BOOLEAN, x DECIMAL(30,4), a ARRAY<STRING>, "
    "s STRUCT<u: INT, v: STRING>, m MAP<STRING, INT>, y BINARY",
    "k STRING, z DATE"};

/* Rows by shard and input, as the test expects them and as they come back. */
struct waiting_rows {
    struct sl_batch expected[SL_STATE_SHARDS][2], got[2];
};

static enum sl_code take(void *ctx, uint32_t input, struct sl_batch *rows, struct sl_err *err) {
    struct waiting_rows *waiting = ctx;
    return rows_collect(&waiting->got[input], rows, err);
}

static void init_rows(struct rows_bench *b, struct waiting_rows *waiting,
                      const struct sl_type *const *inputs) {
    for (uint32_t i = 0; i < 2; i++) {
        rows_init_table(b, &waiting->got[i], inputs[i]);
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
            rows_init_table(b, &waiting->expected[s][i], inputs[i]);
    }
}

static void release_rows(struct waiting_rows *waiting) {
    for (uint32_t i = 0; i < 2; i++) {
        sl_batch_release(&waiting->got[i]);
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) sl_batch_release(&waiting->expected[s][i]);
    }
}

/* Diverts a random batch; what belongs to closed shards is noted, the rest has to stay. */
static void divert_batch(struct rows_bench *b, struct sl_spill *spill, uint32_t input,
                         const struct sl_type *schema, uint32_t closed,
                         struct waiting_rows *waiting) {
    struct sl_shard_rows rows = {0};
    struct sl_batch batch;
    sl_batch_init(&batch, schema, &b->arena);
    rows_make_batch(b, &batch, rows_pick(b, 700), rows_pick(b, 2) ? 3 : 30);
    const struct sl_vec *keys[] = {&batch.columns[0]};
    sl_shard_rows_begin(&rows, &batch);
    sl_shard_rows_split(&rows, keys, 1);
    uint32_t *before = sl_xmalloc((rows.count + 1) * sizeof *before), at[SL_STATE_SHARDS + 1];
    if (rows.count) memcpy(before, rows.rows, rows.count * sizeof *before);
    memcpy(at, rows.begin, sizeof at);
    rows_ok(sl_spill_divert(spill, input, &batch, &rows, &b->err), &b->err);
    uint32_t stayed = 0;
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) {
        uint32_t count = at[s + 1] - at[s], left = rows.begin[s + 1] - rows.begin[s];
        struct sl_batch *to = &waiting->expected[s][input];
        assert_int_equal(left, closed >> s & 1 ? 0 : count);
        for (uint32_t i = 0; i < left; i++)
            assert_int_equal(rows.rows[rows.begin[s] + i], before[at[s] + i]);
        stayed += left;
        if (!(closed >> s & 1)) continue;
        for (uint32_t c = 0; c < schema->field_count; c++)
            rows_ok(
                sl_vec_append(&to->columns[c], &batch.columns[c], before + at[s], count, &b->err),
                &b->err);
        to->rows = to->selected_rows = to->rows + count;
    }
    assert_int_equal(rows.count, stayed);
    free(before);
    sl_shard_rows_release(&rows);
    sl_batch_release(&batch);
}

static void check_back(struct rows_bench *b, struct sl_spill *spill, uint32_t shard,
                       struct waiting_rows *waiting) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < 2; i++) {
        rows_clear_table(b, &waiting->got[i]);
        rows += waiting->expected[shard][i].rows;
    }
    assert_int_equal(sl_spill_waiting_rows(spill, shard), rows);
    rows_ok(sl_spill_take_back(spill, shard, take, waiting, &b->err), &b->err);
    assert_int_equal(sl_spill_waiting_rows(spill, shard), 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct sl_batch *expected = &waiting->expected[shard][i];
        assert_int_equal(waiting->got[i].rows, expected->rows);
        for (uint32_t row = 0; row < expected->rows; row++)
            assert_true(rows_equal(expected, row, &waiting->got[i], row));
    }
}

static void check_round(struct rows_bench *b, const char *dir) {
    const struct sl_type *inputs[2] = {rows_schema(b, schemas[0]), rows_schema(b, schemas[1])};
    struct sl_budget budget;
    struct waiting_rows *waiting = sl_xcalloc(1, sizeof *waiting);
    sl_budget_init(&budget, 0);
    struct sl_spill_spec spec = {
        .dir = dir, .inputs = {inputs[0], inputs[1]}, .input_count = 2, .budget = &budget};
    struct sl_spill *spill = sl_spill_new(&spec);
    uint32_t closed = rows_pick(b, 1 << SL_STATE_SHARDS);
    init_rows(b, waiting, inputs);
    sl_spill_begin(spill, closed);
    for (uint32_t i = rows_pick(b, 12); i > 0; i--) {
        uint32_t input = rows_pick(b, 2);
        divert_batch(b, spill, input, inputs[input], closed, waiting);
    }
    assert_int_equal(sl_spill_end(spill), closed);
    if (rows_pick(b, 4))
        for (uint32_t s = 0; s < SL_STATE_SHARDS; s++) check_back(b, spill, s, waiting);
    sl_spill_begin(spill, 0); /* what was not taken back is forgotten */
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        assert_int_equal(sl_spill_waiting_rows(spill, s), 0);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_spill_free(spill);
    release_rows(waiting);
    free(waiting);
}

/* Goal: exactly the rows of closed shards leave a batch, and come back with all their values, in
 * order, by their input.  Method: random rows of all types in all encodings; of few keys, so that
 * some shards fill blocks, and of many. */
void test_rows_come_back(void **state) {
    (void)state;
    struct rows_bench b;
    rows_begin(&b, 7);
    char *dir = temp_dir_make();
    for (int round = 0; round < 30; round++) check_round(&b, dir);
    temp_dir_remove(dir);
    rows_end(&b);
}

/* Diverts `count` rows with a text of `length` bytes each; returns how many bytes are on disk. */
static uint64_t divert_texts(struct rows_bench *b, struct sl_spill *spill,
                             const struct sl_type *schema, uint32_t count, uint32_t length) {
    struct sl_shard_rows rows = {0};
    struct sl_batch batch;
    char *text = sl_xmalloc(length);
    memset(text, 'x', length);
    sl_batch_init(&batch, schema, &b->arena);
    for (uint32_t i = 0; i < count; i++)
        rows_ok(sl_vec_put_str(&batch.columns[0], (struct sl_str){text, length}, &b->err), &b->err);
    batch.rows = batch.selected_rows = count;
    sl_shard_rows_begin(&rows, &batch);
    sl_shard_rows_split(&rows, NULL, 0);
    rows_ok(sl_spill_divert(spill, 0, &batch, &rows, &b->err), &b->err);
    sl_shard_rows_release(&rows);
    sl_batch_release(&batch);
    free(text);
    return sl_spill_bytes(spill);
}

static enum sl_code count_texts(void *ctx, uint32_t input, struct sl_batch *rows,
                                struct sl_err *err) {
    uint64_t *bytes = ctx;
    (void)input, (void)err;
    for (uint32_t i = 0; i < rows->rows; i++) *bytes += sl_vec_str(&rows->columns[0], i).len;
    return SL_OK;
}

/* Goal: short rows are gathered into blocks, long ones do not gather in memory. */
void test_long_rows_leave_memory_at_once(void **state) {
    (void)state;
    struct rows_bench b;
    struct sl_budget all, part;
    uint64_t bytes = 0;
    rows_begin(&b, 3);
    char *dir = temp_dir_make();
    sl_budget_init(&all, 0);
    sl_budget_init_part(&part, &all);
    struct sl_spill_spec spec = {
        .dir = dir, .inputs = {rows_schema(&b, "k STRING")}, .input_count = 1, .budget = &part};
    struct sl_spill *spill = sl_spill_new(&spec);
    sl_spill_begin(spill, (1 << SL_STATE_SHARDS) - 1);
    assert_int_equal(divert_texts(&b, spill, spec.inputs[0], 300, 10), 0);
    assert_true(divert_texts(&b, spill, spec.inputs[0], 100, 100000) > 9900000);
    uint32_t closed = sl_spill_end(spill);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        rows_ok(sl_spill_take_back(spill, s, count_texts, &bytes, &b.err), &b.err);
    assert_int_equal(closed, (1 << SL_STATE_SHARDS) - 1);
    assert_int_equal(bytes, 300 * 10 + 100 * 100000);
    sl_spill_free(spill);
    assert_int_equal(atomic_load(&all.used_bytes), 0);
    temp_dir_remove(dir);
    rows_end(&b);
}

/* An operator of which a shard has as much as the test says; `large` has twice as much. */
struct sized {
    struct sl_stateful base;
    size_t bytes;
    uint32_t large;
};
static void size_of(struct sl_stateful *stateful, uint32_t shard, struct sl_shard_size *out) {
    const struct sized *sized = (const struct sized *)stateful;
    *out = (struct sl_shard_size){.bytes = sized->bytes << (shard == sized->large)};
}

static uint32_t closed_mask(struct rows_bench *b, struct sl_spill *spill,
                            const struct sl_type *schema, uint32_t calls) {
    struct sl_batch batch;
    sl_batch_init(&batch, schema, &b->arena);
    for (uint32_t i = 0; i < calls; i++) {
        struct sl_shard_rows rows = {0};
        sl_shard_rows_begin(&rows, &batch);
        sl_shard_rows_split(&rows, NULL, 0);
        rows_ok(sl_spill_divert(spill, 0, &batch, &rows, &b->err), &b->err);
        sl_shard_rows_release(&rows);
    }
    sl_batch_release(&batch);
    return sl_spill_end(spill);
}

static uint32_t closed_after(struct rows_bench *b, struct sl_spill *spill,
                             const struct sl_type *schema, uint32_t calls) {
    return (uint32_t)__builtin_popcount(closed_mask(b, spill, schema, calls));
}

/* Goal: the largest shard is the first to close, and a batch that brings much closes several at
 * once; shards with nothing in them do not stop it. */
void test_the_largest_shard_closes_first(void **state) {
    (void)state;
    static const struct sl_stateful_ops ops = {.size = size_of};
    struct rows_bench b;
    struct sl_budget all, part;
    struct sized sized = {.base = {.ops = &ops}, .bytes = 1 << 20, .large = 9};
    rows_begin(&b, 1);
    const struct sl_type *schema = rows_schema(&b, "k STRING");
    sl_budget_init(&all, 100 << 20);
    sl_budget_init_part(&part, &all);
    struct sl_spill_spec spec = {
        .stateful = &sized.base, .inputs = {schema}, .input_count = 1, .budget = &part};
    struct sl_spill *spill = sl_spill_new(&spec);
    atomic_store(&part.used_bytes, (SL_SPILL_FIRST + 1) << 20);
    sl_spill_begin(spill, 0);
    assert_int_equal(closed_mask(&b, spill, schema, 1), 1 << 9);
    sized.bytes = 300 << 10; /* the others are not worth it */
    atomic_store(&part.used_bytes, (SL_SPILL_FIRST + 5) << 20);
    sl_spill_begin(spill, 0);
    assert_int_equal(closed_mask(&b, spill, schema, 40), 1 << 9);
    sized.bytes = 1 << 20;
    sl_spill_begin(spill, 0);
    assert_int_equal(closed_after(&b, spill, schema, 1), 5);
    sl_spill_free(spill);
    rows_end(&b);
}

/* Goal: shards close one by one as memory fills, none below the first share or while others hold
 * the memory, and none once all rows are in. */
void test_shards_close_as_memory_fills(void **state) {
    (void)state;
    static const struct sl_stateful_ops ops = {.size = size_of};
    static const struct {
        size_t part_percent, all_percent, shard_bytes;
        uint32_t closed;
    } cases[] = {{10, 70, 1 << 20, 0},
                 {SL_SPILL_FIRST, 70, 1 << 20, 0},
                 {SL_SPILL_FIRST + 1, 70, 1 << 20, 1},
                 {SL_SPILL_FIRST + 5, 70, 1 << 20, 5},
                 {90, 90, 1 << 20, SL_STATE_SHARDS},
                 {10, SL_SPILL_OF_ALL + 1, 1 << 20, SL_STATE_SHARDS}, /* others need it */
                 {10, SL_SPILL_OF_ALL + 1, 1 << 10, 0}};              /* and nothing is gained */
    struct rows_bench b;
    struct sl_budget all, part;
    struct sized sized = {.base = {.ops = &ops}, .large = SL_STATE_SHARDS};
    rows_begin(&b, 1);
    const struct sl_type *schema = rows_schema(&b, "k STRING");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        sl_budget_init(&all, 100 << 20);
        sl_budget_init_part(&part, &all);
        atomic_store(&all.used_bytes, cases[i].all_percent << 20);
        atomic_store(&part.used_bytes, cases[i].part_percent << 20);
        struct sl_spill_spec spec = {
            .stateful = &sized.base, .inputs = {schema}, .input_count = 1, .budget = &part};
        struct sl_spill *spill = sl_spill_new(&spec);
        sized.bytes = cases[i].shard_bytes;
        sl_spill_begin(spill, 0);
        assert_int_equal(closed_after(&b, spill, schema, 40), cases[i].closed);
        assert_int_equal(closed_after(&b, spill, schema, 3), cases[i].closed);
        sl_spill_free(spill);
    }
    rows_end(&b);
}
