/* Shapes of optimised plans. */
#include "plan_fixture.h"

static struct fixture fixture;

static unsigned json_calls(const struct sl_expr *expr) {
    unsigned count = expr->kind == SL_EXPR_FROM_JSON;
    for (uint32_t i = 0; i < expr->arg_count; i++) count += json_calls(expr->args[i]);
    return count;
}

static unsigned node_json_calls(const struct sl_node *node) {
    unsigned count = node->condition ? json_calls(node->condition) : 0;
    uint32_t exprs = node->kind == SL_NODE_PROJECT ? node->column_count : 0;
    for (uint32_t i = 0; i < exprs; i++) count += json_calls(node->exprs[i]);
    for (uint32_t i = 0; i < node->input_count; i++) count += node_json_calls(node->inputs[i]);
    return count;
}

#define TEXT(sql) fixture_text(&fixture, fixture_optimized(&fixture, sql))

/* The pipeline of the main job: one from_json, pruned to what is read; the scan reads `value`. */
void test_main_pipeline(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_optimized(
        &fixture,
        "SELECT o.order_id, o.amount, ts, date(ts) AS day FROM (SELECT o, "
        "CAST(o.order_timestamp AS TIMESTAMP) AS ts FROM (SELECT from_json(CAST(value AS STRING), "
        "'order_id STRING, customer_id STRING, amount DOUBLE, order_timestamp STRING') AS o "
        "FROM STREAM read_kafka(subscribe => 'orders'))) WHERE o.amount > 0");
    assert_int_equal(node->kind, SL_NODE_PROJECT);
    assert_string_equal(fixture_schema(&fixture, node),
                        "order_id STRING, amount DOUBLE, ts TIMESTAMP, day DATE");
    const struct sl_node *filter = node->inputs[0];
    assert_int_equal(filter->kind, SL_NODE_FILTER);
    const struct sl_node *decode = filter->inputs[0];
    assert_int_equal(decode->kind, SL_NODE_PROJECT);
    assert_int_equal(decode->column_count, 1);
    assert_string_equal(sl_type_sql(&fixture.arena, decode->columns[0].type),
                        "STRUCT<order_id: STRING, amount: DOUBLE, order_timestamp: STRING>");
    const struct sl_node *scan = decode->inputs[0];
    assert_int_equal(scan->kind, SL_NODE_SCAN);
    assert_int_equal(scan->column_count, 1);
    assert_int_equal(scan->scan_columns[0], 1);
    assert_int_equal(node_json_calls(node), 1);
    fixture_release(&fixture);
}

/* The same job as the portable SQL profile writes it: fields expanded first, filter on top. */
void test_filter_on_expanded_fields(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture.views = fixture_parse(&fixture, "CREATE TEMPORARY VIEW src AS SELECT * FROM STREAM "
                                            "read_kafka(subscribe => 'orders')");
    struct sl_node *node = fixture_optimized(
        &fixture,
        "SELECT *, date(ts) AS day FROM (SELECT d.*, CAST(d.at AS TIMESTAMP) AS ts FROM (SELECT "
        "from_json(CAST(value AS STRING), 'id STRING, amount DOUBLE, at STRING') AS d "
        "FROM STREAM src)) WHERE amount > 0");
    assert_string_equal(
        fixture_text(&fixture, node),
        "Project [d.id AS id, d.amount AS amount, d.at AS at, CAST(d.at AS TIMESTAMP) AS ts, "
        "date(CAST(d.at AS TIMESTAMP)) AS day]\n"
        "+- Filter (d.amount > 0.0)\n"
        "   +- Project [from_json(CAST(value AS STRING), STRUCT<id: STRING, amount: DOUBLE, at: "
        "STRING>) AS d]\n"
        "      +- StreamingRelation [value] kafka orders\n");
    fixture_release(&fixture);
}

/* A lateral alias makes two projections; from_json stays in the lower one. */
void test_lateral_from_json_is_computed_once(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_optimized(
        &fixture, "SELECT id, amount FROM (SELECT from_json(s, 'id INT, amount DOUBLE, x INT') AS "
                  "o, o.id AS id, o.amount AS amount FROM t) WHERE amount > 0");
    assert_int_equal(node_json_calls(node), 1);
    assert_string_equal(fixture_text(&fixture, node),
                        "Project [o.id AS id, o.amount AS amount]\n"
                        "+- Filter (o.amount > 0.0)\n"
                        "   +- Project [from_json(s, STRUCT<id: INT, amount: DOUBLE>) AS o]\n"
                        "      +- Relation [s] t\n");
    fixture_release(&fixture);
}

