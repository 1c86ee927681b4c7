/* An aggregation that two tasks feed with random batches, its output collected, its state kept
 * outside: what the tests of GROUP BY and of session_window share. A test embeds a `struct rig` as
 * the first member of its fixture, beside a twin that says what is right. */
#ifndef AGGREGATION_RIG_H
#define AGGREGATION_RIG_H

#include <pthread.h>

#include "random_rows.h"

#include "kern/zone.h"
#include "ops/stateful.h"

enum { RIG_COLUMNS = 6, RIG_KEYS = 3, RIG_ITEMS = 6, RIG_TASKS = 2, RIG_PARTS_MAX = 3 };

/* A batch of the state's rows, as save handed it out. */
struct rig_saved {
    struct rig_saved *next;
    struct sl_batch keys, values;
    bool removed;
};

/* What differs between the tests. */
struct rig_plan {
    const char *ddl;      /* at most RIG_COLUMNS columns */
    uint32_t time_column; /* of a STRUCT<start, end> */
    uint32_t rows_max, parts, domain, batch_rows;
    bool selects;                   /* batches have selections */
    int64_t step_ms, watermark_lag; /* a batch's times move on, and the watermark behind them */
    void (*put_time)(struct random_rows *rnd, struct sl_vec *vec, uint32_t number);
    /* The twin's view of a row that comes in. */
    void (*add)(void *fixture, const struct sl_batch *batch, uint32_t row);
    enum sl_code (*make)(const struct sl_stateful_env *env, const struct sl_aggregation *what,
                         const struct sl_type *input, const struct sl_type *output,
                         struct sl_stateful **out, struct sl_err *err);
};

struct rig {
    const struct rig_plan *plan;
    struct random_rows *rnd;
    struct sl_arena arena;
    struct sl_session session;
    const struct sl_type *schema, *output;
    struct sl_aggregation what;
    uint32_t keys[RIG_KEYS], args[RIG_ITEMS];
    struct sl_aggregation_item items[RIG_ITEMS];
    struct sl_aggregate_call calls[RIG_ITEMS];
    struct sl_stateful_env env;
    struct sl_budget budget;
    struct sl_stateful *stateful;
    struct sl_op *ops[RIG_TASKS];
    struct sl_vec all[RIG_COLUMNS]; /* every row that was accepted */
    int64_t late_us, evict_us;      /* of this batch; INT64_MIN: none */
    struct sl_vec emitted[RIG_KEYS + RIG_ITEMS];
    uint32_t emitted_rows;
    uint64_t late, removed; /* as the twin counts them */
    struct rig_saved *log;
};

/* ---- making ---- */

static inline void rig_begin(struct rig *rig, const struct rig_plan *plan,
                             struct random_rows *rnd) {
    rig->plan = plan;
    rig->rnd = rnd;
    sl_arena_init(&rig->arena, "test");
    random_must(rnd, sl_type_parse_schema(&rig->arena, sl_str(plan->ddl), &rig->schema, &rnd->err));
    assert_true(rig->schema->field_count <= RIG_COLUMNS);
    rig->session = (struct sl_session){.ansi = true, .time_zone = SL_STR("UTC")};
    rig->what = (struct sl_aggregation){.keys = rig->keys, .items = rig->items, .session = -1};
    for (uint32_t c = 0; c < rig->schema->field_count; c++)
        sl_vec_init(&rig->all[c], rig->schema->fields[c].type);
}

/* column -1: count(*) */
static inline void rig_add_item(struct rig *rig, const char *name, int column, int filter,
                                bool distinct) {
    uint32_t i = rig->what.item_count++;
    const struct sl_type *target;
    struct sl_bind_arg arg = {.type = column < 0 ? NULL : rig->schema->fields[column].type};
    random_must(rig->rnd,
                sl_aggregate_resolve(&rig->arena, &rig->session, sl_str(name), &arg, column >= 0,
                                     column < 0, false, (struct sl_span){0, 0}, &target,
                                     &rig->calls[i], &rig->rnd->err));
    rig->args[i] = (uint32_t)(column < 0 ? 0 : column);
    rig->items[i] = (struct sl_aggregation_item){&rig->calls[i], &rig->args[i], filter, distinct};
}

/* Keys and items are there. */
static inline void rig_make(struct rig *rig, enum sl_output_mode mode, size_t limit) {
    struct sl_field fields[RIG_KEYS + RIG_ITEMS];
    uint32_t count = 0;
    for (uint32_t i = 0; i < rig->what.key_count; i++)
        fields[count++] = rig->schema->fields[rig->keys[i]];
    for (uint32_t i = 0; i < rig->what.item_count; i++)
        fields[count++] = (struct sl_field){
            .name = SL_STR("item"), .type = rig->calls[i].result, .nullable = true};
    rig->output = sl_type_struct(&rig->arena, fields, count);
    for (uint32_t i = 0; i < count; i++) sl_vec_init(&rig->emitted[i], rig->output->fields[i].type);
    sl_budget_init(&rig->budget, limit);
    rig->env = (struct sl_stateful_env){&rig->arena, &rig->budget, &rig->session, mode,
                                        rig->plan->batch_rows};
    random_must(rig->rnd, rig->plan->make(&rig->env, &rig->what, rig->schema, rig->output,
                                          &rig->stateful, &rig->rnd->err));
    for (int t = 0; t < RIG_TASKS; t++)
        random_must(rig->rnd, rig->stateful->ops->attach(rig->stateful, 0, false, &rig->ops[t],
                                                         &rig->rnd->err));
}

