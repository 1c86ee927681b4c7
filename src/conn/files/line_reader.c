#include "conn/files/line_reader.h"

#include <stdlib.h>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

enum {
    CHUNK_BYTES = 1 << 20,
    LINE_BYTES_MAX = 256 << 20, /* a longer line is refused, not read into memory */
};

struct sl_line_reader {
    const char *path;
    struct sl_byte_input *input;
    struct sl_str line_end;
    uint64_t end;     /* no line that begins here or behind */
    uint64_t line_at; /* file position of the next line's first byte */
    int64_t line_number;
    bool numbered, at_end;
    uint8_t *bytes; /* window of the file */
    size_t begin, len, cap;
    struct sl_budget *budget; /* of the window */
    struct sl_str *lines;
    int64_t *numbers;
    uint32_t line_cap;
};

static enum sl_code widen(struct sl_line_reader *reader, size_t need, struct sl_err *err) {
    size_t cap = reader->cap * 2 > need ? reader->cap * 2 : need;
    enum sl_code code = sl_budget_take(reader->budget, cap - reader->cap, "lines of a file", err);
    if (code != SL_OK) {
        sl_hint(err, "raise --memory: each worker holds the longest line of its file");
        return sl_context(err, "the line at byte %llu of `%s`", (unsigned long long)reader->line_at,
                          reader->path),
               code;
    }
    reader->bytes = sl_xrealloc(reader->bytes, cap);
    reader->cap = cap;
    return SL_OK;
}

/* Moves the unread rest to the front and fetches more behind it. */
static enum sl_code fetch(struct sl_line_reader *reader, struct sl_err *err) {
    size_t rest = reader->len - reader->begin, got;
    if (rest > LINE_BYTES_MAX)
        return sl_fail(err, SL_DATA, "`%s`: the line at byte %llu is longer than %d bytes",
                       reader->path, (unsigned long long)reader->line_at, LINE_BYTES_MAX);
    if (rest) memmove(reader->bytes, reader->bytes + reader->begin, rest);
    reader->begin = 0;
    reader->len = rest;
    if (reader->cap - rest < CHUNK_BYTES) SL_TRY(widen(reader, rest + CHUNK_BYTES, err));
    enum sl_code code =
        sl_byte_input_read(reader->input, reader->bytes + rest, CHUNK_BYTES, &got, err);
    if (code == SL_DATA && reader->numbered)
        sl_context(err, "the part behind line %lld", (long long)reader->line_number - 1);
    SL_TRY(code);
    reader->len += got;
    reader->at_end = got == 0;
    return SL_OK;
}

/* First \n or \r, or len. */
static size_t find_break(const uint8_t *p, size_t len) {
    size_t i = 0;
#if defined(__SSE2__)
    const __m128i lf = _mm_set1_epi8('\n'), cr = _mm_set1_epi8('\r');
    for (; i + 32 <= len; i += 32) {
        __m128i a = _mm_loadu_si128((const __m128i *)(p + i)),
                b = _mm_loadu_si128((const __m128i *)(p + i + 16));
        __m128i x = _mm_or_si128(_mm_cmpeq_epi8(a, lf), _mm_cmpeq_epi8(a, cr)),
                y = _mm_or_si128(_mm_cmpeq_epi8(b, lf), _mm_cmpeq_epi8(b, cr));
        uint32_t found = (uint32_t)_mm_movemask_epi8(x) | (uint32_t)_mm_movemask_epi8(y) << 16;
        if (found) return i + (size_t)__builtin_ctz(found);
    }
#endif
    while (i < len && p[i] != '\n' && p[i] != '\r') i++;
    return i;
}

/* Length of the line at the front of the window and of its end; false: its end is not there yet. */
static bool find_line(const struct sl_line_reader *reader, size_t *line, size_t *line_end) {
    const uint8_t *p = reader->bytes + reader->begin;
    size_t len = reader->len - reader->begin;
    if (reader->line_end.len) {
        struct sl_str text = {(const char *)p, len};
        *line = sl_str_find(text, reader->line_end, 0);
        *line_end = reader->line_end.len;
        if (*line != SIZE_MAX) return true;
        *line = len;
    } else {
        *line = find_break(p, len);
        *line_end = 1;
        if (*line < len && p[*line] == '\n') return true;
        if (*line + 1 < len) {
            *line_end += p[*line + 1] == '\n';
            return true;
        }
        if (*line < len) return reader->at_end; /* \r: perhaps a \n follows */
    }
    *line_end = 0;
    return reader->at_end;
}

