#include "conn/delta/delta_file_stats.h"

#include <stdlib.h>

#include "lake/delta/stats.h"

struct sl_str sl_delta_file_stats(struct sl_arena *arena, const struct sl_type *schema,
                                  int32_t indexed_columns, const struct sl_data_file *file) {
    struct sl_delta_column_stats *columns = sl_xcalloc(schema->field_count + 1, sizeof *columns);
    const struct sl_delta_stats_options options = {indexed_columns};
    struct sl_buf text = {0};
    for (uint32_t c = 0; c < schema->field_count; c++) {
        const struct sl_column_stats *from = sl_parquet_writer_stats(file->encoder, c);
        columns[c].unknown = !from;
        if (from)
            columns[c] = (struct sl_delta_column_stats){.has_nan = from->has_nan,
                                                        .null_count = from->null_count,
                                                        .min = &from->min,
                                                        .max = &from->max};
    }
    sl_delta_stats_put(&text, schema, file->rows, columns, &options);
    struct sl_str stats = sl_arena_str(arena, sl_buf_str(&text));
    sl_buf_release(&text);
    free(columns);
    return stats;
}
