#include "conn/kafka/kafka_options.h"

#include <stdlib.h>

#include "base/quantity.h"

enum option_id {
#define OPTION(ID, name, where, value_default, doc) OPTION_##ID,
#include "conn/kafka/kafka_options.def"
    OPTION_COUNT
};
const struct sl_kafka_option_row sl_kafka_option_rows[] = {
#define OPTION(ID, name, where, value_default, doc) {name, #where, value_default, doc},
#include "conn/kafka/kafka_options.def"
};
const uint32_t sl_kafka_option_row_count = OPTION_COUNT;

struct given {
    const struct sl_option *option[OPTION_COUNT]; /* NULL if not given */
};

static struct sl_span span_of(const struct given *given, enum option_id id) {
    return given->option[id] ? given->option[id]->span : (struct sl_span){0, 0};
}

static enum sl_code unknown_option(const struct sl_option *option, struct sl_err *err) {
    struct sl_str names[OPTION_COUNT];
    for (int i = 0; i < OPTION_COUNT; i++) names[i] = sl_str(sl_kafka_option_rows[i].name);
    int nearest = sl_str_nearest(option->name, names, OPTION_COUNT);
    sl_fail_at(err, option->span, "", "", "unknown option `%.*s` of the Kafka source",
               SL_STR_ARG(option->name));
    if (nearest >= 0) return sl_hint(err, "did you mean `%s`?", sl_kafka_option_rows[nearest].name);
    return sl_hint(err, "options of the Kafka client are written with the prefix `kafka.`");
}

/* Sorts the options into `given` and the client's properties. */
static enum sl_code collect(struct sl_arena *arena, const struct sl_options *options,
                            const struct sl_log *log, struct given *given,
                            struct sl_kafka_properties *properties, struct sl_err *err) {
    static const struct sl_str prefix = {"kafka.", 6};
    for (uint32_t i = 0; i < options->count; i++) {
        const struct sl_option *option = &options->items[i];
        if (sl_str_starts_nocase(option->name, prefix)) {
            struct sl_str name = sl_str_sub(option->name, prefix.len, option->name.len);
            SL_TRY(sl_kafka_property_translate(arena, name, option->value, option->span, log,
                                               properties, err));
            continue;
        }
        int id = 0;
        while (id < OPTION_COUNT &&
               !sl_str_eq_nocase(option->name, sl_str(sl_kafka_option_rows[id].name)))
            id++;
        if (id < OPTION_COUNT)
            given->option[id] = option;
        else if (!sl_str_starts_nocase(option->name, SL_STR("sluice.")))
            return unknown_option(option, err);
    }
    return SL_OK;
}

/* A number alone is milliseconds, as in Spark. */
static bool parse_delay_ms(struct sl_str text, int64_t *out) {
    text = sl_str_trim(text);
    bool plain = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9' && sl_str_to_i64(text, out);
    return plain || sl_parse_duration_ms(text, out);
}

static enum sl_code take_count(const struct given *given, enum option_id id, int64_t least,
                               int64_t *out, struct sl_err *err) {
    const struct sl_option *option = given->option[id];
    if (!option) return SL_OK;
    int64_t value;
    if (sl_str_to_i64(sl_str_trim(option->value), &value) && value >= least)
        return *out = value, SL_OK;
    return sl_fail_at(err, option->span, "", "",
                      "option `%s` wants a whole number of at least %lld, not `%.*s`",
                      sl_kafka_option_rows[id].name, (long long)least, SL_STR_ARG(option->value));
}

static enum sl_code take_bool(const struct given *given, enum option_id id, bool *out,
                              struct sl_err *err) {
    const struct sl_option *option = given->option[id];
    if (!option || sl_str_to_bool(sl_str_trim(option->value), out)) return SL_OK;
    return sl_fail_at(err, option->span, "", "", "option `%s` wants true or false, not `%.*s`",
                      sl_kafka_option_rows[id].name, SL_STR_ARG(option->value));
}

/* ---- what is read ---- */

static int compare_names(const void *a, const void *b) {
    return sl_str_cmp(*(const struct sl_str *)a, *(const struct sl_str *)b);
}

