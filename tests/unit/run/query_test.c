/* Whole streaming queries inside one process: librdkafka's mock cluster, the real source, engine
 * and Parquet sink. */
#include "unit.h"

#include <pthread.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/json.h"
#include "conn/kafka/kafka_mock.h"
#include "conn/kafka/kafka_producer.h"
#include "lake/listing.h"
#include "run/batch_query.h"
#include "run/query_int.h"
#include "run/runner.h"
#include "temp_dir.h"

struct fixture {
    char *dir;
    struct sl_engine engine;
    struct sl_kafka_mock *broker;
    struct sl_err err;
    uint64_t rows_in, rows_out;
    int batches;
};

static const char pipeline_text[] =
    "CREATE STREAMING TABLE t USING parquet PARTITIONED BY (p) LOCATION '${dir}/t'\n"
    "TBLPROPERTIES ('sluice.checkpointLocation' = '${dir}/c')\n"
    "AS SELECT o.id, o.id % 3 AS p, partition, offset FROM (\n"
    "  SELECT from_json(CAST(value AS STRING), 'id INT') AS o, partition, offset\n"
    "  FROM STREAM read_kafka(bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets "
    "=> 'earliest',\n"
    "                         maxOffsetsPerTrigger => 100)) WHERE o.id >= 0";

static void set(struct fixture *f, const char *name, const char *value) {
    sl_settings_set(f->engine.settings, sl_str(name), sl_str(value), SL_FROM_COMMAND_LINE);
}

static void open_fixture(struct fixture *f) {
    *f = (struct fixture){.dir = temp_dir_make()};
    sl_engine_init(&f->engine);
    f->engine.log.level = SL_LOG_ERROR;
    if (sl_kafka_mock_start(0, &f->broker, &f->err) != SL_OK) fail_msg("%s", f->err.msg);
    assert_int_equal(sl_kafka_mock_create_topic(f->broker, "in", 3, &f->err), SL_OK);
    set(f, "brokers", sl_kafka_mock_servers(f->broker));
    set(f, "dir", f->dir);
    set(f, "sluice.workers", "2");
    assert_int_equal(sl_engine_start(&f->engine, 64 << 20, &f->err), SL_OK);
}

static void close_fixture(struct fixture *f) {
    sl_kafka_mock_stop(f->broker);
    sl_engine_release(&f->engine);
    temp_dir_remove(f->dir);
}

