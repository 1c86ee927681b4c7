/* Names of unaliased expressions.  Expected values are what Spark 4.1.1 gave for
 * `SELECT <expression> FROM t` over the same columns. */
#include "plan_fixture.h"

#include "plan/bind_int.h"

static const struct {
    const char *expr, *name;
} cases[] = {
    {"a", "a"},
    {"A", "A"},
    {"t.a", "a"},
    {"st.x", "x"},
    {"ST.X", "X"},
    {"t.st.x", "x"},
    {"st.y.z", "z"},
    {"m.k", "k"},
    {"m['k']", "m[k]"},
    {"ar.x", "x"},
    {"ar[0]", "ar[0]"},
    {"ar[0].x", "ar[0].x"},
    {"ai[a]", "ai[a]"},
    {"st['x']", "st.x"},
    {"upper(S)", "upper(S)"},
    {"UPPER(s)", "upper(s)"},
    {"lower(upper(s))", "lower(upper(s))"},
    {"a+b", "(a + b)"},
    {"(a+b)*2", "((a + b) * 2)"},
    {"t.a + 1", "(a + 1)"},
    {"ST.X+1", "(ST.X + 1)"},
    {"m.k+1", "(m[k] + 1)"},
    {"-a", "(- a)"},
    {"negative(a)", "negative(a)"},
    {"+a", "(+ a)"},
    {"~a", "~a"},
    {"a - -1", "(a - -1)"},
    {"a||s", "concat(a, s)"},
    {"a||b||s", "concat(concat(a, b), s)"},
    {"concat(s,'x','y')", "concat(s, x, y)"},
    {"CAST(A AS STRING)", "A"},
    {"cast(t.a as string)", "a"},
    {"a::string", "a"},
    {"cast(a+1 as bigint)", "CAST((a + 1) AS BIGINT)"},
    {"cast(st.x as string)", "CAST(st.x AS STRING)"},
    {"cast(cast(a as string) as binary)", "CAST(CAST(a AS STRING) AS BINARY)"},
    {"cast(d as decimal(10,2))", "d"},
    {"try_cast(s as int)", "s"},
    {"try_cast(a+1 as int)", "TRY_CAST((a + 1) AS INT)"},
    {"cast(1 as string)", "CAST(1 AS STRING)"},
    {"cast(null as int)", "CAST(NULL AS INT)"},
    {"cast(date'2024-01-01' as string)", "CAST(DATE '2024-01-01' AS STRING)"},
    {"cast(a as double)/2", "(CAST(a AS DOUBLE) / 2)"},
    {"date(s)", "s"},
    {"bigint(a)", "a"},
    {"a=1", "(a = 1)"},
    {"a==b", "(a = b)"},
    {"a<>b", "(NOT (a = b))"},
    {"a!=b", "(NOT (a = b))"},
    {"a<=>b", "(a <=> b)"},
    {"not bo", "(NOT bo)"},
    {"!bo", "(NOT bo)"},
    {"a>1 and b<2", "((a > 1) AND (b < 2))"},
    {"a>1 or bo", "((a > 1) OR bo)"},
    {"a in (1,2)", "(a IN (1, 2))"},
    {"a not in (1,2)", "(NOT (a IN (1, 2)))"},
    {"a between 1 and 2", "between(a, 1, 2)"},
    {"a not between 1 and 2", "(NOT between(a, 1, 2))"},
    {"s like 'x%'", "s LIKE x%"},
    {"s not like 'x%'", "(NOT s LIKE x%)"},
    {"s like 'x%' escape '!'", "s LIKE x% ESCAPE '!'"},
    {"s ilike 'x'", "ilike(s, x)"},
    {"s rlike 'x'", "RLIKE(s, x)"},
    {"s not rlike 'y'", "(NOT RLIKE(s, y))"},
    {"a is null", "(a IS NULL)"},
    {"st is not null", "(st IS NOT NULL)"},
    {"a is distinct from b", "(NOT (a <=> b))"},
    {"1", "1"},
    {"-1", "-1"},
    {"1L", "1"},
    {"1.5", "1.5"},
    {"1.50", "1.50"},
    {"-1.5", "-1.5"},
    {"1e3", "1000.0"},
    {"1.5D", "1.5"},
    {"1.5F", "1.5"},
    {"2147483648", "2147483648"},
    {"99999999999999999999", "99999999999999999999"},
    {"'str'", "str"},
    {"'it''s'", "it's"},
    {"''", ""},
    {"null", "NULL"},
    {"true", "true"},
    {"date'2024-01-01'", "DATE '2024-01-01'"},
    {"timestamp'2024-01-01 10:00:00'", "TIMESTAMP '2024-01-01 10:00:00'"},
    {"timestamp_ntz'2024-01-01 10:00:00'", "TIMESTAMP_NTZ '2024-01-01 10:00:00'"},
    {"X'AB'", "X'AB'"},
    {"interval 1 day", "INTERVAL '1' DAY"},
    {"interval 90 minutes", "INTERVAL '90' MINUTE"},
    {"interval '1 02:03:04' day to second", "INTERVAL '1 02:03:04' DAY TO SECOND"},
    {"interval 1 year 2 months", "INTERVAL '1-2' YEAR TO MONTH"},
    {"ts + interval 1 day", "ts + INTERVAL '1' DAY"},
    {"interval 1 hour + ts", "ts + INTERVAL '01' HOUR"},
    {"dt + 1", "date_add(dt, 1)"},
    {"1 + dt", "date_add(dt, 1)"},
    {"dt - 1", "date_sub(dt, 1)"},
    {"ts - ts", "(ts - ts)"},
    {"case when a=1 then 'x' else s end", "CASE WHEN (a = 1) THEN x ELSE s END"},
    {"case when a=1 then 'x' end", "CASE WHEN (a = 1) THEN x END"},
    {"case a when 1 then 'x' when 2 then 'y' else 'z' end",
     "CASE WHEN (a = 1) THEN x WHEN (a = 2) THEN y ELSE z END"},
    {"if(bo,1,2)", "(IF(bo, 1, 2))"},
    {"coalesce(a,1)", "coalesce(a, 1)"},
    {"to_timestamp(s)", "to_timestamp(s)"},
    {"to_date(s,'yyyy')", "to_date(s, yyyy)"},
    {"unix_timestamp(ts)", "unix_timestamp(ts, yyyy-MM-dd HH:mm:ss)"},
    {"unix_timestamp()", "unix_timestamp(current_timestamp(), yyyy-MM-dd HH:mm:ss)"},
    {"from_unixtime(1)", "from_unixtime(1, yyyy-MM-dd HH:mm:ss)"},
    {"current_timestamp()", "current_timestamp()"},
    {"trim(s)", "trim(s)"},
    {"trim(both 'x' from s)", "TRIM(BOTH x FROM s)"},
    {"trim(leading 'x' from s)", "TRIM(LEADING x FROM s)"},
    {"substring(s,1,2)", "substring(s, 1, 2)"},
    {"substr(s,1)", "substr(s, 1, 2147483647)"},
    {"replace(s,'a')", "replace(s, a, )"},
    {"split(s,',')", "split(s, ,, -1)"},
    {"regexp_extract(s,'a')", "regexp_extract(s, a, 1)"},
    {"regexp_extract(s,'a',0)", "regexp_extract(s, a, 0)"},
    {"regexp_replace(s,'a','b')", "regexp_replace(s, a, b, 1)"},
    {"round(d)", "round(d, 0)"},
    {"ceil(d)", "CEIL(d)"},
    {"ceiling(d)", "ceiling(d)"},
    {"floor(d)", "FLOOR(d)"},
    {"floor(d,1)", "floor(d, 1)"},
    {"a%2", "(a % 2)"},
    {"a div 2", "(a div 2)"},
    {"a & b", "(a & b)"},
    {"struct(a,a+1)", "struct(a, (a + 1))"},
    {"struct(a as q, b)", "struct(a AS q, b)"},
    {"struct(a).a", "struct(a).a"},
    {"named_struct('x',a).x", "named_struct(x, a).x"},
    {"array(1,2)[0]", "array(1, 2)[0]"},
    {"from_json(s,'a INT')", "from_json(s)"},
    {"from_json(s,'a INT',map('mode','FAILFAST'))", "from_json(s)"},
    {"from_json(s,'a INT').a", "from_json(s).a"},
    {"to_json(st)", "to_json(st)"},
    {"extract(year from ts)", "extract(year FROM ts)"},
    {"st.y.z||'x'", "concat(st.y.z, x)"},
    {"count(distinct a)", "count(DISTINCT a)"},
};

