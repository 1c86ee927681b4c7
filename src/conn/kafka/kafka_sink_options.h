/* Options of the Kafka sink and the columns that it writes, checked and resolved without I/O.
 * Source: Spark's KafkaWriter.scala (columns and their errors), KafkaSourceProvider.scala. */
#ifndef SL_CONN_KAFKA_SINK_OPTIONS_H
#define SL_CONN_KAFKA_SINK_OPTIONS_H

#include "conn/kafka/kafka_options.h"

struct sl_kafka_sink_options {
    struct sl_str topic; /* of all rows, NUL behind it; "" = the column `topic` says */
    bool exactly_once;
    size_t record_bytes_max; /* kafka.max.request.size: of one record with its overhead */
    size_t queue_bytes;      /* kafka.buffer.memory; 0 = a share of the memory limit */
    int64_t transaction_timeout_ms;
    struct sl_kafka_properties properties;
};

/* Everything lives in the arena. log (may be NULL) gets notes about options without effect. */
SL_MUST_CHECK enum sl_code sl_kafka_sink_options_resolve(struct sl_arena *arena,
                                                         const struct sl_options *options,
                                                         const struct sl_log *log,
                                                         struct sl_kafka_sink_options *out,
                                                         struct sl_err *err);

/* Indexes into the schema; -1: not there. Names count exactly, as in Spark; other columns are not
 * written. */
struct sl_kafka_columns {
    int key, value, topic, partition, headers;
};
/* topic: the option; "" makes the column necessary. */
SL_MUST_CHECK enum sl_code sl_kafka_columns_find(const struct sl_type *schema, struct sl_str topic,
                                                 struct sl_kafka_columns *out, struct sl_err *err);

#endif
