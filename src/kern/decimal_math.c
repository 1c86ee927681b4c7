/* Decimal arithmetic over 256-bit magnitudes, least significant word first. */
#include "kern/decimal_math.h"

#include "kern/number.h"

typedef unsigned __int128 u128;

struct wide {
    uint64_t w[4];
};

static u128 magnitude(sl_int128 value) { return value < 0 ? -(u128)value : (u128)value; }

static struct wide wide_of(u128 value) {
    return (struct wide){{(uint64_t)value, (uint64_t)(value >> 64), 0, 0}};
}

static struct wide multiply(u128 a, u128 b) {
    uint64_t x[2] = {(uint64_t)a, (uint64_t)(a >> 64)}, y[2] = {(uint64_t)b, (uint64_t)(b >> 64)};
    struct wide out = {{0}};
    for (int i = 0; i < 2; i++) {
        u128 carry = 0;
        for (int j = 0; j < 2; j++) {
            carry += (u128)x[i] * y[j] + out.w[i + j];
            out.w[i + j] = (uint64_t)carry;
            carry >>= 64;
        }
        out.w[i + 2] = (uint64_t)carry;
    }
    return out;
}

static int compare(const struct wide *a, const struct wide *b) {
    for (int i = 3; i >= 0; i--)
        if (a->w[i] != b->w[i]) return a->w[i] < b->w[i] ? -1 : 1;
    return 0;
}

static bool is_zero(const struct wide *a) { return !(a->w[0] | a->w[1] | a->w[2] | a->w[3]); }

/* Values stay far below 2^256: at most 78 digits never arise from 76. */
static void add_to(struct wide *a, const struct wide *b) {
    u128 carry = 0;
    for (int i = 0; i < 4; i++) {
        carry += (u128)a->w[i] + b->w[i];
        a->w[i] = (uint64_t)carry;
        carry >>= 64;
    }
}

static void subtract_from(struct wide *a, const struct wide *b) {
    uint64_t borrow = 0;
    for (int i = 0; i < 4; i++) {
        u128 d = (u128)a->w[i] - b->w[i] - borrow;
        a->w[i] = (uint64_t)d;
        borrow = (uint64_t)(d >> 64) & 1;
    }
}

static void divide_small(struct wide *a, uint64_t divisor) {
    u128 rest = 0;
    for (int i = 3; i >= 0; i--) {
        rest = rest << 64 | a->w[i];
        a->w[i] = (uint64_t)(rest / divisor);
        rest %= divisor;
    }
}

/* Drops `digits` decimal digits, rounding half up. */
static void drop_digits(struct wide *a, int digits) {
    if (digits <= 0) return;
    for (int left = digits - 1; left > 0;) {
        int step = left > 18 ? 18 : left;
        divide_small(a, (uint64_t)sl_decimal_pow10(step));
        left -= step;
    }
    struct wide five = {{5, 0, 0, 0}};
    add_to(a, &five);
    divide_small(a, 10);
}

static enum sl_decimal_status narrow(const struct wide *a, bool negative, int precision,
                                     sl_int128 *out) {
    struct wide limit = wide_of((u128)sl_decimal_pow10(precision));
    *out = 0;
    if (compare(a, &limit) >= 0) return SL_DECIMAL_OVERFLOW;
    sl_int128 value = (sl_int128)((u128)a->w[1] << 64 | a->w[0]);
    *out = negative ? -value : value;
    return SL_DECIMAL_OK;
}

static int larger(int a, int b) { return a > b ? a : b; }

static enum sl_decimal_status add(const struct sl_decimal_shape *shape, sl_int128 a, sl_int128 b,
                                  sl_int128 *out) {
    int scale = larger(shape->scale_a, shape->scale_b);
    struct wide x = multiply(magnitude(a), (u128)sl_decimal_pow10(scale - shape->scale_a));
    struct wide y = multiply(magnitude(b), (u128)sl_decimal_pow10(scale - shape->scale_b));
    bool negative = a < 0;
    if ((a < 0) == (b < 0)) {
        add_to(&x, &y);
    } else if (compare(&x, &y) >= 0) {
        subtract_from(&x, &y);
    } else {
        subtract_from(&y, &x);
        x = y;
        negative = !negative;
    }
    drop_digits(&x, scale - shape->scale);
    return narrow(&x, negative, shape->precision, out);
}

enum sl_decimal_status sl_decimal_add(const struct sl_decimal_shape *shape, sl_int128 a,
                                      sl_int128 b, sl_int128 *out) {
    return add(shape, a, b, out);
}
enum sl_decimal_status sl_decimal_subtract(const struct sl_decimal_shape *shape, sl_int128 a,
                                           sl_int128 b, sl_int128 *out) {
    return add(shape, a, -b, out);
}

static int count_digits(struct wide a) {
    int digits = 0;
    for (; !is_zero(&a); digits++) divide_small(&a, 10);
    return digits;
}

enum sl_decimal_status sl_decimal_multiply(const struct sl_decimal_shape *shape, sl_int128 a,
                                           sl_int128 b, sl_int128 *out) {
    struct wide x = multiply(magnitude(a), magnitude(b));
    int drop = shape->scale_a + shape->scale_b - shape->scale;
    if (x.w[2] | x.w[3]) {
        int excess = count_digits(x) - 39;
        if (excess > 0) {
            drop_digits(&x, excess);
            drop -= excess;
        }
    }
    *out = 0;
    if (drop < 0 && !is_zero(&x)) return SL_DECIMAL_OVERFLOW;
    drop_digits(&x, drop);
    return narrow(&x, (a < 0) != (b < 0), shape->precision, out);
}

