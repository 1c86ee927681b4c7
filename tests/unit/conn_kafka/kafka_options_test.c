#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "conn/kafka/kafka_options.h"
#include "conn/kafka/kafka_topics.h"

static struct sl_arena arena;
static struct sl_err err;
static struct sl_kafka_options result;

/* Resolves name, value, ... NULL after bootstrapServers and subscribe. */
static enum sl_code resolve(bool streaming, const char *const *pairs) {
    struct sl_option items[16] = {{SL_STR("bootstrapServers"), SL_STR("h:9092"), {1, 2}},
                                  {SL_STR("subscribe"), SL_STR("b, a,b"), {3, 4}}};
    struct sl_options options = {items, 2};
    for (; *pairs; pairs += 2)
        items[options.count++] = (struct sl_option){sl_str(pairs[0]), sl_str(pairs[1]), {7, 9}};
    sl_err_clear(&err);
    return sl_kafka_options_resolve(&arena, &options, streaming, NULL, &result, &err);
}
#define RESOLVE(streaming, ...) resolve(streaming, (const char *const[]){__VA_ARGS__, NULL})
#define PROPERTY(name) sl_kafka_property_find(&result.properties, name)

void test_options_defaults_are_sparks(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(RESOLVE(true, NULL), SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_LATEST);
    assert_int_equal(result.topic_count, 2);
    assert_string_equal(result.topics[0].ptr, "a");
    assert_true(result.fail_on_data_loss);
    assert_false(result.include_headers || result.read_committed);
    assert_int_equal(result.max_trigger_delay_ms, 900000);
    assert_int_equal(result.poll_timeout_ms, 120000);
    assert_int_equal(RESOLVE(false, NULL), SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_EARLIEST);
    assert_int_equal(result.end.kind, SL_KAFKA_AT_LATEST);
    sl_arena_release(&arena);
}

void test_options_names_ignore_case(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(RESOLVE(true, "STARTINGOFFSETS", "earliest", "failondataloss", "FALSE",
                             "KAFKA.Client.Id", "me", "maxTriggerDelay", "90s"),
                     SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_EARLIEST);
    assert_false(result.fail_on_data_loss);
    assert_string_equal(PROPERTY("client.id"), "me");
    assert_int_equal(result.max_trigger_delay_ms, 90000);
    sl_arena_release(&arena);
}

/* One timestamp wins over timestamps per partition, those over offsets. */
void test_options_precedence_of_starts(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(RESOLVE(true, "startingOffsets", "{\"a\":{\"0\":-2}}"), SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_OFFSETS);
    assert_int_equal(RESOLVE(true, "startingOffsets", "earliest", "startingOffsetsByTimestamp",
                             "{\"a\":{\"0\":17}}"),
                     SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_TIMESTAMPS);
    assert_int_equal(result.start.offsets.items[0].offset, 17);
    assert_int_equal(RESOLVE(true, "startingTimestamp", "99", "startingOffsetsByTimestamp",
                             "{\"a\":{\"0\":17}}"),
                     SL_OK);
    assert_int_equal(result.start.kind, SL_KAFKA_AT_TIMESTAMP);
    assert_int_equal(result.start.timestamp_ms, 99);
    sl_arena_release(&arena);
}

/* Each bad option is named, has a place in the text, and where one is near, a suggestion. */
void test_options_refusals(void **state) {
    (void)state;
    static const struct {
        bool streaming;
        const char *name, *value, *message, *hint;
    } cases[] = {
        {true, "startingOffset", "earliest", "unknown option `startingOffset`", "startingOffsets"},
        {true, "kafka.client.ip", "x", "unknown Kafka client property", "kafka.client.id"},
        {true, "kafka.auto.offset.reset", "earliest", "not supported", "startingOffsets"},
        {true, "kafka.enable.auto.commit", "true", "not supported", "checkpoint"},
        {true, "kafka.key.deserializer", "x", "not supported", "CAST(key AS STRING)"},
        {true, "kafka.ssl.truststore.location", "/x/a.jks", "not supported", "keytool"},
        {true, "kafka.fetch.min.bytes", "many", "`kafka.fetch.min.bytes` is not valid", ""},
        {true, "kafka.sasl.jaas.config", "com.x.Krb5LoginModule required;", "not supported",
         "Plain"},
        {true, "kafka.sasl.jaas.config", "x.PlainLoginModule required;", "no user name",
         "username="},
        {true, "startingOffsets", "yesterday", "cannot be `yesterday`", "earliest"},
        {true, "startingOffsets", "{\"a\":{\"0\":-3}}", "holds the offset -3", ""},
        {true, "endingOffsets", "latest", "not allowed in a streaming query", ""},
        {true, "failOnDataLoss", "maybe", "wants true or false", ""},
        {true, "maxOffsetsPerTrigger", "0", "at least 1", ""},
        {true, "maxTriggerDelay", "soon", "wants a duration", ""},
        {true, "assign", "{\"a\":[0]}", "only one of", ""},
        {true, "startingOffsetsByTimestampStrategy", "x", "error or latest", ""},
        {false, "startingOffsets", "latest", "cannot start at the latest", ""},
        {false, "endingOffsets", "{\"a\":{\"0\":-2}}", "cannot end at the earliest", ""},
    };
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        assert_int_equal(RESOLVE(cases[i].streaming, cases[i].name, cases[i].value), SL_USER);
        assert_non_null(strstr(err.msg, cases[i].message));
        assert_non_null(strstr(err.hint, cases[i].hint));
        assert_int_equal(err.span.begin, 7);
    }
    assert_int_equal(RESOLVE(true, "minOffsetsPerTrigger", "10", "maxOffsetsPerTrigger", "5"),
                     SL_USER);
    sl_arena_release(&arena);
}

