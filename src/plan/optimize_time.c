/* Event time of what remembers rows, on the plan whose unread columns are gone, as in Spark: by
 * which column rows are late, and from when on a remembered row of a join cannot find a match any
 * more.
 *
 * Source: WatermarkSupport in statefulOperators.scala, StreamingJoinHelper and
 * StreamingSymmetricHashJoinHelper. */
#include "plan/optimize_int.h"

/* ---- terms ---- */

/* Sum of a column and a constant, in microseconds. */
struct time_term {
    int64_t column; /* -1: none yet */
    int64_t constant_us;
};

static bool is_event_type(const struct sl_type *type) {
    return type->kind == SL_TIMESTAMP_KIND || type->kind == SL_TIMESTAMP_NTZ_KIND;
}

/* Columns and day-time intervals that are added and subtracted. */
static bool read_term(const struct sl_expr *expr, int sign, struct time_term *out) {
    if (expr->kind == SL_EXPR_COLUMN && is_event_type(expr->type) && sign > 0 && out->column < 0) {
        out->column = expr->column;
        return true;
    }
    if (expr->kind == SL_EXPR_LITERAL && expr->type->kind == SL_DAY_INTERVAL_KIND) {
        if (sl_vec_is_null(expr->literal, 0)) return false;
        int64_t value = expr->literal->i64[0];
        return value != INT64_MIN &&
               !__builtin_add_overflow(out->constant_us, sign * value, &out->constant_us);
    }
    if (expr->kind == SL_EXPR_CAST && is_event_type(expr->type) &&
        is_event_type(expr->args[0]->type) && expr->type->kind == expr->args[0]->type->kind)
        return read_term(expr->args[0], sign, out);
    bool minus = sl_expr_is_call(expr, "-");
    if ((!minus && !sl_expr_is_call(expr, "+")) || expr->arg_count != 2) return false;
    return read_term(expr->args[0], sign, out) &&
           read_term(expr->args[1], minus ? -sign : sign, out);
}

static bool is_event_time(const struct sl_node *join, int side, int64_t column) {
    const struct sl_node *input = join->inputs[side];
    return column >= 0 && column < input->column_count && input->columns[column].watermark;
}

/* smaller < larger [or =] says: when the watermark of smaller's side is at w, no row of larger's
 * side with a time at or before w + c can match any more; *ms is c. own: larger's column. */
static bool read_bound(const struct sl_expr *term, int side, const struct sl_node *join,
                       int64_t *own, int64_t *ms) {
    if (term->kind != SL_EXPR_CALL || term->arg_count != 2) return false;
    const char *name = term->function->name;
    bool less = name[0] == '<', strict = name[1] == '\0';
    bool compares = (less || name[0] == '>') && (strict || strcmp(name + 1, "=") == 0);
    if (!compares) return false;
    struct time_term smaller = {-1, 0}, larger = {-1, 0};
    if (!read_term(term->args[less ? 0 : 1], 1, &smaller) ||
        !read_term(term->args[less ? 1 : 0], 1, &larger))
        return false;
    uint32_t left = join->inputs[0]->column_count, first[2] = {0, left};
    bool owned = larger.column >= 0 && (larger.column >= left) == side;
    if (!owned || !is_event_time(join, !side, smaller.column - first[!side])) return false;
    *own = larger.column - first[side];
    int64_t us;
    if (__builtin_sub_overflow(smaller.constant_us, larger.constant_us, &us)) return false;
    *ms = us / 1000 - (us % 1000 < 0) - !strict;
    return true;
}

/* ---- is it bounded ---- */

static bool reads_event_time(const struct sl_expr *expr, const struct sl_node *join) {
    uint32_t left = join->inputs[0]->column_count;
    if (expr->kind != SL_EXPR_COLUMN) return false;
    bool right = expr->column >= left;
    return is_event_time(join, right, expr->column - (right ? left : 0));
}

