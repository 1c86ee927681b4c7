/* CSV files.  Source: Spark CSVFileFormat.scala, UnivocityParser.scala, CSVHeaderChecker.scala. */
#include <stdlib.h>

#include "conn/files/csv_input.h"
#include "conn/files/csv_schema.h"
#include "conn/files/files.h"
#include "fmt/csv/csv_decode.h"
#include "kern/cast.h"
#include "kern/number.h"

struct csv_state {
    struct sl_csv_options options;
    struct sl_text_times times;
    struct sl_csv_hooks hooks;
    const struct sl_type *files; /* the columns of the files */
};

struct sl_format_reader {
    const struct sl_file_source *source;
    const struct sl_file_range *range;
    const bool *wanted;
    bool *all; /* NULL: wanted is the caller's */
    struct sl_csv_input input;
    struct sl_csv_decoder *decoder;
    struct sl_vec *columns; /* of the files */
    uint32_t column_count;
    const struct sl_str *records; /* decoded now */
    struct sl_faults faults;
    bool faults_begun, header_checked;
    uint32_t rows;
    uint64_t *bits;
    uint32_t words;
};

static const struct sl_option_row option_rows[] = {
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/file_source_options.def"
#define OPTION(name, type, value_default, doc) {name, SL_OPT_##type, value_default, doc},
#include "conn/files/csv_source_options.def"
};
static const char *const free_prefixes[] = {SL_FILE_SOURCE_PREFIXES, NULL};
static const struct sl_option_table option_table = {
    "the CSV source", option_rows, sizeof option_rows / sizeof *option_rows, free_prefixes};

/* ---- values ---- */

static bool parse_f64(const void *ctx, struct sl_str text, double *out) {
    (void)ctx;
    return sl_files_parse_f64(text, out);
}
static bool parse_f32(const void *ctx, struct sl_str text, float *out) {
    (void)ctx;
    return sl_files_parse_f32(text, out);
}
/* new BigDecimal(text without commas), which takes no blanks (ExprUtils.getDecimalParser). */
static bool parse_decimal(const void *ctx, struct sl_str text, int precision, int scale,
                          sl_int128 *out) {
    (void)ctx;
    struct sl_buf digits = {0};
    if (text.len != sl_number_trim(text).len) return false;
    if (!memchr(text.ptr, ',', text.len))
        return sl_number_parse_decimal(text, precision, scale, out) == SL_NUMBER_OK;
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != ',') sl_buf_put_byte(&digits, (uint8_t)text.ptr[i]);
    bool ok = sl_number_parse_decimal(sl_buf_str(&digits), precision, scale, out) == SL_NUMBER_OK;
    sl_buf_release(&digits);
    return ok;
}

/* A text that names a zone is no timestamp without time zone: it means the same moment wherever it
 * is read. */
static bool parse_timestamp_ntz(const void *ctx, struct sl_str text, int64_t *micros) {
    const struct sl_text_times *times = ctx;
    int64_t here, elsewhere;
    if (!times->timestamp_ntz && sl_parse_timestamp(text, sl_zone_utc, &here) &&
        sl_parse_timestamp(text, sl_zone_find(SL_STR("+01:00")), &elsewhere) && here == elsewhere)
        return false;
    return sl_text_times_timestamp_ntz(ctx, text, micros);
}

/* ---- options and schema ---- */

static enum sl_code read_options(const struct sl_file_source *source, struct sl_csv_options *out,
                                 struct sl_err *err) {
    sl_csv_options_init(out);
    for (uint32_t i = 0; i < source->options->count; i++) {
        const struct sl_option *option = &source->options->items[i];
        bool known;
        enum sl_code code = sl_csv_options_set(out, option->name, option->value, &known, err);
        if (code != SL_OK && err) err->span = option->span;
        SL_TRY(code);
    }
    return sl_files_check_encoding(source, err);
}

static enum sl_code infer(struct sl_file_source *source, const struct sl_type **out,
                          struct sl_err *err) {
    struct sl_csv_options options;
    SL_TRY(read_options(source, &options, err));
    return sl_csv_schema_infer(source, &options, out, err);
}

