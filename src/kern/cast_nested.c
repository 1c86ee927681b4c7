/* Casts of arrays, maps and structs: child by child; and of NULL to anything. */
#include "kern/cast_int.h"

static enum sl_code null_to_any(struct sl_cast_run *run, struct sl_err *err) {
    run->out->valid = NULL;
    run->out->rows = 0;
    return sl_vec_append_null(run->out, run->rows, err);
}

/* Casts child i as a call of its own; *inner then tells which of its rows failed. */
static enum sl_code cast_child(struct sl_cast_run *run, uint32_t i, uint32_t rows,
                               const uint64_t *active, struct sl_call *inner, struct sl_err *err) {
    const struct sl_vec *in = &run->in->children[i];
    struct sl_vec *out = &run->out->children[i];
    *inner = (struct sl_call){.args = &in,
                              .arg_count = 1,
                              .out = out,
                              .rows = rows,
                              .active = active,
                              .session = run->call->session,
                              .scratch = run->call->scratch,
                              .every_bad = true};
    enum sl_code code = sl_cast(inner, run->mode, err);
    inner->args = NULL;
    out->rows = rows;
    return code;
}

static enum sl_code cast_struct(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, 0, err));
    for (uint32_t i = 0; i < run->to->field_count; i++) {
        struct sl_call inner;
        SL_TRY(cast_child(run, i, run->rows, run->call->active, &inner, err));
        for (uint32_t b = 0; b < inner.bad_count; b++)
            sl_call_bad_as(run->call, inner.bad_items[b].row, &inner.bad_items[b]);
    }
    return SL_OK;
}

/* The list that holds the element; run->rows when none does (gaps of null rows). */
static uint32_t row_of_element(const struct sl_cast_run *run, uint32_t element) {
    const int32_t *ends = run->in->offsets + 1;
    uint32_t low = 0, high = run->rows;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if ((uint32_t)ends[middle] <= element)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* ARRAY and MAP: the offsets stay, elements are cast as one long column. */
static enum sl_code cast_list(struct sl_cast_run *run, struct sl_err *err) {
    run->out->offsets = run->in->offsets;
    for (uint32_t i = 0; i < run->to->field_count; i++) {
        struct sl_call inner;
        SL_TRY(cast_child(run, i, run->in->children[i].rows, NULL, &inner, err));
        for (uint32_t b = 0; b < inner.bad_count; b++) {
            uint32_t row = row_of_element(run, inner.bad_items[b].row);
            if (row < run->rows) sl_call_bad_as(run->call, row, &inner.bad_items[b]);
        }
    }
    return SL_OK;
}

sl_cast_fn sl_cast_find_nested(const struct sl_type *from, const struct sl_type *to) {
    if (from->kind == SL_NULL_KIND) return null_to_any;
    if (from->kind != to->kind) return NULL;
    if (from->kind == SL_STRUCT_KIND && from->field_count == to->field_count) return cast_struct;
    if (from->kind == SL_ARRAY_KIND || from->kind == SL_MAP_KIND) return cast_list;
    return NULL;
}