static inline void rig_forget_log(struct rig *rig) {
    while (rig->log) {
        struct rig_saved *saved = rig->log;
        rig->log = saved->next;
        sl_batch_release(&saved->keys);
        if (!saved->removed) sl_batch_release(&saved->values);
        free(saved);
    }
}

/* Nothing stays in the budget. */
static inline void rig_end(struct rig *rig) {
    rig_forget_log(rig);
    for (int t = 0; t < RIG_TASKS; t++) rig->ops[t]->ops->free(rig->ops[t]);
    rig->stateful->ops->free(rig->stateful);
    assert_int_equal(atomic_load(&rig->budget.used_bytes), 0);
    for (uint32_t c = 0; c < rig->schema->field_count; c++) sl_vec_release(&rig->all[c]);
    for (uint32_t i = 0; i < rig->output->field_count; i++) sl_vec_release(&rig->emitted[i]);
    sl_arena_release(&rig->arena);
}

/* ---- rows ---- */

/* A window, or NULL. */
static inline void rig_put_window(struct random_rows *rnd, struct sl_vec *vec, int64_t start_ms,
                                  int64_t end_ms) {
    random_must(rnd, sl_vec_reserve(vec, vec->rows + 1, &rnd->err));
    random_must(rnd, sl_vec_put_i64(&vec->children[0], start_ms * 1000, &rnd->err));
    random_must(rnd, sl_vec_put_i64(&vec->children[1], end_ms * 1000, &rnd->err));
    random_end_row(rnd, vec);
}

static inline void rig_make_batch(struct rig *rig, struct sl_batch *batch, uint32_t number) {
    const struct rig_plan *plan = rig->plan;
    struct random_rows *rnd = rig->rnd;
    uint32_t rows = random_pick(rnd, 5) ? random_pick(rnd, plan->rows_max) : 0;
    sl_batch_init(batch, rig->schema, &rig->arena);
    rnd->domain = plan->domain;
    for (uint32_t c = 0; c < rig->schema->field_count; c++) {
        if (c != plan->time_column) {
            random_column(rnd, &batch->columns[c], rows);
            continue;
        }
        random_must(rnd, sl_vec_reserve(&batch->columns[c], rows, &rnd->err));
        for (uint32_t i = 0; i < rows; i++) plan->put_time(rnd, &batch->columns[c], number);
    }
    batch->rows = batch->selected_rows = rows;
    if (!plan->selects || random_pick(rnd, 2)) return;
    uint64_t *selected = sl_arena_zalloc(&rig->arena, (SL_BIT_WORDS(rows) + 1) * 8);
    for (uint32_t i = 0; i < rows; i++)
        if (random_pick(rnd, 4)) sl_bit_set(selected, i);
    batch->selected = selected;
    batch->selected_rows = (uint32_t)sl_bits_count(selected, rows);
}

/* Keeps the row for the twin; its number in `all`. */
static inline uint32_t rig_accept(struct rig *rig, const struct sl_batch *batch, uint32_t row) {
    for (uint32_t c = 0; c < rig->schema->field_count; c++)
        random_must(rig->rnd,
                    sl_vec_append(&rig->all[c], &batch->columns[c], &row, 1, &rig->rnd->err));
    return rig->all[0].rows - 1;
}

struct rig_task {
    struct rig *rig;
    struct sl_op *op;
    struct sl_batch *batches;
    enum sl_code code;
    struct sl_err err;
};

static inline void *rig_push(void *ctx) {
    struct rig_task *task = ctx;
    for (uint32_t i = 0; i < task->rig->plan->parts && task->code == SL_OK; i++) {
        struct sl_batch *out = NULL;
        task->code = task->op->ops->process(task->op, &task->rig->session, &task->batches[i], &out,
                                            &task->err);
        if (task->code == SL_OK) assert_int_equal(out->rows, 0);
    }
    return NULL;
}

/* All tasks' rows, the second task's on another thread. */
static inline enum sl_code rig_push_batch(struct rig *rig, uint32_t number) {
    struct sl_batch batches[RIG_TASKS * RIG_PARTS_MAX];
    struct rig_task tasks[RIG_TASKS];
    pthread_t thread;
    uint32_t parts = rig->plan->parts, count = RIG_TASKS * parts;
    assert_true(parts <= RIG_PARTS_MAX);
    for (uint32_t i = 0; i < count; i++) {
        rig_make_batch(rig, &batches[i], number);
        for (uint32_t row = 0; row < batches[i].rows; row++)
            if (!batches[i].selected || sl_bit_get(batches[i].selected, row))
                rig->plan->add(rig, &batches[i], row);
    }
    for (uint32_t t = 0; t < RIG_TASKS; t++)
        tasks[t] = (struct rig_task){.rig = rig, .op = rig->ops[t], .batches = batches + t * parts};
    assert_int_equal(pthread_create(&thread, NULL, rig_push, &tasks[1]), 0);
    rig_push(&tasks[0]);
    pthread_join(thread, NULL);
    for (uint32_t i = 0; i < count; i++) sl_batch_release(&batches[i]);
    return tasks[0].code == SL_OK ? tasks[1].code : tasks[0].code;
}

