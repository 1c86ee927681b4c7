/* Queries with a quarantine, whole, in one process: what failed is in the letters with its
 * coordinates, everything else in the table, each exactly once, also after a failure at every step
 * between the two commits. */
#include "run_fixture.h"

#include "run/query_int.h"

#define SOURCE                                                                                     \
    "FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets " \
    "=> 'earliest', maxOffsetsPerTrigger => 100)"

/* Every tenth record has no number: the ANSI cast fails. */
static void value_of(char *to, size_t cap, int i) {
    snprintf(to, cap, i % 10 == 9 ? "x%d" : "%d", i);
}

static const char pipeline_of_delta[] =
    "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
    "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t'\n"
    "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad')\n"
    "AS SELECT CAST(CAST(value AS STRING) AS INT) AS id, partition, offset " SOURCE;
static const char pipeline_of_parquet[] =
    "CREATE STREAMING TABLE bad USING parquet LOCATION '${dir}/bad';\n"
    "CREATE STREAMING TABLE t USING parquet LOCATION '${dir}/t'\n"
    "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad')\n"
    "AS SELECT CAST(CAST(value AS STRING) AS INT) AS id, partition, offset " SOURCE;

static void want_good(char *to, size_t cap, size_t at) {
    int i = (int)(at / 9 * 10 + at % 9);
    snprintf(to, cap, "%d|%d|%d", i, i % 3, i / 3);
}
static void want_bad(char *to, size_t cap, size_t at) {
    int i = (int)at * 10 + 9;
    snprintf(to, cap, "t|in|%d|%d|k%d|x%d|evaluation|CAST_INVALID_INPUT|22018", i % 3, i / 3, i, i);
}

static void expect_split(struct run_fixture *f, const char *format, size_t count) {
    char sql[300];
    snprintf(sql, sizeof sql, "SELECT id, partition, offset FROM %s.`${dir}/t`", format);
    fixture_expect_rows(f, sql, count / 10 * 9, want_good);
    snprintf(sql, sizeof sql,
             "SELECT query, topic, partition, offset, CAST(key AS STRING), CAST(value AS STRING), "
             "kind, error_class, sqlstate FROM %s.`${dir}/bad`",
             format);
    fixture_expect_rows(f, sql, count / 10, want_bad);
}

void test_records_that_fail_become_letters(void **state) {
    (void)state;
    static const char *const formats[] = {"delta", "parquet"}, *const texts[] = {
                                                                   pipeline_of_delta,
                                                                   pipeline_of_parquet};
    for (int i = 0; i < 2; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 1000, value_of);
        fixture_run_ok(&f, texts[i]);
        assert_int_equal(f.rows_in, 1000);
        assert_int_equal(f.letters, 100);
        assert_non_null(strstr(sl_buf_cstr(&f.progress), "\"deadLetters\":{\"total\":"));
        expect_split(&f, formats[i], 1000);
        fixture_produce(&f, 1000, 200, value_of);
        fixture_run_ok(&f, texts[i]);
        expect_split(&f, formats[i], 1200);
        fixture_close(&f);
    }
}

/* An error at each step of the two commits, then again: nothing lost, nothing twice. */
void test_failure_between_the_commits_is_made_good(void **state) {
    (void)state;
    static const char *const points[] = {
        "letters.pre:2:eio",       "letters.written:1:eio",   "letters.dirsynced:2:eio",
        "letters.committed:1:eio", "letters.committed:3:eio", "rows.committed:2:eio",
        "commits.pre:2:eio",       "batch.committed:1:eio",   "read.mid:2:eio"};
    static const char *const formats[] = {"delta", "parquet"}, *const texts[] = {
                                                                   pipeline_of_delta,
                                                                   pipeline_of_parquet};
    for (size_t p = 0; p < sizeof points / sizeof *points; p++)
        for (int i = 0; i < 2; i++) {
            struct run_fixture f;
            fixture_open(&f);
            fixture_produce(&f, 0, 400, value_of);
            assert_int_equal(sl_fail_configure(points[p], &f.err), SL_OK);
            if (fixture_run(&f, texts[i], 0) == SL_OK) fail_msg("%s did not fail", points[p]);
            assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
            fixture_run_ok(&f, texts[i]);
            expect_split(&f, formats[i], 400);
            fixture_close(&f);
        }
}

