#include "run/epoch.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/fail.h"

/* A split and the task that reads it. */
struct assignment {
    uint32_t pipe, split, task;
};

struct work {
    struct sl_epoch *epoch;
    struct assignment *assignments;
    uint32_t count, tasks;
    pthread_mutex_t mutex; /* guards the epoch's sums */
};

struct task_run {
    struct work *work;
    uint32_t task;
    struct sl_sink_writer *writer;
    struct sl_stage_times times;
    struct sl_arena arena;
};

static uint32_t total_splits(const struct sl_epoch *epoch) {
    uint32_t count = 0;
    for (uint32_t p = 0; p < epoch->pipes->count; p++) count += epoch->split_counts[p];
    return count;
}

uint32_t sl_epoch_tasks(const struct sl_epoch *epoch) {
    uint32_t splits = total_splits(epoch), workers = (uint32_t)sl_pool_workers(epoch->engine->pool);
    if (!epoch->sink || epoch->pipes->items[0].limited) return splits ? 1 : 0;
    return splits < workers ? splits : workers;
}

/* The largest split goes to the task with the least to do. */
static void assign(struct work *work) {
    struct sl_epoch *epoch = work->epoch;
    int64_t *load = sl_xcalloc(work->tasks, sizeof *load);
    uint32_t at = 0;
    for (uint32_t p = 0; p < epoch->pipes->count; p++)
        for (uint32_t s = 0; s < epoch->split_counts[p]; s++) {
            uint32_t least = 0;
            for (uint32_t t = 1; t < work->tasks; t++)
                if (load[t] < load[least]) least = t;
            int64_t rows = epoch->splits[p][s].rows_estimate;
            load[least] += rows > 0 ? rows : 1;
            work->assignments[at++] = (struct assignment){p, s, least};
        }
    free(load);
}

static enum sl_code emit(struct task_run *run, const struct sl_batch *batch, struct sl_err *err) {
    struct sl_epoch *epoch = run->work->epoch;
    uint32_t rows = batch->selected ? batch->selected_rows : batch->rows;
    run->times.rows_out += rows;
    if (rows == 0) return SL_OK;
    if (!epoch->sink) return epoch->consume(epoch->consume_ctx, batch, err);
    return epoch->sink->ops->write(run->writer, batch, err);
}

static enum sl_code process_batch(struct task_run *run, struct sl_chain *chain,
                                  struct sl_batch *batch, struct sl_err *err) {
    struct sl_batch *out;
    int64_t begin = sl_clock_thread_cpu_ns();
    SL_TRY(sl_chain_process(chain, run->work->epoch->session, batch, &out, err));
    int64_t processed = sl_clock_thread_cpu_ns();
    SL_TRY(emit(run, out, err));
    run->times.process_ns += processed - begin;
    run->times.write_ns += sl_clock_thread_cpu_ns() - processed;
    return SL_OK;
}

static enum sl_code read_split(struct task_run *run, struct sl_chain *chain,
                               struct sl_reader *reader, struct sl_batch *batch, uint64_t *rows,
                               struct sl_err *err) {
    struct sl_engine *engine = run->work->epoch->engine;
    while (!sl_chain_is_done(chain)) {
        if (sl_engine_is_abandoning(engine))
            return sl_fail(err, SL_CANCELED, "stopped before the batch was complete");
        int64_t begin = sl_clock_thread_cpu_ns();
        sl_batch_clear(batch);
        SL_TRY(reader->ops->reader_next(reader, engine->batch_rows, batch, err));
        run->times.read_ns += sl_clock_thread_cpu_ns() - begin;
        if (batch->rows == 0) return SL_OK;
        *rows += batch->rows;
        if (!batch->selected) batch->selected_rows = batch->rows;
        int failure = sl_fail_point("read.mid");
        if (failure) return sl_fail_sys(err, failure, "could not read");
        SL_TRY(process_batch(run, chain, batch, err));
    }
    return SL_OK;
}

static enum sl_code run_source_split(struct task_run *run, struct sl_chain *chain,
                                     const struct assignment *at, uint64_t *rows,
                                     struct sl_err *err) {
    struct sl_epoch *epoch = run->work->epoch;
    struct sl_source *source = epoch->sources[at->pipe];
    const struct sl_split *split = &epoch->splits[at->pipe][at->split];
    struct sl_reader *reader;
    struct sl_batch batch;
    sl_batch_init(&batch, source->ops->schema(source), &run->arena);
    enum sl_code code =
        source->ops->reader_open(source, split, epoch->pipes->items[at->pipe].wanted, &reader, err);
    if (code == SL_OK) {
        code = read_split(run, chain, reader, &batch, rows, err);
        reader->ops->reader_close(reader);
    }
    if (code != SL_OK && split->description.len)
        sl_context(err, "reading %.*s", SL_STR_ARG(split->description));
    sl_batch_release(&batch);
    return code;
}

