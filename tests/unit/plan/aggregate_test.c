/* GROUP BY and aggregate functions: what is a key, what is computed below and above, whose errors.
 */
#include "plan_fixture.h"

static const struct sl_node *find_node(const struct sl_node *node, enum sl_node_kind kind) {
    if (node->kind == kind) return node;
    for (uint32_t i = 0; i < node->input_count; i++) {
        const struct sl_node *found = find_node(node->inputs[i], kind);
        if (found) return found;
    }
    return NULL;
}

static void has_schema(const char *sql, const char *schema) {
    struct fixture fixture;
    fixture_init(&fixture);
    assert_string_equal(fixture_schema(&fixture, fixture_plan(&fixture, sql)), schema);
    fixture_release(&fixture);
}

static void has_plan(const char *sql, const char *text) {
    struct fixture fixture;
    fixture_init(&fixture);
    assert_string_equal(fixture_text(&fixture, fixture_optimized(&fixture, sql)), text);
    fixture_release(&fixture);
}

static void fails(const char *sql, const char *condition, const char *sqlstate, const char *place) {
    struct fixture fixture;
    fixture_init(&fixture);
    fixture_fails_at(&fixture, sql, condition, sqlstate, place);
    fixture_release(&fixture);
}

void test_names_and_types_of_aggregates(void **state) {
    (void)state;
    has_schema("SELECT count(*), sum(a), avg(b), min(s), max(dt) FROM t",
               "count(1) BIGINT, sum(a) BIGINT, avg(b) DOUBLE, min(s) STRING, max(dt) DATE");
    has_schema("SELECT s, COUNT(a) + 1, sum(dec) total FROM t GROUP BY s",
               "s STRING, (count(a) + 1) BIGINT, total DECIMAL(15,2)");
    has_schema("SELECT count(DISTINCT a), sum(a) FILTER (WHERE b > 1) FROM t",
               "count(DISTINCT a) BIGINT, sum(a) FILTER (WHERE (b > 1)) BIGINT");
    has_schema("SELECT first(a, true), approx_count_distinct(s, 0.1), array_agg(a), "
               "percentile_approx(a, 0.5) FROM t",
               "first(a) INT, approx_count_distinct(s) BIGINT, collect_list(a) ARRAY<INT>, "
               "percentile_approx(a, 0.5, 10000) INT");
}

void test_groups_stand_between_two_projections(void **state) {
    (void)state;
    has_plan("SELECT upper(s) AS u, sum(a + 1) * 2 AS x FROM t WHERE b > 0 GROUP BY upper(s)",
             "Project [upper(s) AS u, (sum((a + 1)) * 2) AS x]\n"
             "+- Aggregate [upper(s)], [upper(s), sum(_agg1) AS sum((a + 1))]\n"
             "   +- Project [upper(s) AS upper(s), (a + 1) AS _agg1]\n"
             "      +- Filter (b > 0)\n"
             "         +- Relation [a, b, s] t, PushedFilters: [(b > 0)]\n");
}

/* An equal call is computed once, an unread one not at all. */
void test_items_are_shared_and_pruned(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    const struct sl_node *plan = fixture_plan(
        &fixture, "SELECT sum(a), sum(a) + count(*), count(*) FROM t HAVING sum(a) > 1");
    assert_int_equal(find_node(plan, SL_NODE_AGGREGATE)->aggregation->item_count, 2);
    plan = fixture_optimized(&fixture,
                             "SELECT x FROM (SELECT s, sum(a) x, max(d) y FROM t GROUP BY s)");
    const struct sl_node *aggregate = find_node(plan, SL_NODE_AGGREGATE);
    assert_int_equal(aggregate->aggregation->item_count, 1);
    assert_int_equal(aggregate->aggregation->key_count, 1);
    assert_int_equal(find_node(plan, SL_NODE_SCAN)->column_count, 2);
    fixture_release(&fixture);
}

void test_first_rows_of_keys(void **state) {
    (void)state;
    has_plan(
        "SELECT s, x.a FROM (SELECT a, s, b, row_number() OVER (PARTITION BY s, dt ORDER BY ts "
        "DESC) AS n FROM t) AS x WHERE b > 1 AND n = 1",
        "Project [_row.c1 AS s, _row.c0 AS a]\n"
        "+- Filter ((_row.c2 > 1) AND (_row.c3 = 1))\n"
        "   +- Aggregate [_partition, _partition], [_partition, _partition, max_by(_row, "
        "_order) AS _row]\n"
        "      +- Project [s AS _partition, dt AS _partition, named_struct('c0', a, 'c1', s, "
        "'c2', b, 'c3', 1) AS _row, named_struct('c6', ts) AS _order]\n"
        "         +- Relation [a, b, s, ts, dt] t\n");
}

