/* Intervals with dates, timestamps and each other: the rows of "+", "-" and "negative". */
#include "kern/datetime_int.h"

static enum sl_code overflow(struct sl_call *call, uint32_t row) {
    sl_call_bad(call, row, "DATETIME_OVERFLOW", "22008",
                "Datetime operation overflow: add an interval to a date or timestamp.");
    return SL_OK;
}

/* Whole days of a day interval move the wall clock, the rest moves the instant
 * (DateTimeUtils.timestampAddDayTime). */
static bool add_day_time(int64_t micros, int64_t interval, const struct sl_zone *zone,
                         int64_t *out) {
    int64_t days = interval / SL_MICROS_PER_DAY, rest = interval % SL_MICROS_PER_DAY, local;
    if (days && !sl_zone_is_utc(zone)) {
        if (__builtin_add_overflow(sl_zone_to_local(zone, micros), days * SL_MICROS_PER_DAY,
                                   &local))
            return false;
        return !__builtin_add_overflow(sl_zone_to_utc(zone, local), rest, out);
    }
    return !__builtin_add_overflow(micros, interval, out);
}

static bool add_months(int64_t micros, int64_t months, const struct sl_zone *zone, int64_t *out) {
    int64_t local = sl_zone_to_local(zone, micros);
    int32_t days = (int32_t)sl_floor_div(local, SL_MICROS_PER_DAY);
    int64_t of_day = local - days * SL_MICROS_PER_DAY;
    if (!sl_days_add_months(days, months, &days)) return false;
    if (__builtin_mul_overflow((int64_t)days, SL_MICROS_PER_DAY, &local) ||
        __builtin_add_overflow(local, of_day, &local))
        return false;
    *out = sl_zone_to_utc(zone, local);
    return true;
}

/* TIMESTAMP, TIMESTAMP_NTZ or DATE at `at`, an interval at the other argument; the result is a
 * timestamp. */
static enum sl_code timestamp_plus(struct sl_call *call, uint32_t at, int sign,
                                   struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[at], *interval = call->args[1 - at];
    bool instant = in->type->kind == SL_TIMESTAMP_KIND;
    bool months = interval->type->kind == SL_MONTH_INTERVAL_KIND;
    const struct sl_zone *zone =
        in->type->kind == SL_TIMESTAMP_NTZ_KIND ? sl_zone_utc : sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t pos = sl_vec_pos(in, row), by = sl_vec_pos(interval, row);
        int64_t micros =
            instant ? in->i64[pos] : sl_zone_to_utc(zone, sl_local_micros(in, pos, zone));
        int64_t value = months ? interval->i32[by] : interval->i64[by];
        if (sign < 0 && value == INT64_MIN) value++; /* overflows either way */
        bool ok = months ? add_months(micros, sign * value, zone, &call->out->i64[row])
                         : add_day_time(micros, sign * value, zone, &call->out->i64[row]);
        if (!ok) call->out->i64[row] = 0, overflow(call, row);
    }
    return SL_OK;
}

/* DATE with INTERVAL DAY or with months stays a DATE. */
static enum sl_code date_plus(struct sl_call *call, uint32_t at, int sign, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[at], *interval = call->args[1 - at];
    bool months = interval->type->kind == SL_MONTH_INTERVAL_KIND;
    for (uint32_t row = 0; row < call->rows; row++) {
        int32_t days = in->i32[sl_vec_pos(in, row)];
        uint32_t by = sl_vec_pos(interval, row);
        bool ok;
        if (months) {
            ok = sl_days_add_months(days, sign * (int64_t)interval->i32[by], &days);
        } else {
            ok = !__builtin_add_overflow(
                days, sign * (int32_t)(interval->i64[by] / SL_MICROS_PER_DAY), &days);
        }
        call->out->i32[row] = days;
        if (!ok) overflow(call, row);
    }
    return SL_OK;
}

static enum sl_code dates_between(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t days = (int64_t)sl_arg_i32(call, 0, row) - sl_arg_i32(call, 1, row);
        if (__builtin_mul_overflow(days, SL_MICROS_PER_DAY, &call->out->i64[row]))
            call->out->i64[row] = 0, overflow(call, row);
    }
    return SL_OK;
}

/* The difference of the wall clocks (DateTimeUtils.subtractTimestamps). */
static enum sl_code timestamps_between(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *a = call->args[0], *b = call->args[1];
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        int64_t left = sl_local_micros(a, sl_vec_pos(a, row), zone);
        int64_t right = sl_local_micros(b, sl_vec_pos(b, row), zone);
        if (__builtin_sub_overflow(left, right, &call->out->i64[row]))
            call->out->i64[row] = 0, overflow(call, row);
    }
    return SL_OK;
}

/* The date or timestamp is the argument that is neither number nor interval. */
static enum sl_code shift(struct sl_call *call, int sign, struct sl_err *err) {
    uint32_t at =
        sl_type_is_interval(call->args[0]->type) || call->args[0]->type->kind == SL_INT_KIND;
    if (!sl_type_is_interval(call->args[1 - at]->type))
        return sign < 0 ? sl_kernel_date_sub(call, err)
               : at     ? sl_kernel_add_date(call, err)
                        : sl_kernel_date_add(call, err);
    if (call->out->type->kind == SL_DATE_KIND) return date_plus(call, at, sign, err);
    return timestamp_plus(call, at, sign, err);
}

enum sl_code sl_kernel_datetime_plus(struct sl_call *call, struct sl_err *err) {
    return shift(call, 1, err);
}

enum sl_code sl_kernel_datetime_minus(struct sl_call *call, struct sl_err *err) {
    if (call->out->type->kind != SL_DAY_INTERVAL_KIND) return shift(call, -1, err);
    return call->args[0]->type->kind == SL_DATE_KIND ? dates_between(call, err)
                                                     : timestamps_between(call, err);
}

/* Rows out of range become null. */
static enum sl_code forgive(struct sl_call *call, enum sl_code code, struct sl_err *err) {
    SL_TRY(code);
    for (uint32_t row = 0; call->bad_rows && row < call->rows; row++)
        if (sl_bit_get(call->bad_rows, row)) SL_TRY(sl_call_null(call, row, err));
    call->bad_rows = NULL;
    call->bad_count = 0;
    return SL_OK;
}

enum sl_code sl_kernel_try_datetime_plus(struct sl_call *call, struct sl_err *err) {
    return forgive(call, sl_kernel_datetime_plus(call, err), err);
}
enum sl_code sl_kernel_try_datetime_minus(struct sl_call *call, struct sl_err *err) {
    return forgive(call, sl_kernel_datetime_minus(call, err), err);
}
