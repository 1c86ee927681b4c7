#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/json.h"
#include "col/type.h"

static struct sl_arena arena;
static struct sl_err err;

static const struct sl_type *parse(const char *text) {
    const struct sl_type *type = NULL;
    memset(&err, 0, sizeof err);
    if (sl_type_parse_schema(&arena, sl_str(text), &type, &err) != SL_OK)
        fail_msg("`%s`: %s", text, err.msg);
    return type;
}

static void refuse(const char *text, const char *condition, const char *part) {
    const struct sl_type *type = NULL;
    memset(&err, 0, sizeof err);
    enum sl_code code = sl_type_parse_schema(&arena, sl_str(text), &type, &err);
    if (code == SL_OK) fail_msg("`%s` was accepted", text);
    assert_string_equal(err.condition, condition);
    if (!strstr(err.msg, part)) fail_msg("`%s`: \"%s\" lacks \"%s\"", text, err.msg, part);
    assert_true(err.span.begin <= err.span.end && err.span.end <= strlen(text));
}

static void expect_sql(const char *text, const char *sql) {
    assert_string_equal(sl_type_sql(&arena, parse(text)), sql);
}

static void expect_simple(const char *text, const char *simple) {
    struct sl_buf buf = {0};
    sl_type_put_simple(&buf, parse(text));
    assert_string_equal(sl_buf_cstr(&buf), simple);
    sl_buf_release(&buf);
}

void test_ddl_simple_names(void **state) {
    (void)state;
    static const char *const pairs[][2] = {
        {"boolean", "boolean"},
        {"BYTE", "tinyint"},
        {"tinyint", "tinyint"},
        {"short", "smallint"},
        {"integer", "int"},
        {"Long", "bigint"},
        {"real", "float"},
        {"double", "double"},
        {"decimal", "decimal(10,0)"},
        {"dec(5)", "decimal(5,0)"},
        {"numeric( 38 , 18 )", "decimal(38,18)"},
        {"char(3)", "string"},
        {"varchar(30)", "string"},
        {"string collate utf8_binary", "string"},
        {"timestamp_ltz", "timestamp"},
        {"timestamp_ntz", "timestamp_ntz"},
        {"void", "void"},
        {"interval day to second", "interval day to second"},
        {"INTERVAL DAY TO HOUR", "interval day to hour"},
        {"interval minute", "interval minute"},
        {"interval year to month", "interval year to month"},
        {"interval month", "interval month"},
        {"array<map<string,array<int>>>", "array<map<string,array<int>>>"},
        {"struct<>", "struct<>"},
        {"struct<a:int,b struct<c double>>", "struct<a:int,b:struct<c:double>>"},
    };
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++)
        expect_simple(pairs[i][0], pairs[i][1]);
    assert_true(parse("interval day to second")->kind == SL_DAY_INTERVAL_KIND);
    assert_true(sl_type_equal(parse("interval day to second"), &sl_type_day_interval));
    assert_false(sl_type_equal(parse("interval day"), &sl_type_day_interval));
    sl_arena_release(&arena);
}

void test_ddl_column_lists(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    expect_sql("a INT, b STRUCT<x: INT, y: ARRAY<STRING>> NOT NULL COMMENT 'c'",
               "STRUCT<a: INT, b: STRUCT<x: INT, y: ARRAY<STRING>> NOT NULL COMMENT 'c'>");
    expect_sql("a\n  int -- the first\n , /* and */ `odd name`  bigint,`a``b` string",
               "STRUCT<a: INT, `odd name`: BIGINT, `a``b`: STRING>");
    expect_sql("order int, date date, interval interval year, 1a string, timestamp: timestamp",
               "STRUCT<order: INT, date: DATE, interval: INTERVAL YEAR, 1a: STRING, timestamp: "
               "TIMESTAMP>");
    expect_sql("c int COMMENT 'it''s \\'q\\' \\n' NOT NULL",
               "STRUCT<c: INT NOT NULL COMMENT 'it\\'s \\'q\\' \n'>");
    const struct sl_type *type = parse("a int comment \"x\", B map<int, long>");
    assert_int_equal(type->field_count, 2);
    assert_true(type->fields[0].nullable);
    assert_true(sl_str_eq(type->fields[0].comment, SL_STR("x")));
    assert_int_equal(sl_type_find_field(type, SL_STR("b")), 1);
    assert_int_equal(sl_type_find_field(type, SL_STR("c")), -1);
    assert_int_equal(sl_type_find_field(parse("Ab int, aB int"), SL_STR("AB")), -2);
    assert_int_equal(sl_type_find_field(parse("Ab int, aB int"), SL_STR("aB")), 1);
    sl_arena_release(&arena);
}

