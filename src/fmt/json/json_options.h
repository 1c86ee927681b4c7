/* Options of from_json and of the JSON reader; Spark's names and defaults (JSONOptions.scala). */
#ifndef SL_FMT_JSON_OPTIONS_H
#define SL_FMT_JSON_OPTIONS_H

#include <stdbool.h>

#include "base/arena.h"
#include "base/err.h"

enum sl_json_mode { SL_JSON_PERMISSIVE, SL_JSON_FAILFAST, SL_JSON_DROPMALFORMED };

struct sl_json_options {
    enum sl_json_mode mode;
    bool allow_comments, allow_unquoted_field_names, allow_single_quotes,
        allow_numeric_leading_zeros, allow_non_numeric_numbers, allow_backslash_escaping_any,
        allow_unquoted_control_chars;
    bool primitives_as_string, prefers_decimal, multi_line, ignore_null_fields, infer_timestamp,
        drop_field_if_all_null;
    /* Text of a non-string value read into a string field: false = re-serialised as Spark's
     * from_json does (1.10 becomes 1.1); true = its exact bytes, as Spark's JSON file reader does.
     * Not an option by name: the caller knows which of the two it is. */
    bool exact_strings;
    struct sl_str column_name_of_corrupt_record; /* "_corrupt_record" */
    struct sl_str rescued_data_column;           /* "" = none; Databricks */
    struct sl_str timestamp_format, timestamp_ntz_format,
        date_format;         /* "" = cast rules / default */
    struct sl_str time_zone; /* "" = session; as text: the hooks' owner resolves it */
    struct sl_str locale, encoding, line_sep;
};

void sl_json_options_init(struct sl_json_options *options);
/* Sets one option by Spark's name (any case). Unknown: SL_USER with the nearest as hint. Strings
 * are borrowed. */
SL_MUST_CHECK enum sl_code sl_json_options_set(struct sl_json_options *options, struct sl_str name,
                                               struct sl_str value, struct sl_err *err);
#endif
