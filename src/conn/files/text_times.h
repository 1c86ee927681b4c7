/* Dates and timestamps of text files: by a pattern where one is given, else as CAST reads them.
 * In the query arena, immutable once made. */
#ifndef SL_CONN_TEXT_TIMES_H
#define SL_CONN_TEXT_TIMES_H

#include "conn/file_source.h"
#include "kern/datetime_pattern.h"

struct sl_text_times {
    const struct sl_zone *zone;                                /* of texts that name none */
    const struct sl_pattern *timestamp, *timestamp_ntz, *date; /* NULL: as CAST */
};
/* From the options timestampFormat, timestampNTZFormat, dateFormat and timeZone. */
SL_MUST_CHECK enum sl_code sl_text_times_make(const struct sl_file_source *source,
                                              struct sl_text_times *out, struct sl_err *err);
/* ctx: const struct sl_text_times *. */
bool sl_text_times_timestamp(const void *ctx, struct sl_str text, int64_t *micros);
bool sl_text_times_timestamp_ntz(const void *ctx, struct sl_str text, int64_t *micros);
bool sl_text_times_date(const void *ctx, struct sl_str text, int32_t *days);

#endif
