/* Where an epoch's rows go: the sink of one query with its batch, or a callback, and the records
 * that fail on the way: its quarantine.
 *
 * Several outputs of one epoch may be fed from the same read (run/feed.h); each has its own
 * session, for "now" and the seeds belong to the batch of its query.
 * Owner: the query; the tasks of an epoch add their sums at their end, under the epoch's lock.
 */
#ifndef SL_RUN_OUTPUT_H
#define SL_RUN_OUTPUT_H

#include "conn/conn.h"
#include "run/chain.h"
#include "run/dead_letter.h"

/* What the stages of a batch took, summed over workers. */
struct sl_stage_times {
    int64_t read_ns, process_ns, write_ns, close_ns;
    uint64_t rows_read, rows_out;
};
void sl_stage_times_add(struct sl_stage_times *sum, const struct sl_stage_times *more);

struct sl_output {
    struct sl_str name; /* of the query, for messages; "" if it goes without saying */
    const struct sl_session *session;
    const struct sl_sql_substitution *text; /* where the expressions stand in the file */
    struct sl_sink *sink;                   /* NULL: consume is called instead */
    enum sl_code (*consume)(void *ctx, const struct sl_batch *batch,
                            struct sl_err *err); /* one task only */
    void *consume_ctx;
    struct sl_pipes *pipes;     /* of the query */
    struct sl_states *states;   /* NULL: no operator remembers anything */
    bool committed;             /* the sink holds this batch: rows are counted, not written */
    struct sl_letters *letters; /* NULL: a record that fails, fails the batch */
    struct sl_drift *drift;     /* fields that schemas lack, summed; NULL: nobody asks */
    sl_profile_fn profile;      /* may be NULL: called per program step after the run */
    void *profile_ctx;
    /* results */
    struct sl_stage_times times;
    struct sl_expectation *expectations; /* of sl_pipes.expectation_count; NULL: not counted */
    struct sl_event_times *event_times;  /* of sl_pipes.watermark_count; NULL: not counted */
};

/* Columns of the source's batch that only letters need, filled when one is made. */
struct sl_late_columns {
    struct sl_reader *reader; /* NULL: there are none */
    const bool *columns;
    bool there; /* in the batch of now */
};

/* One task's part: its writers. */
struct sl_output_task {
    struct sl_output *output;
    struct sl_sink_writer *writer;
    struct sl_letter_task *letters;
    struct sl_faults faults;
    struct sl_drift drift;
    struct sl_stage_times times;
};

/* @thread worker, as all below. close frees what open made, also after a failed open. */
SL_MUST_CHECK enum sl_code sl_output_task_open(struct sl_output_task *task,
                                               struct sl_output *output, uint32_t number,
                                               struct sl_err *err);
/* Pushes a batch of the source through the chain into the sink; what fails becomes letters.  The
 * rows of the batch are not changed; late columns may be added. */
SL_MUST_CHECK enum sl_code sl_output_task_push(struct sl_output_task *task, struct sl_chain *chain,
                                               struct sl_batch *source,
                                               struct sl_late_columns *late, struct sl_err *err);
/* What a stateful operator finishes with: from the chain's operator `from` upwards into the sink.
 */
SL_MUST_CHECK enum sl_code sl_output_task_push_from(struct sl_output_task *task,
                                                    struct sl_chain *chain, uint32_t from,
                                                    struct sl_batch *batch, struct sl_err *err);
/* code: how the task went; what failed is thrown away. Returns code, or what closing failed with.
 */
SL_MUST_CHECK enum sl_code sl_output_task_close(struct sl_output_task *task, enum sl_code code,
                                                struct sl_err *err);
/* Behind close, one task at a time: adds to the output's sums, and frees what is left. */
void sl_output_task_sum(struct sl_output_task *task);

#endif
