#include "fmt/parquet/parquet_write.h"

#include <stdlib.h>

#include "fmt/parquet/parquet_write_int.h"

/* Parts of the memory limit. */
enum { GROUPS_UP_TO_PERCENT = 70, TINY_GROUP_SHARE = 64 };

void sl_parquet_write_options_init(struct sl_parquet_write_options *options) {
    *options = (struct sl_parquet_write_options){.codec = SL_CODEC_SNAPPY,
                                                 .zstd_level = 1,
                                                 .page_bytes = 128 << 10,
                                                 .page_rows = 20000,
                                                 .row_group_bytes = (size_t)128 << 20,
                                                 .row_group_rows = 1 << 20,
                                                 .dictionary = true,
                                                 .statistics = true,
                                                 .page_index = true,
                                                 .crc = true,
                                                 .adaptive_codec = true};
}

/* ---- life cycle ---- */

static void begin_file(struct sl_parquet_writer *writer, sl_bytes_fn write, void *write_ctx) {
    writer->write = write;
    writer->write_ctx = write_ctx;
    writer->rows = writer->group_rows = writer->written = 0;
    writer->stored_bytes = 0;
    writer->block = NULL;
    writer->finished = writer->failed = false;
    sl_buf_clear(&writer->metas);
    sl_buf_clear(&writer->chunks);
    sl_buf_clear(&writer->groups);
}

static void clear_leaf(struct sl_parquet_writer *writer, struct sl_parquet_leaf *leaf) {
    if (leaf->values.len) leaf->values.len = PAGE_HEAD;
    sl_buf_clear(&leaf->defs);
    sl_buf_clear(&leaf->reps);
    leaf->defs_kept = false;
    leaf->page_values = leaf->page_levels = leaf->page_rows = 0;
    leaf->page_raw_bytes = 0;
    sl_bounds_clear(&leaf->page_bounds);
    sl_bounds_clear(&leaf->file_bounds);
    sl_leaf_begin_chunk(writer, leaf);
}

enum sl_code sl_parquet_writer_new(const struct sl_type *schema,
                                   const struct sl_parquet_write_options *options,
                                   struct sl_budget *budget, sl_bytes_fn write, void *write_ctx,
                                   struct sl_parquet_writer **out, struct sl_err *err) {
    struct sl_parquet_writer *writer = sl_xcalloc(1, sizeof *writer);
    *out = NULL;
    writer->schema = schema;
    writer->options = *options;
    if (!writer->options.page_rows) writer->options.page_rows = 1;
    if (!writer->options.page_bytes) writer->options.page_bytes = 1;
    if (!writer->options.row_group_rows) writer->options.row_group_rows = 1;
    writer->budget = budget;
    sl_arena_init(&writer->arena, "parquet writer");
    sl_arena_init(&writer->scratch, "parquet rows");
    sl_compressor_init(&writer->compressor, options->codec, options->zstd_level);
    enum sl_code code = sl_parquet_tree_build(writer, err);
    if (code != SL_OK) {
        sl_parquet_writer_free(writer);
        return code;
    }
    writer->stats = sl_arena_zalloc(&writer->arena, schema->field_count * sizeof *writer->stats);
    for (uint32_t i = 0; i < writer->leaf_count; i++) clear_leaf(writer, writer->leaves[i]);
    begin_file(writer, write, write_ctx);
    *out = writer;
    return SL_OK;
}

void sl_parquet_writer_reset(struct sl_parquet_writer *writer, sl_bytes_fn write, void *write_ctx) {
    for (uint32_t i = 0; i < writer->leaf_count; i++) clear_leaf(writer, writer->leaves[i]);
    begin_file(writer, write, write_ctx);
}

static void release_blocks(struct sl_parquet_writer *writer) {
    for (struct sl_parquet_block *block = writer->blocks, *next; block; block = next) {
        next = block->next;
        free(block);
    }
    writer->blocks = writer->block = NULL;
    writer->block_bytes = 0;
}

