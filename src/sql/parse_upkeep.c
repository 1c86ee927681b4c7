/* Statements that look after a table: Delta's OPTIMIZE and VACUUM, Spark's and Delta's DESCRIBE.
 * Source: DeltaSqlBase.g4, SqlBaseParser.g4 (describeRelation). Their words are no keywords. */
#include <stdlib.h>

#include "sql/parser.h"

static bool at(const struct sl_parser *parser, unsigned ahead, const char *word) {
    struct sl_token token = sl_parser_peek(parser, ahead);
    return token.kind == T_WORD &&
           sl_str_eq_nocase(sl_parser_text(parser, token.span), sl_str(word));
}

static bool take(struct sl_parser *parser, const char *word) {
    bool there = at(parser, 0, word);
    if (there) sl_parser_next(parser);
    return there;
}

static bool take_two(struct sl_parser *parser, const char *a, const char *b) {
    bool there = at(parser, 0, a) && at(parser, 1, b);
    if (there) sl_parser_next(parser), sl_parser_next(parser);
    return there;
}

/* t, delta.`/path`, or '/path', which is a Delta table. */
static enum sl_code parse_table(struct sl_parser *parser, struct sl_urelation **out) {
    struct sl_name name = {.span = parser->token.span};
    if (sl_parser_at(parser, T_STRING)) {
        *out = sl_parser_relation(parser, SL_R_READ_PATH, name.span);
        (*out)->format = SL_STR("delta");
        SL_TRY(sl_parser_string(parser, "the table's path", &(*out)->path));
        return sl_parser_relation_done(parser, *out);
    }
    SL_TRY(sl_parser_name(parser, "a table", &name));
    bool is_path = name.count == 2 && parser->text.ptr[name.span.end - 1] == '`';
    *out = sl_parser_relation(parser, is_path ? SL_R_READ_PATH : SL_R_READ_TABLE, name.span);
    (*out)->name = name;
    if (is_path) {
        (*out)->format = name.parts[0];
        (*out)->path = name.parts[1];
    }
    return sl_parser_relation_done(parser, *out);
}

static enum sl_code parse_optimize(struct sl_parser *parser, struct sl_upkeep *out) {
    sl_parser_next(parser);
    SL_TRY(parse_table(parser, &out->table));
    if (at(parser, 0, "FULL"))
        return sl_parser_unsupported(
            parser, parser->token.span,
            "OPTIMIZE FULL, which clusters a table anew, is not supported");
    if (sl_parser_take_word(parser, K_WHERE)) SL_TRY(sl_parse_expression(parser, &out->condition));
    if (!at(parser, 0, "ZORDER")) return SL_OK;
    sl_parser_unsupported(parser, parser->token.span,
                          "OPTIMIZE .. ZORDER BY is not supported: files are made larger, their "
                          "rows stay in order");
    return sl_hint(parser->err, "leave out ZORDER BY");
}

static enum sl_code parse_retain(struct sl_parser *parser, struct sl_upkeep *out) {
    struct sl_span span = parser->token.span;
    struct sl_str text = sl_parser_text(parser, span);
    char copy[32], *end = copy;
    if (text.len < sizeof copy) {
        memcpy(copy, text.ptr, text.len);
        copy[text.len] = '\0';
        out->retain_hours = strtod(copy, &end);
    }
    bool is_number = text.len && text.ptr[0] >= '0' && text.ptr[0] <= '9' && end != copy && !*end &&
                     out->retain_hours <= 1e7;
    if (!is_number) return sl_parser_unexpected(parser, "a number of hours", NULL);
    sl_parser_next(parser);
    out->has_retain = true;
    if (take(parser, "HOURS") || take(parser, "HOUR")) return SL_OK;
    return sl_parser_unexpected(parser, "HOURS", NULL);
}

static enum sl_code parse_vacuum(struct sl_parser *parser, struct sl_upkeep *out) {
    sl_parser_next(parser);
    SL_TRY(parse_table(parser, &out->table));
    static const char *const refused[] = {"LITE", "USING"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (at(parser, 0, refused[i]))
            return sl_parser_unsupported(parser, parser->token.span, "VACUUM %s is not supported",
                                         refused[i]);
    take(parser, "FULL");
    if (take(parser, "RETAIN")) SL_TRY(parse_retain(parser, out));
    out->dry_run = take_two(parser, "DRY", "RUN");
    return SL_OK;
}

static enum sl_code parse_limit(struct sl_parser *parser, struct sl_upkeep *out) {
    if (!sl_parser_take_word(parser, K_LIMIT)) return SL_OK;
    if (!sl_str_to_i64(sl_parser_text(parser, parser->token.span), &out->limit) || out->limit < 0)
        return sl_parser_unexpected(parser, "a number", NULL);
    sl_parser_next(parser);
    return SL_OK;
}

static enum sl_code parse_describe(struct sl_parser *parser, struct sl_upkeep *out) {
    sl_parser_next(parser);
    if (take(parser, "DETAIL"))
        out->describe = SL_DESCRIBE_DETAIL;
    else if (take(parser, "HISTORY"))
        out->describe = SL_DESCRIBE_HISTORY;
    if (out->describe != SL_DESCRIBE_TABLE) {
        SL_TRY(parse_table(parser, &out->table));
        return out->describe == SL_DESCRIBE_HISTORY ? parse_limit(parser, out) : SL_OK;
    }
    if (sl_parser_peek(parser, 1).kind != T_DOT) sl_parser_take_word(parser, K_TABLE);
    if (sl_parser_take_word(parser, K_EXTENDED) || sl_parser_take_word(parser, K_FORMATTED))
        out->describe = SL_DESCRIBE_EXTENDED;
    return parse_table(parser, &out->table);
}

/* DESCRIBE QUERY and the like are others' business. */
static bool is_describe_of_table(const struct sl_parser *parser) {
    static const char *const others[] = {"QUERY",     "FUNCTION",  "DATABASE", "SCHEMA", "CATALOG",
                                         "NAMESPACE", "PROCEDURE", "SELECT",   "WITH"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (at(parser, 1, others[i])) return false;
    return true;
}

enum sl_code sl_parse_upkeep(struct sl_parser *parser, struct sl_statement *out, bool *found) {
    bool describe = at(parser, 0, "DESCRIBE") || at(parser, 0, "DESC");
    *found = true;
    out->upkeep = SL_NEW(parser->arena, struct sl_upkeep);
    out->upkeep->limit = -1;
    if (at(parser, 0, "OPTIMIZE")) {
        out->kind = SL_S_OPTIMIZE;
        return parse_optimize(parser, out->upkeep);
    }
    if (at(parser, 0, "VACUUM")) {
        out->kind = SL_S_VACUUM;
        return parse_vacuum(parser, out->upkeep);
    }
    *found = describe && is_describe_of_table(parser);
    if (!*found) return SL_OK;
    out->kind = SL_S_DESCRIBE;
    return parse_describe(parser, out->upkeep);
}
