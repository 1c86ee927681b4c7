#include "unit.h"

#include "lake/intent.h"
#include "lake/listing.h"
#include "lake/partition.h"
#include "lake/sink_log.h"
#include "lake/uri.h"
#include "temp_dir.h"

static void expect_partition(struct sl_str value, const char *want) {
    struct sl_buf out = {0}, name = {0}, back = {0};
    bool is_null;
    assert_int_equal(sl_partition_put(&out, SL_STR("k"), value, NULL), SL_OK);
    assert_string_equal(sl_buf_cstr(&out), want);
    assert_true(sl_partition_parse(sl_buf_str(&out), &name, &back, &is_null));
    if (value.len) assert_true(sl_str_eq(sl_buf_str(&back), value));
    assert_int_equal(is_null, value.len == 0);
    sl_buf_release(&out), sl_buf_release(&name), sl_buf_release(&back);
}

/* Golden values: Spark's ExternalCatalogUtils.escapePathName. */
void test_partition_dirs_are_escaped_as_spark_does(void **state) {
    (void)state;
    expect_partition(SL_STR("2025"), "k=2025");
    expect_partition(SL_STR("2024-01-01 10:00:00"), "k=2024-01-01 10%3A00%3A00");
    expect_partition(SL_STR("../../x"), "k=..%2F..%2Fx");
    expect_partition(SL_STR("a=b%c"), "k=a%3Db%25c");
    expect_partition(SL_STR("\x01\x7f"), "k=%01%7F");
    expect_partition(SL_STR("caf\xc3\xa9"), "k=caf\xc3\xa9");
    expect_partition(SL_STR(""), "k=__HIVE_DEFAULT_PARTITION__");
}

void test_partition_refuses_nul_and_long_names(void **state) {
    (void)state;
    struct sl_buf out = {0};
    struct sl_err err;
    char text[400];
    memset(text, 'x', sizeof text);
    assert_int_equal(sl_partition_put(&out, SL_STR("k"), (struct sl_str){"a\0b", 3}, &err),
                     SL_DATA);
    assert_int_equal(sl_partition_put(&out, SL_STR("k"), (struct sl_str){text, sizeof text}, &err),
                     SL_DATA);
    assert_non_null(strstr(err.msg, "partition column `k`"));
    sl_buf_release(&out);
}

void test_uri_quotes_and_parses_back(void **state) {
    (void)state;
    struct sl_buf uri = {0}, path = {0};
    sl_uri_put_file(&uri, SL_STR("/lake/ts=2024-01-01 10%3A00/a.parquet"));
    assert_string_equal(sl_buf_cstr(&uri), "file:///lake/ts=2024-01-01%2010%253A00/a.parquet");
    assert_true(sl_uri_parse_file(sl_buf_str(&uri), &path));
    assert_string_equal(sl_buf_cstr(&path), "/lake/ts=2024-01-01 10%3A00/a.parquet");
    sl_buf_clear(&path);
    assert_true(sl_uri_parse_file(SL_STR("file:/x/y"), &path));
    assert_string_equal(sl_buf_cstr(&path), "/x/y");
    assert_false(sl_uri_parse_file(SL_STR("s3://x/y"), &path));
    sl_buf_release(&uri), sl_buf_release(&path);
}

static void add_batch(struct sl_sink_log *log, int64_t id) {
    char path[32];
    struct sl_err err;
    snprintf(path, sizeof path, "d=%lld/f.parquet", (long long)id);
    struct sl_sink_file file = {sl_str(path), 100 + (uint64_t)id, 1574321763584};
    if (sl_sink_log_add(log, id, &file, 1, &err) != SL_OK) fail_msg("%s", err.msg);
}

/* 25 batches with compaction every ten: names, bytes of an entry, and every file exactly once on
 * reading. */
