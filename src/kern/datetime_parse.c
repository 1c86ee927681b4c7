/* Functions with a java.time pattern: to_timestamp(s, p), to_date, unix_timestamp, date_format ...
 */
#include "kern/cast.h"
#include "kern/datetime_int.h"
#include "kern/datetime_pattern.h"
#include "kern/string_out.h"

static enum sl_code bind_pattern(struct sl_arena *query, const struct sl_bind_arg *args,
                                 uint32_t arg_count, bool for_parsing, const void **state,
                                 struct sl_err *err) {
    *state = NULL;
    if (arg_count < 2 || !args[1].constant || sl_vec_is_null(args[1].constant, 0)) return SL_OK;
    struct sl_pattern *pattern = SL_NEW(query, struct sl_pattern);
    *state = pattern;
    return sl_pattern_compile(query, sl_vec_str(args[1].constant, 0), for_parsing, pattern, err);
}

enum sl_code sl_bind_parse_pattern(struct sl_arena *query, const struct sl_session *session,
                                   const struct sl_bind_arg *args, uint32_t arg_count,
                                   const struct sl_type *result, const void **state,
                                   struct sl_err *err) {
    (void)session, (void)result;
    return bind_pattern(query, args, arg_count, true, state, err);
}

enum sl_code sl_bind_format_pattern(struct sl_arena *query, const struct sl_session *session,
                                    const struct sl_bind_arg *args, uint32_t arg_count,
                                    const struct sl_type *result, const void **state,
                                    struct sl_err *err) {
    (void)session, (void)result;
    return bind_pattern(query, args, arg_count, false, state, err);
}

static enum sl_code all_null(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    if (sl_type_is_bytes(call->out->type))
        memset(call->out->offsets, 0, ((size_t)call->rows + 1) * 4);
    for (uint32_t row = 0; row < call->rows; row++) SL_TRY(sl_call_null(call, row, err));
    return SL_OK;
}

enum parse_result { TO_MICROS, TO_DAYS, TO_SECONDS };

static enum sl_code fail_row(struct sl_call *call, uint32_t row, struct sl_str text,
                             const struct sl_pattern_failure *failure, bool try,
                             struct sl_err *err) {
    if (try || (call->session && !call->session->ansi)) return sl_call_null(call, row, err);
    sl_call_bad(call, row, "CANNOT_PARSE_TIMESTAMP", "22007",
                "Text '%.*s' could not be parsed%s. Use `try_to_timestamp` to tolerate invalid "
                "input string and return NULL instead.",
                SL_STR_ARG(text), failure->why);
    return SL_OK;
}

static enum sl_code parse_rows(struct sl_call *call, enum parse_result to, bool try,
                               struct sl_err *err) {
    const struct sl_pattern *pattern = call->state;
    if (!pattern) return all_null(call, err);
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        struct sl_pattern_failure failure;
        struct sl_str text = sl_arg_str(call, 0, row);
        int64_t micros = 0;
        if (!sl_pattern_parse(pattern, text, zone, &micros, &failure))
            SL_TRY(fail_row(call, row, text, &failure, try, err));
        if (to == TO_DAYS)
            call->out->i32[row] =
                (int32_t)sl_floor_div(sl_zone_to_local(zone, micros), SL_MICROS_PER_DAY);
        else
            call->out->i64[row] =
                to == TO_MICROS ? micros : sl_floor_div(micros, SL_MICROS_PER_SECOND);
    }
    return SL_OK;
}

enum sl_code sl_kernel_to_timestamp(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, TO_MICROS, false, err);
}
enum sl_code sl_kernel_try_to_timestamp(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, TO_MICROS, true, err);
}
enum sl_code sl_kernel_to_date(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, TO_DAYS, false, err);
}
enum sl_code sl_kernel_try_to_date(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, TO_DAYS, true, err);
}
enum sl_code sl_kernel_unix_timestamp(struct sl_call *call, struct sl_err *err) {
    return parse_rows(call, TO_SECONDS, false, err);
}

/* Of a date or timestamp: seconds; a pattern is ignored. */
enum sl_code sl_kernel_unix_timestamp_of(struct sl_call *call, struct sl_err *err) {
    SL_TRY(sl_vec_reserve(call->out, call->rows, err));
    const struct sl_vec *in = call->args[0];
    const struct sl_zone *zone = sl_call_zone(call);
    for (uint32_t row = 0; row < call->rows; row++) {
        uint32_t pos = sl_vec_pos(in, row);
        int64_t micros = in->type->kind == SL_TIMESTAMP_KIND
                             ? in->i64[pos]
                             : sl_zone_to_utc(zone, sl_local_micros(in, pos, zone));
        call->out->i64[row] = micros / SL_MICROS_PER_SECOND; /* towards 1970, as Spark */
    }
    return SL_OK;
}

static enum sl_code format_rows(struct sl_call *call, int64_t unit, struct sl_err *err) {
    const struct sl_pattern *pattern = call->state;
    if (!pattern) return all_null(call, err);
    struct sl_string_out out;
    struct sl_buf text = {0};
    const struct sl_vec *in = call->args[0];
    const struct sl_zone *zone =
        in->type->kind == SL_TIMESTAMP_NTZ_KIND ? NULL : sl_call_zone(call);
    enum sl_code code = sl_string_out_begin(&out, call->out, call->rows, call->rows * 20u, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        int64_t micros = in->i64[sl_vec_pos(in, row)];
        if (__builtin_mul_overflow(micros, unit, &micros)) {
            sl_call_bad(call, row, "ARITHMETIC_OVERFLOW", "22003",
                        "long overflow: the seconds are no timestamp.");
            micros = 0;
        }
        sl_buf_clear(&text);
        sl_pattern_format(pattern, micros, zone, &text);
        code = sl_string_out_put(&out, text.ptr, text.len, err);
        sl_string_out_end(&out, row);
    }
    sl_buf_release(&text);
    return code;
}

enum sl_code sl_kernel_date_format(struct sl_call *call, struct sl_err *err) {
    return format_rows(call, 1, err);
}
enum sl_code sl_kernel_from_unixtime(struct sl_call *call, struct sl_err *err) {
    return format_rows(call, SL_MICROS_PER_SECOND, err);
}
