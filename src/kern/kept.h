/* One value of any type per group, owned: what min, max, first, max_by and their like remember.
 *
 *   numbers, dates, BOOL    int64 per group, floats double, wide decimals 128 bits
 *   STRING, BINARY          up to 8 bytes in the group's item; longer ones in blocks of a few
 *                           sizes, which are used again when a value changes or a group goes
 *   ARRAY, STRUCT, MAP      a row of a vector that grows and is rewritten when half of it is dead
 *
 * Whether a group has a value is told by the user of it. */
#ifndef SL_KERN_KEPT_H
#define SL_KERN_KEPT_H

#include "kern/accumulator.h"

enum sl_kept_shape {
    SL_KEPT_I64,
    SL_KEPT_F64,
    SL_KEPT_I128,
    SL_KEPT_BYTES,
    SL_KEPT_ROW,
    SL_KEPT_NOTHING /* type NULL */
};

struct sl_kept_chunk;
enum { SL_KEPT_CLASSES = 24 };

struct sl_kept {
    struct sl_accumulator_base *base;
    const struct sl_type *type;
    enum sl_kept_shape shape;
    struct sl_group_array items;
    /* BYTES */
    struct sl_kept_chunk *chunks;
    void *spare[SL_KEPT_CLASSES]; /* blocks that are free, by class */
    char *room;                   /* what is left of the newest chunk */
    size_t room_bytes;
    /* ROW */
    struct sl_vec rows;
    uint32_t dead, rows_checked;
    size_t rows_bytes; /* counted */
};

void sl_kept_init(struct sl_kept *kept, struct sl_accumulator_base *base,
                  const struct sl_type *type);
void sl_kept_release(struct sl_kept *kept);
SL_MUST_CHECK enum sl_code sl_kept_grow(struct sl_kept *kept, uint32_t count, struct sl_err *err);
/* Forgets the groups' values and frees what they took. */
void sl_kept_reset(struct sl_kept *kept, const uint32_t *groups, uint32_t count);
/* The group's value becomes that of a row that is not null. */
SL_MUST_CHECK enum sl_code sl_kept_set(struct sl_kept *kept, uint32_t group,
                                       const struct sl_vec *vec, uint32_t row, struct sl_err *err);
/* Order of a row that is not null and the group's value, as sl_order_rows. */
int sl_kept_order(const struct sl_kept *kept, const struct sl_vec *vec, uint32_t row,
                  uint32_t group);
/* Appends the groups' values; those whose byte in `flags` has none of `mask` are null. */
SL_MUST_CHECK enum sl_code sl_kept_append(const struct sl_kept *kept, const uint8_t *flags,
                                          uint8_t mask, const uint32_t *groups, uint32_t count,
                                          struct sl_vec *out, struct sl_err *err);

#endif
