/* Goal: of every key exactly the first row passes, and keys are forgotten when the watermark says
 * so, whatever is saved and loaded in between.  Method: random batches against a list that is
 * searched from its beginning. */
#include "ops/rows_test_util.h"

static struct rows_bench bench;

static const char schema_text[] = "a STRING, b INT, t TIMESTAMP, w STRUCT<start: TIMESTAMP, end: "
                                  "TIMESTAMP>, f DOUBLE, l ARRAY<STRING>";
enum { A, B, T, W, F, L, COLUMNS };

/* ---- the twin ---- */

struct twin {
    struct sl_batch rows; /* first rows, in order */
    bool *gone;
    int64_t *time_us; /* at which it goes; INT64_MAX: never */
    uint64_t late, added, removed, live;
};

static bool time_of(const struct sl_batch *batch, int32_t column, uint32_t row, int64_t *time_us) {
    struct sl_vec one;
    sl_vec_init(&one, batch->columns[column].type);
    rows_ok(sl_vec_append(&one, &batch->columns[column], &row, 1, &bench.err), &bench.err);
    const struct sl_vec *at = one.type->kind == SL_STRUCT_KIND ? &one.children[1] : &one;
    bool valid = !sl_vec_is_null(at, 0);
    *time_us = valid ? at->i64[0] : 0;
    sl_vec_release(&one);
    return valid;
}

static bool is_known(const struct twin *twin, const struct sl_deduplication *what,
                     const struct sl_batch *batch, uint32_t row) {
    for (uint32_t at = 0; at < twin->rows.rows; at++) {
        bool equal = !twin->gone[at];
        for (uint32_t k = 0; equal && k < what->key_count; k++)
            equal = sl_vec_rows_equal(&twin->rows.columns[what->keys[k]], at,
                                      &batch->columns[what->keys[k]], row);
        if (equal) return true;
    }
    return false;
}

static void remember(struct twin *twin, const struct sl_deduplication *what,
                     const struct sl_batch *batch, uint32_t row) {
    uint32_t at = twin->rows.rows++;
    int64_t time_us, until_us = INT64_MAX;
    for (uint32_t c = 0; c < COLUMNS; c++)
        rows_ok(sl_vec_append(&twin->rows.columns[c], &batch->columns[c], &row, 1, &bench.err),
                &bench.err);
    bool among = false;
    for (uint32_t k = 0; k < what->key_count; k++)
        among |= (int32_t)what->keys[k] == what->event_time.column;
    if (what->within_watermark) {
        time_of(batch, what->event_time.column, row, &time_us);
        until_us = time_us + what->event_time.delay_us;
    } else if (among && time_of(batch, what->event_time.column, row, &time_us)) {
        until_us = time_us;
    }
    twin->gone = sl_xrealloc(twin->gone, (at + 1) * sizeof *twin->gone);
    twin->time_us = sl_xrealloc(twin->time_us, (at + 1) * sizeof *twin->time_us);
    twin->gone[at] = false;
    twin->time_us[at] = until_us;
    twin->added++;
    twin->live++;
}

static void twin_batch(struct twin *twin, const struct sl_deduplication *what,
                       const struct sl_batch *batch, const struct sl_batch_marks *marks,
                       uint64_t *passes) {
    for (uint32_t row = 0; row < batch->rows; row++) {
        int64_t time_us;
        sl_bit_clear(passes, row);
        if (!rows_selected(batch, row)) continue;
        if (what->event_time.column >= 0 && marks->late_ms != INT64_MIN &&
            time_of(batch, what->event_time.column, row, &time_us) &&
            time_us <= marks->late_ms * 1000) {
            twin->late++;
            continue;
        }
        if (is_known(twin, what, batch, row)) continue;
        remember(twin, what, batch, row);
        sl_bit_set(passes, row);
    }
}

static void twin_evict(struct twin *twin, int64_t evict_ms) {
    for (uint32_t at = 0; evict_ms != INT64_MIN && at < twin->rows.rows; at++)
        if (!twin->gone[at] && twin->time_us[at] <= evict_ms * 1000) {
            twin->gone[at] = true;
            twin->live--;
            twin->removed++;
        }
}

/* ---- the comparison ---- */

