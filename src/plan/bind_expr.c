/* Binding of expressions.  Names and shapes are resolved here; overloads, implicit casts and
 * folding are the constructors' (expr/expr.h). */
#include "plan/select.h"

#include <stdio.h>

enum sl_code sl_bind_refuse(struct sl_err *err, struct sl_span span, const char *fmt, ...) {
    char what[256];
    va_list args;
    va_start(args, fmt);
    vsnprintf(what, sizeof what, fmt, args);
    va_end(args);
    sl_fail_at(err, span, "UNSUPPORTED_FEATURE", "0A000", "the feature is not supported: %s", what);
    if (err) err->code = SL_UNSUPPORTED;
    return SL_UNSUPPORTED;
}

static enum sl_cast_mode cast_mode(const struct sl_binder *binder) {
    return binder->ctx->expr.session->ansi ? SL_CAST_ANSI : SL_CAST_LEGACY;
}

/* ---- columns and fields ---- */

static enum sl_code not_extractable(struct sl_binder *binder, const struct sl_expr *arg,
                                    struct sl_str base, struct sl_span span, struct sl_err *err) {
    return sl_fail_at(err, span, "INVALID_EXTRACT_BASE_FIELD_TYPE", "42000",
                      "can't extract a value from \"%.*s\": need a complex type [STRUCT, ARRAY, "
                      "MAP] but got \"%s\"",
                      SL_STR_ARG(base), sl_type_sql(binder->arena, arg->type));
}

static const struct sl_type *struct_in(const struct sl_type *type) {
    if (type->kind == SL_ARRAY_KIND) type = type->fields[0].type;
    return type->kind == SL_STRUCT_KIND ? type : NULL;
}

static enum sl_code bind_field(struct sl_binder *binder, struct sl_expr *arg, struct sl_str base,
                               struct sl_str field, struct sl_span span, struct sl_expr **out,
                               struct sl_err *err) {
    const struct sl_type *type = struct_in(arg->type);
    if (!type && arg->type->kind != SL_MAP_KIND)
        return not_extractable(binder, arg, base, span, err);
    if (type && sl_type_find_field(type, field) == -1)
        return sl_scope_field_missing(binder->arena, type, base, field, span, err);
    return sl_expr_field(&binder->ctx->expr, arg, field, span, out, err);
}

/* current_date and the like are functions that need no parentheses. */
static bool is_literal_function(const struct sl_name *name) {
    static const char *const names[] = {"current_date", "current_timestamp", "current_time",
                                        "localtimestamp", "current_user"};
    if (name->count != 1) return false;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_eq_nocase(name->parts[0], sl_str(names[i]))) return true;
    return false;
}

static struct sl_str dotted(struct sl_arena *arena, const struct sl_name *name, uint32_t count) {
    struct sl_str text = name->parts[0];
    for (uint32_t i = 1; i < count; i++)
        text = sl_arena_printf(arena, "%.*s.%.*s", SL_STR_ARG(text), SL_STR_ARG(name->parts[i]));
    return text;
}

/* What follows the first `used` parts of a name are fields. */
static enum sl_code bind_fields(struct sl_binder *binder, const struct sl_name *name, uint32_t used,
                                struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    for (uint32_t i = used; i < name->count; i++)
        SL_TRY(bind_field(binder, *out, dotted(binder->arena, name, i), name->parts[i], span, out,
                          err));
    return SL_OK;
}

