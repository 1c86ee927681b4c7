/* Copying rows between vectors, whatever their encodings.
 *
 * A source is (vector, rows to take).  CONST and DICT are turned into positions of a FLAT vector in
 * chunks on the stack; a position may be HOLE, which stands for a null row: only so do the nulls of
 * a DICT or CONST parent reach the children of a nested value, as the invariants of vec.h ask.
 */
#include "col/vec.h"

enum { CHUNK = 512 };
#define HOLE UINT32_MAX

/* Rows idx[0..count), or begin..begin+count when idx is NULL. holes: idx may contain HOLE. */
struct take {
    const uint32_t *idx;
    uint32_t begin, count;
    bool holes;
};

static uint32_t take_at(const struct take *take, uint32_t i) {
    return take->idx ? take->idx[i] : take->begin + i;
}

static enum sl_code append(struct sl_vec *out, const struct sl_vec *in, const struct take *take,
                           struct sl_err *err);

static enum sl_code reserve_more(struct sl_vec *out, uint32_t count, struct sl_err *err) {
    uint32_t rows;
    if (__builtin_add_overflow(out->rows, count, &rows))
        return sl_fail(err, SL_DATA, "a column is longer than 2^31 rows");
    return sl_vec_reserve(out, rows, err);
}

/* ---- bits ---- */

/* Bits by index into whole bytes where the target begins one. */
static void gather_bits(uint64_t *out, uint32_t to, const uint64_t *in, const uint32_t *idx,
                        uint32_t count) {
    uint32_t i = 0;
    for (; i < count && (to + i) % 8; i++) sl_bit_put(out, to + i, sl_bit_get(in, idx[i]));
    for (; i + 8 <= count; i += 8) {
        unsigned byte = 0;
        for (unsigned k = 0; k < 8; k++) byte |= (unsigned)sl_bit_get(in, idx[i + k]) << k;
        ((uint8_t *)out)[(to + i) / 8] = (uint8_t)byte;
    }
    for (; i < count; i++) sl_bit_put(out, to + i, sl_bit_get(in, idx[i]));
}

static void copy_bits(uint64_t *out, uint32_t to, const uint64_t *in, const struct take *take) {
    uint32_t count = take->count;
    if (!take->idx && to % 64 == 0 && take->begin % 64 == 0) {
        memcpy(out + to / 64, in + take->begin / 64, SL_BIT_WORDS(count) * 8);
        return;
    }
    if (take->idx && !take->holes) {
        gather_bits(out, to, in, take->idx, count);
        return;
    }
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = take_at(take, i);
        sl_bit_put(out, to + i, row != HOLE && sl_bit_get(in, row));
    }
}

static void set_bits(uint64_t *out, uint32_t to, uint32_t count, bool value) {
    for (uint32_t i = 0; i < count;) {
        if ((to + i) % 64 == 0 && count - i >= 64) {
            out[(to + i) / 64] = value ? ~UINT64_C(0) : 0;
            i += 64;
        } else {
            sl_bit_put(out, to + i, value);
            i++;
        }
    }
}

static bool any_hole(const struct take *take) {
    if (take->holes)
        for (uint32_t i = 0; i < take->count; i++)
            if (take->idx[i] == HOLE) return true;
    return false;
}

/* Validity of the new rows; before out->rows grows. in == NULL: all valid but for holes. */
static enum sl_code append_valid(struct sl_vec *out, const uint64_t *in, const struct take *take,
                                 struct sl_err *err) {
    if (out->type->kind == SL_NULL_KIND) return SL_OK;
    bool holes = any_hole(take);
    if (!in && !holes && !out->valid) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, out->rows + take->count, err));
    if (in) {
        uint32_t end = out->rows + take->count;
        copy_bits(out->valid, out->rows, in, take);
        if (end & 63) out->valid[end / 64] |= ~sl_bits_tail(end); /* unwritten bits are ones */
        return SL_OK;
    }
    set_bits(out->valid, out->rows, take->count, true);
    if (holes)
        for (uint32_t i = 0; i < take->count; i++)
            if (take->idx[i] == HOLE) sl_bit_clear(out->valid, out->rows + i);
    return SL_OK;
}

/* ---- fixed width ---- */

