/* A connection to a Kafka cluster: one librdkafka handle, its last errors, and the deadline within
 * which failures get a name.
 *
 * librdkafka retries for ever and reports through callbacks; here every call that talks to a broker
 * ends within `SL_KAFKA_CONNECT_MS` with the reason librdkafka last gave (unreachable, unknown
 * host, refused login, TLS), and at once when the reason cannot heal.
 *
 * Owner: one thread for open, connect, close; the error record is thread-safe.
 */
#ifndef SL_CONN_KAFKA_CLIENT_H
#define SL_CONN_KAFKA_CLIENT_H

#include "conn/kafka/kafka_options.h"

enum { SL_KAFKA_CONNECT_MS = 10000 };

struct sl_kafka_client;

enum sl_kafka_client_kind {
    SL_KAFKA_CONTROL,  /* metadata, offsets, admin; reads nothing */
    SL_KAFKA_CONSUMER, /* a lane of readers */
    SL_KAFKA_PRODUCER,
};

/* Where long waits ask whether the program wants to end; stopping may be NULL. */
struct sl_kafka_wait {
    bool (*stopping)(void *ctx);
    void *ctx;
};

/* "librdkafka 2.8.0", a line for `sluice version`. */
void sl_kafka_put_version(struct sl_buf *out);

/* No network yet. `properties` are those of sl_kafka_options; `defaults` give way to them, `forced`
 * win over them (name, value, name, value, ..., NULL; either may be NULL). log may be NULL. */
SL_MUST_CHECK enum sl_code sl_kafka_client_open(enum sl_kafka_client_kind kind,
                                                const struct sl_kafka_properties *properties,
                                                const char *const *defaults,
                                                const char *const *forced, const struct sl_log *log,
                                                const struct sl_kafka_wait *wait,
                                                struct sl_kafka_client **out, struct sl_err *err);
/* Waits until a broker has answered; the error says why none did. */
SL_MUST_CHECK enum sl_code sl_kafka_client_connect(struct sl_kafka_client *client,
                                                   struct sl_err *err);
/* NULL is fine. */
void sl_kafka_client_close(struct sl_kafka_client *client);

#endif
