/* Comparisons: =, <, <= over columns; the others are their mirror or complement. */
#include "kern/kernels.h"
#include "kern/order.h"
#include "kern/words.h"

enum comparison { COMPARE_EQ, COMPARE_LT, COMPARE_LE };

/* Eight bytes of 0 or 1 to eight bits, first byte lowest. */
static inline uint64_t pack_bytes(const uint8_t *bytes) {
    uint64_t word = 0;
    for (int i = 0; i < 8; i++) {
        uint64_t eight;
        memcpy(&eight, bytes + 8 * i, 8);
        word |= (eight * UINT64_C(0x0102040810204080) >> 56) << (8 * i);
    }
    return word;
}

#define T int8_t
#define NAME compare_i8
#include "kern/tmpl/compare.h"
#define T int16_t
#define NAME compare_i16
#include "kern/tmpl/compare.h"
#define T int32_t
#define NAME compare_i32
#include "kern/tmpl/compare.h"
#define T int64_t
#define NAME compare_i64
#include "kern/tmpl/compare.h"
#define T sl_int128
#define NAME compare_i128
#include "kern/tmpl/compare.h"
#define T float
#define NAME compare_f32
#define FLOATING
#include "kern/tmpl/compare.h"
#define T double
#define NAME compare_f64
#define FLOATING
#include "kern/tmpl/compare.h"

static void compare_bits(enum comparison op, const struct sl_vec *a, const struct sl_vec *b,
                         uint64_t *out, uint32_t rows) {
    for (size_t w = 0; w < SL_BIT_WORDS(rows); w++) {
        uint64_t x = sl_word_value(a, w), y = sl_word_value(b, w);
        out[w] = op == COMPARE_EQ ? ~(x ^ y) : op == COMPARE_LT ? ~x & y : ~x | y;
    }
}

/* sl_vec_str, inlined for the encodings that come here. */
static inline struct sl_str text_at(const struct sl_vec *vec, uint32_t row) {
    if (vec->enc == SL_ENC_VIEW) return vec->views[row];
    row = sl_vec_pos(vec, row);
    int32_t begin = vec->offsets[row];
    return (struct sl_str){(const char *)vec->bytes + begin,
                           (size_t)(vec->offsets[row + 1] - begin)};
}

static void equal_bytes(const struct sl_vec *a, const struct sl_vec *b, uint64_t *out,
                        uint32_t rows) {
    memset(out, 0, SL_BIT_WORDS(rows) * 8);
    for (uint32_t row = 0; row < rows; row++) {
        struct sl_str x = text_at(a, row), y = text_at(b, row);
        out[row / 64] |= (uint64_t)sl_str_eq(x, y) << (row & 63);
    }
}

/* Null rows of nested vectors hold nothing worth comparing; they are masked by the null rule. */
static void compare_rows(enum comparison op, const struct sl_vec *a, const struct sl_vec *b,
                         uint64_t *out, uint32_t rows) {
    for (uint32_t row = 0; row < rows; row++) {
        int order =
            sl_vec_is_null(a, row) || sl_vec_is_null(b, row) ? 1 : sl_order_rows(a, row, b, row);
        bool yes = op == COMPARE_EQ ? order == 0 : op == COMPARE_LT ? order < 0 : order <= 0;
        sl_bit_put(out, row, yes);
    }
}

static void compare(enum comparison op, const struct sl_vec *a, const struct sl_vec *b,
                    uint64_t *out, uint32_t rows) {
    bool ca = a->enc == SL_ENC_CONST, cb = b->enc == SL_ENC_CONST;
    switch (a->type->kind) {
    case SL_BOOL_KIND:
        compare_bits(op, a, b, out, rows);
        return;
    case SL_FLOAT_KIND:
        compare_f32(op, a->f32, ca, b->f32, cb, out, rows);
        return;
    case SL_DOUBLE_KIND:
        compare_f64(op, a->f64, ca, b->f64, cb, out, rows);
        return;
    case SL_STRING_KIND:
    case SL_BINARY_KIND:
        if (op == COMPARE_EQ)
            equal_bytes(a, b, out, rows);
        else
            compare_rows(op, a, b, out, rows);
        return;
    default:
        break;
    }
    switch (sl_type_width(a->type)) {
    case 1:
        compare_i8(op, a->i8, ca, b->i8, cb, out, rows);
        return;
    case 2:
        compare_i16(op, a->i16, ca, b->i16, cb, out, rows);
        return;
    case 4:
        compare_i32(op, a->i32, ca, b->i32, cb, out, rows);
        return;
    case 8:
        compare_i64(op, a->i64, ca, b->i64, cb, out, rows);
        return;
    case 16:
        compare_i128(op, a->i128, ca, b->i128, cb, out, rows);
        return;
    default:
        compare_rows(op, a, b, out, rows);
    }
}

