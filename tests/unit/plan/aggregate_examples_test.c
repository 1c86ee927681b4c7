/* Goal: what the table of aggregates, and so docs/functions.md, says of a function is true. Method:
 * every row's example is bound; its plan (VALUES, projections, one aggregation without keys) is
 * computed node by node, with an accumulator of one group, and printed as show() prints it. */
#include "plan_fixture.h"

#include "expr/program.h"
#include "kern/aggregate.h"
#include "kern/cast.h"

enum { EXAMPLE_ROWS = 64, EXAMPLE_COLUMNS = 8 };

struct rows {
    struct sl_vec *columns;
    uint32_t count;
};

static void release_vec(void *vec) { sl_vec_release(vec); }

static struct sl_vec *make_columns(struct fixture *fixture, const struct sl_node *node) {
    struct sl_vec *columns = SL_NEW_ARRAY(&fixture->arena, struct sl_vec, node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++) {
        sl_vec_init(&columns[i], node->columns[i].type);
        sl_arena_on_reset(&fixture->arena, release_vec, &columns[i]);
    }
    return columns;
}

/* Evaluates the expressions over rows of the input and appends what they give. */
static enum sl_code append_values(struct fixture *fixture, struct sl_expr **exprs, uint32_t count,
                                  const struct rows *input, struct sl_vec *out) {
    struct sl_program *program = NULL;
    const struct sl_vec *values[EXAMPLE_COLUMNS * EXAMPLE_ROWS];
    struct sl_batch batch = {
        .columns = input->columns, .rows = input->count, .selected_rows = input->count};
    SL_TRY(sl_program_new(exprs, count, &program, &fixture->err));
    enum sl_code code = sl_program_eval(program, &fixture->session, &batch, values, &fixture->err);
    for (uint32_t i = 0; i < count && code == SL_OK; i++)
        code = sl_vec_append(&out[i], values[i], NULL, input->count, &fixture->err);
    sl_program_free(program);
    return code;
}

static enum sl_code aggregate_item(struct fixture *fixture, const struct sl_aggregation_item *item,
                                   const struct rows *input, struct sl_vec *out) {
    const struct sl_aggregate_ops *ops = item->call->function->ops;
    struct sl_accumulator *acc = ops->make(item->call, NULL);
    const struct sl_vec *args[EXAMPLE_COLUMNS];
    uint32_t rows[EXAMPLE_ROWS], zeros[EXAMPLE_ROWS] = {0};
    assert_true(item->filter < 0 && !item->distinct);
    for (uint32_t i = 0; i < input->count; i++) rows[i] = i;
    for (uint32_t i = 0; i < item->call->arg_count; i++) args[i] = &input->columns[item->args[i]];
    enum sl_code code = ops->grow(acc, 1, &fixture->err);
    if (code == SL_OK)
        code = ops->update(acc, args, rows, zeros, input->count, &fixture->session, &fixture->err);
    if (code == SL_OK) code = ops->finish(acc, zeros, 1, &fixture->session, out, &fixture->err);
    ops->free(acc);
    return code;
}

static enum sl_code compute(struct fixture *fixture, const struct sl_node *node, struct rows *out) {
    struct rows input = {NULL, 1};
    if (node->input_count) SL_TRY(compute(fixture, node->inputs[0], &input));
    assert_true(node->column_count <= EXAMPLE_COLUMNS && input.count <= EXAMPLE_ROWS);
    out->columns = make_columns(fixture, node);
    out->count = input.count;
    switch (node->kind) {
    case SL_NODE_VALUES:
        for (uint32_t r = 0; r < node->row_count; r++)
            SL_TRY(append_values(fixture, node->exprs + r * node->column_count, node->column_count,
                                 &input, out->columns));
        out->count = node->row_count;
        return SL_OK;
    case SL_NODE_PROJECT:
        return append_values(fixture, node->exprs, node->column_count, &input, out->columns);
    case SL_NODE_AGGREGATE:
        assert_int_equal(node->aggregation->key_count, 0);
        out->count = 1;
        for (uint32_t i = 0; i < node->aggregation->item_count; i++)
            SL_TRY(aggregate_item(fixture, &node->aggregation->items[i], &input, &out->columns[i]));
        return SL_OK;
    default:
        return sl_fail(&fixture->err, SL_BUG, "an example has a node of another kind");
    }
}

static enum sl_code evaluate(struct fixture *fixture, const char *example, struct sl_buf *text) {
    struct sl_statements statements;
    struct sl_node *node;
    struct rows rows;
    struct sl_str sql = sl_arena_printf(&fixture->arena, "%s", example);
    SL_TRY(sl_sql_parse(&fixture->arena, sql, &statements, &fixture->err));
    SL_TRY(sl_bind_relation(&fixture->ctx, statements.items[0].query, &node, &fixture->err));
    SL_TRY(compute(fixture, node, &rows));
    assert_int_equal(rows.count, 1);
    assert_int_equal(node->column_count, 1);
    if (!node->columns[0].nullable) assert_false(sl_vec_is_null(&rows.columns[0], 0));
    if (sl_vec_is_null(&rows.columns[0], 0))
        sl_buf_put_cstr(text, "NULL");
    else
        sl_cast_put_text(text, &rows.columns[0], 0, &fixture->session);
    sl_buf_put_byte(text, '\0');
    return SL_OK;
}

static bool holds(const struct sl_aggregate *aggregate) {
    struct fixture fixture;
    struct sl_buf text = {0};
    bool held = false;
    fixture_init(&fixture);
    if (evaluate(&fixture, aggregate->example, &text) != SL_OK) {
        print_error("%s: [%s] %s\n", aggregate->example, fixture.err.condition, fixture.err.msg);
    } else {
        held = strcmp((const char *)text.ptr, aggregate->result) == 0;
        if (!held)
            print_error("%s is `%s`, wanted is `%s`\n", aggregate->example, (const char *)text.ptr,
                        aggregate->result);
    }
    sl_buf_release(&text);
    fixture_release(&fixture);
    return held;
}

void test_examples_of_the_aggregate_table(void **state) {
    (void)state;
    size_t count, failures = 0;
    const struct sl_aggregate *all = sl_aggregate_all(&count);
    assert_true(count > 40);
    for (size_t i = 0; i < count; i++) failures += !holds(&all[i]);
    assert_int_equal(failures, 0);
}
