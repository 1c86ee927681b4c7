#include "base/budget.h"

void sl_budget_init(struct sl_budget *budget, size_t limit_bytes) {
    budget->limit_bytes = limit_bytes;
    atomic_init(&budget->used_bytes, 0);
    atomic_init(&budget->peak_bytes, 0);
    budget->parent = NULL;
}

void sl_budget_init_part(struct sl_budget *budget, struct sl_budget *parent) {
    sl_budget_init(budget, 0);
    budget->parent = parent;
}

enum sl_code sl_budget_take(struct sl_budget *budget, size_t bytes, const char *what,
                            struct sl_err *err) {
    if (!budget) return SL_OK;
    if (budget->parent) SL_TRY(sl_budget_take(budget->parent, bytes, what, err));
    size_t used = atomic_fetch_add(&budget->used_bytes, bytes) + bytes;
    if (budget->limit_bytes && used > budget->limit_bytes) {
        atomic_fetch_sub(&budget->used_bytes, bytes);
        sl_fail(err, SL_NOMEM,
                "%s: %.1f MB more would pass the memory limit of %.1f MB, of which %.1f MB are in "
                "use",
                what, (double)bytes / (1 << 20), (double)budget->limit_bytes / (1 << 20),
                (double)(used - bytes) / (1 << 20));
        return sl_hint(err, "raise --memory, or make batches smaller with maxOffsetsPerTrigger"),
               SL_NOMEM;
    }
    size_t peak = atomic_load(&budget->peak_bytes);
    while (used > peak && !atomic_compare_exchange_weak(&budget->peak_bytes, &peak, used)) {
    }
    return SL_OK;
}

void sl_budget_give(struct sl_budget *budget, size_t bytes) {
    for (; budget; budget = budget->parent) atomic_fetch_sub(&budget->used_bytes, bytes);
}
