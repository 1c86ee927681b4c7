/* Which files of state a directory holds: `<version>.changes`, `<version>.<shard>.snapshot`. */
#ifndef SL_STATE_STATE_DIR_H
#define SL_STATE_STATE_DIR_H

#include "base/arena.h"
#include "base/err.h"

struct sl_state_dir {
    int64_t *changes; /* versions, ascending */
    size_t change_count, change_cap;
    int64_t **snapshots; /* per shard: versions, ascending */
    size_t *snapshot_counts, *snapshot_caps;
    uint32_t shards; /* files of shards beyond are not looked at */
};

/* A missing directory has none. */
SL_MUST_CHECK enum sl_code sl_state_dir_read(struct sl_state_dir *dir, const char *path,
                                             uint32_t shards, struct sl_err *err);
void sl_state_dir_release(struct sl_state_dir *dir);
void sl_state_dir_add_changes(struct sl_state_dir *dir, int64_t version);
void sl_state_dir_add_snapshot(struct sl_state_dir *dir, uint32_t shard, int64_t version);
/* Newest snapshot of a shard at or before `version`; 0 when there is none: the empty state. */
int64_t sl_state_dir_snapshot(const struct sl_state_dir *dir, uint32_t shard, int64_t version);
bool sl_state_dir_has_changes(const struct sl_state_dir *dir, int64_t version);
/* Removes files and forgets them: all of `from` and later; and what no version >= keep is made of.
 */
SL_MUST_CHECK enum sl_code sl_state_dir_drop_from(struct sl_state_dir *dir, const char *path,
                                                  int64_t from, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_state_dir_drop_before(struct sl_state_dir *dir, const char *path,
                                                    int64_t keep, struct sl_err *err);

/* "12.changes", "12.3.snapshot" */
struct sl_str sl_state_changes_name(struct sl_arena *arena, int64_t version);
struct sl_str sl_state_snapshot_name(struct sl_arena *arena, int64_t version, uint32_t shard);

#endif