/* Letters are in, rows are not, and the query was changed: its records could be in neither. */
void test_changed_query_in_a_half_committed_batch_is_refused(void **state) {
    (void)state;
    static const char changed[] =
        "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
        "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t'\n"
        "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad')\n"
        "AS SELECT CAST(replace(CAST(value AS STRING), 'x', '') AS INT) AS id, partition, "
        "offset " SOURCE;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 90, value_of);
    assert_int_equal(sl_fail_configure("letters.committed:1:eio", &f.err), SL_OK);
    assert_int_equal(fixture_run(&f, pipeline_of_delta, 0), SL_IO);
    assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
    assert_int_equal(fixture_run(&f, changed, 0), SL_USER);
    assert_non_null(strstr(f.err.msg, "not the same ones"));
    fixture_run_ok(&f, pipeline_of_delta);
    fixture_close(&f);
}

/* One process, as an outage has it: the batch fails at each of the points, one after the other, and
 * its next run is of the same query. seal: what stands in the letters' seal before the last run. */
static void run_again_in_process(const char *const *points, const char *seal) {
    struct run_fixture f;
    struct sl_pipeline pipeline;
    struct sl_query *query;
    struct sl_trigger trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW};
    enum sl_step step = SL_STEP_IDLE;
    int64_t wait_ms;
    char dir[600];
    fixture_open(&f);
    fixture_produce(&f, 0, 400, value_of);
    assert_int_equal(
        sl_pipeline_load(&f.engine, "test", SL_STR(pipeline_of_delta), &pipeline, &f.err), SL_OK);
    assert_int_equal(
        sl_query_open(&pipeline, pipeline.queries, &trigger, fixture_count, &f, &query, &f.err),
        SL_OK);
    for (; *points; points++) {
        assert_int_equal(sl_fail_configure(*points, &f.err), SL_OK);
        if (sl_query_step(query, &step, &wait_ms, &f.err) == SL_OK)
            fail_msg("%s did not fail", *points);
        query->rerun = true; /* as wait_out does */
    }
    assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
    snprintf(dir, sizeof dir, "%s/c/.sluice/letters", f.dir);
    if (seal)
        assert_int_equal(
            sl_io_put_atomic(dir, "0", sl_str(seal), SL_PUT_REPLACE, "letters", &f.err), SL_OK);
    for (step = SL_STEP_IDLE; step != SL_STEP_DONE;)
        if (sl_query_step(query, &step, &wait_ms, &f.err) != SL_OK) fail_msg("%s", f.err.msg);
    sl_query_close(query);
    sl_pipeline_release(&pipeline);
    expect_split(&f, "delta", 400);
    fixture_close(&f);
}

void test_third_run_in_a_process_finds_the_same_letters(void **state) {
    (void)state;
    static const char *const letters_are_in[] = {"letters.committed:1:eio", "read.mid:1:eio",
                                                 "rows.committed:1:eio", NULL};
    run_again_in_process(letters_are_in, NULL);
    /* the rows are in, so nothing is written, and what only writing finds is not found again */
    static const char *const rows_are_in[] = {"rows.committed:1:eio", "commits.pre:1:eio", NULL};
    run_again_in_process(rows_are_in, "v1\n41 0123456789abcdef\n");
}

