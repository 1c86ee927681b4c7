/* The Delta sink as run/ drives it, on a real directory: what becomes a version, what is skipped,
 * what is refused. Rivals are second snapshots of the same table. */
#include "sink_world.h"

#include "base/fail.h"
#include "conn/delta/delta_table.h"

static const uint32_t by_second[] = {1};

/* Rows of (100 * batch + i, "x" or null). */
static void stage(struct world *w, struct sl_sink *sink, int64_t batch_id, uint64_t hash,
                  uint32_t rows) {
    struct sl_batch batch;
    sl_batch_init(&batch, w->config.schema, &w->arena);
    for (uint32_t i = 0; i < rows; i++) {
        assert_int_equal(sl_vec_put_i64(&batch.columns[0], batch_id * 100 + i, NULL), SL_OK);
        assert_int_equal(i % 2 ? sl_vec_append_null(&batch.columns[1], 1, NULL)
                               : sl_vec_put_str(&batch.columns[1], SL_STR("x"), NULL),
                         SL_OK);
    }
    batch.rows = batch.selected_rows = rows;
    world_stage(sink, batch_id, hash, &batch);
    sl_batch_release(&batch);
}

static struct sl_sink_metrics put_batch(struct world *w, struct sl_sink *sink, int64_t batch_id,
                                        uint64_t hash, uint32_t rows) {
    stage(w, sink, batch_id, hash, rows);
    return world_commit(sink);
}

static size_t data_files(struct world *w, const char *dir) {
    char **names;
    size_t count, found = 0;
    const char *full = sl_path_join(&w->arena, w->dir, dir);
    assert_int_equal(sl_io_list_dir(full, &w->arena, &names, &count, NULL), SL_OK);
    for (size_t i = 0; i < count; i++) found += sl_str_ends(sl_str(names[i]), SL_STR(".parquet"));
    return found;
}

static int64_t version_of(struct world *w) {
    struct sl_delta_snapshot *snapshot = delta_open(w->dir);
    int64_t version = sl_delta_snapshot_version(snapshot);
    sl_delta_snapshot_close(snapshot);
    return version;
}

static int live_files(struct world *w) {
    struct sl_delta_snapshot *snapshot = delta_open(w->dir);
    int count = (int)delta_live_files(snapshot);
    sl_delta_snapshot_close(snapshot);
    return count;
}

void test_delta_sink_creates_and_appends(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    w.config.partition_columns = by_second;
    w.config.partition_count = 1;
    struct sl_sink *sink = world_open(&w);
    assert_false(temp_dir_exists(w.dir, "_delta_log"));
    assert_true(sl_str_starts(sink->ops->description(sink), SL_STR("DeltaSink[/")));
    struct sl_sink_metrics metrics = put_batch(&w, sink, 0, 0xabc, 4);
    assert_int_equal(metrics.rows, 4);
    assert_int_equal(metrics.files, 2);
    assert_int_equal(metrics.partitions, 2);
    char *text = delta_commit_text(w.dir, 0);
    static const char *const lines[] = {
        "{\"commitInfo\":{\"timestamp\":", "\n{\"metaData\":{\"id\":\"",
        "\n{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n",
        "\n{\"txn\":{\"appId\":\"query-1\",\"version\":0,\"lastUpdated\":",
        "\n{\"add\":{\"path\":"};
    const char *at = text;
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) {
        at = strstr(at, lines[i]);
        if (!at) fail_msg("`%s` is not behind the one before it in\n%s", lines[i], text);
    }
    assert_non_null(strstr(text, "\"operationParameters\":{\"outputMode\":\"Append\",\"queryId\":"
                                 "\"query-1\",\"epochId\":\"0\"}"));
    assert_non_null(strstr(text, "\"tags\":{\"sluice.offsetsHash\":\"0000000000000abc\"}"));
    assert_non_null(strstr(text, "\"partitionValues\":{\"b\":\"x\"}"));
    assert_non_null(strstr(text, "\"partitionValues\":{\"b\":null}"));
    assert_non_null(strstr(text, "\"minValues\\\":{\\\"a\\\":0}"));
    free(text);
    put_batch(&w, sink, 1, 2, 3);
    assert_int_equal(version_of(&w), 1);
    assert_int_equal(live_files(&w), 4);
    world_release(&w);
}

