/* Goal: sessions of equal keys that touch are one, whatever the order of rows and batches, with
 * late rows, eviction, and state that is saved, dropped and loaded.  Method: random rows against a
 * twin that keeps the rows of every session and merges by looking at all others. */
#include <pthread.h>

#include "random_rows.h"

#include "kern/zone.h"
#include "ops/stateful.h"

enum { K, W, S, X, Y, COLUMNS };
enum { SESSIONS_MAX = 4000, TASKS = 2, PARTS = 2, ITEMS = 3 };
static const char ddl[] =
    "k INT, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, s STRING, x BIGINT, y STRING";

static struct sl_arena arena;
static struct random_rows rnd;
static struct sl_session session;
static const struct sl_type *schema;

struct session {
    int64_t start, end;
    uint32_t *rows, count;
    bool there, touched;
};

struct saved {
    struct saved *next;
    struct sl_batch keys, values;
    bool removed;
};

struct fixture {
    struct sl_aggregation what;
    uint32_t keys[3], args[ITEMS];
    struct sl_aggregation_item items[ITEMS];
    struct sl_aggregate_call calls[ITEMS];
    const struct sl_type *output;
    struct sl_stateful_env env;
    struct sl_budget budget;
    struct sl_stateful *stateful;
    struct sl_op *ops[TASKS];
    struct sl_vec all[COLUMNS]; /* the rows that were accepted */
    struct session sessions[SESSIONS_MAX];
    uint32_t count;
    int64_t late_us, evict_us;
    struct sl_vec emitted[3 + ITEMS];
    uint32_t emitted_rows;
    uint64_t late, removed;
    struct saved *log;
};

/* ---- twin ---- */

static int64_t time_at(const struct sl_vec *windows, uint32_t field, uint32_t row) {
    return windows->children[field].i64[windows->enc == SL_ENC_CONST ? 0 : row];
}

static bool same_key(const struct fixture *f, uint32_t a, uint32_t b) {
    for (uint32_t i = 0; i < f->what.key_count; i++)
        if (f->keys[i] != W && !sl_vec_rows_equal(&f->all[f->keys[i]], a, &f->all[f->keys[i]], b))
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

static void twin_add(struct fixture *f, const struct sl_batch *batch, uint32_t row) {
    const struct sl_vec *windows = &batch->columns[W];
    bool drops = f->env.mode != SL_MODE_BATCH;
    if (sl_vec_is_null(windows, row)) return;
    if (drops && f->late_us != INT64_MIN && time_at(windows, 1, row) <= f->late_us) {
        f->late++;
        return;
    }
    for (uint32_t c = 0; c < COLUMNS; c++)
        random_must(&rnd, sl_vec_append(&f->all[c], &batch->columns[c], &row, 1, &rnd.err));
    assert_true(f->count < SESSIONS_MAX);
    struct session *fresh = &f->sessions[f->count++];
    *fresh = (struct session){time_at(windows, 0, row),
                              time_at(windows, 1, row),
                              malloc(sizeof(uint32_t)),
                              1,
                              true,
                              true};
    fresh->rows[0] = f->all[0].rows - 1;
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
        if (!sl_vec_is_null(&f->all[X], r)) sum += f->all[X].i64[r], count++;
        if (sl_vec_is_null(&f->all[Y], r)) continue;
        struct sl_str text = sl_vec_str(&f->all[Y], r);
        if (!least.ptr || sl_str_cmp(text, least) < 0) least = text;
    }
    const struct sl_vec *out = &f->emitted[f->what.key_count];
    assert_int_equal(out[0].i64[row], s->count);
    assert_int_equal(sl_vec_is_null(&out[1], row), count == 0);
    if (count) assert_int_equal(out[1].i64[row], sum);
    assert_int_equal(sl_vec_is_null(&out[2], row), !least.ptr);
    if (least.ptr) assert_true(sl_str_eq(sl_vec_str(&out[2], row), least));
}

static bool emitted_is(const struct fixture *f, uint32_t row, const struct session *s) {
    for (uint32_t i = 0; i < f->what.key_count; i++) {
        const struct sl_vec *out = &f->emitted[i];
        if (f->keys[i] == W ? time_at(out, 0, row) != s->start || time_at(out, 1, row) != s->end
                            : !sl_vec_rows_equal(out, row, &f->all[f->keys[i]], s->rows[0]))
            return false;
    }
    return true;
}

static bool is_due(const struct fixture *f, const struct session *s) {
    return f->evict_us != INT64_MIN && s->end <= f->evict_us;
}

static void expect_sessions(struct fixture *f) {
    uint32_t expected = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct session *s = &f->sessions[i];
        if (!s->there || (f->env.mode == SL_MODE_APPEND && !is_due(f, s))) continue;
        uint32_t row = 0;
        while (row < f->emitted_rows && !emitted_is(f, row, s)) row++;
        assert_true(row < f->emitted_rows);
        expect_results(f, s, row);
        expected++;
    }
    assert_int_equal(f->emitted_rows, expected);
}

