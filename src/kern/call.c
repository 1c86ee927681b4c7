/* Reports of rows that a kernel could not compute. */
#include "kern/call.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/utf8.h"

/* False when the row has failed before: its first failure is the one that is told. */
static bool mark_bad(struct sl_call *call, uint32_t row) {
    if (!call->bad_rows)
        call->bad_rows = sl_arena_zalloc(call->scratch, SL_BIT_WORDS(call->rows) * 8);
    if (sl_bit_get(call->bad_rows, row)) return false;
    sl_bit_set(call->bad_rows, row);
    call->bad_count++;
    return true;
}

/* The list doubles at each power of two. */
static void add_item(struct sl_call *call, const struct sl_bad_row *item) {
    uint32_t at = call->bad_count - 1;
    if ((at & (at - 1)) == 0)
        call->bad_items = sl_arena_grow(call->scratch, at ? call->bad_items : NULL,
                                        at * sizeof *item, (at ? at * 2 : 1) * sizeof *item);
    call->bad_items[at] = *item;
}

static bool is_reported(const struct sl_call *call, uint32_t row) {
    return sl_call_is_active(call, row) &&
           (!call->strict_valid || sl_bit_get(call->strict_valid, row));
}

static void take_bad(struct sl_call *call, const struct sl_bad_row *item) {
    if (call->bad_count == 1) call->first_bad = *item;
    if (call->every_bad) add_item(call, item);
}

void sl_call_bad(struct sl_call *call, uint32_t row, const char *condition, const char *sqlstate,
                 const char *fmt, ...) {
    if (!is_reported(call, row) || !mark_bad(call, row)) return;
    if (call->bad_count > 1 && !call->every_bad) return;
    char text[1024];
    va_list list;
    va_start(list, fmt);
    int len = vsnprintf(text, sizeof text, fmt, list);
    va_end(list);
    size_t kept = len < 0                     ? 0
                  : (size_t)len < sizeof text ? (size_t)len
                                              : sl_utf8_whole(text, sizeof text - 1);
    struct sl_bad_row item = {.row = row,
                              .condition = condition,
                              .sqlstate = sqlstate,
                              .msg = sl_arena_str(call->scratch, (struct sl_str){text, kept})};
    take_bad(call, &item);
}

void sl_call_bad_as(struct sl_call *call, uint32_t row, const struct sl_bad_row *part) {
    if (!is_reported(call, row) || !mark_bad(call, row)) return;
    struct sl_bad_row item = *part;
    item.row = row;
    take_bad(call, &item);
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