/* A secret never gets into a message. */
void test_options_hide_secrets(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(RESOLVE(true, "kafka.sasl.jaas.config",
                             "x.PlainLoginModule required username=\"u\" passwd=\"hunter2\";"),
                     SL_USER);
    assert_null(strstr(err.msg, "hunter2"));
    assert_null(strstr(err.hint, "hunter2"));
    sl_arena_release(&arena);
}

void test_options_java_properties_are_translated(void **state) {
    (void)state;
    sl_arena_init(&arena, "test");
    assert_int_equal(RESOLVE(true, "kafka.security.protocol", "SASL_SSL", "kafka.sasl.mechanism",
                             "PLAIN", "kafka.sasl.jaas.config",
                             "org.apache.kafka.common.security.plain.PlainLoginModule required "
                             "username=\"us er\" password='p;w';",
                             "kafka.ssl.truststore.location", "/x/ca.pem",
                             "kafka.request.timeout.ms", "9000",
                             "kafka.ssl.endpoint.identification.algorithm", "",
                             "kafka.max.poll.records", "5", "kafka.max.partition.fetch.bytes",
                             "4096", "kafka.isolation.level", "read_committed"),
                     SL_OK);
    assert_string_equal(PROPERTY("sasl.username"), "us er");
    assert_string_equal(PROPERTY("sasl.password"), "p;w");
    assert_string_equal(PROPERTY("ssl.ca.location"), "/x/ca.pem");
    assert_string_equal(PROPERTY("socket.timeout.ms"), "9000");
    assert_string_equal(PROPERTY("ssl.endpoint.identification.algorithm"), "none");
    assert_string_equal(PROPERTY("fetch.message.max.bytes"), "4096");
    assert_null(PROPERTY("max.poll.records"));
    assert_true(result.read_committed);
    sl_arena_release(&arena);
}

/* A number alone is milliseconds; a delay without a number, or past 64 bits, is refused. */
void test_options_delay(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int64_t ms;
    } good[] = {{"15m", 900000}, {" 2 min", 120000}, {"250", 250}},
      bad[] = {{"m", 0}, {"1y", 0}, {"-5", 0}, {"", 0}, {"9223372036854775807d", 0}};
    sl_arena_init(&arena, "test");
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_int_equal(RESOLVE(true, "maxTriggerDelay", good[i].text), SL_OK);
        assert_int_equal(result.max_trigger_delay_ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        assert_int_equal(RESOLVE(true, "maxTriggerDelay", bad[i].text), SL_USER);
    sl_arena_release(&arena);
}

void test_patterns(void **state) {
    (void)state;
    struct sl_buf out = {0};
    assert_int_equal(sl_kafka_pattern_translate(SL_STR("ord\\d+-(?:a|b)\\..*?"), &out, &err),
                     SL_OK);
    assert_string_equal(sl_buf_cstr(&out), "^(ord[0-9]+-(a|b)\\..*)$");
    assert_int_equal(sl_kafka_pattern_translate(SL_STR("(?=x)"), &out, &err), SL_USER);
    assert_int_equal(sl_kafka_pattern_translate(SL_STR("a\\"), &out, &err), SL_USER);
    assert_int_equal(sl_kafka_pattern_translate(SL_STR("a++"), &out, &err), SL_USER);
    sl_buf_release(&out);
}
