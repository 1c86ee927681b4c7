/* Joins: names over both sides, USING and NATURAL, and the generators that FROM joins to a
 * relation.  Which parts of the condition are keys is found out by the optimizer, once filters have
 * come down: optimize_join.c.
 * Source: Analyzer.scala (ResolveNaturalAndUsingJoin), CheckAnalysis. */
#include "plan/select.h"

static const char *join_name(enum sl_join_type type) {
    switch (type) {
    case SL_JOIN_INNER:
        return "JOIN";
    case SL_JOIN_CROSS:
        return "CROSS JOIN";
    case SL_JOIN_LEFT:
        return "LEFT JOIN";
    case SL_JOIN_RIGHT:
        return "RIGHT JOIN";
    case SL_JOIN_FULL:
        return "FULL JOIN";
    case SL_JOIN_LEFT_SEMI:
        return "LEFT SEMI JOIN";
    case SL_JOIN_LEFT_ANTI:
        return "LEFT ANTI JOIN";
    }
    return "JOIN";
}

static enum sl_join_kind join_kind(enum sl_join_type type) {
    switch (type) {
    case SL_JOIN_LEFT:
        return SL_JOINS_LEFT;
    case SL_JOIN_RIGHT:
        return SL_JOINS_RIGHT;
    case SL_JOIN_FULL:
        return SL_JOINS_FULL;
    case SL_JOIN_LEFT_SEMI:
        return SL_JOINS_SEMI;
    case SL_JOIN_LEFT_ANTI:
        return SL_JOINS_ANTI;
    default:
        return SL_JOINS_INNER;
    }
}

/* ---- generators in FROM ---- */

static enum sl_code refuse_generator(const struct sl_urelation *relation, struct sl_err *err) {
    enum sl_code code =
        sl_bind_refuse(err, relation->right->span, "%s%s with a generator",
                       relation->natural ? "NATURAL " : "", join_name(relation->join_type));
    if (err) sl_hint(err, "LATERAL VIEW OUTER keeps the rows that have no items");
    return code;
}

/* Does the relation begin with a generator, which reads what stands before it? */
static bool begins_with_generator(const struct sl_urelation *relation) {
    while (relation->kind == SL_R_JOIN) relation = relation->input;
    return sl_is_generator_table(relation);
}

static enum sl_code bind_after(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node *left, struct sl_node **out, struct sl_err *err) {
    if (relation->kind == SL_R_JOIN) return sl_bind_join(binder, relation, left, out, err);
    return sl_bind_generator_table(binder, relation, left, out, err);
}

/* The generator goes over the left side: `FROM t, LATERAL explode(t.a)`. */
static enum sl_code join_generator(struct sl_binder *binder, const struct sl_urelation *relation,
                                   struct sl_node *left, struct sl_node **out, struct sl_err *err) {
    bool inner = relation->join_type == SL_JOIN_INNER || relation->join_type == SL_JOIN_CROSS;
    if (!inner || relation->natural || relation->name.count) return refuse_generator(relation, err);
    SL_TRY(bind_after(binder, relation->right, left, out, err));
    if (!relation->condition) return SL_OK;
    struct sl_scope scope = sl_scope_of(binder, *out);
    struct sl_expr *condition;
    SL_TRY(sl_bind_condition(binder, &scope, relation->condition, &condition, err));
    *out = sl_node_filter(binder->arena, *out, condition, relation->span);
    return SL_OK;
}

/* ---- the node ---- */

static void describe_side(const struct sl_node *input, struct sl_join_side *side) {
    side->streaming = sl_node_is_streaming(input);
    side->column_count = input->column_count;
    side->event_time.column = side->bound = -1;
    for (uint32_t i = 0; i < input->column_count && side->event_time.column < 0; i++)
        if (input->columns[i].watermark)
            side->event_time =
                (struct sl_event_time){(int32_t)i, input->columns[i].watermark->delay_ms * 1000};
}

