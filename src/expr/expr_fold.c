/* Constant folding: a program over one row without columns. */
#include "expr/expr_int.h"
#include "expr/program.h"

static bool may_fold(const struct sl_expr *expr) {
    if (!expr->deterministic || expr->kind == SL_EXPR_COLUMN || expr->kind == SL_EXPR_LITERAL)
        return false;
    if (expr->kind == SL_EXPR_FROM_JSON) return false;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (expr->args[i]->kind != SL_EXPR_LITERAL) return false;
    return true;
}

/* A failure is not an error here: the row that reaches the expression will meet it at run time. */
enum sl_code sl_expr_fold(struct sl_expr_ctx *ctx, struct sl_expr *expr, struct sl_expr **out,
                          struct sl_err *err) {
    *out = expr;
    if (!may_fold(expr)) return SL_OK;
    static const struct sl_type no_columns = {.kind = SL_STRUCT_KIND};
    struct sl_batch batch = {.schema = &no_columns, .rows = 1, .selected_rows = 1};
    struct sl_program *program = NULL;
    const struct sl_vec *value = NULL;
    struct sl_err ignored = {0};
    SL_TRY(sl_program_new(&expr, 1, &program, err));
    if (sl_program_eval(program, ctx->session, &batch, &value, &ignored) == SL_OK) {
        *out = sl_expr_literal(ctx, value);
        (*out)->span = expr->span;
        (*out)->type = expr->type;
        (*out)->folded = true;
    }
    sl_program_free(program);
    return SL_OK;
}
