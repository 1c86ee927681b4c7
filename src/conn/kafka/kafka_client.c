#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/kafka/kafka_client_int.h"

/* ---- errors on record ---- */

/* "All brokers down" follows every reason and would hide it. */
static bool says_something(rd_kafka_resp_err_t error) {
    return error != RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
}

/* While brokers stay away librdkafka tells such a reason once, and then only that all are down. */
static bool is_of_connections(rd_kafka_resp_err_t error) {
    return error == RD_KAFKA_RESP_ERR__TRANSPORT || error == RD_KAFKA_RESP_ERR__RESOLVE;
}

/* "h:9092/bootstrap: Connect to .. failed: Connection refused (after 0ms in state CONNECT, ..)":
 * without librdkafka's bookkeeping. */
static void copy_reason(char *to, size_t cap, const char *reason) {
    const char *begin = strstr(reason, "/bootstrap: ");
    snprintf(to, cap, "%s", begin ? begin + 12 : reason);
    char *end = strstr(to, " (after ");
    if (end) *end = 0;
}

void sl_kafka_client_note(struct sl_kafka_client *client, rd_kafka_resp_err_t error,
                          const char *reason) {
    pthread_mutex_lock(&client->lock);
    if (!says_something(error) && is_of_connections(client->error)) {
        client->error_ns = sl_clock_mono_ns();
    } else if (says_something(error) || client->error == RD_KAFKA_RESP_ERR_NO_ERROR) {
        client->error = error;
        client->error_ns = sl_clock_mono_ns();
        copy_reason(client->reason, sizeof client->reason, reason);
    }
    pthread_mutex_unlock(&client->lock);
}

static void on_error(rd_kafka_t *handle, int error, const char *reason, void *opaque) {
    (void)handle;
    struct sl_kafka_client *client = opaque;
    sl_kafka_client_note(client, (rd_kafka_resp_err_t)error, reason);
    if (client->log) sl_log_debug(client->log, SL_CAT_KAFKA, "kafka client: %s", reason);
}

/* librdkafka's own log: what matters comes through on_error, so only debug shows it. An oversized
 * response is the exception: it is logged and then looks like a lost connection. */
static void on_log(const rd_kafka_t *handle, int level, const char *facility, const char *text) {
    (void)level;
    struct sl_kafka_client *client = rd_kafka_opaque(handle);
    if (!client) return;
    if (strstr(text, "receive.message.max.bytes"))
        sl_kafka_client_note(client, RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE, text);
    if (client->log) sl_log_debug(client->log, SL_CAT_KAFKA, "%s: %s", facility, text);
}

rd_kafka_resp_err_t sl_kafka_client_last_error(struct sl_kafka_client *client, int64_t since_ns,
                                               char *reason, size_t cap) {
    rd_kafka_resp_err_t error = RD_KAFKA_RESP_ERR_NO_ERROR;
    pthread_mutex_lock(&client->lock);
    if (client->error != RD_KAFKA_RESP_ERR_NO_ERROR && client->error_ns >= since_ns) {
        error = client->error;
        if (reason) snprintf(reason, cap, "%s", client->reason);
    }
    pthread_mutex_unlock(&client->lock);
    return error;
}

/* ---- kinds of errors ---- */

struct error_row {
    rd_kafka_resp_err_t error;
    enum sl_code code;
    bool lasts;
    const char *hint;
};
enum { PASSES, LASTS };

