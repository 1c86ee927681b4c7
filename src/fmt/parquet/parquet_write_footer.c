/* What the file says about itself: column metadata with statistics, column and offset indexes, and
 * the footer (parquet.thrift, PageIndex.md). */
#include "fmt/parquet/parquet_write_int.h"
#include "fmt/parquet/thrift.h"

#ifndef SLUICE_BUILD
#define SLUICE_BUILD "release"
#endif

/* parquet-java reads statistics of byte arrays only from writers whose created_by has this form. */
static const char created_by[] = "sluice version " SLUICE_VERSION " (build " SLUICE_BUILD ")";

static void put_i64_list(struct sl_thrift_writer *thrift, int16_t id, const int64_t *values,
                         uint32_t count) {
    sl_thrift_begin_list(thrift, id, SL_THRIFT_I64, count);
    for (uint32_t i = 0; i < count; i++) sl_thrift_item_i64(thrift, values[i]);
}

/* ---- statistics of a chunk ---- */

static bool is_float(const struct sl_parquet_leaf *leaf) {
    return leaf->wire == WIRE_FLOAT || leaf->wire == WIRE_DOUBLE;
}

/* Both bounds or none: parquet-java uses them only together. */
static void put_bounds(struct sl_thrift_writer *thrift, const struct sl_parquet_leaf *leaf) {
    const struct sl_bounds *bounds = &leaf->chunk_bounds;
    struct sl_buf min = {0}, max = {0};
    bool min_exact = true, max_exact = true, there = bounds->has && bounds->nan_count == 0;
    uint32_t width = leaf->wire == WIRE_BOOLEAN ? 1 : leaf->width;
    if (there && leaf->is_bytes) {
        sl_bound_put_min(sl_buf_str(&bounds->min_bytes), leaf->text, &min, &min_exact);
        there = sl_bound_put_max(sl_buf_str(&bounds->max_bytes), leaf->text, &max, &max_exact);
    } else if (there) {
        sl_bounds_put(bounds, false, width, &min);
        sl_bounds_put(bounds, true, width, &max);
    }
    bool is_signed = leaf->wire != WIRE_BYTE_ARRAY && leaf->wire != WIRE_FIXED;
    if (there && is_signed) {
        sl_thrift_put_str(thrift, 1, sl_buf_str(&max));
        sl_thrift_put_str(thrift, 2, sl_buf_str(&min));
    }
    sl_thrift_put_i64(thrift, 3, (int64_t)bounds->null_count);
    if (there) {
        sl_thrift_put_str(thrift, 5, sl_buf_str(&max));
        sl_thrift_put_str(thrift, 6, sl_buf_str(&min));
        sl_thrift_put_bool(thrift, 7, max_exact);
        sl_thrift_put_bool(thrift, 8, min_exact);
    }
    if (is_float(leaf)) sl_thrift_put_i64(thrift, 9, (int64_t)bounds->nan_count);
    sl_buf_release(&min);
    sl_buf_release(&max);
}

static void put_sizes(struct sl_thrift_writer *thrift, const struct sl_parquet_leaf *leaf) {
    bool hist_rep = leaf->max_rep > 0, hist_def = leaf->max_def > 1;
    if (!leaf->is_bytes && !hist_rep && !hist_def) return;
    sl_thrift_begin_struct(thrift, 16);
    if (leaf->is_bytes) sl_thrift_put_i64(thrift, 1, leaf->chunk_raw_bytes);
    if (hist_rep) put_i64_list(thrift, 2, leaf->histogram, leaf->max_rep + 1u);
    if (hist_def) put_i64_list(thrift, 3, leaf->histogram + leaf->max_rep + 1, leaf->max_def + 1u);
    sl_thrift_end_struct(thrift);
}

