/* Plain numbers, as nearly all are: at most 7 digits before and behind the point, or whole
 * numbers of up to 15 digits, no exponent, read eight bytes at a time.  Everything else is for
 * json_number.c, which the fuzz target compares. */
#ifndef SL_FMT_JSON_JSON_PLAIN_H
#define SL_FMT_JSON_JSON_PLAIN_H

#include "fmt/json/json_int.h"

static const double sl_json_powers_f64[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8};
static const int64_t sl_json_powers[] = {1,
                                         10,
                                         100,
                                         1000,
                                         10000,
                                         100000,
                                         1000000,
                                         10000000,
                                         100000000,
                                         1000000000,
                                         10000000000,
                                         100000000000,
                                         1000000000000,
                                         10000000000000,
                                         100000000000000,
                                         1000000000000000,
                                         10000000000000000,
                                         100000000000000000,
                                         1000000000000000000};

static inline uint64_t sl_json_load64(const void *p) {
    uint64_t word;
    memcpy(&word, p, 8);
    return word;
}

/* The digits at p as a number, if they are at most 7; 8: the first eight are digits, more may
 * follow.
 */
static inline uint32_t sl_json_short_digits(const char *p, uint32_t *value) {
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    uint64_t word = sl_json_load64(p) ^ UINT64_C(0x3030303030303030);
    uint64_t other = ((word + UINT64_C(0x7676767676767676)) | word) & UINT64_C(0x8080808080808080);
    uint32_t count = other ? (uint32_t)__builtin_ctzll(other) >> 3 : 8;
    if (!count) return 0;
    word <<= 64 - 8 * count;
    word = (word * 10 + (word >> 8)) & UINT64_C(0x00FF00FF00FF00FF);
    word = (word * 100 + (word >> 16)) & UINT64_C(0x0000FFFF0000FFFF);
    *value = (uint32_t)(word * 10000 + (word >> 32));
    return count;
#else
    uint32_t count = 0, sum = 0;
    for (; count < 8 && (unsigned char)(p[count] - '0') < 10; count++)
        sum = sum * 10 + (uint32_t)(p[count] - '0');
    *value = sum;
    return count;
#endif
}

struct sl_json_plain {
    uint64_t mantissa;
    uint32_t fraction; /* digits behind the point */
    bool negative, point;
    const char *end;
};

/* [-]d{1,7}[.d{1,7}] or [-]d{8,15}, without exponent; false for the rest, wrong ones included. */
static inline bool sl_json_scan_plain(const char *p, struct sl_json_plain *out) {
    uint32_t whole, part = 0;
    out->negative = *p == '-';
    p += out->negative;
    uint32_t digits = sl_json_short_digits(p, &whole);
    if (!digits || (*p == '0' && digits > 1)) return false;
    p += digits;
    out->fraction = 0;
    out->mantissa = whole;
    out->point = *p == '.';
    if (digits == 8) {
        digits = sl_json_short_digits(p, &part);
        p += digits;
        if (digits == 8 || *p == '.' || out->point) return false;
        out->mantissa = whole * (uint64_t)sl_json_powers[digits] + part;
    } else if (out->point) {
        digits = sl_json_short_digits(++p, &part);
        if (digits - 1 > 6) return false;
        p += digits;
        out->fraction = digits;
        out->mantissa = whole * (uint64_t)sl_json_powers[digits] + part;
    }
    out->end = p;
    return (*p | 0x20) != 'e';
}

static inline bool sl_json_store_integer(const struct sl_json_node *node, struct sl_vec *vec,
                                         uint32_t row, int64_t value) {
    switch (node->kind) {
    case SL_LONG_KIND:
        vec->i64[row] = value;
        return true;
    case SL_INT_KIND:
        vec->i32[row] = (int32_t)value;
        return value == (int32_t)value;
    case SL_SHORT_KIND:
        vec->i16[row] = (int16_t)value;
        return value == (int16_t)value;
    default:
        vec->i8[row] = (int8_t)value;
        return value == (int8_t)value;
    }
}

static inline bool sl_json_store_decimal(const struct sl_json_node *node, struct sl_vec *vec,
                                         uint32_t row, const struct sl_json_plain *n) {
    uint32_t scale = node->type->scale;
    if (n->fraction > scale || scale - n->fraction > 18) return false;
    int64_t value;
    if (__builtin_mul_overflow((int64_t)n->mantissa, sl_json_powers[scale - n->fraction], &value) ||
        value >= sl_json_powers[node->type->precision])
        return false;
    vec->i64[row] = n->negative ? -value : value;
    return true;
}

/* False: not plain; the column may hold anything. */
static inline bool sl_json_put_plain(const struct sl_json_node *node, struct sl_vec *vec,
                                     uint32_t row, const char **cur) {
    struct sl_json_plain n;
    if (!sl_json_scan_plain(*cur, &n)) return false;
    *cur = n.end;
    switch (node->kind) {
    case SL_DOUBLE_KIND: {
        double value =
            (double)n.mantissa / sl_json_powers_f64[n.fraction]; /* both exact: rounded once */
        vec->f64[row] = n.negative && (n.mantissa || n.point) ? -value : value;
        return true;
    }
    case SL_DECIMAL_KIND:
        return sl_json_store_decimal(node, vec, row, &n);
    default:
        return !n.point &&
               sl_json_store_integer(node, vec, row,
                                     n.negative ? -(int64_t)n.mantissa : (int64_t)n.mantissa);
    }
}

/* Kinds that sl_json_put_plain knows. */
static inline bool sl_json_plain_kind(const struct sl_json_node *node) {
    return (node->kind >= SL_BYTE_KIND && node->kind <= SL_LONG_KIND) ||
           node->kind == SL_DOUBLE_KIND ||
           (node->kind == SL_DECIMAL_KIND && node->type->precision <= 18);
}

#endif
