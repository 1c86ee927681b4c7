/* Higher-order functions: their lambdas, what those capture, names of parameters.
 *
 * A body is bound in a scope of its own that knows the parameters; any other name is bound outside
 * and captured (expr/higher.h), through every lambda that lies between.
 * Source: ResolveLambdaVariables, higherOrderFunctions.scala. */
#include <stdio.h>

#include "expr/higher.h"
#include "plan/bind_int.h"

struct higher_row {
    const char *name;
    enum sl_higher_kind kind;
    enum sl_kind list;        /* of the first argument, and of the second of zip_with */
    uint32_t own;             /* arguments before the lambdas */
    uint32_t least, most;     /* lambdas */
    uint32_t params, allowed; /* of the first lambda: at least, at most */
};

static const struct higher_row rows[] = {
    {"transform", SL_HIGHER_TRANSFORM, SL_ARRAY_KIND, 1, 1, 1, 1, 2},
    {"filter", SL_HIGHER_FILTER, SL_ARRAY_KIND, 1, 1, 1, 1, 2},
    {"exists", SL_HIGHER_EXISTS, SL_ARRAY_KIND, 1, 1, 1, 1, 1},
    {"forall", SL_HIGHER_FORALL, SL_ARRAY_KIND, 1, 1, 1, 1, 1},
    {"aggregate", SL_HIGHER_AGGREGATE, SL_ARRAY_KIND, 2, 1, 2, 2, 2},
    {"reduce", SL_HIGHER_AGGREGATE, SL_ARRAY_KIND, 2, 1, 2, 2, 2},
    {"zip_with", SL_HIGHER_ZIP_WITH, SL_ARRAY_KIND, 2, 1, 1, 2, 2},
    {"map_filter", SL_HIGHER_MAP_FILTER, SL_MAP_KIND, 1, 1, 1, 2, 2},
    {"transform_keys", SL_HIGHER_TRANSFORM_KEYS, SL_MAP_KIND, 1, 1, 1, 2, 2},
    {"transform_values", SL_HIGHER_TRANSFORM_VALUES, SL_MAP_KIND, 1, 1, 1, 2, 2},
    {"array_sort", SL_HIGHER_ARRAY_SORT, SL_ARRAY_KIND, 1, 1, 1, 2, 2},
};

static const struct higher_row *find(const struct sl_uexpr *expr) {
    if (!sl_is_builtin_name(&expr->name)) return NULL;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sl_str_eq_nocase(expr->name.parts[expr->name.count - 1], sl_str(rows[i].name)))
            return &rows[i];
    return NULL;
}

/* array_sort(a) is a function like others. */
bool sl_is_higher(const struct sl_uexpr *expr) {
    const struct higher_row *row = find(expr);
    return row && (row->kind != SL_HIGHER_ARRAY_SORT || expr->arg_count == 2);
}

/* ---- scopes ---- */

struct captures {
    struct sl_expr **items;
    uint32_t count, cap;
};

struct sl_lambda_frame {
    const struct sl_scope *outer;
    const struct sl_name *names; /* NULL: the lambda is a plain expression */
    const struct sl_type *types[SL_LAMBDA_PARAMS_MAX];
    uint32_t param_count;
    struct captures *captures; /* of all lambdas of the call */
};

int sl_lambda_param(const struct sl_scope *scope, struct sl_str name) {
    const struct sl_lambda_frame *frame = scope->lambda;
    for (uint32_t i = 0; frame && frame->names && i < frame->names->count; i++)
        if (sl_scope_name_eq(scope, frame->names->parts[i], name)) return (int)i;
    return -1;
}

struct sl_expr *sl_lambda_param_expr(struct sl_binder *binder, const struct sl_scope *scope,
                                     int param, struct sl_span span) {
    const struct sl_lambda_frame *frame = scope->lambda;
    struct sl_expr *expr =
        sl_expr_column(&binder->ctx->expr, (uint32_t)param, frame->types[param], true);
    expr->span = span;
    expr->name = frame->names->parts[param];
    return expr;
}

