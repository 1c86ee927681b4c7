/* Reports come as events, one for many records, and any thread that has to wait takes them: a task
 * whose queue is full, or flush. Source: librdkafka's INTRODUCTION.md (transactional producer);
 * findings 2 and 3 of the reliability notes: what is not known to have been committed is never
 * produced again before a new epoch has settled it. */
#include "conn/kafka/kafka_delivery.h"

#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"

enum {
    STEP_MS = 500,       /* one wait inside librdkafka, between two looks at `stopping` */
    INIT_MS = 30000,     /* an unreachable coordinator gets a name within this time */
    COMMIT_MS = 60000,   /* then the outcome is looked up by a new producer */
    MARK_MS = 30000,     /* then the batch is written again */
    ABORT_MS = 5000,     /* then it is left to the next init_transactions */
    TOPIC_MS = 10000,    /* for a topic that the brokers make when they are asked for it */
    STOP_WAIT_MS = 2000, /* asked to stop: without progress for so long, it ends */
    SERVE_EVERY = 1024,
    BATCH_BYTES = 1000000,
    MESSAGE_MS = 60000,    /* for the acknowledgement of a record; not more than of a transaction */
    RECORD_OVERHEAD = 256, /* of librdkafka for a record in its queue */
    PLACE_BITS = 48,       /* of a place: offset or line + 1; the source is above */
    SOURCES_MAX = 65535,
};
_Static_assert(sizeof(void *) == 8, "a place is a source and an offset in one pointer");

/* The first record that could not be delivered. */
struct failure {
    rd_kafka_resp_err_t error; /* NO_ERROR: none */
    char topic[256], reason[256];
    int32_t partition;
    size_t bytes;
    void *place;
};

/* Part of a source that records were made from; texts owned. */
struct source {
    char *kind, *name;
    int32_t partition;
};

struct sl_kafka_delivery {
    struct sl_kafka_client *client;
    rd_kafka_queue_t *reports;
    bool transactional, in_transaction;
    int64_t begin_ns;
    _Atomic uint64_t sent, delivered, failed;
    _Atomic int64_t progress_ns; /* of the last report */
    _Atomic bool broken;         /* `failure` is set */
    pthread_mutex_t lock;        /* of what follows */
    struct failure failure;
    rd_kafka_topic_t **topics; /* by name */
    uint32_t topic_count, topic_cap;
    struct source *sources; /* number n is at n - 1 */
    uint32_t source_count, source_cap;
};

/* ---- places ---- */

static uint32_t add_source(struct sl_kafka_delivery *delivery, const struct sl_origin *origin) {
    if (delivery->source_count == SOURCES_MAX) return 0;
    if (delivery->source_count == delivery->source_cap) {
        delivery->source_cap = delivery->source_cap ? delivery->source_cap * 2 : 8;
        delivery->sources =
            sl_xrealloc(delivery->sources, delivery->source_cap * sizeof *delivery->sources);
    }
    delivery->sources[delivery->source_count++] =
        (struct source){strdup(origin->source), strdup(origin->name), origin->partition};
    return delivery->source_count;
}

uint32_t sl_kafka_delivery_source(struct sl_kafka_delivery *delivery,
                                  const struct sl_origin *origin) {
    if (!origin->source || !origin->name) return 0;
    pthread_mutex_lock(&delivery->lock);
    uint32_t number = 0;
    for (uint32_t i = delivery->source_count; i-- > 0 && !number;) {
        const struct source *known = &delivery->sources[i];
        if (known->partition == origin->partition && strcmp(known->name, origin->name) == 0 &&
            strcmp(known->kind, origin->source) == 0)
            number = i + 1;
    }
    if (!number) number = add_source(delivery, origin);
    pthread_mutex_unlock(&delivery->lock);
    return number;
}

static void clear_sources(struct sl_kafka_delivery *delivery) {
    for (uint32_t i = 0; i < delivery->source_count; i++) {
        free(delivery->sources[i].kind);
        free(delivery->sources[i].name);
    }
    delivery->source_count = 0;
}

void *sl_kafka_delivery_place(uint32_t source, const struct sl_batch *batch, uint32_t row) {
    const int64_t *offsets = batch->origin.offsets;
    uint64_t at = 0; /* not known */
    if (offsets) at = (uint64_t)offsets[sl_batch_source_row(batch, row)] + 1;
    at &= (UINT64_C(1) << PLACE_BITS) - 1;
    return source ? (void *)(uintptr_t)((uint64_t)source << PLACE_BITS | at) : NULL;
}

