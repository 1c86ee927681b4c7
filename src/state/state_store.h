/* What a stateful operator remembers, on disk: `<checkpoint>/.sluice/state/<operator>/`.
 *
 * Version v is the state behind batch v - 1 (as in Spark: batch N reads version N and writes N + 1;
 * version 0 is empty and has no files).  A version is one file of changes, `<v>.changes`, for all
 * shards of all stores of the operator, and now and then `<v>.<shard>.snapshot`, a shard whole: the
 * state of a shard is its newest snapshot at or before v and the changes behind it.  Snapshots are
 * due when a shard's changes since the last one outweigh it (or after some 32 versions), so that a
 * batch costs what it changed and recovery reads little more than the state.
 *
 * Files are written to a temporary name, fsynced and renamed (base/io.h put); a version is there
 * when its `.changes` is there, which is written last.  A version that exists is replaced: the
 * batch runs again.  Every file starts with magic, operator, query id, version, hashes of the
 * offsets that made it and the version before it, and the stores' schemas; every block carries
 * rows, sizes and XXH64; what does not fit is refused by name of file and place.
 *
 * Rows travel as batches of columns (keys and values as FLAT or CONST vectors); Spark's own files
 * are state/spark_state_store.h.
 * Owner: the query; put is called by several workers at once.
 */
#ifndef SL_STATE_STATE_STORE_H
#define SL_STATE_STATE_STORE_H

#include "base/budget.h"
#include "base/log.h"
#include "col/batch.h"

/* What a store keeps: rows of key and value, in Spark's own schema of that state. Aggregation: keys
 * and buffers; a join has four stores. */
struct sl_state_schema {
    struct sl_str name;                /* "default", "left-keyToNumValues" .. */
    const struct sl_type *key, *value; /* STRUCTs; names count */
};

struct sl_state_store;
struct sl_state_spec {
    const char *dir; /* of the operator; made with the first version */
    const char *operator_name;
    uint32_t operator_number;
    const struct sl_state_schema *stores;
    uint32_t store_count;
    uint32_t shards;
    struct sl_str query_id;
    struct sl_budget *budget;
    const struct sl_log *log;
};
/* `spec` is copied, its texts and types are not. The caller has the checkpoint's lock: temporaries
 * of a run that was killed are removed. */
SL_MUST_CHECK enum sl_code sl_state_store_open(struct sl_arena *query,
                                               const struct sl_state_spec *spec,
                                               struct sl_state_store **out, struct sl_err *err);
void sl_state_store_close(struct sl_state_store *store);

/* Ties versions to the history of the checkpoint, before load and begin: hashes of the offsets/N of
 * the batch that made the version to begin with, and of the batch that makes the next one; 0: there
 * is none. What is loaded must be of that history: SL_USER. */
void sl_state_store_tie(struct sl_state_store *store, uint64_t before_hash, uint64_t offsets_hash);

/* Rows of a store of a shard: values NULL: the keys were removed. The batches are the caller's
 * until it returns. */
typedef enum sl_code (*sl_state_row_fn)(void *ctx, uint32_t store, const struct sl_batch *keys,
                                        const struct sl_batch *values, struct sl_err *err);
/* Reads version `version` of one shard in the order in which it was written: snapshot, then
 * changes. Several shards may be read at once by several workers. Errors: the version is missing
 * (SL_USER; names what is there and what to do), another operator or other schemas are in the files
 * (STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE, STATE_STORE_VALUE_SCHEMA_NOT_COMPATIBLE 42K06,
 * STREAMING_STATEFUL_OPERATOR_NOT_MATCH_IN_STATE_METADATA 42K03: with the difference), damage
 * (file, byte). Another number of shards in the files is allowed: shard 0 then gives all rows. */
SL_MUST_CHECK enum sl_code sl_state_store_load(struct sl_state_store *store, int64_t version,
                                               uint32_t shard, sl_state_row_fn fn, void *ctx,
                                               struct sl_err *err);

/* One version in the making. */
SL_MUST_CHECK enum sl_code sl_state_store_begin(struct sl_state_store *store, int64_t version,
                                                struct sl_err *err);
/* @thread worker; one worker per shard at a time. */
SL_MUST_CHECK enum sl_code sl_state_store_put(struct sl_state_store *store, uint32_t shard,
                                              uint32_t number, const struct sl_batch *keys,
                                              const struct sl_batch *values, struct sl_err *err);
/* After a shard's changes: is a snapshot of it due? Then the caller puts all its rows between
 * these two. */
bool sl_state_store_wants_snapshot(const struct sl_state_store *store, uint32_t shard);
SL_MUST_CHECK enum sl_code sl_state_store_snapshot_begin(struct sl_state_store *store,
                                                         uint32_t shard, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_state_store_snapshot_end(struct sl_state_store *store, uint32_t shard,
                                                       struct sl_err *err);
/* Makes the version durable. Failpoints "state.snapshot", "state.changes". */
SL_MUST_CHECK enum sl_code sl_state_store_commit(struct sl_state_store *store, struct sl_err *err);
void sl_state_store_abort(struct sl_state_store *store);
/* Versions below `keep` are needed no more: removes what no version from `keep` on is made of. */
SL_MUST_CHECK enum sl_code sl_state_store_purge(struct sl_state_store *store, int64_t keep,
                                                struct sl_err *err);

/* Numbers of the operators that have a directory below `<checkpoint>/.sluice/state`, ascending. */
SL_MUST_CHECK enum sl_code sl_state_operators(const char *state_dir, struct sl_arena *arena,
                                              uint32_t **numbers, uint32_t *count,
                                              struct sl_err *err);

#endif
