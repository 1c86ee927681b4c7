/* Text files as a batch source: one column `value`, a row per line (\n or \r\n), as Spark's text
 * format. Files are read in splits of SPLIT_BYTES: a line belongs to the split in which it begins.
 */
#include <stdlib.h>

#include "base/io.h"
#include "conn/conn.h"
#include "lake/listing.h"

enum {
    SPLIT_BYTES = 64 << 20,
    CHUNK_BYTES = 1 << 20,
    LINE_BYTES_MAX = 256 << 20, /* a longer line is refused, not read into memory */
};

struct source {
    struct sl_source base;
    const struct sl_conn_env *env;
    struct sl_listing listing;
    const struct sl_type *schema;
    struct sl_str description;
};

struct range {
    const struct sl_listed_file *file;
    uint64_t begin, end;
};

struct reader {
    struct sl_reader base;
    const struct range *range;
    struct sl_file_reader *file;
    uint64_t read_at; /* next byte to fetch */
    uint64_t line_at; /* file position of the next line's first byte */
    uint8_t *bytes;   /* window of the file */
    size_t begin, len, cap;
    struct sl_str *views;
    uint32_t view_cap;
};

static const struct sl_source_ops source_ops;

static enum sl_code open_source(const struct sl_conn_env *env, const struct sl_options *options,
                                struct sl_str path, bool streaming, struct sl_source **out,
                                struct sl_err *err) {
    (void)options;
    if (streaming) {
        sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE", "0A000",
                   "text files cannot be read as a stream");
        return sl_hint(err, "read them without STREAM; streams come from read_kafka(..)"),
               SL_UNSUPPORTED;
    }
    struct source *source = SL_NEW(env->query, struct source);
    source->base.ops = &source_ops;
    source->env = env;
    SL_TRY(sl_listing_make(env->query, path, true, &source->listing, err));
    struct sl_field value = {SL_STR("value"), &sl_type_string, true, {0}, {0}};
    source->schema = sl_type_struct(env->query, &value, 1);
    source->description = sl_arena_printf(env->query, "text %.*s", SL_STR_ARG(path));
    *out = &source->base;
    return SL_OK;
}

static const struct sl_type *schema(const struct sl_source *base) {
    return ((const struct source *)base)->schema;
}
static struct sl_str description(const struct sl_source *base) {
    return ((const struct source *)base)->description;
}

static enum sl_code plan(struct sl_source *base, struct sl_str start, struct sl_str end,
                         uint32_t tasks, struct sl_arena *epoch, struct sl_split **splits,
                         uint32_t *count, struct sl_err *err) {
    (void)start, (void)end, (void)tasks, (void)err;
    struct source *source = (struct source *)base;
    uint32_t total = 0, at = 0;
    for (size_t i = 0; i < source->listing.count; i++)
        total += (uint32_t)(source->listing.files[i].bytes / SPLIT_BYTES + 1);
    *splits = SL_NEW_ARRAY(epoch, struct sl_split, total + 1);
    for (size_t i = 0; i < source->listing.count; i++) {
        const struct sl_listed_file *file = &source->listing.files[i];
        for (uint64_t begin = 0; begin < file->bytes; begin += SPLIT_BYTES) {
            struct range *range = SL_NEW(epoch, struct range);
            *range = (struct range){
                file, begin, begin + SPLIT_BYTES < file->bytes ? begin + SPLIT_BYTES : file->bytes};
            (*splits)[at] = (struct sl_split){at, sl_str(file->path), -1, range};
            at++;
        }
    }
    *count = at;
    return SL_OK;
}

/* ---- lines ---- */

static void close_reader(struct sl_reader *base) {
    struct reader *reader = (struct reader *)base;
    if (!reader) return;
    sl_file_reader_close(reader->file);
    free(reader->bytes);
    free(reader->views);
    free(reader);
}

/* Moves the unread rest to the front and fetches more behind it. *more = false at the end of the
 * file. */
