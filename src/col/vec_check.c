/* Invariants and logical equality of vectors: for debug builds and tests, so plain rather than
 * fast. */
#include "col/vec.h"

static bool broken(const char **why, const char *text) {
    if (why) *why = text;
    return false;
}

static bool verify_offsets(const struct sl_vec *vec, uint32_t rows, const char **why) {
    if (!vec->offsets) return rows == 0 || broken(why, "no offsets");
    if (vec->offsets[0] != 0) return broken(why, "the first offset is not 0");
    for (uint32_t i = 0; i < rows; i++) {
        if (vec->offsets[i + 1] < vec->offsets[i]) return broken(why, "offsets decrease");
        if (vec->valid && !sl_bit_get(vec->valid, i) && vec->offsets[i + 1] != vec->offsets[i])
            return broken(why, "a null row has a length");
    }
    return true;
}

static bool verify_lists(const struct sl_vec *vec, uint32_t rows, const char **why) {
    if (!verify_offsets(vec, rows, why)) return false;
    uint32_t items = rows ? (uint32_t)vec->offsets[rows] : 0;
    for (uint32_t c = 0; c < vec->child_count; c++) {
        if (vec->children[c].rows < items) return broken(why, "fewer items than the offsets say");
        if (!sl_vec_verify(&vec->children[c], why)) return false;
    }
    return true;
}

static bool verify_struct(const struct sl_vec *vec, uint32_t rows, const char **why) {
    for (uint32_t c = 0; c < vec->child_count; c++) {
        const struct sl_vec *child = &vec->children[c];
        if (child->rows < rows) return broken(why, "a field has fewer rows than its struct");
        if (!sl_vec_verify(child, why)) return false;
        for (uint32_t i = 0; vec->valid && i < rows; i++)
            if (!sl_bit_get(vec->valid, i) && !sl_vec_is_null(child, i))
                return broken(why, "a field of a null struct is not null");
    }
    return true;
}

static bool verify_flat(const struct sl_vec *vec, uint32_t rows, const char **why) {
    switch (vec->type->kind) {
    case SL_NULL_KIND:
        return true;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        if (!verify_offsets(vec, rows, why)) return false;
        return vec->bytes || rows == 0 || broken(why, "no string bytes");
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
    case SL_STRUCT_KIND:
        if (vec->child_count != vec->type->field_count)
            return broken(why, "the number of children is not that of the type");
        for (uint32_t c = 0; c < vec->child_count; c++)
            if (!sl_type_equal(vec->children[c].type, vec->type->fields[c].type))
                return broken(why, "a child has another type than its field");
        return vec->type->kind == SL_STRUCT_KIND ? verify_struct(vec, rows, why)
                                                 : verify_lists(vec, rows, why);
    default:
        return vec->data || rows == 0 || broken(why, "no values");
    }
}

static bool verify_dict(const struct sl_vec *vec, const char **why) {
    if (vec->child_count != 1) return broken(why, "a dictionary vector needs one child");
    const struct sl_vec *dict = &vec->children[0];
    if (dict->enc != SL_ENC_FLAT) return broken(why, "a dictionary is not flat");
    if (!sl_type_equal(dict->type, vec->type)) return broken(why, "a dictionary of another type");
    if (!sl_vec_verify(dict, why)) return false;
    for (uint32_t i = 0; dict->valid && i < dict->rows; i++)
        if (!sl_bit_get(dict->valid, i)) return broken(why, "a dictionary holds a null");
    for (uint32_t i = 0; i < vec->rows; i++)
        if (!sl_vec_is_null(vec, i) && (uint32_t)vec->codes[i] >= dict->rows)
            return broken(why, "a code is past the dictionary");
    return true;
}

bool sl_vec_verify(const struct sl_vec *vec, const char **why) {
    if (!vec->type) return broken(why, "no type");
    switch (vec->enc) {
    case SL_ENC_FLAT:
        return verify_flat(vec, vec->rows, why);
    case SL_ENC_CONST:
        return verify_flat(vec, vec->rows ? 1 : 0, why);
    case SL_ENC_DICT:
        return verify_dict(vec, why);
    case SL_ENC_VIEW:
        break;
    }
    if (!sl_type_is_bytes(vec->type)) return broken(why, "views of a type that has no bytes");
    return vec->views || vec->rows == 0 || broken(why, "no views");
}

static bool same_f64(double a, double b) { return a == b || (a != a && b != b); }

static bool items_equal(const struct sl_vec *a, uint32_t i, const struct sl_vec *b, uint32_t k) {
    int32_t count = a->offsets[i + 1] - a->offsets[i];
    if (b->offsets[k + 1] - b->offsets[k] != count) return false;
    for (uint32_t c = 0; c < a->child_count; c++)
        for (int32_t n = 0; n < count; n++)
            if (!sl_vec_rows_equal(&a->children[c], (uint32_t)(a->offsets[i] + n), &b->children[c],
                                   (uint32_t)(b->offsets[k] + n)))
                return false;
    return true;
}

static bool flat_equal(const struct sl_vec *a, uint32_t i, const struct sl_vec *b, uint32_t k) {
    switch (a->type->kind) {
    case SL_NULL_KIND:
        return true;
    case SL_BOOL_KIND:
        return sl_bit_get(a->bits, i) == sl_bit_get(b->bits, k);
    case SL_FLOAT_KIND:
        return same_f64((double)a->f32[i], (double)b->f32[k]);
    case SL_DOUBLE_KIND:
        return same_f64(a->f64[i], b->f64[k]);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        return items_equal(a, i, b, k);
    case SL_STRUCT_KIND:
        for (uint32_t c = 0; c < a->child_count; c++)
            if (!sl_vec_rows_equal(&a->children[c], i, &b->children[c], k)) return false;
        return true;
    default: {
        size_t width = sl_type_width(a->type);
        return memcmp((const char *)a->data + i * width, (const char *)b->data + k * width,
                      width) == 0;
    }
    }
}

bool sl_vec_rows_equal(const struct sl_vec *a, uint32_t row_a, const struct sl_vec *b,
                       uint32_t row_b) {
    bool null = sl_vec_is_null(a, row_a);
    if (null || sl_vec_is_null(b, row_b)) return null == sl_vec_is_null(b, row_b);
    if (a->type->kind != b->type->kind || a->type->field_count != b->type->field_count ||
        sl_type_width(a->type) != sl_type_width(b->type))
        return false;
    if (sl_type_is_bytes(a->type)) return sl_str_eq(sl_vec_str(a, row_a), sl_vec_str(b, row_b));
    if (a->enc == SL_ENC_DICT)
        return sl_vec_rows_equal(&a->children[0], (uint32_t)a->codes[row_a], b, row_b);
    if (b->enc == SL_ENC_DICT)
        return sl_vec_rows_equal(a, row_a, &b->children[0], (uint32_t)b->codes[row_b]);
    return flat_equal(a, sl_vec_pos(a, row_a), b, sl_vec_pos(b, row_b));
}
