/* Checkpoints: their shape is the one that PySpark 4.1.1 with delta-spark 4.2.0 wrote
 * (spark_checkpoint_schema.json, from its _last_checkpoint), their contents are what a snapshot
 * sees without the commits before them. Log cleaning: a table of what stays. */
#include <fcntl.h>
#include <pthread.h>
#include <sys/stat.h>

#include "base/fail.h"
#include "delta_table.h"
#include "lake/delta/checkpoint_int.h"

#define DAY INT64_C(86400000)
#define NOW INT64_C(1800000000000) /* 2027-01-15T08:00:00Z */

/* The table of spark_checkpoint_schema.json. */
#define SPARK_METADATA                                                                                                          \
    METADATA_OF(                                                                                                                \
        FIELD("id", "long") "," FIELD("name", "string") "," FIELD("ts", "timestamp") "," FIELD("d", "decimal(20,3)") "," FIELD( \
            "p",                                                                                                                \
            "date") "," FIELD("q",                                                                                              \
                              "integer") ",{\\\"name\\\":\\\"st\\\",\\\"type\\\":{\\\"type\\\":"                                \
                                         "\\\"struct\\\",\\\"fields\\\":[" FIELD("x", "integer") "," FIELD(                     \
                                             "y",                                                                               \
                                             "string") "]},\\\"nullable\\\":true,"                                              \
                                                       "\\\"metadata\\\":{}},"                                                  \
                                                       "{\\\"name\\\":\\\"arr\\\",\\\"type\\\":{"                               \
                                                       "\\\"type\\\":\\\"array\\\","                                            \
                                                       "\\\"elementType\\\":\\\"integer\\\","                                   \
                                                       "\\\"containsNull\\\":true},"                                            \
                                                       "\\\"nullable\\\":true,\\\"metadata\\\":{}"                              \
                                                       "}," FIELD("bi", "binary") "," FIELD(                                    \
                                                           "bo", "boolean"),                                                    \
        "\"p\",\"q\"", "")

static struct sl_checkpoint_options all_options(void) {
    return (struct sl_checkpoint_options){
        .stats_text = true, .stats_parsed = true, .indexed_columns = 32};
}

void test_checkpoint_schema_is_sparks(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_buf ours = {0};
    struct sl_checkpoint_shape shape;
    sl_arena_init(&arena, "test");
    struct sl_delta_action action = delta_action(&arena, SPARK_METADATA);
    struct sl_checkpoint_options options = all_options();
    sl_type_put_json(&ours, sl_checkpoint_schema(&arena, &action.metadata, &options, &shape));
    sl_buf_put_byte(&ours, '\n');
    char *sparks = temp_dir_read("tests/unit/lake_delta", "spark_checkpoint_schema.json");
    assert_non_null(sparks);
    assert_string_equal(sl_buf_cstr(&ours), sparks);
    free(sparks);
    sl_buf_release(&ours);
    sl_arena_release(&arena);
}