static enum sl_code bind_attribute(struct sl_binder *binder, const struct sl_scope *scope,
                                   const struct sl_uexpr *expr, struct sl_expr **out,
                                   struct sl_err *err) {
    const struct sl_name *name = &expr->name;
    struct sl_resolved at;
    int param = name->count ? sl_lambda_param(scope, name->parts[0]) : -1;
    if (scope->lambda && param < 0) return sl_bind_captured(binder, scope, expr, out, err);
    *out = NULL;
    if (param < 0 && scope->outputs && !scope->in_aggregate && name->count)
        SL_TRY(sl_select_output(scope->outputs, name->parts[0], expr->span, out, err));
    if (*out) return bind_fields(binder, name, 1, expr->span, out, err);
    SL_TRY(sl_scope_resolve(scope, name, &at, err));
    if (param >= 0) {
        *out = sl_lambda_param_expr(binder, scope, param, expr->span);
        at.used = 1;
    } else if (at.found) {
        const struct sl_column *column = &scope->columns[at.column];
        *out = sl_expr_column(&binder->ctx->expr, at.column, column->type, column->nullable);
        (*out)->span = expr->span;
        (*out)->name = column->name;
    } else {
        if (is_literal_function(name))
            return sl_expr_call(&binder->ctx->expr, name->parts[0], NULL, 0, expr->span, out, err);
        if (scope->select && name->count)
            SL_TRY(sl_select_lateral(binder, scope->select, name->parts[0], expr->span, out, err));
        if (!*out && scope->outputs && name->count)
            SL_TRY(sl_select_output(scope->outputs, name->parts[0], expr->span, out, err));
        if (!*out && scope->aliases && name->count)
            SL_TRY(sl_grouping_alias(binder, scope, name->parts[0], out, err));
        if (!*out) return sl_scope_unresolved(scope, binder->arena, name, err);
        at.used = 1;
    }
    return bind_fields(binder, name, at.used, expr->span, out, err);
}

static enum sl_code bind_extract(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *expr, struct sl_expr **out,
                                 struct sl_err *err) {
    struct sl_expr *args[2];
    SL_TRY(sl_bind_uexpr(binder, scope, expr->args[0], &args[0], err));
    const struct sl_uexpr *key = expr->args[1];
    const struct sl_type *type = struct_in(args[0]->type);
    if (type && key->kind == SL_U_LITERAL && key->literal.kind == SL_LIT_STRING)
        return bind_field(binder, args[0], (struct sl_str){0}, key->literal.text, expr->span, out,
                          err);
    if (args[0]->type->kind == SL_STRUCT_KIND) {
        struct sl_str text = sl_pretty_text(binder, scope, key);
        return sl_fail_at(err, key->span, "INVALID_EXTRACT_FIELD_TYPE", "42000",
                          "the field name must be a string literal, but it is \"%.*s\"",
                          SL_STR_ARG(text));
    }
    if (args[0]->type->kind != SL_ARRAY_KIND && args[0]->type->kind != SL_MAP_KIND)
        return not_extractable(binder, args[0], sl_pretty_text(binder, scope, expr->args[0]),
                               expr->span, err);
    SL_TRY(sl_bind_uexpr(binder, scope, key, &args[1], err));
    return sl_expr_call(&binder->ctx->expr, SL_STR("[]"), args, 2, expr->span, out, err);
}

/* ---- stars ---- */

static bool is_excepted(const struct sl_scope *scope, const struct sl_uexpr *star,
                        struct sl_str name, bool *seen) {
    bool excepted = false;
    for (uint32_t i = 0; i < star->aliases.count; i++)
        if (sl_scope_name_eq(scope, star->aliases.parts[i], name)) excepted = seen[i] = true;
    return excepted;
}

static enum sl_code star_columns(struct sl_binder *binder, const struct sl_scope *scope,
                                 const struct sl_uexpr *star, struct sl_star_item *items,
                                 uint32_t *count, bool *seen) {
    for (uint32_t i = 0; i < scope->column_count; i++) {
        const struct sl_column *column = &scope->columns[i];
        bool reached = column->reach == SL_REACH_ALL ||
                       (column->reach == SL_REACH_QUALIFIED && star->name.count);
        if (!reached) continue;
        if (star->name.count &&
            (!column->qualifier.len ||
             !sl_scope_name_eq(scope, column->qualifier, star->name.parts[star->name.count - 1])))
            continue;
        if (is_excepted(scope, star, column->name, seen)) continue;
        struct sl_expr *expr =
            sl_expr_column(&binder->ctx->expr, i, column->type, column->nullable);
        expr->span = star->span;
        expr->name = column->name;
        items[(*count)++] = (struct sl_star_item){column->name, expr, column};
    }
    return SL_OK;
}

