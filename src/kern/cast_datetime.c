/* Casts among date, timestamp, timestamp_ntz, intervals and numbers. */
#include <math.h>

#include "kern/cast_int.h"
#include "kern/zone.h"

/* Micros of local midnight; the int32 range of days passes the 64-bit range of micros. */
static enum sl_code date_to_local(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    bool shift = run->to->kind == SL_TIMESTAMP_KIND && !sl_zone_is_utc(run->zone);
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t local;
        bool over = __builtin_mul_overflow((int64_t)run->in->i32[row], SL_MICROS_PER_DAY, &local);
        run->out->i64[row] = over ? 0 : shift ? sl_zone_to_utc(run->zone, local) : local;
        if (over) SL_TRY(sl_cast_overflow(run, row, err));
    }
    return SL_OK;
}

static enum sl_code timestamp_to_date(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    bool shift = run->from->kind == SL_TIMESTAMP_KIND && !sl_zone_is_utc(run->zone);
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t micros = run->in->i64[row];
        if (shift) micros = sl_zone_to_local(run->zone, micros);
        run->out->i32[row] = (int32_t)sl_floor_div(micros, SL_MICROS_PER_DAY);
    }
    return SL_OK;
}

static enum sl_code timestamp_to_ntz(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++)
        run->out->i64[row] = sl_zone_to_local(run->zone, run->in->i64[row]);
    return SL_OK;
}

static enum sl_code ntz_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++)
        run->out->i64[row] = sl_zone_to_utc(run->zone, run->in->i64[row]);
    return SL_OK;
}

/* Whole seconds, rounded towards minus infinity. */
static enum sl_code timestamp_to_integer(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int64_t max = INT64_MAX >> (64 - 8 * sl_type_width(run->to));
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t seconds = sl_floor_div(run->in->i64[row], SL_MICROS_PER_SECOND);
        switch (run->to->kind) {
        case SL_LONG_KIND:
            run->out->i64[row] = seconds;
            break;
        case SL_INT_KIND:
            run->out->i32[row] = (int32_t)seconds;
            break;
        case SL_SHORT_KIND:
            run->out->i16[row] = (int16_t)seconds;
            break;
        default:
            run->out->i8[row] = (int8_t)seconds;
        }
        /* Unlike numbers, Spark's legacy mode gives null here and does not wrap. */
        if (seconds > max || seconds < -max - 1) SL_TRY(sl_cast_overflow(run, row, err));
    }
    return SL_OK;
}

static enum sl_code timestamp_to_real(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        double seconds = (double)run->in->i64[row] / 1e6;
        if (run->to->kind == SL_FLOAT_KIND)
            run->out->f32[row] = (float)seconds;
        else
            run->out->f64[row] = seconds;
    }
    return SL_OK;
}

static enum sl_code timestamp_to_bool(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++)
        sl_bit_put(run->out->bits, row, run->in->i64[row] != 0);
    return SL_OK;
}

/* Seconds; saturates like TimeUnit.SECONDS.toMicros. */
static enum sl_code integer_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        const struct sl_vec *in = run->in;
        int64_t seconds = run->from->kind == SL_LONG_KIND    ? in->i64[row]
                          : run->from->kind == SL_INT_KIND   ? in->i32[row]
                          : run->from->kind == SL_SHORT_KIND ? in->i16[row]
                                                             : in->i8[row];
        int64_t micros;
        if (__builtin_mul_overflow(seconds, SL_MICROS_PER_SECOND, &micros))
            micros = seconds < 0 ? INT64_MIN : INT64_MAX;
        run->out->i64[row] = micros;
    }
    return SL_OK;
}

/* Legacy casts of true to timestamp are one microsecond, not one second. */
static enum sl_code bool_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++)
        run->out->i64[row] = sl_bit_get(run->in->bits, row);
    return SL_OK;
}

static enum sl_code real_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        double seconds =
            run->from->kind == SL_FLOAT_KIND ? (double)run->in->f32[row] : run->in->f64[row];
        double micros = seconds * 1e6;
        run->out->i64[row] = 0;
        if (!isfinite(seconds)) {
            SL_TRY(sl_cast_malformed(run, row, err));
        } else if (micros >= 0x1p63 || micros < -0x1p63) {
            run->out->i64[row] = micros < 0 ? INT64_MIN : INT64_MAX;
            if (run->mode != SL_CAST_LEGACY) SL_TRY(sl_cast_overflow(run, row, err));
        } else {
            run->out->i64[row] = (int64_t)micros;
        }
    }
    return SL_OK;
}

/* Spark's legacy casts that always give null: date to number or boolean. */
static enum sl_code to_null(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    SL_TRY(sl_call_own_valid(run->call, err));
    sl_bits_fill(run->out->valid, run->rows, false);
    if (run->to->kind != SL_BOOL_KIND)
        memset(run->out->data, 0, (size_t)run->rows * sl_type_width(run->to));
    return SL_OK;
}

