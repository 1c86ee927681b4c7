/* How far reading is behind the ends of the partitions, as Spark's progress has it. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "conn/kafka/kafka_source_int.h"

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

void sl_kafka_put_lag(struct sl_source *base, struct sl_str end_text, struct sl_buf *out) {
    struct sl_kafka_source *source = sl_kafka_source_of(base);
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
    if (source->held.offsets)
        sl_buf_printf(out, ",\"offsetsBehindOpenTransactions\":\"%" PRIu64 "\"",
                      source->held.offsets);
    uint64_t lost = atomic_load(&source->lost);
    if (lost) sl_buf_printf(out, ",\"offsetsLost\":\"%" PRIu64 "\"", lost);
}

void sl_kafka_source_latest(const struct sl_source *source, struct sl_buf *out) {
    if (sl_kafka_source_of(source)->latest.count)
        sl_kafka_offsets_put(out, &sl_kafka_source_of(source)->latest);
}
