/* Group numbers by key: a map from key rows to small numbers 0.., of one shard.
 *
 *     index    open addressing, slots of 32 bits of hash and 32 bits of group number, in the order
 *              of the hash's upper bits: growing reads and writes it once from front to back
 *     cells    key_block.h's, by group number, in chunks; texts that do not fit in an arena
 *
 * Numbers of removed groups are given out again, so what is kept beside the table in arrays by
 * group number stays small: `limit` is the highest number ever used plus one.  Everything that
 * grows asks the budget first; what was refused leaves the table as it was but for the rows before.
 *
 * With a layout that has an event time every chunk knows its earliest one, so that a watermark
 * finds what it passed without looking at the rest.
 *
 * Owner: whoever holds the shard's lock; find and append_keys by several threads when nobody adds.
 */
#ifndef SL_OPS_GROUP_TABLE_H
#define SL_OPS_GROUP_TABLE_H

#include "base/budget.h"
#include "ops/key_block.h"

#define SL_NO_GROUP UINT32_MAX

struct sl_group_chunk;
struct sl_group_slot;
struct sl_far_chunk;

struct sl_group_table {
    const struct sl_key_layout *layout;
    struct sl_budget *budget;
    struct sl_group_slot *slots;
    uint32_t slot_bits; /* 0: no index yet */
    uint32_t count;     /* groups that are there */
    uint32_t limit;     /* numbers used so far */
    uint32_t free_head; /* first number to give out again; SL_NO_GROUP: none */
    uint8_t **cells;    /* of each chunk */
    struct sl_group_chunk *chunks;
    uint32_t chunk_count, chunk_cap, first_cap;
    struct sl_far_chunk *far; /* newest first */
    size_t far_used, far_dead;
    size_t held_bytes; /* taken from the budget */
};

void sl_group_table_init(struct sl_group_table *table, const struct sl_key_layout *layout,
                         struct sl_budget *budget);
/* Gives everything back; safe on a zeroed struct. */
void sl_group_table_release(struct sl_group_table *table);
/* No groups; memory is given back. */
void sl_group_table_clear(struct sl_group_table *table);

/* groups[i] of the block's keys begin..begin+count; what was not there is added. is_new: bitmap of
 * `count` bits that it sets where this call added the group (a key that stands twice: the first
 * time only); may be NULL. */
SL_MUST_CHECK enum sl_code sl_group_table_find_or_add(struct sl_group_table *table,
                                                      const struct sl_key_block *block,
                                                      uint32_t begin, uint32_t count,
                                                      uint32_t *groups, uint64_t *is_new,
                                                      uint32_t *new_count, struct sl_err *err);
/* The same without adding: SL_NO_GROUP where the key is not there. */
void sl_group_table_find(const struct sl_group_table *table, const struct sl_key_block *block,
                         uint32_t begin, uint32_t count, uint32_t *groups);
/* Each group at most once. */
void sl_group_table_remove(struct sl_group_table *table, const uint32_t *groups, uint32_t count);

/* Appends the keys of the groups to layout->column_count FLAT vectors. */
SL_MUST_CHECK enum sl_code sl_group_table_append_keys(const struct sl_group_table *table,
                                                      const uint32_t *groups, uint32_t count,
                                                      struct sl_vec *out, struct sl_err *err);
/* Groups that are there, ascending, from *cursor (begin with 0) on: writes at most cap numbers,
 * returns how many; 0 at the end. Removing some of them between the calls is fine. */
uint32_t sl_group_table_list(const struct sl_group_table *table, uint32_t *cursor, uint32_t *groups,
                             uint32_t cap);
/* Groups whose event time is <= until_us, ascending; begin with *cursor = 0, cap at least
 * SL_GROUP_CHUNK, 0 at the end. What it gives has to be removed before the next search begins: it
 * may not be given again. */
enum { SL_GROUP_CHUNK = 1024 };
uint32_t sl_group_table_due(struct sl_group_table *table, int64_t until_us, uint32_t *cursor,
                            uint32_t *groups, uint32_t cap);

/* The extra bytes of a group: zeros when it is new (but for the time); no alignment. */
uint8_t *sl_group_table_extra(const struct sl_group_table *table, uint32_t group);
/* Layout of sl_key_layout_new_expiring: a group without a time is never due. */
void sl_group_table_set_time(struct sl_group_table *table, uint32_t group, int64_t time_us);
/* INT64_MAX: none. */
int64_t sl_group_table_time(const struct sl_group_table *table, uint32_t group);

/* Everything held, in bytes; what the budget was asked for. */
static inline size_t sl_group_table_bytes(const struct sl_group_table *table) {
    return table->held_bytes;
}

#endif
