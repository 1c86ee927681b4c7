/* The directory _delta_log: segments, following, one commit, time travel. */
#include "unit.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lake/delta/log_int.h"
#include "lake_delta/delta_help.h"

static struct sl_arena arena;
static struct sl_err err;

static enum sl_code segment_of(const char *table, int64_t wanted, struct sl_delta_segment *out,
                               bool *found) {
    sl_err_clear(&err);
    return sl_delta_log_segment(&arena, table, wanted, out, found, &err);
}

static char *name_of(int64_t version, const char *rest) {
    return (char *)sl_arena_printf(&arena, "%020lld%s", (long long)version, rest).ptr;
}

static void assert_segment(const char *table, int64_t wanted, int64_t version, int kind,
                           int64_t checkpoint, uint32_t files) {
    struct sl_delta_segment segment;
    bool found;
    if (segment_of(table, wanted, &segment, &found) != SL_OK) fail_msg("%s", err.msg);
    assert_true(found);
    assert_int_equal(segment.version, version);
    assert_int_equal(segment.checkpoint, kind);
    assert_int_equal(segment.checkpoint_version, checkpoint);
    assert_int_equal(segment.checkpoint_file_count, files);
    assert_int_equal(segment.first_commit, checkpoint + 1);
}

void test_log_without_versions_is_no_table(void **state) {
    char *dir = temp_dir_make(), *table = delta_make();
    struct sl_delta_segment segment;
    bool found = true;
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(segment_of(dir, -1, &segment, &found), SL_OK);
    assert_false(found);
    delta_write(table, "_last_checkpoint", "{\"version\":3,\"size\":1}");
    delta_write(table, ".00000000000000000000.json.crc", "x");
    delta_write(table, "00000000000000000000.crc", "x");
    delta_write(table, "0.json", "x");
    delta_write(table, "00000000000000000001.checkpoint.parquet", ""); /* torn by a crash */
    found = true;
    assert_int_equal(segment_of(table, -1, &segment, &found), SL_OK);
    assert_false(found);
    temp_dir_remove(dir);
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

/* Which checkpoint is chosen, for the newest and for older versions. */
void test_log_segment_checkpoints(void **state) {
    char *table = delta_chain(12);
    const char *uuid = ".checkpoint.6374b053-df23-479b-b2cf-c9c550132b49";
    (void)state;
    sl_arena_init(&arena, "test");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_NONE, -1, 0);
    delta_write(table, name_of(2, ".checkpoint.parquet"), "x");
    delta_write(table, name_of(5, ".checkpoint.0000000001.0000000002.parquet"), "x");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_CLASSIC, 2, 1); /* a part is missing */
    delta_write(table, name_of(5, ".checkpoint.0000000002.0000000002.parquet"), "x");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_PARTS, 5, 2);
    assert_segment(table, 4, 4, SL_DELTA_CHECKPOINT_CLASSIC, 2, 1);
    assert_segment(table, 1, 1, SL_DELTA_CHECKPOINT_NONE, -1, 0);
    /* sets of other sizes lie in between, by name */
    delta_write(table, name_of(5, ".checkpoint.0000000001.0000000003.parquet"), "x");
    delta_write(table, name_of(5, ".checkpoint.0000000003.0000000003.parquet"), "x");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_PARTS, 5, 2);
    delta_write(table, name_of(8, ".checkpoint.parquet"), "x");
    delta_write(table, name_of(8, sl_arena_printf(&arena, "%s.json", uuid).ptr), "x");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_V2, 8, 1);
    delta_write(table, name_of(9, ".checkpoint.parquet"), ""); /* torn by a crash */
    delta_write(table, name_of(10, ".checkpoint.tmp.parquet"), "x");
    delta_write(table, name_of(11, ".12.compacted.json"), "x");
    /* the hint is not believed, whatever it says */
    delta_write(table, "_last_checkpoint", "{\"version\":77,\"size\":1}");
    assert_segment(table, -1, 12, SL_DELTA_CHECKPOINT_V2, 8, 1);
    assert_segment(table, 12, 12, SL_DELTA_CHECKPOINT_V2, 8, 1);
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

static void remove_commit(const char *table, int64_t version) {
    assert_int_equal(unlink(sl_delta_commit_path(&arena, table, version)), 0);
}

