#include "fmt/parquet/parquet_read.h"

#include <stdlib.h>

#include "fmt/parquet/parquet_read_int.h"

enum { TAIL_FIRST = 64 << 10, FILE_MIN = 12, BATCH_BYTES = 32 << 20 };

/* ---- opening ---- */

/* The last bytes of the file, of which the footer is the last part before length and magic. */
static enum sl_code read_tail(struct sl_parquet_reader *r, size_t len, struct sl_err *err) {
    SL_TRY(sl_parquet_bytes_reserve(&r->source, &r->tail, len, err));
    return r->source.read(r->source.read_ctx, r->source.file_bytes - len, r->tail.ptr, len, err);
}

static enum sl_code not_parquet(struct sl_err *err, uint64_t file_bytes, const char *why) {
    return sl_fail(err, SL_DATA, "not a Parquet file of %llu bytes: %s",
                   (unsigned long long)file_bytes, why);
}

static enum sl_code read_footer(struct sl_parquet_reader *r, struct sl_err *err) {
    uint64_t file_bytes = r->source.file_bytes;
    if (file_bytes < FILE_MIN) return not_parquet(err, file_bytes, "it is too short");
    size_t len = file_bytes < TAIL_FIRST ? (size_t)file_bytes : TAIL_FIRST;
    SL_TRY(read_tail(r, len, err));
    const uint8_t *end = r->tail.ptr + len;
    if (memcmp(end - 4, "PARE", 4) == 0)
        return sl_fail(err, SL_UNSUPPORTED,
                       "the Parquet file has an encrypted footer, which is not supported");
    if (memcmp(end - 4, "PAR1", 4) != 0)
        return not_parquet(err, file_bytes, "it does not end with the magic bytes PAR1");
    uint32_t footer_len = sl_load_u32(end - 8);
    if (footer_len > file_bytes - FILE_MIN)
        return not_parquet(err, file_bytes, "the footer's length is more than the file");
    if (footer_len > len - 8) {
        len = (size_t)footer_len + 8;
        SL_TRY(read_tail(r, len, err));
    }
    struct sl_str bytes = {(const char *)r->tail.ptr + len - 8 - footer_len, footer_len};
    SL_TRY(sl_parquet_footer_parse(&r->arena, bytes, &r->footer, err));
    r->charged = r->arena.used_bytes;
    enum sl_code code = sl_budget_take(r->source.budget, r->charged, "a Parquet footer", err);
    if (code != SL_OK) r->charged = 0;
    return code;
}

enum sl_code sl_parquet_reader_open(sl_read_fn read, void *read_ctx, uint64_t file_bytes,
                                    struct sl_budget *budget, struct sl_parquet_reader **out,
                                    struct sl_err *err) {
    struct sl_parquet_reader *r = sl_xcalloc(1, sizeof *r);
    *out = NULL;
    sl_arena_init(&r->arena, "parquet reader");
    r->source = (struct sl_parquet_source){.read = read,
                                           .read_ctx = read_ctx,
                                           .file_bytes = file_bytes,
                                           .budget = budget,
                                           .footer = &r->footer};
    sl_decompressor_init(&r->source.decompressor);
    enum sl_code code = read_footer(r, err);
    if (code != SL_OK) {
        sl_parquet_reader_close(r);
        return code;
    }
    *out = r;
    return SL_OK;
}

static void release_columns(struct sl_parquet_reader *r) {
    for (uint32_t i = 0; i < r->column_count; i++) sl_parquet_column_release(&r->columns[i]);
    free(r->columns);
    free(r->chosen);
    sl_budget_give(r->source.budget, r->columns_charged);
    r->columns = NULL;
    r->chosen = NULL;
    r->column_count = r->chosen_count = 0;
    r->columns_charged = 0;
}

void sl_parquet_reader_close(struct sl_parquet_reader *r) {
    if (!r) return;
    release_columns(r);
    sl_parquet_bytes_release(&r->source, &r->tail);
    sl_budget_give(r->source.budget, r->charged);
    sl_decompressor_release(&r->source.decompressor);
    sl_arena_release(&r->arena);
    free(r);
}

const struct sl_type *sl_parquet_reader_schema(const struct sl_parquet_reader *r) {
    return r->footer.schema.type;
}

/* The sum over the row groups, which is what can be read; num_rows is a copy of it. */
uint64_t sl_parquet_reader_rows(const struct sl_parquet_reader *r) {
    uint64_t rows = 0;
    for (uint32_t g = 0; g < r->footer.group_count; g++) rows += (uint64_t)r->footer.groups[g].rows;
    return rows;
}

uint32_t sl_parquet_reader_group_count(const struct sl_parquet_reader *r) {
    return r->footer.group_count;
}

uint64_t sl_parquet_reader_group_rows(const struct sl_parquet_reader *r, uint32_t group) {
    return group < r->footer.group_count ? (uint64_t)r->footer.groups[group].rows : 0;
}

/* ---- choosing ---- */

static const struct sl_parquet_node *top_node(const struct sl_parquet_reader *r, uint32_t field) {
    return &r->footer.schema.root.children[field];
}

static void init_columns(struct sl_parquet_reader *r, const struct sl_parquet_node *node,
                         const struct sl_parquet_node *top) {
    if (node->leaf) {
        struct sl_parquet_column *column = &r->columns[r->column_count++];
        sl_parquet_column_init(column, &r->source, node);
        column->keep_levels = top != node;
        column->dict_output = top == node && sl_type_is_bytes(node->type);
        return;
    }
    for (uint32_t i = 0; i < node->type->field_count; i++) init_columns(r, &node->children[i], top);
}

