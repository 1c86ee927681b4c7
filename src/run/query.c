/* The steps of a streaming query. The order within a batch is the protocol; do not reorder:
 * latest offsets -> offsets/N -> run -> sink commit -> commits/N -> sink finish. */
#include "run/query.h"

#include "base/clock.h"
#include "base/hash.h"
#include "run/query_int.h"

struct sl_str sl_query_name(const struct sl_query *query) {
    return query->name;
}
struct sl_str sl_query_id(const struct sl_query *query) {
    return query->env.query_id;
}
struct sl_str sl_query_run_id(const struct sl_query *query) {
    return query->run_id;
}
struct sl_str sl_query_sink_description(const struct sl_query *query) {
    return query->sink->ops->description(query->sink);
}
bool sl_query_sink_reports_rows(const struct sl_query *query) {
    return query->sink->ops->reports_rows;
}
struct sl_str sl_query_source_description(const struct sl_query *query, uint32_t source) {
    return query->sources[source]->ops->description(query->sources[source]);
}
void sl_query_source_metrics(const struct sl_query *query, uint32_t source, struct sl_str end,
                             struct sl_buf *out) {
    struct sl_source *at = query->sources[source];
    if (at->ops->metrics) at->ops->metrics(at, end, out);
}

void sl_query_source_latest(const struct sl_query *query, uint32_t source, struct sl_buf *out) {
    const struct sl_source *at = query->sources[source];
    if (at->ops->latest) at->ops->latest(at, out);
}

/* One batch in the making. */
struct batch {
    struct sl_query *query;
    struct sl_offset_seq seq;
    struct sl_batch_report report;
    struct sl_str *start;
    uint64_t *rows;
    struct sl_epoch epoch;
};

static int64_t now_ms(void) { return sl_clock_wall_us() / 1000; }

/* ---- profile ---- */

static void add_stage(void *ctx, const char *name, int64_t ns, int64_t rows) {
    struct sl_query *query = ctx;
    for (uint32_t i = 0; i < query->stage_count; i++)
        if (strcmp(query->stages[i].name, name) == 0) {
            query->stages[i].ns += ns;
            query->stages[i].rows += rows;
            return;
        }
    if (query->stage_count == PROFILE_STAGES_MAX) return;
    struct profile_stage *stage = &query->stages[query->stage_count++];
    snprintf(stage->name, sizeof stage->name, "%s", name);
    stage->ns = ns;
    stage->rows = rows;
}

static void put_stage(struct sl_buf *out, const char *name, int64_t ns, uint64_t rows) {
    double per_row = rows ? (double)ns / (double)rows : 0;
    sl_buf_printf(out, "  %-28s %10.1f ns/row %12llu rows %10.1f ms\n", name, per_row,
                  (unsigned long long)rows, (double)ns / 1e6);
}

void sl_query_put_profile(const struct sl_query *query, struct sl_buf *out) {
    const struct sl_stage_times *total = &query->total;
    sl_buf_printf(out, "profile of %.*s (CPU time summed over workers)\n", SL_STR_ARG(query->name));
    put_stage(out, "read", total->read_ns, total->rows_read);
    put_stage(out, "process", total->process_ns, total->rows_read);
    for (uint32_t i = 0; i < query->stage_count; i++) {
        char name[64];
        snprintf(name, sizeof name, "  %s", query->stages[i].name);
        put_stage(out, name, query->stages[i].ns, (uint64_t)query->stages[i].rows);
    }
    put_stage(out, "write", total->write_ns, total->rows_out);
    put_stage(out, "close files", total->close_ns, total->rows_out);
}

/* ---- planning a batch ---- */

