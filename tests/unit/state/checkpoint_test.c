#include "unit.h"

#include "state/checkpoint.h"
#include "temp_dir.h"

struct fixture {
    char *dir;
    struct sl_arena arena;
    struct sl_log log;
    struct sl_err err;
};

static void open_fixture(struct fixture *f) {
    *f = (struct fixture){.dir = temp_dir_make()};
    sl_arena_init(&f->arena, "test");
    sl_log_init(&f->log);
}
static void close_fixture(struct fixture *f) {
    sl_arena_release(&f->arena);
    temp_dir_remove(f->dir);
}

static struct sl_checkpoint *open_or_fail(struct fixture *f) {
    struct sl_checkpoint *checkpoint = NULL;
    if (sl_checkpoint_open(&f->arena, f->dir, false, &f->log, &checkpoint, &f->err) != SL_OK)
        fail_msg("%s", f->err.msg);
    return checkpoint;
}

static void write_batch(struct fixture *f, struct sl_checkpoint *checkpoint, int64_t id) {
    struct sl_str source = SL_STR("{\"orders\":{\"0\":10,\"1\":7}}");
    struct sl_offset_seq seq = {
        .version = 1, .batch_timestamp_ms = 1744887126959, .sources = &source, .source_count = 1};
    sl_checkpoint_make_conf(&f->arena, NULL, 200, &seq.conf);
    assert_int_equal(sl_checkpoint_write_offsets(checkpoint, id, &seq, &f->err), SL_OK);
    assert_true(seq.hash != 0);
}

/* The bytes are those of a Spark 4.1.1 query with the same offsets. */
void test_checkpoint_files_are_sparks_byte_for_byte(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sl_checkpoint *checkpoint = open_or_fail(&f);
    assert_int_equal(sl_checkpoint_ensure_metadata(checkpoint, &f.err), SL_OK);
    write_batch(&f, checkpoint, 0);
    struct sl_commit_entry entry = {1, 0};
    assert_int_equal(sl_checkpoint_write_commit(checkpoint, 0, &entry, &f.err), SL_OK);
    assert_int_equal(sl_checkpoint_write_initial(checkpoint, 0,
                                                 SL_STR("{\"orders\":{\"0\":0,\"1\":0}}"), &f.err),
                     SL_OK);
    char *offsets = temp_dir_read(f.dir, "offsets/0");
    assert_string_equal(offsets,
                        "v1\n{\"batchWatermarkMs\":0,\"batchTimestampMs\":1744887126959,\"conf\":{"
                        "\"spark.sql.streaming.stateStore.providerClass\":\"org.apache.spark.sql."
                        "execution.streaming.state.HDFSBackedStateStoreProvider\","
                        "\"spark.sql.streaming.stateStore.rocksdb.formatVersion\":\"5\","
                        "\"spark.sql.streaming.stateStore.encodingFormat\":\"unsaferow\","
                        "\"spark.sql.streaming.statefulOperator.useStrictDistribution\":\"true\","
                        "\"spark.sql.streaming.flatMapGroupsWithState.stateFormatVersion\":\"2\","
                        "\"spark.sql.streaming.multipleWatermarkPolicy\":\"min\","
                        "\"spark.sql.streaming.aggregation.stateFormatVersion\":\"2\","
                        "\"spark.sql.shuffle.partitions\":\"200\","
                        "\"spark.sql.streaming.join.stateFormatVersion\":\"2\","
                        "\"spark.sql.streaming.stateStore.compression.codec\":\"lz4\","
                        "\"spark.sql.optimizer.pruneFiltersCanPruneStreamingSubplan\":\"false\"}}\n"
                        "{\"orders\":{\"0\":10,\"1\":7}}");
    char *commits = temp_dir_read(f.dir, "commits/0");
    assert_string_equal(commits, "v1\n{\"nextBatchWatermarkMs\":0}");
    char *initial = temp_dir_read(f.dir, "sources/0/0");
    assert_memory_equal(initial, "\0v1\n{\"orders\":{\"0\":0,\"1\":0}}", 29);
    char *metadata = temp_dir_read(f.dir, "metadata");
    assert_int_equal(strlen(metadata), strlen("{\"id\":\"\"}") + 36);
    free(offsets), free(commits), free(initial), free(metadata);
    sl_checkpoint_close(checkpoint);
    close_fixture(&f);
}

