#include "sql/lexer.h"

enum { NO_EXPR = 1, NO_ALIAS = 2, NO_TABLE_ALIAS = 4, UNQUOTED = 8 };

static const struct {
    struct sl_str name;
    unsigned flags;
} keywords[K_COUNT] = {
#define KEYWORD(keyword, bits) [K_##keyword] = {{#keyword, sizeof #keyword - 1}, bits},
#include "sql/keywords.def"
};

static int fold_upper(unsigned char c) { return c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c; }

static int compare_word(struct sl_str word, struct sl_str name) {
    for (size_t i = 0; i < word.len && i < name.len; i++) {
        int order = fold_upper((unsigned char)word.ptr[i]) - (unsigned char)name.ptr[i];
        if (order) return order;
    }
    return (word.len > name.len) - (word.len < name.len);
}

enum sl_keyword sl_keyword_find(struct sl_str word) {
    size_t low = 1, high = K_COUNT;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = compare_word(word, keywords[middle].name);
        if (order == 0) return (enum sl_keyword)middle;
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return K_NONE;
}

struct sl_str sl_keyword_name(enum sl_keyword keyword) {
    return keyword > K_NONE && keyword < K_COUNT ? keywords[keyword].name : SL_STR("");
}

bool sl_keyword_begins_no_expr(enum sl_keyword keyword) {
    return keywords[keyword].flags & NO_EXPR;
}
bool sl_keyword_is_no_alias(enum sl_keyword keyword) { return keywords[keyword].flags & NO_ALIAS; }
bool sl_keyword_is_no_table_alias(enum sl_keyword keyword) {
    return keywords[keyword].flags & (NO_ALIAS | NO_TABLE_ALIAS);
}

bool sl_keyword_is_unquoted(enum sl_keyword keyword) {
    return keyword == K_NONE || (keywords[keyword].flags & UNQUOTED);
}

/* ---- characters ---- */

