/* A Delta table's columns, as its queries, its scan and its files know them: order of the schema;
 * file columns before partition columns; names of column mapping (PROTOCOL.md "Column Mapping").
 * In the arena, immutable. */
#ifndef SL_CONN_DELTA_COLUMNS_H
#define SL_CONN_DELTA_COLUMNS_H

#include "lake/delta/action.h"

struct sl_delta_columns {
    const struct sl_type *schema;   /* in the table's order; all nullable, without metadata */
    const struct sl_type *scan;     /* the same fields: file columns, then partition columns */
    const struct sl_type *physical; /* scan under the names in the files, at every depth */
    uint32_t *table_column;         /* of each column of scan */
    uint32_t *scan_column;          /* of each column of schema */
    uint32_t partition_count;
};

/* SL_DATA: the log contradicts itself. What is kept is in the arena, the metadata may go. */
SL_MUST_CHECK enum sl_code sl_delta_columns_make(struct sl_arena *arena,
                                                 const struct sl_delta_metadata *metadata,
                                                 struct sl_delta_columns *out, struct sl_err *err);
bool sl_delta_maps_columns(const struct sl_delta_metadata *metadata);
/* Name of a column that is mapped, in the data files, partitionValues and statistics. */
struct sl_str sl_delta_physical_name(struct sl_arena *arena, const struct sl_field *field);

#endif
