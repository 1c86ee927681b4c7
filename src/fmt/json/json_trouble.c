/* What is wrong with a malformed record: the first thing the strict path met, and where.  Nothing
 * here moves the parser, and nothing is done unless someone wants to know.
 *
 * The place is built from the inside out: each level of the record that had no trouble before it
 * read a value, and has some afterwards, puts its own name in front. */
#include "fmt/json/json_int.h"

enum { PLACE_MAX = 256, FOUND_MAX = 64 };

void sl_json_trouble_begin(struct sl_json_decoder *decoder) {
    struct sl_json_trouble *trouble = &decoder->trouble;
    trouble->set = !decoder->on_malformed && decoder->options->mode != SL_JSON_FAILFAST;
    sl_buf_clear(&trouble->place);
    sl_buf_clear(&trouble->what);
}

/* A text of the record in a message: valid UTF-8, short, on one line. */
static void put_short(struct sl_buf *out, struct sl_str text) {
    size_t len = text.len, begin = out->len;
    if (!len) return;
    if (len > FOUND_MAX)
        for (len = FOUND_MAX; len && (text.ptr[len] & 0xC0) == 0x80;) len--;
    sl_utf8_repair(out, text.ptr, len);
    for (size_t i = begin; i < out->len; i++)
        if (out->ptr[i] < ' ') out->ptr[i] = ' ';
    if (len < text.len) sl_buf_put_cstr(out, "..");
}

static void put_found(const struct sl_json_parser *parser, struct sl_buf *out) {
    switch (parser->token) {
    case SL_JSON_TOKEN_START_OBJECT:
        sl_buf_put_cstr(out, "an object");
        return;
    case SL_JSON_TOKEN_START_ARRAY:
        sl_buf_put_cstr(out, "an array");
        return;
    case SL_JSON_TOKEN_STRING:
        if (parser->incomplete) {
            sl_buf_put_cstr(out, "a string");
            return;
        }
        sl_buf_put_byte(out, '"');
        put_short(out, parser->string);
        sl_buf_put_byte(out, '"');
        return;
    case SL_JSON_TOKEN_NUMBER:
        if (parser->number.special == SL_JSON_FINITE)
            put_short(out, parser->number.text);
        else /* the words have no text */
            sl_buf_put_cstr(out, parser->number.special == SL_JSON_NAN ? "NaN" : "an infinity");
        return;
    case SL_JSON_TOKEN_TRUE:
        sl_buf_put_cstr(out, "true");
        return;
    case SL_JSON_TOKEN_FALSE:
        sl_buf_put_cstr(out, "false");
        return;
    default:
        sl_buf_put_cstr(out, "null");
    }
}

static const char *expected(const struct sl_json_node *node) {
    switch (node->kind) {
    case SL_STRUCT_KIND:
    case SL_MAP_KIND:
        return "an object";
    case SL_ARRAY_KIND:
        return "an array";
    case SL_BINARY_KIND:
        return "BINARY in base64";
    default:
        return NULL;
    }
}

void sl_json_trouble_type(struct sl_json_decoder *decoder, const struct sl_json_node *node) {
    struct sl_json_trouble *trouble = &decoder->trouble;
    if (trouble->set) return;
    trouble->set = true;
    struct sl_buf *out = &trouble->what;
    const char *text = expected(node);
    if (text)
        sl_buf_put_cstr(out, text);
    else
        sl_type_put_sql(out, node->type);
    sl_buf_put_cstr(out, " expected, found ");
    put_found(&decoder->parser, out);
}

void sl_json_trouble_broken(struct sl_json_decoder *decoder) {
    struct sl_json_trouble *trouble = &decoder->trouble;
    const struct sl_json_parser *parser = &decoder->parser;
    if (trouble->set) return;
    trouble->set = true;
    size_t at = (size_t)(parser->cur - parser->begin);
    sl_buf_printf(&trouble->what,
                  parser->cur < parser->end ? "broken JSON near byte %zu"
                                            : "the JSON text ends too early, at byte %zu",
                  at);
}

/* ---- the place ---- */

static void put_in_front(struct sl_buf *place, const struct sl_buf *item) {
    if (place->len > PLACE_MAX || !item->len) return;
    size_t len = place->len;
    sl_buf_reserve(place, item->len);
    memmove(place->ptr + item->len, place->ptr, len);
    memcpy(place->ptr, item->ptr, item->len);
    place->len = len + item->len;
}

void sl_json_trouble_in_field(struct sl_json_decoder *decoder, struct sl_str name) {
    struct sl_buf *place = &decoder->trouble.place, item = {0};
    put_short(&item, name);
    if (place->len && place->ptr[0] != '[') sl_buf_put_byte(&item, '.');
    put_in_front(place, &item);
    sl_buf_release(&item);
}

void sl_json_trouble_in_element(struct sl_json_decoder *decoder, uint32_t index) {
    struct sl_buf *place = &decoder->trouble.place, item = {0};
    sl_buf_printf(&item, "[%u]", index);
    if (place->len && place->ptr[0] != '[') sl_buf_put_byte(&item, '.');
    put_in_front(place, &item);
    sl_buf_release(&item);
}

struct sl_str sl_json_trouble_text(struct sl_json_decoder *decoder) {
    struct sl_json_trouble *trouble = &decoder->trouble;
    if (!trouble->what.len) return SL_STR("malformed JSON");
    if (!trouble->place.len) return sl_buf_str(&trouble->what);
    struct sl_buf *out = &decoder->scratch;
    sl_buf_clear(out);
    sl_buf_printf(out, "field `%.*s`: ", SL_STR_ARG(sl_buf_str(&trouble->place)));
    sl_buf_put_str(out, sl_buf_str(&trouble->what));
    return sl_buf_str(out);
}
