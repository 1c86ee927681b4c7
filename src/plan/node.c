#include "plan/node.h"

struct sl_node *sl_node_new(struct sl_arena *arena, enum sl_node_kind kind, struct sl_node *input,
                            uint32_t column_count, struct sl_span span) {
    struct sl_node *node = SL_NEW(arena, struct sl_node);
    node->kind = kind;
    node->span = span;
    node->column_count = column_count;
    node->columns = SL_NEW_ARRAY(arena, struct sl_column, column_count + 1);
    if (input) {
        node->inputs = SL_NEW_ARRAY(arena, struct sl_node *, 1);
        node->inputs[0] = input;
        node->input_count = 1;
    }
    return node;
}

struct sl_node *sl_node_project(struct sl_arena *arena, struct sl_node *input,
                                struct sl_expr **exprs, const struct sl_column *columns,
                                uint32_t count, struct sl_span span) {
    struct sl_node *node = sl_node_new(arena, SL_NODE_PROJECT, input, count, span);
    if (count) memcpy(node->columns, columns, count * sizeof *columns);
    node->exprs = exprs;
    return node;
}

/* A node with the columns of its input. */
static struct sl_node *passing(struct sl_arena *arena, enum sl_node_kind kind,
                               struct sl_node *input, struct sl_span span) {
    struct sl_node *node = sl_node_new(arena, kind, input, input->column_count, span);
    if (input->column_count)
        memcpy(node->columns, input->columns, input->column_count * sizeof *input->columns);
    return node;
}

struct sl_node *sl_node_filter(struct sl_arena *arena, struct sl_node *input,
                               struct sl_expr *condition, struct sl_span span) {
    struct sl_node *node = passing(arena, SL_NODE_FILTER, input, span);
    node->condition = condition;
    return node;
}

struct sl_node *sl_node_limit(struct sl_arena *arena, struct sl_node *input, int64_t limit,
                              struct sl_span span) {
    struct sl_node *node = passing(arena, SL_NODE_LIMIT, input, span);
    node->limit = limit;
    return node;
}

struct sl_node *sl_node_expect(struct sl_arena *arena, struct sl_node *input,
                               struct sl_expect *expects, uint32_t count, struct sl_span span) {
    struct sl_node *node = passing(arena, SL_NODE_EXPECT, input, span);
    node->expects = expects;
    node->expect_count = count;
    return node;
}

struct sl_event_time sl_event_time_among(const struct sl_column *columns, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        if (columns[i].watermark)
            return (struct sl_event_time){(int32_t)i, columns[i].watermark->delay_ms * 1000};
    return (struct sl_event_time){.column = -1};
}

const struct sl_type *sl_node_schema(struct sl_arena *arena, const struct sl_node *node) {
    struct sl_field *fields = SL_NEW_ARRAY(arena, struct sl_field, node->column_count + 1);
    for (uint32_t i = 0; i < node->column_count; i++)
        fields[i] = (struct sl_field){.name = node->columns[i].name,
                                      .type = node->columns[i].type,
                                      .nullable = node->columns[i].nullable};
    return sl_type_struct(arena, fields, node->column_count);
}

bool sl_node_is_streaming(const struct sl_node *node) {
    if (node->kind == SL_NODE_SCAN) return node->scan->streaming;
    for (uint32_t i = 0; i < node->input_count; i++)
        if (sl_node_is_streaming(node->inputs[i])) return true;
    return false;
}
