#include "conn/kafka/kafka_fetch.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/clock.h"

enum {
    LANES_MAX = 64,
    POLL_SLICE_MS = 5,   /* how often a waiting reader looks at position, errors and stop */
    CATCHING_UP = 50000, /* offsets still to read: then throughput goes before latency */
    CROWDED_WAIT_MS =
        50, /* between looks at the end offsets, when not all partitions can be fetched */
    SHARE_BYTES_MIN = 64 << 10, /* of a running fetcher */
    FETCH_BYTES_MIN = 16 << 10,
    FETCH_BYTES_MAX = 1 << 20,
    STOP_WAIT_MS = 2000, /* asked to stop, a batch is finished as long as records come */
};

struct sl_kafka_fetcher {
    struct sl_kafka_pool *pool;
    struct sl_kafka_client *lane;
    uint32_t lane_index;
    struct sl_str topic_name; /* owned, NUL behind it */
    int32_t partition;
    rd_kafka_topic_t *topic;
    rd_kafka_queue_t *queue;
    bool running,
        busy;         /* busy: under the pool's lock; running: its owner's, the pool's when idle */
    uint64_t used;    /* when it was taken last: the pool's count of takings */
    int64_t position; /* no record between `handed` and here */
    int64_t handed;   /* behind the last message handed out, or where reading started */
    /* Fetched beyond the end of a range, or behind an error; handed out first. */
    rd_kafka_message_t **held;
    uint32_t held_begin, held_count, held_cap;
    /* An error met behind good messages: told by the next call. */
    enum sl_kafka_take pending;
    struct sl_err pending_err;
};

struct sl_kafka_pool {
    const struct sl_kafka_options *options;
    const struct sl_log *log;
    struct sl_kafka_wait wait;
    char settings_text[5][24];
    const char *settings[24];
    pthread_mutex_t lock; /* lanes, fetchers and their `busy` */
    struct sl_kafka_client *lanes[LANES_MAX];
    struct sl_kafka_fetcher **fetchers;
    uint32_t fetcher_count, fetcher_cap;
    uint32_t running_max;
    uint64_t takings;
    /* A leaf lock: librdkafka calls on_arrival with its queue locked. */
    pthread_mutex_t arrival_lock;
    pthread_cond_t arrived;
    uint64_t arrivals, seen;
    atomic_int_least64_t unread; /* of the batch being read */
};

/* ---- pool ---- */

static const char *const lane_forced[] = {
    "enable.auto.commit",
    "false",
    "enable.auto.offset.store",
    "false",
    "enable.partition.eof",
    "true",
    "auto.offset.reset",
    "error",
    NULL,
};

/* Sizes: a message in a queue costs its bytes and about 300 for librdkafka's operation; a queue may
 * overshoot by one response, which is a fetch size times the compression ratio. */
struct sl_kafka_shares sl_kafka_share_out(size_t queue_bytes, size_t response_bytes_max,
                                          uint32_t partitions) {
    size_t most = queue_bytes / SHARE_BYTES_MIN, count = partitions ? partitions : 1;
    if (most < 1) most = 1;
    size_t share = queue_bytes / (count < most ? count : most);
    size_t fetch = share / 8;
    if (fetch < FETCH_BYTES_MIN) fetch = FETCH_BYTES_MIN;
    if (fetch > FETCH_BYTES_MAX) fetch = FETCH_BYTES_MAX;
    return (struct sl_kafka_shares){.running_max = (uint32_t)most,
                                    .queue_bytes = share / 2,
                                    .fetch_bytes = fetch,
                                    .response_bytes = response_bytes_max / 2};
}

