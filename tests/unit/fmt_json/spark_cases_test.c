/* Goal: from_json and get_json_object answer as Spark 4.1.1 did. Method: a table of Spark's
 * answers; each record is decoded alone and twice in a row by each path. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fmt/json/json_decode.h"
#include "fmt/json/json_text.h"

struct spark_case {
    const char *schema, *option, *value, *record;
    size_t len;
    const char *answer;
};
static const struct spark_case cases[] = {
#define CASE(schema, option, value, record, len, answer)                                           \
    {schema, option, value, record, len, answer},
#define PATH(path, record, len, answer)
#include "fmt_json/spark_cases.def"
};
static const struct spark_case paths[] = {
#define CASE(schema, option, value, record, len, answer)
#define PATH(path, record, len, answer) {path, "", "", record, len, answer},
#include "fmt_json/spark_cases.def"
};

static void check(const struct spark_case *c, const struct sl_type *schema,
                  const struct sl_json_options *options, int path) {
    struct sl_err err = {0};
    struct sl_json_hooks hooks = {0};
    struct sl_json_decoder *decoder;
    struct sl_str text = {c->record, c->len};
    struct sl_vec in, out;
    sl_vec_init(&in, &sl_type_string);
    sl_vec_init(&out, schema);
    for (int i = 0; i < 3; i++) assert_int_equal(sl_vec_put_str(&in, text, &err), SL_OK);
    assert_int_equal(sl_json_decoder_new(schema, options, &hooks, &decoder, &err), SL_OK);
    sl_json_decoder_force(decoder, path);
    assert_int_equal(sl_json_decode(decoder, &in, 3, NULL, &out, NULL, NULL, &err), SL_OK);
    struct sl_json_options print = *options;
    print.ignore_null_fields = false;
    for (uint32_t row = 0; row < 3; row++) {
        struct sl_buf got = {0};
        assert_int_equal(sl_json_print(&got, &out, row, &print, NULL, &err), SL_OK);
        if (strcmp(sl_buf_cstr(&got), c->answer) != 0)
            fail_msg("%s, path %d, row %u: %s\n  got    %s\n  spark  %s", c->schema, path, row,
                     c->record, sl_buf_cstr(&got), c->answer);
        sl_buf_release(&got);
    }
    sl_json_decoder_free(decoder);
    sl_vec_release(&in);
    sl_vec_release(&out);
}

void test_from_json_answers_as_spark(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct spark_case *c = &cases[i];
        struct sl_arena arena;
        struct sl_err err = {0};
        struct sl_json_options options;
        const struct sl_type *schema;
        sl_arena_init(&arena, "query");
        sl_json_options_init(&options);
        if (*c->option)
            assert_int_equal(
                sl_json_options_set(&options, sl_str(c->option), sl_str(c->value), &err), SL_OK);
        assert_int_equal(sl_type_parse_schema(&arena, sl_str(c->schema), &schema, &err), SL_OK);
        for (int path = 0; path < 3; path++) check(c, schema, &options, path);
        sl_arena_release(&arena);
    }
}

void test_get_json_object_answers_as_spark(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof paths / sizeof paths[0]; i++) {
        const struct spark_case *c = &paths[i];
        struct sl_arena arena;
        struct sl_buf got = {0};
        sl_arena_init(&arena, "query");
        const struct sl_json_path *path = sl_json_path_parse(&arena, sl_str(c->schema));
        bool found = sl_json_path_get(path, (struct sl_str){c->record, c->len}, &got);
        const char *text = found ? sl_buf_cstr(&got) : NULL;
        if (!text != !c->answer || (text && strcmp(text, c->answer) != 0))
            fail_msg("%s of %s: got %s, spark %s", c->schema, c->record, text ? text : "NULL",
                     c->answer ? c->answer : "NULL");
        sl_buf_release(&got);
        sl_arena_release(&arena);
    }
}
