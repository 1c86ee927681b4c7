#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/kafka/kafka_sink.h"
#include "conn/kafka/kafka_source_int.h"

enum {
    LOOK_AGE_MS = 1000, /* how stale the list of partitions may be in a running stream */
    QUEUE_BYTES = 16 << 20,
    QUEUE_BYTES_MIN = 4 << 20,
    RESPONSE_BYTES = 64 << 20,
    RESPONSE_BYTES_MIN = 16 << 20,
};

/* ---- schema ---- */

#define COLUMN(text, kind)                                                                         \
    { .name = {text, sizeof(text) - 1}, .type = &kind, .nullable = true }
static struct sl_field header_fields[] = {COLUMN("key", sl_type_string),
                                          COLUMN("value", sl_type_binary)};
static const struct sl_type header_type = {
    .kind = SL_STRUCT_KIND, .field_count = 2, .fields = header_fields};
static struct sl_field header_element[] = {COLUMN("element", header_type)};
const struct sl_type sl_kafka_headers_type = {
    .kind = SL_ARRAY_KIND, .field_count = 1, .fields = header_element};
static struct sl_field row_fields[] = {
    COLUMN("key", sl_type_binary),        COLUMN("value", sl_type_binary),
    COLUMN("topic", sl_type_string),      COLUMN("partition", sl_type_int),
    COLUMN("offset", sl_type_long),       COLUMN("timestamp", sl_type_timestamp),
    COLUMN("timestampType", sl_type_int), COLUMN("headers", sl_kafka_headers_type),
};
static const struct sl_type row_type = {
    .kind = SL_STRUCT_KIND, .field_count = 7, .fields = row_fields};
static const struct sl_type row_type_with_headers = {
    .kind = SL_STRUCT_KIND, .field_count = 8, .fields = row_fields};

static struct sl_kafka_source *self(const struct sl_source *source) {
    return (struct sl_kafka_source *)source;
}
static const struct sl_type *source_schema(const struct sl_source *source) {
    return self(source)->schema;
}
static struct sl_str source_description(const struct sl_source *source) {
    return self(source)->description;
}

/* "Subscribe[orders, clicks]", as Spark's ConsumerStrategy says it. */
static struct sl_str describe(struct sl_arena *arena, const struct sl_kafka_options *options) {
    struct sl_buf text = {0};
    static const char *const names[] = {"Subscribe", "SubscribePattern", "Assign"};
    sl_buf_printf(&text, "KafkaV2[%s[", names[options->select]);
    if (options->select == SL_KAFKA_SUBSCRIBE_PATTERN) sl_buf_put_str(&text, options->subject);
    for (uint32_t i = 0; i < options->topic_count; i++)
        sl_buf_printf(&text, "%s%s", i ? ", " : "", options->topics[i].ptr);
    for (uint32_t i = 0; i < options->assigned.count; i++)
        sl_buf_printf(&text, "%s%s-%d", i ? ", " : "", options->assigned.items[i].topic.ptr,
                      options->assigned.items[i].partition);
    sl_buf_put_cstr(&text, "]]");
    struct sl_str result = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    return result;
}

uint64_t sl_kafka_source_lost(const struct sl_source *source) {
    return atomic_load(&self(source)->lost);
}

/* ---- partitions and offsets ---- */

static enum sl_code ensure_pool(struct sl_kafka_source *source, struct sl_err *err) {
    if (source->pool) return SL_OK;
    size_t limit = source->env->budget ? source->env->budget->limit_bytes : 0;
    size_t response = limit && limit / 4 < RESPONSE_BYTES ? limit / 4 : RESPONSE_BYTES;
    if (response < RESPONSE_BYTES_MIN) response = RESPONSE_BYTES_MIN;
    source->pool =
        sl_kafka_pool_new(&source->options, source->env->log, &source->wait,
                          source->budget_bytes ? source->budget_bytes : QUEUE_BYTES, response,
                          source->watch.partitions.count ? source->watch.partitions.count : 1);
    return sl_kafka_pool_warm(source->pool, err);
}

