/* Rows that cannot be computed where the batch collects faults. */
#include "expr_test_util.h"

static struct sl_expr *cast(struct bench *b, struct sl_expr *arg, const struct sl_type *to) {
    struct sl_expr *out;
    ok(sl_expr_cast(&b->ctx, arg, to, SL_CAST_ANSI, (struct sl_span){0}, &out, &b->err), &b->err);
    return out;
}

static const struct sl_fault *fault_of(const struct sl_faults *faults, uint32_t row) {
    for (uint32_t i = 0; i < faults->count; i++)
        if (faults->items[i].row == row) return &faults->items[i];
    return NULL;
}

static void begin_faults(struct bench *b, struct sl_faults *faults) {
    sl_faults_init(faults);
    sl_faults_begin(faults, b->batch.rows);
    b->batch.faults = faults;
}

void test_each_bad_row_has_its_own_message(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    static const char *words[] = {"1", "x", NULL, "y", "5", "z"};
    struct sl_expr *n = cast(&b, column_str(&b, 0, words, 6), &sl_type_int);
    const struct sl_vec *out;
    uint64_t selected[] = {0x1F}; /* the last row is not selected */
    b.batch.selected = selected;
    b.batch.selected_rows = 5;
    begin_faults(&b, &faults);
    ok(try_eval(&b, n, &out), &b.err);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[1].row, 3);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(faults.items[i].kind, SL_FAULT_EVALUATION);
        assert_string_equal(faults.items[i].rule.ptr, "CAST");
        assert_string_equal(faults.items[i].condition.ptr, "CAST_INVALID_INPUT");
        assert_string_equal(faults.items[i].sqlstate.ptr, "22018");
        assert_non_null(strstr(faults.items[i].msg.ptr, i ? "'y'" : "'x'"));
    }
    sl_program_drop_failed(b.program, &b.batch);
    assert_int_equal(b.batch.selected_rows, 3);
    assert_int_equal(b.batch.selected[0], 0x15);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* `10 / (n - 5)` and `10 / (n - 5) + CAST(s AS INT)`: the row whose division fails is not told of
 * again by the cast. */
void test_a_record_is_told_of_once(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    static const char *words[] = {"1", "bad", "3"};
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){4, 5, 6}, 3);
    struct sl_expr *s = cast(&b, column_str(&b, 1, words, 3), &sl_type_int);
    struct sl_expr *exprs[2] = {CALL(&b, "/", int_lit(&b, 10), CALL(&b, "-", n, int_lit(&b, 5))),
                                s};
    const struct sl_vec *out[2];
    begin_faults(&b, &faults);
    compile_all(&b, exprs, 2);
    ok(sl_program_eval(b.program, &b.session, &b.batch, out, &b.err), &b.err);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 1);
    assert_string_equal(faults.items[0].rule.ptr, "/");
    assert_string_equal(faults.items[0].condition.ptr, "DIVIDE_BY_ZERO");
    sl_faults_release(&faults);
    bench_end(&b);
}

/* A condition that cannot be computed is a fault; one that is NULL is just not true. */
void test_a_filter_does_not_swallow_failures(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    static const char *words[] = {"9", "x", NULL, "1"};
    struct sl_expr *n = cast(&b, column_str(&b, 0, words, 4), &sl_type_int);
    struct sl_expr *condition = CALL(&b, ">", n, int_lit(&b, 3));
    begin_faults(&b, &faults);
    compile_all(&b, &condition, 1);
    ok(sl_program_filter(b.program, &b.session, &b.batch, &b.err), &b.err);
    assert_int_equal(b.batch.selected_rows, 1);
    assert_true(sl_bit_get(b.batch.selected, 0));
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 1);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* What no row can help is the query's fault: 1 / 0 fails the batch. Where rows decide whether it is
 * reached, it is theirs. */
void test_constant_failures_are_the_querys(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 2, 3}, 3);
    struct sl_expr *broken = CALL(&b, "/", int_lit(&b, 1), int_lit(&b, 0));
    const struct sl_vec *out;
    begin_faults(&b, &faults);
    assert_int_equal(try_eval(&b, broken, &out), SL_DATA);
    assert_string_equal(b.err.condition, "DIVIDE_BY_ZERO");
    assert_int_equal(faults.count, 0);
    struct sl_expr *some =
        CALL(&b, "if", CALL(&b, ">", n, int_lit(&b, 1)), broken, sl_expr_literal_f64(&b.ctx, 7));
    ok(try_eval(&b, some, &out), &b.err);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[1].row, 2);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* Elements of an array that cannot be cast fail the row that holds them, each with its own text. */
