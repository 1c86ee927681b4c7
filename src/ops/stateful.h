/* Operators that remember rows: aggregation, deduplication, joins, sorting.
 *
 * One `struct sl_stateful` per plan node and query holds what is remembered, in `shards` parts by
 * the hash of the key, each under a mutex of its own.  Every task has an operator of its own in its
 * chain (`attach`), which works on the shared parts: rows are not handed to another thread.  In a
 * batch
 *
 *     begin -> process (all tasks, rows of all inputs) -> finish (shards, in parallel) -> save
 *
 * process gives what can be said at once (first rows of a key, matches of a join), finish what only
 * the end of the batch tells (groups that the watermark passed), and evicts.  `changed` since begin
 * is what save writes: one version of the state per batch.  When a batch fails, the state is
 * `clear`ed and loaded again: memory never holds half a batch.
 *
 * In a batch query (SL_MODE_BATCH) nothing is loaded or saved.
 *
 * Rules of watermarks: Spark 4.1 statefulOperators.scala, StreamingSymmetricHashJoinExec.scala.
 * Threads: attach, begin, clear, free by the query's; process, finish, save, load by any worker.
 */
#ifndef SL_OPS_STATEFUL_H
#define SL_OPS_STATEFUL_H

#include <stdatomic.h>

#include "expr/aggregate.h"
#include "ops/op.h"
#include "state/state_store.h"

enum { SL_STATE_SHARDS = 16 };

/* The first late row that an operator met in a batch, for people; several tasks look for one. */
struct sl_late_sample {
    atomic_bool taken;
    char row[160]; /* "topic orders partition 3 offset 12345" */
    int64_t time_us;
};

/* What the batch says to an operator. */
struct sl_batch_marks {
    int64_t late_ms, evict_ms; /* watermarks in milliseconds: rows at or below are late, keys may
                                  go; INT64_MIN: none yet */
    bool keeps_late; /* sluice.lateRows = quarantine: a late row is a fault (SL_FAULT_LATE) of its
                        record where the batch has faults */
    const struct sl_session *session;
    struct sl_late_sample *late; /* NULL: nobody asks */
};

/* Of a batch; sums over shards. Names of Spark's StateOperatorProgress. */
struct sl_state_metrics {
    uint64_t rows_total, rows_updated, rows_removed, rows_late;
    uint64_t memory_bytes;
    int64_t update_ns, removal_ns, commit_ns;
};

/* What a shard has in memory, and the part of the batch's sums that goes when it is forgotten. */
struct sl_shard_size {
    uint64_t rows_total, rows_updated, rows_removed;
    size_t bytes;
};

static inline void sl_state_metrics_add(struct sl_state_metrics *sum,
                                        const struct sl_shard_size *shard) {
    sum->rows_total += shard->rows_total;
    sum->rows_updated += shard->rows_updated;
    sum->rows_removed += shard->rows_removed;
    sum->memory_bytes += shard->bytes;
}

/* A batch of the operator's output; the rows of the selection. */
typedef enum sl_code (*sl_emit_fn)(void *ctx, struct sl_batch *batch, struct sl_err *err);
/* Rows of a store that changed: `values` NULL: the keys were removed. Whole columns, no selection.
 */
typedef enum sl_code (*sl_state_put_fn)(void *ctx, uint32_t store, const struct sl_batch *keys,
                                        const struct sl_batch *values, struct sl_err *err);

struct sl_stateful; /* what all tasks of a query share; defined below */
struct sl_spill;

struct sl_stateful_ops {
    const char
        *name; /* Spark's: "stateStoreSave", "dedupe", "dedupeWithinWatermark",
                  "symmetricHashJoin", "globalLimit"; "" for what is not kept between batches */
    /* The operator of one task in the chain of input `input`. Freed before the stateful. */
    enum sl_code (*attach)(struct sl_stateful *stateful, uint32_t input, bool profile,
                           struct sl_op **out, struct sl_err *err);
    void (*begin)(struct sl_stateful *stateful, const struct sl_batch_marks *marks);
    /* All rows of the batch are in. Once per shard. */
    enum sl_code (*finish)(struct sl_stateful *stateful, uint32_t shard, sl_emit_fn emit, void *ctx,
                           struct sl_err *err);
    /* Hands out what changed since begin, or with `whole` everything. Once per shard. NULL if name
     * is "". */
    enum sl_code (*save)(struct sl_stateful *stateful, uint32_t shard, bool whole,
                         sl_state_put_fn put, void *ctx, struct sl_err *err);
    /* Takes rows in that save handed out, in any cut; any thread. values NULL: removed. */
    enum sl_code (*load)(struct sl_stateful *stateful, uint32_t store, const struct sl_batch *keys,
                         const struct sl_batch *values, struct sl_err *err);
    /* Forgets everything. */
    void (*clear)(struct sl_stateful *stateful);
    void (*metrics)(const struct sl_stateful *stateful, struct sl_state_metrics *out);
    void (*free)(struct sl_stateful *stateful);
    /* For an operator whose shards can leave memory for a while (ops/spill.h), else NULL. size:
     * any thread, also while rows are processed. forget: what was saved; its memory and its part
     * of metrics are gone; load brings it back. */
    void (*size)(struct sl_stateful *stateful, uint32_t shard, struct sl_shard_size *out);
    void (*forget)(struct sl_stateful *stateful, uint32_t shard);
};

/* First member of every stateful operator's struct. */
struct sl_stateful {
    const struct sl_stateful_ops *ops;
    struct sl_state_schema *stores; /* in the query arena */
    uint32_t store_count;
    struct sl_budget *budget;
    uint32_t finish_shards; /* how often finish is called: SL_STATE_SHARDS, or 1 */
    struct sl_spill *spill; /* the run's; NULL: shards stay in memory */
};

/* What a constructor gets besides its description, which must outlive it. */
struct sl_stateful_env {
    struct sl_arena *query;
    struct sl_budget *budget;
    const struct sl_session *session;
    enum sl_output_mode mode;
    uint32_t batch_rows; /* how many rows an emitted batch has at most */
};

SL_MUST_CHECK enum sl_code sl_aggregate_new(const struct sl_stateful_env *env,
                                            const struct sl_aggregation *what,
                                            const struct sl_type *input,
                                            const struct sl_type *output, struct sl_stateful **out,
                                            struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_session_new(const struct sl_stateful_env *env,
                                          const struct sl_aggregation *what,
                                          const struct sl_type *input, const struct sl_type *output,
                                          struct sl_stateful **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_deduplicate_new(const struct sl_stateful_env *env,
                                              const struct sl_deduplication *what,
                                              const struct sl_type *input, struct sl_stateful **out,
                                              struct sl_err *err);
/* inputs[2]: the sides' schemas. A side that is not streaming is complete before rows of the other
 * come. */
SL_MUST_CHECK enum sl_code sl_join_new(const struct sl_stateful_env *env,
                                       const struct sl_join *what,
                                       const struct sl_type *const *inputs,
                                       const struct sl_type *output, struct sl_stateful **out,
                                       struct sl_err *err);
/* LIMIT of a stream: the first `count` rows of all batches. */
struct sl_stateful *sl_stream_limit_new(const struct sl_stateful_env *env, int64_t count);
/* The input that has to be complete before rows of the other come; -1: none, both are streams. Of
 * two tables it is the right one. */
int sl_join_first_input(const struct sl_join *what);
SL_MUST_CHECK enum sl_code sl_sort_new(const struct sl_stateful_env *env,
                                       const struct sl_sorting *what, const struct sl_type *input,
                                       struct sl_stateful **out, struct sl_err *err);

#endif
