/* A transaction: actions that become the next version, or an error that says which other writer
 * came first and why that matters (PROTOCOL.md "Transaction"; Spark ConflictChecker.scala at
 * isolation level Serializable; file rearrangements at SnapshotIsolation).
 *
 * Order: the caller has staged data files under their final, random names and made them durable;
 * commit publishes one JSON file by put-if-absent; on loss the winners are read and checked, and
 * the same actions go to the next version. Owner: one thread. */
#ifndef SL_LAKE_DELTA_COMMIT_H
#define SL_LAKE_DELTA_COMMIT_H

#include "lake/delta/snapshot.h"

enum sl_delta_scope {                       /* what the transaction has read */
                      SL_DELTA_BLIND,       /* nothing: appends */
                      SL_DELTA_FILES,       /* the files it removes: compaction */
                      SL_DELTA_WHOLE_TABLE, /* overwrite, complete mode */
};
struct sl_delta_commit {
    struct sl_delta_commit_info info; /* operation, parameters, metrics; engine and isolation when
                                         absent, the rest always, are filled in */
    enum sl_delta_scope scope;
    const struct sl_delta_protocol *protocol; /* NULL: unchanged */
    const struct sl_delta_metadata *metadata; /* NULL: unchanged */
    const struct sl_delta_txn *txn;           /* NULL: none */
    const struct sl_delta_file *adds, *removes;
    size_t add_count, remove_count;
};
enum { SL_DELTA_COMMIT_TRIES = 1000 };

/* Decides whether a rival's commit stops ours: SL_OK, or SL_CONFLICT with the condition of Spark
 * (DELTA_CONCURRENT_APPEND, DELTA_CONCURRENT_DELETE_READ, DELTA_CONCURRENT_DELETE_DELETE,
 * DELTA_CONCURRENT_TRANSACTION, DELTA_METADATA_CHANGED, DELTA_PROTOCOL_CHANGED). Pure.
 * Files are compared by path alone, in any quoting: a rival's deletion vector counts as a change of
 * its file.  A new protocol stops only a commit that brings one too: who retries has to check that
 * he may still write. */
SL_MUST_CHECK enum sl_code sl_delta_conflict(const struct sl_delta_commit *ours,
                                             const struct sl_delta_action *theirs, size_t count,
                                             int64_t version, struct sl_err *err);

/* Commits on top of the snapshot, which is brought to the version that was made, or to a later one
 * when others were as fast.
 * *already: the batch of the txn was committed before, so nothing was written. The snapshot holds
 * it or a later one (ours, in an attempt whose answer was lost, or another engine's with the same
 * query id), or a rival's commit that was met on the way holds it. A rival with our app id and
 * another batch is SL_CONFLICT: two processes run this query.
 * A blind append goes on over a rival's new metadata when schema, partitioning and constraints are
 * as they were. SL_UNSUPPORTED: we may not write this table. SL_USER: it is append-only.
 * Failpoint "delta.conflict": before a lost version is tried again. */
SL_MUST_CHECK enum sl_code sl_delta_commit(struct sl_delta_snapshot *snapshot,
                                           const struct sl_delta_commit *commit, int64_t *version,
                                           bool *already, struct sl_err *err);
/* Version 0 of a new table. SL_CONFLICT: somebody made it meanwhile. */
SL_MUST_CHECK enum sl_code
sl_delta_create(const char *table_dir, const struct sl_delta_commit *commit, struct sl_err *err);

#endif