static enum sl_code take_latest(struct batch *batch, bool *has_new, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_batch_limits limits = {
        .ignore_limits = query->trigger.kind == SL_TRIGGER_ONCE,
        .available_now = query->trigger.kind == SL_TRIGGER_AVAILABLE_NOW,
        .now_ms = batch->report.trigger_start_ms,
        .last_trigger_ms = query->last_batch_ms,
    };
    *has_new = false;
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_buf end = {0};
        bool more = false;
        struct sl_source *source = query->sources[i];
        enum sl_code code = source->ops->latest_offset(source, sl_buf_str(&query->start[i]),
                                                       &limits, &end, &more, err);
        batch->seq.sources[i] = sl_arena_str(&query->epoch, sl_buf_str(&end));
        sl_buf_release(&end);
        SL_TRY(code);
        *has_new |= more;
    }
    return SL_OK;
}

static void init_batch(struct batch *batch, struct sl_query *query) {
    uint32_t count = query->source_count;
    sl_arena_reset(&query->epoch);
    *batch = (struct batch){.query = query};
    batch->report.query = query;
    batch->report.trigger_start_ms = now_ms();
    batch->report.source_count = count;
    batch->report.batch_id = query->next_batch;
    batch->seq.sources = SL_NEW_ARRAY(&query->epoch, struct sl_str, count);
    batch->seq.source_count = count;
    batch->start = SL_NEW_ARRAY(&query->epoch, struct sl_str, count);
    batch->rows = SL_NEW_ARRAY(&query->epoch, uint64_t, count);
    for (uint32_t i = 0; i < count; i++)
        if (query->has_start[i])
            batch->start[i] = sl_arena_str(&query->epoch, sl_buf_str(&query->start[i]));
}

static enum sl_code plan_new_batch(struct batch *batch, bool *has_new, struct sl_err *err) {
    struct sl_query *query = batch->query;
    int64_t begin = sl_clock_mono_ns();
    SL_TRY(take_latest(batch, has_new, err));
    int64_t planned = sl_clock_mono_ns();
    batch->report.durations.latest_offset = (planned - begin) / 1000000;
    if (!*has_new) return SL_OK;
    batch->seq.version = 1;
    batch->seq.has_metadata = true;
    batch->seq.batch_watermark_ms = query->watermark_ms;
    batch->seq.batch_timestamp_ms = now_ms();
    batch->seq.conf = query->conf;
    SL_TRY(sl_checkpoint_write_offsets(query->checkpoint, query->next_batch, &batch->seq, err));
    int64_t retain =
        sl_settings_int(query->engine->settings, "spark.sql.streaming.minBatchesToRetain");
    SL_TRY(sl_checkpoint_purge(query->checkpoint, query->next_batch, retain, err));
    batch->report.durations.wal_commit = (sl_clock_mono_ns() - planned) / 1000000;
    return SL_OK;
}

/* ---- running it ---- */

/* Everything a batch computes derives from offsets/N: its time, and its seed from query id and
 * batch id. */
static void prepare_session(struct batch *batch) {
    struct sl_query *query = batch->query;
    struct sl_str id = query->env.query_id;
    query->session.batch_timestamp_us = batch->seq.batch_timestamp_ms * 1000;
    query->session.batch_id = query->next_batch;
    query->session.batch_seed = sl_xxh64(id.ptr, id.len, (uint64_t)query->next_batch);
}

static enum sl_code plan_splits(struct batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_epoch *epoch = &batch->epoch;
    uint32_t workers = (uint32_t)sl_pool_workers(query->engine->pool);
    *epoch = (struct sl_epoch){.engine = query->engine,
                               .pipes = &query->pipes,
                               .sources = query->sources,
                               .session = &query->session,
                               .sink = query->sink,
                               .rows_by_pipe = batch->rows};
    epoch->splits = SL_NEW_ARRAY(&query->epoch, struct sl_split *, query->source_count);
    epoch->split_counts = SL_NEW_ARRAY(&query->epoch, uint32_t, query->source_count);
    if (query->engine->profile) epoch->profile = add_stage, epoch->profile_ctx = query;
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_source *source = query->sources[i];
        SL_TRY(source->ops->plan(source, sl_buf_str(&query->start[i]), batch->seq.sources[i],
                                 workers, &query->epoch, &epoch->splits[i], &epoch->split_counts[i],
                                 err));
    }
    return SL_OK;
}

