/* Goal: ORDER BY gives the rows in the order of their keys, equal ones as they came, and with a
 * LIMIT the first of them.  Method: random keys, directions and limits against a plain insertion
 * sort by the definition. */
#include "ops/rows_test_util.h"

#include <pthread.h>

#include "kern/order.h"

static struct rows_bench bench;

/* The last column is the row's number in order of arrival. */
static void number_rows(struct sl_batch *batch, int64_t *next) {
    struct sl_vec *vec = &batch->columns[batch->schema->field_count - 1];
    sl_vec_clear(vec);
    rows_ok(sl_vec_reserve(vec, batch->rows, &bench.err), &bench.err);
    for (uint32_t i = 0; i < batch->rows; i++) vec->i64[i] = (*next)++;
    vec->rows = batch->rows;
}

static int order(const struct sl_sorting *what, const struct sl_batch *rows, uint32_t a,
                 uint32_t b) {
    for (uint32_t k = 0; k < what->key_count; k++) {
        const struct sl_sort_key *key = &what->keys[k];
        const struct sl_vec *vec = &rows->columns[key->column];
        bool null_a = sl_vec_is_null(vec, a), null_b = sl_vec_is_null(vec, b);
        int by_key;
        if (null_a || null_b)
            by_key = key->nulls_first ? null_b - null_a : null_a - null_b;
        else
            by_key = sl_order_rows(vec, a, vec, b) * (key->descending ? -1 : 1);
        if (by_key) return by_key;
    }
    return 0;
}

static void twin_sort(const struct sl_sorting *what, const struct sl_batch *rows, uint32_t *idx) {
    for (uint32_t i = 0; i < rows->rows; i++) {
        uint32_t at = i;
        for (; at > 0 && order(what, rows, idx[at - 1], i) > 0; at--) idx[at] = idx[at - 1];
        idx[at] = i;
    }
}

static struct sl_sorting *random_sorting(uint32_t columns) {
    struct sl_sorting *what = SL_NEW(&bench.arena, struct sl_sorting);
    what->key_count = 1 + rows_pick(&bench, 3);
    what->keys = SL_NEW_ARRAY(&bench.arena, struct sl_sort_key, what->key_count);
    for (uint32_t i = 0; i < what->key_count; i++)
        what->keys[i] = (struct sl_sort_key){.column = rows_pick(&bench, columns),
                                             .descending = rows_pick(&bench, 2),
                                             .nulls_first = rows_pick(&bench, 2)};
    what->limit = rows_pick(&bench, 3) ? -1 : (int64_t)rows_pick(&bench, 200);
    return what;
}

static struct sl_stateful *make_sort(const struct sl_sorting *what, const struct sl_type *schema,
                                     struct sl_budget *budget, uint32_t batch_rows) {
    struct sl_stateful_env env = {.query = &bench.arena,
                                  .budget = budget,
                                  .session = &bench.session,
                                  .mode = SL_MODE_BATCH,
                                  .batch_rows = batch_rows};
    struct sl_stateful *sort;
    rows_ok(sl_sort_new(&env, what, schema, &sort, &bench.err), &bench.err);
    assert_int_equal(sort->finish_shards, 1);
    return sort;
}

static void feed(struct sl_op *op, struct sl_batch *batch) {
    struct sl_batch *out;
    rows_ok(op->ops->process(op, &bench.session, batch, &out, &bench.err), &bench.err);
    assert_int_equal(out->rows, 0);
}

