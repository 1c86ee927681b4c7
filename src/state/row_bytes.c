#include "state/row_bytes.h"

/* ---- writing ---- */

static size_t bit_bytes(uint32_t rows) { return ((size_t)rows + 7) / 8; }

static void put_flat(struct sl_buf *out, const struct sl_vec *vec, uint32_t rows) {
    bool nulls = vec->valid != NULL;
    sl_buf_put_byte(out, nulls);
    if (nulls) sl_buf_put(out, vec->valid, bit_bytes(rows));
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        return;
    case SL_BOOL_KIND:
        sl_buf_put(out, vec->bits, bit_bytes(rows));
        return;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        sl_buf_put(out, vec->offsets + 1, rows * sizeof *vec->offsets);
        if (rows) sl_buf_put(out, vec->bytes, (size_t)vec->offsets[rows]);
        return;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        sl_buf_put(out, vec->offsets + 1, rows * sizeof *vec->offsets);
        for (uint32_t i = 0; i < vec->child_count; i++)
            put_flat(out, &vec->children[i], rows ? (uint32_t)vec->offsets[rows] : 0);
        return;
    case SL_STRUCT_KIND:
        for (uint32_t i = 0; i < vec->child_count; i++) put_flat(out, &vec->children[i], rows);
        return;
    default:
        sl_buf_put(out, vec->data, (size_t)rows * sl_type_width(vec->type));
    }
}

static bool is_flat(const struct sl_vec *vec) {
    if (vec->enc != SL_ENC_FLAT) return false;
    for (uint32_t i = 0; i < vec->child_count; i++)
        if (!is_flat(&vec->children[i])) return false;
    return true;
}

static enum sl_code put_column(struct sl_buf *out, const struct sl_vec *vec, uint32_t rows,
                               struct sl_err *err) {
    if (is_flat(vec)) {
        put_flat(out, vec, rows);
        return SL_OK;
    }
    struct sl_vec flat;
    sl_vec_init(&flat, vec->type);
    struct sl_vec whole = *vec;
    whole.rows = rows;
    enum sl_code code = sl_vec_append(&flat, &whole, NULL, rows, err);
    if (code == SL_OK) put_flat(out, &flat, rows);
    sl_vec_release(&flat);
    return code;
}

enum sl_code sl_row_bytes_put(struct sl_buf *out, const struct sl_batch *batch,
                              struct sl_err *err) {
    for (uint32_t c = 0; c < batch->schema->field_count; c++)
        SL_TRY(put_column(out, &batch->columns[c], batch->rows, err));
    return SL_OK;
}

/* ---- reading ---- */

static enum sl_code too_short(const struct sl_vec *vec, struct sl_err *err) {
    struct sl_buf type = {0};
    sl_type_put_simple(&type, vec->type);
    enum sl_code code =
        sl_fail(err, SL_DATA, "the values of a column of type %s end early", sl_buf_cstr(&type));
    sl_buf_release(&type);
    return code;
}

static enum sl_code take(struct sl_str *bytes, size_t count, const struct sl_vec *vec,
                         const char **out, struct sl_err *err) {
    if (bytes->len < count) return too_short(vec, err);
    *out = bytes->ptr;
    *bytes = sl_str_sub(*bytes, count, bytes->len);
    return SL_OK;
}

static enum sl_code take_copy(struct sl_str *bytes, size_t count, const struct sl_vec *vec,
                              void *to, struct sl_err *err) {
    const char *from = NULL;
    SL_TRY(take(bytes, count, vec, &from, err));
    if (count) memcpy(to, from, count);
    return SL_OK;
}

/* Offsets rise from 0 and stay below what the remaining bytes can hold. */
static enum sl_code take_offsets(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                                 struct sl_err *err) {
    SL_TRY(take_copy(bytes, rows * sizeof *vec->offsets, vec, vec->offsets + 1, err));
    vec->offsets[0] = 0;
    for (uint32_t i = 0; i < rows; i++)
        if (vec->offsets[i + 1] < vec->offsets[i])
            return sl_fail(err, SL_DATA, "the lengths of a column do not rise");
    return SL_OK;
}