void test_sink_log_compacts_and_reads_back(void **state) {
    (void)state;
    char *dir = temp_dir_make(), want[600];
    struct sl_arena arena;
    struct sl_sink_log *log;
    struct sl_sink_file *files;
    size_t count;
    struct sl_err err;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sink_log_open(&arena, dir, 10, &log, &err), SL_OK);
    assert_int_equal(sl_sink_log_last(log), -1);
    for (int64_t id = 0; id < 25; id++) add_batch(log, id);
    assert_true(temp_dir_exists(dir, "_spark_metadata/9.compact"));
    assert_false(temp_dir_exists(dir, "_spark_metadata/9"));
    assert_true(temp_dir_exists(dir, "_spark_metadata/19.compact"));
    char *text = temp_dir_read(dir, "_spark_metadata/0");
    snprintf(want, sizeof want,
             "v1\n{\"path\":\"file://%s/d=0/"
             "f.parquet\",\"size\":100,\"isDir\":false,\"modificationTime\":1574321763584,"
             "\"blockReplication\":1,\"blockSize\":33554432,\"action\":\"add\"}",
             dir);
    assert_string_equal(text, want);
    free(text);
    assert_int_equal(sl_sink_log_open(&arena, dir, 10, &log, &err), SL_OK);
    assert_int_equal(sl_sink_log_last(log), 24);
    assert_int_equal(sl_sink_log_files(log, &arena, &files, &count, &err), SL_OK);
    assert_int_equal(count, 25);
    for (size_t i = 0; i < count; i++) assert_int_equal(files[i].bytes, 100 + i);
    assert_true(sl_str_eq(files[24].path, SL_STR("d=24/f.parquet")));
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_sink_log_refuses_a_lost_batch(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_arena arena;
    struct sl_sink_log *log;
    struct sl_sink_file *files;
    size_t count;
    struct sl_err err;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_sink_log_open(&arena, dir, 10, &log, &err), SL_OK);
    for (int64_t id = 0; id < 4; id++) add_batch(log, id);
    snprintf(path, sizeof path, "%s/_spark_metadata/2", dir);
    assert_int_equal(sl_io_unlink(path, &err), SL_OK);
    assert_int_equal(sl_sink_log_files(log, &arena, &files, &count, &err), SL_USER);
    assert_non_null(strstr(err.msg, "batch 2 is missing"));
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_intent_round_trip_and_every_flip_is_noticed(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_intent_file file = {SL_STR(".s/1.tmp"), SL_STR("a=\"x\"/part-0.parquet"), 4711, 42};
    struct sl_intent intent = {7, UINT64_C(0xfedcba9876543210), &file, 1}, back;
    struct sl_err err;
    bool found;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_intent_read(dir, 7, &arena, &back, &found, &err), SL_OK);
    assert_false(found);
    assert_int_equal(sl_intent_write(dir, &intent, &err), SL_OK);
    assert_int_equal(sl_intent_read(dir, 7, &arena, &back, &found, &err), SL_OK);
    assert_true(found);
    assert_true(back.offsets_hash == intent.offsets_hash && back.count == 1);
    assert_true(sl_str_eq(back.files[0].final, file.final) && back.files[0].rows == 42);
    char *text = temp_dir_read(dir, "7");
    size_t len = strlen(text);
    for (size_t i = 0; i < len; i++) {
        text[i] ^= 1;
        temp_dir_write(dir, "7", text, len);
        assert_int_equal(sl_intent_read(dir, 7, &arena, &back, &found, &err), SL_DATA);
        text[i] ^= 1;
    }
    temp_dir_write(dir, "7", text, len / 2);
    assert_int_equal(sl_intent_read(dir, 7, &arena, &back, &found, &err), SL_DATA);
    free(text);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_listing_finds_partitions_and_skips_hidden(void **state) {
    (void)state;
    char *dir = temp_dir_make(), path[512];
    struct sl_arena arena;
    struct sl_listing listing;
    struct sl_err err;
    static const char *const dirs[] = {"y=2024/m=1", "y=2025/m=__HIVE_DEFAULT_PARTITION__",
                                       "_temporary", ".hidden"};
    for (size_t i = 0; i < 4; i++) {
        snprintf(path, sizeof path, "%s/%s", dir, dirs[i]);
        assert_int_equal(sl_io_make_dirs(path, &err), SL_OK);
        snprintf(path, sizeof path, "%s/f.parquet", dirs[i]);
        temp_dir_write(dir, path, "x", 1);
    }
    temp_dir_write(dir, "_SUCCESS", "", 0);
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_listing_make(&arena, sl_str(dir), true, &listing, &err), SL_OK);
    assert_int_equal(listing.count, 2);
    assert_int_equal(listing.partition_count, 2);
    assert_ptr_equal(listing.partitions[0].type, &sl_type_int);
    assert_true(sl_str_eq(listing.files[0].partition_values[0], SL_STR("2024")));
    assert_null(listing.files[1].partition_values[1].ptr);
    assert_int_equal(sl_listing_make(&arena, SL_STR("/no/such/path"), true, &listing, &err),
                     SL_USER);
    assert_string_equal(err.condition, "PATH_NOT_FOUND");
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}
