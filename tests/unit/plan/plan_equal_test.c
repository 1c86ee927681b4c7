/* The optimizer never changes the answer: random queries run as bound and as optimised, over rows
 * with good, partial and broken JSON, and must give equal rows.  The executor here is the plainest
 * that reads a plan: one batch per node, everything copied. */
#include "plan_fixture.h"

#include "expr/program.h"

enum { ROWS = 150, QUERIES = 600 };

struct table {
    struct sl_vec *columns;
    uint32_t count, rows;
};

static struct fixture fixture;
static uint64_t seed;

static uint32_t pick(uint32_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % bound;
}

/* ---- the plain executor ---- */

static void drop_table(void *ptr) {
    struct table *table = ptr;
    for (uint32_t i = 0; i < table->count; i++) sl_vec_release(&table->columns[i]);
}

static struct table *new_table(const struct sl_node *node) {
    struct table *table = SL_NEW(&fixture.arena, struct table);
    table->columns =
        sl_arena_zalloc(&fixture.arena, (node->column_count + 1) * sizeof(struct sl_vec));
    table->count = node->column_count;
    for (uint32_t i = 0; i < table->count; i++)
        sl_vec_init(&table->columns[i], node->columns[i].type);
    sl_arena_on_reset(&fixture.arena, drop_table, table);
    return table;
}

static void append(struct table *to, const struct sl_vec *const *columns, const uint32_t *idx,
                   uint32_t rows) {
    for (uint32_t i = 0; i < to->count; i++)
        if (sl_vec_append(&to->columns[i], columns[i], idx, rows, &fixture.err) != SL_OK)
            fail_msg("%s", fixture.err.msg);
    to->rows += rows;
}

static void append_table(struct table *to, const struct table *from, const uint32_t *idx,
                         uint32_t rows) {
    const struct sl_vec **columns =
        sl_arena_alloc(&fixture.arena, (from->count + 1) * sizeof *columns);
    for (uint32_t i = 0; i < from->count; i++) columns[i] = &from->columns[i];
    append(to, columns, idx, rows);
}

static struct table *execute(const struct sl_node *node, const struct table *base);

static void run_program(const struct sl_node *node, const struct sl_node *input, struct table *from,
                        struct table *to) {
    struct sl_batch batch = {.schema = sl_node_schema(&fixture.arena, input),
                             .rows = from->rows,
                             .columns = from->columns};
    bool filter = node->kind == SL_NODE_FILTER;
    struct sl_program *program;
    const struct sl_vec **outputs =
        sl_arena_alloc(&fixture.arena, (node->column_count + 1) * sizeof *outputs);
    enum sl_code code = sl_program_new(filter ? &node->condition : node->exprs,
                                       filter ? 1 : node->column_count, &program, &fixture.err);
    if (code == SL_OK)
        code = filter ? sl_program_filter(program, &fixture.session, &batch, &fixture.err)
                      : sl_program_eval(program, &fixture.session, &batch, outputs, &fixture.err);
    if (code != SL_OK) fail_msg("[%s] %s", fixture.err.condition, fixture.err.msg);
    if (filter) {
        uint32_t *idx = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *idx);
        append_table(to, from, idx, sl_batch_selection(&batch, idx));
    } else {
        append(to, outputs, NULL, from->rows);
    }
    sl_program_free(program);
}

static void generate_row(const struct sl_generate *generate, const struct sl_vec *list,
                         const struct table *from, uint32_t row, int64_t item, struct table *to) {
    const struct sl_vec *columns[32];
    uint32_t idx[1] = {row}, made = (uint32_t)(item < 0 ? 0 : item);
    for (uint32_t i = 0; i < generate->kept_count; i++) {
        columns[i] = &from->columns[generate->kept[i]];
        if (sl_vec_append(&to->columns[i], columns[i], idx, 1, &fixture.err) != SL_OK)
            fail_msg("%s", fixture.err.msg);
    }
    for (uint32_t i = 0; i < generate->part_count; i++) {
        struct sl_vec *out = &to->columns[generate->kept_count + i];
        enum sl_code code =
            item < 0 ? sl_vec_append_null(out, 1, &fixture.err)
            : generate->parts[i] == SL_PART_POSITION
                ? sl_vec_put_i64(out, item - list->offsets[sl_vec_pos(list, row)], &fixture.err)
                : sl_vec_append(out, &list->children[0], &made, 1, &fixture.err);
        assert_int_equal(code, SL_OK);
    }
    to->rows++;
}

