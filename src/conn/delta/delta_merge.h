/* mergeSchema: what only the query has becomes part of the table, at every depth, nullable and
 * behind what is there.  Names are matched ignoring case, and the table's spelling stays. Source:
 * Spark SchemaMergingUtils.mergeSchemas. Owner: any thread. */
#ifndef SL_CONN_DELTA_MERGE_H
#define SL_CONN_DELTA_MERGE_H

#include "conn/conn.h"
#include "lake/delta/action.h"

/* The table's metadata with the query's columns; *changed = false: it has them all, and *out is a
 * copy. New parts are in the arena, the rest is borrowed. SL_USER (DELTA_FAILED_TO_MERGE_FIELDS)
 * names the first column that has another type in the table. */
SL_MUST_CHECK enum sl_code sl_delta_merge(struct sl_arena *arena, const char *table,
                                          const struct sl_type *query,
                                          const struct sl_delta_metadata *metadata,
                                          struct sl_delta_metadata *out, bool *changed,
                                          struct sl_err *err);
/* Does a column of type `table` hold every value of type `query`: the same type, but structs may
 * have more fields, and others first? */
bool sl_delta_type_holds(const struct sl_type *table, const struct sl_type *query);
/* Makes `out` (of type `table`, which holds from's) the values of `from`, borrowed; fields that
 * `from` lacks are null. */
SL_MUST_CHECK enum sl_code sl_delta_vec_fit(struct sl_vec *out, const struct sl_type *table,
                                            const struct sl_vec *from, struct sl_err *err);

#endif
