/* Opening a streaming query: where its checkpoint is, its plan, sources and sinks. */
#include <stdlib.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/hash.h"
#include "run/quarantine.h"
#include "run/query_evolve.h"
#include "run/query_int.h"
#include "run/query_target.h"
#include "run/schema_drift.h"

static bool env_stopping(void *engine) { return sl_engine_is_stopping(engine); }

/* ---- checkpoint ---- */

static bool may_be_temporary(struct sl_str format) {
    static const char *const formats[] = {"console", "memory", "noop"};
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
        if (sl_str_eq_nocase(format, sl_str(formats[i]))) return true;
    return false;
}

static enum sl_code choose_checkpoint(struct sl_query *query, struct sl_err *err) {
    struct sl_str location = sl_target_checkpoint(query->spec->target, query->name,
                                                  query->engine->settings, &query->arena);
    if (!location.len && may_be_temporary(sl_target_format(query->spec->target))) {
        char *dir = sl_arena_cstr(&query->arena, SL_STR("/tmp/sluice-checkpoint-XXXXXX"));
        if (!mkdtemp(dir))
            return sl_fail(err, SL_IO, "could not make a temporary checkpoint directory in /tmp");
        query->temporary_checkpoint = true;
        location = sl_str(dir);
    }
    if (!location.len) {
        sl_fail_at(err, query->spec->span, "", "", "query `%.*s` has no checkpoint location",
                   SL_STR_ARG(query->name));
        sl_hint(err, "add TBLPROPERTIES ('sluice.checkpointLocation' = '/path'), or SET "
                     "spark.sql.streaming.checkpointLocation = /path");
        return SL_USER;
    }
    query->checkpoint_dir = sl_arena_str(&query->arena, location);
    return SL_OK;
}

static uint32_t count_missing_dirs(struct sl_query *query) {
    uint32_t count = 0;
    for (struct sl_str path = query->checkpoint_dir; path.len;
         path = sl_path_parent(path), count++) {
        struct sl_file_info info;
        struct sl_err ignored;
        if (sl_io_stat(sl_arena_cstr(&query->arena, path), &info, &ignored) != SL_OK || info.exists)
            break;
    }
    return count;
}

/* A query that could not be opened leaves no checkpoint that was not there before: nothing was
 * planned in it. The directories above go when nobody else uses them. */
static void remove_made_dirs(struct sl_query *query) {
    struct sl_err ignored;
    struct sl_str path = query->checkpoint_dir;
    if (query->made_dirs == 0 || sl_checkpoint_last_offsets(query->checkpoint) >= 0) return;
    bool removed = sl_io_remove_tree(path.ptr, &ignored) == SL_OK;
    for (uint32_t i = 1; i < query->made_dirs && removed; i++) {
        path = sl_path_parent(path);
        removed = rmdir(sl_arena_cstr(&query->arena, path)) == 0;
    }
}

static enum sl_code open_checkpoint(struct sl_query *query, struct sl_err *err) {
    SL_TRY(choose_checkpoint(query, err));
    uint32_t missing = count_missing_dirs(query);
    SL_TRY(sl_checkpoint_open(&query->arena, query->checkpoint_dir.ptr, false, &query->engine->log,
                              &query->checkpoint, err));
    /* another process may have been here before the lock was ours */
    if (sl_checkpoint_query_id(query->checkpoint).len == 0) query->made_dirs = missing;
    SL_TRY(sl_checkpoint_ensure_metadata(query->checkpoint, err));
    char *run_id = sl_arena_alloc(&query->arena, 37);
    uint64_t high, low;
    sl_random_system(&high, &low);
    sl_uuid_format(run_id, high, low);
    query->run_id = (struct sl_str){run_id, 36};
    query->env = (struct sl_conn_env){
        .query = &query->arena,
        .log = &query->engine->log,
        .budget = &query->engine->budget,
        .session = &query->session,
        .query_id = sl_checkpoint_query_id(query->checkpoint),
        .checkpoint_dir = query->checkpoint_dir,
        .planned_dir =
            sl_arena_printf(&query->arena, "%.*s/offsets", SL_STR_ARG(query->checkpoint_dir)),
        .client_setting = sl_settings_client,
        .client_ctx = query->engine->settings,
        .stopping = env_stopping,
        .stop_ctx = query->engine,
    };
    return SL_OK;
}

