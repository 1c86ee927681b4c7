/* Life cycle and storage of vectors; copying and decoding are in vec_append.c, checks in
 * vec_check.c. */
#include "col/vec.h"

#include <stdlib.h>

enum { ALIGNMENT = 64, PADDING = 64, BYTES_MAX = INT32_MAX - 64 };

/* How many children a FLAT vector of this type has. */
static uint32_t flat_children(const struct sl_type *type) {
    return sl_type_is_nested(type) ? type->field_count : 0;
}

static void free_store(struct sl_store *store) {
    free(store->ptr);
    *store = (struct sl_store){0};
}

static void free_children(struct sl_vec *vec) {
    if (vec->owns_children) {
        for (uint32_t i = 0; i < vec->child_count; i++) sl_vec_release(&vec->children[i]);
        free(vec->children);
    }
    vec->children = NULL;
    vec->child_count = 0;
    vec->owns_children = false;
}

/* Owned and zeroed; an array of the right size that is already owned stays as it is. */
static void own_children(struct sl_vec *vec, uint32_t count) {
    if (vec->owns_children && vec->child_count == count) return;
    free_children(vec);
    if (!count) return;
    vec->children = sl_xcalloc(count, sizeof *vec->children);
    vec->child_count = count;
    vec->owns_children = true;
}

static void make_flat_children(struct sl_vec *vec) {
    own_children(vec, flat_children(vec->type));
    for (uint32_t i = 0; i < vec->child_count; i++) {
        struct sl_vec *child = &vec->children[i];
        const struct sl_type *type = vec->type->fields[i].type;
        if (child->type == type) continue;
        sl_vec_release(child);
        sl_vec_init(child, type);
    }
}

void sl_vec_init(struct sl_vec *vec, const struct sl_type *type) {
    *vec = (struct sl_vec){.type = type};
    make_flat_children(vec);
}

void sl_vec_release(struct sl_vec *vec) {
    free_children(vec);
    free_store(&vec->own_valid);
    free_store(&vec->own_data);
    free_store(&vec->own_offsets);
    free_store(&vec->own_bytes);
    free_store(&vec->own_codes);
    *vec = (struct sl_vec){.type = vec->type};
}

static void drop_pointers(struct sl_vec *vec) {
    vec->rows = 0;
    vec->enc = SL_ENC_FLAT;
    vec->valid = NULL;
    vec->data = NULL;
    vec->offsets = NULL;
    vec->bytes = NULL;
    vec->codes = NULL;
}

void sl_vec_clear(struct sl_vec *vec) {
    drop_pointers(vec);
    if (!vec->owns_children) free_children(vec);
    if (sl_type_is_nested(vec->type)) make_flat_children(vec);
    for (uint32_t i = 0; i < vec->child_count; i++) sl_vec_clear(&vec->children[i]);
}

/* Makes *pointer the owned memory of at least `bytes` bytes. Keeps the first keep_bytes of borrowed
 * memory, but all of owned memory: a producer may have written more than vec->rows says yet. */
