/* A scan knows what the query wants; a reader takes one file of it. */
#include "table/table_scan.h"

#include <stdlib.h>

#include "base/io.h"
#include "fmt/parquet/parquet_read.h"
#include "table/conform.h"

struct sl_table_scan {
    struct sl_arena *query;
    struct sl_table_scan_config config;
    const struct sl_type *physical;
    uint32_t file_column_count;
    const struct sl_prune_term *terms;
    uint32_t term_count;
};

/* A column that is read: from the file's schema into the batch. */
struct read_column {
    uint32_t batch_column;
    bool differs;         /* goes through sl_conform_column */
    struct sl_vec result; /* of that */
};

struct sl_table_reader {
    const struct sl_table_scan *scan;
    const struct sl_scan_file *file;
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    const bool *wanted;
    uint32_t *file_columns; /* indexes into the file's schema */
    struct sl_vec *vectors; /* as the file has them */
    struct read_column *columns;
    uint32_t read_count;
    struct sl_arena scratch;
    /* where the next rows are in the file: groups that were not kept are passed over */
    bool *group_kept;
    uint32_t group;
    uint64_t row, group_rows_left;
    uint64_t *keep;
    uint32_t keep_words;
    int64_t *numbers; /* of the rows in the file, from 1: for messages and dead letters */
    uint32_t number_cap;
    bool skipped; /* the partition values rule every row out */
};

struct sl_table_scan *sl_table_scan_new(struct sl_arena *query,
                                        const struct sl_table_scan_config *config) {
    struct sl_table_scan *scan = SL_NEW(query, struct sl_table_scan);
    scan->query = query;
    scan->config = *config;
    scan->physical = config->physical ? config->physical : config->schema;
    scan->file_column_count = config->schema->field_count - config->partition_count;
    return scan;
}

void sl_table_scan_restrict(struct sl_table_scan *scan, struct sl_expr *const *conditions,
                            uint32_t count, const uint32_t *columns, const uint32_t *places) {
    const struct sl_prune_term *terms;
    scan->term_count = sl_prune_terms(scan->query, conditions, count, columns, &terms);
    struct sl_prune_term *placed =
        SL_NEW_ARRAY(scan->query, struct sl_prune_term, scan->term_count + 1);
    for (uint32_t i = 0; i < scan->term_count; i++) {
        placed[i] = terms[i];
        if (places) placed[i].column = places[terms[i].column];
    }
    scan->terms = placed;
}

const struct sl_prune_term *sl_table_scan_terms(const struct sl_table_scan *scan, uint32_t *count) {
    *count = scan->term_count;
    return scan->terms;
}

bool sl_table_scan_may_match(const struct sl_table_scan *scan, const struct sl_scan_file *file) {
    for (uint32_t i = 0; i < scan->term_count; i++) {
        const struct sl_prune_term *term = &scan->terms[i];
        if (term->column < scan->file_column_count || !file->partitions) continue;
        const struct sl_vec *value = &file->partitions[term->column - scan->file_column_count];
        if (sl_vec_is_null(value, 0) || !sl_prune_may_match(term, value, value)) return false;
    }
    return true;
}

/* ---- opening a file ---- */

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

static enum sl_code open_file(struct sl_table_reader *reader, struct sl_err *err) {
    SL_TRY(sl_file_reader_open(reader->file->path, &reader->bytes, err));
    enum sl_code code =
        sl_parquet_reader_open(read_bytes, reader->bytes, sl_file_reader_bytes(reader->bytes),
                               reader->scan->config.budget, &reader->parquet, err);
    if (code != SL_OK) sl_context(err, "file `%s`", reader->file->path);
    return code;
}

static bool stats_may_match(struct sl_table_reader *reader, uint32_t group,
                            const struct sl_prune_term *term) {
    const struct sl_type *file = sl_parquet_reader_schema(reader->parquet);
    const struct sl_type *type = reader->scan->config.schema->fields[term->column].type;
    int column = sl_type_find_field(file, reader->scan->physical->fields[term->column].name);
    struct sl_group_stats stats = {0};
    if (column < 0 || !sl_type_equal(file->fields[column].type, type)) return true;
    if (sl_parquet_reader_group_stats(reader->parquet, group, (uint32_t)column, &stats, NULL) !=
        SL_OK)
        return true;
    bool all_null = stats.has_null_count &&
                    stats.null_count == sl_parquet_reader_group_rows(reader->parquet, group);
    bool may =
        !all_null && (!stats.has_min_max || sl_prune_may_match(term, &stats.min, &stats.max));
    sl_vec_release(&stats.min);
    sl_vec_release(&stats.max);
    return may;
}

