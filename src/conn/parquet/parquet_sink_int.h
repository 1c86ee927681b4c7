/* Shared by the files of the Parquet sink: parquet_sink.c (open, options, tasks), parquet_commit.c
 * (making a batch visible, recovery). */
#ifndef SL_CONN_PARQUET_SINK_INT_H
#define SL_CONN_PARQUET_SINK_INT_H

#include "conn/conn.h"
#include "conn/options.h"
#include "lake/intent.h"
#include "lake/sink_log.h"
#include "table/table_writer.h"

/* Complete and durable, but under a name in the staging directory that no reader lists; the commit
 * gives it its final name. */
struct sl_staged_file {
    char *staged; /* relative to the table root */
    char *final;
    uint64_t bytes, rows;
};

struct sl_parquet_sink {
    struct sl_sink base;
    const struct sl_conn_env *env;
    struct sl_sink_config config;
    struct sl_str description;
    struct sl_table_writer_config writing;
    struct sl_table_writer *writer;
    bool streaming; /* has a checkpoint: manifest, intents */

    const char *table_dir;   /* as given */
    const char *staging;     /* ".sluice-staging/<query id, or view-uuid>", below table_dir */
    const char *intent_dir;  /* in the checkpoint; of a view in the table */
    struct sl_sink_log *log; /* NULL in batch */
    struct sl_lock *lock;    /* one writer a table */

    /* the batch in progress */
    int64_t batch_id;
    uint64_t offsets_hash;
    struct sl_staged_file *files; /* added to by `closed` only, one call at a time */
    size_t file_count, file_cap;
};

extern const struct sl_sink_ops sl_parquet_sink_ops;

/* parquet_commit.c; vtable functions */
void sl_parquet_sink_clear_files(struct sl_parquet_sink *sink);
enum sl_code sl_parquet_recover(struct sl_sink *sink, int64_t last_planned, uint64_t planned_hash,
                                int64_t last_committed, struct sl_err *err);
enum sl_code sl_parquet_is_committed(struct sl_sink *sink, int64_t batch_id, uint64_t offsets_hash,
                                     bool *committed, struct sl_err *err);
enum sl_code sl_parquet_commit(struct sl_sink *sink, struct sl_sink_metrics *metrics,
                               struct sl_err *err);
void sl_parquet_abort(struct sl_sink *sink);
enum sl_code sl_parquet_finish(struct sl_sink *sink, int64_t batch_id, struct sl_err *err);
/* Empties the staging directory; makes it when it is missing. */
SL_MUST_CHECK enum sl_code sl_parquet_prepare_staging(struct sl_parquet_sink *sink,
                                                      struct sl_err *err);
/* Final names for staged files, again and again the same; directories synced. */
SL_MUST_CHECK enum sl_code sl_parquet_publish(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                              const struct sl_intent *intent, struct sl_err *err);

/* parquet_types.c: SL_USER when a column of the query has another type than in the newest file that
 * the table's log names: readers take one type for all files. New columns are fine. */
SL_MUST_CHECK enum sl_code sl_parquet_check_types(struct sl_parquet_sink *sink, struct sl_err *err);

/* A name from an intent that does not lead out of the table. */
bool sl_parquet_is_inside(struct sl_str path);

/* parquet_replace.c: a view's rows take the place of the old ones */
const char *sl_parquet_replace_dir(struct sl_arena *arena, const char *table_dir);
/* Finishes what a killed run left. The lock is held. */
SL_MUST_CHECK enum sl_code sl_parquet_replace_open(struct sl_parquet_sink *sink,
                                                   struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_parquet_replace(struct sl_parquet_sink *sink, struct sl_arena *arena,
                                              const struct sl_intent *intent, struct sl_err *err);
/* A view's rows replace what is in its directory: only where `_SUCCESS` says that a run of a view,
 * or a batch of Spark, wrote it. SL_USER: files of somebody else. */
SL_MUST_CHECK enum sl_code
sl_parquet_replace_check_owner(struct sl_arena *arena, const char *table_dir, struct sl_err *err);
/* For readers: SL_CONFLICT when the directory has neither the old rows nor all new ones. */
SL_MUST_CHECK enum sl_code sl_parquet_replace_check(struct sl_arena *arena, const char *table_dir,
                                                    struct sl_err *err);

#endif
