#include "run/progress.h"

#include "base/clock.h"
#include "base/json.h"

static void put_time(struct sl_buf *out, int64_t ms) {
    char text[SL_CLOCK_TEXT_SIZE];
    sl_buf_printf(out, "\"%s\"", sl_clock_text(text, ms));
}

static uint64_t input_rows(const struct sl_batch_report *report) {
    uint64_t rows = 0;
    for (uint32_t i = 0; i < report->source_count; i++) rows += report->source_rows[i];
    return rows;
}

static double input_rate(const struct sl_batch_report *report, uint64_t rows) {
    return report->since_last_trigger_ms > 0
               ? (double)rows * 1000 / (double)report->since_last_trigger_ms
               : 0;
}

static double processed_rate(const struct sl_batch_report *report, uint64_t rows) {
    int64_t ms = report->durations.trigger_execution;
    return (double)rows * 1000 / (double)(ms < 1 ? 1 : ms);
}

static void put_rates(struct sl_buf *out, const struct sl_batch_report *report, uint64_t rows) {
    sl_buf_printf(
        out, "\"numInputRows\":%llu,\"inputRowsPerSecond\":%.1f,\"processedRowsPerSecond\":%.1f",
        (unsigned long long)rows, input_rate(report, rows), processed_rate(report, rows));
}

static void put_offset(struct sl_buf *out, const char *name, struct sl_str offset) {
    sl_buf_printf(out, ",\"%s\":", name);
    if (offset.ptr && offset.len)
        sl_buf_put_str(out, offset);
    else
        sl_buf_put_cstr(out, "null");
}

static void put_source(struct sl_buf *out, const struct sl_batch_report *report, uint32_t i) {
    struct sl_buf metrics = {0}, latest = {0};
    sl_buf_put_cstr(out, "{\"description\":");
    sl_json_put_string(out, sl_query_source_description(report->query, i));
    put_offset(out, "startOffset", report->start[i]);
    put_offset(out, "endOffset", report->end[i]);
    sl_query_source_latest(report->query, i, &latest);
    put_offset(out, "latestOffset", latest.len ? sl_buf_str(&latest) : report->end[i]);
    sl_buf_release(&latest);
    sl_buf_put_byte(out, ',');
    put_rates(out, report, report->source_rows[i]);
    sl_query_source_metrics(report->query, i, report->end[i], &metrics);
    if (metrics.len)
        sl_buf_printf(out, ",\"metrics\":{%.*s}", (int)metrics.len, (char *)metrics.ptr);
    sl_buf_put_byte(out, '}');
    sl_buf_release(&metrics);
}

/* Spark has none; names and shape are those of Databricks' event log. */
static void put_expectations(struct sl_buf *out, const struct sl_batch_report *report) {
    for (uint32_t i = 0; i < report->expectation_count; i++) {
        const struct sl_expectation *item = &report->expectations[i];
        sl_buf_put_cstr(out, i ? ",{\"name\":" : ",\"expectations\":[{\"name\":");
        sl_json_put_string(out, item->name);
        sl_buf_put_cstr(out, ",\"dataset\":");
        sl_json_put_string(out, sl_query_dataset(report->query));
        sl_buf_printf(out, ",\"passed_records\":%llu,\"failed_records\":%llu}",
                      (unsigned long long)item->passed, (unsigned long long)item->failed);
    }
    if (report->expectation_count) sl_buf_put_byte(out, ']');
}

static void put_letters(struct sl_buf *out, const struct sl_batch_report *report) {
    if (!report->has_quarantine) return;
    sl_buf_printf(out, ",\"deadLetters\":{\"total\":%llu", (unsigned long long)report->letters);
    for (int kind = 0; kind < SL_FAULT_KINDS; kind++)
        if (report->letters_by_kind[kind])
            sl_buf_printf(out, ",\"%s\":%llu", sl_fault_kind_name((enum sl_fault_kind)kind),
                          (unsigned long long)report->letters_by_kind[kind]);
    sl_buf_put_byte(out, '}');
}