static bool keep_group(void *ctx, uint32_t group) {
    struct sl_table_reader *reader = ctx;
    for (uint32_t i = 0; i < reader->scan->term_count; i++) {
        const struct sl_prune_term *term = &reader->scan->terms[i];
        if (term->column < reader->scan->file_column_count && !stats_may_match(reader, group, term))
            return false;
    }
    return reader->group_kept[group] = true;
}

static enum sl_code refuse_type(const struct sl_table_reader *reader, const struct sl_field *file,
                                const struct sl_field *table, struct sl_err *err) {
    struct sl_arena arena;
    sl_arena_init(&arena, "message");
    sl_fail_at(err, (struct sl_span){0}, "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH",
               "KD001", "column `%.*s` of `%s` is %s, but the table has %s",
               SL_STR_ARG(table->name), reader->file->path, sl_type_sql(&arena, file->type),
               sl_type_sql(&arena, table->type));
    sl_arena_release(&arena);
    return SL_USER;
}

static enum sl_code choose_column(struct sl_table_reader *reader, uint32_t column,
                                  struct sl_err *err) {
    const struct sl_table_scan *scan = reader->scan;
    const struct sl_type *file = sl_parquet_reader_schema(reader->parquet);
    const struct sl_field *names = &scan->physical->fields[column],
                          *table = &scan->config.schema->fields[column];
    int at = sl_type_find_field(file, names->name);
    if (at < 0) return SL_OK; /* a column this file does not have reads as null */
    const struct sl_type *type = file->fields[at].type;
    bool differs = !sl_type_equal(type, table->type);
    if (differs && (!scan->config.widen || !sl_conform_allowed(type, names->type, table->type)))
        return refuse_type(reader, &file->fields[at], table, err);
    uint32_t i = reader->read_count++;
    reader->file_columns[i] = (uint32_t)at;
    reader->columns[i] = (struct read_column){.batch_column = column, .differs = differs};
    sl_vec_init(&reader->columns[i].result, table->type);
    sl_vec_init(&reader->vectors[i], differs ? type : table->type);
    return SL_OK;
}

static enum sl_code start_reader(struct sl_table_reader *reader, struct sl_err *err) {
    uint32_t count = reader->scan->file_column_count;
    SL_TRY(open_file(reader, err));
    reader->file_columns = sl_xcalloc(count, sizeof *reader->file_columns);
    reader->columns = sl_xcalloc(count, sizeof *reader->columns);
    reader->vectors = sl_xcalloc(count, sizeof *reader->vectors);
    reader->group_kept =
        sl_xcalloc(sl_parquet_reader_group_count(reader->parquet) + 1, sizeof *reader->group_kept);
    for (uint32_t c = 0; c < count; c++)
        if (reader->wanted[c]) SL_TRY(choose_column(reader, c, err));
    return sl_parquet_reader_start(reader->parquet, reader->file_columns, reader->read_count,
                                   keep_group, reader, err);
}

enum sl_code sl_table_reader_open(const struct sl_table_scan *scan, const struct sl_scan_file *file,
                                  const bool *wanted, struct sl_table_reader **out,
                                  struct sl_err *err) {
    struct sl_table_reader *reader = sl_xcalloc(1, sizeof *reader);
    *reader = (struct sl_table_reader){.scan = scan, .file = file, .wanted = wanted};
    sl_arena_init(&reader->scratch, "scan");
    reader->skipped = !sl_table_scan_may_match(scan, file);
    enum sl_code code = reader->skipped ? SL_OK : start_reader(reader, err);
    if (code != SL_OK)
        sl_table_reader_close(reader);
    else
        *out = reader;
    return code;
}

void sl_table_reader_close(struct sl_table_reader *reader) {
    if (!reader) return;
    for (uint32_t i = 0; i < reader->read_count; i++) {
        sl_vec_release(&reader->vectors[i]);
        sl_vec_release(&reader->columns[i].result);
    }
    sl_parquet_reader_close(reader->parquet);
    sl_file_reader_close(reader->bytes);
    sl_arena_release(&reader->scratch);
    free(reader->vectors);
    free(reader->columns);
    free(reader->file_columns);
    free(reader->group_kept);
    free(reader->keep);
    free(reader->numbers);
    free(reader);
}

/* ---- batches ---- */

