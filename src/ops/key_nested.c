/* Values inside lists as bytes:  [1 if there is a value, else 0] and then, by type,
 *
 *     fixed width   the value
 *     text          length (32 bits), bytes
 *     ARRAY         count (32 bits), values
 *     MAP           count (32 bits), key and value by turns, in the order of the keys
 *     STRUCT        its fields
 */
#include <stdlib.h>

#include "kern/order.h"
#include "ops/key_int.h"

static void put_value(struct sl_buf *out, const struct sl_vec *vec, uint32_t row);

static void put_u32(struct sl_buf *out, uint32_t value) { sl_buf_put(out, &value, sizeof value); }

static int order_entries(const void *a, const void *b, void *keys) {
    return sl_order_rows(keys, *(const uint32_t *)a, keys, *(const uint32_t *)b);
}

static void put_map(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    uint32_t begin = (uint32_t)vec->offsets[row];
    uint32_t count = (uint32_t)vec->offsets[row + 1] - begin;
    uint32_t *at = sl_xmalloc((count ? count : 1) * sizeof *at);
    for (uint32_t i = 0; i < count; i++) at[i] = begin + i;
    qsort_r(at, count, sizeof *at, order_entries, &vec->children[0]);
    put_u32(out, count);
    for (uint32_t i = 0; i < count; i++) {
        put_value(out, &vec->children[0], at[i]);
        put_value(out, &vec->children[1], at[i]);
    }
    free(at);
}

static void put_array(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    put_u32(out, (uint32_t)(vec->offsets[row + 1] - vec->offsets[row]));
    for (int32_t i = vec->offsets[row]; i < vec->offsets[row + 1]; i++)
        put_value(out, &vec->children[0], (uint32_t)i);
}

static void put_text(struct sl_buf *out, struct sl_str text) {
    put_u32(out, (uint32_t)text.len);
    sl_buf_put(out, text.ptr, text.len);
}

static void put_number(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    if (vec->type->kind == SL_BOOL_KIND) {
        sl_buf_put_byte(out, sl_bit_get(vec->bits, row));
    } else if (vec->type->kind == SL_FLOAT_KIND) {
        float value = sl_key_float(vec->f32[row]);
        sl_buf_put(out, &value, sizeof value);
    } else if (vec->type->kind == SL_DOUBLE_KIND) {
        double value = sl_key_double(vec->f64[row]);
        sl_buf_put(out, &value, sizeof value);
    } else {
        size_t width = sl_type_width(vec->type);
        sl_buf_put(out, (const char *)vec->data + row * width, width);
    }
}

void sl_key_put_nested(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    if (vec->type->kind == SL_MAP_KIND)
        put_map(out, vec, row);
    else
        put_array(out, vec, row);
}

static void put_value(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    bool null = sl_vec_is_null(vec, row);
    sl_buf_put_byte(out, !null);
    if (null) return;
    if (sl_type_is_bytes(vec->type)) {
        put_text(out, sl_vec_str(vec, row));
    } else if (vec->type->kind == SL_STRUCT_KIND) {
        for (uint32_t i = 0; i < vec->child_count; i++) put_value(out, &vec->children[i], row);
    } else if (sl_type_is_nested(vec->type)) {
        sl_key_put_nested(out, vec, row);
    } else {
        put_number(out, vec, row);
    }
}

/* ---- back ---- */

static enum sl_code get_value(const uint8_t **at, struct sl_vec *out, struct sl_err *err);

static uint32_t get_u32(const uint8_t **at) {
    uint32_t value;
    memcpy(&value, *at, sizeof value);
    *at += sizeof value;
    return value;
}

static enum sl_code end_row(struct sl_vec *out, struct sl_err *err) {
    if (out->valid) {
        SL_TRY(sl_vec_reserve_valid(out, out->rows + 1, err));
        sl_bit_set(out->valid, out->rows);
    }
    out->rows++;
    return SL_OK;
}

static enum sl_code get_list(const uint8_t **at, struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    for (uint32_t count = get_u32(at); count; count--)
        for (uint32_t c = 0; c < out->child_count; c++)
            SL_TRY(get_value(at, &out->children[c], err));
    out->offsets[out->rows + 1] = (int32_t)out->children[0].rows;
    return end_row(out, err);
}

static enum sl_code get_struct(const uint8_t **at, struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    for (uint32_t c = 0; c < out->child_count; c++) SL_TRY(get_value(at, &out->children[c], err));
    return end_row(out, err);
}

static enum sl_code get_number(const uint8_t **at, struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    if (out->type->kind == SL_BOOL_KIND) {
        sl_bit_put(out->bits, out->rows, *(*at)++);
    } else {
        size_t width = sl_type_width(out->type);
        memcpy((char *)out->data + out->rows * width, *at, width);
        *at += width;
    }
    return end_row(out, err);
}

static enum sl_code get_value(const uint8_t **at, struct sl_vec *out, struct sl_err *err) {
    if (!*(*at)++) return sl_vec_append_null(out, 1, err);
    if (sl_type_is_bytes(out->type)) {
        uint32_t len = get_u32(at);
        struct sl_str text = {(const char *)*at, len};
        *at += len;
        return sl_vec_put_str(out, text, err);
    }
    if (out->type->kind == SL_STRUCT_KIND) return get_struct(at, out, err);
    return sl_type_is_nested(out->type) ? get_list(at, out, err) : get_number(at, out, err);
}

enum sl_code sl_key_get_nested(const uint8_t *bytes, struct sl_vec *out, struct sl_err *err) {
    return get_list(&bytes, out, err);
}
