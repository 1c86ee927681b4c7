/* Function calls: arguments, the forms SQL spells with words (EXTRACT, TRIM ..), FILTER, OVER.
 * Each special form becomes the plain call that Spark's registry has for it. */
#include "sql/parser.h"

/* key => value */
static enum sl_code parse_argument(struct sl_parser *parser, struct sl_uexpr **out) {
    if (!sl_parser_at_name(parser) || sl_parser_peek(parser, 1).kind != T_FAT_ARROW)
        return sl_parse_named_expression(parser, out);
    uint32_t begin = parser->token.span.begin;
    struct sl_str part;
    SL_TRY(sl_parser_name_part(parser, "a name", &part));
    struct sl_uexpr *expr = *out =
        sl_parser_expr(parser, SL_U_NAMED_ARGUMENT, sl_parser_span(parser, begin));
    sl_name_add(parser, &expr->name, part);
    expr->name.span = expr->span;
    sl_parser_next(parser);
    struct sl_uexpr *value;
    SL_TRY(sl_parse_expression(parser, &value));
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = value;
    expr->span = sl_parser_span(parser, begin);
    return sl_parser_expr_done(parser, expr);
}

static void set_args(struct sl_uexpr *call, const struct sl_node_list *args) {
    call->args = (struct sl_uexpr **)args->items;
    call->arg_count = args->count;
}

static bool is_named(const struct sl_uexpr *call, const char *name) {
    return call->name.count == 1 && sl_str_eq_nocase(call->name.parts[0], sl_str(name));
}

/* ---- special forms; the token is behind the `(` ---- */

static enum sl_code parse_extract(struct sl_parser *parser, struct sl_node_list *args) {
    struct sl_str field = sl_parser_text(parser, parser->token.span);
    sl_node_list_add(parser, args, sl_parser_string_literal(parser, field, parser->token.span));
    sl_parser_next(parser);
    SL_TRY(sl_parser_expect_word(parser, K_FROM));
    struct sl_uexpr *source;
    SL_TRY(sl_parse_value(parser, &source));
    sl_node_list_add(parser, args, source);
    return SL_OK;
}

/* TRIM([BOTH|LEADING|TRAILING] [what] FROM text): trim, ltrim, rtrim (what, text). */
static enum sl_code parse_trim(struct sl_parser *parser, struct sl_uexpr *call,
                               struct sl_node_list *args, struct sl_uexpr *what) {
    if (!what) {
        enum sl_keyword side = parser->token.keyword;
        call->name.parts[0] = side == K_LEADING    ? SL_STR("ltrim")
                              : side == K_TRAILING ? SL_STR("rtrim")
                                                   : SL_STR("trim");
        sl_parser_next(parser);
        if (!sl_parser_at_word(parser, K_FROM)) SL_TRY(sl_parse_value(parser, &what));
    }
    SL_TRY(sl_parser_expect_word(parser, K_FROM));
    struct sl_uexpr *text;
    SL_TRY(sl_parse_value(parser, &text));
    if (what) sl_node_list_add(parser, args, what);
    sl_node_list_add(parser, args, text);
    return SL_OK;
}

/* a FROM b [FOR c], a PLACING b FROM c [FOR d] */
static enum sl_code parse_words_between(struct sl_parser *parser, struct sl_node_list *args,
                                        const enum sl_keyword *words) {
    for (; *words != K_NONE && sl_parser_take_word(parser, *words); words++) {
        struct sl_uexpr *arg;
        SL_TRY(sl_parse_value(parser, &arg));
        sl_node_list_add(parser, args, arg);
    }
    return SL_OK;
}

static bool is_side(enum sl_keyword keyword) {
    return keyword == K_BOTH || keyword == K_LEADING || keyword == K_TRAILING;
}

/* *done: the arguments are complete. */
static enum sl_code parse_special_start(struct sl_parser *parser, struct sl_uexpr *call,
                                        struct sl_node_list *args, bool *done) {
    *done = true;
    if (is_named(call, "extract") && sl_parser_at(parser, T_WORD) &&
        sl_parser_peek_word(parser, 1, K_FROM))
        return parse_extract(parser, args);
    enum sl_token_kind next = sl_parser_peek(parser, 1).kind;
    if (is_named(call, "trim") && sl_parser_at(parser, T_WORD) && is_side(parser->token.keyword) &&
        next != T_COMMA && next != T_RPAREN && next != T_DOT)
        return parse_trim(parser, call, args, NULL);
    *done = false;
    if (!is_named(call, "position") || sl_parser_at(parser, T_RPAREN)) return SL_OK;
    struct sl_uexpr *part;
    SL_TRY(sl_parse_value(parser, &part));
    sl_node_list_add(parser, args, part);
    *done = !sl_parser_take(parser, T_COMMA);
    if (!*done || !sl_parser_take_word(parser, K_IN)) return SL_OK;
    SL_TRY(sl_parse_value(parser, &part));
    sl_node_list_add(parser, args, part);
    return SL_OK;
}

