/* An error with its place in the text, laid out as rustc does:
 *
 *   error[UNRESOLVED_COLUMN] (42703): no column `ammount` in `orders_src`
 *     --> silver.sql:7:7
 *    7 | WHERE ammount > 0
 *      |       ^^^^^^^ did you mean `amount` (DOUBLE)?
 *   help: ...
 *
 * Columns count characters.  Carets are placed by display width: tabs go to the next multiple of
 * four, combining characters take none, East Asian wide ones and emoji two. */
#include <stdio.h>

#include "base/log.h"
#include "sql/parse.h"

enum { TAB_WIDTH = 4, LINE_WIDTH_MAX = 100, CONTEXT_WIDTH = 40 };

static const char *const red = "\033[1;31m", *const blue = "\033[1;34m", *const bold = "\033[1m",
                         *const reset = "\033[0m";

/* Length in bytes of the character at ptr; a broken sequence counts byte by byte. */
static size_t decode(const char *ptr, size_t len, uint32_t *c) {
    unsigned char lead = (unsigned char)ptr[0];
    size_t need = lead < 0x80   ? 1
                  : lead < 0xC2 ? 0
                  : lead < 0xE0 ? 2
                  : lead < 0xF0 ? 3
                  : lead < 0xF5 ? 4
                                : 0;
    *c = need <= 1 ? lead : lead & (0x7Fu >> need);
    if (need == 0 || need > len) return *c = 0xFFFD, 1;
    for (size_t i = 1; i < need; i++) {
        unsigned char next = (unsigned char)ptr[i];
        if ((next & 0xC0) != 0x80) return *c = 0xFFFD, 1;
        *c = *c << 6 | (next & 0x3F);
    }
    return need;
}

/* Messages quote names and data from outside: nothing of that may steer the terminal. */
static void put_clean(struct sl_buf *out, const char *text) {
    for (size_t i = 0, len = strlen(text); i < len;) {
        uint32_t c;
        size_t bytes = decode(text + i, len - i, &c);
        bool control = (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7F && c < 0xA0);
        if (control || (c == 0xFFFD && bytes == 1))
            sl_buf_put_byte(out, '?');
        else
            sl_buf_put(out, text + i, bytes);
        i += bytes;
    }
}

static void put_styled(struct sl_buf *out, bool color, const char *style, const char *text) {
    if (color) sl_buf_put_cstr(out, style);
    put_clean(out, text);
    if (color) sl_buf_put_cstr(out, reset);
}

static size_t width_of(uint32_t c, size_t column) {
    if (c == '\t') return TAB_WIDTH - column % TAB_WIDTH;
    if (c < 0x300) return 1;
    if ((c >= 0x300 && c <= 0x36F) || (c >= 0x200B && c <= 0x200F) || c == 0xFEFF ||
        (c >= 0xFE00 && c <= 0xFE0F))
        return 0;
    bool wide = (c >= 0x1100 && c <= 0x115F) || (c >= 0x2E80 && c <= 0xA4CF) ||
                (c >= 0xAC00 && c <= 0xD7A3) || (c >= 0xF900 && c <= 0xFAFF) ||
                (c >= 0xFE30 && c <= 0xFE6F) || (c >= 0xFF00 && c <= 0xFF60) ||
                (c >= 0xFFE0 && c <= 0xFFE6) || (c >= 0x1F300 && c <= 0x1FAFF) ||
                (c >= 0x20000 && c <= 0x3FFFD);
    return wide ? 2 : 1;
}

struct place {
    struct sl_str line; /* without its end */
    unsigned number, column;
    size_t begin, end; /* of the span, within the line */
};

static struct place find_place(struct sl_str source, struct sl_span span) {
    struct place place = {.number = 1, .column = 1};
    size_t begin = span.begin < source.len ? span.begin : source.len, line_begin = 0;
    for (size_t i = 0; i < begin; i++)
        if (source.ptr[i] == '\n') place.number++, line_begin = i + 1;
    size_t line_end = begin;
    while (line_end < source.len && source.ptr[line_end] != '\n') line_end++;
    if (line_end > begin && source.ptr[line_end - 1] == '\r') line_end--;
    place.line = sl_str_sub(source, line_begin, line_end);
    place.begin = begin - line_begin;
    size_t end = span.end < line_end ? span.end : line_end;
    place.end = end > begin ? end - line_begin : place.begin;
    for (size_t i = 0; i < place.begin; i++)
        place.column += ((unsigned char)place.line.ptr[i] & 0xC0) != 0x80;
    return place;
}

/* The words before a literal, back to the comma, bracket or line start: where its key stands. */
static struct sl_str key_before(struct sl_str line, size_t quote) {
    size_t begin = quote;
    while (begin && !strchr(",(;", line.ptr[begin - 1])) begin--;
    return sl_str_sub(line, begin, quote);
}

/* A copy of the line in which the literal behind a secret's name is stars of the same length, so
 * that the carets still fit. */
static struct sl_str mask_secrets(struct sl_str line, struct sl_buf *copy) {
    sl_buf_put_str(copy, line);
    for (size_t i = 0; i < line.len; i++) {
        char quote = line.ptr[i];
        if (quote != '\'' && quote != '"') continue;
        size_t end = i + 1;
        while (end < line.len && line.ptr[end] != quote) end += line.ptr[end] == '\\' ? 2 : 1;
        if (end > line.len) end = line.len;
        if (sl_log_is_secret(key_before(line, i))) memset(copy->ptr + i + 1, '*', end - i - 1);
        i = end;
    }
    return sl_buf_str(copy);
}

