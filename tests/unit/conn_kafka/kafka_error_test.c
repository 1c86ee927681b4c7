#include "kafka_lab.h"

#include <librdkafka/rdkafka.h>

#include "conn/kafka/kafka_client_int.h"

/* Waiting for what waiting does not help is told from what passes, for every code there is. */
void test_what_lasts_is_never_retriable(void **state) {
    (void)state;
    static const rd_kafka_resp_err_t refused[] = {RD_KAFKA_RESP_ERR__AUTHENTICATION,
                                                  RD_KAFKA_RESP_ERR__SSL,
                                                  RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED,
                                                  RD_KAFKA_RESP_ERR_UNSUPPORTED_SASL_MECHANISM,
                                                  RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED,
                                                  RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
                                                  RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED,
                                                  RD_KAFKA_RESP_ERR_DELEGATION_TOKEN_EXPIRED};
    static const rd_kafka_resp_err_t passing[] = {RD_KAFKA_RESP_ERR__TRANSPORT,
                                                  RD_KAFKA_RESP_ERR__TIMED_OUT,
                                                  RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN,
                                                  RD_KAFKA_RESP_ERR__RESOLVE,
                                                  RD_KAFKA_RESP_ERR_BROKER_NOT_AVAILABLE,
                                                  RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION,
                                                  RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT,
                                                  RD_KAFKA_RESP_ERR_NETWORK_EXCEPTION,
                                                  RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
                                                  RD_KAFKA_RESP_ERR_KAFKA_STORAGE_ERROR};
    struct sl_kafka_client client = {.servers = "b:1"};
    struct sl_err err;
    pthread_mutex_init(&client.lock, NULL);
    const struct rd_kafka_err_desc *all;
    size_t count;
    rd_kafka_get_err_descs(&all, &count);
    for (size_t i = 0; i < count; i++) {
        if (!all[i].desc) continue;
        enum sl_code code = sl_kafka_client_fail(&client, &err, all[i].code, 0, "read", "because");
        assert_int_equal(code, err.code);
        if (sl_kafka_error_is_final(all[i].code) || code != SL_UNAVAILABLE)
            assert_false(err.retriable);
    }
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
        sl_kafka_client_fail(&client, &err, refused[i], 0, "read", "because");
        assert_true(sl_kafka_error_is_final(refused[i]));
        assert_false(err.retriable);
        assert_true(err.hint[0]);
    }
    for (size_t i = 0; i < sizeof passing / sizeof *passing; i++) {
        sl_kafka_client_fail(&client, &err, passing[i], 0, "read", "because");
        assert_false(sl_kafka_error_is_final(passing[i]));
        assert_true(err.retriable);
    }
    pthread_mutex_destroy(&client.lock);
}

/* The reason of an outage is told once by librdkafka, and then only that all brokers are down: it
 * stands for as long as that is said. A refused login does not come back that way. */
void test_reason_of_an_outage_lasts(void **state) {
    (void)state;
    struct sl_kafka_client client = {.servers = "b:1"};
    char reason[64] = "";
    pthread_mutex_init(&client.lock, NULL);
    sl_kafka_client_note(&client, RD_KAFKA_RESP_ERR__TRANSPORT, "refused");
    int64_t later_ns = client.error_ns + 1;
    assert_int_equal(sl_kafka_client_last_error(&client, later_ns, NULL, 0), 0);
    while (client.error_ns < later_ns)
        sl_kafka_client_note(&client, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    assert_int_equal(sl_kafka_client_last_error(&client, later_ns, reason, sizeof reason),
                     RD_KAFKA_RESP_ERR__TRANSPORT);
    assert_string_equal(reason, "refused");
    sl_kafka_client_note(&client, RD_KAFKA_RESP_ERR__AUTHENTICATION, "who?");
    int64_t login_ns = client.error_ns;
    sl_kafka_client_note(&client, RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, "1/1 brokers are down");
    assert_int_equal(client.error_ns, login_ns);
    pthread_mutex_destroy(&client.lock);
}
