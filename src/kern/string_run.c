/* The loops that string kernels share: one call per row, results appended to the column. */
#include "kern/string_int.h"

size_t sl_arg_str_bytes(const struct sl_call *call, uint32_t arg) {
    const struct sl_vec *vec = call->args[arg];
    if (vec->enc == SL_ENC_FLAT && call->rows) return (size_t)vec->offsets[call->rows];
    return (size_t)call->rows * 16;
}

enum sl_code sl_string_slices(struct sl_call *call, sl_slice_fn slice, struct sl_err *err) {
    struct sl_string_out out;
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, sl_arg_str_bytes(call, 0), err));
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_str piece = slice(call, row);
        SL_TRY(sl_string_out_put(&out, piece.ptr, piece.len, err));
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}

enum sl_code sl_string_build(struct sl_call *call, sl_build_fn build, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_buf text = {0};
    enum sl_code code =
        sl_string_out_begin(&out, call->out, call->rows, (size_t)call->rows * 16, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        sl_buf_clear(&text);
        build(call, row, &text);
        code = sl_string_out_put(&out, text.ptr, text.len, err);
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_string_counts(struct sl_call *call, sl_count_fn count, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) call->out->i32[row] = count(call, row);
    return SL_OK;
}

enum sl_code sl_string_tests(struct sl_call *call, sl_test_fn test, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    uint64_t *bits = call->out->bits;
    sl_bits_fill(bits, call->rows, false);
    for (uint32_t row = 0; row < call->rows; row++)
        bits[row >> 6] |= (uint64_t)test(call, row) << (row & 63);
    return SL_OK;
}