static void size_queues(struct sl_kafka_pool *pool, size_t queue_bytes, size_t response_bytes_max,
                        uint32_t partitions) {
    struct sl_kafka_shares shares = sl_kafka_share_out(queue_bytes, response_bytes_max, partitions);
    pool->running_max = shares.running_max;
    size_t values[5] = {shares.queue_bytes / 1024, shares.queue_bytes / 256, shares.fetch_bytes,
                        shares.response_bytes, response_bytes_max};
    static const char *const names[5] = {"queued.max.messages.kbytes", "queued.min.messages",
                                         "fetch.message.max.bytes", "fetch.max.bytes",
                                         "receive.message.max.bytes"};
    uint32_t n = 0;
    for (int i = 0; i < 5; i++) {
        snprintf(pool->settings_text[i], sizeof pool->settings_text[i], "%zu", values[i]);
        pool->settings[n++] = names[i];
        pool->settings[n++] = pool->settings_text[i];
    }
    static const char *const rest[] = {
        "check.crcs", "true", "fetch.queue.backoff.ms", "2", "fetch.wait.max.ms", "100",
        "topic.metadata.refresh.fast.interval.ms", "10",
        /* Java's default, and so Spark's; librdkafka's is the other */
        "isolation.level", "read_uncommitted", NULL};
    for (int i = 0; i < 11; i++) pool->settings[n++] = rest[i];
}

struct sl_kafka_pool *sl_kafka_pool_new(const struct sl_kafka_options *options,
                                        const struct sl_log *log, const struct sl_kafka_wait *wait,
                                        size_t queue_bytes, size_t response_bytes_max,
                                        uint32_t partitions) {
    struct sl_kafka_pool *pool = sl_xcalloc(1, sizeof *pool);
    pool->options = options;
    pool->log = log;
    if (wait) pool->wait = *wait;
    size_queues(pool, queue_bytes, response_bytes_max, partitions);
    pthread_mutex_init(&pool->lock, NULL);
    pthread_mutex_init(&pool->arrival_lock, NULL);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&pool->arrived, &monotonic);
    pthread_condattr_destroy(&monotonic);
    return pool;
}

static void fetcher_stop(struct sl_kafka_fetcher *fetcher);

void sl_kafka_pool_free(struct sl_kafka_pool *pool) {
    if (!pool) return;
    for (uint32_t i = 0; i < pool->fetcher_count; i++) {
        struct sl_kafka_fetcher *fetcher = pool->fetchers[i];
        fetcher_stop(fetcher);
        if (fetcher->topic) rd_kafka_topic_destroy(fetcher->topic);
        free(fetcher->held);
        free((char *)fetcher->topic_name.ptr);
        free(fetcher);
    }
    free(pool->fetchers);
    for (uint32_t i = 0; i < LANES_MAX; i++) sl_kafka_client_close(pool->lanes[i]);
    pthread_cond_destroy(&pool->arrived);
    pthread_mutex_destroy(&pool->arrival_lock);
    pthread_mutex_destroy(&pool->lock);
    free(pool);
}

static void on_arrival(rd_kafka_t *handle, void *opaque) {
    (void)handle;
    struct sl_kafka_pool *pool = opaque;
    pthread_mutex_lock(&pool->arrival_lock);
    pool->arrivals++;
    pthread_cond_broadcast(&pool->arrived);
    pthread_mutex_unlock(&pool->arrival_lock);
}

/* ---- one fetcher ---- */

static void drop_held(struct sl_kafka_fetcher *fetcher) {
    for (uint32_t i = 0; i < fetcher->held_count; i++)
        rd_kafka_message_destroy(fetcher->held[fetcher->held_begin + i]);
    fetcher->held_begin = fetcher->held_count = 0;
}

static void hold(struct sl_kafka_fetcher *fetcher, rd_kafka_message_t *message) {
    if (fetcher->held_begin && !fetcher->held_count) fetcher->held_begin = 0;
    uint32_t used = fetcher->held_begin + fetcher->held_count;
    if (used == fetcher->held_cap) {
        fetcher->held_cap = fetcher->held_cap ? fetcher->held_cap * 2 : 64;
        fetcher->held =
            sl_xrealloc(fetcher->held, (size_t)fetcher->held_cap * sizeof *fetcher->held);
    }
    fetcher->held[used] = message;
    fetcher->held_count++;
}

static void fetcher_stop(struct sl_kafka_fetcher *fetcher) {
    drop_held(fetcher);
    if (fetcher->running) rd_kafka_consume_stop(fetcher->topic, fetcher->partition);
    fetcher->running = false;
    if (fetcher->queue) {
        rd_kafka_queue_cb_event_enable(fetcher->queue, NULL, NULL);
        rd_kafka_queue_destroy(fetcher->queue);
    }
    fetcher->queue = NULL;
}

