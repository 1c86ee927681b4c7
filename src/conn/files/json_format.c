/* JSON files: a record per line, or per file (multiLine), where it may be an array of records.
 * Source: Spark JsonDataSource.scala, JacksonParser.scala. */
#include <stdlib.h>

#include "conn/files/files.h"
#include "conn/files/json_schema.h"
#include "conn/files/line_reader.h"
#include "conn/files/text_times.h"
#include "fmt/json/json_decode.h"

struct json_state {
    struct sl_json_options options;
    struct sl_text_times times;
    struct sl_json_hooks hooks;
    const struct sl_type *files; /* the columns of the files */
};

/* A malformed record: its row among those that were decoded, its text, and what is wrong. */
struct noted {
    uint32_t row;
    struct sl_str text, reason;
    int64_t at; /* the byte of the file */
    bool is_part;
};

struct sl_format_reader {
    const struct sl_file_range *range;
    struct sl_budget *budget;
    struct sl_arena arena;
    struct sl_line_reader *lines; /* NULL: multiLine */
    struct sl_str *texts;         /* that are decoded now */
    struct sl_whole_file text;    /* multiLine */
    struct sl_str view;
    bool done;
    uint32_t *columns; /* of the decoded struct: their places in the batch */
    struct sl_json_decoder *decoder, *array_decoder;
    struct sl_vec rows, arrays;
    struct sl_vec all; /* of arrays and of the lines between them, not handed out up to all_at */
    int64_t *all_numbers;
    uint32_t all_at, number_cap;
    uint32_t *part;
    struct sl_arena scratch; /* of what was decoded last */
    struct noted *noted;     /* malformed records of it, in order */
    uint32_t noted_count, noted_cap, noted_base;
    bool array_malformed; /* the array that was decoded last */
    struct sl_str array_reason;
    struct sl_faults faults; /* of the rows that are handed out */
    uint64_t *kept;
    uint32_t kept_words;
};

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/file_source_options.def"
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/files/json_source_options.def"
};
static const char *const free_prefixes[] = {SL_FILE_SOURCE_PREFIXES, NULL};
static const struct sl_option_table option_table = {
    "the JSON source", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

/* ---- options and schema ---- */

static enum sl_code read_options(const struct sl_file_source *source, struct sl_json_options *out,
                                 struct sl_err *err) {
    static const char *const names[] = {
#define OPTION(name, type, value_default, doc) name,
#include "conn/files/json_source_options.def"
    };
    sl_json_options_init(out);
    out->exact_strings = true;
    for (uint32_t i = 0; i < source->options->count; i++) {
        const struct sl_option *option = &source->options->items[i];
        for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
            if (!sl_str_eq_nocase(option->name, sl_str(names[n])) ||
                sl_str_eq_nocase(option->name, SL_STR("samplingRatio")))
                continue;
            enum sl_code code = sl_json_options_set(out, option->name, option->value, err);
            if (code != SL_OK && err) err->span = option->span;
            SL_TRY(code);
        }
    }
    return sl_files_check_encoding(source, err);
}

static enum sl_code infer(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err) {
    struct sl_json_options options;
    SL_TRY(read_options(source, &options, err));
    return sl_json_schema_infer(source, &options, out, err);
}

static enum sl_code start(struct sl_file_source *source, struct sl_err *err) {
    struct json_state *state = SL_NEW(source->env->query, struct json_state);
    source->state = state;
    SL_TRY(read_options(source, &state->options, err));
    SL_TRY(sl_text_times_make(source, &state->times, err));
    state->hooks = (struct sl_json_hooks){&state->times, sl_text_times_timestamp,
                                          sl_text_times_timestamp_ntz, sl_text_times_date};
    state->files = sl_type_struct(source->env->query, source->schema->fields, source->data_count);
    int corrupt = sl_type_find_field(state->files, state->options.column_name_of_corrupt_record);
    if (corrupt >= 0 && state->files->field_count == 1) {
        sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN",
                   "0A000", "the only column is `%.*s`, which holds the records that do not fit",
                   SL_STR_ARG(state->files->fields[0].name));
        if (err) err->code = SL_UNSUPPORTED;
        return sl_hint(err, "add the columns that the records should have"), SL_UNSUPPORTED;
    }
    if (corrupt >= 0 && state->files->fields[corrupt].type->kind != SL_STRING_KIND)
        return sl_fail_at(err, (struct sl_span){0}, "INVALID_CORRUPT_RECORD_TYPE", "42804",
                          "The column `%.*s` for corrupt records must have the nullable STRING "
                          "type.",
                          SL_STR_ARG(state->options.column_name_of_corrupt_record));
    struct sl_json_decoder *decoder; /* intervals and the like are refused now, not in a batch */
    SL_TRY(sl_json_decoder_new(state->files, &state->options, &state->hooks, &decoder, err));
    sl_json_decoder_free(decoder);
    return SL_OK;
}

