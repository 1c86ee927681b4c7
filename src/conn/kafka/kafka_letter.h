/* Dead letters as Kafka records: key and value are the failed record's own bytes, so that it can be
 * looked at and sent again with any tool; everything else that is known of it travels in headers
 * behind the record's own, named sluice.<column>.
 *
 * A sink holds dead letters when its columns are exactly theirs (run/dead_letter.h). */
#ifndef SL_CONN_KAFKA_LETTER_H
#define SL_CONN_KAFKA_LETTER_H

#include <librdkafka/rdkafka.h>

#include "col/batch.h"

bool sl_kafka_is_letter_schema(const struct sl_type *schema);
/* Room that sl_kafka_letter_headers needs in a record. */
size_t sl_kafka_letter_bytes(const struct sl_batch *batch, uint32_t row);
void sl_kafka_letter_headers(const struct sl_batch *batch, uint32_t row, rd_kafka_headers_t *to);

#endif
