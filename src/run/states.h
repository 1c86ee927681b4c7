/* What the stateful operators of one query remember, and where it is kept: made from the plan,
 * loaded before a batch, saved behind it as one version per operator.
 *
 * Batch N reads version N and writes version N + 1, as in Spark.  Memory holds `version`; whoever
 * breaks off in a batch forgets it, and the next batch loads it again.
 * Owner: the query; the operators in the chains of its tasks share the memory (ops/stateful.h).
 */
#ifndef SL_RUN_STATES_H
#define SL_RUN_STATES_H

#include "ops/stateful.h"
#include "run/engine.h"
#include "run/lower.h"

struct sl_state {
    const struct sl_node *node;
    struct sl_stateful *stateful;
    uint32_t number;                 /* Spark's operator id: 0 is the one nearest to the sink */
    uint32_t pipe;                   /* what it finishes with goes on in this pipe's chain .. */
    uint32_t behind;                 /* .. from this operator on */
    struct sl_state_store *store;    /* NULL: nothing is kept between batches */
    struct sl_batch_marks marks;     /* of the batch */
    struct sl_late_sample late;      /* of the batch */
    int64_t last_evict_ms;           /* of the last batch; INT64_MIN: there was none */
    struct sl_state_metrics metrics; /* of the last batch */
};

struct sl_states {
    struct sl_state *items; /* as sl_pipes.stateful */
    uint32_t count;
    const struct sl_pipes *pipes;
    int64_t version; /* in memory; -1: none */
    const char *dir; /* `<checkpoint>/.sluice/state` */
};

/* Makes the operators' memory, empty. pipes: outlive it. */
SL_MUST_CHECK enum sl_code sl_states_make(const struct sl_stateful_env *env,
                                          const struct sl_pipes *pipes, struct sl_states *out,
                                          struct sl_err *err);
void sl_states_release(struct sl_states *states);
struct sl_state *sl_states_find(const struct sl_states *states, const struct sl_node *node);

/* Where a query keeps them. A checkpoint that holds the state of other operators is refused. */
struct sl_states_place {
    struct sl_str checkpoint_dir, query_id;
    int64_t next_batch; /* behind the last one that was committed; 0: there is no state yet */
    struct sl_budget *budget;
    const struct sl_log *log;
};
SL_MUST_CHECK enum sl_code sl_states_open(struct sl_arena *query, struct sl_states *states,
                                          const struct sl_states_place *place, struct sl_err *err);
/* Brings `version` into memory if it is not there. */
SL_MUST_CHECK enum sl_code sl_states_load(struct sl_states *states, struct sl_pool *pool,
                                          int64_t version, struct sl_err *err);
/* What is in memory is half a batch: it counts no more. */
void sl_states_forget(struct sl_states *states);
/* Makes version `version` of what is in memory durable. */
SL_MUST_CHECK enum sl_code sl_states_save(struct sl_states *states, struct sl_pool *pool,
                                          int64_t version, struct sl_err *err);
/* In the first batch, before it is saved: removes what an earlier form of the query left, which was
 * stopped in its first batch and then changed. */
SL_MUST_CHECK enum sl_code sl_states_drop_others(const struct sl_states *states,
                                                 struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_states_purge(struct sl_states *states, int64_t keep,
                                           struct sl_err *err);

#endif