static struct sl_deduplication *random_what(void) {
    struct sl_deduplication *what = SL_NEW(&bench.arena, struct sl_deduplication);
    static const int32_t times[] = {-1, T, W};
    what->keys = SL_NEW_ARRAY(&bench.arena, uint32_t, COLUMNS);
    for (uint32_t c = 0; c < COLUMNS; c++)
        if (rows_pick(&bench, 3) == 0) what->keys[what->key_count++] = c;
    if (!what->key_count) what->keys[what->key_count++] = A;
    what->within_watermark = rows_pick(&bench, 3) == 0;
    what->event_time.column = times[what->within_watermark ? 1 : rows_pick(&bench, 3)];
    what->event_time.delay_us = (int64_t)rows_pick(&bench, 10) * 1000;
    return what;
}

static struct sl_stateful *make(const struct sl_deduplication *what, struct sl_budget *budget,
                                enum sl_output_mode mode) {
    struct sl_stateful_env env = {.query = &bench.arena,
                                  .budget = budget,
                                  .session = &bench.session,
                                  .mode = mode,
                                  .batch_rows = 1 + rows_pick(&bench, 100)};
    struct sl_stateful *stateful;
    rows_ok(sl_deduplicate_new(&env, what, rows_schema(&bench, schema_text), &stateful, &bench.err),
            &bench.err);
    return stateful;
}

static void check_batch(struct sl_op *op, struct twin *twin, const struct sl_deduplication *what,
                        const struct sl_batch_marks *marks, struct sl_batch *batch) {
    struct sl_batch *out;
    uint64_t passes[8];
    rows_make_batch(&bench, batch, rows_pick(&bench, 200), 1 + rows_pick(&bench, 40));
    twin_batch(twin, what, batch, marks, passes);
    rows_ok(op->ops->process(op, &bench.session, batch, &out, &bench.err), &bench.err);
    assert_ptr_equal(out, batch);
    if (!batch->rows) return;
    for (uint32_t row = 0; row < batch->rows; row++)
        assert_int_equal(rows_selected(out, row), sl_bit_get(passes, row));
    assert_int_equal(out->selected_rows, sl_bits_count(passes, batch->rows));
}

static void check_metrics(const struct sl_stateful *stateful, const struct twin *twin) {
    struct sl_state_metrics metrics;
    stateful->ops->metrics(stateful, &metrics);
    assert_int_equal(metrics.rows_total, twin->live);
    assert_int_equal(metrics.rows_updated, twin->added);
    assert_int_equal(metrics.rows_removed, twin->removed);
    assert_int_equal(metrics.rows_late, twin->late);
}

static void one_query(void) {
    const struct sl_deduplication *what = random_what();
    struct sl_budget budget;
    sl_budget_init(&budget, 0);
    struct sl_stateful *stateful = make(what, &budget, SL_MODE_APPEND);
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    struct twin twin = {0};
    struct rows_kept kept;
    struct sl_op *op;
    struct sl_batch batch;
    sl_batch_init(&batch, rows_schema(&bench, schema_text), &bench.arena);
    rows_init_table(&bench, &twin.rows, rows_schema(&bench, schema_text));
    rows_kept_init(&kept, &bench, stateful);
    rows_ok(stateful->ops->attach(stateful, 0, false, &op, &bench.err), &bench.err);
    for (int number = 0; number < 6; number++) {
        twin.late = twin.added = twin.removed = 0;
        stateful->ops->begin(stateful, &marks);
        for (uint32_t i = rows_pick(&bench, 3); i > 0; i--)
            check_batch(op, &twin, what, &marks, &batch);
        for (uint32_t shard = 0; shard < SL_STATE_SHARDS; shard++)
            rows_ok(stateful->ops->finish(stateful, shard, NULL, NULL, &bench.err), &bench.err);
        twin_evict(&twin, marks.evict_ms);
        check_metrics(stateful, &twin);
        rows_save(stateful, false, &kept);
        assert_int_equal(rows_kept_live(&kept, 0), twin.live);
        if (rows_pick(&bench, 2)) rows_check_whole(stateful, &kept);
        if (rows_pick(&bench, 3) == 0) rows_reload(stateful, &kept);
        marks.late_ms = marks.evict_ms;
        if (rows_pick(&bench, 4))
            marks.evict_ms =
                (marks.evict_ms == INT64_MIN ? -5 : marks.evict_ms) + (int64_t)rows_pick(&bench, 6);
    }
    sl_op_free(op);
    stateful->ops->clear(stateful);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    stateful->ops->free(stateful);
    rows_kept_release(&kept);
    sl_batch_release(&batch);
    sl_batch_release(&twin.rows);
    free(twin.gone);
    free(twin.time_us);
}