/* ---- plan, sources, sink ---- */

static enum sl_code attach_source(struct sl_query *query, uint32_t i, struct sl_err *err) {
    struct sl_source *source = query->sources[i];
    if (!source->ops->attach) return SL_OK;
    struct sl_str dir =
        sl_arena_printf(&query->arena, "%.*s/sources/%u", SL_STR_ARG(query->checkpoint_dir), i);
    return source->ops->attach(source, dir.ptr, err);
}

static bool is_stream(const struct sl_pipe *pipe) {
    return pipe->scan->kind == SL_NODE_SCAN && pipe->scan->scan->streaming;
}

/* Static sides of joins are opened anew by every batch. */
static enum sl_code find_sources(struct sl_query *query, struct sl_err *err) {
    const struct sl_pipes *pipes = &query->pipes;
    query->source_pipe = SL_NEW_ARRAY(&query->arena, uint32_t, pipes->count);
    for (uint32_t p = 0; p < pipes->count; p++)
        if (is_stream(&pipes->items[p])) query->source_pipe[query->source_count++] = p;
    if (query->source_count) return SL_OK;
    sl_fail_at(err, query->spec->span, "INVALID_FLOW_QUERY_TYPE.BATCH_RELATION_FOR_STREAMING_TABLE",
               "42000", "`%.*s` is a streaming table, but its query reads no stream",
               SL_STR_ARG(query->name));
    sl_hint(err, "write STREAM in front of the source: FROM STREAM read_kafka(..)");
    return SL_USER;
}

static enum sl_code open_sources(struct sl_query *query, struct sl_err *err) {
    SL_TRY(find_sources(query, err));
    query->sources = SL_NEW_ARRAY(&query->arena, struct sl_source *, query->source_count);
    query->start = SL_NEW_ARRAY(&query->arena, struct sl_buf, query->source_count);
    query->has_start = SL_NEW_ARRAY(&query->arena, bool, query->source_count);
    for (uint32_t i = 0; i < query->source_count; i++) {
        const struct sl_node *scan = query->pipes.items[query->source_pipe[i]].scan;
        SL_TRY(sl_scan_open(&query->env, scan->scan, &query->sources[i], err));
        struct sl_source *source = query->sources[i];
        if (scan->pushed_count && source->ops->restrict_to)
            source->ops->restrict_to(source, scan->pushed, scan->pushed_count, scan->scan_columns);
        SL_TRY(attach_source(query, i, err));
    }
    return SL_OK;
}

static enum sl_code choose_drift(struct sl_query *query, struct sl_err *err) {
    enum sl_drift_mode mode;
    SL_TRY(sl_schema_drift_mode(query->pipeline, query->spec->target, &query->detects_drift, &mode,
                                err));
    if (query->detects_drift) sl_drift_init(&query->drift, mode);
    return SL_OK;
}

static enum sl_code open_sinks(struct sl_query *query, struct sl_err *err) {
    SL_TRY(sl_target_open_sink(query->pipeline, query->spec, &query->env, query->schema,
                               &query->sink, err));
    SL_TRY(sl_quarantine_open(query->pipeline, query->spec, &query->env, &query->letters, err));
    for (uint32_t i = 0; query->letters && i < query->source_count; i++)
        SL_TRY(sl_letters_add_source(query->letters, query->sources[i], err));
    return SL_OK;
}

/* Expectations stand above the whole query: its scans stay what they were. */
enum sl_code sl_query_add_expectations(struct sl_query *query, struct sl_bound_query *bound,
                                       struct sl_err *err) {
    struct sl_sink_constraint *demanded = NULL;
    uint32_t count = 0;
    if (query->sink->ops->constraints)
        SL_TRY(query->sink->ops->constraints(query->sink, &query->arena, &demanded, &count, err));
    const struct sl_node *before = bound->plan;
    SL_TRY(sl_pipeline_expect(query->pipeline, query->spec->target, demanded, count, &query->env,
                              bound, err));
    return bound->plan == before ? SL_OK : sl_lower(&query->arena, bound->plan, &query->pipes, err);
}

