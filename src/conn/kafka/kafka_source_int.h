/* Shared by kafka_source.c (the vtable, planning), kafka_bounds.c (first and last offsets),
 * kafka_lag.c (metrics), kafka_loss.c (what is gone) and kafka_reader.c (reading). */
#ifndef SL_CONN_KAFKA_SOURCE_INT_H
#define SL_CONN_KAFKA_SOURCE_INT_H

#include <stdatomic.h>

#include "conn/kafka/kafka_admin.h"
#include "conn/kafka/kafka_fetch.h"
#include "conn/kafka/kafka_held.h"
#include "conn/kafka/kafka_plan.h"
#include "conn/kafka/kafka_source.h"
#include "conn/kafka/kafka_topic_ids.h"
#include "conn/kafka/kafka_topics.h"

enum {
    SL_KAFKA_LOOK_AGE_MS = 1000,     /* how stale a stream's list of partitions may be */
    SL_KAFKA_QUEUE_BYTES = 16 << 20, /* of all fetchers: without a budget, and at most */
};

struct sl_kafka_source {
    struct sl_source base;
    const struct sl_conn_env *env;
    struct sl_kafka_options options;
    struct sl_kafka_wait wait;
    const struct sl_type *schema;
    struct sl_str description;
    struct sl_kafka_client *control;
    struct sl_kafka_pool *pool; /* once the partitions are known */
    size_t budget_bytes;        /* taken from the budget */
    struct sl_arena scratch;    /* one call of the vtable */
    struct sl_kafka_watch watch;
    struct sl_kafka_topic_ids *topic_ids;
    struct sl_arena latest_arena;
    struct sl_kafka_offsets latest; /* seen last; for metrics */
    struct sl_kafka_offsets pinned; /* available-now: end of the run, in the query arena */
    bool is_pinned;
    struct sl_kafka_held held;
    int64_t commit_warned_ns;
    atomic_uint_least64_t lost;
};

static inline struct sl_kafka_source *sl_kafka_source_of(const struct sl_source *source) {
    return (struct sl_kafka_source *)source;
}

extern const struct sl_type sl_kafka_headers_type; /* ARRAY<STRUCT<key: STRING, value: BINARY>> */

/* Brings the list of partitions up to date; opens the pool of fetchers the first time. */
SL_MUST_CHECK enum sl_code sl_kafka_look(struct sl_kafka_source *source, int64_t max_age_ms,
                                         struct sl_err *err);
/* Offsets of `end` that `start` lacks: `wanted`, and in `out` with their earliest offset. */
SL_MUST_CHECK enum sl_code
sl_kafka_new_partitions(struct sl_kafka_source *source, const struct sl_kafka_offsets *start,
                        const struct sl_kafka_offsets *end, struct sl_kafka_offsets *wanted,
                        struct sl_kafka_offsets *out, struct sl_err *err);
enum sl_code sl_kafka_initial_offset(struct sl_source *source, struct sl_buf *out,
                                     struct sl_err *err);
enum sl_code sl_kafka_latest_offset(struct sl_source *source, struct sl_str start,
                                    const struct sl_batch_limits *limits, struct sl_buf *out,
                                    bool *has_new, struct sl_err *err);
void sl_kafka_put_lag(struct sl_source *source, struct sl_str end, struct sl_buf *out);

/* One message, or an error, by failOnDataLoss; counts `records`. @thread any */
enum sl_code sl_kafka_report_loss(struct sl_kafka_source *source, const char *subclass,
                                  uint64_t records, struct sl_err *err, const char *fmt, ...)
    SL_PRINTF(5, 6);

/* Do the options name the partition, whether it exists or not? */
bool sl_kafka_is_wanted(const struct sl_kafka_source *source, const struct sl_kafka_offset *item);
/* Is what was read up to `start` there still, and does it end no earlier? */
SL_MUST_CHECK enum sl_code sl_kafka_check_known(struct sl_kafka_source *source,
                                                const struct sl_kafka_offsets *start,
                                                const struct sl_kafka_offsets *end,
                                                struct sl_err *err);
/* Do partitions that are new (`wanted`) begin at 0? fresh: their earliest offsets. */
SL_MUST_CHECK enum sl_code sl_kafka_check_new(struct sl_kafka_source *source,
                                              const struct sl_kafka_offsets *wanted,
                                              const struct sl_kafka_offsets *fresh,
                                              struct sl_err *err);

enum sl_code sl_kafka_reader_open(struct sl_source *source, const struct sl_split *split,
                                  const bool *wanted, struct sl_reader **out, struct sl_err *err);
enum sl_code sl_kafka_reader_next(struct sl_reader *reader, uint32_t rows_max,
                                  struct sl_batch *batch, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_kafka_reader_more(struct sl_reader *reader, const bool *more,
                                                struct sl_batch *batch, struct sl_err *err);
void sl_kafka_reader_close(struct sl_reader *reader);

#endif
