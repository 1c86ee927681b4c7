/* Source: univocity-parsers CsvParser.java, AbstractParser.java. */
#include "fmt/csv/csv_record.h"

#include <stdlib.h>

#include "base/arena.h"

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

/* A field in record->text is an offset until the record is complete: the text may move. */
#define IN_TEXT UINT32_C(0x80000000)

struct cutter {
    const struct sl_csv_syntax *syntax;
    const char *at, *end;
    bool lines;
    struct sl_csv_record *record;
    size_t field_begin; /* in record->text */
};

void sl_csv_record_release(struct sl_csv_record *record) {
    free(record->fields);
    sl_buf_release(&record->text);
    *record = (struct sl_csv_record){0};
}

static inline struct sl_csv_field *add_field(struct sl_csv_record *record) {
    if (record->fields_max && record->count >= record->fields_max) {
        record->count++;
        return &record->surplus;
    }
    if (record->count == record->cap) {
        record->cap = record->cap ? record->cap * 2 : 32;
        record->fields = sl_xrealloc(record->fields, record->cap * sizeof *record->fields);
    }
    struct sl_csv_field *field = &record->fields[record->count++];
    *field = (struct sl_csv_field){0};
    return field;
}

static inline bool is_blank(char c) { return (unsigned char)c <= ' '; }

static inline bool at_separator(const struct cutter *cutter) {
    const struct sl_csv_syntax *syntax = cutter->syntax;
    if (*cutter->at != syntax->separator[0]) return false;
    if (syntax->separator_len == 1) return true;
    return (size_t)(cutter->end - cutter->at) >= syntax->separator_len &&
           memcmp(cutter->at, syntax->separator, syntax->separator_len) == 0;
}

/* Bytes of the line break here; 0: none. */
static inline uint32_t line_break(const struct cutter *cutter) {
    if (!cutter->lines) return 0;
    if (*cutter->at == '\n') return 1;
    if (*cutter->at != '\r') return 0;
    return cutter->at + 1 < cutter->end && cutter->at[1] == '\n' ? 2 : 1;
}

static inline bool at_field_end(const struct cutter *cutter) {
    return at_separator(cutter) || line_break(cutter) > 0;
}

/* Forward to the next separator or line break. */
static inline void find_field_end(struct cutter *cutter) {
    const bool simple = cutter->syntax->separator_len == 1 && !cutter->lines;
#if defined(__SSE2__)
    const __m128i separator = _mm_set1_epi8(cutter->syntax->separator[0]);
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    while (cutter->end - cutter->at >= 16) {
        __m128i bytes = _mm_loadu_si128((const __m128i *)cutter->at);
        __m128i found = _mm_cmpeq_epi8(bytes, separator);
        if (cutter->lines)
            found = _mm_or_si128(
                found, _mm_or_si128(_mm_cmpeq_epi8(bytes, lf), _mm_cmpeq_epi8(bytes, cr)));
        uint32_t mask = (uint32_t)_mm_movemask_epi8(found);
        if (!mask) {
            cutter->at += 16;
            continue;
        }
        cutter->at += __builtin_ctz(mask);
        if (simple || at_field_end(cutter)) return;
        cutter->at++;
    }
#endif
    if (simple) {
        const char *found =
            memchr(cutter->at, cutter->syntax->separator[0], (size_t)(cutter->end - cutter->at));
        cutter->at = found ? found : cutter->end;
    }
    while (cutter->at < cutter->end && !at_field_end(cutter)) cutter->at++;
}

/* ---- fields without quotes ---- */

static void take_plain(struct cutter *cutter) {
    const char *begin = cutter->at;
    find_field_end(cutter);
    const char *end = cutter->at;
    while (cutter->syntax->trim_trailing && end > begin && is_blank(end[-1])) end--;
    struct sl_csv_field *field = add_field(cutter->record);
    field->ptr = end > begin ? begin : NULL;
    field->len = (uint32_t)(end - begin);
}

/* ---- quoted fields ----
 *
 * From here to take_quoted_text the functions are univocity's, state for state, since what becomes
 * of a quote in a wrong place follows from nothing else: `c` is the character at `at`, `prev` the
 * one before it as far as it matters, NONE where univocity has '\0'. */

enum { NONE = -1 };

struct quoted {
    struct cutter *cutter;
    int c, prev;
    bool unescaped;
};

static void put(struct quoted *quoted, int c) {
    sl_buf_put_byte(&quoted->cutter->record->text, (uint8_t)c);
}