static bool is_qualifier(const struct sl_scope *scope, const struct sl_name *name) {
    for (uint32_t i = 0; i < scope->column_count; i++)
        if (scope->columns[i].qualifier.len &&
            sl_scope_name_eq(scope, scope->columns[i].qualifier, name->parts[name->count - 1]))
            return true;
    return false;
}

static enum sl_code star_unknown(const struct sl_scope *scope, const struct sl_uexpr *star,
                                 struct sl_err *err) {
    struct sl_buf text = {0}, columns = {0};
    sl_name_put(&text, &star->name);
    for (uint32_t i = 0; i < scope->column_count; i++)
        sl_buf_printf(&columns, "%s`%.*s`", i ? ", " : "", SL_STR_ARG(scope->columns[i].name));
    enum sl_code code = sl_fail_at(
        err, star->span, "CANNOT_RESOLVE_STAR_EXPAND", "42704",
        "cannot resolve %s.* given input columns %s; check that the table or struct exists",
        sl_buf_cstr(&text), sl_buf_cstr(&columns));
    sl_buf_release(&text);
    sl_buf_release(&columns);
    return code;
}

/* By number, because names that differ in case only are one name to sl_expr_field. */
struct sl_expr *sl_field_at(struct sl_binder *binder, struct sl_expr *base, uint32_t field,
                            struct sl_span span) {
    struct sl_expr *expr = SL_NEW(binder->arena, struct sl_expr);
    expr->kind = SL_EXPR_FIELD;
    expr->type = base->type->fields[field].type;
    expr->nullable = base->nullable || base->type->fields[field].nullable;
    expr->deterministic = base->deterministic;
    expr->span = span;
    expr->args = SL_NEW_ARRAY(binder->arena, struct sl_expr *, 1);
    expr->args[0] = base;
    expr->arg_count = 1;
    expr->field = field;
    return expr;
}

/* o.*: the fields of a struct column. */
static enum sl_code star_fields(struct sl_binder *binder, const struct sl_scope *scope,
                                const struct sl_uexpr *star, struct sl_star_item **items,
                                uint32_t *count, bool *seen, struct sl_err *err) {
    struct sl_resolved at;
    SL_TRY(sl_scope_resolve(scope, &star->name, &at, err));
    bool lateral =
        !at.found && star->name.count && sl_select_has_lateral(scope, star->name.parts[0]);
    if (!at.found && !lateral) return star_unknown(scope, star, err);
    struct sl_uexpr attribute = {.kind = SL_U_ATTRIBUTE, .span = star->span, .name = star->name};
    struct sl_expr *base;
    SL_TRY(bind_attribute(binder, scope, &attribute, &base, err));
    if (base->type->kind != SL_STRUCT_KIND)
        return sl_fail_at(err, star->span, "CANNOT_RESOLVE_STAR_EXPAND", "42704",
                          "can only expand a struct with .*, but `%.*s` has the type \"%s\"",
                          SL_STR_ARG(dotted(binder->arena, &star->name, star->name.count)),
                          sl_type_sql(binder->arena, base->type));
    *items = SL_NEW_ARRAY(binder->arena, struct sl_star_item, base->type->field_count + 1);
    for (uint32_t i = 0; i < base->type->field_count; i++) {
        struct sl_str name = base->type->fields[i].name;
        if (is_excepted(scope, star, name, seen)) continue;
        (*items)[(*count)++] =
            (struct sl_star_item){name, sl_field_at(binder, base, i, star->span), NULL};
    }
    return SL_OK;
}

