/* Set functions over arrays, and arrays_overlap, sort to find equal elements; the twin compares
 * each with each.  Random arrays with NULLs, short and long ones. */
#include "plan_fixture.h"

#include "expr/program.h"

enum { ROWS = 60 };

static struct fixture fixture;
static uint64_t seed;

static uint32_t pick(uint32_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % bound;
}

static void put_list(struct sl_vec *list) {
    if (pick(7) == 0) {
        assert_int_equal(sl_vec_append_null(list, 1, NULL), SL_OK);
        return;
    }
    assert_int_equal(sl_vec_reserve(list, list->rows + 1, NULL), SL_OK);
    uint32_t range = 1 + pick(40);
    for (uint32_t i = pick(5) ? pick(8) : pick(300); i > 0; i--) {
        enum sl_code code = pick(6) ? sl_vec_put_i64(&list->children[0], pick(range), NULL)
                                    : sl_vec_append_null(&list->children[0], 1, NULL);
        assert_int_equal(code, SL_OK);
    }
    if (list->valid) {
        assert_int_equal(sl_vec_reserve_valid(list, list->rows + 1, NULL), SL_OK);
        sl_bit_set(list->valid, list->rows);
    }
    list->offsets[++list->rows] = (int32_t)list->children[0].rows;
}

static bool holds(const struct sl_vec *list, uint32_t begin, uint32_t end, const struct sl_vec *of,
                  uint32_t at) {
    for (; begin < end; begin++)
        if (sl_vec_rows_equal(&list->children[0], begin, &of->children[0], at)) return true;
    return false;
}

static void add(struct sl_vec *out, const struct sl_vec *from, uint32_t at) {
    assert_int_equal(sl_vec_append(out, &from->children[0], &at, 1, NULL), SL_OK);
}

/* What SELECT array_distinct(ai), array_union(ai, x) .. has to be for one row. */
static void twin_row(const struct sl_vec *a, const struct sl_vec *b, uint32_t row, int function,
                     struct sl_vec *out) {
    uint32_t a0 = (uint32_t)a->offsets[row], a1 = (uint32_t)a->offsets[row + 1];
    uint32_t b0 = (uint32_t)b->offsets[row], b1 = (uint32_t)b->offsets[row + 1];
    for (uint32_t i = a0; i < a1; i++) {
        bool seen = holds(a, a0, i, a, i), other = holds(b, b0, b1, a, i);
        if (!seen && (function < 2 || other == (function == 2))) add(out, a, i);
    }
    for (uint32_t i = b0; function == 1 && i < b1; i++)
        if (!holds(a, a0, a1, b, i) && !holds(b, b0, i, b, i)) add(out, b, i);
}

static void check(const struct sl_vec *a, const struct sl_vec *b, const struct sl_vec *got,
                  int function) {
    for (uint32_t row = 0; row < ROWS; row++) {
        bool null = sl_vec_is_null(a, row) || (function > 0 && sl_vec_is_null(b, row));
        assert_int_equal(sl_vec_is_null(got, row), null);
        uint32_t begin = (uint32_t)got->offsets[row], end = (uint32_t)got->offsets[row + 1];
        if (null) {
            assert_int_equal(begin, end);
            continue;
        }
        struct sl_vec want = {0};
        sl_vec_init(&want, a->children[0].type);
        twin_row(a, b, row, function, &want);
        assert_int_equal(end - begin, want.rows);
        for (uint32_t i = 0; i < want.rows; i++)
            assert_true(sl_vec_rows_equal(&want, i, &got->children[0], begin + i));
        sl_vec_release(&want);
    }
}

void test_set_functions_against_their_twin(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node = fixture_plan(
        &fixture, "SELECT array_distinct(x), array_union(x, y), array_intersect(x, y), "
                  "array_except(x, y) FROM (SELECT ai AS x, ai AS y FROM t)");
    struct sl_program *program;
    assert_int_equal(sl_program_new(node->exprs, 4, &program, &fixture.err), SL_OK);
    for (unsigned round = 0; round < 60; round++) {
        struct sl_vec columns[2] = {{0}, {0}};
        const struct sl_vec *out[4];
        const char *why;
        seed = round * 7919u + 1;
        for (int c = 0; c < 2; c++) {
            sl_vec_init(&columns[c], node->inputs[0]->columns[c].type);
            for (uint32_t row = 0; row < ROWS; row++) put_list(&columns[c]);
        }
        struct sl_batch batch = {.rows = ROWS, .selected_rows = ROWS, .columns = columns};
        assert_int_equal(sl_program_eval(program, &fixture.session, &batch, out, &fixture.err),
                         SL_OK);
        for (int f = 0; f < 4; f++) {
            assert_true(sl_vec_verify(out[f], &why));
            check(&columns[0], &columns[1], out[f], f);
        }
        for (int c = 0; c < 2; c++) sl_vec_release(&columns[c]);
    }
    sl_program_free(program);
    fixture_release(&fixture);
}

