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

/* What a column is for the node that passes it on; its type and place are those below. */
static void rename_column(struct sl_column *column, const struct sl_column *before) {
    const struct sl_type *type = column->type;
    bool nullable = column->nullable;
    *column = *before;
    column->type = type;
    column->nullable = nullable;
}

/* A copy of the node that gives the columns of its new input. */
static struct pruned passed_on(struct sl_arena *arena, const struct sl_node *node,
                               const struct pruned *input) {
    uint32_t count = input->node->column_count;
    struct pruned out = {SL_NEW(arena, struct sl_node), input->map};
    *out.node = *node;
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    out.node->inputs[0] = input->node;
    out.node->columns = SL_NEW_ARRAY(arena, struct sl_column, count + 1);
    out.node->column_count = count;
    if (count) memcpy(out.node->columns, input->node->columns, count * sizeof *out.node->columns);
    for (uint32_t i = 0; i < node->column_count; i++)
        if (out.map[i] != (uint32_t)NOWHERE)
            rename_column(&out.node->columns[out.map[i]], &node->columns[i]);
    return out;
}

/* Filter and limit pass all columns of their input on, so they may have more than is asked for.
 * also: columns that the node itself reads, whole. */
static struct pruned prune_passing(struct sl_arena *arena, const struct sl_node *node,
                                   const struct need *needs, const uint32_t *also,
                                   uint32_t also_count) {
    struct need *below = new_needs(arena, node->column_count, NONE);
    for (uint32_t i = 0; i < node->column_count; i++)
        add_need(arena, &below[i], &needs[i], node->columns[i].type);
    for (uint32_t i = 0; i < also_count; i++) below[also[i]] = whole;
    if (node->condition) walk(arena, node->condition, &whole, below);
    struct pruned input = prune(arena, node->inputs[0], below);
    struct rebuild rebuild = {arena, input.map, input.node->columns};
    struct pruned out = passed_on(arena, node, &input);
    if (node->condition) out.node->condition = rebuild_expr(&rebuild, node->condition, &whole);
    return out;
}

/* What passes the expectations is what the target gets: nothing of it is dropped, so the conditions
 * find their columns where they were. */
