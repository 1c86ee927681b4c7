/* <checkpoint>/sources/<i> as Spark's FileStreamSourceLog writes and reads it. */
#include "unit.h"

#include "lake/source_log.h"
#include "temp_dir.h"

static void add(struct sl_compact_log *log, int64_t batch, int files) {
    struct sl_source_file items[4];
    char names[4][32];
    struct sl_err err = {0};
    for (int i = 0; i < files; i++) {
        snprintf(names[i], sizeof names[i], "/data/a b/%lld-%d", (long long)batch, i);
        items[i] = (struct sl_source_file){sl_str(names[i]), 1000 + batch, batch};
    }
    if (sl_source_log_add(log, batch, items, (size_t)files, &err) != SL_OK) fail_msg("%s", err.msg);
}

static void count_file(void *ctx, const struct sl_source_file *file) {
    (void)file;
    ++*(int *)ctx;
}

void test_source_log_has_sparks_bytes_and_compactions(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_arena arena;
    struct sl_compact_log log;
    struct sl_err err = {0};
    struct sl_source_file *files;
    size_t count;
    int total = 0;
    sl_arena_init(&arena, "test");
    assert_int_equal(sl_source_log_open(&log, dir, 10, &err), SL_OK);
    assert_int_equal(log.last, -1);
    for (int64_t batch = 0; batch < 13; batch++) add(&log, batch, 2);
    char *text = temp_dir_read(dir, "3");
    assert_string_equal(
        text, "v1\n{\"path\":\"file:///data/a%20b/3-0\",\"timestamp\":1003,\"batchId\":3}\n"
              "{\"path\":\"file:///data/a%20b/3-1\",\"timestamp\":1003,\"batchId\":3}");
    free(text);
    assert_true(temp_dir_exists(dir, "9.compact") && !temp_dir_exists(dir, "9"));
    assert_int_equal(sl_source_log_open(&log, dir, 10, &err), SL_OK);
    assert_int_equal(log.last, 12);
    assert_int_equal(sl_source_log_each(&log, count_file, &total, &err), SL_OK);
    assert_int_equal(total, 26);
    /* a range over a compaction: each offset's own files */
    assert_int_equal(sl_source_log_read(&log, 8, 10, &arena, &files, &count, &err), SL_OK);
    assert_int_equal(count, 6);
    assert_true(sl_str_eq(files[2].path, SL_STR("/data/a b/9-0")) && files[2].batch_id == 9);
    /* a file that retention has removed: the compaction still knows */
    char path[512];
    snprintf(path, sizeof path, "%s/4", dir);
    assert_int_equal(sl_io_unlink(path, &err), SL_OK);
    assert_int_equal(sl_source_log_read(&log, 4, 4, &arena, &files, &count, &err), SL_OK);
    assert_int_equal(count, 2);
    assert_int_equal(sl_source_log_read(&log, 12, 14, &arena, &files, &count, &err), SL_USER);
    assert_int_equal(sl_source_log_add(&log, 12, files, 0, &err), SL_CONFLICT);
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

void test_source_log_refuses_what_it_is_not(void **state) {
    (void)state;
    char *dir = temp_dir_make();
    struct sl_compact_log log;
    struct sl_err err = {0};
    int total = 0;
    static const char *const texts[] = {"",
                                        "\0v1\n{\"t\":{\"0\":1}}",
                                        "v2\n",
                                        "v1\n{\"path\":\"s3://b/x\",\"timestamp\":1,\"batchId\":0}",
                                        "v1\n{\"timestamp\":1,\"batchId\":0}",
                                        "v1\n{\"path\":\"file:///x\""};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        temp_dir_write(dir, "0", texts[i], i == 1 ? 16 : strlen(texts[i]));
        assert_int_equal(sl_source_log_open(&log, dir, 10, &err), SL_OK);
        if (sl_source_log_each(&log, count_file, &total, &err) == SL_OK)
            fail_msg("case %zu was taken", i);
    }
    temp_dir_remove(dir);
}
