/* Reads the Parquet files of a table as batches of the table's schema: columns found by name (or by
 * what the format maps the name to), missing ones null, narrower ones widened, partition columns
 * constant.  Row groups and files that no wanted row can be in are not read.
 *
 * A scan belongs to one query; readers to one worker each. The list of files is the caller's and
 * outlives the scan. */
#ifndef SL_TABLE_SCAN_H
#define SL_TABLE_SCAN_H

#include "base/budget.h"
#include "col/batch.h"
#include "kern/session.h"
#include "table/prune.h"

struct sl_scan_file {
    const char *path;                /* openable */
    uint64_t bytes;                  /* -1 as uint64_t: unknown */
    const struct sl_vec *partitions; /* per partition column one CONST row of its type */
    /* Rows that are gone, by position in the file; NULL: none. Clears the bits of deleted rows in
     * keep (bit i = row first_row + i, all set on entry). */
    void (*clear_deleted)(const void *deleted, uint64_t first_row, uint32_t rows, uint64_t *keep);
    const void *deleted;
};

struct sl_table_scan_config {
    const struct sl_type *schema; /* file columns, then partition columns */
    uint32_t partition_count;
    /* The schema's file columns under the names that the files use, at every depth; NULL: the
     * schema's own. */
    const struct sl_type *physical;
    /* A file's other type becomes the table's where that keeps the values (table/conform.h);
     * otherwise it is FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH. */
    bool widen;
    const struct sl_session *session;
    struct sl_budget *budget;
};
struct sl_table_scan;
/* In the arena, as all that it holds: a source whose query never runs is not closed. The config is
 * copied, what it points to is borrowed. */
struct sl_table_scan *sl_table_scan_new(struct sl_arena *query,
                                        const struct sl_table_scan_config *config);
/* See sl_source_ops.restrict_to (conn/conn.h). places[c]: where column c of the source's schema is
 * in the scan's; NULL: at the same place. */
void sl_table_scan_restrict(struct sl_table_scan *scan, struct sl_expr *const *conditions,
                            uint32_t count, const uint32_t *columns, const uint32_t *places);
const struct sl_prune_term *sl_table_scan_terms(const struct sl_table_scan *scan, uint32_t *count);
/* Can a file with these partition values hold a wanted row? */
bool sl_table_scan_may_match(const struct sl_table_scan *scan, const struct sl_scan_file *file);

struct sl_table_reader;
/* wanted[i]: schema column i is read; borrowed until close. */
SL_MUST_CHECK enum sl_code sl_table_reader_open(const struct sl_table_scan *scan,
                                                const struct sl_scan_file *file, const bool *wanted,
                                                struct sl_table_reader **out, struct sl_err *err);
/* As sl_source_ops.reader_next: rows == 0 is the end. Deleted rows are left out by the batch's
 * selection. */
SL_MUST_CHECK enum sl_code sl_table_reader_next(struct sl_table_reader *reader, uint32_t rows_max,
                                                struct sl_batch *batch, struct sl_err *err);
void sl_table_reader_close(struct sl_table_reader *reader);

#endif
