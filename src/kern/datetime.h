/* Dates, timestamps and intervals: what cast.h and zone.h do not publish. */
#ifndef SL_KERN_DATETIME_H
#define SL_KERN_DATETIME_H

#include "base/buf.h"
#include "kern/zone.h"

struct sl_type;

/* YYYY-MM-DD[T ]HH:MM:SS[.f*][Z] to micros of the local clock; false: not of that form, or not a
 * time (then the general grammar decides). */
bool sl_datetime_parse_fast(struct sl_str text, int64_t *local_micros, bool *is_zulu);
size_t sl_format_timestamp_local(char *to /*40*/, int64_t local_micros);

/* "INTERVAL '1 02:03:04.5' DAY TO SECOND" and "INTERVAL '1-2' YEAR TO MONTH", by the type's fields.
 */
void sl_interval_put_text(struct sl_buf *out, const struct sl_type *type, int64_t value);
/* The same texts, with or without the words. */
bool sl_interval_parse(struct sl_str text, const struct sl_type *type, int64_t *out);

#endif
