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
    if (output->drift) sl_drift_init(&task->drift, output->drift->mode);
    if (output->sink && !output->committed)
        SL_TRY(output->sink->ops->writer_open(output->sink, number, &task->writer, err));
    return output->letters ? sl_letter_task_open(output->letters, number, &task->letters, err)
                           : SL_OK;
}

static enum sl_code emit(struct sl_output_task *task, const struct sl_batch *batch,
                         struct sl_err *err) {
    struct sl_output *output = task->output;
    uint32_t rows = batch->selected ? batch->selected_rows : batch->rows;
    task->times.rows_out += rows;
    if (rows == 0 || output->committed) return SL_OK;
    if (!output->sink) return output->consume(output->consume_ctx, batch, err);
    return output->sink->ops->write(task->writer, batch, err);
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
    struct sl_batch *out;
    int64_t begin = sl_clock_thread_cpu_ns();
    chain->faults = task->letters ? &task->faults : NULL;
    chain->drift = task->output->drift ? &task->drift : NULL;
    enum sl_code code = sl_chain_process(chain, task->output->session, source, &out, err);
    if (code != SL_OK && err && task->output->text)
        err->span = sl_sql_origin(task->output->text, err->span);
    SL_TRY(code);
    int64_t processed = sl_clock_thread_cpu_ns();
    SL_TRY(emit(task, out, err));
    if (task->letters && task->faults.count) SL_TRY(take_letters(task, source, late, err));
    task->times.process_ns += processed - begin;
    task->times.write_ns += sl_clock_thread_cpu_ns() - processed;
    return SL_OK;
}

enum sl_code sl_output_task_push(struct sl_output_task *task, struct sl_chain *chain,
                                 struct sl_batch *source, struct sl_late_columns *late,
                                 struct sl_err *err) {
    enum sl_code code = process(task, chain, source, late, err);
    struct sl_str name = task->output->name;
    if (code != SL_OK && name.len) sl_context(err, "query %.*s", SL_STR_ARG(name));
    return code;
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
