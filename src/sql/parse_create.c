/* CREATE: tables, views, sinks, flows.
 * Source: Spark 4.1 SqlBaseParser.g4 createTable, createView, createPipelineDataset,
 * createPipelineFlow; Databricks' CONSTRAINT .. EXPECT. */
#include "sql/parser.h"

/* ---- columns and constraints ---- */

static enum sl_code parse_violation(struct sl_parser *parser, struct sl_constraint *constraint) {
    constraint->on_violation = SL_VIOLATION_KEEP;
    if (!sl_parser_take_word(parser, K_ON)) return SL_OK;
    SL_TRY(sl_parser_expect_word(parser, K_VIOLATION));
    if (sl_parser_take_word(parser, K_DROP)) {
        constraint->on_violation = SL_VIOLATION_DROP_ROW;
        return sl_parser_expect_word(parser, K_ROW);
    }
    if (sl_parser_take_word(parser, K_FAIL)) {
        constraint->on_violation = SL_VIOLATION_FAIL_UPDATE;
        return sl_parser_expect_word(parser, K_UPDATE);
    }
    return sl_parser_unexpected(parser, "DROP ROW or FAIL UPDATE",
                                (const enum sl_keyword[]){K_DROP, K_FAIL, K_NONE});
}

static enum sl_code parse_constraint(struct sl_parser *parser, struct sl_constraint *constraint) {
    uint32_t begin = parser->token.span.begin;
    sl_parser_next(parser);
    SL_TRY(sl_parser_name_part(parser, "a name for the constraint", &constraint->name));
    if (sl_parser_at_word(parser, K_CHECK) || sl_parser_at_word(parser, K_PRIMARY) ||
        sl_parser_at_word(parser, K_FOREIGN) || sl_parser_at_word(parser, K_UNIQUE))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "%.*s constraints are not supported",
                                     SL_STR_ARG(sl_keyword_name(parser->token.keyword)));
    SL_TRY(sl_parser_expect_word(parser, K_EXPECT));
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and a condition"));
    SL_TRY(sl_parse_expression(parser, &constraint->condition));
    SL_TRY(sl_parser_close(parser, open));
    SL_TRY(parse_violation(parser, constraint));
    constraint->span = sl_parser_span(parser, begin);
    return SL_OK;
}

/* NOT NULL, COMMENT, in any order */
static enum sl_code parse_column_options(struct sl_parser *parser, struct sl_column_def *column) {
    for (;;) {
        if (sl_parser_take_word(parser, K_COMMENT)) {
            SL_TRY(sl_parser_string(parser, "a comment in quotes", &column->comment));
        } else if (sl_parser_take_word(parser, K_NOT)) {
            SL_TRY(sl_parser_expect_word(parser, K_NULL));
            column->not_null = true;
        } else if (sl_parser_at_word(parser, K_DEFAULT) || sl_parser_at_word(parser, K_GENERATED) ||
                   sl_parser_at_word(parser, K_PRIMARY)) {
            return sl_parser_unsupported(parser, parser->token.span,
                                         "%.*s of a column is not supported",
                                         SL_STR_ARG(sl_keyword_name(parser->token.keyword)));
        } else {
            return SL_OK;
        }
    }
}

static enum sl_code parse_column(struct sl_parser *parser, bool typed,
                                 struct sl_column_def *column) {
    uint32_t begin = parser->token.span.begin;
    SL_TRY(sl_parser_name_part(parser, "a column name", &column->name));
    bool has_type = sl_parser_at_name(parser) && !sl_parser_at_word(parser, K_COMMENT);
    if (typed || has_type) SL_TRY(sl_parser_type(parser, &column->type_text, &column->type_span));
    SL_TRY(parse_column_options(parser, column));
    column->span = sl_parser_span(parser, begin);
    return SL_OK;
}

/* An arena array with room for one more. */
static void *grow(struct sl_parser *parser, void *items, uint32_t count, size_t size) {
    if ((count & (count - 1)) != 0) return items;
    return sl_arena_grow(parser->arena, items, count * size, (count ? count * 2 : 1) * size);
}