static uint32_t capture(struct sl_binder *binder, struct captures *captures, struct sl_expr *expr) {
    for (uint32_t i = 0; i < captures->count; i++)
        if (sl_expr_equal(captures->items[i], expr)) return i;
    if (captures->count == captures->cap) {
        uint32_t cap = captures->cap ? captures->cap * 2 : 4;
        captures->items =
            sl_arena_grow(binder->arena, captures->items, captures->cap * sizeof *captures->items,
                          cap * sizeof *captures->items);
        captures->cap = cap;
    }
    captures->items[captures->count] = expr;
    return captures->count++;
}

enum sl_code sl_bind_captured(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err) {
    const struct sl_lambda_frame *frame = scope->lambda;
    struct sl_expr *outside;
    SL_TRY(sl_bind_uexpr(binder, frame->outer, expr, &outside, err));
    *out = outside;
    if (outside->kind == SL_EXPR_LITERAL) return SL_OK;
    uint32_t number = capture(binder, frame->captures, outside);
    *out = sl_expr_column(&binder->ctx->expr, frame->param_count + number, outside->type,
                          outside->nullable);
    (*out)->span = expr->span;
    (*out)->name = outside->name;
    return SL_OK;
}

/* ---- calls ---- */

struct higher_call {
    struct sl_binder *binder;
    const struct sl_scope *scope;
    const struct sl_uexpr *call;
    const struct higher_row *row;
    struct captures captures;
    struct sl_expr *own[2];
    struct sl_higher higher;
};

static enum sl_code unexpected(const struct higher_call *call, uint32_t arg, const char *required,
                               const struct sl_type *type, struct sl_err *err) {
    static const char *const ordinals[] = {"first", "second", "third", "fourth"};
    const struct sl_uexpr *given = call->call->args[arg];
    struct sl_str whole = sl_pretty_text(call->binder, call->scope, call->call);
    struct sl_str text = sl_pretty_text(call->binder, call->scope, given);
    return sl_fail_at(err, given->span, "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09",
                      "cannot resolve \"%.*s\" due to data type mismatch: the %s parameter "
                      "requires the \"%s\" type, however \"%.*s\" has the type \"%s\"",
                      SL_STR_ARG(whole), ordinals[arg], required, SL_STR_ARG(text),
                      sl_type_sql(call->binder->arena, type));
}

static enum sl_code check_count(const struct higher_call *call, struct sl_err *err) {
    const struct higher_row *row = call->row;
    uint32_t count = call->call->arg_count, least = row->own + row->least;
    if (count >= least && count <= row->own + row->most) return SL_OK;
    char wanted[32];
    snprintf(wanted, sizeof wanted, row->least == row->most ? "%u" : "[%u, %u]", least,
             row->own + row->most);
    return sl_fail_at(err, call->call->span, "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605",
                      "the `%s` requires %s parameters but the actual number is %u", row->name,
                      wanted, count);
}

static enum sl_code bind_own(struct higher_call *call, struct sl_err *err) {
    const struct higher_row *row = call->row;
    for (uint32_t i = 0; i < row->own; i++) {
        SL_TRY(sl_bind_uexpr(call->binder, call->scope, call->call->args[i], &call->own[i], err));
        bool list = i == 0 || row->kind == SL_HIGHER_ZIP_WITH;
        if (list && call->own[i]->type->kind != row->list)
            return unexpected(call, i, row->list == SL_MAP_KIND ? "MAP" : "ARRAY",
                              call->own[i]->type, err);
    }
    return SL_OK;
}

/* Type of a parameter of a lambda. */
static const struct sl_type *param_type(const struct higher_call *call, uint32_t lambda,
                                        uint32_t param) {
    const struct sl_type *list = call->own[0]->type;
    switch (call->row->kind) {
    case SL_HIGHER_AGGREGATE:
        return lambda == 1 || param == 0 ? call->own[1]->type : list->fields[0].type;
    case SL_HIGHER_ZIP_WITH:
        return call->own[param]->type->fields[0].type;
    case SL_HIGHER_ARRAY_SORT:
        return list->fields[0].type;
    case SL_HIGHER_MAP_FILTER:
    case SL_HIGHER_TRANSFORM_KEYS:
    case SL_HIGHER_TRANSFORM_VALUES:
        return list->fields[param].type;
    default:
        return param == 0 ? list->fields[0].type : &sl_type_int;
    }
}

