/* The protocol of a batch. The order is what makes it exactly once; do not reorder:
 * latest offsets -> offsets/N -> run -> letters' commit -> sink's commit -> commits/N -> finish.
 *
 * Letters come first: no row may be in the table while a record of the same batch is nowhere.  A
 * batch that runs again asks both sinks and writes only what is missing. */
#include "base/clock.h"
#include "base/fail.h"
#include "base/hash.h"
#include "run/bounded.h"
#include "run/letter_seal.h"
#include "run/query_evolve.h"
#include "run/query_int.h"
#include "run/schema_drift.h"

static int64_t now_ms(void) { return sl_clock_wall_us() / 1000; }

/* ---- planning ---- */

void sl_query_batch_init(struct query_batch *batch, struct sl_query *query) {
    uint32_t count = query->source_count;
    sl_arena_reset(&query->epoch);
    query->began_batch = query->next_batch;
    *batch = (struct query_batch){.query = query, .began_ns = sl_clock_mono_ns()};
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

enum sl_code sl_query_batch_read(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    return sl_checkpoint_read_offsets(query->checkpoint, query->next_batch, &query->epoch,
                                      &batch->seq, err);
}

enum sl_code sl_query_batch_ask(struct query_batch *batch, struct sl_source **sources,
                                bool *has_new, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_batch_limits limits = {
        .ignore_limits = query->trigger.kind == SL_TRIGGER_ONCE,
        .available_now = query->trigger.kind == SL_TRIGGER_AVAILABLE_NOW,
        .now_ms = batch->report.trigger_start_ms,
        .last_trigger_ms = query->last_batch_ms,
    };
    int64_t begin = sl_clock_mono_ns();
    *has_new = false;
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_buf end = {0};
        bool more = false;
        struct sl_source *source = sources[i];
        enum sl_code code = source->ops->latest_offset(source, sl_buf_str(&query->start[i]),
                                                       &limits, &end, &more, err);
        if (end.len) batch->seq.sources[i] = sl_arena_str(&query->epoch, sl_buf_str(&end));
        sl_buf_release(&end);
        SL_TRY(code);
        *has_new |= more;
    }
    batch->report.durations.latest_offset = (sl_clock_mono_ns() - begin) / 1000000;
    return SL_OK;
}

enum sl_code sl_query_batch_log(struct query_batch *batch, int64_t timestamp_ms,
                                struct sl_err *err) {
    struct sl_query *query = batch->query;
    int64_t begin = sl_clock_mono_ns();
    batch->seq.version = 1;
    batch->seq.has_metadata = true;
    batch->seq.batch_watermark_ms = query->clock.value_ms;
    batch->seq.batch_timestamp_ms = timestamp_ms;
    batch->seq.conf = query->conf;
    query->committing = true;
    SL_TRY(sl_checkpoint_write_offsets(query->checkpoint, query->next_batch, &batch->seq, err));
    int64_t retain =
        sl_settings_int(query->engine->settings, "spark.sql.streaming.minBatchesToRetain");
    SL_TRY(sl_checkpoint_purge(query->checkpoint, query->next_batch, retain, err));
    batch->report.durations.wal_commit = (sl_clock_mono_ns() - begin) / 1000000;
    query->committing = false;
    return SL_OK;
}

/* ---- what is run ---- */

/* Batches that one epoch makes. */
struct run {
    struct query_batch *batches;
    uint32_t count;
    struct sl_source **readers; /* per feed */
    struct sl_epoch epoch;
};

/* Everything a batch computes derives from offsets/N: its time, and its seed from query id and
 * batch id. */
static void prepare_session(struct query_batch *batch) {
    struct sl_query *query = batch->query;
    struct sl_str id = query->env.query_id;
    query->session.batch_timestamp_us = batch->seq.batch_timestamp_ms * 1000;
    query->session.batch_id = query->next_batch;
    query->session.batch_seed = sl_xxh64(id.ptr, id.len, (uint64_t)query->next_batch);
}