static enum sl_code run(struct sl_call *call, enum comparison op, bool swap, bool negate,
                        struct sl_err *err) {
    struct sl_vec *out = call->out;
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    compare(op, call->args[swap], call->args[!swap], out->bits, call->rows);
    for (size_t w = 0; negate && w < SL_BIT_WORDS(call->rows); w++) out->bits[w] = ~out->bits[w];
    return SL_OK;
}

enum sl_code sl_kernel_eq(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_EQ, false, false, err);
}
enum sl_code sl_kernel_ne(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_EQ, false, true, err);
}
enum sl_code sl_kernel_lt(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_LT, false, false, err);
}
enum sl_code sl_kernel_le(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_LE, false, false, err);
}
enum sl_code sl_kernel_gt(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_LT, true, false, err);
}
enum sl_code sl_kernel_ge(struct sl_call *call, struct sl_err *err) {
    return run(call, COMPARE_LE, true, false, err);
}

enum sl_code sl_kernel_null_safe_eq(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    SL_TRY(run(call, COMPARE_EQ, false, false, err));
    for (size_t w = 0; w < SL_BIT_WORDS(call->rows); w++) {
        uint64_t x = sl_word_valid(a, w), y = sl_word_valid(b, w);
        call->out->bits[w] = (call->out->bits[w] & x & y) | (~x & ~y);
    }
    return SL_OK;
}

/* a IN (b, c, ...): null when a is null, or when nothing matches and some member is null. */
enum sl_code sl_kernel_in(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *needle = call->args[0];
    struct sl_vec *out = call->out;
    size_t words = SL_BIT_WORDS(call->rows);
    SL_TRY(sl_vec_reserve(out, call->rows, err));
    SL_TRY(sl_vec_reserve_valid(out, call->rows, err));
    uint64_t *equal = sl_arena_array(call->scratch, 2 * words, 8), *unknown = equal + words;
    memset(unknown, 0, words * 8);
    memset(out->bits, 0, words * 8);
    for (uint32_t i = 1; i < call->arg_count; i++) {
        const struct sl_vec *member = call->args[i];
        compare(COMPARE_EQ, needle, member, equal, call->rows);
        for (size_t w = 0; w < words; w++) {
            uint64_t valid = sl_word_valid(member, w);
            out->bits[w] |= equal[w] & valid;
            unknown[w] |= ~valid;
        }
    }
    for (size_t w = 0; w < words; w++)
        out->valid[w] = sl_word_valid(needle, w) & (out->bits[w] | ~unknown[w]);
    return SL_OK;
}

/* ---- the least and greatest of several, nulls skipped ---- */

static enum sl_code extreme(struct sl_call *call, int sign, struct sl_err *err) {
    struct sl_vec *out = call->out;
    for (uint32_t row = 0; row < call->rows; row++) {
        const struct sl_vec *best = NULL;
        for (uint32_t i = 0; i < call->arg_count; i++) {
            const struct sl_vec *arg = call->args[i];
            if (sl_vec_is_null(arg, row)) continue;
            if (!best || sign * sl_order_rows(arg, row, best, row) > 0) best = arg;
        }
        if (best)
            SL_TRY(sl_vec_append(out, best, &row, 1, err));
        else
            SL_TRY(sl_vec_append_null(out, 1, err));
    }
    return SL_OK;
}

enum sl_code sl_kernel_greatest(struct sl_call *call, struct sl_err *err) {
    return extreme(call, 1, err);
}
enum sl_code sl_kernel_least(struct sl_call *call, struct sl_err *err) {
    return extreme(call, -1, err);
}