static void check_metrics(struct fixture *f) {
    struct sl_state_metrics metrics;
    uint32_t there = 0, touched = 0;
    f->removed = 0;
    for (uint32_t i = 0; i < f->count; i++) {
        struct session *s = &f->sessions[i];
        if (f->env.mode == SL_MODE_APPEND && s->there && is_due(f, s)) {
            s->there = false;
            f->removed++;
        }
        there += s->there;
        touched += s->there && s->touched;
        s->touched = false;
    }
    f->stateful->ops->metrics(f->stateful, &metrics);
    assert_int_equal(metrics.rows_total, there);
    assert_int_equal(metrics.rows_updated, touched);
    assert_int_equal(metrics.rows_removed, f->removed);
    assert_int_equal(metrics.rows_late, f->late);
    assert_int_equal(metrics.memory_bytes, atomic_load(&f->budget.used_bytes));
}

/* ---- what is tested ---- */

static void add_item(struct fixture *f, uint32_t i, const char *name, int column, bool distinct) {
    const struct sl_type *target;
    struct sl_bind_arg arg = {.type = column < 0 ? NULL : schema->fields[column].type};
    random_must(&rnd, sl_aggregate_resolve(&arena, &session, sl_str(name), &arg, column >= 0,
                                           column < 0, false, (struct sl_span){0, 0}, &target,
                                           &f->calls[i], &rnd.err));
    f->args[i] = (uint32_t)(column < 0 ? 0 : column);
    f->items[i] = (struct sl_aggregation_item){&f->calls[i], &f->args[i], -1, distinct};
}

static struct fixture *begin_fixture(enum sl_output_mode mode, uint32_t key_count, size_t limit) {
    struct fixture *f = calloc(1, sizeof *f);
    struct sl_field fields[3 + ITEMS];
    sl_arena_init(&arena, "test");
    random_must(&rnd, sl_type_parse_schema(&arena, sl_str(ddl), &schema, &rnd.err));
    session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC")};
    f->what = (struct sl_aggregation){.keys = f->keys,
                                      .key_count = key_count,
                                      .items = f->items,
                                      .item_count = ITEMS,
                                      .event_time = {W, 0},
                                      .session = key_count == 1 ? 0 : 1};
    f->keys[0] = key_count == 1 ? W : K;
    f->keys[1] = W;
    f->keys[2] = S;
    add_item(f, 0, "count", -1, false);
    add_item(f, 1, "sum", X, false);
    add_item(f, 2, "min", Y, true); /* DISTINCT changes nothing */
    for (uint32_t i = 0; i < key_count; i++) fields[i] = schema->fields[f->keys[i]];
    for (uint32_t i = 0; i < ITEMS; i++)
        fields[key_count + i] =
            (struct sl_field){.name = SL_STR("item"), .type = f->calls[i].result, .nullable = true};
    f->output = sl_type_struct(&arena, fields, key_count + ITEMS);
    for (uint32_t i = 0; i < key_count + ITEMS; i++)
        sl_vec_init(&f->emitted[i], f->output->fields[i].type);
    sl_budget_init(&f->budget, limit);
    f->env = (struct sl_stateful_env){&arena, &f->budget, &session, mode, 29};
    random_must(&rnd, sl_session_new(&f->env, &f->what, schema, f->output, &f->stateful, &rnd.err));
    for (int t = 0; t < TASKS; t++)
        random_must(&rnd, f->stateful->ops->attach(f->stateful, 0, false, &f->ops[t], &rnd.err));
    for (uint32_t c = 0; c < COLUMNS; c++) sl_vec_init(&f->all[c], schema->fields[c].type);
    return f;
}

static void end_fixture(struct fixture *f) {
    for (int t = 0; t < TASKS; t++) f->ops[t]->ops->free(f->ops[t]);
    f->stateful->ops->free(f->stateful);
    assert_int_equal(atomic_load(&f->budget.used_bytes), 0);
    for (uint32_t c = 0; c < COLUMNS; c++) sl_vec_release(&f->all[c]);
    for (uint32_t i = 0; i < f->count; i++) free(f->sessions[i].rows);
    for (uint32_t i = 0; i < f->output->field_count; i++) sl_vec_release(&f->emitted[i]);
    free(f);
    sl_arena_release(&arena);
}

/* Gaps differ, as a computed gap's do. */
static void put_session(struct sl_vec *vec, uint32_t number) {
    int64_t start = (int64_t)number * 50 + random_pick(&rnd, 300);
    int64_t end = start + 1 + random_pick(&rnd, random_pick(&rnd, 8) ? 12 : 90);
    if (random_pick(&rnd, 20) == 0) {
        random_must(&rnd, sl_vec_append_null(vec, 1, &rnd.err));
        return;
    }
    random_must(&rnd, sl_vec_reserve(vec, vec->rows + 1, &rnd.err));
    random_must(&rnd, sl_vec_put_i64(&vec->children[0], start * 1000, &rnd.err));
    random_must(&rnd, sl_vec_put_i64(&vec->children[1], end * 1000, &rnd.err));
    random_end_row(&rnd, vec);
}

