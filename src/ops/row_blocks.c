#include "ops/row_blocks.h"

#include <stdlib.h>

#define NO_BLOCK UINT32_MAX

void sl_row_blocks_init(struct sl_row_blocks *blocks, const struct sl_type *schema, uint32_t shift,
                        struct sl_budget *budget, const char *what) {
    *blocks = (struct sl_row_blocks){
        .schema = schema, .what = what, .budget = budget, .shift = shift, .open_block = NO_BLOCK};
    blocks->nullable = sl_xcalloc(schema->field_count + 1, sizeof *blocks->nullable);
}

static struct sl_vec *new_columns(const struct sl_type *schema) {
    struct sl_vec *columns = sl_xcalloc(schema->field_count + 1, sizeof *columns);
    for (uint32_t c = 0; c < schema->field_count; c++)
        sl_vec_init(&columns[c], schema->fields[c].type);
    return columns;
}

static void free_columns(const struct sl_type *schema, struct sl_vec *columns) {
    for (uint32_t c = 0; columns && c < schema->field_count; c++) sl_vec_release(&columns[c]);
    free(columns);
}

static size_t columns_bytes(const struct sl_type *schema, const struct sl_vec *columns) {
    size_t bytes = schema->field_count * sizeof *columns;
    for (uint32_t c = 0; c < schema->field_count; c++) bytes += sl_vec_owned_bytes(&columns[c]);
    return bytes;
}

void sl_row_blocks_clear(struct sl_row_blocks *blocks) {
    for (uint32_t b = 0; b < blocks->block_count; b++)
        free_columns(blocks->schema, blocks->full[b]);
    free_columns(blocks->schema, blocks->open);
    free(blocks->full);
    free(blocks->spare);
    sl_budget_give(blocks->budget, blocks->held_bytes);
    blocks->full = NULL;
    blocks->open = NULL;
    blocks->spare = NULL;
    blocks->block_count = blocks->block_cap = blocks->spare_count = blocks->spare_cap = 0;
    blocks->held_bytes = blocks->full_bytes = 0;
    blocks->open_block = NO_BLOCK;
    blocks->open_rows = 0;
    for (uint32_t c = 0; c < blocks->schema->field_count; c++) blocks->nullable[c] = false;
}

void sl_row_blocks_release(struct sl_row_blocks *blocks) {
    if (!blocks->schema) return;
    sl_row_blocks_clear(blocks);
    free(blocks->nullable);
    *blocks = (struct sl_row_blocks){0};
}

/* ---- putting ---- */

/* What the columns hold now, after they have grown by what was asked for, or more. */
static enum sl_code settle(struct sl_row_blocks *blocks, struct sl_err *err) {
    size_t bytes = blocks->full_bytes + blocks->block_cap * sizeof *blocks->full +
                   blocks->spare_cap * sizeof *blocks->spare;
    if (blocks->open) bytes += columns_bytes(blocks->schema, blocks->open);
    if (bytes > blocks->held_bytes)
        SL_TRY(sl_budget_take(blocks->budget, bytes - blocks->held_bytes, blocks->what, err));
    else
        sl_budget_give(blocks->budget, blocks->held_bytes - bytes);
    blocks->held_bytes = bytes;
    return SL_OK;
}

/* A text's or list's own bytes are guessed; settle() counts them. */
static size_t rows_bytes(const struct sl_type *schema, uint32_t count) {
    enum { GUESS = 16 };
    size_t row = 0;
    for (uint32_t c = 0; c < schema->field_count; c++) {
        size_t width = sl_type_width(schema->fields[c].type);
        row += width ? width : GUESS;
    }
    return row * count;
}

static enum sl_code begin_block(struct sl_row_blocks *blocks, struct sl_err *err) {
    if (blocks->spare_count) {
        blocks->open_block = blocks->spare[--blocks->spare_count];
    } else {
        if (blocks->block_count == UINT32_MAX >> blocks->shift)
            return sl_fail(err, SL_DATA, "%s: more than 2^32 rows", blocks->what);
        if (blocks->block_count == blocks->block_cap) {
            blocks->block_cap = blocks->block_cap ? blocks->block_cap * 2 : 8;
            blocks->full = sl_xrealloc(blocks->full, blocks->block_cap * sizeof *blocks->full);
        }
        blocks->open_block = blocks->block_count++;
    }
    blocks->full[blocks->open_block] = NULL;
    if (!blocks->open) blocks->open = new_columns(blocks->schema);
    return SL_OK;
}

/* The open columns stay for the next block. */
static enum sl_code seal(struct sl_row_blocks *blocks, struct sl_err *err) {
    const struct sl_type *schema = blocks->schema;
    struct sl_vec *columns = new_columns(schema);
    enum sl_code code = SL_OK;
    for (uint32_t c = 0; code == SL_OK && c < schema->field_count; c++)
        code =
            sl_vec_append(&columns[c], &blocks->open[c], NULL, UINT32_C(1) << blocks->shift, err);
    if (code != SL_OK) {
        free_columns(schema, columns);
        return code;
    }
    for (uint32_t c = 0; c < schema->field_count; c++) sl_vec_clear(&blocks->open[c]);
    blocks->full[blocks->open_block] = columns;
    blocks->full_bytes += columns_bytes(schema, columns);
    blocks->open_block = NO_BLOCK;
    blocks->open_rows = 0;
    return SL_OK;
}

