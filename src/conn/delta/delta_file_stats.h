/* The `stats` of an `add`, from what the Parquet writer counted. */
#ifndef SL_CONN_DELTA_FILE_STATS_H
#define SL_CONN_DELTA_FILE_STATS_H

#include "table/table_writer.h"

/* JSON in the arena; while the file's encoder is there. schema: of the file; indexed_columns: of
 * how many there are minima and maxima (delta.dataSkippingNumIndexedCols). */
struct sl_str sl_delta_file_stats(struct sl_arena *arena, const struct sl_type *schema,
                                  int32_t indexed_columns, const struct sl_data_file *file);

#endif