static enum sl_code write_to_sink(struct batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_sink *sink = query->sink;
    SL_TRY(sink->ops->begin(sink, query->next_batch, batch->seq.hash, sl_epoch_tasks(&batch->epoch),
                            err));
    enum sl_code code = sl_epoch_run(&batch->epoch, err);
    if (code == SL_OK) code = sink->ops->commit(sink, &batch->report.sink, err);
    if (code != SL_OK) sink->ops->abort(sink);
    return code;
}

static enum sl_code commit_batch(struct batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_commit_entry entry = {1, query->watermark_ms};
    SL_TRY(sl_checkpoint_write_commit(query->checkpoint, query->next_batch, &entry, err));
    if (query->sink->ops->finish)
        SL_TRY(query->sink->ops->finish(query->sink, query->next_batch, err));
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_source *source = query->sources[i];
        if (source->ops->committed) source->ops->committed(source, batch->seq.sources[i]);
        sl_buf_clear(&query->start[i]);
        sl_buf_put_str(&query->start[i], batch->seq.sources[i]);
        query->has_start[i] = true;
    }
    query->next_batch++;
    query->replay = false;
    return SL_OK;
}

static void send_report(struct batch *batch) {
    struct sl_query *query = batch->query;
    struct sl_batch_report *report = &batch->report;
    report->batch_timestamp_ms = batch->seq.batch_timestamp_ms;
    report->times = batch->epoch.times;
    report->start = batch->start;
    report->end = batch->seq.sources;
    report->source_rows = batch->rows;
    report->since_last_trigger_ms =
        query->last_trigger_ms ? report->trigger_start_ms - query->last_trigger_ms : 0;
    query->total.read_ns += report->times.read_ns;
    query->total.process_ns += report->times.process_ns;
    query->total.write_ns += report->times.write_ns;
    query->total.close_ns += report->times.close_ns;
    query->total.rows_read += report->times.rows_read;
    query->total.rows_out += report->times.rows_out;
    if (query->report) query->report(query->report_ctx, report);
}

static enum sl_code run_batch(struct batch *batch, int64_t began_ns, struct sl_err *err) {
    struct sl_batch_durations *durations = &batch->report.durations;
    int64_t begin = sl_clock_mono_ns();
    prepare_session(batch);
    SL_TRY(plan_splits(batch, err));
    int64_t planned = sl_clock_mono_ns();
    SL_TRY(write_to_sink(batch, err));
    int64_t written = sl_clock_mono_ns();
    SL_TRY(commit_batch(batch, err));
    int64_t committed = sl_clock_mono_ns();
    durations->query_planning = (planned - begin) / 1000000;
    durations->add_batch = (written - planned) / 1000000;
    durations->commit_offsets = (committed - written) / 1000000;
    durations->trigger_execution = (committed - began_ns) / 1000000;
    send_report(batch);
    return SL_OK;
}

/* ---- triggers ---- */

static bool is_finished(const struct sl_query *query) {
    if (query->trigger.batches_max && query->batches_done >= query->trigger.batches_max)
        return true;
    return query->trigger.kind == SL_TRIGGER_ONCE && query->once_done;
}

/* ProcessingTime fires at start, then at multiples of the interval on the wall clock; an overrun
 * skips ticks. */
static int64_t ms_until_due(const struct sl_query *query) {
    if (query->trigger.kind != SL_TRIGGER_INTERVAL || !query->last_trigger_ms ||
        query->trigger.interval_ms <= 0)
        return 0;
    int64_t interval = query->trigger.interval_ms;
    int64_t due = (query->last_trigger_ms / interval + 1) * interval, now = now_ms();
    /* more than an interval ahead: the wall clock was set back since */
    return due > now && due - now <= interval ? due - now : 0;
}

/* ---- outages ---- */

enum { OUTAGE_WAIT_MS = 500, OUTAGE_WAIT_MS_MAX = 30000 };

/* A query that runs on waits for its brokers as long as it takes; one with an end reports. What
 * lasts (a refused login, a missing right) is not retriable and stops both. */
