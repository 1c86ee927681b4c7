/* Casts among boolean, the integers, float and double.
 *
 * A kernel converts all rows with Java's conversions (integers wrap, floating values saturate and
 * NaN is 0) and says whether any row left the target's range; only then a second pass looks for the
 * rows and reports them, so the loop that runs always is one the compiler turns into vectors. */
#include <math.h>

#include "kern/cast_int.h"

typedef bool (*convert_fn)(const void *in, void *out, uint32_t rows);

#define INT_TO_INT(NAME, FROM, TO)                                                                 \
    static bool NAME(const void *in, void *out, uint32_t rows) {                                   \
        const FROM *restrict a = in;                                                               \
        TO *restrict b = out;                                                                      \
        unsigned bad = 0;                                                                          \
        for (uint32_t i = 0; i < rows; i++) {                                                      \
            b[i] = (TO)a[i];                                                                       \
            bad |= b[i] != a[i];                                                                   \
        }                                                                                          \
        return bad != 0;                                                                           \
    }
#define TO_REAL(NAME, FROM, TO)                                                                    \
    static bool NAME(const void *in, void *out, uint32_t rows) {                                   \
        const FROM *restrict a = in;                                                               \
        TO *restrict b = out;                                                                      \
        for (uint32_t i = 0; i < rows; i++) b[i] = (TO)a[i];                                       \
        return false;                                                                              \
    }
/* Java: (byte)x is (byte)(int)x; (int)x and (long)x saturate. */
static int64_t real_to_i64(double v) {
    if (v >= 9223372036854775807.0) return INT64_MAX;
    if (v <= -9223372036854775808.0) return INT64_MIN;
    return v == v ? (int64_t)v : 0;
}
static int32_t real_to_i32(double v) {
    if (v >= 2147483647.0) return INT32_MAX;
    if (v <= -2147483648.0) return INT32_MIN;
    return v == v ? (int32_t)v : 0;
}
/* Spark's ANSI rule: floor(v) <= max and ceil(v) >= min, so that -128.9 is a byte. */
static bool real_fits(double v, double min, double max) {
    return floor(v) <= max && ceil(v) >= min;
}
#define REAL_TO_INT(NAME, FROM, TO, CONVERT, MIN, MAX)                                             \
    static bool NAME(const void *in, void *out, uint32_t rows) {                                   \
        const FROM *restrict a = in;                                                               \
        TO *restrict b = out;                                                                      \
        unsigned bad = 0;                                                                          \
        for (uint32_t i = 0; i < rows; i++) {                                                      \
            b[i] = (TO)CONVERT(a[i]);                                                              \
            bad |= !real_fits(a[i], MIN, MAX);                                                     \
        }                                                                                          \
        return bad != 0;                                                                           \
    }