static enum sl_code take_topics(struct sl_arena *arena, const struct sl_option *option,
                                struct sl_kafka_options *out, struct sl_err *err) {
    size_t commas = 1;
    for (size_t i = 0; i < option->value.len; i++) commas += option->value.ptr[i] == ',';
    out->topics = SL_NEW_ARRAY(arena, struct sl_str, commas);
    for (size_t from = 0; from <= option->value.len;) {
        size_t to = sl_str_find(option->value, SL_STR(","), from);
        if (to == SIZE_MAX) to = option->value.len;
        struct sl_str name = sl_str_trim(sl_str_sub(option->value, from, to));
        if (name.len) out->topics[out->topic_count++] = sl_arena_str(arena, name);
        from = to + 1;
    }
    if (!out->topic_count)
        return sl_fail_at(err, option->span, "", "", "option `subscribe` names no topic");
    qsort(out->topics, out->topic_count, sizeof *out->topics, compare_names);
    uint32_t kept = 1;
    for (uint32_t i = 1; i < out->topic_count; i++)
        if (!sl_str_eq(out->topics[i], out->topics[kept - 1])) out->topics[kept++] = out->topics[i];
    out->topic_count = kept;
    return SL_OK;
}

static enum sl_code take_selection(struct sl_arena *arena, const struct given *given,
                                   struct sl_kafka_options *out, struct sl_err *err) {
    const enum option_id ids[] = {OPTION_SUBSCRIBE, OPTION_SUBSCRIBE_PATTERN, OPTION_ASSIGN};
    int found = -1;
    for (int i = 0; i < 3; i++) {
        if (!given->option[ids[i]]) continue;
        if (found >= 0)
            return sl_fail_at(
                err, span_of(given, ids[i]), "", "",
                "only one of `subscribe`, `subscribePattern` and `assign` can be set");
        found = i;
    }
    if (found < 0) {
        sl_fail(err, SL_USER, "one of `subscribe`, `subscribePattern` and `assign` must be set");
        return sl_hint(err, "write for example subscribe => 'orders'");
    }
    const struct sl_option *option = given->option[ids[found]];
    out->select = (enum sl_kafka_select)found;
    out->subject = sl_arena_str(arena, sl_str_trim(option->value));
    enum sl_code code = SL_OK;
    if (out->select == SL_KAFKA_SUBSCRIBE) code = take_topics(arena, option, out, err);
    if (out->select == SL_KAFKA_ASSIGN)
        code = sl_kafka_assign_parse(arena, option->value, &out->assigned, err);
    if (code == SL_OK &&
        (out->subject.len == 0 || (out->select == SL_KAFKA_ASSIGN && out->assigned.count == 0)))
        code = sl_fail_at(err, option->span, "", "", "option `%s` is empty",
                          sl_kafka_option_rows[ids[found]].name);
    if (code != SL_OK && err && err->span.begin == err->span.end) err->span = option->span;
    return code;
}

/* ---- where reading starts and ends ---- */

struct limit_ids {
    enum option_id offsets, by_timestamp, timestamp;
};
static const struct limit_ids start_ids = {
    OPTION_STARTING_OFFSETS, OPTION_STARTING_OFFSETS_BY_TIMESTAMP, OPTION_STARTING_TIMESTAMP};
static const struct limit_ids end_ids = {OPTION_ENDING_OFFSETS, OPTION_ENDING_OFFSETS_BY_TIMESTAMP,
                                         OPTION_ENDING_TIMESTAMP};

static enum sl_code take_offsets(struct sl_arena *arena, const struct given *given,
                                 enum option_id id, struct sl_kafka_limit *out,
                                 struct sl_err *err) {
    const struct sl_option *option = given->option[id];
    struct sl_str text = sl_str_trim(option->value);
    if (sl_str_eq_nocase(text, SL_STR("earliest"))) return out->kind = SL_KAFKA_AT_EARLIEST, SL_OK;
    if (sl_str_eq_nocase(text, SL_STR("latest"))) return out->kind = SL_KAFKA_AT_LATEST, SL_OK;
    if (text.len == 0 || text.ptr[0] != '{') {
        sl_fail_at(err, option->span, "", "", "option `%s` cannot be `%.*s`",
                   sl_kafka_option_rows[id].name, SL_STR_ARG(option->value));
        return sl_hint(err,
                       "write earliest, latest, or offsets as {\"topic\":{\"0\":23,\"1\":-2}}");
    }
    out->kind = SL_KAFKA_AT_OFFSETS;
    enum sl_code code =
        sl_kafka_offsets_parse(arena, text, sl_kafka_option_rows[id].name, &out->offsets, err);
    for (uint32_t i = 0; code == SL_OK && i < out->offsets.count; i++)
        if (out->offsets.items[i].offset < SL_KAFKA_EARLIEST)
            code = sl_fail(err, SL_USER, "option `%s` holds the offset %lld",
                           sl_kafka_option_rows[id].name, (long long)out->offsets.items[i].offset);
    if (code != SL_OK && err) err->span = option->span;
    return code;
}

