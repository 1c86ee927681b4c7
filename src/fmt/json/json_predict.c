/* The predicted path: the same producer writes the same keys in the same order, so the bytes
 * between values are compared as whole blocks and the values go straight to their columns.  A value
 * that is not plain (escapes, high bytes, long numbers) is read by the lookup path's reader; a
 * record of no known shape is left to the lookup path.
 *
 * AVX2 was tried for the compares and the string copies and gained nothing (90.7 against 91.4 ns
 * for the benchmark order): the time is the latency from a value's end to the next compare, which
 * only several records in lockstep would hide.
 *
 * Reads stay within SL_JSON_PAD behind the record: a step begins only at or before its end,
 * expected bytes beyond the record's end are compared block by block only as long as they match,
 * and a match that ends past the record is refused. */
#include "fmt/json/json_predict.h"

#include <stdlib.h>

#include "fmt/json/json_plain.h"
#include "fmt/json/json_scan.h"
#include "fmt/json/json_shape.h"

#if defined(__SSE4_1__)
#include <smmintrin.h>
#endif

enum { RELEARN_MISSES = 64 };

/* ---- life cycle ---- */

static void number_columns(struct sl_json_node *node, uint32_t *next) {
    node->column = (*next)++;
    if (node->kind != SL_STRUCT_KIND) return;
    for (uint32_t i = 0; i < node->child_count; i++) number_columns(&node->children[i], next);
}

struct sl_json_shapes *sl_json_shapes_new(struct sl_json_decoder *decoder) {
    struct sl_json_shapes *shapes = sl_xcalloc(1, sizeof *shapes);
    shapes->usable = decoder->root.kind == SL_STRUCT_KIND;
    number_columns(&decoder->root, &shapes->column_count);
    shapes->columns = sl_xcalloc(shapes->column_count, sizeof *shapes->columns);
    return shapes;
}

void sl_json_shapes_free(struct sl_json_shapes *shapes) {
    if (!shapes) return;
    for (uint32_t i = 0; i < shapes->count; i++) sl_json_shape_release(&shapes->shapes[i]);
    free(shapes->columns);
    free(shapes);
}

static void bind_columns(struct sl_json_shapes *shapes, const struct sl_json_node *node,
                         struct sl_vec *vec) {
    shapes->columns[node->column] = vec;
    if (node->kind != SL_STRUCT_KIND) return;
    for (uint32_t i = 0; i < node->child_count; i++)
        bind_columns(shapes, &node->children[i], &vec->children[i]);
}

void sl_json_predict_begin(struct sl_json_decoder *decoder, struct sl_vec *out) {
    bind_columns(decoder->shapes, &decoder->root, out);
}

/* ---- one record ---- */