/* " (made from topic orders partition 3 offset 7)"; nothing where it is not known. */
static void describe_place(struct sl_kafka_delivery *delivery, void *place, char *to, size_t cap) {
    uint64_t packed = (uint64_t)(uintptr_t)place;
    int64_t at = (int64_t)(packed & ((UINT64_C(1) << PLACE_BITS) - 1)) - 1;
    char where[300];
    *to = 0;
    if (!place) return;
    pthread_mutex_lock(&delivery->lock);
    const struct source *source = &delivery->sources[(packed >> PLACE_BITS) - 1];
    struct sl_batch row = {
        .rows = 1, .origin = {source->kind, source->name, source->partition, at >= 0 ? &at : NULL}};
    sl_batch_describe_row(&row, 0, where, sizeof where);
    pthread_mutex_unlock(&delivery->lock);
    snprintf(to, cap, " (made from %s)", where);
}

/* ---- errors ---- */

static bool is_refused_right(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
           error == RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED ||
           error == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED ||
           error == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED;
}

static enum sl_code fail(struct sl_kafka_delivery *delivery, rd_kafka_resp_err_t error,
                         int64_t since_ns, const char *what, const char *reason,
                         struct sl_err *err) {
    char fatal[512];
    rd_kafka_resp_err_t root = rd_kafka_fatal_error(delivery->client->handle, fatal, sizeof fatal);
    if (root != RD_KAFKA_RESP_ERR_NO_ERROR) error = root, reason = fatal;
    enum sl_code code = sl_kafka_client_fail(delivery->client, err, error, since_ns, what, reason);
    if (is_refused_right(error))
        sl_hint(err, delivery->transactional
                         ? "the user needs WRITE on the topic, WRITE and DESCRIBE on the "
                           "transactional id `sluice-*`, READ on the group `sluice-*` and on the "
                           "topic (for the batch's marker); only WRITE on the topic is needed with "
                           "'sluice.delivery' = 'at-least-once'"
                         : "the user needs WRITE on the topic");
    return code;
}

/* Takes over `error`. */
static enum sl_code fail_step(struct sl_kafka_delivery *delivery, rd_kafka_error_t *error,
                              int64_t since_ns, const char *what, struct sl_err *err) {
    enum sl_code code = fail(delivery, rd_kafka_error_code(error), since_ns, what,
                             rd_kafka_error_string(error), err);
    rd_kafka_error_destroy(error);
    return code;
}

/* Records that a broken transaction drops do not say why; a transaction that cannot begin does. */
static void find_cause(struct sl_kafka_delivery *delivery, struct failure *failure) {
    bool dropped = failure->error == RD_KAFKA_RESP_ERR__PURGE_QUEUE ||
                   failure->error == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT ||
                   failure->error == RD_KAFKA_RESP_ERR__STATE;
    if (!delivery->transactional || !dropped) return;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(delivery->client->handle);
    if (!error) return;
    if (rd_kafka_error_txn_requires_abort(error)) {
        failure->error = rd_kafka_error_code(error);
        snprintf(failure->reason, sizeof failure->reason, "%s", rd_kafka_error_string(error));
    }
    rd_kafka_error_destroy(error);
}

static bool is_unknown_topic(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART ||
           error == RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC;
}

