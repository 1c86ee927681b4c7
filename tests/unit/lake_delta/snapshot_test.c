/* A table at a version: replay, following, damage. Checkpoints of other engines are in
 * golden_table_test.c. */
#include "unit.h"

#include <unistd.h>

#include "base/hash.h"
#include "lake/delta/snapshot_int.h"
#include "lake_delta/delta_help.h"

static struct sl_err err;

static struct sl_delta_snapshot *open_table(const char *table) {
    struct sl_delta_snapshot *snapshot;
    sl_err_clear(&err);
    if (sl_delta_snapshot_open(table, -1, NULL, &snapshot, &err) != SL_OK)
        fail_msg("%s (%s)", err.msg, err.ctx);
    assert_non_null(snapshot);
    return snapshot;
}

static void assert_sum(const char *table, int64_t version, int64_t live, int64_t removed) {
    struct delta_sum sum;
    if (delta_sum_of(table, -1, &sum) != SL_OK) fail_msg("%s (%s)", sum.err.msg, sum.err.ctx);
    assert_int_equal(sum.version, version);
    assert_int_equal(sum.live, live);
    assert_int_equal(sum.removed, removed);
}

void test_snapshot_state_is_the_newest(void **state) {
    char *table = delta_chain(1);
    uint32_t count;
    (void)state;
    delta_commit(table, 2,
                 DELTA_TXN("other", "7") "{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":"
                                         "\"1\",\"removed\":false}}\n"
                                         "{\"domainMetadata\":{\"domain\":\"b\",\"configuration\":"
                                         "\"2\",\"removed\":false}}\n");
    delta_commit(
        table, 3,
        "{\"metaData\":{\"id\":\"i\",\"configuration\":{\"delta.x\":\"y\"}}}\n"
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":4}}\n"
        "{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":\"\",\"removed\":true}}\n");
    struct sl_delta_snapshot *s = open_table(table);
    assert_int_equal(sl_delta_snapshot_version(s), 3);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("q")), 1);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("other")), 7);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("none")), -1);
    assert_int_equal(sl_delta_snapshot_protocol(s)->writer_version, 4);
    assert_string_equal(sl_delta_snapshot_property(s, "delta.x"), "y");
    assert_null(sl_delta_snapshot_property(s, "delta.appendOnly"));
    const struct sl_delta_domain *domains = sl_delta_snapshot_domains(s, &count);
    assert_int_equal(count, 1);
    assert_true(sl_str_eq(domains[0].domain, SL_STR("b")));
    sl_delta_snapshot_close(s);
    temp_dir_remove(table);
}

void test_snapshot_files_are_replayed(void **state) {
    char *table = delta_make();
    (void)state;
    delta_commit(table, 0, DELTA_PROTOCOL DELTA_METADATA DELTA_ADD("a%20b") DELTA_ADD("c"));
    delta_commit(table, 1, DELTA_REMOVE("a b") DELTA_ADD("d"));
    delta_commit(table, 2, DELTA_REMOVE("c"));
    delta_commit(table, 3, DELTA_ADD("c")); /* back again, as RESTORE does */
    delta_commit(table, 4, "{\"cdc\":{\"path\":\"_change_data/x\"}}\n");
    assert_sum(table, 4, 2, 1); /* c, d; a b */
    struct delta_sum sum;
    assert_int_equal(delta_sum_of(table, 2, &sum), SL_OK);
    assert_int_equal(sum.live, 1);
    assert_int_equal(sum.removed, 2);
    temp_dir_remove(table);
}

/* A random history against a list: files come, go and come back over commits. */
void test_snapshot_replay_matches_a_naive_twin(void **state) {
    enum { FILES = 40, COMMITS = 60 };
    uint64_t seed = 11;
    (void)state;
    for (int round = 0; round < 5; round++) {
        char *table = delta_make(), line[256];
        bool live[FILES] = {0}, known[FILES] = {0};
        for (int64_t v = 0; v < COMMITS; v++) {
            struct sl_buf text = {0};
            sl_buf_put_cstr(&text, v == 0 ? DELTA_PROTOCOL DELTA_METADATA : "");
            for (int i = 0; i < FILES; i++) {
                if (sl_random_next(&seed) % 8) continue;
                live[i] = !live[i];
                known[i] = true;
                snprintf(line, sizeof line, live[i] ? DELTA_ADD("p=%d/f") : DELTA_REMOVE("p=%d/f"),
                         i);
                sl_buf_put_cstr(&text, line);
            }
            sl_buf_put_cstr(&text, "{}\n");
            delta_commit(table, v, sl_buf_cstr(&text));
            sl_buf_release(&text);
        }
        int64_t live_count = 0, removed = 0;
        for (int i = 0; i < FILES; i++) {
            live_count += live[i];
            removed += known[i] && !live[i];
        }
        assert_sum(table, COMMITS - 1, live_count, removed);
        temp_dir_remove(table);
    }
}

