/* What counts as an unknown field. That all paths tell the same is json_paths_test.c's business. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fmt_json/json_twins.h"

static const struct sl_type *type_of(struct sl_arena *arena, const char *ddl) {
    const struct sl_type *type;
    struct sl_err err;
    if (sl_type_parse_schema(arena, sl_str(ddl), &type, &err) != SL_OK) fail_msg("%s", err.msg);
    return type;
}

/* Four times the same record, so that the last ones are predicted. */
static void check(const char *schema, const char *declared, const char *record,
                  const char *wanted) {
    struct sl_arena arena;
    struct sl_vec in, out;
    struct twin_marks marks;
    struct sl_json_decode_stats stats;
    uint64_t malformed;
    sl_arena_init(&arena, "test");
    sl_vec_init(&in, &sl_type_string);
    for (int i = 0; i < 4; i++) assert_int_equal(sl_vec_put_str(&in, sl_str(record), NULL), SL_OK);
    for (int path = 0; path < 3; path++) {
        struct sl_buf all = {0};
        twin_decode(type_of(&arena, schema), type_of(&arena, declared), &in, path, &out, &malformed,
                    &marks, &stats);
        for (int i = 0; i < 4 && *wanted; i++) sl_buf_printf(&all, "%d: %s\n", i, wanted);
        assert_string_equal(sl_buf_cstr(&marks.unknown), sl_buf_cstr(&all));
        if (path == 0) assert_true(stats.predicted > 0);
        sl_buf_release(&all);
        sl_buf_release(&marks.text);
        sl_buf_release(&marks.unknown);
        sl_vec_release(&out);
    }
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

void test_json_unknown_fields(void **state) {
    (void)state;
    check("a INT", "a INT", "{\"a\":1}", "");
    check("a INT", "a INT", "{\"a\":1,\"b\":\"x\"}", "b = \"x\"");
    check("a INT", "a INT", "{\"a\":1,\"b\":null}", "b = null");
    check("a INT", "a INT", "{\"A\":1}", "A = 1"); /* names count exactly */
    check("a INT", "a INT, b INT", "{\"a\":1,\"b\":2}", "");
    check("a INT", "a INT", "{\"b\":{\"c\":[1, 2]}}", "b = {\"c\":[1,2]}");
    check("a INT, _corrupt_record STRING", "a INT, _corrupt_record STRING",
          "{\"_corrupt_record\":1}", "_corrupt_record = 1");
}

void test_json_unknown_fields_below(void **state) {
    (void)state;
    check("a INT, s STRUCT<x: INT>", "a INT, s STRUCT<x: INT>", "{\"a\":1,\"s\":{\"x\":2,\"y\":3}}",
          "s.y = 3");
    check("l ARRAY<STRUCT<x: INT>>", "l ARRAY<STRUCT<x: INT>>",
          "{\"l\":[{\"x\":1},{\"x\":2,\"y\":true}]}", "l.element.y = true");
    check("m MAP<STRING, STRUCT<x: INT>>", "m MAP<STRING, STRUCT<x: INT>>",
          "{\"m\":{\"k\":{\"y\":0.5}}}", "m.value.y = 0.5");
    check("m MAP<STRING, INT>", "m MAP<STRING, INT>", "{\"m\":{\"k\":1}}", "");
    /* in what is declared and not read */
    check("a INT", "a INT, s STRUCT<x: INT>", "{\"a\":1,\"s\":{\"x\":2}}", "");
    check("a INT", "a INT, s STRUCT<x: INT>", "{\"a\":1,\"s\":{\"y\":2}}", "s.y = 2");
    check("a INT", "a INT, l ARRAY<STRUCT<x: INT>>", "{\"a\":1,\"l\":[{\"z\":2}]}",
          "l.element.z = 2");
}

/* Such a path can be taken apart again. */
void test_json_unknown_fields_with_dots(void **state) {
    (void)state;
    check("a STRUCT<b: INT>", "a STRUCT<b: INT>", "{\"a.c\":1}", "`a.c` = 1");
    check("`a.b` STRUCT<x: INT>", "`a.b` STRUCT<x: INT>", "{\"a.b\":{\"y\":1}}", "`a.b`.y = 1");
    check("a INT", "a INT", "{\"q`q\":1}", "`q``q` = 1");
    check("a INT", "a INT", "{\"\":1}", "`` = 1");
}

/* The new field comes when a shape without it is known; and is gone again. */
void test_json_unknown_fields_come_and_go(void **state) {
    (void)state;
    static const char *const records[] = {
        "{\"a\":1,\"l\":[{\"x\":1}]}",         "{\"a\":2,\"l\":[{\"x\":1}]}",
        "{\"a\":3,\"l\":[{\"x\":1,\"y\":2}]}", "{\"a\":4,\"b\":5,\"l\":[]}",
        "{\"a\":5,\"l\":[{\"x\":1}]}",         "{\"a\":6,\"b\":7,\"l\":[]}",
        "{\"a\":7,\"b\":8,\"l\":[}",           "{\"a\":\"x\",\"c\":9}"};
    struct sl_arena arena;
    struct sl_vec in, out;
    struct twin_marks marks;
    struct sl_json_decode_stats stats;
    uint64_t malformed;
    sl_arena_init(&arena, "test");
    sl_vec_init(&in, &sl_type_string);
    for (size_t i = 0; i < sizeof records / sizeof *records; i++)
        assert_int_equal(sl_vec_put_str(&in, sl_str(records[i]), NULL), SL_OK);
    const struct sl_type *schema = type_of(&arena, "a INT, l ARRAY<STRUCT<x: INT>>");
    for (int path = 0; path < 3; path++) {
        twin_decode(schema, schema, &in, path, &out, &malformed, &marks, &stats);
        assert_string_equal(sl_buf_cstr(&marks.unknown),
                            "2: l.element.y = 2\n3: b = 5\n5: b = 7\n7: c = 9\n");
        sl_buf_release(&marks.text);
        sl_buf_release(&marks.unknown);
        sl_vec_release(&out);
    }
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

/* ---- the rescued column ---- */

static void check_rescued(const char *schema, const char *record, const char *wanted,
                          uint64_t bad) {
    static const struct sl_json_hooks hooks = {NULL, twin_time, twin_time, twin_date};
    struct sl_arena arena;
    struct sl_json_options options;
    struct sl_err err;
    struct sl_vec in, out;
    sl_arena_init(&arena, "test");
    sl_json_options_init(&options);
    options.rescued_data_column = SL_STR("_r");
    const struct sl_type *type = type_of(&arena, schema);
    int at = sl_type_find_field(type, SL_STR("_r"));
    sl_vec_init(&in, &sl_type_string);
    for (int i = 0; i < 300; i++) /* more than are reserved for at once */
        assert_int_equal(sl_vec_put_str(&in, sl_str(record), NULL), SL_OK);
    for (int path = 0; path < 3; path++) {
        struct sl_json_decoder *decoder;
        uint64_t malformed = 0;
        const char *why;
        sl_vec_init(&out, type);
        if (sl_json_decoder_new(type, &options, &hooks, &decoder, &err) != SL_OK)
            fail_msg("%s", err.msg);
        sl_json_decoder_force(decoder, (enum sl_json_paths)path);
        assert_int_equal(sl_json_decode(decoder, &in, 300, NULL, &out, &malformed, NULL, &err),
                         SL_OK);
        if (!sl_vec_verify(&out, &why)) fail_msg("%s", why);
        assert_int_equal(malformed, 300 * bad);
        for (uint32_t row = 0; row < 300; row++) {
            assert_int_equal(sl_vec_is_null(&out.children[at], row), !wanted);
            if (wanted)
                assert_string_equal(sl_arena_cstr(&arena, sl_vec_str(&out.children[at], row)),
                                    wanted);
        }
        sl_json_decoder_free(decoder);
        sl_vec_release(&out);
    }
    sl_vec_release(&in);
    sl_arena_release(&arena);
}

void test_json_rescued_column(void **state) {
    (void)state;
    static const char flat[] = "a INT, b STRING, _r STRING";
    static const char deep[] = "a INT, s STRUCT<x: INT, t: STRUCT<z: INT>>, l ARRAY<STRUCT<x: "
                               "INT>>, n ARRAY<INT>, m MAP<STRING, INT>, _r STRING";
    check_rescued(flat, "{\"a\":1,\"b\":\"x\"}", NULL, 0);
    check_rescued(flat, "", NULL, 0);
    check_rescued(flat, "{\"a\":1,\"c\":{\"d\":[1,null]},\"e\":\"\xC3\xA9\\n\"}",
                  "{\"c\":{\"d\":[1,null]},\"e\":\"\xC3\xA9\\n\"}", 0);
    check_rescued(flat, "{\"a\":\"x\",\"b\":\"y\"}", "{\"a\":\"x\"}", 0); /* not malformed */
    check_rescued(flat, "{\"_r\":1,\"a\":2}", "{\"_r\":1}", 0);
    check_rescued(flat, "{\"a\":1,\"c\":", NULL, 1); /* broken */
    check_rescued(deep, "{\"s\":{\"x\":1,\"y\":2,\"t\":{\"z\":3}}}", "{\"s\":{\"y\":2}}", 0);
    check_rescued(deep, "{\"s\":{\"x\":1,\"t\":{\"z\":\"q\"}},\"a\":true}",
                  "{\"s\":{\"t\":{\"z\":\"q\"}},\"a\":true}", 0);
    check_rescued(deep, "{\"a\":1,\"s\":[1]}", "{\"s\":[1]}", 0);
    check_rescued(deep, "{\"l\":[{\"x\":1},{\"x\":2,\"y\":3}],\"n\":[1]}",
                  "{\"l\":[{\"x\":1},{\"x\":2,\"y\":3}]}", 0);
    check_rescued(deep, "{\"l\":[{\"x\":\"q\"}]}", "{\"l\":[{\"x\":\"q\"}]}", 0);
    check_rescued(deep, "{\"n\":[1,\"q\"],\"m\":{\"k\":\"q\"}}",
                  "{\"n\":[1,\"q\"],\"m\":{\"k\":\"q\"}}", 0);
}
