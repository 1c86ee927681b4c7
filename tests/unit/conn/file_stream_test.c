/* Which files a stream reads next: order, limits, age, restarts; against Spark's rules. */
#include "unit.h"

#include <utime.h>

#include "base/hash.h"
#include "conn/file_stream.h"
#include "temp_dir.h"

struct fixture {
    char *dir, *log_dir;
    struct sl_file_stream_config config;
    struct sl_file_stream stream;
    struct sl_arena arena;
    struct sl_log log;
};

static void open_stream(struct fixture *fixture) {
    struct sl_err err = {0};
    sl_file_stream_init(&fixture->stream, &fixture->config);
    if (sl_file_stream_attach(&fixture->stream, fixture->log_dir, 10, &err) != SL_OK)
        fail_msg("%s", err.msg);
}

static void start(struct fixture *fixture) {
    *fixture = (struct fixture){.dir = temp_dir_make(), .log_dir = temp_dir_make()};
    sl_arena_init(&fixture->arena, "test");
    sl_log_init(&fixture->log);
    fixture->log.level = SL_LOG_ERROR;
    fixture->config = (struct sl_file_stream_config){
        .path = fixture->dir, .age_max_ms = INT64_C(7) * 86400000, .log = &fixture->log};
}

static void stop(struct fixture *fixture) {
    sl_file_stream_release(&fixture->stream);
    sl_arena_release(&fixture->arena);
    temp_dir_remove(fixture->dir);
    temp_dir_remove(fixture->log_dir);
}

static void add(struct fixture *fixture, const char *name, size_t bytes, long seconds) {
    char path[512], text[256];
    memset(text, 'x', sizeof text);
    temp_dir_write(fixture->dir, name, text, bytes);
    snprintf(path, sizeof path, "%s/%s", fixture->dir, name);
    struct utimbuf times = {seconds, seconds};
    assert_int_equal(utime(path, &times), 0);
}

/* The names of the next batch, one letter each; "" when there is none. */
static const char *next(struct fixture *fixture, int64_t *start_offset, bool all) {
    struct sl_source_file *files;
    struct sl_err err = {0};
    size_t count;
    int64_t end;
    fixture->stream.next_listing_ns = 0;
    if (sl_file_stream_next(&fixture->stream, *start_offset, all, false, &end, &err) != SL_OK)
        fail_msg("%s", err.msg);
    if (end == *start_offset) return "";
    assert_int_equal(sl_file_stream_files(&fixture->stream, *start_offset, end, &fixture->arena,
                                          &files, &count, &err),
                     SL_OK);
    char *names = sl_arena_alloc(&fixture->arena, count + 1);
    for (size_t i = 0; i < count; i++) names[i] = files[i].path.ptr[files[i].path.len - 1];
    names[count] = 0;
    *start_offset = end;
    return names;
}

void test_oldest_first_within_limits(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1;
    start(&fixture);
    fixture.config.files_max = 2;
    open_stream(&fixture);
    assert_string_equal(next(&fixture, &offset, false), "");
    add(&fixture, "c", 1, 1700000003);
    add(&fixture, "a", 1, 1700000001);
    add(&fixture, "b", 1, 1700000001);
    add(&fixture, "_hidden", 1, 1700000000);
    add(&fixture, ".dot", 1, 1700000000);
    assert_string_equal(next(&fixture, &offset, false), "ab");
    assert_int_equal(offset, 0);
    assert_string_equal(next(&fixture, &offset, false), "c");
    assert_string_equal(next(&fixture, &offset, false), "");
    add(&fixture, "d", 1, 1700000000);
    add(&fixture, "e", 1, 1700000000);
    add(&fixture, "f", 1, 1700000000);
    assert_string_equal(next(&fixture, &offset, true), "def"); /* Trigger.Once */
    stop(&fixture);
}

void test_bytes_limit_takes_at_least_one(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1;
    start(&fixture);
    fixture.config.bytes_max = 10;
    open_stream(&fixture);
    add(&fixture, "a", 50, 1);
    add(&fixture, "b", 4, 2);
    add(&fixture, "c", 6, 3);
    add(&fixture, "d", 1, 4);
    fixture.config.age_max_ms = INT64_MAX;
    assert_string_equal(next(&fixture, &offset, false), "a");
    assert_string_equal(next(&fixture, &offset, false), "bc");
    assert_string_equal(next(&fixture, &offset, false), "d");
    stop(&fixture);
}

