/* Fields that the declared schema does not have.  The paths only suspect a record (a key that they
 * do not know, or a value that nobody reads and that holds structs); a suspect is then walked from
 * its beginning by the pull parser, so that all paths tell the same.  A record of a known shape
 * without such keys is not looked at. */
#include "fmt/json/json_int.h"
#include "fmt/json/json_predict.h"

/* ---- the declared schema, beside the one that is read ---- */

static const struct sl_json_node *find_known(const struct sl_json_node *known, struct sl_str name) {
    int at = sl_json_names_find(&known->names, name.ptr, name.len);
    return at < 0 ? NULL : &known->children[at];
}

static void link(struct sl_json_node *node, const struct sl_json_node *known) {
    if (!known || known->kind != node->kind) return;
    node->known = known;
    for (uint32_t i = 0; i < node->child_count; i++)
        link(&node->children[i], node->kind == SL_STRUCT_KIND
                                     ? find_known(known, node->type->fields[i].name)
                                     : &known->children[i]);
}

enum sl_code sl_json_decoder_on_unknown(struct sl_json_decoder *decoder,
                                        const struct sl_type *declared, sl_json_unknown_fn fn,
                                        void *ctx, struct sl_err *err) {
    decoder->on_unknown = fn;
    decoder->unknown_ctx = ctx;
    if (!fn || decoder->known) return SL_OK;
    struct sl_json_node *known = SL_NEW(&decoder->arena, struct sl_json_node);
    SL_TRY(sl_json_plan_known(decoder, declared, known, err));
    decoder->known = known;
    link(&decoder->root, known);
    sl_json_shapes_free(decoder->shapes); /* learned without knowing what is unknown */
    decoder->shapes = sl_json_shapes_new(decoder);
    return SL_OK;
}

void sl_json_know_own(struct sl_json_decoder *decoder) {
    decoder->known = &decoder->root;
    link(&decoder->root, &decoder->root);
}

bool sl_json_is_suspect(const struct sl_json_node *node, const char *key, size_t len) {
    if (!node->known) return false;
    const struct sl_json_node *known = find_known(node->known, (struct sl_str){key, len});
    return !known || known->holds_struct;
}

/* ---- the walk ---- */

struct walk {
    struct sl_json_decoder *decoder;
    struct sl_json_parser *parser;
    struct sl_buf *path;
    uint32_t row;
    const struct sl_json_node *list; /* the outermost list or map around the value */
};

static bool walk_value(struct walk *walk, const struct sl_json_node *node);

static void put_part(struct walk *walk, struct sl_str part) {
    if (walk->path->len) sl_buf_put_byte(walk->path, '.');
    sl_buf_put_str(walk->path, part);
}

/* In backquotes where the path would be read otherwise without. */
static void put_name(struct walk *walk, struct sl_str name) {
    struct sl_buf *path = walk->path;
    if (name.len && !memchr(name.ptr, '.', name.len) && !memchr(name.ptr, '`', name.len)) {
        put_part(walk, name);
        return;
    }
    put_part(walk, SL_STR("`"));
    for (size_t i = 0; i < name.len; i++) {
        if (name.ptr[i] == '`') sl_buf_put_byte(path, '`');
        sl_buf_put_byte(path, name.ptr[i]);
    }
    sl_buf_put_byte(path, '`');
}

static bool report(struct walk *walk) {
    struct sl_json_decoder *decoder = walk->decoder;
    if (walk->list) sl_json_rescue_mark(decoder, walk->list);
    if (!decoder->on_unknown) return sl_json_parser_skip(walk->parser);
    sl_buf_clear(&decoder->scratch);
    if (!sl_json_parser_copy(walk->parser, &decoder->scratch)) return false;
    decoder->on_unknown(decoder->unknown_ctx, walk->row, sl_buf_str(walk->path),
                        sl_buf_str(&decoder->scratch));
    return true;
}

/* Fields of a STRUCT, entries of a MAP. */
static bool walk_object(struct walk *walk, const struct sl_json_node *node) {
    struct sl_json_parser *parser = walk->parser;
    bool map = node->kind == SL_MAP_KIND;
    size_t len = walk->path->len;
    for (;;) {
        struct sl_str name;
        if (!sl_json_parser_next(parser)) return false;
        if (parser->token == SL_JSON_TOKEN_END_OBJECT) return true;
        if (parser->token != SL_JSON_TOKEN_NAME || !sl_json_parser_name(parser, &name))
            return false;
        const struct sl_json_node *child = map ? &node->children[1] : find_known(node, name);
        if (map)
            put_part(walk, SL_STR("value"));
        else
            put_name(walk, name);
        if (!sl_json_parser_next(parser)) return false;
        if (!(child ? walk_value(walk, child) : report(walk))) return false;
        walk->path->len = len;
    }
}

static bool walk_array(struct walk *walk, const struct sl_json_node *node) {
    size_t len = walk->path->len;
    put_part(walk, SL_STR("element"));
    for (;;) {
        if (!sl_json_parser_next(walk->parser)) return false;
        if (walk->parser->token == SL_JSON_TOKEN_END_ARRAY) break;
        if (walk->parser->token == SL_JSON_TOKEN_NONE) return false;
        if (!walk_value(walk, node->children)) return false;
    }
    walk->path->len = len;
    return true;
}

static bool walk_value(struct walk *walk, const struct sl_json_node *node) {
    const struct sl_json_node *outer = walk->list;
    bool array = node->kind == SL_ARRAY_KIND, whole;
    enum sl_json_token begin = array ? SL_JSON_TOKEN_START_ARRAY : SL_JSON_TOKEN_START_OBJECT;
    if (!node->holds_struct || walk->parser->token != begin)
        return sl_json_parser_skip(walk->parser);
    if (!outer && node->kind != SL_STRUCT_KIND) walk->list = node;
    whole = array ? walk_array(walk, node) : walk_object(walk, node);
    walk->list = outer;
    return whole;
}

void sl_json_unknown_walk(struct sl_json_decoder *decoder, struct sl_str record, uint32_t row) {
    struct walk walk = {decoder, &decoder->parser, &decoder->path, row, NULL};
    const struct sl_json_node *root = decoder->known;
    if (!sl_utf8_is_valid(record.ptr, record.len)) {
        sl_buf_clear(&decoder->text);
        sl_utf8_repair(&decoder->text, record.ptr, record.len);
        record = sl_buf_str(&decoder->text);
    }
    sl_buf_clear(walk.path);
    sl_json_parser_start(walk.parser, record);
    if (!sl_json_parser_next(walk.parser)) return;
    /* a lone object stands for a list of one */
    bool lone = root->kind == SL_ARRAY_KIND && walk.parser->token == SL_JSON_TOKEN_START_OBJECT;
    if (lone) put_part(&walk, SL_STR("element"));
    bool whole = walk_value(&walk, lone ? root->children : root);
    (void)whole; /* where the text breaks, what was found before stands */
}
