/* Kafka topics as a sink: exactly once by transactions, or at least once.  How: README.md, "The
 * sink". */
#ifndef SL_CONN_KAFKA_SINK_H
#define SL_CONN_KAFKA_SINK_H

#include "conn/conn.h"

/* The connector's open_sink and check. */
SL_MUST_CHECK enum sl_code sl_kafka_sink_open(const struct sl_conn_env *env,
                                              const struct sl_sink_config *config,
                                              struct sl_sink **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_kafka_sink_check(const struct sl_conn_env *env,
                                               const struct sl_options *options,
                                               struct sl_err *err);

#endif
