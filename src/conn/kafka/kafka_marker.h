/* The marker of the last batch that the Kafka sink has committed: an offset of a consumer group of
 * the sink's own, set in the batch's transaction, so that it is there exactly if the batch is.
 *
 *   group       sluice-<query id>-<sink>
 *   partition   0 of the topic of the batch's first record
 *   offset      the batch's number
 *   text        "sluice1 <batch> <hash of offsets/N, 16 hexadecimal digits>"
 *
 * Why a group's offset: it needs no topic of ours, and no right to make one. Its trap: brokers
 * forget the offsets of a group that is not used (offsets.retention.minutes, 7 days), so no marker
 * does not mean no batch (kafka_sink.c: sl_kafka_sink's is_committed).
 */
#ifndef SL_CONN_KAFKA_MARKER_H
#define SL_CONN_KAFKA_MARKER_H

#include "conn/kafka/kafka_admin.h"

struct sl_kafka_marker {
    bool found;
    int64_t batch_id;
    uint64_t offsets_hash;
};
enum { SL_KAFKA_MARKER_TEXT = 64 };
void sl_kafka_marker_put(char to[SL_KAFKA_MARKER_TEXT], int64_t batch_id, uint64_t offsets_hash);
/* False for texts of others. */
bool sl_kafka_marker_parse(struct sl_str text, struct sl_kafka_marker *out);
/* The newest of the group. No transaction of the sink's may be open: after init_transactions. */
SL_MUST_CHECK enum sl_code sl_kafka_marker_read(struct sl_kafka_client *client, const char *group,
                                                struct sl_kafka_marker *out, struct sl_err *err);

#endif
