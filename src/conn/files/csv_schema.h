/* Names and types of the columns of CSV files, from their records. */
#ifndef SL_CONN_CSV_SCHEMA_H
#define SL_CONN_CSV_SCHEMA_H

#include "conn/file_source.h"
#include "conn/files/text_times.h"
#include "fmt/csv/csv_options.h"

/* *out NULL: there is no file. */
SL_MUST_CHECK enum sl_code sl_csv_schema_infer(struct sl_file_source *source,
                                               const struct sl_csv_options *options,
                                               const struct sl_type **out, struct sl_err *err);
/* The name of a header's field as a column's (CSVUtils.makeSafeHeader); in the arena. */
struct sl_str *sl_csv_schema_names(struct sl_arena *arena, const struct sl_csv_options *options,
                                   bool case_sensitive, const struct sl_csv_record *header,
                                   bool is_header);

#endif
