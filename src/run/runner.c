#include "run/runner.h"

#include <stdlib.h>

#include "base/clock.h"
#include "run/batch_query.h"

enum { WAIT_MS_MAX = 100 }; /* so that a stop is seen soon */

struct runner {
    struct sl_pipeline *pipeline;
    const struct sl_run_options *options;
    struct sl_query **queries;
    bool *done;
    uint32_t count;
};

static enum sl_code run_views(struct runner *runner, struct sl_err *err) {
    struct sl_pipeline *pipeline = runner->pipeline;
    for (uint32_t i = 0; i < pipeline->query_count; i++) {
        const struct sl_query_spec *spec = &pipeline->queries[i];
        struct sl_batch_result result = {0};
        if (spec->streaming) continue;
        if (sl_engine_is_stopping(pipeline->engine)) return SL_OK;
        SL_TRY(sl_batch_query_write(pipeline, spec, &result, runner->options->profile, err));
        sl_log_event(&pipeline->engine->log, SL_LOG_INFO, SL_CAT_RUN,
                     "materialized view %.*s: %llu rows in %llu files", SL_STR_ARG(spec->name),
                     (unsigned long long)result.sink.rows, (unsigned long long)result.sink.files);
    }
    return SL_OK;
}

static enum sl_code open_queries(struct runner *runner, struct sl_err *err) {
    struct sl_pipeline *pipeline = runner->pipeline;
    for (uint32_t i = 0; i < pipeline->query_count; i++) {
        if (!pipeline->queries[i].streaming) continue;
        if (sl_engine_is_stopping(pipeline->engine)) return SL_OK;
        SL_TRY(sl_query_open(pipeline, &pipeline->queries[i], &runner->options->trigger,
                             runner->options->report, runner->options->report_ctx,
                             &runner->queries[runner->count], err));
        runner->count++;
    }
    return SL_OK;
}

/* One round: each query that is not done runs at most one batch. */
static enum sl_code round_of_steps(struct runner *runner, bool *all_done, bool *ran,
                                   int64_t *wait_ms, struct sl_err *err) {
    *all_done = true;
    *ran = false;
    *wait_ms = INT64_MAX;
    for (uint32_t i = 0; i < runner->count; i++) {
        enum sl_step step;
        int64_t query_wait_ms;
        if (runner->done[i]) continue;
        SL_TRY(sl_query_step(runner->queries[i], &step, &query_wait_ms, err));
        runner->done[i] = step == SL_STEP_DONE;
        *all_done &= runner->done[i];
        *ran |= step == SL_STEP_RAN;
        if (query_wait_ms < *wait_ms) *wait_ms = query_wait_ms;
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
        if (runner->count == 1)
            sl_query_wait(runner->queries[0], wait_ms);
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
        if (err) sl_hint(err, "the batch will be replayed at the next start");
        return code;
    }
    sl_log_event(&engine->log, SL_LOG_INFO, SL_CAT_RUN,
                 "stopped while waiting for the source; a batch that is planned will be replayed "
                 "at the next start");
    if (err) sl_err_clear(err);
    return SL_OK;
}

enum sl_code sl_run_pipeline(struct sl_pipeline *pipeline, const struct sl_run_options *options,
                             struct sl_err *err) {
    struct runner runner = {.pipeline = pipeline, .options = options};
    runner.queries = SL_NEW_ARRAY(&pipeline->arena, struct sl_query *, pipeline->query_count);
    runner.done = SL_NEW_ARRAY(&pipeline->arena, bool, pipeline->query_count);
    if (pipeline->query_count == 0) {
        sl_fail(err, SL_USER, "`%s` defines no table or flow to run", pipeline->file);
        return sl_hint(
                   err,
                   "add CREATE STREAMING TABLE .. AS SELECT .., or use `sluice sql` for a SELECT"),
               SL_USER;
    }
    enum sl_code code = run_views(&runner, err);
    if (code == SL_OK) code = open_queries(&runner, err);
    if (code == SL_OK) code = run_rounds(&runner, err);
    for (uint32_t i = 0; i < runner.count; i++) {
        if (options->profile) sl_query_put_profile(runner.queries[i], options->profile);
        sl_query_close(runner.queries[i]);
    }
    return settle_stop(&runner, code, err);
}