void test_group_by_forms(void **state) {
    (void)state;
    has_schema("SELECT a % 2, count(*) c FROM t GROUP BY 1", "(a % 2) INT, c BIGINT");
    has_schema("SELECT a % 2 AS p, count(*) FROM t GROUP BY p", "p INT, count(1) BIGINT");
    has_schema("SELECT a % 2 + 1 AS p, count(*) FROM t GROUP BY a % 2", "p INT, count(1) BIGINT");
    has_schema("SELECT s, a, sum(b) FROM t GROUP BY ALL", "s STRING, a INT, sum(b) BIGINT");
    has_schema("SELECT st.x FROM t GROUP BY st", "x INT");
    has_schema("SELECT s FROM t GROUP BY s, a", "s STRING");
    /* a column before an alias of that name */
    has_schema("SELECT b AS a, count(*) FROM t GROUP BY a, b", "a BIGINT, count(1) BIGINT");
    has_schema("SELECT count(*) c, c + 1 d FROM t", "c BIGINT, d BIGINT");
}

void test_having_and_order_by(void **state) {
    (void)state;
    has_plan("SELECT s, count(*) c FROM t GROUP BY s HAVING c > 1 AND s <> 'x' ORDER BY sum(a) "
             "DESC, s LIMIT 3",
             "Project [s, c]\n"
             "+- GlobalLimit 3\n"
             "   +- Sort [_order0 DESC NULLS LAST, s ASC NULLS FIRST], true\n"
             "      +- Filter (count(1) > 1)\n"
             "         +- Aggregate [s], [s, count(1) AS count(1), sum(a) AS sum(a)]\n"
             "            +- Project [s, a]\n"
             "               +- Filter (s <> 'x')\n"
             "                  +- Relation [a, s] t, PushedFilters: [(s <> 'x')]\n");
}

void test_errors_of_groups(void **state) {
    (void)state;
    fails("SELECT a, count(*) FROM t", "MISSING_GROUP_BY", "42803", "a");
    fails("SELECT a, count(*) FROM t GROUP BY s", "MISSING_AGGREGATION", "42803", "a");
    fails("SELECT s, a + count(*) FROM t GROUP BY s", "MISSING_AGGREGATION", "42803", "a");
    fails("SELECT s FROM t GROUP BY s HAVING a > 1", "MISSING_AGGREGATION", "42803", "a");
    fails("SELECT s, count(*) FROM t GROUP BY 3", "GROUP_BY_POS_OUT_OF_RANGE", "42805", "3");
    fails("SELECT s, count(*) FROM t GROUP BY 2", "GROUP_BY_POS_AGGREGATE", "42903", "2");
    fails("SELECT *, count(*) FROM t GROUP BY 1", "STAR_GROUP_BY_POS", "0A000", "1");
    fails("SELECT s, count(*) FROM t GROUP BY sum(a)", "GROUP_BY_AGGREGATE", "42903", "sum(a)");
    fails("SELECT sum(max(a)) FROM t", "NESTED_AGGREGATE_FUNCTION", "42607", "max(a)");
    fails("SELECT sum(a) AS x FROM t HAVING max(x) > 1", "NESTED_AGGREGATE_FUNCTION", "42607",
          "max(x)");
    fails("SELECT sum(a) AS x FROM t ORDER BY count(*) FILTER (WHERE x > 1)",
          "NESTED_AGGREGATE_FUNCTION", "42607", "count(*) FILTER (WHERE x > 1)");
    fails("SELECT max(ts) AS mx, window(mx, '1 hour') FROM t", "UNSUPPORTED_FEATURE", "0A000",
          "mx");
    fails("SELECT a FROM t WHERE count(*) > 1", "INVALID_WHERE_CONDITION", "42903", "count(*) > 1");
    fails("SELECT a + sum(b) FROM t GROUP BY ALL", "UNRESOLVED_ALL_IN_GROUP_BY", "42803",
          "a + sum(b)");
    fails("SELECT s, a + sum(b) FROM t GROUP BY ALL", "MISSING_AGGREGATION", "42803", "a");
    fails("SELECT s, count(*) FROM t GROUP BY s ORDER BY a", "UNRESOLVED_COLUMN.WITH_SUGGESTION",
          "42703", "a");
    fails("SELECT a AS x, sum(x) FROM t GROUP BY a",
          "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_AGGREGATE_FUNC", "0A000", "x");
    fails("SELECT count(t.*) FROM t", "INVALID_USAGE_OF_STAR_OR_REGEX", "42000", "t.*");
    fails("SELECT s, count(*) FROM t GROUP BY -1", "GROUP_BY_POS_OUT_OF_RANGE", "42805", "-1");
    fails("SELECT a FROM t ORDER BY count(*)", "UNSUPPORTED_EXPR_FOR_OPERATOR", "42K0E",
          "count(*)");
    fails("SELECT sum(a) FILTER (WHERE s) FROM t", "INVALID_AGGREGATE_FILTER.NOT_BOOLEAN", "42903",
          "s");
    fails("SELECT sum(a) FILTER (WHERE max(b) > 1) FROM t",
          "INVALID_AGGREGATE_FILTER.CONTAINS_AGGREGATE", "42903", "max(b) > 1");
    fails("SELECT sum(rand()) FROM t", "AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION",
          "42845", "sum(rand())");
    fails("SELECT s FROM t ORDER BY 2", "ORDER_BY_POS_OUT_OF_RANGE", "42805", "2");
    fails("SELECT explode(ai), sum(a) FROM t", "UNSUPPORTED_FEATURE", "0A000", "explode(ai)");
}

