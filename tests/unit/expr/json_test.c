#include "expr_test_util.h"

static const char *records[] = {"{\"a\":1,\"b\":{\"c\":\"x\"},\"t\":\"2024-01-05 10:00:00\"}",
                                "{\"b\":{},\"a\":null}", "broken", NULL};

static struct sl_expr *field(struct bench *b, struct sl_expr *of, const char *name) {
    struct sl_expr *out;
    ok(sl_expr_field(&b->ctx, of, sl_str(name), (struct sl_span){0}, &out, &b->err), &b->err);
    return out;
}

void test_from_json_and_fields(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *text = column_str(&b, 0, records, 4);
    struct sl_expr *o =
        CALL(&b, "from_json", text, str_lit(&b, "a INT, b STRUCT<c: STRING>, t TIMESTAMP"));
    EVAL(&b, field(&b, o, "a"), "1|NULL|NULL|NULL");
    EVAL(&b, field(&b, field(&b, o, "B"), "c"), "x|NULL|NULL|NULL");
    EVAL(&b, field(&b, o, "t"), "2024-01-05 10:00:00|NULL|NULL|NULL");
    EVAL(&b, CALL(&b, "isnull", o), "false|false|false|true");
    /* Two calls written twice are one step. */
    struct sl_expr *twice[2] = {
        o, CALL(&b, "from_json", text, str_lit(&b, "a INT, b STRUCT<c: STRING>, t TIMESTAMP"))};
    const struct sl_vec *out[2];
    compile_all(&b, twice, 2);
    ok(sl_program_eval(b.program, &b.session, &b.batch, out, &b.err), &b.err);
    assert_ptr_equal(out[0], out[1]);
    bench_end(&b);
}

void test_pruned_from_json(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *text = column_str(&b, 0, records, 4);
    struct sl_expr *o =
        CALL(&b, "from_json", text, str_lit(&b, "a INT, b STRUCT<c: STRING>, t TIMESTAMP"));
    struct sl_expr *pruned = sl_expr_prune_json(&b.ctx, o, (bool[]){true, false, false});
    assert_int_equal(pruned->type->field_count, 1);
    assert_int_equal(pruned->json_schema->field_count, 3);
    EVAL(&b, field(&b, pruned, "a"), "1|NULL|NULL|NULL");
    assert_ptr_equal(sl_expr_prune_json(&b.ctx, o, (bool[]){true, true, true}), o);
    bench_end(&b);
}

void test_from_json_options(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const char *dates[] = {"{\"d\":\"05/01/2024\"}"};
    struct sl_expr *text = column_str(&b, 0, dates, 1);
    struct sl_expr *options = CALL(&b, "map", str_lit(&b, "dateFormat"), str_lit(&b, "dd/MM/yyyy"));
    struct sl_expr *o = CALL(&b, "from_json", text, str_lit(&b, "d DATE"), options);
    EVAL(&b, field(&b, o, "d"), "2024-01-05");
    struct sl_expr *out, *drop = CALL(&b, "map", str_lit(&b, "mode"), str_lit(&b, "DROPMALFORMED"));
    assert_int_equal(
        try_call(&b, "from_json", &out, 3, (struct sl_expr *[]){text, str_lit(&b, "d DATE"), drop}),
        SL_USER);
    assert_string_equal(b.err.condition, "PARSE_MODE_UNSUPPORTED");
    assert_int_equal(try_call(&b, "from_json", &out, 2, (struct sl_expr *[]){text, text}), SL_USER);
    assert_string_equal(b.err.condition, "INVALID_SCHEMA.NON_STRING_LITERAL");
    bench_end(&b);
}

void test_json_text_functions(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, INT64_MIN}, 2);
    struct sl_expr *s =
        CALL(&b, "named_struct", str_lit(&b, "a"), x, str_lit(&b, "b"), str_lit(&b, "q\""));
    EVAL(&b, CALL(&b, "to_json", s), "{\"a\":1,\"b\":\"q\\\"\"}|{\"b\":\"q\\\"\"}");
    EVAL(&b,
         CALL(&b, "to_json", s,
              CALL(&b, "map", str_lit(&b, "ignoreNullFields"), str_lit(&b, "false"))),
         "{\"a\":1,\"b\":\"q\\\"\"}|{\"a\":null,\"b\":\"q\\\"\"}");
    struct sl_expr *text = column_str(&b, 1, records, 2);
    EVAL(&b, CALL(&b, "get_json_object", text, str_lit(&b, "$.b.c")), "x|NULL");
    bench_end(&b);
}
