/* Spark's names of SELECT items without alias, and its text of expressions in messages.
 * Source: catalyst util/package.scala (usePrettyExpression, toPrettySQL), AliasResolution.scala and
 * the sql methods of the expressions; every form was compared with Spark 4.1.1. */
#include <stdio.h>

#include "plan/bind_int.h"

/* A lambda around what is being put. */
struct shown_lambda {
    const struct sl_name *names;
    const struct shown_lambda *outer;
};

struct pretty {
    struct sl_binder *binder;
    const struct sl_scope *scope;
    struct sl_buf *out;
    const struct shown_lambda *lambdas;
};

static void put(const struct pretty *pretty, const struct sl_uexpr *expr);

static void put_text(const struct pretty *pretty, const char *text) {
    sl_buf_put_cstr(pretty->out, text);
}

/* The bound expression, or NULL when it does not bind; its error is told elsewhere. */
static const struct sl_expr *bound(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct sl_expr *out;
    struct sl_err ignored = {0};
    return sl_bind_uexpr(pretty->binder, pretty->scope, expr, &out, &ignored) == SL_OK ? out : NULL;
}

static const struct sl_type *type_of(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_expr *value = bound(pretty, expr);
    return value ? value->type : &sl_type_null;
}

void sl_name_put(struct sl_buf *out, const struct sl_name *name) {
    for (uint32_t i = 0; i < name->count; i++)
        sl_buf_printf(out, "%s`%.*s`", i ? "." : "", SL_STR_ARG(name->parts[i]));
}

/* ---- names ---- */

static const struct sl_type *put_step(const struct pretty *pretty, const struct sl_type *type,
                                      struct sl_str field) {
    bool map = type && type->kind == SL_MAP_KIND;
    sl_buf_printf(pretty->out, map ? "[%.*s]" : ".%.*s", SL_STR_ARG(field));
    if (!type) return NULL;
    if (map) return type->fields[1].type;
    if (type->kind == SL_ARRAY_KIND) type = type->fields[0].type;
    int found = type->kind == SL_STRUCT_KIND ? sl_type_find_field(type, field) : -1;
    return found >= 0 ? type->fields[found].type : NULL;
}

static bool is_lambda_param(const struct pretty *pretty, struct sl_str name) {
    if (sl_lambda_param(pretty->scope, name) >= 0) return true;
    for (const struct shown_lambda *lambda = pretty->lambdas; lambda; lambda = lambda->outer)
        for (uint32_t i = 0; i < lambda->names->count; i++)
            if (sl_scope_name_eq(pretty->scope, lambda->names->parts[i], name)) return true;
    return false;
}

static void put_lambda_variable(const struct pretty *pretty, const struct sl_name *name) {
    put_text(pretty, "namedlambdavariable()");
    for (uint32_t i = 1; i < name->count; i++) put_step(pretty, NULL, name->parts[i]);
}

static void put_lambda(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct shown_lambda lambda = {&expr->aliases, pretty->lambdas};
    struct pretty inner = *pretty;
    inner.lambdas = &lambda;
    put_text(&inner, "lambdafunction(");
    put(&inner, expr->args[0]);
    for (uint32_t i = 0; i < expr->aliases.count; i++) put_text(&inner, ", namedlambdavariable()");
    put_text(&inner, ")");
}

static void put_attribute(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_name *name = &expr->name;
    struct sl_resolved at;
    if (name->count && is_lambda_param(pretty, name->parts[0])) {
        put_lambda_variable(pretty, name);
        return;
    }
    bool resolved =
        sl_scope_resolve(pretty->scope, name, &at, NULL) == SL_OK && at.found && name->count;
    const struct sl_type *type = NULL;
    if (resolved) {
        type = pretty->scope->columns[at.column].type;
        sl_buf_put_str(pretty->out, name->parts[at.used - 1]);
    } else if (name->count && sl_select_has_lateral(pretty->scope, name->parts[0])) {
        at.used = 1;
        bool made = sl_select_is_generated(pretty->scope, name->parts[0]);
        sl_buf_printf(pretty->out, made ? "%.*s" : "lateralAliasReference(%.*s)",
                      SL_STR_ARG(name->parts[0]));
    } else {
        const struct sl_expr *value = bound(pretty, expr);
        for (at.used = 0; at.used < name->count; at.used++)
            sl_buf_printf(pretty->out, "%s%.*s", at.used ? "." : "",
                          SL_STR_ARG(name->parts[at.used]));
        if (value) put_text(pretty, "()"); /* current_date */
    }
    for (uint32_t i = at.used; i < name->count; i++) type = put_step(pretty, type, name->parts[i]);
}

