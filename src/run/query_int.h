/* Shared by the files of the streaming query: query_open.c (plan, sources, sinks), query_recover.c
 * (what an earlier run left), query_batch.c (the protocol of a batch), query.c (steps, triggers,
 * outages), query_share.c (several queries, one read). */
#ifndef SL_RUN_QUERY_INT_H
#define SL_RUN_QUERY_INT_H

#include "run/event_status.h"
#include "run/query.h"

enum { PROFILE_STAGES_MAX = 64 };

struct profile_stage {
    char name[48];
    int64_t ns, rows;
};

struct sl_query_evolution; /* query_evolve.h */
struct query_batch;        /* below */

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
    uint32_t made_dirs; /* the last parts of checkpoint_dir that this run made; 0: it was there */
    struct sl_checkpoint *checkpoint;
    struct sl_session session;
    struct sl_conn_env env;
    struct sl_pipes pipes;
    struct sl_source **sources;
    struct sl_source **readers; /* what the last batch was read through: sources, or another's */
    uint32_t source_count;      /* streaming ones: those that have offsets */
    uint32_t *source_pipe;      /* per source */
    enum sl_output_mode mode;
    struct sl_states states;
    struct sl_budget states_budget; /* what they take of the engine's */
    struct sl_watermark_clock clock;
    struct sl_event_status event_status;
    bool keeps_late; /* sluice.lateRows = quarantine */
    struct sl_sink *sink;
    struct sl_letters *letters;          /* NULL: no quarantine */
    bool detects_drift;                  /* sluice.onSchemaDrift */
    struct sl_drift drift;               /* of the run */
    uint32_t drift_told;                 /* its fields that were warned of */
    bool crowded_told;                   /* that the state is on disk in part */
    struct sl_query_evolution *evolving; /* they become columns; NULL: they do not */
    const struct sl_type *schema;
    struct sl_json conf; /* recorded with every batch */

    int64_t next_batch;
    uint64_t made_from;   /* hash of the offsets of the batch before it; 0: there is none */
    struct sl_buf *start; /* per source: where the next batch starts */
    bool *has_start;      /* false until the first batch is planned (for progress) */
    bool rerun; /* next_batch is planned in offsets/ and must run again with its own ends */
    int64_t began_batch; /* of the last step */
    int64_t batches_done, last_trigger_ms;
    int64_t last_batch_ms; /* a trigger that found too little to do does not count */
    bool once_done;
    struct sl_outage outage;
    bool committing; /* offsets/N or what follows the rows of a batch is being written */
    bool broken;     /* to be closed and opened anew */

    struct profile_stage stages[PROFILE_STAGES_MAX];
    uint32_t stage_count;
    struct sl_stage_times total;
};

/* ---- query_open.c ---- */

/* Puts what the target and its sink demand of rows above the plan, and lowers that anew. */
SL_MUST_CHECK enum sl_code
sl_query_add_expectations(struct sl_query *query, struct sl_bound_query *bound, struct sl_err *err);

/* ---- query_states.c ---- */

/* The output mode, and what operators remember, behind the last lowering. */
SL_MUST_CHECK enum sl_code sl_query_states_open(struct sl_query *query, const struct sl_node *plan,
                                                struct sl_err *err);
/* Before the rows of a batch: the state of the batch before it, and the watermarks. */
SL_MUST_CHECK enum sl_code sl_query_states_begin(struct query_batch *batch,
                                                 struct sl_output *output, struct sl_err *err);
/* Behind them, before the sinks commit: the state with the batch, and the next watermark. */
SL_MUST_CHECK enum sl_code sl_query_states_save(struct query_batch *batch, struct sl_err *err);
/* The batch is committed. */
SL_MUST_CHECK enum sl_code sl_query_states_committed(struct query_batch *batch, struct sl_err *err);
int64_t sl_query_next_watermark(const struct query_batch *batch);
/* New rows or not: a batch would evict or emit something. */
bool sl_query_wants_empty_batch(const struct sl_query *query);

/* ---- query_recover.c ---- */

SL_MUST_CHECK enum sl_code sl_query_recover(struct sl_query *query, struct sl_err *err);

/* ---- query_batch.c ---- */

/* One batch in the making; in the epoch arena of its query. */
struct query_batch {
    struct sl_query *query;
    struct sl_offset_seq seq;
    struct sl_batch_report report;
    struct sl_str *start;
    uint64_t *rows; /* per source */
    int64_t began_ns;
    bool begun, letters_begun; /* the sink, the quarantine: to be aborted when the batch fails */
    bool in_sink;              /* an earlier run has put the rows there */
    bool done;                 /* commits/N is written */
    bool is_replay;            /* of dead letters: limits have been judged */
    struct sl_event_times *event_times; /* per clause WATERMARK */
    struct sl_feed **bounded;           /* feeds of sources that the batch has opened */
    uint32_t bounded_count;
};

void sl_query_batch_init(struct query_batch *batch, struct sl_query *query);
/* The planned offsets of a batch that runs again. */
SL_MUST_CHECK enum sl_code sl_query_batch_read(struct query_batch *batch, struct sl_err *err);
/* New ends, asked of `sources`; in batch->seq.sources. */
SL_MUST_CHECK enum sl_code sl_query_batch_ask(struct query_batch *batch, struct sl_source **sources,
                                              bool *has_new, struct sl_err *err);
/* Writes offsets/N with the ends in batch->seq.sources. */
SL_MUST_CHECK enum sl_code sl_query_batch_log(struct query_batch *batch, int64_t timestamp_ms,
                                              struct sl_err *err);
/* Runs planned batches, of queries with equal starts and ends when there are several, in one epoch
 * that reads through `readers` (of batches[0]), and commits one after the other. */
SL_MUST_CHECK enum sl_code sl_query_batches_run(struct query_batch *batches, uint32_t count,
                                                struct sl_source **readers, struct sl_err *err);

/* ---- query_replay.c ---- */

/* A batch that was planned by an earlier run, of new records or of dead letters. */
SL_MUST_CHECK enum sl_code sl_query_batch_rerun(struct query_batch *batch, struct sl_err *err);

/* ---- query.c ---- */

/* What a step does before and after its batch; has_new: a batch was run. */
bool sl_query_is_finished(const struct sl_query *query);
int64_t sl_query_wait_left(const struct sl_query *query);
void sl_query_step_done(struct sl_query *query, const struct query_batch *batch, bool has_new,
                        enum sl_step *step, int64_t *wait_ms);
/* True: the error is an outage, which is waited for. */
bool sl_query_waits_out(struct sl_query *query, enum sl_code code, int64_t *wait_ms,
                        struct sl_err *err);
void sl_query_add_stage(void *query, const char *name, int64_t ns, int64_t rows);

#endif