#define GATHER(name, T)                                                                            \
    static void name(T *restrict out, const T *restrict in, const uint32_t *restrict idx,          \
                     uint32_t count, bool holes) {                                                 \
        if (!holes)                                                                                \
            for (uint32_t i = 0; i < count; i++) out[i] = in[idx[i]];                              \
        else                                                                                       \
            for (uint32_t i = 0; i < count; i++) out[i] = idx[i] == HOLE ? 0 : in[idx[i]];         \
    }
GATHER(gather8, int8_t)
GATHER(gather16, int16_t)
GATHER(gather32, int32_t)
GATHER(gather64, int64_t)
GATHER(gather128, sl_int128)
#undef GATHER

static void append_fixed(struct sl_vec *out, const struct sl_vec *in, const struct take *take) {
    size_t width = sl_type_width(out->type);
    uint32_t to = out->rows;
    if (!take->idx) {
        if (take->count)
            memcpy((char *)out->data + to * width, (const char *)in->data + take->begin * width,
                   take->count * width);
        return;
    }
    switch (width) {
    case 1:
        gather8(out->i8 + to, in->i8, take->idx, take->count, take->holes);
        break;
    case 2:
        gather16(out->i16 + to, in->i16, take->idx, take->count, take->holes);
        break;
    case 4:
        gather32(out->i32 + to, in->i32, take->idx, take->count, take->holes);
        break;
    case 8:
        gather64(out->i64 + to, in->i64, take->idx, take->count, take->holes);
        break;
    default:
        gather128(out->i128 + to, in->i128, take->idx, take->count, take->holes);
        break;
    }
}

/* ---- strings ---- */

static enum sl_code append_range_bytes(struct sl_vec *out, const struct sl_vec *in,
                                       const struct take *take, struct sl_err *err) {
    int32_t base = out->offsets[out->rows], first = in->offsets[take->begin];
    size_t len = (size_t)(in->offsets[take->begin + take->count] - first);
    SL_TRY(sl_vec_reserve_bytes(out, (size_t)base + len, err));
    if (len) memcpy(out->bytes + base, in->bytes + first, len);
    for (uint32_t i = 1; i <= take->count; i++)
        out->offsets[out->rows + i] = base + (in->offsets[take->begin + i] - first);
    return SL_OK;
}

static struct sl_str flat_bytes(const struct sl_vec *in, uint32_t row) {
    int32_t begin = in->offsets[row];
    return (struct sl_str){(const char *)in->bytes + begin, (size_t)(in->offsets[row + 1] - begin)};
}

/* in is FLAT or VIEW; a null view may hold anything. */
static struct sl_str take_bytes(const struct sl_vec *in, uint32_t row) {
    if (row == HOLE) return (struct sl_str){"", 0};
    if (in->enc == SL_ENC_FLAT) return flat_bytes(in, row);
    return in->valid && !sl_bit_get(in->valid, row) ? (struct sl_str){"", 0} : in->views[row];
}

/* Mostly short strings: memcpy's call costs more than their bytes. Nothing behind either end is
 * touched, since borrowed memory has no padding. */
static inline void copy_bytes(uint8_t *to, const char *from, size_t len) {
    if (len > 16) {
        memcpy(to, from, len);
    } else if (len >= 8) {
        uint64_t head, tail;
        memcpy(&head, from, 8);
        memcpy(&tail, from + len - 8, 8);
        memcpy(to, &head, 8);
        memcpy(to + len - 8, &tail, 8);
    } else if (len >= 4) {
        uint32_t head, tail;
        memcpy(&head, from, 4);
        memcpy(&tail, from + len - 4, 4);
        memcpy(to, &head, 4);
        memcpy(to + len - 4, &tail, 4);
    } else if (len) {
        to[0] = (uint8_t)from[0];
        to[len / 2] = (uint8_t)from[len / 2];
        to[len - 1] = (uint8_t)from[len - 1];
    }
}

/* FLAT rows by index, without holes: what filters and exchanges do most. */
static enum sl_code append_picked_bytes(struct sl_vec *out, const struct sl_vec *in,
                                        const uint32_t *idx, uint32_t count, struct sl_err *err) {
    size_t end = (size_t)out->offsets[out->rows], total = end;
    for (uint32_t i = 0; i < count; i++) total += flat_bytes(in, idx[i]).len;
    SL_TRY(sl_vec_reserve_bytes(out, total, err));
    int32_t *offsets = out->offsets + out->rows + 1;
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str str = flat_bytes(in, idx[i]);
        copy_bytes(out->bytes + end, str.ptr, str.len);
        end += str.len;
        offsets[i] = (int32_t)end;
    }
    return SL_OK;
}