static struct error_row row_of(rd_kafka_resp_err_t error) {
    static const struct error_row rows[] = {
#define KAFKA_ERROR(name, code, lasts, hint) {RD_KAFKA_RESP_ERR_##name, SL_##code, lasts, hint},
#include "conn/kafka/kafka_error.def"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (rows[i].error == error) return rows[i];
    return (struct error_row){error, SL_UNAVAILABLE, PASSES, ""};
}

bool sl_kafka_error_is_final(rd_kafka_resp_err_t error) { return row_of(error).lasts; }

/* "could not <what> `servers`: ..." */
static enum sl_code fail_at_servers(struct sl_kafka_client *client, struct sl_err *err,
                                    rd_kafka_resp_err_t error, int64_t since_ns, const char *what,
                                    const char *why) {
    char reason[384] = "";
    bool vague = error == RD_KAFKA_RESP_ERR__TIMED_OUT || error == RD_KAFKA_RESP_ERR__TRANSPORT ||
                 error == RD_KAFKA_RESP_ERR__TIMED_OUT_QUEUE ||
                 error == RD_KAFKA_RESP_ERR_NO_ERROR ||
                 error == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
    rd_kafka_resp_err_t recorded =
        vague ? sl_kafka_client_last_error(client, since_ns, reason, sizeof reason)
              : RD_KAFKA_RESP_ERR_NO_ERROR;
    if (recorded != RD_KAFKA_RESP_ERR_NO_ERROR) error = recorded;
    const char *detail = reason[0] ? reason : why && why[0] ? why : rd_kafka_err2str(error);
    struct error_row row = row_of(error);
    sl_fail(err, row.code, "could not %s `%s`: %s", what, client->servers, detail);
    if (err) {
        err->sys = error;
        err->retriable = row.code == SL_UNAVAILABLE && !row.lasts;
    }
    if (row.hint[0]) sl_hint(err, "%s", row.hint);
    return row.code;
}

enum sl_code sl_kafka_client_fail(struct sl_kafka_client *client, struct sl_err *err,
                                  rd_kafka_resp_err_t error, int64_t since_ns, const char *what,
                                  const char *why) {
    char phrase[760];
    snprintf(phrase, sizeof phrase, "%s on the Kafka brokers", what);
    return fail_at_servers(client, err, error, since_ns, phrase, why);
}

enum sl_code sl_kafka_fail_loss(struct sl_err *err, const char *subclass, const char *fmt, ...) {
    char text[640];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    sl_fail(err, SL_DATA, "%s", text);
    if (err) {
        snprintf(err->condition, sizeof err->condition, "KAFKA_DATA_LOSS.%s", subclass);
        snprintf(err->sqlstate, sizeof err->sqlstate, "22000");
    }
    return sl_hint(err, "some records may be gone: they aged out, or the topic was deleted before "
                        "they were read; to go on without them set failOnDataLoss => 'false'; they "
                        "are then counted and logged");
}

/* ---- life ---- */

/* librdkafka also waits reconnect.backoff.ms before the very first connection to each broker that
 * it learns of: its default of 100 ms would be most of a short query's time. It doubles up to the
 * maximum when connecting fails. */
static const char *const common_defaults[] = {"client.id",
                                              "sluice",
                                              "log.connection.close",
                                              "false",
                                              "socket.keepalive.enable",
                                              "true",
                                              "reconnect.backoff.ms",
                                              "5",
                                              "reconnect.backoff.max.ms",
                                              "2000",
                                              NULL};
/* While an admin request waits for a broker that is gone, librdkafka with sparse connections skips
 * the back-off at each change of the broker's state, and takes a core to connect without pause
 * (2.15.1: find_by_nodeid0 sends CONNECT, which sets ts_reconnect to 0). Without them it holds a
 * connection to every broker and keeps to the back-off. */
static const char *const control_forced[] = {"enable.sparse.connections", "false", NULL};
static const char *const never_create[] = {"allow.auto.create.topics", "false", NULL};

static enum sl_code set_pairs(rd_kafka_conf_t *conf, const char *const *pairs, struct sl_err *err) {
    char text[512];
    for (size_t i = 0; pairs && pairs[i]; i += 2)
        if (rd_kafka_conf_set(conf, pairs[i], pairs[i + 1], text, sizeof text) != RD_KAFKA_CONF_OK)
            return sl_fail(err, SL_USER, "Kafka client property `%s` cannot be `%s`: %s", pairs[i],
                           pairs[i + 1], text);
    return SL_OK;
}

static enum sl_code set_all(rd_kafka_conf_t *conf, enum sl_kafka_client_kind kind,
                            const struct sl_kafka_properties *properties,
                            const char *const *defaults, const char *const *forced,
                            struct sl_err *err) {
    char text[512];
    SL_TRY(set_pairs(conf, common_defaults, err));
    SL_TRY(set_pairs(conf, defaults, err));
    for (uint32_t i = 0; i < properties->count; i++) {
        const struct sl_kafka_property *property = &properties->items[i];
        if (rd_kafka_conf_set(conf, property->name, property->value, text, sizeof text) ==
            RD_KAFKA_CONF_OK)
            continue;
        return sl_fail(err, SL_USER, "Kafka client property `%s` is not valid: %s", property->name,
                       text);
    }
    if (kind != SL_KAFKA_PRODUCER) SL_TRY(set_pairs(conf, never_create, err));
    if (kind == SL_KAFKA_CONTROL) SL_TRY(set_pairs(conf, control_forced, err));
    return set_pairs(conf, forced, err);
}

enum sl_code sl_kafka_client_open(enum sl_kafka_client_kind kind,
                                  const struct sl_kafka_properties *properties,
                                  const char *const *defaults, const char *const *forced,
                                  const struct sl_log *log, const struct sl_kafka_wait *wait,
                                  struct sl_kafka_client **out, struct sl_err *err) {
    *out = NULL;
    struct sl_kafka_client *client = sl_xcalloc(1, sizeof *client);
    pthread_mutex_init(&client->lock, NULL);
    client->log = log;
    if (wait) client->wait = *wait;
    const char *servers = sl_kafka_property_find(properties, "bootstrap.servers");
    snprintf(client->servers, sizeof client->servers, "%s", servers ? servers : "");
    rd_kafka_conf_t *conf = rd_kafka_conf_new();
    enum sl_code code = set_all(conf, kind, properties, defaults, forced, err);
    char text[512] = "";
    if (code == SL_OK) {
        rd_kafka_conf_set_opaque(conf, client);
        rd_kafka_conf_set_error_cb(conf, on_error);
        rd_kafka_conf_set_log_cb(conf, on_log);
        /* A producer's reports and errors come as events, in batches (kafka_producer.c). */
        if (kind == SL_KAFKA_PRODUCER)
            rd_kafka_conf_set_events(conf, RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR);
        client->handle =
            rd_kafka_new(kind == SL_KAFKA_PRODUCER ? RD_KAFKA_PRODUCER : RD_KAFKA_CONSUMER, conf,
                         text, sizeof text);
        if (client->handle) conf = NULL; /* taken over */
        if (!client->handle)
            code =
                sl_fail(err, SL_USER, "the Kafka client settings do not work together: %s", text);
    }
    if (conf) rd_kafka_conf_destroy(conf);
    if (code != SL_OK) {
        sl_kafka_client_close(client);
        return code;
    }
    *out = client;
    return SL_OK;
}

void sl_kafka_client_poll(struct sl_kafka_client *client) { rd_kafka_poll(client->handle, 0); }

bool sl_kafka_client_stopping(const struct sl_kafka_client *client) {
    return client->wait.stopping && client->wait.stopping(client->wait.ctx);
}

enum sl_code sl_kafka_client_connect(struct sl_kafka_client *client, struct sl_err *err) {
    int64_t begin_ns = sl_clock_mono_ns();
    while (sl_clock_mono_ns() - begin_ns < (int64_t)SL_KAFKA_CONNECT_MS * 1000000) {
        /* The first metadata answer tells the cluster id. */
        char *cluster = rd_kafka_clusterid(client->handle, 100);
        if (cluster) {
            rd_kafka_mem_free(client->handle, cluster);
            return SL_OK;
        }
        sl_kafka_client_poll(client);
        if (sl_kafka_client_stopping(client)) return sl_fail(err, SL_CANCELED, "asked to stop");
        if (sl_kafka_error_is_final(sl_kafka_client_last_error(client, begin_ns, NULL, 0))) break;
    }
    return fail_at_servers(client, err, RD_KAFKA_RESP_ERR__TIMED_OUT, begin_ns,
                           "connect to the Kafka brokers", "no broker answered in time");
}

void sl_kafka_client_close(struct sl_kafka_client *client) {
    if (!client) return;
    if (client->handle) rd_kafka_destroy(client->handle);
    pthread_mutex_destroy(&client->lock);
    free(client);
}

void sl_kafka_put_version(struct sl_buf *out) {
    sl_buf_printf(out, "librdkafka %s\n", rd_kafka_version_str());
}
