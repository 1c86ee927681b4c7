/* The Kafka sink's life cycle.  Exactly once: a batch is one transaction, and a marker in it tells
 * whether it was committed.
 *
 *   open      init_transactions: fences an older process, ends what it left; marker read
 *   begin     transaction begun
 *   (tasks)   records sent
 *   commit    all acknowledged; marker added; EndTxn                    the commit point
 *   (run writes commits/N)
 *
 * After a failure whose outcome is open, the producer is thrown away: the next one settles it
 * (a new epoch, then the marker), and a batch that turns out to be in is not sent again. */
#include "conn/kafka/kafka_sink.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "base/io.h"
#include "conn/kafka/kafka_letter.h"
#include "conn/kafka/kafka_sink_int.h"

enum {
    QUEUE_BYTES_MIN = 4 << 20,
    QUEUE_BYTES_MAX = 32 << 20,
    QUEUE_SHARE = 16, /* of the memory limit; librdkafka needs about as much again beside it */
    /* Within this time brokers do not forget a marker (offsets.retention.minutes: 7 days unless
     * told otherwise). */
    MARKER_LIFE_MS = 24 * 60 * 60 * 1000,
};

static struct sl_kafka_sink *self(const struct sl_sink *sink) {
    return (struct sl_kafka_sink *)sink;
}
static struct sl_str description(const struct sl_sink *sink) { return self(sink)->description; }

static enum sl_code fail_point(const char *name, const char *what, struct sl_err *err) {
    int failure = sl_fail_point(name);
    return failure ? sl_fail_sys(err, failure, "could not %s", what) : SL_OK;
}

/* ---- producer and marker ---- */

static void drop_delivery(struct sl_kafka_sink *sink) {
    sl_kafka_delivery_close(sink->delivery);
    sink->delivery = NULL;
}

/* A topic may take less than the producer would send; where rows name topics, the broker tells. */
static void ask_limit(struct sl_kafka_sink *sink) {
    int64_t bytes;
    if (!sink->options.topic.len ||
        !sl_kafka_topic_number(sink->control, sink->options.topic, "max.message.bytes", &bytes))
        return;
    if (bytes > 0 && (size_t)bytes < sink->record_bytes_max) sink->record_bytes_max = (size_t)bytes;
}

static enum sl_code open_delivery(struct sl_kafka_sink *sink, struct sl_err *err) {
    sink->record_bytes_max = sink->options.record_bytes_max;
    ask_limit(sink);
    struct sl_kafka_delivery_config config = {.properties = &sink->options.properties,
                                              .transactional_id = sink->transactional_id,
                                              .queue_bytes = sink->queue_bytes,
                                              .transaction_timeout_ms =
                                                  sink->options.transaction_timeout_ms,
                                              .batch_bytes = sink->record_bytes_max,
                                              .log = sink->env->log,
                                              .wait = &sink->wait};
    SL_TRY(sl_kafka_delivery_open(&config, &sink->delivery, err));
    enum sl_code code = SL_OK;
    if (sink->options.topic.len)
        code = sl_kafka_delivery_find_topic(sink->delivery, sink->options.topic, err);
    if (code == SL_OK && sink->marked)
        code = sl_kafka_marker_read(sink->control, sink->transactional_id, &sink->marker, err);
    if (code != SL_OK) drop_delivery(sink);
    return code;
}

static enum sl_code other_checkpoint(const struct sl_kafka_sink *sink, const char *what,
                                     struct sl_err *err) {
    sl_fail(err, SL_DATA,
            "the last batch in the topic is %" PRId64 ", %s: checkpoint `%.*s` is not the one that "
            "wrote it (an older copy was restored?)",
            sink->marker.batch_id, what, SL_STR_ARG(sink->env->checkpoint_dir));
    return sl_hint(err, "restore the newest checkpoint; or begin with a new one, or set "
                        "'sluice.delivery' = 'at-least-once', and records will be written again");
}

static enum sl_code check_marker(const struct sl_kafka_sink *sink, int64_t batch_id,
                                 uint64_t offsets_hash, bool *committed, struct sl_err *err) {
    *committed = sink->marker.found && sink->marker.batch_id >= batch_id;
    if (*committed && sink->marker.batch_id == batch_id &&
        sink->marker.offsets_hash != offsets_hash)
        return other_checkpoint(sink, "made from other offsets than this checkpoint's", err);
    return SL_OK;
}

