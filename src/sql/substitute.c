/* `${name}` before parsing, by statement, because a SET counts for what follows it.
 *
 * The scanner knows only what it must: comments (nothing is replaced in them), quotes (a `;` in
 * them ends nothing) and SET, whose raw value may hold a lone quote.
 * Source: Spark's VariableSubstitution and ConfigReader (prefixes, values substituted again). */
#include <stdlib.h>

#include "sql/lexer.h"
#include "sql/parser.h"

enum { REFERENCE_DEPTH_MAX = 20, REFERENCE_NAME_MAX = 256 };

struct setting {
    struct sl_str name, value;
};

struct substitution {
    struct sl_arena *arena;
    struct sl_str source;
    struct sl_buf out;
    struct sl_sql_piece *pieces;
    uint32_t piece_count, piece_cap;
    struct setting *settings; /* of SET statements so far */
    size_t setting_count, setting_cap;
    sl_sql_lookup_fn lookup;
    void *ctx;
    struct sl_err *err;
};

static void add_piece(struct substitution *s, uint32_t begin, uint32_t end, bool replaced) {
    if (s->piece_count == s->piece_cap) {
        uint32_t cap = s->piece_cap ? s->piece_cap * 2 : 8;
        s->pieces = sl_arena_grow(s->arena, s->pieces, s->piece_cap * sizeof *s->pieces,
                                  cap * sizeof *s->pieces);
        s->piece_cap = cap;
    }
    s->pieces[s->piece_count++] = (struct sl_sql_piece){(uint32_t)s->out.len, begin, end, replaced};
}

static void copy(struct substitution *s, uint32_t begin, uint32_t end) {
    if (begin == end) return;
    add_piece(s, begin, end, false);
    sl_buf_put_str(&s->out, sl_str_sub(s->source, begin, end));
}

/* The name in `${name}` at pos; false where there is no reference. */
static bool reference_at(struct sl_str text, size_t pos, struct sl_str *name) {
    if (pos + 2 >= text.len || text.ptr[pos] != '$' || text.ptr[pos + 1] != '{') return false;
    size_t end = pos + 2, limit = end + REFERENCE_NAME_MAX;
    if (limit > text.len) limit = text.len;
    while (end < limit && text.ptr[end] != '}' && (unsigned char)text.ptr[end] > ' ') end++;
    if (end == text.len || text.ptr[end] != '}' || end == pos + 2) return false;
    *name = sl_str_sub(text, pos + 2, end);
    return true;
}

static enum sl_code fail_unknown(struct substitution *s, struct sl_span span, struct sl_str name) {
    if (sl_str_starts(name, SL_STR("env:"))) {
        sl_fail_at(s->err, span, "UNRESOLVED_VARIABLE", "42883",
                   "the environment has no variable `%.*s`",
                   SL_STR_ARG(sl_str_sub(name, 4, name.len)));
        return s->err ? sl_hint(s->err, "export it before the start") : SL_USER;
    }
    sl_fail_at(s->err, span, "UNRESOLVED_VARIABLE", "42883", "no setting `%.*s` for ${%.*s}",
               SL_STR_ARG(name), SL_STR_ARG(name));
    struct sl_str *names = SL_NEW_ARRAY(s->arena, struct sl_str, s->setting_count + 1);
    for (size_t i = 0; i < s->setting_count; i++) names[i] = s->settings[i].name;
    int near = sl_str_nearest(name, names, s->setting_count);
    if (!s->err) return SL_USER;
    if (near >= 0) return sl_hint(s->err, "did you mean `${%.*s}`?", SL_STR_ARG(names[near]));
    return sl_hint(s->err, "give it with -s %.*s=.. or SET %.*s = ..", SL_STR_ARG(name),
                   SL_STR_ARG(name));
}

static bool find_value(struct substitution *s, struct sl_str name, struct sl_str *value) {
    if (sl_str_starts(name, SL_STR("env:"))) {
        const char *text = getenv(sl_arena_cstr(s->arena, sl_str_sub(name, 4, name.len)));
        *value = sl_str(text);
        return text != NULL;
    }
    static const struct sl_str prefixes[] = {
        {"spark:", 6}, {"sparkconf:", 10}, {"hiveconf:", 9}, {"hivevar:", 8}};
    for (size_t i = 0; i < 4; i++)
        if (sl_str_starts(name, prefixes[i])) name = sl_str_sub(name, prefixes[i].len, name.len);
    /* what the caller was given (the command line) wins over SETs of the file, which so act as
     * defaults */
    if (s->lookup && s->lookup(s->ctx, name, value)) return true;
    for (size_t i = s->setting_count; i-- > 0;)
        if (sl_str_eq(s->settings[i].name, name)) return *value = s->settings[i].value, true;
    return false;
}

/* Appends the value of name, with the references in it replaced in turn. */
static enum sl_code put_value(struct substitution *s, struct sl_str name, struct sl_span span,
                              unsigned depth) {
    struct sl_str value;
    if (depth > REFERENCE_DEPTH_MAX)
        return sl_fail_at(s->err, span, "CIRCULAR_VARIABLE", "42601",
                          "the value of ${%.*s} leads back to itself", SL_STR_ARG(name));
    if (!find_value(s, name, &value)) return fail_unknown(s, span, name);
    size_t from = 0;
    for (size_t pos = 0; pos < value.len; pos++) {
        struct sl_str inner;
        if (!reference_at(value, pos, &inner)) continue;
        sl_buf_put_str(&s->out, sl_str_sub(value, from, pos));
        SL_TRY(put_value(s, inner, span, depth + 1));
        if (s->out.len > SL_SQL_TEXT_MAX) break;
        pos += inner.len + 2;
        from = pos + 1;
    }
    if (from < value.len) sl_buf_put_str(&s->out, sl_str_sub(value, from, value.len));
    return SL_OK;
}

