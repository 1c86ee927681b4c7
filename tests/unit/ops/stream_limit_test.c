/* Goal: of the rows of all batches the first ones pass, whatever was saved and loaded in between.
 * Method: random batches and limits against a counter. */
#include "ops/rows_test_util.h"

static struct rows_bench bench;

static void check_batch(struct sl_op *op, struct sl_batch *batch, int64_t *left) {
    struct sl_batch *out;
    uint64_t passes[8] = {0};
    uint32_t count = 0;
    rows_make_batch(&bench, batch, rows_pick(&bench, 200), 5);
    for (uint32_t row = 0; row < batch->rows; row++) {
        bool passing = rows_selected(batch, row) && *left > 0;
        sl_bit_put(passes, row, passing);
        *left -= passing;
        count += passing;
    }
    rows_ok(op->ops->process(op, &bench.session, batch, &out, &bench.err), &bench.err);
    assert_ptr_equal(out, batch);
    for (uint32_t row = 0; row < batch->rows; row++)
        assert_int_equal(rows_selected(out, row), sl_bit_get(passes, row));
    assert_int_equal(out->selected_rows, count);
}

static void check_metrics(const struct sl_stateful *stateful, int64_t passed, int64_t before) {
    struct sl_state_metrics metrics;
    stateful->ops->metrics(stateful, &metrics);
    assert_int_equal(metrics.rows_total, passed > 0);
    assert_int_equal(metrics.rows_updated, passed > before);
    assert_int_equal(metrics.rows_removed, 0);
}

static void one_query(void) {
    struct sl_stateful_env env = {
        .query = &bench.arena, .session = &bench.session, .mode = SL_MODE_APPEND};
    int64_t limit = rows_pick(&bench, 3) ? rows_pick(&bench, 900) : rows_pick(&bench, 2);
    int64_t left = limit;
    struct sl_stateful *stateful = sl_stream_limit_new(&env, limit);
    struct sl_batch_marks marks = {.late_ms = INT64_MIN, .evict_ms = INT64_MIN};
    struct rows_kept kept;
    struct sl_batch batch;
    struct sl_op *op;
    sl_batch_init(&batch, rows_schema(&bench, "a INT"), &bench.arena);
    rows_kept_init(&kept, &bench, stateful);
    rows_ok(stateful->ops->attach(stateful, 0, false, &op, &bench.err), &bench.err);
    for (int number = 0; number < 8; number++) {
        int64_t before = limit - left;
        stateful->ops->begin(stateful, &marks);
        for (uint32_t i = rows_pick(&bench, 3); i > 0; i--) check_batch(op, &batch, &left);
        check_metrics(stateful, limit - left, before);
        rows_save(stateful, false, &kept);
        assert_int_equal(rows_kept_live(&kept, 0), left < limit);
        if (rows_pick(&bench, 2)) rows_check_whole(stateful, &kept);
        if (rows_pick(&bench, 3) == 0) rows_reload(stateful, &kept);
    }
    sl_op_free(op);
    stateful->ops->free(stateful);
    rows_kept_release(&kept);
    sl_batch_release(&batch);
}

void test_first_rows_of_all_batches_pass(void **state) {
    (void)state;
    rows_begin(&bench, 7);
    for (int i = 0; i < 60; i++) one_query();
    rows_end(&bench);
}

void test_state_schema_of_a_limit_is_sparks(void **state) {
    (void)state;
    rows_begin(&bench, 8);
    struct sl_stateful_env env = {.query = &bench.arena, .session = &bench.session};
    struct sl_stateful *stateful = sl_stream_limit_new(&env, 3);
    assert_string_equal(stateful->ops->name, "globalLimit");
    assert_true(sl_type_equal(stateful->stores[0].key, rows_schema(&bench, "key VOID")));
    assert_true(sl_type_equal(stateful->stores[0].value, rows_schema(&bench, "value BIGINT")));
    stateful->ops->free(stateful);
    rows_end(&bench);
}