void test_nested_casts_name_their_own_value(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    static const char *words[] = {"1,2", "3,x", "4", "y,5"};
    struct sl_expr *list = CALL(&b, "split", column_str(&b, 0, words, 4), str_lit(&b, ","));
    struct sl_expr *n = cast(&b, list, sl_type_array(&b.arena, &sl_type_int, true));
    const struct sl_vec *out;
    begin_faults(&b, &faults);
    ok(try_eval(&b, n, &out), &b.err);
    assert_int_equal(faults.count, 2);
    assert_non_null(strstr(fault_of(&faults, 1)->msg.ptr, "'x'"));
    assert_non_null(strstr(fault_of(&faults, 3)->msg.ptr, "'y'"));
    sl_faults_release(&faults);
    bench_end(&b);
}

/* A batch that is made from records by a generator: all rows of a record leave with the one that
 * fails, also those that were computed. */
void test_a_record_fails_whole(void **state) {
    (void)state;
    struct bench b;
    struct sl_faults faults;
    bench_begin(&b);
    static const char *words[] = {"1", "2", "x", "3", "y"};
    static const uint32_t records[] = {0, 1, 1, 3, 3};
    struct sl_expr *n = cast(&b, column_str(&b, 0, words, 5), &sl_type_int);
    const struct sl_vec *out;
    b.batch.source_rows = records;
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 4);
    b.batch.faults = &faults;
    ok(try_eval(&b, n, &out), &b.err);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[1].row, 3);
    sl_program_drop_failed(b.program, &b.batch);
    assert_int_equal(b.batch.selected_rows, 1);
    assert_int_equal(b.batch.selected[0] & 0x1F, 1);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* ---- malformed JSON ---- */

static void check_json(struct bench *b, struct sl_expr *o, const uint32_t *rows, uint32_t count) {
    struct sl_faults faults;
    const struct sl_vec *out;
    begin_faults(b, &faults);
    ok(try_eval(b, o, &out), &b->err);
    assert_int_equal(faults.count, count);
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(faults.items[i].row, rows[i]);
        assert_int_equal(faults.items[i].kind, SL_FAULT_MALFORMED);
        assert_string_equal(faults.items[i].rule.ptr, "from_json");
        assert_string_equal(faults.items[i].condition.ptr, "MALFORMED_RECORD_IN_PARSING");
    }
    b->batch.faults = NULL;
    sl_faults_release(&faults);
}

void test_malformed_records_are_faults(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    static const char *records[] = {"{\"a\":1}", "{\"a\":\"x\"}", "broken", NULL,
                                    "",          "{\"b\":2}",     "[1]",    "{\"a\":null}"};
    struct sl_expr *text = column_str(&b, 0, records, 8);
    struct sl_expr *o = CALL(&b, "from_json", text, str_lit(&b, "a INT"));
    check_json(&b, o, (uint32_t[]){1, 2, 6}, 3);
    struct sl_expr *failfast = CALL(&b, "from_json", text, str_lit(&b, "a INT"),
                                    CALL(&b, "map", str_lit(&b, "mode"), str_lit(&b, "FAILFAST")));
    check_json(&b, failfast, (uint32_t[]){1, 2, 6}, 3);
    const struct sl_vec *out;
    assert_int_equal(try_eval(&b, failfast, &out), SL_DATA); /* without a quarantine */
    /* Who asks for the corrupt record deals with it. */
    struct sl_expr *kept =
        CALL(&b, "from_json", text, str_lit(&b, "a INT, _corrupt_record STRING"));
    check_json(&b, kept, NULL, 0);
    /* A branch that the row does not take parses nothing. */
    struct sl_expr *some = CALL(&b, "if", CALL(&b, "=", text, str_lit(&b, "broken")),
                                sl_expr_literal_null(&b.ctx, o->type), o);
    check_json(&b, some, (uint32_t[]){1, 6}, 2);
    /* A text of the query's own is no record. */
    check_json(&b, CALL(&b, "from_json", str_lit(&b, "broken"), str_lit(&b, "a INT")), NULL, 0);
    bench_end(&b);
}

