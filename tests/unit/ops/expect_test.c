#include "ops/op.h"

#include "expr/expr_test_util.h"

enum { ROWS_MAX = 200, RULES_MAX = 5 };

static struct sl_expect rule(const char *name, struct sl_expr *condition,
                             enum sl_expect_action action) {
    return (struct sl_expect){sl_str(name), SL_STR("as written"), condition, action, {0, 0}};
}

static enum sl_code run(struct bench *b, const struct sl_expect *rules, uint32_t count,
                        struct sl_op **op, struct sl_batch **out) {
    ok(sl_expect_new(rules, count, false, op, &b->err), &b->err);
    b->err = (struct sl_err){0};
    return (*op)->ops->process(*op, &b->session, &b->batch, out, &b->err);
}

static void check_counts(const struct sl_op *op, uint32_t i, uint64_t passed, uint64_t failed) {
    assert_int_equal(sl_expect_counts(op)[i].passed, passed);
    assert_int_equal(sl_expect_counts(op)[i].failed, failed);
}

/* NULL is a violation; every rule counts every row, also those that another rule drops. */
void test_rules_count_all_rows(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, INT64_MIN, -1, 0, 7}, 5);
    struct sl_expect rules[] = {
        rule("positive", CALL(&b, ">", n, int_lit(&b, 0)), SL_EXPECT_KEEP),
        rule("not negative", CALL(&b, ">=", n, int_lit(&b, 0)), SL_EXPECT_DROP),
        rule("known", CALL(&b, "isnotnull", n), SL_EXPECT_DROP)};
    ok(run(&b, rules, 3, &op, &out), &b.err);
    check_counts(op, 0, 2, 3);
    check_counts(op, 1, 3, 2);
    check_counts(op, 2, 4, 1);
    assert_int_equal(out->selected_rows, 3);
    assert_int_equal(out->selected[0] & 0x1F, 0x19);
    sl_op_free(op);
    bench_end(&b);
}

void test_fail_update_names_rule_text_and_row(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    struct sl_faults faults;
    static const int64_t offsets[] = {40, 41, 42};
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, 3, -1}, 3);
    b.batch.origin = (struct sl_origin){"kafka", "orders", 2, offsets};
    n->name = SL_STR("n");
    struct sl_expect strict = rule("positive", CALL(&b, ">", n, int_lit(&b, 0)), SL_EXPECT_FAIL);
    sl_faults_init(&faults);
    for (int quarantine = 0; quarantine < 2; quarantine++) {
        sl_faults_begin(&faults, 3);
        b.batch.faults = quarantine ? &faults : NULL;
        assert_int_equal(run(&b, &strict, 1, &op, &out), SL_DATA);
        assert_string_equal(b.err.condition, "EXPECTATION_VIOLATION");
        assert_string_equal(b.err.sqlstate, "22000");
        assert_non_null(strstr(b.err.msg, "`positive`"));
        assert_non_null(strstr(b.err.msg, "`as written`"));
        assert_non_null(strstr(b.err.msg, "not true (n = -1): topic orders partition 2 offset 42"));
        assert_null(strstr(b.err.msg, "others"));
        assert_int_equal(faults.count, 0);
        sl_op_free(op);
    }
    sl_faults_release(&faults);
    bench_end(&b);
}

/* What the table demands is a dead letter of kind `write`, or fails the batch; it is not asked of
 * rows that have left. */
void test_demands_of_the_table(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op, *first;
    struct sl_batch *out;
    struct sl_faults faults;
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, INT64_MIN, -1}, 3);
    struct sl_expect demand = rule("id NOT NULL", CALL(&b, "isnotnull", n), SL_EXPECT_TABLE);
    assert_int_equal(run(&b, &demand, 1, &op, &out), SL_DATA);
    assert_string_equal(b.err.condition, "CHECK_CONSTRAINT_VIOLATION");
    assert_string_equal(b.err.sqlstate, "23001");
    sl_op_free(op);
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 3);
    b.batch.faults = &faults;
    ok(run(&b, &demand, 1, &op, &out), &b.err);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[0].kind, SL_FAULT_WRITE);
    assert_string_equal(faults.items[0].rule.ptr, "id NOT NULL");
    sl_op_free(op);
    struct sl_expect drop = rule("known", CALL(&b, "isnotnull", n), SL_EXPECT_DROP);
    b.batch.faults = NULL;
    b.batch.selected = NULL;
    ok(run(&b, &drop, 1, &first, &out), &b.err);
    ok(sl_expect_new(&demand, 1, false, &op, &b.err), &b.err);
    ok(op->ops->process(op, &b.session, out, &out, &b.err), &b.err);
    assert_int_equal(out->selected_rows, 2);
    sl_op_free(first);
    sl_op_free(op);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* A letter's message has the row's own values: each column once, long ones cut. */