/* A file that is older than the newest one read by more than maxFileAge is never read. */
void test_old_files_are_left_out(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1;
    start(&fixture);
    fixture.config.age_max_ms = 10000;
    open_stream(&fixture);
    add(&fixture, "n", 1, 1700000100);
    assert_string_equal(next(&fixture, &offset, false), "n");
    add(&fixture, "o", 1, 1700000050);
    add(&fixture, "p", 1, 1700000091);
    assert_string_equal(next(&fixture, &offset, false), "p");
    stop(&fixture);
}

/* Logged, but the process ended before the batch was planned: the next start reads just these. */
void test_restart_reads_what_is_logged(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1, end;
    struct sl_err err = {0};
    start(&fixture);
    open_stream(&fixture);
    add(&fixture, "a", 1, 1700000001);
    assert_int_equal(sl_file_stream_next(&fixture.stream, -1, false, false, &end, &err), SL_OK);
    assert_int_equal(end, 0);
    sl_file_stream_release(&fixture.stream);
    add(&fixture, "b", 1, 1700000002);
    open_stream(&fixture);
    assert_string_equal(next(&fixture, &offset, false), "a");
    assert_string_equal(next(&fixture, &offset, false), "b");
    sl_file_stream_release(&fixture.stream);
    open_stream(&fixture);
    assert_string_equal(next(&fixture, &offset, false), "");
    /* a checkpoint that is ahead of its log */
    offset = 7;
    assert_int_equal(sl_file_stream_next(&fixture.stream, offset, false, false, &end, &err),
                     SL_USER);
    stop(&fixture);
}

void test_latest_first_and_names_only(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1;
    start(&fixture);
    fixture.config.latest_first = fixture.config.name_only = fixture.config.listing.recursive =
        true;
    fixture.config.files_max = 1;
    fixture.config.age_max_ms = INT64_MAX;
    open_stream(&fixture);
    char sub[512];
    snprintf(sub, sizeof sub, "%s/sub", fixture.dir);
    struct sl_err err = {0};
    assert_int_equal(sl_io_make_dirs(sub, &err), SL_OK);
    add(&fixture, "a", 1, 1700000001);
    add(&fixture, "b", 1, 1700000002);
    add(&fixture, "sub/a", 1, 1700000003);
    assert_string_equal(next(&fixture, &offset, false), "a");
    assert_string_equal(next(&fixture, &offset, false), "b");
    assert_string_equal(next(&fixture, &offset, false), "");
    stop(&fixture);
}

/* The process ended between the commit of a batch and committed(): the next start cleans its files,
 * but nothing that came since under the same name, or that was not committed. */
void test_start_cleans_the_last_committed_batch(void **state) {
    (void)state;
    struct fixture fixture;
    int64_t offset = -1;
    start(&fixture);
    fixture.config.clean = SL_CLEAN_DELETE;
    fixture.config.files_max = 2;
    open_stream(&fixture);
    add(&fixture, "a", 1, 1700000001);
    add(&fixture, "b", 1, 1700000002);
    add(&fixture, "c", 1, 1700000003);
    assert_string_equal(next(&fixture, &offset, false), "ab");
    sl_file_stream_release(&fixture.stream);
    add(&fixture, "b", 1, 1700000009);
    open_stream(&fixture);
    assert_true(temp_dir_exists(fixture.dir, "a")); /* until it is known what was committed */
    assert_string_equal(next(&fixture, &offset, false), "c");
    assert_false(temp_dir_exists(fixture.dir, "a"));
    assert_true(temp_dir_exists(fixture.dir, "b"));
    assert_true(temp_dir_exists(fixture.dir, "c"));
    sl_file_stream_clean(&fixture.stream, 0, 1);
    assert_false(temp_dir_exists(fixture.dir, "c"));
    sl_file_stream_release(&fixture.stream);
    open_stream(&fixture); /* again: what is gone stays gone */
    assert_string_equal(next(&fixture, &offset, false), "");
    stop(&fixture);
}

