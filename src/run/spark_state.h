/* The state of a query in Spark's own files, `<checkpoint>/state/`: a query that Spark began goes
 * on here, and may go back.
 *
 * A checkpoint that has Spark's state keeps it in Spark's form: each batch writes a delta of every
 * partition of every operator, durable before the sink's commit, as our own form does.  The number
 * of partitions is the checkpoint's (spark.sql.shuffle.partitions), whatever ours are.  Shards do
 * not leave memory meanwhile.
 * Owner: run/states.h. */
#ifndef SL_RUN_SPARK_STATE_H
#define SL_RUN_SPARK_STATE_H

#include "run/states.h"
#include "state/checkpoint.h"

/* Opens the states of all operators that are kept, if the checkpoint's state is Spark's; else
 * nothing happens. Whatever cannot go on exactly is refused by name. */
SL_MUST_CHECK enum sl_code sl_spark_states_open(struct sl_arena *query, struct sl_states *states,
                                                const struct sl_states_place *place,
                                                struct sl_err *err);
void sl_spark_state_close(struct sl_spark_state *spark); /* NULL is fine */

SL_MUST_CHECK enum sl_code sl_spark_state_load(struct sl_state *state, struct sl_pool *pool,
                                               int64_t version, struct sl_err *err);
/* Makes version `version` of what is in memory durable. */
SL_MUST_CHECK enum sl_code sl_spark_state_save(struct sl_state *state, struct sl_pool *pool,
                                               int64_t version, struct sl_err *err);
/* The batch is committed: writes a snapshot if one is due, removes what is needed no more. */
SL_MUST_CHECK enum sl_code sl_spark_state_committed(struct sl_state *state, struct sl_pool *pool,
                                                    int64_t version, int64_t keep,
                                                    struct sl_err *err);

#endif
