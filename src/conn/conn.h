/* Connectors: the two vtables through which run/ drives every source and sink.  Connector folders
 * do not see each other; a new connector is a new folder plus a row in conn/connectors.def.
 *
 * Offsets are opaque JSON texts to the engine, exactly the text Spark's source of that kind writes
 * into offsets/N.
 */
#ifndef SL_CONN_CONN_H
#define SL_CONN_CONN_H

#include "base/budget.h"
#include "base/buf.h"
#include "base/log.h"
#include "col/batch.h"
#include "expr/aggregate.h"
#include "kern/session.h"

/* One option as given, names compared ignoring case; borrowed texts with the place in the SQL. */
struct sl_option {
    struct sl_str name, value;
    struct sl_span span;
};
struct sl_options {
    const struct sl_option *items;
    uint32_t count;
};
/* Value of an option or NULL. */
const struct sl_option *sl_options_find(const struct sl_options *options, struct sl_str name);

/* What every connector gets at open; outlives it. */
struct sl_conn_env {
    struct sl_arena *query;
    const struct sl_log *log;
    struct sl_budget *budget;
    const struct sl_session *session;
    struct sl_str query_id;       /* of the checkpoint's metadata file; "" for batch queries */
    struct sl_str checkpoint_dir; /* "" for batch queries */
    /* A file with the batch's number is there before anything of the batch can be in a sink, and
     * until its end is known; "" for batch queries. */
    struct sl_str planned_dir;
    const char *(*client_setting)(
        void *ctx, struct sl_str name); /* spark.*, sluice.* settings; NULL if unset */
    void *client_ctx;
    bool (*stopping)(void *ctx); /* asked to end: long waits return SL_CANCELED */
    void *stop_ctx;
};

/* ---- sources ---- */

struct sl_source;
struct sl_reader;
struct sl_expr; /* expr/expr.h */

/* Limits and moments that plan the next batch. */
struct sl_batch_limits {
    bool ignore_limits; /* Trigger.Once */
    bool available_now; /* end offsets pinned at the first call of the run */
    int64_t now_ms,
        last_trigger_ms; /* for minOffsetsPerTrigger / maxTriggerDelay; last 0 = never */
};

/* A part of a batch that one task reads. */
struct sl_split {
    uint32_t index;
    struct sl_str description; /* "orders-3 [100, 2100)" */
    int64_t rows_estimate;
    const void *detail; /* the source's own, in the epoch arena */
};

