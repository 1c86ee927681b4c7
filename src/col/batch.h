/* A batch: columns of equal row count, an optional selection, and where its rows came from.
 *
 * A filter sets `selected` instead of copying; the next copy (a sink's column builder,
 * sl_vec_append with the index list) applies it.  Expressions are evaluated over all rows; errors
 * of unselected rows are ignored.
 *
 * Memory: columns may point into foreign memory (Kafka messages, a file buffer) that stays valid
 * until the next call of the batch's producer.
 */
#ifndef SL_COL_BATCH_H
#define SL_COL_BATCH_H

#include "col/drift.h"
#include "col/fault.h"
#include "col/vec.h"

/* Where a row came from, so that a bad or late row can always be named. */
struct sl_origin {
    const char *source;     /* "kafka", "file" */
    const char *name;       /* topic or path */
    int32_t partition;      /* -1 if none */
    const int64_t *offsets; /* per row: Kafka offset, or line number; NULL if unknown */
};

struct sl_batch {
    const struct sl_type *schema; /* STRUCT */
    uint32_t rows;                /* of every column, before selection */
    /* schema->field_count; columns nobody reads have rows == 0 and data NULL */
    struct sl_vec *columns;
    const uint64_t *selected; /* NULL: all rows */
    uint32_t selected_rows;   /* rows when selected is NULL */
    struct sl_origin origin;
    const uint32_t *source_rows; /* per row: the row of the source's batch it was made from (a
                                    generator multiplies rows); NULL: the same number */
    const int64_t *row_ids;      /* per row: what tells it from the others made of the same source
                                    row, the same in a rerun; NULL: origin.offsets do */
    struct sl_faults *faults;    /* where failed rows are noted; NULL: they fail the batch */
    struct sl_drift *drift;      /* where fields are noted that a schema lacks; NULL: nobody asks */
    /* Rows that the source could not read as its schema wants (their columns are null): a chain
     * with faults takes them over; NULL: none. */
    const struct sl_faults *malformed;
};

/* The row of the source's batch, which `origin` and `faults` speak of. */
static inline uint32_t sl_batch_source_row(const struct sl_batch *batch, uint32_t row) {
    return batch->source_rows ? batch->source_rows[row] : row;
}
/* The selection without the rows whose record has failed: `bits` has room for batch->rows bits and
 * becomes the selection if a row leaves. */
void sl_batch_drop_failed(struct sl_batch *batch, uint64_t *bits);

/* Makes the column array in the arena; sl_batch_release frees the columns' own storage. */
void sl_batch_init(struct sl_batch *batch, const struct sl_type *schema, struct sl_arena *arena);
void sl_batch_release(struct sl_batch *batch);
void sl_batch_clear(struct sl_batch *batch);
/* Rows, selection, origin, faults and drift of `from`: for an operator whose output has the same
 * rows. */
void sl_batch_take_rows(struct sl_batch *batch, const struct sl_batch *from);
/* Writes the row numbers of the selection to idx (room for batch->rows) and returns their count. */
uint32_t sl_batch_selection(const struct sl_batch *batch, uint32_t *idx);
/* "topic orders partition 3 offset 12345" in buf; for messages. */
void sl_batch_describe_row(const struct sl_batch *batch, uint32_t row, char *buf, size_t cap);

#endif
