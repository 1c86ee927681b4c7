/* Goal: what is said about a malformed record names the field, what was expected and what was
 * found, or the byte where the text broke. Method: one record per line of a table. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "fmt/json/json_decode.h"

#define NESTED "s STRUCT<x: INT, y: STRING>, l ARRAY<STRUCT<q: INT>>, m MAP<STRING, INT>, b BINARY"

static const struct {
    const char *schema, *record, *reason; /* "": not malformed */
} cases[] = {
    {"a INT", "{\"a\":1}", ""},
    {"a INT", "{\"a\":null}", ""},
    {"a INT", "", ""},
    {"a INT", "{\"b\":\"x\"}", ""},
    {"a INT", "{\"a\":\"1\"}", "field `a`: INT expected, found \"1\""},
    {"a INT", "{\"a\":1.5}", "field `a`: INT expected, found 1.5"},
    {"a INT", "{\"a\":true}", "field `a`: INT expected, found true"},
    {"a INT", "{\"a\":{\"x\":1}}", "field `a`: INT expected, found an object"},
    {"a INT", "{\"a\":[1]}", "field `a`: INT expected, found an array"},
    {"a INT", "{\"a\":NaN}", "field `a`: INT expected, found NaN"},
    {"a INT", "{\"a\":-Infinity}", "field `a`: INT expected, found an infinity"},
    {"a INT", "{\"a\":\"\"}", "field `a`: INT expected, found \"\""},
    {"a BOOLEAN", "{\"a\":0}", "field `a`: BOOLEAN expected, found 0"},
    {"a DECIMAL(4,2)", "{\"a\":123.4}", "field `a`: DECIMAL(4,2) expected, found 123.4"},
    {"a DATE", "{\"a\":\"soon\"}", "field `a`: DATE expected, found \"soon\""},
    {"a INT, b INT", "{\"b\":\"y\",\"a\":\"x\"}", "field `b`: INT expected, found \"y\""},
    {"a INT", "{\"a\":1,\"a\":\"x\"}", "field `a`: INT expected, found \"x\""},
    {"a STRUCT<x: INT>", "{\"a\":5}", "field `a`: an object expected, found 5"},
    {"a ARRAY<INT>", "{\"a\":{}}", "field `a`: an array expected, found an object"},
    {NESTED, "{\"s\":{\"y\":\"\",\"x\":\"z\"}}", "field `s.x`: INT expected, found \"z\""},
    {NESTED, "{\"l\":[{\"q\":1},{\"q\":\"z\"}]}", "field `l[1].q`: INT expected, found \"z\""},
    {NESTED, "{\"l\":[{\"q\":1},7]}", "field `l[1]`: an object expected, found 7"},
    {NESTED, "{\"m\":{\"k\":1,\"bad\":\"z\"}}", "field `m.bad`: INT expected, found \"z\""},
    {NESTED, "{\"b\":\"***\"}", "field `b`: BINARY in base64 expected, found a string"},
    {"a STRING", "{\"a\":\"x\\ty", "field `a`: the JSON text ends too early, at byte 10"},
    {"a STRING", "{\"a\":\"x\\q\"}", "field `a`: broken JSON near byte 9"},
    {"a INT", "{\"a\":1,", "the JSON text ends too early, at byte 7"},
    {"a INT", "{\"a\":1 \"b\":2}", "broken JSON near byte 8"},
    {"a INT", "{\"a\":tru}", "broken JSON near byte 8"},
    {"a INT", "not json", "broken JSON near byte 3"},
    {"s STRUCT<x: INT>", "{\"s\":{\"x\":1 2}}", "field `s`: broken JSON near byte 13"},
    {"a INT", "[1]", "an object expected, found an array"},
    {"a INT", "\"text\"", "an object expected, found a string"},
    {"ARRAY<INT>", "{\"a\":1}", "an array expected, found an object"},
    {"ARRAY<INT>", "[1,\"x\"]", "field `[1]`: INT expected, found \"x\""},
    {"MAP<STRING, INT>", "[]", "an object expected, found an array"},
    {"a INT", "{\"a\":\"0123456789012345678901234567890123456789012345678901234567890123456789\"}",
     "field `a`: INT expected, found "
     "\"0123456789012345678901234567890123456789012345678901234567890123..\""},
    {"a INT", "{\"a\":\"\\ud800\\n\"}", "field `a`: INT expected, found \"\xEF\xBF\xBD \""},
};

static void keep(void *ctx, uint32_t row, struct sl_str reason) {
    assert_int_equal(row, 0);
    snprintf(ctx, 512, "%.*s", SL_STR_ARG(reason));
}

static void check(size_t i, const struct sl_json_options *options) {
    static const struct sl_json_hooks hooks = {0};
    struct sl_arena arena;
    struct sl_err err = {0};
    const struct sl_type *schema;
    struct sl_json_decoder *decoder;
    struct sl_vec in, out;
    char reason[512] = "";
    sl_arena_init(&arena, "query");
    assert_int_equal(sl_type_parse_schema(&arena, sl_str(cases[i].schema), &schema, &err), SL_OK);
    assert_int_equal(sl_json_decoder_new(schema, options, &hooks, &decoder, &err), SL_OK);
    sl_vec_init(&in, &sl_type_string);
    sl_vec_init(&out, schema);
    assert_int_equal(sl_vec_put_str(&in, sl_str(cases[i].record), &err), SL_OK);
    sl_json_decoder_on_malformed(decoder, keep, reason);
    assert_int_equal(sl_json_decode(decoder, &in, 1, NULL, &out, NULL, NULL, &err), SL_OK);
    if (strcmp(reason, cases[i].reason) != 0)
        fail_msg("%s\n  as %s\n  expected %s\n  is       %s", cases[i].record, cases[i].schema,
                 cases[i].reason, reason);
    sl_json_decoder_free(decoder);
    sl_vec_release(&in);
    sl_vec_release(&out);
    sl_arena_release(&arena);
}

void test_reasons_of_malformed_records(void **state) {
    (void)state;
    struct sl_json_options options;
    sl_json_options_init(&options);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(i, &options);
}

/* Who asks for reasons gets all records of a batch, in the mode FAILFAST too. */
void test_failfast_goes_on_when_asked_for_reasons(void **state) {
    (void)state;
    struct sl_json_options options;
    struct sl_err err = {0};
    sl_json_options_init(&options);
    assert_int_equal(sl_json_options_set(&options, SL_STR("mode"), SL_STR("FAILFAST"), &err),
                     SL_OK);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) check(i, &options);
}