void test_snapshot_follows_the_table(void **state) {
    char *table = delta_chain(2);
    struct delta_sum sum;
    (void)state;
    struct sl_delta_snapshot *s = open_table(table);
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_OK);
    assert_int_equal(sl_delta_snapshot_version(s), 2);
    delta_commit(table, 3, DELTA_TXN("q", "30") DELTA_ADD("x"));
    delta_commit(table, 4, DELTA_TXN("q", "31") DELTA_REMOVE("f1"));
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_OK);
    assert_int_equal(sl_delta_snapshot_version(s), 4);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("q")), 31);
    assert_int_equal(delta_sum_walk(s, &sum), SL_OK);
    assert_int_equal(sum.live, 3);

    /* a failed update changes nothing: version 5 is fine, 6 needs a reader that we are not */
    delta_commit(table, 5, DELTA_TXN("q", "32"));
    delta_commit(table, 6, "{\"protocol\":{\"minReaderVersion\":9,\"minWriterVersion\":9}}\n");
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_UNSUPPORTED);
    assert_int_equal(sl_delta_snapshot_version(s), 4);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("q")), 31);
    assert_int_equal(sl_delta_snapshot_protocol(s)->reader_version, 1);
    delta_commit(table, 6, "{\"txn\":{\"appId\":\"q\",\"ver");
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_DATA);
    assert_int_equal(sl_delta_snapshot_version(s), 4);
    delta_commit(table, 6, DELTA_METADATA);
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_OK);
    assert_int_equal(sl_delta_snapshot_version(s), 6);
    assert_int_equal(delta_sum_walk(s, &sum), SL_OK);
    assert_int_equal(sum.live, 3);
    sl_delta_snapshot_close(s);
    temp_dir_remove(table);
}

void test_snapshot_notices_that_its_table_is_gone(void **state) {
    char *table = delta_chain(3), log[512];
    (void)state;
    struct sl_delta_snapshot *s = open_table(table);
    snprintf(log, sizeof log, "%s/_delta_log", table);
    assert_int_equal(sl_io_remove_tree(log, &err), SL_OK);
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_DATA);
    assert_non_null(strstr(err.msg, "removed or replaced"));
    assert_int_equal(sl_io_make_dirs(log, &err), SL_OK);
    delta_commit(table, 0, DELTA_PROTOCOL DELTA_METADATA);
    assert_int_equal(sl_delta_snapshot_update(s, &err), SL_DATA);
    sl_delta_snapshot_close(s);
    temp_dir_remove(table);
}

/* An empty or torn newest commit is an error that names it, never an empty version. */
void test_snapshot_damaged_commits(void **state) {
    static const char *const damaged[] = {"", "{", "{\"add\":{\"path\":\"x\"", "nonsense\n",
                                          "{\"commitInfo\":{}}\n{\"txn\":7}\n"};
    (void)state;
    for (size_t i = 0; i < sizeof damaged / sizeof *damaged; i++) {
        char *table = delta_chain(2);
        struct delta_sum sum;
        delta_commit(table, 3, damaged[i]);
        assert_int_equal(delta_sum_of(table, -1, &sum), SL_DATA);
        assert_true(strstr(sum.err.msg, "00000000000000000003.json") ||
                    strstr(sum.err.ctx, "00000000000000000003.json"));
        assert_int_equal(delta_sum_of(table, 2, &sum), SL_OK);
        temp_dir_remove(table);
    }
    /* a whole last line that only lacks its newline is fine */
    char *table = delta_chain(1);
    delta_commit(table, 2, "{\"add\":{\"path\":\"y\",\"partitionValues\":{}}}");
    assert_sum(table, 2, 3, 0);
    temp_dir_remove(table);
}

