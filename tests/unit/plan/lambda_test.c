/* Lambdas: what they capture, how they are shown, and what becomes of records whose lambda fails.
 */
#include "plan_fixture.h"

#include "expr/higher.h"
#include "expr/program.h"

static struct fixture fixture;

#define TEXT(sql) fixture_text(&fixture, fixture_optimized(&fixture, sql))

void test_captures_are_arguments(void **state) {
    (void)state;
    fixture_init(&fixture);
    const struct sl_node *node = fixture_plan(
        &fixture, "SELECT transform(ai, x -> transform(ai, y -> x + y + a + st.x + a)) FROM t");
    const struct sl_expr *outer = node->exprs[0];
    assert_int_equal(outer->kind, SL_EXPR_HIGHER);
    /* the list; then ai, a and st.x, each once, though only the inner lambda asks for them */
    assert_int_equal(outer->higher->own_count, 1);
    assert_int_equal(outer->arg_count, 4);
    const struct sl_expr *inner = outer->higher->lambdas[0].body;
    assert_int_equal(inner->kind, SL_EXPR_HIGHER);
    assert_int_equal(inner->arg_count, 4);
    fixture_release(&fixture);
}

/* A body is never looked into, and still the scan reads just what it needs. */
void test_columns_of_lambdas_are_pruned(void **state) {
    (void)state;
    fixture_init(&fixture);
    assert_string_equal(TEXT("SELECT r FROM (SELECT b, s, transform(ai, (x, i) -> x * a + i) AS r "
                             "FROM t) WHERE b = 1"),
                        "Project [transform(ai, (x, i) -> ((x * a) + i)) AS r]\n"
                        "+- Filter (b = 1)\n"
                        "   +- Relation [a, b, ai] t, PushedFilters: [(b = 1)]\n");
    assert_string_equal(TEXT("SELECT x FROM t LATERAL VIEW explode(filter(ai, x -> x > a)) v AS x "
                             "WHERE exists(ar, e -> e.x = b)"),
                        "Generate explode(filter(ai, x -> (x > a))), [0, 1, 2, 3], false, v, [x]\n"
                        "+- Filter exists(ar, e -> (CAST(e.x AS BIGINT) = b))\n"
                        "   +- Relation [a, b, ar, ai] t\n");
    fixture_release(&fixture);
}

static void put_list(struct sl_vec *list, int count, int64_t first) {
    assert_int_equal(sl_vec_reserve(list, list->rows + 1, NULL), SL_OK);
    for (int i = 0; i < count; i++)
        assert_int_equal(sl_vec_put_i64(&list->children[0], first + i, NULL), SL_OK);
    list->offsets[++list->rows] = (int32_t)list->children[0].rows;
}

/* 10 / x fails in the one row whose list holds 0: it is a fault of that record, the others go on.
 */
void test_a_failing_lambda_is_a_fault_of_its_record(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node =
        fixture_optimized(&fixture, "SELECT transform(ai, x -> 10 div x) AS r FROM t");
    struct sl_program *program;
    struct sl_vec list = {0};
    struct sl_faults faults;
    const struct sl_vec *out;
    assert_int_equal(sl_program_new(node->exprs, 1, &program, &fixture.err), SL_OK);
    sl_vec_init(&list, node->inputs[0]->columns[0].type);
    put_list(&list, 2, 1);
    put_list(&list, 3, -1);
    put_list(&list, 0, 0);
    put_list(&list, 1, 5);
    sl_faults_init(&faults);
    sl_faults_begin(&faults, 4);
    struct sl_batch batch = {.rows = 4, .selected_rows = 4, .columns = &list};
    assert_int_equal(sl_program_eval(program, &fixture.session, &batch, &out, &fixture.err),
                     SL_DATA);
    assert_string_equal(fixture.err.condition, "DIVIDE_BY_ZERO");
    batch.faults = &faults;
    assert_int_equal(sl_program_eval(program, &fixture.session, &batch, &out, &fixture.err), SL_OK);
    assert_int_equal(faults.count, 1);
    assert_int_equal(faults.items[0].row, 1);
    assert_int_equal(faults.items[0].kind, SL_FAULT_EVALUATION);
    sl_program_drop_failed(program, &batch);
    assert_int_equal(batch.selected_rows, 3);
    assert_false(sl_bit_get(batch.selected, 1));
    struct sl_buf text = {0};
    sl_cast_put_text(&text, out, 0, &fixture.session);
    sl_cast_put_text(&text, out, 3, &fixture.session);
    assert_string_equal(sl_buf_cstr(&text), "[10, 5][2]");
    sl_buf_release(&text);
    sl_program_free(program);
    sl_vec_release(&list);
    sl_faults_release(&faults);
    fixture_release(&fixture);
}