/* One query: a feed per pipe.  Several: they have one pipe each, all on the one feed. */
static void make_feeds(struct run *run) {
    struct sl_query *first = run->batches[0].query;
    struct sl_epoch *epoch = &run->epoch;
    sl_epoch_init(epoch, first->engine, &first->pipes, &first->epoch);
    if (run->count == 1) return;
    struct sl_feed *feed = &epoch->feeds[0];
    feed->consumers = SL_NEW_ARRAY(&first->epoch, struct sl_consumer, run->count);
    feed->consumer_count = run->count;
    for (uint32_t i = 0; i < run->count; i++)
        feed->consumers[i] = (struct sl_consumer){run->batches[i].query->pipes.items, i};
    epoch->outputs = SL_NEW_ARRAY(&first->epoch, struct sl_output, run->count);
    epoch->output_count = run->count;
}

static void make_output(struct query_batch *batch, bool alone, struct sl_output *output) {
    struct sl_query *query = batch->query;
    *output = (struct sl_output){.session = &query->session,
                                 .text = &query->pipeline->text,
                                 .sink = query->sink,
                                 .letters = query->letters,
                                 .name = alone ? (struct sl_str){0} : query->name};
    if (query->detects_drift) {
        query->drift.records = 0;
        output->drift = &query->drift;
    }
    if (query->pipes.expectation_count) {
        size_t bytes = query->pipes.expectation_count * sizeof *output->expectations;
        output->expectations = sl_arena_alloc(&query->epoch, bytes);
        memcpy(output->expectations, query->pipes.expectations, bytes);
    }
    if (query->engine->profile) {
        output->profile = sl_query_add_stage;
        output->profile_ctx = query;
    }
}

/* Of a source: the first feed is that of the first pipe, and of all queries that share it. */
static struct sl_feed *feed_of(const struct run *run, uint32_t source) {
    return &run->epoch.feeds[run->batches[0].query->source_pipe[source]];
}

/* A batch that only follows a watermark repeats the ends of the one before. */
static bool is_unchanged(const struct query_batch *batch, uint32_t source) {
    const struct sl_query *query = batch->query;
    return query->states.count && query->has_start[source] && !batch->is_replay &&
           sl_str_eq(sl_buf_str(&query->start[source]), batch->seq.sources[source]);
}

/* What a stream is joined with is read anew by every batch, as it is then. */
static enum sl_code open_bounded(struct run *run, struct sl_err *err) {
    struct query_batch *batch = &run->batches[0];
    struct sl_query *query = batch->query;
    batch->bounded = SL_NEW_ARRAY(&query->epoch, struct sl_feed *, run->epoch.feed_count);
    if (run->epoch.feed_count == query->source_count) return SL_OK;
    for (uint32_t f = 0; f < run->epoch.feed_count; f++) {
        struct sl_feed *feed = &run->epoch.feeds[f];
        const struct sl_node *scan = feed->consumers[0].pipe->scan;
        if (scan->kind == SL_NODE_SCAN && scan->scan->streaming) continue;
        batch->bounded[batch->bounded_count++] = feed;
        SL_TRY(sl_bounded_open(&query->env, &run->epoch, feed, &query->epoch, err));
    }
    return SL_OK;
}

static void close_bounded(struct query_batch *batch) {
    for (uint32_t i = 0; i < batch->bounded_count; i++) {
        const struct sl_node *scan = batch->bounded[i]->consumers[0].pipe->scan;
        if (scan->kind == SL_NODE_SCAN) sl_scan_close(scan->scan);
    }
    batch->bounded_count = 0;
}

static enum sl_code plan_splits(struct run *run, struct sl_err *err) {
    struct query_batch *first = &run->batches[0];
    struct sl_query *query = first->query;
    uint32_t workers = (uint32_t)sl_pool_workers(query->engine->pool);
    SL_TRY(open_bounded(run, err));
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_feed *feed = feed_of(run, i);
        struct sl_source *source = run->readers[i];
        feed->source = source;
        sl_feed_choose_columns(feed, run->epoch.outputs, &query->epoch);
        if (first->seq.sources[i].len == 0 || is_unchanged(first, i)) continue;
        SL_TRY(source->ops->plan(source, sl_buf_str(&query->start[i]), first->seq.sources[i],
                                 workers, &query->epoch, &feed->splits, &feed->split_count, err));
    }
    return SL_OK;
}

