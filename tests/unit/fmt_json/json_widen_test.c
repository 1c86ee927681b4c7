/* Types of single values, widened over many: as sl_json_infer_add finds them over whole records,
 * but for what is not known yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fmt/json/json_infer.h"

struct values {
    struct sl_arena arena;
    struct sl_json_options options;
    struct sl_json_infer *infer;
};

static void values_open(struct values *v) {
    sl_arena_init(&v->arena, "test");
    sl_json_options_init(&v->options);
    v->infer = sl_json_infer_new(&v->options, NULL, NULL);
}
static void values_close(struct values *v) {
    sl_json_infer_free(v->infer);
    sl_arena_release(&v->arena);
}

static const struct sl_type *type_of(struct values *v, const char *text) {
    const struct sl_type *type;
    assert_true(sl_json_infer_value(v->infer, sl_str(text), &v->arena, &type));
    return type;
}

static void check(const char *a, const char *b, const char *open, const char *known) {
    struct values v;
    values_open(&v);
    const struct sl_type *one = sl_json_type_widen(&v.arena, NULL, type_of(&v, a));
    const struct sl_type *both = sl_json_type_widen(&v.arena, one, type_of(&v, b));
    assert_string_equal(sl_type_sql(&v.arena, both), open);
    const struct sl_type *left = sl_json_type_known(&v.arena, both);
    assert_string_equal(left ? sl_type_sql(&v.arena, left) : "", known);
    /* the order in which values come does not matter, and nothing changes what holds them */
    const struct sl_type *back = sl_json_type_widen(&v.arena, type_of(&v, b), type_of(&v, a));
    assert_true(sl_type_equal(back, both));
    assert_ptr_equal(sl_json_type_widen(&v.arena, both, one), both);
    values_close(&v);
}

void test_json_widen_plain_values(void **state) {
    (void)state;
    check("1", "2", "BIGINT", "BIGINT");
    check("1", "2.5", "DOUBLE", "DOUBLE");
    check("1", "\"x\"", "STRING", "STRING");
    check("true", "false", "BOOLEAN", "BOOLEAN");
    check("true", "1", "STRING", "STRING");
    check("1", "12345678901234567890", "DECIMAL(20,0)", "DECIMAL(20,0)");
    check("12345678901234567890", "0.5", "DOUBLE", "DOUBLE");
    check("\"\"", "1", "STRING", "STRING"); /* an empty text is a text here */
    check("{\"a\":1}", "1", "STRING", "STRING");
    check("[1]", "{}", "STRING", "STRING");
}

void test_json_widen_what_is_not_known(void **state) {
    (void)state;
    check("null", "null", "VOID", "");
    check("null", "1", "BIGINT", "BIGINT");
    check("[]", "null", "ARRAY<VOID>", "");
    check("[]", "[null]", "ARRAY<VOID>", "");
    check("[]", "[1.5]", "ARRAY<DOUBLE>", "ARRAY<DOUBLE>");
    check("[]", "1", "STRING", "STRING");
    check("{}", "null", "STRUCT<>", "");
    check("{\"a\":null}", "{\"b\":[]}", "STRUCT<a: VOID, b: ARRAY<VOID>>", "");
    check("{\"a\":null,\"b\":1}", "{}", "STRUCT<a: VOID, b: BIGINT>", "STRUCT<b: BIGINT>");
    check("{\"\":1,\"b\":1}", "{}", "STRUCT<``: BIGINT, b: BIGINT>", "STRUCT<b: BIGINT>");
}

void test_json_widen_nested_values(void **state) {
    (void)state;
    check("{\"b\":1}", "{\"a\":\"x\"}", "STRUCT<a: STRING, b: BIGINT>",
          "STRUCT<a: STRING, b: BIGINT>");
    check("{\"s\":{\"x\":1}}", "{\"s\":{\"x\":0.5,\"y\":[{\"z\":true}]}}",
          "STRUCT<s: STRUCT<x: DOUBLE, y: ARRAY<STRUCT<z: BOOLEAN>>>>",
          "STRUCT<s: STRUCT<x: DOUBLE, y: ARRAY<STRUCT<z: BOOLEAN>>>>");
    check("[{\"a\":1}]", "[{\"b\":1},null]", "ARRAY<STRUCT<a: BIGINT, b: BIGINT>>",
          "ARRAY<STRUCT<a: BIGINT, b: BIGINT>>");
}

/* Whole records, one after the other, have the same types: the twin is the inference of files. */
void test_json_widen_is_the_inference_of_files(void **state) {
    (void)state;
    static const char *const values[] = {
        "1",     "-7",        "2.5",           "12345678901234567890", "1e400",
        "\"x\"", "true",      "[1]",           "[\"a\",null]",         "{\"a\":1}",
        "[[1]]", "{\"b\":2}", "{\"a\":\"x\"}", "[{\"a\":1}]",          "{\"a\":{\"c\":0.1}}"};
    enum { COUNT = sizeof values / sizeof *values };
    for (int i = 0; i < COUNT * COUNT * COUNT; i++) {
        const char *const three[] = {values[i % COUNT], values[i / COUNT % COUNT],
                                     values[i / COUNT / COUNT]};
        struct values v;
        const struct sl_type *type = NULL;
        values_open(&v);
        for (int k = 0; k < 3; k++)
            type = sl_json_type_widen(&v.arena, type, type_of(&v, three[k]));
        struct sl_json_infer *whole = sl_json_infer_new(&v.options, NULL, NULL);
        for (int k = 0; k < 3; k++) {
            struct sl_str record = sl_arena_printf(&v.arena, "{\"v\":%s}", three[k]);
            assert_int_equal(sl_json_infer_add(whole, record, NULL), SL_OK);
        }
        const struct sl_type *wanted = sl_json_infer_type(whole, &v.arena)->fields[0].type;
        if (!sl_type_equal(sl_json_type_known(&v.arena, type), wanted))
            fail_msg("%s, %s, %s: %s, not %s", three[0], three[1], three[2],
                     sl_type_sql(&v.arena, type), sl_type_sql(&v.arena, wanted));
        sl_json_infer_free(whole);
        values_close(&v);
    }
}

void test_json_widen_broken_text(void **state) {
    (void)state;
    struct values v;
    const struct sl_type *type;
    values_open(&v);
    assert_false(sl_json_infer_value(v.infer, SL_STR("{\"a\":"), &v.arena, &type));
    assert_ptr_equal(type, &sl_type_string);
    assert_int_equal(type_of(&v, "1")->kind, SL_LONG_KIND); /* and goes on */
    values_close(&v);
}