/* The next character; false at the end of the text, where c stays. */
static bool step(struct quoted *quoted) {
    struct cutter *cutter = quoted->cutter;
    if (cutter->at < cutter->end) cutter->at++;
    if (cutter->at == cutter->end) return false;
    quoted->c = (unsigned char)*cutter->at;
    return true;
}

static bool at_end_of_field(const struct quoted *quoted) { return at_field_end(quoted->cutter); }

/* A quote that closes nothing: what was read gets its opening quote back, and the rest of the field
 * is raw. */
static void take_raw_rest(struct quoted *quoted) {
    struct cutter *cutter = quoted->cutter;
    struct sl_buf *text = &cutter->record->text;
    int quote = cutter->syntax->quote;
    size_t len = text->len - cutter->field_begin;
    sl_buf_reserve(text, 1);
    memmove(text->ptr + cutter->field_begin + 1, text->ptr + cutter->field_begin, len);
    text->ptr[cutter->field_begin] = (uint8_t)quote;
    text->len++;
    if (!step(quoted)) return;
    const char *begin = cutter->at;
    find_field_end(cutter);
    sl_buf_put(text, begin, (size_t)(cutter->at - begin));
    if (cutter->at == cutter->end && quoted->c == quote && quoted->prev != quote &&
        !quoted->unescaped)
        put(quoted, quote);
    while (cutter->syntax->trim_trailing && text->len > cutter->field_begin &&
           is_blank((char)text->ptr[text->len - 1]))
        text->len--;
}

/* False: the quote before c closed nothing, and is still to be put (put_quote). */
static bool process_escape(struct quoted *quoted) {
    const struct sl_csv_syntax *syntax = quoted->cutter->syntax;
    int c = quoted->c, prev = quoted->prev;
    if (c == syntax->escape && prev == syntax->escape_escape && prev >= 0) {
        put(quoted, c);
        quoted->c = NONE;
    } else if (prev == syntax->escape && prev >= 0) {
        put(quoted, c == syntax->quote ? c : prev);
        if (c == syntax->quote) quoted->c = NONE;
    } else if (c == syntax->quote && prev == syntax->quote) {
        put(quoted, c);
    } else if (prev == syntax->quote) {
        return false;
    }
    return true;
}

static void put_quote(struct quoted *quoted) {
    put(quoted, quoted->cutter->syntax->quote);
    quoted->prev = quoted->c;
}

/* The rest of a value in which a quote stands before c. univocity reads it by a function that calls
 * itself at each such quote before an escape, and each call swallows the field end at which it
 * returns; `open` counts those calls, since a field may have a million of them. False: the text has
 * ended. */
static bool take_escaped_value(struct quoted *quoted) {
    const struct sl_csv_syntax *syntax = quoted->cutter->syntax;
    size_t open = 0;
    put_quote(quoted);
    for (;;) {
        bool special = quoted->c == syntax->quote || quoted->c == syntax->escape;
        if (at_end_of_field(quoted)) {
            quoted->c = (unsigned char)*quoted->cutter->at;
            if (open == 0) return true;
            open--;
        } else if (special ? !process_escape(quoted) : quoted->prev == syntax->quote) {
            open += special;
            put_quote(quoted);
            continue;
        } else if (!special) {
            put(quoted, quoted->c);
        }
        quoted->prev = quoted->c;
        if (!step(quoted)) return false;
    }
}

/* Behind a closing quote and blanks: either the field ends, or they belong to it after all. */
static void take_after_quote(struct quoted *quoted) {
    struct cutter *cutter = quoted->cutter;
    const char *blanks = cutter->at;
    if (at_end_of_field(quoted)) return;
    do {
        if (!step(quoted) || line_break(cutter)) return;
    } while (is_blank((char)quoted->c));
    if (at_separator(cutter)) return;
    put(quoted, cutter->syntax->quote);
    sl_buf_put(&cutter->record->text, blanks, (size_t)(cutter->at - blanks));
    put(quoted, quoted->c);
    quoted->prev = quoted->c;
    take_raw_rest(quoted);
}

/* Characters up to the next quote or escape, which is passed over. False: the text has ended. */
static bool take_run(struct quoted *quoted) {
    struct cutter *cutter = quoted->cutter;
    const struct sl_csv_syntax *syntax = cutter->syntax;
    const char *begin = cutter->at;
    int c = NONE;
    while (cutter->at < cutter->end && (c = (unsigned char)*cutter->at) != syntax->quote &&
           c != syntax->escape && c != syntax->escape_escape)
        cutter->at++;
    sl_buf_put(&cutter->record->text, begin, (size_t)(cutter->at - begin));
    if (cutter->at == cutter->end) return false;
    quoted->prev = quoted->c = c;
    return step(quoted);
}

