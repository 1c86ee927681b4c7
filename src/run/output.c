#include "run/output.h"

#include "base/clock.h"
#include "sql/parse.h"

void sl_stage_times_add(struct sl_stage_times *sum, const struct sl_stage_times *more) {
    sum->read_ns += more->read_ns;
    sum->process_ns += more->process_ns;
    sum->write_ns += more->write_ns;
    sum->close_ns += more->close_ns;
    sum->rows_read += more->rows_read;
    sum->rows_out += more->rows_out;
}

enum sl_code sl_output_task_open(struct sl_output_task *task, struct sl_output *output,
                                 uint32_t number, struct sl_err *err) {
    *task = (struct sl_output_task){.output = output};
    sl_faults_init(&task->faults);
    if (output->drift) sl_drift_init_like(&task->drift, output->drift);
    if (output->sink && !output->committed)
        SL_TRY(output->sink->ops->writer_open(output->sink, number, &task->writer, err));
    return output->letters ? sl_letter_task_open(output->letters, number, &task->letters, err)
                           : SL_OK;
}

static enum sl_code emit(void *ctx, struct sl_batch *batch, struct sl_err *err) {
    struct sl_output_task *task = ctx;
    struct sl_output *output = task->output;
    uint32_t rows = batch->selected ? batch->selected_rows : batch->rows;
    task->times.rows_out += rows;
    if (rows == 0 || output->committed) return SL_OK;
    int64_t begin = sl_clock_thread_cpu_ns();
    enum sl_code code = output->sink ? output->sink->ops->write(task->writer, batch, err)
                                     : output->consume(output->consume_ctx, batch, err);
    task->times.write_ns += sl_clock_thread_cpu_ns() - begin;
    return code;
}

/* The place of an error is told in the file, not in the text behind its substitutions. */
static enum sl_code located(const struct sl_output *output, enum sl_code code, struct sl_err *err) {
    if (code != SL_OK && err && output->text) err->span = sl_sql_origin(output->text, err->span);
    return code;
}

static enum sl_code take_letters(struct sl_output_task *task, struct sl_batch *source,
                                 struct sl_late_columns *late, struct sl_err *err) {
    if (late->reader && !late->there)
        SL_TRY(late->reader->ops->reader_more(late->reader, late->columns, source, err));
    late->there = true;
    return sl_letter_task_take(task->letters, source, &task->faults, err);
}

static enum sl_code process(struct sl_output_task *task, struct sl_chain *chain,
                            struct sl_batch *source, struct sl_late_columns *late,
                            struct sl_err *err) {
    int64_t begin = sl_clock_thread_cpu_ns(), written = task->times.write_ns;
    chain->faults = task->letters ? &task->faults : NULL;
    chain->drift = task->output->drift ? &task->drift : NULL;
    SL_TRY(located(task->output,
                   sl_chain_push(chain, task->output->session, source, emit, task, err), err));
    if (task->letters && task->faults.count) {
        int64_t taken = sl_clock_thread_cpu_ns();
        SL_TRY(take_letters(task, source, late, err));
        task->times.write_ns += sl_clock_thread_cpu_ns() - taken;
    }
    task->times.process_ns += sl_clock_thread_cpu_ns() - begin - (task->times.write_ns - written);
    return SL_OK;
}

static enum sl_code named(const struct sl_output *output, enum sl_code code, struct sl_err *err) {
    if (code != SL_OK && output->name.len) sl_context(err, "query %.*s", SL_STR_ARG(output->name));
    return code;
}

enum sl_code sl_output_task_push(struct sl_output_task *task, struct sl_chain *chain,
                                 struct sl_batch *source, struct sl_late_columns *late,
                                 struct sl_err *err) {
    return named(task->output, process(task, chain, source, late, err), err);
}

enum sl_code sl_output_task_push_from(struct sl_output_task *task, struct sl_chain *chain,
                                      uint32_t from, struct sl_batch *batch, struct sl_err *err) {
    int64_t begin = sl_clock_thread_cpu_ns(), written = task->times.write_ns;
    chain->faults = NULL;
    enum sl_code code =
        sl_chain_push_from(chain, from, task->output->session, batch, emit, task, err);
    task->times.process_ns += sl_clock_thread_cpu_ns() - begin - (task->times.write_ns - written);
    return named(task->output, located(task->output, code, err), err);
}

enum sl_code sl_output_task_close(struct sl_output_task *task, enum sl_code code,
                                  struct sl_err *err) {
    int64_t begin = sl_clock_thread_cpu_ns();
    const struct sl_sink *sink = task->output->sink;
    if (task->letters) code = sl_letter_task_close(task->letters, code, err);
    if (task->writer && code == SL_OK)
        code = sink->ops->writer_close(task->writer, err);
    else if (task->writer)
        sink->ops->writer_abort(task->writer);
    sl_faults_release(&task->faults);
    task->times.close_ns += sl_clock_thread_cpu_ns() - begin;
    return code;
}

void sl_output_task_sum(struct sl_output_task *task) {
    sl_stage_times_add(&task->output->times, &task->times);
    if (!task->output->drift) return;
    sl_drift_merge(task->output->drift, &task->drift);
    sl_drift_release(&task->drift);
}