static enum sl_code next_rows(struct sl_table_reader *reader, uint32_t rows_max, uint32_t *rows,
                              struct sl_err *err) {
    if (reader->read_count == 0) { /* only how many there are */
        uint64_t left = sl_parquet_reader_rows(reader->parquet) - reader->row;
        *rows = left < rows_max ? (uint32_t)left : rows_max;
        return SL_OK;
    }
    return sl_parquet_reader_next(reader->parquet, rows_max, reader->vectors, rows, err);
}

/* Position of the rows that were just read. They are of one row group, and every group before it
 * has been asked for by keep_group. */
static uint64_t take_position(struct sl_table_reader *reader, uint32_t rows) {
    if (reader->read_count > 0) {
        while (reader->group_rows_left == 0) {
            uint64_t group_rows = sl_parquet_reader_group_rows(reader->parquet, reader->group);
            if (reader->group_kept[reader->group++])
                reader->group_rows_left = group_rows;
            else
                reader->row += group_rows;
        }
        reader->group_rows_left -= rows;
    }
    uint64_t first = reader->row;
    reader->row += rows;
    return first;
}

static const int64_t *number_rows(struct sl_table_reader *reader, uint64_t first, uint32_t rows) {
    if (rows > reader->number_cap) {
        reader->numbers = sl_xrealloc(reader->numbers, rows * sizeof *reader->numbers);
        reader->number_cap = rows;
    }
    for (uint32_t i = 0; i < rows; i++) reader->numbers[i] = (int64_t)(first + i + 1);
    return reader->numbers;
}

static void select_rows(struct sl_table_reader *reader, uint64_t first, struct sl_batch *batch) {
    const struct sl_scan_file *file = reader->file;
    uint32_t words = (uint32_t)SL_BIT_WORDS(batch->rows);
    if (!file->clear_deleted) return;
    if (words > reader->keep_words) {
        reader->keep = sl_xrealloc(reader->keep, words * sizeof *reader->keep);
        reader->keep_words = words;
    }
    sl_bits_fill(reader->keep, batch->rows, true);
    file->clear_deleted(file->deleted, first, batch->rows, reader->keep);
    uint32_t kept = (uint32_t)sl_bits_count(reader->keep, batch->rows);
    if (kept == batch->rows) return;
    batch->selected = reader->keep;
    batch->selected_rows = kept;
}

static enum sl_code fill_columns(struct sl_table_reader *reader, struct sl_batch *batch,
                                 struct sl_err *err) {
    const struct sl_table_scan *scan = reader->scan;
    sl_arena_reset(&reader->scratch);
    for (uint32_t i = 0; i < reader->read_count; i++) {
        struct read_column *column = &reader->columns[i];
        struct sl_vec *out = &batch->columns[column->batch_column];
        if (!column->differs) {
            sl_vec_borrow(out, &reader->vectors[i]);
            continue;
        }
        const struct sl_field *names = &scan->physical->fields[column->batch_column];
        SL_TRY(sl_conform_column(scan->config.session, &reader->scratch, &reader->vectors[i],
                                 names->type, &column->result, err));
        sl_vec_borrow(out, &column->result);
    }
    for (uint32_t p = 0; p < scan->config.partition_count; p++) {
        struct sl_vec *out = &batch->columns[scan->file_column_count + p];
        sl_vec_borrow(out, &reader->file->partitions[p]);
        out->rows = batch->rows;
    }
    return SL_OK;
}

/* Columns that this file lacks: nulls. */
static enum sl_code fill_missing(struct sl_table_reader *reader, struct sl_batch *batch,
                                 struct sl_err *err) {
    uint32_t next = 0; /* columns are in the schema's order */
    for (uint32_t c = 0; c < reader->scan->file_column_count; c++) {
        if (next < reader->read_count && reader->columns[next].batch_column == c)
            next++;
        else if (reader->wanted[c])
            SL_TRY(sl_vec_append_null(&batch->columns[c], batch->rows, err));
    }
    return SL_OK;
}

enum sl_code sl_table_reader_next(struct sl_table_reader *reader, uint32_t rows_max,
                                  struct sl_batch *batch, struct sl_err *err) {
    uint32_t rows = 0;
    if (reader->skipped) return SL_OK;
    enum sl_code code = next_rows(reader, rows_max, &rows, err);
    if (code == SL_OK && rows > 0) {
        uint64_t first = take_position(reader, rows);
        batch->rows = batch->selected_rows = rows;
        batch->origin =
            (struct sl_origin){"file", reader->file->path, -1, number_rows(reader, first, rows)};
        select_rows(reader, first, batch);
        code = fill_columns(reader, batch, err);
        if (code == SL_OK) code = fill_missing(reader, batch, err);
    }
    if (code != SL_OK) sl_context(err, "file `%s`", reader->file->path);
    return code;
}