static enum sl_code take_vec(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                             struct sl_err *err);

static enum sl_code take_text(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                              struct sl_err *err) {
    SL_TRY(take_offsets(bytes, rows, vec, err));
    size_t length = (size_t)vec->offsets[rows];
    if (bytes->len < length) return too_short(vec, err);
    SL_TRY(sl_vec_reserve_bytes(vec, length, err));
    return take_copy(bytes, length, vec, vec->bytes, err);
}

/* An element takes at least a bit, so the bytes that are left bound how many there can be. */
static enum sl_code take_list(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                              struct sl_err *err) {
    SL_TRY(take_offsets(bytes, rows, vec, err));
    uint32_t items = (uint32_t)vec->offsets[rows];
    bool empty_items = vec->children[0].type->kind == SL_NULL_KIND ||
                       vec->children[0].type->kind == SL_STRUCT_KIND;
    if (!empty_items && items / 8 > bytes->len) return too_short(vec, err);
    if (empty_items && items > bytes->len * 64 + 64) return too_short(vec, err);
    for (uint32_t i = 0; i < vec->child_count; i++)
        SL_TRY(take_vec(bytes, items, &vec->children[i], err));
    return SL_OK;
}

static enum sl_code take_valid(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                               struct sl_err *err) {
    const char *flag = NULL;
    SL_TRY(take(bytes, 1, vec, &flag, err));
    if (*flag & ~1) return sl_fail(err, SL_DATA, "a column begins with the byte %d", *flag);
    if (!*flag) return SL_OK;
    if (bytes->len < bit_bytes(rows)) return too_short(vec, err);
    SL_TRY(sl_vec_reserve_valid(vec, rows, err));
    return take_copy(bytes, bit_bytes(rows), vec, vec->valid, err);
}

static size_t least_bytes(const struct sl_type *type, uint32_t rows) {
    if (type->kind == SL_NULL_KIND || type->kind == SL_STRUCT_KIND) return 0;
    if (type->kind == SL_BOOL_KIND) return bit_bytes(rows);
    uint32_t width = sl_type_width(type);
    return (size_t)rows * (width ? width : sizeof(int32_t));
}

static enum sl_code take_vec(struct sl_str *bytes, uint32_t rows, struct sl_vec *vec,
                             struct sl_err *err) {
    SL_TRY(take_valid(bytes, rows, vec, err));
    if (bytes->len < least_bytes(vec->type, rows)) return too_short(vec, err);
    if (vec->type->kind != SL_STRUCT_KIND) SL_TRY(sl_vec_reserve(vec, rows, err));
    vec->rows = rows;
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        return SL_OK;
    case SL_BOOL_KIND:
        return take_copy(bytes, bit_bytes(rows), vec, vec->bits, err);
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        return take_text(bytes, rows, vec, err);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        return take_list(bytes, rows, vec, err);
    case SL_STRUCT_KIND:
        for (uint32_t i = 0; i < vec->child_count; i++)
            SL_TRY(take_vec(bytes, rows, &vec->children[i], err));
        return SL_OK;
    default:
        return take_copy(bytes, (size_t)rows * sl_type_width(vec->type), vec, vec->data, err);
    }
}

enum sl_code sl_row_bytes_take(struct sl_str *bytes, uint32_t rows, struct sl_batch *batch,
                               struct sl_err *err) {
    const char *why;
    for (uint32_t c = 0; c < batch->schema->field_count; c++) {
        SL_TRY(take_vec(bytes, rows, &batch->columns[c], err));
        if (!sl_vec_verify(&batch->columns[c], &why))
            return sl_fail(err, SL_DATA, "the values of a column do not fit together: %s", why);
    }
    batch->rows = batch->selected_rows = rows;
    batch->selected = NULL;
    return SL_OK;
}