void test_messages_show_the_values(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    struct sl_faults faults;
    bench_begin(&b);
    char text[81];
    memset(text, 'x', 80);
    memcpy(text + 59, "\xC3\xA9", 2);
    text[80] = 0;
    const char *words[] = {"a", text, NULL};
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, -2, INT64_MIN}, 3);
    struct sl_expr *s = column_str(&b, 1, words, 3);
    n->name = SL_STR("n"), s->name = SL_STR("s");
    struct sl_expr *both[2] = {CALL(&b, ">", CALL(&b, "+", n, n), int_lit(&b, 0)),
                               CALL(&b, "isnotnull", s)};
    struct sl_expect known = rule("known", call_of(&b, "and", 2, both), SL_EXPECT_DROP);
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 3);
    b.batch.faults = &faults;
    ok(run(&b, &known, 1, &op, &out), &b.err);
    assert_int_equal(faults.count, 2);
    assert_string_equal(faults.items[0].msg.ptr,
                        "expectation `known` is violated: `as written` is not true (n = -2, s = "
                        "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..)");
    assert_string_equal(faults.items[1].msg.ptr, "expectation `known` is violated: `as written` is "
                                                 "not true (n = NULL, s = NULL)");
    sl_op_free(op);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* Conditions need not be flat columns: constants, and booleans that come as a dictionary. */
void test_constant_and_dictionary_conditions(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    bench_begin(&b);
    struct sl_vec *flags = &b.columns[0];
    sl_vec_init(flags, &sl_type_bool);
    ok(sl_vec_reserve_dict(flags, 5, &b.err), &b.err);
    for (int value = 0; value < 2; value++)
        ok(sl_vec_put_i64(&flags->children[0], value, &b.err), &b.err);
    ok(sl_vec_reserve_valid(flags, 5, &b.err), &b.err);
    sl_bits_fill(flags->valid, 5, true);
    sl_bit_clear(flags->valid, 3);
    for (int r = 0; r < 5; r++) flags->codes[r] = r % 2 == 0;
    flags->rows = b.batch.rows = b.batch.selected_rows = 5;
    struct sl_expr *flag = sl_expr_column(&b.ctx, 0, &sl_type_bool, true);
    struct sl_expr *one = int_lit(&b, 1);
    struct sl_expect rules[] = {
        rule("flag", flag, SL_EXPECT_DROP),
        rule("always", CALL(&b, "isnotnull", one), SL_EXPECT_DROP),
        rule("never", CALL(&b, "isnull", one), SL_EXPECT_KEEP),
        rule("unknown", sl_expr_literal_null(&b.ctx, &sl_type_bool), SL_EXPECT_KEEP)};
    ok(run(&b, rules, 4, &op, &out), &b.err);
    check_counts(op, 0, 3, 2);
    check_counts(op, 1, 5, 0);
    check_counts(op, 2, 0, 5);
    check_counts(op, 3, 0, 5);
    assert_int_equal(out->selected[0] & 0x1F, 0x15);
    sl_op_free(op);
    bench_end(&b);
}

/* A condition that cannot be computed is an evaluation error; the row is not counted. */
void test_a_condition_that_fails(void **state) {
    (void)state;
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    struct sl_faults faults;
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, 0, 1}, 3);
    struct sl_expr *ratio = CALL(&b, "/", int_lit(&b, 10), n);
    struct sl_expect small = rule("small", CALL(&b, "<", ratio, int_lit(&b, 5)), SL_EXPECT_DROP);
    assert_int_equal(run(&b, &small, 1, &op, &out), SL_DATA);
    assert_string_equal(b.err.condition, "DIVIDE_BY_ZERO");
    sl_op_free(op);
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 3);
    b.batch.faults = &faults;
    ok(run(&b, &small, 1, &op, &out), &b.err);
    check_counts(op, 0, 1, 1);
    assert_int_equal(out->selected_rows, 1);
    assert_int_equal(faults.count, 2);
    assert_int_equal(faults.items[0].kind, SL_FAULT_EVALUATION);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[1].kind, SL_FAULT_CONSTRAINT);
    assert_int_equal(faults.items[1].row, 2);
    sl_op_free(op);
    sl_faults_release(&faults);
    bench_end(&b);
}

/* ---- the naive twin ---- */

struct twin {
    uint32_t rows, count;
    int64_t values[ROWS_MAX]; /* INT64_MIN: null */
    uint32_t records[ROWS_MAX + 1];
    bool selected[ROWS_MAX];
    int64_t least[RULES_MAX]; /* rule i: value > least[i] */
    enum sl_expect_action actions[RULES_MAX];
};

