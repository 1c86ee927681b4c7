/* Numbers to timestamps and back, and what "now" is. */
#include <math.h>

#include "base/clock.h"
#include "kern/cast.h"
#include "kern/datetime_int.h"
#include "kern/number.h"
#include "kern/string_out.h"

static void long_overflow(struct sl_call *call, uint32_t row) {
    sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003",
                "long overflow. Use a smaller number of seconds, or try_cast it to a timestamp");
}

static enum sl_code scale_up(struct sl_call *call, int64_t unit, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        if (__builtin_mul_overflow(sl_arg_i64(call, 0, row), unit, &call->out->i64[row]))
            long_overflow(call, row);
    return SL_OK;
}

static enum sl_code scale_down(struct sl_call *call, int64_t unit, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++)
        call->out->i64[row] = sl_floor_div(sl_arg_i64(call, 0, row), unit);
    return SL_OK;
}

enum sl_code sl_kernel_timestamp_seconds(struct sl_call *call, struct sl_err *err) {
    return scale_up(call, 1000000, err);
}
enum sl_code sl_kernel_timestamp_millis(struct sl_call *call, struct sl_err *err) {
    return scale_up(call, 1000, err);
}
enum sl_code sl_kernel_timestamp_micros(struct sl_call *call, struct sl_err *err) {
    return scale_up(call, 1, err);
}
enum sl_code sl_kernel_unix_seconds(struct sl_call *call, struct sl_err *err) {
    return scale_down(call, 1000000, err);
}
enum sl_code sl_kernel_unix_millis(struct sl_call *call, struct sl_err *err) {
    return scale_down(call, 1000, err);
}
enum sl_code sl_kernel_unix_micros(struct sl_call *call, struct sl_err *err) {
    return scale_down(call, 1, err);
}

/* NaN and infinities give NULL. */
enum sl_code sl_kernel_timestamp_seconds_double(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    for (uint32_t row = 0; row < call->rows; row++) {
        double micros = in->f64[sl_vec_pos(in, row)] * 1e6;
        call->out->i64[row] = 0;
        if (!isfinite(micros))
            SL_TRY(sl_call_null(call, row, err));
        else if (micros >= 0x1p63 || micros < -0x1p63)
            call->out->i64[row] = micros < 0 ? INT64_MIN : INT64_MAX;
        else
            call->out->i64[row] = (int64_t)micros;
    }
    return SL_OK;
}

enum sl_code sl_kernel_timestamp_seconds_decimal(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    int scale = in->type->scale;
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t pos = sl_vec_pos(in, row);
        sl_int128 value = in->type->precision > 18 ? in->i128[pos] : in->i64[pos];
        call->out->i64[row] = 0;
        if (scale > 6) {
            if (value % sl_decimal_pow10(scale - 6) != 0) {
                sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003",
                            "Rounding necessary: a timestamp has 6 digits behind the point");
                continue;
            }
            value /= sl_decimal_pow10(scale - 6);
        } else if (__builtin_mul_overflow(value, sl_decimal_pow10(6 - scale), &value)) {
            long_overflow(call, row);
            continue;
        }
        if (value > INT64_MAX || value < INT64_MIN)
            long_overflow(call, row);
        else
            call->out->i64[row] = (int64_t)value;
    }
    return SL_OK;
}

/* DATE and INT are the same 32 bits. */
enum sl_code sl_kernel_unix_date(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) call->out->i32[row] = sl_arg_i32(call, 0, row);
    return SL_OK;
}

/* ---- now ---- */

static int64_t now_micros(const struct sl_call *call) {
    return call->session && call->session->batch_timestamp_us ? call->session->batch_timestamp_us
                                                              : sl_clock_wall_us();
}

static enum sl_code fill_i64(struct sl_call *call, int64_t value, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    for (uint32_t row = 0; row < call->rows; row++) call->out->i64[row] = value;
    return SL_OK;
}

enum sl_code sl_kernel_current_timestamp(struct sl_call *call, struct sl_err *err) {
    return fill_i64(call, now_micros(call), err);
}
enum sl_code sl_kernel_localtimestamp(struct sl_call *call, struct sl_err *err) {
    return fill_i64(call, sl_zone_to_local(sl_call_zone(call), now_micros(call)), err);
}
enum sl_code sl_kernel_unix_timestamp_now(struct sl_call *call, struct sl_err *err) {
    return fill_i64(call, sl_floor_div(now_micros(call), SL_MICROS_PER_SECOND), err);
}
enum sl_code sl_kernel_current_date(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    int64_t local = sl_zone_to_local(sl_call_zone(call), now_micros(call));
    int32_t today = (int32_t)sl_floor_div(local, SL_MICROS_PER_DAY);
    for (uint32_t row = 0; row < call->rows; row++) call->out->i32[row] = today;
    return SL_OK;
}
enum sl_code sl_kernel_current_timezone(struct sl_call *call, struct sl_err *err) {
    struct sl_string_out out;
    struct sl_str name = sl_zone_name(sl_call_zone(call));
    SL_TRY(sl_string_out_begin(&out, call->out, call->rows, call->rows * name.len, err));
    for (uint32_t row = 0; row < call->rows; row++) {
        SL_TRY(sl_string_out_put(&out, name.ptr, name.len, err));
        sl_string_out_end(&out, row);
    }
    return SL_OK;
}
