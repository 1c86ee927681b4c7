/* Comparison and arithmetic over random columns (nulls, constants, all integer types, odd row
 * counts) against one row at a time in 128-bit integers. */
#include "expr_test_util.h"

#include <math.h>

#include "kern/number.h"

enum { ROWS_MAX = 200 };

struct operand {
    int64_t values[ROWS_MAX]; /* INT64_MIN: null */
    struct sl_expr *expr;
};

static int64_t random_value(const struct sl_type *type) {
    uint32_t bits = sl_type_width(type) * 8;
    int64_t value =
        (int64_t)(((uint64_t)rand() << 42) ^ ((uint64_t)rand() << 21) ^ (uint64_t)rand());
    value >>= 64 - bits;
    if (rand() % 2) value %= 5;
    return value == INT64_MIN ? 1 : value;
}

static void random_operand(struct bench *b, uint32_t column, const struct sl_type *type,
                           uint32_t rows, struct operand *out) {
    bool constant = rand() % 4 == 0;
    int64_t one = random_value(type);
    for (uint32_t i = 0; i < rows; i++)
        out->values[i] = constant ? one : rand() % 5 == 0 ? INT64_MIN : random_value(type);
    out->expr = constant ? sl_expr_literal_i64(&b->ctx, type, one)
                         : column_i64(b, column, type, out->values, rows);
    b->batch.rows = b->batch.selected_rows = rows;
}

static bool naive_compare(const char *op, __int128 x, __int128 y) {
    bool eq = x == y, lt = x < y;
    if (op[0] == '=') return eq;
    if (op[0] == '>') return op[1] ? !lt : !lt && !eq;
    return op[1] == '>' ? !eq : op[1] ? lt || eq : lt;
}

static void check_comparison(struct bench *b, const char *op, const struct operand *x,
                             const struct operand *y, uint32_t rows) {
    struct sl_expr *e = CALL(b, op, x->expr, y->expr);
    const struct sl_vec *out;
    ok(try_eval(b, e, &out), &b->err);
    for (uint32_t i = 0; i < rows; i++) {
        bool null = x->values[i] == INT64_MIN || y->values[i] == INT64_MIN;
        assert_int_equal(sl_vec_is_null(out, i), null);
        if (!null)
            assert_int_equal(sl_bit_get(out->bits, sl_vec_pos(out, i)),
                             naive_compare(op, x->values[i], y->values[i]));
    }
}

static int64_t int_at(const struct sl_vec *vec, uint32_t row) {
    row = sl_vec_pos(vec, row);
    uint32_t width = sl_type_width(vec->type);
    return width == 1   ? vec->i8[row]
           : width == 2 ? vec->i16[row]
           : width == 4 ? vec->i32[row]
                        : vec->i64[row];
}

static void check_arithmetic(struct bench *b, const char *op, char symbol, const struct operand *x,
                             const struct operand *y, uint32_t rows) {
    struct sl_expr *e = CALL(b, op, x->expr, y->expr);
    const struct sl_vec *out;
    ok(try_eval(b, e, &out), &b->err);
    uint32_t bits = sl_type_width(e->type) * 8;
    __int128 limit = (__int128)1 << (bits - 1);
    for (uint32_t i = 0; i < rows; i++) {
        __int128 a = x->values[i], c = y->values[i];
        bool null = x->values[i] == INT64_MIN || y->values[i] == INT64_MIN;
        null |= symbol == '%' && c == 0;
        __int128 r = null            ? 0
                     : symbol == '+' ? a + c
                     : symbol == '-' ? a - c
                     : symbol == '*' ? a * c
                                     : a % c;
        null |= r >= limit || r < -limit;
        assert_int_equal(sl_vec_is_null(out, i), null);
        if (!null) assert_true(int_at(out, i) == (int64_t)r);
    }
}

void test_integers_against_the_naive_twin(void **state) {
    (void)state;
    static const char *const comparisons[] = {"=", "<>", "<", "<=", ">", ">="};
    static const struct sl_type *const types[] = {&sl_type_byte, &sl_type_short, &sl_type_int,
                                                  &sl_type_long};
    srand(5);
    for (int round = 0; round < 120; round++) {
        struct bench b;
        bench_begin(&b);
        const struct sl_type *type = types[round % 4];
        uint32_t rows = 1 + (uint32_t)rand() % ROWS_MAX;
        struct operand *x = sl_arena_zalloc(&b.arena, sizeof *x),
                       *y = sl_arena_zalloc(&b.arena, sizeof *y);
        random_operand(&b, 0, type, rows, x);
        random_operand(&b, 1, type, rows, y);
        for (size_t i = 0; i < 6; i++) check_comparison(&b, comparisons[i], x, y, rows);
        check_arithmetic(&b, "try_add", '+', x, y, rows);
        check_arithmetic(&b, "try_subtract", '-', x, y, rows);
        check_arithmetic(&b, "try_multiply", '*', x, y, rows);
        check_arithmetic(&b, "try_mod", '%', x, y, rows);
        bench_end(&b);
    }
}