static enum sl_code append_rows(struct sl_row_blocks *blocks, const struct sl_vec *columns,
                                const uint32_t *idx, uint32_t count, struct sl_err *err) {
    for (uint32_t c = 0; c < blocks->schema->field_count; c++) {
        if (columns[c].rows)
            SL_TRY(sl_vec_append(&blocks->open[c], &columns[c], idx, count, err));
        else
            SL_TRY(sl_vec_append_null(&blocks->open[c], count, err));
        blocks->nullable[c] |= blocks->open[c].valid != NULL;
    }
    return SL_OK;
}

enum sl_code sl_row_blocks_put(struct sl_row_blocks *blocks, const struct sl_vec *columns,
                               const uint32_t *idx, uint32_t count, uint32_t *numbers,
                               struct sl_err *err) {
    size_t asked = rows_bytes(blocks->schema, count);
    SL_TRY(sl_budget_take(blocks->budget, asked, blocks->what, err));
    blocks->held_bytes += asked;
    for (uint32_t done = 0; done < count;) {
        if (blocks->open_block == NO_BLOCK) SL_TRY(begin_block(blocks, err));
        uint32_t have = blocks->open_rows, room = (UINT32_C(1) << blocks->shift) - have;
        uint32_t part = count - done < room ? count - done : room;
        SL_TRY(append_rows(blocks, columns, idx + done, part, err));
        for (uint32_t i = 0; i < part; i++)
            numbers[done + i] = (blocks->open_block << blocks->shift) + have + i;
        blocks->open_rows += part;
        if (part == room) SL_TRY(seal(blocks, err));
        done += part;
    }
    return settle(blocks, err);
}

void sl_row_blocks_drop(struct sl_row_blocks *blocks, uint32_t block) {
    sl_assert(block != blocks->open_block && blocks->full[block]);
    size_t bytes = columns_bytes(blocks->schema, blocks->full[block]);
    free_columns(blocks->schema, blocks->full[block]);
    blocks->full[block] = NULL;
    blocks->full_bytes -= bytes;
    blocks->held_bytes -= bytes;
    sl_budget_give(blocks->budget, bytes);
    if (blocks->spare_count == blocks->spare_cap) {
        blocks->spare_cap = blocks->spare_cap ? blocks->spare_cap * 2 : 8;
        blocks->spare = sl_xrealloc(blocks->spare, blocks->spare_cap * sizeof *blocks->spare);
    }
    blocks->spare[blocks->spare_count++] = block;
}

/* ---- gathering ---- */

/* A column, or a field inside of it: a struct is gathered field by field. */
enum { DEPTH_MAX = 8 };
struct lane {
    const struct sl_row_blocks *blocks;
    uint32_t column, depth, fields[DEPTH_MAX];
};

static inline const struct sl_vec *vec_of(const struct lane *lane, uint32_t number) {
    const struct sl_vec *vec = &sl_row_blocks_columns(lane->blocks, number)[lane->column];
    for (uint32_t d = 0; d < lane->depth; d++) vec = &vec->children[lane->fields[d]];
    return vec;
}

static inline uint32_t place_of(const struct lane *lane, uint32_t number) {
    return sl_row_blocks_place(lane->blocks, number);
}

static bool any_null(const struct lane *lane, const uint32_t *numbers, uint32_t count) {
    bool missing = false;
    for (uint32_t i = 0; i < count; i++) missing |= numbers[i] == SL_NO_ROW;
    if (missing || lane->depth == 0) return missing || lane->blocks->nullable[lane->column];
    for (uint32_t i = 0; i < count; i++)
        if (vec_of(lane, numbers[i])->valid) return true;
    return false;
}

static enum sl_code gather_valid(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                                 struct sl_vec *out, struct sl_err *err) {
    if (!out->valid && !any_null(lane, numbers, count)) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, out->rows + count, err));
    for (uint32_t i = 0; i < count; i++) {
        bool valid = numbers[i] != SL_NO_ROW;
        if (valid) {
            const struct sl_vec *vec = vec_of(lane, numbers[i]);
            valid = !vec->valid || sl_bit_get(vec->valid, place_of(lane, numbers[i]));
        }
        sl_bit_put(out->valid, out->rows + i, valid);
    }
    return SL_OK;
}

#define GATHER(name, T, field)                                                                     \
    static void name(const struct lane *lane, const uint32_t *numbers, uint32_t count,             \
                     T *restrict out) {                                                            \
        for (uint32_t i = 0; i < count; i++)                                                       \
            out[i] = numbers[i] == SL_NO_ROW                                                       \
                         ? 0                                                                       \
                         : vec_of(lane, numbers[i])->field[place_of(lane, numbers[i])];            \
    }
