/* The fields that a query's schemas have grown by: <checkpoint>/.sluice/schema/N, the newest
 * counts. A file is there before the first row that has its fields, so that every run of a batch
 * finds the same schema.
 *
 *   v1 <XXH64 of the rest>
 *   {"site":"CAST(value AS STRING)","path":"items.element.colour","type":"string"}
 *
 * a line a field, in the order in which they became columns. Owner: one thread. */
#ifndef SL_RUN_SCHEMA_FILE_H
#define SL_RUN_SCHEMA_FILE_H

#include "base/err.h"
#include "expr/evolution.h"

/* Adds the fields of the newest file; *newest: its number, -1 if there is none. SL_DATA: damaged.
 */
SL_MUST_CHECK enum sl_code sl_schema_file_read(struct sl_str checkpoint_dir,
                                               struct sl_evolution *out, int64_t *newest,
                                               struct sl_err *err);
/* put_atomic, failpoint "schema". */
SL_MUST_CHECK enum sl_code sl_schema_file_write(struct sl_str checkpoint_dir, int64_t number,
                                                const struct sl_evolution *evolution,
                                                struct sl_err *err);

#endif
