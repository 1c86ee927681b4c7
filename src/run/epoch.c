#include "run/epoch.h"

#include <pthread.h>
#include <stdlib.h>

#include "run/state_room.h"

/* A split and the task that reads it. */
struct assignment {
    uint32_t feed, split, task;
};

/* What a task keeps from step to step. */
struct task {
    struct sl_output_task *outputs;
    uint32_t opened; /* outputs */
    struct sl_feed_task *feeds;
    bool *feed_open;
};

struct work {
    struct sl_epoch *epoch;
    struct assignment *assignments;
    uint32_t count, task_count;
    struct task *tasks;
    uint32_t step, step_count;
    pthread_mutex_t mutex; /* guards the sums of feeds and outputs */
};

void sl_epoch_init(struct sl_epoch *epoch, struct sl_engine *engine, struct sl_pipes *pipes,
                   struct sl_arena *arena) {
    *epoch = (struct sl_epoch){.engine = engine, .feed_count = pipes->count, .output_count = 1};
    epoch->feeds = SL_NEW_ARRAY(arena, struct sl_feed, pipes->count + (size_t)1);
    epoch->outputs = SL_NEW(arena, struct sl_output);
    epoch->outputs[0].pipes = pipes;
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

/* A batch that runs again must read in the same order, or its letters are not those that are
 * sealed. */
static bool letters_need_order(const struct sl_output *output) {
    if (!output->letters || !output->states) return false;
    for (uint32_t i = 0; i < output->states->count; i++)
        if (sl_state_order_matters(output->states, &output->states->items[i])) return true;
    return false;
}

/* A callback is called by one thread; the rows of LIMIT and ORDER BY come one behind the other. */
static bool needs_one_task(const struct sl_epoch *epoch) {
    for (uint32_t i = 0; i < epoch->output_count; i++)
        if (!epoch->outputs[i].sink || letters_need_order(&epoch->outputs[i])) return true;
    for (uint32_t f = 0; f < epoch->feed_count; f++)
        for (uint32_t i = 0; i < epoch->feeds[f].consumer_count; i++)
            if (epoch->feeds[f].consumers[i].pipe->ordered) return true;
    return false;
}

static bool has_states(const struct sl_epoch *epoch) {
    for (uint32_t i = 0; i < epoch->output_count; i++)
        if (epoch->outputs[i].states) return true;
    return false;
}

/* What is remembered may finish with rows although there are none to read. */
uint32_t sl_epoch_tasks(const struct sl_epoch *epoch) {
    uint32_t splits = total_splits(epoch), workers = (uint32_t)sl_pool_workers(epoch->engine->pool);
    if (splits == 0) return has_states(epoch) ? 1 : 0;
    if (needs_one_task(epoch)) return 1;
    return splits < workers ? splits : workers;
}

/* The largest split goes to the task with the least to do. */
static void assign(struct work *work) {
    struct sl_epoch *epoch = work->epoch;
    int64_t *load = sl_xcalloc(work->task_count, sizeof *load);
    uint32_t at = 0;
    for (uint32_t f = 0; f < epoch->feed_count; f++)
        for (uint32_t s = 0; s < epoch->feeds[f].split_count; s++) {
            uint32_t least = 0;
            for (uint32_t t = 1; t < work->task_count; t++)
                if (load[t] < load[least]) least = t;
            int64_t rows = epoch->feeds[f].splits[s].rows_estimate;
            load[least] += rows > 0 ? rows : 1;
            work->assignments[at++] = (struct assignment){f, s, least};
        }
    free(load);
}

/* ---- a task ---- */

static enum sl_code open_outputs(struct work *work, struct task *task, uint32_t number,
                                 struct sl_err *err) {
    struct sl_epoch *epoch = work->epoch;
    task->outputs = sl_xcalloc(epoch->output_count, sizeof *task->outputs);
    task->feeds = sl_xcalloc(epoch->feed_count + (size_t)1, sizeof *task->feeds);
    task->feed_open = sl_xcalloc(epoch->feed_count + (size_t)1, sizeof *task->feed_open);
    while (task->opened < epoch->output_count) {
        uint32_t i = task->opened++;
        SL_TRY(sl_output_task_open(&task->outputs[i], &epoch->outputs[i], number, err));
    }
    return SL_OK;
}

static enum sl_code open_feed(struct work *work, struct task *task, uint32_t feed,
                              struct sl_err *err) {
    if (task->feed_open[feed]) return SL_OK;
    task->feed_open[feed] = true;
    return sl_feed_task_open(&task->feeds[feed], &work->epoch->feeds[feed], work->epoch->engine,
                             task->outputs, err);
}

static enum sl_code read_step(struct work *work, struct task *task, uint32_t number,
                              struct sl_err *err) {
    for (uint32_t i = 0; i < work->count; i++) {
        const struct assignment *at = &work->assignments[i];
        struct sl_feed *feed = &work->epoch->feeds[at->feed];
        if (at->task != number || feed->consumers[0].pipe->step != work->step) continue;
        SL_TRY(open_feed(work, task, at->feed, err));
        SL_TRY(sl_feed_task_read(&task->feeds[at->feed], &feed->splits[at->split], err));
    }
    return SL_OK;
}

/* Where rows go that a stateful operator finishes with, and those that waited for it. */
struct finishing {
    struct sl_output_task *output;
    const struct sl_state *state;
    struct sl_chain *chains[2]; /* by input */
};
static enum sl_code emit_finished(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    struct finishing *to = ctx;
    return sl_output_task_push_from(to->output, to->chains[0], to->state->inputs[0].position + 1,
                                    batch, err);
}
static enum sl_code replay_rows(void *ctx, uint32_t input, struct sl_batch *batch,
                                struct sl_err *err) {
    struct finishing *to = ctx;
    return sl_output_task_push_from(to->output, to->chains[input],
                                    to->state->inputs[input].position, batch, err);
}

/* The task's chain of a pipe. */
static enum sl_code find_chain(struct work *work, struct task *task, uint32_t output,
                               const struct sl_pipe *pipe, struct sl_chain **out,
                               struct sl_err *err) {
    for (uint32_t f = 0; f < work->epoch->feed_count; f++) {
        const struct sl_feed *feed = &work->epoch->feeds[f];
        for (uint32_t i = 0; i < feed->consumer_count; i++) {
            if (feed->consumers[i].output != output || feed->consumers[i].pipe != pipe) continue;
            SL_TRY(open_feed(work, task, f, err));
            *out = &task->feeds[f].chains[i];
            return SL_OK;
        }
    }
    return sl_fail(err, SL_BUG, "a stateful operator stands in no chain");
}

static enum sl_code finish_shards(struct work *work, struct task *task, uint32_t number,
                                  uint32_t output, struct sl_state *state, struct sl_err *err) {
    struct finishing to = {.output = &task->outputs[output], .state = state};
    struct sl_finish_calls calls = {.replay = replay_rows, .emit = emit_finished, .ctx = &to};
    struct sl_output *at = &work->epoch->outputs[output];
    for (uint32_t i = 0; i < state->input_count; i++)
        SL_TRY(find_chain(work, task, output, &at->pipes->items[state->inputs[i].pipe],
                          &to.chains[i], err));
    return sl_state_room_finish(at->states, state, number, work->task_count, &calls, err);
}

static enum sl_code finish_step(struct work *work, struct task *task, uint32_t number,
                                struct sl_err *err) {
    for (uint32_t i = 0; i < work->epoch->output_count; i++) {
        const struct sl_output *output = &work->epoch->outputs[i];
        if (work->step >= output->pipes->step_count) continue;
        const struct sl_pipe_step *step = &output->pipes->steps[work->step];
        if (!step->reads)
            SL_TRY(
                finish_shards(work, task, number, i, &output->states->items[step->stateful], err));
    }
    return SL_OK;
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
        if (output->event_times) sl_chain_add_event_times(chain, output->event_times);
        for (uint32_t k = 0; output->profile && k < chain->count; k++)
            chain->ops[k]->ops->profile(chain->ops[k], output->profile, output->profile_ctx);
    }
    pthread_mutex_unlock(&work->mutex);
}

