/* Source: Spark CSVInferSchema.scala, CSVUtils.scala, CSVDataSource.scala. */
#include "conn/files/csv_schema.h"

#include <stdlib.h>

#include "conn/files/csv_input.h"
#include "conn/files/files.h"

enum { PRECISION_MAX = 38, LONG_PRECISION = 20, INT_PRECISION = 10, RECORDS = 1024 };

struct found {
    enum sl_kind kind; /* NULL: no value yet */
    int precision, scale;
};

struct inference {
    const struct sl_csv_options *options;
    struct sl_budget *budget;
    struct sl_text_times times;
    struct found *columns;
    uint32_t count;
    double ratio;
    uint64_t record;
};

/* ---- names ---- */

static struct sl_str field_text(const struct sl_csv_record *record, uint32_t i) {
    return record->fields[i].ptr ? (struct sl_str){record->fields[i].ptr, record->fields[i].len}
                                 : (struct sl_str){0};
}

static bool is_doubled(const struct sl_csv_record *header, uint32_t at, bool case_sensitive) {
    for (uint32_t i = 0; i < header->count; i++) {
        struct sl_str a = field_text(header, i), b = field_text(header, at);
        if (i != at && (case_sensitive ? sl_str_eq(a, b) : sl_str_eq_nocase(a, b))) return true;
    }
    return false;
}

struct sl_str *sl_csv_schema_names(struct sl_arena *arena, const struct sl_csv_options *options,
                                   bool case_sensitive, const struct sl_csv_record *header,
                                   bool is_header) {
    struct sl_str *names = SL_NEW_ARRAY(arena, struct sl_str, header->count + 1);
    for (uint32_t i = 0; i < header->count; i++) {
        struct sl_str text = field_text(header, i);
        if (!is_header || !text.len || sl_str_eq(text, options->null_value))
            names[i] = sl_arena_printf(arena, "_c%u", i);
        else if (is_doubled(header, i, case_sensitive))
            names[i] = sl_arena_printf(arena, "%.*s%u", SL_STR_ARG(text), i);
        else
            names[i] = sl_arena_str(arena, text);
    }
    return names;
}

/* ---- types ---- */

static bool is_integer(struct sl_str text, int64_t min, int64_t max) {
    struct sl_str digits = text;
    int64_t value;
    if (digits.len && digits.ptr[0] == '+') digits = sl_str_sub(digits, 1, digits.len);
    if (!digits.len || (digits.len < text.len && digits.ptr[0] == '-')) return false;
    return sl_str_to_i64(digits, &value) && value >= min && value <= max;
}

/* Whole numbers too large for BIGINT; numbers with a fraction are doubles. */
static bool is_decimal(struct sl_str text, struct found *out) {
    size_t digits = 0, i = text.len && (text.ptr[0] == '-' || text.ptr[0] == '+');
    bool leading = true;
    if (i == text.len) return false;
    for (; i < text.len; i++) {
        if (text.ptr[i] < '0' || text.ptr[i] > '9') return false;
        leading = leading && text.ptr[i] == '0';
        digits += !leading;
    }
    if (digits > PRECISION_MAX) return false;
    *out = (struct found){SL_DECIMAL_KIND, digits ? (int)digits : 1, 0};
    return true;
}

static bool is_double(const struct sl_csv_options *options, struct sl_str text) {
    double value;
    return sl_files_parse_f64(text, &value) || sl_str_eq(text, options->nan_value) ||
           sl_str_eq(text, options->positive_inf) || sl_str_eq(text, options->negative_inf);
}

/* Without a pattern a date is written in full: anything shorter could be a number. */
static bool is_date(const struct inference *inference, struct sl_str text) {
    int32_t days;
    if (!inference->options->prefer_date) return false;
    if (!inference->times.date && (text.len != 10 || text.ptr[4] != '-' || text.ptr[7] != '-'))
        return false;
    return sl_text_times_date(&inference->times, text, &days);
}