static void put_encoding_stats(struct sl_thrift_writer *thrift,
                               const struct sl_parquet_leaf *leaf) {
    const struct {
        int32_t page, encoding;
        uint32_t count;
    } rows[3] = {{WIRE_DICTIONARY_PAGE, WIRE_PLAIN, leaf->dict_pages ? 1 : 0},
                 {WIRE_DATA_PAGE, WIRE_RLE_DICTIONARY, leaf->dict_pages},
                 {WIRE_DATA_PAGE, WIRE_PLAIN, leaf->plain_pages}};
    uint32_t count = 0;
    for (int i = 0; i < 3; i++) count += rows[i].count > 0;
    sl_thrift_begin_list(thrift, 13, SL_THRIFT_STRUCT, count);
    for (int i = 0; i < 3; i++) {
        if (!rows[i].count) continue;
        sl_thrift_item_begin_struct(thrift);
        sl_thrift_put_i32(thrift, 1, rows[i].page);
        sl_thrift_put_i32(thrift, 2, rows[i].encoding);
        sl_thrift_put_i32(thrift, 3, (int32_t)rows[i].count);
        sl_thrift_end_struct(thrift);
    }
}

static void put_encodings(struct sl_thrift_writer *thrift, const struct sl_parquet_leaf *leaf) {
    bool dict = leaf->dict_pages > 0;
    sl_thrift_begin_list(thrift, 2, SL_THRIFT_I32, dict ? 3 : 2);
    sl_thrift_item_i32(thrift, WIRE_PLAIN);
    sl_thrift_item_i32(thrift, WIRE_RLE);
    if (dict) sl_thrift_item_i32(thrift, WIRE_RLE_DICTIONARY);
}

/* ColumnMetaData, as a struct of its own; the footer puts it into its ColumnChunk. */
static void put_column_meta(struct sl_parquet_writer *writer, const struct sl_parquet_leaf *leaf,
                            int64_t chunk_offset, int64_t dict_bytes) {
    struct sl_thrift_writer thrift;
    sl_thrift_writer_init(&thrift, &writer->metas);
    sl_thrift_put_i32(&thrift, 1, leaf->wire);
    put_encodings(&thrift, leaf);
    sl_thrift_begin_list(&thrift, 3, SL_THRIFT_BINARY, leaf->path_count);
    for (uint32_t i = 0; i < leaf->path_count; i++) sl_thrift_item_str(&thrift, leaf->path[i]);
    sl_thrift_put_i32(&thrift, 4, sl_codec_wire(leaf->codec));
    sl_thrift_put_i64(&thrift, 5, leaf->chunk_values);
    sl_thrift_put_i64(&thrift, 6, leaf->raw_size);
    sl_thrift_put_i64(&thrift, 7, leaf->stored_size);
    sl_thrift_put_i64(&thrift, 9, chunk_offset + dict_bytes);
    if (dict_bytes) sl_thrift_put_i64(&thrift, 11, chunk_offset);
    if (writer->options.statistics) {
        sl_thrift_begin_struct(&thrift, 12);
        put_bounds(&thrift, leaf);
        sl_thrift_end_struct(&thrift);
    }
    put_encoding_stats(&thrift, leaf);
    if (writer->options.statistics) put_sizes(&thrift, leaf);
    sl_thrift_end_struct(&thrift);
}

/* ---- column index ---- */

struct page_list {
    const struct sl_parquet_leaf *leaf;
    const struct sl_parquet_page *pages;
    uint32_t count;
};

static struct sl_str page_bound(const struct page_list *list, uint32_t i, bool max) {
    const struct sl_parquet_page *page = &list->pages[i];
    if (!page->has_bounds) return SL_STR("");
    const char *bytes = (const char *)list->leaf->index_bytes.ptr;
    return max ? (struct sl_str){bytes + page->max_at, page->max_len}
               : (struct sl_str){bytes + page->min_at, page->min_len};
}

