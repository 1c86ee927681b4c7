/* EXPLAIN text in Spark's tree layout: children of a node with several inputs hang on `:- `, the
 * last or only one on `+- `. */
#include "kern/datetime.h"
#include "plan/node.h"

/* ---- names of columns ---- */

/* What expressions over `count` columns call them. One name of several columns is told apart by
 * the table or alias that it came by; where that is the same, by the side of the join: Spark
 * numbers them. */
struct names {
    struct sl_arena arena;
    struct sl_str *items;
};

static struct sl_str name_among(struct sl_arena *arena, const struct sl_column *const *columns,
                                uint32_t count, uint32_t left, uint32_t at) {
    struct sl_str name = columns[at]->name, qualifier = columns[at]->qualifier;
    bool alone = true, qualified = qualifier.len != 0;
    for (uint32_t i = 0; i < count; i++) {
        if (i == at || !sl_str_eq(columns[i]->name, name)) continue;
        alone = false;
        if (sl_str_eq(columns[i]->qualifier, qualifier)) qualified = false;
    }
    if (alone || (!qualified && left == count)) return name;
    if (!qualified) qualifier = at < left ? SL_STR("left") : SL_STR("right");
    return sl_arena_printf(arena, "%.*s.%.*s", SL_STR_ARG(qualifier), SL_STR_ARG(name));
}

static void name_columns(struct names *names, const struct sl_column *const *columns,
                         uint32_t count, uint32_t left) {
    names->items = SL_NEW_ARRAY(&names->arena, struct sl_str, count + (size_t)1);
    for (uint32_t i = 0; i < count; i++)
        names->items[i] = name_among(&names->arena, columns, count, left, i);
}

static void names_release(struct names *names) { sl_arena_release(&names->arena); }

static void name_output(struct names *names, const struct sl_node *node) {
    uint32_t count = node->column_count;
    sl_arena_init(&names->arena, "names");
    const struct sl_column **columns =
        SL_NEW_ARRAY(&names->arena, const struct sl_column *, count + (size_t)1);
    for (uint32_t i = 0; i < count; i++) columns[i] = &node->columns[i];
    bool join = node->kind == SL_NODE_JOIN && node->inputs[0]->column_count < count;
    name_columns(names, columns, count, join ? node->inputs[0]->column_count : count);
}

/* The columns of both sides, as a join's condition has them. */
static void name_sides(struct names *names, const struct sl_node *join) {
    uint32_t left = join->inputs[0]->column_count, count = left + join->inputs[1]->column_count;
    sl_arena_init(&names->arena, "names");
    const struct sl_column **columns =
        SL_NEW_ARRAY(&names->arena, const struct sl_column *, count + (size_t)1);
    for (uint32_t i = 0; i < count; i++)
        columns[i] = i < left ? &join->inputs[0]->columns[i] : &join->inputs[1]->columns[i - left];
    name_columns(names, columns, count, left);
}

/* ---- nodes ---- */

static void put_columns(struct sl_buf *out, const struct sl_node *node) {
    sl_buf_put_byte(out, '[');
    for (uint32_t i = 0; i < node->column_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_buf_put_str(out, node->columns[i].name);
    }
    sl_buf_put_byte(out, ']');
}

static void put_project(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_node *input = node->inputs[0];
    struct names names;
    name_output(&names, input);
    sl_buf_put_cstr(out, "Project [");
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct sl_expr *expr = node->exprs[i];
        if (i) sl_buf_put_cstr(out, ", ");
        sl_expr_put_text(out, expr, names.items);
        if (expr->kind == SL_EXPR_COLUMN &&
            sl_str_eq(input->columns[expr->column].name, node->columns[i].name))
            continue;
        sl_buf_put_cstr(out, " AS ");
        sl_buf_put_str(out, node->columns[i].name);
    }
    sl_buf_put_byte(out, ']');
    names_release(&names);
}

static void put_filter(struct sl_buf *out, const struct sl_node *node) {
    struct names names;
    name_output(&names, node->inputs[0]);
    sl_buf_put_cstr(out, "Filter ");
    sl_expr_put_text(out, node->condition, names.items);
    names_release(&names);
}

static const char *const action_words[] = {
    [SL_EXPECT_KEEP] = "",
    [SL_EXPECT_DROP] = " ON VIOLATION DROP ROW",
    [SL_EXPECT_FAIL] = " ON VIOLATION FAIL UPDATE",
    [SL_EXPECT_TABLE] = " OF TABLE",
};

static void put_expect(struct sl_buf *out, const struct sl_node *node) {
    struct names names;
    name_output(&names, node->inputs[0]);
    sl_buf_put_cstr(out, "Expect [");
    for (uint32_t i = 0; i < node->expect_count; i++) {
        const struct sl_expect *expect = &node->expects[i];
        sl_buf_printf(out, "%s%.*s: ", i ? ", " : "", SL_STR_ARG(expect->name));
        sl_expr_put_text(out, expect->condition, names.items);
        sl_buf_put_cstr(out, action_words[expect->action]);
    }
    sl_buf_put_byte(out, ']');
    names_release(&names);
}

