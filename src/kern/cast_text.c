/* Casts to string, and one value as text (show, partition paths): Spark's ToStringBase. */
#include "kern/cast_int.h"
#include "kern/string_out.h"
#include "kern/zone.h"

/* Scalars only; at most SCALAR_TEXT_MAX bytes. */
enum { SCALAR_TEXT_MAX = 48 };

static size_t put_literal(char *to, const char *text) {
    size_t len = strlen(text);
    memcpy(to, text, len);
    return len;
}

static size_t format_scalar(char *to, const struct sl_vec *vec, uint32_t pos,
                            const struct sl_zone *zone) {
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        return put_literal(to, sl_bit_get(vec->bits, pos) ? "true" : "false");
    case SL_BYTE_KIND:
        return sl_number_format_i64(to, vec->i8[pos]);
    case SL_SHORT_KIND:
        return sl_number_format_i64(to, vec->i16[pos]);
    case SL_INT_KIND:
        return sl_number_format_i64(to, vec->i32[pos]);
    case SL_LONG_KIND:
        return sl_number_format_i64(to, vec->i64[pos]);
    case SL_FLOAT_KIND:
        return sl_format_f32(to, vec->f32[pos]);
    case SL_DOUBLE_KIND:
        return sl_format_f64(to, vec->f64[pos]);
    case SL_DECIMAL_KIND:
        return sl_format_decimal(to, sl_cast_decimal(vec, pos), vec->type->scale);
    case SL_DATE_KIND:
        return sl_format_date(to, vec->i32[pos]);
    case SL_TIMESTAMP_KIND:
        return sl_format_timestamp(to, vec->i64[pos], zone);
    case SL_TIMESTAMP_NTZ_KIND:
        return sl_format_timestamp_local(to, vec->i64[pos]);
    default:
        return 0;
    }
}

struct style {
    const struct sl_zone *zone;
    bool pretty; /* ToPrettyString: NULL, and bytes as [61 62] */
};

static void put_bytes(struct sl_buf *out, struct sl_str bytes) {
    sl_buf_put_byte(out, '[');
    for (size_t i = 0; i < bytes.len; i++)
        sl_buf_printf(out, "%s%02X", i ? " " : "", (unsigned char)bytes.ptr[i]);
    sl_buf_put_byte(out, ']');
}

static void put_row(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                    const struct style *style);

static void put_array(struct sl_buf *out, const struct sl_vec *vec, uint32_t pos,
                      const struct style *style) {
    sl_buf_put_byte(out, '[');
    for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++) {
        if (i > vec->offsets[pos]) sl_buf_put_cstr(out, ", ");
        put_row(out, &vec->children[0], (uint32_t)i, style);
    }
    sl_buf_put_byte(out, ']');
}

static void put_map(struct sl_buf *out, const struct sl_vec *vec, uint32_t pos,
                    const struct style *style) {
    sl_buf_put_byte(out, '{');
    for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++) {
        if (i > vec->offsets[pos]) sl_buf_put_cstr(out, ", ");
        put_row(out, &vec->children[0], (uint32_t)i, style);
        sl_buf_put_cstr(out, " -> ");
        put_row(out, &vec->children[1], (uint32_t)i, style);
    }
    sl_buf_put_byte(out, '}');
}

static void put_struct(struct sl_buf *out, const struct sl_vec *vec, uint32_t pos,
                       const struct style *style) {
    sl_buf_put_byte(out, '{');
    for (uint32_t i = 0; i < vec->type->field_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        put_row(out, &vec->children[i], pos, style);
    }
    sl_buf_put_byte(out, '}');
}