/* Records {"id":first} .. in turn over the partitions; every tenth is broken. */
static void produce(struct fixture *f, int first, int count) {
    struct sl_kafka_properties properties = {0};
    struct sl_kafka_producer *producer;
    sl_kafka_property_add(&f->engine.arena, &properties, "bootstrap.servers",
                          sl_str(sl_kafka_mock_servers(f->broker)));
    if (sl_kafka_producer_open(&properties, SL_STR("in"), NULL, &f->engine.log, NULL, &producer,
                               &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    for (int i = first; i < first + count; i++) {
        char value[32];
        snprintf(value, sizeof value, i % 10 == 9 ? "{\"id\":%d" : "{\"id\":%d}", i);
        assert_int_equal(
            sl_kafka_producer_send(producer, i % 3, SL_STR("k"), sl_str(value), 0, &f->err), SL_OK);
    }
    assert_int_equal(sl_kafka_producer_flush(producer, 20000, &f->err), SL_OK);
    sl_kafka_producer_close(producer);
}

static void count_batch(void *ctx, const struct sl_batch_report *report) {
    struct fixture *f = ctx;
    struct sl_buf json = {0};
    for (uint32_t i = 0; i < report->source_count; i++) f->rows_in += report->source_rows[i];
    f->rows_out += report->sink.rows;
    f->batches++;
    sl_progress_put_json(&json, report);
    struct sl_json tree;
    assert_int_equal(sl_json_parse(&f->engine.arena, sl_buf_str(&json), &tree, &f->err), SL_OK);
    assert_non_null(sl_json_get(&tree, SL_STR("durationMs")));
    sl_buf_release(&json);
}

static enum sl_code run_trigger(struct fixture *f, const char *text, struct sl_trigger trigger,
                                sl_report_fn report) {
    struct sl_pipeline pipeline;
    struct sl_run_options options = {.trigger = trigger, .report = report, .report_ctx = f};
    f->rows_in = f->rows_out = 0;
    f->batches = 0;
    enum sl_code code = sl_pipeline_load(&f->engine, "test", sl_str(text), &pipeline, &f->err);
    if (code == SL_OK) code = sl_run_pipeline(&pipeline, &options, &f->err);
    sl_pipeline_release(&pipeline);
    return code;
}

static enum sl_code run(struct fixture *f, const char *text, int64_t batches_max) {
    struct sl_trigger trigger = {.kind = SL_TRIGGER_AVAILABLE_NOW, .batches_max = batches_max};
    return run_trigger(f, text, trigger, count_batch);
}

/* ---- reading the table back ---- */

struct seen {
    int count;
    uint8_t ids[10000];
};
static enum sl_code begin_seen(void *ctx, const struct sl_type *schema,
                               const struct sl_session *session, struct sl_err *err) {
    (void)ctx, (void)schema, (void)session, (void)err;
    return SL_OK;
}
static enum sl_code take_seen(void *ctx, const struct sl_batch *batch, struct sl_err *err) {
    struct seen *seen = ctx;
    struct sl_vec flat;
    sl_vec_init(&flat, batch->columns[0].type);
    SL_TRY(sl_vec_flatten(&batch->columns[0], &flat, err));
    for (uint32_t i = 0; i < batch->rows; i++) {
        seen->ids[flat.i32[i]]++;
        seen->count++;
    }
    sl_vec_release(&flat);
    return SL_OK;
}

/* Every id of [0, count) that is not a broken record is in the table exactly once. */
static void expect_once(struct fixture *f, int count) {
    struct sl_pipeline pipeline;
    struct seen *seen = calloc(1, sizeof *seen);
    if (sl_pipeline_load(&f->engine, "read", SL_STR("SELECT id FROM parquet.`${dir}/t`"), &pipeline,
                         &f->err) != SL_OK ||
        sl_batch_query_run(&pipeline, pipeline.selects[0]->query, begin_seen, take_seen, seen,
                           &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    for (int id = 0; id < count; id++)
        if (seen->ids[id] != (id % 10 == 9 ? 0 : 1))
            fail_msg("id %d is in the table %d times", id, seen->ids[id]);
    assert_int_equal(seen->count, count - count / 10);
    free(seen);
    sl_pipeline_release(&pipeline);
}

void test_query_reads_everything_once_in_limited_batches(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    produce(&f, 0, 1000);
    if (run(&f, pipeline_text, 0) != SL_OK) fail_msg("%s (%s)", f.err.msg, f.err.ctx);
    assert_int_equal(f.rows_in, 1000);
    assert_int_equal(f.rows_out, 900);
    assert_in_range(f.batches, 9, 12);
    expect_once(&f, 1000);
    close_fixture(&f);
}

void test_query_resumes_where_it_stopped(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    produce(&f, 0, 600);
    assert_int_equal(run(&f, pipeline_text, 2), SL_OK);
    assert_int_equal(f.batches, 2);
    assert_int_equal(run(&f, pipeline_text, 0), SL_OK);
    produce(&f, 600, 300);
    assert_int_equal(run(&f, pipeline_text, 0), SL_OK);
    assert_int_equal(f.rows_in, 300);
    expect_once(&f, 900);
    assert_int_equal(run(&f, pipeline_text, 0), SL_OK);
    assert_int_equal(f.batches, 0);
    close_fixture(&f);
}

void test_query_refuses_a_new_checkpoint_on_a_used_table(void **state) {
    (void)state;
    struct fixture f;
    char path[512];
    open_fixture(&f);
    produce(&f, 0, 100);
    assert_int_equal(run(&f, pipeline_text, 0), SL_OK);
    snprintf(path, sizeof path, "%s/c", f.dir);
    assert_int_equal(sl_io_remove_tree(path, &f.err), SL_OK);
    assert_int_equal(run(&f, pipeline_text, 0), SL_USER);
    assert_non_null(strstr(f.err.msg, "this checkpoint is new"));
    expect_once(&f, 100);
    close_fixture(&f);
}

void test_query_without_stream_or_checkpoint_is_refused(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    assert_int_equal(
        run(&f, "CREATE STREAMING TABLE t USING parquet LOCATION '${dir}/t' AS SELECT 1 AS a", 0),
        SL_USER);
    assert_non_null(strstr(f.err.msg, "no checkpoint location"));
    assert_int_equal(run(&f, "CREATE STREAMING TABLE t USING console AS SELECT 1 AS a", 0),
                     SL_USER);
    assert_non_null(strstr(f.err.msg, "reads no stream"));
    assert_int_equal(
        run(&f,
            "CREATE STREAMING TABLE t USING parqet LOCATION '${dir}/t' TBLPROPERTIES "
            "('checkpointLocation' = '${dir}/c') AS SELECT value FROM STREAM read_kafka("
            "bootstrapServers => '${brokers}', subscribe => 'in')",
            0),
        SL_USER);
    assert_non_null(strstr(f.err.hint, "parquet"));
    close_fixture(&f);
}

/* ---- what an intent was made from ---- */

static int count_files(struct fixture *f, const char *dir, const char *end) {
    char path[512], **names;
    size_t count = 0;
    int found = 0;
    struct sl_arena arena;
    sl_arena_init(&arena, "names");
    snprintf(path, sizeof path, "%s/%s", f->dir, dir);
    if (sl_io_list_dir(path, &arena, &names, &count, NULL) != SL_OK) count = 0;
    for (size_t i = 0; i < count; i++) found += sl_str_ends(sl_str(names[i]), sl_str(end));
    sl_arena_release(&arena);
    return found;
}

/* Behind the commit point, nothing renamed yet; then offsets/0 says something else: nothing may be
 * published. With the old offsets/0 back it is. */
void test_intent_of_other_offsets_is_not_published(void **state) {
    (void)state;
    struct fixture f;
    char dir[512], sum[540];
    struct sl_buf good = {0};
    open_fixture(&f);
    produce(&f, 0, 90);
    assert_int_equal(sl_fail_configure("publish.rename:1:eio", &f.err), SL_OK);
    assert_int_equal(run(&f, pipeline_text, 0), SL_IO);
    assert_int_equal(sl_fail_configure("", &f.err), SL_OK);
    snprintf(sum, sizeof sum, "%s/c/offsets/0", f.dir);
    assert_int_equal(sl_io_read_file(sum, 1 << 20, &good, &f.err), SL_OK);
    char *digit = strrchr(sl_buf_cstr(&good), ':') + 1;
    char old = *digit;
    snprintf(dir, sizeof dir, "%s/c/offsets", f.dir);
    for (int attempt = 0; attempt < 2; attempt++) {
        *digit = attempt == 0 ? old ^ 1 : old;
        assert_int_equal(
            sl_io_put_atomic(dir, "0", sl_buf_str(&good), SL_PUT_REPLACE, NULL, &f.err), SL_OK);
        enum sl_code code = run(&f, pipeline_text, 0);
        if (attempt == 1) break;
        assert_int_equal(code, SL_USER);
        assert_non_null(strstr(f.err.msg, "other offsets than offsets/0"));
        for (int p = 0; p < 3; p++) {
            char name[16];
            snprintf(name, sizeof name, "t/p=%d", p);
            assert_int_equal(count_files(&f, name, ".parquet"), 0);
        }
        assert_int_equal(count_files(&f, "t/_spark_metadata", ""), 0);
    }
    expect_once(&f, 90);
    sl_buf_release(&good);
    close_fixture(&f);
}

/* ---- errors that pass, errors that last ---- */

enum { LIST_OFFSETS = 2, BROKER_NOT_AVAILABLE = 8, TOPIC_AUTHORIZATION_FAILED = 29 };

static void break_after_batch(struct fixture *f, int error, int times) {
    if (f->batches == 1) sl_kafka_mock_answer(f->broker, LIST_OFFSETS, error, times);
}
static void lose_the_right(void *ctx, const struct sl_batch_report *report) {
    count_batch(ctx, report);
    break_after_batch(ctx, TOPIC_AUTHORIZATION_FAILED, 1000);
}
static void stumble(void *ctx, const struct sl_batch_report *report) {
    count_batch(ctx, report);
    break_after_batch(ctx, BROKER_NOT_AVAILABLE, 1);
}

/* A query without an end: a missing right ends it, a stumbling broker does not. */
void test_endless_query_stops_at_errors_that_last(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    produce(&f, 0, 900);
    struct sl_trigger endless = {.kind = SL_TRIGGER_DEFAULT};
    assert_int_equal(run_trigger(&f, pipeline_text, endless, lose_the_right), SL_UNAVAILABLE);
    assert_false(f.err.retriable);
    assert_int_equal(f.err.sys, TOPIC_AUTHORIZATION_FAILED);
    assert_non_null(strstr(f.err.hint, "READ and DESCRIBE"));
    assert_in_range(f.batches, 1, 2);
    close_fixture(&f);
    open_fixture(&f);
    produce(&f, 0, 900);
    endless.batches_max = 10; /* 33 of each partition a batch */
    if (run_trigger(&f, pipeline_text, endless, stumble) != SL_OK) fail_msg("%s", f.err.msg);
    assert_int_equal(f.batches, 10);
    expect_once(&f, 900);
    close_fixture(&f);
}

/* ---- memory over time ---- */

struct growth {
    struct fixture f; /* first: count_batch sees it */
    size_t early, late;
};

static void watch_arenas(void *ctx, const struct sl_batch_report *report) {
    struct growth *growth = ctx;
    count_batch(&growth->f, report);
    size_t used = report->query->arena.used_bytes;
    if (growth->f.batches == 5) growth->early = used;
    growth->late = used;
}

/* What lives as long as the query must not be allocated batch by batch. */
void test_query_arena_does_not_grow_with_batches(void **state) {
    (void)state;
    struct growth growth;
    struct fixture *f = &growth.f;
    open_fixture(f);
    set(f, "spark.sql.streaming.minBatchesToRetain", "3");
    produce(f, 0, 3000);
    struct sl_trigger now = {.kind = SL_TRIGGER_AVAILABLE_NOW};
    if (run_trigger(f, pipeline_text, now, watch_arenas) != SL_OK) fail_msg("%s", f->err.msg);
    assert_true(f->batches >= 30);
    assert_int_equal(growth.late, growth.early);
    close_fixture(f);
}

/* ---- the first signal ---- */

static void stop_and_break(void *ctx, const struct sl_batch_report *report) {
    struct fixture *f = ctx;
    count_batch(ctx, report);
    sl_kafka_mock_answer(f->broker, LIST_OFFSETS, 6 /* NOT_LEADER */, 1000);
    sl_engine_stop(&f->engine);
}

/* Asked to stop before it has begun, between batches, or while it asks a broker that does not
 * answer: a drained query, not an error. */
void test_first_stop_is_no_error(void **state) {
    (void)state;
    struct fixture f;
    struct sl_trigger endless = {.kind = SL_TRIGGER_DEFAULT};
    open_fixture(&f);
    produce(&f, 0, 900);
    if (run_trigger(&f, pipeline_text, endless, stop_and_break) != SL_OK) fail_msg("%s", f.err.msg);
    assert_int_equal(f.batches, 1);
    if (run_trigger(&f, pipeline_text, endless, count_batch) != SL_OK) fail_msg("%s", f.err.msg);
    assert_int_equal(f.batches, 0);
    close_fixture(&f);
}

static void *stop_soon(void *engine) {
    sl_clock_sleep_ms(300);
    sl_engine_stop(engine);
    return NULL;
}

void test_first_stop_while_the_broker_is_silent_is_no_error(void **state) {
    (void)state;
    struct fixture f;
    pthread_t thread;
    struct sl_trigger endless = {.kind = SL_TRIGGER_DEFAULT};
    open_fixture(&f);
    produce(&f, 0, 90);
    /* every question at the start is told to ask elsewhere */
    sl_kafka_mock_answer(f.broker, LIST_OFFSETS, 6 /* NOT_LEADER */, 1000);
    assert_int_equal(pthread_create(&thread, NULL, stop_soon, &f.engine), 0);
    int64_t begin = sl_clock_mono_ns();
    if (run_trigger(&f, pipeline_text, endless, count_batch) != SL_OK) fail_msg("%s", f.err.msg);
    assert_true(sl_clock_mono_ns() - begin < (int64_t)5000 * 1000000);
    assert_int_equal(f.batches, 0);
    pthread_join(thread, NULL);
    close_fixture(&f);
}

/* ---- one writer a table, and what a view replaces ---- */

/* Both would number their batches from 0 in the same _spark_metadata. The first has ended without
 * its lock; the second has a checkpoint, and so a query id, of its own. */
void test_query_refuses_a_second_writer_of_a_table(void **state) {
    (void)state;
#define WRITER(name)                                                                               \
    "CREATE STREAMING TABLE " name " USING parquet LOCATION '${dir}/t' TBLPROPERTIES "             \
    "('checkpointLocation' = '${dir}/" name "') AS SELECT value FROM STREAM read_kafka("           \
    "bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets => 'earliest');"
    struct fixture f;
    struct sl_lock *lock;
    char path[512];
    struct sl_file_info info;
    open_fixture(&f);
    produce(&f, 0, 30);
    assert_int_equal(run(&f, WRITER("a") WRITER("b"), 0), SL_USER);
    assert_non_null(strstr(f.err.msg, "LOCATION of `b` is also that of `a`"));
    snprintf(path, sizeof path, "%s/t", f.dir);
    assert_int_equal(sl_io_make_dirs(path, &f.err), SL_OK);
    assert_int_equal(sl_lock_take(path, ".sluice.lock", &lock, &f.err), SL_OK);
    assert_int_equal(run(&f, WRITER("a"), 0), SL_CONFLICT);
    assert_non_null(strstr(f.err.ctx, "only one query at a time"));
    snprintf(path, sizeof path, "%s/t/_spark_metadata", f.dir);
    assert_int_equal(sl_io_stat(path, &info, &f.err), SL_OK);
    assert_false(info.exists);
    sl_lock_free(lock);
    close_fixture(&f);
}

void test_pipeline_refuses_two_flows_into_one_table(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    assert_int_equal(run(&f,
                         "CREATE STREAMING TABLE t USING parquet LOCATION '${dir}/t';"
                         "CREATE FLOW f AS INSERT INTO t BY NAME SELECT 1 AS a;"
                         "CREATE FLOW g AS INSERT INTO t BY NAME SELECT 2 AS a",
                         0),
                     SL_USER);
    assert_non_null(strstr(f.err.msg, "second flow"));
    close_fixture(&f);
}

static enum sl_code run_view(struct fixture *f, int first) {
    char text[300];
    snprintf(text, sizeof text,
             "CREATE MATERIALIZED VIEW v USING parquet PARTITIONED BY (p) LOCATION '${dir}/t' AS "
             "SELECT id, id %% 2 AS p FROM VALUES (%d), (%d) AS x(id)",
             first, first + 1);
    return run(f, text, 0);
}

/* Computed again, a view has its new rows and no others; what else lies in its directory stays, and
 * a stream's table is not taken for it. */
void test_materialized_view_is_replaced(void **state) {
    (void)state;
    struct fixture f;
    struct sl_file_info info;
    char path[512];
    open_fixture(&f);
    snprintf(path, sizeof path, "%s/t", f.dir);
    assert_int_equal(sl_io_make_dirs(path, &f.err), SL_OK);
    assert_int_equal(sl_io_put_atomic(path, "_notes.txt", SL_STR("mine"), 0, NULL, &f.err), SL_OK);
    assert_int_equal(run_view(&f, 5), SL_OK);
    assert_int_equal(run_view(&f, 0), SL_OK);
    expect_once(&f, 2);
    snprintf(path, sizeof path, "%s/t/_notes.txt", f.dir);
    assert_int_equal(sl_io_stat(path, &info, &f.err), SL_OK);
    assert_true(info.exists);
    snprintf(path, sizeof path, "%s/t/_spark_metadata", f.dir);
    assert_int_equal(sl_io_make_dirs(path, &f.err), SL_OK);
    assert_int_equal(run_view(&f, 7), SL_USER);
    assert_non_null(strstr(f.err.msg, "streaming query"));
    assert_int_equal(sl_io_remove_tree(path, &f.err), SL_OK);
    expect_once(&f, 2);
    close_fixture(&f);
}

void test_settings_of_the_wrong_type_are_refused(void **state) {
    (void)state;
    static const char *const wrong[][2] = {{"spark.sql.ansi.enabled", "ture"},
                                           {"spark.sql.streaming.minBatchesToRetain", "0"},
                                           {"spark.sql.streaming.minBatchesToRetain", "-5"},
                                           {"spark.sql.shuffle.partitions", "many"}};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        struct fixture f;
        open_fixture(&f);
        set(&f, wrong[i][0], wrong[i][1]);
        assert_int_equal(run(&f, pipeline_text, 0), SL_USER);
        assert_non_null(strstr(f.err.msg, wrong[i][0]));
        close_fixture(&f);
    }
}

/* ---- triggers ---- */

/* Triggers that find too little to do must not put off maxTriggerDelay for ever. */
void test_interval_trigger_keeps_the_trigger_delay(void **state) {
    (void)state;
    static const char text[] =
        "CREATE STREAMING TABLE t USING noop AS SELECT value FROM STREAM read_kafka("
        "bootstrapServers => '${brokers}', subscribe => 'in', startingOffsets => 'earliest', "
        "minOffsetsPerTrigger => 1000, maxTriggerDelay => '500ms')";
    struct fixture f;
    struct sl_pipeline pipeline;
    struct sl_query *query;
    struct sl_trigger trigger = {.kind = SL_TRIGGER_INTERVAL, .interval_ms = 50};
    open_fixture(&f);
    assert_int_equal(sl_pipeline_load(&f.engine, "test", sl_str(text), &pipeline, &f.err), SL_OK);
    assert_int_equal(
        sl_query_open(&pipeline, &pipeline.queries[0], &trigger, count_batch, &f, &query, &f.err),
        SL_OK);
    for (int round = 0; round < 2; round++) {
        produce(&f, round * 3, 3);
        for (int i = 0; i < 100 && f.batches == round; i++) {
            enum sl_step step;
            int64_t wait_ms;
            assert_int_equal(sl_query_step(query, &step, &wait_ms, &f.err), SL_OK);
            sl_clock_sleep_ms(wait_ms);
        }
        assert_int_equal(f.batches, round + 1);
    }
    sl_query_close(query);
    sl_pipeline_release(&pipeline);
    close_fixture(&f);
}
