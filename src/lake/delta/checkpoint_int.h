/* The parts of a checkpoint: its schema, and actions as rows of it. */
#ifndef SL_LAKE_DELTA_CHECKPOINT_INT_H
#define SL_LAKE_DELTA_CHECKPOINT_INT_H

#include "col/vec.h"
#include "lake/delta/checkpoint.h"

/* Top-level columns, in Spark's order: each row has one of them. */
enum sl_checkpoint_column {
    SL_CHECKPOINT_TXN,
    SL_CHECKPOINT_ADD,
    SL_CHECKPOINT_REMOVE,
    SL_CHECKPOINT_METADATA,
    SL_CHECKPOINT_PROTOCOL,
    SL_CHECKPOINT_DOMAIN,
    SL_CHECKPOINT_COLUMNS
};
/* Optional members of `add`: NULL where the table has none. */
struct sl_checkpoint_shape {
    bool has_stats;                       /* as text */
    const struct sl_type *partition_type; /* partitionValues_parsed; physical names */
    const struct sl_type *stats_type;     /* stats_parsed */
};
struct sl_checkpoint_options {
    bool stats_text, stats_parsed;
    bool column_mapping, deletion_vectors;
    int64_t indexed_columns; /* leaves with statistics */
};
const struct sl_type *sl_checkpoint_schema(struct sl_arena *arena,
                                           const struct sl_delta_metadata *metadata,
                                           const struct sl_checkpoint_options *options,
                                           struct sl_checkpoint_shape *shape);

/* Rows to append to one column's vector (STRUCT of the schema). `scratch` is the caller's to reset.
 */
SL_MUST_CHECK enum sl_code sl_checkpoint_put_add(struct sl_vec *out,
                                                 const struct sl_checkpoint_shape *shape,
                                                 const struct sl_delta_file *file,
                                                 struct sl_arena *scratch, struct sl_err *err);
SL_MUST_CHECK enum sl_code
sl_checkpoint_put_remove(struct sl_vec *out, const struct sl_delta_file *file, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_put_txn(struct sl_vec *out, const struct sl_delta_txn *txn,
                                                 struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_put_metadata(struct sl_vec *out,
                                                      const struct sl_delta_metadata *metadata,
                                                      struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_put_protocol(struct sl_vec *out,
                                                      const struct sl_delta_protocol *protocol,
                                                      struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_checkpoint_put_domain(struct sl_vec *out,
                                                    const struct sl_delta_domain *domain,
                                                    struct sl_err *err);

#endif
