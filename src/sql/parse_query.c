/* Queries: WITH, SELECT, VALUES, set operations, ORDER BY .. OFFSET.
 * Source: Spark 4.1 SqlBaseParser.g4 query, queryTerm, querySpecification, aggregationClause.
 *
 * The clauses become relations in the order they take effect: FROM, WHERE, GROUP BY or the select
 * list, HAVING, DISTINCT, set operations, ORDER BY, OFFSET, LIMIT. */
#include "sql/parse_relation.h"
#include "sql/parser.h"

/* The token `ahead` begins a query. */
bool sl_parse_at_query(const struct sl_parser *parser, unsigned ahead) {
    struct sl_token token = sl_parser_peek(parser, ahead);
    if (token.kind != T_WORD) return false;
    struct sl_token next = sl_lexer_token(parser->text, token.span.end);
    bool name = next.kind == T_WORD || next.kind == T_QUOTED;
    switch (token.keyword) {
    case K_SELECT:
        return next.kind != T_DOT && next.kind != T_COMMA && next.kind != T_RPAREN &&
               next.kind != T_EQ;
    case K_WITH:
    case K_TABLE:
    case K_FROM:
        return name || (token.keyword == K_FROM && next.kind == T_LPAREN);
    case K_VALUES:
        return next.kind == T_LPAREN || next.kind == T_STRING || next.kind == T_WORD ||
               (next.kind >= T_INTEGER && next.kind <= T_BIGDECIMAL);
    default:
        return false;
    }
}

static enum sl_code wrap(struct sl_parser *parser, enum sl_urelation_kind kind,
                         struct sl_urelation *input, struct sl_span span,
                         struct sl_urelation **out) {
    struct sl_urelation *relation = *out = sl_parser_relation(parser, kind, span);
    relation->input = input;
    return input ? sl_parser_relation_done(parser, relation) : SL_OK;
}

static void set_exprs(struct sl_urelation *relation, const struct sl_node_list *list) {
    relation->exprs = (struct sl_uexpr **)list->items;
    relation->expr_count = list->count;
}

/* ---- VALUES ---- */

static void add_row(struct sl_parser *parser, struct sl_node_list *cells, struct sl_uexpr *row) {
    bool is_row = row->kind == SL_U_FUNCTION && row->name.count == 1 &&
                  sl_str_eq_nocase(row->name.parts[0], SL_STR("struct"));
    for (uint32_t i = 0; is_row && i < row->arg_count; i++) {
        struct sl_uexpr *cell = row->args[i];
        sl_node_list_add(parser, cells, cell->kind == SL_U_ALIAS ? cell->args[0] : cell);
    }
    if (!is_row) sl_node_list_add(parser, cells, row);
}

enum sl_code sl_parse_values(struct sl_parser *parser, struct sl_urelation **out) {
    uint32_t begin = parser->token.span.begin;
    sl_parser_next(parser);
    struct sl_node_list cells = {0};
    uint32_t width = 0;
    do {
        struct sl_uexpr *row;
        SL_TRY(sl_parse_expression(parser, &row));
        uint32_t before = cells.count;
        add_row(parser, &cells, row);
        if (before == 0) width = cells.count;
        if (cells.count - before != width || width == 0)
            return sl_fail_at(parser->err, row->span, "INVALID_INLINE_TABLE.NUM_COLUMNS_MISMATCH",
                              "42000", "this row has %u columns, the first one has %u",
                              cells.count - before, width);
    } while (sl_parser_take(parser, T_COMMA));
    struct sl_urelation *values = *out =
        sl_parser_relation(parser, SL_R_VALUES, sl_parser_span(parser, begin));
    set_exprs(values, &cells);
    values->row_width = width;
    return SL_OK;
}

/* ---- GROUP BY ---- */

static enum sl_code parse_grouping(struct sl_parser *parser, struct sl_uexpr **out);

