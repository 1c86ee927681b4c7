#include "conn/kafka/kafka_sink_options.h"

#include <stdlib.h>

#include "conn/options.h"

enum {
    /* Java's max.request.size; the topic's default max.message.bytes is 12 bytes more. */
    RECORD_BYTES_MAX = 1 << 20,
    /* The largest that brokers allow unless told otherwise (transaction.max.timeout.ms): a batch
     * of a long backlog is one transaction. What a killed process leaves open is ended by its next
     * start, not by this. */
    TRANSACTION_TIMEOUT_MS = 15 * 60 * 1000,
};

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, default_text, doc) {name, SL_OPT_##type, default_text, doc},
#include "conn/kafka/kafka_sink_options.def"
};
static const char *const free_prefixes[] = {"kafka.", "sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {
    "the Kafka sink", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

/* ---- the client's properties ---- */

static enum sl_code collect_properties(struct sl_arena *arena, const struct sl_options *options,
                                       const struct sl_log *log, struct sl_kafka_properties *out,
                                       struct sl_err *err) {
    static const struct sl_str prefix = {"kafka.", 6};
    for (uint32_t i = 0; i < options->count; i++) {
        const struct sl_option *option = &options->items[i];
        if (!sl_str_starts_nocase(option->name, prefix)) continue;
        struct sl_str name = sl_str_sub(option->name, prefix.len, option->name.len);
        SL_TRY(
            sl_kafka_property_translate(arena, name, option->value, option->span, log, out, err));
    }
    const struct sl_option *servers = sl_options_find(options, SL_STR("bootstrapServers"));
    if (servers && servers->value.len)
        sl_kafka_property_add(arena, out, "bootstrap.servers", servers->value);
    if (sl_kafka_property_find(out, "bootstrap.servers")) return SL_OK;
    sl_fail(err, SL_USER, "option `kafka.bootstrap.servers` must be set for the Kafka sink");
    return sl_hint(err, "write OPTIONS ('kafka.bootstrap.servers' = 'localhost:9092', topic = ..)");
}

static struct sl_span span_of(const struct sl_options *options, const char *name) {
    const struct sl_option *option = sl_options_find(options, sl_str(name));
    return option ? option->span : (struct sl_span){0, 0};
}

/* What transactions need cannot be set otherwise. */
static enum sl_code check_properties(const struct sl_options *options,
                                     const struct sl_kafka_sink_options *resolved,
                                     struct sl_err *err) {
    const char *acks = sl_kafka_property_find(&resolved->properties, "acks");
    const char *idempotence = sl_kafka_property_find(&resolved->properties, "enable.idempotence");
    if (!resolved->exactly_once) return SL_OK;
    bool weak_acks = acks && strcmp(acks, "all") != 0 && strcmp(acks, "-1") != 0;
    bool weak_order = idempotence && strcmp(idempotence, "true") != 0;
    if (!weak_acks && !weak_order) return SL_OK;
    const char *name = weak_acks ? "kafka.acks" : "kafka.enable.idempotence";
    sl_fail_at(err, span_of(options, name), "", "", "`%s` = `%s` does not go with exactly-once",
               name, weak_acks ? acks : idempotence);
    return sl_hint(err, "leave it out, or set 'sluice.delivery' = 'at-least-once'");
}

static int64_t number_property(const struct sl_kafka_properties *properties, const char *name,
                               int64_t otherwise) {
    const char *text = sl_kafka_property_find(properties, name);
    int64_t value;
    return text && sl_str_to_i64(sl_str(text), &value) ? value : otherwise;
}

static void read_sizes(struct sl_kafka_sink_options *out) {
    const struct sl_kafka_properties *properties = &out->properties;
    out->record_bytes_max =
        (size_t)number_property(properties, "message.max.bytes", RECORD_BYTES_MAX);
    out->queue_bytes = (size_t)number_property(properties, "queue.buffering.max.kbytes", 0) * 1024;
    out->transaction_timeout_ms =
        number_property(properties, "transaction.timeout.ms", TRANSACTION_TIMEOUT_MS);
}

static enum sl_code take_delivery(const struct sl_options *options, bool *exactly_once,
                                  struct sl_err *err) {
    const struct sl_option *option = sl_options_find(options, SL_STR("sluice.delivery"));
    if (!option) option = sl_options_find(options, SL_STR("sluice.kafka.delivery"));
    struct sl_str text = option ? option->value : SL_STR("exactly-once");
    *exactly_once = sl_str_eq_nocase(text, SL_STR("exactly-once"));
    if (*exactly_once || sl_str_eq_nocase(text, SL_STR("at-least-once"))) return SL_OK;
    return sl_fail_at(err, option->span, "INVALID_OPTION_VALUE", "22023",
                      "option `%.*s` wants exactly-once or at-least-once, not `%.*s`",
                      SL_STR_ARG(option->name), SL_STR_ARG(text));
}

enum sl_code sl_kafka_sink_options_resolve(struct sl_arena *arena, const struct sl_options *options,
                                           const struct sl_log *log,
                                           struct sl_kafka_sink_options *out, struct sl_err *err) {
    *out = (struct sl_kafka_sink_options){0};
    SL_TRY(sl_options_check(options, &option_table, err));
    SL_TRY(take_delivery(options, &out->exactly_once, err));
    SL_TRY(collect_properties(arena, options, log, &out->properties, err));
    SL_TRY(check_properties(options, out, err));
    read_sizes(out);
    struct sl_str topic = sl_str_trim(sl_options_str(options, &option_table, "topic"));
    out->topic = sl_str(sl_arena_cstr(arena, topic));
    return SL_OK;
}

/* ---- columns ---- */

static int find_column(const struct sl_type *schema, const char *name) {
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (sl_str_eq(schema->fields[i].name, sl_str(name))) return (int)i;
    return -1;
}

static bool is_headers_type(const struct sl_type *type) {
    if (type->kind != SL_ARRAY_KIND) return false;
    const struct sl_type *header = type->fields[0].type;
    return header->kind == SL_STRUCT_KIND && header->field_count == 2 &&
           sl_str_eq(header->fields[0].name, SL_STR("key")) &&
           header->fields[0].type->kind == SL_STRING_KIND &&
           sl_str_eq(header->fields[1].name, SL_STR("value")) &&
           header->fields[1].type->kind == SL_BINARY_KIND;
}
static bool is_text_type(const struct sl_type *type) { return type->kind == SL_STRING_KIND; }
static bool is_int_type(const struct sl_type *type) { return type->kind == SL_INT_KIND; }

static const struct column_rule {
    const char *name, *wanted;
    bool (*fits)(const struct sl_type *type);
    const char *hint;
} rules[] = {
    {"topic", "string", is_text_type, "CAST(.. AS STRING) AS topic"},
    {"key", "string or binary", sl_type_is_bytes, "CAST(.. AS STRING) AS key"},
    {"value", "string or binary", sl_type_is_bytes,
     "to_json(struct(*)) AS value, or CAST(.. AS STRING) AS value"},
    {"headers", "array<struct<key:string,value:binary>>", is_headers_type,
     "array(named_struct('key', 'name', 'value', CAST('text' AS BINARY))) AS headers"},
    {"partition", "int", is_int_type, "CAST(.. AS INT) AS partition"},
};

static enum sl_code wrong_type(const struct column_rule *rule, const struct sl_type *type,
                               struct sl_err *err) {
    struct sl_buf text = {0};
    sl_type_put_simple(&text, type);
    sl_fail(err, SL_USER, "%s attribute unsupported type %s. %s must be a(n) %s", rule->name,
            sl_buf_cstr(&text), rule->name, rule->wanted);
    sl_buf_release(&text);
    return sl_hint(err, "write %s", rule->hint);
}

static enum sl_code missing_value(const struct sl_type *schema, struct sl_err *err) {
    sl_fail(err, SL_USER, "Required attribute 'value' not found");
    for (uint32_t i = 0; i < schema->field_count; i++)
        if (sl_str_eq_nocase(schema->fields[i].name, SL_STR("value")))
            return sl_hint(err, "the column is called `%.*s`; the Kafka sink wants `value`",
                           SL_STR_ARG(schema->fields[i].name));
    return sl_hint(err, "name what is to be written: SELECT to_json(struct(*)) AS value FROM ..");
}

enum sl_code sl_kafka_columns_find(const struct sl_type *schema, struct sl_str topic,
                                   struct sl_kafka_columns *out, struct sl_err *err) {
    int found[sizeof rules / sizeof *rules];
    for (size_t i = 0; i < sizeof rules / sizeof *rules; i++) {
        bool unread = i == 0 && topic.len; /* the option wins, whatever the column is */
        found[i] = unread ? -1 : find_column(schema, rules[i].name);
        if (found[i] < 0) continue;
        const struct sl_type *type = schema->fields[found[i]].type;
        if (!rules[i].fits(type)) return wrong_type(&rules[i], type, err);
    }
    *out = (struct sl_kafka_columns){found[1], found[2], found[0], found[4], found[3]};
    if (out->value < 0) return missing_value(schema, err);
    if (topic.len || out->topic >= 0) return SL_OK;
    return sl_fail(err, SL_USER,
                   "topic option required when no 'topic' attribute is present. Use the topic "
                   "option for setting a topic.");
}