static bool violates(const struct twin *twin, uint32_t rule_number, uint32_t row) {
    return twin->values[row] == INT64_MIN || twin->values[row] <= twin->least[rule_number];
}

/* The rule that takes the row away, or count. */
static uint32_t leaves_by(const struct twin *twin, uint32_t row) {
    uint32_t i = 0;
    while (i < twin->count && (twin->actions[i] == SL_EXPECT_KEEP || !violates(twin, i, row))) i++;
    return i;
}

static void random_twin(struct twin *twin) {
    *twin = (struct twin){.rows = 1 + (uint32_t)rand() % ROWS_MAX,
                          .count = 1 + (uint32_t)rand() % RULES_MAX};
    for (uint32_t i = 0; i < twin->count; i++) {
        twin->least[i] = rand() % 8 - 3;
        twin->actions[i] = rand() % 2 ? SL_EXPECT_DROP : SL_EXPECT_KEEP;
    }
    bool all = rand() % 2, multiplied = rand() % 2;
    uint32_t record = 0;
    for (uint32_t r = 0; r < twin->rows; r++) {
        twin->values[r] = rand() % 10 ? rand() % 12 - 2 : INT64_MIN;
        twin->selected[r] = all || rand() % 3;
        twin->records[r] = multiplied ? (record += r && rand() % 3 == 0) : r;
    }
}

static void check_twin(const struct twin *twin, bool quarantine) {
    struct bench b;
    struct sl_op *op;
    struct sl_batch *out;
    struct sl_faults faults;
    struct sl_expect rules[RULES_MAX];
    static const char *const names[] = {"r0", "r1", "r2", "r3", "r4"};
    uint64_t selected[SL_BIT_WORDS(ROWS_MAX)] = {0};
    bench_begin(&b);
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, twin->values, twin->rows);
    for (uint32_t i = 0; i < twin->count; i++)
        rules[i] = rule(names[i], CALL(&b, ">", n, int_lit(&b, twin->least[i])), twin->actions[i]);
    for (uint32_t r = 0; r < twin->rows; r++)
        if (twin->selected[r]) sl_bit_set(selected, r);
    b.batch.selected_rows = (uint32_t)sl_bits_count(selected, twin->rows);
    if (b.batch.selected_rows < twin->rows) b.batch.selected = selected;
    b.batch.source_rows = twin->records;
    sl_faults_init(&faults);
    sl_faults_begin(&faults, twin->rows);
    b.batch.faults = quarantine ? &faults : NULL;
    ok(run(&b, rules, twin->count, &op, &out), &b.err);
    for (uint32_t i = 0; i < twin->count; i++) {
        uint64_t passed = 0, failed = 0;
        for (uint32_t r = 0; r < twin->rows; r++)
            if (twin->selected[r]) violates(twin, i, r) ? failed++ : passed++;
        check_counts(op, i, passed, failed);
    }
    uint32_t kept = 0;
    for (uint32_t r = 0; r < twin->rows; r++) {
        bool stays = twin->selected[r];
        for (uint32_t s = 0; s < twin->rows; s++) {
            bool together = s == r || (quarantine && twin->records[s] == twin->records[r]);
            if (together && twin->selected[s] && leaves_by(twin, s) < twin->count) stays = false;
        }
        kept += stays;
        assert_int_equal(!out->selected || sl_bit_get(out->selected, r), stays);
    }
    assert_int_equal(out->selected ? out->selected_rows : out->rows, kept);
    for (uint32_t f = 0; f < faults.count; f++) {
        uint32_t first = twin->count;
        for (uint32_t r = 0; r < twin->rows; r++)
            if (twin->records[r] == faults.items[f].row && twin->selected[r] &&
                leaves_by(twin, r) < first)
                first = leaves_by(twin, r);
        assert_true(first < twin->count);
        assert_string_equal(faults.items[f].rule.ptr, names[first]);
        assert_int_equal(faults.items[f].kind, SL_FAULT_CONSTRAINT);
    }
    sl_faults_release(&faults);
    sl_op_free(op);
    bench_end(&b);
}

/* Goal: which rows leave, by which rule, and the counts, as a loop over rows and rules has them.
 * Method: random values, selections, rules and generated rows, with and without a quarantine. */
void test_random_rules_against_a_loop(void **state) {
    (void)state;
    srand(3);
    for (int round = 0; round < 400; round++) {
        struct twin twin;
        random_twin(&twin);
        check_twin(&twin, round % 2);
    }
}
