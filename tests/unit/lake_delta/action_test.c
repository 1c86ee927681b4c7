/* Lines of a commit to actions and back. */
#include "unit.h"

#include "lake/delta/action.h"

static struct sl_arena arena;

static struct sl_delta_action parse(const char *line) {
    struct sl_delta_action action;
    struct sl_err err = {0};
    if (sl_delta_action_parse(&arena, sl_str(line), &action, &err) != SL_OK)
        fail_msg("%s: %s", line, err.msg);
    return action;
}

static void assert_str(struct sl_str str, const char *text) {
    assert_non_null(str.ptr);
    assert_int_equal(str.len, strlen(text));
    assert_memory_equal(str.ptr, text, str.len);
}

/* The text comes back byte by byte: it is Spark's order of members. */
static void assert_stable(const char *line) {
    struct sl_buf out = {0};
    struct sl_delta_action action = parse(line);
    sl_delta_action_put(&out, &action);
    assert_int_equal(out.ptr[out.len - 1], '\n');
    out.len--;
    assert_string_equal(sl_buf_cstr(&out), line);
    sl_buf_release(&out);
}

/* Lines as Spark 3.5 to 4.1 wrote them. */
void test_action_text_comes_back(void **state) {
    static const char *const lines[] = {
        "{\"commitInfo\":{\"timestamp\":1697588004461,\"operation\":\"STREAMING UPDATE\","
        "\"operationParameters\":{\"outputMode\":\"Append\",\"epochId\":\"7\",\"b\":[1,true,null]},"
        "\"readVersion\":41,\"isolationLevel\":\"Serializable\",\"isBlindAppend\":true,"
        "\"operationMetrics\":{\"numAddedFiles\":\"2\"},\"engineInfo\":\"Apache-Spark/4.1.1\","
        "\"txnId\":\"515ee391\"}}",
        "{\"commitInfo\":{\"inCommitTimestamp\":5,\"timestamp\":5,\"isBlindAppend\":false}}",
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":2}}",
        "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
        "\"timestampNtz\"],\"writerFeatures\":[\"timestampNtz\",\"appendOnly\"]}}",
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[]}}",
        "{\"metaData\":{\"id\":\"x\",\"name\":\"n\",\"description\":\"d\",\"format\":{\"provider\":"
        "\"parquet\",\"options\":{}},\"schemaString\":\"{\\\"type\\\":\\\"struct\\\","
        "\\\"fields\\\":"
        "[]}\",\"partitionColumns\":[\"a\",\"b\"],\"configuration\":{\"k\":\"v\",\"e\":\"\"},"
        "\"createdTime\":1603723990637}}",
        "{\"txn\":{\"appId\":\"q\",\"version\":7,\"lastUpdated\":9}}",
        "{\"txn\":{\"appId\":\"q\",\"version\":0}}",
        "{\"add\":{\"path\":\"d=1/p\",\"partitionValues\":{\"d\":\"1\",\"n\":null},\"size\":3,"
        "\"modificationTime\":4,\"dataChange\":true,\"stats\":\"{\\\"numRecords\\\":1}\",\"tags\":{"
        "\"t\":\"u\"},\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"ab^-aqEH.-t@S}"
        "K{vb[*k^\",\"offset\":4,\"sizeInBytes\":40,\"cardinality\":6},\"baseRowId\":5,"
        "\"defaultRowCommitVersion\":2,\"clusteringProvider\":\"liquid\"}}",
        "{\"add\":{\"path\":\"p\",\"partitionValues\":{},\"size\":0,\"modificationTime\":0,"
        "\"dataChange\":false}}",
        "{\"remove\":{\"path\":\"p\",\"deletionTimestamp\":1,\"dataChange\":true,"
        "\"extendedFileMetadata\":true,\"partitionValues\":{},\"size\":765,\"stats\":\"{}\"}}",
        "{\"remove\":{\"path\":\"p\",\"dataChange\":false}}",
        "{\"cdc\":{\"path\":\"_change_data/c\",\"partitionValues\":{},\"size\":1,\"dataChange\":"
        "false}}",
        "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"{}\",\"removed\":false}}",
        "{\"sidecar\":{\"path\":\"s.parquet\",\"sizeInBytes\":12}}",
    };
    (void)state;
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof lines / sizeof *lines; i++) assert_stable(lines[i]);
    sl_arena_release(&arena);
}

