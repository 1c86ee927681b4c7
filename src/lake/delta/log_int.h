/* What log.c shares with the snapshot: segments that leave out a broken checkpoint, and commits
 * line by line. */
#ifndef SL_LAKE_DELTA_LOG_INT_H
#define SL_LAKE_DELTA_LOG_INT_H

#include "lake/delta/log.h"

enum { SL_DELTA_LINE_MAX = 64 << 20, SL_DELTA_LOG_FILE_MAX = 1 << 30 };

/* sl_delta_log_segment, with no checkpoint later than `checkpoint_max`. */
SL_MUST_CHECK enum sl_code sl_delta_log_segment_below(struct sl_arena *arena, const char *table_dir,
                                                      int64_t wanted, int64_t checkpoint_max,
                                                      struct sl_delta_segment *out, bool *found,
                                                      struct sl_err *err);
/* "<table>/_delta_log", "<table>/_delta_log/<20 digits>.json" */
char *sl_delta_log_dir(struct sl_arena *arena, const char *table_dir);
char *sl_delta_commit_path(struct sl_arena *arena, const char *table_dir, int64_t version);

/* The unbroken run of commits that ends with the newest, from the first that can be read; first -1:
 * none. */
SL_MUST_CHECK enum sl_code sl_delta_log_commits(struct sl_arena *arena, const char *table_dir,
                                                int64_t *first, int64_t *last, struct sl_err *err);
enum sl_code sl_delta_empty_commit(const char *path, struct sl_err *err);

/* Lines of a log file, in memory one at a time. An empty file is SL_DATA. Owner: one thread. */
struct sl_delta_lines {
    struct sl_file_reader *file;
    const char *path; /* borrowed */
    uint64_t offset, bytes;
    struct sl_buf buffer;
    size_t begin; /* of the next line in the buffer */
    uint64_t number;
    bool is_last_cut; /* the line given last had no newline behind it */
};
SL_MUST_CHECK enum sl_code sl_delta_lines_open(struct sl_delta_lines *lines, const char *path,
                                               struct sl_err *err);
/* *found = false: end. The line is valid until the next call. */
SL_MUST_CHECK enum sl_code sl_delta_lines_next(struct sl_delta_lines *lines, struct sl_str *line,
                                               bool *found, struct sl_err *err);
void sl_delta_lines_close(struct sl_delta_lines *lines); /* safe on a zeroed struct */

#endif
