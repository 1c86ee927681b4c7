#include "state/unsafe_row.h"

#include <math.h>
#include <stdlib.h>

enum { WORD = 8, WIDE_DECIMAL_BYTES = 16 };

static size_t null_bytes(size_t fields) { return (fields + 63) / 64 * WORD; }

/* Of an element of an array. */
static uint32_t element_width(const struct sl_type *type) {
    if (type->kind == SL_BOOL_KIND) return 1;
    uint32_t width = sl_type_width(type);
    return width && width < WORD ? width : WORD;
}

bool sl_unsafe_row_has(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return false;
    if (type->kind == SL_ARRAY_KIND && type->fields[0].type->kind == SL_NULL_KIND) return false;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (!sl_unsafe_row_has(type->fields[i].type)) return false;
    return true;
}

/* ---- reading ---- */

/* Where a value stands; at NULL: it is null. Offsets in it count from `base`. */
struct cell {
    const char *at;
    struct sl_str base;
};

static enum sl_code broken(struct sl_err *err, const char *what) {
    return sl_fail(err, SL_DATA, "a row of Spark's state is broken: %s", what);
}

static enum sl_code take_cells(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                               struct sl_err *err);

/* The bytes that a slot speaks of. */
static enum sl_code part_of(const struct cell *cell, struct sl_str *out, struct sl_err *err) {
    uint64_t slot;
    memcpy(&slot, cell->at, sizeof slot);
    size_t offset = slot >> 32, size = slot & UINT32_MAX;
    if (offset > cell->base.len || size > cell->base.len - offset)
        return broken(err, "a value lies outside of it");
    *out = (struct sl_str){cell->base.ptr + offset, size};
    return SL_OK;
}

static enum sl_code take_valid(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                               struct sl_err *err) {
    uint32_t nulls = 0;
    for (uint32_t i = 0; i < count; i++) nulls += cells[i].at == NULL;
    if (!nulls) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(vec, count, err));
    for (uint32_t i = 0; i < count; i++) sl_bit_put(vec->valid, i, cells[i].at != NULL);
    return SL_OK;
}

static enum sl_code take_bools(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                               struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        char value = cells[i].at ? *cells[i].at : 0;
        if (value & ~1) return broken(err, "a boolean is neither true nor false");
        sl_bit_put(vec->bits, i, value);
    }
    return SL_OK;
}

static void take_fixed(const struct cell *cells, uint32_t count, struct sl_vec *vec) {
    uint32_t width = sl_type_width(vec->type);
    char *to = vec->data;
    memset(to, 0, (size_t)count * width);
    for (uint32_t i = 0; i < count; i++)
        if (cells[i].at) memcpy(to + (size_t)i * width, cells[i].at, width);
}

static bool fits_precision(sl_int128 value, uint8_t precision) {
    sl_int128 limit = 1;
    for (uint8_t i = 0; i < precision; i++) limit *= 10;
    return value < limit && value > -limit;
}

static enum sl_code take_wide(const struct cell *cell, uint8_t precision, sl_int128 *out,
                              struct sl_err *err) {
    struct sl_str bytes = {0};
    SL_TRY(part_of(cell, &bytes, err));
    if (bytes.len < 1 || bytes.len > WIDE_DECIMAL_BYTES)
        return broken(err, "a decimal has no bytes, or too many");
    unsigned __int128 value = bytes.ptr[0] & 0x80 ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < bytes.len; i++) value = value << 8 | (uint8_t)bytes.ptr[i];
    *out = (sl_int128)value;
    if (!fits_precision(*out, precision)) return broken(err, "a decimal has too many digits");
    return SL_OK;
}

static enum sl_code take_decimals(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                                  struct sl_err *err) {
    if (!sl_type_is_wide_decimal(vec->type)) {
        take_fixed(cells, count, vec);
        for (uint32_t i = 0; i < count; i++)
            if (!fits_precision(vec->i64[i], vec->type->precision))
                return broken(err, "a decimal has too many digits");
        return SL_OK;
    }
    for (uint32_t i = 0; i < count; i++) {
        vec->i128[i] = 0;
        if (cells[i].at) SL_TRY(take_wide(&cells[i], vec->type->precision, &vec->i128[i], err));
    }
    return SL_OK;
}

