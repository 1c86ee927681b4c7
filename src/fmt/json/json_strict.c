/* The strict path: Spark's JacksonParser over a Jackson-like pull parser, control flow and all.
 * Spark catches exceptions per field and pulls on from wherever Jackson stopped, so the shape of
 * these functions (convertObject, convertArray, convertMap, parseJsonToken) is the specification.
 */
#include "fmt/json/json_int.h"

static enum sl_json_result convert(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                                   struct sl_vec *vec, uint32_t row);

/* UTF8String.fromString: a surrogate alone becomes '?'. */
static struct sl_str java_bytes(struct sl_json_decoder *decoder, struct sl_str text) {
    const char *lone = text.len >= 3 ? memchr(text.ptr, 0xED, text.len) : NULL;
    if (!lone) return text;
    struct sl_buf *out = &decoder->scratch;
    sl_buf_clear(out);
    for (size_t i = 0; i < text.len;) {
        const uint8_t *p = (const uint8_t *)text.ptr + i;
        if (*p == 0xED && text.len - i >= 3 && p[1] >= 0xA0) {
            sl_buf_put_byte(out, '?');
            i += 3;
        } else {
            sl_buf_put_byte(out, *p);
            i++;
        }
    }
    return sl_buf_str(out);
}

/* nextUntil: true while there is a token other than `stop`. */
static bool next_until(struct sl_json_parser *parser, enum sl_json_token stop, bool *more) {
    if (!sl_json_parser_next(parser)) return false;
    *more = parser->token != SL_JSON_TOKEN_NONE && parser->token != stop;
    return true;
}

/* A value that is kept when a later duplicate of its key turns out bad. */
struct kept {
    struct sl_vec copy;
    bool full;
};

static void forget_rows(struct sl_vec *vec) {
    vec->rows = 0;
    for (uint32_t i = 0; i < vec->child_count; i++) forget_rows(&vec->children[i]);
}

static bool keep(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t row,
                 struct kept *kept) {
    sl_vec_init(&kept->copy, vec->type);
    kept->full = true;
    sl_json_set_rows(vec, row + 1);
    enum sl_code code = sl_vec_append(&kept->copy, vec, &row, 1, decoder->err);
    forget_rows(vec);
    if (code != SL_OK) decoder->fatal = code;
    return code == SL_OK;
}

static bool put_back(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t row,
                     struct kept *kept) {
    sl_json_set_rows(vec, row);
    enum sl_code code = sl_vec_append(vec, &kept->copy, NULL, 1, decoder->err);
    forget_rows(vec);
    if (code != SL_OK) decoder->fatal = code;
    return code == SL_OK;
}

/* One known field of an object. False: the exception leaves convertObject. */
static bool convert_field(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                          struct sl_vec *vec, uint32_t row, struct sl_str name, bool *bad) {
    struct kept kept = {.full = false};
    bool trouble = decoder->trouble.set;
    bool nested = sl_type_is_nested(node->type), good = true;
    if (nested && sl_bit_get(vec->valid, row) && !keep(decoder, vec, row, &kept)) good = false;
    enum sl_json_result result = good ? convert(decoder, node, vec, row) : SL_JSON_BAD;
    if (result == SL_JSON_PARTIAL || result == SL_JSON_BAD) *bad = true;
    if (result == SL_JSON_BAD) sl_json_trouble_broken(decoder);
    if (!trouble && decoder->trouble.set) sl_json_trouble_in_field(decoder, name);
    if (result == SL_JSON_BAD) {
        sl_json_rescue_mark(decoder, decoder->list ? decoder->list : node);
        if (nested) sl_json_put_null(node, vec, row);
        if (kept.full && !decoder->fatal && !put_back(decoder, vec, row, &kept)) good = false;
        good = good && !decoder->fatal && sl_json_parser_skip(&decoder->parser);
    }
    if (kept.full) sl_vec_release(&kept.copy);
    return good;
}

static enum sl_json_result convert_object(struct sl_json_decoder *decoder,
                                          const struct sl_json_node *node, struct sl_vec *vec,
                                          uint32_t row) {
    struct sl_json_parser *parser = &decoder->parser;
    sl_json_put_null(node, vec, row);
    bool more, bad = false;
    for (;;) {
        if (!next_until(parser, SL_JSON_TOKEN_END_OBJECT, &more)) return SL_JSON_BAD;
        if (!more) break;
        struct sl_str name;
        int field = sl_json_parser_name(parser, &name)
                        ? sl_json_names_find(&node->names, name.ptr, name.len)
                        : -1;
        if (field < 0) {
            if (!sl_json_parser_skip(parser)) return SL_JSON_BAD;
            continue;
        }
        if (!convert_field(decoder, &node->children[field], &vec->children[field], row,
                           node->names.names[field], &bad))
            return SL_JSON_BAD;
    }
    sl_json_set_valid(vec, row);
    return bad ? SL_JSON_PARTIAL : SL_JSON_GOOD;
}

static void finish_list(struct sl_vec *vec, uint32_t row, uint32_t count) {
    vec->offsets[row + 1] = vec->offsets[row] + (int32_t)count;
    sl_json_set_valid(vec, row);
}

