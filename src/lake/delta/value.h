/* Partition values and paths as Delta's log writes them (PROTOCOL.md "Partition Value
 * Serialization"; reference of traps: Hive escape first, then URI quoting). Owner: any thread. */
#ifndef SL_LAKE_DELTA_VALUE_H
#define SL_LAKE_DELTA_VALUE_H

#include "base/buf.h"
#include "base/err.h"
#include "col/vec.h"

/* One value of a partition column as text: date YYYY-MM-DD, timestamp UTC
 * 1970-01-01T00:00:00.123456Z as Spark's default, NTZ with a space, numbers plain, binary as the
 * bytes. false: null (an empty string is one too). */
bool sl_delta_value_put(struct sl_buf *out, const struct sl_vec *column, uint32_t row);
/* Appends one row to `out` (FLAT, of the column's type) from text; both timestamp forms are read,
 * the second as UTC unless it names a zone (its writer's zone is not in the log). An empty text is
 * null. SL_DATA: not a value of that type. */
SL_MUST_CHECK enum sl_code sl_delta_value_parse(struct sl_str text, bool is_null,
                                                struct sl_vec *out, struct sl_err *err);

/* Relative path on disk -> add.path, and back: percent-decoded once, `+` stays. A path of the log
 * may also be absolute (file:, /..): then *absolute, as shallow clones have it. Another scheme, a
 * part `..`, or a NUL is SL_DATA. */
void sl_delta_path_put(struct sl_buf *out, struct sl_str relative_path);
SL_MUST_CHECK enum sl_code sl_delta_path_parse(struct sl_str log_path, struct sl_buf *out,
                                               bool *absolute, struct sl_err *err);
/* Of a BYTE, SHORT, INT; other kinds hold every value. */
bool sl_delta_integer_fits(int64_t value, enum sl_kind kind);

#endif