static enum sl_code take_bytes(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                               struct sl_err *err) {
    size_t total = 0;
    struct sl_str part = {0};
    for (uint32_t i = 0; i < count; i++) {
        if (cells[i].at) {
            SL_TRY(part_of(&cells[i], &part, err));
            total += part.len;
        }
        if (total > INT32_MAX) return broken(err, "its texts are too long");
        vec->offsets[i + 1] = (int32_t)total;
    }
    SL_TRY(sl_vec_reserve_bytes(vec, total, err));
    for (uint32_t i = 0; i < count; i++) {
        if (!cells[i].at) continue;
        SL_TRY(part_of(&cells[i], &part, err));
        if (part.len) memcpy(vec->bytes + vec->offsets[i], part.ptr, part.len);
    }
    return SL_OK;
}

static struct cell field_cell(struct sl_str row, uint32_t field, uint32_t fields) {
    if (!row.ptr) return (struct cell){0};
    bool null = (uint8_t)row.ptr[field / 8] >> field % 8 & 1;
    return (struct cell){null ? NULL : row.ptr + null_bytes(fields) + (size_t)field * WORD, row};
}

/* rows: ptr NULL is a null. */
static enum sl_code take_fields(const struct sl_str *rows, uint32_t count,
                                const struct sl_type *type, struct sl_vec *columns,
                                struct sl_err *err) {
    size_t least = null_bytes(type->field_count) + (size_t)type->field_count * WORD;
    for (uint32_t i = 0; i < count; i++)
        if (rows[i].ptr && rows[i].len < least) return broken(err, "it is too short");
    struct cell *cells = sl_xmalloc((count + (size_t)1) * sizeof *cells);
    enum sl_code code = SL_OK;
    for (uint32_t f = 0; code == SL_OK && f < type->field_count; f++) {
        for (uint32_t i = 0; i < count; i++) cells[i] = field_cell(rows[i], f, type->field_count);
        code = take_cells(cells, count, &columns[f], err);
    }
    free(cells);
    return code;
}

static enum sl_code take_structs(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                                 struct sl_err *err) {
    struct sl_str *rows = sl_xcalloc(count + (size_t)1, sizeof *rows);
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; code == SL_OK && i < count; i++)
        if (cells[i].at) code = part_of(&cells[i], &rows[i], err);
    if (code == SL_OK) code = take_fields(rows, count, vec->type, vec->children, err);
    free(rows);
    return code;
}

/* Sets the offsets; *items: how many elements there are in all. */
static enum sl_code count_items(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                                uint32_t *items, struct sl_err *err) {
    uint32_t width = element_width(vec->type->fields[0].type);
    *items = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str array = {0};
        uint64_t length = 0;
        if (cells[i].at) {
            SL_TRY(part_of(&cells[i], &array, err));
            if (array.len < WORD) return broken(err, "an array is too short");
            memcpy(&length, array.ptr, sizeof length);
            if (length > array.len || WORD + null_bytes(length) + length * width > array.len)
                return broken(err, "an array is too short");
        }
        if (length > (uint64_t)(INT32_MAX - 64) - *items)
            return broken(err, "its arrays are too long");
        *items += (uint32_t)length;
        vec->offsets[i + 1] = (int32_t)*items;
    }
    return SL_OK;
}

static enum sl_code list_items(const struct cell *cells, uint32_t count, const struct sl_vec *vec,
                               struct cell *items, struct sl_err *err) {
    uint32_t width = element_width(vec->type->fields[0].type);
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str array = {0};
        uint32_t length = (uint32_t)(vec->offsets[i + 1] - vec->offsets[i]);
        if (!length) continue;
        SL_TRY(part_of(&cells[i], &array, err));
        const char *nulls = array.ptr + WORD, *values = nulls + null_bytes(length);
        for (uint32_t k = 0; k < length; k++) {
            bool null = (uint8_t)nulls[k / 8] >> k % 8 & 1;
            *items++ = (struct cell){null ? NULL : values + (size_t)k * width, array};
        }
    }
    return SL_OK;
}

