/* The option table of from_json and the JSON reader (JSONOptions.scala). */
#include "fmt/json/json_options.h"

#include <stddef.h>

enum kind { FLAG, TEXT, MODE, LOCALE };

/* To add one: a row here and a member of struct sl_json_options. */
static const struct option {
    const char *name;
    enum kind kind;
    size_t offset;
} table[] = {
#define AT(member) offsetof(struct sl_json_options, member)
    {"mode", MODE, AT(mode)},
    {"allowComments", FLAG, AT(allow_comments)},
    {"allowUnquotedFieldNames", FLAG, AT(allow_unquoted_field_names)},
    {"allowSingleQuotes", FLAG, AT(allow_single_quotes)},
    {"allowNumericLeadingZeros", FLAG, AT(allow_numeric_leading_zeros)},
    {"allowNonNumericNumbers", FLAG, AT(allow_non_numeric_numbers)},
    {"allowBackslashEscapingAnyCharacter", FLAG, AT(allow_backslash_escaping_any)},
    {"allowUnquotedControlChars", FLAG, AT(allow_unquoted_control_chars)},
    {"primitivesAsString", FLAG, AT(primitives_as_string)},
    {"prefersDecimal", FLAG, AT(prefers_decimal)},
    {"multiLine", FLAG, AT(multi_line)},
    {"ignoreNullFields", FLAG, AT(ignore_null_fields)},
    {"inferTimestamp", FLAG, AT(infer_timestamp)},
    {"dropFieldIfAllNull", FLAG, AT(drop_field_if_all_null)},
    {"columnNameOfCorruptRecord", TEXT, AT(column_name_of_corrupt_record)},
    {"rescuedDataColumn", TEXT, AT(rescued_data_column)},
    {"timestampFormat", TEXT, AT(timestamp_format)},
    {"timestampNTZFormat", TEXT, AT(timestamp_ntz_format)},
    {"dateFormat", TEXT, AT(date_format)},
    {"timeZone", TEXT, AT(time_zone)},
    {"locale", LOCALE, AT(locale)},
    {"encoding", TEXT, AT(encoding)},
    {"charset", TEXT, AT(encoding)},
    {"lineSep", TEXT, AT(line_sep)},
#undef AT
};
enum { OPTIONS = sizeof table / sizeof table[0] };

void sl_json_options_init(struct sl_json_options *options) {
    *options = (struct sl_json_options){
        .mode = SL_JSON_PERMISSIVE,
        .allow_single_quotes = true,
        .allow_non_numeric_numbers = true,
        .ignore_null_fields = true,
        .column_name_of_corrupt_record = SL_STR("_corrupt_record"),
        .locale = SL_STR("en-US"),
    };
}

static enum sl_code unknown(struct sl_str name, struct sl_err *err) {
    struct sl_str names[OPTIONS];
    for (size_t i = 0; i < OPTIONS; i++) names[i] = sl_str(table[i].name);
    sl_fail(err, SL_USER, "unknown JSON option `%.*s`", SL_STR_ARG(name));
    int nearest = sl_str_nearest(name, names, OPTIONS);
    if (nearest >= 0) return sl_hint(err, "did you mean `%s`?", table[nearest].name);
    return SL_USER;
}

static enum sl_code set_mode(struct sl_json_options *options, struct sl_str value,
                             struct sl_err *err) {
    static const char *const names[] = {"PERMISSIVE", "FAILFAST", "DROPMALFORMED"};
    for (int i = 0; i < 3; i++)
        if (sl_str_eq_nocase(value, sl_str(names[i]))) {
            options->mode = (enum sl_json_mode)i;
            return SL_OK;
        }
    sl_fail(err, SL_USER, "JSON option `mode` is `%.*s`", SL_STR_ARG(value));
    return sl_hint(err, "use PERMISSIVE, FAILFAST or DROPMALFORMED");
}

/* The locale only changes how numbers in decimal strings and month names are read. */
static enum sl_code check_locale(struct sl_str value, struct sl_err *err) {
    if (sl_str_eq_nocase(value, SL_STR("en-US")) || sl_str_eq_nocase(value, SL_STR("en_US")))
        return SL_OK;
    sl_fail(err, SL_UNSUPPORTED, "JSON option `locale` is `%.*s`, but only en-US is supported",
            SL_STR_ARG(value));
    return sl_hint(err, "remove the option, or convert the numbers and dates with expressions");
}

enum sl_code sl_json_options_set(struct sl_json_options *options, struct sl_str name,
                                 struct sl_str value, struct sl_err *err) {
    const struct option *row = NULL;
    for (size_t i = 0; i < OPTIONS && !row; i++)
        if (sl_str_eq_nocase(name, sl_str(table[i].name))) row = &table[i];
    if (!row) return unknown(name, err);
    char *at = (char *)options + row->offset;
    switch (row->kind) {
    case FLAG:
        if (sl_str_to_bool(value, (bool *)at)) return SL_OK;
        return sl_fail(err, SL_USER, "JSON option `%s` is `%.*s`, not true or false", row->name,
                       SL_STR_ARG(value));
    case MODE:
        return set_mode(options, value, err);
    case LOCALE:
        SL_TRY(check_locale(value, err));
        break;
    default:
        break;
    }
    if (row->offset == offsetof(struct sl_json_options, line_sep) && !value.len)
        return sl_fail(err, SL_USER, "JSON option `lineSep` is empty");
    *(struct sl_str *)at = value;
    return SL_OK;
}
