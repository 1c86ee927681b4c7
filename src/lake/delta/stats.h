/* Statistics of a data file: the JSON text of add.stats (PROTOCOL.md "Per-file Statistics"; Spark
 * StatisticsCollection.scala).  First 32 leaf columns, strings cut to 32 characters (the upper
 * bound grown past the cut), timestamps floored and, for the maximum, ceiled to milliseconds.  A
 * float column with NaN gets a minimum only: Spark orders NaN above all numbers.  A string that is
 * not UTF-8 gives no bound. Owner: any thread. */
#ifndef SL_LAKE_DELTA_STATS_H
#define SL_LAKE_DELTA_STATS_H

#include "base/buf.h"
#include "base/err.h"
#include "col/vec.h"

/* What the data file's writer knows of one column. */
struct sl_delta_column_stats {
    bool unknown; /* nothing: the column is left out */
    bool has_nan;
    uint64_t null_count;            /* ARRAY, MAP too; of a STRUCT its leaves have one each */
    const struct sl_vec *min, *max; /* one row each; NULL or rows == 0: none */
    const struct sl_delta_column_stats *fields; /* STRUCT: field_count, or NULL: left out */
};
struct sl_delta_stats_options {
    int32_t indexed_columns; /* delta.dataSkippingNumIndexedCols; -1 = all; default 32 */
};
/* columns[i] belongs to schema->fields[i], the data columns (no partition columns), under the names
 * of the data file (column mapping: physical ones). */
void sl_delta_stats_put(struct sl_buf *out, const struct sl_type *schema, uint64_t rows,
                        const struct sl_delta_column_stats *columns,
                        const struct sl_delta_stats_options *options);

/* Bounds of one top-level column as read from a stats text, for skipping.  Widened so that the true
 * values lie inside, whoever wrote them: a maximum of a timestamp is one millisecond later, as
 * Spark reads it; a maximum of a float column is NaN, which is Spark's largest number, because
 * delta-rs tells the largest number beside a NaN.  Boolean bounds are not given. */
struct sl_delta_bounds {
    bool has_rows, has_null_count, has_min, has_max;
    int64_t rows; /* of the file, deleted ones included */
    /* Beside a deletion vector (tightBounds false) only where all rows are null, or none. */
    int64_t null_count;
    struct sl_vec min, max; /* one row each, in the arena: never released */
};
/* Parses once, then columns are asked for. A stats text that is broken gives no bounds, no error:
 * it is only a hint. */
struct sl_delta_stats;
struct sl_delta_stats *sl_delta_stats_parse(struct sl_arena *arena, struct sl_str text);
void sl_delta_stats_column(const struct sl_delta_stats *stats, struct sl_arena *arena,
                           struct sl_str physical_name, const struct sl_type *type,
                           struct sl_delta_bounds *out);

#endif
