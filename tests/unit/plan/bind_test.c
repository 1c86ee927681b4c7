/* Name resolution, stars, aliases, sources and refusals. */
#include "plan_fixture.h"

static struct fixture fixture;

#define SCHEMA(sql) fixture_schema(&fixture, fixture_plan(&fixture, sql))

void test_columns_qualifiers_and_fields(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("SELECT a, T.A, st.x, t.st.y.z, m.k FROM t"),
                        "a INT, A INT, x INT, z STRING, k INT");
    assert_string_equal(SCHEMA("SELECT q.a FROM t AS q"), "a INT");
    assert_string_equal(SCHEMA("SELECT x, q.y FROM (SELECT a, b FROM t) AS q(x, y)"),
                        "x INT, y BIGINT");
    assert_string_equal(SCHEMA("SELECT `a b` FROM (SELECT a AS `a b` FROM t)"), "a b INT");
    assert_string_equal(SCHEMA("SELECT a, a FROM t"), "a INT, a INT");
    /* the same column twice is one column */
    assert_string_equal(SCHEMA("SELECT a FROM (SELECT a, a FROM t)"), "a INT");
    fixture_release(&fixture);
}

void test_case_sensitivity_follows_the_session(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture.session.case_sensitive = true;
    assert_string_equal(SCHEMA("SELECT a FROM t"), "a INT");
    fixture_fails_at(&fixture, "SELECT A FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703",
                     "A");
    fixture_release(&fixture);
}

void test_stars(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("SELECT st.* FROM t"), "x INT, y STRUCT<z: STRING>");
    assert_string_equal(SCHEMA("SELECT st.*, x = 1 AS one FROM t"),
                        "x INT, y STRUCT<z: STRING>, one BOOLEAN");
    /* fields that differ in case only are two fields */
    assert_string_equal(
        SCHEMA("SELECT o.* FROM (SELECT from_json(s, 'a INT, A STRING') AS o FROM t)"),
        "a INT, A STRING");
    assert_string_equal(SCHEMA("SELECT q.*, 1 AS n FROM (SELECT a, b FROM t) q"),
                        "a INT, b BIGINT, n INT");
    assert_string_equal(SCHEMA("SELECT * EXCEPT (b) FROM (SELECT a, b FROM t)"), "a INT");
    fixture_fails_at(&fixture, "SELECT * EXCEPT (q) FROM t", "UNRESOLVED_COLUMN.WITH_SUGGESTION",
                     "42703", "(q)");
    fixture_fails(&fixture, "SELECT q.* FROM t", "CANNOT_RESOLVE_STAR_EXPAND", "42704");
    fixture_fails(&fixture, "SELECT a.* FROM t", "CANNOT_RESOLVE_STAR_EXPAND", "42704");
    fixture_release(&fixture);
}

