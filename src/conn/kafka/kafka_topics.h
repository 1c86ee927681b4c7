/* Which partitions a query reads: the topics of subscribe, subscribePattern or assign, looked up at
 * the cluster and looked after (new partitions, deleted and recreated topics).
 * Owner: the source's main thread. */
#ifndef SL_CONN_KAFKA_TOPICS_H
#define SL_CONN_KAFKA_TOPICS_H

#include "conn/kafka/kafka_admin.h"

struct sl_kafka_watch {
    const struct sl_kafka_options *options;
    struct sl_kafka_client *client;
    struct sl_arena arena;              /* of what follows, until the next look */
    struct sl_kafka_topics topics;      /* by name */
    struct sl_kafka_offsets partitions; /* offsets are 0 */
    int64_t looked_ns;
    bool looked;
};
void sl_kafka_watch_init(struct sl_kafka_watch *watch, const struct sl_kafka_options *options,
                         struct sl_kafka_client *client);
void sl_kafka_watch_release(struct sl_kafka_watch *watch);

/* Looks again unless the last look is younger than max_age_ms. The first look fails for a topic
 * that does not exist (nearest name suggested); later a missing topic just has no partitions, and
 * the rules about lost data speak. */
SL_MUST_CHECK enum sl_code sl_kafka_watch_look(struct sl_kafka_watch *watch, int64_t max_age_ms,
                                               struct sl_err *err);

/* Do the query's options name the partition, whether it exists or not? */
bool sl_kafka_watch_wants(const struct sl_kafka_watch *watch, struct sl_str topic,
                          int32_t partition);

/* Java's regular expressions as POSIX has them (\d \w \s, non-capturing groups); the rest of Java's
 * syntax is refused. Compiled pattern matches whole names. For tests. */
SL_MUST_CHECK enum sl_code sl_kafka_pattern_translate(struct sl_str java, struct sl_buf *out,
                                                      struct sl_err *err);

#endif
