/* Where reading begins and where a batch ends: which partitions there are, what the options say of
 * the first and the last offset, and what the brokers answer. */
#include <inttypes.h>

#include "base/clock.h"
#include "conn/kafka/kafka_source_int.h"

enum {
    RESPONSE_BYTES = 64 << 20,
    RESPONSE_BYTES_MIN = 16 << 20,
};

/* ---- partitions and offsets ---- */

static enum sl_code ensure_pool(struct sl_kafka_source *source, struct sl_err *err) {
    if (source->pool) return SL_OK;
    size_t limit = source->env->budget ? source->env->budget->limit_bytes : 0;
    size_t response = limit && limit / 4 < RESPONSE_BYTES ? limit / 4 : RESPONSE_BYTES;
    if (response < RESPONSE_BYTES_MIN) response = RESPONSE_BYTES_MIN;
    source->pool = sl_kafka_pool_new(
        &source->options, source->env->log, &source->wait,
        source->budget_bytes ? source->budget_bytes : SL_KAFKA_QUEUE_BYTES, response,
        source->watch.partitions.count ? source->watch.partitions.count : 1);
    return sl_kafka_pool_warm(source->pool, err);
}

enum sl_code sl_kafka_look(struct sl_kafka_source *source, int64_t max_age_ms, struct sl_err *err) {
    SL_TRY(sl_kafka_watch_look(&source->watch, max_age_ms, err));
    SL_TRY(ensure_pool(source, err));
    const struct sl_kafka_topics *topics = &source->watch.topics;
    struct sl_str recreated = sl_kafka_topic_ids_changed(source->topic_ids, topics);
    if (recreated.len) {
        enum sl_code code = sl_kafka_report_loss(
            source, "PARTITIONS_DELETED", 0, err,
            "topic `%.*s` was deleted and created again since it was read; the offsets in "
            "the checkpoint mean other records now",
            SL_STR_ARG(recreated));
        if (code != SL_OK)
            return sl_hint(err, "start with a new checkpoint and a new table directory; "
                                "failOnDataLoss => 'false' goes on at the old offsets"),
                   code;
    }
    return sl_kafka_topic_ids_keep(source->topic_ids, topics, err);
}

static struct sl_kafka_offsets assigned(struct sl_kafka_source *source, int64_t offset) {
    struct sl_kafka_offsets all =
        sl_kafka_offsets_copy(&source->scratch, &source->watch.partitions);
    for (uint32_t i = 0; i < all.count; i++) all.items[i].offset = offset;
    return all;
}

/* Partitions that vanished between the look and the answer are left out. */
static void drop_gone(struct sl_kafka_offsets *offsets) {
    uint32_t kept = 0;
    for (uint32_t i = 0; i < offsets->count; i++)
        if (offsets->items[i].offset != SL_KAFKA_GONE) offsets->items[kept++] = offsets->items[i];
    offsets->count = kept;
}

static enum sl_code ask(struct sl_kafka_source *source, struct sl_kafka_offsets *offsets,
                        struct sl_err *err) {
    SL_TRY(sl_kafka_offsets_ask(source->control, offsets, source->options.read_committed, err));
    drop_gone(offsets);
    return SL_OK;
}

/* Offsets given by the user must name all and only the partitions that are read. */
static enum sl_code check_same(const struct sl_kafka_source *source,
                               const struct sl_kafka_offsets *given, const char *what,
                               struct sl_err *err) {
    const struct sl_kafka_offsets *have = &source->watch.partitions;
    const struct sl_kafka_offset *odd = NULL;
    bool missing = false;
    for (uint32_t i = 0; !odd && i < given->count; i++)
        if (!sl_kafka_offsets_find(have, given->items[i].topic, given->items[i].partition))
            odd = &given->items[i];
    for (uint32_t i = 0; !odd && i < have->count; i++)
        if (!sl_kafka_offsets_find(given, have->items[i].topic, have->items[i].partition)) {
            odd = &have->items[i];
            missing = true;
        }
    if (!odd) return SL_OK;
    sl_fail(err, SL_USER,
            "`%s` must name every partition that is read, and no other: %.*s-%d is %s", what,
            SL_STR_ARG(odd->topic), odd->partition, missing ? "missing" : "not read");
    return sl_hint(err, "use -1 for latest and -2 for earliest where it does not matter");
}

/* Timestamps to offsets; no record at or after one: error or latest. */
static enum sl_code ask_timestamps(struct sl_kafka_source *source, struct sl_kafka_offsets *offsets,
                                   bool or_latest, struct sl_err *err) {
    struct sl_kafka_offsets stamps = sl_kafka_offsets_copy(&source->scratch, offsets);
    SL_TRY(ask(source, offsets, err));
    for (uint32_t i = 0; i < offsets->count; i++) {
        struct sl_kafka_offset *item = &offsets->items[i];
        const struct sl_kafka_offset *stamp =
            sl_kafka_offsets_find(&stamps, item->topic, item->partition);
        if (item->offset >= 0 || or_latest) continue;
        sl_fail(err, SL_USER, "%.*s-%d has no record at or after timestamp %" PRId64,
                SL_STR_ARG(item->topic), item->partition, stamp ? stamp->offset : 0);
        return sl_hint(err, "to start at the end there, set startingOffsetsByTimestampStrategy => "
                            "'latest'");
    }
    return SL_OK;
}

