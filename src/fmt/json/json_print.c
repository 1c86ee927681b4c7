/* Columns to JSON text: Spark's JacksonGenerator. */
#include "fmt/json/json_number.h"
#include "fmt/json/json_text.h"
#include "fmt/json/json_token.h"

struct printer {
    struct sl_buf *out;
    const struct sl_json_options *options;
    const struct sl_json_print_hooks *hooks;
    struct sl_err *err;
};

static enum sl_code print_value(struct printer *p, const struct sl_vec *vec, uint32_t row);

static void print_u64(struct sl_buf *out, uint64_t value) {
    char digits[20];
    size_t at = sizeof digits;
    do digits[--at] = (char)('0' + value % 10);
    while (value /= 10);
    sl_buf_put(out, digits + at, sizeof digits - at);
}

static void print_i64(struct sl_buf *out, int64_t value) {
    if (value < 0) sl_buf_put_byte(out, '-');
    print_u64(out, value < 0 ? 0 - (uint64_t)value : (uint64_t)value);
}

/* BigDecimal.toString: plain unless the first digit is beyond the sixth decimal place. */
static void print_decimal(struct sl_buf *out, sl_int128 value, int scale) {
    char digits[40];
    int count = 0;
    unsigned __int128 rest = value < 0 ? 0 - (unsigned __int128)value : (unsigned __int128)value;
    do digits[sizeof digits - 1 - (size_t)count++] = (char)('0' + (int)(rest % 10));
    while (rest /= 10);
    const char *first = digits + sizeof digits - count;
    if (value < 0) sl_buf_put_byte(out, '-');
    int exponent = count - 1 - scale;
    if (exponent < -6) {
        sl_buf_put_byte(out, (uint8_t)*first);
        if (count > 1) sl_buf_put_byte(out, '.');
        sl_buf_put(out, first + 1, (size_t)count - 1);
        sl_buf_printf(out, "E%d", exponent);
        return;
    }
    int whole = count > scale ? count - scale : 0;
    if (!whole) sl_buf_put_byte(out, '0');
    sl_buf_put(out, first, (size_t)whole);
    if (!scale) return;
    sl_buf_put_byte(out, '.');
    for (int i = count; i < scale; i++) sl_buf_put_byte(out, '0');
    sl_buf_put(out, first + whole, (size_t)(count - whole));
}