static void put_drift(struct sl_buf *out, const struct sl_batch_report *report) {
    if (!report->has_drift) return;
    sl_buf_printf(out, ",\"schemaDrift\":{\"records\":%llu,\"newFields\":[",
                  (unsigned long long)report->drift_records);
    for (uint32_t i = 0; i < report->new_field_count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, report->new_fields[i].path);
    }
    for (uint32_t i = 0; i < report->added_field_count; i++) {
        sl_buf_put_cstr(out, i ? "," : "],\"addedFields\":[");
        sl_json_put_string(out, report->added_fields[i].path);
    }
    sl_buf_put_cstr(out, "]}");
}

/* Of all clauses together, as in Spark; without rows the watermark alone. */
static void put_event_time(struct sl_buf *out, const struct sl_batch_report *report) {
    struct sl_event_times sum = {0};
    if (report->watermark_clauses == 0) return;
    for (uint32_t i = 0; i < report->watermark_clauses; i++) {
        const struct sl_event_times *times = &report->event_times[i];
        if (!times->rows) continue;
        if (!sum.rows || times->max_ms > sum.max_ms) sum.max_ms = times->max_ms;
        if (!sum.rows || times->min_ms < sum.min_ms) sum.min_ms = times->min_ms;
        sum.sum_ms += times->sum_ms;
        sum.rows += times->rows;
    }
    sl_buf_put_cstr(out, ",\"eventTime\":{");
    if (sum.rows) {
        sl_buf_put_cstr(out, "\"avg\":");
        put_time(out, (int64_t)(sum.sum_ms / (double)sum.rows));
        sl_buf_put_cstr(out, ",\"max\":");
        put_time(out, sum.max_ms);
        sl_buf_put_cstr(out, ",\"min\":");
        put_time(out, sum.min_ms);
        sl_buf_put_byte(out, ',');
    }
    sl_buf_put_cstr(out, "\"watermark\":");
    put_time(out, report->watermark_ms);
    sl_buf_put_byte(out, '}');
}

/* The one nearest to the sink first. */
static void put_state_operators(struct sl_buf *out, const struct sl_batch_report *report) {
    const struct sl_states *states = report->states;
    const char *separator = "";
    sl_buf_put_cstr(out, ",\"stateOperators\":[");
    for (uint32_t i = states->count; i-- > 0;) {
        const struct sl_state *state = &states->items[i];
        const struct sl_state_metrics *m = &state->metrics;
        if (!state->store) continue;
        sl_buf_printf(
            out,
            "%s{\"operatorName\":\"%s\",\"numRowsTotal\":%llu,\"numRowsUpdated\":%llu,"
            "\"allUpdatesTimeMs\":%lld,\"numRowsRemoved\":%llu,\"allRemovalsTimeMs\":%lld,"
            "\"commitTimeMs\":%lld,\"memoryUsedBytes\":%llu,"
            "\"numRowsDroppedByWatermark\":%llu,\"numShufflePartitions\":%d,"
            "\"numStateStoreInstances\":%u,\"customMetrics\":{\"bytesSpilled\":%llu,"
            "\"rowsSpilled\":%llu,\"shardsOnDisk\":%u}}",
            separator, state->stateful->ops->name, (unsigned long long)m->rows_total,
            (unsigned long long)m->rows_updated, (long long)(m->update_ns / 1000000),
            (unsigned long long)m->rows_removed, (long long)(m->removal_ns / 1000000),
            (long long)(m->commit_ns / 1000000), (unsigned long long)m->memory_bytes,
            (unsigned long long)m->rows_late, SL_STATE_SHARDS,
            SL_STATE_SHARDS * state->stateful->store_count,
            (unsigned long long)state->spilled_bytes, (unsigned long long)state->spilled_rows,
            state->shards_away);
        separator = ",";
    }
    sl_buf_put_byte(out, ']');
}

/* What Spark has no names for. */
static void put_own(struct sl_buf *out, const struct sl_batch_report *report) {
    struct sl_buf members = {0};
    sl_query_event_status(report->query, &members);
    if (members.len)
        sl_buf_printf(out, ",\"sluice\":{\"eventTime\":{%.*s}}", (int)members.len,
                      (char *)members.ptr);
    sl_buf_release(&members);
}

