/* Small files that a checkpoint keeps for itself: <checkpoint>/.sluice/<folder>/<number>,
 *
 *   v1 <XXH64 of the rest, 16 hex digits>
 *   lines, each with its line break
 *
 * Owner: one thread. */
#ifndef SL_RUN_NUMBERED_FILE_H
#define SL_RUN_NUMBERED_FILE_H

#include "base/arena.h"
#include "base/err.h"
#include "base/io.h"

const char *sl_numbered_dir(struct sl_arena *arena, struct sl_str checkpoint_dir,
                            const char *folder);
const char *sl_numbered_path(struct sl_arena *arena, struct sl_str checkpoint_dir,
                             const char *folder, int64_t number);
/* put_atomic with `put_flags`; the failpoint has the folder's name. Makes the folder. */
SL_MUST_CHECK enum sl_code sl_numbered_write(struct sl_str checkpoint_dir, const char *folder,
                                             int64_t number, struct sl_str lines,
                                             unsigned put_flags, struct sl_err *err);
/* The lines, in the arena. *found false: there is no such file. SL_DATA: damaged; `says` is what
 * the reader misses then ("it says which ..."). */
SL_MUST_CHECK enum sl_code sl_numbered_read(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                            const char *folder, int64_t number, const char *says,
                                            struct sl_str *lines, bool *found, struct sl_err *err);
/* What follows from a damaged file whose lines cannot be told. */
enum sl_code sl_numbered_damaged(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                 const char *folder, int64_t number, const char *says,
                                 struct sl_err *err);
/* The first line, without its break, taken off `lines`; false: the end, or a line without one. */
bool sl_numbered_next(struct sl_str *lines, struct sl_str *line);
/* Numbers of the files, ascending, in the arena. None if there is no folder. */
SL_MUST_CHECK enum sl_code sl_numbered_list(struct sl_arena *arena, struct sl_str checkpoint_dir,
                                            const char *folder, int64_t **numbers, size_t *count,
                                            struct sl_err *err);

#endif