void test_names_of_expressions_are_those_of_spark(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *t = fixture_plan(&fixture, "SELECT * FROM t");
    t = t->inputs[0];
    struct sl_binder binder = {.ctx = &fixture.ctx, .arena = &fixture.arena};
    struct sl_scope scope = sl_scope_of(&binder, t);
    unsigned wrong = 0;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_uexpr *expr;
        if (sl_sql_parse_expr(&fixture.arena, sl_str(cases[i].expr), &expr, &fixture.err))
            fail_msg("%s: %s", cases[i].expr, fixture.err.msg);
        struct sl_str name = sl_column_name(&binder, &scope, expr);
        if (sl_str_eq(name, sl_str(cases[i].name))) continue;
        print_error("%s is named `%.*s`, Spark says `%s`\n", cases[i].expr, SL_STR_ARG(name),
                    cases[i].name);
        wrong++;
    }
    assert_int_equal(wrong, 0);
    fixture_release(&fixture);
}

/* The one name that depends on the SELECT list. */
void test_name_of_a_lateral_alias(void **state) {
    (void)state;
    struct fixture fixture;
    fixture_init(&fixture);
    struct sl_node *node = fixture_plan(&fixture, "SELECT 1 AS z, z, cast(z AS string), z = 2");
    assert_string_equal(fixture_schema(&fixture, node),
                        "z INT, z INT, z STRING, (lateralAliasReference(z) = 2) BOOLEAN");
    fixture_release(&fixture);
}
