/* The sink logs in tests/golden, as real Sparks left them.  A log names its files by absolute URI,
 * so each test works on a copy of the table in a directory of its own, its root put in place of the
 * one under which Spark had worked. */
#include "unit.h"

#include "lake/listing.h"
#include "lake/sink_log.h"
#include "lake/uri.h"
#include "temp_dir.h"

#define SPARK41 "tests/golden/spark-4.1.1/table"
#define SPARK35 "tests/golden/spark-3.5.7/table"
enum { LAST_BATCH = 11, COMPACTION = 9 };

struct golden {
    struct sl_arena arena;
    struct sl_err err;
    const char *from;
    char *dir;
};

static void log_name(char name[40], int64_t id) {
    snprintf(name, 40, "_spark_metadata/%d%s", (int)id, id == COMPACTION ? ".compact" : "");
}

/* A file of the golden log with our root in its paths. */
static void load_log(const struct golden *golden, int64_t id, struct sl_buf *out) {
    static const struct sl_str root = {"file:///golden/table/", 21};
    char name[40];
    log_name(name, id);
    char *text = temp_dir_read(golden->from, name), *path = realpath(golden->dir, NULL);
    assert_non_null(text);
    struct sl_str rest = sl_str(text);
    for (size_t at; (at = sl_str_find(rest, root, 0)) != SIZE_MAX;) {
        sl_buf_put_str(out, sl_str_sub(rest, 0, at));
        sl_uri_put_file(out, sl_str(path));
        sl_buf_put_byte(out, '/');
        rest = sl_str_sub(rest, at + root.len, rest.len);
    }
    sl_buf_put_str(out, rest);
    free(path);
    free(text);
}

static void copy_data(const struct golden *golden, const char *path) {
    char full[512];
    struct sl_buf bytes = {0};
    snprintf(full, sizeof full, "%s/%s", golden->from, path);
    assert_int_equal(sl_io_read_file(full, 1 << 20, &bytes, NULL), SL_OK);
    snprintf(full, sizeof full, "%s/%s", golden->dir, path);
    *strrchr(full, '/') = '\0';
    assert_int_equal(sl_io_make_dirs(full, NULL), SL_OK);
    temp_dir_write(golden->dir, path, bytes.ptr, bytes.len);
    sl_buf_release(&bytes);
}

static struct sl_sink_log *open_log(struct golden *golden) {
    struct sl_sink_log *log;
    if (sl_sink_log_open(&golden->arena, golden->dir, 10, &log, &golden->err) != SL_OK)
        fail_msg("%s", golden->err.msg);
    return log;
}

static size_t read_files(struct golden *golden, struct sl_sink_log *log,
                         struct sl_sink_file **files) {
    size_t count;
    if (sl_sink_log_files(log, &golden->arena, files, &count, &golden->err) != SL_OK)
        fail_msg("%s", golden->err.msg);
    return count;
}

/* with_logs: the golden log's files up to this one are put into the copy. */
static void open_golden(struct golden *golden, const char *from, int64_t with_logs) {
    *golden = (struct golden){.from = from, .dir = temp_dir_make()};
    char name[512];
    sl_arena_init(&golden->arena, "golden");
    snprintf(name, sizeof name, "%s/_spark_metadata", golden->dir);
    assert_int_equal(sl_io_make_dirs(name, NULL), SL_OK);
    for (int64_t id = 0; id <= with_logs; id++) {
        struct sl_buf text = {0};
        log_name(name, id);
        load_log(golden, id, &text);
        temp_dir_write(golden->dir, name, text.ptr, text.len);
        sl_buf_release(&text);
    }
}

static void close_golden(struct golden *golden) {
    sl_arena_release(&golden->arena);
    temp_dir_remove(golden->dir);
}

static void expect_listing(struct golden *golden, size_t count) {
    struct sl_listing listing;
    bool paulo = false, odd = false, null = false;
    if (sl_listing_make(&golden->arena, sl_str(golden->dir), true, &listing, &golden->err) != SL_OK)
        fail_msg("%s", golden->err.msg);
    assert_int_equal(listing.count, count);
    assert_int_equal(listing.partition_count, 1);
    assert_true(sl_str_eq(listing.partitions[0].name, SL_STR("city")));
    assert_int_equal(listing.partitions[0].type->kind, SL_STRING_KIND);
    for (size_t i = 0; i < listing.count; i++) {
        struct sl_str value = listing.files[i].partition_values[0];
        if (!value.ptr)
            null = true;
        else if (sl_str_eq(value, SL_STR("S\xc3\xa3o Paulo")))
            paulo = true;
        else if (sl_str_eq(value, SL_STR("a/b=c 100%")))
            odd = true;
        else
            fail_msg("city %.*s", SL_STR_ARG(value));
    }
    assert_true(paulo && odd && null);
}

