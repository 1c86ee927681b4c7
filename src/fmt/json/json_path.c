/* get_json_object: Spark's JsonPathParser and GetJsonObjectEvaluator, case by case, over the same
 * pull parser as from_json. */
#include "fmt/json/json_int.h"
#include "fmt/json/json_text.h"

enum step_kind { KEY, NAMED, SUBSCRIPT, INDEX, WILDCARD };

struct step {
    enum step_kind kind;
    struct sl_str name;
    int64_t index;
};

struct sl_json_path {
    size_t count;
    struct step *steps;
};

/* ---- the path's syntax ---- */

struct scanner {
    const char *cur, *end;
};

/* Scala's RegexParsers skip blanks before strings and regular expressions, not before a char. */
static void blanks(struct scanner *in) {
    while (in->cur < in->end && (*in->cur == ' ' || (*in->cur >= '\t' && *in->cur <= '\r')))
        in->cur++;
}

static bool word(struct scanner *in, const char *text) {
    struct scanner save = *in;
    size_t len = strlen(text);
    if (len > 1) blanks(in);
    if ((size_t)(in->end - in->cur) >= len && memcmp(in->cur, text, len) == 0) {
        in->cur += len;
        return true;
    }
    *in = save;
    return false;
}

/* One or more characters up to one of `stops`. */
static bool name_until(struct scanner *in, const char *stops, struct sl_str *name) {
    blanks(in);
    const char *begin = in->cur;
    while (in->cur < in->end && !(*in->cur && strchr(stops, *in->cur))) in->cur++;
    *name = (struct sl_str){begin, (size_t)(in->cur - begin)};
    return name->len > 0;
}

static bool number(struct scanner *in, int64_t *value) {
    blanks(in);
    const char *begin = in->cur;
    while (in->cur < in->end && *in->cur >= '0' && *in->cur <= '9') in->cur++;
    return sl_str_to_i64((struct sl_str){begin, (size_t)(in->cur - begin)}, value);
}

/* node = wildcard | named | subscript; each alternative starts afresh. */
static bool node(struct scanner *in, struct step *out, size_t *count) {
    struct scanner save = *in;
    struct sl_str name;
    int64_t index;
    if (word(in, ".*") || word(in, "['*']")) {
        out[(*count)++] = (struct step){.kind = WILDCARD};
        return true;
    }
    bool named = word(in, ".") && name_until(in, ".[", &name);
    if (!named) {
        *in = save;
        named = word(in, "['") && name_until(in, "'", &name) && word(in, "']");
    }
    if (named) {
        out[(*count)++] = (struct step){.kind = KEY};
        out[(*count)++] = (struct step){.kind = NAMED, .name = name};
        return true;
    }
    *in = save;
    if (!word(in, "[")) return false;
    struct step operand = {.kind = WILDCARD};
    if (!word(in, "*")) {
        if (!number(in, &index)) {
            *in = save;
            return false;
        }
        operand = (struct step){.kind = INDEX, .index = index};
    }
    if (!word(in, "]")) {
        *in = save;
        return false;
    }
    out[(*count)++] = (struct step){.kind = SUBSCRIPT};
    out[(*count)++] = operand;
    return true;
}

struct sl_json_path *sl_json_path_parse(struct sl_arena *arena, struct sl_str text) {
    text = sl_arena_str(arena, text);
    struct scanner in = {text.ptr, text.ptr + text.len};
    struct sl_json_path *path = SL_NEW(arena, struct sl_json_path);
    path->steps = SL_NEW_ARRAY(arena, struct step, text.len + 2);
    if (!word(&in, "$")) return NULL;
    while (in.cur < in.end) {
        if (node(&in, path->steps, &path->count)) continue;
        blanks(&in);
        if (in.cur < in.end) return NULL;
    }
    return path;
}

/* ---- evaluation ---- */

enum style { RAW, QUOTED, FLATTEN };

struct walk {
    struct sl_json_parser *parser;
    const struct step *end;
    bool failed; /* Jackson threw */
    int lists;   /* open in the running output */
};

static bool evaluate(struct walk *w, struct sl_buf *out, enum style style, const struct step *step);

static bool at(const struct walk *w, const struct step *step, enum step_kind kind) {
    return step < w->end && step->kind == kind;
}

static bool next(struct walk *w) {
    if (!w->failed && !sl_json_parser_next(w->parser)) w->failed = true;
    if (!w->failed && w->parser->token == SL_JSON_TOKEN_NONE) w->failed = true;
    return !w->failed;
}

static void skip(struct walk *w) {
    if (!w->failed && !sl_json_parser_skip(w->parser)) w->failed = true;
}

static bool next_in(struct walk *w, enum sl_json_token end) {
    return next(w) && w->parser->token != end;
}

/* Before a value: a comma in a list, a blank between values outside one. */
static void separate(const struct walk *w, struct sl_buf *out) {
    if (out->len && !w->lists) sl_buf_put_byte(out, ' ');
    if (out->len && w->lists && out->ptr[out->len - 1] != '[') sl_buf_put_byte(out, ',');
}

/* Raw text with a surrogate alone is refused by Jackson's generator. */
static bool put_raw(struct sl_buf *out, struct sl_str text) {
    const uint8_t *p = (const uint8_t *)text.ptr, *end = p + text.len;
    for (; (p = p < end ? memchr(p, 0xED, (size_t)(end - p)) : NULL); p++)
        if (end - p >= 3 && p[1] >= 0xA0) return false;
    sl_buf_put_str(out, text);
    return true;
}

static bool emit(struct walk *w, struct sl_buf *out, enum style style) {
    bool good;
    if (style == RAW && w->parser->token == SL_JSON_TOKEN_STRING) {
        good = sl_json_parser_text(w->parser);
        good = good && put_raw(out, w->parser->string);
    } else {
        separate(w, out);
        good = sl_json_parser_copy(w->parser, out);
    }
    if (!good) w->failed = true;
    return good;
}