static bool can_split(const struct sl_file_source *source, const char *path) {
    const struct json_state *state = source->state;
    return !state->options.multi_line && sl_line_reader_can_split(path, state->options.line_sep);
}

/* ---- opening ---- */

/* What nobody reads is checked, but not built; unless it decides what becomes of the record. */
static const struct sl_type *read_type(struct sl_format_reader *reader,
                                       const struct json_state *state, const bool *wanted) {
    const struct sl_type *files = state->files;
    struct sl_field *fields = SL_NEW_ARRAY(&reader->arena, struct sl_field, files->field_count + 1);
    bool all = state->options.mode != SL_JSON_PERMISSIVE ||
               sl_type_find_field(files, state->options.column_name_of_corrupt_record) >= 0;
    bool any = false;
    uint32_t count = 0;
    for (uint32_t c = 0; c < files->field_count; c++) any |= wanted[c];
    all |= !any; /* what is a row is found by reading it */
    reader->columns = SL_NEW_ARRAY(&reader->arena, uint32_t, files->field_count + 1);
    for (uint32_t c = 0; c < files->field_count; c++)
        if (all || wanted[c]) {
            reader->columns[count] = c;
            fields[count++] = files->fields[c];
        }
    return sl_type_struct(&reader->arena, fields, count);
}

static void add_noted(struct sl_format_reader *reader, const struct noted *noted) {
    if (reader->noted_count == reader->noted_cap) {
        reader->noted_cap = reader->noted_cap ? reader->noted_cap * 2 : 16;
        reader->noted = sl_xrealloc(reader->noted, reader->noted_cap * sizeof *reader->noted);
    }
    reader->noted[reader->noted_count++] = *noted;
}

static int64_t place_of(const struct sl_format_reader *reader, struct sl_str text) {
    return reader->lines ? (int64_t)sl_line_reader_at(reader->lines, text) : 0;
}

static void note_malformed(void *ctx, uint32_t row, struct sl_str reason) {
    struct sl_format_reader *reader = ctx;
    struct sl_str text = reader->texts[row];
    struct noted noted = {reader->noted_base + row, text, sl_arena_str(&reader->scratch, reason),
                          place_of(reader, text), false};
    add_noted(reader, &noted);
}

static void note_array(void *ctx, uint32_t row, struct sl_str reason) {
    struct sl_format_reader *reader = ctx;
    reader->array_malformed = true;
    reader->array_reason = sl_arena_str(&reader->scratch, reason);
    (void)row; /* an array is decoded alone */
}

static void close_reader(struct sl_format_reader *reader) {
    if (!reader) return;
    sl_line_reader_close(reader->lines);
    sl_json_decoder_free(reader->decoder);
    sl_json_decoder_free(reader->array_decoder);
    sl_vec_release(&reader->rows);
    sl_vec_release(&reader->arrays);
    sl_vec_release(&reader->all);
    sl_whole_file_release(&reader->text);
    sl_faults_release(&reader->faults);
    sl_arena_release(&reader->arena);
    sl_arena_release(&reader->scratch);
    free(reader->noted);
    free(reader->kept);
    free(reader->all_numbers);
    free(reader->part);
    free(reader);
}

static enum sl_code start_reader(struct sl_format_reader *reader, const struct json_state *state,
                                 const bool *wanted, struct sl_err *err) {
    const struct sl_type *type = read_type(reader, state, wanted),
                         *arrays = sl_type_array(&reader->arena, type, true);
    sl_vec_init(&reader->rows, type);
    sl_vec_init(&reader->all, type);
    sl_vec_init(&reader->arrays, arrays);
    SL_TRY(sl_json_decoder_new(type, &state->options, &state->hooks, &reader->decoder, err));
    SL_TRY(
        sl_json_decoder_new(arrays, &state->options, &state->hooks, &reader->array_decoder, err));
    bool corrupt =
        sl_type_find_field(state->files, state->options.column_name_of_corrupt_record) >= 0;
    if (state->options.mode == SL_JSON_PERMISSIVE && !corrupt) {
        sl_json_decoder_on_malformed(reader->decoder, note_malformed, reader);
        sl_json_decoder_on_malformed(reader->array_decoder, note_array, reader);
    }
    const struct sl_file_range *range = reader->range;
    if (state->options.multi_line)
        return sl_whole_file_read(&reader->text, range->path, SL_FILES_RECORD_BYTES_MAX,
                                  reader->budget, err);
    return sl_line_reader_open(range->path, range->begin, range->end, state->options.line_sep,
                               reader->budget, &reader->lines, err);
}

