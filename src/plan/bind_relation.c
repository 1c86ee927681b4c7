/* Binding of relations: one function per kind that runs, a refusal by name for the others. */
#include "plan/bind_int.h"

struct sl_scope sl_scope_of(const struct sl_binder *binder, const struct sl_node *node) {
    return (struct sl_scope){.columns = node->columns,
                             .column_count = node->column_count,
                             .case_sensitive = binder->ctx->expr.session->case_sensitive};
}

/* ---- filter and limit ---- */

static enum sl_code filter_by(struct sl_binder *binder, struct sl_node *input,
                              const struct sl_urelation *relation, struct sl_node **out,
                              struct sl_err *err) {
    struct sl_expr *condition;
    struct sl_scope scope = sl_scope_of(binder, input);
    SL_TRY(sl_bind_uexpr(binder, &scope, relation->condition, &condition, err));
    if (condition->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(&binder->ctx->expr, condition, &sl_type_bool, &condition, err));
    if (condition->type->kind != SL_BOOL_KIND) {
        struct sl_str text = sl_pretty_text(binder, &scope, relation->condition);
        return sl_fail_at(
            err, relation->condition->span, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09",
            "cannot resolve \"%.*s\" due to data type mismatch: filter expression "
            "\"%.*s\" of type \"%s\" is not a boolean",
            SL_STR_ARG(text), SL_STR_ARG(text), sl_type_sql(binder->arena, condition->type));
    }
    *out = sl_node_filter(binder->arena, input, condition, relation->span);
    return SL_OK;
}

static enum sl_code bind_filter(struct sl_binder *binder, const struct sl_urelation *relation,
                                struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    return filter_by(binder, input, relation, out, err);
}

static enum sl_code limit_error(struct sl_binder *binder, const struct sl_uexpr *expr,
                                const char *condition, const char *why, struct sl_err *err) {
    struct sl_scope nothing = {0};
    struct sl_str text = sl_pretty_text(binder, &nothing, expr);
    return sl_fail_at(err, expr->span, condition, "42K0E",
                      "the limit like expression \"%.*s\" is invalid: %s", SL_STR_ARG(text), why);
}

/* The row count of LIMIT: a constant integer, not negative. */
static enum sl_code limit_value(struct sl_binder *binder, const struct sl_uexpr *expr,
                                int64_t *value, struct sl_err *err) {
    struct sl_scope nothing = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    struct sl_expr *bound = NULL;
    enum sl_code code = sl_bind_uexpr(binder, &nothing, expr, &bound, err);
    if (code != SL_OK && expr->kind != SL_U_ATTRIBUTE) return code;
    if (code != SL_OK || bound->kind != SL_EXPR_LITERAL)
        return limit_error(binder, expr, "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE",
                           "it must be a constant", err);
    if (bound->type->kind != SL_INT_KIND && bound->type->kind != SL_LONG_KIND &&
        bound->type->kind != SL_SHORT_KIND && bound->type->kind != SL_BYTE_KIND)
        return limit_error(binder, expr, "INVALID_LIMIT_LIKE_EXPRESSION.DATA_TYPE",
                           "it must be an integer", err);
    if (sl_vec_is_null(bound->literal, 0))
        return limit_error(binder, expr, "INVALID_LIMIT_LIKE_EXPRESSION.IS_NULL",
                           "it must not be NULL", err);
    SL_TRY(sl_expr_coerce(&binder->ctx->expr, bound, &sl_type_long, &bound, err));
    if (bound->kind != SL_EXPR_LITERAL)
        return limit_error(binder, expr, "INVALID_LIMIT_LIKE_EXPRESSION.IS_UNFOLDABLE",
                           "it must be a constant", err);
    memcpy(value, bound->literal->data, sizeof *value);
    if (*value < 0)
        return limit_error(binder, expr, "INVALID_LIMIT_LIKE_EXPRESSION.IS_NEGATIVE",
                           "it must be equal to or greater than 0", err);
    return SL_OK;
}

