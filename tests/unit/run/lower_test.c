/* Lowering: pipes in the order of the query, and the steps in which they are read and stateful
 * nodes finish. */
#include "unit.h"

#include <string.h>

#include "run/lower.h"

struct fixture {
    struct sl_arena arena;
    struct sl_err err;
    struct sl_pipes pipes;
};

static struct sl_node *node(struct fixture *f, enum sl_node_kind kind, struct sl_node *a,
                            struct sl_node *b) {
    struct sl_node *made = sl_node_new(&f->arena, kind, a, 0, (struct sl_span){0, 0});
    if (b) {
        made->inputs = SL_NEW_ARRAY(&f->arena, struct sl_node *, 2);
        made->inputs[0] = a;
        made->inputs[1] = b;
        made->input_count = 2;
    }
    return made;
}

static struct sl_node *scan(struct fixture *f) {
    struct sl_node *made = node(f, SL_NODE_SCAN, NULL, NULL);
    struct sl_scan *of = SL_NEW(&f->arena, struct sl_scan);
    of->schema = sl_type_struct(&f->arena, NULL, 0);
    made->scan = of;
    return made;
}

static struct sl_node *join(struct fixture *f, struct sl_node *a, struct sl_node *b, bool left,
                            bool right) {
    struct sl_node *made = node(f, SL_NODE_JOIN, a, b);
    struct sl_join *what = SL_NEW(&f->arena, struct sl_join);
    what->sides[0].streaming = left;
    what->sides[1].streaming = right;
    made->join = what;
    return made;
}

/* "0,1|#0|2" : pipes 0 and 1 are read, the first stateful node finishes, pipe 2 is read */
static void expect_steps(struct fixture *f, struct sl_node *plan, const char *want) {
    struct sl_buf text = {0};
    if (sl_lower(&f->arena, plan, &f->pipes, &f->err) != SL_OK) fail_msg("%s", f->err.msg);
    for (uint32_t s = 0; s < f->pipes.step_count; s++) {
        if (s) sl_buf_put_byte(&text, '|');
        if (!f->pipes.steps[s].reads) sl_buf_printf(&text, "#%u", f->pipes.steps[s].stateful);
        const char *comma = "";
        for (uint32_t p = 0; p < f->pipes.count; p++) {
            if (!f->pipes.steps[s].reads || f->pipes.items[p].step != s) continue;
            sl_buf_printf(&text, "%s%u", comma, p);
            comma = ",";
        }
    }
    assert_string_equal(sl_buf_cstr(&text), want);
    sl_buf_release(&text);
}

void test_steps_of_plans(void **state) {
    (void)state;
    struct fixture f = {0};
    sl_arena_init(&f.arena, "test");
    expect_steps(&f, scan(&f), "0");
    expect_steps(&f, node(&f, SL_NODE_UNION, scan(&f), scan(&f)), "0,1");
    expect_steps(&f, node(&f, SL_NODE_SORT, node(&f, SL_NODE_AGGREGATE, scan(&f), NULL), NULL),
                 "0|#0|#1");
    expect_steps(&f, join(&f, scan(&f), scan(&f), true, true), "0,1|#0");
    /* the static side first, whichever it is; of two the right one */
    expect_steps(&f, join(&f, scan(&f), scan(&f), true, false), "1|0|#0");
    expect_steps(&f, join(&f, scan(&f), scan(&f), false, true), "0|1|#0");
    expect_steps(&f, join(&f, scan(&f), scan(&f), false, false), "1|0|#0");
    /* an aggregation on the static side is done before the stream is read */
    expect_steps(&f, join(&f, scan(&f), node(&f, SL_NODE_AGGREGATE, scan(&f), NULL), true, false),
                 "1|#0|0|#1");
    expect_steps(&f, join(&f, join(&f, scan(&f), scan(&f), true, false), scan(&f), true, false),
                 "2|1|0|#0|#1");
    sl_arena_release(&f.arena);
}

void test_operators_know_their_input(void **state) {
    (void)state;
    struct fixture f = {0};
    sl_arena_init(&f.arena, "test");
    struct sl_node *both = join(&f, scan(&f), node(&f, SL_NODE_LIMIT, scan(&f), NULL), true, true);
    both->inputs[1]->limit = 5;
    expect_steps(&f, both, "0,1|#0");
    assert_int_equal(f.pipes.items[0].operator_count, 1);
    assert_int_equal(f.pipes.items[0].inputs[0], 0);
    assert_int_equal(f.pipes.items[1].operator_count, 2);
    assert_int_equal(f.pipes.items[1].inputs[1], 1);
    assert_false(f.pipes.items[0].ordered);
    assert_true(f.pipes.items[1].ordered);
    assert_int_equal(f.pipes.limit_count, 1);
    f.pipes.limits[0].left = 0;
    sl_pipes_begin(&f.pipes);
    assert_int_equal(f.pipes.limits[0].left, 5);
    sl_arena_release(&f.arena);
}