/* librdkafka drops the bootstrap connection once it knows the broker behind it, and with it a
 * leader query that is under way, to be repeated after 100 ms. So let it get to know the cluster
 * first. */
static rd_kafka_topic_t *open_topic(struct sl_kafka_fetcher *fetcher) {
    char *cluster = rd_kafka_clusterid(fetcher->lane->handle, 1000);
    if (cluster) rd_kafka_mem_free(fetcher->lane->handle, cluster);
    return rd_kafka_topic_new(fetcher->lane->handle, fetcher->topic_name.ptr, NULL);
}

static enum sl_code start_failed(struct sl_kafka_fetcher *fetcher, int64_t offset,
                                 rd_kafka_resp_err_t error, struct sl_err *err) {
    char what[256];
    snprintf(what, sizeof what, "start reading %s-%d at offset %" PRId64, fetcher->topic_name.ptr,
             fetcher->partition, offset);
    return sl_kafka_client_fail(fetcher->lane, err, error, sl_clock_mono_ns(), what, "");
}

static enum sl_code fetcher_start(struct sl_kafka_fetcher *fetcher, int64_t offset,
                                  struct sl_err *err) {
    if (!fetcher->topic) fetcher->topic = open_topic(fetcher);
    if (!fetcher->topic)
        return sl_fail(err, SL_USER, "topic `%s` cannot be read: %s", fetcher->topic_name.ptr,
                       rd_kafka_err2str(rd_kafka_last_error()));
    fetcher->queue = rd_kafka_queue_new(fetcher->lane->handle);
    rd_kafka_queue_cb_event_enable(fetcher->queue, on_arrival, fetcher->pool);
    if (rd_kafka_consume_start_queue(fetcher->topic, fetcher->partition, offset, fetcher->queue) !=
        0)
        return start_failed(fetcher, offset, rd_kafka_last_error(), err);
    fetcher->running = true;
    fetcher->position = fetcher->handed = offset;
    fetcher->pending = SL_KAFKA_TOOK;
    return SL_OK;
}

enum sl_code sl_kafka_fetcher_seek(struct sl_kafka_fetcher *fetcher, int64_t offset,
                                   struct sl_err *err) {
    fetcher_stop(fetcher);
    return fetcher_start(fetcher, offset, err);
}

int64_t sl_kafka_fetcher_position(const struct sl_kafka_fetcher *fetcher) {
    return fetcher->position;
}

/* ---- acquire and release ---- */

static enum sl_code lane_at(struct sl_kafka_pool *pool, uint32_t index, struct sl_err *err) {
    if (pool->lanes[index]) return SL_OK;
    return sl_kafka_client_open(SL_KAFKA_CONSUMER, &pool->options->properties, pool->settings,
                                lane_forced, pool->log, &pool->wait, &pool->lanes[index], err);
}

static struct sl_kafka_fetcher *fetcher_new(struct sl_kafka_pool *pool, uint32_t lane,
                                            struct sl_str topic, int32_t partition) {
    if (pool->fetcher_count == pool->fetcher_cap) {
        pool->fetcher_cap = pool->fetcher_cap ? pool->fetcher_cap * 2 : 16;
        pool->fetchers =
            sl_xrealloc(pool->fetchers, (size_t)pool->fetcher_cap * sizeof *pool->fetchers);
    }
    struct sl_kafka_fetcher *fetcher = sl_xcalloc(1, sizeof *fetcher);
    char *name = sl_xmalloc(topic.len + 1);
    memcpy(name, topic.ptr, topic.len);
    name[topic.len] = 0;
    *fetcher = (struct sl_kafka_fetcher){.pool = pool,
                                         .lane = pool->lanes[lane],
                                         .lane_index = lane,
                                         .topic_name = {name, topic.len},
                                         .partition = partition};
    pool->fetchers[pool->fetcher_count++] = fetcher;
    return fetcher;
}

