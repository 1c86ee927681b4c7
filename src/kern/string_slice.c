/* Pieces of strings: trim, substring, left, right, split_part, substring_index. */
#include "kern/string_int.h"

/* ---- trim ---- */

static bool has_char(struct sl_str set, struct sl_str c) {
    for (size_t i = 0; i < set.len;) {
        size_t width = sl_utf8_step(set, i);
        if (sl_str_eq((struct sl_str){set.ptr + i, width}, c)) return true;
        i += width;
    }
    return false;
}

static struct sl_str trim_left(struct sl_str s, struct sl_str set) {
    while (s.len) {
        size_t width = sl_utf8_step(s, 0);
        if (!has_char(set, (struct sl_str){s.ptr, width})) break;
        s.ptr += width, s.len -= width;
    }
    return s;
}

static struct sl_str trim_right(struct sl_str s, struct sl_str set) {
    while (s.len) {
        size_t at = s.len - 1;
        while (at && ((unsigned char)s.ptr[at] & 0xC0) == 0x80) at--;
        if (at + sl_utf8_step(s, at) != s.len) at = s.len - 1; /* not UTF-8: byte by byte */
        if (!has_char(set, (struct sl_str){s.ptr + at, s.len - at})) break;
        s.len = at;
    }
    return s;
}

#define TRIM(name, string, set, expr)                                                              \
    static struct sl_str name##_slice(const struct sl_call *call, uint32_t row) {                  \
        struct sl_str s = string, chars = set;                                                     \
        return expr;                                                                               \
    }                                                                                              \
    enum sl_code sl_kernel_##name(struct sl_call *call, struct sl_err *err) {                      \
        return sl_string_slices(call, name##_slice, err);                                          \
    }
#define ARG(i) sl_arg_str(call, i, row)
TRIM(trim, ARG(0), SL_STR(" "), trim_left(trim_right(s, chars), chars))
TRIM(ltrim, ARG(0), SL_STR(" "), trim_left(s, chars))
TRIM(rtrim, ARG(0), SL_STR(" "), trim_right(s, chars))
/* The characters stand first, except in btrim. */
TRIM(trim_chars, ARG(1), ARG(0), trim_left(trim_right(s, chars), chars))
TRIM(ltrim_chars, ARG(1), ARG(0), trim_left(s, chars))
TRIM(rtrim_chars, ARG(1), ARG(0), trim_right(s, chars))
TRIM(btrim_chars, ARG(0), ARG(1), trim_left(trim_right(s, chars), chars))

/* ---- substring ---- */

static struct sl_str chars_between(struct sl_str s, int64_t begin, int64_t end, bool bytes) {
    if (begin < 0) begin = 0;
    if (end <= begin) return (struct sl_str){"", 0};
    if (bytes || sl_str_is_ascii(s)) {
        size_t from = (size_t)begin < s.len ? (size_t)begin : s.len;
        return sl_str_sub(s, from, (size_t)end < s.len ? (size_t)end : s.len);
    }
    size_t from = sl_utf8_offset(s, (size_t)begin);
    struct sl_str rest = sl_str_sub(s, from, s.len);
    return sl_str_sub(rest, 0, sl_utf8_offset(rest, (size_t)(end - begin)));
}

/* Character (or byte) positions to a piece: UTF8String.substringSQL. */
static struct sl_str substring(struct sl_str s, int32_t pos, int32_t length, bool bytes) {
    int64_t count = pos >= 0 ? 0 : bytes ? (int64_t)s.len : (int64_t)sl_utf8_count(s);
    int64_t begin = pos > 0 ? pos - 1 : pos < 0 ? count + pos : 0, end = begin + length;
    return chars_between(s, begin, end, bytes);
}

static struct sl_str substring_slice(const struct sl_call *call, uint32_t row) {
    bool bytes = call->args[0]->type->kind == SL_BINARY_KIND;
    return substring(ARG(0), sl_arg_i32(call, 1, row), sl_arg_i32(call, 2, row), bytes);
}
enum sl_code sl_kernel_substring(struct sl_call *call, struct sl_err *err) {
    return sl_string_slices(call, substring_slice, err);
}

static struct sl_str left_slice(const struct sl_call *call, uint32_t row) {
    return substring(ARG(0), 1, sl_arg_i32(call, 1, row), false);
}
enum sl_code sl_kernel_left(struct sl_call *call, struct sl_err *err) {
    return sl_string_slices(call, left_slice, err);
}

static struct sl_str right_slice(const struct sl_call *call, uint32_t row) {
    int32_t count = sl_arg_i32(call, 1, row);
    if (count <= 0) return (struct sl_str){"", 0};
    return substring(ARG(0), -count, INT32_MAX, false);
}
enum sl_code sl_kernel_right(struct sl_call *call, struct sl_err *err) {
    return sl_string_slices(call, right_slice, err);
}

/* ---- pieces between delimiters ---- */

static int64_t count_of(struct sl_str s, struct sl_str what) {
    int64_t count = 0;
    for (size_t at = 0; (at = sl_str_find(s, what, at)) != SIZE_MAX; at += what.len) count++;
    return count;
}

/* Byte position of occurrence number n (from 1), or SIZE_MAX. */
static size_t nth_of(struct sl_str s, struct sl_str what, int64_t n) {
    size_t at = 0;
    for (; (at = sl_str_find(s, what, at)) != SIZE_MAX && --n > 0; at += what.len) {
    }
    return at;
}

static struct sl_str split_part(struct sl_str s, struct sl_str delimiter, int64_t part) {
    const struct sl_str empty = {"", 0};
    if (delimiter.len == 0) return part == 1 || part == -1 ? s : empty;
    int64_t parts = count_of(s, delimiter) + 1;
    if (part < 0) part += parts + 1;
    if (part < 1 || part > parts) return empty;
    size_t begin = part == 1 ? 0 : nth_of(s, delimiter, part - 1) + delimiter.len;
    size_t end = sl_str_find(s, delimiter, begin);
    return sl_str_sub(s, begin, end == SIZE_MAX ? s.len : end);
}

enum sl_code sl_kernel_split_part(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err));
    for (uint32_t row = 0; row < call->rows; row++) {
        int32_t part = sl_arg_i32(call, 2, row);
        struct sl_str piece = split_part(ARG(0), ARG(1), part);
        if (part == 0)
            sl_call_bad(call, row, "INVALID_INDEX_OF_ZERO", "22003",
                        "The index 0 is invalid. An index shall be either < 0 or > 0 (the first "
                        "element has index 1).");
        SL_TRY(sl_string_out_put(&out, piece.ptr, piece.len, err));
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

/* All before delimiter number `count`, counted from the right when negative. */
static struct sl_str substring_index_slice(const struct sl_call *call, uint32_t row) {
    struct sl_str s = ARG(0), delimiter = ARG(1);
    int64_t count = sl_arg_i32(call, 2, row);
    if (delimiter.len == 0 || count == 0) return (struct sl_str){"", 0};
    int64_t parts = count_of(s, delimiter);
    if (count > 0) {
        size_t at = nth_of(s, delimiter, count);
        return sl_str_sub(s, 0, at == SIZE_MAX ? s.len : at);
    }
    if (-count > parts) return s;
    return sl_str_sub(s, nth_of(s, delimiter, parts + count + 1) + delimiter.len, s.len);
}
enum sl_code sl_kernel_substring_index(struct sl_call *call, struct sl_err *err) {
    return sl_string_slices(call, substring_index_slice, err);
}
