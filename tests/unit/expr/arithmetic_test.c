#include "expr_test_util.h"

#define N INT64_MIN

static const char *type_text(struct bench *b, const struct sl_expr *e) {
    return sl_type_sql(&b->arena, e->type);
}

void test_integer_arithmetic(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){7, -7, N, 0}, 4);
    EVAL(&b, CALL(&b, "+", x, int_lit(&b, 3)), "10|-4|NULL|3");
    EVAL(&b, CALL(&b, "-", int_lit(&b, 3), x), "-4|10|NULL|3");
    EVAL(&b, CALL(&b, "*", x, x), "49|49|NULL|0");
    EVAL(&b, CALL(&b, "/", x, int_lit(&b, 2)), "3.5|-3.5|NULL|0.0");
    EVAL(&b, CALL(&b, "%", x, int_lit(&b, 4)), "3|-3|NULL|0");
    EVAL(&b, CALL(&b, "pmod", x, int_lit(&b, 4)), "3|1|NULL|0");
    EVAL(&b, CALL(&b, "div", x, int_lit(&b, 2)), "3|-3|NULL|0");
    EVAL(&b, CALL(&b, "-", x), "-7|7|NULL|0");
    EVAL(&b, CALL(&b, "abs", x), "7|7|NULL|0");
    assert_string_equal(type_text(&b, CALL(&b, "div", x, x)), "BIGINT");
    bench_end(&b);
}

void test_decimal_result_types_and_values(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *p = sl_expr_literal_decimal(&b.ctx, 3, 2, 125); /* 1.25 */
    struct sl_expr *q = sl_expr_literal_decimal(&b.ctx, 2, 1, -3);  /* -0.3 */
    struct {
        const char *op, *type, *value;
    } cases[] = {{"+", "DECIMAL(4,2)", "0.95"},   {"-", "DECIMAL(4,2)", "1.55"},
                 {"*", "DECIMAL(6,3)", "-0.375"}, {"/", "DECIMAL(8,6)", "-4.166667"},
                 {"%", "DECIMAL(3,2)", "0.05"},   {"div", "BIGINT", "-4"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct sl_expr *e = CALL(&b, cases[i].op, p, q);
        assert_string_equal(type_text(&b, e), cases[i].type);
        EVAL(&b, e, cases[i].value);
    }
    /* An integer literal takes its own digits, an integer column ten. */
    assert_string_equal(type_text(&b, CALL(&b, "*", p, int_lit(&b, 2))), "DECIMAL(5,2)");
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){7}, 1);
    assert_string_equal(type_text(&b, CALL(&b, "*", p, x)), "DECIMAL(14,2)");
    struct sl_expr *wide = sl_expr_literal_decimal(&b.ctx, 38, 18, 1);
    assert_string_equal(type_text(&b, CALL(&b, "*", wide, wide)), "DECIMAL(38,6)");
    assert_string_equal(type_text(&b, CALL(&b, "/", wide, wide)), "DECIMAL(38,6)");
    assert_string_equal(type_text(&b, CALL(&b, "+", wide, wide)), "DECIMAL(38,17)");
    bench_end(&b);
}

/* Errors count only for rows that are selected and not null; messages are Spark's. */
void test_ansi_errors(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const struct sl_vec *out;
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){INT32_MAX, 0, N}, 3);
    assert_int_equal(try_eval(&b, CALL(&b, "+", x, int_lit(&b, 1)), &out), SL_DATA);
    assert_string_equal(b.err.condition, "ARITHMETIC_OVERFLOW");
    assert_string_equal(b.err.sqlstate, "22003");
    assert_string_equal(b.err.msg,
                        "integer overflow. Use 'try_add' to tolerate overflow and return "
                        "NULL instead. If necessary set \"spark.sql.ansi.enabled\" to "
                        "\"false\" to bypass this error.");
    EVAL(&b, CALL(&b, "try_add", x, int_lit(&b, 1)), "NULL|1|NULL");
    assert_int_equal(try_eval(&b, CALL(&b, "/", int_lit(&b, 1), x), &out), SL_DATA);
    assert_string_equal(b.err.condition, "DIVIDE_BY_ZERO");
    EVAL(&b, CALL(&b, "try_divide", int_lit(&b, 0), x), "0.0|NULL|NULL");
    uint64_t selected = 5; /* without the row that divides by zero */
    b.batch.selected = &selected;
    b.batch.selected_rows = 2;
    assert_int_equal(try_eval(&b, CALL(&b, "/", int_lit(&b, 1), x), &out), SL_OK);
    bench_end(&b);
}

void test_legacy_arithmetic(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    b.session.ansi = false;
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){INT32_MAX, 0, N}, 3);
    EVAL(&b, CALL(&b, "+", x, int_lit(&b, 1)), "-2147483648|1|NULL");
    EVAL(&b, CALL(&b, "/", int_lit(&b, 0), x), "0.0|NULL|NULL");
    bench_end(&b);
}

/* CASE WHEN x <> 0 THEN 10 / x ELSE 0 END never divides by zero; nor does x <> 0 AND 10 / x > 1. */
void test_branches_hide_errors(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, 0, N}, 3);
    struct sl_expr *nonzero = CALL(&b, "<>", x, int_lit(&b, 0));
    struct sl_expr *ratio = CALL(&b, "div", int_lit(&b, 10), x);
    EVAL(&b, CALL(&b, "if", nonzero, ratio, int_lit(&b, -1)), "2|-1|-1");
    EVAL(&b, CALL(&b, "and", nonzero, CALL(&b, ">", ratio, int_lit(&b, 1))), "true|false|NULL");
    EVAL(&b, CALL(&b, "coalesce", x, CALL(&b, "/", int_lit(&b, 1), int_lit(&b, 4))),
         "5.0|0.0|0.25");
    /* A failing constant is kept until a row reaches it. */
    struct sl_expr *never = CALL(&b, "/", int_lit(&b, 1), int_lit(&b, 0));
    assert_int_not_equal(never->kind, SL_EXPR_LITERAL);
    EVAL(&b, CALL(&b, "if", CALL(&b, ">", x, int_lit(&b, 100)), never, int_lit(&b, 1)),
         "1.0|1.0|1.0");
    const struct sl_vec *out;
    assert_int_equal(try_eval(&b, never, &out), SL_DATA);
    assert_string_equal(b.err.condition, "DIVIDE_BY_ZERO");
    bench_end(&b);
}