static void step(struct sl_line_reader *reader, size_t bytes) {
    reader->begin += bytes;
    reader->line_at += bytes;
}

/* A part that does not begin the file begins behind the first line end at or after begin - 1. */
static enum sl_code skip_to_line(struct sl_line_reader *reader, struct sl_err *err) {
    for (;;) {
        size_t line, line_end;
        if (reader->len > reader->begin && find_line(reader, &line, &line_end)) {
            step(reader, line + line_end);
            return SL_OK;
        }
        if (reader->at_end) return SL_OK;
        /* what cannot be the front part of a line end is not kept */
        size_t keep = reader->line_end.len ? reader->line_end.len : 1;
        if (reader->len - reader->begin > keep) step(reader, reader->len - reader->begin - keep);
        SL_TRY(fetch(reader, err));
    }
}

static enum sl_code skip_mark(struct sl_line_reader *reader, struct sl_err *err) {
    while (!reader->at_end && reader->len < 3) SL_TRY(fetch(reader, err));
    if (reader->len >= 3 && memcmp(reader->bytes, "\xEF\xBB\xBF", 3) == 0) step(reader, 3);
    return SL_OK;
}

enum sl_code sl_line_reader_open(const char *path, uint64_t begin, uint64_t end,
                                 struct sl_str line_end, struct sl_budget *budget,
                                 struct sl_line_reader **out, struct sl_err *err) {
    struct sl_line_reader *reader = sl_xcalloc(1, sizeof *reader);
    uint64_t back = line_end.len ? line_end.len : 1, from = begin > back ? begin - back : 0;
    *reader = (struct sl_line_reader){.path = path,
                                      .line_end = line_end,
                                      .budget = budget,
                                      .end = end,
                                      .line_at = from,
                                      .line_number = 1,
                                      .numbered = begin == 0};
    enum sl_code code = sl_byte_input_open(path, from, &reader->input, err);
    if (code == SL_OK) code = begin ? skip_to_line(reader, err) : skip_mark(reader, err);
    if (code != SL_OK)
        sl_line_reader_close(reader);
    else
        *out = reader;
    return code;
}

uint64_t sl_line_reader_at(const struct sl_line_reader *reader, struct sl_str line) {
    size_t in_window = (size_t)((const uint8_t *)line.ptr - reader->bytes);
    return reader->line_at - (reader->begin - in_window);
}

bool sl_line_reader_can_split(const char *path, struct sl_str line_end) {
    return line_end.len <= 1 && sl_byte_input_can_seek(path);
}

void sl_line_reader_close(struct sl_line_reader *reader) {
    if (!reader) return;
    sl_byte_input_close(reader->input);
    if (reader->cap) sl_budget_give(reader->budget, reader->cap);
    free(reader->bytes);
    free(reader->lines);
    free(reader->numbers);
    free(reader);
}

/* Lines that are whole in the window; at the file's end the last one may have no end. */
static uint32_t take_lines(struct sl_line_reader *reader, uint32_t rows_max) {
    uint32_t rows = 0;
    size_t line, line_end;
    while (rows < rows_max && reader->begin < reader->len && reader->line_at < reader->end &&
           find_line(reader, &line, &line_end)) {
        reader->lines[rows] = (struct sl_str){(const char *)reader->bytes + reader->begin, line};
        reader->numbers[rows++] = reader->line_number++;
        step(reader, line + line_end);
    }
    return rows;
}

enum sl_code sl_line_reader_next(struct sl_line_reader *reader, uint32_t rows_max,
                                 struct sl_str **lines, const int64_t **numbers, uint32_t *count,
                                 struct sl_err *err) {
    if (reader->line_cap < rows_max) {
        reader->lines = sl_xrealloc(reader->lines, rows_max * sizeof *reader->lines);
        reader->numbers = sl_xrealloc(reader->numbers, rows_max * sizeof *reader->numbers);
        reader->line_cap = rows_max;
    }
    *count = take_lines(reader, rows_max);
    /* lines point into the window, so it may only move before the first one of a call is taken */
    while (*count == 0 && reader->line_at < reader->end &&
           !(reader->at_end && reader->begin == reader->len)) {
        SL_TRY(fetch(reader, err));
        *count = take_lines(reader, rows_max);
    }
    *lines = reader->lines;
    *numbers = reader->numbered ? reader->numbers : NULL;
    return SL_OK;
}