static void release_leaf(struct sl_parquet_leaf *leaf) {
    sl_buf_release(&leaf->values);
    free(leaf->codes);
    sl_buf_release(&leaf->defs);
    sl_buf_release(&leaf->reps);
    sl_dict_release(&leaf->dict);
    sl_buf_release(&leaf->pieces);
    sl_buf_release(&leaf->pages);
    sl_buf_release(&leaf->index_bytes);
    sl_buf_release(&leaf->page_histograms);
    sl_bounds_release(&leaf->page_bounds);
    sl_bounds_release(&leaf->chunk_bounds);
    sl_bounds_release(&leaf->file_bounds);
}

void sl_parquet_writer_free(struct sl_parquet_writer *writer) {
    if (!writer) return;
    for (uint32_t i = 0; i < writer->leaf_count; i++) release_leaf(writer->leaves[i]);
    for (uint32_t i = 0; writer->stats && i < writer->schema->field_count; i++) {
        sl_vec_release(&writer->stats[i].min);
        sl_vec_release(&writer->stats[i].max);
    }
    release_blocks(writer);
    sl_compressor_release(&writer->compressor);
    struct sl_buf *bufs[] = {&writer->levels,   &writer->json,  &writer->packed,  &writer->header,
                             &writer->gathered, &writer->marks, &writer->mapping, &writer->metas,
                             &writer->chunks,   &writer->groups};
    for (size_t i = 0; i < sizeof bufs / sizeof *bufs; i++) sl_buf_release(bufs[i]);
    free(writer->wide);
    sl_arena_release(&writer->scratch);
    sl_arena_release(&writer->arena);
    if (writer->taken_bytes) sl_budget_give(writer->budget, writer->taken_bytes);
    free(writer);
}

/* ---- memory ---- */

static size_t leaf_memory(const struct sl_parquet_leaf *leaf) {
    return leaf->values.cap + leaf->codes_cap * sizeof *leaf->codes + leaf->defs.cap +
           leaf->reps.cap + sl_dict_memory(&leaf->dict) + leaf->pieces.cap + leaf->pages.cap +
           leaf->index_bytes.cap + leaf->page_histograms.cap;
}

size_t sl_parquet_writer_memory(const struct sl_parquet_writer *writer) {
    size_t bytes = sizeof *writer + writer->block_bytes + writer->levels.cap + writer->json.cap +
                   writer->packed.cap + writer->gathered.cap + writer->marks.cap +
                   writer->mapping.cap + writer->metas.cap + writer->chunks.cap +
                   writer->groups.cap + writer->wide_cap * sizeof *writer->wide;
    for (uint32_t i = 0; i < writer->leaf_count; i++) bytes += leaf_memory(writer->leaves[i]);
    return bytes;
}

uint64_t sl_parquet_writer_rows(const struct sl_parquet_writer *writer) { return writer->rows; }

uint64_t sl_parquet_writer_bytes(const struct sl_parquet_writer *writer) {
    uint64_t bytes = writer->written + writer->stored_bytes;
    for (uint32_t i = 0; i < writer->leaf_count; i++) {
        const struct sl_parquet_leaf *leaf = writer->leaves[i];
        bytes += leaf->values.len > PAGE_HEAD ? leaf->values.len - PAGE_HEAD : 0;
        if (leaf->dict_mode) {
            uint32_t width = leaf->dict.count ? 32 - (uint32_t)__builtin_clz(leaf->dict.count) : 0;
            bytes += leaf->dict.plain.len + (uint64_t)leaf->page_values * width / 8;
        }
    }
    return bytes;
}

/* ---- row groups ---- */

static enum sl_code send_magic(struct sl_parquet_writer *writer, struct sl_err *err) {
    return writer->written ? SL_OK : sl_parquet_send(writer, "PAR1", 4, err);
}

