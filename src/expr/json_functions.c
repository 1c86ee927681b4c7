/* to_json and get_json_object.  Source: jsonExpressions.scala, JacksonGenerator.scala. */
#include "expr/json_functions.h"

#include <stdio.h>

#include "base/civil.h"
#include "fmt/json/json_text.h"
#include "kern/cast.h"
#include "kern/datetime_pattern.h"
#include "kern/kernels.h"

/* ---- to_json ---- */

struct printer {
    struct sl_json_options options;
    const struct sl_zone *zone; /* of the timeZone option; NULL: the session's */
    const struct sl_pattern *timestamp, *timestamp_ntz, *date; /* NULL: Spark's default */
};

/* What the hooks get. */
struct printing {
    const struct printer *printer;
    const struct sl_zone *zone;
};

/* yyyy-MM-dd'T'HH:mm:ss.SSS, Spark's default of timestampFormat without its zone. */
static void put_local(struct sl_buf *out, int64_t micros) {
    int64_t days = micros / 86400000000, rest = micros % 86400000000;
    if (rest < 0) {
        rest += 86400000000;
        days--;
    }
    int32_t year, month, day;
    sl_civil_from_days((int32_t)days, &year, &month, &day);
    int64_t millis = rest / 1000;
    sl_buf_printf(out, "%s%04d-%02d-%02dT%02d:%02d:%02d.%03d", year > 9999 ? "+" : "", year, month,
                  day, (int)(millis / 3600000), (int)(millis / 60000 % 60),
                  (int)(millis / 1000 % 60), (int)(millis % 1000));
}