/* cleanSource was not asked for when the batch ran, and would break the table that is read. */
void test_start_cleans_no_sinks_directory(void **state) {
    (void)state;
    struct fixture fixture;
    struct sl_err err = {0};
    int64_t offset = -1, end;
    char dir[512];
    start(&fixture);
    open_stream(&fixture);
    add(&fixture, "a", 1, 1700000001);
    assert_string_equal(next(&fixture, &offset, false), "a");
    sl_file_stream_release(&fixture.stream);
    snprintf(dir, sizeof dir, "%s/_spark_metadata", fixture.dir);
    assert_int_equal(sl_io_make_dirs(dir, &err), SL_OK);
    fixture.config.clean = SL_CLEAN_DELETE;
    open_stream(&fixture);
    assert_int_equal(sl_file_stream_next(&fixture.stream, offset, false, false, &end, &err),
                     SL_USER);
    assert_true(temp_dir_exists(fixture.dir, "a"));
    stop(&fixture);
}

/* A guard that tells of `exchanges` exchanges, each of which brings a file. */
static struct {
    const char *dir;
    int calls, exchanges;
} guarded;

static enum sl_code guard_check(const struct sl_file_source *source, int64_t *stamp,
                                struct sl_err *err) {
    char name[16];
    (void)source, (void)err;
    if (guarded.calls++ % 2 && guarded.exchanges > 0) {
        snprintf(name, sizeof name, "new%d", guarded.exchanges--);
        temp_dir_write(guarded.dir, name, "x", 1);
    }
    *stamp = guarded.exchanges;
    return SL_OK;
}

void test_listing_is_repeated_after_an_exchange(void **state) {
    (void)state;
    struct fixture fixture;
    struct sl_err err = {0};
    struct sl_listing listing;
    struct sl_listing_options options = {0};
    struct sl_listing_guard guard = {guard_check, NULL};
    start(&fixture);
    open_stream(&fixture);
    add(&fixture, "a", 1, 1700000001);
    guarded.dir = fixture.dir, guarded.calls = 0, guarded.exchanges = 2;
    assert_int_equal(
        sl_file_stream_list(&fixture.arena, fixture.dir, &options, &guard, &listing, &err), SL_OK);
    assert_int_equal(listing.count, 3);
    guarded.exchanges = 100;
    assert_int_equal(
        sl_file_stream_list(&fixture.arena, fixture.dir, &options, &guard, &listing, &err),
        SL_CONFLICT);
    stop(&fixture);
}

void test_offsets_of_all_ages_are_read(void **state) {
    (void)state;
    int64_t offset;
    struct sl_err err = {0};
    assert_int_equal(sl_file_stream_parse_offset(SL_STR(""), &offset, &err), SL_OK);
    assert_int_equal(offset, -1);
    assert_int_equal(sl_file_stream_parse_offset(SL_STR("{\"logOffset\":345}"), &offset, &err),
                     SL_OK);
    assert_int_equal(offset, 345);
    assert_int_equal(sl_file_stream_parse_offset(SL_STR("345"), &offset, &err), SL_OK);
    assert_int_equal(offset, 345);
    assert_int_equal(sl_file_stream_parse_offset(SL_STR("{\"t\":{\"0\":1}}"), &offset, &err),
                     SL_USER);
}

/* Against a plain list: random files, times and purges. */
void test_seen_files_as_a_list(void **state) {
    (void)state;
    enum { FILES = 400, AGE = 100 };
    struct sl_seen_files seen = {.age_max_ms = AGE};
    int64_t times[FILES], newest = 0, purged = 0;
    uint64_t seed = 9;
    for (int i = 0; i < FILES; i++) times[i] = -1;
    for (int step = 0; step < 20000; step++) {
        int file = (int)(sl_random_next(&seed) % FILES);
        int64_t time = (int64_t)(sl_random_next(&seed) % 60) + step / 50;
        char name[16];
        snprintf(name, sizeof name, "/d/%d", file);
        bool want = time >= purged && times[file] < 0;
        assert_int_equal(sl_seen_files_is_new(&seen, sl_str(name), time), want);
        if (!want) continue;
        sl_seen_files_add(&seen, sl_str(name), time);
        times[file] = time;
        if (time > newest) newest = time;
        if (step % 3) continue;
        sl_seen_files_purge(&seen);
        purged = newest - AGE;
        for (int i = 0; i < FILES; i++)
            if (times[i] < purged) times[i] = -1;
    }
    sl_seen_files_release(&seen);
}
