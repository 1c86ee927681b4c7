/* Goal: GROUP BY gives in every batch exactly what its output mode says, whatever comes in: late
 * and null times, filters, DISTINCT, several tasks, state that is saved, dropped and loaded again.
 * Method: random batches against a twin that keeps all rows of every group and computes the results
 * anew whenever it is asked. */
#include "aggregation_rig.h"

enum { K, S, W, X, Y, F, COLUMNS };
enum { GROUPS_MAX = 3000 };

static struct random_rows rnd;

/* ---- twin ---- */

struct group {
    uint32_t *rows, count, cap; /* of rig.all */
    bool there, touched;
};

struct fixture {
    struct rig rig;
    struct group groups[GROUPS_MAX];
    uint32_t count;
};

static bool same_key(const struct fixture *f, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < f->rig.what.key_count; i++) {
        const struct sl_vec *vec = &f->rig.all[f->rig.keys[i]];
        if (!sl_vec_rows_equal(vec, a, vec, b)) return false;
    }
    return true;
}

static int64_t end_of(const struct sl_vec *windows, uint32_t row) {
    const struct sl_vec *ends = &windows->children[1];
    if (windows->enc == SL_ENC_CONST) row = 0;
    return sl_vec_is_null(ends, row) ? INT64_MAX : ends->i64[row];
}

static bool is_late(const struct rig *rig, const struct sl_batch *batch, uint32_t row) {
    bool drops = rig->env.mode == SL_MODE_APPEND || rig->env.mode == SL_MODE_UPDATE;
    return drops && rig->what.event_time.column >= 0 && rig->late_us != INT64_MIN &&
           end_of(&batch->columns[W], row) <= rig->late_us;
}

static void twin_add(void *fixture, const struct sl_batch *batch, uint32_t row) {
    struct fixture *f = fixture;
    if (is_late(&f->rig, batch, row)) {
        f->rig.late++;
        return;
    }
    uint32_t at = rig_accept(&f->rig, batch, row), g = 0;
    while (g < f->count && !(f->groups[g].there && same_key(f, f->groups[g].rows[0], at))) g++;
    if (g == f->count) {
        assert_true(g < GROUPS_MAX);
        f->groups[f->count++] = (struct group){.there = true};
    }
    struct group *group = &f->groups[g];
    if (group->count == group->cap) {
        group->cap = group->cap ? group->cap * 2 : 4;
        group->rows = realloc(group->rows, group->cap * sizeof *group->rows);
    }
    group->rows[group->count++] = at;
    group->touched = true;
}

static bool seen_before(const struct sl_vec *x, const uint32_t *rows, uint32_t i) {
    for (uint32_t k = 0; k < i; k++)
        if (sl_vec_rows_equal(x, rows[k], x, rows[i])) return true;
    return false;
}

/* count(*), sum(x), count(x) FILTER (WHERE f), min(y), count(DISTINCT x), sum(DISTINCT x) FILTER */
static void expect_item(const struct fixture *f, const struct group *group, uint32_t item,
                        const struct sl_vec *out, uint32_t row) {
    const struct sl_vec *x = &f->rig.all[X], *y = &f->rig.all[Y], *flag = &f->rig.all[F];
    int64_t sum = 0, count = 0;
    struct sl_str least = {NULL, 0};
    uint32_t *passed = malloc((group->count + 1) * sizeof *passed), n = 0;
    bool filtered = f->rig.items[item].filter >= 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t r = group->rows[i];
        if (filtered && (sl_vec_is_null(flag, r) || !sl_bit_get(flag->bits, r))) continue;
        passed[n++] = r;
        if (f->rig.items[item].distinct && seen_before(x, passed, n - 1)) continue;
        if (item == 3) {
            struct sl_str text = sl_vec_is_null(y, r) ? least : sl_vec_str(y, r);
            if (text.ptr && (!least.ptr || sl_str_cmp(text, least) < 0)) least = text;
            continue;
        }
        if (item != 0 && sl_vec_is_null(x, r)) continue;
        count++;
        if (item != 0) sum += x->i64[r];
    }
    free(passed);
    bool sums = item == 1 || item == 5;
    if (item == 3 ? !least.ptr : sums && !count) {
        assert_true(sl_vec_is_null(out, row));
        return;
    }
    assert_false(sl_vec_is_null(out, row));
    if (item == 3)
        assert_true(sl_str_eq(sl_vec_str(out, row), least));
    else
        assert_int_equal(out->i64[row], sums ? sum : count);
}

