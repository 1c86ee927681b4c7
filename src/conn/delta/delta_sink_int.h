/* Shared by the files of the Delta sink: delta_sink.c (open, options, life cycle), delta_task.c
 * (rows into the table's columns), delta_batch.c (making a batch a version of the table),
 * delta_recover.c (what the table knows of this query). */
#ifndef SL_CONN_DELTA_SINK_INT_H
#define SL_CONN_DELTA_SINK_INT_H

#include "conn/delta/delta_auto.h"
#include "conn/delta/delta_demand.h"
#include "conn/delta/delta_layout.h"
#include "conn/delta/delta_tidy.h"
#include "lake/delta/commit.h"
#include "table/table_writer.h"

struct sl_delta_sink {
    struct sl_sink base;
    const struct sl_conn_env *env;
    struct sl_sink_config config;
    struct sl_str description;
    const char *table_dir;
    bool streaming;                 /* else every run replaces the rows */
    bool merges;                    /* mergeSchema, of a stream */
    struct sl_delta_map properties; /* delta.* for a new table, and those that name features .. */
    struct sl_delta_map stored;     /* .. without the latter */
    struct sl_table_writer_config writing;

    struct sl_delta_snapshot *snapshot; /* NULL: there is no table yet */
    struct sl_arena layout_arena;
    struct sl_delta_metadata metadata; /* of the new table, or of a table that gets other columns (a
                                          view's, mergeSchema); its texts are in layout_arena */
    bool replaces_metadata;            /* the latter */
    struct sl_delta_layout layout;
    const char *layout_text; /* schemaString that the layout was made for, by address */
    int32_t indexed_columns;
    struct sl_delta_demands told;   /* constraints that who runs the query evaluates .. */
    bool has_told;                  /* .. once it has asked for them */
    struct sl_table_writer *writer; /* for the layout; NULL: neither is there */

    /* the batch in progress */
    int64_t batch_id;
    uint64_t offsets_hash;
    struct sl_arena batch;      /* of the files */
    struct sl_delta_file *adds; /* added to by `closed` only, one call at a time */
    const char **names;         /* of the files, relative to the table */
    size_t add_count, add_cap;
    uint64_t rows, bytes;
    bool may_be_visible; /* its commit was tried, and nothing proves that it failed */

    struct sl_delta_tidier tidier;
    struct sl_delta_auto compaction;
};
extern const struct sl_sink_ops sl_delta_sink_ops;

/* Every batch takes the place of the rows that are there: a view's run, complete mode. */
static inline bool sl_delta_sink_replaces(const struct sl_delta_sink *sink) {
    return !sink->streaming || sink->config.mode == SL_MODE_COMPLETE;
}

/* delta_sink.c: follows the table to its newest version; opens it when somebody made it. */
SL_MUST_CHECK enum sl_code sl_delta_sink_follow(struct sl_delta_sink *sink, struct sl_err *err);

/* Does the table, as it is now, demand only what is evaluated? */
SL_MUST_CHECK enum sl_code sl_delta_sink_check_demands(struct sl_delta_sink *sink,
                                                       struct sl_err *err);

/* delta_task.c; vtable functions */
enum sl_code sl_delta_task_open(struct sl_sink *sink, uint32_t number, struct sl_sink_writer **out,
                                struct sl_err *err);
enum sl_code sl_delta_task_write(struct sl_sink_writer *writer, const struct sl_batch *batch,
                                 struct sl_err *err);
enum sl_code sl_delta_task_close(struct sl_sink_writer *writer, struct sl_err *err);
void sl_delta_task_abort(struct sl_sink_writer *writer);

/* delta_batch.c */
enum sl_code sl_delta_batch_keep(void *ctx, const struct sl_data_file *file, struct sl_err *err);
void sl_delta_batch_clear(struct sl_delta_sink *sink);
enum sl_code sl_delta_batch_commit(struct sl_sink *sink, struct sl_sink_metrics *metrics,
                                   struct sl_err *err);
void sl_delta_batch_abort(struct sl_sink *sink);

/* delta_create.c; vtable function */
enum sl_code sl_delta_sink_create(struct sl_sink *sink, struct sl_err *err);

/* delta_recover.c */
enum sl_code sl_delta_recover(struct sl_sink *sink, int64_t last_planned, uint64_t planned_hash,
                              int64_t last_committed, struct sl_err *err);
enum sl_code sl_delta_is_committed(struct sl_sink *sink, int64_t batch_id, uint64_t offsets_hash,
                                   bool *committed, struct sl_err *err);
/* Batch N of this query as the log has it; *found = false: its commit is not there. *hash = 0: it
 * does not tell what offsets it was made from, as Spark's does not. */
SL_MUST_CHECK enum sl_code sl_delta_find_batch(struct sl_delta_sink *sink, int64_t batch_id,
                                               bool *found, uint64_t *hash, struct sl_err *err);
/* The key of the hash in commitInfo.tags. */
#define SL_DELTA_HASH_TAG "sluice.offsetsHash"

#endif