GATHER(gather8, int8_t, i8)
GATHER(gather16, int16_t, i16)
GATHER(gather32, int32_t, i32)
GATHER(gather64, int64_t, i64)
GATHER(gather128, sl_int128, i128)
#undef GATHER

static void gather_fixed(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                         struct sl_vec *out) {
    switch (sl_type_width(out->type)) {
    case 1:
        gather8(lane, numbers, count, out->i8 + out->rows);
        break;
    case 2:
        gather16(lane, numbers, count, out->i16 + out->rows);
        break;
    case 4:
        gather32(lane, numbers, count, out->i32 + out->rows);
        break;
    case 8:
        gather64(lane, numbers, count, out->i64 + out->rows);
        break;
    default:
        gather128(lane, numbers, count, out->i128 + out->rows);
        break;
    }
}

static void gather_bools(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                         struct sl_vec *out) {
    for (uint32_t i = 0; i < count; i++) {
        bool value = numbers[i] != SL_NO_ROW &&
                     sl_bit_get(vec_of(lane, numbers[i])->bits, place_of(lane, numbers[i]));
        sl_bit_put(out->bits, out->rows + i, value);
    }
}

static struct sl_str text_of(const struct lane *lane, uint32_t number) {
    if (number == SL_NO_ROW) return (struct sl_str){"", 0};
    const struct sl_vec *vec = vec_of(lane, number);
    const int32_t *at = vec->offsets + place_of(lane, number);
    return (struct sl_str){(const char *)vec->bytes + at[0], (size_t)(at[1] - at[0])};
}

static enum sl_code gather_texts(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                                 struct sl_vec *out, struct sl_err *err) {
    size_t end = (size_t)out->offsets[out->rows], total = end;
    for (uint32_t i = 0; i < count; i++) total += text_of(lane, numbers[i]).len;
    SL_TRY(sl_vec_reserve_bytes(out, total, err));
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str text = text_of(lane, numbers[i]);
        memcpy(out->bytes + end, text.ptr, text.len);
        end += text.len;
        out->offsets[out->rows + i + 1] = (int32_t)end;
    }
    return SL_OK;
}

/* Neighbours of one block together. */
static enum sl_code gather_nested(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                                  struct sl_vec *out, struct sl_err *err) {
    enum { RUN_MAX = 256 };
    uint32_t places[RUN_MAX];
    for (uint32_t i = 0; i < count;) {
        uint32_t run = 0;
        if (numbers[i] == SL_NO_ROW) {
            SL_TRY(sl_vec_append_null(out, 1, err));
            i++;
            continue;
        }
        const struct sl_vec *vec = vec_of(lane, numbers[i]);
        for (; run < RUN_MAX && i < count && numbers[i] != SL_NO_ROW; i++) {
            if (vec_of(lane, numbers[i]) != vec) break;
            places[run++] = place_of(lane, numbers[i]);
        }
        SL_TRY(sl_vec_append(out, vec, places, run, err));
    }
    return SL_OK;
}

static enum sl_code gather(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                           struct sl_vec *out, struct sl_err *err);

/* A null struct's fields are null, too. */
static enum sl_code gather_fields(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                                  struct sl_vec *out, struct sl_err *err) {
    struct lane inner = *lane;
    inner.depth++;
    for (uint32_t c = 0; c < out->child_count; c++) {
        inner.fields[lane->depth] = c;
        SL_TRY(gather(&inner, numbers, count, &out->children[c], err));
    }
    return SL_OK;
}

static enum sl_code gather(const struct lane *lane, const uint32_t *numbers, uint32_t count,
                           struct sl_vec *out, struct sl_err *err) {
    enum sl_kind kind = out->type->kind;
    if (kind == SL_ARRAY_KIND || kind == SL_MAP_KIND ||
        (kind == SL_STRUCT_KIND && lane->depth == DEPTH_MAX))
        return gather_nested(lane, numbers, count, out, err);
    SL_TRY(sl_vec_reserve(out, out->rows + count, err));
    if (kind != SL_NULL_KIND) SL_TRY(gather_valid(lane, numbers, count, out, err));
    if (kind == SL_BOOL_KIND)
        gather_bools(lane, numbers, count, out);
    else if (kind == SL_STRUCT_KIND)
        SL_TRY(gather_fields(lane, numbers, count, out, err));
    else if (sl_type_is_bytes(out->type))
        SL_TRY(gather_texts(lane, numbers, count, out, err));
    else if (kind != SL_NULL_KIND)
        gather_fixed(lane, numbers, count, out);
    out->rows += count;
    return SL_OK;
}

enum sl_code sl_row_blocks_gather(const struct sl_row_blocks *blocks, uint32_t column,
                                  const uint32_t *numbers, uint32_t count, struct sl_vec *out,
                                  struct sl_err *err) {
    return gather(&(struct lane){.blocks = blocks, .column = column}, numbers, count, out, err);
}
