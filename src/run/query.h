/* A streaming query: plans a batch, writes offsets/N, runs it into the sink, writes commits/N.
 * Source: MicroBatchExecution.scala; what the sink promises: conn/parquet/README.md.
 * Owner: the thread that opened it. */
#ifndef SL_RUN_QUERY_H
#define SL_RUN_QUERY_H

#include "expr/evolution.h"
#include "run/epoch.h"
#include "run/outage.h"
#include "run/pipeline.h"
#include "state/checkpoint.h"

enum sl_trigger_kind {
    SL_TRIGGER_DEFAULT,
    SL_TRIGGER_INTERVAL,
    SL_TRIGGER_ONCE,
    SL_TRIGGER_AVAILABLE_NOW
};

struct sl_trigger {
    enum sl_trigger_kind kind;
    int64_t interval_ms;
    int64_t batches_max; /* 0 = no limit */
};

struct sl_query;

/* Durations of a batch, in Spark's names, milliseconds. */
struct sl_batch_durations {
    int64_t add_batch, commit_offsets, get_batch, latest_offset, query_planning, trigger_execution,
        wal_commit;
};
/* What a batch did; texts are valid during the report. */
struct sl_batch_report {
    const struct sl_query *query;
    int64_t batch_id, trigger_start_ms, batch_timestamp_ms;
    struct sl_batch_durations durations;
    struct sl_stage_times times;
    struct sl_sink_metrics sink;
    uint32_t source_count;
    const struct sl_str *start, *end; /* offsets; start[i].ptr NULL in the first batch */
    const uint64_t *source_rows;
    int64_t since_last_trigger_ms; /* 0 on the first */
    const struct sl_expectation *expectations;
    uint32_t expectation_count;
    const struct sl_states *states;
    const struct sl_event_times *event_times; /* per clause WATERMARK */
    uint32_t watermark_clauses;
    int64_t watermark_ms; /* of the batch */
    bool has_quarantine;
    uint64_t letters, letters_by_kind[SL_FAULT_KINDS];
    bool has_drift;
    uint64_t drift_records;                  /* with a field that their schema lacks .. */
    const struct sl_drift_field *new_fields; /* .. and those seen for the first time in this run */
    uint32_t new_field_count;
    const struct sl_evolved_field *added_fields; /* that the batch has added to the schemas */
    uint32_t added_field_count;
};
typedef void (*sl_report_fn)(void *ctx, const struct sl_batch_report *report);

/* Opens checkpoint, plan, sources and sink, and finishes or rolls back what an earlier run left. */
SL_MUST_CHECK enum sl_code sl_query_open(struct sl_pipeline *pipeline,
                                         const struct sl_query_spec *spec,
                                         const struct sl_trigger *trigger, sl_report_fn report,
                                         void *report_ctx, struct sl_query **out,
                                         struct sl_err *err);
/* The target's table, and its quarantine, empty if they were not there: other queries of the
 * pipeline read them. */
SL_MUST_CHECK enum sl_code sl_query_make_table(struct sl_query *query, struct sl_err *err);
enum sl_step { SL_STEP_RAN, SL_STEP_IDLE, SL_STEP_DONE };
/* Runs at most one batch. IDLE: nothing to do before *wait_ms have passed (a source may wake
 * earlier through sl_query_wait). DONE: the trigger's work is finished. */
SL_MUST_CHECK enum sl_code sl_query_step(struct sl_query *query, enum sl_step *step,
                                         int64_t *wait_ms, struct sl_err *err);
/* `sluice dlq replay`: one batch that reads the query's dead letters, those that no batch has
 * replayed yet, instead of new records. *ran false: there are none. Not while a batch is planned:
 * steps finish it first. */
SL_MUST_CHECK enum sl_code sl_query_replay(struct sl_query *query, bool *ran, struct sl_err *err);
/* A batch of an earlier run is planned; the next step runs it. */
bool sl_query_is_planned(const struct sl_query *query);
/* Waits up to timeout_ms for new data. */
void sl_query_wait(struct sl_query *query, int64_t timeout_ms);
void sl_query_close(struct sl_query *query);

/* The last step met an outage behind which only what a start does knows what is there: the query
 * has to be closed, and opened anew when the time is over. What it leaves to the new one: */
struct sl_query_handover {
    struct sl_outage outage;
    int64_t batch_id; /* that it was at; it may have been committed */
    int64_t batches_done, last_trigger_ms, last_batch_ms;
};
bool sl_query_is_broken(const struct sl_query *query);
void sl_query_hand_over(const struct sl_query *query, struct sl_query_handover *out);
void sl_query_take_over(struct sl_query *query, const struct sl_query_handover *from);

struct sl_str sl_query_name(const struct sl_query *query);
/* The table or sink it writes. */
struct sl_str sl_query_dataset(const struct sl_query *query);
struct sl_str sl_query_id(const struct sl_query *query);
struct sl_str sl_query_run_id(const struct sl_query *query);
struct sl_str sl_query_sink_description(const struct sl_query *query);
bool sl_query_sink_reports_rows(const struct sl_query *query);
struct sl_str sl_query_source_description(const struct sl_query *query, uint32_t source);
/* Source metrics as JSON members; may append nothing. */
void sl_query_source_metrics(const struct sl_query *query, uint32_t source, struct sl_str end,
                             struct sl_buf *out);
/* Newest offset the source has seen; appends nothing when it does not tell. */
void sl_query_source_latest(const struct sl_query *query, uint32_t source, struct sl_buf *out);
/* Where event time stands, as JSON members (event_status.h); nothing without a watermark. */
void sl_query_event_status(const struct sl_query *query, struct sl_buf *out);
/* Profile lines gathered over all batches (engine->profile). */
void sl_query_put_profile(const struct sl_query *query, struct sl_buf *out);

#endif
