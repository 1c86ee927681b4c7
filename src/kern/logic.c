/* NOT and the tests for null and NaN. AND and OR are lazy: expr/program_lazy.c. */
#include "kern/kernels.h"
#include "kern/words.h"

enum sl_code sl_kernel_not(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (size_t w = 0; w < SL_BIT_WORDS(call->rows); w++)
        call->out->bits[w] = ~sl_word_value(call->args[0], w);
    return SL_OK;
}

static enum sl_code null_bits(struct sl_call *call, uint64_t flip, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (size_t w = 0; w < SL_BIT_WORDS(call->rows); w++)
        call->out->bits[w] = sl_word_valid(call->args[0], w) ^ flip;
    return SL_OK;
}

enum sl_code sl_kernel_isnull(struct sl_call *call, struct sl_err *err) {
    return null_bits(call, ~UINT64_C(0), err);
}
enum sl_code sl_kernel_isnotnull(struct sl_call *call, struct sl_err *err) {
    return null_bits(call, 0, err);
}

enum sl_code sl_kernel_isnan(struct sl_call *call, struct sl_err *err) {
    const struct sl_vec *arg = call->args[0];
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t at = sl_vec_pos(arg, row);
        double value = arg->type->kind == SL_FLOAT_KIND ? (double)arg->f32[at] : arg->f64[at];
        sl_bit_put(call->out->bits, row, value != value && !sl_vec_is_null(arg, row));
    }
    return SL_OK;
}
