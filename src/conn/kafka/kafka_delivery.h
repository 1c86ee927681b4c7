/* A producer that several tasks share, with or without transactions: what the Kafka sink delivers
 * with.
 *
 *   open --> begin --> send .. (tasks) --> flush --> mark --> commit
 *                                   \--> abort --> begin ..
 *
 * Every record's delivery is counted; flush ends when all are acknowledged. After an error other
 * than of abort, and after an abort that failed, the only thing to do is close: opening again
 * fences what may still be under way (init_transactions), and the marker tells what became of it.
 *
 * Threads: topic and send by any task; everything else by one thread, when no task sends.
 */
#ifndef SL_CONN_KAFKA_DELIVERY_H
#define SL_CONN_KAFKA_DELIVERY_H

#include "col/batch.h"
#include "conn/kafka/kafka_client_int.h"

struct sl_kafka_delivery;

struct sl_kafka_delivery_config {
    const struct sl_kafka_properties *properties;
    const char *transactional_id; /* NULL: no transactions */
    size_t queue_bytes;           /* of records that wait for their acknowledgement */
    int64_t transaction_timeout_ms;
    size_t batch_bytes; /* what the topic takes at once; librdkafka splits no batch */
    const struct sl_log *log;
    const struct sl_kafka_wait *wait;
};
/* Connects; ends what an earlier process of the same transactional id left open, and locks that
 * process out. */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_open(const struct sl_kafka_delivery_config *config,
                                                  struct sl_kafka_delivery **out,
                                                  struct sl_err *err);
/* Waits until the topic is known; brokers that may make topics make it. SL_USER if there is none.
 */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_find_topic(struct sl_kafka_delivery *delivery,
                                                        struct sl_str name, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_kafka_delivery_begin(struct sl_kafka_delivery *delivery,
                                                   struct sl_err *err);

/* Valid until close. @thread any */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_topic(struct sl_kafka_delivery *delivery,
                                                   struct sl_str name, rd_kafka_topic_t **out,
                                                   struct sl_err *err);
/* Where records are made from, so that one which fails later can be named: a number for the batch's
 * origin, good until the next begin, and what a record carries as its `_private` or `place`; NULL:
 * not known. @thread any */
uint32_t sl_kafka_delivery_source(struct sl_kafka_delivery *delivery,
                                  const struct sl_origin *origin);
void *sl_kafka_delivery_place(uint32_t source, const struct sl_batch *batch, uint32_t row);

/* Partitions by key, as Java's default partitioner. Keys and values are copied. Waits while the
 * queue is full. @thread any */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_send(struct sl_kafka_delivery *delivery,
                                                  rd_kafka_topic_t *topic,
                                                  rd_kafka_message_t *messages, uint32_t count,
                                                  struct sl_err *err);
/* One record; partition -1: by key. headers are taken over (NULL: none). @thread any */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_send_one(struct sl_kafka_delivery *delivery,
                                                      rd_kafka_topic_t *topic, int32_t partition,
                                                      struct sl_str key, struct sl_str value,
                                                      rd_kafka_headers_t *headers, void *place,
                                                      struct sl_err *err);

/* All records acknowledged, none failed. */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_flush(struct sl_kafka_delivery *delivery,
                                                   struct sl_err *err);
/* In the transaction: group's offset of partition 0 of the topic, with a text. */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_mark(struct sl_kafka_delivery *delivery,
                                                  const char *group, const char *topic,
                                                  int64_t offset, const char *text,
                                                  struct sl_err *err);
/* The outcome of a failure is open unless err->code is SL_CONFLICT (locked out: not committed by
 * us). */
SL_MUST_CHECK enum sl_code sl_kafka_delivery_commit(struct sl_kafka_delivery *delivery,
                                                    struct sl_err *err);
/* False: close it. */
bool sl_kafka_delivery_abort(struct sl_kafka_delivery *delivery);
/* Were connections lost since begin? Then a request may still be under way, and the next
 * transaction had better be of another epoch. */
bool sl_kafka_delivery_was_disturbed(struct sl_kafka_delivery *delivery);
int64_t sl_kafka_delivery_begun_ns(const struct sl_kafka_delivery *delivery);
/* NULL is fine. */
void sl_kafka_delivery_close(struct sl_kafka_delivery *delivery);

#endif