static void put_timestamp(const void *ctx, struct sl_buf *out, int64_t micros) {
    const struct printing *printing = ctx;
    const struct sl_zone *zone = printing->zone;
    if (printing->printer->timestamp) {
        sl_pattern_format(printing->printer->timestamp, micros, zone, out);
        return;
    }
    int32_t offset = sl_zone_offset_at(zone, micros);
    put_local(out, micros + (int64_t)offset * 1000000);
    if (offset == 0) {
        sl_buf_put_byte(out, 'Z');
        return;
    }
    int minutes = (offset < 0 ? -offset : offset) / 60;
    sl_buf_printf(out, "%c%02d:%02d", offset < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

static void put_timestamp_ntz(const void *ctx, struct sl_buf *out, int64_t micros) {
    const struct printing *printing = ctx;
    if (printing->printer->timestamp_ntz)
        sl_pattern_format(printing->printer->timestamp_ntz, micros, NULL, out);
    else
        put_local(out, micros);
}

static void put_date(const void *ctx, struct sl_buf *out, int32_t days) {
    const struct printing *printing = ctx;
    char text[24];
    if (printing->printer->date)
        sl_pattern_format(printing->printer->date, (int64_t)days * 86400000000, NULL, out);
    else
        sl_buf_put(out, text, sl_format_date(text, days));
}

static void put_f64(const void *ctx, struct sl_buf *out, double value) {
    (void)ctx;
    char text[32];
    sl_buf_put(out, text, sl_format_f64(text, value));
}

static void put_f32(const void *ctx, struct sl_buf *out, float value) {
    (void)ctx;
    char text[32];
    sl_buf_put(out, text, sl_format_f32(text, value));
}

static void put_decimal(const void *ctx, struct sl_buf *out, sl_int128 unscaled, int scale) {
    (void)ctx;
    char text[48];
    sl_buf_put(out, text, sl_format_decimal(text, unscaled, scale));
}

static enum sl_code read_options(struct sl_arena *query, const struct sl_vec *map,
                                 struct sl_json_options *options, struct sl_err *err) {
    const struct sl_vec *keys = &map->children[0], *values = &map->children[1];
    for (int32_t i = map->offsets[0]; i < map->offsets[1]; i++) {
        if (sl_vec_is_null(values, (uint32_t)i)) continue;
        SL_TRY(sl_json_options_set(options, sl_arena_str(query, sl_vec_str(keys, (uint32_t)i)),
                                   sl_arena_str(query, sl_vec_str(values, (uint32_t)i)), err));
    }
    return SL_OK;
}

static enum sl_code compile(struct sl_arena *query, struct sl_str text,
                            const struct sl_pattern **out, struct sl_err *err) {
    if (!text.len) return SL_OK;
    struct sl_pattern *pattern = SL_NEW(query, struct sl_pattern);
    *out = pattern;
    return sl_pattern_compile(query, text, false, pattern, err);
}

static enum sl_code bind_to_json(struct sl_arena *query, const struct sl_session *session,
                                 const struct sl_bind_arg *args, uint32_t arg_count,
                                 const struct sl_type *result, const void **state,
                                 struct sl_err *err) {
    (void)session, (void)result;
    if (!sl_type_is_nested(args[0].type))
        return sl_fail_at(err, (struct sl_span){0}, "DATATYPE_MISMATCH.INVALID_JSON_SCHEMA",
                          "42K09",
                          "Input schema \"%s\" must be a struct, an array, a map or a variant.",
                          sl_type_sql(query, args[0].type));
    struct printer *printer = SL_NEW(query, struct printer);
    sl_json_options_init(&printer->options);
    if (arg_count > 1 && args[1].constant && !sl_vec_is_null(args[1].constant, 0))
        SL_TRY(read_options(query, args[1].constant, &printer->options, err));
    SL_TRY(compile(query, printer->options.timestamp_format, &printer->timestamp, err));
    SL_TRY(compile(query, printer->options.timestamp_ntz_format, &printer->timestamp_ntz, err));
    SL_TRY(compile(query, printer->options.date_format, &printer->date, err));
    struct sl_str zone = printer->options.time_zone;
    if (zone.len) {
        printer->zone = sl_zone_find(zone);
        if (!printer->zone)
            return sl_fail_at(err, (struct sl_span){0}, "INVALID_TIMEZONE", "22009",
                              "The timezone: %.*s is invalid.", SL_STR_ARG(zone));
    }
    *state = printer;
    return SL_OK;
}

static enum sl_code kernel_to_json(struct sl_call *call, struct sl_err *err) {
    const struct printer *printer = call->state;
    const struct sl_zone *zone = printer->zone         ? printer->zone
                                 : call->session->zone ? call->session->zone
                                                       : sl_zone_utc;
    struct printing printing = {printer, zone};
    struct sl_json_print_hooks hooks = {&printing, put_timestamp, put_timestamp_ntz, put_date,
                                        put_f64,   put_f32,       put_decimal};
    struct sl_buf text = {0};
    enum sl_code code = sl_vec_reserve(call->out, call->rows, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        if (!sl_vec_is_null(call->args[0], row))
            code = sl_json_print(&text, call->args[0], sl_vec_pos(call->args[0], row),
                                 &printer->options, &hooks, err);
        if (code == SL_OK && text.len > INT32_MAX - 64)
            code = sl_fail(err, SL_DATA, "to_json made more than 2 GiB of text in one batch");
        if (code == SL_OK) call->out->offsets[row + 1] = (int32_t)text.len;
    }
    if (code == SL_OK) code = sl_vec_reserve_bytes(call->out, text.len, err);
    if (code == SL_OK && text.len) memcpy(call->out->bytes, text.ptr, text.len);
    sl_buf_release(&text);
    return code;
}

/* ---- get_json_object ---- */

/* state: the path when it is constant; a constant path that Spark rejects gives NULL rows. */
struct path_state {
    const struct sl_json_path *path;
};

static enum sl_code bind_path(struct sl_arena *query, const struct sl_session *session,
                              const struct sl_bind_arg *args, uint32_t arg_count,
                              const struct sl_type *result, const void **state,
                              struct sl_err *err) {
    (void)session, (void)result, (void)err, (void)arg_count;
    *state = NULL;
    if (!args[1].constant || sl_vec_is_null(args[1].constant, 0)) return SL_OK;
    struct path_state *known = SL_NEW(query, struct path_state);
    known->path = sl_json_path_parse(query, sl_arena_str(query, sl_vec_str(args[1].constant, 0)));
    *state = known;
    return SL_OK;
}

static enum sl_code kernel_get_json_object(struct sl_call *call, struct sl_err *err) {
    const struct path_state *known = call->state;
    struct sl_buf text = {0};
    enum sl_code code = sl_vec_reserve(call->out, call->rows, err);
    for (uint32_t row = 0; row < call->rows && code == SL_OK; row++) {
        bool live = !call->strict_valid || sl_bit_get(call->strict_valid, row);
        size_t begin = text.len;
        bool found = false;
        if (live) {
            const struct sl_json_path *path =
                known ? known->path
                      : sl_json_path_parse(call->scratch, sl_vec_str(call->args[1], row));
            found = path && sl_json_path_get(path, sl_vec_str(call->args[0], row), &text);
        }
        if (!found) {
            text.len = begin;
            code = sl_call_null(call, row, err);
        }
        if (code == SL_OK && text.len > INT32_MAX - 64)
            code = sl_fail(err, SL_DATA, "get_json_object made more than 2 GiB in one batch");
        if (code == SL_OK) call->out->offsets[row + 1] = (int32_t)text.len;
    }
    if (code == SL_OK) code = sl_vec_reserve_bytes(call->out, text.len, err);
    if (code == SL_OK && text.len) memcpy(call->out->bytes, text.ptr, text.len);
    sl_buf_release(&text);
    return code;
}

const struct sl_expr_function *sl_expr_function_find(const struct sl_function *function) {
    static const struct sl_expr_function functions[] = {
        {"to_json", kernel_to_json, bind_to_json},
        {"get_json_object", kernel_get_json_object, bind_path}};
    if (function->kernel != sl_kernel_of_expr) return NULL;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (strcmp(functions[i].name, function->name) == 0) return &functions[i];
    return NULL;
}
