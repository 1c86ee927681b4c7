/* Rows of a leaf column: levels say which entries are rows, nulls and values; values come dense
 * from the page and are spread over the rows in place.
 *
 * A segment is a piece of one page.  Its entries that are slots (parquet_schema.h) become rows of
 * the leaf's vector. */
#include "fmt/parquet/parquet_read_column.h"

enum { SEGMENT = 1024 };

/* ---- spreading dense values over rows with nulls ---- */

/* From the back, without branches; below a row that is in its place all are. What a null row then
 * holds is some other value, which is as good as any. */
#define SPREAD(name, T)                                                                            \
    static void name(T *data, const uint8_t *present, uint32_t slots, uint32_t dense) {            \
        for (uint32_t i = slots; i-- > 0 && dense <= i;) {                                         \
            dense -= present[i];                                                                   \
            data[i] = data[dense];                                                                 \
        }                                                                                          \
    }
SPREAD(spread_8, uint8_t)
SPREAD(spread_16, uint16_t)
SPREAD(spread_32, uint32_t)
SPREAD(spread_64, uint64_t)
SPREAD(spread_128, sl_int128)
#undef SPREAD

/* Indexes of null rows stay inside the dictionary, since kernels may look up all rows. */
static void spread_codes(int32_t *codes, const uint8_t *present, uint32_t slots, uint32_t dense) {
    for (uint32_t i = slots; i-- > 0;) codes[i] = present[i] ? codes[--dense] : 0;
}

static void spread_bits(uint64_t *bits, uint32_t at, const uint8_t *present, uint32_t slots,
                        uint32_t dense) {
    for (uint32_t i = slots; i-- > 0;)
        sl_bit_put(bits, at + i, present[i] && sl_bit_get(bits, at + --dense));
}

/* offsets[0] is the end of what was before; a null row has length 0. */
static void spread_offsets(int32_t *offsets, const uint8_t *present, uint32_t slots,
                           uint32_t dense) {
    for (uint32_t i = slots; i-- > 0;) {
        offsets[i + 1] = offsets[dense];
        if (present[i]) dense--;
    }
}

static void spread_fixed(struct sl_vec *out, uint32_t at, const uint8_t *present, uint32_t slots,
                         uint32_t dense) {
    switch (sl_type_width(out->type)) {
    case 1:
        spread_8((uint8_t *)out->i8 + at, present, slots, dense);
        break;
    case 2:
        spread_16((uint16_t *)out->i16 + at, present, slots, dense);
        break;
    case 4:
        spread_32((uint32_t *)out->i32 + at, present, slots, dense);
        break;
    case 8:
        spread_64((uint64_t *)out->i64 + at, present, slots, dense);
        break;
    default:
        spread_128(out->i128 + at, present, slots, dense);
    }
}

/* Flags (0 or 1) to bits, eight at once where the bits begin a byte: the product moves the flag of
 * byte i to bit 56 + i. */
static void put_bits(uint64_t *bits, uint32_t at, const uint8_t *flags, uint32_t count) {
    uint32_t i = 0;
    for (; at % 8 == 0 && i + 8 <= count; i += 8)
        ((uint8_t *)bits)[(at + i) / 8] =
            (uint8_t)(sl_load_u64(flags + i) * UINT64_C(0x0102040810204080) >> 56);
    for (; i < count; i++) sl_bit_put(bits, at + i, flags[i]);
}

/* Rows at, at + 1 ... hold `dense` values; afterwards they hold `slots` rows. */
static enum sl_code spread(struct sl_vec *out, uint32_t at, const uint8_t *present, uint32_t slots,
                           uint32_t dense, struct sl_err *err) {
    out->rows = at + slots;
    if (out->type->kind == SL_NULL_KIND || dense == slots) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, at + slots, err));
    put_bits(out->valid, at, present, slots);
    if (out->enc == SL_ENC_DICT)
        spread_codes(out->codes + at, present, slots, dense);
    else if (out->type->kind == SL_BOOL_KIND)
        spread_bits(out->bits, at, present, slots, dense);
    else if (sl_type_is_bytes(out->type))
        spread_offsets(out->offsets + at, present, slots, dense);
    else
        spread_fixed(out, at, present, slots, dense);
    return SL_OK;
}

/* ---- segments ---- */

/* DICT becomes FLAT in the middle of a batch, when a page without dictionary follows. */
static enum sl_code leave_dict(struct sl_parquet_column *c, struct sl_err *err) {
    struct sl_vec flat;
    sl_vec_init(&flat, c->out->type);
    enum sl_code code = sl_vec_append(&flat, c->out, NULL, c->out->rows, err);
    sl_vec_release(c->out);
    *c->out = flat;
    return code;
}

