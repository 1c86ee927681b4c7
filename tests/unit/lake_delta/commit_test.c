/* Commits on a real directory: what is written, who wins, and what is told to whom loses. Rivals
 * are second snapshots of the same table, which know nothing of each other. */
#include <pthread.h>

#include "base/fail.h"
#include "delta_table.h"

struct table {
    struct sl_arena arena;
    char *dir;
    struct sl_delta_snapshot *ours, *theirs;
};

static void table_init_as(struct table *t, const char *protocol, const char *metadata) {
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&t->arena, "test");
    t->dir = temp_dir_make();
    delta_create(&t->arena, t->dir, protocol, metadata);
    t->ours = delta_open(t->dir);
    t->theirs = delta_open(t->dir);
}

static void table_init(struct table *t) { table_init_as(t, PROTOCOL_1_2, METADATA_A); }

static void table_release(struct table *t) {
    sl_delta_snapshot_close(t->ours);
    sl_delta_snapshot_close(t->theirs);
    temp_dir_remove(t->dir);
    sl_arena_release(&t->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

static void check_fails(struct table *t, const struct sl_delta_commit *commit, enum sl_code code,
                        const char *condition) {
    int64_t version, before = sl_delta_snapshot_version(t->ours);
    bool already;
    struct sl_err err = {0};
    assert_int_equal(sl_delta_commit(t->ours, commit, &version, &already, &err), code);
    assert_string_equal(err.condition, condition);
    assert_int_equal(sl_delta_snapshot_version(t->ours), before);
    assert_false(already);
}

void test_commit_text(void **state) {
    (void)state;
    struct table t;
    table_init(&t);
    struct sl_delta_file file = delta_file("part-1.parquet");
    struct sl_delta_txn txn = {SL_STR("query"), 3, 1700000000001};
    struct sl_delta_commit commit = delta_append(&file, &txn);
    assert_int_equal(delta_commit(t.ours, &commit), 1);
    assert_int_equal(sl_delta_snapshot_version(t.ours), 1);
    assert_int_equal(sl_delta_snapshot_txn(t.ours, SL_STR("query")), 3);
    char *text = delta_commit_text(t.dir, 1);
    assert_memory_equal(text, "{\"commitInfo\":{\"timestamp\":", 27);
    assert_non_null(strstr(text, "\"operation\":\"STREAMING UPDATE\",\"readVersion\":0,"
                                 "\"isolationLevel\":\"Serializable\",\"isBlindAppend\":true,"
                                 "\"engineInfo\":\"sluice/"));
    const char *rest =
        "\n{\"txn\":{\"appId\":\"query\",\"version\":3,\"lastUpdated\":1700000000001}}\n"
        "{\"add\":{\"path\":\"part-1.parquet\",\"partitionValues\":{},\"size\":10,"
        "\"modificationTime\":1700000000000,\"dataChange\":true,\"stats\":"
        "\"{\\\"numRecords\\\":1}\"}}\n";
    assert_string_equal(strchr(text, '\n'), rest);
    free(text);
    delta_check_text(t.dir, 0, "\"isBlindAppend\":true");
    assert_int_equal(delta_live_files(t.ours), 1);
    table_release(&t);
}

void test_commit_create_twice(void **state) {
    (void)state;
    struct table t;
    table_init(&t);
    struct sl_delta_action p = delta_action(&t.arena, PROTOCOL_1_2);
    struct sl_delta_action m = delta_action(&t.arena, METADATA_A);
    struct sl_delta_commit commit = {.protocol = &p.protocol, .metadata = &m.metadata};
    struct sl_err err;
    assert_int_equal(sl_delta_create(t.dir, &commit, &err), SL_CONFLICT);
    table_release(&t);
}

/* A batch that the table has is not written again, whoever asks. */
void test_commit_batch_is_already_there(void **state) {
    (void)state;
    struct table t;
    int64_t version;
    bool already;
    struct sl_err err;
    table_init(&t);
    struct sl_delta_file file = delta_file("f");
    struct sl_delta_txn txn = {SL_STR("q"), 5, -1};
    struct sl_delta_commit commit = delta_append(&file, &txn);
    assert_int_equal(delta_commit(t.ours, &commit), 1);
    for (int64_t batch = 4; batch <= 5; batch++) {
        txn.version = batch;
        assert_int_equal(sl_delta_commit(t.ours, &commit, &version, &already, &err), SL_OK);
        assert_true(already);
        assert_int_equal(version, 1);
    }
    /* theirs does not know of version 1 yet: it meets it on the way */
    assert_int_equal(sl_delta_commit(t.theirs, &commit, &version, &already, &err), SL_OK);
    assert_true(already);
    assert_int_equal(version, 1);
    assert_null(delta_commit_text(t.dir, 2));
    table_release(&t);
}

/* Another batch of our query by somebody else: two processes run it. */
void test_commit_rival_of_the_same_query(void **state) {
    (void)state;
    for (int64_t batch = 5; batch <= 7; batch += 2) {
        struct table t;
        table_init(&t);
        struct sl_delta_file file = delta_file("f");
        struct sl_delta_txn txn = {SL_STR("q"), batch, -1};
        struct sl_delta_commit commit = delta_append(&file, &txn);
        delta_commit(t.theirs, &commit);
        txn.version = 6;
        check_fails(&t, &commit, SL_CONFLICT, "DELTA_CONCURRENT_TRANSACTION");
        table_release(&t);
    }
}

void test_commit_goes_on_over_appends(void **state) {
    (void)state;
    struct table t;
    table_init(&t);
    struct sl_delta_file file = delta_file("f");
    struct sl_delta_commit commit = delta_append(&file, NULL);
    for (int i = 1; i <= 3; i++) assert_int_equal(delta_commit(t.theirs, &commit), i);
    file.path = SL_STR("g");
    assert_int_equal(delta_commit(t.ours, &commit), 4);
    delta_check_text(t.dir, 4, "\"readVersion\":0");
    assert_int_equal(delta_live_files(t.ours), 2);
    table_release(&t);
}

/* A compaction goes on over appends, and stops when one of its files is gone. */
void test_commit_compaction(void **state) {
    (void)state;
    struct table t;
    table_init(&t);
    struct sl_delta_file file = delta_file("a"), old = delta_file("a"), compacted = delta_file("c");
    struct sl_delta_commit append = delta_append(&file, NULL);
    delta_commit(t.ours, &append);
    file.path = SL_STR("b");
    delta_commit(t.theirs, &append);
    old.data_change = compacted.data_change = false;
    struct sl_delta_commit compact = delta_append(&compacted, NULL);
    compact.scope = SL_DELTA_FILES;
    compact.removes = &old;
    compact.remove_count = 1;
    assert_int_equal(delta_commit(t.ours, &compact), 3);
    delta_check_text(t.dir, 3, "\"isolationLevel\":\"SnapshotIsolation\",\"isBlindAppend\":false");
    assert_int_equal(delta_live_files(t.ours), 2);
    compacted.path = SL_STR("d");
    int64_t version;
    bool already;
    struct sl_err err;
    assert_int_equal(sl_delta_commit(t.theirs, &compact, &version, &already, &err), SL_CONFLICT);
    assert_string_equal(err.condition, "DELTA_CONCURRENT_DELETE_READ");
    table_release(&t);
}

static void change_metadata(struct sl_delta_snapshot *snapshot, struct sl_arena *arena,
                            const char *metadata) {
    struct sl_delta_action m = delta_action(arena, metadata);
    struct sl_delta_commit commit = {.info = {.operation = SL_STR("ALTER")},
                                     .metadata = &m.metadata};
    delta_commit(snapshot, &commit);
}

/* Only what matters to the rows stops an append. */
void test_commit_over_changed_metadata(void **state) {
    (void)state;
    static const struct {
        const char *metadata;
        bool stops;
    } cases[] = {
        {METADATA_OF(FIELD("a", "long"), "", "\"delta.checkpointInterval\":\"5\""), false},
        {METADATA_OF(FIELD("a", "long"), "", "\"delta.appendOnly\":\"true\""), false},
        {METADATA_OF(FIELD("a", "long") "," FIELD("b", "long"), "", ""), true},
        {METADATA_OF(FIELD("a", "long"), "\"a\"", ""), true},
        {METADATA_OF(FIELD("a", "long"), "", "\"delta.constraints.c\":\"a > 0\""), true},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct table t;
        table_init_as(&t, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":3}}",
                      METADATA_A);
        struct sl_delta_file file = delta_file("f");
        struct sl_delta_commit commit = delta_append(&file, NULL);
        change_metadata(t.theirs, &t.arena, cases[i].metadata);
        if (cases[i].stops) {
            check_fails(&t, &commit, SL_CONFLICT, "DELTA_METADATA_CHANGED");
        } else {
            assert_int_equal(delta_commit(t.ours, &commit), 2);
            commit.scope = SL_DELTA_WHOLE_TABLE; /* whoever read the table stops */
            change_metadata(t.theirs, &t.arena, cases[i].metadata);
            check_fails(&t, &commit, SL_CONFLICT, "DELTA_METADATA_CHANGED");
        }
        table_release(&t);
    }
}

/* A rival raises the protocol: on, if we may still write; refused by name otherwise. */
void test_commit_over_changed_protocol(void **state) {
    (void)state;
    struct table t;
    table_init(&t);
    struct sl_delta_file file = delta_file("f");
    struct sl_delta_commit commit = delta_append(&file, NULL), raise = {0};
    struct sl_delta_action p =
        delta_action(&t.arena, "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":3}}");
    raise.protocol = &p.protocol;
    delta_commit(t.theirs, &raise);
    assert_int_equal(delta_commit(t.ours, &commit), 2);
    static const char future[] = "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,"
                                 "\"readerFeatures\":[\"futureFeature\"],"
                                 "\"writerFeatures\":[\"futureFeature\"]}}\n";
    temp_dir_write(t.dir, "_delta_log/00000000000000000003.json", future, sizeof future - 1);
    int64_t version;
    bool already;
    struct sl_err err;
    assert_int_equal(sl_delta_commit(t.ours, &commit, &version, &already, &err), SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "futureFeature"));
    table_release(&t);
}