static enum sl_json_result convert_array(struct sl_json_decoder *decoder,
                                         const struct sl_json_node *node, struct sl_vec *vec,
                                         uint32_t row) {
    uint32_t base = (uint32_t)vec->offsets[row], count = 0;
    bool more, partial = false;
    for (;;) {
        if (!next_until(&decoder->parser, SL_JSON_TOKEN_END_ARRAY, &more)) return SL_JSON_BAD;
        if (!more) break;
        if (!sl_json_need_rows(decoder, vec->children, base + count + 1)) return SL_JSON_BAD;
        bool trouble = decoder->trouble.set;
        enum sl_json_result result = convert(decoder, node->children, vec->children, base + count);
        if (result == SL_JSON_BAD) sl_json_trouble_broken(decoder);
        if (!trouble && decoder->trouble.set) sl_json_trouble_in_element(decoder, count);
        if (result == SL_JSON_BAD) return SL_JSON_BAD;
        partial |= result == SL_JSON_PARTIAL;
        count++;
    }
    finish_list(vec, row, count);
    return partial ? SL_JSON_PARTIAL : SL_JSON_GOOD;
}

/* A bad value spoils the whole map, but only when the map has been read to its end. */
static enum sl_json_result convert_map(struct sl_json_decoder *decoder,
                                       const struct sl_json_node *node, struct sl_vec *vec,
                                       uint32_t row) {
    struct sl_json_parser *parser = &decoder->parser;
    uint32_t base = (uint32_t)vec->offsets[row], count = 0;
    bool more, partial = false, bad = false;
    for (;;) {
        if (!next_until(parser, SL_JSON_TOKEN_END_OBJECT, &more)) return SL_JSON_BAD;
        if (!more) break;
        struct sl_str name = SL_STR("");
        sl_json_parser_name(parser, &name);
        name = java_bytes(decoder, name);
        for (int i = 0; i < 2; i++)
            if (!sl_json_need_rows(decoder, &vec->children[i], base + count + 1))
                return SL_JSON_BAD;
        if (sl_json_put_bytes(decoder, &vec->children[0], base + count, name.ptr, name.len) ==
            SL_JSON_BAD)
            return SL_JSON_BAD;
        bool trouble = decoder->trouble.set;
        enum sl_json_result result =
            convert(decoder, &node->children[1], &vec->children[1], base + count);
        if (result == SL_JSON_BAD) sl_json_trouble_broken(decoder);
        if (!trouble && decoder->trouble.set)
            sl_json_trouble_in_field(decoder, sl_vec_str(&vec->children[0], base + count));
        partial |= result == SL_JSON_PARTIAL;
        if (result == SL_JSON_BAD) {
            bad = true;
            if (decoder->fatal || !sl_json_parser_skip(parser)) return SL_JSON_BAD;
        } else {
            count++;
        }
    }
    if (bad) return SL_JSON_BAD;
    finish_list(vec, row, count);
    return partial ? SL_JSON_PARTIAL : SL_JSON_GOOD;
}

static enum sl_json_result convert_list(struct sl_json_decoder *decoder,
                                        const struct sl_json_node *node, struct sl_vec *vec,
                                        uint32_t row) {
    const struct sl_json_node *outer = decoder->list;
    if (!outer) decoder->list = node;
    enum sl_json_result result = node->kind == SL_MAP_KIND ? convert_map(decoder, node, vec, row)
                                                           : convert_array(decoder, node, vec, row);
    decoder->list = outer;
    return result;
}

/* A token that is not a string, into a string field. */
static enum sl_json_result convert_to_text(struct sl_json_decoder *decoder, struct sl_vec *vec,
                                           uint32_t row) {
    struct sl_json_parser *parser = &decoder->parser;
    bool nested =
        parser->token == SL_JSON_TOKEN_START_OBJECT || parser->token == SL_JSON_TOKEN_START_ARRAY;
    if (nested && decoder->options->exact_strings) {
        const char *begin = parser->cur - 1;
        if (!sl_json_parser_skip(parser)) return SL_JSON_BAD;
        return sl_json_put_bytes(decoder, vec, row, begin, (size_t)(parser->cur - begin));
    }
    sl_buf_clear(&decoder->scratch);
    if (!sl_json_parser_copy(parser, &decoder->scratch)) return SL_JSON_BAD;
    return sl_json_put_bytes(decoder, vec, row, decoder->scratch.ptr, decoder->scratch.len);
}

/* A value that was read and is not of the field's type. */
static enum sl_json_result fits(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                                enum sl_json_result result) {
    if (result == SL_JSON_BAD) sl_json_trouble_type(decoder, node);
    return result;
}

