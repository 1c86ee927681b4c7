/* Goal: GROUP BY gives in every batch exactly what its output mode says, whatever comes in: late
 * and null times, filters, DISTINCT, several tasks, state that is saved, dropped and loaded again.
 * Method: random batches against a twin that keeps all rows of every group and computes the results
 * anew whenever it is asked. */
#include <pthread.h>

#include "random_rows.h"

#include "kern/zone.h"
#include "ops/stateful.h"

enum { K, S, W, X, Y, F, COLUMNS };
enum { GROUPS_MAX = 3000, ITEMS_MAX = 6, TASKS = 2, PARTS = 3 };
static const char ddl[] =
    "k INT, s STRING, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, x BIGINT, y STRING, f BOOLEAN";

static struct sl_arena arena;
static struct random_rows rnd;
static struct sl_session session;
static const struct sl_type *schema;

/* ---- twin ---- */

struct group {
    uint32_t *rows, count, cap; /* of `all` */
    bool there, touched;
};

struct twin {
    struct sl_vec all[COLUMNS]; /* every row that was accepted */
    struct group groups[GROUPS_MAX];
    uint32_t count;
};

struct fixture {
    struct sl_aggregation what;
    uint32_t keys[4];
    struct sl_aggregation_item items[ITEMS_MAX];
    struct sl_aggregate_call calls[ITEMS_MAX];
    uint32_t args[ITEMS_MAX];
    const struct sl_type *output;
    struct sl_stateful_env env;
    struct sl_budget budget;
    struct sl_stateful *stateful;
    struct sl_op *ops[TASKS];
    struct twin twin;
    int64_t late_us, evict_us; /* of this batch; INT64_MIN: none */
    struct sl_vec *emitted;
    uint32_t emitted_rows;
    uint64_t late, removed;
    struct saved *log;
};

static bool same_key(const struct fixture *f, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < f->what.key_count; i++) {
        const struct sl_vec *vec = &f->twin.all[f->keys[i]];
        if (!sl_vec_rows_equal(vec, a, vec, b)) return false;
    }
    return true;
}

static int64_t end_of(const struct sl_vec *windows, uint32_t row) {
    const struct sl_vec *ends = &windows->children[1];
    if (windows->enc == SL_ENC_CONST) row = 0;
    return sl_vec_is_null(ends, row) ? INT64_MAX : ends->i64[row];
}

