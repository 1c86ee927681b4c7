/* How the rows of a query become rows of a Delta table: which column is which, and what a new table
 * looks like.  The table's names and order win; columns are matched ignoring case.
 * Source: Spark ImplicitMetadataOperation.scala, SchemaUtils.scala. */
#ifndef SL_CONN_DELTA_LAYOUT_H
#define SL_CONN_DELTA_LAYOUT_H

#include "conn/conn.h"
#include "lake/delta/action.h"

struct sl_delta_layout {
    const struct sl_type *schema; /* of the table */
    int32_t *query_columns;       /* per column of the table; -1: the query has none, all is null */
    uint32_t *partition_columns;  /* indexes into schema */
    uint32_t partition_count;
};

/* Everything in the arena; the metadata is borrowed. merges: structs of the query may lack fields
 * of the table's (delta_merge.h). SL_USER (DELTA_METADATA_MISMATCH) names the columns;
 * SL_UNSUPPORTED: NOT NULL below the top level. */
SL_MUST_CHECK enum sl_code sl_delta_layout_make(struct sl_arena *arena, const char *table,
                                                const struct sl_sink_config *config,
                                                const struct sl_delta_metadata *metadata,
                                                bool merges, struct sl_delta_layout *out,
                                                struct sl_err *err);
/* May files that were written for `layout` be added to a table that is now `metadata`? */
bool sl_delta_layout_serves(const struct sl_delta_layout *layout,
                            const struct sl_delta_metadata *metadata);
/* Metadata of a new table of the query's rows, every column nullable as Spark's sink makes them,
 * but those declared NOT NULL; configuration: its properties. SL_USER for columns that Delta cannot
 * hold. */
SL_MUST_CHECK enum sl_code sl_delta_layout_new_table(struct sl_arena *arena,
                                                     const struct sl_sink_config *config,
                                                     const struct sl_delta_map *configuration,
                                                     struct sl_delta_metadata *out,
                                                     struct sl_err *err);
/* A new column that Delta cannot hold is SL_USER. */
SL_MUST_CHECK enum sl_code sl_delta_layout_check_field(const struct sl_field *field,
                                                       struct sl_err *err);
/* Every part of it may be null. */
const struct sl_type *sl_delta_type_nullable(struct sl_arena *arena, const struct sl_type *type);

#endif