void test_lateral_aliases(void **state) {
    (void)state;
    fixture_init(&fixture);
    /* columns of the input win over aliases */
    assert_string_equal(SCHEMA("SELECT a AS b, b AS c FROM t"), "b INT, c BIGINT");
    assert_string_equal(SCHEMA("SELECT s AS z, z AS y FROM t"), "z STRING, y STRING");
    assert_string_equal(SCHEMA("SELECT from_json(s, 'p INT') AS q, q.p, p = 1 AS r FROM t"),
                        "q STRUCT<p: INT>, p INT, r BOOLEAN");
    fixture_fails_at(&fixture, "SELECT a = 1 AS z, b = 1 AS z, z FROM t",
                     "AMBIGUOUS_LATERAL_COLUMN_ALIAS", "42702", "z");
    fixture_fails_at(&fixture, "SELECT a AS z FROM t WHERE z > 1",
                     "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "z");
    fixture_release(&fixture);
}

/* A referenced alias is computed once, below the list. */
void test_lateral_alias_is_computed_once(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node =
        fixture_plan(&fixture, "SELECT from_json(s, 'p INT, r INT') AS q, q.p, q.r FROM t");
    assert_int_equal(node->kind, SL_NODE_PROJECT);
    assert_int_equal(node->exprs[0]->kind, SL_EXPR_COLUMN);
    assert_int_equal(node->inputs[0]->kind, SL_NODE_PROJECT);
    fixture_release(&fixture);
}

void test_unknown_names_suggest_column_and_type(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture_fails_at(&fixture, "SELECT amout FROM (SELECT d AS amount FROM t)",
                     "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703", "amout");
    assert_string_equal(fixture.err.hint, "did you mean `amount` (DOUBLE)?");
    fixture_fails(&fixture,
                  "SELECT o.amout FROM (SELECT from_json(s, 'id INT, amount DOUBLE') o FROM t)",
                  "FIELD_NOT_FOUND", "42704");
    assert_string_equal(fixture.err.hint, "did you mean `o.amount` (DOUBLE)?");
    /* the column is a field of a struct */
    fixture_fails(&fixture,
                  "SELECT amount FROM (SELECT from_json(s, 'id INT, amount DOUBLE') o FROM t)",
                  "UNRESOLVED_COLUMN.WITH_SUGGESTION", "42703");
    assert_string_equal(fixture.err.hint, "did you mean `o.amount` (DOUBLE)?");
    fixture_fails(&fixture, "SELECT x", "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION", "42703");
    fixture_fails_at(&fixture, "SELECT st[a] FROM t", "INVALID_EXTRACT_FIELD_TYPE", "42000", "a");
    fixture_fails(&fixture, "SELECT a.b FROM t", "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000");
    fixture_fails_at(&fixture, "SELECT * FROM orderz", "TABLE_OR_VIEW_NOT_FOUND", "42P01",
                     "orderz");
    assert_string_equal(fixture.err.hint, "did you mean `orders`?");
    fixture_release(&fixture);
}

void test_ambiguous_reference(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture_fails_at(&fixture, "SELECT a FROM (SELECT a, b AS a FROM t)", "AMBIGUOUS_REFERENCE",
                     "42704", "a");
    fixture_release(&fixture);
}

void test_literals_are_typed_by_size(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(
        SCHEMA("SELECT 1 a, 2147483648 b, 99999999999999999999 c, 1.50 d, .5 e, 1L f, 1e3 g, "
               "DATE '2024-01-01' h, TIMESTAMP '2024-01-01' i, X'AB' j, NULL k, 0.001 l, "
               "INTERVAL '1 02:03:04' DAY TO SECOND m, 1.5F n"),
        "a INT, b BIGINT, c DECIMAL(20,0), d DECIMAL(3,2), e DECIMAL(1,1), f BIGINT, g DOUBLE, "
        "h DATE, i TIMESTAMP, j BINARY, k VOID, l DECIMAL(3,3), m INTERVAL DAY TO SECOND, n FLOAT");
    fixture_fails_at(&fixture, "SELECT DATE '2024-13-01'", "INVALID_TYPED_LITERAL", "42604",
                     "DATE '2024-13-01'");
    fixture_release(&fixture);
}

void test_filter_needs_a_boolean(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture_fails_at(&fixture, "SELECT * FROM t WHERE a", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN",
                     "42K09", "a");
    fixture_plan(&fixture, "SELECT * FROM t WHERE NULL");
    fixture_release(&fixture);
}

void test_unions(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("SELECT a AS x FROM t UNION ALL SELECT b FROM t"), "x BIGINT");
    assert_string_equal(SCHEMA("SELECT a, s FROM t UNION ALL BY NAME SELECT s, b AS a FROM t"),
                        "a BIGINT, s STRING");
    fixture_fails(&fixture, "SELECT a FROM t UNION ALL SELECT a, b FROM t", "NUM_COLUMNS_MISMATCH",
                  "42826");
    fixture_fails(&fixture, "SELECT a FROM t UNION ALL SELECT st FROM t",
                  "INCOMPATIBLE_COLUMN_TYPE", "42825");
    fixture_fails(&fixture, "SELECT a FROM t UNION ALL SELECT a FROM STREAM t",
                  "UNSUPPORTED_FEATURE", "0A000");
    struct sl_node *node = fixture_plan(&fixture, "SELECT a FROM t UNION SELECT b FROM t");
    assert_int_equal(node->kind, SL_NODE_DEDUPLICATE);
    assert_int_equal(node->inputs[0]->kind, SL_NODE_UNION);
    fixture_release(&fixture);
}

