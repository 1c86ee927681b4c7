/* Column and field pruning.
 *
 * Top down, every node is told what of its output is needed: of a column nothing, all, or of a
 * struct some fields (a tree of needs).  A projection turns that into needs of its input by walking
 * its expressions: COLUMN passes a need down, FIELD asks for one field, from_json stops it and
 * takes on the schema that is left.  Bottom up, nodes are rebuilt with the columns that are left,
 * and every field access is renumbered.
 *
 * from_json gives the same values with a pruned schema because unread text is checked all the same
 * (fmt/json).  Two cases need the full schema: FAILFAST, where a bad unread field is an error, and
 * a read column of corrupt records, which a bad unread field fills.
 * Spark: OptimizeCsvJsonExprs, ColumnPruning, NestedColumnAliasing.
 */
#include "fmt/json/json_options.h"
#include "plan/optimize_int.h"

enum amount { NONE, SOME, WHOLE };

struct need {
    enum amount amount;
    struct need *fields; /* SOME: one per field of the struct */
};

struct pruned {
    struct sl_node *node;
    uint32_t *map; /* old column to new, NOWHERE if it is gone */
};
enum { NOWHERE = -1 };

static struct need *new_needs(struct sl_arena *arena, uint32_t count, enum amount amount) {
    struct need *needs = SL_NEW_ARRAY(arena, struct need, count + 1);
    for (uint32_t i = 0; i < count; i++) needs[i] = (struct need){.amount = amount};
    return needs;
}

static const struct need whole = {.amount = WHOLE};

/* ---- what is needed ---- */

static void add_need(struct sl_arena *arena, struct need *to, const struct need *from,
                     const struct sl_type *type) {
    if (from->amount == NONE || to->amount == WHOLE) return;
    if (from->amount == WHOLE || type->kind != SL_STRUCT_KIND) {
        *to = whole;
        return;
    }
    if (to->amount == NONE) {
        to->amount = SOME;
        to->fields = new_needs(arena, type->field_count, NONE);
    }
    for (uint32_t i = 0; i < type->field_count; i++)
        add_need(arena, &to->fields[i], &from->fields[i], type->fields[i].type);
}

static struct need need_of_field(struct sl_arena *arena, const struct sl_expr *field,
                                 const struct need *need) {
    const struct sl_type *type = field->args[0]->type;
    if (type->kind != SL_STRUCT_KIND) return whole; /* an array of structs */
    struct need out = {.amount = SOME, .fields = new_needs(arena, type->field_count, NONE)};
    out.fields[field->field] = *need;
    return out;
}

/* `o IS NOT NULL` needs no field of o: a struct's validity does not depend on which are read. */
static struct need need_of_args(struct sl_arena *arena, const struct sl_expr *expr) {
    if (expr->kind != SL_EXPR_CALL || expr->arg_count != 1) return whole;
    const struct sl_type *type = expr->args[0]->type;
    const char *name = expr->function->name;
    if (type->kind != SL_STRUCT_KIND || (strcmp(name, "isnull") && strcmp(name, "isnotnull")))
        return whole;
    return (struct need){.amount = SOME, .fields = new_needs(arena, type->field_count, NONE)};
}

static void walk(struct sl_arena *arena, const struct sl_expr *expr, const struct need *need,
                 struct need *input) {
    if (need->amount == NONE) return;
    if (expr->kind == SL_EXPR_COLUMN) {
        add_need(arena, &input[expr->column], need, expr->type);
        return;
    }
    if (expr->kind == SL_EXPR_FIELD) {
        struct need below = need_of_field(arena, expr, need);
        walk(arena, expr->args[0], &below, input);
        return;
    }
    struct need below = need_of_args(arena, expr);
    for (uint32_t i = 0; i < expr->arg_count; i++) walk(arena, expr->args[i], &below, input);
}

/* ---- rebuilding expressions ---- */

struct rebuild {
    struct sl_arena *arena;
    const uint32_t *map;
    const struct sl_column *columns; /* of the new input */
};

