/* The rescued data column: what of a record is in no column, as a JSON object of the record's own
 * structure, or NULL.  That is fields that the schema does not have and values that are not of
 * their field's type; where such a thing lies inside a list or a map, the whole list. Source:
 * Databricks "Rescued data column"; without _file_path. */
#include "fmt/json/json_int.h"

static bool is_marked(const struct sl_json_decoder *decoder, const struct sl_json_node *node) {
    for (uint32_t i = 0; i < decoder->marked_count; i++)
        if (decoder->marked[i] == node) return true;
    return false;
}

void sl_json_rescue_mark(struct sl_json_decoder *decoder, const struct sl_json_node *node) {
    if (decoder->rescued_field < 0 || is_marked(decoder, node)) return;
    if (decoder->marked_count == decoder->marked_cap) {
        uint32_t cap = decoder->marked_cap ? decoder->marked_cap * 2 : 8;
        decoder->marked = sl_xrealloc(decoder->marked, cap * sizeof *decoder->marked);
        decoder->marked_cap = cap;
    }
    decoder->marked[decoder->marked_count++] = node;
}

static bool rescue_object(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                          struct sl_buf *out);

/* At a value: keeps it, or what of it is to be kept. */
static bool rescue_value(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                         struct sl_buf *out) {
    struct sl_json_parser *parser = &decoder->parser;
    if (!node || is_marked(decoder, node)) return sl_json_parser_copy(parser, out);
    if (node->kind == SL_STRUCT_KIND && parser->token == SL_JSON_TOKEN_START_OBJECT)
        return rescue_object(decoder, node, out);
    return sl_json_parser_skip(parser);
}

/* Appends `{..}` with what is to be kept, or nothing. */
static bool rescue_object(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                          struct sl_buf *out) {
    struct sl_json_parser *parser = &decoder->parser;
    size_t begin = out->len;
    bool some = false;
    sl_buf_put_byte(out, '{');
    for (;;) {
        struct sl_str name;
        if (!sl_json_parser_next(parser)) return false;
        if (parser->token == SL_JSON_TOKEN_END_OBJECT) break;
        if (parser->token != SL_JSON_TOKEN_NAME || !sl_json_parser_name(parser, &name))
            return false;
        int at = sl_json_names_find(&node->names, name.ptr, name.len);
        size_t before = out->len;
        if (some) sl_buf_put_byte(out, ',');
        sl_json_quote(out, name, true);
        sl_buf_put_byte(out, ':');
        size_t value = out->len;
        if (!sl_json_parser_next(parser)) return false;
        if (!rescue_value(decoder, at < 0 ? NULL : &node->children[at], out)) return false;
        if (out->len == value)
            out->len = before;
        else
            some = true;
    }
    if (some)
        sl_buf_put_byte(out, '}');
    else
        out->len = begin;
    return true;
}

bool sl_json_rescue(struct sl_json_decoder *decoder, struct sl_str record, struct sl_vec *out,
                    uint32_t row) {
    struct sl_buf *text = &decoder->rescued;
    if (!sl_utf8_is_valid(record.ptr, record.len)) {
        sl_buf_clear(&decoder->text);
        sl_utf8_repair(&decoder->text, record.ptr, record.len);
        record = sl_buf_str(&decoder->text);
    }
    sl_buf_clear(text);
    sl_json_parser_start(&decoder->parser, record);
    if (!sl_json_parser_next(&decoder->parser)) return false;
    if (!rescue_value(decoder, &decoder->root, text) || !text->len) return false;
    sl_json_put_bytes(decoder, &out->children[decoder->rescued_field], row, text->ptr, text->len);
    return true;
}
