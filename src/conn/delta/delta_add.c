#include "conn/delta/delta_add.h"

#include <stdlib.h>

#include "base/io.h"
#include "lake/delta/stats.h"
#include "lake/delta/value.h"

static void put_stats(struct sl_buf *out, const struct sl_delta_add_maker *maker,
                      const struct sl_data_file *file) {
    const struct sl_type *schema = maker->file_schema;
    struct sl_delta_column_stats *columns = sl_xcalloc(schema->field_count + 1, sizeof *columns);
    const struct sl_delta_stats_options options = {maker->indexed_columns};
    for (uint32_t c = 0; c < schema->field_count; c++) {
        const struct sl_column_stats *from = sl_parquet_writer_stats(file->encoder, c);
        columns[c].unknown = !from;
        if (from)
            columns[c] = (struct sl_delta_column_stats){.has_nan = from->has_nan,
                                                        .null_count = from->null_count,
                                                        .min = &from->min,
                                                        .max = &from->max};
    }
    sl_delta_stats_put(out, schema, file->rows, columns, &options);
    free(columns);
}

enum sl_code sl_delta_add_make(const struct sl_delta_add_maker *maker,
                               const struct sl_data_file *file,
                               struct sl_delta_map partition_values, struct sl_arena *arena,
                               struct sl_delta_file *out, struct sl_err *err) {
    struct sl_buf path = {0}, stats = {0};
    struct sl_file_info info;
    sl_delta_path_put(&path, sl_str(file->final));
    put_stats(&stats, maker, file);
    *out = (struct sl_delta_file){.path = sl_arena_str(arena, sl_buf_str(&path)),
                                  .partition_values = partition_values,
                                  .bytes = (int64_t)file->bytes,
                                  .data_change = maker->data_change,
                                  .stats = sl_arena_str(arena, sl_buf_str(&stats)),
                                  .base_row_id = -1,
                                  .default_row_version = -1};
    sl_buf_release(&path);
    sl_buf_release(&stats);
    SL_TRY(sl_io_stat(sl_path_join(arena, maker->table_dir, file->final), &info, err));
    out->modified_ms = info.modified_ms;
    return SL_OK;
}