/* The idle fetcher of the partition on the lowest lane, or a new one on the first lane without. */
static enum sl_code pick(struct sl_kafka_pool *pool, struct sl_str topic, int32_t partition,
                         struct sl_kafka_fetcher **out, struct sl_err *err) {
    uint64_t taken = 0;
    struct sl_kafka_fetcher *best = NULL;
    for (uint32_t i = 0; i < pool->fetcher_count; i++) {
        struct sl_kafka_fetcher *fetcher = pool->fetchers[i];
        if (fetcher->partition != partition || !sl_str_eq(fetcher->topic_name, topic)) continue;
        taken |= UINT64_C(1) << fetcher->lane_index;
        if (!fetcher->busy && (!best || fetcher->lane_index < best->lane_index)) best = fetcher;
    }
    if (!best) {
        if (taken == UINT64_MAX)
            return sl_fail(err, SL_UNSUPPORTED, "%.*s-%d is split among more than %d readers",
                           SL_STR_ARG(topic), partition, LANES_MAX);
        uint32_t lane = (uint32_t)__builtin_ctzll(~taken);
        SL_TRY(lane_at(pool, lane, err));
        best = fetcher_new(pool, lane, topic, partition);
    }
    best->busy = true;
    best->used = ++pool->takings;
    *out = best;
    return SL_OK;
}

/* Takes the idle fetcher that was used longest ago, when there are too many. */
static struct sl_kafka_fetcher *pick_surplus(struct sl_kafka_pool *pool) {
    uint32_t count = 0;
    struct sl_kafka_fetcher *oldest = NULL;
    for (uint32_t i = 0; i < pool->fetcher_count; i++) {
        struct sl_kafka_fetcher *fetcher = pool->fetchers[i];
        /* a busy one runs, or soon will */
        if (!fetcher->busy && !fetcher->running) continue;
        count++;
        if (!fetcher->busy && (!oldest || fetcher->used < oldest->used)) oldest = fetcher;
    }
    if (count <= pool->running_max || !oldest) return NULL;
    oldest->busy = true;
    return oldest;
}

static void set_idle(struct sl_kafka_pool *pool, struct sl_kafka_fetcher *fetcher) {
    pthread_mutex_lock(&pool->lock);
    fetcher->busy = false;
    pthread_mutex_unlock(&pool->lock);
}

static bool is_crowded(struct sl_kafka_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    bool crowded = pool->fetcher_count > pool->running_max;
    pthread_mutex_unlock(&pool->lock);
    return crowded;
}

enum sl_code sl_kafka_pool_acquire(struct sl_kafka_pool *pool, struct sl_str topic,
                                   int32_t partition, int64_t begin, struct sl_kafka_fetcher **out,
                                   struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_fetcher *fetcher = NULL;
    pthread_mutex_lock(&pool->lock);
    enum sl_code code = pick(pool, topic, partition, &fetcher, err);
    struct sl_kafka_fetcher *surplus = code == SL_OK ? pick_surplus(pool) : NULL;
    pthread_mutex_unlock(&pool->lock);
    if (code != SL_OK) return code;
    if (surplus) {
        fetcher_stop(surplus);
        set_idle(pool, surplus);
    }
    /* Between `handed` and `position` there is no record: standing anywhere there is as good. */
    bool at_begin = fetcher->running && fetcher->handed <= begin && begin <= fetcher->position;
    if (!at_begin) code = sl_kafka_fetcher_seek(fetcher, begin, err);
    if (code != SL_OK) {
        sl_kafka_pool_release(pool, fetcher, 0);
        return code;
    }
    *out = fetcher;
    return SL_OK;
}

/* Has everything been taken out that was fetched? */
static bool is_drained(struct sl_kafka_fetcher *fetcher) {
    return !fetcher->held_count && fetcher->running && rd_kafka_queue_length(fetcher->queue) <= 1;
}

void sl_kafka_pool_release(struct sl_kafka_pool *pool, struct sl_kafka_fetcher *fetcher,
                           int64_t offsets) {
    int64_t unread = atomic_fetch_sub(&pool->unread, offsets) - offsets;
    if (!fetcher) return;
    /* A fetch request that asks only for partitions that are read to their end waits at the broker,
     * and librdkafka has one request at a time: the partitions that still have data would wait with
     * it. So what is read out is taken off until the backlog is gone; always, when there are more
     * partitions than can run. */
    bool takes_turns = unread > CATCHING_UP || is_crowded(pool);
    if (fetcher->lane_index > 0 || (takes_turns && is_drained(fetcher))) fetcher_stop(fetcher);
    set_idle(pool, fetcher);
}