static struct sl_expr *copy_of(const struct rebuild *rebuild, const struct sl_expr *expr) {
    struct sl_expr *copy = SL_NEW(rebuild->arena, struct sl_expr);
    *copy = *expr;
    if (!expr->arg_count) return copy;
    copy->args = SL_NEW_ARRAY(rebuild->arena, struct sl_expr *, expr->arg_count);
    memcpy(copy->args, expr->args, expr->arg_count * sizeof *copy->args);
    return copy;
}

static struct sl_expr *rebuild_expr(const struct rebuild *rebuild, struct sl_expr *expr,
                                    const struct need *need);

/* The field keeps its name's bytes through pruning, which also tells duplicates apart. */
static uint32_t field_position(const struct sl_type *pruned, const struct sl_field *field) {
    for (uint32_t i = 0; i < pruned->field_count; i++)
        if (pruned->fields[i].name.ptr == field->name.ptr) return i;
    for (uint32_t i = 0; i < pruned->field_count; i++)
        if (sl_str_eq(pruned->fields[i].name, field->name)) return i;
    sl_assert(!"a needed field was pruned");
    return 0;
}

static struct sl_expr *rebuild_field(const struct rebuild *rebuild, struct sl_expr *expr,
                                     const struct need *need) {
    struct need below = need_of_field(rebuild->arena, expr, need);
    struct sl_expr *copy = copy_of(rebuild, expr);
    const struct sl_type *before = expr->args[0]->type;
    copy->args[0] = rebuild_expr(rebuild, expr->args[0], &below);
    const struct sl_type *after = copy->args[0]->type;
    if (before->kind != SL_STRUCT_KIND || after == before) return copy;
    copy->field = field_position(after, &before->fields[expr->field]);
    copy->type = after->fields[copy->field].type;
    return copy;
}

static const struct sl_type *pruned_type(struct sl_arena *arena, const struct sl_type *type,
                                         const struct need *need) {
    if (need->amount != SOME || !type->field_count) return type;
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, type->field_count + 1);
    uint32_t count = 0;
    for (uint32_t i = 0; i < type->field_count; i++) {
        if (need->fields[i].amount == NONE) continue;
        fields[count] = type->fields[i];
        fields[count].type = pruned_type(arena, type->fields[i].type, &need->fields[i]);
        count++;
    }
    if (!count) fields[count++] = type->fields[0]; /* only its validity is read */
    return sl_type_struct(arena, fields, count);
}

static bool may_prune(const struct sl_expr *json, const struct need *need) {
    const struct sl_type *type = json->type;
    if (need->amount != SOME || type->kind != SL_STRUCT_KIND || !type->field_count) return false;
    if (json->json->mode != SL_JSON_PERMISSIVE || json->json->rescued_data_column.len) return false;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (need->fields[i].amount != NONE &&
            sl_str_eq(type->fields[i].name, json->json->column_name_of_corrupt_record))
            return false;
    return true;
}

static struct sl_expr *rebuild_expr(const struct rebuild *rebuild, struct sl_expr *expr,
                                    const struct need *need) {
    if (expr->kind == SL_EXPR_LITERAL) return expr;
    if (expr->kind == SL_EXPR_FIELD) return rebuild_field(rebuild, expr, need);
    struct sl_expr *copy = copy_of(rebuild, expr);
    if (expr->kind == SL_EXPR_COLUMN) {
        copy->column = rebuild->map[expr->column];
        copy->type = rebuild->columns[copy->column].type;
        return copy;
    }
    struct need below = need_of_args(rebuild->arena, expr);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        copy->args[i] = rebuild_expr(rebuild, expr->args[i], &below);
    if (expr->kind == SL_EXPR_FROM_JSON && may_prune(expr, need))
        copy->type = pruned_type(rebuild->arena, expr->type, need);
    return copy;
}

/* ---- nodes ---- */

static struct pruned prune(struct sl_arena *arena, const struct sl_node *node,
                           const struct need *needs);

