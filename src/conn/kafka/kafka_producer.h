/* Producing in bulk: for `sluice gen`, `sluice topic produce` and tests.  Acknowledged by all
 * replicas, in order, without duplicates (idempotent); every record's delivery is counted, so
 * `delivered + failed == sent` after a flush.
 *
 * Owner: one thread. */
#ifndef SL_CONN_KAFKA_PRODUCER_H
#define SL_CONN_KAFKA_PRODUCER_H

#include "conn/kafka/kafka_client.h"

struct sl_kafka_producer;

struct sl_kafka_produced {
    uint64_t sent, delivered, failed, bytes;
};

/* compression: "lz4" (default when NULL), "zstd", "snappy", "gzip", "none". Waits for a broker. */
SL_MUST_CHECK enum sl_code sl_kafka_producer_open(const struct sl_kafka_properties *properties,
                                                  struct sl_str topic, const char *compression,
                                                  const struct sl_log *log,
                                                  const struct sl_kafka_wait *wait,
                                                  struct sl_kafka_producer **out,
                                                  struct sl_err *err);
/* Copies key and value; ptr NULL is Kafka's null. partition -1: by key's hash, or any. Waits while
 * the queue is full. timestamp_ms 0 = now. */
SL_MUST_CHECK enum sl_code sl_kafka_producer_send(struct sl_kafka_producer *producer,
                                                  int32_t partition, struct sl_str key,
                                                  struct sl_str value, int64_t timestamp_ms,
                                                  struct sl_err *err);
/* The same with headers: name, value, name, value, ... */
SL_MUST_CHECK enum sl_code sl_kafka_producer_send_headers(
    struct sl_kafka_producer *producer, int32_t partition, struct sl_str key, struct sl_str value,
    int64_t timestamp_ms, const struct sl_str *headers, uint32_t header_count, struct sl_err *err);
/* Number of partitions of the topic; for callers that choose partitions themselves. */
SL_MUST_CHECK enum sl_code sl_kafka_producer_partitions(struct sl_kafka_producer *producer,
                                                        int32_t *out, struct sl_err *err);
/* Serves delivery reports without waiting; call now and then while pausing between records. */
void sl_kafka_producer_poll(struct sl_kafka_producer *producer);
/* Waits until every record is delivered or has failed; SL_IO or SL_UNAVAILABLE if one failed. */
SL_MUST_CHECK enum sl_code sl_kafka_producer_flush(struct sl_kafka_producer *producer,
                                                   int64_t timeout_ms, struct sl_err *err);
struct sl_kafka_produced sl_kafka_producer_counts(const struct sl_kafka_producer *producer);
/* Drops what is not delivered; NULL is fine. */
void sl_kafka_producer_close(struct sl_kafka_producer *producer);

#endif
