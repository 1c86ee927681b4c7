/* Expectations of a query: what its target's statement says (CONSTRAINT .. EXPECT), bound over the
 * columns that the target gets, and above them what the table itself demands of the rows that are
 * left. */
#include "expr/higher.h"
#include "run/declared.h"
#include "run/pipeline.h"

struct expecting {
    const struct sl_pipeline *pipeline;
    struct sl_bind_ctx ctx;
    struct sl_bound_query *bound;
    struct sl_node *columns; /* what conditions may read */
};

/* The output as a relation of the target's name. The plan's own root will not do: its columns still
 * have the names and aliases of what they were made from. */
static struct sl_node *make_columns(const struct expecting *expecting, struct sl_str qualifier) {
    const struct sl_type *schema = expecting->bound->schema;
    struct sl_node *node = sl_node_new(expecting->ctx.expr.query, SL_NODE_VALUES, NULL,
                                       schema->field_count, (struct sl_span){0, 0});
    for (uint32_t i = 0; i < schema->field_count; i++)
        node->columns[i] = (struct sl_column){.name = schema->fields[i].name,
                                              .type = schema->fields[i].type,
                                              .nullable = schema->fields[i].nullable,
                                              .qualifier = qualifier,
                                              .id = i + 1};
    return node;
}

static enum sl_code bind_condition(struct expecting *expecting, const struct sl_uexpr *condition,
                                   struct sl_expect *expect, struct sl_err *err) {
    struct sl_expr_ctx *ctx = &expecting->ctx.expr;
    SL_TRY(sl_bind_expr(&expecting->ctx, condition, expecting->columns, &expect->condition, err));
    if (expect->condition->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(ctx, expect->condition, &sl_type_bool, &expect->condition, err));
    if (expect->condition->type->kind == SL_BOOL_KIND) return SL_OK;
    return sl_fail_at(err, condition->span, "DATATYPE_MISMATCH.FILTER_NOT_BOOLEAN", "42K09",
                      "the condition of constraint `%.*s` is of type \"%s\", not a boolean",
                      SL_STR_ARG(expect->name), sl_type_sql(ctx->query, expect->condition->type));
}

/* ---- of the statement ---- */

static enum sl_expect_action action_of(const struct sl_constraint *constraint) {
    switch (constraint->on_violation) {
    case SL_VIOLATION_DROP_ROW:
        return SL_EXPECT_DROP;
    case SL_VIOLATION_FAIL_UPDATE:
        return SL_EXPECT_FAIL;
    case SL_VIOLATION_KEEP:
        break;
    }
    return SL_EXPECT_KEEP;
}

static enum sl_code check_name(const struct sl_statement *target, uint32_t at, struct sl_err *err) {
    const struct sl_constraint *constraint = &target->constraints[at];
    for (uint32_t i = 0; i < at; i++)
        if (sl_str_eq_nocase(target->constraints[i].name, constraint->name))
            return sl_fail_at(err, constraint->span, "CONSTRAINT_ALREADY_EXISTS", "42710",
                              "constraint `%.*s` is defined twice", SL_STR_ARG(constraint->name));
    return SL_OK;
}

static enum sl_code expect_statement(struct expecting *expecting, const struct sl_statement *target,
                                     struct sl_err *err) {
    uint32_t count = target ? target->constraint_count : 0;
    if (!count) return SL_OK;
    struct sl_arena *arena = expecting->ctx.expr.query;
    struct sl_expect *expects = SL_NEW_ARRAY(arena, struct sl_expect, count);
    for (uint32_t i = 0; i < count; i++) {
        const struct sl_constraint *constraint = &target->constraints[i];
        struct sl_span text = constraint->condition->span;
        SL_TRY(check_name(target, i, err));
        expects[i] = (struct sl_expect){
            .name = constraint->name,
            .text = sl_str_sub(expecting->pipeline->text.text, text.begin, text.end),
            .action = action_of(constraint),
            .span = constraint->span};
        SL_TRY(bind_condition(expecting, constraint->condition, &expects[i], err));
    }
    struct sl_bound_query *bound = expecting->bound;
    bound->plan = sl_node_expect(arena, bound->plan, expects, count, target->span);
    return SL_OK;
}

/* ---- of the table ---- */

/* Places in a table's constraint are no places in the file. */
static void forget_places(struct sl_expr *expr) {
    if (expr->kind != SL_EXPR_LITERAL) expr->span = (struct sl_span){0, 0};
    for (uint32_t i = 0; i < expr->arg_count; i++) forget_places(expr->args[i]);
    for (uint32_t i = 0; expr->higher && i < expr->higher->lambda_count; i++)
        forget_places(expr->higher->lambdas[i].body);
}

static enum sl_code bind_demand(struct expecting *expecting,
                                const struct sl_sink_constraint *demand, struct sl_expect *expect,
                                struct sl_err *err) {
    struct sl_uexpr *condition;
    *expect =
        (struct sl_expect){.name = demand->name, .text = demand->text, .action = SL_EXPECT_TABLE};
    SL_TRY(sl_sql_parse_expr(expecting->ctx.expr.query, demand->text, &condition, err));
    SL_TRY(bind_condition(expecting, condition, expect, err));
    forget_places(expect->condition);
    return SL_OK;
}

static enum sl_code expect_table(struct expecting *expecting,
                                 const struct sl_sink_constraint *demanded, uint32_t count,
                                 struct sl_err *err) {
    if (!count) return SL_OK;
    struct sl_arena *arena = expecting->ctx.expr.query;
    struct sl_expect *expects = SL_NEW_ARRAY(arena, struct sl_expect, count);
    for (uint32_t i = 0; i < count; i++) {
        enum sl_code code = bind_demand(expecting, &demanded[i], &expects[i], err);
        if (code == SL_OK) continue;
        if (err) err->span = (struct sl_span){0, 0};
        sl_context(err, "constraint %.*s of the table: %.*s", SL_STR_ARG(demanded[i].name),
                   SL_STR_ARG(demanded[i].text));
        return code;
    }
    struct sl_bound_query *bound = expecting->bound;
    bound->plan = sl_node_expect(arena, bound->plan, expects, count, (struct sl_span){0, 0});
    return SL_OK;
}

enum sl_code sl_pipeline_expect(struct sl_pipeline *pipeline, const struct sl_statement *target,
                                const struct sl_sink_constraint *demanded, uint32_t demanded_count,
                                const struct sl_conn_env *env, struct sl_bound_query *bound,
                                struct sl_err *err) {
    static const struct sl_catalog nothing = {0}; /* a condition names columns, not relations */
    struct expecting expecting = {.pipeline = pipeline,
                                  .ctx = {.expr = {env->query, env->session}, .catalog = &nothing},
                                  .bound = bound};
    expecting.columns =
        make_columns(&expecting, target ? target->name.parts[target->name.count - 1] : SL_STR(""));
    enum sl_code code = expect_statement(&expecting, target, err);
    if (code != SL_OK) {
        if (err) err->span = sl_sql_origin(&pipeline->text, err->span);
        return code;
    }
    sl_declared_not_null(env->query, target, bound->schema, &demanded, &demanded_count);
    return expect_table(&expecting, demanded, demanded_count, err);
}
