/* The checkpoints in tests/golden, as real Sparks left them: our reader reads every file, and our
 * writer, given the values that were read, makes the same bytes as Spark 4.1. */
#include "unit.h"

#include "state/checkpoint.h"
#include "temp_dir.h"

#define SPARK41 "tests/golden/spark-4.1.1/checkpoint"
#define SPARK35 "tests/golden/spark-3.5.7/checkpoint"
enum { LAST_BATCH = 11 };

struct golden {
    struct sl_arena arena;
    struct sl_log log;
    struct sl_err err;
    const char *dir;
    struct sl_checkpoint *checkpoint;
};

static void open_golden(struct golden *golden, const char *dir) {
    *golden = (struct golden){.dir = dir};
    sl_arena_init(&golden->arena, "golden");
    sl_log_init(&golden->log);
    if (sl_checkpoint_open(&golden->arena, dir, true, &golden->log, &golden->checkpoint,
                           &golden->err) != SL_OK)
        fail_msg("%s", golden->err.msg);
}

static void close_golden(struct golden *golden) {
    sl_checkpoint_close(golden->checkpoint);
    sl_arena_release(&golden->arena);
}

static void read_batch(struct golden *golden, int64_t id, struct sl_offset_seq *out) {
    if (sl_checkpoint_read_offsets(golden->checkpoint, id, &golden->arena, out, &golden->err) !=
        SL_OK)
        fail_msg("%s", golden->err.msg);
}

/* Partition `partition` of `topic` in an offset text. */
static int64_t offset_of(struct golden *golden, struct sl_str text, const char *topic,
                         const char *partition) {
    struct sl_json json;
    int64_t offset = -1;
    assert_int_equal(sl_json_parse(&golden->arena, text, &json, &golden->err), SL_OK);
    const struct sl_json *partitions = sl_json_get(&json, sl_str(topic));
    assert_non_null(partitions);
    assert_true(sl_json_i64(sl_json_get(partitions, sl_str(partition)), &offset));
    return offset;
}

static const struct {
    const char *topic, *partition;
    int64_t end;
} ends[] = {
    {"g_orders", "0", 40},  {"g_orders", "1", 31},  {"g_orders", "2", 22},
    {"g_returns", "0", 24}, {"g_returns", "1", 16}, {"g_returns", "2", 27},
};

static void expect_batches(struct golden *golden) {
    int64_t before[6] = {0}, timestamp = 0;
    for (int64_t id = 0; id <= LAST_BATCH; id++) {
        struct sl_offset_seq seq;
        struct sl_commit_entry entry;
        read_batch(golden, id, &seq);
        assert_int_equal(seq.version, 1);
        assert_true(seq.has_metadata);
        assert_int_equal(seq.batch_watermark_ms, 0);
        assert_true(seq.batch_timestamp_ms > timestamp);
        timestamp = seq.batch_timestamp_ms;
        assert_int_equal(seq.source_count, 1);
        for (size_t i = 0; i < 6; i++) {
            int64_t offset = offset_of(golden, seq.sources[0], ends[i].topic, ends[i].partition);
            assert_in_range(offset, before[i], ends[i].end);
            before[i] = offset;
        }
        assert_int_equal(sl_checkpoint_read_commit(golden->checkpoint, id, &entry, &golden->err),
                         SL_OK);
        assert_int_equal(entry.version, 1);
        assert_int_equal(entry.next_batch_watermark_ms, 0);
    }
    for (size_t i = 0; i < 6; i++) assert_int_equal(before[i], ends[i].end);
}

static void count_finding(void *ctx, char severity, const char *file, const char *what) {
    print_message("%c %s %s\n", severity, file, what);
    ++*(int *)ctx;
}

static void expect_readable(const char *dir) {
    struct golden golden;
    struct sl_buf initial = {0};
    bool found;
    int findings = 0;
    open_golden(&golden, dir);
    assert_int_equal(sl_checkpoint_query_id(golden.checkpoint).len, 36);
    assert_int_equal(sl_checkpoint_last_offsets(golden.checkpoint), LAST_BATCH);
    assert_int_equal(sl_checkpoint_last_commit(golden.checkpoint), LAST_BATCH);
    expect_batches(&golden);
    assert_int_equal(
        sl_checkpoint_read_initial(golden.checkpoint, 0, &initial, &found, &golden.err), SL_OK);
    assert_true(found);
    for (size_t i = 0; i < 6; i++)
        assert_int_equal(offset_of(&golden, sl_buf_str(&initial), ends[i].topic, ends[i].partition),
                         0);
    assert_int_equal(sl_checkpoint_verify(golden.checkpoint, count_finding, &findings, &golden.err),
                     SL_OK);
    assert_int_equal(findings, 0);
    sl_buf_release(&initial);
    close_golden(&golden);
}

void test_golden_checkpoint_of_spark_41_is_read(void **state) {
    (void)state;
    expect_readable(SPARK41);
}

void test_golden_checkpoint_of_spark_35_is_read(void **state) {
    (void)state;
    expect_readable(SPARK35);
}