/* A SET that is complete in the output counts from here on. */
static enum sl_code note_setting(struct substitution *s, size_t statement_begin) {
    struct sl_str text = sl_str_sub(sl_buf_str(&s->out), statement_begin, s->out.len);
    struct sl_token token = sl_lexer_token(text, 0);
    if (token.kind != T_WORD || token.keyword != K_SET) return SL_OK;
    text = sl_arena_str(s->arena, text);
    struct sl_statements statements;
    /* a broken SET is the parser's to report, with the place in the whole text */
    if (sl_sql_parse(s->arena, text, &statements, NULL) != SL_OK || statements.count != 1 ||
        statements.items[0].kind != SL_S_SET)
        return SL_OK;
    const struct sl_property *property = &statements.items[0].properties.items[0];
    if (property->key.len == 0 || property->value.ptr == NULL) return SL_OK;
    if (s->setting_count == s->setting_cap) {
        size_t cap = s->setting_cap ? s->setting_cap * 2 : 8;
        s->settings = sl_arena_grow(s->arena, s->settings, s->setting_cap * sizeof *s->settings,
                                    cap * sizeof *s->settings);
        s->setting_cap = cap;
    }
    s->settings[s->setting_count++] = (struct setting){property->key, property->value};
    return SL_OK;
}

/* Copies source from..to with its references replaced. */
static enum sl_code replace_in(struct substitution *s, uint32_t from, uint32_t to) {
    uint32_t copied = from;
    for (uint32_t pos = from; pos < to; pos++) {
        struct sl_str name;
        if (s->source.ptr[pos] != '$' || !reference_at(s->source, pos, &name)) continue;
        uint32_t end = pos + (uint32_t)name.len + 3;
        if (end > to) break;
        copy(s, copied, pos);
        add_piece(s, pos, end, true);
        SL_TRY(put_value(s, name, (struct sl_span){pos, end}, 0));
        if (s->out.len > SL_SQL_TEXT_MAX)
            return sl_fail(s->err, SL_USER, "the SQL text is larger than %d bytes",
                           SL_SQL_TEXT_MAX);
        copied = end;
        pos = end - 1;
    }
    copy(s, copied, to);
    return SL_OK;
}

static enum sl_code run(struct substitution *s) {
    uint32_t pos = 0;
    size_t statement_begin = 0;
    bool statement_starts = true;
    while (pos < s->source.len) {
        uint32_t behind_blanks = sl_lexer_skip_blanks(s->source, pos);
        copy(s, pos, behind_blanks);
        pos = behind_blanks;
        struct sl_token token = sl_lexer_token(s->source, pos);
        uint32_t end = token.span.end;
        /* an unclosed string or comment: nothing behind it is to be understood */
        bool unclosed = token.fault == FAULT_STRING || token.fault == FAULT_BACKQUOTE ||
                        token.fault == FAULT_COMMENT;
        if (unclosed || token.kind == T_END) end = (uint32_t)s->source.len;
        if (token.fault == FAULT_DOLLAR_BRACES) {
            struct sl_str name;
            if (reference_at(s->source, pos, &name)) end = pos + (uint32_t)name.len + 3;
        }
        if (statement_starts && token.kind == T_WORD && token.keyword == K_SET)
            end = sl_scan_set(s->source, end).end;
        if (statement_starts && token.kind != T_SEMICOLON) statement_begin = s->out.len;
        SL_TRY(replace_in(s, pos, end));
        if (token.kind == T_SEMICOLON && !statement_starts)
            SL_TRY(note_setting(s, statement_begin));
        statement_starts = token.kind == T_SEMICOLON;
        pos = end;
    }
    return SL_OK;
}

enum sl_code sl_sql_substitute(struct sl_arena *arena, struct sl_str source,
                               sl_sql_lookup_fn lookup, void *ctx, struct sl_sql_substitution *out,
                               struct sl_err *err) {
    *out = (struct sl_sql_substitution){0};
    if (source.len > SL_SQL_TEXT_MAX)
        return sl_fail(err, SL_USER, "the SQL text has %zu bytes; the limit is %d", source.len,
                       SL_SQL_TEXT_MAX);
    struct substitution s = {
        .arena = arena, .source = source, .lookup = lookup, .ctx = ctx, .err = err};
    enum sl_code code = run(&s);
    if (code == SL_OK) {
        out->text = sl_arena_str(arena, sl_buf_str(&s.out));
        out->pieces = s.pieces;
        out->piece_count = s.piece_count;
    }
    sl_buf_release(&s.out);
    return code;
}

/* The piece that holds a position of the text. */
static const struct sl_sql_piece *find_piece(const struct sl_sql_substitution *substitution,
                                             uint32_t pos) {
    uint32_t low = 0, high = substitution->piece_count;
    while (low < high) { /* the first piece that begins behind pos */
        uint32_t middle = low + (high - low) / 2;
        if (substitution->pieces[middle].text_begin <= pos)
            low = middle + 1;
        else
            high = middle;
    }
    return low ? &substitution->pieces[low - 1] : NULL;
}

struct sl_span sl_sql_origin(const struct sl_sql_substitution *substitution, struct sl_span span) {
    if (span.end <= span.begin) return span;
    const struct sl_sql_piece *first = find_piece(substitution, span.begin);
    const struct sl_sql_piece *last = find_piece(substitution, span.end - 1);
    if (!first || !last) return span;
    struct sl_span origin;
    origin.begin = first->replaced ? first->source_begin
                                   : first->source_begin + (span.begin - first->text_begin);
    origin.end =
        last->replaced ? last->source_end : last->source_begin + (span.end - last->text_begin);
    return origin;
}
