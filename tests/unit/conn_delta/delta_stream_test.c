/* A Delta table as a stream: which files come in which batch, what stops it, where it goes on. The
 * logs are written by hand, so that nothing but the source is at work. */
#include "table/data_file.h"

#include <unistd.h>

#include "base/json.h"
#include "conn/delta/delta_source.h"
#include "expr/expr.h"
#include "kern/zone.h"

enum { OPTIONS_MAX = 4 };

static struct sl_session session;
static struct sl_log log_;
static struct sl_arena arena;
static struct sl_conn_env env;
static struct sl_err err;
static struct sl_option given[OPTIONS_MAX];
static uint32_t given_count;
static char *dir;

/* ---- the table ---- */

#define ID "11111111-2222-3333-4444-555555555555"
#define FIELD(name, type)                                                                          \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type                                        \
    "\\\",\\\"nullable\\\":true,\\\"metadata\\\":{}}"
#define METADATA(id, fields)                                                                       \
    "{\"metaData\":{\"id\":\"" id "\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"       \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" fields "]}\","              \
    "\"partitionColumns\":[],\"configuration\":{},\"createdTime\":1}}\n"
#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"
#define CREATE PROTOCOL METADATA(ID, FIELD("a", "long"))
#define REMOVE(path, change)                                                                       \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1,\"dataChange\":" change "}}\n"

static const char *add_line(const char *path, int64_t bytes, int64_t modified, bool change) {
    return sl_arena_printf(&arena,
                           "{\"add\":{\"path\":\"%s\",\"partitionValues\":{},\"size\":%lld,"
                           "\"modificationTime\":%lld,\"dataChange\":%s}}\n",
                           path, (long long)bytes, (long long)modified, change ? "true" : "false")
        .ptr;
}

static const char *add(const char *path) { return add_line(path, 100, 1, true); }

static const char *join(const char *a, const char *b) {
    return sl_arena_printf(&arena, "%s%s", a, b).ptr;
}

static const char *commit_name(int64_t version) {
    return sl_arena_printf(&arena, "_delta_log/%020lld.json", (long long)version).ptr;
}

static void commit(int64_t version, const char *text) {
    temp_dir_write(dir, commit_name(version), text, strlen(text));
}

static void remove_commit(int64_t version) {
    char path[512];
    snprintf(path, sizeof path, "%s/%s", dir, commit_name(version));
    assert_int_equal(unlink(path), 0);
}