/* ---- literals ---- */

static void put_binary(struct sl_buf *out, struct sl_str bytes) {
    sl_buf_put_cstr(out, "X'");
    for (size_t i = 0; i < bytes.len; i++) sl_buf_printf(out, "%02X", (uint8_t)bytes.ptr[i]);
    sl_buf_put_byte(out, '\'');
}

static const char *literal_prefix(enum sl_kind kind) {
    switch (kind) {
    case SL_DATE_KIND:
        return "DATE '";
    case SL_TIMESTAMP_KIND:
        return "TIMESTAMP '";
    case SL_TIMESTAMP_NTZ_KIND:
        return "TIMESTAMP_NTZ '";
    default:
        return NULL;
    }
}

static void put_literal(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_expr *value = bound(pretty, expr);
    if (!value || value->kind != SL_EXPR_LITERAL) {
        sl_buf_put_str(pretty->out, expr->literal.text);
        return;
    }
    if (sl_vec_is_null(value->literal, 0)) {
        put_text(pretty, "NULL");
        return;
    }
    if (value->type->kind == SL_BINARY_KIND) {
        put_binary(pretty->out, sl_vec_str(value->literal, 0));
        return;
    }
    const char *prefix = literal_prefix(value->type->kind);
    if (prefix) put_text(pretty, prefix);
    sl_cast_put_text(pretty->out, value->literal, 0, pretty->binder->ctx->expr.session);
    if (prefix) put_text(pretty, "'");
}

/* ---- operators ---- */

static void put_infix(const struct pretty *pretty, const struct sl_uexpr *left, const char *name,
                      const struct sl_uexpr *right, bool parentheses) {
    if (parentheses) put_text(pretty, "(");
    put(pretty, left);
    sl_buf_printf(pretty->out, " %s ", name);
    put(pretty, right);
    if (parentheses) put_text(pretty, ")");
}

static void put_around(const struct pretty *pretty, const char *before, const struct sl_uexpr *arg,
                       const char *after) {
    put_text(pretty, before);
    put(pretty, arg);
    put_text(pretty, after);
}

static void put_list(const struct pretty *pretty, struct sl_uexpr *const *args, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) put_text(pretty, ", ");
        put(pretty, args[i]);
    }
}

static bool is_function(const struct sl_uexpr *expr, const char *name, uint32_t arg_count) {
    return expr->kind == SL_U_FUNCTION && expr->arg_count == arg_count &&
           sl_str_eq_nocase(expr->name.parts[expr->name.count - 1], sl_str(name));
}

/* The parser writes x BETWEEN a AND b as x >= a AND x <= b with one x. */
static bool put_between(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_uexpr *low = expr->args[0], *high = expr->args[1];
    if (!is_function(low, ">=", 2) || !is_function(high, "<=", 2) || low->args[0] != high->args[0])
        return false;
    put_text(pretty, "between(");
    put_list(pretty, low->args, 2);
    put_text(pretty, ", ");
    put(pretty, high->args[1]);
    put_text(pretty, ")");
    return true;
}

/* Sums with a date or timestamp: Spark puts the moment first and shows its own functions. */
static bool put_time_sum(const struct pretty *pretty, const struct sl_uexpr *expr,
                         const char *name) {
    const struct sl_uexpr *moment = expr->args[0], *amount = expr->args[1];
    const struct sl_type *a = type_of(pretty, moment), *b = type_of(pretty, amount);
    if (name[0] == '+' && sl_type_is_datetime(b) && !sl_type_is_datetime(a)) {
        const struct sl_uexpr *swap = moment;
        const struct sl_type *swap_type = a;
        moment = amount, a = b;
        amount = swap, b = swap_type;
    }
    if (sl_type_is_datetime(a) && sl_type_is_interval(b)) {
        put_infix(pretty, moment, name, amount, false);
        return true;
    }
    if (a->kind != SL_DATE_KIND || !sl_type_is_integer(b)) return false;
    put_around(pretty, name[0] == '+' ? "date_add(" : "date_sub(", moment, ", ");
    put_around(pretty, "", amount, ")");
    return true;
}

