#include "conn/kafka/kafka_producer.h"

#include <inttypes.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/kafka/kafka_client_int.h"

struct sl_kafka_producer {
    struct sl_kafka_client *client;
    rd_kafka_topic_t *topic;
    struct sl_kafka_produced counts;
    rd_kafka_resp_err_t first_error; /* of a record that failed */
    uint32_t since_poll;
    int64_t progress_ns; /* of the last report */
};

enum {
    POLL_EVERY = 1024,
    STOP_WAIT_MS = 2000, /* asked to stop: without progress for so long, it ends */
};

static const char *const producer_defaults[] = {
    "linger.ms",
    "20",
    "batch.num.messages",
    "100000",
    "batch.size",
    "1000000",
    "queue.buffering.max.messages",
    "500000",
    "queue.buffering.max.kbytes",
    "65536",
    "message.timeout.ms",
    "60000",
    NULL,
};
static const char *const producer_forced[] = {"enable.idempotence", "true", NULL};

enum sl_code sl_kafka_producer_open(const struct sl_kafka_properties *properties,
                                    struct sl_str topic, const char *compression,
                                    const struct sl_log *log, const struct sl_kafka_wait *wait,
                                    struct sl_kafka_producer **out, struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_producer *producer = sl_xcalloc(1, sizeof *producer);
    const char *defaults[sizeof producer_defaults / sizeof *producer_defaults + 2];
    size_t n = 0;
    while (producer_defaults[n]) defaults[n] = producer_defaults[n], n++;
    defaults[n++] = "compression.codec";
    defaults[n++] = compression ? compression : "lz4";
    defaults[n] = NULL;
    enum sl_code code = sl_kafka_client_open(SL_KAFKA_PRODUCER, properties, defaults,
                                             producer_forced, log, wait, &producer->client, err);
    if (code == SL_OK) code = sl_kafka_client_connect(producer->client, err);
    if (code == SL_OK) {
        char *name = strndup(topic.ptr, topic.len);
        producer->topic = rd_kafka_topic_new(producer->client->handle, name, NULL);
        free(name);
        if (!producer->topic)
            code = sl_fail(err, SL_USER, "topic `%.*s` cannot be written: %s", SL_STR_ARG(topic),
                           rd_kafka_err2str(rd_kafka_last_error()));
    }
    if (code != SL_OK) {
        sl_kafka_producer_close(producer);
        return code;
    }
    *out = producer;
    return SL_OK;
}

static void take_report(struct sl_kafka_producer *producer, rd_kafka_event_t *event) {
    const rd_kafka_message_t *message;
    producer->progress_ns = sl_clock_mono_ns();
    while ((message = rd_kafka_event_message_next(event))) {
        if (message->err == RD_KAFKA_RESP_ERR_NO_ERROR) {
            producer->counts.delivered++;
            continue;
        }
        producer->counts.failed++;
        if (producer->first_error == RD_KAFKA_RESP_ERR_NO_ERROR)
            producer->first_error = message->err;
    }
}

/* Delivery reports come as events: one for a whole batch of messages, cheaper than a call each. */
static void serve(struct sl_kafka_producer *producer, int timeout_ms) {
    rd_kafka_queue_t *queue = rd_kafka_queue_get_main(producer->client->handle);
    rd_kafka_event_t *event;
    while ((event = rd_kafka_queue_poll(queue, timeout_ms))) {
        switch (rd_kafka_event_type(event)) {
        case RD_KAFKA_EVENT_DR:
            take_report(producer, event);
            break;
        case RD_KAFKA_EVENT_ERROR:
            sl_kafka_client_note(producer->client, rd_kafka_event_error(event),
                                 rd_kafka_event_error_string(event));
            break;
        default:
            break;
        }
        rd_kafka_event_destroy(event);
        timeout_ms = 0;
    }
    rd_kafka_queue_destroy(queue);
}

void sl_kafka_producer_poll(struct sl_kafka_producer *producer) { serve(producer, 0); }

static enum sl_code failed(struct sl_kafka_producer *producer, rd_kafka_resp_err_t error,
                           struct sl_err *err) {
    sl_kafka_client_fail(producer->client, err, error, 0, "write", rd_kafka_err2str(error));
    return sl_context(err, "topic %s", rd_kafka_topic_name(producer->topic));
}

/* Asked to stop, what is sent is still delivered as long as that goes on. */
static enum sl_code check_stop(struct sl_kafka_producer *producer, int64_t since_ns,
                               struct sl_err *err) {
    const struct sl_kafka_produced *counts = &producer->counts;
    if (since_ns < producer->progress_ns) since_ns = producer->progress_ns;
    if (!sl_kafka_client_stopping(producer->client) ||
        (sl_clock_mono_ns() - since_ns) / 1000000 < STOP_WAIT_MS)
        return SL_OK;
    return sl_fail(err, SL_CANCELED,
                   "asked to stop; the brokers have confirmed %" PRIu64 " of %" PRIu64 " records",
                   counts->delivered, counts->sent);
}

/* Queue full: wait for deliveries, until a record has failed or somebody wants to stop. */
static enum sl_code make_room(struct sl_kafka_producer *producer, int64_t since_ns,
                              struct sl_err *err) {
    serve(producer, 100);
    if (producer->first_error != RD_KAFKA_RESP_ERR_NO_ERROR)
        return failed(producer, producer->first_error, err);
    return check_stop(producer, since_ns, err);
}