static enum sl_code enter_dict(struct sl_parquet_column *c, uint32_t rows, struct sl_err *err) {
    SL_TRY(sl_vec_reserve_dict(c->out, rows, err));
    sl_vec_borrow(&c->out->children[0], &c->dict);
    return SL_OK;
}

/* `dense` values of the page to the end of out, for `slots` rows that will be there. */
static enum sl_code append_dense(struct sl_parquet_column *c, uint32_t slots, uint32_t dense,
                                 struct sl_err *err) {
    struct sl_vec *out = c->out;
    if (c->leaf->conversion == SL_CONVERT_NULL) {
        out->rows += dense;
        return SL_OK;
    }
    bool indexed = c->values.encoding == SL_ENCODING_RLE_DICTIONARY && c->has_dict;
    if (out->enc == SL_ENC_DICT && !indexed) SL_TRY(leave_dict(c, err));
    if (out->enc == SL_ENC_DICT) {
        SL_TRY(
            sl_parquet_values_codes(&c->values, c->dict.rows, dense, out->codes + out->rows, err));
        out->rows += dense;
        return SL_OK;
    }
    SL_TRY(sl_vec_reserve(out, out->rows + slots, err));
    return sl_parquet_values_next(&c->values, c->has_dict ? &c->dict : NULL, dense, out, err);
}

static enum sl_code located(struct sl_parquet_column *c, enum sl_code code, struct sl_err *err) {
    if (code != SL_DATA || !err) return code;
    struct sl_err below = *err;
    return sl_parquet_column_fail(c, err, "%.300s", below.msg);
}

static enum sl_code append_segment(struct sl_parquet_column *c, const uint8_t *def, uint32_t count,
                                   uint8_t list_def, struct sl_err *err) {
    uint8_t present[SEGMENT], max = c->leaf->max_def;
    uint32_t slots = 0, dense = 0, at = c->out->rows;
    for (uint32_t i = 0; i < count; i++) {
        present[slots] = def[i] == max;
        dense += def[i] == max;
        slots += def[i] >= list_def;
    }
    SL_TRY(located(c, append_dense(c, slots, dense, err), err));
    return spread(c->out, at, present, slots, dense, err);
}

/* `count` entries that are all values, or all nulls. */
static enum sl_code append_run(struct sl_parquet_column *c, uint32_t count, bool values,
                               struct sl_err *err) {
    if (values) return located(c, append_dense(c, count, count, err), err);
    if (c->out->enc == SL_ENC_FLAT) return sl_vec_append_null(c->out, count, err);
    static const uint8_t nothing[SEGMENT];
    return spread(c->out, c->out->rows, nothing, count, 0, err);
}

static enum sl_code check_levels(struct sl_parquet_column *c, const uint8_t *levels, uint32_t count,
                                 uint8_t max, struct sl_err *err) {
    uint8_t largest = 0;
    for (uint32_t i = 0; i < count; i++) largest = levels[i] > largest ? levels[i] : largest;
    return largest <= max ? SL_OK
                          : sl_parquet_column_fail(c, err, "level %u is above %u", largest, max);
}

static enum sl_code decode_levels(struct sl_parquet_column *c, struct sl_hybrid *h, uint8_t max,
                                  uint8_t *out, uint32_t count, struct sl_err *err) {
    if (!max) {
        memset(out, 0, count);
        return SL_OK;
    }
    if (!sl_hybrid_u8(h, out, count))
        return sl_parquet_column_fail(c, err, "its levels end too early");
    return check_levels(c, out, count, max, err);
}

static enum sl_code keep(struct sl_parquet_column *c, struct sl_parquet_bytes *levels,
                         const uint8_t *from, uint32_t count, struct sl_err *err) {
    size_t need = (size_t)c->level_count + count;
    if (need > levels->cap)
        SL_TRY(sl_parquet_bytes_reserve(c->source, levels, need < 4096 ? 8192 : need * 2, err));
    memcpy(levels->ptr + c->level_count, from, count);
    return SL_OK;
}

static enum sl_code keep_levels(struct sl_parquet_column *c, const uint8_t *rep, const uint8_t *def,
                                uint32_t count, struct sl_err *err) {
    if (count > INT32_MAX - c->level_count)
        return sl_parquet_column_fail(c, err, "one batch has more than 2^31 entries");
    SL_TRY(keep(c, &c->levels_rep, rep, count, err));
    SL_TRY(keep(c, &c->levels_def, def, count, err));
    c->level_count += count;
    return SL_OK;
}

