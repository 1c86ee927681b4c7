#include "unit.h"

#include "base/json.h"

static bool parses(const char *text) {
    struct sl_arena arena;
    struct sl_json json;
    sl_arena_init(&arena, "test");
    bool ok = sl_json_parse(&arena, sl_str(text), &json, NULL) == SL_OK;
    sl_arena_release(&arena);
    return ok;
}

void test_json_round_trip_keeps_order_and_number_text(void **state) {
    (void)state;
    const char *text = "{\"b\":1.50,\"a\":[true,null,\"x\\ny\"],\"c\":{\"\":-0}}";
    struct sl_arena arena;
    struct sl_json json;
    struct sl_buf out = {0};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_json_parse(&arena, sl_str(text), &json, NULL), SL_OK);
    sl_json_put(&out, &json);
    assert_string_equal(sl_buf_cstr(&out), text);
    sl_buf_release(&out);
    sl_arena_release(&arena);
}

void test_json_refuses_what_rfc_8259_refuses(void **state) {
    (void)state;
    static const char *const bad[] = {
        "",   "{",     "[1,]",      "{\"a\":}",    "{'a':1}",   "01",   "1.",
        "+1", "[1 2]", "\"\\x\"",   "\"\\ud800\"", "nul",       "{} x", "\"a\nb\"",
        "-",  "1e",    "{\"a\" 1}", "[\"a]",       "{\"a\":1,}"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (parses(bad[i])) fail_msg("accepted: %s", bad[i]);
    static const char *const good[] = {"0", "-1.5e+10", " [ ] ", "\"\\ud83d\\ude00\"",
                                       "{\"a\":{\"b\":[[]]}}"};
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!parses(good[i])) fail_msg("refused: %s", good[i]);
}

void test_json_surrogates_become_utf8(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_json json;
    struct sl_str text;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_json_parse(&arena, SL_STR("\"\\ud83d\\ude00\\u00e9\""), &json, NULL),
                     SL_OK);
    assert_true(sl_json_str(&json, &text) && sl_str_eq(text, SL_STR("\xf0\x9f\x98\x80\xc3\xa9")));
    sl_arena_release(&arena);
}

void test_json_depth_is_limited(void **state) {
    (void)state;
    char deep[1001];
    memset(deep, '[', 1000);
    deep[1000] = '\0';
    struct sl_arena arena;
    struct sl_json json;
    struct sl_err err;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_json_parse(&arena, sl_str(deep), &json, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "nested too deep"));
    sl_arena_release(&arena);
}