static bool may_start(struct sl_kafka_pool *pool) {
    pthread_mutex_lock(&pool->lock);
    uint32_t count = 0;
    for (uint32_t i = 0; i < pool->fetcher_count; i++)
        count += pool->fetchers[i]->busy || pool->fetchers[i]->running;
    pthread_mutex_unlock(&pool->lock);
    return count < pool->running_max;
}

static void start_ahead(struct sl_kafka_pool *pool, const struct sl_kafka_range *range) {
    struct sl_kafka_fetcher *fetcher;
    /* an error will come again where there is somebody to tell */
    if (sl_kafka_pool_acquire(pool, range->topic, range->partition, range->begin, &fetcher, NULL) ==
        SL_OK)
        set_idle(pool, fetcher);
}

void sl_kafka_pool_expect(struct sl_kafka_pool *pool, const struct sl_kafka_ranges *ranges) {
    int64_t offsets = 0;
    for (uint32_t i = 0; i < ranges->count; i++)
        offsets += ranges->items[i].end - ranges->items[i].begin;
    atomic_store(&pool->unread, offsets);
    for (uint32_t i = 0; i < ranges->count && offsets <= CATCHING_UP && may_start(pool); i++)
        start_ahead(pool, &ranges->items[i]);
}

enum sl_code sl_kafka_pool_warm(struct sl_kafka_pool *pool, struct sl_err *err) {
    pthread_mutex_lock(&pool->lock);
    enum sl_code code = lane_at(pool, 0, err);
    pthread_mutex_unlock(&pool->lock);
    return code;
}

/* ---- taking messages ---- */

static void advance(struct sl_kafka_fetcher *fetcher, int64_t position) {
    if (position > fetcher->position) fetcher->position = position;
}

static enum sl_kafka_take take_error(struct sl_kafka_fetcher *fetcher,
                                     const rd_kafka_message_t *message, struct sl_err *err) {
    switch (message->err) {
    case RD_KAFKA_RESP_ERR__PARTITION_EOF:
        advance(fetcher, message->offset);
        return SL_KAFKA_TOOK;
    case RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE:
    case RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET:
    case RD_KAFKA_RESP_ERR__LOG_TRUNCATION:
        return SL_KAFKA_OUT_OF_RANGE;
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART:
    case RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_ID:
    case RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC:
    case RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION:
        return SL_KAFKA_NO_PARTITION;
    case RD_KAFKA_RESP_ERR__TRANSPORT:
    case RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
    case RD_KAFKA_RESP_ERR__TIMED_OUT:
        return SL_KAFKA_TOOK; /* the client goes on trying */
    default:
        break;
    }
    char what[256];
    snprintf(what, sizeof what, "read %s-%d at offset %" PRId64, fetcher->topic_name.ptr,
             fetcher->partition, fetcher->position);
    const char *text = rd_kafka_message_errstr(message);
    sl_kafka_client_fail(fetcher->lane, err, message->err, 0, what, text);
    if (err && (message->err == RD_KAFKA_RESP_ERR__BAD_MSG ||
                message->err == RD_KAFKA_RESP_ERR__BAD_COMPRESSION ||
                message->err == RD_KAFKA_RESP_ERR_INVALID_MSG ||
                message->err == RD_KAFKA_RESP_ERR__NOT_IMPLEMENTED)) {
        err->code = SL_DATA; /* a corrupt batch never gets better by itself */
        err->retriable = false;
        sl_hint(err, "the record batch in the topic is damaged, of an unknown format, or larger "
                     "than 64 MiB when decompressed; it was not skipped; a new query can start "
                     "behind it");
    }
    return SL_KAFKA_FAILED;
}

/* Puts messages into place: below the end into `messages`, the rest on hold. What follows an error
 * is held too, and the error stays pending behind the messages in front of it. */