static struct pruned prune_expect(struct sl_arena *arena, const struct sl_node *node) {
    struct need *needs = new_needs(arena, node->column_count, WHOLE);
    return prune_passing(arena, node, needs, NULL, 0);
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

/* ---- what remembers rows ---- */

static uint32_t *mapped(struct sl_arena *arena, const uint32_t *columns, uint32_t count,
                        const uint32_t *map) {
    uint32_t *out = SL_NEW_ARRAY(arena, uint32_t, count + 1);
    for (uint32_t i = 0; i < count; i++) out[i] = map[columns[i]];
    return out;
}

static void map_event_time(struct sl_event_time *event_time, const uint32_t *map) {
    if (event_time->column < 0) return;
    uint32_t to = map[event_time->column];
    event_time->column = to == (uint32_t)NOWHERE ? -1 : (int32_t)to;
}

static struct pruned prune_watermark(struct sl_arena *arena, const struct sl_node *node,
                                     const struct need *needs) {
    struct pruned out = prune_passing(arena, node, needs, &node->event_column, 1);
    out.node->event_column = out.map[node->event_column];
    return out;
}

static struct pruned prune_sort(struct sl_arena *arena, const struct sl_node *node,
                                const struct need *needs) {
    struct sl_sorting *what = SL_NEW(arena, struct sl_sorting);
    *what = *node->sorting;
    uint32_t *also = SL_NEW_ARRAY(arena, uint32_t, what->key_count + 1);
    for (uint32_t i = 0; i < what->key_count; i++) also[i] = what->keys[i].column;
    struct pruned out = prune_passing(arena, node, needs, also, what->key_count);
    what->keys = SL_NEW_ARRAY(arena, struct sl_sort_key, what->key_count + 1);
    for (uint32_t i = 0; i < what->key_count; i++) {
        what->keys[i] = node->sorting->keys[i];
        what->keys[i].column = out.map[what->keys[i].column];
    }
    out.node->sorting = what;
    return out;
}

/* What an item reads. */
static void need_item(const struct sl_aggregation_item *item, struct need *below) {
    for (uint32_t a = 0; a < item->call->arg_count; a++) below[item->args[a]] = whole;
    if (item->filter >= 0) below[item->filter] = whole;
}

/* The keys make the groups, read or not; items that nobody reads go. */
static struct pruned prune_aggregate(struct sl_arena *arena, const struct sl_node *node,
                                     const struct need *needs) {
    const struct sl_aggregation *before = node->aggregation;
    struct sl_aggregation *after = SL_NEW(arena, struct sl_aggregation);
    *after = *before;
    struct need *below = new_needs(arena, node->inputs[0]->column_count, NONE);
    struct need *kept = new_needs(arena, node->column_count, NONE);
    for (uint32_t i = 0; i < before->key_count; i++) below[before->keys[i]] = kept[i] = whole;
    for (uint32_t i = 0; i < before->item_count; i++) {
        uint32_t at = before->key_count + i;
        if (needs[at].amount == NONE) continue;
        kept[at] = whole;
        need_item(&before->items[i], below);
    }
    struct pruned input = prune(arena, node->inputs[0], below);
    struct pruned out = kept_columns(arena, node, kept);
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
    out.node->inputs[0] = input.node;
    after->keys = mapped(arena, before->keys, before->key_count, input.map);
    map_event_time(&after->event_time, input.map);
    after->items = SL_NEW_ARRAY(arena, struct sl_aggregation_item, before->item_count + 1);
    after->item_count = 0;
    for (uint32_t i = 0; i < before->item_count; i++) {
        if (kept[before->key_count + i].amount == NONE) continue;
        struct sl_aggregation_item *item = &after->items[after->item_count++];
        *item = before->items[i];
        item->args = mapped(arena, item->args, item->call->arg_count, input.map);
        if (item->filter >= 0) item->filter = (int32_t)input.map[item->filter];
    }
    out.node->aggregation = after;
    return out;
}

/* Needs of one side of a join: what is read above, and the keys. */
static struct need *side_needs(struct sl_arena *arena, const struct sl_node *node, int which,
                               const struct need *above) {
    const struct sl_join *join = node->join;
    const struct sl_join_side *side = &join->sides[which];
    const struct sl_node *input = node->inputs[which];
    struct need *needs = new_needs(arena, input->column_count, NONE);
    for (uint32_t i = 0; above && i < input->column_count; i++)
        add_need(arena, &needs[i], &above[i], input->columns[i].type);
    for (uint32_t i = 0; i < join->key_count; i++) needs[side->keys[i]] = whole;
    if (side->only) walk(arena, side->only, &whole, needs);
    return needs;
}

static void map_side(struct sl_arena *arena, const struct sl_join *join, struct sl_join_side *side,
                     const struct pruned *input) {
    struct rebuild rebuild = {arena, input->map, input->node->columns};
    side->keys = mapped(arena, side->keys, join->key_count, input->map);
    side->column_count = input->node->column_count;
    if (side->only) side->only = rebuild_expr(&rebuild, side->only, &whole);
}

/* The input with the needed columns and no others: a join remembers whole rows, and rows of a
 * deduplication are late by what is left. */
static struct pruned prune_exactly(struct sl_arena *arena, const struct sl_node *node,
                                   const struct need *needs) {
    struct pruned input = prune(arena, node, needs);
    struct sl_expr_ctx make = {.query = arena};
    uint32_t count = 0, all = input.node->column_count;
    struct sl_expr **exprs = SL_NEW_ARRAY(arena, struct sl_expr *, all + 1);
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, all + 1);
    uint32_t *map = SL_NEW_ARRAY(arena, uint32_t, node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++) {
        map[i] = (uint32_t)NOWHERE;
        if (needs[i].amount == NONE) continue;
        const struct sl_column *column = &input.node->columns[input.map[i]];
        exprs[count] = sl_expr_column(&make, input.map[i], column->type, column->nullable);
        columns[count] = *column;
        map[i] = count++;
    }
    if (count == all) return input;
    return (struct pruned){sl_node_project(arena, input.node, exprs, columns, count, node->span),
                           map};
}