/* ---- recovery ---- */

static enum sl_code recover(struct sl_sink *base, int64_t last_planned, uint64_t planned_hash,
                            int64_t last_committed, struct sl_err *err) {
    struct sl_kafka_sink *sink = self(base);
    (void)planned_hash;
    sink->last_planned = last_planned;
    sink->last_committed = last_committed;
    SL_TRY(open_delivery(sink, err));
    if (!sink->marker.found || sink->marker.batch_id <= last_planned) return SL_OK;
    char what[96];
    snprintf(what, sizeof what, "the last planned in the checkpoint is %" PRId64, last_planned);
    return other_checkpoint(sink, what, err);
}

/* Brokers forget markers, so a batch that was planned long ago may have been committed. */
static enum sl_code check_forgotten(struct sl_kafka_sink *sink, int64_t batch_id,
                                    struct sl_err *err) {
    struct sl_arena arena;
    struct sl_file_info info;
    sl_arena_init(&arena, "planned");
    struct sl_str path = sl_arena_printf(&arena, "%.*s/%lld", SL_STR_ARG(sink->env->planned_dir),
                                         (long long)batch_id);
    enum sl_code code = sl_io_stat(path.ptr, &info, err);
    sl_arena_release(&arena);
    int64_t age_ms = sl_clock_wall_us() / 1000 - info.modified_ms;
    if (code != SL_OK || !info.exists || age_ms < MARKER_LIFE_MS) return code;
    sl_fail(err, SL_DATA,
            "whether the %s of batch %" PRId64 " are in the topic is not known: it was begun %lld "
            "hours ago, and the brokers have no marker of the group `%s` (they forget those after "
            "`offsets.retention.minutes`)",
            sink->holds_letters ? "dead letters" : "rows", batch_id, (long long)(age_ms / 3600000),
            sink->transactional_id);
    return sl_hint(err, "look whether they are there; if not, or if doubles do no harm, run once "
                        "with 'sluice.delivery' = 'at-least-once' on this sink");
}

static enum sl_code is_committed(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                                 bool *committed, struct sl_err *err) {
    struct sl_kafka_sink *sink = self(base);
    *committed = batch_id <= sink->last_committed;
    if (!sink->marked) return SL_OK;
    bool known = *committed;
    SL_TRY(check_marker(sink, batch_id, offsets_hash, committed, err));
    /* an older marker: what was committed since was so by Spark, or at-least-once */
    if (known || *committed || sink->marker.found) return *committed |= known, SL_OK;
    if (batch_id > sink->last_planned) return SL_OK; /* planned by this run, which began without */
    return check_forgotten(sink, batch_id, err);
}

/* ---- a batch ---- */

static enum sl_code begin(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                          uint32_t tasks, struct sl_err *err) {
    struct sl_kafka_sink *sink = self(base);
    (void)tasks;
    sink->batch_id = batch_id;
    sink->offsets_hash = offsets_hash;
    sink->skip = false;
    atomic_store(&sink->rows, 0);
    atomic_store(&sink->bytes, 0);
    atomic_store(&sink->has_topic, false);
    if (!sink->delivery) {
        SL_TRY(open_delivery(sink, err));
        if (sink->marked) SL_TRY(check_marker(sink, batch_id, offsets_hash, &sink->skip, err));
    }
    if (sink->skip) return SL_OK;
    SL_TRY(sl_kafka_delivery_begin(sink->delivery, err));
    return fail_point("kafka_sink.begun", "begin the batch", err);
}

/* Was the batch committed after all? Asked of a new producer, since only behind its
 * init_transactions nothing of the old one can still arrive. */
static bool settle(struct sl_kafka_sink *sink) {
    struct sl_err ignored;
    bool committed = false;
    drop_delivery(sink);
    if (!sink->marked || open_delivery(sink, &ignored) != SL_OK) return false;
    return check_marker(sink, sink->batch_id, sink->offsets_hash, &committed, &ignored) == SL_OK &&
           committed;
}

static enum sl_code add_marker(struct sl_kafka_sink *sink, struct sl_err *err) {
    char text[SL_KAFKA_MARKER_TEXT];
    if (!sink->marked) return SL_OK;
    sl_kafka_marker_put(text, sink->batch_id, sink->offsets_hash);
    return sl_kafka_delivery_mark(sink->delivery, sink->transactional_id, sink->marker_topic,
                                  sink->batch_id, text, err);
}

