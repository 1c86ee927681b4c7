/* Writes batches into Parquet files, one per output partition and task, a bounded number open at a
 * time; rows of further partitions wait in columns of their own.  Files are complete and durable
 * when `closed` tells of them; making them part of a table is the format's business.
 *
 * One writer serves the tasks of a sink; a task belongs to one worker thread. Encoders are kept
 * between batches for their buffers. Memory: task_bytes_max for the encoders of a task (beyond it
 * the largest ends its row group early) and 16 MiB of waiting rows. */
#ifndef SL_TABLE_WRITER_H
#define SL_TABLE_WRITER_H

#include "col/batch.h"
#include "fmt/parquet/parquet_write.h"
#include "kern/session.h"

/* A file that is complete. Borrowed until the callback returns. */
struct sl_data_file {
    const char
        *staged; /* where it is, relative to the table; the same as `final` without staging */
    const char
        *final; /* where it belongs: "year=2025/month=1/part-00000-<uuid>.c000.snappy.parquet" */
    uint64_t bytes, rows;
    const struct sl_vec *const *keys;        /* partition columns, in the config's order .. */
    uint32_t key_row;                        /* .. and the row in them with this file's values */
    const struct sl_parquet_writer *encoder; /* for sl_parquet_writer_stats, by file column */
};

struct sl_table_writer_config {
    const struct sl_type *schema;      /* of the batches */
    const uint32_t *partition_columns; /* indexes into schema */
    uint32_t partition_count;
    const char *table_dir;
    const char *staging; /* directory relative to table_dir, made by the caller; NULL: files are
                            written under their final names */
    struct sl_parquet_write_options encoding;
    uint64_t rows_per_file_max; /* 0 = no limit; a file is cut there exactly */
    uint64_t file_bytes_target; /* 0 = no limit; a file is closed at the first batch beyond it */
    uint32_t open_partitions_max;
    const struct sl_session *session;
    struct sl_budget *budget;
    /* @thread worker, one at a time. An error fails the task; the file stays where it is. */
    enum sl_code (*closed)(void *ctx, const struct sl_data_file *file, struct sl_err *err);
    void *ctx;
};

struct sl_table_writer;
struct sl_table_task;

/* The config is copied, what it points to is borrowed. Never fails. */
struct sl_table_writer *sl_table_writer_new(const struct sl_table_writer_config *config);
void sl_table_writer_free(struct sl_table_writer *writer); /* NULL is fine; no task is open */
/* STRUCT of the columns in the files: without partition columns, every field nullable, as Spark's
 * streaming tables declare them; file_columns[i]: its index in the schema. */
const struct sl_type *sl_table_writer_file_schema(const struct sl_table_writer *writer,
                                                  const uint32_t **file_columns);

/* A batch begins. The same seed gives the same file names: a batch that runs again meets its own
 * files. */
void sl_table_writer_begin(struct sl_table_writer *writer, int64_t batch_id, uint64_t seed,
                           size_t task_bytes_max);
/* @thread worker */
struct sl_table_task *sl_table_task_open(struct sl_table_writer *writer, uint32_t number);
/* Rows of the selection only. */
SL_MUST_CHECK enum sl_code sl_table_task_write(struct sl_table_task *task,
                                               const struct sl_batch *batch, struct sl_err *err);
/* Closes every file; frees the task whatever happens. */
SL_MUST_CHECK enum sl_code sl_table_task_close(struct sl_table_task *task, struct sl_err *err);
/* Removes the files that are still open; frees the task. */
void sl_table_task_abort(struct sl_table_task *task);

#endif
