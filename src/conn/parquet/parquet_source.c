/* Parquet files as a batch source: one split per file, partition columns from the directories, only
 * wanted columns read. */
#include <stdlib.h>

#include "base/io.h"
#include "conn/parquet/parquet_sink_int.h"
#include "conn/parquet/prune.h"
#include "fmt/parquet/parquet_read.h"
#include "kern/cast.h"
#include "lake/listing.h"

struct source {
    struct sl_source base;
    const struct sl_conn_env *env;
    struct sl_listing listing;
    const struct sl_type *schema; /* file columns, then partition columns */
    uint32_t file_column_count;
    struct sl_str description;
    const struct sl_prune_term *terms;
    uint32_t term_count;
};

struct reader {
    struct sl_reader base;
    const struct source *source;
    const struct sl_listed_file *listed;
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    const bool *wanted;
    uint32_t *read_columns;  /* indexes into the file's schema */
    uint32_t *batch_columns; /* where they go */
    uint32_t read_count;
    struct sl_vec *vectors;    /* read_count */
    struct sl_vec *partitions; /* CONST, per partition column */
    uint64_t rows_done;
    bool skipped; /* the partition values rule every row out */
};

static const struct sl_source_ops source_ops;

static enum sl_code read_bytes(void *ctx, uint64_t offset, void *to, size_t len,
                               struct sl_err *err) {
    return sl_file_reader_read(ctx, offset, to, len, err);
}

static enum sl_code open_file(const struct source *source, const char *path,
                              struct sl_file_reader **bytes, struct sl_parquet_reader **parquet,
                              struct sl_err *err) {
    SL_TRY(sl_file_reader_open(path, bytes, err));
    enum sl_code code = sl_parquet_reader_open(read_bytes, *bytes, sl_file_reader_bytes(*bytes),
                                               source->env->budget, parquet, err);
    if (code == SL_OK) return SL_OK;
    sl_context(err, "file `%s`", path);
    sl_file_reader_close(*bytes);
    *bytes = NULL;
    return code;
}

/* The schema of the first file, as Spark does without mergeSchema; partition columns behind it. */
static enum sl_code infer_schema(struct source *source, struct sl_err *err) {
    struct sl_file_reader *bytes;
    struct sl_parquet_reader *parquet;
    struct sl_arena *query = source->env->query;
    const struct sl_listing *listing = &source->listing;
    if (listing->count == 0) {
        sl_fail_at(err, (struct sl_span){0}, "UNABLE_TO_INFER_SCHEMA", "42KD9",
                   "unable to infer schema for Parquet: there is no file");
        return SL_USER;
    }
    SL_TRY(open_file(source, listing->files[0].path, &bytes, &parquet, err));
    const struct sl_type *file = sl_parquet_reader_schema(parquet);
    struct sl_field *fields =
        SL_NEW_ARRAY(query, struct sl_field, file->field_count + listing->partition_count + 1);
    uint32_t count = 0;
    enum sl_code code = SL_OK;
    for (uint32_t i = 0; i < file->field_count && code == SL_OK; i++) {
        bool partition = false;
        for (uint32_t p = 0; p < listing->partition_count; p++)
            partition |= sl_str_eq_nocase(listing->partitions[p].name, file->fields[i].name);
        if (partition) continue;
        struct sl_buf type = {0};
        fields[count] = file->fields[i];
        fields[count].name = sl_arena_str(query, file->fields[i].name);
        fields[count].nullable = true;
        /* the type belongs to the reader: copy it through its JSON */
        sl_type_put_json(&type, file->fields[i].type);
        code = sl_type_parse_json(query, sl_arena_str(query, sl_buf_str(&type)),
                                  &fields[count].type, err);
        sl_buf_release(&type);
        count++;
    }
    source->file_column_count = count;
    for (uint32_t p = 0; p < listing->partition_count; p++)
        fields[count++] = listing->partitions[p];
    if (code == SL_OK) source->schema = sl_type_struct(query, fields, count);
    sl_parquet_reader_close(parquet);
    sl_file_reader_close(bytes);
    return code;
}

enum sl_code sl_parquet_source_open(const struct sl_conn_env *env, const struct sl_options *options,
                                    struct sl_str path, bool streaming, struct sl_source **out,
                                    struct sl_err *err);

