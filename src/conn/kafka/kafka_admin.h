/* Questions to the cluster and small changes to it: topics, offsets, groups.
 *
 * All calls are synchronous, end within SL_KAFKA_CONNECT_MS with a named error, and belong to the
 * client's owner thread.  Results live in the arena.
 */
#ifndef SL_CONN_KAFKA_ADMIN_H
#define SL_CONN_KAFKA_ADMIN_H

#include "conn/kafka/kafka_client.h"

struct sl_kafka_topic_id {
    int64_t high, low; /* 0, 0: the broker does not tell */
};
struct sl_kafka_partition_info {
    int32_t id, leader; /* leader -1: none */
    uint32_t replicas, in_sync;
};
struct sl_kafka_topic {
    struct sl_str name; /* NUL behind it */
    struct sl_kafka_topic_id id;
    bool exists, internal;
    struct sl_kafka_partition_info *partitions; /* by id */
    uint32_t partition_count;
};
struct sl_kafka_topics {
    struct sl_kafka_topic *items; /* by name */
    uint32_t count;
};

/* Every topic's name and partitions, internal ones marked; ids are not filled. */
SL_MUST_CHECK enum sl_code sl_kafka_topics_list(struct sl_kafka_client *client,
                                                struct sl_arena *arena, struct sl_kafka_topics *out,
                                                struct sl_err *err);
/* The named topics; those that do not exist have exists = false. */
SL_MUST_CHECK enum sl_code sl_kafka_topics_describe(struct sl_kafka_client *client,
                                                    struct sl_arena *arena,
                                                    const struct sl_str *names, uint32_t count,
                                                    struct sl_kafka_topics *out,
                                                    struct sl_err *err);
/* replication 0: the broker's default. configs: name, value, ..., NULL (may be NULL). SL_CONFLICT
 * when the topic exists. Returns when the broker shows it. */
SL_MUST_CHECK enum sl_code sl_kafka_topic_create(struct sl_kafka_client *client, struct sl_str name,
                                                 int32_t partitions, int32_t replication,
                                                 const char *const *configs, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_kafka_topic_delete(struct sl_kafka_client *client, struct sl_str name,
                                                 struct sl_err *err);

/* A number of a topic's configuration; false when the broker does not tell. */
bool sl_kafka_topic_number(struct sl_kafka_client *client, struct sl_str topic, const char *name,
                           int64_t *out);

/* Offsets by question: item.offset is -1 (latest; the last stable one if read_committed), -2
 * (earliest) or epoch ms (first record at or after; -1 in the answer when there is none). Answers
 * replace it; a partition that does not exist gets SL_KAFKA_GONE. */
#define SL_KAFKA_GONE INT64_MIN
SL_MUST_CHECK enum sl_code sl_kafka_offsets_ask(struct sl_kafka_client *client,
                                                struct sl_kafka_offsets *offsets,
                                                bool read_committed, struct sl_err *err);

/* Sets a group's committed offsets; the group must have no live members. */
SL_MUST_CHECK enum sl_code sl_kafka_group_commit(struct sl_kafka_client *client, const char *group,
                                                 const struct sl_kafka_offsets *offsets,
                                                 struct sl_err *err);

/* A group's committed offset with its text. */
struct sl_kafka_group_offset {
    struct sl_str topic, text; /* text: "" if none */
    int32_t partition;
    int64_t offset;
};
/* All of a group's offsets; a group that nobody knows has none. Those of a transaction that is
 * being ended are waited for. The client must have a group.id (any): without one librdkafka crashes
 * when the coordinator moves. */
SL_MUST_CHECK enum sl_code sl_kafka_group_offsets(struct sl_kafka_client *client,
                                                  struct sl_arena *arena, const char *group,
                                                  struct sl_kafka_group_offset **out,
                                                  uint32_t *count, struct sl_err *err);

#endif
