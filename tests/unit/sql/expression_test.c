#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "sql/parse.h"

/* Text of one expression and the canonical text of its tree, which parses to itself. */
static const struct {
    const char *text, *canonical;
} expressions[] = {
    {"1 + 2 * 3 - 4", "((1 + (2 * 3)) - 4)"},
    {"a OR b AND NOT c = d", "(a OR (b AND (NOT (c = d))))"},
    {"a OR b OR c OR d", "((a OR b) OR (c OR d))"},
    {"-1", "-1"},
    {"- 1", "-1"},
    {"-(1)", "(-(1))"},
    {"-a", "(- a)"},
    {"+a", "(+ a)"},
    {"a - -1", "(a - -1)"},
    {"~a & b | c ^ d", "(((~ a) & b) | (c ^ d))"},
    {"a << 2 >> 1 >>> 3", "shiftrightunsigned(shiftright(shiftleft(a, 2), 1), 3)"},
    {"a || 'x' || b", "((a || 'x') || b)"},
    {"a DIV 2 % 3", "((a DIV 2) % 3)"},
    {"a = b == c", "((a = b) = c)"},
    {"a <> b", "(a <> b)"},
    {"a != b", "(a <> b)"},
    {"a <=> b", "(a <=> b)"},
    {"a BETWEEN 1 AND 2 AND c", "(((a >= 1) AND (a <= 2)) AND c)"},
    {"a NOT BETWEEN 1 AND 2", "(NOT ((a >= 1) AND (a <= 2)))"},
    {"a IN (1, 2, 3)", "(a IN (1, 2, 3))"},
    {"a NOT IN ('x')", "(NOT (a IN ('x')))"},
    {"a IN (SELECT b FROM t)", "(a IN (SELECT b FROM t))"},
    {"EXISTS (SELECT 1)", "EXISTS (SELECT 1)"},
    {"(SELECT max(x) FROM t)", "(SELECT max(x) FROM t)"},
    {"a LIKE 'x%'", "(a LIKE 'x%')"},
    {"a NOT LIKE 'x\\_%' ESCAPE '!'", "(NOT (a LIKE 'x\\_%' ESCAPE '!'))"},
    {"a ILIKE ANY ('a', 'b')", "((a ILIKE 'a') OR (a ILIKE 'b'))"},
    {"a NOT LIKE ALL ('a', 'b')", "((NOT (a LIKE 'a')) AND (NOT (a LIKE 'b')))"},
    {"a RLIKE '^\\\\d+$'", "(a RLIKE '^\\\\d+$')"},
    {"a REGEXP r'\\d'", "(a RLIKE '\\\\d')"},
    {"a IS NULL", "(a IS NULL)"},
    {"a IS NOT NULL", "(a IS NOT NULL)"},
    {"a IS TRUE", "(a <=> true)"},
    {"a IS NOT FALSE", "(NOT (a <=> false))"},
    {"a IS UNKNOWN", "(a IS NULL)"},
    {"a IS DISTINCT FROM b", "(NOT (a <=> b))"},
    {"a IS NOT DISTINCT FROM b", "(a <=> b)"},
    {"a = b IS NULL", "((a = b) IS NULL)"},
    {"!a", "(NOT a)"},
    {"NOT NOT a", "(NOT (NOT a))"},
    {"CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END", "CASE WHEN a THEN 1 WHEN b THEN 2 ELSE 3 END"},
    {"CASE a WHEN 1 THEN 'x' END", "CASE a WHEN 1 THEN 'x' END"},
    {"CAST(a AS decimal(10, 2))", "CAST(a AS decimal(10, 2))"},
    {"TRY_CAST(a AS array<struct<x: int, y: map<string, array<int>>>>)",
     "TRY_CAST(a AS array<struct<x: int, y: map<string, array<int>>>>)"},
    {"a::int::string", "CAST(CAST(a AS int) AS string)"},
    {"-1::int", "CAST(-1 AS int)"},
    {"-a::int", "(- CAST(a AS int))"},
    {"a.b.c", "a.b.c"},
    {"`a b`.`c``d`", "`a b`.`c``d`"},
    {"a[0].b['k'].c", "(a)[0].b['k'].c"},
    {"(a).b", "(a).b"},
    {"t.*", "t.*"},
    {"*", "*"},
    {"t.* EXCEPT (x, y)", "t.* EXCEPT (x, y)"},
    {"* EXCEPT (a.b)", "* EXCEPT (`a.b`)"},
    {"count(*)", "count(*)"},
    {"count(DISTINCT a, b)", "count(DISTINCT a, b)"},
    {"sum(a) FILTER (WHERE b > 1)", "sum(a) FILTER (WHERE (b > 1))"},
    {"first(a IGNORE NULLS)", "first(a) IGNORE NULLS"},
    {"lag(a) IGNORE NULLS OVER (PARTITION BY b, c ORDER BY d DESC NULLS LAST ROWS BETWEEN 1 "
     "PRECEDING AND CURRENT ROW)",
     "lag(a) IGNORE NULLS OVER (PARTITION BY b, c ORDER BY d DESC NULLS LAST ROWS BETWEEN 1 "
     "PRECEDING AND CURRENT ROW)"},
    {"row_number() OVER (ORDER BY x)", "row_number() OVER (ORDER BY x ASC)"},
    {"transform(a, x -> x + 1)", "transform(a, (x) -> (x + 1))"},
    {"aggregate(a, 0, (acc, x) -> acc + x, acc -> acc * 2)",
     "aggregate(a, 0, (acc, x) -> (acc + x), (acc) -> (acc * 2))"},
    {"read_kafka(bootstrapServers => 'b', `kafka.x.y` => 1)",
     "read_kafka(bootstrapServers => 'b', `kafka.x.y` => 1)"},
    {"EXTRACT(YEAR FROM ts)", "EXTRACT('YEAR', ts)"},
    {"extract('YEAR', ts)", "extract('YEAR', ts)"},
    {"SUBSTRING(a FROM 2 FOR 3)", "SUBSTRING(a, 2, 3)"},
    {"SUBSTRING(a, 2, 3)", "SUBSTRING(a, 2, 3)"},
    {"TRIM(BOTH 'x' FROM y)", "trim('x', y)"},
    {"TRIM(LEADING FROM y)", "ltrim(y)"},
    {"TRIM('x' FROM y)", "TRIM('x', y)"},
    {"TRIM(y)", "TRIM(y)"},
    {"POSITION('a' IN b)", "POSITION('a', b)"},
    {"POSITION('a', b)", "POSITION('a', b)"},
    {"OVERLAY(a PLACING 'x' FROM 2 FOR 1)", "OVERLAY(a, 'x', 2, 1)"},
    {"timestampadd(HOUR, 1, ts)", "timestampadd('HOUR', 1, ts)"},
    {"date_add(day, 3)", "date_add(day, 3)"},
    {"datediff(MONTH, a, b)", "timestampdiff('MONTH', a, b)"},
    {"INTERVAL '1' DAY", "INTERVAL '1' DAY"},
    {"INTERVAL 10 MINUTES", "INTERVAL '10' MINUTE"},
    {"INTERVAL '1 2:3' DAY TO MINUTE", "INTERVAL '1 02:03' DAY TO MINUTE"},
    {"INTERVAL '1 02:03:04.5' DAY TO SECOND", "INTERVAL '1 02:03:04.500000' DAY TO SECOND"},
    {"INTERVAL '1-2' YEAR TO MONTH", "INTERVAL '1-2' YEAR TO MONTH"},
    {"INTERVAL -'1-2' YEAR TO MONTH", "INTERVAL '-1-2' YEAR TO MONTH"},
    {"INTERVAL 1 HOUR 30 MINUTES", "INTERVAL '1:30' HOUR TO MINUTE"},
    {"INTERVAL '1 day 2 hours'", "INTERVAL '1 02' DAY TO HOUR"},
    {"INTERVAL '1.5' SECOND", "INTERVAL '1.500000' SECOND"},
    {"INTERVAL 3 WEEKS", "INTERVAL '21' DAY"},
    {"DATE'2024-01-01'", "DATE '2024-01-01'"},
    {"TIMESTAMP '2024-01-01 00:00:00'", "TIMESTAMP '2024-01-01 00:00:00'"},
    {"TIMESTAMP_NTZ'2024-01-01'", "TIMESTAMP_NTZ '2024-01-01'"},
    {"X'1F2'", "X'01F2'"},
    {"'a' 'b' \"c\"", "'abc'"},
    {"'it''s' ", "'it\\'s'"},
    {"'tab\\tnl\\nq\\'u\\u00e9\\U0001F600\\101 \\% \\q'",
     "'tab\\tnl\\nq\\'u\303\251\360\237\230\200A \\% q'"},
    {"'\\uD83D\\uDE00'", "'\360\237\230\200'"},
    {"r'raw\\n'", "'raw\\\\n'"},
    {"1Y", "1Y"},
    {"1S", "1S"},
    {"1L", "1L"},
    {"1.5F", "1.5F"},
    {"1D", "1D"},
    {"1BD", "1BD"},
    {"1.5BD", "1.5BD"},
    {"1e3", "1e3D"},
    {"1.5", "1.5BD"},
    {".5", ".5BD"},
    {"3000000000", "3000000000L"},
    {"99999999999999999999", "99999999999999999999BD"},
    {"CURRENT_TIMESTAMP", "CURRENT_TIMESTAMP()"},
    {"current_date", "current_date()"},
    {"current_timestamp()", "current_timestamp()"},
    {"struct(a AS x, b)", "struct(a AS x, b)"},
    {"(a, b)", "struct(a, b)"},
    {"named_struct('a', 1)", "named_struct('a', 1)"},
    {"map('a', 1)['a']", "(map('a', 1))['a']"},
    {"if(a, b, c)", "if(a, b, c)"},
    {"left(a, 2)", "left(a, 2)"},
    {"timestamp", "timestamp"},
    {"offset + partition", "(offset + partition)"},
    {"end > start", "(`end` > start)"},
    {"window.end", "`window`.end"},
    {"date", "date"},
    {"interval", "`interval`"},
    {"a AS b", "a AS b"},
    {"explode(m) AS (k, v)", "explode(m) AS (k, v)"},
    {"?", "?"},
    {":name", ":name"},
    {"a COLLATE UTF8_BINARY", "collate(a, 'UTF8_BINARY')"},
    {"2024_orders.x", "`2024_orders`.x"},
    {"null", "NULL"},
    {"true AND FALSE", "(true AND false)"},
    {"count(end)", "count(`end`)"},
    {"array(1,2)[0]", "(array(1, 2))[0]"},
    {"x -> x", "((x) -> x)"},
    {"`in`(a)", "`in`(a)"},
    {"a.b.f(1)", "a.b.f(1)"},
    {"interval - 3", "(`interval` - 3)"},
    {"INTERVAL - 3 DAYS", "INTERVAL '-3' DAY"},
    {"a -> (b -> a + b)", "((a) -> ((b) -> (a + b)))"},
    {"- - a", "(- (- a))"},
    {"-a * b", "((- a) * b)"},
    {"NOT a = b", "(NOT (a = b))"},
    {"x BETWEEN 1 AND 2 OR y", "(((x >= 1) AND (x <= 2)) OR y)"},
    {"a::decimal(10,2) * 2", "(CAST(a AS decimal(10,2)) * 2)"},
    {"`current_date`", "`current_date`"},
    {"f()", "f()"},
    {"f(DISTINCT *)", "f(DISTINCT *)"},
    {"CASE WHEN a THEN 1 END + 1", "(CASE WHEN a THEN 1 END + 1)"},
    {"a[b[0]]", "(a)[(b)[0]]"},
    {"(SELECT 1)[0]", "((SELECT 1))[0]"},
    {"a IN ((SELECT 1))", "(a IN ((SELECT 1)))"},
    {"1L + 2S", "(1L + 2S)"},
    {"-128Y", "-128Y"},
    {"-9223372036854775808", "-9223372036854775808L"},
    {"'a' -- c", "'a'"},
    {"a LIKE ANY ('x') AND b", "((a LIKE 'x') AND b)"},
    {"true IS TRUE", "(true <=> true)"},
    {"ts - INTERVAL '1' DAY > now()", "((ts - INTERVAL '1' DAY) > now())"},
    {"(x -> 1) + 1", "(((x) -> 1) + 1)"},
};

static void check(const char *text, const char *canonical) {
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_buf out = {0};
    struct sl_err err = {0};
    struct sl_uexpr *expr = NULL;
    if (sl_sql_parse_expr(&arena, sl_str(text), &expr, &err) != SL_OK)
        fail_msg("%s: %s", text, err.msg);
    sl_sql_put_expr(&out, expr);
    assert_string_equal(sl_buf_cstr(&out), canonical);
    assert_true(expr->span.end <= strlen(text) && expr->span.begin < expr->span.end);
    sl_buf_release(&out);
    sl_arena_release(&arena);
}

void test_expression_gives_canonical_text(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++)
        check(expressions[i].text, expressions[i].canonical);
}

/* Goal: canonical text is SQL that means the same. Method: it must parse to itself. */
void test_expression_round_trip(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof expressions / sizeof expressions[0]; i++)
        check(expressions[i].canonical, expressions[i].canonical);
}
