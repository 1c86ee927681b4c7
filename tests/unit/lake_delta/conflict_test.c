/* The conflict table (ConflictChecker.scala; OptimisticTransactionSuite's cases), one row per case:
 * what our transaction is, what the rival committed, and the condition that stops us, or NULL. */
#include "../unit.h"
#include "lake/delta/commit.h"

enum ours {
    APPEND,          /* adds a new file, read nothing, batch 7 of query q */
    APPEND_NO_TXN,   /* the same without a txn */
    REPLACE,         /* complete mode: read all, removes a, adds new */
    COMPACT,         /* removes a and b, adds new, no data change */
    DELETE_UNREAD,   /* removes a without having read it */
    CHANGE_SCHEMA,   /* brings metadata */
    CHANGE_PROTOCOL, /* brings a protocol */
};

static const struct sl_delta_file add_new = {.path = {"new", 3}, .data_change = true};
static const struct sl_delta_file add_compacted = {.path = {"new", 3}};
static const struct sl_delta_file removes[] = {{.path = {"a", 1}}, {.path = {"b b", 3}}};
static const struct sl_delta_file remove_data = {.path = {"a", 1}, .data_change = true};
static const struct sl_delta_txn batch = {{"q", 1}, 7, -1};
static const struct sl_delta_protocol protocol = {1, 2};
static const struct sl_delta_metadata metadata;

static struct sl_delta_commit make_ours(enum ours ours) {
    struct sl_delta_commit commit = {.adds = &add_new, .add_count = 1, .scope = SL_DELTA_BLIND};
    switch (ours) {
    case APPEND:
        commit.txn = &batch;
        break;
    case APPEND_NO_TXN:
        break;
    case REPLACE:
        commit.scope = SL_DELTA_WHOLE_TABLE;
        commit.removes = &remove_data;
        commit.remove_count = 1;
        break;
    case COMPACT:
        commit.scope = SL_DELTA_FILES;
        commit.adds = &add_compacted;
        commit.removes = removes;
        commit.remove_count = 2;
        break;
    case DELETE_UNREAD:
        commit.removes = &remove_data;
        commit.remove_count = 1;
        break;
    case CHANGE_SCHEMA:
        commit.metadata = &metadata;
        break;
    case CHANGE_PROTOCOL:
        commit.protocol = &protocol;
        break;
    }
    return commit;
}

/* A rival's commit, as lines of the log. */
#define INFO "{\"commitInfo\":{\"timestamp\":1,\"operation\":\"X\",\"txnId\":\"t\"}}\n"
#define BLIND_INFO "{\"commitInfo\":{\"timestamp\":1,\"isBlindAppend\":true}}\n"
#define ADD(path, change)                                                                          \
    "{\"add\":{\"path\":\"" path "\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"    \
    "\"dataChange\":" change "}}\n"
#define REMOVE(path, change)                                                                       \
    "{\"remove\":{\"path\":\"" path "\",\"deletionTimestamp\":1,\"dataChange\":" change "}}\n"
#define TXN(app, version) "{\"txn\":{\"appId\":\"" app "\",\"version\":" version "}}\n"
#define PROTOCOL "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":4}}\n"
#define METADATA                                                                                   \
    "{\"metaData\":{\"id\":\"i\",\"format\":{\"provider\":\"parquet\",\"options\":{}},"            \
    "\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[]}\","                        \
    "\"partitionColumns\":[],\"configuration\":{}}}\n"
#define DOMAIN                                                                                     \
    "{\"domainMetadata\":{\"domain\":\"d\",\"configuration\":\"{}\",\"removed\":false}}\n"
#define VECTOR                                                                                     \
    "{\"add\":{\"path\":\"a\",\"partitionValues\":{},\"size\":1,\"modificationTime\":1,"           \
    "\"dataChange\":true,\"deletionVector\":{\"storageType\":\"u\",\"pathOrInlineDv\":\"x\","      \
    "\"offset\":1,\"sizeInBytes\":1,\"cardinality\":1}}}\n"