static void print_base64(struct sl_buf *out, struct sl_str bytes) {
    static const char code[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const uint8_t *p = (const uint8_t *)bytes.ptr;
    sl_buf_put_byte(out, '"');
    for (size_t i = 0; i < bytes.len; i += 3) {
        size_t left = bytes.len - i;
        uint32_t data = (uint32_t)p[i] << 16 | (left > 1 ? (uint32_t)p[i + 1] << 8 : 0) |
                        (left > 2 ? (uint32_t)p[i + 2] : 0);
        char group[4] = {code[data >> 18], code[data >> 12 & 63],
                         left > 1 ? code[data >> 6 & 63] : '=', left > 2 ? code[data & 63] : '='};
        sl_buf_put(out, group, 4);
    }
    sl_buf_put_byte(out, '"');
}

/* Non-finite values are strings in JSON. */
static void print_float(struct printer *p, const struct sl_vec *vec, uint32_t row, bool quote) {
    bool narrow = vec->type->kind == SL_FLOAT_KIND;
    double value = narrow ? (double)vec->f32[row] : vec->f64[row];
    quote = quote && (value != value || value - value != 0);
    if (quote) sl_buf_put_byte(p->out, '"');
    if (narrow && p->hooks && p->hooks->f32)
        p->hooks->f32(p->hooks->ctx, p->out, vec->f32[row]);
    else if (narrow)
        sl_json_print_f32(p->out, vec->f32[row]);
    else if (p->hooks && p->hooks->f64)
        p->hooks->f64(p->hooks->ctx, p->out, value);
    else
        sl_json_print_f64(p->out, value);
    if (quote) sl_buf_put_byte(p->out, '"');
}

static enum sl_code print_calendar(struct printer *p, const struct sl_vec *vec, uint32_t row) {
    const struct sl_json_print_hooks *hooks = p->hooks;
    int64_t value = sl_vec_integer(vec, row);
    if (!hooks) return sl_fail(p->err, SL_BUG, "to_json of a date or timestamp without a calendar");
    sl_buf_put_byte(p->out, '"');
    if (vec->type->kind == SL_DATE_KIND)
        hooks->date(hooks->ctx, p->out, (int32_t)value);
    else if (vec->type->kind == SL_TIMESTAMP_KIND)
        hooks->timestamp(hooks->ctx, p->out, value);
    else
        hooks->timestamp_ntz(hooks->ctx, p->out, value);
    sl_buf_put_byte(p->out, '"');
    return SL_OK;
}

static enum sl_code unsupported(struct printer *p, const struct sl_type *type, const char *what) {
    struct sl_buf name = {0};
    sl_type_put_sql(&name, type);
    enum sl_code code =
        sl_fail_at(p->err, (struct sl_span){0, 0}, "UNSUPPORTED_FEATURE", "0A000",
                   "to_json of %s of type %s is not supported", what, sl_buf_cstr(&name));
    sl_buf_release(&name);
    return code;
}

/* Map keys: the text of Spark's internal value, so dates are days and timestamps microseconds. */
static enum sl_code print_key(struct printer *p, const struct sl_vec *vec, uint32_t row) {
    switch (vec->type->kind) {
    case SL_STRING_KIND:
        sl_json_quote(p->out, sl_vec_str(vec, row), true);
        return SL_OK;
    case SL_BINARY_KIND:
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
    case SL_STRUCT_KIND:
        return unsupported(p, vec->type, "map keys");
    default:
        break;
    }
    sl_buf_put_byte(p->out, '"');
    uint32_t pos = sl_vec_pos(vec, row);
    if (sl_type_is_float(vec->type))
        print_float(p, vec, pos, false);
    else if (vec->type->kind == SL_BOOL_KIND)
        sl_buf_put_cstr(p->out, sl_bit_get(vec->bits, pos) ? "true" : "false");
    else if (vec->type->kind == SL_DECIMAL_KIND)
        print_decimal(p->out, sl_type_is_wide_decimal(vec->type) ? vec->i128[pos] : vec->i64[pos],
                      vec->type->scale);
    else
        print_i64(p->out, sl_vec_integer(vec, pos));
    sl_buf_put_byte(p->out, '"');
    return SL_OK;
}

static enum sl_code print_struct(struct printer *p, const struct sl_vec *vec, uint32_t row) {
    bool first = true;
    sl_buf_put_byte(p->out, '{');
    for (uint32_t i = 0; i < vec->child_count; i++) {
        const struct sl_vec *child = &vec->children[i];
        if (p->options->ignore_null_fields && sl_vec_is_null(child, row)) continue;
        if (!first) sl_buf_put_byte(p->out, ',');
        first = false;
        sl_json_quote(p->out, vec->type->fields[i].name, true);
        sl_buf_put_byte(p->out, ':');
        SL_TRY(print_value(p, child, row));
    }
    sl_buf_put_byte(p->out, '}');
    return SL_OK;
}

static enum sl_code print_list(struct printer *p, const struct sl_vec *vec, uint32_t row) {
    bool map = vec->type->kind == SL_MAP_KIND;
    sl_buf_put_byte(p->out, map ? '{' : '[');
    for (int32_t i = vec->offsets[row]; i < vec->offsets[row + 1]; i++) {
        if (i > vec->offsets[row]) sl_buf_put_byte(p->out, ',');
        if (map) {
            SL_TRY(print_key(p, &vec->children[0], (uint32_t)i));
            sl_buf_put_byte(p->out, ':');
        }
        SL_TRY(print_value(p, &vec->children[map], (uint32_t)i));
    }
    sl_buf_put_byte(p->out, map ? '}' : ']');
    return SL_OK;
}

static enum sl_code print_value(struct printer *p, const struct sl_vec *vec, uint32_t row) {
    if (sl_vec_is_null(vec, row)) {
        sl_buf_put_cstr(p->out, "null");
        return SL_OK;
    }
    if (vec->enc == SL_ENC_DICT && !sl_type_is_bytes(vec->type))
        return print_value(p, vec->children, (uint32_t)vec->codes[row]);
    uint32_t pos = sl_vec_pos(vec, row);
    switch (vec->type->kind) {
    case SL_BOOL_KIND:
        sl_buf_put_cstr(p->out, sl_bit_get(vec->bits, pos) ? "true" : "false");
        return SL_OK;
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
        print_i64(p->out, sl_vec_integer(vec, pos));
        return SL_OK;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        print_float(p, vec, pos, true);
        return SL_OK;
    case SL_DECIMAL_KIND:
        print_decimal(p->out, sl_type_is_wide_decimal(vec->type) ? vec->i128[pos] : vec->i64[pos],
                      vec->type->scale);
        return SL_OK;
    case SL_STRING_KIND:
        sl_json_quote(p->out, sl_vec_str(vec, row), true);
        return SL_OK;
    case SL_BINARY_KIND:
        print_base64(p->out, sl_vec_str(vec, row));
        return SL_OK;
    case SL_DATE_KIND:
    case SL_TIMESTAMP_KIND:
    case SL_TIMESTAMP_NTZ_KIND:
        return print_calendar(p, vec, pos);
    case SL_STRUCT_KIND:
        return print_struct(p, vec, pos);
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        return print_list(p, vec, pos);
    default:
        return unsupported(p, vec->type, "values");
    }
}

enum sl_code sl_json_print(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                           const struct sl_json_options *options,
                           const struct sl_json_print_hooks *hooks, struct sl_err *err) {
    struct printer printer = {out, options, hooks, err};
    return print_value(&printer, vec, row);
}
