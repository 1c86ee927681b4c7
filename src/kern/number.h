/* Numbers as text and decimals as integers: what cast.h does not publish.
 * A decimal is an unscaled 128-bit integer; (precision, scale) travel beside it. */
#ifndef SL_KERN_NUMBER_H
#define SL_KERN_NUMBER_H

#include "base/str.h"
#include "col/vec.h"

enum sl_number_status { SL_NUMBER_OK, SL_NUMBER_MALFORMED, SL_NUMBER_OVERFLOW };

/* Blanks as Spark's casts trim them: bytes <= 0x20 and DEL, both ends. */
struct sl_str sl_number_trim(struct sl_str text);
/* UTF8String.toLong: with `fraction_ok`, digits behind a point are checked and dropped. */
bool sl_number_parse_i64(struct sl_str text, bool fraction_ok, int64_t *out);
enum sl_number_status sl_number_parse_decimal(struct sl_str text, int precision, int scale,
                                              sl_int128 *out);
bool sl_number_parse_f32(struct sl_str text, float *out);
size_t sl_number_format_i64(char *to /*20*/, int64_t value);

/* 10^exponent, 0..38. */
sl_int128 sl_decimal_pow10(int exponent);
/* Changes the scale, rounding half up (away from zero); false when it leaves `precision`. */
bool sl_decimal_rescale(sl_int128 value, int from_scale, int precision, int to_scale,
                        sl_int128 *out);
static inline bool sl_decimal_fits(sl_int128 value, int precision) {
    sl_int128 limit = sl_decimal_pow10(precision);
    return value < limit && value > -limit;
}
/* Correctly rounded. */
double sl_decimal_to_f64(sl_int128 value, int scale);
/* The decimal whose text is the shortest of the double, then rounded; false: overflow, NaN. */
bool sl_decimal_from_f64(double value, int precision, int scale, sl_int128 *out);

#endif
