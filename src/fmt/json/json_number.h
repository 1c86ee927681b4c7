/* Number texts to values and back, exactly as Java reads and prints them. */
#ifndef SL_FMT_JSON_JSON_NUMBER_H
#define SL_FMT_JSON_JSON_NUMBER_H

#include "base/buf.h"
#include "col/vec.h"

enum sl_json_special { SL_JSON_FINITE, SL_JSON_NAN, SL_JSON_POSITIVE_INF, SL_JSON_NEGATIVE_INF };

/* A number token: [-]digits[.digits][e[+-]digits], or one of the non-finite words. */
struct sl_json_number {
    struct sl_str text;
    bool integer; /* no fraction, no exponent */
    enum sl_json_special special;
};

/* [-]digits; false outside the range. */
bool sl_json_parse_i64(struct sl_str text, int64_t *out);
double sl_json_parse_f64(const struct sl_json_number *number);
float sl_json_parse_f32(const struct sl_json_number *number);
/* java.math.BigDecimal's syntax, rounded HALF_UP to scale; false: not a number, or more digits
 * than precision. */
bool sl_json_parse_decimal(struct sl_str text, int precision, int scale, sl_int128 *out);
/* Double.toString of JDK 19 and later: the shortest text that reads back the same. */
void sl_json_print_f64(struct sl_buf *out, double value);
void sl_json_print_f32(struct sl_buf *out, float value);
/* The token as Jackson's generator writes it again: integers without "-0" and leading zeros,
 * others through double; "NaN" and infinities in quotes. */
void sl_json_print_number(struct sl_buf *out, const struct sl_json_number *number);

#endif