/* VALUES: its constant rows, computed as expressions over a batch of one row without columns. */
static enum sl_code run_values(struct task_run *run, struct sl_chain *chain,
                               const struct sl_node *node, uint64_t *rows, struct sl_err *err) {
    struct sl_batch none, *made;
    struct sl_op *project = NULL;
    sl_batch_init(&none, sl_type_struct(&run->arena, NULL, 0), &run->arena);
    enum sl_code code = SL_OK;
    for (uint32_t r = 0; r < node->row_count && code == SL_OK && !sl_chain_is_done(chain); r++) {
        none.rows = none.selected_rows = 1;
        none.selected = NULL;
        code = sl_project_new(node->exprs + (size_t)r * node->column_count,
                              sl_node_schema(&run->arena, node), false, &project, err);
        if (code == SL_OK)
            code = project->ops->process(project, run->work->epoch->session, &none, &made, err);
        if (code == SL_OK) code = process_batch(run, chain, made, err);
        sl_op_free(project);
        project = NULL;
        (*rows)++;
    }
    sl_batch_release(&none);
    return code;
}

static void add_times(struct work *work, const struct task_run *run, uint32_t pipe, uint64_t rows,
                      struct sl_chain *chain) {
    struct sl_epoch *epoch = work->epoch;
    (void)run;
    pthread_mutex_lock(&work->mutex);
    if (epoch->rows_by_pipe) epoch->rows_by_pipe[pipe] += rows;
    for (uint32_t i = 0; epoch->profile && i < chain->count; i++)
        chain->ops[i]->ops->profile(chain->ops[i], epoch->profile, epoch->profile_ctx);
    pthread_mutex_unlock(&work->mutex);
}

/* All splits of one pipe that belong to this task, through one chain. */
static enum sl_code run_pipe(struct task_run *run, uint32_t pipe, struct sl_err *err) {
    struct work *work = run->work;
    const struct sl_pipe *spec = &work->epoch->pipes->items[pipe];
    struct sl_chain chain = {0};
    enum sl_code code = SL_OK;
    uint64_t rows = 0;
    bool started = false;
    for (uint32_t i = 0; i < work->count && code == SL_OK; i++) {
        const struct assignment *at = &work->assignments[i];
        if (at->task != run->task || at->pipe != pipe) continue;
        if (!started) code = sl_chain_init(&chain, spec, work->epoch->engine->profile, err);
        started = true;
        if (code != SL_OK) break;
        if (spec->scan->kind == SL_NODE_VALUES)
            code = run_values(run, &chain, spec->scan, &rows, err);
        else
            code = run_source_split(run, &chain, at, &rows, err);
    }
    run->times.rows_read += rows;
    if (started) {
        add_times(work, run, pipe, rows, &chain);
        sl_chain_release(&chain);
    }
    return code;
}

static enum sl_code run_task(void *ctx, size_t worker, size_t task, struct sl_err *err) {
    (void)worker;
    struct work *work = ctx;
    struct sl_epoch *epoch = work->epoch;
    struct sl_sink *sink = epoch->sink;
    struct task_run run = {.work = work, .task = (uint32_t)task};
    sl_arena_init(&run.arena, "task");
    enum sl_code code = sink ? sink->ops->writer_open(sink, run.task, &run.writer, err) : SL_OK;
    for (uint32_t p = 0; p < epoch->pipes->count && code == SL_OK; p++)
        code = run_pipe(&run, p, err);
    int64_t begin = sl_clock_thread_cpu_ns();
    if (run.writer && code == SL_OK)
        code = sink->ops->writer_close(run.writer, err);
    else if (run.writer)
        sink->ops->writer_abort(run.writer);
    run.times.close_ns += sl_clock_thread_cpu_ns() - begin;
    pthread_mutex_lock(&work->mutex);
    epoch->times.read_ns += run.times.read_ns;
    epoch->times.process_ns += run.times.process_ns;
    epoch->times.write_ns += run.times.write_ns;
    epoch->times.close_ns += run.times.close_ns;
    epoch->times.rows_read += run.times.rows_read;
    epoch->times.rows_out += run.times.rows_out;
    pthread_mutex_unlock(&work->mutex);
    sl_arena_release(&run.arena);
    return code;
}

enum sl_code sl_epoch_run(struct sl_epoch *epoch, struct sl_err *err) {
    struct work work = {
        .epoch = epoch, .count = total_splits(epoch), .tasks = sl_epoch_tasks(epoch)};
    epoch->times = (struct sl_stage_times){0};
    if (work.count == 0) return SL_OK;
    pthread_mutex_init(&work.mutex, NULL);
    work.assignments = sl_xcalloc(work.count, sizeof *work.assignments);
    assign(&work);
    enum sl_code code = sl_pool_run(epoch->engine->pool, work.tasks, run_task, &work, err);
    free(work.assignments);
    pthread_mutex_destroy(&work.mutex);
    return code;
}
