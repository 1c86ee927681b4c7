/* Statements: a file of them, SET, INSERT, EXPLAIN, and the names of those sluice does not have. */
#include "sql/parser.h"

/* ---- SET ---- */

static bool is_key_char(char c) {
    unsigned char u = (unsigned char)c;
    return (u >= '0' && u <= '9') || ((u | 0x20) >= 'a' && (u | 0x20) <= 'z') || u == '_' ||
           u == '.' || u == ':' || u == '-' || u >= 0x80;
}

static uint32_t skip_line_blanks(struct sl_str text, uint32_t pos) {
    while (pos < text.len && (text.ptr[pos] == ' ' || text.ptr[pos] == '\t')) pos++;
    return pos;
}

static bool at_comment(struct sl_str text, uint32_t pos) {
    return pos + 1 < text.len && text.ptr[pos] == '-' && text.ptr[pos + 1] == '-';
}

/* The value is raw text up to `;`, a comment or the end of the line, unless it is quoted.  The
 * scanner and the parser must agree on where it ends, so both use this. */
struct sl_set_text sl_scan_set(struct sl_str text, uint32_t pos) {
    struct sl_set_text set = {0};
    pos = sl_lexer_skip_blanks(text, pos);
    struct sl_token quoted = sl_lexer_token(text, pos);
    if (quoted.kind == T_QUOTED) {
        set.key = quoted.span;
        set.quoted_key = true;
        pos = quoted.span.end;
    } else {
        set.key.begin = pos;
        while (pos < text.len && is_key_char(text.ptr[pos]) && !at_comment(text, pos)) pos++;
        set.key.end = pos;
    }
    set.end = pos;
    pos = sl_lexer_skip_blanks(text, pos);
    if (pos >= text.len || text.ptr[pos] != '=') return set;
    set.has_value = true;
    pos = skip_line_blanks(text, pos + 1);
    struct sl_token value = sl_lexer_token(text, pos);
    if (value.kind == T_STRING && value.span.begin == pos && text.ptr[pos] != 'r' &&
        text.ptr[pos] != 'R') {
        set.value = value.span;
        set.quoted_value = true;
        set.end = value.span.end;
        return set;
    }
    set.value.begin = pos;
    while (pos < text.len && text.ptr[pos] != ';' && text.ptr[pos] != '\n' &&
           text.ptr[pos] != '\r' && !at_comment(text, pos))
        pos++;
    set.end = pos;
    while (pos > set.value.begin && (unsigned char)text.ptr[pos - 1] <= ' ') pos--;
    set.value.end = pos;
    return set;
}

static enum sl_code set_property(struct sl_parser *parser, struct sl_statement *out,
                                 struct sl_property property) {
    out->kind = SL_S_SET;
    out->properties.items = SL_NEW_ARRAY(parser->arena, struct sl_property, 1);
    out->properties.items[0] = property;
    out->properties.count = 1;
    return SL_OK;
}

/* SET TIME ZONE 'Europe/Berlin' */
static enum sl_code parse_time_zone(struct sl_parser *parser, struct sl_statement *out) {
    sl_parser_next(parser);
    sl_parser_next(parser);
    struct sl_property property = {.key = SL_STR("spark.sql.session.timeZone"),
                                   .value_span = parser->token.span};
    if (!sl_parser_at(parser, T_STRING))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "SET TIME ZONE takes a zone in quotes here");
    SL_TRY(sl_parser_string(parser, "a time zone", &property.value));
    return set_property(parser, out, property);
}

static bool begins_statement(enum sl_keyword keyword) {
    static const enum sl_keyword words[] = {K_CREATE, K_SELECT, K_SET, K_INSERT};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (keyword == words[i]) return true;
    return false;
}

/* SET a = 1 CREATE STREAMING TABLE ..: without a `;` the value is the rest of the line. One that
 * begins with such a word is meant to hold a statement. */
static enum sl_code check_swallowed(struct sl_parser *parser, const struct sl_set_text *set) {
    if (!set->has_value || set->quoted_value) return SL_OK;
    struct sl_str text = sl_str_sub(parser->text, 0, set->value.end);
    struct sl_token token = sl_lexer_token(text, set->value.begin);
    if (begins_statement(token.keyword)) return SL_OK;
    while (token.kind != T_END && token.kind != T_BAD) {
        uint32_t end = token.span.end;
        token = sl_lexer_token(text, sl_lexer_skip_blanks(text, end));
        bool apart = token.span.begin > end;
        if (token.kind != T_WORD || !apart || !begins_statement(token.keyword)) continue;
        sl_parser_fail(parser, token.span,
                       "the value of SET goes on to the end of the line, and "
                       "so `%.*s` is a part of it",
                       SL_STR_ARG(sl_parser_text(parser, token.span)));
        return sl_hint(parser->err, "write `;` in front of it, or the value in quotes");
    }
    return SL_OK;
}

