/* SQL text of a bound tree: for EXPLAIN and for messages. */
#include <stdlib.h>

#include "expr/expr_int.h"
#include "expr/higher.h"
#include "kern/zone.h"

static void put(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names);

static void put_args(struct sl_buf *out, struct sl_expr *const *args, uint32_t count,
                     const char *between, const struct sl_str *names) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) sl_buf_put_cstr(out, between);
        put(out, args[i], names);
    }
}

static bool is_operator(const char *name) {
    static const char *const operators[] = {"+",  "-",    "*",     "/",     "%",  "div", "=", "<=>",
                                            "<",  "<=",   ">",     ">=",    "<>", "&",   "|", "^",
                                            "||", "like", "rlike", "ilike", "==", "!="};
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (strcmp(name, operators[i]) == 0) return true;
    return false;
}

static void put_upper(struct sl_buf *out, const char *word) {
    for (; *word; word++) {
        char c = *word;
        sl_buf_put_byte(out, (uint8_t)(c >= 'a' && c <= 'z' && c != 'd' ? c - 32 : c));
    }
}

static void put_infix(struct sl_buf *out, const char *name, struct sl_expr *const *args,
                      const struct sl_str *names) {
    sl_buf_put_byte(out, '(');
    put(out, args[0], names);
    sl_buf_put_byte(out, ' ');
    if (name[0] == 'l' || name[0] == 'r' || name[0] == 'i')
        put_upper(out, name);
    else
        sl_buf_put_cstr(out, name);
    sl_buf_put_byte(out, ' ');
    put(out, args[1], names);
    sl_buf_put_byte(out, ')');
}

static void put_suffixed(struct sl_buf *out, const struct sl_expr *arg, const char *suffix,
                         const struct sl_str *names) {
    sl_buf_put_byte(out, '(');
    put(out, arg, names);
    sl_buf_put_cstr(out, suffix);
}

static void put_call(struct sl_buf *out, const char *name, struct sl_expr *const *args,
                     uint32_t count, const struct sl_str *names) {
    if (count == 2 && is_operator(name)) {
        put_infix(out, name, args, names);
        return;
    }
    if (count == 1 && strcmp(name, "isnull") == 0) {
        put_suffixed(out, args[0], " IS NULL)", names);
    } else if (count == 1 && strcmp(name, "isnotnull") == 0) {
        put_suffixed(out, args[0], " IS NOT NULL)", names);
    } else if (count == 1 && (strcmp(name, "not") == 0 || strcmp(name, "!") == 0)) {
        sl_buf_put_cstr(out, "(NOT ");
        put(out, args[0], names);
        sl_buf_put_byte(out, ')');
    } else if (count == 2 && strcmp(name, "[]") == 0) {
        put(out, args[0], names);
        sl_buf_put_byte(out, '[');
        put(out, args[1], names);
        sl_buf_put_byte(out, ']');
    } else if (count >= 1 && strcmp(name, "in") == 0) {
        put_suffixed(out, args[0], " IN (", names);
        put_args(out, args + 1, count - 1, ", ", names);
        sl_buf_put_cstr(out, "))");
    } else {
        sl_buf_put_cstr(out, name);
        sl_buf_put_byte(out, '(');
        put_args(out, args, count, ", ", names);
        sl_buf_put_byte(out, ')');
    }
}

static void put_literal(struct sl_buf *out, const struct sl_expr *expr) {
    static const struct sl_session plain = {.ansi = true, .time_zone = {"UTC", 3}};
    const struct sl_vec *value = expr->literal;
    if (sl_vec_is_null(value, 0)) {
        sl_buf_put_cstr(out, "NULL");
        return;
    }
    struct sl_session session = plain;
    session.zone = sl_zone_utc;
    const char *prefix = expr->type->kind == SL_DATE_KIND            ? "DATE '"
                         : expr->type->kind == SL_TIMESTAMP_KIND     ? "TIMESTAMP '"
                         : expr->type->kind == SL_TIMESTAMP_NTZ_KIND ? "TIMESTAMP_NTZ '"
                         : expr->type->kind == SL_STRING_KIND        ? "'"
                                                                     : NULL;
    if (prefix) sl_buf_put_cstr(out, prefix);
    sl_cast_put_text(out, value, 0, &session);
    if (prefix) sl_buf_put_byte(out, '\'');
}

static void put_case(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    sl_buf_put_cstr(out, "CASE");
    uint32_t i = 0;
    for (; i + 1 < expr->arg_count; i += 2) {
        sl_buf_put_cstr(out, " WHEN ");
        put(out, expr->args[i], names);
        sl_buf_put_cstr(out, " THEN ");
        put(out, expr->args[i + 1], names);
    }
    if (i < expr->arg_count) {
        sl_buf_put_cstr(out, " ELSE ");
        put(out, expr->args[i], names);
    }
    sl_buf_put_cstr(out, " END");
}

