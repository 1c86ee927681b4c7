/* Who reads whom in a pipeline file, and in which order its queries come. */
#include "unit.h"

#include <stdio.h>
#include <string.h>

#include "run/pipeline.h"

static struct sl_engine engine;
static struct sl_err err;

/* "b<a c<a,b ": names in their order, each with the names of what it reads. */
static enum sl_code order_of(const char *text, char out[256]) {
    struct sl_pipeline pipeline;
    sl_engine_init(&engine);
    sl_err_clear(&err);
    enum sl_code code = sl_pipeline_load(&engine, "f.sql", sl_str(text), &pipeline, &err);
    struct sl_buf names = {0};
    for (uint32_t q = 0; code == SL_OK && q < pipeline.query_count; q++) {
        const struct sl_query_spec *spec = &pipeline.queries[q];
        sl_buf_put_str(&names, spec->name);
        for (uint32_t u = 0; u < spec->upstream_count; u++) {
            assert_true(spec->upstream[u] < q);
            sl_buf_printf(&names, "%c%.*s", u ? ',' : '<',
                          SL_STR_ARG(pipeline.queries[spec->upstream[u]].name));
        }
        sl_buf_put_byte(&names, ' ');
    }
    snprintf(out, 256, "%s", names.ptr ? sl_buf_cstr(&names) : "");
    sl_buf_release(&names);
    sl_pipeline_release(&pipeline);
    sl_engine_release(&engine);
    return code;
}

#define TABLE(name, query)                                                                         \
    "CREATE STREAMING TABLE " name " USING delta LOCATION '/lake/" name "' AS " query ";\n"
#define VIEW(name, query) "CREATE MATERIALIZED VIEW " name " USING delta AS " query ";\n"

void test_pipeline_order(void **state) {
    (void)state;
    static const struct {
        const char *text, *order;
    } cases[] = {
        {TABLE("a", "SELECT 1") TABLE("b", "SELECT 1"), "a b "},
        {TABLE("b", "SELECT 1 FROM STREAM a") TABLE("x", "SELECT 1") TABLE("a", "SELECT 1"),
         "x a b<a "},
        {TABLE("c", "SELECT 1 FROM STREAM(B)") TABLE("b", "SELECT 1 FROM STREAM a")
             TABLE("a", "SELECT 1"),
         "a b<a c<b "},
        /* through views, in subqueries, joins, common table expressions, by path */
        {VIEW("g", "SELECT * FROM v") "CREATE VIEW v AS SELECT * FROM w;\n"
                                      "CREATE VIEW w AS SELECT * FROM a;\n" TABLE("a", "SELECT 1"),
         "a g<a "},
        {VIEW("g", "WITH c AS (SELECT * FROM a) SELECT * FROM (SELECT * FROM c) JOIN b")
             TABLE("a", "SELECT 1") TABLE("b", "SELECT 1"),
         "a b g<a,b "},
        {TABLE("b", "SELECT 1 FROM STREAM delta.`file:///lake/a/`") TABLE("a", "SELECT 1"),
         "a b<a "},
        {VIEW("g", "SELECT 1 FROM x WHERE EXISTS (SELECT 1 FROM a)") TABLE("a", "SELECT 1"),
         "a g<a "},
        /* a common table expression hides the table of its name */
        {TABLE("a", "WITH a AS (SELECT 1 FROM STREAM k) SELECT * FROM a") TABLE("k", "SELECT 1"),
         "k a<k "},
        /* flows read what they read, and make their target's table */
        {"CREATE STREAMING TABLE a USING delta;\n" TABLE("b", "SELECT 1 FROM STREAM a") TABLE(
             "s", "SELECT 1") "CREATE FLOW f AS INSERT INTO a BY NAME SELECT 1 FROM STREAM s;\n",
         "s f<s b<f "},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char have[256];
        if (order_of(cases[i].text, have) != SL_OK) fail_msg("%s: %s", cases[i].text, err.msg);
        assert_string_equal(have, cases[i].order);
    }
}

void test_pipeline_circles(void **state) {
    (void)state;
    static const char *const cases[] = {
        TABLE("a", "SELECT 1 FROM STREAM a"),
        TABLE("a", "SELECT 1 FROM STREAM b") TABLE("b", "SELECT 1 FROM STREAM a"),
        TABLE("x", "SELECT 1") TABLE("a", "SELECT 1 FROM v")
            TABLE("b", "SELECT 1 FROM STREAM a") "CREATE VIEW v AS SELECT * FROM STREAM b;\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char have[256];
        assert_int_equal(order_of(cases[i], have), SL_USER);
        assert_non_null(strstr(err.msg, "from `a` itself"));
        assert_true(err.span.end > err.span.begin);
    }
}
