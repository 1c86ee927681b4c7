/* Passes TCP connections from one port of 127.0.0.1 to another; a thread of its own. */
#ifndef SL_CONN_KAFKA_RELAY_H
#define SL_CONN_KAFKA_RELAY_H

#include "base/err.h"

struct sl_kafka_relay;
SL_MUST_CHECK enum sl_code sl_kafka_relay_start(int from_port, int to_port,
                                                struct sl_kafka_relay **out, struct sl_err *err);
void sl_kafka_relay_stop(struct sl_kafka_relay *relay); /* NULL is fine */

#endif