static bool each_element(struct walk *w, struct sl_buf *out, enum style style,
                         const struct step *step) {
    bool dirty = false;
    while (next_in(w, SL_JSON_TOKEN_END_ARRAY)) dirty |= evaluate(w, out, style, step);
    return dirty;
}

static bool list_of(struct walk *w, struct sl_buf *out, enum style style, const struct step *step) {
    separate(w, out);
    sl_buf_put_byte(out, '[');
    w->lists++;
    bool dirty = each_element(w, out, style, step);
    w->lists--;
    sl_buf_put_byte(out, ']');
    return dirty;
}

/* `[*]` outside a list: the list is dropped around a single match. */
static bool wildcard(struct walk *w, struct sl_buf *out, enum style style,
                     const struct step *step) {
    struct sl_buf matches = {0};
    int dirty = 0, lists = w->lists;
    bool plain = w->parser->plain_quotes;
    w->lists = 1;
    w->parser->plain_quotes = true; /* Spark collects them as chars, not as bytes */
    sl_buf_put_byte(&matches, '[');
    while (next_in(w, SL_JSON_TOKEN_END_ARRAY))
        dirty += evaluate(w, &matches, style == RAW ? QUOTED : FLATTEN, step);
    w->lists = lists;
    w->parser->plain_quotes = plain;
    if (!w->failed && dirty) {
        separate(w, out);
        if (dirty > 1) sl_buf_put_byte(&matches, ']');
        size_t skipped = dirty == 1;
        struct sl_str text = {(char *)matches.ptr + skipped, matches.len - skipped};
        if (!put_raw(out, text)) w->failed = true;
    }
    sl_buf_release(&matches);
    return dirty > 0;
}

static bool element(struct walk *w, struct sl_buf *out, enum style style, const struct step *step,
                    int64_t index) {
    if (!next(w)) return false;
    for (; w->parser->token != SL_JSON_TOKEN_END_ARRAY; index--) {
        if (index == 0) {
            bool dirty = evaluate(w, out, style, step);
            while (next_in(w, SL_JSON_TOKEN_END_ARRAY)) skip(w);
            return dirty;
        }
        skip(w);
        if (!next(w)) return false;
    }
    return false;
}

static bool in_list(struct walk *w, struct sl_buf *out, enum style style, const struct step *step) {
    if (!at(w, step, SUBSCRIPT)) {
        skip(w);
        return false;
    }
    bool then_all = at(w, step + 2, SUBSCRIPT) && at(w, step + 3, WILDCARD);
    if (at(w, step + 1, WILDCARD)) {
        if (then_all) return list_of(w, out, FLATTEN, step + 4);
        if (style != QUOTED) return wildcard(w, out, style, step + 2);
        return list_of(w, out, QUOTED, step + 2);
    }
    return element(w, out, then_all ? QUOTED : style, step + 2, step[1].index);
}

static bool in_object(struct walk *w, struct sl_buf *out, enum style style,
                      const struct step *step) {
    bool dirty = false;
    while (next_in(w, SL_JSON_TOKEN_END_OBJECT)) {
        if (dirty)
            skip(w);
        else
            dirty = evaluate(w, out, style, step);
    }
    return dirty;
}

static bool in_field(struct walk *w, struct sl_buf *out, enum style style,
                     const struct step *step) {
    struct sl_str name;
    bool match =
        at(w, step, NAMED) && sl_json_parser_name(w->parser, &name) && sl_str_eq(name, step->name);
    if (!match && !at(w, step, WILDCARD)) return false;
    if (!next(w)) return false;
    if (match && w->parser->token == SL_JSON_TOKEN_NULL) return false;
    return evaluate(w, out, style, step + 1);
}

static bool evaluate(struct walk *w, struct sl_buf *out, enum style style,
                     const struct step *step) {
    if (w->failed) return false;
    enum sl_json_token token = w->parser->token;
    if (step >= w->end) {
        if (token == SL_JSON_TOKEN_START_ARRAY && style == FLATTEN)
            return each_element(w, out, style, step);
        return emit(w, out, style);
    }
    if (token == SL_JSON_TOKEN_START_OBJECT && step->kind == KEY)
        return in_object(w, out, style, step + 1);
    if (token == SL_JSON_TOKEN_START_ARRAY) return in_list(w, out, style, step);
    if (token == SL_JSON_TOKEN_NAME) return in_field(w, out, style, step);
    skip(w);
    return false;
}

bool sl_json_path_get(const struct sl_json_path *path, struct sl_str json, struct sl_buf *out) {
    if (!path) return false;
    struct sl_json_options options = {.allow_single_quotes = true,
                                      .allow_unquoted_control_chars = true};
    struct sl_json_parser parser;
    struct sl_buf repaired = {0};
    if (!sl_utf8_is_valid(json.ptr, json.len)) {
        sl_utf8_repair(&repaired, json.ptr, json.len);
        json = sl_buf_str(&repaired);
    }
    sl_json_parser_init(&parser, &options);
    sl_json_parser_start(&parser, json);
    struct walk w = {.parser = &parser, .end = path->steps + path->count};
    size_t begin = out->len;
    struct sl_buf text = {0}; /* separators look at the byte before: begin with none */
    bool matched = next(&w) && evaluate(&w, &text, RAW, path->steps) && !w.failed;
    if (matched) sl_buf_put(out, text.ptr, text.len);
    if (!matched) out->len = begin;
    sl_buf_release(&text);
    sl_buf_release(&repaired);
    sl_json_parser_release(&parser);
    return matched;
}