/* As Spark's sink: the transaction is there, without files. */
void test_delta_sink_commits_empty_batches(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 1, 0);
    put_batch(&w, sink, 1, 1, 0);
    assert_int_equal(version_of(&w), 1);
    assert_int_equal(live_files(&w), 0);
    delta_check_text(w.dir, 1, "\"txn\":{\"appId\":\"query-1\",\"version\":1");
    world_release(&w);
}

void test_delta_sink_knows_its_batches(void **state) {
    (void)state;
    struct world w;
    bool committed;
    struct sl_err err;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 10, 1);
    put_batch(&w, sink, 1, 11, 1);
    world_close(&w, sink);

    sink = world_open(&w);
    assert_int_equal(sink->ops->recover(sink, 1, 11, 0, &err), SL_OK);
    assert_int_equal(sink->ops->is_committed(sink, 1, 11, &committed, &err), SL_OK);
    assert_true(committed);
    assert_int_equal(sink->ops->is_committed(sink, 0, 10, &committed, &err), SL_OK);
    assert_true(committed);
    assert_int_equal(sink->ops->is_committed(sink, 2, 12, &committed, &err), SL_OK);
    assert_false(committed);
    /* made from other offsets */
    assert_int_equal(sink->ops->is_committed(sink, 1, 99, &committed, &err), SL_USER);
    assert_non_null(strstr(err.msg, "other offsets"));
    /* the checkpoint is older than the table, and the other way round */
    assert_int_equal(sink->ops->recover(sink, 0, 10, 0, &err), SL_USER);
    assert_non_null(strstr(err.msg, "has planned only up to batch 0"));
    assert_int_equal(sink->ops->recover(sink, 3, 13, 2, &err), SL_USER);
    assert_non_null(strstr(err.msg, "only up to 1"));
    world_release(&w);
}

/* Spark's batches tell no hash: the id has to do. */
void test_delta_sink_takes_over_from_spark(void **state) {
    (void)state;
    struct world w;
    bool committed;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 10, 1);
    struct sl_delta_snapshot *spark = delta_open(w.dir);
    struct sl_delta_txn txn = {SL_STR("query-1"), 1, 5};
    struct sl_delta_file file = delta_file("part-spark.parquet");
    struct sl_delta_commit commit = delta_append(&file, &txn);
    delta_commit(spark, &commit);
    sl_delta_snapshot_close(spark);
    assert_int_equal(sink->ops->is_committed(sink, 1, 77, &committed, NULL), SL_OK);
    assert_true(committed);
    put_batch(&w, sink, 2, 12, 1);
    assert_int_equal(version_of(&w), 2);
    assert_int_equal(live_files(&w), 3);
    world_release(&w);
}

/* Another process has our query id and commits our batch: one of the two has to stop. */
void test_delta_sink_meets_its_double(void **state) {
    (void)state;
    struct world w;
    struct sl_sink_metrics metrics;
    struct sl_err err = {0};
    world_init(&w);
    struct sl_sink *sink = world_open(&w), *other = world_open(&w);
    put_batch(&w, sink, 0, 10, 1);
    stage(&w, sink, 1, 11, 1);
    stage(&w, other, 1, 12, 1);
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_OK);
    assert_int_equal(other->ops->commit(other, &metrics, &err), SL_CONFLICT);
    assert_non_null(strstr(err.msg, "somebody else has committed batch 1"));
    size_t before = data_files(&w, "");
    other->ops->abort(other);
    assert_int_equal(data_files(&w, ""), before - 1);
    assert_int_equal(live_files(&w), 2);
    world_release(&w);
}

/* Two queries find no table and make it: the second one appends to the first one's. */
void test_delta_sink_two_streams_make_one_table(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    struct sl_sink_metrics metrics;
    world_init(&w);
    struct sl_conn_env other_env = w.env;
    other_env.query_id = SL_STR("query-2");
    struct sl_sink *sink = world_open(&w), *other = world_open_as(&w, &other_env, &w.config);
    stage(&w, sink, 0, 10, 1);
    stage(&w, other, 0, 20, 1);
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_OK);
    if (other->ops->commit(other, &metrics, &err) != SL_OK) fail_msg("%s", err.msg);
    assert_int_equal(version_of(&w), 1);
    assert_int_equal(live_files(&w), 2);
    delta_check_text(w.dir, 1, "\"txn\":{\"appId\":\"query-2\",\"version\":0");
    put_batch(&w, other, 1, 21, 1);
    put_batch(&w, sink, 1, 11, 1);
    assert_int_equal(live_files(&w), 4);
    world_release(&w);
}

