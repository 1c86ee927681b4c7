/* Shared by what looks after a Delta table: delta_table.c (what it is), delta_optimize.c,
 * delta_vacuum.c. */
#ifndef SL_CONN_DELTA_TABLE_H
#define SL_CONN_DELTA_TABLE_H

#include "conn/table_ops.h"
#include "lake/delta/action.h"
#include "lake/delta/snapshot.h"

extern const struct sl_table_ops sl_delta_table_ops;

/* The directory of a path or file: URI, in the arena. */
const char *sl_delta_table_dir(struct sl_arena *arena, struct sl_str path);
/* The newest version; SL_USER when there is no table. */
SL_MUST_CHECK enum sl_code sl_delta_table_open(const struct sl_table_call *call,
                                               struct sl_delta_snapshot **out, struct sl_err *err);
/* "year=2025/month=1" as a directory would be named, from partitionValues in the table's order. */
void sl_delta_table_put_partition(struct sl_buf *out, const struct sl_delta_metadata *metadata,
                                  const struct sl_delta_file *file);
/* Path relative to the table when it lies in it, else absolute. */
SL_MUST_CHECK enum sl_code sl_delta_table_put_path(struct sl_buf *out, const char *table_dir,
                                                   struct sl_str log_path, bool *outside,
                                                   struct sl_err *err);
/* A property of sizes, from the table; `otherwise` when it is not there or no size. */
int64_t sl_delta_table_bytes(const struct sl_delta_snapshot *snapshot, const char *name,
                             int64_t otherwise);
/* delta_optimize.c */
enum sl_code sl_delta_optimize(const struct sl_table_call *call, const struct sl_optimize *what,
                               struct sl_report *out, struct sl_err *err);
/* delta_vacuum.c */
enum sl_code sl_delta_vacuum(const struct sl_table_call *call, const struct sl_vacuum *what,
                             struct sl_report *out, struct sl_err *err);

#endif