/* Arrays only, one item at a time. */
static void run_generate(const struct sl_node *node, struct table *from, struct table *to) {
    const struct sl_generate *generate = node->generate;
    struct sl_batch batch = {.schema = sl_node_schema(&fixture.arena, node->inputs[0]),
                             .rows = from->rows,
                             .columns = from->columns};
    struct sl_program *program;
    const struct sl_vec *list;
    if (sl_program_new(&generate->list, 1, &program, &fixture.err) != SL_OK ||
        sl_program_eval(program, &fixture.session, &batch, &list, &fixture.err) != SL_OK)
        fail_msg("[%s] %s", fixture.err.condition, fixture.err.msg);
    for (uint32_t row = 0; row < from->rows; row++) {
        uint32_t at = sl_vec_pos(list, row);
        int64_t item = list->offsets[at], end = list->offsets[at + 1];
        if (sl_vec_is_null(list, row)) end = item;
        if (item == end && generate->outer) generate_row(generate, list, from, row, -1, to);
        for (; item < end; item++) generate_row(generate, list, from, row, item, to);
    }
    sl_program_free(program);
}

static struct table *execute(const struct sl_node *node, const struct table *base) {
    struct table *out = new_table(node);
    switch (node->kind) {
    case SL_NODE_SCAN: {
        const struct sl_vec *columns[32];
        for (uint32_t i = 0; i < node->column_count; i++)
            columns[i] = &base->columns[node->scan_columns[i]];
        append(out, columns, NULL, base->rows);
        break;
    }
    case SL_NODE_PROJECT:
    case SL_NODE_FILTER:
        run_program(node, node->inputs[0], execute(node->inputs[0], base), out);
        break;
    case SL_NODE_GENERATE:
        run_generate(node, execute(node->inputs[0], base), out);
        break;
    case SL_NODE_UNION:
        for (uint32_t i = 0; i < node->input_count; i++) {
            struct table *side = execute(node->inputs[i], base);
            append_table(out, side, NULL, side->rows);
        }
        break;
    case SL_NODE_LIMIT: {
        struct table *input = execute(node->inputs[0], base);
        append_table(out, input, NULL,
                     input->rows < node->limit ? input->rows : (uint32_t)node->limit);
        break;
    }
    case SL_NODE_EXPECT:
    case SL_NODE_VALUES:
        fail_msg("no query here has VALUES or expectations");
    }
    return out;
}

static void put_rows(const struct table *table, struct sl_buf *out) {
    for (uint32_t row = 0; row < table->rows; row++) {
        for (uint32_t i = 0; i < table->count; i++) {
            if (sl_vec_is_null(&table->columns[i], row))
                sl_buf_put_cstr(out, "NULL");
            else
                sl_cast_put_text(out, &table->columns[i], row, &fixture.session);
            sl_buf_put_byte(out, '|');
        }
        sl_buf_put_byte(out, '\n');
    }
}

/* ---- data: the first three columns of t, the others null ---- */

static void put_text(struct sl_vec *vec, const char *text) {
    assert_int_equal(sl_vec_put_str(vec, sl_str(text), &fixture.err), SL_OK);
}

static struct table *make_base(const struct sl_node *scan) {
    static const char *const texts[] = {
        "{\"p\":1,\"q\":\"x\",\"n\":{\"u\":5,\"v\":true}}",
        "{\"q\":\"y\",\"p\":2}",
        "{\"p\":\"bad\",\"q\":\"z\",\"n\":{\"u\":\"bad\",\"v\":false}}",
        "{\"p\":3,\"n\":{\"v\":\"bad\",\"u\":7}}",
        "{\"p\":4,\"q\":",
        "",
        "[1]",
        "{\"p\":99999999999,\"q\":{\"deep\":1}}",
        "{\"p\":null,\"q\":null,\"n\":null}"};
    struct table *base = new_table(scan);
    for (uint32_t row = 0; row < ROWS; row++) {
        for (uint32_t i = 0; i < base->count; i++) {
            struct sl_vec *vec = &base->columns[i];
            if (i > 2 || pick(9) == 0)
                assert_int_equal(sl_vec_append_null(vec, 1, &fixture.err), SL_OK);
            else if (i < 2)
                assert_int_equal(sl_vec_put_i64(vec, pick(5), &fixture.err), SL_OK);
            else
                put_text(vec, texts[pick(sizeof texts / sizeof *texts)]);
        }
    }
    base->rows = ROWS;
    return base;
}

/* ---- queries: every level has a INT, b BIGINT, s STRING, o STRUCT, k BOOLEAN ---- */

#define JSON "from_json(s, 'p INT, q STRING, n STRUCT<u: INT, v: BOOLEAN>')"