static enum sl_code fetch(struct reader *reader, bool *more, struct sl_err *err) {
    size_t rest = reader->len - reader->begin;
    uint64_t left = sl_file_reader_bytes(reader->file) - reader->read_at;
    *more = left > 0;
    if (!*more) return SL_OK;
    if (rest > LINE_BYTES_MAX)
        return sl_fail(err, SL_DATA, "`%s`: the line at byte %llu is longer than %d bytes",
                       reader->range->file->path, (unsigned long long)reader->line_at,
                       LINE_BYTES_MAX);
    memmove(reader->bytes, reader->bytes + reader->begin, rest);
    reader->begin = 0;
    reader->len = rest;
    if (reader->cap - rest < CHUNK_BYTES) {
        reader->cap = reader->cap * 2 > rest + CHUNK_BYTES ? reader->cap * 2 : rest + CHUNK_BYTES;
        reader->bytes = sl_xrealloc(reader->bytes, reader->cap);
    }
    size_t want = left < CHUNK_BYTES ? (size_t)left : CHUNK_BYTES;
    SL_TRY(sl_file_reader_read(reader->file, reader->read_at, reader->bytes + rest, want, err));
    reader->read_at += want;
    reader->len += want;
    return SL_OK;
}

/* A split that does not begin the file begins behind the first line end at or after begin - 1. */
static enum sl_code skip_to_line(struct reader *reader, struct sl_err *err) {
    if (reader->range->begin == 0) return SL_OK;
    reader->read_at = reader->line_at = reader->range->begin - 1;
    for (bool more = true; more;) {
        SL_TRY(fetch(reader, &more, err));
        uint8_t *end =
            reader->len ? memchr(reader->bytes + reader->begin, '\n', reader->len - reader->begin)
                        : NULL;
        size_t skipped =
            end ? (size_t)(end - reader->bytes) + 1 - reader->begin : reader->len - reader->begin;
        reader->begin += skipped;
        reader->line_at += skipped;
        if (end) return SL_OK;
    }
    return SL_OK;
}

static enum sl_code reader_open(struct sl_source *base, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    (void)base, (void)wanted;
    struct reader *reader = sl_xcalloc(1, sizeof *reader);
    *reader = (struct reader){.base.ops = &source_ops, .range = split->detail};
    enum sl_code code = sl_file_reader_open(reader->range->file->path, &reader->file, err);
    if (code == SL_OK) code = skip_to_line(reader, err);
    if (code != SL_OK)
        close_reader(&reader->base);
    else
        *out = &reader->base;
    return code;
}

/* Takes the lines that are whole in the window (and, at the file's end, the last one without line
 * end). */
static uint32_t take_lines(struct reader *reader, uint32_t rows_max, bool at_end) {
    uint32_t rows = 0;
    while (rows < rows_max && reader->begin < reader->len && reader->line_at < reader->range->end) {
        uint8_t *line = reader->bytes + reader->begin;
        uint8_t *end = memchr(line, '\n', reader->len - reader->begin);
        if (!end && !at_end) break;
        size_t len = end ? (size_t)(end - line) : reader->len - reader->begin;
        size_t step = end ? len + 1 : len;
        if (len && line[len - 1] == '\r') len--;
        reader->views[rows++] = (struct sl_str){(const char *)line, len};
        reader->begin += step;
        reader->line_at += step;
    }
    return rows;
}

static enum sl_code reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err) {
    struct reader *reader = (struct reader *)base;
    if (reader->view_cap < rows_max) {
        reader->views = sl_xrealloc(reader->views, rows_max * sizeof *reader->views);
        reader->view_cap = rows_max;
    }
    uint32_t rows = take_lines(reader, rows_max, false);
    /* views point into the window, so it may only move before the first line of a batch is taken */
    for (bool more = true; rows == 0 && more && reader->line_at < reader->range->end;) {
        SL_TRY(fetch(reader, &more, err));
        rows = take_lines(reader, rows_max, !more);
    }
    if (rows == 0) return SL_OK;
    struct sl_vec *column = &batch->columns[0];
    column->enc = SL_ENC_VIEW;
    column->rows = rows;
    column->views = reader->views;
    batch->rows = rows;
    batch->origin = (struct sl_origin){"file", reader->range->file->path, -1, NULL};
    return SL_OK;
}

static void close_source(struct sl_source *base) { (void)base; }

static const struct sl_source_ops source_ops = {
    .name = "text",
    .schema = schema,
    .description = description,
    .plan = plan,
    .reader_open = reader_open,
    .reader_next = reader_next,
    .reader_close = close_reader,
    .close = close_source,
};

const struct sl_connector sl_text_connector = {.name = "text", .open_source = open_source};
