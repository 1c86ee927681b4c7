#include "fmt/parquet/parquet_decode_values.h"

enum { CHUNK = 256 };

static enum sl_code too_short(struct sl_err *err) {
    return sl_fail(err, SL_DATA, "its values end too early");
}

/* ---- beginning a page ---- */

/* A u32 length precedes RLE booleans. */
static enum sl_code begin_rle(struct sl_parquet_values *v, struct sl_err *err) {
    size_t room = (size_t)(v->end - v->pos);
    if (room < 4) return too_short(err);
    uint32_t len = sl_load_u32(v->pos);
    if (len > room - 4) return too_short(err);
    sl_hybrid_init(&v->hybrid, v->pos + 4, len, 1);
    return SL_OK;
}

static enum sl_code begin_indexes(struct sl_parquet_values *v, struct sl_err *err) {
    /* A page of nulls only may lack even the width. */
    uint32_t width = v->pos < v->end ? *v->pos++ : 0;
    if (width > 32) return sl_fail(err, SL_DATA, "its dictionary indexes are %u bits wide", width);
    sl_hybrid_init(&v->hybrid, v->pos, (size_t)(v->end - v->pos), width);
    return SL_OK;
}

static enum sl_code begin_delta(struct sl_delta *delta, const uint8_t *pos, const uint8_t *end,
                                struct sl_err *err) {
    return sl_delta_init(delta, pos, (size_t)(end - pos))
               ? SL_OK
               : sl_fail(err, SL_DATA, "its delta encoding has a broken header");
}

/* Lengths, then the bytes at v->pos. */
static enum sl_code begin_lengths(struct sl_parquet_values *v, struct sl_err *err) {
    SL_TRY(begin_delta(&v->delta, v->pos, v->end, err));
    v->pos = sl_delta_end(&v->delta);
    return v->pos ? SL_OK : sl_fail(err, SL_DATA, "its delta encoded lengths are broken");
}

static enum sl_code begin_prefixes(struct sl_parquet_values *v, bool keep_last,
                                   struct sl_err *err) {
    SL_TRY(begin_delta(&v->prefix, v->pos, v->end, err));
    v->pos = sl_delta_end(&v->prefix);
    if (!v->pos) return sl_fail(err, SL_DATA, "its delta encoded prefix lengths are broken");
    if (!keep_last) sl_buf_clear(&v->last);
    return begin_lengths(v, err);
}

static bool encoding_fits(enum sl_parquet_physical physical, int32_t encoding) {
    bool bytes = physical == SL_PARQUET_BYTE_ARRAY, fixed = physical == SL_PARQUET_FIXED;
    bool integer = physical == SL_PARQUET_INT32 || physical == SL_PARQUET_INT64;
    switch (encoding) {
    case SL_ENCODING_PLAIN:
        return true;
    case SL_ENCODING_RLE:
        return physical == SL_PARQUET_BOOLEAN;
    case SL_ENCODING_RLE_DICTIONARY:
        return physical != SL_PARQUET_BOOLEAN;
    case SL_ENCODING_DELTA_BINARY_PACKED:
        return integer;
    case SL_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return bytes;
    case SL_ENCODING_DELTA_BYTE_ARRAY:
        return bytes || fixed;
    case SL_ENCODING_BYTE_STREAM_SPLIT:
        return integer || fixed || physical == SL_PARQUET_FLOAT || physical == SL_PARQUET_DOUBLE;
    default:
        return false;
    }
}