static void sort_in(struct sl_kafka_fetcher *fetcher, int64_t end, rd_kafka_message_t **fresh,
                    uint32_t fresh_count, rd_kafka_message_t **messages, uint32_t *count) {
    uint32_t kept = *count;
    for (uint32_t i = 0; i < fresh_count; i++) {
        rd_kafka_message_t *message = fresh[i];
        if (__builtin_expect(message->err != RD_KAFKA_RESP_ERR_NO_ERROR, 0)) {
            if (fetcher->pending == SL_KAFKA_TOOK)
                fetcher->pending = take_error(fetcher, message, &fetcher->pending_err);
            rd_kafka_message_destroy(message);
        } else if (message->offset < fetcher->position) {
            rd_kafka_message_destroy(message); /* seen before */
        } else if (message->offset >= end || fetcher->held_count ||
                   fetcher->pending != SL_KAFKA_TOOK) {
            if (!fetcher->held_count && fetcher->pending == SL_KAFKA_TOOK) advance(fetcher, end);
            hold(fetcher, message);
        } else {
            fetcher->position = fetcher->handed = message->offset + 1;
            messages[kept++] = message;
        }
    }
    *count = kept;
}

static void take_held(struct sl_kafka_fetcher *fetcher, int64_t end, uint32_t max,
                      rd_kafka_message_t **messages, uint32_t *count) {
    while (fetcher->held_count && *count < max) {
        rd_kafka_message_t *message = fetcher->held[fetcher->held_begin];
        if (message->offset >= end) {
            advance(fetcher, end);
            return;
        }
        fetcher->held_begin++;
        fetcher->held_count--;
        fetcher->position = fetcher->handed = message->offset + 1;
        messages[(*count)++] = message;
    }
}

/* Control records and aborted data yield no message, only a new position. Valid since a (re)start
 * resets it. */
static void take_position(struct sl_kafka_fetcher *fetcher) {
    rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_list_add(list, fetcher->topic_name.ptr, fetcher->partition);
    if (rd_kafka_position(fetcher->lane->handle, list) == RD_KAFKA_RESP_ERR_NO_ERROR &&
        list->elems[0].offset >= 0)
        advance(fetcher, list->elems[0].offset);
    rd_kafka_topic_partition_list_destroy(list);
}

static uint32_t pop(struct sl_kafka_fetcher *fetcher, int timeout_ms, uint32_t max,
                    rd_kafka_message_t **messages) {
    ssize_t n = rd_kafka_consume_batch_queue(fetcher->queue, timeout_ms, messages, max);
    return n > 0 ? (uint32_t)n : 0;
}

static enum sl_kafka_take still_waiting(struct sl_kafka_fetcher *fetcher, int64_t begin_ns,
                                        int64_t end, struct sl_err *err) {
    struct sl_kafka_client *lane = fetcher->lane;
    sl_kafka_client_poll(lane);
    take_position(fetcher);
    int64_t waited_ms = (sl_clock_mono_ns() - begin_ns) / 1000000;
    if (waited_ms >= STOP_WAIT_MS && sl_kafka_client_stopping(lane)) {
        (void)sl_fail(err, SL_CANCELED, "asked to stop");
        return SL_KAFKA_FAILED;
    }
    rd_kafka_resp_err_t last = sl_kafka_client_last_error(lane, begin_ns, NULL, 0);
    bool late = waited_ms >= fetcher->pool->options->poll_timeout_ms;
    if (!late && !sl_kafka_error_is_final(last)) return SL_KAFKA_TOOK;
    char what[256];
    snprintf(what, sizeof what, "read %s-%d at offset %" PRId64 " (up to %" PRId64 ")",
             fetcher->topic_name.ptr, fetcher->partition, fetcher->position, end);
    sl_kafka_client_fail(lane, err, RD_KAFKA_RESP_ERR__TIMED_OUT, begin_ns, what,
                         "no records came within kafkaConsumer.pollTimeoutMs");
    return SL_KAFKA_FAILED;
}

static enum sl_kafka_take take_pending(struct sl_kafka_fetcher *fetcher, struct sl_err *err) {
    enum sl_kafka_take pending = fetcher->pending;
    fetcher->pending = SL_KAFKA_TOOK;
    if (pending != SL_KAFKA_FAILED) return pending;
    if (err) *err = fetcher->pending_err;
    /* Whoever reads again from here must meet the error again, and not what is held behind it. */
    fetcher_stop(fetcher);
    return SL_KAFKA_FAILED;
}