enum sl_code sl_bind_star(struct sl_binder *binder, const struct sl_scope *scope,
                          const struct sl_uexpr *star, struct sl_star_item **items, uint32_t *count,
                          struct sl_err *err) {
    bool *seen = sl_arena_zalloc(binder->arena, star->aliases.count + 1);
    *count = 0;
    if (!star->name.count || is_qualifier(scope, &star->name)) {
        *items = SL_NEW_ARRAY(binder->arena, struct sl_star_item, scope->column_count + 1);
        SL_TRY(star_columns(binder, scope, star, *items, count, seen));
    } else {
        SL_TRY(star_fields(binder, scope, star, items, count, seen, err));
    }
    for (uint32_t i = 0; i < star->aliases.count; i++)
        if (!seen[i]) {
            struct sl_name missing = {&star->aliases.parts[i], 1, star->aliases.span};
            return sl_scope_unresolved(scope, binder->arena, &missing, err);
        }
    return SL_OK;
}

/* ---- functions ---- */

static const char *refused_as(struct sl_str name) {
    static const struct {
        const char *name, *what;
    } rows[] = {
#define REFUSED(name, what) {name, what},
#include "plan/refused.def"
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sl_str_eq_nocase(name, sl_str(rows[i].name))) return rows[i].what;
    return NULL;
}

/* Spark's functions that are casts: name to type. */
const struct sl_type *sl_cast_function_type(struct sl_arena *arena, const struct sl_uexpr *expr) {
    static const struct {
        const char *name;
        enum sl_kind kind;
    } rows[] = {
        {"boolean", SL_BOOL_KIND},  {"tinyint", SL_BYTE_KIND},       {"smallint", SL_SHORT_KIND},
        {"int", SL_INT_KIND},       {"bigint", SL_LONG_KIND},        {"float", SL_FLOAT_KIND},
        {"double", SL_DOUBLE_KIND}, {"string", SL_STRING_KIND},      {"binary", SL_BINARY_KIND},
        {"date", SL_DATE_KIND},     {"timestamp", SL_TIMESTAMP_KIND}};
    if (expr->kind != SL_U_FUNCTION || expr->arg_count != 1 || expr->name.count != 1) return NULL;
    struct sl_str name = expr->name.parts[0];
    if (sl_str_eq_nocase(name, SL_STR("decimal"))) return sl_type_decimal(arena, 10, 0);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (sl_str_eq_nocase(name, sl_str(rows[i].name))) return sl_type_simple(rows[i].kind);
    return NULL;
}

static void add_arg(struct sl_binder *binder, struct sl_arg_list *list, struct sl_expr *expr,
                    struct sl_str name) {
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 8;
        list->items = sl_arena_grow(binder->arena, list->items, list->cap * sizeof *list->items,
                                    cap * sizeof *list->items);
        list->names = sl_arena_grow(binder->arena, list->names, list->cap * sizeof *list->names,
                                    cap * sizeof *list->names);
        list->cap = cap;
    }
    list->items[list->count] = expr;
    list->names[list->count++] = name;
}

static struct sl_str field_name_of(const struct sl_uexpr *arg) {
    if (arg->kind == SL_U_ALIAS && arg->aliases.count) return arg->aliases.parts[0];
    if (arg->kind == SL_U_ATTRIBUTE) return arg->name.parts[arg->name.count - 1];
    if (arg->kind == SL_U_FIELD) return arg->field_name;
    return (struct sl_str){0};
}