enum sl_code sl_parquet_source_open(const struct sl_conn_env *env, const struct sl_options *options,
                                    struct sl_str path, bool streaming, struct sl_source **out,
                                    struct sl_err *err) {
    (void)options;
    if (streaming) {
        sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE", "0A000",
                   "a Parquet directory cannot be read as a stream");
        return sl_hint(err, "read it without STREAM; streams come from read_kafka(..)"),
               SL_UNSUPPORTED;
    }
    struct source *source = SL_NEW(env->query, struct source);
    source->base.ops = &source_ops;
    source->env = env;
    SL_TRY(sl_parquet_replace_check(env->query, sl_arena_cstr(env->query, path), err));
    SL_TRY(sl_listing_make(env->query, path, true, &source->listing, err));
    SL_TRY(infer_schema(source, err));
    source->description = sl_arena_printf(env->query, "parquet %.*s", SL_STR_ARG(path));
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
    *count = (uint32_t)source->listing.count;
    *splits = SL_NEW_ARRAY(epoch, struct sl_split, *count);
    for (uint32_t i = 0; i < *count; i++)
        (*splits)[i] = (struct sl_split){i, sl_str(source->listing.files[i].path), -1,
                                         &source->listing.files[i]};
    return SL_OK;
}

static void restrict_to(struct sl_source *base, struct sl_expr *const *conditions, uint32_t count,
                        const uint32_t *columns) {
    struct source *source = (struct source *)base;
    source->term_count =
        sl_prune_terms(source->env->query, conditions, count, columns, &source->terms);
}

/* ---- reading a file ---- */

static bool stats_may_match(struct reader *reader, uint32_t group,
                            const struct sl_prune_term *term) {
    const struct sl_type *file = sl_parquet_reader_schema(reader->parquet);
    const struct sl_field *field = &reader->source->schema->fields[term->column];
    int column = sl_type_find_field(file, field->name);
    struct sl_group_stats stats = {0};
    if (column < 0 || !sl_type_equal(file->fields[column].type, field->type)) return true;
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
    struct reader *reader = ctx;
    for (uint32_t i = 0; i < reader->source->term_count; i++) {
        const struct sl_prune_term *term = &reader->source->terms[i];
        if (term->column < reader->source->file_column_count &&
            !stats_may_match(reader, group, term))
            return false;
    }
    return true;
}

static bool partitions_may_match(const struct reader *reader) {
    for (uint32_t i = 0; i < reader->source->term_count; i++) {
        const struct sl_prune_term *term = &reader->source->terms[i];
        if (term->column < reader->source->file_column_count) continue;
        const struct sl_vec *value =
            &reader->partitions[term->column - reader->source->file_column_count];
        if (sl_vec_is_null(value, 0) || !sl_prune_may_match(term, value, value)) return false;
    }
    return true;
}

static void close_reader(struct sl_reader *base) {
    struct reader *reader = (struct reader *)base;
    if (!reader) return;
    for (uint32_t i = 0; i < reader->read_count; i++) sl_vec_release(&reader->vectors[i]);
    for (uint32_t p = 0; reader->partitions && p < reader->source->listing.partition_count; p++)
        sl_vec_release(&reader->partitions[p]);
    sl_parquet_reader_close(reader->parquet);
    sl_file_reader_close(reader->bytes);
    free(reader->vectors);
    free(reader->partitions);
    free(reader->read_columns);
    free(reader->batch_columns);
    free(reader);
}

static enum sl_code choose_columns(struct reader *reader, struct sl_err *err) {
    const struct source *source = reader->source;
    const struct sl_type *file = sl_parquet_reader_schema(reader->parquet);
    reader->read_columns = sl_xcalloc(source->file_column_count, sizeof *reader->read_columns);
    reader->batch_columns = sl_xcalloc(source->file_column_count, sizeof *reader->batch_columns);
    reader->vectors = sl_xcalloc(source->file_column_count, sizeof *reader->vectors);
    for (uint32_t c = 0; c < source->file_column_count; c++) {
        if (!reader->wanted[c]) continue;
        int at = sl_type_find_field(file, source->schema->fields[c].name);
        if (at < 0) continue; /* a column this file does not have reads as null */
        if (!sl_type_equal(file->fields[at].type, source->schema->fields[c].type)) {
            struct sl_arena arena;
            sl_arena_init(&arena, "message");
            sl_fail_at(err, (struct sl_span){0},
                       "FAILED_READ_FILE.PARQUET_COLUMN_DATA_TYPE_MISMATCH", "KD001",
                       "column `%.*s` of `%s` is %s, but the table's first file has %s",
                       SL_STR_ARG(source->schema->fields[c].name), reader->listed->path,
                       sl_type_sql(&arena, file->fields[at].type),
                       sl_type_sql(&arena, source->schema->fields[c].type));
            sl_arena_release(&arena);
            return SL_USER;
        }
        reader->read_columns[reader->read_count] = (uint32_t)at;
        reader->batch_columns[reader->read_count] = c;
        sl_vec_init(&reader->vectors[reader->read_count++], source->schema->fields[c].type);
    }
    return SL_OK;
}