#define FROM_INTEGER(N, FROM)                                                                      \
    INT_TO_INT(N##_byte, FROM, int8_t)                                                             \
    INT_TO_INT(N##_short, FROM, int16_t)                                                           \
    INT_TO_INT(N##_int, FROM, int32_t)                                                             \
    INT_TO_INT(N##_long, FROM, int64_t)                                                            \
    TO_REAL(N##_float, FROM, float)                                                                \
    TO_REAL(N##_double, FROM, double)
#define FROM_REAL(N, FROM)                                                                         \
    REAL_TO_INT(N##_byte, FROM, int8_t, real_to_i32, -128.0, 127.0)                                \
    REAL_TO_INT(N##_short, FROM, int16_t, real_to_i32, -32768.0, 32767.0)                          \
    REAL_TO_INT(N##_int, FROM, int32_t, real_to_i32, -2147483648.0, 2147483647.0)                  \
    REAL_TO_INT(N##_long, FROM, int64_t, real_to_i64, -0x1p63, 0x1p63)                             \
    TO_REAL(N##_float, FROM, float)                                                                \
    TO_REAL(N##_double, FROM, double)
FROM_INTEGER(byte, int8_t)
FROM_INTEGER(short, int16_t)
FROM_INTEGER(int, int32_t)
FROM_INTEGER(long, int64_t)
FROM_REAL(float, float)
FROM_REAL(double, double)

#define ROW(N)                                                                                     \
    { N##_byte, N##_short, N##_int, N##_long, N##_float, N##_double }
/* [from - BYTE][to - BYTE] */
static const convert_fn converts[6][6] = {ROW(byte), ROW(short), ROW(int),
                                          ROW(long), ROW(float), ROW(double)};

static bool row_fits(const struct sl_vec *in, uint32_t row, enum sl_kind to) {
    static const double mins[] = {-128.0, -32768.0, -2147483648.0, -0x1p63};
    static const double maxs[] = {127.0, 32767.0, 2147483647.0, 0x1p63};
    int target = (int)to - SL_BYTE_KIND;
    double value;
    switch (in->type->kind) {
    case SL_FLOAT_KIND:
        return real_fits(in->f32[row], mins[target], maxs[target]);
    case SL_DOUBLE_KIND:
        return real_fits(in->f64[row], mins[target], maxs[target]);
    case SL_SHORT_KIND:
        value = in->i16[row];
        break;
    case SL_INT_KIND:
        value = in->i32[row];
        break;
    default: /* LONG: the bounds of narrower types stay exact */
        value = (double)in->i64[row];
    }
    return value >= mins[target] && value <= maxs[target];
}

static enum sl_code cast_number(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    convert_fn convert = converts[run->from->kind - SL_BYTE_KIND][run->to->kind - SL_BYTE_KIND];
    bool any_bad = convert(run->in->data, run->out->data, run->rows);
    if (!any_bad || run->mode == SL_CAST_LEGACY) return SL_OK;
    for (uint32_t row = 0; row < run->rows; row++)
        if (!row_fits(run->in, row, run->to->kind)) SL_TRY(sl_cast_overflow(run, row, err));
    return SL_OK;
}

#define FROM_BOOL(FIELD, TYPE)                                                                     \
    for (uint32_t i = 0; i < run->rows; i++) run->out->FIELD[i] = (TYPE)sl_bit_get(bits, i);       \
    break
static enum sl_code cast_from_bool(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    const uint64_t *bits = run->in->bits;
    switch (run->to->kind) {
    case SL_BYTE_KIND:
        FROM_BOOL(i8, int8_t);
    case SL_SHORT_KIND:
        FROM_BOOL(i16, int16_t);
    case SL_INT_KIND:
        FROM_BOOL(i32, int32_t);
    case SL_LONG_KIND:
        FROM_BOOL(i64, int64_t);
    case SL_FLOAT_KIND:
        FROM_BOOL(f32, float);
    default:
        FROM_BOOL(f64, double);
    }
    return SL_OK;
}

#define TO_BOOL(FIELD)                                                                             \
    for (uint32_t i = 0; i < run->rows; i++)                                                       \
        bits[i >> 6] |= (uint64_t)(run->in->FIELD[i] != 0) << (i & 63);                            \
    break
static enum sl_code cast_to_bool(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    uint64_t *bits = run->out->bits;
    sl_bits_fill(bits, run->rows, false);
    switch (run->from->kind) {
    case SL_BYTE_KIND:
        TO_BOOL(i8);
    case SL_SHORT_KIND:
        TO_BOOL(i16);
    case SL_INT_KIND:
        TO_BOOL(i32);
    case SL_LONG_KIND:
        TO_BOOL(i64);
    case SL_FLOAT_KIND:
        TO_BOOL(f32);
    default:
        TO_BOOL(f64);
    }
    return SL_OK;
}

/* Legacy only: the bytes of an integer, most significant first. */
static enum sl_code cast_int_to_binary(struct sl_cast_run *run, struct sl_err *err) {
    uint32_t width = sl_type_width(run->from);
    struct sl_vec *out = run->out;
    SL_TRY(sl_vec_reserve(out, run->rows, err));
    SL_TRY(sl_vec_reserve_bytes(out, (size_t)run->rows * width, err));
    const uint8_t *in = run->in->data;
    size_t len = 0;
    for (uint32_t row = 0; row < run->rows; row++) {
        for (uint32_t i = 0; i < width && !sl_cast_row_is_null(run, row); i++)
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
            out->bytes[len++] = in[row * width + (width - 1 - i)];
#else
            out->bytes[len++] = in[row * width + i];
#endif
        out->offsets[row + 1] = (int32_t)len;
    }
    return SL_OK;
}

static bool is_plain(const struct sl_type *type) {
    return type->kind >= SL_BYTE_KIND && type->kind <= SL_DOUBLE_KIND;
}

sl_cast_fn sl_cast_find_number(const struct sl_type *from, const struct sl_type *to) {
    if (is_plain(from) && is_plain(to)) return cast_number;
    if (from->kind == SL_BOOL_KIND && is_plain(to)) return cast_from_bool;
    if (is_plain(from) && to->kind == SL_BOOL_KIND) return cast_to_bool;
    if (sl_type_is_integer(from) && to->kind == SL_BINARY_KIND) return cast_int_to_binary;
    return NULL;
}
