/* to_number and try_to_number: texts read by a pattern of digits, 'S$9,999.99'.
 * Source: ToNumberParser.scala, numberFormatExpressions.scala. */
#include "kern/kernels.h"
#include "kern/resolve.h"
#include "kern/string_int.h"

enum sign_at { SIGN_NONE, SIGN_START, SIGN_END, MINUS_START, MINUS_END, ANGLES };
enum { GROUPS_MAX = 40 };

/* Digits between two separators: as many, or up to as many. */
struct digit_group {
    uint8_t digits;
    bool exact;
};

struct number_pattern {
    struct sl_str text;
    struct digit_group whole[GROUPS_MAX], fraction;
    uint32_t whole_count;
    enum sign_at sign;
    bool dollar, point;
    int precision, scale;
};

static enum sl_code bad_format(struct sl_err *err, struct sl_span span, const char *condition,
                               struct sl_str text, const char *why) {
    return sl_fail_at(err, span, condition, "42601", "The format is invalid: '%.*s'. %s",
                      SL_STR_ARG(text), why);
}

static char upper(char c) { return c >= 'a' && c <= 'z' ? (char)(c - 32) : c; }
static bool is_digit_token(char c) { return c == '0' || c == '9'; }

/* A run of 0 and 9; false when there are more than a decimal holds. */
static bool take_group(struct number_pattern *pattern, size_t *at) {
    size_t begin = *at;
    while (*at < pattern->text.len && is_digit_token(pattern->text.ptr[*at])) (*at)++;
    size_t count = *at - begin;
    if (count > 38 || pattern->whole_count == GROUPS_MAX) return false;
    struct digit_group group = {(uint8_t)count, pattern->text.ptr[begin] == '0'};
    pattern->precision += (int)count;
    if (pattern->point) {
        pattern->fraction = group;
        pattern->scale = (int)count;
    } else {
        pattern->whole[pattern->whole_count++] = group;
    }
    return true;
}

/* S, MI and PR: once, at an end. */
static bool take_sign(struct number_pattern *pattern, size_t *at) {
    struct sl_str text = pattern->text;
    size_t left = text.len - *at;
    char first = upper(text.ptr[*at]), second = left > 1 ? upper(text.ptr[*at + 1]) : 0;
    bool mi = first == 'M' && second == 'I', pr = first == 'P' && second == 'R';
    size_t width = mi || pr ? 2 : 1;
    if (first != 'S' && !mi && !pr) return false;
    bool start = *at == 0, end = left == width;
    if (pattern->sign || (!start && !end) || (pr && !end)) return false;
    pattern->sign = pr   ? ANGLES
                    : mi ? (start ? MINUS_START : MINUS_END)
                         : (start ? SIGN_START : SIGN_END);
    *at += width;
    return true;
}

static enum sl_code compile(struct sl_str text, struct number_pattern *pattern, struct sl_span span,
                            struct sl_err *err) {
    *pattern = (struct number_pattern){.text = text};
    if (!text.len)
        return bad_format(err, span, "INVALID_FORMAT.EMPTY", text,
                          "The number format string cannot be empty.");
    bool any = false;
    for (size_t i = 0; i < text.len; i++) any |= is_digit_token(text.ptr[i]);
    if (!any)
        return bad_format(err, span, "INVALID_FORMAT.WRONG_NUM_DIGIT", text,
                          "The format string requires at least one number digit.");
    for (size_t at = 0; at < text.len;) {
        char c = upper(text.ptr[at]);
        bool after_digit = at && is_digit_token(text.ptr[at - 1]);
        bool before_digit = at + 1 < text.len && is_digit_token(text.ptr[at + 1]);
        if (is_digit_token(c)) {
            if (!take_group(pattern, &at))
                return sl_fail_at(err, span, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "22003",
                                  "Decimal precision exceeds max precision 38.");
        } else if (c == '.' || c == 'D') {
            if (pattern->point)
                return bad_format(err, span, "INVALID_FORMAT.WRONG_NUM_TOKEN", text,
                                  "At most one . or D is allowed in the number format.");
            pattern->point = true;
            at++;
        } else if (c == ',' || c == 'G') {
            if (pattern->point)
                return bad_format(err, span, "INVALID_FORMAT.THOUSANDS_SEPS_MUST_BEFORE_DEC", text,
                                  "Thousands separators (, or G) may not appear after the decimal "
                                  "point in the number format.");
            if (!after_digit || !before_digit)
                return bad_format(err, span, "INVALID_FORMAT.CONT_THOUSANDS_SEPS", text,
                                  "Thousands separators (, or G) must have digits in between them "
                                  "in the number format.");
            at++;
        } else if (c == '$') {
            if (pattern->dollar)
                return bad_format(err, span, "INVALID_FORMAT.WRONG_NUM_TOKEN", text,
                                  "At most one $ is allowed in the number format.");
            if (pattern->precision)
                return bad_format(err, span, "INVALID_FORMAT.CUR_MUST_BEFORE_DIGIT", text,
                                  "Currency characters must appear before digits in the number "
                                  "format.");
            pattern->dollar = true;
            at++;
        } else if (!take_sign(pattern, &at)) {
            bool known = c == 'S' || c == 'M' || c == 'P';
            return bad_format(
                err, span,
                known ? "INVALID_FORMAT.WRONG_NUM_TOKEN" : "INVALID_FORMAT.UNEXPECTED_TOKEN", text,
                known ? "At most one S, MI or PR is allowed, at an end of the format."
                      : "Found an unexpected token.");
        }
    }
    if (pattern->precision <= 38) return SL_OK;
    return sl_fail_at(err, span, "DECIMAL_PRECISION_EXCEEDS_MAX_PRECISION", "22003",
                      "Decimal precision %d exceeds max precision 38.", pattern->precision);
}