static bool emitted_is(const struct fixture *f, uint32_t row, const struct group *group) {
    for (uint32_t i = 0; i < f->rig.what.key_count; i++)
        if (!sl_vec_rows_equal(&f->rig.emitted[i], row, &f->rig.all[f->rig.keys[i]],
                               group->rows[0]))
            return false;
    return true;
}

/* Each expected group was emitted once with its results. */
static void expect_groups(struct fixture *f,
                          bool (*wanted)(const struct fixture *, const struct group *)) {
    uint32_t expected = 0;
    for (uint32_t g = 0; g < f->count; g++) {
        const struct group *group = &f->groups[g];
        if (!group->there || !wanted(f, group)) continue;
        uint32_t row = 0;
        while (row < f->rig.emitted_rows && !emitted_is(f, row, group)) row++;
        assert_true(row < f->rig.emitted_rows);
        for (uint32_t i = 0; i < f->rig.what.item_count; i++)
            expect_item(f, group, i, &f->rig.emitted[f->rig.what.key_count + i], row);
        expected++;
    }
    assert_int_equal(f->rig.emitted_rows, expected);
}

static bool is_due(const struct fixture *f, const struct group *group) {
    return f->rig.what.event_time.column >= 0 && f->rig.evict_us != INT64_MIN &&
           end_of(&f->rig.all[W], group->rows[0]) <= f->rig.evict_us;
}
static bool is_touched(const struct fixture *f, const struct group *group) {
    (void)f;
    return group->touched;
}
static bool is_there(const struct fixture *f, const struct group *group) {
    (void)f;
    return group->there;
}

static void twin_end_batch(struct fixture *f) {
    bool evicts = f->rig.env.mode == SL_MODE_APPEND || f->rig.env.mode == SL_MODE_UPDATE;
    f->rig.removed = 0;
    for (uint32_t g = 0; g < f->count; g++) {
        struct group *group = &f->groups[g];
        group->touched = false;
        if (!evicts || !group->there || !is_due(f, group)) continue;
        group->there = false;
        f->rig.removed++;
    }
}

/* ---- what is tested ---- */

static void put_window(struct random_rows *random, struct sl_vec *vec, uint32_t number);

/* Times around batch * 60 ms; windows of 100 ms. */
static const struct rig_plan plan = {
    .ddl = "k INT, s STRING, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, x BIGINT, y STRING, "
           "f BOOLEAN",
    .time_column = W,
    .rows_max = 150,
    .parts = 3,
    .domain = 6,
    .batch_rows = 37,
    .selects = true,
    .step_ms = 60,
    .watermark_lag = 100,
    .put_time = put_window,
    .add = twin_add,
    .make = sl_aggregate_new,
};

static void put_window(struct random_rows *random, struct sl_vec *vec, uint32_t number) {
    int64_t time = (int64_t)number * 60 + random_pick(random, 400), start = time / 100 * 100;
    if (random_pick(random, 12) == 0)
        random_must(random, sl_vec_append_null(vec, 1, &random->err));
    else
        rig_put_window(random, vec, start, start + 100);
}

static struct fixture *begin_fixture(enum sl_output_mode mode, uint32_t key_count, size_t limit) {
    struct fixture *f = calloc(1, sizeof *f);
    struct rig *rig = &f->rig;
    rig_begin(rig, &plan, &rnd);
    rig->what.key_count = key_count;
    rig->what.event_time = (struct sl_event_time){key_count ? W : -1, 0};
    rig->keys[0] = key_count == 1 ? W : K;
    rig->keys[1] = W;
    rig->keys[2] = S;
    rig_add_item(rig, "count", -1, -1, false);
    rig_add_item(rig, "sum", X, -1, false);
    rig_add_item(rig, "count", X, F, false);
    rig_add_item(rig, "min", Y, -1, false);
    if (mode == SL_MODE_BATCH) rig_add_item(rig, "count", X, -1, true);
    if (mode == SL_MODE_BATCH) rig_add_item(rig, "sum", X, F, true);
    rig_make(rig, mode, limit);
    return f;
}

static void end_fixture(struct fixture *f) {
    for (uint32_t g = 0; g < f->count; g++) free(f->groups[g].rows);
    rig_end(&f->rig);
    free(f);
}

/* ---- tests ---- */

