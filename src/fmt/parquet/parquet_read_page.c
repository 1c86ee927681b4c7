/* Pages of a column chunk: headers, checksums, decompression, dictionary, levels' and values'
 * cursors.
 *
 * Sizes from headers are believed only as far as bytes prove them: a page's stored bytes lie inside
 * the chunk, the chunk inside the file, and the uncompressed size is below what the codec can
 * expand and what the budget allows. */
#include <stdio.h>
#include <stdlib.h>

#include "fmt/parquet/parquet_encode.h"
#include "fmt/parquet/parquet_read_column.h"
#include "fmt/parquet/thrift.h"

enum { READ_AHEAD = 256 << 10, HEADER_FIRST = 256, HEADER_MAX = 16 << 20 };
enum page_type { DATA_PAGE = 0, INDEX_PAGE = 1, DICTIONARY_PAGE = 2, DATA_PAGE_V2 = 3 };

struct page {
    int32_t type, plain_bytes, stored_bytes, values, encoding;
    int32_t def_encoding, rep_encoding; /* v1 */
    int32_t def_bytes, rep_bytes;       /* v2 */
    bool compressed;                    /* v2 */
    bool has_crc, has_body_header;
    uint32_t crc;
    const uint8_t *stored;
};

enum sl_code sl_parquet_column_fail(const struct sl_parquet_column *column, struct sl_err *err,
                                    const char *fmt, ...) {
    char why[400];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    return sl_fail(err, SL_DATA, "Parquet column `%.*s` is broken in the page at byte %llu: %s",
                   (int)(column->leaf->path.len > 128 ? 128 : column->leaf->path.len),
                   column->leaf->path.ptr, (unsigned long long)column->page_offset, why);
}

/* Says where to an error from below that only says what. */
static enum sl_code with_place(const struct sl_parquet_column *column, enum sl_code code,
                               struct sl_err *err) {
    if (code == SL_OK || !err) return code;
    char what[400];
    snprintf(what, sizeof what, "%.*s", (int)sizeof what - 1, err->msg);
    if (code == SL_DATA) return sl_parquet_column_fail(column, err, "%s", what);
    sl_context(err, "Parquet column `%.*s`, page at byte %llu",
               (int)(column->leaf->path.len > 128 ? 128 : column->leaf->path.len),
               column->leaf->path.ptr, (unsigned long long)column->page_offset);
    return code;
}

/* ---- bytes ---- */

enum sl_code sl_parquet_bytes_reserve(struct sl_parquet_source *source,
                                      struct sl_parquet_bytes *bytes, size_t len,
                                      struct sl_err *err) {
    if (bytes->ptr && len <= bytes->cap) return SL_OK;
    size_t more = len - bytes->cap;
    SL_TRY(sl_budget_take(source->budget, more, "reading Parquet pages", err));
    uint8_t *ptr = realloc(bytes->ptr, len + SL_DECODE_PADDING);
    if (!ptr) {
        sl_budget_give(source->budget, more);
        return sl_fail(err, SL_NOMEM, "no memory for a Parquet page of %zu bytes", len);
    }
    memset(ptr + len, 0, SL_DECODE_PADDING);
    *bytes = (struct sl_parquet_bytes){ptr, len};
    return SL_OK;
}

void sl_parquet_bytes_release(struct sl_parquet_source *source, struct sl_parquet_bytes *bytes) {
    if (!bytes->ptr) return;
    sl_budget_give(source->budget, bytes->cap);
    free(bytes->ptr);
    *bytes = (struct sl_parquet_bytes){0};
}

/* The file's bytes [offset, offset + len), which the caller knows to be inside the chunk. */
static enum sl_code fetch(struct sl_parquet_column *c, uint64_t offset, size_t len,
                          const uint8_t **out, struct sl_err *err) {
    if (offset < c->window_offset || offset - c->window_offset > c->window_len ||
        c->window_len - (offset - c->window_offset) < len) {
        uint64_t ahead = c->end - offset;
        if (ahead > READ_AHEAD) ahead = READ_AHEAD;
        size_t want = len > ahead ? len : (size_t)ahead;
        c->window_len = 0;
        SL_TRY(sl_parquet_bytes_reserve(c->source, &c->window, want, err));
        SL_TRY(c->source->read(c->source->read_ctx, offset, c->window.ptr, want, err));
        c->window_offset = offset;
        c->window_len = want;
    }
    *out = c->window.ptr + (offset - c->window_offset);
    return SL_OK;
}

