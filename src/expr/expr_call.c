/* Calls by name: overloads, implicit casts, defaults, bind hooks.  The names that evaluate lazily
 * are in expr_lazy.c. */
#include <stdio.h>
#include <stdlib.h>

#include "expr/expr_int.h"
#include "expr/expr_lazy.h"
#include "expr/json_functions.h"

struct call_text {
    const char *name;
    struct sl_expr **args;
    uint32_t count;
};

static void put_call_text(const void *ctx, int arg, struct sl_buf *out) {
    const struct call_text *text = ctx;
    if (arg >= 0)
        sl_expr_put_sql(out, text->args[arg]);
    else
        sl_expr_put_call(out, text->name, text->args, text->count);
}

/* The name that struct(..) gives the field made of this argument. */
static struct sl_str natural_name(const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_COLUMN) return expr->name;
    if (expr->kind == SL_EXPR_FIELD && expr->args[0]->type->kind == SL_STRUCT_KIND)
        return expr->args[0]->type->fields[expr->field].name;
    return SL_STR("");
}

static enum sl_code resolve(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                            uint32_t count, struct sl_span span, struct sl_resolve *out,
                            struct sl_err *err) {
    struct sl_resolve_arg *given = SL_NEW_ARRAY(ctx->query, struct sl_resolve_arg, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        bool literal = args[i]->kind == SL_EXPR_LITERAL;
        given[i] = (struct sl_resolve_arg){.type = args[i]->type,
                                           .constant = literal ? args[i]->literal : NULL,
                                           .literal = literal && !args[i]->folded,
                                           .nullable = args[i]->nullable,
                                           .name = natural_name(args[i])};
    }
    struct call_text text = {sl_arena_cstr(ctx->query, name), args, count};
    *out = (struct sl_resolve){.arena = ctx->query,
                               .session = ctx->session,
                               .name = name,
                               .span = span,
                               .args = given,
                               .arg_count = count,
                               .put_text = put_call_text,
                               .text_ctx = &text};
    SL_TRY(sl_resolve_call(out, err));
    out->text_ctx = NULL;
    return SL_OK;
}

/* The literal of an omitted argument, from its text in the signature. */
static struct sl_expr *default_literal(struct sl_expr_ctx *ctx, struct sl_str text,
                                       const struct sl_type *type) {
    int64_t number;
    bool flag;
    if (text.len >= 2 && text.ptr[0] == '\'')
        return sl_expr_literal_str(ctx, sl_str_sub(text, 1, text.len - 1));
    if (sl_str_to_bool(text, &flag)) return sl_expr_literal_i64(ctx, &sl_type_bool, flag);
    if (sl_str_to_i64(text, &number)) {
        if (type->kind == SL_DOUBLE_KIND) return sl_expr_literal_f64(ctx, (double)number);
        bool typed = sl_type_is_integer(type);
        return sl_expr_literal_i64(ctx, typed ? type : &sl_type_int, number);
    }
    return sl_expr_literal_null(ctx, type);
}

static enum sl_code cast_args(struct sl_expr_ctx *ctx, const struct sl_resolve *resolved,
                              struct sl_expr **args, struct sl_expr **cast, struct sl_err *err) {
    for (uint32_t i = 0; i < resolved->target_count; i++) {
        if (i >= resolved->arg_count) {
            cast[i] = default_literal(ctx, resolved->defaults[i], resolved->targets[i]);
            continue;
        }
        SL_TRY(sl_expr_cast_if(ctx, args[i], resolved->targets[i], &cast[i], err));
    }
    return SL_OK;
}

static enum sl_code bind_state(struct sl_expr_ctx *ctx, struct sl_expr *call, struct sl_err *err) {
    const struct sl_expr_function *own = sl_expr_function_find(call->function);
    call->kernel = own ? own->kernel : call->function->kernel;
    sl_bind_fn bind = own ? own->bind : call->function->bind;
    if (!bind) return SL_OK;
    struct sl_bind_arg *bound = SL_NEW_ARRAY(ctx->query, struct sl_bind_arg, call->arg_count + 1);
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct sl_expr *arg = call->args[i];
        bound[i] =
            (struct sl_bind_arg){arg->type, arg->kind == SL_EXPR_LITERAL ? arg->literal : NULL};
    }
    enum sl_code code =
        bind(ctx->query, ctx->session, bound, call->arg_count, call->type, &call->state, err);
    if (code != SL_OK && err && err->span.begin == err->span.end) err->span = call->span;
    return code;
}

static bool is_nullable(const struct sl_expr_ctx *ctx, const struct sl_expr *call) {
    const struct sl_function *function = call->function;
    if (function->nulls == SL_NULLS_NEVER) return false;
    if (function->nulls == SL_NULLS_CUSTOM || !ctx->session->ansi ||
        (function->flags & SL_FN_NULLABLE))
        return true;
    for (uint32_t i = 0; i < call->arg_count; i++)
        if (call->args[i]->nullable) return true;
    return false;
}

static enum sl_code plain_call(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                               uint32_t count, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    struct sl_resolve resolved;
    SL_TRY(resolve(ctx, name, args, count, span, &resolved, err));
    struct sl_expr **cast = SL_NEW_ARRAY(ctx->query, struct sl_expr *, resolved.target_count + 1);
    SL_TRY(cast_args(ctx, &resolved, args, cast, err));
    struct sl_expr *call = sl_expr_new(ctx, SL_EXPR_CALL, resolved.result, span);
    sl_expr_set_args(ctx, call, cast, resolved.target_count);
    call->function = resolved.function;
    if (call->function->flags & (SL_FN_NONDETERMINISTIC | SL_FN_BATCH_CONSTANT))
        call->deterministic = false;
    call->nullable = is_nullable(ctx, call);
    SL_TRY(bind_state(ctx, call, err));
    return sl_expr_fold(ctx, call, out, err);
}

enum sl_code sl_expr_call(struct sl_expr_ctx *ctx, struct sl_str name, struct sl_expr **args,
                          uint32_t arg_count, struct sl_span span, struct sl_expr **out,
                          struct sl_err *err) {
    sl_lazy_maker lazy = sl_lazy_find(name);
    if (lazy) return lazy(ctx, name, args, arg_count, span, out, err);
    return plain_call(ctx, name, args, arg_count, span, out, err);
}