static enum sl_code start(struct sl_file_source *source, struct sl_err *err) {
    struct csv_state *state = SL_NEW(source->env->query, struct csv_state);
    struct sl_csv_decoder *decoder;
    source->state = state;
    SL_TRY(read_options(source, &state->options, err));
    SL_TRY(sl_text_times_make(source, &state->times, err));
    state->hooks = (struct sl_csv_hooks){.ctx = &state->times,
                                         .f64 = parse_f64,
                                         .f32 = parse_f32,
                                         .decimal = parse_decimal,
                                         .timestamp = sl_text_times_timestamp,
                                         .timestamp_ntz = parse_timestamp_ntz,
                                         .date = sl_text_times_date};
    state->files = sl_type_struct(source->env->query, source->schema->fields, source->data_count);
    bool *none = SL_NEW_ARRAY(source->env->query, bool, source->data_count + 1);
    memset(none, 0, source->data_count + 1);
    /* types that CSV does not have are refused now, not in a batch */
    SL_TRY(sl_csv_decoder_new(state->files, none, &state->options, &state->hooks, &decoder, err));
    sl_csv_decoder_free(decoder);
    return SL_OK;
}

static bool can_split(const struct sl_file_source *source, const char *path) {
    const struct csv_state *state = source->state;
    return !state->options.multi_line && sl_line_reader_can_split(path, state->options.line_sep);
}

/* ---- reading ---- */

static void note_malformed(void *ctx, uint32_t row, struct sl_str reason) {
    struct sl_format_reader *reader = ctx;
    if (!reader->faults_begun) sl_faults_begin(&reader->faults, reader->rows);
    reader->faults_begun = true;
    struct sl_str text = reader->records[row];
    struct sl_malformed malformed = {"csv", reason, text,
                                     (int64_t)sl_csv_input_at(&reader->input, text), false};
    sl_files_add_malformed(&reader->faults, row, &malformed);
}

static void close_reader(struct sl_format_reader *reader) {
    if (!reader) return;
    sl_csv_input_close(&reader->input);
    sl_csv_decoder_free(reader->decoder);
    for (uint32_t c = 0; reader->columns && c < reader->column_count; c++)
        sl_vec_release(&reader->columns[c]);
    free(reader->columns);
    free(reader->all);
    free(reader->bits);
    sl_faults_release(&reader->faults);
    free(reader);
}

static enum sl_code start_reader(struct sl_format_reader *reader, const struct csv_state *state,
                                 struct sl_err *err) {
    const struct sl_file_range *range = reader->range;
    reader->column_count = state->files->field_count;
    reader->columns = sl_xcalloc(reader->column_count + 1, sizeof *reader->columns);
    for (uint32_t c = 0; c < reader->column_count; c++)
        sl_vec_init(&reader->columns[c], state->files->fields[c].type);
    SL_TRY(sl_csv_decoder_new(state->files, reader->wanted, &state->options, &state->hooks,
                              &reader->decoder, err));
    bool corrupt =
        sl_type_find_field(state->files, state->options.column_name_of_corrupt_record) >= 0;
    if (state->options.mode == SL_CSV_PERMISSIVE && !corrupt)
        sl_csv_decoder_on_malformed(reader->decoder, note_malformed, reader);
    return sl_csv_input_open(&reader->input, &state->options, range->path, range->begin, range->end,
                             reader->source->env->budget, err);
}

/* When nobody reads anything but the corrupt records, what makes a record corrupt must be read: all
 * columns. With others Spark looks at those alone. */
static const bool *choose_columns(struct sl_format_reader *reader, const struct csv_state *state,
                                  const bool *wanted) {
    const struct sl_type *files = state->files;
    int corrupt = sl_type_find_field(files, state->options.column_name_of_corrupt_record);
    if (corrupt < 0 || !wanted[corrupt]) return wanted;
    for (uint32_t c = 0; c < files->field_count; c++)
        if (wanted[c] && c != (uint32_t)corrupt) return wanted;
    reader->all = sl_xmalloc(files->field_count * sizeof *reader->all);
    for (uint32_t c = 0; c < files->field_count; c++) reader->all[c] = true;
    return reader->all;
}