static const struct {
    enum ours ours;
    const char *theirs, *condition;
} cases[] = {
    /* 1. protocol: only beside a protocol of ours; else whoever retries looks at it again */
    {APPEND, INFO PROTOCOL, NULL},
    {REPLACE, INFO PROTOCOL, NULL},
    {COMPACT, INFO PROTOCOL, NULL},
    {CHANGE_SCHEMA, INFO PROTOCOL, NULL},
    {CHANGE_PROTOCOL, INFO PROTOCOL, "DELTA_PROTOCOL_CHANGED"},
    {CHANGE_PROTOCOL, INFO METADATA PROTOCOL, "DELTA_PROTOCOL_CHANGED"},
    {CHANGE_PROTOCOL, INFO ADD("z", "true"), NULL},
    /* 2. metadata: any */
    {APPEND, INFO METADATA, "DELTA_METADATA_CHANGED"},
    {APPEND_NO_TXN, INFO ADD("z", "true") METADATA, "DELTA_METADATA_CHANGED"},
    {REPLACE, INFO METADATA, "DELTA_METADATA_CHANGED"},
    {COMPACT, INFO METADATA, "DELTA_METADATA_CHANGED"},
    {CHANGE_SCHEMA, INFO METADATA, "DELTA_METADATA_CHANGED"},
    {CHANGE_SCHEMA, INFO ADD("z", "true"), NULL},
    /* 3. the txn of our query */
    {APPEND, INFO TXN("q", "7"), "DELTA_CONCURRENT_TRANSACTION"},
    {APPEND, INFO TXN("q", "8"), "DELTA_CONCURRENT_TRANSACTION"},
    {APPEND, INFO TXN("q", "6"), "DELTA_CONCURRENT_TRANSACTION"},
    {APPEND, INFO TXN("other", "7"), NULL},
    {APPEND_NO_TXN, INFO TXN("q", "7"), NULL},
    /* 4. appended files: only who has read the table; blind or not, the level is Serializable */
    {APPEND, INFO ADD("z", "true"), NULL},
    {APPEND, BLIND_INFO ADD("z", "true"), NULL},
    {COMPACT, INFO ADD("z", "true"), NULL},
    {COMPACT, BLIND_INFO ADD("z", "true"), NULL},
    {DELETE_UNREAD, INFO ADD("z", "true"), NULL},
    {REPLACE, INFO ADD("z", "true"), "DELTA_CONCURRENT_APPEND"},
    {REPLACE, BLIND_INFO ADD("z", "true"), "DELTA_CONCURRENT_APPEND"},
    {REPLACE, INFO ADD("z", "false"), NULL},
    /* 5. removed files that we have read */
    {APPEND, INFO REMOVE("a", "true"), NULL},
    {REPLACE, INFO REMOVE("z", "true"), "DELTA_CONCURRENT_DELETE_READ"},
    {REPLACE, INFO REMOVE("z", "false") ADD("y", "false"), "DELTA_CONCURRENT_DELETE_READ"},
    {COMPACT, INFO REMOVE("a", "true"), "DELTA_CONCURRENT_DELETE_READ"},
    {COMPACT, INFO REMOVE("a", "false") ADD("y", "false"), "DELTA_CONCURRENT_DELETE_READ"},
    {COMPACT, INFO REMOVE("b%20b", "true"), "DELTA_CONCURRENT_DELETE_READ"},
    {COMPACT, INFO REMOVE("z", "true"), NULL},
    {COMPACT, INFO REMOVE("z", "false") ADD("y", "false"), NULL},
    {COMPACT, INFO REMOVE("a", "true") VECTOR, "DELTA_CONCURRENT_DELETE_READ"},
    /* 6. both remove the same file */
    {DELETE_UNREAD, INFO REMOVE("a", "true"), "DELTA_CONCURRENT_DELETE_DELETE"},
    {DELETE_UNREAD, INFO REMOVE("a", "false"), "DELTA_CONCURRENT_DELETE_DELETE"},
    {DELETE_UNREAD, INFO REMOVE("z", "true"), NULL},
    /* 7. domains: we write none */
    {APPEND, INFO DOMAIN, NULL},
    {REPLACE, INFO DOMAIN, NULL},
    /* nothing, or what we do not know */
    {REPLACE, INFO, NULL},
    {APPEND, "{\"somethingNew\":{}}\n", NULL},
    /* the gravest is told, whatever their order */
    {REPLACE, INFO REMOVE("a", "true") ADD("z", "true") METADATA, "DELTA_METADATA_CHANGED"},
    {REPLACE, INFO REMOVE("a", "true") ADD("z", "true"), "DELTA_CONCURRENT_APPEND"},
};

enum { ACTIONS_MAX = 8 };

static size_t parse_lines(struct sl_arena *arena, const char *lines, struct sl_delta_action *out) {
    size_t count = 0;
    struct sl_err err;
    while (*lines) {
        size_t len = strcspn(lines, "\n");
        struct sl_str line = {lines, len};
        assert_true(count < ACTIONS_MAX);
        if (sl_delta_action_parse(arena, line, &out[count++], &err) != SL_OK)
            fail_msg("%s in %.*s", err.msg, (int)len, lines);
        lines += len + 1;
    }
    return count;
}

void test_conflict_table(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct sl_arena arena;
        struct sl_delta_action theirs[ACTIONS_MAX];
        struct sl_delta_commit commit = make_ours(cases[i].ours);
        struct sl_err err = {0};
        sl_arena_init(&arena, "test");
        size_t count = parse_lines(&arena, cases[i].theirs, theirs);
        enum sl_code code = sl_delta_conflict(&commit, theirs, count, 42, &err);
        const char *expected = cases[i].condition ? cases[i].condition : "";
        if (strcmp(err.condition, expected) != 0)
            fail_msg("case %zu: `%s` instead of `%s`", i, err.condition, expected);
        assert_int_equal(code, cases[i].condition ? SL_CONFLICT : SL_OK);
        if (cases[i].condition) assert_non_null(strstr(err.msg, "version 42"));
        assert_int_equal(sl_delta_conflict(&commit, theirs, count, 42, NULL), code);
        sl_arena_release(&arena);
    }
}