/* An interval's last field decides what a number means: INTERVAL HOUR counts hours. */
static int64_t interval_unit(const struct sl_type *type) {
    static const int64_t day_units[] = {SL_MICROS_PER_DAY, SL_MICROS_PER_SECOND * 3600,
                                        SL_MICROS_PER_SECOND * 60, SL_MICROS_PER_SECOND};
    if (type->kind == SL_DAY_INTERVAL_KIND) return day_units[type->interval_to & 3];
    return type->interval_to == 0 ? 12 : 1;
}

static int64_t interval_at(const struct sl_vec *in, uint32_t row) {
    return in->type->kind == SL_DAY_INTERVAL_KIND ? in->i64[row] : in->i32[row];
}

static enum sl_code interval_to_integer(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int64_t max = INT64_MAX >> (64 - 8 * sl_type_width(run->to)), unit = interval_unit(run->from);
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t value = interval_at(run->in, row) / unit;
        if (run->to->kind == SL_LONG_KIND)
            run->out->i64[row] = value;
        else if (run->to->kind == SL_INT_KIND)
            run->out->i32[row] = (int32_t)value;
        else if (run->to->kind == SL_SHORT_KIND)
            run->out->i16[row] = (int16_t)value;
        else
            run->out->i8[row] = (int8_t)value;
        if (value > max || value < -max - 1) SL_TRY(sl_cast_interval_overflow(run, row, err));
    }
    return SL_OK;
}

static enum sl_code integer_to_interval(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int64_t unit = interval_unit(run->to);
    bool months = run->to->kind == SL_MONTH_INTERVAL_KIND;
    for (uint32_t row = 0; row < run->rows; row++) {
        const struct sl_vec *in = run->in;
        int64_t value = run->from->kind == SL_LONG_KIND    ? in->i64[row]
                        : run->from->kind == SL_INT_KIND   ? in->i32[row]
                        : run->from->kind == SL_SHORT_KIND ? in->i16[row]
                                                           : in->i8[row];
        bool over = __builtin_mul_overflow(value, unit, &value);
        over |= months && (value > INT32_MAX || value < INT32_MIN);
        if (months)
            run->out->i32[row] = over ? 0 : (int32_t)value;
        else
            run->out->i64[row] = over ? 0 : value;
        if (over) SL_TRY(sl_cast_interval_overflow(run, row, err));
    }
    return SL_OK;
}

/* To an interval type with fewer fields: what the missing ones held is cut off. */
static enum sl_code interval_to_interval(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int64_t unit = interval_unit(run->to);
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t value = interval_at(run->in, row);
        value -= value % unit;
        if (run->to->kind == SL_DAY_INTERVAL_KIND)
            run->out->i64[row] = value;
        else
            run->out->i32[row] = (int32_t)value;
    }
    return SL_OK;
}

static sl_cast_fn find_from_timestamp(const struct sl_type *to) {
    if (sl_type_is_integer(to)) return timestamp_to_integer;
    switch (to->kind) {
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        return timestamp_to_real;
    case SL_BOOL_KIND:
        return timestamp_to_bool;
    case SL_DATE_KIND:
        return timestamp_to_date;
    case SL_TIMESTAMP_NTZ_KIND:
        return timestamp_to_ntz;
    default:
        return NULL; /* DECIMAL: cast_decimal.c */
    }
}

static sl_cast_fn find_to_timestamp(const struct sl_type *from) {
    if (sl_type_is_integer(from)) return integer_to_timestamp;
    switch (from->kind) {
    case SL_BOOL_KIND:
        return bool_to_timestamp;
    case SL_FLOAT_KIND:
    case SL_DOUBLE_KIND:
        return real_to_timestamp;
    case SL_DATE_KIND:
        return date_to_local;
    case SL_TIMESTAMP_NTZ_KIND:
        return ntz_to_timestamp;
    default:
        return NULL;
    }
}

sl_cast_fn sl_cast_find_datetime(const struct sl_type *from, const struct sl_type *to) {
    if (sl_type_is_interval(from) && from->kind == to->kind) return interval_to_interval;
    if (sl_type_is_interval(from) && sl_type_is_integer(to)) return interval_to_integer;
    if (sl_type_is_integer(from) && sl_type_is_interval(to)) return integer_to_interval;
    if (from->kind == SL_TIMESTAMP_KIND) return find_from_timestamp(to);
    if (to->kind == SL_TIMESTAMP_KIND) return find_to_timestamp(from);
    if (from->kind == SL_DATE_KIND && to->kind == SL_TIMESTAMP_NTZ_KIND) return date_to_local;
    if (from->kind == SL_TIMESTAMP_NTZ_KIND && to->kind == SL_DATE_KIND) return timestamp_to_date;
    if (from->kind == SL_DATE_KIND && (sl_type_is_numeric(to) || to->kind == SL_BOOL_KIND))
        return to_null;
    return NULL;
}