void test_action_members_are_read(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_delta_action action =
        parse("{\"add\":{\"path\":\"a%20b\",\"partitionValues\":{\"d\":null,\"e\":\"\\u00e4\"},"
              "\"size\":9007199254740993,\"modificationTime\":2,\"dataChange\":true,\"stats\":null,"
              "\"unknown\":{\"x\":[1]}}}");
    assert_int_equal(action.kind, SL_DELTA_ADD);
    assert_str(action.file.path, "a%20b");
    assert_int_equal(action.file.partition_values.count, 2);
    assert_null(sl_delta_map_find(&action.file.partition_values, SL_STR("d"))->value.ptr);
    assert_str(sl_delta_map_find(&action.file.partition_values, SL_STR("e"))->value, "\xc3\xa4");
    assert_null(sl_delta_map_find(&action.file.partition_values, SL_STR("f")));
    assert_true(action.file.bytes == INT64_C(9007199254740993));
    assert_null(action.file.stats.ptr);
    assert_int_equal(action.file.vector.storage, 0);
    assert_int_equal(action.file.base_row_id, -1);

    action =
        parse("{\"metaData\":{\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[{"
              "\\\"name\\\":\\\"a\\\",\\\"type\\\":\\\"long\\\",\\\"nullable\\\":false,"
              "\\\"metadata\\\":{\\\"delta.columnMapping.id\\\":3}}]}\"}}");
    assert_int_equal(action.metadata.schema->field_count, 1);
    assert_false(action.metadata.schema->fields[0].nullable);
    assert_str(action.metadata.schema->fields[0].metadata, "{\"delta.columnMapping.id\":3}");
    assert_int_equal(action.metadata.created_ms, -1);
    sl_arena_release(&arena);
}

/* PROTOCOL.md: readers ignore actions and members they do not know; a null member is none. */
void test_action_unknown_is_passed_over(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(parse("{\"novelty\":{\"path\":\"x\"}}").kind, SL_DELTA_NONE);
    assert_int_equal(parse("{}").kind, SL_DELTA_NONE);
    assert_int_equal(parse("").kind, SL_DELTA_NONE);
    assert_int_equal(parse(" \r").kind, SL_DELTA_NONE);
    assert_int_equal(parse("{\"add\":null,\"txn\":{\"appId\":\"a\",\"version\":1}}").kind,
                     SL_DELTA_TXN);
    /* commitInfo is free-form */
    assert_int_equal(parse("{\"commitInfo\":{\"timestamp\":\"x\",\"operation\":[1]}}").kind,
                     SL_DELTA_COMMIT_INFO);
    /* a schema of a type that only newer versions have, or none at all */
    assert_null(
        parse("{\"metaData\":{\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\""
              ":[{\\\"name\\\":\\\"v\\\",\\\"type\\\":\\\"variant\\\"}]}\"}}")
            .metadata.schema);
    assert_int_equal(parse("{\"metaData\":{\"id\":\"x\"}}").metadata.schema->field_count, 0);
    sl_arena_release(&arena);
}