/* Parser: token is SET. */
static enum sl_code parse_set(struct sl_parser *parser, struct sl_statement *out) {
    struct sl_span set_span = parser->token.span;
    struct sl_set_text set = sl_scan_set(parser->text, set_span.end);
    sl_parser_next(parser);
    enum sl_keyword word = parser->token.keyword;
    if (!set.has_value && word == K_TIME && sl_parser_peek_word(parser, 1, K_ZONE))
        return parse_time_zone(parser, out);
    if (!set.has_value && sl_parser_peek(parser, 1).kind != T_SEMICOLON &&
        sl_parser_peek(parser, 1).kind != T_END &&
        (word == K_CATALOG || word == K_ROLE || word == K_VARIABLE || word == K_VAR ||
         word == K_COLLATION))
        return sl_parser_unsupported(parser, parser->token.span, "SET %.*s is not supported",
                                     SL_STR_ARG(sl_keyword_name(word)));
    struct sl_property property = {.key_span = set.key, .value_span = set.value};
    if (set.quoted_key) {
        SL_TRY(sl_parser_name_part(parser, "a setting", &property.key));
    } else {
        property.key = sl_parser_text(parser, set.key);
        if (property.key.len == 0 &&
            (set.has_value || (!sl_parser_at(parser, T_SEMICOLON) && !sl_parser_at(parser, T_END))))
            return sl_parser_unexpected(parser, "the name of a setting", NULL);
    }
    SL_TRY(check_swallowed(parser, &set));
    if (set.has_value && set.quoted_value)
        SL_TRY(sl_parser_unescape(parser, set.value, &property.value));
    else if (set.has_value)
        property.value = sl_parser_text(parser, set.value);
    parser->last = (struct sl_span){set_span.begin, set.has_value                ? set.value.end
                                                    : set.key.end > set_span.end ? set.key.end
                                                                                 : set_span.end};
    if (set.end > set_span.end) sl_parser_seek(parser, set.end);
    if (!sl_parser_at(parser, T_SEMICOLON) && !sl_parser_at(parser, T_END)) {
        bool is_statement = begins_statement(parser->token.keyword);
        sl_parser_unexpected(parser, "`;` behind SET", NULL);
        if (is_statement) return sl_hint(parser->err, "end the SET in front of it with `;`");
        return set.has_value ? sl_hint(parser->err, "a value that spans lines or holds `;` or `--` "
                                                    "needs quotes")
                             : SL_USER;
    }
    return set_property(parser, out, property);
}

/* ---- INSERT, EXPLAIN ---- */

static enum sl_code insert_columns(struct sl_parser *parser, struct sl_statement *out) {
    struct sl_name names;
    SL_TRY(sl_parser_name_list(parser, &names));
    out->columns = SL_NEW_ARRAY(parser->arena, struct sl_column_def, names.count);
    memset(out->columns, 0, names.count * sizeof *out->columns);
    out->column_count = names.count;
    for (uint32_t i = 0; i < names.count; i++) {
        out->columns[i].name = names.parts[i];
        out->columns[i].span = names.span;
    }
    return SL_OK;
}

static enum sl_code parse_insert(struct sl_parser *parser, struct sl_statement *out) {
    out->kind = SL_S_INSERT;
    sl_parser_next(parser);
    out->overwrite = sl_parser_take_word(parser, K_OVERWRITE);
    if (!out->overwrite && !sl_parser_take_word(parser, K_INTO))
        return sl_parser_unexpected(parser, "INTO or OVERWRITE",
                                    (const enum sl_keyword[]){K_INTO, K_OVERWRITE, K_NONE});
    if (sl_parser_peek(parser, 1).kind != T_DOT) sl_parser_take_word(parser, K_TABLE);
    SL_TRY(sl_parser_name(parser, "a table", &out->target));
    out->name = out->target;
    if (sl_parser_at_word(parser, K_PARTITION))
        return sl_parser_unsupported(parser, parser->token.span,
                                     "INSERT with PARTITION is not supported");
    out->by_name = sl_parser_take_words(parser, K_BY, K_NAME);
    if (!out->by_name && sl_parser_at(parser, T_LPAREN) && !sl_parse_at_query(parser, 1) &&
        sl_parser_peek(parser, 1).kind != T_LPAREN)
        SL_TRY(insert_columns(parser, out));
    return sl_parse_query(parser, &out->query);
}