static enum sl_code bind_limit(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    int64_t limit = 0;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    SL_TRY(limit_value(binder, relation->condition, &limit, err));
    if (sl_node_is_streaming(input))
        return sl_bind_refuse(err, relation->span, "LIMIT in a streaming query");
    *out = sl_node_limit(binder->arena, input, limit, relation->span);
    return SL_OK;
}

/* ---- aliases ---- */

static enum sl_code bind_alias(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **out, struct sl_err *err) {
    SL_TRY(sl_bind_node(binder, relation->input, out, err));
    const struct sl_name *names = &relation->column_names;
    if (names->count && names->count != (*out)->column_count)
        return sl_fail_at(err, names->span.end > names->span.begin ? names->span : relation->span,
                          "ASSIGNMENT_ARITY_MISMATCH", "42802",
                          "the alias `%.*s` names %u columns, but there are %u",
                          SL_STR_ARG(relation->alias), names->count, (*out)->column_count);
    for (uint32_t i = 0; i < (*out)->column_count; i++) {
        struct sl_column *column = &(*out)->columns[i];
        column->qualifier = relation->alias;
        if (!names->count) continue;
        column->name = names->parts[i];
        column->id = binder->next_id++;
    }
    return SL_OK;
}

/* ---- casts to common types: UNION and VALUES ---- */

static enum sl_code coerce_column(struct sl_binder *binder, struct sl_expr **expr,
                                  const struct sl_type *type, struct sl_err *err) {
    if (sl_type_equal((*expr)->type, type)) return SL_OK;
    return sl_expr_coerce(&binder->ctx->expr, *expr, type, expr, err);
}

/* input, its columns in the order `order`, cast to the types of `columns`. */
static enum sl_code union_side(struct sl_binder *binder, struct sl_node *input,
                               const uint32_t *order, const struct sl_column *columns,
                               uint32_t count, struct sl_node **out, struct sl_err *err) {
    bool same = input->column_count == count;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, count + 1);
    struct sl_column *made = SL_NEW_ARRAY(binder->arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_column *column = &input->columns[order[i]];
        exprs[i] = sl_expr_column(&binder->ctx->expr, order[i], column->type, column->nullable);
        same = same && order[i] == i && sl_type_equal(column->type, columns[i].type);
        SL_TRY(coerce_column(binder, &exprs[i], columns[i].type, err));
        made[i] = columns[i];
        made[i].nullable = exprs[i]->nullable;
    }
    *out = same ? input : sl_node_project(binder->arena, input, exprs, made, count, input->span);
    return SL_OK;
}

/* Positions in `right` of the columns of `left`, by name. */
static enum sl_code order_by_name(struct sl_binder *binder, const struct sl_node *left,
                                  const struct sl_node *right, struct sl_span span, uint32_t *order,
                                  struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, right);
    for (uint32_t i = 0; i < left->column_count; i++) {
        struct sl_str part = left->columns[i].name;
        struct sl_name name = {&part, 1, span};
        struct sl_resolved at;
        SL_TRY(sl_scope_resolve(&scope, &name, &at, err));
        if (!at.found) return sl_scope_unresolved(&scope, binder->arena, &name, err);
        order[i] = at.column;
    }
    return SL_OK;
}

static enum sl_code union_columns(struct sl_binder *binder, const struct sl_node *left,
                                  const struct sl_node *right, const uint32_t *order,
                                  struct sl_span span, struct sl_column *columns,
                                  struct sl_err *err) {
    for (uint32_t i = 0; i < left->column_count; i++) {
        const struct sl_column *a = &left->columns[i], *b = &right->columns[order[i]];
        const struct sl_type *type =
            sl_type_common(binder->arena, a->type, b->type, binder->ctx->expr.session->ansi);
        if (!type)
            return sl_fail_at(err, span, "INCOMPATIBLE_COLUMN_TYPE", "42825",
                              "UNION needs compatible column types: column %u `%.*s` of the second "
                              "side is \"%s\", which is not compatible with \"%s\" of the first",
                              i + 1, SL_STR_ARG(b->name), sl_type_sql(binder->arena, b->type),
                              sl_type_sql(binder->arena, a->type));
        columns[i] = (struct sl_column){.name = a->name,
                                        .type = type,
                                        .nullable = a->nullable || b->nullable,
                                        .id = binder->next_id++};
    }
    return SL_OK;
}

