#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "conn/kafka/kafka_sink.h"
#include "conn/kafka/kafka_source_int.h"

enum { QUEUE_BYTES_MIN = 4 << 20 };

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

static const struct sl_type *source_schema(const struct sl_source *source) {
    return sl_kafka_source_of(source)->schema;
}
static struct sl_str source_description(const struct sl_source *source) {
    return sl_kafka_source_of(source)->description;
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
    return atomic_load(&sl_kafka_source_of(source)->lost);
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
    struct sl_kafka_source *source = sl_kafka_source_of(base);
    sl_arena_reset(&source->scratch);
    struct sl_kafka_offsets start, end, wanted, fresh;
    SL_TRY(sl_kafka_offsets_parse(epoch, start_text, "the start offset", &start, err));
    SL_TRY(sl_kafka_offsets_parse(epoch, end_text, "the end offset", &end, err));
    SL_TRY(sl_kafka_look(source, SL_KAFKA_LOOK_AGE_MS, err));
    SL_TRY(sl_kafka_new_partitions(source, &start, &end, &wanted, &fresh, err));
    SL_TRY(sl_kafka_check_new(source, &wanted, &fresh, err));
    SL_TRY(sl_kafka_check_known(source, &start, &end, err));
    struct sl_kafka_offsets from = sl_kafka_offsets_merge(epoch, &start, &fresh);
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
    struct sl_kafka_source *source = sl_kafka_source_of(base);
    struct sl_kafka_offsets a, b;
    sl_arena_reset(&source->scratch);
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, a_text, "an offset", &a, err));
    SL_TRY(sl_kafka_offsets_parse(&source->scratch, b_text, "an offset", &b, err));
    struct sl_kafka_offsets both = sl_kafka_offsets_merge(&source->scratch, &a, &b);
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
    struct sl_kafka_source *source = sl_kafka_source_of(base);
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

static void wait_for_more(struct sl_source *base, struct sl_str start_text, int64_t timeout_ms) {
    struct sl_kafka_source *source = sl_kafka_source_of(base);
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
    struct sl_kafka_source *source = sl_kafka_source_of(base);
    sl_kafka_pool_free(source->pool);
    sl_kafka_watch_release(&source->watch);
    sl_kafka_client_close(source->control);
    if (source->budget_bytes) sl_budget_give(source->env->budget, source->budget_bytes);
    sl_arena_release(&source->scratch);
    sl_arena_release(&source->latest_arena);
    sl_kafka_held_release(&source->held);
    free(source);
}

static const struct sl_source_ops source_ops = {
    .name = "kafka",
    .schema = source_schema,
    .description = source_description,
    .initial_offset = sl_kafka_initial_offset,
    .latest_offset = sl_kafka_latest_offset,
    .plan = plan,
    .reader_open = sl_kafka_reader_open,
    .reader_next = sl_kafka_reader_next,
    .reader_close = sl_kafka_reader_close,
    .committed = committed,
    .latest = sl_kafka_source_latest,
    .metrics = sl_kafka_put_lag,
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
    if (bytes > SL_KAFKA_QUEUE_BYTES) bytes = SL_KAFKA_QUEUE_BYTES;
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
    sl_kafka_held_init(&source->held);
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
    if (code == SL_OK) code = sl_kafka_watch_look(&source->watch, SL_KAFKA_LOOK_AGE_MS, err);
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