void test_first_rows_pass(void **state) {
    (void)state;
    rows_begin(&bench, 21);
    for (int i = 0; i < 80; i++) one_query();
    rows_end(&bench);
}

/* Spark's schemas: what is kept can be told by their names and types. */
void test_state_schemas_are_sparks(void **state) {
    (void)state;
    rows_begin(&bench, 22);
    struct sl_deduplication what = {(uint32_t[]){B, A}, 2, {T, 1000}, false};
    for (int within = 0; within < 2; within++) {
        what.within_watermark = within;
        struct sl_stateful *stateful = make(&what, NULL, SL_MODE_APPEND);
        const struct sl_state_schema *store = stateful->stores;
        assert_int_equal(stateful->store_count, 1);
        assert_string_equal(stateful->ops->name, within ? "dedupeWithinWatermark" : "dedupe");
        assert_string_equal(sl_type_sql(&bench.arena, store->key), "STRUCT<b: INT, a: STRING>");
        assert_string_equal(sl_type_sql(&bench.arena, store->value),
                            within ? "STRUCT<expiresAtMicros: BIGINT NOT NULL>"
                                   : "STRUCT<__dummy__: VOID>");
        stateful->ops->free(stateful);
    }
    rows_end(&bench);
}

/* With a quarantine a late row is a fault of its record. */
void test_late_rows_become_faults(void **state) {
    (void)state;
    rows_begin(&bench, 23);
    struct sl_deduplication what = {(uint32_t[]){A}, 1, {T, 0}, false};
    struct sl_stateful *stateful = make(&what, NULL, SL_MODE_APPEND);
    struct sl_batch_marks marks = {7, 7, true, &bench.session};
    struct sl_faults faults;
    struct sl_batch batch, *out;
    struct sl_op *op;
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 3);
    sl_batch_init(&batch, rows_schema(&bench, schema_text), &bench.arena);
    rows_make_batch(&bench, &batch, 3, 100);
    sl_vec_clear(&batch.columns[T]);
    for (int i = 0; i < 3; i++)
        rows_ok(sl_vec_put_i64(&batch.columns[T], 6000 + i * 1000, &bench.err), &bench.err);
    batch.selected = NULL;
    batch.selected_rows = 3;
    batch.faults = &faults;
    rows_ok(stateful->ops->attach(stateful, 0, false, &op, &bench.err), &bench.err);
    stateful->ops->begin(stateful, &marks);
    rows_ok(op->ops->process(op, &bench.session, &batch, &out, &bench.err), &bench.err);
    assert_int_equal(out->selected_rows, 1);
    assert_int_equal(out->selected[0] & 7, 4);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].kind, SL_FAULT_LATE);
    assert_true(sl_faults_has(&faults, 0) && sl_faults_has(&faults, 1));
    sl_op_free(op);
    stateful->ops->free(stateful);
    sl_faults_release(&faults);
    sl_batch_release(&batch);
    rows_end(&bench);
}

/* ---- numbers of keys ---- */

static void fill_uuids(struct sl_batch *batch, uint64_t first, uint32_t rows) {
    struct sl_vec *vec = &batch->columns[0];
    sl_vec_clear(vec);
    rows_ok(sl_vec_reserve(vec, rows, &bench.err), &bench.err);
    rows_ok(sl_vec_reserve_bytes(vec, (size_t)rows * 36, &bench.err), &bench.err);
    for (uint32_t i = 0; i < rows; i++) {
        uint64_t seed = first + i;
        uint64_t high = sl_random_next(&seed);
        sl_uuid_format((char *)vec->bytes + (size_t)i * 36, high, first + i);
        vec->offsets[i + 1] = (int32_t)(i + 1) * 36;
    }
    vec->rows = batch->rows = batch->selected_rows = rows;
    batch->selected = NULL;
}

/* 48 bytes a key is what docs promise, with everything that belongs to it. SLUICE_TEST_KEYS: how
 * many, for measuring. */
