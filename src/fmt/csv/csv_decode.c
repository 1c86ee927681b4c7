/* Source: Spark UnivocityParser.scala. */
#include "fmt/csv/csv_decode.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/arena.h"

struct sl_csv_decoder {
    const struct sl_type *schema;
    const bool *wanted;
    const struct sl_csv_options *options;
    const struct sl_csv_hooks *hooks;
    struct sl_csv_record record;
    uint32_t *columns; /* that are read */
    uint32_t column_count;
    uint32_t *places; /* per column: its field in a record (the corrupt column has none) */
    uint32_t field_count;
    int corrupt;    /* column, -1: none */
    bool any_count; /* columns were pruned: how many fields there are does not matter */
    sl_csv_malformed_fn on_malformed;
    void *ctx;
    char reason[160];
};

bool sl_csv_has_type(const struct sl_type *type) {
    switch (type->kind) {
    case SL_BOOL_KIND:
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
    case SL_DECIMAL_KIND:
    case SL_STRING_KIND:
    case SL_DATE_KIND:
    case SL_TIMESTAMP_KIND:
    case SL_TIMESTAMP_NTZ_KIND:
        return true;
    default:
        return false;
    }
}

static enum sl_code check_types(const struct sl_type *schema, int corrupt, struct sl_err *err) {
    if (corrupt >= 0 && schema->field_count == 1) {
        sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN",
                   "0A000", "the only column is `%.*s`, which holds the records that do not fit",
                   SL_STR_ARG(schema->fields[0].name));
        if (err) err->code = SL_UNSUPPORTED;
        sl_hint(err, "add the columns that the records should have");
        return SL_UNSUPPORTED;
    }
    for (uint32_t c = 0; c < schema->field_count; c++) {
        const struct sl_field *field = &schema->fields[c];
        if (!sl_csv_has_type(field->type)) {
            struct sl_arena arena;
            sl_arena_init(&arena, "message");
            sl_fail_at(err, (struct sl_span){0}, "UNSUPPORTED_DATA_TYPE_FOR_DATASOURCE", "0A000",
                       "The CSV datasource doesn't support the column `%.*s` of the type \"%s\".",
                       SL_STR_ARG(field->name), sl_type_sql(&arena, field->type));
            sl_arena_release(&arena);
            if (err) err->code = SL_UNSUPPORTED;
            return SL_UNSUPPORTED;
        }
        if ((int)c == corrupt && field->type->kind != SL_STRING_KIND)
            return sl_fail_at(err, (struct sl_span){0}, "INVALID_CORRUPT_RECORD_TYPE", "42804",
                              "The column `%.*s` for corrupt records must have the nullable STRING "
                              "type.",
                              SL_STR_ARG(field->name));
    }
    return SL_OK;
}

enum sl_code sl_csv_decoder_new(const struct sl_type *schema, const bool *wanted,
                                const struct sl_csv_options *options,
                                const struct sl_csv_hooks *hooks, struct sl_csv_decoder **out,
                                struct sl_err *err) {
    int corrupt = sl_type_find_field(schema, options->column_name_of_corrupt_record);
    SL_TRY(check_types(schema, corrupt, err));
    struct sl_csv_decoder *decoder = sl_xcalloc(1, sizeof *decoder);
    *decoder = (struct sl_csv_decoder){
        .schema = schema, .wanted = wanted, .options = options, .hooks = hooks, .corrupt = corrupt};
    decoder->record.fields_max = options->columns_max;
    decoder->columns = sl_xcalloc(schema->field_count + 1, sizeof *decoder->columns);
    decoder->places = sl_xcalloc(schema->field_count + 1, sizeof *decoder->places);
    for (uint32_t c = 0; c < schema->field_count; c++) {
        if ((int)c == corrupt) continue;
        decoder->places[c] = decoder->field_count++;
        if (wanted[c]) decoder->columns[decoder->column_count++] = c;
    }
    decoder->any_count = corrupt < 0 && decoder->column_count < decoder->field_count;
    *out = decoder;
    return SL_OK;
}

