/* Canonical text of relations: each becomes the SQL that parses to it. */
#include "sql/parse.h"
#include "sql/tree_text.h"

static void put_query(struct sl_buf *out, const struct sl_urelation *relation, int indent);
static void put_from_item(struct sl_buf *out, const struct sl_urelation *relation, int indent);

/* A new line at the indent, or one blank. */
static void put_break(struct sl_buf *out, int indent) {
    if (indent < 0)
        sl_buf_put_byte(out, ' ');
    else
        sl_buf_printf(out, "\n%*s", indent, "");
}

static int deeper(int indent) { return indent < 0 ? indent : indent + 2; }

static void put_list(struct sl_buf *out, struct sl_uexpr *const *items, uint32_t count) {
    for (uint32_t i = 0; i < count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_sql_put_expr(out, items[i]);
    }
}

static void put_parenthesised(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    sl_buf_put_byte(out, '(');
    put_query(out, relation, deeper(indent));
    sl_buf_put_byte(out, ')');
}

static void put_properties(struct sl_buf *out, const struct sl_properties *properties) {
    sl_buf_put_byte(out, '(');
    for (uint32_t i = 0; i < properties->count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_tree_put_string(out, properties->items[i].key);
        sl_buf_put_cstr(out, " = ");
        sl_tree_put_string(out, properties->items[i].value);
    }
    sl_buf_put_byte(out, ')');
}

/* ---- FROM ---- */

static void put_read(struct sl_buf *out, const struct sl_urelation *read) {
    if (read->streaming) sl_buf_put_cstr(out, "STREAM ");
    if (read->kind == SL_R_READ_PATH) {
        sl_tree_put_name_part(out, read->format);
        sl_buf_put_cstr(out, ".`");
        for (size_t i = 0; i < read->path.len; i++) {
            if (read->path.ptr[i] == '`') sl_buf_put_byte(out, '`');
            sl_buf_put_byte(out, (uint8_t)read->path.ptr[i]);
        }
        sl_buf_put_byte(out, '`');
    } else {
        sl_tree_put_name(out, &read->name);
    }
    if (read->kind == SL_R_READ_FUNCTION) {
        sl_buf_put_byte(out, '(');
        put_list(out, read->exprs, read->expr_count);
        sl_buf_put_byte(out, ')');
    }
    if (read->options.count) {
        sl_buf_put_cstr(out, " WITH ");
        put_properties(out, &read->options);
    }
}

static void put_values(struct sl_buf *out, const struct sl_urelation *values) {
    sl_buf_put_cstr(out, "VALUES ");
    for (uint32_t i = 0; i < values->expr_count; i += values->row_width ? values->row_width : 1) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_buf_put_cstr(out, values->row_width == 1 ? "struct(" : "(");
        put_list(out, values->exprs + i, values->row_width);
        sl_buf_put_byte(out, ')');
    }
}

static void put_join(struct sl_buf *out, const struct sl_urelation *join, int indent) {
    static const char *const types[] = {
        [SL_JOIN_INNER] = "INNER",        [SL_JOIN_CROSS] = "CROSS",
        [SL_JOIN_LEFT] = "LEFT",          [SL_JOIN_RIGHT] = "RIGHT",
        [SL_JOIN_FULL] = "FULL",          [SL_JOIN_LEFT_SEMI] = "LEFT SEMI",
        [SL_JOIN_LEFT_ANTI] = "LEFT ANTI"};
    sl_buf_put_byte(out, '(');
    put_from_item(out, join->input, indent);
    put_break(out, indent);
    sl_buf_printf(out, "%s%s JOIN ", join->natural ? "NATURAL " : "", types[join->join_type]);
    put_from_item(out, join->right, indent);
    if (join->condition) {
        sl_buf_put_cstr(out, " ON ");
        sl_sql_put_expr(out, join->condition);
    } else if (join->name.count) {
        sl_buf_put_cstr(out, " USING ");
        sl_tree_put_names(out, &join->name);
    }
    sl_buf_put_byte(out, ')');
}

static void put_lateral_view(struct sl_buf *out, const struct sl_urelation *view, int indent) {
    put_from_item(out, view->input, indent);
    put_break(out, indent);
    sl_buf_printf(out, "LATERAL VIEW %s", view->outer ? "OUTER " : "");
    sl_sql_put_expr(out, view->exprs[0]);
    if (view->alias.len) {
        sl_buf_put_byte(out, ' ');
        sl_tree_put_name_part(out, view->alias);
    }
    for (uint32_t i = 0; i < view->column_names.count; i++) {
        sl_buf_put_cstr(out, i ? ", " : " AS ");
        sl_tree_put_name_part(out, view->column_names.parts[i]);
    }
}

