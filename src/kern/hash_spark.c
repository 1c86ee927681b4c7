/* hash and xxhash64: Spark's Murmur3 and XXH64 over any values, chained from seed 42; a null leaves
 * the hash as it is (Spark HashExpression). */
#include "kern/hash_spark.h"
#include "base/hash.h"
#include "kern/kernels.h"

enum { SEED = 42 };

/* Both algorithms behind the three shapes of value; the seed travels as 64 bits. */
struct hasher {
    uint64_t (*of_int)(int32_t value, uint64_t seed);
    uint64_t (*of_long)(int64_t value, uint64_t seed);
    uint64_t (*of_bytes)(const void *bytes, size_t len, uint64_t seed);
};

static uint64_t murmur_int(int32_t value, uint64_t seed) {
    return (uint32_t)sl_murmur3_int(value, (int32_t)(uint32_t)seed);
}
static uint64_t murmur_long(int64_t value, uint64_t seed) {
    return (uint32_t)sl_murmur3_long(value, (int32_t)(uint32_t)seed);
}
static uint64_t murmur_bytes(const void *bytes, size_t len, uint64_t seed) {
    return (uint32_t)sl_murmur3_bytes(bytes, len, (int32_t)(uint32_t)seed);
}
static const struct hasher murmur3 = {murmur_int, murmur_long, murmur_bytes};
static const struct hasher xxhash = {sl_xxh64_int, sl_xxh64_long, sl_xxh64};

/* -0.0 is 0.0 and all NaN are one. */
static int64_t double_bits(double value) {
    int64_t bits;
    if (value == 0) return 0;
    if (value != value) return INT64_C(0x7FF8000000000000);
    memcpy(&bits, &value, 8);
    return bits;
}
static int32_t float_bits(float value) {
    int32_t bits;
    if (value == 0) return 0;
    if (value != value) return 0x7FC00000;
    memcpy(&bits, &value, 4);
    return bits;
}

/* BigInteger.toByteArray: two's complement, big-endian, as few bytes as hold the sign. */
static uint64_t hash_wide_decimal(const struct hasher *h, sl_int128 value, uint64_t seed) {
    uint8_t bytes[16];
    for (int i = 0; i < 16; i++) bytes[i] = (uint8_t)(value >> (8 * (15 - i)));
    size_t skip = 0;
    uint8_t sign = value < 0 ? 0xFF : 0;
    while (skip < 15 && bytes[skip] == sign && (bytes[skip + 1] & 0x80) == (sign & 0x80)) skip++;
    return h->of_bytes(bytes + skip, 16 - skip, seed);
}

static uint64_t hash_value(const struct hasher *h, const struct sl_vec *vec, uint32_t row,
                           uint64_t seed);

/* The sum of the entries' hashes. */
static uint64_t hash_map(const struct hasher *h, const struct sl_vec *vec, uint32_t pos,
                         uint64_t seed) {
    uint64_t sum = seed;
    for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++) {
        uint64_t key = hash_value(h, &vec->children[0], (uint32_t)i, seed);
        sum += hash_value(h, &vec->children[1], (uint32_t)i, key);
    }
    return sum;
}

static uint64_t hash_value(const struct hasher *h, const struct sl_vec *vec, uint32_t row,
                           uint64_t seed) {
    if (sl_vec_is_null(vec, row)) return seed;
    if (sl_type_is_bytes(vec->type)) {
        struct sl_str s = sl_vec_str(vec, row);
        return h->of_bytes(s.ptr, s.len, seed);
    }
    uint32_t pos = sl_vec_pos(vec, row);
    if (vec->enc == SL_ENC_DICT) {
        pos = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        return h->of_int(sl_bit_get(vec->bits, pos), seed);
    case SL_BYTE_KIND:
        return h->of_int(vec->i8[pos], seed);
    case SL_SHORT_KIND:
        return h->of_int(vec->i16[pos], seed);
    case SL_INT_KIND:
    case SL_DATE_KIND:
    case SL_MONTH_INTERVAL_KIND:
        return h->of_int(vec->i32[pos], seed);
    case SL_FLOAT_KIND:
        return h->of_int(float_bits(vec->f32[pos]), seed);
    case SL_DOUBLE_KIND:
        return h->of_long(double_bits(vec->f64[pos]), seed);
    case SL_DECIMAL_KIND:
        if (vec->type->precision <= 18) return h->of_long(vec->i64[pos], seed);
        return hash_wide_decimal(h, vec->i128[pos], seed);
    case SL_ARRAY_KIND:
        for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++)
            seed = hash_value(h, &vec->children[0], (uint32_t)i, seed);
        return seed;
    case SL_MAP_KIND:
        return hash_map(h, vec, pos, seed);
    case SL_STRUCT_KIND:
        for (uint32_t i = 0; i < vec->type->field_count; i++)
            seed = hash_value(h, &vec->children[i], pos, seed);
        return seed;
    default: /* LONG, timestamps, DAY_INTERVAL */
        return h->of_long(vec->i64[pos], seed);
    }
}

static bool holds_map(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return true;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (holds_map(type->fields[i].type)) return true;
    return false;
}

