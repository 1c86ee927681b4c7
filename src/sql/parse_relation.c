/* FROM: tables, streams, paths, table functions, subqueries, joins, lateral views.
 * Source: Spark 4.1 SqlBaseParser.g4 relation, relationPrimary, streamRelationPrimary. */
#include "sql/parse_relation.h"
#include "sql/parser.h"

/* ---- alias, options, watermark, deduplication ---- */

static enum sl_code wrap(struct sl_parser *parser, enum sl_urelation_kind kind,
                         struct sl_urelation *input, struct sl_urelation **out) {
    struct sl_urelation *relation = *out =
        sl_parser_relation(parser, kind, sl_parser_span(parser, input->span.begin));
    relation->input = input;
    return sl_parser_relation_done(parser, relation);
}

static bool at_deduplicate(const struct sl_parser *parser) {
    return sl_parser_at_word(parser, K_DEDUPLICATE) && sl_parser_peek_word(parser, 1, K_BY);
}

static bool at_table_alias(const struct sl_parser *parser) {
    if (at_deduplicate(parser)) return false;
    if (sl_parser_at(parser, T_QUOTED)) return true;
    return sl_parser_at(parser, T_WORD) && !sl_keyword_is_no_table_alias(parser->token.keyword);
}

/* An alias with columns as it stands; meant is hardly that. */
static enum sl_code refuse_missing_by(struct sl_parser *parser) {
    if (!sl_parser_at_word(parser, K_DEDUPLICATE) || sl_parser_peek(parser, 1).kind != T_LPAREN)
        return SL_OK;
    sl_parser_fail(parser, parser->token.span, "DEDUPLICATE needs BY before its columns");
    return sl_hint(parser->err, "write DEDUPLICATE BY (column, ..), or AS before an alias");
}

/* [[AS] alias [(columns)]] */
static enum sl_code parse_alias(struct sl_parser *parser, struct sl_urelation *input,
                                struct sl_urelation **out) {
    bool as = sl_parser_take_word(parser, K_AS);
    if (!as && !at_table_alias(parser)) return *out = input, SL_OK;
    if (!as) SL_TRY(refuse_missing_by(parser));
    if (!as) parser->alias_span = parser->token.span;
    struct sl_str alias;
    struct sl_name columns = {0};
    SL_TRY(sl_parser_name_part(parser, "an alias", &alias));
    if (sl_parser_at(parser, T_LPAREN)) SL_TRY(sl_parser_name_list(parser, &columns));
    SL_TRY(wrap(parser, SL_R_SUBQUERY_ALIAS, input, out));
    (*out)->alias = alias;
    (*out)->column_names = columns;
    return SL_OK;
}

/* WATERMARK expression [AS name] DELAY OF INTERVAL .. */
static enum sl_code parse_watermark(struct sl_parser *parser, struct sl_urelation *input,
                                    struct sl_urelation **out) {
    *out = input;
    if (!sl_parser_take_word(parser, K_WATERMARK)) return SL_OK;
    struct sl_uexpr *time, *delay;
    /* `ts DELAY` must not read as an alias */
    SL_TRY(sl_parse_expression(parser, &time));
    if (sl_parser_take_word(parser, K_AS)) {
        struct sl_uexpr *alias = sl_parser_expr(parser, SL_U_ALIAS, time->span);
        struct sl_str part;
        SL_TRY(sl_parser_name_part(parser, "a name", &part));
        sl_name_add(parser, &alias->aliases, part);
        alias->span = sl_parser_span(parser, time->span.begin);
        alias->args = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
        alias->args[alias->arg_count++] = time;
        SL_TRY(sl_parser_expr_done(parser, alias));
        time = alias;
    }
    SL_TRY(sl_parser_expect_word(parser, K_DELAY));
    SL_TRY(sl_parser_expect_word(parser, K_OF));
    struct sl_span span = parser->token.span;
    SL_TRY(sl_parse_expression(parser, &delay));
    if (delay->kind != SL_U_INTERVAL) {
        sl_parser_fail(parser, span, "the delay of a watermark is an INTERVAL");
        return sl_hint(parser->err, "write DELAY OF INTERVAL 10 MINUTES");
    }
    SL_TRY(wrap(parser, SL_R_WITH_WATERMARK, input, out));
    (*out)->condition = time;
    (*out)->watermark_delay = delay;
    return SL_OK;
}

