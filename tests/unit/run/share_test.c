/* Several queries of one file on one topic: read once, each exactly once on its own, also when one
 * is behind or the process fails between their commits. */
#include "run_fixture.h"

#define SOURCE                                                                                     \
    "FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets " \
    "=> 'earliest', maxOffsetsPerTrigger => 100)"
#define TABLE(name, format)                                                                        \
    "CREATE STREAMING TABLE " name " USING " format " LOCATION '${dir}/" name "' TBLPROPERTIES "   \
    "('sluice.checkpointLocation' = '${dir}/c" name "') AS SELECT CAST(value AS STRING) AS v, "    \
    "partition, offset " SOURCE ";\n"
/* Rows of its own: each chain must narrow a view of the batch, not the batch. */
#define FILTERED(name, remainder)                                                                  \
    "CREATE STREAMING TABLE " name " USING delta LOCATION '${dir}/" name "' TBLPROPERTIES "        \
    "('sluice.checkpointLocation' = '${dir}/c" name "') AS SELECT CAST(value AS STRING) AS v, "    \
    "partition, offset " SOURCE " WHERE offset % 3 = " remainder ";\n"

static void value_of(char *to, size_t cap, int i) { snprintf(to, cap, "%d", i); }
static void want_all(char *to, size_t cap, size_t i) {
    snprintf(to, cap, "%zu|%zu|%zu", i, i % 3, i / 3);
}
/* record i is at offset i / 3: those whose offset % 3 is 1 */
static void want_third(char *to, size_t cap, size_t at) {
    size_t i = at / 3 * 9 + 3 + at % 3;
    snprintf(to, cap, "%zu|%zu|%zu", i, i % 3, i / 3);
}

static void expect_all(struct run_fixture *f, const char *format, const char *name, size_t count) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT v, partition, offset FROM %s.`${dir}/%s`", format, name);
    fixture_expect_rows(f, sql, count, want_all);
}

void test_tables_of_one_topic_read_it_once(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 900, value_of);
    static const char text[] = TABLE("a", "delta") TABLE("b", "parquet") FILTERED("c", "1");
    fixture_run_ok(&f, text);
    /* each reports what it saw, but only one of them the time of reading */
    assert_int_equal(f.rows_in, 3 * 900);
    assert_int_equal(f.rows_read_by_feed, 900);
    expect_all(&f, "delta", "a", 900);
    expect_all(&f, "parquet", "b", 900);
    fixture_expect_rows(&f, "SELECT v, partition, offset FROM delta.`${dir}/c`", 300, want_third);
    fixture_produce(&f, 900, 90, value_of);
    fixture_run_ok(&f, text);
    assert_int_equal(f.rows_read_by_feed, 90);
    expect_all(&f, "delta", "a", 990);
    expect_all(&f, "parquet", "b", 990);
    fixture_close(&f);
}

void test_shared_reads_can_be_switched_off(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    fixture_run_ok(&f, "SET sluice.sharedReads = false;\n" TABLE("a", "delta") TABLE("b", "delta"));
    assert_int_equal(f.rows_read_by_feed, 600);
    expect_all(&f, "delta", "a", 300);
    expect_all(&f, "delta", "b", 300);
    fixture_close(&f);
}

void test_other_options_are_read_apart(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    fixture_run_ok(
        &f,
        TABLE("a",
              "delta") "CREATE STREAMING TABLE b USING delta LOCATION '${dir}/b' TBLPROPERTIES "
                       "('sluice.checkpointLocation' = '${dir}/cb') AS SELECT CAST(value AS "
                       "STRING) AS v, "
                       "partition, offset FROM STREAM read_kafka(bootstrapServers => '${brokers}', "
                       "subscribe => 'in', startingOffsets => 'earliest', maxOffsetsPerTrigger => "
                       "70)");
    assert_int_equal(f.rows_read_by_feed, 600);
    expect_all(&f, "delta", "b", 300);
    fixture_close(&f);
}

/* A table that is new in the file reads alone what the others have read; when it is where they are,
 * all read together. */
void test_new_table_catches_up_and_joins(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    fixture_run_ok(&f, TABLE("a", "delta"));
    fixture_produce(&f, 300, 600, value_of);
    fixture_run_ok(&f, TABLE("a", "delta") TABLE("b", "delta"));
    expect_all(&f, "delta", "a", 900);
    expect_all(&f, "delta", "b", 900);
    fixture_produce(&f, 900, 90, value_of);
    fixture_run_ok(&f, TABLE("a", "delta") TABLE("b", "delta"));
    assert_int_equal(f.rows_read_by_feed, 90);
    expect_all(&f, "delta", "a", 990);
    expect_all(&f, "delta", "b", 990);
    fixture_close(&f);
}

