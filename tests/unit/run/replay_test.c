/* Dead letters that go through the pipeline again after a fix: as a batch of their own, exactly
 * once, also when the process fails at any step of it. */
#include "run_fixture.h"

#include "run/letter_list.h"
#include "run/letter_stats.h"

#define SOURCE                                                                                     \
    "FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets " \
    "=> 'earliest', maxOffsetsPerTrigger => 100)"
#define PIPELINE(format, number)                                                                   \
    "CREATE STREAMING TABLE bad USING " format " LOCATION '${dir}/bad';\n"                         \
    "CREATE STREAMING TABLE t USING " format " LOCATION '${dir}/t'\n"                              \
    "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad', "       \
    "'sluice.quarantine.maxRatio' = '0.5')\n"                                                      \
    "AS SELECT CAST(" number " AS INT) AS id, CAST(key AS STRING) AS k, topic, partition, "        \
    "offset " SOURCE
#define BROKEN(format) PIPELINE(format, "CAST(value AS STRING)")
/* Understands x and, not yet, y. */
#define FIXED(format) PIPELINE(format, "replace(CAST(value AS STRING), 'x', '')")
#define REPAIRED(format)                                                                           \
    PIPELINE(format, "replace(replace(CAST(value AS STRING), 'x', ''), 'y', '')")

static const char *const broken[] = {BROKEN("delta"), BROKEN("parquet")};
static const char *const fixed[] = {FIXED("delta"), FIXED("parquet")};
static const char *const repaired[] = {REPAIRED("delta"), REPAIRED("parquet")};
static const char *const formats[] = {"delta", "parquet"};

static void value_of(char *to, size_t cap, int i) {
    const char *prefix = i % 10 != 9 ? "" : i % 20 == 9 ? "x" : "y";
    snprintf(to, cap, "%s%d", prefix, i);
}
static void want_all(char *to, size_t cap, size_t i) {
    snprintf(to, cap, "%zu|k%zu|in|%zu|%zu", i, i, i % 3, i / 3);
}
static void want_without_y(char *to, size_t cap, size_t at) {
    want_all(to, cap, at / 19 * 20 + at % 19);
}
static void expect_rows(struct run_fixture *f, int format, size_t count,
                        void (*want)(char *, size_t, size_t)) {
    char sql[200];
    snprintf(sql, sizeof sql, "SELECT id, k, topic, partition, offset FROM %s.`${dir}/t`",
             formats[format]);
    fixture_expect_rows(f, sql, count, want);
}

static enum sl_code replay(struct run_fixture *f, const char *text, bool *ran) {
    struct sl_pipeline pipeline;
    struct sl_query *query = NULL;
    struct sl_trigger trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW};
    f->err = (struct sl_err){0};
    f->rows_in = f->letters = 0;
    *ran = false;
    enum sl_code code = sl_pipeline_load(&f->engine, "test", sl_str(text), &pipeline, &f->err);
    if (code == SL_OK)
        code = sl_query_open(&pipeline, &pipeline.queries[0], &trigger, fixture_count, f, &query,
                             &f->err);
    while (code == SL_OK && sl_query_is_planned(query)) {
        enum sl_step step;
        int64_t wait_ms;
        code = sl_query_step(query, &step, &wait_ms, &f->err);
    }
    f->rows_in = f->letters = 0;
    if (code == SL_OK) code = sl_query_replay(query, ran, &f->err);
    sl_query_close(query);
    sl_pipeline_release(&pipeline);
    return code;
}
static bool replay_ok(struct run_fixture *f, const char *text) {
    bool ran;
    if (replay(f, text, &ran) != SL_OK)
        fail_msg("%s (%s; %s)", f->err.msg, f->err.hint, f->err.ctx);
    return ran;
}