void sl_csv_decoder_free(struct sl_csv_decoder *decoder) {
    if (!decoder) return;
    sl_csv_record_release(&decoder->record);
    free(decoder->columns);
    free(decoder->places);
    free(decoder);
}

void sl_csv_decoder_on_malformed(struct sl_csv_decoder *decoder, sl_csv_malformed_fn fn,
                                 void *ctx) {
    decoder->on_malformed = fn;
    decoder->ctx = ctx;
}

/* ---- values ---- */

/* Java's Integer.parseInt and its like: a sign and ASCII digits, nothing else. */
static bool parse_integer(struct sl_str text, int64_t min, int64_t max, int64_t *out) {
    size_t i = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool negative = i && text.ptr[0] == '-';
    int64_t value = 0; /* kept negative, for the smallest number has no positive twin */
    if (i == text.len) return false;
    for (; i < text.len; i++) {
        unsigned digit = (unsigned char)text.ptr[i] - (unsigned)'0';
        if (digit > 9 || __builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, (int64_t)digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    return *out >= min && *out <= max;
}

static bool parse_f64(const struct sl_csv_decoder *decoder, struct sl_str text, double *out) {
    const struct sl_csv_options *options = decoder->options;
    if (sl_str_eq(text, options->nan_value)) return *out = NAN, true;
    if (sl_str_eq(text, options->negative_inf)) return *out = -INFINITY, true;
    if (sl_str_eq(text, options->positive_inf)) return *out = INFINITY, true;
    return decoder->hooks->f64(decoder->hooks->ctx, text, out);
}

static bool parse_f32(const struct sl_csv_decoder *decoder, struct sl_str text, float *out) {
    const struct sl_csv_options *options = decoder->options;
    if (sl_str_eq(text, options->nan_value)) return *out = NAN, true;
    if (sl_str_eq(text, options->negative_inf)) return *out = -INFINITY, true;
    if (sl_str_eq(text, options->positive_inf)) return *out = INFINITY, true;
    return decoder->hooks->f32(decoder->hooks->ctx, text, out);
}

static bool set_integer(struct sl_vec *out, uint32_t row, struct sl_str text) {
    int64_t value;
    switch (out->type->kind) {
    case SL_BYTE_KIND:
        if (!parse_integer(text, INT8_MIN, INT8_MAX, &value)) return false;
        out->i8[row] = (int8_t)value;
        return true;
    case SL_SHORT_KIND:
        if (!parse_integer(text, INT16_MIN, INT16_MAX, &value)) return false;
        out->i16[row] = (int16_t)value;
        return true;
    case SL_INT_KIND:
        if (!parse_integer(text, INT32_MIN, INT32_MAX, &value)) return false;
        out->i32[row] = (int32_t)value;
        return true;
    default:
        return parse_integer(text, INT64_MIN, INT64_MAX, &out->i64[row]);
    }
}

static bool set_decimal(const struct sl_csv_decoder *decoder, struct sl_vec *out, uint32_t row,
                        struct sl_str text) {
    sl_int128 value;
    const struct sl_type *type = out->type;
    if (!decoder->hooks->decimal(decoder->hooks->ctx, text, type->precision, type->scale, &value))
        return false;
    if (sl_type_is_wide_decimal(type))
        out->i128[row] = value;
    else
        out->i64[row] = (int64_t)value;
    return true;
}

/* A value of a column that is no text; false: the text is none of its type's. */
static bool set_value(const struct sl_csv_decoder *decoder, struct sl_vec *out, uint32_t row,
                      struct sl_str text) {
    const struct sl_csv_hooks *hooks = decoder->hooks;
    bool flag;
    switch (out->type->kind) {
    case SL_BOOL_KIND:
        if (!sl_str_to_bool(text, &flag)) return false;
        sl_bit_put(out->bits, row, flag);
        return true;
    case SL_FLOAT_KIND:
        return parse_f32(decoder, text, &out->f32[row]);
    case SL_DOUBLE_KIND:
        return parse_f64(decoder, text, &out->f64[row]);
    case SL_DECIMAL_KIND:
        return set_decimal(decoder, out, row, text);
    case SL_DATE_KIND:
        return hooks->date(hooks->ctx, text, &out->i32[row]);
    case SL_TIMESTAMP_KIND:
        return hooks->timestamp(hooks->ctx, text, &out->i64[row]);
    case SL_TIMESTAMP_NTZ_KIND:
        return hooks->timestamp_ntz(hooks->ctx, text, &out->i64[row]);
    default:
        return set_integer(out, row, text);
    }
}

static enum sl_code set_null(struct sl_vec *out, uint32_t row, uint32_t rows, struct sl_err *err) {
    if (!out->valid) SL_TRY(sl_vec_reserve_valid(out, rows, err));
    sl_bit_clear(out->valid, row);
    if (out->type->kind == SL_STRING_KIND) {
        out->offsets[row + 1] = out->offsets[row];
    } else if (out->type->kind == SL_BOOL_KIND) {
        sl_bit_clear(out->bits, row);
    } else {
        uint32_t width = sl_type_width(out->type);
        memset((char *)out->data + (size_t)row * width, 0, width);
    }
    return SL_OK;
}

static enum sl_code set_text(struct sl_vec *out, uint32_t row, struct sl_str text,
                             struct sl_err *err) {
    size_t used = (size_t)out->offsets[row];
    if (used + text.len > out->own_bytes.cap)
        SL_TRY(sl_vec_reserve_bytes(out, used + text.len + (used + text.len) / 2, err));
    if (text.len) memcpy(out->bytes + used, text.ptr, text.len);
    out->offsets[row + 1] = (int32_t)(used + text.len);
    return SL_OK;
}

/* ---- records ---- */

struct batch {
    struct sl_csv_decoder *decoder;
    struct sl_vec *columns;
    uint32_t row, rows;
    bool malformed; /* this row */
};

static void note(struct batch *batch, const char *what, uint32_t column, struct sl_str text) {
    struct sl_csv_decoder *decoder = batch->decoder;
    if (batch->malformed) return;
    batch->malformed = true;
    if (!decoder->on_malformed) return;
    const struct sl_field *field = &decoder->schema->fields[column];
    struct sl_arena arena;
    sl_arena_init(&arena, "message");
    snprintf(decoder->reason, sizeof decoder->reason, "column `%.*s`: %s expected, %s `%.*s`",
             (int)(field->name.len > 40 ? 40 : field->name.len), field->name.ptr,
             sl_type_sql(&arena, field->type), what, (int)(text.len > 40 ? 40 : text.len),
             text.len ? text.ptr : "");
    sl_arena_release(&arena);
}

static void note_count(struct batch *batch) {
    struct sl_csv_decoder *decoder = batch->decoder;
    batch->malformed = true;
    snprintf(decoder->reason, sizeof decoder->reason, "%u columns expected, found %u",
             decoder->field_count, decoder->record.count);
}

static bool is_null(const struct sl_csv_options *options, struct sl_str text) {
    return sl_str_eq(text, options->null_value);
}

static enum sl_code set_field(struct batch *batch, uint32_t column, struct sl_err *err) {
    struct sl_csv_decoder *decoder = batch->decoder;
    const struct sl_csv_options *options = decoder->options;
    struct sl_vec *out = &batch->columns[column];
    uint32_t place = decoder->places[column];
    uint32_t kept =
        decoder->record.count < options->columns_max ? decoder->record.count : options->columns_max;
    if (place >= kept) return set_null(out, batch->row, batch->rows, err);
    const struct sl_csv_field *field = &decoder->record.fields[place];
    struct sl_str text = {field->ptr, field->len};
    if (field->quoted_empty) text = options->empty_value;
    if ((!field->ptr && !field->quoted_empty) || is_null(options, text))
        return set_null(out, batch->row, batch->rows, err);
    if (options->chars_max >= 0 && (int64_t)text.len > options->chars_max)
        return sl_fail(err, SL_DATA, "a value has %zu characters, but maxCharsPerColumn is %lld",
                       text.len, (long long)options->chars_max);
    if (out->type->kind == SL_STRING_KIND) return set_text(out, batch->row, text, err);
    if (set_value(decoder, out, batch->row, text)) return SL_OK;
    note(batch, "found", column, text);
    return set_null(out, batch->row, batch->rows, err);
}

static enum sl_code finish_row(struct batch *batch, struct sl_str record, uint64_t *dropped,
                               uint32_t *dropped_rows, uint32_t *bad_row, struct sl_err *err) {
    struct sl_csv_decoder *decoder = batch->decoder;
    if (decoder->corrupt >= 0 && decoder->wanted[decoder->corrupt]) {
        struct sl_vec *out = &batch->columns[decoder->corrupt];
        SL_TRY(batch->malformed ? set_text(out, batch->row, record, err)
                                : set_null(out, batch->row, batch->rows, err));
    }
    if (!batch->malformed) return SL_OK;
    if (decoder->on_malformed)
        decoder->on_malformed(decoder->ctx, batch->row, sl_str(decoder->reason));
    if (decoder->options->mode == SL_CSV_DROPMALFORMED) {
        sl_bit_set(dropped, batch->row);
        ++*dropped_rows;
    }
    if (decoder->options->mode != SL_CSV_FAILFAST) return SL_OK;
    *bad_row = batch->row;
    sl_fail_at(err, (struct sl_span){0}, "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION", "22023",
               "malformed CSV record, and the mode is FAILFAST: %.*s",
               (int)(record.len > 200 ? 200 : record.len), record.ptr);
    if (err) err->code = SL_DATA;
    sl_hint(err, "use mode PERMISSIVE to read what does not fit as NULL");
    return SL_DATA;
}

static enum sl_code decode_row(struct batch *batch, struct sl_str record, struct sl_err *err) {
    struct sl_csv_decoder *decoder = batch->decoder;
    sl_csv_split(&decoder->options->syntax, record.ptr, record.ptr + record.len, false,
                 &decoder->record);
    batch->malformed = false;
    bool count_matters = !decoder->any_count || decoder->on_malformed;
    if (count_matters && decoder->record.count != decoder->field_count) note_count(batch);
    for (uint32_t i = 0; i < decoder->column_count; i++)
        SL_TRY(set_field(batch, decoder->columns[i], err));
    return SL_OK;
}

enum sl_code sl_csv_decode(struct sl_csv_decoder *decoder, const struct sl_str *records,
                           uint32_t rows, struct sl_vec *columns, uint64_t *dropped,
                           uint32_t *dropped_rows, uint32_t *bad_row, struct sl_err *err) {
    struct batch batch = {.decoder = decoder, .columns = columns, .rows = rows};
    *dropped_rows = 0;
    sl_bits_fill(dropped, rows, false);
    for (uint32_t c = 0; c < decoder->schema->field_count; c++)
        if (decoder->wanted[c]) SL_TRY(sl_vec_reserve(&columns[c], rows, err));
    for (; batch.row < rows && decoder->field_count; batch.row++) {
        bool nothing = !decoder->column_count && decoder->corrupt < 0 && !decoder->on_malformed;
        if (nothing) continue;
        SL_TRY(decode_row(&batch, records[batch.row], err));
        SL_TRY(finish_row(&batch, records[batch.row], dropped, dropped_rows, bad_row, err));
    }
    for (uint32_t c = 0; c < decoder->schema->field_count; c++)
        if (decoder->wanted[c]) columns[c].rows = rows;
    return SL_OK;
}