static enum sl_code look(struct sl_kafka_source *source, int64_t max_age_ms, struct sl_err *err) {
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
            return sl_hint(err, "Start with a new checkpoint and a new table directory; "
                                "failOnDataLoss => 'false' goes on at the old offsets."),
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
    return sl_hint(err, "Use -1 for latest and -2 for earliest where it does not matter.");
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
        return sl_hint(err, "To start at the end there, set startingOffsetsByTimestampStrategy => "
                            "'latest'.");
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
        if (gone) SL_TRY(look(source, 0, err));
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

static enum sl_code initial_offset(struct sl_source *base, struct sl_buf *out, struct sl_err *err) {
    struct sl_kafka_source *source = self(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start;
    SL_TRY(look(source, 0, err));
    SL_TRY(resolve_limit(source, &source->options.start, true, &start, err));
    sl_kafka_offsets_put(out, &start);
    return SL_OK;
}

/* Offsets of `end` that `start` lacks, with their earliest offset. */
static enum sl_code new_partitions(struct sl_kafka_source *source,
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

static struct sl_kafka_offsets merge(struct sl_arena *arena, const struct sl_kafka_offsets *a,
                                     const struct sl_kafka_offsets *b) {
    struct sl_kafka_offsets both = {
        SL_NEW_ARRAY(arena, struct sl_kafka_offset, a->count + (size_t)b->count + 1),
        a->count + b->count};
    if (a->count) memcpy(both.items, a->items, a->count * sizeof *a->items);
    if (b->count) memcpy(both.items + a->count, b->items, b->count * sizeof *b->items);
    sl_kafka_offsets_sort(&both);
    return both;
}

static enum sl_code stream_latest(struct sl_kafka_source *source,
                                  const struct sl_kafka_offsets *start,
                                  const struct sl_batch_limits *limits,
                                  struct sl_kafka_offsets *out, struct sl_err *err) {
    if (limits->available_now && source->is_pinned)
        *out = source->pinned;
    else {
        SL_TRY(look(source, limits->available_now ? 0 : LOOK_AGE_MS, err));
        sl_kafka_pool_seen(source->pool);
        SL_TRY(ask_latest(source, start, out, err));
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
    SL_TRY(new_partitions(source, start, out, &wanted, &fresh, err));
    struct sl_kafka_offsets from = merge(&source->scratch, start, &fresh);
    *out = sl_kafka_plan_limit(&source->scratch, options->max_offsets_per_trigger, &from, out);
    return SL_OK;
}

static enum sl_code latest_offset(struct sl_source *base, struct sl_str start_text,
                                  const struct sl_batch_limits *limits, struct sl_buf *out,
                                  bool *has_new, struct sl_err *err) {
    struct sl_kafka_source *source = self(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start, end;
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, start_text, "the start offset", &start, err));
    if (source->options.streaming)
        SL_TRY(stream_latest(source, &start, limits, &end, err));
    else {
        SL_TRY(look(source, LOOK_AGE_MS, err));
        SL_TRY(resolve_limit(source, &source->options.end, false, &end, err));
        remember_latest(source, &end);
    }
    *has_new = !sl_kafka_offsets_equal(&start, &end);
    sl_kafka_offsets_put(out, &end);
    return SL_OK;
}

/* ---- vtable: planning ---- */

static struct sl_str describe_split(struct sl_arena *arena, const struct sl_kafka_split *split) {
    const struct sl_kafka_range *first = &split->ranges.items[0];
    if (split->ranges.count == 1)
        return sl_arena_printf(arena, "%.*s-%d [%" PRId64 ", %" PRId64 ")",
                               SL_STR_ARG(first->topic), first->partition, first->begin,
                               first->end);
    return sl_arena_printf(arena, "%.*s-%d [%" PRId64 ", %" PRId64 ") and %u more",
                           SL_STR_ARG(first->topic), first->partition, first->begin, first->end,
                           split->ranges.count - 1);
}

static enum sl_code plan(struct sl_source *base, struct sl_str start_text, struct sl_str end_text,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    struct sl_kafka_source *source = self(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start, end, wanted, fresh;
    SL_TRY(sl_kafka_offsets_parse(epoch, start_text, "the start offset", &start, err));
    SL_TRY(sl_kafka_offsets_parse(epoch, end_text, "the end offset", &end, err));
    SL_TRY(look(source, LOOK_AGE_MS, err));
    SL_TRY(new_partitions(source, &start, &end, &wanted, &fresh, err));
    SL_TRY(sl_kafka_check_new(source, &wanted, &fresh, err));
    SL_TRY(sl_kafka_check_known(source, &start, &end, err));
    struct sl_kafka_offsets from = merge(epoch, &start, &fresh);
    struct sl_kafka_ranges ranges = sl_kafka_plan_ranges(epoch, &from, &end);
    sl_kafka_pool_expect(source->pool, &ranges);
    ranges = sl_kafka_plan_cut(epoch, ranges, source->options.min_partitions,
                               source->options.max_records_per_partition);
    bool as_cut = source->options.min_partitions || source->options.max_records_per_partition;
    struct sl_kafka_split *dealt =
        sl_kafka_plan_deal(epoch, ranges, as_cut ? UINT32_MAX : tasks, count);
    *splits = SL_NEW_ARRAY(epoch, struct sl_split, *count + (size_t)1);
    for (uint32_t i = 0; i < *count; i++)
        (*splits)[i] = (struct sl_split){.index = i,
                                         .description = describe_split(epoch, &dealt[i]),
                                         .rows_estimate = dealt[i].offsets,
                                         .detail = &dealt[i]};
    return SL_OK;
}

/* ---- vtable: the rest ---- */

/* A partition that only one knows: unread in the earlier, as that one has it in the later. */
static enum sl_code combine(struct sl_source *base, struct sl_str a_text, struct sl_str b_text,
                            bool later, struct sl_buf *out, struct sl_err *err) {
    struct sl_kafka_source *source = self(base);
    struct sl_kafka_offsets a, b;
    sl_arena_reset(&source->scratch);
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, a_text, "an offset", &a, err));
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, b_text, "an offset", &b, err));
    struct sl_kafka_offsets both = merge(&source->scratch, &a, &b);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < both.count; i++) {
        struct sl_kafka_offset item = both.items[i];
        const struct sl_kafka_offset *in_a = sl_kafka_offsets_find(&a, item.topic, item.partition),
                                     *in_b = sl_kafka_offsets_find(&b, item.topic, item.partition);
        if (in_a && in_b)
            item.offset = (in_a->offset > in_b->offset) == later ? in_a->offset : in_b->offset;
        else if (!later)
            continue;
        both.items[kept++] = item;
    }
    both.count = kept;
    sl_kafka_offsets_put(out, &both);
    return SL_OK;
}