static enum sl_code open_reader(const struct sl_file_source *source,
                                const struct sl_file_range *range, const bool *wanted,
                                struct sl_format_reader **out, struct sl_err *err) {
    struct sl_format_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->range = range;
    reader->budget = source->env->budget;
    sl_arena_init(&reader->arena, "JSON reader");
    sl_arena_init(&reader->scratch, "JSON records");
    sl_faults_init(&reader->faults);
    enum sl_code code = start_reader(reader, source->state, wanted, err);
    if (code != SL_OK)
        close_reader(reader);
    else
        *out = reader;
    return code;
}

/* ---- rows ---- */

static bool is_array(struct sl_str line) {
    line = sl_str_trim(line);
    return line.len && line.ptr[0] == '[';
}

/* Text to decode: the next lines, or the file. */
static enum sl_code next_texts(struct sl_format_reader *reader, uint32_t rows_max,
                               struct sl_str **texts, const int64_t **numbers, uint32_t *count,
                               struct sl_err *err) {
    *numbers = NULL;
    *count = 0;
    if (reader->lines)
        return sl_line_reader_next(reader->lines, rows_max, texts, numbers, count, err);
    if (reader->done) return SL_OK;
    reader->done = true;
    reader->view = sl_buf_str(&reader->text.bytes);
    if (sl_str_starts(reader->view, SL_STR("\xEF\xBB\xBF")))
        reader->view = sl_str_sub(reader->view, 3, reader->view.len);
    *texts = &reader->view;
    *count = 1;
    return SL_OK;
}

static enum sl_code decode(struct sl_format_reader *reader, struct sl_json_decoder *decoder,
                           struct sl_str *texts, uint32_t count, const int64_t *numbers,
                           struct sl_vec *out, struct sl_err *err) {
    struct sl_vec in;
    uint32_t bad = 0;
    sl_vec_init(&in, &sl_type_string);
    in.enc = SL_ENC_VIEW;
    in.rows = count;
    in.views = texts;
    reader->texts = texts;
    sl_vec_clear(out);
    enum sl_code code = sl_json_decode(decoder, &in, count, NULL, out, NULL, &bad, err);
    if (code == SL_DATA && numbers && bad < count)
        sl_context(err, "line %lld", (long long)numbers[bad]);
    else if (code == SL_DATA && reader->lines && bad < count)
        sl_context(err, "byte %lld", (long long)place_of(reader, texts[bad]));
    return code;
}

static enum sl_code add_rows(struct sl_format_reader *reader, const struct sl_vec *from,
                             uint32_t count, int64_t number, struct sl_err *err) {
    struct sl_vec *all = &reader->all;
    uint32_t before = all->rows;
    SL_TRY(sl_vec_append(all, from, NULL, count, err));
    if (all->rows > reader->number_cap) {
        reader->number_cap = all->rows * 2;
        reader->all_numbers =
            sl_xrealloc(reader->all_numbers, reader->number_cap * sizeof *reader->all_numbers);
    }
    for (uint32_t i = before; i < all->rows; i++) reader->all_numbers[i] = number;
    return SL_OK;
}

/* The array is the record: when an element of it does not fit, no row of it is let through. */
static void note_elements(struct sl_format_reader *reader, struct sl_str text, uint32_t count) {
    enum { SHORT_BYTES = 200 };
    if (!reader->array_malformed) return;
    int64_t at = place_of(reader, text);
    for (uint32_t i = 0; i < count; i++) { /* there may be millions: the first has it all */
        if (i == 1 && text.len > SHORT_BYTES) text.len = SHORT_BYTES;
        struct noted noted = {reader->all.rows + i, text, reader->array_reason, at, i > 0};
        add_noted(reader, &noted);
    }
}

/* Lines among which are arrays, one by one: those give a row per element. */
static enum sl_code expand_arrays(struct sl_format_reader *reader, struct sl_str *texts,
                                  uint32_t count, const int64_t *numbers, struct sl_err *err) {
    struct sl_vec *arrays = &reader->arrays;
    sl_vec_clear(&reader->all);
    reader->all_at = 0;
    for (uint32_t i = 0; i < count; i++) {
        int64_t number = numbers ? numbers[i] : 1;
        bool whole = is_array(texts[i]);
        reader->array_malformed = false;
        if (whole)
            SL_TRY(decode(reader, reader->array_decoder, &texts[i], 1, &number, arrays, err));
        if (whole && !sl_vec_is_null(arrays, 0)) {
            uint32_t elements = (uint32_t)arrays->offsets[1];
            note_elements(reader, texts[i], elements);
            SL_TRY(add_rows(reader, &arrays->children[0], elements, number, err));
            continue;
        }
        reader->noted_base = reader->all.rows;
        SL_TRY(decode(reader, reader->decoder, &texts[i], 1, &number, &reader->rows, err));
        SL_TRY(add_rows(reader, &reader->rows, 1, number, err));
    }
    return SL_OK;
}