static enum sl_code take_arrays(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                                struct sl_err *err) {
    uint32_t total = 0;
    SL_TRY(count_items(cells, count, vec, &total, err));
    struct cell *items = sl_xmalloc((total + (size_t)1) * sizeof *items);
    enum sl_code code = list_items(cells, count, vec, items, err);
    if (code == SL_OK) code = take_cells(items, total, &vec->children[0], err);
    free(items);
    return code;
}

static enum sl_code take_cells(const struct cell *cells, uint32_t count, struct sl_vec *vec,
                               struct sl_err *err) {
    SL_TRY(sl_vec_reserve(vec, count, err));
    if (vec->type->kind != SL_NULL_KIND) SL_TRY(take_valid(cells, count, vec, err));
    vec->rows = count;
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        return SL_OK;
    case SL_BOOL_KIND:
        return take_bools(cells, count, vec, err);
    case SL_DECIMAL_KIND:
        return take_decimals(cells, count, vec, err);
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        return take_bytes(cells, count, vec, err);
    case SL_STRUCT_KIND:
        return take_structs(cells, count, vec, err);
    case SL_ARRAY_KIND:
        return take_arrays(cells, count, vec, err);
    case SL_MAP_KIND:
        return sl_fail(err, SL_UNSUPPORTED, "maps of Spark's state are not read");
    default:
        take_fixed(cells, count, vec);
        return SL_OK;
    }
}

enum sl_code sl_unsafe_rows_take(const struct sl_str *rows, uint32_t count,
                                 const struct sl_type *type, struct sl_vec *columns,
                                 struct sl_err *err) {
    return take_fields(rows, count, type, columns, err);
}

/* ---- writing ---- */

/* Zeros at the end; returns where they begin. */
static size_t put_zeros(struct sl_buf *out, size_t bytes) {
    size_t at = out->len;
    memset(sl_buf_reserve(out, bytes), 0, bytes);
    out->len += bytes;
    return at;
}

static void put_word(struct sl_buf *out, size_t at, uint64_t word) {
    memcpy(out->ptr + at, &word, sizeof word);
}

/* What was appended since `begin` belongs to the slot. */
static enum sl_code close_part(struct sl_buf *out, size_t base, size_t slot, size_t begin,
                               size_t size, struct sl_err *err) {
    size_t offset = begin - base;
    if (offset > INT32_MAX || size > INT32_MAX)
        return sl_fail(err, SL_DATA, "a row of state is longer than Spark's rows can be");
    put_word(out, slot, (uint64_t)offset << 32 | size);
    put_zeros(out, (WORD - out->len % WORD) % WORD);
    return SL_OK;
}

/* Room for any value is kept, for a null too: Spark's writer lets a row be changed in place. */
static enum sl_code put_wide(struct sl_buf *out, size_t base, size_t slot, const sl_int128 *value,
                             struct sl_err *err) {
    size_t begin = put_zeros(out, WIDE_DECIMAL_BYTES), size = 0;
    if (value) {
        size = WIDE_DECIMAL_BYTES;
        unsigned __int128 bits = (unsigned __int128)*value;
        while (size > 1) { /* a leading byte that only repeats the sign is left out */
            sl_int128 rest = *value >> (8 * (size - 1) - 1);
            if (rest != 0 && rest != -1) break;
            size--;
        }
        for (size_t i = 0; i < size; i++)
            out->ptr[begin + i] = (uint8_t)(bits >> (8 * (size - 1 - i)));
    }
    return close_part(out, base, slot, begin, size, err);
}

static enum sl_code put_fields(struct sl_buf *out, uint32_t fields, const struct sl_vec *columns,
                               uint32_t row, bool key, struct sl_err *err);
static enum sl_code put_array(struct sl_buf *out, const struct sl_vec *vec, uint32_t row, bool key,
                              struct sl_err *err);

static double normal(double value, bool key) {
    if (!key) return value;
    return value == 0 ? 0.0 : isnan(value) ? (double)NAN : value;
}

