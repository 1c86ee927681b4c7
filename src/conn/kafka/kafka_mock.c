#include "conn/kafka/kafka_mock.h"

#include <librdkafka/rdkafka.h>
#include <librdkafka/rdkafka_mock.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"
#include "conn/kafka/kafka_relay.h"

struct sl_kafka_mock {
    rd_kafka_t *handle; /* the cluster's book-keeping needs one */
    rd_kafka_mock_cluster_t *cluster;
    struct sl_kafka_relay *relay; /* of a fixed port; NULL if any port will do */
    char servers[64];
};

enum { BROKER = 1 };

static void no_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)handle, (void)level, (void)facility, (void)text;
}

static enum sl_code start_cluster(struct sl_kafka_mock *mock, struct sl_err *err) {
    char text[256] = "";
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    rd_kafka_conf_set_log_cb(conf, no_log);
    mock->handle = rd_kafka_new(RD_KAFKA_PRODUCER, conf, text, sizeof text);
    if (!mock->handle) {
        rd_kafka_conf_destroy(conf);
        return sl_fail(err, SL_IO, "the embedded broker did not start: %s", text);
    }
    mock->cluster = rd_kafka_mock_cluster_new(mock->handle, 1);
    if (!mock->cluster) return sl_fail(err, SL_IO, "the embedded broker did not start");
    /* Without a controller every admin request waits until it times out. */
    rd_kafka_mock_set_controller_id(mock->cluster, BROKER);
    snprintf(mock->servers, sizeof mock->servers, "%s",
             rd_kafka_mock_cluster_bootstraps(mock->cluster));
    return SL_OK;
}

/* The mock listens where the kernel likes; a relay gives it the port that was asked for. */
static enum sl_code fix_port(struct sl_kafka_mock *mock, int port, struct sl_err *err) {
    const char *colon = strrchr(mock->servers, ':');
    SL_TRY(sl_kafka_relay_start(port, colon ? atoi(colon + 1) : 0, &mock->relay, err));
    snprintf(mock->servers, sizeof mock->servers, "127.0.0.1:%d", port);
    rd_kafka_mock_broker_set_host_port(mock->cluster, BROKER, "127.0.0.1", port);
    return SL_OK;
}

enum sl_code sl_kafka_mock_start(int port, struct sl_kafka_mock **out, struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_mock *mock = sl_xcalloc(1, sizeof *mock);
    enum sl_code code = start_cluster(mock, err);
    if (code == SL_OK && port > 0) code = fix_port(mock, port, err);
    if (code != SL_OK) {
        sl_kafka_mock_stop(mock);
        return code;
    }
    *out = mock;
    return SL_OK;
}

const char *sl_kafka_mock_servers(const struct sl_kafka_mock *mock) { return mock->servers; }

static enum sl_code outcome(rd_kafka_resp_err_t error, const char *what, const char *topic,
                            struct sl_err *err) {
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return SL_OK;
    return sl_fail(err, error == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS ? SL_CONFLICT : SL_USER,
                   "the embedded broker could not %s `%s`: %s", what, topic,
                   rd_kafka_err2str(error));
}

enum sl_code sl_kafka_mock_create_topic(struct sl_kafka_mock *mock, const char *name,
                                        int partitions, struct sl_err *err) {
    return outcome(rd_kafka_mock_topic_create(mock->cluster, name, partitions, 1),
                   "create the topic", name, err);
}

enum sl_code sl_kafka_mock_delete_records(struct sl_kafka_mock *mock, const char *topic,
                                          int partition, int64_t offset, struct sl_err *err) {
    return outcome(rd_kafka_mock_partition_delete_records(mock->cluster, topic, partition, offset),
                   "delete records of", topic, err);
}

enum sl_code sl_kafka_mock_set_up(struct sl_kafka_mock *mock, bool up, struct sl_err *err) {
    return outcome(up ? rd_kafka_mock_broker_set_up(mock->cluster, BROKER)
                      : rd_kafka_mock_broker_set_down(mock->cluster, BROKER),
                   "change the state of", "broker 1", err);
}

void sl_kafka_mock_answer(struct sl_kafka_mock *mock, int api_key, int error, int times) {
    rd_kafka_resp_err_t answer = (rd_kafka_resp_err_t)error;
    for (int i = 0; i < times; i++)
        rd_kafka_mock_push_request_errors_array(mock->cluster, (int16_t)api_key, 1, &answer);
}

void sl_kafka_mock_stop(struct sl_kafka_mock *mock) {
    if (!mock) return;
    sl_kafka_relay_stop(mock->relay);
    if (mock->cluster) rd_kafka_mock_cluster_destroy(mock->cluster);
    if (mock->handle) rd_kafka_destroy(mock->handle);
    free(mock);
}
