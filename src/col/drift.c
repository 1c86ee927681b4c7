#include "col/drift.h"

#include <stdlib.h>

#include "base/utf8.h"

void sl_drift_init(struct sl_drift *drift, enum sl_drift_mode mode) {
    *drift = (struct sl_drift){.mode = mode};
    sl_arena_init(&drift->arena, "drift");
}

void sl_drift_release(struct sl_drift *drift) {
    free(drift->items);
    sl_arena_release(&drift->arena);
    *drift = (struct sl_drift){0};
}

bool sl_drift_knows(const struct sl_drift *drift, struct sl_str path) {
    for (uint32_t i = 0; i < drift->count; i++)
        if (sl_str_eq(drift->items[i].path, path)) return true;
    return drift->count == SL_DRIFT_FIELDS_MAX;
}

void sl_drift_add(struct sl_drift *drift, const struct sl_drift_field *field) {
    if (sl_drift_knows(drift, field->path)) return;
    if (drift->count == drift->cap) {
        drift->cap = drift->cap ? drift->cap * 2 : 8;
        drift->items = sl_xrealloc(drift->items, drift->cap * sizeof *drift->items);
    }
    struct sl_str value = field->value;
    if (value.len > SL_DRIFT_VALUE_MAX) value.len = sl_utf8_whole(value.ptr, SL_DRIFT_VALUE_MAX);
    drift->items[drift->count++] =
        (struct sl_drift_field){.path = sl_arena_str(&drift->arena, field->path),
                                .value = sl_arena_str(&drift->arena, value),
                                .where = sl_arena_str(&drift->arena, field->where)};
}

void sl_drift_merge(struct sl_drift *sum, const struct sl_drift *more) {
    for (uint32_t i = 0; i < more->count; i++) sl_drift_add(sum, &more->items[i]);
    sum->records += more->records;
}