static void add_column(struct sl_parser *parser, struct sl_statement *out,
                       struct sl_column_def column) {
    out->columns = grow(parser, out->columns, out->column_count, sizeof *out->columns);
    out->columns[out->column_count++] = column;
}

static bool at_constraint(const struct sl_parser *parser) {
    enum sl_token_kind next = sl_parser_peek(parser, 1).kind;
    return sl_parser_at_word(parser, K_CONSTRAINT) && (next == T_WORD || next == T_QUOTED) &&
           sl_parser_peek(parser, 2).kind == T_WORD;
}

static enum sl_code parse_columns(struct sl_parser *parser, bool typed, struct sl_statement *out) {
    struct sl_span open = parser->token.span;
    sl_parser_next(parser);
    do {
        if (at_constraint(parser)) {
            struct sl_constraint constraint = {0};
            SL_TRY(parse_constraint(parser, &constraint));
            out->constraints =
                grow(parser, out->constraints, out->constraint_count, sizeof constraint);
            out->constraints[out->constraint_count++] = constraint;
        } else {
            struct sl_column_def column = {0};
            SL_TRY(parse_column(parser, typed, &column));
            add_column(parser, out, column);
        }
    } while (sl_parser_take(parser, T_COMMA));
    return sl_parser_close(parser, open);
}

/* ---- clauses ---- */

enum clause {
    CLAUSE_USING = 1,
    CLAUSE_PARTITIONED = 2,
    CLAUSE_CLUSTER = 4,
    CLAUSE_LOCATION = 8,
    CLAUSE_COMMENT = 16,
    CLAUSE_TBLPROPERTIES = 32,
    CLAUSE_OPTIONS = 64,
};

static const struct {
    enum clause clause;
    enum sl_keyword first, second;
    const char *name;
} clauses[] = {
    {CLAUSE_USING, K_USING, K_NONE, "USING"},
    {CLAUSE_PARTITIONED, K_PARTITIONED, K_BY, "PARTITIONED BY"},
    {CLAUSE_CLUSTER, K_CLUSTER, K_BY, "CLUSTER BY"},
    {CLAUSE_LOCATION, K_LOCATION, K_NONE, "LOCATION"},
    {CLAUSE_COMMENT, K_COMMENT, K_NONE, "COMMENT"},
    {CLAUSE_TBLPROPERTIES, K_TBLPROPERTIES, K_NONE, "TBLPROPERTIES"},
    {CLAUSE_OPTIONS, K_OPTIONS, K_NONE, "OPTIONS"},
};

/* (a, b), or (a INT, b STRING), which declares the columns as well */
static enum sl_code parse_partitioned(struct sl_parser *parser, struct sl_statement *out) {
    struct sl_span open = parser->token.span;
    SL_TRY(sl_parser_expect(parser, T_LPAREN, "`(` and column names"));
    do {
        struct sl_column_def column = {0};
        struct sl_token name = parser->token;
        SL_TRY(parse_column(parser, false, &column));
        if (sl_parser_at(parser, T_LPAREN))
            return sl_parser_unsupported(
                parser, sl_parser_span(parser, name.span.begin),
                "partitioning by the transform `%.40s` is not supported: name a column",
                sl_arena_cstr(parser->arena, column.name));
        sl_name_add(parser, &out->partition_by, column.name);
        if (column.type_text.len) add_column(parser, out, column);
    } while (sl_parser_take(parser, T_COMMA));
    SL_TRY(sl_parser_close(parser, open));
    out->partition_by.span = sl_parser_span(parser, open.begin);
    return SL_OK;
}

static enum sl_code parse_using(struct sl_parser *parser, struct sl_statement *out) {
    struct sl_name format;
    SL_TRY(sl_parser_name(parser, "a format", &format));
    out->format = sl_parser_text(parser, format.span);
    if (format.count == 1) out->format = format.parts[0];
    out->format_span = format.span;
    return SL_OK;
}