static enum sl_code append_bytes(struct sl_vec *out, const struct sl_vec *in,
                                 const struct take *take, struct sl_err *err) {
    if (take->count == 0) return SL_OK;
    if (!take->idx && in->enc == SL_ENC_FLAT) return append_range_bytes(out, in, take, err);
    if (!take->holes && in->enc == SL_ENC_FLAT)
        return append_picked_bytes(out, in, take->idx, take->count, err);
    size_t end = (size_t)out->offsets[out->rows], total = end;
    for (uint32_t i = 0; i < take->count; i++) total += take_bytes(in, take_at(take, i)).len;
    SL_TRY(sl_vec_reserve_bytes(out, total, err));
    for (uint32_t i = 0; i < take->count; i++) {
        struct sl_str str = take_bytes(in, take_at(take, i));
        copy_bytes(out->bytes + end, str.ptr, str.len);
        end += str.len;
        out->offsets[out->rows + i + 1] = (int32_t)end;
    }
    return SL_OK;
}

/* ---- nested ---- */

static enum sl_code append_items(struct sl_vec *out, const struct sl_vec *in,
                                 const struct take *take, struct sl_err *err) {
    for (uint32_t c = 0; c < out->child_count; c++)
        SL_TRY(append(&out->children[c], &in->children[c], take, err));
    return SL_OK;
}

/* Offsets and items of an ARRAY or MAP. */
static enum sl_code append_lists(struct sl_vec *out, const struct sl_vec *in,
                                 const struct take *take, struct sl_err *err) {
    uint32_t picked[CHUNK], filled = 0;
    uint64_t end = (uint64_t)out->offsets[out->rows];
    if (take->count == 0) return SL_OK;
    if (!take->idx) {
        uint32_t first = (uint32_t)in->offsets[take->begin];
        uint32_t items = (uint32_t)in->offsets[take->begin + take->count] - first;
        SL_TRY(append_items(out, in, &(struct take){.begin = first, .count = items}, err));
    }
    for (uint32_t i = 0; i < take->count; i++) {
        uint32_t row = take_at(take, i);
        uint32_t from = row == HOLE ? 0 : (uint32_t)in->offsets[row];
        uint32_t until = row == HOLE ? 0 : (uint32_t)in->offsets[row + 1];
        end += until - from;
        if (end > INT32_MAX - 64) return sl_fail(err, SL_DATA, "a column is longer than 2^31 rows");
        out->offsets[out->rows + i + 1] = (int32_t)end;
        for (; take->idx && from < until; from++) {
            picked[filled++] = from;
            if (filled < CHUNK) continue;
            SL_TRY(append_items(out, in, &(struct take){.idx = picked, .count = filled}, err));
            filled = 0;
        }
    }
    return append_items(out, in, &(struct take){.idx = picked, .count = filled}, err);
}

static enum sl_code append_flat(struct sl_vec *out, const struct sl_vec *in,
                                const struct take *take, struct sl_err *err) {
    SL_TRY(append_valid(out, in->valid, take, err));
    switch (out->type->kind) {
    case SL_NULL_KIND:
        break;
    case SL_BOOL_KIND:
        copy_bits(out->bits, out->rows, in->bits, take);
        break;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        SL_TRY(append_bytes(out, in, take, err));
        break;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        SL_TRY(append_lists(out, in, take, err));
        break;
    case SL_STRUCT_KIND:
        SL_TRY(append_items(out, in, take, err));
        break;
    default:
        append_fixed(out, in, take);
    }
    out->rows += take->count;
    return SL_OK;
}

/* ---- encodings ---- */

