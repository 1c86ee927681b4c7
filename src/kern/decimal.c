/* Decimals: powers of ten, change of scale, and the way to and from doubles. */
#include <math.h>
#include <stdlib.h>

#include "kern/cast.h"
#include "kern/number.h"

#define E19 ((sl_int128)UINT64_C(10000000000000000000))
#define LOW(n) (sl_int128) UINT64_C(n)

static const sl_int128 powers[39] = {
    LOW(1),
    LOW(10),
    LOW(100),
    LOW(1000),
    LOW(10000),
    LOW(100000),
    LOW(1000000),
    LOW(10000000),
    LOW(100000000),
    LOW(1000000000),
    LOW(10000000000),
    LOW(100000000000),
    LOW(1000000000000),
    LOW(10000000000000),
    LOW(100000000000000),
    LOW(1000000000000000),
    LOW(10000000000000000),
    LOW(100000000000000000),
    LOW(1000000000000000000),
    E19,
    E19 * 10,
    E19 * 100,
    E19 * 1000,
    E19 * 10000,
    E19 * 100000,
    E19 * 1000000,
    E19 * 10000000,
    E19 * 100000000,
    E19 * 1000000000,
    E19 *LOW(10000000000),
    E19 *LOW(100000000000),
    E19 *LOW(1000000000000),
    E19 *LOW(10000000000000),
    E19 *LOW(100000000000000),
    E19 *LOW(1000000000000000),
    E19 *LOW(10000000000000000),
    E19 *LOW(100000000000000000),
    E19 *LOW(1000000000000000000),
    E19 *E19,
};

sl_int128 sl_decimal_pow10(int exponent) {
    sl_assert(exponent >= 0 && exponent <= 38);
    return powers[exponent];
}

bool sl_decimal_rescale(sl_int128 value, int from_scale, int precision, int to_scale,
                        sl_int128 *out) {
    int drop = from_scale - to_scale;
    if (drop > 0) {
        sl_int128 unit = sl_decimal_pow10(drop), rest = value % unit, half = unit / 2;
        value = value / unit + (rest >= half) - (rest <= -half);
    } else if (drop < 0 && __builtin_mul_overflow(value, sl_decimal_pow10(-drop), &value)) {
        return false;
    }
    *out = value;
    return sl_decimal_fits(value, precision);
}

double sl_decimal_to_f64(sl_int128 value, int scale) {
    static const double exact[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                   1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                   1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    const sl_int128 limit = (sl_int128)1 << 53;
    if (scale <= 22 && value <= limit && value >= -limit) return (double)value / exact[scale];
    char text[48];
    text[sl_format_decimal(text, value, scale)] = 0;
    return strtod(text, NULL);
}

bool sl_decimal_from_f64(double value, int precision, int scale, sl_int128 *out) {
    if (!isfinite(value)) return false;
    char text[32];
    struct sl_str shortest = {text, sl_format_f64(text, value)};
    return sl_parse_decimal(shortest, precision, scale, out);
}
