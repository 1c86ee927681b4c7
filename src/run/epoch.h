/* One epoch's work: reads the splits of its feeds into its outputs, on all workers.  The splits are
 * dealt to at most `workers` tasks, so that a batch makes few files; a task runs to completion on
 * one worker.  Stateful plans take several steps (lower.h), with all tasks at each: what is read,
 * then what an operator finishes with, shard by shard; tasks keep their chains and writers from
 * step to step. */
#ifndef SL_RUN_EPOCH_H
#define SL_RUN_EPOCH_H

#include "run/feed.h"

struct sl_epoch {
    struct sl_engine *engine;
    struct sl_feed *feeds;
    uint32_t feed_count;
    struct sl_output *outputs;
    uint32_t output_count;
};

/* One feed per pipe, all into output 0; sources and splits are the caller's to set. */
void sl_epoch_init(struct sl_epoch *epoch, struct sl_engine *engine, struct sl_pipes *pipes,
                   struct sl_arena *arena);
/* How many tasks sl_epoch_run will use: for sink->begin. */
uint32_t sl_epoch_tasks(const struct sl_epoch *epoch);
/* The states of the outputs have begun the batch. */
SL_MUST_CHECK enum sl_code sl_epoch_run(struct sl_epoch *epoch, struct sl_err *err);

#endif
