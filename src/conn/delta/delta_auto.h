/* Compaction behind the commits of a query ('sluice.autoCompact', delta.autoOptimize.autoCompact):
 * in a thread of its own, so that no batch waits for it, for a bounded time, and never a cause for
 * the query to fail. Source: Spark AutoCompact.scala. */
#ifndef SL_CONN_DELTA_AUTO_H
#define SL_CONN_DELTA_AUTO_H

#include <pthread.h>
#include <stdatomic.h>

#include "conn/conn.h"

struct sl_delta_auto {
    const struct sl_conn_env *env;
    const char *table_dir;
    struct sl_options options; /* of the table */
    struct sl_session session; /* of the thread: the query's changes with every batch */
    pthread_t thread;
    bool started; /* to be joined */
    atomic_bool busy;
    uint64_t new_files; /* since the last look */
    bool looked;
};
/* A commit of ours has added files. table_property: delta.autoOptimize.autoCompact of the table, or
 * NULL. Looks at the table when there may be enough small files. */
void sl_delta_auto_committed(struct sl_delta_auto *self, uint64_t files,
                             const char *table_property);
/* Waits until it is done; safe on a zeroed struct. */
void sl_delta_auto_end(struct sl_delta_auto *self);

#endif