static enum sl_code own(struct sl_store *store, void **pointer, size_t keep_bytes, size_t bytes,
                        struct sl_err *err) {
    void *old = *pointer;
    if (store->ptr && bytes <= store->cap) {
        if (old && old != store->ptr && keep_bytes) memcpy(store->ptr, old, keep_bytes);
        *pointer = store->ptr;
        return SL_OK;
    }
    size_t cap = store->cap * 2 > bytes ? store->cap * 2 : bytes;
    cap = (cap + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
    if (cap == 0) cap = ALIGNMENT;
    void *fresh = aligned_alloc(ALIGNMENT, cap + PADDING);
    if (!fresh) return sl_fail(err, SL_NOMEM, "no memory for a column of %zu bytes", bytes);
    memset((char *)fresh + cap, 0, PADDING);
    if (old && old == store->ptr) keep_bytes = store->cap;
    if (old && keep_bytes) memcpy(fresh, old, keep_bytes);
    free(store->ptr);
    *store = (struct sl_store){fresh, cap};
    *pointer = fresh;
    return SL_OK;
}

static enum sl_code own_offsets(struct sl_vec *vec, uint32_t rows, struct sl_err *err) {
    size_t keep = vec->offsets ? ((size_t)vec->rows + 1) * 4 : 0;
    void *pointer = vec->offsets;
    SL_TRY(own(&vec->own_offsets, &pointer, keep, ((size_t)rows + 1) * 4, err));
    vec->offsets = pointer;
    if (!keep || vec->rows == 0) vec->offsets[0] = 0;
    return SL_OK;
}

enum sl_code sl_vec_reserve(struct sl_vec *vec, uint32_t rows, struct sl_err *err) {
    if (vec->rows == 0) vec->enc = SL_ENC_FLAT;
    sl_assert(vec->enc == SL_ENC_FLAT);
    if (rows < vec->rows) rows = vec->rows;
    if (rows > INT32_MAX - 64)
        return sl_fail(err, SL_DATA, "a column of %u rows is longer than 2^31 rows", rows);
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        return SL_OK;
    case SL_BOOL_KIND:
        return own(&vec->own_data, &vec->data, SL_BIT_WORDS(vec->rows) * 8, SL_BIT_WORDS(rows) * 8,
                   err);
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        SL_TRY(own_offsets(vec, rows, err));
        /* Never NULL, so that an empty string has an address. */
        return vec->bytes ? SL_OK : sl_vec_reserve_bytes(vec, 0, err);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        make_flat_children(vec);
        return own_offsets(vec, rows, err);
    case SL_STRUCT_KIND:
        make_flat_children(vec);
        for (uint32_t i = 0; i < vec->child_count; i++)
            SL_TRY(sl_vec_reserve(&vec->children[i], rows, err));
        return SL_OK;
    default: {
        size_t width = sl_type_width(vec->type);
        return own(&vec->own_data, &vec->data, vec->rows * width, rows * width, err);
    }
    }
}

enum sl_code sl_vec_reserve_bytes(struct sl_vec *vec, size_t bytes, struct sl_err *err) {
    if (bytes > BYTES_MAX)
        return sl_fail(err, SL_DATA, "a batch of strings of %zu bytes is longer than 2^31 bytes",
                       bytes);
    size_t keep = vec->offsets && vec->bytes ? (size_t)vec->offsets[vec->rows] : 0;
    void *pointer = vec->bytes;
    SL_TRY(own(&vec->own_bytes, &pointer, keep, bytes > keep ? bytes : keep, err));
    vec->bytes = pointer;
    return SL_OK;
}

/* Bits that nobody wrote are ones: the whole capacity is filled when the bitmap begins or grows. */
enum sl_code sl_vec_reserve_valid(struct sl_vec *vec, uint32_t rows, struct sl_err *err) {
    size_t bytes = SL_BIT_WORDS(rows > vec->rows ? rows : vec->rows) * 8;
    bool mine = vec->valid && vec->valid == vec->own_valid.ptr;
    if (mine && bytes <= vec->own_valid.cap) return SL_OK;
    size_t keep = !vec->valid ? 0 : mine ? vec->own_valid.cap : SL_BIT_WORDS(vec->rows) * 8;
    if (bytes < keep) bytes = keep;
    void *pointer = vec->valid;
    SL_TRY(own(&vec->own_valid, &pointer, keep, bytes, err));
    vec->valid = pointer;
    memset((char *)pointer + keep, 0xFF, vec->own_valid.cap - keep);
    if (keep && !mine && vec->rows & 63) vec->valid[vec->rows / 64] |= ~sl_bits_tail(vec->rows);
    return SL_OK;
}

enum sl_code sl_vec_reserve_dict(struct sl_vec *vec, uint32_t rows, struct sl_err *err) {
    sl_assert(!sl_type_is_nested(vec->type) && vec->rows == 0);
    vec->enc = SL_ENC_DICT;
    own_children(vec, 1);
    if (vec->children[0].type != vec->type) {
        sl_vec_release(&vec->children[0]);
        sl_vec_init(&vec->children[0], vec->type);
    }
    sl_vec_clear(&vec->children[0]);
    void *pointer = vec->codes;
    SL_TRY(own(&vec->own_codes, &pointer, 0, (size_t)rows * 4, err));
    vec->codes = pointer;
    return SL_OK;
}