void test_values(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("SELECT * FROM VALUES (1, 'a'), (2.5, 'b') AS v(x, y)"),
                        "x DECIMAL(11,1), y STRING");
    struct sl_node *node = fixture_plan(&fixture, "SELECT 1 AS x, 'y' AS y");
    assert_int_equal(node->kind, SL_NODE_VALUES);
    assert_int_equal(node->row_count, 1);
    assert_int_equal(node->column_count, 2);
    fixture_release(&fixture);
}

void test_limits(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_plan(&fixture, "SELECT a FROM t LIMIT 10");
    assert_int_equal(node->kind, SL_NODE_LIMIT);
    assert_int_equal(node->limit, 10);
    fixture_fails(&fixture, "SELECT a FROM t LIMIT -1", "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
                  "42K0E");
    fixture_fails(&fixture, "SELECT a FROM t LIMIT 'x'", "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
                  "42K0E");
    fixture_fails(&fixture, "SELECT a FROM t LIMIT a",
                  "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE", "42K0E");
    fixture_release(&fixture);
}

void test_common_table_expressions(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("WITH c(q) AS (SELECT a FROM t), d AS (SELECT q AS r FROM c) "
                               "SELECT c.q FROM c UNION ALL SELECT d.r FROM d"),
                        "q INT");
    /* an expression does not see itself */
    fixture_fails(&fixture, "WITH c AS (SELECT * FROM c) SELECT * FROM c",
                  "TABLE_OR_VIEW_NOT_FOUND", "42P01");
    fixture_release(&fixture);
}

void test_views_are_bound_in_place(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture.views = fixture_parse(&fixture, "CREATE VIEW batch_view AS SELECT a, s FROM t;"
                                            "CREATE VIEW live AS SELECT a FROM STREAM t;"
                                            "CREATE VIEW p AS SELECT * FROM q;"
                                            "CREATE VIEW q AS SELECT * FROM p;");
    assert_string_equal(SCHEMA("SELECT batch_view.s FROM batch_view"), "s STRING");
    assert_true(sl_node_is_streaming(fixture_plan(&fixture, "SELECT * FROM STREAM live")));
    fixture_fails(&fixture, "SELECT * FROM live", "INCOMPATIBLE_STREAMING_VIEW_READ", "42000");
    fixture_fails(&fixture, "SELECT * FROM STREAM batch_view", "INCOMPATIBLE_BATCH_VIEW_READ",
                  "42000");
    fixture_fails(&fixture, "SELECT * FROM p", "RECURSIVE_VIEW", "42K0H");
    assert_non_null(strstr(fixture.err.msg, "`p` reads `q` reads `p`"));
    fixture_release(&fixture);
}

void test_arguments_of_table_functions_become_options(void **state) {
    (void)state;
    fixture_init(&fixture);
    fixture_plan(&fixture, "SELECT value FROM STREAM read_kafka(bootstrapServers => 'h:1', "
                           "subscribe => 'orders', maxOffsetsPerTrigger => 100, x => true)");
    assert_int_equal(fixture.options.count, 4);
    static const char *const expected[][2] = {{"bootstrapServers", "h:1"},
                                              {"subscribe", "orders"},
                                              {"maxOffsetsPerTrigger", "100"},
                                              {"x", "true"}};
    for (size_t i = 0; i < 4; i++) {
        assert_true(sl_str_eq(fixture.options.items[i].key, sl_str(expected[i][0])));
        assert_true(sl_str_eq(fixture.options.items[i].value, sl_str(expected[i][1])));
    }
    fixture_fails_at(&fixture, "SELECT * FROM read_kafka(subscribe => orders)",
                     "NON_FOLDABLE_ARGUMENT", "42K08", "orders");
    fixture_fails_at(&fixture, "SELECT * FROM read_kafka(subscribe => NULL)", "UNEXPECTED_NULL",
                     "42000", "NULL");
    fixture_fails(&fixture, "SELECT * FROM read_kafka(subscribe => 'a', SUBSCRIBE => 'b')",
                  "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT", "4274K");
    fixture_release(&fixture);
}