/* The value behind the opening quote, into record->text; then `at` is at the field's end. */
static void take_quoted_text(struct cutter *cutter) {
    const struct sl_csv_syntax *syntax = cutter->syntax;
    struct quoted quoted = {cutter, (unsigned char)*cutter->at, NONE, false};
    for (;;) {
        if (quoted.prev == syntax->quote &&
            (is_blank((char)quoted.c) || at_end_of_field(&quoted))) {
            take_after_quote(&quoted);
            return;
        }
        if (quoted.c == syntax->quote || quoted.c == syntax->escape) {
            if (!process_escape(&quoted) && !take_escaped_value(&quoted)) return;
            quoted.prev = quoted.c;
            if (!step(&quoted)) return;
        } else if (quoted.prev == syntax->quote) {
            quoted.unescaped = true;
            put(&quoted, syntax->quote);
            put(&quoted, quoted.c);
            quoted.prev = quoted.c;
            take_raw_rest(&quoted);
            return;
        } else {
            if (quoted.prev == syntax->escape && syntax->escape >= 0) put(&quoted, syntax->escape);
            if (!take_run(&quoted)) return;
        }
    }
}

/* "text": without anything to change it is a piece of the record. False: it is not that simple. */
static bool take_simple_quoted(struct cutter *cutter) {
    const struct sl_csv_syntax *syntax = cutter->syntax;
    const char *begin = cutter->at, *at = begin;
    while (at < cutter->end && (unsigned char)*at != syntax->quote &&
           (unsigned char)*at != syntax->escape)
        at++;
    if (at == cutter->end || (unsigned char)*at != syntax->quote) return false;
    const char *close = at;
    cutter->at = close + 1;
    if (cutter->at < cutter->end && !at_field_end(cutter)) {
        cutter->at = begin;
        return false;
    }
    struct sl_csv_field *field = add_field(cutter->record);
    field->ptr = begin;
    field->len = (uint32_t)(close - begin);
    field->quoted_empty = close == begin;
    return true;
}

static void take_quoted(struct cutter *cutter) {
    struct sl_buf *text = &cutter->record->text;
    cutter->at++;
    if (take_simple_quoted(cutter)) return;
    cutter->field_begin = text->len;
    if (cutter->at == cutter->end)
        sl_buf_put_byte(text, (uint8_t)cutter->syntax->quote); /* a quote alone is a text */
    else
        take_quoted_text(cutter);
    struct sl_csv_field *field = add_field(cutter->record);
    field->len = (uint32_t)(text->len - cutter->field_begin) | IN_TEXT;
    field->ptr = (const char *)(uintptr_t)(cutter->field_begin + 1);
}

/* Offsets become pointers, now that the text stays where it is. */
static void settle(struct sl_csv_record *record) {
    uint32_t kept = record->fields_max && record->count > record->fields_max ? record->fields_max
                                                                             : record->count;
    for (uint32_t i = 0; i < kept; i++) {
        struct sl_csv_field *field = &record->fields[i];
        if (!(field->len & IN_TEXT)) continue;
        field->len &= ~IN_TEXT;
        field->quoted_empty = field->len == 0;
        field->ptr = field->len ? (const char *)record->text.ptr + (uintptr_t)field->ptr - 1 : NULL;
    }
}

const char *sl_csv_split(const struct sl_csv_syntax *syntax, const char *begin, const char *end,
                         bool lines, struct sl_csv_record *record) {
    struct cutter cutter = {
        .syntax = syntax, .at = begin, .end = end, .lines = lines, .record = record};
    record->count = 0;
    sl_buf_clear(&record->text);
    for (;;) {
        while (syntax->trim_leading && cutter.at < end && is_blank(*cutter.at) &&
               !at_field_end(&cutter))
            cutter.at++;
        if (cutter.at == end || at_field_end(&cutter))
            add_field(record);
        else if ((unsigned char)*cutter.at == syntax->quote)
            take_quoted(&cutter);
        else
            take_plain(&cutter);
        if (cutter.at == end) break;
        uint32_t broken = line_break(&cutter);
        if (broken) {
            cutter.at += broken;
            break;
        }
        cutter.at += syntax->separator_len;
    }
    settle(record);
    return cutter.at;
}
