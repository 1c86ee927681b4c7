/* Expectations in a plan: what rewrites may not do around them, and their text. */
#include "plan_fixture.h"

#include "plan/optimize.h"

static struct fixture fixture;

static struct sl_expr *bind_over(const struct sl_node *node, const char *text) {
    struct sl_uexpr *tree;
    struct sl_expr *out;
    if (sl_sql_parse_expr(&fixture.arena, sl_str(text), &tree, &fixture.err) != SL_OK ||
        sl_bind_expr(&fixture.ctx, tree, node, &out, &fixture.err) != SL_OK)
        fail_msg("%s: %s", text, fixture.err.msg);
    return out;
}

static struct sl_node *expect_over(struct sl_node *input, const char *first, const char *second) {
    struct sl_expect *expects = SL_NEW_ARRAY(&fixture.arena, struct sl_expect, 2);
    expects[0] = (struct sl_expect){
        SL_STR("first"), sl_str(first), bind_over(input, first), SL_EXPECT_DROP, {0, 0}};
    expects[1] = (struct sl_expect){
        SL_STR("second"), sl_str(second), bind_over(input, second), SL_EXPECT_FAIL, {0, 0}};
    return sl_node_expect(&fixture.arena, input, expects, 2, (struct sl_span){0, 0});
}

static struct sl_node *optimized(struct sl_node *node) {
    struct sl_node *out;
    if (sl_plan_optimize(&fixture.ctx.expr, node, &out, &fixture.err) != SL_OK)
        fail_msg("%s", fixture.err.msg);
    return out;
}

void test_expectations_stay_above_the_query(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *query = fixture_plan(&fixture, "SELECT a + 1 AS n, s FROM t WHERE a > 5");
    struct sl_node *node = optimized(expect_over(query, "n < 10", "s IS NOT NULL"));
    assert_int_equal(node->kind, SL_NODE_EXPECT);
    assert_string_equal(fixture_schema(&fixture, node), "n INT, s STRING");
    assert_string_equal(fixture_text(&fixture, node),
                        "Expect [first: (n < 10) ON VIOLATION DROP ROW, second: (s IS NOT NULL) ON "
                        "VIOLATION FAIL UPDATE]\n"
                        "+- Project [(a + 1) AS n, s]\n"
                        "   +- Filter (a > 5)\n"
                        "      +- Relation [a, s] t, PushedFilters: [(a > 5)]\n");
    fixture_release(&fixture);
}

/* A filter above must not hide rows from the rules, nor a projection the columns that they read. */
void test_nothing_is_pushed_or_pruned_through_them(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *query = fixture_plan(&fixture, "SELECT a, b, s FROM t");
    struct sl_node *expect = expect_over(query, "b > 0", "s <> ''");
    struct sl_node *filter =
        sl_node_filter(&fixture.arena, expect, bind_over(expect, "a = 3"), (struct sl_span){0, 0});
    struct sl_expr **exprs = SL_NEW_ARRAY(&fixture.arena, struct sl_expr *, 1);
    exprs[0] = bind_over(filter, "a");
    struct sl_node *node = optimized(
        sl_node_project(&fixture.arena, filter, exprs, filter->columns, 1, (struct sl_span){0, 0}));
    assert_string_equal(fixture_text(&fixture, node),
                        "Project [a]\n"
                        "+- Filter (a = 3)\n"
                        "   +- Expect [first: (b > 0) ON VIOLATION DROP ROW, second: (s <> '') ON "
                        "VIOLATION FAIL UPDATE]\n"
                        "      +- Relation [a, b, s] t\n");
    fixture_release(&fixture);
}
