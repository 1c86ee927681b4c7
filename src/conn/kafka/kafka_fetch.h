/* Fetchers: one per topic partition that is being read, kept running between batches, so that a
 * batch which starts where the last one ended reads what has been fetched meanwhile.
 *
 * A fetcher has its own queue in librdkafka (no group, no rebalancing) and a position: everything
 * below it has been handed out or does not exist (compaction, transaction markers, aborted data).
 * The first reader of a partition uses lane 0; when one partition is split among tasks, each
 * further reader gets a consumer of its own (lane 1, 2, ...), which stops when the reader ends.
 *
 *   acquire --> take, take, ... --> release        @thread worker, one owner at a time
 *
 * Memory: `queue_bytes` is what all prefetched records together may hold. A fetcher cannot do with
 * less than a certain share, so no more of them run at a time than have one (`running_max`): with
 * more partitions than that, the one that was used longest ago makes room for the next.
 */
#ifndef SL_CONN_KAFKA_FETCH_H
#define SL_CONN_KAFKA_FETCH_H

#include "conn/kafka/kafka_client_int.h"
#include "conn/kafka/kafka_plan.h"

struct sl_kafka_pool;
struct sl_kafka_fetcher;

/* How the memory is shared out. */
struct sl_kafka_shares {
    uint32_t running_max;  /* fetchers at a time */
    size_t queue_bytes;    /* of one, before its partition is no longer asked for */
    size_t fetch_bytes;    /* of one partition in a response, compressed */
    size_t response_bytes; /* of all in a response, about; one record batch may be larger */
};
struct sl_kafka_shares sl_kafka_share_out(size_t queue_bytes, size_t response_bytes_max,
                                          uint32_t partitions);

/* partitions: how many will be read at a time, for the share of memory of each. */
struct sl_kafka_pool *sl_kafka_pool_new(const struct sl_kafka_options *options,
                                        const struct sl_log *log, const struct sl_kafka_wait *wait,
                                        size_t queue_bytes, size_t response_bytes_max,
                                        uint32_t partitions);
void sl_kafka_pool_free(struct sl_kafka_pool *pool); /* NULL is fine; all released */

/* Opens the first lane, so that it connects while the batch is still being planned. */
SL_MUST_CHECK enum sl_code sl_kafka_pool_warm(struct sl_kafka_pool *pool, struct sl_err *err);
/* These ranges, at most one of a partition, are about to be read. The partitions of a small batch
 * start together: one that joined later would wait for the request under way, and the broker holds
 * a request for partitions that are read to their end (fetch.wait.max.ms). */
void sl_kafka_pool_expect(struct sl_kafka_pool *pool, const struct sl_kafka_ranges *ranges);
/* A fetcher that stands at `begin`. @thread any */
SL_MUST_CHECK enum sl_code sl_kafka_pool_acquire(struct sl_kafka_pool *pool, struct sl_str topic,
                                                 int32_t partition, int64_t begin,
                                                 struct sl_kafka_fetcher **out, struct sl_err *err);
/* offsets: of what was expected, how many are done with now. @thread any */
void sl_kafka_pool_release(struct sl_kafka_pool *pool, struct sl_kafka_fetcher *fetcher,
                           int64_t offsets);

enum sl_kafka_take {
    SL_KAFKA_TOOK,         /* *count > 0 messages */
    SL_KAFKA_REACHED,      /* position >= end */
    SL_KAFKA_OUT_OF_RANGE, /* the broker does not have `position`; call seek, or give up */
    SL_KAFKA_NO_PARTITION, /* topic or partition is gone */
    SL_KAFKA_FAILED,       /* err is set */
};
/* Up to `max` messages below `end`, in order; the caller destroys them. Waits until there is one,
 * the end is reached, the poll timeout passes, or the program ends. */
enum sl_kafka_take sl_kafka_fetcher_take(struct sl_kafka_fetcher *fetcher, int64_t end,
                                         uint32_t max, rd_kafka_message_t **messages,
                                         uint32_t *count, struct sl_err *err);
int64_t sl_kafka_fetcher_position(const struct sl_kafka_fetcher *fetcher);
/* Starts anew at `offset`, dropping what was fetched. */
SL_MUST_CHECK enum sl_code sl_kafka_fetcher_seek(struct sl_kafka_fetcher *fetcher, int64_t offset,
                                                 struct sl_err *err);

/* Starts fetchers for all of `offsets` and returns when a record at or beyond them has arrived that
 * no earlier call told of, or after timeout_ms. With more partitions than can run, after a moment.
 */
void sl_kafka_pool_wait(struct sl_kafka_pool *pool, const struct sl_kafka_offsets *offsets,
                        int64_t timeout_ms);
/* The caller is about to look at the end offsets: arrivals until now are known. */
void sl_kafka_pool_seen(struct sl_kafka_pool *pool);

#endif