/* ---- page headers ---- */

typedef struct sl_thrift_reader reader;
typedef struct sl_thrift_field field;

static void read_data_header(reader *r, const field *f, struct page *page) {
    field h;
    if (!sl_thrift_enter(r, f)) return;
    page->has_body_header = true;
    while (sl_thrift_next_field(r, &h)) {
        switch (h.id) {
        case 1:
            page->values = sl_thrift_get_i32(r, &h);
            break;
        case 2:
            page->encoding = sl_thrift_get_i32(r, &h);
            break;
        case 3:
            page->def_encoding = sl_thrift_get_i32(r, &h);
            break;
        case 4:
            page->rep_encoding = sl_thrift_get_i32(r, &h);
            break;
        default:
            sl_thrift_skip(r, &h);
        }
    }
}

static void read_data_header_v2(reader *r, const field *f, struct page *page) {
    field h;
    if (!sl_thrift_enter(r, f)) return;
    page->has_body_header = true;
    while (sl_thrift_next_field(r, &h)) {
        switch (h.id) {
        case 1:
            page->values = sl_thrift_get_i32(r, &h);
            break;
        case 4:
            page->encoding = sl_thrift_get_i32(r, &h);
            break;
        case 5:
            page->def_bytes = sl_thrift_get_i32(r, &h);
            break;
        case 6:
            page->rep_bytes = sl_thrift_get_i32(r, &h);
            break;
        case 7:
            page->compressed = sl_thrift_get_bool(r, &h);
            break;
        default:
            sl_thrift_skip(r, &h);
        }
    }
}

static void read_dictionary_header(reader *r, const field *f, struct page *page) {
    field h;
    if (!sl_thrift_enter(r, f)) return;
    page->has_body_header = true;
    while (sl_thrift_next_field(r, &h)) {
        if (h.id == 1)
            page->values = sl_thrift_get_i32(r, &h);
        else if (h.id == 2)
            page->encoding = sl_thrift_get_i32(r, &h);
        else
            sl_thrift_skip(r, &h);
    }
}

static void parse_header(reader *r, struct page *page) {
    field f;
    *page = (struct page){.type = -1, .plain_bytes = -1, .stored_bytes = -1, .compressed = true};
    while (sl_thrift_next_field(r, &f)) {
        switch (f.id) {
        case 1:
            page->type = sl_thrift_get_i32(r, &f);
            break;
        case 2:
            page->plain_bytes = sl_thrift_get_i32(r, &f);
            break;
        case 3:
            page->stored_bytes = sl_thrift_get_i32(r, &f);
            break;
        case 4:
            page->has_crc = true;
            page->crc = (uint32_t)sl_thrift_get_i32(r, &f);
            break;
        case 5:
            read_data_header(r, &f, page);
            break;
        case 7:
            read_dictionary_header(r, &f, page);
            break;
        case 8:
            read_data_header_v2(r, &f, page);
            break;
        default:
            sl_thrift_skip(r, &f);
        }
    }
}

/* A header's length is not known before it is parsed, so it is tried on more and more bytes. */
static enum sl_code read_header(struct sl_parquet_column *c, struct page *page,
                                struct sl_err *err) {
    uint64_t room = c->end - c->pos;
    const uint8_t *bytes;
    reader r;
    for (uint64_t len = HEADER_FIRST;; len *= 8) {
        if (len > room) len = room;
        SL_TRY(fetch(c, c->pos, (size_t)len, &bytes, err));
        sl_thrift_reader_init(&r, bytes, (size_t)len);
        parse_header(&r, page);
        if (!r.failed) break;
        if (len == room || len >= HEADER_MAX)
            return sl_parquet_column_fail(c, err, "its header does not parse: %s", r.why);
    }
    c->pos += sl_thrift_reader_used(&r);
    if (page->plain_bytes < 0 || page->stored_bytes < 0 || page->values < 0)
        return sl_parquet_column_fail(c, err, "its header has a negative or no size");
    if ((uint64_t)page->stored_bytes > c->end - c->pos)
        return sl_parquet_column_fail(c, err, "its %d bytes are more than the %llu left",
                                      page->stored_bytes, (unsigned long long)(c->end - c->pos));
    return SL_OK;
}