static enum sl_code parse_explain(struct sl_parser *parser, struct sl_statement *out) {
    sl_parser_next(parser);
    static const enum sl_keyword modes[] = {K_LOGICAL, K_FORMATTED, K_EXTENDED, K_CODEGEN, K_COST};
    for (size_t i = 0; i < sizeof modes / sizeof modes[0]; i++)
        if (sl_parser_take_word(parser, modes[i])) break;
    struct sl_statement inner = {0};
    struct sl_span span = parser->token.span;
    SL_TRY(sl_parse_statement(parser, &inner));
    *out = inner;
    out->kind = SL_S_EXPLAIN;
    if (inner.kind == SL_S_QUERY || (inner.query && inner.kind != SL_S_EXPLAIN)) return SL_OK;
    return sl_parser_unsupported(parser, span, "EXPLAIN of a statement without a query");
}

/* WITH .. SELECT, WITH .. INSERT */
static enum sl_code parse_query_statement(struct sl_parser *parser, struct sl_statement *out) {
    out->kind = SL_S_QUERY;
    if (!sl_parser_at_word(parser, K_WITH)) return sl_parse_query(parser, &out->query);
    struct sl_urelation *with;
    SL_TRY(sl_parse_with(parser, &with));
    if (sl_parser_at_word(parser, K_INSERT))
        SL_TRY(parse_insert(parser, out));
    else
        SL_TRY(sl_parse_query(parser, &out->query));
    with->input = out->query;
    with->span = sl_parser_span(parser, with->span.begin);
    out->query = with;
    return sl_parser_relation_done(parser, with);
}

/* ---- what Spark has and sluice has not ---- */

/* The words that name the statement; longer ones of the same beginning first. */
static const char *const unsupported[] = {
    "ALTER TABLE",
    "ALTER VIEW",
    "ALTER DATABASE",
    "ALTER SCHEMA",
    "ALTER",
    "ANALYZE TABLE",
    "ANALYZE TABLES",
    "ANALYZE",
    "DROP TABLE",
    "DROP VIEW",
    "DROP DATABASE",
    "DROP SCHEMA",
    "DROP FUNCTION",
    "DROP",
    "SHOW TABLES",
    "SHOW VIEWS",
    "SHOW COLUMNS",
    "SHOW PARTITIONS",
    "SHOW FUNCTIONS",
    "SHOW CREATE TABLE",
    "SHOW DATABASES",
    "SHOW SCHEMAS",
    "SHOW CATALOGS",
    "SHOW TBLPROPERTIES",
    "SHOW",
    "DESCRIBE QUERY",
    "DESCRIBE FUNCTION",
    "DESCRIBE",
    "DESC",
    "MERGE INTO",
    "MERGE",
    "DELETE FROM",
    "DELETE",
    "UPDATE",
    "TRUNCATE TABLE",
    "USE",
    "CACHE TABLE",
    "UNCACHE TABLE",
    "CLEAR CACHE",
    "REFRESH TABLE",
    "REFRESH",
    "LOAD DATA",
    "MSCK REPAIR TABLE",
    "REPAIR TABLE",
    "COMMENT ON",
    "DECLARE",
    "EXECUTE IMMEDIATE",
    "BEGIN",
    "CALL",
    "REPLACE TABLE",
    "RESET",
    "GRANT",
    "REVOKE",
    "EXPORT TABLE",
    "IMPORT TABLE",
    "LOCK TABLE",
    "UNLOCK TABLE",
    "START TRANSACTION",
    "COMMIT",
    "ROLLBACK",
    "RESTORE TABLE",
    "ADD JAR",
    "ADD FILE",
    "LIST JAR",
    "APPLY CHANGES INTO",
    "DFS",
};

static bool at_words(const struct sl_parser *parser, struct sl_str words) {
    unsigned ahead = 0;
    while (words.len) {
        size_t end = sl_str_find(words, SL_STR(" "), 0);
        struct sl_str word = sl_str_sub(words, 0, end == SIZE_MAX ? words.len : end);
        struct sl_token token = sl_parser_peek(parser, ahead++);
        if (token.kind != T_WORD || !sl_str_eq_nocase(sl_parser_text(parser, token.span), word))
            return false;
        words = sl_str_sub(words, end == SIZE_MAX ? words.len : end + 1, words.len);
    }
    return true;
}

static enum sl_code parse_unsupported(struct sl_parser *parser, struct sl_statement *out,
                                      bool *found) {
    *found = false;
    for (size_t i = 0; i < sizeof unsupported / sizeof unsupported[0] && !*found; i++) {
        if (!at_words(parser, sl_str(unsupported[i]))) continue;
        *found = true;
        out->kind = SL_S_UNSUPPORTED;
        sl_name_add(parser, &out->name, sl_str(unsupported[i]));
    }
    while (*found && !sl_parser_at(parser, T_SEMICOLON) && !sl_parser_at(parser, T_END)) {
        if (sl_parser_at(parser, T_BAD)) return sl_parser_unexpected(parser, "a statement", NULL);
        sl_parser_next(parser);
    }
    return SL_OK;
}

