/* Rows of a vector in any order, some several times, with as little copying as can be. */
#include "col/vec.h"

/* The dictionary holds no nulls: the rows' validity is their own. */
static enum sl_code pick_valid(struct sl_vec *out, const struct sl_vec *in, const uint32_t *idx,
                               uint32_t count, struct sl_err *err) {
    if (!in->valid) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, count, err));
    for (uint32_t i = 0; i < count; i++) sl_bit_put(out->valid, i, sl_bit_get(in->valid, idx[i]));
    return SL_OK;
}

static enum sl_code pick_texts(struct sl_vec *out, const struct sl_vec *in, const uint32_t *idx,
                               uint32_t count, struct sl_err *err) {
    bool coded = in->enc == SL_ENC_DICT;
    SL_TRY(sl_vec_reserve_dict(out, count, err));
    SL_TRY(pick_valid(out, in, idx, count, err));
    for (uint32_t i = 0; i < count; i++)
        out->codes[i] = coded ? in->codes[idx[i]] : (int32_t)idx[i];
    sl_vec_borrow(&out->children[0], coded ? &in->children[0] : in);
    out->children[0].valid = NULL;
    out->rows = count;
    return SL_OK;
}

enum sl_code sl_vec_pick(struct sl_vec *out, const struct sl_vec *in, const uint32_t *idx,
                         uint32_t count, struct sl_err *err) {
    sl_assert(out != in && out->type->kind == in->type->kind);
    sl_vec_clear(out);
    if (in->enc == SL_ENC_CONST) {
        sl_vec_borrow(out, in);
        out->rows = count;
        return SL_OK;
    }
    bool flat_text = sl_type_is_bytes(in->type) && in->enc == SL_ENC_FLAT;
    if (count && in->rows && !sl_type_is_nested(in->type) && (flat_text || in->enc == SL_ENC_DICT))
        return pick_texts(out, in, idx, count, err);
    return sl_vec_append(out, in, idx, count, err);
}

enum sl_code sl_vec_append_or_null(struct sl_vec *out, const struct sl_vec *in, const uint32_t *idx,
                                   uint32_t count, struct sl_err *err) {
    for (uint32_t begin = 0, end; begin < count; begin = end) {
        bool null = idx[begin] == SL_NO_ROW;
        for (end = begin; end < count && (idx[end] == SL_NO_ROW) == null; end++) continue;
        if (null)
            SL_TRY(sl_vec_append_null(out, end - begin, err));
        else
            SL_TRY(sl_vec_append(out, in, idx + begin, end - begin, err));
    }
    return SL_OK;
}
