/* base64, hex and back. */
#include "kern/string_int.h"

#define ARG(i) sl_arg_str(call, i, row)

static const char base64_digits[] =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void build_base64(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0);
    for (size_t i = 0; i < s.len; i += 3) {
        size_t n = s.len - i < 3 ? s.len - i : 3;
        uint32_t bits = 0;
        for (size_t k = 0; k < 3; k++) bits = bits << 8 | (k < n ? (unsigned char)s.ptr[i + k] : 0);
        for (size_t k = 0; k < 4; k++)
            sl_buf_put_byte(text,
                            (uint8_t)(k <= n ? base64_digits[bits >> (18 - 6 * k) & 63] : '='));
    }
}
enum sl_code sl_kernel_base64(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_base64, err);
}

/* MIME: whatever is no digit is skipped, '=' ends. */
static void build_unbase64(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0);
    uint32_t bits = 0;
    int have = 0;
    for (size_t i = 0; i < s.len && s.ptr[i] != '='; i++) {
        const char *digit = s.ptr[i] ? strchr(base64_digits, s.ptr[i]) : NULL;
        if (!digit) continue;
        bits = bits << 6 | (uint32_t)(digit - base64_digits);
        have += 6;
        if (have >= 8) sl_buf_put_byte(text, (uint8_t)(bits >> (have -= 8)));
    }
}
enum sl_code sl_kernel_unbase64(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_unbase64, err);
}

static const char hex_digits[] = "0123456789ABCDEF";

static void build_hex(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    struct sl_str s = ARG(0);
    for (size_t i = 0; i < s.len; i++) {
        sl_buf_put_byte(text, (uint8_t)hex_digits[(unsigned char)s.ptr[i] >> 4]);
        sl_buf_put_byte(text, (uint8_t)hex_digits[s.ptr[i] & 15]);
    }
}
enum sl_code sl_kernel_hex(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_hex, err);
}

static void build_hex_number(const struct sl_call *call, uint32_t row, struct sl_buf *text) {
    sl_buf_printf(text, "%llX",
                  (unsigned long long)call->args[0]->i64[sl_vec_pos(call->args[0], row)]);
}
enum sl_code sl_kernel_hex_number(struct sl_call *call, struct sl_err *err) {
    return sl_string_build(call, build_hex_number, err);
}

enum sl_code sl_kernel_unhex(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str s = ARG(0);
        bool ok = true;
        SL_TRY(sl_string_out_room(&out, s.len / 2 + 1, err));
        int high = 0;
        for (size_t i = 0; i < s.len; i++) {
            int value = sl_hex_digit(s.ptr[i]);
            ok = ok && value >= 0;
            if ((s.len - i) % 2 == 0)
                high = value;
            else /* an odd count starts with a lone low digit */
                sl_string_out_at(&out)[0] = (char)((unsigned)high << 4 | ((unsigned)value & 15)),
                out.len++, high = 0;
        }
        sl_string_out_end(&out, row);
        if (!ok) SL_TRY(sl_call_null(call, row, err));
    }
    return SL_OK;
}