enum sl_code sl_bind_args(struct sl_binder *binder, const struct sl_scope *scope,
                          const struct sl_uexpr *call, struct sl_arg_list *list,
                          struct sl_err *err) {
    for (uint32_t i = 0; i < call->arg_count; i++) {
        const struct sl_uexpr *arg = call->args[i];
        if (arg->kind == SL_U_NAMED_ARGUMENT)
            return sl_bind_refuse(err, arg->span, "named arguments of the function `%.*s`",
                                  SL_STR_ARG(call->name.parts[call->name.count - 1]));
        if (arg->kind == SL_U_STAR) {
            struct sl_star_item *items;
            uint32_t count;
            SL_TRY(sl_bind_star(binder, scope, arg, &items, &count, err));
            for (uint32_t c = 0; c < count; c++)
                add_arg(binder, list, items[c].expr, items[c].name);
            continue;
        }
        struct sl_expr *bound;
        const struct sl_uexpr *value = arg->kind == SL_U_ALIAS ? arg->args[0] : arg;
        SL_TRY(sl_bind_uexpr(binder, scope, value, &bound, err));
        add_arg(binder, list, bound, field_name_of(arg));
    }
    return SL_OK;
}

/* struct(a, b + 1) is named_struct('a', a, 'col2', b + 1). */
static enum sl_code bind_struct(struct sl_binder *binder, const struct sl_arg_list *list,
                                struct sl_span span, struct sl_expr **out, struct sl_err *err) {
    struct sl_expr **args = SL_NEW_ARRAY(binder->arena, struct sl_expr *, 2 * list->count + 1);
    for (uint32_t i = 0; i < list->count; i++) {
        struct sl_str name = list->names[i];
        if (!name.len) name = sl_arena_printf(binder->arena, "col%u", i + 1);
        args[2 * i] = sl_expr_literal_str(&binder->ctx->expr, name);
        args[2 * i + 1] = list->items[i];
    }
    return sl_expr_call(&binder->ctx->expr, SL_STR("named_struct"), args, 2 * list->count, span,
                        out, err);
}

bool sl_is_builtin_name(const struct sl_name *name) {
    if (name->count == 1) return true;
    if (!sl_str_eq_nocase(name->parts[name->count - 2], SL_STR("builtin"))) return false;
    return name->count == 2 ||
           (name->count == 3 && sl_str_eq_nocase(name->parts[0], SL_STR("system")));
}

static enum sl_code check_callable(const struct sl_uexpr *expr, struct sl_str name,
                                   struct sl_err *err) {
    if (!sl_is_builtin_name(&expr->name)) {
        struct sl_buf text = {0};
        sl_name_put(&text, &expr->name);
        enum sl_code code = sl_fail_at(err, expr->span, "UNRESOLVED_ROUTINE", "42883",
                                       "cannot resolve routine %s: only built-in functions exist",
                                       sl_buf_cstr(&text));
        sl_buf_release(&text);
        return code;
    }
    if (sl_is_generator(expr)) return sl_generator_misplaced(expr->span, err);
    size_t rows;
    sl_function_find(name, &rows);
    const char *what = rows ? NULL : refused_as(name);
    if (what) return sl_bind_refuse(err, expr->span, "the %s `%.*s`", what, SL_STR_ARG(name));
    if (expr->distinct || expr->filter)
        return sl_fail_at(err, expr->span, "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
                          "42000", "the function `%.*s` does not support %s", SL_STR_ARG(name),
                          expr->distinct ? "DISTINCT" : "FILTER CLAUSE");
    return SL_OK;
}

/* Spark looks functions up before columns: a call of an unknown one is told as such even when its
 * arguments are unknown too. */
static void unknown_routine(struct sl_binder *binder, const struct sl_uexpr *expr,
                            struct sl_str name, struct sl_err *err) {
    struct sl_err probe = {0};
    struct sl_expr *ignored;
    if (sl_expr_call(&binder->ctx->expr, name, NULL, 0, expr->span, &ignored, &probe) == SL_USER &&
        strcmp(probe.condition, "UNRESOLVED_ROUTINE") == 0 && err)
        *err = probe;
}

