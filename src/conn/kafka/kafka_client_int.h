/* What the files of conn/kafka share about a client; librdkafka's types stay in here. */
#ifndef SL_CONN_KAFKA_CLIENT_INT_H
#define SL_CONN_KAFKA_CLIENT_INT_H

#include <librdkafka/rdkafka.h>
#include <pthread.h>

#include "conn/kafka/kafka_client.h"

struct sl_kafka_client {
    rd_kafka_t *handle;
    const struct sl_log *log; /* may be NULL */
    struct sl_kafka_wait wait;
    char servers[256];         /* for messages */
    pthread_mutex_t lock;      /* of what follows */
    rd_kafka_resp_err_t error; /* last that says something; NO_ERROR if none */
    int64_t error_ns;
    char reason[384];
};

/* Puts an error on record, as librdkafka's error callback does. @thread any */
void sl_kafka_client_note(struct sl_kafka_client *client, rd_kafka_resp_err_t error,
                          const char *reason);
/* Serves callbacks without waiting. @thread any */
void sl_kafka_client_poll(struct sl_kafka_client *client);
/* The last error at or after since_ns, or NO_ERROR; reason may be NULL. @thread any */
rd_kafka_resp_err_t sl_kafka_client_last_error(struct sl_kafka_client *client, int64_t since_ns,
                                               char *reason, size_t cap);
bool sl_kafka_client_stopping(const struct sl_kafka_client *client);
/* "could not <what>: ..." with code, retriable and hint by the kind of error. `why` is the fallback
 * when nothing better is on record since since_ns. */
enum sl_code sl_kafka_client_fail(struct sl_kafka_client *client, struct sl_err *err,
                                  rd_kafka_resp_err_t error, int64_t since_ns, const char *what,
                                  const char *why);
/* Will waiting not help? As kafka_error.def says. */
bool sl_kafka_error_is_final(rd_kafka_resp_err_t error);
/* Data-loss errors carry Spark's condition: "KAFKA_DATA_LOSS.PARTITIONS_DELETED". */
enum sl_code sl_kafka_fail_loss(struct sl_err *err, const char *subclass, const char *fmt, ...)
    SL_PRINTF(3, 4);

#endif
