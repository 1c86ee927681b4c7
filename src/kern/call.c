/* Reports of rows that a kernel could not compute. */
#include "kern/call.h"

#include <stdarg.h>
#include <stdio.h>

static void mark_bad(struct sl_call *call, uint32_t row) {
    if (!call->bad_rows)
        call->bad_rows = sl_arena_zalloc(call->scratch, SL_BIT_WORDS(call->rows) * 8);
    if (!sl_bit_get(call->bad_rows, row)) call->bad_count++;
    sl_bit_set(call->bad_rows, row);
}

void sl_call_bad(struct sl_call *call, uint32_t row, const char *condition, const char *sqlstate,
                 const char *fmt, ...) {
    if (!sl_call_is_active(call, row)) return;
    if (call->strict_valid && !sl_bit_get(call->strict_valid, row)) return;
    mark_bad(call, row);
    if (call->bad_count > 1) return;
    char text[1024];
    va_list list;
    va_start(list, fmt);
    int len = vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    size_t kept = len < 0 ? 0 : (size_t)len < sizeof text ? (size_t)len : sizeof text - 1;
    call->first_bad =
        (struct sl_bad_row){.row = row,
                            .condition = condition,
                            .sqlstate = sqlstate,
                            .msg = sl_arena_str(call->scratch, (struct sl_str){text, kept})};
}

enum sl_code sl_call_own_valid(struct sl_call *call, struct sl_err *err) {
    struct sl_vec *out = call->out;
    if (out->valid && out->valid == out->own_valid.ptr) return SL_OK;
    const uint64_t *before = out->valid;
    out->valid = NULL;
    SL_TRY(sl_vec_reserve_valid(out, call->rows, err));
    if (before)
        memcpy(out->valid, before, SL_BIT_WORDS(call->rows) * 8);
    else
        sl_bits_fill(out->valid, call->rows, true);
    return SL_OK;
}

enum sl_code sl_call_null(struct sl_call *call, uint32_t row, struct sl_err *err) {
    SL_TRY(sl_call_own_valid(call, err));
    sl_bit_clear(call->out->valid, row);
    return SL_OK;
}