/* Lag tools read group offsets; a failure there must never stop the pipeline. */
static void committed(struct sl_source *base, struct sl_str end_text) {
    struct sl_kafka_source *source = self(base);
    if (!source->options.commit_group.len) return;
    struct sl_kafka_offsets end;
    struct sl_err err;
    sl_err_clear(&err);
    sl_arena_reset(&source->scratch);
    if (sl_kafka_offsets_parse(&source->scratch, end_text, "the end offset", &end, &err) == SL_OK &&
        sl_kafka_group_commit(source->control, source->options.commit_group.ptr, &end, &err) ==
            SL_OK)
        return;
    int64_t now_ns = sl_clock_mono_ns();
    if (!source->env->log ||
        (source->commit_warned_ns && now_ns - source->commit_warned_ns < 60000000000))
        return;
    source->commit_warned_ns = now_ns;
    sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_KAFKA,
                 "offsets were not published to group %s: %s", source->options.commit_group.ptr,
                 err.msg);
}

/* As Java prints a double, for the sizes that occur. */
static void put_double(struct sl_buf *out, double value) {
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, value);
        if (strtod(text, NULL) == value) break;
    }
    if (strchr(text, 'e')) snprintf(text, sizeof text, "%.1f", value);
    sl_buf_put_cstr(out, text);
    if (!strchr(text, '.')) sl_buf_put_cstr(out, ".0");
}

static void metrics(struct sl_source *base, struct sl_str end_text, struct sl_buf *out) {
    struct sl_kafka_source *source = self(base);
    struct sl_kafka_offsets end;
    sl_arena_reset(&source->scratch);
    if (!source->latest.count ||
        sl_kafka_offsets_parse(&source->scratch, end_text, "the end offset", &end, NULL) != SL_OK)
        return;
    int64_t least = INT64_MAX, most = 0, count = 0;
    double sum = 0;
    for (uint32_t i = 0; i < source->latest.count; i++) {
        const struct sl_kafka_offset *latest = &source->latest.items[i];
        const struct sl_kafka_offset *read =
            sl_kafka_offsets_find(&end, latest->topic, latest->partition);
        if (!read) continue;
        int64_t behind = latest->offset - read->offset;
        if (behind < least) least = behind;
        if (behind > most || !count) most = behind;
        sum += (double)behind;
        count++;
    }
    if (!count) return;
    sl_buf_put_cstr(out, "\"avgOffsetsBehindLatest\":\"");
    put_double(out, sum / (double)count);
    sl_buf_printf(out,
                  "\",\"maxOffsetsBehindLatest\":\"%" PRId64 "\",\"minOffsetsBehindLatest\":"
                  "\"%" PRId64 "\"",
                  most, least);
    uint64_t lost = atomic_load(&source->lost);
    if (lost) sl_buf_printf(out, ",\"offsetsLost\":\"%" PRIu64 "\"", lost);
}

void sl_kafka_source_latest(const struct sl_source *source, struct sl_buf *out) {
    if (self(source)->latest.count) sl_kafka_offsets_put(out, &self(source)->latest);
}

static void wait_for_more(struct sl_source *base, struct sl_str start_text, int64_t timeout_ms) {
    struct sl_kafka_source *source = self(base);
    struct sl_kafka_offsets start;
    sl_arena_reset(&source->scratch);
    if (!source->pool || sl_kafka_offsets_parse(&source->scratch, start_text, "the start offset",
                                                &start, NULL) != SL_OK) {
        sl_clock_sleep_ms(timeout_ms < 10 ? timeout_ms : 10);
        return;
    }
    sl_kafka_client_poll(source->control);
    sl_kafka_pool_wait(source->pool, &start, timeout_ms);
}

