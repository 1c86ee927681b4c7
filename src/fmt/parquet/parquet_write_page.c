/* A full page: levels and values to one body, compressed, checksummed, headed, kept in the row
 * group's blocks until the group is sent.  v1 data pages: levels and values are compressed
 * together. */
#include <stdlib.h>
#include <sys/mman.h>

#include "fmt/parquet/parquet_encode.h"
#include "fmt/parquet/parquet_write_int.h"
#include "fmt/parquet/thrift.h"

enum { BLOCK_BYTES_FIRST = 64 << 10, BLOCK_BYTES_MAX = 2 << 20 };

/* ---- the row group's bytes ---- */

/* Small files stay small; large row groups get huge pages: touching 80 MB for the first time in
 * 4 KiB pages costs the kernel as much as all encoding does. */
static struct sl_parquet_block *new_block(size_t bytes) {
    struct sl_parquet_block *block = NULL;
    if (bytes >= BLOCK_BYTES_MAX) block = aligned_alloc(BLOCK_BYTES_MAX, bytes);
    if (block) {
        madvise(block, bytes, MADV_HUGEPAGE); /* a wish: its refusal changes nothing */
    } else {
        block = sl_xmalloc(bytes);
    }
    *block = (struct sl_parquet_block){.cap = bytes - sizeof *block};
    return block;
}

static void next_block(struct sl_parquet_writer *writer) {
    struct sl_parquet_block *block = writer->block ? writer->block->next : writer->blocks;
    if (!block) {
        size_t bytes = writer->block ? (writer->block->cap + sizeof *block) * 2 : BLOCK_BYTES_FIRST;
        if (bytes > BLOCK_BYTES_MAX) bytes = BLOCK_BYTES_MAX;
        block = new_block(bytes);
        writer->block_bytes += bytes;
        if (writer->block) {
            writer->block->next = block;
        } else {
            writer->blocks = block;
        }
    }
    block->len = 0;
    writer->block = block;
}

/* Copies into the blocks; what does not fit goes on in the next block. */
static void store(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                  const uint8_t *bytes, size_t len) {
    writer->stored_bytes += len;
    while (len) {
        if (!writer->block || writer->block->len == writer->block->cap) next_block(writer);
        struct sl_parquet_block *block = writer->block;
        size_t part = block->cap - block->len < len ? block->cap - block->len : len;
        struct sl_parquet_piece piece = {block->bytes + block->len, part};
        memcpy(block->bytes + block->len, bytes, part);
        block->len += part;
        bytes += part;
        len -= part;
        struct sl_parquet_piece *last =
            leaf->pieces.len ? (void *)(leaf->pieces.ptr + leaf->pieces.len - sizeof piece) : NULL;
        if (last && last->ptr + last->len == piece.ptr) {
            last->len += part;
        } else {
            sl_buf_put(&leaf->pieces, &piece, sizeof piece);
        }
    }
}

enum sl_code sl_parquet_send(struct sl_parquet_writer *writer, const void *bytes, size_t len,
                             struct sl_err *err) {
    if (!len) return SL_OK;
    SL_TRY(writer->write(writer->write_ctx, bytes, len, err));
    writer->written += len;
    return SL_OK;
}

/* ---- levels ---- */

static void put_levels(struct sl_parquet_writer *writer, const uint8_t *levels, uint32_t count,
                       uint8_t max) {
    struct sl_buf *out = &writer->levels;
    size_t at = out->len;
    sl_buf_put_u32le(out, 0);
    if (!levels) {
        sl_hybrid_put_run(out, max, count, sl_bit_width(max));
    } else {
        if (count > writer->wide_cap) {
            writer->wide_cap = count;
            writer->wide = sl_xrealloc(writer->wide, count * sizeof *writer->wide);
        }
        for (uint32_t i = 0; i < count; i++) writer->wide[i] = levels[i];
        sl_hybrid_put(out, writer->wide, count, sl_bit_width(max));
    }
    uint32_t len = (uint32_t)(out->len - at - 4);
    memcpy(out->ptr + at, &len, 4);
}

static void count_levels(const struct sl_parquet_leaf *leaf, int64_t *histogram) {
    int64_t *defs = histogram + leaf->max_rep + 1;
    if (leaf->max_rep) {
        for (uint32_t i = 0; i < leaf->page_levels; i++) histogram[leaf->reps.ptr[i]]++;
    } else {
        histogram[0] += leaf->page_levels;
    }
    if (leaf->defs_kept) {
        for (uint32_t i = 0; i < leaf->page_levels; i++) defs[leaf->defs.ptr[i]]++;
    } else {
        defs[leaf->max_def] += leaf->page_levels;
    }
}

static void keep_histograms(struct sl_parquet_leaf *leaf) {
    if (leaf->max_def <= 1 && !leaf->max_rep) return;
    size_t count = (size_t)leaf->max_rep + leaf->max_def + 2;
    int64_t *page = (void *)sl_buf_reserve(&leaf->page_histograms, count * sizeof *page);
    memset(page, 0, count * sizeof *page);
    count_levels(leaf, page);
    leaf->page_histograms.len += count * sizeof *page;
    for (size_t i = 0; i < count; i++) leaf->histogram[i] += page[i];
}

