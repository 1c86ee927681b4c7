/* Options of the CSV reader, with Spark's names and defaults (CSVOptions.scala). */
#ifndef SL_FMT_CSV_OPTIONS_H
#define SL_FMT_CSV_OPTIONS_H

#include "fmt/csv/csv_record.h"

enum sl_csv_mode { SL_CSV_PERMISSIVE, SL_CSV_FAILFAST, SL_CSV_DROPMALFORMED };

struct sl_csv_options {
    struct sl_csv_syntax syntax;
    enum sl_csv_mode mode;
    int comment; /* lines that begin with it are none; -1: no such character */
    bool header, multi_line, enforce_schema, infer_schema, prefer_date;
    struct sl_str null_value, empty_value, nan_value, positive_inf, negative_inf;
    struct sl_str column_name_of_corrupt_record;
    uint32_t columns_max;
    int64_t chars_max; /* of a field; -1: no limit */
    struct sl_str line_sep;
};

void sl_csv_options_init(struct sl_csv_options *options);
/* Sets one option by Spark's name (any case); strings are borrowed. *known false: it is none of
 * these. SL_USER: a value it cannot have. */
SL_MUST_CHECK enum sl_code sl_csv_options_set(struct sl_csv_options *options, struct sl_str name,
                                              struct sl_str value, bool *known, struct sl_err *err);

#endif