/* What a table has not, its checkpoint has not: Parquet knows no empty groups. */
void test_checkpoint_schema_of_odd_tables(void **state) {
    (void)state;
    struct sl_arena arena;
    struct sl_buf text = {0};
    struct sl_checkpoint_shape shape;
    sl_arena_init(&arena, "test");
    struct sl_checkpoint_options options = all_options();
    struct sl_delta_action bools = delta_action(&arena, METADATA_OF(FIELD("b", "boolean"), "", ""));
    sl_checkpoint_schema(&arena, &bools.metadata, &options, &shape);
    assert_null(shape.partition_type);
    sl_type_put_simple(&text, shape.stats_type);
    assert_string_equal(sl_buf_cstr(&text), "struct<numRecords:bigint,nullCount:struct<b:bigint>>");
    sl_buf_clear(&text);
    struct sl_delta_action only_partitions =
        delta_action(&arena, METADATA_OF(FIELD("p", "date"), "\"p\"", ""));
    options.deletion_vectors = true;
    sl_checkpoint_schema(&arena, &only_partitions.metadata, &options, &shape);
    sl_type_put_simple(&text, shape.stats_type);
    assert_string_equal(sl_buf_cstr(&text), "struct<numRecords:bigint,tightBounds:boolean>");
    sl_type_put_simple(&text, shape.partition_type);
    assert_non_null(strstr(sl_buf_cstr(&text), "struct<p:date>"));
    options.stats_parsed = options.stats_text = false;
    const struct sl_type *bare =
        sl_checkpoint_schema(&arena, &bools.metadata, &options, &shape)->fields[1].type;
    assert_int_equal(sl_type_find_field(bare, SL_STR("stats")), -1);
    assert_int_equal(sl_type_find_field(bare, SL_STR("stats_parsed")), -1);
    /* the first leaf only, under its physical name */
    options = all_options();
    options.indexed_columns = 1;
    options.column_mapping = true;
    struct sl_delta_action mapped = delta_action(
        &arena,
        METADATA_OF("{\\\"name\\\":\\\"a b\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":"
                    "true,\\\"metadata\\\":{\\\"delta.columnMapping.id\\\":1,"
                    "\\\"delta.columnMapping.physicalName\\\":\\\"col-1\\\"}}," FIELD("c", "long"),
                    "", ""));
    sl_checkpoint_schema(&arena, &mapped.metadata, &options, &shape);
    sl_buf_clear(&text);
    sl_type_put_simple(&text, shape.stats_type);
    assert_string_equal(sl_buf_cstr(&text),
                        "struct<numRecords:bigint,minValues:struct<col-1:bigint>,"
                        "maxValues:struct<col-1:bigint>,nullCount:struct<col-1:bigint>>");
    sl_buf_release(&text);
    sl_arena_release(&arena);
}

/* ---- files ---- */

struct table {
    struct sl_arena arena;
    char *dir, log[300];
};

static void table_init(struct table *t, const char *protocol, const char *metadata) {
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&t->arena, "test");
    t->dir = temp_dir_make();
    snprintf(t->log, sizeof t->log, "%s/_delta_log", t->dir);
    delta_create(&t->arena, t->dir, protocol, metadata);
}

