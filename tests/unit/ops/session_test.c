/* Goal: sessions of equal keys that touch are one, whatever the order of rows and batches, with
 * late rows, eviction, and state that is saved, dropped and loaded.  Method: random rows against a
 * twin that keeps the rows of every session and merges by looking at all others. */
#include "aggregation_rig.h"

enum { K, W, S, X, Y, COLUMNS };
enum { SESSIONS_MAX = 4000 };

static struct random_rows rnd;

struct session {
    int64_t start, end;
    uint32_t *rows, count;
    bool there, touched;
};

struct fixture {
    struct rig rig;
    struct session sessions[SESSIONS_MAX];
    uint32_t count;
};

/* ---- twin ---- */

static int64_t time_at(const struct sl_vec *windows, uint32_t field, uint32_t row) {
    return windows->children[field].i64[windows->enc == SL_ENC_CONST ? 0 : row];
}

static bool same_key(const struct fixture *f, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < f->rig.what.key_count; i++)
        if (f->rig.keys[i] != W &&
            !sl_vec_rows_equal(&f->rig.all[f->rig.keys[i]], a, &f->rig.all[f->rig.keys[i]], b))
            return false;
    return true;
}

static void absorb(struct session *into, struct session *from) {
    into->rows = realloc(into->rows, (into->count + from->count) * sizeof *into->rows);
    memcpy(into->rows + into->count, from->rows, from->count * sizeof *from->rows);
    into->count += from->count;
    if (from->start < into->start) into->start = from->start;
    if (from->end > into->end) into->end = from->end;
    into->touched = true;
    from->there = false;
}

static void twin_add(void *fixture, const struct sl_batch *batch, uint32_t row) {
    struct fixture *f = fixture;
    const struct sl_vec *windows = &batch->columns[W];
    bool drops = f->rig.env.mode != SL_MODE_BATCH;
    if (sl_vec_is_null(windows, row)) return;
    if (drops && f->rig.late_us != INT64_MIN && time_at(windows, 1, row) <= f->rig.late_us) {
        f->rig.late++;
        return;
    }
    assert_true(f->count < SESSIONS_MAX);
    struct session *fresh = &f->sessions[f->count++];
    *fresh = (struct session){time_at(windows, 0, row),
                              time_at(windows, 1, row),
                              malloc(sizeof(uint32_t)),
                              1,
                              true,
                              true};
    fresh->rows[0] = rig_accept(&f->rig, batch, row);
    for (uint32_t i = 0; i + 1 < f->count; i++) {
        struct session *other = &f->sessions[i];
        if (other->there && same_key(f, other->rows[0], fresh->rows[0]) &&
            other->start <= fresh->end && fresh->start <= other->end) {
            absorb(fresh, other);
            i = UINT32_MAX; /* it has grown: look again */
        }
    }
}

static void expect_results(const struct fixture *f, const struct session *s, uint32_t row) {
    int64_t sum = 0;
    uint32_t count = 0;
    struct sl_str least = {NULL, 0};
    for (uint32_t i = 0; i < s->count; i++) {
        uint32_t r = s->rows[i];
        if (!sl_vec_is_null(&f->rig.all[X], r)) sum += f->rig.all[X].i64[r], count++;
        if (sl_vec_is_null(&f->rig.all[Y], r)) continue;
        struct sl_str text = sl_vec_str(&f->rig.all[Y], r);
        if (!least.ptr || sl_str_cmp(text, least) < 0) least = text;
    }
    const struct sl_vec *out = &f->rig.emitted[f->rig.what.key_count];
    assert_int_equal(out[0].i64[row], s->count);
    assert_int_equal(sl_vec_is_null(&out[1], row), count == 0);
    if (count) assert_int_equal(out[1].i64[row], sum);
    assert_int_equal(sl_vec_is_null(&out[2], row), !least.ptr);
    if (least.ptr) assert_true(sl_str_eq(sl_vec_str(&out[2], row), least));
}

static bool emitted_is(const struct fixture *f, uint32_t row, const struct session *s) {
    for (uint32_t i = 0; i < f->rig.what.key_count; i++) {
        const struct sl_vec *out = &f->rig.emitted[i];
        if (f->rig.keys[i] == W
                ? time_at(out, 0, row) != s->start || time_at(out, 1, row) != s->end
                : !sl_vec_rows_equal(out, row, &f->rig.all[f->rig.keys[i]], s->rows[0]))
            return false;
    }
    return true;
}

static bool is_due(const struct fixture *f, const struct session *s) {
    return f->rig.evict_us != INT64_MIN && s->end <= f->rig.evict_us;
}

static void expect_sessions(struct fixture *f) {
    uint32_t expected = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct session *s = &f->sessions[i];
        if (!s->there || (f->rig.env.mode == SL_MODE_APPEND && !is_due(f, s))) continue;
        uint32_t row = 0;
        while (row < f->rig.emitted_rows && !emitted_is(f, row, s)) row++;
        assert_true(row < f->rig.emitted_rows);
        expect_results(f, s, row);
        expected++;
    }
    assert_int_equal(f->rig.emitted_rows, expected);
}

static void check_metrics(struct fixture *f) {
    uint32_t there = 0, touched = 0;
    f->rig.removed = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct session *s = &f->sessions[i];
        if (f->rig.env.mode == SL_MODE_APPEND && s->there && is_due(f, s)) {
            s->there = false;
            f->rig.removed++;
        }
        there += s->there;
        touched += s->there && s->touched;
        s->touched = false;
    }
    rig_check_metrics(&f->rig, there, touched);
}

