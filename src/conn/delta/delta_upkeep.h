/* What follows a commit and may fail: the checkpoint and the log's clean-up, in a thread of their
 * own, so that no batch waits for them. A failure is a warning in the log. */
#ifndef SL_CONN_DELTA_UPKEEP_H
#define SL_CONN_DELTA_UPKEEP_H

#include <pthread.h>
#include <stdatomic.h>

#include "conn/conn.h"

struct sl_delta_upkeep {
    const struct sl_conn_env *env;
    const char *table_dir;
    pthread_t thread;
    bool started; /* to be joined */
    atomic_bool busy;
    int64_t version;
};
/* Checkpoint of a version; passed over while an earlier one is being written: the next version that
 * is due makes up for it. */
void sl_delta_upkeep_start(struct sl_delta_upkeep *upkeep, int64_t version);
/* Waits until it is done; safe on a zeroed struct. */
void sl_delta_upkeep_end(struct sl_delta_upkeep *upkeep);

#endif