/* The same with another schema: the second one's batch is refused, its file goes. */
void test_delta_sink_meets_another_new_table(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    struct sl_sink_metrics metrics;
    world_init(&w);
    struct sl_conn_env other_env = w.env;
    struct sl_sink_config other_config = w.config;
    other_env.query_id = SL_STR("query-2");
    other_config.schema = world_two(&w, "a", &sl_type_long, "c", &sl_type_string);
    struct sl_sink *sink = world_open(&w), *other = world_open_as(&w, &other_env, &other_config);
    stage(&w, sink, 0, 10, 1);
    stage(&w, other, 0, 20, 1);
    assert_int_equal(other->ops->commit(other, &metrics, &err), SL_OK);
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_CONFLICT);
    sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), 1);
    assert_int_equal(sink->ops->begin(sink, 0, 10, 1, &err), SL_USER);
    assert_string_equal(err.condition, "DELTA_METADATA_MISMATCH");
    world_release(&w);
}

void test_delta_sink_foreign_writers(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 10, 1);
    stage(&w, sink, 1, 11, 1);
    /* comes between our staging and our commit */
    struct sl_delta_snapshot *rival = delta_open(w.dir);
    struct sl_delta_file file = delta_file("part-rival.parquet");
    struct sl_delta_commit commit = delta_append(&file, NULL);
    delta_commit(rival, &commit);
    struct sl_sink_metrics metrics;
    assert_int_equal(sink->ops->commit(sink, &metrics, NULL), SL_OK);
    assert_int_equal(version_of(&w), 2);
    assert_int_equal(live_files(&w), 3);
    sl_delta_snapshot_close(rival);
    world_release(&w);
}

/* A new nullable column meanwhile is no obstacle for files that lack it; another type is. */
void test_delta_sink_schema_changes_under_it(void **state) {
    (void)state;
    struct world w;
    struct sl_sink_metrics metrics;
    struct sl_err err = {0};
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 10, 1);
    stage(&w, sink, 1, 11, 1);
    world_change_metadata(
        &w,
        METADATA_OF(FIELD("a", "long") "," FIELD("b", "string") "," FIELD("c", "date"), "", ""));
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_OK);
    put_batch(&w, sink, 2, 12, 1); /* with the new column, null */
    delta_check_text(w.dir, version_of(&w),
                     "\\\"nullCount\\\":{\\\"a\\\":0,\\\"b\\\":0,\\\"c\\\":1}");
    stage(&w, sink, 3, 13, 1);
    world_change_metadata(&w, METADATA_OF(FIELD("a", "integer") "," FIELD("b", "string"), "", ""));
    size_t before = data_files(&w, "");
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_CONFLICT);
    assert_string_equal(err.condition, "DELTA_METADATA_CHANGED");
    sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), before - 1);
    assert_int_equal(sink->ops->begin(sink, 3, 13, 1, &err), SL_USER);
    assert_string_equal(err.condition, "DELTA_METADATA_MISMATCH");
    world_release(&w);
}

void test_delta_sink_refuses_other_columns(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    delta_create(&w.arena, w.dir, PROTOCOL_1_2,
                 METADATA_OF(FIELD("a", "integer") "," FIELD("c", "string"), "", ""));
    world_refuses(&w, SL_USER, "DELTA_METADATA_MISMATCH",
                  "column `a` is BIGINT in the query, INT in the table; column `b` (STRING) is not "
                  "in the table");
    /* a column less, another case: fine */
    struct sl_field fields[] = {world_field("A", &sl_type_int)};
    w.config.schema = sl_type_struct(&w.arena, fields, 1);
    world_open(&w);
    world_release(&w);
}

#define CHECK_POSITIVE "\"delta.constraints.positive\":\"a > 0\""
#define DEMANDING(name, type, nullable, metadata)                                                  \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type "\\\",\\\"nullable\\\":" nullable      \
    ",\\\"metadata\\\":{" metadata "}}"