/* The first type from `from` on, in Spark's order, that the text is of. */
static struct found type_of(const struct inference *inference, struct sl_str text,
                            enum sl_kind from) {
    struct found decimal;
    int64_t micros;
    bool flag;
    switch (from) {
    case SL_NULL_KIND:
    case SL_INT_KIND:
        if (is_integer(text, INT32_MIN, INT32_MAX)) return (struct found){.kind = SL_INT_KIND};
        __attribute__((fallthrough));
    case SL_LONG_KIND:
        if (is_integer(text, INT64_MIN, INT64_MAX)) return (struct found){.kind = SL_LONG_KIND};
        __attribute__((fallthrough));
    case SL_DECIMAL_KIND:
        if (is_decimal(text, &decimal)) return decimal;
        __attribute__((fallthrough));
    case SL_DOUBLE_KIND:
        if (is_double(inference->options, text)) return (struct found){.kind = SL_DOUBLE_KIND};
        __attribute__((fallthrough));
    case SL_DATE_KIND:
        if (is_date(inference, text)) return (struct found){.kind = SL_DATE_KIND};
        __attribute__((fallthrough));
    case SL_TIMESTAMP_KIND:
        if (sl_text_times_timestamp(&inference->times, text, &micros))
            return (struct found){.kind = SL_TIMESTAMP_KIND};
        __attribute__((fallthrough));
    case SL_BOOL_KIND:
        if (sl_str_to_bool(text, &flag)) return (struct found){.kind = SL_BOOL_KIND};
        __attribute__((fallthrough));
    default:
        return (struct found){.kind = SL_STRING_KIND};
    }
}

static int rank(enum sl_kind kind) {
    return kind == SL_INT_KIND       ? 1
           : kind == SL_LONG_KIND    ? 2
           : kind == SL_DECIMAL_KIND ? 3
           : kind == SL_DOUBLE_KIND  ? 4
                                     : 0;
}

static struct found as_decimal(struct found type) {
    if (type.kind == SL_INT_KIND) return (struct found){SL_DECIMAL_KIND, INT_PRECISION, 0};
    if (type.kind == SL_LONG_KIND) return (struct found){SL_DECIMAL_KIND, LONG_PRECISION, 0};
    return type;
}

static struct found merge(const struct inference *inference, struct found a, struct found b) {
    if (a.kind == SL_NULL_KIND || (a.kind == b.kind && a.kind != SL_DECIMAL_KIND)) return b;
    int ranks[] = {rank(a.kind), rank(b.kind)};
    if (ranks[0] && ranks[1]) {
        struct found wider = ranks[0] > ranks[1] ? a : b;
        if (wider.kind != SL_DECIMAL_KIND) return wider;
        a = as_decimal(a), b = as_decimal(b);
        return a.precision > b.precision ? a : b;
    }
    bool times = (a.kind == SL_DATE_KIND || a.kind == SL_TIMESTAMP_KIND) &&
                 (b.kind == SL_DATE_KIND || b.kind == SL_TIMESTAMP_KIND);
    /* a pattern of its own could not read the dates again */
    if (times && !inference->times.timestamp) return (struct found){.kind = SL_TIMESTAMP_KIND};
    return (struct found){.kind = SL_STRING_KIND};
}

static void add_record(struct inference *inference, const struct sl_csv_record *record) {
    uint32_t count = record->count < inference->count ? record->count : inference->count;
    if (count > inference->options->columns_max) count = inference->options->columns_max;
    for (uint32_t i = 0; i < count; i++) {
        struct sl_str text = field_text(record, i);
        struct found *column = &inference->columns[i];
        if (!text.len || sl_str_eq(text, inference->options->null_value)) continue;
        if (column->kind != SL_STRING_KIND)
            *column = merge(inference, *column, type_of(inference, text, column->kind));
    }
}

static enum sl_code add_file(struct inference *inference, const char *path, struct sl_err *err) {
    struct sl_csv_input input;
    struct sl_csv_record record = {.fields_max = inference->options->columns_max};
    const struct sl_str *records;
    const int64_t *numbers;
    uint32_t count = 1;
    enum sl_code code =
        sl_csv_input_open(&input, inference->options, path, 0, UINT64_MAX, inference->budget, err);
    while (code == SL_OK && count) {
        code = sl_csv_input_next(&input, RECORDS, &records, &numbers, &count, err);
        for (uint32_t i = 0; i < count && code == SL_OK; i++) {
            if (!sl_files_is_sampled(inference->ratio, inference->record++)) continue;
            sl_csv_split(&inference->options->syntax, records[i].ptr,
                         records[i].ptr + records[i].len, false, &record);
            add_record(inference, &record);
        }
    }
    if (code != SL_OK) sl_context(err, "file `%s`", path);
    sl_csv_record_release(&record);
    sl_csv_input_close(&input);
    return code;
}

