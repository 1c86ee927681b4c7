#include "expr_test_util.h"

#define N INT64_MIN

void test_comparison_and_filter(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 5, N, 9}, 4);
    EVAL(&b, CALL(&b, ">", x, int_lit(&b, 4)), "false|true|NULL|true");
    EVAL(&b, CALL(&b, "<=>", x, sl_expr_literal_null(&b.ctx, &sl_type_int)),
         "false|false|true|false");
    struct sl_expr *keep = CALL(&b, ">", x, int_lit(&b, 4));
    compile_all(&b, &keep, 1);
    ok(sl_program_filter(b.program, &b.session, &b.batch, &b.err), &b.err);
    assert_int_equal(b.batch.selected_rows, 2);
    assert_int_equal(b.batch.selected[0] & 15, 10);
    bench_end(&b);
}

void test_kleene_logic(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_bool, (int64_t[]){1, 1, 1, 0, 0, 0, N, N, N}, 9);
    struct sl_expr *y = column_i64(&b, 1, &sl_type_bool, (int64_t[]){1, 0, N, 1, 0, N, 1, 0, N}, 9);
    EVAL(&b, CALL(&b, "and", x, y), "true|false|NULL|false|false|false|NULL|false|NULL");
    EVAL(&b, CALL(&b, "or", x, y), "true|true|true|true|false|NULL|true|NULL|NULL");
    EVAL(&b, CALL(&b, "not", x), "false|false|false|true|true|true|NULL|NULL|NULL");
    bench_end(&b);
}

void test_case_and_coalesce(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const char *words[] = {"a", NULL, "c", "d"};
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 2, N, 4}, 4);
    struct sl_expr *s = column_str(&b, 1, words, 4);
    EVAL(&b, CALL(&b, "coalesce", x, int_lit(&b, 7)), "1|2|7|4");
    EVAL(&b, CALL(&b, "coalesce", s, str_lit(&b, "none")), "a|none|c|d");
    EVAL(&b, CALL(&b, "if", CALL(&b, ">", x, int_lit(&b, 1)), s, str_lit(&b, "small")),
         "small|NULL|small|d");
    EVAL(&b, CALL(&b, "nullif", x, int_lit(&b, 2)), "1|NULL|NULL|4");
    EVAL(&b,
         CALL(&b, "case", CALL(&b, "=", x, int_lit(&b, 1)), str_lit(&b, "one"),
              CALL(&b, "=", x, int_lit(&b, 2)), str_lit(&b, "two")),
         "one|two|NULL|NULL");
    EVAL(&b, CALL(&b, "in", x, int_lit(&b, 4), int_lit(&b, 1)), "true|false|NULL|true");
    bench_end(&b);
}

/* A shared subexpression is one step: evaluating x > 1 twice gives the same vector. */
void test_common_subexpressions_share_a_register(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 5}, 2);
    struct sl_expr *exprs[2] = {CALL(&b, ">", x, int_lit(&b, 1)), CALL(&b, ">", x, int_lit(&b, 1))};
    assert_ptr_not_equal(exprs[0], exprs[1]);
    const struct sl_vec *out[2];
    compile_all(&b, exprs, 2);
    ok(sl_program_eval(b.program, &b.session, &b.batch, out, &b.err), &b.err);
    assert_ptr_equal(out[0], out[1]);
    bench_end(&b);
}

void test_literals_fold(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *e = CALL(&b, "<", int_lit(&b, 1), int_lit(&b, 2));
    assert_int_equal(e->kind, SL_EXPR_LITERAL);
    assert_true(e->folded);
    EVAL(&b, e, "true");
    bench_end(&b);
}