static enum sl_code fail_record(struct sl_kafka_delivery *delivery, struct sl_err *err) {
    pthread_mutex_lock(&delivery->lock);
    struct failure failure = delivery->failure;
    pthread_mutex_unlock(&delivery->lock);
    find_cause(delivery, &failure);
    char what[700], partition[32] = "", place[340];
    describe_place(delivery, failure.place, place, sizeof place);
    if (failure.error == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION) {
        sl_fail(err, SL_DATA,
                "topic `%s` has no partition %d, which the column `partition` of a row asks for%s",
                failure.topic, failure.partition, place);
        return sl_hint(err,
                       "NULL leaves the choice to the key. `sluice topic describe %s` shows "
                       "the partitions there are",
                       failure.topic);
    }
    if (is_unknown_topic(failure.error)) {
        sl_fail(err, SL_DATA,
                "topic `%s` does not exist on the Kafka brokers `%s`, but a row is "
                "to go there%s",
                failure.topic, delivery->client->servers, place);
        return sl_hint(err,
                       "make it (sluice topic create %s), or name another one in the option or "
                       "column `topic`",
                       failure.topic);
    }
    if (failure.partition >= 0)
        snprintf(partition, sizeof partition, " partition %d", failure.partition);
    snprintf(what, sizeof what, "write a record of %zu bytes to topic `%s`%s%s", failure.bytes,
             failure.topic, partition, place);
    enum sl_code code =
        fail(delivery, failure.error, delivery->begin_ns, what, failure.reason, err);
    if (failure.error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
        sl_hint(err, "raise the topic's `max.message.bytes`, or lower `kafka.batch.size` below it; "
                     "a record that is larger by itself cannot be written");
    return code;
}

/* ---- waiting ---- */

/* Of records that are too large the largest: others were in its batch only. */
static bool is_worse(const struct failure *known, rd_kafka_resp_err_t error, size_t bytes) {
    if (known->error == RD_KAFKA_RESP_ERR_NO_ERROR) return true;
    return error == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE && known->error == error &&
           bytes > known->bytes;
}

static void note_failure(struct sl_kafka_delivery *delivery, rd_kafka_resp_err_t error,
                         const char *reason, const char *topic, int32_t partition, size_t bytes,
                         void *place) {
    pthread_mutex_lock(&delivery->lock);
    if (is_worse(&delivery->failure, error, bytes)) {
        struct failure *failure = &delivery->failure;
        failure->error = error;
        failure->partition = partition;
        failure->bytes = bytes;
        failure->place = place;
        snprintf(failure->topic, sizeof failure->topic, "%s", topic);
        snprintf(failure->reason, sizeof failure->reason, "%s",
                 reason ? reason : rd_kafka_err2str(error));
        atomic_store(&delivery->broken, true);
    }
    pthread_mutex_unlock(&delivery->lock);
}

static void take_reports(struct sl_kafka_delivery *delivery, rd_kafka_event_t *event) {
    uint64_t delivered = 0, failed = 0;
    const rd_kafka_message_t *message;
    while ((message = rd_kafka_event_message_next(event))) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            delivered++;
            continue;
        }
        failed++;
        note_failure(delivery, message->err, rd_kafka_message_produce_errstr(message),
                     rd_kafka_topic_name(message->rkt), message->partition,
                     message->len + message->key_len, message->_private);
    }
    atomic_fetch_add(&delivery->delivered, delivered);
    atomic_fetch_add(&delivery->failed, failed);
    atomic_store(&delivery->progress_ns, sl_clock_mono_ns());
}

/* @thread any */
static void serve(struct sl_kafka_delivery *delivery, int timeout_ms) {
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(delivery->reports, timeout_ms))) {
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_DR:
            take_reports(delivery, event);
            break;
        case RD_KAFKA_EVENT_ERROR:
            sl_kafka_client_note(delivery->client, rd_kafka_event_error(event),
                                 rd_kafka_event_error_string(event));
            break;
        default:
            break;
        }
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
}

static int64_t ms_since(int64_t ns) { return (sl_clock_mono_ns() - ns) / 1000000; }

/* May a wait that has seen no progress since then go on? */
static enum sl_code check_stop(struct sl_kafka_delivery *delivery, int64_t since_ns,
                               struct sl_err *err) {
    if (ms_since(since_ns) < STOP_WAIT_MS || !sl_kafka_client_stopping(delivery->client))
        return SL_OK;
    return sl_fail(err, SL_CANCELED, "asked to stop");
}

/* Calls a step of librdkafka's until it has ended: it may be called again after a retriable error,
 * such as the end of its time. */
typedef rd_kafka_error_t *(*step_fn)(struct sl_kafka_delivery *delivery, const void *argument,
                                     int timeout_ms);
