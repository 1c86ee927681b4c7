/* Schema elements to Spark types and levels: annotations, and the older shapes of lists and maps of
 * the format's LogicalTypes page. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "fmt/parquet/parquet_schema.h"

enum { REQUIRED, OPTIONAL, REPEATED };
#define GROUP(rep, text, children, ...)                                                            \
    {                                                                                              \
        .name = SL_STR(text), .physical = -1, .repetition = (rep), .child_count = (children),      \
        __VA_ARGS__                                                                                \
    }
#define LEAF(rep, text, kind, ...)                                                                 \
    { .name = SL_STR(text), .physical = SL_PARQUET_##kind, .repetition = (rep), __VA_ARGS__ }
#define BUILD(out, ...)                                                                            \
    do {                                                                                           \
        struct sl_parquet_element elements[] = {__VA_ARGS__};                                      \
        build((out), elements, sizeof elements / sizeof elements[0]);                              \
    } while (0)

static struct sl_arena arena;

static void build(const char *want, const struct sl_parquet_element *elements, size_t count) {
    struct sl_parquet_schema schema;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    if (sl_parquet_schema_read(&arena, elements, count, &schema, &err) != SL_OK) {
        if (!strstr(err.msg, want)) fail_msg("\"%s\" lacks \"%s\"", err.msg, want);
    } else {
        struct sl_buf text = {0};
        sl_type_put_simple(&text, schema.type);
        for (uint32_t i = 0; i < schema.leaf_count; i++)
            sl_buf_printf(&text, " %.*s:%u/%u", SL_STR_ARG(schema.leaves[i].path),
                          schema.leaves[i].max_def, schema.leaves[i].max_rep);
        assert_string_equal(sl_buf_cstr(&text), want);
        sl_buf_release(&text);
    }
    sl_arena_release(&arena);
}

#define ROOT(children) GROUP(-1, "schema", children)
#define LIST .logical = SL_LOGICAL_LIST
#define MAP .logical = SL_LOGICAL_MAP

void test_read_schema_of_lists(void **state) {
    (void)state;
    BUILD("struct<f:array<int>> f.list.element:3/1", ROOT(1), GROUP(OPTIONAL, "f", 1, LIST),
          GROUP(REPEATED, "list", 1), LEAF(OPTIONAL, "element", INT32));
    /* The repeated field is the element itself: */
    BUILD("struct<f:array<int>> f.element:2/1", ROOT(1), GROUP(OPTIONAL, "f", 1, LIST),
          LEAF(REPEATED, "element", INT32));
    BUILD("struct<f:array<struct<a:int,b:int>>> f.element.a:2/1 f.element.b:2/1", ROOT(1),
          GROUP(OPTIONAL, "f", 1, LIST), GROUP(REPEATED, "element", 2), LEAF(REQUIRED, "a", INT32),
          LEAF(REQUIRED, "b", INT32));
    BUILD("struct<f:array<struct<a:int>>> f.array.a:3/1", ROOT(1), GROUP(OPTIONAL, "f", 1, LIST),
          GROUP(REPEATED, "array", 1), LEAF(OPTIONAL, "a", INT32));
    BUILD("struct<f:array<struct<a:int>>> f.f_tuple.a:2/1", ROOT(1), GROUP(REQUIRED, "f", 1, LIST),
          GROUP(REPEATED, "f_tuple", 1), LEAF(OPTIONAL, "a", INT32));
    BUILD("struct<f:array<struct<a:array<int>>>> f.x.a:3/2", ROOT(1), GROUP(OPTIONAL, "f", 1, LIST),
          GROUP(REPEATED, "x", 1), LEAF(REPEATED, "a", INT32));
    /* Without annotation a repeated field is a required list of required. */
    BUILD("struct<f:array<int>,g:struct<h:array<struct<i:bigint>>>> f:1/1 g.h.i:3/1", ROOT(2),
          LEAF(REPEATED, "f", INT32), GROUP(OPTIONAL, "g", 1), GROUP(REPEATED, "h", 1),
          LEAF(OPTIONAL, "i", INT64));
    BUILD("LIST has no repeated", ROOT(1), GROUP(OPTIONAL, "f", 1, LIST),
          LEAF(OPTIONAL, "x", INT32));
}

void test_read_schema_of_maps(void **state) {
    (void)state;
    BUILD("struct<m:map<binary,int>> m.key_value.key:2/1 m.key_value.value:3/1", ROOT(1),
          GROUP(OPTIONAL, "m", 1, MAP), GROUP(REPEATED, "key_value", 2),
          LEAF(REQUIRED, "key", BYTE_ARRAY), LEAF(OPTIONAL, "value", INT32));
    BUILD("struct<m:array<int>> m.key_value.key:1/1", ROOT(1), GROUP(REQUIRED, "m", 1, MAP),
          GROUP(REPEATED, "key_value", 1), LEAF(REQUIRED, "key", INT32));
    BUILD("MAP has no repeated", ROOT(1), GROUP(OPTIONAL, "m", 1, MAP),
          GROUP(OPTIONAL, "key_value", 1), LEAF(REQUIRED, "key", INT32));
}

