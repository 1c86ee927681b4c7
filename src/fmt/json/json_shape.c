/* Learning a shape from a record that the lookup path has accepted, so its syntax is known to be
 * good, its keys have no escapes and no known key comes twice. */
#include "fmt/json/json_shape.h"

#include <stdlib.h>

struct learner {
    struct sl_json_decoder *decoder;
    const char *cur, *end;
    const char *from; /* end of the last value: what is expected next begins here */
    struct sl_json_step *steps;
    uint32_t count;
    struct sl_buf bytes;
    uint64_t *seen; /* columns */
    bool suspect;
    bool exact; /* a null struct is part of the shape */
};

static void blanks(struct learner *l) {
    while (l->cur < l->end && (*l->cur == ' ' || (*l->cur >= '\t' && *l->cur <= '\r'))) l->cur++;
}

/* Adds a step whose expected bytes end at `to`; expect is an offset until the bytes are final. */
static bool add(struct learner *l, const char *to, enum sl_json_op op,
                const struct sl_json_node *node) {
    size_t len = (size_t)(to - l->from);
    if (l->count == SL_JSON_STEPS_MAX) return false;
    struct sl_json_step *step = &l->steps[l->count++];
    *step = (struct sl_json_step){.len = (uint32_t)len, .op = op, .node = node};
    step->column = node ? node->column : 0;
    step->expect = (const uint8_t *)(uintptr_t)l->bytes.len;
    sl_buf_put(&l->bytes, l->from, len);
    size_t pad = SL_JSON_BLOCK - len % SL_JSON_BLOCK;
    memset(sl_buf_reserve(&l->bytes, pad), 0, pad);
    l->bytes.len += pad;
    return true;
}

static enum sl_json_op op_of(const struct sl_json_node *node, bool string) {
    if (!node) return string ? SL_JSON_OP_SKIP_STRING : SL_JSON_OP_SKIP;
    switch (node->kind) {
    case SL_STRING_KIND:
        return string ? SL_JSON_OP_STRING : SL_JSON_OP_VALUE;
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
        return SL_JSON_OP_INTEGER;
    case SL_DOUBLE_KIND:
        return SL_JSON_OP_DOUBLE;
    case SL_DECIMAL_KIND:
        return sl_type_is_wide_decimal(node->type) ? SL_JSON_OP_VALUE : SL_JSON_OP_DECIMAL;
    default:
        return SL_JSON_OP_VALUE;
    }
}

static bool learn_object(struct learner *l, const struct sl_json_node *node, int depth);

static void see(struct learner *l, const struct sl_json_node *node) {
    sl_bit_set(l->seen, node->column);
    if (node->kind != SL_STRUCT_KIND) return;
    for (uint32_t i = 0; i < node->child_count; i++) see(l, &node->children[i]);
}

/* A struct that is null here: `null` is among the bytes expected next and the struct is missing, so
 * that records which have it get a shape of their own (events of several kinds, each in a field of
 * its own).  With more such kinds than shapes it is one value: its fields are the reader's
 * business.
 */
static bool learn_value(struct learner *l, const struct sl_json_node *node, int depth) {
    if (node && node->kind == SL_STRUCT_KIND && *l->cur == '{') {
        sl_bit_set(l->seen, node->column);
        return learn_object(l, node, depth);
    }
    if (node && node->kind == SL_STRUCT_KIND && *l->cur == 'n' && l->exact) {
        l->cur += strlen("null");
        return l->cur <= l->end;
    }
    if (node) see(l, node);
    enum sl_json_op op = op_of(node, *l->cur == '"');
    bool quoted = op == SL_JSON_OP_STRING || op == SL_JSON_OP_SKIP_STRING;
    if (!add(l, l->cur + quoted, op, node)) return false;
    if (!sl_json_lookup_skip(l->decoder, &l->cur, l->end)) return false;
    l->from = l->cur - quoted;
    return true;
}

static bool learn_object(struct learner *l, const struct sl_json_node *node, int depth) {
    if (depth > 16) return false;
    l->cur++;
    for (blanks(l); l->cur < l->end && *l->cur != '}'; blanks(l)) {
        if (*l->cur == ',') {
            l->cur++;
            continue;
        }
        const char *key = l->cur + 1;
        if (*l->cur != '"' || !sl_json_lookup_skip(l->decoder, &l->cur, l->end)) return false;
        size_t key_len = (size_t)(l->cur - key - 1);
        int field = sl_json_names_find(&node->names, key, key_len);
        l->suspect |= field < 0 && sl_json_is_suspect(node, key, key_len);
        blanks(l);
        l->cur++; /* colon */
        blanks(l);
        if (l->cur >= l->end ||
            !learn_value(l, field < 0 ? NULL : &node->children[field], depth + 1))
            return false;
    }
    l->cur++;
    return l->cur <= l->end;
}

static void list_missing(const struct learner *l, const struct sl_json_node *node,
                         struct sl_json_shape *shape) {
    for (uint32_t i = 0; i < node->child_count; i++) {
        const struct sl_json_node *child = &node->children[i];
        if (!sl_bit_get(l->seen, child->column))
            shape->missing[shape->missing_count++] = child;
        else if (child->kind == SL_STRUCT_KIND)
            list_missing(l, child, shape);
    }
}

static void finish(struct learner *l, struct sl_json_shape *out) {
    uint8_t *bytes = l->bytes.ptr;
    for (uint32_t i = 0; i < l->count; i++)
        l->steps[i].expect = bytes + (uintptr_t)l->steps[i].expect;
    uint32_t columns = l->decoder->shapes->column_count;
    *out = (struct sl_json_shape){
        .steps = l->steps, .count = l->count - 1, .bytes = bytes, .suspect = l->suspect};
    out->missing = sl_xcalloc(columns + 1, sizeof *out->missing);
    list_missing(l, &l->decoder->root, out);
}

bool sl_json_shape_learn(struct sl_json_decoder *decoder, struct sl_str record,
                         struct sl_json_shape *out) {
    if (record.len > SL_JSON_SHAPE_BYTES_MAX) return false;
    struct learner l = {.decoder = decoder, .cur = record.ptr, .from = record.ptr};
    l.end = record.ptr + record.len;
    l.exact = decoder->shapes->count < SL_JSON_SHAPES;
    l.steps = sl_xcalloc(SL_JSON_STEPS_MAX, sizeof *l.steps);
    l.seen = sl_xcalloc(SL_BIT_WORDS(decoder->shapes->column_count), 8);
    blanks(&l);
    bool good = l.cur < l.end && *l.cur == '{' && learn_object(&l, &decoder->root, 0) &&
                add(&l, l.cur, SL_JSON_OP_SKIP, NULL);
    if (good) {
        finish(&l, out);
    } else {
        sl_buf_release(&l.bytes);
        free(l.steps);
    }
    free(l.seen);
    return good;
}

void sl_json_shape_release(struct sl_json_shape *shape) {
    free(shape->bytes);
    free(shape->steps);
    free(shape->missing);
    *shape = (struct sl_json_shape){0};
}