static enum sl_code bind_query(struct sl_query *query, struct sl_bound_query *bound,
                               struct sl_err *err) {
    bool evolves = query->detects_drift && query->drift.mode == SL_DRIFT_EVOLVE;
    if (evolves) SL_TRY(sl_query_evolve_open(query, err));
    SL_TRY(sl_pipeline_bind_again(query->pipeline, query->spec->relation, query->spec->target,
                                  &query->env, evolves ? &query->evolving->rebind : NULL, bound,
                                  err));
    query->schema = bound->schema;
    return evolves ? sl_query_evolve_check(query, bound, err) : SL_OK;
}

static enum sl_code open_all(struct sl_query *query, struct sl_err *err) {
    struct sl_bound_query bound;
    SL_TRY(sl_engine_session(query->engine, &query->session, err));
    if (!query->spec->target)
        return sl_fail_at(
            err, query->spec->span, "", "",
            "a streaming query needs a target: CREATE STREAMING TABLE or CREATE FLOW");
    SL_TRY(choose_drift(query, err));
    SL_TRY(sl_target_mode(query->pipeline, query->spec->target, &query->mode, err));
    SL_TRY(open_checkpoint(query, err));
    SL_TRY(bind_query(query, &bound, err));
    SL_TRY(sl_lower(&query->arena, bound.plan, &query->pipes, err));
    SL_TRY(open_sources(query, err));
    SL_TRY(open_sinks(query, err));
    SL_TRY(sl_query_add_expectations(query, &bound, err));
    SL_TRY(sl_query_states_open(query, bound.plan, err));
    query->readers = query->sources;
    return sl_query_recover(query, err);
}

enum sl_code sl_query_open(struct sl_pipeline *pipeline, const struct sl_query_spec *spec,
                           const struct sl_trigger *trigger, sl_report_fn report, void *report_ctx,
                           struct sl_query **out, struct sl_err *err) {
    struct sl_query *query = sl_xcalloc(1, sizeof *query);
    *query = (struct sl_query){.pipeline = pipeline,
                               .engine = pipeline->engine,
                               .spec = spec,
                               .trigger = *trigger,
                               .report = report,
                               .report_ctx = report_ctx,
                               .name = spec->name};
    if (trigger->kind == SL_TRIGGER_INTERVAL && trigger->interval_ms <= 0)
        query->trigger.kind = SL_TRIGGER_DEFAULT; /* as Spark's ProcessingTime(0) */
    sl_arena_init(&query->arena, "query");
    sl_arena_init(&query->epoch, "epoch");
    enum sl_code code = open_all(query, err);
    if (code != SL_OK) {
        sl_context(err, "query %.*s", SL_STR_ARG(query->name));
        remove_made_dirs(query);
        sl_query_close(query);
        return code;
    }
    *out = query;
    return SL_OK;
}

/* Tables that binding has opened for their schemas. */
static void close_bounded(struct sl_query *query) {
    for (uint32_t p = 0; p < query->pipes.count; p++) {
        const struct sl_node *scan = query->pipes.items[p].scan;
        if (scan->kind == SL_NODE_SCAN && !scan->scan->streaming) sl_scan_close(scan->scan);
    }
}

void sl_query_close(struct sl_query *query) {
    if (!query) return;
    if (query->sink) query->sink->ops->close(query->sink);
    if (query->letters) query->letters->sink->ops->close(query->letters->sink);
    sl_letters_release(query->letters);
    sl_query_evolve_close(query);
    sl_drift_release(&query->drift);
    close_bounded(query);
    for (uint32_t i = 0; i < query->source_count; i++) {
        if (query->sources[i]) query->sources[i]->ops->close(query->sources[i]);
        sl_buf_release(&query->start[i]);
    }
    sl_states_release(&query->states);
    sl_checkpoint_close(query->checkpoint);
    if (query->temporary_checkpoint) {
        enum sl_code code = sl_io_remove_tree(query->checkpoint_dir.ptr, NULL);
        (void)code; /* a leftover in /tmp is harmless */
    }
    sl_arena_release(&query->epoch);
    sl_arena_release(&query->arena);
    free(query);
}
