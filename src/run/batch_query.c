#include "run/batch_query.h"

#include "run/query_target.h"

/* What one run needs; everything lives in the arena. */
struct batch_run {
    struct sl_pipeline *pipeline;
    struct sl_arena arena;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_bound_query bound;
    struct sl_pipes pipes;
    struct sl_epoch epoch;
};

static bool env_stopping(void *engine) { return sl_engine_is_stopping(engine); }

static enum sl_code bind(struct batch_run *run, struct sl_pipeline *pipeline,
                         const struct sl_urelation *relation, struct sl_err *err) {
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
    return sl_pipeline_bind(pipeline, relation, &run->env, &run->bound, err);
}

static enum sl_code open_pipe(struct batch_run *run, uint32_t p, struct sl_err *err) {
    struct sl_epoch *epoch = &run->epoch;
    const struct sl_node *scan = run->pipes.items[p].scan;
    if (scan->kind == SL_NODE_VALUES) {
        epoch->splits[p] = SL_NEW(&run->arena, struct sl_split);
        epoch->split_counts[p] = 1;
        return SL_OK;
    }
    if (scan->scan->streaming)
        return sl_fail_at(err, sl_sql_origin(&run->pipeline->text, scan->scan->span),
                          "UNSUPPORTED_FEATURE", "0A000",
                          "a stream cannot be read by a batch query; leave out STREAM, or write "
                          "CREATE STREAMING TABLE");
    SL_TRY(sl_scan_open(&run->env, scan->scan, &epoch->sources[p], err));
    struct sl_source *source = epoch->sources[p];
    if (scan->pushed_count && source->ops->restrict_to)
        source->ops->restrict_to(source, scan->pushed, scan->pushed_count, scan->scan_columns);
    struct sl_buf start = {0}, end = {0};
    struct sl_batch_limits limits = {.ignore_limits = true};
    bool has_new;
    enum sl_code code = SL_OK;
    /* a bounded source without offsets (files) plans all it has */
    if (source->ops->initial_offset) code = source->ops->initial_offset(source, &start, err);
    if (code == SL_OK && source->ops->latest_offset)
        code = source->ops->latest_offset(source, sl_buf_str(&start), &limits, &end, &has_new, err);
    struct sl_str from = sl_arena_str(&run->arena, sl_buf_str(&start)),
                  to = sl_arena_str(&run->arena, sl_buf_str(&end));
    sl_buf_release(&start);
    sl_buf_release(&end);
    SL_TRY(code);
    uint32_t workers = (uint32_t)sl_pool_workers(run->pipeline->engine->pool);
    return source->ops->plan(source, from, to, workers, &run->arena, &epoch->splits[p],
                             &epoch->split_counts[p], err);
}

static enum sl_code prepare(struct batch_run *run, struct sl_err *err) {
    SL_TRY(sl_lower(&run->arena, run->bound.plan, &run->pipes, err));
    uint32_t count = run->pipes.count;
    run->epoch = (struct sl_epoch){
        .engine = run->pipeline->engine, .pipes = &run->pipes, .session = &run->session};
    run->epoch.sources = SL_NEW_ARRAY(&run->arena, struct sl_source *, count);
    run->epoch.splits = SL_NEW_ARRAY(&run->arena, struct sl_split *, count);
    run->epoch.split_counts = SL_NEW_ARRAY(&run->arena, uint32_t, count);
    for (uint32_t p = 0; p < count; p++) SL_TRY(open_pipe(run, p, err));
    return SL_OK;
}

static void release(struct batch_run *run) {
    for (uint32_t p = 0; run->epoch.sources && p < run->pipes.count; p++)
        if (run->epoch.sources[p]) run->epoch.sources[p]->ops->close(run->epoch.sources[p]);
    sl_arena_release(&run->arena);
}

enum sl_code sl_batch_query_run(struct sl_pipeline *pipeline, const struct sl_urelation *relation,
                                sl_rows_begin_fn begin, sl_rows_fn fn, void *ctx,
                                struct sl_err *err) {
    struct batch_run run;
    enum sl_code code = bind(&run, pipeline, relation, err);
    if (code == SL_OK) code = prepare(&run, err);
    if (code == SL_OK) code = begin(ctx, run.bound.schema, &run.session, err);
    run.epoch.consume = fn;
    run.epoch.consume_ctx = ctx;
    if (code == SL_OK) code = sl_epoch_run(&run.epoch, err);
    release(&run);
    return code;
}

static void put_profile_line(void *ctx, const char *stage, int64_t ns, int64_t rows) {
    sl_buf_printf(ctx, "    %-26s %10.1f ns/row\n", stage, rows ? (double)ns / (double)rows : 0.0);
}

static enum sl_code write_to(struct batch_run *run, const struct sl_query_spec *spec,
                             struct sl_batch_result *result, struct sl_buf *profile,
                             struct sl_err *err) {
    struct sl_sink *sink;
    SL_TRY(sl_target_open_sink(run->pipeline, spec, &run->env, run->bound.schema, &sink, err));
    run->epoch.sink = sink;
    if (profile) run->epoch.profile = put_profile_line, run->epoch.profile_ctx = profile;
    enum sl_code code = sink->ops->begin(sink, 0, 0, sl_epoch_tasks(&run->epoch), err);
    if (code == SL_OK) code = sl_epoch_run(&run->epoch, err);
    if (code == SL_OK) code = sink->ops->commit(sink, &result->sink, err);
    if (code != SL_OK) sink->ops->abort(sink);
    sink->ops->close(sink);
    result->times = run->epoch.times;
    return code;
}

enum sl_code sl_batch_query_write(struct sl_pipeline *pipeline, const struct sl_query_spec *spec,
                                  struct sl_batch_result *result, struct sl_buf *profile,
                                  struct sl_err *err) {
    struct batch_run run;
    enum sl_code code = bind(&run, pipeline, spec->relation, err);
    if (code == SL_OK) code = prepare(&run, err);
    if (code == SL_OK) code = write_to(&run, spec, result, profile, err);
    if (code != SL_OK) sl_context(err, "materialized view %.*s", SL_STR_ARG(spec->name));
    release(&run);
    return code;
}

enum sl_code sl_batch_query_explain(struct sl_pipeline *pipeline,
                                    const struct sl_urelation *relation, struct sl_buf *out,
                                    struct sl_err *err) {
    struct batch_run run;
    enum sl_code code = bind(&run, pipeline, relation, err);
    if (code == SL_OK) sl_node_put_text(out, run.bound.plan);
    release(&run);
    return code;
}
