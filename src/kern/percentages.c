#include "kern/percentages.h"

enum sl_code sl_percentages_read(struct sl_arena *query, const struct sl_vec *value,
                                 struct sl_percentages *out, struct sl_err *err) {
    const struct sl_vec *items = value;
    uint32_t first = 0;
    out->array = value && value->type->kind == SL_ARRAY_KIND;
    out->count = 1;
    if (out->array) {
        items = &value->children[0];
        first = (uint32_t)value->offsets[0];
        out->count = (uint32_t)value->offsets[1] - first;
    }
    if (!value || sl_vec_is_null(value, 0) || (out->count && items->type->kind != SL_DOUBLE_KIND))
        return sl_fail(err, SL_USER, "the percentage is no constant number");
    out->items = SL_NEW_ARRAY(query, double, out->count + 1);
    for (uint32_t i = 0; i < out->count; i++) {
        out->items[i] = items->f64[first + i];
        if (!(out->items[i] >= 0 && out->items[i] <= 1))
            return sl_fail(err, SL_USER, "a percentage is not between 0 and 1");
    }
    return SL_OK;
}
