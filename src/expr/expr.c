/* Leaves of the tree: columns and literals, and what all nodes share. */
#include "expr/expr_int.h"

static void release_vec(void *vec) { sl_vec_release(vec); }

struct sl_expr *sl_expr_new(struct sl_expr_ctx *ctx, enum sl_expr_kind kind,
                            const struct sl_type *type, struct sl_span span) {
    struct sl_expr *expr = SL_NEW(ctx->query, struct sl_expr);
    expr->kind = kind;
    expr->type = type;
    expr->span = span;
    expr->nullable = true;
    expr->deterministic = true;
    return expr;
}

void sl_expr_set_args(struct sl_expr_ctx *ctx, struct sl_expr *expr, struct sl_expr *const *args,
                      uint32_t count) {
    expr->args = SL_NEW_ARRAY(ctx->query, struct sl_expr *, count + 1);
    expr->arg_count = count;
    for (uint32_t i = 0; i < count; i++) {
        expr->args[i] = args[i];
        expr->deterministic &= args[i]->deterministic;
    }
}

/* An empty owned vector in the query arena, freed with it. */
static struct sl_vec *new_vec(struct sl_expr_ctx *ctx, const struct sl_type *type) {
    struct sl_vec *vec = SL_NEW(ctx->query, struct sl_vec);
    sl_vec_init(vec, type);
    sl_arena_on_reset(ctx->query, release_vec, vec);
    return vec;
}

struct sl_expr *sl_expr_column(struct sl_expr_ctx *ctx, uint32_t column, const struct sl_type *type,
                               bool nullable) {
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_COLUMN, type, (struct sl_span){0});
    expr->column = column;
    expr->nullable = nullable;
    return expr;
}

/* The vector becomes CONST: one row, which stands for all. */
static struct sl_expr *literal_of(struct sl_expr_ctx *ctx, struct sl_vec *vec) {
    vec->enc = SL_ENC_CONST;
    struct sl_expr *expr = sl_expr_new(ctx, SL_EXPR_LITERAL, vec->type, (struct sl_span){0});
    expr->literal = vec;
    expr->nullable = sl_vec_is_null(vec, 0);
    return expr;
}

/* One row fails to be stored only when memory is out, which ends the process elsewhere too. */
static void must(enum sl_code code) { sl_assert(code == SL_OK); }

struct sl_expr *sl_expr_literal(struct sl_expr_ctx *ctx, const struct sl_vec *value) {
    struct sl_vec *vec = new_vec(ctx, value->type);
    uint32_t first = 0;
    must(sl_vec_append(vec, value, &first, 1, NULL));
    return literal_of(ctx, vec);
}

struct sl_expr *sl_expr_literal_str(struct sl_expr_ctx *ctx, struct sl_str value) {
    struct sl_vec *vec = new_vec(ctx, &sl_type_string);
    must(sl_vec_put_str(vec, value, NULL));
    return literal_of(ctx, vec);
}

struct sl_expr *sl_expr_literal_i64(struct sl_expr_ctx *ctx, const struct sl_type *type,
                                    int64_t value) {
    struct sl_vec *vec = new_vec(ctx, type);
    must(sl_vec_put_i64(vec, value, NULL));
    return literal_of(ctx, vec);
}

struct sl_expr *sl_expr_literal_f64(struct sl_expr_ctx *ctx, double value) {
    struct sl_vec *vec = new_vec(ctx, &sl_type_double);
    must(sl_vec_put_f64(vec, value, NULL));
    return literal_of(ctx, vec);
}

struct sl_expr *sl_expr_literal_decimal(struct sl_expr_ctx *ctx, int precision, int scale,
                                        sl_int128 unscaled) {
    struct sl_vec *vec = new_vec(ctx, sl_type_decimal(ctx->query, precision, scale));
    must(sl_vec_put_i128(vec, unscaled, NULL));
    return literal_of(ctx, vec);
}

struct sl_expr *sl_expr_literal_null(struct sl_expr_ctx *ctx, const struct sl_type *type) {
    struct sl_vec *vec = new_vec(ctx, type);
    must(sl_vec_append_null(vec, 1, NULL));
    return literal_of(ctx, vec);
}

bool sl_expr_reads_column(const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_COLUMN) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (sl_expr_reads_column(expr->args[i])) return true;
    return false;
}

bool sl_expr_is_trivial(const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_FIELD) return sl_expr_is_trivial(expr->args[0]);
    return expr->kind == SL_EXPR_COLUMN || expr->kind == SL_EXPR_LITERAL;
}

bool sl_expr_constant_text(struct sl_expr_ctx *ctx, const struct sl_expr *expr,
                           struct sl_str *out) {
    if (expr->kind != SL_EXPR_LITERAL || sl_vec_is_null(expr->literal, 0)) return false;
    struct sl_buf buf = {0};
    sl_cast_put_text(&buf, expr->literal, 0, ctx->session);
    *out = sl_arena_str(ctx->query, sl_buf_str(&buf));
    sl_buf_release(&buf);
    return true;
}
