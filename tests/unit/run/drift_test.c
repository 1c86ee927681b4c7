/* sluice.onSchemaDrift: records with a field that the schema of from_json does not have. */
#include "run_fixture.h"

/* Every tenth record has a field more, every twentieth another one in the struct. */
static void value_of(char *to, size_t cap, int i) {
    snprintf(to, cap, "{\"id\":%d%s,\"s\":{\"x\":%d%s}}", i, i % 10 == 9 ? ",\"new\":\"v\"" : "", i,
             i % 20 == 19 ? ",\"y\":[1]" : "");
}

#define PIPELINE(properties, columns)                                                              \
    "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"                              \
    "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t' TBLPROPERTIES "                      \
    "('sluice.checkpointLocation' = '${dir}/c'" properties ") AS SELECT " columns                  \
    " FROM (SELECT from_json(CAST(value AS STRING), 'id INT, s STRUCT<x: INT>, u INT') AS o FROM " \
    "STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets => "   \
    "'earliest', maxOffsetsPerTrigger => 100))"

static void want_all(char *to, size_t cap, size_t i) { snprintf(to, cap, "%zu", i); }
static void want_known(char *to, size_t cap, size_t at) {
    snprintf(to, cap, "%zu", at / 9 * 10 + at % 9);
}
static void want_letter(char *to, size_t cap, size_t at) {
    int i = (int)at * 10 + 9;
    snprintf(to, cap,
             "in|%d|%d|drift|onSchemaDrift|UNKNOWN_FIELD_EXCEPTION|KD003|field `new` is not in the "
             "schema; it is \"v\"",
             i % 3, i / 3);
}

static uint64_t drift_records(struct run_fixture *f) {
    static const char mark[] = "\"schemaDrift\":{\"records\":";
    uint64_t sum = 0;
    for (const char *at = sl_buf_cstr(&f->progress); (at = strstr(at, mark)); at++)
        sum += strtoull(at + sizeof mark - 1, NULL, 10);
    return sum;
}

static int count_text(struct run_fixture *f, const char *text) {
    int count = 0;
    for (const char *at = sl_buf_cstr(&f->progress); (at = strstr(at, text)); at++) count++;
    return count;
}

/* The rows are as without it; each field is told once in a run, whether it is read or not. */
void test_drift_warns(void **state) {
    (void)state;
    static const char *const texts[] = {
        PIPELINE(", 'sluice.onSchemaDrift' = 'warn'", "o.id, o.s.x"),
        PIPELINE(", 'sluice.onSchemaDrift' = 'Warn'", "o.id")};
    for (int i = 0; i < 2; i++) {
        struct run_fixture f;
        fixture_open(&f);
        for (int run = 0; run < 2; run++) {
            fixture_produce(&f, run * 400, 400, value_of);
            fixture_run_ok(&f, texts[i]);
            assert_int_equal(drift_records(&f), 40);
            assert_int_equal(count_text(&f, "\"new\""), 1);
            assert_int_equal(count_text(&f, "\"s.y\""), 1);
        }
        fixture_expect_rows(&f, "SELECT id FROM delta.`${dir}/t`", 800, want_all);
        fixture_close(&f);
    }
}

void test_drift_is_not_looked_for_unless_asked(void **state) {
    (void)state;
    static const char *const texts[] = {PIPELINE("", "o.id"),
                                        PIPELINE(", 'sluice.onSchemaDrift' = 'none'", "o.id")};
    for (int i = 0; i < 2; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 100, value_of);
        fixture_run_ok(&f, texts[i]);
        assert_int_equal(count_text(&f, "schemaDrift"), 0);
        fixture_expect_rows(&f, "SELECT id FROM delta.`${dir}/t`", 100, want_all);
        fixture_close(&f);
    }
}

void test_drift_becomes_letters(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 400, value_of);
    fixture_run_ok(&f, PIPELINE(", 'sluice.onSchemaDrift' = 'quarantine', 'sluice.quarantine' = "
                                "'bad'",
                                "o.id"));
    assert_int_equal(f.letters, 40);
    assert_int_equal(drift_records(&f), 40);
    fixture_expect_rows(&f, "SELECT id FROM delta.`${dir}/t`", 360, want_known);
    fixture_expect_rows(&f,
                        "SELECT topic, partition, offset, kind, rule, error_class, sqlstate, error "
                        "FROM delta.`${dir}/bad`",
                        40, want_letter);
    fixture_close(&f);
}

