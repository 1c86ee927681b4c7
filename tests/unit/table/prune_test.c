#include "unit.h"

#include "kern/zone.h"
#include "table/prune.h"

/* Every comparison, both ways round, against every range of small integers: a term may rule a range
 * out only when a naive scan finds no value in it that fulfils the condition. */
static struct sl_expr *compare(struct sl_expr_ctx *ctx, const char *op, int64_t literal,
                               bool mirrored) {
    struct sl_expr *column = sl_expr_column(ctx, 0, &sl_type_int, true),
                   *value = sl_expr_literal_i64(ctx, &sl_type_int, literal), *out;
    struct sl_expr *args[] = {mirrored ? value : column, mirrored ? column : value};
    assert_int_equal(sl_expr_call(ctx, sl_str(op), args, 2, (struct sl_span){0}, &out, NULL),
                     SL_OK);
    return out;
}

static bool holds(const char *op, int64_t a, int64_t b) {
    if (strcmp(op, "=") == 0) return a == b;
    if (strcmp(op, "<") == 0) return a < b;
    if (strcmp(op, "<=") == 0) return a <= b;
    return strcmp(op, ">") == 0 ? a > b : a >= b;
}

void test_prune_agrees_with_a_scan(void **state) {
    (void)state;
    static const char *const ops[] = {"=", "<", "<=", ">", ">="};
    struct sl_arena arena;
    sl_arena_init(&arena, "test");
    struct sl_session session = {.ansi = true, .zone = sl_zone_utc, .time_zone = SL_STR("UTC")};
    struct sl_expr_ctx ctx = {&arena, &session};
    for (int o = 0; o < 5; o++)
        for (int mirrored = 0; mirrored < 2; mirrored++) {
            const struct sl_prune_term *term;
            const uint32_t columns[] = {7};
            struct sl_expr *condition = compare(&ctx, ops[o], 3, mirrored);
            assert_int_equal(sl_prune_terms(&arena, &condition, 1, columns, &term), 1);
            assert_int_equal(term->column, 7);
            for (int64_t min = 0; min < 7; min++)
                for (int64_t max = min; max < 7; max++) {
                    struct sl_vec low, high;
                    bool any = false;
                    sl_vec_init(&low, &sl_type_int);
                    sl_vec_init(&high, &sl_type_int);
                    assert_int_equal(sl_vec_put_i64(&low, min, NULL), SL_OK);
                    assert_int_equal(sl_vec_put_i64(&high, max, NULL), SL_OK);
                    for (int64_t v = min; v <= max; v++)
                        any |= mirrored ? holds(ops[o], 3, v) : holds(ops[o], v, 3);
                    assert_int_equal(sl_prune_may_match(term, &low, &high), any);
                    sl_vec_release(&low);
                    sl_vec_release(&high);
                }
        }
    sl_arena_release(&arena);
}
