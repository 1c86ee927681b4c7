/* Goal: what the function table, and so docs/functions.md, says of a function is true.  Method:
 * every row's example is bound and evaluated, and printed as show() prints it.  Calls whose value
 * changes from run to run are matched against a shape. */
#include "plan_fixture.h"

#include "expr/program.h"
#include "plan/optimize_int.h"

enum { FAILURES_MAX = 40 };

/* `x` stands for a hexadecimal digit. */
static bool fits(const char *shape, const char *text) {
    for (; *shape && *text; shape++, text++) {
        bool hex = (*text >= '0' && *text <= '9') || (*text >= 'a' && *text <= 'f');
        if (*shape == 'x' ? !hex : *shape != *text) return false;
    }
    return *shape == *text;
}

static void put_value(struct fixture *fixture, const struct sl_vec *vec, uint32_t row,
                      struct sl_buf *out) {
    if (sl_vec_is_null(vec, row))
        sl_buf_put_cstr(out, "NULL");
    else
        sl_cast_put_text(out, vec, row, &fixture->session);
}

/* A part of item `at` of the one list; at < 0: there is none. */
static void put_part(struct fixture *fixture, const struct sl_vec *list, int32_t part, int at,
                     struct sl_buf *out) {
    const struct sl_vec *items = &list->children[0];
    if (at < 0)
        sl_buf_put_cstr(out, "NULL");
    else if (part == SL_PART_POSITION)
        sl_buf_printf(out, "%d", at);
    else
        put_value(fixture,
                  part >= 0               ? &items->children[part]
                  : part == SL_PART_VALUE ? &list->children[list->child_count - 1]
                                          : items,
                  (uint32_t)at, out);
}

/* The rows of a generator over one row, or of the projection that json_tuple becomes. */
static enum sl_code evaluate_rows(struct fixture *fixture, const struct sl_node *node,
                                  struct sl_buf *out) {
    struct sl_batch batch = {.rows = 1, .selected_rows = 1};
    const struct sl_generate *generate = node->generate;
    struct sl_program *program = NULL;
    const struct sl_vec *values[4];
    uint32_t count = generate ? 1 : node->column_count;
    struct sl_expr *const *exprs = generate ? &generate->list : node->exprs;
    SL_TRY(sl_program_new(exprs, count, &program, &fixture->err));
    enum sl_code code = sl_program_eval(program, &fixture->session, &batch, values, &fixture->err);
    if (code == SL_OK && !generate)
        for (uint32_t i = 0; i < count; i++) {
            if (i) sl_buf_put_cstr(out, ", ");
            put_value(fixture, values[i], 0, out);
        }
    bool null = code != SL_OK || !generate || sl_vec_is_null(values[0], 0);
    int items = null ? 0 : values[0]->offsets[1];
    for (int row = 0; generate && (row < items || (!items && !row && generate->outer)); row++)
        for (uint32_t i = 0; i < generate->part_count; i++) {
            if (i || row) sl_buf_put_cstr(out, i ? ", " : "; ");
            put_part(fixture, values[0], generate->parts[i], items ? row : -1, out);
        }
    sl_buf_put_byte(out, '\0');
    sl_program_free(program);
    return code;
}

/* Windows are columns of projections below the SELECT: all of them made one expression. */
static enum sl_code evaluate_window(struct fixture *fixture, const struct sl_node *node,
                                    struct sl_buf *out) {
    struct sl_expr *expr = node->exprs[0];
    for (node = node->inputs[0]; node->input_count; node = node->inputs[0])
        if (node->kind == SL_NODE_PROJECT)
            expr = sl_expr_inline(&fixture->arena, expr, node->exprs);
    struct sl_batch batch = {.rows = 1, .selected_rows = 1};
    struct sl_program *program = NULL;
    const struct sl_vec *value;
    SL_TRY(sl_program_new(&expr, 1, &program, &fixture->err));
    enum sl_code code = sl_program_eval(program, &fixture->session, &batch, &value, &fixture->err);
    if (code == SL_OK) put_value(fixture, value, 0, out);
    sl_buf_put_byte(out, '\0');
    sl_program_free(program);
    return code;
}

