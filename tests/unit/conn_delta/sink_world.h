/* A Delta sink as run/ drives it, on a real directory. */
#ifndef TEST_CONN_DELTA_SINK_WORLD_H
#define TEST_CONN_DELTA_SINK_WORLD_H

#include "../lake_delta/delta_table.h"

#include "conn/delta/delta_sink.h"
#include "kern/zone.h"

struct world {
    struct sl_arena arena;
    struct sl_session session;
    struct sl_log log;
    char *dir;
    struct sl_conn_env env;
    struct sl_sink_config config; /* columns a BIGINT, b STRING unless the test says so */
    struct sl_option options[8];
    const char *merges;       /* spark.databricks.delta.schema.autoMerge.enabled; NULL: not set */
    struct sl_sink *sinks[4]; /* open ones */
};

static inline const char *world_setting(void *ctx, struct sl_str name) {
    const struct world *w = ctx;
    bool asked = sl_str_eq(name, SL_STR("spark.databricks.delta.schema.autoMerge.enabled"));
    return asked ? w->merges : NULL;
}

static inline struct sl_field world_field(const char *name, const struct sl_type *type) {
    return (struct sl_field){sl_str(name), type, true, {0}, {0}};
}

/* STRUCT of two columns. */
static inline const struct sl_type *world_two(struct world *w, const char *a,
                                              const struct sl_type *type_a, const char *b,
                                              const struct sl_type *type_b) {
    struct sl_field fields[] = {world_field(a, type_a), world_field(b, type_b)};
    return sl_type_struct(&w->arena, fields, 2);
}

static inline void world_init(struct world *w) {
    *w = (struct world){.session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")}};
    sl_io_set_durability(SL_DURABLE_PROCESS);
    sl_arena_init(&w->arena, "test");
    sl_log_init(&w->log);
    w->dir = temp_dir_make();
    w->env = (struct sl_conn_env){.query = &w->arena,
                                  .log = &w->log,
                                  .session = &w->session,
                                  .query_id = SL_STR("query-1"),
                                  .client_setting = world_setting,
                                  .client_ctx = w,
                                  .checkpoint_dir = SL_STR("/checkpoint")};
    w->config =
        (struct sl_sink_config){.schema = world_two(w, "a", &sl_type_long, "b", &sl_type_string),
                                .path = sl_str(w->dir),
                                .options = {w->options, 0},
                                .name = SL_STR("t")};
}

enum { WORLD_SINKS = sizeof((struct world *)0)->sinks / sizeof(struct sl_sink *) };

static inline void world_close(struct world *w, struct sl_sink *sink) {
    for (int i = 0; i < WORLD_SINKS; i++)
        if (w->sinks[i] == sink) w->sinks[i] = NULL;
    sink->ops->close(sink);
}

/* Closes the sinks that are open. */
static inline void world_release(struct world *w) {
    for (int i = 0; i < WORLD_SINKS; i++)
        if (w->sinks[i]) world_close(w, w->sinks[i]);
    temp_dir_remove(w->dir);
    sl_arena_release(&w->arena);
    sl_io_set_durability(SL_DURABLE_POWER);
}

static inline void world_set_option(struct world *w, const char *name, const char *value) {
    w->options[w->config.options.count++] =
        (struct sl_option){.name = sl_str(name), .value = sl_str(value)};
}

/* Of another query, or with another config. */
static inline struct sl_sink *world_open_as(struct world *w, const struct sl_conn_env *env,
                                            const struct sl_sink_config *config) {
    struct sl_sink *sink;
    struct sl_err err;
    if (sl_delta_sink_open(env, config, &sink, &err) != SL_OK)
        fail_msg("%s < %s", err.msg, err.ctx);
    for (int i = 0; i < WORLD_SINKS; i++)
        if (!w->sinks[i]) return w->sinks[i] = sink;
    fail_msg("too many sinks");
    return NULL;
}

static inline struct sl_sink *world_open(struct world *w) {
    return world_open_as(w, &w->env, &w->config);
}

static inline void world_refuses(struct world *w, enum sl_code code, const char *condition,
                                 const char *text) {
    struct sl_sink *sink;
    struct sl_err err = {0};
    assert_int_equal(sl_delta_sink_open(&w->env, &w->config, &sink, &err), code);
    assert_string_equal(err.condition, condition);
    if (!strstr(err.msg, text)) fail_msg("`%s` is not in: %s", text, err.msg);
}

/* The batch written by one task, not committed. */
static inline void world_stage(struct sl_sink *sink, int64_t batch_id, uint64_t hash,
                               const struct sl_batch *batch) {
    struct sl_sink_writer *writer;
    struct sl_err err;
    if (sink->ops->begin(sink, batch_id, hash, 1, &err) != SL_OK) fail_msg("%s", err.msg);
    if (!batch->rows) return;
    assert_int_equal(sink->ops->writer_open(sink, 0, &writer, NULL), SL_OK);
    assert_int_equal(writer->ops->write(writer, batch, NULL), SL_OK);
    assert_int_equal(sink->ops->writer_close(writer, NULL), SL_OK);
}

static inline struct sl_sink_metrics world_commit(struct sl_sink *sink) {
    struct sl_sink_metrics metrics;
    struct sl_err err;
    if (sink->ops->commit(sink, &metrics, &err) != SL_OK) fail_msg("%s < %s", err.msg, err.ctx);
    return metrics;
}

/* Somebody else commits other metadata, whatever it says. */
static inline void world_change_metadata(struct world *w, const char *metadata) {
    struct sl_delta_snapshot *rival = delta_open(w->dir);
    struct sl_delta_action action = delta_action(&w->arena, metadata);
    struct sl_delta_commit commit = {.info = {.operation = SL_STR("ADD COLUMNS")},
                                     .scope = SL_DELTA_WHOLE_TABLE,
                                     .metadata = &action.metadata};
    delta_commit(rival, &commit);
    sl_delta_snapshot_close(rival);
}

#endif
