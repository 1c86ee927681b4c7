#include "run/epoch.h"

#include <pthread.h>
#include <stdlib.h>

/* A split and the task that reads it. */
struct assignment {
    uint32_t feed, split, task;
};

struct work {
    struct sl_epoch *epoch;
    struct assignment *assignments;
    uint32_t count, tasks;
    pthread_mutex_t mutex; /* guards the sums of feeds and outputs */
};

void sl_epoch_init(struct sl_epoch *epoch, struct sl_engine *engine, const struct sl_pipes *pipes,
                   struct sl_arena *arena) {
    *epoch = (struct sl_epoch){.engine = engine, .feed_count = pipes->count, .output_count = 1};
    epoch->feeds = SL_NEW_ARRAY(arena, struct sl_feed, pipes->count + (size_t)1);
    epoch->outputs = SL_NEW(arena, struct sl_output);
    for (uint32_t p = 0; p < pipes->count; p++) {
        struct sl_feed *feed = &epoch->feeds[p];
        feed->consumers = SL_NEW(arena, struct sl_consumer);
        feed->consumers[0] = (struct sl_consumer){&pipes->items[p], 0};
        feed->consumer_count = 1;
    }
}

static uint32_t total_splits(const struct sl_epoch *epoch) {
    uint32_t count = 0;
    for (uint32_t f = 0; f < epoch->feed_count; f++) count += epoch->feeds[f].split_count;
    return count;
}

/* A callback is called by one thread, and a LIMIT has to see all rows. */
static bool needs_one_task(const struct sl_epoch *epoch) {
    for (uint32_t i = 0; i < epoch->output_count; i++)
        if (!epoch->outputs[i].sink) return true;
    for (uint32_t f = 0; f < epoch->feed_count; f++)
        for (uint32_t i = 0; i < epoch->feeds[f].consumer_count; i++)
            if (epoch->feeds[f].consumers[i].pipe->limited) return true;
    return false;
}

uint32_t sl_epoch_tasks(const struct sl_epoch *epoch) {
    uint32_t splits = total_splits(epoch), workers = (uint32_t)sl_pool_workers(epoch->engine->pool);
    if (needs_one_task(epoch)) return splits ? 1 : 0;
    return splits < workers ? splits : workers;
}

/* The largest split goes to the task with the least to do. */
static void assign(struct work *work) {
    struct sl_epoch *epoch = work->epoch;
    int64_t *load = sl_xcalloc(work->tasks, sizeof *load);
    uint32_t at = 0;
    for (uint32_t f = 0; f < epoch->feed_count; f++)
        for (uint32_t s = 0; s < epoch->feeds[f].split_count; s++) {
            uint32_t least = 0;
            for (uint32_t t = 1; t < work->tasks; t++)
                if (load[t] < load[least]) least = t;
            int64_t rows = epoch->feeds[f].splits[s].rows_estimate;
            load[least] += rows > 0 ? rows : 1;
            work->assignments[at++] = (struct assignment){f, s, least};
        }
    free(load);
}

/* What was read counts for the first consumer, so that sums over outputs are right. */
static void add_feed(struct work *work, const struct sl_feed_task *task,
                     struct sl_output_task *outputs) {
    struct sl_feed *feed = task->feed;
    outputs[feed->consumers[0].output].times.read_ns += task->read_ns;
    pthread_mutex_lock(&work->mutex);
    feed->rows += task->rows;
    for (uint32_t i = 0; i < feed->consumer_count; i++) {
        const struct sl_output *output = &work->epoch->outputs[feed->consumers[i].output];
        const struct sl_chain *chain = &task->chains[i];
        outputs[feed->consumers[i].output].times.rows_read += task->rows;
        if (output->expectations) sl_chain_add_expectations(chain, output->expectations);
        for (uint32_t k = 0; output->profile && k < chain->count; k++)
            chain->ops[k]->ops->profile(chain->ops[k], output->profile, output->profile_ctx);
    }
    pthread_mutex_unlock(&work->mutex);
}

/* All splits of one feed that belong to this task. */
static enum sl_code run_feed(struct work *work, uint32_t number, uint32_t feed,
                             struct sl_output_task *outputs, struct sl_err *err) {
    struct sl_feed *spec = &work->epoch->feeds[feed];
    struct sl_feed_task task;
    enum sl_code code = SL_OK;
    bool started = false;
    for (uint32_t i = 0; i < work->count && code == SL_OK; i++) {
        const struct assignment *at = &work->assignments[i];
        if (at->task != number || at->feed != feed) continue;
        if (!started) code = sl_feed_task_open(&task, spec, work->epoch->engine, outputs, err);
        started = true;
        if (code == SL_OK) code = sl_feed_task_read(&task, &spec->splits[at->split], err);
    }
    if (!started) return SL_OK;
    if (code == SL_OK) add_feed(work, &task, outputs);
    sl_feed_task_close(&task);
    return code;
}

static enum sl_code run_task(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    struct sl_epoch *epoch = work->epoch;
    struct sl_output_task *outputs = sl_xcalloc(epoch->output_count, sizeof *outputs);
    enum sl_code code = SL_OK;
    uint32_t opened = 0;
    while (opened < epoch->output_count && code == SL_OK) {
        code =
            sl_output_task_open(&outputs[opened], &epoch->outputs[opened], (uint32_t)number, err);
        opened++;
    }
    for (uint32_t f = 0; f < epoch->feed_count && code == SL_OK; f++)
        code = run_feed(work, (uint32_t)number, f, outputs, err);
    for (uint32_t i = 0; i < opened; i++) {
        code = sl_output_task_close(&outputs[i], code, err);
        pthread_mutex_lock(&work->mutex);
        sl_output_task_sum(&outputs[i]);
        pthread_mutex_unlock(&work->mutex);
    }
    free(outputs);
    return code;
}

enum sl_code sl_epoch_run(struct sl_epoch *epoch, struct sl_err *err) {
    struct work work = {
        .epoch = epoch, .count = total_splits(epoch), .tasks = sl_epoch_tasks(epoch)};
    for (uint32_t i = 0; i < epoch->output_count; i++)
        epoch->outputs[i].times = (struct sl_stage_times){0};
    if (work.count == 0) return SL_OK;
    pthread_mutex_init(&work.mutex, NULL);
    work.assignments = sl_xcalloc(work.count, sizeof *work.assignments);
    assign(&work);
    enum sl_code code = sl_pool_run(epoch->engine->pool, work.tasks, run_task, &work, err);
    free(work.assignments);
    pthread_mutex_destroy(&work.mutex);
    return code;
}
