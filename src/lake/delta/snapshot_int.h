/* What the snapshot is made of: streams of actions, and the set of files that newer actions named.
 */
#ifndef SL_LAKE_DELTA_SNAPSHOT_INT_H
#define SL_LAKE_DELTA_SNAPSHOT_INT_H

#include "col/vec.h"
#include "lake/delta/log_int.h"
#include "lake/delta/snapshot.h"

enum sl_delta_wanted {
    SL_DELTA_WANT_STATE = 1, /* protocol, metaData, txn, domainMetadata */
    SL_DELTA_WANT_ADDS = 2,
    SL_DELTA_WANT_REMOVES = 4,
    SL_DELTA_WANT_SIDECARS = 8,
};
/* Borrowed until it returns; a metaData action of a Parquet checkpoint has schema == NULL, of which
 * only the text is read. */
typedef enum sl_code (*sl_delta_action_fn)(void *ctx, const struct sl_delta_action *action,
                                           struct sl_err *err);

/* The wanted actions of one NDJSON file: a commit, or a V2 checkpoint. Lines of actions that are
 * not wanted are passed over unparsed, but for one that is cut off. */
SL_MUST_CHECK enum sl_code sl_delta_replay_json(const char *path, unsigned wanted,
                                                sl_delta_action_fn each, void *ctx,
                                                struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_delta_replay_parquet(const char *path, unsigned wanted,
                                                   struct sl_budget *budget,
                                                   sl_delta_action_fn each, void *ctx,
                                                   struct sl_err *err);
/* Row of add.stats_parsed as the JSON text of add.stats, for checkpoints that have only the former.
 */
void sl_delta_stats_from_row(struct sl_buf *out, const struct sl_vec *parsed, uint32_t row);
/* All files of the segment's checkpoint, sidecars too when files are wanted. */
SL_MUST_CHECK enum sl_code sl_delta_replay_checkpoint(const char *table_dir,
                                                      const struct sl_delta_segment *segment,
                                                      unsigned wanted, struct sl_budget *budget,
                                                      sl_delta_action_fn each, void *ctx,
                                                      struct sl_err *err);

/* Newest txn per application; texts are copied to the arena. */
struct sl_delta_txn_table {
    struct sl_delta_txn *items;
    uint32_t count, cap;
    uint32_t *slots; /* position + 1 in items, 0: free; a power of two, at most half full */
    uint32_t slot_count;
};
void sl_delta_txn_table_put(struct sl_delta_txn_table *table, struct sl_arena *arena,
                            const struct sl_delta_txn *txn);
/* NULL when there is none. */
const struct sl_delta_txn *sl_delta_txn_table_find(const struct sl_delta_txn_table *table,
                                                   struct sl_str app_id);
void sl_delta_txn_table_release(struct sl_delta_txn_table *table);

/* Which files were seen. A file takes 16 bytes of a seeded 127-bit hash of its key, at most half of
 * the places are used: a million files take 32 to 64 MB whatever their paths are. Two files would
 * have to agree in all of them to be taken for one. */
struct sl_delta_seen {
    struct sl_delta_print {
        uint64_t low, high; /* low == 0: free */
    } * slots;
    size_t slot_count, used;
    uint64_t seed;
    struct sl_budget *budget;
    struct sl_buf key;
};
void sl_delta_seen_init(struct sl_delta_seen *seen, struct sl_budget *budget);
void sl_delta_seen_release(struct sl_delta_seen *seen);
/* *is_new: it was not there yet. With insert it is there from now on. */
SL_MUST_CHECK enum sl_code sl_delta_seen_check(struct sl_delta_seen *seen,
                                               const struct sl_delta_file *file, bool insert,
                                               bool *is_new, struct sl_err *err);

#endif
