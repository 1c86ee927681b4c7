/* Values into columns: the conversions of Spark's JacksonParser, shared by the lookup and the
 * strict path so that they cannot differ. */
#include "fmt/json/json_int.h"

void sl_json_put_null(const struct sl_json_node *node, struct sl_vec *vec, uint32_t row) {
    switch (node->kind) {
    case SL_NULL_KIND:
        return;
    case SL_STRUCT_KIND:
        for (uint32_t i = 0; i < node->child_count; i++)
            sl_json_put_null(&node->children[i], &vec->children[i], row);
        break;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        vec->offsets[row + 1] = vec->offsets[row];
        break;
    default:
        break;
    }
    sl_bit_clear(vec->valid, row);
}

static bool failed(struct sl_json_decoder *decoder, enum sl_code code) {
    if (code == SL_OK) return false;
    decoder->fatal = code;
    return true;
}

/* Bitmaps of a column and the struct fields below it. */
static enum sl_code reserve_valid(struct sl_vec *vec, uint32_t rows, struct sl_err *err) {
    SL_TRY(sl_vec_reserve_valid(vec, rows, err));
    if (vec->type->kind == SL_STRUCT_KIND)
        for (uint32_t i = 0; i < vec->child_count; i++)
            SL_TRY(reserve_valid(&vec->children[i], rows, err));
    return SL_OK;
}

/* The bitmap is reserved last and for the same rows, so its size tells the capacity. */
bool sl_json_need_rows(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t rows) {
    size_t cap = vec->valid ? vec->own_valid.cap * 8 : 0;
    if (rows <= cap) return true;
    uint32_t want = rows > cap * 2 ? rows : (uint32_t)cap * 2;
    want = (want + 511) & ~511U;
    if (failed(decoder, sl_vec_reserve(vec, want, decoder->err))) return false;
    return !failed(decoder, reserve_valid(vec, want, decoder->err));
}

bool sl_json_need_bytes(struct sl_json_decoder *decoder, struct sl_vec *vec, size_t bytes) {
    if (bytes <= vec->own_bytes.cap && vec->bytes) return true;
    return !failed(decoder, sl_vec_reserve_bytes(vec, bytes, decoder->err));
}

void sl_json_set_rows(struct sl_vec *vec, uint32_t rows) {
    vec->rows = rows;
    switch (vec->type->kind) {
    case SL_STRUCT_KIND:
        for (uint32_t i = 0; i < vec->child_count; i++) sl_json_set_rows(&vec->children[i], rows);
        break;
    case SL_ARRAY_KIND:
    case SL_MAP_KIND:
        for (uint32_t i = 0; i < vec->child_count; i++)
            sl_json_set_rows(&vec->children[i], vec->offsets ? (uint32_t)vec->offsets[rows] : 0);
        break;
    default:
        break;
    }
}

enum sl_json_result sl_json_put_bytes(struct sl_json_decoder *decoder, struct sl_vec *vec,
                                      uint32_t row, const void *bytes, size_t len) {
    size_t at = (size_t)vec->offsets[row];
    if (!sl_json_need_bytes(decoder, vec, at + len)) return SL_JSON_BAD;
    if (len) memcpy(vec->bytes + at, bytes, len);
    vec->offsets[row + 1] = (int32_t)(at + len);
    sl_json_set_valid(vec, row);
    return SL_JSON_GOOD;
}

enum sl_json_result sl_json_put_bool(struct sl_json_decoder *decoder,
                                     const struct sl_json_node *node, struct sl_vec *vec,
                                     uint32_t row, bool value) {
    if (node->kind == SL_STRING_KIND)
        return sl_json_put_bytes(decoder, vec, row, value ? "true" : "false", value ? 4 : 5);
    if (node->kind != SL_BOOL_KIND) return SL_JSON_BAD;
    sl_bit_put(vec->bits, row, value);
    sl_json_set_valid(vec, row);
    return SL_JSON_GOOD;
}

/* Jackson's getByteValue takes 128..255 too (as -128..-1). */
static bool store_integer(const struct sl_json_node *node, struct sl_vec *vec, uint32_t row,
                          int64_t value) {
    switch (node->kind) {
    case SL_BYTE_KIND:
        if (value < -128 || value > 255) return false;
        vec->i8[row] = (int8_t)(uint8_t)value;
        return true;
    case SL_SHORT_KIND:
        if (value < INT16_MIN || value > INT16_MAX) return false;
        vec->i16[row] = (int16_t)value;
        return true;
    case SL_INT_KIND:
        if (value < INT32_MIN || value > INT32_MAX) return false;
        vec->i32[row] = (int32_t)value;
        return true;
    case SL_LONG_KIND:
        vec->i64[row] = value;
        return true;
    case SL_TIMESTAMP_KIND: /* seconds; Scala's product wraps */
        vec->i64[row] = (int64_t)((uint64_t)value * 1000000U);
        return true;
    default:
        return false;
    }
}

