/* Writing text fast: each function writes at `to` and returns the place behind.  No bounds are
 * checked here; a record's buffer is sized for the longest shape (gen_orders.c). */
#ifndef SL_GEN_TEXT_H
#define SL_GEN_TEXT_H

#include <stdint.h>
#include <string.h>

#define SL_GEN_PUT(to, literal) sl_gen_put((to), (literal), sizeof(literal) - 1)

static inline char *sl_gen_put(char *to, const char *text, size_t len) {
    memcpy(to, text, len);
    return to + len;
}
static inline char *sl_gen_put_digits(char *to, uint64_t value, int width) {
    for (int i = width - 1; i >= 0; i--) {
        to[i] = (char)('0' + value % 10);
        value /= 10;
    }
    return to + width;
}
static inline char *sl_gen_put_number(char *to, uint64_t value) {
    int width = 1;
    for (uint64_t rest = value / 10; rest; rest /= 10) width++;
    return sl_gen_put_digits(to, value, width);
}
static inline char *sl_gen_put_hex(char *to, uint64_t value, int width) {
    for (int i = width - 1; i >= 0; i--) {
        to[i] = "0123456789abcdef"[value & 15];
        value >>= 4;
    }
    return to + width;
}
/* Always two decimals: 12.50 */
static inline char *sl_gen_put_cents(char *to, int64_t cents) {
    uint64_t size = cents < 0 ? (uint64_t)-cents : (uint64_t)cents;
    if (cents < 0) *to++ = '-';
    to = sl_gen_put_number(to, size / 100);
    *to++ = '.';
    return sl_gen_put_digits(to, size % 100, 2);
}
/* As Python prints a float of two decimals: 12.5, 12.0 */
static inline char *sl_gen_put_float(char *to, int64_t cents) {
    to = sl_gen_put_cents(to, cents);
    return cents % 10 ? to : to - 1;
}

#endif