static enum sl_code refuse_maps(const struct sl_call *call, const char *name, struct sl_err *err) {
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (holds_map(call->args[i]->type))
            return sl_fail_at(err, (struct sl_span){0, 0}, "DATATYPE_MISMATCH.HASH_MAP_TYPE",
                              "42K09",
                              "Input to the function `%s` cannot contain elements of the \"MAP\" "
                              "type. In Spark, same maps may have different hashcode, thus hash "
                              "expressions are prohibited on \"MAP\" elements",
                              name);
    return SL_OK;
}

enum sl_code sl_kernel_hash(struct sl_call *call, struct sl_err *err) {
    SL_TRY(refuse_maps(call, "hash", err));
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    int32_t *out = call->out->i32;
    for (uint32_t row = 0; row < call->rows; row++) out[row] = SEED;
    for (uint32_t i = 0; i < call->arg_count; i++)
        for (uint32_t row = 0; row < call->rows; row++)
            out[row] =
                (int32_t)(uint32_t)hash_value(&murmur3, call->args[i], row, (uint32_t)out[row]);
    return SL_OK;
}

enum sl_code sl_kernel_xxhash64(struct sl_call *call, struct sl_err *err) {
    SL_TRY(refuse_maps(call, "xxhash64", err));
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    int64_t *out = call->out->i64;
    for (uint32_t row = 0; row < call->rows; row++) out[row] = SEED;
    for (uint32_t i = 0; i < call->arg_count; i++)
        for (uint32_t row = 0; row < call->rows; row++)
            out[row] = (int64_t)hash_value(&xxhash, call->args[i], row, (uint64_t)out[row]);
    return SL_OK;
}

/* ---- rows of a batch ---- */

static inline uint32_t row_at(const uint32_t *rows, uint32_t i) { return rows ? rows[i] : i; }

static bool is_null_at(const struct sl_vec *vec, uint32_t row) {
    return vec->valid && !sl_bit_get(vec->valid, row);
}

static void hash_texts(const struct sl_vec *vec, const uint32_t *rows, uint32_t count,
                       int32_t *hashes) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = row_at(rows, i);
        if (is_null_at(vec, row)) continue;
        struct sl_str text = sl_vec_str(vec, row);
        hashes[i] = sl_murmur3_bytes(text.ptr, text.len, hashes[i]);
    }
}

static void hash_longs(const struct sl_vec *vec, const uint32_t *rows, uint32_t count,
                       int32_t *hashes) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = row_at(rows, i);
        if (!is_null_at(vec, row)) hashes[i] = sl_murmur3_long(vec->i64[row], hashes[i]);
    }
}

static void hash_ints(const struct sl_vec *vec, const uint32_t *rows, uint32_t count,
                      int32_t *hashes) {
    for (uint32_t i = 0; i < count; i++) {
        uint32_t row = row_at(rows, i);
        if (!is_null_at(vec, row)) hashes[i] = sl_murmur3_int(vec->i32[row], hashes[i]);
    }
}

static void hash_column(const struct sl_vec *vec, const uint32_t *rows, uint32_t count,
                        int32_t *hashes) {
    enum sl_kind kind = vec->type->kind;
    if (vec->enc != SL_ENC_CONST && sl_type_is_bytes(vec->type)) {
        hash_texts(vec, rows, count, hashes);
    } else if (vec->enc == SL_ENC_FLAT && (kind == SL_LONG_KIND || kind == SL_TIMESTAMP_KIND)) {
        hash_longs(vec, rows, count, hashes);
    } else if (vec->enc == SL_ENC_FLAT && (kind == SL_INT_KIND || kind == SL_DATE_KIND)) {
        hash_ints(vec, rows, count, hashes);
    } else if (vec->enc == SL_ENC_FLAT && kind == SL_STRUCT_KIND) {
        /* Fields of a null struct are null. */
        for (uint32_t c = 0; c < vec->child_count; c++)
            hash_column(&vec->children[c], rows, count, hashes);
    } else {
        for (uint32_t i = 0; i < count; i++)
            hashes[i] =
                (int32_t)(uint32_t)hash_value(&murmur3, vec, row_at(rows, i), (uint32_t)hashes[i]);
    }
}

void sl_hash_spark(const struct sl_vec *const *columns, uint32_t column_count, const uint32_t *rows,
                   uint32_t count, int32_t *hashes) {
    for (uint32_t i = 0; i < count; i++) hashes[i] = SEED;
    for (uint32_t c = 0; c < column_count; c++) hash_column(columns[c], rows, count, hashes);
}

void sl_hash_xx64(const struct sl_vec *column, const uint32_t *rows, uint32_t count,
                  uint64_t *hashes) {
    bool longs = column->enc == SL_ENC_FLAT &&
                 (column->type->kind == SL_LONG_KIND || column->type->kind == SL_TIMESTAMP_KIND);
    bool texts = sl_type_is_bytes(column->type) && column->enc != SL_ENC_CONST;
    for (uint32_t i = 0; i < count; i++) {
        if (column->enc != SL_ENC_CONST && is_null_at(column, rows[i])) {
            hashes[i] = SEED;
        } else if (longs) {
            hashes[i] = sl_xxh64_long(column->i64[rows[i]], SEED);
        } else if (texts) {
            struct sl_str text = sl_vec_str(column, rows[i]);
            hashes[i] = sl_xxh64(text.ptr, text.len, SEED);
        } else {
            hashes[i] = hash_value(&xxhash, column, rows[i], SEED);
        }
    }
}