static bool store_decimal(const struct sl_json_node *node, struct sl_vec *vec, uint32_t row,
                          struct sl_str text) {
    sl_int128 value;
    if (!sl_json_parse_decimal(text, node->type->precision, node->type->scale, &value))
        return false;
    if (sl_type_is_wide_decimal(node->type))
        vec->i128[row] = value;
    else
        vec->i64[row] = (int64_t)value;
    return true;
}

static enum sl_json_result put_number_text(struct sl_json_decoder *decoder, struct sl_vec *vec,
                                           uint32_t row, const struct sl_json_number *number) {
    sl_buf_clear(&decoder->scratch);
    if (decoder->options->exact_strings && number->special == SL_JSON_FINITE)
        sl_buf_put_str(&decoder->scratch, number->text);
    else
        sl_json_print_number(&decoder->scratch, number);
    return sl_json_put_bytes(decoder, vec, row, decoder->scratch.ptr, decoder->scratch.len);
}

enum sl_json_result sl_json_put_number(struct sl_json_decoder *decoder,
                                       const struct sl_json_node *node, struct sl_vec *vec,
                                       uint32_t row, const struct sl_json_number *number) {
    bool good = false;
    int64_t value;
    switch (node->kind) {
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
    case SL_TIMESTAMP_KIND:
        good = number->integer && sl_json_parse_i64(number->text, &value) &&
               store_integer(node, vec, row, value);
        break;
    case SL_FLOAT_KIND:
        vec->f32[row] = sl_json_parse_f32(number);
        good = true;
        break;
    case SL_DOUBLE_KIND:
        vec->f64[row] = sl_json_parse_f64(number);
        good = true;
        break;
    case SL_DECIMAL_KIND:
        good = number->special == SL_JSON_FINITE && store_decimal(node, vec, row, number->text);
        break;
    case SL_STRING_KIND:
        return put_number_text(decoder, vec, row, number);
    default:
        break;
    }
    if (!good) return SL_JSON_BAD;
    sl_json_set_valid(vec, row);
    return SL_JSON_GOOD;
}

static bool text_special(struct sl_str text, enum sl_json_special *out) {
    static const struct {
        const char *text;
        enum sl_json_special value;
    } words[] = {{"NaN", SL_JSON_NAN},
                 {"+INF", SL_JSON_POSITIVE_INF},
                 {"+Infinity", SL_JSON_POSITIVE_INF},
                 {"Infinity", SL_JSON_POSITIVE_INF},
                 {"-INF", SL_JSON_NEGATIVE_INF},
                 {"-Infinity", SL_JSON_NEGATIVE_INF}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (sl_str_eq(text, sl_str(words[i].text))) {
            *out = words[i].value;
            return true;
        }
    return false;
}

/* ExprUtils.getDecimalParser for en-US: commas anywhere are dropped. */
static bool text_decimal(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                         struct sl_vec *vec, uint32_t row, struct sl_str text) {
    if (memchr(text.ptr, ',', text.len)) {
        sl_buf_clear(&decoder->scratch);
        for (size_t i = 0; i < text.len; i++)
            if (text.ptr[i] != ',') sl_buf_put_byte(&decoder->scratch, (uint8_t)text.ptr[i]);
        text = sl_buf_str(&decoder->scratch);
    }
    return store_decimal(node, vec, row, text);
}

enum sl_json_result sl_json_put_text(struct sl_json_decoder *decoder,
                                     const struct sl_json_node *node, struct sl_vec *vec,
                                     uint32_t row, struct sl_str text) {
    if (node->kind == SL_STRING_KIND)
        return sl_json_put_bytes(decoder, vec, row, text.ptr, text.len);
    if (!text.len) return SL_JSON_BAD;
    const struct sl_json_hooks *hooks = decoder->hooks;
    struct sl_json_number number = {.special = SL_JSON_FINITE};
    bool good = false;
    switch (node->kind) {
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        if (!decoder->options->allow_non_numeric_numbers || !text_special(text, &number.special))
            return SL_JSON_BAD;
        return sl_json_put_number(decoder, node, vec, row, &number);
    case SL_DECIMAL_KIND:
        good = text_decimal(decoder, node, vec, row, text);
        break;
    case SL_TIMESTAMP_KIND:
    case SL_TIMESTAMP_NTZ_KIND: {
        int64_t micros;
        bool (*parse)(const void *, struct sl_str, int64_t *) =
            node->kind == SL_TIMESTAMP_KIND ? hooks->timestamp : hooks->timestamp_ntz;
        good = parse && parse(hooks->ctx, text, &micros);
        if (good) vec->i64[row] = micros;
        break;
    }
    case SL_DATE_KIND: {
        int32_t days;
        good = hooks->date && hooks->date(hooks->ctx, text, &days);
        if (good) vec->i32[row] = days;
        break;
    }
    default:
        break;
    }
    if (!good) return SL_JSON_BAD;
    sl_json_set_valid(vec, row);
    return SL_JSON_GOOD;
}
