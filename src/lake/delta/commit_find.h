/* The commit of a streaming query's batch, found by its commitInfo. Owner: any thread. */
#ifndef SL_LAKE_DELTA_COMMIT_FIND_H
#define SL_LAKE_DELTA_COMMIT_FIND_H

#include "lake/delta/action.h"

/* Looks from version `newest` down to the first commit that is still there, at most
 * SL_DELTA_FIND_MAX of them; only the first line of each is read, where Spark and we have
 * commitInfo. *found = false: not seen. */
enum { SL_DELTA_FIND_MAX = 100000 };
SL_MUST_CHECK enum sl_code sl_delta_commit_find(struct sl_arena *arena, const char *table_dir,
                                                int64_t newest, struct sl_str query_id,
                                                int64_t batch_id, struct sl_delta_commit_info *out,
                                                bool *found, struct sl_err *err);

#endif
