/* What accumulators are made of: memory that the budget knows of, arrays indexed by groups, and
 * rows appended to vectors.
 *
 * Memory of a group that has no rows yet is zero: growing fills whole capacities with it, so that
 * `grow` of an accumulator mostly is this one call. */
#ifndef SL_KERN_ACCUMULATOR_H
#define SL_KERN_ACCUMULATOR_H

#include "kern/aggregate.h"

/* A zeroed accumulator of `size` bytes whose first member is the base. */
void *sl_accumulator_new(size_t size, const struct sl_aggregate_ops *ops,
                         const struct sl_aggregate_call *call, struct sl_budget *budget);
SL_MUST_CHECK enum sl_code sl_accumulator_take(struct sl_accumulator_base *base, size_t bytes,
                                               struct sl_err *err);
void sl_accumulator_give(struct sl_accumulator_base *base, size_t bytes);
/* Gives all bytes back and frees the struct itself. */
void sl_accumulator_drop(struct sl_accumulator_base *base);

struct sl_group_array {
    void *data;
    size_t width; /* bytes of an item */
    uint32_t cap;
};
/* Room for items 0..count-1; new ones are zero. */
SL_MUST_CHECK enum sl_code sl_group_array_grow(struct sl_group_array *array,
                                               struct sl_accumulator_base *base, uint32_t count,
                                               struct sl_err *err);
/* Items of these groups become zero. */
void sl_group_array_zero(struct sl_group_array *array, const uint32_t *groups, uint32_t count);
/* The memory; its bytes stay counted until sl_accumulator_drop. */
void sl_group_array_release(struct sl_group_array *array);

/* A row number & this is its position, whether the vector is FLAT or CONST. */
static inline uint32_t sl_row_mask(const struct sl_vec *vec) {
    return vec->enc == SL_ENC_CONST ? 0 : UINT32_MAX;
}
/* Rows of it may be null. */
static inline bool sl_vec_has_nulls(const struct sl_vec *vec) {
    return vec->valid || vec->type->kind == SL_NULL_KIND;
}

/* A value at a position of a vector's data: an integer of `width` bytes (0: BOOL; dates, times,
 * narrow decimals too), or a float. The data, not the vector, so that nothing is read again in a
 * loop that stores bytes. */
static inline int64_t sl_load_i64(const void *data, uint32_t width, uint32_t pos) {
    switch (width) {
    case 0:
        return sl_bit_get(data, pos);
    case 1:
        return ((const int8_t *)data)[pos];
    case 2:
        return ((const int16_t *)data)[pos];
    case 4:
        return ((const int32_t *)data)[pos];
    default:
        return ((const int64_t *)data)[pos];
    }
}
static inline double sl_load_f64(const void *data, uint32_t width, uint32_t pos) {
    return width == 4 ? (double)((const float *)data)[pos] : ((const double *)data)[pos];
}
static inline sl_int128 sl_load_i128(const void *data, bool wide, uint32_t pos) {
    return wide ? ((const sl_int128 *)data)[pos] : (sl_int128)((const int64_t *)data)[pos];
}

/* Room for `count` more rows of a FLAT vector, which become rows now; *first is the first of them.
 * Their values are to be written; none is null. */
SL_MUST_CHECK enum sl_code sl_rows_add(struct sl_vec *out, uint32_t count, uint32_t *first,
                                       struct sl_err *err);
/* Makes an added row null (its value zero). */
SL_MUST_CHECK enum sl_code sl_rows_null(struct sl_vec *out, uint32_t row, struct sl_err *err);
/* Stores a value into an added row of any integer-like type (BOOL and both decimals too). */
void sl_rows_put_i64(struct sl_vec *out, uint32_t row, int64_t value);
void sl_rows_put_i128(struct sl_vec *out, uint32_t row, sl_int128 value);

/* Appends int64 (double) items of the groups; flags: NULL, or groups whose byte is 0 are null. */
SL_MUST_CHECK enum sl_code sl_rows_append_i64(struct sl_vec *out, const int64_t *values,
                                              const uint8_t *flags, const uint32_t *groups,
                                              uint32_t count, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_rows_append_f64(struct sl_vec *out, const double *values,
                                              const uint8_t *flags, const uint32_t *groups,
                                              uint32_t count, struct sl_err *err);
SL_MUST_CHECK enum sl_code sl_rows_append_i128(struct sl_vec *out, const sl_int128 *values,
                                               const uint8_t *flags, const uint32_t *groups,
                                               uint32_t count, struct sl_err *err);

/* Describes buffers: an array of `count` fields in the arena. */
struct sl_field *sl_buffers_new(struct sl_arena *query, struct sl_aggregate_call *call,
                                uint32_t count);
static inline struct sl_field sl_buffer(const char *name, const struct sl_type *type,
                                        bool nullable) {
    return (struct sl_field){.name = sl_str(name), .type = type, .nullable = nullable};
}

/* Errors of aggregates. what: "long"; instead: the function that gives NULL, in the message. */
enum sl_code sl_aggregate_overflow(struct sl_err *err, const char *what, const char *instead);
enum sl_code sl_aggregate_interval_overflow(struct sl_err *err);
/* "Overflow in sum of decimals." */
enum sl_code sl_aggregate_decimal_overflow(struct sl_err *err, const char *instead);

#endif