/* ---- the naive twin ---- */

enum { ROWS_MAX = 150, POOL_MAX = 64, EXPRS = 3 };

struct pool {
    struct bench *b;
    struct sl_expr *items[POOL_MAX];
    uint32_t count;
};

static const char *random_word(void) {
    static const char *const words[] = {"1",
                                        "7",
                                        "0",
                                        "-3",
                                        "x",
                                        "",
                                        "99999999999",
                                        "4",
                                        "5",
                                        "1.5",
                                        "2",
                                        "12",
                                        "y y",
                                        "(",
                                        "a,b",
                                        "Mon",
                                        "MO",
                                        "x\\",
                                        "2024-01-05",
                                        "2024-13-05",
                                        "10:20",
                                        "true",
                                        "INTERVAL",
                                        "1,2,3",
                                        "%_y",
                                        "UTC",
                                        "2024-01-05 10:00:00",
                                        "9999999999999999999999",
                                        "\xC3\xA9",
                                        "[a"};
    return rand() % 6 == 0 ? NULL : words[(size_t)rand() % (sizeof words / sizeof *words)];
}

static void add(struct pool *pool, const char *name, uint32_t count, struct sl_expr **args) {
    struct sl_expr *out;
    if (pool->count < POOL_MAX && try_call(pool->b, name, &out, count, args) == SL_OK)
        pool->items[pool->count++] = out;
}
#define ADD(name, ...)                                                                             \
    add(pool, (name), sizeof((struct sl_expr *[]){__VA_ARGS__}) / sizeof(struct sl_expr *),        \
        (struct sl_expr *[]){__VA_ARGS__})

/* Expressions that fail in many ways, alone, in branches, and through parts in common. */
static void make_pool(struct pool *pool, struct sl_expr *s, struct sl_expr *t, struct sl_expr *n,
                      struct sl_expr *m) {
    struct bench *b = pool->b;
    struct sl_expr *i = cast(b, s, &sl_type_int), *d = CALL(b, "-", n, m);
    struct sl_expr *huge = sl_expr_literal_i64(&b->ctx, &sl_type_long, INT64_MAX - 1);
    struct sl_expr *list = CALL(b, "split", s, str_lit(b, ",")), *array = CALL(b, "array", n, i, m);
    struct sl_expr *day = sl_expr_literal_i64(&b->ctx, &sl_type_int, 30);
    static const struct sl_type *const targets[] = {
        &sl_type_int,  &sl_type_byte,      &sl_type_double, &sl_type_bool,
        &sl_type_date, &sl_type_timestamp, &sl_type_long};
    for (size_t k = 0; k < sizeof targets / sizeof *targets; k++)
        pool->items[pool->count++] = cast(b, s, targets[k]);
    pool->items[pool->count++] = cast(b, s, sl_type_decimal(&b->arena, 3, 1));
    pool->items[pool->count++] = cast(b, list, sl_type_array(&b->arena, &sl_type_int, true));
    pool->items[pool->count++] =
        cast(b, CALL(b, "*", cast(b, n, &sl_type_double), sl_expr_literal_f64(&b->ctx, 1e10)),
             &sl_type_int);
    ADD("/", n, m);
    ADD("div", n, m);
    ADD("%", n, m);
    ADD("pmod", n, m);
    ADD("+", n, huge);
    ADD("*", cast(b, m, &sl_type_long), huge);
    ADD("negative", CALL(b, "+", n, i));
    ADD("if", CALL(b, ">", m, int_lit(b, 0)), i, d);
    ADD("coalesce", n, i, CALL(b, "div", m, n));
    ADD("and", CALL(b, ">", d, int_lit(b, 0)), CALL(b, ">", i, int_lit(b, 2)));
    ADD("or", CALL(b, "=", CALL(b, "%", n, m), int_lit(b, 0)), CALL(b, "<", i, int_lit(b, 9)));
    ADD("element_at", array, m);
    ADD("[]", CALL(b, "array", n, m), m);
    ADD("slice", CALL(b, "array", n, m), m, n);
    ADD("map_from_arrays", list, CALL(b, "array", n, m));
    ADD("map", s, n);
    ADD("concat", s, cast(b, CALL(b, "+", n, i), &sl_type_string));
    ADD("try_divide", n, m);
    ADD("like", s, t);
    ADD("ilike", s, t);
    ADD("rlike", s, t);
    ADD("regexp_replace", s, t, s);
    ADD("regexp_extract", s, str_lit(b, "(.)(y)?"), n);
    ADD("regexp_extract_all", s, t, m);
    ADD("split_part", s, str_lit(b, ","), n);
    ADD("elt", n, s, t);
    ADD("next_day", sl_expr_literal_null(&b->ctx, &sl_type_date), s);
    ADD("next_day", CALL(b, "make_date", int_lit(b, 2024), int_lit(b, 1), int_lit(b, 1)), s);
    ADD("make_date", int_lit(b, 2023), CALL(b, "+", n, int_lit(b, 1)), day);
    ADD("make_timestamp", int_lit(b, 2023), m, n, n, m, n);
    ADD("to_timestamp", s);
    ADD("to_date", s);
    ADD("to_timestamp", s, str_lit(b, "yyyy-MM-dd"));
    ADD("unix_timestamp", s, str_lit(b, "yyyy-MM-dd"));
    ADD("timestamp_seconds", CALL(b, "*", cast(b, n, &sl_type_long), huge));
    ADD("timestamp_millis", CALL(b, "+", cast(b, n, &sl_type_long), huge));
    ADD("assert_true", CALL(b, ">", n, m));
    ADD("raise_error", s);
    ADD("conv", s, CALL(b, "*", n, int_lit(b, 7)), int_lit(b, 10));
    ADD("round", cast(b, n, &sl_type_byte), m);
    ADD("from_utc_timestamp", str_lit(b, "2024-01-01 00:00:00"), s);
    ADD("sequence", n, m, i);
    ADD("unhex", s);
    ADD("url_decode", s);
}