/* ---- types and state ---- */

enum sl_code sl_resolve_number_pattern(struct sl_resolve *resolve, struct sl_err *err) {
    const struct sl_vec *constant = resolve->args[1].constant;
    struct number_pattern pattern;
    resolve->result = sl_type_decimal(resolve->arena, 38, 0);
    if (!constant || constant->type->kind != SL_STRING_KIND || sl_vec_is_null(constant, 0))
        return SL_OK;
    SL_TRY(compile(sl_vec_str(constant, 0), &pattern, resolve->span, err));
    resolve->result = sl_type_decimal(resolve->arena, pattern.precision, pattern.scale);
    return SL_OK;
}

enum sl_code sl_bind_number_pattern(struct sl_arena *query, const struct sl_session *session,
                                    const struct sl_bind_arg *args, uint32_t arg_count,
                                    const struct sl_type *result, const void **state,
                                    struct sl_err *err) {
    (void)session, (void)arg_count, (void)result;
    *state = NULL;
    if (!args[1].constant || sl_vec_is_null(args[1].constant, 0)) return SL_OK;
    struct number_pattern *pattern = SL_NEW(query, struct number_pattern);
    *state = pattern;
    return compile(sl_arena_str(query, sl_vec_str(args[1].constant, 0)), pattern,
                   (struct sl_span){0}, err);
}

/* ---- reading ---- */

struct reading {
    struct sl_str text;
    size_t at;
    sl_int128 value;
    int digits;
};

static char peek(struct reading *reading) {
    while (reading->at < reading->text.len && reading->text.ptr[reading->at] == ' ') reading->at++;
    return reading->at < reading->text.len ? reading->text.ptr[reading->at] : 0;
}

static bool take(struct reading *reading, char c) {
    if (peek(reading) != c) return false;
    reading->at++;
    return true;
}

static bool fits(const struct digit_group *group, uint32_t count) {
    return group->exact ? count == group->digits : count <= group->digits;
}

static uint32_t take_digits(struct reading *reading) {
    uint32_t count = 0;
    peek(reading);
    for (; reading->at < reading->text.len; reading->at++, count++) {
        char c = reading->text.ptr[reading->at];
        if (c < '0' || c > '9' || reading->digits == 38) break;
        reading->value = reading->value * 10 + (c - '0');
        reading->digits++;
    }
    return count;
}

/* Groups are matched from the right: '1,23' fits '9,999'. */
static bool take_whole(struct reading *reading, const struct number_pattern *pattern) {
    uint32_t counts[GROUPS_MAX], groups = 0;
    do {
        if (groups == GROUPS_MAX) return false;
        counts[groups++] = take_digits(reading);
    } while (reading->at < reading->text.len && reading->text.ptr[reading->at] == ',' &&
             reading->at++ < reading->text.len);
    if (groups > pattern->whole_count && (groups > 1 || counts[0])) return false;
    for (uint32_t i = 0; i < pattern->whole_count; i++) {
        uint32_t count = i < groups ? counts[groups - 1 - i] : 0;
        if (!fits(&pattern->whole[pattern->whole_count - 1 - i], count)) return false;
    }
    return true;
}

static bool take_sign_of(struct reading *reading, bool plus_too, bool *negative) {
    if (take(reading, '-')) return *negative = true;
    if (plus_too) (void)take(reading, '+');
    return true;
}

static bool read_number(const struct number_pattern *pattern, struct reading *reading) {
    bool negative = false, open = false;
    if (pattern->sign == ANGLES) open = negative = take(reading, '<');
    if (pattern->sign == SIGN_START || pattern->sign == MINUS_START)
        take_sign_of(reading, pattern->sign == SIGN_START, &negative);
    if (pattern->dollar && !take(reading, '$')) return false;
    if (!take_whole(reading, pattern)) return false;
    uint32_t fraction = 0;
    if (pattern->point && take(reading, '.')) {
        fraction = take_digits(reading);
        if (!fits(&pattern->fraction, fraction)) return false;
    }
    if (!reading->digits) return false;
    for (; fraction < (uint32_t)pattern->scale; fraction++) reading->value *= 10;
    if (pattern->sign == SIGN_END || pattern->sign == MINUS_END)
        take_sign_of(reading, pattern->sign == SIGN_END, &negative);
    if (open && !take(reading, '>')) return false;
    if (peek(reading)) return false;
    if (negative) reading->value = -reading->value;
    return reading->at >= reading->text.len;
}

static enum sl_code read_rows(struct sl_call *call, bool tolerant, struct sl_err *err) {
    const struct number_pattern *pattern = call->state;
    bool wide = sl_type_is_wide_decimal(call->out->type);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct reading reading = {.text = sl_arg_str(call, 0, row)};
        bool null = !pattern || (call->strict_valid && !sl_bit_get(call->strict_valid, row));
        bool good = !null && read_number(pattern, &reading);
        if (!good) reading.value = 0;
        if (wide)
            call->out->i128[row] = reading.value;
        else
            call->out->i64[row] = (int64_t)reading.value;
        if (null || good) continue;
        if (tolerant) {
            SL_TRY(sl_call_null(call, row, err));
            continue;
        }
        sl_call_bad(call, row, "INVALID_FORMAT.MISMATCH_INPUT", "42601",
                    "The format is invalid: %.*s. The input \"STRING\" %.*s does not match the "
                    "format.",
                    SL_STR_ARG(pattern->text), SL_STR_ARG(reading.text));
    }
    return SL_OK;
}

enum sl_code sl_kernel_to_number(struct sl_call *call, struct sl_err *err) {
    return read_rows(call, false, err);
}
enum sl_code sl_kernel_try_to_number(struct sl_call *call, struct sl_err *err) {
    return read_rows(call, true, err);
}