/* ---- what is tested ---- */

/* Gaps differ, as a computed gap's do. */
static void put_session(struct random_rows *random, struct sl_vec *vec, uint32_t number) {
    int64_t start = (int64_t)number * 50 + random_pick(random, 300);
    int64_t end = start + 1 + random_pick(random, random_pick(random, 8) ? 12 : 90);
    if (random_pick(random, 20) == 0)
        random_must(random, sl_vec_append_null(vec, 1, &random->err));
    else
        rig_put_window(random, vec, start, end);
}

static const struct rig_plan plan = {
    .ddl = "k INT, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, s STRING, x BIGINT, y STRING",
    .time_column = W,
    .rows_max = 60,
    .parts = 2,
    .domain = 4,
    .batch_rows = 29,
    .step_ms = 50,
    .watermark_lag = 60,
    .put_time = put_session,
    .add = twin_add,
    .make = sl_session_new,
};

static struct fixture *begin_fixture(enum sl_output_mode mode, uint32_t key_count, size_t limit) {
    struct fixture *f = calloc(1, sizeof *f);
    struct rig *rig = &f->rig;
    rig_begin(rig, &plan, &rnd);
    rig->what.key_count = key_count;
    rig->what.event_time = (struct sl_event_time){W, 0};
    rig->what.session = key_count == 1 ? 0 : 1;
    rig->keys[0] = key_count == 1 ? W : K;
    rig->keys[1] = W;
    rig->keys[2] = S;
    rig_add_item(rig, "count", -1, -1, false);
    rig_add_item(rig, "sum", X, -1, false);
    rig_add_item(rig, "min", Y, -1, true); /* DISTINCT changes nothing */
    rig_make(rig, mode, limit);
    return f;
}

static void end_fixture(struct fixture *f) {
    for (uint32_t i = 0; i < f->count; i++) free(f->sessions[i].rows);
    rig_end(&f->rig);
    free(f);
}

/* The log holds exactly the sessions that are there: no key of it is left behind. */
static void load_state(struct fixture *f) {
    rig_load(&f->rig);
    struct sl_state_metrics metrics;
    uint32_t there = 0;
    for (uint32_t i = 0; i < f->count; i++) there += f->sessions[i].there;
    f->rig.stateful->ops->metrics(f->rig.stateful, &metrics);
    assert_int_equal(metrics.rows_total, there);
}

/* ---- tests ---- */

static void stream(enum sl_output_mode mode, uint32_t key_count, uint32_t batches) {
    struct fixture *f = begin_fixture(mode, key_count, 0);
    for (uint32_t number = 0; number < batches; number++) {
        random_must(&rnd, rig_run_batch(&f->rig, number));
        expect_sessions(f);
        if (mode == SL_MODE_BATCH) continue;
        rig_save(&f->rig, false);
        if (random_pick(&rnd, 4) == 0) rig_save(&f->rig, true);
        check_metrics(f);
        if (random_pick(&rnd, 3) == 0) load_state(f);
    }
    end_fixture(f);
}

void test_sessions_append(void **state) {
    (void)state;
    rnd = random_rows_from(21);
    for (uint32_t round = 0; round < 4; round++)
        for (uint32_t keys = 2; keys <= 3; keys++) stream(SL_MODE_APPEND, keys, 25);
}

void test_sessions_complete(void **state) {
    (void)state;
    rnd = random_rows_from(22);
    for (uint32_t keys = 2; keys <= 3; keys++) stream(SL_MODE_COMPLETE, keys, 12);
}

/* Also without other keys. */
void test_sessions_batch(void **state) {
    (void)state;
    rnd = random_rows_from(23);
    for (uint32_t keys = 1; keys <= 3; keys++) stream(SL_MODE_BATCH, keys, 1);
}

void test_sessions_survive_a_refusal(void **state) {
    (void)state;
    uint32_t refused = 0, worked = 0;
    rnd = random_rows_from(24);
    for (size_t limit = 1000; limit < (1u << 24); limit = limit * 5 / 4) {
        struct fixture *f = begin_fixture(SL_MODE_COMPLETE, 3, limit);
        enum sl_code code = rig_run_batch(&f->rig, 0);
        assert_true(code == SL_OK || code == SL_NOMEM);
        refused += code == SL_NOMEM;
        worked += code == SL_OK;
        f->rig.stateful->ops->clear(f->rig.stateful);
        for (uint32_t i = 0; i < f->count; i++) f->sessions[i].there = false;
        f->rig.budget.limit_bytes = 0;
        random_must(&rnd, rig_run_batch(&f->rig, 1));
        expect_sessions(f);
        end_fixture(f);
    }
    assert_true(refused > 0 && worked > 0);
}

/* A count of different values cannot be merged from counts. */
void test_sessions_refuse_distinct(void **state) {
    (void)state;
    struct sl_stateful *none = NULL;
    struct sl_err err;
    rnd = random_rows_from(25);
    struct fixture *f = begin_fixture(SL_MODE_BATCH, 2, 0);
    f->rig.items[1].distinct = true;
    assert_int_equal(
        sl_session_new(&f->rig.env, &f->rig.what, f->rig.schema, f->rig.output, &none, &err),
        SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "sum(DISTINCT"));
    end_fixture(f);
}
