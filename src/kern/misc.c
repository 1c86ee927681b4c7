/* Functions without a family: typeof, uuid, rand. */
#include "base/buf.h"
#include "base/hash.h"
#include "kern/kernels.h"

enum sl_code sl_kernel_typeof(struct sl_call *call, struct sl_err *err) {
    struct sl_buf text = {0};
    sl_type_put_simple(&text, call->args[0]->type);
    enum sl_code code = SL_OK;
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++)
        code = sl_vec_put_str(call->out, sl_buf_str(&text), err);
    sl_buf_release(&text);
    return code;
}

/* A bijection whose outputs pass as random for successive inputs. */
static uint64_t mix(uint64_t x) { return sl_random_next(&x); }

/* A UUID from the session's seed, the call site and the row's place in its source: a rerun gives
 * the same values. */
enum sl_code sl_kernel_uuid(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    SL_TRY(sl_vec_reserve_bytes(call->out, (size_t)call->rows * 36, err));
    uint64_t base = mix(call->session->batch_seed ^
                        mix(((uint64_t)call->site << 32) ^ (uint32_t)call->partition));
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t place = call->row_ids ? call->row_ids[row] : call->row_base + row;
        uint64_t high = mix(base ^ mix((uint64_t)place));
        sl_uuid_format((char *)call->out->bytes + (size_t)row * 36, high, mix(high ^ base));
        call->out->offsets[row + 1] = (int32_t)((row + 1) * 36);
    }
    return SL_OK;
}

/* From 0 to below 1. With a seed the call site does not matter, so that rand(7) and rand(7) in one
 * query are equal, as in Spark; the numbers themselves are not Spark's. */
enum sl_code sl_kernel_rand(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    bool seeded = call->arg_count > 0;
    uint64_t seed = call->session->batch_seed ^ ((uint64_t)call->site << 32);
    if (seeded) seed = sl_vec_is_null(call->args[0], 0) ? 0 : (uint64_t)call->args[0]->i64[0];
    uint64_t base = mix(seed ^ mix((uint32_t)call->partition));
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t place = call->row_ids ? call->row_ids[row] : call->row_base + row;
        call->out->f64[row] = (double)(mix(base ^ mix((uint64_t)place)) >> 11) * 0x1p-53;
    }
    return SL_OK;
}

/* Rows of the table whose kernel stands on a higher floor, where the JSON code is visible: expr/
 * puts its own kernel in the place of this one. */
enum sl_code sl_kernel_of_expr(struct sl_call *call, struct sl_err *err) {
    (void)call;
    return sl_fail(err, SL_BUG, "a function of the expression floor was called below it");
}