/* The next part of rows that came from arrays: a file may be one array of millions. */
static enum sl_code take_part(struct sl_format_reader *reader, uint32_t rows_max,
                              const int64_t **numbers, struct sl_err *err) {
    uint32_t left = reader->all.rows - reader->all_at, count = left < rows_max ? left : rows_max;
    reader->part = sl_xrealloc(reader->part, (count + 1) * sizeof *reader->part);
    for (uint32_t i = 0; i < count; i++) reader->part[i] = reader->all_at + i;
    sl_vec_clear(&reader->rows);
    SL_TRY(sl_vec_append(&reader->rows, &reader->all, reader->part, count, err));
    *numbers = reader->all_numbers + reader->all_at;
    reader->all_at += count;
    return SL_OK;
}

/* Blank lines, and in DROPMALFORMED bad records, are null rows of the decoder: they are no rows. */
static void drop_nulls(struct sl_format_reader *reader, const struct sl_vec *rows,
                       struct sl_batch *batch) {
    uint32_t words = (uint32_t)SL_BIT_WORDS(rows->rows);
    if (!rows->valid) return;
    uint32_t kept = (uint32_t)sl_bits_count(rows->valid, rows->rows);
    if (kept == rows->rows) return;
    if (words > reader->kept_words) {
        reader->kept = sl_xrealloc(reader->kept, words * sizeof *reader->kept);
        reader->kept_words = words;
    }
    memcpy(reader->kept, rows->valid, words * sizeof *reader->kept);
    batch->selected = reader->kept;
    batch->selected_rows = kept;
}

/* For a query that keeps bad records; any other has their rows, with nulls. */
static void hand_out_faults(struct sl_format_reader *reader, uint32_t first,
                            struct sl_batch *batch) {
    if (!reader->noted_count) return;
    sl_faults_begin(&reader->faults, batch->rows);
    for (uint32_t i = 0; i < reader->noted_count; i++) {
        const struct noted *noted = &reader->noted[i];
        if (noted->row < first || noted->row - first >= batch->rows) continue;
        struct sl_malformed malformed = {"json", noted->reason, noted->text, noted->at,
                                         noted->is_part};
        sl_files_add_malformed(&reader->faults, noted->row - first, &malformed);
    }
    batch->malformed = &reader->faults;
}

/* Decodes what comes next; rows of arrays wait in reader->all. *ended: there is no more text. */
static enum sl_code decode_next(struct sl_format_reader *reader, uint32_t rows_max, bool *ended,
                                const int64_t **numbers, struct sl_err *err) {
    struct sl_str *texts = NULL;
    uint32_t count;
    bool arrays = false;
    sl_vec_clear(&reader->rows);
    sl_arena_reset(&reader->scratch);
    reader->noted_count = reader->noted_base = 0;
    SL_TRY(next_texts(reader, rows_max, &texts, numbers, &count, err));
    *ended = count == 0;
    for (uint32_t i = 0; i < count; i++) arrays |= is_array(texts[i]);
    if (arrays) return expand_arrays(reader, texts, count, *numbers, err);
    return count ? decode(reader, reader->decoder, texts, count, *numbers, &reader->rows, err)
                 : SL_OK;
}

static enum sl_code next_rows(struct sl_format_reader *reader, uint32_t rows_max,
                              struct sl_batch *batch, struct sl_err *err) {
    const int64_t *numbers = NULL;
    uint32_t first = 0;
    bool ended = reader->all_at < reader->all.rows;
    while (!ended) { /* texts may have no rows, [], but a batch without rows is the end */
        SL_TRY(decode_next(reader, rows_max, &ended, &numbers, err));
        ended |= reader->rows.rows > 0 || reader->all_at < reader->all.rows;
    }
    if (reader->all_at < reader->all.rows) {
        first = reader->all_at;
        SL_TRY(take_part(reader, rows_max, &numbers, err));
    }
    const struct sl_vec *rows = &reader->rows;
    if (rows->rows == 0) return SL_OK;
    for (uint32_t c = 0; c < rows->child_count; c++)
        sl_vec_borrow(&batch->columns[reader->columns[c]], &rows->children[c]);
    sl_files_set_origin(batch, reader->range->path, rows->rows, numbers);
    drop_nulls(reader, rows, batch);
    hand_out_faults(reader, first, batch);
    return SL_OK;
}

const struct sl_file_format sl_json_format = {
    .name = "json",
    .options = &option_table,
    .needs_schema = true,
    .infer = infer,
    .start = start,
    .can_split = can_split,
    .open = open_reader,
    .next = next_rows,
    .close = close_reader,
};