static struct sl_node *join_node(struct sl_binder *binder, enum sl_join_kind kind,
                                 struct sl_node *left, struct sl_node *right, struct sl_span span) {
    bool half = kind == SL_JOINS_SEMI || kind == SL_JOINS_ANTI;
    uint32_t nl = left->column_count, nr = right->column_count;
    struct sl_node *node =
        sl_node_new(binder->arena, SL_NODE_JOIN, left, half ? nl : nl + nr, span);
    node->inputs = SL_NEW_ARRAY(binder->arena, struct sl_node *, 2);
    node->inputs[0] = left;
    node->inputs[1] = right;
    node->input_count = 2;
    if (nl) memcpy(node->columns, left->columns, nl * sizeof *node->columns);
    if (nr && !half) memcpy(node->columns + nl, right->columns, nr * sizeof *node->columns);
    bool full = kind == SL_JOINS_FULL;
    for (uint32_t i = 0; i < node->column_count; i++)
        node->columns[i].nullable |=
            full || (kind == SL_JOINS_LEFT && i >= nl) || (kind == SL_JOINS_RIGHT && i < nl);
    struct sl_join *join = SL_NEW(binder->arena, struct sl_join);
    *join = (struct sl_join){.kind = kind};
    describe_side(left, &join->sides[0]);
    describe_side(right, &join->sides[1]);
    /* a join with a table remembers nothing of the stream, so nothing is too late for it */
    if (!join->sides[0].streaming || !join->sides[1].streaming)
        join->sides[0].event_time.column = join->sides[1].event_time.column = -1;
    node->join = join;
    return node;
}

/* Both sides' columns, for the condition. */
static struct sl_scope both_sides(struct sl_binder *binder, const struct sl_node *left,
                                  const struct sl_node *right) {
    uint32_t nl = left->column_count, nr = right->column_count;
    struct sl_column *columns = SL_NEW_ARRAY(binder->arena, struct sl_column, nl + nr + 1);
    if (nl) memcpy(columns, left->columns, nl * sizeof *columns);
    if (nr) memcpy(columns + nl, right->columns, nr * sizeof *columns);
    return (struct sl_scope){.columns = columns,
                             .column_count = nl + nr,
                             .case_sensitive = binder->ctx->expr.session->case_sensitive};
}

static enum sl_code bind_on(struct sl_binder *binder, const struct sl_urelation *relation,
                            const struct sl_node *left, const struct sl_node *right,
                            struct sl_expr **out, struct sl_err *err) {
    struct sl_scope scope = both_sides(binder, left, right);
    const struct sl_uexpr *given = relation->condition;
    SL_TRY(sl_bind_uexpr(binder, &scope, given, out, err));
    if ((*out)->type->kind == SL_NULL_KIND)
        SL_TRY(sl_expr_coerce(&binder->ctx->expr, *out, &sl_type_bool, out, err));
    if ((*out)->type->kind == SL_BOOL_KIND) return SL_OK;
    return sl_fail_at(err, given->span, "JOIN_CONDITION_IS_NOT_BOOLEAN_TYPE", "42K0E",
                      "the join condition \"%.*s\" has the invalid type \"%s\", expected "
                      "\"BOOLEAN\"",
                      SL_STR_ARG(sl_pretty_text(binder, &scope, given)),
                      sl_type_sql(binder->arena, (*out)->type));
}

/* ---- USING, NATURAL ---- */

struct using_key {
    uint32_t left, right;
};
struct using_keys {
    struct using_key *items;
    uint32_t count;
};

static enum sl_code using_column(struct sl_binder *binder, const struct sl_node *side,
                                 struct sl_str part, struct sl_span span, const char *which,
                                 uint32_t *out, struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, side);
    struct sl_name name = {&part, 1, span};
    struct sl_resolved at;
    SL_TRY(sl_scope_resolve(&scope, &name, &at, err));
    *out = at.column;
    if (at.found) return SL_OK;
    struct sl_buf list = {0};
    for (uint32_t i = 0; i < side->column_count; i++)
        sl_buf_printf(&list, "%s`%.*s`", i ? ", " : "", SL_STR_ARG(side->columns[i].name));
    enum sl_code code = sl_fail_at(
        err, span, "UNRESOLVED_USING_COLUMN_FOR_JOIN", "42703",
        "USING column `%.*s` cannot be resolved on the %s side of the join: its columns are [%s]",
        SL_STR_ARG(part), which, sl_buf_cstr(&list));
    sl_buf_release(&list);
    return code;
}