static void expect_same_file(const char *golden_dir, const char *our_dir, const char *name) {
    char path[512];
    struct sl_buf want = {0}, have = {0};
    snprintf(path, sizeof path, "%s/%s", golden_dir, name);
    assert_int_equal(sl_io_read_file(path, 1 << 20, &want, NULL), SL_OK);
    snprintf(path, sizeof path, "%s/%s", our_dir, name);
    assert_int_equal(sl_io_read_file(path, 1 << 20, &have, NULL), SL_OK);
    if (!sl_str_eq(sl_buf_str(&have), sl_buf_str(&want)))
        fail_msg("%s: have\n%s\nwant\n%s", name, sl_buf_cstr(&have), sl_buf_cstr(&want));
    sl_buf_release(&want), sl_buf_release(&have);
}

/* What was read is written to a directory of our own: a value that the reader drops or changes, or
 * that the writer words differently, shows. The settings are not taken from the file but made, once
 * as for a new query and once as for a continued one. */
static void write_again(struct golden *golden, const char *dir, bool continued) {
    struct sl_checkpoint *ours;
    struct sl_buf initial = {0};
    bool found;
    char name[32];
    assert_int_equal(
        sl_checkpoint_open(&golden->arena, dir, false, &golden->log, &ours, &golden->err), SL_OK);
    assert_int_equal(
        sl_checkpoint_read_initial(golden->checkpoint, 0, &initial, &found, &golden->err), SL_OK);
    assert_int_equal(sl_checkpoint_write_initial(ours, 0, sl_buf_str(&initial), &golden->err),
                     SL_OK);
    expect_same_file(golden->dir, dir, "sources/0/0");
    for (int64_t id = 0; id <= LAST_BATCH; id++) {
        struct sl_offset_seq seq;
        struct sl_commit_entry entry;
        read_batch(golden, id, &seq);
        uint64_t hash = seq.hash;
        struct sl_json recorded = seq.conf;
        sl_checkpoint_make_conf(&golden->arena, continued ? &recorded : NULL, 200, &seq.conf);
        assert_int_equal(sl_checkpoint_write_offsets(ours, id, &seq, &golden->err), SL_OK);
        snprintf(name, sizeof name, "offsets/%d", (int)id);
        expect_same_file(golden->dir, dir, name);
        assert_true(seq.hash == hash);
        assert_int_equal(sl_checkpoint_read_commit(golden->checkpoint, id, &entry, &golden->err),
                         SL_OK);
        assert_int_equal(sl_checkpoint_write_commit(ours, id, &entry, &golden->err), SL_OK);
        snprintf(name, sizeof name, "commits/%d", (int)id);
        expect_same_file(golden->dir, dir, name);
    }
    sl_checkpoint_close(ours);
    sl_buf_release(&initial);
}

void test_golden_checkpoint_of_spark_41_is_written_byte_for_byte(void **state) {
    (void)state;
    for (int continued = 0; continued < 2; continued++) {
        struct golden golden;
        char *dir = temp_dir_make();
        open_golden(&golden, SPARK41);
        write_again(&golden, dir, continued);
        close_golden(&golden);
        temp_dir_remove(dir);
    }
}

/* `metadata` has a fresh id each time; everything else is Spark's. */
void test_golden_metadata_differs_in_the_id_only(void **state) {
    (void)state;
    struct golden golden;
    struct sl_checkpoint *ours;
    struct sl_str id;
    char *dir = temp_dir_make();
    open_golden(&golden, SPARK41);
    assert_int_equal(sl_checkpoint_open(&golden.arena, dir, false, &golden.log, &ours, &golden.err),
                     SL_OK);
    assert_int_equal(sl_checkpoint_ensure_metadata(ours, &golden.err), SL_OK);
    char *want = temp_dir_read(SPARK41, "metadata"), *have = temp_dir_read(dir, "metadata");
    id = sl_checkpoint_query_id(golden.checkpoint);
    char *place = strstr(want, sl_arena_cstr(&golden.arena, id));
    assert_non_null(place);
    id = sl_checkpoint_query_id(ours);
    memcpy(place, id.ptr, id.len);
    assert_string_equal(have, want);
    free(want), free(have);
    sl_checkpoint_close(ours);
    close_golden(&golden);
    temp_dir_remove(dir);
}

/* A continued 3.5 checkpoint: the settings that Spark recorded stay, the one that it did not know
 * gets the value that Spark 4.1 assumes for it, in Spark 4.1's order. */
void test_golden_settings_of_spark_35_are_carried_on(void **state) {
    (void)state;
    struct golden old, new;
    struct sl_offset_seq seq, want;
    struct sl_json conf;
    struct sl_buf have_text = {0}, want_text = {0};
    open_golden(&old, SPARK35);
    open_golden(&new, SPARK41);
    read_batch(&old, LAST_BATCH, &seq);
    read_batch(&new, LAST_BATCH, &want);
    assert_null(sl_json_get(&seq.conf, SL_STR("spark.sql.streaming.stateStore.encodingFormat")));
    sl_checkpoint_make_conf(&old.arena, &seq.conf, 7, &conf);
    sl_json_put(&have_text, &conf);
    sl_json_put(&want_text, &want.conf);
    assert_string_equal(sl_buf_cstr(&have_text), sl_buf_cstr(&want_text));
    sl_buf_release(&have_text), sl_buf_release(&want_text);
    close_golden(&old);
    close_golden(&new);
}
