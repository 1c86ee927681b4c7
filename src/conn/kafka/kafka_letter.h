/* Dead letters as Kafka records: key and value are the failed record's own bytes, so that it can be
 * looked at and sent again with any tool; everything else that is known of it travels in headers
 * behind the record's own, named sluice.<column> (kafka_letter.def).
 *
 * A sink holds dead letters when its columns are exactly theirs (run/dead_letter.h). */
#ifndef SL_CONN_KAFKA_LETTER_H
#define SL_CONN_KAFKA_LETTER_H

#include <librdkafka/rdkafka.h>

#include "col/batch.h"

enum sl_kafka_letter_column {
#define LETTER(ID, name, type, place) SL_KAFKA_LETTER_##ID,
#include "conn/kafka/kafka_letter.def"
    SL_KAFKA_LETTER_COLUMNS
};
const struct sl_type *sl_kafka_letter_schema(void);
bool sl_kafka_is_letter_schema(const struct sl_type *schema);

/* ---- writing ---- */

/* Room that sl_kafka_letter_headers needs in a record. */
size_t sl_kafka_letter_bytes(const struct sl_batch *batch, uint32_t row);
void sl_kafka_letter_headers(const struct sl_batch *batch, uint32_t row, rd_kafka_headers_t *to);

/* ---- reading ---- */

struct sl_kafka_header {
    struct sl_str key, value; /* value.ptr NULL is null */
};
/* What the headers of a letter say. */
struct sl_kafka_letter {
    uint32_t own_headers;                         /* those in front are the failed record's */
    struct sl_str texts[SL_KAFKA_LETTER_COLUMNS]; /* borrowed, any bytes; ptr NULL is null */
    int64_t numbers[SL_KAFKA_LETTER_COLUMNS];     /* of columns that are no text; us for times */
};
enum { SL_KAFKA_LETTER_WHY = 160 };
/* False: no dead letter, or a damaged one; `why` says what is wrong. */
bool sl_kafka_letter_decode(const struct sl_kafka_header *headers, uint32_t count,
                            struct sl_kafka_letter *out, char why[SL_KAFKA_LETTER_WHY]);

#endif