static void put_column(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    struct sl_str name = names ? names[expr->column] : expr->name;
    if (name.len)
        sl_buf_put_str(out, name);
    else
        sl_buf_printf(out, "col%u", expr->column);
}

static void put_field(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    const struct sl_type *type = expr->args[0]->type;
    if (type->kind == SL_ARRAY_KIND) type = type->fields[0].type;
    put(out, expr->args[0], names);
    sl_buf_put_byte(out, '.');
    sl_buf_put_str(out, type->fields[expr->field].name);
}

/* A lambda's body: its columns are named after the parameters, then by what they capture. */
static void put_lambda(struct sl_buf *out, const struct sl_expr *expr,
                       const struct sl_lambda *lambda, const struct sl_str *names) {
    uint32_t captures = expr->arg_count - expr->higher->own_count;
    struct sl_buf *texts = sl_xcalloc(captures + 1, sizeof *texts);
    struct sl_str *inner = sl_xcalloc(lambda->param_count + captures + 1, sizeof *inner);
    for (uint32_t i = 0; i < captures; i++) {
        put(&texts[i], expr->args[expr->higher->own_count + i], names);
        inner[lambda->param_count + i] = sl_buf_str(&texts[i]);
    }
    sl_buf_put_cstr(out, lambda->param_count == 1 ? ", " : ", (");
    for (uint32_t i = 0; i < lambda->param_count; i++) {
        inner[i] = lambda->names[i];
        sl_buf_printf(out, "%s%.*s", i ? ", " : "", SL_STR_ARG(inner[i]));
    }
    sl_buf_put_cstr(out, lambda->param_count == 1 ? " -> " : ") -> ");
    put(out, lambda->body, inner);
    for (uint32_t i = 0; i < captures; i++) sl_buf_release(&texts[i]);
    free(texts);
    free(inner);
}

static void put_higher(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    const struct sl_higher *higher = expr->higher;
    sl_buf_printf(out, "%s(", higher->name);
    put_args(out, expr->args, higher->own_count, ", ", names);
    for (uint32_t i = 0; i < higher->lambda_count; i++)
        put_lambda(out, expr, &higher->lambdas[i], names);
    sl_buf_put_byte(out, ')');
}

static void put(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    switch (expr->kind) {
    case SL_EXPR_COLUMN:
        put_column(out, expr, names);
        break;
    case SL_EXPR_LITERAL:
        put_literal(out, expr);
        break;
    case SL_EXPR_CALL:
        put_call(out, expr->function->name, expr->args, expr->arg_count, names);
        break;
    case SL_EXPR_CAST:
        sl_buf_put_cstr(out, expr->cast_mode == SL_CAST_TRY ? "TRY_CAST(" : "CAST(");
        put(out, expr->args[0], names);
        sl_buf_put_cstr(out, " AS ");
        sl_type_put_sql(out, expr->type);
        sl_buf_put_byte(out, ')');
        break;
    case SL_EXPR_FIELD:
        put_field(out, expr, names);
        break;
    case SL_EXPR_CASE:
        put_case(out, expr, names);
        break;
    case SL_EXPR_AND:
    case SL_EXPR_OR:
        sl_buf_put_byte(out, '(');
        put_args(out, expr->args, expr->arg_count, expr->kind == SL_EXPR_AND ? " AND " : " OR ",
                 names);
        sl_buf_put_byte(out, ')');
        break;
    case SL_EXPR_COALESCE:
        sl_buf_put_cstr(out, "coalesce(");
        put_args(out, expr->args, expr->arg_count, ", ", names);
        sl_buf_put_byte(out, ')');
        break;
    case SL_EXPR_HIGHER:
        put_higher(out, expr, names);
        break;
    case SL_EXPR_FROM_JSON:
        sl_buf_put_cstr(out, "from_json(");
        put(out, expr->args[0], names);
        sl_buf_put_cstr(out, ", ");
        sl_type_put_sql(out, expr->type);
        sl_buf_put_byte(out, ')');
        break;
    }
}

void sl_expr_put_text(struct sl_buf *out, const struct sl_expr *expr, const struct sl_str *names) {
    put(out, expr, names);
}

void sl_expr_put_sql(struct sl_buf *out, const struct sl_expr *expr) { put(out, expr, NULL); }

void sl_expr_put_call(struct sl_buf *out, const char *name, struct sl_expr *const *args,
                      uint32_t count) {
    put_call(out, name, args, count, NULL);
}