/* A copy of the node with the needed columns; the map tells where they went. */
static struct pruned kept_columns(struct sl_arena *arena, const struct sl_node *node,
                                  const struct need *needs) {
    struct pruned out = {SL_NEW(arena, struct sl_node),
                         SL_NEW_ARRAY(arena, uint32_t, node->column_count + 1)};
    *out.node = *node;
    out.node->columns = SL_NEW_ARRAY(arena, struct sl_column, node->column_count + 1);
    out.node->column_count = 0;
    for (uint32_t i = 0; i < node->column_count; i++) {
        bool keep = needs[i].amount != NONE;
        out.map[i] = keep ? out.node->column_count : (uint32_t)NOWHERE;
        if (keep) out.node->columns[out.node->column_count++] = node->columns[i];
    }
    return out;
}

static struct pruned prune_scan(struct sl_arena *arena, const struct sl_node *node,
                                const struct need *needs) {
    struct pruned out = kept_columns(arena, node, needs);
    out.node->scan_columns = SL_NEW_ARRAY(arena, uint32_t, node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++)
        if (out.map[i] != (uint32_t)NOWHERE)
            out.node->scan_columns[out.map[i]] = node->scan_columns[i];
    return out;
}

static struct pruned prune_values(struct sl_arena *arena, const struct sl_node *node,
                                  const struct need *needs) {
    struct pruned out = kept_columns(arena, node, needs);
    uint32_t width = out.node->column_count;
    out.node->exprs = SL_NEW_ARRAY(arena, struct sl_expr *, (size_t)width * node->row_count + 1);
    for (uint32_t row = 0; row < node->row_count; row++)
        for (uint32_t i = 0; i < node->column_count; i++)
            if (out.map[i] != (uint32_t)NOWHERE)
                out.node->exprs[row * width + out.map[i]] =
                    node->exprs[row * node->column_count + i];
    return out;
}

static struct pruned prune_project(struct sl_arena *arena, const struct sl_node *node,
                                   const struct need *needs) {
    struct need *below = new_needs(arena, node->inputs[0]->column_count, NONE);
    for (uint32_t i = 0; i < node->column_count; i++) walk(arena, node->exprs[i], &needs[i], below);
    struct pruned input = prune(arena, node->inputs[0], below);
    struct rebuild rebuild = {arena, input.map, input.node->columns};
    struct pruned out = kept_columns(arena, node, needs);
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    out.node->inputs[0] = input.node;
    out.node->exprs = SL_NEW_ARRAY(arena, struct sl_expr *, out.node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++) {
        uint32_t at = out.map[i];
        if (at == (uint32_t)NOWHERE) continue;
        out.node->exprs[at] = rebuild_expr(&rebuild, node->exprs[i], &needs[i]);
        out.node->columns[at].type = out.node->exprs[at]->type;
    }
    return out;
}

/* Filter and limit pass all columns of their input on, so they may have more than is asked for. */
static struct pruned prune_passing(struct sl_arena *arena, const struct sl_node *node,
                                   const struct need *needs) {
    struct need *below = new_needs(arena, node->column_count, NONE);
    for (uint32_t i = 0; i < node->column_count; i++)
        add_need(arena, &below[i], &needs[i], node->columns[i].type);
    if (node->condition) walk(arena, node->condition, &whole, below);
    struct pruned out = kept_columns(arena, node, below);
    struct pruned input = prune(arena, node->inputs[0], below);
    struct rebuild rebuild = {arena, input.map, input.node->columns};
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    out.node->inputs[0] = input.node;
    out.node->columns = SL_NEW_ARRAY(arena, struct sl_column, input.node->column_count + 1);
    out.node->column_count = input.node->column_count;
    memcpy(out.node->columns, input.node->columns,
           input.node->column_count * sizeof *out.node->columns);
    for (uint32_t i = 0; i < node->column_count; i++) {
        out.map[i] = input.map[i];
        if (out.map[i] != (uint32_t)NOWHERE)
            out.node->columns[out.map[i]].name = node->columns[i].name;
    }
    if (node->condition) out.node->condition = rebuild_expr(&rebuild, node->condition, &whole);
    return out;
}

/* What passes the expectations is what the target gets: nothing of it is dropped, so the conditions
 * find their columns where they were. */
static struct pruned prune_expect(struct sl_arena *arena, const struct sl_node *node) {
    struct need *needs = new_needs(arena, node->column_count, WHOLE);
    return prune_passing(arena, node, needs);
}

