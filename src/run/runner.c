#include "run/runner.h"

#include <stdlib.h>

#include "base/clock.h"
#include "run/batch_query.h"
#include "run/query_share.h"

enum { WAIT_MS_MAX = 100 }; /* so that a stop is seen soon */

/* Closed by an outage, to be opened anew. */
struct restart {
    bool due;
    struct sl_query_handover from;
};

/* Arrays have a place for each query of the pipeline, upstream first. */
struct runner {
    struct sl_pipeline *pipeline;
    const struct sl_run_options *options;
    struct sl_query **queries; /* NULL: a view, or one that waits for its restart */
    struct restart *restarts;
    bool *done;
    uint32_t *group; /* the first query that a query shares its reads with; itself if none */
    bool *stepped;   /* per group, in this round */
    struct sl_arena round;
    uint32_t count;
    bool has_end;     /* every query runs until its work is done, then what reads it */
    uint32_t *single; /* the first query of the only group there is; it may wait for its source */
};

static enum sl_code run_view(struct runner *runner, uint32_t at, struct sl_err *err) {
    struct sl_pipeline *pipeline = runner->pipeline;
    const struct sl_query_spec *spec = &pipeline->queries[at];
    struct sl_batch_result result = {0};
    SL_TRY(sl_batch_query_write(pipeline, spec, &result, runner->options->profile, err));
    sl_log_event(&pipeline->engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "materialized view %.*s: %llu rows in %llu files", SL_STR_ARG(spec->name),
                 (unsigned long long)result.sink.rows, (unsigned long long)result.sink.files);
    runner->done[at] = true;
    return SL_OK;
}

static bool is_read(const struct sl_pipeline *pipeline, uint32_t at) {
    for (uint32_t q = at + 1; q < pipeline->query_count; q++)
        for (uint32_t u = 0; u < pipeline->queries[q].upstream_count; u++)
            if (pipeline->queries[q].upstream[u] == at) return true;
    return false;
}

static enum sl_code open_query(struct runner *runner, uint32_t at, struct sl_err *err) {
    struct sl_pipeline *pipeline = runner->pipeline;
    SL_TRY(sl_query_open(pipeline, &pipeline->queries[at], &runner->options->trigger,
                         runner->options->report, runner->options->report_ctx, &runner->queries[at],
                         err));
    return is_read(pipeline, at) ? sl_query_make_table(runner->queries[at], err) : SL_OK;
}

static bool upstream_is_done(const struct runner *runner, uint32_t at) {
    const struct sl_query_spec *spec = &runner->pipeline->queries[at];
    for (uint32_t u = 0; u < spec->upstream_count; u++)
        if (!runner->done[spec->upstream[u]]) return false;
    return true;
}

static void find_group(struct runner *runner, uint32_t at) {
    runner->group[at] = at;
    for (uint32_t i = 0; i < at && runner->group[at] == at; i++)
        if (runner->queries[i] && runner->group[i] == i &&
            sl_query_can_share(runner->queries[i], runner->queries[at]))
            runner->group[at] = i;
}

/* A view that reads a streaming table is made when that has its rows; where a stream has no end,
 * from the rows of now. */
static enum sl_code begin_all(struct runner *runner, struct sl_err *err) {
    uint32_t groups = 0;
    for (uint32_t i = 0; i < runner->count; i++) {
        if (sl_engine_is_stopping(runner->pipeline->engine)) return SL_OK;
        if (!runner->pipeline->queries[i].streaming) {
            if (!runner->has_end || upstream_is_done(runner, i)) SL_TRY(run_view(runner, i, err));
            continue;
        }
        SL_TRY(open_query(runner, i, err));
        find_group(runner, i);
        if (runner->group[i] == i) runner->single = groups++ == 0 ? &runner->group[i] : NULL;
    }
    return SL_OK;
}

