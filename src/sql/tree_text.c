/* Canonical text of expressions: every operator in parentheses, names quoted where they must be.
 * Chains of operators are as deep as they are long, so the left spine is walked, not recursed. */
#include <stdlib.h>
#include <string.h>

#include "sql/lexer.h"
#include "sql/parser.h"
#include "sql/tree_text.h"

/* ---- names and texts ---- */

static bool is_plain_name(struct sl_str name) {
    if (name.len == 0 || (name.ptr[0] >= '0' && name.ptr[0] <= '9')) return false;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (!((c | 0x20) >= 'a' && (c | 0x20) <= 'z') && !(c >= '0' && c <= '9') && c != '_')
            return false;
    }
    return true;
}

void sl_tree_put_name_part(struct sl_buf *out, struct sl_str part) {
    if (is_plain_name(part) && sl_keyword_is_unquoted(sl_keyword_find(part))) {
        sl_buf_put_str(out, part);
        return;
    }
    sl_buf_put_byte(out, '`');
    for (size_t i = 0; i < part.len; i++) {
        if (part.ptr[i] == '`') sl_buf_put_byte(out, '`');
        sl_buf_put_byte(out, (uint8_t)part.ptr[i]);
    }
    sl_buf_put_byte(out, '`');
}

void sl_tree_put_name(struct sl_buf *out, const struct sl_name *name) {
    for (uint32_t i = 0; i < name->count; i++) {
        if (i) sl_buf_put_byte(out, '.');
        /* behind a dot every word is a name; quotes there could make a path of it */
        if (i && is_plain_name(name->parts[i]))
            sl_buf_put_str(out, name->parts[i]);
        else
            sl_tree_put_name_part(out, name->parts[i]);
    }
}

void sl_tree_put_names(struct sl_buf *out, const struct sl_name *names) {
    sl_buf_put_byte(out, '(');
    for (uint32_t i = 0; i < names->count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_tree_put_name_part(out, names->parts[i]);
    }
    sl_buf_put_byte(out, ')');
}

void sl_tree_put_string(struct sl_buf *out, struct sl_str text) {
    sl_buf_put_byte(out, '\'');
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], next = i + 1 < text.len ? text.ptr[i + 1] : 0;
        if (c == '\'')
            sl_buf_put_cstr(out, "\\'");
        else if (c == '\\' && (next == '%' || next == '_'))
            sl_buf_put_byte(out, '\\'); /* `\%` keeps its backslash */
        else if (c == '\\')
            sl_buf_put_cstr(out, "\\\\");
        else if (c == '\n')
            sl_buf_put_cstr(out, "\\n");
        else if (c == '\r')
            sl_buf_put_cstr(out, "\\r");
        else if (c == '\t')
            sl_buf_put_cstr(out, "\\t");
        else if (c == '\0')
            sl_buf_put_cstr(out, "\\000");
        else
            sl_buf_put_byte(out, (uint8_t)c);
    }
    sl_buf_put_byte(out, '\'');
}

/* ---- literals ---- */

static void put_interval(struct sl_buf *out, const struct sl_uliteral *literal) {
    static const char *const months[] = {"YEAR", "MONTH"};
    static const char *const days[] = {"DAY", "HOUR", "MINUTE", "SECOND"};
    static const uint64_t unit[] = {86400000000u, 3600000000u, 60000000u, 1000000u};
    uint64_t rest =
        literal->integer < 0 ? 0 - (uint64_t)literal->integer : (uint64_t)literal->integer;
    unsigned from = literal->interval_from, to = literal->interval_to;
    sl_buf_printf(out, "INTERVAL '%s", literal->integer < 0 ? "-" : "");
    if (literal->kind == SL_LIT_MONTH_INTERVAL) {
        if (from == 0) sl_buf_printf(out, "%llu", (unsigned long long)(rest / 12));
        if (to == 1)
            sl_buf_printf(out, from == 0 ? "-%llu" : "%llu",
                          (unsigned long long)(from == 0 ? rest % 12 : rest));
        sl_buf_printf(out, "' %s", months[from]);
        if (from != to) sl_buf_printf(out, " TO %s", months[to]);
        return;
    }
    for (unsigned field = from; field <= to; field++) {
        if (field != from) sl_buf_put_byte(out, field == 1 ? ' ' : ':');
        sl_buf_printf(out, field == from ? "%llu" : "%02llu",
                      (unsigned long long)(rest / unit[field]));
        rest %= unit[field];
    }
    if (to == 3 && rest) sl_buf_printf(out, ".%06llu", (unsigned long long)rest);
    sl_buf_printf(out, "' %s", days[from]);
    if (from != to) sl_buf_printf(out, " TO %s", days[to]);
}

