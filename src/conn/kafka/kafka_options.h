/* Options of the Kafka source, checked and resolved: Spark's names (kafka_options.def) and the
 * client's own properties (`kafka.*`, kafka_client.def) as librdkafka names them.
 *
 * Everything lives in the arena that sl_kafka_options_resolve is given.
 */
#ifndef SL_CONN_KAFKA_OPTIONS_H
#define SL_CONN_KAFKA_OPTIONS_H

#include "base/log.h"
#include "conn/conn.h"
#include "conn/kafka/kafka_offsets.h"

/* One setting of librdkafka; texts end with NUL. */
struct sl_kafka_property {
    const char *name, *value;
    struct sl_span span;
};
struct sl_kafka_properties {
    struct sl_kafka_property *items;
    uint32_t count, cap;
};
void sl_kafka_property_add(struct sl_arena *arena, struct sl_kafka_properties *properties,
                           const char *name, struct sl_str value);
/* Value set last, or NULL. */
const char *sl_kafka_property_find(const struct sl_kafka_properties *properties, const char *name);
/* One Java or librdkafka property (name without `kafka.`) translated and added: what `sluice gen
 * -X name=value` and the source share. `notes` (may be NULL) gets what is ignored. */
SL_MUST_CHECK enum sl_code sl_kafka_property_translate(struct sl_arena *arena, struct sl_str name,
                                                       struct sl_str value, struct sl_span span,
                                                       const struct sl_log *notes,
                                                       struct sl_kafka_properties *out,
                                                       struct sl_err *err);

enum sl_kafka_select { SL_KAFKA_SUBSCRIBE, SL_KAFKA_SUBSCRIBE_PATTERN, SL_KAFKA_ASSIGN };

enum sl_kafka_limit_kind {
    SL_KAFKA_AT_EARLIEST,
    SL_KAFKA_AT_LATEST,
    SL_KAFKA_AT_OFFSETS,    /* offsets, with -1 and -2 */
    SL_KAFKA_AT_TIMESTAMPS, /* offsets hold epoch ms per partition */
    SL_KAFKA_AT_TIMESTAMP,  /* timestamp_ms for all */
};
struct sl_kafka_limit {
    enum sl_kafka_limit_kind kind;
    struct sl_kafka_offsets offsets;
    int64_t timestamp_ms;
};

struct sl_kafka_options {
    bool streaming;
    const char *bootstrap_servers;
    enum sl_kafka_select select;
    struct sl_str subject; /* the option's text */
    struct sl_str *topics; /* SUBSCRIBE: sorted, without duplicates, NUL behind each */
    uint32_t topic_count;
    struct sl_kafka_offsets assigned; /* ASSIGN */
    struct sl_kafka_limit start, end;
    bool latest_if_no_timestamp; /* startingOffsetsByTimestampStrategy = latest */
    bool fail_on_data_loss, include_headers, read_committed;
    int64_t min_partitions, max_records_per_partition;        /* 0 = none */
    int64_t max_offsets_per_trigger, min_offsets_per_trigger; /* 0 = none */
    int64_t max_trigger_delay_ms, poll_timeout_ms, retry_interval_ms, retries;
    struct sl_str commit_group; /* "" = none */
    struct sl_kafka_properties properties;
};

/* Checks names, values and their combinations without I/O. `log` (may be NULL) gets notes about
 * options that have no effect. Unknown names are refused with the nearest one. Options whose name
 * is in `foreign` by prefix (`sluice.` other than ours) pass. */
SL_MUST_CHECK enum sl_code sl_kafka_options_resolve(struct sl_arena *arena,
                                                    const struct sl_options *options,
                                                    bool streaming, const struct sl_log *log,
                                                    struct sl_kafka_options *out,
                                                    struct sl_err *err);

/* Rows of the option table, for docs and completion. */
struct sl_kafka_option_row {
    const char *name, *where, *value_default, *doc;
};
extern const struct sl_kafka_option_row sl_kafka_option_rows[];
extern const uint32_t sl_kafka_option_row_count;

#endif
