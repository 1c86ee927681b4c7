/* Source: PROTOCOL.md "Partition Value Serialization"; Spark PartitionUtils, DelayedCommitProtocol;
 * java.net.URI for the paths. */
#include "lake/delta/value.h"

#include <limits.h>

#include "kern/cast.h"
#include "kern/zone.h"
#include "lake/percent.h"
#include "lake/uri.h"

/* ---- values to text ---- */

/* "2024-01-01T10:00:00.000000Z": always six digits, as Spark's utcTimestampPartitionValues. */
static void put_utc(struct sl_buf *out, int64_t micros) {
    char text[40];
    int64_t second = sl_floor_div(micros, SL_MICROS_PER_SECOND);
    size_t len = sl_format_timestamp(text, second * SL_MICROS_PER_SECOND, sl_zone_utc);
    for (size_t i = 0; i < len; i++) sl_buf_put_byte(out, text[i] == ' ' ? 'T' : (uint8_t)text[i]);
    sl_buf_printf(out, ".%06dZ", (int)sl_floor_mod(micros, SL_MICROS_PER_SECOND));
}

static sl_int128 decimal_at(const struct sl_vec *flat, uint32_t at) {
    return sl_type_is_wide_decimal(flat->type) ? flat->i128[at] : flat->i64[at];
}

static void put_flat(struct sl_buf *out, const struct sl_vec *flat, uint32_t at) {
    char text[64];
    size_t len = 0;
    switch (flat->type->kind) {
    case SL_BOOL_KIND:
        sl_buf_put_cstr(out, sl_bit_get(flat->bits, at) ? "true" : "false");
        return;
    case SL_FLOAT_KIND:
        len = sl_format_f32(text, flat->f32[at]);
        break;
    case SL_DOUBLE_KIND:
        len = sl_format_f64(text, flat->f64[at]);
        break;
    case SL_DECIMAL_KIND:
        len = sl_format_decimal(text, decimal_at(flat, at), flat->type->scale);
        break;
    case SL_DATE_KIND:
        len = sl_format_date(text, flat->i32[at]);
        break;
    case SL_TIMESTAMP_KIND:
        put_utc(out, flat->i64[at]);
        return;
    case SL_TIMESTAMP_NTZ_KIND:
        len = sl_format_timestamp(text, flat->i64[at], sl_zone_utc);
        break;
    default:
        sl_buf_printf(out, "%lld", (long long)sl_vec_integer(flat, at));
        return;
    }
    sl_buf_put(out, text, len);
}

bool sl_delta_value_put(struct sl_buf *out, const struct sl_vec *column, uint32_t row) {
    if (sl_vec_is_null(column, row)) return false;
    if (sl_type_is_bytes(column->type)) {
        struct sl_str text = sl_vec_str(column, row);
        sl_buf_put_str(out, text);
        return text.len != 0;
    }
    if (column->enc == SL_ENC_DICT)
        put_flat(out, &column->children[0], (uint32_t)column->codes[row]);
    else
        put_flat(out, column, sl_vec_pos(column, row));
    return true;
}

/* ---- text to values ---- */

static enum sl_code not_a_value(struct sl_str text, const struct sl_type *type,
                                struct sl_err *err) {
    struct sl_buf name = {0};
    sl_type_put_sql(&name, type);
    sl_fail(err, SL_DATA, "partition value `%.*s` is no %s", (int)(text.len > 100 ? 100 : text.len),
            text.ptr, sl_buf_cstr(&name));
    sl_buf_release(&name);
    return SL_DATA;
}

bool sl_delta_integer_fits(int64_t value, enum sl_kind kind) {
    switch (kind) {
    case SL_BYTE_KIND:
        return value >= INT8_MIN && value <= INT8_MAX;
    case SL_SHORT_KIND:
        return value >= INT16_MIN && value <= INT16_MAX;
    case SL_INT_KIND:
        return value >= INT32_MIN && value <= INT32_MAX;
    default:
        return true;
    }
}