void test_what_does_not_run_is_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *sql, *what;
    } refused[] = {
        {"SELECT row_number() OVER (ORDER BY a) FROM t", "OVER"},
        {"SELECT * FROM (SELECT *, row_number() OVER (ORDER BY a) AS n FROM t) WHERE n = 2",
         "OVER"},
        {"SELECT * FROM (SELECT *, row_number() OVER (ORDER BY a, b DESC) AS n FROM t) WHERE n = 1",
         "both directions"},
        {"SELECT * FROM t WHERE a IN (SELECT 1)", "subqueries"},
        {"SELECT a FROM STREAM t INTERSECT SELECT a FROM t", "INTERSECT of streams"},
        {"SELECT a FROM t LIMIT 1 OFFSET 1", "OFFSET"},
        {"SELECT a FROM t LEFT JOIN LATERAL explode(ai) q", "LEFT JOIN with a generator"},
        {"SELECT a FROM t, LATERAL (SELECT explode(ai)) q", "LATERAL before a subquery"},
        {"SELECT a FROM t GROUP BY ROLLUP (a)", "GROUPING SETS, ROLLUP and CUBE"},
        {"SELECT regr_slope(a, b) FROM t", "the aggregate function `regr_slope`"},
        {"SELECT rank(), a FROM t", "the window function `rank`"},
        {"SELECT stack(70000, 1)", "stack() of more than 65536 rows"},
        {"SELECT json_tuple(s, s) FROM t", "a field name of json_tuple()"},
    };
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        fixture_fails(&fixture, refused[i].sql, "UNSUPPORTED_FEATURE", "0A000");
        assert_int_equal(fixture.err.code, SL_UNSUPPORTED);
        if (!strstr(fixture.err.msg, refused[i].what))
            fail_msg("%s: %s", refused[i].sql, fixture.err.msg);
    }
    fixture_release(&fixture);
}

void test_casts_follow_the_session(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(SCHEMA("SELECT CAST(s AS INT), TRY_CAST(s AS INT) AS t, a::string FROM t"),
                        "s INT, t INT, a STRING");
    fixture_fails_at(&fixture, "SELECT CAST(a AS foo) FROM t", "UNSUPPORTED_DATATYPE", "0A000",
                     "foo");
    struct sl_node *node = fixture_plan(&fixture, "SELECT CAST(s AS INT) FROM t");
    assert_int_equal(node->exprs[0]->cast_mode, SL_CAST_ANSI);
    fixture.session.ansi = false;
    node = fixture_plan(&fixture, "SELECT CAST(s AS INT) FROM t");
    assert_int_equal(node->exprs[0]->cast_mode, SL_CAST_LEGACY);
    fixture_release(&fixture);
}

/* Names and errors of nested fields bind their base again; that must not double per level. */
void test_long_chains_of_fields(void **state) {
    (void)state;
    struct sl_buf sql = {0};
    fixture_init(&fixture);
    sl_buf_put_cstr(&sql, "SELECT from_json(s, '");
    for (int i = 0; i < 60; i++) sl_buf_put_cstr(&sql, "a STRUCT<");
    sl_buf_put_cstr(&sql, "a INT");
    for (int i = 0; i < 60; i++) sl_buf_put_cstr(&sql, ">");
    sl_buf_put_cstr(&sql, "')");
    for (int i = 0; i < 61; i++) sl_buf_put_cstr(&sql, ".a");
    struct sl_buf bad = {0};
    sl_buf_put_str(&bad, sl_buf_str(&sql));
    sl_buf_put_cstr(&sql, " FROM t");
    sl_buf_put_cstr(&bad, ".q FROM t");
    struct sl_node *node = fixture_plan(&fixture, sl_buf_cstr(&sql));
    assert_int_equal(node->columns[0].type->kind, SL_INT_KIND);
    fixture_fails(&fixture, sl_buf_cstr(&bad), "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000");
    sl_buf_release(&sql);
    sl_buf_release(&bad);
    fixture_release(&fixture);
}

