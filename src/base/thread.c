#include "base/thread.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "base/arena.h"

struct worker {
    struct sl_pool *pool;
    size_t number;
    pthread_t thread;
};

struct sl_pool {
    size_t worker_count;
    struct worker *workers; /* worker 0 is the thread that calls sl_pool_run */
    pthread_mutex_t mutex;
    pthread_cond_t start, done;
    bool quit;
    unsigned long round; /* counts sl_pool_run calls, so that a worker joins each once */
    size_t busy;

    /* the work of this round */
    sl_task_fn fn;
    void *ctx;
    size_t task_count;
    atomic_size_t next_task;
    atomic_bool failed;
    enum sl_code code;
    struct sl_err err;
};

static void record_failure(struct sl_pool *pool, enum sl_code code, const struct sl_err *err) {
    pthread_mutex_lock(&pool->mutex);
    if (!atomic_exchange(&pool->failed, true)) {
        pool->code = code;
        pool->err = *err;
    }
    pthread_mutex_unlock(&pool->mutex);
}

static void run_tasks(struct sl_pool *pool, size_t worker) {
    while (!atomic_load(&pool->failed)) {
        size_t task = atomic_fetch_add(&pool->next_task, 1);
        if (task >= pool->task_count) return;
        struct sl_err err = {0};
        enum sl_code code = pool->fn(pool->ctx, worker, task, &err);
        if (code != SL_OK) record_failure(pool, code, &err);
    }
}

static void *worker_main(void *arg) {
    struct worker *self = arg;
    struct sl_pool *pool = self->pool;
    unsigned long seen = 0;
    pthread_mutex_lock(&pool->mutex);
    for (;;) {
        while (!pool->quit && pool->round == seen) pthread_cond_wait(&pool->start, &pool->mutex);
        if (pool->quit) break;
        seen = pool->round;
        pthread_mutex_unlock(&pool->mutex);
        run_tasks(pool, self->number);
        pthread_mutex_lock(&pool->mutex);
        if (--pool->busy == 0) pthread_cond_signal(&pool->done);
    }
    pthread_mutex_unlock(&pool->mutex);
    return NULL;
}

enum sl_code sl_pool_new(size_t workers, struct sl_pool **out, struct sl_err *err) {
    struct sl_pool *pool = sl_xcalloc(1, sizeof *pool);
    pthread_mutex_init(&pool->mutex, NULL);
    pthread_cond_init(&pool->start, NULL);
    pthread_cond_init(&pool->done, NULL);
    pool->workers = sl_xcalloc(workers ? workers : 1, sizeof *pool->workers);
    pool->worker_count = 1;
    while (pool->worker_count < workers) {
        struct worker *worker = &pool->workers[pool->worker_count];
        *worker = (struct worker){.pool = pool, .number = pool->worker_count};
        int failure = pthread_create(&worker->thread, NULL, worker_main, worker);
        if (failure) {
            sl_pool_free(pool);
            return sl_fail_sys(err, failure, "could not start worker thread");
        }
        pool->worker_count++;
    }
    *out = pool;
    return SL_OK;
}

void sl_pool_free(struct sl_pool *pool) {
    if (!pool) return;
    pthread_mutex_lock(&pool->mutex);
    pool->quit = true;
    pthread_cond_broadcast(&pool->start);
    pthread_mutex_unlock(&pool->mutex);
    for (size_t i = 1; i < pool->worker_count; i++) pthread_join(pool->workers[i].thread, NULL);
    pthread_cond_destroy(&pool->start);
    pthread_cond_destroy(&pool->done);
    pthread_mutex_destroy(&pool->mutex);
    free(pool->workers);
    free(pool);
}

size_t sl_pool_workers(const struct sl_pool *pool) { return pool->worker_count; }

enum sl_code sl_pool_run(struct sl_pool *pool, size_t count, sl_task_fn fn, void *ctx,
                         struct sl_err *err) {
    pthread_mutex_lock(&pool->mutex);
    pool->fn = fn;
    pool->ctx = ctx;
    pool->task_count = count;
    atomic_store(&pool->next_task, 0);
    atomic_store(&pool->failed, false);
    pool->code = SL_OK;
    pool->busy = count > 1 ? pool->worker_count - 1 : 0;
    if (pool->busy) {
        pool->round++;
        pthread_cond_broadcast(&pool->start);
    }
    pthread_mutex_unlock(&pool->mutex);
    run_tasks(pool, 0);
    pthread_mutex_lock(&pool->mutex);
    while (pool->busy) pthread_cond_wait(&pool->done, &pool->mutex);
    pthread_mutex_unlock(&pool->mutex);
    if (pool->code != SL_OK && err) *err = pool->err;
    return pool->code;
}
