/* The data files of a Delta table that a query has to read: those of a snapshot which neither their
 * partition values nor their statistics rule out.  Owner: one thread; the list may be read by many.
 */
#ifndef SL_CONN_DELTA_FILES_H
#define SL_CONN_DELTA_FILES_H

#include "conn/delta/delta_columns.h"
#include "lake/delta/deletion_vector.h"
#include "lake/delta/snapshot.h"
#include "table/table_scan.h"

struct sl_delta_scan_file {
    struct sl_scan_file scan; /* without its deleted rows: who opens the file reads them */
    struct sl_delta_vector vector;
    int64_t rows_estimate;
};
/* Hangs the deleted rows on the scan, when the file has such; *deleted is the caller's to free when
 * the file is read, NULL: there are none. */
SL_MUST_CHECK enum sl_code sl_delta_files_hide_deleted(const char *table_dir,
                                                       const struct sl_delta_vector *vector,
                                                       struct sl_scan_file *scan,
                                                       struct sl_deletion_vector **deleted,
                                                       struct sl_err *err);
struct sl_delta_files {
    struct sl_delta_scan_file *items;
    uint32_t count;
};

/* File by file, whatever names them. Everything that is kept is in the arena. */
struct sl_delta_file_list;
struct sl_delta_file_list *sl_delta_file_list_new(const char *table_dir,
                                                  const struct sl_delta_columns *columns,
                                                  const struct sl_table_scan *scan,
                                                  struct sl_arena *arena);
SL_MUST_CHECK enum sl_code sl_delta_file_list_add(struct sl_delta_file_list *list,
                                                  const struct sl_delta_file *file,
                                                  struct sl_err *err);
/* Frees the list; out may be NULL. */
void sl_delta_file_list_end(struct sl_delta_file_list *list, struct sl_delta_files *out);

/* Those of a snapshot. */
SL_MUST_CHECK enum sl_code sl_delta_files_list(const struct sl_delta_snapshot *snapshot,
                                               const struct sl_delta_columns *columns,
                                               const struct sl_table_scan *scan,
                                               struct sl_arena *arena, struct sl_delta_files *out,
                                               struct sl_err *err);

#endif
