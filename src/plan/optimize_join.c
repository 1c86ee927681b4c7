/* Joins: where the terms of conditions and filters belong, and which of them are keys.
 *
 * Source: PushPredicateThroughJoin, ExtractEquiJoinKeys. */
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

int sl_term_side(const struct sl_expr *term, uint32_t left) {
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
        int side = sl_term_side(term, left);
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

bool sl_expr_is_call(const struct sl_expr *expr, const char *name) {
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
    bool null_safe = sl_expr_is_call(term, "<=>");
    bool equal = null_safe || sl_expr_is_call(term, "=") || sl_expr_is_call(term, "==");
    if (!equal || sl_expr_is_volatile(term)) return false;
    int a = sl_term_side(term->args[0], left), b = sl_term_side(term->args[1], left);
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

/* ---- the pass ---- */

/* What of the condition speaks of one preserved side only: a row that fails it has no match. */
static enum sl_code find_only(struct sl_expr_ctx *ctx, struct sl_join *join,
                              const struct sl_exprs *condition, uint32_t left, struct sl_err *err) {
    for (int i = 0; i < 2; i++) {
        struct sl_exprs own = {0};
        for (uint32_t t = 0; t < condition->count; t++) {
            struct sl_expr *term = condition->items[t];
            if (sl_term_side(term, left) == i && !sl_expr_is_volatile(term))
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
        if (err) sl_hint(err, "say in ON which columns of the two streams are equal");
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