/* DEDUPLICATE BY (column, ..) [WITHIN WATERMARK]: what Spark has as dropDuplicates only. The word
 * alone is an alias like others. */
static enum sl_code parse_deduplicate(struct sl_parser *parser, struct sl_urelation *input,
                                      struct sl_urelation **out) {
    *out = input;
    if (!sl_parser_take_words(parser, K_DEDUPLICATE, K_BY)) return SL_OK;
    struct sl_name columns = {0};
    SL_TRY(sl_parser_name_list(parser, &columns));
    bool within = sl_parser_take_words(parser, K_WITHIN, K_WATERMARK);
    SL_TRY(wrap(parser, SL_R_DEDUPLICATE, input, out));
    (*out)->name = columns;
    (*out)->within_watermark = within;
    return SL_OK;
}

static bool at_temporal(const struct sl_parser *parser) {
    unsigned ahead = sl_parser_at_word(parser, K_FOR);
    bool version = sl_parser_peek_word(parser, ahead, K_VERSION) ||
                   sl_parser_peek_word(parser, ahead, K_SYSTEM_VERSION) ||
                   sl_parser_peek_word(parser, ahead, K_TIMESTAMP) ||
                   sl_parser_peek_word(parser, ahead, K_SYSTEM_TIME);
    return version && sl_parser_peek_word(parser, ahead + 1, K_AS) &&
           sl_parser_peek_word(parser, ahead + 2, K_OF);
}

static enum sl_code refuse_clauses(struct sl_parser *parser) {
    if (at_temporal(parser))
        return sl_parser_unsupported(parser, parser->token.span, "time travel is not supported");
    if (sl_parser_at_word(parser, K_TABLESAMPLE))
        return sl_parser_unsupported(parser, parser->token.span, "TABLESAMPLE is not supported");
    if ((sl_parser_at_word(parser, K_PIVOT) || sl_parser_at_word(parser, K_UNPIVOT)))
        return sl_parser_unsupported(parser, parser->token.span, "%.*s is not supported",
                                     SL_STR_ARG(sl_keyword_name(parser->token.keyword)));
    return SL_OK;
}

/* What may follow a table, a path, a function or a subquery, in Spark's order. */
static enum sl_code parse_suffix(struct sl_parser *parser, struct sl_urelation *relation,
                                 struct sl_urelation **out) {
    SL_TRY(refuse_clauses(parser));
    SL_TRY(parse_watermark(parser, relation, &relation));
    bool behind_alias = !at_deduplicate(parser);
    SL_TRY(parse_deduplicate(parser, relation, &relation));
    SL_TRY(parse_alias(parser, relation, &relation));
    if (behind_alias) SL_TRY(parse_deduplicate(parser, relation, &relation));
    *out = relation;
    return refuse_clauses(parser);
}

/* ---- tables, paths, functions ---- */

static bool is_file_format(struct sl_str name) {
    static const char *const formats[] = {"parquet", "json", "csv",   "text",
                                          "orc",     "avro", "delta", "binaryfile"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++)
        if (sl_str_eq_nocase(name, sl_str(formats[i]))) return true;
    return false;
}

/* parquet.`/data/x` */
static bool is_path(const struct sl_parser *parser, const struct sl_name *name) {
    if (name->count != 2 || parser->text.ptr[name->span.end - 1] != '`') return false;
    return is_file_format(name->parts[0]) || memchr(name->parts[1].ptr, '/', name->parts[1].len);
}