static enum sl_code end_transaction(struct sl_kafka_sink *sink, struct sl_err *err) {
    if (!sink->transactional_id) return SL_OK;
    SL_TRY(add_marker(sink, err));
    SL_TRY(fail_point("kafka_sink.offsets", "commit the transaction", err));
    enum sl_code code = sl_kafka_delivery_commit(sink->delivery, err);
    if (code == SL_OK) return SL_OK;
    if (code == SL_CONFLICT || code == SL_CANCELED || !settle(sink)) return code;
    if (sink->env->log)
        sl_log_event(sink->env->log, SL_LOG_WARN, SL_CAT_COMMIT,
                     "batch %" PRId64 ": the answer to the commit was lost; its marker is in the "
                     "topic, so it is committed",
                     sink->batch_id);
    if (err) sl_err_clear(err);
    return SL_OK;
}

static enum sl_code commit_records(struct sl_kafka_sink *sink, struct sl_err *err) {
    SL_TRY(fail_point("kafka_sink.produced", "write the records", err));
    SL_TRY(sl_kafka_delivery_flush(sink->delivery, err));
    SL_TRY(fail_point("kafka_sink.flushed", "commit the transaction", err));
    /* a batch without records needs no marker: to write it again changes nothing */
    if (!atomic_load(&sink->has_topic)) return sl_kafka_delivery_commit(sink->delivery, err);
    return end_transaction(sink, err);
}

static enum sl_code explain_age(const struct sl_kafka_sink *sink, int64_t begin_ns,
                                struct sl_err *err) {
    int64_t seconds = (sl_clock_mono_ns() - begin_ns) / 1000000000;
    if (err && err->code == SL_CONFLICT && seconds >= sink->options.transaction_timeout_ms / 1000)
        sl_hint(err,
                "the transaction was open for %lld s, longer than `kafka.transaction.timeout.ms` "
                "(%lld s); make batches smaller (maxOffsetsPerTrigger), or raise it; the brokers' "
                "limit is `transaction.max.timeout.ms`",
                (long long)seconds, (long long)(sink->options.transaction_timeout_ms / 1000));
    return err ? err->code : SL_CONFLICT;
}

static enum sl_code commit(struct sl_sink *base, struct sl_sink_metrics *metrics,
                           struct sl_err *err) {
    struct sl_kafka_sink *sink = self(base);
    struct sl_err local;
    if (!err) err = &local;
    *metrics = (struct sl_sink_metrics){.rows = atomic_load(&sink->rows),
                                        .bytes = atomic_load(&sink->bytes)};
    if (sink->skip) return SL_OK;
    enum sl_code code = commit_records(sink, err);
    if (code == SL_CONFLICT) explain_age(sink, sl_kafka_delivery_begun_ns(sink->delivery), err);
    if (code != SL_OK) return code;
    sink->marker = (struct sl_kafka_marker){sink->marked, sink->batch_id, sink->offsets_hash};
    SL_TRY(fail_point("kafka_sink.committed", "go on", err));
    if (sink->transactional_id && sink->delivery && sl_kafka_delivery_was_disturbed(sink->delivery))
        drop_delivery(sink);
    return SL_OK;
}

static void abort_batch(struct sl_sink *base) {
    struct sl_kafka_sink *sink = self(base);
    if (sink->delivery && !sink->skip && sl_kafka_delivery_abort(sink->delivery)) return;
    drop_delivery(sink);
}

static void close_sink(struct sl_sink *base) {
    struct sl_kafka_sink *sink = self(base);
    drop_delivery(sink);
    sl_kafka_client_close(sink->control);
    if (sink->budget_bytes) sl_budget_give(sink->env->budget, sink->budget_bytes);
    pthread_mutex_destroy(&sink->lock);
}

static const struct sl_sink_ops sink_ops = {
    .name = "kafka",
    .reports_rows = true,
    .description = description,
    .recover = recover,
    .is_committed = is_committed,
    .begin = begin,
    .writer_open = sl_kafka_rows_open,
    .write = sl_kafka_rows_write,
    .writer_close = sl_kafka_rows_close,
    .writer_abort = sl_kafka_rows_abort,
    .commit = commit,
    .abort = abort_batch,
    .close = close_sink,
};

/* ---- open ---- */