static enum sl_code natural_keys(struct sl_binder *binder, const struct sl_urelation *relation,
                                 const struct sl_node *left, const struct sl_node *right,
                                 struct using_keys *keys, struct sl_err *err) {
    struct sl_scope scope = sl_scope_of(binder, right);
    for (uint32_t i = 0; i < left->column_count; i++) {
        struct sl_str part = left->columns[i].name;
        struct sl_name name = {&part, 1, relation->span};
        struct sl_resolved at;
        if (left->columns[i].reach != SL_REACH_ALL) continue;
        SL_TRY(sl_scope_resolve(&scope, &name, &at, err));
        if (!at.found) continue;
        uint32_t unique;
        SL_TRY(using_column(binder, left, part, relation->span, "left", &unique, err));
        keys->items[keys->count++] = (struct using_key){unique, at.column};
    }
    return SL_OK;
}

static enum sl_code find_keys(struct sl_binder *binder, const struct sl_urelation *relation,
                              const struct sl_node *left, const struct sl_node *right,
                              struct using_keys *keys, struct sl_err *err) {
    uint32_t room = relation->natural ? left->column_count : relation->name.count;
    keys->items = SL_NEW_ARRAY(binder->arena, struct using_key, room + 1);
    if (relation->natural) return natural_keys(binder, relation, left, right, keys, err);
    for (uint32_t i = 0; i < relation->name.count; i++) {
        struct using_key *key = &keys->items[keys->count++];
        struct sl_str part = relation->name.parts[i];
        SL_TRY(using_column(binder, left, part, relation->name.span, "left", &key->left, err));
        SL_TRY(using_column(binder, right, part, relation->name.span, "right", &key->right, err));
    }
    return SL_OK;
}

static enum sl_code keys_condition(struct sl_binder *binder, const struct sl_node *node,
                                   const struct using_keys *keys, struct sl_expr **out,
                                   struct sl_err *err) {
    struct sl_expr_ctx *ctx = &binder->ctx->expr;
    const struct sl_node *left = node->inputs[0], *right = node->inputs[1];
    *out = NULL;
    for (uint32_t i = 0; i < keys->count; i++) {
        const struct sl_column *a = &left->columns[keys->items[i].left],
                               *b = &right->columns[keys->items[i].right];
        struct sl_expr *pair[2] = {
            sl_expr_column(ctx, keys->items[i].left, a->type, a->nullable),
            sl_expr_column(ctx, left->column_count + keys->items[i].right, b->type, b->nullable)};
        struct sl_expr *equal;
        pair[0]->name = a->name;
        pair[1]->name = b->name;
        SL_TRY(sl_expr_call(ctx, SL_STR("="), pair, 2, node->span, &equal, err));
        struct sl_expr *both[2] = {*out, equal};
        if (*out)
            SL_TRY(sl_expr_call(ctx, SL_STR("and"), both, 2, node->span, out, err));
        else
            *out = equal;
    }
    return SL_OK;
}

struct using_list {
    struct sl_expr **exprs;
    struct sl_column *columns;
    uint32_t count;
};

static void list_column(struct sl_binder *binder, struct using_list *list,
                        const struct sl_node *join, uint32_t at, enum sl_column_reach reach) {
    list->columns[list->count] = join->columns[at];
    if (reach != SL_REACH_ALL) list->columns[list->count].reach = reach;
    list->exprs[list->count++] =
        sl_expr_column(&binder->ctx->expr, at, join->columns[at].type, join->columns[at].nullable);
}