/* -1 and -2 become real offsets. */
static enum sl_code resolve_marks(struct sl_kafka_source *source, struct sl_kafka_offsets *offsets,
                                  struct sl_err *err) {
    struct sl_kafka_offsets marks = sl_kafka_offsets_copy(&source->scratch, offsets);
    marks.count = 0;
    for (uint32_t i = 0; i < offsets->count; i++)
        if (offsets->items[i].offset < 0) marks.items[marks.count++] = offsets->items[i];
    SL_TRY(ask(source, &marks, err));
    for (uint32_t i = 0; i < marks.count; i++)
        sl_kafka_offsets_find(offsets, marks.items[i].topic, marks.items[i].partition)->offset =
            marks.items[i].offset;
    return SL_OK;
}

static enum sl_code resolve_limit(struct sl_kafka_source *source,
                                  const struct sl_kafka_limit *limit, bool is_start,
                                  struct sl_kafka_offsets *out, struct sl_err *err) {
    switch (limit->kind) {
    case SL_KAFKA_AT_EARLIEST:
        *out = assigned(source, SL_KAFKA_EARLIEST);
        break;
    case SL_KAFKA_AT_LATEST:
        *out = assigned(source, SL_KAFKA_LATEST);
        break;
    case SL_KAFKA_AT_OFFSETS:
        SL_TRY(check_same(source, &limit->offsets, is_start ? "startingOffsets" : "endingOffsets",
                          err));
        *out = sl_kafka_offsets_copy(&source->scratch, &limit->offsets);
        break;
    case SL_KAFKA_AT_TIMESTAMPS:
        SL_TRY(check_same(source, &limit->offsets,
                          is_start ? "startingOffsetsByTimestamp" : "endingOffsetsByTimestamp",
                          err));
        *out = sl_kafka_offsets_copy(&source->scratch, &limit->offsets);
        SL_TRY(
            ask_timestamps(source, out, !is_start || source->options.latest_if_no_timestamp, err));
        break;
    case SL_KAFKA_AT_TIMESTAMP:
        *out = assigned(source, limit->timestamp_ms);
        SL_TRY(
            ask_timestamps(source, out, !is_start || source->options.latest_if_no_timestamp, err));
        break;
    }
    return resolve_marks(source, out, err);
}

/* A partition that was read, is to be read, and that nobody knows any more. */
static const struct sl_kafka_offset *find_gone(const struct sl_kafka_source *source,
                                               const struct sl_kafka_offsets *start,
                                               const struct sl_kafka_offsets *now) {
    for (uint32_t i = 0; start && i < start->count; i++)
        if (!sl_kafka_offsets_find(now, start->items[i].topic, start->items[i].partition) &&
            sl_kafka_is_wanted(source, &start->items[i]))
            return &start->items[i];
    return NULL;
}

/* End offsets; asked again when one lies below what was read already, since a broker that has just
 * become leader may answer with an old one (KAFKA-7703), and when a partition is unknown: a broker
 * whose metadata lags says so of partitions that exist, and to plan a batch without them would read
 * them from their beginning later. */
static enum sl_code ask_latest(struct sl_kafka_source *source, const struct sl_kafka_offsets *start,
                               struct sl_kafka_offsets *out, struct sl_err *err) {
    for (int64_t attempt = 1;; attempt++) {
        *out = assigned(source, SL_KAFKA_LATEST);
        SL_TRY(ask(source, out, err));
        const struct sl_kafka_offset *backwards = NULL;
        for (uint32_t i = 0; start && i < out->count; i++) {
            const struct sl_kafka_offset *known =
                sl_kafka_offsets_find(start, out->items[i].topic, out->items[i].partition);
            if (known && known->offset > out->items[i].offset) backwards = &out->items[i];
        }
        const struct sl_kafka_offset *gone = find_gone(source, start, out);
        /* told before a batch is planned: a plan without the partition could never run, even when
         * the broker knows it again */
        if ((!backwards && !gone) || attempt >= source->options.retries)
            return start && source->options.fail_on_data_loss
                       ? sl_kafka_check_known(source, start, out, err)
                       : SL_OK;
        if (source->env->log && backwards)
            sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_KAFKA,
                         "the end of %.*s-%d is %" PRId64 ", below what was read; asking again",
                         SL_STR_ARG(backwards->topic), backwards->partition, backwards->offset);
        else if (source->env->log)
            sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_KAFKA,
                         "%.*s-%d was read and is unknown now; asking again",
                         SL_STR_ARG(gone->topic), gone->partition);
        sl_clock_sleep_ms(source->options.retry_interval_ms);
        if (gone) SL_TRY(sl_kafka_look(source, 0, err));
    }
}