void test_checkpoint_reopens_with_id_and_batches(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sl_checkpoint *checkpoint = open_or_fail(&f);
    assert_int_equal(sl_checkpoint_ensure_metadata(checkpoint, &f.err), SL_OK);
    struct sl_str id = sl_arena_str(&f.arena, sl_checkpoint_query_id(checkpoint));
    write_batch(&f, checkpoint, 0);
    sl_checkpoint_close(checkpoint);
    checkpoint = open_or_fail(&f);
    assert_true(sl_str_eq(id, sl_checkpoint_query_id(checkpoint)));
    assert_int_equal(sl_checkpoint_last_offsets(checkpoint), 0);
    assert_int_equal(sl_checkpoint_last_commit(checkpoint), -1);
    struct sl_offset_seq seq;
    assert_int_equal(sl_checkpoint_read_offsets(checkpoint, 0, &f.arena, &seq, &f.err), SL_OK);
    assert_int_equal(seq.source_count, 1);
    assert_int_equal(seq.batch_timestamp_ms, 1744887126959);
    assert_true(sl_str_eq(seq.sources[0], SL_STR("{\"orders\":{\"0\":10,\"1\":7}}")));
    sl_checkpoint_close(checkpoint);
    close_fixture(&f);
}

void test_checkpoint_is_owned_by_one_process(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sl_checkpoint *first = open_or_fail(&f), *second = NULL;
    assert_int_equal(sl_checkpoint_open(&f.arena, f.dir, false, &f.log, &second, &f.err),
                     SL_CONFLICT);
    assert_non_null(strstr(f.err.msg, "held by another process"));
    assert_int_equal(sl_checkpoint_open(&f.arena, f.dir, true, &f.log, &second, &f.err), SL_OK);
    sl_checkpoint_close(second);
    sl_checkpoint_close(first);
    close_fixture(&f);
}

static void expect_refused(struct fixture *f, const char *part) {
    struct sl_checkpoint *checkpoint = NULL;
    assert_int_equal(sl_checkpoint_open(&f->arena, f->dir, false, &f->log, &checkpoint, &f->err),
                     SL_USER);
    if (!strstr(f->err.msg, part)) fail_msg("`%s` does not hold `%s`", f->err.msg, part);
    assert_true(f->err.hint[0] != '\0');
}

static void make_dirs(struct fixture *f) {
    char path[512];
    snprintf(path, sizeof path, "%s/offsets", f->dir);
    assert_int_equal(sl_io_make_dirs(path, &f->err), SL_OK);
    snprintf(path, sizeof path, "%s/commits", f->dir);
    assert_int_equal(sl_io_make_dirs(path, &f->err), SL_OK);
}

void test_checkpoint_without_metadata_but_with_batches_is_refused(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    make_dirs(&f);
    temp_dir_write(f.dir, "offsets/0", "v1\n{}\n{}", 8);
    expect_refused(&f, "no `metadata` file");
    close_fixture(&f);
}

void test_checkpoint_with_a_hole_or_lost_offsets_is_refused(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    make_dirs(&f);
    temp_dir_write(f.dir, "metadata", "{\"id\":\"x\"}", 10);
    temp_dir_write(f.dir, "offsets/7", "v1\n{}\n{}", 8);
    expect_refused(&f, "batch 6 doesn't exist");
    temp_dir_write(f.dir, "offsets/6", "v1\n{}\n{}", 8);
    temp_dir_write(f.dir, "commits/8", "v1\n{}", 5);
    expect_refused(&f, "commits/8 has no offsets/8");
    close_fixture(&f);
}

/* Every prefix of a file, and every file with a NUL run in it, must be an error or equal in
 * meaning: never silently other offsets. */
void test_checkpoint_truncated_files_are_errors(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sl_checkpoint *checkpoint = open_or_fail(&f);
    assert_int_equal(sl_checkpoint_ensure_metadata(checkpoint, &f.err), SL_OK);
    write_batch(&f, checkpoint, 0);
    char *whole = temp_dir_read(f.dir, "offsets/0");
    size_t len = strlen(whole);
    for (size_t cut = 0; cut < len; cut++) {
        struct sl_offset_seq seq;
        temp_dir_write(f.dir, "offsets/0", whole, cut);
        if (sl_checkpoint_read_offsets(checkpoint, 0, &f.arena, &seq, &f.err) == SL_OK)
            fail_msg("a file cut to %zu of %zu bytes was accepted", cut, len);
    }
    free(whole);
    sl_checkpoint_close(checkpoint);
    close_fixture(&f);
}