static enum sl_code sent(struct sl_kafka_producer *producer, size_t bytes) {
    producer->counts.sent++;
    producer->counts.bytes += bytes;
    if (++producer->since_poll < POLL_EVERY) return SL_OK;
    producer->since_poll = 0;
    serve(producer, 0);
    return SL_OK;
}

enum sl_code sl_kafka_producer_send_headers(struct sl_kafka_producer *producer, int32_t partition,
                                            struct sl_str key, struct sl_str value,
                                            int64_t timestamp_ms, const struct sl_str *headers,
                                            uint32_t header_count, struct sl_err *err) {
    for (int64_t begin_ns = 0;;) {
        rd_kafka_headers_t *list = header_count ? rd_kafka_headers_new(header_count) : NULL;
        for (uint32_t i = 0; i < header_count; i++)
            rd_kafka_header_add(list, headers[2 * i].ptr, (ssize_t)headers[2 * i].len,
                                headers[2 * i + 1].ptr, (ssize_t)headers[2 * i + 1].len);
        rd_kafka_resp_err_t error = rd_kafka_producev(
            producer->client->handle, RD_KAFKA_V_RKT(producer->topic),
            RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY),
            RD_KAFKA_V_VALUE((void *)value.ptr, value.len), RD_KAFKA_V_KEY(key.ptr, key.len),
            RD_KAFKA_V_TIMESTAMP(timestamp_ms), RD_KAFKA_V_HEADERS(list), RD_KAFKA_V_END);
        if (error == RD_KAFKA_RESP_ERR_NO_ERROR) return sent(producer, key.len + value.len);
        if (list) rd_kafka_headers_destroy(list); /* ours again after a failure */
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return failed(producer, error, err);
        if (!begin_ns) begin_ns = sl_clock_mono_ns();
        SL_TRY(make_room(producer, begin_ns, err));
    }
}

enum sl_code sl_kafka_producer_send(struct sl_kafka_producer *producer, int32_t partition,
                                    struct sl_str key, struct sl_str value, int64_t timestamp_ms,
                                    struct sl_err *err) {
    if (timestamp_ms)
        return sl_kafka_producer_send_headers(producer, partition, key, value, timestamp_ms, NULL,
                                              0, err);
    int64_t begin_ns = 0;
    while (rd_kafka_produce(producer->topic, partition, RD_KAFKA_MSG_F_COPY, (void *)value.ptr,
                            value.len, key.ptr, key.len, NULL) != 0) {
        rd_kafka_resp_err_t error = rd_kafka_last_error();
        if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL) return failed(producer, error, err);
        if (!begin_ns) begin_ns = sl_clock_mono_ns();
        SL_TRY(make_room(producer, begin_ns, err));
    }
    return sent(producer, key.len + value.len);
}

enum sl_code sl_kafka_producer_partitions(struct sl_kafka_producer *producer, int32_t *out,
                                          struct sl_err *err) {
    const struct rd_kafka_metadata *metadata = NULL;
    int64_t begin_ns = sl_clock_mono_ns();
    rd_kafka_resp_err_t error = rd_kafka_metadata(producer->client->handle, 0, producer->topic,
                                                  &metadata, SL_KAFKA_CONNECT_MS);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && metadata->topic_cnt == 1) {
        error = metadata->topics[0].err;
        *out = metadata->topics[0].partition_cnt;
    }
    if (metadata) rd_kafka_metadata_destroy(metadata);
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR && *out > 0) return SL_OK;
    if (error == RD_KAFKA_RESP_ERR_NO_ERROR) error = RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
    sl_kafka_client_fail(producer->client, err, error, begin_ns, "find the topic",
                         rd_kafka_err2str(error));
    return sl_context(err, "topic %s", rd_kafka_topic_name(producer->topic));
}

enum sl_code sl_kafka_producer_flush(struct sl_kafka_producer *producer, int64_t timeout_ms,
                                     struct sl_err *err) {
    int64_t begin_ns = sl_clock_mono_ns();
    struct sl_kafka_produced *counts = &producer->counts;
    while (counts->delivered + counts->failed < counts->sent) {
        rd_kafka_flush(producer->client->handle, 0); /* no more lingering */
        serve(producer, 50);
        SL_TRY(check_stop(producer, begin_ns, err));
        if ((sl_clock_mono_ns() - begin_ns) / 1000000 < timeout_ms) continue;
        uint64_t left = counts->sent - counts->delivered - counts->failed;
        sl_kafka_client_fail(producer->client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, begin_ns,
                             "deliver all records", "the brokers did not confirm in time");
        return sl_context(err, "%" PRIu64 " of %" PRIu64 " records unconfirmed", left,
                          counts->sent);
    }
    if (counts->failed) return failed(producer, producer->first_error, err);
    return SL_OK;
}

struct sl_kafka_produced sl_kafka_producer_counts(const struct sl_kafka_producer *producer) {
    return producer->counts;
}

void sl_kafka_producer_close(struct sl_kafka_producer *producer) {
    if (!producer) return;
    if (producer->client)
        rd_kafka_purge(producer->client->handle,
                       RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
    if (producer->topic) rd_kafka_topic_destroy(producer->topic);
    sl_kafka_client_close(producer->client);
    free(producer);
}
