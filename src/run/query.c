/* Steps of a streaming query: triggers, outages, and what is known about it. */
#include "run/query.h"

#include "base/clock.h"
#include "run/query_int.h"

struct sl_str sl_query_name(const struct sl_query *query) {
    return query->name;
}
struct sl_str sl_query_dataset(const struct sl_query *query) {
    const struct sl_name *name = &query->spec->target->name;
    return name->parts[name->count - 1];
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
    struct sl_source *at = query->readers[source];
    if (at->ops->metrics) at->ops->metrics(at, end, out);
}

void sl_query_source_latest(const struct sl_query *query, uint32_t source, struct sl_buf *out) {
    const struct sl_source *at = query->readers[source];
    if (at->ops->latest) at->ops->latest(at, out);
}

static int64_t now_ms(void) { return sl_clock_wall_us() / 1000; }

void sl_query_event_status(const struct sl_query *query, struct sl_buf *out) {
    sl_event_status_put_json(out, &query->event_status, now_ms());
}

/* ---- profile ---- */

void sl_query_add_stage(void *ctx, const char *name, int64_t ns, int64_t rows) {
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

enum sl_code sl_query_make_table(struct sl_query *query, struct sl_err *err) {
    struct sl_sink *letters = query->letters ? query->letters->sink : NULL;
    if (letters && letters->ops->create) SL_TRY(letters->ops->create(letters, err));
    const struct sl_sink_ops *ops = query->sink->ops;
    return ops->create ? ops->create(query->sink, err) : SL_OK;
}

/* ---- triggers ---- */

bool sl_query_is_finished(const struct sl_query *query) {
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

static bool has_end(const struct sl_query *query) {
    return query->trigger.kind == SL_TRIGGER_AVAILABLE_NOW ||
           query->trigger.kind == SL_TRIGGER_ONCE;
}

/* Told when it begins and when it is over; in between only to who debugs. */
static void tell_outage(const struct sl_query *query, bool first, const struct sl_err *err) {
    const char *reason = err ? err->msg : "the source cannot be reached";
    long long batch = (long long)query->next_batch;
    if (first)
        sl_log_event(&query->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                     "query %.*s, batch %lld: %s; trying again until it works",
                     SL_STR_ARG(query->name), batch, reason);
    else
        sl_log_debug(&query->engine->log, SL_CAT_RUN,
                     "query %.*s, batch %lld: %s; trying again in %.1f s", SL_STR_ARG(query->name),
                     batch, reason, (double)query->outage.wait_ms / 1000);
}

static void tell_end_of_outage(const struct sl_query *query) {
    sl_log_event(&query->engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "query %.*s: it works again, %.1f s after the first failure",
                 SL_STR_ARG(query->name), sl_outage_seconds(&query->outage));
}

/* A query with an end reports the outage.  In the others the batch that failed, if its offsets are
 * planned, runs again with exactly these.  Behind a failed write, or in the middle of the commits,
 * only what a start does knows what is there: such a query is to be opened anew. */
bool sl_query_waits_out(struct sl_query *query, enum sl_code code, int64_t *wait_ms,
                        struct sl_err *err) {
    bool broken = code == SL_IO || query->committing;
    if (has_end(query) || !sl_outage_is(code, err)) return false;
    if (broken && query->temporary_checkpoint) return false; /* it would go with the query */
    tell_outage(query, sl_outage_note(&query->outage), err);
    query->broken = broken;
    query->rerun = sl_checkpoint_last_offsets(query->checkpoint) == query->next_batch;
    *wait_ms = query->outage.wait_ms;
    return true;
}

bool sl_query_is_broken(const struct sl_query *query) { return query->broken; }

void sl_query_hand_over(const struct sl_query *query, struct sl_query_handover *out) {
    *out = (struct sl_query_handover){.outage = query->outage,
                                      .batch_id = query->began_batch,
                                      .batches_done = query->batches_done,
                                      .last_trigger_ms = query->last_trigger_ms,
                                      .last_batch_ms = query->last_batch_ms};
}

void sl_query_take_over(struct sl_query *query, const struct sl_query_handover *from) {
    query->outage = from->outage;
    query->batches_done = from->batches_done + (query->next_batch - from->batch_id);
    query->last_trigger_ms = from->last_trigger_ms;
    query->last_batch_ms = from->last_batch_ms;
}

/* ---- steps ---- */

int64_t sl_query_wait_left(const struct sl_query *query) {
    int64_t due = ms_until_due(query);
    return due > 0 ? due : sl_outage_ms_left(&query->outage);
}

enum { IDLE_TOLD_MS = 60000 };

/* Once, when rows are remembered and nothing has come for a minute: what they wait for. */
static void tell_idle(struct sl_query *query) {
    struct sl_event_status *status = &query->event_status;
    uint64_t rows = 0;
    for (uint32_t i = 0; i < query->states.count; i++)
        rows += query->states.items[i].metrics.rows_total;
    if (!query->clock.count || !rows || status->idle_told || !status->batch_ms ||
        now_ms() - status->batch_ms < IDLE_TOLD_MS)
        return;
    struct sl_buf text = {0};
    status->idle_told = true;
    sl_event_status_put_text(&text, status);
    sl_log_event(&query->engine->log, SL_LOG_INFO, SL_CAT_RUN, "query %.*s waits: %.*s",
                 SL_STR_ARG(query->name), SL_STR_ARG(sl_buf_str(&text)));
    sl_buf_release(&text);
}

void sl_query_step_done(struct sl_query *query, const struct query_batch *batch, bool has_new,
                        enum sl_step *step, int64_t *wait_ms) {
    int64_t began_ms = batch->report.trigger_start_ms;
    if (!has_new) tell_idle(query);
    query->once_done = true;
    if (query->outage.wait_ms) tell_end_of_outage(query);
    query->outage.wait_ms = 0;
    if (has_new || query->trigger.kind == SL_TRIGGER_INTERVAL) query->last_trigger_ms = began_ms;
    if (has_new) query->last_batch_ms = began_ms;
    query->batches_done += has_new;
    query->began_batch = query->next_batch;
    *wait_ms = 0;
    if (has_new)
        *step = SL_STEP_RAN;
    else if (has_end(query))
        *step = SL_STEP_DONE;
    else {
        *step = SL_STEP_IDLE;
        *wait_ms = query->trigger.kind == SL_TRIGGER_INTERVAL ? ms_until_due(query) : 10;
    }
}

/* A batch without new rows ends where it starts. */
static void repeat_ends(struct query_batch *batch) {
    struct sl_query *query = batch->query;
    for (uint32_t i = 0; i < query->source_count; i++)
        batch->seq.sources[i] = sl_arena_str(&query->epoch, sl_buf_str(&query->start[i]));
}

static enum sl_code run_step(struct query_batch *batch, bool *has_new, struct sl_err *err) {
    struct sl_query *query = batch->query;
    *has_new = true;
    if (query->rerun) {
        SL_TRY(sl_query_batch_read(batch, err));
        return sl_query_batch_rerun(batch, err);
    }
    SL_TRY(sl_query_batch_ask(batch, query->sources, has_new, err));
    if (!*has_new && sl_query_wants_empty_batch(query)) {
        repeat_ends(batch);
        *has_new = true;
    }
    if (!*has_new) return SL_OK;
    SL_TRY(sl_query_batch_log(batch, now_ms(), err));
    return sl_query_batches_run(batch, 1, query->sources, err);
}

enum sl_code sl_query_step(struct sl_query *query, enum sl_step *step, int64_t *wait_ms,
                           struct sl_err *err) {
    struct query_batch batch;
    bool has_new;
    *step = SL_STEP_DONE;
    *wait_ms = 0;
    if (sl_query_is_finished(query)) return SL_OK;
    *step = SL_STEP_IDLE;
    if ((*wait_ms = sl_query_wait_left(query)) > 0) return SL_OK;
    sl_query_batch_init(&batch, query);
    enum sl_code code = run_step(&batch, &has_new, err);
    if (code != SL_OK && sl_query_waits_out(query, code, wait_ms, err)) return SL_OK;
    if (code != SL_OK) {
        sl_context(err, "batch %lld", (long long)batch.report.batch_id);
        return sl_context(err, "query %.*s", SL_STR_ARG(query->name)), code;
    }
    sl_query_step_done(query, &batch, has_new, step, wait_ms);
    return SL_OK;
}

void sl_query_wait(struct sl_query *query, int64_t timeout_ms) {
    struct sl_source *source = query->source_count == 1 ? query->sources[0] : NULL;
    bool by_clock = query->trigger.kind == SL_TRIGGER_INTERVAL || query->outage.wait_ms;
    if (source && source->ops->wait && !by_clock)
        source->ops->wait(source, sl_buf_str(&query->start[0]), timeout_ms);
    else
        sl_clock_sleep_ms(timeout_ms);
}
