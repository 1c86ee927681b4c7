/* EXPLAIN text in Spark's tree layout: children of a node with several inputs hang on `:- `, the
 * last or only one on `+- `. */
#include "plan/node.h"

#include <stdlib.h>

static struct sl_str *names_of(const struct sl_node *node) {
    struct sl_str *names = sl_xcalloc(node->column_count + 1, sizeof *names);
    for (uint32_t i = 0; i < node->column_count; i++) names[i] = node->columns[i].name;
    return names;
}

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
    struct sl_str *names = names_of(input);
    sl_buf_put_cstr(out, "Project [");
    for (uint32_t i = 0; i < node->column_count; i++) {
        const struct sl_expr *expr = node->exprs[i];
        if (i) sl_buf_put_cstr(out, ", ");
        sl_expr_put_text(out, expr, names);
        if (expr->kind == SL_EXPR_COLUMN && sl_str_eq(names[expr->column], node->columns[i].name))
            continue;
        sl_buf_put_cstr(out, " AS ");
        sl_buf_put_str(out, node->columns[i].name);
    }
    sl_buf_put_byte(out, ']');
    free(names);
}

static void put_filter(struct sl_buf *out, const struct sl_node *node) {
    struct sl_str *names = names_of(node->inputs[0]);
    sl_buf_put_cstr(out, "Filter ");
    sl_expr_put_text(out, node->condition, names);
    free(names);
}

static const char *const action_words[] = {
    [SL_EXPECT_KEEP] = "",
    [SL_EXPECT_DROP] = " ON VIOLATION DROP ROW",
    [SL_EXPECT_FAIL] = " ON VIOLATION FAIL UPDATE",
    [SL_EXPECT_TABLE] = " OF TABLE",
};

static void put_expect(struct sl_buf *out, const struct sl_node *node) {
    struct sl_str *names = names_of(node->inputs[0]);
    sl_buf_put_cstr(out, "Expect [");
    for (uint32_t i = 0; i < node->expect_count; i++) {
        const struct sl_expect *expect = &node->expects[i];
        sl_buf_printf(out, "%s%.*s: ", i ? ", " : "", SL_STR_ARG(expect->name));
        sl_expr_put_text(out, expect->condition, names);
        sl_buf_put_cstr(out, action_words[expect->action]);
    }
    sl_buf_put_byte(out, ']');
    free(names);
}

/* The list, positions of the input's columns that are not passed on, outer, the view's name, what
 * comes out: Spark's Generate. */
static void put_generate(struct sl_buf *out, const struct sl_node *node) {
    const struct sl_generate *generate = node->generate;
    const struct sl_node *input = node->inputs[0];
    struct sl_str *names = names_of(input);
    sl_buf_printf(out, "Generate %s(", generate->name);
    sl_expr_put_text(out, generate->list, names);
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
    free(names);
}

static void put_scan(struct sl_buf *out, const struct sl_node *node) {
    sl_buf_put_cstr(out, node->scan->streaming ? "StreamingRelation " : "Relation ");
    put_columns(out, node);
    sl_buf_put_byte(out, ' ');
    sl_buf_put_str(out, node->scan->name);
    if (!node->pushed_count) return;
    struct sl_str *names = names_of(node);
    sl_buf_put_cstr(out, ", PushedFilters: [");
    for (uint32_t i = 0; i < node->pushed_count; i++) {
        if (i) sl_buf_put_cstr(out, ", ");
        sl_expr_put_text(out, node->pushed[i], names);
    }
    sl_buf_put_byte(out, ']');
    free(names);
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
    case SL_NODE_VALUES:
        put_values(out, node);
        break;
    }
    sl_buf_put_byte(out, '\n');
}

/* `prefix` is what stands before the marks of this node's children. */
static void put_tree(struct sl_buf *out, const struct sl_node *node, struct sl_buf *prefix) {
    put_line(out, node);
    size_t depth = prefix->len;
    for (uint32_t i = 0; i < node->input_count; i++) {
        bool last = i + 1 == node->input_count;
        sl_buf_put_str(out, sl_buf_str(prefix));
        sl_buf_put_cstr(out, last ? "+- " : ":- ");
        sl_buf_put_cstr(prefix, last ? "   " : ":  ");
        put_tree(out, node->inputs[i], prefix);
        prefix->len = depth;
    }
}

void sl_node_put_text(struct sl_buf *out, const struct sl_node *node) {
    struct sl_buf prefix = {0};
    put_tree(out, node, &prefix);
    sl_buf_release(&prefix);
}