enum sl_code sl_parquet_values_begin(struct sl_parquet_values *v,
                                     const struct sl_parquet_leaf *leaf, int32_t encoding,
                                     const uint8_t *bytes, size_t len, bool keep_last,
                                     struct sl_err *err) {
    if (encoding == SL_ENCODING_PLAIN_DICTIONARY) encoding = SL_ENCODING_RLE_DICTIONARY;
    v->leaf = leaf;
    v->encoding = encoding;
    v->pos = bytes;
    v->end = bytes + len;
    v->bit = 0;
    if (encoding < 0 || encoding > SL_ENCODING_BYTE_STREAM_SPLIT)
        return sl_fail(err, SL_UNSUPPORTED, "encoding %d is not supported", encoding);
    if (!encoding_fits(leaf->physical, encoding))
        return sl_fail(err, SL_DATA, "encoding %d does not fit its type", encoding);
    switch (encoding) {
    case SL_ENCODING_RLE:
        return begin_rle(v, err);
    case SL_ENCODING_RLE_DICTIONARY:
        return begin_indexes(v, err);
    case SL_ENCODING_DELTA_BINARY_PACKED:
        return len ? begin_delta(&v->delta, v->pos, v->end, err) : SL_OK;
    case SL_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return len ? begin_lengths(v, err) : SL_OK;
    case SL_ENCODING_DELTA_BYTE_ARRAY:
        return len ? begin_prefixes(v, keep_last, err) : SL_OK;
    case SL_ENCODING_BYTE_STREAM_SPLIT:
        v->split_count = len / leaf->type_length;
        v->split_next = 0;
        return SL_OK;
    default:
        return SL_OK;
    }
}

void sl_parquet_values_release(struct sl_parquet_values *v) {
    sl_buf_release(&v->last);
    sl_buf_release(&v->scratch);
}

/* ---- each encoding ---- */

static enum sl_code next_bools(struct sl_parquet_values *v, uint32_t count, struct sl_vec *out,
                               struct sl_err *err) {
    uint8_t flags[CHUNK];
    if (v->encoding == SL_ENCODING_PLAIN) {
        if (v->bit + count > (uint64_t)(v->end - v->pos) * 8) return too_short(err);
        uint32_t i = 0;
        if (v->bit % 8 == 0 && out->rows % 8 == 0) {
            i = count & ~7u;
            memcpy((uint8_t *)out->bits + out->rows / 8, v->pos + v->bit / 8, i / 8);
            out->rows += i;
            v->bit += i;
        }
        for (; i < count; i++, v->bit++)
            sl_bit_put(out->bits, out->rows++, v->pos[v->bit / 8] >> (v->bit & 7) & 1);
        return SL_OK;
    }
    while (count) {
        uint32_t n = count < CHUNK ? count : CHUNK;
        if (!sl_hybrid_u8(&v->hybrid, flags, n)) return too_short(err);
        for (uint32_t i = 0; i < n; i++) sl_bit_put(out->bits, out->rows++, flags[i] & 1);
        count -= n;
    }
    return SL_OK;
}

static enum sl_code next_plain_fixed(struct sl_parquet_values *v, uint32_t count,
                                     struct sl_vec *out, struct sl_err *err) {
    uint64_t bytes = (uint64_t)count * v->leaf->type_length;
    if (bytes > (uint64_t)(v->end - v->pos)) return too_short(err);
    const uint8_t *raw = v->pos;
    v->pos += bytes;
    return sl_parquet_convert(v->leaf, raw, count, out, err);
}

/* Short strings are copied 16 bytes at once: both sides are padded. */
static enum sl_code put_string(struct sl_vec *out, const uint8_t *from, uint32_t len,
                               struct sl_err *err) {
    size_t begin = (size_t)out->offsets[out->rows], end = begin + len;
    if (end > out->own_bytes.cap || end > INT32_MAX - 64)
        SL_TRY(sl_vec_reserve_bytes(out, end, err));
    if (len <= 16)
        memcpy(out->bytes + begin, from, 16);
    else
        memcpy(out->bytes + begin, from, len);
    out->offsets[++out->rows] = (int32_t)end;
    return SL_OK;
}

/* BYTE_ARRAY values with the target's conversion; from is padded. */
static enum sl_code put_value(struct sl_parquet_values *v, const uint8_t *from, uint32_t len,
                              struct sl_vec *out, struct sl_err *err) {
    if (v->leaf->conversion == SL_CONVERT_BYTES && v->leaf->physical == SL_PARQUET_BYTE_ARRAY)
        return put_string(out, from, len, err);
    return sl_parquet_convert_one(v->leaf, (struct sl_str){(const char *)from, len}, out, err);
}