void sl_progress_put_json(struct sl_buf *out, const struct sl_batch_report *report) {
    const struct sl_query *query = report->query;
    const struct sl_batch_durations *d = &report->durations;
    sl_buf_put_cstr(out, "{\"id\":");
    sl_json_put_string(out, sl_query_id(query));
    sl_buf_put_cstr(out, ",\"runId\":");
    sl_json_put_string(out, sl_query_run_id(query));
    sl_buf_put_cstr(out, ",\"name\":");
    sl_json_put_string(out, sl_query_name(query));
    sl_buf_put_cstr(out, ",\"timestamp\":");
    put_time(out, report->trigger_start_ms);
    sl_buf_printf(out, ",\"batchId\":%lld,\"batchDuration\":%lld,", (long long)report->batch_id,
                  (long long)d->trigger_execution);
    put_rates(out, report, input_rows(report));
    sl_buf_printf(out,
                  ",\"durationMs\":{\"addBatch\":%lld,\"commitOffsets\":%lld,\"getBatch\":%lld,"
                  "\"latestOffset\":%lld,"
                  "\"queryPlanning\":%lld,\"triggerExecution\":%lld,\"walCommit\":%lld}",
                  (long long)d->add_batch, (long long)d->commit_offsets, (long long)d->get_batch,
                  (long long)d->latest_offset, (long long)d->query_planning,
                  (long long)d->trigger_execution, (long long)d->wal_commit);
    put_event_time(out, report);
    put_state_operators(out, report);
    put_own(out, report);
    sl_buf_put_cstr(out, ",\"sources\":[");
    for (uint32_t i = 0; i < report->source_count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        put_source(out, report, i);
    }
    sl_buf_put_byte(out, ']');
    put_expectations(out, report);
    put_letters(out, report);
    put_drift(out, report);
    sl_buf_put_cstr(out, ",\"sink\":{\"description\":");
    sl_json_put_string(out, sl_query_sink_description(query));
    long long rows = sl_query_sink_reports_rows(query) ? (long long)report->sink.rows : -1;
    sl_buf_printf(out, ",\"numOutputRows\":%lld}}", rows);
}

void sl_progress_put_short(struct sl_buf *out, double value) {
    static const char units[] = " kMGT";
    size_t unit = 0;
    while (value >= 1000 && units[unit + 1]) value /= 1000, unit++;
    if (unit == 0)
        sl_buf_printf(out, value == (double)(int64_t)value ? "%.0f" : "%.1f", value);
    else
        sl_buf_printf(out, "%.1f%c", value, units[unit]);
}

void sl_progress_put_status(struct sl_buf *out, const struct sl_batch_report *report) {
    uint64_t rows = input_rows(report);
    sl_buf_printf(out, "%.*s b#%lld in ", SL_STR_ARG(sl_query_name(report->query)),
                  (long long)report->batch_id);
    sl_progress_put_short(out, input_rate(report, rows));
    sl_buf_put_cstr(out, "/s proc ");
    sl_progress_put_short(out, processed_rate(report, rows));
    sl_buf_printf(out, "/s rows %llu out %llu files %llu", (unsigned long long)rows,
                  (unsigned long long)report->sink.rows, (unsigned long long)report->sink.files);
    if (report->letters)
        sl_buf_printf(out, " dead letters %llu", (unsigned long long)report->letters);
    uint64_t late = 0, remembered = 0;
    for (uint32_t i = 0; i < report->states->count; i++) {
        late += report->states->items[i].metrics.rows_late;
        remembered += report->states->items[i].metrics.rows_total;
    }
    if (report->states->count) sl_buf_printf(out, " state %llu", (unsigned long long)remembered);
    if (late) sl_buf_printf(out, " late %llu", (unsigned long long)late);
    char mark[SL_CLOCK_TEXT_SIZE];
    if (report->watermark_clauses)
        sl_buf_printf(out, " watermark %s", sl_clock_text(mark, report->watermark_ms));
    if (report->drift_records)
        sl_buf_printf(out, " unknown fields in %llu", (unsigned long long)report->drift_records);
    uint64_t broken = 0;
    for (uint32_t i = 0; i < report->expectation_count; i++)
        broken += report->expectations[i].failed;
    if (broken) sl_buf_printf(out, " expectations failed %llu", (unsigned long long)broken);
}