void test_keys_are_small(void **state) {
    (void)state;
    enum { ROWS = 8192 };
    rows_begin(&bench, 24);
    const char *given = getenv("SLUICE_TEST_KEYS");
    uint64_t keys = given ? strtoull(given, NULL, 10) : 300000;
    struct sl_deduplication what = {(uint32_t[]){0}, 1, {-1, 0}, false};
    struct sl_budget budget;
    struct sl_stateful *stateful;
    struct sl_state_metrics metrics;
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    struct sl_batch batch, *out;
    struct sl_op *op;
    sl_budget_init(&budget, 0);
    const struct sl_type *schema = rows_schema(&bench, "id STRING");
    struct sl_stateful_env env = {&bench.arena, &budget, &bench.session, SL_MODE_APPEND, 8192};
    rows_ok(sl_deduplicate_new(&env, &what, schema, &stateful, &bench.err), &bench.err);
    rows_ok(stateful->ops->attach(stateful, 0, false, &op, &bench.err), &bench.err);
    sl_batch_init(&batch, schema, &bench.arena);
    stateful->ops->begin(stateful, &marks);
    for (uint64_t first = 0; first < keys; first += ROWS) {
        fill_uuids(&batch, first, ROWS);
        rows_ok(op->ops->process(op, &bench.session, &batch, &out, &bench.err), &bench.err);
        assert_int_equal(out->selected_rows, ROWS);
    }
    stateful->ops->metrics(stateful, &metrics);
    double bytes = (double)atomic_load(&budget.peak_bytes) / (double)metrics.rows_total;
    print_message("%llu keys: %.1f bytes a key at most, %.1f at the end, %.1f ns a row\n",
                  (unsigned long long)metrics.rows_total, bytes,
                  (double)metrics.memory_bytes / (double)metrics.rows_total,
                  (double)metrics.update_ns / (double)metrics.rows_total);
    assert_int_equal(metrics.memory_bytes, atomic_load(&budget.used_bytes));
    assert_true(bytes <= 48);
    sl_op_free(op);
    stateful->ops->free(stateful);
    sl_batch_release(&batch);
    rows_end(&bench);
}

void test_a_budget_that_is_used_up(void **state) {
    (void)state;
    rows_begin(&bench, 25);
    struct sl_deduplication what = {(uint32_t[]){A}, 1, {-1, 0}, false};
    struct sl_budget budget;
    sl_budget_init(&budget, 200000);
    struct sl_stateful *stateful = make(&what, &budget, SL_MODE_APPEND);
    struct sl_batch batch, *out;
    struct sl_op *op;
    enum sl_code code = SL_OK;
    sl_batch_init(&batch, rows_schema(&bench, schema_text), &bench.arena);
    rows_ok(stateful->ops->attach(stateful, 0, false, &op, &bench.err), &bench.err);
    for (int i = 0; i < 100 && code == SL_OK; i++) {
        rows_make_batch(&bench, &batch, 500, 1000000);
        code = op->ops->process(op, &bench.session, &batch, &out, &bench.err);
    }
    assert_int_equal(code, SL_NOMEM);
    assert_non_null(strstr(bench.err.hint, "--memory"));
    stateful->ops->clear(stateful);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_op_free(op);
    stateful->ops->free(stateful);
    sl_batch_release(&batch);
    rows_end(&bench);
}

/* ---- two tasks at once ---- */

/* Both see the same keys: one of them lets each pass. */
void test_two_tasks_pass_a_key_once(void **state) {
    (void)state;
    enum { BATCHES = 30 };
    rows_begin(&bench, 26);
    struct sl_deduplication what = {(uint32_t[]){A, B}, 2, {-1, 0}, false};
    struct sl_stateful *stateful = make(&what, NULL, SL_MODE_APPEND);
    struct rows_feeder feeders[2];
    struct sl_state_metrics metrics;
    for (int t = 0; t < 2; t++) {
        rows_feeder_init(&feeders[t], &bench, stateful, 0, rows_schema(&bench, schema_text),
                         BATCHES);
        for (int i = 0; i < BATCHES; i++) rows_make_batch(&bench, &feeders[t].batches[i], 200, 60);
    }
    uint64_t passed = rows_feed_two(feeders);
    stateful->ops->metrics(stateful, &metrics);
    assert_true(metrics.rows_total > 100);
    assert_int_equal(passed, metrics.rows_total);
    stateful->ops->free(stateful);
    rows_end(&bench);
}