/* Equal calls written twice are computed once, below the filter. */
void test_repeated_from_json_is_shared(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node =
        fixture_optimized(&fixture, "SELECT from_json(s, 'a INT, b INT, c INT').a AS x FROM t "
                                    "WHERE from_json(s, 'a INT, b INT, c INT').b = 1");
    assert_int_equal(node_json_calls(node), 1);
    const struct sl_node *decode = node->inputs[0]->inputs[0];
    assert_string_equal(sl_type_sql(&fixture.arena, decode->columns[0].type),
                        "STRUCT<a: INT, b: INT>");
    /* other options make another call */
    node = fixture_optimized(
        &fixture, "SELECT from_json(s, 'a INT') AS x, from_json(s, 'b INT') AS y FROM t");
    assert_int_equal(node_json_calls(node), 2);
    fixture_release(&fixture);
}

void test_from_json_stays_single_without_filter(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node =
        fixture_optimized(&fixture, "SELECT o.*, o.a AS again FROM (SELECT from_json(s, 'a INT, b "
                                    "STRUCT<p: INT, q: INT>') AS o FROM t)");
    assert_int_equal(node_json_calls(node), 1);
    node = fixture_optimized(&fixture, "SELECT o.b.q FROM (SELECT from_json(s, 'a INT, b STRUCT<p: "
                                       "INT, q: INT>') AS o FROM t)");
    assert_int_equal(node_json_calls(node), 1);
    /* pruned into nested structs */
    assert_string_equal(
        fixture_text(&fixture, node),
        "Project [from_json(s, STRUCT<b: STRUCT<q: INT>>).b.q AS q]\n+- Relation [s] t\n");
    fixture_release(&fixture);
}

/* The usual cleaning: whether the record could be read at all needs none of its fields. */
void test_null_test_of_a_struct_reads_no_field(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_optimized(
        &fixture, "SELECT o.b FROM (SELECT from_json(s, 'a INT, b INT, c INT') AS o FROM t) "
                  "WHERE o IS NOT NULL AND o.b > 1");
    assert_string_equal(sl_type_sql(&fixture.arena, node->inputs[0]->columns[0].type),
                        "STRUCT<b: INT>");
    fixture_release(&fixture);
}

/* A read column of corrupt records is filled by bad unread fields too. */
void test_corrupt_record_keeps_the_schema(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_optimized(
        &fixture, "SELECT o._corrupt_record, o.a FROM (SELECT from_json(s, 'a INT, b INT, "
                  "_corrupt_record STRING') AS o FROM t)");
    assert_string_equal(sl_type_sql(&fixture.arena, node->inputs[0]->columns[0].type),
                        "STRUCT<a: INT, b: INT, _corrupt_record: STRING>");
    fixture_release(&fixture);
}

void test_columns_are_pruned_to_the_scan(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(TEXT("SELECT s FROM (SELECT * FROM t) WHERE a > 1"),
                        "Project [s]\n"
                        "+- Filter (a > 1)\n"
                        "   +- Relation [a, s] t, PushedFilters: [(a > 1)]\n");
    assert_string_equal(TEXT("SELECT 1 AS one FROM t"), "Project [1 AS one]\n+- Relation [] t\n");
    fixture_release(&fixture);
}

void test_trivial_projections_go(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(TEXT("SELECT * FROM (SELECT * FROM (SELECT a, b FROM t) WHERE a = 1)"),
                        "Filter (a = 1)\n+- Relation [a, b] t, PushedFilters: [(a = 1)]\n");
    /* names at the root stay */
    assert_string_equal(TEXT("SELECT a AS z, b FROM (SELECT a, b FROM t)"),
                        "Project [a AS z, b]\n+- Relation [a, b] t\n");
    fixture_release(&fixture);
}

void test_filters_are_merged_and_pushed_through_unions(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(
        TEXT("SELECT x FROM (SELECT a AS x, s FROM t WHERE bo UNION ALL SELECT b, s FROM t) "
             "WHERE s = 'q'"),
        "Union false, false\n"
        ":- Project [CAST(a AS BIGINT) AS x]\n"
        ":  +- Filter (bo AND (s = 'q'))\n"
        ":     +- Relation [a, s, bo] t, PushedFilters: [(s = 'q')]\n"
        "+- Project [b]\n"
        "   +- Filter (s = 'q')\n"
        "      +- Relation [b, s] t, PushedFilters: [(s = 'q')]\n");
    fixture_release(&fixture);
}