/* What an alias or a watermark follows: an alias in it needs parentheses. */
static void put_operand(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    bool wrapped = relation->kind == SL_R_SUBQUERY_ALIAS;
    if (wrapped) sl_buf_put_byte(out, '(');
    put_from_item(out, relation, indent);
    if (wrapped) sl_buf_put_byte(out, ')');
}

static void put_alias(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    put_operand(out, relation->input, indent);
    sl_buf_put_cstr(out, " AS ");
    sl_tree_put_name_part(out, relation->alias);
    if (relation->column_names.count) sl_tree_put_names(out, &relation->column_names);
}

/* Columns are named behind the relation that has them; SELECT DISTINCT names none. */
static bool is_deduplicate_by(const struct sl_urelation *relation) {
    return relation->kind == SL_R_DEDUPLICATE && relation->name.count;
}

static void put_watermark(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    bool twice = relation->input->kind == SL_R_WITH_WATERMARK || is_deduplicate_by(relation->input);
    if (twice) sl_buf_put_byte(out, '(');
    put_operand(out, relation->input, indent);
    if (twice) sl_buf_put_byte(out, ')');
    sl_buf_put_cstr(out, " WATERMARK ");
    sl_sql_put_expr(out, relation->condition);
    sl_buf_put_cstr(out, " DELAY OF ");
    sl_sql_put_expr(out, relation->watermark_delay);
}

static void put_deduplicate(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    bool twice = is_deduplicate_by(relation->input);
    if (twice) sl_buf_put_byte(out, '(');
    put_operand(out, relation->input, indent);
    if (twice) sl_buf_put_byte(out, ')');
    sl_buf_put_cstr(out, " DEDUPLICATE BY ");
    sl_tree_put_names(out, &relation->name);
    if (relation->within_watermark) sl_buf_put_cstr(out, " WITHIN WATERMARK");
}

static void put_from_item(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    if (relation->lateral) sl_buf_put_cstr(out, "LATERAL ");
    switch (relation->kind) {
    case SL_R_READ_TABLE:
    case SL_R_READ_PATH:
    case SL_R_READ_FUNCTION:
        put_read(out, relation);
        break;
    case SL_R_SUBQUERY_ALIAS:
        put_alias(out, relation, indent);
        break;
    case SL_R_WITH_WATERMARK:
        put_watermark(out, relation, indent);
        break;
    case SL_R_DEDUPLICATE:
        if (is_deduplicate_by(relation))
            put_deduplicate(out, relation, indent);
        else
            put_parenthesised(out, relation, indent);
        break;
    case SL_R_JOIN:
        put_join(out, relation, indent);
        break;
    case SL_R_LATERAL_VIEW:
        put_lateral_view(out, relation, indent);
        break;
    default:
        put_parenthesised(out, relation, indent);
    }
}

/* ---- SELECT ---- */

static void put_group_by(struct sl_buf *out, const struct sl_urelation *aggregate, int indent) {
    if (!aggregate->all && aggregate->grouping_count == 0) return;
    put_break(out, indent);
    sl_buf_put_cstr(out, "GROUP BY ");
    if (aggregate->all) sl_buf_put_cstr(out, "ALL");
    put_list(out, aggregate->grouping, aggregate->grouping_count);
}

/* A FILTER that is HAVING has an AGGREGATE below and is no WHERE of the SELECT above. */
static bool is_having(const struct sl_urelation *relation) {
    return relation->kind == SL_R_FILTER && relation->input->kind == SL_R_AGGREGATE;
}

static bool is_select(const struct sl_urelation *relation) {
    return relation->kind == SL_R_PROJECT || relation->kind == SL_R_AGGREGATE ||
           is_having(relation);
}

static void put_select(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    bool distinct = relation->kind == SL_R_DEDUPLICATE;
    if (distinct) relation = relation->input;
    const struct sl_uexpr *having = is_having(relation) ? relation->condition : NULL;
    if (having) relation = relation->input;
    sl_buf_put_cstr(out, distinct ? "SELECT DISTINCT " : "SELECT ");
    put_list(out, relation->exprs, relation->expr_count);
    const struct sl_urelation *from = relation->input;
    const struct sl_uexpr *where = NULL;
    if (from && from->kind == SL_R_FILTER) {
        where = from->condition;
        from = from->input;
    }
    if (from) {
        put_break(out, indent);
        sl_buf_put_cstr(out, "FROM ");
        put_from_item(out, from, indent);
    }
    if (where) {
        put_break(out, indent);
        sl_buf_put_cstr(out, "WHERE ");
        sl_sql_put_expr(out, where);
    }
    if (relation->kind == SL_R_AGGREGATE) put_group_by(out, relation, indent);
    if (having) {
        put_break(out, indent);
        sl_buf_put_cstr(out, "HAVING ");
        sl_sql_put_expr(out, having);
    }
}

