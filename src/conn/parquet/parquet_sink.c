/* The Parquet table as a sink: options, layout, life cycle.  Exactly once for Spark (through
 * _spark_metadata) and for any engine that lists the directory: files appear only complete, under
 * their final names, after the commit point. The protocol: README.md.
 * Source: Spark FileStreamSink.scala. */
#include <errno.h>
#include <stdlib.h>

#include "base/hash.h"
#include "conn/file_source.h"
#include "conn/parquet/parquet_sink_int.h"
#include "conn/parquet/parquet_source.h"
#include "conn/parquet/parquet_table.h"
#include "conn/writing.h"
#include "lake/place.h"

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, default_text, doc) {name, SL_OPT_##type, default_text, doc},
#include "conn/parquet/parquet_sink_options.def"
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {
    "the Parquet sink", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

static enum sl_code check_columns(const struct sl_sink_config *config, struct sl_err *err) {
    const struct sl_type *schema = config->schema;
    for (uint32_t i = 0; i < schema->field_count; i++) {
        struct sl_str name = schema->fields[i].name;
        if (schema->fields[i].type->kind == SL_NULL_KIND) {
            sl_fail(err, SL_USER, "column `%.*s` has type VOID, which Parquet cannot hold",
                    SL_STR_ARG(name));
            return sl_hint(err, "give it a type: CAST(NULL AS STRING)"), SL_USER;
        }
        for (uint32_t j = 0; j < i; j++)
            if (sl_str_eq_nocase(name, schema->fields[j].name))
                return sl_fail(err, SL_USER,
                               "[COLUMN_ALREADY_EXISTS] the column `%.*s` already exists",
                               SL_STR_ARG(name));
    }
    return sl_writing_check_partitions(config, err);
}

static enum sl_code read_options(struct sl_parquet_sink *sink, struct sl_err *err) {
    const struct sl_options *options = &sink->config.options;
    SL_TRY(sl_options_check(options, &option_table, err));
    SL_TRY(sl_writing_read(sink->env, options, &option_table, &sink->writing, err));
    sink->writing.file_bytes_target =
        (uint64_t)sl_options_int(options, &option_table, "sluice.file.targetSize");
    return SL_OK;
}

static enum sl_code prepare_table(struct sl_parquet_sink *sink, struct sl_err *err) {
    struct sl_arena *query = sink->env->query;
    SL_TRY(sl_io_make_dirs(sink->table_dir, err));
    /* two queries would give their batches the same numbers in _spark_metadata */
    enum sl_code locked = sl_lock_take(sink->table_dir, ".sluice.lock", &sink->lock, err);
    if (locked != SL_OK)
        return sl_context(err, "only one query at a time can write to table `%s`", sink->table_dir),
               locked;
    SL_TRY(sl_parquet_compact_finish(sink->table_dir, sink->env->log, err));
    if (!sink->streaming) {
        char uuid[37] = {0};
        uint64_t high, low;
        sl_random_system(&high, &low);
        sl_uuid_format(uuid, high, low);
        sink->staging = sl_arena_printf(query, ".sluice-staging/view-%s", uuid).ptr;
        sink->intent_dir = sl_parquet_replace_dir(query, sink->table_dir);
        SL_TRY(sl_parquet_replace_open(sink, err));
    } else {
        sink->staging =
            sl_arena_printf(query, ".sluice-staging/%.*s", SL_STR_ARG(sink->env->query_id)).ptr;
        sink->intent_dir =
            sl_arena_printf(query, "%.*s/.sluice/intents", SL_STR_ARG(sink->env->checkpoint_dir))
                .ptr;
        int interval =
            (int)sl_options_int(&sink->config.options, &option_table, "sluice.compactInterval");
        SL_TRY(sl_sink_log_open(query, sink->table_dir, interval < 1 ? 10 : interval, &sink->log,
                                err));
    }
    return SL_OK;
}

/* ---- tasks ---- */

static enum sl_code keep_staged(void *ctx, const struct sl_data_file *file, struct sl_err *err) {
    struct sl_parquet_sink *sink = ctx;
    (void)err;
    if (sink->file_count == sink->file_cap) {
        sink->file_cap = sink->file_cap ? sink->file_cap * 2 : 16;
        sink->files = sl_xrealloc(sink->files, sink->file_cap * sizeof *sink->files);
    }
    sink->files[sink->file_count++] =
        (struct sl_staged_file){strdup(file->staged), strdup(file->final), file->bytes, file->rows};
    return SL_OK;
}

static void open_writer(struct sl_parquet_sink *sink) {
    struct sl_table_writer_config *writing = &sink->writing;
    writing->schema = sink->config.schema;
    writing->partition_columns = sink->config.partition_columns;
    writing->partition_count = sink->config.partition_count;
    writing->table_dir = sink->table_dir;
    writing->staging = sink->staging;
    writing->session = sink->env->session;
    writing->budget = sink->env->budget;
    writing->closed = keep_staged;
    writing->ctx = sink;
    sink->writer = sl_table_writer_new(writing);
}

struct task {
    struct sl_sink_writer base;
    struct sl_table_task *task;
};

static enum sl_code open_task(struct sl_sink *base, uint32_t number, struct sl_sink_writer **out,
                              struct sl_err *err) {
    struct task *task = sl_xcalloc(1, sizeof *task);
    (void)err;
    task->base.ops = &sl_parquet_sink_ops;
    task->task = sl_table_task_open(((struct sl_parquet_sink *)base)->writer, number);
    *out = &task->base;
    return SL_OK;
}

static enum sl_code write_task(struct sl_sink_writer *base, const struct sl_batch *batch,
                               struct sl_err *err) {
    return sl_table_task_write(((struct task *)base)->task, batch, err);
}

static enum sl_code close_task(struct sl_sink_writer *base, struct sl_err *err) {
    enum sl_code code = sl_table_task_close(((struct task *)base)->task, err);
    free(base);
    return code;
}

static void abort_task(struct sl_sink_writer *base) {
    sl_table_task_abort(((struct task *)base)->task);
    free(base);
}

/* ---- life cycle ---- */

static enum sl_code open_sink(const struct sl_conn_env *env, const struct sl_sink_config *config,
                              struct sl_sink **out, struct sl_err *err) {
    struct sl_parquet_sink *sink = SL_NEW(env->query, struct sl_parquet_sink);
    sink->base.ops = &sl_parquet_sink_ops;
    sink->env = env;
    sink->config = *config;
    sink->streaming = env->checkpoint_dir.len > 0;
    SL_TRY(sl_writing_table_dir(env, config, &sink->table_dir, err));
    SL_TRY(check_columns(config, err));
    SL_TRY(read_options(sink, err));
    sink->description = sl_arena_printf(env->query, "FileSink[%s]", sink->table_dir);
    SL_TRY(sl_place_check_parquet(env->query, sl_str(sink->table_dir), err));
    if (!sink->streaming) SL_TRY(sl_parquet_replace_check_owner(env->query, sink->table_dir, err));
    enum sl_code code = prepare_table(sink, err);
    if (code != SL_OK) {
        sl_lock_free(sink->lock);
        return code;
    }
    open_writer(sink);
    *out = &sink->base;
    return SL_OK;
}

static struct sl_str description(const struct sl_sink *sink) {
    return ((const struct sl_parquet_sink *)sink)->description;
}

static enum sl_code begin(struct sl_sink *base, int64_t batch_id, uint64_t offsets_hash,
                          uint32_t tasks, struct sl_err *err) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    sink->batch_id = batch_id;
    sink->offsets_hash = offsets_hash;
    if (sink->streaming) SL_TRY(sl_sink_log_check(sink->log, err));
    /* a task adds its number */
    sl_table_writer_begin(sink->writer, batch_id, (uint64_t)batch_id * 65537,
                          sl_writing_task_bytes(sink->env, tasks));
    return sl_parquet_prepare_staging(sink, err);
}

static void close_sink(struct sl_sink *base) {
    struct sl_parquet_sink *sink = (struct sl_parquet_sink *)base;
    sl_parquet_sink_clear_files(sink);
    free(sink->files);
    sl_table_writer_free(sink->writer);
    if (sink->log) sl_sink_log_close(sink->log);
    sl_lock_free(sink->lock);
}

const struct sl_sink_ops sl_parquet_sink_ops = {
    .name = "parquet",
    .description = description,
    .recover = sl_parquet_recover,
    .is_committed = sl_parquet_is_committed,
    .begin = begin,
    .writer_open = open_task,
    .write = write_task,
    .writer_close = close_task,
    .writer_abort = abort_task,
    .commit = sl_parquet_commit,
    .abort = sl_parquet_abort,
    .finish = sl_parquet_finish,
    .close = close_sink,
};

static enum sl_code check(const struct sl_conn_env *env, const struct sl_options *options,
                          bool streaming, bool sink, struct sl_err *err) {
    (void)env;
    return sink ? sl_options_check(options, &option_table, err)
                : sl_parquet_source_check(options, streaming, err);
}

const struct sl_connector sl_parquet_connector = {
    .name = "parquet",
    .open_source = sl_parquet_source_open,
    .open_sink = open_sink,
    .table = &sl_parquet_table_ops,
    .exists = sl_file_source_exists,
    .check = check,
};
