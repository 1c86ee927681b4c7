/* Random columns of every type for the Parquet writer's tests and its peer driver, and their
 * canonical text.  Seeded, so that a failure can be repeated. */
#ifndef SL_TEST_PARQUET_SAMPLE_H
#define SL_TEST_PARQUET_SAMPLE_H

#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "base/json.h"
#include "col/vec.h"

static const char sample_schema[] =
    "b BOOLEAN, i8 TINYINT, i16 SMALLINT, i32 INT, i64 BIGINT, f32 FLOAT, f64 DOUBLE, "
    "nan DOUBLE, d9 DECIMAL(9,2), d18 DECIMAL(18,4), d20 DECIMAL(20,0), d38 DECIMAL(38,10), "
    "s STRING, low STRING, constant STRING, view STRING, bin BINARY, dt DATE, ts TIMESTAMP, "
    "ntz TIMESTAMP_NTZ, dti INTERVAL DAY TO SECOND, ymi INTERVAL YEAR TO MONTH, "
    "sorted BIGINT NOT NULL, wide STRING, ids ARRAY<INT>, tags ARRAY<STRING>, "
    "counts MAP<STRING, BIGINT>, point STRUCT<x: INT, y: STRING NOT NULL, z: STRUCT<w: DOUBLE>>, "
    "matrix ARRAY<ARRAY<DECIMAL(20,0)>>, events ARRAY<STRUCT<at: TIMESTAMP, what: ARRAY<STRING>>>, "
    "by_id MAP<INT, STRUCT<ok: BOOLEAN, m: MAP<STRING, FLOAT>>>, nested STRUCT<l: ARRAY<BIGINT>>";

struct sample {
    uint64_t random;
    uint32_t null_percent, list_max, distinct; /* distinct: 0 = any value */
    int64_t row;                               /* for sorted columns */
};

static inline uint64_t sample_below(struct sample *sample, uint64_t limit) {
    return sl_random_next(&sample->random) % limit;
}

static inline void sample_must(enum sl_code code, const struct sl_err *err) {
    if (code == SL_OK) return;
    fprintf(stderr, "%s\n", err->msg);
    abort();
}

static inline int64_t sample_i64(struct sample *sample, int64_t low, int64_t high) {
    uint64_t span = (uint64_t)high - (uint64_t)low + 1;
    uint64_t pick = sl_random_next(&sample->random);
    if (sample->distinct) pick %= sample->distinct;
    if (span) pick %= span;
    return (int64_t)((uint64_t)low + pick);
}

static inline double sample_double(struct sample *sample) {
    uint64_t pick =
        sample->distinct ? sample_below(sample, sample->distinct) : sl_random_next(&sample->random);
    if (pick % 37 == 0) return pick & 64 ? 0.0 : -0.0;
    return (double)(int64_t)(pick % 2000000) / 64 - 15000;
}

static inline sl_int128 sample_decimal(struct sample *sample, int precision) {
    unsigned __int128 limit = 1;
    for (int i = 0; i < precision; i++) limit *= 10;
    unsigned __int128 pick =
        (unsigned __int128)sl_random_next(&sample->random) << 64 | sl_random_next(&sample->random);
    if (sample->distinct) pick = (unsigned __int128)((uint64_t)pick % sample->distinct) * 12345;
    pick %= limit;
    return sample_below(sample, 2) ? (sl_int128)pick : -(sl_int128)pick;
}