enum sl_code sl_parquet_reader_start(struct sl_parquet_reader *r, const uint32_t *columns,
                                     uint32_t count, bool (*keep)(void *ctx, uint32_t group),
                                     void *keep_ctx, struct sl_err *err) {
    size_t leaves = 0;
    release_columns(r);
    for (uint32_t i = 0; i < count; i++) {
        if (columns[i] >= r->footer.schema.type->field_count)
            return sl_fail(err, SL_BUG, "the Parquet file has no column number %u", columns[i]);
        leaves += top_node(r, columns[i])->leaf_count;
    }
    size_t bytes = leaves * sizeof *r->columns;
    SL_TRY(sl_budget_take(r->source.budget, bytes, "Parquet columns", err));
    r->columns_charged = bytes;
    r->columns = sl_xcalloc(leaves, sizeof *r->columns);
    r->chosen = sl_xcalloc(count, sizeof *r->chosen);
    if (count) memcpy(r->chosen, columns, count * sizeof *columns);
    r->chosen_count = count;
    for (uint32_t i = 0; i < count; i++)
        init_columns(r, top_node(r, columns[i]), top_node(r, columns[i]));
    r->keep = keep;
    r->keep_ctx = keep_ctx;
    r->group = 0;
    r->in_group = r->failed = false;
    return SL_OK;
}

/* ---- reading ---- */

/* Rows that take about BATCH_BYTES: long strings come in short batches. Only a claim of the file,
 * but a wrong one makes batches short or long, no more. */
static uint32_t step_of(uint64_t bytes, int64_t rows) {
    uint64_t row_bytes = bytes / (uint64_t)rows + 1;
    return row_bytes < BATCH_BYTES ? (uint32_t)(BATCH_BYTES / row_bytes) : 1;
}

static enum sl_code open_group(struct sl_parquet_reader *r, struct sl_err *err) {
    uint64_t bytes = 0;
    const struct sl_parquet_group *group = &r->footer.groups[r->group];
    struct sl_parquet_column *column = r->columns;
    for (uint32_t i = 0; i < r->chosen_count; i++) {
        const struct sl_parquet_node *node = top_node(r, r->chosen[i]);
        for (uint32_t k = 0; k < node->leaf_count; k++) {
            const struct sl_parquet_chunk *chunk = &group->chunks[node->first_leaf + k];
            SL_TRY(sl_parquet_column_start(column++, chunk, group->rows, err));
            if (chunk->plain_bytes > 0) bytes += (uint64_t)chunk->plain_bytes;
        }
    }
    r->group_step = step_of(bytes, group->rows);
    r->group_rows_left = group->rows;
    r->in_group = true;
    return SL_OK;
}

static enum sl_code next_group(struct sl_parquet_reader *r, struct sl_err *err) {
    for (; r->group < r->footer.group_count; r->group++) {
        if (r->footer.groups[r->group].rows == 0) continue;
        if (r->keep && !r->keep(r->keep_ctx, r->group)) continue;
        return open_group(r, err);
    }
    return SL_OK;
}

/* Gives each leaf below the node its vector in the tree of `out`. */
static void bind(const struct sl_parquet_node *node, struct sl_parquet_column **next,
                 struct sl_vec *out) {
    sl_assert(out->type->kind == node->type->kind &&
              sl_type_width(out->type) == sl_type_width(node->type) &&
              out->type->field_count == node->type->field_count);
    if (node->leaf) {
        (*next)++->out = out;
        return;
    }
    for (uint32_t i = 0; i < node->type->field_count; i++)
        bind(&node->children[i], next, &out->children[i]);
}

static enum sl_code read_field(const struct sl_parquet_node *node,
                               struct sl_parquet_column *columns, uint32_t rows, struct sl_vec *out,
                               struct sl_err *err) {
    struct sl_parquet_column *next = columns;
    sl_vec_clear(out);
    bind(node, &next, out);
    for (uint32_t i = 0; i < node->leaf_count; i++)
        SL_TRY(sl_parquet_column_read(&columns[i], rows, err));
    SL_TRY(sl_parquet_assemble(node, columns, out, err));
    if (out->rows == rows) return SL_OK;
    return sl_parquet_column_fail(columns, err, "it has %u rows where %u are due", out->rows, rows);
}

static enum sl_code finish_group(struct sl_parquet_reader *r, struct sl_err *err) {
    for (uint32_t i = 0; i < r->column_count; i++)
        SL_TRY(sl_parquet_column_finish(&r->columns[i], err));
    r->in_group = false;
    r->group++;
    return SL_OK;
}

static enum sl_code read_fields(struct sl_parquet_reader *r, uint32_t rows, struct sl_vec *out,
                                struct sl_err *err) {
    struct sl_parquet_column *columns = r->columns;
    for (uint32_t i = 0; i < r->chosen_count; i++) {
        const struct sl_parquet_node *node = top_node(r, r->chosen[i]);
        SL_TRY(read_field(node, columns, rows, &out[i], err));
        columns += node->leaf_count;
    }
    r->group_rows_left -= rows;
    return r->group_rows_left ? SL_OK : finish_group(r, err);
}

enum sl_code sl_parquet_reader_next(struct sl_parquet_reader *r, uint32_t rows_max,
                                    struct sl_vec *out, uint32_t *rows, struct sl_err *err) {
    *rows = 0;
    if (r->failed) return sl_fail(err, SL_BUG, "the Parquet reader has failed before");
    if (!r->in_group) SL_TRY(next_group(r, err));
    if (!r->in_group || rows_max == 0) return SL_OK;
    uint32_t count = rows_max < r->group_step ? rows_max : r->group_step;
    if (r->group_rows_left < count) count = (uint32_t)r->group_rows_left;
    enum sl_code code = read_fields(r, count, out, err);
    r->failed = code != SL_OK;
    if (code == SL_OK) *rows = count;
    return code;
}