static enum sl_code run_step(struct sl_kafka_delivery *delivery, step_fn step, const void *argument,
                             int64_t max_ms, const char *what, struct sl_err *err) {
    int64_t begin_ns = sl_clock_mono_ns();
    for (;;) {
        rd_kafka_error_t *error = step(delivery, argument, STEP_MS);
        serve(delivery, 0);
        if (!error) return SL_OK;
        rd_kafka_resp_err_t last = sl_kafka_client_last_error(delivery->client, begin_ns, NULL, 0);
        if (!rd_kafka_error_is_retriable(error) || sl_kafka_error_is_final(last) ||
            ms_since(begin_ns) >= max_ms)
            return fail_step(delivery, error, begin_ns, what, err);
        rd_kafka_error_destroy(error);
        SL_TRY(check_stop(delivery, begin_ns, err));
    }
}

/* ---- life ---- */

static enum sl_code open_client(const struct sl_kafka_delivery_config *config,
                                struct sl_kafka_client **out, struct sl_err *err) {
    char kilobytes[24], records[24], batch[24], patience[24];
    size_t queue = config->queue_bytes;
    snprintf(kilobytes, sizeof kilobytes, "%zu", queue / 1024);
    int64_t limit_ms = config->transaction_timeout_ms;
    snprintf(patience, sizeof patience, "%lld",
             (long long)(limit_ms && limit_ms < MESSAGE_MS ? limit_ms : MESSAGE_MS));
    snprintf(batch, sizeof batch, "%zu",
             config->batch_bytes < BATCH_BYTES ? config->batch_bytes : BATCH_BYTES);
    snprintf(records, sizeof records, "%zu", queue / RECORD_OVERHEAD);
    /* clang-format off */
    const char *defaults[] = {
        "linger.ms", "5", "batch.num.messages", "100000", "batch.size", batch,
        "message.max.bytes", "1048576", "compression.codec", "lz4",
        "message.timeout.ms", patience, "transaction.timeout.ms", "900000",
        "queue.buffering.max.messages", records, "queue.buffering.max.kbytes", kilobytes,
        "topic.metadata.propagation.max.ms", "10000", /* as TOPIC_MS, instead of half a minute */
        "enable.idempotence", "true", NULL};
    /* clang-format on */
    const char *acks = sl_kafka_property_find(config->properties, "acks");
    bool weak = acks && strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0;
    if (weak) defaults[sizeof defaults / sizeof *defaults - 2] = "false";
    const char *forced[] = {"partitioner",
                            "murmur2_random",
                            "transactional.id",
                            config->transactional_id,
                            "enable.idempotence",
                            "true",
                            NULL};
    if (!config->transactional_id) forced[2] = NULL;
    return sl_kafka_client_open(SL_KAFKA_PRODUCER, config->properties, defaults, forced,
                                config->log, config->wait, out, err);
}

static rd_kafka_error_t *init_step(struct sl_kafka_delivery *delivery, const void *argument,
                                   int timeout_ms) {
    (void)argument;
    return rd_kafka_init_transactions(delivery->client->handle, timeout_ms);
}

enum sl_code sl_kafka_delivery_open(const struct sl_kafka_delivery_config *config,
                                    struct sl_kafka_delivery **out, struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_delivery *delivery = sl_xcalloc(1, sizeof *delivery);
    pthread_mutex_init(&delivery->lock, NULL);
    delivery->transactional = config->transactional_id != NULL;
    enum sl_code code = open_client(config, &delivery->client, err);
    if (code == SL_OK) {
        delivery->reports = rd_kafka_queue_get_main(delivery->client->handle);
        code = sl_kafka_client_connect(delivery->client, err);
    }
    if (code == SL_OK && delivery->transactional)
        code = run_step(delivery, init_step, NULL, INIT_MS, "begin with transactions", err);
    if (code != SL_OK) {
        sl_kafka_delivery_close(delivery);
        return code;
    }
    *out = delivery;
    return SL_OK;
}

