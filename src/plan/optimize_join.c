/* Joins: where the terms of conditions and filters belong, which of them are keys, and from when on
 * a remembered row of a stream cannot find a match any more.
 *
 * Source: PushPredicateThroughJoin, ExtractEquiJoinKeys, StreamingJoinHelper and
 * StreamingSymmetricHashJoinHelper. */
#include "plan/optimize_int.h"

struct reads {
    uint32_t left; /* columns of the left side */
    bool sides[2];
};

static void note_reads(const struct sl_expr *expr, struct reads *reads) {
    if (expr->kind == SL_EXPR_COLUMN) reads->sides[expr->column >= reads->left] = true;
    for (uint32_t i = 0; i < expr->arg_count; i++) note_reads(expr->args[i], reads);
}

static struct reads reads_of(const struct sl_expr *expr, uint32_t left) {
    struct reads reads = {.left = left};
    note_reads(expr, &reads);
    return reads;
}

/* The side whose columns alone the term reads, or -1. */
static int only_side(const struct sl_expr *term, uint32_t left) {
    struct reads reads = reads_of(term, left);
    if (reads.sides[0] == reads.sides[1]) return -1;
    return reads.sides[1];
}

static struct sl_expr *shift(struct sl_expr *expr, void *ctx) {
    const struct sl_expr_ctx *make = ((void **)ctx)[0];
    const uint32_t *by = ((void **)ctx)[1];
    if (expr->kind != SL_EXPR_COLUMN) return expr;
    struct sl_expr *copy = SL_NEW(make->query, struct sl_expr);
    *copy = *expr;
    copy->column -= *by;
    return copy;
}

/* The term over the columns of its side. */
static struct sl_expr *over_side(struct sl_expr_ctx *ctx, struct sl_expr *term, int side,
                                 uint32_t left) {
    void *both[2] = {ctx, &left};
    return side == 0 ? term : sl_expr_rewrite(ctx->query, term, shift, both);
}

/* ---- where terms belong ---- */

/* May a filter above the join decide rows of that side below it? */
static bool filter_goes(enum sl_join_kind kind, int side) {
    switch (kind) {
    case SL_JOINS_INNER:
        return true;
    case SL_JOINS_LEFT:
    case SL_JOINS_SEMI:
    case SL_JOINS_ANTI:
        return side == 0;
    case SL_JOINS_RIGHT:
        return side == 1;
    case SL_JOINS_FULL:
        return false;
    }
    return false;
}

/* May a term of the condition? Rows of a preserved side stay whatever it says. */
static bool condition_goes(enum sl_join_kind kind, int side) {
    switch (kind) {
    case SL_JOINS_INNER:
    case SL_JOINS_SEMI:
        return true;
    case SL_JOINS_LEFT:
    case SL_JOINS_ANTI:
        return side == 1;
    case SL_JOINS_RIGHT:
        return side == 0;
    case SL_JOINS_FULL:
        return false;
    }
    return false;
}

struct terms {
    struct sl_exprs sides[2], condition, above;
};

/* A term that may fail does not overtake one that stays where rows are still undecided. */
static void sort_terms(struct sl_expr_ctx *ctx, const struct sl_node *node,
                       const struct sl_exprs *terms, bool filter, struct terms *out) {
    enum sl_join_kind kind = node->join->kind;
    uint32_t left = node->inputs[0]->column_count;
    bool stayed = false;
    for (uint32_t i = 0; i < terms->count; i++) {
        struct sl_expr *term = terms->items[i];
        int side = only_side(term, left);
        bool moves = !sl_expr_is_volatile(term) && !(stayed && sl_expr_may_fail(term));
        bool goes = side >= 0 && (filter ? filter_goes(kind, side) : condition_goes(kind, side));
        if (moves && goes) {
            sl_exprs_add(ctx->query, &out->sides[side], over_side(ctx, term, side, left));
            continue;
        }
        stayed = true;
        bool joins = !filter || (kind == SL_JOINS_INNER && !sl_expr_is_volatile(term));
        sl_exprs_add(ctx->query, joins ? &out->condition : &out->above, term);
    }
}

