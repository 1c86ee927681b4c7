/* Arithmetic on decimals: exact, then rounded half up to the result's scale, as Spark's Decimal
 * over java.math.BigDecimal does it.  Values are unscaled; scales travel beside them. */
#ifndef SL_KERN_DECIMAL_MATH_H
#define SL_KERN_DECIMAL_MATH_H

#include "col/vec.h"

enum sl_decimal_status { SL_DECIMAL_OK, SL_DECIMAL_OVERFLOW, SL_DECIMAL_ZERO_DIVISOR };

struct sl_decimal_shape {
    int scale_a, scale_b;
    int precision, scale; /* of the result */
};

typedef enum sl_decimal_status (*sl_decimal_fn)(const struct sl_decimal_shape *shape, sl_int128 a,
                                                sl_int128 b, sl_int128 *out);
enum sl_decimal_status sl_decimal_add(const struct sl_decimal_shape *shape, sl_int128 a,
                                      sl_int128 b, sl_int128 *out);
enum sl_decimal_status sl_decimal_subtract(const struct sl_decimal_shape *shape, sl_int128 a,
                                           sl_int128 b, sl_int128 *out);
/* Products of more than 39 digits are first rounded to 39, as Spark's MathContext does. */
enum sl_decimal_status sl_decimal_multiply(const struct sl_decimal_shape *shape, sl_int128 a,
                                           sl_int128 b, sl_int128 *out);
enum sl_decimal_status sl_decimal_divide(const struct sl_decimal_shape *shape, sl_int128 a,
                                         sl_int128 b, sl_int128 *out);
/* Sign of the dividend. */
enum sl_decimal_status sl_decimal_remainder(const struct sl_decimal_shape *shape, sl_int128 a,
                                            sl_int128 b, sl_int128 *out);
/* Sign of the divisor, or 0. */
enum sl_decimal_status sl_decimal_pmod(const struct sl_decimal_shape *shape, sl_int128 a,
                                       sl_int128 b, sl_int128 *out);
/* Quotient without fraction; overflow when it is no 64-bit integer. */
enum sl_decimal_status sl_decimal_int_divide(const struct sl_decimal_shape *shape, sl_int128 a,
                                             sl_int128 b, sl_int128 *out);

#endif