static bool is_digit(unsigned char c) { return c >= '0' && c <= '9'; }
static bool is_letter(unsigned char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
static unsigned char at(struct sl_str text, size_t pos) {
    return pos < text.len ? (unsigned char)text.ptr[pos] : 0;
}

/* Bytes of the blank at pos, 0 if there is none.  Text pasted from web pages and word processors
 * carries U+00A0, U+2000..200A, U+202F, U+205F, U+3000 and a byte order mark. */
static size_t blank_len(struct sl_str text, size_t pos) {
    unsigned char a = at(text, pos), b = at(text, pos + 1), c = at(text, pos + 2);
    if (a == ' ' || (a >= '\t' && a <= '\r')) return 1;
    if (a == 0xC2 && (b == 0xA0 || b == 0x85)) return 2;
    if (a == 0xE2 && b == 0x80 && ((c >= 0x80 && c <= 0x8B) || c == 0xA8 || c == 0xA9 || c == 0xAF))
        return 3;
    if (a == 0xE2 && b == 0x81 && c == 0x9F) return 3;
    if (a == 0xE3 && b == 0x80 && c == 0x80) return 3;
    if (a == 0xEF && b == 0xBB && c == 0xBF) return 3;
    return 0;
}

/* U+2018, U+2019, U+201C, U+201D */
static bool is_curly_quote(struct sl_str text, size_t pos) {
    unsigned char c = at(text, pos + 2);
    return at(text, pos) == 0xE2 && at(text, pos + 1) == 0x80 &&
           (c == 0x98 || c == 0x99 || c == 0x9C || c == 0x9D);
}

static size_t word_char_len(struct sl_str text, size_t pos) {
    unsigned char c = at(text, pos);
    if (is_letter(c) || is_digit(c)) return 1;
    return c >= 0x80 && !blank_len(text, pos) && !is_curly_quote(text, pos);
}

/* ---- blanks and comments ---- */

/* SIZE_MAX when the comment at pos never ends. */
static size_t comment_end(struct sl_str text, size_t pos) {
    size_t depth = 0;
    while (pos + 1 < text.len) {
        if (text.ptr[pos] == '/' && text.ptr[pos + 1] == '*') {
            depth++;
            pos += 2;
        } else if (text.ptr[pos] == '*' && text.ptr[pos + 1] == '/') {
            pos += 2;
            if (--depth == 0) return pos;
        } else {
            pos++;
        }
    }
    return SIZE_MAX;
}

uint32_t sl_lexer_skip_blanks(struct sl_str text, uint32_t pos32) {
    size_t pos = pos32;
    for (;;) {
        size_t blank = blank_len(text, pos);
        if (blank && pos < text.len) {
            pos += blank;
        } else if (at(text, pos) == '-' && at(text, pos + 1) == '-') {
            while (pos < text.len && text.ptr[pos] != '\n' && text.ptr[pos] != '\r') pos++;
        } else if (at(text, pos) == '/' && at(text, pos + 1) == '*') {
            size_t end = comment_end(text, pos);
            if (end == SIZE_MAX) return (uint32_t)pos;
            pos = end;
        } else {
            return (uint32_t)pos;
        }
    }
}

/* ---- tokens ---- */

static struct sl_token token(enum sl_token_kind kind, size_t begin, size_t end) {
    return (struct sl_token){.kind = kind, .span = {(uint32_t)begin, (uint32_t)end}};
}
static struct sl_token bad(enum sl_token_fault fault, size_t begin, size_t end) {
    struct sl_token result = token(T_BAD, begin, end);
    result.fault = fault;
    return result;
}

static struct sl_token string_token(struct sl_str text, size_t begin, size_t pos, bool raw) {
    char quote = text.ptr[pos++];
    while (pos < text.len) {
        if (text.ptr[pos] == '\\' && !raw) {
            pos += 2;
        } else if (text.ptr[pos] != quote) {
            pos++;
        } else if (!raw && at(text, pos + 1) == (unsigned char)quote) {
            pos += 2;
        } else {
            return token(T_STRING, begin, pos + 1);
        }
    }
    return bad(FAULT_STRING, begin, begin + 1);
}

static struct sl_token backquote_token(struct sl_str text, size_t begin) {
    size_t pos = begin + 1;
    while (pos < text.len) {
        if (text.ptr[pos] != '`') {
            pos++;
        } else if (at(text, pos + 1) == '`') {
            pos += 2;
        } else {
            bool empty = pos == begin + 1;
            return empty ? bad(FAULT_EMPTY_NAME, begin, pos + 1) : token(T_QUOTED, begin, pos + 1);
        }
    }
    return bad(FAULT_BACKQUOTE, begin, begin + 1);
}

static size_t skip_digits(struct sl_str text, size_t pos) {
    while (is_digit(at(text, pos))) pos++;
    return pos;
}

static size_t skip_exponent(struct sl_str text, size_t pos) {
    if ((at(text, pos) | 0x20) != 'e') return pos;
    size_t digits = pos + 1;
    if (at(text, digits) == '+' || at(text, digits) == '-') digits++;
    return is_digit(at(text, digits)) ? skip_digits(text, digits) : pos;
}

static enum sl_token_kind number_suffix(struct sl_str text, size_t pos, bool whole, size_t *len) {
    unsigned char c = at(text, pos) | 0x20;
    *len = 1;
    if (c == 'b' && (at(text, pos + 1) | 0x20) == 'd') return *len = 2, T_BIGDECIMAL;
    if (c == 'f') return T_FLOAT;
    if (c == 'd') return T_DOUBLE;
    if (whole && c == 'l') return T_BIGINT;
    if (whole && c == 's') return T_SMALLINT;
    if (whole && c == 'y') return T_TINYINT;
    return *len = 0, T_END;
}

/* A number, or T_END when the letters that follow make it a word: `2024_orders` is a name. */
static struct sl_token number_token(struct sl_str text, size_t begin) {
    size_t pos = skip_digits(text, begin);
    bool dot = at(text, pos) == '.';
    if (dot) pos = skip_digits(text, pos + 1);
    size_t exponent_end = skip_exponent(text, pos);
    bool exponent = exponent_end != pos;
    pos = exponent_end;
    size_t suffix_len;
    enum sl_token_kind kind = number_suffix(text, pos, !dot && !exponent, &suffix_len);
    pos += suffix_len;
    if (word_char_len(text, pos)) return token(T_END, begin, pos);
    if (kind == T_END) kind = exponent ? T_EXPONENT : dot ? T_DECIMAL : T_INTEGER;
    return token(kind, begin, pos);
}

static struct sl_token word_token(struct sl_str text, size_t begin) {
    size_t pos = begin, len;
    while ((len = word_char_len(text, pos))) pos += len;
    struct sl_token result = token(T_WORD, begin, pos);
    result.keyword = sl_keyword_find(sl_str_sub(text, begin, pos));
    return result;
}

static const struct {
    const char *text;
    enum sl_token_kind kind;
} symbols[] = {
    /* longer ones first */
    {"<=>", T_NULL_SAFE_EQ},
    {">>>", T_SHIFT_RIGHT_UNSIGNED},
    {"<<", T_SHIFT_LEFT},
    {">>", T_SHIFT_RIGHT},
    {"<=", T_LE},
    {">=", T_GE},
    {"<>", T_NE},
    {"!=", T_NE},
    {"==", T_EQ},
    {"=>", T_FAT_ARROW},
    {"->", T_ARROW},
    {"::", T_DOUBLE_COLON},
    {"||", T_CONCAT},
    {"(", T_LPAREN},
    {")", T_RPAREN},
    {"[", T_LBRACKET},
    {"]", T_RBRACKET},
    {",", T_COMMA},
    {".", T_DOT},
    {";", T_SEMICOLON},
    {":", T_COLON},
    {"?", T_QUESTION},
    {"+", T_PLUS},
    {"-", T_MINUS},
    {"*", T_STAR},
    {"/", T_SLASH},
    {"%", T_PERCENT},
    {"&", T_AMPERSAND},
    {"|", T_PIPE},
    {"^", T_CARET},
    {"~", T_TILDE},
    {"!", T_BANG},
    {"=", T_EQ},
    {"<", T_LT},
    {">", T_GT},
};

static struct sl_token symbol_token(struct sl_str text, size_t begin) {
    struct sl_str rest = sl_str_sub(text, begin, text.len);
    for (size_t i = 0; i < sizeof symbols / sizeof symbols[0]; i++) {
        struct sl_str symbol = sl_str(symbols[i].text);
        if (sl_str_starts(rest, symbol)) return token(symbols[i].kind, begin, begin + symbol.len);
    }
    if (is_curly_quote(text, begin)) return bad(FAULT_CURLY_QUOTE, begin, begin + 3);
    if (sl_str_starts(rest, SL_STR("${"))) return bad(FAULT_DOLLAR_BRACES, begin, begin + 2);
    return bad(FAULT_CHARACTER, begin, begin + 1);
}

/* `.5` is a number, but the dot of `a.5b` or `f(x).1` divides names. */
static bool dot_divides_names(struct sl_str text, size_t pos) {
    if (pos == 0) return false;
    unsigned char before = (unsigned char)text.ptr[pos - 1];
    return is_letter(before) || is_digit(before) || before >= 0x80 || before == '`' ||
           before == ')' || before == ']';
}

struct sl_token sl_lexer_token(struct sl_str text, uint32_t from) {
    size_t pos = sl_lexer_skip_blanks(text, from);
    if (pos >= text.len) return token(T_END, text.len, text.len);
    unsigned char c = at(text, pos), next = at(text, pos + 1);
    if (c == '\'' || c == '"') return string_token(text, pos, pos, false);
    if ((c == 'r' || c == 'R') && (next == '\'' || next == '"'))
        return string_token(text, pos, pos + 1, true);
    if (c == '`') return backquote_token(text, pos);
    if (c == '/' && next == '*') return bad(FAULT_COMMENT, pos, pos + 2);
    if (is_digit(c) || (c == '.' && is_digit(next) && !dot_divides_names(text, pos))) {
        struct sl_token number = number_token(text, pos);
        if (number.kind != T_END) return number;
        if (c == '.') return token(T_DOT, pos, pos + 1);
        /* `12.5x`: the digits before the dot stand alone */
        size_t digits = skip_digits(text, pos);
        if (!word_char_len(text, digits)) return token(T_INTEGER, pos, digits);
    }
    if (word_char_len(text, pos)) return word_token(text, pos);
    return symbol_token(text, pos);
}