/* ---- the schema ---- */

static const struct sl_type *make_type(struct sl_arena *arena, struct found found) {
    if (found.kind == SL_DECIMAL_KIND) return sl_type_decimal(arena, found.precision, found.scale);
    return found.kind == SL_NULL_KIND ? &sl_type_string : sl_type_simple(found.kind);
}

/* The first record of the first file that has one: it has the names, and counts the columns. */
static enum sl_code first_record(struct sl_file_source *source, struct sl_csv_options options,
                                 struct sl_csv_record *out, struct sl_buf *text,
                                 struct sl_err *err) {
    bool found = false;
    options.header = false;
    for (size_t i = 0; i < source->listing.count && !found; i++) {
        struct sl_csv_input input;
        const struct sl_str *records;
        const int64_t *numbers;
        uint32_t count = 0;
        enum sl_code code = sl_csv_input_open(&input, &options, source->listing.files[i].path, 0,
                                              UINT64_MAX, source->env->budget, err);
        if (code == SL_OK) code = sl_csv_input_next(&input, 1, &records, &numbers, &count, err);
        if (code == SL_OK && count) sl_buf_put_str(text, records[0]);
        found = count > 0;
        sl_csv_input_close(&input);
        if (code != SL_OK) return sl_context(err, "file `%s`", source->listing.files[i].path), code;
    }
    out->fields_max = options.columns_max;
    if (found)
        sl_csv_split(&options.syntax, (const char *)text->ptr, (const char *)text->ptr + text->len,
                     false, out);
    if (out->count > options.columns_max)
        return sl_fail(err, SL_DATA, "the first record has %u columns, but maxColumns is %u",
                       out->count, options.columns_max);
    return SL_OK;
}

static enum sl_code infer_types(struct sl_file_source *source, struct inference *inference,
                                struct sl_err *err) {
    SL_TRY(sl_files_sampling(source, &inference->ratio, err));
    SL_TRY(sl_text_times_make(source, &inference->times, err));
    for (size_t i = 0; i < source->listing.count; i++)
        SL_TRY(add_file(inference, source->listing.files[i].path, err));
    return SL_OK;
}

static enum sl_code make_schema(struct sl_file_source *source, const struct sl_csv_options *options,
                                const struct sl_csv_record *first, const struct sl_type **out,
                                struct sl_err *err) {
    struct sl_arena *query = source->env->query;
    struct inference inference = {
        .options = options, .budget = source->env->budget, .count = first->count};
    struct sl_str *names = sl_csv_schema_names(query, options, source->env->session->case_sensitive,
                                               first, options->header);
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, first->count + 1);
    inference.columns = sl_xcalloc(first->count + 1, sizeof *inference.columns);
    enum sl_code code = options->infer_schema ? infer_types(source, &inference, err) : SL_OK;
    for (uint32_t i = 0; i < first->count; i++)
        fields[i] = (struct sl_field){
            .name = names[i], .type = make_type(query, inference.columns[i]), .nullable = true};
    free(inference.columns);
    if (code == SL_OK) *out = sl_type_struct(query, fields, first->count);
    return code;
}

enum sl_code sl_csv_schema_infer(struct sl_file_source *source,
                                 const struct sl_csv_options *options, const struct sl_type **out,
                                 struct sl_err *err) {
    struct sl_csv_record first = {0};
    struct sl_buf text = {0};
    *out = NULL;
    if (source->listing.count == 0) return SL_OK;
    enum sl_code code = first_record(source, *options, &first, &text, err);
    if (code == SL_OK) code = make_schema(source, options, &first, out, err);
    sl_csv_record_release(&first);
    sl_buf_release(&text);
    return code;
}
