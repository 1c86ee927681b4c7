/* What the files of the Kafka sink share. */
#ifndef SL_CONN_KAFKA_SINK_INT_H
#define SL_CONN_KAFKA_SINK_INT_H

#include <stdatomic.h>

#include "conn/kafka/kafka_delivery.h"
#include "conn/kafka/kafka_marker.h"
#include "conn/kafka/kafka_sink_options.h"

struct sl_kafka_sink {
    struct sl_sink base;
    const struct sl_conn_env *env;
    const struct sl_type *schema;
    struct sl_kafka_sink_options options;
    struct sl_kafka_columns columns;
    bool holds_letters; /* the rows are dead letters (kafka_letter.h) */
    struct sl_kafka_wait wait;
    struct sl_str description;
    const char *transactional_id; /* NULL: at-least-once; also the name of the marker's group */
    bool marked;                  /* a streaming query: its batches leave markers */
    size_t queue_bytes, budget_bytes;

    size_t record_bytes_max; /* of one record: the client's limit or the topic's */

    struct sl_kafka_client *control;
    struct sl_kafka_delivery *delivery; /* NULL: to be opened by the next begin */
    struct sl_kafka_marker marker;      /* as of the last opening or commit */
    int64_t last_planned, last_committed;

    /* the batch */
    int64_t batch_id;
    uint64_t offsets_hash;
    bool skip; /* it is in the topic already: rows are dropped */
    _Atomic uint64_t rows, bytes;
    pthread_mutex_t lock;   /* of marker_topic */
    _Atomic bool has_topic; /* it is set */
    char marker_topic[256]; /* of the first record */
};

/* Rows to records (kafka_rows.c). @thread worker */
enum sl_code sl_kafka_rows_open(struct sl_sink *sink, uint32_t task, struct sl_sink_writer **out,
                                struct sl_err *err);
enum sl_code sl_kafka_rows_write(struct sl_sink_writer *writer, const struct sl_batch *batch,
                                 struct sl_err *err);
enum sl_code sl_kafka_rows_close(struct sl_sink_writer *writer, struct sl_err *err);
void sl_kafka_rows_abort(struct sl_sink_writer *writer);

#endif
