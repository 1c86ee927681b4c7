/* Writes one Parquet file of random rows with every type, and what it holds as JSON lines, for
 * tests/peer/parquet_readers.py:
 *
 *   parquet_driver OUT.parquet OUT.ndjson [name=value ...]
 *   seed rows batch nulls(percent) codec page_rows page_bytes group_rows dictionary(0|1)
 *   distinct(0 = any) lists(longest) select(0|1: write through a row list)
 *
 * First line of the JSON: the schema; then a list of values a row (see parquet_sample.h). */
#include "../unit/fmt_parquet/parquet_sample.h"

#include "fmt/parquet/parquet_write.h"

struct settings {
    int64_t seed, rows, batch, nulls, page_rows, page_bytes, group_rows, dictionary, distinct,
        lists, select;
    enum sl_codec codec;
};

static const struct {
    const char *name;
    size_t offset;
} numbers[] = {
#define NUMBER(field)                                                                              \
    { #field, offsetof(struct settings, field) }
    NUMBER(seed),      NUMBER(rows),       NUMBER(batch),      NUMBER(nulls),
    NUMBER(page_rows), NUMBER(page_bytes), NUMBER(group_rows), NUMBER(dictionary),
    NUMBER(distinct),  NUMBER(lists),      NUMBER(select)};

static bool set_number(struct settings *settings, struct sl_str name, struct sl_str value) {
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        if (sl_str_eq(name, sl_str(numbers[i].name)))
            return sl_str_to_i64(value, (int64_t *)(void *)((char *)settings + numbers[i].offset));
    return false;
}

static bool parse(struct settings *settings, const char *argument) {
    const char *equals = strchr(argument, '=');
    if (!equals) return false;
    struct sl_str name = {argument, (size_t)(equals - argument)}, value = sl_str(equals + 1);
    if (sl_str_eq(name, SL_STR("codec"))) return sl_codec_parse(value, &settings->codec);
    return set_number(settings, name, value);
}

static enum sl_code to_file(void *ctx, const void *bytes, size_t len, struct sl_err *err) {
    if (fwrite(bytes, 1, len, ctx) == len) return SL_OK;
    return sl_fail(err, SL_IO, "could not write");
}

struct columns {
    const struct sl_type *schema;
    struct sl_vec *vecs;
    const struct sl_vec **pointers;
    struct sl_vec dictionary;
    struct sl_str *views;
};

static int find(const struct columns *columns, const char *name) {
    return sl_type_find_field(columns->schema, sl_str(name));
}

static void fill_dictionary(struct sample *sample, struct columns *columns, uint32_t rows) {
    struct sl_vec *low = &columns->vecs[find(columns, "low")];
    sl_vec_release(low);
    sl_vec_init(low, &sl_type_string);
    low->enc = SL_ENC_DICT;
    low->rows = rows;
    low->children = &columns->dictionary;
    low->codes = sl_xcalloc(rows, sizeof *low->codes);
    low->valid = sl_xcalloc(SL_BIT_WORDS(rows), 8);
    for (uint32_t i = 0; i < rows; i++) {
        low->codes[i] = (int32_t)sample_below(sample, columns->dictionary.rows);
        sl_bit_put(low->valid, i, sample_below(sample, 100) >= sample->null_percent);
    }
}

/* The encodings other than FLAT, and values with a meaning of their own. */
static void shape_columns(struct sample *sample, struct columns *columns, uint32_t rows) {
    struct sl_err err;
    struct sl_vec *constant = &columns->vecs[find(columns, "constant")];
    sl_vec_clear(constant);
    sample_put(sample, constant, true, false, 0);
    constant->enc = SL_ENC_CONST;
    constant->rows = rows;
    struct sl_vec *view = &columns->vecs[find(columns, "view")];
    for (uint32_t i = 0; i < rows; i++) columns->views[i] = sl_vec_str(view, i);
    view->views = columns->views;
    view->enc = SL_ENC_VIEW;
    struct sl_vec *nan = &columns->vecs[find(columns, "nan")];
    for (uint32_t i = 0; i < rows; i++)
        if (sample_below(sample, 5) == 0) nan->f64[i] = NAN;
    struct sl_vec *sorted = &columns->vecs[find(columns, "sorted")];
    for (uint32_t i = 0; i < rows; i++) sorted->i64[i] = sample->row++;
    struct sl_vec *wide = &columns->vecs[find(columns, "wide")];
    sl_vec_clear(wide);
    for (uint32_t i = 0; i < rows; i++) {
        char text[120];
        snprintf(text, sizeof text, "ORD-%09" PRId64 "%*s", sample->row - rows + i,
                 (int)(i % 3) * 40, "");
        sample_must(sl_vec_put_str(wide, sl_str(text), &err), &err);
    }
    fill_dictionary(sample, columns, rows);
}

static void free_shapes(struct columns *columns) {
    struct sl_vec *low = &columns->vecs[find(columns, "low")];
    free(low->codes);
    free(low->valid);
    *low = (struct sl_vec){0};
    sl_vec_init(low, &sl_type_string);
}

static void put_rows(FILE *out, const struct columns *columns, const uint32_t *idx,
                     uint32_t count) {
    struct sl_buf line = {0};
    for (uint32_t i = 0; i < count; i++) {
        sl_buf_clear(&line);
        for (uint32_t c = 0; c < columns->schema->field_count; c++) {
            sl_buf_put_byte(&line, c ? ',' : '[');
            sample_text_of(&line, &columns->vecs[c], idx ? idx[i] : i);
        }
        sl_buf_put_cstr(&line, "]\n");
        fwrite(line.ptr, 1, line.len, out);
    }
    sl_buf_release(&line);
}

static void write_batch(struct sample *sample, struct columns *columns,
                        struct sl_parquet_writer *writer, FILE *expected, uint32_t rows,
                        bool select) {
    struct sl_err err;
    for (uint32_t c = 0; c < columns->schema->field_count; c++) {
        sl_vec_clear(&columns->vecs[c]);
        for (uint32_t i = 0; i < rows; i++)
            sample_put(sample, &columns->vecs[c], columns->schema->fields[c].nullable, false, 0);
        columns->pointers[c] = &columns->vecs[c];
    }
    shape_columns(sample, columns, rows);
    uint32_t *idx = sl_xcalloc(rows, sizeof *idx), count = 0;
    for (uint32_t i = 0; i < rows; i++)
        if (!select || sample_below(sample, 3)) idx[count++] = i;
    sample_must(
        sl_parquet_writer_write(writer, columns->pointers, select ? idx : NULL, count, &err), &err);
    put_rows(expected, columns, select ? idx : NULL, count);
    free(idx);
    free_shapes(columns);
}

static void run(const struct settings *settings, FILE *file, FILE *expected) {
    struct sl_arena arena;
    struct sl_err err;
    struct columns columns = {0};
    struct sl_parquet_write_options options;
    struct sl_parquet_writer *writer;
    struct sample sample = {.random = (uint64_t)settings->seed,
                            .null_percent = (uint32_t)settings->nulls,
                            .list_max = (uint32_t)settings->lists,
                            .distinct = (uint32_t)settings->distinct};
    sl_arena_init(&arena, "driver");
    sample_must(sl_type_parse_schema(&arena, sl_str(sample_schema), &columns.schema, &err), &err);
    uint32_t count = columns.schema->field_count;
    columns.vecs = sl_xcalloc(count, sizeof *columns.vecs);
    columns.pointers = sl_xcalloc(count, sizeof *columns.pointers);
    columns.views = sl_xcalloc((size_t)settings->batch, sizeof *columns.views);
    for (uint32_t c = 0; c < count; c++)
        sl_vec_init(&columns.vecs[c], columns.schema->fields[c].type);
    sample_dictionary(&sample, &columns.dictionary, 17);
    struct sl_buf json = {0};
    sl_type_put_json(&json, columns.schema);
    fprintf(expected, "%s\n", sl_buf_cstr(&json));
    sl_parquet_write_options_init(&options);
    options.codec = settings->codec;
    options.page_rows = (uint32_t)settings->page_rows;
    options.page_bytes = (size_t)settings->page_bytes;
    options.row_group_rows = (uint32_t)settings->group_rows;
    options.dictionary = settings->dictionary != 0;
    sample_must(sl_parquet_writer_new(columns.schema, &options, NULL, to_file, file, &writer, &err),
                &err);
    for (int64_t done = 0; done < settings->rows; done += settings->batch)
        write_batch(&sample, &columns, writer, expected,
                    (uint32_t)(settings->rows - done < settings->batch ? settings->rows - done
                                                                       : settings->batch),
                    settings->select != 0);
    sample_must(sl_parquet_writer_finish(writer, &err), &err);
    sl_parquet_writer_free(writer);
    for (uint32_t c = 0; c < count; c++) sl_vec_release(&columns.vecs[c]);
    sl_vec_release(&columns.dictionary);
    sl_buf_release(&json);
    free(columns.vecs);
    free(columns.pointers);
    free(columns.views);
    sl_arena_release(&arena);
}

int main(int argc, char **argv) {
    struct settings settings = {.seed = 1,
                                .rows = 1000,
                                .batch = 500,
                                .nulls = 20,
                                .page_rows = 20000,
                                .page_bytes = 128 << 10,
                                .group_rows = 1 << 20,
                                .dictionary = 1,
                                .lists = 4,
                                .codec = SL_CODEC_SNAPPY};
    if (argc < 3) {
        fprintf(stderr, "usage: parquet_driver OUT.parquet OUT.ndjson [name=value ...]\n");
        return 2;
    }
    for (int i = 3; i < argc; i++) {
        if (parse(&settings, argv[i])) continue;
        fprintf(stderr, "unknown setting %s\n", argv[i]);
        return 2;
    }
    FILE *file = fopen(argv[1], "wb"), *expected = fopen(argv[2], "wb");
    if (!file || !expected) {
        fprintf(stderr, "could not open the output files\n");
        return 1;
    }
    run(&settings, file, expected);
    int failed = fclose(file);
    failed |= fclose(expected);
    return failed ? 1 : 0;
}
