#include "run/batch_query.h"

#include "run/bounded.h"
#include "run/quarantine.h"
#include "run/query_target.h"
#include "run/schema_drift.h"

/* What one run needs; everything lives in the arena. */
struct batch_run {
    struct sl_pipeline *pipeline;
    struct sl_arena arena;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_bound_query bound;
    struct sl_pipes pipes;
    struct sl_states states;
    struct sl_epoch epoch;
};

static bool env_stopping(void *engine) { return sl_engine_is_stopping(engine); }

static enum sl_code bind(struct batch_run *run, struct sl_pipeline *pipeline,
                         const struct sl_urelation *relation, const struct sl_statement *target,
                         struct sl_err *err) {
    struct sl_engine *engine = pipeline->engine;
    *run = (struct batch_run){.pipeline = pipeline};
    sl_arena_init(&run->arena, "query");
    SL_TRY(sl_engine_session(engine, &run->session, err));
    run->env = (struct sl_conn_env){
        .query = &run->arena,
        .log = &engine->log,
        .budget = &engine->budget,
        .session = &run->session,
        .client_setting = sl_settings_client,
        .client_ctx = engine->settings,
        .stopping = env_stopping,
        .stop_ctx = engine,
    };
    return sl_pipeline_bind(pipeline, relation, target, &run->env, &run->bound, err);
}

static enum sl_code open_feed(struct batch_run *run, uint32_t at, struct sl_err *err) {
    const struct sl_node *scan = run->pipes.items[at].scan;
    if (scan->kind == SL_NODE_SCAN && scan->scan->streaming)
        return sl_fail_at(err, sl_sql_origin(&run->pipeline->text, scan->scan->span),
                          "UNSUPPORTED_FEATURE", "0A000",
                          "a stream cannot be read by a batch query; leave out STREAM, or write "
                          "CREATE STREAMING TABLE");
    return sl_bounded_open(&run->env, &run->epoch, &run->epoch.feeds[at], &run->arena, err);
}

/* What aggregations, joins and sorts hold until the end. */
static enum sl_code make_states(struct batch_run *run, struct sl_err *err) {
    struct sl_engine *engine = run->pipeline->engine;
    struct sl_stateful_env env = {.query = &run->arena,
                                  .budget = &engine->budget,
                                  .session = &run->session,
                                  .mode = SL_MODE_BATCH,
                                  .batch_rows = engine->batch_rows};
    if (run->pipes.stateful_count == 0) return SL_OK;
    SL_TRY(sl_states_make(&env, &run->pipes, &run->states, err));
    for (uint32_t i = 0; i < run->states.count; i++) {
        struct sl_state *state = &run->states.items[i];
        state->marks = (struct sl_batch_marks){INT64_MIN, INT64_MIN, false, &run->session};
        state->stateful->ops->begin(state->stateful, &state->marks);
    }
    run->epoch.outputs[0].states = &run->states;
    return SL_OK;
}

static enum sl_code prepare(struct batch_run *run, struct sl_err *err) {
    SL_TRY(sl_lower(&run->arena, run->bound.plan, &run->pipes, err));
    sl_epoch_init(&run->epoch, run->pipeline->engine, &run->pipes, &run->arena);
    run->epoch.outputs[0].session = &run->session;
    run->epoch.outputs[0].text = &run->pipeline->text;
    for (uint32_t i = 0; i < run->epoch.feed_count; i++) SL_TRY(open_feed(run, i, err));
    return SL_OK;
}

static void release(struct batch_run *run) {
    for (uint32_t i = 0; i < run->epoch.feed_count; i++) {
        struct sl_source *source = run->epoch.feeds[i].source;
        if (source) source->ops->close(source);
    }
    sl_states_release(&run->states);
    sl_arena_release(&run->arena);
}

enum sl_code sl_batch_query_run(struct sl_pipeline *pipeline, const struct sl_urelation *relation,
                                sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                struct sl_err *err) {
    struct batch_run run;
    enum sl_code code = bind(&run, pipeline, relation, NULL, err);
    if (code == SL_OK) code = prepare(&run, err);
    if (code == SL_OK) code = make_states(&run, err);
    if (code == SL_OK) code = begin(ctx, run.bound.schema, &run.session, err);
    if (code == SL_OK) {
        run.epoch.outputs[0].consume = fn;
        run.epoch.outputs[0].consume_ctx = ctx;
        code = sl_epoch_run(&run.epoch, err);
    }
    release(&run);
    return code;
}

static void put_profile_line(void *ctx, const char *stage, int64_t ns, int64_t rows) {
    sl_buf_printf(ctx, "    %-26s %10.1f ns/row\n", stage, rows ? (double)ns / (double)rows : 0.0);
}

