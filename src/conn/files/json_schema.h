/* The schema of JSON files, from their records. */
#ifndef SL_CONN_JSON_SCHEMA_H
#define SL_CONN_JSON_SCHEMA_H

#include "conn/file_source.h"
#include "fmt/json/json_options.h"

/* *out NULL: there is no file. */
SL_MUST_CHECK enum sl_code sl_json_schema_infer(struct sl_file_source *source,
                                                const struct sl_json_options *options,
                                                const struct sl_type **out, struct sl_err *err);

#endif