static const char *set_op_name(const struct sl_urelation *relation) {
    switch (relation->set_op) {
    case SL_SET_UNION:
        return "UNION without ALL";
    case SL_SET_INTERSECT:
        return relation->all ? "INTERSECT ALL" : "INTERSECT";
    case SL_SET_EXCEPT:
        return relation->all ? "EXCEPT ALL" : "EXCEPT";
    }
    return "this set operation";
}

static enum sl_code bind_set_op(struct sl_binder *binder, const struct sl_urelation *relation,
                                struct sl_node **out, struct sl_err *err) {
    if (relation->set_op != SL_SET_UNION || !relation->all) {
        enum sl_code code = sl_bind_refuse(err, relation->span, "%s", set_op_name(relation));
        if (err && relation->set_op == SL_SET_UNION)
            sl_hint(err, "UNION ALL keeps duplicates and is supported.");
        return code;
    }
    struct sl_node *sides[2];
    SL_TRY(sl_bind_node(binder, relation->input, &sides[0], err));
    SL_TRY(sl_bind_node(binder, relation->right, &sides[1], err));
    uint32_t count = sides[0]->column_count;
    if (count != sides[1]->column_count)
        return sl_fail_at(err, relation->span, "NUM_COLUMNS_MISMATCH", "42826",
                          "UNION needs the same number of columns on both sides, but the first has "
                          "%u and the second %u",
                          count, sides[1]->column_count);
    if (sl_node_is_streaming(sides[0]) != sl_node_is_streaming(sides[1]))
        return sl_bind_refuse(err, relation->span, "UNION of a stream with a batch relation");
    uint32_t *order = SL_NEW_ARRAY(binder->arena, uint32_t, 2 * count + 1), *same = order + count;
    for (uint32_t i = 0; i < count; i++) order[i] = same[i] = i;
    if (relation->by_name)
        SL_TRY(order_by_name(binder, sides[0], sides[1], relation->span, order, err));
    struct sl_node *node = sl_node_new(binder->arena, SL_NODE_UNION, NULL, count, relation->span);
    SL_TRY(union_columns(binder, sides[0], sides[1], order, relation->span, node->columns, err));
    node->inputs = SL_NEW_ARRAY(binder->arena, struct sl_node *, 2);
    node->input_count = 2;
    SL_TRY(union_side(binder, sides[0], same, node->columns, count, &node->inputs[0], err));
    SL_TRY(union_side(binder, sides[1], order, node->columns, count, &node->inputs[1], err));
    *out = node;
    return SL_OK;
}

/* ---- VALUES ---- */

static enum sl_code values_rows(struct sl_binder *binder, const struct sl_urelation *relation,
                                struct sl_node *node, struct sl_err *err) {
    struct sl_scope nothing = {.case_sensitive = binder->ctx->expr.session->case_sensitive};
    for (uint32_t i = 0; i < relation->expr_count; i++) {
        const struct sl_uexpr *value = relation->exprs[i];
        if (value->kind == SL_U_ALIAS) value = value->args[0];
        SL_TRY(sl_bind_uexpr(binder, &nothing, value, &node->exprs[i], err));
    }
    return SL_OK;
}

