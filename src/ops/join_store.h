/* The rows that one shard of a join remembers, of both sides.
 *
 *     keys     group_table.h: a key that any remembered row has; in the extra bytes of its cell the
 *              last row of each side's chain
 *     rows     row_blocks.h, one for each side
 *     links    by row number: the next row of its chain, in order of arrival, of the last one the
 *              first; its group; its number of arrival
 *
 * Numbers of arrival count the rows of both sides: a row is joined with those of the other side
 * that came before it, so that every pair is found once, whoever probes when.  They are also what
 * tells the rows of a key apart in the saved state.
 *
 * Rows that may go are marked in the batch (`due`) and leave at its end (sl_join_store_sweep), for
 * the saved state must be told of them.
 *
 * Owner: whoever holds the shard's lock.
 */
#ifndef SL_OPS_JOIN_STORE_H
#define SL_OPS_JOIN_STORE_H

#include "ops/group_table.h"
#include "ops/number_list.h"
#include "ops/row_blocks.h"

enum { SL_JOIN_BLOCK_SHIFT = 10, SL_JOIN_EXTRA_BYTES = 9 };

struct sl_join_link {
    uint32_t next, group;
    uint64_t id;
};
struct sl_join_block {
    struct sl_join_link *links; /* NULL: no such block */
    uint64_t *live, *matched, *due;
    uint32_t live_count;
    int64_t time_min; /* of what `bound` says; INT64_MAX: none */
};
struct sl_join_rows {
    struct sl_row_blocks columns;
    struct sl_join_block *blocks;
    uint32_t block_cap;
    uint32_t live;
    int32_t bound; /* column whose time evicts; -1: none */
    bool notes_matches;
    struct sl_number_list added, matched, due; /* in this batch; matched: of earlier rows */
};
struct sl_join_store {
    struct sl_group_table keys;
    struct sl_join_rows sides[2];
    struct sl_budget *budget;
    uint64_t next_id, first_id; /* of this batch's rows */
    size_t held_bytes;          /* of links and lists of blocks */
};

void sl_join_store_init(struct sl_join_store *store, const struct sl_key_layout *layout,
                        const struct sl_type *const *inputs, struct sl_budget *budget);
void sl_join_store_release(struct sl_join_store *store);
void sl_join_store_clear(struct sl_join_store *store);
size_t sl_join_store_bytes(const struct sl_join_store *store);

/* A batch begins: nothing has changed yet. */
void sl_join_store_begin(struct sl_join_store *store);
/* Remembers rows idx[0..count) of the columns in their groups; writes their numbers. ids: NULL, or
 * those of loaded rows, which did not change in this batch. */
SL_MUST_CHECK enum sl_code sl_join_store_put(struct sl_join_store *store, uint32_t side,
                                             const struct sl_vec *columns, const uint32_t *idx,
                                             const uint32_t *groups, uint32_t count,
                                             const uint64_t *ids, uint32_t *numbers,
                                             struct sl_err *err);
/* The row of a group (or SL_NO_GROUP) with that number of arrival; SL_NO_ROW: there is none. */
uint32_t sl_join_store_find(const struct sl_join_store *store, uint32_t side, uint32_t group,
                            uint64_t id);
/* The row was matched: false when it had been before. */
SL_MUST_CHECK enum sl_code sl_join_store_match(struct sl_join_store *store, uint32_t side,
                                               uint32_t number, bool *is_first, struct sl_err *err);
/* Marks rows whose time is <= until_us as due; appends their numbers to side's `due`. */
SL_MUST_CHECK enum sl_code sl_join_store_find_due(struct sl_join_store *store, uint32_t side,
                                                  int64_t until_us, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_join_store_mark_due(struct sl_join_store *store, uint32_t side,
                                                  uint32_t number, struct sl_err *err);
/* What is due leaves. */
void sl_join_store_sweep(struct sl_join_store *store);
/* Rows that are there, in ascending order from *cursor (0) on; 0 at the end. */
uint32_t sl_join_store_list(const struct sl_join_store *store, uint32_t side, uint32_t *cursor,
                            uint32_t *numbers, uint32_t cap);

static inline struct sl_join_block *sl_join_block_of(const struct sl_join_rows *rows,
                                                     uint32_t number) {
    return &rows->blocks[number >> SL_JOIN_BLOCK_SHIFT];
}
static inline uint32_t sl_join_place(uint32_t number) {
    return number & ((1u << SL_JOIN_BLOCK_SHIFT) - 1);
}
static inline struct sl_join_link *sl_join_link_of(const struct sl_join_rows *rows,
                                                   uint32_t number) {
    return &sl_join_block_of(rows, number)->links[sl_join_place(number)];
}
static inline bool sl_join_is_matched(const struct sl_join_rows *rows, uint32_t number) {
    return sl_bit_get(sl_join_block_of(rows, number)->matched, sl_join_place(number));
}
static inline bool sl_join_is_due(const struct sl_join_rows *rows, uint32_t number) {
    return sl_bit_get(sl_join_block_of(rows, number)->due, sl_join_place(number));
}
/* The last row of a chain; SL_NO_ROW: there is none. */
static inline uint32_t sl_join_tail(const struct sl_join_store *store, uint32_t side,
                                    uint32_t group) {
    uint32_t tail;
    memcpy(&tail, sl_group_table_extra(&store->keys, group) + side * 4, 4);
    return tail - 1; /* new groups are zeros */
}

#endif
