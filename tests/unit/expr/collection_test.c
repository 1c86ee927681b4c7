#include "expr_test_util.h"

#include "base/clock.h"

#define N INT64_MIN

void test_arrays_and_maps(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, N, 3}, 3);
    struct sl_expr *list = CALL(&b, "array", x, int_lit(&b, 7));
    EVAL(&b, list, "[1, 7]|[null, 7]|[3, 7]");
    EVAL(&b, CALL(&b, "size", list), "2|2|2");
    EVAL(&b, CALL(&b, "[]", list, int_lit(&b, 0)), "1|NULL|3");
    EVAL(&b, CALL(&b, "element_at", list, int_lit(&b, -1)), "7|7|7");
    EVAL(&b, CALL(&b, "try_element_at", list, x), "1|NULL|NULL");
    EVAL(&b, CALL(&b, "get", list, x), "7|NULL|NULL");
    EVAL(&b, CALL(&b, "array_contains", list, int_lit(&b, 3)), "false|NULL|true");
    struct sl_expr *map = CALL(&b, "map", str_lit(&b, "a"), x, str_lit(&b, "b"), int_lit(&b, 2));
    EVAL(&b, CALL(&b, "[]", map, str_lit(&b, "a")), "1|NULL|3");
    EVAL(&b, CALL(&b, "element_at", map, str_lit(&b, "z")), "NULL|NULL|NULL");
    EVAL(&b, CALL(&b, "map_keys", map), "[a, b]|[a, b]|[a, b]");
    EVAL(&b, CALL(&b, "map_values", map), "[1, 2]|[null, 2]|[3, 2]");
    EVAL(&b, CALL(&b, "typeof", map), "map<string,int>|map<string,int>|map<string,int>");
    EVAL(&b, CALL(&b, "map_from_arrays", CALL(&b, "array", str_lit(&b, "k")), CALL(&b, "array", x)),
         "{k -> 1}|{k -> null}|{k -> 3}");
    struct sl_expr *field;
    ok(sl_expr_field(&b.ctx, map, SL_STR("b"), (struct sl_span){0}, &field, &b.err), &b.err);
    EVAL(&b, field, "2|2|2");
    bench_end(&b);
}

void test_bad_indexes(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const struct sl_vec *out;
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){5, 0}, 2);
    struct sl_expr *list = CALL(&b, "array", x);
    assert_int_equal(try_eval(&b, CALL(&b, "[]", list, x), &out), SL_DATA);
    assert_string_equal(b.err.condition, "INVALID_ARRAY_INDEX");
    assert_string_equal(b.err.msg,
                        "The index 5 is out of bounds. The array has 1 elements. Use the SQL "
                        "function `get()` to tolerate accessing element at invalid index and "
                        "return NULL instead.");
    assert_int_equal(try_eval(&b, CALL(&b, "element_at", list, x), &out), SL_DATA);
    assert_string_equal(b.err.condition, "INVALID_ARRAY_INDEX_IN_ELEMENT_AT");
    assert_int_equal(try_eval(&b, CALL(&b, "element_at", list, int_lit(&b, 0)), &out), SL_DATA);
    assert_string_equal(b.err.condition, "INVALID_INDEX_OF_ZERO");
    b.session.ansi = false;
    EVAL(&b, CALL(&b, "[]", list, x), "NULL|0");
    bench_end(&b);
}

void test_structs(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    struct sl_expr *x = column_i64(&b, 0, &sl_type_int, (int64_t[]){1, N, 3}, 3);
    x->name = SL_STR("x");
    struct sl_expr *pair = CALL(&b, "struct", x, str_lit(&b, "k"));
    assert_string_equal(sl_type_sql(&b.arena, pair->type), "STRUCT<x: INT, col2: STRING NOT NULL>");
    EVAL(&b, pair, "{1, k}|{null, k}|{3, k}");
    EVAL(&b, CALL(&b, "=", pair, CALL(&b, "struct", int_lit(&b, 3), str_lit(&b, "k"))),
         "false|false|true");
    struct sl_expr *named = CALL(&b, "named_struct", str_lit(&b, "A"), x), *field;
    ok(sl_expr_field(&b.ctx, named, SL_STR("a"), (struct sl_span){0}, &field, &b.err), &b.err);
    assert_ptr_equal(field, x);
    struct sl_expr *list = CALL(&b, "array", named, named);
    ok(sl_expr_field(&b.ctx, list, SL_STR("a"), (struct sl_span){0}, &field, &b.err), &b.err);
    EVAL(&b, field, "[1, 1]|[null, null]|[3, 3]");
    struct sl_expr *none;
    assert_int_equal(
        sl_expr_field(&b.ctx, named, SL_STR("AB"), (struct sl_span){3, 5}, &none, &b.err), SL_USER);
    assert_string_equal(b.err.condition, "FIELD_NOT_FOUND");
    assert_string_equal(b.err.msg, "No such struct field `AB` in `A`.");
    bench_end(&b);
}