/* A term that may fail does not overtake the term that guards it. */
void test_guarded_terms_keep_their_order(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_optimized(
        &fixture, "SELECT n FROM (SELECT CAST(s AS INT) AS n, s, a FROM t) "
                  "WHERE n > 1 AND CAST(s AS DATE) > DATE '2024-01-01' AND a = 3");
    /* a = 3 cannot fail and goes below; the cast of s stays behind n > 1 */
    const char *text = fixture_text(&fixture, node);
    assert_non_null(strstr(text, "PushedFilters: [(a = 3)]"));
    const struct sl_node *filter = node;
    while (filter->kind != SL_NODE_FILTER) filter = filter->inputs[0];
    assert_int_equal(filter->condition->kind, SL_EXPR_AND);
    assert_int_equal(filter->condition->args[0]->kind, SL_EXPR_CALL);
    fixture_release(&fixture);
}

/* a1 = a0 AND a0, a2 = a1 AND a1 ..: merging may not double the tree at each level. */
void test_merging_is_bounded(void **state) {
    (void)state;
    struct sl_buf sql = {0};
    fixture_init(&fixture);
    for (int i = 0; i < 40; i++) sl_buf_put_cstr(&sql, "SELECT x AND x OR NOT x AS x FROM (");
    sl_buf_put_cstr(&sql, "SELECT bo AS x FROM t");
    for (int i = 0; i < 40; i++) sl_buf_put_cstr(&sql, ")");
    struct sl_node *node = fixture_optimized(&fixture, sl_buf_cstr(&sql));
    assert_string_equal(fixture_schema(&fixture, node), "x BOOLEAN");
    assert_true(fixture.arena.used_bytes < 64u << 20);
    sl_buf_release(&sql);
    fixture_release(&fixture);
}

void test_values_are_pruned(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node =
        fixture_optimized(&fixture, "SELECT y FROM VALUES (1, 'a'), (2, 'b') AS v(x, y)");
    while (node->kind != SL_NODE_VALUES) node = node->inputs[0];
    assert_int_equal(node->column_count, 1);
    assert_int_equal(node->row_count, 2);
    assert_int_equal(node->exprs[1]->type->kind, SL_STRING_KIND);
    fixture_release(&fixture);
}

/* What a generator need not pass on goes, its filter goes below when it reads only what is passed
 * on, and the scan reads no more than both. */
void test_generators_are_pruned_and_passed_by_filters(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(TEXT("SELECT s, x FROM t LATERAL VIEW posexplode(ai) v AS p, x "
                             "WHERE a = 1 AND x > 2 AND b < 5"),
                        "Filter (x > 2)\n"
                        "+- Generate posexplode(ai), [0, 1, 3], false, v, [x]\n"
                        "   +- Filter ((a = 1) AND (b < 5))\n"
                        "      +- Relation [a, b, s, ai] t, PushedFilters: [(a = 1), (b < 5)]\n");
    assert_string_equal(TEXT("SELECT inline_outer(ar), s FROM t"),
                        "Project [x, s]\n"
                        "+- Generate inline(ar), [1], true, [x]\n"
                        "   +- Relation [s, ar] t\n");
    assert_string_equal(TEXT("SELECT 1 AS one FROM t LATERAL VIEW explode(m) v"),
                        "Project [1 AS one]\n"
                        "+- Generate explode(m), [0], false, v, []\n"
                        "   +- Relation [m] t\n");
    fixture_release(&fixture);
}

/* Only the array is decoded out of the JSON. */
void test_generator_over_from_json(void **state) {
    (void)state;
    fixture_init(&fixture);
    const struct sl_node *node = fixture_optimized(
        &fixture, "SELECT o.id, item.sku FROM (SELECT from_json(s, 'id STRING, other STRING, "
                  "items ARRAY<STRUCT<sku: STRING, n: INT>>') AS o FROM t) "
                  "LATERAL VIEW explode(o.items) v AS item");
    assert_int_equal(node_json_calls(node), 1);
    while (node->kind != SL_NODE_GENERATE) node = node->inputs[0];
    assert_string_equal(sl_type_sql(&fixture.arena, node->inputs[0]->columns[0].type),
                        "STRUCT<id: STRING, items: ARRAY<STRUCT<sku: STRING, n: INT>>>");
    fixture_release(&fixture);
}