static void expect_counts(struct run_fixture *f, const char *text, uint64_t open, uint64_t replayed,
                          uint64_t other) {
    struct sl_pipeline pipeline;
    struct sl_letter_owners owners;
    struct sl_letter_group *groups;
    uint64_t sums[SL_LETTER_STATES] = {0};
    uint32_t count;
    assert_int_equal(sl_pipeline_load(&f->engine, "t", sl_str(text), &pipeline, &f->err), SL_OK);
    assert_int_equal(sl_letter_owners_load(&pipeline, &owners, &f->err), SL_OK);
    if (sl_letters_stats(&pipeline, &owners, SL_STR(""), &pipeline.arena, &groups, &count,
                         &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    for (uint32_t i = 0; i < count; i++)
        for (int s = 0; s < SL_LETTER_STATES; s++) sums[s] += groups[i].counts[s];
    assert_int_equal(sums[SL_LETTER_OPEN], open);
    assert_int_equal(sums[SL_LETTER_REPLAYED], replayed);
    assert_int_equal(sums[SL_LETTER_OTHER], other);
    sl_pipeline_release(&pipeline);
}

void test_letters_are_replayed_once(void **state) {
    (void)state;
    for (int i = 0; i < 2; i++) {
        struct run_fixture f;
        fixture_open(&f);
        fixture_produce(&f, 0, 400, value_of);
        fixture_run_ok(&f, broken[i]);
        assert_int_equal(f.letters, 40);
        assert_true(replay_ok(&f, fixed[i]));
        assert_int_equal(f.rows_in, 40);
        assert_int_equal(f.letters, 20); /* those with y fail again */
        expect_rows(&f, i, 380, want_without_y);
        assert_true(replay_ok(&f, repaired[i]));
        assert_int_equal(f.rows_in, 20);
        assert_int_equal(f.letters, 0);
        expect_rows(&f, i, 400, want_all);
        assert_false(replay_ok(&f, repaired[i]));
        fixture_produce(&f, 400, 100, value_of); /* the stream goes on where it was */
        fixture_run_ok(&f, repaired[i]);
        assert_int_equal(f.rows_in, 100);
        expect_rows(&f, i, 500, want_all);
        fixture_close(&f);
    }
}

/* Each step of the replayed batch fails; then a run of the pipeline, not of dlq, finishes it. */
void test_failure_in_a_replay_is_made_good(void **state) {
    (void)state;
    static const char *const points[] = {
        "replay.pre:1:eio",        "replay.named:1:eio",  "replay.dirsynced:1:eio",
        "offsets.pre:1:eio",       "offsets.named:1:eio", "read.mid:1:eio",
        "letters.committed:1:eio", "letters.named:1:eio", "rows.committed:1:eio",
        "commits.pre:1:eio",       "commits.named:1:eio", "batch.committed:1:eio"};
    for (size_t p = 0; p < sizeof points / sizeof *points; p++)
        for (int i = 0; i < 2; i++) {
            struct run_fixture f;
            bool ran;
            fixture_open(&f);
            fixture_produce(&f, 0, 400, value_of);
            fixture_run_ok(&f, broken[i]);
            assert_int_equal(sl_fail_configure(points[p], &f.err), SL_OK);
            if (replay(&f, fixed[i], &ran) == SL_OK) fail_msg("%s did not fail", points[p]);
            assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
            fixture_run_ok(&f, fixed[i]);
            replay_ok(&f, fixed[i]); /* what was not planned, or those that failed again */
            expect_rows(&f, i, 380, want_without_y);
            replay_ok(&f, repaired[i]);
            expect_rows(&f, i, 400, want_all);
            fixture_close(&f);
        }
}

void test_replays_that_cannot_be_are_refused(void **state) {
    (void)state;
    struct run_fixture f;
    bool ran;
    fixture_open(&f);
    fixture_produce(&f, 0, 100, value_of);
    assert_false(replay_ok(&f, BROKEN("delta"))); /* nothing has run yet */
    fixture_run_ok(&f, BROKEN("delta"));
    static const char without[] =
        "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/c') AS SELECT 1 AS id, CAST(key AS STRING) AS k, "
        "topic, partition, offset " SOURCE;
    assert_int_equal(replay(&f, without, &ran), SL_USER);
    assert_non_null(strstr(f.err.msg, "no quarantine"));
    static const char with_type[] =
        "CREATE STREAMING TABLE bad USING delta LOCATION '${dir}/bad';\n"
        "CREATE STREAMING TABLE t USING delta LOCATION '${dir}/t' TBLPROPERTIES "
        "('sluice.checkpointLocation' = '${dir}/c', 'sluice.quarantine' = 'bad') AS SELECT "
        "timestampType AS id, CAST(key AS STRING) AS k, topic, partition, offset " SOURCE;
    assert_int_equal(replay(&f, with_type, &ran), SL_UNSUPPORTED);
    assert_non_null(strstr(f.err.msg, "timestampType"));
    fixture_close(&f);
}

static void remove_dir(struct run_fixture *f, const char *name) {
    char path[600];
    snprintf(path, sizeof path, "%s/%s", f->dir, name);
    assert_int_equal(sl_io_remove_tree(path, &f->err), SL_OK);
}

/* Both checkpoints have counted their batches from 0, and their letters stand in one table. */
void test_letters_of_an_older_checkpoint_are_left_alone(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 400, value_of);
    fixture_run_ok(&f, BROKEN("delta"));
    remove_dir(&f, "c");
    remove_dir(&f, "t");
    fixture_run_ok(&f, BROKEN("delta"));
    assert_true(replay_ok(&f, FIXED("delta")));
    assert_int_equal(f.rows_in, 40);
    assert_int_equal(f.letters, 20);
    assert_true(replay_ok(&f, REPAIRED("delta")));
    assert_int_equal(f.rows_in, 20);
    expect_rows(&f, 0, 400, want_all);
    fixture_close(&f);
}

/* Runs the broken query, and puts letters without the columns of today in place of its own. */
static void make_old_letters(struct run_fixture *f, const char *query, const char *copy) {
    char from[600], to[600];
    fixture_open(f);
    fixture_produce(f, 0, 400, value_of);
    fixture_run_ok(f, query);
    fixture_run_ok(f, copy);
    remove_dir(f, "bad");
    snprintf(from, sizeof from, "%s/old", f->dir);
    snprintf(to, sizeof to, "%s/bad", f->dir);
    assert_int_equal(rename(from, to), 0);
    expect_counts(f, query, 40, 0, 0);
}

#define OLD_LETTERS(format)                                                                        \
    "CREATE MATERIALIZED VIEW old USING " format " LOCATION '${dir}/old' AS SELECT query, "        \
    "batch_id, topic, partition, offset, timestamp, key, value, headers, kind, rule, "             \
    "error_class, sqlstate, error, failed_at FROM " format ".`${dir}/bad`"

/* A table of letters as releases before 0.2 wrote it: read by the query's name, and given the new
 * column by what is written next. */
void test_letters_without_a_query_id_are_replayed(void **state) {
    (void)state;
    struct run_fixture f;
    bool ran;
    make_old_letters(&f, BROKEN("delta"), OLD_LETTERS("delta"));
    assert_true(replay_ok(&f, FIXED("delta")));
    assert_int_equal(f.rows_in, 40);
    expect_counts(&f, FIXED("delta"), 20, 40, 0);
    assert_true(replay_ok(&f, REPAIRED("delta")));
    assert_int_equal(f.rows_in, 20);
    expect_rows(&f, 0, 400, want_all);
    /* nothing but their numbers can tell that they are of a checkpoint that went further */
    remove_dir(&f, "c");
    remove_dir(&f, "t");
    assert_int_equal(fixture_run(&f, BROKEN("delta"), 1), SL_OK);
    assert_int_equal(replay(&f, BROKEN("delta"), &ran), SL_USER);
    assert_non_null(strstr(f.err.hint, "another checkpoint"));
    fixture_close(&f);
}

/* Files of a directory of letters that have no query_id, as old ones, are read like the others. */
void test_parquet_letters_without_a_query_id_are_listed(void **state) {
    (void)state;
    struct run_fixture f;
    make_old_letters(&f, BROKEN("parquet"), OLD_LETTERS("parquet"));
    fixture_close(&f);
}

/* What fails again is counted once; what belongs to a checkpoint that is gone, apart. */
void test_counts_by_what_became_of_the_letters(void **state) {
    (void)state;
    struct run_fixture f;
    fixture_open(&f);
    fixture_produce(&f, 0, 400, value_of);
    expect_counts(&f, BROKEN("parquet"), 0, 0, 0); /* nothing is there */
    for (int i = 0; i < 2; i++) {
        remove_dir(&f, "c");
        remove_dir(&f, "t");
        remove_dir(&f, "bad");
        fixture_run_ok(&f, broken[i]);
        expect_counts(&f, broken[i], 40, 0, 0);
        replay_ok(&f, fixed[i]);
        expect_counts(&f, fixed[i], 20, 40, 0);
        replay_ok(&f, fixed[i]);
        expect_counts(&f, fixed[i], 20, 60, 0);
        replay_ok(&f, repaired[i]);
        expect_counts(&f, repaired[i], 0, 80, 0);
    }
    remove_dir(&f, "c");
    expect_counts(&f, BROKEN("parquet"), 0, 0, 80);
    fixture_close(&f);
}

/* ---- lists ---- */

struct listed {
    int64_t first_batch, last_batch;
    uint32_t rows;
};
static enum sl_code begin_list(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)session, (void)err;
    assert_int_equal(sl_type_find_field(schema, SL_STR("batch_id")), 1);
    return SL_OK;
}
static enum sl_code take_list(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    struct listed *listed = ctx;
    (void)err;
    listed->rows += batch->rows;
    listed->first_batch = batch->columns[1].i64[0];
    listed->last_batch = batch->columns[1].i64[batch->rows - 1];
    for (uint32_t row = 1; row < batch->rows; row++) /* newest first, also inside of a batch */
        if (batch->columns[1].i64[row] == batch->columns[1].i64[row - 1])
            assert_true(batch->columns[SL_LISTED_OFFSET].i64[row] <=
                        batch->columns[SL_LISTED_OFFSET].i64[row - 1]);
    return SL_OK;
}