static enum sl_code end_group(struct sl_parquet_writer *writer, struct sl_err *err) {
    if (!writer->group_rows) return SL_OK;
    SL_TRY(send_magic(writer, err));
    struct sl_parquet_group_meta group = {.rows = (int64_t)writer->group_rows,
                                          .offset = (int64_t)writer->written};
    for (uint32_t i = 0; i < writer->leaf_count; i++) {
        struct sl_parquet_leaf *leaf = writer->leaves[i];
        int64_t chunk_offset = (int64_t)writer->written, dict_bytes;
        SL_TRY(sl_leaf_send_chunk(writer, leaf, &dict_bytes, err));
        sl_parquet_put_chunk(writer, leaf, chunk_offset, dict_bytes);
        group.raw_size += leaf->raw_size;
        group.stored_size += leaf->stored_size;
        sl_bounds_merge(&leaf->file_bounds, &leaf->chunk_bounds);
        sl_leaf_begin_chunk(writer, leaf);
    }
    sl_buf_put(&writer->groups, &group, sizeof group);
    writer->group_rows = 0;
    writer->stored_bytes = 0;
    writer->block = NULL;
    return SL_OK;
}

/* A row group can end at any time, what a query remembers cannot: the last part of the memory is
 * left to that, unless little would be gained. */
static bool leaves_room(const struct sl_parquet_writer *writer, size_t now) {
    struct sl_budget *budget = writer->budget;
    size_t limit = budget ? budget->limit_bytes : 0;
    if (limit == 0 || writer->block_bytes < limit / TINY_GROUP_SHARE) return true;
    return atomic_load(&budget->used_bytes) + (now - writer->taken_bytes) <=
           limit / 100 * GROUPS_UP_TO_PERCENT;
}

/* The budget is told after each batch, which bounds what it does not know of; when it says no, an
 * early row group frees what can be freed before the answer is final. */
static enum sl_code account(struct sl_parquet_writer *writer, struct sl_err *err) {
    size_t now = sl_parquet_writer_memory(writer);
    if (now <= writer->taken_bytes) return SL_OK;
    if (leaves_room(writer, now) && sl_budget_take(writer->budget, now - writer->taken_bytes,
                                                   "a Parquet row group", NULL) == SL_OK) {
        writer->taken_bytes = now;
        return SL_OK;
    }
    SL_TRY(end_group(writer, err));
    release_blocks(writer);
    now = sl_parquet_writer_memory(writer);
    if (now <= writer->taken_bytes) {
        sl_budget_give(writer->budget, writer->taken_bytes - now);
    } else {
        SL_TRY(
            sl_budget_take(writer->budget, now - writer->taken_bytes, "a Parquet row group", err));
    }
    writer->taken_bytes = now;
    return SL_OK;
}

static enum sl_code write_rows(struct sl_parquet_writer *writer,
                               const struct sl_vec *const *columns, const uint32_t *idx,
                               uint32_t begin, uint32_t count, struct sl_err *err) {
    for (uint32_t i = 0; i < writer->root.child_count; i++) {
        const struct sl_parquet_node *node = &writer->root.children[i];
        if (node->leaf) {
            SL_TRY(sl_parquet_append_flat(writer, node, columns[i], idx, begin, count, err));
        } else {
            SL_TRY(sl_parquet_append_nested(writer, node, columns[i], idx, begin, count, err));
        }
    }
    writer->group_rows += count;
    writer->rows += count;
    bool full =
        writer->group_rows >= writer->options.row_group_rows ||
        sl_parquet_writer_bytes(writer) - writer->written >= writer->options.row_group_bytes;
    return full ? end_group(writer, err) : SL_OK;
}

/* An error in the middle leaves columns of unequal length: the file is lost, only reset and free
 * may follow. */
