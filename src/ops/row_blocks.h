/* Rows that an operator keeps whole: as columns, in blocks.
 *
 * A row's number is its block and its place in it; it stays while the row is there.  Rows are
 * collected in an open block, whose columns grow by doubling, and copied to columns of exactly
 * their size when it is full: a full block has no slack.  A block goes as a whole; its number is
 * used again.
 *
 * Owner: whoever holds the lock of what it belongs to; gather by several threads while nobody puts.
 */
#ifndef SL_OPS_ROW_BLOCKS_H
#define SL_OPS_ROW_BLOCKS_H

#include "base/budget.h"
#include "col/batch.h"

struct sl_row_blocks {
    const struct sl_type *schema;
    const char *what; /* for the message when the budget is used up */
    struct sl_budget *budget;
    uint32_t shift;       /* a block has 1 << shift rows */
    struct sl_vec **full; /* by block: its columns; NULL: the open one, or free */
    uint32_t block_count, block_cap;
    uint32_t *spare; /* numbers of blocks that went, for the next ones */
    uint32_t spare_count, spare_cap;
    struct sl_vec *open; /* columns of the open block; NULL before the first row */
    uint32_t open_block, open_rows;
    bool *nullable;    /* by column: a null may be in it */
    size_t held_bytes; /* taken from the budget */
    size_t full_bytes; /* of the columns of full blocks */
};

/* Numbers of blocks that are there: 0..block_count; sl_row_blocks_rows says how many rows each. */
void sl_row_blocks_init(struct sl_row_blocks *blocks, const struct sl_type *schema, uint32_t shift,
                        struct sl_budget *budget, const char *what);
/* Safe on a zeroed struct. */
void sl_row_blocks_release(struct sl_row_blocks *blocks);
/* No rows; memory is given back. */
void sl_row_blocks_clear(struct sl_row_blocks *blocks);

/* Copies the rows idx[0..count) of the columns (any encoding; a column with no rows, which nobody
 * reads, becomes nulls) and writes their numbers. The budget is asked first. */
SL_MUST_CHECK enum sl_code sl_row_blocks_put(struct sl_row_blocks *blocks,
                                             const struct sl_vec *columns, const uint32_t *idx,
                                             uint32_t count, uint32_t *numbers, struct sl_err *err);
/* Appends a column's values of rows, in any order, to a FLAT vector; SL_NO_ROW: a null. */
SL_MUST_CHECK enum sl_code sl_row_blocks_gather(const struct sl_row_blocks *blocks, uint32_t column,
                                                const uint32_t *numbers, uint32_t count,
                                                struct sl_vec *out, struct sl_err *err);
/* Frees a full block; the open one stays. */
void sl_row_blocks_drop(struct sl_row_blocks *blocks, uint32_t block);

static inline uint32_t sl_row_blocks_place(const struct sl_row_blocks *blocks, uint32_t number) {
    return number & ((UINT32_C(1) << blocks->shift) - 1);
}
/* The FLAT columns that row `number` is in; NULL: no such block. */
static inline const struct sl_vec *sl_row_blocks_columns(const struct sl_row_blocks *blocks,
                                                         uint32_t number) {
    uint32_t block = number >> blocks->shift;
    return block == blocks->open_block ? blocks->open : blocks->full[block];
}

#endif
