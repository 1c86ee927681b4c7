/* Goal: a join gives the pairs that a nested loop gives, and unmatched rows when the watermark
 * passes them, whatever the kind, and whatever is saved and loaded in between.  Method: random
 * batches on both sides against lists that are searched from their beginning. */
#include "ops/rows_test_util.h"

#include "expr/expr.h"

static struct rows_bench bench;

static const char *const side_schemas[2] = {
    "k STRING, n INT, t TIMESTAMP, v INT, l ARRAY<STRING>, w STRUCT<start: TIMESTAMP, end: "
    "TIMESTAMP>",
    "v INT, t TIMESTAMP, w STRUCT<start: TIMESTAMP, end: TIMESTAMP>, n INT, d DECIMAL(20,2), k "
    "STRING, f BOOLEAN"};
enum { LEFT_COLUMNS = 6, RIGHT_COLUMNS = 7 };
static const uint32_t k_column[2] = {0, 5}, n_column[2] = {1, 3}, t_column[2] = {2, 1},
                      v_column[2] = {3, 0}, w_column[2] = {5, 2};

struct query {
    struct sl_join what;
    const struct sl_type *inputs[2], *output, *pair;
    uint32_t keys[2][3];
    int32_t only_above[2];
    bool has_condition;
    uint32_t batch_rows;
};

/* ---- the twin ---- */

struct side {
    struct sl_batch rows; /* remembered, in order of arrival */
    bool *gone, *matched;
};

struct twin {
    const struct query *query;
    struct side sides[2];
    struct sl_batch expected; /* of this batch */
    uint64_t late;
};

static bool int_of(const struct sl_batch *batch, uint32_t column, uint32_t row, int64_t *value) {
    struct sl_vec one;
    sl_vec_init(&one, batch->columns[column].type);
    rows_ok(sl_vec_append(&one, &batch->columns[column], &row, 1, &bench.err), &bench.err);
    const struct sl_vec *at = one.type->kind == SL_STRUCT_KIND ? &one.children[1] : &one;
    bool valid = !sl_vec_is_null(at, 0);
    if (valid) *value = at->type->kind == SL_INT_KIND ? at->i32[0] : at->i64[0];
    sl_vec_release(&one);
    return valid;
}

static bool is_preserved(const struct query *query, uint32_t side) {
    enum sl_join_kind kind = query->what.kind;
    return kind == SL_JOINS_FULL || (side == 0 && kind == SL_JOINS_LEFT) ||
           (side == 1 && kind == SL_JOINS_RIGHT) || (side == 0 && kind == SL_JOINS_ANTI);
}
static bool is_half(const struct query *query) {
    return query->what.kind == SL_JOINS_SEMI || query->what.kind == SL_JOINS_ANTI;
}

/* left, right: NULL for nulls. */
static void expect_row(struct twin *twin, const struct sl_batch *left, uint32_t left_row,
                       const struct sl_batch *right, uint32_t right_row) {
    struct sl_batch *to = &twin->expected;
    for (uint32_t c = 0; c < to->schema->field_count; c++) {
        bool is_left = c < LEFT_COLUMNS;
        const struct sl_batch *from = is_left ? left : right;
        uint32_t row = is_left ? left_row : right_row;
        if (from)
            rows_ok(sl_vec_append(&to->columns[c], &from->columns[is_left ? c : c - LEFT_COLUMNS],
                                  &row, 1, &bench.err),
                    &bench.err);
        else
            rows_ok(sl_vec_append_null(&to->columns[c], 1, &bench.err), &bench.err);
    }
    to->rows++;
}

static void expect_alone(struct twin *twin, uint32_t side, const struct sl_batch *rows,
                         uint32_t row) {
    if (side == 0)
        expect_row(twin, rows, row, NULL, 0);
    else
        expect_row(twin, NULL, 0, rows, row);
}

static bool has_null_key(const struct query *query, uint32_t side, const struct sl_batch *rows,
                         uint32_t row) {
    for (uint32_t k = 0; k < query->what.key_count; k++)
        if (sl_vec_is_null(&rows->columns[query->keys[side][k]], row)) return true;
    return false;
}

