/* Coercion and its errors, as Spark 4.1 decides them in ANSI mode. */
#include "expr_test_util.h"

static void refused(struct bench *b, const char *name, const char *condition, const char *sqlstate,
                    const char *msg, uint32_t count, struct sl_expr **args) {
    struct sl_expr *out;
    assert_int_not_equal(try_call(b, name, &out, count, args), SL_OK);
    assert_string_equal(b->err.condition, condition);
    assert_string_equal(b->err.sqlstate, sqlstate);
    assert_int_equal(b->err.span.begin, 1);
    if (msg) assert_string_equal(b->err.msg, msg);
}

void test_unknown_functions_are_suggested(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *one = int_lit(&b, 1);
    refused(&b, "coalesc", "UNRESOLVED_ROUTINE", "42883",
            "Cannot resolve routine `coalesc` on search path [`system`.`builtin`, "
            "`system`.`session`, `spark_catalog`.`default`].",
            1, &one);
    assert_string_equal(b.err.hint, "did you mean `coalesce`?");
    refused(&b, "sqrt", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
            "The `sqrt` requires 1 parameters but the actual number is 0.", 0, &one);
    refused(&b, "round", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
            "The `round` requires [1, 2] parameters but the actual number is 0.", 0, &one);
    refused(&b, "array_contains", "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
            "The `array_contains` requires 2 parameters but the actual number is 1.", 1, &one);
    refused(&b, "schema_of_json", "UNSUPPORTED_FEATURE", "0A000", NULL, 1, &one);
    bench_end(&b);
}

void test_type_mismatches(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *one = int_lit(&b, 1), *flag = sl_expr_literal_i64(&b.ctx, &sl_type_bool, 1);
    struct sl_expr *list = CALL(&b, "array", one);
    refused(&b, "+", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09",
            "Cannot resolve \"(1 + true)\" due to data type mismatch: the left and right operands "
            "of the binary operator have incompatible types (\"INT\" and \"BOOLEAN\").",
            2, (struct sl_expr *[]){one, flag});
    refused(&b, "*", "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "42K09",
            "Cannot resolve \"(true * true)\" due to data type mismatch: the binary operator "
            "requires the input type \"NUMERIC\", not \"BOOLEAN\".",
            2, (struct sl_expr *[]){flag, flag});
    refused(&b, "sqrt", "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
            "Cannot resolve \"sqrt([1])\" due to data type mismatch: The first parameter requires "
            "the \"DOUBLE\" type, however \"[1]\" has the type \"ARRAY<INT>\".",
            1, &list);
    refused(&b, "=", "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09", NULL, 2,
            (struct sl_expr *[]){one, list});
    refused(&b, "coalesce", "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09", NULL, 2,
            (struct sl_expr *[]){one, list});
    bench_end(&b);
}

void test_strings_are_promoted(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *sum = CALL(&b, "+", str_lit(&b, "5"), int_lit(&b, 1));
    assert_string_equal(sl_type_sql(&b.arena, sum->type), "BIGINT");
    EVAL(&b, sum, "6");
    EVAL(&b, CALL(&b, "=", str_lit(&b, "1.50"), sl_expr_literal_f64(&b.ctx, 1.5)), "true");
    EVAL(&b, CALL(&b, "<", str_lit(&b, "10"), int_lit(&b, 9)), "false");
    assert_string_equal(sl_type_sql(&b.arena, CALL(&b, "-", str_lit(&b, "2.5"))->type), "DOUBLE");
    bench_end(&b);
}

void test_common_types(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_arena *a = &b.arena;
    const struct sl_type *d = sl_type_decimal(a, 10, 2);
    struct {
        const struct sl_type *x, *y;
        const char *text;
    } cases[] = {{&sl_type_int, &sl_type_long, "BIGINT"},
                 {&sl_type_int, &sl_type_float, "DOUBLE"},
                 {&sl_type_float, &sl_type_float, "FLOAT"},
                 {&sl_type_int, d, "DECIMAL(12,2)"},
                 {&sl_type_short, d, "DECIMAL(10,2)"},
                 {&sl_type_double, d, "DOUBLE"},
                 {&sl_type_string, &sl_type_int, "BIGINT"},
                 {&sl_type_string, d, "DOUBLE"},
                 {&sl_type_string, &sl_type_date, "DATE"},
                 {&sl_type_date, &sl_type_timestamp, "TIMESTAMP"},
                 {&sl_type_null, &sl_type_binary, "BINARY"},
                 {sl_type_decimal(a, 38, 30), sl_type_decimal(a, 38, 2), "DECIMAL(38,2)"},
                 {sl_type_array(a, &sl_type_int, false), sl_type_array(a, &sl_type_long, true),
                  "ARRAY<BIGINT>"},
                 {&sl_type_bool, &sl_type_int, NULL},
                 {&sl_type_date, &sl_type_int, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        for (int swap = 0; swap < 2; swap++) {
            const struct sl_type *found = sl_type_common(a, swap ? cases[i].y : cases[i].x,
                                                         swap ? cases[i].x : cases[i].y, true);
            if (!cases[i].text)
                assert_null(found);
            else if (!found)
                fail_msg("no common type in case %zu", i);
            else
                assert_string_equal(sl_type_sql(a, found), cases[i].text);
        }
    bench_end(&b);
}