/* A batch that runs again gives the same values, another place or seed others. */
void test_uuid_is_the_same_in_a_rerun(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    column_i64(&b, 0, &sl_type_int, (int64_t[]){1, 2}, 2);
    struct sl_expr *id = CALL(&b, "uuid");
    const char *first = eval_text(&b, id), *again = eval_text(&b, id);
    assert_string_equal(first, again);
    assert_int_equal(strlen(first), 73);
    assert_true(first[14] == '4' && strncmp(first, first + 37, 36) != 0);
    b.session.batch_seed = 43;
    assert_string_not_equal(first, eval_text(&b, id));
    bench_end(&b);
}

static struct sl_expr *numbers_to(struct bench *b, int64_t last) {
    return CALL(b, "sequence", int_lit(b, 1), int_lit(b, last));
}

/* More keys than are compared pair by pair; 60000 of them that way would take minutes. */
void test_maps_of_many_keys(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const struct sl_vec *out;
    column_i64(&b, 0, &sl_type_int, (int64_t[]){1}, 1);
    int64_t begin = sl_clock_mono_ns();
    struct sl_expr *map = CALL(&b, "map_from_arrays", numbers_to(&b, 60000), numbers_to(&b, 60000));
    EVAL(&b, CALL(&b, "size", map), "60000");
    assert_true(sl_clock_mono_ns() - begin < INT64_C(10000000000));
    struct sl_expr *keys =
        CALL(&b, "concat", numbers_to(&b, 40), CALL(&b, "array", int_lit(&b, 7)));
    map = CALL(&b, "map_from_arrays", keys, numbers_to(&b, 41));
    assert_int_equal(try_eval(&b, map, &out), SL_DATA);
    assert_string_equal(b.err.condition, "DUPLICATED_MAP_KEY");
    map = CALL(&b, "map_from_entries", CALL(&b, "arrays_zip", keys, numbers_to(&b, 41)));
    assert_int_equal(try_eval(&b, map, &out), SL_DATA);
    assert_string_equal(b.err.condition, "DUPLICATED_MAP_KEY");
    bench_end(&b);
}

/* A number in the data cannot take the memory: its row fails, the others do not. */
void test_arrays_too_large(void **state) {
    (void)state;
    struct bench b;
    bench_begin(&b);
    const struct sl_vec *out;
    struct sl_expr *n = column_i64(&b, 0, &sl_type_int, (int64_t[]){2, 2000000000, 3}, 3);
    static const char *const texts[] = {"abcdefghijklmnopqrstuvwxyz", "b", "c"};
    struct sl_expr *text = column_str(&b, 1, texts, 3),
                   *calls[] = {CALL(&b, "array_repeat", text, n),
                               CALL(&b, "array_repeat", text, int_lit(&b, 20000000)),
                               CALL(&b, "sequence", int_lit(&b, 1), n),
                               CALL(&b, "sequence", n, int_lit(&b, 2100000000))};
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++) {
        assert_int_equal(try_eval(&b, calls[i], &out), SL_DATA);
        assert_string_equal(b.err.condition, "COLLECTION_SIZE_LIMIT_EXCEEDED.PARAMETER");
        assert_non_null(strstr(b.err.msg, i < 2 ? "array_repeat" : "sequence"));
    }
    EVAL(&b, CALL(&b, "size", CALL(&b, "array_repeat", text, int_lit(&b, 1000))), "1000|1000|1000");
    bench_end(&b);
}
