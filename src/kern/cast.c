/* CAST: picks the kernel for a pair of types and runs it over a column of any encoding; reports
 * rows that cannot be cast.  The kernels are in
 * cast_{number,decimal,string,text,datetime,nested}.c. */
#include "kern/cast.h"

#include "kern/cast_int.h"
#include "kern/zone.h"

/* ---- reports ---- */

static bool is_digit_end(struct sl_str text) {
    return text.len && (unsigned)(text.ptr[text.len - 1] - '0') <= 9;
}

/* Literal.sql of Spark: how error messages show a value. */
static void put_value(struct sl_buf *out, const struct sl_cast_run *run, uint32_t row) {
    const struct sl_type *type = run->from;
    struct sl_buf text = {0};
    struct sl_session session = {.zone = run->zone};
    sl_cast_put_text(&text, run->in, row, &session);
    struct sl_str str = sl_buf_str(&text);
    switch (type->kind) {
    case SL_STRING_KIND:
        sl_buf_put_byte(out, '\'');
        for (size_t i = 0; i < str.len; i++) {
            if (str.ptr[i] == '\'' || str.ptr[i] == '\\') sl_buf_put_byte(out, '\\');
            sl_buf_put_byte(out, (uint8_t)str.ptr[i]);
        }
        sl_buf_put_byte(out, '\'');
        break;
    case SL_TIMESTAMP_KIND:
        sl_buf_printf(out, "TIMESTAMP '%.*s'", SL_STR_ARG(str));
        break;
    case SL_DATE_KIND:
        sl_buf_printf(out, "DATE '%.*s'", SL_STR_ARG(str));
        break;
    default:
        sl_buf_put_str(out, str);
        const char *suffix = type->kind == SL_BYTE_KIND    ? "Y"
                             : type->kind == SL_SHORT_KIND ? "S"
                             : type->kind == SL_LONG_KIND  ? "L"
                             : type->kind == SL_DOUBLE_KIND && is_digit_end(str)
                                 ? "D" /* not NaN, Infinity */
                             : type->kind == SL_DECIMAL_KIND ? "BD"
                                                             : "";
        sl_buf_put_cstr(out, suffix);
    }
    sl_buf_release(&text);
}

static enum sl_code fail_row(struct sl_cast_run *run, uint32_t row, const char *condition,
                             const char *sqlstate, const char *reason, struct sl_err *err) {
    if (sl_cast_row_is_null(run, row)) return SL_OK;
    if (run->mode == SL_CAST_ANSI) {
        struct sl_buf value = {0};
        put_value(&value, run, row);
        sl_call_bad(run->call, row, condition, sqlstate,
                    "The value %s of the type \"%s\" cannot be cast to \"%s\" %s",
                    sl_buf_cstr(&value), sl_type_sql(run->call->scratch, run->from),
                    sl_type_sql(run->call->scratch, run->to), reason);
        sl_buf_release(&value);
    }
    return sl_call_null(run->call, row, err);
}

enum sl_code sl_cast_malformed(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    return fail_row(run, row, "CAST_INVALID_INPUT", "22018",
                    "because it is malformed. Correct the value as per the syntax, or change its "
                    "target type. Use `try_cast` to tolerate malformed input and return NULL "
                    "instead.",
                    err);
}

enum sl_code sl_cast_overflow(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    return fail_row(run, row, "CAST_OVERFLOW", "22003",
                    "due to an overflow. Use `try_cast` to tolerate overflow and return NULL "
                    "instead.",
                    err);
}

enum sl_code sl_cast_interval_overflow(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    enum sl_cast_mode mode = run->mode;
    if (mode == SL_CAST_LEGACY) run->mode = SL_CAST_ANSI;
    enum sl_code code = sl_cast_overflow(run, row, err);
    run->mode = mode;
    return code;
}

enum sl_code sl_cast_interval_malformed(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    if (sl_cast_row_is_null(run, row)) return SL_OK;
    struct sl_str text = sl_cast_str(run->in, row);
    if (text.len > 200) text.len = 200;
    if (run->mode != SL_CAST_TRY)
        sl_call_bad(run->call, row,
                    run->to->kind == SL_MONTH_INTERVAL_KIND
                        ? "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING"
                        : "INVALID_INTERVAL_FORMAT.UNMATCHED_FORMAT_STRING_WITH_NOTICE",
                    "22006",
                    "Error parsing '%.*s' to interval. Please ensure that the value provided is in "
                    "a valid format for defining an %s. Use `try_cast` to tolerate malformed input "
                    "and return NULL instead.",
                    SL_STR_ARG(text), sl_type_sql(run->call->scratch, run->to));
    return sl_call_null(run->call, row, err);
}

enum sl_code sl_cast_out_of_decimal(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    if (sl_cast_row_is_null(run, row)) return SL_OK;
    if (run->mode == SL_CAST_ANSI) {
        struct sl_buf value = {0};
        struct sl_session session = {.zone = run->zone};
        sl_cast_put_text(&value, run->in, row, &session);
        sl_call_bad(run->call, row, "NUMERIC_VALUE_OUT_OF_RANGE.WITH_SUGGESTION", "22003",
                    "%s cannot be represented as Decimal(%d, %d). If necessary set "
                    "\"spark.sql.ansi.enabled\" to \"false\" to bypass this error, and return NULL "
                    "instead.",
                    sl_buf_cstr(&value), run->to->precision, run->to->scale);
        sl_buf_release(&value);
    }
    return sl_call_null(run->call, row, err);
}