static enum sl_code bind_function(struct sl_binder *binder, const struct sl_scope *scope,
                                  const struct sl_uexpr *expr, struct sl_expr **out,
                                  struct sl_err *err) {
    struct sl_str name = expr->name.parts[expr->name.count - 1];
    if (sl_is_aggregate(expr)) return sl_bind_aggregate(binder, scope, expr, out, err);
    if (sl_is_time_window(expr)) return sl_bind_time_window(binder, scope, expr, out, err);
    SL_TRY(check_callable(expr, name, err));
    if (sl_is_higher(expr)) return sl_bind_higher(binder, scope, expr, out, err);
    struct sl_arg_list list = {0};
    size_t rows;
    sl_function_find(name, &rows);
    const struct sl_type *cast_to = sl_cast_function_type(binder->arena, expr);
    enum sl_code code = sl_bind_args(binder, scope, expr, &list, err);
    if (code == SL_USER && !rows && !cast_to) unknown_routine(binder, expr, name, err);
    SL_TRY(code);
    if (cast_to && !rows && list.count == 1)
        return sl_expr_cast(&binder->ctx->expr, list.items[0], cast_to, cast_mode(binder),
                            expr->span, out, err);
    if (sl_str_eq_nocase(name, SL_STR("struct")) && list.count)
        return bind_struct(binder, &list, expr->span, out, err);
    return sl_expr_call(&binder->ctx->expr, name, list.items, list.count, expr->span, out, err);
}

/* ---- the rest ---- */

enum sl_code sl_bind_type(struct sl_binder *binder, const struct sl_uexpr *cast,
                          const struct sl_type **out, struct sl_err *err) {
    enum sl_code code = sl_type_parse(binder->arena, cast->type_text, out, err);
    if (code == SL_OK || !err) return code;
    if (err->span.end > err->span.begin) {
        err->span.begin += cast->type_span.begin;
        err->span.end += cast->type_span.begin;
    } else {
        err->span = cast->type_span;
    }
    return code;
}

static enum sl_code bind_cast(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err) {
    struct sl_expr *arg;
    const struct sl_type *type;
    SL_TRY(sl_bind_uexpr(binder, scope, expr->args[0], &arg, err));
    SL_TRY(sl_bind_type(binder, expr, &type, err));
    return sl_expr_cast(&binder->ctx->expr, arg, type,
                        expr->try_cast ? SL_CAST_TRY : cast_mode(binder), expr->span, out, err);
}

/* CASE x WHEN a ..: the condition is x = a. */
static enum sl_code bind_case(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err) {
    struct sl_expr *operand = NULL, *otherwise = NULL;
    uint32_t at = 0, end = expr->arg_count - (expr->has_else ? 1 : 0);
    if (expr->has_operand) SL_TRY(sl_bind_uexpr(binder, scope, expr->args[at++], &operand, err));
    if (expr->has_else) SL_TRY(sl_bind_uexpr(binder, scope, expr->args[end], &otherwise, err));
    uint32_t pair_count = (end - at) / 2;
    struct sl_expr **pairs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, 2 * pair_count + 1);
    for (uint32_t i = 0; i < 2 * pair_count; i++) {
        SL_TRY(sl_bind_uexpr(binder, scope, expr->args[at + i], &pairs[i], err));
        if (!operand || i % 2) continue;
        struct sl_expr *sides[2] = {operand, pairs[i]};
        SL_TRY(sl_expr_call(&binder->ctx->expr, SL_STR("="), sides, 2, expr->args[at + i]->span,
                            &pairs[i], err));
    }
    return sl_expr_case(&binder->ctx->expr, pairs, pair_count, otherwise, expr->span, out, err);
}

/* The base's text is made for an error only: making it binds the base again, and nested fields
 * would do so at every level. */
static enum sl_code bind_named_field(struct sl_binder *binder, const struct sl_scope *scope,
                                     const struct sl_uexpr *expr, struct sl_expr **out,
                                     struct sl_err *err) {
    struct sl_expr *base;
    struct sl_err ignored = {0};
    SL_TRY(sl_bind_uexpr(binder, scope, expr->args[0], &base, err));
    if (bind_field(binder, base, (struct sl_str){0}, expr->field_name, expr->span, out, &ignored) ==
        SL_OK)
        return SL_OK;
    return bind_field(binder, base, sl_pretty_text(binder, scope, expr->args[0]), expr->field_name,
                      expr->span, out, err);
}