static void twin_add(struct fixture *f, const struct sl_batch *batch, uint32_t row) {
    struct twin *twin = &f->twin;
    bool drops = f->env.mode == SL_MODE_APPEND || f->env.mode == SL_MODE_UPDATE;
    if (drops && f->what.event_time.column >= 0 && f->late_us != INT64_MIN &&
        end_of(&batch->columns[W], row) <= f->late_us) {
        f->late++;
        return;
    }
    for (uint32_t c = 0; c < COLUMNS; c++)
        random_must(&rnd, sl_vec_append(&twin->all[c], &batch->columns[c], &row, 1, &rnd.err));
    uint32_t at = twin->all[0].rows - 1, g = 0;
    while (g < twin->count && !(twin->groups[g].there && same_key(f, twin->groups[g].rows[0], at)))
        g++;
    if (g == twin->count) {
        assert_true(g < GROUPS_MAX);
        twin->groups[twin->count++] = (struct group){.there = true};
    }
    struct group *group = &twin->groups[g];
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
    const struct sl_vec *x = &f->twin.all[X], *y = &f->twin.all[Y], *flag = &f->twin.all[F];
    int64_t sum = 0, count = 0;
    struct sl_str least = {NULL, 0};
    uint32_t *passed = malloc((group->count + 1) * sizeof *passed), n = 0;
    bool filtered = f->items[item].filter >= 0;
    for (uint32_t i = 0; i < group->count; i++) {
        uint32_t r = group->rows[i];
        if (filtered && (sl_vec_is_null(flag, r) || !sl_bit_get(flag->bits, r))) continue;
        passed[n++] = r;
        if (f->items[item].distinct && seen_before(x, passed, n - 1)) continue;
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
    for (uint32_t i = 0; i < f->what.key_count; i++)
        if (!sl_vec_rows_equal(&f->emitted[i], row, &f->twin.all[f->keys[i]], group->rows[0]))
            return false;
    return true;
}

/* Each expected group was emitted once with its results. */
static void expect_groups(struct fixture *f,
                          bool (*wanted)(const struct fixture *, const struct group *)) {
    uint32_t expected = 0;
    for (uint32_t g = 0; g < f->twin.count; g++) {
        const struct group *group = &f->twin.groups[g];
        if (!group->there || !wanted(f, group)) continue;
        uint32_t row = 0;
        while (row < f->emitted_rows && !emitted_is(f, row, group)) row++;
        assert_true(row < f->emitted_rows);
        for (uint32_t i = 0; i < f->what.item_count; i++)
            expect_item(f, group, i, &f->emitted[f->what.key_count + i], row);
        expected++;
    }
    assert_int_equal(f->emitted_rows, expected);
}

static bool is_due(const struct fixture *f, const struct group *group) {
    return f->what.event_time.column >= 0 && f->evict_us != INT64_MIN &&
           end_of(&f->twin.all[W], group->rows[0]) <= f->evict_us;
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
    bool evicts = f->env.mode == SL_MODE_APPEND || f->env.mode == SL_MODE_UPDATE;
    f->removed = 0;
    for (uint32_t g = 0; g < f->twin.count; g++) {
        struct group *group = &f->twin.groups[g];
        group->touched = false;
        if (!evicts || !group->there || !is_due(f, group)) continue;
        group->there = false;
        f->removed++;
    }
}

/* ---- what is tested ---- */

static void add_item(struct fixture *f, const char *name, int column, int filter, bool distinct) {
    uint32_t i = f->what.item_count++;
    const struct sl_type *target;
    struct sl_bind_arg arg = {.type = column < 0 ? NULL : schema->fields[column].type};
    random_must(&rnd, sl_aggregate_resolve(&arena, &session, sl_str(name), &arg, column >= 0,
                                           column < 0, false, (struct sl_span){0, 0}, &target,
                                           &f->calls[i], &rnd.err));
    f->args[i] = (uint32_t)(column < 0 ? 0 : column);
    f->items[i] = (struct sl_aggregation_item){&f->calls[i], &f->args[i], filter, distinct};
}

static void make_output(struct fixture *f) {
    struct sl_field fields[16];
    uint32_t count = 0;
    for (uint32_t i = 0; i < f->what.key_count; i++) fields[count++] = schema->fields[f->keys[i]];
    for (uint32_t i = 0; i < f->what.item_count; i++)
        fields[count++] =
            (struct sl_field){.name = SL_STR("item"), .type = f->calls[i].result, .nullable = true};
    f->output = sl_type_struct(&arena, fields, count);
    f->emitted = calloc(count, sizeof *f->emitted);
    for (uint32_t i = 0; i < count; i++) sl_vec_init(&f->emitted[i], f->output->fields[i].type);
}

static struct fixture *begin_fixture(enum sl_output_mode mode, uint32_t key_count, size_t limit) {
    struct fixture *f = calloc(1, sizeof *f);
    sl_arena_init(&arena, "test");
    random_must(&rnd, sl_type_parse_schema(&arena, sl_str(ddl), &schema, &rnd.err));
    session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC")};
    f->what = (struct sl_aggregation){.keys = f->keys,
                                      .key_count = key_count,
                                      .items = f->items,
                                      .event_time = {key_count ? W : -1, 0},
                                      .session = -1};
    f->keys[0] = key_count == 1 ? W : K;
    f->keys[1] = W;
    f->keys[2] = S;
    add_item(f, "count", -1, -1, false);
    add_item(f, "sum", X, -1, false);
    add_item(f, "count", X, F, false);
    add_item(f, "min", Y, -1, false);
    if (mode == SL_MODE_BATCH) add_item(f, "count", X, -1, true);
    if (mode == SL_MODE_BATCH) add_item(f, "sum", X, F, true);
    make_output(f);
    sl_budget_init(&f->budget, limit);
    f->env = (struct sl_stateful_env){&arena, &f->budget, &session, mode, 37};
    random_must(&rnd,
                sl_aggregate_new(&f->env, &f->what, schema, f->output, &f->stateful, &rnd.err));
    for (int t = 0; t < TASKS; t++)
        random_must(&rnd, f->stateful->ops->attach(f->stateful, 0, false, &f->ops[t], &rnd.err));
    for (uint32_t c = 0; c < COLUMNS; c++) sl_vec_init(&f->twin.all[c], schema->fields[c].type);
    return f;
}

static void end_fixture(struct fixture *f) {
    for (int t = 0; t < TASKS; t++) f->ops[t]->ops->free(f->ops[t]);
    f->stateful->ops->free(f->stateful);
    assert_int_equal(atomic_load(&f->budget.used_bytes), 0);
    for (uint32_t c = 0; c < COLUMNS; c++) sl_vec_release(&f->twin.all[c]);
    for (uint32_t g = 0; g < f->twin.count; g++) free(f->twin.groups[g].rows);
    for (uint32_t i = 0; i < f->output->field_count; i++) sl_vec_release(&f->emitted[i]);
    free(f->emitted);
    free(f);
    sl_arena_release(&arena);
}

static void put_window(struct sl_vec *vec, int64_t time) {
    if (random_pick(&rnd, 12) == 0) {
        random_must(&rnd, sl_vec_append_null(vec, 1, &rnd.err));
        return;
    }
    int64_t start = time / 100 * 100;
    random_must(&rnd, sl_vec_reserve(vec, vec->rows + 1, &rnd.err));
    random_must(&rnd, sl_vec_put_i64(&vec->children[0], start * 1000, &rnd.err));
    random_must(&rnd, sl_vec_put_i64(&vec->children[1], (start + 100) * 1000, &rnd.err));
    random_end_row(&rnd, vec);
}

/* Times around batch * 60 ms; windows of 100 ms. */
static void make_batch(struct sl_batch *batch, uint32_t number, uint64_t *selected) {
    uint32_t rows = random_pick(&rnd, 5) ? random_pick(&rnd, 150) : 0;
    sl_batch_init(batch, schema, &arena);
    rnd.domain = 6;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        if (c != W) {
            random_column(&rnd, &batch->columns[c], rows);
            continue;
        }
        random_must(&rnd, sl_vec_reserve(&batch->columns[c], rows, &rnd.err));
        for (uint32_t i = 0; i < rows; i++)
            put_window(&batch->columns[c], (int64_t)number * 60 + random_pick(&rnd, 400));
    }
    batch->rows = batch->selected_rows = rows;
    if (random_pick(&rnd, 2)) return;
    sl_bits_fill(selected, rows, false);
    for (uint32_t i = 0; i < rows; i++)
        if (random_pick(&rnd, 4)) sl_bit_set(selected, i);
    batch->selected = selected;
    batch->selected_rows = (uint32_t)sl_bits_count(selected, rows);
}

