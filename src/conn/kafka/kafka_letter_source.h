/* `read_kafka_letters(..)`: the dead letters of a topic as rows, read back from what a Kafka sink
 * made of them (kafka_letter.h).  Its options are those of that sink.  Bounded: from the earliest
 * record to the latest committed one.
 *
 * Records that are no letters are left out; close says how many, and why the first. */
#ifndef SL_CONN_KAFKA_LETTER_SOURCE_H
#define SL_CONN_KAFKA_LETTER_SOURCE_H

#include "conn/conn.h"

extern const struct sl_connector sl_kafka_letters_connector;

/* Records that were left out, since open. @thread any */
uint64_t sl_kafka_letters_foreign(const struct sl_source *source);

#endif