void test_commit_append_only(void **state) {
    (void)state;
    struct table t;
    table_init_as(&t, PROTOCOL_1_2,
                  METADATA_OF(FIELD("a", "long"), "", "\"delta.appendOnly\":\"true\""));
    struct sl_delta_file file = delta_file("f"), old = delta_file("f");
    struct sl_delta_commit commit = delta_append(&file, NULL);
    delta_commit(t.ours, &commit);
    commit.removes = &old;
    commit.remove_count = 1;
    commit.scope = SL_DELTA_FILES;
    file.path = SL_STR("g");
    check_fails(&t, &commit, SL_USER, "DELTA_CANNOT_MODIFY_APPEND_ONLY");
    old.data_change = file.data_change = false; /* rearranging is allowed */
    assert_int_equal(delta_commit(t.ours, &commit), 2);
    table_release(&t);
}

/* inCommitTimestamp comes first and rises, even when the clock of the last writer was ahead. */
void test_commit_in_commit_timestamps(void **state) {
    (void)state;
    struct table t;
    table_init_as(
        &t,
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
        "\"writerFeatures\":[\"inCommitTimestamp\"]}}",
        METADATA_OF(FIELD("a", "long"), "", "\"delta.enableInCommitTimestamps\":\"true\""));
    delta_check_text(t.dir, 0, "{\"commitInfo\":{\"inCommitTimestamp\":");
    static const char ahead[] =
        "{\"commitInfo\":{\"inCommitTimestamp\":9000000000000,\"timestamp\":1}}\n";
    temp_dir_write(t.dir, "_delta_log/00000000000000000001.json", ahead, sizeof ahead - 1);
    struct sl_delta_file file = delta_file("f");
    struct sl_delta_commit commit = delta_append(&file, NULL);
    assert_int_equal(delta_commit(t.ours, &commit), 2);
    delta_check_text(t.dir, 2, "{\"commitInfo\":{\"inCommitTimestamp\":9000000000001,");
    table_release(&t);
}