/* Order of two bounds as they are written. */
static int compare_bounds(const struct sl_parquet_leaf *leaf, struct sl_str a, struct sl_str b) {
    int64_t x = 0, y = 0;
    if (leaf->is_bytes) return sl_str_cmp(a, b);
    if (is_float(leaf)) {
        double p = 0, q = 0;
        float f = 0, g = 0;
        if (leaf->width == 4) {
            memcpy(&f, a.ptr, 4), memcpy(&g, b.ptr, 4);
            p = (double)f, q = (double)g;
        } else {
            memcpy(&p, a.ptr, 8), memcpy(&q, b.ptr, 8);
        }
        return (p > q) - (p < q);
    }
    if (leaf->wire == WIRE_FIXED) { /* big-endian two's complement: the sign's byte first */
        int high = (int)(int8_t)a.ptr[0] - (int)(int8_t)b.ptr[0];
        return high ? high : memcmp(a.ptr, b.ptr, a.len);
    }
    if (leaf->wire == WIRE_INT64) {
        memcpy(&x, a.ptr, 8), memcpy(&y, b.ptr, 8);
    } else if (leaf->wire == WIRE_INT32) {
        int32_t s, t;
        memcpy(&s, a.ptr, 4), memcpy(&t, b.ptr, 4);
        x = s, y = t;
    } else {
        x = a.ptr[0], y = b.ptr[0];
    }
    return (x > y) - (x < y);
}

enum { UNORDERED = 0, ASCENDING = 1, DESCENDING = 2 };

static int32_t boundary_order(const struct page_list *list) {
    bool up = true, down = true;
    uint32_t last = UINT32_MAX;
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->pages[i].all_null) continue;
        if (last != UINT32_MAX) {
            for (int max = 0; max < 2; max++) {
                int order = compare_bounds(list->leaf, page_bound(list, last, max),
                                           page_bound(list, i, max));
                up = up && order <= 0;
                down = down && order >= 0;
            }
        }
        last = i;
    }
    return up ? ASCENDING : down ? DESCENDING : UNORDERED;
}

/* False when some page has values but no bounds: then the chunk must not have a column index. */
static bool is_indexable(const struct page_list *list) {
    for (uint32_t i = 0; i < list->count; i++)
        if (!list->pages[i].all_null && !list->pages[i].has_bounds) return false;
    return list->count > 0;
}

static void put_histograms(struct sl_thrift_writer *thrift, const struct page_list *list) {
    const struct sl_parquet_leaf *leaf = list->leaf;
    const int64_t *counts = (const void *)leaf->page_histograms.ptr;
    uint32_t reps = leaf->max_rep + 1u, defs = leaf->max_def + 1u, stride = reps + defs;
    if (!leaf->page_histograms.len) return;
    if (leaf->max_rep) {
        sl_thrift_begin_list(thrift, 6, SL_THRIFT_I64, list->count * reps);
        for (uint32_t i = 0; i < list->count * reps; i++)
            sl_thrift_item_i64(thrift, counts[(size_t)(i / reps) * stride + i % reps]);
    }
    if (leaf->max_def > 1) {
        sl_thrift_begin_list(thrift, 7, SL_THRIFT_I64, list->count * defs);
        for (uint32_t i = 0; i < list->count * defs; i++)
            sl_thrift_item_i64(thrift, counts[(size_t)(i / defs) * stride + reps + i % defs]);
    }
}