void test_limits_stop_before_anything_is_written(void **state) {
    (void)state;
    static const char text[] =
        "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
        "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad', "
        "'${limit}' = '${value}')\n"
        "AS SELECT CAST(CAST(value AS STRING) AS INT) AS id, partition, offset FROM STREAM "
        "read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets => "
        "'earliest')";
    static const char *const limits[][3] = {
        {"sluice.quarantine.maxRows", "29", "30 of 300 records failed (10.0 %)"},
        {"sluice.quarantine.maxRatio", "0.09", "'sluice.quarantine.maxRatio' = 0.09"}};
    struct run_fixture f;
    struct sl_file_info info;
    char path[600];
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    for (int i = 0; i < 2; i++) {
        fixture_set(&f, "limit", limits[i][0]);
        fixture_set(&f, "value", limits[i][1]);
        assert_int_equal(fixture_run(&f, text, 0), SL_DATA);
        assert_non_null(strstr(f.err.msg, limits[i][2]));
        assert_non_null(strstr(f.err.msg, "topic in partition "));
        snprintf(path, sizeof path, "%s/bad/_delta_log/00000000000000000000.json", f.dir);
        assert_int_equal(sl_io_stat(path, &info, &f.err), SL_OK);
        assert_false(info.exists);
    }
    fixture_set(&f, "value", "0.1");
    fixture_run_ok(&f, text);
    expect_split(&f, "delta", 300);
    fixture_close(&f);
}

void test_wrong_quarantines_are_refused(void **state) {
    (void)state;
    static const struct {
        const char *before, *name, *says, *hint;
    } cases[] = {
        {"CREATE SINK rejects USING noop;", "rejcts", "not defined in this pipeline", "rejects"},
        {"", "t", "its own quarantine", ""},
        {"CREATE STREAMING TABLE o USING noop AS SELECT value " SOURCE ";", "o",
         "filled by its own query", "without AS"},
        {"CREATE SINK rejects USING parqet;", "rejects", "cannot be found", "parquet"},
    };
    struct run_fixture f;
    fixture_open(&f);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char text[900];
        snprintf(text, sizeof text,
                 "%s CREATE STREAMING TABLE t USING noop TBLPROPERTIES ('sluice.quarantine' = "
                 "'%s') AS SELECT value " SOURCE,
                 cases[i].before, cases[i].name);
        assert_int_equal(fixture_run(&f, text, 0), SL_USER);
        if (!strstr(f.err.msg, cases[i].says)) fail_msg("%s", f.err.msg);
        if (!strstr(f.err.hint, cases[i].hint)) fail_msg("%s", f.err.hint);
    }
    assert_int_equal(
        fixture_run(&f,
                    "CREATE STREAMING TABLE bad USING parquet LOCATION '${dir}/bad';"
                    "CREATE STREAMING TABLE a USING noop TBLPROPERTIES ('sluice.quarantine' = "
                    "'bad') AS SELECT value " SOURCE
                    ";CREATE STREAMING TABLE b USING noop TBLPROPERTIES ('sluice.quarantine' = "
                    "'BAD') AS SELECT value " SOURCE,
                    0),
        SL_USER);
    assert_non_null(strstr(f.err.msg, "belongs to one query"));
    assert_non_null(strstr(f.err.hint, "USING delta"));
    fixture_close(&f);
}

/* Two queries, one Delta table of letters: each finds its own batches in it. */
void test_two_queries_quarantine_into_one_delta_table(void **state) {
    (void)state;
    static const char text[] =
        "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
        "CREATE STREAMING TABLE a USING delta LOCATION '${dir}/a' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/ca', 'sluice.quarantine' = 'bad')\n"
        "AS SELECT CAST(CAST(value AS STRING) AS INT) AS id " SOURCE ";\n"
        "CREATE STREAMING TABLE b USING delta LOCATION '${dir}/b' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/cb', 'sluice.quarantine' = 'bad')\n"
        "AS SELECT CAST(CAST(value AS STRING) AS BIGINT) AS id " SOURCE;
    struct run_fixture f;
    struct fixture_lines lines;
    fixture_open(&f);
    fixture_produce(&f, 0, 400, value_of);
    assert_int_equal(sl_fail_configure("letters.committed:3:eio", &f.err), SL_OK);
    assert_int_equal(fixture_run(&f, text, 0), SL_IO);
    assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
    fixture_run_ok(&f, text);
    fixture_select(&f, "SELECT query, partition, offset FROM delta.`${dir}/bad`", &lines);
    assert_int_equal(lines.count, 80);
    for (size_t i = 1; i < lines.count; i++)
        assert_string_not_equal(lines.items[i], lines.items[i - 1]);
    fixture_free_lines(&lines);
    fixture_close(&f);
}