/* Precedence as Spark's: one timestamp, then timestamps per partition, then offsets. */
static enum sl_code take_limit(struct sl_arena *arena, const struct given *given,
                               const struct limit_ids *ids, enum sl_kafka_limit_kind otherwise,
                               struct sl_kafka_limit *out, struct sl_err *err) {
    if (given->option[ids->timestamp]) {
        out->kind = SL_KAFKA_AT_TIMESTAMP;
        return take_count(given, ids->timestamp, 0, &out->timestamp_ms, err);
    }
    const struct sl_option *stamps = given->option[ids->by_timestamp];
    if (stamps) {
        out->kind = SL_KAFKA_AT_TIMESTAMPS;
        enum sl_code code = sl_kafka_offsets_parse(
            arena, stamps->value, sl_kafka_option_rows[ids->by_timestamp].name, &out->offsets, err);
        if (code != SL_OK && err) err->span = stamps->span;
        return code;
    }
    out->kind = otherwise;
    return given->option[ids->offsets] ? take_offsets(arena, given, ids->offsets, out, err) : SL_OK;
}

static bool has_offset(const struct sl_kafka_limit *limit, int64_t offset) {
    for (uint32_t i = 0; limit->kind == SL_KAFKA_AT_OFFSETS && i < limit->offsets.count; i++)
        if (limit->offsets.items[i].offset == offset) return true;
    return false;
}

static enum sl_code check_batch_limits(const struct given *given, const struct sl_kafka_options *o,
                                       struct sl_err *err) {
    if (o->start.kind == SL_KAFKA_AT_LATEST || has_offset(&o->start, SL_KAFKA_LATEST))
        return sl_fail_at(err, span_of(given, OPTION_STARTING_OFFSETS), "", "",
                          "a batch query cannot start at the latest offset (`startingOffsets`)");
    if (o->end.kind == SL_KAFKA_AT_EARLIEST || has_offset(&o->end, SL_KAFKA_EARLIEST))
        return sl_fail_at(err, span_of(given, OPTION_ENDING_OFFSETS), "", "",
                          "a batch query cannot end at the earliest offset (`endingOffsets`)");
    return SL_OK;
}

static enum sl_code check_where(const struct given *given, bool streaming, struct sl_err *err) {
    for (int id = 0; id < OPTION_COUNT; id++) {
        const char where = sl_kafka_option_rows[id].where[0];
        if (!given->option[id] || where == 'A' || (where == 'S') == streaming) continue;
        if (!streaming) continue; /* limits of a stream have no meaning in a batch: as in Spark */
        sl_fail_at(err, given->option[id]->span, "", "",
                   "option `%s` is not allowed in a streaming query",
                   sl_kafka_option_rows[id].name);
        return sl_hint(err, "a stream has no end; use a batch query, or --available-now");
    }
    return SL_OK;
}

/* ---- the rest ---- */

