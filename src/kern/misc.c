/* Functions without a family: typeof, uuid. */
#include "base/buf.h"
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

/* SplitMix64: a bijection whose outputs pass as random for successive inputs. */
static uint64_t mix(uint64_t x) {
    x += UINT64_C(0x9E3779B97F4A7C15);
    x = (x ^ x >> 30) * UINT64_C(0xBF58476D1CE4E5B9);
    x = (x ^ x >> 27) * UINT64_C(0x94D049BB133111EB);
    return x ^ x >> 31;
}

static void put_uuid(uint8_t *to, uint64_t high, uint64_t low) {
    static const char digits[] = "0123456789abcdef";
    high = (high & ~UINT64_C(0xF000)) | UINT64_C(0x4000);                      /* version 4 */
    low = (low & UINT64_C(0x3FFFFFFFFFFFFFFF)) | UINT64_C(0x8000000000000000); /* variant 1 */
    for (int i = 0; i < 32; i++) {
        if (i == 8 || i == 12 || i == 16 || i == 20) *to++ = '-';
        uint64_t word = i < 16 ? high : low;
        *to++ = (uint8_t)digits[word >> (60 - 4 * (i & 15)) & 15];
    }
}

/* A UUID from the session's seed, the call site and the row's place in its source: a replayed batch
 * gives the same values. */
enum sl_code sl_kernel_uuid(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    SL_TRY(sl_vec_reserve_bytes(call->out, (size_t)call->rows * 36, err));
    uint64_t base = mix(call->session->batch_seed ^
                        mix(((uint64_t)call->site << 32) ^ (uint32_t)call->partition));
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t place = call->row_ids ? call->row_ids[row] : call->row_base + row;
        uint64_t high = mix(base ^ mix((uint64_t)place));
        put_uuid(call->out->bytes + (size_t)row * 36, high, mix(high ^ base));
        call->out->offsets[row + 1] = (int32_t)((row + 1) * 36);
    }
    return SL_OK;
}

/* Rows of the table whose kernel stands on a higher floor, where the JSON code is visible: expr/
 * puts its own kernel in the place of this one. */
enum sl_code sl_kernel_of_expr(struct sl_call *call, struct sl_err *err) {
    (void)call;
    return sl_fail(err, SL_BUG, "a function of the expression floor was called below it");
}
