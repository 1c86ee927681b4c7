#include "unit.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>

enum { TIMEOUT_MS = 500, WAIT_MS = 2000, FIND_COORDINATOR = 10 /* API key */ };

/* Asks for the offsets of a group; the error that the request ends with. */
static rd_kafka_resp_err_t ask(rd_kafka_t *client, const char *group) {
    char text[256];
    rd_kafka_queue_t *queue = rd_kafka_queue_new(client);
    rd_kafka_AdminOptions_t *options =
        rd_kafka_AdminOptions_new(client, RD_KAFKA_ADMIN_OP_LISTCONSUMERGROUPOFFSETS);
    rd_kafka_ListConsumerGroupOffsets_t *question =
        rd_kafka_ListConsumerGroupOffsets_new(group, NULL);
    rd_kafka_AdminOptions_set_request_timeout(options, TIMEOUT_MS, text, sizeof text);
    rd_kafka_ListConsumerGroupOffsets(client, &question, 1, options, queue);
    rd_kafka_event_t *event = rd_kafka_queue_poll(queue, 20 * TIMEOUT_MS);
    rd_kafka_resp_err_t error = event ? rd_kafka_event_error(event) : RD_KAFKA_RESP_ERR__TIMED_OUT;
    const rd_kafka_ListConsumerGroupOffsets_result_t *result =
        event ? rd_kafka_event_ListConsumerGroupOffsets_result(event) : NULL;
    size_t count = 0;
    const rd_kafka_group_result_t **groups =
        result ? rd_kafka_ListConsumerGroupOffsets_result_groups(result, &count) : NULL;
    if (count && rd_kafka_group_result_error(groups[0]))
        error = rd_kafka_error_code(rd_kafka_group_result_error(groups[0]));
    if (event) rd_kafka_event_destroy(event);
    rd_kafka_ListConsumerGroupOffsets_destroy(question);
    rd_kafka_AdminOptions_destroy(options);
    rd_kafka_queue_destroy(queue);
    return error;
}

/* May be asked a few times: a client may lose its first connection, and a coordinator moves. */
static rd_kafka_resp_err_t ask_until_answered(rd_kafka_t *client, const char *group) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int i = 0; i < 10 && error == RD_KAFKA_RESP_ERR__TIMED_OUT; i++)
        error = ask(client, group);
    return error;
}

struct brokers {
    rd_kafka_t *host;
    rd_kafka_mock_cluster_t *cluster;
};

static struct brokers start(int count) {
    char text[256];
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    assert_non_null(host);
    return (struct brokers){host, rd_kafka_mock_cluster_new(host, count)};
}

static void stop(struct brokers *brokers) {
    rd_kafka_mock_cluster_destroy(brokers->cluster);
    rd_kafka_destroy(brokers->host);
}

static rd_kafka_t *open_client(const struct brokers *brokers) {
    char text[256];
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    const char *const settings[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(brokers->cluster)},
        {"log_level", "0"},
        {"reconnect.backoff.ms", "20"},
        {"reconnect.backoff.max.ms", "100"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        assert_int_equal(rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text),
                         RD_KAFKA_CONF_OK);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    return client;
}

/* The answer that names the coordinator comes when the request has timed out, mostly. */
static void be_late(const struct brokers *brokers) {
    for (int32_t broker = 1; broker <= 2; broker++)
        assert_int_equal(rd_kafka_mock_broker_push_request_error_rtts(
                             brokers->cluster, broker, FIND_COORDINATOR, 1,
                             RD_KAFKA_RESP_ERR_NO_ERROR, 3 * TIMEOUT_MS),
                         RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_t *client = open_client(brokers);
    (void)ask(client, "late");
    for (int waited = 0; waited < WAIT_MS; waited += 100) rd_kafka_poll(client, 100);
    assert_int_not_equal(ask_until_answered(client, "late"), RD_KAFKA_RESP_ERR__TIMED_OUT);
    rd_kafka_destroy(client);
}

/* Goal: a coordinator that is found when nobody waits for it any more does not end the process. It
 * takes the librdkafka that tools/deps mends; another one ends in an assertion here. */
void test_a_late_coordinator_is_no_end(void **state) {
    (void)state;
    enum { ROUNDS = 4 };
    struct brokers brokers = start(2);
    assert_int_equal(rd_kafka_mock_coordinator_set(brokers.cluster, "group", "late", 2), 0);
    for (int round = 0; round < ROUNDS; round++) be_late(&brokers);
    stop(&brokers);
}

/* Goal: a coordinator that left the cluster is forgotten, and the one that took over is asked. It
 * takes the librdkafka that tools/deps mends; another one asks the broker that left, for ever. */
void test_a_coordinator_that_left_is_forgotten(void **state) {
    (void)state;
    struct brokers brokers = start(3);
    const struct rd_kafka_metadata *metadata = NULL;
    assert_int_equal(rd_kafka_mock_coordinator_set(brokers.cluster, "group", "moved", 3), 0);
    rd_kafka_t *client = open_client(&brokers);
    assert_int_not_equal(ask_until_answered(client, "moved"), RD_KAFKA_RESP_ERR__TIMED_OUT);

    assert_int_equal(rd_kafka_mock_broker_decommission(brokers.cluster, 3),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(rd_kafka_mock_coordinator_set(brokers.cluster, "group", "moved", 1), 0);
    assert_int_equal(rd_kafka_metadata(client, 0, NULL, &metadata, 10 * TIMEOUT_MS),
                     RD_KAFKA_RESP_ERR_NO_ERROR);
    assert_int_equal(metadata->broker_cnt, 2); /* the client has learned that it left */
    rd_kafka_metadata_destroy(metadata);
    assert_int_not_equal(ask_until_answered(client, "moved"), RD_KAFKA_RESP_ERR__TIMED_OUT);
    rd_kafka_destroy(client);
    stop(&brokers);
}