enum sl_code sl_join_push(struct sl_expr_ctx *ctx, struct sl_node *join,
                          const struct sl_exprs *terms, struct sl_span span, sl_push_fn push,
                          struct sl_node **out, struct sl_exprs *above, struct sl_err *err) {
    struct terms sorted = {0};
    struct sl_exprs own = {0};
    if (join->join->condition) sl_expr_conjuncts(ctx->query, join->join->condition, &own);
    sort_terms(ctx, join, &own, false, &sorted);
    sort_terms(ctx, join, terms, true, &sorted);
    struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, 2);
    for (int i = 0; i < 2; i++) {
        inputs[i] = join->inputs[i];
        if (sorted.sides[i].count)
            SL_TRY(push(ctx, inputs[i], &sorted.sides[i], span, &inputs[i], err));
    }
    struct sl_join *what = SL_NEW(ctx->query, struct sl_join);
    *what = *join->join;
    SL_TRY(sl_exprs_join(ctx, &sorted.condition, &what->condition, err));
    *out = sl_node_with_inputs(ctx->query, join, inputs);
    (*out)->join = what;
    *above = sorted.above;
    return SL_OK;
}

/* ---- keys ---- */

struct side_keys {
    struct sl_exprs exprs; /* over the side's columns */
};

static bool is_call(const struct sl_expr *expr, const char *name) {
    return expr->kind == SL_EXPR_CALL && strcmp(expr->function->name, name) == 0;
}

static bool is_key_type(const struct sl_type *type) {
    if (type->kind == SL_MAP_KIND) return false;
    for (uint32_t i = 0; i < type->field_count; i++)
        if (!is_key_type(type->fields[i].type)) return false;
    return true;
}

/* A value of the type, any; NULL where none is at hand. */
static struct sl_expr *some_value(struct sl_expr_ctx *ctx, const struct sl_type *type) {
    if (type->kind == SL_STRING_KIND) return sl_expr_literal_str(ctx, (struct sl_str){0});
    if (type->kind == SL_DOUBLE_KIND) return sl_expr_literal_f64(ctx, 0);
    if (type->kind == SL_DECIMAL_KIND)
        return sl_expr_literal_decimal(ctx, type->precision, type->scale, 0);
    bool whole = sl_type_is_integer(type) || sl_type_is_datetime(type);
    return whole ? sl_expr_literal_i64(ctx, type, 0) : NULL;
}

/* left <=> right: two keys, any value for NULL and whether it is one (ExtractEquiJoinKeys). */
static bool take_null_safe(struct sl_expr_ctx *ctx, struct sl_expr *value, struct side_keys *keys) {
    struct sl_expr *pair[2] = {value, some_value(ctx, value->type)}, *made[2];
    struct sl_err ignored = {0};
    if (!pair[1] ||
        sl_expr_call(ctx, SL_STR("coalesce"), pair, 2, value->span, &made[0], &ignored) != SL_OK ||
        sl_expr_call(ctx, SL_STR("isnull"), pair, 1, value->span, &made[1], &ignored) != SL_OK)
        return false;
    for (int i = 0; i < 2; i++) sl_exprs_add(ctx->query, &keys->exprs, made[i]);
    return true;
}

/* left = right of one side each: taken as a key. */
static bool take_key(struct sl_expr_ctx *ctx, struct sl_expr *term, uint32_t left,
                     struct side_keys *keys) {
    bool null_safe = is_call(term, "<=>");
    bool equal = null_safe || is_call(term, "=") || is_call(term, "==");
    if (!equal || sl_expr_is_volatile(term)) return false;
    int a = only_side(term->args[0], left), b = only_side(term->args[1], left);
    if (a < 0 || b < 0 || a == b || !is_key_type(term->args[0]->type) ||
        !sl_type_equal(term->args[0]->type, term->args[1]->type))
        return false;
    for (int i = 0; i < 2; i++) {
        int side = i ? b : a;
        struct sl_expr *key = over_side(ctx, term->args[i], side, left);
        if (!null_safe)
            sl_exprs_add(ctx->query, &keys[side].exprs, key);
        else if (!take_null_safe(ctx, key, &keys[side]))
            return false; /* of the first side: both have one type */
    }
    return true;
}