/* ---- the body ---- */

static void put_codes(struct sl_parquet_leaf *leaf, struct sl_buf *out) {
    uint32_t width = sl_bit_width(leaf->dict.count ? leaf->dict.count - 1 : 0);
    if (width == 0) width = 1; /* width 0 is legal, but not every reader takes it */
    sl_buf_put_byte(out, (uint8_t)width);
    sl_hybrid_put(out, leaf->codes, leaf->page_values, width);
}

/* Levels and values in one piece of memory. */
static struct sl_str assemble(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                              bool dict) {
    sl_buf_clear(&writer->levels);
    if (leaf->max_rep) put_levels(writer, leaf->reps.ptr, leaf->page_levels, leaf->max_rep);
    if (leaf->max_def)
        put_levels(writer, leaf->defs_kept ? leaf->defs.ptr : NULL, leaf->page_levels,
                   leaf->max_def);
    size_t levels_len = writer->levels.len, values_len = 0;
    if (!dict && leaf->values.len > PAGE_HEAD) values_len = leaf->values.len - PAGE_HEAD;
    if (!dict && values_len && levels_len <= PAGE_HEAD) {
        uint8_t *begin = leaf->values.ptr + PAGE_HEAD - levels_len;
        if (levels_len) memcpy(begin, writer->levels.ptr, levels_len);
        return (struct sl_str){(const char *)begin, levels_len + values_len};
    }
    if (dict) {
        put_codes(leaf, &writer->levels);
    } else if (values_len) {
        sl_buf_put(&writer->levels, leaf->values.ptr + PAGE_HEAD, values_len);
    }
    return sl_buf_str(&writer->levels);
}

/* The body as it is stored.  The chunk's first page decides for the chunk: a codec that saves less
 * than a tenth is not worth its time to every reader. */
static enum sl_code compress_body(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                                  struct sl_str body, struct sl_str *out, struct sl_err *err) {
    *out = body;
    if (leaf->codec == SL_CODEC_NONE) return SL_OK;
    size_t room = sl_compress_bound(&writer->compressor, body.len), len;
    sl_buf_clear(&writer->packed);
    uint8_t *to = sl_buf_reserve(&writer->packed, room);
    SL_TRY(sl_compress(&writer->compressor, body.ptr, body.len, to, room, &len, err));
    if (!leaf->codec_chosen) {
        leaf->codec_chosen = true;
        if (len > body.len - body.len / 10) {
            leaf->codec = SL_CODEC_NONE;
            return SL_OK;
        }
    }
    *out = (struct sl_str){(const char *)to, len};
    return SL_OK;
}

struct page_shape {
    int32_t type, encoding;
    uint32_t values;
};

static void put_header(struct sl_parquet_writer *writer, const struct page_shape *shape,
                       size_t raw_len, struct sl_str stored) {
    struct sl_thrift_writer thrift;
    sl_buf_clear(&writer->header);
    sl_thrift_writer_init(&thrift, &writer->header);
    sl_thrift_put_i32(&thrift, 1, shape->type);
    sl_thrift_put_i32(&thrift, 2, (int32_t)raw_len);
    sl_thrift_put_i32(&thrift, 3, (int32_t)stored.len);
    if (writer->options.crc)
        sl_thrift_put_i32(&thrift, 4, (int32_t)sl_page_crc(stored.ptr, stored.len));
    bool data = shape->type == WIRE_DATA_PAGE;
    sl_thrift_begin_struct(&thrift, data ? 5 : 7);
    sl_thrift_put_i32(&thrift, 1, (int32_t)shape->values);
    sl_thrift_put_i32(&thrift, 2, shape->encoding);
    if (data) {
        sl_thrift_put_i32(&thrift, 3, WIRE_RLE);
        sl_thrift_put_i32(&thrift, 4, WIRE_RLE);
    }
    sl_thrift_end_struct(&thrift);
    sl_thrift_end_struct(&thrift);
}

/* ---- index entries ---- */

static void keep_bounds(struct sl_parquet_leaf *leaf, struct sl_parquet_page *page) {
    const struct sl_bounds *bounds = &leaf->page_bounds;
    struct sl_buf *out = &leaf->index_bytes;
    page->has_bounds = bounds->has && bounds->nan_count == 0;
    page->min_at = page->max_at = (uint32_t)out->len;
    if (!page->has_bounds) return;
    bool exact;
    uint32_t width = leaf->wire == WIRE_BOOLEAN ? 1 : leaf->width;
    if (leaf->is_bytes) {
        sl_bound_put_min(sl_buf_str(&bounds->min_bytes), leaf->text, out, &exact);
    } else {
        sl_bounds_put(bounds, false, width, out);
    }
    page->min_len = (uint32_t)out->len - page->min_at;
    page->max_at = (uint32_t)out->len;
    if (leaf->is_bytes) {
        page->has_bounds =
            sl_bound_put_max(sl_buf_str(&bounds->max_bytes), leaf->text, out, &exact);
    } else {
        sl_bounds_put(bounds, true, width, out);
    }
    page->max_len = (uint32_t)out->len - page->max_at;
}

