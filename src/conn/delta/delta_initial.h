/* The files of a whole table at one version, numbered as Delta's source numbers them: by
 * modification time, then by path as it stands in the log (Spark DeltaSourceSnapshot.scala).  Kept
 * while a new stream works through them: about the length of an add action each, without its
 * statistics. Owner: one thread. */
#ifndef SL_CONN_DELTA_INITIAL_H
#define SL_CONN_DELTA_INITIAL_H

#include "lake/delta/snapshot.h"

struct sl_delta_initial;
/* SL_DATA (DELTA_LOG_FILE_NOT_FOUND_FOR_STREAMING_SOURCE) when the version cannot be made up any
 * more. */
SL_MUST_CHECK enum sl_code sl_delta_initial_open(const char *table_dir, int64_t version,
                                                 struct sl_budget *budget,
                                                 struct sl_delta_initial **out, struct sl_err *err);
void sl_delta_initial_close(struct sl_delta_initial *initial); /* NULL is fine */
int64_t sl_delta_initial_version(const struct sl_delta_initial *initial);
uint64_t sl_delta_initial_count(const struct sl_delta_initial *initial);
/* Texts are in the arena or live as long as the list. */
SL_MUST_CHECK enum sl_code sl_delta_initial_file(const struct sl_delta_initial *initial,
                                                 uint64_t index, struct sl_arena *arena,
                                                 struct sl_delta_file *out, struct sl_err *err);

#endif