static bool is_match(const struct query *query, uint32_t side, const struct sl_batch *mine,
                     uint32_t row, const struct sl_batch *theirs, uint32_t other) {
    int64_t a, b;
    if (has_null_key(query, side, mine, row) || has_null_key(query, 1 - side, theirs, other))
        return false;
    for (uint32_t k = 0; k < query->what.key_count; k++)
        if (!sl_vec_rows_equal(&mine->columns[query->keys[side][k]], row,
                               &theirs->columns[query->keys[1 - side][k]], other))
            return false;
    if (!query->has_condition) return true;
    if (!int_of(mine, v_column[side], row, &a)) return false;
    if (!int_of(theirs, v_column[1 - side], other, &b)) return false;
    return side == 0 ? a < b : b < a;
}

static void twin_remember(struct side *side, const struct sl_batch *rows, uint32_t row,
                          bool matched) {
    uint32_t at = side->rows.rows++;
    for (uint32_t c = 0; c < rows->schema->field_count; c++)
        rows_ok(sl_vec_append(&side->rows.columns[c], &rows->columns[c], &row, 1, &bench.err),
                &bench.err);
    side->gone = sl_xrealloc(side->gone, at + 1);
    side->matched = sl_xrealloc(side->matched, at + 1);
    side->gone[at] = false;
    side->matched[at] = matched;
}

/* Pairs of one row with the other side's remembered ones; true when there is any. */
static bool twin_probe(struct twin *twin, uint32_t side, const struct sl_batch *rows,
                       uint32_t row) {
    const struct query *query = twin->query;
    struct side *other = &twin->sides[1 - side];
    bool any = false;
    for (uint32_t at = 0; at < other->rows.rows; at++) {
        if (other->gone[at] || !is_match(query, side, rows, row, &other->rows, at)) continue;
        bool first = !other->matched[at];
        any = other->matched[at] = true;
        if (!is_half(query)) {
            if (side == 0)
                expect_row(twin, rows, row, &other->rows, at);
            else
                expect_row(twin, &other->rows, at, rows, row);
        } else if (query->what.kind == SL_JOINS_SEMI && side == 1 && first) {
            expect_row(twin, &other->rows, at, NULL, 0);
        }
    }
    if (any && query->what.kind == SL_JOINS_SEMI && side == 0) expect_row(twin, rows, row, NULL, 0);
    return any;
}

static void twin_row(struct twin *twin, uint32_t side, const struct sl_batch *rows, uint32_t row,
                     const struct sl_batch_marks *marks) {
    const struct query *query = twin->query;
    const struct sl_join_side *what = &query->what.sides[side];
    bool streams = query->what.sides[0].streaming && query->what.sides[1].streaming;
    bool is_build = (int)side == sl_join_first_input(&query->what);
    int64_t value;
    if (what->event_time.column >= 0 && marks->late_ms != INT64_MIN &&
        int_of(rows, (uint32_t)what->event_time.column, row, &value) &&
        value <= marks->late_ms * 1000) {
        twin->late++;
        return;
    }
    if (what->only &&
        !(int_of(rows, v_column[side], row, &value) && value > query->only_above[side])) {
        if (is_preserved(query, side)) expect_alone(twin, side, rows, row);
        return;
    }
    if (!is_preserved(query, side) && has_null_key(query, side, rows, row)) return;
    bool matched = !is_build && twin_probe(twin, side, rows, row);
    if (streams && matched && query->what.kind == SL_JOINS_SEMI && side == 0) return;
    if (streams || is_build)
        twin_remember(&twin->sides[side], rows, row, matched);
    else if (!matched && is_preserved(query, side))
        expect_alone(twin, side, rows, row);
}

static void twin_finish(struct twin *twin, const struct sl_batch_marks *marks) {
    const struct query *query = twin->query;
    bool streams = query->what.sides[0].streaming && query->what.sides[1].streaming;
    for (uint32_t side = 0; side < 2; side++) {
        const struct sl_join_side *what = &query->what.sides[side];
        struct side *rows = &twin->sides[side];
        for (uint32_t at = 0; at < rows->rows.rows; at++) {
            int64_t time_us;
            bool goes = !streams;
            if (rows->gone[at]) continue;
            if (streams && what->bound >= 0 && marks->evict_ms != INT64_MIN)
                goes = int_of(&rows->rows, (uint32_t)what->bound, at, &time_us) &&
                       time_us + what->bound_offset_us <= marks->evict_ms * 1000;
            if (!goes) continue;
            rows->gone[at] = true;
            if (is_preserved(query, side) && !rows->matched[at])
                expect_alone(twin, side, &rows->rows, at);
        }
    }
}

static uint64_t twin_live(const struct twin *twin, uint32_t side) {
    uint64_t live = 0;
    for (uint32_t at = 0; at < twin->sides[side].rows.rows; at++)
        live += !twin->sides[side].gone[at];
    return live;
}