void test_newest_letters_and_counts(void **state) {
    (void)state;
    struct run_fixture f;
    struct sl_pipeline pipeline;
    struct listed listed = {0};
    struct sl_letter_owners owners;
    struct sl_letter_group *groups;
    uint32_t count;
    fixture_open(&f);
    fixture_produce(&f, 0, 600, value_of);
    fixture_run_ok(&f, BROKEN("delta"));
    int64_t batches = f.batches;
    assert_int_equal(sl_pipeline_load(&f.engine, "t", SL_STR(BROKEN("delta")), &pipeline, &f.err),
                     SL_OK);
    assert_int_equal(sl_letter_owners_load(&pipeline, &owners, &f.err), SL_OK);
    assert_int_equal(sl_letters_newest(&pipeline, &owners, SL_STR("T"), 15, begin_list, take_list,
                                       &listed, &f.err),
                     SL_OK);
    assert_int_equal(listed.rows, 15);
    assert_int_equal(listed.first_batch, batches - 1);
    assert_true(listed.last_batch < batches - 1);
    assert_int_equal(
        sl_letters_stats(&pipeline, &owners, SL_STR(""), &pipeline.arena, &groups, &count, &f.err),
        SL_OK);
    assert_int_equal(count, 3); /* a partition each */
    assert_int_equal(groups[0].counts[SL_LETTER_OPEN] + groups[1].counts[SL_LETTER_OPEN] +
                         groups[2].counts[SL_LETTER_OPEN],
                     60);
    assert_int_equal(sl_letters_stats(&pipeline, &owners, SL_STR("tt"), &pipeline.arena, &groups,
                                      &count, &f.err),
                     SL_USER);
    assert_non_null(strstr(f.err.msg, "no query `tt`"));
    sl_pipeline_release(&pipeline);
    fixture_close(&f);
}
