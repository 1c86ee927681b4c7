/* Whose a dead letter is, and whether a replay has read it: what the checkpoints of a pipeline's
 * queries say.  In the pipeline's arena; owner: one thread. */
#ifndef SL_RUN_LETTER_OWNER_H
#define SL_RUN_LETTER_OWNER_H

#include "run/pipeline.h"
#include "run/replay_file.h"

enum sl_letter_state {
    SL_LETTER_OPEN,
    SL_LETTER_REPLAYED, /* what failed again is a letter of its own */
    SL_LETTER_OTHER,    /* of another checkpoint of its query: never replayed here */
    SL_LETTER_STATES
};
const char *sl_letter_state_name(enum sl_letter_state state); /* "open" */

struct sl_letter_owner {
    const struct sl_query_spec *spec;
    struct sl_str checkpoint; /* its directory; "" if nobody says */
    struct sl_str query_id;   /* "" if it is not there: the query has not run with it */
    struct sl_replay_ids replayed;
};
struct sl_letter_owners {
    struct sl_letter_owner *items; /* one to a query */
    uint32_t count;
};
SL_MUST_CHECK enum sl_code sl_letter_owners_load(struct sl_pipeline *pipeline,
                                                 struct sl_letter_owners *out, struct sl_err *err);
/* query_id.ptr NULL: an old letter, which goes by the name. A query that the pipeline does not have
 * leaves its letters open. */
enum sl_letter_state sl_letter_owners_judge(const struct sl_letter_owners *owners,
                                            struct sl_str query, struct sl_str query_id,
                                            int64_t batch_id);

#endif
