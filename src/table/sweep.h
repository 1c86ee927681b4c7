/* Files below a table's directory that the table does not need: found first, removed then, so that
 * the format can say in between what it is about to do.  Names that begin with `_` or `.` are not
 * looked at, but for what the format takes for its own. Owner: one thread. */
#ifndef SL_TABLE_SWEEP_H
#define SL_TABLE_SWEEP_H

#include "base/io.h"

/* 64-bit hashes of paths: two that meet keep a file too many, never one too few. */
struct sl_path_set {
    uint64_t *slots; /* 0: free */
    size_t slot_count, used;
};
void sl_path_set_add(struct sl_path_set *set, struct sl_str path);
bool sl_path_set_has(const struct sl_path_set *set, struct sl_str path);
void sl_path_set_release(struct sl_path_set *set);

struct sl_sweep {
    const char *dir;
    int64_t cutoff_ms;              /* what was modified then or later stays */
    const struct sl_path_set *kept; /* relative to dir */
    /* A name with `_` or `.` in front that is looked at all the same; NULL: none is. */
    bool (*is_own)(void *ctx, struct sl_str name);
    void *ctx;
};
struct sl_swept_file {
    const char *path; /* relative */
    uint64_t bytes;
};
struct sl_swept {
    struct sl_swept_file *files;
    size_t file_count, file_cap;
    const char **dirs; /* that are, or will be, empty: deepest first */
    size_t dir_count, dir_cap;
    uint64_t bytes;
};
/* Lists in the arena. */
SL_MUST_CHECK enum sl_code sl_sweep_find(const struct sl_sweep *sweep, struct sl_arena *arena,
                                         struct sl_swept *out, struct sl_err *err);
/* Failpoint "vacuum.unlink" before each file. A directory that is not empty any more stays.
 * Removing what is gone is fine, so that a run can be repeated after a crash. */
SL_MUST_CHECK enum sl_code sl_sweep_remove(const char *dir, const struct sl_swept *swept,
                                           uint64_t *removed_files, uint64_t *removed_dirs,
                                           struct sl_err *err);

#endif