static void set_up(void) {
    char path[512];
    session = (struct sl_session){.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    log_ = (struct sl_log){.level = SL_LOG_ERROR};
    sl_arena_init(&arena, "test");
    env = (struct sl_conn_env){.query = &arena, .session = &session, .log = &log_};
    given_count = 0;
    dir = temp_dir_make();
    snprintf(path, sizeof path, "%s/_delta_log", dir);
    check_ok(sl_io_make_dirs(path, &err), &err);
    commit(0, CREATE);
}

static void tear_down(void) {
    sl_arena_release(&arena);
    temp_dir_remove(dir);
}

/* ---- the stream ---- */

static void option(const char *name, const char *value) {
    assert_true(given_count < OPTIONS_MAX);
    given[given_count++] = (struct sl_option){sl_str(name), sl_str(value), {0, 0}};
}

static enum sl_code open_stream(struct sl_source **out) {
    struct sl_options options = {given, given_count};
    sl_err_clear(&err);
    return sl_delta_source_open(&env, &options, sl_str(dir), true, out, &err);
}

static struct sl_source *stream(void) {
    struct sl_source *source;
    check_ok(open_stream(&source), &err);
    return source;
}

static void close_stream(struct sl_source *source) { source->ops->close(source); }

struct end {
    char json[256];
    bool has_new;
};

static enum sl_code ask(struct sl_source *source, const char *start, bool available_now,
                        struct end *end) {
    struct sl_batch_limits limits = {.available_now = available_now};
    struct sl_buf out = {0};
    sl_err_clear(&err);
    enum sl_code code =
        source->ops->latest_offset(source, sl_str(start), &limits, &out, &end->has_new, &err);
    snprintf(end->json, sizeof end->json, "%.*s", (int)out.len,
             out.ptr ? (const char *)out.ptr : "");
    sl_buf_release(&out);
    return code;
}

static struct end latest(struct sl_source *source, const char *start) {
    struct end end;
    check_ok(ask(source, start, false, &end), &err);
    return end;
}

/* Names of the files of a batch, one blank behind each, without their directory. */
static enum sl_code plan(struct sl_source *source, const char *start, const char *end,
                         const char **names) {
    struct sl_split *splits;
    uint32_t count;
    struct sl_buf text = {0};
    sl_err_clear(&err);
    SL_TRY(source->ops->plan(source, sl_str(start), sl_str(end), 2, &arena, &splits, &count, &err));
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(&text, "%s ", strrchr(splits[i].description.ptr, '/') + 1);
    *names = sl_arena_cstr(&arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return SL_OK;
}

static const char *files(struct sl_source *source, const char *start, const char *end) {
    const char *names = NULL;
    check_ok(plan(source, start, end, &names), &err);
    return names;
}

static const char *offset(int64_t version, int64_t index, bool is_snapshot) {
    return sl_arena_printf(&arena,
                           "{\"sourceVersion\":1,\"reservoirId\":\"" ID
                           "\",\"reservoirVersion\":%lld,\"index\":%lld,\"isStartingVersion\":%s}",
                           (long long)version, (long long)index, is_snapshot ? "true" : "false")
        .ptr;
}

static void refused(struct sl_source *source, const char *start, enum sl_code code,
                    const char *condition) {
    struct end end;
    if (ask(source, start, false, &end) != code || strcmp(err.condition, condition) != 0)
        fail_msg("%s: %s", err.condition, err.msg);
}

/* ---- order and limits ---- */

void test_delta_stream_order_of_files(void **state) {
    (void)state;
    set_up();
    commit(1, join(add_line("c", 1, 20, true), add_line("b", 1, 20, true)));
    commit(2, join(add_line("z", 1, 5, true), add_line("%C3%A4", 1, 20, true)));
    option("maxFilesPerTrigger", "3");
    struct sl_source *source = stream();
    /* the table as it was, by time, then by path as the log has it: z, %C3%A4, b, c */
    struct end first = latest(source, "");
    assert_string_equal(first.json, offset(2, 2, true));
    assert_string_equal(files(source, "", first.json), "z ä b ");
    struct end second = latest(source, first.json);
    assert_string_equal(second.json, offset(3, -1, false));
    assert_string_equal(files(source, first.json, second.json), "c ");
    struct end none = latest(source, second.json);
    assert_false(none.has_new);
    assert_string_equal(none.json, second.json);
    /* a commit's files in the order they are written in */
    commit(3, join(add_line("y", 1, 9, true), add_line("x", 1, 1, true)));
    struct end third = latest(source, second.json);
    assert_true(third.has_new);
    assert_string_equal(third.json, offset(4, -1, false));
    assert_string_equal(files(source, second.json, third.json), "y x ");
    close_stream(source);
    tear_down();
}

void test_delta_stream_bytes_limit(void **state) {
    (void)state;
    set_up();
    commit(1, join(join(add_line("a", 60, 1, true), add_line("b", 60, 2, true)),
                   join(add_line("c", 500, 3, true), add_line("d", 1, 4, true))));
    option("maxBytesPerTrigger", "100");
    struct sl_source *source = stream();
    struct end end = latest(source, "");
    assert_string_equal(files(source, "", end.json), "a b "); /* the second one goes beyond */
    struct end next = latest(source, end.json);
    assert_string_equal(files(source, end.json, next.json), "c "); /* larger than the limit */
    end = latest(source, next.json);
    assert_string_equal(end.json, offset(2, -1, false));
    assert_string_equal(files(source, next.json, end.json), "d ");
    close_stream(source);
    tear_down();
}

void test_delta_stream_commits_without_data(void **state) {
    (void)state;
    set_up();
    commit(1, add("a"));
    struct sl_source *source = stream();
    struct end end = latest(source, "");
    assert_string_equal(end.json, offset(2, -1, false));
    /* compaction: nothing that is new, but the stream moves on */
    commit(2, join(REMOVE("a", "false"), add_line("whole", 100, 2, false)));
    commit(3, "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"SET TBLPROPERTIES\"}}\n");
    struct end next = latest(source, end.json);
    assert_true(next.has_new);
    assert_string_equal(next.json, offset(4, -1, false));
    assert_string_equal(files(source, end.json, next.json), "");
    close_stream(source);
    tear_down();
}

/* Random tables and limits: every file comes once, in order, in batches within the limits, and a
 * source that is opened anew before every call gives the same ones. */
static uint64_t seed;
static uint32_t below(uint32_t n) {
    seed = seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(seed >> 33) % n;
}

static void make_commits(int64_t first, int64_t last, struct sl_buf *names, int *number) {
    for (int64_t v = first; v <= last; v++) {
        const char *text = "{\"txn\":{\"appId\":\"x\",\"version\":1}}\n";
        for (uint32_t i = below(5); i > 0; i--) {
            const char *name = sl_arena_printf(&arena, "f%03d", *number).ptr;
            bool change = below(4) != 0;
            text = join(text, add_line(name, 1 + below(50), *number, change));
            if (change || names->len == 0) sl_buf_printf(names, "%s ", name);
            ++*number;
        }
        commit(v, text);
    }
}

void test_delta_stream_random_batches(void **state) {
    (void)state;
    for (uint64_t round = 1; round <= 60; round++) {
        struct sl_buf want = {0}, have = {0};
        int number = 0;
        char limit[16], start[256] = "";
        set_up();
        seed = round;
        /* the initial snapshot holds what did not change data, too: all of it does here */
        for (int64_t v = 1; v <= 3; v++) {
            const char *name = sl_arena_printf(&arena, "f%03d", number).ptr;
            commit(v, add_line(name, 1 + below(50), number, true));
            sl_buf_printf(&want, "%s ", name);
            number++;
        }
        uint32_t files_max = 1 + below(4);
        snprintf(limit, sizeof limit, "%u", files_max);
        option("maxFilesPerTrigger", limit);
        for (int step = 0;; step++) {
            struct sl_source *source = stream();
            struct end end = latest(source, start);
            if (!end.has_new && step > 2) {
                close_stream(source);
                break;
            }
            const char *names = files(source, start, end.json);
            assert_true(strlen(names) <= 5 * files_max);
            sl_buf_put_cstr(&have, names);
            memcpy(start, end.json, sizeof start);
            if (step == 1) make_commits(4, 4 + below(6), &want, &number);
            close_stream(source);
        }
        assert_string_equal(sl_buf_cstr(&have), sl_buf_cstr(&want));
        sl_buf_release(&want);
        sl_buf_release(&have);
        tear_down();
    }
}

/* ---- queries that share their reads ---- */

static const char *combined(struct sl_source *source, const char *a, const char *b, bool later) {
    struct sl_buf out = {0};
    check_ok(source->ops->combine(source, sl_str(a), sl_str(b), later, &out, &err), &err);
    const char *text = sl_arena_cstr(&arena, sl_buf_str(&out));
    sl_buf_release(&out);
    return text;
}

void test_delta_stream_combines_offsets(void **state) {
    (void)state;
    set_up();
    commit(1, add("a"));
    struct sl_source *source = stream();
    const struct {
        const char *a, *b, *later, *earlier;
    } cases[] = {
        {offset(5, 2, false), offset(5, 3, false), offset(5, 3, false), offset(5, 2, false)},
        {offset(6, -1, false), offset(5, 3, false), offset(6, -1, false), offset(5, 3, false)},
        {offset(5, 2, true), offset(5, 3, true), offset(5, 3, true), offset(5, 2, true)},
        {offset(5, 2, true), offset(4, 3, true), offset(6, -1, false), offset(4, 3, true)},
        {offset(5, 2, true), offset(5, 3, false), offset(6, -1, false), offset(5, 2, true)},
        {offset(5, 2, true), offset(7, 3, false), offset(7, 3, false), offset(5, 2, true)},
        {"", offset(7, 3, false), "", ""},
        {offset(7, 3, false), "", "", offset(7, 3, false)},
        {"", "", "", ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_string_equal(combined(source, cases[i].a, cases[i].b, true), cases[i].later);
        assert_string_equal(combined(source, cases[i].a, cases[i].b, false), cases[i].earlier);
    }
    close_stream(source);
    tear_down();
}

enum { READERS = 3 };
struct follower {
    struct sl_source *source;
    const char *start;
    struct sl_buf have;
};

static void move_to(struct follower *follower, struct sl_source *source, const char *end) {
    sl_buf_put_cstr(&follower->have, files(source, follower->start, end));
    follower->start = end;
}

/* A round of run/query_share.c: who is at the latest start moves on, together; the others come as
 * far as there, alone. True: all were there. */
static bool round_of(struct follower *followers, uint32_t count) {
    struct sl_source *source = followers[0].source;
    const char *target = followers[0].start, *together = NULL;
    bool met = true;
    for (uint32_t i = 1; i < count; i++)
        target = combined(source, target, followers[i].start, true);
    for (uint32_t i = 0; i < count; i++) {
        struct follower *follower = &followers[i];
        bool there = strcmp(follower->start, target) == 0;
        struct end end = latest(there ? source : follower->source, follower->start);
        met &= there;
        if (!end.has_new) continue;
        if (there && !together) together = sl_arena_cstr(&arena, sl_str(end.json));
        const char *lowered = combined(source, end.json, target, false);
        bool moves = strcmp(lowered, follower->start) != 0;
        move_to(follower, there ? source : follower->source,
                there ? together : sl_arena_cstr(&arena, sl_str(moves ? lowered : end.json)));
    }
    return met;
}

static const char *some_files(int *number, struct sl_buf *names) {
    const char *text = "";
    for (uint32_t i = 1 + below(5); i > 0; i--, ++*number) {
        const char *name = sl_arena_printf(&arena, "f%03d", *number).ptr;
        text = join(text, add_line(name, 10, *number, true));
        sl_buf_printf(names, "%s ", name);
    }
    return text;
}

/* Queries of other ages, some in their snapshots, in batches of other sizes: they meet, and each
 * has every file once. */
void test_delta_stream_queries_meet(void **state) {
    (void)state;
    for (uint64_t round = 1; round <= 60; round++) {
        struct follower followers[READERS] = {0};
        struct sl_buf want = {0};
        int number = 0, rounds = 0;
        int64_t version = 0;
        char limit[16];
        set_up();
        seed = round;
        for (uint32_t i = 0; i < READERS; i++) {
            for (uint32_t more = below(3) + (i == 0); more > 0; more--)
                commit(++version, some_files(&number, &want));
            snprintf(limit, sizeof limit, "%u", 1 + below(4));
            given_count = 0;
            option("maxFilesPerTrigger", limit);
            followers[i].source = stream();
            followers[i].start = "";
            for (uint32_t steps = below(4); steps > 0; steps--) (void)round_of(&followers[i], 1);
        }
        while (!round_of(followers, READERS))
            if (++rounds > 200) fail_msg("round %d: they do not meet", (int)round);
        for (int i = 0; i < 100; i++) (void)round_of(followers, READERS);
        for (uint32_t i = 0; i < READERS; i++) {
            assert_string_equal(sl_buf_cstr(&followers[i].have), sl_buf_cstr(&want));
            sl_buf_release(&followers[i].have);
            close_stream(followers[i].source);
        }
        sl_buf_release(&want);
        tear_down();
    }
}

/* ---- rows that change ---- */

void test_delta_stream_updates_and_deletes(void **state) {
    (void)state;
    static const char update[] =
        "{\"commitInfo\":{\"operation\":\"UPDATE\","
        "\"operationParameters\":{\"predicate\":\"a = 1\"}}}\n" REMOVE("a", "true");
    static const struct {
        const char *option;
        enum sl_code update_code, delete_code;
        const char *update_files;
    } cases[] = {
        {NULL, SL_UNSUPPORTED, SL_UNSUPPORTED, ""}, {"ignoreDeletes", SL_UNSUPPORTED, SL_OK, ""},
        {"ignoreChanges", SL_OK, SL_OK, "b "},      {"ignoreFileDeletion", SL_OK, SL_OK, "b "},
        {"skipChangeCommits", SL_OK, SL_OK, ""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct end end;
        set_up();
        commit(1, add("a"));
        if (cases[i].option) option(cases[i].option, "true");
        struct sl_source *source = stream();
        assert_int_equal(ask(source, offset(2, -1, false), false, &end), SL_OK);
        commit(2, REMOVE("a", "true"));
        assert_int_equal(ask(source, offset(2, -1, false), false, &end), cases[i].delete_code);
        if (cases[i].delete_code != SL_OK) {
            assert_string_equal(err.condition, "DELTA_SOURCE_IGNORE_DELETE");
            assert_non_null(strstr(err.hint, "ignoreDeletes"));
        }
        commit(2, join(update, add("b")));
        assert_int_equal(ask(source, offset(2, -1, false), false, &end), cases[i].update_code);
        if (cases[i].update_code == SL_OK) {
            assert_string_equal(end.json, offset(3, -1, false));
            assert_string_equal(files(source, offset(2, -1, false), end.json),
                                cases[i].update_files);
        } else {
            assert_string_equal(err.condition, "DELTA_SOURCE_TABLE_IGNORE_CHANGES");
            assert_non_null(strstr(err.msg, "UPDATE {\"predicate\":\"a = 1\"}"));
        }
        close_stream(source);
        tear_down();
    }
}

/* A batch that ends in front of an update runs; the update stops what comes behind. */
void test_delta_stream_ends_before_an_update(void **state) {
    (void)state;
    set_up();
    commit(1, add("a"));
    commit(2, join(REMOVE("a", "true"), add("b")));
    struct sl_source *source = stream();
    assert_string_equal(files(source, offset(1, -1, false), offset(2, -1, false)), "a ");
    refused(source, offset(1, -1, false), SL_UNSUPPORTED, "DELTA_SOURCE_TABLE_IGNORE_CHANGES");
    close_stream(source);
    tear_down();
}

/* ---- the table changes ---- */

void test_delta_stream_schema_changes(void **state) {
    (void)state;
    static const struct {
        const char *metadata;
        enum sl_code code; /* while the stream runs */
        const char *what;
    } cases[] = {
        {METADATA(ID, FIELD("a", "long")), SL_OK, ""},
        {METADATA(ID, FIELD("a", "long") "," FIELD("b", "string")), SL_CONFLICT, "column `b`"},
        {METADATA(ID, FIELD("a", "string")), SL_UNSUPPORTED, "column `a` is STRING"},
        {METADATA(ID, FIELD("A", "long")), SL_UNSUPPORTED, "case"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct end end;
        set_up();
        commit(1, add("a"));
        struct sl_source *source = stream();
        commit(2, join(cases[i].metadata, add("b")));
        commit(3, add("c"));
        assert_int_equal(ask(source, offset(1, -1, false), false, &end), cases[i].code);
        if (cases[i].code != SL_OK) {
            assert_string_equal(err.condition, "DELTA_SCHEMA_CHANGED_WITH_VERSION");
            assert_non_null(strstr(err.msg, "version 2"));
            assert_non_null(strstr(err.msg, cases[i].what));
        }
        close_stream(source);
        /* started again, it reads the old version with the new schema, or never can */
        source = stream();
        enum sl_code code = cases[i].code == SL_UNSUPPORTED ? SL_UNSUPPORTED : SL_OK;
        assert_int_equal(ask(source, offset(1, -1, false), false, &end), code);
        if (code == SL_OK)
            assert_string_equal(files(source, offset(1, -1, false), end.json), "a b c ");
        close_stream(source);
        tear_down();
    }
}

void test_delta_stream_other_table(void **state) {
    (void)state;
    set_up();
    commit(1, add("a"));
    struct sl_source *source = stream();
    const char *foreign = "{\"sourceVersion\":1,\"reservoirId\":\"other\",\"reservoirVersion\":1,"
                          "\"index\":-1,\"isStartingVersion\":false}";
    refused(source, foreign, SL_USER, "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE");
    /* made anew while the stream runs */
    remove_commit(1);
    commit(0, PROTOCOL METADATA("other", FIELD("a", "long")));
    refused(source, offset(2, -1, false), SL_USER,
            "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE");
    commit(0, CREATE);
    refused(source, offset(2, -1, false), SL_DATA, "DELTA_STREAMING_TRAILING_COMMIT_MISSING");
    remove_commit(0);
    refused(source, offset(2, -1, false), SL_DATA, "DELTA_PATH_DOES_NOT_EXIST");
    close_stream(source);
    tear_down();
}

void test_delta_stream_lost_versions(void **state) {
    (void)state;
    for (int tolerant = 0; tolerant < 2; tolerant++) {
        const char *names = NULL;
        set_up();
        for (int v = 1; v <= 5; v++) commit(v, add(sl_arena_printf(&arena, "f%d", v).ptr));
        if (tolerant) option("failOnDataLoss", "false");
        struct sl_source *source = stream();
        for (int v = 0; v <= 3; v++) remove_commit(v);
        if (tolerant) {
            struct end end = latest(source, offset(2, -1, false));
            assert_string_equal(end.json, offset(6, -1, false));
            assert_string_equal(files(source, offset(2, -1, false), end.json), "f4 f5 ");
        } else {
            refused(source, offset(2, -1, false), SL_DATA,
                    "DELTA_MISSING_FILES_UNEXPECTED_VERSION");
            assert_non_null(strstr(err.hint, "failOnDataLoss"));
            assert_int_equal(plan(source, offset(3, -1, false), offset(6, -1, false), &names),
                             SL_DATA);
            assert_string_equal(files(source, offset(4, -1, false), offset(6, -1, false)),
                                "f4 f5 ");
            assert_int_equal(plan(source, offset(4, -1, false), offset(8, -1, false), &names),
                             SL_DATA);
            assert_string_equal(err.condition, "DELTA_STREAMING_TRAILING_COMMIT_MISSING");
        }
        /* the snapshot that it began with is gone, whatever is tolerated */
        assert_int_equal(plan(source, offset(2, 0, true), offset(6, -1, false), &names), SL_DATA);
        close_stream(source);
        tear_down();
    }
}

/* ---- where it begins ---- */

void test_delta_stream_starting_version(void **state) {
    (void)state;
    static const struct {
        const char *version, *files;
    } cases[] = {{"0", "f1 f2 f3 "}, {"2", "f2 f3 "}, {"3", "f3 "}, {"latest", NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up();
        for (int v = 1; v <= 3; v++) commit(v, add(sl_arena_printf(&arena, "f%d", v).ptr));
        option("startingVersion", cases[i].version);
        struct sl_source *source = stream();
        struct end end = latest(source, "");
        assert_int_equal(end.has_new, cases[i].files != NULL);
        if (cases[i].files) {
            assert_string_equal(end.json, offset(4, -1, false));
            assert_string_equal(files(source, "", end.json), cases[i].files);
        } else { /* what comes from now on */
            assert_string_equal(end.json, "");
            commit(4, add("f4"));
            end = latest(source, "");
            assert_string_equal(end.json, offset(5, -1, false));
            assert_string_equal(files(source, "", end.json), "f4 ");
        }
        close_stream(source);
        tear_down();
    }
    set_up();
    option("startingVersion", "1");
    refused(stream(), "", SL_USER, "DELTA_VERSION_NOT_FOUND");
    tear_down();
}

static struct sl_source *attached(const char *log_dir) {
    struct sl_source *source = stream();
    check_ok(source->ops->attach(source, log_dir, &err), &err);
    return source;
}

/* The batch was planned, the run was killed, the table went on: the batch is the same again. */
void test_delta_stream_start_outlives_a_crash(void **state) {
    (void)state;
    static const struct {
        const char *option, *value, *files;
    } cases[] = {{"startingVersion", "latest", "f4 "},
                 {"startingVersion", "2", "f2 f3 f4 "},
                 {NULL, NULL, "f1 f2 f3 f4 "}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char log_dir[512];
        set_up();
        snprintf(log_dir, sizeof log_dir, "%s/c/sources/0", dir);
        for (int v = 1; v <= 3; v++) commit(v, add(sl_arena_printf(&arena, "f%d", v).ptr));
        if (cases[i].option) option(cases[i].option, cases[i].value);
        struct sl_source *source = attached(log_dir);
        struct end end;
        if (cases[i].option && strcmp(cases[i].value, "latest") == 0)
            assert_false(latest(source, "").has_new);
        commit(4, add("f4"));
        end = latest(source, "");
        assert_string_equal(end.json, offset(5, -1, false));
        assert_string_equal(files(source, "", end.json), cases[i].files);
        close_stream(source);
        for (int v = 5; v <= 7; v++) commit(v, add(sl_arena_printf(&arena, "f%d", v).ptr));
        source = attached(log_dir);
        assert_string_equal(files(source, "", end.json), cases[i].files);
        assert_string_equal(files(source, end.json, latest(source, end.json).json), "f5 f6 f7 ");
        close_stream(source);
        /* an option that is changed behind the plan does not change the batch */
        given_count = 0;
        option("startingVersion", "6");
        source = attached(log_dir);
        assert_string_equal(files(source, "", end.json), cases[i].files);
        close_stream(source);
        tear_down();
    }
}

/* Killed before anything was planned, the query still begins where it began; with another option it
 * begins anew. */
void test_delta_stream_start_before_a_plan(void **state) {
    (void)state;
    char log_dir[512];
    set_up();
    snprintf(log_dir, sizeof log_dir, "%s/c/sources/0", dir);
    commit(1, add("f1"));
    option("startingVersion", "latest");
    struct sl_source *source = attached(log_dir);
    assert_false(latest(source, "").has_new);
    close_stream(source);
    commit(2, add("f2"));
    source = attached(log_dir);
    assert_string_equal(files(source, "", latest(source, "").json), "f2 ");
    close_stream(source);
    given_count = 0;
    option("startingVersion", "1");
    source = attached(log_dir);
    assert_string_equal(files(source, "", latest(source, "").json), "f1 f2 ");
    close_stream(source);
    temp_dir_write(log_dir, ".start.sluice", "{\"option\":1}", 12);
    source = attached(log_dir);
    refused(source, "", SL_DATA, "");
    assert_non_null(strstr(err.ctx, ".start.sluice"));
    close_stream(source);
    tear_down();
}

void test_delta_stream_refuses_options(void **state) {
    (void)state;
    static const struct {
        const char *name, *value, *condition;
    } cases[] = {{"startingVersion", "-1", "DELTA_ILLEGAL_OPTION"},
                 {"startingVersion", "newest", "DELTA_ILLEGAL_OPTION"},
                 {"maxFilesPerTrigger", "0", "DELTA_ILLEGAL_OPTION"},
                 {"maxBytesPerTrigger", "0", "DELTA_ILLEGAL_OPTION"},
                 {"excludeRegex", "(", "DELTA_REGEX_OPT_SYNTAX_ERROR"},
                 {"versionAsOf", "1", "DELTA_UNSUPPORTED_TIME_TRAVEL_VIEWS"}};
    struct sl_source *source;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        set_up();
        option(cases[i].name, cases[i].value);
        assert_int_equal(open_stream(&source), SL_USER);
        assert_string_equal(err.condition, cases[i].condition);
        tear_down();
    }
    set_up();
    option("startingVersion", "1");
    option("startingTimestamp", "2025-01-01");
    assert_int_equal(open_stream(&source), SL_USER);
    assert_string_equal(err.condition, "DELTA_STARTING_VERSION_AND_TIMESTAMP_BOTH_SET");
    tear_down();
}

/* Available now: what comes after the first question is for the next run. */
void test_delta_stream_available_now(void **state) {
    (void)state;
    struct end end;
    set_up();
    commit(1, join(add("a"), add("b")));
    option("maxFilesPerTrigger", "1");
    struct sl_source *source = stream();
    check_ok(ask(source, "", true, &end), &err);
    assert_string_equal(end.json, offset(1, 0, true));
    commit(2, add("c"));
    check_ok(ask(source, end.json, true, &end), &err);
    assert_string_equal(end.json, offset(2, -1, false));
    check_ok(ask(source, end.json, true, &end), &err);
    assert_false(end.has_new);
    close_stream(source);
    tear_down();
}

/* Batch 0 was planned and not run, by Spark too: there is an end and no start. */
void test_delta_stream_first_batch_again(void **state) {
    (void)state;
    const char *names;
    set_up();
    commit(1, add("a"));
    commit(2, add("b"));
    commit(3, add("c"));
    struct sl_source *source = stream();
    assert_string_equal(files(source, "", offset(2, 0, true)), "a ");
    assert_string_equal(files(source, "", offset(2, 1, true)), "a b ");
    /* the snapshot was of version 1 and version 2 came with it */
    assert_string_equal(files(source, "", offset(3, -1, false)), "a b ");
    assert_string_equal(files(source, "", offset(3, 0, false)), "a b c ");
    assert_int_equal(plan(source, "", offset(0, -1, false), &names), SL_DATA);
    assert_int_equal(plan(source, offset(3, -1, false), offset(2, -1, false), &names), SL_DATA);
    close_stream(source);
    tear_down();
}

/* ---- which files, and their rows ---- */

void test_delta_stream_excludes_paths(void **state) {
    (void)state;
    set_up();
    commit(1, join(add("day=1/x"), join(add("day=2/x"), add("day=2/y"))));
    option("excludeRegex", "^day=2.*[x]$");
    option("maxFilesPerTrigger", "2"); /* excluded files are counted, as Spark does */
    struct sl_source *source = stream();
    struct end end = latest(source, ""), next = latest(source, end.json);
    assert_string_equal(end.json, offset(1, 1, true));
    assert_string_equal(files(source, "", end.json), "x ");
    assert_string_equal(files(source, end.json, next.json), "y ");
    close_stream(source);
    tear_down();
}

static int64_t sum_of(struct sl_source *source, const char *start, const char *end) {
    static const bool wanted[] = {true};
    struct sl_split *splits;
    uint32_t count;
    int64_t sum = 0;
    check_ok(
        source->ops->plan(source, sl_str(start), sl_str(end), 2, &arena, &splits, &count, &err),
        &err);
    for (uint32_t s = 0; s < count; s++) {
        struct sl_reader *reader;
        struct sl_batch batch;
        check_ok(source->ops->reader_open(source, &splits[s], wanted, &reader, &err), &err);
        sl_batch_init(&batch, source->ops->schema(source), &arena);
        for (;;) {
            sl_batch_clear(&batch);
            check_ok(reader->ops->reader_next(reader, 64, &batch, &err), &err);
            if (batch.rows == 0) break;
            for (uint32_t i = 0; i < batch.rows; i++) sum += batch.columns[0].i64[i];
        }
        reader->ops->reader_close(reader);
        sl_batch_release(&batch);
    }
    return sum;
}

void test_delta_stream_reads_rows(void **state) {
    (void)state;
    set_up();
    data_file_range(dir, "f1", "a", &sl_type_long, 0, 100, 0);
    data_file_range(dir, "f2", "a", &sl_type_long, 100, 200, 0);
    commit(1, add("f1"));
    struct sl_source *source = stream();
    struct end end = latest(source, "");
    assert_int_equal(sum_of(source, "", end.json), 99 * 100 / 2);
    commit(2, add("f2"));
    struct end next = latest(source, end.json);
    assert_int_equal(sum_of(source, end.json, next.json), 199 * 200 / 2 - 99 * 100 / 2);
    close_stream(source);
    tear_down();
}