enum sl_kafka_take sl_kafka_fetcher_take(struct sl_kafka_fetcher *fetcher, int64_t end,
                                         uint32_t max, rd_kafka_message_t **messages,
                                         uint32_t *count, struct sl_err *err) {
    *count = 0;
    take_held(fetcher, end, max, messages, count);
    for (int64_t begin_ns = 0;;) {
        if (*count) return SL_KAFKA_TOOK;
        if (fetcher->position >= end) return SL_KAFKA_REACHED;
        if (fetcher->pending != SL_KAFKA_TOOK) return take_pending(fetcher, err);
        /* No more than the range can hold, so that nothing is held for later as a rule. */
        int64_t left = end - fetcher->position;
        uint32_t want = left < max ? (uint32_t)left : max;
        uint32_t fresh = pop(fetcher, 0, want, messages);
        if (!fresh) {
            if (!begin_ns) begin_ns = sl_clock_mono_ns();
            /* The batch call waits until it is full or the time is over: so wait for one only. */
            fresh = pop(fetcher, POLL_SLICE_MS, 1, messages);
            if (fresh && want > 1) fresh += pop(fetcher, 0, want - 1, messages + 1);
        }
        if (fresh)
            sort_in(fetcher, end, messages, fresh, messages, count);
        else if (still_waiting(fetcher, begin_ns, end, err) != SL_KAFKA_TOOK)
            return SL_KAFKA_FAILED;
    }
}

/* ---- waiting for news ---- */

/* Looks into an idle fetcher's queue: is a record there? End-of-partition marks are taken out,
 * since only a queue that was empty reports an arrival. */
static bool has_news(struct sl_kafka_fetcher *fetcher) {
    rd_kafka_message_t *message, *none;
    uint32_t count = 0;
    while (!fetcher->held_count && fetcher->pending == SL_KAFKA_TOOK &&
           pop(fetcher, 0, 1, &message))
        sort_in(fetcher, fetcher->position, &message, 1, &none, &count);
    return fetcher->held_count || fetcher->pending != SL_KAFKA_TOOK;
}

static bool start_and_look(struct sl_kafka_pool *pool, const struct sl_kafka_offset *item) {
    struct sl_kafka_fetcher *fetcher;
    bool news = false;
    if (sl_kafka_pool_acquire(pool, item->topic, item->partition, item->offset, &fetcher, NULL) !=
        SL_OK)
        return false;
    news = has_news(fetcher);
    sl_kafka_pool_release(pool, fetcher, 0);
    return news;
}

void sl_kafka_pool_wait(struct sl_kafka_pool *pool, const struct sl_kafka_offsets *offsets,
                        int64_t timeout_ms) {
    if (offsets->count > pool->running_max) {
        sl_clock_sleep_ms(timeout_ms < CROWDED_WAIT_MS ? timeout_ms : CROWDED_WAIT_MS);
        return;
    }
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    int64_t ns = until.tv_nsec + timeout_ms % 1000 * 1000000;
    until.tv_sec += timeout_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    for (;;) {
        pthread_mutex_lock(&pool->arrival_lock);
        uint64_t before = pool->arrivals;
        bool unseen = before != pool->seen;
        pthread_mutex_unlock(&pool->arrival_lock);
        bool news = false;
        for (uint32_t i = 0; i < offsets->count; i++)
            news |= start_and_look(pool, &offsets->items[i]);
        if (news && unseen) return;
        pthread_mutex_lock(&pool->arrival_lock);
        int rc = 0;
        while (pool->arrivals == before && rc == 0)
            rc = pthread_cond_timedwait(&pool->arrived, &pool->arrival_lock, &until);
        pthread_mutex_unlock(&pool->arrival_lock);
        if (rc != 0) return;
    }
}

void sl_kafka_pool_seen(struct sl_kafka_pool *pool) {
    pthread_mutex_lock(&pool->arrival_lock);
    pool->seen = pool->arrivals;
    pthread_mutex_unlock(&pool->arrival_lock);
}