struct sl_source_ops {
    const char *name; /* "kafka" */
    /* Schema of the rows (STRUCT). */
    const struct sl_type *(*schema)(const struct sl_source *source);
    /* "KafkaV2[Subscribe[orders]]", for progress. */
    struct sl_str (*description)(const struct sl_source *source);
    /* Start of a query that has no checkpoint; offset JSON appended to out. NULL: a source without
     * one, as Spark's first sources are: its first batch begins at "". */
    enum sl_code (*initial_offset)(struct sl_source *source, struct sl_buf *out,
                                   struct sl_err *err);
    /* End offset of the next batch, given where it starts. out equal to start (by meaning) =
     * nothing new; *has_new tells. "" only while there is nothing to begin with. */
    enum sl_code (*latest_offset)(struct sl_source *source, struct sl_str start,
                                  const struct sl_batch_limits *limits, struct sl_buf *out,
                                  bool *has_new, struct sl_err *err);
    /* Splits of [start, end) for about `tasks` tasks. Also after a restart, with the stored
     * offsets. Missing data is an error or a logged, counted gap by failOnDataLoss. */
    enum sl_code (*plan)(struct sl_source *source, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err);
    /* Conditions that every row the query keeps fulfils (still checked above): what a source may
     * use to read less. COLUMN i in them is the source's column columns[i]. Once, before plan;
     * everything in the query arena. NULL: unused. */
    void (*restrict_to)(struct sl_source *source, struct sl_expr *const *conditions, uint32_t count,
                        const uint32_t *columns);
    /* @thread worker. wanted[i]: schema column i is read (others may be left empty); borrowed until
     * reader_close. */
    enum sl_code (*reader_open)(struct sl_source *source, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err);
    /* @thread worker. Fills batch (cleared) with up to rows_max rows; rows == 0: the split is read.
     * Memory of the batch is valid until the next call on this reader. */
    enum sl_code (*reader_next)(struct sl_reader *reader, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err);
    void (*reader_close)(struct sl_reader *reader);
    /* The batch that ended at `end` is committed: hint only (lag tools). NULL if unused. */
    void (*committed)(struct sl_source *source, struct sl_str end);
    /* Metrics for the progress JSON: pairs appended as JSON object members without braces; may be
     * NULL. */
    void (*metrics)(struct sl_source *source, struct sl_str end, struct sl_buf *out);
    /* Newest offset the source has seen, for the progress JSON; NULL: the batch's end. */
    void (*latest)(const struct sl_source *source, struct sl_buf *out);
    /* Waits until records beyond `start` may be there, or timeout_ms. NULL: the engine sleeps 10
     * ms. */
    void (*wait)(struct sl_source *source, struct sl_str start, int64_t timeout_ms);
    void (*close)(struct sl_source *source);
    /* What is read follows from options and offsets alone, so that several queries with equal
     * options may read through one source. */
    bool shareable;
    /* @thread worker. Fills the columns of `more` that reader_next left empty in `batch`, which it
     * filled last; valid as long as those. For what few rows need: records that failed are kept
     * whole. NULL: such columns are asked for in `wanted`. */
    enum sl_code (*reader_more)(struct sl_reader *reader, const bool *more, struct sl_batch *batch,
                                struct sl_err *err);
    /* The earlier, or the later, of two offsets, position by position. A position that one of them
     * lacks is left out of the earlier and taken over into the later. It brings queries together
     * that share their reads. NULL: offsets are equal or not, no more. */
    enum sl_code (*combine)(struct sl_source *source, struct sl_str a, struct sl_str b, bool later,
                            struct sl_buf *out, struct sl_err *err);
    /* A streaming source that keeps a log of its own: its directory in the checkpoint
     * (sources/<i>), before the first question about offsets. NULL: needs none. */
    enum sl_code (*attach)(struct sl_source *source, const char *log_dir, struct sl_err *err);
    /* The column (STRING) that holds a record as it was read; -1: none does. NULL: none. */
    int (*record_column)(const struct sl_source *source);
};
struct sl_source {
    const struct sl_source_ops *ops; /* first member of every source's struct */
};
struct sl_reader {
    const struct sl_source_ops *ops; /* first member of every reader's struct */
};

/* ---- sinks ---- */

struct sl_sink;
struct sl_sink_writer;

struct sl_sink_config {
    const struct sl_type *schema;      /* of the rows, partition columns included */
    struct sl_str path;                /* LOCATION; "" if none */
    const uint32_t *partition_columns; /* indexes into schema */
    uint32_t partition_count;
    struct sl_options options; /* OPTIONS and TBLPROPERTIES */
    struct sl_str name;        /* of the table or sink */
    const bool *not_null;      /* per column: declared NOT NULL, and kept so; NULL: none is */
    enum sl_output_mode mode;  /* COMPLETE: the rows of a batch replace all that are there */
};

struct sl_sink_metrics {
    uint64_t rows, bytes, files, partitions;
};

/* What a table demands of every row: SQL text over its columns that has to be true. */
struct sl_sink_constraint {
    struct sl_str name, text;
};