/* ((a, b), (a), ()): each set is a struct(..). */
static enum sl_code parse_grouping_sets(struct sl_parser *parser, uint32_t begin,
                                        struct sl_uexpr **out) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and grouping sets"));
    struct sl_node_list sets = {0};
    do {
        uint32_t set_begin = parser->token.span.begin;
        struct sl_uexpr *set;
        if (sl_parser_at(parser, T_LPAREN) && sl_parser_peek(parser, 1).kind == T_RPAREN) {
            sl_parser_next(parser);
            sl_parser_next(parser);
            SL_TRY(
                sl_parser_call(parser, "struct", sl_parser_span(parser, set_begin), NULL, 0, &set));
        } else {
            SL_TRY(parse_grouping(parser, &set));
            bool complete = set->kind == SL_U_FUNCTION && set->name.count == 1 &&
                            (sl_str_eq_nocase(set->name.parts[0], SL_STR("struct")) ||
                             sl_str_eq_nocase(set->name.parts[0], SL_STR("rollup")) ||
                             sl_str_eq_nocase(set->name.parts[0], SL_STR("cube")) ||
                             sl_str_eq(set->name.parts[0], SL_STR("grouping sets")));
            if (!complete) SL_TRY(sl_parser_call(parser, "struct", set->span, &set, 1, &set));
        }
        sl_node_list_add(parser, &sets, set);
    } while (sl_parser_take(parser, T_COMMA));
    SL_TRY(sl_parser_close(parser, open));
    return sl_parser_call(parser, "grouping sets", sl_parser_span(parser, begin),
                          (struct sl_uexpr **)sets.items, sets.count, out);
}

static enum sl_code parse_grouping(struct sl_parser *parser, struct sl_uexpr **out) {
    uint32_t begin = parser->token.span.begin;
    if (!sl_parser_take_words(parser, K_GROUPING, K_SETS)) return sl_parse_expression(parser, out);
    SL_TRY(sl_parser_enter(parser));
    SL_TRY(parse_grouping_sets(parser, begin, out));
    sl_parser_leave(parser);
    return SL_OK;
}

static enum sl_code parse_group_by(struct sl_parser *parser, struct sl_urelation *aggregate) {
    struct sl_token next = sl_parser_peek(parser, 1);
    if (sl_parser_at_word(parser, K_ALL) && next.kind != T_DOT && next.kind != T_COMMA) {
        sl_parser_next(parser);
        aggregate->all = true;
        return SL_OK;
    }
    struct sl_node_list grouping = {0};
    do {
        struct sl_uexpr *expr;
        SL_TRY(parse_grouping(parser, &expr));
        sl_node_list_add(parser, &grouping, expr);
    } while (sl_parser_take(parser, T_COMMA));
    bool rollup = sl_parser_take_words(parser, K_WITH, K_ROLLUP);
    bool cube = !rollup && sl_parser_take_words(parser, K_WITH, K_CUBE);
    if (sl_parser_at_word(parser, K_GROUPING))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "GROUP BY a, b GROUPING SETS is not supported: "
                                     "leave out the expressions before GROUPING SETS");
    if (rollup || cube) {
        struct sl_uexpr *first = grouping.items[0], *call;
        SL_TRY(sl_parser_call(parser, rollup ? "rollup" : "cube",
                              sl_parser_span(parser, first->span.begin),
                              (struct sl_uexpr **)grouping.items, grouping.count, &call));
        grouping.items[0] = call;
        grouping.count = 1;
    }
    aggregate->grouping = (struct sl_uexpr **)grouping.items;
    aggregate->grouping_count = grouping.count;
    return SL_OK;
}

/* ---- WINDOW ---- */

static void resolve_windows(struct sl_parser *parser, struct sl_window_use *outer,
                            struct sl_str name, const struct sl_uwindow *spec) {
    for (struct sl_window_use *use = parser->window_uses; use != outer; use = use->next)
        if (sl_str_eq_nocase(use->window->name, name)) *use->window = *spec;
}