static enum sl_code collect(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    struct fixture *f = ctx;
    assert_true(batch->rows > 0 && batch->rows <= f->env.batch_rows);
    assert_true(!batch->selected && batch->selected_rows == batch->rows);
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        assert_int_equal(batch->columns[i].rows, batch->rows);
        SL_TRY(sl_vec_append(&f->emitted[i], &batch->columns[i], NULL, batch->rows, err));
    }
    f->emitted_rows += batch->rows;
    return SL_OK;
}

struct task {
    struct fixture *f;
    int number;
    struct sl_batch *batches;
    enum sl_code code;
    struct sl_err err;
};

static void *push(void *ctx) {
    struct task *task = ctx;
    struct sl_op *op = task->f->ops[task->number];
    for (int i = 0; i < PARTS && task->code == SL_OK; i++) {
        struct sl_batch *out = NULL;
        task->code = op->ops->process(op, &session, &task->batches[i], &out, &task->err);
        if (task->code == SL_OK) assert_int_equal(out->rows, 0);
    }
    return NULL;
}

/* All tasks' rows, the second task's on another thread. */
static enum sl_code push_batch(struct fixture *f, uint32_t number) {
    static uint64_t selected[TASKS * PARTS][4];
    static struct sl_batch batches[TASKS * PARTS];
    struct task tasks[TASKS];
    pthread_t thread;
    for (int i = 0; i < TASKS * PARTS; i++) {
        make_batch(&batches[i], number, selected[i]);
        for (uint32_t row = 0; row < batches[i].rows; row++)
            if (!batches[i].selected || sl_bit_get(batches[i].selected, row))
                twin_add(f, &batches[i], row);
    }
    for (int t = 0; t < TASKS; t++)
        tasks[t] = (struct task){.f = f, .number = t, .batches = batches + t * PARTS};
    assert_int_equal(pthread_create(&thread, NULL, push, &tasks[1]), 0);
    push(&tasks[0]);
    pthread_join(thread, NULL);
    for (int i = 0; i < TASKS * PARTS; i++) sl_batch_release(&batches[i]);
    for (int t = 0; t < TASKS; t++)
        if (tasks[t].code != SL_OK) return tasks[t].code;
    return SL_OK;
}

static enum sl_code run_batch(struct fixture *f, uint32_t number) {
    f->late = 0;
    f->evict_us = number < 2 ? INT64_MIN : ((int64_t)number * 60 - 100) * 1000;
    f->late_us = number < 3 ? INT64_MIN : ((int64_t)(number - 1) * 60 - 100) * 1000;
    struct sl_batch_marks marks = {
        .late_ms = f->late_us == INT64_MIN ? INT64_MIN : f->late_us / 1000,
        .evict_ms = f->evict_us == INT64_MIN ? INT64_MIN : f->evict_us / 1000,
        .session = &session};
    f->stateful->ops->begin(f->stateful, &marks);
    SL_TRY(push_batch(f, number));
    f->emitted_rows = 0;
    for (uint32_t i = 0; i < f->output->field_count; i++) sl_vec_clear(&f->emitted[i]);
    for (uint32_t s = 0; s < f->stateful->finish_shards; s++)
        SL_TRY(f->stateful->ops->finish(f->stateful, s, collect, f, &rnd.err));
    return SL_OK;
}