static enum sl_code refuse_broken(const struct sl_parquet_writer *writer, struct sl_err *err) {
    if (writer->failed)
        return sl_fail(err, SL_BUG, "this Parquet file cannot go on after the error before");
    if (writer->finished) return sl_fail(err, SL_BUG, "this Parquet file is finished already");
    return SL_OK;
}

enum sl_code sl_parquet_writer_write(struct sl_parquet_writer *writer,
                                     const struct sl_vec *const *columns, const uint32_t *idx,
                                     uint32_t count, struct sl_err *err) {
    SL_TRY(refuse_broken(writer, err));
    writer->failed = true;
    for (uint32_t begin = 0; begin < count;) {
        uint64_t room = writer->options.row_group_rows - writer->group_rows;
        uint32_t rows = count - begin < room ? count - begin : (uint32_t)room;
        SL_TRY(write_rows(writer, columns, idx, begin, rows, err));
        begin += rows;
    }
    SL_TRY(account(writer, err));
    writer->failed = false;
    return SL_OK;
}

enum sl_code sl_parquet_writer_flush(struct sl_parquet_writer *writer, struct sl_err *err) {
    SL_TRY(refuse_broken(writer, err));
    writer->failed = true;
    SL_TRY(end_group(writer, err));
    release_blocks(writer);
    size_t now = sl_parquet_writer_memory(writer);
    if (now < writer->taken_bytes) {
        sl_budget_give(writer->budget, writer->taken_bytes - now);
        writer->taken_bytes = now;
    }
    writer->failed = false;
    return SL_OK;
}

/* ---- the end ---- */

static enum sl_code set_bound(struct sl_vec *vec, const struct sl_type *type,
                              const struct sl_bounds *bounds, bool max, struct sl_err *err) {
    if (vec->type != type) sl_vec_init(vec, type);
    sl_vec_clear(vec);
    if (!bounds->has) return SL_OK;
    union sl_bound bound = max ? bounds->max : bounds->min;
    switch (bounds->order) {
    case SL_ORDER_I32:
    case SL_ORDER_I64:
        return sl_vec_put_i64(vec, bound.i64, err);
    case SL_ORDER_F32:
    case SL_ORDER_F64:
        return sl_vec_put_f64(vec, bound.f64, err);
    case SL_ORDER_I128:
        return sl_vec_put_i128(vec, bound.i128, err);
    case SL_ORDER_BYTES:
        return sl_vec_put_str(vec, sl_buf_str(max ? &bounds->max_bytes : &bounds->min_bytes), err);
    }
    return SL_OK;
}

static enum sl_code fill_stats(struct sl_parquet_writer *writer, struct sl_err *err) {
    for (uint32_t i = 0; i < writer->root.child_count; i++) {
        const struct sl_parquet_leaf *leaf = writer->root.children[i].leaf;
        struct sl_column_stats *stats = &writer->stats[i];
        if (!leaf) continue;
        stats->null_count = leaf->file_bounds.null_count;
        stats->has_nan = leaf->file_bounds.nan_count > 0;
        SL_TRY(set_bound(&stats->min, leaf->type, &leaf->file_bounds, false, err));
        SL_TRY(set_bound(&stats->max, leaf->type, &leaf->file_bounds, true, err));
    }
    return SL_OK;
}

enum sl_code sl_parquet_writer_finish(struct sl_parquet_writer *writer, struct sl_err *err) {
    SL_TRY(refuse_broken(writer, err));
    writer->failed = true;
    SL_TRY(end_group(writer, err));
    SL_TRY(send_magic(writer, err));
    SL_TRY(sl_parquet_put_footer(writer, err));
    SL_TRY(fill_stats(writer, err));
    writer->failed = false;
    writer->finished = true;
    return SL_OK;
}

const struct sl_column_stats *sl_parquet_writer_stats(const struct sl_parquet_writer *writer,
                                                      uint32_t column) {
    if (!writer->finished || column >= writer->root.child_count) return NULL;
    return writer->root.children[column].leaf ? &writer->stats[column] : NULL;
}