/* ---- joins ---- */

void test_columns_of_joins(void **state) {
    (void)state;
    has_schema("SELECT * FROM (SELECT a, s FROM t) x JOIN (SELECT a, b FROM t) y USING (a)",
               "a INT, s STRING, b BIGINT");
    has_schema("SELECT y.*, x.a FROM (SELECT a, s FROM t) x JOIN (SELECT a, b FROM t) y USING (a)",
               "a INT, b BIGINT, a INT");
    has_schema("SELECT * FROM (SELECT a, s FROM t) x NATURAL FULL JOIN (SELECT a, b FROM t) y",
               "a INT, s STRING, b BIGINT");
    has_schema("SELECT * FROM (SELECT a FROM t) x LEFT SEMI JOIN t y ON x.a = y.a", "a INT");
    has_schema("SELECT z.a FROM ((SELECT a, s FROM t) x JOIN (SELECT a, b FROM t) y USING (a)) z",
               "a INT");
    fails("SELECT a FROM t JOIN t2 ON t.a = t2.a", "AMBIGUOUS_REFERENCE", "42704", "a");
    fails("SELECT 1 FROM t JOIN t2 USING (zz)", "UNRESOLVED_USING_COLUMN_FOR_JOIN", "42703",
          "(zz)");
    fails("SELECT 1 FROM t JOIN t2 ON t.a", "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", "42K0E", "t.a");
    fails("SELECT t2.a FROM t LEFT SEMI JOIN t2 ON t.a = t2.a", "UNRESOLVED_COLUMN.WITH_SUGGESTION",
          "42703", "t2.a");
}

void test_keys_and_filters_of_joins(void **state) {
    (void)state;
    has_plan(
        "SELECT t.s, t2.b FROM t, t2 WHERE t.a + 1 = t2.a AND t.b > 1 AND t2.s = 'x' AND t.b "
        "< t2.b",
        "Project [s, t2.b]\n"
        "+- Join Inner, ((_key0 = a) AND (t.b < t2.b))\n"
        "   :- Project [b, s, (a + 1) AS _key0]\n"
        "   :  +- Filter (((b > 1) AND (a IS NOT NULL)) AND (b IS NOT NULL))\n"
        "   :     +- Relation [a, b, s] t, PushedFilters: [(b > 1), (a IS NOT NULL), (b IS NOT "
        "NULL)]\n"
        "   +- Project [a, b]\n"
        "      +- Filter (((s = 'x') AND (a IS NOT NULL)) AND (b IS NOT NULL))\n"
        "         +- Relation [a, b, s] t2, PushedFilters: [(s = 'x'), (a IS NOT NULL), (b IS "
        "NOT NULL)]\n");
    has_plan(
        "SELECT t.s FROM t LEFT JOIN t2 ON t.a = t2.a AND t.b > 1 AND t2.b > 2 WHERE t.s = 'x'",
        "Project [s]\n"
        "+- Join LeftOuter, ((t.a = t2.a) AND (b > 1))\n"
        "   :- Filter (s = 'x')\n"
        "   :  +- Relation [a, b, s] t, PushedFilters: [(s = 'x')]\n"
        "   +- Project [a]\n"
        "      +- Filter ((b > 2) AND (a IS NOT NULL))\n"
        "         +- Relation [a, b] t2, PushedFilters: [(b > 2), (a IS NOT NULL)]\n");
    has_plan("SELECT t.s FROM t JOIN t2 ON t.a <=> t2.a",
             "Project [s]\n"
             "+- Join Inner, ((left._key0 = right._key0) AND (left._key1 = right._key1))\n"
             "   :- Project [s, coalesce(a, 0) AS _key0, (a IS NULL) AS _key1]\n"
             "   :  +- Relation [a, s] t\n"
             "   +- Project [coalesce(a, 0) AS _key0, (a IS NULL) AS _key1]\n"
             "      +- Relation [a] t2\n");
}
