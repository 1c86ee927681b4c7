/* One store of an operator in Spark's HDFS-backed files: `<operator>/<partition>[/<store>]`.
 *
 * Version v is the state behind batch v - 1.  Each partition has `<v>.delta` for every version,
 * empty ones too, and now and then `<v>.snapshot`; its state is the newest snapshot at or before v
 * and the deltas behind it.  A row belongs to partition pmod(murmur3(key), partitions).
 *
 * Snapshots are written only of versions that are committed: when Spark runs the next batch again
 * it replaces a delta, but would believe a snapshot of ours.
 * Threads: load of several partitions, put and publish of several partitions at once; the rest by
 * one. */
#ifndef SL_STATE_SPARK_STATE_STORE_H
#define SL_STATE_SPARK_STATE_STORE_H

#include "state/state_store.h"

struct sl_spark_store;
struct sl_spark_store_spec {
    const char *operator_dir;
    const struct sl_state_schema *schema; /* as Spark writes it; names do not matter here */
    uint32_t hashed_columns;              /* the first ones of the key: partitions go by them */
    uint32_t partitions;
    struct sl_budget *budget;
};
/* `spec` is copied, its texts and types are not. Partitions are not made. */
SL_MUST_CHECK enum sl_code sl_spark_store_open(struct sl_arena *query,
                                               const struct sl_spark_store_spec *spec,
                                               struct sl_spark_store **out, struct sl_err *err);
void sl_spark_store_close(struct sl_spark_store *store); /* NULL is fine */

/* Hands out the rows of version `version` of a partition; a row that belongs to another partition
 * is an error, as is a missing file (SL_USER, with what there is). */
SL_MUST_CHECK enum sl_code sl_spark_store_load(struct sl_spark_store *store, int64_t version,
                                               uint32_t partition, sl_state_row_fn fn, void *ctx,
                                               struct sl_err *err);

/* A version, or with `snapshot` a snapshot of the version that was published last, in the making:
 * begin, put from any thread, publish of each partition; abort at any time. */
SL_MUST_CHECK enum sl_code sl_spark_store_begin(struct sl_spark_store *store, int64_t version,
                                                bool snapshot, struct sl_err *err);
/* Columns FLAT or CONST; values NULL: the keys are removed. */
SL_MUST_CHECK enum sl_code sl_spark_store_put(struct sl_spark_store *store,
                                              const struct sl_batch *keys,
                                              const struct sl_batch *values, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_spark_store_publish(struct sl_spark_store *store, uint32_t partition,
                                                  struct sl_err *err);
void sl_spark_store_abort(struct sl_spark_store *store);
/* After a commit: do the deltas outweigh the last snapshot, or are they many? */
bool sl_spark_store_wants_snapshot(const struct sl_spark_store *store);
/* Removes what no version from `keep` on is made of. */
SL_MUST_CHECK enum sl_code sl_spark_store_purge(struct sl_spark_store *store, int64_t keep,
                                                struct sl_err *err);

#endif