static enum sl_code read_body(struct sl_parquet_column *c, struct page *page, struct sl_err *err) {
    size_t len = (size_t)page->stored_bytes;
    SL_TRY(fetch(c, c->pos, len, &page->stored, err));
    c->pos += len;
    if (page->has_crc && sl_page_crc(page->stored, len) != page->crc)
        return sl_parquet_column_fail(c, err, "its checksum does not match");
    return SL_OK;
}

/* ---- bodies ---- */

/* No codec makes more than this of one byte. */
static uint64_t expansion(int32_t codec) {
    switch (codec) {
    case 1:
        return 32;
    case 2:
        return 1100;
    case 5:
    case 7:
        return 300;
    case 6:
        return 40000;
    default:
        return 1;
    }
}

static enum sl_code decompress(struct sl_parquet_column *c, const uint8_t *from, size_t len,
                               size_t plain_len, const uint8_t **out, struct sl_err *err) {
    int32_t codec = c->chunk->codec;
    if (codec == 3 || codec == 4 || codec < 0 || codec > 7)
        return with_place(
            c, sl_decompress(&c->source->decompressor, codec, from, len, NULL, 0, err), err);
    if (plain_len > (len + 64) * expansion(codec))
        return sl_parquet_column_fail(c, err, "%zu bytes cannot hold the %zu it claims", len,
                                      plain_len);
    SL_TRY(sl_parquet_bytes_reserve(c->source, &c->plain, plain_len, err));
    *out = c->plain.ptr;
    return with_place(
        c, sl_decompress(&c->source->decompressor, codec, from, len, c->plain.ptr, plain_len, err),
        err);
}

static enum sl_code load_dictionary(struct sl_parquet_column *c, struct page *page,
                                    struct sl_err *err) {
    const uint8_t *bytes = page->stored;
    size_t len = (size_t)page->stored_bytes;
    if (c->has_dict || c->started || !page->has_body_header)
        return sl_parquet_column_fail(c, err, "a dictionary page that is not the first page");
    if (page->encoding != SL_ENCODING_PLAIN && page->encoding != SL_ENCODING_PLAIN_DICTIONARY)
        return sl_parquet_column_fail(c, err, "a dictionary page in encoding %d", page->encoding);
    if (c->chunk->codec != 0) {
        len = (size_t)page->plain_bytes;
        SL_TRY(decompress(c, page->stored, (size_t)page->stored_bytes, len, &bytes, err));
    }
    /* Each value takes a byte at least, or a bit. */
    if ((uint64_t)page->values > (uint64_t)len * 8)
        return sl_parquet_column_fail(c, err, "a dictionary of %d values in %zu bytes",
                                      page->values, len);
    if (c->leaf->conversion != SL_CONVERT_NULL) {
        SL_TRY(with_place(
            c,
            sl_parquet_values_begin(&c->values, c->leaf, SL_ENCODING_PLAIN, bytes, len, false, err),
            err));
        SL_TRY(with_place(
            c, sl_parquet_values_next(&c->values, NULL, (uint32_t)page->values, &c->dict, err),
            err));
    }
    size_t held = sl_vec_owned_bytes(&c->dict);
    if (held > c->dict_charged) {
        SL_TRY(
            sl_budget_take(c->source->budget, held - c->dict_charged, "a Parquet dictionary", err));
        c->dict_charged = held;
    }
    c->has_dict = true;
    return SL_OK;
}

/* v1 levels: RLE with a length before it, or BIT_PACKED without. Moves *pos behind them. */
static enum sl_code begin_levels_v1(struct sl_parquet_column *c, int32_t encoding, uint8_t max,
                                    uint32_t count, const uint8_t **pos, const uint8_t *end,
                                    struct sl_hybrid *h, struct sl_err *err) {
    uint32_t width = sl_bit_width(max);
    size_t room = (size_t)(end - *pos), len;
    if (!max) return SL_OK;
    if (encoding == SL_ENCODING_RLE) {
        if (room < 4) return sl_parquet_column_fail(c, err, "its levels end too early");
        len = sl_load_u32(*pos);
        *pos += 4;
        room -= 4;
    } else if (encoding == SL_ENCODING_BIT_PACKED) {
        len = ((size_t)count * width + 7) / 8;
    } else {
        return sl_parquet_column_fail(c, err, "levels in encoding %d", encoding);
    }
    if (len > room) return sl_parquet_column_fail(c, err, "its levels end too early");
    if (encoding == SL_ENCODING_RLE)
        sl_hybrid_init(h, *pos, len, width);
    else
        sl_hybrid_init_legacy(h, *pos, len, width);
    *pos += len;
    return SL_OK;
}

