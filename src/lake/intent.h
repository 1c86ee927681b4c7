/* Redo intents of the Parquet sink: <checkpoint>/.sluice/intents/N lists staged file ->
 * final name, size and rows (conn/parquet/README.md).  Writing it is the commit point; what
 * follows is idempotent redo. */
#ifndef SL_LAKE_INTENT_H
#define SL_LAKE_INTENT_H

#include "base/io.h"

struct sl_intent_file {
    struct sl_str staged, final; /* relative to the table root */
    uint64_t bytes, rows;
};
struct sl_intent {
    int64_t batch_id;
    uint64_t offsets_hash;
    struct sl_intent_file *files;
    size_t count;
};
/* put_atomic with checksum, failpoint "intents". */
SL_MUST_CHECK enum sl_code sl_intent_write(const char *dir, const struct sl_intent *intent,
                                           struct sl_err *err);
/* *found = false when there is none; a corrupt one is SL_DATA. */
SL_MUST_CHECK enum sl_code sl_intent_read(const char *dir, int64_t batch_id, struct sl_arena *arena,
                                          struct sl_intent *out, bool *found, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_intent_remove(const char *dir, int64_t batch_id, struct sl_err *err);

#endif
