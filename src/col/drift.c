#include "col/drift.h"

#include <stdlib.h>

#include "base/utf8.h"

void sl_drift_init(struct sl_drift *drift, enum sl_drift_mode mode) {
    *drift = (struct sl_drift){.mode = mode, .fields_max = SL_DRIFT_FIELDS_MAX};
    sl_arena_init(&drift->arena, "drift");
}

void sl_drift_init_like(struct sl_drift *drift, const struct sl_drift *like) {
    sl_drift_init(drift, like->mode);
    drift->fields_max = like->fields_max;
    drift->widen = like->widen;
    drift->settled = like->settled;
}

void sl_drift_release(struct sl_drift *drift) {
    free(drift->items);
    sl_arena_release(&drift->arena);
    *drift = (struct sl_drift){0};
}

struct sl_drift_field *sl_drift_find(const struct sl_drift *drift, uint32_t site,
                                     struct sl_str path) {
    for (uint32_t i = 0; i < drift->count; i++)
        if (drift->items[i].site == site && sl_str_eq(drift->items[i].path, path))
            return &drift->items[i];
    return NULL;
}

static const struct sl_type *widen(struct sl_drift *drift, const struct sl_type *a,
                                   const struct sl_type *b) {
    return b && drift->widen ? drift->widen(&drift->arena, a, b) : a;
}

void sl_drift_add(struct sl_drift *drift, const struct sl_drift_field *field) {
    struct sl_drift_field *known = sl_drift_find(drift, field->site, field->path);
    if (known) {
        known->type = widen(drift, known->type, field->type);
        return;
    }
    if (drift->count == drift->fields_max) {
        drift->full = true;
        return;
    }
    if (drift->count == drift->cap) {
        drift->cap = drift->cap ? drift->cap * 2 : 8;
        drift->items = sl_xrealloc(drift->items, drift->cap * sizeof *drift->items);
    }
    struct sl_str value = field->value;
    if (value.len > SL_DRIFT_VALUE_MAX) value.len = sl_utf8_whole(value.ptr, SL_DRIFT_VALUE_MAX);
    drift->items[drift->count++] =
        (struct sl_drift_field){.path = sl_arena_str(&drift->arena, field->path),
                                .value = sl_arena_str(&drift->arena, value),
                                .where = sl_arena_str(&drift->arena, field->where),
                                .site = field->site,
                                .type = widen(drift, NULL, field->type)};
}

void sl_drift_merge(struct sl_drift *sum, const struct sl_drift *more) {
    for (uint32_t i = 0; i < more->count; i++) sl_drift_add(sum, &more->items[i]);
    sum->records += more->records;
    sum->full |= more->full;
}
