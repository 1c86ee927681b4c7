/* Lengths, positions and tests: length, instr, locate, contains ... */
#include "kern/string_int.h"

#define ARG(i) sl_arg_str(call, i, row)

static int32_t length_count(const struct sl_call *call, uint32_t row) {
    struct sl_str s = ARG(0);
    return (int32_t)(call->args[0]->type->kind == SL_BINARY_KIND ? s.len : sl_utf8_count(s));
}
enum sl_code sl_kernel_length(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, length_count, err);
}

static int32_t octet_count(const struct sl_call *call, uint32_t row) { return (int32_t)ARG(0).len; }
enum sl_code sl_kernel_octet_length(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, octet_count, err);
}

static int32_t bit_count(const struct sl_call *call, uint32_t row) {
    return (int32_t)(ARG(0).len * 8);
}
enum sl_code sl_kernel_bit_length(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, bit_count, err);
}

static int32_t ascii_count(const struct sl_call *call, uint32_t row) {
    struct sl_str s = ARG(0);
    size_t at = 0;
    return s.len ? sl_utf8_next(s, &at) : 0;
}
enum sl_code sl_kernel_ascii(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, ascii_count, err);
}

/* Character position from 1 of `what` at or behind character `from` (from 0); 0: none. */
static int32_t position_of(struct sl_str s, struct sl_str what, int32_t from) {
    if (what.len == 0) return 1;
    size_t begin = sl_utf8_offset(s, (size_t)from);
    size_t at = sl_str_find(s, what, begin);
    if (at == SIZE_MAX) return 0;
    return (int32_t)sl_utf8_count(sl_str_sub(s, 0, at)) + 1;
}

static int32_t instr_count(const struct sl_call *call, uint32_t row) {
    return position_of(ARG(0), ARG(1), 0);
}
enum sl_code sl_kernel_instr(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, instr_count, err);
}

static int32_t locate_count(const struct sl_call *call, uint32_t row) {
    int32_t from = sl_arg_i32(call, 2, row);
    return from < 1 ? 0 : position_of(ARG(1), ARG(0), from - 1);
}
enum sl_code sl_kernel_locate(struct sl_call *call, struct sl_err *err) {
    return sl_string_counts(call, locate_count, err);
}

static bool starts_test(const struct sl_call *call, uint32_t row) {
    return sl_str_starts(ARG(0), ARG(1));
}
enum sl_code sl_kernel_startswith(struct sl_call *call, struct sl_err *err) {
    return sl_string_tests(call, starts_test, err);
}

static bool ends_test(const struct sl_call *call, uint32_t row) {
    return sl_str_ends(ARG(0), ARG(1));
}
enum sl_code sl_kernel_endswith(struct sl_call *call, struct sl_err *err) {
    return sl_string_tests(call, ends_test, err);
}

static bool contains_test(const struct sl_call *call, uint32_t row) {
    return sl_str_find(ARG(0), ARG(1), 0) != SIZE_MAX;
}
enum sl_code sl_kernel_contains(struct sl_call *call, struct sl_err *err) {
    return sl_string_tests(call, contains_test, err);
}