static void put_column_index(struct sl_buf *out, const struct page_list *list) {
    struct sl_thrift_writer thrift;
    sl_thrift_writer_init(&thrift, out);
    sl_thrift_begin_list(&thrift, 1, SL_THRIFT_TRUE, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        sl_thrift_item_bool(&thrift, list->pages[i].all_null);
    for (int max = 0; max < 2; max++) {
        sl_thrift_begin_list(&thrift, max ? 3 : 2, SL_THRIFT_BINARY, list->count);
        for (uint32_t i = 0; i < list->count; i++)
            sl_thrift_item_str(&thrift, page_bound(list, i, max));
    }
    sl_thrift_put_i32(&thrift, 4, boundary_order(list));
    sl_thrift_begin_list(&thrift, 5, SL_THRIFT_I64, list->count);
    for (uint32_t i = 0; i < list->count; i++)
        sl_thrift_item_i64(&thrift, list->pages[i].null_count);
    put_histograms(&thrift, list);
    if (is_float(list->leaf)) { /* a chunk with NaN has no index */
        sl_thrift_begin_list(&thrift, 8, SL_THRIFT_I64, list->count);
        for (uint32_t i = 0; i < list->count; i++) sl_thrift_item_i64(&thrift, 0);
    }
    sl_thrift_end_struct(&thrift);
}

static void put_offset_index(struct sl_buf *out, const struct page_list *list,
                             int64_t pages_offset) {
    struct sl_thrift_writer thrift;
    sl_thrift_writer_init(&thrift, out);
    sl_thrift_begin_list(&thrift, 1, SL_THRIFT_STRUCT, list->count);
    for (uint32_t i = 0; i < list->count; i++) {
        sl_thrift_item_begin_struct(&thrift);
        sl_thrift_put_i64(&thrift, 1, pages_offset + list->pages[i].offset);
        sl_thrift_put_i32(&thrift, 2, list->pages[i].bytes);
        sl_thrift_put_i64(&thrift, 3, list->pages[i].first_row);
        sl_thrift_end_struct(&thrift);
    }
    if (list->leaf->is_bytes) {
        sl_thrift_begin_list(&thrift, 2, SL_THRIFT_I64, list->count);
        for (uint32_t i = 0; i < list->count; i++)
            sl_thrift_item_i64(&thrift, list->pages[i].raw_bytes);
    }
    sl_thrift_end_struct(&thrift);
}

void sl_parquet_put_chunk(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf,
                          int64_t chunk_offset, int64_t dict_bytes) {
    struct page_list list = {leaf, (const void *)leaf->pages.ptr,
                             (uint32_t)(leaf->pages.len / sizeof(struct sl_parquet_page))};
    struct sl_parquet_chunk_meta meta = {.meta_at = writer->metas.len};
    put_column_meta(writer, leaf, chunk_offset, dict_bytes);
    meta.meta_len = writer->metas.len - meta.meta_at;
    if (writer->options.page_index) {
        meta.column_index_at = writer->metas.len;
        if (writer->options.statistics && is_indexable(&list))
            put_column_index(&writer->metas, &list);
        meta.column_index_len = writer->metas.len - meta.column_index_at;
        meta.offset_index_at = writer->metas.len;
        put_offset_index(&writer->metas, &list, chunk_offset + dict_bytes);
        meta.offset_index_len = writer->metas.len - meta.offset_index_at;
    }
    sl_buf_put(&writer->chunks, &meta, sizeof meta);
}

/* ---- footer ---- */

static uint32_t chunk_count(const struct sl_parquet_writer *writer) {
    return (uint32_t)(writer->chunks.len / sizeof(struct sl_parquet_chunk_meta));
}

/* All column indexes, then all offset indexes. */
static enum sl_code send_indexes(struct sl_parquet_writer *writer, struct sl_err *err) {
    struct sl_parquet_chunk_meta *chunks = (void *)writer->chunks.ptr;
    for (uint32_t i = 0; i < chunk_count(writer); i++) {
        chunks[i].column_index_offset = (int64_t)writer->written;
        SL_TRY(sl_parquet_send(writer, writer->metas.ptr + chunks[i].column_index_at,
                               chunks[i].column_index_len, err));
    }
    for (uint32_t i = 0; i < chunk_count(writer); i++) {
        chunks[i].offset_index_offset = (int64_t)writer->written;
        SL_TRY(sl_parquet_send(writer, writer->metas.ptr + chunks[i].offset_index_at,
                               chunks[i].offset_index_len, err));
    }
    return SL_OK;
}

static void put_column_chunk(const struct sl_parquet_writer *writer,
                             struct sl_thrift_writer *thrift,
                             const struct sl_parquet_chunk_meta *chunk) {
    sl_thrift_item_begin_struct(thrift);
    sl_thrift_put_i64(thrift, 2, 0);
    sl_thrift_begin_struct(thrift, 3);
    /* the stored struct without its STOP: its field ids count from 0 as these do */
    sl_buf_put(thrift->out, writer->metas.ptr + chunk->meta_at, chunk->meta_len - 1);
    sl_thrift_end_struct(thrift);
    if (chunk->offset_index_len) {
        sl_thrift_put_i64(thrift, 4, chunk->offset_index_offset);
        sl_thrift_put_i32(thrift, 5, (int32_t)chunk->offset_index_len);
    }
    if (chunk->column_index_len) {
        sl_thrift_put_i64(thrift, 6, chunk->column_index_offset);
        sl_thrift_put_i32(thrift, 7, (int32_t)chunk->column_index_len);
    }
    sl_thrift_end_struct(thrift);
}

static void put_row_groups(const struct sl_parquet_writer *writer,
                           struct sl_thrift_writer *thrift) {
    const struct sl_parquet_group_meta *groups = (const void *)writer->groups.ptr;
    const struct sl_parquet_chunk_meta *chunks = (const void *)writer->chunks.ptr;
    uint32_t count = (uint32_t)(writer->groups.len / sizeof *groups);
    sl_thrift_begin_list(thrift, 4, SL_THRIFT_STRUCT, count);
    for (uint32_t i = 0; i < count; i++) {
        sl_thrift_item_begin_struct(thrift);
        sl_thrift_begin_list(thrift, 1, SL_THRIFT_STRUCT, writer->leaf_count);
        for (uint32_t k = 0; k < writer->leaf_count; k++)
            put_column_chunk(writer, thrift, &chunks[(size_t)i * writer->leaf_count + k]);
        sl_thrift_put_i64(thrift, 2, groups[i].raw_size);
        sl_thrift_put_i64(thrift, 3, groups[i].rows);
        sl_thrift_put_i64(thrift, 5, groups[i].offset);
        sl_thrift_put_i64(thrift, 6, groups[i].stored_size);
        if (i <= INT16_MAX) sl_thrift_put_i16(thrift, 7, (int16_t)i);
        sl_thrift_end_struct(thrift);
    }
}

static void put_key_values(struct sl_parquet_writer *writer, struct sl_thrift_writer *thrift) {
    sl_buf_clear(&writer->json);
    sl_type_put_json(&writer->json, writer->schema);
    sl_thrift_begin_list(thrift, 5, SL_THRIFT_STRUCT, 1);
    sl_thrift_item_begin_struct(thrift);
    sl_thrift_put_str(thrift, 1, SL_STR("org.apache.spark.sql.parquet.row.metadata"));
    sl_thrift_put_str(thrift, 2, sl_buf_str(&writer->json));
    sl_thrift_end_struct(thrift);
}

static void put_column_orders(const struct sl_parquet_writer *writer,
                              struct sl_thrift_writer *thrift) {
    sl_thrift_begin_list(thrift, 7, SL_THRIFT_STRUCT, writer->leaf_count);
    for (uint32_t i = 0; i < writer->leaf_count; i++) {
        sl_thrift_item_begin_struct(thrift);
        sl_thrift_begin_struct(thrift, 1); /* TYPE_ORDER */
        sl_thrift_end_struct(thrift);
        sl_thrift_end_struct(thrift);
    }
}

enum sl_code sl_parquet_put_footer(struct sl_parquet_writer *writer, struct sl_err *err) {
    struct sl_buf *out = &writer->packed;
    struct sl_thrift_writer thrift;
    SL_TRY(send_indexes(writer, err));
    sl_buf_clear(out);
    sl_thrift_writer_init(&thrift, out);
    sl_thrift_put_i32(&thrift, 1, 1);
    sl_parquet_tree_put(writer, &thrift);
    sl_thrift_put_i64(&thrift, 3, (int64_t)writer->rows);
    put_row_groups(writer, &thrift);
    put_key_values(writer, &thrift);
    sl_thrift_put_str(&thrift, 6, sl_str(created_by));
    put_column_orders(writer, &thrift);
    sl_thrift_end_struct(&thrift);
    if (out->len > INT32_MAX)
        return sl_fail(err, SL_UNSUPPORTED, "the Parquet footer of %zu bytes passes 2 GiB",
                       out->len);
    sl_buf_put_u32le(out, (uint32_t)out->len);
    sl_buf_put(out, "PAR1", 4);
    return sl_parquet_send(writer, out->ptr, out->len, err);
}