/* The list, positions of the input's columns that are not passed on, outer, the view's name, what
 * comes out: Spark's Generate. */
static void put_generate(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_generate *generate = node->generate;
    const struct sl_node *input = node->inputs[0];
    struct names names;
    name_output(&names, input);
    sl_buf_printf(out, "Generate %s(", generate->name);
    sl_expr_put_text(out, generate->list, names.items);
    sl_buf_put_cstr(out, ")");
    uint32_t kept = 0, dropped = 0;
    for (uint32_t i = 0; i < input->column_count; i++) {
        if (kept < generate->kept_count && generate->kept[kept] == i) {
            kept++;
            continue;
        }
        sl_buf_printf(out, "%s%u", dropped++ ? ", " : ", [", i);
    }
    sl_buf_printf(out, "%s, %s, ", dropped ? "]" : "", generate->outer ? "true" : "false");
    if (generate->qualifier.len) sl_buf_printf(out, "%.*s, ", SL_STR_ARG(generate->qualifier));
    for (uint32_t i = 0; i < generate->part_count; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : "[",
                      SL_STR_ARG(node->columns[generate->kept_count + i].name));
    sl_buf_put_cstr(out, generate->part_count ? "]" : "[]");
    names_release(&names);
}

static void put_scan(struct sl_buf *out, const struct sl_node *node) {
    sl_buf_put_cstr(out, node->scan->streaming ? "StreamingRelation " : "Relation ");
    put_columns(out, node);
    sl_buf_put_byte(out, ' ');
    sl_buf_put_str(out, node->scan->name);
    if (!node->pushed_count) return;
    struct names names;
    name_output(&names, node);
    sl_buf_put_cstr(out, ", PushedFilters: [");
    for (uint32_t i = 0; i < node->pushed_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_expr_put_text(out, node->pushed[i], names.items);
    }
    sl_buf_put_byte(out, ']');
    names_release(&names);
}

static void put_values(struct sl_buf *out, const struct sl_node *node) {
    if (node->row_count != 1) {
        sl_buf_put_cstr(out, "LocalRelation ");
        put_columns(out, node);
        sl_buf_printf(out, " %u rows", node->row_count);
        return;
    }
    sl_buf_put_cstr(out, "OneRowRelation");
    for (uint32_t i = 0; i < node->column_count; i++) {
        sl_buf_put_cstr(out, i ? ", " : " [");
        sl_expr_put_text(out, node->exprs[i], NULL);
        sl_buf_put_cstr(out, " AS ");
        sl_buf_put_str(out, node->columns[i].name);
    }
    if (node->column_count) sl_buf_put_byte(out, ']');
}

/* ---- what remembers rows ---- */

static void put_names(struct sl_buf *out, const struct sl_node *input, const uint32_t *columns,
                      uint32_t count) {
    sl_buf_put_byte(out, '[');
    for (uint32_t i = 0; i < count; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : "", SL_STR_ARG(input->columns[columns[i]].name));
    sl_buf_put_byte(out, ']');
}

static void put_watermark(struct sl_buf *out, const struct sl_node *node) {
    sl_buf_printf(out, "EventTimeWatermark %.*s, ", SL_STR_ARG(node->watermark->name));
    struct sl_type seconds = sl_type_day_interval;
    sl_interval_put_text(out, &seconds, node->watermark->delay_ms * 1000);
}

static void put_item(struct sl_buf *out, const struct sl_node *input,
                     const struct sl_aggregation_item *item) {
    sl_buf_printf(out, "%s(%s", item->call->function->name, item->distinct ? "DISTINCT " : "");
    if (!item->call->arg_count) sl_buf_put_cstr(out, "1");
    for (uint32_t i = 0; i < item->call->arg_count; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : "", SL_STR_ARG(input->columns[item->args[i]].name));
    sl_buf_printf(out, ")%s", item->call->ignore_nulls ? " ignore nulls" : "");
    if (item->filter >= 0)
        sl_buf_printf(out, " FILTER (WHERE %.*s)", SL_STR_ARG(input->columns[item->filter].name));
}

static void put_aggregate(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_aggregation *what = node->aggregation;
    const struct sl_node *input = node->inputs[0];
    sl_buf_put_cstr(out, "Aggregate ");
    put_names(out, input, what->keys, what->key_count);
    sl_buf_put_cstr(out, ", [");
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_buf_printf(out, "%s%.*s", i ? ", " : "", SL_STR_ARG(node->columns[i].name));
    for (uint32_t i = 0; i < what->item_count; i++) {
        struct sl_str name = node->columns[what->key_count + i].name;
        if (i || what->key_count) sl_buf_put_cstr(out, ", ");
        put_item(out, input, &what->items[i]);
        sl_buf_printf(out, " AS %.*s", SL_STR_ARG(name));
    }
    sl_buf_put_byte(out, ']');
}

