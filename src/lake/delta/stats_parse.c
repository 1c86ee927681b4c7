/* Bounds from add.stats, of any writer: what is not understood gives no bound. */
#include <math.h>

#include "kern/cast.h"
#include "kern/zone.h"
#include "lake/delta/stats_int.h"
#include "lake/delta/value.h"

enum { STATS_BYTES_MAX = 16 << 20, ALIGN = 64 };
#define MICROS_PER_MILLI INT64_C(1000)

struct sl_delta_stats {
    struct sl_json root;
    const struct sl_json *min, *max, *nulls; /* NULL: absent */
    int64_t rows;                            /* -1: absent */
    bool is_wide; /* a deletion vector may have removed the bounds' rows */
};

struct sl_delta_stats *sl_delta_stats_parse(struct sl_arena *arena, struct sl_str text) {
    struct sl_delta_stats *stats = SL_NEW(arena, struct sl_delta_stats);
    stats->rows = -1;
    if (!text.ptr || text.len > STATS_BYTES_MAX) return stats;
    if (sl_json_parse(arena, text, &stats->root, NULL) != SL_OK) {
        stats->root = (struct sl_json){0};
        return stats;
    }
    if (!sl_json_i64(sl_json_get(&stats->root, SL_STR("numRecords")), &stats->rows) ||
        stats->rows < 0)
        stats->rows = -1;
    stats->min = sl_json_get(&stats->root, SL_STR("minValues"));
    stats->max = sl_json_get(&stats->root, SL_STR("maxValues"));
    stats->nulls = sl_json_get(&stats->root, SL_STR("nullCount"));
    const struct sl_json *tight = sl_json_get(&stats->root, SL_STR("tightBounds"));
    stats->is_wide = tight && tight->kind == SL_JSON_BOOL && !tight->boolean;
    return stats;
}

/* Aligned and padded as vectors are. */
static void *alloc_buffer(struct sl_arena *arena, size_t bytes) {
    char *buffer = sl_arena_zalloc(arena, bytes + 2 * ALIGN);
    return buffer + (ALIGN - (uintptr_t)buffer % ALIGN) % ALIGN;
}

static bool read_integer(const struct sl_json *json, struct sl_vec *out) {
    int64_t value;
    if (!sl_json_i64(json, &value) || !sl_delta_integer_fits(value, out->type->kind)) return false;
    switch (out->type->kind) {
    case SL_BYTE_KIND:
        out->i8[0] = (int8_t)value;
        break;
    case SL_SHORT_KIND:
        out->i16[0] = (int16_t)value;
        break;
    case SL_INT_KIND:
        out->i32[0] = (int32_t)value;
        break;
    default:
        out->i64[0] = value;
    }
    return true;
}

/* A minimum that is NaN says that all values are; a maximum is widened to NaN (see the header). */
static bool read_float(const struct sl_json *json, bool widen, struct sl_vec *out) {
    double value;
    if (json->kind != SL_JSON_NUMBER && json->kind != SL_JSON_STRING) return false;
    if (!sl_parse_f64(json->text, &value)) return false;
    if (widen) value = (double)NAN;
    if (out->type->kind == SL_FLOAT_KIND)
        out->f32[0] = (float)value;
    else
        out->f64[0] = value;
    return true;
}

/* Digits behind the point that matter, exponent included; -1: not a plain number. */
static int64_t fraction_digits(struct sl_str text) {
    int64_t digits = 0, zeros = 0, exponent = 0;
    bool behind = false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        if (c == 'e' || c == 'E') {
            size_t from = i + 1 + (i + 1 < text.len && text.ptr[i + 1] == '+');
            if (!sl_str_to_i64(sl_str_sub(text, from, text.len), &exponent)) return -1;
            if (exponent < -1000 || exponent > 1000) return -1;
            break;
        }
        if (c == '.') {
            behind = true;
        } else if (behind) {
            digits++;
            zeros = c == '0' ? zeros + 1 : 0;
        }
    }
    digits -= zeros + exponent;
    return digits < 0 ? 0 : digits;
}

/* Exactly or not at all: a rounded bound would no longer hold. */
static bool read_decimal(const struct sl_json *json, struct sl_vec *out) {
    sl_int128 value;
    if (json->kind != SL_JSON_NUMBER && json->kind != SL_JSON_STRING) return false;
    int64_t digits = fraction_digits(json->text);
    if (digits < 0 || digits > out->type->scale) return false;
    if (!sl_parse_decimal(json->text, out->type->precision, out->type->scale, &value)) return false;
    if (sl_type_is_wide_decimal(out->type))
        out->i128[0] = value;
    else
        out->i64[0] = (int64_t)value;
    return true;
}

/* Texts have milliseconds, rounded down by Spark. */
static bool read_time(const struct sl_json *json, bool widen, struct sl_vec *out) {
    struct sl_str text;
    int64_t micros;
    if (!sl_json_str(json, &text)) return false;
    if (out->type->kind == SL_DATE_KIND) return sl_parse_date(text, &out->i32[0]);
    bool parses = out->type->kind == SL_TIMESTAMP_KIND
                      ? sl_parse_timestamp_at(text, sl_zone_utc, 0, &micros)
                      : sl_parse_timestamp_ntz(text, &micros);
    if (!parses) return false;
    if (widen && __builtin_add_overflow(micros, MICROS_PER_MILLI, &micros)) micros = INT64_MAX;
    out->i64[0] = micros;
    return true;
}

static bool read_string(const struct sl_json *json, struct sl_arena *arena, struct sl_vec *out) {
    struct sl_str text;
    if (!sl_json_str(json, &text)) return false;
    out->offsets = alloc_buffer(arena, 2 * sizeof *out->offsets);
    out->offsets[1] = (int32_t)text.len;
    out->bytes = alloc_buffer(arena, text.len);
    if (text.len > 0) memcpy(out->bytes, text.ptr, text.len);
    return true;
}

bool sl_delta_stats_value(const struct sl_json *json, bool widen, struct sl_arena *arena,
                          const struct sl_type *type, struct sl_vec *out) {
    if (!json || json->kind == SL_JSON_NULL) return false;
    if (sl_type_is_nested(type)) return false;
    *out = (struct sl_vec){.type = type, .enc = SL_ENC_FLAT, .rows = 1};
    if (type->kind == SL_STRING_KIND) return read_string(json, arena, out);
    out->data = alloc_buffer(arena, sizeof(sl_int128));
    if (sl_type_is_integer(type)) return read_integer(json, out);
    if (sl_type_is_float(type)) return read_float(json, widen, out);
    if (type->kind == SL_DECIMAL_KIND) return read_decimal(json, out);
    if (sl_type_is_datetime(type)) return read_time(json, widen, out);
    return false;
}

void sl_delta_stats_column(const struct sl_delta_stats *stats, struct sl_arena *arena,
                           struct sl_str physical_name, const struct sl_type *type,
                           struct sl_delta_bounds *out) {
    *out = (struct sl_delta_bounds){0};
    out->has_rows = stats->rows >= 0;
    out->rows = out->has_rows ? stats->rows : 0;
    int64_t nulls;
    if (sl_json_i64(sl_json_get(stats->nulls, physical_name), &nulls) && nulls >= 0) {
        out->has_null_count = !stats->is_wide || nulls == 0 || nulls == stats->rows;
        out->null_count = nulls;
    }
    out->has_min =
        sl_delta_stats_value(sl_json_get(stats->min, physical_name), false, arena, type, &out->min);
    out->has_max =
        sl_delta_stats_value(sl_json_get(stats->max, physical_name), true, arena, type, &out->max);
}