static enum sl_code list_key(struct sl_binder *binder, struct using_list *list,
                             const struct sl_node *join, uint32_t left, uint32_t right,
                             struct sl_err *err) {
    enum sl_join_kind kind = join->join->kind;
    if (kind == SL_JOINS_FULL) {
        struct sl_expr *pair[2] = {
            sl_expr_column(&binder->ctx->expr, left, join->columns[left].type, true),
            sl_expr_column(&binder->ctx->expr, right, join->columns[right].type, true)};
        struct sl_expr *key;
        SL_TRY(
            sl_expr_call(&binder->ctx->expr, SL_STR("coalesce"), pair, 2, join->span, &key, err));
        list->columns[list->count] = (struct sl_column){.name = join->columns[left].name,
                                                        .type = key->type,
                                                        .nullable = true,
                                                        .id = binder->next_id++};
        list->exprs[list->count++] = key;
        return SL_OK;
    }
    list_column(binder, list, join, kind == SL_JOINS_RIGHT ? right : left, SL_REACH_ALL);
    return SL_OK;
}

/* The keys once, then the other columns of the left and of the right side; each side's own keys
 * stay in reach by the side's name. */
static enum sl_code using_output(struct sl_binder *binder, const struct using_keys *keys,
                                 struct sl_node **node, struct sl_err *err) {
    struct sl_node *join = *node;
    uint32_t nl = join->inputs[0]->column_count, room = join->column_count + 3 * keys->count + 1;
    struct using_list list = {SL_NEW_ARRAY(binder->arena, struct sl_expr *, room),
                              SL_NEW_ARRAY(binder->arena, struct sl_column, room), 0};
    bool *is_key = sl_arena_zalloc(binder->arena, join->column_count + 1);
    for (uint32_t i = 0; i < keys->count; i++) {
        uint32_t right = nl + keys->items[i].right;
        SL_TRY(list_key(binder, &list, join, keys->items[i].left, right, err));
        is_key[keys->items[i].left] = true;
        if (right < join->column_count) is_key[right] = true;
    }
    enum sl_join_kind kind = join->join->kind;
    for (uint32_t i = 0; i < 2 * keys->count; i++) {
        bool right = i >= keys->count, shown = kind != SL_JOINS_FULL;
        shown = shown && (kind == SL_JOINS_RIGHT) == right;
        const struct using_key *key = &keys->items[right ? i - keys->count : i];
        uint32_t at = right ? nl + key->right : key->left;
        if (!shown && at < join->column_count)
            list_column(binder, &list, join, at, SL_REACH_QUALIFIED);
    }
    for (uint32_t i = 0; i < join->column_count; i++)
        if (!is_key[i]) list_column(binder, &list, join, i, SL_REACH_ALL);
    *node = sl_node_project(binder->arena, join, list.exprs, list.columns, list.count, join->span);
    return SL_OK;
}

/* ---- binding ---- */

static enum sl_code join_sides(struct sl_binder *binder, const struct sl_urelation *relation,
                               struct sl_node *left, struct sl_node *right, struct sl_node **out,
                               struct sl_err *err) {
    struct sl_node *node =
        join_node(binder, join_kind(relation->join_type), left, right, relation->span);
    bool by_name = relation->natural || relation->name.count;
    struct using_keys keys = {0};
    struct sl_expr *condition = NULL;
    if (by_name) {
        SL_TRY(find_keys(binder, relation, left, right, &keys, err));
        SL_TRY(keys_condition(binder, node, &keys, &condition, err));
    } else if (relation->condition) {
        SL_TRY(bind_on(binder, relation, left, right, &condition, err));
    }
    struct sl_join *join = SL_NEW(binder->arena, struct sl_join);
    *join = *node->join;
    join->condition = condition;
    node->join = join;
    *out = node;
    return by_name ? using_output(binder, &keys, out, err) : SL_OK;
}

enum sl_code sl_bind_join(struct sl_binder *binder, const struct sl_urelation *relation,
                          struct sl_node *left, struct sl_node **out, struct sl_err *err) {
    struct sl_node *node, *right;
    if (left && begins_with_generator(relation->input))
        SL_TRY(bind_after(binder, relation->input, left, &node, err));
    else
        SL_TRY(sl_bind_node(binder, relation->input, &node, err));
    if (begins_with_generator(relation->right))
        return join_generator(binder, relation, node, out, err);
    if (relation->right->lateral)
        return sl_bind_refuse(err, relation->right->span, "LATERAL before a subquery");
    SL_TRY(sl_bind_node(binder, relation->right, &right, err));
    return join_sides(binder, relation, node, right, out, err);
}
