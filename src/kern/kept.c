#include "kern/kept.h"

#include <stdlib.h>

#include "kern/order.h"

enum { INLINE_BYTES = 8, CHUNK_BYTES = 64 << 10, BLOCK_MIN = 16 };

/* A string: its bytes here, or in a block of the class; class CLASS_OWN: of its own, from malloc.
 */
struct kept_bytes {
    uint32_t len;
    uint32_t class; /* 0: inline */
    union {
        char text[INLINE_BYTES];
        char *block;
    };
};
enum { CLASS_OWN = SL_KEPT_CLASSES };

struct sl_kept_chunk {
    struct sl_kept_chunk *next;
};

static enum sl_kept_shape shape_of(const struct sl_type *type) {
    if (type->kind == SL_NULL_KIND) return SL_KEPT_NOTHING;
    if (sl_type_is_bytes(type)) return SL_KEPT_BYTES;
    if (sl_type_is_nested(type)) return SL_KEPT_ROW;
    if (sl_type_is_float(type)) return SL_KEPT_F64;
    return sl_type_is_wide_decimal(type) ? SL_KEPT_I128 : SL_KEPT_I64;
}

void sl_kept_init(struct sl_kept *kept, struct sl_accumulator_base *base,
                  const struct sl_type *type) {
    static const size_t widths[] = {8, 8, 16, sizeof(struct kept_bytes), 4, 1};
    *kept = (struct sl_kept){.base = base, .type = type, .shape = shape_of(type)};
    kept->items.width = widths[kept->shape];
    if (kept->shape == SL_KEPT_ROW) sl_vec_init(&kept->rows, type);
}

enum sl_code sl_kept_grow(struct sl_kept *kept, uint32_t count, struct sl_err *err) {
    return sl_group_array_grow(&kept->items, kept->base, count, err);
}

/* ---- blocks of bytes ---- */

/* Classes 1.. are 16, 24, 32, 48, 64, 96 .. 24576, 32768 bytes. */
static size_t class_bytes(uint32_t class) {
    size_t power = (size_t)BLOCK_MIN << ((class - 1) / 2);
    return class % 2 ? power : power + power / 2;
}

static uint32_t class_for(size_t len) {
    if (len <= INLINE_BYTES) return 0;
    for (uint32_t class = 1; class < SL_KEPT_CLASSES; class ++)
        if (len <= class_bytes(class)) return class;
    return CLASS_OWN;
}

static size_t own_bytes(size_t len) { return (len + 4095) & ~(size_t)4095; }

static enum sl_code take_room(struct sl_kept *kept, size_t bytes, char **out, struct sl_err *err) {
    if (kept->room_bytes < bytes) {
        SL_TRY(sl_accumulator_take(kept->base, CHUNK_BYTES, err));
        struct sl_kept_chunk *chunk = sl_xmalloc(CHUNK_BYTES);
        chunk->next = kept->chunks;
        kept->chunks = chunk;
        /* 16 bytes keep blocks aligned. */
        kept->room = (char *)chunk + 16;
        kept->room_bytes = CHUNK_BYTES - 16;
    }
    *out = kept->room;
    kept->room += bytes;
    kept->room_bytes -= bytes;
    return SL_OK;
}

static enum sl_code take_block(struct sl_kept *kept, uint32_t class, size_t len, char **out,
                               struct sl_err *err) {
    if (class == CLASS_OWN) {
        SL_TRY(sl_accumulator_take(kept->base, own_bytes(len), err));
        *out = sl_xmalloc(own_bytes(len));
        return SL_OK;
    }
    void *spare = kept->spare[class];
    if (!spare) return take_room(kept, class_bytes(class), out, err);
    memcpy(&kept->spare[class], spare, sizeof(void *));
    *out = spare;
    return SL_OK;
}

static void give_block(struct sl_kept *kept, struct kept_bytes *item) {
    if (item->class == CLASS_OWN) {
        sl_accumulator_give(kept->base, own_bytes(item->len));
        free(item->block);
    } else if (item->class) {
        memcpy(item->block, &kept->spare[item->class], sizeof(void *));
        kept->spare[item->class] = item->block;
    }
    *item = (struct kept_bytes){0};
}

static struct sl_str bytes_of(const struct kept_bytes *item) {
    return (struct sl_str){item->class ? item->block : item->text, item->len};
}

