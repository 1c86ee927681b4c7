#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sql/parse.h"

static struct sl_arena arena;

static bool lookup(void *ctx, struct sl_str name, struct sl_str *value) {
    (void)ctx;
    if (sl_str_eq(name, SL_STR("lake"))) return *value = SL_STR("/data/lake"), true;
    if (sl_str_eq(name, SL_STR("twice"))) return *value = SL_STR("[${lake}${lake}]"), true;
    if (sl_str_eq(name, SL_STR("loop"))) return *value = SL_STR("${loop}"), true;
    return false;
}

static void check(const char *source, const char *expected) {
    struct sl_sql_substitution out;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    if (sl_sql_substitute(&arena, sl_str(source), lookup, NULL, &out, &err) != SL_OK)
        fail_msg("%s: %s", source, err.msg);
    assert_string_equal(sl_arena_cstr(&arena, out.text), expected);
    sl_arena_release(&arena);
}

void test_substitution(void **state) {
    (void)state;
    setenv("SLUICE_TEST_X", "from env", 1);
    check("", "");
    check("SELECT 1", "SELECT 1");
    check("LOCATION '${lake}/a'", "LOCATION '/data/lake/a'");
    check("${lake}${lake}", "/data/lake/data/lake");
    check("'${twice}'", "'[/data/lake/data/lake]'");
    check("'${env:SLUICE_TEST_X}' ${spark:lake}", "'from env' /data/lake");
    check("-- ${nope}\n1 /* ${nope} */", "-- ${nope}\n1 /* ${nope} */");
    check("'${a b' ${", "'${a b' ${");
    check("`${lake}`", "`/data/lake`");
    check("'unclosed ${lake}", "'unclosed /data/lake");
}

/* A SET counts for what follows it; what the command line says wins over it. */
void test_substitution_sees_set_statements(void **state) {
    (void)state;
    check("SET x = ${lake}/t; SELECT '${x}'", "SET x = /data/lake/t; SELECT '/data/lake/t'");
    check("SET lake = b;\nSELECT '${lake}'", "SET lake = b;\nSELECT '/data/lake'");
    check("SET x = it's; SELECT '${x}'", "SET x = it's; SELECT 'it's'");
    check("SELECT ';SET x = 1;'; SET y = 'a;b'; '${y}'",
          "SELECT ';SET x = 1;'; SET y = 'a;b'; 'a;b'");
}

static void check_error(const char *source, const char *msg, const char *hint, uint32_t begin) {
    struct sl_sql_substitution out;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sql_substitute(&arena, sl_str(source), lookup, NULL, &out, &err), SL_USER);
    assert_string_equal(err.msg, msg);
    assert_string_equal(err.hint, hint);
    assert_int_equal(err.span.begin, begin);
    sl_arena_release(&arena);
}

void test_substitution_errors(void **state) {
    (void)state;
    check_error("SELECT '${nope}'", "no setting `nope` for ${nope}",
                "give it with -s nope=.. or SET nope = ..", 8);
    check_error("SET brokers = a; SELECT '${borkers}'", "no setting `borkers` for ${borkers}",
                "did you mean `${brokers}`?", 25);
    check_error("${env:SLUICE_NOT_THERE}", "the environment has no variable `SLUICE_NOT_THERE`",
                "export it before the start", 0);
    check_error("${loop}", "the value of ${loop} leads back to itself", "", 0);
}

/* Goal: a place in the replaced text is shown in the file. Method: spans of known words. */
void test_origin(void **state) {
    (void)state;
    const char *source = "SELECT '${lake}', abc, '${lake}' FROM t";
    struct sl_sql_substitution out;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sql_substitute(&arena, sl_str(source), lookup, NULL, &out, NULL), SL_OK);
    size_t at = sl_str_find(out.text, SL_STR("abc"), 0);
    struct sl_span span = sl_sql_origin(&out, (struct sl_span){(uint32_t)at, (uint32_t)at + 3});
    assert_memory_equal(source + span.begin, "abc", 3);
    assert_int_equal(span.end - span.begin, 3);
    at = sl_str_find(out.text, SL_STR("lake"), 0);
    span = sl_sql_origin(&out, (struct sl_span){(uint32_t)at, (uint32_t)at + 1});
    assert_int_equal(span.begin, 8);
    assert_int_equal(span.end, 15);
    at = sl_str_find(out.text, SL_STR("FROM"), 0);
    span = sl_sql_origin(&out, (struct sl_span){(uint32_t)at, (uint32_t)at + 6});
    assert_string_equal(source + span.begin, "FROM t");
    span = sl_sql_origin(&out, (struct sl_span){0, 0});
    assert_int_equal(span.end, 0);
    sl_arena_release(&arena);
}

/* Goal: the pipeline file of the design goes through both steps. Method: it is read whole and its
 * parts are looked at. */
void test_pipeline_file(void **state) {
    (void)state;
    const char *source =
        "SET pipelines.trigger.interval = 30 seconds;  -- a comment; with a semicolon\n"
        "CREATE STREAMING TABLE orders\n"
        "USING parquet PARTITIONED BY (year, month, day)\n"
        "LOCATION '${lake}/orders'\n"
        "TBLPROPERTIES ('sluice.checkpointLocation' = '${lake}/_checkpoints/orders')\n"
        "AS SELECT o.*, year(ts) AS year, month(ts) AS month, day(ts) AS day\n"
        "FROM (SELECT o, to_timestamp(o.order_timestamp) AS ts\n"
        "      FROM (SELECT from_json(CAST(value AS STRING), 'order_id STRING,\n"
        "              amount DOUBLE, order_timestamp STRING') AS o\n"
        "            FROM STREAM read_kafka(bootstrapServers => '${lake}', subscribe => 'orders',\n"
        "                                   startingOffsets => 'earliest')))\n"
        "WHERE o.amount > 0;\n";
    struct sl_sql_substitution replaced;
    struct sl_statements statements;
    struct sl_err err = {0};
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sql_substitute(&arena, sl_str(source), lookup, NULL, &replaced, &err),
                     SL_OK);
    if (sl_sql_parse(&arena, replaced.text, &statements, &err) != SL_OK) fail_msg("%s", err.msg);
    assert_int_equal(statements.count, 2);
    struct sl_statement *table = &statements.items[1];
    assert_int_equal(table->partition_by.count, 3);
    assert_true(sl_str_eq(table->location, SL_STR("/data/lake/orders")));
    struct sl_span origin = sl_sql_origin(&replaced, table->query->span);
    assert_memory_equal(source + origin.begin, "SELECT o.*", 10);
    const struct sl_urelation *read = table->query->input; /* WHERE */
    assert_int_equal(read->kind, SL_R_FILTER);
    read = read->input->input->input; /* two subqueries */
    assert_int_equal(read->kind, SL_R_READ_FUNCTION);
    assert_true(read->streaming);
    assert_int_equal(read->expr_count, 3);
    assert_int_equal(read->exprs[1]->kind, SL_U_NAMED_ARGUMENT);
    assert_true(sl_str_eq(read->exprs[1]->name.parts[0], SL_STR("subscribe")));
    assert_true(sl_str_eq(read->exprs[1]->args[0]->literal.text, SL_STR("orders")));
    sl_arena_release(&arena);
}