/* Versions of the state belong to the offsets that they were made from. */
static void tie_states(const struct query_batch *batch) {
    const struct sl_query *query = batch->query;
    for (uint32_t i = 0; i < query->states.count; i++)
        if (query->states.items[i].store)
            sl_state_store_tie(query->states.items[i].store, query->made_from, batch->seq.hash);
}

static enum sl_code prepare(struct run *run, struct sl_err *err) {
    int64_t begin = sl_clock_mono_ns();
    for (uint32_t i = 0; i < run->count; i++) prepare_session(&run->batches[i]);
    make_feeds(run);
    for (uint32_t i = 0; i < run->count; i++)
        make_output(&run->batches[i], run->count == 1, &run->epoch.outputs[i]);
    for (uint32_t i = 0; i < run->count; i++) tie_states(&run->batches[i]);
    for (uint32_t i = 0; i < run->count; i++)
        SL_TRY(sl_query_states_begin(&run->batches[i], &run->epoch.outputs[i], err));
    SL_TRY(plan_splits(run, err));
    for (uint32_t i = 0; i < run->count; i++)
        run->batches[i].report.durations.query_planning = (sl_clock_mono_ns() - begin) / 1000000;
    return SL_OK;
}

/* ---- sinks ---- */

/* What an earlier run of this batch has put into the sinks. */
static enum sl_code ask_sinks(struct query_batch *batch, bool *letters_in_sink,
                              struct sl_err *err) {
    struct sl_query *query = batch->query;
    *letters_in_sink = false;
    if (!query->rerun) return SL_OK;
    struct sl_sink *sink = query->sink;
    SL_TRY(sink->ops->is_committed(sink, query->next_batch, batch->seq.hash, &batch->in_sink, err));
    if (!query->letters) return SL_OK;
    sink = query->letters->sink;
    return sink->ops->is_committed(sink, query->next_batch, batch->seq.hash, letters_in_sink, err);
}

static enum sl_code begin_sinks(struct query_batch *batch, struct sl_output *output, uint32_t tasks,
                                struct sl_err *err) {
    struct sl_query *query = batch->query;
    bool letters_in_sink;
    SL_TRY(ask_sinks(batch, &letters_in_sink, err));
    output->committed = batch->in_sink;
    if (query->letters) {
        struct sl_sink *sink = query->letters->sink;
        sl_letters_begin(query->letters, query->next_batch, query->session.batch_timestamp_us,
                         letters_in_sink);
        batch->letters_begun = !letters_in_sink;
        if (batch->letters_begun)
            SL_TRY(sink->ops->begin(sink, query->next_batch, batch->seq.hash, tasks, err));
    }
    batch->begun = !batch->in_sink;
    return batch->begun ? query->sink->ops->begin(query->sink, query->next_batch, batch->seq.hash,
                                                  tasks, err)
                        : SL_OK;
}

static void abort_sinks(struct query_batch *batch) {
    struct sl_query *query = batch->query;
    if (batch->letters_begun) query->letters->sink->ops->abort(query->letters->sink);
    if (batch->begun) query->sink->ops->abort(query->sink);
    batch->letters_begun = batch->begun = false;
}

/* ---- commit ---- */

static enum sl_code named_point(const char *name, struct sl_err *err) {
    int failure = sl_fail_point(name);
    return failure ? sl_fail_sys(err, failure, "could not commit") : SL_OK;
}

/* A batch without letters leaves no trace in a quarantine, unless its log must have no holes.
 * Letters go first: where the rows are in their sink, the letters are in theirs, and a run that
 * writes nothing does not find those that only writing finds (a record too large for the topic). */