static void check_metrics(struct fixture *f) {
    uint32_t there = 0, touched = 0;
    for (uint32_t g = 0; g < f->count; g++) {
        there += f->groups[g].there;
        touched += f->groups[g].touched;
    }
    twin_end_batch(f);
    rig_check_metrics(&f->rig, there - (uint32_t)f->rig.removed, touched);
}

static void stream(enum sl_output_mode mode, uint32_t key_count, uint32_t batches) {
    struct fixture *f = begin_fixture(mode, key_count, 0);
    for (uint32_t number = 0; number < batches; number++) {
        random_must(&rnd, rig_run_batch(&f->rig, number));
        expect_groups(f, mode == SL_MODE_APPEND   ? is_due
                         : mode == SL_MODE_UPDATE ? is_touched
                                                  : is_there);
        rig_save(&f->rig, false);
        if (random_pick(&rnd, 4) == 0) rig_save(&f->rig, true);
        check_metrics(f);
        if (random_pick(&rnd, 3) == 0) rig_load(&f->rig);
    }
    end_fixture(f);
}

void test_aggregate_append(void **state) {
    (void)state;
    rnd = random_rows_from(11);
    for (uint32_t keys = 1; keys <= 3; keys++) stream(SL_MODE_APPEND, keys, 25);
}

void test_aggregate_update(void **state) {
    (void)state;
    rnd = random_rows_from(12);
    for (uint32_t keys = 1; keys <= 3; keys++) stream(SL_MODE_UPDATE, keys, 25);
}

void test_aggregate_complete(void **state) {
    (void)state;
    rnd = random_rows_from(13);
    for (uint32_t keys = 1; keys <= 3; keys++) stream(SL_MODE_COMPLETE, keys, 8);
}

/* With FILTER and DISTINCT; one batch of marks. */
void test_aggregate_batch(void **state) {
    (void)state;
    rnd = random_rows_from(14);
    for (uint32_t keys = 1; keys <= 3; keys++) {
        struct fixture *f = begin_fixture(SL_MODE_BATCH, keys, 0);
        random_must(&rnd, rig_run_batch(&f->rig, 0));
        expect_groups(f, is_there);
        assert_int_equal(f->rig.stateful->store_count, 0);
        end_fixture(f);
    }
}

/* The group without keys: a row in every batch of complete and update mode and in a batch query,
 * also when no row came. */
void test_aggregate_without_keys(void **state) {
    (void)state;
    static const enum sl_output_mode modes[] = {SL_MODE_UPDATE, SL_MODE_COMPLETE, SL_MODE_BATCH};
    rnd = random_rows_from(15);
    for (int m = 0; m < 3; m++) {
        struct fixture *f = begin_fixture(modes[m], 0, 0);
        f->groups[0] = (struct group){.there = true, .touched = true};
        f->groups[0].rows = calloc(f->groups[0].cap = 4, sizeof(uint32_t));
        f->count = 1;
        for (uint32_t number = 0; number < (modes[m] == SL_MODE_BATCH ? 1 : 6); number++) {
            f->groups[0].touched = true;
            random_must(&rnd, rig_run_batch(&f->rig, number));
            expect_groups(f, is_there);
            if (modes[m] == SL_MODE_BATCH) continue;
            rig_save(&f->rig, false);
            check_metrics(f);
            if (number % 2) rig_load(&f->rig);
        }
        end_fixture(f);
    }
}

/* Whatever the limit: the batch fails with a clear error, and after clear the same object works. */
void test_aggregate_survives_a_refusal(void **state) {
    (void)state;
    uint32_t refused = 0, worked = 0;
    rnd = random_rows_from(16);
    for (size_t limit = 1000; limit < (1u << 24); limit = limit * 5 / 4) {
        struct fixture *f = begin_fixture(SL_MODE_UPDATE, 3, limit);
        enum sl_code code = rig_run_batch(&f->rig, 0);
        assert_true(code == SL_OK || code == SL_NOMEM);
        refused += code == SL_NOMEM;
        worked += code == SL_OK;
        f->rig.stateful->ops->clear(f->rig.stateful);
        for (uint32_t g = 0; g < f->count; g++) f->groups[g].there = false;
        f->rig.budget.limit_bytes = 0;
        random_must(&rnd, rig_run_batch(&f->rig, 1));
        for (uint32_t g = 0; g < f->count; g++)
            if (!f->groups[g].there) f->groups[g].touched = false;
        expect_groups(f, is_touched);
        end_fixture(f);
    }
    assert_true(refused > 0 && worked > 0);
}