void test_action_malformed_is_bad_data(void **state) {
    static const struct {
        const char *line, *what;
    } bad[] = {
        {"[]", "JSON object"},
        {"7", "JSON object"},
        {"{\"add\":{\"path\":\"x\"", "expected"},
        {"{\"add\":[]}", "`add` is not a JSON object"},
        {"{\"add\":{}}", "`path` is missing"},
        {"{\"add\":{\"path\":\"\"}}", "`path` is empty"},
        {"{\"add\":{\"path\":7}}", "`path` is not a string"},
        {"{\"add\":{\"path\":\"x\",\"size\":\"1\"}}", "`size` is not an integer"},
        {"{\"add\":{\"path\":\"x\",\"size\":1.5}}", "`size` is not an integer"},
        {"{\"add\":{\"path\":\"x\",\"size\":99999999999999999999}}", "`size` is not an integer"},
        {"{\"add\":{\"path\":\"x\",\"dataChange\":1}}", "`dataChange` is neither"},
        {"{\"add\":{\"path\":\"x\",\"partitionValues\":[]}}", "`partitionValues` is not an object"},
        {"{\"add\":{\"path\":\"x\",\"partitionValues\":{\"a\":1}}}", "not an object of strings"},
        {"{\"add\":{\"path\":\"x\",\"deletionVector\":{\"storageType\":\"z\"}}}",
         "none of u, i, p"},
        {"{\"add\":{\"path\":\"x\",\"deletionVector\":{\"storageType\":\"u\"}}}",
         "`pathOrInlineDv` is missing"},
        {"{\"txn\":{\"version\":1}}", "`appId` is missing"},
        {"{\"txn\":{\"appId\":\"a\"}}", "`version` is missing"},
        {"{\"protocol\":{\"minReaderVersion\":1}}", "`minWriterVersion` is missing"},
        {"{\"protocol\":{\"minReaderVersion\":-1,\"minWriterVersion\":2}}", "no version"},
        {"{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[1]}}",
         "`writerFeatures` is not a list of strings"},
        {"{\"metaData\":{\"format\":{\"provider\":\"orc\"}}}", "another than parquet"},
        {"{\"metaData\":{\"partitionColumns\":\"a\"}}", "`partitionColumns` is not a list"},
    };
    (void)state;
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct sl_delta_action action;
        struct sl_err err = {0};
        assert_int_equal(sl_delta_action_parse(&arena, sl_str(bad[i].line), &action, &err),
                         SL_DATA);
        if (!strstr(err.msg, bad[i].what)) fail_msg("%s: %s", bad[i].line, err.msg);
    }
    sl_arena_release(&arena);
}

static bool same_key(const char *a, const char *b) {
    struct sl_buf left = {0}, right = {0};
    struct sl_delta_action one = parse(a), two = parse(b);
    sl_delta_file_put_key(&left, &one.file);
    sl_delta_file_put_key(&right, &two.file);
    bool same = sl_str_eq(sl_buf_str(&left), sl_buf_str(&right));
    sl_buf_release(&left);
    sl_buf_release(&right);
    return same;
}

void test_action_file_key(void **state) {
#define FILE_LINE(path, rest) "{\"add\":{\"path\":\"" path "\"" rest "}}"
#define VECTOR(text, offset)                                                                       \
    ",\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"" text                        \
    "\",\"offset\":" offset ",\"sizeInBytes\":1,\"cardinality\":1}"
    (void)state;
    sl_arena_init(&arena, "test");
    assert_true(same_key(FILE_LINE("a%20b", ""), FILE_LINE("a b", "")));
    assert_true(same_key(FILE_LINE("\xc3\xa4", ""), FILE_LINE("%C3%A4", "")));
    assert_true(same_key(FILE_LINE("/t/x%23", ""), FILE_LINE("file:/t/x%23", "")));
    assert_true(same_key(FILE_LINE("file:///t/x", ""), FILE_LINE("/t/x", "")));
    assert_false(same_key(FILE_LINE("a%2520b", ""), FILE_LINE("a b", "")));
    assert_false(same_key(FILE_LINE("a", ""), FILE_LINE("b", "")));
    /* paths that are refused when they are opened still differ from each other */
    assert_false(same_key(FILE_LINE("s3://x/a", ""), FILE_LINE("s3://x/b", "")));
    assert_false(same_key(FILE_LINE("a", ""), FILE_LINE("a", VECTOR("x", "1"))));
    assert_false(same_key(FILE_LINE("a", VECTOR("x", "1")), FILE_LINE("a", VECTOR("x", "2"))));
    assert_false(same_key(FILE_LINE("a", VECTOR("x", "1")), FILE_LINE("a", VECTOR("y", "1"))));
    assert_true(same_key(FILE_LINE("a", VECTOR("x", "1")), FILE_LINE("a", VECTOR("x", "1"))));
    sl_arena_release(&arena);
}