/* The next decimal digit of rest / divisor: floor(10 * rest / divisor), by doublings, so that no
 * intermediate passes 2 * divisor < 2^128. */
static unsigned next_digit(u128 *rest, u128 divisor) {
    u128 eight = *rest, two = 0;
    unsigned digit = 0, digit_two = 0;
    for (int i = 0; i < 3; i++) {
        eight *= 2;
        digit *= 2;
        if (eight >= divisor) {
            eight -= divisor;
            digit++;
        }
        if (i == 0) {
            two = eight;
            digit_two = digit;
        }
    }
    digit += digit_two;
    *rest = eight + two;
    if (*rest >= divisor) {
        *rest -= divisor;
        digit++;
    }
    return digit;
}

/* |a| / |b| with `digits` digits behind the point (fewer than 0: drops some), truncated; *half
 * tells whether the dropped part is at least one half. */
static enum sl_decimal_status quotient(u128 a, u128 b, int digits, u128 *out, bool *half) {
    const u128 limit = (u128)sl_decimal_pow10(38);
    if (digits > 0 && digits <= 38 && a < limit / (u128)sl_decimal_pow10(digits)) {
        a *= (u128)sl_decimal_pow10(digits);
        *out = a / b;
        *half = a % b * 2 >= b;
        return SL_DECIMAL_OK;
    }
    u128 value = a / b, rest = a % b;
    for (int i = 0; i < digits; i++) {
        if (value >= limit / 10) return SL_DECIMAL_OVERFLOW;
        value = value * 10 + next_digit(&rest, b);
    }
    *half = rest * 2 >= b;
    if (digits < 0) {
        u128 power = (u128)sl_decimal_pow10(-digits);
        *half = (value % power) * 2 >= power;
        value /= power;
    }
    *out = value;
    return SL_DECIMAL_OK;
}

enum sl_decimal_status sl_decimal_divide(const struct sl_decimal_shape *shape, sl_int128 a,
                                         sl_int128 b, sl_int128 *out) {
    *out = 0;
    if (b == 0) return SL_DECIMAL_ZERO_DIVISOR;
    u128 value;
    bool half;
    enum sl_decimal_status status = quotient(
        magnitude(a), magnitude(b), shape->scale + shape->scale_b - shape->scale_a, &value, &half);
    if (status != SL_DECIMAL_OK) return status;
    struct wide rounded = wide_of(value + half);
    return narrow(&rounded, (a < 0) != (b < 0), shape->precision, out);
}

enum sl_decimal_status sl_decimal_int_divide(const struct sl_decimal_shape *shape, sl_int128 a,
                                             sl_int128 b, sl_int128 *out) {
    *out = 0;
    if (b == 0) return SL_DECIMAL_ZERO_DIVISOR;
    u128 value;
    bool half;
    enum sl_decimal_status status =
        quotient(magnitude(a), magnitude(b), shape->scale_b - shape->scale_a, &value, &half);
    if (status != SL_DECIMAL_OK) return status;
    bool negative = (a < 0) != (b < 0);
    if (value > (u128)INT64_MAX + negative) return SL_DECIMAL_OVERFLOW;
    *out = negative ? -(sl_int128)value : (sl_int128)value;
    return SL_DECIMAL_OK;
}

/* x mod y, one bit at a time: only for operands whose common scale does not fit 128 bits. */
static struct wide modulo(const struct wide *x, const struct wide *y) {
    struct wide rest = {{0}};
    for (int bit = 255; bit >= 0; bit--) {
        for (int i = 3; i > 0; i--) rest.w[i] = rest.w[i] << 1 | rest.w[i - 1] >> 63;
        rest.w[0] = rest.w[0] << 1 | (x->w[bit / 64] >> (bit % 64) & 1);
        if (compare(&rest, y) >= 0) subtract_from(&rest, y);
    }
    return rest;
}

/* Both operands at the larger scale. */
static enum sl_decimal_status remain(const struct sl_decimal_shape *shape, sl_int128 a, sl_int128 b,
                                     bool positive, sl_int128 *out) {
    *out = 0;
    if (b == 0) return SL_DECIMAL_ZERO_DIVISOR;
    int scale = larger(shape->scale_a, shape->scale_b);
    struct wide x = multiply(magnitude(a), (u128)sl_decimal_pow10(scale - shape->scale_a));
    struct wide y = multiply(magnitude(b), (u128)sl_decimal_pow10(scale - shape->scale_b));
    struct wide rest = modulo(&x, &y);
    bool negative = a < 0;
    if (positive && negative && !is_zero(&rest)) {
        /* (r + n) mod n with r < 0: of a positive n it is n - |r|; of a negative one r stays. */
        if (b > 0) {
            subtract_from(&y, &rest);
            rest = y;
            negative = false;
        }
    }
    drop_digits(&rest, scale - shape->scale);
    return narrow(&rest, negative, shape->precision, out);
}

enum sl_decimal_status sl_decimal_remainder(const struct sl_decimal_shape *shape, sl_int128 a,
                                            sl_int128 b, sl_int128 *out) {
    return remain(shape, a, b, false, out);
}
enum sl_decimal_status sl_decimal_pmod(const struct sl_decimal_shape *shape, sl_int128 a,
                                       sl_int128 b, sl_int128 *out) {
    return remain(shape, a, b, true, out);
}
