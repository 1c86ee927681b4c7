/* Offsets of topic partitions, and Spark's JSON text of them: {"orders":{"0":30,"1":12}}.
 *
 * The offset is the next one to read (last consumed + 1).  Spark compares offset texts as strings,
 * so they are written in exactly the order in which Spark 4 writes them: topics and partitions by
 * the buckets of Scala 2.13's mutable.HashMap, filled in (topic, partition) order
 * (JsonUtils.scala).  Any order is read.
 *
 * Lists are sorted by (topic, partition), without duplicates, in an arena.
 */
#ifndef SL_CONN_KAFKA_OFFSETS_H
#define SL_CONN_KAFKA_OFFSETS_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum { SL_KAFKA_LATEST = -1, SL_KAFKA_EARLIEST = -2 };

struct sl_kafka_offset {
    struct sl_str topic; /* NUL behind it */
    int32_t partition;
    int64_t offset;
};
struct sl_kafka_offsets {
    struct sl_kafka_offset *items;
    uint32_t count;
};

/* Text to list. `what` names the text in messages ("startingOffsets", "the checkpoint"). */
SL_MUST_CHECK enum sl_code sl_kafka_offsets_parse(struct sl_arena *arena, struct sl_str text,
                                                  const char *what, struct sl_kafka_offsets *out,
                                                  struct sl_err *err);
/* {"orders":[0,1]}, as the option `assign` has it; offsets are 0. */
SL_MUST_CHECK enum sl_code sl_kafka_assign_parse(struct sl_arena *arena, struct sl_str text,
                                                 struct sl_kafka_offsets *out, struct sl_err *err);
void sl_kafka_offsets_put(struct sl_buf *out, const struct sl_kafka_offsets *offsets);

/* Sorts and drops later duplicates. */
void sl_kafka_offsets_sort(struct sl_kafka_offsets *offsets);
/* Entry of a partition, or NULL. */
struct sl_kafka_offset *sl_kafka_offsets_find(const struct sl_kafka_offsets *offsets,
                                              struct sl_str topic, int32_t partition);
bool sl_kafka_offsets_equal(const struct sl_kafka_offsets *a, const struct sl_kafka_offsets *b);
/* Copy with its own items; topic texts are shared. */
struct sl_kafka_offsets sl_kafka_offsets_copy(struct sl_arena *arena,
                                              const struct sl_kafka_offsets *offsets);
/* The partitions of both lists; one that is in both may have the offset of either. Topic texts are
 * shared. */
struct sl_kafka_offsets sl_kafka_offsets_merge(struct sl_arena *arena,
                                               const struct sl_kafka_offsets *a,
                                               const struct sl_kafka_offsets *b);
/* "orders-0, orders-3 and 7 more": the partitions of `offsets`, for messages. */
void sl_kafka_offsets_name(char *buf, size_t cap, const struct sl_kafka_offsets *offsets);

#endif