static bool is_outage(const struct sl_query *query, enum sl_code code, const struct sl_err *err) {
    bool ends =
        query->trigger.kind == SL_TRIGGER_AVAILABLE_NOW || query->trigger.kind == SL_TRIGGER_ONCE;
    return !ends && (code == SL_UNAVAILABLE || code == SL_TIMEOUT) && (!err || err->retriable);
}

/* The batch that failed, if its offsets are planned, runs again with exactly these. */
static void wait_out(struct sl_query *query, int64_t *wait_ms, const struct sl_err *err) {
    int64_t next = query->outage_wait_ms ? 2 * query->outage_wait_ms : OUTAGE_WAIT_MS;
    query->outage_wait_ms = next > OUTAGE_WAIT_MS_MAX ? OUTAGE_WAIT_MS_MAX : next;
    query->outage_until_ns = sl_clock_mono_ns() + query->outage_wait_ms * 1000000;
    query->replay = sl_checkpoint_last_offsets(query->checkpoint) == query->next_batch;
    *wait_ms = query->outage_wait_ms;
    sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                 "query %.*s, batch %lld: %s; trying again in %.1f s", SL_STR_ARG(query->name),
                 (long long)query->next_batch, err ? err->msg : "the source cannot be reached",
                 (double)query->outage_wait_ms / 1000);
}

static int64_t outage_ms_left(const struct sl_query *query) {
    int64_t left = query->outage_until_ns - sl_clock_mono_ns();
    return query->outage_wait_ms && left > 0 ? left / 1000000 + 1 : 0;
}

enum sl_code sl_query_step(struct sl_query *query, enum sl_step *step, int64_t *wait_ms,
                           struct sl_err *err) {
    struct batch batch;
    bool has_new = true;
    *step = SL_STEP_DONE;
    *wait_ms = 0;
    if (is_finished(query)) return SL_OK;
    *step = SL_STEP_IDLE;
    if ((*wait_ms = ms_until_due(query)) > 0) return SL_OK;
    if ((*wait_ms = outage_ms_left(query)) > 0) return SL_OK;
    int64_t began = sl_clock_mono_ns();
    init_batch(&batch, query);
    enum sl_code code = query->replay
                            ? sl_checkpoint_read_offsets(query->checkpoint, query->next_batch,
                                                         &query->epoch, &batch.seq, err)
                            : plan_new_batch(&batch, &has_new, err);
    if (code == SL_OK && has_new) code = run_batch(&batch, began, err);
    if (code != SL_OK && is_outage(query, code, err)) return wait_out(query, wait_ms, err), SL_OK;
    if (code != SL_OK) {
        sl_context(err, "batch %lld", (long long)batch.report.batch_id);
        return sl_context(err, "query %.*s", SL_STR_ARG(query->name)), code;
    }
    query->once_done = true;
    query->outage_wait_ms = 0;
    if (has_new || query->trigger.kind == SL_TRIGGER_INTERVAL)
        query->last_trigger_ms = batch.report.trigger_start_ms;
    if (has_new) query->last_batch_ms = batch.report.trigger_start_ms;
    query->batches_done += has_new;
    if (has_new)
        *step = SL_STEP_RAN;
    else if (query->trigger.kind == SL_TRIGGER_AVAILABLE_NOW ||
             query->trigger.kind == SL_TRIGGER_ONCE)
        *step = SL_STEP_DONE;
    else
        *wait_ms = query->trigger.kind == SL_TRIGGER_INTERVAL ? ms_until_due(query) : 10;
    return SL_OK;
}

void sl_query_wait(struct sl_query *query, int64_t timeout_ms) {
    struct sl_source *source = query->source_count == 1 ? query->sources[0] : NULL;
    bool by_clock = query->trigger.kind == SL_TRIGGER_INTERVAL || query->outage_wait_ms;
    if (source && source->ops->wait && !by_clock)
        source->ops->wait(source, sl_buf_str(&query->start[0]), timeout_ms);
    else
        sl_clock_sleep_ms(timeout_ms);
}
