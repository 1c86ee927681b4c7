/* The `add` of a data file that was just written. */
#ifndef SL_CONN_DELTA_ADD_H
#define SL_CONN_DELTA_ADD_H

#include "lake/delta/action.h"
#include "table/table_writer.h"

struct sl_delta_add_maker {
    const char *table_dir;
    const struct sl_type *file_schema;
    int32_t indexed_columns; /* as many have minima and maxima: delta.dataSkippingNumIndexedCols */
    bool data_change;
};
/* Everything in the arena but partition_values, which are borrowed; while the file's encoder is
 * there. The file's time is asked for last: *out is whole but for it when that fails. */
SL_MUST_CHECK enum sl_code sl_delta_add_make(const struct sl_delta_add_maker *maker,
                                             const struct sl_data_file *file,
                                             struct sl_delta_map partition_values,
                                             struct sl_arena *arena, struct sl_delta_file *out,
                                             struct sl_err *err);

#endif
