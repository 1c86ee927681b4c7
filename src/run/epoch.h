/* One epoch's work: reads the splits of a batch through the pipes into a sink (or a callback), on
 * all workers. The splits are dealt to at most `workers` tasks, so that a batch makes few files; a
 * task runs to completion on one worker. */
#ifndef SL_RUN_EPOCH_H
#define SL_RUN_EPOCH_H

#include "conn/conn.h"
#include "run/engine.h"
#include "run/lower.h"

/* What the stages of a batch took, summed over workers. */
struct sl_stage_times {
    int64_t read_ns, process_ns, write_ns, close_ns;
    uint64_t rows_read, rows_out;
};

struct sl_epoch {
    struct sl_engine *engine;
    const struct sl_pipes *pipes;
    struct sl_source **sources; /* one per pipe; NULL for VALUES */
    struct sl_split **splits;   /* per pipe */
    uint32_t *split_counts;
    const struct sl_session *session;
    struct sl_sink *sink; /* NULL: consume is called instead */
    enum sl_code (*consume)(void *ctx, const struct sl_batch *batch,
                            struct sl_err *err); /* one task only */
    void *consume_ctx;
    uint64_t *rows_by_pipe;      /* counted */
    struct sl_stage_times times; /* result */
    sl_profile_fn profile;       /* may be NULL: called per program step after the run */
    void *profile_ctx;
};

/* How many tasks sl_epoch_run will use: for sink->begin. */
uint32_t sl_epoch_tasks(const struct sl_epoch *epoch);
SL_MUST_CHECK enum sl_code sl_epoch_run(struct sl_epoch *epoch, struct sl_err *err);

#endif