/* ---- dispatch ---- */

static const enum sl_keyword statement_words[] = {K_CREATE, K_SELECT, K_SET,  K_INSERT,
                                                  K_WITH,   K_VALUES, K_FROM, K_EXPLAIN,
                                                  K_TABLE,  K_ALTER,  K_DROP, K_NONE};

static enum sl_code statement_body(struct sl_parser *parser, struct sl_statement *out) {
    if (sl_parser_at(parser, T_LPAREN)) return parse_query_statement(parser, out);
    if (sl_parser_at(parser, T_WORD)) {
        switch (parser->token.keyword) {
        case K_SET:
            return parse_set(parser, out);
        case K_CREATE:
            return sl_parse_create(parser, out);
        case K_INSERT:
            return parse_insert(parser, out);
        case K_EXPLAIN:
            return parse_explain(parser, out);
        case K_SELECT:
        case K_WITH:
        case K_VALUES:
        case K_FROM:
        case K_TABLE:
            return parse_query_statement(parser, out);
        default:
            break;
        }
    }
    bool found;
    SL_TRY(sl_parse_upkeep(parser, out, &found));
    if (!found) SL_TRY(parse_unsupported(parser, out, &found));
    if (found) return SL_OK;
    return sl_parser_unexpected(parser, "a statement", statement_words);
}

enum sl_code sl_parse_statement(struct sl_parser *parser, struct sl_statement *out) {
    uint32_t begin = parser->token.span.begin;
    SL_TRY(sl_parser_enter(parser));
    SL_TRY(statement_body(parser, out));
    sl_parser_leave(parser);
    out->span = sl_parser_span(parser, begin);
    return SL_OK;
}

static const enum sl_keyword query_ends[] = {
    K_WHERE, K_GROUP, K_HAVING, K_ORDER,  K_LIMIT,  K_OFFSET,    K_UNION,   K_JOIN,
    K_LEFT,  K_INNER, K_FROM,   K_WINDOW, K_EXCEPT, K_INTERSECT, K_BETWEEN, K_LIKE,
    K_ILIKE, K_RLIKE, K_REGEXP, K_AND,    K_OR,     K_IN,        K_IS,      K_LATERAL,
    K_DESC,  K_ASC,   K_RIGHT,  K_CROSS,  K_NONE};

/* What begins a statement that the `;` before it is missing from. */
static bool at_new_statement(const struct sl_parser *parser) {
    return sl_parser_at_word(parser, K_CREATE) || sl_parser_at_word(parser, K_SELECT) ||
           sl_parser_at_word(parser, K_INSERT) || sl_parser_at_word(parser, K_SET) ||
           sl_parser_at_word(parser, K_WITH);
}

static enum sl_code statement_end(struct sl_parser *parser) {
    if (sl_parser_at(parser, T_END) || sl_parser_take(parser, T_SEMICOLON)) return SL_OK;
    bool missing = at_new_statement(parser);
    sl_parser_unexpected(parser, "`;` or the end of the statement", query_ends);
    if (missing && parser->err->hint[0] == '\0')
        return sl_hint(parser->err, "end the statement before it with `;`");
    return SL_USER;
}

enum sl_code sl_sql_parse(struct sl_arena *arena, struct sl_str text, struct sl_statements *out,
                          struct sl_err *err) {
    struct sl_err scratch = {0};
    struct sl_parser parser;
    *out = (struct sl_statements){0};
    SL_TRY(sl_parser_init(&parser, arena, text, err ? err : &scratch));
    uint32_t cap = 0;
    for (;;) {
        while (sl_parser_take(&parser, T_SEMICOLON)) {
        }
        if (sl_parser_at(&parser, T_END)) return SL_OK;
        struct sl_statement statement = {0};
        parser.alias_span = (struct sl_span){0};
        SL_TRY(sl_parse_statement(&parser, &statement));
        SL_TRY(statement_end(&parser));
        if (out->count == cap) {
            uint32_t grown = cap ? cap * 2 : 4;
            out->items = sl_arena_grow(arena, out->items, cap * sizeof *out->items,
                                       grown * sizeof *out->items);
            cap = grown;
        }
        out->items[out->count++] = statement;
        if (arena->used_bytes - parser.arena_used > (size_t)SL_SQL_TREE_MAX)
            return sl_parser_fail(&parser, parser.last, "the file is too large");
    }
}
