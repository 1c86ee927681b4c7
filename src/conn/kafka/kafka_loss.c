/* What is gone from a topic, or read no longer: an error or a counted gap, by failOnDataLoss.
 * Source: Spark KafkaMicroBatchStream.scala, KafkaExceptions.scala. */
#include <inttypes.h>
#include <stdio.h>

#include "conn/kafka/kafka_source_int.h"

enum sl_code sl_kafka_report_loss(struct sl_kafka_source *source, const char *subclass,
                                  uint64_t records, struct sl_err *err, const char *fmt, ...) {
    char text[600];
    va_list args;
    va_start(args, fmt);
    vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    if (source->options.fail_on_data_loss) return sl_kafka_fail_loss(err, subclass, "%s", text);
    atomic_fetch_add(&source->lost, records);
    if (source->env->log)
        sl_log_event(source->env->log, SL_LOG_WARN, SL_CAT_KAFKA,
                     "KAFKA_DATA_LOSS.%s: %s; going on, as failOnDataLoss is false", subclass,
                     text);
    return SL_OK;
}

bool sl_kafka_is_wanted(const struct sl_kafka_source *source, const struct sl_kafka_offset *item) {
    return sl_kafka_watch_wants(&source->watch, item->topic, item->partition);
}

/* The topics of the query were changed in its SQL. */
static enum sl_code report_dropped(struct sl_kafka_source *source,
                                   const struct sl_kafka_offsets *dropped, struct sl_err *err) {
    char names[256];
    sl_kafka_offsets_name(names, sizeof names, dropped);
    enum sl_code code = sl_kafka_report_loss(
        source, "PARTITIONS_DELETED", 0, err,
        "the query reads other topics than its checkpoint knows: it is `%.*s` now, and the "
        "checkpoint has offsets of %s, which it no longer reads",
        SL_STR_ARG(source->description), names);
    if (code == SL_OK) return SL_OK;
    sl_hint(err, "name the old topics again, or start the changed query with a checkpoint and a "
                 "table of its own; to go on from here set failOnDataLoss => 'false': topics that "
                 "are new are read from their beginning, and what is unread of the others is left "
                 "out");
    return code;
}

enum sl_code sl_kafka_check_known(struct sl_kafka_source *source,
                                  const struct sl_kafka_offsets *start,
                                  const struct sl_kafka_offsets *end, struct sl_err *err) {
    struct sl_kafka_offsets gone = sl_kafka_offsets_copy(&source->scratch, start),
                            dropped = sl_kafka_offsets_copy(&source->scratch, start);
    gone.count = dropped.count = 0;
    for (uint32_t i = 0; i < start->count; i++) {
        const struct sl_kafka_offset *from = &start->items[i];
        const struct sl_kafka_offset *until =
            sl_kafka_offsets_find(end, from->topic, from->partition);
        if (!until && !sl_kafka_is_wanted(source, from))
            dropped.items[dropped.count++] = *from;
        else if (!until)
            gone.items[gone.count++] = *from;
        else if (until->offset < from->offset)
            SL_TRY(sl_kafka_report_loss(source, "PARTITION_OFFSET_CHANGED", 0, err,
                                        "the end of %.*s-%d went back from offset %" PRId64
                                        " to %" PRId64 ": the log was truncated or created anew",
                                        SL_STR_ARG(from->topic), from->partition, from->offset,
                                        until->offset));
    }
    if (dropped.count) SL_TRY(report_dropped(source, &dropped, err));
    if (!gone.count) return SL_OK;
    char names[256];
    sl_kafka_offsets_name(names, sizeof names, &gone);
    return sl_kafka_report_loss(source, "PARTITIONS_DELETED", 0, err,
                                "partitions %s are in the checkpoint, but are gone from the "
                                "brokers",
                                names);
}

enum sl_code sl_kafka_check_new(struct sl_kafka_source *source,
                                const struct sl_kafka_offsets *wanted,
                                const struct sl_kafka_offsets *fresh, struct sl_err *err) {
    for (uint32_t i = 0; i < wanted->count; i++) {
        const struct sl_kafka_offset *item = &wanted->items[i];
        const struct sl_kafka_offset *first =
            sl_kafka_offsets_find(fresh, item->topic, item->partition);
        if (!first)
            SL_TRY(sl_kafka_report_loss(source, "INITIAL_OFFSET_NOT_FOUND_FOR_PARTITIONS", 0, err,
                                        "the new partition %.*s-%d has no earliest offset: it was "
                                        "deleted",
                                        SL_STR_ARG(item->topic), item->partition));
        else if (first->offset != 0)
            SL_TRY(sl_kafka_report_loss(
                source, "ADDED_PARTITION_DOES_NOT_START_FROM_OFFSET_ZERO", (uint64_t)first->offset,
                err, "the new partition %.*s-%d starts at offset %" PRId64 " instead of 0",
                SL_STR_ARG(item->topic), item->partition, first->offset));
    }
    return SL_OK;
}