/* WINDOW w AS (..), ...; every OVER name of this SELECT must be among them. */
static enum sl_code parse_window_clause(struct sl_parser *parser, struct sl_window_use *outer) {
    if (sl_parser_at_word(parser, K_WINDOW) && sl_parser_peek(parser, 1).kind != T_LPAREN) {
        sl_parser_next(parser);
        do {
            struct sl_str name;
            SL_TRY(sl_parser_name_part(parser, "a window name", &name));
            SL_TRY(sl_parser_expect_word(parser, K_AS));
            struct sl_uwindow *spec;
            SL_TRY(sl_parse_window_spec(parser, &spec));
            resolve_windows(parser, outer, name, spec);
        } while (sl_parser_take(parser, T_COMMA));
    }
    for (struct sl_window_use *use = parser->window_uses; use != outer; use = use->next) {
        if (use->window->name.len == 0) continue;
        sl_fail_at(parser->err, use->span, "MISSING_WINDOW_SPECIFICATION", "42P20",
                   "no window `%.60s` is defined", sl_arena_cstr(parser->arena, use->window->name));
        return sl_hint(parser->err, "define it behind HAVING: WINDOW name AS (PARTITION BY ..)");
    }
    parser->window_uses = outer;
    return SL_OK;
}

/* ---- SELECT ---- */

static enum sl_code parse_select_list(struct sl_parser *parser, struct sl_node_list *list) {
    do {
        struct sl_uexpr *expr;
        if (sl_parser_at_word(parser, K_FROM) && list->count &&
            sl_parser_peek(parser, 1).kind != T_DOT) {
            sl_parser_unexpected(parser, "an expression", NULL);
            return sl_hint(parser->err, "remove the comma before FROM");
        }
        SL_TRY(sl_parse_named_expression(parser, &expr));
        sl_node_list_add(parser, list, expr);
    } while (sl_parser_take(parser, T_COMMA));
    return SL_OK;
}

static enum sl_code parse_where(struct sl_parser *parser, struct sl_urelation *input,
                                struct sl_urelation **out) {
    *out = input;
    if (!sl_parser_take_word(parser, K_WHERE)) return SL_OK;
    struct sl_uexpr *condition;
    SL_TRY(sl_parse_expression(parser, &condition));
    SL_TRY(wrap(parser, SL_R_FILTER, input, condition->span, out));
    (*out)->condition = condition;
    return SL_OK;
}

/* What SELECT 1 WHERE .. filters. */
static struct sl_urelation *one_row(struct sl_parser *parser) {
    struct sl_urelation *values = sl_parser_relation(parser, SL_R_VALUES, parser->token.span);
    struct sl_node_list cells = {0};
    sl_node_list_add(parser, &cells, sl_parser_expr(parser, SL_U_LITERAL, parser->token.span));
    set_exprs(values, &cells);
    values->row_width = 1;
    return values;
}