static enum sl_code bind_parameter(const struct sl_uexpr *expr, struct sl_err *err) {
    struct sl_str name = expr->name.count ? expr->name.parts[0] : SL_STR("?");
    return sl_fail_at(err, expr->span, "UNBOUND_SQL_PARAMETER", "42P02",
                      "found the unbound parameter: %.*s", SL_STR_ARG(name));
}

static enum sl_code bind_kind(struct sl_binder *binder, const struct sl_scope *scope,
                              const struct sl_uexpr *expr, struct sl_expr **out,
                              struct sl_err *err) {
    switch (expr->kind) {
    case SL_U_LITERAL:
        return sl_bind_literal(binder, expr, out, err);
    case SL_U_ATTRIBUTE:
        return bind_attribute(binder, scope, expr, out, err);
    case SL_U_FUNCTION:
        return bind_function(binder, scope, expr, out, err);
    case SL_U_CAST:
        return bind_cast(binder, scope, expr, out, err);
    case SL_U_FIELD:
        return bind_named_field(binder, scope, expr, out, err);
    case SL_U_EXTRACT_VALUE:
        return bind_extract(binder, scope, expr, out, err);
    case SL_U_CASE:
        return bind_case(binder, scope, expr, out, err);
    case SL_U_PARAMETER:
        return bind_parameter(expr, err);
    case SL_U_INTERVAL:
        if (!expr->arg_count) return sl_bind_literal(binder, expr, out, err);
        return sl_bind_refuse(err, expr->span, "an INTERVAL whose value is not a literal");
    case SL_U_STAR:
        return sl_fail_at(err, expr->span, "INVALID_USAGE_OF_STAR_OR_REGEX", "42000",
                          "invalid usage of '*' here: it stands in a SELECT list or among the "
                          "arguments of a function");
    case SL_U_ALIAS:
        return sl_fail_at(err, expr->span, "PARSE_SYNTAX_ERROR", "42601",
                          "an alias can only name an item of a SELECT list or a field of struct()");
    case SL_U_LAMBDA:
        return sl_fail_at(err, expr->span, "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION",
                          "42K0D",
                          "invalid lambda function call: a lambda function should only be used in "
                          "a higher-order function, such as transform()");
    case SL_U_SUBQUERY:
        return sl_bind_refuse(err, expr->span, "subqueries inside expressions");
    case SL_U_WINDOW:
        return sl_bind_refuse(err, expr->span, "window functions with OVER");
    case SL_U_NAMED_ARGUMENT:
        return sl_bind_refuse(err, expr->span, "a named argument here");
    case SL_U_SORT_ORDER:
        return sl_bind_refuse(err, expr->span, "a sort order here");
    }
    return sl_fail(err, SL_BUG, "unknown expression kind %d", (int)expr->kind);
}

enum sl_code sl_bind_uexpr(struct sl_binder *binder, const struct sl_scope *scope,
                           const struct sl_uexpr *expr, struct sl_expr **out, struct sl_err *err) {
    SL_TRY(bind_kind(binder, scope, expr, out, err));
    if (!expr->negated) return SL_OK;
    return sl_expr_call(&binder->ctx->expr, SL_STR("not"), out, 1, expr->span, out, err);
}

enum sl_code sl_bind_expr(struct sl_bind_ctx *ctx, const struct sl_uexpr *expr,
                          const struct sl_node *node, struct sl_expr **out, struct sl_err *err) {
    struct sl_binder binder = {.ctx = ctx, .arena = ctx->expr.query};
    struct sl_scope scope = {.case_sensitive = ctx->expr.session->case_sensitive};
    if (node) scope = sl_scope_of(&binder, node);
    return sl_bind_uexpr(&binder, &scope, expr, out, err);
}
