/* What follows a commit and may fail: the checkpoint when it is due, and the log's clean-up.  A
 * failure is a warning in the log. */
#ifndef SL_CONN_DELTA_TIDY_H
#define SL_CONN_DELTA_TIDY_H

#include <pthread.h>
#include <stdatomic.h>

#include "conn/conn.h"
#include "lake/delta/snapshot.h"

/* Behind a commit of ours that made `version`; returns when it is done. */
void sl_delta_tidy(const struct sl_conn_env *env, struct sl_delta_snapshot *snapshot,
                   int64_t version);

/* The same in a thread of its own, so that no batch waits for it. */
struct sl_delta_tidier {
    const struct sl_conn_env *env;
    const char *table_dir;
    pthread_t thread;
    bool started; /* to be joined */
    atomic_bool busy;
    int64_t version;
};
/* Of a version whose checkpoint is due; passed over while an earlier one is being written: the next
 * version that is due makes up for it. */
void sl_delta_tidier_start(struct sl_delta_tidier *tidier, int64_t version);
/* Waits until it is done; safe on a zeroed struct. */
void sl_delta_tidier_end(struct sl_delta_tidier *tidier);

#endif