static enum sl_code parse_clause(struct sl_parser *parser, enum clause clause,
                                 struct sl_statement *out) {
    switch (clause) {
    case CLAUSE_USING:
        return parse_using(parser, out);
    case CLAUSE_PARTITIONED:
        return parse_partitioned(parser, out);
    case CLAUSE_CLUSTER:
        return sl_parser_name_list(parser, &out->cluster_by);
    case CLAUSE_LOCATION:
        out->location_span = parser->token.span;
        return sl_parser_string(parser, "a path in quotes", &out->location);
    case CLAUSE_COMMENT:
        return sl_parser_string(parser, "a comment in quotes", &out->comment);
    case CLAUSE_TBLPROPERTIES:
        return sl_parser_properties(parser, &out->properties);
    case CLAUSE_OPTIONS:
        return sl_parser_properties(parser, &out->options);
    }
    return SL_OK;
}

/* The clauses of `allowed`, in any order, each once. */
static enum sl_code parse_clauses(struct sl_parser *parser, unsigned allowed,
                                  struct sl_statement *out) {
    unsigned seen = 0;
    for (;;) {
        size_t i = 0, count = sizeof clauses / sizeof clauses[0];
        while (i < count &&
               !((clauses[i].clause & allowed) && sl_parser_at_word(parser, clauses[i].first)))
            i++;
        if (i == count) return SL_OK;
        struct sl_span span = parser->token.span;
        if (seen & clauses[i].clause)
            return sl_fail_at(parser->err, span, "DUPLICATE_CLAUSES", "42614",
                              "%s stands twice in one statement", clauses[i].name);
        seen |= clauses[i].clause;
        sl_parser_next(parser);
        if (clauses[i].second != K_NONE) SL_TRY(sl_parser_expect_word(parser, clauses[i].second));
        SL_TRY(parse_clause(parser, clauses[i].clause, out));
    }
}

static const enum sl_keyword clause_words[] = {K_AS,       K_USING,   K_PARTITIONED,   K_CLUSTER,
                                               K_LOCATION, K_COMMENT, K_TBLPROPERTIES, K_OPTIONS,
                                               K_NONE};

static bool at_end(const struct sl_parser *parser) {
    return sl_parser_at(parser, T_END) || sl_parser_at(parser, T_SEMICOLON);
}

static enum sl_code refuse_clause(struct sl_parser *parser, const char *what) {
    static const struct {
        enum sl_keyword word;
        const char *text;
    } refused[] = {
        {K_FLOW, "FLOW AUTO CDC"},     {K_SCHEDULE, "SCHEDULE"},   {K_DEFAULT, "DEFAULT COLLATION"},
        {K_ROW, "ROW FORMAT"},         {K_PARTITION, "PARTITION"}, {K_WITH, "WITH SCHEMA"},
        {K_LIKE, "CREATE TABLE LIKE"},
    };
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        if (sl_parser_at_word(parser, refused[i].word))
            return sl_parser_unsupported(parser, parser->token.span, "%s is not supported",
                                         refused[i].text);
    return sl_parser_unexpected(parser, what, clause_words);
}

/* [AS] query, or the end. */
static enum sl_code parse_as_query(struct sl_parser *parser, bool required,
                                   struct sl_statement *out) {
    if (at_end(parser) && !required) return SL_OK;
    bool as = sl_parser_take_word(parser, K_AS);
    if (!as && !sl_parse_at_query(parser, 0))
        return refuse_clause(parser,
                             required ? "AS and a query" : "a clause, AS and a query, or `;`");
    return sl_parse_query(parser, &out->query);
}

/* ---- statements ---- */

static enum sl_code parse_if_not_exists(struct sl_parser *parser, struct sl_statement *out) {
    if (!sl_parser_at_word(parser, K_IF) || !sl_parser_peek_word(parser, 1, K_NOT)) return SL_OK;
    sl_parser_next(parser);
    sl_parser_next(parser);
    out->if_not_exists = true;
    return sl_parser_expect_word(parser, K_EXISTS);
}

