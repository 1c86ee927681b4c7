/* Casts from string: one loop per target type around the parser of that type. */
#include "kern/cast_int.h"
#include "kern/zone.h"

/* Integers: ANSI and TRY take digits only, legacy also a fraction, which is dropped. */
static enum sl_code string_to_integer(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    bool fraction_ok = run->mode == SL_CAST_LEGACY;
    enum sl_kind kind = run->to->kind;
    int64_t max = INT64_MAX >> (64 - 8 * sl_type_width(run->to));
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t value = 0;
        bool ok = sl_number_parse_i64(sl_cast_str(run->in, row), fraction_ok, &value);
        ok = ok && value <= max && value >= -max - 1;
        if (kind == SL_LONG_KIND)
            run->out->i64[row] = value;
        else if (kind == SL_INT_KIND)
            run->out->i32[row] = (int32_t)value;
        else if (kind == SL_SHORT_KIND)
            run->out->i16[row] = (int16_t)value;
        else
            run->out->i8[row] = (int8_t)value;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_double(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        double value = 0;
        bool ok = sl_parse_f64(sl_cast_str(run->in, row), &value);
        run->out->f64[row] = value;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_float(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        float value = 0;
        bool ok = sl_number_parse_f32(sl_cast_str(run->in, row), &value);
        run->out->f32[row] = value;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_decimal(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    int precision = run->to->precision, scale = run->to->scale;
    for (uint32_t row = 0; row < run->rows; row++) {
        sl_int128 value = 0;
        struct sl_str text = sl_cast_str(run->in, row);
        enum sl_number_status status = sl_number_parse_decimal(text, precision, scale, &value);
        sl_cast_put_decimal(run->out, row, status == SL_NUMBER_OK ? value : 0);
        if (status == SL_NUMBER_MALFORMED) SL_TRY(sl_cast_malformed(run, row, err));
        if (status != SL_NUMBER_OVERFLOW) continue;
        if (sl_number_parse_decimal(text, 38, 0, &value) == SL_NUMBER_OVERFLOW)
            SL_TRY(sl_cast_too_long(run, row, err));
        else
            SL_TRY(sl_cast_out_of_decimal(run, row, err));
    }
    return SL_OK;
}

/* 1 true, 0 false, -1 neither: StringUtils.isTrueString and isFalseString. */
static int parse_bool(struct sl_str text) {
    text = sl_number_trim(text);
    static const char *const words[] = {"f", "t", "false", "true", "n", "y", "no", "yes", "0", "1"};
    if (text.len > 5) return -1;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (sl_str_eq_nocase(text, sl_str(words[i]))) return i & 1;
    return -1;
}

static enum sl_code string_to_bool(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        int value = parse_bool(sl_cast_str(run->in, row));
        sl_bit_put(run->out->bits, row, value == 1);
        if (value < 0) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_date(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        int32_t days = 0;
        bool ok = sl_parse_date(sl_cast_str(run->in, row), &days);
        run->out->i32[row] = days;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_timestamp(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    const struct sl_session *session = run->call->session;
    int64_t now = session && session->batch_timestamp_us ? session->batch_timestamp_us : INT64_MIN;
    bool utc = sl_zone_is_utc(run->zone);
    for (uint32_t row = 0; row < run->rows; row++) {
        struct sl_str text = sl_cast_str(run->in, row);
        int64_t micros = 0;
        bool zulu, ok = sl_datetime_parse_fast(text, &micros, &zulu);
        if (!ok)
            ok = sl_parse_timestamp_at(text, run->zone, now, &micros);
        else if (!zulu && !utc)
            micros = sl_zone_to_utc(run->zone, micros);
        run->out->i64[row] = micros;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_timestamp_ntz(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t micros = 0;
        bool ok = sl_parse_timestamp_ntz(sl_cast_str(run->in, row), &micros);
        run->out->i64[row] = micros;
        if (!ok) SL_TRY(sl_cast_malformed(run, row, err));
    }
    return SL_OK;
}

static enum sl_code string_to_interval(struct sl_cast_run *run, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(run->out, run->rows, err));
    for (uint32_t row = 0; row < run->rows; row++) {
        int64_t value = 0;
        bool ok = sl_interval_parse(sl_cast_str(run->in, row), run->to, &value);
        if (run->to->kind == SL_DAY_INTERVAL_KIND)
            run->out->i64[row] = value;
        else
            run->out->i32[row] = (int32_t)value;
        if (!ok) SL_TRY(sl_cast_interval_malformed(run, row, err));
    }
    return SL_OK;
}

sl_cast_fn sl_cast_find_string(const struct sl_type *from, const struct sl_type *to) {
    if (from->kind != SL_STRING_KIND) return NULL;
    switch (to->kind) {
    case SL_BOOL_KIND:
        return string_to_bool;
    case SL_BYTE_KIND:
    case SL_SHORT_KIND:
    case SL_INT_KIND:
    case SL_LONG_KIND:
        return string_to_integer;
    case SL_FLOAT_KIND:
        return string_to_float;
    case SL_DOUBLE_KIND:
        return string_to_double;
    case SL_DECIMAL_KIND:
        return string_to_decimal;
    case SL_DATE_KIND:
        return string_to_date;
    case SL_TIMESTAMP_KIND:
        return string_to_timestamp;
    case SL_TIMESTAMP_NTZ_KIND:
        return string_to_timestamp_ntz;
    case SL_DAY_INTERVAL_KIND:
    case SL_MONTH_INTERVAL_KIND:
        return string_to_interval;
    default:
        return NULL;
    }
}
