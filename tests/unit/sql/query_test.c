#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/parse.h"

/* One query and the canonical text of its tree, which parses to itself. */
static const struct {
    const char *text, *canonical;
} queries[] = {
    {"SELECT 1", "SELECT 1"},
    {"SELECT a, b AS c FROM t WHERE a > 1", "SELECT a, b AS c FROM t WHERE (a > 1)"},
    {"SELECT DISTINCT a FROM t GROUP BY a HAVING count(*) > 1 ORDER BY a DESC, b LIMIT 10 OFFSET 5",
     "SELECT DISTINCT a FROM t GROUP BY a HAVING (count(*) > 1) ORDER BY a DESC, b ASC LIMIT 10 "
     "OFFSET 5"},
    {"SELECT a FROM t GROUP BY ALL", "SELECT a FROM t GROUP BY ALL"},
    {"SELECT a FROM t GROUP BY ROLLUP(a, b), CUBE(c)",
     "SELECT a FROM t GROUP BY ROLLUP(a, b), CUBE(c)"},
    {"SELECT a FROM t GROUP BY GROUPING SETS ((a, b), a, ())",
     "SELECT a FROM t GROUP BY GROUPING SETS ((a, b), (a), ())"},
    {"SELECT a FROM t GROUP BY a, b WITH ROLLUP", "SELECT a FROM t GROUP BY rollup(a, b)"},
    {"SELECT * FROM a JOIN b ON a.x = b.x LEFT JOIN c USING (x, y), d",
     "SELECT * FROM (((a INNER JOIN b ON (a.x = b.x)) LEFT JOIN c USING (x, y)) INNER JOIN d)"},
    {"SELECT * FROM a LEFT SEMI JOIN b ON a.x = b.x RIGHT OUTER JOIN c ON true FULL JOIN d ON 1 = "
     "1 CROSS JOIN e NATURAL JOIN f",
     "SELECT * FROM (((((a LEFT SEMI JOIN b ON (a.x = b.x)) RIGHT JOIN c ON true) FULL JOIN d ON "
     "(1 = 1)) CROSS JOIN e) NATURAL INNER JOIN f)"},
    {"SELECT * FROM a LEFT ANTI JOIN b USING (id)",
     "SELECT * FROM (a LEFT ANTI JOIN b USING (id))"},
    {"SELECT * FROM a, LATERAL (SELECT * FROM b) x",
     "SELECT * FROM (a INNER JOIN LATERAL (SELECT * FROM b) AS x)"},
    {"SELECT * FROM a JOIN LATERAL explode(a.b) AS e(c)",
     "SELECT * FROM (a INNER JOIN LATERAL explode(a.b) AS e(c))"},
    {"WITH x AS (SELECT 1), y(a, b) AS (SELECT 1, 2) SELECT * FROM x, y",
     "WITH x AS (SELECT 1), y(a, b) AS (SELECT 1, 2) SELECT * FROM (x INNER JOIN y)"},
    {"SELECT 1 UNION ALL SELECT 2 UNION SELECT 3 INTERSECT SELECT 4",
     "((SELECT 1) UNION ALL (SELECT 2)) UNION ((SELECT 3) INTERSECT (SELECT 4))"},
    {"SELECT 1 EXCEPT SELECT 2 MINUS SELECT 3", "((SELECT 1) EXCEPT (SELECT 2)) EXCEPT (SELECT 3)"},
    {"SELECT 1 a UNION ALL BY NAME SELECT 2 a",
     "(SELECT 1 AS a) UNION ALL BY NAME (SELECT 2 AS a)"},
    {"(SELECT 1) UNION ALL (SELECT 2 ORDER BY 1) ORDER BY 1",
     "(SELECT 1) UNION ALL (SELECT 2 ORDER BY 1 ASC) ORDER BY 1 ASC"},
    {"VALUES (1, 'a'), (2, 'b')", "VALUES (1, 'a'), (2, 'b')"},
    {"VALUES 1, 2 AS t(x)", "VALUES struct(1), struct(2) AS t(x)"},
    {"SELECT * FROM VALUES (1, 2), (3, 4) AS t(a, b)",
     "SELECT * FROM (VALUES (1, 2), (3, 4)) AS t(a, b)"},
    {"SELECT * FROM (VALUES (1, 2)) t", "SELECT * FROM (VALUES (1, 2)) AS t"},
    {"SELECT * FROM (SELECT 1) a JOIN ((SELECT 2) b JOIN c ON true) ON true",
     "SELECT * FROM ((SELECT 1) AS a INNER JOIN ((SELECT 2) AS b INNER JOIN c ON true) ON true)"},
    {"SELECT * FROM ((SELECT 1) UNION (SELECT 2)) x",
     "SELECT * FROM ((SELECT 1) UNION (SELECT 2)) AS x"},
    {"SELECT * FROM ((SELECT 1))", "SELECT * FROM (SELECT 1)"},
    {"SELECT ((SELECT 1) UNION (SELECT 2)), ((SELECT 1) + 1)",
     "SELECT ((SELECT 1) UNION (SELECT 2)), ((SELECT 1) + 1)"},
    {"SELECT * FROM t LATERAL VIEW OUTER explode(m) x AS k, v LATERAL VIEW posexplode(a) y",
     "SELECT * FROM t LATERAL VIEW OUTER explode(m) x AS k, v LATERAL VIEW posexplode(a) y"},
    {"SELECT sum(a) OVER w, rank() OVER (PARTITION BY b ORDER BY c) FROM t WINDOW w AS (PARTITION "
     "BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)",
     "SELECT sum(a) OVER (PARTITION BY x ROWS BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW), rank() "
     "OVER (PARTITION BY b ORDER BY c ASC) FROM t"},
    {"SELECT * FROM STREAM t", "SELECT * FROM STREAM t"},
    {"SELECT * FROM STREAM(t)", "SELECT * FROM STREAM t"},
    {"SELECT * FROM STREAM read_kafka(bootstrapServers => 'x', subscribe => 'orders')",
     "SELECT * FROM STREAM read_kafka(bootstrapServers => 'x', subscribe => 'orders')"},
    {"SELECT * FROM STREAM(read_kafka(subscribe => 'a')) AS k",
     "SELECT * FROM STREAM read_kafka(subscribe => 'a') AS k"},
    {"SELECT * FROM STREAM t WATERMARK ts DELAY OF INTERVAL 10 MINUTES AS s",
     "SELECT * FROM STREAM t WATERMARK ts DELAY OF INTERVAL '10' MINUTE AS s"},
    {"SELECT * FROM STREAM t WATERMARK to_timestamp(ts) AS et DELAY OF INTERVAL '10' MINUTES",
     "SELECT * FROM STREAM t WATERMARK to_timestamp(ts) AS et DELAY OF INTERVAL '10' MINUTE"},
    {"SELECT * FROM STREAM t WATERMARK ts DELAY OF INTERVAL 1 HOUR DEDUPLICATE BY (a, b) WITHIN "
     "WATERMARK AS x JOIN u DEDUPLICATE BY (c) ON true",
     "SELECT * FROM (STREAM t WATERMARK ts DELAY OF INTERVAL '1' HOUR DEDUPLICATE BY (a, b) WITHIN "
     "WATERMARK AS x INNER JOIN u DEDUPLICATE BY (c) ON true)"},
    {"SELECT * FROM t x DEDUPLICATE BY (a)", "SELECT * FROM (t AS x) DEDUPLICATE BY (a)"},
    {"SELECT * FROM t deduplicate", "SELECT * FROM t AS `deduplicate`"},
    {"SELECT * FROM (SELECT * FROM STREAM t) WATERMARK ts DELAY OF INTERVAL 1 HOUR q",
     "SELECT * FROM (SELECT * FROM STREAM t) WATERMARK ts DELAY OF INTERVAL '1' HOUR AS q"},
    {"SELECT * FROM STREAM t WITH (a = 'b', c.d 1)",
     "SELECT * FROM STREAM t WITH ('a' = 'b', 'c.d' = '1')"},
    {"SELECT * FROM stream", "SELECT * FROM `stream`"},
    {"SELECT * FROM stream s WHERE a", "SELECT * FROM STREAM s WHERE a"},
    {"SELECT * FROM stream WHERE a", "SELECT * FROM `stream` WHERE a"},
    {"SELECT order_id, amount FROM parquet.`/data/lake/orders` WHERE amount > 400 LIMIT 10",
     "SELECT order_id, amount FROM parquet.`/data/lake/orders` WHERE (amount > 400) LIMIT 10"},
    {"SELECT * FROM range(10)", "SELECT * FROM `range`(10)"},
    {"SELECT * EXCEPT (a, b) FROM t", "SELECT * EXCEPT (a, b) FROM t"},
    {"SELECT * FROM t EXCEPT (SELECT 1)", "(SELECT * FROM t) EXCEPT (SELECT 1)"},
    {"SELECT * EXCEPT SELECT 1", "(SELECT *) EXCEPT (SELECT 1)"},
    {"FROM t SELECT a WHERE b", "SELECT a FROM t WHERE b"},
    {"TABLE t", "TABLE t"},
    {"SELECT 1 WHERE true", "SELECT 1 FROM (VALUES struct(NULL)) WHERE true"},
    {"SELECT a FROM t SORT BY a LIMIT ALL", "SELECT a FROM t SORT BY a ASC"},
    {"SELECT timestamp, offset, partition, key, value FROM kafka ORDER BY partition, offset",
     "SELECT timestamp, offset, partition, key, value FROM kafka ORDER BY partition ASC, offset "
     "ASC"},
    {"SELECT /*+ BROADCAST(t) */ a -- comment", "SELECT a"},
    {"SELECT a b FROM t c", "SELECT a AS b FROM t AS c"},
    {"select o.*, year(ts) AS year FROM (SELECT o, to_timestamp(o.x) AS ts FROM (SELECT "
     "from_json(CAST(value AS STRING), 'a STRING') AS o FROM STREAM read_kafka(subscribe => "
     "'orders'))) WHERE o.amount > 0",
     "SELECT o.*, year(ts) AS year FROM (SELECT o, to_timestamp(o.x) AS ts FROM (SELECT "
     "from_json(CAST(value AS STRING), 'a STRING') AS o FROM STREAM read_kafka(subscribe => "
     "'orders'))) WHERE (o.amount > 0)"},
    {"SELECT * FROM (a)", "SELECT * FROM a"},
};

static void check(const char *text, const char *canonical, int indent) {
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_buf out = {0};
    struct sl_err err = {0};
    struct sl_statements statements;
    if (sl_sql_parse(&arena, sl_str(text), &statements, &err) != SL_OK)
        fail_msg("%s: %s", text, err.msg);
    assert_int_equal(statements.count, 1);
    assert_int_equal(statements.items[0].kind, SL_S_QUERY);
    sl_sql_put_relation(&out, statements.items[0].query, indent);
    assert_string_equal(sl_buf_cstr(&out), canonical);
    sl_buf_release(&out);
    sl_arena_release(&arena);
}

void test_query_gives_canonical_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        check(queries[i].text, queries[i].canonical, -1);
}

/* Goal: canonical text is SQL that means the same. Method: it must parse to itself. */
void test_query_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof queries / sizeof queries[0]; i++)
        check(queries[i].canonical, queries[i].canonical, -1);
}

void test_query_indented(void **state) {
    (void)state;
    check("SELECT a FROM (SELECT b FROM t WHERE c) x WHERE d ORDER BY e",
          "SELECT a\nFROM (SELECT b\n  FROM t\n  WHERE c) AS x\nWHERE d\nORDER BY e ASC", 0);
}