static enum sl_code bind_values(struct sl_binder *binder, const struct sl_urelation *relation,
                                struct sl_node **out, struct sl_err *err) {
    uint32_t width = relation->row_width;
    if (!width || relation->expr_count % width)
        return sl_fail_at(err, relation->span, "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH", "42000",
                          "invalid inline table: its rows have different numbers of columns");
    struct sl_node *node = sl_node_new(binder->arena, SL_NODE_VALUES, NULL, width, relation->span);
    node->row_count = relation->expr_count / width;
    node->exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, relation->expr_count + 1);
    SL_TRY(values_rows(binder, relation, node, err));
    for (uint32_t c = 0; c < width; c++) {
        const struct sl_type *type = node->exprs[c]->type;
        bool nullable = false;
        for (uint32_t r = 0; r < node->row_count; r++) {
            const struct sl_expr *cell = node->exprs[r * width + c];
            type = sl_type_common(binder->arena, type, cell->type, binder->ctx->expr.session->ansi);
            nullable |= cell->nullable;
            if (!type)
                return sl_fail_at(
                    err, relation->exprs[r * width + c]->span,
                    "INVALID_INLINE_TABLE.INCOMPATIBLE_TYPES_IN_INLINE_TABLE", "42000",
                    "invalid inline table: incompatible types in the column `col%u`", c + 1);
        }
        for (uint32_t r = 0; r < node->row_count; r++)
            SL_TRY(coerce_column(binder, &node->exprs[r * width + c], type, err));
        node->columns[c] =
            (struct sl_column){.name = sl_arena_printf(binder->arena, "col%u", c + 1),
                               .type = type,
                               .nullable = nullable,
                               .id = binder->next_id++};
    }
    *out = node;
    return SL_OK;
}

/* ---- dispatch ---- */

static enum sl_code bind_with(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node **out, struct sl_err *err) {
    const struct sl_cte_frame *outer = binder->ctes;
    for (uint32_t i = 0; i < relation->cte_count; i++) {
        struct sl_cte_frame *frame = SL_NEW(binder->arena, struct sl_cte_frame);
        *frame = (struct sl_cte_frame){&relation->ctes[i], binder->ctes};
        binder->ctes = frame;
    }
    enum sl_code code = sl_bind_node(binder, relation->input, out, err);
    binder->ctes = outer;
    return code;
}

static const char *join_name(enum sl_join_type type) {
    switch (type) {
    case SL_JOIN_INNER:
        return "JOIN";
    case SL_JOIN_CROSS:
        return "CROSS JOIN";
    case SL_JOIN_LEFT:
        return "LEFT JOIN";
    case SL_JOIN_RIGHT:
        return "RIGHT JOIN";
    case SL_JOIN_FULL:
        return "FULL JOIN";
    case SL_JOIN_LEFT_SEMI:
        return "LEFT SEMI JOIN";
    case SL_JOIN_LEFT_ANTI:
        return "LEFT ANTI JOIN";
    }
    return "JOIN";
}

static enum sl_code refuse_join(const struct sl_urelation *relation, bool generator,
                                struct sl_err *err) {
    const char *natural = relation->natural ? "NATURAL " : "";
    enum sl_code code =
        sl_bind_refuse(err, relation->right->span, "%s%s%s", natural,
                       join_name(relation->join_type), generator ? " with a generator" : "");
    if (err && generator) sl_hint(err, "LATERAL VIEW OUTER keeps the rows that have no items.");
    return code;
}

static enum sl_code bind_join(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node *left, struct sl_node **out, struct sl_err *err);

/* A relation that is joined to what stands before it. */
static enum sl_code bind_joined(struct sl_binder *binder, const struct sl_urelation *join,
                                const struct sl_urelation *relation, struct sl_node *left,
                                struct sl_node **out, struct sl_err *err) {
    if (relation->kind == SL_R_JOIN) return bind_join(binder, relation, left, out, err);
    if (sl_is_generator_table(relation))
        return sl_bind_generator_table(binder, relation, left, out, err);
    return refuse_join(join, false, err);
}

/* Only with generators: `FROM t, LATERAL explode(t.a)`.  left: what stands before the whole join,
 * or NULL; the comma binds looser than JOIN. */