static enum sl_json_result convert_string(struct sl_json_decoder *decoder,
                                          const struct sl_json_node *node, struct sl_vec *vec,
                                          uint32_t row) {
    struct sl_json_parser *parser = &decoder->parser;
    if (node->kind == SL_BINARY_KIND) {
        sl_buf_clear(&decoder->scratch);
        if (!sl_json_parser_base64(parser, &decoder->scratch))
            return fits(decoder, node, SL_JSON_BAD);
        return sl_json_put_bytes(decoder, vec, row, decoder->scratch.ptr, decoder->scratch.len);
    }
    if (!sl_json_parser_text(parser)) return SL_JSON_BAD;
    struct sl_str text = parser->string;
    if (node->kind == SL_STRING_KIND) text = java_bytes(decoder, text);
    return fits(decoder, node, sl_json_put_text(decoder, node, vec, row, text));
}

static enum sl_json_result convert(struct sl_json_decoder *decoder, const struct sl_json_node *node,
                                   struct sl_vec *vec, uint32_t row) {
    struct sl_json_parser *parser = &decoder->parser;
    while (parser->token == SL_JSON_TOKEN_NAME)
        if (!sl_json_parser_next(parser)) return SL_JSON_BAD;
    bool container = false;
    switch (parser->token) {
    case SL_JSON_TOKEN_NONE:
    case SL_JSON_TOKEN_NULL:
        sl_json_put_null(node, vec, row);
        return SL_JSON_NIL;
    case SL_JSON_TOKEN_START_OBJECT:
        if (node->kind == SL_STRUCT_KIND) return convert_object(decoder, node, vec, row);
        if (node->kind == SL_MAP_KIND) return convert_list(decoder, node, vec, row);
        container = true;
        break;
    case SL_JSON_TOKEN_START_ARRAY:
        if (node->kind == SL_ARRAY_KIND) return convert_list(decoder, node, vec, row);
        container = true;
        break;
    case SL_JSON_TOKEN_STRING:
        if (node->kind != SL_NULL_KIND) return convert_string(decoder, node, vec, row);
        break;
    case SL_JSON_TOKEN_NUMBER:
        if (node->kind != SL_NULL_KIND)
            return fits(decoder, node,
                        sl_json_put_number(decoder, node, vec, row, &parser->number));
        break;
    case SL_JSON_TOKEN_TRUE:
    case SL_JSON_TOKEN_FALSE:
        if (node->kind != SL_NULL_KIND)
            return fits(
                decoder, node,
                sl_json_put_bool(decoder, node, vec, row, parser->token == SL_JSON_TOKEN_TRUE));
        break;
    default:
        break;
    }
    if (node->kind == SL_NULL_KIND) return SL_JSON_NIL; /* and the parser stays where it is */
    if (container && node->kind == SL_STRING_KIND) return convert_to_text(decoder, vec, row);
    sl_json_trouble_type(decoder, node);
    return SL_JSON_BAD;
}

/* makeStructRootConverter, makeMapRootConverter, makeArrayRootConverter. */
static enum sl_json_result convert_root(struct sl_json_decoder *decoder, struct sl_vec *out,
                                        uint32_t row) {
    const struct sl_json_node *root = &decoder->root;
    enum sl_json_token token = decoder->parser.token;
    bool object = token == SL_JSON_TOKEN_START_OBJECT;
    if (root->kind == SL_STRUCT_KIND && object) return convert_object(decoder, root, out, row);
    if (root->kind == SL_MAP_KIND && object) return convert_map(decoder, root, out, row);
    if (root->kind != SL_ARRAY_KIND) return fits(decoder, root, SL_JSON_BAD);
    if (token == SL_JSON_TOKEN_START_ARRAY) return convert_array(decoder, root, out, row);
    if (!object || root->children->kind != SL_STRUCT_KIND) return fits(decoder, root, SL_JSON_BAD);
    uint32_t base = (uint32_t)out->offsets[row]; /* a lone object stands for a list of one */
    if (!sl_json_need_rows(decoder, out->children, base + 1)) return SL_JSON_BAD;
    enum sl_json_result result = convert_object(decoder, root->children, out->children, base);
    if (result != SL_JSON_BAD) finish_list(out, row, 1);
    return result;
}

enum sl_json_result sl_json_strict(struct sl_json_decoder *decoder, struct sl_str record,
                                   struct sl_vec *out, uint32_t row) {
    if (!sl_utf8_is_valid(record.ptr, record.len)) {
        sl_buf_clear(&decoder->text);
        sl_utf8_repair(&decoder->text, record.ptr, record.len);
        record = sl_buf_str(&decoder->text);
    }
    sl_json_parser_start(&decoder->parser, record);
    sl_json_trouble_begin(decoder);
    decoder->list = NULL;
    enum sl_json_result result = SL_JSON_BAD;
    if (sl_json_parser_next(&decoder->parser))
        result = decoder->parser.token == SL_JSON_TOKEN_NONE ? SL_JSON_NIL
                                                             : convert_root(decoder, out, row);
    if (result == SL_JSON_BAD) sl_json_trouble_broken(decoder);
    if (result == SL_JSON_BAD || result == SL_JSON_NIL) sl_json_put_null(&decoder->root, out, row);
    if (result == SL_JSON_BAD && decoder->root.kind == SL_STRUCT_KIND) sl_json_set_valid(out, row);
    return result;
}