static void put_row(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                    const struct style *style) {
    if (sl_vec_is_null(vec, row)) {
        sl_buf_put_cstr(out, style->pretty ? "NULL" : "null");
        return;
    }
    if (vec->type->kind == SL_BINARY_KIND && style->pretty) {
        put_bytes(out, sl_vec_str(vec, row));
        return;
    }
    if (sl_type_is_bytes(vec->type)) {
        sl_buf_put_str(out, sl_vec_str(vec, row));
        return;
    }
    uint32_t pos = sl_vec_pos(vec, row);
    if (vec->enc == SL_ENC_DICT) {
        pos = (uint32_t)vec->codes[row];
        vec = &vec->children[0];
    }
    switch (vec->type->kind) {
    case SL_ARRAY_KIND:
        put_array(out, vec, pos, style);
        break;
    case SL_MAP_KIND:
        put_map(out, vec, pos, style);
        break;
    case SL_STRUCT_KIND:
        put_struct(out, vec, pos, style);
        break;
    case SL_DAY_INTERVAL_KIND:
        sl_interval_put_text(out, vec->type, vec->i64[pos]);
        break;
    case SL_MONTH_INTERVAL_KIND:
        sl_interval_put_text(out, vec->type, vec->i32[pos]);
        break;
    default:
        out->len +=
            format_scalar((char *)sl_buf_reserve(out, SCALAR_TEXT_MAX), vec, pos, style->zone);
    }
}

static struct style style_of(const struct sl_session *session, bool pretty) {
    return (struct style){session && session->zone ? session->zone : sl_zone_utc, pretty};
}

void sl_cast_put_text(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                      const struct sl_session *session) {
    struct style style = style_of(session, false);
    put_row(out, vec, row, &style);
}

void sl_cast_put_pretty(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                        const struct sl_session *session) {
    struct style style = style_of(session, true);
    put_row(out, vec, row, &style);
}

/* BigDecimal.toString, which Spark uses outside ANSI mode: 1.5E-7 where the first digit stands more
 * than six places behind the point. */
static size_t format_decimal_legacy(char *to, sl_int128 value, int scale) {
    char digits[48];
    bool negative = value < 0;
    int count = (int)sl_format_decimal(digits, negative ? -value : value, 0);
    int exponent = count - 1 - scale;
    if (exponent >= -6) return sl_format_decimal(to, value, scale);
    char *p = to;
    if (negative) *p++ = '-';
    *p++ = digits[0];
    if (count > 1) *p++ = '.';
    memcpy(p, digits + 1, (size_t)count - 1);
    p += count - 1;
    *p++ = 'E';
    return (size_t)(p - to) + sl_number_format_i64(p, exponent);
}

/* One loop for all scalars: the switch inside predicts perfectly, formatting dominates. */
static enum sl_code scalar_to_string(struct sl_cast_run *run, struct sl_err *err) {
    struct sl_string_out out;
    bool legacy_decimal = run->from->kind == SL_DECIMAL_KIND && run->mode != SL_CAST_ANSI;
    SL_TRY(sl_string_out_begin(&out, run->out, run->rows, (size_t)run->rows * 16, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        SL_TRY(sl_string_out_room(&out, SCALAR_TEXT_MAX, err));
        if (!sl_cast_row_is_null(run, row) && legacy_decimal)
            out.len += format_decimal_legacy(sl_string_out_at(&out), sl_cast_decimal(run->in, row),
                                             run->from->scale);
        else if (!sl_cast_row_is_null(run, row))
            out.len += format_scalar(sl_string_out_at(&out), run->in, row, run->zone);
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

static enum sl_code any_to_string(struct sl_cast_run *run, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_buf text = {0};
    struct style style = {run->zone, false};
    enum sl_code code = sl_string_out_begin(&out, run->out, run->rows, run->rows * 16u, err);
    for (uint32_t row = 0; row < run->rows && code == SL_OK; row++) {
        sl_buf_clear(&text);
        if (!sl_cast_row_is_null(run, row)) put_row(&text, run->in, row, &style);
        code = sl_string_out_put(&out, text.ptr, text.len, err);
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    return code;
}

sl_cast_fn sl_cast_find_text(const struct sl_type *from, const struct sl_type *to) {
    if (to->kind != SL_STRING_KIND || sl_type_is_bytes(from)) return NULL;
    bool interval = sl_type_is_interval(from);
    return sl_type_is_nested(from) || interval ? any_to_string : scalar_to_string;
}
