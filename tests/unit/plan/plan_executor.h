/* The plainest executor that reads a plan: one batch per node, everything copied, joins by trying
 * all pairs.  What random queries are compared with. */
#ifndef TESTS_UNIT_PLAN_EXECUTOR_H
#define TESTS_UNIT_PLAN_EXECUTOR_H

#include "plan_fixture.h"

#include "expr/program.h"
#include "kern/order.h"

struct table {
    struct sl_vec *columns;
    uint32_t count, rows;
};

static struct fixture fixture;

static void drop_table(void *ptr) {
    struct table *table = ptr;
    for (uint32_t i = 0; i < table->count; i++) sl_vec_release(&table->columns[i]);
}

static struct table *new_table(const struct sl_node *node) {
    struct table *table = SL_NEW(&fixture.arena, struct table);
    table->columns =
        sl_arena_zalloc(&fixture.arena, (node->column_count + 1) * sizeof(struct sl_vec));
    table->count = node->column_count;
    for (uint32_t i = 0; i < table->count; i++)
        sl_vec_init(&table->columns[i], node->columns[i].type);
    sl_arena_on_reset(&fixture.arena, drop_table, table);
    return table;
}

static void append(struct table *to, const struct sl_vec *const *columns, const uint32_t *idx,
                   uint32_t rows) {
    for (uint32_t i = 0; i < to->count; i++)
        if (sl_vec_append(&to->columns[i], columns[i], idx, rows, &fixture.err) != SL_OK)
            fail_msg("%s", fixture.err.msg);
    to->rows += rows;
}

static void append_table(struct table *to, const struct table *from, const uint32_t *idx,
                         uint32_t rows) {
    const struct sl_vec **columns =
        sl_arena_alloc(&fixture.arena, (from->count + 1) * sizeof *columns);
    for (uint32_t i = 0; i < from->count; i++) columns[i] = &from->columns[i];
    append(to, columns, idx, rows);
}

static struct table *execute(const struct sl_node *node, const struct table *base);

static void run_program(const struct sl_node *node, const struct sl_node *input, struct table *from,
                        struct table *to) {
    struct sl_batch batch = {.schema = sl_node_schema(&fixture.arena, input),
                             .rows = from->rows,
                             .columns = from->columns};
    bool filter = node->kind == SL_NODE_FILTER;
    struct sl_program *program;
    const struct sl_vec **outputs =
        sl_arena_alloc(&fixture.arena, (node->column_count + 1) * sizeof *outputs);
    enum sl_code code = sl_program_new(filter ? &node->condition : node->exprs,
                                       filter ? 1 : node->column_count, &program, &fixture.err);
    if (code == SL_OK)
        code = filter ? sl_program_filter(program, &fixture.session, &batch, &fixture.err)
                      : sl_program_eval(program, &fixture.session, &batch, outputs, &fixture.err);
    if (code != SL_OK) fail_msg("[%s] %s", fixture.err.condition, fixture.err.msg);
    if (filter) {
        uint32_t *idx = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *idx);
        append_table(to, from, idx, sl_batch_selection(&batch, idx));
    } else {
        append(to, outputs, NULL, from->rows);
    }
    sl_program_free(program);
}

static void generate_row(const struct sl_generate *generate, const struct sl_vec *list,
                         const struct table *from, uint32_t row, int64_t item, struct table *to) {
    const struct sl_vec *columns[32];
    uint32_t idx[1] = {row}, made = (uint32_t)(item < 0 ? 0 : item);
    for (uint32_t i = 0; i < generate->kept_count; i++) {
        columns[i] = &from->columns[generate->kept[i]];
        if (sl_vec_append(&to->columns[i], columns[i], idx, 1, &fixture.err) != SL_OK)
            fail_msg("%s", fixture.err.msg);
    }
    for (uint32_t i = 0; i < generate->part_count; i++) {
        struct sl_vec *out = &to->columns[generate->kept_count + i];
        enum sl_code code =
            item < 0 ? sl_vec_append_null(out, 1, &fixture.err)
            : generate->parts[i] == SL_PART_POSITION
                ? sl_vec_put_i64(out, item - list->offsets[sl_vec_pos(list, row)], &fixture.err)
                : sl_vec_append(out, &list->children[0], &made, 1, &fixture.err);
        assert_int_equal(code, SL_OK);
    }
    to->rows++;
}