void test_log_missing_commits_are_named(void **state) {
    char *table = delta_chain(6);
    struct sl_delta_segment segment;
    bool found;
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(segment_of(table, 7, &segment, &found), SL_USER);
    assert_string_equal(err.condition, "DELTA_VERSION_NOT_FOUND");
    assert_non_null(strstr(err.msg, "0 to 6"));

    remove_commit(table, 3);
    assert_int_equal(segment_of(table, -1, &segment, &found), SL_DATA);
    assert_string_equal(err.condition, "DELTA_VERSIONS_NOT_CONTIGUOUS");
    assert_non_null(strstr(err.msg, "_delta_log/00000000000000000003.json"));
    assert_segment(table, 2, 2, SL_DELTA_CHECKPOINT_NONE, -1, 0);

    /* cleaned up: version 4 is the first that can be read */
    delta_write(table, name_of(4, ".checkpoint.parquet"), "x");
    for (int64_t v = 0; v < 3; v++) remove_commit(table, v);
    assert_segment(table, -1, 6, SL_DELTA_CHECKPOINT_CLASSIC, 4, 1);
    assert_segment(table, 4, 4, SL_DELTA_CHECKPOINT_CLASSIC, 4, 1);
    assert_int_equal(segment_of(table, 2, &segment, &found), SL_USER);
    assert_non_null(strstr(err.msg, "4 to 6"));

    assert_int_equal(unlink(sl_path_join(&arena, sl_delta_log_dir(&arena, table),
                                         name_of(4, ".checkpoint.parquet"))),
                     0);
    assert_int_equal(segment_of(table, -1, &segment, &found), SL_DATA);
    assert_string_equal(err.condition, "DELTA_LOG_FILE_NOT_FOUND");
    assert_non_null(strstr(err.msg, "00000000000000000000.json"));
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

void test_log_of_a_checkpoint_alone(void **state) {
    char *table = delta_make();
    int64_t newest;
    (void)state;
    sl_arena_init(&arena, "test");
    delta_write(table, name_of(7, ".checkpoint.parquet"), "x");
    assert_segment(table, -1, 7, SL_DELTA_CHECKPOINT_CLASSIC, 7, 1);
    assert_int_equal(sl_delta_log_newest(table, 7, &newest, &err), SL_OK);
    assert_int_equal(newest, 7);
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

void test_log_newest(void **state) {
    char *table = delta_chain(3);
    int64_t newest;
    (void)state;
    sl_arena_init(&arena, "test");
    for (int64_t known = -1; known <= 3; known++) {
        assert_int_equal(sl_delta_log_newest(table, known, &newest, &err), SL_OK);
        assert_int_equal(newest, 3);
    }
    /* far behind a log that was cleaned up: version 2 and its successor are gone */
    delta_commit(table, 4, "{}\n");
    delta_commit(table, 5, "{}\n");
    remove_commit(table, 2);
    remove_commit(table, 3);
    assert_int_equal(sl_delta_log_newest(table, 2, &newest, &err), SL_OK);
    assert_int_equal(newest, 5);
    /* the table is gone */
    temp_dir_remove(table);
    assert_int_equal(sl_delta_log_newest("/nonexistent", 5, &newest, &err), SL_OK);
    assert_int_equal(newest, -1);
    sl_arena_release(&arena);
}

static enum sl_code read_text(const char *table, const char *text, struct sl_buf *out) {
    sl_buf_clear(out);
    sl_err_clear(&err);
    delta_commit(table, 0, text);
    return sl_delta_log_read(table, 0, out, &err);
}

/* A crash of the machine may leave any prefix of a commit, or zeros. */
void test_log_read_refuses_torn_commits(void **state) {
    char *table = delta_make();
    const char *whole = DELTA_PROTOCOL DELTA_ADD("a");
    struct sl_buf out = {0};
    (void)state;
    assert_int_equal(read_text(table, whole, &out), SL_OK);
    assert_string_equal(sl_buf_cstr(&out), whole);
    char cut[512];
    for (size_t len = 0; len < strlen(whole); len++) {
        memcpy(cut, whole, len);
        cut[len] = 0;
        bool at_line_end = len == strlen(DELTA_PROTOCOL) || len == strlen(DELTA_PROTOCOL) - 1 ||
                           len == strlen(whole) - 1;
        assert_int_equal(read_text(table, cut, &out), at_line_end ? SL_OK : SL_DATA);
        if (!at_line_end)
            assert_true(strstr(err.msg, "00000000000000000000.json") ||
                        strstr(err.ctx, "00000000000000000000.json"));
    }
    sl_buf_clear(&out);
    assert_int_equal(sl_delta_log_read(table, 9, &out, &err), SL_IO);
    assert_int_equal(err.sys, ENOENT);
    sl_buf_release(&out);
    temp_dir_remove(table);
}

void test_log_put_is_put_if_absent(void **state) {
    char *table = delta_make(), *text;
    (void)state;
    assert_int_equal(sl_delta_log_put(table, 3, SL_STR("{}\n"), &err), SL_OK);
    assert_int_equal(sl_delta_log_put(table, 3, SL_STR("other\n"), &err), SL_CONFLICT);
    text = temp_dir_read(table, "_delta_log/00000000000000000003.json");
    assert_string_equal(text, "{}\n");
    free(text);
    temp_dir_remove(table);
}

/* ---- lines ---- */

/* Any split of lines, against a plain splitter; long lines cross the reader's chunks. */
void test_log_lines(void **state) {
    char *dir = temp_dir_make(), path[512];
    uint64_t seed = 7;
    (void)state;
    snprintf(path, sizeof path, "%s/f", dir);
    for (int round = 0; round < 30; round++) {
        struct sl_buf text = {0};
        size_t sizes[] = {0, 1, 3, 100, 300000, 262143, 262144};
        int lines = 1 + (int)((seed = seed * 6364136223846793005u + 1) >> 60);
        for (int i = 0; i < lines; i++) {
            seed = seed * 6364136223846793005u + 1442695040888963407u;
            size_t len = sizes[(seed >> 33) % 7];
            for (size_t k = 0; k < len; k++)
                sl_buf_put_byte(&text, (uint8_t)('a' + (k + len) % 26));
            if (i + 1 < lines || seed >> 63) sl_buf_put_byte(&text, '\n');
        }
        if (text.len == 0) sl_buf_put_byte(&text, '\n');
        temp_dir_write(dir, "f", text.ptr, text.len);
        struct sl_delta_lines reader;
        assert_int_equal(sl_delta_lines_open(&reader, path, &err), SL_OK);
        struct sl_str line, rest = sl_buf_str(&text);
        for (bool found = true; found;) {
            assert_int_equal(sl_delta_lines_next(&reader, &line, &found, &err), SL_OK);
            assert_int_equal(found, rest.len != 0);
            if (!found) break;
            size_t end = sl_str_find(rest, SL_STR("\n"), 0);
            assert_int_equal(reader.is_last_cut, end == SIZE_MAX);
            if (end == SIZE_MAX) end = rest.len;
            assert_int_equal(line.len, end);
            assert_memory_equal(line.ptr ? line.ptr : "", rest.ptr, end);
            rest = sl_str_sub(rest, end + (end < rest.len), rest.len);
        }
        sl_delta_lines_close(&reader);
        sl_buf_release(&text);
    }
    temp_dir_remove(dir);
}

/* Limits are met without a gigabyte on disk or in memory: the files are holes. */
void test_log_lines_limits(void **state) {
    char *dir = temp_dir_make(), path[512];
    struct sl_delta_lines reader;
    struct sl_str line;
    bool found;
    (void)state;
    snprintf(path, sizeof path, "%s/f", dir);
    temp_dir_write(dir, "f", "", 0);
    assert_int_equal(sl_delta_lines_open(&reader, path, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "is empty"));
    assert_int_equal(truncate(path, (off_t)SL_DELTA_LOG_FILE_MAX + 1), 0);
    assert_int_equal(sl_delta_lines_open(&reader, path, &err), SL_DATA);
    assert_int_equal(truncate(path, SL_DELTA_LINE_MAX + (1 << 20)), 0);
    assert_int_equal(sl_delta_lines_open(&reader, path, &err), SL_OK);
    assert_int_equal(sl_delta_lines_next(&reader, &line, &found, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "line 1 has more than"));
    sl_delta_lines_close(&reader);
    temp_dir_remove(dir);
}

/* ---- time travel ---- */

static void set_time(const char *table, int64_t version, int64_t seconds) {
    const char *path = sl_delta_commit_path(&arena, table, version);
    struct timespec times[2] = {{seconds, 0}, {seconds, 0}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

static int64_t version_at(const char *table, int64_t ms) {
    int64_t version = -1;
    sl_err_clear(&err);
    if (sl_delta_log_version_at(&arena, table, ms, &version, &err) != SL_OK) return -1;
    return version;
}

static int64_t version_from(const char *table, int64_t ms) {
    int64_t version = -1;
    sl_err_clear(&err);
    if (sl_delta_log_version_from(&arena, table, ms, &version, &err) != SL_OK) return -1;
    return version;
}

void test_log_version_from(void **state) {
    char *table = delta_chain(3);
    (void)state;
    sl_arena_init(&arena, "test");
    for (int64_t v = 0; v <= 3; v++) set_time(table, v, 10 * (v + 1));
    assert_int_equal(version_from(table, INT64_MIN), 0);
    assert_int_equal(version_from(table, 10000), 0);
    assert_int_equal(version_from(table, 10001), 1);
    assert_int_equal(version_from(table, 40000), 3);
    assert_int_equal(version_from(table, 40001), -1);
    assert_string_equal(err.condition, "DELTA_TIMESTAMP_GREATER_THAN_COMMIT");
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

void test_log_next(void **state) {
    char *table = delta_chain(4);
    int64_t next;
    (void)state;
    sl_arena_init(&arena, "test");
    for (int64_t v = 0; v <= 2; v++)
        assert_int_equal(unlink(sl_delta_commit_path(&arena, table, v)), 0);
    assert_int_equal(sl_delta_log_next(table, 0, 4, &next, &err), SL_OK);
    assert_int_equal(next, 3);
    assert_int_equal(sl_delta_log_next(table, 4, 4, &next, &err), SL_OK);
    assert_int_equal(next, 4);
    assert_int_equal(sl_delta_log_next(table, 0, 2, &next, &err), SL_OK);
    assert_int_equal(next, 3); /* none */
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

void test_log_version_at_file_times(void **state) {
    char *table = delta_chain(4);
    (void)state;
    sl_arena_init(&arena, "test");
    int64_t seconds[] = {1000, 2000, 1500, 3000, 3000}; /* 2 and 4 are made later than the one
                                                           before: 2000.001 and 3000.001 */
    for (int64_t v = 0; v <= 4; v++) set_time(table, v, seconds[v]);
    assert_int_equal(version_at(table, 1000000), 0);
    assert_int_equal(version_at(table, 1999999), 0);
    assert_int_equal(version_at(table, 2000000), 1);
    assert_int_equal(version_at(table, 2000001), 2);
    assert_int_equal(version_at(table, 2999999), 2);
    assert_int_equal(version_at(table, 3000000), 3);
    assert_int_equal(version_at(table, 3000001), 4);
    assert_int_equal(version_at(table, 999999), -1);
    assert_string_equal(err.condition, "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION");
    assert_int_equal(version_at(table, 3000002), -1);
    assert_string_equal(err.condition, "DELTA_TIMESTAMP_GREATER_THAN_COMMIT");
    assert_int_equal(err.code, SL_USER);
    assert_int_equal(version_at(table, INT64_MAX), -1);
    assert_int_equal(version_at(table, INT64_MIN), -1);
    temp_dir_remove(table);
    sl_arena_release(&arena);
}

/* From the version on that has them, in-commit timestamps count and the files' times do not. */
void test_log_version_at_in_commit_timestamps(void **state) {
    char *table = delta_chain(4), text[256];
    (void)state;
    sl_arena_init(&arena, "test");
    for (int64_t v = 3; v <= 4; v++) {
        snprintf(text, sizeof text,
                 "{\"commitInfo\":{\"inCommitTimestamp\":%lld}}\n" DELTA_ADD("x"),
                 (long long)v * 100000);
        delta_commit(table, v, text);
    }
    for (int64_t v = 0; v <= 4; v++) set_time(table, v, 10 * (v + 1));
    assert_int_equal(version_at(table, 10000), 0);
    assert_int_equal(version_at(table, 40000), 2);
    assert_int_equal(version_at(table, 299999), 2);
    assert_int_equal(version_at(table, 300000), 3);
    assert_int_equal(version_at(table, 400000), 4);
    assert_int_equal(version_at(table, 400001), -1);
    temp_dir_remove(table);
    sl_arena_release(&arena);
}