static bool term_bounds(const struct sl_expr *term, const struct sl_node *node) {
    uint32_t left = node->inputs[0]->column_count;
    if (sl_expr_is_call(term, "=") || sl_expr_is_call(term, "==")) {
        int a = sl_term_side(term->args[0], left), b = sl_term_side(term->args[1], left);
        return a >= 0 && b >= 0 && a != b &&
               (reads_event_time(term->args[0], node) || reads_event_time(term->args[1], node));
    }
    int64_t own, ms;
    enum sl_join_kind kind = node->join->kind;
    bool first = kind != SL_JOINS_RIGHT && read_bound(term, 0, node, &own, &ms);
    bool second =
        (kind == SL_JOINS_RIGHT || kind == SL_JOINS_FULL) && read_bound(term, 1, node, &own, &ms);
    return first || second;
}

static bool any_term_bounds(const struct sl_expr *expr, const struct sl_node *node) {
    if (expr->kind != SL_EXPR_AND) return term_bounds(expr, node);
    for (uint32_t i = 0; i < expr->arg_count; i++)
        if (any_term_bounds(expr->args[i], node)) return true;
    return false;
}

bool sl_join_is_bounded(const struct sl_node *join) {
    return join->join->condition && any_term_bounds(join->join->condition, join);
}

/* ---- bounds ---- */

/* Of a key with a watermark on either side, both sides' rows go when it has passed. */
static int32_t watermark_key(const struct sl_node *node) {
    const struct sl_join *join = node->join;
    for (int side = 0; side < 2; side++)
        for (uint32_t k = 0; k < join->key_count; k++)
            if (is_event_time(node, side, join->sides[side].keys[k])) return (int32_t)k;
    return -1;
}

static void find_bounds(const struct sl_node *node, const struct sl_exprs *condition,
                        struct sl_join *join) {
    int32_t key = watermark_key(node);
    for (int i = 0; i < 2; i++) {
        struct sl_join_side *side = &join->sides[i];
        if (key >= 0) {
            side->bound = (int32_t)side->keys[key];
            side->bound_offset_us = 0;
            continue;
        }
        for (uint32_t t = 0; t < condition->count; t++) {
            int64_t ms, offset_us, own;
            if (!read_bound(condition->items[t], i, node, &own, &ms) ||
                side->event_time.column < 0 || own != side->event_time.column ||
                __builtin_mul_overflow(-ms, 1000, &offset_us))
                continue;
            /* of several the one that lets rows go last */
            if (side->bound >= 0 && side->bound_offset_us >= offset_us) continue;
            side->bound = side->event_time.column;
            side->bound_offset_us = offset_us;
        }
    }
}

static struct sl_node *with_times(struct sl_arena *arena, const struct sl_node *node,
                                  struct sl_node **inputs) {
    struct sl_node *out = sl_node_with_inputs(arena, node, inputs);
    struct sl_join *join = SL_NEW(arena, struct sl_join);
    struct sl_exprs condition = {0};
    *join = *node->join;
    for (int i = 0; i < 2; i++) {
        join->sides[i].event_time =
            sl_event_time_among(inputs[i]->columns, inputs[i]->column_count);
        join->sides[i].bound = -1;
    }
    if (join->condition) sl_expr_conjuncts(arena, join->condition, &condition);
    find_bounds(out, &condition, join);
    out->join = join;
    return out;
}

struct sl_node *sl_plan_find_times(struct sl_arena *arena, struct sl_node *node) {
    if (!node->input_count) return node;
    struct sl_node **inputs = SL_NEW_ARRAY(arena, struct sl_node *, node->input_count);
    for (uint32_t i = 0; i < node->input_count; i++)
        inputs[i] = sl_plan_find_times(arena, node->inputs[i]);
    bool streams = node->kind == SL_NODE_JOIN && node->join->sides[0].streaming &&
                   node->join->sides[1].streaming;
    return streams ? with_times(arena, node, inputs) : sl_node_with_inputs(arena, node, inputs);
}