/* ---- queries ---- */

static struct sl_expr *call(const char *name, struct sl_expr *a, struct sl_expr *b) {
    struct sl_expr_ctx ctx = {&bench.arena, &bench.session};
    struct sl_expr *args[] = {a, b}, *out;
    rows_ok(sl_expr_call(&ctx, sl_str(name), args, 2, (struct sl_span){0, 0}, &out, &bench.err),
            &bench.err);
    return out;
}

static struct sl_expr *int_column(uint32_t column) {
    struct sl_expr_ctx ctx = {&bench.arena, &bench.session};
    return sl_expr_column(&ctx, column, &sl_type_int, true);
}

static struct sl_expr *int_literal(int32_t value) {
    struct sl_expr_ctx ctx = {&bench.arena, &bench.session};
    return sl_expr_literal_i64(&ctx, &sl_type_int, value);
}

static void describe_types(struct query *query) {
    struct sl_field fields[LEFT_COLUMNS + RIGHT_COLUMNS];
    for (int side = 0; side < 2; side++)
        query->inputs[side] = rows_schema(&bench, side_schemas[side]);
    memcpy(fields, query->inputs[0]->fields, LEFT_COLUMNS * sizeof *fields);
    memcpy(fields + LEFT_COLUMNS, query->inputs[1]->fields, RIGHT_COLUMNS * sizeof *fields);
    query->output = sl_type_struct(&bench.arena, fields,
                                   is_half(query) ? LEFT_COLUMNS : LEFT_COLUMNS + RIGHT_COLUMNS);
}

static void random_query(struct query *query, bool streams) {
    static const enum sl_join_kind kinds[] = {SL_JOINS_INNER, SL_JOINS_LEFT, SL_JOINS_RIGHT,
                                              SL_JOINS_FULL,  SL_JOINS_SEMI, SL_JOINS_ANTI};
    *query = (struct query){.batch_rows = 1 + rows_pick(&bench, rows_pick(&bench, 2) ? 7 : 300)};
    query->what.kind = kinds[rows_pick(&bench, streams ? 5 : 6)];
    uint32_t keys = rows_pick(&bench, 8);
    uint32_t right_streams = rows_pick(&bench, 3);
    for (uint32_t side = 0; side < 2; side++) {
        struct sl_join_side *what = &query->what.sides[side];
        uint32_t count = 0;
        if (keys & 1) query->keys[side][count++] = k_column[side];
        if (keys & 2) query->keys[side][count++] = n_column[side];
        if (keys == 4 || keys == 5) query->keys[side][count++] = w_column[side];
        query->what.key_count = count;
        what->keys = query->keys[side];
        what->column_count = side ? RIGHT_COLUMNS : LEFT_COLUMNS;
        what->streaming = streams || right_streams == side + 1;
        what->event_time = (struct sl_event_time){-1, 0};
        what->bound = -1;
        query->only_above[side] = (int32_t)rows_pick(&bench, 8) - 6;
        if (rows_pick(&bench, 3) == 0)
            what->only =
                call(">", int_column(v_column[side]), int_literal(query->only_above[side]));
        if (!streams) continue;
        if (rows_pick(&bench, 3)) what->event_time.column = (int32_t)t_column[side];
        if (rows_pick(&bench, 4))
            what->bound = (int32_t)(rows_pick(&bench, 3) ? t_column : w_column)[side];
        what->bound_offset_us = ((int64_t)rows_pick(&bench, 8) - 3) * 700;
    }
    query->has_condition = rows_pick(&bench, 2);
    if (query->has_condition)
        query->what.condition =
            call("<", int_column(v_column[0]), int_column(LEFT_COLUMNS + v_column[1]));
    describe_types(query);
}

static struct sl_stateful *make(const struct query *query, struct sl_budget *budget) {
    struct sl_stateful_env env = {.query = &bench.arena,
                                  .budget = budget,
                                  .session = &bench.session,
                                  .mode = SL_MODE_APPEND,
                                  .batch_rows = query->batch_rows};
    struct sl_stateful *stateful;
    rows_ok(sl_join_new(&env, &query->what, query->inputs, query->output, &stateful, &bench.err),
            &bench.err);
    return stateful;
}

