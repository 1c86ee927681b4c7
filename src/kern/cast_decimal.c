/* Casts from and to decimal; values travel as 128-bit integers. */
#include <math.h>

#include "kern/cast_int.h"
#include "kern/zone.h"

static enum sl_code put_or_fail(struct sl_cast_run *run, uint32_t row, bool ok, sl_int128 value,
                                struct sl_err *err) {
    if (ok) {
        sl_cast_put_decimal(run->out, row, value);
        return SL_OK;
    }
    sl_cast_put_decimal(run->out, row, 0);
    return sl_cast_out_of_decimal(run, row, err);
}

static enum sl_code decimal_to_decimal(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int from_scale = run->from->scale, precision = run->to->precision, scale = run->to->scale;
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 value = 0;
        bool ok =
            sl_decimal_rescale(sl_cast_decimal(run->in, row), from_scale, precision, scale, &value);
        SL_TRY(put_or_fail(run, row, ok, value, err));
    }
    return SL_OK;
}

static int64_t integer_at(const struct sl_vec *in, uint32_t row) {
    if (in->type->kind == SL_BOOL_KIND) return sl_bit_get(in->bits, row);
    return sl_vec_integer(in, row);
}

static enum sl_code integer_to_decimal(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 value = 0;
        bool ok = sl_decimal_rescale(integer_at(run->in, row), 0, run->to->precision,
                                     run->to->scale, &value);
        SL_TRY(put_or_fail(run, row, ok, value, err));
    }
    return SL_OK;
}

/* NaN and infinities become null in every mode: Spark's Cast catches the failure. */
static enum sl_code real_to_decimal(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        double real =
            run->from->kind == SL_FLOAT_KIND ? (double)run->in->f32[row] : run->in->f64[row];
        sl_int128 value = 0;
        if (!isfinite(real)) {
            sl_cast_put_decimal(run->out, row, 0);
            SL_TRY(sl_call_null(run->call, row, err));
            continue;
        }
        bool ok = sl_decimal_from_f64(real, run->to->precision, run->to->scale, &value);
        SL_TRY(put_or_fail(run, row, ok, value, err));
    }
    return SL_OK;
}

static enum sl_code timestamp_to_decimal(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 value = 0;
        double seconds = (double)run->in->i64[row] / 1e6; /* through a double, as Spark does */
        bool ok = sl_decimal_from_f64(seconds, run->to->precision, run->to->scale, &value);
        SL_TRY(put_or_fail(run, row, ok, value, err));
    }
    return SL_OK;
}

static void put_integer(struct sl_vec *out, uint32_t row, int64_t value) {
    switch (out->type->kind) {
    case SL_BYTE_KIND:
        out->i8[row] = (int8_t)value;
        break;
    case SL_SHORT_KIND:
        out->i16[row] = (int16_t)value;
        break;
    case SL_INT_KIND:
        out->i32[row] = (int32_t)value;
        break;
    default:
        out->i64[row] = value;
    }
}

static enum sl_code decimal_to_integer(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    sl_int128 unit = sl_decimal_pow10(run->from->scale);
    sl_int128 max = ((sl_int128)1 << (8 * sl_type_width(run->to) - 1)) - 1;
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 whole = sl_cast_decimal(run->in, row) / unit;
        put_integer(run->out, row, (int64_t)whole);
        if ((whole > max || whole < -max - 1) && run->mode != SL_CAST_LEGACY)
            SL_TRY(sl_cast_overflow(run, row, err));
    }
    return SL_OK;
}

static enum sl_code decimal_to_real(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int scale = run->from->scale;
    for (uint32_t row = 0; row < run->rows; row++) {
        double value = sl_decimal_to_f64(sl_cast_decimal(run->in, row), scale);
        if (run->to->kind == SL_FLOAT_KIND)
            run->out->f32[row] = (float)value;
        else
            run->out->f64[row] = value;
    }
    return SL_OK;
}

static enum sl_code decimal_to_bool(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++)
        sl_bit_put(run->out->bits, row, sl_cast_decimal(run->in, row) != 0);
    return SL_OK;
}

/* Seconds with their fraction; micros behind that are cut off. */
static enum sl_code decimal_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int shift = run->from->scale - 6;
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 value = sl_cast_decimal(run->in, row);
        bool over = false;
        if (shift > 0)
            value /= sl_decimal_pow10(shift);
        else
            over = __builtin_mul_overflow(value, sl_decimal_pow10(-shift), &value);
        over |= value > INT64_MAX || value < INT64_MIN;
        run->out->i64[row] = over ? 0 : (int64_t)value;
        if (over) SL_TRY(sl_cast_overflow(run, row, err));
    }
    return SL_OK;
}

static sl_cast_fn find_from_decimal(const struct sl_type *to) {
    if (to->kind == SL_DECIMAL_KIND) return decimal_to_decimal;
    if (sl_type_is_integer(to)) return decimal_to_integer;
    if (sl_type_is_float(to)) return decimal_to_real;
    if (to->kind == SL_BOOL_KIND) return decimal_to_bool;
    if (to->kind == SL_TIMESTAMP_KIND) return decimal_to_timestamp;
    return NULL;
}

sl_cast_fn sl_cast_find_decimal(const struct sl_type *from, const struct sl_type *to) {
    if (from->kind == SL_DECIMAL_KIND) return find_from_decimal(to);
    if (to->kind != SL_DECIMAL_KIND) return NULL;
    if (sl_type_is_integer(from) || from->kind == SL_BOOL_KIND) return integer_to_decimal;
    if (sl_type_is_float(from)) return real_to_decimal;
    if (from->kind == SL_TIMESTAMP_KIND) return timestamp_to_decimal;
    return NULL;
}
