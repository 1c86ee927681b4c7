/* Binding of relations: one function per kind that runs, a refusal by name for the others. */
#include "plan/select.h"

struct sl_scope sl_scope_of(const struct sl_binder *binder, const struct sl_node *node) {
    return (struct sl_scope){.columns = node->columns,
                             .column_count = node->column_count,
                             .case_sensitive = binder->ctx->expr.session->case_sensitive};
}

/* ---- filter and limit ---- */

enum sl_code sl_bind_condition(struct sl_binder *binder, const struct sl_scope *scope,
                               const struct sl_uexpr *expr, struct sl_expr **out,
                               struct sl_err *err) {
    SL_TRY(sl_bind_uexpr(binder, scope, expr, out, err));
    if ((*out)->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(&binder->ctx->expr, *out, &sl_type_bool, out, err));
    if ((*out)->type->kind == SL_BOOL_KIND) return SL_OK;
    struct sl_str text = sl_pretty_text(binder, scope, expr);
    return sl_fail_at(err, expr->span, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09",
                      "cannot resolve \"%.*s\" due to data type mismatch: filter expression "
                      "\"%.*s\" of type \"%s\" is not a boolean",
                      SL_STR_ARG(text), SL_STR_ARG(text), sl_type_sql(binder->arena, (*out)->type));
}

static enum sl_code bind_filter(struct sl_binder *binder, const struct sl_urelation *relation,
                                struct sl_node **out, struct sl_err *err) {
    struct sl_node *input;
    struct sl_expr *condition;
    if (relation->having) return sl_bind_select(binder, relation->input, relation, NULL, out, err);
    const struct sl_urelation *first;
    if (sl_is_first_rows(binder, relation, &first)) binder->first_rows = first;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    struct sl_select windows = {.base = input};
    struct sl_scope scope = sl_scope_of(binder, input);
    scope.windows = &windows;
    enum sl_code code = sl_bind_condition(binder, &scope, relation->condition, &condition, err);
    if (sl_is_misplaced_aggregate(code, err))
        return sl_fail_at(err, relation->condition->span, "INVALID_WHERE_CONDITION", "42903",
                          "the WHERE condition \"%.*s\" contains an aggregate function: filter "
                          "groups with HAVING",
                          SL_STR_ARG(sl_pretty_text(binder, &scope, relation->condition)));
    SL_TRY(code);
    *out = sl_node_filter(binder->arena, windows.base, condition, relation->span);
    *out = sl_node_first_columns(binder, *out, input->column_count);
    return SL_OK;
}

/* The parts of a SELECT with an ORDER BY are bound together: it may name what the list does not
 * have. */
static enum sl_code bind_sort(struct sl_binder *binder, const struct sl_urelation *sort,
                              struct sl_node **out, struct sl_err *err) {
    const struct sl_urelation *below = sort->input;
    const struct sl_urelation *having = below->kind == SL_R_FILTER && below->having ? below : NULL;
    if (having) below = having->input;
    if (below->kind == SL_R_PROJECT || below->kind == SL_R_AGGREGATE)
        return sl_bind_select(binder, below, having, sort, out, err);
    return sl_bind_sort(binder, sort, out, err);
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
    *out = sl_node_limit(binder->arena, input, limit, relation->span);
    return SL_OK;
}

/* Spark has it in batch queries only. */
static enum sl_code refuse_offset(struct sl_binder *binder, const struct sl_urelation *relation,
                                  struct sl_err *err) {
    struct sl_node *input;
    SL_TRY(sl_bind_node(binder, relation->input, &input, err));
    if (!sl_node_is_streaming(input)) return sl_bind_refuse(err, relation->span, "OFFSET");
    return sl_fail_at(err, relation->span, "UNSUPPORTED_STREAMING_OPERATION", "0A000",
                      "Offset is not supported on streaming DataFrames/Datasets");
}

/* ---- aliases ---- */

/* Keys of a USING are in reach by their own side's name only, which a new name takes away. */
static struct sl_node *drop_unreachable(struct sl_binder *binder, struct sl_node *node) {
    uint32_t count = 0;
    struct sl_expr **exprs = SL_NEW_ARRAY(binder->arena, struct sl_expr *, node->column_count + 1);
    struct sl_column *columns =
        SL_NEW_ARRAY(binder->arena, struct sl_column, node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct sl_column *column = &node->columns[i];
        if (column->reach == SL_REACH_QUALIFIED) continue;
        columns[count] = *column;
        exprs[count++] = sl_expr_column(&binder->ctx->expr, i, column->type, column->nullable);
    }
    if (count == node->column_count) return node;
    return sl_node_project(binder->arena, node, exprs, columns, count, node->span);
}

static enum sl_code bind_alias(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node **out, struct sl_err *err) {
    SL_TRY(sl_bind_node(binder, relation->input, out, err));
    *out = drop_unreachable(binder, *out);
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

/* ---- VALUES ---- */

enum sl_code sl_coerce_column(struct sl_binder *binder, struct sl_expr **expr,
                              const struct sl_type *type, struct sl_err *err) {
    if (sl_type_equal((*expr)->type, type)) return SL_OK;
    return sl_expr_coerce(&binder->ctx->expr, *expr, type, expr, err);
}

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
            SL_TRY(sl_coerce_column(binder, &node->exprs[r * width + c], type, err));
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
    case SL_R_AGGREGATE:
        if (relation == binder->first_rows) return sl_bind_first_rows(binder, relation, out, err);
        return sl_bind_select(binder, relation, NULL, NULL, out, err);
    case SL_R_FILTER:
        return bind_filter(binder, relation, out, err);
    case SL_R_LIMIT:
        return bind_limit(binder, relation, out, err);
    case SL_R_SET_OP:
        return sl_bind_set_op(binder, relation, out, err);
    case SL_R_SUBQUERY_ALIAS:
        return bind_alias(binder, relation, out, err);
    case SL_R_VALUES:
        return bind_values(binder, relation, out, err);
    case SL_R_WITH_CTE:
        return bind_with(binder, relation, out, err);
    case SL_R_JOIN:
        return sl_bind_join(binder, relation, NULL, out, err);
    case SL_R_SORT:
        return bind_sort(binder, relation, out, err);
    case SL_R_OFFSET:
        return refuse_offset(binder, relation, err);
    case SL_R_DEDUPLICATE:
        return sl_bind_deduplicate(binder, relation, out, err);
    case SL_R_WITH_WATERMARK:
        return sl_bind_watermark(binder, relation, out, err);
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
