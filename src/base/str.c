#include "base/str.h"

#include <errno.h>

static unsigned char fold(char c) {
    unsigned char u = (unsigned char)c;
    return u >= 'A' && u <= 'Z' ? (unsigned char)(u | 0x20) : u;
}

bool sl_str_eq_nocase(struct sl_str a, struct sl_str b) {
    if (a.len != b.len) return false;
    for (size_t i = 0; i < a.len; i++)
        if (fold(a.ptr[i]) != fold(b.ptr[i])) return false;
    return true;
}

int sl_str_cmp(struct sl_str a, struct sl_str b) {
    size_t len = a.len < b.len ? a.len : b.len;
    int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
    return order ? order : (a.len > b.len) - (a.len < b.len);
}

bool sl_str_starts(struct sl_str str, struct sl_str prefix) {
    return str.len >= prefix.len && sl_str_eq(sl_str_sub(str, 0, prefix.len), prefix);
}

bool sl_str_starts_nocase(struct sl_str str, struct sl_str prefix) {
    return str.len >= prefix.len && sl_str_eq_nocase(sl_str_sub(str, 0, prefix.len), prefix);
}

bool sl_str_ends(struct sl_str str, struct sl_str suffix) {
    return str.len >= suffix.len &&
           sl_str_eq(sl_str_sub(str, str.len - suffix.len, str.len), suffix);
}

struct sl_str sl_str_sub(struct sl_str str, size_t begin, size_t end) {
    return (struct sl_str){str.ptr + begin, end - begin};
}

struct sl_str sl_str_trim(struct sl_str str) {
    while (str.len && (unsigned char)str.ptr[0] <= ' ') str.ptr++, str.len--;
    while (str.len && (unsigned char)str.ptr[str.len - 1] <= ' ') str.len--;
    return str;
}

size_t sl_str_find(struct sl_str str, struct sl_str needle, size_t from) {
    if (from > str.len) return SIZE_MAX;
    if (needle.len == 0) return from;
    if (needle.len > str.len - from) return SIZE_MAX; /* the empty text's pointer may be NULL */
    const char *hit = memmem(str.ptr + from, str.len - from, needle.ptr, needle.len);
    return hit ? (size_t)(hit - str.ptr) : SIZE_MAX;
}

bool sl_str_to_i64(struct sl_str str, int64_t *out) {
    bool negative = false;
    size_t i = 0;
    if (str.len && (str.ptr[0] == '-' || str.ptr[0] == '+')) negative = str.ptr[i++] == '-';
    if (i == str.len) return false;
    int64_t value = 0;
    for (; i < str.len; i++) {
        if (str.ptr[i] < '0' || str.ptr[i] > '9') return false;
        int digit = str.ptr[i] - '0';
        /* built up as a negative number, so that INT64_MIN needs no special case */
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_sub_overflow(value, digit, &value))
            return false;
    }
    if (!negative && value == INT64_MIN) return false;
    *out = negative ? value : -value;
    return true;
}

bool sl_str_to_bool(struct sl_str str, bool *out) {
    *out = sl_str_eq_nocase(str, SL_STR("true"));
    return *out || sl_str_eq_nocase(str, SL_STR("false"));
}

enum { DISTANCE_LEN_MAX = 64 };

static size_t min3(size_t a, size_t b, size_t c) {
    size_t m = a < b ? a : b;
    return m < c ? m : c;
}

size_t sl_str_distance(struct sl_str a, struct sl_str b) {
    if (a.len > DISTANCE_LEN_MAX || b.len > DISTANCE_LEN_MAX) return SIZE_MAX;
    size_t before[DISTANCE_LEN_MAX + 1], last[DISTANCE_LEN_MAX + 1], row[DISTANCE_LEN_MAX + 1];
    for (size_t j = 0; j <= b.len; j++) before[j] = last[j] = j;
    for (size_t i = 1; i <= a.len; i++) {
        row[0] = i;
        for (size_t j = 1; j <= b.len; j++) {
            size_t differs = fold(a.ptr[i - 1]) != fold(b.ptr[j - 1]);
            row[j] = min3(last[j] + 1, row[j - 1] + 1, last[j - 1] + differs);
            bool swapped = i > 1 && j > 1 && fold(a.ptr[i - 1]) == fold(b.ptr[j - 2]) &&
                           fold(a.ptr[i - 2]) == fold(b.ptr[j - 1]);
            if (swapped && before[j - 2] + 1 < row[j]) row[j] = before[j - 2] + 1;
        }
        memcpy(before, last, sizeof last);
        memcpy(last, row, sizeof row);
    }
    return last[b.len];
}

int sl_str_nearest(struct sl_str name, const struct sl_str *names, size_t count) {
    int best = -1;
    size_t best_distance = name.len / 3 + 2; /* exclusive: one slip per three letters */
    for (size_t i = 0; i < count; i++) {
        size_t distance = sl_str_distance(name, names[i]);
        if (distance < best_distance && distance < names[i].len)
            best = (int)i, best_distance = distance;
    }
    return best;
}