static void put_literal(struct sl_buf *out, const struct sl_uliteral *literal) {
    static const char *const suffixes[] = {
        [SL_LIT_TINYINT] = "Y", [SL_LIT_SMALLINT] = "S", [SL_LIT_INT] = "",
        [SL_LIT_BIGINT] = "L",  [SL_LIT_DECIMAL] = "BD", [SL_LIT_FLOAT] = "F",
        [SL_LIT_DOUBLE] = "D"};
    switch (literal->kind) {
    case SL_LIT_NULL:
        sl_buf_put_cstr(out, "NULL");
        return;
    case SL_LIT_BOOL:
        sl_buf_put_cstr(out, literal->boolean ? "true" : "false");
        return;
    case SL_LIT_STRING:
        sl_tree_put_string(out, literal->text);
        return;
    case SL_LIT_DATE:
        sl_buf_put_cstr(out, "DATE ");
        break;
    case SL_LIT_TIMESTAMP:
        sl_buf_put_cstr(out, "TIMESTAMP ");
        break;
    case SL_LIT_TIMESTAMP_NTZ:
        sl_buf_put_cstr(out, "TIMESTAMP_NTZ ");
        break;
    case SL_LIT_BINARY:
        sl_buf_put_cstr(out, "X'");
        for (size_t i = 0; i < literal->text.len; i++)
            sl_buf_printf(out, "%02X", (unsigned char)literal->text.ptr[i]);
        sl_buf_put_byte(out, '\'');
        return;
    case SL_LIT_MONTH_INTERVAL:
    case SL_LIT_DAY_INTERVAL:
        put_interval(out, literal);
        return;
    default:
        sl_buf_put_str(out, literal->text);
        sl_buf_put_cstr(out, suffixes[literal->kind]);
        return;
    }
    sl_tree_put_string(out, literal->text);
}

/* ---- operators ---- */

/* The spelling of a binary operator, NULL when the call is none. */
static const char *infix_of(const struct sl_uexpr *expr) {
    static const char *const operators[][2] = {
        {"+", "+"},         {"-", "-"},         {"*", "*"},     {"/", "/"},   {"%", "%"},
        {"div", "DIV"},     {"||", "||"},       {"&", "&"},     {"|", "|"},   {"^", "^"},
        {"=", "="},         {"<=>", "<=>"},     {"<>", "<>"},   {"<", "<"},   {"<=", "<="},
        {">", ">"},         {">=", ">="},       {"and", "AND"}, {"or", "OR"}, {"like", "LIKE"},
        {"ilike", "ILIKE"}, {"rlike", "RLIKE"},
    };
    if (expr->kind != SL_U_FUNCTION || expr->arg_count != 2 || expr->name.count != 1 ||
        expr->distinct || expr->filter || expr->ignore_nulls)
        return NULL;
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++)
        if (sl_str_eq(expr->name.parts[0], sl_str(operators[i][0]))) return operators[i][1];
    return NULL;
}

static bool is_call(const struct sl_uexpr *expr, const char *name, uint32_t args) {
    return expr->kind == SL_U_FUNCTION && expr->name.count == 1 && expr->arg_count == args &&
           !expr->distinct && !expr->filter && !expr->ignore_nulls &&
           sl_str_eq(expr->name.parts[0], sl_str(name));
}

/* A node whose text begins with that of args[0]; the walk goes down there. */
static bool has_left_spine(const struct sl_uexpr *expr) {
    if (infix_of(expr)) return true;
    return expr->kind == SL_U_EXTRACT_VALUE || expr->kind == SL_U_FIELD;
}