/* Kinds that sl_vec_put_i64 takes. */
static bool parse_integer(struct sl_str text, enum sl_kind kind, int64_t *out) {
    int32_t days;
    bool truth;
    switch (kind) {
    case SL_BOOL_KIND:
        if (!sl_str_to_bool(text, &truth)) return false;
        *out = truth;
        return true;
    case SL_DATE_KIND:
        if (!sl_parse_date(text, &days)) return false;
        *out = days;
        return true;
    case SL_TIMESTAMP_KIND:
        return sl_parse_timestamp(text, sl_zone_utc, out);
    case SL_TIMESTAMP_NTZ_KIND:
        return sl_parse_timestamp_ntz(text, out);
    default:
        return sl_parse_i64(text, out) && sl_delta_integer_fits(*out, kind);
    }
}

enum sl_code sl_delta_value_parse(struct sl_str text, bool is_null, struct sl_vec *out,
                                  struct sl_err *err) {
    int64_t integer;
    double number;
    sl_int128 decimal;
    const struct sl_type *type = out->type;
    if (is_null || text.len == 0) return sl_vec_append_null(out, 1, err);
    switch (type->kind) {
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        return sl_vec_put_str(out, text, err);
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        if (!sl_parse_f64(text, &number)) return not_a_value(text, type, err);
        return sl_vec_put_f64(out, number, err);
    case SL_DECIMAL_KIND:
        if (!sl_parse_decimal(text, type->precision, type->scale, &decimal))
            return not_a_value(text, type, err);
        return sl_vec_put_i128(out, decimal, err);
    case SL_BOOL_KIND:
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
    case SL_DATE_KIND:
    case SL_TIMESTAMP_KIND:
    case SL_TIMESTAMP_NTZ_KIND:
        if (!parse_integer(text, type->kind, &integer)) return not_a_value(text, type, err);
        return sl_vec_put_i64(out, integer, err);
    default:
        return not_a_value(text, type, err);
    }
}

/* ---- paths ---- */

void sl_delta_path_put(struct sl_buf *out, struct sl_str relative_path) {
    sl_uri_put_path(out, relative_path);
}

/* "s3:" of "s3://bucket/x": a letter, then letters, digits, + - . up to a colon before any slash
 * (RFC 3986). */
static bool has_scheme(struct sl_str path) {
    for (size_t i = 0; i < path.len; i++) {
        unsigned char c = (unsigned char)path.ptr[i];
        bool letter = (c | 32) >= 'a' && (c | 32) <= 'z';
        if (c == ':') return i > 0;
        if (!letter && (i == 0 || !((c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.')))
            return false;
    }
    return false;
}

static bool has_parent_part(struct sl_str path) {
    for (size_t begin = 0; begin <= path.len;) {
        size_t end = sl_str_find(path, SL_STR("/"), begin);
        if (end == SIZE_MAX) end = path.len;
        if (sl_str_eq(sl_str_sub(path, begin, end), SL_STR(".."))) return true;
        begin = end + 1;
    }
    return false;
}

static enum sl_code bad_path(struct sl_str path, const char *why, struct sl_err *err) {
    return sl_fail(err, SL_DATA, "path `%.*s` of the Delta log %s",
                   (int)(path.len > 300 ? 300 : path.len), path.ptr, why);
}

enum sl_code sl_delta_path_parse(struct sl_str log_path, struct sl_buf *out, bool *absolute,
                                 struct sl_err *err) {
    size_t begin = out->len;
    *absolute = sl_str_starts(log_path, SL_STR("file:")) || sl_str_starts(log_path, SL_STR("/"));
    if (log_path.len == 0) return bad_path(log_path, "is empty", err);
    if (!*absolute && has_scheme(log_path))
        return bad_path(log_path, "is in another file system; only local files are read", err);
    if (!*absolute)
        sl_percent_decode(out, log_path);
    else if (!sl_uri_parse_file(log_path, out))
        return bad_path(log_path, "is a file: URI that is not absolute", err);
    struct sl_str path = {(const char *)out->ptr + begin, out->len - begin};
    const char *why = NULL;
    if (memchr(path.ptr, 0, path.len)) why = "holds a NUL byte";
    /* %2F may have made a relative path absolute */
    if (!*absolute && path.ptr[0] == '/') why = "begins with an escaped slash";
    if (has_parent_part(path)) why = "leaves its directory by `..`";
    if (!why) return SL_OK;
    out->len = begin;
    return bad_path(log_path, why, err);
}
