/* String view: a pointer and a length, never owning, bytes may hold NUL; UTF-8 by convention. */
#ifndef SL_BASE_STR_H
#define SL_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct sl_str {
    const char *ptr;
    size_t len;
};

#define SL_STR(literal) ((struct sl_str){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define SL_STR_ARG(str) (int)(str).len, (str).ptr

static inline struct sl_str sl_str(const char *cstr) {
    return (struct sl_str){cstr, cstr ? strlen(cstr) : 0};
}
static inline bool sl_str_eq(struct sl_str a, struct sl_str b) {
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}
/* ASCII case folding only, as SQL names and option names need. */
bool sl_str_eq_nocase(struct sl_str a, struct sl_str b);
/* Bytewise unsigned order; the shorter of two equal prefixes first. */
int sl_str_cmp(struct sl_str a, struct sl_str b);
bool sl_str_starts(struct sl_str str, struct sl_str prefix);
bool sl_str_starts_nocase(struct sl_str str, struct sl_str prefix);
bool sl_str_ends(struct sl_str str, struct sl_str suffix);
struct sl_str sl_str_sub(struct sl_str str, size_t begin, size_t end);
struct sl_str sl_str_trim(struct sl_str str); /* ASCII blanks and control characters <= 0x20 */
/* First position of needle at or after from, or SIZE_MAX. */
size_t sl_str_find(struct sl_str str, struct sl_str needle, size_t from);
/* Whole-string decimal integer; false on anything else or overflow. */
bool sl_str_to_i64(struct sl_str str, int64_t *out);
bool sl_str_to_bool(struct sl_str str, bool *out); /* true|false, any case */

/* 0..15, or -1 when c is no hex digit. */
static inline int sl_hex_digit(int c) {
    return c >= '0' && c <= '9'   ? c - '0'
           : c >= 'A' && c <= 'F' ? c - 'A' + 10
           : c >= 'a' && c <= 'f' ? c - 'a' + 10
                                  : -1;
}

/* Edit distance (insert, delete, replace, swap), capped: for "did you mean". */
size_t sl_str_distance(struct sl_str a, struct sl_str b);
/* The nearest of names (ignoring case) or -1 when none is near enough to suggest. */
int sl_str_nearest(struct sl_str name, const struct sl_str *names, size_t count);

#endif