static enum sl_code parse_function(struct sl_parser *parser, struct sl_name name,
                                   struct sl_urelation **out) {
    struct sl_uexpr *call = sl_parser_expr(parser, SL_U_FUNCTION, name.span);
    SL_TRY(sl_parse_arguments(parser, call));
    struct sl_urelation *relation = *out =
        sl_parser_relation(parser, SL_R_READ_FUNCTION, sl_parser_span(parser, name.span.begin));
    relation->name = name;
    relation->exprs = call->args;
    relation->expr_count = call->arg_count;
    return SL_OK;
}

/* VERSION AS OF n, TIMESTAMP AS OF '..': what the options versionAsOf and timestampAsOf say. Of a
 * Delta table's path, or of a name, which the binder refuses when it is a view's. */
static enum sl_code parse_temporal(struct sl_parser *parser, struct sl_property *out) {
    out->key_span = parser->token.span;
    sl_parser_take_word(parser, K_FOR);
    bool is_version =
        sl_parser_at_word(parser, K_VERSION) || sl_parser_at_word(parser, K_SYSTEM_VERSION);
    out->key = is_version ? SL_STR("versionAsOf") : SL_STR("timestampAsOf");
    for (int i = 0; i < 3; i++) sl_parser_next(parser); /* at_temporal has seen them */
    if (!is_version && sl_parser_at_word(parser, K_TIMESTAMP)) sl_parser_next(parser);
    uint32_t begin = parser->token.span.begin;
    if (is_version && sl_parser_at(parser, T_INTEGER)) {
        out->value = sl_parser_text(parser, parser->token.span);
        sl_parser_next(parser);
    } else if (sl_parser_at(parser, T_STRING)) {
        SL_TRY(sl_parser_string(parser, "a moment", &out->value));
    } else if (is_version) {
        return sl_parser_unexpected(parser, "the number of a version", NULL);
    } else {
        return sl_parser_unsupported(parser, parser->token.span,
                                     "TIMESTAMP AS OF takes a text such as '2025-01-15 10:00:00'");
    }
    out->value_span = sl_parser_span(parser, begin);
    out->key_span = sl_parser_span(parser, out->key_span.begin);
    return SL_OK;
}

static enum sl_code add_temporal(struct sl_parser *parser, const struct sl_property *temporal,
                                 struct sl_properties *options) {
    struct sl_property *items = SL_NEW_ARRAY(parser->arena, struct sl_property, options->count + 1);
    for (uint32_t i = 0; i < options->count; i++) {
        items[i + 1] = options->items[i];
        if (sl_str_eq_nocase(options->items[i].key, temporal->key))
            return sl_fail_at(parser->err, options->items[i].key_span, "DUPLICATE_KEY", "23505",
                              "the table's version is given twice");
    }
    items[0] = *temporal;
    *options = (struct sl_properties){items, options->count + 1};
    return SL_OK;
}

/* FROM '/path', FROM /path, FROM delta.'/path': a path is named by its format, in backquotes. */
static bool at_bare_path(const struct sl_parser *parser) {
    struct sl_str rest = sl_str_sub(parser->text, parser->token.span.begin, parser->text.len);
    return sl_parser_at(parser, T_STRING) || sl_str_starts(rest, SL_STR("/")) ||
           sl_str_starts(rest, SL_STR("./"));
}

static enum sl_code refuse_bare_path(struct sl_parser *parser) {
    sl_parser_unexpected(parser, "a table, a function or a subquery", NULL);
    return sl_hint(parser->err,
                   "a path stands in backquotes behind its format: delta.`/path`, parquet.`/path`; "
                   "or write read_files('/path', format => 'json')"),
           SL_USER;
}

static bool at_quoted_path(const struct sl_parser *parser) {
    return sl_parser_at(parser, T_WORD) && sl_parser_peek(parser, 1).kind == T_DOT &&
           sl_parser_peek(parser, 2).kind == T_STRING;
}