static void put_row(struct bench *b, const struct sl_vec *const *values, uint32_t row,
                    struct sl_buf *out) {
    for (int e = 0; e < EXPRS; e++) {
        if (sl_vec_is_null(values[e], row))
            sl_buf_put_cstr(out, "NULL");
        else
            sl_cast_put_text(out, values[e], row, &b->session);
        sl_buf_put_byte(out, '|');
    }
}

struct twin {
    struct bench b;
    uint32_t rows;
    bool multiplied, all;
    uint32_t records[ROWS_MAX];
    uint64_t selected[SL_BIT_WORDS(ROWS_MAX)];
    struct sl_faults faults;
    const struct sl_vec *out[EXPRS];
    const char *texts[ROWS_MAX]; /* of rows that did not fail */
};

static void make_columns(struct twin *twin, struct pool *pool) {
    const char *words[2][ROWS_MAX];
    int64_t ints[2][ROWS_MAX];
    uint32_t record = 0;
    struct bench *b = &twin->b;
    for (uint32_t r = 0; r < twin->rows; r++) {
        for (int k = 0; k < 2; k++) {
            words[k][r] = random_word();
            ints[k][r] = rand() % 8 ? rand() % 5 - 1 : INT64_MIN;
        }
        twin->records[r] = twin->multiplied ? (record += (uint32_t)rand() % 2) : r;
        if (twin->all || rand() % 4) sl_bit_set(twin->selected, r);
    }
    struct sl_expr *s = column_str(b, 0, words[0], twin->rows);
    struct sl_expr *t = column_str(b, 1, words[1], twin->rows);
    struct sl_expr *n = column_i64(b, 2, &sl_type_int, ints[0], twin->rows);
    struct sl_expr *m = column_i64(b, 3, &sl_type_int, ints[1], twin->rows);
    make_pool(pool, s, t, n, m);
}

/* The whole batch, with faults. */
static void run_batch(struct twin *twin) {
    struct bench *b = &twin->b;
    struct sl_buf text = {0};
    if (!twin->all) b->batch.selected = twin->selected;
    b->batch.selected_rows = (uint32_t)sl_bits_count(twin->selected, twin->rows);
    b->batch.source_rows = twin->multiplied ? twin->records : NULL;
    sl_faults_init(&twin->faults);
    sl_faults_begin(&twin->faults, twin->rows + 1);
    b->batch.faults = &twin->faults;
    ok(sl_program_eval(b->program, &b->session, &b->batch, twin->out, &b->err), &b->err);
    for (int e = 0; e < EXPRS; e++) {
        const char *why = NULL;
        if (!sl_vec_verify(twin->out[e], &why)) fail_msg("broken vector: %s", why);
    }
    for (uint32_t r = 0; r < twin->rows; r++) {
        sl_buf_clear(&text);
        if (sl_bit_get(twin->selected, r) && !sl_faults_has(&twin->faults, twin->records[r]))
            put_row(b, twin->out, r, &text);
        twin->texts[r] = sl_arena_cstr(&b->arena, sl_buf_str(&text));
    }
    sl_buf_release(&text);
    sl_program_drop_failed(b->program, &b->batch);
}