static uint32_t ask(struct world *w, struct sl_sink *sink, struct sl_sink_constraint **out) {
    uint32_t count;
    struct sl_err err;
    if (sink->ops->constraints(sink, &w->arena, out, &count, &err) != SL_OK)
        fail_msg("%s", err.msg);
    return count;
}

/* Who runs the query is told what to evaluate; who does not ask may not write. */
void test_delta_sink_tells_constraints(void **state) {
    (void)state;
    static const char metadata[] = METADATA_OF(
        DEMANDING(
            "a", "long", "false",
            "\\\"delta.invariants\\\":\\\"{\\\\\\\"expression\\\\\\\":{\\\\\\\"expression\\\\\\\":"
            "\\\\\\\"a > 3\\\\\\\"}}\\\"") "," DEMANDING("b", "string", "true",
                                                         "\\\"__CHAR_VARCHAR_TYPE_STRING\\\":"
                                                         "\\\"varchar(5)\\\""),
        "", CHECK_POSITIVE);
    static const char *const want[][2] = {
        {"NOT NULL a", "`a` IS NOT NULL"},
        {"a", "a > 3"},
        {"b varchar(5)", "`b` IS NULL OR char_length(`b`) <= 5"},
        {"positive", "a > 0"},
    };
    struct world w;
    struct sl_err err = {0};
    struct sl_sink_constraint *told;
    world_init(&w);
    delta_create(&w.arena, w.dir, PROTOCOL_1_2, metadata);
    struct sl_sink *sink = world_open(&w);
    assert_int_equal(sink->ops->begin(sink, 0, 1, 1, &err), SL_UNSUPPORTED);
    assert_string_equal(err.condition, "DELTA_UNSUPPORTED_FEATURES_FOR_WRITE");
    assert_non_null(strstr(err.msg, "`positive` CHECK (a > 0)"));
    assert_int_equal(ask(&w, sink, &told), 4);
    for (int i = 0; i < 4; i++) {
        assert_true(sl_str_eq(told[i].name, sl_str(want[i][0])));
        assert_true(sl_str_eq(told[i].text, sl_str(want[i][1])));
    }
    put_batch(&w, sink, 0, 1, 1);
    world_release(&w);
}

/* A constraint that comes while the query runs was evaluated for no row. */
void test_delta_sink_new_constraint_stops_it(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    struct sl_sink_metrics metrics;
    struct sl_sink_constraint *told;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    assert_int_equal(ask(&w, sink, &told), 0);
    put_batch(&w, sink, 0, 1, 1);
    stage(&w, sink, 1, 2, 1);
    world_change_metadata(
        &w, METADATA_OF(FIELD("a", "long") "," FIELD("b", "string"), "", CHECK_POSITIVE));
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_CONFLICT);
    sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), 1);
    assert_int_equal(sink->ops->begin(sink, 1, 2, 1, &err), SL_CONFLICT);
    assert_non_null(strstr(err.msg, "got a constraint while the query ran: `positive` CHECK"));
    world_close(&w, sink);
    sink = world_open(&w);
    assert_int_equal(ask(&w, sink, &told), 1);
    put_batch(&w, sink, 1, 2, 1);
    world_release(&w);
}

/* What has no text cannot be evaluated. */
void test_delta_sink_refuses_what_it_cannot_check(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    struct sl_sink_constraint *told;
    uint32_t count;
    world_init(&w);
    delta_create(
        &w.arena, w.dir, PROTOCOL_1_2,
        METADATA_OF(DEMANDING("a", "long", "true",
                              "\\\"delta.invariants\\\":\\\"a > 3\\\"") "," FIELD("b", "string"),
                    "", ""));
    struct sl_sink *sink = world_open(&w);
    assert_int_equal(sink->ops->constraints(sink, &w.arena, &told, &count, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "the invariant of column `a`"));
    world_release(&w);
}