/* Children are borrowed one by one into owned descriptors, so out's own storage is not lost. */
void sl_vec_borrow(struct sl_vec *out, const struct sl_vec *in) {
    if (out == in) return;
    out->type = in->type;
    out->enc = in->enc;
    out->rows = in->rows;
    out->valid = in->valid;
    out->data = in->data;
    out->offsets = in->offsets;
    out->bytes = in->bytes;
    out->codes = in->codes;
    own_children(out, in->child_count);
    for (uint32_t i = 0; i < in->child_count; i++)
        sl_vec_borrow(&out->children[i], &in->children[i]);
}

struct sl_str sl_vec_str(const struct sl_vec *vec, uint32_t row) {
    if (vec->enc == SL_ENC_VIEW) return vec->views[row];
    if (vec->enc == SL_ENC_DICT) {
        row = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    row = sl_vec_pos(vec, row);
    int32_t begin = vec->offsets[row];
    return (struct sl_str){(const char *)vec->bytes + begin,
                           (size_t)(vec->offsets[row + 1] - begin)};
}

/* ---- row builders ---- */

static enum sl_code begin_row(struct sl_vec *vec, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(vec, vec->rows + 1, err));
    if (!vec->valid) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(vec, vec->rows + 1, err));
    sl_bit_set(vec->valid, vec->rows);
    return SL_OK;
}

enum sl_code sl_vec_put_str(struct sl_vec *vec, struct sl_str value, struct sl_err *err) {
    sl_assert(sl_type_is_bytes(vec->type));
    SL_TRY(begin_row(vec, err));
    size_t begin = (size_t)vec->offsets[vec->rows];
    SL_TRY(sl_vec_reserve_bytes(vec, begin + value.len, err));
    if (value.len) memcpy(vec->bytes + begin, value.ptr, value.len);
    vec->offsets[++vec->rows] = (int32_t)(begin + value.len);
    return SL_OK;
}

enum sl_code sl_vec_put_i64(struct sl_vec *vec, int64_t value, struct sl_err *err) {
    SL_TRY(begin_row(vec, err));
    uint32_t row = vec->rows++;
    if (vec->type->kind == SL_BOOL_KIND) {
        sl_bit_put(vec->bits, row, value != 0);
        return SL_OK;
    }
    sl_assert(vec->type->kind != SL_FLOAT_KIND && vec->type->kind != SL_DOUBLE_KIND);
    switch (sl_type_width(vec->type)) {
    case 1:
        vec->i8[row] = (int8_t)value;
        break;
    case 2:
        vec->i16[row] = (int16_t)value;
        break;
    case 4:
        vec->i32[row] = (int32_t)value;
        break;
    case 8:
        vec->i64[row] = value;
        break;
    case 16:
        vec->i128[row] = value;
        break;
    default:
        sl_assert(!"an integer-like type");
    }
    return SL_OK;
}

enum sl_code sl_vec_put_f64(struct sl_vec *vec, double value, struct sl_err *err) {
    sl_assert(sl_type_is_float(vec->type));
    SL_TRY(begin_row(vec, err));
    if (vec->type->kind == SL_FLOAT_KIND)
        vec->f32[vec->rows++] = (float)value;
    else
        vec->f64[vec->rows++] = value;
    return SL_OK;
}

enum sl_code sl_vec_put_i128(struct sl_vec *vec, sl_int128 value, struct sl_err *err) {
    sl_assert(vec->type->kind == SL_DECIMAL_KIND);
    SL_TRY(begin_row(vec, err));
    if (sl_type_is_wide_decimal(vec->type))
        vec->i128[vec->rows++] = value;
    else
        vec->i64[vec->rows++] = (int64_t)value;
    return SL_OK;
}

size_t sl_vec_owned_bytes(const struct sl_vec *vec) {
    size_t bytes = vec->own_valid.cap + vec->own_data.cap + vec->own_offsets.cap +
                   vec->own_bytes.cap + vec->own_codes.cap;
    if (vec->owns_children)
        for (uint32_t i = 0; i < vec->child_count; i++)
            bytes += sizeof *vec + sl_vec_owned_bytes(&vec->children[i]);
    return bytes;
}