/* from: what a FROM in front of SELECT gave, or NULL. */
static enum sl_code parse_select(struct sl_parser *parser, struct sl_urelation *from,
                                 struct sl_urelation **out) {
    uint32_t begin = parser->token.span.begin;
    struct sl_window_use *outer_windows = parser->window_uses;
    SL_TRY(sl_parser_expect_word(parser, K_SELECT));
    struct sl_token next = sl_parser_peek(parser, 1);
    bool distinct = false;
    if (next.kind != T_COMMA && next.kind != T_DOT && next.kind != T_END) {
        distinct = sl_parser_take_word(parser, K_DISTINCT);
        if (!distinct) sl_parser_take_word(parser, K_ALL);
    }
    struct sl_node_list list = {0};
    SL_TRY(parse_select_list(parser, &list));
    struct sl_urelation *input = from;
    if (!from && sl_parser_take_word(parser, K_FROM)) SL_TRY(sl_parse_from(parser, &input));
    if (from) SL_TRY(sl_parse_lateral_views(parser, input, &input));
    if (!input && sl_parser_at_word(parser, K_WHERE)) input = one_row(parser);
    SL_TRY(parse_where(parser, input, &input));
    bool group = sl_parser_take_words(parser, K_GROUP, K_BY);
    struct sl_urelation group_clauses = {0};
    if (group) SL_TRY(parse_group_by(parser, &group_clauses));
    struct sl_token having = parser->token;
    struct sl_uexpr *having_condition = NULL;
    if (sl_parser_take_word(parser, K_HAVING))
        SL_TRY(sl_parse_expression(parser, &having_condition));
    SL_TRY(parse_window_clause(parser, outer_windows));

    struct sl_urelation *result;
    SL_TRY(wrap(parser, group || having_condition ? SL_R_AGGREGATE : SL_R_PROJECT, input,
                sl_parser_span(parser, begin), &result));
    set_exprs(result, &list);
    result->all = group_clauses.all;
    result->grouping = group_clauses.grouping;
    result->grouping_count = group_clauses.grouping_count;
    if (having_condition) {
        SL_TRY(
            wrap(parser, SL_R_FILTER, result, sl_parser_span(parser, having.span.begin), &result));
        result->condition = having_condition;
        result->having = true;
    }
    if (distinct)
        SL_TRY(wrap(parser, SL_R_DEDUPLICATE, result, sl_parser_span(parser, begin), &result));
    *out = result;
    return SL_OK;
}

/* ---- terms and set operations ---- */

static enum sl_code parse_table_query(struct sl_parser *parser, struct sl_urelation **out) {
    sl_parser_next(parser);
    struct sl_name name;
    SL_TRY(sl_parser_name(parser, "a table", &name));
    *out = sl_parser_relation(parser, SL_R_READ_TABLE, name.span);
    (*out)->name = name;
    return SL_OK;
}

static const enum sl_keyword query_words[] = {K_SELECT, K_WITH, K_VALUES, K_FROM, K_TABLE, K_NONE};

static enum sl_code parse_query_primary(struct sl_parser *parser, struct sl_urelation **out) {
    if (sl_parser_at(parser, T_LPAREN)) {
        struct sl_span open = parser->token.span;
        sl_parser_next(parser);
        SL_TRY(sl_parse_query(parser, out));
        return sl_parser_close(parser, open);
    }
    if (sl_parser_at_word(parser, K_SELECT)) return parse_select(parser, NULL, out);
    if (sl_parser_at_word(parser, K_VALUES)) {
        SL_TRY(sl_parse_values(parser, out));
        bool as = sl_parser_take_word(parser, K_AS);
        if (!as &&
            (!sl_parser_at_name(parser) ||
             (sl_parser_at(parser, T_WORD) && sl_keyword_is_no_table_alias(parser->token.keyword))))
            return SL_OK;
        SL_TRY(wrap(parser, SL_R_SUBQUERY_ALIAS, *out, (*out)->span, out));
        SL_TRY(sl_parser_name_part(parser, "an alias", &(*out)->alias));
        return sl_parser_at(parser, T_LPAREN) ? sl_parser_name_list(parser, &(*out)->column_names)
                                              : SL_OK;
    }
    if (sl_parser_at_word(parser, K_TABLE)) return parse_table_query(parser, out);
    if (sl_parser_take_word(parser, K_FROM)) {
        struct sl_urelation *from;
        SL_TRY(sl_parse_from(parser, &from));
        if (!sl_parser_at_word(parser, K_SELECT))
            return sl_parser_unexpected(parser, "SELECT", query_words);
        return parse_select(parser, from, out);
    }
    return sl_parser_unexpected(parser, "a query", query_words);
}

static bool at_set_op(const struct sl_parser *parser, enum sl_set_op *op) {
    if (!sl_parser_at(parser, T_WORD)) return false;
    switch (parser->token.keyword) {
    case K_UNION:
        return *op = SL_SET_UNION, true;
    case K_INTERSECT:
        return *op = SL_SET_INTERSECT, true;
    case K_EXCEPT:
    case K_MINUS:
        return *op = SL_SET_EXCEPT, true;
    default:
        return false;
    }
}