static struct pruned prune_generate(struct sl_arena *arena, const struct sl_node *node,
                                    const struct need *needs) {
    const struct sl_generate *before = node->generate;
    struct sl_generate *after = SL_NEW(arena, struct sl_generate);
    *after = *before;
    struct need *below = new_needs(arena, node->inputs[0]->column_count, NONE);
    for (uint32_t i = 0; i < before->kept_count; i++)
        add_need(arena, &below[before->kept[i]], &needs[i], node->columns[i].type);
    walk(arena, before->list, &whole, below);
    struct pruned input = prune(arena, node->inputs[0], below);
    struct rebuild rebuild = {arena, input.map, input.node->columns};
    struct pruned out = kept_columns(arena, node, needs);
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    out.node->inputs[0] = input.node;
    out.node->generate = after;
    after->list = rebuild_expr(&rebuild, before->list, &whole);
    after->kept = SL_NEW_ARRAY(arena, uint32_t, before->kept_count + 1);
    after->parts = SL_NEW_ARRAY(arena, int32_t, before->part_count + 1);
    after->kept_count = after->part_count = 0;
    for (uint32_t i = 0; i < node->column_count; i++) {
        uint32_t at = out.map[i];
        if (at == (uint32_t)NOWHERE) continue;
        if (i >= before->kept_count) {
            after->parts[after->part_count++] = before->parts[i - before->kept_count];
            continue;
        }
        uint32_t from = input.map[before->kept[i]];
        after->kept[after->kept_count++] = from;
        out.node->columns[at].type = input.node->columns[from].type;
    }
    return out;
}

/* The sides of a union must stay equal, so a column is needed whole or not at all, and each side
 * gives exactly the needed columns. */
static struct sl_node *union_input(struct sl_arena *arena, const struct sl_node *node,
                                   const struct need *needs, const struct pruned *out,
                                   const struct sl_node *side) {
    struct pruned input = prune(arena, side, needs);
    uint32_t count = out->node->column_count;
    bool exact = input.node->column_count == count;
    struct sl_expr_ctx make = {.query = arena};
    struct sl_expr **exprs = SL_NEW_ARRAY(arena, struct sl_expr *, count + 1);
    for (uint32_t i = 0; i < node->column_count; i++) {
        uint32_t at = out->map[i];
        if (at == (uint32_t)NOWHERE) continue;
        const struct sl_column *column = &input.node->columns[input.map[i]];
        exact = exact && input.map[i] == at;
        exprs[at] = sl_expr_column(&make, input.map[i], column->type, column->nullable);
    }
    if (exact) return input.node;
    return sl_node_project(arena, input.node, exprs, out->node->columns, count, node->span);
}

static struct pruned prune_union(struct sl_arena *arena, const struct sl_node *node,
                                 const struct need *needs) {
    struct need *below = new_needs(arena, node->column_count, NONE);
    for (uint32_t i = 0; i < node->column_count; i++)
        if (needs[i].amount != NONE) below[i] = whole;
    struct pruned out = kept_columns(arena, node, below);
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++)
        out.node->inputs[i] = union_input(arena, node, below, &out, node->inputs[i]);
    return out;
}

static struct pruned prune(struct sl_arena *arena, const struct sl_node *node,
                           const struct need *needs) {
    switch (node->kind) {
    case SL_NODE_SCAN:
        return prune_scan(arena, node, needs);
    case SL_NODE_VALUES:
        return prune_values(arena, node, needs);
    case SL_NODE_PROJECT:
        return prune_project(arena, node, needs);
    case SL_NODE_FILTER:
    case SL_NODE_LIMIT:
        return prune_passing(arena, node, needs);
    case SL_NODE_EXPECT:
        return prune_expect(arena, node);
    case SL_NODE_GENERATE:
        return prune_generate(arena, node, needs);
    case SL_NODE_UNION:
        return prune_union(arena, node, needs);
    }
    sl_assert(!"unknown node kind");
    return (struct pruned){0};
}

struct sl_node *sl_plan_prune(struct sl_expr_ctx *ctx, struct sl_node *root) {
    struct need *needs = new_needs(ctx->query, root->column_count, WHOLE);
    return prune(ctx->query, root, needs).node;
}