/* A partition value is text in the directory name: cast as CAST does, once per file. */
static enum sl_code make_partition(struct reader *reader, uint32_t p, struct sl_err *err) {
    const struct sl_listing *listing = &reader->source->listing;
    struct sl_vec *out = &reader->partitions[p], text;
    struct sl_str value = reader->listed->partition_values[p];
    sl_vec_init(out, listing->partitions[p].type);
    if (!value.ptr) {
        SL_TRY(sl_vec_append_null(out, 1, err));
    } else if (sl_type_is_bytes(out->type)) { /* a cast would borrow the text */
        SL_TRY(sl_vec_put_str(out, value, err));
    } else {
        struct sl_arena scratch;
        const struct sl_vec *args[] = {&text};
        sl_vec_init(&text, &sl_type_string);
        sl_arena_init(&scratch, "partition");
        struct sl_call call = {.args = args,
                               .arg_count = 1,
                               .out = out,
                               .rows = 1,
                               .session = reader->source->env->session,
                               .scratch = &scratch};
        enum sl_code code = sl_vec_put_str(&text, value, err);
        if (code == SL_OK) code = sl_cast(&call, SL_CAST_TRY, err);
        out->rows = 1;
        sl_vec_release(&text);
        sl_arena_release(&scratch);
        SL_TRY(code);
    }
    out->enc = SL_ENC_CONST;
    return SL_OK;
}

static enum sl_code start_reader(struct reader *reader, struct sl_err *err) {
    uint32_t partition_count = reader->source->listing.partition_count;
    SL_TRY(open_file(reader->source, reader->listed->path, &reader->bytes, &reader->parquet, err));
    SL_TRY(choose_columns(reader, err));
    reader->partitions = sl_xcalloc(partition_count, sizeof *reader->partitions);
    for (uint32_t p = 0; p < partition_count; p++) SL_TRY(make_partition(reader, p, err));
    reader->skipped = !partitions_may_match(reader);
    return sl_parquet_reader_start(reader->parquet, reader->read_columns, reader->read_count,
                                   keep_group, reader, err);
}

static enum sl_code reader_open(struct sl_source *base, const struct sl_split *split,
                                const bool *wanted, struct sl_reader **out, struct sl_err *err) {
    struct reader *reader = sl_xcalloc(1, sizeof *reader);
    *reader = (struct reader){.base.ops = &source_ops,
                              .source = (struct source *)base,
                              .listed = split->detail,
                              .wanted = wanted};
    enum sl_code code = start_reader(reader, err);
    if (code != SL_OK)
        close_reader(&reader->base);
    else
        *out = &reader->base;
    return code;
}

static void fill_batch(struct reader *reader, struct sl_batch *batch, uint32_t rows) {
    const struct source *source = reader->source;
    for (uint32_t i = 0; i < reader->read_count; i++)
        sl_vec_borrow(&batch->columns[reader->batch_columns[i]], &reader->vectors[i]);
    for (uint32_t p = 0; p < source->listing.partition_count; p++) {
        struct sl_vec *column = &batch->columns[source->file_column_count + p];
        sl_vec_borrow(column, &reader->partitions[p]);
        column->rows = rows;
    }
    batch->rows = rows;
    batch->origin = (struct sl_origin){"file", reader->listed->path, -1, NULL};
}

/* Columns that this file lacks: nulls. */
static enum sl_code fill_missing(struct reader *reader, struct sl_batch *batch, uint32_t rows,
                                 struct sl_err *err) {
    for (uint32_t c = 0; c < reader->source->file_column_count; c++) {
        bool read = false;
        for (uint32_t i = 0; i < reader->read_count; i++) read |= reader->batch_columns[i] == c;
        if (!read && reader->wanted[c]) SL_TRY(sl_vec_append_null(&batch->columns[c], rows, err));
    }
    return SL_OK;
}

static enum sl_code reader_next(struct sl_reader *base, uint32_t rows_max, struct sl_batch *batch,
                                struct sl_err *err) {
    struct reader *reader = (struct reader *)base;
    uint32_t rows = 0;
    if (reader->skipped) return SL_OK;
    if (reader->read_count == 0) {
        uint64_t left = sl_parquet_reader_rows(reader->parquet) - reader->rows_done;
        rows = left < rows_max ? (uint32_t)left : rows_max;
    } else {
        enum sl_code code =
            sl_parquet_reader_next(reader->parquet, rows_max, reader->vectors, &rows, err);
        if (code != SL_OK) return sl_context(err, "file `%s`", reader->listed->path), code;
    }
    if (rows == 0) return SL_OK;
    reader->rows_done += rows;
    fill_batch(reader, batch, rows);
    return fill_missing(reader, batch, rows, err);
}

static void close_source(struct sl_source *base) { (void)base; }

static const struct sl_source_ops source_ops = {
    .name = "parquet",
    .schema = schema,
    .description = description,
    .plan = plan,
    .restrict_to = restrict_to,
    .reader_open = reader_open,
    .reader_next = reader_next,
    .reader_close = close_reader,
    .close = close_source,
};