static enum sl_code next_plain_bytes(struct sl_parquet_values *v, uint32_t count,
                                     struct sl_vec *out, struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        size_t room = (size_t)(v->end - v->pos);
        if (room < 4) return too_short(err);
        uint32_t len = sl_load_u32(v->pos);
        if (len > room - 4) return too_short(err);
        SL_TRY(put_value(v, v->pos + 4, len, out, err));
        v->pos += 4 + (size_t)len;
    }
    return SL_OK;
}

static enum sl_code next_delta(struct sl_parquet_values *v, uint32_t count, struct sl_vec *out,
                               struct sl_err *err) {
    int64_t values[CHUNK];
    int32_t narrow[CHUNK];
    while (count) {
        uint32_t n = count < CHUNK ? count : CHUNK;
        if (!sl_delta_next(&v->delta, values, n)) return too_short(err);
        const void *raw = values;
        if (v->leaf->physical == SL_PARQUET_INT32) {
            for (uint32_t i = 0; i < n; i++) narrow[i] = (int32_t)values[i];
            raw = narrow;
        }
        SL_TRY(sl_parquet_convert(v->leaf, raw, n, out, err));
        count -= n;
    }
    return SL_OK;
}

static enum sl_code next_lengths(struct sl_parquet_values *v, uint32_t count, struct sl_vec *out,
                                 struct sl_err *err) {
    int64_t lengths[CHUNK];
    while (count) {
        uint32_t n = count < CHUNK ? count : CHUNK;
        if (!sl_delta_next(&v->delta, lengths, n)) return too_short(err);
        for (uint32_t i = 0; i < n; i++) {
            int32_t len = (int32_t)lengths[i];
            if (len < 0 || len > v->end - v->pos) return too_short(err);
            SL_TRY(put_value(v, v->pos, (uint32_t)len, out, err));
            v->pos += len;
        }
        count -= n;
    }
    return SL_OK;
}

static enum sl_code next_prefixed(struct sl_parquet_values *v, struct sl_vec *out,
                                  struct sl_err *err) {
    int64_t prefix, suffix;
    if (!sl_delta_next(&v->prefix, &prefix, 1) || !sl_delta_next(&v->delta, &suffix, 1))
        return too_short(err);
    prefix = (int32_t)prefix;
    suffix = (int32_t)suffix;
    if (prefix < 0 || (size_t)prefix > v->last.len)
        return sl_fail(err, SL_DATA, "a prefix of %lld bytes is longer than the value before it",
                       (long long)prefix);
    if (suffix < 0 || suffix > v->end - v->pos) return too_short(err);
    v->last.len = (size_t)prefix;
    sl_buf_put(&v->last, v->pos, (size_t)suffix);
    if (v->last.len > INT32_MAX - 64)
        return sl_fail(err, SL_DATA, "a value is longer than 2^31 bytes");
    sl_buf_reserve(&v->last, SL_DECODE_PADDING);
    v->pos += suffix;
    return put_value(v, v->last.ptr, (uint32_t)v->last.len, out, err);
}

static enum sl_code next_prefixes(struct sl_parquet_values *v, uint32_t count, struct sl_vec *out,
                                  struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) SL_TRY(next_prefixed(v, out, err));
    return SL_OK;
}

static enum sl_code next_split(struct sl_parquet_values *v, uint32_t count, struct sl_vec *out,
                               struct sl_err *err) {
    size_t width = v->leaf->type_length;
    if (count > v->split_count - v->split_next) return too_short(err);
    uint32_t step = width > CHUNK ? 1 : (uint32_t)(4096 / width);
    while (count) {
        uint32_t n = count < step ? count : step;
        sl_buf_clear(&v->scratch);
        uint8_t *raw = sl_buf_reserve(&v->scratch, n * width);
        for (size_t k = 0; k < width; k++) {
            const uint8_t *stream = v->pos + k * v->split_count + v->split_next;
            for (uint32_t i = 0; i < n; i++) raw[i * width + k] = stream[i];
        }
        SL_TRY(sl_parquet_convert(v->leaf, raw, n, out, err));
        v->split_next += n;
        count -= n;
    }
    return SL_OK;
}

