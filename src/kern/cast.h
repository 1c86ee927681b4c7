/* CAST and TRY_CAST between all types, with Spark 4.1's results, errors (CAST_INVALID_INPUT,
 * CAST_OVERFLOW, NUMERIC_VALUE_OUT_OF_RANGE ...) and ANSI / legacy behaviour.
 * Source: Spark Cast.scala, SparkDateTimeUtils, UTF8String. */
#ifndef SL_KERN_CAST_H
#define SL_KERN_CAST_H

#include "kern/call.h"

enum sl_cast_mode { SL_CAST_ANSI, SL_CAST_LEGACY, SL_CAST_TRY };

/* Whether the cast exists at all (DATATYPE_MISMATCH.CAST_WITHOUT_SUGGESTION otherwise). */
bool sl_cast_allowed(const struct sl_type *from, const struct sl_type *to, enum sl_cast_mode mode);
/* Implicit coercion in ANSI mode (Spark's AnsiTypeCoercion): may an expression of type `from` stand
 * where `to` is wanted? */
bool sl_cast_implicit(const struct sl_type *from, const struct sl_type *to);
/* Whether such a cast also keeps every value and what it is; overloads that do go before others. */
bool sl_cast_widens(const struct sl_type *from, const struct sl_type *to);
/* Casts call->args[0] into call->out. Null rule: null in, null out; a bad row is reported with
 * sl_call_bad (ANSI) or becomes null (LEGACY where Spark gives null, TRY). Nested types recurse.
 * Makes out->valid itself. Accepts every encoding (BINARY VIEW -> STRING VIEW is free). */
SL_MUST_CHECK enum sl_code sl_cast(struct sl_call *call, enum sl_cast_mode mode,
                                   struct sl_err *err);

/* One value as Spark's CAST(x AS STRING) prints it, appended to out; a null is "null".
 * Used by partition paths and column names. */
void sl_cast_put_text(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                      const struct sl_session *session);

/* One value as Spark's show() and console print it (ToPrettyString): NULL, bytes as [61 62]; the
 * row may be null. */
void sl_cast_put_pretty(struct sl_buf *out, const struct sl_vec *vec, uint32_t row,
                        const struct sl_session *session);

/* Text to value, as CAST(string AS ..) reads it; false if it does not parse. Used by the JSON
 * decoder and partition values too. */
bool sl_parse_date(struct sl_str text, int32_t *days);
/* zone: of texts that name none.  A bare time ("10:00") means today: the wall clock's, or with _at
 * that of `now_micros`, which is what keeps a batch the same when it runs again. */
bool sl_parse_timestamp(struct sl_str text, const struct sl_zone *zone, int64_t *micros);
bool sl_parse_timestamp_at(struct sl_str text, const struct sl_zone *zone, int64_t now_micros,
                           int64_t *micros);
bool sl_parse_timestamp_ntz(struct sl_str text, int64_t *micros);
bool sl_parse_i64(struct sl_str text, int64_t *out);
bool sl_parse_f64(struct sl_str text,
                  double *out); /* Java's Double.parseDouble grammar incl. NaN, Infinity, 1e5, 1d */
/* Decimal text to unscaled value at (precision, scale), rounding half up; false: no number or
 * overflow. */
bool sl_parse_decimal(struct sl_str text, int precision, int scale, sl_int128 *out);
/* Shortest text that reads back (Java's Double.toString / Float.toString, JDK 19+ shortest). */
size_t sl_format_f64(char *to /*32*/, double value);
size_t sl_format_f32(char *to /*32*/, float value);
size_t sl_format_decimal(char *to /*48*/, sl_int128 unscaled, int scale);
size_t sl_format_date(char *to /*24*/, int32_t days);
size_t sl_format_timestamp(char *to /*40*/, int64_t micros,
                           const struct sl_zone *zone); /* "2024-01-01 10:00:00.5" */

#endif
