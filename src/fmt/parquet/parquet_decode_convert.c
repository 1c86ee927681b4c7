/* Stored values to vector values. Stored ones are little endian and not aligned. */
#include "fmt/parquet/parquet_decode_values.h"

static const int64_t JULIAN_EPOCH = 2440588, DAY_MICROS = 86400000000;

#define EACH(T, target, expression)                                                                \
    for (uint32_t i = 0; i < count; i++) {                                                         \
        T v;                                                                                       \
        memcpy(&v, raw + i * sizeof(T), sizeof(T));                                                \
        (target)[i] = (expression);                                                                \
    }

static enum sl_code millis(const uint8_t *raw, uint32_t count, int64_t *to, struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++) {
        int64_t value = (int64_t)sl_load_u64(raw + i * 8ul);
        if (__builtin_mul_overflow(value, 1000, &to[i]))
            return sl_fail(err, SL_DATA, "the timestamp of %lld milliseconds is out of range",
                           (long long)value);
    }
    return SL_OK;
}

static int64_t floor_div(int64_t value, int64_t by) {
    int64_t quotient = value / by;
    return quotient - (value % by < 0);
}

/* Nanoseconds of the day, then the Julian day. Wraps like Spark's arithmetic for days that no
 * calendar has. */
static void int96(const uint8_t *raw, uint32_t count, int64_t *to) {
    for (uint32_t i = 0; i < count; i++, raw += 12) {
        int64_t nanos = (int64_t)sl_load_u64(raw);
        uint64_t days = (uint64_t)((int64_t)(int32_t)sl_load_u32(raw + 8) - JULIAN_EPOCH);
        to[i] = (int64_t)(days * (uint64_t)DAY_MICROS + (uint64_t)floor_div(nanos, 1000));
    }
}

static float half(uint16_t bits) {
    uint32_t sign = (uint32_t)(bits >> 15) << 31, exponent = bits >> 10 & 31, part = bits & 1023;
    uint32_t word;
    if (exponent == 31) {
        word = sign | 0x7F800000u | part << 13;
    } else if (exponent) {
        word = sign | (exponent + 112) << 23 | part << 13;
    } else {
        float small = (float)part / 16777216.0f; /* subnormal: part * 2^-24 */
        return sign ? -small : small;
    }
    float value;
    memcpy(&value, &word, 4);
    return value;
}

/* Big-endian two's complement of any length; false when it does not fit. */
static bool big_endian(const uint8_t *from, size_t len, sl_int128 *out) {
    uint8_t fill = len && from[0] & 0x80 ? 0xFF : 0;
    for (; len > 16; from++, len--)
        if (*from != fill) return false;
    unsigned __int128 value = fill ? ~(unsigned __int128)0 : 0;
    for (size_t i = 0; i < len; i++) value = value << 8 | from[i];
    *out = (sl_int128)value;
    return len < 16 || ((sl_int128)value < 0) == (fill != 0);
}

static enum sl_code decimal(const uint8_t *from, size_t len, struct sl_vec *out,
                            struct sl_err *err) {
    sl_int128 value;
    bool wide = sl_type_is_wide_decimal(out->type);
    if (!big_endian(from, len, &value) || (!wide && value != (int64_t)value))
        return sl_fail(err, SL_DATA, "a decimal of %zu bytes does not fit decimal(%u,%u)", len,
                       out->type->precision, out->type->scale);
    if (wide)
        out->i128[out->rows++] = value;
    else
        out->i64[out->rows++] = (int64_t)value;
    return SL_OK;
}

static enum sl_code put_bytes(struct sl_vec *out, struct sl_str value, struct sl_err *err) {
    size_t begin = (size_t)out->offsets[out->rows], end = begin + value.len;
    if (end > out->own_bytes.cap || end > INT32_MAX - 64)
        SL_TRY(sl_vec_reserve_bytes(out, end, err));
    if (value.len) memcpy(out->bytes + begin, value.ptr, value.len);
    out->offsets[++out->rows] = (int32_t)end;
    return SL_OK;
}