struct sl_sink_ops {
    const char *name;
    /* V1 sinks report numOutputRows -1 as Spark's file sink does. */
    bool reports_rows;
    struct sl_str (*description)(const struct sl_sink *sink);
    /* Finishes or rolls back what a crash left (redo of a published intent); before the first
     * batch. planned_hash: XXH64 of the bytes of offsets/<last_planned>; what was made from others
     * is not published. */
    enum sl_code (*recover)(struct sl_sink *sink, int64_t last_planned, uint64_t planned_hash,
                            int64_t last_committed, struct sl_err *err);
    /* Is batch `batch_id` in the sink already? offsets_hash: XXH64 of the bytes of offsets/N; a
     * marker with another hash is an error (checkpoint restored from a backup). */
    enum sl_code (*is_committed)(struct sl_sink *sink, int64_t batch_id, uint64_t offsets_hash,
                                 bool *committed, struct sl_err *err);
    enum sl_code (*begin)(struct sl_sink *sink, int64_t batch_id, uint64_t offsets_hash,
                          uint32_t tasks, struct sl_err *err);
    /* @thread worker: one writer per task, numbered. */
    enum sl_code (*writer_open)(struct sl_sink *sink, uint32_t task, struct sl_sink_writer **out,
                                struct sl_err *err);
    /* @thread worker. Rows of the selection only; columns in schema order. */
    enum sl_code (*write)(struct sl_sink_writer *writer, const struct sl_batch *batch,
                          struct sl_err *err);
    /* @thread worker. Everything of this task is durable but not visible. Frees the writer. */
    enum sl_code (*writer_close)(struct sl_sink_writer *writer, struct sl_err *err);
    /* @thread worker. Frees the writer and what it wrote. */
    void (*writer_abort)(struct sl_sink_writer *writer);
    /* All tasks have closed: the batch becomes visible, atomically by the sink's own commit point.
     */
    enum sl_code (*commit)(struct sl_sink *sink, struct sl_sink_metrics *metrics,
                           struct sl_err *err);
    /* The batch failed: staged data goes away. */
    void (*abort)(struct sl_sink *sink);
    /* commits/N is durable: leftovers of the protocol (intents) may go. May be NULL. */
    enum sl_code (*finish)(struct sl_sink *sink, int64_t batch_id, struct sl_err *err);
    void (*close)(struct sl_sink *sink);
    /* After recover: the table is there, empty if it was not: another query of this process reads
     * it and asks for its schema. NULL: a reader finds it without. */
    enum sl_code (*create)(struct sl_sink *sink, struct sl_err *err);
    /* What the table itself demands (NOT NULL, CHECK, invariants), after open; in the arena. A row
     * that breaks one is a dead letter, or fails the batch. NULL: nothing. */
    enum sl_code (*constraints)(struct sl_sink *sink, struct sl_arena *arena,
                                struct sl_sink_constraint **out, uint32_t *count,
                                struct sl_err *err);
};
struct sl_sink {
    const struct sl_sink_ops *ops;
};
struct sl_sink_writer {
    const struct sl_sink_ops *ops;
};

struct sl_table_ops;

/* A connector: how the tables above are opened. For USING x, read_x(..), x.`path`. */
struct sl_connector {
    const char *name;
    /* batch: a query over a bounded snapshot (no STREAM). NULL if it cannot be read. */
    enum sl_code (*open_source)(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, bool streaming, struct sl_source **out,
                                struct sl_err *err);
    enum sl_code (*open_sink)(const struct sl_conn_env *env, const struct sl_sink_config *config,
                              struct sl_sink **out, struct sl_err *err);
    /* Schema without opening the network, for validate and explain; NULL: open_source is needed. */
    enum sl_code (*schema)(const struct sl_conn_env *env, const struct sl_options *options,
                           struct sl_str path, const struct sl_type **out, struct sl_err *err);
    /* Is there a table at this path, so that its schema can be asked for? NULL: it need not be
     * asked. */
    enum sl_code (*exists)(struct sl_str path, bool *exists, struct sl_err *err);
    /* Checks option names and values without I/O; suggestions in the hint. */
    enum sl_code (*check)(const struct sl_conn_env *env, const struct sl_options *options,
                          bool streaming, bool sink, struct sl_err *err);
    /* Looking after tables of this format (conn/table_ops.h); NULL: it has none. */
    const struct sl_table_ops *table;
    /* Bits 1 << sl_output_mode of what the sink takes besides APPEND. */
    unsigned output_modes;
};
enum { SL_OUTPUT_UPDATE = 1 << SL_MODE_UPDATE, SL_OUTPUT_COMPLETE = 1 << SL_MODE_COMPLETE };
/* By name, ignoring case, from connectors.def; NULL if unknown. */
const struct sl_connector *sl_connector_find(struct sl_str name);
struct sl_str sl_connector_nearest(struct sl_str name);

#endif