void test_ddl_errors_name_the_place(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    refuse("a itn", "UNSUPPORTED_DATATYPE", "itn");
    assert_non_null(strstr(err.hint, "int"));
    assert_int_equal(err.span.begin, 2);
    assert_int_equal(err.span.end, 5);
    refuse("variant", "UNSUPPORTED_DATATYPE", "variant");
    refuse("a variant", "UNSUPPORTED_DATATYPE", "variant");
    refuse("", "PARSE_SYNTAX_ERROR", "ends");
    refuse("a", "UNSUPPORTED_DATATYPE", "`a`");
    refuse("a int,", "PARSE_SYNTAX_ERROR", "a column name");
    refuse("a int b int", "PARSE_SYNTAX_ERROR", "`b`");
    refuse("array<int", "PARSE_SYNTAX_ERROR", "`>`");
    refuse("map<int>", "PARSE_SYNTAX_ERROR", "`,`");
    refuse("a int not", "PARSE_SYNTAX_ERROR", "NULL");
    refuse("a int comment x", "PARSE_SYNTAX_ERROR", "quotes");
    refuse("`a int", "PARSE_SYNTAX_ERROR", "never closed");
    refuse("decimal(39,0)", "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "39");
    refuse("decimal(3,4)", "PARSE_SYNTAX_ERROR", "decimal(3,4)");
    refuse("decimal(0)", "PARSE_SYNTAX_ERROR", "decimal(0,0)");
    refuse("decimal(99999999999999999999)", "PARSE_SYNTAX_ERROR", "a number");
    refuse("a varchar", "DATATYPE_MISSING_SIZE", "length");
    refuse("a interval", "UNSUPPORTED_DATATYPE", "units");
    refuse("a interval second to day", "PARSE_SYNTAX_ERROR", "second to day");
    refuse("a string collate unicode", "UNSUPPORTED_DATATYPE", "unicode");
    sl_arena_release(&arena);
}

void test_ddl_depth_is_limited(void **state) {
    (void)state;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "test");
    for (int i = 0; i < 100000; i++) sl_buf_put_cstr(&text, "array<");
    refuse(sl_buf_cstr(&text), "PARSE_SYNTAX_ERROR", "deeper");
    sl_buf_release(&text);
    sl_arena_release(&arena);
}

/* Text to type to text gives the same text; the JSON of Spark 4.1 for the same schema. */
void test_json_round_trip(void **state) {
    (void)state;
    static const char *const json =
        "{\"type\":\"struct\",\"fields\":["
        "{\"name\":\"a\",\"type\":\"integer\",\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"b\",\"type\":{\"type\":\"array\",\"elementType\":\"decimal(20,3)\","
        "\"containsNull\":false},\"nullable\":false,\"metadata\":{\"comment\":\"x "
        "\\\"y\\\"\",\"n\":"
        "1}},"
        "{\"name\":\"m\",\"type\":{\"type\":\"map\",\"keyType\":\"string\",\"valueType\":{\"type\":"
        "\"struct\",\"fields\":[{\"name\":\"t\",\"type\":\"timestamp\",\"nullable\":true,"
        "\"metadata\":{}}]},\"valueContainsNull\":true},\"nullable\":true,\"metadata\":{}},"
        "{\"name\":\"i\",\"type\":\"interval day to second\",\"nullable\":true,\"metadata\":{}}]}";
    sl_arena_init(&arena, "test");
    const struct sl_type *type = parse(json);
    struct sl_buf buf = {0};
    sl_type_put_json(&buf, type);
    assert_string_equal(sl_buf_cstr(&buf), json);
    assert_false(type->fields[1].type->fields[0].nullable);
    assert_true(sl_str_eq(type->fields[1].comment, SL_STR("x \"y\"")));
    assert_true(sl_type_equal(parse("a int, b array<decimal(20,3)>, m map<string, struct<t: "
                                    "timestamp>>, i interval day to second"),
                              type));
    sl_buf_clear(&buf);
    sl_type_put_json(&buf, parse("a int comment 'q\"'"));
    assert_string_equal(sl_buf_cstr(&buf),
                        "{\"type\":\"struct\",\"fields\":[{\"name\":\"a\",\"type\":\"integer\","
                        "\"nullable\":true,\"metadata\":{\"comment\":\"q\\\"\"}}]}");
    assert_true(parse("\"long\"")->kind == SL_LONG_KIND);
    refuse("{\"type\":\"array\"}", "INVALID_JSON_DATA_TYPE", "elementType");
    refuse("{\"type\":\"udt\"}", "UNSUPPORTED_DATATYPE", "udt");
    refuse("{\"type\":\"struct\",\"fields\":[{\"type\":\"int\"}]}", "INVALID_JSON_DATA_TYPE",
           "name");
    sl_buf_release(&buf);
    sl_arena_release(&arena);
}

void test_type_widths(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_type_width(sl_type_decimal(&arena, 18, 2)), 8);
    assert_int_equal(sl_type_width(sl_type_decimal(&arena, 19, 2)), 16);
    assert_int_equal(sl_type_width(&sl_type_date), 4);
    assert_int_equal(sl_type_width(&sl_type_bool), 0);
    for (int kind = 0; kind < SL_KIND_COUNT; kind++)
        if (kind != SL_DECIMAL_KIND && kind < SL_ARRAY_KIND)
            assert_int_equal(sl_type_simple((enum sl_kind)kind)->kind, kind);
    sl_arena_release(&arena);
}