/* Takes the operator and its quantifier. */
static struct sl_urelation *begin_set_op(struct sl_parser *parser, enum sl_set_op op,
                                         struct sl_urelation *left) {
    struct sl_urelation *set = sl_parser_relation(parser, SL_R_SET_OP, parser->token.span);
    set->set_op = op;
    set->input = left;
    sl_parser_next(parser);
    set->all = sl_parser_take_word(parser, K_ALL);
    if (!set->all) sl_parser_take_word(parser, K_DISTINCT);
    set->by_name = sl_parser_take_words(parser, K_BY, K_NAME);
    return set;
}

static enum sl_code finish_set_op(struct sl_parser *parser, struct sl_urelation *set,
                                  struct sl_urelation *right, struct sl_urelation **out) {
    set->right = right;
    set->span = sl_parser_span(parser, set->input->span.begin);
    *out = set;
    return sl_parser_relation_done(parser, set);
}

/* INTERSECT binds tighter than UNION and EXCEPT. */
static enum sl_code parse_intersects(struct sl_parser *parser, struct sl_urelation *left,
                                     struct sl_urelation **out) {
    enum sl_set_op op;
    while (at_set_op(parser, &op) && op == SL_SET_INTERSECT) {
        struct sl_urelation *right, *set = begin_set_op(parser, op, left);
        SL_TRY(parse_query_primary(parser, &right));
        SL_TRY(finish_set_op(parser, set, right, &left));
    }
    *out = left;
    return SL_OK;
}

static enum sl_code parse_set_ops(struct sl_parser *parser, struct sl_urelation *left,
                                  struct sl_urelation **out) {
    SL_TRY(parse_intersects(parser, left, &left));
    for (enum sl_set_op op; at_set_op(parser, &op);) {
        struct sl_urelation *right, *set = begin_set_op(parser, op, left);
        SL_TRY(parse_query_primary(parser, &right));
        SL_TRY(parse_intersects(parser, right, &right));
        SL_TRY(finish_set_op(parser, set, right, &left));
    }
    *out = left;
    return SL_OK;
}

/* ---- ORDER BY .. OFFSET ---- */

static enum sl_code parse_sort(struct sl_parser *parser, bool local, struct sl_urelation *input,
                               struct sl_urelation **out) {
    uint32_t begin = parser->last.begin;
    struct sl_node_list list = {0};
    do {
        struct sl_uexpr *item;
        SL_TRY(sl_parse_sort_item(parser, &item));
        sl_node_list_add(parser, &list, item);
    } while (sl_parser_take(parser, T_COMMA));
    SL_TRY(wrap(parser, SL_R_SORT, input, sl_parser_span(parser, begin), out));
    (*out)->local_sort = local;
    set_exprs(*out, &list);
    return SL_OK;
}

static enum sl_code parse_count(struct sl_parser *parser, enum sl_urelation_kind kind,
                                struct sl_uexpr *count, struct sl_urelation *input,
                                struct sl_urelation **out) {
    SL_TRY(wrap(parser, kind, input, count->span, out));
    (*out)->condition = count;
    return SL_OK;
}

static enum sl_code parse_organization(struct sl_parser *parser, struct sl_urelation *query,
                                       struct sl_urelation **out) {
    if (sl_parser_take_words(parser, K_ORDER, K_BY))
        SL_TRY(parse_sort(parser, false, query, &query));
    if (sl_parser_at_word(parser, K_CLUSTER) || sl_parser_at_word(parser, K_DISTRIBUTE))
        return sl_parser_unsupported(parser, parser->token.span, "%.*s BY is not supported",
                                     SL_STR_ARG(sl_keyword_name(parser->token.keyword)));
    if (sl_parser_take_words(parser, K_SORT, K_BY)) SL_TRY(parse_sort(parser, true, query, &query));
    struct sl_uexpr *limit = NULL, *offset = NULL;
    if (sl_parser_take_word(parser, K_LIMIT)) {
        struct sl_token next = sl_parser_peek(parser, 1);
        bool all = sl_parser_at_word(parser, K_ALL) && next.kind != T_DOT;
        if (all)
            sl_parser_next(parser);
        else
            SL_TRY(sl_parse_expression(parser, &limit));
    }
    if (sl_parser_take_word(parser, K_OFFSET)) SL_TRY(sl_parse_expression(parser, &offset));
    if (offset) SL_TRY(parse_count(parser, SL_R_OFFSET, offset, query, &query));
    if (limit) SL_TRY(parse_count(parser, SL_R_LIMIT, limit, query, &query));
    *out = query;
    return SL_OK;
}