/* A rival's commit that the file system lost is an error, never an empty version. */
void test_commit_over_a_torn_commit(void **state) {
    (void)state;
    static const char torn[] = "{\"commitInfo\":{\"timestamp\":1}}\n{\"add\":{\"path\":\"x\",";
    for (size_t len = 0; len < sizeof torn; len += sizeof torn - 1) {
        struct table t;
        table_init(&t);
        temp_dir_write(t.dir, "_delta_log/00000000000000000001.json", torn, len);
        struct sl_delta_file file = delta_file("f");
        struct sl_delta_commit commit = delta_append(&file, NULL);
        int64_t version;
        bool already;
        struct sl_err err;
        assert_int_equal(sl_delta_commit(t.ours, &commit, &version, &already, &err), SL_DATA);
        assert_null(delta_commit_text(t.dir, 2));
        table_release(&t);
    }
}

static enum sl_code commit_with(struct table *t, const char *failpoints, int64_t *version) {
    struct sl_delta_file file = delta_file("f");
    struct sl_delta_txn txn = {SL_STR("q"), 1, -1};
    struct sl_delta_commit commit = delta_append(&file, &txn);
    bool already;
    struct sl_err err;
    assert_int_equal(sl_fail_configure(failpoints, &err), SL_OK);
    enum sl_code code = sl_delta_commit(t->ours, &commit, version, &already, &err);
    assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
    return code;
}