static enum sl_code parse_special_rest(struct sl_parser *parser, struct sl_uexpr *call,
                                       struct sl_node_list *args) {
    static const enum sl_keyword substring[] = {K_FROM, K_FOR, K_NONE};
    static const enum sl_keyword overlay[] = {K_PLACING, K_FROM, K_FOR, K_NONE};
    if (args->count != 1) return SL_OK;
    if (sl_parser_at_word(parser, K_FROM) &&
        (is_named(call, "substring") || is_named(call, "substr")))
        return parse_words_between(parser, args, substring);
    if (sl_parser_at_word(parser, K_PLACING) && is_named(call, "overlay"))
        return parse_words_between(parser, args, overlay);
    if (sl_parser_at_word(parser, K_FROM) && is_named(call, "trim")) {
        struct sl_uexpr *what = args->items[0];
        args->count = 0;
        return parse_trim(parser, call, args, what);
    }
    if (sl_parser_at_word(parser, K_IGNORE) || sl_parser_at_word(parser, K_RESPECT)) {
        call->ignore_nulls = sl_parser_at_word(parser, K_IGNORE);
        sl_parser_next(parser);
        return sl_parser_expect_word(parser, K_NULLS);
    }
    return SL_OK;
}

enum sl_code sl_parse_arguments(struct sl_parser *parser, struct sl_uexpr *call) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(`"));
    struct sl_node_list args = {0};
    enum sl_token_kind next = sl_parser_peek(parser, 1).kind;
    if (next != T_COMMA && next != T_RPAREN && next != T_DOT) {
        call->distinct = sl_parser_take_word(parser, K_DISTINCT);
        if (!call->distinct) sl_parser_take_word(parser, K_ALL);
    }
    bool done;
    SL_TRY(parse_special_start(parser, call, &args, &done));
    if (!done && !sl_parser_at(parser, T_RPAREN)) {
        do {
            struct sl_uexpr *arg;
            SL_TRY(parse_argument(parser, &arg));
            sl_node_list_add(parser, &args, arg);
            SL_TRY(parse_special_rest(parser, call, &args));
        } while (sl_parser_take(parser, T_COMMA));
    }
    SL_TRY(sl_parser_close(parser, open));
    set_args(call, &args);
    return SL_OK;
}

/* timestampadd(HOUR, 1, ts): the unit is a word, which reads as a column. */
static void unit_argument(struct sl_parser *parser, struct sl_uexpr *call) {
    static const struct {
        const char *name, *canonical;
    } functions[] = {
        {"timestampadd", "timestampadd"}, {"dateadd", "timestampadd"},
        {"date_add", "timestampadd"},     {"timestampdiff", "timestampdiff"},
        {"datediff", "timestampdiff"},    {"date_diff", "timestampdiff"},
        {"timediff", "timestampdiff"},
    };
    static const char *const units[] = {"YEAR",   "QUARTER",     "MONTH",      "WEEK",
                                        "DAY",    "HOUR",        "DAYOFYEAR",  "MINUTE",
                                        "SECOND", "MILLISECOND", "MICROSECOND"};
    if (call->arg_count != 3 || call->args[0]->kind != SL_U_ATTRIBUTE ||
        call->args[0]->name.count != 1)
        return;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++) {
        if (!is_named(call, functions[i].name)) continue;
        for (size_t j = 0; j < sizeof units / sizeof units[0]; j++) {
            if (!sl_str_eq_nocase(call->args[0]->name.parts[0], sl_str(units[j]))) continue;
            call->args[0] = sl_parser_string_literal(parser, sl_str(units[j]), call->args[0]->span);
            call->name.parts[0] = sl_str(functions[i].canonical);
            return;
        }
    }
}

/* ---- OVER ---- */

static enum sl_code parse_sort_list(struct sl_parser *parser, struct sl_uwindow *window) {
    struct sl_node_list order = {0};
    do {
        struct sl_uexpr *item;
        SL_TRY(sl_parse_sort_item(parser, &item));
        sl_node_list_add(parser, &order, item);
    } while (sl_parser_take(parser, T_COMMA));
    window->order = (struct sl_uexpr **)order.items;
    window->order_count = order.count;
    return SL_OK;
}

static enum sl_code parse_frame_bound(struct sl_parser *parser) {
    if (sl_parser_take_words(parser, K_CURRENT, K_ROW)) return SL_OK;
    if (!sl_parser_take_word(parser, K_UNBOUNDED)) {
        struct sl_uexpr *amount;
        SL_TRY(sl_parse_value(parser, &amount));
    }
    if (sl_parser_take_word(parser, K_PRECEDING) || sl_parser_take_word(parser, K_FOLLOWING))
        return SL_OK;
    return sl_parser_unexpected(
        parser, "PRECEDING or FOLLOWING",
        (const enum sl_keyword[]){K_PRECEDING, K_FOLLOWING, K_UNBOUNDED, K_CURRENT, K_NONE});
}

static enum sl_code parse_frame(struct sl_parser *parser, struct sl_uwindow *window) {
    uint32_t begin = parser->token.span.begin;
    sl_parser_next(parser); /* ROWS or RANGE */
    bool between = sl_parser_take_word(parser, K_BETWEEN);
    SL_TRY(parse_frame_bound(parser));
    if (between) {
        SL_TRY(sl_parser_expect_word(parser, K_AND));
        SL_TRY(parse_frame_bound(parser));
    }
    window->frame_text = sl_parser_text(parser, sl_parser_span(parser, begin));
    return SL_OK;
}

static enum sl_code parse_window_body(struct sl_parser *parser, struct sl_uwindow *window) {
    bool cluster = sl_parser_at_word(parser, K_CLUSTER);
    if (cluster || sl_parser_at_word(parser, K_PARTITION) ||
        sl_parser_at_word(parser, K_DISTRIBUTE)) {
        sl_parser_next(parser);
        SL_TRY(sl_parser_expect_word(parser, K_BY));
        struct sl_node_list partition = {0};
        SL_TRY(sl_parse_expression_list(parser, &partition));
        window->partition = (struct sl_uexpr **)partition.items;
        window->partition_count = partition.count;
    }
    if (!cluster && (sl_parser_at_word(parser, K_ORDER) || sl_parser_at_word(parser, K_SORT))) {
        sl_parser_next(parser);
        SL_TRY(sl_parser_expect_word(parser, K_BY));
        SL_TRY(parse_sort_list(parser, window));
    }
    if (sl_parser_at_word(parser, K_ROWS) || sl_parser_at_word(parser, K_RANGE))
        SL_TRY(parse_frame(parser, window));
    return SL_OK;
}

static void use_window(struct sl_parser *parser, struct sl_uwindow *window, struct sl_span span) {
    struct sl_window_use *use = SL_NEW(parser->arena, struct sl_window_use);
    *use = (struct sl_window_use){window, span, parser->window_uses};
    parser->window_uses = use;
}

enum sl_code sl_parse_window_spec(struct sl_parser *parser, struct sl_uwindow **out) {
    struct sl_uwindow *window = *out = SL_NEW(parser->arena, struct sl_uwindow);
    struct sl_span open = parser->token.span;
    bool parenthesis = sl_parser_take(parser, T_LPAREN);
    enum sl_token_kind next = sl_parser_peek(parser, 1).kind;
    if (!parenthesis || (sl_parser_at_name(parser) && next == T_RPAREN)) {
        struct sl_span span = parser->token.span;
        SL_TRY(sl_parser_name_part(parser, "`(` or the name of a window", &window->name));
        use_window(parser, window, span);
    } else {
        SL_TRY(parse_window_body(parser, window));
    }
    return parenthesis ? sl_parser_close(parser, open) : SL_OK;
}

static enum sl_code parse_over(struct sl_parser *parser, struct sl_uexpr *call,
                               struct sl_uexpr **out) {
    struct sl_uexpr *expr = sl_parser_expr(parser, SL_U_WINDOW, call->span);
    SL_TRY(sl_parser_enter(parser));
    SL_TRY(sl_parse_window_spec(parser, &expr->window));
    sl_parser_leave(parser);
    expr->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
    expr->args[expr->arg_count++] = call;
    expr->span = sl_parser_span(parser, call->span.begin);
    *out = expr;
    return sl_parser_expr_done(parser, expr);
}

/* ---- the call ---- */

static enum sl_code parse_filter(struct sl_parser *parser, struct sl_uexpr *call) {
    sl_parser_next(parser);
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(`"));
    SL_TRY(sl_parser_expect_word(parser, K_WHERE));
    SL_TRY(sl_parse_expression(parser, &call->filter));
    return sl_parser_close(parser, open);
}

enum sl_code sl_parse_function(struct sl_parser *parser, struct sl_name name,
                               struct sl_uexpr **out) {
    struct sl_uexpr *call = sl_parser_expr(parser, SL_U_FUNCTION, name.span);
    call->name = name;
    SL_TRY(sl_parser_enter(parser));
    SL_TRY(sl_parse_arguments(parser, call));
    unit_argument(parser, call);
    if (sl_parser_at_word(parser, K_WITHIN) && sl_parser_peek_word(parser, 1, K_GROUP))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "WITHIN GROUP (ORDER BY ..) is not supported");
    if (sl_parser_at_word(parser, K_FILTER) && sl_parser_peek(parser, 1).kind == T_LPAREN)
        SL_TRY(parse_filter(parser, call));
    if ((sl_parser_at_word(parser, K_IGNORE) || sl_parser_at_word(parser, K_RESPECT)) &&
        sl_parser_peek_word(parser, 1, K_NULLS)) {
        call->ignore_nulls = sl_parser_at_word(parser, K_IGNORE);
        sl_parser_next(parser);
        sl_parser_next(parser);
    }
    sl_parser_leave(parser);
    call->span = sl_parser_span(parser, name.span.begin);
    SL_TRY(sl_parser_expr_done(parser, call));
    *out = call;
    return sl_parser_take_word(parser, K_OVER) ? parse_over(parser, call, out) : SL_OK;
}
