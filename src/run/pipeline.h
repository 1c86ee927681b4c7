/* A pipeline: the datasets, views, sinks and flows of one file, checked as a graph.  Each streaming
 * table with AS, each materialized view and each flow is a query with its own checkpoint. Source:
 * Spark Declarative Pipelines. */
#ifndef SL_RUN_PIPELINE_H
#define SL_RUN_PIPELINE_H

#include "conn/conn.h"
#include "plan/bind.h"
#include "run/engine.h"
#include "sql/parse.h"

/* A query: a relation and where its rows go. */
struct sl_query_spec {
    struct sl_str name; /* of the flow, or of the table */
    const struct sl_urelation *relation;
    const struct sl_statement *target; /* CREATE TABLE or CREATE SINK; NULL: a bare SELECT */
    bool streaming;
    struct sl_span span;
    uint32_t *upstream; /* indexes of the queries that write what this one reads: lower ones */
    uint32_t upstream_count;
};

struct sl_pipeline {
    struct sl_engine *engine;
    struct sl_arena arena;
    const char *file; /* for messages */
    struct sl_str source;
    struct sl_sql_substitution text;
    struct sl_statements statements;
    struct sl_query_spec *queries; /* in file order, but behind what they read */
    uint32_t query_count;
    /* bare SELECTs, EXPLAINs, and what looks after tables (statement->upkeep), in order, for
     * `sluice sql` */
    const struct sl_statement **selects;
    uint32_t select_count;
};

/* Reads, substitutes, parses, checks names. SET statements go to the engine's settings. On error,
 * err->span is a place in pipeline->source (already mapped back). The pipeline must be released
 * even then. */
SL_MUST_CHECK enum sl_code sl_pipeline_load(struct sl_engine *engine, const char *file,
                                            struct sl_str source, struct sl_pipeline *out,
                                            struct sl_err *err);
void sl_pipeline_release(struct sl_pipeline *pipeline);

/* Binding and optimising one query; sources are described, and opened only where their schema is in
 * the data. target (may be NULL): what it is written to, whose declared columns the rows get
 * (run/declared.h). Errors' spans are mapped to the source. */
struct sl_bound_query {
    struct sl_node *plan;
    const struct sl_type *schema;
};
SL_MUST_CHECK enum sl_code sl_pipeline_bind(struct sl_pipeline *pipeline,
                                            const struct sl_urelation *relation,
                                            const struct sl_statement *target,
                                            const struct sl_conn_env *env,
                                            struct sl_bound_query *out, struct sl_err *err);
/* For a query that is bound several times, with schemas of from_json that grow: its scans are those
 * of the first time, whose sources may be open. */
struct sl_rebind {
    struct sl_evolution *evolution; /* expr/evolution.h */
    struct sl_arena *arena; /* of the list; outlives all bindings, as the first one's env does */
    struct sl_scan *scans;  /* in the order in which the binder asks for them */
    uint32_t count, cap, next;
};
/* As sl_pipeline_bind; what is bound is in env->query, which may be another arena each time. */
SL_MUST_CHECK enum sl_code
sl_pipeline_bind_again(struct sl_pipeline *pipeline, const struct sl_urelation *relation,
                       const struct sl_statement *target, const struct sl_conn_env *env,
                       struct sl_rebind *rebind, struct sl_bound_query *out, struct sl_err *err);
/* Puts the expectations of the query's target (CONSTRAINT .. EXPECT), its declared NOT NULLs, and
 * what the table that is written demands (sink->ops->constraints, may be none) above a bound query;
 * nothing is done when there are none. The schema stays. Between sl_pipeline_bind and sl_lower. */
SL_MUST_CHECK enum sl_code
sl_pipeline_expect(struct sl_pipeline *pipeline, const struct sl_statement *target,
                   const struct sl_sink_constraint *demanded, uint32_t demanded_count,
                   const struct sl_conn_env *env, struct sl_bound_query *bound, struct sl_err *err);

/* How a scan's source is opened: what sl_scan.spec points to. */
struct sl_scan_spec {
    const struct sl_connector *connector;
    struct sl_options options;
    struct sl_str path;
    bool streaming;
    struct sl_source *opened; /* when the schema needed it; else NULL */
};
SL_MUST_CHECK enum sl_code sl_scan_open(const struct sl_conn_env *env, const struct sl_scan *scan,
                                        struct sl_source **out, struct sl_err *err);

/* Closes the source if it is open: the next sl_scan_open opens another. */
void sl_scan_close(const struct sl_scan *scan);

#endif