/* Arrays only, one item at a time. */
static void run_generate(const struct sl_node *node, struct table *from, struct table *to) {
    const struct sl_generate *generate = node->generate;
    struct sl_batch batch = {.schema = sl_node_schema(&fixture.arena, node->inputs[0]),
                             .rows = from->rows,
                             .columns = from->columns};
    struct sl_program *program;
    const struct sl_vec *list;
    if (sl_program_new(&generate->list, 1, &program, &fixture.err) != SL_OK ||
        sl_program_eval(program, &fixture.session, &batch, &list, &fixture.err) != SL_OK)
        fail_msg("[%s] %s", fixture.err.condition, fixture.err.msg);
    for (uint32_t row = 0; row < from->rows; row++) {
        uint32_t at = sl_vec_pos(list, row);
        int64_t item = list->offsets[at], end = list->offsets[at + 1];
        if (sl_vec_is_null(list, row)) end = item;
        if (item == end && generate->outer) generate_row(generate, list, from, row, -1, to);
        for (; item < end; item++) generate_row(generate, list, from, row, item, to);
    }
    sl_program_free(program);
}

/* ---- what remembers rows ---- */

static void check(enum sl_code code) {
    if (code != SL_OK) fail_msg("[%s] %s", fixture.err.condition, fixture.err.msg);
}

static bool same_keys(const struct table *a, uint32_t row_a, const uint32_t *keys_a,
                      const struct table *b, uint32_t row_b, const uint32_t *keys_b, uint32_t count,
                      bool nulls_are_equal) {
    for (uint32_t k = 0; k < count; k++) {
        const struct sl_vec *x = &a->columns[keys_a[k]], *y = &b->columns[keys_b[k]];
        if (!nulls_are_equal && (sl_vec_is_null(x, row_a) || sl_vec_is_null(y, row_b)))
            return false;
        if (!sl_vec_rows_equal(x, row_a, y, row_b)) return false;
    }
    return true;
}

/* groups[row]: the number of the row's group; first[group]: its first row. Returns how many. */
static uint32_t number_groups(const struct table *from, const uint32_t *keys, uint32_t key_count,
                              uint32_t *groups, uint32_t *first) {
    uint32_t count = 0;
    for (uint32_t row = 0; row < from->rows; row++) {
        uint32_t group = 0;
        while (group < count &&
               !same_keys(from, row, keys, from, first[group], keys, key_count, true))
            group++;
        if (group == count) first[count++] = row;
        groups[row] = group;
    }
    return count;
}

static bool passes(const struct table *from, int32_t filter, uint32_t row) {
    if (filter < 0) return true;
    const struct sl_vec *vec = &from->columns[filter];
    return !sl_vec_is_null(vec, row) && sl_bit_get(vec->bits, row);
}

static void run_item(const struct sl_aggregation_item *item, const struct table *from,
                     const uint32_t *groups, uint32_t group_count, struct sl_vec *out) {
    struct sl_budget budget;
    sl_budget_init(&budget, 0);
    const struct sl_aggregate_ops *ops = item->call->function->ops;
    struct sl_accumulator *acc = ops->make(item->call, &budget);
    const struct sl_vec *args[8];
    for (uint32_t i = 0; i < item->call->arg_count; i++) args[i] = &from->columns[item->args[i]];
    check(ops->grow(acc, group_count, &fixture.err));
    for (uint32_t row = 0; row < from->rows; row++) {
        bool seen = false;
        for (uint32_t r = 0; item->distinct && r < row && !seen; r++)
            seen =
                groups[r] == groups[row] && passes(from, item->filter, r) &&
                same_keys(from, r, item->args, from, row, item->args, item->call->arg_count, true);
        if (seen || !passes(from, item->filter, row)) continue;
        check(ops->update(acc, args, &row, &groups[row], 1, &fixture.session, &fixture.err));
    }
    for (uint32_t group = 0; group < group_count; group++)
        check(ops->finish(acc, &group, 1, &fixture.session, out, &fixture.err));
    ops->free(acc);
}