static bool put_binary_operator(const struct pretty *pretty, const struct sl_uexpr *expr,
                                struct sl_str name) {
    static const char *const operators[][2] = {
        {"+", "+"},          {"-", "-"},           {"*", "*"},
        {"/", "/"},          {"%", "%"},           {"div", "div"},
        {"=", "="},          {"==", "="},          {"<=>", "<=>"},
        {"<", "<"},          {"<=", "<="},         {">", ">"},
        {">=", ">="},        {"&", "&"},           {"|", "|"},
        {"^", "^"},          {"and", "AND"},       {"or", "OR"},
        {"shiftleft", "<<"}, {"shiftright", ">>"}, {"shiftrightunsigned", ">>>"},
    };
    if (expr->arg_count != 2) return false;
    for (size_t i = 0; i < sizeof operators / sizeof *operators; i++) {
        if (!sl_str_eq_nocase(name, sl_str(operators[i][0]))) continue;
        if (sl_str_eq_nocase(name, SL_STR("and")) && put_between(pretty, expr)) return true;
        bool sum = name.len == 1 && (name.ptr[0] == '+' || name.ptr[0] == '-');
        if (sum && put_time_sum(pretty, expr, operators[i][1])) return true;
        put_infix(pretty, expr->args[0], operators[i][1], expr->args[1], true);
        return true;
    }
    return false;
}

static bool put_predicate(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct sl_uexpr *const *args = expr->args;
    if (is_function(expr, "<>", 2) || is_function(expr, "!=", 2)) {
        put_text(pretty, "(NOT ");
        put_infix(pretty, args[0], "=", args[1], true);
        put_text(pretty, ")");
    } else if (is_function(expr, "not", 1)) {
        put_around(pretty, "(NOT ", args[0], ")");
    } else if (is_function(expr, "isnull", 1)) {
        put_around(pretty, "(", args[0], " IS NULL)");
    } else if (is_function(expr, "isnotnull", 1)) {
        put_around(pretty, "(", args[0], " IS NOT NULL)");
    } else if (is_function(expr, "in", expr->arg_count) && expr->arg_count) {
        put_around(pretty, "(", args[0], " IN (");
        put_list(pretty, args + 1, expr->arg_count - 1);
        put_text(pretty, "))");
    } else if (is_function(expr, "like", 2)) {
        put_infix(pretty, args[0], "LIKE", args[1], false);
    } else if (is_function(expr, "like", 3)) {
        put_infix(pretty, args[0], "LIKE", args[1], false);
        put_around(pretty, " ESCAPE '", args[2], "'");
    } else {
        return false;
    }
    return true;
}

static bool put_special(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct sl_uexpr *const *args = expr->args;
    const struct sl_type *cast = sl_cast_function_type(pretty->binder->arena, expr);
    bool both = is_function(expr, "trim", 2);
    if (cast) {
        put_around(pretty, "CAST(", args[0], " AS ");
        sl_type_put_sql(pretty->out, cast);
        put_text(pretty, ")");
    } else if (is_function(expr, "negative", 1) && expr->name.span.end == expr->span.end) {
        /* written `-x`; the call negative(x) shows as it is written */
        put_around(pretty, "(- ", args[0], ")");
    } else if (is_function(expr, "positive", 1)) {
        put_around(pretty, "(+ ", args[0], ")");
    } else if (is_function(expr, "~", 1)) {
        put_around(pretty, "~", args[0], "");
    } else if (is_function(expr, "||", 2)) {
        put_around(pretty, "concat(", args[0], ", ");
        put_around(pretty, "", args[1], ")");
    } else if (is_function(expr, "if", 3)) {
        put_text(pretty, "(IF(");
        put_list(pretty, args, 3);
        put_text(pretty, "))");
    } else if (both || is_function(expr, "ltrim", 2) || is_function(expr, "rtrim", 2)) {
        put_text(pretty, both                            ? "TRIM(BOTH "
                         : is_function(expr, "ltrim", 2) ? "TRIM(LEADING "
                                                         : "TRIM(TRAILING ");
        put_infix(pretty, args[0], "FROM", args[1], false);
        put_text(pretty, ")");
    } else if (is_function(expr, "extract", 2)) {
        put_text(pretty, "extract(");
        put_infix(pretty, args[0], "FROM", args[1], false);
        put_text(pretty, ")");
    } else {
        return false;
    }
    return true;
}

