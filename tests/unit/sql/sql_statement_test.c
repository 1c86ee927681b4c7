#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/lexer.h"
#include "sql/parse.h"

static struct sl_arena arena;
static struct sl_statements statements;

static struct sl_statement *parse(const char *text) {
    struct sl_err err = {0};
    sl_arena_release(&arena);
    sl_arena_init(&arena, "test");
    if (sl_sql_parse(&arena, sl_str(text), &statements, &err) != SL_OK)
        fail_msg("%s: %s", text, err.msg);
    return statements.items;
}

static void assert_str(struct sl_str str, const char *expected) {
    assert_string_equal(sl_arena_cstr(&arena, str), expected);
}

static void check_set(const char *text, const char *key, const char *value) {
    struct sl_statement *set = parse(text);
    assert_int_equal(set->kind, SL_S_SET);
    assert_str(set->properties.items[0].key, key);
    if (value)
        assert_str(set->properties.items[0].value, value);
    else
        assert_null(set->properties.items[0].value.ptr);
    sl_arena_release(&arena);
}

void test_set(void **state) {
    (void)state;
    check_set("SET a.b.c = 10 seconds;", "a.b.c", "10 seconds");
    check_set("set a=1 -- no more", "a", "1");
    check_set("SET a = it's raw; SELECT 1", "a", "it's raw");
    check_set("SET a = http://x:9092,y:1", "a", "http://x:9092,y:1");
    check_set("SET a = 'x;--y''s'", "a", "x;--y's");
    check_set("SET `a b` = \"q\"", "a b", "q");
    check_set("SET a =", "a", "");
    check_set("SET a", "a", NULL);
    check_set("SET", "", NULL);
    check_set("SET TIME ZONE 'UTC'", "spark.sql.session.timeZone", "UTC");
    check_set("SET spark.x:y-z = b", "spark.x:y-z", "b");
}

void test_streaming_table_with_all_clauses(void **state) {
    (void)state;
    const char *text = "CREATE OR REFRESH STREAMING TABLE IF NOT EXISTS a.`b c` (\n"
                       "  x INT NOT NULL COMMENT 'cx', y STRUCT<a: INT>,\n"
                       "  CONSTRAINT v EXPECT (x > 0) ON VIOLATION DROP ROW,\n"
                       "  CONSTRAINT w EXPECT (y IS NOT NULL) ON VIOLATION FAIL UPDATE,\n"
                       "  CONSTRAINT z EXPECT (true))\n"
                       "PARTITIONED BY (x, d DATE) COMMENT 'q' USING parquet LOCATION '/x'\n"
                       "TBLPROPERTIES ('a.b' = 'c', d 5, e = true) OPTIONS (f = -1.5) AS SELECT 1";
    struct sl_statement *s = parse(text);
    assert_int_equal(s->kind, SL_S_CREATE_TABLE);
    assert_int_equal(s->table_kind, SL_STREAMING_TABLE);
    assert_true(s->or_refresh && s->if_not_exists && !s->or_replace);
    assert_int_equal(s->name.count, 2);
    assert_str(s->name.parts[1], "b c");
    assert_int_equal(s->column_count, 3);
    assert_str(s->columns[0].type_text, "INT");
    assert_true(s->columns[0].not_null);
    assert_str(s->columns[0].comment, "cx");
    assert_str(s->columns[1].type_text, "STRUCT<a: INT>");
    assert_str(s->columns[2].name, "d");
    assert_int_equal(s->constraint_count, 3);
    assert_int_equal(s->constraints[0].on_violation, SL_VIOLATION_DROP_ROW);
    assert_int_equal(s->constraints[1].on_violation, SL_VIOLATION_FAIL_UPDATE);
    assert_int_equal(s->constraints[2].on_violation, SL_VIOLATION_KEEP);
    assert_str(s->constraints[1].name, "w");
    assert_int_equal(s->partition_by.count, 2);
    assert_str(s->comment, "q");
    assert_str(s->format, "parquet");
    assert_str(s->location, "/x");
    assert_int_equal(s->properties.count, 3);
    assert_str(s->properties.items[0].key, "a.b");
    assert_str(s->properties.items[1].value, "5");
    assert_str(s->properties.items[2].value, "true");
    assert_str(s->options.items[0].value, "-1.5");
    assert_non_null(s->query);
    /* spans point into the text */
    assert_memory_equal(text + s->format_span.begin, "parquet", 7);
    assert_memory_equal(text + s->location_span.begin, "'/x'", 4);
    assert_memory_equal(text + s->columns[1].type_span.begin, "STRUCT<a: INT>", 14);
    assert_int_equal(s->span.end, strlen(text));
    sl_arena_release(&arena);
}

