/* Shared by the files of the streaming query: query_open.c (plan, sources, sink, recovery), query.c
 * (steps). */
#ifndef SL_RUN_QUERY_INT_H
#define SL_RUN_QUERY_INT_H

#include "run/query.h"

enum { PROFILE_STAGES_MAX = 64 };

struct profile_stage {
    char name[48];
    int64_t ns, rows;
};

struct sl_query {
    struct sl_pipeline *pipeline;
    struct sl_engine *engine;
    const struct sl_query_spec *spec;
    struct sl_trigger trigger;
    sl_report_fn report;
    void *report_ctx;
    struct sl_arena arena; /* query lifetime */
    struct sl_arena epoch; /* reset after every batch */

    struct sl_str name, run_id, checkpoint_dir;
    bool temporary_checkpoint; /* removed at close: console, memory, noop without a location */
    struct sl_checkpoint *checkpoint;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_pipes pipes;
    struct sl_source **sources;
    uint32_t source_count; /* == pipes.count */
    struct sl_sink *sink;
    const struct sl_type *schema;
    struct sl_json conf; /* recorded with every batch */

    int64_t next_batch;
    int64_t watermark_ms;
    struct sl_buf *start; /* per source: where the next batch starts */
    bool *has_start;      /* false until the first batch is planned (for progress) */
    bool replay; /* next_batch is planned in offsets/ and must run again with its own ends */
    int64_t batches_done, last_trigger_ms;
    int64_t last_batch_ms; /* a trigger that found too little to do does not count */
    bool once_done;
    int64_t outage_wait_ms, outage_until_ns; /* a source that cannot be reached; 0: none */

    struct profile_stage stages[PROFILE_STAGES_MAX];
    uint32_t stage_count;
    struct sl_stage_times total;
};

SL_MUST_CHECK enum sl_code sl_query_recover(struct sl_query *query, struct sl_err *err);

#endif
