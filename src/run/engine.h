/* The engine: what all queries of a process share.  Nothing is global: two engines in one process
 * do not meet. Thread: owned by the thread that made it; sl_engine_stop may be called from any
 * thread and from a signal handler. */
#ifndef SL_RUN_ENGINE_H
#define SL_RUN_ENGINE_H

#include <stdatomic.h>

#include "base/budget.h"
#include "base/log.h"
#include "base/thread.h"
#include "kern/session.h"
#include "run/settings.h"

struct sl_engine {
    struct sl_arena arena; /* engine lifetime */
    struct sl_settings *settings;
    struct sl_log log;
    struct sl_budget budget;
    struct sl_pool *pool;
    uint32_t batch_rows;
    bool profile;
    atomic_int stop; /* 1: no new batch; 2: abandon the batch in progress */
};

/* Threads are started here: settings must be complete. */
SL_MUST_CHECK enum sl_code sl_engine_start(struct sl_engine *engine, size_t memory_bytes,
                                           struct sl_err *err);
void sl_engine_init(struct sl_engine *engine);
void sl_engine_release(struct sl_engine *engine);
/* @thread any, signal handlers too */
void sl_engine_stop(struct sl_engine *engine);
bool sl_engine_is_stopping(const struct sl_engine *engine);
bool sl_engine_is_abandoning(const struct sl_engine *engine);
/* Session of the engine's settings; CONFIG errors name the setting. */
SL_MUST_CHECK enum sl_code sl_engine_session(const struct sl_engine *engine, struct sl_session *out,
                                             struct sl_err *err);

#endif