static void keep_page(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                      size_t stored_len) {
    uint32_t nulls = leaf->page_levels - leaf->page_values;
    leaf->page_bounds.null_count = nulls;
    struct sl_parquet_page page = {.offset = leaf->stored_size,
                                   .bytes = (int32_t)(writer->header.len + stored_len),
                                   .first_row = leaf->chunk_rows,
                                   .null_count = nulls,
                                   .raw_bytes = (int64_t)leaf->page_raw_bytes,
                                   .all_null = leaf->page_values == 0};
    if (writer->options.statistics) {
        keep_bounds(leaf, &page);
        keep_histograms(leaf);
        sl_bounds_merge(&leaf->chunk_bounds, &leaf->page_bounds);
    }
    sl_buf_put(&leaf->pages, &page, sizeof page);
}

static void clear_page(struct sl_parquet_leaf *leaf) {
    if (leaf->values.len) leaf->values.len = PAGE_HEAD;
    sl_buf_clear(&leaf->defs);
    sl_buf_clear(&leaf->reps);
    leaf->defs_kept = false;
    leaf->page_values = leaf->page_levels = leaf->page_rows = 0;
    leaf->page_raw_bytes = 0;
    sl_bounds_clear(&leaf->page_bounds);
}

enum sl_code sl_leaf_end_page(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                              struct sl_err *err) {
    bool dict = leaf->dict_mode && leaf->dict.count > 0;
    if (dict && writer->options.statistics) sl_leaf_bound_codes(writer, leaf);
    struct sl_str body = assemble(writer, leaf, dict), stored;
    if (body.len > INT32_MAX - 64)
        return sl_fail(err, SL_UNSUPPORTED, "column `%.*s`: a page of %zu bytes passes 2 GiB",
                       SL_STR_ARG(leaf->path[0]), body.len);
    SL_TRY(compress_body(writer, leaf, body, &stored, err));
    put_header(writer,
               &(struct page_shape){WIRE_DATA_PAGE, dict ? WIRE_RLE_DICTIONARY : WIRE_PLAIN,
                                    leaf->page_levels},
               body.len, stored);
    keep_page(writer, leaf, stored.len);
    store(writer, leaf, writer->header.ptr, writer->header.len);
    store(writer, leaf, (const uint8_t *)stored.ptr, stored.len);
    leaf->raw_size += (int64_t)(writer->header.len + body.len);
    leaf->stored_size += (int64_t)(writer->header.len + stored.len);
    leaf->chunk_values += leaf->page_levels;
    leaf->chunk_rows += leaf->page_rows;
    leaf->chunk_raw_bytes += (int64_t)leaf->page_raw_bytes;
    leaf->dict_pages += dict;
    leaf->plain_pages += !dict;
    clear_page(leaf);
    return SL_OK;
}

/* ---- the chunk ---- */

/* A chunk that ends within its first page may not repay its dictionary. */
static bool dict_pays(const struct sl_parquet_leaf *leaf) {
    uint64_t codes = (uint64_t)leaf->page_values * sl_bit_width(leaf->dict.count) / 8;
    uint64_t plain = leaf->is_bytes ? leaf->page_raw_bytes + (uint64_t)leaf->page_values * 4
                                    : (uint64_t)leaf->page_values * leaf->width;
    return leaf->dict.plain.len + codes < plain;
}

static enum sl_code send_dictionary(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                                    int64_t *dict_bytes, struct sl_err *err) {
    struct sl_str body = sl_buf_str(&leaf->dict.plain), stored;
    leaf->codec_chosen = true;
    SL_TRY(compress_body(writer, leaf, body, &stored, err));
    put_header(writer, &(struct page_shape){WIRE_DICTIONARY_PAGE, WIRE_PLAIN, leaf->dict.count},
               body.len, stored);
    SL_TRY(sl_parquet_send(writer, writer->header.ptr, writer->header.len, err));
    SL_TRY(sl_parquet_send(writer, stored.ptr, stored.len, err));
    *dict_bytes = (int64_t)(writer->header.len + stored.len);
    leaf->raw_size += (int64_t)(writer->header.len + body.len);
    leaf->stored_size += *dict_bytes;
    return SL_OK;
}

enum sl_code sl_leaf_send_chunk(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                                int64_t *dict_bytes, struct sl_err *err) {
    *dict_bytes = 0;
    if (leaf->page_levels) {
        if (leaf->dict_mode && !leaf->dict_pages && leaf->page_values && !dict_pays(leaf)) {
            sl_leaf_bound_codes(writer, leaf);
            sl_leaf_leave_dict(leaf);
        }
        SL_TRY(sl_leaf_end_page(writer, leaf, err));
    }
    if (leaf->dict_pages) SL_TRY(send_dictionary(writer, leaf, dict_bytes, err));
    const struct sl_parquet_piece *pieces = (const void *)leaf->pieces.ptr;
    for (size_t i = 0; i < leaf->pieces.len / sizeof *pieces; i++)
        SL_TRY(sl_parquet_send(writer, pieces[i].ptr, pieces[i].len, err));
    return SL_OK;
}
