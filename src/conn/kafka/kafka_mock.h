/* An embedded Kafka broker for demos, `sluice dev` and tests: librdkafka's mock cluster in this
 * process.  It keeps at most 5 MB or 100,000 records per partition, and forgets older ones; it
 * knows no transactions' visibility and no consumer rights. Nothing is stored on disk. Owner: one
 * thread. */
#ifndef SL_CONN_KAFKA_MOCK_H
#define SL_CONN_KAFKA_MOCK_H

#include "base/err.h"

struct sl_kafka_mock;

/* On 127.0.0.1. port 0: any free one. */
SL_MUST_CHECK enum sl_code sl_kafka_mock_start(int port, struct sl_kafka_mock **out,
                                               struct sl_err *err);
/* "127.0.0.1:9092" */
const char *sl_kafka_mock_servers(const struct sl_kafka_mock *mock);
/* The mock has no CreateTopics request, so `topic create` does not work on it from outside. */
SL_MUST_CHECK enum sl_code sl_kafka_mock_create_topic(struct sl_kafka_mock *mock, const char *name,
                                                      int partitions, struct sl_err *err);
/* Makes records below `offset` disappear, as retention does. */
SL_MUST_CHECK enum sl_code sl_kafka_mock_delete_records(struct sl_kafka_mock *mock,
                                                        const char *topic, int partition,
                                                        int64_t offset, struct sl_err *err);
/* The broker stops answering, or answers again. */
SL_MUST_CHECK enum sl_code sl_kafka_mock_set_up(struct sl_kafka_mock *mock, bool up,
                                                struct sl_err *err);
/* The next `times` requests of that kind are answered with the error: numbers of Kafka's protocol
 * (2 is ListOffsets; 29 TOPIC_AUTHORIZATION_FAILED). */
void sl_kafka_mock_answer(struct sl_kafka_mock *mock, int api_key, int error, int times);
/* NULL is fine. */
void sl_kafka_mock_stop(struct sl_kafka_mock *mock);

#endif
