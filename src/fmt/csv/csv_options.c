#include "fmt/csv/csv_options.h"

#include <stddef.h>

enum kind { FLAG, TEXT, CHARACTER, MODE, SEPARATOR, COUNT };

/* To add one: a row here and a member of struct sl_csv_options. */
static const struct option {
    const char *name;
    enum kind kind;
    size_t offset;
} table[] = {
#define AT(member) offsetof(struct sl_csv_options, member)
    {"sep", SEPARATOR, AT(syntax.separator)},
    {"delimiter", SEPARATOR, AT(syntax.separator)},
    {"quote", CHARACTER, AT(syntax.quote)},
    {"escape", CHARACTER, AT(syntax.escape)},
    {"charToEscapeQuoteEscaping", CHARACTER, AT(syntax.escape_escape)},
    {"comment", CHARACTER, AT(comment)},
    {"header", FLAG, AT(header)},
    {"multiLine", FLAG, AT(multi_line)},
    {"enforceSchema", FLAG, AT(enforce_schema)},
    {"inferSchema", FLAG, AT(infer_schema)},
    {"preferDate", FLAG, AT(prefer_date)},
    {"ignoreLeadingWhiteSpace", FLAG, AT(syntax.trim_leading)},
    {"ignoreTrailingWhiteSpace", FLAG, AT(syntax.trim_trailing)},
    {"nullValue", TEXT, AT(null_value)},
    {"emptyValue", TEXT, AT(empty_value)},
    {"nanValue", TEXT, AT(nan_value)},
    {"positiveInf", TEXT, AT(positive_inf)},
    {"negativeInf", TEXT, AT(negative_inf)},
    {"columnNameOfCorruptRecord", TEXT, AT(column_name_of_corrupt_record)},
    {"lineSep", TEXT, AT(line_sep)},
    {"mode", MODE, AT(mode)},
    {"maxColumns", COUNT, AT(columns_max)},
    {"maxCharsPerColumn", COUNT, AT(chars_max)},
#undef AT
};

enum { NOT_SET = -2 };

void sl_csv_options_init(struct sl_csv_options *options) {
    *options = (struct sl_csv_options){
        .syntax = {.separator = ",",
                   .separator_len = 1,
                   .quote = '"',
                   .escape = '\\',
                   .escape_escape = '\\'},
        .comment = -1,
        .enforce_schema = true,
        .prefer_date = true,
        .nan_value = SL_STR("NaN"),
        .positive_inf = SL_STR("Inf"),
        .negative_inf = SL_STR("-Inf"),
        .column_name_of_corrupt_record = SL_STR("_corrupt_record"),
        .columns_max = 20480,
        .chars_max = -1,
    };
}

static enum sl_code bad_value(const struct option *row, struct sl_str value, const char *wanted,
                              struct sl_err *err) {
    return sl_fail(err, SL_USER, "CSV option `%s` is `%.*s`, but must be %s", row->name,
                   SL_STR_ARG(value), wanted);
}

/* \t and the like, as CSVExprUtils.toChar and toDelimiterStr. */
static bool unescape(struct sl_str text, char *out, size_t cap, uint32_t *len) {
    static const char letters[] = "trbfn\"'\\0", values[] = "\t\r\b\f\n\"'\\\0";
    *len = 0;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];
        const char *letter = NULL;
        if (c == '\\' && i + 1 < text.len) letter = strchr(letters, text.ptr[i + 1]);
        if (letter && *letter) c = values[letter - letters], i++;
        if (*len == cap) return false;
        out[(*len)++] = c;
    }
    return true;
}

static enum sl_code set_character(const struct option *row, struct sl_str value, int *out,
                                  struct sl_err *err) {
    char text[1];
    uint32_t len;
    *out = -1;
    if (value.len == 0) return SL_OK;
    if (value.len == 1 && value.ptr[0] == '\\') return *out = '\\', SL_OK;
    if (!unescape(value, text, sizeof text, &len) || len != 1 || (unsigned char)text[0] >= 0x80)
        return bad_value(row, value, "a single ASCII character", err);
    *out = text[0] ? (unsigned char)text[0] : -1;
    return SL_OK;
}

static enum sl_code set_separator(const struct option *row, struct sl_str value,
                                  struct sl_csv_syntax *syntax, struct sl_err *err) {
    if (!unescape(value, syntax->separator, sizeof syntax->separator, &syntax->separator_len) ||
        !syntax->separator_len)
        return bad_value(row, value, "one to eight bytes", err);
    return SL_OK;
}

static enum sl_code set_mode(const struct option *row, struct sl_str value, enum sl_csv_mode *out,
                             struct sl_err *err) {
    static const char *const names[] = {"PERMISSIVE", "FAILFAST", "DROPMALFORMED"};
    for (int i = 0; i < 3; i++)
        if (sl_str_eq_nocase(value, sl_str(names[i]))) return *out = (enum sl_csv_mode)i, SL_OK;
    return bad_value(row, value, "PERMISSIVE, FAILFAST or DROPMALFORMED", err);
}

static enum sl_code set_count(const struct option *row, struct sl_str value,
                              struct sl_csv_options *options, struct sl_err *err) {
    int64_t number;
    bool chars = row->offset == offsetof(struct sl_csv_options, chars_max);
    if (!sl_str_to_i64(value, &number) || number > INT32_MAX || (!chars && number < 1))
        return bad_value(row, value, "a whole number", err);
    if (chars)
        options->chars_max = number;
    else
        options->columns_max = (uint32_t)number;
    return SL_OK;
}

enum sl_code sl_csv_options_set(struct sl_csv_options *options, struct sl_str name,
                                struct sl_str value, bool *known, struct sl_err *err) {
    const struct option *row = NULL;
    for (size_t i = 0; i < sizeof table / sizeof *table && !row; i++)
        if (sl_str_eq_nocase(name, sl_str(table[i].name))) row = &table[i];
    *known = row != NULL;
    if (!row) return SL_OK;
    char *at = (char *)options + row->offset;
    int before = options->syntax.escape;
    switch (row->kind) {
    case FLAG:
        return sl_str_to_bool(value, (bool *)at) ? SL_OK
                                                 : bad_value(row, value, "true or false", err);
    case TEXT:
        *(struct sl_str *)at = value;
        return SL_OK;
    case MODE:
        return set_mode(row, value, &options->mode, err);
    case SEPARATOR:
        return set_separator(row, value, &options->syntax, err);
    case COUNT:
        return set_count(row, value, options, err);
    case CHARACTER:
        break;
    }
    SL_TRY(set_character(row, value, (int *)at, err));
    struct sl_csv_syntax *syntax = &options->syntax;
    /* unless it is given, a character that is not the quote escapes itself */
    bool own = syntax->escape_escape != before && syntax->escape_escape != -1;
    if (at != (char *)&syntax->escape_escape && !own)
        syntax->escape_escape = syntax->escape == syntax->quote ? -1 : syntax->escape;
    return SL_OK;
}
