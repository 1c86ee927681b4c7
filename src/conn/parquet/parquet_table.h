/* Looking after a directory of Parquet files: parquet_table.c (what it is, vacuum),
 * parquet_compact.c. */
#ifndef SL_CONN_PARQUET_TABLE_H
#define SL_CONN_PARQUET_TABLE_H

#include "base/io.h"
#include "base/log.h"
#include "conn/table_ops.h"

extern const struct sl_table_ops sl_parquet_table_ops;

const char *sl_parquet_table_dir(struct sl_arena *arena, struct sl_str path);
/* The table's lock, as a query that writes to it holds it; SL_CONFLICT. */
SL_MUST_CHECK enum sl_code sl_parquet_table_lock(const char *dir, struct sl_lock **out,
                                                 struct sl_err *err);
/* Is it a table with Spark's log of its files? */
SL_MUST_CHECK enum sl_code sl_parquet_table_has_log(struct sl_arena *arena, const char *dir,
                                                    bool *has_log, struct sl_err *err);

/* parquet_compact.c */
enum sl_code sl_parquet_compact(const struct sl_table_call *call, const struct sl_optimize *what,
                                struct sl_report *out, struct sl_err *err);
/* Finishes what a killed compaction left behind its commit point. The lock is held. */
SL_MUST_CHECK enum sl_code sl_parquet_compact_finish(const char *dir, const struct sl_log *log,
                                                     struct sl_err *err);
/* For readers that list the directory: SL_CONFLICT while its files are being exchanged. */
SL_MUST_CHECK enum sl_code sl_parquet_compact_check(struct sl_arena *arena, const char *dir,
                                                    struct sl_err *err);

#endif
