/* Declared columns of a table: what the query has to make, what it is cast to, what is refused.
 * Views over VALUES stand for all tables: binding is the same. */
#include "unit.h"

#include "run/batch_query.h"
#include "temp_dir.h"

struct fixture {
    struct sl_engine engine;
    struct sl_pipeline pipeline;
    struct sl_err err;
    struct sl_buf text;
};

static void open_fixture(struct fixture *f, const char *format, ...) {
    char text[2048];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    *f = (struct fixture){0};
    sl_engine_init(&f->engine);
    f->engine.log.level = SL_LOG_ERROR;
    assert_int_equal(sl_engine_start(&f->engine, 64 << 20, &f->err), SL_OK);
    struct sl_str source = sl_arena_str(&f->engine.arena, sl_str(text));
    if (sl_pipeline_load(&f->engine, "test", source, &f->pipeline, &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
}

static void close_fixture(struct fixture *f) {
    sl_buf_release(&f->text);
    sl_pipeline_release(&f->pipeline);
    sl_engine_release(&f->engine);
}

static enum sl_code explain(struct fixture *f) {
    const struct sl_query_spec *spec = &f->pipeline.queries[0];
    sl_buf_clear(&f->text);
    return sl_batch_query_explain(&f->pipeline, spec->relation, spec->target, &f->text, &f->err);
}

#define VIEW(columns)                                                                              \
    "CREATE MATERIALIZED VIEW v (" columns ") USING noop AS SELECT id, name, amount, s FROM "      \
    "VALUES (1, 'a', 2.5D, named_struct('x', 1)) AS t(id, name, amount, s)"

void test_declared_columns_arrange_and_cast(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, VIEW("NAME STRING, id BIGINT COMMENT 'key', s STRUCT<x: STRING>, amount INT"));
    if (explain(&f) != SL_OK) fail_msg("%s", f.err.msg);
    if (!strstr(sl_buf_cstr(&f.text),
                "Project [name AS NAME, CAST(id AS BIGINT) AS id, CAST(s AS STRUCT<x: STRING>) AS "
                "s, CAST(amount AS INT) AS amount]"))
        fail_msg("%s", sl_buf_cstr(&f.text));
    close_fixture(&f);
    /* as the query has them: nothing is put above it */
    open_fixture(&f, VIEW("id INT, name STRING COMMENT 'c', amount DOUBLE, s STRUCT<x: INT>, "
                          "CONSTRAINT c EXPECT (id > 0)"));
    if (explain(&f) != SL_OK) fail_msg("%s", f.err.msg);
    assert_null(strstr(sl_buf_cstr(&f.text), "Project"));
    close_fixture(&f);
    /* without types: names and comments only */
    open_fixture(&f, VIEW("s, amount COMMENT 'c', id, name"));
    if (explain(&f) != SL_OK) fail_msg("%s", f.err.msg);
    close_fixture(&f);
}

void test_declared_columns_refused(void **state) {
    (void)state;
    static const char *const cases[][3] = {
        {VIEW("id INT, name STRING, amount DOUBLE"), "INCOMPATIBLE_DATA_FOR_TABLE.EXTRA_COLUMNS",
         "extra columns `s`"},
        {VIEW("id INT, name STRING, amount DOUBLE, s STRUCT<x: INT>, amout INT"),
         "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_FIND_DATA", "output column `amout`"},
        {VIEW("id INT, name INT, amount DOUBLE, s STRUCT<x: INT>"),
         "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "`name` \"STRING\" to \"INT\""},
        {VIEW("id BOOLEAN, name STRING, amount DOUBLE, s STRUCT<x: INT>"),
         "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "`id` \"INT\" to \"BOOLEAN\""},
        {VIEW("id INT, name STRING, amount DOUBLE, s STRUCT<y: INT>"),
         "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "`s`"},
        {VIEW("id INT, name STRING, amount DOUBLE, s STRUCT<x: INT, y: INT>"),
         "INCOMPATIBLE_DATA_FOR_TABLE.CANNOT_SAFELY_CAST", "`s`"},
        {VIEW("id INT, name STRING, amount DOUBLE, s STRUCT<x: INT>, ID INT"),
         "COLUMN_ALREADY_EXISTS", "`ID` already exists"},
        {VIEW("id INT, name VARCHAR(5), amount DOUBLE, s STRUCT<x: INT>"), "UNSUPPORTED_FEATURE",
         "with a length (VARCHAR(5))"},
        {VIEW("id INT, name STRNG, amount DOUBLE, s STRUCT<x: INT>"), "UNSUPPORTED_DATATYPE", ""}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        open_fixture(&f, "%s", cases[i][0]);
        assert_int_not_equal(explain(&f), SL_OK);
        assert_string_equal(f.err.condition, cases[i][1]);
        if (!strstr(f.err.msg, cases[i][2])) fail_msg("%s", f.err.msg);
        assert_true(f.err.span.end > f.err.span.begin);
        close_fixture(&f);
    }
}

/* ---- into a table ---- */

static enum sl_code write_view(struct fixture *f) {
    struct sl_batch_result result;
    return sl_batch_query_write(&f->pipeline, &f->pipeline.queries[0], &result, NULL, &f->err);
}

static enum sl_code take_schema(void *ctx, const struct sl_type *schema,
                                const struct sl_session *session, struct sl_err *err) {
    (void)session, (void)err;
    sl_type_put_simple(ctx, schema);
    return SL_OK;
}

static enum sl_code take_rows(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    for (uint32_t i = 0; i < batch->rows; i++)
        sl_buf_printf(ctx, " %lld|%.*s", (long long)batch->columns[0].i64[i],
                      SL_STR_ARG(sl_vec_str(&batch->columns[1], i)));
    return SL_OK;
}

#define TABLE                                                                                      \
    "CREATE MATERIALIZED VIEW v (id BIGINT NOT NULL COMMENT 'the key', name STRING) USING delta "  \
    "LOCATION '%s' AS SELECT name, id FROM VALUES (1, 5), (%s, 6) AS t(id, name);\n"               \
    "SELECT id, name FROM delta.`%s`"

void test_declared_not_null_and_comments_reach_the_table(void **state) {
    (void)state;
    struct fixture f;
    char *dir = temp_dir_make(), *log;
    size_t size;
    open_fixture(&f, TABLE, dir, "NULL", dir);
    assert_int_equal(write_view(&f), SL_DATA);
    assert_string_equal(f.err.condition, "CHECK_CONSTRAINT_VIOLATION");
    assert_non_null(strstr(f.err.msg, "NOT NULL id"));
    close_fixture(&f);
    open_fixture(&f, TABLE, dir, "2", dir);
    if (write_view(&f) != SL_OK) fail_msg("%s < %s", f.err.msg, f.err.ctx);
    assert_int_equal(sl_batch_query_run(&f.pipeline, f.pipeline.selects[0]->query, take_schema,
                                        take_rows, &f.text, &f.err),
                     SL_OK);
    assert_string_equal(sl_buf_cstr(&f.text), "struct<id:bigint,name:string> 1|5 2|6");
    char path[512];
    snprintf(path, sizeof path, "%s/_delta_log/00000000000000000000.json", dir);
    FILE *file = fopen(path, "r");
    log = sl_xcalloc(1, 1 << 16);
    assert_non_null(file);
    size = fread(log, 1, (1 << 16) - 1, file);
    assert_true(size > 0);
    fclose(file);
    assert_non_null(strstr(log,
                           "{\\\"name\\\":\\\"id\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":"
                           "false,\\\"metadata\\\":{\\\"comment\\\":\\\"the key\\\"}}"));
    free(log);
    close_fixture(&f);
    temp_dir_remove(dir);
}

void test_declared_columns_of_a_quarantine_refused(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, "CREATE STREAMING TABLE q (a INT) USING delta LOCATION '/x';"
                     "CREATE STREAMING TABLE t USING delta LOCATION '/y' TBLPROPERTIES "
                     "('sluice.quarantine' = 'q') AS SELECT 1 AS a");
    assert_int_not_equal(explain(&f), SL_OK);
    assert_non_null(strstr(f.err.msg, "whose columns are given"));
    close_fixture(&f);
}
