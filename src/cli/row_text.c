#include "cli/row_text.h"

#include "base/json.h"
#include "kern/cast.h"

static void put_csv_cell(struct sl_buf *out, struct sl_str text) {
    bool quote = false;
    for (size_t i = 0; i < text.len; i++) quote |= memchr(",\"\n\r", text.ptr[i], 4) != NULL;
    if (!quote) {
        sl_buf_put_str(out, text);
        return;
    }
    sl_buf_put_byte(out, '"');
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] == '"') sl_buf_put_byte(out, '"');
        sl_buf_put_byte(out, (uint8_t)text.ptr[i]);
    }
    sl_buf_put_byte(out, '"');
}

void sl_csv_put_header(struct sl_buf *out, const struct sl_type *schema) {
    for (uint32_t c = 0; c < schema->field_count; c++) {
        if (c) sl_buf_put_byte(out, ',');
        put_csv_cell(out, schema->fields[c].name);
    }
    sl_buf_put_byte(out, '\n');
}

void sl_csv_put_row(struct sl_buf *out, const struct sl_batch *batch, uint32_t row,
                    const struct sl_session *session) {
    struct sl_buf cell = {0};
    for (uint32_t c = 0; c < batch->schema->field_count; c++) {
        if (c) sl_buf_put_byte(out, ',');
        if (sl_vec_is_null(&batch->columns[c], row)) continue;
        sl_buf_clear(&cell);
        sl_cast_put_text(&cell, &batch->columns[c], row, session);
        put_csv_cell(out, sl_buf_str(&cell));
    }
    sl_buf_put_byte(out, '\n');
    sl_buf_release(&cell);
}

/* ---- JSON ---- */

static void put_value(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                      const struct sl_session *session);

static void put_scalar(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                       const struct sl_session *session) {
    bool bare = vec->type->kind == SL_BOOL_KIND || sl_type_is_numeric(vec->type);
    struct sl_buf text = {0};
    sl_cast_put_text(&text, vec, row, session);
    /* NaN and Infinity are no JSON numbers */
    if (bare && text.len && !memchr("NI", text.ptr[text.ptr[0] == '-'], 2))
        sl_buf_put_str(out, sl_buf_str(&text));
    else
        sl_json_put_string(out, sl_buf_str(&text));
    sl_buf_release(&text);
}

static void put_array(struct sl_buf *out, const struct sl_vec *vec, uint32_t pos,
                      const struct sl_session *session) {
    sl_buf_put_byte(out, '[');
    for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++) {
        if (i > vec->offsets[pos]) sl_buf_put_byte(out, ',');
        put_value(out, &vec->children[0], (uint32_t)i, session);
    }
    sl_buf_put_byte(out, ']');
}

/* A key that is not text is its text: JSON has no others. */
static void put_map(struct sl_buf *out, const struct sl_vec *vec, uint32_t pos,
                    const struct sl_session *session) {
    struct sl_buf key = {0};
    sl_buf_put_byte(out, '{');
    for (int32_t i = vec->offsets[pos]; i < vec->offsets[pos + 1]; i++) {
        if (i > vec->offsets[pos]) sl_buf_put_byte(out, ',');
        sl_buf_clear(&key);
        sl_cast_put_text(&key, &vec->children[0], (uint32_t)i, session);
        sl_json_put_string(out, sl_buf_str(&key));
        sl_buf_put_byte(out, ':');
        put_value(out, &vec->children[1], (uint32_t)i, session);
    }
    sl_buf_put_byte(out, '}');
    sl_buf_release(&key);
}

static void put_struct(struct sl_buf *out, const struct sl_type *type, const struct sl_vec *fields,
                       uint32_t pos, const struct sl_session *session) {
    sl_buf_put_byte(out, '{');
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (i) sl_buf_put_byte(out, ',');
        sl_json_put_string(out, type->fields[i].name);
        sl_buf_put_byte(out, ':');
        put_value(out, &fields[i], pos, session);
    }
    sl_buf_put_byte(out, '}');
}

static void put_value(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                      const struct sl_session *session) {
    bool null = sl_vec_is_null(vec, row), dict = !null && vec->enc == SL_ENC_DICT;
    uint32_t pos = dict ? (uint32_t)vec->codes[row] : sl_vec_pos(vec, row);
    if (dict && sl_type_is_nested(vec->type)) vec = &vec->children[0];
    if (null)
        sl_buf_put_cstr(out, "null");
    else if (vec->type->kind == SL_ARRAY_KIND)
        put_array(out, vec, pos, session);
    else if (vec->type->kind == SL_MAP_KIND)
        put_map(out, vec, pos, session);
    else if (vec->type->kind == SL_STRUCT_KIND)
        put_struct(out, vec->type, vec->children, pos, session);
    else
        put_scalar(out, vec, row, session);
}

void sl_json_put_row(struct sl_buf *out, const struct sl_type *schema, const struct sl_batch *batch,
                     uint32_t row, const struct sl_session *session) {
    put_struct(out, schema, batch->columns, row, session);
    sl_buf_put_byte(out, '\n');
}
