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

/* The answer that names the coordinator comes when the request has timed out, mostly: the client
 * may lose its first connection, and then ask again. */
static void be_late(rd_kafka_mock_cluster_t *cluster, rd_kafka_conf_t *conf) {
    char text[256];
    for (int32_t broker = 1; broker <= 2; broker++)
        assert_int_equal(
            rd_kafka_mock_broker_push_request_error_rtts(
                cluster, broker, FIND_COORDINATOR, 1, RD_KAFKA_RESP_ERR_NO_ERROR, 3 * TIMEOUT_MS),
            RD_KAFKA_RESP_ERR_NO_ERROR);
    rd_kafka_t *client = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    assert_non_null(client);
    (void)ask(client, "late");
    for (int waited = 0; waited < WAIT_MS; waited += 100) rd_kafka_poll(client, 100);
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__TIMED_OUT;
    for (int i = 0; i < 10 && error == RD_KAFKA_RESP_ERR__TIMED_OUT; i++)
        error = ask(client, "late");
    assert_int_not_equal(error, RD_KAFKA_RESP_ERR__TIMED_OUT);
    rd_kafka_destroy(client);
}

/* Goal: a coordinator that is found when nobody waits for it any more does not end the process. It
 * takes the librdkafka that tools/deps mends; another one ends in an assertion here. */
void test_a_late_coordinator_is_no_end(void **state) {
    (void)state;
    enum { ROUNDS = 4 };
    char text[256];
    rd_kafka_t *host = rd_kafka_new(RD_KAFKA_PRODUCER, rd_kafka_conf_new(), text, sizeof text);
    assert_non_null(host);
    rd_kafka_mock_cluster_t *cluster = rd_kafka_mock_cluster_new(host, 2);
    const char *const settings[][2] = {
        {"bootstrap.servers", rd_kafka_mock_cluster_bootstraps(cluster)},
        {"log_level", "0"},
        {"reconnect.backoff.ms", "20"},
        {"reconnect.backoff.max.ms", "100"}};
    assert_int_equal(rd_kafka_mock_coordinator_set(cluster, "group", "late", 2), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rd_kafka_conf_t *conf = rd_kafka_conf_new();
        for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
            assert_int_equal(
                rd_kafka_conf_set(conf, settings[i][0], settings[i][1], text, sizeof text),
                RD_KAFKA_CONF_OK);
        be_late(cluster, conf);
    }
    rd_kafka_mock_cluster_destroy(cluster);
    rd_kafka_destroy(host);
}