static enum sl_code refuse_quoted_path(struct sl_parser *parser) {
    struct sl_str format = sl_parser_text(parser, parser->token.span), path;
    sl_parser_next(parser);
    sl_parser_next(parser);
    sl_parser_unexpected(parser, "a path in backquotes", NULL);
    struct sl_err *err = parser->err, local = {0};
    if (err) local = *err;
    SL_TRY(sl_parser_string(parser, "a path", &path));
    if (err) *err = local;
    return sl_hint(err, "write %.*s.`%.*s`", SL_STR_ARG(format), SL_STR_ARG(path)), SL_USER;
}

static enum sl_code parse_read(struct sl_parser *parser, struct sl_urelation **out) {
    struct sl_name name;
    if (at_bare_path(parser)) return refuse_bare_path(parser);
    if (at_quoted_path(parser)) return refuse_quoted_path(parser);
    SL_TRY(sl_parser_name(parser, "a table, a function or a subquery", &name));
    if (sl_parser_at(parser, T_LPAREN)) return parse_function(parser, name, out);
    bool path = is_path(parser, &name);
    struct sl_urelation *read = *out =
        sl_parser_relation(parser, path ? SL_R_READ_PATH : SL_R_READ_TABLE, name.span);
    read->name = name;
    if (path) {
        read->format = name.parts[0];
        read->path = name.parts[1];
    }
    struct sl_property temporal = {0};
    bool has_versions =
        read->kind == SL_R_READ_TABLE || (path && sl_str_eq_nocase(read->format, SL_STR("delta")));
    if (has_versions && at_temporal(parser)) SL_TRY(parse_temporal(parser, &temporal));
    if (sl_parser_at_word(parser, K_WITH) && sl_parser_peek(parser, 1).kind == T_LPAREN) {
        sl_parser_next(parser);
        SL_TRY(sl_parser_properties(parser, &read->options));
        read->span = sl_parser_span(parser, name.span.begin);
    }
    return temporal.key.len ? add_temporal(parser, &temporal, &read->options) : SL_OK;
}

/* STREAM begins a stream when a table follows, and is a table's name otherwise. */
static bool at_stream(const struct sl_parser *parser) {
    if (!sl_parser_at_word(parser, K_STREAM)) return false;
    struct sl_token next = sl_parser_peek(parser, 1);
    return next.kind == T_QUOTED || next.kind == T_LPAREN ||
           (next.kind == T_WORD && !sl_keyword_is_no_table_alias(next.keyword));
}

static enum sl_code parse_stream(struct sl_parser *parser, struct sl_urelation **out) {
    uint32_t begin = parser->token.span.begin;
    sl_parser_next(parser);
    struct sl_span open = parser->token.span;
    bool parenthesis = sl_parser_take(parser, T_LPAREN);
    if (parenthesis && sl_parse_at_query(parser, 0)) {
        sl_parser_fail(parser, parser->token.span, "STREAM takes a table or a function");
        return sl_hint(parser->err,
                       "write STREAM inside the query: FROM (SELECT .. FROM STREAM t)");
    }
    SL_TRY(parse_read(parser, out));
    if (parenthesis) SL_TRY(sl_parser_close(parser, open));
    if (parenthesis && sl_parser_at_word(parser, K_WITH) &&
        sl_parser_peek(parser, 1).kind == T_LPAREN) {
        sl_parser_next(parser);
        SL_TRY(sl_parser_properties(parser, &(*out)->options));
    }
    (*out)->streaming = true;
    (*out)->span = sl_parser_span(parser, begin);
    return SL_OK;
}

/* ---- parentheses ---- */

static enum sl_code parse_joined(struct sl_parser *parser, struct sl_urelation **out);
static enum sl_code parse_joins(struct sl_parser *parser, struct sl_urelation *left,
                                struct sl_urelation **out);

/* `(` opens a query or a relation, and which of them shows only behind what is inside:
 * ((SELECT 1) UNION (SELECT 2)) and ((SELECT 1) a JOIN b) begin alike.  *query says what it was. */