/* Constraints and DataFrame filters: one expression over a bound relation. */
void test_single_expression(void **state) {
    (void)state;
    struct sl_uexpr *parsed;
    struct sl_expr *bound;
    fixture_init(&fixture);
    struct sl_node *node = fixture_plan(&fixture, "SELECT st, a AS n FROM t");
    assert_int_equal(sl_sql_parse_expr(&fixture.arena, SL_STR("st.x = n"), &parsed, &fixture.err),
                     SL_OK);
    assert_int_equal(sl_bind_expr(&fixture.ctx, parsed, node, &bound, &fixture.err), SL_OK);
    assert_int_equal(bound->type->kind, SL_BOOL_KIND);
    assert_int_equal(bound->args[1]->column, 1);
    assert_int_equal(sl_bind_expr(&fixture.ctx, parsed, NULL, &bound, &fixture.err), SL_USER);
    assert_string_equal(fixture.err.condition, "UNRESOLVED_COLUMN.WITHOUT_SUGGESTION");
    fixture_release(&fixture);
}

/* No depth of subqueries ends the process. */
void test_deep_nesting_is_an_error(void **state) {
    (void)state;
    struct sl_buf sql = {0};
    fixture_init(&fixture);
    for (int i = 0; i < 1200; i++) sl_buf_put_cstr(&sql, "SELECT * FROM (");
    sl_buf_put_cstr(&sql, "SELECT a FROM t");
    for (int i = 0; i < 1200; i++) sl_buf_put_cstr(&sql, ")");
    struct sl_statements statements;
    enum sl_code code =
        sl_sql_parse(&fixture.arena, sl_str(sl_buf_cstr(&sql)), &statements, &fixture.err);
    struct sl_node *node;
    if (code == SL_OK)
        code = sl_bind_relation(&fixture.ctx, statements.items[0].query, &node, &fixture.err);
    assert_int_equal(code, SL_USER);
    sl_buf_release(&sql);
    fixture_release(&fixture);
}

/* Names, types and nullability of what generators make. */
void test_generators_columns(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {"SELECT a, explode(ai) FROM t", "a INT, col INT"},
        {"SELECT posexplode(m) FROM t", "pos INT, key STRING, value INT"},
        {"SELECT inline(ar), s FROM t", "x INT, s STRING"},
        {"SELECT explode(ar) AS r, r.x FROM t", "r STRUCT<x: INT>, x INT"},
        {"SELECT stack(2, a, s, a) FROM t", "col0 INT, col1 STRING"},
        {"SELECT json_tuple(s, 'p', 'q', 'p') AS (u, v, w) FROM t", "u STRING, v STRING, w STRING"},
        {"SELECT * FROM (SELECT a FROM t) q LATERAL VIEW OUTER posexplode(array(q.a)) v AS p, c",
         "a INT, p INT, c INT"},
        {"SELECT q.a, v.* FROM (SELECT a, ai FROM t) q, LATERAL explode(q.ai) AS v(c)",
         "a INT, c INT"},
        /* Spark gives an internal error for a generator that reads a lateral alias */
        {"SELECT array(a, 1) AS two, explode(two) AS one FROM t", "two ARRAY<INT>, one INT"},
    };
    fixture_init(&fixture);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_string_equal(SCHEMA(cases[i][0]), cases[i][1]);
    const struct sl_node *node = fixture_plan(&fixture, "SELECT posexplode(array(1)) AS (p, c)");
    assert_false(node->columns[0].nullable || node->columns[1].nullable);
    node = fixture_plan(&fixture, "SELECT posexplode_outer(array(1)) AS (p, c)");
    assert_true(node->columns[0].nullable && node->columns[1].nullable);
    fixture_release(&fixture);
}