/* What the view's statement and its table expect of every row; the scans below stay. */
static enum sl_code add_expectations(struct batch_run *run, const struct sl_query_spec *spec,
                                     struct sl_sink *sink, struct sl_err *err) {
    struct sl_sink_constraint *demanded = NULL;
    uint32_t count = 0;
    const struct sl_node *before = run->bound.plan;
    if (sink->ops->constraints)
        SL_TRY(sink->ops->constraints(sink, &run->arena, &demanded, &count, err));
    SL_TRY(sl_pipeline_expect(run->pipeline, spec->target, demanded, count, &run->env, &run->bound,
                              err));
    if (run->bound.plan == before) return SL_OK;
    SL_TRY(sl_lower(&run->arena, run->bound.plan, &run->pipes, err));
    for (uint32_t i = 0; i < run->epoch.feed_count; i++)
        run->epoch.feeds[i].consumers[0].pipe = &run->pipes.items[i];
    struct sl_output *output = &run->epoch.outputs[0];
    size_t bytes = run->pipes.expectation_count * sizeof *output->expectations;
    output->expectations = sl_arena_alloc(&run->arena, bytes + 1);
    if (bytes) memcpy(output->expectations, run->pipes.expectations, bytes);
    return SL_OK;
}

static void report_expectations(const struct batch_run *run, const struct sl_query_spec *spec) {
    const struct sl_expectation *items = run->epoch.outputs[0].expectations;
    for (uint32_t i = 0; items && i < run->pipes.expectation_count; i++)
        if (items[i].failed)
            sl_log_event(&run->pipeline->engine->log, SL_LOG_WARN, SL_CAT_RUN,
                         "materialized view %.*s: %llu of %llu rows break expectation %.*s",
                         SL_STR_ARG(spec->name), (unsigned long long)items[i].failed,
                         (unsigned long long)(items[i].failed + items[i].passed),
                         SL_STR_ARG(items[i].name));
}

static enum sl_code write_to(struct batch_run *run, const struct sl_query_spec *spec,
                             struct sl_batch_result *result, struct sl_buf *profile,
                             struct sl_err *err) {
    struct sl_sink *sink;
    struct sl_output *output = &run->epoch.outputs[0];
    SL_TRY(sl_target_open_sink(run->pipeline, spec, &run->env, run->bound.schema, &sink, err));
    enum sl_code code = add_expectations(run, spec, sink, err);
    output->sink = sink;
    if (profile) output->profile = put_profile_line, output->profile_ctx = profile;
    if (code == SL_OK) code = make_states(run, err);
    bool begun = code == SL_OK;
    if (begun) code = sink->ops->begin(sink, 0, 0, sl_epoch_tasks(&run->epoch), err);
    if (code == SL_OK) code = sl_epoch_run(&run->epoch, err);
    if (code == SL_OK) code = sink->ops->commit(sink, &result->sink, err);
    if (code != SL_OK && begun) sink->ops->abort(sink);
    sink->ops->close(sink);
    result->times = output->times;
    if (code == SL_OK) report_expectations(run, spec);
    return code;
}

enum sl_code sl_batch_query_write(struct sl_pipeline *pipeline, const struct sl_query_spec *spec,
                                  struct sl_batch_result *result, struct sl_buf *profile,
                                  struct sl_err *err) {
    struct batch_run run;
    enum sl_code code = bind(&run, pipeline, spec->relation, spec->target, err);
    if (code == SL_OK) code = prepare(&run, err);
    if (code == SL_OK) code = write_to(&run, spec, result, profile, err);
    if (code != SL_OK) sl_context(err, "materialized view %.*s", SL_STR_ARG(spec->name));
    release(&run);
    return code;
}

enum sl_code sl_batch_query_explain(struct sl_pipeline *pipeline,
                                    const struct sl_urelation *relation,
                                    const struct sl_statement *target, struct sl_buf *out,
                                    struct sl_err *err) {
    struct batch_run run;
    const struct sl_statement *quarantine;
    bool on;
    enum sl_drift_mode mode;
    SL_TRY(sl_quarantine_find(pipeline, target, &quarantine, err));
    SL_TRY(sl_schema_drift_mode(pipeline, target, &on, &mode, err));
    enum sl_code code = bind(&run, pipeline, relation, target, err);
    if (code == SL_OK)
        code = sl_pipeline_expect(pipeline, target, NULL, 0, &run.env, &run.bound, err);
    if (code == SL_OK) sl_node_put_text(out, run.bound.plan);
    release(&run);
    return code;
}