/* An output row tells of which record of the batch it was made. */
static void check_sources(const struct query *query, uint32_t side, const struct sl_batch *in,
                          const struct sl_batch *out) {
    uint32_t first = side ? LEFT_COLUMNS : 0;
    uint32_t columns = side ? RIGHT_COLUMNS : LEFT_COLUMNS;
    for (uint32_t row = 0; row < out->rows; row++) {
        uint32_t source = sl_batch_source_row(out, row);
        assert_true(source < in->rows && rows_selected(in, source));
        for (uint32_t c = 0; (side == 0 || !is_half(query)) && c < columns; c++)
            assert_true(sl_vec_rows_equal(&in->columns[c], source, &out->columns[first + c], row));
    }
}

static void feed(const struct query *query, struct sl_op *op, uint32_t side, struct sl_batch *in,
                 struct sl_batch *got) {
    struct sl_batch *out;
    rows_ok(op->ops->process(op, &bench.session, in, &out, &bench.err), &bench.err);
    while (out->rows) {
        assert_true(out->rows <= query->batch_rows);
        assert_null(out->selected);
        check_sources(query, side, in, out);
        rows_ok(rows_collect(got, out, &bench.err), &bench.err);
        rows_ok(op->ops->more(op, &bench.session, &out, &bench.err), &bench.err);
    }
}

struct run {
    struct query query;
    struct twin twin;
    struct sl_stateful *stateful;
    struct sl_op *ops[2];
    struct sl_batch in, got;
    struct sl_budget budget;
};

static void run_begin(struct run *run) {
    sl_budget_init(&run->budget, 0);
    run->stateful = make(&run->query, &run->budget);
    run->twin = (struct twin){.query = &run->query};
    for (uint32_t side = 0; side < 2; side++) {
        rows_init_table(&bench, &run->twin.sides[side].rows, run->query.inputs[side]);
        rows_ok(run->stateful->ops->attach(run->stateful, side, false, &run->ops[side], &bench.err),
                &bench.err);
    }
    rows_init_table(&bench, &run->twin.expected, run->query.output);
    rows_init_table(&bench, &run->got, run->query.output);
}

static void run_end(struct run *run) {
    for (uint32_t side = 0; side < 2; side++) {
        sl_op_free(run->ops[side]);
        sl_batch_release(&run->twin.sides[side].rows);
        free(run->twin.sides[side].gone);
        free(run->twin.sides[side].matched);
    }
    run->stateful->ops->clear(run->stateful);
    assert_int_equal(atomic_load(&run->budget.used_bytes), 0);
    run->stateful->ops->free(run->stateful);
    sl_batch_release(&run->twin.expected);
    sl_batch_release(&run->got);
}

static void feed_random(struct run *run, uint32_t side, const struct sl_batch_marks *marks) {
    struct sl_batch in;
    sl_batch_init(&in, run->query.inputs[side], &bench.arena);
    rows_make_batch(&bench, &in, rows_pick(&bench, 80), 1 + rows_pick(&bench, 30));
    for (uint32_t row = 0; row < in.rows; row++)
        if (rows_selected(&in, row)) twin_row(&run->twin, side, &in, row, marks);
    feed(&run->query, run->ops[side], side, &in, &run->got);
    sl_batch_release(&in);
}

static void finish_batch(struct run *run, const struct sl_batch_marks *marks) {
    twin_finish(&run->twin, marks);
    for (uint32_t shard = 0; shard < SL_STATE_SHARDS; shard++)
        rows_ok(
            run->stateful->ops->finish(run->stateful, shard, rows_collect, &run->got, &bench.err),
            &bench.err);
    rows_check_same(&run->twin.expected, &run->got);
    rows_clear_table(&bench, &run->twin.expected);
    rows_clear_table(&bench, &run->got);
}

/* ---- two streams ---- */

static void check_metrics(const struct run *run) {
    struct sl_state_metrics metrics;
    run->stateful->ops->metrics(run->stateful, &metrics);
    assert_int_equal(metrics.rows_total, twin_live(&run->twin, 0) + twin_live(&run->twin, 1));
    assert_int_equal(metrics.rows_late, run->twin.late);
    assert_int_equal(metrics.memory_bytes, atomic_load(&run->budget.used_bytes));
}

