/* Binding of expectations to a query: those of its statement, and what a table demands, given here
 * as a list such as a sink makes. */
#include "unit.h"

#include "run/batch_query.h"
#include "run/quarantine.h"

struct fixture {
    struct sl_engine engine;
    struct sl_pipeline pipeline;
    struct sl_arena arena;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_bound_query bound;
    struct sl_pipes pipes;
    struct sl_err err;
};

#define VIEW(rules)                                                                                \
    "SET a.name = 1;\nCREATE MATERIALIZED VIEW v (" rules ") USING noop "                          \
    "TBLPROPERTIES ('x' = '${long}') AS SELECT id, amount FROM VALUES (1, 2) AS t(id, amount)"

static void open_fixture(struct fixture *f, const char *text) {
    memset(f, 0, sizeof *f);
    sl_engine_init(&f->engine);
    f->engine.log.level = SL_LOG_ERROR;
    sl_settings_set(f->engine.settings, SL_STR("long"), SL_STR("a long value of a setting"),
                    SL_FROM_COMMAND_LINE);
    assert_int_equal(sl_engine_start(&f->engine, 64 << 20, &f->err), SL_OK);
    if (sl_pipeline_load(&f->engine, "test", sl_str(text), &f->pipeline, &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    sl_arena_init(&f->arena, "query");
    assert_int_equal(sl_engine_session(&f->engine, &f->session, &f->err), SL_OK);
    f->env = (struct sl_conn_env){.query = &f->arena,
                                  .log = &f->engine.log,
                                  .budget = &f->engine.budget,
                                  .session = &f->session,
                                  .client_setting = sl_settings_client,
                                  .client_ctx = f->engine.settings};
    const struct sl_query_spec *spec = &f->pipeline.queries[0];
    if (sl_pipeline_bind(&f->pipeline, spec->relation, spec->target, &f->env, &f->bound, &f->err) !=
        SL_OK)
        fail_msg("%s", f->err.msg);
}

static enum sl_code expect(struct fixture *f, const struct sl_sink_constraint *demanded,
                           uint32_t count) {
    f->err = (struct sl_err){0};
    return sl_pipeline_expect(&f->pipeline, f->pipeline.queries[0].target, demanded, count, &f->env,
                              &f->bound, &f->err);
}

static void close_fixture(struct fixture *f) {
    sl_arena_release(&f->arena);
    sl_pipeline_release(&f->pipeline);
    sl_engine_release(&f->engine);
}

/* (id, amount) rows through the query's operators; INT32_MIN: null. */
struct rows {
    struct sl_chain chain;
    struct sl_arena arena;
    struct sl_batch batch, *out; /* out: what came last */
    struct sl_faults faults;
};

static void make_rows(struct fixture *f, struct rows *rows, const int32_t (*values)[2],
                      uint32_t count) {
    memset(rows, 0, sizeof *rows);
    sl_arena_init(&rows->arena, "rows");
    sl_faults_init(&rows->faults);
    assert_int_equal(sl_lower(&f->arena, f->bound.plan, &f->pipes, &f->err), SL_OK);
    assert_int_equal(f->pipes.count, 1);
    assert_int_equal(
        sl_chain_init(&rows->chain, &f->pipes, &f->pipes.items[0], NULL, false, &f->err), SL_OK);
    sl_batch_init(&rows->batch, sl_node_schema(&rows->arena, f->pipes.items[0].scan), &rows->arena);
    for (uint32_t r = 0; r < count; r++)
        for (int c = 0; c < 2; c++) {
            struct sl_vec *column = &rows->batch.columns[c];
            enum sl_code code = values[r][c] == INT32_MIN
                                    ? sl_vec_append_null(column, 1, &f->err)
                                    : sl_vec_put_i64(column, values[r][c], &f->err);
            assert_int_equal(code, SL_OK);
        }
    rows->batch.rows = rows->batch.selected_rows = count;
}

static enum sl_code take_out(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    (void)err;
    ((struct rows *)ctx)->out = batch;
    return SL_OK;
}

static enum sl_code process(struct fixture *f, struct rows *rows, bool quarantine) {
    rows->chain.faults = quarantine ? &rows->faults : NULL;
    rows->batch.selected = NULL;
    rows->batch.selected_rows = rows->batch.rows;
    f->err = (struct sl_err){0};
    return sl_chain_push(&rows->chain, &f->session, &rows->batch, take_out, rows, &f->err);
}

static void free_rows(struct rows *rows) {
    sl_chain_release(&rows->chain);
    sl_batch_release(&rows->batch);
    sl_faults_release(&rows->faults);
    sl_arena_release(&rows->arena);
}

static const int32_t some_rows[][2] = {{1, 5}, {2, -1}, {INT32_MIN, 7}, {4, INT32_MIN}, {5, 200}};

/* The statement's rules come first: what they drop is not asked for what the table demands. */
void test_rules_of_statement_and_table(void **state) {
    (void)state;
    struct fixture f;
    struct rows rows;
    open_fixture(&f, VIEW("CONSTRAINT known EXPECT (v.amount IS NOT NULL) ON VIOLATION DROP ROW, "
                          "CONSTRAINT big EXPECT (amount > 6)"));
    struct sl_sink_constraint demanded[] = {{SL_STR("id"), SL_STR("id IS NOT NULL")},
                                            {SL_STR("range"), SL_STR("AMOUNT < 100")}};
    assert_int_equal(expect(&f, demanded, 2), SL_OK);
    make_rows(&f, &rows, some_rows, 5);
    assert_int_equal(process(&f, &rows, true), SL_OK);
    assert_int_equal(rows.out->selected_rows, 2);
    assert_int_equal(rows.out->selected[0] & 0x1F, 3);
    static const char *const rules[] = {"known", "id", "range"};
    static const uint32_t failed[] = {3, 2, 4};
    assert_int_equal(rows.faults.count, 3);
    for (int i = 0; i < 3; i++) {
        assert_string_equal(rows.faults.items[i].rule.ptr, rules[i]);
        assert_int_equal(rows.faults.items[i].row, failed[i]);
        assert_int_equal(rows.faults.items[i].kind, i ? SL_FAULT_WRITE : SL_FAULT_CONSTRAINT);
    }
    assert_int_equal(f.pipes.expectation_count, 2);
    struct sl_expectation totals[2];
    memcpy(totals, f.pipes.expectations, sizeof totals);
    /* the next batch is counted on top, and the faults of this one are forgotten */
    assert_int_equal(process(&f, &rows, true), SL_OK);
    assert_int_equal(rows.faults.count, 3);
    sl_chain_add_expectations(&rows.chain, totals);
    sl_chain_add_expectations(&rows.chain, totals);
    assert_true(sl_str_eq(totals[0].name, SL_STR("known")));
    assert_int_equal(totals[0].action, SL_EXPECT_DROP);
    assert_int_equal(totals[0].passed, 16);
    assert_int_equal(totals[0].failed, 4);
    assert_int_equal(totals[1].action, SL_EXPECT_KEEP);
    assert_int_equal(totals[1].passed, 8);
    assert_int_equal(totals[1].failed, 12);
    /* without a quarantine the table's demand fails the batch */
    assert_int_equal(process(&f, &rows, false), SL_DATA);
    assert_string_equal(f.err.condition, "CHECK_CONSTRAINT_VIOLATION");
    assert_non_null(strstr(f.err.msg, "`id IS NOT NULL`"));
    assert_int_equal(f.err.span.end, 0);
    free_rows(&rows);
    close_fixture(&f);
}

void test_without_rules_the_plan_stays(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f, VIEW("id INT, amount INT"));
    const struct sl_node *before = f.bound.plan;
    assert_int_equal(expect(&f, NULL, 0), SL_OK);
    assert_ptr_equal(f.bound.plan, before);
    assert_int_equal(sl_lower(&f.arena, f.bound.plan, &f.pipes, &f.err), SL_OK);
    assert_int_equal(f.pipes.expectation_count, 0);
    close_fixture(&f);
}

/* A demand that cannot be bound is an error that names it, without a place in the file. */
void test_demands_that_cannot_be_bound(void **state) {
    (void)state;
    static const struct {
        const char *text, *condition;
    } cases[] = {{"missing > 0", "UNRESOLVED_COLUMN.WITH_SUGGESTION"},
                 {"amount + 1", "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN"},
                 {"amount >", "PARSE_SYNTAX_ERROR"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        open_fixture(&f, VIEW("id INT, amount INT"));
        struct sl_sink_constraint demanded = {SL_STR("rule"), sl_str(cases[i].text)};
        assert_int_not_equal(expect(&f, &demanded, 1), SL_OK);
        assert_string_equal(f.err.condition, cases[i].condition);
        assert_non_null(strstr(f.err.ctx, "rule"));
        assert_int_equal(f.err.span.end, 0);
        close_fixture(&f);
    }
}

/* Errors in the statement's rules have their place in the file, whatever was replaced before. */
void test_errors_of_the_statements_rules(void **state) {
    (void)state;
    static const struct {
        const char *text, *condition, *place;
    } cases[] = {
        {"CREATE MATERIALIZED VIEW v (amount ${t}, CONSTRAINT c EXPECT (amuont > 0)) USING noop AS "
         "SELECT 1 AS amount",
         "UNRESOLVED_COLUMN.WITH_SUGGESTION", "amuont"},
        {"CREATE MATERIALIZED VIEW v (amount ${t}, CONSTRAINT c EXPECT (amount)) USING noop AS "
         "SELECT 1 AS amount",
         "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "amount"},
        {"CREATE MATERIALIZED VIEW v (amount ${t}, CONSTRAINT c EXPECT (true), CONSTRAINT C EXPECT "
         "(false)) USING noop AS SELECT 1 AS amount",
         "CONSTRAINT_ALREADY_EXISTS", "CONSTRAINT C EXPECT (false)"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct fixture f;
        struct sl_buf text = {0};
        sl_buf_printf(&text, "SET t = DECIMAL(38, 18);\n%s", cases[i].text);
        const char *file = sl_buf_cstr(&text);
        open_fixture(&f, file);
        assert_int_equal(expect(&f, NULL, 0), SL_USER);
        assert_string_equal(f.err.condition, cases[i].condition);
        struct sl_str place = sl_str_sub(sl_str(file), f.err.span.begin, f.err.span.end);
        assert_true(sl_str_eq_nocase(place, sl_str(cases[i].place)));
        close_fixture(&f);
        sl_buf_release(&text);
    }
}

/* Letters are kept as they are: rules on the table that holds them are refused, not passed over. */
void test_a_quarantine_has_no_rules(void **state) {
    (void)state;
    struct sl_engine engine;
    struct sl_pipeline pipeline;
    const struct sl_statement *holder;
    struct sl_err err = {0};
    static const char text[] =
        "CREATE STREAMING TABLE q (CONSTRAINT c EXPECT (true)) USING delta LOCATION '/x';"
        "CREATE STREAMING TABLE t USING noop TBLPROPERTIES ('sluice.quarantine' = 'q') AS "
        "SELECT * FROM STREAM read_kafka(bootstrapServers => 'b', subscribe => 't')";
    sl_engine_init(&engine);
    engine.log.level = SL_LOG_ERROR;
    if (sl_pipeline_load(&engine, "test", sl_str(text), &pipeline, &err) != SL_OK)
        fail_msg("%s", err.msg);
    assert_int_equal(sl_quarantine_find(&pipeline, pipeline.queries[0].target, &holder, &err),
                     SL_USER);
    assert_string_equal(err.condition, "UNSUPPORTED_FEATURE");
    struct sl_str place = sl_str_sub(sl_str(text), err.span.begin, err.span.end);
    assert_true(sl_str_eq(place, SL_STR("CONSTRAINT c EXPECT (true)")));
    sl_pipeline_release(&pipeline);
    sl_engine_release(&engine);
}

/* A view is computed anew from all its input: it has no letters. */
void test_a_view_has_no_quarantine(void **state) {
    (void)state;
    struct sl_engine engine;
    struct sl_pipeline pipeline;
    struct sl_err err = {0};
    sl_engine_init(&engine);
    engine.log.level = SL_LOG_ERROR;
    assert_int_equal(sl_pipeline_load(&engine, "test",
                                      SL_STR("CREATE MATERIALIZED VIEW v USING noop TBLPROPERTIES "
                                             "('sluice.quarantine' = 'q') AS SELECT 1"),
                                      &pipeline, &err),
                     SL_USER);
    assert_string_equal(err.condition, "UNSUPPORTED_FEATURE");
    assert_non_null(strstr(err.msg, "sluice.quarantine"));
    sl_pipeline_release(&pipeline);
    sl_engine_release(&engine);
}