/* Before the name is there nothing has happened, and the same call succeeds later. Behind it the
 * version is read back: it is ours, so it is made, once. */
void test_commit_failures(void **state) {
    (void)state;
    static const char *const before[] = {"delta.pre:1:enospc", "delta.written:1:edquot",
                                         "delta.synced:1:eio"};
    int64_t version;
    for (size_t i = 0; i < sizeof before / sizeof *before; i++) {
        struct table t;
        table_init(&t);
        assert_int_equal(commit_with(&t, before[i], &version), SL_IO);
        assert_null(delta_commit_text(t.dir, 1));
        assert_int_equal(commit_with(&t, NULL, &version), SL_OK);
        assert_int_equal(version, 1);
        table_release(&t);
    }
    static const char *const behind[] = {"delta.named:1:eio", "delta.dirsynced:1:eio"};
    for (size_t i = 0; i < sizeof behind / sizeof *behind; i++) {
        struct table t;
        table_init(&t);
        assert_int_equal(commit_with(&t, behind[i], &version), SL_OK);
        assert_int_equal(version, 1);
        assert_int_equal(delta_live_files(t.ours), 1);
        assert_null(delta_commit_text(t.dir, 2));
        table_release(&t);
    }
}

/* ---- eight at once ---- */

enum { WRITERS = 8, COMMITS_EACH = 25 };

struct job {
    const char *dir;
    int number;
};

static void *append_many(void *ctx) {
    const struct job *job = ctx;
    struct sl_delta_snapshot *snapshot;
    struct sl_err err;
    if (sl_delta_snapshot_open(job->dir, -1, NULL, &snapshot, &err) != SL_OK) return "open";
    const char *failure = NULL;
    for (int i = 0; i < COMMITS_EACH && !failure; i++) {
        char path[64], app[16];
        int64_t version;
        bool already;
        snprintf(path, sizeof path, "part-%d-%d", job->number, i);
        snprintf(app, sizeof app, "q%d", job->number);
        struct sl_delta_txn txn = {sl_str(app), i, -1};
        struct sl_delta_file file = delta_file(path);
        struct sl_delta_commit commit = delta_append(&file, &txn);
        if (sl_delta_commit(snapshot, &commit, &version, &already, &err) != SL_OK || already)
            failure = "commit";
    }
    sl_delta_snapshot_close(snapshot);
    return (void *)failure;
}

/* Blind appends of eight writers all land: versions without a gap, each file in one of them. */
void test_commit_eight_writers(void **state) {
    (void)state;
    struct table t;
    pthread_t threads[WRITERS];
    struct job jobs[WRITERS];
    void *failure;
    table_init(&t);
    for (int i = 0; i < WRITERS; i++) {
        jobs[i] = (struct job){t.dir, i};
        assert_int_equal(pthread_create(&threads[i], NULL, append_many, &jobs[i]), 0);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], &failure);
        if (failure) fail_msg("writer %d: %s", i, (const char *)failure);
    }
    bool seen[WRITERS][COMMITS_EACH] = {{false}};
    for (int64_t version = 1; version <= WRITERS * COMMITS_EACH; version++) {
        int writer, number;
        char *text = delta_commit_text(t.dir, version);
        assert_non_null(text);
        const char *add = strstr(text, "\"path\":\"part-");
        assert_non_null(add);
        assert_int_equal(sscanf(add, "\"path\":\"part-%d-%d\"", &writer, &number), 2);
        assert_false(seen[writer][number]);
        assert_null(strstr(add + 1, "\"path\":"));
        seen[writer][number] = true;
        free(text);
    }
    assert_null(delta_commit_text(t.dir, WRITERS * COMMITS_EACH + 1));
    struct sl_err err;
    assert_int_equal(sl_delta_snapshot_update(t.ours, &err), SL_OK);
    assert_int_equal(delta_live_files(t.ours), WRITERS * COMMITS_EACH);
    for (int i = 0; i < WRITERS; i++) {
        char app[16];
        snprintf(app, sizeof app, "q%d", i);
        assert_int_equal(sl_delta_snapshot_txn(t.ours, sl_str(app)), COMMITS_EACH - 1);
    }
    table_release(&t);
}