static enum sl_code step_alone(struct runner *runner, uint32_t at, bool *ran, int64_t *wait_ms,
                               struct sl_err *err) {
    enum sl_step step;
    int64_t query_wait_ms;
    SL_TRY(sl_query_step(runner->queries[at], &step, &query_wait_ms, err));
    runner->done[at] = step == SL_STEP_DONE;
    *ran |= step != SL_STEP_IDLE;
    if (query_wait_ms < *wait_ms) *wait_ms = query_wait_ms;
    return SL_OK;
}

/* Those of a query's group that are not done. */
static enum sl_code step_group(struct runner *runner, uint32_t at, bool *ran, int64_t *wait_ms,
                               struct sl_err *err) {
    struct sl_arena *arena = &runner->round;
    struct sl_query **members = SL_NEW_ARRAY(arena, struct sl_query *, runner->count);
    uint32_t *places = SL_NEW_ARRAY(arena, uint32_t, runner->count), count = 0;
    for (uint32_t i = at; i < runner->count; i++) {
        if (!runner->queries[i] || runner->done[i] || runner->group[i] != runner->group[at])
            continue;
        members[count] = runner->queries[i];
        places[count++] = i;
    }
    runner->stepped[runner->group[at]] = true;
    if (count == 1) return step_alone(runner, at, ran, wait_ms, err);
    enum sl_step *steps = SL_NEW_ARRAY(arena, enum sl_step, count);
    int64_t *waits = SL_NEW_ARRAY(arena, int64_t, count);
    SL_TRY(sl_query_step_shared(members, count, steps, waits, err));
    for (uint32_t i = 0; i < count; i++) {
        runner->done[places[i]] = steps[i] == SL_STEP_DONE;
        *ran |= steps[i] != SL_STEP_IDLE;
        if (waits[i] < *wait_ms) *wait_ms = waits[i];
    }
    return SL_OK;
}

/* ---- restarts ---- */

static void close_one(struct runner *runner, uint32_t at) {
    struct sl_query *query = runner->queries[at];
    if (runner->options->profile) sl_query_put_profile(query, runner->options->profile);
    sl_query_close(query);
    runner->queries[at] = NULL;
}

/* With one that broke go those that read through its source. */
static void close_broken(struct runner *runner, uint32_t at) {
    bool broken = false;
    for (uint32_t i = 0; i < runner->count; i++)
        broken |= runner->queries[i] && runner->group[i] == runner->group[at] &&
                  sl_query_is_broken(runner->queries[i]);
    for (uint32_t i = 0; i < runner->count && broken; i++) {
        if (!runner->queries[i] || runner->done[i] || runner->group[i] != runner->group[at])
            continue;
        runner->restarts[i].due = true;
        sl_query_hand_over(runner->queries[i], &runner->restarts[i].from);
        close_one(runner, i);
    }
}

static enum sl_code restart(struct runner *runner, uint32_t at, int64_t *wait_ms,
                            struct sl_err *err) {
    struct restart *restart = &runner->restarts[at];
    int64_t left = sl_outage_ms_left(&restart->from.outage);
    if (left == 0) {
        enum sl_code code = open_query(runner, at, err);
        restart->due = code != SL_OK;
        if (code == SL_OK) sl_query_take_over(runner->queries[at], &restart->from);
        if (code != SL_OK && !sl_outage_is(code, err)) return code;
        if (code != SL_OK) sl_outage_note(&restart->from.outage);
        left = sl_outage_ms_left(&restart->from.outage);
    }
    if (left < *wait_ms) *wait_ms = left;
    return SL_OK;
}

static enum sl_code step_query(struct runner *runner, uint32_t at, bool *ran, int64_t *wait_ms,
                               struct sl_err *err) {
    if (runner->restarts[at].due) SL_TRY(restart(runner, at, wait_ms, err));
    if (runner->restarts[at].due) return SL_OK;
    if (runner->queries[at]) {
        if (runner->stepped[runner->group[at]]) return SL_OK;
        SL_TRY(step_group(runner, at, ran, wait_ms, err));
        close_broken(runner, at);
        return SL_OK;
    }
    *ran = true;
    *wait_ms = 0;
    return run_view(runner, at, err);
}