static void one_sort(const struct sl_type *schema) {
    uint32_t batch_rows = 1 + rows_pick(&bench, 70);
    struct sl_sorting *what = random_sorting(schema->field_count - 1);
    struct sl_stateful *sort = make_sort(what, schema, NULL, batch_rows);
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    struct sl_op *op;
    struct sl_batch batch, all, got;
    rows_ok(sort->ops->attach(sort, 0, false, &op, &bench.err), &bench.err);
    sl_batch_init(&batch, schema, &bench.arena);
    rows_init_table(&bench, &all, schema);
    rows_init_table(&bench, &got, schema);
    for (int round = 0; round < 2; round++) {
        int64_t next = 0;
        rows_clear_table(&bench, &all);
        rows_clear_table(&bench, &got);
        sort->ops->begin(sort, &marks);
        for (uint32_t i = rows_pick(&bench, 5); i > 0; i--) {
            rows_make_batch(&bench, &batch, rows_pick(&bench, 150), 1 + rows_pick(&bench, 60));
            number_rows(&batch, &next);
            feed(op, &batch);
            rows_ok(rows_collect(&all, &batch, &bench.err), &bench.err);
        }
        rows_ok(sort->ops->finish(sort, 0, rows_collect, &got, &bench.err), &bench.err);
        uint32_t *idx = sl_arena_array(&bench.arena, all.rows + 1, sizeof *idx);
        uint32_t wanted =
            what->limit >= 0 && what->limit < all.rows ? (uint32_t)what->limit : all.rows;
        twin_sort(what, &all, idx);
        assert_int_equal(got.rows, wanted);
        for (uint32_t i = 0; i < wanted; i++) assert_true(rows_equal(&all, idx[i], &got, i));
    }
    sl_op_free(op);
    sort->ops->free(sort);
    sl_batch_release(&batch);
    sl_batch_release(&all);
    sl_batch_release(&got);
}

void test_sort_is_insertion_sort(void **state) {
    (void)state;
    rows_begin(&bench, 11);
    static const char *const schemas[] = {
        "a INT, b STRING, c DOUBLE, n BIGINT",
        "a TIMESTAMP, b STRUCT<start: TIMESTAMP, end: TIMESTAMP>, c DECIMAL(38,2), n BIGINT",
        "a BOOLEAN, b FLOAT, c TINYINT, d SMALLINT, e BIGINT, f DATE, n BIGINT",
        "a ARRAY<STRING>, b STRUCT<x: STRING, y: BOOLEAN, z: ARRAY<INT>>, c BINARY, n BIGINT",
        "a DECIMAL(10,2), b STRUCT<x: BOOLEAN, y: STRUCT<u: INT, v: DOUBLE>>, c VOID, n BIGINT"};
    for (int i = 0; i < 300; i++)
        one_sort(rows_schema(&bench, schemas[i % (int)(sizeof schemas / sizeof *schemas)]));
    rows_end(&bench);
}

/* A LIMIT cuts again and again when many more rows come than are wanted; what is kept stays small.
 */
void test_limit_keeps_few_rows(void **state) {
    (void)state;
    rows_begin(&bench, 12);
    enum { ROWS = 8192, BATCHES = 40, LIMIT = 100 };
    const struct sl_type *schema = rows_schema(&bench, "a INT, n BIGINT");
    struct sl_sort_key key = {.column = 0, .descending = true};
    struct sl_sorting what = {&key, 1, LIMIT};
    struct sl_budget budget;
    sl_budget_init(&budget, 0);
    struct sl_stateful *sort = make_sort(&what, schema, &budget, 64);
    struct sl_op *op;
    struct sl_batch batch, got;
    int64_t next = 0;
    rows_ok(sort->ops->attach(sort, 0, false, &op, &bench.err), &bench.err);
    sl_batch_init(&batch, schema, &bench.arena);
    rows_init_table(&bench, &got, schema);
    for (int i = 0; i < BATCHES; i++) {
        sl_batch_clear(&batch);
        rows_ok(sl_vec_reserve(&batch.columns[0], ROWS, &bench.err), &bench.err);
        /* the greatest value of all stands once in every batch, the rest is below it */
        for (int r = 0; r < ROWS; r++)
            batch.columns[0].i32[r] = r == 17 ? 1000000 : (int32_t)rows_pick(&bench, 1000);
        batch.columns[0].rows = batch.rows = batch.selected_rows = ROWS;
        number_rows(&batch, &next);
        feed(op, &batch);
    }
    assert_true(atomic_load(&budget.peak_bytes) < 4 << 20);
    rows_ok(sort->ops->finish(sort, 0, rows_collect, &got, &bench.err), &bench.err);
    assert_int_equal(got.rows, LIMIT);
    for (int i = 0; i < LIMIT; i++) {
        assert_int_equal(got.columns[0].i32[i], i < BATCHES ? 1000000 : 999);
        if (i < BATCHES) assert_int_equal(got.columns[1].i64[i], (int64_t)i * ROWS + 17);
        if (i > BATCHES) assert_true(got.columns[1].i64[i - 1] < got.columns[1].i64[i]);
    }
    sl_op_free(op);
    sort->ops->free(sort);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_batch_release(&batch);
    sl_batch_release(&got);
    rows_end(&bench);
}