static void one_stream_join(void) {
    struct run run;
    struct rows_kept kept;
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    random_query(&run.query, true);
    run_begin(&run);
    rows_kept_init(&kept, &bench, run.stateful);
    for (int number = 0; number < 6; number++) {
        run.twin.late = 0;
        run.stateful->ops->begin(run.stateful, &marks);
        for (uint32_t i = rows_pick(&bench, 4); i > 0; i--)
            feed_random(&run, rows_pick(&bench, 2), &marks);
        finish_batch(&run, &marks);
        check_metrics(&run);
        rows_save(run.stateful, false, &kept);
        for (uint32_t side = 0; side < 2; side++)
            assert_int_equal(rows_kept_live(&kept, side), twin_live(&run.twin, side));
        if (rows_pick(&bench, 2)) rows_check_whole(run.stateful, &kept);
        if (rows_pick(&bench, 3) == 0) rows_reload(run.stateful, &kept);
        marks.late_ms = marks.evict_ms;
        if (rows_pick(&bench, 4))
            marks.evict_ms =
                (marks.evict_ms == INT64_MIN ? -4 : marks.evict_ms) + (int64_t)rows_pick(&bench, 5);
    }
    rows_kept_release(&kept);
    run_end(&run);
}

void test_join_of_two_streams(void **state) {
    (void)state;
    rows_begin(&bench, 31);
    for (int i = 0; i < 120; i++) one_stream_join();
    rows_end(&bench);
}

/* ---- tables ---- */

static void one_table_join(void) {
    struct run run;
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    random_query(&run.query, false);
    run_begin(&run);
    assert_string_equal(run.stateful->ops->name, "");
    uint32_t first = (uint32_t)sl_join_first_input(&run.query.what);
    for (int number = 0; number < 2; number++) {
        run.stateful->ops->begin(run.stateful, &marks);
        for (uint32_t i = rows_pick(&bench, 4); i > 0; i--) feed_random(&run, first, &marks);
        for (uint32_t i = rows_pick(&bench, 4); i > 0; i--) feed_random(&run, 1 - first, &marks);
        finish_batch(&run, &marks); /* the twin forgets its tables, as begin does */
    }
    run_end(&run);
}

void test_join_with_a_table(void **state) {
    (void)state;
    rows_begin(&bench, 32);
    for (int i = 0; i < 150; i++) one_table_join();
    rows_end(&bench);
}

/* Of both sides' n; no condition. */
static void same_key_query(struct query *query, enum sl_join_kind kind) {
    *query = (struct query){.batch_rows = 100, .what.kind = kind};
    for (uint32_t side = 0; side < 2; side++) {
        query->keys[side][0] = n_column[side];
        query->what.sides[side] =
            (struct sl_join_side){.streaming = true,
                                  .keys = query->keys[side],
                                  .column_count = side ? RIGHT_COLUMNS : LEFT_COLUMNS,
                                  .event_time = {-1, 0},
                                  .bound = -1};
    }
    query->what.key_count = 1;
    describe_types(query);
}

/* A batch reads the table anew: rows of the last one match nothing any more. */
void test_a_table_is_forgotten_behind_its_batch(void **state) {
    (void)state;
    rows_begin(&bench, 33);
    struct run run;
    struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, &bench.session};
    struct sl_batch tables, *out;
    same_key_query(&run.query, SL_JOINS_INNER);
    run.query.what.sides[1].streaming = false;
    run_begin(&run);
    sl_batch_init(&tables, run.query.inputs[1], &bench.arena);
    rows_make_batch(&bench, &tables, 10, 1);
    sl_batch_init(&run.in, run.query.inputs[0], &bench.arena);
    rows_make_batch(&bench, &run.in, 10, 1);
    for (uint32_t side = 0; side < 2; side++) { /* one key, never null */
        struct sl_vec *vec = &(side ? &tables : &run.in)->columns[n_column[side]];
        sl_vec_clear(vec);
        for (int i = 0; i < 10; i++) rows_ok(sl_vec_put_i64(vec, 7, &bench.err), &bench.err);
    }
    tables.selected = run.in.selected = NULL;
    run.stateful->ops->begin(run.stateful, &marks);
    rows_ok(run.ops[1]->ops->process(run.ops[1], &bench.session, &tables, &out, &bench.err),
            &bench.err);
    assert_int_equal(out->rows, 0);
    for (int number = 0; number < 2; number++) {
        rows_ok(run.ops[0]->ops->process(run.ops[0], &bench.session, &run.in, &out, &bench.err),
                &bench.err);
        assert_int_equal(out->rows, number == 0 ? 100 : 0);
        run.stateful->ops->begin(run.stateful, &marks);
    }
    sl_batch_release(&tables);
    sl_batch_release(&run.in);
    run_end(&run);
    rows_end(&bench);
}

/* ---- many rows ---- */