/* NaN equals NaN and is greater than all; -0.0 equals 0.0. */
void test_floating_point_order(void **state) {
    (void)state;
    static const double values[] = {NAN, INFINITY, 1.5, 0.0, -0.0, -INFINITY};
    static const int rank[] = {5, 4, 3, 2, 2, 1};
    struct bench b;
    bench_begin(&b);
    sl_vec_init(&b.columns[0], &sl_type_double);
    sl_vec_init(&b.columns[1], &sl_type_double);
    for (int i = 0; i < 36; i++) {
        ok(sl_vec_put_f64(&b.columns[0], values[i / 6], &b.err), &b.err);
        ok(sl_vec_put_f64(&b.columns[1], values[i % 6], &b.err), &b.err);
    }
    b.batch.rows = b.batch.selected_rows = 36;
    struct sl_expr *x = sl_expr_column(&b.ctx, 0, &sl_type_double, false);
    struct sl_expr *y = sl_expr_column(&b.ctx, 1, &sl_type_double, false);
    static const char *const ops[] = {"=", "<>", "<", "<=", ">", ">=", "<=>"};
    for (size_t o = 0; o < 7; o++) {
        const struct sl_vec *out;
        ok(try_eval(&b, CALL(&b, ops[o], x, y), &out), &b.err);
        for (uint32_t i = 0; i < 36; i++)
            assert_int_equal(sl_bit_get(out->bits, i),
                             o == 6 ? rank[i / 6] == rank[i % 6]
                                    : naive_compare(ops[o], rank[i / 6], rank[i % 6]));
    }
    bench_end(&b);
}

static void dictionary_column(struct bench *b, uint32_t i, const char *const *words, uint32_t count,
                              const int32_t *codes, uint32_t rows) {
    struct sl_vec *vec = &b->columns[i];
    sl_vec_init(vec, &sl_type_string);
    ok(sl_vec_reserve_dict(vec, rows, &b->err), &b->err);
    for (uint32_t w = 0; w < count; w++)
        ok(sl_vec_put_str(&vec->children[0], sl_str(words[w]), &b->err), &b->err);
    for (uint32_t r = 0; r < rows; r++) {
        if (codes[r] < 0) {
            ok(sl_vec_reserve_valid(vec, rows, &b->err), &b->err);
            sl_bit_clear(vec->valid, r);
        }
        vec->codes[r] = codes[r] < 0 ? 0 : codes[r];
    }
    vec->rows = rows;
    b->batch.rows = b->batch.selected_rows = rows;
}

/* Over a dictionary smaller than the batch the result is a dictionary too; a bad entry that no row
 * uses is no error. */
void test_dictionaries(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    static const char *const words[] = {"1", "22", "bad"};
    static const int32_t codes[] = {1, 0, -1, 1, 0};
    dictionary_column(&b, 0, words, 3, codes, 5);
    struct sl_expr *s = sl_expr_column(&b.ctx, 0, &sl_type_string, true), *n;
    EVAL(&b, CALL(&b, "=", s, str_lit(&b, "22")), "true|false|NULL|true|false");
    const struct sl_vec *out;
    ok(try_eval(&b, CALL(&b, "=", s, str_lit(&b, "22")), &out), &b.err);
    assert_int_equal(out->enc, SL_ENC_DICT);
    ok(sl_expr_cast(&b.ctx, s, &sl_type_int, SL_CAST_ANSI, (struct sl_span){0}, &n, &b.err),
       &b.err);
    EVAL(&b, n, "22|1|NULL|22|1");
    EVAL(&b, CALL(&b, "+", n, n), "44|2|NULL|44|2");
    EVAL(&b, CALL(&b, "coalesce", s, str_lit(&b, "-")), "22|1|-|22|1");
    bench_end(&b);
}

/* A failure names the row's origin. */
void test_errors_name_the_origin(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    static const int64_t offsets[] = {100, 101, 102};
    const char *words[] = {"1", NULL, "x"};
    struct sl_expr *s = column_str(&b, 0, words, 3), *n;
    b.batch.origin = (struct sl_origin){"kafka", "orders", 3, offsets};
    ok(sl_expr_cast(&b.ctx, s, &sl_type_int, SL_CAST_ANSI, (struct sl_span){4, 9}, &n, &b.err),
       &b.err);
    const struct sl_vec *out;
    assert_int_equal(try_eval(&b, n, &out), SL_DATA);
    assert_string_equal(b.err.condition, "CAST_INVALID_INPUT");
    assert_int_equal(b.err.span.begin, 4);
    assert_non_null(strstr(b.err.ctx, "orders"));
    assert_non_null(strstr(b.err.ctx, "102"));
    bench_end(&b);
}

/* The quick way of round() agrees with rounding the shortest decimal text. */
void test_round_against_decimal_text(void **state) {
    (void)state;
    srand(3);
    for (int scale = 0; scale < 6; scale++) {
        struct bench b;
        bench_begin(&b);
        sl_vec_init(&b.columns[0], &sl_type_double);
        double values[500];
        for (int i = 0; i < 500; i++) {
            values[i] = (rand() - RAND_MAX / 2) / (double)(1 + rand() % 100000);
            if (i % 3 == 0) values[i] = (rand() % 20001 - 10000) / 1000.0; /* ties among them */
            ok(sl_vec_put_f64(&b.columns[0], values[i], &b.err), &b.err);
        }
        b.batch.rows = b.batch.selected_rows = 500;
        const struct sl_vec *out;
        struct sl_expr *x = sl_expr_column(&b.ctx, 0, &sl_type_double, false);
        ok(try_eval(&b, CALL(&b, "round", x, int_lit(&b, scale)), &out), &b.err);
        for (int i = 0; i < 500; i++) {
            sl_int128 unscaled;
            assert_true(sl_decimal_from_f64(values[i], 38, scale, &unscaled));
            double want = sl_decimal_to_f64(unscaled, scale);
            if (out->f64[i] != want)
                fail_msg("round(%.17g, %d) = %.17g, not %.17g", values[i], scale, out->f64[i],
                         want);
        }
        bench_end(&b);
    }
}
