/* Ids of the topics that a query reads, remembered in its checkpoint (.sluice/topics): a topic that
 * was deleted and made anew has another id, and the checkpoint's offsets mean other records there,
 * even when they are in range. Spark does not notice.  Owner: the source's main thread. */
#ifndef SL_CONN_KAFKA_TOPIC_IDS_H
#define SL_CONN_KAFKA_TOPIC_IDS_H

#include "conn/kafka/kafka_admin.h"

struct sl_kafka_topic_ids;
/* checkpoint_dir "": remembered for this process only. Lives in the arena. */
SL_MUST_CHECK enum sl_code sl_kafka_topic_ids_open(struct sl_arena *query,
                                                   struct sl_str checkpoint_dir,
                                                   struct sl_kafka_topic_ids **out,
                                                   struct sl_err *err);
/* Name of the first topic whose id is another than remembered, or "". Topics whose broker tells no
 * id are passed over. */
struct sl_str sl_kafka_topic_ids_changed(const struct sl_kafka_topic_ids *ids,
                                         const struct sl_kafka_topics *topics);
/* Remembers what is new or changed; durable on return. Before offsets of these topics are planned.
 */
SL_MUST_CHECK enum sl_code sl_kafka_topic_ids_keep(struct sl_kafka_topic_ids *ids,
                                                   const struct sl_kafka_topics *topics,
                                                   struct sl_err *err);

#endif