static enum sl_code open_reader(const struct sl_file_source *source,
                                const struct sl_file_range *range, const bool *wanted,
                                struct sl_format_reader **out, struct sl_err *err) {
    struct sl_format_reader *reader = sl_xcalloc(1, sizeof *reader);
    reader->source = source;
    reader->range = range;
    reader->wanted = choose_columns(reader, source->state, wanted);
    sl_faults_init(&reader->faults);
    enum sl_code code = start_reader(reader, source->state, err);
    if (code != SL_OK)
        close_reader(reader);
    else
        *out = reader;
    return code;
}

/* enforceSchema = false: the header must say what the schema says. */
static enum sl_code check_header(struct sl_format_reader *reader, struct sl_err *err) {
    const struct csv_state *state = reader->source->state;
    struct sl_csv_record header = {0};
    struct sl_str text = sl_buf_str(&reader->input.header);
    enum sl_code code = SL_OK;
    if (reader->header_checked || state->options.enforce_schema || !text.len) return SL_OK;
    reader->header_checked = true;
    sl_csv_split(&state->options.syntax, text.ptr, text.ptr + text.len, false, &header);
    bool same = header.count == state->files->field_count;
    for (uint32_t i = 0; same && i < header.count; i++) {
        struct sl_str name = {header.fields[i].ptr, header.fields[i].len},
                      wanted = state->files->fields[i].name;
        same = reader->source->env->session->case_sensitive ? sl_str_eq(name, wanted)
                                                            : sl_str_eq_nocase(name, wanted);
    }
    if (!same)
        code =
            sl_fail(err, SL_DATA, "CSV header does not conform to the schema: the header is `%.*s`",
                    (int)(text.len > 200 ? 200 : text.len), text.ptr);
    sl_csv_record_release(&header);
    return code;
}

static void drop_rows(struct sl_format_reader *reader, uint32_t dropped, struct sl_batch *batch) {
    if (!dropped) return;
    for (uint32_t w = 0; w < SL_BIT_WORDS(batch->rows); w++) reader->bits[w] = ~reader->bits[w];
    batch->selected = reader->bits;
    batch->selected_rows = batch->rows - dropped;
}

static enum sl_code decode(struct sl_format_reader *reader, const int64_t *numbers,
                           uint32_t *dropped, struct sl_err *err) {
    uint32_t words = (uint32_t)SL_BIT_WORDS(reader->rows), bad = 0;
    if (words > reader->words) {
        reader->bits = sl_xrealloc(reader->bits, words * sizeof *reader->bits);
        reader->words = words;
    }
    for (uint32_t c = 0; c < reader->column_count; c++) sl_vec_clear(&reader->columns[c]);
    reader->faults_begun = false;
    enum sl_code code = sl_csv_decode(reader->decoder, reader->records, reader->rows,
                                      reader->columns, reader->bits, dropped, &bad, err);
    if (code == SL_DATA && numbers && bad < reader->rows)
        sl_context(err, "line %lld", (long long)numbers[bad]);
    else if (code == SL_DATA && bad < reader->rows)
        sl_context(err, "byte %llu",
                   (unsigned long long)sl_csv_input_at(&reader->input, reader->records[bad]));
    return code;
}

static enum sl_code next_rows(struct sl_format_reader *reader, uint32_t rows_max,
                              struct sl_batch *batch, struct sl_err *err) {
    const int64_t *numbers;
    uint32_t dropped;
    SL_TRY(sl_csv_input_next(&reader->input, rows_max, &reader->records, &numbers, &reader->rows,
                             err));
    SL_TRY(check_header(reader, err));
    if (reader->rows == 0) return SL_OK;
    SL_TRY(decode(reader, numbers, &dropped, err));
    for (uint32_t c = 0; c < reader->column_count; c++)
        if (reader->wanted[c]) sl_vec_borrow(&batch->columns[c], &reader->columns[c]);
    sl_files_set_origin(batch, reader->range->path, reader->rows, numbers);
    drop_rows(reader, dropped, batch);
    if (reader->faults_begun) batch->malformed = &reader->faults;
    return SL_OK;
}

const struct sl_file_format sl_csv_format = {
    .name = "csv",
    .options = &option_table,
    .needs_schema = true,
    .infer = infer,
    .start = start,
    .can_split = can_split,
    .open = open_reader,
    .next = next_rows,
    .close = close_reader,
};