static enum sl_code take_numbers(const struct given *given, struct sl_kafka_options *out,
                                 struct sl_err *err) {
    SL_TRY(take_bool(given, OPTION_FAIL_ON_DATA_LOSS, &out->fail_on_data_loss, err));
    SL_TRY(take_bool(given, OPTION_INCLUDE_HEADERS, &out->include_headers, err));
    SL_TRY(take_count(given, OPTION_MIN_PARTITIONS, 1, &out->min_partitions, err));
    SL_TRY(take_count(given, OPTION_MAX_RECORDS_PER_PARTITION, 1, &out->max_records_per_partition,
                      err));
    SL_TRY(
        take_count(given, OPTION_MAX_OFFSETS_PER_TRIGGER, 1, &out->max_offsets_per_trigger, err));
    SL_TRY(
        take_count(given, OPTION_MIN_OFFSETS_PER_TRIGGER, 1, &out->min_offsets_per_trigger, err));
    SL_TRY(take_count(given, OPTION_POLL_TIMEOUT_MS, 1, &out->poll_timeout_ms, err));
    SL_TRY(take_count(given, OPTION_NUM_RETRIES, 0, &out->retries, err));
    SL_TRY(take_count(given, OPTION_RETRY_INTERVAL_MS, 0, &out->retry_interval_ms, err));
    const struct sl_option *delay = given->option[OPTION_MAX_TRIGGER_DELAY];
    if (delay && !parse_delay_ms(delay->value, &out->max_trigger_delay_ms))
        return sl_fail_at(err, delay->span, "", "",
                          "option `maxTriggerDelay` wants a duration such as 15m, not `%.*s`",
                          SL_STR_ARG(delay->value));
    if (out->max_offsets_per_trigger && out->min_offsets_per_trigger > out->max_offsets_per_trigger)
        return sl_fail_at(
            err, span_of(given, OPTION_MIN_OFFSETS_PER_TRIGGER), "", "",
            "`minOffsetsPerTrigger` (%lld) is more than `maxOffsetsPerTrigger` (%lld)",
            (long long)out->min_offsets_per_trigger, (long long)out->max_offsets_per_trigger);
    return SL_OK;
}

static enum sl_code take_strategy(const struct given *given, struct sl_kafka_options *out,
                                  struct sl_err *err) {
    const struct sl_option *option = given->option[OPTION_STARTING_STRATEGY];
    if (!option || sl_str_eq_nocase(option->value, SL_STR("error"))) return SL_OK;
    if (sl_str_eq_nocase(option->value, SL_STR("latest")))
        return out->latest_if_no_timestamp = true, SL_OK;
    return sl_fail_at(
        err, option->span, "", "",
        "option `startingOffsetsByTimestampStrategy` wants error or latest, not `%.*s`",
        SL_STR_ARG(option->value));
}

static enum sl_code take_servers(struct sl_arena *arena, const struct given *given,
                                 struct sl_kafka_options *out, struct sl_err *err) {
    const struct sl_option *option = given->option[OPTION_BOOTSTRAP_SERVERS];
    if (option && option->value.len)
        sl_kafka_property_add(arena, &out->properties, "bootstrap.servers", option->value);
    out->bootstrap_servers = sl_kafka_property_find(&out->properties, "bootstrap.servers");
    if (out->bootstrap_servers) return SL_OK;
    sl_fail(err, SL_USER, "option `bootstrapServers` must be set for the Kafka source");
    return sl_hint(err, "write bootstrapServers => 'localhost:9092' (in Spark: "
                        "kafka.bootstrap.servers)");
}

enum sl_code sl_kafka_options_resolve(struct sl_arena *arena, const struct sl_options *options,
                                      bool streaming, const struct sl_log *log,
                                      struct sl_kafka_options *out, struct sl_err *err) {
    struct given given = {{NULL}};
    *out = (struct sl_kafka_options){
        .streaming = streaming,
        .fail_on_data_loss = true,
        .max_trigger_delay_ms = 15 * 60000,
        .poll_timeout_ms = 120000,
        .retries = 3,
        .retry_interval_ms = 1000,
        .commit_group = {"", 0},
    };
    SL_TRY(collect(arena, options, log, &given, &out->properties, err));
    SL_TRY(take_servers(arena, &given, out, err));
    SL_TRY(take_selection(arena, &given, out, err));
    SL_TRY(check_where(&given, streaming, err));
    SL_TRY(take_strategy(&given, out, err));
    SL_TRY(take_limit(arena, &given, &start_ids,
                      streaming ? SL_KAFKA_AT_LATEST : SL_KAFKA_AT_EARLIEST, &out->start, err));
    SL_TRY(take_limit(arena, &given, &end_ids, SL_KAFKA_AT_LATEST, &out->end, err));
    if (!streaming) SL_TRY(check_batch_limits(&given, out, err));
    SL_TRY(take_numbers(&given, out, err));
    if (given.option[OPTION_COMMIT_GROUP])
        out->commit_group = sl_arena_str(arena, given.option[OPTION_COMMIT_GROUP]->value);
    const char *isolation = sl_kafka_property_find(&out->properties, "isolation.level");
    out->read_committed = isolation && strcmp(isolation, "read_committed") == 0;
    return SL_OK;
}