enum sl_code sl_parquet_values_codes(struct sl_parquet_values *v, uint32_t dict_rows,
                                     uint32_t count, int32_t *codes, struct sl_err *err) {
    uint32_t largest = 0;
    if (count == 0) return SL_OK;
    if (!sl_hybrid_u32(&v->hybrid, (uint32_t *)codes, count)) return too_short(err);
    for (uint32_t i = 0; i < count; i++) {
        uint32_t code = (uint32_t)codes[i];
        largest = code > largest ? code : largest;
    }
    if (largest < dict_rows) return SL_OK;
    return sl_fail(err, SL_DATA, "dictionary index %u is past the dictionary of %u values", largest,
                   dict_rows);
}

#define GATHER(T, array)                                                                           \
    for (uint32_t i = 0; i < count; i++) (array)[out->rows + i] = ((const T *)dict->data)[codes[i]];

/* Values of fixed width by index; out has room, and its rows have no nulls yet. */
static void gather(struct sl_vec *out, const struct sl_vec *dict, const int32_t *codes,
                   uint32_t count) {
    switch (sl_type_width(out->type)) {
    case 1:
        GATHER(int8_t, out->i8) break;
    case 2:
        GATHER(int16_t, out->i16) break;
    case 4:
        GATHER(int32_t, out->i32) break;
    case 8:
        GATHER(int64_t, out->i64) break;
    default:
        GATHER(sl_int128, out->i128)
    }
    out->rows += count;
}
#undef GATHER

static enum sl_code next_indexed(struct sl_parquet_values *v, const struct sl_vec *dict,
                                 uint32_t count, struct sl_vec *out, struct sl_err *err) {
    int32_t codes[CHUNK];
    if (!dict) return sl_fail(err, SL_DATA, "it needs a dictionary, which the chunk does not have");
    while (count) {
        uint32_t n = count < CHUNK ? count : CHUNK;
        SL_TRY(sl_parquet_values_codes(v, dict->rows, n, codes, err));
        if (sl_type_is_bytes(out->type))
            SL_TRY(sl_vec_append(out, dict, (const uint32_t *)codes, n, err));
        else
            gather(out, dict, codes, n);
        count -= n;
    }
    return SL_OK;
}

enum sl_code sl_parquet_values_next(struct sl_parquet_values *v, const struct sl_vec *dict,
                                    uint32_t count, struct sl_vec *out, struct sl_err *err) {
    if (v->leaf->conversion == SL_CONVERT_NULL) {
        out->rows += count;
        return SL_OK;
    }
    if (count == 0) return SL_OK;
    SL_TRY(sl_vec_reserve(out, out->rows + count, err));
    switch (v->encoding) {
    case SL_ENCODING_RLE_DICTIONARY:
        return next_indexed(v, dict, count, out, err);
    case SL_ENCODING_DELTA_BINARY_PACKED:
        return next_delta(v, count, out, err);
    case SL_ENCODING_DELTA_LENGTH_BYTE_ARRAY:
        return next_lengths(v, count, out, err);
    case SL_ENCODING_DELTA_BYTE_ARRAY:
        return next_prefixes(v, count, out, err);
    case SL_ENCODING_BYTE_STREAM_SPLIT:
        return next_split(v, count, out, err);
    case SL_ENCODING_RLE:
        return next_bools(v, count, out, err);
    default:
        break;
    }
    if (v->leaf->physical == SL_PARQUET_BOOLEAN) return next_bools(v, count, out, err);
    if (v->leaf->physical == SL_PARQUET_BYTE_ARRAY) return next_plain_bytes(v, count, out, err);
    return next_plain_fixed(v, count, out, err);
}
