#include "kern/accumulator.h"

#include <stdlib.h>

#include "kern/arith.h"

void *sl_accumulator_new(size_t size, const struct sl_aggregate_ops *ops,
                         const struct sl_aggregate_call *call, struct sl_budget *budget) {
    struct sl_accumulator_base *base = sl_xcalloc(1, size);
    *base = (struct sl_accumulator_base){.ops = ops, .call = call, .budget = budget};
    return base;
}

enum sl_code sl_accumulator_take(struct sl_accumulator_base *base, size_t bytes,
                                 struct sl_err *err) {
    SL_TRY(sl_budget_take(base->budget, bytes, "state of aggregates", err));
    base->bytes += bytes;
    return SL_OK;
}

void sl_accumulator_give(struct sl_accumulator_base *base, size_t bytes) {
    sl_budget_give(base->budget, bytes);
    base->bytes -= bytes;
}

void sl_accumulator_drop(struct sl_accumulator_base *base) {
    sl_budget_give(base->budget, base->bytes);
    free(base);
}

/* ---- arrays ---- */

enum sl_code sl_group_array_grow(struct sl_group_array *array, struct sl_accumulator_base *base,
                                 uint32_t count, struct sl_err *err) {
    enum { CAP_MIN = 16 };
    if (count <= array->cap) return SL_OK;
    uint32_t cap = array->cap > UINT32_MAX / 2 ? UINT32_MAX : array->cap * 2;
    if (cap < CAP_MIN) cap = CAP_MIN;
    if (cap < count) cap = count;
    size_t old = array->cap * array->width, bytes;
    if (__builtin_mul_overflow((size_t)cap, array->width, &bytes))
        return sl_fail(err, SL_NOMEM, "no memory for %u groups", cap);
    SL_TRY(sl_accumulator_take(base, bytes - old, err));
    void *fresh = realloc(array->data, bytes);
    if (!fresh) {
        sl_accumulator_give(base, bytes - old);
        return sl_fail(err, SL_NOMEM, "no memory for %u groups of %zu bytes", cap, array->width);
    }
    memset((char *)fresh + old, 0, bytes - old);
    array->data = fresh;
    array->cap = cap;
    return SL_OK;
}

void sl_group_array_zero(struct sl_group_array *array, const uint32_t *groups, uint32_t count) {
    for (uint32_t i = 0; i < count; i++)
        memset((char *)array->data + groups[i] * array->width, 0, array->width);
}

void sl_group_array_release(struct sl_group_array *array) {
    free(array->data);
    array->data = NULL;
    array->cap = 0;
}

/* ---- rows of vectors ---- */

enum sl_code sl_rows_add(struct sl_vec *out, uint32_t count, uint32_t *first, struct sl_err *err) {
    uint32_t rows;
    if (__builtin_add_overflow(out->rows, count, &rows))
        return sl_fail(err, SL_DATA, "a column is longer than 2^31 rows");
    SL_TRY(sl_vec_reserve(out, rows, err));
    if (out->valid) SL_TRY(sl_vec_reserve_valid(out, rows, err));
    *first = out->rows;
    out->rows = rows;
    return SL_OK;
}

enum sl_code sl_rows_null(struct sl_vec *out, uint32_t row, struct sl_err *err) {
    if (out->type->kind == SL_NULL_KIND) return SL_OK;
    SL_TRY(sl_vec_reserve_valid(out, out->rows, err));
    sl_bit_clear(out->valid, row);
    uint32_t width = sl_type_width(out->type);
    if (width)
        memset((char *)out->data + (size_t)row * width, 0, width);
    else if (out->type->kind == SL_BOOL_KIND)
        sl_bit_clear(out->bits, row);
    return SL_OK;
}

void sl_rows_put_i64(struct sl_vec *out, uint32_t row, int64_t value) {
    if (out->type->kind == SL_BOOL_KIND)
        sl_bit_put(out->bits, row, value != 0);
    else if (sl_type_is_wide_decimal(out->type))
        out->i128[row] = value;
    else
        sl_integer_set(out, row, value);
}

void sl_rows_put_i128(struct sl_vec *out, uint32_t row, sl_int128 value) {
    sl_decimal_set(out, row, value);
}

static enum sl_code mark_nulls(struct sl_vec *out, uint32_t first, const uint8_t *flags,
                               const uint32_t *groups, uint32_t count, struct sl_err *err) {
    for (uint32_t i = 0; flags && i < count; i++)
        if (!flags[groups[i]]) SL_TRY(sl_rows_null(out, first + i, err));
    return SL_OK;
}

enum sl_code sl_rows_append_i64(struct sl_vec *out, const int64_t *values, const uint8_t *flags,
                                const uint32_t *groups, uint32_t count, struct sl_err *err) {
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    if (sl_type_width(out->type) == 8)
        for (uint32_t i = 0; i < count; i++) out->i64[first + i] = values[groups[i]];
    else
        for (uint32_t i = 0; i < count; i++) sl_rows_put_i64(out, first + i, values[groups[i]]);
    return mark_nulls(out, first, flags, groups, count, err);
}

enum sl_code sl_rows_append_f64(struct sl_vec *out, const double *values, const uint8_t *flags,
                                const uint32_t *groups, uint32_t count, struct sl_err *err) {
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    if (out->type->kind == SL_FLOAT_KIND)
        for (uint32_t i = 0; i < count; i++) out->f32[first + i] = (float)values[groups[i]];
    else
        for (uint32_t i = 0; i < count; i++) out->f64[first + i] = values[groups[i]];
    return mark_nulls(out, first, flags, groups, count, err);
}

enum sl_code sl_rows_append_i128(struct sl_vec *out, const sl_int128 *values, const uint8_t *flags,
                                 const uint32_t *groups, uint32_t count, struct sl_err *err) {
    uint32_t first;
    SL_TRY(sl_rows_add(out, count, &first, err));
    for (uint32_t i = 0; i < count; i++) sl_decimal_set(out, first + i, values[groups[i]]);
    return mark_nulls(out, first, flags, groups, count, err);
}

struct sl_field *sl_buffers_new(struct sl_arena *query, struct sl_aggregate_call *call,
                                uint32_t count) {
    struct sl_field *fields = SL_NEW_ARRAY(query, struct sl_field, count);
    call->buffers = fields;
    call->buffer_count = count;
    return fields;
}

/* ---- errors ---- */

static const struct sl_span nowhere = {0, 0};

enum sl_code sl_aggregate_overflow(struct sl_err *err, const char *what, const char *instead) {
    /* Data, not the query, is at fault: the condition alone would make it a user's error. */
    sl_fail_at(err, nowhere, "ARITHMETIC_OVERFLOW", "22003",
               "%s. Use '%s' to tolerate overflow and return NULL instead." SL_ANSI_BYPASS, what,
               instead);
    if (err) err->code = SL_DATA;
    return SL_DATA;
}

enum sl_code sl_aggregate_decimal_overflow(struct sl_err *err, const char *instead) {
    return sl_aggregate_overflow(err, "Overflow in sum of decimals", instead);
}

enum sl_code sl_aggregate_interval_overflow(struct sl_err *err) {
    sl_fail_at(
        err, nowhere, "INTERVAL_ARITHMETIC_OVERFLOW.WITH_SUGGESTION", "22015",
        "Integer overflow while operating with intervals. Use `try_add` to tolerate overflow "
        "and return NULL instead.");
    if (err) err->code = SL_DATA;
    return SL_DATA;
}