/* One row, alone, as a query without quarantine computes it. */
static enum sl_code solo(struct twin *twin, uint32_t row, struct sl_buf *text) {
    struct bench *b = &twin->b;
    struct sl_batch batch = b->batch;
    uint64_t selected[SL_BIT_WORDS(ROWS_MAX)] = {0};
    batch.faults = NULL;
    batch.source_rows = NULL;
    sl_bit_set(selected, row);
    batch.selected = selected;
    batch.selected_rows = 1;
    b->err = (struct sl_err){0};
    sl_buf_clear(text);
    enum sl_code code = sl_program_eval(b->program, &b->session, &batch, twin->out, &b->err);
    if (code == SL_OK) put_row(b, twin->out, row, text);
    return code;
}

static void check_fault(const struct twin *twin, uint32_t row) {
    const struct sl_fault *fault = fault_of(&twin->faults, twin->records[row]);
    assert_non_null(fault);
    if (twin->multiplied) return;
    assert_int_equal(fault->kind, SL_FAULT_EVALUATION);
    assert_string_equal(fault->msg.ptr, twin->b.err.msg);
    assert_string_equal(fault->condition.ptr, twin->b.err.condition);
    assert_string_equal(fault->sqlstate.ptr, twin->b.err.sqlstate);
}

static void check_rows(struct twin *twin) {
    struct sl_buf text = {0};
    uint64_t kept[SL_BIT_WORDS(ROWS_MAX)] = {0}, failed[SL_BIT_WORDS(ROWS_MAX + 1)] = {0};
    uint32_t records = 0;
    const uint64_t *left = twin->b.batch.selected;
    for (uint32_t r = 0; r < twin->rows; r++) sl_bit_put(kept, r, !left || sl_bit_get(left, r));
    for (uint32_t r = 0; r < twin->rows; r++) {
        if (!sl_bit_get(twin->selected, r)) {
            assert_false(sl_bit_get(kept, r));
            continue;
        }
        bool gone = sl_faults_has(&twin->faults, twin->records[r]);
        if (solo(twin, r, &text) != SL_OK) {
            check_fault(twin, r);
            records += !sl_bit_get(failed, twin->records[r]);
            sl_bit_set(failed, twin->records[r]);
        } else if (!gone) {
            assert_string_equal(twin->texts[r], sl_buf_cstr(&text));
        }
        assert_int_equal(sl_bit_get(kept, r), !gone);
    }
    assert_int_equal(records, twin->faults.count);
    sl_buf_release(&text);
}

static uint32_t check_round(uint32_t rows, uint64_t *failures) {
    struct twin *twin = calloc(1, sizeof *twin);
    struct pool pool = {.b = &twin->b};
    struct sl_expr *exprs[EXPRS];
    bench_begin(&twin->b);
    twin->rows = rows;
    twin->multiplied = rand() % 3 == 0;
    twin->all = rand() % 3 == 0;
    make_columns(twin, &pool);
    for (int e = 0; e < EXPRS; e++) exprs[e] = pool.items[(uint32_t)rand() % pool.count];
    compile_all(&twin->b, exprs, EXPRS);
    run_batch(twin);
    check_rows(twin);
    *failures += twin->faults.count;
    sl_faults_release(&twin->faults);
    bench_end(&twin->b);
    free(twin);
    return pool.count;
}

/* Goal: faults, their messages, the rows that stay and their values are those of every row computed
 * alone. Method: random expressions over random columns with bad values, selections and generated
 * rows. */
void test_faults_against_rows_computed_alone(void **state) {
    (void)state;
    uint64_t failures = 0;
    srand(11);
    for (int round = 0; round < 250; round++)
        assert_in_range(
            check_round(round % 3 ? 1 + (uint32_t)rand() % ROWS_MAX : 1 + (uint32_t)rand() % 7,
                        &failures),
            43, POOL_MAX);
    assert_true(failures > 1000);
}