static void put_list(struct sl_buf *out, struct sl_uexpr *const *items, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_sql_put_expr(out, items[i]);
    }
}

static void put_prefix(struct sl_buf *out, const char *name, const struct sl_uexpr *arg) {
    bool number = arg->kind == SL_U_LITERAL && arg->literal.kind >= SL_LIT_TINYINT &&
                  arg->literal.kind <= SL_LIT_DOUBLE;
    /* -(1) is no literal, and -- begins a comment */
    sl_buf_printf(out, number ? "(%s(" : "(%s ", name);
    sl_sql_put_expr(out, arg);
    sl_buf_put_cstr(out, number ? "))" : ")");
}

/* rollup, cube and struct stand for themselves; sets are lists in parentheses. */
static void put_grouping_sets(struct sl_buf *out, const struct sl_uexpr *expr) {
    sl_buf_put_cstr(out, "GROUPING SETS (");
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        const struct sl_uexpr *set = expr->args[i];
        if (i) sl_buf_put_cstr(out, ", ");
        if (is_call(set, "struct", set->arg_count)) {
            sl_buf_put_byte(out, '(');
            put_list(out, set->args, set->arg_count);
            sl_buf_put_byte(out, ')');
        } else {
            sl_sql_put_expr(out, set);
        }
    }
    sl_buf_put_byte(out, ')');
}

static void put_function_name(struct sl_buf *out, const struct sl_name *name) {
    bool keyword_fits = name->count == 1 && is_plain_name(name->parts[0]);
    enum sl_keyword keyword = keyword_fits ? sl_keyword_find(name->parts[0]) : K_NONE;
    if (keyword_fits && !sl_keyword_begins_no_expr(keyword) && keyword != K_NOT)
        sl_buf_put_str(out, name->parts[0]);
    else
        sl_tree_put_name(out, name);
}

static void put_lambda(struct sl_buf *out, const struct sl_uexpr *expr) {
    sl_tree_put_names(out, &expr->aliases);
    sl_buf_put_cstr(out, " -> ");
    sl_sql_put_expr(out, expr->args[0]);
}

static void put_call(struct sl_buf *out, const struct sl_uexpr *expr) {
    put_function_name(out, &expr->name);
    sl_buf_put_cstr(out, expr->distinct ? "(DISTINCT " : "(");
    for (uint32_t i = 0; i < expr->arg_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        if (expr->args[i]->kind == SL_U_LAMBDA)
            put_lambda(out, expr->args[i]);
        else
            sl_sql_put_expr(out, expr->args[i]);
    }
    sl_buf_put_byte(out, ')');
    if (expr->filter) {
        sl_buf_put_cstr(out, " FILTER (WHERE ");
        sl_sql_put_expr(out, expr->filter);
        sl_buf_put_byte(out, ')');
    }
    if (expr->ignore_nulls) sl_buf_put_cstr(out, " IGNORE NULLS");
}

static void put_function(struct sl_buf *out, const struct sl_uexpr *expr) {
    if (is_call(expr, "not", 1)) {
        sl_buf_put_cstr(out, "(NOT ");
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_byte(out, ')');
    } else if (is_call(expr, "negative", 1)) {
        put_prefix(out, "-", expr->args[0]);
    } else if (is_call(expr, "positive", 1)) {
        put_prefix(out, "+", expr->args[0]);
    } else if (is_call(expr, "~", 1)) {
        put_prefix(out, "~", expr->args[0]);
    } else if (is_call(expr, "isnull", 1) || is_call(expr, "isnotnull", 1)) {
        sl_buf_put_byte(out, '(');
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, expr->name.parts[0].len == 6 ? " IS NULL)" : " IS NOT NULL)");
    } else if (expr->arg_count > 1 && is_call(expr, "in", expr->arg_count)) {
        sl_buf_put_byte(out, '(');
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, " IN (");
        put_list(out, expr->args + 1, expr->arg_count - 1);
        sl_buf_put_cstr(out, "))");
    } else if (is_call(expr, "like", 3) || is_call(expr, "ilike", 3)) {
        sl_buf_put_byte(out, '(');
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, expr->name.parts[0].len == 4 ? " LIKE " : " ILIKE ");
        sl_sql_put_expr(out, expr->args[1]);
        sl_buf_put_cstr(out, " ESCAPE ");
        sl_sql_put_expr(out, expr->args[2]);
        sl_buf_put_byte(out, ')');
    } else if (is_call(expr, "grouping sets", expr->arg_count)) {
        put_grouping_sets(out, expr);
    } else {
        put_call(out, expr);
    }
}

