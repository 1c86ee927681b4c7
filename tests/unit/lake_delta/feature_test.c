/* What is read, written, refused; and the protocol of a new table. */
#include "unit.h"

#include "lake/delta/feature.h"

static struct sl_arena arena;
static struct sl_err err;

static struct sl_delta_action parse(const char *line) {
    struct sl_delta_action action;
    if (sl_delta_action_parse(&arena, sl_str(line), &action, &err) != SL_OK)
        fail_msg("%s: %s", line, err.msg);
    return action;
}

#define FIELD(name, type, metadata)                                                                \
    "{\\\"name\\\":\\\"" name "\\\",\\\"type\\\":\\\"" type                                        \
    "\\\",\\\"nullable\\\":true,\\\"metadata\\\":{" metadata "}}"
#define TABLE(fields, configuration)                                                               \
    "{\"metaData\":{\"schemaString\":\"{\\\"type\\\":\\\"struct\\\",\\\"fields\\\":[" fields       \
    "]}\",\"configuration\":{" configuration "}}}"
#define PLAIN TABLE(FIELD("a", "long", ""), "")
#define VERSIONS(reader, writer)                                                                   \
    "{\"protocol\":{\"minReaderVersion\":" reader ",\"minWriterVersion\":" writer "}}"
#define READER_FEATURE(name)                                                                       \
    "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":[\"" name     \
    "\"],\"writerFeatures\":[\"" name "\"]}}"
#define WRITER_FEATURE(name)                                                                       \
    "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":[\"" name     \
    "\"]}}"

static enum sl_code check(bool to_write, const char *protocol, const char *metadata) {
    struct sl_delta_action p = parse(protocol), m = parse(metadata);
    sl_err_clear(&err);
    return to_write ? sl_delta_check_write(&p.protocol, &m.metadata, &err)
                    : sl_delta_check_read(&p.protocol, &m.metadata, &err);
}

void test_feature_reading(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(check(false, VERSIONS("1", "2"), PLAIN), SL_OK);
    assert_int_equal(check(false, VERSIONS("2", "6"), PLAIN), SL_OK);
    assert_int_equal(check(false, READER_FEATURE("deletionVectors"), PLAIN), SL_OK);
    /* what only writers must know does not keep us from reading */
    assert_int_equal(check(false, WRITER_FEATURE("somethingNew"), PLAIN), SL_OK);
    assert_int_equal(check(false, VERSIONS("1", "99"), PLAIN), SL_OK);

    assert_int_equal(check(false, VERSIONS("4", "7"), PLAIN), SL_UNSUPPORTED);
    assert_string_equal(err.condition, "DELTA_INVALID_PROTOCOL_VERSION");
    assert_int_equal(check(false, VERSIONS("0", "2"), PLAIN), SL_UNSUPPORTED);
    assert_int_equal(check(false, READER_FEATURE("catalogManaged\",\"somethingNew"), PLAIN),
                     SL_UNSUPPORTED);
    assert_string_equal(err.condition, "DELTA_UNSUPPORTED_FEATURES_FOR_READ");
    assert_non_null(strstr(err.msg, "catalogManaged, somethingNew"));
    assert_int_equal(check(false, VERSIONS("1", "2"), TABLE(FIELD("v", "variant", ""), "")),
                     SL_UNSUPPORTED);
    assert_non_null(strstr(err.msg, "variant"));
    sl_arena_release(&arena);
}

void test_feature_writing(void **state) {
    static const struct {
        const char *protocol, *metadata, *what; /* what: in the refusal; NULL: allowed */
    } cases[] = {
        {VERSIONS("1", "2"), PLAIN, NULL},
        {VERSIONS("1", "6"), PLAIN, NULL},
        {VERSIONS("1", "8"), PLAIN, "version 8"},
        {READER_FEATURE("deletionVectors"), PLAIN, NULL},
        {READER_FEATURE("columnMapping"), PLAIN, NULL},
        {VERSIONS("2", "5"), TABLE(FIELD("a", "long", ""), "\"delta.columnMapping.mode\":\"name\""),
         "columnMapping"},
        {WRITER_FEATURE("rowTracking"), PLAIN, "rowTracking"},
        {WRITER_FEATURE("icebergCompatV2"), PLAIN, "icebergCompatV2"},
        {WRITER_FEATURE("somethingNew"), PLAIN, "somethingNew"},
        {VERSIONS("1", "4"),
         TABLE(FIELD("g", "long", "\\\"delta.generationExpression\\\":\\\"a+1\\\""), ""),
         "generated column `g`"},
        {VERSIONS("1", "6"), TABLE(FIELD("i", "long", "\\\"delta.identity.start\\\":1"), ""),
         "identity column `i`"},
        {WRITER_FEATURE("allowColumnDefaults"), PLAIN, NULL},
        {WRITER_FEATURE("allowColumnDefaults"),
         TABLE(FIELD("d", "long", "\\\"CURRENT_DEFAULT\\\":\\\"7\\\""), ""), "default `d`"},
        {VERSIONS("1", "2"), TABLE(FIELD("n", "long", "\\\"delta.invariants\\\":\\\"x\\\""), ""),
         NULL},
    };
    (void)state;
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum sl_code code = check(true, cases[i].protocol, cases[i].metadata);
        assert_int_equal(code, cases[i].what ? SL_UNSUPPORTED : SL_OK);
        if (cases[i].what && !strstr(err.msg, cases[i].what))
            fail_msg("%s: %s", cases[i].what, err.msg);
    }
    sl_arena_release(&arena);
}

static void assert_protocol_for(const char *metadata, const char *expected) {
    struct sl_delta_action m = parse(metadata), out = {.kind = SL_DELTA_PROTOCOL};
    struct sl_buf text = {0};
    sl_delta_protocol_for(&arena, m.metadata.schema, &m.metadata.configuration, &out.protocol);
    sl_delta_action_put(&text, &out);
    text.len--;
    assert_string_equal(sl_buf_cstr(&text), expected);
    sl_buf_release(&text);
}

/* The lowest that will do, as formats of old readers want it. */
void test_feature_protocol_of_a_new_table(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_protocol_for(PLAIN, VERSIONS("1", "2"));
    assert_protocol_for(TABLE("", "\"delta.appendOnly\":\"true\",\"x\":\"y\""), VERSIONS("1", "2"));
    assert_protocol_for(TABLE("", "\"delta.constraints.c\":\"a > 1\""), VERSIONS("1", "3"));
    assert_protocol_for(TABLE("", "\"delta.enableChangeDataFeed\":\"TRUE\""), VERSIONS("1", "4"));
    assert_protocol_for(TABLE("", "\"delta.enableChangeDataFeed\":\"false\""), VERSIONS("1", "2"));
    assert_protocol_for(TABLE("", "\"delta.columnMapping.mode\":\"name\""), VERSIONS("2", "5"));
    assert_protocol_for(
        TABLE(FIELD("g", "long", "\\\"delta.generationExpression\\\":\\\"a\\\""), ""),
        VERSIONS("1", "4"));
    assert_protocol_for(
        TABLE(FIELD("t", "timestamp_ntz", ""), ""),
        "{\"protocol\":{\"minReaderVersion\":3,\"minWriterVersion\":7,\"readerFeatures\":["
        "\"timestampNtz\"],\"writerFeatures\":[\"timestampNtz\",\"appendOnly\",\"invariants\"]}}");
    assert_protocol_for(
        TABLE("", "\"delta.enableInCommitTimestamps\":\"true\""),
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":["
        "\"appendOnly\",\"invariants\",\"inCommitTimestamp\"]}}");
    assert_protocol_for(
        TABLE("", "\"delta.feature.clustering\":\"supported\""),
        "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":["
        "\"appendOnly\",\"invariants\",\"domainMetadata\",\"clustering\"]}}");
    sl_arena_release(&arena);
}

void test_feature_is_in_a_protocol(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    struct sl_delta_protocol low = parse(VERSIONS("1", "2")).protocol;
    struct sl_delta_protocol four = parse(VERSIONS("1", "4")).protocol;
    struct sl_delta_protocol listed = parse(READER_FEATURE("deletionVectors")).protocol;
    assert_true(sl_delta_protocol_has(&low, SL_STR("appendOnly")));
    assert_false(sl_delta_protocol_has(&low, SL_STR("changeDataFeed")));
    assert_true(sl_delta_protocol_has(&four, SL_STR("changeDataFeed")));
    assert_false(sl_delta_protocol_has(&four, SL_STR("deletionVectors")));
    assert_true(sl_delta_protocol_has(&listed, SL_STR("deletionVectors")));
    assert_false(sl_delta_protocol_has(&listed, SL_STR("appendOnly")));
    assert_false(sl_delta_protocol_has(&low, SL_STR("somethingNew")));
    sl_arena_release(&arena);
}