/* ---- plain calls ---- */

static const char *pretty_name(const struct sl_uexpr *expr) {
#define PRETTY_NAME(function, count, name)                                                         \
    if (is_function(expr, function, count)) return name;
#include "plan/pretty.def"
    return NULL;
}

static const char *default_arguments(const struct sl_uexpr *expr) {
#define DEFAULT_ARGUMENTS(function, count, text)                                                   \
    if (is_function(expr, function, count)) return text;
#include "plan/pretty.def"
    return "";
}

/* from_json(s, schema) shows as from_json(s): schema and options are no children there. */
static bool shows_first_only(struct sl_str name) {
    static const char *const names[] = {
        "from_json", "to_json",     "from_csv",  "to_csv", "from_xml",   "to_xml",
        "first",     "first_value", "any_value", "last",   "last_value", "approx_count_distinct"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (sl_str_eq_nocase(name, sl_str(names[i]))) return true;
    return false;
}

static void put_star_args(const struct pretty *pretty, const struct sl_uexpr *star) {
    struct sl_star_item *items;
    uint32_t count;
    struct sl_err ignored = {0};
    if (sl_bind_star(pretty->binder, pretty->scope, star, &items, &count, &ignored) != SL_OK) {
        put_text(pretty, "*");
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(pretty->out, "%s%.*s", i ? ", " : "", SL_STR_ARG(items[i].name));
}

/* The columns that window() and session_window() are; count(*), which is count(1). */
static bool put_column_call(const struct pretty *pretty, const struct sl_uexpr *expr) {
    bool window = is_function(expr, "window", expr->arg_count) && expr->arg_count > 1;
    if (window && sl_is_time_window(expr)) {
        put_text(pretty, "window");
    } else if (is_function(expr, "session_window", 2)) {
        put_text(pretty, "session_window");
    } else if (is_function(expr, "count", 1) && expr->args[0]->kind == SL_U_STAR &&
               !expr->args[0]->name.count && !expr->distinct) {
        put_text(pretty, "count(1)");
    } else {
        return false;
    }
    return true;
}

static void put_call(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct sl_str name = expr->name.parts[expr->name.count - 1];
    if (put_column_call(pretty, expr)) return;
    const char *shown = pretty_name(expr);
    for (size_t i = 0; !shown && i < name.len; i++) {
        char c = name.ptr[i];
        sl_buf_put_byte(pretty->out, (uint8_t)(c >= 'A' && c <= 'Z' ? c + 32 : c));
    }
    if (shown) put_text(pretty, shown);
    put_text(pretty, expr->distinct ? "(DISTINCT " : "(");
    uint32_t count = shows_first_only(name) && expr->arg_count ? 1 : expr->arg_count;
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_uexpr *arg = expr->args[i];
        if (i) put_text(pretty, ", ");
        if (arg->kind == SL_U_STAR)
            put_star_args(pretty, arg);
        else
            put(pretty, arg);
        if (arg->kind == SL_U_ALIAS && arg->aliases.count)
            sl_buf_printf(pretty->out, " AS %.*s", SL_STR_ARG(arg->aliases.parts[0]));
    }
    put_text(pretty, default_arguments(expr));
    put_text(pretty, ")");
}

static void put_function(const struct pretty *pretty, const struct sl_uexpr *expr) {
    struct sl_str name = expr->name.parts[expr->name.count - 1];
    if (put_binary_operator(pretty, expr, name) || put_predicate(pretty, expr) ||
        put_special(pretty, expr))
        return;
    put_call(pretty, expr);
    if (expr->filter) put_around(pretty, " FILTER (WHERE ", expr->filter, ")");
}

/* ---- the rest ---- */

static void put_cast(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_type *type;
    put_around(pretty, expr->try_cast ? "TRY_CAST(" : "CAST(", expr->args[0], " AS ");
    struct sl_err ignored = {0};
    if (sl_bind_type(pretty->binder, expr, &type, &ignored) == SL_OK)
        sl_type_put_sql(pretty->out, type);
    else
        sl_buf_put_str(pretty->out, expr->type_text);
    put_text(pretty, ")");
}

static void put_case(const struct pretty *pretty, const struct sl_uexpr *expr) {
    uint32_t at = expr->has_operand ? 1 : 0, end = expr->arg_count - (expr->has_else ? 1 : 0);
    put_text(pretty, "CASE");
    for (; at + 1 < end; at += 2) {
        put_text(pretty, " WHEN ");
        if (expr->has_operand)
            put_infix(pretty, expr->args[0], "=", expr->args[at], true);
        else
            put(pretty, expr->args[at]);
        put_around(pretty, " THEN ", expr->args[at + 1], "");
    }
    if (expr->has_else) put_around(pretty, " ELSE ", expr->args[end], "");
    put_text(pretty, " END");
}

static void put_extract_value(const struct pretty *pretty, const struct sl_uexpr *expr) {
    const struct sl_uexpr *key = expr->args[1];
    const struct sl_type *type = type_of(pretty, expr->args[0]);
    if (type->kind == SL_ARRAY_KIND) type = type->fields[0].type;
    put(pretty, expr->args[0]);
    if (type->kind == SL_STRUCT_KIND && key->kind == SL_U_LITERAL &&
        key->literal.kind == SL_LIT_STRING)
        put_around(pretty, ".", key, "");
    else
        put_around(pretty, "[", key, "]");
}

static void put(const struct pretty *pretty, const struct sl_uexpr *expr) {
    if (expr->negated) put_text(pretty, "(NOT ");
    switch (expr->kind) {
    case SL_U_LITERAL:
        put_literal(pretty, expr);
        break;
    case SL_U_INTERVAL:
        put_literal(pretty, expr);
        break;
    case SL_U_ATTRIBUTE:
        put_attribute(pretty, expr);
        break;
    case SL_U_FUNCTION:
        put_function(pretty, expr);
        break;
    case SL_U_CAST:
        put_cast(pretty, expr);
        break;
    case SL_U_CASE:
        put_case(pretty, expr);
        break;
    case SL_U_EXTRACT_VALUE:
        put_extract_value(pretty, expr);
        break;
    case SL_U_ALIAS:
        put(pretty, expr->args[0]);
        break;
    case SL_U_FIELD:
        put(pretty, expr->args[0]);
        put_step(pretty, type_of(pretty, expr->args[0]), expr->field_name);
        break;
    case SL_U_LAMBDA:
        put_lambda(pretty, expr);
        break;
    default:
        put_text(pretty, "expression");
        break;
    }
    if (expr->negated) put_text(pretty, ")");
}

struct sl_str sl_pretty_text(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *expr) {
    struct sl_buf buf = {0};
    struct pretty pretty = {binder, scope, &buf, NULL};
    put(&pretty, expr);
    struct sl_str text = sl_arena_str(binder->arena, sl_buf_str(&buf));
    sl_buf_release(&buf);
    return text;
}

/* What names the value when it is a name itself: a column, also under a cast; a field. */
static const struct sl_uexpr *naming_attribute(const struct pretty *pretty,
                                               const struct sl_uexpr *expr) {
    if (expr->kind == SL_U_ATTRIBUTE) return expr;
    bool cast = expr->kind == SL_U_CAST || sl_cast_function_type(pretty->binder->arena, expr);
    if (!cast || expr->negated || expr->args[0]->kind != SL_U_ATTRIBUTE) return NULL;
    const struct sl_name *name = &expr->args[0]->name;
    struct sl_resolved at;
    if (sl_scope_resolve(pretty->scope, name, &at, NULL) != SL_OK) return NULL;
    uint32_t used = at.found                                               ? at.used
                    : sl_select_has_lateral(pretty->scope, name->parts[0]) ? 1
                                                                           : 0;
    return used == name->count ? expr->args[0] : NULL;
}

struct sl_str sl_column_name(struct sl_binder *binder, const struct sl_scope *scope,
                             const struct sl_uexpr *expr) {
    struct pretty pretty = {binder, scope, NULL, NULL};
    const struct sl_uexpr *attribute = naming_attribute(&pretty, expr);
    if (!attribute || expr->negated) return sl_pretty_text(binder, scope, expr);
    const struct sl_name *name = &attribute->name;
    struct sl_resolved at;
    bool column = sl_scope_resolve(scope, name, &at, NULL) == SL_OK && at.found;
    if (!column && !sl_select_has_lateral(scope, name->parts[0]))
        return sl_pretty_text(binder, scope, expr); /* current_date() */
    return name->parts[name->count - 1];
}