static enum sl_code check_names(const struct higher_call *call, const struct sl_uexpr *lambda,
                                uint32_t least, uint32_t most, struct sl_err *err) {
    const struct sl_name *names = &lambda->aliases;
    for (uint32_t i = 0; i < names->count; i++)
        for (uint32_t k = 0; k < i; k++)
            if (sl_scope_name_eq(call->scope, names->parts[i], names->parts[k]))
                return sl_fail_at(err, lambda->span,
                                  "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES", "42K0D",
                                  "invalid lambda function call: it has two parameters named "
                                  "`%.*s`",
                                  SL_STR_ARG(names->parts[i]));
    if (names->count >= least && names->count <= most) return SL_OK;
    return sl_fail_at(err, lambda->span, "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH", "42K0D",
                      "invalid lambda function call: `%s` gives %u value%s, but the lambda has %u "
                      "parameters",
                      call->row->name, most, most == 1 ? "" : "s", names->count);
}

static bool is_volatile(const struct sl_expr *expr) {
    if (expr->kind == SL_EXPR_CALL && (expr->function->flags & SL_FN_NONDETERMINISTIC)) return true;
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (is_volatile(expr->args[i])) return true;
    return false;
}

static enum sl_code bind_body(struct higher_call *call, uint32_t number, struct sl_err *err) {
    const struct sl_uexpr *given = call->call->args[call->row->own + number];
    struct sl_lambda *lambda = &call->higher.lambdas[number];
    uint32_t least = number ? 1 : call->row->params, most = number ? 1 : call->row->allowed;
    bool is_lambda = given->kind == SL_U_LAMBDA;
    if (is_lambda) SL_TRY(check_names(call, given, least, most, err));
    struct sl_lambda_frame frame = {.outer = call->scope,
                                    .names = is_lambda ? &given->aliases : NULL,
                                    .param_count = is_lambda ? given->aliases.count : least,
                                    .captures = &call->captures};
    lambda->param_count = frame.param_count;
    for (uint32_t i = 0; i < frame.param_count; i++) {
        frame.types[i] = param_type(call, number, i);
        lambda->names[i] = is_lambda ? given->aliases.parts[i] : SL_STR("_");
    }
    struct sl_scope scope = {.case_sensitive = call->scope->case_sensitive, .lambda = &frame};
    SL_TRY(sl_bind_uexpr(call->binder, &scope, is_lambda ? given->args[0] : given, &lambda->body,
                         err));
    if (is_volatile(lambda->body))
        return sl_bind_refuse(err, given->span, "a random function in a lambda");
    return SL_OK;
}

enum sl_code sl_bind_higher(struct sl_binder *binder, const struct sl_scope *scope,
                            const struct sl_uexpr *expr, struct sl_expr **out, struct sl_err *err) {
    struct higher_call call = {.binder = binder, .scope = scope, .call = expr, .row = find(expr)};
    SL_TRY(check_count(&call, err));
    SL_TRY(bind_own(&call, err));
    call.higher.kind = call.row->kind;
    call.higher.name = call.row->name;
    call.higher.own_count = call.row->own;
    call.higher.lambda_count = expr->arg_count - call.row->own;
    for (uint32_t i = 0; i < call.higher.lambda_count; i++) SL_TRY(bind_body(&call, i, err));
    uint32_t count = call.row->own + call.captures.count;
    struct sl_expr **args = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    memcpy(args, call.own, call.row->own * sizeof *args);
    if (call.captures.count)
        memcpy(args + call.row->own, call.captures.items, call.captures.count * sizeof *args);
    const struct sl_type *wanted;
    SL_TRY(sl_expr_higher(&binder->ctx->expr, &call.higher, args, count, expr->span, out, &wanted,
                          err));
    if (!wanted) return SL_OK;
    if (call.row->kind == SL_HIGHER_ARRAY_SORT)
        return sl_fail_at(err, expr->args[1]->span, "DATATYPE_MISMATCH.UNEXPECTED_RETURN_TYPE",
                          "42K09",
                          "cannot resolve \"%.*s\" due to data type mismatch: the lambda must "
                          "return \"INT\", but it returns \"%s\"",
                          SL_STR_ARG(sl_pretty_text(binder, scope, expr)),
                          sl_type_sql(binder->arena, call.higher.lambdas[0].body->type));
    return unexpected(&call, call.row->own, sl_type_sql(binder->arena, wanted),
                      call.higher.lambdas[0].body->type, err);
}