static enum sl_code set_bytes(struct sl_kept *kept, struct kept_bytes *item, struct sl_str value,
                              struct sl_err *err) {
    uint32_t class = class_for(value.len);
    if (class != item->class || class == CLASS_OWN) {
        char *block = NULL;
        if (class) SL_TRY(take_block(kept, class, value.len, &block, err));
        give_block(kept, item);
        item->class = class;
        if (class) item->block = block;
    }
    item->len = (uint32_t)value.len;
    if (value.len) memcpy(class ? item->block : item->text, value.ptr, value.len);
    return SL_OK;
}

/* ---- rows of a vector ---- */

static enum sl_code count_rows(struct sl_kept *kept, struct sl_err *err) {
    size_t bytes = sl_vec_owned_bytes(&kept->rows);
    if (bytes > kept->rows_bytes)
        SL_TRY(sl_accumulator_take(kept->base, bytes - kept->rows_bytes, err));
    else
        sl_accumulator_give(kept->base, kept->rows_bytes - bytes);
    kept->rows_bytes = bytes;
    return SL_OK;
}

/* Rewrites the vector with the rows that groups point to. An item is the row's number + 1. */
static enum sl_code sweep_rows(struct sl_kept *kept, struct sl_err *err) {
    uint32_t *items = kept->items.data, live = 0;
    uint32_t *rows = sl_xmalloc(((size_t)kept->rows.rows + 1) * sizeof *rows);
    for (uint32_t g = 0; g < kept->items.cap; g++)
        if (items[g]) rows[live++] = items[g] - 1;
    struct sl_vec fresh;
    sl_vec_init(&fresh, kept->type);
    enum sl_code code = sl_vec_append(&fresh, &kept->rows, rows, live, err);
    free(rows);
    if (code != SL_OK) {
        sl_vec_release(&fresh);
        return code;
    }
    sl_vec_release(&kept->rows);
    kept->rows = fresh;
    kept->dead = live = 0;
    for (uint32_t g = 0; g < kept->items.cap; g++)
        if (items[g]) items[g] = ++live;
    return count_rows(kept, err);
}

static enum sl_code set_row(struct sl_kept *kept, uint32_t group, const struct sl_vec *vec,
                            uint32_t row, struct sl_err *err) {
    enum { SWEEP_MIN = 1024, CHECK_EVERY = 64 };
    uint32_t *items = kept->items.data;
    SL_TRY(sl_vec_append(&kept->rows, vec, &row, 1, err));
    kept->dead += items[group] != 0;
    items[group] = kept->rows.rows;
    if (kept->dead > SWEEP_MIN && kept->dead > kept->rows.rows / 2) return sweep_rows(kept, err);
    if (++kept->rows_checked % CHECK_EVERY == 1) return count_rows(kept, err);
    return SL_OK;
}

/* ---- any type ---- */

static double load_double(const struct sl_vec *vec, uint32_t pos) {
    return sl_load_f64(vec->data, sl_type_width(vec->type), pos);
}

enum sl_code sl_kept_set(struct sl_kept *kept, uint32_t group, const struct sl_vec *vec,
                         uint32_t row, struct sl_err *err) {
    switch (kept->shape) {
    case SL_KEPT_I64:
        ((int64_t *)kept->items.data)[group] =
            sl_load_i64(vec->data, sl_type_width(vec->type), sl_vec_pos(vec, row));
        return SL_OK;
    case SL_KEPT_F64:
        ((double *)kept->items.data)[group] = load_double(vec, sl_vec_pos(vec, row));
        return SL_OK;
    case SL_KEPT_I128:
        ((sl_int128 *)kept->items.data)[group] = vec->i128[sl_vec_pos(vec, row)];
        return SL_OK;
    case SL_KEPT_BYTES:
        return set_bytes(kept, (struct kept_bytes *)kept->items.data + group, sl_vec_str(vec, row),
                         err);
    case SL_KEPT_ROW:
        return set_row(kept, group, vec, row, err);
    case SL_KEPT_NOTHING:
        break;
    }
    return SL_OK;
}

#define ORDER(x, y) (((x) > (y)) - ((x) < (y)))

static int order_f64(double a, double b) {
    if (a < b) return -1;
    if (a > b) return 1;
    return (a != a) - (b != b);
}

int sl_kept_order(const struct sl_kept *kept, const struct sl_vec *vec, uint32_t row,
                  uint32_t group) {
    switch (kept->shape) {
    case SL_KEPT_I64: {
        int64_t value = sl_load_i64(vec->data, sl_type_width(vec->type), sl_vec_pos(vec, row));
        return ORDER(value, ((const int64_t *)kept->items.data)[group]);
    }
    case SL_KEPT_F64:
        return order_f64(load_double(vec, sl_vec_pos(vec, row)),
                         ((const double *)kept->items.data)[group]);
    case SL_KEPT_I128: {
        sl_int128 value = vec->i128[sl_vec_pos(vec, row)];
        return ORDER(value, ((const sl_int128 *)kept->items.data)[group]);
    }
    case SL_KEPT_BYTES:
        return sl_str_cmp(sl_vec_str(vec, row),
                          bytes_of((const struct kept_bytes *)kept->items.data + group));
    case SL_KEPT_ROW:
        return sl_order_rows(vec, row, &kept->rows,
                             ((const uint32_t *)kept->items.data)[group] - 1);
    case SL_KEPT_NOTHING:
        break;
    }
    return 0;
}

