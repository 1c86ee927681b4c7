/* Planning of batches: pure arithmetic on offset lists, as Spark does it.
 * Sources: KafkaMicroBatchStream.rateLimit and delayBatch, KafkaOffsetRangeCalculator. */
#ifndef SL_CONN_KAFKA_PLAN_H
#define SL_CONN_KAFKA_PLAN_H

#include "conn/kafka/kafka_offsets.h"

/* A piece of a partition: offsets begin .. end - 1. */
struct sl_kafka_range {
    struct sl_str topic;
    int32_t partition;
    int64_t begin, end;
};
struct sl_kafka_ranges {
    struct sl_kafka_range *items;
    uint32_t count;
};
/* What one task reads, one range after the other. */
struct sl_kafka_split {
    struct sl_kafka_ranges ranges;
    int64_t offsets; /* in all */
};

/* End of a batch of about `limit` offsets: each partition gets a share by its backlog, at least one
 * record. `start` holds every partition of `latest` that is to be limited (new ones with their
 * earliest offset); the others go to their latest. */
struct sl_kafka_offsets sl_kafka_plan_limit(struct sl_arena *arena, int64_t limit,
                                            const struct sl_kafka_offsets *start,
                                            const struct sl_kafka_offsets *latest);
/* Is the batch to wait? True when fewer than min_offsets are there and max_delay_ms has not passed
 * since last_trigger_ms. */
bool sl_kafka_plan_delay(int64_t min_offsets, int64_t max_delay_ms, int64_t now_ms,
                         int64_t last_trigger_ms, const struct sl_kafka_offsets *start,
                         const struct sl_kafka_offsets *latest);
/* Ranges with content, from `start` to `end`; partitions that are missing in start are left out. */
struct sl_kafka_ranges sl_kafka_plan_ranges(struct sl_arena *arena,
                                            const struct sl_kafka_offsets *start,
                                            const struct sl_kafka_offsets *end);
/* Cuts large ranges until none is larger than max_records (0 = any) and about min_partitions pieces
 * exist (0 = any). */
struct sl_kafka_ranges sl_kafka_plan_cut(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                         int64_t min_partitions, int64_t max_records);
/* Deals ranges to at most `tasks` splits of about equal size; largest first to the emptiest. */
struct sl_kafka_split *sl_kafka_plan_deal(struct sl_arena *arena, struct sl_kafka_ranges ranges,
                                          uint32_t tasks, uint32_t *count);

#endif
