/* Records that read_committed does not show: a transaction in front of them has not ended.  A
 * producer that died holds back the end of a partition until its transaction times out, and for
 * ever where the brokers lost track of it (KIP-664), so a query that waits says why.
 * Owner: the source's thread. */
#ifndef SL_CONN_KAFKA_HELD_H
#define SL_CONN_KAFKA_HELD_H

#include "conn/kafka/kafka_admin.h"

struct sl_kafka_held {
    struct sl_arena arena;
    struct sl_kafka_offsets stable; /* ends that were held back at the last look */
    int64_t looked_ns;              /* 0: not yet */
    uint64_t offsets;               /* behind ends that did not move between two looks */
    bool told;
};

void sl_kafka_held_init(struct sl_kafka_held *held);
void sl_kafka_held_release(struct sl_kafka_held *held);
/* `stable`: the ends as read_committed has them, just asked for. Asks for the others now and then,
 * and logs what lies between when an end does not move; with `last`, at once: no later look is
 * coming. Brokers that do not answer are for others to tell. */
void sl_kafka_held_look(struct sl_kafka_held *held, struct sl_kafka_client *client,
                        const struct sl_kafka_offsets *stable, bool last, const struct sl_log *log);

#endif