void test_read_schema_of_leaves(void **state) {
    (void)state;
#define ONE(want, kind, ...)                                                                       \
    BUILD("struct<x:" want "> x:1/0", ROOT(1), LEAF(OPTIONAL, "x", kind, __VA_ARGS__))
#define INTEGER(bits, sign) .logical = SL_LOGICAL_INTEGER, .bit_width = bits, .is_signed = sign
#define DECIMAL(p, s) .logical = SL_LOGICAL_DECIMAL, .precision = p, .scale = s
    ONE("tinyint", INT32, INTEGER(8, true));
    ONE("smallint", INT32, INTEGER(16, true));
    ONE("smallint", INT32, INTEGER(8, false));
    ONE("int", INT32, INTEGER(16, false));
    ONE("bigint", INT32, INTEGER(32, false));
    ONE("decimal(20,0)", INT64, INTEGER(64, false));
    ONE("date", INT32, .logical = SL_LOGICAL_DATE);
    ONE("timestamp", INT96, .logical = SL_LOGICAL_NONE);
    ONE("timestamp", INT64, .logical = SL_LOGICAL_TIMESTAMP, .utc = true, .unit = SL_UNIT_NANOS);
    ONE("timestamp_ntz", INT64, .logical = SL_LOGICAL_TIMESTAMP, .unit = SL_UNIT_MILLIS);
    ONE("decimal(9,2)", INT32, DECIMAL(9, 2));
    ONE("decimal(38,10)", FIXED, .type_length = 16, DECIMAL(38, 10));
    ONE("float", FIXED, .type_length = 2, .logical = SL_LOGICAL_FLOAT16);
    ONE("binary", FIXED, .type_length = 16, .logical = SL_LOGICAL_UUID);
    ONE("string", BYTE_ARRAY, .logical = SL_LOGICAL_JSON);
    ONE("void", INT32, .logical = SL_LOGICAL_UNKNOWN);
    ONE("boolean", BOOLEAN, .logical = SL_LOGICAL_NONE);
    const char *const wrong = "does not fit";
    BUILD(wrong, ROOT(1), LEAF(OPTIONAL, "x", INT32, DECIMAL(39, 0)));
    BUILD(wrong, ROOT(1), LEAF(OPTIONAL, "x", INT32, DECIMAL(5, 6)));
    BUILD(wrong, ROOT(1), LEAF(OPTIONAL, "x", DOUBLE, DECIMAL(5, 1)));
    BUILD(wrong, ROOT(1), LEAF(OPTIONAL, "x", FIXED, .type_length = 0));
    BUILD(wrong, ROOT(1), LEAF(OPTIONAL, "x", INT32, INTEGER(64, true)));
}

void test_read_schema_refuses_broken_trees(void **state) {
    (void)state;
    BUILD("no root", LEAF(OPTIONAL, "x", INT32));
    BUILD("more fields", ROOT(3), LEAF(OPTIONAL, "x", INT32));
    BUILD("outside the root", ROOT(1), LEAF(OPTIONAL, "x", INT32), LEAF(OPTIONAL, "y", INT32));
    BUILD("fields are missing", ROOT(2), GROUP(OPTIONAL, "g", 1), LEAF(OPTIONAL, "x", INT32));
    BUILD("no repetition", ROOT(1), LEAF(-1, "x", INT32));
    BUILD("no fields", ROOT(1), GROUP(OPTIONAL, "g", 0));
    struct sl_parquet_element deep[300];
    for (int i = 0; i < 300; i++)
        deep[i] = (struct sl_parquet_element)GROUP(OPTIONAL, "g", i < 299);
    build("too deeply", deep, 300);
}

/* Spark's own schema gives types that Parquet cannot say, comments, and is ignored when it is of
 * another file. */
void test_read_schema_takes_sparks_types(void **state) {
    (void)state;
    struct sl_parquet_element elements[] = {ROOT(3), LEAF(OPTIONAL, "i", INT64),
                                            LEAF(OPTIONAL, "b", BYTE_ARRAY),
                                            LEAF(REPEATED, "l", INT32)};
    struct sl_parquet_schema schema;
    const struct sl_type *spark;
    struct sl_buf text = {0};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_parquet_schema_read(&arena, elements, 4, &schema, NULL), SL_OK);
    assert_int_equal(
        sl_type_parse_schema(&arena, SL_STR("i STRING, b STRING, l ARRAY<INT>"), &spark, NULL),
        SL_OK);
    sl_parquet_schema_apply(&arena, &schema, spark);
    assert_int_equal(schema.type->fields[0].type->kind, SL_LONG_KIND);
    assert_int_equal(sl_type_parse_schema(&arena,
                                          SL_STR("i INTERVAL DAY TO SECOND NOT NULL COMMENT 'c', b "
                                                 "STRING, l ARRAY<INTERVAL YEAR TO MONTH>"),
                                          &spark, NULL),
                     SL_OK);
    sl_parquet_schema_apply(&arena, &schema, spark);
    sl_type_put_sql(&text, schema.type);
    assert_string_equal(sl_buf_cstr(&text),
                        "STRUCT<i: INTERVAL DAY TO SECOND COMMENT 'c', b: STRING, l: "
                        "ARRAY<INTERVAL YEAR TO MONTH>>");
    assert_int_equal(schema.root.children[2].children[0].type->kind, SL_MONTH_INTERVAL_KIND);
    sl_buf_release(&text);
    sl_arena_release(&arena);
}