bool sl_parse_at_query_rest(const struct sl_parser *parser) {
    enum sl_set_op op;
    return at_set_op(parser, &op) || sl_parser_at_word(parser, K_ORDER) ||
           sl_parser_at_word(parser, K_SORT) || sl_parser_at_word(parser, K_LIMIT) ||
           sl_parser_at_word(parser, K_OFFSET);
}

enum sl_code sl_parse_query_rest(struct sl_parser *parser, struct sl_urelation *left,
                                 struct sl_urelation **out) {
    SL_TRY(parse_set_ops(parser, left, &left));
    return parse_organization(parser, left, out);
}

/* ---- WITH ---- */

static enum sl_code parse_cte(struct sl_parser *parser, struct sl_cte *cte) {
    uint32_t begin = parser->token.span.begin;
    SL_TRY(sl_parser_name_part(parser, "a name for the query", &cte->name));
    if (sl_parser_at(parser, T_LPAREN) && !sl_parse_at_query(parser, 1))
        SL_TRY(sl_parser_name_list(parser, &cte->columns));
    sl_parser_take_word(parser, K_AS);
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and a query"));
    SL_TRY(sl_parse_query(parser, &cte->relation));
    SL_TRY(sl_parser_close(parser, open));
    cte->span = sl_parser_span(parser, begin);
    return SL_OK;
}

/* WITH a AS (..), ..: a relation whose input is still to come. */
enum sl_code sl_parse_with(struct sl_parser *parser, struct sl_urelation **out) {
    struct sl_urelation *with = *out =
        sl_parser_relation(parser, SL_R_WITH_CTE, parser->token.span);
    sl_parser_next(parser);
    if (sl_parser_at_word(parser, K_RECURSIVE) && sl_parser_peek(parser, 1).kind == T_WORD &&
        !sl_parser_peek_word(parser, 1, K_AS))
        return sl_parser_unsupported(parser, parser->token.span, "WITH RECURSIVE is not supported");
    uint32_t cap = 0;
    do {
        if (with->cte_count == cap) {
            uint32_t grown = cap ? cap * 2 : 2;
            with->ctes = sl_arena_grow(parser->arena, with->ctes, cap * sizeof *with->ctes,
                                       grown * sizeof *with->ctes);
            cap = grown;
        }
        struct sl_cte cte = {0};
        SL_TRY(parse_cte(parser, &cte));
        with->ctes[with->cte_count++] = cte;
    } while (sl_parser_take(parser, T_COMMA));
    return SL_OK;
}

enum sl_code sl_parse_query(struct sl_parser *parser, struct sl_urelation **out) {
    SL_TRY(sl_parser_enter(parser));
    struct sl_urelation *with = NULL, *query;
    if (sl_parser_at_word(parser, K_WITH)) SL_TRY(sl_parse_with(parser, &with));
    SL_TRY(parse_query_primary(parser, &query));
    SL_TRY(sl_parse_query_rest(parser, query, &query));
    if (with) {
        with->input = query;
        with->span = sl_parser_span(parser, with->span.begin);
        SL_TRY(sl_parser_relation_done(parser, with));
        query = with;
    }
    sl_parser_leave(parser);
    *out = query;
    return SL_OK;
}