void test_delta_sink_refuses_new_tables(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    w.config.schema = world_two(&w, "a b", &sl_type_long, "c", &sl_type_string);
    world_refuses(&w, SL_USER, "DELTA_INVALID_CHARACTERS_IN_COLUMN_NAMES", "`a b`");
    w.config.schema = world_two(&w, "a", &sl_type_null, "c", &sl_type_string);
    world_refuses(&w, SL_USER, "DELTA_UNSUPPORTED_DATA_TYPES", "VOID");
    w.config.schema = world_two(&w, "a", &sl_type_long, "A", &sl_type_string);
    world_refuses(&w, SL_USER, "COLUMN_ALREADY_EXISTS", "`A`");
    w.config.schema = world_two(&w, "a", &sl_type_long, "c", &sl_type_string);
    world_set_option(&w, "maxRecordPerFile", "3");
    world_refuses(&w, SL_USER, "INVALID_OPTION", "maxRecordPerFile");
    assert_false(temp_dir_exists(w.dir, "_delta_log"));
    world_release(&w);
}

void test_delta_sink_properties_and_protocol(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    w.config.schema = world_two(&w, "a", &sl_type_long, "t", &sl_type_string);
    struct sl_field fields[] = {world_field("a", &sl_type_long), world_field("b", &sl_type_string),
                                world_field("t", &sl_type_timestamp_ntz)};
    w.config.schema = sl_type_struct(&w.arena, fields, 3);
    world_set_option(&w, "delta.checkpointInterval", "7");
    world_set_option(&w, "sluice.checkpointLocation", "/c");
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 1, 0);
    delta_check_text(w.dir, 0, "\"configuration\":{\"delta.checkpointInterval\":\"7\"}");
    delta_check_text(w.dir, 0,
                     "\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":"
                     "[\"timestampNtz\"]");
    world_release(&w);
}

/* A view's table becomes what the view is: other rows, other columns, one version; its id stays. */
void test_delta_sink_view_changes_its_columns(void **state) {
    (void)state;
    struct world w;
    struct sl_err err = {0};
    world_init(&w);
    w.env.checkpoint_dir = SL_STR("");
    struct sl_sink *sink = world_open(&w);
    put_batch(&w, sink, 0, 1, 2);
    world_close(&w, sink);
    struct sl_delta_snapshot *before = delta_open(w.dir);
    w.config.schema = world_two(&w, "n", &sl_type_long, "b", &sl_type_string);
    w.config.partition_columns = by_second;
    w.config.partition_count = 1;
    sink = world_open(&w);
    put_batch(&w, sink, 0, 1, 3);
    world_close(&w, sink);
    assert_int_equal(version_of(&w), 1);
    assert_int_equal(live_files(&w), 2);
    struct sl_delta_snapshot *after = delta_open(w.dir);
    const struct sl_delta_metadata *was = sl_delta_snapshot_metadata(before),
                                   *is = sl_delta_snapshot_metadata(after);
    assert_true(sl_str_eq(was->id, is->id));
    assert_int_equal(sl_type_find_field(is->schema, SL_STR("n")), 0);
    assert_int_equal(is->partition_count, 1);
    sl_delta_snapshot_close(before);
    sl_delta_snapshot_close(after);
    /* columns that the table's protocol does not allow */
    struct sl_sink *refused;
    w.config.schema = world_two(&w, "n", &sl_type_timestamp_ntz, "b", &sl_type_string);
    assert_int_equal(sl_delta_sink_open(&w.env, &w.config, &refused, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "timestampNtz"));
    world_release(&w);
}

void test_delta_sink_abort_leaves_nothing(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    stage(&w, sink, 0, 1, 5);
    assert_int_equal(data_files(&w, ""), 1);
    sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), 0);
    /* the put fails: nothing names the file, so it goes */
    struct sl_sink_metrics metrics;
    struct sl_err err;
    put_batch(&w, sink, 0, 1, 5);
    stage(&w, sink, 1, 1, 5);
    assert_int_equal(sl_fail_configure("delta.written:1:enospc", &err), SL_OK);
    assert_int_equal(sink->ops->commit(sink, &metrics, &err), SL_IO);
    assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
    sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), 1);
    /* the version is there, though its directory could not be synced: the file stays */
    stage(&w, sink, 1, 1, 5);
    assert_int_equal(sl_fail_configure("delta.dirsynced:1:eio", &err), SL_OK);
    enum sl_code code = sink->ops->commit(sink, &metrics, &err);
    assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
    if (code != SL_OK) sink->ops->abort(sink);
    assert_int_equal(data_files(&w, ""), live_files(&w));
    world_release(&w);
}