static enum sl_code append_bytes(const struct sl_kept *kept, const uint8_t *flags, uint8_t mask,
                                 const uint32_t *groups, uint32_t count, struct sl_vec *out,
                                 struct sl_err *err) {
    const struct kept_bytes *items = kept->items.data;
    uint32_t first;
    size_t bytes = out->rows ? (size_t)out->offsets[out->rows] : 0, at = bytes;
    for (uint32_t i = 0; i < count; i++)
        if (flags[groups[i]] & mask) bytes += items[groups[i]].len;
    /* Before the rows are added: what is kept of old bytes goes by out->rows. */
    SL_TRY(sl_vec_reserve(out, out->rows, err));
    SL_TRY(sl_vec_reserve_bytes(out, bytes, err));
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str value = bytes_of(&items[groups[i]]);
        if (!(flags[groups[i]] & mask)) {
            SL_TRY(sl_rows_null(out, first + i, err));
            value.len = 0;
        }
        if (value.len) memcpy(out->bytes + at, value.ptr, value.len);
        at += value.len;
        out->offsets[first + i + 1] = (int32_t)at;
    }
    return SL_OK;
}

static enum sl_code append_rows(const struct sl_kept *kept, const uint8_t *flags, uint8_t mask,
                                const uint32_t *groups, uint32_t count, struct sl_vec *out,
                                struct sl_err *err) {
    const uint32_t *items = kept->items.data;
    uint32_t *rows = sl_xmalloc(((size_t)count + 1) * sizeof *rows);
    for (uint32_t i = 0; i < count; i++)
        rows[i] = flags[groups[i]] & mask ? items[groups[i]] - 1 : SL_NO_ROW;
    enum sl_code code = sl_vec_append_or_null(out, &kept->rows, rows, count, err);
    free(rows);
    return code;
}

enum sl_code sl_kept_append(const struct sl_kept *kept, const uint8_t *flags, uint8_t mask,
                            const uint32_t *groups, uint32_t count, struct sl_vec *out,
                            struct sl_err *err) {
    uint32_t first = out->rows;
    switch (kept->shape) {
    case SL_KEPT_I64:
        SL_TRY(sl_rows_append_i64(out, kept->items.data, NULL, groups, count, err));
        break;
    case SL_KEPT_F64:
        SL_TRY(sl_rows_append_f64(out, kept->items.data, NULL, groups, count, err));
        break;
    case SL_KEPT_I128:
        SL_TRY(sl_rows_append_i128(out, kept->items.data, NULL, groups, count, err));
        break;
    case SL_KEPT_BYTES:
        return append_bytes(kept, flags, mask, groups, count, out, err);
    case SL_KEPT_ROW:
        return append_rows(kept, flags, mask, groups, count, out, err);
    case SL_KEPT_NOTHING:
        return sl_vec_append_null(out, count, err);
    }
    for (uint32_t i = 0; i < count; i++)
        if (!(flags[groups[i]] & mask)) SL_TRY(sl_rows_null(out, first + i, err));
    return SL_OK;
}

void sl_kept_reset(struct sl_kept *kept, const uint32_t *groups, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (kept->shape == SL_KEPT_BYTES)
            give_block(kept, (struct kept_bytes *)kept->items.data + groups[i]);
        if (kept->shape == SL_KEPT_ROW)
            kept->dead += ((const uint32_t *)kept->items.data)[groups[i]] != 0;
    }
    sl_group_array_zero(&kept->items, groups, count);
}

void sl_kept_release(struct sl_kept *kept) {
    if (kept->shape == SL_KEPT_BYTES) {
        struct kept_bytes *items = kept->items.data;
        for (uint32_t g = 0; g < kept->items.cap; g++)
            if (items[g].class == CLASS_OWN) free(items[g].block);
        for (struct sl_kept_chunk *chunk = kept->chunks, *next; chunk; chunk = next) {
            next = chunk->next;
            free(chunk);
        }
    }
    if (kept->shape == SL_KEPT_ROW) sl_vec_release(&kept->rows);
    sl_group_array_release(&kept->items);
}
