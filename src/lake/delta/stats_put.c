/* add.stats as Spark writes it: numRecords, then minValues, maxValues and nullCount, each with the
 * nesting of the schema (StatisticsCollection.scala, collectStats; Jackson's texts of values). */
#include <math.h>

#include "base/utf8.h"
#include "kern/cast.h"
#include "kern/zone.h"
#include "lake/delta/stats_int.h"

enum {
    PREFIX_UNITS = 32,    /* delta.dataSkippingStringPrefixLength: characters, UTF-16 units */
    EXPANDED_UNITS = 64,  /* how far the upper bound's prefix may grow */
    DELETE = 0x7F,        /* ASCII's last: the tie-breaker behind a prefix */
    LAST_CODE = 0x10FFFF, /* Unicode's last: the same where the next character is not ASCII */
};
#define MICROS_PER_MILLI INT64_C(1000)

enum part { MIN_VALUES, MAX_VALUES, NULL_COUNT };

struct put {
    struct sl_buf *out;
    enum part part;
    int64_t leaves_left; /* of the indexed ones */
};

/* Length of the character at text[at] and its code, or 0: not UTF-8. */
static size_t next_code(struct sl_str text, size_t at, uint32_t *code) {
    const uint8_t *bytes = (const uint8_t *)text.ptr + at;
    size_t left = text.len - at;
    size_t len = bytes[0] < 0x80   ? 1
                 : bytes[0] < 0xC2 ? 0
                 : bytes[0] < 0xE0 ? 2
                 : bytes[0] < 0xF0 ? 3
                 : bytes[0] < 0xF5 ? 4
                                   : 0;
    static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
    static const uint8_t mask[] = {0, 0x7F, 0x1F, 0x0F, 0x07};
    if (len == 0 || len > left) return 0;
    *code = bytes[0] & mask[len];
    for (size_t i = 1; i < len; i++) {
        if ((bytes[i] & 0xC0) != 0x80) return 0;
        *code = *code << 6 | (bytes[i] & 0x3F);
    }
    bool wrong = *code < least[len] || *code > LAST_CODE || sl_utf16_is_surrogate(*code);
    return wrong ? 0 : len;
}

static bool is_utf8(struct sl_str text) {
    uint32_t code;
    for (size_t at = 0, len; at < text.len; at += len) {
        len = next_code(text, at, &code);
        if (len == 0) return false;
    }
    return true;
}

/* The first 32 characters. */
static struct sl_str cut_min(struct sl_str text) {
    size_t at = 0;
    uint32_t code;
    for (int i = 0; i < PREFIX_UNITS && at < text.len; i++) at += next_code(text, at, &code);
    return sl_str_sub(text, 0, at);
}

/* truncateMaxStringAgg: at least 32 UTF-16 units, then a character that sorts behind whatever was
 * cut off; past U+10FFFF, which nothing sorts behind. false: no bound. */
static bool cut_max(struct sl_str text, struct sl_buf *out) {
    size_t at = 0, units = 0, len;
    uint32_t code;
    while (at < text.len) {
        len = next_code(text, at, &code);
        if (units > EXPANDED_UNITS) return false;
        if (units >= PREFIX_UNITS && code != LAST_CODE) {
            char breaker[4];
            sl_buf_put(out, text.ptr, at);
            sl_buf_put(out, breaker, sl_utf8_put(breaker, code < DELETE ? DELETE : LAST_CODE));
            return true;
        }
        at += len;
        units += len == 4 ? 2 : 1;
    }
    if (units > EXPANDED_UNITS + 1) return false;
    sl_buf_put_str(out, text);
    return true;
}

static bool put_string(const struct put *put, struct sl_str text) {
    if (!is_utf8(text)) return false;
    if (put->part == MIN_VALUES) {
        sl_json_put_string(put->out, cut_min(text));
        return true;
    }
    struct sl_buf cut = {0};
    bool has = cut_max(text, &cut);
    if (has) sl_json_put_string(put->out, sl_buf_str(&cut));
    sl_buf_release(&cut);
    return has;
}

/* Jackson quotes what is not a JSON number: "Infinity", "-Infinity". */
static bool put_float(const struct put *put, const struct sl_vec *value) {
    char text[32];
    bool is_float = value->type->kind == SL_FLOAT_KIND;
    double number = is_float ? (double)value->f32[0] : value->f64[0];
    size_t len = is_float ? sl_format_f32(text, value->f32[0]) : sl_format_f64(text, number);
    if (isnan(number)) return false;
    struct sl_str str = {text, len};
    if (isinf(number))
        sl_json_put_string(put->out, str);
    else
        sl_buf_put_str(put->out, str);
    return true;
}

/* BigDecimal.toString: with an exponent when more than six zeros would follow the point. */
static void put_decimal(struct sl_buf *out, sl_int128 unscaled, int scale) {
    char text[48], digits[48];
    size_t len = sl_format_decimal(digits, unscaled, 0);
    size_t sign = digits[0] == '-', count = len - sign;
    int exponent = (int)count - 1 - scale;
    if (exponent >= -6) {
        sl_buf_put(out, text, sl_format_decimal(text, unscaled, scale));
        return;
    }
    sl_buf_put(out, digits, sign + 1);
    if (count > 1) sl_buf_put_byte(out, '.');
    sl_buf_put(out, digits + sign + 1, count - 1);
    sl_buf_printf(out, "E%d", exponent);
}