static void run_aggregate(const struct sl_node *node, const struct table *from, struct table *to) {
    const struct sl_aggregation *what = node->aggregation;
    uint32_t *groups = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *groups);
    uint32_t *first = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *first);
    uint32_t count = number_groups(from, what->keys, what->key_count, groups, first);
    if (!what->key_count) count = 1;
    for (uint32_t k = 0; k < what->key_count; k++)
        check(sl_vec_append(&to->columns[k], &from->columns[what->keys[k]], first, count,
                            &fixture.err));
    for (uint32_t i = 0; i < what->item_count; i++)
        run_item(&what->items[i], from, groups, count, &to->columns[what->key_count + i]);
    to->rows = count;
}

static void run_deduplicate(const struct sl_node *node, const struct table *from,
                            struct table *to) {
    const struct sl_deduplication *what = node->deduplication;
    uint32_t *groups = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *groups);
    uint32_t *first = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *first);
    uint32_t count = number_groups(from, what->keys, what->key_count, groups, first);
    append_table(to, from, first, count);
}

static int order_of(const struct sl_sorting *what, const struct table *from, uint32_t a,
                    uint32_t b) {
    for (uint32_t k = 0; k < what->key_count; k++) {
        const struct sl_sort_key *key = &what->keys[k];
        const struct sl_vec *vec = &from->columns[key->column];
        bool null_a = sl_vec_is_null(vec, a), null_b = sl_vec_is_null(vec, b);
        if (null_a && null_b) continue;
        if (null_a || null_b) return null_a == key->nulls_first ? -1 : 1;
        int order = sl_order_rows(vec, a, vec, b);
        if (order) return key->descending ? -order : order;
    }
    return 0;
}

/* Stable, so that rows of equal keys stay as they come. */
static void run_sort(const struct sl_node *node, const struct table *from, struct table *to) {
    const struct sl_sorting *what = node->sorting;
    uint32_t *rows = sl_arena_alloc(&fixture.arena, (from->rows + 1) * sizeof *rows);
    for (uint32_t i = 0; i < from->rows; i++) {
        uint32_t at = i;
        for (; at && order_of(what, from, rows[at - 1], i) > 0; at--) rows[at] = rows[at - 1];
        rows[at] = i;
    }
    bool all = what->limit < 0 || what->limit > from->rows;
    append_table(to, from, rows, all ? from->rows : (uint32_t)what->limit);
}

/* Rows of one side, or nulls where the other side has no partner. */
static void append_side(struct table *to, uint32_t at, const struct table *from, uint32_t row) {
    for (uint32_t i = 0; i < from->count; i++)
        check(row == SL_NO_ROW
                  ? sl_vec_append_null(&to->columns[at + i], 1, &fixture.err)
                  : sl_vec_append(&to->columns[at + i], &from->columns[i], &row, 1, &fixture.err));
}

static bool pair_matches(const struct sl_join *join, const struct sl_type *schema,
                         const struct table *left, uint32_t l, const struct table *right,
                         uint32_t r, struct sl_program *program) {
    if (!same_keys(left, l, join->sides[0].keys, right, r, join->sides[1].keys, join->key_count,
                   false))
        return false;
    if (!program) return true;
    uint32_t count = left->count + right->count, idx[1];
    struct table pair = {sl_arena_zalloc(&fixture.arena, (count + 1) * sizeof(struct sl_vec)),
                         count, 1};
    for (uint32_t i = 0; i < count; i++) sl_vec_init(&pair.columns[i], schema->fields[i].type);
    append_side(&pair, 0, left, l);
    append_side(&pair, left->count, right, r);
    struct sl_batch batch = {.schema = schema, .rows = 1, .columns = pair.columns};
    check(sl_program_filter(program, &fixture.session, &batch, &fixture.err));
    bool matches = sl_batch_selection(&batch, idx) == 1;
    for (uint32_t i = 0; i < count; i++) sl_vec_release(&pair.columns[i]);
    return matches;
}

static void emit_pair(const struct sl_join *join, const struct table *left, uint32_t l,
                      const struct table *right, uint32_t r, struct table *to) {
    append_side(to, 0, left, l);
    if (join->kind != SL_JOINS_SEMI && join->kind != SL_JOINS_ANTI)
        append_side(to, left->count, right, r);
    to->rows++;
}