void sl_kafka_delivery_close(struct sl_kafka_delivery *delivery) {
    if (!delivery) return;
    if (delivery->reports) {
        rd_kafka_purge(delivery->client->handle,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
        serve(delivery, 0);
        rd_kafka_queue_destroy(delivery->reports);
    }
    for (uint32_t i = 0; i < delivery->topic_count; i++)
        rd_kafka_topic_destroy(delivery->topics[i]);
    free(delivery->topics);
    clear_sources(delivery);
    free(delivery->sources);
    sl_kafka_client_close(delivery->client);
    pthread_mutex_destroy(&delivery->lock);
    free(delivery);
}

/* ---- topics ---- */

/* Where the name is or belongs. */
static uint32_t topic_slot(const struct sl_kafka_delivery *delivery, struct sl_str name) {
    uint32_t low = 0, high = delivery->topic_count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        struct sl_str other = sl_str(rd_kafka_topic_name(delivery->topics[middle]));
        if (sl_str_cmp(other, name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static enum sl_code add_topic(struct sl_kafka_delivery *delivery, uint32_t slot, struct sl_str name,
                              rd_kafka_topic_t **out, struct sl_err *err) {
    char text[256];
    if (name.len >= sizeof text)
        return sl_fail(err, SL_DATA, "the name of a topic has %zu characters", name.len);
    snprintf(text, sizeof text, "%.*s", SL_STR_ARG(name));
    *out = rd_kafka_topic_new(delivery->client->handle, text, NULL);
    if (!*out)
        return sl_fail(err, SL_USER, "topic `%s` cannot be written: %s", text,
                       rd_kafka_err2str(rd_kafka_last_error()));
    if (delivery->topic_count == delivery->topic_cap) {
        delivery->topic_cap = delivery->topic_cap ? delivery->topic_cap * 2 : 8;
        delivery->topics =
            sl_xrealloc(delivery->topics, delivery->topic_cap * sizeof *delivery->topics);
    }
    memmove(delivery->topics + slot + 1, delivery->topics + slot,
            (delivery->topic_count - slot) * sizeof *delivery->topics);
    delivery->topics[slot] = *out;
    delivery->topic_count++;
    return SL_OK;
}

enum sl_code sl_kafka_delivery_topic(struct sl_kafka_delivery *delivery, struct sl_str name,
                                     rd_kafka_topic_t **out, struct sl_err *err) {
    pthread_mutex_lock(&delivery->lock);
    uint32_t slot = topic_slot(delivery, name);
    enum sl_code code = SL_OK;
    if (slot < delivery->topic_count &&
        sl_str_eq(sl_str(rd_kafka_topic_name(delivery->topics[slot])), name))
        *out = delivery->topics[slot];
    else
        code = add_topic(delivery, slot, name, out, err);
    pthread_mutex_unlock(&delivery->lock);
    return code;
}

enum sl_code sl_kafka_delivery_find_topic(struct sl_kafka_delivery *delivery, struct sl_str name,
                                          struct sl_err *err) {
    rd_kafka_topic_t *topic;
    SL_TRY(sl_kafka_delivery_topic(delivery, name, &topic, err));
    int64_t begin_ns = sl_clock_mono_ns();
    rd_kafka_resp_err_t error;
    for (;;) {
        const struct rd_kafka_metadata *metadata = NULL;
        error = rd_kafka_metadata(delivery->client->handle, 0, topic, &metadata, STEP_MS);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) {
            error = metadata->topic_cnt ? metadata->topics[0].err
                                        : RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
            bool there = error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topics[0].partition_cnt;
            rd_kafka_metadata_destroy(metadata);
            if (there) return SL_OK;
        }
        serve(delivery, 0);
        /* one that brokers are making is without a leader first; one they do not make is unknown */
        bool lasts = error == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART && ms_since(begin_ns) > 1000;
        if (lasts || sl_kafka_error_is_final(error) || ms_since(begin_ns) > TOPIC_MS) break;
        SL_TRY(check_stop(delivery, begin_ns, err));
        sl_clock_sleep_ms(50);
    }
    if (error != RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART) {
        char what[320];
        snprintf(what, sizeof what, "look for topic `%.*s`", SL_STR_ARG(name));
        return fail(delivery, error, begin_ns, what, NULL, err);
    }
    sl_fail(err, SL_USER, "topic `%.*s` does not exist on the Kafka brokers `%s`", SL_STR_ARG(name),
            delivery->client->servers);
    return sl_hint(err, "make it: sluice topic create %.*s --partitions 4", SL_STR_ARG(name));
}

/* ---- records ---- */

/* The queue is full: waits for reports. A broker that takes nothing fails the records after
 * message.timeout.ms, so this ends. */
static enum sl_code make_room(struct sl_kafka_delivery *delivery, struct sl_err *err) {
    serve(delivery, 100);
    if (atomic_load(&delivery->broken)) return fail_record(delivery, err);
    return check_stop(delivery, atomic_load(&delivery->progress_ns), err);
}

static enum sl_code fail_send(struct sl_kafka_delivery *delivery, rd_kafka_topic_t *topic,
                              int32_t partition, size_t bytes, void *place,
                              rd_kafka_resp_err_t error, struct sl_err *err) {
    note_failure(delivery, error, NULL, rd_kafka_topic_name(topic), partition, bytes, place);
    return fail_record(delivery, err);
}

static enum sl_code count_sent(struct sl_kafka_delivery *delivery, uint64_t count,
                               struct sl_err *err) {
    uint64_t before = atomic_fetch_add(&delivery->sent, count);
    if (before / SERVE_EVERY != (before + count) / SERVE_EVERY) serve(delivery, 0);
    return atomic_load(&delivery->broken) ? fail_record(delivery, err) : SL_OK;
}

enum sl_code sl_kafka_delivery_send(struct sl_kafka_delivery *delivery, rd_kafka_topic_t *topic,
                                    rd_kafka_message_t *messages, uint32_t count,
                                    struct sl_err *err) {
    while (count) {
        uint32_t sent = (uint32_t)rd_kafka_produce_batch(topic, RD_KAFKA_PARTITION_UA,
                                                         RD_KAFKA_MSG_F_COPY, messages, (int)count);
        if (sent) SL_TRY(count_sent(delivery, sent, err));
        if (sent == count) return SL_OK;
        /* behind the first that found the queue full, none was taken */
        uint32_t first = 0;
        while (first < count && messages[first].err == RD_KAFKA_RESP_ERR_NO_ERROR) first++;
        if (messages[first].err != RD_KAFKA_RESP_ERR__QUEUE_FULL)
            return fail_send(delivery, topic, -1, messages[first].len + messages[first].key_len,
                             messages[first]._private, messages[first].err, err);
        SL_TRY(make_room(delivery, err));
        messages += first;
        count -= first;
    }
    return SL_OK;
}

static rd_kafka_resp_err_t produce_one(rd_kafka_t *handle, rd_kafka_topic_t *topic,
                                       int32_t partition, struct sl_str key, struct sl_str value,
                                       rd_kafka_headers_t *headers, void *place) {
    if (headers)
        return rd_kafka_producev(handle, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
                                 RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
                                 RD_KAFKA_V_VALUE((void *)value.ptr, value.len),
                                 RD_KAFKA_V_KEY(key.ptr, key.len), RD_KAFKA_V_HEADERS(headers),
                                 RD_KAFKA_V_OPAQUE(place), RD_KAFKA_V_END);
    int taken = rd_kafka_produce(topic, partition, RD_KAFKA_MSG_F_COPY, (void *)value.ptr,
                                 value.len, key.ptr, key.len, place);
    return taken == 0 ? RD_KAFKA_RESP_ERR_NO_ERROR : rd_kafka_last_error();
}

enum sl_code sl_kafka_delivery_send_one(struct sl_kafka_delivery *delivery, rd_kafka_topic_t *topic,
                                        int32_t partition, struct sl_str key, struct sl_str value,
                                        rd_kafka_headers_t *headers, void *place,
                                        struct sl_err *err) {
    enum sl_code code = SL_OK;
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR__QUEUE_FULL;
    while (code == SL_OK && error == RD_KAFKA_RESP_ERR__QUEUE_FULL) {
        error = produce_one(delivery->client->handle, topic, partition, key, value, headers, place);
        if (error == RD_KAFKA_RESP_ERR__QUEUE_FULL) code = make_room(delivery, err);
    }
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return count_sent(delivery, 1, err);
    if (headers) rd_kafka_headers_destroy(headers); /* ours again after a failure */
    if (code != SL_OK) return code;
    return fail_send(delivery, topic, partition, key.len + value.len, place, error, err);
}

/* ---- transactions ---- */

enum sl_code sl_kafka_delivery_begin(struct sl_kafka_delivery *delivery, struct sl_err *err) {
    atomic_store(&delivery->sent, 0);
    atomic_store(&delivery->delivered, 0);
    atomic_store(&delivery->failed, 0);
    atomic_store(&delivery->broken, false);
    delivery->failure = (struct failure){.error = RD_KAFKA_RESP_ERR_NO_ERROR};
    clear_sources(delivery);
    delivery->begin_ns = sl_clock_mono_ns();
    atomic_store(&delivery->progress_ns, delivery->begin_ns);
    if (!delivery->transactional) return SL_OK;
    rd_kafka_error_t *error = rd_kafka_begin_transaction(delivery->client->handle);
    if (error) return fail_step(delivery, error, 0, "begin a transaction", err);
    delivery->in_transaction = true;
    return SL_OK;
}

enum sl_code sl_kafka_delivery_flush(struct sl_kafka_delivery *delivery, struct sl_err *err) {
    uint64_t sent = atomic_load(&delivery->sent);
    for (;;) {
        rd_kafka_flush(delivery->client->handle, 0); /* no more lingering */
        serve(delivery, 0);
        if (atomic_load(&delivery->broken)) return fail_record(delivery, err);
        if (atomic_load(&delivery->delivered) >= sent) return SL_OK;
        serve(delivery, 20);
        SL_TRY(check_stop(delivery, atomic_load(&delivery->progress_ns), err));
    }
}

struct mark {
    const rd_kafka_topic_partition_list_t *offsets;
    const rd_kafka_consumer_group_metadata_t *group;
};

/* In one go: at the end of its time librdkafka gives the transaction up instead of resuming. */
static rd_kafka_error_t *mark_step(struct sl_kafka_delivery *delivery, const void *argument,
                                   int timeout_ms) {
    (void)timeout_ms;
    const struct mark *mark = argument;
    return rd_kafka_send_offsets_to_transaction(delivery->client->handle, mark->offsets,
                                                mark->group, MARK_MS);
}

enum sl_code sl_kafka_delivery_mark(struct sl_kafka_delivery *delivery, const char *group,
                                    const char *topic, int64_t offset, const char *text,
                                    struct sl_err *err) {
    rd_kafka_topic_partition_list_t *offsets = rd_kafka_topic_partition_list_new(1);
    rd_kafka_topic_partition_t *item = rd_kafka_topic_partition_list_add(offsets, topic, 0);
    item->offset = offset;
    item->metadata = strdup(text); /* the list frees it */
    item->metadata_size = strlen(text);
    rd_kafka_consumer_group_metadata_t *metadata = rd_kafka_consumer_group_metadata_new(group);
    struct mark mark = {offsets, metadata};
    enum sl_code code =
        run_step(delivery, mark_step, &mark, MARK_MS, "add the batch's marker", err);
    rd_kafka_consumer_group_metadata_destroy(metadata);
    rd_kafka_topic_partition_list_destroy(offsets);
    return code;
}

static rd_kafka_error_t *commit_step(struct sl_kafka_delivery *delivery, const void *argument,
                                     int timeout_ms) {
    (void)argument;
    return rd_kafka_commit_transaction(delivery->client->handle, timeout_ms);
}

enum sl_code sl_kafka_delivery_commit(struct sl_kafka_delivery *delivery, struct sl_err *err) {
    if (!delivery->transactional) return SL_OK;
    SL_TRY(run_step(delivery, commit_step, NULL, COMMIT_MS, "commit the transaction", err));
    delivery->in_transaction = false;
    return SL_OK;
}

int64_t sl_kafka_delivery_begun_ns(const struct sl_kafka_delivery *delivery) {
    return delivery->begin_ns;
}

bool sl_kafka_delivery_was_disturbed(struct sl_kafka_delivery *delivery) {
    serve(delivery, 0);
    return sl_kafka_client_last_error(delivery->client, delivery->begin_ns, NULL, 0) !=
           RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_error_t *abort_step(struct sl_kafka_delivery *delivery, const void *argument,
                                    int timeout_ms) {
    (void)argument;
    return rd_kafka_abort_transaction(delivery->client->handle, timeout_ms);
}

bool sl_kafka_delivery_abort(struct sl_kafka_delivery *delivery) {
    if (!delivery->transactional || !delivery->in_transaction) return false;
    if (rd_kafka_fatal_error(delivery->client->handle, NULL, 0)) return false;
    rd_kafka_purge(delivery->client->handle, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    int64_t begin_ns = sl_clock_mono_ns();
    while (rd_kafka_outq_len(delivery->client->handle) && ms_since(begin_ns) < ABORT_MS)
        serve(delivery, 20);
    struct sl_err ignored;
    if (run_step(delivery, abort_step, NULL, ABORT_MS, "abort the transaction", &ignored) != SL_OK)
        return false;
    delivery->in_transaction = false;
    return true;
}