/* ---- the other kinds ---- */

static void put_case(struct sl_buf *out, const struct sl_uexpr *expr) {
    uint32_t i = 0;
    sl_buf_put_cstr(out, "CASE");
    if (expr->has_operand) {
        sl_buf_put_byte(out, ' ');
        sl_sql_put_expr(out, expr->args[i++]);
    }
    for (; i + 1 < expr->arg_count; i += 2) {
        sl_buf_put_cstr(out, " WHEN ");
        sl_sql_put_expr(out, expr->args[i]);
        sl_buf_put_cstr(out, " THEN ");
        sl_sql_put_expr(out, expr->args[i + 1]);
    }
    if (expr->has_else) {
        sl_buf_put_cstr(out, " ELSE ");
        sl_sql_put_expr(out, expr->args[i]);
    }
    sl_buf_put_cstr(out, " END");
}

static void put_subquery(struct sl_buf *out, const struct sl_uexpr *expr) {
    bool in = expr->arg_count == 1;
    if (in) {
        sl_buf_put_byte(out, '(');
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, " IN ");
    } else if (expr->name.parts[0].len) {
        sl_buf_put_cstr(out, "EXISTS ");
    }
    sl_buf_put_byte(out, '(');
    sl_sql_put_relation(out, expr->relation, -1);
    sl_buf_put_cstr(out, in ? "))" : ")");
}

static void put_window(struct sl_buf *out, const struct sl_uexpr *expr) {
    const struct sl_uwindow *window = expr->window;
    sl_sql_put_expr(out, expr->args[0]);
    if (window->name.len) {
        sl_buf_put_cstr(out, " OVER ");
        sl_tree_put_name_part(out, window->name);
        return;
    }
    sl_buf_put_cstr(out, " OVER (");
    const char *space = "";
    if (window->partition_count) {
        sl_buf_put_cstr(out, "PARTITION BY ");
        put_list(out, window->partition, window->partition_count);
        space = " ";
    }
    if (window->order_count) {
        sl_buf_printf(out, "%sORDER BY ", space);
        put_list(out, window->order, window->order_count);
        space = " ";
    }
    if (window->frame_text.len) {
        sl_buf_put_cstr(out, space);
        sl_buf_put_str(out, window->frame_text);
    }
    sl_buf_put_byte(out, ')');
}

static void put_star(struct sl_buf *out, const struct sl_uexpr *expr) {
    sl_tree_put_name(out, &expr->name);
    sl_buf_put_cstr(out, expr->name.count ? ".*" : "*");
    if (expr->aliases.count == 0) return;
    sl_buf_put_cstr(out, " EXCEPT ");
    sl_tree_put_names(out, &expr->aliases);
}

static void put_alias(struct sl_buf *out, const struct sl_uexpr *expr) {
    sl_sql_put_expr(out, expr->args[0]);
    sl_buf_put_cstr(out, " AS ");
    if (expr->aliases.count == 1)
        sl_tree_put_name_part(out, expr->aliases.parts[0]);
    else
        sl_tree_put_names(out, &expr->aliases);
}

static void put_attribute(struct sl_buf *out, const struct sl_uexpr *expr) {
    bool reads_as_call = expr->name.count == 1 && sl_parse_is_bare_function(expr->name.parts[0]);
    const char *quote = reads_as_call ? "`" : "";
    sl_buf_put_cstr(out, quote);
    sl_tree_put_name(out, &expr->name);
    sl_buf_put_cstr(out, quote);
}