void test_drift_fails_the_batch(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 9, value_of);
    static const char text[] = PIPELINE(", 'sluice.onSchemaDrift' = 'fail'", "o.id");
    fixture_run_ok(&f, text);
    fixture_produce(&f, 9, 20, value_of);
    assert_int_equal(fixture_run(&f, text, 0), SL_DATA);
    assert_string_equal(f.err.condition, "UNKNOWN_FIELD_EXCEPTION");
    assert_non_null(strstr(f.err.msg, "`new` is not in the schema; it is \"v\""));
    assert_non_null(strstr(f.err.ctx, "topic in partition"));
    assert_true(f.err.span.end > f.err.span.begin);
    fixture_expect_rows(&f, "SELECT id FROM delta.`${dir}/t`", 9, want_all);
    fixture_run_ok(&f, PIPELINE("", "o.id")); /* the planned batch, looked at no more */
    fixture_expect_rows(&f, "SELECT id FROM delta.`${dir}/t`", 29, want_all);
    fixture_close(&f);
}

void test_drift_refuses_what_it_cannot_do(void **state) {
    (void)state;
    static const char *const cases[][2] = {
        {PIPELINE(", 'sluice.onSchemaDrift' = 'ignore'", "o.id"),
         "has to be warn, quarantine, fail, evolve or none"},
        {PIPELINE(", 'sluice.onSchemaDrift' = 'quarantine'", "o.id"),
         "the table has no quarantine"},
        {"CREATE MATERIALIZED VIEW v USING noop TBLPROPERTIES ('sluice.onSchemaDrift' = 'warn') AS "
         "SELECT 1 AS a",
         "a materialized view cannot have `sluice.onSchemaDrift`"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_fixture f;
        fixture_open(&f);
        assert_int_equal(fixture_run(&f, cases[i][0], 0), SL_USER);
        if (!strstr(f.err.msg, cases[i][1])) fail_msg("%s", f.err.msg);
        fixture_close(&f);
    }
}

#define RESCUE                                                                                     \
    "SELECT o.id, o._rescued FROM (SELECT from_json(CAST(value AS STRING), 'id INT, s STRUCT<x: "  \
    "INT>', map('rescuedDataColumn', '_rescued')) AS o FROM STREAM read_kafka(bootstrapServers "   \
    "=> "                                                                                          \
    "'${brokers}', subscribe => 'in', startingOffsets => 'earliest'))"

static void want_rescued(char *to, size_t cap, size_t i) {
    if (i % 10 != 9)
        snprintf(to, cap, "%zu|null", i);
    else
        snprintf(to, cap, "%zu|{\"new\":\"v\"%s}", i, i % 20 == 19 ? ",\"s\":{\"y\":[1]}" : "");
}
static void put_misfit(char *to, size_t cap, int i) {
    snprintf(to, cap, "{\"id\":%d,\"s\":\"q\"}", i);
}
static void want_misfit(char *to, size_t cap, size_t i) {
    snprintf(to, cap, "%zu|{\"s\":\"q\"}", i);
}

/* The column is the query's like any other; what does not fit is no letter then. */
void test_rescued_column_in_a_table(void **state) {
    (void)state;
    static const char text[] =
        "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
        "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/${t}' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/c${t}', 'sluice.quarantine' = 'bad') AS " RESCUE;
    struct run_fixture f;
    fixture_open(&f);
    fixture_set(&f, "t", "t");
    fixture_produce(&f, 0, 100, value_of);
    fixture_run_ok(&f, text);
    assert_int_equal(f.letters, 0);
    fixture_expect_rows(&f, "SELECT id, _rescued FROM delta.`${dir}/t`", 100, want_rescued);
    fixture_close(&f);
    fixture_open(&f);
    fixture_set(&f, "t", "u");
    fixture_produce(&f, 0, 30, put_misfit);
    fixture_run_ok(&f, text);
    assert_int_equal(f.letters, 0);
    fixture_expect_rows(&f, "SELECT id, _rescued FROM delta.`${dir}/u`", 30, want_misfit);
    fixture_close(&f);
}

void test_rescued_column_refused(void **state) {
    (void)state;
    static const char *const cases[] = {
        "SELECT from_json('{}', '_r INT', map('rescuedDataColumn', '_r'))",
        "SELECT from_json('{}', '_R STRING', map('rescuedDataColumn', '_r'))",
        "SELECT from_json('[]', 'ARRAY<INT>', map('rescuedDataColumn', '_r'))"};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct run_fixture f;
        struct sl_pipeline pipeline;
        struct sl_buf out = {0};
        fixture_open(&f);
        assert_int_equal(sl_pipeline_load(&f.engine, "read", sl_str(cases[i]), &pipeline, &f.err),
                         SL_OK);
        assert_int_equal(sl_batch_query_run(&pipeline, pipeline.selects[0]->query, fixture_no_begin,
                                            fixture_put_rows, &out, &f.err),
                         SL_USER);
        assert_string_equal(f.err.condition, "INVALID_OPTION");
        sl_pipeline_release(&pipeline);
        sl_buf_release(&out);
        fixture_close(&f);
    }
}