void test_checkpoint_reads_blank_metadata_and_missing_offsets(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    make_dirs(&f);
    temp_dir_write(f.dir, "metadata", "{\"id\":\"x\"}", 10);
    static const char text[] = "v1\n\n{\"t\":{\"0\":1}}\n-";
    temp_dir_write(f.dir, "offsets/0", text, sizeof text - 1);
    struct sl_checkpoint *checkpoint = open_or_fail(&f);
    struct sl_offset_seq seq;
    assert_int_equal(sl_checkpoint_read_offsets(checkpoint, 0, &f.arena, &seq, &f.err), SL_OK);
    assert_false(seq.has_metadata);
    assert_int_equal(seq.source_count, 2);
    assert_null(seq.sources[1].ptr);
    sl_checkpoint_close(checkpoint);
    close_fixture(&f);
}

/* Spark forces recorded settings and takes the old default for a missing one; so do we, and write
 * them on. */
void test_checkpoint_conf_of_an_old_checkpoint_keeps_old_defaults(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_json recorded, conf;
    struct sl_str text;
    sl_arena_init(&arena, "test");
    assert_int_equal(
        sl_json_parse(&arena, SL_STR("{\"spark.sql.shuffle.partitions\":\"4\"}"), &recorded, NULL),
        SL_OK);
    sl_checkpoint_make_conf(&arena, &recorded, 200, &conf);
    assert_int_equal(conf.count, 11);
    assert_true(sl_json_str(sl_json_get(&conf, SL_STR("spark.sql.shuffle.partitions")), &text) &&
                sl_str_eq(text, SL_STR("4")));
    assert_true(
        sl_json_str(sl_json_get(&conf, SL_STR("spark.sql.streaming.join.stateFormatVersion")),
                    &text) &&
        sl_str_eq(text, SL_STR("1")));
    sl_arena_release(&arena);
}

void test_checkpoint_purge_keeps_the_newest(void **state) {
    (void)state;
    struct fixture f;
    open_fixture(&f);
    struct sl_checkpoint *checkpoint = open_or_fail(&f);
    assert_int_equal(sl_checkpoint_ensure_metadata(checkpoint, &f.err), SL_OK);
    for (int64_t id = 0; id <= 20; id++) write_batch(&f, checkpoint, id);
    temp_dir_write(f.dir, "offsets/.3.crc", "x", 1);
    assert_int_equal(sl_checkpoint_purge(checkpoint, 20, 5, &f.err), SL_OK);
    int64_t *ids;
    size_t count;
    assert_int_equal(sl_checkpoint_ids(checkpoint, "offsets", &f.arena, &ids, &count, &f.err),
                     SL_OK);
    assert_int_equal(count, 6);
    assert_int_equal(ids[0], 15);
    assert_false(temp_dir_exists(f.dir, "offsets/.3.crc"));
    /* batch 20 cannot run again without offsets/19, whatever the setting says */
    assert_int_equal(sl_checkpoint_purge(checkpoint, 20, -5, &f.err), SL_OK);
    assert_int_equal(sl_checkpoint_ids(checkpoint, "offsets", &f.arena, &ids, &count, &f.err),
                     SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(ids[0], 19);
    sl_checkpoint_close(checkpoint);
    close_fixture(&f);
}

/* The checkpoints that Spark 3.3 left: all files read. */
static void count_errors(void *ctx, char severity, const char *file, const char *what) {
    if (severity != 'E') return;
    print_message("%s: %s\n", file, what);
    (*(int *)ctx)++;
}
static void check_corpus(const char *name) {
    const char *corpora = getenv("SLUICE_CORPORA");
    char path[512];
    struct sl_file_info info;
    snprintf(path, sizeof path, "%s/spark-3.3-checkpoints/%s",
             corpora ? corpora : "../shared/corpora", name);
    assert_int_equal(sl_io_stat(path, &info, NULL), SL_OK);
    if (!info.exists) skip();
    struct sl_arena arena;
    struct sl_log log;
    struct sl_err err;
    struct sl_checkpoint *checkpoint;
    int errors = 0;
    sl_arena_init(&arena, "test");
    sl_log_init(&log);
    assert_int_equal(sl_checkpoint_open(&arena, path, true, &log, &checkpoint, &err), SL_OK);
    assert_int_equal(sl_checkpoint_verify(checkpoint, count_errors, &errors, &err), SL_OK);
    assert_int_equal(errors, 0);
    assert_true(sl_checkpoint_last_offsets(checkpoint) >= 9);
    sl_checkpoint_close(checkpoint);
    sl_arena_release(&arena);
}
void test_checkpoint_reads_spark_33_micro_batch(void **state) {
    (void)state;
    check_corpus("micro-batch");
}
void test_checkpoint_reads_spark_33_continuous(void **state) {
    (void)state;
    check_corpus("continuous");
}
