/* What the stateful operators of one query remember, and where it is kept: made from the plan,
 * loaded before a batch, saved behind it as one version per operator.
 *
 * Batch N reads version N and writes version N + 1, as in Spark.  Memory holds `version`; whoever
 * breaks off in a batch forgets it, and the next batch loads it again.
 * Owner: the query; the operators in the chains of its tasks share the memory (ops/stateful.h).
 */
#ifndef SL_RUN_STATES_H
#define SL_RUN_STATES_H

#include <pthread.h>

#include "ops/stateful.h"
#include "run/engine.h"
#include "run/lower.h"
#include "state/checkpoint.h"

/* Where a shard is (run/state_room.h). */
struct sl_state_shard {
    bool away;                 /* not in memory */
    bool saved;                /* in this batch */
    size_t expected;           /* bytes, while it has its turn; else 0 */
    struct sl_shard_size size; /* of one that is away, as far as it is known */
};

/* An operator in a pipe's chain. */
struct sl_state_input {
    uint32_t pipe, position;
};

struct sl_spark_state; /* run/spark_state.h */

struct sl_state {
    const struct sl_node *node;
    struct sl_stateful *stateful;
    uint32_t number; /* Spark's operator id: 0 is the one nearest to the sink */
    /* one of the chains by which rows of an input come; all have the same operators above it */
    struct sl_state_input inputs[2];
    uint32_t input_count;
    struct sl_state_store *store; /* NULL: nothing is kept between batches, or in Spark's files */
    struct sl_spark_state *spark; /* Spark's files; NULL: others, or none */
    struct sl_batch_marks marks;  /* of the batch */
    struct sl_late_sample late;   /* of the batch */
    int64_t last_evict_ms;        /* of the last batch; INT64_MIN: there was none */
    struct sl_state_metrics metrics; /* of the last batch */
    struct sl_state_shard shards[SL_STATE_SHARDS];
    uint32_t closed;                      /* mask: shards whose rows waited in this batch */
    bool begun;                           /* the store is writing the batch's version */
    uint64_t spilled_rows, spilled_bytes; /* of this batch */
    uint32_t shards_away;                 /* behind the last batch */
};

struct sl_states {
    struct sl_state *items; /* as sl_pipes.stateful */
    uint32_t count;
    const struct sl_pipes *pipes;
    int64_t version; /* in memory; -1: none */
    int64_t base;    /* that the batch of now began with */
    enum sl_output_mode mode;
    struct sl_budget *budget;
    /* of state_room.c */
    pthread_mutex_t mutex;
    pthread_cond_t turn_ended;
    uint32_t turns;
    bool crowded;    /* in this batch not all found room: what is finished is saved at once */
    const char *dir; /* `<checkpoint>/.sluice/state` */
};

/* Makes the operators' memory, empty. pipes: outlive it. */
SL_MUST_CHECK enum sl_code sl_states_make(const struct sl_stateful_env *env,
                                          const struct sl_pipes *pipes, struct sl_states *out,
                                          struct sl_err *err);
void sl_states_release(struct sl_states *states);
struct sl_state *sl_states_find(const struct sl_states *states, const struct sl_node *node);

enum sl_state_format { SL_STATE_AS_FOUND, SL_STATE_OWN, SL_STATE_SPARK };
/* Where a query keeps them. A checkpoint that holds the state of other operators is refused. */
struct sl_states_place {
    struct sl_str checkpoint_dir, query_id;
    struct sl_str scratch_dir; /* for rows that wait for memory */
    bool letters;              /* records that fail become letters */
    int64_t next_batch; /* behind the last one that was committed; 0: there is no state yet */
    const struct sl_checkpoint *checkpoint;
    int64_t shuffle_partitions;  /* of a checkpoint that does not say how many */
    enum sl_state_format format; /* sluice.stateFormat */
    struct sl_budget *budget;
    const struct sl_log *log;
};
SL_MUST_CHECK enum sl_code sl_states_open(struct sl_arena *query, struct sl_states *states,
                                          const struct sl_states_place *place, struct sl_err *err);
/* Has it anything to keep between batches? */
static inline bool sl_state_is_kept(const struct sl_state *state) {
    return state->stateful->ops->name[0] != 0;
}
/* Whether they are in Spark's files (run/spark_state.h). */
bool sl_states_in_spark(const struct sl_states *states);
/* Brings `version` into memory if it is not there. */
SL_MUST_CHECK enum sl_code sl_states_load(struct sl_states *states, struct sl_pool *pool,
                                          int64_t version, struct sl_err *err);
/* Which row of equal ones is the first, or which record of a match came last, follows from the
 * order of reading, and an operator above may make letters of them. */
bool sl_state_order_matters(const struct sl_states *states, const struct sl_state *state);
/* For state_room.c. Loads a shard in the version that the batch began with. @thread worker */
SL_MUST_CHECK enum sl_code sl_state_load_shard(struct sl_states *states, struct sl_state *state,
                                               uint32_t shard, struct sl_err *err);
/* Begins to write the batch's version; save goes on with it. */
SL_MUST_CHECK enum sl_code sl_state_begin_version(struct sl_states *states, struct sl_state *state,
                                                  struct sl_err *err);
/* What changed in the shard goes into that version. @thread worker */
SL_MUST_CHECK enum sl_code sl_state_save_shard(struct sl_state *state, uint32_t shard,
                                               struct sl_err *err);
/* What is in memory is half a batch: it counts no more. */
void sl_states_forget(struct sl_states *states);
/* Makes the version behind the loaded one durable. */
SL_MUST_CHECK enum sl_code sl_states_save(struct sl_states *states, struct sl_pool *pool,
                                          struct sl_err *err);
/* In the first batch, before it is saved: removes what an earlier form of the query left, which was
 * stopped in its first batch and then changed. */
SL_MUST_CHECK enum sl_code sl_states_drop_others(const struct sl_states *states,
                                                 struct sl_err *err);
/* Behind commits/N: removes what no version from `keep` on is made of. */
SL_MUST_CHECK enum sl_code sl_states_purge(struct sl_states *states, struct sl_pool *pool,
                                           int64_t keep, struct sl_err *err);

#endif