static enum sl_code bind_join(struct sl_binder *binder, const struct sl_urelation *relation,
                              struct sl_node *left, struct sl_node **out, struct sl_err *err) {
    bool inner = relation->join_type == SL_JOIN_INNER || relation->join_type == SL_JOIN_CROSS;
    bool generator = sl_is_generator_table(relation->right);
    if ((!generator && relation->right->kind != SL_R_JOIN) || !inner || relation->natural ||
        relation->name.count)
        return refuse_join(relation, generator, err);
    struct sl_node *node;
    if (left)
        SL_TRY(bind_joined(binder, relation, relation->input, left, &node, err));
    else
        SL_TRY(sl_bind_node(binder, relation->input, &node, err));
    SL_TRY(bind_joined(binder, relation, relation->right, node, out, err));
    return relation->condition ? filter_by(binder, *out, relation, out, err) : SL_OK;
}

static enum sl_code refuse_aggregate(const struct sl_urelation *relation, struct sl_err *err) {
    if (!relation->grouping_count)
        return sl_bind_refuse(err, relation->span, "aggregation (HAVING, GROUP BY ALL)");
    struct sl_span span = {relation->grouping[0]->span.begin,
                           relation->grouping[relation->grouping_count - 1]->span.end};
    return sl_bind_refuse(err, span, "GROUP BY");
}

static enum sl_code bind_relation_kind(struct sl_binder *binder,
                                       const struct sl_urelation *relation, struct sl_node **out,
                                       struct sl_err *err) {
    if (sl_is_generator_table(relation))
        return sl_bind_generator_table(binder, relation, NULL, out, err);
    switch (relation->kind) {
    case SL_R_READ_TABLE:
    case SL_R_READ_PATH:
    case SL_R_READ_FUNCTION:
        return sl_bind_read(binder, relation, out, err);
    case SL_R_PROJECT:
        return sl_bind_select(binder, relation, out, err);
    case SL_R_FILTER:
        return bind_filter(binder, relation, out, err);
    case SL_R_LIMIT:
        return bind_limit(binder, relation, out, err);
    case SL_R_SET_OP:
        return bind_set_op(binder, relation, out, err);
    case SL_R_SUBQUERY_ALIAS:
        return bind_alias(binder, relation, out, err);
    case SL_R_VALUES:
        return bind_values(binder, relation, out, err);
    case SL_R_WITH_CTE:
        return bind_with(binder, relation, out, err);
    case SL_R_JOIN:
        return bind_join(binder, relation, NULL, out, err);
    case SL_R_AGGREGATE:
        return refuse_aggregate(relation, err);
    case SL_R_SORT:
        return sl_bind_refuse(err, relation->span, "ORDER BY");
    case SL_R_OFFSET:
        return sl_bind_refuse(err, relation->span, "OFFSET");
    case SL_R_DEDUPLICATE:
        return sl_bind_refuse(err, relation->span, "SELECT DISTINCT");
    case SL_R_WITH_WATERMARK:
        return sl_bind_refuse(err, relation->span, "WATERMARK");
    case SL_R_LATERAL_VIEW:
        return sl_bind_lateral_view(binder, relation, out, err);
    }
    return sl_fail(err, SL_BUG, "unknown relation kind %d", (int)relation->kind);
}

enum sl_code sl_bind_node(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node **out, struct sl_err *err) {
    if (binder->depth >= SL_BIND_DEPTH_MAX)
        return sl_fail_at(err, relation->span, "VIEW_EXCEED_MAX_NESTED_DEPTH", "54K00",
                          "views and subqueries are nested more than %d deep", SL_BIND_DEPTH_MAX);
    binder->depth++;
    enum sl_code code = bind_relation_kind(binder, relation, out, err);
    binder->depth--;
    return code;
}

enum sl_code sl_bind_relation(struct sl_bind_ctx *ctx, const struct sl_urelation *relation,
                              struct sl_node **out, struct sl_err *err) {
    struct sl_binder binder = {.ctx = ctx, .arena = ctx->expr.query};
    return sl_bind_node(&binder, relation, out, err);
}