static const struct sl_type *both_schemas(const struct sl_node *node) {
    const struct sl_node *left = node->inputs[0], *right = node->inputs[1];
    struct sl_node both = *left;
    both.column_count = left->column_count + right->column_count;
    both.columns = SL_NEW_ARRAY(&fixture.arena, struct sl_column, both.column_count + 1);
    for (uint32_t i = 0; i < both.column_count; i++)
        both.columns[i] =
            i < left->column_count ? left->columns[i] : right->columns[i - left->column_count];
    return sl_node_schema(&fixture.arena, &both);
}

static void run_join(const struct sl_node *node, const struct table *left,
                     const struct table *right, struct table *to) {
    const struct sl_join *join = node->join;
    enum sl_join_kind kind = join->kind;
    struct sl_program *program = NULL;
    if (join->condition) {
        struct sl_expr *condition = join->condition;
        check(sl_program_new(&condition, 1, &program, &fixture.err));
    }
    const struct sl_type *schema = both_schemas(node);
    bool *met = sl_arena_zalloc(&fixture.arena, right->rows + 1);
    for (uint32_t l = 0; l < left->rows; l++) {
        bool any = false;
        for (uint32_t r = 0; r < right->rows; r++) {
            if (!pair_matches(join, schema, left, l, right, r, program)) continue;
            met[r] = any = true;
            if (kind != SL_JOINS_SEMI && kind != SL_JOINS_ANTI)
                emit_pair(join, left, l, right, r, to);
        }
        bool alone = kind == SL_JOINS_SEMI ? any
                     : kind == SL_JOINS_ANTI || kind == SL_JOINS_LEFT || kind == SL_JOINS_FULL
                         ? !any
                         : false;
        if (alone) emit_pair(join, left, l, right, SL_NO_ROW, to);
    }
    for (uint32_t r = 0; r < right->rows; r++)
        if (!met[r] && (kind == SL_JOINS_RIGHT || kind == SL_JOINS_FULL))
            emit_pair(join, left, SL_NO_ROW, right, r, to);
    sl_program_free(program);
}

static struct table *execute(const struct sl_node *node, const struct table *base) {
    struct table *out = new_table(node);
    switch (node->kind) {
    case SL_NODE_SCAN: {
        const struct sl_vec *columns[32];
        for (uint32_t i = 0; i < node->column_count; i++)
            columns[i] = &base->columns[node->scan_columns[i]];
        append(out, columns, NULL, base->rows);
        break;
    }
    case SL_NODE_PROJECT:
    case SL_NODE_FILTER:
        run_program(node, node->inputs[0], execute(node->inputs[0], base), out);
        break;
    case SL_NODE_GENERATE:
        run_generate(node, execute(node->inputs[0], base), out);
        break;
    case SL_NODE_UNION:
        for (uint32_t i = 0; i < node->input_count; i++) {
            struct table *side = execute(node->inputs[i], base);
            append_table(out, side, NULL, side->rows);
        }
        break;
    case SL_NODE_LIMIT: {
        struct table *input = execute(node->inputs[0], base);
        append_table(out, input, NULL,
                     input->rows < node->limit ? input->rows : (uint32_t)node->limit);
        break;
    }
    case SL_NODE_AGGREGATE:
        run_aggregate(node, execute(node->inputs[0], base), out);
        break;
    case SL_NODE_DEDUPLICATE:
        run_deduplicate(node, execute(node->inputs[0], base), out);
        break;
    case SL_NODE_SORT:
        run_sort(node, execute(node->inputs[0], base), out);
        break;
    case SL_NODE_JOIN:
        run_join(node, execute(node->inputs[0], base), execute(node->inputs[1], base), out);
        break;
    case SL_NODE_WATERMARK: {
        struct table *input = execute(node->inputs[0], base);
        append_table(out, input, NULL, input->rows);
        break;
    }
    case SL_NODE_EXPECT:
    case SL_NODE_VALUES:
        fail_msg("no query here has VALUES or expectations");
    }
    return out;
}

#endif