static void source_close(struct sl_source *base) {
    struct sl_kafka_source *source = self(base);
    sl_kafka_pool_free(source->pool);
    sl_kafka_watch_release(&source->watch);
    sl_kafka_client_close(source->control);
    if (source->budget_bytes) sl_budget_give(source->env->budget, source->budget_bytes);
    sl_arena_release(&source->scratch);
    sl_arena_release(&source->latest_arena);
    free(source);
}

static const struct sl_source_ops source_ops = {
    .name = "kafka",
    .schema = source_schema,
    .description = source_description,
    .initial_offset = initial_offset,
    .latest_offset = latest_offset,
    .plan = plan,
    .reader_open = sl_kafka_reader_open,
    .reader_next = sl_kafka_reader_next,
    .reader_close = sl_kafka_reader_close,
    .committed = committed,
    .latest = sl_kafka_source_latest,
    .metrics = metrics,
    .wait = wait_for_more,
    .close = source_close,
    .shareable = true,
    .reader_more = sl_kafka_reader_more,
    .combine = combine,
};

/* ---- connector ---- */

static enum sl_code take_budget(struct sl_kafka_source *source, struct sl_err *err) {
    struct sl_budget *budget = source->env->budget;
    if (!budget || !budget->limit_bytes) return SL_OK;
    size_t bytes = budget->limit_bytes / 16;
    if (bytes > QUEUE_BYTES) bytes = QUEUE_BYTES;
    if (bytes < QUEUE_BYTES_MIN) bytes = QUEUE_BYTES_MIN;
    SL_TRY(sl_budget_take(budget, bytes, "Kafka's receive queues", err));
    source->budget_bytes = bytes;
    return SL_OK;
}

static enum sl_code open_source(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, bool streaming, struct sl_source **out,
                                struct sl_err *err) {
    (void)path;
    *out = NULL;
    struct sl_kafka_source *source = sl_xcalloc(1, sizeof *source);
    source->base.ops = &source_ops;
    source->env = env;
    source->wait = (struct sl_kafka_wait){env->stopping, env->stop_ctx};
    sl_arena_init(&source->scratch, "kafka scratch");
    sl_arena_init(&source->latest_arena, "kafka latest");
    enum sl_code code =
        sl_kafka_options_resolve(env->query, options, streaming, env->log, &source->options, err);
    const char *group = env->client_setting
                            ? env->client_setting(env->client_ctx, SL_STR("sluice.commitGroup"))
                            : NULL;
    if (group && !source->options.commit_group.len)
        source->options.commit_group = sl_arena_str(env->query, sl_str(group));
    if (code == SL_OK) code = take_budget(source, err);
    if (code == SL_OK)
        code = sl_kafka_client_open(SL_KAFKA_CONTROL, &source->options.properties, NULL, NULL,
                                    env->log, &source->wait, &source->control, err);
    if (code == SL_OK) code = sl_kafka_client_connect(source->control, err);
    if (code == SL_OK)
        code = sl_kafka_topic_ids_open(env->query, env->checkpoint_dir, &source->topic_ids, err);
    sl_kafka_watch_init(&source->watch, &source->options, source->control);
    /* a topic that is not there is told before a sink makes a table */
    if (code == SL_OK) code = sl_kafka_watch_look(&source->watch, LOOK_AGE_MS, err);
    if (code != SL_OK) {
        source_close(&source->base);
        return code;
    }
    source->schema = source->options.include_headers ? &row_type_with_headers : &row_type;
    source->description = describe(env->query, &source->options);
    *out = &source->base;
    return SL_OK;
}

static enum sl_code schema_only(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, const struct sl_type **out,
                                struct sl_err *err) {
    (void)path;
    struct sl_kafka_options resolved;
    SL_TRY(sl_kafka_options_resolve(env->query, options, true, NULL, &resolved, err));
    *out = resolved.include_headers ? &row_type_with_headers : &row_type;
    return SL_OK;
}

static enum sl_code check(const struct sl_conn_env *env, const struct sl_options *options,
                          bool streaming, bool sink, struct sl_err *err) {
    struct sl_kafka_options resolved;
    if (sink) return sl_kafka_sink_check(env, options, err);
    return sl_kafka_options_resolve(env->query, options, streaming, NULL, &resolved, err);
}

const struct sl_connector sl_kafka_connector = {
    .name = "kafka",
    .open_source = open_source,
    .open_sink = sl_kafka_sink_open,
    .output_modes = SL_OUTPUT_UPDATE | SL_OUTPUT_COMPLETE,
    .schema = schema_only,
    .check = check,
};