static enum sl_code commit_letters(struct query_batch *batch, struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_letters *letters = query->letters;
    if (!letters) return SL_OK;
    if (letters->committed)
        return batch->in_sink ? SL_OK : sl_letter_seal_check(query->checkpoint_dir, letters, err);
    struct sl_sink *sink = letters->sink;
    if (letters->count == 0 && !letters->every_batch) {
        batch->letters_begun = false;
        sink->ops->abort(sink);
        return SL_OK;
    }
    struct sl_sink_metrics metrics;
    SL_TRY(sl_letter_seal_write(query->checkpoint_dir, letters, err));
    enum sl_code code = sink->ops->commit(sink, &metrics, err);
    if (code != SL_OK) return sl_context(err, "committing the dead letters"), code;
    batch->letters_begun = false;
    return named_point("letters.committed", err);
}

static enum sl_code log_commit(struct query_batch *batch, struct sl_source **readers,
                               struct sl_err *err) {
    struct sl_query *query = batch->query;
    struct sl_commit_entry entry = {1, sl_query_next_watermark(batch)};
    struct sl_letters *letters = query->letters;
    SL_TRY(sl_checkpoint_write_commit(query->checkpoint, query->next_batch, &entry, err));
    if (letters && letters->sink->ops->finish)
        SL_TRY(letters->sink->ops->finish(letters->sink, query->next_batch, err));
    if (letters) SL_TRY(sl_letter_seal_remove(query->checkpoint_dir, query->next_batch, err));
    if (query->sink->ops->finish)
        SL_TRY(query->sink->ops->finish(query->sink, query->next_batch, err));
    for (uint32_t i = 0; i < query->source_count; i++) {
        struct sl_source *source = readers[i];
        if (batch->seq.sources[i].len == 0) continue;
        if (source->ops->committed) source->ops->committed(source, batch->seq.sources[i]);
        sl_buf_clear(&query->start[i]);
        sl_buf_put_str(&query->start[i], batch->seq.sources[i]);
        query->has_start[i] = true;
    }
    SL_TRY(sl_query_states_committed(batch, err));
    query->made_from = batch->seq.hash;
    query->next_batch++;
    query->rerun = false;
    batch->done = true;
    return SL_OK;
}

static enum sl_code commit_one(struct query_batch *batch, struct sl_source **readers,
                               struct sl_err *err) {
    struct sl_query *query = batch->query;
    int64_t begin = sl_clock_mono_ns();
    query->committing = true;
    SL_TRY(commit_letters(batch, err));
    if (batch->begun) SL_TRY(query->sink->ops->commit(query->sink, &batch->report.sink, err));
    batch->begun = false;
    SL_TRY(named_point("rows.committed", err));
    int64_t written = sl_clock_mono_ns();
    SL_TRY(log_commit(batch, readers, err));
    batch->report.durations.add_batch += (written - begin) / 1000000;
    batch->report.durations.commit_offsets = (sl_clock_mono_ns() - written) / 1000000;
    SL_TRY(named_point("batch.committed", err));
    query->committing = false;
    return SL_OK;
}

/* ---- report ---- */

static void take_letter_counts(struct sl_batch_report *report, const struct sl_letters *letters) {
    if (!letters) return;
    report->has_quarantine = true;
    report->letters = letters->count;
    memcpy(report->letters_by_kind, letters->by_kind, sizeof report->letters_by_kind);
}

/* Fields are told of when their batch is committed, once in a run. */
static void take_drift(struct sl_query *query, struct sl_batch_report *report) {
    if (!query->detects_drift) return;
    report->has_drift = true;
    report->drift_records = query->drift.records;
    report->new_field_count = query->drift.count - query->drift_told;
    if (report->new_field_count) report->new_fields = &query->drift.items[query->drift_told];
    sl_schema_drift_warn(&query->engine->log, query->name, &query->drift, query->drift_told);
    query->drift_told = query->drift.count;
    struct sl_query_evolution *evolving = query->evolving;
    if (!evolving) return;
    report->added_fields = &evolving->fields.fields[evolving->reported];
    report->added_field_count = evolving->fields.field_count - evolving->reported;
    evolving->reported = evolving->fields.field_count;
}

