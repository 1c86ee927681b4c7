/* The console sink: Spark's layout, a header per batch and show() of its rows, to stdout.
 * At least once: after a crash the last batch may print again under its number.
 * Source: ConsoleStreamingWrite.scala. */
#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

#include "conn/conn.h"
#include "conn/console/show.h"
#include "conn/options.h"

static const struct sl_option_row option_rows[] = {
    {"numRows", SL_OPT_INT, "20", "rows shown of each batch"},
    {"truncate", SL_OPT_BOOL, "true", "cut cells longer than 20 characters"},
    {"checkpointLocation", SL_OPT_STRING, "", "directory of the checkpoint"},
};
static const char *const free_prefixes[] = {"sluice.", "pipelines.", "spark.", NULL};
static const struct sl_option_table option_table = {
    "the console sink", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

struct console_sink {
    struct sl_sink base;
    const struct sl_session *session;
    int64_t batch_id;
    pthread_mutex_t mutex; /* guards show: tasks add rows as they come */
    struct sl_show *show;
    uint64_t rows;
};
struct console_writer {
    struct sl_sink_writer base;
    struct console_sink *sink;
};

static const struct sl_sink_ops sink_ops;

static enum sl_code open_sink(const struct sl_conn_env *env, const struct sl_sink_config *config,
                              struct sl_sink **out, struct sl_err *err) {
    SL_TRY(sl_options_check(&config->options, &option_table, err));
    struct console_sink *sink = SL_NEW(env->query, struct console_sink);
    int64_t rows = sl_options_int(&config->options, &option_table, "numRows");
    bool truncate = sl_options_bool(&config->options, &option_table, "truncate");
    sink->base.ops = &sink_ops;
    sink->session = env->session;
    sink->show = sl_show_new(config->schema, rows < 0 ? 0 : (uint32_t)rows, truncate ? 20 : 0);
    pthread_mutex_init(&sink->mutex, NULL);
    *out = &sink->base;
    return SL_OK;
}

static struct sl_str description(const struct sl_sink *sink) {
    (void)sink;
    return SL_STR("org.apache.spark.sql.execution.streaming.ConsoleTable$@1");
}

static enum sl_code recover(struct sl_sink *sink, int64_t last_planned, uint64_t planned_hash,
                            int64_t last_committed, struct sl_err *err) {
    (void)sink, (void)last_planned, (void)planned_hash, (void)last_committed, (void)err;
    return SL_OK;
}

static enum sl_code is_committed(struct sl_sink *sink, int64_t batch_id, uint64_t hash,
                                 bool *committed, struct sl_err *err) {
    (void)sink, (void)batch_id, (void)hash, (void)err;
    *committed = false;
    return SL_OK;
}

static enum sl_code begin(struct sl_sink *base, int64_t batch_id, uint64_t hash, uint32_t tasks,
                          struct sl_err *err) {
    (void)hash, (void)tasks, (void)err;
    struct console_sink *sink = (struct console_sink *)base;
    struct sl_buf unused = {0};
    sl_show_finish(sink->show, &unused); /* rows of a batch that failed */
    sl_buf_release(&unused);
    sink->batch_id = batch_id;
    sink->rows = 0;
    return SL_OK;
}

static enum sl_code writer_open(struct sl_sink *base, uint32_t task, struct sl_sink_writer **out,
                                struct sl_err *err) {
    (void)task, (void)err;
    struct console_writer *writer = sl_xcalloc(1, sizeof *writer);
    *writer = (struct console_writer){{&sink_ops}, (struct console_sink *)base};
    *out = &writer->base;
    return SL_OK;
}

static enum sl_code write_rows(struct sl_sink_writer *base, const struct sl_batch *batch,
                               struct sl_err *err) {
    (void)err;
    struct console_sink *sink = ((struct console_writer *)base)->sink;
    pthread_mutex_lock(&sink->mutex);
    sl_show_add(sink->show, batch, sink->session);
    sink->rows += batch->selected ? batch->selected_rows : batch->rows;
    pthread_mutex_unlock(&sink->mutex);
    return SL_OK;
}

static enum sl_code writer_close(struct sl_sink_writer *writer, struct sl_err *err) {
    (void)err;
    free(writer);
    return SL_OK;
}
static void writer_abort(struct sl_sink_writer *writer) { free(writer); }

static enum sl_code commit(struct sl_sink *base, struct sl_sink_metrics *metrics,
                           struct sl_err *err) {
    static const char rule[] = "-------------------------------------------\n";
    struct console_sink *sink = (struct console_sink *)base;
    struct sl_buf text = {0};
    sl_buf_printf(&text, "%sBatch: %lld\n%s", rule, (long long)sink->batch_id, rule);
    *metrics = (struct sl_sink_metrics){.rows = sink->rows};
    sl_show_finish(sink->show, &text);
    size_t done = 0;
    while (done < text.len) {
        ssize_t written = write(STDOUT_FILENO, text.ptr + done, text.len - done);
        if (written <= 0) break;
        done += (size_t)written;
    }
    bool all = done == text.len;
    sl_buf_release(&text);
    return all ? SL_OK
               : sl_fail(err, SL_IO, "could not write batch %lld to standard output",
                         (long long)sink->batch_id);
}

static void abort_batch(struct sl_sink *base) { (void)base; }

static void close_sink(struct sl_sink *base) {
    struct console_sink *sink = (struct console_sink *)base;
    sl_show_free(sink->show);
    pthread_mutex_destroy(&sink->mutex);
}

static const struct sl_sink_ops sink_ops = {
    .name = "console",
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

const struct sl_connector sl_console_connector = {.name = "console",
                                                  .open_sink = open_sink,
                                                  .output_modes =
                                                      SL_OUTPUT_UPDATE | SL_OUTPUT_COMPLETE};
