/* Sizes and durations as people write them in options and on the command line. */
#ifndef SL_BASE_QUANTITY_H
#define SL_BASE_QUANTITY_H

#include "base/str.h"

/* "128m", "1g", "64KB", "1024" to bytes; units are powers of 1024. */
bool sl_parse_bytes(struct sl_str text, int64_t *out);
/* "30 seconds", "5 min", "100ms", "1h30m", "interval 1 day 2 hours" to milliseconds; only 0 needs
 * no unit. */
bool sl_parse_duration_ms(struct sl_str text, int64_t *out);

#endif
