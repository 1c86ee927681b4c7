/* The Kafka source: `STREAM read_kafka(..)`, `read_kafka(..)`, `USING kafka`.  Spark's eight
 * columns, offsets, limits and rules about lost data (KafkaMicroBatchStream.scala,
 * KafkaOffsetReader.scala).
 *
 * Control questions (partitions, end offsets) go through a client of their own, since a question
 * behind a waiting fetch on the same connection would wait with it.  Records come through the
 * fetchers of kafka_fetch.h. */
#ifndef SL_CONN_KAFKA_SOURCE_H
#define SL_CONN_KAFKA_SOURCE_H

#include "conn/conn.h"

extern const struct sl_connector sl_kafka_connector;

/* Records that were skipped because they are gone (failOnDataLoss = false), since open. @thread any
 */
uint64_t sl_kafka_source_lost(const struct sl_source *source);
/* The end offsets seen last, as JSON (progress: latestOffset); nothing is appended if none. */
void sl_kafka_source_latest(const struct sl_source *source, struct sl_buf *out);

#endif