static void put_fixed(struct sl_buf *out, size_t slot, const struct sl_vec *vec, uint32_t pos,
                      bool key) {
    uint32_t width = sl_type_width(vec->type);
    const char *from = (const char *)vec->data + (size_t)pos * width;
    if (vec->type->kind == SL_DOUBLE_KIND) {
        double value = normal(vec->f64[pos], key);
        memcpy(out->ptr + slot, &value, sizeof value);
    } else if (vec->type->kind == SL_FLOAT_KIND && key) {
        float value = isnan(vec->f32[pos]) ? NAN : vec->f32[pos] == 0 ? 0.0f : vec->f32[pos];
        memcpy(out->ptr + slot, &value, sizeof value);
    } else {
        memcpy(out->ptr + slot, from, width);
    }
}

/* A value that is not null. base: of the row or the array. */
static enum sl_code put_value(struct sl_buf *out, size_t base, size_t slot,
                              const struct sl_vec *vec, uint32_t row, bool key,
                              struct sl_err *err) {
    uint32_t pos = sl_vec_pos(vec, row);
    size_t begin = out->len;
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        out->ptr[slot] = sl_bit_get(vec->bits, pos);
        return SL_OK;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        sl_buf_put_str(out, sl_vec_str(vec, row));
        break;
    case SL_STRUCT_KIND:
        SL_TRY(put_fields(out, vec->child_count, vec->children, pos, key, err));
        break;
    case SL_ARRAY_KIND:
        SL_TRY(put_array(out, vec, pos, key, err));
        break;
    case SL_DECIMAL_KIND:
        if (sl_type_is_wide_decimal(vec->type))
            return put_wide(out, base, slot, &vec->i128[pos], err);
        put_fixed(out, slot, vec, pos, key);
        return SL_OK;
    case SL_MAP_KIND:
        return sl_fail(err, SL_UNSUPPORTED, "maps are not written to Spark's state");
    default:
        put_fixed(out, slot, vec, pos, key);
        return SL_OK;
    }
    return close_part(out, base, slot, begin, out->len - begin, err);
}

static enum sl_code put_fields(struct sl_buf *out, uint32_t fields, const struct sl_vec *columns,
                               uint32_t row, bool key, struct sl_err *err) {
    size_t nulls = null_bytes(fields), base = put_zeros(out, nulls + (size_t)fields * WORD);
    for (uint32_t f = 0; f < fields; f++) {
        size_t slot = base + nulls + (size_t)f * WORD;
        if (!sl_vec_is_null(&columns[f], row)) {
            SL_TRY(put_value(out, base, slot, &columns[f], row, key, err));
            continue;
        }
        out->ptr[base + f / 8] |= (uint8_t)(1 << f % 8);
        if (sl_type_is_wide_decimal(columns[f].type)) SL_TRY(put_wide(out, base, slot, NULL, err));
    }
    return SL_OK;
}

static enum sl_code put_array(struct sl_buf *out, const struct sl_vec *vec, uint32_t row, bool key,
                              struct sl_err *err) {
    const struct sl_vec *items = &vec->children[0];
    uint32_t first = (uint32_t)vec->offsets[row], count = (uint32_t)vec->offsets[row + 1] - first;
    uint32_t width = element_width(items->type);
    size_t fixed = ((size_t)count * width + WORD - 1) / WORD * WORD;
    size_t base = put_zeros(out, WORD + null_bytes(count) + fixed);
    put_word(out, base, count);
    for (uint32_t i = 0; i < count; i++) {
        size_t slot = base + WORD + null_bytes(count) + (size_t)i * width;
        if (sl_vec_is_null(items, first + i))
            out->ptr[base + WORD + i / 8] |= (uint8_t)(1 << i % 8);
        else
            SL_TRY(put_value(out, base, slot, items, first + i, key, err));
    }
    return SL_OK;
}

enum sl_code sl_unsafe_row_put(struct sl_buf *out, const struct sl_type *type,
                               const struct sl_vec *columns, uint32_t row, bool key,
                               struct sl_err *err) {
    return put_fields(out, type->field_count, columns, row, key, err);
}
