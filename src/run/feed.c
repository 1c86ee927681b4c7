#include "run/feed.h"

#include "base/clock.h"
#include "base/fail.h"

/* A letter is a whole record; but few records fail. */
void sl_feed_choose_columns(struct sl_feed *feed, const struct sl_output *outputs,
                            struct sl_arena *arena) {
    if (!feed->source) return;
    uint32_t columns = feed->source->ops->schema(feed->source)->field_count;
    bool *wanted = SL_NEW_ARRAY(arena, bool, columns + (size_t)1), letters = false;
    for (uint32_t i = 0; i < feed->consumer_count; i++) {
        const struct sl_consumer *consumer = &feed->consumers[i];
        letters |= outputs[consumer->output].letters != NULL;
        for (uint32_t c = 0; c < columns; c++) wanted[c] |= consumer->pipe->wanted[c];
    }
    bool *all = SL_NEW_ARRAY(arena, bool, columns + (size_t)1);
    for (uint32_t c = 0; c < columns; c++) all[c] = true;
    bool at_once = letters && !feed->source->ops->reader_more;
    feed->wanted = at_once ? all : wanted;
    feed->late = letters && !at_once ? all : NULL;
}

static enum sl_code open_chain(struct sl_feed_task *task, uint32_t i, struct sl_err *err) {
    const struct sl_consumer *consumer = &task->feed->consumers[i];
    const struct sl_output *output = task->outputs[consumer->output].output;
    return sl_chain_init(&task->chains[i], output->pipes, consumer->pipe, output->states,
                         task->engine->profile, err);
}

enum sl_code sl_feed_task_open(struct sl_feed_task *task, struct sl_feed *feed,
                               struct sl_engine *engine, struct sl_output_task *outputs,
                               struct sl_err *err) {
    *task = (struct sl_feed_task){.feed = feed, .engine = engine, .outputs = outputs};
    sl_arena_init(&task->arena, "feed");
    task->chains = SL_NEW_ARRAY(&task->arena, struct sl_chain, feed->consumer_count + (size_t)1);
    for (uint32_t i = 0; i < feed->consumer_count; i++) SL_TRY(open_chain(task, i, err));
    return SL_OK;
}

static bool is_done(const struct sl_feed_task *task) {
    for (uint32_t i = 0; i < task->feed->consumer_count; i++)
        if (!sl_chain_is_done(&task->chains[i])) return false;
    return true;
}

static enum sl_code push(struct sl_feed_task *task, struct sl_reader *reader,
                         struct sl_batch *batch, struct sl_err *err) {
    const struct sl_feed *feed = task->feed;
    struct sl_late_columns late = {feed->late ? reader : NULL, feed->late, false};
    for (uint32_t i = 0; i < feed->consumer_count; i++)
        if (!sl_chain_is_done(&task->chains[i]))
            SL_TRY(sl_output_task_push(&task->outputs[feed->consumers[i].output], &task->chains[i],
                                       batch, &late, err));
    return SL_OK;
}

static enum sl_code read_all(struct sl_feed_task *task, struct sl_reader *reader,
                             struct sl_batch *batch, struct sl_err *err) {
    const struct sl_engine *engine = task->engine;
    while (!is_done(task)) {
        if (sl_engine_is_abandoning(engine))
            return sl_fail(err, SL_CANCELED, "stopped before the batch was complete");
        int64_t begin = sl_clock_thread_cpu_ns();
        sl_batch_clear(batch);
        SL_TRY(reader->ops->reader_next(reader, engine->batch_rows, batch, err));
        task->read_ns += sl_clock_thread_cpu_ns() - begin;
        if (batch->rows == 0) return SL_OK;
        task->rows += batch->rows;
        if (!batch->selected) batch->selected_rows = batch->rows;
        int failure = sl_fail_point("read.mid");
        if (failure) return sl_fail_sys(err, failure, "could not read");
        SL_TRY(push(task, reader, batch, err));
    }
    return SL_OK;
}

static enum sl_code read_source(struct sl_feed_task *task, const struct sl_split *split,
                                struct sl_err *err) {
    struct sl_source *source = task->feed->source;
    struct sl_reader *reader;
    struct sl_batch batch;
    sl_batch_init(&batch, source->ops->schema(source), &task->arena);
    enum sl_code code = source->ops->reader_open(source, split, task->feed->wanted, &reader, err);
    if (code == SL_OK) {
        code = read_all(task, reader, &batch, err);
        reader->ops->reader_close(reader);
    }
    if (code != SL_OK && split->description.len)
        sl_context(err, "reading %.*s", SL_STR_ARG(split->description));
    sl_batch_release(&batch);
    return code;
}

/* VALUES: its constant rows, computed as expressions over a batch of one row without columns. */
static enum sl_code read_values(struct sl_feed_task *task, struct sl_err *err) {
    const struct sl_consumer *consumer = task->feed->consumers;
    const struct sl_node *node = consumer->pipe->scan;
    struct sl_output_task *output = &task->outputs[consumer->output];
    struct sl_batch none, *made;
    struct sl_late_columns late = {0};
    struct sl_op *project = NULL;
    sl_batch_init(&none, sl_type_struct(&task->arena, NULL, 0), &task->arena);
    enum sl_code code = SL_OK;
    for (uint32_t r = 0; r < node->row_count && code == SL_OK && !is_done(task); r++) {
        none.rows = none.selected_rows = 1;
        none.selected = NULL;
        code = sl_project_new(node->exprs + (size_t)r * node->column_count,
                              sl_node_schema(&task->arena, node), false, &project, err);
        if (code == SL_OK)
            code = project->ops->process(project, output->output->session, &none, &made, err);
        if (code == SL_OK) code = sl_output_task_push(output, task->chains, made, &late, err);
        sl_op_free(project);
        project = NULL;
        task->rows++;
    }
    sl_batch_release(&none);
    return code;
}

enum sl_code sl_feed_task_read(struct sl_feed_task *task, const struct sl_split *split,
                               struct sl_err *err) {
    return task->feed->source ? read_source(task, split, err) : read_values(task, err);
}

void sl_feed_task_close(struct sl_feed_task *task) {
    for (uint32_t i = 0; i < task->feed->consumer_count; i++) sl_chain_release(&task->chains[i]);
    sl_arena_release(&task->arena);
}
