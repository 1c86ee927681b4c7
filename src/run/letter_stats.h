/* The dead letters of a pipeline's queries, counted: for `sluice dlq stats`. */
#ifndef SL_RUN_LETTER_STATS_H
#define SL_RUN_LETTER_STATS_H

#include "run/letter_read.h"

/* Letters of one query, kind, rule and partition. */
struct sl_letter_group {
    struct sl_str query, kind, rule, topic;
    int64_t partition; /* -1 if none */
    uint64_t counts[SL_LETTER_STATES];
    int64_t first_us, last_us;
};
/* In the arena, most open letters first. A letter that failed again in a replay is open once: the
 * one that was replayed is counted as such. */
SL_MUST_CHECK enum sl_code sl_letters_stats(struct sl_pipeline *pipeline,
                                            const struct sl_letter_owners *owners,
                                            struct sl_str query, struct sl_arena *arena,
                                            struct sl_letter_group **out, uint32_t *count,
                                            struct sl_err *err);

#endif