static enum sl_code begin_values(struct sl_parquet_column *c, struct page *page,
                                 const uint8_t *bytes, size_t len, struct sl_err *err) {
    bool chained =
        sl_parquet_author_before(&c->source->footer->author, SL_STR("parquet-mr"), 1, 8, 0);
    if (c->leaf->conversion == SL_CONVERT_NULL) return SL_OK;
    return with_place(c,
                      sl_parquet_values_begin(&c->values, c->leaf, page->encoding, bytes, len,
                                              chained && c->started, err),
                      err);
}

static enum sl_code begin_data_v1(struct sl_parquet_column *c, struct page *page,
                                  struct sl_err *err) {
    const uint8_t *bytes = page->stored;
    size_t len = (size_t)page->stored_bytes;
    if (c->chunk->codec != 0) {
        len = (size_t)page->plain_bytes;
        SL_TRY(decompress(c, page->stored, (size_t)page->stored_bytes, len, &bytes, err));
    }
    const uint8_t *end = bytes + len;
    SL_TRY(begin_levels_v1(c, page->rep_encoding, c->leaf->max_rep, (uint32_t)page->values, &bytes,
                           end, &c->rep, err));
    SL_TRY(begin_levels_v1(c, page->def_encoding, c->leaf->max_def, (uint32_t)page->values, &bytes,
                           end, &c->def, err));
    return begin_values(c, page, bytes, (size_t)(end - bytes), err);
}

static enum sl_code begin_data_v2(struct sl_parquet_column *c, struct page *page,
                                  struct sl_err *err) {
    int64_t levels = (int64_t)page->rep_bytes + page->def_bytes;
    if (page->rep_bytes < 0 || page->def_bytes < 0 || levels > page->stored_bytes ||
        levels > page->plain_bytes)
        return sl_parquet_column_fail(c, err, "its levels are longer than the page");
    const uint8_t *bytes = page->stored;
    sl_hybrid_init(&c->rep, bytes, (size_t)page->rep_bytes, sl_bit_width(c->leaf->max_rep));
    bytes += page->rep_bytes;
    sl_hybrid_init(&c->def, bytes, (size_t)page->def_bytes, sl_bit_width(c->leaf->max_def));
    bytes += page->def_bytes;
    size_t len = (size_t)(page->stored_bytes - levels);
    size_t plain_len = (size_t)(page->plain_bytes - levels);
    /* parquet-cpp before 2.0 wrote is_compressed = false on compressed pages. */
    bool compressed = page->compressed || sl_parquet_author_before(&c->source->footer->author,
                                                                   SL_STR("parquet-cpp"), 2, 0, 0);
    if (c->chunk->codec != 0 && compressed) {
        /* All nulls: some writers leave no bytes, others the codec's frame of nothing. */
        if (plain_len) SL_TRY(decompress(c, bytes, len, plain_len, &bytes, err));
        len = plain_len;
    }
    return begin_values(c, page, bytes, len, err);
}

static enum sl_code load_data(struct sl_parquet_column *c, struct page *page, struct sl_err *err) {
    if (!page->has_body_header)
        return sl_parquet_column_fail(c, err, "a data page without its header");
    if (page->values > c->values_left)
        return sl_parquet_column_fail(c, err, "its %d values are more than the %lld left",
                                      page->values, (long long)c->values_left);
    SL_TRY(page->type == DATA_PAGE ? begin_data_v1(c, page, err) : begin_data_v2(c, page, err));
    c->values_left -= page->values;
    c->page_left = (uint32_t)page->values;
    c->pending_at = c->pending_count = 0;
    return SL_OK;
}

enum sl_code sl_parquet_column_page(struct sl_parquet_column *c, bool *more, struct sl_err *err) {
    struct page page;
    *more = false;
    while (c->values_left > 0) {
        c->page_offset = c->pos;
        if (c->pos >= c->end)
            return sl_parquet_column_fail(c, err, "the chunk ends with %lld values missing",
                                          (long long)c->values_left);
        SL_TRY(read_header(c, &page, err));
        if (page.type == DICTIONARY_PAGE) {
            SL_TRY(read_body(c, &page, err));
            SL_TRY(load_dictionary(c, &page, err));
        } else if (page.type == DATA_PAGE || page.type == DATA_PAGE_V2) {
            if (page.values == 0 && page.has_body_header) {
                c->pos += (uint64_t)page.stored_bytes;
                continue;
            }
            SL_TRY(read_body(c, &page, err));
            SL_TRY(load_data(c, &page, err));
            *more = true;
            return SL_OK;
        } else {
            c->pos += (uint64_t)page.stored_bytes;
        }
    }
    return SL_OK;
}