static void remember_latest(struct sl_kafka_source *source, const struct sl_kafka_offsets *latest) {
    sl_arena_reset(&source->latest_arena);
    source->latest = sl_kafka_offsets_copy(&source->latest_arena, latest);
    for (uint32_t i = 0; i < latest->count; i++)
        source->latest.items[i].topic = sl_arena_str(&source->latest_arena, latest->items[i].topic);
}

static struct sl_kafka_offsets keep(struct sl_arena *arena, const struct sl_kafka_offsets *from) {
    struct sl_kafka_offsets copy = sl_kafka_offsets_copy(arena, from);
    for (uint32_t i = 0; i < copy.count; i++)
        copy.items[i].topic = sl_arena_str(arena, copy.items[i].topic);
    return copy;
}

/* ---- vtable: offsets ---- */

enum sl_code sl_kafka_initial_offset(struct sl_source *base, struct sl_buf *out,
                                     struct sl_err *err) {
    struct sl_kafka_source *source = sl_kafka_source_of(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start;
    SL_TRY(sl_kafka_look(source, 0, err));
    SL_TRY(resolve_limit(source, &source->options.start, true, &start, err));
    sl_kafka_offsets_put(out, &start);
    return SL_OK;
}

enum sl_code sl_kafka_new_partitions(struct sl_kafka_source *source,
                                     const struct sl_kafka_offsets *start,
                                     const struct sl_kafka_offsets *end,
                                     struct sl_kafka_offsets *wanted, struct sl_kafka_offsets *out,
                                     struct sl_err *err) {
    *wanted = sl_kafka_offsets_copy(&source->scratch, end);
    wanted->count = 0;
    for (uint32_t i = 0; i < end->count; i++)
        if (!sl_kafka_offsets_find(start, end->items[i].topic, end->items[i].partition))
            wanted->items[wanted->count++] = end->items[i];
    *out = sl_kafka_offsets_copy(&source->scratch, wanted);
    for (uint32_t i = 0; i < out->count; i++) out->items[i].offset = SL_KAFKA_EARLIEST;
    return ask(source, out, err);
}

static enum sl_code stream_latest(struct sl_kafka_source *source,
                                  const struct sl_kafka_offsets *start,
                                  const struct sl_batch_limits *limits,
                                  struct sl_kafka_offsets *out, struct sl_err *err) {
    if (limits->available_now && source->is_pinned)
        *out = source->pinned;
    else {
        SL_TRY(sl_kafka_look(source, limits->available_now ? 0 : SL_KAFKA_LOOK_AGE_MS, err));
        sl_kafka_pool_seen(source->pool);
        SL_TRY(ask_latest(source, start, out, err));
        if (source->options.read_committed)
            sl_kafka_held_look(&source->held, source->control, out, limits->available_now,
                               source->env->log);
    }
    if (limits->available_now && !source->is_pinned) {
        source->pinned = keep(source->env->query, out);
        source->is_pinned = true;
    }
    remember_latest(source, out);
    if (limits->ignore_limits) return SL_OK;
    const struct sl_kafka_options *options = &source->options;
    /* An available-now run reads everything there is: waiting for more would leave some behind. */
    if (options->min_offsets_per_trigger && !limits->available_now &&
        sl_kafka_plan_delay(options->min_offsets_per_trigger, options->max_trigger_delay_ms,
                            limits->now_ms, limits->last_trigger_ms, start, out)) {
        *out = *start;
        return SL_OK;
    }
    if (!options->max_offsets_per_trigger) return SL_OK;
    struct sl_kafka_offsets wanted, fresh;
    SL_TRY(sl_kafka_new_partitions(source, start, out, &wanted, &fresh, err));
    struct sl_kafka_offsets from = sl_kafka_offsets_merge(&source->scratch, start, &fresh);
    *out = sl_kafka_plan_limit(&source->scratch, options->max_offsets_per_trigger, &from, out);
    return SL_OK;
}

enum sl_code sl_kafka_latest_offset(struct sl_source *base, struct sl_str start_text,
                                    const struct sl_batch_limits *limits, struct sl_buf *out,
                                    bool *has_new, struct sl_err *err) {
    struct sl_kafka_source *source = sl_kafka_source_of(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start, end;
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, start_text, "the start offset", &start, err));
    if (source->options.streaming)
        SL_TRY(stream_latest(source, &start, limits, &end, err));
    else {
        SL_TRY(sl_kafka_look(source, SL_KAFKA_LOOK_AGE_MS, err));
        SL_TRY(resolve_limit(source, &source->options.end, false, &end, err));
        remember_latest(source, &end);
    }
    *has_new = !sl_kafka_offsets_equal(&start, &end);
    sl_kafka_offsets_put(out, &end);
    return SL_OK;
}