/* Columns that must not be NULL for the term to be true: below what gives NULL for a NULL. */
static void note_strict(const struct sl_expr *expr, bool *columns) {
    bool strict = expr->kind == SL_EXPR_CAST || expr->kind == SL_EXPR_FIELD ||
                  (expr->kind == SL_EXPR_CALL && expr->function->nulls == SL_NULLS_STRICT);
    if (expr->kind == SL_EXPR_COLUMN) columns[expr->column] = true;
    for (uint32_t i = 0; i < expr->arg_count && strict; i++) note_strict(expr->args[i], columns);
}

/* Rows that a NULL keeps from matching leave before the join, where it need not give them alone, as
 * far down as filters go: below a WATERMARK, so that their times do not move it. strict: per column
 * of the side. Source: InferFiltersFromConstraints. */
static enum sl_code without_nulls(struct sl_expr_ctx *ctx, struct sl_node *input,
                                  const bool *strict, struct sl_node **out, struct sl_err *err) {
    struct sl_exprs terms = {0};
    for (uint32_t i = 0; i < input->column_count; i++) {
        const struct sl_column *column = &input->columns[i];
        if (!strict[i] || !column->nullable) continue;
        struct sl_expr *arg = sl_expr_column(ctx, i, column->type, true), *term;
        arg->name = column->name;
        SL_TRY(sl_expr_call(ctx, SL_STR("isnotnull"), &arg, 1, input->span, &term, err));
        sl_exprs_add(ctx->query, &terms, term);
    }
    struct sl_expr *condition;
    SL_TRY(sl_exprs_join(ctx, &terms, &condition, err));
    *out = condition ? sl_node_filter(ctx->query, input, condition, input->span) : input;
    return SL_OK;
}

/* The side with its keys among its columns. */
static struct sl_node *with_keys(struct sl_expr_ctx *ctx, struct sl_node *input,
                                 const struct side_keys *keys, uint32_t *columns) {
    struct sl_arena *arena = ctx->query;
    uint32_t count = input->column_count;
    struct sl_expr **exprs = SL_NEW_ARRAY(arena, struct sl_expr *, count + keys->exprs.count + 1);
    struct sl_column *made = SL_NEW_ARRAY(arena, struct sl_column, count + keys->exprs.count + 1);
    for (uint32_t i = 0; i < count; i++) {
        made[i] = input->columns[i];
        exprs[i] = sl_expr_column(ctx, i, made[i].type, made[i].nullable);
    }
    for (uint32_t k = 0; k < keys->exprs.count; k++) {
        struct sl_expr *key = keys->exprs.items[k];
        if (key->kind == SL_EXPR_COLUMN) {
            columns[k] = key->column;
            continue;
        }
        columns[k] = count;
        made[count] = (struct sl_column){.name = sl_arena_printf(arena, "_key%u", k),
                                         .type = key->type,
                                         .nullable = key->nullable};
        exprs[count++] = key;
    }
    if (count == input->column_count) return input;
    return sl_node_project(arena, input, exprs, made, count, input->span);
}

/* ---- until when ---- */

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
    bool minus = is_call(expr, "-");
    if ((!minus && !is_call(expr, "+")) || expr->arg_count != 2) return false;
    return read_term(expr->args[0], sign, out) &&
           read_term(expr->args[1], minus ? -sign : sign, out);
}

/* smaller < larger [or =] says: when the watermark of smaller's side is at w, no row of larger's
 * side with a time at or before w + c can match any more; *ms is c. own: larger's column. */
static bool read_bound(const struct sl_expr *term, int side, const struct sl_join *join,
                       uint32_t left, int64_t *own, int64_t *ms) {
    if (term->kind != SL_EXPR_CALL || term->arg_count != 2) return false;
    const char *name = term->function->name;
    bool less = name[0] == '<', strict = name[1] == '\0';
    bool compares = (less || name[0] == '>') && (strict || strcmp(name + 1, "=") == 0);
    if (!compares) return false;
    struct time_term smaller = {-1, 0}, larger = {-1, 0};
    if (!read_term(term->args[less ? 0 : 1], 1, &smaller) ||
        !read_term(term->args[less ? 1 : 0], 1, &larger))
        return false;
    uint32_t first[2] = {0, left};
    int32_t other = join->sides[!side].event_time.column;
    bool owned = larger.column >= 0 && (larger.column >= left) == side;
    if (other < 0 || !owned || smaller.column != (int64_t)other + first[!side]) return false;
    *own = larger.column - first[side];
    int64_t us;
    if (__builtin_sub_overflow(smaller.constant_us, larger.constant_us, &us)) return false;
    *ms = us / 1000 - (us % 1000 < 0) - !strict;
    return true;
}