static void send_report(struct run *run, uint32_t at) {
    struct query_batch *batch = &run->batches[at];
    struct sl_query *query = batch->query;
    struct sl_batch_report *report = &batch->report;
    const struct sl_output *output = &run->epoch.outputs[at];
    for (uint32_t i = 0; i < query->source_count; i++) batch->rows[i] = feed_of(run, i)->rows;
    report->batch_timestamp_ms = batch->seq.batch_timestamp_ms;
    report->times = output->times;
    report->states = &query->states;
    report->event_times = batch->event_times;
    report->watermark_clauses = query->pipes.watermark_count;
    report->watermark_ms = batch->seq.batch_watermark_ms;
    sl_event_status_note(&query->event_status, report->trigger_start_ms, batch->start,
                         batch->seq.sources, query->source_count, batch->event_times);
    report->expectations = output->expectations;
    report->expectation_count = query->pipes.expectation_count;
    report->start = batch->start;
    report->end = batch->seq.sources;
    report->source_rows = batch->rows;
    report->since_last_trigger_ms =
        query->last_trigger_ms ? report->trigger_start_ms - query->last_trigger_ms : 0;
    report->durations.trigger_execution = (sl_clock_mono_ns() - batch->began_ns) / 1000000;
    take_letter_counts(report, query->letters);
    take_drift(query, report);
    sl_stage_times_add(&query->total, &report->times);
    if (query->report) query->report(query->report_ctx, report);
}

/* ---- the whole ---- */

static enum sl_code fill_sinks(struct run *run, struct sl_err *err) {
    uint32_t tasks = sl_epoch_tasks(&run->epoch);
    int64_t begin = sl_clock_mono_ns();
    for (uint32_t i = 0; i < run->count; i++)
        SL_TRY(begin_sinks(&run->batches[i], &run->epoch.outputs[i], tasks, err));
    SL_TRY(sl_epoch_run(&run->epoch, err));
    for (uint32_t i = 0; i < run->count; i++) {
        struct sl_letters *letters = run->batches[i].query->letters;
        run->batches[i].report.durations.add_batch = (sl_clock_mono_ns() - begin) / 1000000;
        if (letters && !run->batches[i].is_replay)
            SL_TRY(sl_letters_check(letters, run->epoch.outputs[i].times.rows_read, err));
    }
    return SL_OK;
}

/* Everything but the commits. A query whose schema grows runs its batch again with the new one. */
static enum sl_code run_epoch(struct run *run, struct sl_err *err) {
    struct query_batch *first = &run->batches[0];
    bool again = true;
    while (again) {
        SL_TRY(prepare(run, err));
        SL_TRY(fill_sinks(run, err));
        again = false;
        if (!first->in_sink) SL_TRY(sl_query_evolve_find(first->query, &again, err));
        if (!again) break;
        abort_sinks(first);
        SL_TRY(sl_query_evolve(first->query, first->seq.hash, err));
    }
    return SL_OK;
}

enum sl_code sl_query_batches_run(struct query_batch *batches, uint32_t count,
                                  struct sl_source **readers, struct sl_err *err) {
    struct run run = {.batches = batches, .count = count, .readers = readers};
    enum sl_code code = run_epoch(&run, err);
    close_bounded(&batches[0]);
    for (uint32_t i = 0; i < count && code == SL_OK; i++)
        code = sl_query_states_save(&batches[i], err);
    for (uint32_t i = 0; i < count && code == SL_OK; i++) {
        code = commit_one(&batches[i], readers, err);
        batches[i].query->readers = readers;
        if (code == SL_OK) send_report(&run, i);
    }
    for (uint32_t i = 0; i < count && code != SL_OK; i++) abort_sinks(&batches[i]);
    return code;
}
