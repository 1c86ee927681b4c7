/* The dead letters of a pipeline's queries, read back from the tables that hold them: for `sluice
 * dlq show` and `stats`. */
#ifndef SL_RUN_LETTER_LIST_H
#define SL_RUN_LETTER_LIST_H

#include "run/batch_query.h"

/* SL_USER when there is no such query, or none of those meant ("": all) has a quarantine. */
SL_MUST_CHECK enum sl_code sl_letters_require_query(struct sl_pipeline *pipeline,
                                                    struct sl_str query, struct sl_err *err);
/* The newest letters, newest first, as at most `limit` rows in one batch; query: of this one only,
 * "" for all. begin is called in any case. */
SL_MUST_CHECK enum sl_code sl_letters_newest(struct sl_pipeline *pipeline, struct sl_str query,
                                             uint32_t limit, sl_rows_begin_fn begin, sl_rows_fn fn,
                                             void *ctx, struct sl_err *err);

/* Letters of one query, kind, rule and partition. */
struct sl_letter_group {
    struct sl_str query, kind, rule, topic;
    int64_t partition; /* -1 if none */
    uint64_t count;
    int64_t first_us, last_us;
};
/* In the arena, most letters first. */
SL_MUST_CHECK enum sl_code sl_letters_stats(struct sl_pipeline *pipeline, struct sl_str query,
                                            struct sl_arena *arena, struct sl_letter_group **out,
                                            uint32_t *count, struct sl_err *err);

#endif
