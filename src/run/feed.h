/* What an epoch reads: the splits of one source, and who wants its rows.  A task reads a split once
 * and pushes every batch through the chain of each consumer. */
#ifndef SL_RUN_FEED_H
#define SL_RUN_FEED_H

#include "run/engine.h"
#include "run/output.h"

struct sl_consumer {
    const struct sl_pipe *pipe;
    uint32_t output; /* of the epoch */
};

struct sl_feed {
    struct sl_source *source; /* NULL: VALUES, of the only consumer's scan */
    struct sl_split *splits;
    uint32_t split_count;
    const bool *wanted; /* per column of the source: what any consumer reads */
    const bool *late;   /* what letters need besides; NULL: nothing, or it is wanted */
    struct sl_consumer *consumers;
    uint32_t consumer_count;
    uint64_t rows; /* result: read */
};

/* Sets wanted and late from the feed's source and consumers; outputs: of the epoch. */
void sl_feed_choose_columns(struct sl_feed *feed, const struct sl_output *outputs,
                            struct sl_arena *arena);

/* One task's part of a feed: a chain per consumer. */
struct sl_feed_task {
    struct sl_feed *feed;
    struct sl_engine *engine;
    struct sl_output_task *outputs; /* all of the epoch's, of this task */
    struct sl_chain *chains;
    struct sl_arena arena;
    uint64_t rows;
    int64_t read_ns;
};
/* @thread worker. close frees what open made, also after a failed open. */
SL_MUST_CHECK enum sl_code sl_feed_task_open(struct sl_feed_task *task, struct sl_feed *feed,
                                             struct sl_engine *engine,
                                             struct sl_output_task *outputs, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_feed_task_read(struct sl_feed_task *task,
                                             const struct sl_split *split, struct sl_err *err);
void sl_feed_task_close(struct sl_feed_task *task);

#endif
