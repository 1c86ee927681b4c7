/* Threads: a fixed pool that runs N numbered tasks to completion, one worker per core.
 * A task that fails stops the others from starting; the first error is returned. */
#ifndef SL_BASE_THREAD_H
#define SL_BASE_THREAD_H

#include <stdbool.h>
#include <stddef.h>

#include "base/err.h"

struct sl_pool;
SL_MUST_CHECK enum sl_code sl_pool_new(size_t workers, struct sl_pool **out, struct sl_err *err);
void sl_pool_free(struct sl_pool *pool);
size_t sl_pool_workers(const struct sl_pool *pool);

/* @thread worker. worker: 0..workers-1, stable per thread; task: 0..count-1. */
typedef enum sl_code (*sl_task_fn)(void *ctx, size_t worker, size_t task, struct sl_err *err);
/* Runs tasks 0..count-1; returns when all have ended. With one worker, or one task, it runs on the
 * calling thread. */
SL_MUST_CHECK enum sl_code sl_pool_run(struct sl_pool *pool, size_t count, sl_task_fn fn, void *ctx,
                                       struct sl_err *err);

#endif