static const char *condition(void) {
    static const char *const texts[] = {"a = 1",
                                        "b < 3",
                                        "k",
                                        "o.p > 1",
                                        "o.n.u = 5",
                                        "o IS NULL",
                                        "o.n IS NULL",
                                        "o.n IS NOT NULL",
                                        "o IS NOT NULL",
                                        "o.q IS NOT NULL",
                                        "NOT k",
                                        "a <= b",
                                        JSON ".p < 4",
                                        "s <> ''",
                                        "true",
                                        "o.n.v",
                                        "a = 1 OR k",
                                        "a IN (1, 2, NULL)",
                                        JSON ".n.u IS NULL"};
    return texts[pick(sizeof texts / sizeof *texts)];
}

static void put_level(struct sl_buf *sql, int depth) {
    static const char *const ints[] = {"a", "o.p", "o.n.u", JSON ".p", "CASE WHEN k THEN a END"};
    static const char *const flags[] = {"k",       "o.n.v",     "a = b",
                                        "o.p = 1", "o.q = 'x'", "k AND a = 1"};
    static const char *const structs[] = {"o", JSON, "o", "o", "CASE WHEN k THEN o END"};
    static const char *const lists[] = {"array(a, o.p)", "array(1, o.n.u, a)",
                                        "CASE WHEN k THEN array(a) END", "array(o.p, a, a, o.n.u)"};
    bool made = depth > 0 && pick(4) == 0;
    if (depth == 0) {
        sl_buf_put_cstr(sql, "SELECT a, b, s, " JSON " AS o, a = 2 AS k FROM t");
    } else {
        sl_buf_printf(sql, "SELECT %s AS a, b, s, %s AS o, %s AS k FROM (",
                      made ? pick(2) ? "g" : "p" : ints[pick(5)], structs[pick(5)], flags[pick(6)]);
        put_level(sql, depth - 1);
        sl_buf_put_byte(sql, ')');
        if (made)
            sl_buf_printf(sql, " LATERAL VIEW%s posexplode(%s) v AS p, g", pick(2) ? " OUTER" : "",
                          lists[pick(4)]);
    }
    if (depth == 0 || pick(3) == 0) return;
    sl_buf_put_cstr(sql, " WHERE ");
    for (uint32_t i = 0, terms = 1 + pick(3); i < terms; i++)
        sl_buf_printf(sql, "%s%s", i ? " AND " : "", made && pick(3) == 0 ? "g > 1" : condition());
}

static void put_query(struct sl_buf *sql) {
    static const char *const lists[] = {"*",
                                        "o.*, a",
                                        "o.q, k",
                                        "o.n.u, o.p AS x, x = 1 AS y",
                                        "s",
                                        "o.n.*, o.q",
                                        "o.n IS NULL AS z, o IS NULL",
                                        "1 AS one",
                                        "o.q AS z, " JSON ".q = z AS same"};
    sl_buf_printf(sql, "SELECT %s FROM (", lists[pick(sizeof lists / sizeof *lists)]);
    bool two = pick(4) == 0;
    for (int i = 0; i <= two; i++) {
        if (i) sl_buf_put_cstr(sql, " UNION ALL ");
        put_level(sql, (int)pick(4));
    }
    sl_buf_put_byte(sql, ')');
    if (pick(2)) sl_buf_printf(sql, " WHERE %s AND %s", condition(), condition());
    if (pick(6) == 0) sl_buf_put_cstr(sql, " LIMIT 20");
}

static void compare(const char *sql) {
    fixture_init(&fixture);
    struct sl_node *scan = fixture_plan(&fixture, "SELECT * FROM t");
    struct table *base = make_base(scan->inputs[0]);
    struct sl_node *plain = fixture_plan(&fixture, sql), *fast;
    if (sl_plan_optimize(&fixture.ctx.expr, plain, &fast, &fixture.err) != SL_OK)
        fail_msg("%s: %s", sql, fixture.err.msg);
    assert_string_equal(fixture_schema(&fixture, plain), fixture_schema(&fixture, fast));
    struct sl_buf expected = {0}, got = {0};
    put_rows(execute(plain, base), &expected);
    put_rows(execute(fast, base), &got);
    if (!sl_str_eq(sl_buf_str(&expected), sl_buf_str(&got)))
        fail_msg("%s\nas bound:\n%soptimised:\n%srows as bound:\n%.2000s\noptimised:\n%.2000s", sql,
                 fixture_text(&fixture, plain), fixture_text(&fixture, fast),
                 sl_buf_cstr(&expected), sl_buf_cstr(&got));
    sl_buf_release(&expected);
    sl_buf_release(&got);
    fixture_release(&fixture);
}

void test_optimised_plans_give_equal_rows(void **state) {
    (void)state;
    for (unsigned i = 0; i < QUERIES; i++) {
        struct sl_buf sql = {0};
        seed = i * 7919u + 1;
        put_query(&sql);
        compare(sl_buf_cstr(&sql));
        sl_buf_release(&sql);
    }
}