static enum sl_code parse_table(struct sl_parser *parser, enum sl_table_kind kind,
                                struct sl_statement *out) {
    out->kind = SL_S_CREATE_TABLE;
    out->table_kind = kind;
    SL_TRY(parse_if_not_exists(parser, out));
    SL_TRY(sl_parser_name(parser, "a table name", &out->name));
    if (sl_parser_at(parser, T_LPAREN) && !sl_parse_at_query(parser, 1))
        SL_TRY(parse_columns(parser, kind == SL_PLAIN_TABLE, out));
    SL_TRY(parse_clauses(parser, ~0u, out));
    return parse_as_query(parser, kind == SL_MATERIALIZED_VIEW, out);
}

static enum sl_code parse_view(struct sl_parser *parser, struct sl_statement *out) {
    out->kind = SL_S_CREATE_VIEW;
    SL_TRY(parse_if_not_exists(parser, out));
    SL_TRY(sl_parser_name(parser, "a view name", &out->name));
    if (sl_parser_at(parser, T_LPAREN)) SL_TRY(parse_columns(parser, false, out));
    SL_TRY(parse_clauses(parser, CLAUSE_COMMENT | CLAUSE_TBLPROPERTIES, out));
    if (sl_parser_at_word(parser, K_USING))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "CREATE VIEW .. USING is not supported: "
                                     "write AS SELECT * FROM format.`path`");
    return parse_as_query(parser, true, out);
}

static enum sl_code parse_sink(struct sl_parser *parser, struct sl_statement *out) {
    out->kind = SL_S_CREATE_SINK;
    SL_TRY(parse_if_not_exists(parser, out));
    SL_TRY(sl_parser_name(parser, "a sink name", &out->name));
    SL_TRY(parse_clauses(parser, CLAUSE_USING | CLAUSE_OPTIONS | CLAUSE_COMMENT, out));
    if (out->format.len == 0)
        return sl_parser_unexpected(parser, "USING and a format, such as kafka or console",
                                    clause_words);
    return at_end(parser) ? SL_OK
                          : sl_parser_unexpected(parser, "OPTIONS (..) or `;`", clause_words);
}

static enum sl_code parse_flow(struct sl_parser *parser, struct sl_statement *out) {
    out->kind = SL_S_CREATE_FLOW;
    SL_TRY(sl_parser_name(parser, "a flow name", &out->name));
    SL_TRY(parse_clauses(parser, CLAUSE_COMMENT, out));
    SL_TRY(sl_parser_expect_word(parser, K_AS));
    if (sl_parser_at_word(parser, K_AUTO) && sl_parser_peek_word(parser, 1, K_CDC))
        return sl_parser_unsupported(parser, parser->token.span, "AUTO CDC is not supported");
    SL_TRY(sl_parser_expect_word(parser, K_INSERT));
    if (sl_parser_at_word(parser, K_OVERWRITE))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "a flow only appends: write INSERT INTO");
    SL_TRY(sl_parser_expect_word(parser, K_INTO));
    SL_TRY(sl_parser_name(parser, "the table or sink that the flow feeds", &out->target));
    if (!sl_parser_take_words(parser, K_BY, K_NAME)) {
        sl_parser_unexpected(parser, "BY NAME", (const enum sl_keyword[]){K_BY, K_NONE});
        return sl_hint(parser->err, "flows match columns by name: INSERT INTO %s BY NAME SELECT ..",
                       sl_arena_cstr(parser->arena, sl_parser_text(parser, out->target.span)));
    }
    out->by_name = true;
    return sl_parse_query(parser, &out->query);
}

static const enum sl_keyword create_words[] = {K_TABLE,     K_STREAMING, K_MATERIALIZED, K_VIEW,
                                               K_TEMPORARY, K_TEMP,      K_SINK,         K_FLOW,
                                               K_OR,        K_NONE};

