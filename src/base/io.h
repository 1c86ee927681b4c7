/* All file input and output of the program, so that tests can inject faults (base/fail.h) and a
 * later storage layer finds one place.  Paths are UTF-8 byte strings of the local file system.
 *
 * Durability: `sl_io_put_atomic` is the only way to publish a file that others rely on: hidden
 * temporary in the same directory, write all, fsync, close checked, rename without replacing (or
 * link+unlink where the file system has no RENAME_NOREPLACE), fsync of the directory.  After a
 * failed fsync nothing is retried on the same file: the temporary is unlinked and the error
 * returned. New directories are fsynced up to the first that existed. Source: reference protocol
 * `put_atomic`; Spark's CheckpointFileManager for the naming.
 */
#ifndef SL_BASE_IO_H
#define SL_BASE_IO_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

enum sl_durability {
    SL_DURABLE_POWER,
    SL_DURABLE_PROCESS /* no fsync: tests and benchmarks by choice */
};
/* Process-wide, set once at start by cli; default SL_DURABLE_POWER. */
void sl_io_set_durability(enum sl_durability durability);

enum sl_put_flags {
    SL_PUT_REPLACE =
        1,             /* an existing file is replaced; otherwise SL_CONFLICT and it is untouched */
    SL_PUT_SUMMED = 2, /* with Hadoop's sidecar (base/file_sum.h); else a stale one is removed */
};
/* Failpoints: <point>.pre .written .synced .named .dirsynced (point may be NULL). */
SL_MUST_CHECK enum sl_code sl_io_put_atomic(const char *dir, const char *name, struct sl_str bytes,
                                            unsigned flags, const char *point, struct sl_err *err);

/* The same in pieces, for what need not be in memory at once. publish and abort free it. */
struct sl_put;
SL_MUST_CHECK enum sl_code sl_put_open(const char *dir, const char *name, unsigned flags,
                                       const char *point, struct sl_put **out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_put_write(struct sl_put *put, struct sl_str bytes,
                                        struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_put_publish(struct sl_put *put, struct sl_err *err);
void sl_put_abort(struct sl_put *put); /* never fails; NULL is fine */

/* Removes what a killed sl_io_put_atomic, or Spark's, left in the directory: .<name>.<uuid>.tmp.
 * Only for the directory's single writer; a directory that is missing is fine. */
SL_MUST_CHECK enum sl_code sl_io_remove_temporaries(const char *dir, struct sl_err *err);

/* Whole file into *out (appended). More than bytes_max is SL_DATA. A missing file is SL_IO with
 * sys == ENOENT. */
SL_MUST_CHECK enum sl_code sl_io_read_file(const char *path, size_t bytes_max, struct sl_buf *out,
                                           struct sl_err *err);
/* mkdir -p, with fsync of each parent that gained an entry. */
SL_MUST_CHECK enum sl_code sl_io_make_dirs(const char *path, struct sl_err *err);
/* Names in the directory (no "." and ".."), sorted bytewise, in the arena; SL_IO/ENOENT if missing.
 */
SL_MUST_CHECK enum sl_code sl_io_list_dir(const char *path, struct sl_arena *arena, char ***names,
                                          size_t *count, struct sl_err *err);
/* The numbers, ascending, of the files in a directory that are named by one; others are passed
 * over. None if the directory is missing. */
SL_MUST_CHECK enum sl_code sl_io_list_numbers(const char *path, struct sl_arena *arena,
                                              int64_t **numbers, size_t *count, struct sl_err *err);
struct sl_file_info {
    bool exists, is_dir;
    uint64_t bytes;
    int64_t modified_ms;
};
SL_MUST_CHECK enum sl_code sl_io_stat(const char *path, struct sl_file_info *info,
                                      struct sl_err *err);
/* Removing what is not there is fine. */
SL_MUST_CHECK enum sl_code sl_io_unlink(const char *path, struct sl_err *err);
/* rm -rf; refuses "" and "/". */
SL_MUST_CHECK enum sl_code sl_io_remove_tree(const char *path, struct sl_err *err);
/* rename(2), replacing; no fsync (call sl_io_sync_dir). */
SL_MUST_CHECK enum sl_code sl_io_rename(const char *from, const char *to, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_io_sync_dir(const char *path, struct sl_err *err);
/* Syncs directories below `root` (relative to it, "" is itself) and all between them and it, and
 * it, each once: whoever made one of them may have been killed in front of its parent's sync. */
SL_MUST_CHECK enum sl_code sl_io_sync_dirs(const char *root, const struct sl_str *dirs,
                                           size_t count, struct sl_err *err);

/* Sequential writer with its own buffer; errors stick, so callers may check only at close.
 * Owner: one thread. */
struct sl_file_writer;
SL_MUST_CHECK enum sl_code sl_file_writer_open(const char *path, struct sl_file_writer **out,
                                               struct sl_err *err); /* O_EXCL: must not exist */
SL_MUST_CHECK enum sl_code sl_file_writer_write(struct sl_file_writer *writer, const void *bytes,
                                                size_t len, struct sl_err *err);
uint64_t sl_file_writer_bytes(const struct sl_file_writer *writer); /* written so far */
/* Flush, fsync (unless SL_DURABLE_PROCESS), close; frees the writer whatever happens. */
SL_MUST_CHECK enum sl_code sl_file_writer_close(struct sl_file_writer *writer, struct sl_err *err);
/* Close and unlink; frees; never fails. NULL is fine. */
void sl_file_writer_abort(struct sl_file_writer *writer);

/* Random-access reader. Owner: one thread; pread based. */
struct sl_file_reader;
SL_MUST_CHECK enum sl_code sl_file_reader_open(const char *path, struct sl_file_reader **out,
                                               struct sl_err *err);
uint64_t sl_file_reader_bytes(const struct sl_file_reader *reader);
/* Exactly len bytes at offset, or an error that names file and offset (SL_DATA when past the end).
 */
SL_MUST_CHECK enum sl_code sl_file_reader_read(struct sl_file_reader *reader, uint64_t offset,
                                               void *to, size_t len, struct sl_err *err);
void sl_file_reader_close(struct sl_file_reader *reader);

/* Exclusive open-file-description lock on dir/name (created), held until close or process end. On
 * conflict SL_CONFLICT, and the message names the holder's pid, host and start from the file. */
struct sl_lock;
SL_MUST_CHECK enum sl_code sl_lock_take(const char *dir, const char *name, struct sl_lock **out,
                                        struct sl_err *err);
void sl_lock_free(struct sl_lock *lock);

/* Waits for a directory's lock, which leaves no file behind, also against other threads; for
 * moments only. -1: the file system has none, so nobody holds it. */
int sl_io_dir_lock(const char *path);
void sl_io_dir_unlock(int lock); /* -1 is fine */

/* dir + "/" + name in the arena (one slash). */
char *sl_path_join(struct sl_arena *arena, const char *dir, const char *name);
/* The directory above, borrowed: "a/b" -> "a", "/a" -> "/"; "" when there is none. */
struct sl_str sl_path_parent(struct sl_str path);
/* In place: the distinct directories above the paths, sorted. Returns how many. */
size_t sl_path_parents(struct sl_str *paths, size_t count);

#endif
