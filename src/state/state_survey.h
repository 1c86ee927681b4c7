/* What a checkpoint holds of state, from its files alone: for `sluice checkpoint`, which does not
 * know the query. Nothing is written. Texts are in the arena that is passed. Any thread. */
#ifndef SL_STATE_STATE_SURVEY_H
#define SL_STATE_STATE_SURVEY_H

#include "state/checkpoint.h"

struct sl_state_survey {
    uint32_t number;                     /* Spark's operator id */
    struct sl_str operator_name;         /* "" when the newest file cannot be read */
    int64_t first_version, last_version; /* that have changes; 0: none has */
    uint32_t snapshots;
    uint64_t bytes; /* of all files */
};
/* One of each operator, by number; none where there is no such directory. */
SL_MUST_CHECK enum sl_code sl_state_survey_read(const char *state_dir, struct sl_arena *arena,
                                                struct sl_state_survey **out, uint32_t *count,
                                                struct sl_err *err);
/* Of a batch's offsets/N; 0: it is not there. */
typedef uint64_t (*sl_offsets_hash_fn)(void *ctx, int64_t batch_id);
/* Reads every file, looks whether it is of the checkpoint's offsets, and whether `version` (0: the
 * empty state) can be put together; calls report for each finding. */
SL_MUST_CHECK enum sl_code sl_state_survey_verify(const char *state_dir, struct sl_str query_id,
                                                  int64_t version, sl_offsets_hash_fn hash,
                                                  sl_checkpoint_report_fn report, void *ctx,
                                                  struct sl_err *err);

#endif