enum sl_code sl_cast_too_long(struct sl_cast_run *run, uint32_t row, struct sl_err *err) {
    if (sl_cast_row_is_null(run, row)) return SL_OK;
    if (run->mode == SL_CAST_ANSI) {
        struct sl_str value = sl_number_trim(sl_cast_str(run->in, row));
        sl_call_bad(run->call, row, "NUMERIC_OUT_OF_SUPPORTED_RANGE", "22003",
                    "The value %.*s cannot be interpreted as a numeric since it has more than 38 "
                    "digits.",
                    SL_STR_ARG(value));
    }
    return sl_call_null(run->call, row, err);
}

/* ---- dispatch ---- */

static sl_cast_fn find_kernel(const struct sl_type *from, const struct sl_type *to) {
    sl_cast_fn fn = sl_cast_find_nested(from, to);
    if (!fn) fn = sl_cast_find_text(from, to);
    if (!fn) fn = sl_cast_find_string(from, to);
    if (!fn) fn = sl_cast_find_datetime(from, to);
    if (!fn) fn = sl_cast_find_decimal(from, to);
    if (!fn) fn = sl_cast_find_number(from, to);
    return fn;
}

/* Same bytes, other label: string and binary share their layout. */
static bool is_relabel(const struct sl_type *from, const struct sl_type *to) {
    if (sl_type_is_bytes(from) && sl_type_is_bytes(to)) return true;
    if (from->kind == to->kind && sl_type_is_interval(from))
        return from->interval_to <= to->interval_to;
    return sl_type_equal(from, to);
}

static enum sl_code cast_column(struct sl_cast_run *run, struct sl_err *err) {
    if (is_relabel(run->from, run->to)) {
        const struct sl_type *to = run->out->type;
        sl_vec_borrow(run->out, run->in);
        run->out->type = to;
        return SL_OK;
    }
    sl_cast_fn fn = find_kernel(run->from, run->to);
    if (!fn)
        return sl_fail(err, SL_BUG, "no cast from %s to %s",
                       sl_type_sql(run->call->scratch, run->from),
                       sl_type_sql(run->call->scratch, run->to));
    run->out->valid = run->in->valid;
    return fn(run, err);
}

/* The first active row stands for the value of a constant. */
static void report_constant(struct sl_call *call, const struct sl_call *inner) {
    for (uint32_t row = 0; row < call->rows; row++) sl_call_bad_as(call, row, &inner->first_bad);
}

static enum sl_code cast_constant(struct sl_cast_run *run, struct sl_err *err) {
    struct sl_call inner = *run->call;
    struct sl_vec one = *run->in;
    one.enc = SL_ENC_FLAT;
    one.rows = 1;
    inner.rows = 1;
    inner.active = NULL;
    inner.strict_valid = NULL;
    inner.bad_rows = NULL;
    inner.bad_count = 0;
    inner.every_bad = false;
    struct sl_call *outer = run->call;
    run->call = &inner, run->in = &one, run->rows = 1;
    SL_TRY(cast_column(run, err));
    run->out->enc = SL_ENC_CONST;
    if (inner.bad_count) report_constant(outer, &inner);
    return SL_OK;
}

static enum sl_code cast_flattened(struct sl_cast_run *run, struct sl_err *err) {
    struct sl_vec flat = {.type = run->in->type};
    enum sl_code code = sl_vec_flatten(run->in, &flat, err);
    if (code == SL_OK) {
        run->in = &flat;
        code = cast_column(run, err);
    }
    /* What the kernel borrowed (validity) must outlive the flattened copy. */
    if (code == SL_OK && run->out->valid && run->out->valid == flat.valid) {
        run->out->valid = NULL;
        code = sl_vec_reserve_valid(run->out, run->rows, err);
        if (code == SL_OK) memcpy(run->out->valid, flat.valid, SL_BIT_WORDS(run->rows) * 8);
    }
    sl_vec_release(&flat);
    return code;
}

enum sl_code sl_cast(struct sl_call *call, enum sl_cast_mode mode, struct sl_err *err) {
    const struct sl_vec *in = call->args[0];
    struct sl_cast_run run = {
        .call = call,
        .in = in,
        .out = call->out,
        .from = in->type,
        .to = call->out->type,
        .rows = call->rows,
        .mode = mode,
        .zone = call->session && call->session->zone ? call->session->zone : sl_zone_utc,
    };
    if (is_relabel(run.from, run.to)) return cast_column(&run, err);
    if (in->enc == SL_ENC_CONST) return cast_constant(&run, err);
    bool view_ok = in->enc == SL_ENC_VIEW && sl_type_is_bytes(run.from);
    if (in->enc != SL_ENC_FLAT && !view_ok) return cast_flattened(&run, err);
    return cast_column(&run, err);
}