/* Spark's ColumnPruning takes an event time that nobody reads from below a deduplication, and then
 * none of its rows is late: so here. Within a watermark all event times are read. */
static struct pruned prune_deduplicate(struct sl_arena *arena, const struct sl_node *node,
                                       const struct need *needs) {
    struct sl_deduplication *what = SL_NEW(arena, struct sl_deduplication);
    *what = *node->deduplication;
    struct need *below = new_needs(arena, node->column_count, NONE);
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct sl_column *column = &node->inputs[0]->columns[i];
        add_need(arena, &below[i], &needs[i], column->type);
        if (what->within_watermark && column->watermark) below[i] = whole;
    }
    for (uint32_t i = 0; i < what->key_count; i++) below[what->keys[i]] = whole;
    struct pruned input = prune_exactly(arena, node->inputs[0], below);
    struct pruned out = passed_on(arena, node, &input);
    what->keys = mapped(arena, what->keys, what->key_count, input.map);
    what->event_time = sl_event_time_among(input.node->columns, input.node->column_count);
    out.node->deduplication = what;
    return out;
}

/* A join gives all columns of its sides. */
static struct pruned prune_join(struct sl_arena *arena, const struct sl_node *node,
                                const struct need *needs) {
    uint32_t nl = node->inputs[0]->column_count, nr = node->inputs[1]->column_count;
    enum sl_join_kind kind = node->join->kind;
    bool half = kind == SL_JOINS_SEMI || kind == SL_JOINS_ANTI;
    struct need *both = new_needs(arena, nl + nr, NONE);
    for (uint32_t i = 0; i < node->column_count; i++)
        add_need(arena, &both[i], &needs[i], node->columns[i].type);
    if (node->join->condition) walk(arena, node->join->condition, &whole, both);
    struct pruned sides[2];
    for (int i = 0; i < 2; i++)
        sides[i] =
            prune_exactly(arena, node->inputs[i], side_needs(arena, node, i, both + (i ? nl : 0)));
    uint32_t kept = sides[0].node->column_count;
    struct pruned out = {SL_NEW(arena, struct sl_node), SL_NEW_ARRAY(arena, uint32_t, nl + nr + 1)};
    *out.node = *node;
    uint32_t count = kept + sides[1].node->column_count;
    struct sl_column *columns = SL_NEW_ARRAY(arena, struct sl_column, count + 1);
    for (uint32_t i = 0; i < count; i++) {
        columns[i] = i < kept ? sides[0].node->columns[i] : sides[1].node->columns[i - kept];
        columns[i].nullable |= kind == SL_JOINS_FULL || (kind == SL_JOINS_LEFT && i >= kept) ||
                               (kind == SL_JOINS_RIGHT && i < kept);
    }
    for (uint32_t i = 0; i < nl + nr; i++) {
        uint32_t to = i < nl ? sides[0].map[i] : sides[1].map[i - nl];
        out.map[i] = to == (uint32_t)NOWHERE ? to : to + (i < nl ? 0 : kept);
        if (to == (uint32_t)NOWHERE || i >= node->column_count) continue;
        rename_column(&columns[out.map[i]], &node->columns[i]);
    }
    struct sl_join *join = SL_NEW(arena, struct sl_join);
    *join = *node->join;
    for (int i = 0; i < 2; i++) map_side(arena, join, &join->sides[i], &sides[i]);
    struct rebuild rebuild = {arena, out.map, columns};
    if (join->condition) join->condition = rebuild_expr(&rebuild, join->condition, &whole);
    out.node->join = join;
    out.node->columns = columns;
    out.node->column_count = half ? kept : count;
    out.node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 2);
    for (int i = 0; i < 2; i++) out.node->inputs[i] = sides[i].node;
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
        return prune_passing(arena, node, needs, NULL, 0);
    case SL_NODE_WATERMARK:
        return prune_watermark(arena, node, needs);
    case SL_NODE_AGGREGATE:
        return prune_aggregate(arena, node, needs);
    case SL_NODE_DEDUPLICATE:
        return prune_deduplicate(arena, node, needs);
    case SL_NODE_JOIN:
        return prune_join(arena, node, needs);
    case SL_NODE_SORT:
        return prune_sort(arena, node, needs);
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
