/* A task's rows in the table's columns: reordered, the ones the query lacks null, NOT NULL kept. */
#include <stdlib.h>

#include "conn/delta/delta_merge.h"
#include "conn/delta/delta_sink_int.h"
#include "lake/delta/delta_error.h"

struct task {
    struct sl_sink_writer base;
    struct sl_delta_sink *sink;
    struct sl_table_task *task;
    struct sl_vec *columns; /* of the table; borrowed from the batch, or nulls of our own */
};

enum sl_code sl_delta_task_open(struct sl_sink *base, uint32_t number, struct sl_sink_writer **out,
                                struct sl_err *err) {
    struct sl_delta_sink *sink = (struct sl_delta_sink *)base;
    const struct sl_type *schema = sink->layout.schema;
    struct task *task = sl_xcalloc(1, sizeof *task);
    (void)err;
    task->base.ops = &sl_delta_sink_ops;
    task->sink = sink;
    task->task = sl_table_task_open(sink->writer, number);
    task->columns = sl_xcalloc(schema->field_count, sizeof *task->columns);
    for (uint32_t c = 0; c < schema->field_count; c++)
        sl_vec_init(&task->columns[c], schema->fields[c].type);
    *out = &task->base;
    return SL_OK;
}

static enum sl_code refuse_null(const struct task *task, const struct sl_field *field,
                                const struct sl_batch *batch, uint32_t row, struct sl_err *err) {
    char where[256];
    sl_batch_describe_row(batch, row, where, sizeof where);
    return sl_delta_fail(err, SL_DATA, "DELTA_NOT_NULL_CONSTRAINT_VIOLATED", "23502",
                         "NOT NULL constraint violated for column `%.*s` of the Delta table `%s` "
                         "(%s)",
                         SL_STR_ARG(field->name), task->sink->table_dir, where);
}

static enum sl_code check_not_null(const struct task *task, const struct sl_field *field,
                                   const struct sl_vec *vec, const struct sl_batch *batch,
                                   struct sl_err *err) {
    if (!vec->valid) return SL_OK;
    for (uint32_t row = 0; row < batch->rows; row++)
        if (sl_vec_is_null(vec, row) && (!batch->selected || sl_bit_get(batch->selected, row)))
            return refuse_null(task, field, batch, row, err);
    return SL_OK;
}

static enum sl_code arrange(struct task *task, const struct sl_batch *batch, struct sl_err *err) {
    const struct sl_delta_layout *layout = &task->sink->layout;
    for (uint32_t c = 0; c < layout->schema->field_count; c++) {
        const struct sl_field *field = &layout->schema->fields[c];
        struct sl_vec *to = &task->columns[c];
        if (layout->query_columns[c] < 0) {
            sl_vec_clear(to);
            SL_TRY(sl_vec_append_null(to, batch->rows, err));
            continue;
        }
        const struct sl_vec *from = &batch->columns[layout->query_columns[c]];
        if (!field->nullable) SL_TRY(check_not_null(task, field, from, batch, err));
        if (task->sink->merges)
            SL_TRY(sl_delta_vec_fit(to, field->type, from, err));
        else
            sl_vec_borrow(to, from);
    }
    return SL_OK;
}

enum sl_code sl_delta_task_write(struct sl_sink_writer *base, const struct sl_batch *batch,
                                 struct sl_err *err) {
    struct task *task = (struct task *)base;
    struct sl_batch arranged = *batch;
    SL_TRY(arrange(task, batch, err));
    arranged.schema = task->sink->layout.schema;
    arranged.columns = task->columns;
    return sl_table_task_write(task->task, &arranged, err);
}

static void free_task(struct task *task) {
    for (uint32_t c = 0; c < task->sink->layout.schema->field_count; c++)
        sl_vec_release(&task->columns[c]);
    free(task->columns);
    free(task);
}

enum sl_code sl_delta_task_close(struct sl_sink_writer *base, struct sl_err *err) {
    struct task *task = (struct task *)base;
    enum sl_code code = sl_table_task_close(task->task, err);
    free_task(task);
    return code;
}

void sl_delta_task_abort(struct sl_sink_writer *base) {
    struct task *task = (struct task *)base;
    sl_table_task_abort(task->task);
    free_task(task);
}