static void plain_query(struct query *query, enum sl_join_kind kind) {
    *query = (struct query){.batch_rows = 4096, .what.kind = kind};
    for (uint32_t side = 0; side < 2; side++) {
        query->keys[side][0] = 0;
        query->what.sides[side] = (struct sl_join_side){.streaming = true,
                                                        .keys = query->keys[side],
                                                        .column_count = 2,
                                                        .event_time = {1, 0},
                                                        .bound = 1};
        query->inputs[side] = rows_schema(&bench, "id BIGINT, t TIMESTAMP");
    }
    query->what.key_count = 1;
    query->output = rows_schema(&bench, "id BIGINT, t TIMESTAMP, id2 BIGINT, t2 TIMESTAMP");
}

static void fill_plain(struct sl_batch *batch, int64_t first, uint32_t rows, int64_t stays_each) {
    for (int c = 0; c < 2; c++) {
        sl_vec_clear(&batch->columns[c]);
        rows_ok(sl_vec_reserve(&batch->columns[c], rows, &bench.err), &bench.err);
        batch->columns[c].rows = rows;
    }
    for (uint32_t i = 0; i < rows; i++) {
        batch->columns[0].i64[i] = first + i;
        batch->columns[1].i64[i] = (first + i) % stays_each ? 1000 : 9000000;
    }
    batch->rows = batch->selected_rows = rows;
    batch->selected = NULL;
}

/* A join of plain_query with an operator at each side, a batch to fill, and a budget. */
struct plain {
    struct query query;
    struct sl_budget budget;
    struct sl_stateful *stateful;
    struct sl_op *ops[2];
    struct sl_batch batch;
    struct sl_batch_marks marks;
};

static void begin_plain(struct plain *plain, enum sl_join_kind kind, size_t limit,
                        uint32_t batch_rows) {
    plain_query(&plain->query, kind);
    plain->query.batch_rows = batch_rows;
    sl_budget_init(&plain->budget, limit);
    plain->stateful = make(&plain->query, &plain->budget);
    sl_batch_init(&plain->batch, plain->query.inputs[0], &bench.arena);
    for (uint32_t side = 0; side < 2; side++)
        rows_ok(plain->stateful->ops->attach(plain->stateful, side, false, &plain->ops[side],
                                             &bench.err),
                &bench.err);
    plain->marks = (struct sl_batch_marks){INT64_MIN, INT64_MIN, false, &bench.session};
    plain->stateful->ops->begin(plain->stateful, &plain->marks);
}

static void end_plain(struct plain *plain) {
    for (uint32_t side = 0; side < 2; side++) sl_op_free(plain->ops[side]);
    plain->stateful->ops->free(plain->stateful);
    sl_batch_release(&plain->batch);
}

static uint64_t feed_count(struct sl_op *op, struct sl_batch *in) {
    struct sl_batch *out;
    uint64_t rows = 0;
    rows_ok(op->ops->process(op, &bench.session, in, &out, &bench.err), &bench.err);
    for (; out->rows; rows_ok(op->ops->more(op, &bench.session, &out, &bench.err), &bench.err))
        rows += out->rows;
    return rows;
}

static enum sl_code count_rows(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    *(uint64_t *)ctx += batch->rows;
    return SL_OK;
}

/* Rows that stay among many that go are moved together, and are found afterwards. */
void test_memory_follows_the_rows_that_are_left(void **state) {
    (void)state;
    rows_begin(&bench, 34);
    enum { ROWS = 200000, BATCH = 8000, EACH = 10 };
    struct plain p;
    struct sl_state_metrics metrics;
    uint64_t emitted = 0, matches = 0;
    begin_plain(&p, SL_JOINS_LEFT, 0, 4096);
    for (int64_t first = 0; first < ROWS; first += BATCH) {
        fill_plain(&p.batch, first, BATCH, EACH);
        assert_int_equal(feed_count(p.ops[0], &p.batch), 0);
    }
    size_t before = atomic_load(&p.budget.used_bytes);
    p.marks.evict_ms = 100;
    p.stateful->ops->begin(p.stateful, &p.marks);
    for (uint32_t shard = 0; shard < SL_STATE_SHARDS; shard++)
        rows_ok(p.stateful->ops->finish(p.stateful, shard, count_rows, &emitted, &bench.err),
                &bench.err);
    assert_int_equal(emitted, ROWS - ROWS / EACH);
    p.stateful->ops->metrics(p.stateful, &metrics);
    assert_int_equal(metrics.rows_total, ROWS / EACH);
    p.stateful->ops->begin(p.stateful, &p.marks); /* sweeps */
    /* keys keep their room, rows do not */
    assert_true(atomic_load(&p.budget.used_bytes) < before / 3 * 2);
    for (int64_t first = 0; first < ROWS; first += BATCH) {
        fill_plain(&p.batch, first, BATCH, EACH);
        matches += feed_count(p.ops[1], &p.batch);
    }
    assert_int_equal(matches, ROWS / EACH);
    end_plain(&p);
    rows_end(&bench);
}