/* code: how the task went so far. */
static enum sl_code close_task(struct work *work, struct task *task, enum sl_code code,
                               struct sl_err *err) {
    for (uint32_t f = 0; f < work->epoch->feed_count && task->feed_open; f++) {
        if (!task->feed_open[f]) continue;
        if (code == SL_OK) add_feed(work, &task->feeds[f], task->outputs);
        sl_feed_task_close(&task->feeds[f]);
    }
    for (uint32_t i = 0; i < task->opened; i++) {
        code = sl_output_task_close(&task->outputs[i], code, err);
        pthread_mutex_lock(&work->mutex);
        sl_output_task_sum(&task->outputs[i]);
        pthread_mutex_unlock(&work->mutex);
    }
    free(task->outputs);
    free(task->feeds);
    free(task->feed_open);
    *task = (struct task){0};
    return code;
}

static enum sl_code run_step(void *ctx, size_t worker, size_t number, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    struct task *task = &work->tasks[number];
    enum sl_code code = SL_OK;
    if (work->step == 0) code = open_outputs(work, task, (uint32_t)number, err);
    if (code == SL_OK) code = read_step(work, task, (uint32_t)number, err);
    if (code == SL_OK) code = finish_step(work, task, (uint32_t)number, err);
    if (code == SL_OK && work->step + 1 < work->step_count) return SL_OK;
    return close_task(work, task, code, err);
}