void test_snapshot_needs_protocol_and_metadata(void **state) {
    char *table = delta_make();
    struct delta_sum sum;
    (void)state;
    delta_commit(table, 0, DELTA_PROTOCOL DELTA_ADD("x"));
    assert_int_equal(delta_sum_of(table, -1, &sum), SL_DATA);
    assert_string_equal(sum.err.condition, "DELTA_STATE_RECOVER_ERROR");
    assert_non_null(strstr(sum.err.msg, "metaData"));
    delta_commit(table, 0, DELTA_METADATA DELTA_ADD("x"));
    assert_int_equal(delta_sum_of(table, -1, &sum), SL_DATA);
    assert_non_null(strstr(sum.err.msg, "protocol"));
    temp_dir_remove(table);
}

/* delta#5458: Spark does not open such a table; its commits are all there. */
void test_snapshot_damaged_checkpoint_is_passed_over(void **state) {
    char *table = delta_chain(5), path[512];
    struct delta_sum sum;
    (void)state;
    delta_write(table, "00000000000000000004.checkpoint.parquet", "PAR1 is not all it takes PAR1");
    delta_write(table, "_last_checkpoint", "{\"version\":4,\"size\":1}");
    assert_sum(table, 5, 6, 0);
    delta_write(table, "00000000000000000003.checkpoint.6374b053-df23-479b-b2cf-c9c550132b49.json",
                "{\"checkpointMetadata\":{\"version\":3}}\n{\"protocol\":");
    assert_sum(table, 5, 6, 0);
    /* without the commits it is an error that names the newest checkpoint */
    snprintf(path, sizeof path, "%s/_delta_log/00000000000000000000.json", table);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(delta_sum_of(table, -1, &sum), SL_DATA);
    assert_non_null(strstr(sum.err.ctx, "00000000000000000004.checkpoint.parquet"));
    temp_dir_remove(table);
}

/* A V2 checkpoint in JSON may hold its files itself. */
void test_snapshot_json_checkpoint(void **state) {
    char *table = delta_make();
    struct delta_sum sum;
    const char *name = "00000000000000000003.checkpoint.6374b053-df23-479b-b2cf-c9c550132b49.json";
    (void)state;
    delta_write(table, name,
                "{\"checkpointMetadata\":{\"version\":3}}\n" DELTA_PROTOCOL DELTA_METADATA
                    DELTA_TXN("q", "9") DELTA_ADD("a") DELTA_ADD("b") DELTA_REMOVE("old"));
    delta_commit(table, 4, DELTA_REMOVE("a") DELTA_ADD("c"));
    assert_sum(table, 4, 2, 2);
    struct sl_delta_snapshot *s = open_table(table);
    assert_int_equal(sl_delta_snapshot_txn(s, SL_STR("q")), 9);
    assert_int_equal(sl_delta_snapshot_segment(s)->checkpoint, SL_DELTA_CHECKPOINT_V2);
    sl_delta_snapshot_close(s);

    /* its sidecars lie in _sidecars; no path leads elsewhere */
    delta_write(table, name,
                DELTA_PROTOCOL DELTA_METADATA "{\"sidecar\":{\"path\":\"/etc/passwd\",\"sizeInBytes"
                                              "\":1}}\n");
    assert_int_equal(delta_sum_of(table, -1, &sum), SL_IO);
    assert_non_null(strstr(sum.err.msg, "_delta_log/_sidecars/passwd"));
    delta_write(table, name, DELTA_PROTOCOL DELTA_METADATA "{\"sidecar\":{\"path\":\"x/..\"}}\n");
    assert_int_equal(delta_sum_of(table, -1, &sum), SL_DATA);
    temp_dir_remove(table);
}

void test_snapshot_walk_keeps_its_budget(void **state) {
    char *table = delta_chain(0);
    struct sl_budget budget;
    struct sl_delta_snapshot *s;
    struct delta_sum sum;
    struct sl_buf text = {0};
    (void)state;
    for (int i = 0; i < 2000; i++) {
        char line[256];
        snprintf(line, sizeof line, DELTA_ADD("g%d"), i);
        sl_buf_put_cstr(&text, line);
    }
    delta_commit(table, 1, sl_buf_cstr(&text));
    sl_buf_release(&text);
    sl_budget_init(&budget, 64 << 10);
    assert_int_equal(sl_delta_snapshot_open(table, -1, &budget, &s, &err), SL_OK);
    assert_int_equal(delta_sum_walk(s, &sum), SL_NOMEM);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    budget.limit_bytes = 1 << 20;
    assert_int_equal(delta_sum_walk(s, &sum), SL_OK);
    assert_int_equal(sum.live, 2001);
    assert_int_equal(atomic_load(&budget.used_bytes), 0);
    sl_delta_snapshot_close(s);
    temp_dir_remove(table);
}