/* ---- arrays_overlap ---- */

enum overlap { NO, YES, UNKNOWN };

static enum overlap twin_overlap(const struct sl_vec *a, const struct sl_vec *b, uint32_t row) {
    enum overlap found = NO;
    if (sl_vec_is_null(a, row) || sl_vec_is_null(b, row)) return UNKNOWN;
    for (int32_t i = a->offsets[row]; i < a->offsets[row + 1]; i++)
        for (int32_t k = b->offsets[row]; k < b->offsets[row + 1]; k++) {
            bool null = sl_vec_is_null(&a->children[0], (uint32_t)i) ||
                        sl_vec_is_null(&b->children[0], (uint32_t)k);
            if (null) found = UNKNOWN;
            if (!null && a->children[0].i32[i] == b->children[0].i32[k]) return YES;
        }
    return found;
}

/* Even numbers on one side, odd ones on the other, and now and then one of the other kind. */
static void put_parity_list(struct sl_vec *list, uint32_t count, uint32_t parity, bool nulls) {
    assert_int_equal(sl_vec_reserve(list, list->rows + 1, NULL), SL_OK);
    for (uint32_t i = 0; i < count; i++) {
        bool null = nulls && pick(20) == 0, stray = pick(2 * count + 8) == 0;
        enum sl_code code =
            null ? sl_vec_append_null(&list->children[0], 1, NULL)
                 : sl_vec_put_i64(&list->children[0], 2 * pick(100) + (parity ^ stray), NULL);
        assert_int_equal(code, SL_OK);
    }
    list->offsets[++list->rows] = (int32_t)list->children[0].rows;
}

static struct sl_program *overlap_program(struct sl_node **node) {
    struct sl_program *program;
    *node =
        fixture_plan(&fixture, "SELECT arrays_overlap(x, y) FROM (SELECT ai AS x, ai AS y FROM t)");
    assert_int_equal(sl_program_new((*node)->exprs, 1, &program, &fixture.err), SL_OK);
    return program;
}

static const struct sl_vec *run_overlap(struct sl_program *program, struct sl_vec *columns) {
    const struct sl_vec *out;
    struct sl_batch batch = {
        .rows = columns[0].rows, .selected_rows = columns[0].rows, .columns = columns};
    assert_int_equal(sl_program_eval(program, &fixture.session, &batch, &out, &fixture.err), SL_OK);
    return out;
}

void test_arrays_overlap_against_its_twin(void **state) {
    (void)state;
    fixture_init(&fixture);
    struct sl_node *node;
    struct sl_program *program = overlap_program(&node);
    uint32_t seen[3] = {0};
    for (unsigned round = 0; round < 60; round++) {
        struct sl_vec columns[2] = {{0}, {0}};
        seed = round * 104729u + 1;
        for (uint32_t c = 0; c < 2; c++) {
            sl_vec_init(&columns[c], node->inputs[0]->columns[c].type);
            for (uint32_t row = 0; row < ROWS; row++)
                put_parity_list(&columns[c], pick(4) ? pick(6) : pick(60), c, round % 2);
        }
        const struct sl_vec *out = run_overlap(program, columns);
        for (uint32_t row = 0; row < ROWS; row++) {
            enum overlap want = twin_overlap(&columns[0], &columns[1], row);
            assert_int_equal(sl_vec_is_null(out, row), want == UNKNOWN);
            if (want != UNKNOWN) assert_int_equal(sl_bit_get(out->bits, row), want == YES);
            seen[want]++;
        }
        for (int c = 0; c < 2; c++) sl_vec_release(&columns[c]);
    }
    for (int i = 0; i < 3; i++) assert_true(seen[i] > 100);
    sl_program_free(program);
    fixture_release(&fixture);
}

/* Each with each would be 10^10 comparisons. */
void test_arrays_overlap_of_long_arrays(void **state) {
    (void)state;
    enum { COUNT = 100000 };
    fixture_init(&fixture);
    struct sl_node *node;
    struct sl_program *program = overlap_program(&node);
    struct sl_vec columns[2] = {{0}, {0}};
    for (int c = 0; c < 2; c++) {
        sl_vec_init(&columns[c], node->inputs[0]->columns[c].type);
        assert_int_equal(sl_vec_reserve(&columns[c], 1, NULL), SL_OK);
        for (int64_t i = 0; i < COUNT; i++)
            assert_int_equal(sl_vec_put_i64(&columns[c].children[0], 2 * i + c, NULL), SL_OK);
        columns[c].offsets[++columns[c].rows] = COUNT;
    }
    const struct sl_vec *out = run_overlap(program, columns);
    assert_false(sl_vec_is_null(out, 0));
    assert_false(sl_bit_get(out->bits, 0));
    for (int c = 0; c < 2; c++) sl_vec_release(&columns[c]);
    sl_program_free(program);
    fixture_release(&fixture);
}