/* Text of one to four byte characters, sometimes longer than a truncated bound. */
static inline struct sl_str sample_text(struct sample *sample, char *to) {
    static const char *const pieces[] = {"a",
                                         "Z",
                                         "0",
                                         " ",
                                         "\xC3\xA9",
                                         "\"",
                                         "\x7F",
                                         "\xDF\xBF",
                                         "\xED\x9F\xBF",
                                         "\xEF\xBF\xBF",
                                         "\\",
                                         "\n",
                                         "\xF0\x90\x80\x80",
                                         "\xF4\x8F\xBF\xBF"};
    uint64_t state = sample->distinct ? sample_below(sample, sample->distinct) * 977 + 3
                                      : sl_random_next(&sample->random);
    uint32_t count = (uint32_t)(sl_random_next(&state) % 100);
    count = count < 80 ? count % 20 : count;
    size_t len = 0;
    for (uint32_t i = 0; i < count; i++) {
        const char *piece = pieces[sl_random_next(&state) % 14];
        memcpy(to + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return (struct sl_str){to, len};
}

static inline void sample_put(struct sample *sample, struct sl_vec *vec, bool nullable,
                              bool map_key, uint32_t position);

static inline void sample_end_row(struct sl_vec *vec) {
    struct sl_err err;
    sample_must(sl_vec_reserve(vec, vec->rows + 1, &err), &err);
    if (vec->valid) {
        sample_must(sl_vec_reserve_valid(vec, vec->rows + 1, &err), &err);
        sl_bit_set(vec->valid, vec->rows);
    }
}

static inline void sample_put_list(struct sample *sample, struct sl_vec *vec) {
    uint32_t length = (uint32_t)sample_below(sample, sample->list_max + 1);
    bool map = vec->type->kind == SL_MAP_KIND;
    for (uint32_t i = 0; i < length; i++)
        for (uint32_t c = 0; c < vec->child_count; c++)
            sample_put(sample, &vec->children[c], vec->type->fields[c].nullable && !(map && c == 0),
                       map && c == 0, i);
    sample_end_row(vec);
    vec->offsets[++vec->rows] = (int32_t)vec->children[0].rows;
}

static inline void sample_put_struct(struct sample *sample, struct sl_vec *vec) {
    for (uint32_t c = 0; c < vec->child_count; c++)
        sample_put(sample, &vec->children[c], vec->type->fields[c].nullable, false, 0);
    sample_end_row(vec);
    vec->rows++;
}

static inline void sample_put_key(struct sl_vec *vec, uint32_t position) {
    char text[32];
    struct sl_err err;
    if (vec->type->kind != SL_STRING_KIND) {
        sample_must(sl_vec_put_i64(vec, (int64_t)position * 7, &err), &err);
        return;
    }
    snprintf(text, sizeof text, "key%u", position);
    sample_must(sl_vec_put_str(vec, sl_str(text), &err), &err);
}

static inline enum sl_code sample_put_value(struct sample *sample, struct sl_vec *vec,
                                            struct sl_err *err) {
    static const int64_t day_us = INT64_C(86400000000);
    char text[1024];
    const struct sl_type *type = vec->type;
    switch (type->kind) {
    case SL_BOOL_KIND:
        return sl_vec_put_i64(vec, (int64_t)sample_below(sample, 2), err);
    case SL_BYTE_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, INT8_MIN, INT8_MAX), err);
    case SL_SHORT_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, INT16_MIN, INT16_MAX), err);
    case SL_INT_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, INT32_MIN, INT32_MAX), err);
    case SL_LONG_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, INT64_MIN, INT64_MAX), err);
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        return sl_vec_put_f64(vec, sample_double(sample), err);
    case SL_DECIMAL_KIND: {
        sl_int128 value = sample_decimal(sample, type->precision);
        if (sl_type_is_wide_decimal(type)) return sl_vec_put_i128(vec, value, err);
        return sl_vec_put_i64(vec, (int64_t)value, err);
    }
    case SL_STRING_KIND:
        return sl_vec_put_str(vec, sample_text(sample, text), err);
    case SL_BINARY_KIND: {
        size_t len = sample_below(sample, 10) ? sample_below(sample, 20) : 70;
        for (size_t i = 0; i < len; i++)
            text[i] = sample_below(sample, 3) ? '\xFF' : (char)sample_below(sample, 256);
        return sl_vec_put_str(vec, (struct sl_str){text, len}, err);
    }
    case SL_DATE_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, -718000, 2932000), err);
    case SL_MONTH_INTERVAL_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, -9999, 9999), err);
    case SL_DAY_INTERVAL_KIND:
        return sl_vec_put_i64(vec, sample_i64(sample, -999 * day_us, 999 * day_us), err);
    default:
        return sl_vec_put_i64(vec, sample_i64(sample, -718000 * day_us, 2932000 * day_us), err);
    }
}

static inline void sample_put(struct sample *sample, struct sl_vec *vec, bool nullable,
                              bool map_key, uint32_t position) {
    struct sl_err err;
    if (map_key) {
        sample_put_key(vec, position);
    } else if (nullable && sample_below(sample, 100) < sample->null_percent) {
        sample_must(sl_vec_append_null(vec, 1, &err), &err);
    } else if (vec->type->kind == SL_ARRAY_KIND || vec->type->kind == SL_MAP_KIND) {
        sample_put_list(sample, vec);
    } else if (vec->type->kind == SL_STRUCT_KIND) {
        sample_put_struct(sample, vec);
    } else {
        sample_must(sample_put_value(sample, vec, &err), &err);
    }
}

