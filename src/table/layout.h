/* How a table lies on disk: file sizes, partitions, and what will hurt its readers.  Fed file by
 * file; judged at the end. Owner: one thread. */
#ifndef SL_TABLE_LAYOUT_H
#define SL_TABLE_LAYOUT_H

#include "base/arena.h"
#include "base/buf.h"

enum { SL_LAYOUT_BUCKETS = 8 };
/* Upper bounds of the buckets, exclusive; the last is open. */
extern const uint64_t sl_layout_bounds[SL_LAYOUT_BUCKETS - 1];
extern const char *const sl_layout_names[SL_LAYOUT_BUCKETS]; /* "64 KiB .. 1 MiB" */

struct sl_layout_part {
    struct sl_str name; /* "year=2025/month=1" */
    uint64_t hash, files, small_files, bytes;
};
struct sl_layout {
    uint64_t small_bytes; /* files below it are small: set before the first file */
    uint64_t files, bytes, rows, deleted_rows, small_files, small_bytes_sum;
    bool rows_known;
    uint64_t counts[SL_LAYOUT_BUCKETS], sizes[SL_LAYOUT_BUCKETS];
    struct sl_layout_part *parts; /* in order of first sight */
    size_t part_count, part_cap;
    uint32_t *slots; /* number + 1 of a part */
    size_t slot_count;
    struct sl_arena arena;
};

void sl_layout_init(struct sl_layout *layout, uint64_t small_bytes);
void sl_layout_release(struct sl_layout *layout);
/* rows -1: unknown. */
void sl_layout_add(struct sl_layout *layout, struct sl_str partition, int64_t bytes, int64_t rows,
                   int64_t deleted_rows);

enum sl_layout_trouble {
    SL_LAYOUT_SMALL_FILES, /* many files a reader opens for little */
    SL_LAYOUT_PARTITIONS,  /* partitions too many and too small */
    SL_LAYOUT_SKEW,        /* one partition holds most of the table */
    SL_LAYOUT_DELETED,     /* many rows are deleted and still stored */
    SL_LAYOUT_TROUBLES
};
/* Appends what is wrong and what helps, as one sentence each; false: nothing of the kind. `table`:
 * how the command line names it. */
bool sl_layout_judge(const struct sl_layout *layout, enum sl_layout_trouble trouble,
                     struct sl_str table, struct sl_buf *what, struct sl_buf *help);

/* "1.5 MiB" */
void sl_layout_put_bytes(struct sl_buf *out, uint64_t bytes);

#endif