/* SLUICE_TEST_ROWS: how many rows a side, for measuring. */
void test_join_speed(void **state) {
    (void)state;
    rows_begin(&bench, 35);
    enum { BATCH = 8192 };
    const char *given = getenv("SLUICE_TEST_ROWS");
    int64_t rows = given ? strtoll(given, NULL, 10) : 100000, fed = 0;
    struct plain p;
    struct sl_state_metrics metrics;
    uint64_t matches = 0;
    begin_plain(&p, SL_JOINS_INNER, 0, BATCH);
    for (; fed < rows; fed += BATCH)
        for (uint32_t side = 0; side < 2; side++) {
            fill_plain(&p.batch, fed, BATCH, 3);
            matches += feed_count(p.ops[side], &p.batch);
        }
    p.stateful->ops->metrics(p.stateful, &metrics);
    assert_int_equal(matches, fed);
    print_message("%lld rows a side: %.1f ns a row, %.1f bytes a row\n", (long long)fed,
                  (double)metrics.update_ns / (2.0 * (double)fed),
                  (double)metrics.memory_bytes / (2.0 * (double)fed));
    end_plain(&p);
    rows_end(&bench);
}

void test_join_refuses_what_the_budget_does_not_hold(void **state) {
    (void)state;
    rows_begin(&bench, 36);
    struct plain p;
    struct sl_batch *out;
    enum sl_code code = SL_OK;
    begin_plain(&p, SL_JOINS_INNER, 2 << 20, 4096);
    for (int64_t first = 0; first < 1000000 && code == SL_OK; first += 8000) {
        fill_plain(&p.batch, first, 8000, 3);
        code = p.ops[0]->ops->process(p.ops[0], &bench.session, &p.batch, &out, &bench.err);
    }
    assert_int_equal(code, SL_NOMEM);
    assert_non_null(strstr(bench.err.hint, "--memory"));
    p.stateful->ops->clear(p.stateful);
    assert_int_equal(atomic_load(&p.budget.used_bytes), 0);
    end_plain(&p);
    rows_end(&bench);
}

void test_anti_join_of_streams_is_refused(void **state) {
    (void)state;
    rows_begin(&bench, 37);
    struct query query;
    struct sl_stateful *stateful;
    plain_query(&query, SL_JOINS_ANTI);
    struct sl_stateful_env env = {&bench.arena, NULL, &bench.session, SL_MODE_APPEND, 100};
    assert_int_equal(
        sl_join_new(&env, &query.what, query.inputs, query.inputs[0], &stateful, &bench.err),
        SL_UNSUPPORTED);
    rows_end(&bench);
}

/* ---- records that fail ---- */

/* Four rows of one key, v = 3, 2, 1, 0. */
static void fill_same(struct sl_batch *batch, uint32_t side) {
    rows_make_batch(&bench, batch, 4, 1);
    struct sl_vec *n = &batch->columns[n_column[side]], *v = &batch->columns[v_column[side]];
    sl_vec_clear(n);
    sl_vec_clear(v);
    for (int i = 0; i < 4; i++) {
        rows_ok(sl_vec_put_i64(n, 7, &bench.err), &bench.err);
        rows_ok(sl_vec_put_i64(v, 3 - i, &bench.err), &bench.err);
    }
    batch->selected = NULL;
    batch->selected_rows = 4;
}

static void begin_faulty(struct run *run, struct sl_faults *faults) {
    static const struct sl_batch_marks marks = {INT64_MIN, INT64_MIN, false, NULL};
    run_begin(run);
    sl_faults_init(faults);
    sl_faults_begin(faults, 4);
    run->stateful->ops->begin(run->stateful, &marks);
    sl_batch_init(&run->in, run->query.inputs[0], &bench.arena);
    fill_same(&run->in, 0);
    run->in.faults = faults;
}

static struct sl_expr *inverse(uint32_t column) {
    return call("/", int_literal(1), int_column(column));
}