static void put_node(struct sl_buf *out, const struct sl_uexpr *expr) {
    switch (expr->kind) {
    case SL_U_LITERAL:
    case SL_U_INTERVAL:
        put_literal(out, &expr->literal);
        break;
    case SL_U_ATTRIBUTE:
        put_attribute(out, expr);
        break;
    case SL_U_STAR:
        put_star(out, expr);
        break;
    case SL_U_FUNCTION:
        put_function(out, expr);
        break;
    case SL_U_CAST:
        sl_buf_put_cstr(out, expr->try_cast ? "TRY_CAST(" : "CAST(");
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, " AS ");
        sl_buf_put_str(out, expr->type_text); /* may hold a NUL */
        sl_buf_put_byte(out, ')');
        break;
    case SL_U_ALIAS:
        put_alias(out, expr);
        break;
    case SL_U_CASE:
        put_case(out, expr);
        break;
    case SL_U_LAMBDA: /* its body would take in the operator behind it */
        sl_buf_put_byte(out, '(');
        put_lambda(out, expr);
        sl_buf_put_byte(out, ')');
        break;
    case SL_U_SUBQUERY:
        put_subquery(out, expr);
        break;
    case SL_U_WINDOW:
        put_window(out, expr);
        break;
    case SL_U_NAMED_ARGUMENT:
        sl_tree_put_name(out, &expr->name);
        sl_buf_put_cstr(out, " => ");
        sl_sql_put_expr(out, expr->args[0]);
        break;
    case SL_U_SORT_ORDER:
        sl_sql_put_expr(out, expr->args[0]);
        sl_buf_put_cstr(out, expr->descending ? " DESC" : " ASC");
        if (expr->nulls_set)
            sl_buf_put_cstr(out, expr->nulls_first ? " NULLS FIRST" : " NULLS LAST");
        break;
    case SL_U_PARAMETER:
        sl_buf_put_byte(out, expr->name.count ? ':' : '?');
        sl_tree_put_name(out, &expr->name);
        break;
    case SL_U_FIELD:
    case SL_U_EXTRACT_VALUE:
        break; /* sl_sql_put_expr */
    }
}

static void open_spine(struct sl_buf *out, const struct sl_uexpr *expr) {
    /* (a).b keeps a field from reading as part of a name */
    bool plain = expr->args[0]->kind == SL_U_EXTRACT_VALUE || expr->args[0]->kind == SL_U_FIELD;
    if (infix_of(expr) || !plain) sl_buf_put_byte(out, '(');
}

static void close_spine(struct sl_buf *out, const struct sl_uexpr *expr) {
    const char *infix = infix_of(expr);
    if (infix) {
        sl_buf_printf(out, " %s ", infix);
        sl_sql_put_expr(out, expr->args[1]);
        sl_buf_put_byte(out, ')');
        return;
    }
    bool plain = expr->args[0]->kind == SL_U_EXTRACT_VALUE || expr->args[0]->kind == SL_U_FIELD;
    if (!plain) sl_buf_put_byte(out, ')');
    if (expr->kind == SL_U_FIELD) {
        sl_buf_put_byte(out, '.');
        sl_tree_put_name_part(out, expr->field_name);
    } else {
        sl_buf_put_byte(out, '[');
        sl_sql_put_expr(out, expr->args[1]);
        sl_buf_put_byte(out, ']');
    }
}

void sl_sql_put_expr(struct sl_buf *out, const struct sl_uexpr *expr) {
    enum { SPINE_PIECE = 64 };
    if (!has_left_spine(expr)) {
        put_node(out, expr);
        return;
    }
    /* the way back up is kept here: the tree has no parent links */
    const struct sl_uexpr **spine = NULL;
    size_t count = 0, cap = 0;
    for (; has_left_spine(expr); expr = expr->args[0]) {
        if (count == cap) {
            cap = cap ? cap * 2 : SPINE_PIECE;
            spine = sl_xrealloc(spine, cap * sizeof *spine);
        }
        spine[count++] = expr;
        open_spine(out, expr);
    }
    put_node(out, expr);
    while (count) close_spine(out, spine[--count]);
    free(spine);
}