/* ---- the state outside ---- */

struct saved {
    struct saved *next;
    struct sl_batch keys, values;
    bool removed;
};

static void copy_batch(struct sl_batch *to, const struct sl_batch *from) {
    sl_batch_init(to, from->schema, &arena);
    to->rows = to->selected_rows = from->rows;
    for (uint32_t c = 0; c < from->schema->field_count; c++)
        random_must(&rnd,
                    sl_vec_append(&to->columns[c], &from->columns[c], NULL, from->rows, &rnd.err));
}

static enum sl_code keep(void *ctx, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err) {
    struct fixture *f = ctx;
    struct saved *saved = calloc(1, sizeof *saved), **end = &f->log;
    (void)err;
    assert_int_equal(store, 0);
    copy_batch(&saved->keys, keys);
    saved->removed = !values;
    if (values) copy_batch(&saved->values, values);
    while (*end) end = &(*end)->next;
    *end = saved;
    return SL_OK;
}

static void forget_log(struct fixture *f) {
    while (f->log) {
        struct saved *saved = f->log;
        f->log = saved->next;
        sl_batch_release(&saved->keys);
        if (!saved->removed) sl_batch_release(&saved->values);
        free(saved);
    }
}

static void save_state(struct fixture *f, bool whole) {
    if (whole) forget_log(f);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        random_must(&rnd, f->stateful->ops->save(f->stateful, s, whole, keep, f, &rnd.err));
}

static void load_state(struct fixture *f) {
    f->stateful->ops->clear(f->stateful);
    for (struct saved *saved = f->log; saved; saved = saved->next)
        random_must(&rnd, f->stateful->ops->load(f->stateful, 0, &saved->keys,
                                                 saved->removed ? NULL : &saved->values, &rnd.err));
}

/* ---- tests ---- */

static void check_metrics(struct fixture *f) {
    struct sl_state_metrics metrics;
    uint32_t there = 0, touched = 0;
    for (uint32_t g = 0; g < f->twin.count; g++) {
        there += f->twin.groups[g].there;
        touched += f->twin.groups[g].touched;
    }
    twin_end_batch(f);
    f->stateful->ops->metrics(f->stateful, &metrics);
    assert_int_equal(metrics.rows_total, there - f->removed);
    assert_int_equal(metrics.rows_updated, touched);
    assert_int_equal(metrics.rows_removed, f->removed);
    assert_int_equal(metrics.rows_late, f->late);
    assert_int_equal(metrics.memory_bytes, atomic_load(&f->budget.used_bytes));
}

static void stream(enum sl_output_mode mode, uint32_t key_count, uint32_t batches) {
    struct fixture *f = begin_fixture(mode, key_count, 0);
    for (uint32_t number = 0; number < batches; number++) {
        random_must(&rnd, run_batch(f, number));
        expect_groups(f, mode == SL_MODE_APPEND   ? is_due
                         : mode == SL_MODE_UPDATE ? is_touched
                                                  : is_there);
        save_state(f, false);
        if (random_pick(&rnd, 4) == 0) save_state(f, true);
        check_metrics(f);
        if (random_pick(&rnd, 3) == 0) load_state(f);
    }
    forget_log(f);
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
        random_must(&rnd, run_batch(f, 0));
        expect_groups(f, is_there);
        assert_int_equal(f->stateful->store_count, 0);
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
        f->twin.groups[0] = (struct group){.there = true, .touched = true};
        f->twin.groups[0].rows = calloc(f->twin.groups[0].cap = 4, sizeof(uint32_t));
        f->twin.count = 1;
        for (uint32_t number = 0; number < (modes[m] == SL_MODE_BATCH ? 1 : 6); number++) {
            f->twin.groups[0].touched = true;
            random_must(&rnd, run_batch(f, number));
            expect_groups(f, is_there);
            if (modes[m] == SL_MODE_BATCH) continue;
            save_state(f, false);
            check_metrics(f);
            if (number % 2) load_state(f);
        }
        forget_log(f);
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
        enum sl_code code = run_batch(f, 0);
        assert_true(code == SL_OK || code == SL_NOMEM);
        refused += code == SL_NOMEM;
        worked += code == SL_OK;
        f->stateful->ops->clear(f->stateful);
        for (uint32_t g = 0; g < f->twin.count; g++) f->twin.groups[g].there = false;
        f->budget.limit_bytes = 0;
        random_must(&rnd, run_batch(f, 1));
        for (uint32_t g = 0; g < f->twin.count; g++)
            if (!f->twin.groups[g].there) f->twin.groups[g].touched = false;
        expect_groups(f, is_touched);
        end_fixture(f);
    }
    assert_true(refused > 0 && worked > 0);
}
