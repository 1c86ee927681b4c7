/* CASE and COALESCE over random columns of many types against one row at a time; and one program
 * over batches of different sizes, which reuses its registers. */
#include "expr_test_util.h"

static const struct sl_type *const types[] = {&sl_type_int, &sl_type_bool, &sl_type_string,
                                              &sl_type_double, &sl_type_short};
enum { TYPES = 5 };

static void random_row(struct sl_vec *vec) {
    struct sl_err err;
    char text[16];
    if (rand() % 3 == 0) {
        ok(sl_vec_append_null(vec, 1, &err), &err);
    } else if (vec->type->kind == SL_STRING_KIND) {
        snprintf(text, sizeof text, "%.*s", rand() % 9, "abcdefghi");
        ok(sl_vec_put_str(vec, sl_str(text), &err), &err);
    } else if (vec->type->kind == SL_DOUBLE_KIND) {
        ok(sl_vec_put_f64(vec, rand() % 100 / 4.0, &err), &err);
    } else {
        ok(sl_vec_put_i64(vec, rand() % 2, &err), &err);
    }
}

static void fill(struct bench *b, uint32_t rows) {
    for (uint32_t c = 0; c < 4; c++) {
        sl_vec_clear(&b->columns[c]);
        for (uint32_t r = 0; r < rows; r++) random_row(&b->columns[c]);
    }
    b->batch.rows = b->batch.selected_rows = rows;
}

static void check_rows(struct bench *b, const struct sl_vec *chosen, const struct sl_vec *first) {
    const char *why = NULL;
    if (!sl_vec_verify(chosen, &why) || !sl_vec_verify(first, &why)) fail_msg("%s", why);
    for (uint32_t r = 0; r < b->batch.rows; r++) {
        const struct sl_vec *flag = &b->columns[0], *x = &b->columns[1], *y = &b->columns[2];
        bool yes = !sl_vec_is_null(flag, r) && sl_bit_get(flag->bits, r);
        assert_true(sl_vec_rows_equal(chosen, r, yes ? x : y, r));
        assert_true(sl_vec_rows_equal(first, r, sl_vec_is_null(x, r) ? y : x, r));
    }
}

void test_branches_against_the_naive_twin(void **state) {
    (void)state;
    srand(9);
    for (int round = 0; round < TYPES; round++) {
        struct bench b;
        bench_begin(&b);
        sl_vec_init(&b.columns[0], &sl_type_bool);
        struct sl_expr *c[4];
        for (uint32_t i = 0; i < 4; i++) {
            if (i) sl_vec_init(&b.columns[i], types[round]);
            c[i] = sl_expr_column(&b.ctx, i, b.columns[i].type, true);
        }
        struct sl_expr *exprs[2] = {CALL(&b, "if", c[0], c[1], c[2]),
                                    CALL(&b, "coalesce", c[1], c[2])};
        compile_all(&b, exprs, 2);
        static const uint32_t sizes[] = {1, 7, 64, 300, 0, 65, 4096, 3};
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            const struct sl_vec *out[2];
            fill(&b, sizes[i]);
            ok(sl_program_eval(b.program, &b.session, &b.batch, out, &b.err), &b.err);
            check_rows(&b, out[0], out[1]);
        }
        bench_end(&b);
    }
}

void test_branches_of_nested_values(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 2, INT64_MIN, 2}, 4);
    struct sl_expr *is_one = CALL(&b, "=", x, int_lit(&b, 1));
    EVAL(&b, CALL(&b, "if", is_one, CALL(&b, "array", x), CALL(&b, "array", x, x)),
         "[1]|[2, 2]|[null, null]|[2, 2]");
    EVAL(&b, CALL(&b, "case", is_one, CALL(&b, "struct", x)), "{1}|NULL|NULL|NULL");
    EVAL(&b, CALL(&b, "nvl2", x, str_lit(&b, "some"), str_lit(&b, "none")), "some|some|none|some");
    EVAL(&b, CALL(&b, "between", x, int_lit(&b, 2), int_lit(&b, 3)), "false|true|NULL|true");
    bench_end(&b);
}

static void count_step(void *ctx, const char *step, int64_t ns, int64_t rows) {
    int *steps = ctx;
    assert_true(ns >= 0 && rows == 2 && step[0]);
    ++*steps;
}

void test_profile_names_steps(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 2}, 2);
    struct sl_expr *e = CALL(&b, "+", x, x);
    compile_all(&b, &e, 1);
    sl_program_set_profile(b.program, true);
    const struct sl_vec *out;
    ok(sl_program_eval(b.program, &b.session, &b.batch, &out, &b.err), &b.err);
    int steps = 0;
    sl_program_profile(b.program, count_step, &steps);
    assert_int_equal(steps, 2); /* the column and the sum */
    bench_end(&b);
}

void test_text_of_expressions(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1}, 1);
    struct sl_expr *e = CALL(&b, "and", CALL(&b, ">", x, int_lit(&b, 1)),
                             CALL(&b, "not", CALL(&b, "in", x, int_lit(&b, 4), int_lit(&b, 5))));
    struct sl_buf text = {0};
    sl_expr_put_text(&text, e, &SL_STR("amount"));
    assert_string_equal(sl_buf_cstr(&text), "((amount > 1) AND (NOT (amount IN (4, 5))))");
    sl_buf_release(&text);
    bench_end(&b);
}