/* Without a limit: what is behind goes exactly to where the others are. */
void test_late_table_does_not_pass_the_others(void **state) {
    (void)state;
#define UNLIMITED(name)                                                                            \
    "CREATE STREAMING TABLE " name " USING delta LOCATION '${dir}/" name "' TBLPROPERTIES "        \
    "('sluice.checkpointLocation' = '${dir}/c" name "') AS SELECT CAST(value AS STRING) AS v, "    \
    "partition, offset FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => "     \
    "'in', startingOffsets => 'earliest');\n"
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    fixture_run_ok(&f, UNLIMITED("a"));
    fixture_produce(&f, 300, 600, value_of);
    fixture_run_ok(&f, UNLIMITED("a") UNLIMITED("b"));
    assert_int_equal(f.rows_read_by_feed, 900);
    assert_int_equal(f.batches, 3);
    expect_all(&f, "delta", "a", 900);
    expect_all(&f, "delta", "b", 900);
    fixture_close(&f);
}

/* A run of one batch has to reach the end with it, also for what is behind. */
void test_once_reaches_the_end_when_one_is_behind(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    fixture_run_ok(&f, UNLIMITED("a"));
    fixture_produce(&f, 300, 600, value_of);
    f.once = true;
    fixture_run_ok(&f, UNLIMITED("a") UNLIMITED("b"));
    assert_int_equal(f.batches, 2);
    expect_all(&f, "delta", "a", 900);
    expect_all(&f, "delta", "b", 900);
    fixture_close(&f);
}

/* An error at each step: what has committed is not done again, the others run again alone. */
void test_failure_between_the_queries_is_made_good(void **state) {
    (void)state;
    static const char *const points[] = {
        "offsets.pre:2:eio",     "offsets.named:2:eio",  "offsets.pre:5:eio",
        "rows.committed:1:eio",  "rows.committed:2:eio", "rows.committed:4:eio",
        "commits.pre:1:eio",     "commits.named:2:eio",  "batch.committed:1:eio",
        "batch.committed:2:eio", "read.mid:3:eio",       "delta.pre:2:eio"};
    static const char text[] = TABLE("a", "delta") TABLE("b", "delta") FILTERED("c", "1");
    for (size_t p = 0; p < sizeof points / sizeof *points; p++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 450, value_of);
        assert_int_equal(sl_fail_configure(points[p], &f.err), SL_OK);
        if (fixture_run(&f, text, 0) == SL_OK) fail_msg("%s did not fail", points[p]);
        assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
        fixture_run_ok(&f, text);
        expect_all(&f, "delta", "a", 450);
        expect_all(&f, "delta", "b", 450);
        fixture_expect_rows(&f, "SELECT v, partition, offset FROM delta.`${dir}/c`", 150,
                            want_third);
        fixture_close(&f);
    }
}

/* One query fails on a record: the message names it, the other's batch is whole after a restart. */
void test_failing_query_leaves_the_other_whole(void **state) {
    (void)state;
    static const char bad[] = TABLE(
        "a", "delta") "CREATE STREAMING TABLE b USING delta LOCATION '${dir}/b' TBLPROPERTIES "
                      "('sluice.checkpointLocation' = '${dir}/cb') AS SELECT assert_true(offset <> "
                      "70) AS x, "
                      "CAST(value AS STRING) AS v, partition, offset " SOURCE;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 300, value_of);
    enum sl_code code = fixture_run(&f, bad, 0);
    assert_true(code != SL_OK);
    assert_non_null(strstr(f.err.ctx, "query b"));
    fixture_run_ok(&f, TABLE("a", "delta"));
    expect_all(&f, "delta", "a", 300);
    fixture_close(&f);
}

/* ---- outages ---- */

enum { LIST_OFFSETS = 2, BROKER_NOT_AVAILABLE = 8 };

static void stumble(void *ctx, const struct sl_batch_report *report) {
    struct run_fixture *f = ctx;
    fixture_count(ctx, report);
    if (f->batches == 2) sl_kafka_mock_answer(f->broker, LIST_OFFSETS, BROKER_NOT_AVAILABLE, 1);
}

/* Without an end: a broker that does not answer once is waited for, by all that share. */
void test_outage_of_a_shared_source_is_waited_out(void **state) {
    (void)state;
    struct run_fixture f;
    struct sl_pipeline pipeline;
    struct sl_run_options options = {.trigger = {.kind = SL_TRIGGER_DEFAULT, .batches_max = 5},
                                     .report = stumble,
                                     .report_ctx = &f};
    fixture_open(&f);
    fixture_produce(&f, 0, 450, value_of);
    assert_int_equal(sl_pipeline_load(&f.engine, "test",
                                      SL_STR(TABLE("a", "delta") TABLE("b", "parquet")), &pipeline,
                                      &f.err),
                     SL_OK);
    if (sl_run_pipeline(&pipeline, &options, &f.err) != SL_OK) fail_msg("%s", f.err.msg);
    sl_pipeline_release(&pipeline);
    assert_int_equal(f.batches, 10);
    assert_int_equal(f.rows_read_by_feed, 450);
    expect_all(&f, "delta", "a", 450);
    expect_all(&f, "parquet", "b", 450);
    fixture_close(&f);
}