void test_delta_sink_checkpoints_every_tenth_version(void **state) {
    (void)state;
    struct world w;
    world_init(&w);
    struct sl_sink *sink = world_open(&w);
    for (int batch = 0; batch <= 10; batch++) put_batch(&w, sink, batch, 1, 2);
    world_close(&w, sink);
    assert_true(temp_dir_exists(w.dir, "_delta_log/00000000000000000010.checkpoint.parquet"));
    assert_true(temp_dir_exists(w.dir, "_delta_log/_last_checkpoint"));
    assert_int_equal(live_files(&w), 11);
    world_release(&w);
}

/* A directory of a partition that a killed run made may not be in its parent for good: the batch
 * that puts a file there syncs the table's, too. Method: every sync fails in turn. */
void test_delta_sink_syncs_up_to_the_table(void **state) {
    (void)state;
    bool synced = false, done = false;
    for (int nth = 1; nth < 40 && !done; nth++) {
        struct world w;
        struct sl_err err = {0};
        struct sl_sink_metrics metrics;
        char spec[32], path[512];
        world_init(&w);
        w.config.partition_columns = by_second;
        w.config.partition_count = 1;
        struct sl_sink *sink = world_open(&w);
        put_batch(&w, sink, 0, 10, 0);
        snprintf(path, sizeof path, "%s/b=x", w.dir);
        assert_int_equal(sl_io_make_dirs(path, &err), SL_OK);
        stage(&w, sink, 1, 11, 1);
        sl_io_set_durability(SL_DURABLE_POWER);
        snprintf(spec, sizeof spec, "io.fsync:%d:eio", nth);
        assert_int_equal(sl_fail_configure(spec, &err), SL_OK);
        done = sink->ops->commit(sink, &metrics, &err) == SL_OK;
        assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
        snprintf(path, sizeof path, "could not sync directory `%s`", w.dir);
        synced |= !done && strstr(err.msg, path) != NULL;
        world_release(&w);
    }
    assert_true(synced && done);
}

/* ---- OPTIMIZE beside a rival ---- */

struct rival {
    struct world *w;
    int nth;
    bool came;
};

/* The table's metadata is written again behind the back of a compaction; one read of it fails. */
static bool come_between(void *ctx) {
    struct rival *rival = ctx;
    char spec[32];
    struct sl_err err;
    if (rival->came) return false;
    rival->came = true;
    char *text = delta_commit_text(rival->w->dir, 0);
    char *line = strstr(text, "{\"metaData\"");
    size_t len = strcspn(line, "\n") + 1;
    temp_dir_write(rival->w->dir, "_delta_log/00000000000000000003.json", line, len);
    free(text);
    snprintf(spec, sizeof spec, "io.read:%d:eio", rival->nth);
    assert_int_equal(sl_fail_configure(spec, &err), SL_OK);
    return false;
}

/* Whatever fails when the compaction looks at what the rival did, its files go. */
void test_delta_optimize_leaves_nothing_when_it_is_beaten(void **state) {
    (void)state;
    bool done = false, failed = false;
    for (int nth = 1; nth < 30 && !done; nth++) {
        struct world w;
        struct sl_err err = {0}, ignored;
        struct sl_report report = {0};
        world_init(&w);
        struct sl_sink *sink = world_open(&w);
        for (int64_t batch = 0; batch < 3; batch++) put_batch(&w, sink, batch, 10, 2);
        world_close(&w, sink);
        struct rival rival = {&w, nth, false};
        w.env.stopping = come_between;
        w.env.stop_ctx = &rival;
        struct sl_table_call call = {.env = &w.env, .path = sl_str(w.dir)};
        struct sl_optimize what = {.target_bytes = 1 << 20};
        done = sl_delta_optimize(&call, &what, &report, &err) == SL_OK;
        assert_int_equal(sl_fail_configure(NULL, &ignored), SL_OK);
        assert_true(rival.came);
        failed |= !done;
        /* a read that fails behind the commit fails the call all the same */
        bool visible = temp_dir_exists(w.dir, "_delta_log/00000000000000000004.json");
        if (data_files(&w, "") != 3 + (size_t)visible) fail_msg("read %d: %s", nth, err.msg);
        sl_report_release(&report);
        world_release(&w);
    }
    assert_true(done && failed);
}