/* Exact text of a value: floats as hex bits, decimals unscaled, instants as their number, binary as
 * hex, maps as lists of pairs, structs as lists. */
static inline void sample_text_of(struct sl_buf *out, const struct sl_vec *vec, uint32_t row) {
    if (sl_vec_is_null(vec, row)) {
        sl_buf_put_cstr(out, "null");
        return;
    }
    if (vec->enc == SL_ENC_DICT) {
        sample_text_of(out, &vec->children[0], (uint32_t)vec->codes[row]);
        return;
    }
    uint32_t at = sl_vec_pos(vec, row);
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        sl_buf_put_cstr(out, sl_bit_get(vec->bits, at) ? "true" : "false");
        return;
    case SL_BYTE_KIND:
        sl_buf_printf(out, "%d", vec->i8[at]);
        return;
    case SL_SHORT_KIND:
        sl_buf_printf(out, "%d", vec->i16[at]);
        return;
    case SL_INT_KIND:
    case SL_DATE_KIND:
    case SL_MONTH_INTERVAL_KIND:
        sl_buf_printf(out, "%d", vec->i32[at]);
        return;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND: {
        double value = vec->type->kind == SL_FLOAT_KIND ? (double)vec->f32[at] : vec->f64[at];
        uint64_t bits;
        memcpy(&bits, &value, 8);
        sl_buf_printf(out, isnan(value) ? "\"nan\"" : "\"%016" PRIx64 "\"", bits);
        return;
    }
    case SL_DECIMAL_KIND: {
        sl_int128 value =
            sl_type_is_wide_decimal(vec->type) ? vec->i128[at] : (sl_int128)vec->i64[at];
        unsigned __int128 size = value < 0 ? -(unsigned __int128)value : (unsigned __int128)value;
        sl_buf_printf(out, "%s%" PRIu64 "%019" PRIu64, value < 0 ? "\"-" : "\"",
                      (uint64_t)(size / UINT64_C(10000000000000000000)),
                      (uint64_t)(size % UINT64_C(10000000000000000000)));
        sl_buf_put_byte(out, '"');
        return;
    }
    case SL_STRING_KIND:
        sl_json_put_string(out, sl_vec_str(vec, row));
        return;
    case SL_BINARY_KIND: {
        struct sl_str value = sl_vec_str(vec, row);
        sl_buf_put_byte(out, '"');
        for (size_t i = 0; i < value.len; i++) sl_buf_printf(out, "%02x", (uint8_t)value.ptr[i]);
        sl_buf_put_byte(out, '"');
        return;
    }
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        sl_buf_put_byte(out, '[');
        for (int32_t i = vec->offsets[at]; i < vec->offsets[at + 1]; i++) {
            if (i > vec->offsets[at]) sl_buf_put_byte(out, ',');
            if (vec->type->kind == SL_MAP_KIND) sl_buf_put_byte(out, '[');
            for (uint32_t c = 0; c < vec->child_count; c++) {
                if (c) sl_buf_put_byte(out, ',');
                sample_text_of(out, &vec->children[c], (uint32_t)i);
            }
            if (vec->type->kind == SL_MAP_KIND) sl_buf_put_byte(out, ']');
        }
        sl_buf_put_byte(out, ']');
        return;
    case SL_STRUCT_KIND:
        sl_buf_put_byte(out, '[');
        for (uint32_t c = 0; c < vec->child_count; c++) {
            if (c) sl_buf_put_byte(out, ',');
            sample_text_of(out, &vec->children[c], at);
        }
        sl_buf_put_byte(out, ']');
        return;
    default:
        sl_buf_printf(out, "%" PRId64, vec->i64[at]);
        return;
    }
}

/* A DICT vector with `entries` texts; every row a random one or null.  dictionary is borrowed. */
static inline void sample_dictionary(struct sample *sample, struct sl_vec *dictionary,
                                     uint32_t entries) {
    struct sl_err err;
    char text[32];
    sl_vec_init(dictionary, &sl_type_string);
    for (uint32_t i = 0; i < entries; i++) {
        snprintf(text, sizeof text, "entry %u", (unsigned)(i * 7919 % 1000));
        sample_must(sl_vec_put_str(dictionary, sl_str(text), &err), &err);
    }
    (void)sample;
}

#endif