static enum sl_code fixed_bytes(const struct sl_parquet_leaf *leaf, const uint8_t *raw,
                                uint32_t count, struct sl_vec *out, struct sl_err *err) {
    for (uint32_t i = 0; i < count; i++, raw += leaf->type_length) {
        struct sl_str value = {(const char *)raw, leaf->type_length};
        if (leaf->conversion == SL_CONVERT_DECIMAL)
            SL_TRY(decimal(raw, leaf->type_length, out, err));
        else
            SL_TRY(put_bytes(out, value, err));
    }
    return SL_OK;
}

enum sl_code sl_parquet_convert(const struct sl_parquet_leaf *leaf, const uint8_t *raw,
                                uint32_t count, struct sl_vec *out, struct sl_err *err) {
    uint32_t at = out->rows;
    switch (leaf->conversion) {
    case SL_CONVERT_DECIMAL:
    case SL_CONVERT_BYTES:
        return fixed_bytes(leaf, raw, count, out, err);
    case SL_CONVERT_BOOL:
        return sl_fail(err, SL_BUG, "booleans have no stored width");
    case SL_CONVERT_NULL:
        break;
    case SL_CONVERT_COPY_4:
        if (count) memcpy(out->i32 + at, raw, count * 4ul);
        break;
    case SL_CONVERT_COPY_8:
        if (count) memcpy(out->i64 + at, raw, count * 8ul);
        break;
    case SL_CONVERT_INT_TO_BYTE:
        EACH(int32_t, out->i8 + at, (int8_t)v) break;
    case SL_CONVERT_INT_TO_SHORT:
        EACH(int32_t, out->i16 + at, (int16_t)v) break;
    case SL_CONVERT_UBYTE_TO_SHORT:
        EACH(int32_t, out->i16 + at, (uint8_t)v) break;
    case SL_CONVERT_USHORT_TO_INT:
        EACH(int32_t, out->i32 + at, (uint16_t)v) break;
    case SL_CONVERT_UINT_TO_LONG:
        EACH(int32_t, out->i64 + at, (uint32_t)v) break;
    case SL_CONVERT_ULONG_TO_DECIMAL:
        EACH(uint64_t, out->i128 + at, (sl_int128)v) break;
    case SL_CONVERT_INT_TO_LONG:
        EACH(int32_t, out->i64 + at, v) break;
    case SL_CONVERT_INT_TO_WIDE:
        EACH(int32_t, out->i128 + at, v) break;
    case SL_CONVERT_LONG_TO_WIDE:
        EACH(int64_t, out->i128 + at, v) break;
    case SL_CONVERT_MILLIS_TO_MICROS:
        SL_TRY(millis(raw, count, out->i64 + at, err));
        break;
    case SL_CONVERT_NANOS_TO_MICROS:
        EACH(int64_t, out->i64 + at, floor_div(v, 1000)) break;
    case SL_CONVERT_INT96:
        int96(raw, count, out->i64 + at);
        break;
    case SL_CONVERT_HALF:
        EACH(uint16_t, out->f32 + at, half(v)) break;
    }
    out->rows = at + count;
    return SL_OK;
}

enum sl_code sl_parquet_convert_one(const struct sl_parquet_leaf *leaf, struct sl_str value,
                                    struct sl_vec *out, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(out, out->rows + 1, err));
    if (leaf->conversion == SL_CONVERT_BOOL) {
        if (value.len != 1) return sl_fail(err, SL_DATA, "a boolean has %zu bytes", value.len);
        sl_bit_put(out->bits, out->rows++, value.ptr[0] & 1);
        return SL_OK;
    }
    if (leaf->physical != SL_PARQUET_BYTE_ARRAY) {
        if (value.len != leaf->type_length)
            return sl_fail(err, SL_DATA, "a value has %zu bytes, its type has %u", value.len,
                           leaf->type_length);
        return sl_parquet_convert(leaf, (const uint8_t *)value.ptr, 1, out, err);
    }
    if (leaf->conversion == SL_CONVERT_DECIMAL)
        return decimal((const uint8_t *)value.ptr, value.len, out, err);
    if (leaf->conversion == SL_CONVERT_BYTES) return put_bytes(out, value, err);
    out->rows++;
    return SL_OK;
}
