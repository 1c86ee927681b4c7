#include "conn/memory/memory_sink.h"

#include <pthread.h>
#include <stdlib.h>

struct memory_sink {
    struct sl_sink base;
    const struct sl_type *schema;
    bool keep;     /* memory; false: noop */
    bool replaces; /* complete mode */
    int64_t batch_id, last_committed;
    pthread_mutex_t mutex; /* guards staged and rows */
    struct sl_vec *staged, *committed;
    uint64_t rows;
};
struct memory_writer {
    struct sl_sink_writer base;
    struct memory_sink *sink;
};

static const struct sl_sink_ops memory_ops;

static struct sl_vec *new_columns(const struct sl_type *schema) {
    struct sl_vec *columns = sl_xcalloc(schema->field_count, sizeof *columns);
    for (uint32_t c = 0; c < schema->field_count; c++)
        sl_vec_init(&columns[c], schema->fields[c].type);
    return columns;
}

static void open_either(const struct sl_conn_env *env, const struct sl_sink_config *config,
                        bool keep, struct sl_sink **out) {
    struct memory_sink *sink = SL_NEW(env->query, struct memory_sink);
    sink->base.ops = &memory_ops;
    sink->schema = config->schema;
    sink->keep = keep;
    sink->replaces = config->mode == SL_MODE_COMPLETE;
    sink->last_committed = -1;
    sink->staged = new_columns(config->schema);
    sink->committed = new_columns(config->schema);
    pthread_mutex_init(&sink->mutex, NULL);
    *out = &sink->base;
}

static enum sl_code open_memory(const struct sl_conn_env *env, const struct sl_sink_config *config,
                                struct sl_sink **out, struct sl_err *err) {
    (void)err;
    open_either(env, config, true, out);
    return SL_OK;
}
static enum sl_code open_noop(const struct sl_conn_env *env, const struct sl_sink_config *config,
                              struct sl_sink **out, struct sl_err *err) {
    (void)err;
    open_either(env, config, false, out);
    return SL_OK;
}

const struct sl_vec *sl_memory_sink_columns(const struct sl_sink *base, uint32_t *rows) {
    const struct memory_sink *sink = (const struct memory_sink *)base;
    *rows = sink->schema->field_count ? sink->committed[0].rows : 0;
    return sink->committed;
}

static struct sl_str description(const struct sl_sink *base) {
    return ((const struct memory_sink *)base)->keep ? SL_STR("MemorySink") : SL_STR("NoopTable");
}
static enum sl_code recover(struct sl_sink *sink, int64_t last_planned, uint64_t planned_hash,
                            int64_t last_committed, struct sl_err *err) {
    (void)sink, (void)last_planned, (void)planned_hash, (void)last_committed, (void)err;
    return SL_OK;
}
static enum sl_code is_committed(struct sl_sink *base, int64_t batch_id, uint64_t hash,
                                 bool *committed, struct sl_err *err) {
    (void)hash, (void)err;
    *committed = batch_id <= ((struct memory_sink *)base)->last_committed;
    return SL_OK;
}

static void clear_staged(struct memory_sink *sink) {
    for (uint32_t c = 0; c < sink->schema->field_count; c++) sl_vec_clear(&sink->staged[c]);
    sink->rows = 0;
}

static enum sl_code begin(struct sl_sink *base, int64_t batch_id, uint64_t hash, uint32_t tasks,
                          struct sl_err *err) {
    (void)hash, (void)tasks, (void)err;
    struct memory_sink *sink = (struct memory_sink *)base;
    sink->batch_id = batch_id;
    clear_staged(sink);
    return SL_OK;
}

static enum sl_code writer_open(struct sl_sink *base, uint32_t task, struct sl_sink_writer **out,
                                struct sl_err *err) {
    (void)task, (void)err;
    struct memory_writer *writer = sl_xcalloc(1, sizeof *writer);
    *writer = (struct memory_writer){{&memory_ops}, (struct memory_sink *)base};
    *out = &writer->base;
    return SL_OK;
}

static enum sl_code append_rows(struct memory_sink *sink, const struct sl_batch *batch,
                                struct sl_err *err) {
    uint32_t *idx = sl_xmalloc(batch->rows * sizeof *idx);
    uint32_t count = sl_batch_selection(batch, idx);
    enum sl_code code = SL_OK;
    for (uint32_t c = 0; c < sink->schema->field_count && code == SL_OK; c++)
        code = sl_vec_append(&sink->staged[c], &batch->columns[c], idx, count, err);
    free(idx);
    return code;
}

static enum sl_code write_rows(struct sl_sink_writer *base, const struct sl_batch *batch,
                               struct sl_err *err) {
    struct memory_sink *sink = ((struct memory_writer *)base)->sink;
    pthread_mutex_lock(&sink->mutex);
    enum sl_code code = sink->keep ? append_rows(sink, batch, err) : SL_OK;
    sink->rows += batch->selected ? batch->selected_rows : batch->rows;
    pthread_mutex_unlock(&sink->mutex);
    return code;
}
static enum sl_code writer_close(struct sl_sink_writer *writer, struct sl_err *err) {
    (void)err;
    free(writer);
    return SL_OK;
}
static void writer_abort(struct sl_sink_writer *writer) { free(writer); }

static enum sl_code commit(struct sl_sink *base, struct sl_sink_metrics *metrics,
                           struct sl_err *err) {
    struct memory_sink *sink = (struct memory_sink *)base;
    *metrics = (struct sl_sink_metrics){.rows = sink->rows};
    for (uint32_t c = 0; c < sink->schema->field_count && sink->replaces; c++)
        sl_vec_clear(&sink->committed[c]);
    for (uint32_t c = 0; c < sink->schema->field_count; c++)
        SL_TRY(
            sl_vec_append(&sink->committed[c], &sink->staged[c], NULL, sink->staged[c].rows, err));
    sink->last_committed = sink->batch_id;
    clear_staged(sink);
    return SL_OK;
}
static void abort_batch(struct sl_sink *base) { clear_staged((struct memory_sink *)base); }

static void close_sink(struct sl_sink *base) {
    struct memory_sink *sink = (struct memory_sink *)base;
    for (uint32_t c = 0; c < sink->schema->field_count; c++) {
        sl_vec_release(&sink->staged[c]);
        sl_vec_release(&sink->committed[c]);
    }
    free(sink->staged);
    free(sink->committed);
    pthread_mutex_destroy(&sink->mutex);
}

static const struct sl_sink_ops memory_ops = {
    .name = "memory",
    .reports_rows = true,
    .description = description,
    .recover = recover,
    .is_committed = is_committed,
    .begin = begin,
    .writer_open = writer_open,
    .write = write_rows,
    .writer_close = writer_close,
    .writer_abort = writer_abort,
    .commit = commit,
    .abort = abort_batch,
    .close = close_sink,
};

const struct sl_connector sl_memory_connector = {.name = "memory",
                                                 .open_sink = open_memory,
                                                 .output_modes =
                                                     SL_OUTPUT_UPDATE | SL_OUTPUT_COMPLETE};
const struct sl_connector sl_noop_connector = {
    .name = "noop", .open_sink = open_noop, .output_modes = SL_OUTPUT_UPDATE | SL_OUTPUT_COMPLETE};