static enum sl_code refuse_modifiers(struct sl_parser *parser, const struct sl_statement *out,
                                     struct sl_span span, const char *what, bool replace_fits,
                                     bool refresh_fits, bool temporary_fits) {
    const char *wrong = out->or_refresh && !refresh_fits    ? "OR REFRESH"
                        : out->or_replace && !replace_fits  ? "OR REPLACE"
                        : out->temporary && !temporary_fits ? "TEMPORARY"
                                                            : NULL;
    if (!wrong) return SL_OK;
    return sl_parser_fail(parser, span, "a %s takes no %s", what, wrong);
}

static enum sl_code refuse_object(struct sl_parser *parser) {
    static const char *const objects[] = {"FUNCTION", "DATABASE", "SCHEMA",    "NAMESPACE",
                                          "INDEX",    "ROLE",     "CATALOG",   "EXTERNAL",
                                          "MACRO",    "VARIABLE", "PROCEDURE", "GLOBAL"};
    for (size_t i = 0; i < sizeof objects / sizeof objects[0]; i++)
        if (sl_parser_at(parser, T_WORD) &&
            sl_str_eq_nocase(sl_parser_text(parser, parser->token.span), sl_str(objects[i])))
            return sl_parser_unsupported(parser, parser->token.span, "CREATE %s is not supported",
                                         objects[i]);
    return sl_parser_unexpected(
        parser, "TABLE, STREAMING TABLE, MATERIALIZED VIEW, VIEW, SINK or FLOW", create_words);
}

enum sl_code sl_parse_create(struct sl_parser *parser, struct sl_statement *out) {
    sl_parser_next(parser);
    struct sl_span modifiers = parser->token.span;
    if (sl_parser_take_word(parser, K_OR)) {
        out->or_refresh = sl_parser_take_word(parser, K_REFRESH);
        out->or_replace = !out->or_refresh && sl_parser_take_word(parser, K_REPLACE);
        if (!out->or_refresh && !out->or_replace)
            return sl_parser_unexpected(parser, "REPLACE or REFRESH",
                                        (const enum sl_keyword[]){K_REPLACE, K_REFRESH, K_NONE});
    }
    out->temporary =
        sl_parser_take_word(parser, K_TEMPORARY) || sl_parser_take_word(parser, K_TEMP);
    modifiers = sl_parser_span(parser, modifiers.begin);
    if (sl_parser_take_word(parser, K_STREAMING)) {
        SL_TRY(sl_parser_expect_word(parser, K_TABLE));
        SL_TRY(refuse_modifiers(parser, out, modifiers, "streaming table", true, true, false));
        return parse_table(parser, SL_STREAMING_TABLE, out);
    }
    if (sl_parser_take_word(parser, K_MATERIALIZED)) {
        SL_TRY(sl_parser_expect_word(parser, K_VIEW));
        SL_TRY(refuse_modifiers(parser, out, modifiers, "materialized view", true, true, false));
        return parse_table(parser, SL_MATERIALIZED_VIEW, out);
    }
    if (sl_parser_take_word(parser, K_TABLE)) {
        SL_TRY(refuse_modifiers(parser, out, modifiers, "table", true, false, false));
        return parse_table(parser, SL_PLAIN_TABLE, out);
    }
    if (sl_parser_take_word(parser, K_VIEW)) {
        SL_TRY(refuse_modifiers(parser, out, modifiers, "view", true, false, true));
        return parse_view(parser, out);
    }
    if (sl_parser_take_word(parser, K_SINK)) {
        SL_TRY(refuse_modifiers(parser, out, modifiers, "sink", false, false, false));
        return parse_sink(parser, out);
    }
    if (sl_parser_take_word(parser, K_FLOW)) {
        SL_TRY(refuse_modifiers(parser, out, modifiers, "flow", false, false, false));
        return parse_flow(parser, out);
    }
    return refuse_object(parser);
}