static enum sl_code append_const(struct sl_vec *out, const struct sl_vec *in,
                                 const struct take *take, struct sl_err *err) {
    uint32_t positions[CHUNK];
    bool null = sl_vec_is_null(in, 0);
    /* The same value read as FLAT: children of a CONST struct have one row of their own. */
    struct sl_vec flat = *in;
    flat.enc = SL_ENC_FLAT;
    flat.valid = NULL;
    for (uint32_t i = 0; i < take->count;) {
        uint32_t count = take->count - i < CHUNK ? take->count - i : CHUNK;
        for (uint32_t k = 0; k < count; k++)
            positions[k] = null || take_at(take, i + k) == HOLE ? HOLE : 0;
        struct take chunk = {.idx = positions, .count = count, .holes = null || take->holes};
        SL_TRY(append_flat(out, &flat, &chunk, err));
        i += count;
    }
    return SL_OK;
}

static enum sl_code append_dict(struct sl_vec *out, const struct sl_vec *in,
                                const struct take *take, struct sl_err *err) {
    uint32_t positions[CHUNK];
    bool holes = take->holes || in->valid;
    for (uint32_t i = 0; i < take->count;) {
        uint32_t count = take->count - i < CHUNK ? take->count - i : CHUNK;
        for (uint32_t k = 0; k < count; k++) {
            uint32_t row = take_at(take, i + k);
            bool hole = row == HOLE || (in->valid && !sl_bit_get(in->valid, row));
            positions[k] = hole ? HOLE : (uint32_t)in->codes[row];
        }
        struct take chunk = {.idx = positions, .count = count, .holes = holes};
        SL_TRY(append_flat(out, &in->children[0], &chunk, err));
        i += count;
    }
    return SL_OK;
}

static enum sl_code append(struct sl_vec *out, const struct sl_vec *in, const struct take *take,
                           struct sl_err *err) {
    SL_TRY(reserve_more(out, take->count, err));
    if (take->count == 0) return SL_OK;
    switch (in->enc) {
    case SL_ENC_CONST:
        return append_const(out, in, take, err);
    case SL_ENC_DICT:
        return append_dict(out, in, take, err);
    case SL_ENC_VIEW:
    case SL_ENC_FLAT:
        break;
    }
    return append_flat(out, in, take, err);
}

/* ---- interface ---- */

enum sl_code sl_vec_append(struct sl_vec *out, const struct sl_vec *in, const uint32_t *idx,
                           uint32_t count, struct sl_err *err) {
    sl_assert(out != in && out->type->kind == in->type->kind &&
              (out->enc == SL_ENC_FLAT || out->rows == 0));
    return append(out, in, &(struct take){.idx = idx, .count = count}, err);
}

static void repeat_offset(struct sl_vec *out, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) out->offsets[out->rows + i + 1] = out->offsets[out->rows];
}

enum sl_code sl_vec_append_null(struct sl_vec *out, uint32_t count, struct sl_err *err) {
    SL_TRY(reserve_more(out, count, err));
    if (out->type->kind != SL_NULL_KIND) {
        SL_TRY(sl_vec_reserve_valid(out, out->rows + count, err));
        set_bits(out->valid, out->rows, count, false);
    }
    switch (out->type->kind) {
    case SL_NULL_KIND:
        break;
    case SL_BOOL_KIND:
        set_bits(out->bits, out->rows, count, false);
        break;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        repeat_offset(out, count);
        break;
    case SL_STRUCT_KIND:
        for (uint32_t c = 0; c < out->child_count; c++)
            SL_TRY(sl_vec_append_null(&out->children[c], count, err));
        break;
    default: {
        size_t width = sl_type_width(out->type);
        memset((char *)out->data + out->rows * width, 0, count * width);
    }
    }
    out->rows += count;
    return SL_OK;
}

enum sl_code sl_vec_flatten(const struct sl_vec *in, struct sl_vec *out, struct sl_err *err) {
    if (in->enc != SL_ENC_FLAT) {
        sl_assert(out->type->kind == in->type->kind);
        sl_vec_clear(out);
        return sl_vec_append(out, in, NULL, in->rows, err);
    }
    if (!sl_type_is_nested(in->type)) {
        sl_vec_borrow(out, in);
        return SL_OK;
    }
    /* Items and fields may have encodings of their own. */
    sl_vec_clear(out);
    out->type = in->type;
    out->rows = in->rows;
    out->valid = in->valid;
    out->offsets = in->offsets;
    for (uint32_t i = 0; i < in->child_count; i++)
        SL_TRY(sl_vec_flatten(&in->children[i], &out->children[i], err));
    return SL_OK;
}