/* ---- columns without repetition: an entry is a row ---- */

static enum sl_code read_flat_segment(struct sl_parquet_column *c, uint32_t count,
                                      struct sl_err *err) {
    uint8_t def[SEGMENT], rep[SEGMENT] = {0}, max = c->leaf->max_def;
    uint32_t level = 0;
    if (!c->keep_levels && (max == 0 || sl_hybrid_constant(&c->def, count, &level))) {
        if (level > max) return sl_parquet_column_fail(c, err, "level %u is above %u", level, max);
        return append_run(c, count, level == max, err);
    }
    SL_TRY(decode_levels(c, &c->def, max, def, count, err));
    if (c->keep_levels) SL_TRY(keep_levels(c, rep, def, count, err));
    return append_segment(c, def, count, 0, err);
}

static enum sl_code read_flat(struct sl_parquet_column *c, uint32_t rows, struct sl_err *err) {
    while (rows) {
        bool more = true;
        if (!c->page_left) SL_TRY(sl_parquet_column_page(c, &more, err));
        if (!more) return sl_parquet_column_fail(c, err, "the chunk ends with rows missing");
        if (c->dict_output && c->out->rows == 0 && c->out->enc == SL_ENC_FLAT && c->dict.rows &&
            c->values.encoding == SL_ENCODING_RLE_DICTIONARY)
            SL_TRY(enter_dict(c, rows, err));
        uint32_t count = c->page_left < rows ? c->page_left : rows;
        if (count > SEGMENT) count = SEGMENT;
        c->started = true;
        SL_TRY(read_flat_segment(c, count, err));
        c->page_left -= count;
        rows -= count;
    }
    return SL_OK;
}

/* ---- columns with repetition: rows end where the next begins ---- */

static enum sl_code refill(struct sl_parquet_column *c, bool *more, struct sl_err *err) {
    *more = true;
    if (!c->page_left) SL_TRY(sl_parquet_column_page(c, more, err));
    if (!*more) return SL_OK;
    uint32_t count = c->page_left < SL_PARQUET_PENDING ? c->page_left : SL_PARQUET_PENDING;
    SL_TRY(decode_levels(c, &c->rep, c->leaf->max_rep, c->pending_rep, count, err));
    SL_TRY(decode_levels(c, &c->def, c->leaf->max_def, c->pending_def, count, err));
    if (!c->started && c->pending_rep[0] != 0)
        return sl_parquet_column_fail(c, err, "the chunk begins inside a row");
    c->started = true;
    c->page_left -= count;
    c->pending_at = 0;
    c->pending_count = count;
    return SL_OK;
}

/* Takes pending entries up to the start of a row that is not wanted any more. */
static enum sl_code take_pending(struct sl_parquet_column *c, uint32_t *rows, bool *done,
                                 struct sl_err *err) {
    uint32_t begin = c->pending_at, at = begin;
    for (; at < c->pending_count; at++) {
        if (c->pending_rep[at]) continue;
        if (*rows == 0) {
            *done = true;
            break;
        }
        --*rows;
    }
    c->pending_at = at;
    if (at == begin) return SL_OK;
    SL_TRY(keep_levels(c, c->pending_rep + begin, c->pending_def + begin, at - begin, err));
    return append_segment(c, c->pending_def + begin, at - begin, c->list_def, err);
}

static enum sl_code read_repeated(struct sl_parquet_column *c, uint32_t rows, struct sl_err *err) {
    bool done = false, more = true;
    while (!done) {
        if (c->pending_at == c->pending_count) SL_TRY(refill(c, &more, err));
        if (!more && rows)
            return sl_parquet_column_fail(c, err, "the chunk ends with rows missing");
        if (!more) return SL_OK;
        SL_TRY(take_pending(c, &rows, &done, err));
    }
    return SL_OK;
}

enum sl_code sl_parquet_column_read(struct sl_parquet_column *c, uint32_t rows,
                                    struct sl_err *err) {
    c->level_count = 0;
    SL_TRY(c->leaf->max_rep ? read_repeated(c, rows, err) : read_flat(c, rows, err));
    /* Rows behind the last null have bits too; unwritten ones are ones. */
    return c->out->valid ? sl_vec_reserve_valid(c->out, c->out->rows, err) : SL_OK;
}

enum sl_code sl_parquet_column_finish(struct sl_parquet_column *c, struct sl_err *err) {
    if (c->page_left || c->pending_at < c->pending_count || c->values_left)
        return sl_parquet_column_fail(c, err, "the chunk has more rows than its row group");
    return SL_OK;
}