/* yyyy-MM-dd'T'HH:mm:ss.SSS, with Z when it is an instant. */
static bool put_timestamp(const struct put *put, const struct sl_vec *value) {
    char text[64];
    int64_t micros = value->i64[0], millis = sl_floor_div(micros, MICROS_PER_MILLI);
    if (put->part == MAX_VALUES && millis * MICROS_PER_MILLI != micros) millis++;
    int64_t days = sl_floor_div(millis, SL_SECONDS_PER_DAY * 1000);
    int64_t ms = sl_floor_mod(millis, SL_SECONDS_PER_DAY * 1000);
    if (days < INT32_MIN || days > INT32_MAX) return false;
    sl_buf_put_byte(put->out, '"');
    sl_buf_put(put->out, text, sl_format_date(text, (int32_t)days));
    sl_buf_printf(put->out, "T%02d:%02d:%02d.%03d%s\"", (int)(ms / 3600000), (int)(ms / 60000 % 60),
                  (int)(ms / 1000 % 60), (int)(ms % 1000),
                  value->type->kind == SL_TIMESTAMP_KIND ? "Z" : "");
    return true;
}

static bool put_value(const struct put *put, const struct sl_vec *value) {
    char text[48];
    switch (value->type->kind) {
    case SL_BYTE_KIND:
        sl_buf_printf(put->out, "%d", value->i8[0]);
        return true;
    case SL_SHORT_KIND:
        sl_buf_printf(put->out, "%d", value->i16[0]);
        return true;
    case SL_INT_KIND:
        sl_buf_printf(put->out, "%d", value->i32[0]);
        return true;
    case SL_LONG_KIND:
        sl_buf_printf(put->out, "%lld", (long long)value->i64[0]);
        return true;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        return put_float(put, value);
    case SL_DECIMAL_KIND:
        put_decimal(put->out, sl_type_is_wide_decimal(value->type) ? value->i128[0] : value->i64[0],
                    value->type->scale);
        return true;
    case SL_DATE_KIND:
        sl_json_put_string(put->out, (struct sl_str){text, sl_format_date(text, value->i32[0])});
        return true;
    case SL_TIMESTAMP_KIND:
    case SL_TIMESTAMP_NTZ_KIND:
        return put_timestamp(put, value);
    case SL_STRING_KIND:
        return put_string(put, sl_vec_str(value, 0));
    default:
        return false;
    }
}

static bool put_leaf(const struct put *put, const struct sl_delta_column_stats *column) {
    if (put->part == NULL_COUNT) {
        sl_buf_printf(put->out, "%llu", (unsigned long long)column->null_count);
        return true;
    }
    const struct sl_vec *value = put->part == MIN_VALUES ? column->min : column->max;
    if (!value || value->rows == 0 || sl_vec_is_null(value, 0)) return false;
    if (put->part == MAX_VALUES && column->has_nan) return false;
    return put_value(put, value);
}

/* Appends {"name":value,..} and tells whether Spark keeps the object: it does when it has a column,
 * even if no column has a value. columns == NULL: leaves are only counted. */
static bool put_object(struct put *put, const struct sl_type *schema,
                       const struct sl_delta_column_stats *columns) {
    bool keeps = false;
    const char *separator = "";
    sl_buf_put_byte(put->out, '{');
    for (uint32_t i = 0; i < schema->field_count; i++) {
        const struct sl_type *type = schema->fields[i].type;
        const struct sl_delta_column_stats *column = columns ? &columns[i] : NULL;
        if (column && column->unknown) column = NULL;
        size_t before = put->out->len;
        bool has;
        if (put->leaves_left <= 0) break;
        sl_buf_put_cstr(put->out, separator);
        sl_json_put_string(put->out, schema->fields[i].name);
        sl_buf_put_byte(put->out, ':');
        if (type->kind == SL_STRUCT_KIND) {
            has = put_object(put, type, column ? column->fields : NULL);
            keeps |= has;
        } else {
            put->leaves_left--;
            keeps |= column && (put->part == NULL_COUNT || sl_delta_stats_has_bounds(type));
            has = column && put_leaf(put, column);
        }
        if (has)
            separator = ",";
        else
            put->out->len = before;
    }
    sl_buf_put_byte(put->out, '}');
    return keeps;
}

void sl_delta_stats_put(struct sl_buf *out, const struct sl_type *schema, uint64_t rows,
                        const struct sl_delta_column_stats *columns,
                        const struct sl_delta_stats_options *options) {
    static const char *const names[] = {"minValues", "maxValues", "nullCount"};
    int64_t leaves = options->indexed_columns < 0 ? INT64_MAX : options->indexed_columns;
    sl_buf_printf(out, "{\"numRecords\":%llu", (unsigned long long)rows);
    for (int part = MIN_VALUES; part <= NULL_COUNT; part++) {
        size_t before = out->len;
        struct put put = {out, (enum part)part, leaves};
        sl_buf_printf(out, ",\"%s\":", names[part]);
        if (!put_object(&put, schema, columns)) out->len = before;
    }
    sl_buf_put_byte(out, '}');
}