/* Cuts a long line around the span; "..": something was left out. */
static void cut_line(struct place *place, bool *cut_left, bool *cut_right) {
    size_t from = 0, to = place->line.len;
    *cut_left = *cut_right = false;
    if (to <= LINE_WIDTH_MAX) return;
    if (place->begin > CONTEXT_WIDTH) from = place->begin - CONTEXT_WIDTH;
    if (to - from > LINE_WIDTH_MAX) to = from + LINE_WIDTH_MAX;
    while (from && ((unsigned char)place->line.ptr[from] & 0xC0) == 0x80) from--;
    while (to < place->line.len && ((unsigned char)place->line.ptr[to] & 0xC0) == 0x80) to++;
    *cut_left = from > 0;
    *cut_right = to < place->line.len;
    place->line = sl_str_sub(place->line, from, to);
    place->begin -= from;
    place->end = place->end - from > place->line.len ? place->line.len : place->end - from;
}

/* The line with tabs as blanks and control characters as `?`; the span's display columns. */
static void put_line(struct sl_buf *out, const struct place *place, size_t *from, size_t *to) {
    size_t column = 0;
    *from = *to = SIZE_MAX;
    for (size_t i = 0; i < place->line.len;) {
        uint32_t c;
        size_t len = decode(place->line.ptr + i, place->line.len - i, &c);
        if (i >= place->begin && *from == SIZE_MAX) *from = column;
        if (i >= place->end && *to == SIZE_MAX) *to = column;
        size_t width = width_of(c, column);
        if (c == '\t')
            sl_buf_printf(out, "%*s", (int)width, "");
        else if (c < 0x20 || c == 0x7F || c == 0xFFFD)
            sl_buf_put_byte(out, '?');
        else
            sl_buf_put(out, place->line.ptr + i, len);
        column += width;
        i += len;
    }
    if (*from == SIZE_MAX) *from = column;
    if (*to == SIZE_MAX) *to = column;
    if (*to <= *from) *to = *from + 1;
}

static void put_source(struct sl_buf *out, struct place place, const char *label, bool color) {
    bool cut_left, cut_right;
    struct sl_buf masked = {0};
    place.line = mask_secrets(place.line, &masked);
    cut_line(&place, &cut_left, &cut_right);
    char gutter[16];
    int gutter_width = snprintf(gutter, sizeof gutter, "%2u", place.number);
    if (color) sl_buf_put_cstr(out, blue);
    sl_buf_printf(out, "%s |", gutter);
    if (color) sl_buf_put_cstr(out, reset);
    sl_buf_put_cstr(out, cut_left ? " .." : " ");
    size_t from, to;
    put_line(out, &place, &from, &to);
    sl_buf_put_cstr(out, cut_right ? "..\n" : "\n");
    if (color) sl_buf_put_cstr(out, blue);
    sl_buf_printf(out, "%*s |", gutter_width, "");
    if (color) sl_buf_put_cstr(out, reset);
    sl_buf_printf(out, "%*s", (int)(from + 1 + (cut_left ? 2 : 0)), "");
    if (color) sl_buf_put_cstr(out, red);
    for (size_t i = from; i < to; i++) sl_buf_put_byte(out, '^');
    if (label) sl_buf_put_cstr(out, " d"), put_clean(out, label + 1);
    if (color) sl_buf_put_cstr(out, reset);
    sl_buf_put_byte(out, '\n');
    sl_buf_release(&masked);
}

/* A syntax error where the file has `${name}`: it is in the value, which the line does not show. */
static bool is_within_variable(const struct sl_err *err, struct sl_str source) {
    struct sl_span span = err->span;
    return strcmp(err->condition, "PARSE_SYNTAX_ERROR") == 0 && span.end <= source.len &&
           span.end > span.begin + 2 && memcmp(source.ptr + span.begin, "${", 2) == 0;
}

void sl_sql_put_diagnostic(struct sl_buf *out, const struct sl_err *err, const char *file,
                           struct sl_str source, bool color) {
    put_styled(out, color, red, "error");
    if (err->condition[0]) sl_buf_printf(out, "[%s]", err->condition);
    if (err->sqlstate[0]) sl_buf_printf(out, " (%s)", err->sqlstate);
    sl_buf_put_cstr(out, ": ");
    put_styled(out, color, bold, err->msg);
    sl_buf_put_byte(out, '\n');
    bool placed = err->span.end > err->span.begin;
    /* a suggestion stands at its place, advice below */
    bool suggestion = err->hint[0] && strncmp(err->hint, "did you mean", 12) == 0,
         label = placed && suggestion;
    if (placed) {
        struct place place = find_place(source, err->span);
        put_styled(out, color, blue, "  --> ");
        if (file && file[0]) sl_buf_printf(out, "%s:", file);
        sl_buf_printf(out, "%u:%u\n", place.number, place.column);
        put_source(out, place, label ? err->hint : NULL, color);
    }
    if (is_within_variable(err, source))
        sl_buf_put_cstr(out, "note: the value of a variable is put in as it is: a quote in it ends "
                             "the literal; write \\' for it\n");
    if (err->ctx[0]) {
        sl_buf_put_cstr(out, "note: in ");
        put_clean(out, err->ctx);
        sl_buf_put_byte(out, '\n');
    }
    if (err->hint[0] && !label) {
        put_styled(out, color, bold, "help");
        sl_buf_put_cstr(out, ": ");
        put_clean(out, err->hint);
        sl_buf_put_byte(out, '\n');
    }
}