void test_other_statements(void **state) {
    (void)state;
    struct sl_statement *s = parse(
        "CREATE SINK s USING kafka OPTIONS (topic = 'x', `kafka.acks` = 1);\n"
        "CREATE FLOW f COMMENT 'c' AS INSERT INTO s BY NAME SELECT * FROM STREAM t;\n"
        "CREATE OR REPLACE TEMP VIEW v (a, b COMMENT 'x') AS SELECT 1, 2;\n"
        "CREATE MATERIALIZED VIEW m AS SELECT 1; INSERT OVERWRITE TABLE t (a, b) VALUES (1, 2);\n"
        "EXPLAIN SELECT 1; MERGE INTO t USING u ON a = b; ; -- end\n");
    assert_int_equal(statements.count, 7);
    assert_int_equal(s[0].kind, SL_S_CREATE_SINK);
    assert_str(s[0].format, "kafka");
    assert_str(s[0].options.items[1].key, "kafka.acks");
    assert_int_equal(s[1].kind, SL_S_CREATE_FLOW);
    assert_str(s[1].target.parts[0], "s");
    assert_true(s[1].by_name);
    assert_int_equal(s[2].kind, SL_S_CREATE_VIEW);
    assert_true(s[2].temporary && s[2].or_replace);
    assert_str(s[2].columns[1].comment, "x");
    assert_int_equal(s[3].table_kind, SL_MATERIALIZED_VIEW);
    assert_int_equal(s[4].kind, SL_S_INSERT);
    assert_true(s[4].overwrite);
    assert_int_equal(s[4].column_count, 2);
    assert_int_equal(s[5].kind, SL_S_EXPLAIN);
    assert_int_equal(s[6].kind, SL_S_UNSUPPORTED);
    assert_str(s[6].name.parts[0], "MERGE INTO");
    sl_arena_release(&arena);
}

/* The keyword table is searched by halves. */
void test_keywords_are_sorted_and_found(void **state) {
    (void)state;
    for (int i = K_NONE + 1; i < K_COUNT; i++) {
        struct sl_str name = sl_keyword_name((enum sl_keyword)i);
        assert_int_equal(sl_keyword_find(name), i);
        if (i > 1) assert_true(sl_str_cmp(sl_keyword_name((enum sl_keyword)(i - 1)), name) < 0);
    }
    assert_int_equal(sl_keyword_find(SL_STR("sElEcT")), K_SELECT);
    assert_int_equal(sl_keyword_find(SL_STR("selec")), K_NONE);
}

/* Goal: hostile depth ends in an error, long chains parse, whatever the shape.
 * Method: each pattern repeated 10,000 times; the error must be about nesting. */
static void check_depth(const char *head, const char *repeated, const char *tail, bool fits) {
    enum { TIMES = 10000 };
    size_t len = strlen(head) + TIMES * strlen(repeated) + strlen(tail) + 1;
    char *text = malloc(len), *at = text;
    at += sprintf(at, "%s", head);
    for (int i = 0; i < TIMES; i++) at += sprintf(at, "%s", repeated);
    sprintf(at, "%s", tail);
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    enum sl_code code = sl_sql_parse(&arena, sl_str(text), &statements, &err);
    if (fits) {
        if (code != SL_OK) fail_msg("%s%s..: %s", head, repeated, err.msg);
        struct sl_buf out = {0};
        sl_sql_put_relation(&out, statements.items[0].query, -1);
        assert_true(out.len >= TIMES);
        sl_buf_release(&out);
    } else {
        assert_int_equal(code, SL_USER);
        assert_non_null(strstr(err.msg, "more than"));
    }
    sl_arena_release(&arena);
    free(text);
}

void test_depth_and_length(void **state) {
    (void)state;
    check_depth("SELECT ", "(", "", false);
    check_depth("SELECT ", "(SELECT ", "", false);
    check_depth("SELECT * FROM ", "(", "", false);
    check_depth("SELECT * FROM ", "(SELECT * FROM ", "", false);
    check_depth("", "(", "", false);
    check_depth("SELECT ", "NOT ", "a", false);
    check_depth("SELECT ", "- ", "a", false);
    check_depth("SELECT ", "CASE WHEN ", "", false);
    check_depth("SELECT ", "f(", "", false);
    check_depth("SELECT ", "a[", "", false);
    check_depth("SELECT ", "x -> ", "x", false);
    check_depth("", "EXPLAIN ", "SELECT 1", false);
    check_depth("SELECT * FROM t", " JOIN t", "", false);
    check_depth("SELECT 1", " UNION ALL SELECT 1", "", false);
    check_depth("SELECT a", " + a", "", true);
    check_depth("SELECT a", " OR b = 1", "", true);
    check_depth("SELECT a", " AND b", "", true);
    check_depth("SELECT a", " || 'x'", "", true);
    check_depth("SELECT a", "[0]", "", true);
    check_depth("SELECT a", ", a", "", true);
    check_depth("SELECT a IN (0", ", 1", ")", true);
    check_depth("SELECT ", "'a' ", "", true);
    check_depth("VALUES (1)", ", (2)", "", true);
}

/* x BETWEEN a AND b is x >= a AND x <= b over one x: nested, a walk doubles with every level. */
void test_shared_operands_stay_bounded(void **state) {
    (void)state;
    char text[4096] = "SELECT ", *at = text + 7;
    for (int i = 0; i < 100; i++) *at++ = '(';
    *at++ = 'a';
    for (int i = 0; i < 100; i++) at += sprintf(at, " BETWEEN b AND c)");
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sql_parse(&arena, sl_str(text), &statements, &err), SL_USER);
    assert_string_equal(err.msg, "the expression is too large");
    sl_arena_release(&arena);
}
