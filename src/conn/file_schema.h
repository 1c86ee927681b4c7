/* The columns of a file source: those of the files, then those of its `column=value` directories.
 */
#ifndef SL_CONN_FILE_SCHEMA_H
#define SL_CONN_FILE_SCHEMA_H

#include "conn/file_source.h"

/* source->schema and data_count, from the option `schema` or from the files. */
SL_MUST_CHECK enum sl_code sl_file_schema_make(struct sl_file_source *source, struct sl_err *err);
/* range->values from the directories of its path. *may_match: false when a condition on them rules
 * every row of the file out. */
SL_MUST_CHECK enum sl_code sl_file_schema_values(const struct sl_file_source *source,
                                                 struct sl_arena *epoch,
                                                 struct sl_file_range *range, bool *may_match,
                                                 struct sl_err *err);
/* Constant columns of a file; the caller zeroed `constants` (one per column of the schema). */
SL_MUST_CHECK enum sl_code sl_file_schema_constants(const struct sl_file_source *source,
                                                    const struct sl_file_range *range,
                                                    struct sl_vec *constants, struct sl_err *err);

#endif