static enum sl_code stop_at_second(void *ctx, const struct sl_delta_file *file, struct sl_err *e) {
    (void)file;
    return ++*(int *)ctx == 2 ? sl_fail(e, SL_CANCELED, "enough") : SL_OK;
}

void test_snapshot_walk_stops_when_told(void **state) {
    char *table = delta_chain(5);
    int calls = 0;
    (void)state;
    struct sl_delta_snapshot *s = open_table(table);
    struct sl_delta_walk walk = {stop_at_second, NULL, &calls};
    assert_int_equal(sl_delta_snapshot_walk(s, &walk, &err), SL_CANCELED);
    assert_int_equal(calls, 2);
    sl_delta_snapshot_close(s);
    temp_dir_remove(table);
}

/* Many applications: the table of txns grows and keeps the newest of each. */
void test_snapshot_txn_table(void **state) {
    struct sl_arena arena;
    struct sl_delta_txn_table table = {0};
    char name[32];
    (void)state;
    sl_arena_init(&arena, "test");
    for (int round = 0; round < 2; round++)
        for (int i = 0; i < 1000; i++) {
            snprintf(name, sizeof name, "app-%d", i);
            struct sl_delta_txn txn = {sl_str(name), i + round, -1};
            sl_delta_txn_table_put(&table, &arena, &txn);
        }
    assert_int_equal(table.count, 1000);
    for (int i = 0; i < 1000; i++) {
        snprintf(name, sizeof name, "app-%d", i);
        assert_int_equal(sl_delta_txn_table_find(&table, sl_str(name))->version, i + 1);
    }
    assert_null(sl_delta_txn_table_find(&table, SL_STR("app-1000")));
    sl_delta_txn_table_release(&table);
    sl_arena_release(&arena);
}

/* A row of stats_parsed, as text: what JSON or the statistics cannot say is left out. */
void test_snapshot_stats_from_a_parsed_row(void **state) {
    struct sl_arena arena;
    const struct sl_type *type;
    struct sl_vec row;
    struct sl_buf out = {0};
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(
        sl_type_parse(&arena,
                      SL_STR("struct<numRecords: bigint, minValues: struct<d: date, t: timestamp, "
                             "s: string, m: decimal(5,2), f: double, x: binary>, nullCount: "
                             "struct<d: bigint>>"),
                      &type, &err),
        SL_OK);
    sl_vec_init(&row, type);
    struct sl_vec *mins = &row.children[1], *nulls = &row.children[2];
    assert_int_equal(sl_vec_put_i64(&row.children[0], 12, &err), SL_OK);
    assert_int_equal(sl_vec_put_i64(&mins->children[0], 19723, &err), SL_OK);
    assert_int_equal(sl_vec_put_i64(&mins->children[1], 1500, &err), SL_OK);
    assert_int_equal(sl_vec_put_str(&mins->children[2], SL_STR("a\"b"), &err), SL_OK);
    assert_int_equal(sl_vec_put_i64(&mins->children[3], -150, &err), SL_OK);
    assert_int_equal(sl_vec_put_f64(&mins->children[4], 1.0 / 0.0, &err), SL_OK);
    assert_int_equal(sl_vec_put_str(&mins->children[5], SL_STR("x"), &err), SL_OK);
    assert_int_equal(sl_vec_append_null(&nulls->children[0], 1, &err), SL_OK);
    row.rows = mins->rows = nulls->rows = 1;
    sl_delta_stats_from_row(&out, &row, 0);
    assert_string_equal(sl_buf_cstr(&out),
                        "{\"numRecords\":12,\"minValues\":{\"d\":\"2024-01-01\",\"t\":"
                        "\"1970-01-01T00:00:00.001500Z\",\"s\":\"a\\\"b\",\"m\":-1.50},"
                        "\"nullCount\":{}}");
    sl_buf_release(&out);
    sl_vec_release(&row);
    sl_arena_release(&arena);
}