#if defined(__SSE4_1__)
static const uint8_t mask_bytes[64] __attribute__((aligned(64))) = {
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255,
    255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

static inline bool block_equal(const char *at, const uint8_t *expect, uint32_t len) {
    const uint8_t *mask = mask_bytes + SL_JSON_BLOCK - len;
    __m128i low = _mm_xor_si128(_mm_loadu_si128((const __m128i *)at),
                                _mm_loadu_si128((const __m128i *)expect));
    __m128i high = _mm_xor_si128(_mm_loadu_si128((const __m128i *)(at + 16)),
                                 _mm_loadu_si128((const __m128i *)(expect + 16)));
    low = _mm_and_si128(low, _mm_loadu_si128((const __m128i *)mask));
    high = _mm_and_si128(high, _mm_loadu_si128((const __m128i *)(mask + 16)));
    low = _mm_or_si128(low, high);
    return _mm_testz_si128(low, low);
}
#else
static inline bool block_equal(const char *at, const uint8_t *expect, uint32_t len) {
    return memcmp(at, expect, len) == 0;
}
#endif

/* The first len bytes at `at` are the expected ones. */
static inline bool expected(const char *at, const char *end, const uint8_t *expect, uint32_t len) {
    while (__builtin_expect(len > SL_JSON_BLOCK, 0)) {
        if (at > end || !block_equal(at, expect, SL_JSON_BLOCK)) return false;
        at += SL_JSON_BLOCK;
        expect += SL_JSON_BLOCK;
        len -= SL_JSON_BLOCK;
    }
    return at <= end && block_equal(at, expect, len);
}

/* The string at *cur into the column; *cur stays at the closing quote. */
static inline bool put_string(struct sl_json_decoder *decoder, struct sl_vec *vec, uint32_t row,
                              const char **cur, const char *end) {
    size_t at = (size_t)vec->offsets[row];
    uint8_t *begin = vec->bytes + at, *to = begin;
    const char *p = *cur;
    uint32_t any_high = 0;
    while (p <= end) {
        uint32_t high, special = sl_json_scan16(p, &high);
        sl_json_copy16(to, p);
        if (special) {
            uint32_t n = (uint32_t)__builtin_ctz(special);
            any_high |= high & ((1U << n) - 1);
            if (__builtin_expect(p[n] != '"' || any_high, 0)) break;
            vec->offsets[row + 1] = (int32_t)(at + (size_t)(to - begin) + n);
            *cur = p + n;
            return true;
        }
        any_high |= high;
        p += 16;
        to += 16;
    }
    size_t len;
    if (!sl_json_lookup_copy(decoder, cur, end, begin, &len)) return false;
    vec->offsets[row + 1] = (int32_t)(at + len);
    --*cur;
    return true;
}

static inline bool skip_string(struct sl_json_decoder *decoder, const char **cur, const char *end) {
    for (const char *p = *cur; p <= end; p += 16) {
        uint32_t high, special = sl_json_scan16(p, &high);
        if (!special) continue;
        uint32_t n = (uint32_t)__builtin_ctz(special);
        if (p[n] != '"') break;
        *cur = p + n;
        return true;
    }
    --*cur; /* at the opening quote */
    bool good = sl_json_lookup_skip(decoder, cur, end);
    --*cur;
    return good;
}

static inline bool run_step(struct sl_json_decoder *decoder, const struct sl_json_step *step,
                            struct sl_vec *vec, uint32_t row, const char **cur, const char *end) {
    const char *begin = *cur;
    switch (step->op) {
    case SL_JSON_OP_STRING:
        return put_string(decoder, vec, row, cur, end);
    case SL_JSON_OP_INTEGER:
    case SL_JSON_OP_DOUBLE:
    case SL_JSON_OP_DECIMAL:
        if (sl_json_put_plain(step->node, vec, row, cur)) return true;
        *cur = begin;
        return sl_json_lookup_value(decoder, cur, end, step->node, vec, row);
    case SL_JSON_OP_VALUE:
        return sl_json_lookup_value(decoder, cur, end, step->node, vec, row);
    case SL_JSON_OP_SKIP_STRING:
        return skip_string(decoder, cur, end);
    case SL_JSON_OP_SKIP:
        return sl_json_lookup_skip(decoder, cur, end);
    }
    return false;
}

static bool quoted(enum sl_json_op op) {
    return op == SL_JSON_OP_STRING || op == SL_JSON_OP_SKIP_STRING;
}

/* `null` where the shape has a string: the expected opening quote is not there, nor will be the
 * closing one. */
static bool null_for_string(const struct sl_json_step *step, uint32_t skip, const char **cur,
                            const char *end) {
    uint32_t len = step->len - skip - 1;
    if (!quoted(step->op) || (size_t)(end - *cur) < (size_t)len + 4) return false;
    if (memcmp(*cur, step->expect + skip, len) != 0 || memcmp(*cur + len, "null", 4) != 0)
        return false;
    *cur += len + 4;
    return true;
}

/* Once a null was met: expected bytes without the closing quote. */
static bool expected_without_quote(const struct sl_json_step *step, const char *cur,
                                   const char *end) {
    return (size_t)(end - cur) >= step->len - 1 &&
           memcmp(cur, step->expect + 1, step->len - 1) == 0;
}

static bool walk_shape(struct sl_json_decoder *decoder, const struct sl_json_shape *shape,
                       struct sl_str record, uint32_t row) {
    struct sl_vec **columns = decoder->shapes->columns;
    const char *cur = record.ptr, *end = record.ptr + record.len;
    const struct sl_json_step *step = shape->steps, *tail = step + shape->count;
    bool was_null = false; /* the last value was null instead of a string */
    for (;; step++) {
        bool fits = !was_null ? expected(cur, end, step->expect, step->len)
                              : expected_without_quote(step, cur, end);
        if (__builtin_expect(!fits, 0)) {
            if (step == tail || !null_for_string(step, was_null, &cur, end)) return false;
            if (step->op == SL_JSON_OP_STRING)
                sl_json_put_null(step->node, columns[step->column], row);
            was_null = true;
            continue;
        }
        cur += step->len - was_null;
        was_null = false;
        if (cur > end || step == tail) break;
        if (!run_step(decoder, step, columns[step->column], row, &cur, end)) return false;
    }
    if (cur > end) return false;
    for (uint32_t i = 0; i < shape->missing_count; i++)
        sl_json_put_null(shape->missing[i], columns[shape->missing[i]->column], row);
    return true;
}

/* A failed try may have written nulls; the next one relies on bits that are ones. */
static void undo_nulls(struct sl_json_shapes *shapes, uint32_t row) {
    for (uint32_t i = 0; i < shapes->column_count; i++)
        if (shapes->columns[i] && shapes->columns[i]->valid)
            sl_bit_set(shapes->columns[i]->valid, row);
}

static bool try_shape(struct sl_json_decoder *decoder, const struct sl_json_shape *shape,
                      struct sl_str record, uint32_t row) {
    const struct sl_json_step *first = shape->steps;
    if (record.len < first->len || memcmp(record.ptr, first->expect, first->len - 1) != 0)
        return false;
    decoder->suspect = shape->suspect; /* values that are read may make it true */
    if (walk_shape(decoder, shape, record, row)) return true;
    undo_nulls(decoder->shapes, row);
    return false;
}

bool sl_json_predict(struct sl_json_decoder *decoder, struct sl_str record, uint32_t row) {
    struct sl_json_shapes *shapes = decoder->shapes;
    if (!shapes->count) return false;
    if (try_shape(decoder, &shapes->shapes[shapes->last], record, row)) return true;
    for (uint32_t i = 0; i < shapes->count; i++) {
        if (i == shapes->last || !try_shape(decoder, &shapes->shapes[i], record, row)) continue;
        shapes->last = i;
        return true;
    }
    return false;
}

void sl_json_learn(struct sl_json_decoder *decoder, struct sl_str record) {
    struct sl_json_shapes *shapes = decoder->shapes;
    if (!shapes->usable) return;
    bool full = shapes->count == SL_JSON_SHAPES;
    if (full && ++shapes->misses < RELEARN_MISSES) return;
    struct sl_json_shape shape;
    if (!sl_json_shape_learn(decoder, record, &shape)) return;
    uint32_t at = full ? shapes->victim++ % SL_JSON_SHAPES : shapes->count++;
    if (full) sl_json_shape_release(&shapes->shapes[at]);
    shapes->shapes[at] = shape;
    shapes->last = at;
    shapes->misses = 0;
}