/* What a side's own condition cannot be computed for is a fault of its record: it is not
 * remembered, and does not go out alone. */
void test_a_record_that_fails_its_own_condition(void **state) {
    (void)state;
    rows_begin(&bench, 39);
    struct run run;
    struct sl_faults faults;
    struct sl_batch *out;
    struct sl_state_metrics metrics;
    same_key_query(&run.query, SL_JOINS_LEFT);
    run.query.what.sides[0].only = call("<", inverse(v_column[0]), int_literal(1));
    begin_faulty(&run, &faults);
    rows_ok(run.ops[0]->ops->process(run.ops[0], &bench.session, &run.in, &out, &bench.err),
            &bench.err);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 3);
    assert_int_equal(out->rows, 1); /* v = 1 */
    assert_int_equal(sl_batch_source_row(out, 0), 2);
    run.stateful->ops->metrics(run.stateful, &metrics);
    assert_int_equal(metrics.rows_total, 2);
    sl_faults_release(&faults);
    sl_batch_release(&run.in);
    run_end(&run);
    rows_end(&bench);
}

/* A pair has two records: its condition's failure fails the batch, quarantine or not. */
void test_a_pair_that_cannot_be_computed(void **state) {
    (void)state;
    rows_begin(&bench, 40);
    struct run run;
    struct sl_faults faults;
    struct sl_batch *out;
    static const int64_t offsets[] = {50, 51, 52, 53};
    same_key_query(&run.query, SL_JOINS_INNER);
    run.query.what.condition =
        call("<", inverse(LEFT_COLUMNS + v_column[1]), int_column(v_column[0]));
    begin_faulty(&run, &faults);
    run.in.origin = (struct sl_origin){"kafka", "orders", 2, offsets};
    struct sl_batch right;
    sl_batch_init(&right, run.query.inputs[1], &bench.arena);
    fill_same(&right, 1);
    rows_ok(run.ops[1]->ops->process(run.ops[1], &bench.session, &right, &out, &bench.err),
            &bench.err);
    assert_int_equal(out->rows, 0);
    assert_int_equal(
        run.ops[0]->ops->process(run.ops[0], &bench.session, &run.in, &out, &bench.err), SL_DATA);
    assert_string_equal(bench.err.condition, "DIVIDE_BY_ZERO");
    assert_non_null(strstr(bench.err.ctx, "topic orders partition 2 offset 50"));
    assert_int_equal(faults.count, 0);
    sl_faults_release(&faults);
    sl_batch_release(&run.in);
    sl_batch_release(&right);
    run_end(&run);
    rows_end(&bench);
}

/* ---- two tasks at once ---- */

/* One task to a side: every pair is found once, whoever comes first; SEMI: every left row once. */
static void two_tasks(enum sl_join_kind kind) {
    enum { BATCHES = 40, ROWS = 100, KEYS = 300 };
    struct query query;
    struct rows_feeder feeders[2];
    uint32_t counts[2][KEYS] = {{0}};
    uint64_t expected = 0;
    plain_query(&query, kind);
    if (kind == SL_JOINS_SEMI) query.output = query.inputs[0];
    query.batch_rows = 64;
    struct sl_stateful *stateful = make(&query, NULL);
    for (int t = 0; t < 2; t++) {
        rows_feeder_init(&feeders[t], &bench, stateful, (uint32_t)t, query.inputs[t], BATCHES);
        for (int i = 0; i < BATCHES; i++) {
            struct sl_batch *batch = &feeders[t].batches[i];
            fill_plain(batch, 0, ROWS, 1);
            for (int r = 0; r < ROWS; r++) {
                batch->columns[0].i64[r] = rows_pick(&bench, KEYS);
                counts[t][batch->columns[0].i64[r]]++;
            }
        }
    }
    for (int k = 0; k < KEYS; k++)
        expected += kind == SL_JOINS_SEMI ? (counts[1][k] ? counts[0][k] : 0)
                                          : (uint64_t)counts[0][k] * counts[1][k];
    assert_int_equal(rows_feed_two(feeders), expected);
    stateful->ops->free(stateful);
}

void test_two_tasks_find_every_pair_once(void **state) {
    (void)state;
    rows_begin(&bench, 38);
    for (int i = 0; i < 5; i++) {
        two_tasks(SL_JOINS_INNER);
        two_tasks(SL_JOINS_FULL);
        two_tasks(SL_JOINS_SEMI);
    }
    rows_end(&bench);
}