void test_sort_refuses_what_the_budget_does_not_hold(void **state) {
    (void)state;
    rows_begin(&bench, 13);
    const struct sl_type *schema = rows_schema(&bench, "a INT, b STRING, n BIGINT");
    struct sl_sort_key key = {.column = 0};
    struct sl_sorting what = {&key, 1, -1};
    struct sl_budget budget;
    sl_budget_init(&budget, 1 << 20);
    struct sl_stateful *sort = make_sort(&what, schema, &budget, 64);
    struct sl_op *op;
    struct sl_batch batch, *out;
    enum sl_code code = SL_OK;
    rows_ok(sort->ops->attach(sort, 0, false, &op, &bench.err), &bench.err);
    sl_batch_init(&batch, schema, &bench.arena);
    for (int i = 0; i < 100 && code == SL_OK; i++) {
        rows_make_batch(&bench, &batch, 1000, 500);
        code = op->ops->process(op, &bench.session, &batch, &out, &bench.err);
    }
    assert_int_equal(code, SL_NOMEM);
    assert_non_null(strstr(bench.err.msg, "ORDER BY"));
    sort->ops->clear(sort);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_op_free(op);
    sort->ops->free(sort);
    sl_batch_release(&batch);
    rows_end(&bench);
}

/* ---- two tasks at once ---- */

struct feeder {
    struct sl_op *op;
    struct sl_batch batch;
    struct sl_err err;
    enum sl_code code;
};

static void *feed_from_thread(void *arg) {
    struct feeder *feeder = arg;
    struct sl_batch *out;
    for (int i = 0; i < 20 && feeder->code == SL_OK; i++)
        feeder->code = feeder->op->ops->process(feeder->op, &bench.session, &feeder->batch, &out,
                                                &feeder->err);
    return NULL;
}

void test_two_tasks_sort_together(void **state) {
    (void)state;
    rows_begin(&bench, 14);
    const struct sl_type *schema = rows_schema(&bench, "a INT, b STRING, n BIGINT");
    struct sl_sort_key key = {.column = 0};
    struct sl_sorting what = {&key, 1, -1};
    struct sl_stateful *sort = make_sort(&what, schema, NULL, 64);
    struct feeder feeders[2] = {0};
    struct sl_batch got;
    pthread_t threads[2];
    uint32_t expected = 0;
    for (int t = 0; t < 2; t++) {
        rows_ok(sort->ops->attach(sort, 0, false, &feeders[t].op, &bench.err), &bench.err);
        sl_batch_init(&feeders[t].batch, schema, &bench.arena);
        rows_make_batch(&bench, &feeders[t].batch, 500, 100);
        expected += 20 * feeders[t].batch.selected_rows;
    }
    for (int t = 0; t < 2; t++)
        assert_int_equal(pthread_create(&threads[t], NULL, feed_from_thread, &feeders[t]), 0);
    for (int t = 0; t < 2; t++) {
        pthread_join(threads[t], NULL);
        rows_ok(feeders[t].code, &feeders[t].err);
        sl_op_free(feeders[t].op);
        sl_batch_release(&feeders[t].batch);
    }
    rows_init_table(&bench, &got, schema);
    rows_ok(sort->ops->finish(sort, 0, rows_collect, &got, &bench.err), &bench.err);
    assert_int_equal(got.rows, expected);
    for (uint32_t i = 1; i < got.rows; i++) assert_true(order(&what, &got, i - 1, i) <= 0);
    sl_batch_release(&got);
    sort->ops->free(sort);
    rows_end(&bench);
}