static void put_deduplicate(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_deduplication *what = node->deduplication;
    sl_buf_put_cstr(out, what->within_watermark ? "DeduplicateWithinWatermark " : "Deduplicate ");
    put_names(out, node, what->keys, what->key_count);
}

static void put_sort(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_sorting *what = node->sorting;
    sl_buf_put_cstr(out, "Sort [");
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_buf_printf(out, "%s%.*s %s NULLS %s", i ? ", " : "",
                      SL_STR_ARG(node->columns[what->keys[i].column].name),
                      what->keys[i].descending ? "DESC" : "ASC",
                      what->keys[i].nulls_first ? "FIRST" : "LAST");
    sl_buf_put_cstr(out, "], true");
}

static const char *const join_words[] = {
    [SL_JOINS_INNER] = "Inner",    [SL_JOINS_LEFT] = "LeftOuter", [SL_JOINS_RIGHT] = "RightOuter",
    [SL_JOINS_FULL] = "FullOuter", [SL_JOINS_SEMI] = "LeftSemi",  [SL_JOINS_ANTI] = "LeftAnti"};

static void put_join(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_join *what = node->join;
    uint32_t left = node->inputs[0]->column_count;
    struct names names;
    name_sides(&names, node);
    sl_buf_printf(out, "Join %s", join_words[what->kind]);
    for (uint32_t i = 0; i < what->key_count; i++)
        sl_buf_printf(out, "%s(%.*s = %.*s)", i ? " AND " : ", (",
                      SL_STR_ARG(names.items[what->sides[0].keys[i]]),
                      SL_STR_ARG(names.items[left + what->sides[1].keys[i]]));
    if (what->condition) {
        sl_buf_put_cstr(out, what->key_count ? " AND " : ", ");
        sl_expr_put_text(out, what->condition, names.items);
    }
    names_release(&names);
    if (what->key_count) sl_buf_put_byte(out, ')');
}

static void put_line(struct sl_buf *out, const struct sl_node *node) {
    switch (node->kind) {
    case SL_NODE_SCAN:
        put_scan(out, node);
        break;
    case SL_NODE_PROJECT:
        put_project(out, node);
        break;
    case SL_NODE_FILTER:
        put_filter(out, node);
        break;
    case SL_NODE_EXPECT:
        put_expect(out, node);
        break;
    case SL_NODE_GENERATE:
        put_generate(out, node);
        break;
    case SL_NODE_UNION:
        sl_buf_put_cstr(out, "Union false, false");
        break;
    case SL_NODE_LIMIT:
        sl_buf_printf(out, "GlobalLimit %lld", (long long)node->limit);
        break;
    case SL_NODE_WATERMARK:
        put_watermark(out, node);
        break;
    case SL_NODE_AGGREGATE:
        put_aggregate(out, node);
        break;
    case SL_NODE_DEDUPLICATE:
        put_deduplicate(out, node);
        break;
    case SL_NODE_JOIN:
        put_join(out, node);
        break;
    case SL_NODE_SORT:
        put_sort(out, node);
        break;
    case SL_NODE_VALUES:
        put_values(out, node);
        break;
    }
    sl_buf_put_byte(out, '\n');
}

/* A sort that knows how many rows are wanted is two nodes to Spark, one without keys the limit
 * alone. */
static void put_lines(struct sl_buf *out, const struct sl_node *node, struct sl_buf *prefix) {
    bool limit = node->kind == SL_NODE_SORT && node->sorting->limit >= 0;
    if (limit) sl_buf_printf(out, "GlobalLimit %lld\n", (long long)node->sorting->limit);
    if (limit && !node->sorting->key_count) return;
    if (limit) {
        sl_buf_put_str(out, sl_buf_str(prefix));
        sl_buf_put_cstr(out, "+- ");
        sl_buf_put_cstr(prefix, "   ");
    }
    put_line(out, node);
}

/* `prefix` is what stands before the marks of this node's children. */
static void put_tree(struct sl_buf *out, const struct sl_node *node, struct sl_buf *prefix) {
    size_t above = prefix->len;
    put_lines(out, node, prefix);
    size_t depth = prefix->len;
    for (uint32_t i = 0; i < node->input_count; i++) {
        bool last = i + 1 == node->input_count;
        sl_buf_put_str(out, sl_buf_str(prefix));
        sl_buf_put_cstr(out, last ? "+- " : ":- ");
        sl_buf_put_cstr(prefix, last ? "   " : ":  ");
        put_tree(out, node->inputs[i], prefix);
        prefix->len = depth;
    }
    prefix->len = above;
}

void sl_node_put_text(struct sl_buf *out, const struct sl_node *node) {
    struct sl_buf prefix = {0};
    put_tree(out, node, &prefix);
    sl_buf_release(&prefix);
}