/* Of a key with a watermark on either side, both sides' rows go when it has passed. */
static int32_t watermark_key(const struct sl_join *join) {
    for (int side = 0; side < 2; side++)
        for (uint32_t k = 0; k < join->key_count; k++)
            if (join->sides[side].event_time.column >= 0 &&
                join->sides[side].keys[k] == (uint32_t)join->sides[side].event_time.column)
                return (int32_t)k;
    return -1;
}

static void find_bounds(struct sl_join *join, const struct sl_exprs *condition, uint32_t left) {
    int32_t key = watermark_key(join);
    for (int i = 0; i < 2; i++) {
        struct sl_join_side *side = &join->sides[i];
        if (key >= 0) {
            side->bound = (int32_t)side->keys[key];
            side->bound_offset_us = 0;
            continue;
        }
        for (uint32_t t = 0; t < condition->count; t++) {
            int64_t ms, offset_us, own;
            if (!read_bound(condition->items[t], i, join, left, &own, &ms) ||
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

/* ---- is it bounded ---- */

static bool is_event_time(const struct sl_expr *expr, const struct sl_node *join) {
    uint32_t left = join->inputs[0]->column_count;
    if (expr->kind != SL_EXPR_COLUMN) return false;
    int side = expr->column >= left;
    const struct sl_column *column = &join->inputs[side]->columns[expr->column - (side ? left : 0)];
    return column->watermark != NULL;
}

static bool term_bounds(const struct sl_expr *term, const struct sl_node *node) {
    uint32_t left = node->inputs[0]->column_count;
    if (is_call(term, "=") || is_call(term, "==")) {
        int a = only_side(term->args[0], left), b = only_side(term->args[1], left);
        return a >= 0 && b >= 0 && a != b &&
               (is_event_time(term->args[0], node) || is_event_time(term->args[1], node));
    }
    int64_t own, ms;
    enum sl_join_kind kind = node->join->kind;
    bool first = kind != SL_JOINS_RIGHT && read_bound(term, 0, node->join, left, &own, &ms);
    bool second = (kind == SL_JOINS_RIGHT || kind == SL_JOINS_FULL) &&
                  read_bound(term, 1, node->join, left, &own, &ms);
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

/* ---- the pass ---- */

/* What of the condition speaks of one preserved side only: a row that fails it has no match. */
static enum sl_code find_only(struct sl_expr_ctx *ctx, struct sl_join *join,
                              const struct sl_exprs *condition, uint32_t left, struct sl_err *err) {
    for (int i = 0; i < 2; i++) {
        struct sl_exprs own = {0};
        for (uint32_t t = 0; t < condition->count; t++) {
            struct sl_expr *term = condition->items[t];
            if (only_side(term, left) == i && !sl_expr_is_volatile(term))
                sl_exprs_add(ctx->query, &own, over_side(ctx, term, i, left));
        }
        SL_TRY(sl_exprs_join(ctx, &own, &join->sides[i].only, err));
    }
    return SL_OK;
}

/* Columns of the join before the keys came in, from those of the sides with keys. */
static struct sl_node *without_keys(struct sl_expr_ctx *ctx, const struct sl_node *before,
                                    struct sl_node *join) {
    if (join->column_count == before->column_count) return join;
    uint32_t left = before->inputs[0]->column_count, more = join->inputs[0]->column_count - left;
    struct sl_expr **exprs = SL_NEW_ARRAY(ctx->query, struct sl_expr *, before->column_count + 1);
    for (uint32_t i = 0; i < before->column_count; i++)
        exprs[i] = sl_expr_column(ctx, i < left ? i : i + more, before->columns[i].type,
                                  before->columns[i].nullable);
    return sl_node_project(ctx->query, join, exprs, before->columns, before->column_count,
                           before->span);
}

static struct sl_node *new_join(struct sl_expr_ctx *ctx, const struct sl_node *before,
                                struct sl_node **inputs, const struct sl_join *what) {
    uint32_t old_left = before->inputs[0]->column_count, left = inputs[0]->column_count;
    bool half = what->kind == SL_JOINS_SEMI || what->kind == SL_JOINS_ANTI;
    uint32_t count = half ? left : left + inputs[1]->column_count;
    struct sl_node *node = sl_node_with_inputs(ctx->query, before, inputs);
    node->join = what;
    node->columns = SL_NEW_ARRAY(ctx->query, struct sl_column, count + 1);
    node->column_count = count;
    for (uint32_t i = 0; i < count; i++) {
        bool first = i < left;
        uint32_t at = first ? i : i - left, old = first ? at : old_left + at;
        bool known = first ? at < old_left : at < before->inputs[1]->column_count;
        node->columns[i] = known ? before->columns[old] : inputs[!first]->columns[at];
        if (!known) node->columns[i].nullable = true;
    }
    return node;
}

static struct sl_expr *move_right(struct sl_expr *expr, void *ctx) {
    const struct sl_expr_ctx *make = ((void **)ctx)[0];
    const uint32_t *left = ((void **)ctx)[1], *more = ((void **)ctx)[2];
    if (expr->kind != SL_EXPR_COLUMN || expr->column < *left) return expr;
    struct sl_expr *copy = SL_NEW(make->query, struct sl_expr);
    *copy = *expr;
    copy->column += *more;
    return copy;
}

static enum sl_code find_keys(struct sl_expr_ctx *ctx, struct sl_node *node, struct sl_node **out,
                              struct sl_err *err) {
    uint32_t left = node->inputs[0]->column_count;
    struct sl_exprs terms = {0}, rest = {0};
    struct side_keys keys[2] = {0};
    if (node->join->condition) sl_expr_conjuncts(ctx->query, node->join->condition, &terms);
    bool *strict = SL_NEW_ARRAY(ctx->query, bool, left + node->inputs[1]->column_count + (size_t)1);
    for (uint32_t i = 0; i < terms.count; i++) {
        note_strict(terms.items[i], strict);
        if (!take_key(ctx, terms.items[i], left, keys))
            sl_exprs_add(ctx->query, &rest, terms.items[i]);
    }
    struct sl_join *what = SL_NEW(ctx->query, struct sl_join);
    *what = *node->join;
    what->key_count = keys[0].exprs.count;
    bool streams = what->sides[0].streaming && what->sides[1].streaming;
    if (streams && !what->key_count) {
        sl_fail_at(err, node->span, "UNSUPPORTED_STREAMING_OPERATION", "0A000",
                   "stream-stream join without equality predicate is not supported");
        if (err) sl_hint(err, "Say in ON which columns of the two streams are equal.");
        return SL_USER;
    }
    struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, 2);
    for (int i = 0; i < 2; i++) {
        what->sides[i].keys = SL_NEW_ARRAY(ctx->query, uint32_t, what->key_count + 1);
        inputs[i] = node->inputs[i];
        if (condition_goes(what->kind, i))
            SL_TRY(without_nulls(ctx, inputs[i], strict + (i ? left : 0), &inputs[i], err));
        inputs[i] = with_keys(ctx, inputs[i], &keys[i], what->sides[i].keys);
        what->sides[i].column_count = inputs[i]->column_count;
    }
    if (streams) find_bounds(what, &rest, left);
    SL_TRY(find_only(ctx, what, &rest, left, err));
    SL_TRY(sl_exprs_join(ctx, &rest, &what->condition, err));
    uint32_t more = inputs[0]->column_count - left;
    void *moving[3] = {ctx, &left, &more};
    if (what->condition && more)
        what->condition = sl_expr_rewrite(ctx->query, what->condition, move_right, moving);
    *out = without_keys(ctx, node, new_join(ctx, node, inputs, what));
    return SL_OK;
}

enum sl_code sl_plan_find_keys(struct sl_expr_ctx *ctx, struct sl_node *in, struct sl_node **out,
                               struct sl_err *err) {
    *out = in;
    if (!in->input_count) return SL_OK;
    struct sl_node **inputs = SL_NEW_ARRAY(ctx->query, struct sl_node *, in->input_count);
    for (uint32_t i = 0; i < in->input_count; i++)
        SL_TRY(sl_plan_find_keys(ctx, in->inputs[i], &inputs[i], err));
    *out = sl_node_with_inputs(ctx->query, in, inputs);
    return in->kind == SL_NODE_JOIN && !in->join->key_count ? find_keys(ctx, *out, out, err)
                                                            : SL_OK;
}
