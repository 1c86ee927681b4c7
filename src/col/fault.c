#include "col/fault.h"

#include <stdlib.h>
#include <string.h>

#include "base/bits.h"
#include "base/buf.h"
#include "base/utf8.h"

const char *sl_fault_kind_name(enum sl_fault_kind kind) {
    static const char *const names[] = {"malformed", "evaluation", "constraint",
                                        "write",     "drift",      "late"};
    return names[kind];
}

void sl_faults_init(struct sl_faults *faults) {
    *faults = (struct sl_faults){0};
    sl_arena_init(&faults->arena, "faults");
}

void sl_faults_release(struct sl_faults *faults) {
    free(faults->items);
    sl_arena_release(&faults->arena);
    *faults = (struct sl_faults){0};
}

void sl_faults_begin(struct sl_faults *faults, uint32_t rows) {
    if (faults->count) sl_arena_reset(&faults->arena);
    faults->failed = NULL;
    faults->count = 0;
    faults->rows = rows;
}

bool sl_faults_has(const struct sl_faults *faults, uint32_t row) {
    return faults->failed && sl_bit_get(faults->failed, row);
}

/* Messages quote values, and a STRING may hold bytes that are no UTF-8; letters are read by others.
 */
static struct sl_str keep_message(struct sl_arena *arena, struct sl_str msg) {
    if (sl_utf8_is_valid(msg.ptr, msg.len)) return sl_arena_str(arena, msg);
    struct sl_buf repaired = {0};
    sl_utf8_repair(&repaired, msg.ptr, msg.len);
    msg = sl_arena_str(arena, sl_buf_str(&repaired));
    sl_buf_release(&repaired);
    return msg;
}

bool sl_faults_add(struct sl_faults *faults, const struct sl_fault *fault) {
    sl_assert(fault->row < faults->rows);
    if (sl_faults_has(faults, fault->row)) return false;
    if (!faults->failed)
        faults->failed = SL_NEW_ARRAY(&faults->arena, uint64_t, SL_BIT_WORDS(faults->rows));
    sl_bit_set(faults->failed, fault->row);
    if (faults->count == faults->cap) {
        faults->cap = faults->cap ? faults->cap * 2 : 16;
        faults->items = sl_xrealloc(faults->items, faults->cap * sizeof *faults->items);
    }
    struct sl_fault *kept = &faults->items[faults->count++];
    *kept = *fault;
    kept->rule = sl_arena_str(&faults->arena, fault->rule);
    kept->condition = sl_arena_str(&faults->arena, fault->condition);
    kept->sqlstate = sl_arena_str(&faults->arena, fault->sqlstate);
    kept->msg = keep_message(&faults->arena, fault->msg);
    if (fault->record.ptr) kept->record = sl_arena_str(&faults->arena, fault->record);
    return true;
}
