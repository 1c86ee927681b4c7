/* The optimizer never changes the answer: random queries run as bound and as optimised, over rows
 * with good, partial and broken JSON, and must give equal rows. */
#include "plan_executor.h"

enum { ROWS = 150, FEW_ROWS = 24, QUERIES = 600 };

static uint64_t seed;

static uint32_t pick(uint32_t bound) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % bound;
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

static struct table *make_base(const struct sl_node *scan, uint32_t rows) {
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
    for (uint32_t row = 0; row < rows; row++) {
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
    base->rows = rows;
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

static void compare(const char *sql, uint32_t rows) {
    fixture_init(&fixture);
    struct sl_node *scan = fixture_plan(&fixture, "SELECT * FROM t");
    struct table *base = make_base(scan->inputs[0], rows);
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
        compare(sl_buf_cstr(&sql), ROWS);
        sl_buf_release(&sql);
    }
}

/* ---- groups, duplicates, joins, sorts ---- */

static const char *pick_text(const char *const *texts, size_t count) {
    return texts[pick((uint32_t)count)];
}
#define PICK(list) pick_text(list, sizeof(list) / sizeof *(list))

static void put_stateful(struct sl_buf *sql, int depth);

/* A level whose columns have the names that conditions use. */
static void put_below(struct sl_buf *sql, int depth) {
    if (depth > 0 && pick(3))
        put_stateful(sql, depth - 1);
    else
        put_level(sql, (int)pick(2));
}

static void put_groups(struct sl_buf *sql, int depth) {
    static const char *const keys[] = {"a", "o.p", "a + 1", "o.n.u", "k"};
    static const char *const sums[] = {"max(b)", "count(*)", "sum(a) FILTER (WHERE k)",
                                       "count(DISTINCT a)", "sum(o.p)"};
    const char *key = PICK(keys), *sum = PICK(sums);
    sl_buf_printf(sql,
                  "SELECT %s AS a, %s AS b, max(s) AS s, first(o) AS o, bool_or(a = 1) AS k FROM (",
                  strcmp(key, "k") ? key : "CASE WHEN k THEN 1 END", sum);
    put_below(sql, depth);
    sl_buf_printf(sql, ") WHERE %s GROUP BY %s", condition(), key);
    if (pick(2)) sl_buf_printf(sql, " HAVING %s > 0", sum);
}

static void put_join(struct sl_buf *sql, int depth) {
    static const char *const kinds[] = {
        "JOIN", "JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "LEFT SEMI JOIN", "LEFT ANTI JOIN"};
    static const char *const terms[] = {
        "l.a = r.a",     "l.a = r.b + 1", "l.b < r.b",       "l.k",       "r.o.p = 1",
        "l.o.p = r.o.p", "r.a = 1",       "l.a IS NOT NULL", "l.s = r.s", "l.a <=> r.o.p"};
    const char *kind = PICK(kinds);
    bool half = strstr(kind, "SEMI") || strstr(kind, "ANTI");
    sl_buf_printf(sql, "SELECT l.a, %s.b, l.s, %s.o, l.k FROM (SELECT * FROM (", half ? "l" : "r",
                  half ? "l" : "r");
    put_below(sql, depth);
    sl_buf_printf(sql, ") LIMIT 12) AS l %s (SELECT * FROM (", kind);
    put_below(sql, depth);
    sl_buf_printf(sql, ") WHERE %s) AS r ON %s AND %s", condition(), PICK(terms), PICK(terms));
    if (pick(2)) sl_buf_printf(sql, " WHERE %s", half || pick(2) ? "l.a = 1" : PICK(terms));
}

static void put_stateful(struct sl_buf *sql, int depth) {
    static const char *const orders[] = {"a, b DESC", "o.p NULLS LAST, a", "b + 1, s", "k DESC"};
    static const char *const sets[] = {"UNION", "INTERSECT", "EXCEPT", "INTERSECT ALL",
                                       "EXCEPT ALL"};
    uint32_t what = pick(6);
    if (what == 5) {
        sl_buf_put_cstr(sql, "SELECT a, b, s, o, k FROM (");
        put_below(sql, 0);
        sl_buf_printf(sql, ") %s SELECT a, b, s, o, k FROM (", PICK(sets));
        put_below(sql, 0);
        sl_buf_put_byte(sql, ')');
    } else if (what < 2) {
        put_groups(sql, depth);
    } else if (what < 4) {
        put_join(sql, depth);
    } else {
        sl_buf_printf(sql, "SELECT %sa, b, s, o, k FROM (", pick(2) ? "DISTINCT " : "");
        put_below(sql, depth);
        sl_buf_printf(sql, ") WHERE %s", condition());
        if (pick(2)) sl_buf_printf(sql, " ORDER BY %s", PICK(orders));
        if (pick(2)) sl_buf_put_cstr(sql, " LIMIT 9");
    }
}

void test_optimised_stateful_plans_give_equal_rows(void **state) {
    (void)state;
    static const char *const lists[] = {"*", "o.q, k", "a", "o.n.u, b", "count(*), max(o.p)"};
    for (unsigned i = 0; i < QUERIES; i++) {
        struct sl_buf sql = {0};
        seed = i * 7919u + 5;
        sl_buf_printf(&sql, "SELECT %s FROM (", PICK(lists));
        put_stateful(&sql, (int)pick(3));
        sl_buf_put_byte(&sql, ')');
        if (pick(2)) sl_buf_printf(&sql, " WHERE %s AND %s", condition(), condition());
        compare(sl_buf_cstr(&sql), FEW_ROWS);
        sl_buf_release(&sql);
    }
}