/* Every entry names a file that is there and as large as the entry says. */
static void expect_readable(const char *from) {
    struct golden golden;
    struct sl_sink_file *files;
    open_golden(&golden, from, LAST_BATCH);
    struct sl_sink_log *log = open_log(&golden);
    assert_int_equal(sl_sink_log_last(log), LAST_BATCH);
    assert_int_equal(sl_sink_log_check(log, &golden.err), SL_OK);
    size_t count = read_files(&golden, log, &files);
    assert_true(count > 2 * LAST_BATCH);
    for (size_t i = 0; i < count; i++) {
        char path[512];
        struct sl_file_info info;
        snprintf(path, sizeof path, "%s/%.*s", golden.from, SL_STR_ARG(files[i].path));
        assert_int_equal(sl_io_stat(path, &info, NULL), SL_OK);
        if (!info.exists) fail_msg("%s is not there", path);
        assert_int_equal(info.bytes, files[i].bytes);
        copy_data(&golden, sl_arena_cstr(&golden.arena, files[i].path));
    }
    sl_sink_log_close(log);
    expect_listing(&golden, count);
    close_golden(&golden);
}

void test_golden_sink_log_of_spark_41_is_read(void **state) {
    (void)state;
    expect_readable(SPARK41);
}

void test_golden_sink_log_of_spark_35_is_read(void **state) {
    (void)state;
    expect_readable(SPARK35);
}

static void expect_same_log(const struct golden *golden, int64_t id) {
    char name[40];
    struct sl_buf want = {0};
    log_name(name, id);
    load_log(golden, id, &want);
    char *have = temp_dir_read(golden->dir, name);
    assert_non_null(have);
    assert_string_equal(have, sl_buf_cstr(&want));
    free(have);
    sl_buf_release(&want);
}

/* The files of one batch: those that the log has more than it had a batch before.  (No compaction:
 * the entries come from the plain logs and, for batch 9, from behind the earlier ones in it.) */
static void write_again(struct golden *golden, struct golden *source) {
    struct sl_sink_log *log = open_log(golden);
    size_t before = 0;
    for (int64_t id = 0; id <= LAST_BATCH; id++) {
        struct sl_sink_file *files;
        char name[40];
        struct sl_buf text = {0};
        log_name(name, id);
        load_log(source, id, &text);
        temp_dir_write(source->dir, name, text.ptr, text.len);
        sl_buf_release(&text);
        size_t count = read_files(source, open_log(source), &files);
        assert_true(count > before);
        assert_int_equal(sl_sink_log_add(log, id, files + before, count - before, &golden->err),
                         SL_OK);
        expect_same_log(golden, id);
        before = count;
    }
    sl_sink_log_close(log);
}

static void expect_written_the_same(const char *from) {
    struct golden source, ours;
    open_golden(&source, from, -1);
    open_golden(&ours, from, -1);
    write_again(&ours, &source);
    close_golden(&source);
    close_golden(&ours);
}

void test_golden_sink_log_of_spark_41_is_written_byte_for_byte(void **state) {
    (void)state;
    expect_written_the_same(SPARK41);
}

/* Both versions word the log alike. */
void test_golden_sink_log_of_spark_35_is_written_byte_for_byte(void **state) {
    (void)state;
    expect_written_the_same(SPARK35);
}

/* Continued behind Spark's compaction: the next one is due at 19, holds all, and is read back. */
void test_golden_sink_log_is_continued_to_the_next_compaction(void **state) {
    (void)state;
    struct golden golden;
    struct sl_sink_file *files;
    open_golden(&golden, SPARK41, LAST_BATCH);
    struct sl_sink_log *log = open_log(&golden);
    size_t count = read_files(&golden, log, &files);
    for (int64_t id = LAST_BATCH + 1; id < 20; id++) {
        struct sl_sink_file file = {
            sl_arena_printf(&golden.arena, "city=x/part-%d.parquet", (int)id), 4, 5};
        assert_int_equal(sl_sink_log_add(log, id, &file, 1, &golden.err), SL_OK);
    }
    assert_true(temp_dir_exists(golden.dir, "_spark_metadata/19.compact"));
    struct sl_sink_file *after;
    assert_int_equal(read_files(&golden, open_log(&golden), &after), count + 8);
    for (size_t i = 0; i < count; i++) assert_true(sl_str_eq(files[i].path, after[i].path));
    sl_sink_log_close(log);
    close_golden(&golden);
}