/* ---- the whole ---- */

static uint32_t count_steps(const struct sl_epoch *epoch) {
    uint32_t count = 1;
    for (uint32_t i = 0; i < epoch->output_count; i++)
        if (epoch->outputs[i].pipes->step_count > count)
            count = epoch->outputs[i].pipes->step_count;
    return count;
}

/* Between two steps, when no task runs. */
static enum sl_code begin_step(struct work *work, struct sl_err *err) {
    for (uint32_t i = 0; i < work->epoch->output_count; i++) {
        const struct sl_output *output = &work->epoch->outputs[i];
        if (work->step >= output->pipes->step_count) continue;
        const struct sl_pipe_step *step = &output->pipes->steps[work->step];
        if (!step->reads)
            SL_TRY(sl_state_room_rows_ended(output->states, &output->states->items[step->stateful],
                                            err));
    }
    return SL_OK;
}

static enum sl_code run_steps(struct work *work, struct sl_err *err) {
    enum sl_code code = SL_OK;
    for (; work->step < work->step_count && code == SL_OK; work->step++) {
        code = begin_step(work, err);
        if (code != SL_OK) break;
        code = sl_pool_run(work->epoch->engine->pool, work->task_count, run_step, work, err);
    }
    for (uint32_t t = 0; t < work->task_count && code != SL_OK; t++) {
        struct sl_err ignored;
        enum sl_code first = close_task(work, &work->tasks[t], code, &ignored);
        (void)first; /* the error of the step is the one to tell */
    }
    return code;
}

enum sl_code sl_epoch_run(struct sl_epoch *epoch, struct sl_err *err) {
    struct work work = {.epoch = epoch,
                        .count = total_splits(epoch),
                        .task_count = sl_epoch_tasks(epoch),
                        .step_count = count_steps(epoch)};
    for (uint32_t i = 0; i < epoch->output_count; i++) {
        epoch->outputs[i].times = (struct sl_stage_times){0};
        sl_pipes_begin(epoch->outputs[i].pipes);
    }
    if (work.task_count == 0) return SL_OK;
    pthread_mutex_init(&work.mutex, NULL);
    work.assignments = sl_xcalloc(work.count + (size_t)1, sizeof *work.assignments);
    work.tasks = sl_xcalloc(work.task_count, sizeof *work.tasks);
    assign(&work);
    enum sl_code code = run_steps(&work, err);
    free(work.tasks);
    free(work.assignments);
    pthread_mutex_destroy(&work.mutex);
    return code;
}