static enum sl_code parse_parenthesis(struct sl_parser *parser, struct sl_urelation **out,
                                      bool *query) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_enter(parser));
    sl_parser_next(parser);
    *query = sl_parse_at_query(parser, 0);
    if (*query) {
        SL_TRY(sl_parse_query(parser, out));
    } else if (sl_parser_at(parser, T_LPAREN)) {
        SL_TRY(parse_parenthesis(parser, out, query));
        if (*query && sl_parse_at_query_rest(parser)) {
            SL_TRY(sl_parse_query_rest(parser, *out, out));
        } else if (!sl_parser_at(parser, T_RPAREN)) {
            *query = false;
            SL_TRY(parse_suffix(parser, *out, out));
            SL_TRY(parse_joins(parser, *out, out));
        }
    } else {
        SL_TRY(parse_joined(parser, out));
    }
    SL_TRY(sl_parser_close(parser, open));
    sl_parser_leave(parser);
    return SL_OK;
}

static enum sl_code parse_primary(struct sl_parser *parser, struct sl_urelation **out) {
    struct sl_urelation *relation;
    bool query, lateral = false;
    if (sl_parser_at_word(parser, K_LATERAL)) {
        sl_parser_next(parser);
        lateral = true;
    }
    if (sl_parser_at(parser, T_LPAREN)) {
        SL_TRY(parse_parenthesis(parser, &relation, &query));
    } else if (sl_parser_at_word(parser, K_VALUES) && sl_parser_peek(parser, 1).kind != T_DOT) {
        SL_TRY(sl_parse_values(parser, &relation));
    } else if (at_stream(parser)) {
        SL_TRY(parse_stream(parser, &relation));
    } else if (sl_parser_at(parser, T_WORD) && sl_keyword_begins_no_expr(parser->token.keyword)) {
        return sl_parser_unexpected(parser, "a table, a function or a subquery", NULL);
    } else {
        SL_TRY(parse_read(parser, &relation));
    }
    SL_TRY(parse_suffix(parser, relation, &relation));
    if (lateral) relation->lateral = true;
    *out = relation;
    return SL_OK;
}

/* ---- joins ---- */

static enum sl_code finish_join_words(struct sl_parser *parser, enum sl_join_type type,
                                      enum sl_join_type *out) {
    *out = type;
    return sl_parser_expect_word(parser, K_JOIN);
}

/* *found = false and nothing taken when no join begins here. */
static enum sl_code parse_join_type(struct sl_parser *parser, enum sl_join_type *type,
                                    bool *found) {
    *found = true;
    if (sl_parser_take_word(parser, K_JOIN)) return *type = SL_JOIN_INNER, SL_OK;
    if (sl_parser_take_word(parser, K_INNER)) return finish_join_words(parser, SL_JOIN_INNER, type);
    if (sl_parser_take_word(parser, K_CROSS)) return finish_join_words(parser, SL_JOIN_CROSS, type);
    if (sl_parser_take_word(parser, K_SEMI))
        return finish_join_words(parser, SL_JOIN_LEFT_SEMI, type);
    if (sl_parser_take_word(parser, K_ANTI))
        return finish_join_words(parser, SL_JOIN_LEFT_ANTI, type);
    bool left = sl_parser_take_word(parser, K_LEFT);
    if (left && sl_parser_take_word(parser, K_SEMI))
        return finish_join_words(parser, SL_JOIN_LEFT_SEMI, type);
    if (left && sl_parser_take_word(parser, K_ANTI))
        return finish_join_words(parser, SL_JOIN_LEFT_ANTI, type);
    bool right = !left && sl_parser_take_word(parser, K_RIGHT);
    bool full = !left && !right && sl_parser_take_word(parser, K_FULL);
    *found = left || right || full;
    if (!*found) return SL_OK;
    sl_parser_take_word(parser, K_OUTER);
    return finish_join_words(parser,
                             left    ? SL_JOIN_LEFT
                             : right ? SL_JOIN_RIGHT
                                     : SL_JOIN_FULL,
                             type);
}

static enum sl_code make_join(struct sl_parser *parser, struct sl_urelation *left,
                              struct sl_urelation *right, enum sl_join_type type,
                              struct sl_urelation **out) {
    struct sl_urelation *join = *out =
        sl_parser_relation(parser, SL_R_JOIN, sl_parser_span(parser, left->span.begin));
    join->input = left;
    join->right = right;
    join->join_type = type;
    return sl_parser_relation_done(parser, join);
}