static enum sl_code take_memory(struct sl_kafka_sink *sink, struct sl_err *err) {
    struct sl_budget *budget = sink->env->budget;
    size_t limit = budget ? budget->limit_bytes : 0;
    size_t queue = limit ? limit / QUEUE_SHARE : QUEUE_BYTES_MAX;
    if (queue < QUEUE_BYTES_MIN) queue = QUEUE_BYTES_MIN;
    if (queue > QUEUE_BYTES_MAX) queue = QUEUE_BYTES_MAX;
    if (sink->options.queue_bytes) queue = sink->options.queue_bytes;
    sink->queue_bytes = queue;
    if (!limit) return SL_OK;
    SL_TRY(sl_budget_take(budget, 2 * queue, "Kafka's send queue", err));
    sink->budget_bytes = 2 * queue;
    return SL_OK;
}

/* One of its own for every sink of every query, the same after a restart. A batch query starts
 * from nothing each time. */
static void name_transactions(struct sl_kafka_sink *sink, const struct sl_sink_config *config) {
    struct sl_str query_id = sink->env->query_id;
    char uuid[37] = {0};
    if (!sink->options.exactly_once) return;
    sink->marked = query_id.len > 0;
    if (!sink->marked) {
        uint64_t high, low;
        sl_random_system(&high, &low);
        sl_uuid_format(uuid, high, low);
        query_id = sl_str(uuid);
    }
    sink->transactional_id =
        sl_arena_printf(sink->env->query, "sluice-%.*s-%.*s%s", SL_STR_ARG(query_id),
                        SL_STR_ARG(config->name), sink->holds_letters ? "-letters" : "")
            .ptr;
}

/* A dead letter's topic and partition are those it was read from. */
static enum sl_code find_columns(struct sl_kafka_sink *sink, struct sl_err *err) {
    sink->holds_letters = sl_kafka_is_letter_schema(sink->schema);
    SL_TRY(sl_kafka_columns_find(sink->schema, sink->options.topic, &sink->columns, err));
    if (!sink->holds_letters) return SL_OK;
    sink->columns.partition = -1;
    if (sink->options.topic.len) return SL_OK;
    return sl_fail(err, SL_USER, "a Kafka sink of dead letters needs the option `topic`");
}

/* librdkafka (2.15.1) dereferences the group of the client when a coordinator moves or loads while
 * offsets are listed: a client that asks for a marker must be of a group. It never joins. */
static enum sl_code open_control(struct sl_kafka_sink *sink, struct sl_err *err) {
    const char *of_group[] = {"group.id", sink->transactional_id, "enable.auto.commit", "false",
                              NULL};
    SL_TRY(sl_kafka_client_open(SL_KAFKA_CONTROL, &sink->options.properties, NULL,
                                sink->marked ? of_group : NULL, sink->env->log, &sink->wait,
                                &sink->control, err));
    return sl_kafka_client_connect(sink->control, err);
}

enum sl_code sl_kafka_sink_open(const struct sl_conn_env *env, const struct sl_sink_config *config,
                                struct sl_sink **out, struct sl_err *err) {
    struct sl_kafka_sink *sink = SL_NEW(env->query, struct sl_kafka_sink);
    sink->base.ops = &sink_ops;
    pthread_mutex_init(&sink->lock, NULL);
    sink->env = env;
    sink->schema = config->schema;
    sink->wait = (struct sl_kafka_wait){env->stopping, env->stop_ctx};
    sink->last_planned = sink->last_committed = -1;
    SL_TRY(
        sl_kafka_sink_options_resolve(env->query, &config->options, env->log, &sink->options, err));
    SL_TRY(find_columns(sink, err));
    if (config->partition_count)
        return sl_fail(err, SL_USER,
                       "a Kafka topic has no PARTITIONED BY columns; a column "
                       "`partition` or the key chooses the partition");
    name_transactions(sink, config);
    sink->description = sink->options.topic.len
                            ? sl_arena_printf(env->query, "KafkaSink[%s]", sink->options.topic.ptr)
                            : SL_STR("KafkaSink");
    SL_TRY(take_memory(sink, err));
    enum sl_code code = open_control(sink, err);
    if (code != SL_OK) {
        close_sink(&sink->base);
        return code;
    }
    *out = &sink->base;
    return SL_OK;
}

enum sl_code sl_kafka_sink_check(const struct sl_conn_env *env, const struct sl_options *options,
                                 struct sl_err *err) {
    struct sl_kafka_sink_options resolved;
    return sl_kafka_sink_options_resolve(env->query, options, NULL, &resolved, err);
}
