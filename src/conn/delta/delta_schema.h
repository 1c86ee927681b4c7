/* Can a stream that began with one schema of a Delta table read what another version of it holds?
 * Source: Spark SchemaUtils.isReadCompatible, DeltaStreamUtils.scala. Owner: any thread. */
#ifndef SL_CONN_DELTA_SCHEMA_H
#define SL_CONN_DELTA_SCHEMA_H

#include "lake/delta/action.h"

/* What of a table's metadata a stream depends on. */
struct sl_delta_shape {
    struct sl_str table_id;
    const struct sl_type *schema; /* with its fields' metadata */
    const struct sl_str *partition_columns;
    uint32_t partition_count;
    bool maps_columns;
};
/* Points into the metadata. */
struct sl_delta_shape sl_delta_shape_of(const struct sl_delta_metadata *metadata);
/* A copy of its own, in the arena. SL_DATA: the schema does not parse. */
SL_MUST_CHECK enum sl_code sl_delta_shape_copy(struct sl_arena *arena,
                                               const struct sl_delta_metadata *metadata,
                                               struct sl_delta_shape *out, struct sl_err *err);

/* Can rows written with `data` be read with `read`? They can when `read` has every column of
 * `data`, of the same type and name, under the same physical name, and does not say NOT NULL where
 * `data` does not. Appends the first difference to `why`. */
bool sl_delta_shape_reads(const struct sl_delta_shape *read, const struct sl_delta_shape *data,
                          struct sl_buf *why);

#endif
