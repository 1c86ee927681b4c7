/* Keys as bytes: rows of key columns in cells of one width, equal exactly when the keys are.
 *
 *     cell = [2 bits for each leaf] [fixed-width leaves] [16 bytes for each other leaf] [extra]
 *
 * A column is a leaf; a STRUCT is one for its own null and one for each field, so that a window is
 * two numbers.  The bits say what a leaf holds (enum leaf_code in key_block.c):
 *
 *     null      nothing (zeros)
 *     value     a number, least significant byte first; -0.0 is 0.0, all NaN are one
 *     inline    a text, or an encoded list, of up to 15 bytes: its length, the bytes
 *     uuid      a canonical lower-case UUID text of 36 bytes as its 16 bytes
 *     far       length, 32 bits of hash and the address of bytes that lie elsewhere
 *
 * NULLs are equal.  ARRAY and MAP are encoded into bytes (key_nested.c), a MAP in the order of its
 * keys.  Everything is reversible.  `extra` bytes are the owner's, for what belongs to a key.
 */
#ifndef SL_OPS_KEY_BLOCK_H
#define SL_OPS_KEY_BLOCK_H

#include "base/buf.h"
#include "col/vec.h"

struct sl_key_leaf {
    const struct sl_type *type;
    uint32_t offset; /* in the cell; a STRUCT's own leaf has no bytes */
    bool wide;       /* 16 bytes: text or list */
};
/* Immutable, in the query arena; shared by all tables and tasks. */
struct sl_key_layout {
    const struct sl_type **types; /* of the key columns */
    uint32_t column_count;
    struct sl_key_leaf *leaves; /* depth first */
    uint32_t leaf_count, wide_count;
    uint32_t fixed_bytes; /* bits and fixed-width leaves */
    uint32_t key_bytes;   /* and the wide ones */
    uint32_t cell_bytes;  /* and extra */
    int32_t time_offset;  /* of an event time (microseconds) in the cell; -1: none */
    uint32_t time_leaf;   /* UINT32_MAX: the time is the first extra 8 bytes */
};
const struct sl_key_layout *sl_key_layout_new(struct sl_arena *query,
                                              const struct sl_type *const *types, uint32_t count,
                                              uint32_t extra_bytes);
/* As above; the event time is key column `column` (TIMESTAMP, DATE excluded; of a STRUCT<start,
 * end> its last field). */
const struct sl_key_layout *sl_key_layout_new_timed(struct sl_arena *query,
                                                    const struct sl_type *const *types,
                                                    uint32_t count, uint32_t extra_bytes,
                                                    uint32_t column);
/* As above; the event time is kept in the first 8 of `extra_bytes` bytes
 * (sl_group_table_set_time). */
const struct sl_key_layout *sl_key_layout_new_expiring(struct sl_arena *query,
                                                       const struct sl_type *const *types,
                                                       uint32_t count, uint32_t extra_bytes);

/* Keys of the rows of a batch, encoded: scratch of one task. Its far bytes lie in the vectors that
 * were encoded and in `lists`: both must be there while it is used. */
struct sl_key_block {
    const struct sl_key_layout *layout;
    uint8_t *cells; /* count * layout->key_bytes */
    uint32_t *tags; /* hash of each, what the index of a table keeps */
    uint32_t count, cap;
    struct sl_buf lists;
    struct sl_vec *flat; /* layout->column_count: columns whose encoding had to go */
};
void sl_key_block_init(struct sl_key_block *block, const struct sl_key_layout *layout);
void sl_key_block_release(struct sl_key_block *block);
/* Encodes rows[0..count) (NULL: rows 0..count) of the key columns, any encoding. */
SL_MUST_CHECK enum sl_code sl_key_block_encode(struct sl_key_block *block,
                                               const struct sl_vec *const *keys,
                                               const uint32_t *rows, uint32_t count,
                                               struct sl_err *err);

/* ---- of one cell; for tables ---- */

uint32_t sl_key_tag(const struct sl_key_layout *layout, const uint8_t *cell);
bool sl_key_equal(const struct sl_key_layout *layout, const uint8_t *a, const uint8_t *b);
/* Bytes that lie elsewhere. */
size_t sl_key_far_bytes(const struct sl_key_layout *layout, const uint8_t *cell);
/* Copies them to `to` and makes the cell refer to the copy. */
void sl_key_move_far(const struct sl_key_layout *layout, uint8_t *cell, uint8_t *to);
/* Appends the keys in cells[0..count) to the FLAT vectors out[0..column_count). */
SL_MUST_CHECK enum sl_code sl_key_append(const struct sl_key_layout *layout,
                                         const uint8_t *const *cells, uint32_t count,
                                         struct sl_vec *out, struct sl_err *err);
/* False when the time is null. */
bool sl_key_time(const struct sl_key_layout *layout, const uint8_t *cell, int64_t *time_us);

#endif