/* ---- life cycle ---- */

void sl_parquet_column_init(struct sl_parquet_column *c, struct sl_parquet_source *source,
                            const struct sl_parquet_node *leaf_node) {
    *c = (struct sl_parquet_column){
        .source = source, .leaf = leaf_node->leaf, .list_def = leaf_node->list_def};
    sl_vec_init(&c->dict, leaf_node->type);
}

void sl_parquet_column_release(struct sl_parquet_column *c) {
    if (!c->source) return;
    sl_parquet_bytes_release(c->source, &c->window);
    sl_parquet_bytes_release(c->source, &c->plain);
    sl_parquet_bytes_release(c->source, &c->levels_rep);
    sl_parquet_bytes_release(c->source, &c->levels_def);
    sl_parquet_values_release(&c->values);
    sl_budget_give(c->source->budget, c->dict_charged);
    c->dict_charged = 0;
    if (c->dict.type) sl_vec_release(&c->dict);
}

/* Where the chunk's pages lie. dictionary_page_offset 0 means "none or unknown"; then the first
 * page tells. parquet-mr before 1.2.9 forgot the dictionary's header in the chunk's size. */
static enum sl_code place_chunk(struct sl_parquet_column *c, struct sl_err *err) {
    const struct sl_parquet_chunk *chunk = c->chunk;
    int64_t begin = chunk->data_offset;
    if (chunk->dictionary_offset > 0 && chunk->dictionary_offset < begin)
        begin = chunk->dictionary_offset;
    uint64_t file_bytes = c->source->file_bytes;
    if (begin < 4 || chunk->total_bytes < 0 || (uint64_t)begin > file_bytes ||
        (uint64_t)chunk->total_bytes > file_bytes - (uint64_t)begin)
        return sl_fail(err, SL_DATA,
                       "Parquet column `%.*s`: its chunk of %lld bytes at %lld is not inside the "
                       "file of %llu bytes",
                       SL_STR_ARG(c->leaf->path), (long long)chunk->total_bytes, (long long)begin,
                       (unsigned long long)file_bytes);
    c->pos = c->page_offset = (uint64_t)begin;
    c->end = c->pos + (uint64_t)chunk->total_bytes;
    if (sl_parquet_author_before(&c->source->footer->author, SL_STR("parquet-mr"), 1, 2, 9))
        c->end += file_bytes - c->end < 100 ? file_bytes - c->end : 100;
    return SL_OK;
}

static enum sl_code check_chunk(const struct sl_parquet_column *c, int64_t rows,
                                struct sl_err *err) {
    const struct sl_parquet_chunk *chunk = c->chunk;
    const char *why = NULL;
    if (chunk->encrypted)
        return sl_fail(err, SL_UNSUPPORTED,
                       "Parquet column `%.*s` is encrypted, which is not supported",
                       SL_STR_ARG(c->leaf->path));
    if (!chunk->has_metadata)
        why = "it has no metadata";
    else if (chunk->elsewhere)
        why = "its data lies in another file";
    else if (chunk->physical != (int32_t)c->leaf->physical)
        why = "its type is not that of the schema";
    else if (chunk->values < 0 || (c->leaf->max_rep == 0 && chunk->values != rows))
        why = "its number of values is not the row group's number of rows";
    if (!why) return SL_OK;
    return sl_fail(err, SL_DATA, "Parquet column `%.*s` is broken: %s", SL_STR_ARG(c->leaf->path),
                   why);
}

enum sl_code sl_parquet_column_start(struct sl_parquet_column *c,
                                     const struct sl_parquet_chunk *chunk, int64_t rows,
                                     struct sl_err *err) {
    c->chunk = chunk;
    c->has_dict = c->started = false;
    c->page_left = c->pending_at = c->pending_count = 0;
    c->window_len = 0;
    c->values_left = chunk->values;
    sl_buf_clear(&c->values.last);
    sl_vec_clear(&c->dict);
    SL_TRY(check_chunk(c, rows, err));
    return place_chunk(c, err);
}