void test_rounding(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct {
        const char *fn;
        double value;
        int scale;
        const char *text;
    } cases[] = {
        {"round", 2.5, 0, "3.0"},    {"round", -2.5, 0, "-3.0"},      {"bround", 2.5, 0, "2.0"},
        {"round", 1.005, 2, "1.01"}, {"round", 123.456, -1, "120.0"}, {"round", 14.5, -1, "10.0"},
        {"bround", 3.5, 0, "4.0"},   {"round", 1e300, 2, "1.0E300"},  {"round", 0.1, 20, "0.1"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        EVAL(&b,
             CALL(&b, cases[i].fn, sl_expr_literal_f64(&b.ctx, cases[i].value),
                  int_lit(&b, cases[i].scale)),
             cases[i].text);
    EVAL(&b, CALL(&b, "round", int_lit(&b, 525), int_lit(&b, -2)), "500");
    EVAL(&b, CALL(&b, "round", int_lit(&b, 525), int_lit(&b, -3)), "1000");
    struct sl_expr *d = sl_expr_literal_decimal(&b.ctx, 5, 3, 12345);
    struct sl_expr *r = CALL(&b, "round", d, int_lit(&b, 1));
    assert_string_equal(type_text(&b, r), "DECIMAL(4,1)");
    EVAL(&b, r, "12.3");
    EVAL(&b, CALL(&b, "ceil", d), "13");
    EVAL(&b, CALL(&b, "floor", sl_expr_literal_f64(&b.ctx, -0.1)), "-1");
    bench_end(&b);
}

/* Enough rows for whole blocks and a rest; the values are exact in both types. */
void test_floating_point_arithmetic(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    for (uint32_t c = 0; c < 2; c++) {
        sl_vec_init(&b.columns[c], c ? &sl_type_double : &sl_type_float);
        for (int i = 0; i < 150; i++)
            ok(sl_vec_put_f64(&b.columns[c], i * 0.25 + 1, &b.err), &b.err);
    }
    b.batch.rows = b.batch.selected_rows = 150;
    static const char *const ops[] = {"+", "-", "*", "/"};
    for (uint32_t c = 0; c < 2; c++)
        for (int o = 0; o < 4; o++) {
            struct sl_expr *x = sl_expr_column(&b.ctx, c, b.columns[c].type, false);
            struct sl_expr *two = sl_expr_literal_f64(&b.ctx, 2);
            struct sl_expr *e[3] = {CALL(&b, ops[o], x, x), CALL(&b, ops[o], x, two),
                                    CALL(&b, ops[o], two, x)};
            for (int k = 0; k < 3; k++) {
                const struct sl_vec *out;
                ok(try_eval(&b, e[k], &out), &b.err);
                for (uint32_t i = 0; i < 150; i++) {
                    double v = i * 0.25 + 1, l = k == 2 ? 2 : v, r = k == 1 ? 2 : v;
                    double want = o == 0 ? l + r : o == 1 ? l - r : o == 2 ? l * r : l / r;
                    bool single = out->type->kind == SL_FLOAT_KIND;
                    assert_true((single ? (double)out->f32[i] : out->f64[i]) == want);
                }
            }
        }
    bench_end(&b);
}

/* Random quotients of intervals keep what defines rounding half up: the rest is at most half of the
 * divisor, and a tie goes away from zero. */
void test_interval_division_rounds_half_up(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    srand(7);
    int64_t intervals[64], divisors[64];
    for (int i = 0; i < 64; i++) {
        intervals[i] = rand() % 4001 - 2000;
        divisors[i] = rand() % 41 - 20;
        if (divisors[i] == 0) divisors[i] = 2;
    }
    struct sl_expr *interval = column_i64(&b, 0, &sl_type_day_interval, intervals, 64);
    struct sl_expr *divisor = column_i64(&b, 1, &sl_type_long, divisors, 64);
    struct sl_expr *quotient = CALL(&b, "/", interval, divisor);
    compile_all(&b, &quotient, 1);
    const struct sl_vec *out = NULL;
    ok(sl_program_eval(b.program, &b.session, &b.batch, &out, &b.err), &b.err);
    for (uint32_t i = 0; i < 64; i++) {
        int64_t q = out->i64[i], rest = intervals[i] - q * divisors[i];
        assert_true(2 * llabs(rest) <= llabs(divisors[i]));
        if (2 * llabs(rest) == llabs(divisors[i]))
            assert_true(llabs(q * divisors[i]) > llabs(intervals[i]));
    }
    bench_end(&b);
}

/* 0.0 and -0.0 are equal as values and must not be computed as one. */
void test_zeros_are_two_constants(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *plus = sl_expr_literal_f64(&b.ctx, 0.0), *minus;
    minus = sl_expr_literal_f64(&b.ctx, -0.0);
    assert_false(sl_expr_equal(plus, minus));
    assert_true(sl_expr_equal(minus, sl_expr_literal_f64(&b.ctx, -0.0)));
    EVAL(&b, CALL(&b, "+", minus, plus), "0.0");
    bench_end(&b);
}
