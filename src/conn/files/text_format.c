/* Text files: one column `value`, a row per line, or per file (wholetext).
 * Source: Spark TextFileFormat.scala. */
#include <stdlib.h>

#include "conn/files/files.h"
#include "conn/files/line_reader.h"

struct sl_format_reader {
    const struct sl_file_range *range;
    struct sl_line_reader *lines; /* NULL: wholetext */
    struct sl_whole_file text;    /* wholetext */
    struct sl_str view;
    bool done;
};

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/file_source_options.def"
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/files/text_source_options.def"
};
static const char *const free_prefixes[] = {SL_FILE_SOURCE_PREFIXES, NULL};
static const struct sl_option_table option_table = {
    "the text source", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

static enum sl_code infer(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err) {
    (void)err;
    struct sl_field value = {SL_STR("value"), &sl_type_string, true, {0}, {0}};
    *out = sl_type_struct(source->env->query, &value, 1);
    return SL_OK;
}

static enum sl_code start(struct sl_file_source *source, struct sl_err *err) {
    const struct sl_type *schema = source->schema;
    SL_TRY(sl_files_check_encoding(source, err));
    if (source->data_count == 1 && schema->fields[0].type->kind == SL_STRING_KIND) return SL_OK;
    return sl_fail_at(err, (struct sl_span){0}, "", "",
                      "text files have one column of type STRING, but the schema is %s",
                      sl_type_sql(source->env->query, schema));
}

static bool can_split(const struct sl_file_source *source, const char *path) {
    return !sl_file_source_bool(source, "wholetext") &&
           sl_line_reader_can_split(path, sl_file_source_str(source, "lineSep"));
}

static void close_reader(struct sl_format_reader *reader) {
    if (!reader) return;
    sl_line_reader_close(reader->lines);
    sl_whole_file_release(&reader->text);
    free(reader);
}

static enum sl_code open_reader(const struct sl_file_source *source,
                                const struct sl_file_range *range, const bool *wanted,
                                struct sl_format_reader **out, struct sl_err *err) {
    (void)wanted;
    struct sl_format_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->range = range;
    enum sl_code code =
        sl_file_source_bool(source, "wholetext")
            ? sl_whole_file_read(&reader->text, range->path, SL_FILES_RECORD_BYTES_MAX,
                                 source->env->budget, err)
            : sl_line_reader_open(range->path, range->begin, range->end,
                                  sl_file_source_str(source, "lineSep"), source->env->budget,
                                  &reader->lines, err);
    if (code != SL_OK)
        close_reader(reader);
    else
        *out = reader;
    return code;
}

static enum sl_code next_rows(struct sl_format_reader *reader, uint32_t rows_max,
                              struct sl_batch *batch, struct sl_err *err) {
    struct sl_str *lines = &reader->view;
    const int64_t *numbers = NULL;
    uint32_t rows = 0;
    if (reader->lines) {
        SL_TRY(sl_line_reader_next(reader->lines, rows_max, &lines, &numbers, &rows, err));
    } else if (!reader->done) {
        reader->view = sl_buf_str(&reader->text.bytes);
        reader->done = true;
        rows = 1;
    }
    if (rows == 0) return SL_OK;
    struct sl_vec *column = &batch->columns[0];
    column->enc = SL_ENC_VIEW;
    column->rows = rows;
    column->views = lines;
    sl_files_set_origin(batch, reader->range->path, rows, numbers);
    return SL_OK;
}

const struct sl_file_format sl_text_format = {
    .name = "text",
    .options = &option_table,
    .holds_record = true,
    .infer = infer,
    .start = start,
    .can_split = can_split,
    .open = open_reader,
    .next = next_rows,
    .close = close_reader,
};