/* ---- queries ---- */

static void put_with(struct sl_buf *out, const struct sl_urelation *with, int indent) {
    sl_buf_put_cstr(out, "WITH ");
    for (uint32_t i = 0; i < with->cte_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_tree_put_name_part(out, with->ctes[i].name);
        if (with->ctes[i].columns.count) sl_tree_put_names(out, &with->ctes[i].columns);
        sl_buf_put_cstr(out, " AS ");
        put_parenthesised(out, with->ctes[i].relation, indent);
    }
    put_break(out, indent);
    bool nested = with->input->kind == SL_R_WITH_CTE;
    if (nested)
        put_parenthesised(out, with->input, indent);
    else
        put_query(out, with->input, indent);
}

static void put_set_op(struct sl_buf *out, const struct sl_urelation *set, int indent) {
    static const char *const names[] = {"UNION", "INTERSECT", "EXCEPT"};
    put_parenthesised(out, set->input, indent);
    put_break(out, indent);
    sl_buf_printf(out, "%s%s%s", names[set->set_op], set->all ? " ALL" : "",
                  set->by_name ? " BY NAME" : "");
    put_break(out, indent);
    put_parenthesised(out, set->right, indent);
}

static bool is_organized(const struct sl_urelation *relation) {
    return relation->kind == SL_R_SORT || relation->kind == SL_R_LIMIT ||
           relation->kind == SL_R_OFFSET || relation->kind == SL_R_WITH_CTE;
}

static void put_organized(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    const struct sl_urelation *limit = NULL, *offset = NULL, *sort = NULL, *body = relation;
    if (body->kind == SL_R_LIMIT) limit = body, body = body->input;
    if (body->kind == SL_R_OFFSET) offset = body, body = body->input;
    if (body->kind == SL_R_SORT) sort = body, body = body->input;
    if (is_organized(body))
        put_parenthesised(out, body, indent);
    else
        put_query(out, body, indent);
    if (sort) {
        put_break(out, indent);
        sl_buf_put_cstr(out, sort->local_sort ? "SORT BY " : "ORDER BY ");
        put_list(out, sort->exprs, sort->expr_count);
    }
    if (limit) {
        put_break(out, indent);
        sl_buf_put_cstr(out, "LIMIT ");
        sl_sql_put_expr(out, limit->condition);
    }
    if (offset) {
        put_break(out, indent);
        sl_buf_put_cstr(out, "OFFSET ");
        sl_sql_put_expr(out, offset->condition);
    }
}

static void put_query(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    bool select =
        is_select(relation) || (relation->kind == SL_R_DEDUPLICATE && is_select(relation->input));
    if (select) {
        put_select(out, relation, indent);
        return;
    }
    switch (relation->kind) {
    case SL_R_WITH_CTE:
        put_with(out, relation, indent);
        return;
    case SL_R_SET_OP:
        put_set_op(out, relation, indent);
        return;
    case SL_R_SORT:
    case SL_R_LIMIT:
    case SL_R_OFFSET:
        put_organized(out, relation, indent);
        return;
    case SL_R_VALUES:
        put_values(out, relation);
        return;
    case SL_R_READ_TABLE:
        if (relation->streaming || relation->options.count) break;
        sl_buf_put_cstr(out, "TABLE ");
        sl_tree_put_name(out, &relation->name);
        return;
    case SL_R_SUBQUERY_ALIAS:
        if (relation->input->kind != SL_R_VALUES) break;
        put_values(out, relation->input);
        sl_buf_put_cstr(out, " AS ");
        sl_tree_put_name_part(out, relation->alias);
        if (relation->column_names.count) sl_tree_put_names(out, &relation->column_names);
        return;
    default:
        break;
    }
    /* no query by itself, such as a DataFrame's join: SELECT * makes it one */
    sl_buf_put_cstr(out, "SELECT *");
    put_break(out, indent);
    sl_buf_put_cstr(out, "FROM ");
    bool filter = relation->kind == SL_R_FILTER;
    put_from_item(out, filter ? relation->input : relation, indent);
    if (!filter) return;
    sl_buf_put_cstr(out, " WHERE ");
    sl_sql_put_expr(out, relation->condition);
}

void sl_sql_put_relation(struct sl_buf *out, const struct sl_urelation *relation, int indent) {
    if (indent > 0) sl_buf_printf(out, "%*s", indent, "");
    put_query(out, relation, indent);
}