static void make_batch(struct sl_batch *batch, uint32_t number) {
    uint32_t rows = random_pick(&rnd, 5) ? random_pick(&rnd, 60) : 0;
    sl_batch_init(batch, schema, &arena);
    rnd.domain = 4;
    for (uint32_t c = 0; c < COLUMNS; c++) {
        if (c != W) {
            random_column(&rnd, &batch->columns[c], rows);
            continue;
        }
        random_must(&rnd, sl_vec_reserve(&batch->columns[c], rows, &rnd.err));
        for (uint32_t i = 0; i < rows; i++) put_session(&batch->columns[c], number);
    }
    batch->rows = batch->selected_rows = rows;
}

static enum sl_code collect(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    struct fixture *f = ctx;
    assert_true(batch->rows > 0 && batch->rows <= f->env.batch_rows);
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        assert_int_equal(batch->columns[i].rows, batch->rows);
        SL_TRY(sl_vec_append(&f->emitted[i], &batch->columns[i], NULL, batch->rows, err));
    }
    f->emitted_rows += batch->rows;
    return SL_OK;
}

struct task {
    struct sl_op *op;
    struct sl_batch *batches;
    enum sl_code code;
    struct sl_err err;
};

static void *push(void *ctx) {
    struct task *task = ctx;
    struct sl_batch *out;
    for (int i = 0; i < PARTS && task->code == SL_OK; i++)
        task->code =
            task->op->ops->process(task->op, &session, &task->batches[i], &out, &task->err);
    return NULL;
}

static enum sl_code push_batch(struct fixture *f, uint32_t number) {
    static struct sl_batch batches[TASKS * PARTS];
    struct task tasks[TASKS];
    pthread_t thread;
    for (int i = 0; i < TASKS * PARTS; i++) {
        make_batch(&batches[i], number);
        for (uint32_t row = 0; row < batches[i].rows; row++) twin_add(f, &batches[i], row);
    }
    for (int t = 0; t < TASKS; t++)
        tasks[t] = (struct task){.op = f->ops[t], .batches = batches + t * PARTS};
    assert_int_equal(pthread_create(&thread, NULL, push, &tasks[1]), 0);
    push(&tasks[0]);
    pthread_join(thread, NULL);
    for (int i = 0; i < TASKS * PARTS; i++) sl_batch_release(&batches[i]);
    return tasks[0].code == SL_OK ? tasks[1].code : tasks[0].code;
}

static enum sl_code run_batch(struct fixture *f, uint32_t number) {
    f->late = 0;
    f->evict_us = number < 2 ? INT64_MIN : ((int64_t)number * 50 - 60) * 1000;
    f->late_us = number < 3 ? INT64_MIN : ((int64_t)(number - 1) * 50 - 60) * 1000;
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

static void copy_batch(struct sl_batch *to, const struct sl_batch *from) {
    sl_batch_init(to, from->schema, &arena);
    to->rows = to->selected_rows = from->rows;
    for (uint32_t c = 0; c < from->schema->field_count; c++) {
        assert_int_equal(from->columns[c].rows, from->rows);
        random_must(&rnd,
                    sl_vec_append(&to->columns[c], &from->columns[c], NULL, from->rows, &rnd.err));
    }
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

/* The log holds exactly the sessions that are there: no key of it is left behind. */
static void load_state(struct fixture *f) {
    f->stateful->ops->clear(f->stateful);
    for (struct saved *saved = f->log; saved; saved = saved->next)
        random_must(&rnd, f->stateful->ops->load(f->stateful, 0, &saved->keys,
                                                 saved->removed ? NULL : &saved->values, &rnd.err));
    struct sl_state_metrics metrics;
    uint32_t there = 0;
    for (uint32_t i = 0; i < f->count; i++) there += f->sessions[i].there;
    f->stateful->ops->metrics(f->stateful, &metrics);
    assert_int_equal(metrics.rows_total, there);
}

/* ---- tests ---- */

static void stream(enum sl_output_mode mode, uint32_t key_count, uint32_t batches) {
    struct fixture *f = begin_fixture(mode, key_count, 0);
    for (uint32_t number = 0; number < batches; number++) {
        random_must(&rnd, run_batch(f, number));
        expect_sessions(f);
        if (mode == SL_MODE_BATCH) continue;
        save_state(f, false);
        if (random_pick(&rnd, 4) == 0) save_state(f, true);
        check_metrics(f);
        if (random_pick(&rnd, 3) == 0) load_state(f);
    }
    forget_log(f);
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
        enum sl_code code = run_batch(f, 0);
        assert_true(code == SL_OK || code == SL_NOMEM);
        refused += code == SL_NOMEM;
        worked += code == SL_OK;
        f->stateful->ops->clear(f->stateful);
        for (uint32_t i = 0; i < f->count; i++) f->sessions[i].there = false;
        f->budget.limit_bytes = 0;
        random_must(&rnd, run_batch(f, 1));
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
    f->items[1].distinct = true;
    assert_int_equal(sl_session_new(&f->env, &f->what, schema, f->output, &none, &err),
                     SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "sum(DISTINCT"));
    end_fixture(f);
}
