/* The commits of a table, newest first, each with its time and its commitInfo: DESCRIBE HISTORY.
 * Owner: one thread. */
#ifndef SL_LAKE_DELTA_HISTORY_H
#define SL_LAKE_DELTA_HISTORY_H

#include "base/json.h"
#include "lake/delta/log.h"

/* info: the commitInfo object as it stands in the log, NULL where the commit has none; borrowed
 * until it returns. */
typedef enum sl_code (*sl_delta_history_fn)(void *ctx, int64_t version, int64_t timestamp_ms,
                                            const struct sl_json *info, struct sl_err *err);
/* At most `limit` commits (0: all that are left). The time is the commit's in-commit timestamp,
 * else that of its file. */
SL_MUST_CHECK enum sl_code sl_delta_history(const char *table_dir, int64_t limit,
                                            sl_delta_history_fn each, void *ctx,
                                            struct sl_err *err);

#endif