/* One round: each query that is not done runs at most one batch. */
static enum sl_code round_of_steps(struct runner *runner, bool *all_done, bool *ran,
                                   int64_t *wait_ms, struct sl_err *err) {
    *all_done = true;
    *ran = false;
    *wait_ms = INT64_MAX;
    sl_arena_reset(&runner->round);
    memset(runner->stepped, 0, runner->count * sizeof *runner->stepped);
    for (uint32_t i = 0; i < runner->count; i++) {
        if (runner->done[i]) continue;
        if (!runner->has_end || upstream_is_done(runner, i))
            SL_TRY(step_query(runner, i, ran, wait_ms, err));
        *all_done &= runner->done[i];
        if (sl_engine_is_stopping(runner->pipeline->engine)) break;
    }
    return SL_OK;
}

static enum sl_code run_rounds(struct runner *runner, struct sl_err *err) {
    struct sl_engine *engine = runner->pipeline->engine;
    bool all_done = runner->count == 0, ran;
    int64_t wait_ms;
    while (!all_done && !sl_engine_is_stopping(engine)) {
        SL_TRY(round_of_steps(runner, &all_done, &ran, &wait_ms, err));
        if (all_done || ran || sl_engine_is_stopping(engine)) continue;
        if (wait_ms > WAIT_MS_MAX) wait_ms = WAIT_MS_MAX;
        struct sl_query *single = runner->single ? runner->queries[*runner->single] : NULL;
        if (single)
            sl_query_wait(single, wait_ms);
        else
            sl_clock_sleep_ms(wait_ms);
    }
    return SL_OK;
}

/* The first signal: nothing new begins, and what waits for its source gives up waiting. That is a
 * drained pipeline. The second one gave up a batch in progress; its offsets are planned. */
static enum sl_code settle_stop(const struct runner *runner, enum sl_code code,
                                struct sl_err *err) {
    struct sl_engine *engine = runner->pipeline->engine;
    if (code != SL_CANCELED || !sl_engine_is_stopping(engine)) return code;
    if (sl_engine_is_abandoning(engine)) {
        if (err) sl_hint(err, "the batch will run again at the next start");
        return code;
    }
    sl_log_event(&engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "stopped while waiting for the source; a batch that is planned will run again "
                 "at the next start");
    if (err) sl_err_clear(err);
    return SL_OK;
}

enum sl_code sl_run_pipeline(struct sl_pipeline *pipeline, const struct sl_run_options *options,
                             struct sl_err *err) {
    enum sl_trigger_kind kind = options->trigger.kind;
    struct runner runner = {.pipeline = pipeline,
                            .options = options,
                            .count = pipeline->query_count,
                            .has_end = kind == SL_TRIGGER_AVAILABLE_NOW || kind == SL_TRIGGER_ONCE};
    runner.queries = SL_NEW_ARRAY(&pipeline->arena, struct sl_query *, pipeline->query_count);
    runner.done = SL_NEW_ARRAY(&pipeline->arena, bool, pipeline->query_count);
    runner.stepped = SL_NEW_ARRAY(&pipeline->arena, bool, pipeline->query_count);
    runner.group = SL_NEW_ARRAY(&pipeline->arena, uint32_t, pipeline->query_count);
    runner.restarts = SL_NEW_ARRAY(&pipeline->arena, struct restart, pipeline->query_count);
    if (pipeline->query_count == 0) {
        sl_fail(err, SL_USER, "`%s` defines no table or flow to run", pipeline->file);
        return sl_hint(
                   err,
                   "add CREATE STREAMING TABLE .. AS SELECT .., or use `sluice sql` for a SELECT"),
               SL_USER;
    }
    sl_arena_init(&runner.round, "round");
    enum sl_code code = begin_all(&runner, err);
    if (code == SL_OK) code = run_rounds(&runner, err);
    for (uint32_t i = 0; i < runner.count; i++)
        if (runner.queries[i]) close_one(&runner, i);
    sl_arena_release(&runner.round);
    return settle_stop(&runner, code, err);
}