static enum sl_code evaluate(struct fixture *fixture, const char *example, struct sl_buf *out) {
    struct sl_str sql = sl_arena_printf(&fixture->arena, "SELECT %s", example);
    struct sl_statements statements;
    struct sl_node *node;
    struct sl_program *program = NULL;
    const struct sl_vec *value = NULL;
    SL_TRY(sl_sql_parse(&fixture->arena, sql, &statements, &fixture->err));
    SL_TRY(sl_bind_relation(&fixture->ctx, statements.items[0].query, &node, &fixture->err));
    if (strstr(example, "window")) return evaluate_window(fixture, node, out);
    if (node->kind == SL_NODE_PROJECT) return evaluate_rows(fixture, node->inputs[0], out);
    if (node->kind != SL_NODE_VALUES || node->column_count != 1)
        return sl_fail(&fixture->err, SL_BUG, "the example is not one value");
    enum sl_code code = sl_program_new(node->exprs, 1, &program, &fixture->err);
    struct sl_batch batch = {.rows = 1, .selected_rows = 1};
    if (code == SL_OK)
        code = sl_program_eval(program, &fixture->session, &batch, &value, &fixture->err);
    if (code == SL_OK && sl_vec_is_null(value, 0))
        sl_buf_put_cstr(out, "NULL");
    else if (code == SL_OK)
        sl_cast_put_text(out, value, 0, &fixture->session);
    sl_buf_put_byte(out, '\0');
    sl_program_free(program);
    return code;
}

/* Evaluates `example` and compares: with == or, where the value changes, with fits(). */
static bool holds(const char *example, const char *want, bool (*same)(const char *, const char *)) {
    struct fixture fixture;
    struct sl_buf text = {0};
    bool held = false;
    fixture_init(&fixture);
    fixture.session.batch_timestamp_us = INT64_C(1736937045123456);
    if (evaluate(&fixture, example, &text) != SL_OK) {
        print_error("%s: [%s] %s\n", example, fixture.err.condition, fixture.err.msg);
    } else {
        held = same(want, (const char *)text.ptr);
        if (!held)
            print_error("%s is `%s`, wanted is `%s`\n", example, (const char *)text.ptr, want);
    }
    sl_buf_release(&text);
    fixture_release(&fixture);
    return held;
}

static bool equal(const char *want, const char *got) { return strcmp(want, got) == 0; }

void test_examples_of_the_function_table(void **state) {
    (void)state;
    size_t count, failures = 0;
    const struct sl_function *all = sl_function_all(&count);
    assert_true(count > 300);
    for (size_t i = 0; i < count && failures < FAILURES_MAX; i++)
        failures += !holds(all[i].example, all[i].result, equal);
    assert_int_equal(failures, 0);
}

void test_values_that_change(void **state) {
    (void)state;
    assert_true(holds("uuid()", "xxxxxxxx-xxxx-4xxx-xxxx-xxxxxxxxxxxx", fits));
    assert_true(holds("current_date()", "2025-01-15", equal));
    assert_true(holds("current_timestamp()", "2025-01-15 10:30:45.123456", equal));
    assert_true(holds("localtimestamp()", "2025-01-15 10:30:45.123456", equal));
    assert_true(holds("unix_timestamp()", "1736937045", equal));
}

void test_every_function_is_documented(void **state) {
    (void)state;
    size_t count;
    const struct sl_function *all = sl_function_all(&count);
    for (size_t i = 0; i < count; i++) {
        if (!*all[i].doc || !*all[i].example || !*all[i].result)
            fail_msg("%s%s has no text or no example", all[i].name, all[i].signature);
        if (i) assert_true(strcmp(all[i - 1].name, all[i].name) <= 0);
    }
}
