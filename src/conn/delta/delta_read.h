/* A Delta table that is read, by a batch query or as a stream: its columns, and its data files as
 * rows.  What the two sources share; which files there are is their own.
 * A source belongs to one query; readers to one worker each. */
#ifndef SL_CONN_DELTA_READ_H
#define SL_CONN_DELTA_READ_H

#include "conn/conn.h"
#include "conn/delta/delta_files.h"

struct sl_delta_read { /* first member of both sources */
    struct sl_source base;
    const struct sl_conn_env *env;
    const char *table_dir;
    struct sl_str description;
    struct sl_delta_columns columns;
    struct sl_table_scan *scan;
};

/* The directory, of the path or of the option `path`; in the arena. */
const char *sl_delta_read_dir(struct sl_arena *query, const struct sl_options *options,
                              struct sl_str path);
/* DELTA_PATH_DOES_NOT_EXIST or DELTA_MISSING_DELTA_TABLE. */
enum sl_code sl_delta_read_no_table(const char *table_dir, struct sl_err *err);
/* Columns and scan, from the metadata of the version whose columns the query sees. */
SL_MUST_CHECK enum sl_code sl_delta_read_begin(struct sl_delta_read *read,
                                               const struct sl_delta_metadata *metadata,
                                               struct sl_err *err);
/* One split per file; detail: struct sl_delta_scan_file. */
struct sl_split *sl_delta_read_splits(struct sl_arena *epoch, const struct sl_delta_files *files);

/* Vtable functions */
const struct sl_type *sl_delta_read_schema(const struct sl_source *source);
struct sl_str sl_delta_read_description(const struct sl_source *source);
void sl_delta_read_restrict(struct sl_source *source, struct sl_expr *const *conditions,
                            uint32_t count, const uint32_t *columns);
enum sl_code sl_delta_reader_open(struct sl_source *source, const struct sl_split *split,
                                  const bool *wanted, struct sl_reader **out, struct sl_err *err);
enum sl_code sl_delta_reader_next(struct sl_reader *reader, uint32_t rows_max,
                                  struct sl_batch *batch, struct sl_err *err);
void sl_delta_reader_close(struct sl_reader *reader);

#endif