static enum sl_code parse_joins(struct sl_parser *parser, struct sl_urelation *left,
                                struct sl_urelation **out) {
    for (;;) {
        uint32_t natural_at = parser->token.span.begin;
        bool natural = sl_parser_take_word(parser, K_NATURAL), found;
        enum sl_join_type type;
        SL_TRY(parse_join_type(parser, &type, &found));
        if (!found && natural) return sl_parser_expect_word(parser, K_JOIN);
        if (!found) break;
        struct sl_urelation *right, *join;
        SL_TRY(parse_primary(parser, &right));
        SL_TRY(make_join(parser, left, right, type, &join));
        join->natural = natural;
        if (natural && (sl_parser_at_word(parser, K_ON) || sl_parser_at_word(parser, K_USING)))
            return sl_parser_fail(parser, (struct sl_span){natural_at, natural_at + 7},
                                  "NATURAL takes neither ON nor USING");
        if (sl_parser_take_word(parser, K_ON))
            SL_TRY(sl_parse_expression(parser, &join->condition));
        else if (sl_parser_take_word(parser, K_USING))
            SL_TRY(sl_parser_name_list(parser, &join->name));
        join->span = sl_parser_span(parser, left->span.begin);
        left = join;
        SL_TRY(refuse_clauses(parser));
    }
    *out = left;
    return SL_OK;
}

static enum sl_code parse_joined(struct sl_parser *parser, struct sl_urelation **out) {
    struct sl_urelation *left;
    SL_TRY(parse_primary(parser, &left));
    return parse_joins(parser, left, out);
}

/* ---- LATERAL VIEW, FROM ---- */

enum sl_code sl_parse_lateral_views(struct sl_parser *parser, struct sl_urelation *input,
                                    struct sl_urelation **out) {
    while (sl_parser_take_words(parser, K_LATERAL, K_VIEW)) {
        bool outer = sl_parser_take_word(parser, K_OUTER);
        struct sl_name name;
        SL_TRY(sl_parser_name(parser, "a generator function", &name));
        struct sl_uexpr *call = sl_parser_expr(parser, SL_U_FUNCTION, name.span);
        call->name = name;
        SL_TRY(sl_parse_arguments(parser, call));
        call->span = sl_parser_span(parser, name.span.begin);
        SL_TRY(sl_parser_expr_done(parser, call));
        struct sl_urelation *view;
        SL_TRY(wrap(parser, SL_R_LATERAL_VIEW, input, &view));
        view->exprs = SL_NEW_ARRAY(parser->arena, struct sl_uexpr *, 1);
        view->exprs[view->expr_count++] = call;
        view->outer = outer;
        /* the grammar demands a table name; Spark's users leave it out before AS */
        if (!sl_parser_at_word(parser, K_AS))
            SL_TRY(sl_parser_name_part(parser, "a name for the view", &view->alias));
        bool names = sl_parser_take_word(parser, K_AS) || at_table_alias(parser);
        while (names) {
            struct sl_str part;
            SL_TRY(sl_parser_name_part(parser, "a column name", &part));
            sl_name_add(parser, &view->column_names, part);
            names = sl_parser_take(parser, T_COMMA);
        }
        view->span = sl_parser_span(parser, input->span.begin);
        input = view;
    }
    *out = input;
    return SL_OK;
}

enum sl_code sl_parse_from(struct sl_parser *parser, struct sl_urelation **out) {
    SL_TRY(parse_joined(parser, out));
    while (sl_parser_take(parser, T_COMMA)) {
        struct sl_urelation *right;
        SL_TRY(parse_joined(parser, &right));
        SL_TRY(make_join(parser, *out, right, SL_JOIN_INNER, out));
    }
    SL_TRY(sl_parse_lateral_views(parser, *out, out));
    return refuse_clauses(parser);
}
