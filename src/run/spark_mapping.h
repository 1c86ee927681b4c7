/* How what an operator of ours remembers stands in Spark's state: the columns of its keys and
 * values, and the few that Spark keeps in another way.
 *
 * Spark's file of schemas tells types and names, not which argument a buffer is of: two `sum` of
 * one type look the same.  They are told apart by their order, which is that of the query; where
 * Spark may have changed the order (it merges projections), the state is refused.
 *
 * Only what maps exactly is let through.  Source: Spark 4.1 StatefulAggregationStrategy
 * (SparkStrategies.scala), optimizer DecimalAggregates and CollapseProject (Optimizer.scala),
 * StreamingDeduplicateExec (statefulOperators.scala). */
#ifndef SL_RUN_SPARK_MAPPING_H
#define SL_RUN_SPARK_MAPPING_H

#include "run/states.h"

enum sl_spark_piece_kind {
    SL_SPARK_SAME,
    SL_SPARK_LONG_SUM,  /* theirs LONG, unscaled, null without rows; ours DECIMAL, isEmpty */
    SL_SPARK_DOUBLE_SUM /* theirs DOUBLE, unscaled; ours DECIMAL: of the mean of a short decimal */
};
struct sl_spark_piece {
    enum sl_spark_piece_kind kind;
    uint32_t ours; /* column of our values; the only one or the first */
};

struct sl_spark_mapping {
    struct sl_state_schema schema; /* theirs */
    uint32_t *keys;                /* per column of their keys: of ours */
    struct sl_spark_piece *values; /* per column of theirs */
    uint32_t hashed_columns;       /* of the key, the first ones: partitions go by them */
};

/* SL_UNSUPPORTED, saying what cannot move and what to do, for operators, functions and types whose
 * state is kept in other ways. `found`: what Spark's file says, or NULL for a new state; what
 * differs is refused as STATE_STORE_KEY_SCHEMA_NOT_COMPATIBLE or .._VALUE_... In the arena. */
SL_MUST_CHECK enum sl_code sl_spark_mapping_make(struct sl_arena *query,
                                                 const struct sl_states *states,
                                                 const struct sl_state *state,
                                                 const struct sl_state_schema *found,
                                                 struct sl_spark_mapping *out, struct sl_err *err);

/* Batches of theirs from ours and back. `out` is an initialised, clear batch of the other schema,
 * which borrows what is the same. values NULL: there are none. */
SL_MUST_CHECK enum sl_code sl_spark_mapping_keys(const struct sl_spark_mapping *mapping,
                                                 const struct sl_batch *in, bool to_spark,
                                                 struct sl_batch *out, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_spark_mapping_values(const struct sl_spark_mapping *mapping,
                                                   const struct sl_batch *in, bool to_spark,
                                                   struct sl_batch *out, struct sl_err *err);

#endif