static inline enum sl_code rig_collect(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    struct rig *rig = ctx;
    assert_true(batch->rows > 0 && batch->rows <= rig->env.batch_rows);
    assert_true(!batch->selected && batch->selected_rows == batch->rows);
    for (uint32_t i = 0; i < batch->schema->field_count; i++) {
        assert_int_equal(batch->columns[i].rows, batch->rows);
        SL_TRY(sl_vec_append(&rig->emitted[i], &batch->columns[i], NULL, batch->rows, err));
    }
    rig->emitted_rows += batch->rows;
    return SL_OK;
}

static inline int64_t rig_mark_ms(const struct rig *rig, uint32_t number) {
    return (int64_t)number * rig->plan->step_ms - rig->plan->watermark_lag;
}

/* Batch `number`, from its marks to its output; late rows are judged by the mark of the batch
 * before. */
static inline enum sl_code rig_run_batch(struct rig *rig, uint32_t number) {
    struct sl_batch_marks marks = {.late_ms = number < 3 ? INT64_MIN : rig_mark_ms(rig, number - 1),
                                   .evict_ms = number < 2 ? INT64_MIN : rig_mark_ms(rig, number),
                                   .session = &rig->session};
    rig->late = 0;
    rig->late_us = number < 3 ? INT64_MIN : marks.late_ms * 1000;
    rig->evict_us = number < 2 ? INT64_MIN : marks.evict_ms * 1000;
    rig->stateful->ops->begin(rig->stateful, &marks);
    SL_TRY(rig_push_batch(rig, number));
    rig->emitted_rows = 0;
    for (uint32_t i = 0; i < rig->output->field_count; i++) sl_vec_clear(&rig->emitted[i]);
    for (uint32_t s = 0; s < rig->stateful->finish_shards; s++)
        SL_TRY(rig->stateful->ops->finish(rig->stateful, s, rig_collect, rig, &rig->rnd->err));
    return SL_OK;
}

/* ---- the state outside ---- */

static inline void rig_copy_batch(struct rig *rig, struct sl_batch *to,
                                  const struct sl_batch *from) {
    sl_batch_init(to, from->schema, &rig->arena);
    to->rows = to->selected_rows = from->rows;
    for (uint32_t c = 0; c < from->schema->field_count; c++) {
        assert_int_equal(from->columns[c].rows, from->rows);
        random_must(rig->rnd, sl_vec_append(&to->columns[c], &from->columns[c], NULL, from->rows,
                                            &rig->rnd->err));
    }
}

static inline enum sl_code rig_keep(void *ctx, uint32_t store, const struct sl_batch *keys,
                                    const struct sl_batch *values, struct sl_err *err) {
    struct rig *rig = ctx;
    struct rig_saved *saved = calloc(1, sizeof *saved), **end = &rig->log;
    (void)err;
    assert_int_equal(store, 0);
    rig_copy_batch(rig, &saved->keys, keys);
    saved->removed = !values;
    if (values) rig_copy_batch(rig, &saved->values, values);
    while (*end) end = &(*end)->next;
    *end = saved;
    return SL_OK;
}

static inline void rig_save(struct rig *rig, bool whole) {
    if (whole) rig_forget_log(rig);
    for (uint32_t s = 0; s < SL_STATE_SHARDS; s++)
        random_must(rig->rnd, rig->stateful->ops->save(rig->stateful, s, whole, rig_keep, rig,
                                                       &rig->rnd->err));
}

/* Drops the state and takes it from the log again. */
static inline void rig_load(struct rig *rig) {
    rig->stateful->ops->clear(rig->stateful);
    for (struct rig_saved *saved = rig->log; saved; saved = saved->next)
        random_must(rig->rnd, rig->stateful->ops->load(rig->stateful, 0, &saved->keys,
                                                       saved->removed ? NULL : &saved->values,
                                                       &rig->rnd->err));
}

static inline void rig_check_metrics(const struct rig *rig, uint32_t there, uint32_t touched) {
    struct sl_state_metrics metrics;
    rig->stateful->ops->metrics(rig->stateful, &metrics);
    assert_int_equal(metrics.rows_total, there);
    assert_int_equal(metrics.rows_updated, touched);
    assert_int_equal(metrics.rows_removed, rig->removed);
    assert_int_equal(metrics.rows_late, rig->late);
    assert_int_equal(metrics.memory_bytes, atomic_load(&rig->budget.used_bytes));
}

#endif