static void table_release(struct table *t) {
    temp_dir_remove(t->dir);
    sl_arena_release(&t->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

static void put_commit(struct table *t, int64_t version, const char *text) {
    char name[64];
    snprintf(name, sizeof name, "%020lld.json", (long long)version);
    temp_dir_write(t->log, name, text, strlen(text));
}

static void write_checkpoint(const struct sl_delta_snapshot *snapshot) {
    struct sl_err err;
    if (sl_delta_checkpoint_write(snapshot, NOW, &err) != SL_OK)
        fail_msg("%s < %s", err.msg, err.ctx);
}

static enum sl_code collect(void *ctx, const struct sl_delta_file *file, struct sl_err *err) {
    (void)err;
    struct sl_delta_action action = {.kind = SL_DELTA_ADD, .file = *file};
    sl_delta_action_put(ctx, &action);
    return SL_OK;
}

static int compare_lines(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

/* Lines in order, and no dataChange: what a checkpoint may change. malloc'd. */
static char *normalize(char *text) {
    struct sl_str *lines = sl_xcalloc(strlen(text) + 1, sizeof *lines);
    struct sl_buf out = {0};
    size_t count = 0;
    for (char *at = text; (at = strstr(at, "\"dataChange\":true")); at += 13)
        memcpy(at, "\"dataChange\":same", 17);
    for (char *at = text; (at = strstr(at, "\"dataChange\":false")); at += 13)
        memcpy(at, "\"dataChange\":same ", 18);
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n"))
        lines[count++] = sl_str(line);
    qsort(lines, count, sizeof *lines, compare_lines);
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < lines[i].len; k++)
            if (lines[i].ptr[k] != ' ') sl_buf_put_byte(&out, (uint8_t)lines[i].ptr[k]);
        sl_buf_put_byte(&out, '\n');
    }
    sl_buf_cstr(&out);
    free(lines);
    free(text);
    return (char *)out.ptr;
}

/* All that a snapshot sees, as text: protocol, metadata, txns of q1 and q2, adds; tombstones as
 * adds. */
static char *describe(const struct sl_delta_snapshot *snapshot) {
    struct sl_buf text = {0};
    struct sl_err err;
    struct sl_delta_action action = {.kind = SL_DELTA_PROTOCOL};
    action.protocol = *sl_delta_snapshot_protocol(snapshot);
    sl_delta_action_put(&text, &action);
    action = (struct sl_delta_action){.kind = SL_DELTA_METADATA};
    action.metadata = *sl_delta_snapshot_metadata(snapshot);
    sl_delta_action_put(&text, &action);
    sl_buf_printf(&text, "q1 %lld q2 %lld\n",
                  (long long)sl_delta_snapshot_txn(snapshot, SL_STR("q1")),
                  (long long)sl_delta_snapshot_txn(snapshot, SL_STR("q2")));
    struct sl_delta_walk walk = {collect, collect, &text};
    if (sl_delta_snapshot_walk(snapshot, &walk, &err) != SL_OK) fail_msg("%s", err.msg);
    sl_buf_cstr(&text);
    return (char *)text.ptr;
}

#define ADD_LINE                                                                                   \
    "{\"add\":{\"path\":\"p=2024-01-05/q=4/f%d\",\"partitionValues\":{\"p\":\"2024-01-05\","       \
    "\"q\":%s},\"size\":%d,\"modificationTime\":%d,\"dataChange\":true,\"stats\":\"{\\\""          \
    "numRecords\\\":1,\\\"minValues\\\":{\\\"id\\\":4,\\\"name\\\":\\\"n4\\\",\\\"ts\\\":\\\""     \
    "2024-01-02T03:04:05.123Z\\\",\\\"d\\\":4.500,\\\"st\\\":{\\\"x\\\":4}},\\\"maxValues\\\":"    \
    "{\\\"id\\\":\\\"broken\\\"},\\\"nullCount\\\":{\\\"id\\\":0}}\"}}\n"

enum { FILES = 2500 }; /* more than two batches */

static char *many_adds(void) {
    struct sl_buf text = {0};
    for (int i = 0; i < FILES; i++)
        sl_buf_printf(&text, ADD_LINE, i, i % 3 ? "\"4\"" : "null", i + 1, i + 1);
    sl_buf_cstr(&text);
    return (char *)text.ptr;
}

/* The commits before the checkpoint are not needed any more, and nothing is lost with them: not
 * tags, not deletion vectors, not partition values that are null. Tombstones go after a week. */
void test_checkpoint_holds_the_snapshot(void **state) {
    (void)state;
    struct table t;
    struct sl_err err;
    table_init(&t,
               "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
               "\"deletionVectors\"],\"writerFeatures\":[\"deletionVectors\",\"appendOnly\"]}}",
               SPARK_METADATA);
    char *adds = many_adds(), last[4000];
    put_commit(&t, 1, adds);
    free(adds);
    snprintf(last, sizeof last,
             "{\"txn\":{\"appId\":\"q1\",\"version\":8,\"lastUpdated\":1}}\n"
             "{\"txn\":{\"appId\":\"q2\",\"version\":9}}\n"
             "{\"add\":{\"path\":\"g\",\"partitionValues\":{\"p\":null,\"q\":\"x\"},\"size\":1,"
             "\"modificationTime\":2,\"dataChange\":true,\"tags\":{\"k\":\"v\",\"n\":null},"
             "\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab^-aqEH.-t@S}K{vb\","
             "\"offset\":4,\"sizeInBytes\":40,\"cardinality\":6}}}\n"
             "{\"remove\":{\"path\":\"young\",\"deletionTimestamp\":%lld,\"dataChange\":true,"
             "\"extendedFileMetadata\":true,\"partitionValues\":{},\"size\":1}}\n"
             "{\"remove\":{\"path\":\"plain\",\"deletionTimestamp\":%lld,\"dataChange\":true}}\n",
             (long long)(NOW - 6 * DAY), (long long)(NOW - 6 * DAY));
    put_commit(&t, 2, last);
    struct sl_delta_snapshot *before = delta_open(t.dir);
    char *expected = describe(before);
    write_checkpoint(before);
    for (int64_t version = 0; version < 2; version++) {
        char name[400];
        snprintf(name, sizeof name, "%s/%020lld.json", t.log, (long long)version);
        assert_int_equal(sl_io_unlink(name, &err), SL_OK);
    }
    struct sl_delta_snapshot *after = delta_open(t.dir);
    assert_int_equal(sl_delta_snapshot_segment(after)->checkpoint_version, 2);
    char *got = describe(after);
    assert_int_equal(delta_live_files(after), FILES + 1);
    assert_non_null(strstr(got, "q1 8 q2 9"));
    assert_non_null(strstr(got, "\"tags\":{\"k\":\"v\",\"n\":null}"));
    assert_non_null(strstr(got, "\"path\":\"plain\""));
    got = normalize(got);
    expected = normalize(expected);
    assert_string_equal(got, expected);
    free(got);
    free(expected);
    sl_delta_snapshot_close(before);
    sl_delta_snapshot_close(after);
    table_release(&t);
}

void test_checkpoint_hint_and_checksum(void **state) {
    (void)state;
    struct table t;
    char *hint, *sum, expected[400];
    struct sl_file_info info;
    struct sl_err err;
    table_init(&t, PROTOCOL_1_2, METADATA_A);
    char adds[2000];
    snprintf(adds, sizeof adds, ADD_LINE ADD_LINE, 1, "\"1\"", 100, 1, 2, "\"1\"", 23, 1);
    put_commit(&t, 1, adds);
    /* a tombstone of eight days is not kept */
    snprintf(adds, sizeof adds,
             "{\"remove\":{\"path\":\"old\",\"deletionTimestamp\":%lld,\"dataChange\":true}}\n",
             (long long)(NOW - 8 * DAY));
    put_commit(&t, 2, adds);
    struct sl_delta_snapshot *snapshot = delta_open(t.dir);
    write_checkpoint(snapshot);
    snprintf(expected, sizeof expected, "%s/00000000000000000002.checkpoint.parquet", t.log);
    assert_int_equal(sl_io_stat(expected, &info, &err), SL_OK);
    snprintf(expected, sizeof expected,
             "{\"version\":2,\"size\":4,\"sizeInBytes\":%llu,\"numOfAddFiles\":2}",
             (unsigned long long)info.bytes);
    hint = temp_dir_read(t.log, "_last_checkpoint");
    assert_string_equal(hint, expected);
    free(hint);
    sum = temp_dir_read(t.log, "00000000000000000002.crc");
    assert_memory_equal(sum,
                        "{\"tableSizeBytes\":123,\"numFiles\":2,\"numMetadata\":1,\"numProtocol\":"
                        "1,\"metadata\":{\"id\":\"t\",",
                        88);
    assert_non_null(
        strstr(sum, ",\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}\n"));
    free(sum);
    /* an existing checkpoint is left alone */
    temp_dir_write(t.log, "00000000000000000002.checkpoint.parquet", "x", 1);
    write_checkpoint(snapshot);
    char *kept = temp_dir_read(t.log, "00000000000000000002.checkpoint.parquet");
    assert_string_equal(kept, "x");
    free(kept);
    /* a hint at a later one too */
    assert_int_equal(
        sl_io_unlink(sl_path_join(&t.arena, t.log, "00000000000000000002.checkpoint.parquet"),
                     &err),
        SL_OK);
    temp_dir_write(t.log, "_last_checkpoint", "{\"version\":7,\"size\":1}", 22);
    write_checkpoint(snapshot);
    hint = temp_dir_read(t.log, "_last_checkpoint");
    assert_string_equal(hint, "{\"version\":7,\"size\":1}");
    free(hint);
    sl_delta_snapshot_close(snapshot);
    table_release(&t);
}

/* A failure leaves nothing that a reader could take for a checkpoint. */
void test_checkpoint_failures(void **state) {
    (void)state;
    static const char *const points[] = {"delta_checkpoint.pre:1:enospc",
                                         "delta_checkpoint.written:1:enospc",
                                         "delta_checkpoint.synced:1:eio"};
    for (size_t i = 0; i < sizeof points / sizeof *points; i++) {
        struct table t;
        struct sl_err err;
        table_init(&t, PROTOCOL_1_2, METADATA_A);
        struct sl_delta_snapshot *snapshot = delta_open(t.dir);
        assert_int_equal(sl_fail_configure(points[i], &err), SL_OK);
        assert_int_equal(sl_delta_checkpoint_write(snapshot, NOW, &err), SL_IO);
        assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
        assert_non_null(strstr(err.ctx, "checkpoint of version 0"));
        char **names;
        size_t count;
        assert_int_equal(sl_io_list_dir(t.log, &t.arena, &names, &count, &err), SL_OK);
        assert_int_equal(count, 1);
        sl_delta_snapshot_close(snapshot);
        table_release(&t);
    }
}

static void check_due(const char *configuration, int64_t version, bool due) {
    struct table t;
    struct sl_buf metadata = {0};
    sl_buf_printf(
        &metadata,
        "{\"metaData\":{\"id\":\"t\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"
        "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\","
        "\"partitionColumns\":[],\"configuration\":{%s}}}",
        configuration);
    table_init(&t, PROTOCOL_1_2, sl_buf_cstr(&metadata));
    struct sl_delta_snapshot *snapshot = delta_open(t.dir);
    assert_int_equal(sl_delta_checkpoint_due(snapshot, version), due);
    sl_delta_snapshot_close(snapshot);
    sl_buf_release(&metadata);
    table_release(&t);
}

void test_checkpoint_due(void **state) {
    (void)state;
    check_due("", 0, false);
    check_due("", 9, false);
    check_due("", 10, true);
    check_due("", 20, true);
    check_due("\"delta.checkpointInterval\":\"3\"", 10, false);
    check_due("\"delta.checkpointInterval\":\"3\"", 9, true);
    check_due("\"delta.checkpointInterval\":\"0\"", 9, false);
    check_due("\"delta.checkpointInterval\":\"many\"", 10, true);
}

void test_delta_interval(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms; /* -1: refused */
    } cases[] = {
        {"interval 1 week", 7 * DAY},
        {"interval 30 days", 30 * DAY},
        {"INTERVAL 2 Hours", 7200000},
        {"1 day", DAY},
        {"  interval  1 day  12 hours ", DAY + DAY / 2},
        {"interval 90 seconds", 90000},
        {"interval 5 milliseconds", 5},
        {"interval 0 days", 0},
        {"interval 1 month", -1},
        {"interval", -1},
        {"", -1},
        {"interval 1", -1},
        {"interval day", -1},
        {"interval -1 day", -1},
        {"interval 1 day 2", -1},
        {"interval 99999999999999999 weeks", -1},
        {"interval 999999999999999999999 days", -1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        int64_t ms = -1;
        struct sl_err err;
        enum sl_code code = sl_delta_interval_parse(sl_str(cases[i].text), &ms, &err);
        if (code != (cases[i].ms < 0 ? SL_USER : SL_OK) || ms != cases[i].ms)
            fail_msg("`%s`: %lld", cases[i].text, (long long)ms);
    }
}

/* ---- cleaning ---- */

enum { CLEAN_VERSIONS = 8 };

static void set_age(const struct table *t, const char *name, int64_t days) {
    char path[400];
    int64_t seconds = (NOW - days * DAY) / 1000;
    struct timespec times[2] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    snprintf(path, sizeof path, "%s/%s", t->log, name);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Versions 0..7 with checkpoints at 2 and 5, ages in days; each with what a log gathers. */
static void make_log(struct table *t, const int *ages) {
    struct sl_err err;
    for (int64_t version = 0; version < CLEAN_VERSIONS; version++) {
        char name[100];
        struct sl_delta_snapshot *snapshot;
        if (version > 0) put_commit(t, version, "{\"commitInfo\":{\"timestamp\":1}}\n");
        if (version == 2 || version == 5) {
            assert_int_equal(sl_delta_snapshot_open(t->dir, version, NULL, &snapshot, &err), SL_OK);
            write_checkpoint(snapshot);
            sl_delta_snapshot_close(snapshot);
        }
        snprintf(name, sizeof name, ".%020lld.json.crc", (long long)version);
        temp_dir_write(t->log, name, "crc", 3);
        snprintf(name, sizeof name, "%020lld.json", (long long)version);
        set_age(t, name, ages[version]);
    }
    temp_dir_write(t->log, "00000000000000000001.00000000000000000003.compacted.json", "{}", 2);
    temp_dir_write(t->log, "00000000000000000004.00000000000000000006.compacted.json", "{}", 2);
    temp_dir_write(t->log, "00000000000000000001.note", "mine", 4);
}

#define CLEAN_OFF "\"delta.enableExpiredLogCleanup\":\"false\""
#define CLEAN_LONG "\"delta.logRetentionDuration\":\"interval 1000 days\""
static const struct {
    int ages[CLEAN_VERSIONS];
    const char *metadata;
    int keep; /* oldest version that stays */
} clean_cases[] = {
    {{9, 8, 7, 6, 5, 4, 3, 2}, METADATA_A, 0},         /* all younger than 30 days */
    {{50, 49, 29, 28, 27, 26, 25, 24}, METADATA_A, 0}, /* no checkpoint is old enough */
    {{50, 49, 48, 47, 20, 19, 18, 17}, METADATA_A, 2}, /* the one at 2 is */
    {{50, 49, 48, 47, 46, 45, 44, 43}, METADATA_A, 5}, /* all are: the newest stays */
    {{50, 49, 48, 47, 46, 30, 20, 19}, METADATA_A, 2}, /* 30 days are cut to midnight */
    {{50, 49, 48, 47, 46, 31, 20, 19}, METADATA_A, 5},
    {{20, 49, 48, 47, 46, 45, 44, 43}, METADATA_A, 0}, /* times only rise: as 20 days */
    {{50, 49, 48, 47, 46, 45, 44, 43}, METADATA_OF(FIELD("a", "long"), "", CLEAN_OFF), 0},
    {{50, 49, 48, 47, 46, 45, 44, 43}, METADATA_OF(FIELD("a", "long"), "", CLEAN_LONG), 0},
};

static void check_log(const struct table *t, size_t i) {
    for (int64_t version = 0; version < CLEAN_VERSIONS; version++) {
        char name[100];
        int stays = version >= clean_cases[i].keep;
        snprintf(name, sizeof name, "%020lld.json", (long long)version);
        if (temp_dir_exists(t->log, name) != stays) fail_msg("case %zu: %s", i, name);
        snprintf(name, sizeof name, ".%020lld.json.crc", (long long)version);
        if (temp_dir_exists(t->log, name) != stays) fail_msg("case %zu: %s", i, name);
        snprintf(name, sizeof name, "%020lld.checkpoint.parquet", (long long)version);
        bool was = version == 2 || version == 5;
        if (temp_dir_exists(t->log, name) != (was && stays)) fail_msg("case %zu: %s", i, name);
        snprintf(name, sizeof name, "%020lld.crc", (long long)version);
        if (temp_dir_exists(t->log, name) != (was && stays)) fail_msg("case %zu: %s", i, name);
    }
    assert_true(temp_dir_exists(t->log, "00000000000000000001.note"));
    assert_int_equal(
        temp_dir_exists(t->log, "00000000000000000001.00000000000000000003.compacted.json"),
        clean_cases[i].keep <= 3);
    assert_true(
        temp_dir_exists(t->log, "00000000000000000004.00000000000000000006.compacted.json"));
}

void test_delta_log_clean(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof clean_cases / sizeof *clean_cases; i++) {
        struct table t;
        uint64_t deleted;
        struct sl_err err;
        table_init(&t, PROTOCOL_1_2, clean_cases[i].metadata);
        make_log(&t, clean_cases[i].ages);
        struct sl_delta_snapshot *snapshot = delta_open(t.dir);
        if (sl_delta_log_clean(snapshot, NOW, &deleted, &err) != SL_OK) fail_msg("%s", err.msg);
        check_log(&t, i);
        assert_int_equal(deleted > 0, clean_cases[i].keep > 0);
        sl_delta_snapshot_close(snapshot);
        snapshot = delta_open(t.dir);
        assert_int_equal(sl_delta_snapshot_version(snapshot), CLEAN_VERSIONS - 1);
        sl_delta_snapshot_close(snapshot);
        table_release(&t);
    }
}

/* A checkpoint that cannot be read is no reason to remove what could stand in for it. */
void test_delta_log_clean_needs_a_checkpoint(void **state) {
    (void)state;
    struct table t;
    uint64_t deleted;
    struct sl_err err;
    table_init(&t, PROTOCOL_1_2, METADATA_A);
    make_log(&t, clean_cases[3].ages);
    struct sl_delta_snapshot *snapshot = delta_open(t.dir);
    temp_dir_write(t.log, "00000000000000000005.checkpoint.parquet", "PAR1", 4);
    assert_int_equal(sl_delta_log_clean(snapshot, NOW, &deleted, &err), SL_OK);
    assert_int_equal(deleted, 0);
    assert_true(temp_dir_exists(t.log, "00000000000000000000.json"));
    sl_delta_snapshot_close(snapshot);
    table_release(&t);
}

static void *write_of(void *snapshot) {
    struct sl_err err;
    enum sl_code code = sl_delta_checkpoint_write(snapshot, NOW, &err);
    if (code != SL_OK) fprintf(stderr, "%s\n", err.msg);
    return code == SL_OK ? NULL : snapshot;
}

/* A query's tidying and a compaction write checkpoints of one table at the same moment: the hint
 * names the later one. Method: many rounds, the writes of both slowed down alike. */
void test_checkpoint_hint_of_two_writers(void **state) {
    (void)state;
    enum { ROUNDS = 40 };
    for (int round = 0; round < ROUNDS; round++) {
        struct table t;
        struct sl_err err;
        pthread_t other;
        void *failed;
        table_init(&t, PROTOCOL_1_2, METADATA_A);
        struct sl_delta_snapshot *older = delta_open(t.dir);
        put_commit(&t, 1, "{\"txn\":{\"appId\":\"q1\",\"version\":8}}\n");
        struct sl_delta_snapshot *newer = delta_open(t.dir);
        assert_int_equal(sl_fail_configure("io.fsync:*:sleep=1", &err), SL_OK);
        assert_int_equal(pthread_create(&other, NULL, write_of, round % 2 ? older : newer), 0);
        assert_null(write_of(round % 2 ? newer : older));
        assert_int_equal(pthread_join(other, &failed), 0);
        assert_null(failed);
        assert_int_equal(sl_fail_configure(NULL, &err), SL_OK);
        char *hint = temp_dir_read(t.log, "_last_checkpoint");
        assert_true(sl_str_starts(sl_str(hint), SL_STR("{\"version\":1,")));
        free(hint);
        sl_delta_snapshot_close(older);
        sl_delta_snapshot_close(newer);
        table_release(&t);
    }
}
